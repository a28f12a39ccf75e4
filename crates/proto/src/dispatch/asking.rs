//! What waits for the person: a task of OrgX whose folder is not among the allowed ones. Design, settled details.
//!
//! Promises: a run that is asked about starts only after a yes, or once its folder is allowed; a no, or no answer in
//! time, ends it with the failure that it would have had unasked; one question stands for a run at a time.

use super::Dispatcher;
use super::effect::Effect;
use crate::agent::Failure;
use crate::ids::RunId;
use crate::limits;
use crate::run::{FolderAsk, FolderCheck, Phase, Run};
use crate::time::{Millis, Now};

impl Dispatcher {
    /// The other answer to [`Effect::CheckFolder`]: its folder can be used, but is not allowed, and the person is to be
    /// asked. `refused` is what OrgX is told when they say no. The person's own tasks are not asked about.
    pub fn ask_folder(&mut self, run_id: &RunId, folder: String, refused: Failure, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id).filter(|run| run.phase.waits()) else {
            return Vec::new();
        };
        if run.dispatch.local {
            return self.end_failed(run_id, &refused, now);
        }
        let queued_until = match (run.phase, &run.ask) {
            (Phase::Queued { until }, _) if run.folder_check != FolderCheck::Allowed => until,
            (Phase::NeedsYou { .. }, Some(ask)) if ask.folder != folder => ask.queued_until,
            // A second look at the same question, or at one that was answered meanwhile.
            _ => return Vec::new(),
        };
        run.folder = None;
        run.folder_check = FolderCheck::Awaited;
        run.ask = Some(FolderAsk { folder, refused, since: now, queued_until });
        run.phase = Phase::NeedsYou { until: lapses(queued_until, now) };
        // Those behind it need not wait with it.
        self.start_next(now)
    }

    /// The person allows the folder for this run: it runs in its turn. `false`: nobody was asking.
    pub fn allow(&mut self, run_id: &RunId, now: Now) -> Option<Vec<Effect>> {
        let run = self.asking(run_id)?;
        run.folder = run.asks_no_more();
        run.folder_check = FolderCheck::Allowed;
        Some(self.start_next(now))
    }

    /// The person does not: the run ends as it would have unasked.
    pub fn deny(&mut self, run_id: &RunId, now: Now) -> Option<Vec<Effect>> {
        self.asking(run_id)?;
        Some(self.refuse(run_id, now))
    }

    /// What is allowed has changed: all folders of what waits are looked at anew, but those that the person allowed.
    pub fn look_again(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        for run_id in self.queue.iter() {
            let Some(run) = self.runs.get_mut(run_id) else { continue };
            if run.folder_check == FolderCheck::Allowed {
                continue;
            }
            run.folder_check = FolderCheck::Awaited;
            let repo_path = run.dispatch.task.repo_path.clone();
            effects.push(Effect::CheckFolder { run_id: run_id.clone(), repo_path });
        }
        effects
    }

    pub(super) fn refuse(&mut self, run_id: &RunId, now: Now) -> Vec<Effect> {
        let refused = self.runs.get(run_id).and_then(|run| Some(run.ask.as_ref()?.refused.clone()));
        refused.map(|refused| self.end_failed(run_id, &refused, now)).unwrap_or_default()
    }

    fn asking(&mut self, run_id: &RunId) -> Option<&mut Run> {
        self.runs.get_mut(run_id).filter(|run| matches!(run.phase, Phase::NeedsYou { .. }))
    }
}

impl Run {
    /// It waits for its turn again, for as long as it might have unasked. Returns the folder that was in question.
    pub(super) fn asks_no_more(&mut self) -> Option<String> {
        let ask = self.ask.take()?;
        self.phase = Phase::Queued { until: ask.queued_until };
        Some(ask.folder)
    }
}

/// When no answer is a no: after half an hour, or while what comes of it is still in time.
fn lapses(queued_until: Millis, now: Now) -> Millis {
    let before_end = Millis(queued_until.0.saturating_sub(limits::ASK_BEFORE_END.as_millis() as u64));
    (now.mono + limits::ASK_WITHIN).min(before_end)
}
