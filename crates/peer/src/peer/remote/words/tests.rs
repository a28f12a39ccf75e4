use super::*;
use orgx_proto::agent::{Choice, Question};

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

fn permission(kind: &str, patterns: &[&str], command: Option<&str>, file: Option<&str>) -> Ask {
    Ask::Permission {
        permission: kind.into(),
        patterns: patterns.iter().map(ToString::to_string).collect(),
        command: command.map(Into::into),
        file: file.map(Into::into),
        added: None,
        removed: None,
    }
}

#[test]
fn a_permission_is_shown_with_what_it_is_for_masked() {
    let curl = "curl -H 'Authorization: Bearer abcdef' /home/ann/x /home/anna/y";
    let (question, context, kind, options, ask) = read(permission("bash", &[curl], Some(curl), None));
    assert_eq!(question, "May the agent run this command?");
    assert_eq!(context, "curl -H 'Authorization: Bearer [redacted]' ~/x /home/anna/y");
    assert_eq!((kind, ask.as_str()), ("permission", "per_1"));
    assert_eq!(options, ["allow_once", "allow_for_run", "deny"]);
    let mut edit = permission("edit", &["src/x.rs"], None, Some("src/x.rs"));
    if let Ask::Permission { added, removed, .. } = &mut edit {
        (*added, *removed) = (Some(3), Some(1));
    }
    let (question, context, ..) = read(edit);
    assert_eq!(question, "May the agent change this file?");
    assert_eq!(context, "src/x.rs\n3 lines added, 1 removed");
    let (question, context, ..) = read(permission("webfetch", &["https://me:hunter2@host/"], None, None));
    assert_eq!(question, "May the agent do this (webfetch)?");
    assert_eq!(context, "https://[redacted]@host/");
}

#[test]
fn what_is_asked_is_told_by_its_kind_with_every_pattern_that_a_yes_for_the_run_is_for() {
    for (ask, asks, about) in [
        (
            permission("external_directory", &["/home/ann/.ssh/*"], None, Some("/home/ann/.ssh/config")),
            "May the agent reach outside of its folder (external_directory)?",
            "~/.ssh/*\nFile: ~/.ssh/config",
        ),
        (
            permission("external_directory", &["/etc/*", "/srv/*"], Some("cp /etc/a /srv"), None),
            "May the agent reach outside of its folder (external_directory)?",
            "/etc/*\n/srv/*\nCommand: cp /etc/a /srv",
        ),
        (permission("read", &["a.env"], None, Some("a.env")), "May the agent do this (read)?", "a.env"),
        (
            permission("bash", &["make *"], Some("make test"), None),
            "May the agent run this command?",
            "make test\nPattern: make *",
        ),
        (permission("bash", &["ls"], None, None), "May the agent run this command?", "ls"),
        (
            permission("edit", &["src/*"], None, Some("src/x.rs")),
            "May the agent change this file?",
            "src/x.rs\nPattern: src/*",
        ),
    ] {
        let (question, context, _, options, _) = read(ask);
        assert_eq!((question.as_str(), context.as_str()), (asks, about));
        assert_eq!(options, ["allow_once", "allow_for_run", "deny"]);
    }
}

#[test]
fn what_is_not_seen_whole_can_only_be_denied_from_there() {
    let note =
        "It is longer than what can be shown here: it can be allowed on the computer that runs the task.";
    let long = format!("echo {} && rm -rf ~", "a".repeat(600));
    let folder = format!("/srv/{}", "b/".repeat(300));
    let many: Vec<String> = (0..16).map(|n| format!("/d{n}/*")).chain(["… and 4 more".into()]).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for what in [
        permission("bash", &[], Some(&long), None),
        permission("external_directory", &["/etc/*"], Some(&long), None),
        permission("edit", &[], None, Some(&long)),
        permission("webfetch", &[&long], None, None),
        permission("external_directory", &many, None, None),
        Ask::Folder { folder: folder.clone() },
        Ask::Dirty { folder, commit: None, changes: 1 },
    ] {
        let (_, context, _, options, _) = read(what);
        assert_eq!(options, ["deny"], "{context}");
        assert!(context.ends_with(note), "{context}");
    }
    // The command is seen whole; its pattern is the beginning of it.
    let command = "x".repeat(400);
    let pattern = format!("{}…", "x".repeat(299));
    let (_, context, _, options, _) = read(permission("bash", &[&pattern], Some(&command), None));
    assert_eq!((context, options.len()), (command, 3));
}

#[test]
fn a_budget_is_shown_with_what_is_used() {
    let budget = Ask::Budget { limit: BudgetLimit::Cents, day: false, most: 100, used: 104 };
    let (question, _, kind, options, _) = read(budget);
    assert_eq!(question, "104 of 100 US cents are used in this run. Go on with as much again?");
    assert_eq!((kind, options), ("budget", vec!["allow_once", "deny"]));
}

#[test]
fn each_day_and_each_time_as_much_again_is_another_question_of_a_budget() {
    let day = |start| Day { start, end: start + 1 };
    let more = |tokens| More { tokens, ..More::default() };
    let budget = |day, most| Ask::Budget { limit: BudgetLimit::Tokens, day, most, used: 500 };
    let name = |ask: &Ask, today, tokens| {
        let (_, _, detail) = shown(&attention(ask.clone()), None).expect("it is asked");
        detail + &round(ask, day(today), |_| more(tokens))
    };
    let of_day = budget(true, 100);
    assert_eq!(name(&of_day, 1, 0), name(&of_day, 1, 0));
    assert_ne!(name(&of_day, 1, 0), name(&of_day, 2, 0), "yesterday's yes is not today's");
    assert_ne!(name(&of_day, 1, 0), name(&of_day, 1, 1));
    let own = budget(false, 100);
    assert_eq!(name(&own, 1, 0), name(&own, 2, 0), "a task's own limit is for no day");
    // 100 once, and after a change of the configuration 50 with as much again.
    assert_ne!(name(&own, 1, 0), name(&own, 1, 1));
    assert_ne!(name(&own, 1, 0), name(&budget(false, 200), 1, 0));
    assert_ne!(name(&own, 1, 0), name(&of_day, 1, 0));
    assert_eq!(round(&Ask::Folder { folder: "/w".into() }, day(1), |_| more(1)), "");
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
