//! The product's words for where things stand. One table, for every list.

use crate::show::Tone;
use orgx_peer::{Phase, ReceiptState, RunState, SessionState, Severity};

/// Characters of a run's id that a list shows: enough to tell any two apart, and to type.
pub(crate) const ID: usize = 22;

/// Characters of a session's id that a list shows: all that OpenCode gives it, to be copied.
pub(crate) const SESSION_ID: usize = 32;

/// The reason of a run that somebody cancelled.
pub(crate) const CANCELLED: &str = "cancelled";

/// Where a run is; `reason` is why it failed.
pub(crate) fn state(state: RunState, reason: Option<&str>) -> (&'static str, Tone) {
    match state {
        RunState::Queued => ("Queued", Tone::Mute),
        RunState::Starting => ("Starting", Tone::Well),
        RunState::Running => ("Running", Tone::Well),
        RunState::NeedsYou => ("Needs you", Tone::Care),
        RunState::Cancelling => ("Cancelling", Tone::Mute),
        RunState::Completed => ("Done", Tone::Well),
        // What the person wanted is no failure.
        RunState::Failed if reason == Some(CANCELLED) => ("Cancelled", Tone::Mute),
        RunState::Failed => ("Run failed", Tone::Bad),
    }
}

/// What a session of OpenCode does.
pub(crate) fn session(state: SessionState) -> (&'static str, Tone) {
    match state {
        SessionState::Active => ("Working", Tone::Well),
        SessionState::WaitingInput => ("Needs you", Tone::Care),
        SessionState::Blocked => ("Blocked", Tone::Care),
        SessionState::Ready => ("Ready", Tone::Well),
        SessionState::Idle => ("Idle", Tone::Mute),
        SessionState::Exited => ("Exited", Tone::Bad),
    }
}

/// Where a session is that the lifecycle receiver was told of.
pub(crate) fn phase(phase: Phase) -> (&'static str, Tone) {
    match phase {
        Phase::Started => ("Started", Tone::Well),
        Phase::Active => ("Active", Tone::Well),
        Phase::Completed => ("Completed", Tone::Well),
        Phase::Failed => ("Failed", Tone::Bad),
        Phase::Stopped => ("Stopped", Tone::Mute),
    }
}

/// The mark of a health, and its colour.
pub(crate) fn severity(severity: Severity) -> (&'static str, Tone) {
    match severity {
        Severity::Ok | Severity::Info => ("●", Tone::Well),
        Severity::Warning => ("▲", Tone::Care),
        Severity::Error => ("✕", Tone::Bad),
    }
}

/// Where a receipt stands.
pub(crate) fn receipt(state: ReceiptState) -> &'static str {
    match state {
        ReceiptState::Waiting => "waiting",
        ReceiptState::Delivered => "delivered",
        ReceiptState::NotTaken => "not taken by this OrgX",
        ReceiptState::Refused => "refused by OrgX",
    }
}
