//! A task of OrgX in a folder that is not allowed waits for the person.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{WAIT, World, task, until};
use orgx_peer::{
    Answer, Ask, Attention, Clock, Command, CommandError, Config, Peer, PeerEvent, Reply, RunState,
};
use std::path::PathBuf;
use std::time::Duration;

/// A world where tasks may work in `allowed` only, and a peer that asks.
struct Asking {
    world: World,
    allowed: PathBuf,
}

impl Asking {
    async fn new() -> Self {
        let world = World::new().await;
        let allowed = world.home.path().join("allowed");
        std::fs::create_dir(&allowed).expect("a folder");
        let it = Self { world, allowed };
        it.allow(&[&it.allowed]);
        it
    }

    /// The file as the desktop writes it.
    fn allow(&self, folders: &[&PathBuf]) {
        let folders: Vec<String> = folders.iter().map(|folder| format!("'{}'", folder.display())).collect();
        let toml = format!("[runs]\nask_for_folders = true\nallowed_folders = [{}]\n", folders.join(", "));
        self.world.write_config(&toml);
    }

    fn config(&self) -> Config {
        self.world.config()
    }

    async fn peer(&self) -> Peer {
        self.world.peer_with(self.config()).await
    }

    /// Dispatches a task to a folder that is not allowed; what the person is asked.
    async fn ask(&self, peer: &Peer, run: &str) -> Attention {
        self.world.dispatch(run, "x");
        asked(peer, run).await
    }
}

async fn asked(peer: &Peer, run: &str) -> Attention {
    let now = until(peer, "a question", |now| now.attention.iter().any(|ask| ask.run_id == run)).await;
    now.attention.into_iter().find(|ask| ask.run_id == run).expect("a question")
}

async fn answer(peer: &Peer, ask: &Attention, answer: Answer) -> Result<Reply, CommandError> {
    peer.command(Command::Answer { id: ask.id.clone(), answer }).await
}

const OUTSIDE: &str =
    "the task's folder is outside the folders that the person allowed for OrgX on this computer";

#[tokio::test]
async fn a_task_that_the_person_allows_runs_and_one_they_deny_fails_as_it_would_have() {
    let it = Asking::new().await;
    let peer = it.peer().await;
    let mut events = peer.events();
    let ask = it.ask(&peer, "r1").await;
    assert_eq!(ask.what, Ask::Folder { folder: it.world.folder().display().to_string() });
    // 600 s of the task, less the minute.
    assert!((ask.lapses_at - ask.since - 540_000).abs() < 2_000, "{ask:?}");
    let run = peer.snapshot().runs[0].clone();
    assert_eq!((run.state, run.title.as_deref()), (RunState::NeedsYou, Some("x")));
    assert!(run.waits());
    assert!(it.world.gateway.of_run("r1").is_empty() && it.world.daemon.prompts().is_empty(), "it waits");
    // Others go on.
    it.world.gateway.dispatch(task("meanwhile", "x", Some(&it.allowed)));
    assert_eq!(it.world.gateway.terminal("meanwhile").await.expect("told")["kind"], "task.completed");

    assert_eq!(answer(&peer, &ask, Answer::Allow).await, Ok(Reply::Done));
    assert_eq!(it.world.gateway.terminal("r1").await.expect("told")["kind"], "task.completed");
    assert_eq!(answer(&peer, &ask, Answer::Allow).await, Err(CommandError::NotWaiting));
    assert_eq!(peer.snapshot().attention, []);

    let second = it.ask(&peer, "r2").await;
    assert_ne!(second.id, ask.id);
    answer(&peer, &second, Answer::Deny { reason: None }).await.expect("denied");
    let end = it.world.gateway.terminal("r2").await.expect("told");
    assert_eq!((end["reason"].as_str(), end["recoverable"].as_bool()), (Some(OUTSIDE), Some(false)));
    let heard = async {
        let mut heard = Vec::new();
        while heard.len() < 4 {
            match events.recv().await.expect("an event") {
                PeerEvent::Attention { attention } => heard.push(format!("asks {}", attention.run_id)),
                PeerEvent::Answered { id } => heard.push(format!("answered {id}")),
                _ => {}
            }
        }
        heard
    };
    let heard = tokio::time::timeout(WAIT, heard).await.expect("in time");
    let answered = |ask: &Attention| format!("answered {}", ask.id);
    assert_eq!(heard, ["asks r1".to_owned(), answered(&ask), "asks r2".to_owned(), answered(&second)]);
    peer.stop().await;
}

