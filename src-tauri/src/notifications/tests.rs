//! The policy with a clock that is a number.

use super::*;
use orgx_peer::{Attention, RecentRun, RunState, RunView};

struct Story {
    notifier: Notifier,
    peer: PeerSnapshot,
    now: i64,
    wanted: Notifications,
    muted: Vec<String>,
    watched: Option<String>,
}

impl Story {
    fn new() -> Self {
        let run = RunView {
            run_id: "r1".into(),
            title: Some("Tighten <b>retries</b>".into()),
            state: RunState::Running,
            ..RunView::default()
        };
        let peer = PeerSnapshot { connected: true, runs: vec![run], ..PeerSnapshot::default() };
        Self {
            notifier: Notifier::default(),
            peer,
            now: 0,
            wanted: Notifications::default(),
            muted: Vec::new(),
            watched: None,
        }
    }

    fn with(&mut self, ask: impl FnOnce(&mut Notifier, Context<'_>) -> Vec<Tell>) -> Vec<Tell> {
        let context = Context {
            now: self.now,
            peer: &self.peer,
            wanted: self.wanted,
            muted: &self.muted,
            watched: self.watched.as_deref(),
            home: "/home/me",
        };
        ask(&mut self.notifier, context)
    }

    fn deviation(&mut self, at: i64, rule: &str) -> Vec<Tell> {
        self.now = at;
        let event = PeerEvent::Deviation {
            run_id: "r1".into(),
            skill_id: rule.into(),
            evidence_kind: "budget_shift".into(),
            evidence_ref: "call_4".into(),
            file: Some("http.py".into()),
        };
        self.with(|it, context| it.event(&event, context))
    }

    /// What is told up to then, each at its time.
    fn until(&mut self, end: i64) -> Vec<Tell> {
        let mut all = Vec::new();
        while let Some(next) = self.notifier.next_at().filter(|next| *next <= end) {
            self.now = next;
            all.extend(self.with(Notifier::time));
        }
        self.now = end;
        all
    }

    fn ended(&mut self, reason: &str) -> Vec<Tell> {
        let event = PeerEvent::Ended {
            run_id: "r1".into(),
            completed: false,
            tokens_used: None,
            reason: Some(reason.into()),
        };
        self.with(|it, context| it.event(&event, context))
    }
}

fn shown(tells: &[Tell]) -> Vec<(String, String)> {
    let texts = tells.iter().filter_map(|tell| match tell {
        Tell::Show(it) => Some((it.title.clone(), it.body.clone())),
        Tell::Withdraw(_) => None,
    });
    texts.collect()
}

fn text(title: &str, body: &str) -> (String, String) {
    (title.to_owned(), body.to_owned())
}

#[test]
fn a_deviation_says_what_where_and_of_which_run() {
    let mut story = Story::new();
    assert_eq!(story.deviation(0, "careful-retries"), []);
    let tells = story.until(5_000);
    assert_eq!(
        shown(&tells),
        [text("Deviation: careful-retries", "Budget shift in http.py. Tighten <b>retries</b>")]
    );
    let Some(Tell::Show(it)) = tells.first() else { panic!("nothing shown") };
    assert_eq!(it.buttons, Buttons::Mute("careful-retries".into()));
    assert_eq!(it.page, Page::Run { run_id: "r1".into() });
}

#[test]
fn three_within_ten_seconds_are_one_and_two_are_two() {
    let mut story = Story::new();
    for at in [0, 100, 200, 300] {
        story.deviation(at, &format!("rule-{at}"));
    }
    assert_eq!(
        shown(&story.until(20_000)),
        [text("4 deviations in one run", "rule-0, rule-100 and 2 more. Tighten <b>retries</b>")]
    );
    story.deviation(30_000, "a");
    story.deviation(30_100, "b");
    assert_eq!(shown(&story.until(50_000)).len(), 2);
}

#[test]
fn what_was_shown_alone_is_taken_back_when_it_began_a_burst() {
    let mut story = Story::new();
    let mut all = Vec::new();
    for (at, rule) in [(0, "a"), (3_000, "b"), (6_000, "c")] {
        all.extend(story.until(at));
        story.deviation(at, rule);
    }
    all.extend(story.until(9_000));
    let kinds: Vec<&str> = all
        .iter()
        .map(|tell| match tell {
            Tell::Show(it) => it.title.as_str(),
            Tell::Withdraw(_) => "withdrawn",
        })
        .collect();
    assert_eq!(kinds, ["Deviation: a", "Deviation: b", "withdrawn", "withdrawn", "3 deviations in one run"]);
}

#[test]
fn what_follows_a_burst_closely_waits_for_the_end_of_its_time() {
    let mut story = Story::new();
    for at in [0, 1, 2] {
        story.deviation(at, "a");
    }
    assert_eq!(shown(&story.until(2_000)).len(), 1);
    for at in [3_000, 4_000, 5_000, 6_000] {
        story.deviation(at, "a");
        assert_eq!(story.until(at + 500), []);
    }
    assert_eq!(shown(&story.until(30_000)), [text("4 deviations in one run", "a. Tighten <b>retries</b>")]);
}

#[test]
fn a_muted_rule_a_watched_run_and_a_switched_off_kind_are_silent() {
    let mut story = Story::new();
    story.muted = vec!["a".into()];
    story.deviation(0, "a");
    assert_eq!(story.until(20_000), []);
    story.muted.clear();
    story.watched = Some("r1".into());
    story.deviation(20_000, "a");
    assert_eq!(story.until(40_000), []);
    assert_eq!(story.ended("it broke"), []);
    story.watched = None;
    story.wanted = Notifications {
        needs_you: false,
        deviations: false,
        run_failed: false,
        offline: false,
        license: false,
    };
    story.deviation(40_000, "a");
    story.peer.license = License::Revoked;
    story.peer.attention = vec![ask("n1")];
    story.peer.connected = false;
    assert_eq!(story.with(Notifier::snapshot), []);
    assert_eq!(story.ended("it broke"), []);
    assert_eq!(story.until(2 * OFFLINE), []);
}

fn ask(id: &str) -> Attention {
    let what = Ask::Folder { folder: "/home/me/code/x".into() };
    Attention { id: id.into(), run_id: "r1".into(), what, ..Attention::default() }
}

#[test]
fn an_ask_is_shown_once_and_taken_back_when_it_is_answered() {
    let mut story = Story::new();
    story.peer.attention = vec![ask("n1")];
    let tells = story.with(Notifier::snapshot);
    assert_eq!(shown(&tells), [text("Needs you: work in a folder?", "~/code/x: Tighten <b>retries</b>")]);
    assert_eq!(story.with(Notifier::snapshot), []);
    story.peer.attention.clear();
    assert_eq!(story.with(Notifier::snapshot), [Tell::Withdraw(Key::Need("n1".into()))]);
}

#[test]
fn a_failed_run_is_told_and_a_cancelled_one_is_not() {
    let mut story = Story::new();
    assert_eq!(story.ended("cancelled"), []);
    assert_eq!(
        shown(&story.ended("the model refused")),
        [text("Run failed: Tighten <b>retries</b>", "The model refused. OrgX was told.")]
    );
    assert_eq!(
        shown(&story.ended("peer restarted during the run")),
        [text(
            "Run failed: Tighten <b>retries</b>",
            "Peer restarted during the run. OrgX may send it again."
        )]
    );
    story.peer.recent = vec![RecentRun { run_id: "r1".into(), local: true, ..RecentRun::default() }];
    assert_eq!(
        shown(&story.ended("the model refused")),
        [text("Run failed: Tighten <b>retries</b>", "The model refused.")]
    );
}

#[test]
fn a_run_that_failed_before_anybody_saw_it_is_told_by_its_title() {
    let mut story = Story::new();
    story.peer.runs.clear();
    let arrived = PeerEvent::Arrived { run_id: "r1".into(), title: "Quick one".into() };
    assert_eq!(story.with(|it, context| it.event(&arrived, context)), []);
    assert_eq!(
        shown(&story.ended("the model refused")),
        [text("Run failed: Quick one", "The model refused. OrgX was told.")]
    );
}

#[test]
fn an_outage_is_told_once_after_ten_minutes_and_taken_back() {
    let mut story = Story::new();
    story.peer.connected = false;
    story.with(Notifier::snapshot);
    assert_eq!(story.until(OFFLINE - 1), []);
    let tells = story.until(OFFLINE);
    assert_eq!(shown(&tells), [text("Offline for 10 minutes", "1 run goes on; its receipt is kept.")]);
    assert_eq!(story.until(9 * OFFLINE), []);
    story.peer.connected = true;
    assert_eq!(story.with(Notifier::snapshot), [Tell::Withdraw(Key::Offline)]);
    story.peer.connected = false;
    story.with(Notifier::snapshot);
    assert_eq!(shown(&story.until(20 * OFFLINE)).len(), 1);
}

#[test]
fn a_short_outage_is_told_to_nobody() {
    let mut story = Story::new();
    story.peer.connected = false;
    story.with(Notifier::snapshot);
    story.now = OFFLINE - 1;
    story.peer.connected = true;
    assert_eq!(story.with(Notifier::snapshot), []);
    assert_eq!(story.until(5 * OFFLINE), []);
}

#[test]
fn a_revoked_license_is_told_once() {
    let mut story = Story::new();
    story.peer.license = License::Revoked;
    assert_eq!(
        shown(&story.with(Notifier::snapshot)),
        [text("License revoked", "OrgX does not accept work from this computer.")]
    );
    assert_eq!(story.with(Notifier::snapshot), []);
}

#[test]
fn text_from_outside_is_cut_and_stripped() {
    let mut story = Story::new();
    story.peer.runs[0].title = Some(format!("\u{202e}x\u{7}{}", "y".repeat(300)));
    let texts = shown(&story.ended(&format!("bad\noxk_live_0123456789 {}", "z".repeat(400))));
    let (title, body) = &texts[0];
    assert_eq!(title.chars().count(), 40);
    assert!(body.chars().count() <= 120, "{body}");
    assert!(title.starts_with("Run failed: x yyy") && body.starts_with("Bad [redacted]"), "{title} {body}");
}

#[test]
fn a_peer_that_is_gone_has_its_asks_taken_back() {
    let mut story = Story::new();
    story.peer.attention = vec![ask("n1")];
    story.with(Notifier::snapshot);
    assert_eq!(story.notifier.gone(), [Tell::Withdraw(Key::Need("n1".into()))]);
    assert_eq!(story.notifier.next_at(), None);
}

fn shown_of(what: Ask) -> (String, String, Buttons) {
    let mut story = Story::new();
    let folder = Some("/home/me/code/shop".to_owned());
    story.peer.attention = vec![Attention { what, folder, ..ask("n1") }];
    let tells = story.with(Notifier::snapshot);
    let Some(Tell::Show(it)) = tells.into_iter().next() else { panic!("nothing shown") };
    assert_eq!(it.page, Page::Need { id: "n1".into() });
    assert!(it.title.chars().count() <= 40 && it.body.chars().count() <= 120, "{it:?}");
    (it.title, it.body, it.buttons)
}

#[test]
fn each_kind_of_ask_has_its_words_and_buttons() {
    let answer = || Buttons::Answer("n1".into());
    let permission = |kind: &str, command: Option<&str>, file: Option<&str>| Ask::Permission {
        permission: kind.into(),
        patterns: vec![file.filter(|_| kind == "edit").unwrap_or("a *").into()],
        command: command.map(str::to_owned),
        file: file.map(str::to_owned),
        added: None,
        removed: None,
    };
    let questions = |n| Ask::Questions { questions: vec![orgx_peer::Question::default(); n] };
    let dirty = Ask::Dirty { folder: "/home/me/code/shop".into(), commit: None, changes: 3 };
    let budget = Ask::Budget { limit: orgx_peer::BudgetLimit::Cents, day: false, most: 500, used: 503 };
    for (what, title, body, buttons) in [
        (permission("bash", Some("git push"), None), "Needs you: run a command?", "shop: git push", answer()),
        (permission("edit", None, Some("a.ts")), "Needs you: change a file?", "shop: a.ts", answer()),
        (permission("x", None, None), "Needs you: allow this?", "shop: a *", answer()),
        (
            permission("external_directory", None, None),
            "Needs you: reach another folder?",
            "shop: a *",
            answer(),
        ),
        // What it is for is told on its page.
        (
            permission("external_directory", Some("cp -r / ."), None),
            "Needs you: reach another folder?",
            "shop: a *",
            Buttons::Open,
        ),
        (
            permission("external_directory", None, Some("/etc/passwd")),
            "Needs you: reach another folder?",
            "shop: a *",
            Buttons::Open,
        ),
        (questions(1), "Needs you: 1 question", "Tighten <b>retries</b> in shop", Buttons::Open),
        (questions(2), "Needs you: 2 questions", "Tighten <b>retries</b> in shop", Buttons::Open),
        (
            dirty,
            "Needs you: start among open changes?",
            "shop: 3 files not committed. Tighten <b>retries</b>",
            answer(),
        ),
        (
            budget,
            "Needs you: go on past a limit?",
            "$5.03 of $5.00 used by this task. Tighten <b>retries</b>",
            Buttons::Open,
        ),
    ] {
        assert_eq!(shown_of(what), (title.to_owned(), body.to_owned(), buttons));
    }
}

#[test]
fn a_command_is_cut_at_eighty_signs_and_masked() {
    let command = format!("curl oxk_live_0123456789 {}", "x".repeat(300));
    let what = Ask::Permission {
        permission: "bash".into(),
        patterns: vec![],
        command: Some(command),
        file: None,
        added: None,
        removed: None,
    };
    let (_, body, buttons) = shown_of(what);
    assert_eq!(buttons, Buttons::Open, "its end is not seen");
    let shown = body.strip_prefix("shop: ").expect("the folder first");
    assert_eq!(shown.chars().count(), 80);
    assert!(shown.starts_with("curl [redacted] xx") && shown.ends_with('…'), "{shown}");
}

#[test]
fn nothing_is_told_of_an_ask_whose_runs_page_is_open() {
    let mut story = Story::new();
    story.watched = Some("r1".into());
    story.peer.attention = vec![ask("n1")];
    assert_eq!(story.with(Notifier::snapshot), []);
    story.watched = None;
    assert_eq!(story.with(Notifier::snapshot), [], "it was seen");
}
