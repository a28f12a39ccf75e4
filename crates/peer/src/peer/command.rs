//! What somebody wants of a running peer, and what they are told. The same in process and over the control socket.

use super::history::{RunDetail, RunRecord};
use crate::sessions::{OpenSession, Sessions};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tokio::sync::oneshot;

/// One thing to do, or to look up. Works with OrgX unreachable, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Start nothing more. The connection stays open; tasks that arrive wait. Lasts over a restart.
    Pause {
        /// Finish what OrgX has already given (running and waiting) first; without it, only what runs is finished.
        #[serde(default)]
        after_current_runs: bool,
    },
    /// Take tasks again.
    Resume,
    /// End a run: the agent is asked, waited for, then left behind.
    Cancel {
        /// Which; the start of its id will do, if no other one starts so.
        run_id: String,
        /// Is that the whole id? Then a run that only starts so is another one.
        #[serde(default)]
        exact: bool,
    },
    /// Run a task of the person's own, which OrgX never hears of.
    Task(LocalTask),
    /// The newest runs, newest first.
    Runs {
        /// At most so many.
        limit: usize,
    },
    /// One run.
    Run {
        /// Which; the start of its id will do, if no other one starts so.
        run_id: String,
    },
    /// The newest runs that have a receipt, newest first.
    Receipts {
        /// At most so many.
        limit: usize,
    },
    /// One run with its steps and deviations, as far as they are in memory.
    Detail {
        /// Which; the start of its id will do, if no other one starts so.
        run_id: String,
        /// Is that the whole id? Then a run that only starts so is another one.
        #[serde(default)]
        exact: bool,
    },
    /// Answer something that waits for the person ([`super::Attention`]).
    Answer {
        /// Its id. On the wire `ask`: there `id` is the request's own.
        #[serde(rename = "ask")]
        id: String,
        /// What the person says.
        answer: Answer,
    },
    /// The sessions of OpenCode on this computer, newest first.
    Sessions {
        /// Archived ones and those of subagents, too.
        #[serde(default)]
        all: bool,
        /// Only those of this folder.
        #[serde(default)]
        directory: Option<PathBuf>,
    },
    /// What the lifecycle receiver was told: events of sessions that began and ended, oldest first.
    Lifecycle {
        /// At most so many.
        limit: usize,
        /// The first after the event of this number; without it, the newest.
        #[serde(default)]
        after: Option<i64>,
    },
    /// How a person opens a run's session ([`Reply::Open`]).
    Open {
        /// Which; the start of its id will do, if no other one starts so.
        run_id: String,
        /// In the server that has it, while the agent works; otherwise by a program of its own.
        #[serde(default)]
        attach: bool,
    },
    /// Take back what a run that has ended changed in its folder, or, with `undone` false, do it again.
    Undo {
        /// Which; the start of its id will do, if no other one starts so.
        run_id: String,
        /// Is that the whole id? Then a run that only starts so is another one.
        #[serde(default)]
        exact: bool,
        /// Taken back, or done again?
        undone: bool,
    },
    /// Try to reach OrgX, and to deliver what waits, now.
    Reconnect,
    /// Read `config.toml` again, and use what can be used without a restart.
    Reload,
    /// End the peer, as SIGTERM does.
    Stop,
}

/// What the person says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This once; at a budget: go on, with as much again.
    Allow,
    /// This, and the same again while the run lasts. For a permission.
    AllowForRun,
    /// No; at a budget: stop. Questions stay unanswered.
    Deny {
        /// Why, for the agent to read.
        #[serde(default)]
        reason: Option<String>,
    },
    /// To questions.
    Answers {
        /// For each question its answers: labels, or words of the person's own.
        answers: Vec<Vec<String>>,
    },
}

/// A task of the person's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalTask {
    /// What to do.
    pub prompt: String,
    /// The folder to work in; the default folder when there is none.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// `provider/model`; the agent's own choice when there is none.
    #[serde(default)]
    pub model: Option<String>,
    /// `opencode` or `claude_code`; the first of them that takes tasks when there is none.
    #[serde(default)]
    pub driver: Option<String>,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// It is done, or under way.
    Done,
    /// The task has this run, and is waiting for its turn. Its events tell the rest.
    Task {
        /// The run.
        run_id: String,
    },
    /// OpenCode's sessions.
    Sessions(Box<Sessions>),
    /// Events of sessions.
    Lifecycle {
        /// Oldest first.
        events: Vec<LifecycleEvent>,
    },
    /// How a person opens a session.
    Open(OpenSession),
    /// One run, whole.
    Detail(Box<RunDetail>),
    /// `config.toml` was read again.
    Reloaded {
        /// What of it needs a restart of the peer, by its name there.
        restart: Vec<String>,
    },
    /// These runs.
    Runs {
        /// Newest first.
        runs: Vec<RunRecord>,
    },
}

/// An event of a session, and its number: the order in which events were taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LifecycleEvent {
    /// Its number.
    pub number: i64,
    /// The event, as sinks have it.
    pub event: orgx_proto::lifecycle::Event,
}

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum CommandError {
    /// No run has this id.
    #[error("there is no run {run_id} on this computer; `orgx-peer runs` lists them")]
    NoSuchRun {
        /// As it was given.
        run_id: String,
    },
    /// Several runs' ids start so.
    #[error("several runs start with {run_id}; give more of the id")]
    Ambiguous {
        /// As it was given.
        run_id: String,
    },
    /// The run has ended already.
    #[error("run {run_id} has ended already")]
    Ended {
        /// Its id.
        run_id: String,
    },
    /// It does not wait any more: it was answered, or its run has ended.
    #[error("it was answered already, or its run has ended")]
    NotWaiting,
    /// The lifecycle receiver is off, or cannot start.
    #[error("{why}")]
    NotReceiving {
        /// Why, and what would do.
        why: String,
    },
    /// What was asked for cannot be used.
    #[error("{why}")]
    Invalid {
        /// Why, and what would do.
        why: String,
    },
    /// The peer is stopping, or gone.
    #[error("the peer is stopping")]
    Gone,
    /// The journal could not be read or written.
    #[error("{why}")]
    Journal {
        /// Why.
        why: String,
    },
}

/// A command on its way to the one who carries it out.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) command: Command,
    pub(crate) answer: oneshot::Sender<Result<Reply, CommandError>>,
}
