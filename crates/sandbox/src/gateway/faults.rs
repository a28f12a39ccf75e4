//! What the gateway does wrong, on request.
//!
//! A queued fault is used once, by the next attempt, connection or request it is for; when the queue is empty the
//! lasting one applies, if one is set.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What happens to an attempt to open the WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpgradeFault {
    /// None: keeps a place in the queue for an attempt that goes well.
    Pass,
    /// Refused with this status, these headers and this body.
    Refuse {
        /// The status.
        status: u16,
        /// Headers, such as `Retry-After`.
        headers: Vec<(String, String)>,
        /// The body, as text.
        body: String,
    },
    /// Accepted without selecting a subprotocol.
    NoSubprotocol,
    /// Accepted with a subprotocol nobody offered.
    WrongSubprotocol,
    /// Never answered; the TCP connection stays open.
    Hang,
    /// Answered with a web page.
    Html,
    /// Accepted with a `Sec-WebSocket-Accept` that does not fit the key.
    WrongAccept,
}

impl UpgradeFault {
    /// A refusal with nothing but a status.
    pub fn refuse(status: u16) -> Self {
        Self::Refuse { status, headers: Vec::new(), body: format!("refused with {status}") }
    }

    /// A refusal that says when to come again.
    pub fn retry_after(status: u16, seconds: u64) -> Self {
        let headers = vec![("retry-after".to_owned(), seconds.to_string())];
        Self::Refuse { status, headers, body: format!("refused with {status}") }
    }
}

/// What happens to a connection after it was accepted. `frames` counts text frames of the client on it; 0 is at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionFault {
    /// Nothing: keeps a place in the queue for a connection that goes well.
    Pass,
    /// Closed by the server, in order, after that many frames.
    CloseAfter {
        /// How many.
        frames: usize,
        /// The close code.
        code: u16,
        /// The close reason.
        reason: String,
    },
    /// Reset after that many frames.
    ResetAfter {
        /// How many.
        frames: usize,
    },
    /// Silent, but open, after that many frames.
    StallAfter {
        /// How many.
        frames: usize,
    },
    /// Pings are read and never answered.
    NoPongs,
    /// The server takes that long over each text frame before it records it and reads on.
    DelayEach {
        /// How long.
        millis: u64,
    },
    /// Closed by the server as its first act.
    CloseOnOpen {
        /// The close code.
        code: u16,
        /// The close reason.
        reason: String,
    },
}

/// How a gateway that speaks v1 only refuses an offer of `orgx.v3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusesV3 {
    /// Accepts the socket and closes it with 4000.
    Close4000,
    /// Accepts the upgrade without selecting a subprotocol.
    SelectsNothing,
    /// Accepts the upgrade and selects `orgx.v1`, which was not offered.
    SelectsV1,
    /// Answers the upgrade with 400.
    Status400,
}

/// The HTTP endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /api/v1/licenses/heartbeat`
    License,
    /// `POST /api/v1/gateway/heartbeat`
    Presence,
    /// `GET /api/v1/plan-skills`
    PlanSkills,
    /// `POST /api/v1/runs/{run_id}/receipt`
    Receipt,
    /// `POST /api/client/sync`
    Sync,
    /// `GET /api/v1/workspaces/current`
    CurrentWorkspace,
    /// `GET /api/entities?type=workspace`
    Workspaces,
    /// `POST /api/plugin/openclaw/pairings`
    PairingStart,
    /// `GET /api/plugin/openclaw/pairings/{id}`
    PairingPoll,
    /// `POST /api/plugin/openclaw/pairings/{id}/ack`
    PairingAck,
    /// `POST /api/plugin/openclaw/pairings/{id}/cancel`
    PairingCancel,
    /// `POST /api/client/live/attention`
    AttentionAsk,
    /// `GET /api/client/live/attention/{id}`
    AttentionPoll,
    /// `POST /api/client/live/attention/{id}`
    AttentionTold,
    /// `/connect/openclaw`, the page with the Connect button
    ConnectPage,
}

/// What happens to an HTTP request, whatever key it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpFault {
    /// None: keeps a place in the queue for a request that goes well.
    Pass,
    /// That status, those headers, that body.
    Status {
        /// The status.
        code: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// The body, as text.
        body: String,
    },
    /// 200 and a web page.
    Html,
    /// Never answered.
    Hang,
    /// 307 to that URL.
    Redirect(String),
    /// 200 and 8 MiB of valid JSON.
    Huge,
    /// 200, `application/json`, and no JSON.
    Garbage,
    /// 200 and a declared length that never comes: the connection breaks.
    ResetBody,
}

impl HttpFault {
    /// An error with nothing but a status.
    pub fn status(code: u16) -> Self {
        Self::Status { code, headers: Vec::new(), body: format!("{{\"error\":\"status {code}\"}}") }
    }
}

/// The faults of one gateway.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    upgrade: Queue<UpgradeFault>,
    connection: Queue<ConnectionFault>,
    http: HashMap<Endpoint, Queue<HttpFault>>,
}

impl Faults {
    /// Queues a fault for one attempt to connect.
    pub fn upgrade(&self, fault: UpgradeFault) {
        self.plan().upgrade.once.push_back(fault);
    }

    /// Sets, or ends, the fault of every attempt.
    pub fn upgrade_always(&self, fault: Option<UpgradeFault>) {
        self.plan().upgrade.always = fault;
    }

    /// Queues a fault for one accepted connection.
    pub fn connection(&self, fault: ConnectionFault) {
        self.plan().connection.once.push_back(fault);
    }

    /// Sets, or ends, the fault of every accepted connection.
    pub fn connection_always(&self, fault: Option<ConnectionFault>) {
        self.plan().connection.always = fault;
    }

    /// Queues a fault for one request to an endpoint.
    pub fn http(&self, endpoint: Endpoint, fault: HttpFault) {
        self.plan().http.entry(endpoint).or_default().once.push_back(fault);
    }

    /// Sets, or ends, the fault of every request to an endpoint.
    pub fn http_always(&self, endpoint: Endpoint, fault: Option<HttpFault>) {
        self.plan().http.entry(endpoint).or_default().always = fault;
    }

    /// Forgets every fault.
    pub fn clear(&self) {
        *self.plan() = Plan::default();
    }

    pub(super) fn next_upgrade(&self) -> UpgradeFault {
        self.plan().upgrade.next().unwrap_or(UpgradeFault::Pass)
    }

    pub(super) fn next_connection(&self) -> ConnectionFault {
        self.plan().connection.next().unwrap_or(ConnectionFault::Pass)
    }

    pub(super) fn next_http(&self, endpoint: Endpoint) -> HttpFault {
        self.plan().http.get_mut(&endpoint).and_then(Queue::next).unwrap_or(HttpFault::Pass)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Queue<F> {
    once: VecDeque<F>,
    always: Option<F>,
}

impl<F> Default for Queue<F> {
    fn default() -> Self {
        Self { once: VecDeque::new(), always: None }
    }
}

impl<F: Clone> Queue<F> {
    fn next(&mut self) -> Option<F> {
        self.once.pop_front().or_else(|| self.always.clone())
    }
}
