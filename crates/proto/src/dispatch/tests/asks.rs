//! What an agent asks while it works.

use super::*;
use crate::agent::{AgentAsk, Asked, Choice, Permission, Question};
use crate::ids::AskId;
use crate::run::{Unfit, Verdict};

fn bash(id: &str, command: &str) -> AgentAsk {
    let permission = Permission {
        kind: "bash".into(),
        patterns: vec![command.into()],
        command: Some(Redacted::new(command)),
        ..Permission::default()
    };
    AgentAsk { id: AskId::new(id), by: None, what: Asked::Permission(permission) }
}

fn question(text: &str) -> Question {
    let choices = ["Red", "Blue"].map(|label| Choice { label: label.into(), description: String::new() });
    Question { text: text.into(), choices: choices.into(), ..Question::default() }
}

fn questions(id: &str, questions: Vec<Question>) -> AgentAsk {
    AgentAsk { id: AskId::new(id), by: Some("explore".into()), what: Asked::Questions(questions) }
}

/// A run that works, with 900 s.
fn working() -> (Dispatcher, RunId) {
    let mut it = dispatcher();
    running(&mut it, "r", "k", 0);
    (it, RunId::new("r"))
}

fn open_asks(it: &Dispatcher) -> Vec<String> {
    it.runs().flat_map(|run| run.asks.open()).map(|open| open.ask.id.to_string()).collect()
}

fn say(it: &mut Dispatcher, id: &str, verdict: Verdict) -> Vec<String> {
    let answered = it.answer(&RunId::new("r"), &AskId::new(id), verdict, now(5)).expect("it is asked");
    names(&answered.expect("it fits"))
}

fn step(words: &str) -> [String; 2] {
    ["record task_step".to_owned(), format!("task.step {words}")]
}

#[test]
fn an_ask_is_answered_once_and_whoever_is_late_is_told() {
    for (verdict, reply, word) in [
        (Verdict::Once, "Once".to_owned(), "allowed once"),
        (Verdict::ForRun, "Once".to_owned(), "allowed for this run"),
        (Verdict::No(Some("use make".into())), "No(\"use make\")".to_owned(), "denied"),
        (Verdict::No(Some(" ".into())), format!("No({DENIED:?})"), "denied"),
        (Verdict::No(None), format!("No({DENIED:?})"), "denied"),
    ] {
        let (mut it, run) = working();
        let asked = names(&it.asked(&run, bash("per_1", "rm -rf secret"), now(1)));
        assert_eq!(asked, step("asked for permission (bash)"), "never what");
        assert_eq!(it.asked(&run, bash("per_1", "rm -rf secret"), now(2)), [], "a repeat is the same ask");
        assert!(it.run(&run).is_some_and(Run::needs_you));
        let answered = say(&mut it, "per_1", verdict.clone());
        assert_eq!(answered[0], format!("reply per_1 {reply}"));
        assert_eq!(answered[1..], step(&format!("{word} (bash)")));
        assert_eq!(it.answer(&run, &AskId::new("per_1"), verdict, now(6)), None, "one answer");
        assert_eq!(
            it.ask_gone(&run, &AskId::new("per_1"), now(6)),
            [],
            "the agent's own word for our answer"
        );
        assert!(!it.run(&run).is_some_and(Run::needs_you));
    }
}

const DENIED: &str = "The person does not want this. Go on without it, in another way, or say in your final answer \
                      what could not be done.";

#[test]
fn what_is_allowed_for_the_run_is_not_asked_again_and_anything_else_is() {
    let (mut it, run) = working();
    it.asked(&run, bash("per_1", "make test"), now(1));
    say(&mut it, "per_1", Verdict::ForRun);
    let again = names(&it.asked(&run, bash("per_2", "make test"), now(6)));
    assert_eq!(again[0], "reply per_2 Once");
    assert_eq!(again[1..], step("allowed as before (bash)"));
    let edit = AgentAsk {
        what: Asked::Permission(Permission {
            kind: "edit".into(),
            patterns: vec!["make test".into()],
            ..Permission::default()
        }),
        ..bash("per_4", "")
    };
    let mut same_parts = bash("per_5", "make test");
    if let Asked::Permission(permission) = &mut same_parts.what {
        permission.command = Some(Redacted::new("make test > ~/.bashrc"));
    }
    for other in [bash("per_3", "make test install"), edit, same_parts] {
        let id = other.id.clone();
        it.asked(&run, other, now(7));
        assert!(open_asks(&it).contains(&id.to_string()), "{id}");
    }
    running(&mut it, "s", "l", 8);
    it.asked(&RunId::new("s"), bash("per_6", "make test"), now(9));
    assert!(open_asks(&it).contains(&"per_6".to_owned()), "it is for that run only");
    it.asked(&run, questions("que_1", vec![question("Which?")]), now(9));
    assert!(open_asks(&it).contains(&"que_1".to_owned()));
}

