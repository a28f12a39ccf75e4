//! What happens in the narrow places: a journal that cannot be written for a moment, one that is replaced, and a run
//! that is still being looked up when something else happens to it.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;
#[path = "common/half_prompted.rs"]
mod half_prompted;

use common::{World, until};
use half_prompted::{OpenCode, Session, journal, leave};
use orgx_peer::{Clock, Command, LocalTask, PauseState, Peer};
use orgx_sandbox::daemon::Line;
use orgx_sandbox::gateway::{Endpoint, HttpFault, UpgradeFault};
use serde_json::json;
use std::io::{Seek, SeekFrom, Write};

/// A peer that finds a run of before, on this OpenCode.
async fn peer_of(world: &World, opencode: &OpenCode) -> Peer {
    let mut config = world.config();
    config.opencode.server_url =
        Some(format!("http://127.0.0.1:{}", opencode.port).parse().expect("an address"));
    world.peer_with(config).await
}

#[tokio::test]
async fn a_run_that_is_cancelled_while_it_is_looked_up_is_never_prompted() {
    let world = World::new().await;
    leave(&world, 0).await;
    let opencode = OpenCode::start(Session::Unprompted).await;
    let peer = peer_of(&world, &opencode).await;
    opencode.until_asked("/message/msg_1", 1).await;
    peer.command(Command::Cancel { run_id: "r".into(), exact: true }).await.expect("cancelled");
    let end = world.gateway.terminal("r").await.expect("told");
    assert_eq!((end["reason"].as_str(), end["recoverable"].as_bool()), (Some("cancelled"), Some(false)));
    opencode.until_asked("/abort", 1).await;
    peer.stop().await;
    assert_eq!(opencode.prompts(), 0);
}

#[tokio::test]
async fn a_run_that_is_looked_up_when_the_peer_stops_is_never_prompted() {
    let world = World::new().await;
    leave(&world, 0).await;
    let opencode = OpenCode::start(Session::Unprompted).await;
    let peer = peer_of(&world, &opencode).await;
    opencode.until_asked("/message/msg_1", 1).await;
    peer.stop().await;
    assert_eq!(world.gateway.terminal("r").await.expect("told")["reason"], "peer stopped");
    assert_eq!(opencode.prompts(), 0);
}

#[tokio::test]
async fn a_session_that_is_busy_with_what_cannot_be_seen_is_not_prompted_again() {
    let world = World::new().await;
    leave(&world, 0).await;
    let opencode = OpenCode::start(Session::Busy).await;
    let peer = peer_of(&world, &opencode).await;
    // More often than one that is idle is asked before it is prompted.
    opencode.until_asked("/message/msg_1", 6).await;
    assert_eq!(opencode.prompts(), 0);
    peer.stop().await;
}

#[tokio::test]
async fn a_run_that_ended_while_no_peer_lived_is_told_as_it_ended_however_late() {
    let world = World::new().await;
    // Its 600 s are long over.
    leave(&world, 3_600_000).await;
    let opencode = OpenCode::start(Session::Done).await;
    let peer = peer_of(&world, &opencode).await;
    let end = world.gateway.terminal("r").await.expect("told");
    assert_eq!((end["kind"].as_str(), end["tokens_used"].as_u64()), (Some("task.completed"), Some(10)));
    assert_eq!(opencode.prompts(), 0);
    peer.stop().await;
}

#[tokio::test]
async fn the_end_of_a_try_that_could_not_be_written_does_not_undo_the_next_one() {
    let world = World::new().await;
    world.daemon.script("long", vec![Line::Hang]);
    let clock = Clock::adjustable();
    let mut config = world.config();
    config.clock = clock.clone();
    config.runs.per_folder = 2;
    let peer = world.peer_with(config).await;
    let path = journal(&world.home.path().join("state"));
    let other = rusqlite::Connection::open(&path).expect("the journal");
    other.execute_batch("BEGIN IMMEDIATE").expect("another program holds it");
    world.dispatch("r", "long");
    let end = world.gateway.terminal("r").await.expect("told");
    assert!(end["reason"].as_str().expect("a reason").contains("journal cannot be written"), "{end}");
    assert!(peer.snapshot().journal_trouble.is_some());
    other.execute_batch("ROLLBACK").expect("let go");
    world.dispatch("r", "long");
    world.started("r").await;
    // Past the time at which ends that could not be written are tried again.
    let row = || {
        let row = "SELECT key, spent_at IS NOT NULL, terminal FROM run WHERE run_id = 'r'";
        other.query_row(row, [], |row| {
            Ok((row.get::<_, Option<String>>(0)?, row.get::<_, bool>(1)?, row.get::<_, Option<String>>(2)?))
        })
    };
    let spent = (Some("key_r".to_owned()), true, None);
    assert_eq!(row().expect("a row"), spent);
    until(&peer, "the journal works", |now| now.journal_trouble.is_none()).await;
    clock.pass(orgx_peer::limits::JOURNAL_RETRY * 2).await;
    world.run("after", "x").await;
    assert_eq!(row().expect("a row"), spent);
    let prompted = world.daemon.prompts().into_iter().filter(|(key, _)| key == "key_r").count();
    assert_eq!(prompted, 1);
    peer.stop().await;
}

