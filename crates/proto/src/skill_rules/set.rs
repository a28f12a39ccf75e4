//! All rules of a workspace, compiled once and shared by its runs.
//!
//! Each rule is compiled by itself, under a limit that doubles from 4 KiB until it fits: the limit it fitted
//! is what it is charged against the budget of the set, so large rules cannot crowd out memory and no size is
//! guessed. Rules are taken in server order. To match, [`NeedleIndex`] names the few rules a text can match,
//! and each is asked.
//!
//! This was measured against one `RegexSet` for all: the set is faster on a text it has just seen, and slower
//! by two orders of magnitude on a new one (its automaton is then built from thousands of patterns at every
//! character).

use std::cell::Cell;
use std::collections::HashMap;
use std::iter::successors;

use super::ignored::{IgnoredList, IgnoredRule, shown};
use super::index::NeedleIndex;
use super::limits;
use super::program::{Plan, Program, Refusal};
use super::rule::{EvidenceOn, SkillRule};
use super::text::Text;

/// Compiled rules. Immutable but for rules that suspend themselves; share it in an `Arc`.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<SkillRule>,
    /// For each rule, its report: rules with the same skill and fingerprint share one, and are reported once
    /// in a run.
    reports: Vec<usize>,
    file_edit: Lane,
    tool_call: Lane,
    ignored: Vec<IgnoredRule>,
}

/// The rules for one kind of event, in server order.
#[derive(Debug, Default)]
struct Lane {
    programs: Vec<(usize, Program)>,
    index: NeedleIndex,
}

impl RuleSet {
    /// A set that matches nothing.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Compiles what can be compiled; the rest is [`ignored`](Self::ignored). Takes about 0.1 ms for a rule.
    pub fn compile(mut rules: Vec<SkillRule>) -> Self {
        let mut ignored = IgnoredList::default();
        let mut budget = Budget::default();
        let (mut file_edit, mut tool_call) = (LaneBuilder::default(), LaneBuilder::default());
        let surplus = rules.split_off(limits::RULES.min(rules.len()));
        for (position, rule) in rules.iter().enumerate() {
            let lane = match rule.on {
                EvidenceOn::FileEdit => &mut file_edit,
                EvidenceOn::ToolCall => &mut tool_call,
            };
            match Plan::new(&rule.pattern).and_then(|plan| Ok((budget.compile(&plan)?, plan.needles()))) {
                Ok((program, needles)) => {
                    lane.programs.push((position, program));
                    lane.needles.push(needles);
                }
                Err(refusal) => {
                    ignored.push(&rule.skill_id, position, || sentence(rule, "ignored", &refusal));
                }
            }
        }
        if let Some(first) = surplus.first() {
            ignored.push_many(&first.skill_id, rules.len(), surplus.len(), || {
                let (most, rest) = (limits::RULES, surplus.len());
                format!("Only the first {most} rules are used; {rest} more are ignored, from the pattern \"{}\" on.",
                    shown(&first.pattern))
            });
        }
        Self {
            reports: reports(&rules),
            file_edit: file_edit.finish(),
            tool_call: tool_call.finish(),
            ignored: ignored.finish(),
            rules,
        }
    }

    /// How many rules are compiled.
    pub fn len(&self) -> usize {
        self.file_edit.programs.len() + self.tool_call.programs.len()
    }

    /// Whether no rule is compiled.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rules that could not be compiled.
    pub fn ignored(&self) -> &[IgnoredRule] {
        &self.ignored
    }

    /// The rules that took too long once, and match nothing since. Grows while runs match.
    pub fn suspended(&self) -> Vec<IgnoredRule> {
        let mut positions: Vec<usize> = [&self.file_edit, &self.tool_call]
            .into_iter()
            .flat_map(|lane| &lane.programs)
            .filter_map(|(position, program)| program.is_suspended().then_some(*position))
            .collect();
        positions.sort_unstable();
        let mut list = IgnoredList::default();
        for position in positions {
            let rule = self.rule(position);
            list.push(&rule.skill_id, position, || {
                sentence(rule, "suspended", &"it takes too long to match")
            });
        }
        list.finish()
    }

    /// The positions, in server order, of the rules that match `text`, of which only the beginning counts
    /// ([`cut`](super::cut)).
    pub fn matches(&self, on: EvidenceOn, text: &str) -> Vec<usize> {
        self.matches_among(on, text, |_| true)
    }

    /// Like [`Self::matches`], for the rules whose position is `wanted`; the others cost nothing.
    pub(super) fn matches_among(
        &self,
        on: EvidenceOn,
        text: &str,
        wanted: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let lane = match on {
            EvidenceOn::FileEdit => &self.file_edit,
            EvidenceOn::ToolCall => &self.tool_call,
        };
        let text = Text::new(text);
        let steps = Cell::new(limits::STEPS_FOR_ALL);
        let candidates =
            lane.index.candidates(text.units()).into_iter().filter_map(|index| lane.programs.get(index));
        candidates
            .filter(|(position, program)| wanted(*position) && program.is_match(&text, &steps))
            .map(|(position, _)| *position)
            .collect()
    }

    /// The rule at a position.
    ///
    /// # Panics
    /// When `index` is not one that [`matches`](Self::matches) of this set answered.
    pub fn rule(&self, index: usize) -> &SkillRule {
        &self.rules[index]
    }

    /// The report that the rule at a position makes: a number below [`Self::report_count`].
    pub(super) fn report(&self, index: usize) -> usize {
        self.reports[index]
    }

    pub(super) fn report_count(&self) -> usize {
        self.reports.iter().max().map_or(0, |last| last + 1)
    }
}

/// What a rule's reports in a run are told apart by; the dedupe key without the run.
pub(super) fn report_name(rule: &SkillRule) -> String {
    format!("{}:{}", rule.skill_id, rule.dedupe_fingerprint)
}

fn reports(rules: &[SkillRule]) -> Vec<usize> {
    let mut numbers = HashMap::new();
    rules
        .iter()
        .map(|rule| {
            let next = numbers.len();
            *numbers.entry(report_name(rule)).or_insert(next)
        })
        .collect()
}

fn sentence(rule: &SkillRule, fate: &str, why: &dyn std::fmt::Display) -> String {
    format!("The rule with the pattern \"{}\" is {fate}: {why}.", shown(&rule.pattern))
}

#[derive(Default)]
struct LaneBuilder {
    programs: Vec<(usize, Program)>,
    needles: Vec<Option<Vec<String>>>,
}

impl LaneBuilder {
    fn finish(self) -> Lane {
        Lane { index: NeedleIndex::new(&self.needles), programs: self.programs }
    }
}

/// What compiling the rules of one set has cost so far.
#[derive(Default)]
struct Budget {
    charged: usize,
    oversize: usize,
}

impl Budget {
    fn compile(&mut self, plan: &Plan) -> Result<Program, Refusal> {
        let doubling = successors(Some(limits::LEAST_RULE_BYTES), |bytes| Some(bytes * 2));
        for bytes in doubling.take_while(|bytes| *bytes <= limits::RULE_BYTES) {
            if self.charged + bytes > limits::SET_BYTES {
                return Err(Refusal::SetFull);
            }
            if bytes > limits::SMALL_RULE_BYTES && self.oversize >= limits::OVERSIZE_TRIES {
                return Err(Refusal::Untried);
            }
            match plan.compile(bytes) {
                Err(Refusal::TooLarge) => {}
                Ok(program) => {
                    self.charged += bytes;
                    return Ok(program);
                }
                Err(other) => return Err(other),
            }
        }
        self.oversize += 1;
        Err(Refusal::TooLarge)
    }
}
