//! Whatever happens in whatever order: one key, one run, one terminal.

use super::*;
use crate::agent::{AgentAsk, Asked, Permission, Reply};
use crate::ids::AskId;
use crate::run::{BudgetUnit, StartKind, StartQuestion, StartWhat, Verdict};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Move {
    Dispatch(usize, usize),
    Folder(usize, bool),
    NotAllowed(usize),
    Dirty(usize, bool),
    Budget(usize, bool),
    TreesMatter(bool),
    Answer(usize, bool),
    LookAgain,
    Asked(usize, usize),
    AskGone(usize, usize),
    Verdict(usize, usize, Verdict),
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
        2 => (0..6usize).prop_map(Move::NotAllowed),
        1 => (0..6usize, any::<bool>()).prop_map(|(run, too)| Move::Dirty(run, too)),
        1 => (0..6usize, any::<bool>()).prop_map(|(run, up)| Move::Budget(run, up)),
        1 => any::<bool>().prop_map(Move::TreesMatter),
        2 => (0..6usize, any::<bool>()).prop_map(|(run, yes)| Move::Answer(run, yes)),
        1 => Just(Move::LookAgain),
        6 => (0..6usize, 0..5usize).prop_map(|(run, ask)| Move::Asked(run, ask)),
        1 => (0..6usize, 0..5usize).prop_map(|(run, ask)| Move::AskGone(run, ask)),
        3 => (0..6usize, 0..5usize, verdicts()).prop_map(|(run, ask, verdict)| Move::Verdict(run, ask, verdict)),
        4 => (0..6usize).prop_map(Move::Opened),
        3 => (0..6usize).prop_map(Move::Step),
        3 => (0..6usize, any::<bool>()).prop_map(|(run, ok)| Move::Ended(run, ok)),
        1 => (0..6usize).prop_map(Move::Cancel),
        1 => (0..1_000_000u64).prop_map(Move::Tick),
    ]
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Once),
        Just(Verdict::ForRun),
        Just(Verdict::No(None)),
        Just(Verdict::Answers(vec![vec!["x".to_owned()]])),
    ]
}

/// Asks 0 and 1 are about the same thing.
fn ask(number: usize) -> AgentAsk {
    let permission = Permission {
        kind: "bash".into(),
        patterns: vec![format!("ls {}", number.max(1))],
        ..Permission::default()
    };
    AgentAsk { id: AskId::new(format!("per_{number}")), by: None, what: Asked::Permission(permission) }
}

