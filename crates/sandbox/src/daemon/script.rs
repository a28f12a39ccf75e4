//! What a session of the daemon does, line by line.

use serde_json::{Value, json};

/// One step of a session's script.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// That value as one NDJSON line, in a chunk of its own.
    Json(Value),
    /// Exactly these bytes, in a chunk of their own.
    Raw(Vec<u8>),
    /// Writes a file below the session's `cwd`; nothing happens when it has none or the path leads out of it.
    WriteFile {
        /// The path, relative to `cwd`.
        path: String,
        /// The content.
        content: String,
    },
    /// Goes on after that long.
    Pause {
        /// How long.
        millis: u64,
    },
    /// Goes on once a cancel has arrived after the session was created.
    AwaitCancel,
    /// Goes on once [`Daemon::open`](super::Daemon::open) was called with that name.
    Gate(String),
    /// Goes on never, cancelled or not.
    Hang,
    /// Ends the stream; what follows is not done.
    End,
    /// Breaks the connection with an RST; what follows is not done.
    Reset,
}

/// The script of a prompt that holds no keyword: looks around, writes a file, says so, and is done.
pub(super) fn default_script() -> Vec<Line> {
    vec![
        Line::Json(
            json!({"kind": "tool_call", "tool": "read", "summary": "look at README.md", "ref": "call-1"}),
        ),
        Line::WriteFile {
            path: "notes.md".to_owned(),
            content: "# Notes\n\nWritten by the sandbox daemon.\n".to_owned(),
        },
        Line::Json(
            json!({"kind": "file_edit", "path": "notes.md", "summary": "add notes", "diff_ref": "diff-1"}),
        ),
        Line::Json(json!({"kind": "chat", "role": "assistant", "text": "The notes are written."})),
        Line::Json(json!({"kind": "assistant_completed", "tokens_used": 3400})),
    ]
}
