//! Budgets: who is held when, and what lets them go on.

mod held;

use super::*;
use crate::budget::{Budget, Budgets, More, Used};
use crate::run::{Balance, Held, Standing};
use proptest::prelude::*;

const MINUTE: u64 = 60_000;
const NONE: Budget = Budget { tokens: None, cents: None, minutes: None };

fn tokens(most: u64) -> Budget {
    Budget { tokens: Some(most), ..NONE }
}

fn with(run: Budget, day: Budget) -> Dispatcher {
    let mut it = dispatcher();
    assert_eq!(it.set_budgets(Budgets { run, day }, now(0)), []);
    it
}

fn id(run: &str) -> RunId {
    RunId::new(run)
}

/// What is told and wanted, without what is only written down.
fn told(effects: &[Effect]) -> Vec<String> {
    let kept = |name: &String| !["account", "record", "end "].iter().any(|start| name.starts_with(start));
    names(effects).into_iter().filter(kept).collect()
}

/// The driver prompts a run that was let go on.
fn goes_on(it: &mut Dispatcher, run: &str, at: u64) {
    assert_eq!(names(&it.goes_on(&id(run), "msg_2").expect("may go on")), [format!("account {run}")]);
    it.prompted(&id(run), now(at));
}

fn held(it: &Dispatcher, run: &str) -> Option<String> {
    it.run(&id(run))?.hold().map(|hold| hold.reached.to_string())
}

#[test]
fn a_run_at_its_budget_is_held_and_goes_on_with_as_much_again() {
    let mut it = with(tokens(100_000), NONE);
    running(&mut it, "r", "k", 0);
    assert_eq!(told(&it.used(&id("r"), 99_999, 0.0, now(10))), [""; 0]);
    let effects = it.used(&id("r"), 120_400, 0.0, now(20));
    let paused = "task.step paused at its budget: 120,400 of 100,000 tokens; the person is asked";
    assert_eq!(told(&effects), [paused, "hold r"]);
    assert_eq!(names(&effects)[0], "account r", "written down before anything is done");
    assert_eq!(held(&it, "r").as_deref(), Some("120,400 of 100,000 tokens"));
    assert_eq!(told(&it.used(&id("r"), 121_000, 0.0, now(30))), [""; 0], "asked once");
    assert_eq!(it.goes_on(&id("r"), "msg_2"), None, "nobody has said so");

    let effects = it.allow_more(&id("r"), now(40)).expect("asked");
    assert_eq!(told(&effects), ["task.step goes on: there is room in the budget again", "go on r"]);
    assert_eq!(it.allow_more(&id("r"), now(40)), None, "answered once");
    goes_on(&mut it, "r", 50);
    assert_eq!(it.goes_on(&id("r"), "msg_3"), None, "once for each answer");
    assert_eq!(told(&it.used(&id("r"), 199_999, 0.0, now(60))), [""; 0]);
    it.used(&id("r"), 200_000, 0.0, now(70));
    assert_eq!(held(&it, "r").as_deref(), Some("200,000 of 200,000 tokens"));
}

#[test]
fn a_no_and_no_answer_stop_the_run_with_the_limit_and_the_use_in_words() {
    for (budget, used, answered, words) in [
        (tokens(100_000), (120_400, 0.0), true, "stopped at its budget: 120,400 of 100,000 tokens"),
        (tokens(100_000), (120_400, 0.0), false, "stopped at its budget: 120,400 of 100,000 tokens"),
        (Budget { cents: Some(100), ..NONE }, (5, 120.4), true, "stopped at its budget: $1.20 of $1.00"),
    ] {
        let mut it = with(budget, NONE);
        running(&mut it, "r", "k", 0);
        it.used(&id("r"), used.0, used.1, now(10));
        let effects = if answered {
            it.stop_at_budget(&id("r"), now(20)).expect("asked")
        } else {
            // Its time is 900 s; nobody is waited for in the last 60.
            assert_eq!(it.poll_timeout(), Some(Millis(840_000)));
            assert_eq!(told(&it.tick(now(839_999))), [""; 0]);
            it.tick(now(840_000))
        };
        assert_eq!(told(&effects), ["ask r"]);
        assert_eq!(it.stop_at_budget(&id("r"), now(840_001)), None);
        let stopped = AgentEnd::Failed(Failure::recoverable("stopped in OpenCode"));
        let effects = it.ended(&id("r"), &stopped, now(840_001));
        assert_eq!(told(&effects), [format!("task.failed {words}")]);
        let failed = effects.iter().find_map(|effect| match effect {
            Effect::Send(frame) => Some(frame.json.contains("\"recoverable\":true")),
            _ => None,
        });
        assert_eq!(failed, Some(true));
    }
}

