//! Budgets: what a run, and all runs of a day, may use before the person is asked.
//!
//! Promises: a run that reaches a limit is held where it is, and neither ended nor let go on before the person has said
//! so or nobody has in time; a run does not start on a day whose budget is used up, unless the person says so; as much
//! again means that limit, and no other one. A run that ends by itself meanwhile has ended well. One whose agent cannot
//! be held is stopped, and fails with the words of a no.

use super::effect::Effect;
use super::{Dispatcher, kept_here};
use crate::agent::{AgentEvent, Failure};
use crate::budget::{Budgets, More, Reached, Used, microdollars};
use crate::ids::RunId;
use crate::redact::Redacted;
use crate::run::{BudgetUnit, Hold, Phase, Run, Standing, StartKind, StartQuestion, StartWhat, Stopped};
use crate::time::{Millis, Now};
use std::time::Duration;

/// The local day, as far as it is not in the runs' own accounts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DayBook {
    /// What runs used that are over.
    over: Used,
    more: More,
}

impl Dispatcher {
    /// The configuration says, or says anew, what may be used.
    pub fn set_budgets(&mut self, budgets: Budgets, now: Now) -> Vec<Effect> {
        self.budgets = budgets;
        let mut effects = self.keep_budgets(now);
        effects.extend(self.start_next(now));
        effects
    }

    /// What the runs used that ended today, and how much more the person has allowed today. For a start.
    pub fn count_day(&mut self, over: Used, more: More) {
        self.day = DayBook { over, more };
    }

    /// It is midnight: what was used until now was used yesterday.
    pub fn new_day(&mut self, now: Now) -> Vec<Effect> {
        self.day = DayBook::default();
        for run in self.runs.values_mut() {
            run.account.before_today = run.account.used(now.mono);
        }
        let mut effects = self.keep_budgets(now);
        effects.extend(self.start_next(now));
        effects
    }

    /// How much more the person has allowed today.
    pub fn day_more(&self) -> More {
        self.day.more
    }

    /// What all runs of the day have used.
    pub fn used_today(&self, now: Now) -> Used {
        let accounts = self.runs.values().map(|run| &run.account);
        let of_runs = accounts.map(|account| account.used(now.mono).since(account.before_today));
        of_runs.fold(self.day.over, Used::plus)
    }

