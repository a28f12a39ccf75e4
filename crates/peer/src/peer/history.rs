//! A run as the journal remembers it: what `runs`, `receipts` and a window's history show.

use super::snapshot::{DeviationView, StepView};
use serde::{Deserialize, Serialize};

/// A run that is, or was. The journal's part of it holds no prompt, title or transcript.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// Its id.
    pub run_id: String,
    /// Where it is, or how it ended.
    pub state: RunState,
    /// Was it the person's own, which OrgX never hears of?
    pub local: bool,
    /// The driver that ran it.
    pub driver: Option<String>,
    /// Its folder.
    pub folder: Option<String>,
    /// The agent's session.
    pub session: Option<String>,
    /// When its dispatch came; all times in ms since the epoch.
    pub arrived_at: Option<i64>,
    /// When its agent was ready.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Steps.
    pub steps: u64,
    /// Deviations.
    pub deviations: u64,
    /// Tokens used, when it completed.
    pub tokens_used: Option<u64>,
    /// What it cost by the agent's count, in US cents, when it completed.
    pub cost_cents: Option<u64>,
    /// The commit of its folder before it, cut short; `None`: no repository, or nobody looked.
    pub commit_before: Option<String>,
    /// Files of its folder that differed from that commit.
    pub changes_before: Option<u64>,
    /// Were its changes taken back?
    pub undone: bool,
    /// Can its changes be taken back, or, when they were, done again? For a run that has ended, in OpenCode.
    pub can_undo: bool,
    /// Why it did not complete.
    pub reason: Option<String>,
    /// Has OrgX confirmed that it heard of the end?
    pub confirmed: bool,
    /// Its receipt, when it completed.
    pub receipt: Option<ReceiptView>,
    /// Its title, while this peer lives. In memory only: it is in no file of ours.
    pub title: Option<String>,
}

/// A run, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunDetail {
    /// What the journal has of it, or will have.
    pub run: RunRecord,
    /// Steps in order, the newest of them; in memory only.
    pub steps: Vec<StepView>,
    /// Earlier steps that are not in memory any more.
    pub steps_before: u64,
    /// Deviations in order; in memory only.
    pub deviations: Vec<DeviationView>,
    /// What OrgX is told of its end, as it goes over the wire: the receipt's body, or the terminal when it failed.
    /// Holds ids, counts and a reason; `None` while it runs.
    pub receipt: Option<serde_json::Value>,
}

/// A receipt's fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptView {
    /// Where it stands.
    pub state: ReceiptState,
    /// How often it was posted.
    pub tries: u32,
    /// When it is posted next, in ms since the epoch, while it waits.
    #[serde(default)]
    pub next_at: Option<i64>,
    /// Why it is not delivered, in a sentence.
    #[serde(default)]
    pub why: Option<String>,
}

/// Where a receipt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// It is to be posted, or posted again.
    Waiting,
    /// OrgX has it.
    Delivered,
    /// This OrgX takes no receipts.
    NotTaken,
    /// OrgX will not have it.
    Refused,
}

impl ReceiptState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::NotTaken => "not_taken",
            Self::Refused => "refused",
        }
    }
}

/// Where a run is, or how it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Waiting for its turn.
    #[default]
    Queued,
    /// Its agent makes a session.
    Starting,
    /// The agent works.
    Running,
    /// It waits for the person: before it starts, or its agent asks something.
    NeedsYou,
    /// The agent was asked to stop.
    Cancelling,
    /// It ended by itself.
    Completed,
    /// It did not.
    Failed,
}

impl RunState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::NeedsYou => "needs_you",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// Has it ended?
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}
