//! Skill rules as a run meets them: what is read, what matches, what is reported once, what is ignored and
//! why.

use std::sync::Arc;

use orgx_proto::skill_rules::{
    EvidenceOn, IgnoredRule, Match, ParseError, RuleSet, RunMatcher, SkillRule, limits, parse,
};
use serde_json::{Value, json};

#[test]
fn an_answer_of_plan_skills_is_read_in_server_order() {
    let (rules, ignored) = parse(&json!({"version": 7, "skills": [
        {"id": "retry-rules", "name": "Retries", "rules": [
            {"pattern": "max_?attempts", "on": "file_edit", "dedupe_fingerprint": "rb-1", "evidence_kind": "budget_shift", "weight": 2},
            {"pattern": "sleep", "on": "tool_call", "dedupe_fingerprint": "rb-2", "evidence_kind": "wait"}]},
        {"id": "none"}, {"id": "null", "rules": null},
        {"id": "b", "rules": [{"pattern": "", "on": "file_edit", "dedupe_fingerprint": "", "evidence_kind": ""}]}]}))
    .unwrap();
    assert_eq!(ignored, []);
    let read: Vec<_> = rules.iter().map(|r| (r.skill_id.as_str(), r.pattern.as_str(), r.on)).collect();
    assert_eq!(
        read,
        [
            ("retry-rules", "max_?attempts", EvidenceOn::FileEdit),
            ("retry-rules", "sleep", EvidenceOn::ToolCall),
            ("b", "", EvidenceOn::FileEdit),
        ]
    );
    assert_eq!(rules[0].dedupe_fingerprint, "rb-1");
    assert_eq!(rules[0].evidence_kind, "budget_shift");
}

#[test]
fn what_is_no_rule_list_is_an_error_and_an_empty_list_is_not() {
    assert_eq!(parse(&json!({"skills": []})), Ok((vec![], vec![])));
    for body in [json!([]), json!(null), json!("skills"), json!(3)] {
        assert_eq!(parse(&body), Err(ParseError::NotAnObject), "{body}");
    }
    for body in [json!({}), json!({"error": "no"}), json!({"skills": null}), json!({"skills": {}})] {
        assert_eq!(parse(&body), Err(ParseError::NoSkills), "{body}");
    }
}

#[test]
fn what_cannot_be_used_is_skipped_and_named_with_its_place_in_the_answer() {
    let good = json!({"pattern": "x", "on": "file_edit", "dedupe_fingerprint": "f", "evidence_kind": "k"});
    let with = |field: &str, value: Value| {
        let mut rule = good.clone();
        rule[field] = value;
        rule
    };
    let without = |field: &str| {
        let mut rule = good.clone();
        rule.as_object_mut().unwrap().remove(field);
        rule
    };
    let long = "x".repeat(limits::ID_CHARS + 1);
    let (rules, ignored) = parse(&json!({"skills": [
        7,
        {"id": "s", "rules": [good, 1, without("pattern"), with("pattern", json!(["a"])), with("on", json!("chat\u{7}")),
            without("on"), without("dedupe_fingerprint"), with("evidence_kind", json!(null)),
            with("dedupe_fingerprint", json!(long)), good]},
        {"id": "t", "rules": "all"},
        {"rules": [good, good]},
        {"id": 4, "rules": []},
        {"id": long, "rules": [good]},
        {"id": "u", "rules": [good]}]}))
    .unwrap();
    assert_eq!(rules.iter().map(|rule| rule.skill_id.as_str()).collect::<Vec<_>>(), ["s", "s", "u"]);
    let named: Vec<_> = ignored.iter().map(|one| (one.index, one.reason.as_str())).collect();
    assert_eq!(
        named,
        [
            (0, "Skill 1 of the list is not a JSON object."),
            (1, "The rule with the pattern \"\" is ignored: it is not a JSON object."),
            (2, "The rule with the pattern \"\" is ignored: it has no pattern."),
            (3, "The rule with the pattern \"\" is ignored: its pattern is not a string."),
            (4, "The rule with the pattern \"x\" is ignored: \"chat\" is no event that rules can look at."),
            (5, "The rule with the pattern \"x\" is ignored: it has no on."),
            (6, "The rule with the pattern \"x\" is ignored: it has no dedupe_fingerprint."),
            (7, "The rule with the pattern \"x\" is ignored: its evidence_kind is not a string."),
            (
                8,
                "The rule with the pattern \"x\" is ignored: it has a dedupe_fingerprint of more than 256 characters."
            ),
            (10, "The rules of skill \"t\" are not a list."),
            (10, "The 2 rules of skill 4 in the list have no skill id."),
            (12, "The 1 rules of skill 6 in the list have a skill id of more than 256 characters."),
        ]
    );
}

