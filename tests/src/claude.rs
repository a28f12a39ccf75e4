//! The real Claude Code, on the story's scripted model and in a home of its own.

use crate::stage::{Stage, task};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The key of the model provider that Claude Code has; the peer has nothing to do with it.
const PROVIDER_KEY: &str = "sk-sandbox-claude";

/// The real Claude Code's program.
pub fn program() -> Option<PathBuf> {
    let named = PathBuf::from(std::env::var_os("ORGX_CLAUDE_BIN").filter(|name| !name.is_empty())?);
    assert!(named.is_file(), "ORGX_CLAUDE_BIN is {}, where there is no program", named.display());
    named.canonicalize().ok()
}

/// Tells a story, if there is a real Claude Code to tell it with.
pub fn story(tell: impl Future<Output = ()>) {
    if program().is_some() {
        crate::story_without_opencode(tell);
    } else {
        let required = std::env::var_os("ORGX_REQUIRE_CLAUDE").is_some_and(|value| value == "1");
        assert!(!required, "it needs the real Claude Code, and ORGX_CLAUDE_BIN names none");
        crate::programs::say_skipped("it needs the real Claude Code; set ORGX_CLAUDE_BIN to its program");
    }
}

/// A dispatch for Claude Code.
pub fn claude_task(run_id: &str, folder: &Path, prompt: &str) -> Value {
    let mut dispatch = task(run_id, folder, prompt);
    dispatch["task"]["driver"] = "claude_code".into();
    dispatch
}

impl Stage {
    /// `orgx-peer run` with Claude Code and these lines below `[claude]`; without OpenCode.
    pub fn claude_command(&self, settings: &str) -> Command {
        self.claude_config(settings, "[opencode]\nenabled = false\n");
        let mut command = self.command();
        self.with_provider(&mut command);
        command
    }

    /// Writes the settings: these lines below `[claude]`, and more after them.
    pub fn claude_config(&self, settings: &str, more: &str) {
        let program = program().expect("there is one");
        let toml = format!("[claude]\nprogram = '{}'\n{settings}\n{more}", program.display());
        std::fs::write(self.config().join("config.toml"), toml).expect("a file");
    }

    /// What makes Claude Code ask the story's model, and nobody else.
    pub fn with_provider(&self, command: &mut Command) {
        command
            .env("ANTHROPIC_BASE_URL", self.model.anthropic_url())
            .env("ANTHROPIC_API_KEY", PROVIDER_KEY)
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            // It does not run as root without it.
            .env("IS_SANDBOX", "1");
    }
}
