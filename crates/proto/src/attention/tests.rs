use super::*;
use crate::agent::{Choice, Question};
use crate::ids::DriverId;
use crate::message::Scope;
use crate::receipt::Answer;
use crate::time::{Millis, Timestamp};
use serde_json::{Value, json};

mod answers;

fn now(ms: u64) -> Now {
    Now { mono: Millis(ms), wall: Timestamp(1_795_168_800_000 + ms as i64) }
}

fn options() -> Vec<Offered> {
    let offered = |id, label, means| Offered { id, label, means };
    vec![
        offered("allow_once", "Allow once", Means::Once),
        offered("allow_for_run", "Allow for this run", Means::ForRun),
        offered("deny", "Deny", Means::No),
    ]
}

fn item(id: &str) -> Item {
    Item {
        id: id.into(),
        key: format!("key_{id}"),
        run_id: RunId::new("run"),
        driver: DriverId::opencode(),
        session: Some(SessionHandle::new("ses_1")),
        ask: "per_1".into(),
        scope: Scope { initiative_id: Some("ini".into()), ..Scope::default() },
        form: Form::Choose {
            question: "May it run this command?".into(),
            context: "ls".into(),
            kind: "permission",
            options: options(),
        },
        lapses: Millis(1_800_000),
    }
}

fn question(multiple: bool, free: bool) -> Question {
    let choice = |label: &str| Choice { label: label.into(), description: String::new() };
    Question {
        text: "Which?".into(),
        header: "Pick".into(),
        choices: vec![choice("Red"), choice("Blue")],
        multiple,
        free,
    }
}

fn approved(option: &str) -> Resolution {
    Resolution {
        status: ResolutionStatus::Approved,
        answers: Vec::new(),
        note: None,
        options: vec![option.into()],
    }
}

fn push(key: &str, decision: &str, resolution: Resolution) -> Resolve {
    Resolve {
        decision_id: DecisionId::new(decision),
        run_id: RunId::new("run"),
        key: key.into(),
        driver: None,
        session: None,
        resolution: Ok(resolution),
    }
}

/// Says that the newest try came to this.
fn created(remote: &mut Remote, key: &str, decision: &str, at: u64) -> Vec<Action> {
    remote.created(key, Ok(DecisionId::new(decision)), now(at), 0.5)
}

/// One whose item `a` is decision `d`, asked after at 2 s.
fn asked() -> Remote {
    let mut remote = Remote::new("plugin");
    assert_eq!(remote.appeared(item("a"), now(0)), []);
    assert!(matches!(&remote.tick(now(0))[..], [Action::Create { key, .. }] if key == "key_a"));
    assert!(!remote.has("a"));
    assert_eq!(created(&mut remote, "key_a", "d", 0), []);
    assert!(remote.has("a"));
    remote
}

/// In short: what is told, under which key, and what is answered.
fn short(actions: &[Action]) -> Vec<String> {
    let short = |action: &Action| match action {
        Action::Say(frame) => {
            let detail = frame.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("{} {} {}{detail}", frame.decision_id, frame.idempotency_key, frame.state.as_str())
        }
        Action::Answer { item, said } => format!("{item}: {said:?}"),
        Action::Create { key, .. } => format!("create {key}"),
        Action::Poll { decision, .. } => format!("poll {decision}"),
        Action::Post { key, .. } => format!("post {key}"),
        Action::Warn(words) => format!("warn: {words}"),
    };
    actions.iter().map(short).collect()
}

#[test]
fn an_answer_that_is_pushed_is_given_and_each_state_is_told_in_its_turn() {
    let mut remote = asked();
    let actions = remote.resolved(push("r1", "d", approved("allow_once")), now(10));
    assert_eq!(short(&actions), ["d r1 answer_received", "d r1 resuming", "a: Allow"]);
    assert_eq!(remote.gone("a", now(11)), [], "its answer comes from OrgX");
    assert_eq!(short(&remote.applied("a", Ok(()), now(12))), ["d r1 resumed"]);
    // The same again, by push and by poll.
    assert_eq!(remote.resolved(push("r1", "d", approved("allow_once")), now(13)), []);
    assert_eq!(remote.resolved(push("r2", "d", approved("deny")), now(13)), []);
    assert_eq!(remote.polled("key_a", Ok(Poll::Resolved(Ok(approved("deny")))), now(14), 0.5), []);
    assert!(!remote.knows("a"));
}

