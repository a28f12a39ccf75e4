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
    for pattern in &patterns {
        assert_same_answer(pattern, text);
    }
    run(patterns.into_iter().enumerate().map(|(n, pattern)| rule(n, pattern)).collect(), text);
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

/// What a rule alone says, its set says, and a run says once.
fn run(rules: Vec<SkillRule>, text: &str) {
    let set = Arc::new(RuleSet::compile(rules.clone()));
    assert_named(set.ignored());
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
    }
    assert_named(&set.suspended());
}

fn assert_same_answer(pattern: &str, text: &str) {
    let Some(as_it_is) = answer(pattern, text) else { return };
    // The second branch never matches; to say so takes look-around, and it cannot be ruled out before.
    let Some(walked) = answer(&format!(r"(?:{pattern})|(?=\b\B)"), text) else { return };
    assert_eq!(as_it_is, walked, "the pattern {pattern:?}");
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
