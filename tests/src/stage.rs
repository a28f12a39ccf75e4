//! What one story is played on: an OrgX, a model, a project, and where the peer keeps its things.

use crate::opencode::{self, Server};
use crate::peer::Peer;
use crate::programs;
use orgx_sandbox::gateway::Gateway;
use orgx_sandbox::model::Model;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::Instant;

/// The key that the peer has. Nobody but OrgX may ever see it.
pub const KEY: &str = "oxk_test";

/// Everything one story needs. What it holds ends with it.
#[derive(Debug)]
pub struct Stage {
    /// The story's OrgX.
    pub gateway: Gateway,
    /// The story's model.
    pub model: Model,
    /// The story's project: a folder with a README.md.
    pub project: PathBuf,
    root: PathBuf,
    folder: TempDir,
}

/// A dispatch of this run, into this folder; the prompt is its title.
pub fn task(run_id: &str, folder: &Path, prompt: &str) -> Value {
    json!({
        "kind": "task.dispatch", "run_id": run_id, "idempotency_key": format!("key_of_{run_id}"),
        "timeout_seconds": 600,
        "task": { "title": prompt, "repo_path": folder, "driver": "opencode" },
    })
}

impl Stage {
    /// A stage whose project asks the story's own model.
    pub async fn set() -> Self {
        Self::set_with(json!({})).await
    }

    /// The same, with `config` over the project's OpenCode configuration.
    pub async fn set_with(config: Value) -> Self {
        let folder = TempDir::with_prefix("orgx-story-").expect("a folder");
        let root = folder.path().canonicalize().expect("its real path");
        let gateway = Gateway::start().await.expect("a gateway");
        gateway.accept_key(Some(KEY.to_owned()));
        let model = Model::start().await.expect("a model");
        let mut stage = Self { gateway, model, project: root.clone(), root, folder };
        stage.project = stage.project_with("project", config);
        stage
    }

    /// One more project.
    pub fn project(&self, name: &str) -> PathBuf {
        self.project_with(name, json!({}))
    }

    fn project_with(&self, name: &str, mut config: Value) -> PathBuf {
        let project = self.root.join(name);
        std::fs::create_dir_all(&project).expect("a folder");
        std::fs::write(project.join("README.md"), format!("# {name}\n")).expect("a file");
        config["provider"]["fake"]["options"]["baseURL"] = self.model.base_url().into();
        std::fs::write(project.join("opencode.json"), config.to_string()).expect("a file");
        project
    }

    /// A peer that is told of the shared server, connected and with the skill rules at hand.
    pub async fn peer(&self) -> Peer {
        let server = opencode::shared().await;
        self.peer_of(&server).await
    }

    /// The same with that server.
    pub async fn peer_of(&self, server: &Server) -> Peer {
        self.peer_at(server.port, server.password.as_deref()).await
    }

    /// The same with whatever is on that port.
    pub async fn peer_at(&self, port: u16, password: Option<&str>) -> Peer {
        let mut command = self.command();
        command.env("OPENCODE_SERVER_URL", format!("http://127.0.0.1:{port}"));
        command.envs(password.map(|password| ("OPENCODE_SERVER_PASSWORD", password)));
        self.start(command).await
    }

    /// `orgx-peer run` in an environment made from nothing.
    pub fn command(&self) -> Command {
        self.command_of(&["run", "-v"])
    }

    /// `orgx-peer` with these arguments, likewise.
    pub fn command_of(&self, arguments: &[&str]) -> Command {
        // A test program that is killed takes its peers along, and they their servers.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).arg(programs::peer()).args(arguments);
        command.env_clear().current_dir(&self.root);
        command.env("PATH", opencode::path_with(None)).env("HOME", self.home());
        command.env("ORGX_API_KEY", KEY).env("ORGX_WORKSPACE_ID", "w");
        command.env("ORGX_BASE_URL", self.gateway.base_url());
        command.env("ORGX_PEER_STATE_DIR", self.state()).env("ORGX_PEER_CONFIG_DIR", self.config());
        command.env("ORGX_WIZARD_HOOK_OUTBOX", self.outbox_file());
        command
    }

    /// Starts it, and looks no further.
    pub fn spawn(&self, command: Command) -> Peer {
        Peer::start(command, self.root.join("peer.log"))
    }

