//! The sessions of OpenCode on this computer: what they are, cost and do.
//!
//! Three places know of them, and none knows all: OpenCode's database (every session, what it cost, and whether its last
//! message was finished), the servers that run (what their own sessions do right now), and the list of processes (who
//! could be working on a message that is not finished). Promises: the database is only read, never copied, and nothing
//! is made beside it that was not there; a look takes a few seconds at most, whatever hangs; what one place cannot say
//! is said in [`Sessions::trouble`], and the others are shown.

mod database;
mod file;
mod live;
mod look;
mod open;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "processes are not looked at there yet"))]
mod processes;
mod runs;
mod state;
mod terminal;
mod turn;
mod work;

use crate::config::{ConfigError, Draft, Environment};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub(crate) use look::{Look, find_one, look};
pub use open::OpenSession;
pub use terminal::TerminalError;
pub(crate) use turn::Turn;

/// What OpenCode has on this computer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sessions {
    /// Newest activity first; a subagent's stands behind its parent's.
    pub sessions: Vec<Session>,
    /// Why some or all cannot be shown, in a sentence.
    pub trouble: Option<String>,
}

impl Sessions {
    /// What there is, without a peer that runs: `all` with archived ones and those of subagents, `directory` only those of
    /// that folder. Takes ten seconds at most.
    ///
    /// # Errors
    /// When there is no home folder, or `config.toml` cannot be used.
    pub async fn find(env: &Environment, all: bool, directory: Option<PathBuf>) -> Result<Self, ConfigError> {
        let draft = Draft::read(env)?;
        let (opencode, paths) = (draft.opencode?, draft.paths);
        let at = Look { env: env.clone(), opencode, paths, own: None, turn: Turn::default() };
        Ok(look(at, all, directory).await)
    }
}

/// One session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// OpenCode's id of it.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The folder it works in.
    pub directory: String,
    /// OpenCode's id of the project.
    pub project_id: String,
    /// The session whose subagent it is.
    pub parent_id: Option<String>,
    /// The subagent's name, or the agent's.
    pub agent: Option<String>,
    /// `provider/model`.
    pub model: Option<String>,
    /// US dollars, as OpenCode counts them.
    pub cost: f64,
    /// Tokens.
    pub tokens: SessionTokens,
    /// What it is doing.
    pub state: SessionState,
    /// Why it is blocked, in the model provider's words.
    pub why: Option<String>,
    /// When it was made, in ms since the epoch.
    pub created_at: i64,
    /// When something last happened in it, in ms since the epoch.
    pub updated_at: i64,
    /// The run of ours that it is.
    pub run_id: Option<String>,
    /// Was it archived?
    pub archived: bool,
    /// The process that works on it, when known.
    pub pid: Option<u32>,
    /// That process' terminal, when it has one.
    pub terminal: Option<String>,
    /// How a person goes on with it: a line for a shell. `None` when there is no `opencode` program.
    pub resume: Option<String>,
}

/// Tokens of a session, as OpenCode counts them: `input` and `output` leave cached ones out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionTokens {
    /// To the model.
    pub input: u64,
    /// From the model.
    pub output: u64,
    /// Thought by the model.
    pub reasoning: u64,
    /// Read from a cache.
    pub cache_read: u64,
    /// Written to a cache.
    pub cache_write: u64,
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// The agent works.
    Active,
    /// It asks the person something.
    WaitingInput,
    /// The model refuses, and is asked again.
    Blocked,
    /// It finished within the last five minutes.
    Ready,
    /// It finished before.
    #[default]
    Idle,
    /// It did not finish, and its process is gone.
    Exited,
}
