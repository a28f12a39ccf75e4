//! What a peer remembers: a key spent before a restart is not run again, and nothing owed to OrgX is forgotten.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, until};
use orgx_peer::{Peer, StartError};
use orgx_sandbox::daemon::Line;
use orgx_sandbox::gateway::{Endpoint, HttpFault, UpgradeFault};
use serde_json::json;

#[tokio::test]
async fn a_key_spent_before_a_restart_is_not_run_again() {
    let world = World::new().await;
    world.daemon.script("fails", vec![Line::Json(json!({ "kind": "error", "message": "it broke" }))]);
    let peer = world.peer().await;
    world.run("done", "x").await;
    world.run("failed", "fails").await;
    until(&peer, "confirmed", |now| now.unconfirmed == 0).await;
    peer.stop().await;

    let peer = world.peer().await;
    world.dispatch("done", "x");
    world.dispatch("failed", "fails");
    let told_again = |all: &[orgx_sandbox::gateway::Received]| {
        all.iter().filter(|f| f.is_terminal_of("failed")).count() == 2
    };
    let frames = world.gateway.wait_for("the failure again", told_again).await.expect("told again");
    let texts: Vec<&str> =
        frames.iter().filter(|f| f.is_terminal_of("failed")).map(|f| f.text.as_str()).collect();
    assert_eq!(texts[0], texts[1], "the same terminal, to the byte");
    assert_eq!(frames.iter().filter(|frame| frame.is_terminal_of("done")).count(), 1, "completed: silent");
    assert_eq!(world.daemon.prompts().len(), 2);
    peer.stop().await;
}

#[tokio::test]
async fn a_terminal_and_a_receipt_that_were_not_delivered_are_after_a_restart() {
    let world = World::new().await;
    world
        .daemon
        .script("gated", vec![Line::Gate("go".into()), Line::Json(json!({ "kind": "assistant_completed" }))]);
    let peer = world.peer().await;
    world.dispatch("r", "gated");
    world.started("r").await;
    world.gateway.faults().upgrade_always(Some(UpgradeFault::refuse(503)));
    world.gateway.faults().http_always(Endpoint::Receipt, Some(HttpFault::status(503)));
    world.gateway.reset();
    until(&peer, "offline", |now| !now.connected).await;
    world.daemon.open("go");
    until(&peer, "ended", |now| !now.recent.is_empty()).await;
    peer.stop().await;
    assert!(world.gateway.frames().iter().all(|frame| !frame.is_terminal_of("r")));

    world.gateway.faults().clear();
    let peer = world.peer().await;
    assert_eq!(world.gateway.terminal("r").await.expect("told")["kind"], "task.completed");
    world
        .gateway
        .wait_request("the receipt", |_| world.gateway.receipt("r").is_some())
        .await
        .expect("posted");
    peer.stop().await;
}

#[tokio::test]
async fn a_receipt_whose_terminal_was_confirmed_is_posted_after_a_restart() {
    let world = World::new().await;
    world.gateway.faults().http_always(Endpoint::Receipt, Some(HttpFault::status(503)));
    let peer = world.peer().await;
    world.run("r", "x").await;
    until(&peer, "confirmed", |now| now.unconfirmed == 0).await;
    peer.stop().await;
    world.gateway.faults().clear();
    let peer = world.peer().await;
    world
        .gateway
        .wait_request("the receipt", |_| world.gateway.receipt("r").is_some())
        .await
        .expect("posted");
    assert_eq!(world.gateway.receipt("r").expect("one").get("metadata"), None, "the socket had taken it");
    peer.stop().await;
}

#[tokio::test]
async fn a_receipt_that_is_under_way_when_the_peer_stops_is_posted_once() {
    let world = World::new().await;
    let posts = |run: &str| {
        let path = format!("/api/v1/runs/{run}/receipt");
        world.gateway.requests().iter().filter(|request| request.path == path).count()
    };
    for round in 0..5 {
        let run = format!("r{round}");
        let peer = world.peer().await;
        world.run(&run, "x").await;
        world
            .gateway
            .wait_request("the receipt", |_| world.gateway.receipt(&run).is_some())
            .await
            .expect("posted");
        peer.stop().await;
    }
    // Each start but the first would have posted those of the one before.
    let peer = world.peer().await;
    world.run("last", "x").await;
    world
        .gateway
        .wait_request("the receipt", |_| world.gateway.receipt("last").is_some())
        .await
        .expect("posted");
    peer.stop().await;
    let posted: Vec<usize> = (0..5).map(|round| posts(&format!("r{round}"))).collect();
    assert_eq!(posted, [1; 5]);
}

#[tokio::test]
async fn what_one_workspace_is_owed_is_never_told_to_another() {
    let world = World::new().await;
    world.daemon.script("long", vec![Line::Hang]);
    let first = world.peer().await;
    world.dispatch("r", "long");
    world.started("r").await;
    let elsewhere = orgx_sandbox::gateway::Gateway::start().await.expect("another OrgX");
    let mut config = world.config();
    config.workspace_id = "w2".into();
    config.base_url = elsewhere.base_url().parse().expect("an address");
    let second = Peer::start(config).await.expect("another workspace is no conflict");
    elsewhere.wait_connected(1).await.expect("connected");
    until(&second, "at work", |now| now.connected && now.agent.installed).await;
    assert_eq!(elsewhere.frames().len(), 0);
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn a_second_peer_of_the_same_workspace_is_turned_away() {
    let world = World::new().await;
    let peer = world.peer().await;
    let second = Peer::start(world.config()).await.expect_err("turned away");
    assert!(matches!(second, StartError::Lock(_)));
    assert!(second.to_string().contains("another peer (process "), "{second}");
    peer.stop().await;
    world.peer().await.stop().await;
}

#[tokio::test]
async fn an_installation_keeps_its_id() {
    let world = World::new().await;
    for _ in 0..2 {
        world.peer().await.stop().await;
    }
    let ids: Vec<Option<String>> =
        world.gateway.upgrades().iter().map(|upgrade| upgrade.query_value("installation_id")).collect();
    assert!(ids[0].is_some());
    assert_eq!(ids[0], ids[1]);
}
