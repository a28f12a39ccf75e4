//! Our own `opencode serve`, left running by a peer that was killed with -9.

use orgx_sandbox::model::Asked;
use orgx_sandbox::opencode::OpenCodeHome;
use orgx_tests::opencode::{Place, mortal, path_with};
use orgx_tests::peer::Peer;
use orgx_tests::process::{self, until};
use orgx_tests::{Stage, story, task};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A stage whose peers start their own server.
pub(super) struct Own {
    pub(super) stage: Stage,
    pub(super) home: OpenCodeHome,
    program: PathBuf,
    _place: Place,
}

impl Own {
    pub(super) async fn set() -> Self {
        Self::set_with("[opencode]\nuse_running = false\n").await
    }

    /// With that for a config.toml.
    pub(super) async fn set_with(config: &str) -> Self {
        let stage = Stage::set().await;
        let place = Place::take().await;
        let home = OpenCodeHome::create(stage.root(), &stage.model.base_url()).unwrap();
        std::fs::write(stage.config().join("config.toml"), config).unwrap();
        let program = mortal(stage.root());
        stage.model.script(
            "two files",
            json!([
                { "tool_calls": [write("one.txt")] },
                { "gate": "go", "tool_calls": [write("two.txt")] },
                { "text": "Done." },
            ]),
        );
        Self { stage, home, program, _place: place }
    }

    pub(super) async fn peer(&self) -> Peer {
        let mut command = self.stage.command();
        command.envs(self.home.env()).env("PATH", path_with(self.program.parent()));
        self.stage.start(command).await
    }

    /// A peer in the middle of the run.
    pub(super) async fn peer_at_work(&self) -> Peer {
        let peer = self.peer().await;
        self.stage.gateway.dispatch(task("run", &self.stage.project, "Write two files"));
        self.stage.asked("two files", 2).await;
        peer
    }

    /// A peer whose server has nothing to do.
    pub(super) async fn peer_at_rest(&self) -> Peer {
        let peer = self.peer().await;
        self.stage.gateway.dispatch(task("first", &self.stage.project, "Say something"));
        self.stage.completion("first").await;
        let posted = |_: &[orgx_sandbox::Request]| self.stage.gateway.receipt("first").is_some();
        self.stage.gateway.wait_request("the receipt", posted).await.unwrap();
        peer
    }

    /// The servers that run.
    pub(super) fn servers(&self) -> Vec<i32> {
        let is_server = |pid: &i32| process::command_line(*pid).contains("/real/bin/opencode serve ");
        process::living_in(self.home.home()).into_iter().filter(is_server).collect()
    }

    pub(super) fn the_server(&self) -> i32 {
        let servers = self.servers();
        assert_eq!(servers.len(), 1, "{servers:?}");
        servers[0]
    }

    /// `managed.json`, which has the tenant in its name.
    pub(super) fn record_file(&self) -> Option<PathBuf> {
        let is_record = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("managed") && path.extension().is_some_and(|extension| extension == "json")
        };
        let entries = std::fs::read_dir(self.stage.state()).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).find(is_record)
    }

    pub(super) fn record(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.record_file().expect("managed.json")).expect("a file"))
            .expect("JSON")
    }

    pub(super) fn prompts(&self) -> usize {
        let first = |asked: &&Asked| asked.turn == 0 && asked.keyword == "two files";
        self.stage.model.requests().iter().filter(first).count()
    }

    pub(super) async fn nothing_is_left(&self) {
        let home = self.home.home();
        until("something is left", async || process::living_in(home).is_empty()).await;
        assert!(self.record_file().is_none(), "managed.json names a server that was ended");
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        for pid in process::living_in(self.home.home()) {
            process::send(pid, Signal::KILL);
        }
    }
}

/// A program that has nothing to do with any of this.
struct Stranger(Child);

