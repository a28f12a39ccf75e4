//! What each answer means.

use super::*;

fn resolution(
    status: ResolutionStatus,
    answers: &[&str],
    note: Option<&str>,
    options: &[&str],
) -> Resolution {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Resolution { status, answers: owned(answers), note: note.map(Into::into), options: owned(options) }
}

#[test]
fn only_what_is_clearly_a_yes_is_one() {
    use ResolutionStatus::{Approved, Cancelled, Declined};
    let form = item("a").form;
    let deny = |reason: Option<&str>| Ok(Said::Deny(reason.map(Into::into)));
    let unclear = |why: &str| Err(Redacted::new(why));
    let unknown = || unclear("the answer names an option that was not offered");
    for ((status, answers, note, options), means) in [
        ((Approved, &[][..], None, &["allow_once"][..]), Ok(Said::Allow)),
        ((Approved, &[], Some("please"), &["allow_once"]), Ok(Said::Allow)),
        ((Approved, &["Allow once"], None, &["allow_once"]), Ok(Said::Allow)),
        ((Approved, &["allow_for_run"], None, &[]), Ok(Said::AllowForRun)),
        ((Approved, &[], None, &[]), Ok(Said::Allow)),
        (
            (Approved, &[], Some("no, stop"), &[]),
            unclear("the answer names no option, so it is not taken for a yes"),
        ),
        ((Approved, &["no, stop"], None, &[]), unknown()),
        ((Approved, &[], None, &["always"]), unknown()),
        ((Approved, &["no"], None, &["allow_once"]), unknown()),
        ((Approved, &[], None, &["allow_once", "deny"]), unclear("the answer names several options")),
        (
            (Approved, &[], None, &["allow_once", "allow_for_run"]),
            unclear("the answer names several options"),
        ),
        ((Approved, &[], Some("too risky"), &["deny"]), deny(Some("too risky"))),
        ((Declined, &[], None, &[]), deny(None)),
        ((Declined, &[], None, &["allow_once"]), deny(None)),
        ((Declined, &["use git mv"], None, &[]), deny(Some("use git mv"))),
        ((Declined, &["Deny"], None, &[]), deny(None)),
        ((Declined, &[], Some("token=abcdef"), &[]), deny(Some("token=[redacted]"))),
        (
            (Cancelled, &[], None, &["allow_once"]),
            unclear("taken back at OrgX; it is still asked on this computer"),
        ),
    ] {
        let given = resolution(status, answers, note, options);
        assert_eq!(reading::read(&form, 0, &given), means, "{given:?}");
    }
}

#[test]
fn where_only_a_no_is_offered_a_plain_yes_is_none() {
    let Form::Choose { question, context, kind, options } = item("a").form else { panic!("a choice") };
    let options = options.into_iter().filter(|offered| offered.means == Means::No).collect();
    let form = Form::Choose { question, context, kind, options };
    let read = |options: &[&str]| {
        reading::read(&form, 0, &resolution(ResolutionStatus::Approved, &[], None, options))
    };
    assert_eq!(read(&[]), Err(Redacted::new("it can be allowed on the computer that runs the task only")));
    assert_eq!(read(&["allow_once"]), Err(Redacted::new("the answer names an option that was not offered")));
    assert_eq!(read(&["deny"]), Ok(Said::Deny(None)));
}

#[test]
fn of_questions_that_orgx_takes_in_part_only_the_rest_is_taken_back() {
    let only_here = "cancelled (it can be answered on the computer that runs the task only)";
    let form = Form::Questions(vec![question(false, true), question(true, false)]);
    for first in [true, false] {
        let mut remote = Remote::new("plugin");
        remote.appeared(Item { form: form.clone(), ..item("a") }, now(0));
        remote.tick(now(0));
        let refuse = |remote: &mut Remote, at| {
            let refused = short(&remote.created("key_a:0", Err(Answer::Status(403, None)), now(at), 0.5));
            assert!(refused.iter().any(|said| said.starts_with("warn: ")), "{refused:?}");
            refused.into_iter().filter(|said| !said.starts_with("warn: ")).collect::<Vec<_>>()
        };
        let mut told = Vec::new();
        if first {
            told.extend(refuse(&mut remote, 1));
        }
        told.extend(short(&created(&mut remote, "key_a:1", "d1", 2)));
        if !first {
            told.extend(refuse(&mut remote, 3));
        }
        assert_eq!(told, [format!("d1 key_a:1 {only_here}")], "refused first: {first}");
        assert!(remote.knows("a") && !remote.has("a"));
        let late = short(&remote.resolved(push("r1", "d1", approved("q2-o1")), now(4)));
        assert_eq!(late, [format!("d1 r1 {only_here}")]);
        assert!(!short(&remote.tick(now(60_000))).iter().any(|action| action.starts_with("poll")));
    }
}

