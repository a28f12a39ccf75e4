//! The attention frames of Gateway Protocol v3: a person's answer at OrgX, and what became of it. PROTOCOL: contract A6.

use super::inbound::id;
use crate::ids::{DecisionId, RunId, SessionHandle};
use crate::limits;
use crate::redact::Redacted;
use crate::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// `attention.resolve`: somebody answered at OrgX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    /// OrgX's name for the question.
    pub decision_id: DecisionId,
    /// The run that asks.
    pub run_id: RunId,
    /// The answer's own key: a repeat of it changes nothing.
    pub key: String,
    /// The driver, when OrgX names one.
    pub driver: Option<String>,
    /// The agent's session, when OrgX names one.
    pub session: Option<SessionHandle>,
    /// What was said, or why that cannot be used.
    pub resolution: Result<Resolution, Redacted>,
}

/// What somebody said at OrgX. Bounded, and otherwise as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Yes or no.
    pub status: ResolutionStatus,
    /// Answers: labels, ids of options, or words of the person's own.
    pub answers: Vec<String>,
    /// A word beside it.
    pub note: Option<String>,
    /// The options that were chosen, by the ids that we gave them.
    pub options: Vec<String>,
}

/// How a question ended at OrgX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolutionStatus {
    /// It was answered.
    Approved,
    /// It was refused.
    Declined,
    /// It was taken back.
    Cancelled,
}

impl Resolve {
    pub(super) fn read(frame: &Map<String, Value>) -> Result<Self, String> {
        if frame.get("protocol_version").is_some_and(|version| version.as_f64() != Some(3.0)) {
            return Err("protocol_version is not 3".to_owned());
        }
        let named = |field| match frame.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => id(frame, field).map(Some),
        };
        Ok(Self {
            decision_id: DecisionId::new(id(frame, "decision_id")?),
            run_id: RunId::new(id(frame, "run_id")?),
            key: id(frame, "idempotency_key")?,
            driver: named("driver")?,
            session: named("session_handle")?.map(SessionHandle::new),
            resolution: match frame.get("resolution") {
                Some(Value::Object(resolution)) => Resolution::read(resolution),
                _ => Err(Redacted::new("the answer has no resolution")),
            },
        })
    }
}

impl Resolution {
    /// Reads one, from a frame or from the answer to a poll.
    ///
    /// # Errors
    /// In words for OrgX, when it is not one or is past a bound.
    pub fn read(object: &Map<String, Value>) -> Result<Self, Redacted> {
        let status = match object.get("status").and_then(Value::as_str) {
            Some("approved") => ResolutionStatus::Approved,
            Some("declined") => ResolutionStatus::Declined,
            Some("cancelled") => ResolutionStatus::Cancelled,
            Some(status) => return Err(Redacted::cut(&format!("the status {status} is not known"), 120)),
            None => return Err(Redacted::new("the answer has no status")),
        };
        let mut options = texts(object, "option_id")?;
        for option in texts(object, "option_ids")? {
            if !options.contains(&option) {
                options.push(option);
            }
        }
        let note = texts(object, "note")?;
        Ok(Self {
            status,
            answers: texts(object, "answer")?,
            note: (!note.is_empty()).then(|| note.join("\n")),
            options,
        })
    }
}

/// A text or several; blank ones count as none.
fn texts(object: &Map<String, Value>, field: &str) -> Result<Vec<String>, Redacted> {
    let of = |value: &Value| match value {
        Value::String(text) if text.len() > limits::REMOTE_ANSWER_BYTES => {
            Err(format!("{field} is longer than {} bytes", limits::REMOTE_ANSWER_BYTES))
        }
        Value::String(text) => Ok(text.trim().to_owned()),
        _ => Err(format!("{field} is not a text")),
    };
    let all = match object.get(field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(all)) if all.len() > limits::REMOTE_ANSWERS => {
            return Err(Redacted::new(&format!("{field} has more than {} entries", limits::REMOTE_ANSWERS)));
        }
        Some(Value::Array(all)) => all.iter().map(of).collect::<Result<Vec<_>, _>>(),
        Some(one) => of(one).map(|one| vec![one]),
    };
    let all = all.map_err(|why| Redacted::new(&why))?;
    Ok(all.into_iter().filter(|text| !text.is_empty()).collect())
}

/// `continuation.receipt`: what became of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Continuation {
    /// Always 3. PROTOCOL: contract A6.
    pub protocol_version: u8,
    /// The run.
    pub run_id: RunId,
    /// OrgX's name for the question.
    pub decision_id: DecisionId,
    /// The answer's key, or the question's when no answer was pushed.
    pub idempotency_key: String,
    /// What became of it.
    pub state: ContinuationState,
    /// The agent's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_handle: Option<SessionHandle>,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Redacted>,
    /// When.
    pub occurred_at: Timestamp,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContinuationState {
    /// It came.
    AnswerReceived,
    /// The run is about to go on with it.
    Resuming,
    /// It has it.
    Resumed,
    /// It cannot go on with it.
    ResumeFailed,
    /// It needs none any more.
    Cancelled,
}

