//! What a machine goes back to: one stack holds both the ways not yet tried and the slot values to put back
//! before.

use super::super::limits;
use super::{Direction, TooLong};

/// Where to go, or what to put back, when the way taken fails.
#[derive(Debug)]
pub(super) enum Saved {
    Way {
        at: usize,
        position: usize,
    },
    Slot {
        slot: usize,
        value: usize,
    },
    /// A greedy run, which can give units back one by one: `position` is where it stands, `least` where it
    /// must stop.
    Shrinking {
        at: usize,
        position: usize,
        least: usize,
        direction: Direction,
    },
    /// A lazy run (the instruction at `at`) that has taken `taken` units up to `position`.
    Growing {
        at: usize,
        position: usize,
        taken: usize,
    },
}

/// Bounded by [`limits::STACK`].
#[derive(Debug, Default)]
pub(super) struct Stack(Vec<Saved>);

impl Stack {
    pub(super) fn push(&mut self, saved: Saved) -> Result<(), TooLong> {
        if self.0.len() >= limits::STACK {
            return Err(TooLong);
        }
        self.0.push(saved);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<Saved> {
        self.0.pop()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Drops the ways above `floor`, and keeps the slot values: a look-around that held is not tried another
    /// way.
    pub(super) fn forget_ways(&mut self, floor: usize) {
        let above = self.0.split_off(floor);
        self.0.extend(above.into_iter().filter(|saved| matches!(saved, Saved::Slot { .. })));
    }
}