#[test]
fn allowances_past_their_bound_are_asked_about_again() {
    let (mut it, run) = working();
    for n in 0..=limits::ALLOWED_FOR_RUN {
        it.asked(&run, bash(&format!("per_{n}"), &format!("make {n}")), now(1));
        say(&mut it, &format!("per_{n}"), Verdict::ForRun);
    }
    it.asked(&run, bash("old", "make 0"), now(6));
    it.asked(&run, bash("new", "make 1"), now(6));
    assert_eq!(open_asks(&it), ["old"]);
}

#[test]
fn nobody_in_time_is_a_no_that_lets_the_agent_go_on() {
    for (timeout_s, asked_at, lapses) in
        [(900, 0, 840_000), (7_200, 0, 1_800_000), (7_200, 600_000, 2_400_000), (3_600, 3_000_000, 3_540_000)]
    {
        let mut it = dispatcher();
        let run = RunId::new("r");
        it.dispatch(Dispatch { timeout: Duration::from_secs(timeout_s), ..dispatch("r", "k") }, now(0));
        it.folder(&run, Ok(None), now(0));
        open(&mut it, "r", 0).expect("a start");
        it.asked(&run, bash("per_1", "ls"), now(asked_at));
        assert_eq!(it.poll_timeout(), Some(Millis(lapses)), "{timeout_s} s");
        assert_eq!(names(&it.tick(now(lapses - 1))), [""; 0]);
        let lapsed = names(&it.tick(now(lapses)));
        assert!(lapsed[0].starts_with("reply per_1 No(\"Nobody answered in time. Go on"), "{lapsed:?}");
        assert_eq!(lapsed[1..], step("not answered in time; told to go on (bash)"));
        assert_eq!(open_asks(&it), [""; 0]);
        assert!(matches!(it.run(&run).map(|run| run.phase), Some(Phase::Running { .. })), "it goes on");
    }
}

#[test]
fn an_ask_that_comes_in_the_last_minute_is_told_to_go_on_at_once() {
    let (mut it, run) = working();
    let effects = names(&it.asked(&run, bash("per_1", "ls"), now(850_000)));
    assert_eq!(effects[1], "task.step asked for permission (bash)");
    assert!(effects[2].starts_with("reply per_1 No(\"Nobody"), "{effects:?}");
    assert_eq!(open_asks(&it), [""; 0]);
}

#[test]
fn questions_are_answered_each_and_an_answer_of_another_shape_leaves_them_open() {
    let (mut it, run) = working();
    let free = Question { free: true, ..question("Why?") };
    let several = Question { multiple: true, ..question("Which?") };
    let ask = questions("que_1", vec![question("What?"), free, several]);
    assert_eq!(names(&it.asked(&run, ask, now(1))), step("asked 3 questions"));
    let answers = |all: &[&[&str]]| {
        let all = all.iter().map(|one| one.iter().map(|one| (*one).to_owned()).collect());
        Verdict::Answers(all.collect())
    };
    let long = "x".repeat(limits::ANSWER_CHARS + 1);
    for (verdict, why) in [
        (
            answers(&[&["Red"]]),
            "the agent asks 3 questions, and 1 answer came: give one answer to each question, in their order",
        ),
        (
            answers(&[&["Red"], &["x"], &["Red"], &["Red"]]),
            "the agent asks 3 questions, and 4 answers came: give one answer to each question, in their order",
        ),
        (answers(&[&["Red"], &[], &["Red"]]), "question 2 has no answer: give one, or deny it all"),
        (answers(&[&["Red"], &[" "], &["Red"]]), "question 2 has no answer: give one, or deny it all"),
        (answers(&[&["Red", "Blue"], &["x"], &["Red"]]), "question 1 takes one answer"),
        (answers(&[&["Green"], &["x"], &["Red"]]), "question 1 takes one of its choices only: Red, Blue"),
        (
            answers(&[&["Red"], &["x"], &["Red", "Pink"]]),
            "question 3 takes one of its choices only: Red, Blue",
        ),
        (Verdict::Once, "the agent asks a question: answer it, or deny it"),
        (Verdict::ForRun, "the agent asks a question: answer it, or deny it"),
        (answers(&[&["Red"], &[&long], &["Red"]]), "an answer or a reason has at most 4000 characters"),
        (Verdict::No(Some(long.clone())), "an answer or a reason has at most 4000 characters"),
    ] {
        let unfit = it.answer(&run, &AskId::new("que_1"), verdict, now(2)).expect("it is asked");
        assert_eq!(unfit.expect_err("it does not fit").to_string(), why);
        assert_eq!(open_asks(&it), ["que_1"]);
    }
    let said = say(&mut it, "que_1", answers(&[&["Red"], &["because"], &["Red", "Blue"]]));
    assert_eq!(said[0], "reply que_1 Answers([[\"Red\"], [\"because\"], [\"Red\", \"Blue\"]])");
    assert_eq!(said[1..], step("answered (question)"));

    it.asked(&run, questions("que_2", vec![question("What?")]), now(3));
    assert_eq!(say(&mut it, "que_2", Verdict::No(None))[1..], step("denied (question)"));
    it.asked(&run, bash("per_1", "ls"), now(4));
    let unfit = it.answer(&run, &AskId::new("per_1"), answers(&[&["yes"]]), now(5));
    assert_eq!(unfit, Some(Err(Unfit::IsPermission)));
}

