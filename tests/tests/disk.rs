//! Disks that are full or read-only, folders that cannot be used, and a second peer: told in words, and survived.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

use orgx_sandbox::daemon::{Daemon, Line};
use orgx_tests::disk::Disk;
use orgx_tests::peer::Peer;
use orgx_tests::process::until;
use orgx_tests::{Stage, programs, story_without_opencode, task};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::process::Command;

const NOT_ALLOWED: &str = "it mounts a small disk, which only root may do";

/// A stage with the daemon.
struct Small {
    stage: Stage,
    daemon: Daemon,
}

impl Small {
    async fn set() -> Self {
        let stage = Stage::set().await;
        let daemon = Daemon::start().await.unwrap();
        daemon.write_state_file(&stage.home()).unwrap();
        let config = "[opencode]\nuse_running = false\nstart_when_needed = false\n";
        std::fs::write(stage.config().join("config.toml"), config).unwrap();
        let done = Line::Json(json!({ "kind": "assistant_completed", "tokens_used": 7 }));
        daemon.script("gated", vec![Line::Gate("go".into()), done]);
        Self { stage, daemon }
    }

    async fn peer(&self) -> Peer {
        self.stage.start(self.stage.command()).await
    }

    fn trail(&self) -> PathBuf {
        self.stage.root().join("trail/events.jsonl")
    }

    /// A peer whose local trail goes to [`Self::trail`].
    async fn peer_with_a_trail(&self) -> Peer {
        let mut command = self.stage.command();
        command.env("ORGX_WIZARD_HOOK_OUTBOX", self.trail());
        self.stage.start(command).await
    }

    fn trail_of(&self, run_id: &str) -> usize {
        let text = std::fs::read_to_string(self.trail()).unwrap_or_default();
        let is_its =
            |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|line| line["run_id"] == run_id);
        text.lines().filter(is_its).count()
    }

    fn dispatch(&self, run_id: &str, title: &str) {
        self.stage.gateway.dispatch(task(run_id, &self.stage.project, title));
    }

    async fn run(&self, run_id: &str) -> Value {
        self.dispatch(run_id, "Write the notes");
        self.stage.end(run_id).await
    }

    async fn receipt(&self, run_id: &str) {
        let posted = |_: &[orgx_sandbox::Request]| self.stage.gateway.receipt(run_id).is_some();
        self.stage.gateway.wait_request("the receipt", posted).await.unwrap();
    }

    fn prompted(&self, run_id: &str) -> usize {
        let key = format!("key_of_{run_id}");
        self.daemon.prompts().iter().filter(|(of, _)| *of == key).count()
    }

    fn terminals(&self, run_id: &str) -> HashSet<String> {
        let frames = self.stage.gateway.frames();
        frames.iter().filter(|frame| frame.is_terminal_of(run_id)).map(|frame| frame.text.clone()).collect()
    }
}

/// It must end by itself, not well, with one sentence; that sentence.
async fn refuses_to_start(stage: &Stage, command: Command) -> String {
    // In a log of its own: another peer may be speaking, too.
    let file = stage.root().join("refused.log");
    let _before = std::fs::remove_file(&file);
    let status = Peer::start(command, file.clone()).ended().await;
    assert!(status.code().is_some_and(|code| code != 0), "it ended with {status}");
    let log = std::fs::read_to_string(&file).expect("its log");
    let last: Vec<&str> = log.lines().filter(|line| line.starts_with("orgx-peer: ")).collect();
    assert_eq!(last.len(), 1, "one sentence: {log}");
    assert!(!log.contains("panicked"), "{log}");
    assert!(log.trim_end().ends_with(last[0]), "it is the last word: {log}");
    last[0].to_owned()
}

#[test]
fn a_full_disk_under_the_journal_starts_no_task_and_loses_none() {
    story_without_opencode(async {
        let small = Small::set().await;
        let Some(disk) = Disk::over(&small.stage.state(), 1_024) else {
            return programs::say_skipped(NOT_ALLOWED);
        };
        let peer = small.peer().await;
        small.run("before").await;
        small.receipt("before").await;
        // One is under way when the disk fills up.
        small.dispatch("under_way", "gated");
        let started = |_: &[_]| small.prompted("under_way") == 1;
        small.daemon.wait_request("the prompt", started).await.unwrap();
        disk.fill();
        // The journal may have some room left in its own files.
        let mut refused = None;
        for number in 0..40 {
            let run_id = format!("full_{number}");
            let mut dispatch = task(&run_id, &small.stage.project("other"), "Write the notes");
            dispatch["task"]["description"] = "x".repeat(20_000).into();
            small.stage.gateway.dispatch(dispatch);
            let end = small.stage.end(&run_id).await;
            if end["kind"] == "task.failed" {
                refused = Some((run_id, end));
                break;
            }
        }
        let (refused, end) = refused.expect("a full disk stops the journal at some point");
        assert_eq!(end["recoverable"], true, "{end}");
        let reason = end["reason"].as_str().unwrap();
        assert!(reason.contains("not started"), "{reason}");
        assert!(!reason.contains('/'), "a local path in {reason}");
        assert_eq!(small.prompted(&refused), 0, "what is not journaled is not prompted");
        // What is under way goes on.
        small.daemon.open("go");
        assert_eq!(small.stage.end("under_way").await["kind"], "task.completed");

        disk.free();
        assert_eq!(small.run("after").await["kind"], "task.completed");
        small.receipt("after").await;
        small.receipt("under_way").await;
        // It was never started, so it may be tried again.
        let again = task(&refused, &small.stage.project, "Write the notes");
        small.stage.gateway.dispatch(again);
        let completed = |all: &[orgx_sandbox::gateway::Received]| {
            all.iter().any(|frame| frame.is_terminal_of(&refused) && frame.kind() == "task.completed")
        };
        small.stage.gateway.wait_for("the second try", completed).await.unwrap();
        small.receipt(&refused).await;
        // The end that could not be written down at first is, by now.
        let written = || {
            let kept = orgx_tests::journal::read(&small.stage.state()).unwrap_or_default();
            kept.get("under_way") == Some(&orgx_tests::journal::Kept::Ended)
        };
        until("the end of the run that was under way is not written down", async || written()).await;
        peer.kill().await;
        let peer = small.peer().await;
        small.dispatch("under_way", "gated");
        assert_eq!(small.run("last").await["kind"], "task.completed");
        peer.stop_well().await;
        assert_eq!(small.prompted("under_way"), 1);
        assert_eq!(small.terminals("under_way").len(), 1);
        drop(disk);
    });
}

