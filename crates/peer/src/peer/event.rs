//! What happens, for those who watch: a log line, a progress display, a notification.

use super::history::ReceiptState;
use super::snapshot::Attention;
use crate::gateway::License;
use crate::webhook::LifecycleSession;
use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PeerEvent {
    /// The connection to OrgX changed.
    Connection {
        /// Can tasks come in?
        open: bool,
        /// In a sentence.
        words: String,
    },
    /// A task arrived.
    Arrived {
        /// Its run.
        run_id: String,
        /// Its title.
        title: String,
    },
    /// An agent has it.
    Started {
        /// Its run.
        run_id: String,
        /// The agent's session.
        session: String,
    },
    /// The agent did something.
    Step {
        /// Its run.
        run_id: String,
        /// As OrgX is told.
        summary: String,
    },
    /// A skill rule is broken.
    Deviation {
        /// Its run.
        run_id: String,
        /// The skill.
        skill_id: String,
        /// What kind of evidence there is, in the rule's words.
        #[serde(default)]
        evidence_kind: String,
        /// Where.
        evidence_ref: String,
        /// The file that was edited, as far as it is known.
        #[serde(default)]
        file: Option<String>,
    },
    /// Something waits for the person.
    Attention {
        /// What it is.
        attention: Attention,
    },
    /// It does not any more.
    Answered {
        /// Its id.
        id: String,
    },
    /// The run ended.
    Ended {
        /// Its run.
        run_id: String,
        /// Did it complete?
        completed: bool,
        /// Tokens used, when it completed.
        tokens_used: Option<u64>,
        /// Why it did not.
        reason: Option<String>,
    },
    /// A receipt's fate is known.
    Receipt {
        /// Its run.
        run_id: String,
        /// Never `waiting`.
        state: ReceiptState,
    },
    /// The license's state is known.
    License {
        /// What OrgX says.
        license: License,
    },
    /// Skill rules are in use.
    Rules {
        /// How many.
        count: usize,
        /// Those that are not, and why.
        ignored: Vec<String>,
    },
    /// What is known of the agent changed.
    Agent {
        /// In a sentence.
        words: String,
    },
    /// A session of an agent on this computer began: the lifecycle receiver was told.
    SessionStarted {
        /// The session.
        session: LifecycleSession,
    },
    /// Such a session ended.
    SessionEnded {
        /// The session.
        session: LifecycleSession,
    },
    /// Something a person should know.
    Warning {
        /// In a sentence.
        words: String,
    },
}
