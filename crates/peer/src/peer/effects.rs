//! Carries out what the dispatcher wants, in its order.

use super::actor::Actor;
use super::before_run::BeforeRun;
use super::history::ReceiptState;
use super::run_task::{RunReport, RunTask, TaskId};
use super::snapshot::RecentRun;
use crate::driver::{Driver, Order};
use crate::journal::{JournalError, Memory, ReceiptProgress};
use crate::limits;
use orgx_proto::agent::{AgentEnd, Failure};
use orgx_proto::delivery::{Class, Outgoing};
use orgx_proto::dispatch::{Effect, Ended, PauseState};
use orgx_proto::ids::{DriverId, RunId};
use orgx_proto::run::Run;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// Why a run is not prompted that cannot be journaled: a crash would prompt it twice.
const NOT_JOURNALED: &str = "this computer's journal cannot be written, so the task was not started";

impl Actor {
    /// Does everything in `effects`, and what follows from it.
    pub(super) async fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut todo: std::collections::VecDeque<Effect> = effects.into();
        while let Some(effect) = todo.pop_front() {
            match effect {
                Effect::Queue { dispatch, at, after_pause } => {
                    // The end of an earlier try that could not be written is over.
                    self.unwritten.retain(|ended| ended.run_id != dispatch.run_id);
                    self.timelines.begin(&dispatch.run_id, &dispatch.task.title);
                    let kept = self.journal.queue(*dispatch, at, after_pause).await;
                    self.journaled(kept, "A waiting task would not survive a crash").await;
                }
                Effect::CheckFolder { run_id, repo_path } => self.check_folder(run_id, repo_path),
                Effect::Start(start) => {
                    tracing::info!(run_id = %start.run_id, driver = %start.driver, "starting");
                    let run_id = start.run_id.clone();
                    let rules = self.rules.subscribe();
                    self.task_number += 1;
                    let id = TaskId::new(run_id.clone(), self.task_number);
                    let before = BeforeRun::new(&self.config.runs);
                    let reports = self.reports.0.clone();
                    let task = if start.driver == DriverId::claude_code() {
                        let driver = Arc::clone(&self.claude_driver);
                        RunTask::spawn(id, driver, *start, before, rules, reports)
                    } else {
                        RunTask::spawn(id, Arc::clone(&self.driver), *start, before, rules, reports)
                    };
                    self.tasks.insert(run_id, task);
                }
                Effect::Spend(spent) => {
                    let run_id = spent.run_id.clone();
                    self.unwritten.retain(|ended| ended.run_id != run_id);
                    let kept = self.journal.spend(*spent).await;
                    if !self.journaled(kept, "A task was not started").await {
                        self.dispatcher.unspend(&run_id);
                        let end = AgentEnd::Failed(Failure::recoverable(NOT_JOURNALED));
                        todo.extend(self.dispatcher.ended(&run_id, &end, self.clock.now()));
                    }
                }
                Effect::Erase(run_id) => {
                    let erased = self.journal.erase(run_id).await;
                    self.journaled(erased, "A task's text could not be erased yet").await;
                }
                Effect::Keep(frame) => {
                    let kept = self.journal.keep(frame).await;
                    self.journaled(kept, "A deviation would not survive a crash").await;
                }
                Effect::End(ended) => self.end(*ended).await,
                Effect::Record(record) => {
                    if let Some(outbox) = &mut self.outbox {
                        outbox.append(&record);
                    }
                }
                Effect::Send(frame) => {
                    self.show(&frame);
                    self.delivery.push(frame);
                }
                Effect::Cancelled(run_id) => {
                    let kept = self.journal.cancelled(run_id).await;
                    self.journaled(kept, "A cancel would not survive a crash").await;
                }
                Effect::Tell(frame) => self.show(&frame),
                Effect::Reply { run_id, ask, reply } => self.order(&run_id, Order::Reply(ask, reply)),
                Effect::Hold(run_id) => self.order(&run_id, Order::Hold),
                Effect::GoOn(run_id) => self.order(&run_id, Order::GoOn),
                Effect::Account(run_id, balance) => self.keep_account(run_id, *balance).await,
                Effect::DayMore(more) => self.keep_day_more(more).await,
                Effect::Ask(run_id) => {
                    if let Some(task) = self.tasks.get(&run_id) {
                        task.ask_to_stop();
                    }
                }
                Effect::Abandon(run_id) => {
                    tracing::warn!(%run_id, "the agent did not stop in time; its run ends without it");
                    self.tasks.remove(&run_id);
                }
                Effect::Ignored(why) => tracing::debug!("ignored: {why}"),
            }
        }
        self.notice_attention();
        self.keep_awake();
        self.touch();
    }

    /// What a run's task says.
    pub(super) async fn on_report(&mut self, run_id: &RunId, report: RunReport) {
        let now = self.clock.now();
        let effects = match report {
            RunReport::Spend(place, grant) => {
                if let Some(effects) = self.dispatcher.spend(run_id, place, now) {
                    self.carry_out(effects).await;
                    // It is still there unless the journal could not be written.
                    let granted = self.dispatcher.run(run_id).is_some();
                    let _gone = grant.send(granted);
                } else {
                    let _gone = grant.send(false);
                }
                return;
            }
            RunReport::MayPrompt(grant) => {
                let _gone = grant.send(self.dispatcher.may_prompt(run_id));
                return;
            }
            RunReport::Tree(tree) => {
                let kept = self.journal.tree(run_id.clone(), tree).await;
                self.journaled(kept, "What a folder looked like before a run is not written down").await;
                return;
            }
            RunReport::Prompted => self.dispatcher.prompted(run_id, now),
            RunReport::CannotHold => {
                self.dispatcher.cannot_hold(run_id);
                return;
            }
            RunReport::GoOn(message_id, grant) => return self.let_go_on(run_id, &message_id, grant).await,
            RunReport::Started(session) => {
                let effects = self.dispatcher.started(run_id, &session, now);
                self.tell_session_of(run_id);
                effects
            }
            RunReport::Used { tokens, cents } => {
                self.timelines.used(run_id, tokens, cents);
                self.dispatcher.used(run_id, tokens, cents, now)
            }
            RunReport::Event(event, matches) => self.dispatcher.agent(run_id, &event, &matches, now),
            RunReport::Ask(ask) => self.dispatcher.asked(run_id, ask, now),
            RunReport::AskGone(ask) => self.dispatcher.ask_gone(run_id, &ask, now),
            RunReport::Late { evidence_ref, matches } => {
                self.dispatcher.late_matches(run_id, &evidence_ref, &matches, now)
            }
            RunReport::Ended(end) => {
                self.tasks.remove(run_id);
                let driver = self.dispatcher.run(run_id).map(|run| run.dispatch.task.driver.clone());
                self.look_at_agent(driver.as_ref());
                self.dispatcher.ended(run_id, &end, now)
            }
        };
        self.carry_out(effects).await;
    }

    /// The computer is awake while an agent works, and not while everybody waits for the person.
    fn keep_awake(&mut self) {
        let works = |run: &Run| !run.phase.waits() && !run.needs_you();
        self.awake.want(self.config.keep_awake && self.dispatcher.runs().any(works));
    }

    fn order(&self, run_id: &RunId, order: Order) {
        if let Some(task) = self.tasks.get(run_id) {
            task.order(order);
        }
    }

    async fn end(&mut self, ended: Ended) {
        let (run_id, receipt) = (ended.run_id.clone(), ended.receipt.clone());
        self.remember(&ended);
        self.tell_end_of(&ended);
        self.unwritten.retain(|earlier| earlier.run_id != ended.run_id);
        let kept = self.journal.end(ended.clone()).await;
        if !self.journaled(kept, "The end of a run could not be written down; it will be tried again").await {
            self.unwritten.push_back(ended);
            self.due.journal = Some(self.clock.now().mono + limits::JOURNAL_RETRY);
        }
        if let Some(receipt) = receipt {
            self.receipts.add(run_id, receipt.to_json(), self.connection.is_open(), self.clock.now().mono);
        }
    }

    /// Takes note of how a write to the journal went; did it go well?
    pub(super) async fn journaled(&mut self, result: Result<(), JournalError>, otherwise: &str) -> bool {
        let notice = self.journal.take_notice();
        let replaced = notice.is_some();
        if let Some(notice) = notice {
            self.warn(notice);
        }
        let well = match result {
            Ok(()) => true,
            Err(error) => {
                let words = error.to_string();
                // Once, not with every write.
                if self.journal_trouble.as_ref() != Some(&words) {
                    self.warn(format!("{otherwise}: {words}."));
                    self.journal_trouble = Some(words);
                }
                false
            }
        };
        if replaced || (well && self.journal_trouble.take().is_some()) {
            if well {
                tracing::info!("the journal works again");
                self.touch();
            }
            self.write_again(replaced).await;
        }
        well
    }

    /// Writes down what waits and runs, and the pause; and, in a new journal, what is over and what OrgX is still owed:
    /// the old one is gone, or could not take it.
    async fn write_again(&mut self, replaced: bool) {
        let mut results = Vec::new();
        if replaced {
            results.push(self.journal.past(self.dispatcher.past()).await);
        }
        for effect in self.dispatcher.write_again() {
            results.push(match effect {
                Effect::Queue { dispatch, at, after_pause } => {
                    self.journal.queue(*dispatch, at, after_pause).await
                }
                Effect::Spend(spent) => self.journal.spend(*spent).await,
                Effect::Erase(run_id) => self.journal.erase(run_id).await,
                Effect::Cancelled(run_id) => self.journal.cancelled(run_id).await,
                Effect::Account(run_id, balance) => self.journal.account(run_id, *balance).await,
                _ => Ok(()),
            });
        }
        results.push(self.journal.pause(self.pause_told).await);
        results.push(self.journal.day_more(self.day_start(), self.dispatcher.day_more()).await);
        if replaced {
            let owed: Vec<Outgoing> = self.delivery.owed().cloned().collect();
            for frame in owed {
                results.push(match frame.class {
                    Class::Deviation => self.journal.keep(frame).await,
                    _ => self.journal.owe(frame).await,
                });
            }
            for owed in self.receipts.owed() {
                results.push(self.journal.owe_receipt(owed).await);
            }
        }
        if let Some(error) = results.into_iter().find_map(Result::err) {
            tracing::warn!(%error, "the journal does not know everything");
        }
        self.due.journal = Some(self.clock.now().mono);
    }

    /// Writes down the ends that could not be written before: without them a restart would tell other ones.
    pub(super) async fn write_ends(&mut self) {
        while let Some(ended) = self.unwritten.pop_front() {
            if self.journal.end(ended.clone()).await.is_err() {
                self.unwritten.push_front(ended);
                self.due.journal = Some(self.clock.now().mono + limits::JOURNAL_RETRY);
                return;
            }
            self.catch_up_with(ended).await;
        }
    }

    /// An end was written late: what became of it meanwhile is written after it.
    async fn catch_up_with(&mut self, ended: Ended) {
        if !ended.local && self.delivery.owed().all(|frame| frame.json != ended.terminal.json) {
            let _tried = self.journal.confirm(ended.terminal).await;
        }
        let fate = self.recent.iter().find(|run| run.run_id == ended.run_id.as_str());
        if let Some(state) = fate.and_then(|run| run.receipt).filter(|state| *state != ReceiptState::Waiting)
        {
            let progress = ReceiptProgress { state, tries: 1, refusals: 0 };
            let _tried = self.journal.receipt(ended.run_id, progress).await;
        }
    }

    fn remember(&mut self, ended: &Ended) {
        let terminal: Value = serde_json::from_str(&ended.terminal.json).unwrap_or_default();
        let reason = terminal.get("reason").and_then(Value::as_str).map(ToOwned::to_owned);
        let tokens_used = terminal.get("tokens_used").and_then(Value::as_u64);
        self.count_end(ended, &terminal);
        self.timelines.end(&ended.run_id);
        tracing::info!(run_id = %ended.run_id, completed = !ended.failed, reason, tokens_used, "a run ended");
        self.recent.push_front(RecentRun {
            run_id: ended.run_id.to_string(),
            local: ended.local,
            completed: !ended.failed,
            tokens_used,
            reason,
            steps: ended.steps,
            deviations: ended.deviations,
            receipt: ended.receipt.as_ref().map(|_| ReceiptState::Waiting),
            title: self.timelines.title(&ended.run_id),
            ended_at: ended.at.0,
        });
        self.recent.truncate(limits::RECENT_RUNS);
    }

    /// Takes up what a peer before us left: what OrgX has not confirmed, what waits, and what was cut off.
    pub(super) async fn take_up(&mut self, memory: Memory) {
        if let Some(notice) = memory.notice {
            self.warn(notice);
        }
        let now = self.clock.now();
        let is_end = |frame: &&Outgoing| frame.class == Class::Terminal;
        let ends: HashSet<RunId> =
            memory.unconfirmed.iter().filter(is_end).map(|frame| frame.run_id.clone()).collect();
        for owed in memory.receipts {
            // One whose terminal was confirmed before will see no other barrier.
            let confirmed = !ends.contains(&owed.run_id);
            self.receipts.take_up(owed, confirmed, now.mono);
        }
        for frame in memory.unconfirmed {
            self.delivery.push(frame);
        }
        let resumed = memory.left.iter().filter(|left| left.spent.is_some()).count();
        if !memory.left.is_empty() {
            let waiting = memory.left.len() - resumed;
            tracing::info!(resumed, waiting, "taking up what was left by the last start");
        }
        self.driver.take_up(resumed > 0);
        self.claude_driver.take_up(resumed > 0);
        for left in memory.left {
            self.timelines.begin(&left.dispatch.run_id, &left.dispatch.task.title);
            let effects = self.dispatcher.restore(left, now);
            self.carry_out(effects).await;
        }
        // Only now: a peer that drains with nothing left is a paused one.
        if memory.pause != PauseState::Open {
            self.dispatcher.pause(memory.pause == PauseState::Draining);
            self.pause_told = self.dispatcher.pause_state();
        }
    }
}
