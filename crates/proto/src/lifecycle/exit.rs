//! How an end is named: by the exit status of the agent's process, by what became of a run, or by what can be seen.

use super::{Outcome, Phase};

/// An end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    phase: Phase,
    outcome: Outcome,
    reason: String,
    exit_status: Option<i64>,
}

/// A process that a signal ended has this and the signal's number as its status.
const SIGNALLED: i64 = 128;

impl End {
    /// The end that this exit status tells of; without one, a good one. PROTOCOL: contract F3; 128 itself is a failure.
    pub fn of_status(status: Option<i64>) -> Self {
        let status = status.unwrap_or_default();
        let (phase, outcome) = match status {
            0 => (Phase::Completed, Outcome::Success),
            ..=SIGNALLED => (Phase::Failed, Outcome::Failure),
            _ => (Phase::Stopped, Outcome::Cancelled),
        };
        let reason = match status.saturating_sub(SIGNALLED) {
            2 => "sigint".to_owned(),
            9 => "sigkill".to_owned(),
            15 => "sigterm".to_owned(),
            signal @ 1.. => format!("signal_{signal}"),
            _ => format!("exit_code_{status}"),
        };
        Self { phase, outcome, reason, exit_status: Some(status) }
    }

    /// A run of ours completed in it.
    pub fn run_completed() -> Self {
        Self::without_status(Phase::Completed, Outcome::Success, "run_completed")
    }

    /// A run of ours failed in it.
    pub fn run_failed() -> Self {
        Self::without_status(Phase::Failed, Outcome::Failure, "run_failed")
    }

    /// A run of ours was cancelled in it.
    pub fn run_cancelled() -> Self {
        Self::without_status(Phase::Stopped, Outcome::Cancelled, "run_cancelled")
    }

    /// Its process is gone, and nobody said how it ended.
    pub fn process_gone() -> Self {
        Self::without_status(Phase::Stopped, Outcome::Unknown, "process_gone")
    }

    fn without_status(phase: Phase, outcome: Outcome, reason: &str) -> Self {
        Self { phase, outcome, reason: reason.to_owned(), exit_status: None }
    }

    /// Where the session is by it.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How it went.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Why it is over, in a word for programs.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The exit status of its process, where there was one to tell.
    pub fn exit_status(&self) -> Option<i64> {
        self.exit_status
    }
}
