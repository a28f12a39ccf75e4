//! The event, as its readers know it.

use super::{End, Happened, Harness, Outcome, Phase};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};

/// The source that events name: the receiver's id, as in OrgLoop's configuration.
pub const SOURCE: &str = "opencode";

/// What a process that was told to end has as its status: for readers who know nothing but a number.
const TERMINATED: i64 = 143;

/// One normalized event. Its fields stand in the order in which they are written. PROTOCOL: contract F4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// `evt_` and 16 hex digits.
    pub id: String,
    /// When it was taken.
    pub timestamp: String,
    /// [`SOURCE`].
    pub source: String,
    /// `resource.changed` or `actor.stopped`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What happened.
    pub payload: Payload,
    /// `trc_` and 16 hex digits.
    pub trace_id: String,
}

/// Where an event comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The harness.
    pub platform: String,
    /// `session.<phase>`.
    pub platform_event: String,
    /// The harness.
    pub author: String,
    /// `bot`.
    pub author_type: String,
    /// The session.
    pub session_id: String,
    /// Its folder, or nothing.
    pub working_directory: String,
}

/// What happened: normalized, and the flat fields of before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// Where the session is.
    pub lifecycle: Lifecycle,
    /// The session.
    pub session: SessionPart,
    /// The same again, flat.
    pub session_id: String,
    /// Flat.
    pub cwd: String,
    /// Flat.
    pub duration_seconds: Number,
    /// Flat; absent from an end of which no status is known, where 0 would say that it went well.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_status: Option<i64>,
    /// Flat.
    pub summary: String,
    /// Flat.
    pub model: String,
}

/// Where a session is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// Where.
    pub phase: Phase,
    /// Is it over?
    pub terminal: bool,
    /// How it went, when it is over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<Outcome>,
    /// Why it is over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The same for the same thing told twice.
    pub dedupe_key: String,
}

/// The session of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionPart {
    /// Its id.
    pub id: String,
    /// The harness.
    pub adapter: String,
    /// The harness.
    pub harness: String,
    /// Its folder.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cwd: Option<String>,
    /// When it began; in the event of its beginning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<String>,
    /// With what status, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_status: Option<i64>,
}

/// What makes an event one of its kind: random, and given from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// `evt_...`
    pub event: String,
    /// `trc_...`
    pub trace: String,
}

impl Event {
    /// The event of what happened, taken at `now`.
    pub fn new(happened: &Happened, ids: Ids, now: Timestamp) -> Self {
        let Happened { subject, at, end, cwd, .. } = happened;
        let (phase, harness) = (happened.phase(), subject.harness.as_str().to_owned());
        let session = subject.session.to_string();
        let flat_cwd = cwd.clone().unwrap_or_default();
        let status = end.as_ref().and_then(End::exit_status);
        Self {
            id: ids.event,
            timestamp: now.to_string(),
            source: SOURCE.to_owned(),
            kind: kind(phase).to_owned(),
            provenance: Provenance {
                platform: harness.clone(),
                platform_event: format!("session.{}", phase.as_str()),
                author: harness.clone(),
                author_type: "bot".to_owned(),
                session_id: session.clone(),
                working_directory: flat_cwd.clone(),
            },
            payload: Payload {
                lifecycle: Lifecycle {
                    phase,
                    terminal: phase.is_terminal(),
                    outcome: end.as_ref().map(End::outcome),
                    reason: end.as_ref().map(|end| end.reason().to_owned()),
                    dedupe_key: dedupe_key(subject.harness, &session, phase),
                },
                session: SessionPart {
                    id: session.clone(),
                    adapter: harness.clone(),
                    harness,
                    cwd: cwd.clone(),
                    started_at: end.is_none().then(|| at.to_string()),
                    ended_at: end.is_some().then(|| at.to_string()),
                    exit_status: status,
                },
                session_id: session,
                cwd: flat_cwd,
                duration_seconds: happened.duration_seconds.clone().unwrap_or_else(|| 0.into()),
                exit_status: if end.is_none() { Some(0) } else { status },
                summary: happened.summary.clone(),
                model: happened.model.clone(),
            },
            trace_id: ids.trace,
        }
    }

    /// The line of a file of events, with its newline.
    pub fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// What is posted to another receiver: the event, and beside its fields those that OrgLoop's own connectors read
    /// (contract F2), so that they make the same event of it.
    pub fn to_post(&self) -> Value {
        let Payload { lifecycle, session, .. } = &self.payload;
        let mut body = serde_json::to_value(self).unwrap_or_default();
        let at = session.started_at.as_ref().or(session.ended_at.as_ref()).unwrap_or(&self.timestamp);
        let status = session.exit_status.unwrap_or(match lifecycle.phase {
            Phase::Failed => 1,
            Phase::Stopped => TERMINATED,
            _ => 0,
        });
        let flat = json!({
            "session_id": session.id,
            "harness": session.harness,
            "hook_type": if lifecycle.terminal { "stop" } else { "start" },
            "cwd": self.payload.cwd,
            "duration_seconds": self.payload.duration_seconds,
            "exit_status": status,
            "summary": self.payload.summary,
            "model": self.payload.model,
            "timestamp": at,
        });
        if let (Value::Object(body), Value::Object(flat)) = (&mut body, flat) {
            body.extend(flat);
        }
        body
    }
}

/// The type that goes with a phase.
pub(super) fn kind(phase: Phase) -> &'static str {
    if phase.is_terminal() { "actor.stopped" } else { "resource.changed" }
}

fn dedupe_key(harness: Harness, session: &str, phase: Phase) -> String {
    format!("{harness}:{session}:{}", phase.as_str())
}
