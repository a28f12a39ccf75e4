//! Whatever arrives, the peer lives on, and says what it can.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, task, until};
use serde_json::{Value, json};

/// The peer answers a plain task: it is well.
async fn is_well(world: &World, run: &str) {
    assert_eq!(world.run(run, "x").await["kind"], "task.completed", "{run}");
}

#[tokio::test]
async fn garbage_frames_are_ignored() {
    let world = World::new().await;
    let peer = world.peer().await;
    let deep = "[".repeat(10_000);
    let deep_object = r#"{"kind":"#.repeat(10_000);
    for text in [
        "null",
        "[]",
        "[1,2,3]",
        "\"text\"",
        "7",
        "true",
        "",
        "{",
        "not json",
        "{}",
        r#"{"kind":null}"#,
        r#"{"kind":"x"}"#,
        r#"{"kind":"task.dispatch"}"#,
        r#"{"kind":"task.dispatch","run_id":null}"#,
        r#"{"kind":"task.cancel"}"#,
        r#"{"kind":"task.cancel","run_id":"nobody"}"#,
        deep.as_str(),
        deep_object.as_str(),
        "\u{0}\u{202e}",
    ] {
        world.gateway.send_text(text);
    }
    world.gateway.send_binary(vec![0xff, 0xfe, 0x00]);
    world.gateway.send_binary(b"null".to_vec());
    world.gateway.ping(b"not a counter".to_vec());
    is_well(&world, "after").await;
    assert_eq!(world.gateway.connections(), 1, "none of it cost the connection");
    let told: Vec<String> = world.gateway.frames().iter().map(|frame| frame.run_id().to_owned()).collect();
    assert!(told.iter().all(|run| run == "after"), "{told:?}");
    peer.stop().await;
}

#[tokio::test]
async fn a_dispatch_in_a_binary_frame_is_taken() {
    let world = World::new().await;
    let peer = world.peer().await;
    world.gateway.send_binary(task("binary", "x", None).to_string().into_bytes());
    assert_eq!(world.gateway.terminal("binary").await.expect("a terminal")["kind"], "task.completed");
    peer.stop().await;
}

#[tokio::test]
async fn a_frame_of_ten_megabytes_costs_its_connection_and_nothing_else() {
    let world = World::new().await;
    let peer = world.peer().await;
    world.gateway.send_text(format!("{{\"kind\":\"x\",\"pad\":\"{}\"}}", "x".repeat(10_000_000)));
    world.gateway.wait_connected(2).await.expect("back again");
    is_well(&world, "after").await;
    peer.stop().await;
}

#[tokio::test]
async fn a_dispatch_that_cannot_be_run_is_answered_and_never_reaches_the_agent() {
    let world = World::new().await;
    let mut config = world.config();
    config.runs.allowed_folders = vec![world.folder()];
    let peer = world.peer_with(config).await;
    let change = |run: &str, change: fn(&mut Value)| {
        let mut frame = task(run, "x", None);
        change(&mut frame);
        frame
    };
    for (frame, reason) in [
        (
            change("v2", |frame| frame["protocol_version"] = json!(2)),
            "Gateway Protocol v2 dispatches are not supported by this peer; it speaks v1",
        ),
        (
            change("codex", |frame| frame["task"]["driver"] = json!("codex")),
            "No driver registered for 'codex'",
        ),
        (
            change("nokey", |frame| frame["idempotency_key"] = json!(7)),
            "the dispatch's idempotency_key is not a text",
        ),
        (change("notask", |frame| frame["task"] = json!(null)), "the dispatch has no task object"),
        (change("notitle", |frame| frame["task"]["title"] = json!("")), "the task has no title"),
        (
            change("rel", |frame| frame["task"]["repo_path"] = json!("w/api")),
            "the task's folder is not an absolute path",
        ),
        (
            change("gone", |frame| frame["task"]["repo_path"] = json!("/nowhere/at/all")),
            "the task's folder does not exist on this computer",
        ),
        (
            change("etc", |frame| frame["task"]["repo_path"] = json!("/etc")),
            "the task's folder is outside the folders that the person allowed for OrgX on this computer",
        ),
    ] {
        let run = frame["run_id"].as_str().expect("a run").to_owned();
        world.gateway.dispatch(frame);
        let end = world.gateway.terminal(&run).await.expect("a terminal");
        assert_eq!(
            (end["reason"].as_str(), end["recoverable"].as_bool()),
            (Some(reason), Some(false)),
            "{run}"
        );
        assert_eq!(world.gateway.of_run(&run).len(), 1, "one frame, and no other");
    }
    assert_eq!(world.daemon.prompts(), []);
    assert_eq!(world.outbox_lines(), [Value::Null; 0], "nothing began, so nothing is in the trail");
    is_well(&world, "after").await;
    peer.stop().await;
}

#[tokio::test]
async fn a_dispatch_that_comes_twice_runs_once() {
    let world = World::new().await;
    let peer = world.peer().await;
    world.dispatch("r", "x");
    world.dispatch("r", "x");
    world.gateway.terminal("r").await.expect("a terminal");
    world.dispatch("r", "x");
    is_well(&world, "after").await;
    let prompts: Vec<String> = world.daemon.prompts().into_iter().map(|(key, _)| key).collect();
    assert_eq!(prompts, ["key_r", "key_after"]);
    let terminals = world.gateway.frames().iter().filter(|frame| frame.is_terminal_of("r")).count();
    assert_eq!(terminals, 1);
    until(&peer, "quiet", |now| now.runs.is_empty()).await;
    peer.stop().await;
}
