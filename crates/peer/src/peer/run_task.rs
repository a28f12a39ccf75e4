//! One run's task: the driver on one side, the actor on the other, and the skill rules between them.
//!
//! A run keeps the rule set that was current at its start. If a newer one is on its way then, steps flow and their
//! matching waits for it, up to ten seconds. A panic of the driver ends this run, and nothing else.

use super::before_run::BeforeRun;
use crate::driver::{Driver, Order, Report, RunIo};
use crate::limits;
use crate::rules::Rules;
use crate::worktree::Tree;
use orgx_proto::agent::{ActionKind, AgentAsk, AgentEnd, AgentEvent, Failure, PromptPlace};
use orgx_proto::dispatch::Start;
use orgx_proto::ids::{AskId, RunId, SessionHandle};
use orgx_proto::skill_rules::{EvidenceOn, Match, RunMatcher};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Which task speaks: a run whose key was freed may be dispatched again while its first task is still going away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaskId {
    pub(super) run_id: RunId,
    number: u64,
}

impl TaskId {
    pub(super) fn new(run_id: RunId, number: u64) -> Self {
        Self { run_id, number }
    }
}

/// What a run tells the actor, in order.
#[derive(Debug)]
pub(super) enum RunReport {
    Spend(PromptPlace, oneshot::Sender<bool>),
    MayPrompt(oneshot::Sender<bool>),
    Started(SessionHandle),
    /// The working tree before the prompt.
    Tree(Tree),
    Prompted,
    CannotHold,
    GoOn(String, oneshot::Sender<bool>),
    /// Tokens and US cents so far.
    Used {
        tokens: u64,
        cents: f64,
    },
    Event(AgentEvent, Vec<Match>),
    Ask(AgentAsk),
    AskGone(AskId),
    /// Rules that an earlier action breaks.
    Late {
        evidence_ref: String,
        matches: Vec<Match>,
    },
    Ended(AgentEnd),
}

/// The actor's hold on a run's task. Dropping it ends the task.
#[derive(Debug)]
pub(super) struct RunTask {
    id: TaskId,
    orders: mpsc::UnboundedSender<Order>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl RunTask {
    pub(super) fn spawn<D: Driver + 'static>(
        id: TaskId,
        driver: Arc<D>,
        start: Start,
        before: BeforeRun,
        rules: watch::Receiver<Rules>,
        actor: mpsc::Sender<(TaskId, RunReport)>,
    ) -> Self {
        let stop = CancellationToken::new();
        let (reports, inbox) = mpsc::channel(limits::RUN_EVENTS);
        let (orders, wanted) = mpsc::unbounded_channel();
        let io = RunIo::new(reports, wanted, stop.clone());
        let tree = BeforeRun::look(&start);
        let work = AbortOnDropHandle::new(tokio::spawn(async move {
            driver.run(before.complete(start).await, &io).await
        }));
        let run = Pump { id: id.clone(), rules, actor: actor.clone(), matching: Matching::NotStarted, tree };
        let pump = AbortOnDropHandle::new(tokio::spawn(run.pump(inbox, work)));
        let task = tokio::spawn(watch_over(id.clone(), pump, actor));
        Self { id, orders, stop, task: AbortOnDropHandle::new(task) }
    }

    /// Is this who speaks?
    pub(super) fn is(&self, id: &TaskId) -> bool {
        self.id == *id
    }

    /// Tells the driver what is wanted of the run.
    pub(super) fn order(&self, order: Order) {
        // A driver that is gone has ended the run.
        let _gone = self.orders.send(order);
    }

    /// Asks the agent to stop.
    pub(super) fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    /// Resolves once the agent has been let go of.
    pub(super) async fn finished(self) {
        let _ended = self.task.await;
    }
}

struct Pump {
    id: TaskId,
    rules: watch::Receiver<Rules>,
    actor: mpsc::Sender<(TaskId, RunReport)>,
    matching: Matching,
    /// How its folder looks before the agent is prompted.
    tree: Option<AbortOnDropHandle<Option<Tree>>>,
}

enum Matching {
    NotStarted,
    /// Newer rules are on their way.
    Waiting {
        until: Instant,
        backlog: VecDeque<Evidence>,
    },
    Ready(RunMatcher),
}

