use super::*;
use serde_json::json;

fn read(ask: &Value) -> Permission {
    match permission(ask).expect("a permission").what {
        Asked::Permission(permission) => permission,
        Asked::Questions(_) => panic!("a permission"),
    }
}

#[test]
fn a_command_is_shown_whole_on_one_line_and_without_its_secrets() {
    let ask = json!({
        "id": "per_1", "sessionID": "ses_1", "permission": "bash", "patterns": ["echo a", "rm -rf b"],
        "metadata": { "command": "echo a\nrm -rf b\u{202e} && curl -H 'Authorization: Bearer abcdefgh' x" },
        "always": ["echo *"],
    });
    let it = read(&ask);
    assert_eq!(it.kind, "bash");
    assert_eq!(it.patterns, ["echo a", "rm -rf b"]);
    let command = it.command.expect("a command");
    assert_eq!(command.as_str(), "echo a ⏎ rm -rf b && curl -H 'Authorization: Bearer [redacted]' x");
}

#[test]
fn an_edit_names_its_file_and_how_much_it_changes() {
    let diff = "Index: /w/a.txt\n===\n--- /w/a.txt\n+++ /w/a.txt\n@@ -1,3 +1,4 @@\n same\n--- dashes\n\
                +++ pluses\n+one more\n last\n@@ -9 +10 @@\n-old\n+new\n\\ No newline at end of file\n";
    let ask = json!({ "id": "per_1", "permission": "edit", "patterns": ["a.txt"],
        "metadata": { "filepath": "/w/a.txt", "diff": diff } });
    assert_eq!(read(&ask).lines, Some((3, 2)));
    assert_eq!(permission(&ask).and_then(|it| it.file).as_deref(), Some("/w/a.txt"));
    assert_eq!(lines("not a diff\n+x\n@@ nonsense @@\n+y"), (0, 0));
    assert_eq!(lines("@@ -0,0 +1,2 @@\n+a\n+b\n+c"), (2, 0), "no more than the hunk has");
}

#[test]
fn what_is_cut_of_a_permission_is_never_taken_for_something_else_that_begins_like_it() {
    let long = "x".repeat(limits::ASK_PATTERN_KEPT);
    let ask = |patterns: Vec<String>, command: String| {
        read(
            &json!({ "id": "p", "permission": "bash", "patterns": patterns, "metadata": { "command": command } }),
        )
    };
    let pairs = [
        (ask(vec![format!("{long}a")], String::new()), ask(vec![format!("{long}b")], String::new())),
        (
            ask(vec!["a".into(); limits::ASK_PATTERNS_KEPT + 1], String::new()),
            ask(vec!["a".into(); limits::ASK_PATTERNS_KEPT + 2], String::new()),
        ),
        (
            ask(vec!["a".into()], format!("{}a", "y".repeat(limits::ASK_COMMAND_CHARS))),
            ask(vec!["a".into()], format!("{}b", "y".repeat(limits::ASK_COMMAND_CHARS))),
        ),
    ];
    for (one, other) in pairs {
        assert_ne!(one.patterns, other.patterns);
        assert!(one.patterns.len() <= limits::ASK_PATTERNS_KEPT + 1);
        assert!(one.patterns.iter().all(|pattern| pattern.chars().count() <= limits::ASK_PATTERN_KEPT));
    }
    let whole = vec![long.clone(); 2];
    assert_eq!(ask(whole.clone(), String::new()).patterns, whole);
}

#[test]
fn questions_have_their_choices_and_the_agent_gets_its_own_labels_back() {
    let ask = json!({ "id": "que_1", "sessionID": "ses_1", "questions": [
        { "question": "Which key?", "header": "Key", "custom": false,
          "options": [{ "label": "token=abcdef", "description": "the first" }, { "label": "none", "description": "" }] },
        { "question": "And\nwhy?", "header": "Why", "options": [], "multiple": true },
        {},
    ] });
    let it = questions(&ask).expect("questions");
    let Asked::Questions(all) = &it.what else { panic!("questions") };
    assert_eq!(all[0].choices[0].label, "token=[redacted]");
    assert_eq!((all[0].multiple, all[0].free), (false, false));
    assert_eq!((all[1].text.as_str(), all[1].multiple, all[1].free), ("And ⏎ why?", true, true));
    assert!(all[2].free, "nothing to choose from");
    let said = |words: &str| vec![words.to_owned()];
    let answers = Reply::Answers(vec![said("token=[redacted]"), said("because"), said("x")]);
    assert_eq!(it.form.answers(&answers), [said("token=abcdef"), said("because"), said("x")]);
    assert_eq!(it.form.answers(&Reply::No("later".into())), [said("later"), said("later"), said("later")]);
}

#[test]
fn no_more_is_kept_of_questions_than_may_be_asked_and_one() {
    let options = vec![json!({ "label": "x".repeat(5_000), "description": "y".repeat(5_000) }); 100];
    let ask = json!({ "id": "q", "questions": vec![json!({ "question": "z".repeat(5_000), "options": options }); 100] });
    let it = questions(&ask).expect("questions");
    let Asked::Questions(all) = &it.what else { panic!("questions") };
    assert_eq!((all.len(), all[0].choices.len()), (ASKED_QUESTIONS + 1, ASKED_CHOICES + 1));
    assert_eq!(all[0].text.chars().count(), limits::ASK_TEXT_CHARS);
    assert_eq!(all[0].choices[0].label.chars().count(), limits::ASK_LABEL_CHARS);
    assert_eq!(it.form.answers(&Reply::No("no".into())).len(), 100, "each one is answered");
}

#[test]
fn nonsense_is_no_ask() {
    for ask in [json!({}), json!(null), json!({ "id": 7 }), json!([])] {
        assert_eq!((permission(&ask), questions(&ask)), (None, None), "{ask}");
    }
    assert_eq!(read(&json!({ "id": "p", "patterns": "x", "metadata": [] })), Permission::default());
}
