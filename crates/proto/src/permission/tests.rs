use super::*;
use RuleAction::{Allow, Ask, Deny};
use proptest::prelude::*;

fn rules(given: &[(&str, &str, RuleAction)]) -> Vec<PermissionRule> {
    let rule = |(permission, pattern, action): &(&str, &str, RuleAction)| PermissionRule {
        permission: (*permission).to_owned(),
        pattern: (*pattern).to_owned(),
        action: *action,
    };
    given.iter().map(rule).collect()
}

/// As OpenCode would decide for the run's own session.
fn after(person: &[PermissionRule], session: &[PermissionRule], kind: &str, what: &str) -> RuleAction {
    decide(&[person, session].concat(), kind, what).unwrap_or(Ask)
}

#[test]
fn a_dispatch_gets_no_more_than_the_person_gives() {
    let person =
        rules(&[("*", "*", Allow), ("bash", "*", Ask), ("bash", "git *", Allow), ("bash", "rm *", Deny)]);
    for (wanted, session) in [
        (rules(&[("bash", "*", Allow)]), vec![]),
        (rules(&[("*", "*", Allow)]), vec![]),
        (rules(&[("edit", "*", Deny)]), rules(&[("edit", "*", Deny)])),
        (rules(&[("webfetch", "*", Ask)]), rules(&[("webfetch", "*", Deny), ("webfetch", "*", Ask)])),
        (
            rules(&[("bash", "*", Ask)]),
            rules(&[("bash", "*", Deny), ("bash", "*", Ask), ("bash", "git *", Ask), ("bash", "rm *", Deny)]),
        ),
        (
            rules(&[("bash", "*", Deny), ("bash", "git push *", Allow)]),
            rules(&[("bash", "*", Deny), ("bash", "git push *", Allow)]),
        ),
        (
            rules(&[("bash", "*", Deny), ("bash", "rm *", Allow)]),
            rules(&[("bash", "*", Deny), ("bash", "rm *", Deny)]),
        ),
    ] {
        let narrowed = narrow(&person, &wanted);
        let decided = |rules: &[PermissionRule], kind: &str, what: &str| after(&person, rules, kind, what);
        for (kind, what) in
            [("bash", "ls"), ("bash", "git push x"), ("bash", "rm x"), ("edit", "a"), ("webfetch", "u")]
        {
            let expected = decided(&session, kind, what);
            assert_eq!(decided(&narrowed, kind, what), expected, "{wanted:?}: {kind} {what}: {narrowed:?}");
        }
    }
}

#[test]
fn where_patterns_cross_the_stricter_rule_holds() {
    let person = rules(&[("*", "*", Allow), ("bash", "* --force", Deny)]);
    let narrowed = narrow(&person, &rules(&[("bash", "git *", Ask)]));
    for (what, action) in
        [("git push --force", Deny), ("git status", Deny), ("ls", Allow), ("rm --force", Deny)]
    {
        assert_eq!(after(&person, &narrowed, "bash", what), action, "{what}");
    }
}

#[test]
fn without_the_persons_rules_what_the_dispatch_asks_about_is_denied() {
    let wanted = rules(&[("bash", "*", Ask), ("edit", "*", Deny), ("webfetch", "*", Allow)]);
    assert_eq!(denials(&wanted), rules(&[("bash", "*", Deny), ("edit", "*", Deny)]));
}

#[test]
fn of_what_is_outside_of_the_folder_a_session_is_only_given_denials() {
    let outside = "external_directory";
    let person = rules(&[("*", "*", Allow), (outside, "*", Ask), (outside, "/tmp/*", Allow)]);
    for (wanted, expected) in [
        // What holds by another rule need not be said.
        (rules(&[("*", "*", Ask)]), rules(&[("*", "*", Deny), ("*", "*", Ask)])),
        (rules(&[(outside, "*", Allow)]), vec![]),
    ] {
        assert_eq!(narrow(&person, &wanted), expected, "{wanted:?}");
    }
    for wanted in [
        rules(&[(outside, "*", Ask)]),
        rules(&[(outside, "*", Deny), (outside, "/tmp/*", Allow)]),
        rules(&[("*", "*", Deny), ("*", "*", Allow)]),
    ] {
        let narrowed = narrow(&person, &wanted);
        assert_eq!(after(&[], &inherited(&narrowed), outside, "/etc/x"), Deny, "{wanted:?}: {narrowed:?}");
        assert!(
            narrowed.iter().all(|rule| rule.permission != outside || rule.action == Deny),
            "{narrowed:?}"
        );
    }
}