#[test]
fn a_question_is_asked_after_every_two_seconds_until_it_is_answered() {
    let mut remote = asked();
    assert_eq!(remote.poll_timeout(), Some(Millis(2_000)));
    assert_eq!(remote.tick(now(1_999)), []);
    assert_eq!(short(&remote.tick(now(2_000))), ["poll d"]);
    assert_eq!(remote.tick(now(2_000)), [], "one at a time");
    assert_eq!(remote.polled("key_a", Ok(Poll::Open), now(2_100), 0.5), []);
    assert_eq!(short(&remote.tick(now(4_100))), ["poll d"]);
    assert_eq!(remote.polled("key_a", Err(Answer::Unreachable), now(4_200), 0.5), []);
    assert_eq!(remote.poll_timeout(), Some(Millis(4_700)));
    assert_eq!(short(&remote.tick(now(4_700))), ["poll d"]);
    let actions = remote.polled("key_a", Ok(Poll::Resolved(Ok(approved("allow_for_run")))), now(4_800), 0.5);
    assert_eq!(short(&actions), ["d key_a answer_received", "d key_a resuming", "a: AllowForRun"]);
    // The push comes second.
    assert_eq!(remote.resolved(push("r1", "d", approved("deny")), now(4_801)), []);
    assert_eq!(short(&remote.applied("a", Ok(()), now(4_802))), ["d key_a resumed"]);
}

#[test]
fn a_poll_that_was_under_way_when_the_push_came_has_no_effect() {
    let mut remote = asked();
    remote.tick(now(2_000));
    remote.resolved(push("r1", "d", approved("allow_once")), now(2_001));
    assert_eq!(remote.polled("key_a", Ok(Poll::Resolved(Ok(approved("allow_once")))), now(2_002), 0.5), []);
    assert_eq!(short(&remote.applied("a", Ok(()), now(2_003))), ["d r1 resumed"]);
    assert_eq!(remote.polled("key_a", Ok(Poll::Resolved(Ok(approved("allow_once")))), now(2_004), 0.5), []);
}

#[test]
fn nobody_is_asked_after_the_question_lapsed() {
    let mut remote = asked();
    assert_eq!(remote.tick(now(1_800_000)), []);
    assert_eq!(remote.poll_timeout(), None);
    let mut day = Remote::new("plugin");
    day.appeared(Item { lapses: Millis(u64::MAX), ..item("a") }, now(0));
    day.tick(now(0));
    created(&mut day, "key_a", "d", 0);
    assert_eq!(short(&day.tick(now(24 * 3_600_000))), ["poll d"]);
    day.polled("key_a", Ok(Poll::Open), now(24 * 3_600_000), 0.5);
    assert_eq!(day.tick(now(24 * 3_600_000 + 2_000)), [], "a day is enough");
}

#[test]
fn an_answer_on_this_computer_wins_and_a_late_one_is_told_once() {
    let mut remote = asked();
    remote.answered_here("a");
    let cancelled = "d key_a cancelled (answered on this computer)";
    assert_eq!(short(&remote.gone("a", now(5))), [cancelled]);
    let late = short(&remote.resolved(push("r1", "d", approved("allow_once")), now(6)));
    assert_eq!(late, ["d r1 cancelled (answered on this computer)"]);
    assert_eq!(remote.resolved(push("r1", "d", approved("allow_once")), now(7)), []);

    let mut lapsed = asked();
    assert!(short(&lapsed.gone("a", now(5)))[0].starts_with("d key_a cancelled (not asked any more"));
}

#[test]
fn a_question_that_went_while_orgx_was_being_told_is_taken_back_there() {
    let mut remote = Remote::new("plugin");
    remote.appeared(item("a"), now(0));
    remote.tick(now(0));
    remote.answered_here("a");
    assert_eq!(remote.gone("a", now(1)), []);
    assert_eq!(
        remote.resolved(push("r1", "d", approved("allow_once")), now(2)),
        [],
        "which one is not known yet"
    );
    let told = short(&created(&mut remote, "key_a", "d", 3));
    assert_eq!(
        told,
        ["d key_a cancelled (answered on this computer)", "d r1 cancelled (answered on this computer)"]
    );
}

#[test]
fn an_answer_that_overtakes_its_questions_id_waits_for_it() {
    let mut remote = Remote::new("plugin");
    remote.appeared(item("a"), now(0));
    remote.tick(now(0));
    assert_eq!(remote.resolved(push("r1", "d", approved("allow_once")), now(1)), []);
    let actions = short(&created(&mut remote, "key_a", "d", 2));
    assert_eq!(actions, ["d r1 answer_received", "d r1 resuming", "a: Allow"]);
}

