//! What runs ask, asked at OrgX, too: which question OrgX has, what an answer from there means, and what OrgX is told.
//!
//! Promises (contract A6, anchors 0.7):
//! - The first answer wins, whoever gives it. One from OrgX is given by [`Action::Answer`] at most once for a question;
//!   an answer on this computer tells OrgX `cancelled`.
//! - Each answer's key is told once; a repeat, or an answer that comes late, has no second effect.
//! - Only what is clearly a yes is a yes: an answer that names no option of ours, another run or another session is
//!   told `resume_failed`, and the question stays open on this computer.
//! - Nothing here is waited for: with OrgX unreachable or unwilling, questions are answered as if it were not there.
//! - Memory is bounded ([`limits`]).
//!
//! The owner says what happened, does what comes back, and calls [`Remote::tick`] at [`Remote::poll_timeout`].

mod asking;
mod item;
mod posts;
mod reading;
mod wire;

pub use item::{Form, Item, Means, Offered, Said};
pub use wire::{Poll, decision_id, poll};

use crate::ids::{DecisionId, RunId, SessionHandle};
use crate::limits;
use crate::message::{Continuation, ContinuationState as State, Resolution, ResolutionStatus, Resolve};
use crate::redact::Redacted;
use crate::time::Now;
use item::{Call, Open};
use posts::Posts;
use std::collections::{BTreeMap, VecDeque};

/// Why OrgX is told `cancelled` when the person answered here.
const HERE: &str = "answered on this computer";
/// Why it is told so otherwise.
const GONE: &str =
    "not asked any more: nobody answered in time, it was answered elsewhere, or the run has ended";

/// Why OrgX is told so of a question that it took a part of only, or has had before.
const ONLY_HERE: &str = "it can be answered on the computer that runs the task only";
/// Why it is told so of one whose other part was declined.
const DECLINED: &str = "another question of the same request was declined";

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Post a question, and come back with [`Remote::created`].
    Create {
        /// Its key: the same one gets the same question again.
        key: String,
        /// The body.
        body: String,
    },
    /// Look whether a question was answered, and come back with [`Remote::polled`].
    Poll {
        /// The question's key.
        key: String,
        /// OrgX's name for it.
        decision: DecisionId,
    },
    /// Send over the socket, if it speaks v3.
    Say(Continuation),
    /// Post the same by HTTP, and come back with [`Remote::posted`].
    Post {
        /// Names the post.
        number: u64,
        /// The question.
        decision: DecisionId,
        /// The header `Idempotency-Key`. PROTOCOL: contract A6, `<key>:<state>`.
        key: String,
        /// The body.
        body: String,
    },
    /// Give this answer, as if it had been given on this computer, and come back with [`Remote::applied`].
    Answer {
        /// The item.
        item: String,
        /// The answer.
        said: Said,
    },
    /// Tell the person.
    Warn(String),
}

/// Why an answer from OrgX could not be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotGiven {
    /// Nothing waits for it any more.
    NotWaiting,
    /// It does not fit what is asked, which stays open on this computer.
    Unfit,
}

impl NotGiven {
    fn words(self) -> &'static str {
        match self {
            Self::NotWaiting => "the run did not wait for this answer any more",
            Self::Unfit => "the answer does not fit what is asked",
        }
    }
}

/// What of one question is told: to whom and about which.
#[derive(Clone, Debug)]
struct About {
    run_id: RunId,
    decision: DecisionId,
    session: Option<SessionHandle>,
}

