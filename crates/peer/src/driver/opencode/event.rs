//! What a real OpenCode says, read down to what a run needs. Facts: opencode.md 2.1 to 2.4.
//!
//! An event may carry a megabyte of tool output; what is kept of it here is bounded.

use super::ask::{self, Asking};
use orgx_proto::skill_rules;
use serde_json::Value;

/// One event of one session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// A session was made; a subagent's names its parent.
    Created { parent: Option<String> },
    /// Its status.
    Status(Status),
    /// Something went wrong; the run may go on all the same.
    Error(Trouble),
    /// A model's answer, as far as it is.
    Answer(Answer),
    /// A tool ended.
    Tool(Tool),
    /// Files that changed while an answer was made, absolute.
    Patch { message: String, files: Vec<String> },
    /// The model says something.
    Text,
    /// It asks the person something, and waits.
    Asked(Box<Asking>),
    /// What it asked with this id is answered.
    Answered(String),
}

/// A session's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Busy,
    Retry,
    Idle,
}

/// An error as OpenCode names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) status: Option<u64>,
    pub(crate) retryable: bool,
}

/// One model answer ("assistant message").
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) id: String,
    pub(crate) tokens: u64,
    pub(crate) cost_dollars: f64,
    pub(crate) provider: Option<String>,
    pub(crate) finish: Option<String>,
    pub(crate) error: Option<Trouble>,
}

/// A tool call that ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tool {
    pub(crate) call: String,
    pub(crate) message: String,
    pub(crate) name: String,
    pub(crate) failed: bool,
    /// What it was about, for a step; no command line, no content.
    pub(crate) about: Option<String>,
    /// For matching only.
    pub(crate) title: String,
    /// Its command, query or URL; for matching only.
    pub(crate) query: String,
    /// The files it wrote.
    pub(crate) edits: Vec<Edit>,
}

/// A file that a tool wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) path: String,
    /// For matching only.
    pub(crate) added: String,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
}

/// Reads one frame of `/global/event`: the session it is about, and what it says. `None` for what no run needs.
pub(crate) fn read(frame: &Value) -> Option<(String, Event)> {
    let payload = frame.get("payload")?;
    let about = payload.get("properties")?;
    let session = |at: &str| about.pointer(at).and_then(Value::as_str).map(ToOwned::to_owned);
    let event = match payload.get("type")?.as_str()? {
        "session.created" => {
            return Some((session("/info/id")?, Event::Created { parent: session("/info/parentID") }));
        }
        "session.status" => Event::Status(match about.pointer("/status/type")?.as_str()? {
            "idle" => Status::Idle,
            "retry" => Status::Retry,
            _ => Status::Busy,
        }),
        "session.idle" => Event::Status(Status::Idle),
        "session.error" => Event::Error(trouble(about.get("error")?)),
        "message.updated" => return Some((session("/info/sessionID")?, answer(about.get("info")?)?)),
        "message.part.updated" => return Some((session("/part/sessionID")?, part(about.get("part")?)?)),
        "message.part.delta" => Event::Text,
        "permission.asked" => permission(about)?,
        "question.asked" => question(about)?,
        "permission.replied" | "question.replied" | "question.rejected" => {
            Event::Answered(text(about, "requestID")?)
        }
        _ => return None,
    };
    Some((session("/sessionID")?, event))
}

/// A permission ask, from the feed or from a list.
pub(crate) fn permission(ask: &Value) -> Option<Event> {
    ask::permission(ask).map(Box::new).map(Event::Asked)
}

/// A question, from the feed or from a list.
pub(crate) fn question(ask: &Value) -> Option<Event> {
    ask::questions(ask).map(Box::new).map(Event::Asked)
}

/// A message's head, when it is a model's answer.
pub(crate) fn answer(info: &Value) -> Option<Event> {
    if info.get("role").and_then(Value::as_str) != Some("assistant") {
        return None;
    }
    let count =
        |at: &str| info.pointer(at).and_then(Value::as_f64).filter(|n| *n > 0.0).unwrap_or_default() as u64;
    let parts = ["input", "output", "reasoning", "cache/read", "cache/write"];
    Some(Event::Answer(Answer {
        id: text(info, "id")?,
        tokens: parts.iter().map(|part| count(&format!("/tokens/{part}"))).fold(0, u64::saturating_add),
        cost_dollars: info.get("cost").and_then(Value::as_f64).unwrap_or_default(),
        provider: text(info, "providerID"),
        finish: text(info, "finish"),
        error: info.get("error").filter(|error| error.is_object()).map(trouble),
    }))
}

