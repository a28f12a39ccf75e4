//! How everything stands: what a window or `status` shows.

use super::history::{ReceiptState, RunState};
use crate::driver::Detected;
use crate::gateway::License;
use crate::outbox::{OutboxHealth, Tail};
use crate::webhook::LifecycleView;
use orgx_proto::agent::Question;
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
    /// The facts behind it.
    pub link: Link,
    /// What OrgX says of the license.
    pub license: License,
    /// The agent on this computer.
    pub agent: Detected,
    /// Claude Code, when it is on this computer.
    pub claude: Option<ClaudeCode>,
    /// Skill rules in use.
    pub rules: usize,
    /// Skill rules that are not, and why.
    pub ignored_rules: Vec<String>,
    /// Does it take tasks, or has the person paused it?
    pub pause: PauseState,
    /// What waits for the person, oldest first.
    pub attention: Vec<Attention>,
    /// Runs that have not ended, oldest first.
    pub runs: Vec<RunView>,
    /// Runs that may be under way at once.
    pub places: usize,
    /// Runs that have, newest first.
    pub recent: Vec<RecentRun>,
    /// What has been done since midnight.
    pub today: Today,
    /// Receipts that OrgX has, and those that it does not.
    pub receipts: ReceiptCounts,
    /// Frames that OrgX has not confirmed.
    pub unconfirmed: usize,
    /// What is wrong with the journal now.
    pub journal_trouble: Option<String>,
    /// The outbox; `None` when it is off.
    pub outbox: Option<OutboxView>,
    /// The lifecycle receiver, and the newest sessions that it was told of.
    pub lifecycle: LifecycleView,
    /// What of the configuration is in force.
    pub settings: SettingsView,
    /// What a person should know, newest last.
    pub warnings: Vec<String>,
}

/// The facts behind the connection. All times in ms since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    /// OrgX's host, with its port when that is not the usual one.
    pub host: String,
    /// Since when the socket is open, when it is.
    pub since: Option<i64>,
    /// When it is tried again, while it waits.
    pub retry_at: Option<i64>,
    /// Tries that failed since it was last open.
    pub tries: u32,
    /// When OrgX was last heard: a frame, a ping or a pong.
    pub heard_at: Option<i64>,
    /// The last round trip, in ms.
    pub round_trip_ms: Option<u64>,
}

/// Claude Code on this computer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaudeCode {
    /// Its version, once it has said it.
    pub version: Option<String>,
    /// Where it is.
    pub path: String,
    /// Are tasks taken for it?
    pub enabled: bool,
    /// Is it signed in, as far as one can tell?
    pub authenticated: bool,
    /// Does a subscription stand behind it, as far as one can tell?
    pub subscription_active: bool,
    /// How it is, in words; empty before the first look.
    pub words: String,
}

/// Something that waits for the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attention {
    /// Names it in [`super::Command::Answer`].
    pub id: String,
    /// The run that waits.
    pub run_id: String,
    /// The subagent that asks; `None`: the run's own agent, or the peer.
    pub by: Option<String>,
    /// The folder that the run works in, or would.
    pub folder: Option<String>,
    /// Can it be answered at OrgX, too?
    pub remote: bool,
    /// What is asked.
    pub what: Ask,
    /// Since when, in ms since the epoch.
    pub since: i64,
    /// When it is denied unanswered, in ms since the epoch.
    pub lapses_at: i64,
}

/// What is asked of the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ask {
    /// May a task work in this folder, which is not among the allowed ones?
    Folder {
        /// The folder.
        folder: String,
    },
    /// May a task work in this folder, where changes are not committed?
    Dirty {
        /// The folder.
        folder: String,
        /// The commit, cut short.
        commit: Option<String>,
        /// Files that differ from it.
        changes: u64,
    },
    /// May the agent do this?
    Permission {
        /// What kind of thing, in the agent's word: `bash`, `edit`, `webfetch`.
        permission: String,
        /// What exactly, in the agent's words: commands, files, addresses. Masked and cut.
        patterns: Vec<String>,
        /// The whole command line, for `bash`. Masked and cut.
        command: Option<String>,
        /// The file, for `edit`.
        file: Option<String>,
        /// Lines added, for `edit`.
        added: Option<u64>,
        /// Lines removed, for `edit`.
        removed: Option<u64>,
    },
    /// What does the person say to these?
    Questions {
        /// In their order.
        questions: Vec<Question>,
    },
    /// The run is at a limit, and waits: may it go on with as much again?
    Budget {
        /// Which limit.
        limit: BudgetLimit,
        /// Is it the day's limit, and not the run's?
        day: bool,
        /// The limit: tokens, US cents or minutes.
        most: u64,
        /// What is used: the same.
        used: u64,
    },
    /// Something that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetLimit {
    /// Tokens.
    #[default]
    Tokens,
    /// US cents.
    Cents,
    /// Minutes of work.
    Minutes,
}

/// Counts since midnight, local time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Today {
    /// Runs that completed.
    pub done: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Tokens used by those that completed.
    pub tokens: u64,
    /// What they cost by the agents' count, in US cents; `None` when no agent said.
    pub cost_cents: Option<u64>,
}

/// How many receipts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReceiptCounts {
    /// OrgX has them.
    pub delivered: u64,
    /// They are to be posted, or posted again.
    pub waiting: u64,
}

