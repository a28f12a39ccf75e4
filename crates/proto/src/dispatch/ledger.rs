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

#[derive(Debug, Default)]
pub(super) struct Ledger {
    keys: HashMap<DispatchKey, RunId>,
    /// `None`: in flight. `Some(None)`: completed. `Some(Some(terminal))`: failed.
    runs: HashMap<RunId, (DispatchKey, Option<Option<Outgoing>>)>,
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
                    PastEnd::Completed => None,
                    PastEnd::Failed(terminal) => Some(terminal),
                },
            );
        }
        ledger
    }

    pub(super) fn spend(&mut self, key: &DispatchKey, run_id: &RunId) {
        self.keys.insert(key.clone(), run_id.clone());
        self.runs.insert(run_id.clone(), (key.clone(), None));
    }

    /// The run of a spent key ended; `failed` is its terminal when it is to be sent again on a repeat.
    pub(super) fn end(&mut self, run_id: &RunId, failed: Option<Outgoing>) {
        let Some((_, end)) = self.runs.get_mut(run_id) else { return };
        *end = Some(failed);
        self.ended.push_back(run_id.clone());
        while self.ended.len() > limits::KEPT_RUNS {
            let Some((key, _)) = self.ended.pop_front().and_then(|oldest| self.runs.remove(&oldest)) else {
                break;
            };
            self.keys.remove(&key);
        }
    }

    /// Is this key spent? Then the terminal to repeat, if any.
    pub(super) fn of_key(&self, key: &DispatchKey) -> Option<Option<Outgoing>> {
        self.of_run(self.keys.get(key)?)
    }

    /// Was this run's key spent? Then the terminal to repeat, if any.
    pub(super) fn of_run(&self, run_id: &RunId) -> Option<Option<Outgoing>> {
        self.runs.get(run_id).map(|(_, end)| end.clone().flatten())
    }
}