/// What rules are matched against. Never leaves this task.
struct Evidence {
    on: EvidenceOn,
    text: String,
    stands_for: String,
}

impl Pump {
    async fn pump(mut self, mut inbox: mpsc::Receiver<Report>, work: AbortOnDropHandle<AgentEnd>) {
        loop {
            let waits = match &self.matching {
                Matching::Waiting { until, .. } => Some(*until),
                _ => None,
            };
            let report = tokio::select! {
                report = inbox.recv() => report,
                () = newest(&mut self.rules, waits), if waits.is_some() => {
                    self.catch_up().await;
                    continue;
                }
            };
            match report {
                Some(Report::Spend(place, grant)) => {
                    // The look began with the start, and has a limit of its own.
                    if let Some(look) = self.tree.take()
                        && let Ok(Some(tree)) = look.await
                    {
                        self.tell(RunReport::Tree(tree)).await;
                    }
                    self.tell(RunReport::Spend(place, grant)).await;
                }
                Some(Report::MayPrompt(grant)) => self.tell(RunReport::MayPrompt(grant)).await,
                Some(Report::Started(session)) => {
                    self.begin_matching();
                    self.tell(RunReport::Started(session)).await;
                }
                Some(Report::Prompted) => self.tell(RunReport::Prompted).await,
                Some(Report::CannotHold) => self.tell(RunReport::CannotHold).await,
                Some(Report::GoOn(id, grant)) => self.tell(RunReport::GoOn(id, grant)).await,
                Some(Report::Used { tokens, cents }) => self.tell(RunReport::Used { tokens, cents }).await,
                Some(Report::Event(event)) => {
                    let matches = self.matches(&event);
                    self.tell(RunReport::Event(event, matches)).await;
                }
                Some(Report::Ask(ask)) => self.tell(RunReport::Ask(ask)).await,
                Some(Report::AskGone(ask)) => self.tell(RunReport::AskGone(ask)).await,
                None => break,
            }
        }
        if let Matching::Waiting { until, .. } = &self.matching {
            newest(&mut self.rules, Some(*until)).await;
            self.catch_up().await;
        }
        let end = work.await.unwrap_or_else(|_| crashed(&self.id));
        self.tell(RunReport::Ended(end)).await;
    }

    fn begin_matching(&mut self) {
        let rules = self.rules.borrow_and_update().clone();
        self.matching = if rules.loading {
            Matching::Waiting { until: Instant::now() + limits::RULES_WAIT, backlog: VecDeque::new() }
        } else {
            Matching::Ready(RunMatcher::new(rules.set, self.id.run_id.as_str()))
        };
    }

    fn matches(&mut self, event: &AgentEvent) -> Vec<Match> {
        let AgentEvent::Action(action) = event else { return Vec::new() };
        let on = match action.kind {
            ActionKind::FileEdit { .. } => EvidenceOn::FileEdit,
            ActionKind::ToolCall { .. } => EvidenceOn::ToolCall,
        };
        match &mut self.matching {
            Matching::NotStarted => Vec::new(),
            Matching::Ready(matcher) => matcher.observe(on, &action.matched_text),
            Matching::Waiting { backlog, .. } => {
                if backlog.len() == limits::RULES_BACKLOG {
                    backlog.pop_front();
                    tracing::warn!(run_id = %self.id.run_id, "an action went unmatched: too many wait for the skill rules");
                }
                let stands_for = action.evidence_ref.as_deref().unwrap_or(action.kind.name()).to_owned();
                backlog.push_back(Evidence { on, text: action.matched_text.clone(), stands_for });
                Vec::new()
            }
        }
    }

    /// The rules are there, or the wait for them is over: matches what waited.
    async fn catch_up(&mut self) {
        let rules = self.rules.borrow_and_update().clone();
        if rules.loading {
            tracing::warn!(run_id = %self.id.run_id, "the skill rules are still being fetched; those from before are used");
        }
        let mut matcher = RunMatcher::new(rules.set, self.id.run_id.as_str());
        if let Matching::Waiting { backlog, .. } = std::mem::replace(&mut self.matching, Matching::NotStarted)
        {
            for evidence in backlog {
                let matches = matcher.observe(evidence.on, &evidence.text);
                if !matches.is_empty() {
                    self.tell(RunReport::Late { evidence_ref: evidence.stands_for, matches }).await;
                }
            }
        }
        self.matching = Matching::Ready(matcher);
    }

