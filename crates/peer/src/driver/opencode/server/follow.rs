//! A run on a real OpenCode that is being followed: its events, its asks, and when it is over.

use super::super::client::Client;
use super::super::event::{self, Event};
use super::super::feed::{Feed, Item, Subscription};
use super::super::tracker::{Told, Tracker};
use super::asks::Asks;
use crate::driver::{Order, RunIo};
use crate::limits;
use orgx_proto::agent::{AgentEnd, Failure};
use serde_json::Value;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How soon a run is looked at again that seems to be over, or was asked to stop.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A session that is idle for this long without a last word is over: between a prompt and the work there is a moment
/// of idleness, in which an abort stops nothing.
const QUIET: Duration = Duration::from_secs(2);

/// A run that is being followed.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Run<'a> {
    pub(super) client: &'a Client,
    pub(super) session: String,
    pub(super) folder: String,
    pub(super) events: Subscription,
    pub(super) tracker: Tracker,
    pub(super) asks: Asks,
    /// Tokens that the peer knows of.
    used: u64,
    /// OpenCode was asked to stop it.
    pub(super) stopping: bool,
    /// Idle since then, without a last word.
    quiet_since: Option<Instant>,
    /// A peer before us has prompted it.
    pub(super) prompted: bool,
    /// Its session was there before it.
    goes_on: bool,
    /// A peer before us held it at its budget.
    pub(super) held: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(client: &'a Client, feed: &Arc<Feed>, session: String, folder: String) -> Self {
        Self {
            client,
            events: Arc::clone(feed).subscribe(&session),
            tracker: Tracker::new(&session, Path::new(&folder)),
            session,
            folder,
            asks: Asks::default(),
            used: 0,
            stopping: false,
            quiet_since: None,
            prompted: false,
            goes_on: false,
            held: false,
        }
    }

    /// Its session was there before it: only what comes after its prompt is its own.
    pub(super) fn goes_on_after(&mut self, message_id: &str) {
        self.goes_on = true;
        self.tracker.begin_after(message_id);
    }
}

