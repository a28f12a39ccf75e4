//! A turn in the words of the Messages API, for the real Claude Code to talk to; and what such a request asks.

use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    ask::{Ask, Delivery, Purpose, text_of},
    turn::Turn,
};
use crate::http::Request;

static IDS: AtomicU64 = AtomicU64::new(1);

/// What Claude Code's system prompt calls the folder it works in.
const FOLDER: &str = "working directory: ";
/// What it adds to what the person says.
const REMINDER: &str = "<system-reminder>";

impl Ask {
    /// The same of a request of the Messages API.
    pub(super) fn of_messages(request: &Request) -> Self {
        let body = &request.body;
        let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
        let last = messages.iter().rposition(is_prompt);
        let after = last.map_or(messages, |last| &messages[last + 1..]);
        let mut system = text_of(&body["system"]);
        for message in messages.iter().filter(|message| message["role"] == "system") {
            system.push('\n');
            system.push_str(&text_of(&message["content"]));
        }
        let tools = body["tools"].as_array().map_or(&[][..], Vec::as_slice);
        // A request on the side, as for a title, has no such tool.
        let works = tools.iter().any(|tool| tool["name"] == "Write");
        Self {
            prompt: last.map(|last| words(&messages[last]["content"])).unwrap_or_default(),
            answered: after.iter().filter(|message| message["role"] == "assistant").count(),
            cwd: folder(&system).unwrap_or_else(|| std::env::temp_dir().display().to_string()),
            purpose: if works { Purpose::Conversation } else { Purpose::Title },
            model: body["model"].as_str().unwrap_or("claude-fake").to_owned(),
            delivery: if body["stream"] == true { Delivery::Streamed } else { Delivery::Whole },
            session: request.header("x-claude-code-session-id").map(str::to_owned),
        }
    }
}

/// Is it something that a person says, and not the results of tools?
fn is_prompt(message: &Value) -> bool {
    message["role"] == "user" && !words(&message["content"]).is_empty()
}

/// What the person says in it.
fn words(content: &Value) -> String {
    let Value::Array(parts) = content else { return text_of(content) };
    let own =
        |part: &&Value| part["text"].as_str().is_some_and(|text| !text.trim_start().starts_with(REMINDER));
    let texts: Vec<&str> = parts.iter().filter(own).filter_map(|part| part["text"].as_str()).collect();
    texts.join("\n")
}

fn folder(system: &str) -> Option<String> {
    let (_, rest) = system.split_once(FOLDER)?;
    Some(rest.lines().next()?.trim().to_owned()).filter(|folder| !folder.is_empty())
}

/// The body of an answer that is not streamed.
pub(super) fn whole(turn: &Turn, model: &str) -> Value {
    let text = (!turn.text.is_empty()).then(|| json!({"type": "text", "text": turn.text.concat()}));
    let calls = turn.calls.iter().map(|call| {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        json!({"type": "tool_use", "id": id_of(call.id.as_deref()), "name": call.name, "input": input})
    });
    let mut message = envelope(model, usage(turn, true));
    message["content"] = text.into_iter().chain(calls).collect();
    message["stop_reason"] = stop_reason(turn).into();
    message
}

/// The events of an answer that is streamed.
pub(super) fn events(turn: &Turn, model: &str) -> Vec<String> {
    let mut events = vec![event("message_start", &json!({"message": envelope(model, usage(turn, false))}))];
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>| {
        events.push(event("content_block_start", &json!({"index": index, "content_block": start})));
        for delta in deltas {
            events.push(event("content_block_delta", &json!({"index": index, "delta": delta})));
        }
        events.push(event("content_block_stop", &json!({"index": index})));
        index += 1;
    };
    if !turn.text.is_empty() {
        let deltas = turn.text.iter().map(|piece| json!({"type": "text_delta", "text": piece})).collect();
        block(json!({"type": "text", "text": ""}), deltas);
    }
    for call in &turn.calls {
        let start =
            json!({"type": "tool_use", "id": id_of(call.id.as_deref()), "name": call.name, "input": {}});
        block(start, vec![json!({"type": "input_json_delta", "partial_json": call.arguments})]);
    }
    let delta = json!({"stop_reason": stop_reason(turn), "stop_sequence": null});
    events.push(event("message_delta", &json!({"delta": delta, "usage": {"output_tokens": output(turn)}})));
    events.push(event("message_stop", &json!({})));
    events
}

fn event(kind: &str, about: &Value) -> String {
    let mut data = about.clone();
    data["type"] = kind.into();
    format!("event: {kind}\ndata: {data}\n\n")
}

fn envelope(model: &str, usage: Value) -> Value {
    json!({
        "id": format!("msg_{:08}", IDS.fetch_add(1, Ordering::Relaxed)), "type": "message", "role": "assistant",
        "model": model, "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage,
    })
}

fn usage(turn: &Turn, over: bool) -> Value {
    let count = |at: &str| turn.usage.pointer(at).and_then(Value::as_u64).unwrap_or_default();
    let cached = count("/prompt_tokens_details/cached_tokens");
    json!({
        "input_tokens": count("/prompt_tokens").saturating_sub(cached),
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": if over { output(turn) } else { 1 },
    })
}

fn output(turn: &Turn) -> u64 {
    turn.usage["completion_tokens"].as_u64().unwrap_or_default()
}

fn stop_reason(turn: &Turn) -> &'static str {
    match turn.finish_reason.as_deref() {
        Some("tool_calls") => "tool_use",
        Some("length") => "max_tokens",
        _ => "end_turn",
    }
}

fn id_of(named: Option<&str>) -> String {
    named.map_or_else(|| format!("toolu_{:08}", IDS.fetch_add(1, Ordering::Relaxed)), str::to_owned)
}
