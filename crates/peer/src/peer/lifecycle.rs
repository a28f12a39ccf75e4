//! Sessions that begin and end: the receiver, and what runs of ours tell it. Nobody waits for it.

use super::actor::Actor;
use super::command::{CommandError, LifecycleEvent, Reply};
use super::event::PeerEvent;
use super::history::RunState;
use crate::limits;
use crate::webhook::{Notice, Numbered, Parts, RunTold, Webhook, Which};
use orgx_proto::dispatch::Ended;
use orgx_proto::ids::{DriverId, RunId};
use orgx_proto::lifecycle::{End, Happened, Harness, Subject};
use orgx_proto::run::Run;
use orgx_proto::time::Timestamp;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The reason of a run that was cancelled. PROTOCOL: the terminal's own.
const CANCELLED: &str = "cancelled";

impl Actor {
    /// Starts the receiver, where it is switched on.
    pub(super) fn receive(&mut self) {
        let config = self.config.lifecycle.clone();
        self.webhook = config.enabled.then(|| {
            let (paths, clock) = (self.config.paths.clone(), self.config.clock.clone());
            Webhook::start(Parts { config, paths, clock })
        });
        self.touch();
    }

    pub(super) async fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Changed => {}
            Notice::Session(session) => self.tell(if session.phase.is_terminal() {
                PeerEvent::SessionEnded { session: *session }
            } else {
                PeerEvent::SessionStarted { session: *session }
            }),
            Notice::Warning(words) => self.warn(words),
            Notice::Runs(known) => self.compare_runs(known).await,
        }
        self.touch();
    }

    /// A run has a session.
    pub(super) fn tell_session_of(&self, run_id: &RunId) {
        let Some((webhook, run)) = self.webhook.as_ref().zip(self.dispatcher.run(run_id)) else { return };
        if let Some(happened) = began(run) {
            webhook.tell(RunTold::Began(run_id.clone(), Box::new(happened)));
        }
    }

    /// A run is over.
    pub(super) fn tell_end_of(&self, ended: &Ended) {
        let Some(webhook) = &self.webhook else { return };
        let terminal: Value = serde_json::from_str(&ended.terminal.json).unwrap_or_default();
        let end = end(ended.failed, terminal.get("reason").and_then(Value::as_str));
        webhook.tell(RunTold::Over(ended.run_id.clone(), end, ended.at));
    }

    /// The receiver begins: runs that have a session are told of, and the ends that it did not hear. A run that nobody
    /// here knows is another workspace's.
    async fn compare_runs(&mut self, known: Vec<RunId>) {
        let live: Vec<RunId> = self.dispatcher.runs().map(|run| run.dispatch.run_id.clone()).collect();
        for run_id in &live {
            self.tell_session_of(run_id);
        }
        for run_id in known.into_iter().filter(|run| !live.contains(run)) {
            let Ok(record) = self.named(run_id.as_str(), true).await else { continue };
            if let (Some(webhook), true) = (&self.webhook, record.state.is_over()) {
                let end = end(record.state != RunState::Completed, record.reason.as_deref());
                let at = record.ended_at.map_or_else(|| self.clock.now().wall, Timestamp);
                webhook.tell(RunTold::Over(run_id, end, at));
            }
        }
    }

    pub(super) fn tell_lifecycle(
        &self,
        limit: usize,
        after: Option<i64>,
        answer: oneshot::Sender<Result<Reply, CommandError>>,
    ) {
        let off = "session events are not received: set enabled = true in [lifecycle] of config.toml";
        let refused = |why: &str| Err(CommandError::NotReceiving { why: why.to_owned() });
        let Some(webhook) = &self.webhook else {
            let _gone = answer.send(refused(off));
            return;
        };
        let limit = limit.min(limits::LIFECYCLE_LISTED);
        let events = webhook.events(after.map_or(Which::Newest(limit), |number| Which::After(number, limit)));
        let why = webhook.view().words.unwrap_or_else(|| "it does not answer; is the disk well?".to_owned());
        tokio::spawn(async move {
            let event = |Numbered { number, event }| LifecycleEvent { number, event };
            let reply = match timeout(limits::LOOK_UP, events).await {
                Ok(Some(events)) => Ok(Reply::Lifecycle { events: events.into_iter().map(event).collect() }),
                _ => refused(&format!("session events cannot be listed: {why}")),
            };
            let _gone = answer.send(reply);
        });
    }
}

/// The beginning of the session that a run has, once it has one.
fn began(run: &Run) -> Option<Happened> {
    let live = run.live.as_ref()?;
    let harness = if run.dispatch.task.driver == DriverId::opencode() {
        Harness::OpenCode
    } else {
        Harness::ClaudeCode
    };
    let subject = Subject { harness, session: live.subject.session.clone() };
    Some(Happened { cwd: run.folder.clone(), ..Happened::new(subject, live.started_at, None) })
}

fn end(failed: bool, reason: Option<&str>) -> End {
    match (failed, reason) {
        (false, _) => End::run_completed(),
        (true, Some(CANCELLED)) => End::run_cancelled(),
        (true, _) => End::run_failed(),
    }
}
