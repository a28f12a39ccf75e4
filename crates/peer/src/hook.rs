//! The sender of shells and other tools: posts one event to this computer's receiver.
//!
//! It reads `webhook.json` for each post, so that it finds the receiver wherever it listens now.

use crate::limits;
use crate::paths::Paths;
use crate::webhook::{SIGNATURE, WebhookFile, sign};
use orgx_proto::redact::Redacted;
use serde_json::{Map, Value, json};
use std::io::{self, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

/// What is told of a session. What is not known is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hook {
    /// `start` or `stop`.
    pub hook_type: String,
    /// The session.
    pub session_id: String,
    /// The agent's program.
    pub harness: Option<String>,
    /// Its folder.
    pub cwd: Option<String>,
    /// The exit status of its process.
    pub exit_status: Option<i64>,
    /// How long it took, in seconds.
    pub duration_seconds: Option<f64>,
    /// Its model.
    pub model: Option<String>,
    /// What it came to.
    pub summary: Option<String>,
    /// The agent's process.
    pub pid: Option<u32>,
}

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// There is no receiver.
    #[error(
        "no receiver of session events runs on this computer; switch it on with [lifecycle] in config.toml"
    )]
    Nobody,
    /// It cannot be reached.
    #[error("the receiver of session events cannot be reached: {0}")]
    Unreachable(io::Error),
    /// It took too long.
    #[error("the receiver of session events did not answer in time")]
    Late,
    /// It said no.
    #[error("the receiver of session events answered {status}: {error}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its word.
        error: String,
    },
}

/// Posts it; never takes longer than [`limits::HOOK_WITHIN`].
///
/// # Errors
/// When nobody took it.
pub async fn send(paths: Paths, hook: &Hook) -> Result<(), HookError> {
    let body = body(hook).to_string();
    let sent = async {
        // A disk may hang.
        let file = tokio::task::spawn_blocking(move || WebhookFile::read(&paths)).await.ok().flatten();
        let file = file.ok_or(HookError::Nobody)?;
        let url: Url = file.url.as_deref().and_then(|url| url.parse().ok()).ok_or(HookError::Nobody)?;
        let port = url.port().ok_or(HookError::Nobody)?;
        let signature = sign(file.secret.as_bytes(), body.as_bytes());
        post(port, url.path(), &signature, &body).await.map_err(HookError::Unreachable)
    };
    match timeout(limits::HOOK_WITHIN, sent).await {
        Ok(answer) => understood(&answer?),
        Err(_) => Err(HookError::Late),
    }
}

fn body(hook: &Hook) -> Value {
    let fields = [
        ("hook_type", json!(hook.hook_type)),
        ("session_id", json!(hook.session_id)),
        ("harness", json!(hook.harness)),
        ("cwd", json!(hook.cwd)),
        ("exit_status", json!(hook.exit_status)),
        ("duration_seconds", json!(hook.duration_seconds)),
        ("model", json!(hook.model)),
        ("summary", json!(hook.summary)),
        ("pid", json!(hook.pid)),
    ];
    let known = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(known.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// One request, one answer, then the connection is over: a whole HTTP client would take longer to make.
async fn post(port: u16, path: &str, signature: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{SIGNATURE}: {signature}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = stream.take(ANSWER_BYTES).read_to_end(&mut answer).await;
    match read {
        // It may be gone as soon as it has answered.
        Err(error) if answer.is_empty() || error.kind() != ErrorKind::ConnectionReset => Err(error),
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}

/// What is read of an answer, in bytes: ours are shorter.
const ANSWER_BYTES: u64 = 16 * 1024;

fn understood(answer: &str) -> Result<(), HookError> {
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0);
    if status == 200 {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let error = body.get("error").and_then(Value::as_str).unwrap_or("nothing that it would say");
    Err(HookError::Refused { status, error: Redacted::new(error).into_string() })
}
