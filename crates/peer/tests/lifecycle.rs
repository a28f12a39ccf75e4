//! The lifecycle receiver as part of a running peer.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, until};
use orgx_peer::{
    Command, CommandError, Config, LifecycleState, Peer, PeerEvent, PeerSnapshot, Phase, Reply, hook,
};
use orgx_sandbox::daemon::Line;
use serde_json::json;

async fn receiving(world: &World) -> Peer {
    let peer = world.peer_with(config(world)).await;
    until(&peer, "a receiver", listens).await;
    peer
}

fn config(world: &World) -> Config {
    let env = world.environment().with("ORGX_PEER_WEBHOOK_PORT", "0");
    let mut config = Config::load(&env).expect("a configuration");
    config.opencode.use_running = false;
    config.opencode.program = None;
    config
}

fn listens(now: &PeerSnapshot) -> bool {
    now.lifecycle.state == LifecycleState::Listening
}

async fn told(peer: &Peer) -> Vec<String> {
    let command = Command::Lifecycle { limit: 100, after: None };
    let Ok(Reply::Lifecycle { events }) = peer.command(command).await else { panic!("no events") };
    let told = |event: orgx_peer::LifecycleEvent| {
        let payload = event.event.payload;
        let reason = payload.lifecycle.reason.unwrap_or_default();
        format!("{} {}", payload.lifecycle.phase.as_str(), reason).trim().to_owned()
    };
    events.into_iter().map(told).collect()
}

fn hook(kind: &str, session: &str) -> hook::Hook {
    hook::Hook { hook_type: kind.into(), session_id: session.into(), ..hook::Hook::default() }
}

#[tokio::test]
async fn what_a_sender_tells_is_seen_in_events_the_snapshot_and_the_list() {
    let world = World::new().await;
    let peer = receiving(&world).await;
    let mut events = peer.events();
    let paths = config(&world).paths;
    for (kind, phase) in [("start", Phase::Started), ("stop", Phase::Completed)] {
        hook::send(paths.clone(), &hook(kind, "ses_1")).await.expect("taken");
        let heard = async {
            loop {
                match events.recv().await.expect("events") {
                    PeerEvent::SessionStarted { session } | PeerEvent::SessionEnded { session } => {
                        return session;
                    }
                    _ => {}
                }
            }
        };
        let session = tokio::time::timeout(common::WAIT, heard).await.expect("heard in time");
        assert_eq!((session.session_id.as_str(), session.phase), ("ses_1", phase));
        until(&peer, "shown", |now| now.lifecycle.sessions.first().is_some_and(|shown| *shown == session))
            .await;
    }
    assert_eq!(told(&peer).await, ["started", "completed exit_code_0"]);
    peer.stop().await;
    let nobody = hook::send(paths, &hook("stop", "ses_1")).await.expect_err("nobody listens");
    assert!(matches!(nobody, hook::HookError::Nobody), "{nobody}");
}

#[tokio::test]
async fn a_run_is_told_of_as_a_session_and_nobody_elses_word_on_it_counts() {
    let world = World::new().await;
    let done = json!({ "kind": "assistant_completed", "tokens_used": 1 });
    world.daemon.script("gated", vec![Line::Gate("go".into()), Line::Json(done)]);
    let peer = receiving(&world).await;
    let paths = config(&world).paths;
    world.dispatch("r1", "gated");
    let now = until(&peer, "it began", |now| now.lifecycle.sessions.iter().any(|s| s.run_id.is_some())).await;
    let session = now.lifecycle.sessions[0].clone();
    assert_eq!((session.run_id.as_deref(), session.cwd.as_deref()), (Some("r1"), world.folder().to_str()));
    hook::send(paths.clone(), &hook("stop", &session.session_id)).await.expect("dropped, and no error");
    world.daemon.open("go");
    until(&peer, "it ended", |now| now.lifecycle.sessions[0].ended_at.is_some()).await;
    assert_eq!(told(&peer).await, ["started", "completed run_completed"]);

    world.daemon.script("waits", vec![Line::Gate("never".into())]);
    world.dispatch("r2", "waits");
    let began = |now: &PeerSnapshot| now.lifecycle.sessions.iter().any(|s| s.run_id.as_deref() == Some("r2"));
    until(&peer, "the next one began", began).await;
    peer.command(Command::Cancel { run_id: "r2".into(), exact: true }).await.expect("cancelled");
    world.gateway.terminal("r2").await.expect("told");
    until(&peer, "it ended", |now| now.lifecycle.sessions[0].ended_at.is_some()).await;
    assert_eq!(told(&peer).await.last().map(String::as_str), Some("stopped run_cancelled"));
    peer.stop().await;
}

