//! What the person is asked before a run starts: about its folder, changes in it, the day's budget.

use super::*;
use crate::run::{BudgetUnit, StartKind, StartQuestion, StartWhat};

const OUTSIDE: &str =
    "the task's folder is outside the folders that the person allowed for OrgX on this computer";

fn ask(it: &mut Dispatcher, run: &str, at: u64) -> Vec<String> {
    it.dispatch(dispatch(run, &format!("k_{run}")), now(at));
    look(it, run, at)
}

/// The folder is found not to be allowed.
fn look(it: &mut Dispatcher, run: &str, at: u64) -> Vec<String> {
    names(&it.ask_folder(&RunId::new(run), format!("/w/{run}"), Failure::lasting(OUTSIDE), now(at)))
}

fn phase(it: &Dispatcher, run: &str) -> Option<Phase> {
    it.run(&RunId::new(run)).map(|run| run.phase)
}

fn refused() -> [String; 2] {
    ["end r".to_owned(), format!("task.failed {OUTSIDE}")]
}

#[test]
fn a_run_that_waits_for_the_person_runs_in_its_turn_once_they_allow_it() {
    let mut it = dispatcher();
    assert_eq!(ask(&mut it, "r", 0), [""; 0]);
    let asked = it.run(&RunId::new("r")).and_then(|run| run.ask.clone()).expect("a question");
    assert_eq!((asked.what, asked.since), (StartWhat::Folder { folder: "/w/r".into() }, now(0)));
    assert_eq!(
        names(&arrive(&mut it, "s", "ks", 1)).last().expect("an effect"),
        "start s",
        "it holds up nobody"
    );
    let allowed = it.allow(&RunId::new("r"), now(2)).expect("it was asking");
    assert_eq!(names(&allowed), ["start r"]);
    let [Effect::Start(start)] = allowed.as_slice() else { panic!("a start") };
    assert_eq!(start.folder.as_deref(), Some("/w/r"));
    assert!(it.allow(&RunId::new("r"), now(3)).is_none(), "one answer");
    assert!(it.deny(&RunId::new("r"), now(3)).is_none());
    assert_eq!(it.queued(), 0);
}

#[test]
fn a_no_ends_it_with_the_failure_that_it_would_have_had_unasked() {
    let mut it = dispatcher();
    ask(&mut it, "r", 0);
    assert_eq!(names(&it.deny(&RunId::new("r"), now(1)).expect("it was asking")), refused());
    assert_eq!(ask(&mut it, "r", 2), [""; 0], "no key was spent: it may be asked again");
}

#[test]
fn nobody_is_waited_for_longer_than_half_an_hour_or_until_a_minute_before_the_tasks_time_is_up() {
    for (timeout_s, lapses) in [(900, 840_000), (7_200, 1_800_000), (1_859, 1_799_000), (30, 0)] {
        let mut it = dispatcher();
        let long = Dispatch { timeout: Duration::from_secs(timeout_s), ..dispatch("r", "k_r") };
        it.dispatch(long, now(0));
        look(&mut it, "r", 0);
        assert_eq!(it.poll_timeout(), Some(Millis(lapses)), "{timeout_s} s");
        if lapses > 0 {
            assert_eq!(names(&it.tick(now(lapses - 1))), [""; 0]);
        }
        assert_eq!(names(&it.tick(now(lapses))), refused(), "{timeout_s} s");
    }
}

#[test]
fn it_can_be_cancelled_and_waits_for_the_next_peer_when_this_one_stops() {
    let mut it = dispatcher();
    ask(&mut it, "r", 0);
    assert_eq!(names(&it.cancel(&RunId::new("r"), now(1))), ["end r", "task.failed cancelled"]);
    ask(&mut it, "r", 2);
    assert_eq!(names(&it.write_again()), ["queue r"], "a new journal has it as one that waits");
    assert_eq!(names(&it.stop(now(3))), [""; 0]);
    let left = Left {
        dispatch: dispatch("r", "k_r"),
        arrived: now(2).wall,
        spent: None,
        cancelled: false,
        after_pause: false,
    };
    let mut next = dispatcher();
    assert_eq!(names(&next.restore(left, now(600_000))), ["check r"]);
    assert_eq!(look(&mut next, "r", 600_000), [""; 0]);
    assert_eq!(next.poll_timeout(), Some(Millis(840_002)), "it has the time it had");
}

#[test]
fn a_paused_peer_asks_and_starts_what_was_allowed_when_it_goes_on() {
    let mut it = dispatcher();
    it.pause(false);
    ask(&mut it, "r", 0);
    assert_eq!(names(&it.allow(&RunId::new("r"), now(1)).expect("it was asking")), [""; 0]);
    assert_eq!(names(&it.resume(now(2))), ["start r"]);
}