/// All questions that are open, and what is remembered of those that were.
#[derive(Debug)]
pub struct Remote {
    /// What the posts name us. PROTOCOL: contract A6, `source_client`.
    source_client: String,
    items: BTreeMap<String, Open>,
    /// Questions that went while OrgX was being told of them, by their keys, and why they went.
    orphans: BTreeMap<String, (RunId, Option<SessionHandle>, &'static str)>,
    /// Questions that are over; with a reason, when OrgX's own answer is not why.
    past: VecDeque<(DecisionId, Option<&'static str>)>,
    /// Keys of answers that were dealt with.
    handled: VecDeque<String>,
    /// Answers that may be to a question whose id is still to come.
    early: VecDeque<Resolve>,
    posts: Posts,
    /// What was warned of last, so that it is said once.
    warned: String,
}

impl Remote {
    /// Nothing is asked yet. `source_client` names this client to OrgX.
    pub fn new(source_client: &str) -> Self {
        Self {
            source_client: source_client.to_owned(),
            items: BTreeMap::new(),
            orphans: BTreeMap::new(),
            past: VecDeque::new(),
            handled: VecDeque::new(),
            early: VecDeque::new(),
            posts: Posts::default(),
            warned: String::new(),
        }
    }

    /// Does OrgX have it, so that it can be answered there, too?
    pub fn has(&self, item: &str) -> bool {
        self.items.get(item).is_some_and(Open::is_remote)
    }

    /// Is it known here, asked at OrgX or not?
    pub fn knows(&self, item: &str) -> bool {
        self.items.contains_key(item)
    }

    /// Those that are known here.
    pub fn known(&self) -> Vec<String> {
        self.items.keys().cloned().collect()
    }

    /// A run asks something.
    pub fn appeared(&mut self, item: Item, now: Now) -> Vec<Action> {
        let mut said = Vec::new();
        let mut open = Open::new(item, now.mono);
        let stays = if open.item.scope.initiative_id.is_none() {
            Some("OrgX did not say which initiative a task belongs to".to_owned())
        } else if self.items.len() >= limits::REMOTE_ITEMS {
            Some(format!("{} questions are open at OrgX already", limits::REMOTE_ITEMS))
        } else {
            None
        };
        if let Some(why) = stays {
            said.extend(self.warn(format!("{why}: what it asks can be answered on this computer only.")));
            open.stays_here();
        }
        for part in &open.parts {
            self.orphans.remove(&part.key);
        }
        self.items.insert(open.item.id.clone(), open);
        said
    }

    /// The person is answering it on this computer.
    pub fn answered_here(&mut self, item: &str) {
        if let Some(open) = self.items.get_mut(item) {
            open.here = true;
        }
    }

    /// It could not be answered so, and is asked as before.
    pub fn still_asked(&mut self, item: &str) {
        if let Some(open) = self.items.get_mut(item) {
            open.here = false;
        }
    }

    /// It is not asked any more.
    pub fn gone(&mut self, item: &str, now: Now) -> Vec<Action> {
        // What becomes of an answer from OrgX is told once it has been given.
        if self.items.get(item).is_none_or(|open| open.applying) {
            return Vec::new();
        }
        let Some(open) = self.items.remove(item) else { return Vec::new() };
        let why = if open.here { HERE } else { GONE };
        self.take_back(&open, why, now)
    }

    /// It is asked on this computer only from now on, and OrgX is told so of what it has of it.
    fn keep_here(&mut self, item: &str, now: Now) -> Vec<Action> {
        let Some(mut open) = self.items.remove(item) else { return Vec::new() };
        let said = self.take_back(&open, ONLY_HERE, now);
        open.stays_here();
        self.items.insert(item.to_owned(), open);
        said
    }

    /// OrgX is told that what it has of it is not asked there any more.
    fn take_back(&mut self, open: &Open, why: &'static str, now: Now) -> Vec<Action> {
        let mut said = Vec::new();
        for part in &open.parts {
            if let Some(about) = open.about(part) {
                let key = part.answer.as_ref().map_or(&part.key, |(key, _)| key);
                if !part.failed {
                    said.push(self.say(&about, key, State::Cancelled, Some(why), now));
                }
                self.remember(about.decision, Some(why));
            }
        }
        self.await_ids(open, why);
        said
    }

    /// What OrgX is being told of just now is taken back once its id comes.
    fn await_ids(&mut self, open: &Open, why: &'static str) {
        for part in open.parts.iter().filter(|part| part.decision.is_none() && part.call == Call::UnderWay) {
            let (run_id, session) = (open.item.run_id.clone(), open.item.session.clone());
            self.orphans.insert(part.key.clone(), (run_id, session, why));
        }
    }

    /// An answer was pushed.
    pub fn resolved(&mut self, resolve: Resolve, now: Now) -> Vec<Action> {
        if self.handled.contains(&resolve.key) {
            return Vec::new();
        }
        let decision = &resolve.decision_id;
        let Some((item, at)) = self.part(|part| part.decision.as_ref() == Some(decision)) else {
            return self.resolved_unknown(resolve, now);
        };
        self.handle(&resolve.key);
        let Some(open) = self.items.get(&item) else { return Vec::new() };
        let wrong = if open.item.run_id != resolve.run_id {
            Some("the answer names another run")
        } else if resolve.driver.as_ref().is_some_and(|driver| *driver != open.item.driver.as_str()) {
            Some("the answer names another driver")
        } else if resolve.session.is_some() && resolve.session != open.item.session {
            Some("the answer names another session")
        } else {
            None
        };
        if let Some(why) = wrong {
            let (run_id, session) = (resolve.run_id, resolve.session);
            let about = About { run_id, session, decision: resolve.decision_id };
            return vec![self.say(&about, &resolve.key, State::ResumeFailed, Some(why), now)];
        }
        self.resolve(&item, at, &resolve.key, resolve.resolution, now)
    }

    fn resolved_unknown(&mut self, resolve: Resolve, now: Now) -> Vec<Action> {
        let past =
            self.past.iter().find(|(decision, _)| *decision == resolve.decision_id).map(|(_, why)| *why);
        let under_way = |open: &Open| {
            open.item.run_id == resolve.run_id
                && open.parts.iter().any(|part| part.decision.is_none() && part.call == Call::UnderWay)
        };
        let orphan = self.orphans.values().any(|(run_id, ..)| *run_id == resolve.run_id);
        if past.is_none() && (orphan || self.items.values().any(under_way)) {
            if self.early.len() < limits::REMOTE_EARLY {
                self.early.push_back(resolve);
            }
            return Vec::new();
        }
        self.handle(&resolve.key);
        let about = About { run_id: resolve.run_id, decision: resolve.decision_id, session: resolve.session };
        let (state, why) = match past {
            // OrgX has been told that the run goes on with its answer.
            Some(None) => return Vec::new(),
            Some(Some(why)) => (State::Cancelled, why),
            None => (State::ResumeFailed, "nothing on this computer waits for this answer"),
        };
        vec![self.say(&about, &resolve.key, state, Some(why), now)]
    }

    /// The answer that [`Action::Answer`] named was given, or could not be.
    pub fn applied(&mut self, item: &str, given: Result<(), NotGiven>, now: Now) -> Vec<Action> {
        let Some(mut open) = self.items.remove(item) else { return Vec::new() };
        let mut said = Vec::new();
        for part in &open.parts {
            let Some(about) = open.about(part) else { continue };
            match &part.answer {
                Some((key, _)) if given.is_ok() => {
                    said.push(self.say(&about, key, State::Resumed, None, now));
                }
                Some((key, _)) => {
                    let why = given.err().map(NotGiven::words);
                    said.push(self.say(&about, key, State::ResumeFailed, why, now));
                }
                None if part.failed => {}
                None => {
                    said.push(self.say(&about, &part.key, State::Cancelled, Some(DECLINED), now));
                }
            }
            let why = if given.is_ok() && part.answer.is_some() { None } else { Some(GONE) };
            self.remember(about.decision, why);
        }
        self.await_ids(&open, DECLINED);
        if given.is_err() {
            // If it is still asked, it is asked on this computer.
            open.stays_here();
            open.applying = false;
            self.items.insert(item.to_owned(), open);
        }
        said
    }

    fn part(&self, is: impl Fn(&item::Part) -> bool) -> Option<(String, usize)> {
        self.items.iter().find_map(|(id, open)| Some((id.clone(), open.parts.iter().position(&is)?)))
    }

    /// An answer to an open question. `key` is what OrgX is told of it under.
    fn resolve(
        &mut self,
        item: &str,
        at: usize,
        key: &str,
        resolution: Result<Resolution, Redacted>,
        now: Now,
    ) -> Vec<Action> {
        let Some(open) = self.items.get_mut(item).filter(|open| !open.applying) else { return Vec::new() };
        // The other way was quicker.
        if open.parts[at].answer.is_some() {
            return Vec::new();
        }
        let Some(about) = open.about(&open.parts[at]) else { return Vec::new() };
        // No answer, and no fault of anybody's.
        let taken_back =
            matches!(&resolution, Ok(resolution) if resolution.status == ResolutionStatus::Cancelled);
        let read = resolution.and_then(|resolution| reading::read(&open.item.form, at, &resolution));
        // What it said once it says again: from here on only a push can be another answer.
        open.parts[at].call = Call::Never;
        let answer = match read {
            Ok(answer) => answer,
            Err(why) => {
                open.parts[at].failed = true;
                let state = if taken_back { State::Cancelled } else { State::ResumeFailed };
                return vec![self.say(&about, key, state, Some(why.as_str()), now)];
            }
        };
        open.parts[at].failed = false;
        open.parts[at].answer = Some((key.to_owned(), answer));
        let said = open.said();
        open.applying = said.is_some();
        let answered: Vec<(About, String)> = (open.parts.iter())
            .filter_map(|part| Some((open.about(part)?, part.answer.as_ref()?.0.clone())))
            .collect();
        let mut actions = vec![self.say(&about, key, State::AnswerReceived, None, now)];
        if let Some(said) = said {
            for (about, key) in answered {
                actions.push(self.say(&about, &key, State::Resuming, None, now));
            }
            actions.push(Action::Answer { item: item.to_owned(), said });
        }
        actions
    }

    fn what_came_early(&mut self, now: Now) -> Vec<Action> {
        let early = std::mem::take(&mut self.early);
        early.into_iter().flat_map(|resolve| self.resolved(resolve, now)).collect()
    }

    fn say(&mut self, about: &About, key: &str, state: State, detail: Option<&str>, now: Now) -> Action {
        let frame = Continuation {
            protocol_version: 3,
            run_id: about.run_id.clone(),
            decision_id: about.decision.clone(),
            idempotency_key: key.to_owned(),
            state,
            session_handle: about.session.clone(),
            detail: detail.map(Redacted::without_paths),
            occurred_at: now.wall,
        };
        self.posts.add(&frame, &self.source_client, now.mono);
        Action::Say(frame)
    }

    fn warn(&mut self, words: String) -> Option<Action> {
        (self.warned != words).then(|| {
            self.warned.clone_from(&words);
            Action::Warn(words)
        })
    }

    fn handle(&mut self, key: &str) {
        self.handled.push_back(key.to_owned());
        if self.handled.len() > limits::REMOTE_KEPT {
            self.handled.pop_front();
        }
    }

    fn remember(&mut self, decision: DecisionId, why: Option<&'static str>) {
        self.past.push_back((decision, why));
        if self.past.len() > limits::REMOTE_KEPT {
            self.past.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
