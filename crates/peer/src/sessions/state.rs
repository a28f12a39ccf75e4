//! What a session is doing, from what is known of it. No I/O, and the time is an argument.

use super::SessionState;

/// A session that finished is ready for so long, in ms; then it is idle. PROTOCOL: issue 5, "finished within 5 minutes".
pub(super) const READY_MS: i64 = 5 * 60 * 1_000;
/// Between a tool's end and the next answer, in ms: the answer that called the tools is finished, the work is not.
pub(super) const BETWEEN_STEPS_MS: i64 = 2_000;
/// Who works out of our sight is believed to do so for this long after it was last heard of, in ms: the longest that a
/// tool may usually take.
pub(super) const UNSEEN_MS: i64 = 10 * 60 * 1_000;

/// How far the newest message is; times in ms since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Last {
    /// There is none.
    #[default]
    Nothing,
    /// The person's, without an answer yet.
    Prompted { at: i64 },
    /// An answer that has begun.
    Unfinished { at: i64 },
    /// An answer that has ended; did it end by calling tools?
    Finished { at: i64, calls: bool },
}

impl Last {
    /// When the message that waits for its end was made.
    pub(super) fn open_since(self) -> Option<i64> {
        match self {
            Self::Prompted { at } | Self::Unfinished { at } => Some(at),
            Self::Nothing | Self::Finished { .. } => None,
        }
    }
}

/// What a server says of a session that is not idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// The agent works.
    Busy,
    /// The model refuses; why.
    Retry(Option<String>),
}

/// Is there somebody who may be working on it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worker {
    /// A process that may.
    There,
    /// None.
    Gone,
    /// This OS does not tell; when it was last heard of, in ms since the epoch.
    Unknown { heard: i64 },
}

/// What is known of one session.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    /// What a server says.
    pub(super) status: Option<&'a Status>,
    /// Does it, or a subagent of it, wait for an answer?
    pub(super) asks: bool,
    /// How far it is.
    pub(super) last: Last,
    /// Who may be working on it, besides servers that say that they do not.
    pub(super) worker: Worker,
}

/// What it is doing at `now`, in ms since the epoch.
pub(super) fn state(facts: &Facts<'_>, now: i64) -> SessionState {
    let since = |at: i64| now.saturating_sub(at);
    let works = match facts.worker {
        Worker::There => true,
        Worker::Gone => false,
        Worker::Unknown { heard } => since(heard) < UNSEEN_MS,
    };
    let finished = |at| if since(at) < READY_MS { SessionState::Ready } else { SessionState::Idle };
    match (facts.status, facts.last) {
        (Some(_), _) if facts.asks => SessionState::WaitingInput,
        (Some(Status::Retry(_)), _) => SessionState::Blocked,
        (Some(Status::Busy), _) => SessionState::Active,
        (None, Last::Nothing) => SessionState::Idle,
        (None, Last::Unfinished { .. }) if works => SessionState::Active,
        // A prompt that was never answered although somebody is there failed before it began: an unknown model.
        (None, Last::Prompted { at }) if works && since(at) < READY_MS => SessionState::Active,
        (None, Last::Prompted { at }) if works => finished(at),
        (None, Last::Unfinished { .. } | Last::Prompted { .. }) => SessionState::Exited,
        (None, Last::Finished { at, calls: true }) if works && since(at) < BETWEEN_STEPS_MS => {
            SessionState::Active
        }
        (None, Last::Finished { at, .. }) => finished(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SessionState::{Active, Blocked, Exited, Idle, Ready, WaitingInput};
    use Worker::{Gone, There};

    const NOW: i64 = 1_795_168_800_000;

    #[test]
    fn every_state_by_what_is_known() {
        let ago = |ms: i64| NOW - ms;
        let finished = |ms| Last::Finished { at: ago(ms), calls: false };
        let called = |ms| Last::Finished { at: ago(ms), calls: true };
        let unfinished = |ms| Last::Unfinished { at: ago(ms) };
        let prompted = |ms| Last::Prompted { at: ago(ms) };
        let retry = Status::Retry(None);
        let (busy, day) = (Some(&Status::Busy), 86_400_000);
        for (status, asks, last, worker, expected) in [
            // The server's word goes before everything else.
            (busy, false, unfinished(1), There, Active),
            (busy, false, finished(1), Gone, Active),
            (busy, false, Last::Nothing, Gone, Active),
            (busy, false, unfinished(day), Gone, Active),
            (busy, true, unfinished(day), Gone, WaitingInput),
            (Some(&retry), false, unfinished(1), There, Blocked),
            (Some(&retry), true, unfinished(1), There, WaitingInput),
            // An ask that an abort left behind: its session is not busy.
            (None, true, finished(1), There, Ready),
            // No server says anything: the last message, and whether somebody is there.
            (None, false, unfinished(1), There, Active),
            (None, false, unfinished(day), There, Active),
            (None, false, unfinished(1), Gone, Exited),
            (None, false, unfinished(day), Gone, Exited),
            (None, false, prompted(1_000), There, Active),
            (None, false, prompted(READY_MS), There, Idle),
            (None, false, prompted(1_000), Gone, Exited),
            (None, false, finished(0), There, Ready),
            (None, false, finished(READY_MS - 1), Gone, Ready),
            (None, false, finished(READY_MS), Gone, Idle),
            (None, false, finished(day), There, Idle),
            (None, false, called(BETWEEN_STEPS_MS - 1), There, Active),
            (None, false, called(BETWEEN_STEPS_MS - 1), Gone, Ready),
            (None, false, called(BETWEEN_STEPS_MS), There, Ready),
            (None, false, Last::Nothing, There, Idle),
            (None, false, Last::Nothing, Gone, Idle),
            // A clock that was set back.
            (None, false, finished(-day), Gone, Ready),
            // An OS that does not tell of processes.
            (None, false, unfinished(day), Worker::Unknown { heard: ago(UNSEEN_MS - 1) }, Active),
            (None, false, unfinished(day), Worker::Unknown { heard: ago(UNSEEN_MS) }, Exited),
        ] {
            let facts = Facts { status, asks, last, worker };
            assert_eq!(state(&facts, NOW), expected, "{facts:?}");
        }
    }
}
