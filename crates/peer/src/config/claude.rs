//! How Claude Code is run.

use super::{ConfigError, Environment, environment, file, places};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// How Claude Code is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaudeConfig {
    /// Are tasks taken for it?
    pub enabled: bool,
    /// The `claude` program; found on PATH unless given. Without one no tasks are taken for it.
    pub program: Option<PathBuf>,
    /// What it may do without asking; `None`: what the person's own settings say.
    pub permission_mode: Option<PermissionMode>,
    /// A plugin that each of its runs has.
    pub plugin_dir: Option<PathBuf>,
    /// Variables for it, over the inherited ones.
    pub environment: Vec<(String, String)>,
}

impl ClaudeConfig {
    /// Can tasks be given to it?
    pub fn is_offered(&self) -> bool {
        self.enabled && self.program.is_some()
    }

    pub(super) fn of(env: &Environment, file: file::Claude) -> Result<Self, ConfigError> {
        let plugin_dir = file.plugin_dir;
        if plugin_dir.as_ref().is_some_and(|dir| !dir.is_absolute()) {
            let why = "it must be a whole path, from the root on".to_owned();
            return Err(ConfigError::Invalid { name: "claude.plugin_dir".into(), why });
        }
        Ok(Self {
            enabled: file.enabled.unwrap_or(true),
            program: file.program.or_else(|| find(env)),
            permission_mode: file.permission_mode,
            plugin_dir,
            environment: Vec::new(),
        })
    }
}

/// What Claude Code may do without asking. PROTOCOL: `claude --help` of 2.1.328; where nobody can be asked, what would be
/// asked for is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PermissionMode {
    /// Only what its rules allow.
    Manual,
    /// Files in its folder may be changed, too.
    AcceptEdits,
    /// What its own judgement of risk lets through.
    Auto,
    /// What its rules do not allow is denied.
    DontAsk,
    /// It reads and plans, and changes nothing.
    Plan,
    /// Everything.
    BypassPermissions,
}

impl fmt::Display for PermissionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manual => "manual",
            Self::AcceptEdits => "acceptEdits",
            Self::Auto => "auto",
            Self::DontAsk => "dontAsk",
            Self::Plan => "plan",
            Self::BypassPermissions => "bypassPermissions",
        })
    }
}

/// The `claude` program on PATH, or where its installers put it.
fn find(env: &Environment) -> Option<PathBuf> {
    environment::find_program(env, "claude")
        .or_else(|| environment::find_in_home(env, "claude", &[".local/bin", ".claude/local"]))
        .or_else(|| environment::find_in(&places::of_opencode(env), "claude"))
}
