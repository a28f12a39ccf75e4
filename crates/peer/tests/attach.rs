//! A second program at a running peer: the same handle, over the control socket, without the key.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
#![cfg(unix)]

mod common;

use common::{KEY, World, until};
use orgx_peer::{AttachError, Command, CommandError, Peer, PeerEvent, RunState};
use orgx_sandbox::daemon::Line;
use serde_json::json;

#[tokio::test]
async fn the_handle_of_another_program_shows_and_does_the_same() {
    let world = World::new().await;
    let step = Line::Json(json!({ "kind": "tool_call", "tool": "t", "summary": "look" }));
    world.daemon.script("long", vec![step, Line::AwaitCancel]);
    let peer = world.peer().await;
    let other = attach(&world).await.expect("a peer");
    until(&other, "connected", |now| now.connected).await;
    let mut events = other.events();
    world.dispatch("r1", "long");
    let seen = until(&other, "a step", |now| now.runs.iter().any(|run| run.steps == 1)).await;
    assert_eq!((seen.runs[0].run_id.as_str(), seen.runs[0].state), ("r1", RunState::Running));
    other.command(Command::Cancel { run_id: "r1".into(), exact: true }).await.expect("done");
    let mut kinds = Vec::new();
    while !matches!(kinds.last(), Some(PeerEvent::Ended { .. })) {
        kinds.push(events.recv().await.expect("an event"));
    }
    assert!(matches!(kinds[0], PeerEvent::Arrived { .. }), "{kinds:?}");
    until(&other, "the end", |now| now.recent.iter().any(|run| run.run_id == "r1")).await;
    assert_eq!(peer.snapshot().recent, other.snapshot().recent);
    peer.stop().await;
    assert_eq!(other.command(Command::Resume).await, Err(CommandError::Gone));
    assert!(other.ended().await);
}

#[tokio::test]
async fn who_runs_is_known_without_a_key_and_none_is_a_clear_word() {
    let world = World::new().await;
    assert!(matches!(attach(&world).await, Err(AttachError::NotRunning)));
    let peer = world.peer().await;
    let config = world.config();
    let running = Peer::running(&config.paths).await;
    assert_eq!(running.len(), 1);
    assert_eq!((&running[0].tenant, running[0].hello.workspace_id.as_str()), (&config.tenant(), "w1"));
    assert_eq!(running[0].hello.pid, std::process::id());
    peer.stop().await;
    assert_eq!(Peer::running(&config.paths).await, []);
    assert!(matches!(attach(&world).await, Err(AttachError::NotRunning)));
    assert!(!config.paths.control(&config.tenant()).exists());
}

#[tokio::test]
async fn peers_that_hang_hold_up_nobody_who_looks_for_another() {
    let world = World::new().await;
    let peer = world.peer().await;
    let config = world.config();
    let hung: Vec<_> = ["aaaaaaaaaaaa", "bbbbbbbbbbbb"]
        .into_iter()
        .map(|tenant| {
            std::fs::write(config.paths.state.join(format!("peer-{tenant}.lock")), "1\n").expect("a lock");
            let socket = config.paths.state.join(format!("{tenant}.sock"));
            std::os::unix::net::UnixListener::bind(socket).expect("a socket")
        })
        .collect();
    let began = std::time::Instant::now();
    let running = Peer::running(&config.paths).await;
    // One of them alone would take five seconds.
    assert!(began.elapsed() < std::time::Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(running.iter().map(|running| &running.tenant).collect::<Vec<_>>(), [&config.tenant()]);
    drop(hung);
    peer.stop().await;
}

#[tokio::test]
async fn another_program_may_stop_it_and_hears_when_it_is_gone() {
    let world = World::new().await;
    let peer = world.peer().await;
    attach(&world).await.expect("a peer").stop().await;
    assert!(peer.ended().await);
    assert_eq!(world.gateway.wait_closed().await.expect("closed").code, 1000);
}

#[tokio::test]
async fn letting_go_of_either_handle_does_what_it_says() {
    let world = World::new().await;
    let peer = world.peer().await;
    drop(attach(&world).await.expect("a peer"));
    let other = attach(&world).await.expect("it is still there");
    drop(peer);
    assert!(other.ended().await, "the handle was the last that kept it");
}

#[tokio::test]
async fn a_peer_without_a_control_socket_runs_and_says_so() {
    let world = World::new().await;
    let config = world.config();
    std::fs::create_dir_all(config.paths.control(&config.tenant())).expect("something in its place");
    let peer = world.peer_with(config).await;
    let said = until(&peer, "the warning", |now| !now.warnings.is_empty()).await;
    assert!(said.warnings[0].starts_with("The control socket could not be made"), "{:?}", said.warnings);
    peer.stop().await;
}

#[tokio::test]
async fn nothing_on_the_socket_holds_the_key_or_a_prompt() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::new().await;
    world.daemon.script("canary title", vec![Line::Hang]);
    let peer = world.peer().await;
    let config = world.config();
    let mut socket =
        tokio::net::UnixStream::connect(config.paths.control(&config.tenant())).await.expect("a peer");
    socket.write_all(b"{\"id\":1,\"command\":\"subscribe\"}\n").await.expect("it reads");
    let mut task = common::task("r1", "canary title", Some(&world.folder()));
    task["task"]["description"] = json!("canary description");
    world.gateway.dispatch(task);
    world.started("r1").await;
    peer.stop().await;
    let mut said = String::new();
    socket.read_to_string(&mut said).await.expect("text");
    assert!(said.contains("r1") && said.contains("ended"), "{said}");
    assert!(!said.contains(KEY) && !said.contains("canary description"), "{said}");
}

#[tokio::test]
async fn what_is_wrong_is_one_sentence_also_from_outside() {
    use orgx_sandbox::gateway::UpgradeFault;
    for (fault, sentence) in [
        (UpgradeFault::refuse(401), "OrgX does not know this key"),
        (UpgradeFault::refuse(403), "This key may not receive tasks"),
        (UpgradeFault::Html, "A web page answers in OrgX's place"),
        (UpgradeFault::retry_after(503, 600), "OrgX lets nobody in at the moment"),
    ] {
        let world = World::new().await;
        world.gateway.faults().upgrade_always(Some(fault));
        let peer = Peer::start(world.config()).await.expect("a peer");
        let other = attach(&world).await.expect("a peer");
        let seen = until(&other, sentence, |now| now.health.sentence.starts_with(sentence)).await;
        assert!(seen.health.action.is_some());
        peer.stop().await;
    }
}

async fn attach(world: &World) -> Result<Peer, AttachError> {
    let config = world.config();
    Peer::attach(&config.paths, &config.tenant()).await
}
