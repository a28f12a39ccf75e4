//! `orgx-peer hook` never stands in the way, and `lifecycle` says what there is.

#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{FakePeer, program, told};
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

/// A second, and what a busy computer may add to the start of a program.
const SOON: Duration = Duration::from_secs(10);

fn hook(home: &Path, args: &[&str]) -> Output {
    let began = Instant::now();
    let output = program(home).arg("hook").args(args).output().expect("it runs");
    assert!(began.elapsed() < SOON, "{args:?} took {:?}", began.elapsed());
    assert_eq!(output.status.code(), Some(0), "{args:?}");
    output
}

fn announce(home: &Path, url: &str) {
    let state = home.join(".local/state/orgx-peer");
    std::fs::create_dir_all(&state).expect("a folder");
    let file = json!({"version": 1, "url": url, "secret": "hush"}).to_string();
    std::fs::write(state.join("webhook.json"), file).expect("a file");
}

#[test]
fn whatever_happens_it_ends_with_0_and_is_silent() {
    let home = tempfile::tempdir().expect("a folder");
    let home = home.path();
    let stop = ["stop", "--session-id", "s", "--exit-status", "-1"];
    let verbose = [&stop[..], &["--verbose"]].concat();
    let nobody = "no receiver of session events runs on this computer";
    assert_eq!(told(&hook(home, &stop)), "exit 0\n");
    assert!(told(&hook(home, &verbose)).contains(nobody));
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    announce(home, &format!("http://{gone}/webhook/opencode"));
    assert_eq!(told(&hook(home, &stop)), "exit 0\n");
    assert!(told(&hook(home, &verbose)).contains("cannot be reached"));
    // Somebody listens, and never answers.
    let mute = TcpListener::bind("127.0.0.1:0").expect("a port");
    announce(home, &format!("http://{}/webhook/opencode", mute.local_addr().expect("an address")));
    assert_eq!(told(&hook(home, &stop)), "exit 0\n");
    assert!(told(&hook(home, &verbose)).contains("did not answer in time"));
    for file in ["", "{}", "null", "{\"version\":1,\"secret\":\"x\",\"url\":\"nonsense\"}"] {
        std::fs::write(home.join(".local/state/orgx-peer/webhook.json"), file).expect("a file");
        assert_eq!(told(&hook(home, &stop)), "exit 0\n", "{file}");
    }
}

#[test]
fn wrong_usage_is_told_and_is_no_order_to_the_program_that_calls_it() {
    let home = tempfile::tempdir().expect("a folder");
    for args in [&["stop"][..], &["start", "--session-id", "s", "--pid", "x"], &["begin"], &[]] {
        let said = told(&hook(home.path(), args));
        assert!(said.contains("Usage: ") || said.contains("error: invalid value"), "{args:?}: {said}");
    }
    let other = program(home.path()).args(["runs", "--nonsense"]).output().expect("it runs");
    assert_eq!(other.status.code(), Some(2), "everywhere else it is an error");
}

#[test]
fn events_are_listed_as_lines_or_as_json_and_followed_to_the_end() {
    let event = |number: i64, phase: &str| {
        json!({"number": number, "event": {
            "id": format!("evt_{number:016}"), "timestamp": "2020-01-02T10:00:00.000Z", "source": "opencode",
            "type": "actor.stopped",
            "provenance": {"platform": "opencode", "platform_event": "session.failed", "author": "opencode",
                "author_type": "bot", "session_id": "ses_1", "working_directory": "/w"},
            "payload": {
                "lifecycle": {"phase": phase, "terminal": true, "outcome": "failure", "reason": "exit_code_1",
                    "dedupe_key": "opencode:ses_1:failed"},
                "session": {"id": "ses_1", "adapter": "opencode", "harness": "opencode", "cwd": "/w",
                    "ended_at": "2020-01-02T10:00:00.000Z", "exit_status": 1},
                "session_id": "ses_1", "cwd": "/w", "duration_seconds": 1, "exit_status": 1, "summary": "", "model": ""},
            "trace_id": "trc_0"}})
    };
    let peer = FakePeer::start(move |request, _| {
        assert_eq!(request["command"], "lifecycle");
        json!({"ok": {"reply": "lifecycle", "events": [event(1, "failed")]}})
    });
    let said = told(&peer.program().arg("lifecycle").output().expect("it runs"));
    assert_eq!(said, "exit 0\nJan 2 2020  Failed  opencode  ses_1  exit_code_1  /w\n");
    let said = told(&peer.program().args(["lifecycle", "--json", "-n", "5"]).output().expect("it runs"));
    assert!(said.starts_with("exit 0\n{\"id\":\"evt_0000000000000001\",\"timestamp\":"), "{said}");
    assert_eq!(said.lines().count(), 2);

    let off = FakePeer::start(
        |_, _| json!({"error": {"code": "not_receiving", "why": "session events are not received: ..."}}),
    );
    let said = told(&off.program().arg("lifecycle").output().expect("it runs"));
    assert_eq!(said, "exit 1\norgx-peer: session events are not received: ...\n");
}
