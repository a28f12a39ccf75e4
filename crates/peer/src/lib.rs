//! OrgX Peer as a library: the I/O around [`orgx_proto`], and the one actor that owns the state.
//!
//! ```no_run
//! use orgx_peer::{Config, Environment, Peer};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::load(&Environment::of_process())?;
//! let peer = Peer::start(config).await?;
//! let mut events = peer.events();
//! while let Ok(event) = events.recv().await {
//!     println!("{event:?}");
//! }
//! peer.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Data flows one way: a signal comes in (a frame, an agent's event, a timer, a command), `orgx_proto` decides, and
//! effects go out. See `docs/architecture.md`.

mod awake;
mod clock;
mod config;
pub mod control;
pub mod credentials;
mod day;
pub mod diagnostics;
pub mod doctor;
mod driver;
mod folder;
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod hangup;
pub mod hook;
mod http;
mod instance;
mod journal;
pub mod limits;
mod outbox;
mod panics;
mod paths;
mod peer;
pub mod plugin;
mod rules;
mod sessions;
pub mod settings;
pub mod sign_in;
mod webhook;
mod worktree;

pub use clock::Clock;
pub use config::{
    BudgetConfig, ClaudeConfig, CliUse, Config, ConfigError, Desktop, Draft, Environment, ForwardConfig,
    KeptError, LifecycleConfig, NotificationKind, OpenCodeConfig, PermissionMode, ProjectConfig, RunsConfig,
    find_opencode,
};
pub use control::{AttachError, Running};
pub use driver::{Detected, Probed};
pub use gateway::License;
pub use hangup::is_hangup_ignored;
pub use instance::LockError;
pub use journal::JournalError;
pub use orgx_proto::health::{Action, Health, Severity};
pub use orgx_proto::lifecycle::{Harness, Outcome, Phase};
pub use outbox::OutboxHealth;
pub use panics::log_panics;
pub use paths::{Paths, Tenant};
pub use peer::{
    Answer, Ask, Attention, BudgetLimit, Choice, ClaudeCode, Command, CommandError, DeviationView,
    LifecycleEvent, Link, LocalTask, OutboxView, PauseState, Peer, PeerEvent, PeerSnapshot, Question,
    ReceiptCounts, ReceiptState, ReceiptView, RecentRun, Reply, RunDetail, RunRecord, RunState, RunView,
    SettingsView, StartError, StepView, Today,
};
pub use sessions::{OpenSession, Session, SessionState, SessionTokens, Sessions, TerminalError};
pub use webhook::{BufferView, ForwardView, LifecycleSession, LifecycleState, LifecycleView};
