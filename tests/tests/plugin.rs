//! Our plugin inside of the real OpenCode, and the real `orgx-peer run` that hears it.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

use orgx_sandbox::opencode::OpenCodeHome;
use orgx_tests::peer::Peer;
use orgx_tests::process::{send, until};
use orgx_tests::{Stage, programs, story, task};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// A stage with an OpenCode of the person's own, which has the plugin.
struct Place {
    stage: Stage,
    home: OpenCodeHome,
}

impl Place {
    async fn set() -> Self {
        let stage = Stage::set().await;
        let home = OpenCodeHome::create(
            &stage.root().canonicalize().unwrap().join("person"),
            &stage.model.base_url(),
        );
        Self { stage, home: home.unwrap() }
    }

    /// The same with the plugin installed.
    async fn with_plugin() -> Self {
        let place = Self::set().await;
        let said = place.tool(&["plugin", "install"]).await;
        assert!(said.contains("orgx-peer.js"), "{said}");
        place
    }

    /// A tool of ours, in the person's home.
    async fn tool(&self, arguments: &[&str]) -> String {
        let output = self.stage.command_of(arguments).envs(self.home.env()).output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A peer that hears of sessions, and finds OpenCode by its state file alone.
    async fn peer(&self) -> Peer {
        let config = "[opencode]\nuse_running = false\nstart_when_needed = false\ncli = 'never'\n";
        std::fs::write(self.stage.config().join("config.toml"), config).unwrap();
        let mut command = self.stage.command();
        command.env("HOME", self.home.home());
        command
            .env("ORGX_PEER_WEBHOOK_PORT", "0")
            .env("ORGX_PEER_BUFFER_DIR", self.stage.root().join("buffer"));
        let peer = self.stage.start(command).await;
        let listens = || {
            let text = std::fs::read_to_string(self.stage.state().join("webhook.json")).unwrap_or_default();
            serde_json::from_str::<Value>(&text).is_ok_and(|hook| hook["url"].is_string())
        };
        until("the receiver listens", async || listens()).await;
        peer
    }

    /// An OpenCode of the person's, as they start it.
    fn opencode(&self, arguments: &[&str]) -> Child {
        // Whoever runs the tests may ignore signals, and a program inherits that.
        let mut command = Command::new("env");
        command
            .arg("--default-signal=INT,TERM")
            .arg(programs::opencode().unwrap())
            .args(arguments)
            .env_clear()
            .envs(self.home.env())
            .env("PATH", std::env::var_os("PATH").unwrap());
        command.env("PWD", &self.stage.project).current_dir(&self.stage.project).kill_on_drop(true);
        command.env("ORGX_PEER_STATE_DIR", self.stage.state());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, prompt: &str) -> Child {
        self.opencode(&["run", "--model", "fake/fake-1", prompt])
    }

    /// What an orchestrator reads: the events in the buffer file.
    fn events(&self) -> Vec<Value> {
        let file = self.stage.root().join("buffer/opencode-opencode.jsonl");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
    }

    async fn told(&self, what: &str, count: usize) -> Vec<Value> {
        until(what, async || self.events().len() >= count).await;
        self.events()
    }

    fn state_file(&self) -> PathBuf {
        self.home.home().join(".opencode/state.json")
    }

    fn stated(&self) -> Value {
        let text = std::fs::read_to_string(self.state_file()).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// Phase, reason and exit status.
fn end(event: &Value) -> (String, String, Value) {
    let lifecycle = &event["payload"]["lifecycle"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (
        text(&lifecycle["phase"]),
        text(&lifecycle["reason"]),
        event["payload"]["session"]["exit_status"].clone(),
    )
}

fn of(phase: &str, reason: &str, exit_status: Value) -> (String, String, Value) {
    (phase.to_owned(), reason.to_owned(), exit_status)
}

#[test]
fn a_session_that_is_run_by_hand_is_told_once_when_it_begins_and_once_when_it_ends() {
    story(async {
        let place = Place::with_plugin().await;
        let peer = place.peer().await;
        place.stage.model.script("apricot", json!([{ "text": "done" }]));
        place.stage.model.script("refused", json!([{ "status": 400 }]));
        assert!(place.run("an apricot please").wait().await.unwrap().success());
        let events = place.told("the first session", 2).await;
        assert_eq!(end(&events[1]), of("completed", "exit_code_0", json!(0)));
        let (begun, session) = (&events[0]["payload"], &events[0]["payload"]["session"]);
        assert_eq!(
            (&begun["lifecycle"]["phase"], &session["harness"]),
            (&json!("started"), &json!("opencode"))
        );
        assert_eq!(session["cwd"].as_str(), place.stage.project.to_str());
        assert_eq!(events[1]["payload"]["model"], "fake/fake-1");
        assert_eq!(events[1]["payload"]["session"]["id"], session["id"]);
        let text = serde_json::to_string(&events).unwrap();
        assert!(
            !text.contains("apricot") && !text.contains("Sandbox session"),
            "neither prompt nor title: {text}"
        );

        let _status = place.run("this is refused").wait().await.unwrap();
        let events = place.told("the second session", 4).await;
        assert_eq!(end(&events[3]), of("failed", "exit_code_1", json!(1)));
        peer.stop_well().await;
        assert_eq!(place.events().len(), 4, "each was told once");
    });
}

#[test]
fn one_that_is_ended_by_a_signal_says_which_and_of_one_that_is_killed_the_peer_finds_out() {
    story(async {
        let place = Place::with_plugin().await;
        let peer = place.peer().await;
        place.stage.model.script("apricot", json!([{ "hang": true }]));
        for (nth, signal, number, wanted) in [
            (1, Signal::INT, 2, of("stopped", "sigint", json!(130))),
            (2, Signal::TERM, 15, of("stopped", "sigterm", json!(143))),
            (3, Signal::KILL, 9, of("stopped", "process_gone", Value::Null)),
        ] {
            let mut opencode = place.run("an apricot please");
            place.told("it began", nth * 2 - 1).await;
            send(i32::try_from(opencode.id().unwrap()).unwrap(), signal);
            let status = opencode.wait().await.unwrap();
            assert_eq!(status.signal(), Some(number), "as it ends without the plugin");
            let events = place.told("it ended", nth * 2).await;
            assert_eq!(end(&events[nth * 2 - 1]), wanted);
        }
        peer.stop_well().await;
        assert_eq!(place.events().len(), 6);
    });
}

#[test]
fn without_a_peer_it_says_nothing_and_holds_up_nothing() {
    story(async {
        let place = Place::with_plugin().await;
        place.stage.model.script("apricot", json!([{ "text": "done" }]));
        let output = place.run("an apricot please").wait_with_output().await.unwrap();
        assert!(output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(!said.contains("orgx") && !said.contains("plugin"), "{said}");
        assert!(!place.state_file().exists(), "it does not listen");
    });
}

#[test]
fn a_server_is_found_by_its_state_file_through_its_start_its_crash_and_its_next_start() {
    story(async {
        let _already = rustls::crypto::ring::default_provider().install_default();
        let place = Place::with_plugin().await;
        // PROTOCOL: opencode.md 0, a call that comes while it starts may never be answered.
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        let serve = async || {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let server = place.opencode(&["serve", "--hostname", "127.0.0.1", "--port", &port.to_string()]);
            // Plugins are loaded with the first folder that is used.
            let url = format!("http://127.0.0.1:{port}/session?directory={}", place.stage.project.display());
            let asked = async || http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success());
            until("the server answers", asked).await;
            until("the state file names it", async || place.stated()["port"] == port).await;
            (server, port)
        };
        let (mut server, first) = serve().await;
        let stated = place.stated();
        assert_eq!((stated["version"].as_str(), &stated["session_count"]), (Some("1.18.33"), &json!(0)));
        server.kill().await.unwrap();
        assert_eq!(place.stated()["port"], first, "nobody could clear it away");
        let (mut server, second) = serve().await;
        assert_ne!(first, second);

        // The file is all that the peer has to go by.
        let peer = place.peer().await;
        place.stage.model.script("quince", json!([{ "text": "done" }]));
        place.stage.gateway.dispatch(task("run_found", &place.stage.project, "A quince please"));
        place.stage.completion("run_found").await;
        // Its session is a run's: it began and ended once, whoever tells of it.
        let events = place.told("the run's session", 2).await;
        assert_eq!(end(&events[1]).0, "completed");

        send(i32::try_from(server.id().unwrap()).unwrap(), Signal::TERM);
        let _status = server.wait().await.unwrap();
        until("the state file is gone", async || !place.state_file().exists()).await;
        peer.stop_well().await;
        assert_eq!(place.events().len(), 2, "{:#?}", place.events());
    });
}

#[test]
fn it_is_installed_looked_at_and_removed_with_the_program() {
    story(async {
        let place = Place::set().await;
        assert!(place.tool(&["plugin", "status"]).await.contains("There is no plugin"));
        place.tool(&["plugin", "install"]).await;
        let status: Value = serde_json::from_str(&place.tool(&["plugin", "status", "--json"]).await).unwrap();
        assert_eq!(status["state"], "installed");
        let file = PathBuf::from(status["path"].as_str().unwrap());
        std::fs::write(&file, "// mine\n").unwrap();
        let refused =
            place.stage.command_of(&["plugin", "install"]).envs(place.home.env()).output().await.unwrap();
        assert_eq!(refused.status.code(), Some(1));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "// mine\n");
        std::fs::remove_file(&file).unwrap();
        place.tool(&["plugin", "install"]).await;
        assert!(place.tool(&["plugin", "remove"]).await.contains("is gone"));
        assert!(!file.exists());
    });
}
