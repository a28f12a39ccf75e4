//! A run at its budget: stopped where it is, and let go on when the peer says so.
//!
//! Promises: a run that ended by itself before it could be stopped has ended, and is not held; nothing is prompted while
//! it is held; going on is one prompt, under an id that is journaled first.

use super::super::tracker::Told;
use super::follow::Run;
use super::{failed, message_id};
use crate::driver::{Order, RunIo};
use crate::http::CallError;
use crate::limits;
use orgx_proto::agent::{AgentEnd, Failure};
use orgx_proto::prompt::GO_ON;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, interval, sleep, timeout};

/// How soon a session that was told to stop is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

impl Run<'_> {
    /// Holds the run until it is let go on, or stopped, or is found to be over. What is to be looked at next; or how the
    /// run ended, and whether its session was seen idle then.
    pub(super) async fn hold(&mut self, io: &RunIo) -> Result<Vec<Told>, (AgentEnd, bool)> {
        self.drop_asks();
        let perhaps_over = vec![Told::PerhapsOver];
        tokio::select! {
            idle = timeout(limits::FEED_LOST, self.settle(io)) => match idle {
                Ok(true) => {}
                Ok(false) => return Ok(perhaps_over),
                Err(_) => return Err((AgentEnd::Failed(not_stopped()), false)),
            },
            () = io.stopped() => return Ok(perhaps_over),
        }
        // It was let go on before it was held.
        if io.is_released() {
            return self.go_on(io).await.map(|()| Vec::new());
        }
        tracing::debug!("the run is held");
        // Between a prompt and the work there is a moment of idleness, in which an abort stops nothing.
        let settled = Instant::now() + limits::HOLD_SETTLES;
        let mut look = interval(LOOK_AGAIN);
        loop {
            self.tell_used(io).await;
            tokio::select! {
                item = self.events.next() => for told in self.heard(item).await? {
                    if let Told::Agent(event) = told {
                        io.event(event).await;
                    }
                },
                _ = look.tick(), if Instant::now() < settled => {
                    self.abort_busy().await;
                }
                order = io.order() => if order == Order::GoOn {
                    return self.go_on(io).await.map(|()| Vec::new());
                },
                () = io.stopped() => return Ok(perhaps_over),
            }
        }
    }

    /// Stops the run and all its subagents; `false`: it is over by itself.
    async fn settle(&mut self, io: &RunIo) -> bool {
        loop {
            if self.abort_busy().await {
                for told in self.read_state().await {
                    if let Told::Agent(event) = told {
                        io.event(event).await;
                    }
                }
                self.drop_asks();
                return !self.tracker.is_over_by_itself();
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Aborts what of the family is at work; was nothing?
    async fn abort_busy(&mut self) -> bool {
        let Ok(busy) = self.client.statuses(&self.folder).await else { return false };
        let mut idle = true;
        for session in self.family().await {
            if busy.contains_key(&session) {
                idle = false;
                if let Err(error) = self.client.abort(&session).await {
                    tracing::warn!(%error, "OpenCode did not take the abort");
                }
            }
        }
        idle
    }

    /// Prompts the session once more, with the model and the agent that it had.
    async fn go_on(&mut self, io: &RunIo) -> Result<(), (AgentEnd, bool)> {
        let newest = self.client.messages(&self.session).await.unwrap_or_default();
        let newest = newest.last().and_then(|message| message.pointer("/info/id")?.as_str());
        let id = message_id(newest);
        if io.go_on(id.clone()).await.is_err() {
            return Err((AgentEnd::Failed(Failure::recoverable("stopped before it went on")), true));
        }
        self.tracker.goes_on(&id);
        self.prompted = false;
        let (model, agent) = self.as_before().await;
        let prompted =
            match self.client.prompt(&self.session, &id, GO_ON, model.as_deref(), agent.as_deref()).await {
                // No answer came: the message itself is asked after.
                Err(error @ CallError::Unreachable(_)) => {
                    match self.client.has_message(&self.session, &id).await {
                        Ok(true) => Ok(()),
                        Ok(false) | Err(_) => Err(error),
                    }
                }
                other => other,
            };
        if let Err(error) = prompted {
            return Err((
                AgentEnd::Failed(failed("OpenCode did not take the prompt to go on", &error)),
                false,
            ));
        }
        io.prompted().await;
        Ok(())
    }

    /// `provider/model` and the agent that the session worked with last.
    pub(super) async fn as_before(&self) -> (Option<String>, Option<String>) {
        let session = self.client.session(&self.session).await.unwrap_or_default();
        let text = |at: &str| session.pointer(at).and_then(Value::as_str).map(ToOwned::to_owned);
        let model = text("/model/providerID").zip(text("/model/id"));
        (model.map(|(provider, model)| format!("{provider}/{model}")), text("/agent"))
    }
}

/// Nobody knows that it rests, so nobody is asked whether it may go on.
fn not_stopped() -> Failure {
    let seconds = limits::FEED_LOST.as_secs();
    Failure::recoverable(&format!(
        "the run reached its budget, and OpenCode did not stop it within {seconds} s"
    ))
}
