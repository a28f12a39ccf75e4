//! The queue between the runs and the socket, and the barrier that empties it.
//!
//! Promises (design, promises 2 and 3):
//! - Frames leave in the order they came in, and stay here until a barrier confirms them.
//! - A barrier is a ping carrying a counter, sent after frames; the pong for `n` confirms every frame sent before
//!   ping `n`. One goes out at once after a terminal, else at most every 200 ms while frames are unconfirmed.
//! - After a lost socket, everything unconfirmed goes again: a step may repeat, and never disappears.
//! - Online, nothing is dropped: [`Delivery::has_room`] asks the runs to wait. Offline, past the bound, the oldest
//!   steps go, and one step in their run says how many. Nothing but steps ever goes.

use crate::ids::RunId;
use crate::limits;
use crate::message::{Frame, Step, StepKind};
use crate::redact::Redacted;
use crate::time::Millis;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A frame on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The run it is about.
    pub run_id: RunId,
    /// How it is treated.
    pub class: Class,
    /// What goes over the wire.
    pub json: Arc<str>,
}

/// How a frame is treated when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// May be dropped offline past the bound, counted.
    Step,
    /// Never dropped.
    Lasting,
    /// Never dropped, but on a socket that does not know it: it is posted by HTTP, too. PROTOCOL: v3.
    Continuation,
    /// Never dropped, and journaled until a barrier confirms it.
    Deviation,
    /// Never dropped, and followed by a barrier at once.
    Terminal,
}

impl From<&Frame> for Outgoing {
    fn from(frame: &Frame) -> Self {
        let class = match frame {
            Frame::Step(_) => Class::Step,
            // A continuation is also posted by HTTP, so no crash loses it and no barrier need follow at once; over the
            // socket it waits for the next one, and outlives every reconnect.
            Frame::Continuation(_) => Class::Continuation,
            Frame::Started(_) => Class::Lasting,
            Frame::Deviation(_) => Class::Deviation,
            Frame::Completed(_) | Frame::Failed(_) => Class::Terminal,
        };
        Self { run_id: frame.run_id().clone(), class, json: frame.to_json().into() }
    }
}

/// What goes to the socket next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// A text frame.
    Text(Arc<str>),
    /// A ping with this counter.
    Ping(u64),
}

/// The queue.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Unconfirmed frames, oldest first. `items[i]` has sequence number `first + i`.
    items: VecDeque<Item>,
    first: u64,
    /// How many of `items` this socket has been given.
    sent: usize,
    bytes: usize,
    online: bool,
    counter: u64,
    /// Pings under way, with the sequence number below which their pong confirms.
    barriers: VecDeque<(u64, u64)>,
    /// Frames below this sequence number are covered by a ping that went out.
    covered: u64,
    last_barrier: Option<Millis>,
    urgent: bool,
    /// Runs that lost steps, and how many; told by the marker that stands where the first one stood.
    gaps: BTreeMap<RunId, u64>,
}

#[derive(Debug)]
enum Item {
    Frame(Outgoing),
    Gap(RunId),
}

impl Delivery {
    /// Takes a frame.
    pub fn push(&mut self, frame: Outgoing) {
        // An end that is still to be confirmed need not be told twice, however often OrgX asks.
        let is_same = |item: &Item| matches!(item, Item::Frame(other) if *other == frame);
        if frame.class == Class::Terminal && self.items.iter().any(is_same) {
            return;
        }
        self.bytes += frame.json.len();
        self.items.push_back(Item::Frame(frame));
        if !self.online {
            self.drop_oldest_steps();
        }
    }

    /// May the runs go on producing steps?
    pub fn has_room(&self) -> bool {
        !self.online || (self.items.len() < limits::QUEUE_FRAMES && self.bytes < limits::QUEUE_BYTES)
    }

    /// Frames that no barrier has confirmed yet.
    pub fn unconfirmed(&self) -> usize {
        self.items.len()
    }

    /// The deviations and terminals among them, oldest first: what a journal must hold.
    pub fn owed(&self) -> impl Iterator<Item = &Outgoing> {
        self.items.iter().filter_map(|item| match item {
            Item::Frame(frame) if matches!(frame.class, Class::Deviation | Class::Terminal) => Some(frame),
            _ => None,
        })
    }

    /// A socket opened: everything unconfirmed goes to it.
    pub fn opened(&mut self) {
        self.online = true;
    }

