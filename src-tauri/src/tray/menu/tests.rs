//! Whole menus, by equality.

use super::{Click, Item, Menu, menu};
use crate::facts::{Account, Facts, Hosting, KeyTrouble, Quitting};
use crate::view::model::Overlay;
use orgx_peer::{Ask, Attention, Health, PauseState, ReceiptState, RecentRun, RunState, RunView, Severity};
use orgx_proto::health::Code;

const NOW: i64 = 1_000_000_000;

fn ready() -> Facts {
    let mut facts = Facts { now: NOW, home: "/home/me".into(), hosting: Hosting::Here, ..Facts::default() };
    facts.account = Account::In { last4: Some("abcd".into()), place: Some("keychain") };
    facts.peer.connected = true;
    facts.peer.health = health(Code::Connected, Severity::Ok);
    facts.peer.outbox = Some(orgx_peer::OutboxView::default());
    facts
}

fn health(code: Code, severity: Severity) -> Health {
    Health { code, severity, sentence: String::new(), action: None }
}

fn running(mut facts: Facts) -> Facts {
    facts.peer.runs = vec![RunView {
        run_id: "r1".into(),
        title: Some("Tighten retries".into()),
        state: RunState::Running,
        started_at: Some(NOW - 252_000),
        ..RunView::default()
    }];
    facts
}

fn words(text: &str) -> Item {
    Item::Words(text.into())
}

fn button(label: &str, click: Click) -> Item {
    Item::Button(label.into(), click)
}

fn app() -> Vec<Item> {
    vec![
        Item::Separator,
        button("Open OrgX Peer", Click::Open),
        button("Show outbox", Click::ShowOutbox),
        button("Copy diagnostics", Click::CopyDiagnostics),
        button("Settings", Click::Settings),
        button("Quit OrgX Peer", Click::Quit),
    ]
}

fn live() -> Item {
    let open = button("Open", Click::OpenRun("r1".into()));
    Item::Sub("Tighten retries · 4:12".into(), vec![open, button("Cancel", Click::Cancel("r1".into()))])
}

fn all(top: Vec<Item>, end: Vec<Item>) -> Menu {
    Menu(top.into_iter().chain(end).collect())
}

#[test]
fn ready_has_pause_and_nothing_that_does_not_apply() {
    let top = vec![words("Ready for tasks"), Item::Separator, button("Pause", Click::Pause)];
    assert_eq!(menu(&ready()), all(top, app()));
}

#[test]
fn a_run_is_listed_with_open_and_cancel_and_pause_may_wait_for_it() {
    let top = vec![
        words("Running 1 task"),
        Item::Separator,
        live(),
        Item::Separator,
        button("Pause", Click::Pause),
        button("Pause after current runs", Click::PauseAfter),
    ];
    assert_eq!(menu(&running(ready())), all(top, app()));
}

#[test]
fn paused_has_resume_and_the_runs_stay_listed() {
    let mut facts = running(ready());
    facts.peer.pause = PauseState::Paused;
    let top = vec![
        words("Paused by you"),
        Item::Separator,
        live(),
        Item::Separator,
        button("Resume", Click::Resume),
    ];
    assert_eq!(menu(&facts), all(top, app()));
}

#[test]
fn offline_may_be_tried_now() {
    let mut facts = ready();
    facts.peer.connected = false;
    facts.peer.health = health(Code::Reconnecting, Severity::Warning);
    facts.peer.link.retry_at = Some(NOW + 7_200);
    let top = vec![
        words("Reconnecting in 8 s"),
        Item::Separator,
        button("Try now", Click::TryNow),
        button("Pause", Click::Pause),
    ];
    assert_eq!(menu(&facts), all(top, app()));
}

#[test]
fn signed_out_has_sign_in_first_and_neither_pause_nor_runs() {
    let mut facts = running(ready());
    facts.account = Account::Out;
    facts.hosting = Hosting::Nowhere;
    assert_eq!(menu(&facts), all(vec![words("Signed out"), button("Sign in", Click::SignIn)], app()));
    facts.account = Account::Unreadable(KeyTrouble::Locked);
    let top = vec![words("Signed out"), words("The keychain is locked"), button("Sign in", Click::SignIn)];
    assert_eq!(menu(&facts), all(top, app()));
}

