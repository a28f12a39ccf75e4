//! Finds OpenCode, in the order of the design: an explicit URL, the state file, a server we can see, our own.

use super::client::Client;
use super::daemon::Daemon;
use super::{owner, state_file};
use crate::config::OpenCodeConfig;
use crate::http::CallError;
use crate::limits;
use owner::Owner;
use secrecy::SecretString;
use std::fmt;
use std::path::PathBuf;
use url::Url;

/// PROTOCOL: opencode.md 4, what `serve` tries first.
const WELL_KNOWN_PORT: u16 = 4096;

/// An OpenCode that answers.
#[derive(Debug)]
pub(super) enum Located {
    Server(Client),
    Daemon(Daemon),
    /// None answers: this program is run, once for each task.
    Cli(PathBuf),
}

/// There is none; what was seen on the way, for people. Names no local path.
#[derive(Debug, Default)]
pub(super) struct Nowhere {
    seen: Vec<String>,
}

impl Nowhere {
    /// What was seen, as an aside to another sentence.
    pub(super) fn aside(&self) -> String {
        if self.seen.is_empty() { String::new() } else { format!(" ({})", self.seen.join("; ")) }
    }
}

impl fmt::Display for Nowhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seen.is_empty() {
            f.write_str(
                "OpenCode is not running on this computer, and there is no `opencode` program to start",
            )
        } else {
            write!(f, "no OpenCode can be used on this computer: {}", self.seen.join("; "))
        }
    }
}

/// What a port turned out to be.
enum Port {
    Server(Client),
    Daemon(Daemon),
    /// Not OpenCode, or not for us; why.
    No(String),
    /// Nobody listens.
    Closed,
}

/// Looks for OpenCode, anew each time: a state file changes, a server comes and goes.
#[derive(Debug)]
pub(super) struct Locator {
    config: OpenCodeConfig,
}

impl Locator {
    pub(super) fn new(config: OpenCodeConfig) -> Self {
        Self { config }
    }

    /// The first OpenCode that answers. `managed` is our own server, if it runs.
    pub(super) async fn locate(&self, managed: Option<Client>) -> Result<Located, Nowhere> {
        let mut nowhere = Nowhere::default();
        if let Some(url) = &self.config.server_url {
            // The person said where: no other one will do.
            let found = self.ask(url.clone(), "the configured address", Accept::Both).await;
            return Self::take(found, "the configured address", &mut nowhere).ok_or_else(|| {
                if nowhere.seen.is_empty() {
                    nowhere.seen.push("nobody answers at the configured address".into());
                }
                nowhere
            });
        }
        if let Some(located) = self.by_state_file(&mut nowhere).await {
            return Ok(located);
        }
        if let Some(client) = managed {
            return Ok(Located::Server(client));
        }
        if self.config.use_running
            && let Some(located) = self.by_looking(&mut nowhere).await
        {
            return Ok(located);
        }
        Err(nowhere)
    }

    async fn by_state_file(&self, nowhere: &mut Nowhere) -> Option<Located> {
        let file = self.config.state_file.clone()?;
        // A home on a network disk may not answer.
        let read = tokio::task::spawn_blocking(move || state_file::port(&file));
        let port = tokio::time::timeout(limits::AGENT_PROBE, read).await;
        match port.ok().and_then(Result::ok).unwrap_or(Err("cannot be read")) {
            Ok(None) => None,
            Ok(Some(port)) => {
                let found = self.ask(local(port), "the state file", Accept::Both).await;
                Self::take(found, "the state file's port", nowhere)
            }
            Err(problem) => {
                nowhere.seen.push(format!("the OpenCode state file {problem}"));
                None
            }
        }
    }

    async fn by_looking(&self, nowhere: &mut Nowhere) -> Option<Located> {
        let running = tokio::task::spawn_blocking(owner::opencode_ports).await.unwrap_or_default();
        let others = running.iter().copied().filter(|port| *port != WELL_KNOWN_PORT);
        for port in std::iter::once(WELL_KNOWN_PORT).chain(others) {
            let found = self.ask(local(port), "a server on this computer", Accept::Server).await;
            // What merely listens on the well-known port may be anything; a process called opencode is worth a word.
            if matches!(found, Port::No(_)) && !running.contains(&port) {
                continue;
            }
            if let Some(located) = Self::take(found, "an OpenCode process", nowhere) {
                return Some(located);
            }
        }
        if self.config.service_file.as_ref().is_some_and(|file| file.is_file()) {
            nowhere.seen.push("OpenCode 2 was found, which this version cannot use yet".into());
        }
        None
    }

    fn take(found: Port, place: &str, nowhere: &mut Nowhere) -> Option<Located> {
        match found {
            Port::Server(client) => return Some(Located::Server(client)),
            Port::Daemon(daemon) => return Some(Located::Daemon(daemon)),
            Port::No(why) => nowhere.seen.push(format!("{place} {why}")),
            Port::Closed => {}
        }
        None
    }

    async fn ask(&self, origin: Url, found: &'static str, accept: Accept) -> Port {
        let port = origin.port_or_known_default().unwrap_or_default();
        match tokio::task::spawn_blocking(move || owner::of_port(port)).await.unwrap_or(Owner::Nobody) {
            Owner::Nobody => return Port::Closed,
            owner if owner.is_trusted() => {}
            _ => return Port::No("belongs to another user of this computer".into()),
        }
        let login = self.config.password.clone().map(|password| (self.config.username.clone(), password));
        let client = match Client::new(origin.clone(), login.clone(), found) {
            Ok(client) => client,
            Err(why) => return Port::No(why),
        };
        match client.health().await {
            Ok(health) if health.healthy => return Port::Server(client),
            Ok(_) => return Port::No("says that it is not healthy".into()),
            Err(error) if is_locked(&error) => return Port::No(locked(login.as_ref())),
            Err(CallError::Unreachable(_)) if accept == Accept::Server => {
                return Port::No("accepted a connection and did not answer".into());
            }
            Err(_) => {}
        }
        if accept == Accept::Server {
            return Port::No("is not OpenCode 1".into());
        }
        let daemon = match Daemon::new(origin) {
            Ok(daemon) => daemon,
            Err(why) => return Port::No(why),
        };
        match daemon.status().await {
            // PROTOCOL: contract C2, a daemon that answers /status with an error is there, and not signed in.
            Ok(_) | Err(CallError::Status { status: 500..=599, .. }) => Port::Daemon(daemon),
            Err(CallError::Unreachable(why)) => Port::No(format!("did not answer ({why})")),
            Err(_) => Port::No("is neither an OpenCode server nor an OpenCode daemon".into()),
        }
    }
}

/// Which dialects will do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Accept {
    Both,
    Server,
}

fn local(port: u16) -> Url {
    #[expect(clippy::expect_used, reason = "a constant form")]
    format!("http://127.0.0.1:{port}").parse().expect("an address")
}

/// PROTOCOL: opencode.md 3, every path of a server with a password answers so.
fn is_locked(error: &CallError) -> bool {
    matches!(error, CallError::Status { status: 401, realm: Some(realm), .. } if realm.contains("Secure Area"))
}

fn locked(login: Option<&(String, SecretString)>) -> String {
    match login {
        None => "is an OpenCode server with a password; set OPENCODE_SERVER_PASSWORD".into(),
        Some(_) => "is an OpenCode server that refuses the password in OPENCODE_SERVER_PASSWORD".into(),
    }
}
