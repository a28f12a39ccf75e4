//! The seed's daemon: the OpenCode-like HTTP daemon that the driver contract was written against.
//!
//! No released OpenCode speaks it; the contract does, and this is the contract's other end. A session does nothing by
//! itself: its script is played into its event stream, from the start, each time the stream is opened. The daemon
//! never learns a run id before a cancel, so a cancel reaches every session that waits for one.

mod answers;
mod api;
mod play;
mod script;
mod state;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use answers::{EventsAnswer, SessionsAnswer, StatusAnswer};
pub use script::Line;
use serde_json::json;
use state::State;

use crate::{
    http::{Request, Server},
    wait::Timeout,
};

/// The version it reports.
const VERSION: &str = "0.9.0-sandbox";

/// A running daemon. Dropping it stops it.
#[derive(Debug)]
pub struct Daemon {
    server: Server,
    state: Arc<State>,
}

impl Daemon {
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

    /// The port.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// Writes the state file by which the daemon is found, `<home>/.opencode/state.json`, and returns its path.
    pub fn write_state_file(&self, home: &Path) -> io::Result<PathBuf> {
        let folder = home.join(".opencode");
        fs::create_dir_all(&folder)?;
        let path = folder.join("state.json");
        let state =
            json!({"port": self.port(), "version": VERSION, "session_count": self.state.session_count()});
        fs::write(&path, state.to_string())?;
        Ok(path)
    }

    /// What sessions do whose prompt contains `keyword`; of several that fit, the one set last.
    pub fn script(&self, keyword: &str, lines: Vec<Line>) {
        self.state.script(keyword, lines);
    }

    /// Opens a gate for every script that waits at it, now and later.
    pub fn open(&self, gate: &str) {
        self.state.gates.open(gate);
    }

    /// How `GET /status` answers from now on.
    pub fn set_status(&self, answer: StatusAnswer) {
        self.state.set_status(answer);
    }

    /// How `POST /sessions` answers from now on.
    pub fn set_sessions(&self, answer: SessionsAnswer) {
        self.state.set_sessions(answer);
    }

    /// How `GET /sessions/{id}/events` answers from now on.
    pub fn set_events(&self, answer: EventsAnswer) {
        self.state.set_events(answer);
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.all()
    }

    /// Waits until the requests so far are as wanted.
    pub async fn wait_request(
        &self,
        what: &str,
        pred: impl FnMut(&[Request]) -> bool,
    ) -> Result<Vec<Request>, Timeout> {
        self.state.requests.until(what, pred).await
    }

    /// The idempotency key and the prompt of every session that was created, in order.
    pub fn prompts(&self) -> Vec<(String, String)> {
        self.state.prompts()
    }

    /// The run ids of the cancels so far.
    pub fn cancels(&self) -> Vec<String> {
        self.state.requests.pick(|request| {
            (request.path == "/sessions/cancel")
                .then(|| request.body["correlation_run_id"].as_str().unwrap_or_default().to_owned())
        })
    }
}
