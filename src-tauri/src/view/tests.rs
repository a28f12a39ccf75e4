//! Headers, notices and pages of whole facts.

use super::header::{header, title};
use super::model::{Act, Action, Entry, Glyph, Overlay, Screen};
use super::notices::{also, notice};
use super::{runs, screen, window};
use crate::facts::{Account, Detail, Facts, History, Hosting, KeyTrouble, Quitting};
use orgx_peer::{
    ClaudeCode, DeviationView, Health, License, PauseState, ReceiptState, ReceiptView, RunDetail, RunRecord,
    RunState, RunView, Severity, StepView,
};
use orgx_proto::health::Code;

fn up() -> Facts {
    let mut facts = Facts { home: "/home/me".into(), hosting: Hosting::Here, ..Facts::default() };
    facts.account = Account::In { last4: Some("abcd".into()), place: Some("keychain") };
    facts.peer.connected = true;
    facts.peer.health = health(Code::Connected, Severity::Ok);
    facts
}

fn health(code: Code, severity: Severity) -> Health {
    Health { code, severity, sentence: "It is so".into(), action: None }
}

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = up();
    change(&mut facts);
    facts
}

fn run(state: RunState) -> RunView {
    RunView { run_id: "r1".into(), state, ..RunView::default() }
}

fn wrong(code: Code, severity: Severity) -> Facts {
    with(|facts| facts.peer.health = health(code, severity))
}

fn away(code: Code) -> Facts {
    with(|facts| {
        facts.peer.health = health(code, Severity::Warning);
        facts.peer.connected = false;
    })
}

#[test]
fn claude_code_is_shown_by_its_version_or_by_what_keeps_it_from_tasks() {
    let claude = |change: &dyn Fn(&mut ClaudeCode)| {
        let mut claude = ClaudeCode {
            version: Some("2.1.328".into()),
            enabled: true,
            authenticated: true,
            words: "Claude Code 2.1.328, signed in".into(),
            ..ClaudeCode::default()
        };
        change(&mut claude);
        window(&with(|it| it.peer.claude = Some(claude.clone()))).health.claude
    };
    assert_eq!(window(&up()).health.claude, None);
    assert_eq!(claude(&|_| {}).as_deref(), Some("2.1.328"));
    assert_eq!(claude(&|it| it.version = None).as_deref(), Some("found"));
    assert_eq!(claude(&|it| it.authenticated = false).as_deref(), Some("signed_out"));
    assert_eq!(claude(&|it| it.enabled = false).as_deref(), Some("off"));
}

#[test]
fn the_environment_fixes_what_the_page_is_drawn_with() {
    let text = include_str!("../../../tests/references/ui/states/settings-fixed.json");
    let drawn: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let now = window(&with(|it| {
        it.peer.settings.fixed_by_environment =
            ["ORGX_WORKSPACE_ID", "ORGX_BASE_URL", "ORGX_WIZARD_HOOK_OUTBOX", "OPENCODE_SERVER_URL"]
                .map(str::to_owned)
                .to_vec();
    }));
    assert_eq!(serde_json::json!(now.settings.fixed), drawn["state"]["settings"]["fixed"]);
}

