//! One run on a real OpenCode 1.x: the `server` dialect. Facts: opencode.md 2.

use super::client::Client;
use super::event::{self, Event};
use super::feed::{Feeds, Item, Subscription};
use super::tracker::{Told, Tracker};
use crate::driver::{Detected, Probed, RunIo};
use crate::http::CallError;
use crate::limits;
use orgx_proto::agent::{AgentEnd, AgentEvent, Failure, PromptPlace};
use orgx_proto::dispatch::Start;
use orgx_proto::ids::SessionHandle;
use orgx_proto::redact::Redacted;
use rand::RngExt;
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// What an agent is told whose ask nobody can answer.
const NOBODY: &str = "Nobody can be asked right now. Go on without this, in another way, or say in your final answer \
                      what could not be done.";

/// How often a run that was asked to stop is looked at until it has.
const STOP_LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is known of this server.
pub(super) async fn detect(client: &Client) -> Detected {
    let Ok(health) = client.health().await else { return Detected::default() };
    let version = health.version.unwrap_or_default();
    let connected = client.connected_providers().await.unwrap_or_default();
    let signed_in = if connected == 0 { ", signed in to no model provider" } else { "" };
    Detected {
        installed: true,
        authenticated: connected > 0,
        subscription_active: connected > 0,
        words: format!("OpenCode {version} at {} ({}){signed_in}", client.origin(), client.found),
        version: Some(version),
        probed: Probed { session_alive: true, queue_depth: 0 },
    }
}

/// Runs one task to its end.
pub(super) async fn run(client: &Client, feeds: &Feeds, start: Start, io: &RunIo) -> AgentEnd {
    let Some(folder) = start.folder.clone() else {
        return AgentEnd::Failed(Failure::lasting(
            "the task names no folder, and no default folder is set on this computer",
        ));
    };
    let mut run = match open(client, feeds, &start, folder).await {
        Ok(run) => run,
        Err(error) => return failed("OpenCode could not make a session", &error),
    };
    let message_id = message_id();
    let session = SessionHandle::new(run.session.clone());
    let place = PromptPlace { session: Some(session.clone()), message_id: Some(message_id.clone()) };
    if io.spend(place).await.is_err() {
        return AgentEnd::Failed(Failure::recoverable("stopped before it began"));
    }
    io.started(session).await;
    if let Err(error) = prompt(client, &run.session, &message_id, &start.prompt).await {
        return failed("OpenCode did not take the prompt", &error);
    }
    run.follow(io).await
}

async fn open<'a>(
    client: &'a Client,
    feeds: &Feeds,
    start: &Start,
    folder: String,
) -> Result<Run<'a>, CallError> {
    let feed = feeds.open(client).await?;
    let session = client.create_session(&folder, &start.title, start.run_id.as_str()).await?;
    Ok(Run {
        client,
        events: feed.subscribe(&session),
        tracker: Tracker::new(&session, Path::new(&folder)),
        session,
        folder,
        stopping: false,
        quiet_since: None,
    })
}

/// Prompts once. When no answer came the message itself is asked after, so that nothing is ever prompted twice.
async fn prompt(client: &Client, session: &str, message_id: &str, text: &str) -> Result<(), CallError> {
    match client.prompt(session, message_id, text).await {
        Err(CallError::Unreachable(why)) => match client.has_message(session, message_id).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(CallError::Unreachable(why)),
        },
        other => other,
    }
}

/// A run that is being followed.
struct Run<'a> {
    client: &'a Client,
    session: String,
    folder: String,
    events: Subscription,
    tracker: Tracker,
    /// OpenCode was asked to stop it.
    stopping: bool,
    /// Idle since then, with nothing said yet.
    quiet_since: Option<Instant>,
}