    /// A run's agent has used so much: tokens and US cents.
    pub fn used(&mut self, run_id: &RunId, tokens: u64, cents: f64, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id) else { return Vec::new() };
        if !run.account.count(tokens, microdollars(cents)) {
            return Vec::new();
        }
        let mut effects: Vec<Effect> = run.keep_account().into_iter().collect();
        effects.extend(self.keep_budgets(now));
        effects
    }

    /// This run's agent can be stopped, and not held.
    pub fn cannot_hold(&mut self, run_id: &RunId) {
        if let Some(run) = self.runs.get_mut(run_id) {
            run.account.cannot_hold = true;
        }
    }

    /// A held run that may go on is about to be prompted, under this message id: to be journaled before. `None` when it
    /// was stopped meanwhile: do not prompt.
    pub fn goes_on(&mut self, run_id: &RunId, message_id: &str) -> Option<Vec<Effect>> {
        let run = self.runs.get_mut(run_id)?;
        let released = matches!(run.account.standing, Standing::Released);
        if self.stopping || !released || !matches!(run.phase, Phase::Running { .. }) {
            return None;
        }
        run.account.standing = Standing::GoesOn;
        run.account.went_on = Some(message_id.to_owned());
        Some(run.keep_account().into_iter().collect())
    }

    /// The person allows a held run as much again. `None`: it is not held.
    pub fn allow_more(&mut self, run_id: &RunId, now: Now) -> Option<Vec<Effect>> {
        let run = self.runs.get_mut(run_id)?;
        let Reached { unit, day, .. } = run.hold()?.reached;
        let mut effects = Vec::new();
        if day {
            effects.push(self.allow_day(unit, now));
        } else {
            let account = &mut run.account;
            account.more = self.budgets.run.grow(unit, account.more, account.used(now.mono));
            effects.extend(run.keep_account());
        }
        effects.extend(self.keep_budgets(now));
        effects.extend(self.start_next(now));
        Some(effects)
    }

    /// The person does not: the run is stopped. `None`: it is not held.
    pub fn stop_at_budget(&mut self, run_id: &RunId, now: Now) -> Option<Vec<Effect>> {
        let reached = self.runs.get(run_id)?.hold()?.reached;
        Some(self.stop_at(run_id, reached, now))
    }

    /// The day's limit grows by as much again.
    pub(super) fn allow_day(&mut self, unit: BudgetUnit, now: Now) -> Effect {
        self.day.more = self.budgets.day.grow(unit, self.day.more, self.used_today(now));
        Effect::DayMore(self.day.more)
    }

    /// The agent has a prompt for sure; when it is the one to go on with, it works again.
    pub(super) fn goes_on_for_sure(&mut self, run_id: &RunId, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id) else { return Vec::new() };
        if !matches!(run.account.standing, Standing::GoesOn) {
            return Vec::new();
        }
        run.account.standing = Standing::Works;
        let mut effects: Vec<Effect> = run.keep_account().into_iter().collect();
        effects.extend(self.keep_budgets(now));
        effects
    }

    /// A run is over: what it used, which is the day's now.
    pub(super) fn settle_account(&mut self, run: &mut Run, now: Now) -> Used {
        run.account.rest(now);
        let used = run.account.used(now.mono);
        self.day.over = self.day.over.plus(used.since(run.account.before_today));
        used
    }

    /// Holds what has reached a limit, and lets go on what has not any more.
    pub(super) fn keep_budgets(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.stopping {
            return effects;
        }
        let ids: Vec<RunId> = self.runs.keys().cloned().collect();
        for run_id in ids {
            let day = self.budgets.day.reached(self.used_today(now), self.day.more, true);
            let Some(run) = self.runs.get_mut(&run_id) else { continue };
            if day.is_none() && run.questions.iter().any(|asked| asked.what.kind() == StartKind::Budget) {
                run.put_questions(&[StartKind::Budget], Vec::new(), now);
            }
            let Phase::Running { until } = run.phase else { continue };
            let own = self.budgets.run.reached(run.account.used(now.mono), run.account.more, false);
            let local = run.dispatch.local;
            let new = match (own.or(day), run.account.standing) {
                (Some(reached), Standing::Works) if run.account.cannot_hold => {
                    self.stop_at(&run_id, reached, now)
                }
                (Some(reached), Standing::Works | Standing::TakenUp) => run.hold_at(reached, until, now),
                // Another limit is another question.
                (Some(reached), Standing::Asks(hold)) if !hold.reached.is_same(&reached) => {
                    run.ask_at(reached, until, now);
                    Vec::new()
                }
                (None, Standing::Asks(_) | Standing::TakenUp) => run.release(now),
                _ => Vec::new(),
            };
            effects.extend(kept_here(local, new));
        }
        effects
    }

    /// May this run start, as far as the day's budget goes? If not, the person is asked.
    pub(super) fn day_has_room(&mut self, run_id: &RunId, now: Now) -> bool {
        let Some(reached) = self.budgets.day.reached(self.used_today(now), self.day.more, true) else {
            return true;
        };
        let Some(run) = self.runs.get_mut(run_id) else { return true };
        if run.allowed(StartKind::Budget) {
            return true;
        }
        let refused = Failure::recoverable(&format!("not started: the day's budget is used up: {reached}"));
        let what = StartWhat::Budget { limit: reached.unit, most: reached.most, used: reached.used };
        run.put_questions(&[StartKind::Budget], vec![StartQuestion { what, refused }], now);
        false
    }

    /// When a hold lapses, or a limit of minutes is reached.
    pub(super) fn budget_timeout(&self) -> Option<Millis> {
        let lapse = self.runs.values().filter_map(|run| Some(run.hold()?.until)).min();
        let at_work = |run: &&Run| {
            matches!(run.phase, Phase::Running { .. }) && matches!(run.account.standing, Standing::Works)
        };
        let own = self.runs.values().filter(at_work).filter_map(|run| {
            let most = self.budgets.run.most(BudgetUnit::Minutes, run.account.more)?;
            let (worked, since) = run.account.stretch();
            Some(since? + minutes(most).saturating_sub(worked))
        });
        let day = self.runs.values().any(|run| at_work(&run)).then(|| self.day_is_over()).flatten();
        lapse.into_iter().chain(own).chain(day).min()
    }

    /// What lapsed: nobody answered in time.
    pub(super) fn lapse_holds(&mut self, now: Now) -> Vec<Effect> {
        let lapsed = |run: &Run| run.hold().filter(|hold| hold.until <= now.mono).map(|hold| hold.reached);
        let due: Vec<(RunId, Reached)> =
            self.runs.iter().filter_map(|(id, run)| Some((id.clone(), lapsed(run)?))).collect();
        due.into_iter().flat_map(|(run_id, reached)| self.stop_at(&run_id, reached, now)).collect()
    }

    /// When the day's minutes are used up, if everybody goes on as now.
    fn day_is_over(&self) -> Option<Millis> {
        let most = minutes(self.budgets.day.most(BudgetUnit::Minutes, self.day.more)?);
        let millis = |time: Duration| i128::try_from(time.as_millis()).unwrap_or(i128::MAX / 4);
        // Each works `worked + (t - since)` until `t`, of which what was before midnight does not count.
        let mut left = millis(most) - millis(self.day.over.worked);
        let mut workers = 0;
        for run in self.runs.values() {
            let (worked, since) = run.account.stretch();
            left -= millis(worked) - millis(run.account.before_today.worked);
            if let Some(since) = since {
                left += i128::from(since.0);
                workers += 1;
            }
        }
        let at = (left.max(0) + workers - 1) / workers.max(1);
        (workers > 0).then(|| Millis(u64::try_from(at).unwrap_or(u64::MAX)))
    }

    fn stop_at(&mut self, run_id: &RunId, reached: Reached, now: Now) -> Vec<Effect> {
        if let Some(run) = self.runs.get_mut(run_id) {
            run.account.stopped_at = Some(reached);
        }
        self.stop_run(run_id, Stopped::Budget, now)
    }
}

