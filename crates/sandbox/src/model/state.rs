//! What the model knows: its scripts, how often each turn failed, and what it was asked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde_json::Value;

use super::{
    ask::{Ask, Purpose},
    scripts::{self, Scripts},
    turn::Turn,
};
use crate::{
    gates::Gates,
    http::Request,
    record::{Line, Record},
    wait::brief,
};

/// One completion that was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its place among everything the sandbox recorded in this process.
    pub seq: u64,
    /// When it had been read.
    pub at: Instant,
    /// The keyword of the script that answers: `default` without one, `title` for a request without tools.
    pub keyword: String,
    /// Which turn of the script answers.
    pub turn: usize,
    /// OpenCode's session, from the header `x-session-id`.
    pub session: Option<String>,
    /// The last user message.
    pub prompt: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Value,
}

impl Line for Asked {
    fn line(&self) -> String {
        brief(&format!("#{} {}[{}] {:?}", self.seq, self.keyword, self.turn, self.prompt))
    }
}

/// A completion whose client left before it had it all; the number of the ask.
#[derive(Debug, Clone)]
pub(super) struct Aborted(u64);

impl Line for Aborted {
    fn line(&self) -> String {
        format!("#{} aborted", self.0)
    }
}

#[derive(Debug)]
pub(super) struct State {
    /// Every request, of whatever path: what `asked` is made from.
    pub(super) requests: Record<Request>,
    pub(super) asked: Record<Asked>,
    pub(super) aborted: Record<Aborted>,
    pub(super) gates: Gates,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    scripts: Scripts,
    /// How often each turn was asked for, by session, keyword and index.
    failures: HashMap<(Option<String>, String, usize), u64>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            requests: Record::default(),
            asked: Record::default(),
            aborted: Record::default(),
            gates: Gates::default(),
            inner: Mutex::new(Inner { scripts: Scripts::new(), failures: HashMap::new() }),
        }
    }

    pub(super) fn script(&self, keyword: &str, turns: Value) {
        self.inner().scripts.set(keyword, turns);
    }

    /// Chooses the turn that answers, and records the ask. A failure that has had its times is taken out of the turn.
    pub(super) fn choose(&self, request: &Request, ask: &Ask) -> (Turn, u64) {
        let (keyword, turns) = match ask.purpose {
            Purpose::Title => (scripts::TITLE.to_owned(), vec![scripts::title()]),
            Purpose::Conversation => self.inner().scripts.choose(&ask.prompt),
        };
        let index = ask.answered.min(turns.len() - 1);
        let mut turn = Turn::read(&turns[index], &ask.cwd);
        if let Some(times) = turn.failure.as_ref().and_then(|failure| failure.times) {
            let mut inner = self.inner();
            let failed = inner.failures.entry((ask.session.clone(), keyword.clone(), index)).or_default();
            *failed += 1;
            if *failed > times {
                turn.failure = None;
            }
        }
        let mut number = 0;
        self.asked.push(|seq| {
            number = seq;
            Asked {
                seq,
                at: request.at,
                keyword,
                turn: index,
                session: ask.session.clone(),
                prompt: ask.prompt.clone(),
                headers: request.headers.clone(),
                body: request.body.clone(),
            }
        });
        (turn, number)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records an abort when it is dropped before the answer was complete.
#[derive(Debug)]
pub(super) struct Vigil {
    state: Arc<State>,
    ask: Option<u64>,
}

impl Vigil {
    pub(super) fn over(state: &Arc<State>, ask: u64) -> Self {
        Self { state: Arc::clone(state), ask: Some(ask) }
    }

    /// The answer is complete.
    pub(super) fn done(mut self) {
        self.ask = None;
    }
}

impl Drop for Vigil {
    fn drop(&mut self) {
        if let Some(ask) = self.ask {
            self.state.aborted.push(|_| Aborted(ask));
        }
    }
}
