//! From a pattern's tree to instructions.

use std::ops::Range;

use super::super::js::{Node, UnitSet};
use super::{Backtracker, Direction, Op};

pub(super) fn assemble(node: &Node) -> Backtracker {
    let groups = last_group(node);
    let mut assembler = Assembler { code: Vec::new(), slots: 2 * (groups + 1) };
    assembler.node(node, Direction::Ahead);
    assembler.code.push(Op::Accept);
    Backtracker { code: assembler.code, slots: assembler.slots }
}

struct Assembler {
    code: Vec<Op>,
    slots: usize,
}

impl Assembler {
    fn node(&mut self, node: &Node, direction: Direction) {
        match node {
            Node::Empty => {}
            Node::Unit(unit) => self.code.push(Op::One { set: UnitSet::of(&[(*unit, *unit)]), direction }),
            Node::Class(set) => self.code.push(Op::One { set: set.clone(), direction }),
            Node::Assert(assert) => self.code.push(Op::Assert(*assert)),
            Node::BackRef(number) => self.code.push(Op::Again { start: start_of(*number), direction }),
            Node::Concat(parts) => match direction {
                Direction::Ahead => parts.iter().for_each(|part| self.node(part, direction)),
                Direction::Behind => parts.iter().rev().for_each(|part| self.node(part, direction)),
            },
            Node::Alt(branches) => self.alternatives(branches, direction),
            Node::Group { capture: None, body } => self.node(body, direction),
            Node::Group { capture: Some(number), body } => self.group(*number, body, direction),
            Node::Look { behind, negative, body } => self.look(*behind, *negative, body),
            Node::Repeat { body, min, max, greedy } => {
                let max = max.map_or(usize::MAX, |max| max as usize);
                self.repeat(body, *min as usize, max, *greedy, direction);
            }
        }
    }

    fn alternatives(&mut self, branches: &[Node], direction: Direction) {
        let mut jumps = Vec::new();
        for (position, branch) in branches.iter().enumerate() {
            if position + 1 == branches.len() {
                self.node(branch, direction);
                break;
            }
            let attempt = self.placeholder();
            self.node(branch, direction);
            jumps.push(self.placeholder());
            self.code[attempt] = Op::Try { other: self.code.len() };
        }
        for jump in jumps {
            self.code[jump] = Op::Jump { to: self.code.len() };
        }
    }

    fn group(&mut self, number: usize, body: &Node, direction: Direction) {
        let (start, end) = (start_of(number), start_of(number) + 1);
        let (first, last) = if direction == Direction::Ahead { (start, end) } else { (end, start) };
        self.code.push(Op::Mark { slot: first });
        self.node(body, direction);
        self.code.push(Op::Mark { slot: last });
    }

    fn look(&mut self, behind: bool, negative: bool, body: &Node) {
        let look = self.placeholder();
        self.node(body, if behind { Direction::Behind } else { Direction::Ahead });
        self.code.push(Op::Accept);
        self.code[look] = Op::Look { negative, after: self.code.len() };
    }

    fn repeat(&mut self, body: &Node, min: usize, max: usize, greedy: bool, direction: Direction) {
        if let Some(set) = single(body) {
            self.code.push(Op::Run { set, min, max, greedy, direction });
            return;
        }
        let counter = self.slots;
        self.slots += 2;
        self.code.push(Op::LoopBegin { counter });
        let test = self.placeholder();
        self.code.push(Op::LoopTurn { counter, forget: slots_inside(body) });
        self.node(body, direction);
        self.code.push(Op::LoopEnd { counter, min, test });
        self.code[test] = Op::LoopTest { counter, min, max, greedy, exit: self.code.len() };
    }

    /// Room for an instruction that needs to know what follows.
    fn placeholder(&mut self) -> usize {
        self.code.push(Op::Accept);
        self.code.len() - 1
    }
}

/// What a part that always takes one unit takes.
fn single(node: &Node) -> Option<UnitSet> {
    match node {
        Node::Unit(unit) => Some(UnitSet::of(&[(*unit, *unit)])),
        Node::Class(set) => Some(set.clone()),
        Node::Group { capture: None, body } => single(body),
        _ => None,
    }
}

fn start_of(group: usize) -> usize {
    2 * group
}

/// The slots of the groups in a part; groups are numbered as they open, so they are neighbours.
fn slots_inside(node: &Node) -> Range<usize> {
    first_group(node).map_or(0..0, |first| start_of(first)..start_of(last_group(node) + 1))
}

fn first_group(node: &Node) -> Option<usize> {
    match node {
        Node::Group { capture: Some(number), .. } => Some(*number),
        _ => node.children().into_iter().find_map(first_group),
    }
}

fn last_group(node: &Node) -> usize {
    let own = if let Node::Group { capture: Some(number), .. } | Node::BackRef(number) = node {
        *number
    } else {
        0
    };
    node.children().into_iter().map(last_group).fold(own, usize::max)
}
