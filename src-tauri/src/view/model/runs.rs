//! Runs, their pages and receipts, and the test task.

use serde::Serialize;

/// A test task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TestTask {
    /// Who runs it: `OpenCode 1.18.33, on a scripted model`, or the stand-in and why.
    pub agent: String,
    /// Its run, once it has begun.
    pub run: Option<RunPage>,
    /// Why it came to nothing.
    pub error: Option<String>,
    /// Is it over?
    pub over: bool,
}

/// Runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Runs {
    /// Those that have not ended, oldest first.
    pub now: Vec<Run>,
    /// Those that have, newest first.
    pub earlier: Vec<Run>,
    /// Runs that may be under way at once.
    pub places: u32,
    /// Is the list still being read?
    pub loading: bool,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Run {
    /// Its id.
    pub run_id: String,
    /// Its title; of a run before the last restart its folder's name, or its short id.
    pub title: String,
    /// `needs_you`, `queued`, `starting`, `running`, `cancelling`, `completed`, `failed`, `cancelled`.
    pub state: String,
    /// Is it the person's own, which OrgX never hears of?
    pub local: bool,
    /// Its folder, whole.
    pub folder: Option<String>,
    /// The driver, for people: `OpenCode`.
    pub driver: Option<String>,
    /// When its dispatch came.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub arrived_at: Option<i64>,
    /// When its agent was ready.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub started_at: Option<i64>,
    /// When it ended.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub ended_at: Option<i64>,
    /// Tokens.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub tokens: Option<u64>,
    /// US cents.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub cost_cents: Option<u64>,
    /// Steps.
    #[cfg_attr(test, ts(type = "number"))]
    pub steps: u64,
    /// Deviations.
    #[cfg_attr(test, ts(type = "number"))]
    pub deviations: u64,
    /// The newest step.
    pub last_step: Option<String>,
    /// Its place in the queue, from 1.
    pub place: Option<u32>,
    /// Why it did not complete.
    pub reason: Option<String>,
}

/// A run's page.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RunPage {
    /// The run.
    pub run: Run,
    /// Steps and deviations in order.
    pub line: Vec<Entry>,
    /// Earlier steps that are not in memory any more.
    #[cfg_attr(test, ts(type = "number"))]
    pub steps_before: u64,
    /// Its receipt.
    pub receipt: Option<Receipt>,
    /// What its folder looked like before it.
    pub before: Option<Before>,
    /// Were its changes taken back?
    pub undone: bool,
    /// Can its changes be taken back, or, when they were, done again?
    pub can_undo: bool,
    /// Can its session be opened in OpenCode?
    pub can_open: bool,
    /// Is it still being read?
    pub loading: bool,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// What a run's folder looked like before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Before {
    /// The commit, cut short.
    pub commit: String,
    /// Files that differed from it, when somebody looked.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub changes: Option<u64>,
}

/// An entry of a run's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// Something that the agent did.
    Step {
        /// When.
        #[cfg_attr(test, ts(type = "number"))]
        at: i64,
        /// `file_edit`, `tool_call` or `chat`.
        kind: String,
        /// As OrgX is told.
        summary: String,
    },
    /// A broken skill rule.
    Deviation {
        /// When.
        #[cfg_attr(test, ts(type = "number"))]
        at: i64,
        /// The skill.
        skill: String,
        /// What.
        what: String,
        /// Where.
        place: String,
        /// Is it muted?
        muted: bool,
    },
}

/// A receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Receipt {
    /// Its run.
    pub run_id: String,
    /// The run's title, as in [`Run`].
    pub title: String,
    /// `completed`, `failed` or `cancelled`.
    pub outcome: String,
    /// Tokens.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub tokens: Option<u64>,
    /// US cents.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub cost_cents: Option<u64>,
    /// When the run ended.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub ended_at: Option<i64>,
    /// `delivered`, `waiting`, `refused`, `not_taken` or `local`.
    pub state: String,
    /// Why it waits, or was refused.
    pub why: Option<String>,
    /// How often it was posted.
    pub tries: u32,
    /// When it is posted next.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub next_at: Option<i64>,
}
