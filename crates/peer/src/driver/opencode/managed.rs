//! Our own `opencode serve`: started when a task needs one, ended after ten idle minutes or with the peer.
//!
//! It listens on loopback with a random password; its environment is the person's own, less every `ORGX_*`; it runs
//! in a process group of its own, so that ending it ends what it started.

use super::client::Client;
use crate::config::OpenCodeConfig;
use crate::limits;
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;
use url::Url;

/// PROTOCOL: opencode.md 1.
const LISTENING: &str = "listening on ";
/// The user name of every server with a password.
const USER: &str = "opencode";

/// The server we may start.
#[derive(Debug)]
pub(super) struct Managed {
    program: Option<PathBuf>,
    environment: Vec<(String, String)>,
    work_dir: PathBuf,
    server: Arc<Mutex<Option<Server>>>,
    leases: Arc<Leases>,
}

#[derive(Debug, Default)]
struct Leases {
    held: AtomicUsize,
    returned: Notify,
}

#[derive(Debug)]
struct Server {
    child: Child,
    client: Client,
}

/// While one is held the server is not idle.
#[derive(Debug)]
pub(super) struct Lease(Arc<Leases>);

impl Drop for Lease {
    fn drop(&mut self) {
        if self.0.held.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.returned.notify_one();
        }
    }
}

impl Managed {
    pub(super) fn new(config: &OpenCodeConfig, work_dir: &Path) -> Self {
        Self {
            program: config
                .program
                .clone()
                .filter(|_| config.start_when_needed && config.server_url.is_none()),
            environment: config.environment.clone(),
            work_dir: work_dir.to_owned(),
            server: Arc::default(),
            leases: Arc::default(),
        }
    }

    /// Could one be started?
    pub(super) fn possible(&self) -> bool {
        self.program.is_some()
    }

    /// Our server, if it runs.
    pub(super) fn running(&self) -> Option<Client> {
        // One that is just being started is not running yet; nobody waits for it here.
        let mut server = self.server.try_lock().ok()?;
        alive(&mut server)
    }

    /// Our server, started if need be; `None` when none can be started.
    pub(super) async fn start(&self) -> Result<Option<Client>, String> {
        let Some(program) = &self.program else { return Ok(None) };
        let mut server = self.server.lock().await;
        if let Some(client) = alive(&mut server) {
            return Ok(Some(client));
        }
        tracing::info!("starting our own OpenCode server");
        let started = launch(program, &self.environment, &self.work_dir).await?;
        let client = started.client.clone();
        *server = Some(started);
        tokio::spawn(end_when_idle(Arc::clone(&self.server), Arc::clone(&self.leases)));
        Ok(Some(client))
    }

    /// Keeps our server from being idle, if `client` is its.
    pub(super) fn lease(&self, client: &Client) -> Option<Lease> {
        (client.found == FOUND).then(|| {
            self.leases.held.fetch_add(1, Ordering::SeqCst);
            Lease(Arc::clone(&self.leases))
        })
    }

    /// Ends our server.
    pub(super) async fn stop(&self) {
        let server = self.server.lock().await.take();
        if let Some(server) = server {
            end(server).await;
        }
    }
}

/// How our own server is told from others.
const FOUND: &str = "started by this peer";

fn alive(server: &mut Option<Server>) -> Option<Client> {
    let running = server.as_mut()?;
    if matches!(running.child.try_wait(), Ok(None)) {
        return Some(running.client.clone());
    }
    *server = None;
    None
}

async fn launch(program: &Path, environment: &[(String, String)], work_dir: &Path) -> Result<Server, String> {
    let password = SecretString::from(password());
    let mut command = Command::new(program);
    command
        .args(["serve", "--hostname", "127.0.0.1", "--port", &free_port()?.to_string()])
        .current_dir(work_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ORGX_") {
            command.env_remove(name);
        }
    }
    command
        .envs(environment.iter().cloned())
        .env("PWD", work_dir)
        .env("OPENCODE_SERVER_USERNAME", USER)
        .env("OPENCODE_SERVER_PASSWORD", password.expose_secret());
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(|error| format!("`opencode` could not be started ({error})"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    if let Some(stderr) = stderr {
        tokio::spawn(drain(BufReader::new(stderr)));
    }
    let mut lines = stdout.map(BufReader::new).ok_or("`opencode serve` has no output")?;
    let origin = match timeout(limits::MANAGED_START, listening(&mut lines)).await {
        Ok(Some(origin)) => origin,
        Ok(None) => return Err("`opencode serve` ended before it listened; try it in a terminal".into()),
        Err(_) => {
            let seconds = limits::MANAGED_START.as_secs();
            return Err(format!("`opencode serve` did not listen within {seconds} s"));
        }
    };
    tokio::spawn(drain(lines));
    let client = Client::new(origin, Some((USER.to_owned(), password)), FOUND)?;
    Ok(Server { child, client })
}

/// The address that it says it listens on; `None` when its output ends first.
async fn listening(lines: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Url> {
    let mut line = String::new();
    while lines.read_line(&mut line).await.ok()? > 0 {
        if let Some((_, address)) = line.split_once(LISTENING) {
            return address.trim().parse().ok().filter(crate::config::is_loopback);
        }
        line.clear();
    }
    None
}

/// Reads on to nowhere, so that the server never waits for a reader. What it says may hold what nobody should see.
async fn drain(mut output: impl AsyncRead + Unpin) {
    let _ended = tokio::io::copy(&mut output, &mut tokio::io::sink()).await;
}

async fn end_when_idle(server: Arc<Mutex<Option<Server>>>, leases: Arc<Leases>) {
    loop {
        // Every return starts the wait anew; a lease that is held when it is over starts it, too.
        if timeout(limits::MANAGED_IDLE, leases.returned.notified()).await.is_ok() {
            continue;
        }
        let mut server = server.lock().await;
        if server.is_none() {
            return;
        }
        if leases.held.load(Ordering::SeqCst) == 0 {
            if let Some(server) = server.take() {
                tracing::info!("ending our own OpenCode server: it was idle");
                end(server).await;
            }
            return;
        }
    }
}

/// Asks, waits, forces.
async fn end(mut server: Server) {
    let _gone = server.client.dispose().await;
    signal(&mut server.child, Signal::Term);
    if timeout(limits::MANAGED_STOP, server.child.wait()).await.is_err() {
        signal(&mut server.child, Signal::Kill);
        let _ended = server.child.wait().await;
    }
}

#[derive(Clone, Copy)]
enum Signal {
    Term,
    Kill,
}

/// To the whole group: the server's children are its own to end, and ours if it does not.
#[cfg(unix)]
fn signal(child: &mut Child, signal: Signal) {
    let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) else {
        return;
    };
    let signal = match signal {
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    let _gone = rustix::process::kill_process_group(pid, signal);
}

/// Without signals there is one way to end a child.
#[cfg(not(unix))]
fn signal(child: &mut Child, _: Signal) {
    let _gone = child.start_kill();
}

/// A port that was free a moment ago: OpenCode's own choice would be the well-known one, which is the person's.
fn free_port() -> Result<u16, String> {
    let listener =
        std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("no free port ({error})"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("no free port ({error})"))
}

fn password() -> String {
    let mut rng = rand::rng();
    (0..4).map(|_| format!("{:016x}", rng.random::<u64>())).collect()
}
