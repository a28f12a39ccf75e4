//! The calls to OrgX: when a question is posted and asked after, and what comes of it.

use super::item::{self, Call};
use super::{About, Action, Poll, Remote, State, wire};
use crate::connection::backoff;
use crate::ids::DecisionId;
use crate::limits;
use crate::receipt::Answer;
use crate::time::{Millis, Now};
use std::time::Duration;

impl Remote {
    /// OrgX was told of a question, or could not be. `roll` in 0..1 spreads the waits.
    pub fn created(
        &mut self,
        key: &str,
        result: Result<DecisionId, Answer>,
        now: Now,
        roll: f64,
    ) -> Vec<Action> {
        if let Some((run_id, session, why)) = self.orphans.remove(key) {
            let Ok(decision) = result else { return Vec::new() };
            let mut said = Vec::new();
            // OrgX may give the same one again, and has been told what became of it.
            if !self.is_past(&decision) {
                let about = About { run_id, decision, session };
                self.remember(about.decision.clone(), Some(why));
                said.push(self.say(&about, key, State::Cancelled, Some(why), now));
            }
            said.extend(self.what_came_early(now));
            return said;
        }
        let Some((item, at)) = self.part(|part| part.key == key) else { return Vec::new() };
        // One that is over has been answered, or was taken back: it is no word on what is asked now.
        let is_past = result.as_ref().is_ok_and(|decision| self.is_past(decision));
        let Some(open) = self.items.get_mut(&item) else { return Vec::new() };
        let part = &mut open.parts[at];
        match result {
            Ok(_) if is_past => {
                part.call = Call::Never;
                let mut said = self.keep_here(&item, now);
                said.extend(self.what_came_early(now));
                said
            }
            Ok(decision) => {
                part.decision = Some(decision);
                part.tries = 0;
                part.call = Call::At(now.mono + limits::REMOTE_POLL_EVERY);
                self.warned.clear();
                self.what_came_early(now)
            }
            Err(Answer::Status(status, _)) if is_final(status) => {
                part.call = Call::Never;
                let mut said = self.keep_here(&item, now);
                let why = match status {
                    402 => "OrgX wants a paid plan for questions to be answered there (402)".to_owned(),
                    404 | 405 => format!("this OrgX takes no questions ({status})"),
                    200..=299 => "OrgX's answer to a question could not be used".to_owned(),
                    status => format!("OrgX did not take a question ({status})"),
                };
                said.extend(self.warn(format!("{why}; it can be answered on this computer only.")));
                said
            }
            Err(answer) => {
                part.again(answer, now.mono, roll);
                Vec::new()
            }
        }
    }

    /// OrgX said how a question stands.
    pub fn polled(&mut self, key: &str, result: Result<Poll, Answer>, now: Now, roll: f64) -> Vec<Action> {
        let Some((item, at)) = self.part(|part| part.key == key) else { return Vec::new() };
        let Some(open) = self.items.get_mut(&item) else { return Vec::new() };
        let part = &mut open.parts[at];
        if part.call != Call::UnderWay {
            return Vec::new();
        }
        match result {
            Ok(Poll::Open) => {
                part.tries = 0;
                part.call = Call::At(now.mono + limits::REMOTE_POLL_EVERY);
                Vec::new()
            }
            Ok(Poll::Resolved(resolution)) => {
                part.call = Call::Never;
                let key = part.key.clone();
                self.resolve(&item, at, &key, resolution, now)
            }
            Err(answer) => {
                part.again(answer, now.mono, roll);
                Vec::new()
            }
        }
    }

    /// A word was posted, or could not be.
    pub fn posted(&mut self, number: u64, answer: Answer, now: Now, roll: f64) {
        self.posts.posted(number, answer, now.mono, roll);
    }

    /// The socket opened: OrgX can be reached again, so what waits for another try goes now.
    pub fn opened(&mut self, now: Now) {
        self.posts.hurry(now.mono);
        for part in self.items.values_mut().flat_map(|open| &mut open.parts) {
            if let Call::At(at) = &mut part.call {
                *at = now.mono.min(*at);
            }
        }
    }

    /// Time passed: what is due.
    pub fn tick(&mut self, now: Now) -> Vec<Action> {
        let mut due = Vec::new();
        let mut free = limits::REMOTE_CALLS.saturating_sub(self.under_way());
        for open in self.items.values_mut() {
            for at in 0..open.parts.len() {
                let part = &mut open.parts[at];
                if free == 0 || !matches!(part.call, Call::At(at) if at <= now.mono) {
                    continue;
                }
                if now.mono.since(part.since) > limits::REMOTE_POLL_FOR || now.mono >= open.item.lapses {
                    part.call = Call::Never;
                    continue;
                }
                free -= 1;
                part.call = Call::UnderWay;
                let key = part.key.clone();
                due.push(match &part.decision {
                    Some(decision) => Action::Poll { key, decision: decision.clone() },
                    None => Action::Create { body: wire::create(&open.item, at, &key), key },
                });
            }
        }
        due.extend(self.posts.due(now.mono, free));
        due
    }

    /// When [`Remote::tick`] has something to do though nothing happens.
    pub fn poll_timeout(&self) -> Option<Millis> {
        // The answer to one makes room for the next.
        if self.under_way() >= limits::REMOTE_CALLS {
            return None;
        }
        let calls = self.items.values().flat_map(|open| &open.parts).filter_map(|part| match part.call {
            Call::At(at) => Some(at),
            Call::UnderWay | Call::Never => None,
        });
        calls.chain(self.posts.poll_timeout()).min()
    }

    fn is_past(&self, decision: &DecisionId) -> bool {
        self.past.iter().any(|(past, _)| past == decision)
    }

    fn under_way(&self) -> usize {
        let parts = self.items.values().flat_map(|open| &open.parts);
        parts.filter(|part| part.call == Call::UnderWay).count() + self.posts.under_way()
    }
}

/// Will a retry not change it? PROTOCOL: as for receipts; a success that cannot be read is one, too.
pub(super) fn is_final(status: u16) -> bool {
    (200..500).contains(&status) && !matches!(status, 408 | 425 | 429)
}

impl item::Part {
    fn again(&mut self, answer: Answer, now: Millis, roll: f64) {
        self.tries = self.tries.saturating_add(1);
        let asked = match answer {
            Answer::Status(_, retry_after) => retry_after.unwrap_or_default().min(limits::RETRY_AFTER_CAP),
            Answer::Unreachable => Duration::ZERO,
        };
        self.call = Call::At(now + backoff(self.tries, roll).max(asked));
    }
}
