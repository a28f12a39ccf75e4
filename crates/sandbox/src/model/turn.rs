//! One turn of a script: what the model says and does when it is asked once.

use std::time::Duration;

use serde_json::{Value, json};

/// A turn, read from its JSON. Fields that are absent or of the wrong type count as not set.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    /// Pieces of thinking, one chunk each.
    pub(super) reasoning: Vec<String>,
    /// Pieces of text, one chunk each.
    pub(super) text: Vec<String>,
    pub(super) calls: Vec<Call>,
    pub(super) usage: Value,
    /// Absent only when the turn wants none sent.
    pub(super) finish_reason: Option<String>,
    /// Before anything is answered.
    pub(super) delay: Duration,
    /// After each chunk.
    pub(super) chunk_delay: Duration,
    pub(super) failure: Option<Failure>,
    pub(super) ending: Ending,
    /// The gate at which the answer waits.
    pub(super) gate: Option<String>,
}

/// A tool call; the arguments are JSON in a string.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// An error answer instead of a turn.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// How often it fails before it does not; for ever when absent.
    pub(super) times: Option<u64>,
}

/// How the answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// It never begins.
    Hang,
    /// The connection breaks after that many chunks.
    DropAfter(usize),
}

impl Turn {
    /// Reads a turn; `{{cwd}}` in any of its strings becomes `cwd`.
    pub(super) fn read(turn: &Value, cwd: &str) -> Self {
        let turn = fill(turn, cwd);
        let millis = |name: &str| Duration::from_millis(turn[name].as_u64().unwrap_or_default());
        let calls: Vec<Call> =
            turn["tool_calls"].as_array().into_iter().flatten().filter_map(Call::read).collect();
        let usual = if calls.is_empty() { "stop" } else { "tool_calls" };
        Self {
            reasoning: pieces(&turn["reasoning"]),
            text: pieces(&turn["text"]),
            usage: usage(&turn["usage"]),
            finish_reason: (turn["omit_finish_reason"] != true)
                .then(|| turn["finish_reason"].as_str().unwrap_or(usual).to_owned()),
            calls,
            delay: millis("delay_ms"),
            chunk_delay: millis("chunk_delay_ms"),
            failure: Failure::read(&turn),
            ending: match turn["drop_after_chunks"].as_u64().map(usize::try_from) {
                _ if turn["hang"] == true => Ending::Hang,
                Some(Ok(chunks)) => Ending::DropAfter(chunks),
                Some(Err(_)) | None => Ending::Whole,
            },
            gate: turn["gate"].as_str().map(str::to_owned),
        }
    }
}

impl Call {
    fn read(call: &Value) -> Option<Self> {
        let arguments = match &call["arguments"] {
            Value::String(raw) => raw.clone(),
            Value::Null => "{}".to_owned(),
            arguments => arguments.to_string(),
        };
        Some(Self {
            id: call["id"].as_str().map(str::to_owned),
            name: call["name"].as_str()?.to_owned(),
            arguments,
        })
    }
}

impl Failure {
    fn read(turn: &Value) -> Option<Self> {
        let status = u16::try_from(turn["status"].as_u64()?).ok()?;
        let headers = turn["headers"].as_object().into_iter().flatten();
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let body = match &turn["error"] {
            Value::Null => json!({"error": {"message": "the sandbox model failed", "type": "server_error"}}),
            error => error.clone(),
        };
        Some(Self {
            status,
            headers: headers.map(|(name, value)| (name.clone(), plain(value))).collect(),
            body: plain(&body),
            times: turn["repeat_errors"].as_u64(),
        })
    }
}

/// A list is taken as it is; a string is cut after each space, as a model's tokens would be.
fn pieces(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split_inclusive(char::is_whitespace).map(str::to_owned).collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn usage(usage: &Value) -> Value {
    let count = |name: &str, usual: u64| usage[name].as_u64().unwrap_or(usual);
    let (prompt, completion) = (count("prompt_tokens", 100), count("completion_tokens", 10));
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": count("cached_tokens", 0)},
        "completion_tokens_details": {"reasoning_tokens": count("reasoning_tokens", 0)},
    })
}

fn fill(value: &Value, cwd: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("{{cwd}}", cwd)),
        Value::Array(list) => list.iter().map(|value| fill(value, cwd)).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), fill(value, cwd))).collect(),
        other => other.clone(),
    }
}
