//! The OpenCode driver: finds OpenCode in four ways, speaks its three dialects.
//!
//! - `server`: the real OpenCode 1.x (`opencode serve`, or a TUI with a port).
//! - `daemon`: the daemon of the seed's contract (contract C).
//! - `run`: one `opencode run` per task, where there is no server, or where the person wants none.

mod ask;
mod cli;
mod client;
pub(crate) mod daemon;
pub(crate) mod event;
pub(crate) mod feed;
mod locate;
mod managed;
pub(crate) mod owner;
mod server;
pub(crate) mod state_file;
mod stop_on_drop;
mod strays;
pub(crate) mod survey;
pub(crate) mod tracker;
mod undo;

use super::{Detected, Driver, RunIo};
use crate::config::OpenCodeConfig;
use crate::limits;
use crate::paths::{Paths, Tenant};
use cli::Cli;
use client::Client;
use feed::Feeds;
use locate::{Located, Locator};
use managed::Managed;
use orgx_proto::agent::{AgentEnd, Failure};
use orgx_proto::dispatch::Start;
use orgx_proto::prompt::GO_ON;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How soon after a call to our own server has failed its end is known.
const END_IS_KNOWN: Duration = Duration::from_millis(500);
const NO_SERVER: &str = "no OpenCode server is running";
/// What a run says whose server ended in the middle of it.
const SERVER_ENDED: &str =
    "OpenCode's server ended in the middle of the run; what was done so far is in its folder";

/// The driver.
#[derive(Debug)]
pub(crate) struct OpenCode {
    locator: Locator,
    managed: Managed,
    cli: Cli,
    feeds: Feeds,
}

impl OpenCode {
    pub(crate) fn new(config: &OpenCodeConfig, paths: &Paths, tenant: &Tenant) -> Self {
        let managed = Managed::new(config, &paths.state, paths.managed(tenant), paths.agent_log(tenant));
        Self::with(config, managed, paths.cli(tenant))
    }

    /// One that is only asked what there is, and starts nothing.
    pub(crate) fn to_look_at(config: &OpenCodeConfig, paths: &Paths) -> Self {
        let managed = Managed::new(config, &paths.state, PathBuf::new(), PathBuf::new());
        Self::with(config, managed, PathBuf::new())
    }

    fn with(config: &OpenCodeConfig, managed: Managed, records: PathBuf) -> Self {
        Self {
            locator: Locator::new(config.clone()),
            managed,
            cli: Cli::new(config, records),
            feeds: Feeds::default(),
        }
    }

    /// The first OpenCode that answers, or our own; where there is no server, the program itself.
    async fn find_or_start(&self) -> Result<Located, String> {
        if self.cli.always() {
            let none = "there is no `opencode` program on this computer to run";
            return self.cli.program().map(Located::Cli).ok_or_else(|| none.to_owned());
        }
        let nowhere = match self.locator.locate(self.managed.running()).await {
            Ok(located) => return Ok(located),
            Err(nowhere) => nowhere,
        };
        let why = match self.managed.start().await {
            Ok(Some(client)) => return Ok(Located::Server(client)),
            Ok(None) => nowhere.to_string(),
            Err(why) => why,
        };
        match self.cli.program() {
            Some(program) => {
                tracing::info!(%why, "no OpenCode server; the task runs through `opencode run`");
                Ok(Located::Cli(program))
            }
            None => Err(why),
        }
    }

    /// A server for a run that has a session in one.
    async fn find_or_start_server(&self) -> Result<Located, String> {
        match self.locator.locate(self.managed.running()).await {
            Ok(located) => Ok(located),
            Err(nowhere) => {
                self.managed.start().await?.map(Located::Server).ok_or_else(|| nowhere.to_string())
            }
        }
    }

    /// The same for a run that a peer before us began. A server that is busy is not gone: it is looked for as long as a
    /// feed may be away. All servers of a person know all sessions; the one that works on this one is the one.
    async fn find_again(&self, start: &Start) -> Result<Located, String> {
        self.managed.settled().await;
        let session = start.resume.as_ref().and_then(|resume| resume.place.session.as_ref());
        if let (Some(ours), Some(session), Some(folder)) = (self.managed.running(), session, &start.folder)
            && ours.statuses(folder).await.is_ok_and(|busy| busy.contains_key(session.as_str()))
        {
            return Ok(Located::Server(ours));
        }
        let end = Instant::now() + limits::FEED_LOST;
        loop {
            match self.find_or_start_server().await {
                Err(_) if Instant::now() < end => sleep(limits::FEED_BACKOFF_FIRST).await,
                found => return found,
            }
        }
    }
}

impl OpenCode {
    /// Our own server, if it runs: to be asked, not to be given anything.
    pub(crate) fn own(&self) -> Option<survey::Seen> {
        self.managed.running().map(survey::Seen::from)
    }

    /// The configuration changed: which program may be started, if any. One that runs goes on.
    pub(crate) fn set_program(&self, config: &OpenCodeConfig) {
        self.managed.set_program(config);
        self.cli.set_program(config);
    }

