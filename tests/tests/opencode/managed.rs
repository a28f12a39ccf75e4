//! Our own `opencode serve` when things go wrong: it is killed, it never begins, its port is somebody else's.

use crate::orphans::Own;
use orgx_tests::process::{self, until};
use orgx_tests::{Stage, story, story_without_opencode, task};
use rustix::process::Signal;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// No way out of a server that does not work.
const NO_CLI: &str = "[opencode]\nuse_running = false\ncli = \"never\"\n";

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_run_ends_it_honestly_and_the_next_task_gets_another() {
    story(async {
        let own = Own::set().await;
        let peer = own.peer_at_work().await;
        let (first, before) = (own.the_server(), own.record());
        let password = before["password"].as_str().unwrap().to_owned();
        process::send(first, Signal::KILL);
        let words = "OpenCode's server ended in the middle of the run; what was done so far is in its folder";
        assert_eq!(own.stage.failure("run").await, (words.to_owned(), true));
        assert_eq!(own.prompts(), 1, "its session was looked up, and not prompted again");
        assert_eq!(own.stage.steps("run"), ["edit one.txt — +1 -0"], "what was told is not told twice");
        own.stage.model.open("go");

        own.stage.gateway.dispatch(task("next", &own.stage.project, "Say something"));
        own.stage.completion("next").await;
        let after = own.record();
        assert_ne!(own.the_server(), first);
        assert!(before["port"] != after["port"] && before["password"] != after["password"], "all its own");
        assert!(!own.project_was_touched_twice(), "nobody went on with it");

        let log = own.stage.log();
        assert!(log.contains("our own OpenCode server ended by itself"), "{log}");
        let passwords = [password, after["password"].as_str().unwrap().to_owned()];
        assert!(passwords.iter().all(|password| !log.contains(password)));
        peer.stop_well().await;
        own.nothing_is_left().await;
        for password in passwords {
            let found = Stage::files_with(own.stage.root(), &password);
            assert!(found.is_empty(), "its password is in {found:?}");
        }
        // What it said was kept for people, masked; what it said in the raw went with it.
        let logs = own.logs();
        assert_eq!(logs.len(), 1, "{logs:?}");
        assert!(std::fs::read_to_string(&logs[0]).unwrap().contains("opencode server listening on"));
        assert_eq!(std::fs::metadata(&logs[0]).unwrap().permissions().mode() & 0o777, 0o600);
    });
}

#[test]
fn two_tasks_at_once_share_one_server() {
    story(async {
        let own = Own::set().await;
        let peer = own.peer().await;
        let other = own.stage.project("other");
        own.stage.gateway.dispatch(task("one", &own.stage.project, "Say something"));
        own.stage.gateway.dispatch(task("two", &other, "Say something"));
        own.stage.completion("one").await;
        own.stage.completion("two").await;
        own.the_server();
        assert_eq!(own.stage.log().matches("starting our own OpenCode server").count(), 1);
        peer.stop_well().await;
        own.nothing_is_left().await;
    });
}

#[test]
fn who_listens_on_the_port_by_now_gets_no_password_and_is_left_alone() {
    story(async {
        let own = Own::set().await;
        own.peer_at_rest().await.kill().await;
        let orphan = own.the_server();
        // The process is the one that was written down, the port is not its own.
        let foreign = TcpListener::bind("127.0.0.1:0").unwrap();
        foreign.set_nonblocking(true).unwrap();
        let mut record = own.record();
        record["port"] = foreign.local_addr().unwrap().port().into();
        std::fs::write(own.record_file().unwrap(), record.to_string()).unwrap();
        let peer = own.peer().await;
        until("our own process is not ended", async || !process::is_alive(orphan)).await;
        own.stage.gateway.dispatch(task("next", &own.stage.project, "Say something"));
        own.stage.completion("next").await;
        let called = foreign.accept();
        assert!(
            called.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
            "nobody called it"
        );
        peer.stop_well().await;
        own.nothing_is_left().await;
    });
}

#[test]
fn a_server_that_never_begins_is_given_up_with_a_sentence_and_what_it_says_is_masked() {
    story_without_opencode(async {
        let stage = Stage::set().await;
        std::fs::write(stage.config().join("config.toml"), NO_CLI).unwrap();
        let bin = stage.root().join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        let program = bin.join("opencode");
        let home = stage.home();
        let script = "#!/bin/sh\necho start >> \"$HOME/starts\"; env > \"$HOME/env\"\n\
                      echo \"no: $OPENCODE_SERVER_PASSWORD oxk_canary_of_a_key\" >&2; exit 1\n";
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = stage.command();
        command.env("PATH", orgx_tests::opencode::path_with(Some(&bin)));
        let peer = stage.start(command).await;
        for run in ["one", "two", "three"] {
            stage.gateway.dispatch(task(run, &stage.project, "Say something"));
            let words = "`opencode serve` ended before it listened; try it in a terminal";
            assert_eq!(stage.failure(run).await, (words.to_owned(), true), "{run}");
        }
        stage.gateway.dispatch(task("four", &stage.project, "Say something"));
        let (reason, recoverable) = stage.failure("four").await;
        let words = "OpenCode's server ended by itself 3 times within 10 minutes and is left alone for 10 more: run \
                     `opencode serve` in a terminal to see why, or start it yourself";
        assert_eq!((reason.as_str(), recoverable), (words, true));
        assert_eq!(std::fs::read_to_string(home.join("starts")).unwrap().lines().count(), 3);

        let env = std::fs::read_to_string(home.join("env")).unwrap();
        assert!(!env.contains("ORGX_"), "{env}");
        let password = env.lines().find_map(|line| line.strip_prefix("OPENCODE_SERVER_PASSWORD=")).unwrap();
        std::fs::remove_file(home.join("env")).unwrap();
        peer.stop_well().await;
        assert!(Stage::files_with(stage.root(), password).is_empty());
        let said = Stage::files_with(&stage.state(), "no: [redacted] [redacted]");
        assert_eq!(said.len(), 1, "{said:?}");
    });
}

impl Own {
    /// Was the second file written, too?
    fn project_was_touched_twice(&self) -> bool {
        self.stage.project.join("two.txt").exists()
    }

    /// What the servers said, for people.
    fn logs(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.stage.state()).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect()
    }
}