/// What of the configuration is in force: what a settings page shows.
#[expect(clippy::struct_excessive_bools, reason = "each is a toggle on that page")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsView {
    /// The workspace whose tasks are taken.
    pub workspace_id: String,
    /// Is presence told?
    pub presence: bool,
    /// Is the outbox written?
    pub outbox: bool,
    /// Are tasks taken for OpenCode?
    pub opencode: bool,
    /// Are tasks taken for Claude Code, when it is on this computer?
    pub claude: bool,
    /// What Claude Code may do without asking; `None`: what the person's own settings say.
    pub claude_permission_mode: Option<crate::config::PermissionMode>,
    /// May an OpenCode be started when a task needs one?
    pub start_opencode: bool,
    /// Runs at once.
    pub concurrent: usize,
    /// Runs at once in one folder.
    pub per_folder: usize,
    /// Where tasks may work; empty: anywhere.
    pub allowed_folders: Vec<String>,
    /// Does a task in another folder wait for the person, instead of failing?
    pub ask_for_folders: bool,
    /// Does a task wait for the person whose folder has uncommitted changes?
    pub ask_when_dirty: bool,
    /// Is the person asked before an agent runs a command?
    pub ask_before_commands: bool,
    /// Are agents' questions shown at OrgX, too?
    pub remote_attention: bool,
    /// Is the computer kept awake while a run is active?
    pub keep_awake: bool,
    /// Is the lifecycle receiver on?
    pub lifecycle: bool,
    /// Are titles of sessions kept, that it is told of?
    pub lifecycle_titles: bool,
    /// Is `opencode run` used when there is no server?
    pub opencode_cli: crate::config::CliUse,
    /// What a run may use.
    pub run_budget: crate::config::BudgetConfig,
    /// What all runs of a day may use.
    pub day_budget: crate::config::BudgetConfig,
    /// The environment variables that win over `config.toml`, so that a change there has no effect.
    pub fixed_by_environment: Vec<String>,
}

/// A run that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunView {
    /// Its id.
    pub run_id: String,
    /// Its title. In memory only: it is in no file of ours.
    pub title: Option<String>,
    /// Where it is.
    pub state: RunState,
    /// The driver that runs it.
    pub driver: Option<String>,
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
    /// When its agent was ready, in ms since the epoch.
    pub started_at: Option<i64>,
    /// Tokens used so far, as far as the agent has said.
    pub tokens_used: Option<u64>,
    /// What it has cost so far by the agent's count, in US cents.
    pub cost_cents: Option<u64>,
    /// The newest step.
    pub last_step: Option<StepView>,
}

/// Something that an agent did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepView {
    /// When, in ms since the epoch.
    pub at: i64,
    /// `file_edit`, `tool_call` or `chat`, as on the wire.
    pub kind: String,
    /// As OrgX is told.
    pub summary: String,
}

/// A broken skill rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviationView {
    /// When, in ms since the epoch.
    pub at: i64,
    /// The skill.
    pub skill_id: String,
    /// What kind of evidence there is, in the rule's words.
    pub evidence_kind: String,
    /// Where.
    pub evidence_ref: String,
    /// The file that was edited, as far as it is known.
    pub file: Option<String>,
}

/// A run that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecentRun {
    /// Its id.
    pub run_id: String,
    /// Its title, while this peer lives. In memory only: it is in no file of ours.
    pub title: Option<String>,
    /// Was it the person's own, which OrgX never hears of?
    pub local: bool,
    /// When it ended, in ms since the epoch.
    pub ended_at: i64,
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
    /// Its size, in bytes.
    pub bytes: u64,
    /// Lines since midnight, local time.
    pub today: u64,
    /// When the newest line was written, in ms since the epoch.
    pub last_at: Option<i64>,
    /// The newest line's kind.
    pub last_kind: Option<String>,
    /// Lines written since start.
    pub written: u64,
    /// Lines that could not be written.
    pub lost: u64,
    /// What is wrong now.
    pub trouble: Option<String>,
}

impl OutboxView {
    pub(super) fn new(path: &std::path::Path, health: OutboxHealth, tail: Tail) -> Self {
        let OutboxHealth { written, lost, trouble } = health;
        let Tail { bytes, today, last_at, last_kind, .. } = tail;
        Self { path: path.display().to_string(), bytes, today, last_at, last_kind, written, lost, trouble }
    }
}

impl RunView {
    /// Is it still to be started? One that waits for the person may be, or not.
    pub fn waits(&self) -> bool {
        match self.state {
            RunState::Queued => true,
            RunState::NeedsYou => self.started_at.is_none(),
            _ => false,
        }
    }
}

impl From<&Run> for RunView {
    fn from(run: &Run) -> Self {
        let live = run.live.as_ref();
        Self {
            run_id: run.dispatch.run_id.to_string(),
            state: match run.phase {
                // What it waits for is in the snapshot's `attention`.
                _ if run.needs_you() => RunState::NeedsYou,
                Phase::Queued { .. } | Phase::NeedsYou { .. } => RunState::Queued,
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
            driver: Some(run.dispatch.task.driver.to_string()),
            started_at: live.map(|live| live.started_at.0),
            ..Self::default()
        }
    }
}