#[tokio::test]
async fn runs_that_ended_with_their_peer_are_over_and_told_once() {
    let world = World::new().await;
    world.daemon.script("gated", vec![Line::Gate("never".into())]);
    let peer = receiving(&world).await;
    world.dispatch("r1", "gated");
    until(&peer, "it began", |now| now.lifecycle.sessions.iter().any(|s| s.run_id.is_some())).await;
    peer.stop().await;
    let peer = receiving(&world).await;
    until(&peer, "it is over", |now| now.lifecycle.sessions.first().is_some_and(|s| s.ended_at.is_some()))
        .await;
    assert_eq!(told(&peer).await, ["started", "failed run_failed"]);
    peer.stop().await;
}

#[tokio::test]
async fn a_run_that_began_or_ended_while_nobody_was_told_is_told_of_as_soon_as_somebody_is() {
    let world = World::new().await;
    let done = json!({ "kind": "assistant_completed", "tokens_used": 1 });
    for title in ["one", "two"] {
        world.daemon.script(title, vec![Line::Gate(title.into()), Line::Json(done.clone())]);
    }
    let on = "[runs]\nper_folder = 2\n[lifecycle]\nenabled = true\nport = 0\n";
    let off = "[runs]\nper_folder = 2\n";
    world.write_config(off);
    let peer = world.peer().await;
    world.dispatch("r1", "one");
    world.started("r1").await;
    world.write_config(on);
    peer.command(Command::Reload).await.expect("reloaded");
    until(&peer, "its beginning is told", |now| now.lifecycle.sessions.len() == 1).await;
    world.write_config(off);
    peer.command(Command::Reload).await.expect("reloaded");
    world.daemon.open("one");
    assert_eq!(world.gateway.terminal("r1").await.expect("told")["kind"], "task.completed");
    world.dispatch("r2", "two");
    world.started("r2").await;
    world.write_config(on);
    peer.command(Command::Reload).await.expect("reloaded");
    let both = |now: &PeerSnapshot| {
        let sessions = &now.lifecycle.sessions;
        sessions.len() == 2 && sessions.iter().filter(|session| session.ended_at.is_some()).count() == 1
    };
    until(&peer, "the end of the one and the beginning of the other are told", both).await;
    let mut told = told(&peer).await;
    told.sort();
    assert_eq!(told, ["completed run_completed", "started", "started"]);
    world.daemon.open("two");
    until(&peer, "the other ended", |now| now.lifecycle.sessions.iter().all(|s| s.ended_at.is_some())).await;
    peer.stop().await;
}

#[tokio::test]
async fn it_is_off_until_it_is_switched_on_and_goes_off_and_on_without_a_restart() {
    let world = World::new().await;
    world.write_config("");
    let peer = world.peer().await;
    let now = peer.snapshot();
    assert_eq!((now.lifecycle.state, now.settings.lifecycle), (LifecycleState::Off, false));
    let off = peer.command(Command::Lifecycle { limit: 1, after: None }).await.expect_err("off");
    assert!(matches!(&off, CommandError::NotReceiving { why } if why.contains("[lifecycle]")), "{off}");
    assert!(!world.home.path().join("state/webhook.json").exists());
    world.write_config("[lifecycle]\nenabled = true\nport = 0\n");
    assert!(
        matches!(peer.command(Command::Reload).await, Ok(Reply::Reloaded { restart }) if restart.is_empty())
    );
    until(&peer, "it listens", |now| listens(now) && now.settings.lifecycle).await;
    let paths = config(&world).paths;
    hook::send(paths.clone(), &hook("start", "s")).await.expect("taken");
    world.write_config("[lifecycle]\nenabled = false\n");
    peer.command(Command::Reload).await.expect("reloaded");
    until(&peer, "it is off", |now| now.lifecycle.state == LifecycleState::Off).await;
    hook::send(paths.clone(), &hook("stop", "s")).await.expect_err("nobody listens");
    world.write_config("[lifecycle]\nenabled = true\nport = 0\n");
    peer.command(Command::Reload).await.expect("reloaded");
    until(&peer, "it listens again", listens).await;
    hook::send(paths, &hook("stop", "s")).await.expect("taken");
    assert_eq!(told(&peer).await, ["started", "completed exit_code_0"]);
    peer.stop().await;
}