impl ContinuationState {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AnswerReceived => "answer_received",
            Self::Resuming => "resuming",
            Self::Resumed => "resumed",
            Self::ResumeFailed => "resume_failed",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Frame, Inbound, parse};
    use serde_json::json;

    fn sample() -> Value {
        json!({"kind": "attention.resolve", "protocol_version": 3, "decision_id": "dec_1", "run_id": "run_42",
               "driver": "opencode", "session_handle": "ses_1", "idempotency_key": "res_1",
               "resolution": {"status": "approved", "option_id": "allow_once", "note": " go ", "context": {"x": 1}}})
    }

    #[test]
    fn an_answer_is_read_and_what_is_unknown_is_ignored() {
        let Inbound::Resolve(resolve) = parse(&sample().to_string()) else { panic!("an answer") };
        let resolution = Resolution {
            status: ResolutionStatus::Approved,
            answers: Vec::new(),
            note: Some("go".into()),
            options: vec!["allow_once".into()],
        };
        let expected = Resolve {
            decision_id: DecisionId::new("dec_1"),
            run_id: RunId::new("run_42"),
            key: "res_1".into(),
            driver: Some("opencode".into()),
            session: Some(SessionHandle::new("ses_1")),
            resolution: Ok(resolution),
        };
        assert_eq!(*resolve, expected);
    }

    #[test]
    fn an_answer_whose_ids_cannot_be_used_is_ignored_and_any_other_is_kept_with_its_reason() {
        let with = |path: &str, value: Value| {
            let mut frame = sample();
            *frame.pointer_mut(path).expect("a field of the sample") = value;
            parse(&frame.to_string())
        };
        for (path, value, why) in [
            ("/decision_id", json!(null), "decision_id is not a text"),
            ("/decision_id", json!("x".repeat(257)), "decision_id is longer than 256 bytes"),
            ("/run_id", json!(7), "run_id is not a text"),
            ("/idempotency_key", json!(""), "idempotency_key is empty"),
            ("/session_handle", json!([]), "session_handle is not a text"),
            ("/protocol_version", json!(4), "protocol_version is not 3"),
        ] {
            let Inbound::Ignored(reason) = with(path, value) else { panic!("ignored: {path}") };
            assert!(reason.as_str().ends_with(why), "{reason}");
        }
        let many: Vec<String> = (0..65).map(|n| n.to_string()).collect();
        for (path, value, why) in [
            ("/resolution", json!("approved"), "the answer has no resolution"),
            ("/resolution", json!({}), "the answer has no status"),
            ("/resolution/status", json!("maybe"), "the status maybe is not known"),
            ("/resolution/option_id", json!({}), "option_id is not a text"),
            ("/resolution/option_id", json!(many), "option_id has more than 64 entries"),
            ("/resolution/note", json!("x".repeat(8193)), "note is longer than 8192 bytes"),
        ] {
            let Inbound::Resolve(resolve) = with(path, value) else { panic!("an answer: {path}") };
            assert_eq!(resolve.resolution, Err(Redacted::new(why)));
        }
    }

    #[test]
    fn a_continuation_is_these_bytes() {
        let mut frame = Continuation {
            protocol_version: 3,
            run_id: RunId::new("run_42"),
            decision_id: DecisionId::new("dec_1"),
            idempotency_key: "res_1".into(),
            state: ContinuationState::Resumed,
            session_handle: Some(SessionHandle::new("ses_1")),
            detail: None,
            occurred_at: Timestamp(1_795_168_800_000),
        };
        assert_eq!(
            Frame::Continuation(frame.clone()).to_json(),
            r#"{"kind":"continuation.receipt","protocol_version":3,"run_id":"run_42","decision_id":"dec_1","idempotency_key":"res_1","state":"resumed","session_handle":"ses_1","occurred_at":"2026-11-20T10:00:00.000Z"}"#
        );
        (frame.session_handle, frame.detail) = (None, Some(Redacted::new("answered on this computer")));
        frame.state = ContinuationState::Cancelled;
        assert!(Frame::Continuation(frame).to_json().contains(
            r#""state":"cancelled","detail":"answered on this computer","occurred_at":"2026-11-20T10:00:00.000Z""#
        ));
        for state in [
            ContinuationState::AnswerReceived,
            ContinuationState::Resuming,
            ContinuationState::Resumed,
            ContinuationState::ResumeFailed,
            ContinuationState::Cancelled,
        ] {
            assert_eq!(json!(state), json!(state.as_str()));
        }
    }
}
