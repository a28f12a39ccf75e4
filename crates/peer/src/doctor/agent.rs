//! The agents, and whether they are signed in to a model provider.

use super::{Check, Name, within};
use crate::config::Draft;
use crate::driver::claude_code::ClaudeCode;
use crate::driver::opencode::OpenCode;
use crate::driver::{Detected, Driver};
use crate::limits;
use crate::peer::PeerSnapshot;

pub(super) async fn checks(draft: &Draft, now: Option<&PeerSnapshot>) -> Vec<Check> {
    let skipped = |why| vec![Check::skipped(Name::OpenCode, why), Check::skipped(Name::AgentLogin, why)];
    // A running peer knows its own server, whose password nobody else has.
    if let Some(now) = now.filter(|now| !now.agent.words.is_empty()) {
        return of(&now.agent);
    }
    let Ok(config) = &draft.opencode else { return skipped("needs the settings") };
    if !config.enabled {
        return skipped("switched off in the settings");
    }
    let driver = OpenCode::to_look_at(config, &draft.paths);
    match within(limits::DOCTOR_AGENT, driver.detect()).await {
        Some(detected) => of(&detected),
        None => vec![
            Check::fail(
                Name::OpenCode,
                "did not answer in time",
                "Whether tasks can start is not known",
                "End the OpenCode that does not answer, and start it again",
            ),
            Check::skipped(Name::AgentLogin, "needs OpenCode"),
        ],
    }
}

/// Claude Code, where it is; it need not be.
pub(super) async fn claude(draft: &Draft) -> Vec<Check> {
    let Ok(config) = &draft.claude else { return Vec::new() };
    if config.program.is_none() {
        return Vec::new();
    }
    if !config.enabled {
        return vec![Check::skipped(Name::ClaudeCode, "switched off in the settings")];
    }
    let driver = ClaudeCode::new(config, std::path::PathBuf::new());
    let found = driver.detect().await;
    vec![if found.authenticated {
        Check::ok(Name::ClaudeCode, found.words)
    } else {
        Check::fail(
            Name::ClaudeCode,
            found.words,
            "Tasks for it fail",
            "Sign in with `claude auth login`, or switch it off ([claude] enabled = false)",
        )
    }]
}

pub(super) fn of(agent: &Detected) -> Vec<Check> {
    if !agent.installed {
        let todo =
            "Install OpenCode (https://opencode.ai), or say where it is in config.toml ([opencode] program)";
        return vec![
            Check::fail(Name::OpenCode, agent.words.clone(), "Tasks cannot start", todo),
            Check::skipped(Name::AgentLogin, "needs OpenCode"),
        ];
    }
    let opencode = Check::ok(Name::OpenCode, agent.words.clone());
    let login = if !agent.probed.session_alive {
        Check::skipped(Name::AgentLogin, "OpenCode tells only while it runs; a task starts it")
    } else if agent.authenticated {
        Check::ok(Name::AgentLogin, "OpenCode has a model provider")
    } else {
        Check::fail(
            Name::AgentLogin,
            "OpenCode has no model provider",
            "Tasks start, and fail",
            "Sign in with `opencode auth login`",
        )
    };
    vec![opencode, login]
}
