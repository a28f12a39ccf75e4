//! A loopback OrgX gateway: the WebSocket, the HTTP endpoints beside it, and their faults.
//!
//! It checks what a strict server could check and says what it did not like ([`Gateway::violations`]). Frames that are
//! sent while nobody is connected wait for the next connection; frames sent on a connection that then breaks are lost
//! with it, as they would be.

mod api;
mod attention;
mod faults;
mod handshake;
mod mute;
mod pairings;
mod received;
mod session;
mod state;
mod upgrade;

use std::{
    borrow::Borrow,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use attention::{Asked, Attentions, Told};
pub use faults::{ConnectionFault, Endpoint, Faults, HttpFault, RefusesV3, UpgradeFault};
pub use pairings::{Outcome, Pairing, Pairings};
pub use received::{Beat, CloseInfo, Opened, Received};
use serde_json::Value;
use state::{Outgoing, State};

use crate::{
    http::{Request, Server},
    wait::Timeout,
};

/// Where the WebSocket is.
const STREAM: &str = "/api/v1/gateway/stream";

/// A running gateway. Dropping it stops it.
#[derive(Debug)]
pub struct Gateway {
    port: u16,
    server: Mutex<Server>,
    state: Arc<State>,
}

impl Gateway {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        Self::start_on(0).await
    }

    /// Starts on that port, which a gateway that was stopped has just left.
    pub async fn start_on(port: u16) -> io::Result<Self> {
        let state = Arc::new(State::new());
        let server = listen(&state, port).await?;
        Ok(Self { port: server.port(), server: Mutex::new(server), state })
    }

    /// Closes the listener and drops every connection. What was recorded stays readable.
    pub fn stop(&self) {
        self.state.detach();
        self.server().stop();
    }

    /// Stops, and starts again on the same port with everything it recorded and was told.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop();
        let server = listen(&self.state, self.port).await?;
        *self.server() = server;
        Ok(())
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The only key that is accepted beside those given out by a pairing, or any (the default).
    pub fn accept_key(&self, key: Option<String>) {
        self.state.accept_key(key);
    }

    /// Accepts this key beside the only one, as if it had been given out by a pairing.
    pub fn give_key(&self, key: &str) {
        self.state.give_key(key);
    }

    /// Takes a given key back: from now on it is unknown (401).
    pub fn revoke_key(&self, key: &str) {
        self.state.revoke_key(key);
    }

    /// Knows this key, and lets it do nothing (403).
    pub fn forbid_key(&self, key: &str) {
        self.state.forbid_key(key);
    }

    /// The workspaces, an id and a name each; the first is the current one. None (the default): 404.
    pub fn set_workspaces(&self, workspaces: &[(&str, &str)]) {
        let owned = |(id, name): &(&str, &str)| ((*id).to_owned(), (*name).to_owned());
        self.state.set_workspaces(workspaces.iter().map(owned).collect());
    }

    /// The computers that want to be connected in the browser.
    pub fn pairings(&self) -> &Pairings {
        &self.state.pairings
    }

    /// The questions that were asked here, and what becomes of them.
    pub fn attention(&self) -> &Attentions {
        &self.state.attention
    }

    /// Pushes an answer to a question, `attention.resolve`, on the newest connection, or on the next one.
    pub fn push_answer(&self, asked: &Asked, key: &str, resolution: &Value) {
        self.dispatch(asked.resolve(key, resolution));
    }

    /// Speaks v1 only from now on: an offer of v3 is refused so; `None` (the default): speaks both.
    pub fn refuse_v3(&self, how: Option<RefusesV3>) {
        self.state.refuse_v3(how);
    }

    /// What `GET /api/v1/plan-skills` answers.
    pub fn set_skills(&self, skills: Value) {
        self.state.set_skills(skills);
    }

    /// The switchboard of what goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// Sends a frame on the newest connection, or on the next one when none is open.
    pub fn dispatch(&self, frame: impl Borrow<Value>) {
        self.send_text(frame.borrow().to_string());
    }

    /// Sends a text frame as it is, in the same way.
    pub fn send_text(&self, raw: impl Into<String>) {
        self.state.send(Outgoing::Text(raw.into()));
    }

    /// Sends a binary frame, in the same way.
    pub fn send_binary(&self, bytes: Vec<u8>) {
        self.state.send(Outgoing::Binary(bytes));
    }

    /// Sends one text message in several frames, in the same way.
    pub fn send_fragments(&self, parts: Vec<String>) {
        self.state.send(Outgoing::Fragments(parts));
    }

    /// Pings the client of the newest connection.
    pub fn ping(&self, payload: Vec<u8>) {
        self.state.ping(payload);
    }

    /// Starts the closing handshake on the newest connection.
    pub fn close(&self, code: u16, reason: &str) {
        self.state.close(code, reason);
    }

    /// Breaks the newest connection with an RST.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// Makes the newest connection neither read nor write, but stay open.
    pub fn stall(&self) {
        if let Some((_, hold)) = self.state.newest() {
            hold.stall();
        }
    }

    /// Ends the stall of the newest connection.
    pub fn resume(&self) {
        if let Some((_, hold)) = self.state.newest() {
            hold.resume();
        }
    }

    /// Every text frame so far.
    pub fn frames(&self) -> Vec<Received> {
        self.state.frames.all()
    }

    /// Waits until the frames so far are as wanted.
    pub async fn wait_for(
        &self,
        what: &str,
        pred: impl FnMut(&[Received]) -> bool,
    ) -> Result<Vec<Received>, Timeout> {
        self.state.frames.until(what, pred).await
    }

    /// Waits for the first `task.completed` or `task.failed` of a run.
    pub async fn terminal(&self, run_id: &str) -> Result<Value, Timeout> {
        let mut found = None;
        self.wait_for(&format!("the terminal of {run_id}"), |frames| {
            found = frames.iter().find(|frame| frame.is_terminal_of(run_id)).map(|frame| frame.value.clone());
            found.is_some()
        })
        .await?;
        Ok(found.unwrap_or_default())
    }

    /// Every frame of a run, in order.
    pub fn of_run(&self, run_id: &str) -> Vec<Value> {
        self.state.frames.pick(|frame| (frame.run_id() == run_id).then(|| frame.value.clone()))
    }

    /// The `task.step` frames of a run, in order.
    pub fn steps(&self, run_id: &str) -> Vec<Value> {
        self.of_kind(run_id, "task.step")
    }

    /// The `task.deviation` frames of a run, in order.
    pub fn deviations(&self, run_id: &str) -> Vec<Value> {
        self.of_kind(run_id, "task.deviation")
    }

    fn of_kind(&self, run_id: &str, kind: &str) -> Vec<Value> {
        self.state
            .frames
            .pick(|frame| (frame.run_id() == run_id && frame.kind() == kind).then(|| frame.value.clone()))
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.state.opened.len()
    }

    /// When each accepted connection was open.
    pub fn opened(&self) -> Vec<Opened> {
        self.state.opened.all()
    }

    /// Waits until that many connections have been accepted.
    pub async fn wait_connected(&self, n: usize) -> Result<(), Timeout> {
        self.state.opened.until(&format!("connection {n}"), |opened| opened.len() >= n).await.map(drop)
    }

    /// How many attempts to open the WebSocket there were, refused ones included.
    pub fn attempts(&self) -> usize {
        self.state.upgrades.len()
    }

    /// The requests of those attempts.
    pub fn upgrades(&self) -> Vec<Request> {
        self.state.upgrades.all()
    }

    /// Waits until there were that many attempts.
    pub async fn wait_attempts(&self, n: usize) -> Result<Vec<Request>, Timeout> {
        self.state.upgrades.until(&format!("attempt {n} to connect"), |upgrades| upgrades.len() >= n).await
    }

    /// Waits until the connection that is the newest now has ended, and says how.
    pub async fn wait_closed(&self) -> Result<CloseInfo, Timeout> {
        self.wait_closed_of(self.connections()).await
    }

    /// Waits until that connection (the first is 1) has ended, and says how.
    pub async fn wait_closed_of(&self, connection: usize) -> Result<CloseInfo, Timeout> {
        let what = format!("the end of connection {connection}");
        let mut found = None;
        let closed = self.state.closed.until(&what, |closed| {
            found = closed.iter().find(|info| info.connection == connection).cloned();
            found.is_some()
        });
        let arrived = closed.await?.len();
        // The wait ended well, so it was found.
        found.ok_or_else(|| Timeout { what, arrived: vec![format!("{arrived} others")] })
    }

    /// How every ended connection ended.
    pub fn closed(&self) -> Vec<CloseInfo> {
        self.state.closed.all()
    }

    /// The pings of clients.
    pub fn pings(&self) -> Vec<Beat> {
        self.state.pings.all()
    }

    /// Waits until the pings so far are as wanted.
    pub async fn wait_pings(
        &self,
        what: &str,
        pred: impl FnMut(&[Beat]) -> bool,
    ) -> Result<Vec<Beat>, Timeout> {
        self.state.pings.until(what, pred).await
    }

    /// The pongs of clients.
    pub fn pongs(&self) -> Vec<Beat> {
        self.state.pongs.all()
    }

    /// Waits until the pongs so far are as wanted.
    pub async fn wait_pongs(
        &self,
        what: &str,
        pred: impl FnMut(&[Beat]) -> bool,
    ) -> Result<Vec<Beat>, Timeout> {
        self.state.pongs.until(what, pred).await
    }

    /// Every HTTP request so far, attempts to open the WebSocket not included.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.all()
    }

    /// Waits until the HTTP requests so far are as wanted.
    pub async fn wait_request(
        &self,
        what: &str,
        pred: impl FnMut(&[Request]) -> bool,
    ) -> Result<Vec<Request>, Timeout> {
        self.state.requests.until(what, pred).await
    }

    /// The receipt of a run that was accepted, if one was.
    pub fn receipt(&self, run_id: &str) -> Option<Value> {
        self.state.receipt(run_id)
    }

    /// What a strict server did not like, a sentence each; empty after good behaviour.
    pub fn violations(&self) -> Vec<String> {
        self.state.violations.pick(|violation| Some(violation.0.clone()))
    }
}

async fn listen(state: &Arc<State>, port: u16) -> io::Result<Server> {
    let state = Arc::clone(state);
    Server::start(port, move |request, hold| {
        let state = Arc::clone(&state);
        async move {
            if request.uri().path() == STREAM {
                upgrade::answer(state, request, hold).await
            } else {
                api::answer(state, request).await
            }
        }
    })
    .await
}