impl Run<'_> {
    async fn follow(&mut self, io: &RunIo) -> AgentEnd {
        let mut look = interval_at(Instant::now() + limits::STATE_EVERY, limits::STATE_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let told = tokio::select! {
                item = self.events.next() => match item {
                    Item::Event(session, event) => self.tracker.observe(&session, event),
                    Item::Resync => {
                        let mut told = self.read_state().await;
                        told.push(Told::PerhapsOver);
                        told
                    }
                    Item::Lost(why) => return AgentEnd::Failed(Failure::recoverable(&why)),
                },
                // In case an event never came: the status, and what is being asked.
                _ = look.tick() => {
                    if self.stopping {
                        self.abort().await;
                    }
                    let mut told = self.open_asks().await;
                    told.push(Told::PerhapsOver);
                    told
                }
                () = io.stopped(), if !self.stopping => {
                    self.stopping = true;
                    self.abort().await;
                    // An abort that came before the work began stopped nothing: look again, and ask again.
                    look = interval_at(Instant::now() + STOP_LOOK_EVERY, STOP_LOOK_EVERY);
                    vec![Told::PerhapsOver]
                }
            };
            for told in told {
                if let Some(end) = self.act(told, io).await {
                    return end;
                }
            }
        }
    }

    async fn act(&mut self, told: Told, io: &RunIo) -> Option<AgentEnd> {
        match told {
            Told::Agent(event) => io.event(event).await,
            Told::Permission { id, permission } => {
                let words =
                    format!("asked for permission ({permission}); declined, because nobody can be asked yet");
                let reply = self.client.reject_permission(&self.folder, &id, NOBODY).await;
                self.answered(&id, reply, &words, io).await;
            }
            Told::Question { id, parts } => {
                let reply = self.client.answer_question(&self.folder, &id, parts, NOBODY).await;
                self.answered(
                    &id,
                    reply,
                    "asked a question; nobody can be asked yet, so it was told to go on",
                    io,
                )
                .await;
            }
            Told::Runaway => {
                let _gone = self.client.abort(&self.session).await;
                return Some(AgentEnd::Failed(Failure::recoverable(&format!(
                    "the model's answers end without a reason, and OpenCode asks for ever: stopped after {} in a row",
                    limits::RUNAWAY_ANSWERS
                ))));
            }
            Told::PerhapsOver => return self.over(io).await,
        }
        None
    }

    async fn answered(&mut self, id: &str, reply: Result<(), CallError>, words: &str, io: &RunIo) {
        match reply {
            Ok(()) => io.event(AgentEvent::Remark(Redacted::new(words))).await,
            // Answered by somebody else meanwhile, or gone.
            Err(CallError::Status { status: 404, .. }) => {}
            Err(error) => {
                tracing::warn!(%error, "an ask of the agent could not be answered; it will be tried again");
                self.tracker.forget_ask(id);
            }
        }
    }

    async fn abort(&self) {
        if let Err(error) = self.client.abort(&self.session).await {
            tracing::warn!(%error, "OpenCode did not take the abort");
        }
    }

    /// The run is over when its session is neither busy nor retrying.
    async fn over(&mut self, io: &RunIo) -> Option<AgentEnd> {
        match self.client.statuses(&self.folder).await {
            Ok(statuses) if !statuses.contains_key(&self.session) => {}
            Ok(_) | Err(_) => {
                self.quiet_since = None;
                return None;
            }
        }
        // What was said before the end may still be on its way, and what was missed is in the state.
        for told in self.read_state().await {
            if let Told::Agent(event) = told {
                io.event(event).await;
            }
        }
        // Idle and silent: it has not begun yet, or will not any more.
        if self.tracker.is_silent() {
            let patience = if self.stopping { STOP_LOOK_EVERY } else { limits::STATE_EVERY };
            let since = *self.quiet_since.get_or_insert_with(Instant::now);
            if since.elapsed() < patience {
                return None;
            }
        }
        Some(self.tracker.end(self.spent().await))
    }

    /// The whole state of the run, as if it had just been told.
    async fn read_state(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        for session in self.family().await {
            self.events.follow(&session);
            let Ok(messages) = self.client.messages(&session).await else { continue };
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

    /// What the run's sessions are asking.
    async fn open_asks(&mut self) -> Vec<Told> {
        let permissions = self.client.permissions(&self.folder).await.unwrap_or_default();
        let questions = self.client.questions(&self.folder).await.unwrap_or_default();
        if permissions.is_empty() && questions.is_empty() {
            return Vec::new();
        }
        let family: HashSet<String> = self.family().await.into_iter().collect();
        let asks = permissions.iter().map(|ask| (ask, event::permission(ask)));
        let asks = asks.chain(questions.iter().map(|ask| (ask, event::question(ask))));
        let mut told = Vec::new();
        for (ask, event) in asks {
            let session = ask.get("sessionID").and_then(Value::as_str).unwrap_or_default();
            if let (true, Some(event)) = (family.contains(session), event) {
                told.extend(self.tracker.observe(session, event));
            }
        }
        told
    }

    /// The session and its subagents', down to the last.
    async fn family(&self) -> Vec<String> {
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
        let mut sum = (0, 0.0);
        for session in self.family().await {
            let Ok(session) = self.client.session(&session).await else { continue };
            let count = |at: &str| session.pointer(at).and_then(Value::as_u64).unwrap_or_default();
            let parts = ["input", "output", "reasoning", "cache/read", "cache/write"];
            sum.0 += parts.iter().map(|part| count(&format!("/tokens/{part}"))).sum::<u64>();
            sum.1 += session.get("cost").and_then(Value::as_f64).unwrap_or_default();
        }
        sum
    }
}

fn failed(what: &str, error: &CallError) -> AgentEnd {
    let recoverable = !matches!(error, CallError::Status { status: 400..=499, .. });
    let reason = Redacted::without_paths(&format!("{what}: {error}"));
    AgentEnd::Failed(Failure { reason, recoverable })
}

/// An id in OpenCode's own ascending form: `msg_`, 12 hex digits of the time, 14 random ones.
fn message_id() -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let time = (now << 12 | 1) & 0xffff_ffff_ffff;
    let mut rng = rand::rng();
    let random: String = (0..14).map(|_| char::from(DIGITS[rng.random_range(0..DIGITS.len())])).collect();
    format!("msg_{time:012x}{random}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_message_ids_have_opencodes_own_form() {
        let id = message_id();
        assert_eq!(id.len(), "msg_1f9065978001JiD098wOgq28O8".len());
        assert!(id.starts_with("msg_") && id[4..16].bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
