//! Which task runs when, and how each run ends exactly once.
//!
//! Promises (design, promises 1 and 2):
//! - One dispatch key is one run. A key is spent by [`Effect::Spend`], committed just before the agent may be
//!   prompted. What fails before that frees it. A spent key never prompts again: in flight or completed, a repeat is
//!   silent; failed, the same terminal is sent again.
//! - Every run ends in one terminal, journaled by [`Effect::End`] before it is sent.
//! - Cancel and timeout end a run for sure: the agent is asked, then waited for, then left behind.
//!
//! Effects are to be carried out in their order.

mod effect;
mod ledger;

pub use effect::{Effect, Ended, Spent, Start};
pub use ledger::{Past, PastEnd};

use crate::agent::{AgentEnd, AgentEvent, Failure, PromptPlace};
use crate::delivery::Outgoing;
use crate::ids::{DriverId, RunId, SessionHandle};
use crate::limits;
use crate::message::{Dispatch, Failed, Frame};
use crate::prompt;
use crate::redact::Redacted;
use crate::run::{Phase, Run, Stopped};
use crate::skill_rules::Match;
use crate::time::{Millis, Now};
use ledger::{Ledger, Standing};
use std::collections::{BTreeMap, VecDeque};

/// What the person and the configuration allow.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Runs at once.
    pub concurrent: usize,
    /// Runs at once in one folder.
    pub per_folder: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { concurrent: limits::CONCURRENT_RUNS, per_folder: 1 }
    }
}

/// All runs that have not ended, and what is remembered of those that have.
#[derive(Debug, Default)]
pub struct Dispatcher {
    limits: Limits,
    /// Driver ids with the outbox's name for each.
    drivers: BTreeMap<DriverId, &'static str>,
    runs: BTreeMap<RunId, Run>,
    queue: VecDeque<RunId>,
    queued_bytes: usize,
    ledger: Ledger,
    stopping: bool,
}

impl Dispatcher {
    /// A dispatcher for these drivers that remembers `past` runs, oldest first.
    pub fn new(limits: Limits, drivers: BTreeMap<DriverId, &'static str>, past: Vec<Past>) -> Self {
        Self { limits, drivers, ledger: Ledger::restore(past), ..Self::default() }
    }

    /// A dispatch arrived.
    pub fn dispatch(&mut self, dispatch: Dispatch, now: Now) -> Vec<Effect> {
        if self.stopping {
            return vec![Effect::Ignored("a dispatch that came while the peer was stopping")];
        }
        let known = self.ledger.of_key(&dispatch.key).or_else(|| self.ledger.of_run(&dispatch.run_id));
        if let Some(standing) = known {
            return standing.answer().map(Effect::Send).into_iter().collect();
        }
        if self.runs.contains_key(&dispatch.run_id)
            || self.runs.values().any(|run| run.dispatch.key == dispatch.key)
        {
            return vec![Effect::Ignored("a repeat of a dispatch that is queued or running")];
        }
        if !self.drivers.contains_key(&dispatch.task.driver) {
            // PROTOCOL: contract A4.2.
            let reason = format!("No driver registered for '{}'", dispatch.task.driver);
            return fail_unseen(dispatch.run_id, &Failure::lasting(&reason), now);
        }
        let bytes = dispatch.text_bytes();
        if self.queue.len() >= limits::QUEUED_DISPATCHES || self.queued_bytes + bytes > limits::QUEUED_BYTES {
            let full = Failure::recoverable("this peer's queue is full; try again later");
            return fail_unseen(dispatch.run_id, &full, now);
        }
        let run_id = dispatch.run_id.clone();
        let repo_path = dispatch.task.repo_path.clone();
        self.queued_bytes += bytes;
        self.queue.push_back(run_id.clone());
        self.runs.insert(run_id.clone(), Run::new(dispatch, now));
        vec![Effect::CheckFolder { run_id, repo_path }]
    }

