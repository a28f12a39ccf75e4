//! A peer in a scratch home, between the sandbox's OrgX and the sandbox's daemon.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of it")]
#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

use orgx_peer::{Config, Environment, Peer, PeerSnapshot};
use orgx_sandbox::daemon::Daemon;
use orgx_sandbox::gateway::Gateway;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How long anything may take on a busy computer.
pub(crate) const WAIT: Duration = Duration::from_secs(60);

/// The key that the peer has; nothing but the gateway may ever see it.
pub(crate) const KEY: &str = "oxk_canary_0123456789";

/// Everything a story needs.
pub(crate) struct World {
    pub gateway: Gateway,
    pub daemon: Daemon,
    pub home: TempDir,
}

impl World {
    /// An OrgX and a daemon that the state file tells of.
    pub(crate) async fn new() -> Self {
        let gateway = Gateway::start().await.expect("a gateway");
        gateway.accept_key(Some(KEY.to_owned()));
        let daemon = Daemon::start().await.expect("a daemon");
        let home = TempDir::new().expect("a folder");
        daemon.write_state_file(home.path()).expect("a state file");
        std::fs::create_dir(home.path().join("w")).expect("a folder");
        Self { gateway, daemon, home }
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment::of([("ORGX_API_KEY", KEY), ("ORGX_WORKSPACE_ID", "w1")])
            .with("ORGX_BASE_URL", self.gateway.base_url())
            .with("HOME", self.home.path())
            .with("ORGX_PEER_STATE_DIR", self.home.path().join("state"))
            .with("ORGX_PEER_CONFIG_DIR", self.home.path().join("config"))
            .with("ORGX_WIZARD_HOOK_OUTBOX", self.outbox())
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::load(&self.environment()).expect("a configuration");
        // Whatever runs on the computer that runs the tests is none of their business.
        config.opencode.use_running = false;
        config.opencode.program = None;
        config.claude.program = None;
        config
    }

    /// A peer that is connected.
    pub(crate) async fn peer(&self) -> Peer {
        self.peer_with(self.config()).await
    }

    /// Writes its `config.toml`.
    pub(crate) fn write_config(&self, toml: &str) {
        let config = self.home.path().join("config");
        std::fs::create_dir_all(&config).expect("a folder");
        std::fs::write(config.join("config.toml"), toml).expect("a file");
    }

    pub(crate) async fn peer_with(&self, config: Config) -> Peer {
        let before = self.gateway.connections();
        let peer = Peer::start(config).await.expect("a peer");
        self.gateway.wait_connected(before + 1).await.expect("connected");
        peer
    }

    pub(crate) fn outbox(&self) -> PathBuf {
        self.home.path().join("hooks/events.jsonl")
    }

    pub(crate) fn outbox_lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.outbox()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
    }

    /// The folder that tasks work in.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("w").canonicalize().expect("a folder")
    }

    /// Dispatches a task whose title chooses the daemon's script.
    pub(crate) fn dispatch(&self, run: &str, title: &str) {
        self.gateway.dispatch(task(run, title, Some(&self.folder())));
    }

    /// Waits until a run has started.
    pub async fn started(&self, run: &str) {
        let started = |all: &[orgx_sandbox::gateway::Received]| {
            all.iter().any(|frame| frame.run_id() == run && frame.kind() == "task.started")
        };
        self.gateway.wait_for("task.started", started).await.expect("started");
    }

    /// Dispatches it and waits for its terminal.
    pub(crate) async fn run(&self, run: &str, title: &str) -> Value {
        self.dispatch(run, title);
        self.gateway.terminal(run).await.expect("a terminal")
    }
}

/// A dispatch frame whose key is `key_<run>`.
pub(crate) fn task(run: &str, title: &str, folder: Option<&Path>) -> Value {
    let mut task = json!({ "title": title, "driver": "opencode" });
    if let Some(folder) = folder {
        task["repo_path"] = json!(folder);
    }
    json!({ "kind": "task.dispatch", "run_id": run, "idempotency_key": format!("key_{run}"), "timeout_seconds": 600,
            "task": task })
}

/// Waits until the snapshot is as wanted.
pub(crate) async fn until(
    peer: &Peer,
    what: &str,
    wanted: impl FnMut(&PeerSnapshot) -> bool,
) -> PeerSnapshot {
    let mut watch = peer.watch();
    let seen = tokio::time::timeout(WAIT, watch.wait_for(wanted)).await;
    match seen {
        Ok(snapshot) => snapshot.expect("a peer").clone(),
        Err(_) => panic!("not in time: {what}; last seen: {:#?}", peer.snapshot()),
    }
}

/// Each frame as `kind detail`.
pub(crate) fn short(frames: &[Value]) -> Vec<String> {
    let detail = |frame: &Value| {
        ["/step/summary", "/dedupe_key", "/reason", "/outcome_kind", "/session_handle"]
            .iter()
            .find_map(|at| frame.pointer(at)?.as_str().map(ToOwned::to_owned))
            .unwrap_or_default()
    };
    frames
        .iter()
        .map(|frame| format!("{} {}", frame["kind"].as_str().unwrap_or_default(), detail(frame)))
        .collect()
}

/// Says that something was not shown, past the test runner's capture: it must be seen.
pub fn skipped(why: &str) {
    use std::io::Write;
    let _unseen = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
