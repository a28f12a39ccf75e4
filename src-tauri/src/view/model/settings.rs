//! Settings, and a change of one.

use serde::{Deserialize, Serialize};

/// Settings. What is `None` has no effect here, and is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Settings {
    /// Start at login.
    pub autostart: Option<bool>,
    /// Notifications by kind.
    pub notifications: Option<Notifications>,
    /// Rules whose deviations notify nobody.
    pub muted_rules: Vec<String>,
    /// Start OpenCode when a task needs it.
    pub start_opencode: Option<bool>,
    /// The outbox.
    pub outbox: Option<bool>,
    /// Presence.
    pub presence: Option<bool>,
    /// Runs at once.
    pub concurrent: Option<u32>,
    /// Are agents' questions shown in OrgX, too?
    pub remote_attention: Option<bool>,
    /// Is the person asked before an agent runs a command?
    pub ask_before_commands: Option<bool>,
    /// Does a task wait for the person whose folder has uncommitted changes?
    pub ask_when_dirty: Option<bool>,
    /// Is the computer kept awake while a task runs?
    pub keep_awake: Option<bool>,
    /// What a task may use before the person is asked.
    pub run_budget: Option<Budget>,
    /// What all tasks of a day may use.
    pub day_budget: Option<Budget>,
    /// Where agents may work; empty: anywhere.
    pub folders: Vec<String>,
    /// The workspace's name, or its id.
    pub workspace: Option<String>,
    /// The key's last four characters.
    pub key_last4: Option<String>,
    /// Where the key is: `keychain`, `memory`, `file` or `environment`.
    pub key_place: Option<String>,
    /// The folder of the logs.
    pub logs: String,
    /// Settings that the environment fixes: shown, and not to be changed here. `workspace`, `base_url`,
    /// `start_opencode`.
    pub fixed: Vec<String>,
    /// What was wrong with what was entered last.
    pub error: Option<String>,
}

/// What may be used before the person is asked; `None`: as much as it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Budget {
    /// Tokens.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub tokens: Option<u64>,
    /// US cents.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub cents: Option<u64>,
    /// Minutes of work.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub minutes: Option<u64>,
}

/// Notifications by kind.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch on a page")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct Notifications {
    /// An agent needs the person.
    pub needs_you: bool,
    /// A skill rule is broken.
    pub deviations: bool,
    /// A run failed.
    pub run_failed: bool,
    /// Offline for ten minutes.
    pub offline: bool,
    /// The license was revoked.
    pub license: bool,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { needs_you: true, deviations: true, run_failed: true, offline: true, license: true }
    }
}

/// A change of one setting: the `set` command takes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "setting", content = "value", rename_all = "snake_case")]
pub enum Setting {
    /// Start at login.
    Autostart(bool),
    /// Notifications by kind.
    Notifications(Notifications),
    /// Deviations of this rule notify nobody.
    MuteRule(String),
    /// They do again.
    UnmuteRule(String),
    /// Start OpenCode when a task needs it.
    StartOpencode(bool),
    /// The outbox.
    Outbox(bool),
    /// Presence.
    Presence(bool),
    /// Runs at once.
    Concurrent(u32),
    /// Agents' questions are shown in OrgX, too.
    RemoteAttention(bool),
    /// The person is asked before an agent runs a command.
    AskBeforeCommands(bool),
    /// A task waits for the person whose folder has uncommitted changes.
    AskWhenDirty(bool),
    /// The computer is kept awake while a task runs.
    KeepAwake(bool),
    /// What a task may use.
    RunBudget(Budget),
    /// What all tasks of a day may use.
    DayBudget(Budget),
    /// Agents may work in this folder; an empty text asks for one in the system's dialog.
    AddFolder(String),
    /// They may not any more.
    RemoveFolder(String),
    /// They may work anywhere, or only in the folders listed.
    AnyFolder(bool),
    /// The workspace whose tasks are taken.
    Workspace(String),
}