/// What OpenCode hands on to a subagent, to be put after its own rules.
fn inherited(session: &[PermissionRule]) -> Vec<PermissionRule> {
    let handed_on = |rule: &&PermissionRule| rule.permission == "external_directory" || rule.action == Deny;
    session.iter().filter(handed_on).cloned().collect()
}

#[test]
fn too_many_rules_become_plain_denials() {
    let person: Vec<PermissionRule> =
        (0..limits::SESSION_RULES).flat_map(|n| rules(&[("bash", &format!("c{n} *"), Allow)])).collect();
    let wanted = rules(&[("bash", "*", Ask), ("edit", "*", Allow)]);
    assert_eq!(narrow(&person, &wanted), rules(&[("bash", "*", Deny)]));
}

fn rule() -> impl Strategy<Value = PermissionRule> {
    let kind = prop_oneof![
        Just("bash"),
        Just("edit"),
        Just("*"),
        Just("b*"),
        Just("?ash"),
        Just("e*t"),
        Just("e*"),
        Just("external_directory"),
    ];
    let pattern = prop_oneof![
        4 => "[ab*? ]{0,4}",
        1 => Just("*".to_owned()),
        1 => "(a|b|a b) \\*",
    ];
    let action = prop_oneof![Just(Allow), Just(Ask), Just(Deny)];
    (kind, pattern, action).prop_map(|(kind, pattern, action)| PermissionRule {
        permission: kind.to_owned(),
        pattern,
        action,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_is_wider_than_the_persons_rules_or_the_dispatchs(
        person in prop::collection::vec(rule(), 0..8),
        wanted in prop::collection::vec(rule(), 0..6),
        subagent in prop::collection::vec(rule(), 0..4),
        probes in prop::collection::vec((prop_oneof![Just("bash"), Just("edit"), Just("bat"), Just("external_directory")], "[ab ]{0,5}"), 1..12),
    ) {
        let narrowed = narrow(&person, &wanted);
        let handed_on = inherited(&narrowed);
        prop_assert_eq!(&handed_on, &of_subagents(&narrowed), "they get no more than denials");
        for (kind, what) in &probes {
            let alone = decide(&person, kind, what).unwrap_or(Ask);
            let dispatch = decide(&wanted, kind, what);
            let both = after(&person, &narrowed, kind, what);
            prop_assert!(both >= alone, "{kind} {what:?}: {both:?} is wider than the person's {alone:?}: {narrowed:?}");
            prop_assert!(both >= dispatch.unwrap_or(Allow), "{kind} {what:?}: {both:?} is wider than {dispatch:?}: {narrowed:?}");
            let own = decide(&subagent, kind, what).unwrap_or(Ask);
            let child = after(&subagent, &handed_on, kind, what);
            prop_assert!(child >= own && child >= dispatch.unwrap_or(Allow));
            if dispatch.is_none() {
                prop_assert_eq!(both, alone, "the dispatch says nothing of it");
            }
            let without = after(&person, &denials(&wanted), kind, what);
            prop_assert!(without >= alone && without >= dispatch.unwrap_or(Allow));
        }
    }

    #[test]
    fn an_intersection_is_exact_where_patterns_do_not_cross(
        person in prop::collection::vec((prop_oneof![Just("a *"), Just("a b *"), Just("*"), Just("b")], any::<u8>()), 0..6),
        wanted in prop::collection::vec((prop_oneof![Just("a *"), Just("a b *"), Just("*")], any::<u8>()), 0..6),
        what in "[ab ]{0,5}",
    ) {
        let action = |n: u8| [Allow, Ask, Deny][usize::from(n) % 3];
        let of = |given: &[(&str, u8)]| -> Vec<PermissionRule> {
            given.iter().flat_map(|(pattern, n)| rules(&[("bash", pattern, action(*n))])).collect()
        };
        let (person, wanted) = (of(&person), of(&wanted));
        let alone = decide(&person, "bash", &what).unwrap_or(Ask);
        let stricter = alone.max(decide(&wanted, "bash", &what).unwrap_or(Allow));
        prop_assert_eq!(after(&person, &narrow(&person, &wanted), "bash", &what), stricter);
    }
}