#[test]
fn rules_match_their_own_kind_of_event_and_come_in_server_order() {
    let set = RuleSet::compile(vec![
        rule("a", "retry", EvidenceOn::FileEdit, "1"),
        rule("b", "(?<!no-)retry", EvidenceOn::FileEdit, "2"),
        rule("c", "retry", EvidenceOn::ToolCall, "3"),
        rule("d", "r", EvidenceOn::FileEdit, "4"),
        rule("e", "other", EvidenceOn::FileEdit, "5"),
    ]);
    assert_eq!(set.len(), 5);
    assert_eq!(set.matches(EvidenceOn::FileEdit, "src/retry.rs"), [0, 1, 3]);
    assert_eq!(set.matches(EvidenceOn::FileEdit, "src/no-retry.rs"), [0, 3]);
    assert_eq!(set.matches(EvidenceOn::ToolCall, "bash retry"), [2]);
    assert_eq!(set.rule(2).skill_id, "c");
    assert!(RuleSet::empty().is_empty());
    assert!(RuleSet::empty().matches(EvidenceOn::ToolCall, "anything").is_empty());
}

#[test]
fn a_skill_reports_a_fingerprint_once_in_a_run() {
    let set = Arc::new(RuleSet::compile(vec![
        rule("s", "alpha", EvidenceOn::FileEdit, "same"),
        rule("s", "beta", EvidenceOn::ToolCall, "same"),
        rule("s", "alpha", EvidenceOn::FileEdit, "own"),
        rule("t", "alpha", EvidenceOn::FileEdit, "same"),
    ]));
    let mut run = RunMatcher::new(Arc::clone(&set), "run-9");
    let keys = |found: Vec<Match>| found.into_iter().map(|found| found.dedupe_key).collect::<Vec<_>>();
    assert_eq!(keys(run.observe(EvidenceOn::FileEdit, "gamma")), [""; 0]);
    assert_eq!(
        keys(run.observe(EvidenceOn::FileEdit, "alpha")),
        ["s:same:run-9", "s:own:run-9", "t:same:run-9"]
    );
    assert_eq!(keys(run.observe(EvidenceOn::FileEdit, "alpha")), [""; 0]);
    assert_eq!(keys(run.observe(EvidenceOn::ToolCall, "beta")), [""; 0], "the same skill and fingerprint");
    let mut other = RunMatcher::new(set, "run-10");
    assert_eq!(
        other.observe(EvidenceOn::ToolCall, "beta"),
        [Match {
            skill_id: "s".into(),
            evidence_kind: "kind".into(),
            dedupe_key: "s:same:run-10".into(),
            rule: 1
        }]
    );
}

#[test]
fn an_invalid_pattern_is_ignored_and_named_and_the_others_work() {
    let hostile = format!("(\u{1b}[31m\n\u{202e}{}", "x".repeat(500));
    let set = RuleSet::compile(vec![
        rule("a", "a**", EvidenceOn::FileEdit, "1"),
        rule("b", "fine", EvidenceOn::FileEdit, "2"),
        rule("c", &hostile, EvidenceOn::FileEdit, "3"),
    ]);
    assert_eq!(set.len(), 1);
    assert_eq!(set.matches(EvidenceOn::FileEdit, "fine"), [1]);
    let reason = "The rule with the pattern \"a**\" is ignored: it is not a valid JavaScript regular expression \
                  (nothing to repeat).";
    assert_eq!(set.ignored()[0], IgnoredRule { skill_id: "a".into(), index: 0, reason: reason.into() });
    let shown = &set.ignored()[1].reason;
    assert!(shown.contains("\"([31mxxx") && !shown.contains(char::is_control) && !shown.contains('\u{202e}'));
    assert!(shown.contains("x…\"") && shown.chars().filter(|c| *c == 'x').count() < limits::SHOWN_CHARS);
}

#[test]
fn only_the_beginning_of_a_long_text_counts() {
    let set = RuleSet::compile(vec![rule("a", "needle", EvidenceOn::FileEdit, "1")]);
    let at = |bytes: usize| format!("{}needle", "x".repeat(bytes));
    assert_eq!(set.matches(EvidenceOn::FileEdit, &at(limits::TEXT_BYTES - 6)), [0]);
    assert_eq!(set.matches(EvidenceOn::FileEdit, &at(limits::TEXT_BYTES - 5)), [0; 0]);
}

#[test]
fn text_is_seen_as_utf_16_units_as_in_javascript() {
    for (pattern, text, expected) in [
        ("^..$", "😀", true),
        ("^.$", "😀", false),
        (r"\uD83D", "😀", true),
        (r"\uD83D", "\u{F003D}", false),
        (r"(?=\uD83D).\uDE00$", "😀", true),
        ("\u{F003D}", "😀", false),
        ("^\u{F003D}$", "\u{F003D}", true),
        (r"(.)\1", "😀😀", false),
    ] {
        let set = RuleSet::compile(vec![rule("a", pattern, EvidenceOn::FileEdit, "1")]);
        assert_eq!(!set.matches(EvidenceOn::FileEdit, text).is_empty(), expected, "{pattern} on {text}");
    }
}

fn rule(skill: &str, pattern: &str, on: EvidenceOn, fingerprint: &str) -> SkillRule {
    SkillRule {
        skill_id: skill.into(),
        pattern: pattern.into(),
        on,
        dedupe_fingerprint: fingerprint.into(),
        evidence_kind: "kind".into(),
    }
}
