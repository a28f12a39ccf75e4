//! Every bound of skill rules, with its unit and its reason.

/// Rules in one set. What follows is ignored and named: a plan with more is a mistake, and each rule costs
/// memory.
pub const RULES: usize = 5_000;

/// UTF-8 bytes of one pattern. Patterns are written by hand and rarely pass 200 bytes; this bounds what
/// parsing all of them costs, and leaves room for a long list of alternatives.
pub const PATTERN_BYTES: usize = 4 * 1024;

/// Levels of groups and look-arounds in one pattern. They are walked recursively.
pub const PATTERN_DEPTH: usize = 40;

/// Bytes of one compiled rule, as the `regex` crate counts them. `[^x]{100}` takes about a tenth of it.
pub const RULE_BYTES: usize = 1024 * 1024;

/// Bytes of all compiled rules of a set, counted likewise; a rule is charged its size rounded up to a power
/// of two.
pub const SET_BYTES: usize = 64 * 1024 * 1024;

/// The smallest charge for a rule, in bytes: [`RULES`] of them fit in [`SET_BYTES`].
pub(super) const LEAST_RULE_BYTES: usize = 4 * 1024;

/// Rules that may turn out larger than [`RULE_BYTES`] before what passes [`SMALL_RULE_BYTES`] is refused
/// untried: each takes the time of a megabyte of rules.
pub(super) const OVERSIZE_TRIES: usize = 16;

/// Bytes that hardly a rule passes; trying up to it takes about a millisecond.
pub(super) const SMALL_RULE_BYTES: usize = 16 * 1024;

/// UTF-8 bytes of text that rules look at: the beginning of a large edit says enough, and time grows with it.
pub const TEXT_BYTES: usize = 16 * 1024;

/// Steps that one rule with look-around or back-references may take over one text: ten milliseconds or so.
pub const STEPS: usize = 4_000_000;

/// Steps that all such rules together may take over one text: a tenth of a second or so. After that, each
/// still has a few thousand.
pub const STEPS_FOR_ALL: usize = 40_000_000;

/// Steps that a rule always has: it is not suspended for what others took unless it takes more than this.
pub(super) const LEAST_STEPS: usize = 10_000;

/// Ways such a rule may keep open at once, 32 bytes each.
pub(super) const STACK: usize = 256 * 1024;

/// Characters of a skill id, a fingerprint and an evidence kind each; they travel in every deviation.
pub const ID_CHARS: usize = 256;

/// Ignored rules named one by one; one more entry speaks for the rest.
pub const NAMED: usize = 50;

/// Characters of a pattern shown in a reason.
pub const SHOWN_CHARS: usize = 80;

/// Bytes that one rule's automaton may grow to while matching; past it, it is built anew. Most stay under a
/// tenth.
pub(super) const DFA_BYTES: usize = 256 * 1024;

/// Levels of nesting that the `regex` crate takes: what [`PATTERN_DEPTH`] levels become, with room.
pub(super) const NESTING: u32 = 500;
