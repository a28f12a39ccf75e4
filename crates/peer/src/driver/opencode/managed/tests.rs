//! What becomes of a server that is over or that nobody waits for, and of what it left running.

use super::*;
use crate::config::{Draft, Environment};
use crate::paths::Paths;
use std::os::unix::fs::PermissionsExt;
use std::process::Child;

fn managed(dir: &Path, program: Option<PathBuf>) -> Managed {
    let env = Environment::of([("HOME", "/nowhere"), ("PATH", "/usr/bin:/bin")]);
    let draft = Draft::parse(&env, Paths { config: dir.into(), state: dir.into(), runtime: None }, "");
    let mut config = draft.expect("a draft").opencode.expect("settings");
    config.program = program;
    Managed::new(&config, dir, dir.join("managed-t.json"), dir.join("log"))
}

/// A command that says it is of that OpenCode, and has that password.
fn command_of(pid: &str, password: &str) -> Child {
    let mut command = std::process::Command::new("sleep");
    let command = command.arg("300").env("OPENCODE_PID", pid).env("OPENCODE_SERVER_PASSWORD", password);
    let child = command.spawn().expect("sleep");
    let is_set_up = || {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", child.id()));
        name.is_ok_and(|name| name.trim() == "sleep")
    };
    while !is_set_up() {
        std::thread::yield_now();
    }
    child
}

#[tokio::test]
async fn what_a_server_left_running_that_ended_without_a_peer_is_ended_before_it_is_forgotten() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut server = std::process::Command::new("sleep").arg("300").spawn().expect("sleep");
    let (pid, started) = (server.id(), owner::started(server.id()).expect("it runs"));
    let mut left = command_of(&pid.to_string(), "a password of ours");
    let mut persons = command_of(&pid.to_string(), "a password of theirs");
    server.kill().expect("ours");
    let _status = server.wait();
    let managed = managed(dir.path(), None);
    Record { pid, started, port: 1, password: "a password of ours".into() }.write(&managed.files.record);
    managed.take_up(true);
    managed.settled().await;
    assert!(!managed.files.record.exists());
    let _status = left.wait();
    assert!(persons.try_wait().expect("ours").is_none(), "another program was ended");
    persons.kill().expect("ours");
    let _status = persons.wait();
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_any_more_leaves_nothing_of_it_running() {
    let dir = tempfile::tempdir().expect("a folder");
    let program = dir.path().join("opencode");
    // Like npm's wrapper: what it starts does the work.
    std::fs::write(&program, "#!/bin/sh\nsleep 300 & echo $! > new; mv new child; wait\n").expect("a file");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a program");
    let managed = managed(dir.path(), Some(program));
    let child = async {
        loop {
            if let Ok(child) = std::fs::read_to_string(dir.path().join("child")) {
                break child;
            }
            sleep(LOOK).await;
        }
    };
    let child = tokio::select! {
        started = managed.start() => panic!("{:?}", started.is_ok()),
        child = child => child,
    };
    let gone = async {
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        while stat().is_ok_and(|stat| !stat.contains(") Z ")) {
            sleep(LOOK).await;
        }
    };
    timeout(Duration::from_secs(20), gone).await.expect("it runs on");
    assert!(managed.running().is_none());
}

#[tokio::test]
async fn a_server_that_nobody_has_needed_for_long_enough_is_ended_and_one_that_is_needed_is_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let program = dir.path().join("opencode");
    let script = "#!/bin/sh\necho \"opencode server listening on http://127.0.0.1:1\"\nexec sleep 300\n";
    std::fs::write(&program, script).expect("a file");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a program");
    let idle = Duration::from_millis(200);
    let managed = Managed { idle, ..managed(dir.path(), Some(program)) };
    let lease = managed.lease();
    let client = managed.start().await.expect("it starts").expect("a server");
    let record = Record::read(&managed.files.record).expect("it is written down");
    // However long it is held: only time tells that nothing happens.
    sleep(idle * 5).await;
    assert!(managed.running().is_some() && record.runs(), "it is needed");
    drop(lease);
    timeout(Duration::from_secs(30), managed.ended(client)).await.expect("it runs on");
    managed.settled().await;
    assert!(managed.running().is_none() && !record.runs());
    assert!(!managed.files.record.exists(), "nobody is to look for it");
    assert_eq!(managed.given_up(), None, "it did not end by itself");
    // And it is there again when it is needed.
    let _lease = managed.lease();
    assert!(managed.start().await.expect("it starts").is_some());
    managed.stop().await;
}
