//! When to connect, wait, ping and give up: the life of the gateway socket, without the socket.
//!
//! Promises: there is at most one socket at a time; a lost one is tried again for ever, with backoff; a refusal that
//! a retry will hardly change is told and retried slowly, never hot; a socket that stays silent is found dead within
//! 45 s; a computer that woke connects at once. The owner reports what happened with [`Connection::handle`], does what it says, and comes back at
//! [`Connection::poll_timeout`]. PROTOCOL: contract A1, A2.

mod offer;
mod sleep;
mod version;

pub use offer::{Offer, OfferError, PROTOCOL_VERSION, Version, upgrade_url};
pub use sleep::{SleepWatch, Ticks};
pub use version::{FallBack, Versions};

use crate::limits;
use crate::redact::Redacted;
use crate::time::Millis;
use std::time::Duration;

/// What happened to the socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The peer starts, or the key changed: connect now, whatever the wait.
    Hurry,
    /// The computer slept: what was open may be dead without a word, and no wait counts any more.
    Woke,
    /// The handshake is done.
    Opened,
    /// Something was heard: a frame, a pong, anything.
    Heard,
    /// OrgX refused the upgrade with this HTTP status.
    Refused {
        /// The status.
        status: u16,
        /// Its `Retry-After`, when it had one.
        retry_after: Option<Duration>,
    },
    /// A web page, or the way to one, came in answer to the upgrade.
    WebPage,
    /// No connection: DNS, TCP, TLS, a handshake that made no sense.
    Failed(Redacted),
    /// An open socket ended.
    Closed {
        /// The close code; 1006 when there was none. PROTOCOL: RFC 6455.
        code: u16,
        /// The other side's reason.
        reason: Redacted,
    },
    /// Time passed.
    Tick,
    /// The person quits: close, and never come back.
    Stop,
}

/// What the owner does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a socket, and let go of any older one.
    Connect,
    /// Send a ping.
    Ping,
    /// Drop the socket without ceremony: it is dead.
    Drop,
    /// Close the socket with 1000.
    Close,
}

/// Where the socket stands, for people and for the rest of the peer.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Not started, or stopped.
    Idle,
    /// A handshake is under way.
    Connecting,
    /// Frames can go out.
    Open,
    /// Waiting to try again.
    Waiting {
        /// Why there is no socket.
        why: Trouble,
        /// When the next try is.
        until: Millis,
    },
}

/// Why there is no socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// 401: the key is not known.
    KeyRejected,
    /// 403, or a close code that says so: the key may not receive tasks.
    KeyForbidden,
    /// 4000: OrgX does not speak this protocol version.
    VersionUnsupported,
    /// 1000 from OrgX: it closed the connection on purpose.
    ClosedByOrgX,
    /// Another HTTP status in answer to the upgrade.
    Refused(u16),
    /// A web page answered: a sign-in page of the network, or another site.
    WebPage,
    /// No connection could be made.
    Unreachable(Redacted),
    /// An open connection was lost.
    Lost {
        /// The close code; 1006 when there was none.
        code: u16,
        /// The other side's reason.
        reason: Redacted,
    },
    /// The socket stayed silent.
    Silent,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct Connection {
    phase: Phase,
    /// Tries since the last connection that lasted.
    tries: u32,
}

#[derive(Clone, Debug)]
enum Phase {
    Idle,
    Connecting { give_up: Millis },
    Open { since: Millis, ping_at: Millis, dead_at: Option<Millis> },
    Waiting { why: Trouble, until: Millis },
    Stopped,
}

impl Default for Connection {
    fn default() -> Self {
        Self { phase: Phase::Idle, tries: 0 }
    }
}

