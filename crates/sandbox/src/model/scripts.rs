//! Which script a prompt gets, and the scripts that are built in.
//!
//! A script that was set is found by its keyword anywhere in the prompt, the newest first. A built-in one is found by
//! its keyword as a word of its own, so that a CHANGELOG does not hang.

use serde_json::{Value, json};

/// The key under which a prompt without keyword is recorded.
pub(super) const DEFAULT: &str = "default";
/// The key under which a request for a title is recorded.
pub(super) const TITLE: &str = "title";

/// All scripts of one model.
#[derive(Debug)]
pub(super) struct Scripts {
    set: Vec<(String, Value)>,
    built_in: Vec<(&'static str, Value)>,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self { set: Vec::new(), built_in: built_in() }
    }

    pub(super) fn set(&mut self, keyword: &str, turns: Value) {
        self.set.push((keyword.to_owned(), turns));
    }

    /// The keyword and the turns for a prompt.
    pub(super) fn choose(&self, prompt: &str) -> (String, Vec<Value>) {
        let set = self.set.iter().rev().find(|(keyword, _)| prompt.contains(keyword.as_str()));
        if let Some((keyword, turns)) = set {
            return (keyword.clone(), list(turns));
        }
        match self.built_in.iter().find(|(keyword, _)| has_word(prompt, keyword)) {
            Some((keyword, turns)) => ((*keyword).to_owned(), list(turns)),
            None => (DEFAULT.to_owned(), list(&hello())),
        }
    }
}

/// A list of turns, never empty; a single turn is a list of one.
fn list(turns: &Value) -> Vec<Value> {
    match turns {
        Value::Array(turns) if turns.is_empty() => vec![json!({"text": "ok"})],
        Value::Array(turns) => turns.clone(),
        turn => vec![turn.clone()],
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == word)
}

/// The turn that names a session.
pub(super) fn title() -> Value {
    json!({"text": "Sandbox session", "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
}

fn hello() -> Value {
    json!([
        {
            "text": "I write the file.",
            "tool_calls": [call("write", &json!({
                "filePath": "{{cwd}}/hello.txt", "content": "hello from the sandbox model\n",
            }))],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "cached_tokens": 200},
        },
        {
            "text": "hello.txt is written.",
            "usage": {"prompt_tokens": 1100, "completion_tokens": 12, "cached_tokens": 1000},
        },
    ])
}

fn built_in() -> Vec<(&'static str, Value)> {
    let file = "{{cwd}}/hello.txt";
    let edit = json!({"filePath": file, "oldString": "hello", "newString": "HELLO"});
    let bash = json!({"command": "echo hi && ls", "description": "List the folder"});
    let todos = json!({"todos": [
        {"content": "first step", "status": "in_progress", "priority": "high"},
        {"content": "second step", "status": "pending", "priority": "low"},
    ]});
    let question = json!({"questions": [{
        "question": "Which colour?",
        "header": "Colour",
        "options": [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}],
    }]});
    let task = json!({
        "description": "part of the work", "prompt": "SUBAGENT answer please", "subagent_type": "general",
    });
    let counting: Vec<String> = (1..=20).map(|n| format!("word{n} ")).collect();
    vec![
        (
            "EDIT",
            json!([
                {"tool_calls": [call("read", &json!({"filePath": file}))]},
                {"tool_calls": [call("edit", &edit)]},
                {"text": "The greeting is louder now."},
            ]),
        ),
        (
            "BASH",
            json!([
                {"reasoning": "A listing will tell.", "tool_calls": [call("bash", &bash)]},
                {"text": "Listed."},
            ]),
        ),
        (
            "FAILTOOL",
            json!([
                {"tool_calls": [call("read", &json!({"filePath": "{{cwd}}/does-not-exist.txt"}))]},
                {"text": "There is no such file."},
            ]),
        ),
        ("TODO", json!([{"tool_calls": [call("todowrite", &todos)]}, {"text": "Planned."}])),
        ("QUESTION", json!([{"tool_calls": [call("question", &question)]}, {"text": "Thank you."}])),
        ("TASK", json!([{"tool_calls": [call("task", &task)]}, {"text": "The subagent is done."}])),
        ("SUBAGENT", json!([{"text": "The subagent's answer."}])),
        ("SLOW", json!([{"text": counting, "chunk_delay_ms": 500}])),
        ("HANG", json!([{"hang": true}])),
        ("E401", fails(401, "Incorrect API key provided", "invalid_request_error", Some("invalid_api_key"))),
        ("E400", fails(400, "the sandbox model refuses this request", "invalid_request_error", None)),
        ("E500", json!([{"status": 500}])),
        ("E500ONCE", json!([{"status": 500, "repeat_errors": 1, "text": "Well again after one 500."}])),
        (
            "E429",
            json!([{
                "status": 429,
                "headers": {"retry-after": "1"},
                "repeat_errors": 1,
                "error": {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}},
                "text": "Well again after one 429.",
            }]),
        ),
        (
            "OVERFLOW",
            fails(
                400,
                "This model's maximum context length is 200000 tokens. However, your messages resulted in 250000 tokens.",
                "invalid_request_error",
                Some("context_length_exceeded"),
            ),
        ),
        ("DROP", json!([{"text": "a b c d e f", "drop_after_chunks": 3}])),
        ("NOFINISH", json!([{"text": "no reason to finish", "omit_finish_reason": true}])),
        ("LENGTH", json!([{"text": "cut short", "finish_reason": "length"}])),
    ]
}

fn call(name: &str, arguments: &Value) -> Value {
    json!({"name": name, "arguments": arguments})
}

fn fails(status: u16, message: &str, kind: &str, code: Option<&str>) -> Value {
    json!([{"status": status, "error": {"error": {"message": message, "type": kind, "code": code}}}])
}
