//! The peer: a handle, and behind it one actor that owns the state.

mod actor;
mod agents;
mod attention;
mod before_run;
mod budget;
mod command;
mod commands;
mod detail;
mod effects;
mod event;
mod facts;
mod folders;
mod history;
mod lifecycle;
mod link;
mod network;
mod publish;
mod receipts;
mod reload;
mod remote;
mod run_task;
mod sessions;
mod snapshot;
mod stop;
mod timeline;
mod today;
mod told;
mod undo;
mod waiting;
mod words;

pub(crate) use command::Request;
pub use command::{Answer, Command, CommandError, LifecycleEvent, LocalTask, Reply};
pub use event::PeerEvent;
pub use history::{ReceiptState, ReceiptView, RunDetail, RunRecord, RunState};
pub use orgx_proto::agent::{Choice, Question};
pub use orgx_proto::dispatch::PauseState;
pub use snapshot::{
    Ask, Attention, BudgetLimit, ClaudeCode, DeviationView, Link, OutboxView, PeerSnapshot, ReceiptCounts,
    RecentRun, RunView, SettingsView, StepView, Today,
};

use crate::config::Config;
use crate::control::{self, AttachError, Attached, Control, Hello, Host, Listener, PROTOCOL, Running};
use crate::instance::{Instance, LockError};
use crate::journal::{Journal, JournalError};
use crate::limits;
use crate::outbox::Outbox;
use crate::paths::{Paths, Tenant, write_private};
use actor::Actor;
use reload::AsRead;
use std::path::Path;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Events that a slow listener may be behind before it misses some.
pub(crate) const EVENTS: usize = 1_024;

/// A running peer: of this process ([`Peer::start`]), or of another one ([`Peer::attach`]). Both are used alike.
///
/// Dropping the handle of a peer of this process ends it; dropping that of another one only lets go of it.
#[derive(Debug)]
pub struct Peer {
    commands: mpsc::Sender<Request>,
    snapshot: watch::Receiver<PeerSnapshot>,
    /// Weak, so that listeners hear the end when the one who tells is gone.
    events: broadcast::WeakSender<PeerEvent>,
    /// The actor, or its mirror.
    task: JoinHandle<()>,
}

/// Why a peer could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another peer serves this workspace, or the state folder cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Something else that the OS refused.
    #[error("{what}: {error}")]
    Os {
        /// What was being done.
        what: &'static str,
        /// What the OS said.
        error: String,
    },
}

impl Peer {
    /// Starts a peer in the background; returns once it owns its workspace on this computer.
    ///
    /// # Errors
    /// When another peer serves the workspace, or the state folder or the journal cannot be used. OrgX being
    /// unreachable is no error: the peer tries again.
    pub async fn start(mut config: Config) -> Result<Self, StartError> {
        let instance = Instance::acquire(&config.paths.lock(&config.tenant()))?;
        let installation_id = installation_id(&config.paths.installation_id())?;
        let journal_path = config.paths.journal(&config.tenant());
        let (journal, memory) =
            // What a panic says may quote what was read.
            tokio::task::spawn_blocking(move || Journal::open(&journal_path)).await.map_err(|_| {
                StartError::Os { what: "the journal could not be opened", error: "this is a bug in OrgX Peer".into() }
            })??;
        let os = |what| move |error: std::io::Error| StartError::Os { what, error: error.to_string() };
        let outbox =
            config.outbox.clone().map(Outbox::open).transpose().map_err(os("the outbox could not start"))?;
        let (commands, inbox) = mpsc::channel(16);
        let (tell, snapshot) = watch::channel(PeerSnapshot::default());
        let (events, _) = broadcast::channel(EVENTS);
        let weak = events.downgrade();
        let control = match Listener::bind(
            &config.paths.control(&config.tenant()),
            config.paths.runtime.as_deref(),
        ) {
            Ok(listener) => {
                let host = Host {
                    commands: commands.downgrade(),
                    snapshot: snapshot.clone(),
                    events: weak.clone(),
                    hello: hello(&config),
                    write_within: limits::CONTROL_WRITE,
                };
                Some(Control::serve(listener, host))
            }
            Err(error) => {
                // Tasks run without it, too.
                config.warnings.push(format!(
                    "The control socket could not be made ({error}): `orgx-peer status` and its like do not work."
                ));
                None
            }
        };
        let env = config.source.clone();
        // One that cannot be read was not read before, either.
        let as_read = tokio::task::spawn_blocking(move || AsRead::read(&env)).await.ok().and_then(Result::ok);
        let parts =
            actor::Parts { config, as_read, installation_id, journal, memory, outbox, tell, events, inbox };
        let actor = Actor::new(parts).map_err(|error| StartError::Os {
            what: "the HTTP client could not be made",
            error: error.to_string(),
        })?;
        let task = tokio::spawn(async move {
            Box::pin(actor.run()).await;
            if let Some(control) = control {
                control.stop().await;
            }
            drop(instance);
        });
        Ok(Self { commands, snapshot, events: weak, task })
    }

