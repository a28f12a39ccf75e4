//! Connecting in the browser: the endpoints that a program asks, and the page on which the person presses Connect.
//!
//! What becomes of a pairing is scripted ([`Pairings::outcome`]), or decided by whoever opens its page.

mod page;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use http::StatusCode;
use serde_json::{Value, json};

use super::{faults::Endpoint, state::State};
use crate::http::{Reply, Request, json, page as html_page};

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

pub(super) fn route(request: &Request) -> Option<(Endpoint, &'static str)> {
    if request.path == PATH {
        return Some((Endpoint::PairingStart, "POST"));
    }
    if request.path == PAGE {
        return Some((Endpoint::ConnectPage, "GET, POST"));
    }
    let before = format!("{PATH}/");
    for (after, endpoint, method) in [
        ("/ack", Endpoint::PairingAck, "POST"),
        ("/cancel", Endpoint::PairingCancel, "POST"),
        ("", Endpoint::PairingPoll, "GET"),
    ] {
        if request.segment(&before, after).is_some() {
            return Some((endpoint, method));
        }
    }
    None
}

/// The answer, if it is one of these endpoints.
pub(super) fn serve(
    state: &State,
    endpoint: Endpoint,
    request: &Request,
) -> Option<Result<Reply, (StatusCode, String)>> {
    let known = matches!(
        endpoint,
        Endpoint::PairingStart
            | Endpoint::PairingPoll
            | Endpoint::PairingAck
            | Endpoint::PairingCancel
            | Endpoint::ConnectPage
    );
    known.then(|| answer(state, endpoint, request))
}

fn answer(state: &State, endpoint: Endpoint, request: &Request) -> Result<Reply, (StatusCode, String)> {
    let ok = |data: Value| Ok(json(StatusCode::OK, &json!({"ok": true, "data": data})));
    if endpoint == Endpoint::ConnectPage {
        return Ok(on_the_page(state, request));
    }
    if request.header("authorization").is_some() {
        return Err((StatusCode::BAD_REQUEST, "a pairing carries no key".to_owned()));
    }
    if endpoint == Endpoint::PairingStart {
        if request.body["installationId"].as_str().is_none_or(str::is_empty) {
            return Err((StatusCode::BAD_REQUEST, "installationId is missing".to_owned()));
        }
        let host = request.header("host").unwrap_or("127.0.0.1");
        return ok(state.pairings.begin(&request.body, &format!("http://{host}")));
    }
    let token = match endpoint {
        Endpoint::PairingPoll => request.query_value("pollToken"),
        _ => request.body["pollToken"].as_str().map(ToOwned::to_owned),
    };
    let mut inner = state.pairings.inner();
    let workspace = inner.workspace.clone();
    let id = request.path[PATH.len()..].trim_matches('/').split('/').next().unwrap_or_default();
    let found = inner.pairings.iter_mut().find(|pairing| pairing.id == id);
    let Some(pairing) = found else {
        return Err((StatusCode::NOT_FOUND, "no such pairing".to_owned()));
    };
    if token.as_deref() != Some(pairing.token.as_str()) {
        return Err((StatusCode::FORBIDDEN, "this is not its token".to_owned()));
    }
    match endpoint {
        Endpoint::PairingAck => {
            pairing.acked = true;
            pairing.status = "consumed";
            ok(json!({"acked": true}))
        }
        Endpoint::PairingCancel => {
            pairing.given_up = Some(request.body["reason"].as_str().unwrap_or_default().to_owned());
            pairing.status = "cancelled";
            ok(json!({"status": "cancelled"}))
        }
        _ => match pairing.look() {
            "ready" => {
                state.give_key(&pairing.key);
                ok(json!({
                    "status": "ready", "key": pairing.key, "keyPrefix": "oxk_sandbox", "workspaceName": workspace,
                }))
            }
            "failed" => {
                ok(json!({"status": "failed", "errorCode": "claim_failed", "errorMessage": pairing.failed}))
            }
            status => ok(json!({"status": status})),
        },
    }
}

/// Shows the page, or does what was pressed on it.
fn on_the_page(state: &State, request: &Request) -> Reply {
    let pressed = request.body.as_str().unwrap_or_default().as_bytes().to_vec();
    let form: Vec<(String, String)> = if request.method == "POST" {
        url::form_urlencoded::parse(&pressed).into_owned().collect()
    } else {
        request.query_pairs()
    };
    let value = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let mut inner = state.pairings.inner();
    let found = inner
        .pairings
        .iter_mut()
        .find(|pairing| pairing.id == value("pairingId") && pairing.claim == value("claimToken"));
    let Some(pairing) = found else {
        return html_page(StatusCode::NOT_FOUND, page::unknown());
    };
    if request.method == "POST" && pairing.is_open() && Instant::now() < pairing.ends {
        pairing.status = if value("do") == "connect" { "ready" } else { "cancelled" };
    } else if pairing.status == "pending" {
        pairing.status = "authorized";
    }
    html_page(StatusCode::OK, page::of(pairing))
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