#[test]
fn a_disk_that_is_full_at_the_start_is_told_in_one_sentence() {
    story_without_opencode(async {
        let small = Small::set().await;
        let Some(disk) = Disk::over(&small.stage.state(), 64) else {
            return programs::say_skipped(NOT_ALLOWED);
        };
        disk.fill();
        let sentence = refuses_to_start(&small.stage, small.stage.command()).await;
        assert!(sentence.contains("state folder") || sentence.contains("journal"), "{sentence}");
        disk.free();
        drop(disk);
    });
}

#[test]
fn a_full_disk_under_the_local_trail_stops_the_trail_and_no_run() {
    story_without_opencode(async {
        let small = Small::set().await;
        let Some(disk) = Disk::over(small.trail().parent().unwrap(), 64) else {
            return programs::say_skipped(NOT_ALLOWED);
        };
        let peer = small.peer_with_a_trail().await;
        small.run("before").await;
        until("the trail has the run's end", async || small.trail_of("before") >= 4).await;
        disk.fill();
        for number in 0..6 {
            assert_eq!(small.run(&format!("full_{number}")).await["kind"], "task.completed");
        }
        until("the peer says so", async || {
            small.stage.log().contains("local trail stopped: the disk is full; runs go on")
        })
        .await;
        disk.free();
        assert_eq!(small.run("after").await["kind"], "task.completed");
        until("the trail goes on", async || small.trail_of("after") >= 4).await;
        peer.stop_well().await;
        drop(disk);
    });
}

#[test]
fn a_local_trail_whose_disk_becomes_read_only_stops_and_no_run_does() {
    story_without_opencode(async {
        let small = Small::set().await;
        let peer = small.peer_with_a_trail().await;
        small.run("before").await;
        until("the trail has the run's end", async || small.trail_of("before") >= 4).await;
        let Some(disk) = Disk::read_only(small.trail().parent().unwrap()) else {
            return programs::say_skipped(NOT_ALLOWED);
        };
        assert_eq!(small.run("during").await["kind"], "task.completed");
        until("the peer says so", async || {
            small.stage.log().contains("local trail stopped: its disk is read-only; runs go on")
        })
        .await;
        drop(disk);
        assert_eq!(small.run("after").await["kind"], "task.completed");
        until("the trail goes on", async || small.trail_of("after") >= 4).await;
        peer.stop_well().await;
    });
}

#[test]
fn a_read_only_state_folder_is_told_in_one_sentence() {
    story_without_opencode(async {
        let small = Small::set().await;
        let Some(disk) = Disk::over(&small.stage.state(), 2_048) else {
            return programs::say_skipped(NOT_ALLOWED);
        };
        let says_so = |sentence: &str| {
            let told = sentence.contains("Read-only file system") || sentence.contains("read-only");
            assert!(told && sentence.contains("state"), "{sentence}");
        };
        disk.lock();
        says_so(&refuses_to_start(&small.stage, small.stage.command()).await);
        disk.unlock();
        let peer = small.peer().await;
        small.run("run").await;
        peer.stop_well().await;
        // The same for a folder that was used before.
        disk.lock();
        says_so(&refuses_to_start(&small.stage, small.stage.command()).await);
        disk.unlock();
        let peer = small.peer().await;
        small.run("again").await;
        peer.stop_well().await;
        drop(disk);
    });
}

#[test]
fn a_second_peer_is_turned_away_and_starts_at_once_when_the_first_is_killed() {
    story_without_opencode(async {
        let small = Small::set().await;
        let first = small.peer().await;
        let sentence = refuses_to_start(&small.stage, small.stage.command()).await;
        assert!(sentence.contains(&format!("(process {})", first.pid())), "{sentence}");
        assert_eq!(small.run("run").await["kind"], "task.completed", "the first is not disturbed");
        first.kill().await;
        let killed = Instant::now();
        let second = small.peer().await;
        assert!(killed.elapsed() < Duration::from_secs(10), "it took {:?}", killed.elapsed());
        assert_eq!(small.run("next").await["kind"], "task.completed");
        second.stop_well().await;
    });
}

#[test]
fn a_local_trail_that_cannot_be_written_is_told_and_no_run_stops() {
    story_without_opencode(async {
        let small = Small::set().await;
        std::fs::write(small.stage.root().join("trail"), "a file where a folder should be").unwrap();
        let peer = small.peer_with_a_trail().await;
        assert_eq!(small.run("during").await["kind"], "task.completed");
        until("the peer says so", async || {
            small.stage.log().contains("local trail stopped: its folder is not a folder; runs go on")
        })
        .await;
        std::fs::remove_file(small.stage.root().join("trail")).unwrap();
        assert_eq!(small.run("after").await["kind"], "task.completed");
        until("the trail goes on", async || small.trail_of("after") >= 4).await;
        peer.stop_well().await;
    });
}
