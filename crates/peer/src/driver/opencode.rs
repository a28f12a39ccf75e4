//! The OpenCode driver: finds OpenCode in four ways, speaks its two dialects.
//!
//! - `server`: the real OpenCode 1.x (`opencode serve`, or a TUI with a port).
//! - `daemon`: the daemon of the seed's contract (contract C).

mod ask;
mod client;
pub(crate) mod daemon;
pub(crate) mod event;
pub(crate) mod feed;
mod locate;
mod managed;
mod owner;
mod server;
pub(crate) mod state_file;
mod stop_on_drop;
pub(crate) mod survey;
pub(crate) mod tracker;
mod undo;

use super::{Detected, Driver, Probed, RunIo};
use crate::config::OpenCodeConfig;
use crate::limits;
use crate::paths::{Paths, Tenant};
use feed::Feeds;
use locate::{Located, Locator};
use managed::Managed;
use orgx_proto::agent::{AgentEnd, Failure};
use orgx_proto::dispatch::Start;
use std::path::{Path, PathBuf};
use tokio::time::{Instant, sleep, timeout};

/// The driver.
#[derive(Debug)]
pub(crate) struct OpenCode {
    locator: Locator,
    managed: Managed,
    feeds: Feeds,
}

impl OpenCode {
    pub(crate) fn new(config: &OpenCodeConfig, paths: &Paths, tenant: &Tenant) -> Self {
        Self::with(config, &paths.state, paths.managed(tenant))
    }

    /// One that is only asked what there is, and starts nothing.
    pub(crate) fn to_look_at(config: &OpenCodeConfig, paths: &Paths) -> Self {
        Self::with(config, &paths.state, PathBuf::new())
    }

    fn with(config: &OpenCodeConfig, work_dir: &Path, record: PathBuf) -> Self {
        Self {
            locator: Locator::new(config.clone()),
            managed: Managed::new(config, work_dir, record),
            feeds: Feeds::default(),
        }
    }

    /// The first OpenCode that answers, or our own.
    async fn find_or_start(&self) -> Result<Located, String> {
        let nowhere = match self.locator.locate(self.managed.running()).await {
            Ok(located) => return Ok(located),
            Err(nowhere) => nowhere,
        };
        self.managed.start().await?.map(Located::Server).ok_or_else(|| nowhere.to_string())
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
            match self.find_or_start().await {
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
        let managed = self.managed.running();
        match self.locator.locate(managed).await {
            Ok(Located::Server(client)) => server::detect(&client).await,
            Ok(Located::Daemon(daemon)) => daemon.detect().await,
            Err(nowhere) if self.managed.possible() => Detected {
                installed: true,
                authenticated: true,
                subscription_active: true,
                version: None,
                words: format!(
                    "OpenCode is not running: it will be started when a task arrives{}",
                    nowhere.aside()
                ),
                probed: Probed::default(),
            },
            Err(nowhere) => Detected { words: nowhere.to_string(), ..Detected::default() },
        }
    }

    fn take_up(&self, runs: bool) {
        self.managed.take_up(runs);
    }

    async fn run(&self, start: Start, io: &RunIo) -> AgentEnd {
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
            Ok(Located::Server(client)) => {
                // A lease keeps our own server from being stopped as idle while the run lives.
                let _lease = Managed::is_ours(&client).then_some(lease);
                server::run(&client, &self.feeds, start, io).await
            }
            Err(_) if start.resume.is_some() => AgentEnd::Failed(Failure::peer_restarted()),
            Err(why) => AgentEnd::Failed(Failure::recoverable(&why)),
        }
    }

    async fn shutdown(&self) {
        self.managed.stop().await;
    }
}
