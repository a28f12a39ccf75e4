//! How everything stands: what a window or `status` shows.

use super::history::{ReceiptState, RunState};
use crate::driver::Detected;
use crate::gateway::License;
use crate::outbox::OutboxHealth;
use orgx_proto::dispatch::PauseState;
use orgx_proto::health::Health;
use orgx_proto::run::{Phase, Run};
use serde::{Deserialize, Serialize};

/// How everything stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeerSnapshot {
    /// All of it in one sentence, and what to do.
    pub health: Health,
    /// Can tasks come in?
    pub connected: bool,
    /// The connection, in a sentence.
    pub connection: String,
    /// What OrgX says of the license.
    pub license: License,
    /// The agent on this computer.
    pub agent: Detected,
    /// Skill rules in use.
    pub rules: usize,
    /// Skill rules that are not, and why.
    pub ignored_rules: Vec<String>,
    /// Does it take tasks, or has the person paused it?
    pub pause: PauseState,
    /// Runs that have not ended, oldest first.
    pub runs: Vec<RunView>,
    /// Runs that have, newest first.
    pub recent: Vec<RecentRun>,
    /// Frames that OrgX has not confirmed.
    pub unconfirmed: usize,
    /// What is wrong with the journal now.
    pub journal_trouble: Option<String>,
    /// The outbox; `None` when it is off.
    pub outbox: Option<OutboxView>,
    /// What a person should know, newest last.
    pub warnings: Vec<String>,
}

/// A run that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunView {
    /// Its id.
    pub run_id: String,
    /// Where it is.
    pub state: RunState,
    /// Is it the person's own, which OrgX never hears of?
    pub local: bool,
    /// Its folder.
    pub folder: Option<String>,
    /// The agent's session.
    pub session: Option<String>,
    /// Steps so far.
    pub steps: u64,
    /// Deviations so far.
    pub deviations: u64,
    /// When its dispatch came, in ms since the epoch.
    pub arrived_at: i64,
}

/// A run that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecentRun {
    /// Its id.
    pub run_id: String,
    /// Was it the person's own, which OrgX never hears of?
    pub local: bool,
    /// Did it complete?
    pub completed: bool,
    /// Tokens used, when it completed.
    pub tokens_used: Option<u64>,
    /// Why it did not.
    pub reason: Option<String>,
    /// Steps.
    pub steps: u64,
    /// Deviations.
    pub deviations: u64,
    /// Where its receipt stands; none for a run that failed.
    pub receipt: Option<ReceiptState>,
}

/// The outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutboxView {
    /// Where it is.
    pub path: String,
    /// Lines written since start.
    pub written: u64,
    /// Lines that could not be written.
    pub lost: u64,
    /// What is wrong now.
    pub trouble: Option<String>,
}

impl OutboxView {
    pub(super) fn new(path: &std::path::Path, health: OutboxHealth) -> Self {
        let OutboxHealth { written, lost, trouble } = health;
        Self { path: path.display().to_string(), written, lost, trouble }
    }
}

impl From<&Run> for RunView {
    fn from(run: &Run) -> Self {
        let live = run.live.as_ref();
        Self {
            run_id: run.dispatch.run_id.to_string(),
            state: match run.phase {
                Phase::Queued { .. } => RunState::Queued,
                Phase::Starting { .. } => RunState::Starting,
                Phase::Running { .. } => RunState::Running,
                Phase::Cancelling { .. } => RunState::Cancelling,
            },
            local: run.dispatch.local,
            folder: run.folder.clone(),
            session: live.map(|live| live.subject.session.to_string()),
            steps: live.map_or(0, |live| live.steps),
            deviations: live.map_or(0, |live| live.deviations),
            arrived_at: run.arrived.wall.0,
        }
    }
}