impl Run {
    fn hold_at(&mut self, reached: Reached, until: Millis, now: Now) -> Vec<Effect> {
        let holds = matches!(self.account.standing, Standing::Works);
        self.account.rest(now);
        // What its agent asks ends with the hold.
        self.asks.drop_open();
        self.ask_at(reached, until, now);
        let mut effects: Vec<Effect> = self.keep_account().into_iter().collect();
        let words = format!("paused at {}: {reached}; the person is asked", reached.whose());
        effects.extend(self.observe(&AgentEvent::Remark(Redacted::new(&words)), &[], now.wall));
        // One that was taken up is held already.
        effects.extend(holds.then(|| Effect::Hold(self.dispatch.run_id.clone())));
        effects
    }

    fn ask_at(&mut self, reached: Reached, until: Millis, now: Now) {
        let until = crate::run::lapses(until, now);
        self.account.standing = Standing::Asks(Hold { reached, since: now, until });
    }

    fn release(&mut self, now: Now) -> Vec<Effect> {
        self.account.standing = Standing::Released;
        self.account.work(now);
        let mut effects: Vec<Effect> = self.keep_account().into_iter().collect();
        let words = Redacted::new("goes on: there is room in the budget again");
        effects.extend(self.observe(&AgentEvent::Remark(words), &[], now.wall));
        effects.push(Effect::GoOn(self.dispatch.run_id.clone()));
        effects
    }

    /// What the journal is to know; only of what is in it.
    pub(super) fn keep_account(&self) -> Option<Effect> {
        self.spent.as_ref()?;
        Some(Effect::Account(self.dispatch.run_id.clone(), Box::new(self.account.balance())))
    }
}

impl Reached {
    fn is_same(&self, other: &Self) -> bool {
        (self.unit, self.day, self.most) == (other.unit, other.day, other.most)
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes.saturating_mul(60))
}
