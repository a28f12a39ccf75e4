//! Drivers: how a task gets into a local agent and what comes back.

pub(crate) mod claude_code;
pub(crate) mod lines;
pub(crate) mod opencode;
mod program;
mod told;

use orgx_proto::agent::{AgentAsk, AgentEnd, AgentEvent, PromptPlace, Reply};
use orgx_proto::dispatch::{Resume, Start};
use orgx_proto::ids::{AskId, SessionHandle};
use serde::{Deserialize, Serialize};
use std::sync::{MutexGuard, PoisonError};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use told::Told;

/// What is known of an agent on this computer. PROTOCOL: contract C2 (`detect`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detected {
    /// Can tasks be given to it, now or by starting it?
    pub installed: bool,
    /// Is it signed in to a model provider, as far as one can tell?
    pub authenticated: bool,
    /// Does a subscription stand behind it, as far as one can tell?
    pub subscription_active: bool,
    /// Its version.
    pub version: Option<String>,
    /// Where it is and how it is spoken to, or why there is none; for people.
    pub words: String,
    /// How it is doing.
    pub probed: Probed,
}

/// How an agent is doing. PROTOCOL: contract C2 (`probe`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// Does it answer?
    pub session_alive: bool,
    /// How much it has to do, in its own count.
    pub queue_depth: u64,
}

/// The run was stopped, or the peer is gone: the agent must not be prompted, or need not be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Halt;

/// What a driver says to the peer about one run, in order.
#[derive(Debug)]
pub(crate) enum Report {
    /// The agent is about to be prompted; the answer says whether it may.
    Spend(PromptPlace, oneshot::Sender<bool>),
    /// A run that a peer before us began was never prompted; the answer says whether it may be.
    MayPrompt(oneshot::Sender<bool>),
    /// The agent has this session.
    Started(SessionHandle),
    /// It has the prompt for sure.
    Prompted,
    /// It can be stopped, and not held: what it is told cannot be taken up again.
    CannotHold,
    /// It was held, and is about to be prompted to go on, under this message id; the answer says whether it may.
    GoOn(String, oneshot::Sender<bool>),
    /// Tokens and US cents so far, as it counts them.
    Used { tokens: u64, cents: f64 },
    /// It did or said something.
    Event(AgentEvent),
    /// It asks the person something.
    Ask(AgentAsk),
    /// It does not ask that any more: somebody answered elsewhere, or it was stopped.
    AskGone(AskId),
}

/// What the peer wants of a run that is under way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    /// Tell the agent what the person says.
    Reply(AskId, Reply),
    /// Let the agent stop where it is, and wait.
    Hold,
    /// Let it go on.
    GoOn,
}

/// A driver's side of one run.
#[derive(Debug)]
pub(crate) struct RunIo {
    reports: mpsc::Sender<Report>,
    orders: Mutex<mpsc::UnboundedReceiver<Order>>,
    stop: CancellationToken,
    told: std::sync::Mutex<Told>,
}

impl RunIo {
    pub(crate) fn new(
        reports: mpsc::Sender<Report>,
        orders: mpsc::UnboundedReceiver<Order>,
        stop: CancellationToken,
    ) -> Self {
        Self { reports, orders: Mutex::new(orders), stop, told: std::sync::Mutex::default() }
    }

    /// Asks for the right to prompt: it is given once, and journaled first.
    pub(crate) async fn spend(&self, place: PromptPlace) -> Result<(), Halt> {
        let (answer, granted) = oneshot::channel();
        self.reports.send(Report::Spend(place.clone(), answer)).await.map_err(|_| Halt)?;
        match granted.await {
            Ok(true) => {
                self.told().place = Some(place);
                Ok(())
            }
            _ => Err(Halt),
        }
    }

    /// Where the prompt went, or was to go, and whether the agent has it for sure; `None` before it was spent.
    pub(crate) fn spent(&self) -> Option<Resume> {
        self.told().resume()
    }

