//! One run on a real OpenCode 1.x: the `server` dialect. Facts: opencode.md 2.

mod resume;

use super::client::Client;
use super::event::{self, Event};
use super::feed::{Feed, Feeds, Item, Subscription};
use super::stop_on_drop::StopOnDrop;
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
use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// What an agent is told whose ask nobody can answer.
const NOBODY: &str = "Nobody can be asked right now. Go on without this, in another way, or say in your final answer \
                      what could not be done.";

/// How soon a run is looked at again that seems to be over, or was asked to stop.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A session that is idle for this long without a last word is over: between a prompt and the work there is a moment
/// of idleness, in which an abort stops nothing.
const QUIET: Duration = Duration::from_secs(2);

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
    if looks_encoded(&folder) {
        return AgentEnd::Failed(Failure::lasting(
            "OpenCode cannot work in a folder whose name has a percent sign before two hex digits; rename it",
        ));
    }
    // From here on OpenCode may work, or has for long: whatever way this ends without its own word, it is told to stop.
    let (mut run, message_id, mut stop) = if let Some(resume) = &start.resume {
        let stop = resume.place.session.as_ref().map(|session| tell_to_stop(client, session.as_str()));
        let found = tokio::select! {
            found = resume::find(client, feeds, &start, resume, folder) => found,
            () = io.stopped() => None,
        };
        let Some((run, message_id)) = found else { return AgentEnd::Failed(Failure::peer_restarted()) };
        let stop = stop.unwrap_or_else(|| tell_to_stop(client, &run.session));
        (run, message_id, stop)
    } else {
        let run = match open(client, feeds, &start, folder).await {
            Ok(run) => run,
            Err(error) => return failed("OpenCode could not make a session", &error),
        };
        let (session, message_id) = (SessionHandle::new(run.session.clone()), message_id());
        let place = PromptPlace { session: Some(session), message_id: Some(message_id.clone()) };
        if io.spend(place).await.is_err() {
            return AgentEnd::Failed(Failure::recoverable("stopped before it began"));
        }
        let stop = tell_to_stop(client, &run.session);
        (run, message_id, stop)
    };
    io.started(SessionHandle::new(run.session.clone())).await;
    if !run.prompted
        && let Err(error) = prompt(client, &run.session, &message_id, &start).await
    {
        return failed("OpenCode did not take the prompt", &error);
    }
    io.prompted().await;
    let (end, idle) = run.follow(io).await;
    if idle {
        stop.disarm();
    }
    end
}

fn tell_to_stop(client: &Client, session: &str) -> StopOnDrop {
    let (client, session) = (client.clone(), session.to_owned());
    StopOnDrop::new(async move {
        let _gone = client.abort(&session).await;
    })
}

async fn open<'a>(
    client: &'a Client,
    feeds: &Feeds,
    start: &Start,
    folder: String,
) -> Result<Run<'a>, CallError> {
    let feed = feeds.open(client).await?;
    // A peer before us may have got as far as its session.
    let kept = if start.restored { client.find_session(&folder, start.run_id.as_str()).await? } else { None };
    let session = match kept {
        Some(session) => session,
        None => client.create_session(&folder, &start.title, start.run_id.as_str()).await?,
    };
    Ok(Run::new(client, &feed, session, folder))
}

/// Prompts once. When no answer came the message itself is asked after, so that nothing is ever prompted twice.
async fn prompt(client: &Client, session: &str, message_id: &str, start: &Start) -> Result<(), CallError> {
    match client.prompt(session, message_id, &start.prompt, start.model.as_deref()).await {
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
    /// Idle since then, without a last word.
    quiet_since: Option<Instant>,
    /// A peer before us has prompted it.
    prompted: bool,
}

impl<'a> Run<'a> {
    fn new(client: &'a Client, feed: &Arc<Feed>, session: String, folder: String) -> Self {
        Self {
            client,
            events: Arc::clone(feed).subscribe(&session),
            tracker: Tracker::new(&session, Path::new(&folder)),
            session,
            folder,
            stopping: false,
            quiet_since: None,
            prompted: false,
        }
    }
}

impl Run<'_> {
    /// Follows the run to its end; was its session seen idle then?
    async fn follow(&mut self, io: &RunIo) -> (AgentEnd, bool) {
        let mut look = interval_at(Instant::now() + limits::STATE_EVERY, limits::STATE_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut soon = false;
        let mut told = VecDeque::new();
        if self.prompted {
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
            if (self.stopping || self.quiet_since.is_some()) && !soon {
                soon = true;
                look.reset_after(LOOK_AGAIN);
            }
            told.extend(tokio::select! {
                item = self.events.next() => match item {
                    Item::Event(session, event) => self.tracker.observe(&session, event),
                    Item::Resync => {
                        let mut told = self.read_state().await;
                        told.push(Told::PerhapsOver);
                        told
                    }
                    Item::Lost(why) => return (AgentEnd::Failed(Failure::recoverable(&why)), false),
                },
                // In case an event never came: the status, and what is being asked.
                _ = look.tick() => {
                    soon = false;
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
                    vec![Told::PerhapsOver]
                }
            });
        }
    }

    async fn act(&mut self, told: Told, io: &RunIo) {
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
            // `follow` takes these.
            Told::Runaway | Told::PerhapsOver => {}
        }
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
    async fn read_state(&mut self) -> Vec<Told> {
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

fn runaway() -> AgentEnd {
    AgentEnd::Failed(Failure::recoverable(&format!(
        "the model's answers end without a reason, and OpenCode asks for ever: stopped after {} in a row",
        limits::RUNAWAY_ANSWERS
    )))
}

fn failed(what: &str, error: &CallError) -> AgentEnd {
    let recoverable = !matches!(error, CallError::Status { status: 400..=499, .. });
    let reason = Redacted::without_paths(&format!("{what}: {error}"));
    AgentEnd::Failed(Failure { reason, recoverable })
}

/// PROTOCOL: 1.18.33 decodes folders once too often, so that it would work in `/w/a b` when told of `/w/a%20b`.
fn looks_encoded(folder: &str) -> bool {
    folder.as_bytes().windows(3).any(|at| at[0] == b'%' && at[1..].iter().all(u8::is_ascii_hexdigit))
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
    fn a_folder_that_opencode_would_take_for_another_one_is_known() {
        for (folder, looks) in [
            ("/w/a b", false),
            ("/w/100% more", false),
            ("/w/100%", false),
            ("/w/a%20b", true),
            ("/w/%2F..", true),
        ] {
            assert_eq!(looks_encoded(folder), looks, "{folder}");
        }
    }

    #[test]
    fn our_message_ids_have_opencodes_own_form() {
        let id = message_id();
        assert_eq!(id.len(), "msg_1f9065978001JiD098wOgq28O8".len());
        assert!(id.starts_with("msg_") && id[4..16].bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
