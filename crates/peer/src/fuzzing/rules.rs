//! Skill rules against texts. A pattern is compiled once as it is, where the `regex` crate, an index of what it cannot do
//! without and a backtracking matcher share the work, and once so that the backtracking matcher has it all: both must
//! answer the same.

use super::frames::assert_plain;
use orgx_proto::skill_rules::{self, EvidenceOn, IgnoredRule, RuleSet, RunMatcher, SkillRule};
use std::sync::Arc;

/// An answer of plan-skills, or some patterns, one a line, an empty line and a text.
pub(super) fn play(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    if let Ok(body) = serde_json::from_str(input) {
        if let Ok((rules, ignored)) = skill_rules::parse(&body) {
            assert_named(&ignored);
            run(rules, input);
        }
        return;
    }
    let (patterns, text) = input.split_once("\n\n").unwrap_or((input, ""));
    let patterns: Vec<&str> = patterns.lines().take(4).collect();
    let alone: Vec<Option<bool>> = patterns.iter().map(|pattern| checked_answer(pattern, text)).collect();
    let rules: Vec<SkillRule> = patterns.iter().enumerate().map(|(n, pattern)| rule(n, pattern)).collect();
    let Some(reported) = run(rules.clone(), text) else { return };
    for (rule, alone) in rules.iter().zip(&alone) {
        let is_reported = reported.iter().any(|at| is_same_report(&rules[*at], rule));
        assert!(*alone != Some(true) || is_reported, "not reported: {rule:?}");
    }
    assert!(reported.iter().all(|at| alone[*at] != Some(false)), "reported, and matches nothing");
}

fn is_same_report(a: &SkillRule, b: &SkillRule) -> bool {
    (a.on, &a.dedupe_fingerprint) == (b.on, &b.dedupe_fingerprint)
}

fn rule(n: usize, pattern: &str) -> SkillRule {
    SkillRule {
        skill_id: "skill".into(),
        pattern: pattern.into(),
        on: if n % 3 == 2 { EvidenceOn::ToolCall } else { EvidenceOn::FileEdit },
        dedupe_fingerprint: format!("print-{}", n % 2),
        evidence_kind: "kind".into(),
    }
}

/// The rules that a run reports, each finding once; `None` when one of them took too long.
fn run(rules: Vec<SkillRule>, text: &str) -> Option<Vec<usize>> {
    let set = Arc::new(RuleSet::compile(rules));
    assert_named(set.ignored());
    let mut reported = Vec::new();
    for on in [EvidenceOn::FileEdit, EvidenceOn::ToolCall] {
        let mut run = RunMatcher::new(Arc::clone(&set), "run_1");
        let first = run.observe(on, text);
        let mut keys: Vec<&str> = first.iter().map(|found| found.dedupe_key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), first.len(), "the same deviation twice");
        assert!(
            first.iter().all(|found| set.rule(found.rule).on == on && found.dedupe_key.ends_with(":run_1"))
        );
        assert_eq!(run.observe(on, text), [], "a deviation a second time");
        reported.extend(first.iter().map(|found| found.rule));
    }
    assert_named(&set.suspended());
    set.suspended().is_empty().then_some(reported)
}

/// What [`answer`] says, once both ways say the same.
fn checked_answer(pattern: &str, text: &str) -> Option<bool> {
    let as_it_is = answer(pattern, text)?;
    // The second branch never matches; to say so takes look-around, and it cannot be ruled out before.
    if let Some(walked) = answer(&format!(r"(?:{pattern})|(?=\b\B)"), text) {
        assert_eq!(as_it_is, walked, "the pattern {pattern:?}");
    }
    Some(as_it_is)
}

/// Does it match? `None` when it is no pattern that can be used, or takes too long.
fn answer(pattern: &str, text: &str) -> Option<bool> {
    let set = RuleSet::compile(vec![rule(0, pattern)]);
    if set.is_empty() {
        return None;
    }
    let found = set.matches(EvidenceOn::FileEdit, text);
    set.suspended().is_empty().then_some(!found.is_empty())
}

fn assert_named(ignored: &[IgnoredRule]) {
    assert!(ignored.len() <= skill_rules::limits::NAMED + 1);
    for rule in ignored {
        assert_plain(&rule.reason, 400);
        assert!(rule.skill_id.chars().count() <= skill_rules::limits::ID_CHARS);
    }
}
