//! Connecting in the browser: when to ask whether the person has pressed Connect, and when to stop asking.
//!
//! Promises: asked no more often than every 350 ms and, while answers come, no less often than every 5 s; what a retry
//! may mend is tried again with backoff, whatever it is; it ends at the latest when the code lapses or ten minutes
//! after it began; and it ends once. The owner asks at [`Pairing::next`], says what came with [`Pairing::heard`], and
//! does what it is told. PROTOCOL: OrgX's pairing endpoints, shared by its plugins.

mod address;

pub use address::{AddressError, connect_url, same_orgx};

use crate::time::{Millis, Timestamp};
use std::time::Duration;

/// How often is asked when OrgX does not say.
pub const POLL_EVERY: Duration = Duration::from_millis(1_500);
/// The shortest and the longest time between two questions, whatever OrgX says.
pub const POLL_BOUNDS: (Duration, Duration) = (Duration::from_millis(350), Duration::from_secs(5));
/// The longest wait after an answer that did not come.
pub const BACKOFF_CAP: Duration = Duration::from_secs(20);
/// How long a code lasts at most.
pub const LASTS: Duration = Duration::from_secs(600);

/// Where OrgX says that a pairing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nobody has opened the page yet.
    Pending,
    /// Somebody has signed in there.
    Authorized,
    /// The key is there.
    Ready,
    /// The person said no.
    Cancelled,
    /// Nobody pressed Connect in time.
    Expired,
    /// OrgX could not make a key.
    Failed,
    /// The key was given out before.
    Consumed,
}

impl Status {
    /// The status of this name. One that we do not know may mean anything, and is waited out.
    pub fn named(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "authorized" => Self::Authorized,
            "ready" => Self::Ready,
            "cancelled" | "canceled" => Self::Cancelled,
            "expired" => Self::Expired,
            "failed" => Self::Failed,
            "consumed" => Self::Consumed,
            _ => Self::Pending,
        }
    }
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// OrgX said where it stands.
    Status(Status),
    /// OrgX answered with an HTTP status that is no success.
    Refused {
        /// The status.
        status: u16,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// No answer, or none that makes sense.
    Nothing,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask at this time.
    Ask(Millis),
    /// Take the key that came.
    Take,
    /// It is over.
    Over(End),
}

/// How a pairing ends without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Time is up, and nobody pressed Connect.
    Lapsed,
    /// Time is up, and OrgX could not be asked at the last.
    Unheard,
    /// The person said no on the page.
    Cancelled,
    /// The key was given out before.
    Consumed,
    /// OrgX says that it failed.
    Failed,
    /// OrgX refuses with this status, which no retry mends; after a 401 or 403 a key can still be typed in.
    Refused(u16),
}

/// One pairing, from its code to its end.
#[derive(Clone, Debug)]
pub struct Pairing {
    every: Duration,
    gives_up: Millis,
    next: Next,
    /// Questions in a row without an answer.
    misses: u32,
}

impl Pairing {
    /// A pairing that begins now. `lasts` is what [`lasts`] says; `every_ms` is what OrgX asks for.
    pub fn new(now: Millis, lasts: Duration, every_ms: Option<u64>) -> Self {
        let every = every_ms.map_or(POLL_EVERY, Duration::from_millis).clamp(POLL_BOUNDS.0, POLL_BOUNDS.1);
        let gives_up = now + lasts.min(LASTS);
        Self { every, gives_up, next: Next::Ask((now + every).min(gives_up)), misses: 0 }
    }

    /// What to do now.
    pub fn next(&self) -> Next {
        self.next
    }

    /// When it is given up.
    pub fn gives_up(&self) -> Millis {
        self.gives_up
    }

    /// What came of a question. Once it is over, nothing changes that.
    pub fn heard(&mut self, heard: Heard, now: Millis) -> Next {
        if matches!(self.next, Next::Ask(_)) {
            self.next = self.after(heard, now);
        }
        self.next
    }

    fn after(&mut self, heard: Heard, now: Millis) -> Next {
        match heard {
            Heard::Status(Status::Pending | Status::Authorized) => {
                self.misses = 0;
                self.again(self.every, now)
            }
            Heard::Status(Status::Ready) => Next::Take,
            Heard::Status(Status::Cancelled) => Next::Over(End::Cancelled),
            // OrgX forgets a code when its time is up.
            Heard::Status(Status::Expired) | Heard::Refused { status: 404 | 410, .. } => {
                Next::Over(End::Lapsed)
            }
            Heard::Status(Status::Failed) => Next::Over(End::Failed),
            Heard::Status(Status::Consumed) => Next::Over(End::Consumed),
            Heard::Refused { status, .. } if !may_pass(status) => Next::Over(End::Refused(status)),
            Heard::Refused { retry_after, .. } => self.missed(retry_after.unwrap_or_default(), now),
            Heard::Nothing => self.missed(Duration::ZERO, now),
        }
    }

    fn missed(&mut self, at_least: Duration, now: Millis) -> Next {
        self.misses = self.misses.saturating_add(1);
        let wait = self.every.saturating_mul(1 << self.misses.min(8)).min(BACKOFF_CAP);
        self.again(wait.max(at_least), now)
    }

    /// Once more, the last time when the time is up.
    fn again(&self, wait: Duration, now: Millis) -> Next {
        if now < self.gives_up {
            Next::Ask((now + wait).min(self.gives_up))
        } else if self.misses == 0 {
            Next::Over(End::Lapsed)
        } else {
            Next::Over(End::Unheard)
        }
    }
}

/// May a retry mend it? Redirects come from a network that wants its user to sign in.
pub fn may_pass(status: u16) -> bool {
    matches!(status, 300..=399 | 408 | 425 | 429 | 500..=599)
}

/// How long a code lasts that OrgX says ends at `expires_at`, by the clock that OrgX goes by when that is known.
pub fn lasts(expires_at: Option<Timestamp>, now: Timestamp) -> Duration {
    let left = expires_at.map(|at| at.0.saturating_sub(now.0));
    // One that is over as it begins shows that the two clocks do not agree.
    match left.and_then(|left| u64::try_from(left).ok()).filter(|left| *left > 0) {
        Some(left) => Duration::from_millis(left).min(LASTS),
        None => LASTS,
    }
}

/// The end of a code as OrgX writes it, in RFC 3339.
pub fn expiry(text: &str) -> Option<Timestamp> {
    Some(Timestamp(text.trim().parse::<jiff::Timestamp>().ok()?.as_millisecond()))
}

/// A short code that stands for a pairing, to compare by eye: the last six letters and digits of its id, as `K7Q-4MD`.
pub fn short_code(pairing_id: &str) -> String {
    let signs: Vec<char> = pairing_id.chars().filter(char::is_ascii_alphanumeric).collect();
    let last = &signs[signs.len().saturating_sub(6)..];
    let code: String = last.iter().map(char::to_ascii_uppercase).collect();
    match code.len() {
        0..=3 => code,
        _ => format!("{}-{}", &code[..3], &code[3..]),
    }
}

#[cfg(test)]
mod tests;
