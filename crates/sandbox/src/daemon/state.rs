//! What the daemon knows: its sessions, its scripts, and what was asked of it.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{
    answers::{EventsAnswer, SessionsAnswer, StatusAnswer},
    script::{Line, default_script},
};
use crate::{gates::Gates, http::Request, record::Record};

/// A session that was created.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: String,
    /// The number of the request that created it.
    pub(super) seq: u64,
    pub(super) cwd: Option<PathBuf>,
    pub(super) script: Vec<Line>,
    key: String,
    prompt: String,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) requests: Record<Request>,
    pub(super) gates: Gates,
    /// The number of the newest cancel request, 0 before the first.
    cancelled: watch::Sender<u64>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    sessions: Vec<Session>,
    scripts: Vec<(String, Vec<Line>)>,
    status: StatusAnswer,
    create: SessionsAnswer,
    events: EventsAnswer,
}

impl State {
    pub(super) fn new() -> Self {
        let inner = Inner {
            sessions: Vec::new(),
            scripts: Vec::new(),
            status: StatusAnswer::Ok { authed: Some(true) },
            create: SessionsAnswer::Ok,
            events: EventsAnswer::Ok,
        };
        Self {
            requests: Record::default(),
            gates: Gates::default(),
            cancelled: watch::Sender::new(0),
            inner: Mutex::new(inner),
        }
    }

    pub(super) fn script(&self, keyword: &str, lines: Vec<Line>) {
        self.inner().scripts.push((keyword.to_owned(), lines));
    }

    /// Creates a session; its script is the newest whose keyword is in the prompt.
    pub(super) fn create(&self, request: &Request, key: &str, prompt: &str) -> String {
        let mut inner = self.inner();
        let script = inner.scripts.iter().rev().find(|(keyword, _)| prompt.contains(keyword.as_str()));
        let script = script.map_or_else(default_script, |(_, lines)| lines.clone());
        let id = format!("sess-{}", inner.sessions.len() + 1);
        inner.sessions.push(Session {
            id: id.clone(),
            seq: request.seq,
            cwd: request.body["cwd"].as_str().map(PathBuf::from),
            script,
            key: key.to_owned(),
            prompt: prompt.to_owned(),
        });
        id
    }

    pub(super) fn session(&self, id: &str) -> Option<Session> {
        self.inner().sessions.iter().find(|session| session.id == id).cloned()
    }

    pub(super) fn session_count(&self) -> usize {
        self.inner().sessions.len()
    }

    pub(super) fn prompts(&self) -> Vec<(String, String)> {
        self.inner().sessions.iter().map(|session| (session.key.clone(), session.prompt.clone())).collect()
    }

    pub(super) fn cancel(&self, seq: u64) {
        self.cancelled.send_modify(|newest| *newest = seq.max(*newest));
    }

    /// Returns once a cancel came after that number.
    pub(super) async fn cancelled_after(&self, seq: u64) {
        // Only a dropped sender could end this early, and it is ours.
        let _ = self.cancelled.subscribe().wait_for(|newest| *newest > seq).await;
    }

    pub(super) fn set_status(&self, answer: StatusAnswer) {
        self.inner().status = answer;
    }

    pub(super) fn set_sessions(&self, answer: SessionsAnswer) {
        self.inner().create = answer;
    }

    pub(super) fn set_events(&self, answer: EventsAnswer) {
        self.inner().events = answer;
    }

    pub(super) fn answers(&self) -> (StatusAnswer, SessionsAnswer, EventsAnswer) {
        let inner = self.inner();
        (inner.status.clone(), inner.create.clone(), inner.events.clone())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