#[test]
fn a_hold_lapses_after_half_an_hour_of_a_long_task() {
    let mut it = with(tokens(10), NONE);
    let long = Dispatch { timeout: Duration::from_secs(4 * 60 * 60), ..dispatch("r", "k") };
    it.dispatch(long, now(0));
    it.folder(&id("r"), Ok(Some("/w/r".into())), now(0));
    open(&mut it, "r", 0).expect("a start");
    it.used(&id("r"), 10, 0.0, now(1_000));
    assert_eq!(it.poll_timeout(), Some(Millis(1_000) + limits::ASK_WITHIN));
}

#[test]
fn minutes_are_time_worked_and_not_time_held() {
    let mut it = with(Budget { minutes: Some(5), ..NONE }, NONE);
    running(&mut it, "r", "k", 1_000);
    assert_eq!(it.poll_timeout(), Some(Millis(1_000 + 5 * MINUTE)));
    assert_eq!(told(&it.tick(now(5 * MINUTE))), [""; 0]);
    it.tick(now(1_000 + 5 * MINUTE));
    assert_eq!(held(&it, "r").as_deref(), Some("5 of 5 minutes"));
    it.allow_more(&id("r"), now(8 * MINUTE)).expect("asked");
    goes_on(&mut it, "r", 8 * MINUTE);
    assert_eq!(it.poll_timeout(), Some(Millis(13 * MINUTE)));
    assert_eq!(it.run(&id("r")).map(|run| run.account.used(Millis(9 * MINUTE)).worked.as_secs()), Some(360));
    it.tick(now(13 * MINUTE));
    assert_eq!(held(&it, "r").as_deref(), Some("10 of 10 minutes"));
}

#[test]
fn an_end_by_itself_is_an_end_whatever_was_asked() {
    let mut it = with(tokens(10), NONE);
    running(&mut it, "r", "k", 0);
    it.used(&id("r"), 10, 0.0, now(10));
    let effects = it.ended(&id("r"), &completed(), now(20));
    assert_eq!(told(&effects), ["task.completed r"]);
    assert_eq!(it.used_today(now(20)).tokens, 3_400, "the last count is the agent's");
}

#[test]
fn a_cancel_a_timeout_and_a_quit_end_a_held_run_as_any_other() {
    for (words, end) in [("cancelled", 0), ("timed out after 900 s", 1), ("peer stopped", 2)] {
        let mut it = with(tokens(10), NONE);
        running(&mut it, "r", "k", 0);
        it.used(&id("r"), 10, 0.0, now(10));
        let failed = AgentEnd::Failed(Failure::recoverable("x"));
        let mut effects = match end {
            0 => it.cancel(&id("r"), now(20)),
            // The person said yes in the last minute.
            1 => {
                it.allow_more(&id("r"), now(20)).expect("asked");
                goes_on(&mut it, "r", 30);
                it.tick(now(900_000))
            }
            _ => it.stop(now(20)),
        };
        effects.extend(it.ended(&id("r"), &failed, now(900_000)));
        let told = told(&effects);
        assert!(told.contains(&format!("task.failed {words}")), "{told:?}");
        assert_eq!(held(&it, "r"), None);
    }
}

#[test]
fn an_agent_that_cannot_be_held_is_stopped_with_the_same_words() {
    let mut it = with(tokens(10), NONE);
    arrive(&mut it, "r", "k", 0);
    it.cannot_hold(&id("r"));
    open(&mut it, "r", 0).expect("a start");
    assert_eq!(
        told(&it.used(&id("r"), 12, 0.0, now(10))),
        ["ask r"],
        "no question that could not be answered"
    );
    let effects = it.ended(&id("r"), &AgentEnd::Failed(Failure::lasting("x")), now(20));
    assert_eq!(told(&effects), ["task.failed stopped at its budget: 12 of 10 tokens"]);
}

