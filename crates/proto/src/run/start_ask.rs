//! What the person is asked about a run before it starts.

use super::{Phase, Run};
use crate::agent::Failure;
use crate::time::{Millis, Now};

/// What the person is asked before a run starts, now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartAsk {
    /// What.
    pub what: StartWhat,
    /// What OrgX is told when they say no, or nothing.
    pub refused: Failure,
    /// Since when.
    pub since: Now,
    /// What the queue's own time was when it was asked: it goes on meanwhile.
    pub queued_until: Millis,
}

/// A question that stands in the way of a run's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartQuestion {
    /// What is asked.
    pub what: StartWhat,
    /// What OrgX is told when the person says no, or nothing.
    pub refused: Failure,
}

/// What is asked before a run starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartWhat {
    /// May it work in this folder, which is not among the allowed ones?
    Folder {
        /// The folder, as this computer knows it.
        folder: String,
    },
    /// May it work in this folder, where changes are not committed?
    Dirty {
        /// The folder, as this computer knows it.
        folder: String,
        /// The commit, cut short; `None`: there is none yet.
        commit: Option<String>,
        /// Files that differ from it.
        changes: u64,
    },
    /// May it start, though what all runs of a day may use is used up?
    Budget {
        /// What is counted.
        limit: BudgetUnit,
        /// The limit.
        most: u64,
        /// What is used.
        used: u64,
    },
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetUnit {
    /// Tokens.
    Tokens,
    /// US cents.
    Cents,
    /// Minutes of work.
    Minutes,
}

/// The kinds of questions, in the order they are asked in. Each is allowed once for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartKind {
    /// [`StartWhat::Folder`].
    Folder,
    /// [`StartWhat::Dirty`].
    Dirty,
    /// [`StartWhat::Budget`].
    Budget,
}

impl StartWhat {
    /// Its kind.
    pub fn kind(&self) -> StartKind {
        match self {
            Self::Folder { .. } => StartKind::Folder,
            Self::Dirty { .. } => StartKind::Dirty,
            Self::Budget { .. } => StartKind::Budget,
        }
    }

    /// Would a yes to this one be a yes to `other`? Counts may move while the person thinks.
    fn same_question(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder { folder: one }, Self::Folder { folder: two })
            | (Self::Dirty { folder: one, .. }, Self::Dirty { folder: two, .. }) => one == two,
            (Self::Budget { limit: one, .. }, Self::Budget { limit: two, .. }) => one == two,
            _ => false,
        }
    }
}

impl Run {
    /// Has the person said yes to this for the run?
    pub fn allowed(&self, kind: StartKind) -> bool {
        self.allowed.contains(&kind)
    }

    /// These stand in the way of its start from now on, instead of those of the same `kinds`.
    pub(crate) fn put_questions(&mut self, kinds: &[StartKind], new: Vec<StartQuestion>, now: Now) {
        self.questions.retain(|question| !kinds.contains(&question.what.kind()));
        self.questions.extend(new);
        let allowed = std::mem::take(&mut self.allowed);
        self.questions.retain(|question| !allowed.contains(&question.what.kind()));
        self.allowed = allowed;
        self.questions.sort_by_key(|question| question.what.kind());
        self.ask_next(now);
    }

    /// The person allows what they are asked.
    pub(crate) fn allow_asked(&mut self, now: Now) -> Option<StartWhat> {
        let what = self.ask.as_ref()?.what.clone();
        self.allowed.push(what.kind());
        self.questions.retain(|question| question.what.kind() != what.kind());
        self.ask_next(now);
        Some(what)
    }

    /// Asks the first of the questions, if it is not asked already; with none left it waits for its turn again, for as
    /// long as it might have unasked.
    fn ask_next(&mut self, now: Now) {
        let queued_until = match (self.phase, &self.ask) {
            (Phase::Queued { until }, _) => until,
            (Phase::NeedsYou { .. }, Some(ask)) => ask.queued_until,
            _ => return,
        };
        let Some(StartQuestion { what, refused }) = self.questions.first().cloned() else {
            self.ask = None;
            self.phase = Phase::Queued { until: queued_until };
            return;
        };
        if self.ask.as_ref().is_some_and(|ask| ask.what.same_question(&what)) {
            return;
        }
        self.ask = Some(StartAsk { what, refused, since: now, queued_until });
        self.phase = Phase::NeedsYou { until: super::lapses(queued_until, now) };
    }
}