#[tokio::test]
async fn a_journal_that_is_replaced_in_mid_life_still_knows_what_orgx_is_owed() {
    let world = World::new().await;
    let done = json!({ "kind": "assistant_completed" });
    world.daemon.script("gated", vec![Line::Gate("go".into()), Line::Json(done)]);
    let peer = world.peer().await;
    world.dispatch("r", "gated");
    world.started("r").await;
    peer.command(Command::Pause { after_current_runs: false }).await.expect("paused");
    world.gateway.faults().upgrade_always(Some(UpgradeFault::refuse(503)));
    world.gateway.faults().http_always(Endpoint::Receipt, Some(HttpFault::status(503)));
    world.gateway.reset();
    until(&peer, "offline", |now| !now.connected).await;
    world.daemon.open("go");
    until(&peer, "ended", |now| !now.recent.is_empty()).await;
    damage(&journal(&world.home.path().join("state")));
    let own = LocalTask { prompt: "x".into(), folder: Some(world.folder()), model: None, driver: None };
    peer.command(Command::Task(own)).await.expect("the peer goes on");
    let now = until(&peer, "done", |now| now.recent.len() == 2).await;
    assert!(now.warnings.iter().any(|words| words.contains("has been set aside as")), "{:?}", now.warnings);
    peer.stop().await;
    assert!(world.gateway.frames().iter().all(|frame| !frame.is_terminal_of("r")));

    world.gateway.faults().clear();
    let peer = world.peer().await;
    assert_eq!(world.gateway.terminal("r").await.expect("told")["kind"], "task.completed");
    let posted = |_: &[orgx_sandbox::Request]| world.gateway.receipt("r").is_some();
    world.gateway.wait_request("the receipt", posted).await.expect("posted");
    assert_eq!(peer.snapshot().pause, PauseState::Paused);
    peer.command(Command::Resume).await.expect("resumed");
    // The key is remembered, too: asked again, nothing runs.
    world.dispatch("r", "gated");
    world.run("after", "x").await;
    let prompted = world.daemon.prompts().into_iter().filter(|(key, _)| key == "key_r").count();
    assert_eq!(prompted, 1);
    peer.stop().await;
}

/// Overwrites all pages but the first of a journal that is in use.
fn damage(path: &std::path::Path) {
    let db = rusqlite::Connection::open(path).expect("the journal");
    db.execute_batch("INSERT OR REPLACE INTO setting VALUES ('x', 'y')")
        .expect("a change, so that caches are void");
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("all in the file");
    let mut file = std::fs::OpenOptions::new().write(true).open(path).expect("the file");
    let length = file.metadata().expect("its length").len();
    file.seek(SeekFrom::Start(4096)).expect("the second page");
    file.write_all(&vec![0xA5; usize::try_from(length - 4096).expect("a length")]).expect("damaged");
}

#[tokio::test]
async fn a_peer_that_drains_goes_on_draining_after_a_restart() {
    let world = World::new().await;
    world.daemon.script("gated", vec![Line::Gate("go".into())]);
    let peer = world.peer().await;
    world.dispatch("a", "gated");
    world.started("a").await;
    world.dispatch("b", "x");
    until(&peer, "both", |now| now.runs.len() == 2).await;
    peer.command(Command::Pause { after_current_runs: true }).await.expect("draining");
    world.dispatch("late", "x");
    until(&peer, "three", |now| now.runs.len() == 3).await;
    peer.stop().await;
    let peer = world.peer().await;
    assert_eq!(world.gateway.terminal("b").await.expect("it ran")["kind"], "task.completed");
    let now = until(&peer, "paused", |now| now.pause == PauseState::Paused).await;
    let waiting: Vec<&str> = now.runs.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(waiting, ["late"], "{now:#?}");
    peer.stop().await;
}