    /// The run was begun by a peer before us.
    pub(crate) fn take_up(&self, resume: &Resume) {
        self.told().take_up(resume);
    }

    /// The driver reads everything again: what was told before is not told twice.
    pub(crate) fn begin_again(&self) {
        self.told().begin_again();
    }

    /// Asks whether a run whose key a peer before us spent may be prompted now: it may have been cancelled since.
    pub(crate) async fn may_prompt(&self) -> Result<(), Halt> {
        let (answer, granted) = oneshot::channel();
        self.reports.send(Report::MayPrompt(answer)).await.map_err(|_| Halt)?;
        match granted.await {
            Ok(true) => Ok(()),
            _ => Err(Halt),
        }
    }

    /// Says, before the session, that this agent cannot be held at a budget.
    pub(crate) async fn cannot_hold(&self) {
        self.report(Report::CannotHold).await;
    }

    /// Asks for the right to prompt a run that was held, to go on: it is given once for each order, and journaled first.
    pub(crate) async fn go_on(&self, message_id: String) -> Result<(), Halt> {
        let (answer, granted) = oneshot::channel();
        self.reports.send(Report::GoOn(message_id.clone(), answer)).await.map_err(|_| Halt)?;
        match granted.await {
            Ok(true) => {
                self.told().goes_on(message_id);
                Ok(())
            }
            _ => Err(Halt),
        }
    }

    /// Was it let go on, and not prompted since?
    pub(crate) fn is_released(&self) -> bool {
        self.told().is_released()
    }

    /// Says which session the run lives in.
    pub(crate) async fn started(&self, session: SessionHandle) {
        if !std::mem::replace(&mut self.told().started, true) {
            self.report(Report::Started(session)).await;
        }
    }

    /// Says that the agent has the prompt: its text need not be kept for another try.
    pub(crate) async fn prompted(&self) {
        if !std::mem::replace(&mut self.told().prompted, true) {
            self.report(Report::Prompted).await;
        }
    }

    /// Says what it has used so far.
    pub(crate) async fn used(&self, tokens: u64, cents: f64) {
        self.report(Report::Used { tokens, cents }).await;
    }

    /// Says what the agent did; waits while the peer has no room.
    pub(crate) async fn event(&self, event: AgentEvent) {
        if self.told().is_new(&event) {
            self.report(Report::Event(event)).await;
        }
    }

    /// Says what the agent asks of the person. The answer comes as an order.
    pub(crate) async fn ask(&self, ask: AgentAsk) {
        self.report(Report::Ask(ask)).await;
    }

    /// Says that something is not asked any more.
    pub(crate) async fn ask_gone(&self, ask: AskId) {
        self.report(Report::AskGone(ask)).await;
    }

    /// What the peer wants next. Never resolves once the peer is gone: then the run is stopped.
    pub(crate) async fn order(&self) -> Order {
        match self.orders.lock().await.recv().await {
            Some(order) => {
                self.told().ordered(&order);
                order
            }
            None => std::future::pending().await,
        }
    }

    /// Resolves once the agent is to stop.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Is the agent to stop?
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // Nothing is left half-done under this lock.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn report(&self, report: Report) {
        // A peer that is gone hears nothing; the run ends by its stop token.
        let _gone = self.reports.send(report).await;
    }
}

/// A driver. There is one now; the trait is where the next one stands beside it.
pub(crate) trait Driver: Send + Sync {
    /// What is known of the agent.
    fn detect(&self) -> impl Future<Output = Detected> + Send;

    /// Takes up, in the background, what a peer before us left running: keeps it if `runs` of ours may be in it, else
    /// ends it.
    fn take_up(&self, runs: bool);

    /// Runs one task to its end, or follows it when a peer before us began it. Must end soon after `io.stopped()`; is dropped when it does not.
    fn run(&self, start: Start, io: &RunIo) -> impl Future<Output = AgentEnd> + Send;

    /// Lets go of everything it holds.
    fn shutdown(&self) -> impl Future<Output = ()> + Send;
}
