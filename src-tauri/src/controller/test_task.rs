//! The test task: a second, temporary peer on the sandbox, so that nothing of it reaches OrgX or the person's files.

use super::sandbox::Stage;
use super::{Controller, Done, Input};
use crate::facts::Test;
use orgx_peer::{Command, Environment, Peer, PeerEvent, Reply, RunDetail};
use orgx_sandbox::scene::Pace;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// A cold OpenCode on a slow computer takes a minute; more than this means that something is wrong.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long each step takes: a person is to see it.
const PACE: Duration = Duration::from_millis(600);

/// What a test task says.
#[derive(Debug)]
pub enum News {
    /// Who runs it.
    Agent(String),
    /// How it goes.
    Run(Box<RunDetail>),
    /// It is over; `Err` says why it came to nothing.
    Over(Result<(), String>),
}

/// The one under way. Dropping its end stops it.
#[derive(Debug, Default)]
pub(super) struct Running {
    number: u64,
    stop: Option<oneshot::Sender<()>>,
}

impl Controller {
    pub(super) fn test_task(&mut self) {
        if self.test.stop.is_some() && self.facts.test.as_ref().is_some_and(|test| !test.over) {
            return;
        }
        self.test.number += 1;
        self.facts.test = Some(Test::default());
        let (stop, stopped) = oneshot::channel();
        self.test.stop = Some(stop);
        let (number, inputs, env) = (self.test.number, self.inputs.clone(), self.ground.env.clone());
        let say = move |news| {
            // Nobody listens any more once the program ends.
            let _over = inputs.send(Input::Done(Done::Test(number, news)));
        };
        self.loose.spawn(async move { say(News::Over(play(&env, &say, stopped).await)) });
    }

    pub(super) fn close_test(&mut self) {
        self.test.number += 1;
        self.test.stop = None;
        self.facts.test = None;
    }

    pub(super) fn test_news(&mut self, number: u64, news: News) {
        let Some(test) = self.facts.test.as_mut().filter(|_| number == self.test.number) else { return };
        match news {
            News::Agent(agent) => test.agent = agent,
            News::Run(run) => test.run = Some(*run),
            News::Over(result) => {
                test.over = true;
                test.error = result.err();
            }
        }
    }
}

async fn play(
    env: &Environment,
    say: &impl Fn(News),
    mut stopped: oneshot::Receiver<()>,
) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    let mut stage = tokio::select! {
        stage = timeout_at(deadline, Stage::set(env, Pace::Each(PACE))) => stage.unwrap_or_else(|_| Err(late()))?,
        _ = &mut stopped => return Ok(()),
    };
    say(News::Agent(stage.agent.clone()));
    let peer = Peer::start(stage.config()?).await.map_err(|error| error.to_string())?;
    let outcome = tokio::select! {
        outcome = timeout_at(deadline, watch(&peer, &mut stage, say)) => outcome.unwrap_or_else(|_| Err(late())),
        // Closed; or the program ends.
        _ = &mut stopped => Ok(()),
    };
    // However it came out: its agent is a program of its own.
    peer.stop().await;
    outcome
}

fn late() -> String {
    format!("nothing more happened for {} s", PATIENCE.as_secs())
}

async fn watch(peer: &Peer, stage: &mut Stage, say: &impl Fn(News)) -> Result<(), String> {
    let mut events = peer.events();
    let connected = peer.watch().wait_for(|now| now.connected).await.map(drop);
    connected.map_err(|_| "the test's peer ended".to_owned())?;
    let run_id = stage.give()?;
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return Err("the test's peer ended".to_owned()),
        };
        if let Ok(Reply::Detail(detail)) =
            peer.command(Command::Detail { run_id: run_id.clone(), exact: true }).await
        {
            say(News::Run(detail));
        }
        match event {
            PeerEvent::Receipt { .. } => return Ok(()),
            PeerEvent::Ended { completed: false, reason, .. } => {
                return Err(reason.unwrap_or_else(|| "the run failed".to_owned()));
            }
            _ => {}
        }
    }
}