#[test]
fn an_error_is_the_second_line_in_words() {
    let mut facts = ready();
    facts.peer.health = health(Code::AgentMissing, Severity::Error);
    let top = vec![
        words("Cannot start tasks"),
        words("OpenCode was not found"),
        Item::Separator,
        button("Pause", Click::Pause),
    ];
    assert_eq!(menu(&facts), all(top, app()));
    assert_eq!(crate::tray::Tray::of(&facts).overlay, Some(Overlay::Error));
}

#[test]
fn what_needs_the_person_comes_first_and_wins_over_an_error() {
    let mut facts = running(ready());
    facts.peer.health = health(Code::AgentMissing, Severity::Error);
    facts.peer.attention =
        vec![ask("n1", "/home/me/code/x"), ask("n2", "/srv/a-folder-whose-name-is-longer-than-forty-signs")];
    let Menu(items) = menu(&facts);
    let expected = Item::Sub(
        "Needs you (2)".into(),
        vec![
            button("work in ~/code/x", Click::OpenNeed("n1".into())),
            button("work in /srv/a-folder-whose-name-is-lon…", Click::OpenNeed("n2".into())),
        ],
    );
    assert_eq!(items.get(3), Some(&expected));
    assert_eq!(crate::tray::Tray::of(&facts).overlay, Some(Overlay::NeedsYou));
}

fn ask(id: &str, folder: &str) -> Attention {
    let what = Ask::Folder { folder: folder.into() };
    Attention { id: id.into(), run_id: "r1".into(), what, ..Attention::default() }
}

#[test]
fn the_last_five_receipts_are_listed_each_with_its_word() {
    let mut facts = ready();
    let ended = |n: usize, completed, reason: Option<&str>, receipt| RecentRun {
        run_id: format!("r{n}"),
        title: Some(format!("Task {n}")),
        completed,
        reason: reason.map(str::to_owned),
        receipt,
        ..RecentRun::default()
    };
    facts.peer.recent = vec![
        ended(1, true, None, Some(ReceiptState::Delivered)),
        ended(2, true, None, Some(ReceiptState::Waiting)),
        ended(3, false, Some("timed out"), None),
        ended(4, false, Some("cancelled"), None),
        ended(5, true, None, Some(ReceiptState::Refused)),
        ended(6, true, None, Some(ReceiptState::Delivered)),
    ];
    let receipts = ["Delivered", "Waiting", "Run failed", "Cancelled", "Refused by OrgX"];
    let items = receipts.iter().enumerate().map(|(at, word)| {
        let n = at + 1;
        button(&format!("Task {n} · {word}"), Click::OpenRun(format!("r{n}")))
    });
    let top = vec![
        words("Ready for tasks"),
        Item::Separator,
        Item::Sub("Recent receipts".into(), items.collect()),
        Item::Separator,
        button("Pause", Click::Pause),
    ];
    assert_eq!(menu(&facts), all(top, app()));
}

#[test]
fn finishing_can_be_taken_back() {
    let mut facts = running(ready());
    facts.quitting = Quitting::Finishing;
    let mut end = app();
    end.pop();
    end.push(button("Keep running", Click::KeepRunning));
    let top = vec![words("Finishing, then quitting"), Item::Separator, live()];
    assert_eq!(menu(&facts), all(top, end));
}

#[test]
fn titles_from_outside_are_cut_and_cannot_turn_the_menu_around() {
    let mut facts = running(ready());
    facts.peer.runs[0].title = Some(format!("a\u{202e}b\nc {}", "x".repeat(60)));
    let Menu(items) = menu(&facts);
    let label = items.iter().find_map(|item| match item {
        Item::Sub(label, _) => Some(label.clone()),
        _ => None,
    });
    assert_eq!(label, Some(format!("ab c {}… · 4:12", "x".repeat(34))));
}