#[test]
fn what_was_answered_elsewhere_waits_no_more() {
    let (mut it, run) = working();
    it.asked(&run, bash("per_1", "ls"), now(1));
    assert_eq!(names(&it.ask_gone(&run, &AskId::new("per_1"), now(2))), step("answered elsewhere (bash)"));
    assert_eq!(it.answer(&run, &AskId::new("per_1"), Verdict::Once, now(3)), None);
    assert_eq!(it.ask_gone(&run, &AskId::new("per_1"), now(4)), [], "told twice");
}

#[test]
fn an_answer_that_did_not_arrive_is_asked_for_again() {
    let (mut it, run) = working();
    it.asked(&run, bash("per_1", "ls"), now(1));
    say(&mut it, "per_1", Verdict::Once);
    it.asked(&run, bash("per_1", "ls"), now(6));
    assert_eq!(open_asks(&it), ["per_1"]);
    assert_eq!(say(&mut it, "per_1", Verdict::Once)[0], "reply per_1 Once");
}

#[test]
fn a_run_that_is_stopped_or_over_asks_nothing() {
    let (mut it, run) = working();
    it.asked(&run, bash("per_1", "ls"), now(1));
    assert_eq!(names(&it.cancel(&run, now(2))), ["cancelled r", "ask r"], "no reply");
    assert_eq!(open_asks(&it), [""; 0]);
    assert_eq!(it.answer(&run, &AskId::new("per_1"), Verdict::Once, now(3)), None);
    assert_eq!(it.asked(&run, bash("per_2", "ls"), now(4)), [], "nor does it begin to");
    it.ended(&run, &completed(), now(5));
    assert_eq!(it.answer(&run, &AskId::new("per_1"), Verdict::Once, now(6)), None);
    assert_eq!(it.asked(&run, bash("per_3", "ls"), now(7)), []);

    let (mut it, run) = working();
    it.asked(&run, bash("per_1", "ls"), now(1));
    assert_eq!(
        names(&it.tick(now(900_000)))[0].split(' ').next(),
        Some("reply"),
        "a late clock: both are due"
    );
    assert!(matches!(it.run(&run).map(|run| run.phase), Some(Phase::Cancelling { .. })));
    assert!(names(&it.stop(now(900_001))).contains(&"task.failed timed out after 900 s".to_owned()));
}

#[test]
fn an_agent_that_asks_without_end_is_declined() {
    let (mut it, run) = working();
    for n in 0..limits::OPEN_ASKS {
        it.asked(&run, bash(&format!("per_{n}"), "ls"), now(1));
    }
    let effects = names(&it.asked(&run, bash("one-more", "ls"), now(2)));
    assert!(effects[0].starts_with("reply one-more No(\"Too many questions wait"), "{effects:?}");
    assert_eq!(
        effects[1..],
        step("asked for permission (bash); declined, because 32 wait for the person already")
    );
    assert_eq!(open_asks(&it).len(), limits::OPEN_ASKS);
    say(&mut it, "per_0", Verdict::Once);
    it.asked(&run, bash("one-more", "ls"), now(6));
    assert_eq!(open_asks(&it).len(), limits::OPEN_ASKS, "there is room again");
}

#[test]
fn what_an_own_task_asks_stays_here() {
    let mut it = dispatcher();
    it.dispatch(Dispatch { local: true, ..dispatch("r", "k") }, now(0));
    it.folder(&RunId::new("r"), Ok(None), now(0));
    open(&mut it, "r", 0).expect("a start");
    assert_eq!(names(&it.asked(&RunId::new("r"), bash("per_1", "ls"), now(1))), ["tell of r"]);
    assert_eq!(say(&mut it, "per_1", Verdict::Once), ["reply per_1 Once", "tell of r"]);
}

#[test]
fn an_agent_that_asks_too_much_at_once_is_told_to_ask_less() {
    let (mut it, run) = working();
    let many = vec![question("What?"); limits::ASKED_QUESTIONS + 1];
    let mut long = question("What?");
    long.choices = vec![Choice::default(); limits::ASKED_CHOICES + 1];
    for (asked, words) in [(many, "asked 17 questions"), (vec![long], "asked a question")] {
        let effects = names(&it.asked(&run, questions("que_1", asked), now(1)));
        let told = "reply que_1 No(\"Ask at most 16 questions at once, each with at most 32 choices, or go on without.\")";
        assert_eq!(effects[0], told);
        assert_eq!(effects[1..], step(&format!("{words}; told to ask less at once")));
        assert_eq!(open_asks(&it), [""; 0]);
    }
    it.asked(&run, questions("que_2", vec![question("What?"); limits::ASKED_QUESTIONS]), now(1));
    assert_eq!(open_asks(&it), ["que_2"]);
}
