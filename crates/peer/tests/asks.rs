//! What an agent asks, on an OpenCode that does not take every answer at once.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;
#[path = "common/half_prompted.rs"]
mod half_prompted;

use common::{World, until};
use half_prompted::{OpenCode, Session, leave};
use orgx_peer::{Answer, Ask, Attention, Clock, Command, CommandError, Peer, PeerEvent, Reply, RunState};
use std::time::Duration;

/// A peer that finds a run of before, whose agent asks; an answer is refused so often, with this status.
async fn asking(world: &World, refused: usize, status: u16, clock: Clock) -> (Peer, OpenCode) {
    leave(world, 0).await;
    let opencode = OpenCode::start(Session::Asks(refused, status)).await;
    let mut config = world.config();
    config.opencode.server_url =
        Some(format!("http://127.0.0.1:{}", opencode.port).parse().expect("an address"));
    config.clock = clock;
    (world.peer_with(config).await, opencode)
}

async fn asked(peer: &Peer) -> Attention {
    until(peer, "a question", |now| !now.attention.is_empty()).await.attention.remove(0)
}

async fn say(peer: &Peer, ask: &Attention, answer: Answer) -> Result<Reply, CommandError> {
    peer.command(Command::Answer { id: ask.id.clone(), answer }).await
}

fn steps(world: &World) -> Vec<String> {
    let steps = world.gateway.steps("r");
    steps.iter().filter_map(|step| Some(step["step"]["summary"].as_str()?.to_owned())).collect()
}

fn replies(opencode: &OpenCode) -> usize {
    opencode.asked().iter().filter(|line| line.contains("/reply")).count()
}

#[tokio::test]
async fn an_answer_that_cannot_be_delivered_is_tried_again_until_it_is() {
    let world = World::new().await;
    let (peer, opencode) = asking(&world, 2, 500, Clock::default()).await;
    let mut events = peer.events();
    let ask = asked(&peer).await;
    assert_eq!((ask.id.as_str(), ask.by.as_deref()), ("r@per_1", None));
    assert_eq!(peer.snapshot().runs[0].state, RunState::NeedsYou);
    assert_eq!(say(&peer, &ask, Answer::Allow).await, Ok(Reply::Done));
    assert_eq!(say(&peer, &ask, Answer::Allow).await, Err(CommandError::NotWaiting), "it was given once");
    assert_eq!(world.gateway.terminal("r").await.expect("told")["kind"], "task.completed");
    assert_eq!(replies(&opencode), 3);
    assert_eq!(steps(&world), ["asked for permission (bash)", "allowed once (bash)"]);
    let mut heard = Vec::new();
    while let Ok(event) = events.try_recv() {
        match event {
            PeerEvent::Attention { attention } => heard.push(format!("asks {}", attention.id)),
            PeerEvent::Answered { id } => heard.push(format!("answered {id}")),
            _ => {}
        }
    }
    assert!(heard.ends_with(&["answered r@per_1".to_owned()]) && heard.len() <= 2, "{heard:?}");
    peer.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_refused_makes_the_question_come_up_again() {
    let world = World::new().await;
    let (peer, opencode) = asking(&world, 1, 400, Clock::default()).await;
    let ask = asked(&peer).await;
    let invalid = say(&peer, &ask, Answer::Answers { answers: vec![vec!["x".into()]] }).await;
    assert!(matches!(invalid, Err(CommandError::Invalid { .. })), "{invalid:?}");
    say(&peer, &ask, Answer::Allow).await.expect("it waits");
    opencode.until_asked("/reply", 1).await;
    let again = asked(&peer).await;
    assert_eq!((&again.id, &again.what), (&ask.id, &ask.what));
    say(&peer, &again, Answer::Deny { reason: Some("no".into()) }).await.expect("it waits");
    assert_eq!(world.gateway.terminal("r").await.expect("told")["kind"], "task.completed");
    assert_eq!(replies(&opencode), 2);
    peer.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_refused_twice_is_given_up_and_a_step_says_so() {
    let world = World::new().await;
    let (peer, opencode) = asking(&world, 1_000, 400, Clock::default()).await;
    let ask = asked(&peer).await;
    // When it comes up again it is allowed as before.
    say(&peer, &ask, Answer::AllowForRun).await.expect("it waits");
    let given_up = "OpenCode refused the answer twice; it can be answered in OpenCode itself";
    let is_told = |frame: &orgx_sandbox::gateway::Received| frame.value["step"]["summary"] == given_up;
    world.gateway.wait_for(given_up, |frames| frames.iter().any(is_told)).await.expect("told");
    assert_eq!(replies(&opencode), 2);
    assert_eq!(
        steps(&world),
        ["asked for permission (bash)", "allowed for this run (bash)", "allowed as before (bash)", given_up]
    );
    assert_eq!(peer.snapshot().attention, []);
    peer.stop().await;
}

#[tokio::test]
async fn half_an_hour_of_silence_is_a_no_that_lets_the_agent_go_on() {
    let world = World::new().await;
    let clock = Clock::adjustable();
    let (peer, opencode) = asking(&world, 0, 200, clock.clone()).await;
    let ask = asked(&peer).await;
    assert!(
        matches!(&ask.what, Ask::Permission { command: Some(command), .. } if command == "ls"),
        "{ask:?}"
    );
    // 600 s of the task, less the minute.
    assert!(ask.lapses_at - ask.since <= 540_000, "{ask:?}");
    clock.pass(Duration::from_secs(500)).await;
    assert_eq!((peer.snapshot().attention.len(), replies(&opencode)), (1, 0));
    clock.pass(Duration::from_secs(41)).await;
    opencode.until_asked("/reply", 1).await;
    assert_eq!(world.gateway.terminal("r").await.expect("told")["kind"], "task.completed");
    assert_eq!(steps(&world)[1], "not answered in time; told to go on (bash)");
    peer.stop().await;
}