#[test]
fn a_no_takes_back_what_orgx_is_still_being_told() {
    let mut remote = Remote::new("plugin");
    let form = Form::Questions(vec![question(false, true), question(true, false)]);
    remote.appeared(Item { form, ..item("a") }, now(0));
    remote.tick(now(0));
    created(&mut remote, "key_a:0", "d0", 0);
    let no = resolution(ResolutionStatus::Declined, &[], None, &[]);
    remote.resolved(push("r1", "d0", no), now(1));
    assert_eq!(short(&remote.applied("a", Ok(()), now(2))), ["d0 r1 resumed"]);
    let told = short(&created(&mut remote, "key_a:1", "d1", 3));
    assert_eq!(told, ["d1 key_a:1 cancelled (another question of the same request was declined)"]);
}

#[test]
fn a_question_takes_its_choices_and_words_where_they_may_be() {
    use ResolutionStatus::Approved;
    let unknown = || Err(Redacted::new("the answer names an option that was not offered"));
    let many = || Err(Redacted::new("the answer names several options"));
    let ok =
        |labels: &[&str]| Ok(Said::Answers(vec![labels.iter().map(|label| (*label).to_owned()).collect()]));
    let (one, several, free) = (question(false, false), question(true, false), question(false, true));
    let open = Question { choices: Vec::new(), ..free.clone() };
    for (question, answers, note, options, means) in [
        (&one, &[][..], None, &["q1-o2"][..], ok(&["Blue"])),
        (&one, &["Red"], None, &[], ok(&["Red"])),
        (&one, &["q1-o1"], None, &[], ok(&["Red"])),
        (&one, &["Red"], None, &["q1-o1"], ok(&["Red"])),
        (&one, &[], None, &["q2-o1"], unknown()),
        (&one, &["Green"], None, &[], unknown()),
        (&one, &[], None, &["q1-o1", "q1-o2"], many()),
        (&one, &[], Some("well"), &[], Err(Redacted::new("the answer says nothing"))),
        (&several, &[], None, &["q1-o1", "q1-o2"], ok(&["Red", "Blue"])),
        (&free, &["Green"], None, &[], ok(&["Green"])),
        (&free, &["q1-o1", "Green"], None, &[], many()),
        (&open, &[], Some("Green"), &[], ok(&["Green"])),
        (&open, &[], None, &[], Err(Redacted::new("the answer says nothing"))),
    ] {
        let given = resolution(Approved, answers, note, options);
        assert_eq!(reading::read(&Form::Questions(vec![question.clone()]), 0, &given), means, "{given:?}");
    }
}

fn two_questions() -> Remote {
    let mut remote = Remote::new("plugin");
    let form = Form::Questions(vec![question(false, false), question(true, true)]);
    remote.appeared(Item { form, ..item("a") }, now(0));
    assert_eq!(short(&remote.tick(now(0))), ["create key_a:0", "create key_a:1"]);
    created(&mut remote, "key_a:0", "d0", 0);
    assert!(!remote.has("a"), "one of them is still to come");
    created(&mut remote, "key_a:1", "d1", 0);
    assert!(remote.has("a"));
    remote
}

#[test]
fn two_questions_are_two_decisions_and_one_answer() {
    let mut remote = two_questions();
    let second = resolution(ResolutionStatus::Approved, &["Green"], None, &["q2-o1"]);
    assert_eq!(short(&remote.resolved(push("r2", "d1", second), now(1))), ["d1 r2 answer_received"]);
    let first = remote.resolved(push("r1", "d0", approved("q1-o2")), now(2));
    assert_eq!(
        short(&first),
        [
            "d0 r1 answer_received",
            "d0 r1 resuming",
            "d1 r2 resuming",
            r#"a: Answers([["Blue"], ["Red", "Green"]])"#
        ]
    );
    assert_eq!(short(&remote.applied("a", Ok(()), now(3))), ["d0 r1 resumed", "d1 r2 resumed"]);
}

