//! The Claude Code driver: one `claude -p` per task. Facts: claude-code.md; contract E.
//!
//! - The prompt goes in by standard input, which is closed after it: it is as long as it likes, starts with what it likes
//!   and is in no list of processes. Nobody can be asked over it.
//! - The session's id is ours, and the process is written down before it gets the prompt: one that outlives us is found
//!   and ended at the next start, and its run told as cut off.
//! - Permissions are the person's own, or what the setting says; what would have to be asked for is denied by Claude Code
//!   itself, and told.
//! - A run at its budget is held by ending its process, and let go on in the same session.

mod account;
mod command;
mod line;
mod run;
mod said;
pub(crate) mod tracker;

use super::program::Records;
use super::{Detected, Driver, Probed, RunIo};
use crate::config::ClaudeConfig;
use crate::limits;
use account::SignIn;
use orgx_proto::agent::{AgentEnd, Failure};
use orgx_proto::dispatch::Start;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

/// What a run says whose program is not there.
const MISSING: &str = "Claude Code is not installed on this computer: there is no `claude` program";
/// What a run says whose program is signed in to nothing.
const SIGNED_OUT: &str = "Claude Code on this computer is not signed in; its owner runs `claude auth login`";

/// The driver.
#[derive(Debug)]
pub(crate) struct ClaudeCode {
    config: RwLock<ClaudeConfig>,
    records: Records,
}

impl ClaudeCode {
    /// `records`: where its processes are written down; the run makes the rest of the name.
    pub(crate) fn new(config: &ClaudeConfig, records: PathBuf) -> Self {
        Self { config: RwLock::new(config.clone()), records: Records::new(records) }
    }

    /// The configuration changed. What runs goes on.
    pub(crate) fn set_config(&self, config: &ClaudeConfig) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config.clone();
    }

    fn config(&self) -> ClaudeConfig {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Driver for ClaudeCode {
    async fn detect(&self) -> Detected {
        let config = self.config();
        let Some(program) = &config.program else {
            return Detected { words: MISSING.to_owned(), ..Detected::default() };
        };
        let (version, signed_in) = tokio::join!(
            account::version(program, &config.environment, limits::VERSION_WITHIN),
            account::sign_in(program, &config.environment, limits::VERSION_WITHIN),
        );
        let name = version.as_ref().map_or_else(|| "Claude Code".to_owned(), |v| format!("Claude Code {v}"));
        let words = match &signed_in {
            SignIn::Yes(Some(method)) => format!("{name}, signed in ({method})"),
            SignIn::Yes(None) => format!("{name}, signed in"),
            SignIn::No => format!("{name} is not signed in: run `claude auth login`"),
            SignIn::Unknown => format!("{name}, which does not say whether it is signed in"),
        };
        Detected {
            installed: true,
            authenticated: signed_in != SignIn::No,
            subscription_active: signed_in.is_subscription(),
            version,
            words,
            // It runs only while it works.
            probed: Probed { session_alive: true, queue_depth: 0 },
        }
    }

    fn take_up(&self, _: bool) {
        self.records.take_up();
    }

    async fn run(&self, start: Start, io: &RunIo) -> AgentEnd {
        if let Some(resume) = &start.resume {
            io.take_up(resume);
            // Gone for sure before the run is told as cut off.
            self.records.was_left(&start.run_id).await;
            if !resume.held {
                return AgentEnd::Failed(Failure::peer_restarted());
            }
        }
        let config = self.config();
        let Some(program) = config.program.clone() else {
            return AgentEnd::Failed(Failure::lasting(MISSING));
        };
        let order = match command::Order::of(&start, config) {
            Ok(order) => order,
            Err(why) => return AgentEnd::Failed(Failure::lasting(&why)),
        };
        if start.resume.is_none() {
            let signed_in = account::sign_in(&program, order.environment(), limits::VERSION_WITHIN);
            let signed_in = tokio::select! {
                signed_in = signed_in => signed_in,
                () = io.stopped() => return AgentEnd::Failed(Failure::recoverable("stopped before it began")),
            };
            if signed_in == SignIn::No {
                return AgentEnd::Failed(Failure::recoverable(SIGNED_OUT));
            }
        }
        Box::pin(run::run(&program, &order, &self.records, start, io)).await
    }

    async fn shutdown(&self) {}
}

#[cfg(all(test, unix))]
#[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
mod tests;
