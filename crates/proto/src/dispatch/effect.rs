//! What the dispatcher wants done.

use crate::budget::{More, Used};
use crate::delivery::Outgoing;
use crate::ids::{AskId, DispatchKey, DriverId, RunId, SessionHandle};
use crate::receipt::Receipt;
use crate::run::Balance;
use crate::time::Timestamp;
use crate::work_graph::Record;
use std::time::Duration;

use crate::agent::{PermissionRule, PromptPlace, Reply};
use crate::message::Dispatch;

/// One thing to do. Effects are carried out in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Journal a dispatch that waits for its turn.
    Queue {
        /// The dispatch, whole.
        dispatch: Box<Dispatch>,
        /// When it came.
        at: Timestamp,
        /// Did it come while the peer was finishing what it had?
        after_pause: bool,
    },
    /// See whether the run may work in this folder, and answer with `Dispatcher::folder`.
    CheckFolder {
        /// The run.
        run_id: RunId,
        /// The folder as OrgX named it.
        repo_path: Option<String>,
    },
    /// Let the driver make a session, and answer with `Dispatcher::spend`, `started`, and at last `ended`.
    Start(Box<Start>),
    /// Journal that the key is spent, and commit before the next effect.
    Spend(Box<Spent>),
    /// Erase the task's text from the journal: the agent has it.
    Erase(RunId),
    /// Journal a deviation, before it is sent.
    Keep(Outgoing),
    /// Journal how the run ended, and commit before the next effect.
    End(Box<Ended>),
    /// Append to the outbox.
    Record(Box<Record>),
    /// Give to the delivery queue.
    Send(Outgoing),
    /// Tell those who watch, and not OrgX: the run is the person's own.
    Tell(Outgoing),
    /// Journal that the run is cancelled: a peer after us must not let it go on.
    Cancelled(RunId),
    /// Tell the run's agent what the person says to something that it asked.
    Reply {
        /// The run.
        run_id: RunId,
        /// What it asked.
        ask: AskId,
        /// The answer.
        reply: Reply,
    },
    /// Let the run's agent stop where it is, and wait: it is at its budget.
    Hold(RunId),
    /// Let it go on.
    GoOn(RunId),
    /// Journal what a run has used, and whether it is held; committed before the next effect when it goes on.
    Account(RunId, Box<Balance>),
    /// Journal how much more than the day's budget the person has allowed today.
    DayMore(More),
    /// Ask the run's agent to stop.
    Ask(RunId),
    /// Leave the run's agent behind: it did not stop in time.
    Abandon(RunId),
    /// Nothing to do; worth a line in the log.
    Ignored(&'static str),
}

/// What a driver needs to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The run.
    pub run_id: RunId,
    /// The dispatch's key.
    pub key: DispatchKey,
    /// The driver.
    pub driver: DriverId,
    /// The task's title.
    pub title: String,
    /// The whole prompt.
    pub prompt: String,
    /// `provider/model`, when the task names one.
    pub model: Option<String>,
    /// The agent ("build", "plan") that the task names.
    pub agent: Option<String>,
    /// The session that the task goes on with.
    pub session: Option<SessionHandle>,
    /// What the task takes away from the agent; it never gives.
    pub permission: Vec<PermissionRule>,
    /// Is the person asked before the agent runs a command? Their own setting; the peer fills it in.
    pub ask_before_commands: bool,
    /// The folder to work in.
    pub folder: Option<String>,
    /// A peer before us spent the key: the run is to be looked up, not prompted anew.
    pub resume: Option<Resume>,
    /// The dispatch was with a peer before us, which may have made a session for it.
    pub restored: bool,
}

/// What is known of a run that a peer before us started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// Where its prompt went, or was to go.
    pub place: PromptPlace,
    /// Does the agent have the prompt for sure?
    pub prompted: bool,
    /// The message id of its first prompt, when another one followed it.
    pub began: Option<String>,
    /// Was it held at a budget? Then it is held again, and goes on only when it is told to.
    pub held: bool,
}

/// A spent key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The run.
    pub run_id: RunId,
    /// The key.
    pub key: DispatchKey,
    /// The driver.
    pub driver: DriverId,
    /// The agent's session, when there is one before the prompt.
    pub session: Option<SessionHandle>,
    /// The id that our prompt will have in it.
    pub message_id: Option<String>,
    /// The folder it works in.
    pub folder: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Its dispatch, as far as it outlives the prompt: for a journal that could not take it when it came.
    pub origin: Origin,
}

/// Where a run comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Is it the person's own, which OrgX never hears of?
    pub local: bool,
    /// When its dispatch came.
    pub arrived: Timestamp,
    /// How long it may take.
    pub timeout: Duration,
    /// The folder as OrgX named it.
    pub repo_path: Option<String>,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The run.
    pub run_id: RunId,
    /// Its key, when it was spent.
    pub key: Option<DispatchKey>,
    /// The terminal.
    pub terminal: Outgoing,
    /// Was it the person's own, which OrgX never hears of?
    pub local: bool,
    /// Is it a failure?
    pub failed: bool,
    /// The receipt to post, for a completion.
    pub receipt: Option<Receipt>,
    /// Steps it was told of.
    pub steps: u64,
    /// Deviations it was told of.
    pub deviations: u64,
    /// What it used, whatever became of it.
    pub used: Used,
    /// When.
    pub at: Timestamp,
}
