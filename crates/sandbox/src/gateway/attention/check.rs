//! What a strict server asks of questions and of what is said of their answers.

use serde_json::Value;

use super::Told;
use crate::http::Request;

const STATES: [&str; 5] = ["answer_received", "resuming", "resumed", "resume_failed", "cancelled"];

/// A good question's key, or the sentence that names what is wrong with it.
pub(super) fn question(request: &Request) -> Result<String, String> {
    const KNOWN: [&str; 19] = [
        "initiative_id",
        "workstream_id",
        "task_id",
        "run_id",
        "source_client",
        "idempotency_key",
        "question",
        "context",
        "options",
        "blocking",
        "attention_kind",
        "response_mode",
        "source_tool",
        "source_session_id",
        "source_event_id",
        "impact_if_delayed",
        "recommended_action",
        "continuation",
        "metadata",
    ];
    let body = &request.body;
    only(body, &KNOWN)?;
    let key = text(body, "idempotency_key")?;
    if key.len() > 120 {
        return Err("idempotency_key is longer than 120".to_owned());
    }
    if request.header("idempotency-key") != Some(key) {
        return Err("Idempotency-Key is not the body's idempotency_key".to_owned());
    }
    for field in ["initiative_id", "run_id", "source_client", "question", "source_tool", "source_event_id"] {
        text(body, field)?;
    }
    if body["blocking"] != true {
        return Err("blocking is not true".to_owned());
    }
    if body["attention_kind"] != "question" {
        return Err("attention_kind is not question".to_owned());
    }
    let options = match &body["options"] {
        Value::Null => &[][..],
        Value::Array(options) => options,
        _ => return Err("options is not an array".to_owned()),
    };
    let mut ids = std::collections::BTreeSet::new();
    for option in options {
        only(option, &["id", "label", "description"])?;
        text(option, "label")?;
        if !ids.insert(text(option, "id")?) {
            return Err("two options have the same id".to_owned());
        }
    }
    match (text(body, "response_mode")?, options.is_empty()) {
        ("single_select" | "multi_select", false) | ("free_text", true) => {}
        (mode, _) => return Err(format!("response_mode {mode} does not go with {} options", options.len())),
    }
    let continuation = &body["continuation"];
    only(continuation, &["strategy", "session_handle", "tool_call_id", "capability_version"])?;
    if continuation["strategy"] != "reply_in_place" {
        return Err("continuation.strategy is not reply_in_place".to_owned());
    }
    text(continuation, "tool_call_id")?;
    Ok(key.to_owned())
}

/// What is said of an answer, or the sentence that names what is wrong with it.
pub(super) fn told(request: &Request, id: &str) -> Result<Told, String> {
    let body = &request.body;
    let known =
        ["run_id", "source_client", "state", "idempotency_key", "session_handle", "detail", "occurred_at"];
    only(body, &known)?;
    let (key, state) = (text(body, "idempotency_key")?, state(body)?);
    for field in ["run_id", "source_client", "occurred_at"] {
        text(body, field)?;
    }
    if request.header("idempotency-key") != Some(format!("{key}:{state}").as_str()) {
        return Err("Idempotency-Key is not <key>:<state>".to_owned());
    }
    let detail = optional(body, "detail")?.map(ToOwned::to_owned);
    optional(body, "session_handle")?;
    Ok(Told { id: id.to_owned(), key: key.to_owned(), state: state.to_owned(), detail })
}

/// A `continuation.receipt` is a good one; any other frame is none of ours.
pub(in crate::gateway) fn check_frame(frame: &Value) -> Result<(), String> {
    if frame["kind"] != "continuation.receipt" {
        return Ok(());
    }
    let known = [
        "kind",
        "protocol_version",
        "run_id",
        "decision_id",
        "idempotency_key",
        "state",
        "session_handle",
        "detail",
        "occurred_at",
    ];
    only(frame, &known)?;
    if frame["protocol_version"] != 3 {
        return Err("protocol_version of a continuation.receipt is not 3".to_owned());
    }
    for field in ["run_id", "decision_id", "idempotency_key", "occurred_at"] {
        text(frame, field)?;
    }
    state(frame)?;
    optional(frame, "session_handle")?;
    optional(frame, "detail").map(drop)
}

fn state(body: &Value) -> Result<&str, String> {
    let state = text(body, "state")?;
    if STATES.contains(&state) { Ok(state) } else { Err(format!("state {state} is not one")) }
}

fn only(body: &Value, known: &[&str]) -> Result<(), String> {
    let Some(object) = body.as_object() else { return Err("an object is missing".to_owned()) };
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("field {name} is unknown")),
        None => Ok(()),
    }
}

fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, String> {
    body[field].as_str().filter(|text| !text.is_empty()).ok_or_else(|| format!("{field} is missing"))
}

fn optional<'a>(body: &'a Value, field: &str) -> Result<Option<&'a str>, String> {
    match &body[field] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(format!("{field} is not a text")),
    }
}
