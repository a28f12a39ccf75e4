//! What holds whatever OrgX sends: bounded memory, bounded time, bounded lists, no panic.

use orgx_proto::skill_rules::{EvidenceOn, RuleSet, SkillRule, limits, parse};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn five_thousand_rules_compile_and_the_right_ones_match() {
    let rules = (0..limits::RULES + 7).map(|n| match n % 4 {
        0 => format!(r"\bkey_{n:04}\b"),
        1 => format!("(?:alpha|beta)[0-9]?_{n:04}$"),
        2 => format!(r"(?<!no)word{n:04}(?!\w)"),
        _ => format!(r"[a-z]+\s*=\s*{n:04}\b"),
    });
    let set = RuleSet::compile(rules.map(|pattern| rule(&pattern)).collect());
    assert_eq!(set.len(), limits::RULES);
    assert_eq!(
        set.ignored()[0].reason,
        "Only the first 5000 rules are used; 7 more are ignored, from the pattern \"\\bkey_5000\\b\" on."
    );
    for (text, expected) in [
        ("key_0000 word0002 a = 4999", vec![0, 2, 4999]),
        ("noword0002 word0006x key_00001", vec![]),
        ("z=0003 and key_2500 beta7_0005", vec![3, 5, 2500]),
        ("key_5000", vec![]),
    ] {
        assert_eq!(set.matches(EvidenceOn::FileEdit, text), expected, "{text}");
    }
}

#[test]
fn a_catastrophic_pattern_ends_is_suspended_and_named_and_the_others_go_on() {
    let line = format!("{}!", "a".repeat(40));
    let far = "y".repeat(limits::TEXT_BYTES);
    for (pattern, text) in [
        (r"^(?=(a+)+$)b?", line.as_str()),
        (r"^(?:(a+)+)+\1$", &line),
        (r"(a|a)*\1b$|!(?=b)", &line),
        (r"^(?=(?:a|aa)+$)", &line),
        (r"^((a*)*)*\2c|(?=!)(?!!)", &line),
        (r"(?<=b(?:a*)*)!", &line),
        (r"(?=.*x)y", &far),
        (r"(?:(?=.*x|)y)*z?(?!.|$)", &far),
        (r"(y+)+(?=x)", &far),
        (r"(\w*)*\1$(?!$)", &far),
    ] {
        let set = RuleSet::compile(vec![rule("harmless"), rule(pattern)]);
        assert_eq!(set.len(), 2, "{pattern}: {:?}", set.ignored());
        assert_eq!(set.matches(EvidenceOn::FileEdit, text), [0; 0], "{pattern}");
        let suspended = set.suspended();
        assert_eq!(suspended.len(), 1, "{pattern}");
        assert_eq!(suspended[0].index, 1);
        assert_eq!(
            suspended[0].reason,
            format!("The rule with the pattern \"{pattern}\" is suspended: it takes too long to match.")
        );
        assert_eq!(
            set.matches(EvidenceOn::FileEdit, "aab harmless yx b!"),
            [0],
            "suspended for good: {pattern}"
        );
    }
}

#[test]
fn many_catastrophic_patterns_take_no_longer_than_a_few() {
    let mut rules: Vec<_> =
        (0..2_000).map(|n| rule(&format!(r"(?=(?:a|a)*\1?b|){{1}}(a|a)*!\1$|{n}{n}{n}"))).collect();
    rules.push(rule("(?<!b)a!"));
    let set = RuleSet::compile(rules);
    let start = std::time::Instant::now();
    assert_eq!(set.matches(EvidenceOn::FileEdit, &format!("{}!", "a".repeat(60))), [2_000]);
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(set.suspended().len(), limits::NAMED + 1);
}

#[test]
fn what_would_be_catastrophic_in_javascript_is_harmless_without_look_around_and_back_references() {
    let text = format!("{}!", "a".repeat(limits::TEXT_BYTES - 1));
    let patterns = ["(a+)+$", "^(a|a)*$", "(?:a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"];
    let set = RuleSet::compile(patterns.into_iter().map(rule).collect());
    assert_eq!(set.len(), patterns.len());
    assert_eq!(set.matches(EvidenceOn::FileEdit, &text), [0; 0]);
    assert!(set.suspended().is_empty());
}