#[test]
fn each_state_has_its_title_shape_and_button() {
    use Severity::Error;
    let error = Some(Overlay::Error);
    let cases = vec![
        (up(), "Ready for tasks", Glyph::Ready, None, Some(Act::Pause)),
        (
            with(|it| it.peer.runs = vec![run(RunState::Running)]),
            "Running 1 task",
            Glyph::Running,
            None,
            Some(Act::Pause),
        ),
        (
            with(|it| {
                it.peer.runs = vec![run(RunState::Running), run(RunState::Starting), run(RunState::Queued)];
            }),
            "Running 2 tasks",
            Glyph::Running,
            None,
            Some(Act::Pause),
        ),
        (
            with(|it| it.peer.pause = PauseState::Paused),
            "Paused by you",
            Glyph::Paused,
            None,
            Some(Act::Resume),
        ),
        (wrong(Code::DiskFull, Error), "Paused", Glyph::Paused, error, None),
        (wrong(Code::JournalBroken, Error), "Paused", Glyph::Paused, error, None),
        (
            with(|it| it.quitting = Quitting::Finishing),
            "Finishing, then quitting",
            Glyph::Running,
            None,
            Some(Act::Resume),
        ),
        (with(|it| it.hosting = Hosting::Starting), "Starting", Glyph::Connecting, None, None),
        (
            with(|it| {
                it.hosting = Hosting::Nowhere;
                it.account = Account::Unknown;
            }),
            "Starting",
            Glyph::Connecting,
            None,
            None,
        ),
        (away(Code::Connecting), "Connecting", Glyph::Connecting, None, None),
        (away(Code::Unreachable), "Offline", Glyph::Connecting, None, Some(Act::TryNow)),
        (away(Code::WebPage), "Offline", Glyph::Connecting, None, Some(Act::TryNow)),
        (away(Code::ClosedByOrgX), "Disconnected by OrgX", Glyph::Connecting, None, Some(Act::TryNow)),
        (wrong(Code::AgentMissing, Error), "Cannot start tasks", Glyph::Ready, error, Some(Act::Pause)),
        (wrong(Code::LicenseRevoked, Error), "Cannot start tasks", Glyph::Ready, error, Some(Act::Pause)),
        (wrong(Code::KeyRejected, Error), "Signed out", Glyph::SignedOut, error, None),
        (wrong(Code::KeyForbidden, Error), "Signed out", Glyph::SignedOut, error, None),
        (
            with(|it| {
                it.hosting = Hosting::Nowhere;
                it.account = Account::Out;
            }),
            "Signed out",
            Glyph::SignedOut,
            None,
            None,
        ),
        (
            with(|it| {
                it.hosting = Hosting::Nowhere;
                it.account = Account::Unreadable(KeyTrouble::Locked);
            }),
            "Signed out",
            Glyph::SignedOut,
            error,
            None,
        ),
        (
            with(|it| it.hosting = Hosting::Failed { broke: true, why: String::new(), retry_at: 0 }),
            "Cannot start tasks",
            Glyph::Connecting,
            error,
            Some(Act::TryNow),
        ),
    ];
    for (facts, title, glyph, overlay, act) in cases {
        let header = header(&facts);
        assert_eq!(
            (header.title.as_str(), header.glyph, header.overlay, header.act),
            (title, glyph, overlay, act)
        );
    }
}

#[test]
fn a_wait_counts_down_to_its_time() {
    let mut facts = away(Code::Reconnecting);
    facts.now = 1_000;
    facts.peer.link.retry_at = Some(9_000);
    let header = header(&facts);
    assert_eq!((header.title.as_str(), header.until), ("Reconnecting in {t}", Some(9_000)));
    assert_eq!(title(&facts), "Reconnecting in 8 s");
}

#[test]
fn what_goes_on_is_said_where_the_title_does_not() {
    let mut facts = with(|it| it.peer.runs = vec![run(RunState::Running)]);
    assert_eq!(header(&facts).facts, Vec::<String>::new());
    facts.peer.pause = PauseState::Paused;
    assert_eq!(header(&facts).facts, ["New tasks wait in OrgX", "1 run goes on"]);
}

#[test]
fn each_cause_has_its_words_and_one_thing_to_do() {
    use Severity::{Error, Info, Warning};
    for (code, severity, bad, title, act) in [
        (Code::KeyRejected, Error, true, "OrgX does not know this key", Some(Action::SignIn)),
        (Code::KeyForbidden, Error, true, "This key cannot receive tasks", Some(Action::SignIn)),
        (Code::LicenseRevoked, Error, true, "License revoked", Some(Action::OpenOrgx)),
        (Code::LicenseDegraded, Info, false, "License degraded", Some(Action::OpenOrgx)),
        (Code::DiskFull, Error, true, "The disk is full", Some(Action::TryNow)),
        (Code::JournalBroken, Error, true, "The journal cannot be written", Some(Action::ShowStateFolder)),
        (Code::AgentMissing, Error, true, "OpenCode was not found", Some(Action::ChooseOpencode)),
        (Code::AgentSignedOut, Error, true, "OpenCode has no model provider", Some(Action::TryNow)),
        (Code::ClosedByOrgX, Warning, false, "Disconnected by OrgX", Some(Action::TryNow)),
        (Code::Unreachable, Warning, false, "OrgX cannot be reached", Some(Action::TryNow)),
        (Code::OutboxBroken, Warning, false, "The outbox cannot be written", Some(Action::ShowOutbox)),
    ] {
        let notice = notice(&wrong(code, severity));
        let said = notice.map(|it| (it.bad, it.title, it.action.map(|action| action.action)));
        assert_eq!(said, Some((bad, title.to_owned(), act)));
    }
    for code in [Code::Connected, Code::Running, Code::Paused, Code::Connecting, Code::Reconnecting] {
        assert_eq!(notice(&wrong(code, Info)), None);
    }
}

