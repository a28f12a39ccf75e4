//! Runs the instructions: forward while they succeed, back to the last way not tried when one fails.

use std::ops::ControlFlow;

use super::super::js::UnitSet;
use super::stack::{Saved, Stack};
use super::tape::Tape;
use super::{Backtracker, Direction, Op, TooLong};

const UNSET: usize = usize::MAX;

pub(super) fn search(program: &Backtracker, text: &[u16], steps: &mut usize) -> Result<bool, TooLong> {
    let mut machine = Machine {
        code: &program.code,
        text: Tape(text),
        slots: vec![UNSET; program.slots],
        stack: Stack::default(),
        steps,
    };
    for start in 0..=text.len() {
        if machine.run(0, start)? {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Machine<'a> {
    code: &'a [Op],
    text: Tape<'a>,
    slots: Vec<usize>,
    stack: Stack,
    steps: &'a mut usize,
}

/// Where to go on: an instruction and a position.
type Place = (usize, usize);

impl Machine<'_> {
    /// Whether the instructions from `at` reach their `Accept`. If so, ways not tried are dropped, and slots
    /// stay as they are until the stack is unwound; if not, everything is as before.
    fn run(&mut self, at: usize, position: usize) -> Result<bool, TooLong> {
        let floor = self.stack.len();
        let mut place = (at, position);
        loop {
            self.count(1)?;
            let next = match self.step(place)? {
                ControlFlow::Break(()) => {
                    self.stack.forget_ways(floor);
                    return Ok(true);
                }
                ControlFlow::Continue(next) => next,
            };
            let Some(next) = (match next {
                Some(next) => Some(next),
                None => self.back(floor)?,
            }) else {
                return Ok(false);
            };
            place = next;
        }
    }

    fn step(&mut self, (at, position): Place) -> Result<ControlFlow<(), Option<Place>>, TooLong> {
        let code = self.code;
        let next = at + 1;
        let go = |on: bool| on.then_some((next, position));
        Ok(ControlFlow::Continue(match &code[at] {
            Op::Accept => return Ok(ControlFlow::Break(())),
            Op::One { set, direction } => {
                self.text.take(set, position, *direction).map(|after| (next, after))
            }
            Op::Run { set, min, max, greedy, direction } => {
                let wanted = if *greedy { *max } else { *min };
                self.take_run(at, set, (*min, wanted), *greedy, position, *direction)?
            }
            Op::Assert(assert) => go(self.text.holds(*assert, position)),
            Op::Try { other } => {
                self.stack.push(Saved::Way { at: *other, position })?;
                go(true)
            }
            Op::Jump { to } => Some((*to, position)),
            Op::Mark { slot } => {
                self.set(*slot, position)?;
                go(true)
            }
            Op::Again { start, direction } => {
                self.again(*start, position, *direction)?.map(|after| (next, after))
            }
            Op::LoopBegin { counter } => {
                self.set(*counter, 0)?;
                go(true)
            }
            Op::LoopTest { counter, min, max, greedy, exit } => {
                let turns = self.slots[*counter];
                if turns < *min {
                    go(true)
                } else if turns >= *max {
                    Some((*exit, position))
                } else {
                    let (first, second) = if *greedy { (next, *exit) } else { (*exit, next) };
                    self.stack.push(Saved::Way { at: second, position })?;
                    Some((first, position))
                }
            }
            Op::LoopTurn { counter, forget } => {
                self.set(*counter, self.slots[*counter] + 1)?;
                self.set(*counter + 1, position)?;
                self.count(forget.len())?;
                forget.clone().try_for_each(|slot| self.set(slot, UNSET))?;
                go(true)
            }
            Op::LoopEnd { counter, min, test } => {
                let in_vain = self.slots[*counter] > *min && self.slots[*counter + 1] == position;
                (!in_vain).then_some((*test, position))
            }
            Op::Look { negative, after } => {
                let floor = self.stack.len();
                let found = self.run(next, position)?;
                if *negative && found {
                    self.undo(floor);
                }
                (found != *negative).then_some((*after, position))
            }
        }))
    }

    /// The next way not tried, above `floor`.
    fn back(&mut self, floor: usize) -> Result<Option<Place>, TooLong> {
        while self.stack.len() > floor {
            match self.stack.pop() {
                Some(Saved::Slot { slot, value }) => self.slots[slot] = value,
                Some(Saved::Way { at, position }) => return Ok(Some((at, position))),
                Some(Saved::Shrinking { at, position, least, direction }) => {
                    let position = if direction == Direction::Ahead { position - 1 } else { position + 1 };
                    if position != least {
                        self.stack.push(Saved::Shrinking { at, position, least, direction })?;
                    }
                    return Ok(Some((at, position)));
                }
                Some(Saved::Growing { at, position, taken }) => {
                    if let Some(place) = self.grow(at, position, taken)? {
                        return Ok(Some(place));
                    }
                }
                None => {}
            }
        }
        Ok(None)
    }

    /// Takes from `min` to `wanted` units at once, and saves what else the run could have done.
    fn take_run(
        &mut self,
        at: usize,
        set: &UnitSet,
        (min, wanted): (usize, usize),
        greedy: bool,
        start: usize,
        direction: Direction,
    ) -> Result<Option<Place>, TooLong> {
        let (mut position, mut taken, mut least) = (start, 0, start);
        while taken < wanted {
            let Some(after) = self.text.take(set, position, direction) else { break };
            position = after;
            taken += 1;
            if taken == min {
                least = position;
            }
        }
        self.count(taken)?;
        if taken < min {
            return Ok(None);
        }
        if !greedy {
            self.stack.push(Saved::Growing { at, position, taken })?;
        } else if position != least {
            self.stack.push(Saved::Shrinking { at: at + 1, position, least, direction })?;
        }
        Ok(Some((at + 1, position)))
    }

    /// One more unit for a lazy run.
    fn grow(&mut self, at: usize, position: usize, taken: usize) -> Result<Option<Place>, TooLong> {
        let code = self.code;
        let Op::Run { set, max, direction, .. } = &code[at] else { return Ok(None) };
        if taken >= *max {
            return Ok(None);
        }
        let Some(position) = self.text.take(set, position, *direction) else { return Ok(None) };
        self.stack.push(Saved::Growing { at, position, taken: taken + 1 })?;
        Ok(Some((at + 1, position)))
    }

    fn again(
        &mut self,
        start: usize,
        position: usize,
        direction: Direction,
    ) -> Result<Option<usize>, TooLong> {
        let (from, to) = (self.slots[start], self.slots[start + 1]);
        if from == UNSET || to == UNSET {
            return Ok(Some(position));
        }
        self.count(to - from)?;
        Ok(self.text.again(from..to, position, direction))
    }

    fn set(&mut self, slot: usize, value: usize) -> Result<(), TooLong> {
        let old = std::mem::replace(&mut self.slots[slot], value);
        self.stack.push(Saved::Slot { slot, value: old })
    }

    fn count(&mut self, steps: usize) -> Result<(), TooLong> {
        let left = self.steps.checked_sub(steps);
        *self.steps = left.unwrap_or_default();
        left.map_or(Err(TooLong), |_| Ok(()))
    }

    /// Puts back every slot above `floor`.
    fn undo(&mut self, floor: usize) {
        while self.stack.len() > floor {
            if let Some(Saved::Slot { slot, value }) = self.stack.pop() {
                self.slots[slot] = value;
            }
        }
    }
}
