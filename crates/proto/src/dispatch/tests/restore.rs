//! What a peer before left is taken up.

use super::*;
use crate::run::Balance;

fn left(run: &str, spent: Option<LeftSpent>) -> Left {
    Left {
        dispatch: dispatch(run, &format!("k_{run}")),
        arrived: now(0).wall,
        spent,
        cancelled: false,
        after_pause: false,
    }
}

fn prompted(run: &str, prompted: bool) -> LeftSpent {
    let place = PromptPlace {
        session: Some(SessionHandle::new(format!("ses_{run}"))),
        message_id: Some("msg_1".into()),
    };
    LeftSpent {
        at: now(1_000).wall,
        place,
        folder: Some(format!("/w/{run}")),
        prompted,
        balance: Balance::default(),
    }
}

/// The same wall clock, another monotonic one: a new process.
fn later(ms: u64) -> Now {
    Now { mono: Millis(ms - 100_000), wall: now(ms).wall }
}

#[test]
fn what_waited_goes_on_waiting_in_order_with_the_time_it_had() {
    let mut it = dispatcher();
    for run in ["a", "b", "c"] {
        assert_eq!(names(&it.restore(left(run, None), later(100_000))), [format!("check {run}")]);
        assert_eq!(names(&it.dispatch(dispatch(run, &format!("k_{run}")), later(100_000))), ["ignored"]);
    }
    let look = |it: &mut Dispatcher, run: &str| {
        names(&it.folder(&RunId::new(run), Ok(Some(format!("/w/{run}"))), later(100_001)))
    };
    assert_eq!(look(&mut it, "c"), [""; 0], "nobody overtakes");
    assert_eq!(look(&mut it, "a"), ["start a"]);
    assert_eq!(look(&mut it, "b"), ["start b"]);
    assert_eq!(it.queued(), 1);
    assert_eq!(
        names(&it.tick(later(900_000)))[2..],
        ["end c", "task.failed waited 900 s for its turn on this computer"]
    );
}

#[test]
fn a_run_that_was_cut_off_is_looked_up_and_never_prompted_anew() {
    let mut it = dispatcher();
    let effects = it.restore(left("r", Some(prompted("r", true))), later(200_000));
    let [Effect::Start(start)] = effects.as_slice() else { panic!("a start") };
    assert_eq!((start.prompt.as_str(), start.restored), ("", true));
    assert_eq!(start.resume.as_ref().map(|resume| resume.prompted), Some(true));
    assert!(it.spend(&RunId::new("r"), PromptPlace::default(), later(200_001)).is_none(), "it is spent");
    let started = it.started(&RunId::new("r"), &SessionHandle::new("ses_r"), later(200_002));
    let [Effect::Send(frame)] = started.as_slice() else { panic!("the outbox has its start already") };
    assert!(frame.json.contains("2026-11-20T10:00:01.000Z"), "the time it began: {}", frame.json);
    // 900 s from its start at 1 s; the clock of this process began 100 s late.
    assert_eq!(it.poll_timeout(), Some(Millis(801_000)));
    assert_eq!(
        names(&it.ended(&RunId::new("r"), &completed(), later(300_000)))[1..],
        ["end r", "task.completed r"]
    );
    assert_eq!(names(&it.dispatch(dispatch("r", "k_r"), later(300_001))), [""; 0]);
}

#[test]
fn a_prompt_that_may_not_have_gone_out_is_kept_for_the_driver() {
    let mut it = dispatcher();
    let effects = it.restore(left("r", Some(prompted("r", false))), later(200_000));
    let [Effect::Start(start)] = effects.as_slice() else { panic!("a start") };
    assert_eq!(start.prompt, "task of r");
    let gone = AgentEnd::Failed(Failure::peer_restarted());
    assert_eq!(
        names(&it.ended(&RunId::new("r"), &gone, later(200_001))),
        ["record task_failed", "end r", "task.failed peer restarted during the run"]
    );
}

#[test]
fn a_new_journal_is_told_of_all_that_has_not_ended() {
    let mut it = dispatcher();
    running(&mut it, "a", "ka", 0);
    arrive(&mut it, "b", "kb", 0);
    assert_eq!(names(&it.write_again()), ["queue a", "spend ka", "account a", "erase a", "queue b"]);
}

#[test]
fn what_was_cancelled_does_not_go_on_after_a_restart() {
    let mut it = dispatcher();
    let waiting = Left { cancelled: true, ..left("waits", None) };
    assert_eq!(names(&it.restore(waiting, later(200_000))), ["end waits", "task.failed cancelled"]);
    let working = Left { cancelled: true, ..left("works", Some(prompted("works", true))) };
    assert_eq!(
        names(&it.restore(working, later(200_000))),
        ["start works", "cancelled works", "ask works"],
        "its agent is found, and told to stop"
    );
    let end = it.ended(&RunId::new("works"), &completed(), later(200_001));
    assert_eq!(names(&end)[1..], ["end works", "task.failed cancelled"]);
}

#[test]
fn a_run_that_ended_in_time_while_no_peer_lived_is_not_told_as_timed_out() {
    let mut it = dispatcher();
    // An hour after its 900 s began.
    it.restore(left("r", Some(prompted("r", true))), later(3_600_000));
    it.started(&RunId::new("r"), &SessionHandle::new("ses_r"), later(3_600_000));
    assert_eq!(names(&it.tick(later(3_600_001))), [""; 0], "it is looked at first");
    assert_eq!(names(&it.tick(later(3_631_000))), ["ask r"], "and not for ever");
    let end = it.ended(&RunId::new("r"), &completed(), later(3_631_001));
    assert_eq!(names(&end)[1..], ["end r", "task.completed r"]);
}

#[test]
fn a_run_that_was_cut_off_is_prompted_only_while_it_may_start() {
    let mut it = dispatcher();
    let run = RunId::new("r");
    it.restore(left("r", Some(prompted("r", false))), later(200_000));
    assert!(it.may_prompt(&run));
    it.cancel(&run, later(200_001));
    assert!(!it.may_prompt(&run), "it is cancelled");
    let mut it = dispatcher();
    it.restore(left("r", Some(prompted("r", false))), later(200_000));
    it.stop(later(200_001));
    assert!(!it.may_prompt(&run), "the peer stops");
}

#[test]
fn what_came_after_a_drain_began_still_waits_after_a_restart() {
    let mut it = dispatcher();
    for (run, after_pause) in [("before", false), ("after", true)] {
        it.restore(Left { after_pause, ..left(run, None) }, later(200_000));
    }
    it.pause(true);
    let look = |it: &mut Dispatcher, run: &str| names(&it.folder(&RunId::new(run), Ok(None), later(200_001)));
    assert_eq!(look(&mut it, "before"), ["start before"]);
    assert_eq!(look(&mut it, "after"), [""; 0]);
    assert_eq!(it.pause_state(), PauseState::Draining);
}