    /// The same handle to a peer that runs in another process, over its control socket. Needs no key. When that peer
    /// is gone, commands answer [`CommandError::Gone`], the watch and the events end.
    ///
    /// # Errors
    /// When none runs for this tenant, or it cannot be spoken to.
    pub async fn attach(paths: &Paths, tenant: &Tenant) -> Result<Self, AttachError> {
        let Attached { commands, snapshot, events, task } = control::attach(&paths.control(tenant)).await?;
        Ok(Self { commands, snapshot, events, task })
    }

    /// The peers that run on this computer with this state folder.
    pub async fn running(paths: &Paths) -> Vec<Running> {
        control::running(paths).await
    }

    /// How everything stands now.
    pub fn snapshot(&self) -> PeerSnapshot {
        self.snapshot.borrow().clone()
    }

    /// How everything stands, with each change.
    pub fn watch(&self) -> watch::Receiver<PeerSnapshot> {
        self.snapshot.clone()
    }

    /// What happens, from now on.
    pub fn events(&self) -> broadcast::Receiver<PeerEvent> {
        // Of one that is gone, a feed that has ended.
        self.events.upgrade().map_or_else(|| broadcast::channel(1).1, |events| events.subscribe())
    }

    /// Does something, or looks it up.
    ///
    /// # Errors
    /// When it cannot be done; the words say why, and what would do.
    pub async fn command(&self, command: Command) -> Result<Reply, CommandError> {
        let (answer, answered) = oneshot::channel();
        let request = Request { command, answer };
        self.commands.send(request).await.map_err(|_| CommandError::Gone)?;
        answered.await.map_err(|_| CommandError::Gone)?
    }

    /// Ends every run as "peer stopped", lets OrgX hear of it for up to three seconds, closes, and is gone. A peer of
    /// another process ends the same way, and its process with it.
    pub async fn stop(self) {
        // One that is gone has stopped already.
        let _gone = self.command(Command::Stop).await;
        let _ended = self.task.await;
    }

    /// Waits until it is gone. Was it stopped (by whomever), and did not break?
    pub async fn ended(self) -> bool {
        self.task.await.is_ok()
    }
}

fn hello(config: &Config) -> Hello {
    Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        workspace_id: config.workspace_id.clone(),
        orgx: config.base_url.to_string(),
    }
}

/// The random id of this installation, made at the first start.
pub(crate) fn installation_id(path: &Path) -> Result<String, StartError> {
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    if uuid::Uuid::parse_str(kept.trim()).is_ok() {
        return Ok(kept.trim().to_owned());
    }
    let id = uuid::Uuid::new_v4().to_string();
    write_private(path, id.as_bytes()).map_err(|error| StartError::Os {
        what: "the state folder cannot be written",
        error: error.to_string(),
    })?;
    Ok(id)
}