#[test]
fn the_days_budget_counts_all_runs_and_holds_all_of_them() {
    let mut it = with(NONE, tokens(100));
    it.count_day(Used { tokens: 50, ..Used::default() }, More::default());
    running(&mut it, "a", "ka", 0);
    running(&mut it, "b", "kb", 0);
    it.used(&id("a"), 20, 0.0, now(10));
    it.ended(&id("a"), &AgentEnd::Failed(Failure::recoverable("x")), now(20));
    running(&mut it, "c", "kc", 30);
    let effects = it.used(&id("b"), 30, 0.0, now(40));
    let paused = "task.step paused at the day's budget: 100 of 100 tokens; the person is asked";
    assert_eq!(told(&effects), [paused, "hold b", paused, "hold c"]);
    // Nothing starts before the person has said so.
    let third = arrive(&mut it, "d", "kd", 50);
    assert_eq!(names(&third), ["queue d", "check d"]);
    it.ended(&id("c"), &completed(), now(60));
    let asked = it.run(&id("d")).and_then(|run| run.ask.clone()).expect("asked");
    assert_eq!(
        asked.refused.reason.as_str(),
        "not started: the day's budget is used up: 3,500 of 100 tokens"
    );
    // One yes is for the day: who is held goes on, who waits starts.
    let effects = it.allow(&id("d"), now(70)).expect("asked");
    assert!(matches!(effects[0], Effect::DayMore(More { tokens: 35, .. })), "{effects:?}");
    assert_eq!(
        told(&effects)[1..],
        ["task.step goes on: there is room in the budget again", "go on b", "start d"]
    );
    assert_eq!(held(&it, "b"), None);
}

#[test]
fn the_next_day_begins_with_nothing() {
    let mut it = with(tokens(1_000), tokens(100));
    running(&mut it, "a", "ka", 0);
    it.used(&id("a"), 100, 0.0, now(10));
    assert!(held(&it, "a").is_some());
    arrive(&mut it, "b", "kb", 20);
    let effects = it.new_day(now(30));
    assert_eq!(
        told(&effects),
        ["task.step goes on: there is room in the budget again", "go on a", "start b"]
    );
    assert_eq!(it.used_today(now(30)), Used::default());
    goes_on(&mut it, "a", 40);
    it.used(&id("a"), 150, 0.0, now(50));
    assert_eq!(it.used_today(now(50)).tokens, 50, "the run's own count goes on");
}

#[test]
fn a_budget_that_is_raised_lets_go_on_and_one_that_is_lowered_holds() {
    let mut it = with(tokens(100), NONE);
    running(&mut it, "r", "k", 0);
    it.used(&id("r"), 100, 0.0, now(10));
    let set = |it: &mut Dispatcher, run, at| told(&it.set_budgets(Budgets { run, day: NONE }, now(at)));
    assert_eq!(set(&mut it, tokens(200), 20).last().map(String::as_str), Some("go on r"));
    goes_on(&mut it, "r", 30);
    assert_eq!(set(&mut it, tokens(50), 40).last().map(String::as_str), Some("hold r"));
    assert_eq!(set(&mut it, NONE, 50).last().map(String::as_str), Some("go on r"));
}

#[test]
fn another_limit_is_another_question() {
    let mut it = with(Budget { tokens: Some(10), cents: Some(1), minutes: None }, NONE);
    running(&mut it, "r", "k", 0);
    it.used(&id("r"), 10, 1.0, now(10));
    assert_eq!(held(&it, "r").as_deref(), Some("10 of 10 tokens"));
    assert_eq!(told(&it.allow_more(&id("r"), now(20)).expect("asked")), [""; 0]);
    let hold = *it.run(&id("r")).and_then(Run::hold).expect("asked about the money");
    assert_eq!((hold.reached.to_string().as_str(), hold.since.mono), ("$0.01 of $0.01", Millis(20)));
    assert_eq!(
        told(&it.allow_more(&id("r"), now(30)).expect("asked")).last().map(String::as_str),
        Some("go on r")
    );
}

