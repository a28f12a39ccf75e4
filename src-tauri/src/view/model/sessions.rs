//! The sessions of OpenCode on this computer.

use serde::Serialize;

/// The sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Sessions {
    /// Newest activity first; a subagent's stands behind its parent's.
    pub list: Vec<Session>,
    /// How many there are: the list may hold fewer.
    pub count: u32,
    /// Tokens of all of them.
    #[cfg_attr(test, ts(type = "number"))]
    pub tokens: u64,
    /// US cents of all of them; `None` when OpenCode counted none.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub cost_cents: Option<u64>,
    /// Are they still being read?
    pub loading: bool,
    /// Of when the list is, when it could not be read again.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub as_of: Option<i64>,
    /// Why some or all cannot be shown, in a sentence.
    pub trouble: Option<String>,
}

/// One session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Session {
    /// OpenCode's id of it.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `active`, `waiting_input`, `blocked`, `ready`, `idle` or `exited`.
    pub state: String,
    /// The folder it works in, whole.
    pub folder: String,
    /// Is it a subagent's, whose parent stands before it?
    pub child: bool,
    /// The subagent's name, of a child.
    pub agent: Option<String>,
    /// The model, without its provider.
    pub model: Option<String>,
    /// Why it is blocked.
    pub why: Option<String>,
    /// Tokens.
    #[cfg_attr(test, ts(type = "number"))]
    pub tokens: u64,
    /// US cents; `None` when OpenCode counted none.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub cost_cents: Option<u64>,
    /// When something last happened in it.
    #[cfg_attr(test, ts(type = "number"))]
    pub updated_at: i64,
    /// The run of ours that it is.
    pub run_id: Option<String>,
    /// What Resume copies, as it is shown; `None` where it cannot be opened.
    pub command: Option<String>,
}
