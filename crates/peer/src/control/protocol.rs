//! The lines of the control socket. Fields and commands may be added under the same [`PROTOCOL`] number; a change of
//! what is there takes a new one.

use crate::peer::{Command, CommandError, PeerEvent, PeerSnapshot, Reply};
use orgx_proto::redact::Redacted;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of these lines.
pub const PROTOCOL: u32 = 1;

/// Longest word of a client's that is repeated to it, in characters.
const ECHO_CHARS: usize = 200;

/// What a peer says first: who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The program's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// The workspace whose tasks it takes.
    pub workspace_id: String,
    /// The OrgX it serves.
    pub orgx: String,
}

/// One line of a client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The client's number for it, which the answer carries.
    pub id: u64,
    /// What it wants.
    pub what: Ask,
}

/// What a client may want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The snapshot, now and at each change, and every event from now on.
    Subscribe,
    /// Something of the peer.
    Do(Command),
}

/// A line that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NotUnderstood {
    /// Its number, when it could be read: then the line gets an answer, else the connection ends.
    pub id: Option<u64>,
    /// Why, and what would do.
    pub why: String,
}

/// Reads one line of a client's.
///
/// # Errors
/// When it is no request; never panics, whatever the bytes.
pub fn request(line: &[u8]) -> Result<Asked, NotUnderstood> {
    let not = |id, why: &str| NotUnderstood { id, why: Redacted::cut(why, ECHO_CHARS).into_string() };
    let form = r#"a request is one line like {"id":1,"command":"subscribe"}"#;
    let value: Value = serde_json::from_slice(line).map_err(|_| not(None, &format!("not JSON: {form}")))?;
    let Some(id) = value.get("id").and_then(Value::as_u64) else {
        return Err(not(None, &format!("no id that is a whole number: {form}")));
    };
    if value.get("command").and_then(Value::as_str) == Some("subscribe") {
        return Ok(Asked { id, what: Ask::Subscribe });
    }
    match Command::deserialize(value) {
        Ok(command) => Ok(Asked { id, what: Ask::Do(command) }),
        Err(error) => Err(not(Some(id), &format!("not a command of this version: {error}"))),
    }
}

/// One line of a peer's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Said {
    /// Always the first line.
    Hello(Hello),
    /// To the request with this id.
    Answer {
        id: u64,
        #[serde(flatten)]
        outcome: Outcome,
        /// An error in a sentence, for clients that do not know its code.
        #[serde(skip_serializing_if = "Option::is_none")]
        words: Option<String>,
    },
    Snapshot {
        snapshot: Box<PeerSnapshot>,
    },
    Event {
        event: PeerEvent,
    },
    /// The client was too slow for so many events.
    Missed {
        events: u64,
    },
    /// The last line: why this connection ends.
    Error {
        words: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Ok(Reply),
    Error(CommandError),
}

impl Said {
    pub(crate) fn answer(id: u64, result: Result<Reply, CommandError>) -> Self {
        let words = result.as_ref().err().map(ToString::to_string);
        let outcome = result.map_or_else(Outcome::Error, Outcome::Ok);
        Self::Answer { id, outcome, words }
    }

    /// The line, with its newline.
    pub(crate) fn to_line(&self) -> Vec<u8> {
        // Strings, numbers and string keys can always be written.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// The line of a request, with its newline.
pub(crate) fn to_line(id: u64, command: Option<&Command>) -> Vec<u8> {
    let mut value = match command {
        Some(command) => serde_json::to_value(command).unwrap_or_default(),
        None => serde_json::json!({ "command": "subscribe" }),
    };
    value["id"] = id.into();
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}
