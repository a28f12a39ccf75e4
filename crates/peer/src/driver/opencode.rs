//! The OpenCode driver: finds OpenCode in four ways, speaks its two dialects.
//!
//! - `server`: the real OpenCode 1.x (`opencode serve`, or a TUI with a port).
//! - `daemon`: the daemon of the seed's contract (contract C).

mod client;
mod daemon;
mod event;
mod feed;
mod locate;
mod managed;
mod owner;
mod server;
mod state_file;
mod tracker;

use super::{Detected, Driver, Probed, RunIo};
use crate::config::OpenCodeConfig;
use feed::Feeds;
use locate::{Located, Locator};
use managed::Managed;
use orgx_proto::agent::{AgentEnd, Failure};
use orgx_proto::dispatch::Start;
use std::path::Path;

/// The driver.
#[derive(Debug)]
pub(crate) struct OpenCode {
    locator: Locator,
    managed: Managed,
    feeds: Feeds,
}

impl OpenCode {
    /// `work_dir` is where our own server is started: the folder of no project.
    pub(crate) fn new(config: &OpenCodeConfig, work_dir: &Path) -> Self {
        Self {
            locator: Locator::new(config.clone()),
            managed: Managed::new(config, work_dir),
            feeds: Feeds::default(),
        }
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

    async fn run(&self, start: Start, io: &RunIo) -> AgentEnd {
        let managed = self.managed.running();
        let client = match self.locator.locate(managed).await {
            Ok(Located::Daemon(daemon)) => return daemon.run(start, io).await,
            Ok(Located::Server(client)) => client,
            Err(nowhere) => match self.managed.start().await {
                Ok(Some(client)) => client,
                Ok(None) => return AgentEnd::Failed(Failure::recoverable(&nowhere.to_string())),
                Err(why) => return AgentEnd::Failed(Failure::recoverable(&why)),
            },
        };
        // A lease keeps our own server from being stopped as idle while the run lives.
        let _lease = self.managed.lease(&client);
        server::run(&client, &self.feeds, start, io).await
    }

    async fn shutdown(&self) {
        self.managed.stop().await;
    }
}
