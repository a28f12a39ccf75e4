//! Skill rules: which of OrgX's patterns a piece of evidence matches, and which matches are worth a
//! deviation.
//!
//! What it promises:
//! - **A pattern means what it means in JavaScript** (`new RegExp(pattern)`, no flags, UTF-16 code units and
//!   all), or its rule is ignored and named. It never quietly means something else. `tests/skill_rules_js.rs`
//!   holds this against answers recorded from Node.
//! - **Nothing OrgX sends is fatal.** A rule that cannot be used is skipped and named in a sentence for
//!   people; the others work. Only an answer that is no rule list at all is an error, so that it is never
//!   taken for an empty list.
//! - **No rule stalls a run.** Rules without look-around and back-references run in time linear in the text.
//!   The others have a step limit; a rule that passes it is suspended for good, and named. All sizes are
//!   bounded by [`limits`].
//! - **One deviation per skill and fingerprint in a run**, in server order.
//!
//! Inside: [`parse`] reads the answer of plan-skills; `js` parses one pattern and `simplify` tidies it;
//! `translate` writes it for the `regex` crate, over text prepared by `text`, and `backtrack` runs what that
//! cannot say; `program` is one compiled rule; [`RuleSet`] is all of them, and `needle` and `index` tell it
//! which cannot match a text; [`RunMatcher`] remembers what a run has reported.

mod backtrack;
mod ignored;
mod index;
mod js;
pub mod limits;
mod needle;
mod program;
mod rule;
mod run;
mod set;
mod simplify;
mod text;
mod translate;

pub use ignored::IgnoredRule;
pub use rule::{EvidenceOn, ParseError, SkillRule, parse};
pub use run::{Match, RunMatcher};
pub use set::RuleSet;
pub use text::cut;
