//! Plays OrgX and the agents against a dispatcher, and keeps a plain account of what it may do.
//!
//! The input is frames and moves by turns, with a NUL between them: `frame NUL moves NUL frame NUL moves`. A move is a
//! letter ([`World::act`]); what is none is skipped.

use super::frames::{assert_fit, assert_frame, assert_record, dispatcher, now};
use orgx_proto::agent::{Action, ActionKind, AgentEnd, AgentEvent, Failure, PromptPlace, Totals};
use orgx_proto::delivery::Outgoing;
use orgx_proto::dispatch::{Dispatcher, Effect, Ended};
use orgx_proto::ids::{DispatchKey, RunId, SessionHandle};
use orgx_proto::limits;
use orgx_proto::message::{Dispatch, Inbound, Provider, parse};
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
            }
        } else if let Ok(text) = std::str::from_utf8(part) {
            world.frame(text);
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
    spent: BTreeSet<DispatchKey>,
    /// Ended runs whose key was spent, with their terminal.
    ended: BTreeMap<RunId, Outgoing>,
    stopped: bool,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Asked,
    Waiting,
    /// Its driver has it.
    Starting,
    /// It was prompted.
    Prompted,
    /// It has a session.
    Working,
}

impl Default for World {
    fn default() -> Self {
        Self {
            dispatcher: dispatcher(),
            clock: 1,
            runs: BTreeMap::new(),
            all: Vec::new(),
            chosen: 0,
            spent: BTreeSet::new(),
            ended: BTreeMap::new(),
            stopped: false,
        }
    }
}

impl World {
    fn frame(&mut self, text: &str) {
        let at = now(self.clock);
        let effects = match parse(text) {
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
            Inbound::Ignored(why) => {
                assert_fit(why.as_str(), limits::REASON_CHARS);
                Vec::new()
            }
        };
        self.take(&effects);
    }

    /// One move of the world around the dispatcher; a driver does nothing that it was not asked for.
    fn act(&mut self, letter: u8) {
        let at = now(self.clock);
        if letter.is_ascii_digit() {
            self.chosen = usize::from(letter - b'0');
            return;
        }
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
            (b's', Some(Place::Starting)) => {
                let effects = self.dispatcher.spend(&run_id, PromptPlace::default(), at).unwrap_or_default();
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
            (b'S', Some(Place::Prompted)) => {
                self.runs.insert(run_id.clone(), Place::Working);
                self.dispatcher.started(&run_id, &session, at)
            }
            (b'a', Some(Place::Working)) => self.dispatcher.agent(&run_id, &AgentEvent::Chat, &[], at),
            (b'b' | b'm', Some(Place::Working)) => {
                let matches = if letter == b'm' { vec![found(&run_id)] } else { Vec::new() };
                self.dispatcher.agent(&run_id, &action(&run_id), &matches, at)
            }
            (b'l', _) => self.dispatcher.late_matches(&run_id, "ref", &[found(&run_id)], at),
            (b'e', Some(Place::Prompted | Place::Working)) => {
                let totals = Totals { tokens_used: 7, cost_cents: 0.4, provider: Provider::Other };
                self.dispatcher.ended(&run_id, &AgentEnd::Completed(totals), at)
            }
            (b'E', Some(Place::Starting | Place::Prompted | Place::Working)) => {
                self.dispatcher.ended(&run_id, &AgentEnd::Failed(Failure::recoverable("it broke")), at)
            }
            (b'c', _) => self.dispatcher.cancel(&run_id, at),
            (b't', _) => return self.tick_next(),
            (b'T', _) => {
                self.clock += 1_000;
                return self.tick();
            }
            (b'q', _) => {
                self.stopped = true;
                let effects = self.dispatcher.stop(at);
                self.take(&effects);
                assert!(self.runs.is_empty(), "a run outlived the stop");
                return;
            }
            _ => return,
        };
        self.take(&effects);
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
        for _ in 0..self.runs.len() * 3 {
            self.tick_next();
        }
        assert!(self.runs.is_empty(), "a run never ends");
        assert_eq!(self.dispatcher.queued(), 0);
    }

    fn take(&mut self, effects: &[Effect]) {
        let mut due: Option<&Ended> = None;
        for effect in effects {
            let terminal = due.take().map(|ended| &ended.terminal);
            assert!(terminal.is_none() || matches!(effect, Effect::Send(_)), "an end that is not told");
            match effect {
                Effect::CheckFolder { run_id, .. } => {
                    assert!(!self.stopped && !self.ended.contains_key(run_id));
                    assert_eq!(self.runs.insert(run_id.clone(), Place::Asked), None);
                }
                Effect::Start(start) => {
                    let before = self.runs.insert(start.run_id.clone(), Place::Starting);
                    assert_eq!(before, Some(Place::Waiting));
                    assert!(
                        self.dispatcher.runs().count() - self.dispatcher.queued() <= limits::CONCURRENT_RUNS
                    );
                }
                Effect::Spend(spent) => assert!(self.spent.insert(spent.key.clone()), "a key spent twice"),
                Effect::End(ended) => {
                    self.runs.remove(&ended.run_id);
                    if let Some(key) = &ended.key {
                        assert!(self.spent.contains(key));
                        let before = self.ended.insert(ended.run_id.clone(), ended.terminal.clone());
                        assert_eq!(before, None, "a second end");
                    }
                    assert!(!ended.failed || ended.receipt.is_none());
                    due = Some(ended);
                }
                Effect::Send(frame) => {
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
                Effect::Ask(run_id) | Effect::Abandon(run_id) => assert!(self.runs.contains_key(run_id)),
                Effect::Ignored(_) => {}
            }
        }
        assert!(due.is_none(), "an end that is not told");
        assert!(self.dispatcher.runs().map(|run| &run.dispatch.run_id).eq(self.runs.keys()));
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
