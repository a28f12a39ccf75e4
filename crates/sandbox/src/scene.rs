//! A task on this computer alone: a small OrgX, an agent, a project, and a rule that the agent will break.
//!
//! What `orgx-peer demo`, the app's sandbox and its test task play in. Any number of tasks can be given out, one after
//! the other or at once; each finds the project's file as the first one did. Everything is in one temporary folder, and
//! gone when the scene is dropped.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    daemon::{Daemon, Line},
    gateway::Gateway,
    model::Model,
    opencode::OpenCodeHome,
};

/// The key that peers of a scene use.
pub const KEY: &str = "oxk_demo";
/// The workspace that peers of a scene serve.
pub const WORKSPACE: &str = "demo";
/// The id of the first run.
pub const RUN: &str = "run_demo";
/// The skill whose rule the agent breaks.
pub const SKILL: &str = "careful-retries";

const FILE: &str = "http.py";
const BEFORE: &str = "max_retries = 3\ntimeout_seconds = 30\n";
const AFTER: &str = "max_retries = 10\ntimeout_seconds = 30\n";

/// How fast the agent works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it can.
    #[default]
    Fast,
    /// So that a person can watch: this long before each step.
    Each(Duration),
}

/// Everything a task needs.
#[derive(Debug)]
pub struct Scene {
    gateway: Gateway,
    agent: Agent,
    project: PathBuf,
    given: AtomicUsize,
    // Last, so that whoever works in it is gone first.
    folder: TempDir,
}

#[derive(Debug)]
enum Agent {
    Real { program: PathBuf, home: OpenCodeHome, _model: Model },
    StandIn(Daemon),
}

/// How a peer reaches the scene's agent. It uses no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It starts this program with these variables over its own.
    Start {
        /// The `opencode` program.
        program: PathBuf,
        /// The variables.
        environment: Vec<(String, String)>,
    },
    /// It talks to a server that runs at this address.
    Server(String),
}

impl Scene {
    /// With this `opencode` program on a scripted model, or with a built-in stand-in.
    pub async fn set(opencode: Option<PathBuf>, pace: Pace) -> io::Result<Self> {
        let folder = TempDir::with_prefix("orgx-peer-demo-")?;
        let root = folder.path().canonicalize()?;
        let gateway = Gateway::start().await?;
        gateway.set_skills(json!({ "skills": [{ "id": SKILL, "rules": [{
            "pattern": r"max_retries\s*=\s*(?:[4-9]|\d{2,})",
            "on": "file_edit",
            "dedupe_fingerprint": "too-many-retries",
            "evidence_kind": "budget_shift",
        }] }] }));
        let project = root.join("shop");
        fs::create_dir(&project)?;
        fs::write(project.join(FILE), BEFORE)?;
        let agent = if let Some(program) = opencode {
            let model = Model::start().await?;
            model.script("", model_turns(&project.join(FILE), pace));
            let home = OpenCodeHome::create(&root, &model.base_url())?;
            Agent::Real { program, home, _model: model }
        } else {
            let daemon = Daemon::start().await?;
            daemon.script("", stand_in_lines(pace));
            Agent::StandIn(daemon)
        };
        Ok(Self { gateway, agent, project, given: AtomicUsize::new(0), folder })
    }

