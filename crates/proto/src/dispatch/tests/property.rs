//! Whatever happens in whatever order: one key, one run, one terminal.

use super::*;
use crate::run::{BudgetUnit, StartKind, StartQuestion, StartWhat};
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
            for run in it.runs() {
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
