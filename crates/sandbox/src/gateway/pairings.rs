//! Connecting in the browser: the endpoints that a program asks, and the page on which the person presses Connect.
//!
//! What becomes of a pairing is scripted ([`Pairings::outcome`]), or decided by whoever opens its page.

mod page;
mod serve;

pub(super) use serve::{route, serve};

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

const PATH: &str = "/api/plugin/openclaw/pairings";
const PAGE: &str = "/connect/openclaw";

/// What becomes of the pairings that begin from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The person decides on the page.
    #[default]
    Person,
    /// Connected at the second question.
    Approve,
    /// Somebody pressed Cancel.
    Cancel,
    /// The code lapsed.
    Expire,
    /// It failed, in these words.
    Fail(String),
    /// The key was given out before.
    Consume,
}

/// A pairing as it stands.
#[derive(Debug, Clone)]
pub struct Pairing {
    /// Its id.
    pub id: String,
    /// `pending`, `authorized`, `ready`, `cancelled`, `expired`, `failed`, `consumed`.
    pub status: &'static str,
    /// What the program said of itself.
    pub client: Value,
    /// How often the program has asked.
    pub asked: usize,
    /// Whether the program said that it has kept the key.
    pub acked: bool,
    /// Why the program gave up, when it said so.
    pub given_up: Option<String>,
    /// The key that it is given.
    pub key: String,
    token: String,
    claim: String,
    ends: Instant,
    failed: String,
    approves_itself: bool,
}

/// All pairings of a gateway.
#[derive(Debug)]
pub struct Pairings {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    outcome: Outcome,
    lasts: Duration,
    poll_ms: u64,
    workspace: Option<String>,
    pairings: Vec<Pairing>,
}

impl Default for Pairings {
    fn default() -> Self {
        let inner = Inner {
            outcome: Outcome::Person,
            lasts: Duration::from_secs(600),
            poll_ms: 350,
            workspace: Some("Sandbox".to_owned()),
            pairings: Vec::new(),
        };
        Self { inner: Mutex::new(inner) }
    }
}

impl Pairings {
    /// What becomes of those that begin from now on.
    pub fn outcome(&self, outcome: Outcome) {
        self.inner().outcome = outcome;
    }

    /// How long the codes of those last that begin from now on.
    pub fn lasts(&self, lasts: Duration) {
        self.inner().lasts = lasts;
    }

    /// How often a program is told to ask, in milliseconds.
    pub fn poll_ms(&self, millis: u64) {
        self.inner().poll_ms = millis;
    }

    /// The workspace that is named with a key.
    pub fn workspace_name(&self, name: Option<&str>) {
        self.inner().workspace = name.map(ToOwned::to_owned);
    }

    /// Every pairing so far, oldest first.
    pub fn all(&self) -> Vec<Pairing> {
        self.inner().pairings.clone()
    }

    /// Presses Connect on the page of the newest.
    pub fn approve(&self) {
        self.decide("ready");
    }

    /// Presses Cancel on the page of the newest.
    pub fn cancel(&self) {
        self.decide("cancelled");
    }

    fn decide(&self, status: &'static str) {
        if let Some(pairing) = self.inner().pairings.last_mut().filter(|pairing| pairing.is_open()) {
            pairing.status = status;
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, client: &Value, base: &str) -> Value {
        let mut inner = self.inner();
        let id = format!("pair_{}", code(inner.pairings.len()));
        let (token, claim) = (random(), random());
        let mut failed = String::new();
        let (status, approves_itself) = match &inner.outcome {
            Outcome::Person => ("pending", false),
            Outcome::Approve => ("pending", true),
            Outcome::Cancel => ("cancelled", false),
            Outcome::Expire => ("expired", false),
            Outcome::Fail(words) => {
                failed.clone_from(words);
                ("failed", false)
            }
            Outcome::Consume => ("consumed", false),
        };
        let lasts = inner.lasts;
        let page = format!("{base}{PAGE}?pairingId={id}&claimToken={claim}");
        let expires = SystemTime::now() + lasts;
        let expires = expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let answer = json!({
            "pairingId": id, "pollToken": token, "connectUrl": page, "pollIntervalMs": inner.poll_ms,
            // The real one says it in words; a program takes both.
            "expiresAt": u64::try_from(expires).unwrap_or_default(),
        });
        inner.pairings.push(Pairing {
            id,
            status,
            client: client.clone(),
            asked: 0,
            acked: false,
            given_up: None,
            key: format!("oxk_sandbox_{}", random()),
            token,
            claim,
            ends: Instant::now() + lasts,
            failed,
            approves_itself,
        });
        answer
    }
}

impl Pairing {
    fn is_open(&self) -> bool {
        matches!(self.status, "pending" | "authorized")
    }

    /// Where it stands by now.
    fn look(&mut self) -> &'static str {
        self.asked += 1;
        if self.is_open() && Instant::now() >= self.ends {
            self.status = "expired";
        }
        if self.is_open() && self.approves_itself && self.asked > 1 {
            self.status = "ready";
        }
        self.status
    }

    /// The code that the page shows: the last six signs of the id.
    fn code(&self) -> String {
        let last = &self.id[self.id.len().saturating_sub(6)..];
        let (first, second) = last.split_at(3);
        format!("{first}-{second}")
    }
}

/// Six signs that are easily told apart.
fn code(seed: usize) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
    let mut bits = number(seed);
    let sign = |bits: u64| char::from(SIGNS[usize::try_from(bits).unwrap_or_default() % SIGNS.len()]);
    (0..6)
        .map(|_| {
            let next = sign(bits);
            bits /= 31;
            next
        })
        .collect()
}

fn random() -> String {
    format!("{:016x}{:016x}", number(1), number(2))
}

/// Nobody guesses it; std has no other source of chance.
fn number(seed: usize) -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_usize(seed);
    hasher.finish()
}