#[test]
fn an_answer_to_nothing_or_to_another_run_is_refused_and_changes_nothing() {
    let mut remote = asked();
    let told = short(&remote.resolved(push("r1", "other", approved("allow_once")), now(1)));
    assert_eq!(told, ["other r1 resume_failed (nothing on this computer waits for this answer)"]);
    for (key, change) in [
        ("r2", (|resolve| resolve.run_id = RunId::new("x")) as fn(&mut Resolve)),
        ("r3", |resolve| resolve.driver = Some("codex".into())),
        ("r4", |resolve| resolve.session = Some(SessionHandle::new("ses_2"))),
    ] {
        let mut resolve = push(key, "d", approved("allow_once"));
        change(&mut resolve);
        let told = short(&remote.resolved(resolve, now(2)));
        assert!(told.len() == 1 && told[0].contains("resume_failed (the answer names another"), "{told:?}");
    }
    assert!(remote.has("a"), "it is still asked");
}

#[test]
fn an_unclear_answer_is_told_and_the_question_stays_open() {
    let mut remote = asked();
    let told = short(&remote.resolved(push("r1", "d", approved("allow_always")), now(1)));
    assert_eq!(told, ["d r1 resume_failed (the answer names an option that was not offered)"]);
    assert_eq!(
        remote.poll_timeout(),
        Some(Millis(1)),
        "the word is to be posted; a poll would say the same again"
    );
    assert!(remote.knows("a") && !remote.has("a"), "OrgX takes it for answered");
    let again = short(&remote.resolved(push("r2", "d", approved("allow_once")), now(2)));
    assert_eq!(again, ["d r2 answer_received", "d r2 resuming", "a: Allow"]);
}

#[test]
fn orgx_unwilling_leaves_the_question_here_with_one_word_and_orgx_away_is_tried_again() {
    for (status, word) in
        [(402, "paid plan"), (404, "takes no questions"), (403, "(403)"), (200, "could not be used")]
    {
        let mut remote = Remote::new("plugin");
        for id in ["a", "b"] {
            remote.appeared(item(id), now(0));
            remote.tick(now(0));
            let actions =
                remote.created(&format!("key_{id}"), Err(Answer::Status(status, None)), now(1), 0.5);
            let warned = short(&actions);
            assert_eq!(warned.len(), usize::from(id == "a"), "once");
            assert!(warned.iter().all(|words| words.contains(word)), "{warned:?}");
            assert!(remote.knows(id) && !remote.has(id));
        }
        assert_eq!(remote.poll_timeout(), None);
        assert_eq!(remote.gone("a", now(2)), []);
    }
    let mut remote = Remote::new("plugin");
    remote.appeared(item("a"), now(0));
    let mut at = 0;
    for (answer, wait) in [
        (Answer::Unreachable, 500),
        (Answer::Status(500, None), 1_000),
        (Answer::Status(429, Some(std::time::Duration::from_secs(9))), 9_000),
    ] {
        assert_eq!(short(&remote.tick(now(at))), ["create key_a"]);
        assert_eq!(remote.created("key_a", Err(answer), now(at), 0.5), []);
        at += wait;
        assert_eq!(remote.poll_timeout(), Some(Millis(at)));
    }
    remote.opened(now(at - 100));
    assert_eq!(short(&remote.tick(now(at - 100))), ["create key_a"], "OrgX is back");
}

#[test]
fn a_task_without_an_initiative_and_one_question_too_many_stay_here() {
    let mut remote = Remote::new("plugin");
    let homeless = Item { scope: Scope::default(), ..item("h") };
    let warned = short(&remote.appeared(homeless.clone(), now(0)));
    assert!(warned[0].contains("which initiative"), "{warned:?}");
    assert_eq!(remote.appeared(Item { id: "h2".into(), ..homeless }, now(0)), []);
    assert_eq!(remote.tick(now(0)), []);
    for n in 0..limits::REMOTE_ITEMS - 2 {
        assert_eq!(remote.appeared(item(&n.to_string()), now(0)), []);
    }
    let warned = short(&remote.appeared(item("more"), now(0)));
    assert_eq!(
        warned,
        ["warn: 100 questions are open at OrgX already: what it asks can be answered on this computer only."]
    );
    assert_eq!(remote.tick(now(0)).len(), limits::REMOTE_CALLS);
    assert_eq!(remote.poll_timeout(), None, "an answer makes room");
}

