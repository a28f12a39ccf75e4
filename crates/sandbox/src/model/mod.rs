//! A scripted model behind the chat completions API, for the real OpenCode to talk to, and behind the Messages API, for
//! the real Claude Code.
//!
//! A script is a list of turns. Which one answers follows from the request alone: as many assistant messages as stand
//! after the last user message, that far is the conversation (the last turn repeats). So any number of sessions can
//! share one model. A request without tools asks for a title and gets one.
//!
//! A turn is a JSON object; every field may be absent:
//!
//! | field | what |
//! |---|---|
//! | `text`, `reasoning` | a string (streamed word by word) or a list of strings (one chunk each) |
//! | `tool_calls` | `[{"name", "arguments", "id"?}]`; arguments are an object, or a string sent as it is |
//! | `usage` | `prompt_tokens` 100, `completion_tokens` 10, `cached_tokens` 0, `reasoning_tokens` 0 |
//! | `finish_reason` | else `tool_calls` or `stop`; `omit_finish_reason: true` sends none |
//! | `delay_ms`, `chunk_delay_ms` | before the answer; after each chunk |
//! | `gate` | waits until [`Model::open`] was called with that name |
//! | `status`, `headers`, `error` | an error answer instead; `repeat_errors: n` only the first n times in a session |
//! | `hang` | never answers |
//! | `drop_after_chunks` | breaks the connection after that many chunks |
//!
//! `{{cwd}}` in any string is the working directory that the system prompt names.

mod api;
mod ask;
mod completion;
mod messages;
mod scripts;
mod state;
mod turn;

use std::{io, sync::Arc};

use serde_json::Value;
pub use state::Asked;
use state::State;

use crate::{http::Server, wait::Timeout};

/// A running model. Dropping it stops it.
#[derive(Debug)]
pub struct Model {
    server: Server,
    state: Arc<State>,
}

impl Model {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        Self::start_on(0).await
    }

    /// Starts on that port.
    pub async fn start_on(port: u16) -> io::Result<Self> {
        let state = Arc::new(State::new());
        let server = {
            let state = Arc::clone(&state);
            Server::start(port, move |request, hold| api::answer(Arc::clone(&state), request, hold)).await?
        };
        Ok(Self { server, state })
    }

    /// Closes the listener and drops every connection. What was recorded stays readable.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port())
    }

    /// `http://127.0.0.1:PORT`: what Claude Code is told.
    pub fn anthropic_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The turns of prompts that contain `keyword` (an empty one: every prompt); of several that fit, the one set last.
    pub fn script(&self, keyword: &str, turns: Value) {
        self.state.script(keyword, turns);
    }

    /// Opens a gate for every turn that waits at it, now and later.
    pub fn open(&self, gate: &str) {
        self.state.gates.open(gate);
    }

    /// Every completion asked for so far.
    pub fn requests(&self) -> Vec<Asked> {
        self.state.asked.all()
    }

    /// Waits until the completions asked for so far are as wanted.
    pub async fn wait_request(
        &self,
        what: &str,
        pred: impl FnMut(&[Asked]) -> bool,
    ) -> Result<Vec<Asked>, Timeout> {
        self.state.asked.until(what, pred).await
    }

    /// How many clients left before they had their answer.
    pub fn aborted(&self) -> usize {
        self.state.aborted.len()
    }

    /// Waits until that many clients have left before they had their answer.
    pub async fn wait_aborted(&self, n: usize) -> Result<(), Timeout> {
        self.state.aborted.until(&format!("abort {n}"), |aborted| aborted.len() >= n).await.map(drop)
    }
}
