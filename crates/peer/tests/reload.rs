//! `config.toml` changes under a running peer.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, task, until};
use orgx_peer::{Command, CommandError, Config, Peer, Reply, RunState};
use orgx_sandbox::daemon::Line;
use serde_json::json;

/// A world whose environment fixes no more than the key, and a peer that reads this file.
async fn with_file(world: &World, toml: &str) -> Peer {
    write(world, toml);
    let outbox = world.outbox();
    let environment = orgx_peer::Environment::of([("ORGX_API_KEY", common::KEY)])
        .with("HOME", world.home.path())
        .with("ORGX_BASE_URL", world.gateway.base_url())
        .with("ORGX_PEER_STATE_DIR", world.home.path().join("state"))
        .with("ORGX_PEER_CONFIG_DIR", world.home.path().join("config"));
    let mut config = Config::load(&environment).expect("a configuration");
    config.opencode.use_running = false;
    config.outbox = Some(outbox);
    world.peer_with(config).await
}

fn write(world: &World, toml: &str) {
    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).expect("a folder");
    let toml = format!("[orgx]\nworkspace_id = \"w1\"\n{toml}");
    std::fs::write(config.join("config.toml"), toml).expect("a file");
}

async fn reload(peer: &Peer) -> Vec<String> {
    match peer.command(Command::Reload).await.expect("reloaded") {
        Reply::Reloaded { restart } => restart,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn more_runs_at_once_begin_at_once_and_fewer_let_those_that_run_finish() {
    let world = World::new().await;
    let done = json!({ "kind": "assistant_completed", "tokens_used": 1 });
    world.daemon.script("gated", vec![Line::Gate("go".into()), Line::Json(done)]);
    let peer = with_file(&world, "[runs]\nconcurrent = 1\nper_folder = 5\n").await;
    for run in ["a", "b", "c"] {
        world.dispatch(run, "gated");
    }
    world.started("a").await;
    write(&world, "[runs]\nconcurrent = 2\nper_folder = 5\n");
    assert_eq!(reload(&peer).await, [""; 0]);
    world.started("b").await;
    let now = peer.snapshot();
    assert_eq!((now.places, now.settings.concurrent), (2, 2));
    write(&world, "[runs]\nconcurrent = 1\nper_folder = 5\n");
    reload(&peer).await;
    let now = until(&peer, "three", |now| now.runs.len() == 3 && now.places == 1).await;
    assert_eq!(now.runs.iter().filter(|run| run.state == RunState::Running).count(), 2, "they are finished");
    world.daemon.open("go");
    for run in ["a", "b", "c"] {
        assert_eq!(world.gateway.terminal(run).await.expect("told")["kind"], "task.completed");
    }
    peer.stop().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_changes_nothing_and_says_where() {
    let world = World::new().await;
    let peer = with_file(&world, "[runs]\nconcurrent = 1\n").await;
    for (toml, words) in [
        ("[runs\n", "line 3"),
        (
            "[outbox]\nenabled = false\n[runs]\nconcurrent = 0\n",
            "runs.concurrent cannot be used: it must be at least 1",
        ),
        ("[runs]\nallowed_folders = [\"here\"]\n", "here is not an absolute path"),
    ] {
        write(&world, toml);
        let error = peer.command(Command::Reload).await.expect_err("refused");
        assert!(matches!(error, CommandError::Invalid { .. }), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
        let now = peer.snapshot();
        assert_eq!(
            (now.places, now.outbox.is_some(), now.settings.allowed_folders.len()),
            (1, true, 0),
            "{toml}"
        );
    }
    peer.stop().await;
}

#[tokio::test]
async fn what_needs_a_restart_is_named_each_time_until_there_is_one() {
    let world = World::new().await;
    let peer = with_file(&world, "").await;
    let config = world.home.path().join("config/config.toml");
    std::fs::write(&config, "[orgx]\nworkspace_id = \"w2\"\nplugin_id = \"p\"\n").expect("a file");
    for _ in 0..2 {
        assert_eq!(reload(&peer).await, ["orgx.workspace_id", "orgx.plugin_id"]);
    }
    assert_eq!(peer.snapshot().settings.workspace_id, "w1", "what is in force");
    write(&world, "");
    assert_eq!(reload(&peer).await, [""; 0]);
    peer.stop().await;
}

#[tokio::test]
async fn presence_and_outbox_go_off_and_on() {
    let world = World::new().await;
    let peer = with_file(&world, "").await;
    until(&peer, "an outbox", |now| now.outbox.is_some() && now.settings.outbox).await;
    world.run("r1", "x").await;
    until(&peer, "written", |now| now.outbox.as_ref().is_some_and(|outbox| outbox.written > 3)).await;
    let lines = world.outbox_lines().len();
    write(&world, "presence = false\n[outbox]\nenabled = false\n");
    assert_eq!(reload(&peer).await, [""; 0]);
    let now = peer.snapshot();
    assert_eq!((now.outbox, now.settings.outbox, now.settings.presence), (None, false, false));
    world.run("r2", "x").await;
    assert_eq!(world.outbox_lines().len(), lines, "nothing more is written");
    let elsewhere = world.home.path().join("elsewhere/events.jsonl");
    write(&world, &format!("[outbox]\npath = '{}'\n", elsewhere.display()));
    reload(&peer).await;
    let told = world
        .gateway
        .requests()
        .iter()
        .filter(|request| request.path.ends_with("/gateway/heartbeat"))
        .count();
    let presence = |all: &[orgx_sandbox::Request]| {
        all.iter().filter(|request| request.path.ends_with("/gateway/heartbeat")).count() > told
    };
    world.gateway.wait_request("presence is told again", presence).await.expect("told");
    world.run("r3", "x").await;
    until(&peer, "written there", |now| {
        now.outbox.as_ref().is_some_and(|outbox| outbox.last_kind.as_deref() == Some("task_completed"))
    })
    .await;
    assert!(elsewhere.is_file());
    assert_eq!(peer.snapshot().outbox.expect("one").path, elsewhere.display().to_string());
    peer.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_not_allowed_any_more_is_refused_to_what_still_waits() {
    let world = World::new().await;
    let peer = with_file(&world, "").await;
    peer.command(Command::Pause { after_current_runs: false }).await.expect("paused");
    world.gateway.dispatch(task("waits", "x", Some(&world.folder())));
    until(&peer, "queued", |now| now.runs.iter().any(|run| run.folder.is_some())).await;
    std::fs::create_dir(world.home.path().join("other")).expect("a folder");
    write(&world, &format!("[runs]\nallowed_folders = ['{}']\n", world.home.path().join("other").display()));
    reload(&peer).await;
    let end = world.gateway.terminal("waits").await.expect("told");
    assert_eq!((end["kind"].as_str(), end["recoverable"].as_bool()), (Some("task.failed"), Some(false)));
    assert!(world.daemon.prompts().is_empty());
    peer.stop().await;
}

/// The drivers that OrgX was offered with the newest connection.
fn offered(world: &World) -> String {
    let upgrades = world.gateway.upgrades();
    let query = upgrades.last().expect("an upgrade").query_pairs();
    query.into_iter().find(|(name, _)| name == "drivers").expect("drivers").1
}

#[cfg(unix)]
#[tokio::test]
async fn an_agent_that_is_switched_off_or_comes_is_told_on_a_new_connection() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    let peer = with_file(&world, "[claude]\nenabled = false\n").await;
    assert_eq!(offered(&world), "opencode");
    let program = world.home.path().join("claude");
    std::fs::write(&program, "#!/bin/sh\necho '{\"loggedIn\":true}'\n").expect("a program");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a program");
    for (connection, toml, drivers) in [
        (2, format!("[claude]\nprogram = '{}'\n", program.display()), "claude_code,opencode"),
        (
            3,
            format!("[claude]\nprogram = '{}'\n[opencode]\nenabled = false\n", program.display()),
            "claude_code",
        ),
        (4, "[claude]\nenabled = false\n".to_owned(), "opencode"),
    ] {
        write(&world, &toml);
        assert_eq!(reload(&peer).await, [""; 0], "nothing waits for a restart");
        world.gateway.wait_connected(connection).await.expect("a new connection");
        assert_eq!(offered(&world), drivers);
        let takes_claude = drivers.contains("claude");
        until(&peer, "it is known", |now| now.settings.claude == takes_claude && now.connected).await;
    }
    let mut dispatch = task("r", "x", Some(&world.folder()));
    dispatch["task"]["driver"] = "claude_code".into();
    world.gateway.dispatch(dispatch);
    let end = world.gateway.terminal("r").await.expect("told");
    assert_eq!(end["reason"], "No driver registered for 'claude_code'");
    peer.stop().await;
}