    /// Its OrgX.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The variables that point a peer at the scene, and keep it out of the person's own folders.
    pub fn variables(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("ORGX_API_KEY", KEY.into()),
            ("ORGX_WORKSPACE_ID", WORKSPACE.into()),
            ("ORGX_BASE_URL", self.gateway.base_url().into()),
            ("HOME", self.home()),
            ("ORGX_PEER_STATE_DIR", self.folder().join("state")),
            ("ORGX_PEER_CONFIG_DIR", self.folder().join("config")),
            ("ORGX_WIZARD_HOOK_OUTBOX", self.outbox()),
        ]
    }

    /// How a peer reaches its agent.
    pub fn reach(&self) -> Reach {
        match &self.agent {
            Agent::Real { program, home, .. } => {
                Reach::Start { program: program.clone(), environment: home.env() }
            }
            Agent::StandIn(daemon) => Reach::Server(daemon.url()),
        }
    }

    /// Gives a task to the peer that is connected, or to the next one; says the run's id.
    pub fn give(&self) -> io::Result<String> {
        let count = self.given.fetch_add(1, Ordering::Relaxed) + 1;
        // The first run is the demo's own.
        let end = if count == 1 { String::new() } else { format!("_{count}") };
        fs::write(self.project.join(FILE), BEFORE)?;
        let run_id = format!("{RUN}{end}");
        self.gateway.dispatch(json!({
            "kind": "task.dispatch", "run_id": run_id, "idempotency_key": format!("dispatch_demo{end}"),
            "timeout_seconds": 120,
            "task": {
                "title": "Retry flaky requests more often",
                "description": "Requests to the shop's API fail too often. Raise the retry count in http.py.",
                "repo_path": self.project, "skill_ids": [SKILL], "driver": "opencode",
            },
        }));
        Ok(run_id)
    }

    /// What works here, for people.
    pub fn agent(&self) -> String {
        match &self.agent {
            Agent::Real { program, .. } => {
                format!("the real OpenCode ({}), on a scripted model", program.display())
            }
            Agent::StandIn(_) => {
                "a built-in stand-in, because there is no `opencode` program here".to_owned()
            }
        }
    }

    /// The temporary folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The project that tasks work in.
    pub fn project(&self) -> &Path {
        &self.project
    }

    /// The home folder of whoever plays here.
    pub fn home(&self) -> PathBuf {
        match &self.agent {
            Agent::Real { home, .. } => home.home().to_owned(),
            Agent::StandIn(_) => self.folder.path().to_owned(),
        }
    }

    /// The local trail of a peer that has [`Self::variables`].
    pub fn outbox(&self) -> PathBuf {
        self.folder.path().join("events.jsonl")
    }

    /// The line that the agent changed, if it did as it was asked.
    pub fn changed(&self) -> Option<&'static str> {
        let text = fs::read_to_string(self.project.join(FILE)).ok()?;
        (text == AFTER).then_some("http.py now says max_retries = 10")
    }
}

/// The newest `opencode` program that `cargo xtask` keeps in this cache folder.
pub fn kept_opencode(cache: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(cache.join("orgx-peer")).ok()?.filter_map(Result::ok);
    let mut programs: Vec<PathBuf> = versions
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("opencode-"))
        .map(|entry| entry.path().join("bin/opencode"))
        .filter(|program| program.is_file())
        .collect();
    programs.sort();
    programs.pop()
}

fn model_turns(file: &Path, pace: Pace) -> Value {
    let delay = match pace {
        Pace::Fast => 0,
        Pace::Each(time) => time.as_millis(),
    };
    json!([
        { "text": "I will look at the file.", "tool_calls": [{ "name": "read", "arguments": { "filePath": file } }],
          "usage": { "prompt_tokens": 1200, "completion_tokens": 40 }, "delay_ms": delay },
        { "text": "Raising the retry count.",
          "tool_calls": [{ "name": "edit", "arguments": {
              "filePath": file, "oldString": "max_retries = 3", "newString": "max_retries = 10" } }],
          "usage": { "prompt_tokens": 1320, "completion_tokens": 60, "cached_tokens": 1200 }, "delay_ms": delay },
        { "text": "Done: requests are now retried up to ten times.",
          "usage": { "prompt_tokens": 1400, "completion_tokens": 25, "cached_tokens": 1300 }, "delay_ms": delay },
    ])
}

fn stand_in_lines(pace: Pace) -> Vec<Line> {
    let steps = [
        Line::Json(json!({ "kind": "tool_call", "tool": "read", "summary": "http.py" })),
        Line::WriteFile { path: FILE.into(), content: AFTER.into() },
        Line::Json(
            json!({ "kind": "file_edit", "path": "http.py", "summary": "max_retries = 10", "diff_ref": "diff-1" }),
        ),
        Line::Json(json!({ "kind": "chat", "role": "assistant", "text": "Done." })),
        Line::Json(json!({ "kind": "assistant_completed", "tokens_used": 4045 })),
    ];
    let wait = |line: Line| match pace {
        Pace::Each(time) => {
            vec![Line::Pause { millis: u64::try_from(time.as_millis()).unwrap_or_default() }, line]
        }
        Pace::Fast => vec![line],
    };
    steps.into_iter().flat_map(wait).collect()
}
