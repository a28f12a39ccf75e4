//! What is remembered of runs for those who look on, in memory only: titles, steps, deviations, tokens so far.
//!
//! Promises: bounded, the newest of it stays: [`limits::TIMELINE_STEPS`] steps and deviations of a run, the
//! [`limits::TIMELINE_RUNS`] runs that ended last. Nothing of it is written anywhere.

use super::history::RunDetail;
use super::snapshot::{DeviationView, RunView, StepView};
use crate::limits;
use orgx_proto::ids::RunId;
use orgx_proto::redact::Redacted;
use std::collections::{HashMap, VecDeque};

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Timelines {
    runs: HashMap<RunId, Timeline>,
    /// Those that have ended, oldest first.
    ended: VecDeque<RunId>,
}

/// One run's.
#[derive(Debug, Default)]
struct Timeline {
    title: Option<String>,
    steps: VecDeque<StepView>,
    steps_before: u64,
    deviations: VecDeque<DeviationView>,
    /// The newest edit's evidence and file: a deviation comes right after what broke its rule.
    edited: Option<(String, String)>,
    used: Option<(u64, f64)>,
    /// The receipt, as it was posted.
    posted: Option<String>,
}

impl Timelines {
    /// A run that came, or was taken up; of an earlier try of it nothing is known any more.
    pub(super) fn begin(&mut self, run_id: &RunId, title: &str) {
        self.ended.retain(|ended| ended != run_id);
        let title = Redacted::cut(title.trim(), limits::TITLE_CHARS).into_string();
        let title = Some(title).filter(|title| !title.is_empty());
        self.runs.insert(run_id.clone(), Timeline { title, ..Timeline::default() });
    }

    pub(super) fn step(&mut self, run_id: &RunId, step: StepView) {
        let Some(run) = self.runs.get_mut(run_id) else { return };
        if run.steps.len() == limits::TIMELINE_STEPS {
            run.steps.pop_front();
            run.steps_before += 1;
        }
        run.steps.push_back(step);
    }

    /// A file was edited.
    pub(super) fn edited(&mut self, run_id: &RunId, evidence_ref: String, file: String) {
        if let Some(run) = self.runs.get_mut(run_id) {
            run.edited = Some((evidence_ref, file));
        }
    }

    /// The file that this evidence is about, when it is the newest edit's.
    pub(super) fn file(&self, run_id: &RunId, evidence_ref: &str) -> Option<String> {
        let (evidence, file) = self.runs.get(run_id)?.edited.as_ref()?;
        (evidence == evidence_ref).then(|| file.clone())
    }

    pub(super) fn deviation(&mut self, run_id: &RunId, deviation: DeviationView) {
        let Some(run) = self.runs.get_mut(run_id) else { return };
        if run.deviations.len() == limits::TIMELINE_STEPS {
            run.deviations.pop_front();
        }
        run.deviations.push_back(deviation);
    }

    /// Tokens and US cents so far.
    pub(super) fn used(&mut self, run_id: &RunId, tokens: u64, cents: f64) {
        if let Some(run) = self.runs.get_mut(run_id) {
            run.used = Some((tokens, cents));
        }
    }

    pub(super) fn posted(&mut self, run_id: &RunId, receipt: &str) {
        if let Some(run) = self.runs.get_mut(run_id) {
            run.posted = Some(receipt.to_owned());
        }
    }

    /// It ended; the one that ended first is forgotten.
    pub(super) fn end(&mut self, run_id: &RunId) {
        if !self.runs.contains_key(run_id) || self.ended.contains(run_id) {
            return;
        }
        self.ended.push_back(run_id.clone());
        while self.ended.len() > limits::TIMELINE_RUNS {
            if let Some(oldest) = self.ended.pop_front() {
                self.runs.remove(&oldest);
            }
        }
    }

    pub(super) fn title(&self, run_id: &RunId) -> Option<String> {
        self.runs.get(run_id)?.title.clone()
    }

    /// The receipt as it was posted by this peer.
    pub(super) fn receipt(&self, run_id: &RunId) -> Option<&str> {
        self.runs.get(run_id)?.posted.as_deref()
    }

    /// What a list shows of it.
    pub(super) fn show(&self, run_id: &RunId, view: &mut RunView) {
        let Some(run) = self.runs.get(run_id) else { return };
        view.title.clone_from(&run.title);
        view.tokens_used = run.used.map(|(tokens, _)| tokens);
        // What costs nothing by the agent's count is a subscription's, or not counted.
        view.cost_cents = run.used.map(|(_, cents)| whole(cents)).filter(|cents| *cents > 0);
        view.last_step = run.steps.back().cloned();
    }

    /// What its page shows.
    pub(super) fn tell(&self, run_id: &RunId, detail: &mut RunDetail) {
        let Some(run) = self.runs.get(run_id) else { return };
        detail.steps = run.steps.iter().cloned().collect();
        detail.steps_before = run.steps_before;
        detail.deviations = run.deviations.iter().cloned().collect();
    }
}

fn whole(cents: f64) -> u64 {
    if cents.is_finite() && cents > 0.0 { cents.round() as u64 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> RunId {
        RunId::new(format!("r{n}"))
    }

    fn step(n: usize) -> StepView {
        StepView { at: n as i64, kind: "chat".into(), summary: format!("{n}") }
    }

    fn detail(all: &Timelines, run: &RunId) -> RunDetail {
        let mut detail = RunDetail::default();
        all.tell(run, &mut detail);
        detail
    }

    #[test]
    fn the_newest_steps_and_deviations_stay_and_the_others_are_counted() {
        let mut all = Timelines::default();
        all.begin(&id(1), " a\u{202e}b\n ");
        for n in 0..limits::TIMELINE_STEPS + 3 {
            all.step(&id(1), step(n));
            all.deviation(&id(1), DeviationView { at: n as i64, ..DeviationView::default() });
        }
        let told = detail(&all, &id(1));
        assert_eq!((told.steps.len(), told.steps_before), (limits::TIMELINE_STEPS, 3));
        assert_eq!((told.steps[0].at, told.deviations[0].at), (3, 3));
        let mut view = RunView::default();
        all.used(&id(1), 7, 0.2);
        all.show(&id(1), &mut view);
        assert_eq!((view.title.as_deref(), view.tokens_used, view.cost_cents), (Some("ab"), Some(7), None));
        assert_eq!(view.last_step, Some(step(limits::TIMELINE_STEPS + 2)));
    }

    #[test]
    fn the_runs_that_ended_last_stay_and_those_that_have_not_ended() {
        let mut all = Timelines::default();
        all.begin(&RunId::new("lives"), "x");
        for n in 0..=limits::TIMELINE_RUNS {
            all.begin(&id(n), "x");
            all.step(&id(n), step(n));
            all.end(&id(n));
            all.end(&id(n));
        }
        assert_eq!(all.runs.len(), limits::TIMELINE_RUNS + 1);
        assert_eq!(all.title(&id(0)), None);
        assert_eq!(detail(&all, &id(1)).steps, [step(1)]);
        assert!(all.title(&RunId::new("lives")).is_some());
        all.begin(&id(1), "again");
        assert_eq!(detail(&all, &id(1)).steps, [], "an earlier try is over");
        all.end(&RunId::new("never was"));
        assert_eq!(all.ended.len(), limits::TIMELINE_RUNS - 1);
    }
}
