//! A hand on the wheel: pause, drain, resume, cancel, tasks of the person's own, and a flood of dispatches.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, task, until};
use orgx_peer::{Command, CommandError, LocalTask, PauseState, Peer, PeerEvent, Reply, RunRecord, RunState};
use orgx_sandbox::daemon::Line;
use serde_json::json;

const PAUSE: Command = Command::Pause { after_current_runs: false };
const DRAIN: Command = Command::Pause { after_current_runs: true };

/// A world whose daemon does tasks called `gated` only once their gate `go` is open.
async fn gated() -> World {
    let world = World::new().await;
    let done = json!({ "kind": "assistant_completed", "tokens_used": 1 });
    world.daemon.script("gated", vec![Line::Gate("go".into()), Line::Json(done)]);
    world
}

async fn runs(peer: &Peer) -> Vec<RunRecord> {
    match peer.command(Command::Runs { limit: 50 }).await.expect("runs") {
        Reply::Runs { runs } => runs,
        other => panic!("{other:?}"),
    }
}

/// What presence last said: ready for dispatches, and how many wait.
fn presence(world: &World) -> Option<(bool, u64)> {
    let requests = world.gateway.requests();
    let last = requests.iter().rev().find(|request| request.path.ends_with("/gateway/heartbeat"))?;
    let metadata = &last.body["metadata"];
    Some((metadata["dispatch_ready"].as_bool()?, metadata["queue_depth"].as_u64()?))
}

#[tokio::test]
async fn a_paused_peer_stays_connected_queues_what_comes_and_stays_paused_over_a_restart() {
    let world = gated().await;
    let peer = world.peer().await;
    until(&peer, "ready", |now| now.agent.installed).await;
    peer.command(PAUSE).await.expect("paused");
    assert_eq!(peer.snapshot().pause, PauseState::Paused);
    world.dispatch("waits", "x");
    until(&peer, "queued", |now| now.runs.iter().any(|run| run.run_id == "waits")).await;
    peer.stop().await;

    let peer = world.peer().await;
    let now = until(&peer, "taken up", |now| !now.runs.is_empty()).await;
    assert_eq!((now.pause, now.runs[0].state), (PauseState::Paused, RunState::Queued));
    let told = |_: &[orgx_sandbox::Request]| presence(&world) == Some((false, 1));
    world.gateway.wait_request("OrgX is told that nothing starts, and what waits", told).await.expect("told");
    assert!(world.daemon.prompts().is_empty());
    peer.command(Command::Resume).await.expect("resumed");
    assert_eq!(world.gateway.terminal("waits").await.expect("it ran")["kind"], "task.completed");
    let told = |_: &[orgx_sandbox::Request]| presence(&world) == Some((true, 0));
    world.gateway.wait_request("OrgX is told that tasks start again", told).await.expect("told");
    peer.stop().await;
}

#[tokio::test]
async fn a_draining_peer_finishes_what_it_has_and_then_is_paused() {
    let world = gated().await;
    let mut config = world.config();
    config.runs.concurrent = 1;
    let peer = world.peer_with(config).await;
    world.dispatch("runs", "gated");
    world.started("runs").await;
    world.dispatch("waits", "x");
    until(&peer, "two", |now| now.runs.len() == 2).await;
    peer.command(DRAIN).await.expect("draining");
    world.dispatch("late", "x");
    until(&peer, "three", |now| now.runs.len() == 3 && now.pause == PauseState::Draining).await;
    world.daemon.open("go");
    assert_eq!(world.gateway.terminal("waits").await.expect("it ran")["kind"], "task.completed");
    let now = until(&peer, "drained", |now| now.pause == PauseState::Paused).await;
    assert_eq!(now.runs.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["late"]);
    peer.stop().await;
}

#[tokio::test]
async fn what_waits_when_the_peer_stops_runs_after_the_next_start_without_being_asked_again() {
    let world = gated().await;
    let mut config = world.config();
    config.runs.concurrent = 1;
    let peer = world.peer_with(config.clone()).await;
    world.dispatch("first", "gated");
    world.started("first").await;
    for run in ["second", "third"] {
        world.dispatch(run, "x");
    }
    until(&peer, "three", |now| now.runs.len() == 3).await;
    peer.stop().await;
    assert_eq!(world.gateway.terminal("first").await.expect("told")["reason"], "peer stopped");
    assert!(world.gateway.of_run("second").is_empty(), "it waits");

    let peer = world.peer_with(config).await;
    for run in ["second", "third"] {
        assert_eq!(world.gateway.terminal(run).await.expect("it ran")["kind"], "task.completed");
    }
    let prompted: Vec<String> = world.daemon.prompts().into_iter().map(|(_, text)| text).collect();
    assert_eq!(prompted, ["gated", "x", "x"], "each once, in order");
    peer.stop().await;
}

#[tokio::test]
async fn a_task_of_the_persons_own_runs_here_and_orgx_never_hears_of_it() {
    let world = World::new().await;
    let peer = world.peer().await;
    let mut events = peer.events();
    peer.command(PAUSE).await.expect("a pause is for OrgX's tasks");
    let own =
        LocalTask { prompt: "fix it\nnow".into(), folder: Some(world.folder()), model: None, driver: None };
    let Ok(Reply::Task { run_id }) = peer.command(Command::Task(own)).await else { panic!("no task") };
    let ended = async {
        loop {
            if let PeerEvent::Ended { run_id: ended, completed, .. } = events.recv().await.expect("an event")
                && ended == run_id
            {
                return completed;
            }
        }
    };
    assert!(tokio::time::timeout(common::WAIT, ended).await.expect("in time"));
    let now = until(&peer, "over", |now| now.runs.is_empty()).await;
    assert_eq!((now.recent[0].local, now.recent[0].receipt), (true, None));
    assert_eq!(world.daemon.prompts()[0].1, "fix it\n\nnow");
    let listed = runs(&peer).await;
    assert_eq!((listed[0].local, listed[0].state), (true, RunState::Completed));
    peer.stop().await;
    assert_eq!(world.gateway.frames().len(), 0);
    assert_eq!(world.outbox_lines().len(), 0, "the trail is read by OrgX");
    assert!(world.gateway.receipt(&run_id).is_none());
    // Nor after a restart.
    let peer = world.peer().await;
    peer.stop().await;
    assert_eq!(world.gateway.frames().len(), 0);
}

