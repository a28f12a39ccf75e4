//! The text a machine reads: units, boundaries and repetitions, in both directions.

use std::ops::Range;

use super::super::js::{Assert, UnitSet};
use super::Direction;

#[derive(Debug, Clone, Copy)]
pub(super) struct Tape<'a>(pub(super) &'a [u16]);

impl Tape<'_> {
    /// The position after one unit of the set, if there is one.
    pub(super) fn take(self, set: &UnitSet, position: usize, direction: Direction) -> Option<usize> {
        let (index, after) = match direction {
            Direction::Ahead => (position, position + 1),
            Direction::Behind => (position.checked_sub(1)?, position - 1),
        };
        self.0.get(index).is_some_and(|unit| set.contains(*unit)).then_some(after)
    }

    /// The position after the text at `range` again, if it is there.
    pub(super) fn again(self, range: Range<usize>, position: usize, direction: Direction) -> Option<usize> {
        let (start, after) = match direction {
            Direction::Ahead => (position, position + range.len()),
            Direction::Behind => (position.checked_sub(range.len())?, position - range.len()),
        };
        (self.0.get(start..start + range.len())? == self.0.get(range)?).then_some(after)
    }

    /// Whether an assertion holds between two units; words are ASCII.
    pub(super) fn holds(self, assert: Assert, position: usize) -> bool {
        let is_word = |index: Option<usize>| {
            let unit = index.and_then(|index| self.0.get(index)).and_then(|unit| u8::try_from(*unit).ok());
            unit.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let at_boundary = || is_word(position.checked_sub(1)) != is_word(Some(position));
        match assert {
            Assert::Start => position == 0,
            Assert::End => position == self.0.len(),
            Assert::WordBoundary => at_boundary(),
            Assert::NotWordBoundary => !at_boundary(),
        }
    }
}