    /// Runs one task on our own server. When that ends in the middle of it another is started, and the run looked up
    /// there: its session is in OpenCode's database. It is not prompted a second time.
    async fn run_on_ours(&self, mut client: Client, mut start: Start, io: &RunIo) -> AgentEnd {
        let mut lost = false;
        loop {
            let ended = self.managed.ended(client.clone());
            tokio::pin!(ended);
            let (end, mut is_gone) = tokio::select! {
                end = server::run(&client, &self.feeds, start.clone(), io) => (end, false),
                () = &mut ended => (AgentEnd::Failed(Failure::recoverable(SERVER_ENDED)), true),
            };
            let AgentEnd::Failed(failure) = &end else { return end };
            if !is_gone && failure.recoverable && !io.is_stopped() {
                // A call that failed may be the first sign of it.
                is_gone = timeout(END_IS_KNOWN, ended).await.is_ok();
            }
            if !is_gone || io.is_stopped() {
                // A run that is found again, and that nobody goes on with, is one that its server left.
                let left = lost && *failure == Failure::peer_restarted();
                return if left { AgentEnd::Failed(Failure::recoverable(SERVER_ENDED)) } else { end };
            }
            tracing::warn!(run_id = %start.run_id, "the OpenCode server of this run ended");
            lost = true;
            if let Some(resume) = io.spent() {
                if resume.began.is_some() {
                    GO_ON.clone_into(&mut start.prompt);
                }
                start.resume = Some(resume);
            }
            io.begin_again();
            let again = tokio::select! {
                again = self.managed.start() => again,
                () = io.stopped() => return end,
            };
            client = match again {
                Ok(Some(client)) => client,
                Ok(None) => return AgentEnd::Failed(Failure::recoverable(SERVER_ENDED)),
                Err(why) => {
                    let why = format!(
                        "OpenCode's server ended in the middle of the run, and could not be started again: {why}"
                    );
                    return AgentEnd::Failed(Failure::recoverable(&why));
                }
            };
        }
    }

    /// A run that a peer before us began is over before it was found again: its agent hears of it, if there is time.
    async fn tell_to_stop(&self, start: &Start) {
        let session = start.resume.as_ref().and_then(|resume| resume.place.session.as_ref());
        let Some(session) = session else { return };
        let tell = async {
            if let Ok(Located::Server(client)) = self.locator.locate(self.managed.running()).await {
                let _gone = client.abort(session.as_str()).await;
            }
        };
        let _late = timeout(limits::AGENT_PROBE, tell).await;
    }
}

impl Driver for OpenCode {
    async fn detect(&self) -> Detected {
        if self.cli.always() && self.cli.program().is_some() {
            return Cli::detect("as it is set");
        }
        let managed = self.managed.running();
        match self.locator.locate(managed).await {
            Ok(Located::Server(client)) => server::detect(&client).await,
            Ok(Located::Daemon(daemon)) => daemon.detect().await,
            Ok(Located::Cli(_)) => Cli::detect(NO_SERVER),
            Err(nowhere) if self.managed.possible() => {
                let words = match (self.managed.given_up(), self.cli.program()) {
                    (None, _) => "OpenCode is not running: it will be started when a task arrives".to_owned(),
                    (Some(why), None) => why,
                    (Some(why), Some(_)) => format!("{why}. Until then tasks run through `opencode run`"),
                };
                Detected { words: format!("{words}{}", nowhere.aside()), ..Cli::detect(NO_SERVER) }
            }
            Err(nowhere) if self.cli.program().is_some() => {
                let Detected { words, .. } = Cli::detect(NO_SERVER);
                Detected { words: format!("{words}{}", nowhere.aside()), ..Cli::detect(NO_SERVER) }
            }
            Err(nowhere) => Detected { words: nowhere.to_string(), ..Detected::default() },
        }
    }

    fn take_up(&self, runs: bool) {
        self.managed.take_up(runs);
        self.cli.take_up();
    }

    async fn run(&self, start: Start, io: &RunIo) -> AgentEnd {
        if let Some(resume) = &start.resume {
            io.take_up(resume);
        }
        if start.resume.is_some() && self.cli.was_left(&start.run_id).await {
            return AgentEnd::Failed(Failure::peer_restarted());
        }
        // A start of our own server takes seconds; a cancel need not wait for it.
        let find = async {
            if start.resume.is_some() { self.find_again(&start).await } else { self.find_or_start().await }
        };
        // Taken before it is known whose server it will be: ours must not end as idle in between.
        let lease = self.managed.lease();
        let found = tokio::select! {
            found = find => found,
            () = io.stopped() => {
                self.tell_to_stop(&start).await;
                Err("stopped before it began".to_owned())
            }
        };
        match found {
            Ok(Located::Daemon(daemon)) => daemon.run(start, io).await,
            // A lease keeps our own server from being stopped as idle while the run lives.
            Ok(Located::Server(client)) if Managed::is_ours(&client) => {
                let _lease = lease;
                self.run_on_ours(client, start, io).await
            }
            Ok(Located::Server(client)) => server::run(&client, &self.feeds, start, io).await,
            Ok(Located::Cli(program)) => Box::pin(self.cli.run(&program, start, io)).await,
            Err(_) if start.resume.is_some() => AgentEnd::Failed(Failure::peer_restarted()),
            Err(why) => AgentEnd::Failed(Failure::recoverable(&why)),
        }
    }

    async fn shutdown(&self) {
        self.managed.stop().await;
    }
}
