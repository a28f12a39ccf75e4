use super::*;
use crate::redact::Redacted;
use crate::time::Millis;
use proptest::prelude::*;

fn waiting(why: Trouble) -> State {
    State::Waiting { why, until: Millis(1) }
}

fn agent(installed: bool, authenticated: bool, running: bool) -> Agent {
    Agent { installed, authenticated, running }
}

/// Everything in order, an agent running, nothing to do.
fn well() -> Facts {
    Facts { connection: Some(State::Open), agent: Some(agent(true, true, true)), ..Facts::default() }
}

fn shown(facts: &Facts) -> (Code, Severity) {
    let Health { code, severity, .. } = health(facts);
    (code, severity)
}

#[test]
fn every_single_fact_has_its_sentence() {
    let unreachable = Trouble::Unreachable(Redacted::new("no connection (x)"));
    let lost = Trouble::Lost { code: 1012, reason: Redacted::new("restarting") };
    let facts = [
        well(),
        Facts::default(),
        Facts { connection: Some(State::Connecting), ..well() },
        Facts { signed_out: true, ..well() },
        Facts { connection: Some(waiting(Trouble::KeyRejected)), ..well() },
        Facts { connection: Some(waiting(Trouble::KeyForbidden)), ..well() },
        Facts { connection: Some(waiting(Trouble::VersionUnsupported)), ..well() },
        Facts { connection: Some(waiting(Trouble::ClosedByOrgX)), ..well() },
        Facts { connection: Some(waiting(Trouble::WebPage)), ..well() },
        Facts { connection: Some(waiting(unreachable)), ..well() },
        Facts { connection: Some(waiting(Trouble::Refused(503))), ..well() },
        Facts { connection: Some(waiting(lost)), ..well() },
        Facts { connection: Some(waiting(Trouble::Silent)), ..well() },
        Facts { pause: PauseState::Paused, ..well() },
        Facts { pause: PauseState::Draining, ..well() },
        Facts { agent: Some(agent(false, false, false)), ..well() },
        Facts { agent: Some(agent(true, false, true)), ..well() },
        Facts { agent: Some(agent(true, true, false)), ..well() },
        Facts { license: License::Degraded, ..well() },
        Facts { license: License::Revoked, ..well() },
        Facts { disk: Disk::Full, ..well() },
        Facts { disk: Disk::Low, ..well() },
        Facts { journal: Works::No, ..well() },
        Facts { outbox: Works::No, ..well() },
        Facts { rules: Works::No, ..well() },
        Facts { running: 1, ..well() },
        Facts { running: 2, waiting: 3, ..well() },
        Facts { waiting: 1, ..well() },
    ];
    let lines = facts.iter().map(|facts| {
        let Health { severity, sentence, action, .. } = health(facts);
        let action = action.map(|action| format!("\n         > {}", action.words)).unwrap_or_default();
        let severity = format!("{severity:?}").to_lowercase();
        format!("{severity:8} {sentence}{action}")
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn of_several_facts_only_the_root_cause_is_shown() {
    use Code as C;
    use Severity as S;
    let rejected = || Some(waiting(Trouble::KeyRejected));
    for (facts, code, severity) in [
        // What follows from being signed out, offline or out of disk space is not told beside it.
        (Facts { signed_out: true, connection: rejected(), ..well() }, C::SignedOut, S::Error),
        (Facts { connection: rejected(), rules: Works::No, ..well() }, C::KeyRejected, S::Error),
        (
            Facts { connection: Some(waiting(Trouble::Silent)), rules: Works::No, ..well() },
            C::Reconnecting,
            S::Warning,
        ),
        (
            Facts { connection: Some(waiting(Trouble::Silent)), license: License::Revoked, ..well() },
            C::Reconnecting,
            S::Warning,
        ),
        (Facts { disk: Disk::Full, journal: Works::No, ..well() }, C::DiskFull, S::Error),
        (Facts { disk: Disk::Full, outbox: Works::No, ..well() }, C::DiskFull, S::Warning),
        (Facts { agent: Some(agent(false, false, false)), ..well() }, C::AgentMissing, S::Error),
        // Of two that have nothing to do with each other the worse is told.
        (
            Facts { outbox: Works::No, agent: Some(agent(false, true, true)), ..well() },
            C::AgentMissing,
            S::Error,
        ),
        (
            Facts { connection: rejected(), agent: Some(agent(false, true, true)), ..well() },
            C::KeyRejected,
            S::Error,
        ),
        (Facts { pause: PauseState::Paused, connection: rejected(), ..well() }, C::KeyRejected, S::Error),
        // What the person wants comes before what merely is.
        (Facts { pause: PauseState::Paused, running: 2, ..well() }, C::Paused, S::Info),
        (Facts { pause: PauseState::Paused, license: License::Degraded, ..well() }, C::Paused, S::Info),
        (Facts { pause: PauseState::Draining, running: 2, ..well() }, C::Draining, S::Info),
        (Facts { running: 1, license: License::Degraded, ..well() }, C::Running, S::Info),
        (Facts { running: 1, agent: Some(agent(true, true, false)), ..well() }, C::Running, S::Info),
        (Facts { outbox: Works::No, running: 1, ..well() }, C::OutboxBroken, S::Warning),
    ] {
        assert_eq!(shown(&facts), (code, severity), "{facts:?}");
    }
}

#[test]
fn what_depends_on_something_stands_behind_it() {
    let place = |code: Code| Code::ALL.iter().position(|other| *other == code);
    for code in Code::ALL {
        for other in code.depends_on() {
            // What is first in the table needs nothing that comes later, so there is no circle.
            assert!(
                place(*other) < place(*code) || other.depends_on().iter().all(|next| next != code),
                "{code:?} and {other:?} need each other"
            );
        }
    }
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let connection = prop_oneof![
        Just(None),
        Just(Some(State::Idle)),
        Just(Some(State::Connecting)),
        Just(Some(State::Open)),
        prop_oneof![
            Just(Trouble::KeyRejected),
            Just(Trouble::KeyForbidden),
            Just(Trouble::VersionUnsupported),
            Just(Trouble::ClosedByOrgX),
            Just(Trouble::WebPage),
            any::<u16>().prop_map(Trouble::Refused),
            ".{0,40}".prop_map(|why| Trouble::Unreachable(Redacted::new(&why))),
            ".{0,40}".prop_map(|why| Trouble::Lost { code: 1006, reason: Redacted::new(&why) }),
            Just(Trouble::Silent),
        ]
        .prop_map(|why| Some(waiting(why))),
    ];
    let pause = prop_oneof![Just(PauseState::Open), Just(PauseState::Draining), Just(PauseState::Paused)];
    let agents =
        proptest::option::of(any::<[bool; 3]>().prop_map(|[installed, authenticated, running]| Agent {
            installed,
            authenticated,
            running,
        }));
    let license = prop_oneof![Just(License::Fine), Just(License::Degraded), Just(License::Revoked)];
    let disk = prop_oneof![Just(Disk::Fine), Just(Disk::Low), Just(Disk::Full)];
    let works = || prop_oneof![Just(Works::Yes), Just(Works::No)];
    (
        (any::<bool>(), connection, pause, agents, license),
        (disk, works(), works(), works(), 0..9_usize, 0..9_usize),
    )
        .prop_map(|((signed_out, connection, pause, agent, license), rest)| {
            let (disk, journal, outbox, rules, running, waiting) = rest;
            Facts {
                signed_out,
                connection,
                pause,
                agent,
                license,
                disk,
                journal,
                outbox,
                rules,
                running,
                waiting,
            }
        })
}

proptest! {
    #[test]
    fn there_is_exactly_one_health_and_one_sentence_whatever_the_facts(facts in any_facts()) {
        let Health { code, severity, sentence, action } = health(&facts);
        prop_assert!(code.is_the_case(&facts));
        for words in std::iter::once(&sentence).chain(action.as_ref().map(|action| &action.words)) {
            prop_assert!(!words.is_empty() && words.chars().count() <= 90, "{words}");
            prop_assert!(words.starts_with(char::is_uppercase), "{words}");
            // One sentence: nothing ends in it, and nothing ends it.
            prop_assert!(!words.contains(". ") && !words.ends_with(['.', '!', '?', ':', ';']), "{words}");
            prop_assert!(!words.contains('\n'));
        }
        // What is wrong says what to do.
        prop_assert!(severity < Severity::Warning || action.is_some());
        // Nothing worse is kept back, unless it follows from something that is wrong, too.
        for other in Code::ALL.iter().filter(|other| other.is_the_case(&facts)) {
            if Words::of(*other, &facts).severity > severity {
                prop_assert!(other.depends_on().iter().any(|cause| cause.is_the_case(&facts)), "{other:?}");
            }
        }
        // Without a connection nothing reads as if there were one.
        let open = facts.connection == Some(State::Open);
        prop_assert!(open || !matches!(code, Code::Connected | Code::AgentOnDemand | Code::LicenseDegraded));
        // And what is shown follows from nothing.
        prop_assert!(!code.depends_on().iter().any(|cause| cause.is_the_case(&facts)));
    }
}
