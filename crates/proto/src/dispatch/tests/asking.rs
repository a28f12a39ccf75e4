//! A folder that is not allowed: the person is asked.

use super::*;

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
    assert_eq!((asked.folder.as_str(), asked.since), ("/w/r", now(0)));
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
