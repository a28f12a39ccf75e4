//! The deviations of one run: one by one, or as one when three come within ten seconds.
//!
//! They are held for a second, since rules that break together come together. What was shown one by one is taken back
//! when it turns out to have been the beginning of a burst.

use super::{Context, Key, Tell, texts};

/// A burst is three of them within this time, in ms.
const WINDOW: i64 = 10_000;
/// How long one is held to see whether more follow, in ms.
const HOLD: i64 = 1_000;
/// So many are a burst.
const BURST: usize = 3;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deviation {
    pub(super) skill: String,
    pub(super) what: String,
    pub(super) place: String,
}

#[derive(Debug, Default)]
pub(super) struct Burst {
    /// Not told yet.
    held: Vec<(i64, Deviation)>,
    /// Told one by one.
    shown: Vec<(i64, Deviation, Key)>,
    /// When a burst was told as one: what follows closely waits.
    told_as_one: Option<i64>,
    due: Option<i64>,
    number: u64,
}

impl Burst {
    pub(super) fn add(&mut self, deviation: Deviation, now: i64) {
        self.held.push((now, deviation));
        let first = self.held.first().map_or(now, |(at, _)| *at);
        self.due = Some(match self.told_as_one.map(|told| told + WINDOW) {
            Some(end) if end > now => end,
            _ => (now + HOLD).min(first + WINDOW),
        });
    }

    pub(super) fn due(&self) -> Option<i64> {
        self.due
    }

    pub(super) fn is_over(&self, now: i64) -> bool {
        let newest = self.shown.last().map(|(at, ..)| *at).max(self.told_as_one);
        self.held.is_empty() && newest.is_none_or(|at| at + WINDOW <= now)
    }

    pub(super) fn time(&mut self, run_id: &str, context: Context<'_>) -> Vec<Tell> {
        if self.due.is_none_or(|due| due > context.now) {
            return Vec::new();
        }
        self.due = None;
        self.shown.retain(|(at, ..)| at + WINDOW > context.now);
        let held = std::mem::take(&mut self.held);
        if held.len() + self.shown.len() < BURST {
            return held
                .into_iter()
                .map(|(at, deviation)| self.show(run_id, at, deviation, context))
                .collect();
        }
        let shown = std::mem::take(&mut self.shown);
        let mut all: Vec<Tell> = shown.iter().map(|(.., key)| Tell::Withdraw(key.clone())).collect();
        let together: Vec<Deviation> = shown
            .into_iter()
            .map(|(_, deviation, _)| deviation)
            .chain(held.into_iter().map(|(_, it)| it))
            .collect();
        let key = self.key(run_id);
        all.push(Tell::Show(texts::deviations(key, run_id, &together, context)));
        self.told_as_one = Some(context.now);
        all
    }

    fn show(&mut self, run_id: &str, at: i64, deviation: Deviation, context: Context<'_>) -> Tell {
        let key = self.key(run_id);
        self.shown.push((at, deviation.clone(), key.clone()));
        Tell::Show(texts::deviation(key, run_id, &deviation, context))
    }

    fn key(&mut self, run_id: &str) -> Key {
        self.number += 1;
        Key::Deviation(run_id.to_owned(), self.number)
    }
}