impl Run<'_> {
    /// Follows the run to its end; was its session seen idle then?
    pub(super) async fn follow(&mut self, io: &RunIo) -> (AgentEnd, bool) {
        let mut look = interval_at(Instant::now() + limits::STATE_EVERY, limits::STATE_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut soon = false;
        let mut told = VecDeque::new();
        if self.held {
            match self.hold(io).await {
                Ok(next) => told.extend(next),
                Err(end) => return end,
            }
        } else if self.prompted {
            // What a peer before us missed is in the state.
            told.extend(self.read_state().await);
            told.push_back(Told::PerhapsOver);
        }
        loop {
            while let Some(next) = told.pop_front() {
                match next {
                    Told::PerhapsOver => match self.over(io).await {
                        Ok(end) => return (end, true),
                        Err(asked) => told.extend(asked),
                    },
                    Told::Runaway => return (runaway(), false),
                    other => self.act(other, io).await,
                }
            }
            self.tell_used(io).await;
            if (self.stopping || self.quiet_since.is_some() || self.asks.want_a_look()) && !soon {
                soon = true;
                look.reset_after(LOOK_AGAIN);
            }
            told.extend(tokio::select! {
                item = self.events.next() => match self.heard(item).await {
                    Ok(told) => told,
                    Err(end) => return end,
                },
                // In case an event never came: the status, and what is being asked.
                _ = look.tick() => {
                    soon = false;
                    if self.stopping {
                        self.abort().await;
                    }
                    self.deliver(io).await;
                    let mut told = self.open_asks().await;
                    told.push(Told::PerhapsOver);
                    told
                }
                order = io.order(), if !self.stopping => match order {
                    // Let go on without having been held, it seemed to be over and is not: it is held once more, and goes on.
                    Order::Hold | Order::GoOn => match self.hold(io).await {
                        Ok(told) => told,
                        Err(end) => return end,
                    },
                    Order::Reply(ask, reply) => {
                        self.asks.reply(ask, reply);
                        self.deliver(io).await;
                        Vec::new()
                    }
                },
                () = io.stopped(), if !self.stopping => {
                    self.stopping = true;
                    self.drop_asks();
                    self.abort().await;
                    vec![Told::PerhapsOver]
                }
            });
        }
    }

    /// What that means; or the end, because nothing can be heard any more.
    pub(super) async fn heard(&mut self, item: Item) -> Result<Vec<Told>, (AgentEnd, bool)> {
        match item {
            Item::Event(session, event) => Ok(self.tracker.observe(&session, event)),
            Item::Resync => {
                let mut told = self.read_state().await;
                told.push(Told::PerhapsOver);
                Ok(told)
            }
            Item::Lost(why) => Err((AgentEnd::Failed(Failure::recoverable(&why)), false)),
        }
    }

    /// Tells what it has used, when that is news.
    pub(super) async fn tell_used(&mut self, io: &RunIo) {
        let (tokens, dollars) = self.tracker.used();
        if std::mem::replace(&mut self.used, tokens) != tokens {
            io.used(tokens, dollars * 100.0).await;
        }
    }

    async fn act(&mut self, told: Told, io: &RunIo) {
        match told {
            Told::Agent(event) => io.event(event).await,
            Told::Asked(session, asking) => self.ask(&session, *asking, io).await,
            Told::AskGone(id) => self.ask_gone(id, io).await,
            // `follow` takes these.
            Told::Runaway | Told::PerhapsOver => {}
        }
    }

    async fn abort(&self) {
        if let Err(error) = self.client.abort(&self.session).await {
            tracing::warn!(%error, "OpenCode did not take the abort");
        }
    }

    /// The run is over when its session is neither busy nor retrying; else, what it asks.
    async fn over(&mut self, io: &RunIo) -> Result<AgentEnd, Vec<Told>> {
        match self.client.statuses(&self.folder).await {
            Ok(statuses) if !statuses.contains_key(&self.session) => {}
            Ok(_) | Err(_) => {
                self.quiet_since = None;
                return Err(Vec::new());
            }
        }
        // What was said before the end may still be on its way, and what was missed is in the state.
        let mut asked = Vec::new();
        for told in self.read_state().await {
            match told {
                Told::Agent(event) => io.event(event).await,
                Told::PerhapsOver => {}
                ask => asked.push(ask),
            }
        }
        if !asked.is_empty() {
            return Err(asked);
        }
        if !self.tracker.is_settled() {
            let silent = self.tracker.is_silent() && !self.stopping;
            let patience = if silent { limits::STATE_EVERY } else { QUIET };
            let since = *self.quiet_since.get_or_insert_with(Instant::now);
            if since.elapsed() < patience {
                return Err(Vec::new());
            }
        }
        if self.prompted && !self.stopping && !self.tracker.is_settled() {
            // Whoever was at it is gone.
            return Ok(AgentEnd::Failed(Failure::peer_restarted()));
        }
        Ok(self.tracker.end(self.spent().await))
    }

    /// The whole state of the run, as if it had just been told.
    pub(super) async fn read_state(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        for session in self.family().await {
            self.events.follow(&session);
            let messages = match self.client.messages(&session).await {
                Ok(messages) => messages,
                Err(error) => {
                    tracing::warn!(%error, "a session's state could not be read; steps may be missing");
                    continue;
                }
            };
            for message in &messages {
                let head = message.get("info").and_then(event::answer);
                let parts = message.get("parts").and_then(Value::as_array).into_iter().flatten();
                let parts: Vec<Event> =
                    if head.is_some() { parts.filter_map(event::part).collect() } else { Vec::new() };
                for event in head.into_iter().chain(parts) {
                    told.extend(self.tracker.observe(&session, event));
                }
            }
        }
        told.extend(self.open_asks().await);
        told
    }

    /// The session and its subagents', down to the last.
    pub(super) async fn family(&self) -> Vec<String> {
        let mut family = vec![self.session.clone()];
        let mut at = 0;
        while at < family.len() && family.len() < 200 {
            let children = self.client.children(&family[at]).await.unwrap_or_default();
            let ids = children.iter().filter_map(|child| child.get("id")?.as_str());
            let new: Vec<String> =
                ids.filter(|id| !family.iter().any(|known| known == id)).map(Into::into).collect();
            family.extend(new);
            at += 1;
        }
        family
    }

    /// Tokens and dollars, as OpenCode counts them for the whole family.
    async fn spent(&self) -> (u64, f64) {
        if self.goes_on {
            // The sums of a session count what was before, too.
            return (0, 0.0);
        }
        let mut sum = (0, 0.0);
        for session in self.family().await {
            let Ok(session) = self.client.session(&session).await else { continue };
            let count = |at: &str| session.pointer(at).and_then(Value::as_u64).unwrap_or_default();
            let parts = ["input", "output", "reasoning", "cache/read", "cache/write"];
            for part in parts {
                sum.0 = u64::saturating_add(sum.0, count(&format!("/tokens/{part}")));
            }
            sum.1 += session.get("cost").and_then(Value::as_f64).unwrap_or_default();
        }
        sum
    }
}

fn runaway() -> AgentEnd {
    AgentEnd::Failed(Failure::recoverable(&format!(
        "the model's answers end without a reason, and OpenCode asks for ever: stopped after {} in a row",
        limits::RUNAWAY_ANSWERS
    )))
}