impl Connection {
    /// Takes what happened, says what to do. `roll` is uniform in 0..1 and spreads the waits.
    pub fn handle(&mut self, now: Millis, event: Event, roll: f64) -> Option<Action> {
        match (&mut self.phase, event) {
            (Phase::Stopped, _) => None,
            (phase, Event::Stop) => {
                let open = matches!(phase, Phase::Open { .. } | Phase::Connecting { .. });
                *phase = Phase::Stopped;
                open.then_some(Action::Close)
            }
            (Phase::Idle | Phase::Waiting { .. }, Event::Hurry) => Some(self.connect(now)),
            (Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Open { .. }, Event::Woke) => {
                // The network comes back a little after the computer: the first tries are quick ones.
                self.tries = 0;
                Some(self.connect(now))
            }
            (Phase::Waiting { until, .. }, Event::Tick) if now >= *until => Some(self.connect(now)),
            (Phase::Connecting { .. }, Event::Opened) => {
                self.phase = Phase::Open { since: now, ping_at: now + limits::PING_EVERY, dead_at: None };
                None
            }
            (Phase::Connecting { give_up }, Event::Tick) if now >= *give_up => {
                let seconds = limits::CONNECT_TIMEOUT.as_secs();
                let why = format!(
                    "no answer within {seconds} s. The network may be slow, or a firewall or VPN may drop the \
                     connection: check them"
                );
                self.wait(now, Trouble::Unreachable(Redacted::new(&why)), None, roll);
                Some(Action::Drop)
            }
            (Phase::Connecting { .. }, Event::Refused { status, retry_after }) => {
                let why = match status {
                    401 => Trouble::KeyRejected,
                    403 => Trouble::KeyForbidden,
                    status => Trouble::Refused(status),
                };
                self.wait(now, why, retry_after, roll);
                None
            }
            (Phase::Connecting { .. }, Event::WebPage) => {
                self.wait(now, Trouble::WebPage, None, roll);
                None
            }
            (Phase::Connecting { .. }, Event::Failed(error)) => {
                self.wait(now, Trouble::Unreachable(error), None, roll);
                None
            }
            (Phase::Open { dead_at, .. }, Event::Heard) => {
                *dead_at = None;
                None
            }
            (Phase::Open { dead_at: Some(dead_at), since, .. }, Event::Tick) if now >= *dead_at => {
                let since = *since;
                self.lasted(now, since);
                self.wait(now, Trouble::Silent, None, roll);
                Some(Action::Drop)
            }
            (Phase::Open { ping_at, dead_at, .. }, Event::Tick) if now >= *ping_at => {
                *ping_at = now + limits::PING_EVERY;
                dead_at.get_or_insert(now + limits::PONG_WITHIN);
                Some(Action::Ping)
            }
            (Phase::Open { since, .. }, Event::Closed { code, reason }) => {
                let since = *since;
                self.lasted(now, since);
                let why = match code {
                    1000 => Trouble::ClosedByOrgX,
                    4000 => Trouble::VersionUnsupported,
                    4001 | 4401 => Trouble::KeyRejected,
                    4003 | 4403 => Trouble::KeyForbidden,
                    code => Trouble::Lost { code, reason },
                };
                self.wait(now, why, None, roll);
                None
            }
            _ => None,
        }
    }

    /// When to come back with [`Event::Tick`], at the latest.
    pub fn poll_timeout(&self) -> Option<Millis> {
        match &self.phase {
            Phase::Idle | Phase::Stopped => None,
            Phase::Connecting { give_up } => Some(*give_up),
            Phase::Open { ping_at, dead_at, .. } => {
                Some(dead_at.map_or(*ping_at, |dead_at| dead_at.min(*ping_at)))
            }
            Phase::Waiting { until, .. } => Some(*until),
        }
    }

    /// Where the socket stands.
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Idle | Phase::Stopped => State::Idle,
            Phase::Connecting { .. } => State::Connecting,
            Phase::Open { .. } => State::Open,
            Phase::Waiting { why, until } => State::Waiting { why: why.clone(), until: *until },
        }
    }

    /// Can frames go out?
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    fn connect(&mut self, now: Millis) -> Action {
        self.tries = self.tries.saturating_add(1);
        self.phase = Phase::Connecting { give_up: now + limits::CONNECT_TIMEOUT };
        Action::Connect
    }

    fn lasted(&mut self, now: Millis, since: Millis) {
        if now.since(since) >= limits::CONNECTION_LASTED {
            self.tries = 0;
        }
    }

    fn wait(&mut self, now: Millis, why: Trouble, retry_after: Option<Duration>, roll: f64) {
        let wait = match &why {
            Trouble::KeyRejected
            | Trouble::KeyForbidden
            | Trouble::VersionUnsupported
            | Trouble::ClosedByOrgX => jitter(limits::SLOW_RETRY, roll),
            _ => backoff(self.tries.max(1), roll),
        };
        let asked = retry_after.unwrap_or_default().min(limits::RETRY_AFTER_CAP);
        self.phase = Phase::Waiting { why, until: now + wait.max(asked) };
    }
}

/// The wait before try number `attempt` + 1: 500 ms doubling to 30 s, then 20 % either way by `roll` in 0..1.
pub fn backoff(attempt: u32, roll: f64) -> Duration {
    let doubled = limits::BACKOFF_FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    jitter(doubled.min(limits::BACKOFF_CAP), roll)
}

fn jitter(wait: Duration, roll: f64) -> Duration {
    let share = f64::from(limits::BACKOFF_JITTER_PERCENT) / 100.0;
    let factor = 1.0 + share * (2.0 * roll.clamp(0.0, 1.0) - 1.0);
    Duration::from_millis((wait.as_secs_f64() * 1000.0 * factor).round() as u64)
}

#[cfg(test)]
mod tests;
