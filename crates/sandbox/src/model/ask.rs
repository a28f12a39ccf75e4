//! What a chat completion request asks, as far as the scripts care.

use serde_json::Value;

use crate::http::Request;

/// What OpenCode's system prompt calls the folder it works in.
const FOLDER: &str = "Working directory: ";

/// The request, read.
#[derive(Debug)]
pub(super) struct Ask {
    /// The last user message.
    pub(super) prompt: String,
    /// How many assistant messages follow it.
    pub(super) answered: usize,
    /// The folder the system prompt names.
    pub(super) cwd: String,
    /// OpenCode asks for a title, or a summary, without offering tools.
    pub(super) purpose: Purpose,
    /// The model's name, to be repeated.
    pub(super) model: String,
    pub(super) delivery: Delivery,
    /// OpenCode's session.
    pub(super) session: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Title,
    Conversation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Streamed,
    Whole,
}

impl Ask {
    pub(super) fn of(request: &Request) -> Self {
        let body = &request.body;
        let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
        let role = |message: &Value, role: &str| message["role"] == role;
        let last = messages.iter().rposition(|message| role(message, "user"));
        let after = last.map_or(messages, |last| &messages[last + 1..]);
        let system: Vec<String> = messages
            .iter()
            .filter(|message| role(message, "system"))
            .map(|message| text_of(&message["content"]))
            .collect();
        let tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
        Self {
            prompt: last.map(|last| text_of(&messages[last]["content"])).unwrap_or_default(),
            answered: after.iter().filter(|message| role(message, "assistant")).count(),
            cwd: folder(&system.join("\n")).unwrap_or_else(|| std::env::temp_dir().display().to_string()),
            purpose: if tools { Purpose::Conversation } else { Purpose::Title },
            model: body["model"].as_str().unwrap_or("fake-1").to_owned(),
            delivery: if body["stream"] == true { Delivery::Streamed } else { Delivery::Whole },
            session: request.header("x-session-id").map(str::to_owned),
        }
    }
}

/// The text of a message, whose content is a string or a list of parts.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

fn folder(system: &str) -> Option<String> {
    let (_, rest) = system.split_once(FOLDER)?;
    Some(rest.lines().next()?.trim().to_owned()).filter(|folder| !folder.is_empty())
}
