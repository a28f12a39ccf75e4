//! Every OpenCode server of this user that can be asked what its sessions do. Nothing is started or given to one.

use super::client::Client;
use super::{managed, owner, state_file};
use crate::config::OpenCodeConfig;
use crate::http::CallError;
use crate::paths::Paths;
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

/// PROTOCOL: opencode.md 4, what `serve` tries first.
const WELL_KNOWN_PORT: u16 = 4096;

/// A server that may be one of OpenCode's.
#[derive(Clone, Debug)]
pub(crate) struct Seen(Client);

impl From<Client> for Seen {
    fn from(client: Client) -> Self {
        Self(client)
    }
}

impl Seen {
    /// Whatever is on this port.
    #[cfg(test)]
    pub(crate) fn at(port: u16) -> Self {
        let origin = format!("http://127.0.0.1:{port}").parse().expect("an address");
        Self(Client::new(origin, None, "asked").expect("a client"))
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.0.origin().port_or_known_default().unwrap_or_default()
    }

    /// Its address, as `opencode attach` takes it.
    pub(crate) fn url(&self) -> String {
        self.0.origin().origin().ascii_serialization()
    }

    /// Does it have a password that we know?
    pub(crate) fn login(&self) -> Option<(&str, &str)> {
        self.0.login().map(|(user, password)| (user.as_str(), password.expose_secret()))
    }

    /// Is it an OpenCode that talks to us?
    pub(crate) async fn answers(&self) -> bool {
        self.0.health().await.is_ok_and(|health| health.healthy)
    }

    /// The newest sessions of all its folders. PROTOCOL: opencode.md 2; without a folder it is all projects.
    pub(crate) async fn sessions(&self, most: usize) -> Result<Vec<Value>, CallError> {
        self.0.sessions(most).await
    }

    /// Does it know this session?
    pub(crate) async fn knows(&self, session: &str) -> bool {
        self.0.session(session).await.is_ok()
    }

    /// The sessions of a folder that are not idle, and what waits for an answer there.
    pub(crate) async fn doings(&self, folder: &str) -> Result<Doings, CallError> {
        let (statuses, permissions, questions) =
            tokio::try_join!(self.0.statuses(folder), self.0.permissions(folder), self.0.questions(folder))?;
        let asks = permissions.into_iter().chain(questions);
        Ok(Doings { statuses, asks: asks.collect() })
    }
}

/// What a server's sessions of one folder do, in its own words.
#[derive(Debug)]
pub(crate) struct Doings {
    pub(crate) statuses: serde_json::Map<String, Value>,
    pub(crate) asks: Vec<Value>,
}

/// All of them, each once: those that peers of ours started, the configured one, the state file's, and those that were
/// seen to listen. Only listeners of our own user. Reads files, and may take a moment.
pub(crate) fn servers(
    config: &OpenCodeConfig,
    paths: &Paths,
    own: Option<Seen>,
    listening: &[u16],
) -> Vec<Seen> {
    let mut seen: Vec<Seen> = own.into_iter().collect();
    let mut add = |server: Seen| {
        if seen.iter().all(|other| other.port() != server.port()) {
            seen.push(server);
        }
    };
    for tenant in paths.tenants() {
        managed::recorded(&paths.managed(&tenant)).map(Seen).into_iter().for_each(&mut add);
    }
    let local = |port: u16| format!("http://127.0.0.1:{port}").parse::<Url>().ok();
    let noted = config.state_file.as_deref().and_then(|file| state_file::port(file).ok().flatten());
    // Whoever wants none of those that merely run here is not shown what they have, either.
    let others = listening.iter().copied().chain([WELL_KNOWN_PORT]).filter(|_| config.use_running);
    let ports = noted.into_iter().chain(others);
    for origin in config.server_url.clone().into_iter().chain(ports.filter_map(local)) {
        let trusted = origin.port_or_known_default().is_some_and(|port| owner::of_port(port).is_trusted());
        let login = config.password.clone().map(|password| (config.username.clone(), password));
        if let Some(client) = trusted.then(|| Client::new(origin, login, "asked").ok()).flatten() {
            add(Seen(client));
        }
    }
    seen
}
