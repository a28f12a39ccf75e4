//! One compiled rule: what the `regex` crate can say runs there; the rest backtracks, with a step limit, and
//! only when the `regex` crate cannot rule it out.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use regex::{Regex, RegexBuilder};
use thiserror::Error;

use super::backtrack::{Backtracker, TooLong};
use super::js::{self, Node, PatternError};
use super::simplify::simplify;
use super::text::Text;
use super::{limits, needle, translate};

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    #[error("it is longer than {} bytes", limits::PATTERN_BYTES)]
    TooLong,
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error("it takes more than {} KiB when compiled", limits::RULE_BYTES / 1024)]
    TooLarge,
    #[error("the rules before it take all of the {} MiB there are for rules", limits::SET_BYTES / 1024 / 1024)]
    SetFull,
    #[error("it is large, and so many rules before it were too large that it was not tried")]
    Untried,
}

/// A pattern parsed and understood, not yet compiled.
#[derive(Debug)]
pub(super) struct Plan {
    node: Node,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    /// The pattern itself, or a condition it cannot match without.
    linear: Regex,
    backtracking: Option<Backtracking>,
}

#[derive(Debug)]
struct Backtracking {
    matcher: Backtracker,
    suspended: AtomicBool,
}

impl Plan {
    /// Parses a JavaScript pattern.
    pub(super) fn new(pattern: &str) -> Result<Self, Refusal> {
        if pattern.len() > limits::PATTERN_BYTES {
            return Err(Refusal::TooLong);
        }
        Ok(Self { node: simplify(js::parse(pattern)?) })
    }

    /// Texts of which every matching text contains one.
    pub(super) fn needles(&self) -> Option<Vec<String>> {
        needle::needles(&self.node)
    }

    /// Compiles it if it takes no more than `bytes`.
    pub(super) fn compile(&self, bytes: usize) -> Result<Program, Refusal> {
        let linear = linear(&translate::regex(&self.node), bytes)?;
        if translate::is_exact(&self.node) {
            return Ok(Program { linear, backtracking: None });
        }
        let matcher = Backtracker::new(&self.node);
        if matcher.size() > bytes {
            return Err(Refusal::TooLarge);
        }
        Ok(Program {
            linear,
            backtracking: Some(Backtracking { matcher, suspended: AtomicBool::new(false) }),
        })
    }
}

/// A pattern of our own making fails to compile for its size only.
fn linear(pattern: &str, bytes: usize) -> Result<Regex, Refusal> {
    RegexBuilder::new(pattern)
        .size_limit(bytes)
        .dfa_size_limit(limits::DFA_BYTES)
        .nest_limit(limits::NESTING)
        .build()
        .map_err(|_| Refusal::TooLarge)
}

impl Program {
    /// Whether it matches the text. Suspends itself when it takes too long; `steps` is what all rules have
    /// left for the text.
    pub(super) fn is_match(&self, text: &Text<'_>, steps: &Cell<usize>) -> bool {
        let Some(backtracking) = &self.backtracking else { return self.linear.is_match(text.units()) };
        if self.is_suspended() || !self.linear.is_match(text.units()) {
            return false;
        }
        let allowed = steps.get().clamp(limits::LEAST_STEPS, limits::STEPS);
        let mut left = allowed;
        let matched = backtracking.matcher.is_match(text.utf16(), &mut left);
        steps.set(steps.get().saturating_sub(allowed - left));
        matched.unwrap_or_else(|TooLong| {
            backtracking.suspended.store(true, Ordering::Relaxed);
            false
        })
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.backtracking.as_ref().is_some_and(|it| it.suspended.load(Ordering::Relaxed))
    }
}