#[test]
fn a_drain_waits_for_the_person_too() {
    let mut it = dispatcher();
    ask(&mut it, "r", 0);
    it.pause(true);
    assert_eq!(it.pause_state(), PauseState::Draining);
    it.deny(&RunId::new("r"), now(1));
    assert_eq!(it.pause_state(), PauseState::Paused);
}

#[test]
fn what_is_allowed_is_looked_at_anew_when_it_changes() {
    let mut it = dispatcher();
    let run = RunId::new("r");
    for n in 0..2 {
        running(&mut it, &format!("b{n}"), &format!("kb{n}"), 0);
    }
    ask(&mut it, "r", 0);
    arrive(&mut it, "s", "ks", 0);
    assert_eq!(names(&it.look_again()), ["check r", "check s"]);
    assert_eq!(look(&mut it, "r", 5), [""; 0]);
    assert_eq!(it.run(&run).and_then(|run| Some(run.ask.as_ref()?.since)), Some(now(0)), "the same question");
    assert_eq!(look(&mut it, "s", 5), [""; 0]);
    assert!(matches!(phase(&it, "s"), Some(Phase::NeedsYou { .. })), "its folder is not allowed any more");
    it.folder(&run, Ok(Some("/w/r".into())), now(6));
    assert_eq!(phase(&it, "r"), Some(Phase::Queued { until: Millis(900_000) }), "it is allowed now");
    it.allow(&RunId::new("s"), now(7)).expect("it was asking");
    assert_eq!(names(&it.look_again()), ["check r"], "what the person allowed is not looked at again");
    assert_eq!(look(&mut it, "s", 8), [""; 0]);
    assert!(matches!(phase(&it, "s"), Some(Phase::Queued { .. })), "nor is the answer to an older look");
}

#[test]
fn a_task_of_the_persons_own_is_not_asked_about() {
    let mut it = dispatcher();
    it.dispatch(Dispatch { local: true, ..dispatch("r", "k_r") }, now(0));
    assert_eq!(look(&mut it, "r", 0), ["end r", "tell of r"]);
}

#[test]
fn more_may_run_at_once_from_now_on() {
    let mut it = dispatcher();
    for run in ["a", "b", "c"] {
        arrive(&mut it, run, run, 0);
    }
    assert_eq!(names(&it.set_limits(Limits { concurrent: 3, per_folder: 1 }, now(1))), ["start c"]);
}

fn question(what: StartWhat) -> StartQuestion {
    let refused = Failure::recoverable(&format!("no to {:?}", what.kind()));
    StartQuestion { what, refused }
}

fn folder(run: &str) -> StartQuestion {
    question(StartWhat::Folder { folder: format!("/w/{run}") })
}

fn dirty(run: &str, changes: u64) -> StartQuestion {
    question(StartWhat::Dirty { folder: format!("/w/{run}"), commit: Some("abc1234".into()), changes })
}

fn budget() -> StartQuestion {
    question(StartWhat::Budget { limit: BudgetUnit::Cents, most: 500, used: 501 })
}

fn asked(it: &Dispatcher, run: &str) -> Option<StartKind> {
    it.run(&RunId::new(run)).and_then(|run| Some(run.ask.as_ref()?.what.kind()))
}

#[test]
fn questions_are_asked_in_turn_each_once_and_the_run_starts_after_the_last() {
    let mut it = dispatcher();
    let r = RunId::new("r");
    it.dispatch(dispatch("r", "k_r"), now(0));
    assert_eq!(names(&it.looked(&r, Some("/w/r".into()), vec![dirty("r", 3), folder("r")], now(1))), [""; 0]);
    assert_eq!(asked(&it, "r"), Some(StartKind::Folder));
    assert_eq!(it.run(&r).and_then(|run| run.folder.clone()), None, "no folder yet");
    assert_eq!(names(&it.ask_before_start(&r, budget(), now(2))), [""; 0]);
    assert_eq!(asked(&it, "r"), Some(StartKind::Folder), "one at a time");
    assert_eq!(names(&it.allow(&r, now(3)).expect("asked")), [""; 0]);
    assert_eq!(asked(&it, "r"), Some(StartKind::Dirty));
    assert_eq!(it.run(&r).and_then(|run| run.folder.clone()).as_deref(), Some("/w/r"));
    assert_eq!(names(&it.allow(&r, now(4)).expect("asked")), [""; 0]);
    assert_eq!(asked(&it, "r"), Some(StartKind::Budget));
    assert_eq!(names(&it.allow(&r, now(5)).expect("asked")), ["more for the day", "start r"]);
    assert_eq!(asked(&it, "r"), None);
    // Each question has its own time, within what the run has.
    let mut it = dispatcher();
    it.dispatch(dispatch("r", "k_r"), now(0));
    it.looked(&r, None, vec![folder("r"), dirty("r", 1)], now(0));
    it.allow(&r, now(700_000)).expect("asked");
    assert_eq!(it.poll_timeout(), Some(Millis(840_000)));
    assert_eq!(names(&it.tick(now(840_000))), ["end r", "task.failed no to Dirty"]);
}