#[tokio::test]
async fn no_answer_in_time_is_a_no() {
    let it = Asking::new().await;
    let mut config = it.config();
    config.clock = Clock::adjustable();
    let clock = config.clock.clone();
    let peer = it.world.peer_with(config).await;
    it.ask(&peer, "r1").await;
    clock.pass(Duration::from_secs(530)).await;
    assert_eq!(peer.snapshot().attention.len(), 1);
    clock.pass(Duration::from_secs(11)).await;
    assert_eq!(it.world.gateway.terminal("r1").await.expect("told")["reason"], OUTSIDE);
    until(&peer, "nobody asks", |now| now.attention.is_empty()).await;
    peer.stop().await;
}

#[tokio::test]
async fn a_question_is_asked_again_after_a_restart() {
    let it = Asking::new().await;
    let peer = it.peer().await;
    it.ask(&peer, "r1").await;
    peer.stop().await;
    assert!(it.world.gateway.of_run("r1").is_empty(), "it waits for the next peer");
    let peer = it.peer().await;
    let ask = asked(&peer, "r1").await;
    answer(&peer, &ask, Answer::Allow).await.expect("allowed");
    assert_eq!(it.world.gateway.terminal("r1").await.expect("told")["kind"], "task.completed");
    assert_eq!(it.world.daemon.prompts().len(), 1);
    peer.stop().await;
}

#[tokio::test]
async fn a_question_can_be_cancelled_and_a_paused_peer_asks_and_waits() {
    let it = Asking::new().await;
    let peer = it.peer().await;
    it.ask(&peer, "r1").await;
    peer.command(Command::Cancel { run_id: "r1".into(), exact: true }).await.expect("cancelled");
    assert_eq!(it.world.gateway.terminal("r1").await.expect("told")["reason"], "cancelled");
    assert_eq!(peer.snapshot().attention, []);
    peer.command(Command::Pause { after_current_runs: false }).await.expect("paused");
    let ask = it.ask(&peer, "r2").await;
    answer(&peer, &ask, Answer::Allow).await.expect("allowed");
    assert_eq!(peer.snapshot().runs[0].state, RunState::Queued);
    assert!(it.world.gateway.of_run("r2").is_empty(), "it is paused");
    peer.command(Command::Resume).await.expect("resumed");
    assert_eq!(it.world.gateway.terminal("r2").await.expect("told")["kind"], "task.completed");
    peer.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_allowed_from_now_on_answers_what_waits_for_it() {
    let it = Asking::new().await;
    let peer = it.peer().await;
    let ask = it.ask(&peer, "r1").await;
    std::fs::create_dir(it.world.home.path().join("third")).expect("a folder");
    it.world.gateway.dispatch(task("other", "x", Some(&it.world.home.path().join("third"))));
    asked(&peer, "other").await;
    it.allow(&[&it.allowed, &it.world.folder()]);
    peer.command(Command::Reload).await.expect("reloaded");
    assert_eq!(it.world.gateway.terminal("r1").await.expect("told")["kind"], "task.completed");
    let now = until(&peer, "one question", |now| now.attention.len() == 1).await;
    assert_eq!(now.attention[0].run_id, "other", "whose folder is still not allowed");
    // The desktop's own answer comes after its reload.
    assert_eq!(answer(&peer, &ask, Answer::Allow).await, Err(CommandError::NotWaiting));
    peer.stop().await;
}

#[tokio::test]
async fn a_peer_that_is_not_told_to_ask_refuses_at_once() {
    let it = Asking::new().await;
    let mut config = it.config();
    config.runs.ask_for_folders = false;
    let peer = it.world.peer_with(config).await;
    it.world.dispatch("r1", "x");
    assert_eq!(it.world.gateway.terminal("r1").await.expect("told")["reason"], OUTSIDE);
    assert_eq!(peer.snapshot().attention, []);
    peer.stop().await;
}
