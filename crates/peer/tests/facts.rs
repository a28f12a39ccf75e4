//! What a window shows of a running peer: the connection's facts, the day's counts, runs with their steps, receipts
//! and why they wait, the outbox, and a run whole.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{KEY, WAIT, World, until};
use orgx_peer::{Command, CommandError, Peer, PeerEvent, ReceiptState, Reply, RunDetail, RunState};
use orgx_sandbox::daemon::Line;
use orgx_sandbox::gateway::{Endpoint, HttpFault};
use serde_json::json;

fn edit() -> Line {
    Line::Json(json!({ "kind": "file_edit", "path": "a.rs", "summary": "x", "diff_ref": "e1" }))
}

fn done() -> Line {
    Line::Json(json!({ "kind": "assistant_completed", "tokens_used": 3400 }))
}

async fn detail(peer: &Peer, run_id: &str) -> RunDetail {
    match peer.command(Command::Detail { run_id: run_id.into(), exact: true }).await.expect("a run") {
        Reply::Detail(detail) => *detail,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_run_is_seen_live_and_whole_afterwards() {
    let world = World::new().await;
    world.daemon.script("Fix \u{202e}it\u{7}", vec![edit(), Line::Gate("go".into()), done()]);
    let peer = world.peer().await;
    world.dispatch("r1", "Fix \u{202e}it\u{7}");
    let now = until(&peer, "a step", |now| now.runs.iter().any(|run| run.last_step.is_some())).await;
    let run = &now.runs[0];
    assert_eq!((run.title.as_deref(), run.driver.as_deref()), (Some("Fix it"), Some("opencode")));
    assert!(run.started_at.is_some_and(|at| at >= run.arrived_at));
    let step = run.last_step.clone().expect("a step");
    assert_eq!((step.kind.as_str(), step.summary.as_str()), ("file_edit", "edit a.rs — x"));
    assert_eq!(now.places, 2);
    let live = detail(&peer, "r1").await;
    assert_eq!((live.run.state, live.steps, live.receipt), (RunState::Running, vec![step.clone()], None));
    assert_eq!(live.run.title.as_deref(), Some("Fix it"));

    world.daemon.open("go");
    let now = until(&peer, "delivered", |now| now.receipts.delivered == 1).await;
    assert_eq!(
        (now.today.done, now.today.failed, now.today.tokens, now.today.cost_cents),
        (1, 0, 3400, None)
    );
    assert_eq!(now.receipts.waiting, 0);
    assert_eq!(now.recent[0].title.as_deref(), Some("Fix it"));
    assert!(now.recent[0].ended_at > 0);
    let over = detail(&peer, "r1").await;
    assert_eq!((over.run.state, over.steps), (RunState::Completed, vec![step]));
    let posted = world.gateway.receipt("r1").expect("a receipt");
    assert_eq!(over.receipt.expect("a receipt"), posted, "as it went over the wire");
    let receipt = over.run.receipt.expect("a receipt");
    assert_eq!((receipt.state, receipt.why, receipt.next_at), (ReceiptState::Delivered, None, None));
    assert_eq!(
        peer.command(Command::Detail { run_id: "nobody".into(), exact: false }).await,
        Err(CommandError::NoSuchRun { run_id: "nobody".into() })
    );
    peer.stop().await;

    // What was in memory is gone; what is in the journal is not.
    let peer = world.peer().await;
    let now = until(&peer, "counted", |now| now.today.done == 1).await;
    assert_eq!((now.today.tokens, now.receipts.delivered), (3400, 1));
    let before = detail(&peer, "r1").await;
    assert_eq!((before.run.title, before.steps), (None, vec![]));
    assert_eq!(before.receipt.expect("the journal has it")["tokens_used"], 3400);
    peer.stop().await;
    for file in ["state", "hooks"] {
        assert!(!holds(&world.home.path().join(file), "Fix it"), "a title is in no file of ours");
    }
}

/// Is this text in a file of this folder?
fn holds(folder: &std::path::Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    files
        .filter_map(|file| std::fs::read(file.path()).ok())
        .any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
}

#[tokio::test]
async fn a_failed_run_shows_what_orgx_was_told_and_the_deviations_of_it_are_listed() {
    let world = World::new().await;
    world.gateway.set_skills(json!({ "skills": [{ "id": "s", "rules": [
        { "pattern": "a.rs", "on": "file_edit", "dedupe_fingerprint": "f", "evidence_kind": "budget_shift" }] }] }));
    world.daemon.script("breaks", vec![edit(), Line::Json(json!({ "kind": "error", "message": "no more" }))]);
    let peer = world.peer().await;
    until(&peer, "rules", |now| now.rules == 1).await;
    let mut events = peer.events();
    let end = world.run("r1", "breaks").await;
    until(&peer, "failed", |now| now.today.failed == 1).await;
    let over = detail(&peer, "r1").await;
    assert_eq!(over.receipt, Some(end), "the terminal as it went over the wire");
    let [deviation] = over.deviations.as_slice() else { panic!("one deviation: {over:?}") };
    let deviation =
        (deviation.skill_id.as_str(), deviation.evidence_kind.as_str(), deviation.evidence_ref.as_str());
    assert_eq!(deviation, ("s", "budget_shift", "e1"));
    assert_eq!(over.deviations[0].file.as_deref(), Some("a.rs"), "what people are told");
    let heard = async {
        loop {
            if let PeerEvent::Deviation { evidence_kind, .. } = events.recv().await.expect("an event") {
                return evidence_kind;
            }
        }
    };
    assert_eq!(tokio::time::timeout(WAIT, heard).await.expect("in time"), "budget_shift");
    peer.stop().await;
}

#[tokio::test]
async fn the_connection_says_since_when_how_far_and_when_it_is_tried_again() {
    let world = World::new().await;
    let peer = world.peer().await;
    let now = until(&peer, "connected", |now| now.connected).await;
    let host = world.gateway.base_url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    assert_eq!(now.link.host, host);
    assert!(now.link.since.is_some() && now.link.heard_at >= now.link.since);
    assert_eq!((now.link.retry_at, now.link.tries), (None, 0));
    world.run("r1", "x").await;
    until(&peer, "a round trip", |now| now.link.round_trip_ms.is_some()).await;

    // Refused for good: tried again in minutes, unless somebody does not want to wait.
    world.gateway.accept_key(Some("oxk_another_0123456789".to_owned()));
    world.gateway.close(4401, "revoked");
    let now = until(&peer, "refused", |now| now.link.retry_at.is_some()).await;
    assert_eq!(now.link.since, None);
    assert!(now.link.retry_at.is_some_and(|at| at > wall() + 60_000), "in minutes");
    let before = world.gateway.connections();
    peer.command(Command::Reconnect).await.expect("it tries");
    let now = until(&peer, "refused again", |now| now.link.tries > 0 && now.link.retry_at.is_some()).await;
    assert!(!now.connected);
    world.gateway.accept_key(Some(KEY.to_owned()));
    peer.command(Command::Reconnect).await.expect("it tries");
    world.gateway.wait_connected(before + 1).await.expect("connected");
    let now = until(&peer, "connected", |now| now.connected).await;
    assert_eq!(now.link.tries, 0);
    peer.stop().await;
}

fn wall() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    now.as_millis() as i64
}

#[tokio::test]
async fn a_receipt_that_waits_says_why_and_until_when_and_goes_when_somebody_does_not_want_to_wait() {
    let world = World::new().await;
    world.gateway.faults().http_always(Endpoint::Receipt, Some(HttpFault::status(503)));
    let peer = world.peer().await;
    world.run("r1", "x").await;
    let why = async || match peer.command(Command::Receipts { limit: 5 }).await.expect("receipts") {
        Reply::Runs { runs } => runs[0].receipt.clone().expect("a receipt"),
        other => panic!("{other:?}"),
    };
    let waiting = loop {
        let receipt = why().await;
        if receipt.why.as_deref() == Some("OrgX answered 503") {
            break receipt;
        }
        // Each look is an answer of the peer.
    };
    assert_eq!(waiting.state, ReceiptState::Waiting);
    assert!(waiting.tries > 0);
    assert_eq!(peer.snapshot().receipts.waiting, 1);
    world.gateway.faults().clear();
    peer.command(Command::Reconnect).await.expect("it tries");
    until(&peer, "delivered", |now| now.receipts.delivered == 1 && now.receipts.waiting == 0).await;
    peer.stop().await;
}

#[tokio::test]
async fn the_outbox_tells_its_size_and_newest_line() {
    let world = World::new().await;
    let peer = world.peer().await;
    world.run("r1", "x").await;
    let wanted = Some("task_completed".to_owned());
    let now =
        until(&peer, "written", |now| now.outbox.as_ref().is_some_and(|outbox| outbox.last_kind == wanted))
            .await;
    let outbox = now.outbox.expect("an outbox");
    let file = std::fs::metadata(world.outbox()).expect("a file").len();
    assert_eq!(
        (outbox.bytes, outbox.today, outbox.written),
        (file, world.outbox_lines().len() as u64, outbox.today)
    );
    peer.stop().await;
    let peer = world.peer().await;
    let again = until(&peer, "read", |now| now.outbox.as_ref().is_some_and(|outbox| outbox.bytes > 0)).await;
    let again = again.outbox.expect("an outbox");
    assert_eq!((again.bytes, again.today, again.written), (outbox.bytes, outbox.today, 0));
    assert_eq!((again.last_kind, again.last_at), (outbox.last_kind, outbox.last_at));
    peer.stop().await;
}

#[tokio::test]
async fn settings_in_force_are_told_with_what_the_environment_fixes() {
    let world = World::new().await;
    let peer = world.peer().await;
    let now = until(&peer, "settings", |now| !now.settings.workspace_id.is_empty()).await;
    assert_eq!(now.settings.workspace_id, "w1");
    assert!(now.settings.presence && now.settings.outbox && !now.settings.ask_for_folders);
    assert_eq!((now.settings.concurrent, now.settings.per_folder), (2, 1));
    assert_eq!(
        now.settings.fixed_by_environment,
        ["ORGX_WORKSPACE_ID", "ORGX_BASE_URL", "ORGX_WIZARD_HOOK_OUTBOX"]
    );
    let told = serde_json::to_string(&now).expect("JSON");
    assert!(!told.contains(KEY));
    peer.stop().await;
}
