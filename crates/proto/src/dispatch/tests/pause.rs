//! What a pause holds back, and what it does not.

use super::*;

#[test]
fn a_paused_peer_starts_nothing_and_says_so_when_the_time_is_up() {
    let mut it = dispatcher();
    running(&mut it, "before", "k0", 0);
    it.pause(false);
    assert_eq!(names(&arrive(&mut it, "r", "k", 1)), ["queue r", "check r"]);
    let end = it.ended(&RunId::new("before"), &completed(), now(2));
    assert!(!names(&end).contains(&"start r".to_owned()), "what ran is finished, what waits is not started");
    let late = it.tick(now(900_001));
    assert_eq!(names(&late), ["end r", "task.failed paused by the person"]);
    arrive(&mut it, "s", "k2", 900_002);
    assert_eq!(names(&it.resume(now(900_003))), ["start s"]);
}

#[test]
fn a_draining_peer_finishes_what_it_had_and_is_paused_then() {
    let mut it = dispatcher();
    for run in ["a", "b", "c"] {
        arrive(&mut it, run, run, 0);
    }
    it.pause(true);
    assert_eq!(it.pause_state(), PauseState::Draining);
    arrive(&mut it, "late", "late", 1);
    let mut finish = |run: &str| {
        open(&mut it, run, 2).expect("it starts");
        let effects = names(&it.ended(&RunId::new(run), &completed(), now(3)));
        (effects.last().cloned().unwrap_or_default(), it.pause_state())
    };
    assert_eq!(finish("a"), ("start c".to_owned(), PauseState::Draining));
    assert_eq!(finish("b").1, PauseState::Draining);
    assert_eq!(finish("c"), ("task.completed c".to_owned(), PauseState::Paused));
    assert_eq!(names(&it.resume(now(4))), ["start late"]);
    it.cancel(&RunId::new("late"), now(5));
    it.pause(true);
    it.ended(&RunId::new("late"), &completed(), now(6));
    it.pause(true);
    assert_eq!(it.pause_state(), PauseState::Paused, "there is nothing to finish");
}

#[test]
fn a_task_of_the_persons_own_stays_here_and_runs_while_paused() {
    let mut it = dispatcher();
    it.pause(false);
    let own = Dispatch { local: true, ..dispatch("own", "k") };
    it.dispatch(own, now(0));
    let run = RunId::new("own");
    assert_eq!(names(&it.folder(&run, Ok(Some("/w".into())), now(1))), ["start own"]);
    assert_eq!(names(&open(&mut it, "own", 2).expect("it starts")), ["spend k", "tell of own"]);
    let rule = Match { skill_id: "s".into(), evidence_kind: "e".into(), dedupe_key: "d".into(), rule: 0 };
    assert_eq!(names(&it.late_matches(&run, "x", &[rule], now(3))), ["tell of own"]);
    assert_eq!(names(&it.ended(&run, &completed(), now(4))), ["end own", "tell of own"]);
}
