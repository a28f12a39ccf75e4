//! What waits for the person before it starts: a task of OrgX whose folder is not among the allowed ones, or has changes
//! that are not committed; any task when the day's budget is used up. Design, settled details.
//!
//! Promises: a run that is asked about starts only after a yes to each question, or once the question is none any more; a
//! no, or no answer in time, ends it with the failure that it would have had unasked; one question stands for a run at
//! a time, and each is allowed once.

use super::Dispatcher;
use super::effect::Effect;
use crate::agent::Failure;
use crate::ids::RunId;
use crate::run::{FolderCheck, Phase, Run, StartKind, StartQuestion, StartWhat};
use crate::time::Now;

impl Dispatcher {
    /// The other answer to [`Effect::CheckFolder`]: the folder to work in, and what of it is in question; a folder that
    /// is itself in question is no folder to work in yet. The person's own tasks are not asked about: outside of the
    /// allowed folders they fail.
    pub fn looked(
        &mut self,
        run_id: &RunId,
        folder: Option<String>,
        mut questions: Vec<StartQuestion>,
        now: Now,
    ) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id).filter(|run| run.phase.waits()) else {
            return Vec::new();
        };
        if run.dispatch.local {
            let refused = questions.iter().find(|question| question.what.kind() == StartKind::Folder);
            if let Some(refused) = refused.map(|question| question.refused.clone()) {
                return self.end_failed(run_id, &refused, now);
            }
            questions.clear();
        }
        let in_question = questions.iter().any(|question| question.what.kind() == StartKind::Folder);
        if run.allowed(StartKind::Folder) {
            // The folder that the person allowed is the one, whatever its name leads to by now.
            run.folder_check = FolderCheck::Allowed;
        } else if in_question {
            run.folder = None;
            run.folder_check = FolderCheck::Awaited;
        } else {
            run.folder = folder;
            run.folder_check = FolderCheck::Passed;
        }
        run.put_questions(&[StartKind::Folder, StartKind::Dirty], questions, now);
        // Those behind it need not wait with it.
        self.start_next(now)
    }

    /// [`Dispatcher::looked`] with the one question whether it may work in `folder`. `refused` is what OrgX is told when
    /// the person says no.
    pub fn ask_folder(&mut self, run_id: &RunId, folder: String, refused: Failure, now: Now) -> Vec<Effect> {
        let question = StartQuestion { what: StartWhat::Folder { folder }, refused };
        self.looked(run_id, None, vec![question], now)
    }

    /// One more question stands in the way of a run that has not started, whoever's it is; a question of the same kind is
    /// replaced. Nothing happens when the person has allowed that already.
    pub fn ask_before_start(&mut self, run_id: &RunId, question: StartQuestion, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id).filter(|run| run.phase.waits()) else {
            return Vec::new();
        };
        run.put_questions(&[question.what.kind()], vec![question], now);
        self.start_next(now)
    }

    /// That is no question any more.
    pub fn ask_no_more(&mut self, run_id: &RunId, kind: StartKind, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id).filter(|run| run.phase.waits()) else {
            return Vec::new();
        };
        run.put_questions(&[kind], Vec::new(), now);
        self.start_next(now)
    }

    /// The person allows for this run what they are asked: it is asked the next question, or runs in its turn. `None`:
    /// nobody was asking.
    pub fn allow(&mut self, run_id: &RunId, now: Now) -> Option<Vec<Effect>> {
        let run = self.asking(run_id)?;
        let mut effects = Vec::new();
        match run.allow_asked(now) {
            Some(StartWhat::Folder { folder }) => {
                run.folder = Some(folder);
                run.folder_check = FolderCheck::Allowed;
                if self.ask_when_dirty {
                    // Only now may its tree be looked at.
                    let unseen = |run: &Run| !run.dispatch.local && !run.allowed(StartKind::Dirty);
                    effects.extend(self.look_again_at(run_id, unseen));
                }
            }
            Some(StartWhat::Budget { limit, .. }) => {
                effects.push(self.allow_day(limit, now));
                effects.extend(self.keep_budgets(now));
            }
            Some(StartWhat::Dirty { .. }) | None => {}
        }
        effects.extend(self.start_next(now));
        Some(effects)
    }

    /// The person does not: the run ends as it would have unasked.
    pub fn deny(&mut self, run_id: &RunId, now: Now) -> Option<Vec<Effect>> {
        self.asking(run_id)?;
        Some(self.refuse(run_id, now))
    }

    /// What is allowed has changed: all folders of what waits are looked at anew, but those that the person allowed.
    pub fn look_again(&mut self) -> Vec<Effect> {
        let looks_at_trees = self.ask_when_dirty;
        let waiting: Vec<RunId> = self.queue.iter().cloned().collect();
        let again = |run: &Run| !run.allowed(StartKind::Folder) || looks_at_trees;
        waiting.iter().filter_map(|run_id| self.look_again_at(run_id, again)).collect()
    }

    /// Is the person asked about folders with changes that are not committed?
    pub fn set_ask_when_dirty(&mut self, ask: bool) {
        self.ask_when_dirty = ask;
    }

    /// A run is over, and may have left changes: who waits for the same folder is looked at anew.
    pub(super) fn look_at_folder_of(&mut self, over: &Run) -> Vec<Effect> {
        if !self.ask_when_dirty || over.phase.waits() || over.folder.is_none() {
            return Vec::new();
        }
        let waiting: Vec<RunId> = self.queue.iter().cloned().collect();
        let again =
            |run: &Run| run.folder == over.folder && !run.dispatch.local && !run.allowed(StartKind::Dirty);
        waiting.iter().filter_map(|run_id| self.look_again_at(run_id, again)).collect()
    }

    pub(super) fn refuse(&mut self, run_id: &RunId, now: Now) -> Vec<Effect> {
        let refused = self.runs.get(run_id).and_then(|run| Some(run.ask.as_ref()?.refused.clone()));
        refused.map(|refused| self.end_failed(run_id, &refused, now)).unwrap_or_default()
    }

    fn look_again_at(&mut self, run_id: &RunId, which: impl Fn(&Run) -> bool) -> Option<Effect> {
        let run = self.runs.get_mut(run_id).filter(|run| which(run))?;
        run.folder_check = FolderCheck::Awaited;
        let repo_path = run.dispatch.task.repo_path.clone();
        Some(Effect::CheckFolder { run_id: run_id.clone(), repo_path })
    }

    fn asking(&mut self, run_id: &RunId) -> Option<&mut Run> {
        self.runs.get_mut(run_id).filter(|run| matches!(run.phase, Phase::NeedsYou { .. }))
    }
}