#[test]
fn the_texts_are_those_of_the_table() {
    let text = |facts: &Facts| notice(facts).map(|it| (it.title, it.text));
    let said = |title: &str, text: &str| Some((title.to_owned(), text.to_owned()));
    let mut offline = away(Code::Unreachable);
    offline.peer.connection = "useorgx.com cannot be reached: the name useorgx.com cannot be found.".into();
    assert_eq!(
        text(&offline),
        said(
            "There is no network",
            "OrgX cannot be reached, so no task arrives. What runs goes on, and what it reports is kept."
        )
    );
    let out = with(|it| {
        it.hosting = Hosting::Nowhere;
        it.account = Account::Out;
        it.sign_in.signed_out = true;
    });
    assert_eq!(
        text(&out),
        said(
            "You signed out on this computer",
            "The key is gone from the keychain. Receipts, the outbox and your settings are still here."
        )
    );
    let rules = with(|it| {
        it.peer.ignored_rules = vec!["no-todo: it uses a pattern OrgX Peer does not support".into()];
        it.peer.rules = 14;
    });
    assert_eq!(
        text(&rules),
        said(
            "1 rule cannot be read",
            "No-todo: it uses a pattern OrgX Peer does not support. The other 14 work."
        )
    );
}

#[test]
fn a_key_of_the_environment_is_not_signed_in_anew() {
    let mut facts = wrong(Code::KeyRejected, Severity::Error);
    facts.account = Account::In { last4: None, place: Some("environment") };
    assert_eq!(notice(&facts).map(|it| it.action), Some(None));
}

#[test]
fn what_follows_from_the_cause_is_folded_under_it() {
    let mut facts = wrong(Code::AgentMissing, Severity::Error);
    facts.peer.license = License::Revoked;
    facts.peer.connected = false;
    facts.peer.connection = "useorgx.com cannot be reached: no answer in time.".into();
    facts.peer.receipts.waiting = 3;
    assert_eq!(
        also(&facts),
        [
            "Useorgx.com cannot be reached: no answer in time.",
            "The license is revoked.",
            "3 receipts wait to be delivered."
        ]
    );
}

#[test]
fn the_screen_follows_who_is_signed_in() {
    let screens = vec![
        (with(|it| it.account = Account::Unknown), Screen::Loading),
        (with(|it| it.account = Account::Out), Screen::SignIn),
        (
            with(|it| {
                it.account = Account::Out;
                it.sign_in.signed_out = true;
            }),
            Screen::Main,
        ),
        (with(|it| it.account = Account::Unreadable(KeyTrouble::Late)), Screen::Main),
        (with(|it| it.signing_in = true), Screen::SignIn),
        (with(|it| it.setting_up = true), Screen::Setup),
        (up(), Screen::Main),
    ];
    for (facts, expected) in screens {
        assert_eq!(screen(&facts), expected, "{facts:?}");
    }
}

#[test]
fn a_run_is_named_by_its_title_its_folder_or_its_id() {
    let mut facts = up();
    let record = |run_id: &str, title: Option<&str>, folder: Option<&str>| RunRecord {
        run_id: run_id.into(),
        title: title.map(str::to_owned),
        folder: folder.map(str::to_owned),
        state: RunState::Completed,
        ..RunRecord::default()
    };
    facts.history = History {
        runs: vec![
            record("run_0123456789abcdef", Some("Fix it"), Some("/x/api")),
            record("run_1123456789abcdef", None, Some("/x/api")),
            record("run_2123456789abcdef", Some(" "), None),
        ],
        read: true,
        error: None,
    };
    let titles: Vec<String> = runs::runs(&facts).earlier.into_iter().map(|run| run.title).collect();
    assert_eq!(titles, ["Fix it", "api", "run_21234567"]);
}

#[test]
fn a_run_that_lives_again_stands_in_no_list_twice() {
    let mut facts = up();
    facts.peer.runs = vec![run(RunState::Running)];
    facts.history.runs =
        vec![RunRecord { run_id: "r1".into(), state: RunState::Failed, ..RunRecord::default() }];
    let runs = runs::runs(&facts);
    assert_eq!((runs.now.len(), runs.earlier.len()), (1, 0));
}

#[test]
fn receipts_say_where_they_stand_and_why() {
    let mut facts = up();
    let record = |reason: Option<&str>, state, confirmed, receipt: Option<ReceiptState>| RunRecord {
        run_id: "r1".into(),
        state,
        confirmed,
        reason: reason.map(str::to_owned),
        receipt: receipt.map(|state| ReceiptView {
            state,
            tries: 2,
            next_at: Some(9),
            why: Some("OrgX cannot be reached".into()),
        }),
        ..RunRecord::default()
    };
    for (record, outcome, state) in [
        (record(None, RunState::Completed, true, Some(ReceiptState::Delivered)), "completed", "delivered"),
        (record(None, RunState::Completed, false, Some(ReceiptState::Waiting)), "completed", "waiting"),
        (record(None, RunState::Completed, true, Some(ReceiptState::Refused)), "completed", "refused"),
        (record(Some("it broke"), RunState::Failed, true, None), "failed", "delivered"),
        (record(Some("cancelled"), RunState::Failed, false, None), "cancelled", "waiting"),
    ] {
        facts.history.runs = vec![record];
        let receipt = runs::receipts(&facts).remove(0);
        assert_eq!((receipt.outcome.as_str(), receipt.state.as_str()), (outcome, state));
    }
}

