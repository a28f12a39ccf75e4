//! The syntax of JavaScript patterns without flags: ECMA-262 with its Annex B, as V8 in Node 20 takes it.
//!
//! A pattern is a list of UTF-16 code units. [`parse`] accepts exactly what `new RegExp(pattern)` accepts
//! (but for the bounds in [`limits`](super::limits)), and the tree says what every part matches, with no
//! escapes left in it.

mod class;
mod escape;
mod name;
mod parser;
mod scan;
mod units;

use thiserror::Error;

pub(super) use parser::parse;
pub(super) use units::UnitSet;

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Empty,
    Unit(u16),
    Class(UnitSet),
    Assert(Assert),
    Look {
        behind: bool,
        negative: bool,
        body: Box<Node>,
    },
    /// A group; captures are numbered from 1.
    Group {
        capture: Option<usize>,
        body: Box<Node>,
    },
    /// A back-reference to a group that is in the pattern.
    BackRef(usize),
    Concat(Vec<Node>),
    Alt(Vec<Node>),
    Repeat {
        body: Box<Node>,
        min: u32,
        max: Option<u32>,
        greedy: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assert {
    Start,
    End,
    WordBoundary,
    NotWordBoundary,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum PatternError {
    #[error("it is not a valid JavaScript regular expression ({0})")]
    Invalid(&'static str),
    #[error("its groups are nested more than {} levels deep", super::limits::PATTERN_DEPTH)]
    TooDeep,
}

impl Node {
    /// The parts it is made of, in pattern order.
    pub(super) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Look { body, .. } | Self::Group { body, .. } | Self::Repeat { body, .. } => vec![body],
            Self::Concat(parts) | Self::Alt(parts) => parts.iter().collect(),
            Self::Empty | Self::Unit(_) | Self::Class(_) | Self::Assert(_) | Self::BackRef(_) => Vec::new(),
        }
    }

    /// The same node around other children; `change` gets each child and its position.
    pub(super) fn map_children<E>(
        self,
        mut change: impl FnMut(usize, Self) -> Result<Self, E>,
    ) -> Result<Self, E> {
        let mut each = |parts: Vec<Self>| -> Result<Vec<Self>, E> {
            parts.into_iter().enumerate().map(|(position, part)| change(position, part)).collect()
        };
        Ok(match self {
            Self::Concat(parts) => Self::Concat(each(parts)?),
            Self::Alt(branches) => Self::Alt(each(branches)?),
            Self::Look { behind, negative, body } => {
                Self::Look { behind, negative, body: Box::new(change(0, *body)?) }
            }
            Self::Group { capture, body } => Self::Group { capture, body: Box::new(change(0, *body)?) },
            Self::Repeat { body, min, max, greedy } => {
                Self::Repeat { body: Box::new(change(0, *body)?), min, max, greedy }
            }
            leaf => leaf,
        })
    }

    /// Whether it can match without taking a character.
    pub(super) fn can_be_empty(&self) -> bool {
        match self {
            Self::Empty | Self::Assert(_) | Self::Look { .. } | Self::BackRef(_) => true,
            Self::Unit(_) | Self::Class(_) => false,
            Self::Group { body, .. } => body.can_be_empty(),
            Self::Concat(parts) => parts.iter().all(Self::can_be_empty),
            Self::Alt(branches) => branches.iter().any(Self::can_be_empty),
            Self::Repeat { body, min, .. } => *min == 0 || body.can_be_empty(),
        }
    }
}
