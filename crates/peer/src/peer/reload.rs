//! `config.toml` is read again, and what can be used without a restart is.
//!
//! Promises: a file that cannot be used changes nothing. What is compared is the file as it was read last with the
//! file as it is now: what a program set beside it stays.

use super::actor::Actor;
use super::budget::budgets;
use super::command::{CommandError, Reply};
use super::snapshot::SettingsView;
use crate::config::{
    BudgetConfig, ClaudeConfig, Config, ConfigError, Draft, Environment, LifecycleConfig, OpenCodeConfig,
    RunsConfig,
};
use crate::limits;
use crate::outbox::Outbox;
use orgx_proto::dispatch::Limits;
use std::path::PathBuf;
use tokio::time::timeout;
use url::Url;

/// Variables that win over the file.
const OVER_THE_FILE: &[&str] = &[
    "ORGX_WORKSPACE_ID",
    "ORGX_BASE_URL",
    "ORGX_WIZARD_HOOK_OUTBOX",
    "OPENCODE_SERVER_URL",
    "ORGX_PEER_WEBHOOK_PORT",
    "ORGX_PEER_BUFFER_DIR",
];

/// The settings, as environment and file say them.
#[derive(Clone, Debug)]
pub(super) struct AsRead {
    workspace_id: Option<String>,
    base_url: Url,
    plugin_id: String,
    presence: bool,
    runs: RunsConfig,
    opencode: OpenCodeConfig,
    claude: ClaudeConfig,
    outbox: Option<PathBuf>,
    run_budget: BudgetConfig,
    day_budget: BudgetConfig,
    remote_attention: bool,
    keep_awake: bool,
    lifecycle: LifecycleConfig,
    warnings: Vec<String>,
}

impl AsRead {
    /// As they are now. May take as long as the disk does.
    pub(super) fn read(env: &Environment) -> Result<Self, ConfigError> {
        let draft = Draft::read(env)?;
        Ok(Self {
            workspace_id: match draft.workspace_id {
                Ok(id) => Some(id),
                // Whoever started this peer knew it from elsewhere.
                Err(ConfigError::Missing { .. }) => None,
                Err(error) => return Err(error),
            },
            base_url: draft.base_url?,
            plugin_id: draft.plugin_id,
            presence: draft.presence,
            runs: draft.runs?,
            opencode: draft.opencode?,
            claude: draft.claude?,
            outbox: draft.outbox?,
            run_budget: draft.run_budget,
            day_budget: draft.day_budget,
            remote_attention: draft.remote_attention,
            keep_awake: draft.keep_awake,
            lifecycle: draft.lifecycle?,
            warnings: draft.warnings,
        })
    }

    /// What of the file waits for a restart, by its name there; `self` is what is in force.
    fn restart(&self, new: &Self) -> Vec<String> {
        let ours = (&self.opencode.server_url, self.opencode.use_running);
        let theirs = (&new.opencode.server_url, new.opencode.use_running);
        [
            ("orgx.workspace_id", self.workspace_id != new.workspace_id),
            ("orgx.base_url", self.base_url != new.base_url),
            ("orgx.plugin_id", self.plugin_id != new.plugin_id),
            ("opencode.server_url", ours.0 != theirs.0),
            ("opencode.use_running", ours.1 != theirs.1),
        ]
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(name, _)| name.to_owned())
        .collect()
    }
}

