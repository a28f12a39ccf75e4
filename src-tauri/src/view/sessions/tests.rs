//! The sessions' page, from what the peer says.

use super::*;
use crate::facts::KnownSessions;
use orgx_peer::{SessionTokens, Sessions};

fn session(id: &str, parent: Option<&str>, cost: f64) -> Session {
    Session {
        id: id.into(),
        title: format!("T {id}"),
        directory: "/home/me/code/shop".into(),
        parent_id: parent.map(str::to_owned),
        agent: Some("explore".into()),
        model: Some("anthropic/claude-sonnet".into()),
        cost,
        tokens: SessionTokens { input: 1, output: 2, reasoning: 3, cache_read: 4, cache_write: 5 },
        state: SessionState::WaitingInput,
        ..Session::default()
    }
}

fn page(known: KnownSessions) -> model::Sessions {
    sessions(&Facts { sessions: known, ..Facts::default() })
}

fn read(all: Vec<Session>) -> KnownSessions {
    let sessions = Sessions { sessions: all, trouble: None };
    KnownSessions { read: Some(sessions), at: 7, error: None }
}

#[test]
fn a_row_is_a_sessions_own_and_a_subagents_stands_under_its_parent() {
    let archived = Session { archived: true, ..session("gone", None, 9.0) };
    let shown = page(read(vec![
        session("ses_a", None, 0.214),
        session("--b", Some("ses_a"), 0.0),
        archived,
        session("ses_c", Some("gone"), 0.001),
    ]));
    let rows: Vec<(&str, bool, Option<&str>, Option<u64>)> = shown
        .list
        .iter()
        .map(|row| (row.id.as_str(), row.child, row.agent.as_deref(), row.cost_cents))
        .collect();
    assert_eq!(
        rows,
        [
            ("ses_a", false, None, Some(21)),
            ("--b", true, Some("explore"), None),
            ("ses_c", false, None, Some(0))
        ],
        "what cost nothing that OpenCode knows of is unknown; one whose parent is not shown is no child"
    );
    assert_eq!((shown.count, shown.tokens, shown.cost_cents), (3, 45, Some(22)));
    let first = &shown.list[0];
    assert_eq!((first.state.as_str(), first.model.as_deref()), ("waiting_input", Some("claude-sonnet")));
    assert_eq!(first.command.as_deref(), Some("cd /home/me/code/shop && opencode --session ses_a"));
    assert_eq!(shown.list[1].command, None, "its id could be taken for something else");
}

#[test]
fn what_was_read_stays_when_it_cannot_be_read_again_and_says_of_when_it_is() {
    assert!(page(KnownSessions::default()).loading);
    let failed = KnownSessions { error: Some("no list".into()), ..KnownSessions::default() };
    let shown = page(failed);
    assert_eq!((shown.loading, shown.trouble.as_deref(), shown.as_of), (false, Some("No list."), None));
    let stale = KnownSessions { error: Some("it is locked".into()), ..read(vec![session("a", None, 0.0)]) };
    let shown = page(stale);
    assert_eq!(
        (shown.list.len(), shown.trouble.as_deref(), shown.as_of),
        (1, Some("It is locked."), Some(7))
    );
}

#[test]
fn text_of_a_session_is_cut_and_stripped() {
    let evil = "x\u{202e}\u{0}oxk_live_0123456789";
    let hostile = Session {
        title: evil.into(),
        why: Some(evil.into()),
        agent: Some(evil.into()),
        model: Some(evil.into()),
        ..session("a", None, 0.0)
    };
    let text = serde_json::to_string(&page(read(vec![hostile]))).expect("JSON");
    assert!(!text.contains("0123456789") && !text.contains('\u{202e}'), "{text}");
}