#[test]
fn a_no_to_one_question_is_a_no_to_all() {
    let mut remote = two_questions();
    let no = resolution(ResolutionStatus::Declined, &[], Some("ask Ann"), &[]);
    let actions = short(&remote.resolved(push("r1", "d0", no), now(1)));
    assert_eq!(actions, ["d0 r1 answer_received", "d0 r1 resuming", r#"a: Deny(Some("ask Ann"))"#]);
    assert_eq!(
        short(&remote.applied("a", Ok(()), now(2))),
        ["d0 r1 resumed", "d1 key_a:1 cancelled (another question of the same request was declined)"]
    );
}

#[test]
fn an_answer_that_nobody_waited_for_any_more_is_told_so() {
    let mut remote = asked();
    remote.resolved(push("r1", "d", approved("allow_once")), now(1));
    let told = short(&remote.applied("a", Err(NotGiven::NotWaiting), now(2)));
    assert_eq!(told, ["d r1 resume_failed (the run did not wait for this answer any more)"]);
    let mut unfit = asked();
    unfit.resolved(push("r1", "d", approved("allow_once")), now(1));
    let told = short(&unfit.applied("a", Err(NotGiven::Unfit), now(2)));
    assert_eq!(told, ["d r1 resume_failed (the answer does not fit what is asked)"]);
    assert!(remote.knows("a") && !remote.has("a"), "if it is still asked, it is asked here");
    assert_eq!(remote.gone("a", now(3)), []);
}

#[test]
fn a_poll_is_read_as_the_reference_reads_it() {
    let of = |question: Value| poll(&json!({ "question": question }));
    assert_eq!(poll(&json!({})), Poll::Open);
    assert_eq!(poll(&json!([1])), Poll::Open);
    assert_eq!(of(json!({"resolved": "true", "answer": "allow_once"})), Poll::Open);
    assert_eq!(of(json!({"resolved": false, "answer": "allow_once"})), Poll::Open);
    let yes = resolution(ResolutionStatus::Approved, &["allow_once"], None, &[]);
    let chosen = resolution(ResolutionStatus::Approved, &[], None, &["allow_once"]);
    for (question, means) in [
        (json!({"resolved": true, "answer": "allow_once"}), Ok(yes.clone())),
        (json!({"resolved": true, "status": "resolved", "answer": "allow_once"}), Ok(yes)),
        (
            json!({"resolved": true, "resolution_context": {"selected_option_ids": ["allow_once"]}}),
            Ok(chosen),
        ),
        (
            json!({"resolved": true, "status": "declined", "answer": "allow_once"}),
            Ok(resolution(ResolutionStatus::Declined, &["allow_once"], None, &[])),
        ),
        (json!({"resolved": true}), Err(Redacted::new("the answer has no status"))),
        (
            json!({"resolved": true, "status": "expired", "answer": "allow_once"}),
            Err(Redacted::new("the status expired is not known")),
        ),
        (json!({"resolved": true, "answer": {}}), Err(Redacted::new("answer is not a text"))),
    ] {
        assert_eq!(of(question.clone()), Poll::Resolved(means), "{question}");
        assert!(matches!(poll(&json!({"ok": true, "data": {"question": question}})), Poll::Resolved(_)));
    }
    assert_eq!(decision_id(&json!({"decision_id": "d"})), Some(DecisionId::new("d")));
    for nothing in [json!({}), json!({"decision_id": 7}), json!({"decision_id": "x".repeat(257)})] {
        assert_eq!(decision_id(&nothing), None);
    }
}

#[test]
fn a_question_that_is_posted_is_this() {
    let body = |item: &Item, at: usize| -> Value {
        serde_json::from_str(&wire::create(item, at, "key")).expect("JSON")
    };
    assert_eq!(
        body(&item("a"), 0),
        json!({
            "run_id": "run", "source_client": "opencode", "idempotency_key": "key", "initiative_id": "ini",
            "question": "May it run this command?", "context": "ls", "blocking": true, "attention_kind": "question",
            "response_mode": "single_select", "source_tool": "permission", "source_event_id": "per_1",
            "source_session_id": "ses_1",
            "impact_if_delayed": "The run waits, and the answer is no when nobody gives one in time.",
            "recommended_action": "Answer here or on the computer that runs the task; the first answer counts.",
            "options": [{"id": "allow_once", "label": "Allow once"},
                        {"id": "allow_for_run", "label": "Allow for this run"}, {"id": "deny", "label": "Deny"}],
            "continuation": {"strategy": "reply_in_place", "session_handle": "ses_1", "tool_call_id": "per_1",
                             "capability_version": "orgx-peer-attention-v1"},
        })
    );
    let questions = Form::Questions(vec![
        Question { text: "token=abcdef?".into(), ..question(true, true) },
        Question { choices: Vec::new(), ..question(false, true) },
    ]);
    let asked = Item { form: questions, session: None, ..item("a") };
    let first = body(&asked, 0);
    assert_eq!(
        (&first["question"], &first["response_mode"]),
        (&json!("token=[redacted]"), &json!("multi_select"))
    );
    assert_eq!(first["options"][1], json!({"id": "q1-o2", "label": "Blue", "description": ""}));
    assert_eq!(first["context"], "Pick\n\nQuestion 1 of 2: the agent goes on once all are answered.");
    let second = body(&asked, 1);
    assert_eq!((&second["response_mode"], second.get("options")), (&json!("free_text"), None));
    assert_eq!(second["continuation"].get("session_handle"), None);
}

#[test]
fn what_is_shown_is_cut() {
    let choice = |n: usize| Choice { label: format!("{n}"), description: "x".repeat(900) };
    let long =
        Question { text: "y".repeat(900), choices: (0..40).map(choice).collect(), ..question(false, false) };
    let form = Form::Questions(vec![long]);
    let body: Value = serde_json::from_str(&wire::create(&Item { form, ..item("a") }, 0, "k")).expect("JSON");
    let chars = |value: &Value| value.as_str().map(|text| text.chars().count());
    assert_eq!(chars(&body["question"]), Some(limits::REMOTE_TEXT_CHARS));
    assert_eq!(chars(&body["options"][0]["description"]), Some(limits::REMOTE_TEXT_CHARS));
    assert_eq!(body["options"].as_array().map(Vec::len), Some(limits::REMOTE_OPTIONS));
}
