//! Which task runs when, and how each run ends exactly once.
//!
//! Promises (design, promises 1 and 2):
//! - One dispatch key is one run. A key is spent by [`Effect::Spend`], committed just before the agent may be
//!   prompted. What fails before that frees it. A spent key never prompts again: in flight or completed, a repeat is
//!   silent; failed, the same terminal is sent again.
//! - Every run ends in one terminal, journaled by [`Effect::End`] before it is sent.
//! - A run that waits for the person before it starts holds up nobody else. One that waits in the middle of its work, for
//!   an answer or at its budget, keeps its place and its folder: it may go on at any moment, and no more may run at
//!   once than the person allows. Neither waits longer than its own time allows.
//! - Cancel and timeout end a run for sure: the agent is asked, then waited for, then left behind.
//!
//! Effects are to be carried out in their order.

mod asking;
mod asks;
mod budget;
mod effect;
mod ledger;
mod queue;
mod restore;
mod start;

pub use effect::{Effect, Ended, Origin, Resume, Spent, Start};
pub use ledger::{Past, PastEnd};
pub use queue::PauseState;
pub use restore::{Left, LeftSpent};
pub use start::meet;

use crate::agent::{AgentEnd, AgentEvent, Failure, PromptPlace};
use crate::budget::{Budgets, Used, microdollars};
use crate::delivery::Outgoing;
use crate::ids::{DriverId, RunId, SessionHandle};
use crate::limits;
use crate::message::{Dispatch, Failed, Frame};
use crate::redact::Redacted;
use crate::run::{Phase, Run, Stopped};
use crate::skill_rules::Match;
use crate::time::{Millis, Now, Timestamp};
use budget::DayBook;
use ledger::{Ledger, Standing};
use queue::Queue;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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
    /// Those of them that take tasks now.
    offered: BTreeSet<DriverId>,
    runs: BTreeMap<RunId, Run>,
    queue: Queue,
    pause: PauseState,
    ledger: Ledger,
    stopping: bool,
    budgets: Budgets,
    day: DayBook,
    /// Is the person asked about folders with changes that are not committed?
    ask_when_dirty: bool,
    /// Folders in which nothing may start now: something is being taken back there.
    closed: Vec<String>,
}

impl Dispatcher {
    /// A dispatcher for these drivers that remembers `past` runs, oldest first.
    pub fn new(limits: Limits, drivers: BTreeMap<DriverId, &'static str>, past: Vec<Past>) -> Self {
        let offered = drivers.keys().cloned().collect();
        Self { limits, drivers, offered, ledger: Ledger::restore(past), ..Self::default() }
    }

    /// Which drivers take tasks from now on. What has come for another one goes on.
    pub fn set_offered(&mut self, offered: BTreeSet<DriverId>) {
        self.offered = offered;
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
        if !self.offered.contains(&dispatch.task.driver) {
            // PROTOCOL: contract A4.2.
            let reason = format!("No driver registered for '{}'", dispatch.task.driver);
            return fail_unseen(dispatch.run_id, &Failure::lasting(&reason), now);
        }
        if !self.queue.has_room_for(&dispatch) {
            let full = Failure::recoverable("this peer's queue is full; try again later");
            return fail_unseen(dispatch.run_id, &full, now);
        }
        let run_id = dispatch.run_id.clone();
        let repo_path = dispatch.task.repo_path.clone();
        self.queue.push(&dispatch);
        let after_pause = self.pause != PauseState::Open;
        let queued = Effect::Queue { dispatch: Box::new(dispatch.clone()), at: now.wall, after_pause };
        let mut run = Run::new(dispatch, now);
        run.after_pause = after_pause;
        self.runs.insert(run_id.clone(), run);
        vec![queued, Effect::CheckFolder { run_id, repo_path }]
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
        if !self.runs.get(run_id).is_some_and(|run| run.phase.waits()) {
            return Vec::new();
        }
        match folder {
            Ok(folder) => self.looked(run_id, folder, Vec::new(), now),
            Err(failure) => self.end_failed(run_id, &failure, now),
        }
    }

    /// The agent is about to be prompted: spends the key. `None` when the run was stopped meanwhile, or is none:
    /// do not prompt.
    pub fn spend(&mut self, run_id: &RunId, prompt: PromptPlace, now: Now) -> Option<Vec<Effect>> {
        let run = self.runs.get_mut(run_id)?;
        if self.stopping || run.spent.is_some() || !matches!(run.phase, Phase::Starting { .. }) {
            return None;
        }
        run.spent = Some((now.wall, prompt));
        self.ledger.spend(&run.dispatch.key, run_id);
        Some(run.spent_as().map(|spent| Effect::Spend(Box::new(spent))).into_iter().collect())
    }

