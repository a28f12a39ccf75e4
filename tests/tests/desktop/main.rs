//! The stories of the desktop app: the real `orgx-tray` on a screen, a session bus and in a home of its own.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

mod asks;
mod autostart;
mod first_run;
mod harness;
mod keychain;
mod notices;
mod quit;
mod safety;
mod together;
mod tray;
mod window;

use orgx_sandbox::daemon::Line;
use orgx_tests::desktop::Desk;
use serde_json::{Value, json};

/// Waits until presence told OrgX whether tasks can start here, and how many wait.
async fn told(desk: &Desk, ready: bool, waiting: u64) {
    let wanted = (json!(ready), json!(waiting));
    let told = |requests: &[orgx_sandbox::Request]| {
        let mut presence =
            requests.iter().rev().filter(|request| request.path.ends_with("/gateway/heartbeat"));
        let metadata = presence.next().map(|last| &last.body["metadata"]);
        metadata.is_some_and(|told| (&told["dispatch_ready"], &told["queue_depth"]) == (&wanted.0, &wanted.1))
    };
    let end = tokio::time::Instant::now() + orgx_tests::WAIT;
    while let Err(late) = desk.gateway.wait_request("presence", told).await {
        assert!(tokio::time::Instant::now() < end, "ready {ready}, waiting {waiting}: {late}");
    }
}

/// From now on a task with ENDLESS in its title goes on until it is cancelled.
fn endless(desk: &Desk) {
    desk.agent.script("ENDLESS", vec![Line::AwaitCancel, Line::End]);
}

/// From now on a task with GATED in its title goes on until the gate `go` is open.
fn gated(desk: &Desk) {
    desk.agent.script("GATED", vec![Line::Gate("go".into()), Line::Json(done())]);
}

/// The agent's last word.
fn done() -> Value {
    json!({ "kind": "assistant_completed", "tokens_used": 1200 })
}

/// The agent edits a file.
fn edit(path: &str, summary: &str) -> Line {
    Line::Json(json!({ "kind": "file_edit", "path": path, "summary": summary }))
}

/// One skill of one rule: its id, and what an edit's path must hold.
fn rule(skill: &str, pattern: &str) -> Value {
    json!({ "id": skill, "rules": [{
        "pattern": pattern, "on": "file_edit", "dedupe_fingerprint": format!("{skill}-1"),
        "evidence_kind": "budget_shift",
    }] })
}