    async fn tell(&self, report: RunReport) {
        // An actor that is gone has ended this run already.
        let _gone = self.actor.send((self.id.clone(), report)).await;
    }
}

/// Ends the run whose pump has no last word.
async fn watch_over(id: TaskId, pump: AbortOnDropHandle<()>, actor: mpsc::Sender<(TaskId, RunReport)>) {
    if pump.await.is_err_and(|error| error.is_panic()) {
        let end = RunReport::Ended(crashed(&id));
        let _gone = actor.send((id, end)).await;
    }
}

/// A panic ends its run, and nothing else.
fn crashed(id: &TaskId) -> AgentEnd {
    tracing::error!(run_id = %id.run_id, "the run crashed");
    AgentEnd::Failed(Failure::recoverable("the run crashed inside the peer; this is a bug in OrgX Peer"))
}

/// Resolves once no newer rules are on their way, or at `until`.
async fn newest(rules: &mut watch::Receiver<Rules>, until: Option<Instant>) {
    let until = until.unwrap_or_else(Instant::now);
    tokio::select! {
        _ = rules.wait_for(|rules| !rules.loading) => {}
        () = sleep_until(until) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Detected;
    use orgx_proto::agent::Action;
    use orgx_proto::ids::{DispatchKey, DriverId};

    /// Does what its task says: panics, or says something and is done.
    struct Script;

    impl Driver for Script {
        async fn detect(&self) -> Detected {
            Detected::default()
        }

        fn take_up(&self, _: bool) {}

        async fn run(&self, start: Start, io: &RunIo) -> AgentEnd {
            io.started(SessionHandle::new("ses")).await;
            assert!(start.title != "panic", "SECRET of the task");
            io.event(AgentEvent::Action(Action {
                kind: ActionKind::ToolCall { tool: "bash".into() },
                detail: String::new(),
                evidence_ref: None,
                matched_text: "x".into(),
                answers: true,
            }))
            .await;
            AgentEnd::Failed(Failure::recoverable("done"))
        }

        async fn shutdown(&self) {}
    }

    fn start(title: &str) -> Start {
        Start {
            run_id: RunId::new(title),
            key: DispatchKey::new(title),
            driver: DriverId::opencode(),
            title: title.into(),
            prompt: String::new(),
            model: None,
            agent: None,
            session: None,
            permission: Vec::new(),
            ask_before_commands: false,
            folder: None,
            resume: None,
            restored: false,
        }
    }

    #[tokio::test]
    async fn a_panic_inside_one_run_ends_that_run_as_failed_and_nothing_else() {
        let (actor, mut told) = mpsc::channel(64);
        let (_rules, rules) = watch::channel(Rules { loading: false, ..Rules::default() });
        let spawn = |title: &str, number| {
            let id = TaskId::new(RunId::new(title), number);
            RunTask::spawn(
                id,
                Arc::new(Script),
                start(title),
                BeforeRun::default(),
                rules.clone(),
                actor.clone(),
            )
        };
        let tasks = [spawn("panic", 1), spawn("fine", 2)];
        let mut ends = Vec::new();
        while ends.len() < 2 {
            let (id, report) = told.recv().await.expect("a report");
            if let RunReport::Ended(AgentEnd::Failed(failure)) = report {
                ends.push((id.run_id.to_string(), failure.reason.into_string(), failure.recoverable));
            }
        }
        ends.sort();
        let crashed = "the run crashed inside the peer; this is a bug in OrgX Peer";
        assert_eq!(ends, [("fine".into(), "done".into(), true), ("panic".into(), crashed.into(), true)]);
        for task in tasks {
            task.finished().await;
        }
    }

    #[tokio::test]
    async fn a_panic_between_the_driver_and_the_peer_ends_the_run_too() {
        let (actor, mut told) = mpsc::channel(64);
        let id = TaskId::new(RunId::new("r"), 1);
        let pump = AbortOnDropHandle::new(tokio::spawn(async { panic!("a rule that cannot be matched") }));
        watch_over(id, pump, actor).await;
        let (_, report) = told.recv().await.expect("a report");
        assert!(matches!(report, RunReport::Ended(AgentEnd::Failed(_))));
    }
}
