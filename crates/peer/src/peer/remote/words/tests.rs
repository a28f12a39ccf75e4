use super::super::super::snapshot::{Choice, Question};
use super::*;

fn attention(what: Ask) -> Attention {
    Attention { id: "r1@per_1".into(), run_id: "r1".into(), what, ..Attention::default() }
}

/// The question, what it is about, its kind, its options, and its name within the run.
fn read(what: Ask) -> (String, String, &'static str, Vec<&'static str>, String) {
    match shown(&attention(what), Some(Path::new("/home/ann"))) {
        Some((Form::Choose { question, context, kind, options }, ask, _)) => {
            (question, context, kind, options.iter().map(|offered| offered.id).collect(), ask)
        }
        other => panic!("a choice, not {other:?}"),
    }
}

#[test]
fn what_is_asked_before_a_start_is_shown_with_its_folder() {
    let (question, context, kind, options, ask) = read(Ask::Folder { folder: "/home/ann/w".into() });
    assert_eq!(question, "May this task work in a folder that is not among the allowed ones?");
    assert_eq!((context.as_str(), kind, ask.as_str()), ("~/w", "folder", "folder"));
    assert_eq!(options, ["allow_once", "deny"]);
    let (question, context, ..) = read(Ask::Dirty { folder: "/srv/w".into(), commit: None, changes: 3 });
    assert_eq!(question, "May this task work in a folder with changes that are not committed (3 files)?");
    assert_eq!(context, "/srv/w");
}

#[test]
fn a_permission_is_shown_with_what_it_is_for_masked() {
    let bash = Ask::Permission {
        permission: "bash".into(),
        patterns: vec!["curl *".into()],
        command: Some("curl -H 'Authorization: Bearer abcdef' /home/ann/x /home/anna/y".into()),
        file: None,
        added: None,
        removed: None,
    };
    let (question, context, kind, options, ask) = read(bash);
    assert_eq!(question, "May the agent run this command?");
    assert_eq!(context, "curl -H 'Authorization: Bearer [redacted]' ~/x /home/anna/y");
    assert_eq!((kind, ask.as_str()), ("permission", "per_1"));
    assert_eq!(options, ["allow_once", "allow_for_run", "deny"]);
    let edit = Ask::Permission {
        permission: "edit".into(),
        patterns: vec!["src/x.rs".into()],
        command: None,
        file: Some("src/x.rs".into()),
        added: Some(3),
        removed: Some(1),
    };
    let (question, context, ..) = read(edit);
    assert_eq!(question, "May the agent change this file?");
    assert_eq!(context, "src/x.rs\n3 lines added, 1 removed");
    let fetch = Ask::Permission {
        permission: "webfetch".into(),
        patterns: vec!["https://me:hunter2@host/".into()],
        command: None,
        file: None,
        added: None,
        removed: None,
    };
    let (question, context, ..) = read(fetch);
    assert_eq!(question, "May the agent do this (webfetch)?");
    assert_eq!(context, "https://[redacted]@host/");
}

#[test]
fn a_budget_is_shown_with_what_is_used() {
    let budget = Ask::Budget { limit: BudgetLimit::Cents, day: false, most: 100, used: 104 };
    let (question, _, kind, options, _) = read(budget);
    assert_eq!(question, "104 of 100 US cents are used in this run. Go on with as much again?");
    assert_eq!((kind, options), ("budget", vec!["allow_once", "deny"]));
}

#[test]
fn an_agents_own_questions_go_as_they_are_and_what_is_not_known_stays() {
    let question = Question {
        text: "Which?".into(),
        header: "Pick".into(),
        choices: vec![Choice { label: "Red".into(), description: "warm".into() }],
        multiple: true,
        free: false,
    };
    let asked = shown(&attention(Ask::Questions { questions: vec![question] }), None);
    let Some((Form::Questions(questions), ask, _)) = asked else { panic!("questions") };
    assert_eq!((questions[0].choices[0].label.as_str(), questions[0].multiple), ("Red", true));
    assert_eq!(ask, "per_1");
    assert!(shown(&attention(Ask::Unknown), None).is_none());
}

#[test]
fn a_key_is_the_same_for_the_same_question_only_and_fits_a_header() {
    let one = key(&["r1", "5", "folder", "/w"]);
    assert_eq!(one, key(&["r1", "5", "folder", "/w"]));
    assert_eq!(one.len(), "orgx-peer:".len() + 32);
    for other in [["r1", "6", "folder", "/w"], ["r15", "", "folder", "/w"], ["r1", "5", "folder", "/v"]] {
        assert_ne!(one, key(&other));
    }
}
