//! Looks at everything that a peer needs, and says what is wrong, what that means and what to do.
//!
//! Promises: only what was really looked at is told; what needs something else that failed is skipped, with the
//! reason, so that the root cause stands alone; each look has a time limit, all of it takes less than
//! [`limits::DOCTOR`]; nothing is changed or left behind, and no key is shown. A running peer is asked instead of
//! disturbed.

mod agent;
mod autostart;
mod key;
mod lifecycle;
mod local;
mod network;
mod settings;
#[cfg(test)]
mod tests;

use crate::config::{Draft, Environment};
use crate::control::Hello;
use crate::credentials::Credentials;
use crate::limits;
use crate::paths::Paths;
use crate::peer::{Peer, PeerSnapshot};
use key::Kept;
pub(crate) use local::free;
use orgx_proto::health::Health;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::timeout;

/// All that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Did nothing fail?
    pub ok: bool,
    /// How the running peer is, when one runs.
    pub health: Option<Health>,
    /// In the order in which they build on each other.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What.
    pub name: Name,
    /// How it is.
    pub outcome: Outcome,
    /// What was found; without a full stop.
    pub finding: String,
    /// What that means, when it is not well.
    pub means: Option<String>,
    /// What to do, when there is something to do.
    pub todo: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Well.
    Ok,
    /// Not quite.
    Warn,
    /// Tasks cannot come or cannot be done.
    Fail,
    /// Not looked at, for the reason that is told.
    Skipped,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Name {
    Settings,
    Key,
    Dns,
    Tls,
    Clock,
    Gateway,
    License,
    #[serde(rename = "opencode")]
    OpenCode,
    AgentLogin,
    ClaudeCode,
    Folders,
    Outbox,
    Disk,
    Lock,
    Lifecycle,
    Autostart,
}

impl Name {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Settings => "Settings",
            Self::Key => "Key",
            Self::Dns => "DNS",
            Self::Tls => "TLS",
            Self::Clock => "Clock",
            Self::Gateway => "Gateway",
            Self::License => "License",
            Self::OpenCode => "OpenCode",
            Self::AgentLogin => "Agent login",
            Self::ClaudeCode => "Claude Code",
            Self::Folders => "Folders",
            Self::Outbox => "Outbox",
            Self::Disk => "Disk",
            Self::Lock => "Lock",
            Self::Lifecycle => "Sessions",
            Self::Autostart => "Autostart",
        }
    }
}

impl Check {
    fn ok(name: Name, finding: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Ok, finding: finding.into(), means: None, todo: None }
    }

    fn warn(name: Name, finding: impl Into<String>, means: &str, todo: &str) -> Self {
        let (means, todo) = (Some(means.to_owned()), Some(todo.to_owned()));
        Self { outcome: Outcome::Warn, means, todo, ..Self::ok(name, finding) }
    }

    fn fail(name: Name, finding: impl Into<String>, means: &str, todo: &str) -> Self {
        Self { outcome: Outcome::Fail, ..Self::warn(name, finding, means, todo) }
    }

    fn skipped(name: Name, why: &str) -> Self {
        Self { outcome: Outcome::Skipped, ..Self::ok(name, format!("skipped: {why}")) }
    }

    fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Ok | Outcome::Warn)
    }
}

/// Looks at everything.
pub async fn examine(env: &Environment) -> Report {
    examine_with(env, Credentials::os).await
}

/// With these places where a key may be kept.
async fn examine_with(env: &Environment, credentials: impl FnOnce(&Paths) -> Credentials) -> Report {
    let env = env.clone();
    let read = {
        let env = env.clone();
        tokio::task::spawn_blocking(move || Draft::read(&env))
    };
    let mut draft = match timeout(limits::DOCTOR_CHECK, read).await {
        Ok(Ok(Ok(draft))) => draft,
        Ok(Ok(Err(error))) => return unreadable(&error.to_string()),
        _ => return unreadable("the settings cannot be read: their disk does not answer"),
    };
    let credentials = credentials(&draft.paths);
    let (kept, running) =
        tokio::join!(Kept::find(&draft, &credentials), within(limits::DOCTOR_PEER, running(&draft)));
    let (running, key) = (running.flatten(), kept.check(&mut draft));
    let snapshot = running.as_ref().map(|running| &running.snapshot);
    let (network, agent, claude, local, autostart) = tokio::join!(
        network::checks(&draft, running.as_ref()),
        agent::checks(&draft, snapshot),
        agent::claude(&draft),
        local::checks(&draft, running.as_ref()),
        autostart::check(&env),
    );
    let lifecycle = lifecycle::check(&draft, running.as_ref());
    let settings = settings::checks(&draft, running.as_ref(), &key);
    let lifecycle = lifecycle.into_iter().collect();
    let checks = [settings, network, agent, claude, local, lifecycle, vec![autostart]].concat();
    Report { ok: is_well(&checks), health: snapshot.map(|now| now.health.clone()), checks }
}

fn is_well(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.outcome != Outcome::Fail)
}

/// Without settings nothing else can be looked at.
fn unreadable(why: &str) -> Report {
    let todo = "Correct it; the README lists the settings";
    let checks = vec![Check::fail(
        Name::Settings,
        why,
        "The peer cannot start, and nothing else can be looked at",
        todo,
    )];
    Report { ok: false, health: None, checks }
}

/// The running peer that is meant.
struct Running {
    hello: Hello,
    snapshot: PeerSnapshot,
}

async fn running(draft: &Draft) -> Option<Running> {
    let (hello, peer) = meant(draft).await?;
    Some(Running { hello, snapshot: peer.snapshot() })
}

/// The running peer of the workspace; where none is named, as in another terminal, the only one that runs.
pub(crate) async fn meant(draft: &Draft) -> Option<(Hello, Peer)> {
    let mut found = Peer::running(&draft.paths).await;
    if let Some(tenant) = draft.tenant() {
        found.retain(|peer| peer.tenant == tenant);
    }
    let [found] = found.as_slice() else { return None };
    let peer = Peer::attach(&draft.paths, &found.tenant).await.ok()?;
    Some((found.hello.clone(), peer))
}

/// A look at a disk, which may never answer.
async fn look<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    within(limits::DOCTOR_CHECK, tokio::task::spawn_blocking(look)).await.and_then(Result::ok)
}

async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    timeout(limit, work).await.ok()
}
