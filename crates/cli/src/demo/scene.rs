//! What the demo plays in: a small OrgX, an agent, a project, a task and a rule that the agent will break.

use crate::args::DemoOptions;
use anyhow::Context;
use orgx_peer::OpenCodeConfig;
use orgx_sandbox::daemon::{Daemon, Line};
use orgx_sandbox::gateway::Gateway;
use orgx_sandbox::model::Model;
use orgx_sandbox::opencode::OpenCodeHome;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The run's id.
pub(super) const RUN: &str = "run_demo";
const FILE: &str = "http.py";
const BEFORE: &str = "max_retries = 3\ntimeout_seconds = 30\n";
const AFTER: &str = "max_retries = 10\ntimeout_seconds = 30\n";

/// Everything the demo needs; gone when dropped.
pub(super) struct Scene {
    pub(super) gateway: Gateway,
    agent: Agent,
    project: PathBuf,
    folder: TempDir,
}

enum Agent {
    Real { program: PathBuf, home: OpenCodeHome, _model: Model },
    StandIn(Daemon),
}

impl Scene {
    pub(super) async fn set(options: &DemoOptions) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("orgx-peer-demo-").context("no temporary folder")?;
        let root = folder.path().canonicalize()?;
        let gateway = Gateway::start().await.context("no loopback port for the demo's OrgX")?;
        gateway.set_skills(json!({ "skills": [{ "id": "careful-retries", "rules": [{
            "pattern": r"max_retries\s*=\s*(?:[4-9]|\d{2,})",
            "on": "file_edit",
            "dedupe_fingerprint": "too-many-retries",
            "evidence_kind": "budget_shift",
        }] }] }));
        let project = root.join("shop");
        std::fs::create_dir(&project)?;
        std::fs::write(project.join(FILE), BEFORE)?;
        let agent = if let Some(program) = program(options) {
            let model = Model::start().await.context("no loopback port for the demo's model")?;
            model.script("", model_turns(&project.join(FILE)));
            let home = OpenCodeHome::create(&root, &model.base_url())?;
            Agent::Real { program, home, _model: model }
        } else {
            let daemon = Daemon::start().await.context("no loopback port for the stand-in")?;
            daemon.script("", stand_in_lines());
            Agent::StandIn(daemon)
        };
        Ok(Self { gateway, agent, project, folder })
    }

    /// Points the peer at the demo's agent, and away from the person's own.
    pub(super) fn place(&self, opencode: &mut OpenCodeConfig) {
        opencode.state_file = None;
        opencode.use_running = false;
        match &self.agent {
            Agent::Real { program, home, .. } => {
                opencode.program = Some(program.clone());
                opencode.environment = home.env();
            }
            Agent::StandIn(daemon) => opencode.server_url = daemon.url().parse().ok(),
        }
    }

    pub(super) fn task(&self) -> Value {
        json!({
            "kind": "task.dispatch", "run_id": RUN, "idempotency_key": "dispatch_demo", "timeout_seconds": 120,
            "task": {
                "title": "Retry flaky requests more often",
                "description": "Requests to the shop's API fail too often. Raise the retry count in http.py.",
                "repo_path": self.project, "skill_ids": ["careful-retries"], "driver": "opencode",
            },
        })
    }

    pub(super) fn agent(&self) -> String {
        match &self.agent {
            Agent::Real { program, .. } => {
                format!("the real OpenCode ({}), on a scripted model", program.display())
            }
            Agent::StandIn(_) => {
                "a built-in stand-in, because there is no `opencode` program here".to_owned()
            }
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn home(&self) -> PathBuf {
        match &self.agent {
            Agent::Real { home, .. } => home.home().to_owned(),
            Agent::StandIn(_) => self.folder.path().to_owned(),
        }
    }

    pub(super) fn outbox(&self) -> PathBuf {
        self.folder.path().join("events.jsonl")
    }

    /// The line that the agent changed, if it did as it was asked.
    pub(super) fn changed(&self) -> Option<&'static str> {
        let text = std::fs::read_to_string(self.project.join(FILE)).ok()?;
        (text == AFTER).then_some("http.py now says max_retries = 10")
    }
}

/// The named program, the one on PATH, the one that `cargo xtask` keeps in the cache, or none.
fn program(options: &DemoOptions) -> Option<PathBuf> {
    if options.stand_in {
        return None;
    }
    let env = orgx_peer::Environment::of_process();
    options.opencode.clone().or_else(|| orgx_peer::find_opencode(&env)).or_else(|| cached(&env))
}

fn cached(env: &orgx_peer::Environment) -> Option<PathBuf> {
    let cache = env.path("XDG_CACHE_HOME").or_else(|| Some(env.home()?.join(".cache")))?;
    let versions = std::fs::read_dir(cache.join("orgx-peer")).ok()?.filter_map(Result::ok);
    let mut programs: Vec<PathBuf> = versions
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("opencode-"))
        .map(|entry| entry.path().join("bin/opencode"))
        .filter(|program| program.is_file())
        .collect();
    programs.sort();
    programs.pop()
}

fn model_turns(file: &Path) -> Value {
    json!([
        { "text": "I will look at the file.", "tool_calls": [{ "name": "read", "arguments": { "filePath": file } }],
          "usage": { "prompt_tokens": 1200, "completion_tokens": 40 } },
        { "text": "Raising the retry count.",
          "tool_calls": [{ "name": "edit", "arguments": {
              "filePath": file, "oldString": "max_retries = 3", "newString": "max_retries = 10" } }],
          "usage": { "prompt_tokens": 1320, "completion_tokens": 60, "cached_tokens": 1200 } },
        { "text": "Done: requests are now retried up to ten times.",
          "usage": { "prompt_tokens": 1400, "completion_tokens": 25, "cached_tokens": 1300 } },
    ])
}

fn stand_in_lines() -> Vec<Line> {
    vec![
        Line::Json(json!({ "kind": "tool_call", "tool": "read", "summary": "http.py" })),
        Line::WriteFile { path: FILE.into(), content: AFTER.into() },
        Line::Json(
            json!({ "kind": "file_edit", "path": "http.py", "summary": "max_retries = 10", "diff_ref": "diff-1" }),
        ),
        Line::Json(json!({ "kind": "chat", "role": "assistant", "text": "Done." })),
        Line::Json(json!({ "kind": "assistant_completed", "tokens_used": 4045 })),
    ]
}