#[test]
fn a_word_is_posted_in_its_turn_until_it_is_taken_and_not_for_ever() {
    let mut remote = asked();
    remote.resolved(push("r1", "d", approved("allow_once")), now(0));
    remote.applied("a", Ok(()), now(0));
    let mut number = 0;
    let next = |remote: &mut Remote, number: &mut u64, at| match &remote.tick(now(at))[..] {
        [Action::Post { number: n, key, decision, body }] => {
            *number = *n;
            let body: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!((decision.as_str(), &body["run_id"]), ("d", &json!("run")));
            assert_eq!(format!("r1:{}", body["state"].as_str().expect("a state")), *key);
            key.clone()
        }
        other => panic!("one post, not {other:?}"),
    };
    assert_eq!(next(&mut remote, &mut number, 0), "r1:answer_received");
    assert_eq!(remote.tick(now(0)), [], "the next one waits for it");
    remote.posted(number, Answer::Status(200, None), now(0), 0.5);
    assert_eq!(next(&mut remote, &mut number, 0), "r1:resuming");
    remote.posted(number, Answer::Status(404, None), now(0), 0.5);
    let mut at = 0;
    for _ in 0..limits::REMOTE_POSTS {
        assert_eq!(next(&mut remote, &mut number, at), "r1:resumed");
        remote.posted(number, Answer::Status(500, None), now(at), 0.5);
        at = remote.poll_timeout().map_or(at, |next| next.0);
    }
    assert_eq!(remote.poll_timeout(), None, "it went over the socket, too");
}

#[test]
fn a_word_by_http_is_these_bytes() {
    let mut remote = asked();
    remote.answered_here("a");
    remote.gone("a", now(0));
    let [Action::Post { key, body, .. }] = &remote.tick(now(0))[..] else { panic!("one post") };
    assert_eq!(key, "key_a:cancelled");
    assert_eq!(
        serde_json::from_str::<Value>(body).expect("JSON"),
        json!({"run_id": "run", "source_client": "plugin", "state": "cancelled", "idempotency_key": "key_a",
               "session_handle": "ses_1", "detail": "answered on this computer",
               "occurred_at": "2026-11-20T10:00:00.000Z"})
    );
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut remote = asked();
    for n in 0..3 * limits::REMOTE_KEPT {
        remote.resolved(push(&format!("r{n}"), "unknown", approved("allow_once")), now(1));
    }
    assert_eq!(
        (remote.handled.len(), remote.posts.len()),
        (limits::REMOTE_KEPT, limits::REMOTE_WAITING_POSTS)
    );
    remote.appeared(item("b"), now(2));
    let mut other = Remote::new("plugin");
    other.appeared(item("a"), now(0));
    other.tick(now(0));
    for n in 0..2 * limits::REMOTE_EARLY {
        other.resolved(push(&format!("r{n}"), &format!("d{n}"), approved("deny")), now(1));
    }
    assert_eq!(other.early.len(), limits::REMOTE_EARLY);
}

#[test]
fn a_question_that_is_taken_back_at_orgx_is_still_asked_here() {
    let mut remote = asked();
    let back = Resolution { status: ResolutionStatus::Cancelled, ..approved("allow_once") };
    let told = short(&remote.resolved(push("r1", "d", back), now(1)));
    assert_eq!(told, ["d r1 cancelled (taken back at OrgX; it is still asked on this computer)"]);
    assert!(remote.knows("a") && !remote.has("a"));
    assert_eq!(remote.gone("a", now(2)), [], "OrgX has been told");
}

#[test]
fn a_question_that_orgx_has_had_before_is_answered_here() {
    for answered in [false, true] {
        let mut remote = asked();
        if answered {
            remote.resolved(push("r1", "d", approved("allow_once")), now(1));
            remote.applied("a", Ok(()), now(1));
        } else {
            remote.gone("a", now(1));
        }
        remote.appeared(Item { key: "key_a".into(), ..item("a2") }, now(2));
        assert!(short(&remote.tick(now(2))).contains(&"create key_a".to_owned()));
        assert_eq!(created(&mut remote, "key_a", "d", 3), []);
        assert!(remote.knows("a2") && !remote.has("a2"));
        let later = short(&remote.tick(now(60_000)));
        assert!(later.iter().all(|action| !action.starts_with("poll")), "{later:?}");
        assert_eq!(
            remote.polled("key_a", Ok(Poll::Resolved(Ok(approved("allow_once")))), now(60_001), 0.5),
            []
        );
    }
}
