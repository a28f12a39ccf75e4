use super::*;
use crate::agent::{Action, ActionKind, Totals};
use crate::ids::{DispatchKey, SessionHandle};
use crate::message::{Provider, Task};
use crate::time::Timestamp;
use proptest::prelude::*;
use std::time::Duration;

const NO_MATCH: &[Match] = &[];

fn now(ms: u64) -> Now {
    Now { mono: Millis(ms), wall: Timestamp(1_795_168_800_000 + ms as i64) }
}

fn dispatch(run: &str, key: &str) -> Dispatch {
    Dispatch {
        run_id: RunId::new(run),
        key: DispatchKey::new(key),
        timeout: Duration::from_secs(900),
        task: Task {
            title: format!("task of {run}"),
            repo_path: Some(format!("/w/{run}")),
            ..Task::default()
        },
        local: false,
    }
}

fn dispatcher() -> Dispatcher {
    let drivers = BTreeMap::from([(DriverId::opencode(), "opencode")]);
    Dispatcher::new(Limits::default(), drivers, Vec::new())
}

/// The driver has a session and prompts; `None` when it must not.
fn open(it: &mut Dispatcher, run: &str, at: u64) -> Option<Vec<Effect>> {
    let mut effects = it.spend(&RunId::new(run), PromptPlace::default(), now(at))?;
    effects.extend(it.started(&RunId::new(run), &SessionHandle::new(format!("ses_{run}")), now(at)));
    Some(effects)
}

fn completed() -> AgentEnd {
    AgentEnd::Completed(Totals { tokens_used: 3400, cost_cents: 0.0, provider: Provider::Anthropic })
}

/// Short names of effects, one line each.
fn names(effects: &[Effect]) -> Vec<String> {
    let name = |effect: &Effect| match effect {
        Effect::Queue { dispatch, .. } => format!("queue {}", dispatch.run_id),
        Effect::Erase(run_id) => format!("erase {run_id}"),
        Effect::Keep(frame) => format!("keep a deviation of {}", frame.run_id),
        Effect::Tell(frame) => format!("tell of {}", frame.run_id),
        Effect::CheckFolder { run_id, .. } => format!("check {run_id}"),
        Effect::Start(start) => format!("start {}", start.run_id),
        Effect::Spend(spent) => format!("spend {}", spent.key),
        Effect::End(ended) => format!("end {}", ended.run_id),
        Effect::Record(record) => format!("record {}", record.event()),
        Effect::Send(frame) => {
            let frame: serde_json::Value = serde_json::from_str(&frame.json).expect("json");
            let detail = frame.get("reason").or(frame.pointer("/step/summary")).and_then(|v| v.as_str());
            let kind = frame["kind"].as_str().unwrap_or_default();
            format!("{kind} {}", detail.unwrap_or(frame["run_id"].as_str().unwrap_or_default()))
        }
        Effect::Ask(run_id) => format!("ask {run_id}"),
        Effect::Abandon(run_id) => format!("abandon {run_id}"),
        Effect::Ignored(_) => "ignored".to_owned(),
    };
    effects.iter().map(name).collect()
}

/// A run that is queued and whose folder is known.
fn arrive(it: &mut Dispatcher, run: &str, key: &str, at: u64) -> Vec<Effect> {
    let mut effects = it.dispatch(dispatch(run, key), now(at));
    if effects.iter().any(|effect| matches!(effect, Effect::CheckFolder { .. })) {
        effects.extend(it.folder(&RunId::new(run), Ok(Some(format!("/w/{run}"))), now(at)));
    }
    effects
}

/// A run whose agent works.
fn running(it: &mut Dispatcher, run: &str, key: &str, at: u64) {
    arrive(it, run, key, at);
    open(it, run, at).expect("a start");
}