    /// The next socket speaks v1: what that does not know does not go over it. For while there is no socket.
    pub fn drop_continuations(&mut self) {
        if self.online {
            return;
        }
        let bytes = &mut self.bytes;
        self.items.retain(|item| match item {
            Item::Frame(frame) if frame.class == Class::Continuation => {
                *bytes -= frame.json.len();
                false
            }
            _ => true,
        });
    }

    /// The socket is gone. Returns the runs whose terminal has not been confirmed.
    pub fn closed(&mut self) -> Vec<RunId> {
        self.online = false;
        self.sent = 0;
        self.barriers.clear();
        self.covered = self.first;
        self.urgent = false;
        self.drop_oldest_steps();
        let terminal = |item: &Item| match item {
            Item::Frame(frame) if frame.class == Class::Terminal => Some(frame.run_id.clone()),
            _ => None,
        };
        self.items.iter().filter_map(terminal).collect()
    }

    /// The next thing for the socket, if it should get one now.
    pub fn next(&mut self, now: Millis) -> Option<Out> {
        if !self.online {
            return None;
        }
        if self.urgent || (self.sent == self.items.len() && self.barrier_is_due(now)) {
            return Some(Out::Ping(self.barrier(now)));
        }
        let item = self.items.get(self.sent)?;
        let text = match item {
            Item::Frame(frame) => {
                self.urgent = frame.class == Class::Terminal;
                Arc::clone(&frame.json)
            }
            Item::Gap(run_id) => gap(run_id, self.gaps.get(run_id).copied().unwrap_or_default()),
        };
        self.sent += 1;
        Some(Out::Text(text))
    }

    /// A ping is wanted, whatever is due: it goes next.
    pub fn ping(&mut self) {
        self.urgent = true;
    }

    /// A ping now: it covers all that was sent.
    fn barrier(&mut self, now: Millis) -> u64 {
        self.counter += 1;
        let covers = self.first + self.sent as u64;
        // One that covers nothing new is no barrier, and holds up none.
        if std::mem::replace(&mut self.covered, covers) != covers {
            self.last_barrier = Some(now);
        }
        self.barriers.push_back((self.counter, covers));
        self.urgent = false;
        self.counter
    }

    /// The pong for ping `counter`: returns what it confirms.
    pub fn pong(&mut self, counter: u64) -> Vec<Outgoing> {
        let mut below = self.first;
        while let Some((_, covers)) = self.barriers.pop_front_if(|(n, _)| *n <= counter) {
            below = below.max(covers);
        }
        let mut confirmed = Vec::new();
        while self.first < below {
            let Some(item) = self.items.pop_front() else { break };
            self.first += 1;
            self.sent = self.sent.saturating_sub(1);
            match item {
                Item::Frame(frame) => {
                    self.bytes -= frame.json.len();
                    confirmed.push(frame);
                }
                Item::Gap(run_id) => {
                    self.gaps.remove(&run_id);
                }
            }
        }
        confirmed
    }

    /// When [`Delivery::next`] has something again though nothing new came in.
    pub fn poll_timeout(&self) -> Option<Millis> {
        let waits = self.online && self.covered < self.first + self.sent as u64;
        waits.then(|| self.last_barrier.map_or(Millis(0), |last| last + limits::BARRIER_EVERY))
    }

    fn barrier_is_due(&self, now: Millis) -> bool {
        self.poll_timeout().is_some_and(|due| now >= due)
    }

    fn drop_oldest_steps(&mut self) {
        let mut from = 0;
        while self.items.len() > limits::QUEUE_FRAMES || self.bytes > limits::QUEUE_BYTES {
            let is_step = |item: &Item| matches!(item, Item::Frame(frame) if frame.class == Class::Step);
            let Some(at) = self.items.iter().skip(from).position(is_step).map(|offset| from + offset) else {
                return;
            };
            let Item::Frame(step) = &self.items[at] else { return };
            self.bytes -= step.json.len();
            let run_id = step.run_id.clone();
            let lost = self.gaps.entry(run_id.clone()).or_default();
            *lost += 1;
            if *lost == 1 {
                self.items[at] = Item::Gap(run_id);
                from = at + 1;
            } else {
                self.items.remove(at);
                from = at;
            }
        }
    }
}

fn gap(run_id: &RunId, lost: u64) -> Arc<str> {
    let summary = match lost {
        1 => "1 step was dropped here: OrgX was unreachable for too long".to_owned(),
        lost => format!("{lost} steps were dropped here: OrgX was unreachable for too long"),
    };
    let step = Step {
        run_id: run_id.clone(),
        kind: StepKind::Chat,
        summary: Redacted::new(&summary),
        evidence_ref: None,
    };
    Frame::Step(step).to_json().into()
}

#[cfg(test)]
mod tests;