    /// A dispatch arrived that names its run but cannot be run. See [`crate::message::Inbound::Unusable`].
    pub fn unusable(&mut self, run_id: RunId, reason: &Redacted, now: Now) -> Vec<Effect> {
        if self.runs.contains_key(&run_id) || self.ledger.of_run(&run_id).is_some() {
            return vec![Effect::Ignored("an unusable dispatch for a run that is known already")];
        }
        fail_unseen(run_id, &Failure { reason: reason.clone(), recoverable: false }, now)
    }

    /// The answer to [`Effect::CheckFolder`]: the folder to work in (none was named, and no default is set: `None`).
    pub fn folder(
        &mut self,
        run_id: &RunId,
        folder: Result<Option<String>, Failure>,
        now: Now,
    ) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id).filter(|run| matches!(run.phase, Phase::Queued { .. }))
        else {
            return Vec::new();
        };
        match folder {
            Ok(folder) => {
                run.folder = folder;
                run.folder_known = true;
                self.start_next(now)
            }
            Err(failure) => self.end_failed(run_id, &failure, now),
        }
    }

    /// The agent is about to be prompted: spends the key. `None` when the run was stopped meanwhile, or is none:
    /// do not prompt.
    pub fn spend(&mut self, run_id: &RunId, prompt: PromptPlace, now: Now) -> Option<Vec<Effect>> {
        let run = self.runs.get_mut(run_id)?;
        if run.spent || !matches!(run.phase, Phase::Starting { .. }) {
            return None;
        }
        run.spent = true;
        self.ledger.spend(&run.dispatch.key, run_id);
        Some(vec![Effect::Spend(Box::new(Spent {
            run_id: run_id.clone(),
            key: run.dispatch.key.clone(),
            driver: run.dispatch.task.driver.clone(),
            session: prompt.session,
            message_id: prompt.message_id,
            folder: run.folder.clone(),
            at: now.wall,
        }))])
    }

    /// The key could not be journaled, and nothing was prompted: it is free again.
    pub fn unspend(&mut self, run_id: &RunId) {
        if let Some(run) = self.runs.get_mut(run_id) {
            run.spent = false;
            self.ledger.unspend(run_id);
        }
    }

    /// A run that a peer before us left unfinished has ended now: its key is spent.
    pub fn recall(&mut self, ended: &Ended) {
        if let Some(key) = &ended.key {
            self.ledger.spend(key, &ended.run_id);
            self.ledger.end(&ended.run_id, standing(ended.failed, &ended.terminal));
        }
    }

    /// The agent has a session for the run: from here on it is running.
    pub fn started(&mut self, run_id: &RunId, session: &SessionHandle, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id).filter(|run| run.live.is_none()) else { return Vec::new() };
        let source_client = self.drivers.get(&run.dispatch.task.driver).copied().unwrap_or_default();
        run.start(session, now, source_client)
    }

    /// The agent did or said something.
    pub fn agent(&mut self, run_id: &RunId, event: &AgentEvent, matches: &[Match], now: Now) -> Vec<Effect> {
        self.runs.get_mut(run_id).map_or_else(Vec::new, |run| run.observe(event, matches, now.wall))
    }

    /// Skill rules that an earlier action breaks; they were still being compiled when it happened.
    pub fn late_matches(
        &mut self,
        run_id: &RunId,
        evidence_ref: &str,
        matches: &[Match],
        now: Now,
    ) -> Vec<Effect> {
        let Some(live) = self.runs.get_mut(run_id).and_then(|run| run.live.as_mut()) else {
            return Vec::new();
        };
        live.deviate(evidence_ref, matches, now.wall)
    }

    /// The agent's part is over.
    pub fn ended(&mut self, run_id: &RunId, end: &AgentEnd, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get(run_id) else { return Vec::new() };
        if let Phase::Cancelling { why, .. } = run.phase {
            let failure = run.failure_of(why);
            return self.end_failed(run_id, &failure, now);
        }
        match end {
            AgentEnd::Completed(totals) => {
                let (frame, record) = run.complete(totals, now.wall);
                self.end(run_id, &frame, record, now)
            }
            AgentEnd::Failed(failure) => self.end_failed(run_id, failure, now),
        }
    }

    /// OrgX or the person wants this run to end.
    pub fn cancel(&mut self, run_id: &RunId, now: Now) -> Vec<Effect> {
        self.stop_run(run_id, Stopped::Cancelled, now)
    }

    /// The peer quits: every run ends now; agents are asked to stop, and not waited for.
    pub fn stop(&mut self, now: Now) -> Vec<Effect> {
        self.stopping = true;
        let ids: Vec<RunId> = self.runs.keys().cloned().collect();
        let mut effects = Vec::new();
        for run_id in ids {
            let Some(run) = self.runs.get(&run_id) else { continue };
            let (failure, live) = match run.phase {
                Phase::Cancelling { why, .. } => (run.failure_of(why), true),
                Phase::Queued { .. } => (run.failure_of(Stopped::PeerStopped), false),
                Phase::Starting { .. } | Phase::Running { .. } => {
                    (run.failure_of(Stopped::PeerStopped), true)
                }
            };
            if live {
                effects.push(Effect::Ask(run_id.clone()));
            }
            effects.extend(self.end_failed(&run_id, &failure, now));
        }
        effects
    }

    /// Time passed.
    pub fn tick(&mut self, now: Now) -> Vec<Effect> {
        let due: Vec<RunId> =
            self.runs.iter().filter(|(_, run)| deadline(run) <= now.mono).map(|(id, _)| id.clone()).collect();
        let mut effects = Vec::new();
        for run_id in due {
            let Some(run) = self.runs.get(&run_id) else { continue };
            match run.phase {
                Phase::Queued { .. } => {
                    let seconds = run.dispatch.timeout.as_secs();
                    let failure =
                        Failure::recoverable(&format!("waited {seconds} s for its turn on this computer"));
                    effects.extend(self.end_failed(&run_id, &failure, now));
                }
                Phase::Starting { .. } => effects.extend(self.stop_run(&run_id, Stopped::NeverStarted, now)),
                Phase::Running { .. } => effects.extend(self.stop_run(&run_id, Stopped::TimedOut, now)),
                Phase::Cancelling { why, .. } => {
                    let failure = run.failure_of(why);
                    effects.push(Effect::Abandon(run_id.clone()));
                    effects.extend(self.end_failed(&run_id, &failure, now));
                }
            }
        }
        effects
    }

    /// When to come back with [`Dispatcher::tick`], at the latest.
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.runs.values().map(deadline).min()
    }

    /// The runs that have not ended.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    /// One of them.
    pub fn run(&self, run_id: &RunId) -> Option<&Run> {
        self.runs.get(run_id)
    }

    /// How many wait for their turn.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    fn start_next(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        while !self.stopping && self.active() < self.limits.concurrent {
            // Nobody overtakes a run whose folder is still being looked at: tasks start in the order they came.
            let known =
                self.queue.iter().take_while(|id| self.runs.get(*id).is_some_and(|run| run.folder_known));
            let Some(at) = known.enumerate().find(|(_, id)| self.may_start(id)).map(|(at, _)| at) else {
                break;
            };
            let Some(run) = self.queue.remove(at).and_then(|run_id| self.runs.get_mut(&run_id)) else {
                break;
            };
            self.queued_bytes -= run.dispatch.text_bytes();
            run.phase = Phase::Starting { until: now.mono + limits::START_WITHIN };
            effects.push(Effect::Start(Box::new(Start {
                run_id: run.dispatch.run_id.clone(),
                key: run.dispatch.key.clone(),
                driver: run.dispatch.task.driver.clone(),
                title: run.dispatch.task.title.clone(),
                prompt: prompt::render(&run.dispatch.task),
                folder: run.folder.clone(),
            })));
        }
        effects
    }

    fn active(&self) -> usize {
        self.runs.len() - self.queue.len()
    }

    /// Its folder is known, and has room.
    fn may_start(&self, run_id: &RunId) -> bool {
        let Some(run) = self.runs.get(run_id).filter(|run| run.folder_known) else { return false };
        let Some(folder) = &run.folder else { return true };
        let works_there = |other: &&Run| {
            !matches!(other.phase, Phase::Queued { .. }) && other.folder.as_ref() == Some(folder)
        };
        self.runs.values().filter(works_there).count() < self.limits.per_folder
    }

    fn stop_run(&mut self, run_id: &RunId, why: Stopped, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id) else { return Vec::new() };
        match run.phase {
            Phase::Queued { .. } => {
                let failure = run.failure_of(why);
                self.end_failed(run_id, &failure, now)
            }
            Phase::Starting { .. } | Phase::Running { .. } => {
                run.phase = Phase::Cancelling { why, until: now.mono + limits::STOP_WITHIN };
                vec![Effect::Ask(run_id.clone())]
            }
            Phase::Cancelling { .. } => Vec::new(),
        }
    }

    fn end_failed(&mut self, run_id: &RunId, failure: &Failure, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get(run_id) else { return Vec::new() };
        let (frame, record) = run.fail(failure, now.wall);
        self.end(run_id, &frame, record, now)
    }

    fn end(
        &mut self,
        run_id: &RunId,
        frame: &Frame,
        record: Option<crate::work_graph::Record>,
        now: Now,
    ) -> Vec<Effect> {
        let Some(run) = self.runs.remove(run_id) else { return Vec::new() };
        if let Some(at) = self.queue.iter().position(|queued| queued == run_id) {
            self.queue.remove(at);
            self.queued_bytes -= run.dispatch.text_bytes();
        }
        let terminal = Outgoing::from(frame);
        if run.spent {
            self.ledger.end(run_id, standing(matches!(frame, Frame::Failed(_)), &terminal));
        }
        let receipt = match frame {
            Frame::Completed(completed) => Some(crate::receipt::Receipt::of(completed)),
            _ => None,
        };
        let mut effects: Vec<Effect> = record.map(Box::new).map(Effect::Record).into_iter().collect();
        effects.push(Effect::End(Box::new(Ended {
            run_id: run_id.clone(),
            key: run.spent.then(|| run.dispatch.key.clone()),
            terminal: terminal.clone(),
            failed: matches!(frame, Frame::Failed(_)),
            receipt,
            steps: run.live.as_ref().map_or(0, |live| live.steps),
            deviations: run.live.as_ref().map_or(0, |live| live.deviations),
            at: now.wall,
        })));
        effects.push(Effect::Send(terminal));
        effects.extend(self.start_next(now));
        effects
    }
}

fn deadline(run: &Run) -> Millis {
    match run.phase {
        Phase::Queued { until }
        | Phase::Starting { until }
        | Phase::Running { until }
        | Phase::Cancelling { until, .. } => until,
    }
}

fn standing(failed: bool, terminal: &Outgoing) -> Standing {
    if failed { Standing::Failed(terminal.clone()) } else { Standing::Completed }
}

/// A failure for a run that never was: no key is spent, and a repeat is looked at anew.
fn fail_unseen(run_id: RunId, failure: &Failure, now: Now) -> Vec<Effect> {
    let frame = Frame::Failed(Failed {
        run_id: run_id.clone(),
        reason: failure.reason.clone(),
        recoverable: failure.recoverable,
    });
    let terminal = Outgoing::from(&frame);
    let ended = Ended {
        run_id,
        key: None,
        terminal: terminal.clone(),
        failed: true,
        receipt: None,
        steps: 0,
        deviations: 0,
        at: now.wall,
    };
    vec![Effect::End(Box::new(ended)), Effect::Send(terminal)]
}

#[cfg(test)]
mod tests;