fn left(held: Held, went_on: Option<&str>, tokens: u64) -> Left {
    let place = PromptPlace { session: Some(SessionHandle::new("ses_r")), message_id: Some("msg_1".into()) };
    let balance = Balance {
        used: Used { tokens, microdollars: 0, worked: Duration::from_secs(60) },
        works_since: (held != Held::Yes).then(|| now(100_000).wall),
        held,
        went_on: went_on.map(ToOwned::to_owned),
        more: More { tokens: 1, ..More::default() },
    };
    let folder = Some("/w/r".to_owned());
    let spent = LeftSpent { at: now(0).wall, place, folder, prompted: true, balance };
    let mut dispatch = dispatch("r", "k");
    dispatch.task = Task { driver: DriverId::opencode(), ..Task::default() };
    Left { dispatch, arrived: now(0).wall, spent: Some(spent), cancelled: false, after_pause: false }
}

fn restored(it: &mut Dispatcher, left: Left, at: u64) -> (Start, Vec<Effect>) {
    let effects = it.restore(left, now(at));
    let [Effect::Start(start)] = effects.as_slice() else { panic!("{effects:?}") };
    let effects = it.started(&id("r"), &SessionHandle::new("ses_r"), now(at + 10));
    (Start::clone(start), effects)
}

#[test]
fn a_run_that_was_held_when_the_peer_died_is_held_again() {
    let mut it = with(tokens(10), NONE);
    let (start, effects) = restored(&mut it, left(Held::Yes, None, 20), 160_000);
    let resume = start.resume.expect("it is looked up");
    assert_eq!(
        (resume.prompted, resume.held, resume.place.message_id.as_deref()),
        (true, true, Some("msg_1"))
    );
    assert_eq!(told(&effects)[1..], ["task.step paused at its budget: 20 of 20 tokens; the person is asked"]);
    assert_eq!(it.run(&id("r")).map(|run| run.account.used(Millis(300_000)).worked.as_secs()), Some(60));
    assert_eq!(told(&it.prompted(&id("r"), now(160_020))), ["erase r"]);
    assert!(held(&it, "r").is_some(), "the prompt is the old one");
    it.allow_more(&id("r"), now(170_000)).expect("asked");
    goes_on(&mut it, "r", 170_010);
}

#[test]
fn one_that_was_allowed_to_go_on_and_was_not_prompted_yet_goes_on() {
    let mut it = with(tokens(10), NONE);
    let (_, effects) = restored(&mut it, left(Held::Yes, None, 19), 160_000);
    assert_eq!(told(&effects).last().map(String::as_str), Some("go on r"));
    goes_on(&mut it, "r", 160_020);
}

#[test]
fn one_whose_second_prompt_may_have_arrived_is_looked_up_by_that() {
    let mut it = with(tokens(10), NONE);
    let (start, _) = restored(&mut it, left(Held::GoesOn, Some("msg_2"), 19), 160_000);
    let resume = start.resume.expect("it is looked up");
    assert_eq!(
        (resume.prompted, resume.held, resume.place.message_id.as_deref()),
        (false, false, Some("msg_2"))
    );
    assert_eq!(start.prompt, "Go on with the task where you stopped.");
    assert!(it.may_prompt(&id("r")), "if it did not arrive");
    it.prompted(&id("r"), now(160_020));
    assert!(it.run(&id("r")).is_some_and(|run| run.account.standing == Standing::Works));
    // It worked on while no peer lived: one minute before, and one meanwhile.
    assert_eq!(it.run(&id("r")).map(|run| run.account.used(Millis(160_000)).worked.as_secs()), Some(120));
}

#[derive(Clone, Debug)]
enum Move {
    Start(usize),
    Used(usize, u64),
    Answer(usize, bool),
    GoesOn(usize),
    Prompted(usize),
    End(usize, bool),
    Tick(u64),
    Day,
    Set(u64, u64),
}

fn moves() -> impl Strategy<Value = Move> {
    let run = || 0..4usize;
    prop_oneof![
        3 => run().prop_map(Move::Start),
        6 => (run(), 0..60u64).prop_map(|(run, more)| Move::Used(run, more)),
        3 => (run(), any::<bool>()).prop_map(|(run, yes)| Move::Answer(run, yes)),
        4 => run().prop_map(Move::GoesOn),
        4 => run().prop_map(Move::Prompted),
        2 => (run(), any::<bool>()).prop_map(|(run, well)| Move::End(run, well)),
        2 => (0..900_000u64).prop_map(Move::Tick),
        1 => Just(Move::Day),
        1 => (0..200u64, 0..400u64).prop_map(|(run, day)| Move::Set(run, day)),
    ]
}

