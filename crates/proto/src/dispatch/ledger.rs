//! What is remembered of keys that were spent: whose they are, and how those runs ended.

use crate::delivery::Outgoing;
use crate::ids::{DispatchKey, RunId};
use crate::limits;
use std::collections::{HashMap, VecDeque};

/// A spent key from the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The key.
    pub key: DispatchKey,
    /// Its run.
    pub run_id: RunId,
    /// How it ended.
    pub end: PastEnd,
}

/// How a past run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PastEnd {
    /// It completed.
    Completed,
    /// It failed, with this terminal.
    Failed(Outgoing),
}

/// Where the run of a spent key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    InFlight,
    Completed,
    Failed(Outgoing),
}

impl Standing {
    /// What a repeat of the dispatch is answered with.
    pub(super) fn answer(&self) -> Option<Outgoing> {
        match self {
            Self::Failed(terminal) => Some(terminal.clone()),
            Self::InFlight | Self::Completed => None,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    keys: HashMap<DispatchKey, RunId>,
    runs: HashMap<RunId, (DispatchKey, Standing)>,
    /// Ended runs, oldest first: the first to be forgotten.
    ended: VecDeque<RunId>,
}

impl Ledger {
    pub(super) fn restore(past: Vec<Past>) -> Self {
        let mut ledger = Self::default();
        for Past { key, run_id, end } in past {
            ledger.spend(&key, &run_id);
            ledger.end(
                &run_id,
                match end {
                    PastEnd::Completed => Standing::Completed,
                    PastEnd::Failed(terminal) => Standing::Failed(terminal),
                },
            );
        }
        ledger
    }

    pub(super) fn spend(&mut self, key: &DispatchKey, run_id: &RunId) {
        self.keys.insert(key.clone(), run_id.clone());
        self.runs.insert(run_id.clone(), (key.clone(), Standing::InFlight));
    }

    pub(super) fn unspend(&mut self, run_id: &RunId) {
        if let Some((key, _)) = self.runs.remove(run_id) {
            self.keys.remove(&key);
        }
    }

    /// The run of a spent key ended.
    pub(super) fn end(&mut self, run_id: &RunId, how: Standing) {
        let Some((_, standing)) = self.runs.get_mut(run_id) else { return };
        *standing = how;
        self.ended.push_back(run_id.clone());
        while self.ended.len() > limits::KEPT_RUNS {
            let Some((key, _)) = self.ended.pop_front().and_then(|oldest| self.runs.remove(&oldest)) else {
                break;
            };
            self.keys.remove(&key);
        }
    }

    /// The runs that are over, oldest first.
    pub(super) fn past(&self) -> Vec<Past> {
        let past = |run_id: &RunId| {
            let (key, standing) = self.runs.get(run_id)?;
            let end = match standing {
                Standing::InFlight => return None,
                Standing::Completed => PastEnd::Completed,
                Standing::Failed(terminal) => PastEnd::Failed(terminal.clone()),
            };
            Some(Past { key: key.clone(), run_id: run_id.clone(), end })
        };
        self.ended.iter().filter_map(past).collect()
    }

    /// The run of this key, if it is spent.
    pub(super) fn of_key(&self, key: &DispatchKey) -> Option<&Standing> {
        self.of_run(self.keys.get(key)?)
    }

    /// This run, if its key was spent.
    pub(super) fn of_run(&self, run_id: &RunId) -> Option<&Standing> {
        self.runs.get(run_id).map(|(_, standing)| standing)
    }
}
