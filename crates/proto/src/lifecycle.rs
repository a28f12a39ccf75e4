//! Lifecycles of agents' sessions: a session began, a session ended, however it did. In the shape of OrgLoop's
//! connector, so that what reads its events reads ours.
//!
//! Promises:
//! - what is posted is taken whole or refused with the name of the field that is wrong;
//! - an end has one phase, one outcome and one reason, by a table;
//! - the same thing told twice is one event, until the session begins anew;
//! - every event that is made here passes [`check`].
//!
//! PROTOCOL: contract F; where we are stricter than the reference, `docs/lifecycle.md` says so.

mod check;
mod event;
mod exit;
mod known;
mod posted;
#[cfg(test)]
mod tests;

pub use check::{Unsound, check};
pub use event::{Event, Ids, Lifecycle, Payload, Provenance, SOURCE, SessionPart};
pub use exit::End;
pub use known::{Known, Teller, Verdict};
pub use posted::{Hook, Posted, Refused};

use crate::ids::SessionHandle;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use std::fmt;

/// The agent's program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Harness {
    /// OpenCode.
    #[default]
    #[serde(rename = "opencode")]
    OpenCode,
    /// Claude Code.
    #[serde(rename = "claude-code")]
    ClaudeCode,
}

impl Harness {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenCode => "opencode",
            Self::ClaudeCode => "claude-code",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::OpenCode, Self::ClaudeCode].into_iter().find(|harness| harness.as_str() == name)
    }
}

impl fmt::Display for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a session is. PROTOCOL: contract F4; nothing that comes in makes one `active`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It began.
    #[default]
    Started,
    /// It goes on.
    Active,
    /// It ended well.
    Completed,
    /// It ended badly.
    Failed,
    /// It was ended from outside, or is gone.
    Stopped,
}

impl Phase {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Is the session over?
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Well.
    Success,
    /// Badly.
    Failure,
    /// By somebody's will.
    Cancelled,
    /// Nobody knows.
    Unknown,
}

/// One session of one harness.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The agent's program.
    pub harness: Harness,
    /// Its name for the session.
    pub session: SessionHandle,
}

/// What happened to a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// Which.
    pub subject: Subject,
    /// When it began or ended, as far as the teller knows.
    pub at: Timestamp,
    /// Its end; `None`: it began.
    pub end: Option<End>,
    /// The folder that it works in.
    pub cwd: Option<String>,
    /// How long it took, as it was told.
    pub duration_seconds: Option<Number>,
    /// What it came to, as it was told: masked and cut.
    pub summary: String,
    /// Its model, as it was told.
    pub model: String,
}

impl Happened {
    /// A beginning or an end of which no more is known.
    pub fn new(subject: Subject, at: Timestamp, end: Option<End>) -> Self {
        let (summary, model) = Default::default();
        Self { subject, at, end, cwd: None, duration_seconds: None, summary, model }
    }

    /// Where the session is by this.
    pub fn phase(&self) -> Phase {
        self.end.as_ref().map_or(Phase::Started, End::phase)
    }
}
