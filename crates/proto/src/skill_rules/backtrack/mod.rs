//! A backtracking matcher for the patterns that the `regex` crate cannot say: look-around and
//! back-references.
//!
//! It follows ECMA-262 to the letter, over UTF-16 code units: look-behind reads from right to left, groups in
//! a loop are forgotten at each turn, a turn that takes nothing is refused once the loop has enough, a
//! back-reference to a group that has not matched matches nothing. (`fancy-regex` 0.20 differs in each: of
//! random patterns of this kind one in fifty had to be refused, and a few were answered wrongly.)
//!
//! Every step counts, also each unit that a run like `.*` passes over: the steps it is given bound the time
//! of one search whatever the pattern and the text, to the same step on every machine.

mod assemble;
mod machine;
mod stack;
mod tape;

use super::js::{Assert, Node, UnitSet};

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Backtracker {
    code: Vec<Op>,
    slots: usize,
}

/// The search took more than its steps or its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

impl Backtracker {
    /// Code for a pattern; as long as the pattern, as loops count instead of being unrolled.
    pub(super) fn new(node: &Node) -> Self {
        assemble::assemble(node)
    }

    /// Bytes it takes, about.
    pub(super) fn size(&self) -> usize {
        let sets = self.code.iter().map(|op| match op {
            Op::One { set, .. } | Op::Run { set, .. } => size_of_val(set.ranges()),
            _ => 0,
        });
        size_of_val(self.code.as_slice()) + sets.sum::<usize>()
    }

    /// Whether it matches anywhere in `text`; takes what it needs from `steps`.
    pub(super) fn is_match(&self, text: &[u16], steps: &mut usize) -> Result<bool, TooLong> {
        machine::search(self, text, steps)
    }
}

/// Which way a part of a pattern reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ahead,
    Behind,
}

/// One instruction. Slots hold positions and counts; the first two per group are where it starts and ends.
#[derive(Debug)]
enum Op {
    /// One unit of the set.
    One {
        set: UnitSet,
        direction: Direction,
    },
    /// As many units of the set as there are from `min` to `max`, or as few.
    Run {
        set: UnitSet,
        min: usize,
        max: usize,
        greedy: bool,
        direction: Direction,
    },
    Assert(Assert),
    /// Goes on with the next instruction; at `other` if that fails.
    Try {
        other: usize,
    },
    Jump {
        to: usize,
    },
    /// Remembers the position.
    Mark {
        slot: usize,
    },
    /// The text between two slots again; nothing if one is unset.
    Again {
        start: usize,
        direction: Direction,
    },
    /// Sets a loop's count to zero.
    LoopBegin {
        counter: usize,
    },
    /// Decides between another turn, at the next instruction, and `exit`.
    LoopTest {
        counter: usize,
        min: usize,
        max: usize,
        greedy: bool,
        exit: usize,
    },
    /// Begins a turn: counts it, marks the position in the slot after the counter, and forgets the groups in
    /// the loop.
    LoopTurn {
        counter: usize,
        forget: std::ops::Range<usize>,
    },
    /// Ends a turn, back to `test`; fails if the turn took nothing and was not needed.
    LoopEnd {
        counter: usize,
        min: usize,
        test: usize,
    },
    /// Runs the instructions up to its `Accept` by themselves, then goes on at `after`, from where it stood.
    Look {
        negative: bool,
        after: usize,
    },
    Accept,
}
