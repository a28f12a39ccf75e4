//! Budgets on an agent that cannot be held: it is stopped, and nobody is asked what could not be done.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, until};
use orgx_peer::Clock;
use orgx_sandbox::daemon::Line;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_daemons_run_at_its_minutes_is_stopped_and_says_so() {
    let world = World::new().await;
    let step = Line::Json(json!({ "kind": "tool_call", "tool": "t", "summary": "look" }));
    world.daemon.script("long", vec![step, Line::AwaitCancel]);
    let mut config = world.config();
    config.run_budget.minutes = Some(5);
    config.clock = Clock::adjustable();
    let clock = config.clock.clone();
    let peer = world.peer_with(config).await;
    world.dispatch("r1", "long");
    until(&peer, "a step", |now| now.runs.iter().any(|run| run.steps == 1)).await;
    clock.pass(Duration::from_secs(290)).await;
    assert!(peer.snapshot().recent.is_empty(), "it has ten seconds left");
    clock.pass(Duration::from_secs(11)).await;
    let now = until(&peer, "the end", |now| now.recent.iter().any(|run| run.run_id == "r1")).await;
    assert_eq!(now.recent[0].reason.as_deref(), Some("stopped at its budget: 5 of 5 minutes"));
    assert_eq!(now.attention, []);
    peer.stop().await;
}