#[tokio::test]
async fn a_task_that_cannot_be_used_is_refused_with_what_would_do() {
    let world = World::new().await;
    let peer = world.peer().await;
    let own = |prompt: &str, model: Option<&str>| {
        Command::Task(LocalTask {
            prompt: prompt.into(),
            folder: None,
            model: model.map(Into::into),
            driver: None,
        })
    };
    let long = "x".repeat(orgx_peer::limits::LOCAL_PROMPT_BYTES + 1);
    for (command, words) in [
        (own(" ", None), "the prompt is empty; say what to do"),
        (own(&long, None), "the prompt is longer than 256 KiB; put it into a file and name that"),
        (own("x", Some("gpt")), "a model is written provider/model; `opencode models` lists them"),
    ] {
        assert_eq!(peer.command(command).await.expect_err("refused").to_string(), words);
    }
    peer.stop().await;
}

#[tokio::test]
async fn a_run_is_cancelled_by_the_start_of_its_id() {
    let world = gated().await;
    let peer = world.peer().await;
    for run in ["abc1", "abd2"] {
        world.dispatch(run, "gated");
    }
    until(&peer, "both", |now| now.runs.len() == 2).await;
    let cancel = async |run: &str| peer.command(Command::Cancel { run_id: run.into(), exact: false }).await;
    assert_eq!(cancel("ab").await, Err(CommandError::Ambiguous { run_id: "ab".into() }));
    assert_eq!(cancel("").await, Err(CommandError::NoSuchRun { run_id: String::new() }));
    assert_eq!(cancel("x").await, Err(CommandError::NoSuchRun { run_id: "x".into() }));
    assert_eq!(cancel("abc").await, Ok(Reply::Done));
    let end = world.gateway.terminal("abc1").await.expect("told");
    assert_eq!((end["reason"].as_str(), end["recoverable"].as_bool()), (Some("cancelled"), Some(false)));
    until(&peer, "one left", |now| now.runs.len() == 1).await;
    assert_eq!(cancel("abc").await, Err(CommandError::Ended { run_id: "abc1".into() }));
    let ended = runs(&peer).await.into_iter().filter(|run| run.state.is_over()).map(|run| run.run_id);
    assert_eq!(ended.collect::<Vec<_>>(), ["abc1"]);
    peer.stop().await;
}

#[tokio::test]
async fn a_whole_id_names_no_run_that_only_starts_so() {
    let world = gated().await;
    let peer = world.peer().await;
    world.dispatch("r10", "gated");
    until(&peer, "a run", |now| now.runs.len() == 1).await;
    let exact = async |run: &str| {
        let run_id = run.to_owned();
        let cancelled = peer.command(Command::Cancel { run_id: run_id.clone(), exact: true }).await;
        (cancelled, peer.command(Command::Detail { run_id, exact: true }).await.map(drop))
    };
    let unknown = || CommandError::NoSuchRun { run_id: "r1".into() };
    assert_eq!(exact("r1").await, (Err(unknown()), Err(unknown())));
    assert_eq!(peer.snapshot().runs.len(), 1, "the other run goes on");
    assert_eq!(exact("r10").await, (Ok(Reply::Done), Ok(())));
    until(&peer, "none left", |now| now.runs.is_empty()).await;
    let ended = CommandError::Ended { run_id: "r10".into() };
    assert_eq!(exact("r10").await, (Err(ended), Ok(())));
    peer.stop().await;
}

#[tokio::test]
async fn a_thousand_dispatches_at_once_are_all_run_and_none_is_lost() {
    const FLOOD: usize = 1_000;
    let world = World::new().await;
    let mut config = world.config();
    (config.runs.concurrent, config.runs.per_folder) = (8, 8);
    let peer = world.peer_with(config).await;
    peer.command(PAUSE).await.expect("paused");
    for n in 0..FLOOD {
        world.gateway.dispatch(task(&format!("r{n}"), "x", Some(&world.folder())));
    }
    until(&peer, "all of them wait", |now| now.runs.len() == FLOOD).await;
    peer.command(Command::Resume).await.expect("resumed");
    let ended = |frames: &[orgx_sandbox::gateway::Received]| {
        frames.iter().filter(|frame| frame.kind() == "task.completed").count() == FLOOD
    };
    // Two thousand writes that wait for the disk: it takes as long as it takes, while it goes on.
    let mut seen = 0;
    let frames = loop {
        if let Ok(frames) = world.gateway.wait_for("a thousand ends", ended).await {
            break frames;
        }
        let now = world.gateway.frames().len();
        assert!(now > seen, "nothing happened for 30 s, {now} frames so far");
        seen = now;
    };
    let order: Vec<&str> = frames
        .iter()
        .filter(|frame| frame.kind() == "task.started")
        .map(orgx_sandbox::gateway::Received::run_id)
        .collect();
    let first: Vec<usize> = order[..100].iter().map(|run| run[1..].parse().expect("a number")).collect();
    assert!(first.iter().all(|n| *n < 120), "they start in the order they came: {first:?}");
    assert_eq!(world.daemon.prompts().len(), FLOOD);
    peer.stop().await;
}
