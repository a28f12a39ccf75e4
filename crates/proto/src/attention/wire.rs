//! What is posted to ask at OrgX, and what comes back. PROTOCOL: anchors 0.7, `/api/client/live/attention`.

use super::item::{Form, Item};
use super::reading::option_id;
use crate::ids::DecisionId;
use crate::limits;
use crate::message::Resolution;
use crate::redact::Redacted;
use serde_json::{Map, Value, json};

/// How a question stands at OrgX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Nobody has answered it.
    Open,
    /// Somebody has, or it is over there; or why what they said cannot be read.
    Resolved(Result<Resolution, Redacted>),
}

/// The body that asks part `at` of an item at OrgX.
pub(super) fn create(item: &Item, at: usize, key: &str) -> String {
    let (question, context, mode, kind, options) = match &item.form {
        Form::Choose { question, context, kind, options } => {
            let options: Vec<Value> =
                options.iter().map(|offered| json!({ "id": offered.id, "label": offered.label })).collect();
            (question.clone(), context.clone(), "single_select", *kind, options)
        }
        Form::Questions(questions) => {
            let question = questions.get(at).cloned().unwrap_or_default();
            let options: Vec<Value> = (question.choices.iter().take(limits::REMOTE_OPTIONS).enumerate())
                .map(|(n, choice)| {
                    json!({
                        "id": option_id(at, n), "label": shown(&choice.label),
                        "description": shown(&choice.description),
                    })
                })
                .collect();
            let mode = match (question.choices.is_empty(), question.multiple) {
                (true, _) => "free_text",
                (false, true) => "multi_select",
                (false, false) => "single_select",
            };
            let mut context = shown(&question.header);
            if questions.len() > 1 {
                let of = format!(
                    "Question {} of {}: the agent goes on once all are answered.",
                    at + 1,
                    questions.len()
                );
                format!("{context}\n\n{of}").trim().clone_into(&mut context);
            }
            (shown(&question.text), context, mode, "question", options)
        }
    };
    let mut continuation = json!({
        "strategy": "reply_in_place", "tool_call_id": item.ask, "capability_version": "orgx-peer-attention-v1",
    });
    let mut body = json!({
        "run_id": item.run_id, "source_client": item.driver, "idempotency_key": key, "question": question,
        "context": context, "blocking": true, "attention_kind": "question", "response_mode": mode,
        "source_tool": kind, "source_event_id": item.ask,
        "impact_if_delayed": "The run waits, and the answer is no when nobody gives one in time.",
        "recommended_action": "Answer here or on the computer that runs the task; the first answer counts.",
    });
    if !options.is_empty() {
        body["options"] = Value::Array(options);
    }
    if let Some(session) = &item.session {
        continuation["session_handle"] = json!(session);
        body["source_session_id"] = json!(session);
    }
    body["continuation"] = continuation;
    let scope = &item.scope;
    for (name, id) in [
        ("initiative_id", &scope.initiative_id),
        ("workstream_id", &scope.workstream_id),
        ("task_id", &scope.task_id),
    ] {
        if let Some(id) = id {
            body[name] = json!(id);
        }
    }
    body.to_string()
}

fn shown(text: &str) -> String {
    Redacted::cut(text, limits::REMOTE_TEXT_CHARS).into_string()
}

/// The id in the answer to a question that was posted.
pub fn decision_id(answer: &Value) -> Option<DecisionId> {
    let id = data(answer).get("decision_id").and_then(Value::as_str)?;
    (!id.is_empty() && id.len() <= limits::ID_BYTES).then(|| DecisionId::new(id))
}

/// How a question stands, in the answer to a poll.
pub fn poll(answer: &Value) -> Poll {
    let Some(question) = data(answer).get("question").and_then(Value::as_object) else { return Poll::Open };
    if question.get("resolved").and_then(Value::as_bool) != Some(true) {
        return Poll::Open;
    }
    // PROTOCOL: the reference reads `question.answer`, else `question.resolution_context`'s `selected_option_ids`,
    // `option_ids`, `answer`, `note`. The status, where one stands; with none an answer is one, and nothing is not.
    let none = Map::new();
    let context = question.get("resolution_context").and_then(Value::as_object).unwrap_or(&none);
    let given = |name: &str| {
        [question.get(name), context.get(name)].into_iter().flatten().find(|value| !value.is_null()).cloned()
    };
    let mut resolution = Map::new();
    for name in ["status", "answer", "note", "option_id", "option_ids"] {
        if let Some(value) = given(name) {
            resolution.insert(name.to_owned(), value);
        }
    }
    if let Some(selected) = given("selected_option_ids") {
        resolution.insert("option_ids".to_owned(), selected);
    }
    let says =
        ["answer", "note", "option_id", "option_ids"].iter().any(|name| resolution.contains_key(*name));
    // What a question's status is before the answer's, or in other words ("resolved"), says nothing of yes or no.
    let is_ours = |status: &Value| {
        status.as_str().is_some_and(|status| matches!(status, "approved" | "declined" | "cancelled"))
    };
    if says && !resolution.get("status").is_some_and(is_ours) {
        let plain = resolution.get("status").is_none_or(|status| {
            status.as_str().is_some_and(|status| matches!(status, "resolved" | "answered" | "completed"))
        });
        if plain {
            resolution.insert("status".to_owned(), "approved".into());
        }
    }
    Poll::Resolved(Resolution::read(&resolution))
}

/// Some answers come in an envelope. PROTOCOL: anchors 0.4.
fn data(answer: &Value) -> &Value {
    answer.get("data").filter(|data| data.is_object()).unwrap_or(answer)
}
