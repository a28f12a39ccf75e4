//! What is held keeps, and what it does not hear.

use super::*;
use crate::agent::{AgentAsk, Asked, Permission};
use crate::ids::AskId;

#[test]
fn a_run_whose_server_ends_just_when_it_may_go_on_may_still_be_prompted() {
    let mut it = with(tokens(10), NONE);
    running(&mut it, "r", "k", 0);
    assert!(!it.may_prompt(&id("r")), "it was");
    it.used(&id("r"), 10, 0.0, now(10));
    assert!(!it.may_prompt(&id("r")), "it is held");
    it.allow_more(&id("r"), now(20)).expect("asked");
    assert!(!it.may_prompt(&id("r")), "its message id is not written down");
    it.goes_on(&id("r"), "msg_2").expect("may go on");
    assert!(it.may_prompt(&id("r")));
    it.prompted(&id("r"), now(30));
    assert!(!it.may_prompt(&id("r")), "once");
    it.used(&id("r"), 20, 0.0, now(40));
    it.allow_more(&id("r"), now(50)).expect("asked");
    it.goes_on(&id("r"), "msg_3").expect("may go on");
    it.cancel(&id("r"), now(60));
    assert!(!it.may_prompt(&id("r")), "nobody wants it any more");
}

#[test]
fn what_an_agent_asks_in_a_run_that_is_held_already_is_not_shown() {
    let ask = |name: &str| AgentAsk {
        id: AskId::new(name),
        by: None,
        what: Asked::Permission(Permission { kind: "bash".into(), ..Permission::default() }),
    };
    let mut it = with(tokens(10), NONE);
    running(&mut it, "r", "k", 0);
    let asks = |it: &Dispatcher| it.run(&id("r")).map(|run| run.asks.open().count());
    it.asked(&id("r"), ask("per_1"), now(5));
    assert_eq!(asks(&it), Some(1));
    it.used(&id("r"), 10, 0.0, now(10));
    assert_eq!(it.asked(&id("r"), ask("per_2"), now(11)), [], "it was on its way when the run was held");
    assert_eq!(asks(&it), Some(0), "what was asked went with the hold");
    it.allow_more(&id("r"), now(20)).expect("asked");
    assert_eq!(it.asked(&id("r"), ask("per_2"), now(21)), [], "it is not prompted yet");
    it.goes_on(&id("r"), "msg_2").expect("may go on");
    it.asked(&id("r"), ask("per_3"), now(31));
    assert_eq!(asks(&it), Some(1), "what it asks now may come before the word that it was prompted");
}

#[test]
fn a_held_run_keeps_its_place_so_that_no_more_than_allowed_ever_run() {
    let mut it = with(tokens(10), NONE);
    running(&mut it, "a", "ka", 0);
    running(&mut it, "b", "kb", 0);
    it.used(&id("a"), 10, 0.0, now(10));
    it.used(&id("b"), 10, 0.0, now(10));
    assert_eq!(told(&arrive(&mut it, "c", "kc", 20)), ["queue c", "check c"]);
    it.allow_more(&id("a"), now(30)).expect("asked");
    it.stop_at_budget(&id("b"), now(30)).expect("asked");
    let effects = it.ended(&id("b"), &AgentEnd::Failed(Failure::recoverable("x")), now(40));
    assert_eq!(told(&effects).last().map(String::as_str), Some("start c"));
}

#[test]
fn time_in_which_no_peer_lived_counts_as_work_only_where_it_can_have_been_work() {
    let hours = 10 * 60 * MINUTE;
    for (held, went_on, released, worked) in [
        // Its time is 900 s, however long the computer was off.
        (Held::No, None, false, 900),
        (Held::GoesOn, Some("msg_2"), false, 900),
        (Held::Yes, None, false, 60),
        // Let go on, and its peer died before it was prompted.
        (Held::Yes, None, true, 60),
    ] {
        let mut left = left(held, went_on, 1);
        if let Some(spent) = left.spent.as_mut().filter(|_| released) {
            spent.balance.works_since = Some(now(100_000).wall);
        }
        let mut it = with(NONE, NONE);
        it.restore(left, now(hours));
        let used = it.run(&id("r")).map(|run| run.account.used(Millis(hours)).worked.as_secs());
        assert_eq!(used, Some(worked), "{held:?} {released}");
    }
}