proptest! {
    /// Whatever happens: nobody works beyond a limit without being held for it, nobody is held without a reason, holds and
    /// go-ons alternate, a run is prompted again only once for each go-on, and the day's sum is the sum of what was used.
    #[test]
    fn nobody_is_beyond_a_limit_and_nobody_is_held_for_nothing(
        story in proptest::collection::vec(moves(), 1..120)
    ) {
        let mut budgets = Budgets { run: tokens(100), day: tokens(250) };
        let mut it = with(budgets.run, budgets.day);
        let (mut at, mut tries) = (0u64, 0u64);
        let mut is_held: BTreeMap<RunId, bool> = BTreeMap::new();
        let mut today = 0u64;
        for action in story {
            at += 1;
            let id = |run: usize| RunId::new(format!("r{run}"));
            let effects = match action {
                Move::Start(run) if it.run(&id(run)).is_none() => {
                    tries += 1;
                    let mut effects = arrive(&mut it, &format!("r{run}"), &format!("k{tries}"), at);
                    effects.extend(open(&mut it, &format!("r{run}"), at).unwrap_or_default());
                    effects
                }
                Move::Start(run) => open(&mut it, &format!("r{run}"), at).unwrap_or_default(),
                Move::Used(run, more) => match it.run(&id(run)).filter(|run| run.live.is_some()) {
                    Some(known) => {
                        today += more;
                        let all = known.account.used(Millis(at)).tokens + more;
                        it.used(&id(run), all, 0.0, now(at))
                    }
                    None => Vec::new(),
                },
                Move::Answer(run, true) => {
                    it.allow_more(&id(run), now(at)).or_else(|| it.allow(&id(run), now(at))).unwrap_or_default()
                }
                Move::Answer(run, false) => {
                    it.stop_at_budget(&id(run), now(at)).or_else(|| it.deny(&id(run), now(at))).unwrap_or_default()
                }
                Move::GoesOn(run) => {
                    let released = it.run(&id(run)).is_some_and(|run| {
                        run.account.standing == Standing::Released && matches!(run.phase, Phase::Running { .. })
                    });
                    let granted = it.goes_on(&id(run), "msg_n");
                    prop_assert_eq!(granted.is_some(), released);
                    granted.unwrap_or_default()
                }
                Move::Prompted(run) => it.prompted(&id(run), now(at)),
                Move::End(run, well) => match it.run(&id(run)).map(|run| (run.phase, run.live.is_some())) {
                    Some((phase, started)) if !phase.waits() => {
                        let used = it.run(&id(run)).map(|run| run.account.used(Millis(at)).tokens);
                        let totals = Totals { tokens_used: used.unwrap_or(0), cost_cents: 0.0, provider: Provider::Other };
                        let end = if well && started { AgentEnd::Completed(totals) } else {
                            AgentEnd::Failed(Failure::recoverable("x"))
                        };
                        it.ended(&id(run), &end, now(at))
                    }
                    _ => Vec::new(),
                },
                Move::Tick(ms) => { at += ms; it.tick(now(at)) }
                Move::Day => { today = 0; it.new_day(now(at)) }
                Move::Set(run, day) => {
                    budgets = Budgets { run: tokens(run + 1), day: tokens(day + 1) };
                    it.set_budgets(budgets, now(at))
                }
            };
            for effect in &effects {
                match effect {
                    Effect::Hold(run) => prop_assert!(!is_held.insert(run.clone(), true).unwrap_or_default()),
                    Effect::GoOn(run) => prop_assert!(is_held.insert(run.clone(), false).unwrap_or_default()),
                    Effect::End(ended) => { is_held.remove(&ended.run_id); }
                    _ => {}
                }
            }
            prop_assert_eq!(it.used_today(now(at)).tokens, today);
            let day = it.budgets.day.reached(it.used_today(now(at)), it.day_more(), true);
            for run in it.runs() {
                let own = it.budgets.run.reached(run.account.used(Millis(at)), run.account.more, false);
                let beyond = own.is_some() || (day.is_some() && !matches!(run.phase, Phase::Starting { .. }));
                let running = matches!(run.phase, Phase::Running { .. });
                match run.account.standing {
                    Standing::Works => prop_assert!(!running || !beyond, "{:?} works on", run.dispatch.run_id),
                    Standing::Asks(_) if running => prop_assert!(beyond, "held for nothing"),
                    _ => {}
                }
            }
        }
    }
}
