//! Plays OrgX, the person and the agents against a dispatcher, kills and restarts it, and keeps a plain account of what
//! it may do.
//!
//! The input is frames and moves by turns, with a NUL between them: `frame NUL moves NUL frame NUL moves`. A move is a
//! letter ([`World::act`]); what is none is skipped.

use super::frames::{assert_fit, assert_frame, assert_record, dispatcher_with, now};
use super::kept::Kept;
use orgx_proto::agent::{
    Action, ActionKind, AgentAsk, AgentEnd, AgentEvent, Asked, Failure, Permission, PromptPlace, Totals,
};
use orgx_proto::delivery::{Class, Outgoing};
use orgx_proto::dispatch::{Dispatcher, Effect, Ended, PauseState};
use orgx_proto::ids::{AskId, DispatchKey, RunId, SessionHandle};
use orgx_proto::limits;
use orgx_proto::message::{Dispatch, Inbound, Provider, Task, parse};
use orgx_proto::run::{Phase, Verdict};
use orgx_proto::skill_rules::Match;
use orgx_proto::time::Millis;
use std::collections::{BTreeMap, BTreeSet};

/// Plays one input.
pub(super) fn play(data: &[u8]) {
    let mut world = World::default();
    for (turn, part) in data.split(|byte| *byte == 0).enumerate() {
        if turn % 2 == 1 {
            for letter in part {
                world.act(*letter);
                world.check_kept();
            }
        } else if let Ok(text) = std::str::from_utf8(part) {
            world.frame(text);
            world.check_kept();
        }
    }
    world.wait_for_the_end();
}

struct World {
    dispatcher: Dispatcher,
    clock: u64,
    /// Runs that have not ended.
    runs: BTreeMap<RunId, Place>,
    /// Every run there was, in the order they came; `chosen` is the one that moves are about.
    all: Vec<RunId>,
    chosen: usize,
    /// The person's own.
    own: BTreeSet<RunId>,
    spent: BTreeSet<DispatchKey>,
    /// Ended runs whose key was spent, with their terminal.
    ended: BTreeMap<RunId, Outgoing>,
    kept: Kept,
    /// What agents ask, and nobody has answered.
    asked: BTreeSet<(RunId, AskId)>,
    /// Asks there were.
    asks: usize,
    stopped: bool,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Asked,
    Waiting,
    /// Its driver has it.
    Starting,
    /// Its driver looks it up: a peer before this one had spent its key.
    Resumed,
    /// It was prompted.
    Prompted,
    /// It has a session.
    Working,
}

impl Default for World {
    fn default() -> Self {
        Self {
            dispatcher: dispatcher_with(Vec::new()),
            clock: 1,
            runs: BTreeMap::new(),
            all: Vec::new(),
            chosen: 0,
            own: BTreeSet::new(),
            spent: BTreeSet::new(),
            ended: BTreeMap::new(),
            kept: Kept::default(),
            asked: BTreeSet::new(),
            asks: 0,
            stopped: false,
        }
    }
}

impl World {
    fn frame(&mut self, text: &str) {
        let at = now(self.clock);
        let effects = match parse(text) {
            // Their names are made here, and OrgX knows none of them.
            Inbound::Dispatch(dispatch)
                if self.is_own(&dispatch.run_id) || self.is_own(&RunId::new(dispatch.key.as_str())) =>
            {
                return;
            }
            Inbound::Unusable { run_id, .. } if self.is_own(&run_id) => return,
            Inbound::Dispatch(dispatch) => {
                assert_bounded(&dispatch);
                if !self.all.contains(&dispatch.run_id) {
                    self.all.push(dispatch.run_id.clone());
                }
                self.dispatcher.dispatch(*dispatch, at)
            }
            Inbound::Cancel(cancel) => self.dispatcher.cancel(&cancel.run_id, at),
            Inbound::Unusable { run_id, reason } => {
                assert_fit(reason.as_str(), limits::REASON_CHARS);
                self.dispatcher.unusable(run_id, &reason, at)
            }
            Inbound::RulesReload => Vec::new(),
            Inbound::Resolve(resolve) => {
                assert_fit(resolve.run_id.as_str(), limits::ID_BYTES);
                assert_fit(resolve.decision_id.as_str(), limits::ID_BYTES);
                Vec::new()
            }
            Inbound::Ignored(why) => {
                assert_fit(why.as_str(), limits::REASON_CHARS);
                Vec::new()
            }
        };
        self.take(&effects);
    }