impl Actor {
    pub(super) async fn reload(&mut self) -> Result<Reply, CommandError> {
        let invalid = |why: String| CommandError::Invalid { why };
        let env = self.config.source.clone();
        let read = tokio::task::spawn_blocking(move || AsRead::read(&env));
        // A disk that hangs holds nobody up for long.
        let read = timeout(limits::LOOK_UP, read).await.ok().and_then(Result::ok);
        let new = read.ok_or_else(|| invalid("config.toml cannot be read; is the disk well?".into()))?;
        let new = new.map_err(|error| invalid(error.to_string()))?;
        let Some(old) = self.as_read.clone() else {
            let why = "config.toml could not be used when this peer started; restart it".to_owned();
            return Err(invalid(why));
        };
        // The one thing that may fail comes first.
        if old.outbox != new.outbox {
            let outbox = new.outbox.clone().map(Outbox::open).transpose();
            self.outbox =
                outbox.map_err(|error| invalid(format!("the outbox could not be opened: {error}")))?;
            self.config.outbox.clone_from(&new.outbox);
            self.outbox_trouble = None;
        }
        tracing::info!("config.toml was read again");
        let (old_claude, new_claude) = (old.claude.clone(), new.claude.clone());
        self.set_presence(&old, &new);
        self.set_budgets(&old, &new).await;
        self.set_opencode(&old, &new);
        self.set_runs(&old, &new).await;
        self.set_remote_attention(&old, &new);
        self.set_lifecycle(&old, &new).await;
        for warning in new.warnings.iter().filter(|warning| !old.warnings.contains(warning)) {
            self.warn(warning.clone());
        }
        let restart = old.restart(&new);
        // What waits for a restart is named until there is one.
        self.as_read = Some(AsRead {
            workspace_id: old.workspace_id,
            base_url: old.base_url,
            plugin_id: old.plugin_id,
            opencode: OpenCodeConfig {
                server_url: old.opencode.server_url,
                use_running: old.opencode.use_running,
                ..new.opencode
            },
            ..new
        });
        self.set_claude(&old_claude, &new_claude);
        self.offer_again();
        self.look_for_claude();
        self.touch();
        Ok(Reply::Reloaded { restart })
    }

    fn set_presence(&mut self, old: &AsRead, new: &AsRead) {
        if old.presence != new.presence {
            self.config.presence = new.presence;
            self.due.presence = new.presence.then(|| self.clock.now().mono);
        }
    }

    async fn set_budgets(&mut self, old: &AsRead, new: &AsRead) {
        if old.run_budget != new.run_budget {
            self.config.run_budget = new.run_budget;
        }
        if old.day_budget != new.day_budget {
            self.config.day_budget = new.day_budget;
        }
        if old.keep_awake != new.keep_awake {
            self.config.keep_awake = new.keep_awake;
        }
        let effects = self.dispatcher.set_budgets(budgets(&self.config), self.clock.now());
        self.carry_out(effects).await;
    }

    fn set_remote_attention(&mut self, old: &AsRead, new: &AsRead) {
        if old.remote_attention != new.remote_attention {
            self.switch_remote(new.remote_attention);
        }
    }

    /// The receiver begins anew: it takes no longer than a moment, and loses nothing that was answered.
    async fn set_lifecycle(&mut self, old: &AsRead, new: &AsRead) {
        if old.lifecycle != new.lifecycle {
            self.config.lifecycle.clone_from(&new.lifecycle);
            if let Some(webhook) = self.webhook.take() {
                webhook.stop().await;
            }
            self.receive();
        }
    }

    fn set_opencode(&mut self, old: &AsRead, new: &AsRead) {
        let ours = &mut self.config.opencode;
        if old.opencode.enabled != new.opencode.enabled {
            ours.enabled = new.opencode.enabled;
        }
        if old.opencode.program != new.opencode.program {
            ours.program.clone_from(&new.opencode.program);
        }
        if old.opencode.start_when_needed != new.opencode.start_when_needed {
            ours.start_when_needed = new.opencode.start_when_needed;
        }
        if old.opencode.cli != new.opencode.cli {
            ours.cli = new.opencode.cli;
        }
        self.driver.set_program(&self.config.opencode);
        self.look_at_agents();
    }

    fn set_claude(&mut self, old: &ClaudeConfig, new: &ClaudeConfig) {
        let ours = &mut self.config.claude;
        if old.enabled != new.enabled {
            ours.enabled = new.enabled;
        }
        if old.program != new.program {
            ours.program.clone_from(&new.program);
        }
        if old.permission_mode != new.permission_mode {
            ours.permission_mode = new.permission_mode;
        }
        if old.plugin_dir != new.plugin_dir {
            ours.plugin_dir.clone_from(&new.plugin_dir);
        }
        self.claude_driver.set_config(&self.config.claude);
    }

