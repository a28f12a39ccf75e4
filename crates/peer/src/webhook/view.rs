//! How the receiver stands, for those who look on.

use orgx_proto::lifecycle::{Harness, Outcome, Phase};
use serde::{Deserialize, Serialize};

/// The lifecycle receiver, its sinks and the newest sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LifecycleView {
    /// Does it listen?
    pub state: LifecycleState,
    /// In a sentence, when there is more to say.
    pub words: Option<String>,
    /// Where it listens.
    pub url: Option<String>,
    /// Are posts taken that nobody signed?
    pub unsigned: bool,
    /// Are titles kept?
    pub titles: bool,
    /// Events taken since it started.
    pub accepted: u64,
    /// Posts that told nothing new.
    pub repeated: u64,
    /// Posts that were refused.
    pub refused: u64,
    /// The buffer file, when there is one.
    pub buffer: Option<BufferView>,
    /// The other receiver, when there is one.
    pub forward: Option<ForwardView>,
    /// The newest sessions, newest first.
    pub sessions: Vec<LifecycleSession>,
}

/// Does the receiver listen?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleState {
    /// It is switched off.
    #[default]
    Off,
    /// It is about to.
    Starting,
    /// It does.
    Listening,
    /// It cannot, and tries again.
    Failed,
}

/// The buffer file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BufferView {
    /// Where it is.
    pub path: String,
    /// Events written since start.
    pub written: u64,
    /// Why it is not written now.
    pub trouble: Option<String>,
}

/// Another receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ForwardView {
    /// Its scheme and host.
    pub to: String,
    /// Events that it took since start.
    pub delivered: u64,
    /// Events that it refused for good since start.
    pub given_up: u64,
    /// Why it waits.
    pub waits: Option<String>,
    /// Until when, in ms since the epoch.
    pub retry_at: Option<i64>,
}

/// One session of an agent on this computer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LifecycleSession {
    /// Its id.
    pub session_id: String,
    /// The agent's program.
    pub harness: Harness,
    /// Where it is.
    pub phase: Phase,
    /// How it went, when it is over.
    pub outcome: Option<Outcome>,
    /// Its folder.
    pub cwd: Option<String>,
    /// Its title, where titles are kept.
    pub title: Option<String>,
    /// The run of ours that has it.
    pub run_id: Option<String>,
    /// When it began, in ms since the epoch.
    pub started_at: Option<i64>,
    /// When it ended, in ms since the epoch.
    pub ended_at: Option<i64>,
    /// The exit status of its process, where one was told.
    pub exit_status: Option<i64>,
}