    /// One move of the world around the dispatcher; a driver does nothing that it was not asked for.
    fn act(&mut self, letter: u8) {
        match letter {
            b'0'..=b'9' => self.chosen = usize::from(letter - b'0'),
            b't' => self.tick_next(),
            b'T' => {
                self.clock += 1_000;
                self.tick();
            }
            b'o' => self.own_task(),
            b'q' => self.stop(),
            b'k' => self.restart(),
            b'h' | b'H' => self.dispatcher.pause(letter == b'H'),
            b'r' => {
                self.kept.resumed();
                let effects = self.dispatcher.resume(now(self.clock));
                self.take(&effects);
            }
            b'w' => self.kept.begin_anew(&self.dispatcher.write_again()),
            _ => self.act_on_the_chosen(letter),
        }
    }

    fn act_on_the_chosen(&mut self, letter: u8) {
        let at = now(self.clock);
        let Some(run_id) = self.all.get(self.chosen % self.all.len().max(1)).cloned() else { return };
        let place = self.runs.get(&run_id).copied();
        let session = SessionHandle::new(format!("ses_{run_id}"));
        let effects = match (letter, place) {
            (b'f' | b'F' | b'x', Some(Place::Asked)) => {
                let answer = match letter {
                    b'f' => Ok(None),
                    b'F' => Ok(Some("/w/api".to_owned())),
                    _ => Err(Failure::lasting("there is no such folder")),
                };
                self.runs.insert(run_id.clone(), Place::Waiting);
                self.dispatcher.folder(&run_id, answer, at)
            }
            (b'n', Some(Place::Asked)) => {
                self.runs.insert(run_id.clone(), Place::Waiting);
                let refused = Failure::lasting("it is not allowed");
                self.dispatcher.ask_folder(&run_id, "/w/else".to_owned(), refused, at)
            }
            (b'y', _) => self.dispatcher.allow(&run_id, at).unwrap_or_default(),
            (b'N', _) => self.dispatcher.deny(&run_id, at).unwrap_or_default(),
            (b's' | b'p', Some(Place::Starting)) => {
                let place = match letter {
                    b's' => PromptPlace::default(),
                    _ => PromptPlace { session: Some(session), message_id: Some("msg_1".to_owned()) },
                };
                let effects = self.dispatcher.spend(&run_id, place, at).unwrap_or_default();
                if !effects.is_empty() {
                    self.runs.insert(run_id, Place::Prompted);
                }
                effects
            }
            // The journal could not be written: nothing is prompted.
            (b'u', Some(Place::Starting)) => {
                if self.dispatcher.spend(&run_id, PromptPlace::default(), at).is_some() {
                    self.dispatcher.unspend(&run_id);
                }
                let end = AgentEnd::Failed(Failure::recoverable("stopped before it began"));
                self.dispatcher.ended(&run_id, &end, at)
            }
            (b'P', Some(Place::Prompted | Place::Working | Place::Resumed)) => {
                self.dispatcher.prompted(&run_id, at)
            }
            (b'S', Some(Place::Prompted | Place::Resumed)) => {
                self.runs.insert(run_id.clone(), Place::Working);
                self.dispatcher.started(&run_id, &session, at)
            }
            (b'a', Some(Place::Working)) => self.dispatcher.agent(&run_id, &AgentEvent::Chat, &[], at),
            (b'b' | b'm', Some(Place::Working)) => {
                let matches = if letter == b'm' { vec![found(&run_id)] } else { Vec::new() };
                self.dispatcher.agent(&run_id, &action(&run_id), &matches, at)
            }
            (b'l', Some(Place::Working)) => {
                self.dispatcher.late_matches(&run_id, "ref", &[found(&run_id)], at)
            }
            (b'g' | b'G', Some(Place::Working)) => self.agent_asks(&run_id, letter == b'G'),
            (b'v' | b'V' | b'd' | b'z', _) => {
                let Some((_, ask)) = self.asked.iter().find(|(of, _)| *of == run_id).cloned() else { return };
                let verdict = match letter {
                    b'v' => Verdict::Once,
                    b'V' => Verdict::ForRun,
                    _ => Verdict::No(None),
                };
                if letter == b'z' {
                    self.asked.remove(&(run_id.clone(), ask.clone()));
                    self.dispatcher.ask_gone(&run_id, &ask, at)
                } else {
                    let answered = self.dispatcher.answer(&run_id, &ask, verdict, at);
                    answered.and_then(Result::ok).unwrap_or_default()
                }
            }
            (b'e', Some(Place::Prompted | Place::Working | Place::Resumed)) => {
                let totals = Totals { tokens_used: 7, cost_cents: 0.4, provider: Provider::Other };
                self.dispatcher.ended(&run_id, &AgentEnd::Completed(totals), at)
            }
            (b'E', Some(Place::Starting | Place::Prompted | Place::Working | Place::Resumed)) => {
                self.dispatcher.ended(&run_id, &AgentEnd::Failed(Failure::recoverable("it broke")), at)
            }
            (b'c', _) => self.dispatcher.cancel(&run_id, at),
            _ => return,
        };
        self.take(&effects);
    }