#[test]
fn a_dispatch_becomes_one_run_that_is_told_in_order() {
    let mut it = dispatcher();
    assert_eq!(names(&arrive(&mut it, "r", "k", 0)), ["queue r", "check r", "start r"]);
    let start = open(&mut it, "r", 10).expect("a start");
    assert_eq!(names(&start), ["spend k", "record task_started", "task.started r"]);
    let edit = AgentEvent::Action(Action {
        kind: ActionKind::FileEdit { path: "src/http.ts".into(), tool: None },
        detail: "lower max attempts".into(),
        evidence_ref: Some("diff-7".into()),
        matched_text: String::new(),
        answers: false,
    });
    let rule = Match {
        skill_id: "retry-rules".into(),
        evidence_kind: "budget_shift".into(),
        dedupe_key: "retry-rules:rb-1:r".into(),
        rule: 0,
    };
    assert_eq!(
        names(&it.agent(&RunId::new("r"), &edit, &[rule], now(20))),
        [
            "record task_step",
            "task.step edit src/http.ts — lower max attempts",
            "keep a deviation of r",
            "record task_deviation",
            "task.deviation r"
        ]
    );
    assert_eq!(
        names(&it.ended(&RunId::new("r"), &completed(), now(30))),
        ["record task_completed", "end r", "task.completed r"]
    );
    assert_eq!(it.runs().count(), 0);
}

#[test]
fn a_spent_key_never_runs_again() {
    let mut it = dispatcher();
    running(&mut it, "r", "k", 0);
    assert_eq!(names(&arrive(&mut it, "r", "k", 1)), [""; 0], "in flight: silent");
    assert_eq!(names(&arrive(&mut it, "other", "k", 1)), [""; 0], "the key counts, whatever the run");
    it.ended(&RunId::new("r"), &completed(), now(2));
    assert_eq!(names(&arrive(&mut it, "r", "k", 3)), [""; 0], "completed: silent");
    assert_eq!(names(&arrive(&mut it, "r", "k2", 3)), [""; 0], "never a second terminal for a run");

    running(&mut it, "s", "l", 4);
    let failed = AgentEnd::Failed(Failure::recoverable("opencode errored"));
    it.ended(&RunId::new("s"), &failed, now(5));
    assert_eq!(names(&arrive(&mut it, "s", "l", 6)), ["task.failed opencode errored"], "failed: told again");
}

#[test]
fn a_key_that_was_never_spent_is_free_again() {
    let mut it = dispatcher();
    arrive(&mut it, "r", "k", 0);
    let failure = AgentEnd::Failed(Failure::recoverable("OpenCode is not running"));
    let effects = it.ended(&RunId::new("r"), &failure, now(1));
    assert_eq!(
        names(&effects),
        ["end r", "task.failed OpenCode is not running"],
        "no record: it never started"
    );
    assert_eq!(names(&arrive(&mut it, "r", "k", 2)), ["queue r", "check r", "start r"]);
}

#[test]
fn a_run_that_was_prompted_but_never_started_has_spent_its_key() {
    let mut it = dispatcher();
    arrive(&mut it, "r", "k", 0);
    it.spend(&RunId::new("r"), PromptPlace::default(), now(1)).expect("a prompt");
    assert_eq!(it.spend(&RunId::new("r"), PromptPlace::default(), now(1)), None, "once");
    let failure = AgentEnd::Failed(Failure::recoverable("OpenCode /sessions 500"));
    assert_eq!(
        names(&it.ended(&RunId::new("r"), &failure, now(2))),
        ["end r", "task.failed OpenCode /sessions 500"]
    );
    assert_eq!(names(&arrive(&mut it, "r", "k", 3)), ["task.failed OpenCode /sessions 500"]);
}

#[test]
fn a_key_that_could_not_be_journaled_is_free_again() {
    let mut it = dispatcher();
    arrive(&mut it, "r", "k", 0);
    it.spend(&RunId::new("r"), PromptPlace::default(), now(1)).expect("a prompt");
    it.unspend(&RunId::new("r"));
    let failure = AgentEnd::Failed(Failure::recoverable("no journal"));
    it.ended(&RunId::new("r"), &failure, now(2));
    assert_eq!(names(&arrive(&mut it, "r", "k", 3)), ["queue r", "check r", "start r"]);
}

