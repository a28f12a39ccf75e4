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
    /// Agents may work in this folder; an empty text asks for one in the system's dialog.
    AddFolder(String),
    /// They may not any more.
    RemoveFolder(String),
    /// They may work anywhere, or only in the folders listed.
    AnyFolder(bool),
    /// The workspace whose tasks are taken.
    Workspace(String),
}