impl Stranger {
    fn start() -> Self {
        let mut command = Command::new("sleep");
        command.arg("600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

fn write(file: &str) -> Value {
    json!({ "name": "write", "arguments": { "filePath": format!("{{{{cwd}}}}/{file}"), "content": "x\n" } })
}

#[test]
fn a_server_with_a_run_of_ours_is_taken_over_and_the_run_followed_to_its_end() {
    story(async {
        let own = Own::set().await;
        let peer = own.peer_at_work().await;
        let server = own.the_server();
        let mode =
            std::fs::metadata(own.record_file().expect("managed.json")).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(own.record()["pid"], server);
        assert!(!own.record().to_string().contains("oxk_"));
        peer.kill().await;
        assert!(process::is_alive(server), "it outlives a peer that is killed");

        let peer = own.peer().await;
        own.stage.model.open("go");
        let completed = own.stage.completion("run").await;
        assert_eq!(completed["tokens_used"], 3 * 110);
        assert_eq!(own.the_server(), server, "the same one");
        assert_eq!(own.prompts(), 1);
        // It is ours again: the next task needs no other one, and it ends with the peer.
        own.stage.gateway.dispatch(task("next", &own.stage.project, "Say something"));
        own.stage.completion("next").await;
        assert_eq!(own.the_server(), server);
        peer.stop_well().await;
        own.nothing_is_left().await;
    });
}

#[test]
fn a_server_that_is_too_busy_to_answer_at_the_restart_has_not_lost_the_run() {
    story(async {
        let own = Own::set().await;
        let peer = own.peer_at_work().await;
        let server = own.the_server();
        // In this order: a group that is stopped when it is orphaned is hung up by the kernel.
        peer.kill().await;
        process::send(server, Signal::STOP);
        let peer = own.peer().await;
        // Longer than a look at a server takes.
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
        assert!(
            own.stage.gateway.frames().iter().all(|frame| !frame.is_terminal_of("run")),
            "{:?}\n{}",
            own.stage.gateway.of_run("run"),
            own.stage.log()
        );
        process::send(server, Signal::CONT);
        own.stage.model.open("go");
        assert_eq!(own.stage.completion("run").await["tokens_used"], 3 * 110);
        assert_eq!(own.the_server(), server);
        assert_eq!(own.prompts(), 1);
        peer.stop_well().await;
        own.nothing_is_left().await;
    });
}

#[test]
fn a_run_that_ended_while_no_peer_lived_is_told_by_the_server_that_was_taken_over() {
    story(async {
        let own = Own::set().await;
        own.peer_at_work().await.kill().await;
        own.stage.model.open("go");
        own.stage.asked("two files", 3).await;
        let two = own.stage.project.join("two.txt");
        until("the second file", async || two.is_file()).await;
        let peer = own.peer().await;
        let completed = own.stage.completion("run").await;
        assert_eq!(completed["tokens_used"], 3 * 110);
        assert_eq!(own.prompts(), 1);
        peer.stop_well().await;
        own.nothing_is_left().await;
    });
}

#[test]
fn an_idle_server_that_was_left_running_is_ended() {
    story(async {
        let own = Own::set().await;
        let peer = own.peer_at_rest().await;
        let orphan = own.the_server();
        peer.kill().await;
        assert!(process::is_alive(orphan));
        let peer = own.peer().await;
        until("the orphan runs on", async || !process::is_alive(orphan)).await;
        until("managed.json names it still", async || own.record_file().is_none()).await;
        own.stage.gateway.dispatch(task("next", &own.stage.project, "Say something"));
        own.stage.completion("next").await;
        assert_ne!(own.the_server(), orphan);
        peer.stop_well().await;
        own.nothing_is_left().await;
    });
}

#[test]
fn a_process_that_is_not_the_one_written_down_is_neither_taken_over_nor_ended() {
    story(async {
        let own = Own::set().await;
        own.peer_at_rest().await.kill().await;
        let orphan = own.the_server();
        let mut stranger = Stranger::start();
        let (written, file) = (own.record(), own.record_file().expect("managed.json"));
        let mut reused = written.clone();
        reused["pid"] = stranger.0.id().into();
        let mut other_start = written.clone();
        other_start["started"] = "another boot:1".into();
        let nonsense = json!({ "pid": "no number", "port": null });
        for (run_id, record) in [("reused", reused), ("other_start", other_start), ("nonsense", nonsense)] {
            std::fs::write(&file, record.to_string()).unwrap();
            let peer = own.peer().await;
            own.stage.gateway.dispatch(task(run_id, &own.stage.project, "Say something"));
            own.stage.completion(run_id).await;
            assert!(process::is_alive(orphan), "{run_id}: ended, though it was not the one written down");
            assert!(stranger.0.try_wait().unwrap().is_none(), "{run_id}: another program was ended");
            let own_one = own.servers().into_iter().find(|pid| *pid != orphan);
            assert!(own_one.is_some(), "{run_id}: taken over, though it was not the one written down");
            peer.stop_well().await;
            assert_eq!(own.servers(), [orphan], "{run_id}");
        }
    });
}

#[test]
fn a_run_whose_server_is_gone_too_fails_as_interrupted_by_a_restart() {
    story(async {
        let own = Own::set().await;
        own.peer_at_work().await.kill().await;
        process::send(own.the_server(), Signal::KILL);
        until("the server ends", async || own.servers().is_empty()).await;
        let peer = own.peer().await;
        let failure = own.stage.failure("run").await;
        assert_eq!(failure, ("peer restarted during the run".to_owned(), true));
        assert_eq!(own.prompts(), 1);
        // The same dispatch again is the same failure: its key is spent.
        own.stage.gateway.dispatch(task("run", &own.stage.project, "Write two files"));
        own.stage.gateway.dispatch(task("next", &own.stage.project, "Say something"));
        own.stage.completion("next").await;
        assert_eq!(own.prompts(), 1);
        peer.stop_well().await;
        own.nothing_is_left().await;
    });
}

#[test]
fn a_server_that_was_just_starting_when_the_peer_was_killed_is_not_left_running() {
    story(async {
        let own = Own::set().await;
        let peer = own.peer().await;
        own.stage.gateway.dispatch(task("run", &own.stage.project, "Say something"));
        until("a server starts", async || !own.servers().is_empty()).await;
        let orphan = own.the_server();
        peer.kill().await;
        let peer = own.peer().await;
        // Nobody dispatches it again.
        own.stage.completion("run").await;
        peer.stop_well().await;
        until("the first server runs on", async || !process::is_alive(orphan)).await;
        own.nothing_is_left().await;
    });
}