#[test]
fn a_past_run_is_remembered() {
    let terminal = Outgoing::from(&Frame::Failed(Failed {
        run_id: RunId::new("s"),
        reason: Redacted::new("peer restarted during the run"),
        recoverable: true,
    }));
    let past = |key: &str, run: &str, end| Past { key: DispatchKey::new(key), run_id: RunId::new(run), end };
    let drivers = BTreeMap::from([(DriverId::opencode(), "opencode")]);
    let past = vec![past("k", "r", PastEnd::Completed), past("l", "s", PastEnd::Failed(terminal))];
    let mut it = Dispatcher::new(Limits::default(), drivers, past);
    assert_eq!(names(&arrive(&mut it, "r", "k", 0)), [""; 0]);
    assert_eq!(names(&arrive(&mut it, "s", "l", 0)), ["task.failed peer restarted during the run"]);
}

#[test]
fn what_cannot_run_fails_before_any_session() {
    let mut it = dispatcher();
    let mut codex = dispatch("c", "kc");
    codex.task.driver = DriverId::new("codex");
    assert_eq!(names(&it.dispatch(codex, now(0))), ["end c", "task.failed No driver registered for 'codex'"]);
    let refused = it.unusable(RunId::new("v2"), &Redacted::new("v2 is not supported"), now(0));
    assert_eq!(names(&refused), ["end v2", "task.failed v2 is not supported"]);
    it.dispatch(dispatch("r", "k"), now(0));
    let outside = Failure::lasting("the folder is outside the allowed folders");
    let effects = it.folder(&RunId::new("r"), Err(outside), now(1));
    assert_eq!(names(&effects), ["end r", "task.failed the folder is outside the allowed folders"]);
    running(&mut it, "s", "l", 2);
    assert_eq!(names(&it.unusable(RunId::new("s"), &Redacted::new("x"), now(2))), ["ignored"]);
}

#[test]
fn two_run_at_once_and_one_in_a_folder_the_rest_wait_in_order() {
    let mut it = dispatcher();
    let queue = |it: &mut Dispatcher, run: &str, folder: &str| {
        it.dispatch(dispatch(run, run), now(0));
        names(&it.folder(&RunId::new(run), Ok(Some(folder.into())), now(0)))
    };
    assert_eq!(queue(&mut it, "a1", "/a"), ["start a1"]);
    assert_eq!(queue(&mut it, "a2", "/a"), [""; 0]);
    assert_eq!(queue(&mut it, "b1", "/b"), ["start b1"]);
    assert_eq!(queue(&mut it, "c1", "/c"), [""; 0]);
    assert_eq!(it.queued(), 2);
    let effects = it.ended(&RunId::new("b1"), &AgentEnd::Failed(Failure::recoverable("x")), now(1));
    assert_eq!(names(&effects)[2..], ["start c1"], "a2 waits for its folder, c1 does not wait for a2");
    let effects = it.ended(&RunId::new("a1"), &AgentEnd::Failed(Failure::recoverable("x")), now(2));
    assert_eq!(names(&effects)[2..], ["start a2"]);
}

#[test]
fn nobody_overtakes_a_run_whose_folder_is_still_being_looked_at() {
    let mut it = dispatcher();
    it.dispatch(dispatch("first", "k1"), now(0));
    it.dispatch(dispatch("second", "k2"), now(0));
    let known = |it: &mut Dispatcher, run: &str| names(&it.folder(&RunId::new(run), Ok(None), now(1)));
    assert_eq!(known(&mut it, "second"), [""; 0]);
    assert_eq!(known(&mut it, "first"), ["start first", "start second"]);
}

#[test]
fn a_cancel_ends_a_run_before_during_and_after_its_start() {
    let mut it = dispatcher();
    it.dispatch(dispatch("queued", "k1"), now(0));
    assert_eq!(names(&it.cancel(&RunId::new("queued"), now(1))), ["end queued", "task.failed cancelled"]);

    arrive(&mut it, "starting", "k2", 2);
    assert_eq!(names(&it.cancel(&RunId::new("starting"), now(3))), ["ask starting"]);
    assert_eq!(open(&mut it, "starting", 4), None, "never prompted");
    let effects = it.ended(&RunId::new("starting"), &AgentEnd::Failed(Failure::recoverable("gone")), now(5));
    assert_eq!(names(&effects), ["end starting", "task.failed cancelled"]);

    running(&mut it, "running", "k3", 6);
    assert_eq!(names(&it.cancel(&RunId::new("running"), now(7))), ["ask running"]);
    assert_eq!(names(&it.cancel(&RunId::new("running"), now(8))), [""; 0]);
    let effects = it.ended(&RunId::new("running"), &completed(), now(9));
    assert_eq!(names(&effects), ["record task_failed", "end running", "task.failed cancelled"]);
    assert_eq!(names(&it.cancel(&RunId::new("nobody"), now(10))), [""; 0]);
}

