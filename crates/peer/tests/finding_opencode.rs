//! How OpenCode is found, and what is said when it is not.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, until};
use orgx_sandbox::daemon::StatusAnswer;
use serde_json::json;

#[tokio::test]
async fn every_state_of_the_state_file_is_told_and_a_run_fails_recoverable() {
    let world = World::new().await;
    let file = world.home.path().join(".opencode/state.json");
    let huge = format!(r#"{{"port":1,"pad":"{}"}}"#, "x".repeat(100_000));
    let closed = closed_port();
    let peer = world.peer().await;
    for (run, text, words) in [
        ("empty", "", "the OpenCode state file is not JSON; perhaps it is half written"),
        ("half", "{\"port\":40", "the OpenCode state file is not JSON; perhaps it is half written"),
        ("huge", huge.as_str(), "the OpenCode state file is larger than 64 KiB"),
        ("noport", "{}", "the OpenCode state file names no port"),
        ("dead", &format!("{{\"port\":{closed}}}"), "OpenCode is not running on this computer"),
        (
            "gateway",
            &format!("{{\"port\":{}}}", world.gateway.port()),
            "the state file's port is neither an OpenCode server nor an OpenCode daemon",
        ),
    ] {
        std::fs::write(&file, text).expect("a file");
        let end = world.run(run, "x").await;
        let reason = end["reason"].as_str().expect("a reason");
        assert!(reason.contains(words), "{run}: {reason}");
        assert!(!reason.contains(world.home.path().to_str().expect("text")), "no local path: {reason}");
        assert_eq!(end["recoverable"], true);
    }
    std::fs::remove_file(&file).expect("removed");
    let end = world.run("missing", "x").await;
    assert!(end["reason"].as_str().expect("a reason").contains("there is no `opencode` program to start"));

    // What failed before its key was spent may run later: the file is read anew each time.
    world.daemon.write_state_file(world.home.path()).expect("a state file");
    world.dispatch("missing", "x");
    let completed = |all: &[orgx_sandbox::gateway::Received]| {
        all.iter().any(|f| f.run_id() == "missing" && f.kind() == "task.completed")
    };
    world.gateway.wait_for("it to run", completed).await.expect("completed");
    peer.stop().await;
}

fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[tokio::test]
async fn a_port_with_a_web_page_or_without_an_answer_is_not_opencode() {
    let world = World::new().await;
    let peer = world.peer().await;
    for (run, answer, words) in [
        ("html", StatusAnswer::Html, "neither an OpenCode server nor an OpenCode daemon"),
        ("garbage", StatusAnswer::Garbage, "neither an OpenCode server nor an OpenCode daemon"),
        ("hang", StatusAnswer::Hang, "did not answer (no answer in time)"),
    ] {
        world.daemon.set_status(answer);
        let end = world.run(run, "x").await;
        assert!(end["reason"].as_str().expect("a reason").contains(words), "{run}: {end}");
        assert_eq!(end["recoverable"], true);
    }
    assert_eq!(world.daemon.prompts(), []);
    peer.stop().await;
}

#[tokio::test]
async fn an_address_that_the_person_named_is_the_only_one() {
    let world = World::new().await;
    let mut config = world.config();
    config.opencode.server_url = format!("http://127.0.0.1:{}", closed_port()).parse().ok();
    let peer = world.peer_with(config).await;
    let end = world.run("r", "x").await;
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("nobody answers at the configured address"), "{reason}");
    peer.stop().await;

    let mut config = world.config();
    config.opencode.server_url = world.daemon.url().parse().ok();
    config.opencode.state_file = None;
    let peer = world.peer_with(config).await;
    until(&peer, "the daemon", |now| now.agent.words.contains("OpenCode daemon 0.9.0-sandbox")).await;
    assert_eq!(world.run("s", "x").await["kind"], "task.completed");
    peer.stop().await;
}

/// Only root can be somebody else.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_listener_of_another_user_is_not_spoken_to() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;
    let listen = "use IO::Socket::INET; $| = 1;\n\
                  my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die;\n\
                  print $s->sockport, \"\\n\"; <STDIN>;";
    let other = std::process::Command::new("/usr/bin/perl")
        .args(["-e", listen])
        .current_dir("/")
        .uid(65534)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn();
    let port = other.and_then(|mut child| {
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line)?;
        Ok((child, line))
    });
    let Ok((mut child, line)) = port else {
        common::skipped("a_listener_of_another_user needs root and perl");
        return;
    };
    let Ok(port) = line.trim().parse::<u16>() else {
        common::skipped("a_listener_of_another_user needs a perl that another user may run");
        let _gone = child.kill();
        return;
    };
    let world = World::new().await;
    std::fs::write(world.home.path().join(".opencode/state.json"), json!({ "port": port }).to_string())
        .expect("a file");
    let peer = world.peer().await;
    let end = world.run("r", "x").await;
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("belongs to another user of this computer"), "{reason}");
    peer.stop().await;
    let _gone = child.kill();
    let _ended = child.wait();
}
