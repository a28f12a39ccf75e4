//! Which waiting task starts when: in the order they came, as many as may run, unless the person has paused.

use super::effect::{Effect, Start};
use super::{Dispatcher, Limits, PauseState};
use crate::ids::RunId;
use crate::limits;
use crate::prompt;
use crate::run::{FolderCheck, Phase, Run};
use crate::time::Now;
use std::collections::HashMap;
use std::path::Path;

impl Dispatcher {
    /// The person wants nothing more to start, or, `after_current_runs`, nothing that comes from now on.
    pub fn pause(&mut self, after_current_runs: bool) {
        self.pause = if after_current_runs { PauseState::Draining } else { PauseState::Paused };
        self.settle();
    }

    /// The person wants tasks to run again.
    pub fn resume(&mut self, now: Now) -> Vec<Effect> {
        self.pause = PauseState::Open;
        for run in self.runs.values_mut() {
            run.after_pause = false;
        }
        self.start_next(now)
    }

    /// Does it take tasks?
    pub fn pause_state(&self) -> PauseState {
        self.pause
    }

    /// What was to be finished is.
    pub(super) fn settle(&mut self) {
        if self.pause == PauseState::Draining && self.runs.values().all(|run| run.after_pause) {
            self.pause = PauseState::Paused;
        }
    }

    /// The configuration changed. What runs beyond the new limits is finished.
    pub fn set_limits(&mut self, limits: Limits, now: Now) -> Vec<Effect> {
        self.limits = limits;
        self.start_next(now)
    }

    /// Nothing starts in this folder, around it or below it, until it is opened again.
    pub fn close_folder(&mut self, folder: &str) {
        self.closed.push(folder.to_owned());
    }

    /// What waited for this folder may start.
    pub fn open_folder(&mut self, folder: &str, now: Now) -> Vec<Effect> {
        self.closed.retain(|closed| closed != folder);
        self.start_next(now)
    }

    /// May nothing start in this folder?
    pub fn is_closed(&self, folder: &str) -> bool {
        self.closed.iter().any(|closed| meet(closed, folder))
    }

    pub(super) fn start_next(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        while !self.stopping && self.active() < self.limits.concurrent {
            let Some(run_id) = self.next_to_start() else { break };
            if !self.day_has_room(&run_id, now) {
                continue;
            }
            let Some(run) = self.runs.get_mut(&run_id) else { break };
            self.queue.remove(&run.dispatch);
            run.phase = Phase::Starting { until: now.mono + limits::START_WITHIN };
            effects.push(Effect::Start(Box::new(Start {
                run_id: run.dispatch.run_id.clone(),
                key: run.dispatch.key.clone(),
                driver: run.dispatch.task.driver.clone(),
                title: run.dispatch.task.title.clone(),
                prompt: prompt::render(&run.dispatch.task),
                model: run.dispatch.task.model.clone(),
                agent: run.dispatch.task.agent.clone(),
                session: run.dispatch.task.session.clone(),
                permission: run.dispatch.task.permission.clone(),
                ask_before_commands: false,
                folder: run.folder.clone(),
                resume: None,
                restored: run.restored,
            })));
        }
        effects
    }

    /// Nobody overtakes a run whose folder is still being looked at: tasks start in the order they came. What a
    /// pause holds back, or waits for the person, holds up nobody else.
    fn next_to_start(&self) -> Option<RunId> {
        let mut busy: HashMap<&str, usize> = HashMap::new();
        let at_work = self.runs.values().filter(|run| !run.phase.waits());
        for folder in at_work.filter_map(|run| run.folder.as_deref()) {
            *busy.entry(folder).or_default() += 1;
        }
        let has_room = |run: &&Run| match &run.folder {
            Some(folder) => {
                !self.is_closed(folder)
                    && busy.get(folder.as_str()).is_none_or(|runs| *runs < self.limits.per_folder)
            }
            None => true,
        };
        let waiting = self.queue.iter().filter_map(|id| self.runs.get(id));
        let waiting = waiting.filter(|run| matches!(run.phase, Phase::Queued { .. }));
        let mut known = waiting
            .filter(|run| !self.is_held_back(run))
            .take_while(|run| run.folder_check != FolderCheck::Awaited);
        known.find(has_room).map(|run| run.dispatch.run_id.clone())
    }

    fn active(&self) -> usize {
        self.runs.len() - self.queue.len()
    }

    /// Does a pause keep it from starting? The person's own tasks are never held back by it.
    pub(super) fn is_held_back(&self, run: &Run) -> bool {
        let held = match self.pause {
            PauseState::Open => false,
            PauseState::Draining => run.after_pause,
            PauseState::Paused => true,
        };
        held && !run.dispatch.local
    }
}

/// Is one of these folders in the other, by their names?
pub fn meet(one: &str, two: &str) -> bool {
    let (one, two) = (Path::new(one), Path::new(two));
    one.starts_with(two) || two.starts_with(one)
}