#[test]
fn a_page_has_steps_and_deviations_in_order() {
    let mut facts = up();
    let step = |at, summary: &str| StepView { at, kind: "tool_call".into(), summary: summary.into() };
    let deviation = |at, skill: &str| DeviationView {
        at,
        skill_id: skill.into(),
        evidence_kind: "budget_shift".into(),
        evidence_ref: "call_4".into(),
        file: Some("http.py".into()),
    };
    let detail = RunDetail {
        run: RunRecord { run_id: "r1".into(), state: RunState::Running, ..RunRecord::default() },
        steps: vec![step(1, "a"), step(3, "b")],
        deviations: vec![deviation(2, "x"), deviation(3, "y")],
        ..RunDetail::default()
    };
    facts.preferences.muted_rules = vec!["y".into()];
    facts.detail = Some(Detail { run_id: "r1".into(), run: Some(detail), error: None });
    let page = runs::page(&facts).expect("a page");
    let line: Vec<(i64, bool)> = page
        .line
        .iter()
        .map(|entry| match entry {
            Entry::Step { at, .. } => (*at, false),
            Entry::Deviation { at, muted, .. } => (*at, *muted),
        })
        .collect();
    assert_eq!(line, [(1, false), (2, false), (3, false), (3, true)]);
    assert_eq!((page.loading, page.receipt), (false, None));
}

#[test]
fn a_workspace_has_its_own_name_or_its_id() {
    let workspace = |id: &str| {
        let facts = with(|it| {
            it.peer.settings.workspace_id = id.into();
            it.workspace_name = Some(("w1".into(), "Acme".into()));
        });
        window(&facts).settings.workspace
    };
    assert_eq!(workspace("w1").as_deref(), Some("Acme"));
    assert_eq!(workspace("w2").as_deref(), Some("w2"));
    assert_eq!(workspace(""), None);
}

#[test]
fn nothing_from_outside_reaches_the_window_with_signs_that_hide() {
    let evil = "x\u{202e}\u{0}\u{200b}oxk_live_0123456789";
    let facts = with(|it| {
        it.peer.runs =
            vec![RunView { title: Some(evil.into()), folder: Some(evil.into()), ..run(RunState::Running) }];
        it.peer.connection = evil.into();
        it.peer.agent.words = evil.into();
        it.peer.ignored_rules = vec![evil.into()];
        it.peer.warnings = vec![evil.into()];
        it.peer.link.host = evil.into();
        it.preferences.muted_rules = vec![evil.into()];
        it.peer.settings.workspace_id = "w1".into();
        it.workspace_name = Some(("w1".into(), evil.into()));
    });
    let text = serde_json::to_string(&window(&facts)).expect("JSON");
    for sign in ["\u{202e}", "\\u0000", "\u{200b}", "0123456789"] {
        assert!(!text.contains(sign), "{sign:?} in {text}");
    }
}

#[test]
fn where_opencode_is_is_said_in_a_few_signs() {
    for (words, short) in [
        ("OpenCode daemon 0.9.0 at http://127.0.0.1:44551/", "daemon · 127.0.0.1:44551"),
        ("OpenCode 1.18.33 at http://127.0.0.1:4096/ (port 4096), not signed in", "server · 127.0.0.1:4096"),
        ("OpenCode is not running: it will be started when a task arrives", "starts when needed"),
        ("OpenCode was not found", "OpenCode was not found"),
    ] {
        let facts = with(|it| it.peer.agent.words = words.into());
        assert_eq!(window(&facts).health.opencode_words, short);
    }
}

#[test]
fn a_run_that_waits_for_the_person_counts_once_an_agent_has_it() {
    let waits = |started_at| RunView { started_at, ..run(RunState::NeedsYou) };
    let facts = with(|it| it.peer.runs = vec![waits(None)]);
    assert_eq!(header(&facts).title, "Ready for tasks", "its folder is asked for: no agent has it yet");
    assert_eq!(runs::runs(&facts).now[0].state, "needs_you");
    let facts = with(|it| it.peer.runs = vec![waits(Some(7))]);
    assert_eq!(header(&facts).title, "Running 1 task");
}
