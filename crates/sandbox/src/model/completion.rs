//! A turn in the words of the chat completions API: as one body, or as the chunks of a stream.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use super::turn::{Call, Turn};

static IDS: AtomicU64 = AtomicU64::new(1);

/// The body of an answer that is not streamed.
pub(super) fn whole(turn: &Turn, model: &str) -> Value {
    let mut message = json!({"role": "assistant", "content": turn.text.concat()});
    if !turn.calls.is_empty() {
        message["tool_calls"] = turn
            .calls
            .iter()
            .map(|call| {
                let function = json!({"name": call.name, "arguments": call.arguments});
                json!({"id": id_of(call), "type": "function", "function": function})
            })
            .collect();
    }
    let mut body = envelope("chat.completion", model);
    body["choices"] = json!([{"index": 0, "message": message, "finish_reason": turn.finish_reason}]);
    body["usage"] = turn.usage.clone();
    body
}

/// The chunks of an answer that is streamed, the usage last.
pub(super) fn chunks(turn: &Turn, model: &str) -> Vec<Value> {
    let envelope = envelope("chat.completion.chunk", model);
    let chunk = |delta: Value, finish: Option<&str>| {
        let mut chunk = envelope.clone();
        chunk["choices"] = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        chunk
    };
    let mut chunks = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
    chunks.extend(turn.reasoning.iter().map(|piece| chunk(json!({"reasoning_content": piece}), None)));
    chunks.extend(turn.text.iter().map(|piece| chunk(json!({"content": piece}), None)));
    for (index, call) in turn.calls.iter().enumerate() {
        // Real models split the arguments anywhere: clients must join before they parse.
        let (head, tail) = halves(&call.arguments);
        let first = json!({
            "index": index, "id": id_of(call), "type": "function",
            "function": {"name": call.name, "arguments": head},
        });
        chunks.push(chunk(json!({"tool_calls": [first]}), None));
        let second = json!({"index": index, "function": {"arguments": tail}});
        chunks.push(chunk(json!({"tool_calls": [second]}), None));
    }
    if let Some(reason) = &turn.finish_reason {
        chunks.push(chunk(json!({}), Some(reason)));
    }
    let mut last = envelope.clone();
    last["choices"] = json!([]);
    last["usage"] = turn.usage.clone();
    chunks.push(last);
    chunks
}

fn envelope(object: &str, model: &str) -> Value {
    let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    json!({"id": format!("chatcmpl-{}", next_id()), "object": object, "created": created, "model": model})
}

fn id_of(call: &Call) -> String {
    call.id.clone().unwrap_or_else(|| format!("call_{:06}", next_id()))
}

fn next_id() -> u64 {
    IDS.fetch_add(1, Ordering::Relaxed)
}

fn halves(text: &str) -> (&str, &str) {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle -= 1;
    }
    text.split_at(middle)
}