#[test]
fn an_agent_that_does_not_stop_is_left_behind() {
    let mut it = dispatcher();
    running(&mut it, "r", "k", 0);
    it.cancel(&RunId::new("r"), now(1000));
    assert_eq!(it.poll_timeout(), Some(Millis(1000) + limits::STOP_WITHIN));
    assert_eq!(names(&it.tick(now(1001))), [""; 0]);
    let effects = it.tick(now(11_000));
    assert_eq!(names(&effects), ["abandon r", "record task_failed", "end r", "task.failed cancelled"]);
    assert_eq!(names(&it.ended(&RunId::new("r"), &completed(), now(11_001))), [""; 0], "one terminal");
}

#[test]
fn a_run_has_its_time_and_no_more() {
    let mut it = dispatcher();
    it.dispatch(dispatch("waiting", "k1"), now(0));
    let effects = it.tick(now(900_000));
    assert_eq!(names(&effects), ["end waiting", "task.failed waited 900 s for its turn on this computer"]);

    arrive(&mut it, "slow", "k2", 1_000_000);
    assert_eq!(names(&it.tick(now(1_090_000))), ["ask slow"]);
    let effects = it.tick(now(1_100_000));
    assert_eq!(names(&effects)[1..], ["end slow", "task.failed the agent did not start within 90 s"]);

    running(&mut it, "long", "k3", 2_000_000);
    assert_eq!(names(&it.tick(now(2_899_999))), [""; 0]);
    assert_eq!(names(&it.tick(now(2_900_000))), ["ask long"]);
    let effects =
        it.ended(&RunId::new("long"), &AgentEnd::Failed(Failure::recoverable("aborted")), now(2_900_100));
    assert_eq!(names(&effects)[2..], ["task.failed timed out after 900 s"]);
}

#[test]
fn a_stopping_peer_ends_what_was_prompted_and_leaves_the_rest_for_the_next_one() {
    let mut it = dispatcher();
    running(&mut it, "a", "ka", 0);
    arrive(&mut it, "b", "kb", 0);
    it.dispatch(dispatch("c", "kc"), now(0));
    assert_eq!(
        names(&it.stop(now(1))),
        ["ask a", "record task_failed", "end a", "task.failed peer stopped", "ask b",]
    );
    assert_eq!(names(&it.dispatch(dispatch("d", "kd"), now(2))), ["ignored"]);
    assert!(open(&mut it, "b", 3).is_none(), "nothing is prompted any more");
    let end = AgentEnd::Failed(Failure::recoverable("stopped before it began"));
    assert_eq!(names(&it.ended(&RunId::new("b"), &end, now(4))), [""; 0], "it waits for the next peer");
}

#[test]
fn a_full_queue_says_so() {
    let mut it = dispatcher();
    for n in 0..limits::QUEUED_DISPATCHES {
        it.dispatch(dispatch(&format!("r{n}"), &format!("k{n}")), now(0));
    }
    let effects = it.dispatch(dispatch("one-more", "k"), now(0));
    assert_eq!(names(&effects)[1..], ["task.failed this peer's queue is full; try again later"]);

    let mut it = dispatcher();
    let mut big = dispatch("big", "k");
    big.task.description = Some("x".repeat(limits::QUEUED_BYTES));
    assert_eq!(
        names(&it.dispatch(big, now(0)))[1..],
        ["task.failed this peer's queue is full; try again later"]
    );
}

#[test]
fn the_tasks_text_is_gone_once_the_agent_has_it() {
    let mut it = dispatcher();
    running(&mut it, "r", "k", 0);
    let run = it.run(&RunId::new("r")).expect("running");
    assert_eq!(run.dispatch.task, Task { repo_path: Some("/w/r".into()), ..Task::default() });
}

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

fn left(run: &str, spent: Option<LeftSpent>) -> Left {
    Left { dispatch: dispatch(run, &format!("k_{run}")), arrived: now(0).wall, spent }
}