proptest! {
    /// Whatever comes in whatever order: a key is spent once, a spent run has one terminal (repeats are the same
    /// bytes), nothing follows a terminal, and never more runs than allowed are with an agent. What an agent asks has
    /// one answer, and has it before its time and the run's are up.
    #[test]
    fn one_key_one_run_one_terminal(story in proptest::collection::vec(moves(), 1..150)) {
        let mut it = dispatcher();
        let mut at = 0u64;
        let mut spent: std::collections::BTreeSet<DispatchKey> = std::collections::BTreeSet::default();
        let mut spent_runs: std::collections::BTreeSet<RunId> = std::collections::BTreeSet::default();
        let mut terminals: BTreeMap<RunId, std::sync::Arc<str>> = BTreeMap::new();
        let mut asked: BTreeMap<(RunId, AskId), u64> = BTreeMap::new();
        for action in story {
            at += 1;
            let id = |run: usize| RunId::new(format!("r{run}"));
            let effects = match action {
                Move::Dispatch(run, key) => it.dispatch(dispatch(&format!("r{run}"), &format!("k{key}")), now(at)),
                Move::Folder(run, ok) => {
                    let folder = if ok { Ok(Some(format!("/w/{}", run % 4))) } else { Err(Failure::lasting("no")) };
                    it.folder(&id(run), folder, now(at))
                }
                Move::NotAllowed(run) => {
                    it.ask_folder(&id(run), format!("/w/{}", run % 4), Failure::lasting("not allowed"), now(at))
                }
                Move::Dirty(run, folder_too) => {
                    let folder = format!("/w/{}", run % 4);
                    let refused = Failure::recoverable("no");
                    let mut questions = vec![StartQuestion {
                        what: StartWhat::Dirty { folder: folder.clone(), commit: None, changes: at },
                        refused: refused.clone(),
                    }];
                    if folder_too {
                        let what = StartWhat::Folder { folder: folder.clone() };
                        questions.push(StartQuestion { what, refused });
                    }
                    it.looked(&id(run), Some(folder), questions, now(at))
                }
                Move::Budget(run, up) => {
                    let what = StartWhat::Budget { limit: BudgetUnit::Tokens, most: 1, used: at };
                    let question = StartQuestion { what, refused: Failure::recoverable("no") };
                    if up {
                        it.ask_before_start(&id(run), question, now(at))
                    } else {
                        it.ask_no_more(&id(run), StartKind::Budget, now(at))
                    }
                }
                Move::TreesMatter(matter) => {
                    it.set_ask_when_dirty(matter);
                    Vec::new()
                }
                Move::Answer(run, yes) => {
                    let asking = it.run(&id(run)).is_some_and(|run| run.ask.is_some());
                    let answered = if yes { it.allow(&id(run), now(at)) } else { it.deny(&id(run), now(at)) };
                    prop_assert_eq!(answered.is_some(), asking, "an answer without a question, or the other way round");
                    answered.unwrap_or_default()
                }
                Move::Asked(run, number) => {
                    let effects = it.asked(&id(run), ask(number), now(at));
                    let open = it.run(&id(run)).is_some_and(|run| run.asks.get(&ask(number).id).is_some());
                    if open || effects.iter().any(|effect| matches!(effect, Effect::Reply { .. })) {
                        asked.entry((id(run), ask(number).id)).or_insert(at);
                    }
                    effects
                }
                Move::AskGone(run, number) => {
                    asked.remove(&(id(run), ask(number).id));
                    it.ask_gone(&id(run), &ask(number).id, now(at))
                }
                Move::Verdict(run, number, verdict) => {
                    let open = it.run(&id(run)).is_some_and(|run| run.asks.get(&ask(number).id).is_some());
                    let fits = !matches!(verdict, Verdict::Answers(_));
                    let answered = it.answer(&id(run), &ask(number).id, verdict, now(at));
                    prop_assert_eq!(answered.is_some(), open);
                    prop_assert_eq!(matches!(answered, Some(Ok(_))), open && fits);
                    answered.and_then(Result::ok).unwrap_or_default()
                }
                Move::LookAgain => it.look_again(),
                Move::Opened(run) => open(&mut it, &format!("r{run}"), at).unwrap_or_default(),
                Move::Step(run) => it.agent(&id(run), &AgentEvent::Remark(Redacted::new("x")), NO_MATCH, now(at)),
                Move::Ended(run, ok) => {
                    let started = it.run(&id(run)).is_some_and(|run| run.live.is_some());
                    let end = if ok && started { completed() } else { AgentEnd::Failed(Failure::recoverable("x")) };
                    // A driver only ends a run that it was given.
                    match it.run(&id(run)).map(|run| run.phase) {
                        Some(phase) if phase.waits() => Vec::new(),
                        None => Vec::new(),
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
                    Effect::Reply { run_id, ask, reply } => {
                        prop_assert!(asked.remove(&(run_id, ask)).is_some(), "an answer to nothing, or a second one");
                        prop_assert!(!matches!(reply, Reply::Answers(_)));
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
            let with_agent = it.runs().filter(|run| !run.phase.waits()).count();
            prop_assert!(with_agent <= limits::CONCURRENT_RUNS);
            prop_assert_eq!(it.queued(), it.runs().count() - with_agent, "what waits is in the queue");
            let next = it.poll_timeout().unwrap_or(Millis(u64::MAX));
            asked.retain(|(run, _), _| it.run(run).is_some_and(|run| matches!(run.phase, Phase::Running { .. })));
            let open: usize = it.runs().map(|run| run.asks.open().count()).sum();
            prop_assert_eq!(open, asked.len(), "what is asked and was not answered is open");
            for run in it.runs() {
                for open in run.asks.open() {
                    let Phase::Running { until } = run.phase else { panic!("only what works asks") };
                    let since = asked[&(run.dispatch.run_id.clone(), open.ask.id.clone())];
                    prop_assert!(open.until <= Millis(since) + limits::ASK_WITHIN && open.until <= until);
                    prop_assert!(next <= open.until);
                }
                let asks = matches!(run.phase, Phase::NeedsYou { .. });
                prop_assert_eq!(asks, run.ask.is_some());
                prop_assert!(!asks || run.spent.is_none(), "it asks before, and never again");
                prop_assert_eq!(run.ask.as_ref().map(|ask| ask.what.kind()), run.questions.first().map(|next| next.what.kind()));
                prop_assert!(run.questions.iter().all(|next| !run.allowed(next.what.kind())), "allowed once is allowed");
                prop_assert!(run.phase.waits() || run.questions.is_empty(), "nothing starts with a question");
            }
        }
    }
}
