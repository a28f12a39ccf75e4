use super::*;
use crate::agent::{Action, ActionKind, Totals};
use crate::ids::{DispatchKey, SessionHandle};
use crate::message::{Provider, Task};
use crate::time::Timestamp;
use std::time::Duration;

mod asking;
mod asks;
mod budget;
mod pause;
mod property;
mod restore;

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
        Effect::Cancelled(run_id) => format!("cancelled {run_id}"),
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
        Effect::Reply { ask, reply, .. } => format!("reply {ask} {reply:?}"),
        Effect::Hold(run_id) => format!("hold {run_id}"),
        Effect::GoOn(run_id) => format!("go on {run_id}"),
        Effect::Account(run_id, _) => format!("account {run_id}"),
        Effect::DayMore(_) => "more for the day".to_owned(),
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
fn nothing_starts_in_a_folder_where_something_is_being_taken_back() {
    let mut it = dispatcher();
    it.close_folder("/w/api");
    for (run, folder, starts) in
        [("in", "/w/api/src", false), ("around", "/w", false), ("beside", "/w/api-2", true)]
    {
        it.dispatch(dispatch(run, run), now(0));
        let effects = names(&it.folder(&RunId::new(run), Ok(Some(folder.into())), now(0)));
        assert_eq!(!effects.is_empty(), starts, "{folder}");
    }
    assert!(it.is_closed("/w/api") && !it.is_closed("/x"));
    assert_eq!(names(&it.open_folder("/w/api", now(1))), ["start in"], "two at once");
    assert!(!it.is_closed("/w/api"));
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
    assert_eq!(names(&it.cancel(&RunId::new("starting"), now(3))), ["cancelled starting", "ask starting"]);
    assert_eq!(open(&mut it, "starting", 4), None, "never prompted");
    let effects = it.ended(&RunId::new("starting"), &AgentEnd::Failed(Failure::recoverable("gone")), now(5));
    assert_eq!(names(&effects), ["end starting", "task.failed cancelled"]);

    running(&mut it, "running", "k3", 6);
    assert_eq!(names(&it.cancel(&RunId::new("running"), now(7))), ["cancelled running", "ask running"]);
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