#[test]
fn what_was_allowed_is_not_asked_again_and_what_is_none_any_more_is_dropped() {
    let mut it = dispatcher();
    it.set_ask_when_dirty(true);
    let r = RunId::new("r");
    for n in 0..2 {
        running(&mut it, &format!("b{n}"), &format!("kb{n}"), 0);
    }
    it.dispatch(dispatch("r", "k_r"), now(0));
    it.looked(&r, None, vec![folder("r"), dirty("r", 3)], now(1));
    it.allow(&r, now(2)).expect("asked");
    let since = it.run(&r).and_then(|run| Some(run.ask.as_ref()?.since));
    assert_eq!(names(&it.look_again()), ["check r"], "its changes are looked at anew");
    it.looked(&r, None, vec![folder("r"), dirty("r", 4)], now(3));
    assert_eq!(asked(&it, "r"), Some(StartKind::Dirty), "the folder is allowed");
    assert_eq!(it.run(&r).and_then(|run| Some(run.ask.as_ref()?.since)), since, "the same question");
    it.looked(&r, None, vec![folder("r")], now(4));
    assert_eq!(asked(&it, "r"), None, "its changes are committed");
    assert!(matches!(phase(&it, "r"), Some(Phase::Queued { until: Millis(900_000) })));
    it.ask_before_start(&r, budget(), now(5));
    assert_eq!(asked(&it, "r"), Some(StartKind::Budget));
    it.looked(&r, None, vec![folder("r"), dirty("r", 4)], now(6));
    assert_eq!(asked(&it, "r"), Some(StartKind::Dirty), "its turn is before");
    it.allow(&r, now(7)).expect("asked");
    assert_eq!(asked(&it, "r"), Some(StartKind::Budget));
    it.ask_no_more(&r, StartKind::Budget, now(8));
    assert_eq!(asked(&it, "r"), None);
    it.looked(&r, None, vec![folder("r"), dirty("r", 9)], now(9));
    assert_eq!(asked(&it, "r"), None, "allowed once is allowed");
    assert_eq!(it.run(&r).and_then(|run| run.folder.clone()).as_deref(), Some("/w/r"));
}

#[test]
fn who_waits_for_a_folder_is_looked_at_anew_when_a_run_there_is_over() {
    let mut it = dispatcher();
    let again = |it: &mut Dispatcher| {
        let folder = Some("/w/shared".to_owned());
        it.dispatch(dispatch("a", "ka"), now(0));
        it.folder(&RunId::new("a"), Ok(folder.clone()), now(0));
        it.dispatch(dispatch("b", "kb"), now(0));
        it.folder(&RunId::new("b"), Ok(folder), now(0));
        open(it, "a", 1).expect("a start");
        names(&it.ended(&RunId::new("a"), &completed(), now(2))).split_off(3)
    };
    assert_eq!(again(&mut it), ["start b"], "nobody asked for it");
    let mut it = dispatcher();
    it.set_ask_when_dirty(true);
    assert_eq!(again(&mut it), ["check b"]);
    let folder = Some("/w/shared".to_owned());
    assert_eq!(names(&it.looked(&RunId::new("b"), folder.clone(), vec![dirty("b", 1)], now(3))), [""; 0]);
    assert_eq!(names(&it.looked(&RunId::new("b"), folder, Vec::new(), now(4))), ["start b"]);
}

#[test]
fn the_persons_own_task_is_asked_about_the_days_budget_only() {
    let mut it = dispatcher();
    for n in 0..2 {
        running(&mut it, &format!("b{n}"), &format!("kb{n}"), 0);
    }
    let r = RunId::new("r");
    it.dispatch(Dispatch { local: true, ..dispatch("r", "k_r") }, now(0));
    it.looked(&r, Some("/w/r".into()), vec![dirty("r", 3)], now(1));
    assert_eq!(asked(&it, "r"), None);
    it.ask_before_start(&r, budget(), now(2));
    assert_eq!(asked(&it, "r"), Some(StartKind::Budget));
    assert_eq!(names(&it.deny(&r, now(3)).expect("asked")), ["end r", "tell of r"]);
}

#[test]
fn the_changes_in_a_folder_are_looked_at_once_it_is_allowed() {
    let mut it = dispatcher();
    it.set_ask_when_dirty(true);
    let r = RunId::new("r");
    it.dispatch(dispatch("r", "k_r"), now(0));
    it.looked(&r, None, vec![folder("r")], now(1));
    assert_eq!(names(&it.allow(&r, now(2)).expect("asked")), ["check r"], "it does not start yet");
    it.looked(&r, None, vec![folder("r"), dirty("r", 3)], now(3));
    assert_eq!(asked(&it, "r"), Some(StartKind::Dirty));
    assert_eq!(names(&it.allow(&r, now(4)).expect("asked")), ["start r"]);
}
