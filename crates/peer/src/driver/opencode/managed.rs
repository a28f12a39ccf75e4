//! Our own `opencode serve`: started when a task needs one, ended after ten idle minutes or with the peer.
//!
//! It listens on loopback with a random password; its environment is the person's own, less every `ORGX_*`; it runs
//! in a process group of its own, so that ending it ends what it started. Its output goes to a file, not to us, so
//! that it outlives us: a peer after us finds it by `managed.json`, and takes it over or ends it.
//!
//! One that ends by itself is started again when it is needed: after a wait, on another port, with another password,
//! and not for ever (`crashes`).

mod crashes;
pub(super) mod output;
pub(super) mod process;
mod record;

use super::client::Client;
use super::owner;
use crate::config::OpenCodeConfig;
use crate::driver::program::{LOOK, Signal, beside, without_ours};
use crate::http::CallError;
use crate::limits;
use crashes::Crashes;
use output::{Copy, Copying, output_file};
use process::{Process, signal};
use rand::RngExt;
use record::Record;
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::time::{Instant, interval, sleep, timeout};

/// PROTOCOL: opencode.md 1.
const LISTENING: &str = "listening on ";
/// The user name of every server with a password.
const USER: &str = "opencode";

/// The server we may start.
#[derive(Debug)]
pub(super) struct Managed {
    program: RwLock<Option<PathBuf>>,
    environment: Vec<(String, String)>,
    files: Files,
    server: Arc<Mutex<Option<Server>>>,
    leases: Arc<Leases>,
    crashes: Arc<Lock<Crashes>>,
    /// How long it may be idle before it is ended.
    idle: Duration,
}

#[derive(Clone, Debug)]
struct Files {
    /// Where it is started: the folder of no project.
    work_dir: PathBuf,
    record: PathBuf,
    /// What people see of what it says.
    log: PathBuf,
}

impl Files {
    /// What the server says on its terminal, as it says it.
    fn output(&self) -> PathBuf {
        self.record.with_extension("raw.log")
    }

    fn copy(&self, password: &SecretString) -> Copy {
        Copy::new(self.output(), self.log.clone(), password.clone())
    }
}

/// How many runs need our server.
type Leases = watch::Sender<usize>;

#[derive(Debug)]
struct Server {
    /// Tells it from those before and after it.
    number: u64,
    process: Process,
    client: Client,
    record: PathBuf,
    output: Copying,
}

/// While one is held the server is not idle.
#[derive(Debug)]
pub(super) struct Lease(Arc<Leases>);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

impl Managed {
    pub(super) fn new(config: &OpenCodeConfig, work_dir: &Path, record: PathBuf, log: PathBuf) -> Self {
        Self {
            program: RwLock::new(startable(config)),
            environment: config.environment.clone(),
            files: Files { work_dir: work_dir.to_owned(), record, log },
            server: Arc::default(),
            leases: Arc::default(),
            crashes: Arc::default(),
            idle: limits::MANAGED_IDLE,
        }
    }

    /// Could one be started?
    pub(super) fn possible(&self) -> bool {
        self.program().is_some()
    }

    pub(super) fn set_program(&self, config: &OpenCodeConfig) {
        *self.program.write().unwrap_or_else(PoisonError::into_inner) = startable(config);
    }