#[test]
fn a_rule_too_large_long_or_deep_is_ignored_and_named() {
    let long = format!("x{}", "a".repeat(limits::PATTERN_BYTES));
    let deep = format!("{}a{}", "(?:".repeat(60), ")".repeat(60));
    for (pattern, why) in [
        ("[^x]{5000}", "takes more than 1024 KiB when compiled"),
        ("(?:(?:a{1000}){1000}){1000}", "takes more than 1024 KiB when compiled"),
        ("(?:[^a]{9,99}(?=b)){999}", "takes more than 1024 KiB when compiled"),
        (long.as_str(), "longer than 4096 bytes"),
        (&deep, "nested more than 40 levels deep"),
    ] {
        let set = RuleSet::compile(vec![rule(pattern), rule("fine")]);
        assert_eq!(set.matches(EvidenceOn::FileEdit, "fine"), [1]);
        assert!(set.ignored()[0].reason.contains(why), "{}", set.ignored()[0].reason);
    }
    let deepest = format!("{}a{}", "(?=(?:b|c*?".repeat(20), "|d))+".repeat(20));
    assert_eq!(RuleSet::compile(vec![rule(&deepest)]).len(), 1);
}

#[test]
fn a_set_has_a_budget_and_what_does_not_fit_is_named() {
    let mut rules: Vec<_> = (0..70).map(|n| rule(&format!("[^x]{{800}}{n}"))).collect();
    rules.extend((0..40).map(|n| rule(&format!("[^x]{{2000}}{n}"))));
    rules.push(rule("small"));
    let set = RuleSet::compile(rules);
    assert_eq!(set.len(), 64, "each is charged a megabyte");
    assert!(set.ignored()[0].reason.contains("take all of the 64 MiB"), "{}", set.ignored()[0].reason);
    assert_eq!(set.ignored().len(), 70 + 40 + 1 - 64);
}

#[test]
fn large_rules_are_no_longer_tried_after_too_many_that_failed() {
    let mut rules: Vec<_> = (0..30).map(|n| rule(&format!("[^x]{{2000}}{n}"))).collect();
    rules.push(rule("[^x]{100}"));
    rules.push(rule("small"));
    let set = RuleSet::compile(rules);
    assert_eq!(set.matches(EvidenceOn::FileEdit, "small"), [31]);
    assert_eq!(set.len(), 1);
    assert!(set.ignored()[29].reason.contains("was not tried"), "{}", set.ignored()[29].reason);
}

#[test]
fn the_list_of_ignored_rules_is_bounded() {
    let set = RuleSet::compile((0..300).map(|_| rule("(")).collect());
    assert_eq!(set.ignored().len(), limits::NAMED + 1);
    assert_eq!(set.ignored()[limits::NAMED].index, limits::NAMED);
    assert_eq!(
        set.ignored()[limits::NAMED].reason,
        "250 more rules are ignored for reasons like those above."
    );
    let (rules, ignored) =
        parse(&json!({"skills": vec![json!({"id": "s", "rules": vec![json!(1); 40]}); 3]})).unwrap();
    assert_eq!((rules.len(), ignored.len()), (0, limits::NAMED + 1));
}

#[test]
fn a_set_is_shared_by_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<RuleSet>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_pattern_and_no_text_panics(pattern in ".{0,40}", text in ".{0,60}") {
        let set = RuleSet::compile(vec![rule(&pattern)]);
        set.matches(EvidenceOn::FileEdit, &text);
        prop_assert_eq!(set.len() + set.ignored().len(), 1);
    }

    #[test]
    fn no_pattern_that_looks_like_one_panics(
        pattern in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "b", ".", "*", "+", "?", "{2}", "{1,}", "(", ")", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?<n>", "|",
                "[", "]", "[^", "-", "\\", "\\1", "\\2", "\\k<n>", "\\b", "\\B", "^", "$", "\\w", "\\W", "\\uD83D", "😀", "\\c", "0",
            ]),
            0..30,
        ),
        text in "[ab😀 \n0]{0,30}",
    ) {
        let set = RuleSet::compile(vec![rule(&pattern.concat())]);
        set.matches(EvidenceOn::FileEdit, &text);
        prop_assert_eq!(set.len() + set.ignored().len(), 1);
        for ignored in set.ignored() {
            prop_assert!(ignored.reason.contains("not a valid JavaScript"), "{}", ignored.reason);
        }
    }

    #[test]
    fn an_escaped_text_matches_exactly_where_it_occurs(needle in "[ -~é😀\n]{1,12}", text in "[ -~é😀\n]{0,40}") {
        let escaped = needle.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
        let set = RuleSet::compile(vec![rule(&escaped), rule(&format!("(?={escaped})"))]);
        let inside = format!("{text}{needle}{text}");
        prop_assert_eq!(set.matches(EvidenceOn::FileEdit, &inside), vec![0, 1]);
        let expected = if text.contains(&needle) { vec![0, 1] } else { vec![] };
        prop_assert_eq!(set.matches(EvidenceOn::FileEdit, &text), expected);
    }
}

fn rule(pattern: &str) -> SkillRule {
    SkillRule {
        skill_id: "s".into(),
        pattern: pattern.into(),
        on: EvidenceOn::FileEdit,
        dedupe_fingerprint: pattern.into(),
        evidence_kind: "k".into(),
    }
}
