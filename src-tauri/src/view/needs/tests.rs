//! What waits for the person, of each kind.

use super::*;
use crate::facts::Hosting;
use orgx_peer::{RunState, RunView};

fn attention(what: Ask) -> Attention {
    Attention {
        id: "r1@a".into(),
        run_id: "r1".into(),
        folder: Some("/home/me/code/shop".into()),
        what,
        ..Attention::default()
    }
}

fn permission(kind: &str, command: Option<&str>, file: Option<&str>, patterns: &[&str]) -> Ask {
    Ask::Permission {
        permission: kind.into(),
        patterns: patterns.iter().map(ToString::to_string).collect(),
        command: command.map(str::to_owned),
        file: file.map(str::to_owned),
        added: None,
        removed: None,
    }
}

fn facts(what: Ask) -> Facts {
    let mut facts = Facts { home: "/home/me".into(), hosting: Hosting::Here, ..Facts::default() };
    facts.peer.runs = vec![RunView {
        run_id: "r1".into(),
        title: Some("Publish".into()),
        state: RunState::Running,
        driver: Some("opencode".into()),
        ..RunView::default()
    }];
    facts.peer.attention = vec![attention(what)];
    facts
}

#[test]
fn each_kind_says_in_a_line_what_it_is_and_where() {
    let folder = || "/home/me/code/shop".to_owned();
    let budget = |limit, day, most| Ask::Budget { limit, day, most, used: most };
    for (what, expected) in [
        (Ask::Folder { folder: folder() }, "work in ~/code/shop"),
        (Ask::Dirty { folder: folder(), commit: None, changes: 1 }, "start in shop: 1 file not committed"),
        (permission("bash", Some("git push"), None, &["git push *"]), "run git push in shop"),
        (permission("edit", None, Some("src/a.ts"), &["src/a.ts"]), "change src/a.ts in shop"),
        (permission("webfetch", None, None, &["https://x.test/"]), "fetch https://x.test/ in shop"),
        (permission("mcp_sql", None, None, &[]), "allow mcp_sql in shop"),
        (permission("external_directory", Some("ls /etc"), None, &["/etc/*"]), "reach /etc/* in shop"),
        (permission("external_directory", None, Some("/etc/x"), &["/etc/*"]), "reach /etc/* in shop"),
        (Ask::Questions { questions: vec![orgx_peer::Question::default(); 2] }, "answer 2 questions in shop"),
        (budget(BudgetLimit::Tokens, false, 200_000), "go on past 200k tokens in shop"),
        (budget(BudgetLimit::Cents, true, 2_005), "go on past the day's $20.05 in shop"),
        (budget(BudgetLimit::Minutes, false, 1), "go on past 1 minute in shop"),
        (Ask::Unknown, "something that this version does not know"),
    ] {
        assert_eq!(needs(&facts(what))[0].line, expected);
    }
}

#[test]
fn a_command_is_whole_on_its_page_and_short_in_the_line_and_its_secrets_are_in_neither() {
    let command = format!("curl -H 'x: oxk_live_0123456789' {} && rm -rf build", "a".repeat(900));
    let need = needs(&facts(permission("bash", Some(&command), None, &[]))).remove(0);
    let NeedWhat::Permission { command: Some(shown), .. } = need.what else { panic!("{:?}", need.what) };
    assert!(shown.ends_with("&& rm -rf build") && shown.contains("[redacted]"), "{shown}");
    assert!(need.line.chars().count() < 80 && !need.line.contains("0123456789"), "{}", need.line);
    assert_eq!((need.agent.as_str(), need.title.as_str()), ("OpenCode", "Publish"));
}

#[test]
fn a_question_without_choices_takes_words_of_ones_own() {
    let question = orgx_peer::Question { text: "Why?".into(), free: false, ..orgx_peer::Question::default() };
    let need = needs(&facts(Ask::Questions { questions: vec![question] })).remove(0);
    let NeedWhat::Questions { questions } = need.what else { panic!("{:?}", need.what) };
    assert!(questions[0].free);
}
