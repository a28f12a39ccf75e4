//! Connecting in the browser. What to do when is decided by [`orgx_proto::pairing`]; here it is done.

use super::call::Caller;
use super::{PairError, shape};
use crate::clock::Clock;
use crate::gateway::host_platform;
use crate::http::CallError;
use crate::limits;
use crate::paths::{Paths, make_private_dir};
use orgx_proto::pairing::{
    End, Heard, Next, Pairing as Machine, Status, connect_url, expiry, lasts, short_code,
};
use orgx_proto::redact::Redacted;
use orgx_proto::time::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

/// PROTOCOL: one path for all of OrgX's plugins.
const PATH: [&str; 4] = ["api", "plugin", "openclaw", "pairings"];
/// Longest id or token taken, in bytes, and longest text of OrgX's shown, in characters.
const ID_BYTES: usize = 512;
const WORDS_CHARS: usize = 200;

/// Who wants to be connected.
#[derive(Clone, Debug)]
pub struct PairingClient {
    /// This installation's random id.
    pub installation_id: String,
    /// What the person calls this computer.
    pub device_name: String,
    /// The program's version.
    pub version: String,
}

impl PairingClient {
    /// This computer.
    ///
    /// # Errors
    /// When the state folder cannot be written, in words.
    pub fn of_this_computer(paths: &Paths) -> Result<Self, crate::StartError> {
        // What cannot be made cannot be written, which is told next.
        let _told_next = make_private_dir(&paths.state);
        Ok(Self {
            installation_id: crate::peer::installation_id(&paths.installation_id())?,
            device_name: device_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Paired {
    /// The key. It is kept first, and then confirmed with [`Pairing::ack`].
    pub key: SecretString,
    /// The workspace that it is for, when OrgX names one.
    pub workspace_name: Option<String>,
    /// That workspace's id.
    pub workspace_id: Option<String>,
}

/// A pairing under way. Dropping it leaves it to lapse; [`Pairing::cancel`] says so to OrgX.
pub struct Pairing {
    caller: Caller,
    machine: Machine,
    id: String,
    token: SecretString,
    page: Url,
    expires_at: i64,
    lasts: Duration,
    /// Why OrgX could not be asked the last time.
    trouble: Option<CallError>,
}

/// Without the token, and without the page, whose address lets anybody press Connect.
impl std::fmt::Debug for Pairing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pairing")
            .field("code", &self.code())
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}

impl Pairing {
    /// Asks OrgX for a code.
    ///
    /// # Errors
    /// When OrgX gives none, or one whose page must not be opened.
    pub async fn start(base_url: &Url, who: PairingClient, clock: Clock) -> Result<Self, PairError> {
        let caller = Caller::with_clock(base_url, clock)?;
        let body = json!({
            "installationId": who.installation_id,
            "deviceName": who.device_name,
            "platform": host_platform(),
            "pluginVersion": who.version,
        });
        let answer = caller.post(caller.url(&PATH), &body, limits::ORGX_CALL).await?;
        let text = |name: &str| {
            let text = answer.get(name).and_then(Value::as_str).unwrap_or_default().trim();
            let is_sound = !text.is_empty() && text.len() <= ID_BYTES && !text.chars().any(char::is_control);
            is_sound.then(|| text.to_owned()).ok_or(PairError::Odd("answered without a code"))
        };
        let (id, token) = (text("pairingId")?, text("pollToken")?.into());
        let page = answer.get("connectUrl").and_then(Value::as_str).unwrap_or_default();
        let page = connect_url(page, base_url).map_err(PairError::Page)?;
        let now = caller.clock().now();
        let expires = answer.get("expiresAt");
        let expires = expires.and_then(|at| at.as_str().and_then(expiry).or(at.as_i64().map(Timestamp)));
        let lasts = lasts(expires, now.wall);
        let every = answer.get("pollIntervalMs").and_then(Value::as_u64);
        let machine = Machine::new(now.mono, lasts, every);
        let expires_at = now.wall.0.saturating_add(i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX));
        Ok(Self { caller, machine, id, token, page, expires_at, lasts, trouble: None })
    }

    /// A short code to compare with the page's, as `K7Q-4MD`.
    pub fn code(&self) -> String {
        short_code(&self.id)
    }

    /// The page on which the person presses Connect: on OrgX's host.
    pub fn connect_url(&self) -> &Url {
        &self.page
    }

    /// That host, for people.
    pub fn host(&self) -> String {
        let host = self.page.host_str().unwrap_or_default();
        self.page.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// When the code lapses, in milliseconds since 1970.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// How long it lasts from its beginning, in milliseconds.
    pub fn lasts_ms(&self) -> i64 {
        i64::try_from(self.lasts.as_millis()).unwrap_or(i64::MAX)
    }

    /// Waits until the person has pressed Connect. May be let go of and called again.
    ///
    /// # Errors
    /// When it ends without a key.
    pub async fn wait(&mut self) -> Result<Paired, PairError> {
        loop {
            match self.machine.next() {
                Next::Ask(at) => self.caller.clock().sleep_until(at).await,
                // Only who asks again after the end comes here: it stays as it was.
                Next::Over(end) => return Err(self.over(end, &Value::Null)),
                Next::Take => {}
            }
            let mut url = self.url(&[]);
            url.query_pairs_mut().append_pair("pollToken", self.token.expose_secret());
            let answer = self.caller.get(url, limits::PAIRING_POLL).await;
            let next = self.machine.heard(heard(answer.as_ref()), self.caller.clock().now().mono);
            self.trouble = answer.as_ref().err().cloned();
            match (next, answer) {
                (Next::Ask(_), _) => {}
                (Next::Take, Ok(answer)) => return paired(&answer),
                (Next::Take, Err(_)) => return Err(self.over(End::Unheard, &Value::Null)),
                (Next::Over(end), answer) => return Err(self.over(end, &answer.unwrap_or_default())),
            }
        }
    }

    /// Tells OrgX that the key was kept, so that it forgets its own copy. Not being heard changes nothing here.
    pub async fn ack(self) {
        for _ in 0..limits::PAIRING_ACKS {
            let body = json!({ "pollToken": self.token.expose_secret() });
            match self.caller.post(self.url(&["ack"]), &body, limits::PAIRING_LAST_WORD).await {
                Err(CallError::Unreachable(_)) => {}
                Err(CallError::Status { status, .. }) if orgx_proto::pairing::may_pass(status) => {}
                _ => return,
            }
        }
        tracing::debug!("OrgX did not hear that the key was kept; it forgets its copy when the code lapses");
    }

    /// Tells OrgX that nobody waits any more.
    pub async fn cancel(self, reason: &str) {
        let body = json!({ "pollToken": self.token.expose_secret(), "reason": reason });
        // The code lapses by itself.
        let _unheard = self.caller.post(self.url(&["cancel"]), &body, limits::PAIRING_LAST_WORD).await;
    }

    fn url(&self, rest: &[&str]) -> Url {
        self.caller.url(&[&PATH[..], &[self.id.as_str()], rest].concat())
    }

    fn over(&self, end: End, answer: &Value) -> PairError {
        match end {
            End::Lapsed => PairError::Lapsed { minutes: self.lasts.as_secs().div_ceil(60) },
            End::Cancelled => PairError::Cancelled,
            End::Consumed => PairError::Consumed,
            End::Failed => PairError::Failed(words(answer)),
            End::Refused(status) => PairError::Refused(status),
            End::Unheard => match &self.trouble {
                Some(trouble) => trouble.clone().into(),
                None => PairError::Unreachable("no answer in time".to_owned()),
            },
        }
    }
}

fn heard(answer: Result<&Value, &CallError>) -> Heard {
    match answer {
        Ok(answer) => match answer.get("status").and_then(Value::as_str) {
            Some(status) => Heard::Status(Status::named(status)),
            None => Heard::Nothing,
        },
        Err(CallError::Status { status, retry_after, .. }) => {
            Heard::Refused { status: *status, retry_after: *retry_after }
        }
        Err(_) => Heard::Nothing,
    }
}

fn paired(answer: &Value) -> Result<Paired, PairError> {
    let text = |name: &str| {
        let text = answer.get(name).and_then(Value::as_str).unwrap_or_default().trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let key: SecretString = text("key").unwrap_or_default().into();
    shape(&key).map_err(|_| PairError::Odd("said that the key is ready, and gave none that can be one"))?;
    let named = text("workspaceName").map(|name| Redacted::cut(&name, WORDS_CHARS).into_string());
    let id = text("workspaceId").filter(|id| crate::config::check_workspace_id(id, "").is_ok());
    Ok(Paired { key, workspace_name: named, workspace_id: id })
}

/// OrgX's own words for a failure.
fn words(answer: &Value) -> String {
    let names = ["errorMessage", "message", "error", "errorCode"];
    let text = names.iter().find_map(|name| answer.get(name)?.as_str());
    Redacted::cut(text.unwrap_or_default().trim(), WORDS_CHARS).into_string()
}

#[cfg(unix)]
fn device_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Redacted::cut(&name, 60).into_string()
}

#[cfg(not(unix))]
fn device_name() -> String {
    let name = std::env::var("COMPUTERNAME").unwrap_or_else(|_| "This computer".to_owned());
    Redacted::cut(&name, 60).into_string()
}