/// A part of a message, when it says something about the run.
pub(crate) fn part(part: &Value) -> Option<Event> {
    match part.get("type")?.as_str()? {
        "tool" => tool(part),
        "patch" => {
            let files = part.get("files")?.as_array()?;
            let files = files.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
            Some(Event::Patch { message: text(part, "messageID")?, files })
        }
        // A person's own text has no time; a model's has.
        "text" | "reasoning" if part.get("time").is_some() => Some(Event::Text),
        _ => None,
    }
}

fn tool(part: &Value) -> Option<Event> {
    let state = part.get("state")?;
    let failed = match state.get("status")?.as_str()? {
        "completed" => false,
        "error" => true,
        _ => return None,
    };
    let name = text(part, "tool")?;
    let input = state.get("input").unwrap_or(&Value::Null);
    let edits = if failed { Vec::new() } else { edits(&name, input, state) };
    Some(Event::Tool(Tool {
        call: text(part, "callID").or_else(|| text(part, "id"))?,
        message: text(part, "messageID").unwrap_or_default(),
        failed,
        about: about(&name, input),
        title: cut(&text(state, "title").unwrap_or_default()),
        query: cut(&["command", "query", "pattern", "url"]
            .iter()
            .find_map(|key| text(input, key))
            .unwrap_or_default()),
        edits,
        name,
    }))
}

/// What a step may say of a tool call: a path or the model's own description, never a command line or content.
fn about(tool: &str, input: &Value) -> Option<String> {
    match tool {
        "bash" | "task" => text(input, "description"),
        "webfetch" => url::Url::parse(&text(input, "url")?).ok()?.host_str().map(ToOwned::to_owned),
        _ => text(input, "filePath").or_else(|| text(input, "path")),
    }
}

fn edits(tool: &str, input: &Value, state: &Value) -> Vec<Edit> {
    let path = || text(input, "filePath").unwrap_or_default();
    match tool {
        "write" => {
            let added = text(input, "content").unwrap_or_default();
            let additions = added.lines().count() as u64;
            vec![Edit { path: path(), added: cut(&added), additions, deletions: 0 }]
        }
        "edit" | "multiedit" => {
            let mut added: Vec<String> = text(input, "newString").into_iter().collect();
            if let Some(Value::Array(edits)) = input.get("edits") {
                added.extend(edits.iter().filter_map(|edit| text(edit, "newString")));
            }
            let count = |at: &str| state.pointer(at).and_then(Value::as_u64).unwrap_or_default();
            vec![Edit {
                path: path(),
                added: cut(&added.join("\n")),
                additions: count("/metadata/filediff/additions"),
                deletions: count("/metadata/filediff/deletions"),
            }]
        }
        "patch" | "apply_patch" => {
            let patch = ["patchText", "patch", "input"].iter().find_map(|key| text(input, key));
            patched(&patch.unwrap_or_default())
        }
        _ => Vec::new(),
    }
}

/// The files of a patch in OpenCode's own form (`*** Update File: x`) or in a unified diff (`+++ b/x`).
fn patched(patch: &str) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    for line in patch.lines() {
        let named =
            ["*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: ", "+++ b/", "+++ "]
                .iter()
                .find_map(|prefix| line.strip_prefix(prefix));
        if let Some(path) = named {
            edits.push(Edit { path: path.trim().to_owned(), ..Edit::default() });
        } else if let Some(edit) = edits.last_mut() {
            if let Some(added) = line.strip_prefix('+') {
                edit.additions += 1;
                if edit.added.len() < skill_rules::limits::TEXT_BYTES {
                    edit.added.push_str(&cut(added));
                    edit.added.push('\n');
                    edit.added.truncate(skill_rules::cut(&edit.added).len());
                }
            } else if line.starts_with('-') {
                edit.deletions += 1;
            }
        }
    }
    edits
}

fn trouble(error: &Value) -> Trouble {
    let data = error.get("data").unwrap_or(&Value::Null);
    let message = text(data, "message").or_else(|| text(error, "message")).unwrap_or_default();
    Trouble {
        name: text(error, "name").unwrap_or_default(),
        message: message.lines().next().unwrap_or_default().chars().take(400).collect(),
        status: data.get("statusCode").and_then(Value::as_u64),
        retryable: data.get("isRetryable").and_then(Value::as_bool).unwrap_or(false),
    }
}

fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(ToOwned::to_owned)
}

fn cut(text: &str) -> String {
    skill_rules::cut(text).to_owned()
}
