//! What the gateway knows: records, faults, and the link to the newest connection.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    attention::Attentions,
    faults::{Faults, RefusesV3},
    pairings::Pairings,
    received::{Beat, CloseInfo, Opened, Received, Violation},
};
use crate::{
    http::{Hold, Request},
    record::Record,
};

/// What the server writes to a socket.
#[derive(Debug)]
pub(super) enum Outgoing {
    Text(String),
    Binary(Vec<u8>),
    /// One text message in several frames.
    Fragments(Vec<String>),
    Ping(Vec<u8>),
    Close(u16, String),
}

/// A connection as seen from outside its task.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: usize,
    pub(super) hold: Hold,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    /// False once either side began to end it: what is sent from then on waits for the next one.
    open: bool,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) faults: Faults,
    pub(super) pairings: Pairings,
    pub(super) attention: Attentions,
    pub(super) upgrades: Record<Request>,
    pub(super) requests: Record<Request>,
    pub(super) frames: Record<Received>,
    pub(super) pings: Record<Beat>,
    pub(super) pongs: Record<Beat>,
    pub(super) opened: Record<Opened>,
    pub(super) closed: Record<CloseInfo>,
    pub(super) violations: Record<Violation>,
    inner: Mutex<Inner>,
}

/// What becomes of a request with some key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    /// 401
    Unknown,
    /// 403
    Forbidden,
}

#[derive(Debug)]
struct Inner {
    key: Option<String>,
    /// Keys that are accepted beside it.
    given: HashSet<String>,
    forbidden: HashSet<String>,
    /// Id and name of each.
    workspaces: Vec<(String, String)>,
    skills: Value,
    receipts: HashMap<String, Value>,
    newest: Option<Link>,
    waiting: VecDeque<Outgoing>,
    refuses_v3: Option<RefusesV3>,
}

impl State {
    pub(super) fn new() -> Self {
        let inner = Inner {
            key: None,
            given: HashSet::new(),
            forbidden: HashSet::new(),
            workspaces: Vec::new(),
            skills: json!({"skills": []}),
            receipts: HashMap::new(),
            newest: None,
            waiting: VecDeque::new(),
            refuses_v3: None,
        };
        Self {
            faults: Faults::default(),
            pairings: Pairings::default(),
            attention: Attentions::default(),
            upgrades: Record::default(),
            requests: Record::default(),
            frames: Record::default(),
            pings: Record::default(),
            pongs: Record::default(),
            opened: Record::default(),
            closed: Record::default(),
            violations: Record::default(),
            inner: Mutex::new(inner),
        }
    }

    pub(super) fn accept_key(&self, key: Option<String>) {
        self.inner().key = key;
    }

    /// Accepts this key, too.
    pub(super) fn give_key(&self, key: &str) {
        self.inner().given.insert(key.to_owned());
    }

    /// Accepts it no more.
    pub(super) fn revoke_key(&self, key: &str) {
        self.inner().given.remove(key);
    }

    pub(super) fn forbid_key(&self, key: &str) {
        self.inner().forbidden.insert(key.to_owned());
    }

    pub(super) fn verdict(&self, key: &str) -> Verdict {
        let inner = self.inner();
        if inner.forbidden.contains(key) {
            return Verdict::Forbidden;
        }
        let is_the_one = inner.key.as_ref().is_none_or(|accepted| accepted == key);
        if !key.is_empty() && (is_the_one || inner.given.contains(key)) {
            Verdict::Accepted
        } else {
            Verdict::Unknown
        }
    }

    pub(super) fn refuse_v3(&self, how: Option<RefusesV3>) {
        self.inner().refuses_v3 = how;
    }

    /// How an offer of that protocol is refused, if it is.
    pub(super) fn refuses(&self, protocol: &str) -> Option<RefusesV3> {
        self.inner().refuses_v3.filter(|_| protocol != "orgx.v1")
    }

    pub(super) fn set_workspaces(&self, workspaces: Vec<(String, String)>) {
        self.inner().workspaces = workspaces;
    }

    pub(super) fn workspaces(&self) -> Vec<(String, String)> {
        self.inner().workspaces.clone()
    }

    pub(super) fn set_skills(&self, skills: Value) {
        self.inner().skills = skills;
    }

    pub(super) fn skills(&self) -> Value {
        self.inner().skills.clone()
    }

    /// Keeps the first receipt of a run; says whether it was the first.
    pub(super) fn keep_receipt(&self, run_id: &str, body: &Value) -> bool {
        let mut inner = self.inner();
        let first = !inner.receipts.contains_key(run_id);
        if first {
            inner.receipts.insert(run_id.to_owned(), body.clone());
        }
        first
    }

    pub(super) fn receipt(&self, run_id: &str) -> Option<Value> {
        self.inner().receipts.get(run_id).cloned()
    }

    pub(super) fn violation(&self, what: String) {
        self.violations.push(|_| Violation(what));
    }

    /// Registers a connection as the newest, hands it what was waiting, and says which it is.
    pub(super) fn open(&self, hold: &Hold) -> (usize, mpsc::UnboundedReceiver<Outgoing>) {
        let (outgoing, reader) = mpsc::unbounded_channel();
        let mut inner = self.inner();
        let connection = self.opened.len() + 1;
        for waiting in inner.waiting.drain(..) {
            // The reader is in our hands.
            let _ = outgoing.send(waiting);
        }
        inner.newest = Some(Link { connection, hold: hold.clone(), outgoing, open: true });
        self.opened.push(|seq| Opened { connection, seq, at: Instant::now() });
        (connection, reader)
    }

    /// No more goes out on this connection.
    pub(super) fn closing(&self, connection: usize) {
        if let Some(link) = self.inner().newest.as_mut().filter(|link| link.connection == connection) {
            link.open = false;
        }
    }

    /// Sends on the newest connection, or keeps it for the next.
    pub(super) fn send(&self, message: Outgoing) {
        let mut inner = self.inner();
        let message = match inner.newest.as_ref().filter(|link| link.open) {
            Some(link) => match link.outgoing.send(message) {
                Ok(()) => return,
                Err(unsent) => unsent.0,
            },
            None => message,
        };
        inner.waiting.push_back(message);
    }

    /// Starts the closing handshake on the newest connection.
    pub(super) fn close(&self, code: u16, reason: &str) {
        if let Some(link) = self.inner().newest.as_mut().filter(|link| link.open) {
            link.open = false;
            let _ = link.outgoing.send(Outgoing::Close(code, reason.to_owned()));
        }
    }

    /// Pings on the newest connection, if there is one.
    pub(super) fn ping(&self, payload: Vec<u8>) {
        if let Some(link) = self.inner().newest.as_ref().filter(|link| link.open) {
            let _ = link.outgoing.send(Outgoing::Ping(payload));
        }
    }

    /// Resets the newest connection.
    pub(super) fn reset(&self) {
        if let Some(link) = self.inner().newest.as_mut() {
            link.open = false;
            link.hold.reset();
        }
    }

    /// The number of, and the hold on, the newest connection.
    pub(super) fn newest(&self) -> Option<(usize, Hold)> {
        self.inner().newest.as_ref().map(|link| (link.connection, link.hold.clone()))
    }

    /// Everything sent from now on waits for the next connection.
    pub(super) fn detach(&self) {
        if let Some(link) = self.inner().newest.as_mut() {
            link.open = false;
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