    /// Starts it, and returns once OrgX has its connection and has given it the skill rules.
    pub async fn start(&self, command: Command) -> Peer {
        let (opened, asked) = (self.gateway.connections(), self.asked_for_rules());
        let peer = self.spawn(command);
        let connected = self.gateway.wait_connected(opened + 1).await;
        connected.unwrap_or_else(|late| panic!("{late}\n{}", peer.log()));
        let fetched = |requests: &[orgx_sandbox::Request]| {
            requests.iter().filter(|request| request.path.contains("plan-skills")).count() > asked
        };
        self.gateway.wait_request("the skill rules to be fetched", fetched).await.expect("a fetch");
        peer
    }

    fn asked_for_rules(&self) -> usize {
        self.gateway.requests().iter().filter(|request| request.path.contains("plan-skills")).count()
    }

    /// The run's terminal.
    pub async fn end(&self, run_id: &str) -> Value {
        let limit = Instant::now() + crate::WAIT;
        loop {
            match self.gateway.terminal(run_id).await {
                Ok(terminal) => return terminal,
                Err(late) => assert!(Instant::now() < limit, "{late}\n{}", self.log()),
            }
        }
    }

    /// The run's terminal, which must be a completion.
    pub async fn completion(&self, run_id: &str) -> Value {
        let end = self.end(run_id).await;
        assert_eq!(end["kind"], "task.completed", "{end}\n{}", self.log());
        end
    }

    /// The run's terminal, which must be a failure: its reason, and whether it may be tried again.
    pub async fn failure(&self, run_id: &str) -> (String, bool) {
        let end = self.end(run_id).await;
        assert_eq!(end["kind"], "task.failed", "{end}\n{}", self.log());
        let reason = end["reason"].as_str().expect("a reason").to_owned();
        assert!(!reason.contains(&self.root.display().to_string()), "a local path in {reason}");
        assert!(!reason.contains("sk-sandbox"), "a secret in {reason}");
        (reason, end["recoverable"].as_bool().expect("recoverable or not"))
    }

    /// Returns once the model has been asked something by this prompt, `turns` times.
    pub async fn asked(&self, prompt: &str, turns: usize) {
        let limit = Instant::now() + crate::WAIT;
        let count = |all: &[orgx_sandbox::model::Asked]| {
            all.iter().filter(|asked| asked.prompt.contains(prompt)).count() >= turns
        };
        while let Err(late) = self.model.wait_request(&format!("ask {turns} of {prompt:?}"), count).await {
            assert!(Instant::now() < limit, "{late}\n{}", self.log());
        }
    }

    /// The summaries of the run's steps, in order.
    pub fn steps(&self, run_id: &str) -> Vec<String> {
        let steps = self.gateway.steps(run_id);
        steps.iter().filter_map(|frame| Some(frame["step"]["summary"].as_str()?.to_owned())).collect()
    }

    /// The session of a run that has started.
    pub fn session(&self, run_id: &str) -> String {
        let frames = self.gateway.of_run(run_id);
        let handle = frames.iter().find_map(|frame| frame["session_handle"].as_str());
        handle.expect("the run has started").to_owned()
    }

    /// A strict OrgX had nothing to say against the peer.
    pub fn was_strictly_well_behaved(&self) {
        let violations = self.gateway.violations();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// What the peers of this story said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.root.join("peer.log")).unwrap_or_default()
    }

    /// The lines of the outbox.
    pub fn outbox(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.outbox_file()).unwrap_or_default();
        text.lines().map(ToOwned::to_owned).collect()
    }

    /// The outbox's file.
    pub fn outbox_file(&self) -> PathBuf {
        self.root.join("hooks/events.jsonl")
    }

    /// The peer's home.
    pub fn home(&self) -> PathBuf {
        let home = self.root.join("home");
        std::fs::create_dir_all(&home).expect("a folder");
        home
    }

    /// Where the peer keeps its journal.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// Where the peer looks for config.toml.
    pub fn config(&self) -> PathBuf {
        let config = self.root.join("config");
        std::fs::create_dir_all(&config).expect("a folder");
        config
    }

    /// Everything of this story.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The files below `folder` that hold `text`, in any form of file.
    pub fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() && holds(&entry.path(), text) {
                    found.push(entry.path());
                }
            }
        }
        found
    }
}

fn holds(file: &Path, text: &str) -> bool {
    let bytes = std::fs::read(file).unwrap_or_default();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