    fn program(&self) -> Option<PathBuf> {
        self.program.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for the server that a peer before us left running: takes it over when `runs` of ours may be in it and it
    /// is the one that was written down (process, start, port and password agree), else ends it.
    /// In the background; [`Managed::settled`] waits for it.
    pub(super) fn take_up(&self, runs: bool) {
        let Some(record) = Record::read(&self.files.record) else { return };
        // Held until it is known what becomes of it: nothing is started meanwhile.
        let Ok(server) = Arc::clone(&self.server).try_lock_owned() else { return };
        if !record.runs() {
            tokio::spawn(clear_away(record, self.files.clone(), server));
            return;
        }
        let leases = Arc::clone(&self.leases);
        let all = Arc::clone(&self.server);
        tokio::spawn(take_up(record, self.files.clone(), runs, server, all, leases));
    }

    /// Resolves once it is known what became of the server of before.
    pub(super) async fn settled(&self) {
        drop(self.server.lock().await);
    }

    /// Our server, if it runs.
    pub(super) fn running(&self) -> Option<Client> {
        // One that is just being started is not running yet; nobody waits for it here.
        let mut server = self.server.try_lock().ok()?;
        self.alive(&mut server)
    }

    /// Why none is started at present, if so.
    pub(super) fn given_up(&self) -> Option<String> {
        self.crashes().given_up(Instant::now())
    }

    /// Resolves once that server of ours has ended, whether by itself or by us.
    pub(super) async fn ended(&self, client: Client) {
        let end = {
            let server = self.server.lock().await;
            let same = server.as_ref().filter(|server| server.client.origin() == client.origin());
            same.map(|server| server.process.end())
        };
        if let Some(end) = end {
            end.await;
        }
    }

    /// Our server, started if need be; `None` when none can be started.
    pub(super) async fn start(&self) -> Result<Option<Client>, String> {
        let Some(program) = self.program() else { return Ok(None) };
        let mut server = self.server.lock().await;
        if let Some(client) = self.alive(&mut server) {
            return Ok(Some(client));
        }
        let wait = self.crashes().wait(Instant::now())?;
        if !wait.is_zero() {
            tracing::info!(
                seconds = wait.as_secs_f32(),
                "OpenCode's server ended by itself; it is started again"
            );
            sleep(wait).await;
        }
        tracing::info!("starting our own OpenCode server");
        let started = launch(&program, &self.environment, &self.files).await.inspect_err(|_| {
            self.crashes().add(Instant::now());
        })?;
        let (client, started_as) = (started.client.clone(), started.number);
        *server = Some(started);
        let (server, leases) = (Arc::clone(&self.server), Arc::clone(&self.leases));
        tokio::spawn(end_when_idle(started_as, server, leases, self.idle));
        Ok(Some(client))
    }

    /// Keeps our server from being idle.
    pub(super) fn lease(&self) -> Lease {
        self.leases.send_modify(|held| *held += 1);
        Lease(Arc::clone(&self.leases))
    }

    /// Is this our server?
    pub(super) fn is_ours(client: &Client) -> bool {
        client.found == FOUND
    }

    /// Our server, if it runs; one that has ended by itself is cleared away and counted.
    fn alive(&self, place: &mut Option<Server>) -> Option<Client> {
        let server = place.take()?;
        if server.process.runs() {
            return Some(place.insert(server).client.clone());
        }
        tracing::warn!("our own OpenCode server ended by itself");
        self.crashes().add(Instant::now());
        // Its runs are over with it, and so are their commands. Nobody waits here.
        drop(server.process.end_strays());
        Record::remove(&server.record);
        server.output.finish();
        None
    }

    fn crashes(&self) -> MutexGuard<'_, Crashes> {
        // Nothing is left half-done under this lock.
        self.crashes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends our server.
    pub(super) async fn stop(&self) {
        let server = self.server.lock().await.take();
        if let Some(server) = server {
            end(server).await;
        }
    }
}

/// The program to start, when one may be started.
fn startable(config: &OpenCodeConfig) -> Option<PathBuf> {
    config.program.clone().filter(|_| config.start_when_needed && config.server_url.is_none())
}

/// Ends what is left of a server that ended while there was no peer; the record goes last, so that a peer after us does
/// it if we do not.
async fn clear_away(record: Record, files: Files, place: OwnedMutexGuard<Option<Server>>) {
    record.strays().end_elsewhere().await;
    let password = SecretString::from(record.password);
    Copying::start(files.copy(&password)).finish();
    Record::remove(&files.record);
    drop(place);
}

/// Takes the server over when runs of ours may be in it and it is the one that was written down, else ends it.
async fn take_up(
    record: Record,
    files: Files,
    runs: bool,
    mut place: OwnedMutexGuard<Option<Server>>,
    all: Arc<Mutex<Option<Server>>>,
    leases: Arc<Leases>,
) {
    let origin = format!("http://127.0.0.1:{}", record.port).parse();
    let password = SecretString::from(record.password.clone());
    let login = Some((USER.to_owned(), password.clone()));
    let Some(client) = origin.ok().and_then(|origin| Client::new(origin, login, FOUND).ok()) else { return };
    // Nobody else is asked for our password's sake: it must be this very process that listens there.
    let (pid, port) = (record.pid, record.port);
    let listens = move || owner::of_port(port).is_trusted() && owner::group_listens(pid, port);
    let ours = tokio::task::spawn_blocking(listens).await.unwrap_or(false);
    let answers = ours
        && match client.health().await {
            Ok(health) => health.healthy,
            // Busy is not gone: it shows when its run is looked up.
            Err(CallError::Unreachable(_)) => true,
            Err(_) => false,
        };
    let output = Copying::start(files.copy(&password));
    let process = Process::adopted(record);
    let server = Server { number: number(), process, client, record: files.record, output };
    if runs && answers {
        tracing::info!("taking over the OpenCode server that the last start left running");
        let number = server.number;
        *place = Some(server);
        tokio::spawn(end_when_idle(number, all, leases, limits::MANAGED_IDLE));
    } else {
        tracing::info!("ending the OpenCode server that the last start left running");
        if answers {
            end(server).await;
        } else {
            // Its port is somebody else's by now, or it does not know us: nobody gets the password.
            terminate(server).await;
        }
    }
}

/// The server that was written down in this file, if it still runs and its port is ours.
pub(super) fn recorded(file: &Path) -> Option<Client> {
    let record = Record::read(file).filter(Record::runs)?;
    // Nobody else is asked for our password's sake.
    if !owner::of_port(record.port).is_trusted() {
        return None;
    }
    let origin = format!("http://127.0.0.1:{}", record.port).parse().ok()?;
    Client::new(origin, Some((USER.to_owned(), record.password.into())), FOUND).ok()
}

/// How our own server is told from others.
const FOUND: &str = "started by this peer";

async fn launch(program: &Path, environment: &[(String, String)], files: &Files) -> Result<Server, String> {
    let password = SecretString::from(password());
    let port = free_port()?;
    let (output, errors) = output_file(&files.output()).map_err(|error| {
        format!("the state folder cannot be written ({error}); free some space, or make it writable")
    })?;
    let mut command = Command::new(program);
    command
        .args(["serve", "--hostname", "127.0.0.1", "--port", &port.to_string()])
        .current_dir(&files.work_dir)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .kill_on_drop(true);
    without_ours(&mut command);
    beside(&mut command, program);
    command
        .envs(environment.iter().cloned())
        .env("PWD", &files.work_dir)
        // Our plugin in it tells nobody where it listens: it is ours alone.
        .env("OPENCODE_NO_STATE_FILE", "1")
        .env("OPENCODE_SERVER_USERNAME", USER)
        .env("OPENCODE_SERVER_PASSWORD", password.expose_secret());
    #[cfg(unix)]
    command.process_group(0);
    let child = command.spawn().map_err(|error| format!("`opencode` could not be started ({error})"))?;
    let pid = child.id().unwrap_or_default();
    if let Some(started) = owner::started(pid) {
        let password = password.expose_secret().to_owned();
        Record { pid, started, port, password }.write(&files.record);
    }
    let origin = format!("http://127.0.0.1:{port}").parse().map_err(|_| "no address for `opencode serve`")?;
    let client = Client::new(origin, Some((USER.to_owned(), password.clone())), FOUND)?;
    let process = Process::ours(child, password.expose_secret());
    let listened = timeout(limits::MANAGED_START, listening(&process, &files.output())).await;
    let output = Copying::start(files.copy(&password));
    let server = Server { number: number(), process, client, record: files.record.clone(), output };
    match listened {
        Ok(true) => Ok(server),
        Ok(false) => {
            Record::remove(&files.record);
            server.output.finish();
            Err("`opencode serve` ended before it listened; try it in a terminal".into())
        }
        Err(_) => {
            let seconds = limits::MANAGED_START.as_secs();
            end(server).await;
            Err(format!("`opencode serve` did not listen within {seconds} s"))
        }
    }
}

/// Waits until the server says that it listens; `false` when it ends first.
async fn listening(process: &Process, output: &Path) -> bool {
    let mut look = interval(LOOK);
    loop {
        look.tick().await;
        let over = !process.runs();
        if output::beginning(output).lines().any(|line| line.contains(LISTENING)) {
            return true;
        }
        if over {
            return false;
        }
    }
}

/// Ends that one server once nobody has needed it for long enough.
async fn end_when_idle(number: u64, server: Arc<Mutex<Option<Server>>>, leases: Arc<Leases>, idle: Duration) {
    let mut held = leases.subscribe();
    loop {
        // Every change starts the wait anew; a lease that is held when it is over starts it, too.
        if let Ok(Ok(())) = timeout(idle, held.changed()).await {
            continue;
        }
        let mut server = server.lock().await;
        if server.as_ref().is_none_or(|server| server.number != number) {
            return;
        }
        if *held.borrow() == 0 {
            if let Some(server) = server.take() {
                tracing::info!("ending our own OpenCode server: it was idle");
                end(server).await;
            }
            return;
        }
    }
}

/// Asks, waits, forces.
async fn end(server: Server) {
    let _gone = server.client.dispose().await;
    terminate(server).await;
}

async fn terminate(server: Server) {
    signal(&server.process, Signal::Term);
    if timeout(limits::MANAGED_STOP, server.process.end()).await.is_err() {
        signal(&server.process, Signal::Kill);
        let _ended = timeout(limits::MANAGED_STOP, server.process.end()).await;
    }
    server.process.end_strays().await;
    Record::remove(&server.record);
    server.output.finish();
}

/// A port that was free a moment ago: OpenCode's own choice would be the well-known one, which is the person's.
fn free_port() -> Result<u16, String> {
    let listener =
        std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("no free port ({error})"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("no free port ({error})"))
}

/// A number that no other server of this process has.
fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn password() -> String {
    let mut rng = rand::rng();
    (0..4).map(|_| format!("{:016x}", rng.random::<u64>())).collect()
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
mod tests;