    /// What waits is looked at anew: it may be allowed now, or not any more.
    async fn set_runs(&mut self, old: &AsRead, new: &AsRead) {
        let (old, new, ours) = (&old.runs, &new.runs, &mut self.config.runs);
        if old.concurrent != new.concurrent {
            ours.concurrent = new.concurrent;
        }
        if old.per_folder != new.per_folder {
            ours.per_folder = new.per_folder;
        }
        let before = ours.clone();
        if old.default_folder != new.default_folder {
            ours.default_folder.clone_from(&new.default_folder);
        }
        if old.allowed_folders != new.allowed_folders {
            ours.allowed_folders.clone_from(&new.allowed_folders);
        }
        if old.ask_for_folders != new.ask_for_folders {
            ours.ask_for_folders = new.ask_for_folders;
        }
        if old.ask_when_dirty != new.ask_when_dirty {
            ours.ask_when_dirty = new.ask_when_dirty;
        }
        if old.ask_before_commands != new.ask_before_commands {
            ours.ask_before_commands = new.ask_before_commands;
        }
        if old.projects != new.projects {
            ours.projects.clone_from(&new.projects);
        }
        let limits = Limits { concurrent: ours.concurrent, per_folder: ours.per_folder };
        let look_again = *ours != before;
        self.dispatcher.set_ask_when_dirty(self.config.runs.ask_when_dirty);
        // Before anything starts by what was allowed until now.
        let mut effects = if look_again { self.dispatcher.look_again() } else { Vec::new() };
        effects.extend(self.dispatcher.set_limits(limits, self.clock.now()));
        self.carry_out(effects).await;
    }

    /// What of the configuration is in force.
    pub(super) fn settings(&self) -> SettingsView {
        settings(&self.config)
    }
}

fn settings(config: &Config) -> SettingsView {
    let fixed = OVER_THE_FILE.iter().filter(|name| config.source.text(name).is_some());
    SettingsView {
        workspace_id: config.workspace_id.clone(),
        presence: config.presence,
        outbox: config.outbox.is_some(),
        opencode: config.opencode.enabled,
        claude: config.claude.enabled,
        claude_permission_mode: config.claude.permission_mode,
        start_opencode: config.opencode.start_when_needed,
        concurrent: config.runs.concurrent,
        per_folder: config.runs.per_folder,
        allowed_folders: config
            .runs
            .allowed_folders
            .iter()
            .map(|folder| folder.to_string_lossy().into_owned())
            .collect(),
        ask_for_folders: config.runs.ask_for_folders,
        ask_when_dirty: config.runs.ask_when_dirty,
        ask_before_commands: config.runs.ask_before_commands,
        remote_attention: config.remote_attention,
        keep_awake: config.keep_awake,
        lifecycle: config.lifecycle.enabled,
        lifecycle_titles: config.lifecycle.titles,
        opencode_cli: config.opencode.cli,
        run_budget: config.run_budget,
        day_budget: config.day_budget,
        fixed_by_environment: fixed.map(|name| (*name).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(env: &Environment, dir: &std::path::Path, toml: &str) -> Result<AsRead, ConfigError> {
        std::fs::write(dir.join("config.toml"), toml).expect("a file");
        AsRead::read(env)
    }

    #[test]
    fn what_needs_a_restart_is_named_as_the_file_names_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let env = Environment::of([])
            .with("HOME", dir.path())
            .with("ORGX_PEER_CONFIG_DIR", dir.path())
            .with("ORGX_PEER_STATE_DIR", dir.path());
        let old = read(&env, dir.path(), "[orgx]\nworkspace_id = 'a'\n").expect("settings");
        let new = "[orgx]\nworkspace_id = 'b'\nbase_url = 'https://o.example'\nplugin_id = 'p'\npresence = false\n\
                   [opencode]\nserver_url = 'http://127.0.0.1:1'\nuse_running = false\n[runs]\nconcurrent = 9\n";
        let restart = old.restart(&read(&env, dir.path(), new).expect("settings"));
        assert_eq!(
            restart,
            [
                "orgx.workspace_id",
                "orgx.base_url",
                "orgx.plugin_id",
                "opencode.server_url",
                "opencode.use_running"
            ]
        );
        assert_eq!(old.restart(&old), [""; 0]);
        let fixed = env.clone().with("ORGX_WORKSPACE_ID", "mine");
        let mine = read(&fixed, dir.path(), "[orgx]\nworkspace_id = 'a'\n").expect("settings");
        assert_eq!(mine.workspace_id.as_deref(), Some("mine"));
        for broken in ["[runs]\nconcurrent = 0\n", "[orgx]\nbase_url = 'ftp://x'\n", "[runs\n"] {
            assert!(read(&env, dir.path(), broken).is_err(), "{broken}");
        }
        assert!(read(&env, dir.path(), "").is_ok_and(|read| read.workspace_id.is_none()));
    }
}