    /// The key could not be journaled, and nothing was prompted: it is free again.
    pub fn unspend(&mut self, run_id: &RunId) {
        if let Some(run) = self.runs.get_mut(run_id) {
            run.spent = None;
            self.ledger.unspend(run_id);
        }
    }

    /// May a run be prompted now that was to be prompted, and never was: one that a peer before us began, or that may
    /// go on and whose server ended before it was?
    pub fn may_prompt(&self, run_id: &RunId) -> bool {
        let may = |run: &Run| match run.phase {
            Phase::Starting { .. } => true,
            Phase::Running { .. } => matches!(run.account.standing, crate::run::Standing::GoesOn),
            _ => false,
        };
        !self.stopping && self.runs.get(run_id).is_some_and(may)
    }

    /// The agent has the prompt for sure: nobody needs its text any more.
    pub fn prompted(&mut self, run_id: &RunId, now: Now) -> Vec<Effect> {
        let known = self.runs.contains_key(run_id);
        let mut effects: Vec<Effect> = known.then(|| Effect::Erase(run_id.clone())).into_iter().collect();
        effects.extend(self.goes_on_for_sure(run_id, now));
        effects
    }

    /// The agent has a session for the run: from here on it is running.
    pub fn started(&mut self, run_id: &RunId, session: &SessionHandle, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id).filter(|run| run.live.is_none() || run.restored) else {
            return Vec::new();
        };
        let source_client = self.drivers.get(&run.dispatch.task.driver).copied().unwrap_or_default();
        let effects = run.start(session, now, source_client);
        if !matches!(run.account.standing, crate::run::Standing::TakenUp) {
            run.account.work(now);
        }
        let mut effects = kept_here(run.dispatch.local, effects);
        effects.extend(self.keep_budgets(now));
        effects
    }

    /// The agent did or said something.
    pub fn agent(&mut self, run_id: &RunId, event: &AgentEvent, matches: &[Match], now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id) else { return Vec::new() };
        let effects = run.observe(event, matches, now.wall);
        kept_here(run.dispatch.local, effects)
    }

    /// Skill rules that an earlier action breaks; they were still being compiled when it happened.
    pub fn late_matches(
        &mut self,
        run_id: &RunId,
        evidence_ref: &str,
        matches: &[Match],
        now: Now,
    ) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id) else { return Vec::new() };
        let local = run.dispatch.local;
        let effects = run.live.as_mut().map(|live| live.deviate(evidence_ref, matches, now.wall));
        kept_here(local, effects.unwrap_or_default())
    }

    /// The agent's part is over.
    pub fn ended(&mut self, run_id: &RunId, end: &AgentEnd, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get(run_id) else { return Vec::new() };
        let cancelled = matches!(run.phase, Phase::Cancelling { why: Stopped::Cancelled, .. });
        // Stopping, and never prompted: it waits for the next peer.
        if self.stopping && run.spent.is_none() && !cancelled {
            return Vec::new();
        }
        // What ended while no peer lived ended in time, whatever the clock says now.
        let in_time = run.restored && matches!(end, AgentEnd::Completed(_));
        if let Phase::Cancelling { why, .. } = run.phase
            && !(in_time && why == Stopped::TimedOut)
        {
            let failure = run.failure_of(why);
            return self.end_failed(run_id, &failure, now);
        }
        match end {
            AgentEnd::Completed(totals) => {
                let (frame, record) = run.complete(totals, now.wall);
                if let Some(run) = self.runs.get_mut(run_id) {
                    run.account.count(totals.tokens_used, microdollars(totals.cost_cents));
                }
                self.end(run_id, &frame, record, now)
            }
            AgentEnd::Failed(failure) => self.end_failed(run_id, failure, now),
        }
    }

    /// OrgX or the person wants this run to end.
    pub fn cancel(&mut self, run_id: &RunId, now: Now) -> Vec<Effect> {
        self.stop_run(run_id, Stopped::Cancelled, now)
    }

    /// The peer quits: every run ends now; agents are asked to stop, and not waited for. What has not been prompted
    /// stays in the journal, and waits for the next peer.
    pub fn stop(&mut self, now: Now) -> Vec<Effect> {
        self.stopping = true;
        let ids: Vec<RunId> = self.runs.keys().cloned().collect();
        let mut effects = Vec::new();
        for run_id in ids {
            let Some(run) = self.runs.get(&run_id) else { continue };
            let why = match run.phase {
                Phase::Cancelling { why, .. } => why,
                _ => Stopped::PeerStopped,
            };
            let failure = run.failure_of(why);
            if !run.phase.waits() {
                effects.push(Effect::Ask(run_id.clone()));
            }
            let waits = run.spent.is_none() && why == Stopped::PeerStopped && !run.dispatch.local;
            if !waits {
                effects.extend(self.end_failed(&run_id, &failure, now));
            }
        }
        effects
    }

    /// Time passed.
    pub fn tick(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = self.lapse_holds(now);
        effects.extend(self.keep_budgets(now));
        let due: Vec<RunId> =
            self.runs.iter().filter(|(_, run)| deadline(run) <= now.mono).map(|(id, _)| id.clone()).collect();
        let lapsed = |run: &Run| run.asks.poll_timeout().is_some_and(|at| at <= now.mono);
        let lapsed: Vec<RunId> =
            self.runs.iter().filter(|(_, run)| lapsed(run)).map(|(id, _)| id.clone()).collect();
        effects.extend(lapsed.iter().flat_map(|run_id| self.lapse(run_id, now)).collect::<Vec<_>>());
        for run_id in due {
            let Some(run) = self.runs.get(&run_id) else { continue };
            match run.phase {
                Phase::Queued { .. } => {
                    let seconds = run.dispatch.timeout.as_secs();
                    let failure = if self.is_held_back(run) {
                        Failure::recoverable("paused by the person")
                    } else {
                        Failure::recoverable(&format!("waited {seconds} s for its turn on this computer"))
                    };
                    effects.extend(self.end_failed(&run_id, &failure, now));
                }
                Phase::NeedsYou { .. } => effects.extend(self.refuse(&run_id, now)),
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
        let asks = self.runs.values().filter_map(|run| run.asks.poll_timeout());
        self.runs.values().map(deadline).chain(asks).chain(self.budget_timeout()).min()
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

    fn stop_run(&mut self, run_id: &RunId, why: Stopped, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id) else { return Vec::new() };
        match run.phase {
            Phase::Queued { .. } | Phase::NeedsYou { .. } => {
                let failure = run.failure_of(why);
                self.end_failed(run_id, &failure, now)
            }
            Phase::Starting { .. } | Phase::Running { .. } => {
                run.phase = Phase::Cancelling { why, until: now.mono + limits::STOP_WITHIN };
                run.asks.drop_open();
                let kept = (why == Stopped::Cancelled).then(|| Effect::Cancelled(run_id.clone()));
                kept.into_iter().chain([Effect::Ask(run_id.clone())]).collect()
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
        let Some(mut run) = self.runs.remove(run_id) else { return Vec::new() };
        self.queue.remove(&run.dispatch);
        let used = self.settle_account(&mut run, now);
        let terminal = Outgoing::from(frame);
        let local = run.dispatch.local;
        if run.spent.is_some() {
            self.ledger.end(run_id, standing(matches!(frame, Frame::Failed(_)), &terminal));
        }
        let receipt = match frame {
            Frame::Completed(completed) if !local => Some(crate::receipt::Receipt::of(completed)),
            _ => None,
        };
        let record = record.filter(|_| !local).map(Box::new).map(Effect::Record);
        let mut effects: Vec<Effect> = record.into_iter().collect();
        effects.push(Effect::End(Box::new(Ended {
            run_id: run_id.clone(),
            key: run.spent.as_ref().map(|_| run.dispatch.key.clone()),
            terminal: terminal.clone(),
            local,
            failed: matches!(frame, Frame::Failed(_)),
            receipt,
            steps: run.live.as_ref().map_or(0, |live| live.steps),
            deviations: run.live.as_ref().map_or(0, |live| live.deviations),
            used,
            at: now.wall,
        })));
        effects.extend(kept_here(local, vec![Effect::Send(terminal)]));
        effects.extend(self.look_at_folder_of(&run));
        effects.extend(self.start_next(now));
        self.settle();
        effects
    }
}

fn deadline(run: &Run) -> Millis {
    match run.phase {
        Phase::Queued { until }
        | Phase::NeedsYou { until }
        | Phase::Starting { until }
        | Phase::Running { until }
        | Phase::Cancelling { until, .. } => until,
    }
}

/// When `timeout` is used up that began at `since`. A wall clock that moved can shorten it, and never lengthen it.
pub(crate) fn deadline_after(since: Timestamp, timeout: Duration, now: Now) -> Millis {
    let passed = Duration::from_millis(u64::try_from(now.wall.0.saturating_sub(since.0)).unwrap_or_default());
    now.mono + timeout.saturating_sub(passed)
}

/// What a run of the person's own does stays on this computer, and out of the trail that OrgX reads.
fn kept_here(local: bool, effects: Vec<Effect>) -> Vec<Effect> {
    if !local {
        return effects;
    }
    let keep = |effect| match effect {
        Effect::Send(frame) => Some(Effect::Tell(frame)),
        Effect::Record(_) | Effect::Keep(_) => None,
        other => Some(other),
    };
    effects.into_iter().filter_map(keep).collect()
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
        local: false,
        failed: true,
        receipt: None,
        steps: 0,
        deviations: 0,
        used: Used::default(),
        at: now.wall,
    };
    vec![Effect::End(Box::new(ended)), Effect::Send(terminal)]
}

#[cfg(test)]
mod tests;
