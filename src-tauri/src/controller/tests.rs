//! The whole controller, with a desktop that writes down what is asked of it, and a real peer on the sandbox.

mod quitting;
mod signing_in;
mod steering;

use super::{Answer, Answered, Controller, Ground, Input, PageCommand, Start};
use crate::desktop::mock::{Mock, Seen};
use crate::kept::KeptFile;
use crate::view::model::{Screen, WindowState};
use orgx_peer::credentials::{Credentials, MockKeychain, mock};
use orgx_peer::{Config, Environment, Paths};
use orgx_sandbox::daemon::{Daemon, Line};
use orgx_sandbox::gateway::Gateway;
use serde_json::json;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const KEY: &str = "oxk_canary_0123456789";

/// An OrgX, a daemon, a home folder, a keychain, and a desktop.
struct World {
    gateway: Gateway,
    daemon: Daemon,
    home: TempDir,
    keychain: MockKeychain,
    desktop: Mock,
}

/// A running controller.
struct App {
    inputs: UnboundedSender<Input>,
    desktop: Mock,
    task: JoinHandle<()>,
}

impl World {
    async fn new() -> Self {
        let gateway = Gateway::start().await.unwrap();
        gateway.accept_key(Some(KEY.to_owned()));
        let daemon = Daemon::start().await.unwrap();
        let home = TempDir::new().unwrap();
        daemon.write_state_file(home.path()).unwrap();
        std::fs::create_dir(home.path().join("w")).unwrap();
        let world = Self { gateway, daemon, home, keychain: mock(), desktop: Mock::new() };
        world.daemon.script("ENDLESS", vec![Line::AwaitCancel, Line::End]);
        let last = Line::Json(json!({ "kind": "assistant_completed", "tokens_used": 7 }));
        world.daemon.script("GATED", vec![Line::Gate("go".into()), last]);
        world
    }

    /// Of somebody who is not signed in.
    fn signed_out(&self) -> Environment {
        Environment::of([("PATH", "")])
            .with("ORGX_BASE_URL", self.gateway.base_url())
            .with("HOME", self.home.path())
            .with("ORGX_PEER_STATE_DIR", self.home.path().join("state"))
            .with("ORGX_PEER_CONFIG_DIR", self.home.path().join("config"))
            .with("ORGX_WIZARD_HOOK_OUTBOX", self.home.path().join("hooks/events.jsonl"))
    }

    /// Of somebody whose key is in the environment.
    fn signed_in(&self) -> Environment {
        self.signed_out().with("ORGX_API_KEY", KEY).with("ORGX_WORKSPACE_ID", "w1")
    }

    /// What the keychain knows the key for this OrgX by.
    fn account(&self) -> String {
        url::Url::parse(&self.gateway.base_url()).unwrap().origin().ascii_serialization()
    }

    /// Puts a key for this OrgX into the keychain, of somebody who has been through the first run.
    fn keep_key(&self, key: &str) {
        self.keychain.put("orgx-peer", &self.account(), key);
        KeptFile::in_folder(&self.home.path().join("state")).change(|kept| kept.set_up = true);
    }

    fn config(&self) -> Config {
        Config::load(&self.signed_in()).unwrap()
    }

    fn app(&self, env: Environment, start: Start) -> App {
        let paths = Paths::of(&env).unwrap();
        let credentials = Credentials::with(Arc::new(self.keychain.clone()), &paths)
            .with_wizard_in(self.home.path().join("wizard"));
        let ground = Ground { env, paths, credentials, logs: self.home.path().join("logs") };
        let (inputs, inbox) = mpsc::unbounded_channel();
        let controller = Controller::new(Arc::new(self.desktop.clone()), ground, start, inputs.clone());
        let task = tokio::spawn(controller.run(inbox));
        App { inputs, desktop: self.desktop.clone(), task }
    }

    /// An app whose peer is connected, with an open window.
    async fn ready(&self) -> App {
        let before = self.gateway.connections();
        let app = self.app(self.signed_in(), Start::default());
        self.gateway.wait_connected(before + 1).await.unwrap();
        app.page(PageCommand::Ready).await.unwrap();
        app.until("a peer that is ready", |now| now.header.title == "Ready for tasks").await;
        app
    }

    fn dispatch(&self, run: &str, title: &str) {
        self.dispatch_in(run, title, "w");
    }

    fn dispatch_in(&self, run: &str, title: &str, folder: &str) {
        let folder = self.home.path().canonicalize().unwrap().join(folder);
        self.gateway.dispatch(json!({
            "kind": "task.dispatch", "run_id": run, "idempotency_key": format!("key-{run}"),
            "timeout_seconds": 600,
            "task": { "title": title, "description": title, "repo_path": folder, "driver": "opencode" },
        }));
    }
}

impl App {
    fn send(&self, input: Input) {
        self.inputs.send(input).unwrap();
    }

    async fn page(&self, command: PageCommand) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Page(command, answer));
        answered.await.unwrap()
    }

    async fn until(&self, what: &str, holds: impl Fn(&WindowState) -> bool) -> WindowState {
        self.desktop.until(what, |seen| seen.state.as_ref().is_some_and(&holds)).await;
        self.desktop.seen().state.clone().unwrap()
    }

    async fn seen(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        self.desktop.until(what, holds).await;
    }

    /// Ends it, as a signal does.
    async fn end(self) {
        self.send(Input::Stop);
        self.task.await.unwrap();
        assert!(self.desktop.seen().exited);
    }
}

fn is_main(state: &WindowState) -> bool {
    state.screen == Screen::Main
}

fn state(answer: Answer) -> WindowState {
    match answer {
        Ok(Answered::State(state)) => *state,
        other => panic!("{other:?}"),
    }
}