    /// The same thing as before, or something else.
    fn agent_asks(&mut self, run_id: &RunId, same: bool) -> Vec<Effect> {
        self.asks += 1;
        let about = if same { "same".to_owned() } else { self.asks.to_string() };
        let what =
            Permission { kind: run_id.as_str().to_owned(), patterns: vec![about], ..Permission::default() };
        let ask = AgentAsk { id: AskId::new(self.asks.to_string()), by: None, what: Asked::Permission(what) };
        if self.is_at_work(run_id) {
            self.asked.insert((run_id.clone(), ask.id.clone()));
        }
        self.dispatcher.asked(run_id, ask, now(self.clock))
    }

    fn is_at_work(&self, run_id: &RunId) -> bool {
        self.dispatcher.run(run_id).is_some_and(|run| matches!(run.phase, Phase::Running { .. }))
    }

    fn own_task(&mut self) {
        let run_id = RunId::new(format!("own_{}", self.all.len()));
        if self.all.contains(&run_id) {
            return;
        }
        self.all.push(run_id.clone());
        self.own.insert(run_id.clone());
        let dispatch = Dispatch {
            key: DispatchKey::new(run_id.as_str()),
            run_id,
            timeout: limits::DEFAULT_TIMEOUT,
            task: Task { title: "my own task".to_owned(), ..Task::default() },
            local: true,
        };
        let effects = self.dispatcher.dispatch(dispatch, now(self.clock));
        self.take(&effects);
    }

    /// What has not been prompted is left for the next peer.
    fn stop(&mut self) {
        self.stopped = true;
        let effects = self.dispatcher.stop(now(self.clock));
        self.take(&effects);
        let unspent = |place: &Place| matches!(place, Place::Asked | Place::Waiting | Place::Starting);
        assert!(self.runs.values().all(unspent), "a run outlived the stop");
        assert!(self.dispatcher.runs().all(|run| !run.dispatch.local));
    }

    /// The peer is gone without a word, and another one begins with what was kept.
    fn restart(&mut self) {
        let before = std::mem::take(&mut self.runs);
        self.stopped = false;
        self.dispatcher = dispatcher_with(self.kept.past());
        let left = self.kept.left();
        let unspent = left.iter().filter(|left| left.cancelled && left.spent.is_none());
        let cancelled: BTreeSet<RunId> = unspent.map(|left| left.dispatch.run_id.clone()).collect();
        for left in left {
            let effects = self.dispatcher.restore(left, now(self.clock));
            self.take(&effects);
        }
        // What was cancelled before it was prompted ends with the restart.
        let left = before.keys().filter(|run_id| !cancelled.contains(run_id));
        assert!(left.eq(self.runs.keys()), "a run lost or found by a restart");
    }

    fn check_kept(&self) {
        let kept: BTreeSet<&RunId> = self.kept.runs().collect();
        assert!(kept.into_iter().eq(self.runs.keys()), "the journal knows of other runs");
    }

    fn tick_next(&mut self) {
        if let Some(Millis(at)) = self.dispatcher.poll_timeout() {
            self.clock = self.clock.max(at);
            self.tick();
        }
    }

    fn tick(&mut self) {
        let effects = self.dispatcher.tick(now(self.clock));
        self.take(&effects);
        let next = self.dispatcher.poll_timeout();
        assert!(next.is_none_or(|Millis(next)| next > self.clock), "time stands still");
    }

    /// Whatever the agents do not do, every run ends.
    fn wait_for_the_end(&mut self) {
        for (run_id, place) in self.runs.clone() {
            if place == Place::Asked {
                self.runs.insert(run_id.clone(), Place::Waiting);
                let effects = self.dispatcher.folder(&run_id, Ok(None), now(self.clock));
                self.take(&effects);
            }
        }
        for _ in 0..self.runs.len() * 3 + self.asked.len() {
            self.tick_next();
        }
        assert!(self.runs.is_empty(), "a run never ends");
        assert_eq!(self.dispatcher.queued(), 0);
    }

