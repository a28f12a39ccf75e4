//! What a peer before us left: dispatches that still wait, and runs whose agent may be at work.

use super::effect::{Effect, Resume, Start};
use super::ledger::Past;
use super::{Dispatcher, deadline_after};
use crate::agent::PromptPlace;
use crate::limits;
use crate::message::Dispatch;
use crate::prompt;
use crate::run::{Balance, Held, Phase, Run, Stopped};
use crate::time::{Now, Timestamp};

/// A dispatch that the journal holds and whose run has not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// The dispatch; its task has no text once the agent has it.
    pub dispatch: Dispatch,
    /// When it came.
    pub arrived: Timestamp,
    /// What was spent on it; `None` when it still waits for its turn.
    pub spent: Option<LeftSpent>,
    /// Was it cancelled?
    pub cancelled: bool,
    /// Did it come while the peer was finishing what it had?
    pub after_pause: bool,
}

/// What a spent run left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftSpent {
    /// When.
    pub at: Timestamp,
    /// Where its prompt went.
    pub place: PromptPlace,
    /// The folder it works in.
    pub folder: Option<String>,
    /// Does the agent have the prompt for sure? If not, the task still has its text.
    pub prompted: bool,
    /// What it had used, and whether it was held.
    pub balance: Balance,
}

impl Dispatcher {
    /// Takes up what a peer before us left. A dispatch that waits goes on waiting, its time counted from when it
    /// came. A spent run is never queued again: its driver looks it up.
    pub fn restore(&mut self, left: Left, now: Now) -> Vec<Effect> {
        let Left { dispatch, arrived, spent, cancelled, after_pause } = left;
        let run_id = dispatch.run_id.clone();
        if self.runs.contains_key(&run_id) {
            return Vec::new();
        }
        let mut run = Run::new(dispatch, now);
        run.arrived.wall = arrived;
        run.after_pause = after_pause;
        let Some(spent) = spent else {
            run.phase = Phase::Queued { until: deadline_after(arrived, run.dispatch.timeout, now) };
            run.restored = true;
            let repo_path = run.dispatch.task.repo_path.clone();
            self.queue.push(&run.dispatch);
            self.runs.insert(run_id.clone(), run);
            if cancelled {
                return self.cancel(&run_id, now);
            }
            return vec![Effect::CheckFolder { run_id, repo_path }];
        };
        let source_client = self.drivers.get(&run.dispatch.task.driver).copied().unwrap_or_default();
        // The prompt that may not have arrived: the task's, or the one to go on with.
        let goes_on = spent.balance.held == Held::GoesOn;
        let prompt = match (goes_on, spent.prompted) {
            (true, _) => prompt::GO_ON.to_owned(),
            (false, true) => String::new(),
            (false, false) => prompt::render(&run.dispatch.task),
        };
        let mut place = spent.place.clone();
        let went_on = spent.balance.went_on.clone();
        let began = went_on.and_then(|went_on| place.message_id.replace(went_on));
        let held = spent.balance.held == Held::Yes;
        let resume = Resume { place, began, prompted: spent.prompted && !goes_on, held };
        let start = Start {
            run_id: run_id.clone(),
            key: run.dispatch.key.clone(),
            driver: run.dispatch.task.driver.clone(),
            title: run.dispatch.task.title.clone(),
            prompt,
            model: run.dispatch.task.model.clone(),
            agent: run.dispatch.task.agent.clone(),
            session: run.dispatch.task.session.clone(),
            permission: run.dispatch.task.permission.clone(),
            ask_before_commands: false,
            folder: spent.folder.clone(),
            resume: Some(resume),
            restored: true,
        };
        self.ledger.spend(&run.dispatch.key, &run_id);
        run.resume(&spent, now, source_client);
        run.phase = Phase::Starting { until: now.mono + limits::START_WITHIN };
        self.runs.insert(run_id.clone(), run);
        let mut effects = vec![Effect::Start(Box::new(start))];
        if cancelled {
            // Its agent may be at work: it is found, and told to stop.
            effects.extend(self.cancel(&run_id, now));
        }
        effects
    }

    /// Everything that a new journal must know of the runs that have not ended: the old one is gone.
    pub fn write_again(&self) -> Vec<Effect> {
        let mut effects = Vec::new();
        for run in self.runs.values() {
            effects.push(Effect::Queue {
                dispatch: Box::new(run.dispatch.clone()),
                at: run.arrived.wall,
                after_pause: run.after_pause,
            });
            effects.extend(run.spent_as().map(|spent| Effect::Spend(Box::new(spent))));
            effects.extend(run.keep_account());
            if run.live.is_some() {
                effects.push(Effect::Erase(run.dispatch.run_id.clone()));
            }
            if matches!(run.phase, Phase::Cancelling { why: Stopped::Cancelled, .. }) {
                effects.push(Effect::Cancelled(run.dispatch.run_id.clone()));
            }
        }
        effects
    }

    /// The spent keys of runs that are over, oldest first: likewise.
    pub fn past(&self) -> Vec<Past> {
        self.ledger.past()
    }
}