fn prompted(run: &str, prompted: bool) -> LeftSpent {
    let place = PromptPlace {
        session: Some(SessionHandle::new(format!("ses_{run}"))),
        message_id: Some("msg_1".into()),
    };
    LeftSpent { at: now(1_000).wall, place, folder: Some(format!("/w/{run}")), prompted }
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
    assert_eq!(names(&it.write_again()), ["queue a", "spend ka", "erase a", "queue b"]);
}

#[derive(Clone, Debug)]
enum Move {
    Dispatch(usize, usize),
    Folder(usize, bool),
    Opened(usize),
    Step(usize),
    Ended(usize, bool),
    Cancel(usize),
    Tick(u64),
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => (0..6usize, 0..6usize).prop_map(|(run, key)| Move::Dispatch(run, key)),
        4 => (0..6usize, any::<bool>()).prop_map(|(run, ok)| Move::Folder(run, ok)),
        4 => (0..6usize).prop_map(Move::Opened),
        3 => (0..6usize).prop_map(Move::Step),
        3 => (0..6usize, any::<bool>()).prop_map(|(run, ok)| Move::Ended(run, ok)),
        1 => (0..6usize).prop_map(Move::Cancel),
        1 => (0..1_000_000u64).prop_map(Move::Tick),
    ]
}

proptest! {
    /// Whatever comes in whatever order: a key is spent once, a spent run has one terminal (repeats are the same
    /// bytes), nothing follows a terminal, and never more runs than allowed are with an agent.
    #[test]
    fn one_key_one_run_one_terminal(story in proptest::collection::vec(moves(), 1..150)) {
        let mut it = dispatcher();
        let mut at = 0u64;
        let mut spent: std::collections::BTreeSet<DispatchKey> = std::collections::BTreeSet::default();
        let mut spent_runs: std::collections::BTreeSet<RunId> = std::collections::BTreeSet::default();
        let mut terminals: BTreeMap<RunId, std::sync::Arc<str>> = BTreeMap::new();
        for action in story {
            at += 1;
            let id = |run: usize| RunId::new(format!("r{run}"));
            let effects = match action {
                Move::Dispatch(run, key) => it.dispatch(dispatch(&format!("r{run}"), &format!("k{key}")), now(at)),
                Move::Folder(run, ok) => {
                    let folder = if ok { Ok(Some(format!("/w/{}", run % 4))) } else { Err(Failure::lasting("no")) };
                    it.folder(&id(run), folder, now(at))
                }
                Move::Opened(run) => open(&mut it, &format!("r{run}"), at).unwrap_or_default(),
                Move::Step(run) => it.agent(&id(run), &AgentEvent::Remark(Redacted::new("x")), NO_MATCH, now(at)),
                Move::Ended(run, ok) => {
                    let started = it.run(&id(run)).is_some_and(|run| run.live.is_some());
                    let end = if ok && started { completed() } else { AgentEnd::Failed(Failure::recoverable("x")) };
                    // A driver only ends a run that it was given.
                    match it.run(&id(run)).map(|run| run.phase) {
                        Some(Phase::Queued { .. }) | None => Vec::new(),
                        Some(_) => it.ended(&id(run), &end, now(at)),
                    }
                }
                Move::Cancel(run) => it.cancel(&id(run), now(at)),
                Move::Tick(ms) => { at += ms; it.tick(now(at)) }
            };
            for effect in effects {
                match effect {
                    Effect::Spend(spend) => {
                        prop_assert!(spent.insert(spend.key.clone()), "{} spent twice", spend.key);
                        prop_assert!(spent_runs.insert(spend.run_id.clone()), "{} prompted twice", spend.run_id);
                    }
                    Effect::Send(frame) if spent_runs.contains(&frame.run_id) => {
                        if let Some(terminal) = terminals.get(&frame.run_id) {
                            prop_assert_eq!(terminal, &frame.json, "a different frame after the terminal");
                        } else if frame.class == crate::delivery::Class::Terminal {
                            terminals.insert(frame.run_id.clone(), frame.json.clone());
                        }
                    }
                    _ => {}
                }
            }
            let with_agent = it.runs().filter(|run| !matches!(run.phase, Phase::Queued { .. })).count();
            prop_assert!(with_agent <= limits::CONCURRENT_RUNS);
        }
    }
}