    fn take(&mut self, effects: &[Effect]) {
        let mut due: Option<&Ended> = None;
        let mut kept: Option<&Outgoing> = None;
        for effect in effects {
            let terminal = due.take().map(|ended| &ended.terminal);
            assert!(
                terminal.is_none() || matches!(effect, Effect::Send(_) | Effect::Tell(_)),
                "an end that is not told"
            );
            self.kept.take(effect);
            match effect {
                Effect::CheckFolder { run_id, .. } => {
                    assert!(!self.stopped && !self.ended.contains_key(run_id));
                    assert!(self.kept.runs().any(|kept| kept == run_id), "a dispatch that is not journaled");
                    assert_eq!(self.runs.insert(run_id.clone(), Place::Asked), None);
                }
                Effect::Start(start) => {
                    let (place, expected) = match start.resume {
                        None => (Place::Starting, Some(Place::Waiting)),
                        Some(_) => (Place::Resumed, None),
                    };
                    assert_eq!(self.runs.insert(start.run_id.clone(), place), expected);
                    let paused = self.dispatcher.pause_state() == PauseState::Paused;
                    assert!(!paused || start.resume.is_some() || self.is_own(&start.run_id));
                    assert!(
                        self.dispatcher.runs().count() - self.dispatcher.queued() <= limits::CONCURRENT_RUNS
                    );
                }
                Effect::Cancelled(run_id) => assert!(self.kept.runs().any(|kept| kept == run_id)),
                Effect::Spend(spent) => assert!(self.spent.insert(spent.key.clone()), "a key spent twice"),
                Effect::End(ended) => {
                    self.runs.remove(&ended.run_id);
                    if let Some(key) = &ended.key {
                        assert!(self.spent.contains(key));
                        let before = self.ended.insert(ended.run_id.clone(), ended.terminal.clone());
                        assert_eq!(before, None, "a second end");
                    }
                    assert!(ended.receipt.is_none() || !(ended.failed || ended.local));
                    assert_eq!(ended.local, self.is_own(&ended.run_id));
                    due = Some(ended);
                }
                Effect::Send(frame) | Effect::Tell(frame) => {
                    let told_orgx = matches!(effect, Effect::Send(_));
                    assert_ne!(told_orgx, self.is_own(&frame.run_id), "told to the wrong one");
                    if told_orgx && frame.class == Class::Deviation {
                        assert_eq!(kept.take(), Some(frame), "a deviation that is not journaled");
                    }
                    let is_terminal = assert_frame(frame);
                    let told_before = self.ended.get(&frame.run_id);
                    match terminal {
                        Some(terminal) => assert_eq!(frame, terminal),
                        None if is_terminal => {
                            assert_eq!(Some(frame), told_before, "a second, other terminal");
                        }
                        None => assert_eq!(self.runs.get(&frame.run_id), Some(&Place::Working)),
                    }
                }
                Effect::Record(record) => assert_record(record),
                Effect::Ask(run_id)
                | Effect::Abandon(run_id)
                | Effect::Hold(run_id)
                | Effect::GoOn(run_id)
                | Effect::Account(run_id, _) => assert!(self.runs.contains_key(run_id)),
                Effect::Reply { run_id, ask, .. } => {
                    assert!(self.runs.contains_key(run_id));
                    let asked = (run_id.clone(), ask.clone());
                    assert!(self.asked.remove(&asked), "an answer to nothing, or a second one");
                }
                Effect::Keep(frame) => kept = Some(frame),
                Effect::DayMore(_) | Effect::Queue { .. } | Effect::Erase(_) | Effect::Ignored(_) => {}
            }
        }
        assert!(due.is_none(), "an end that is not told");
        let (asked, dispatcher) = (&mut self.asked, &self.dispatcher);
        asked.retain(|(run_id, _)| {
            dispatcher.run(run_id).is_some_and(|run| matches!(run.phase, Phase::Running { .. }))
        });
        let open: usize = self.dispatcher.runs().map(|run| run.asks.open().count()).sum();
        assert_eq!(open, self.asked.len(), "what is asked and was not answered is open");
        assert!(self.dispatcher.runs().map(|run| &run.dispatch.run_id).eq(self.runs.keys()));
    }

    /// Is it the person's own?
    fn is_own(&self, run_id: &RunId) -> bool {
        self.own.contains(run_id)
    }
}

fn assert_bounded(dispatch: &Dispatch) {
    for id in [dispatch.run_id.as_str(), dispatch.key.as_str(), dispatch.task.driver.as_str()] {
        assert!(!id.is_empty() && id.len() <= limits::ID_BYTES);
    }
    assert!(dispatch.timeout <= limits::MAX_TIMEOUT);
    assert!(!dispatch.task.title.trim().is_empty());
    assert!(dispatch.task.repo_path.as_ref().is_none_or(|path| path.len() <= limits::PATH_BYTES));
}

/// An action that is all the run's own name.
fn action(run_id: &RunId) -> AgentEvent {
    let name = run_id.as_str().to_owned();
    AgentEvent::Action(Action {
        kind: ActionKind::FileEdit { path: name.clone(), tool: None },
        detail: name.repeat(3),
        evidence_ref: Some(name.clone()),
        matched_text: name,
        answers: true,
    })
}

fn found(run_id: &RunId) -> Match {
    Match {
        skill_id: "skill".into(),
        evidence_kind: "kind".into(),
        dedupe_key: format!("skill:print:{run_id}"),
        rule: 0,
    }
}
