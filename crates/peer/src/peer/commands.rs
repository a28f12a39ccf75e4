//! What people want of the running peer, done.

use super::actor::Actor;
use super::command::{Command, CommandError, LocalTask, Reply};
use super::event::PeerEvent;
use super::history::{RunRecord, RunState};
use crate::journal::{JournalError, Which};
use crate::limits;
use orgx_proto::ids::{DispatchKey, RunId};
use orgx_proto::message::{Dispatch, Task};
use orgx_proto::redact::Redacted;
use tokio::time::timeout;

/// Longest title made of a prompt, in characters.
const TITLE_CHARS: usize = 80;

impl Actor {
    pub(super) async fn on_command(&mut self, command: Command) -> Result<Reply, CommandError> {
        match command {
            Command::Pause { after_current_runs } => {
                self.dispatcher.pause(after_current_runs);
                self.notice_pause().await;
                Ok(Reply::Done)
            }
            Command::Resume => {
                let effects = self.dispatcher.resume(self.clock.now());
                self.notice_pause().await;
                self.carry_out(effects).await;
                Ok(Reply::Done)
            }
            Command::Cancel { run_id, exact } => self.cancel(&run_id, exact).await,
            Command::Task(task) => self.local_task(task).await,
            Command::Runs { limit } => self.records(Which::All, limit).await,
            Command::Receipts { limit } => self.records(Which::WithReceipt, limit).await,
            Command::Run { run_id } => {
                let runs = self.named(&run_id, false).await?;
                Ok(Reply::Runs { runs: vec![runs] })
            }
            Command::Detail { run_id, exact } => self.detail(&run_id, exact).await,
            Command::Answer { id, answer } => self.answer_here(&id, answer).await,
            Command::Reconnect => {
                self.try_now();
                Ok(Reply::Done)
            }
            Command::Reload => self.reload().await,
            // The loop takes these.
            Command::Stop
            | Command::Undo { .. }
            | Command::Sessions { .. }
            | Command::Lifecycle { .. }
            | Command::Open { .. } => Ok(Reply::Done),
        }
    }

    /// Keeps and tells a pause that changed: by a command, or because a peer that was draining has nothing left.
    pub(super) async fn notice_pause(&mut self) {
        let state = self.dispatcher.pause_state();
        if std::mem::replace(&mut self.pause_told, state) == state {
            return;
        }
        tracing::info!(?state, "pause");
        let kept = self.journal.pause(state).await;
        self.journaled(kept, "The pause would not survive a restart").await;
        // OrgX hears of it at once.
        if self.due.presence.is_some() {
            self.due.presence = Some(self.clock.now().mono);
        }
        self.touch();
    }

    async fn cancel(&mut self, run_id: &str, exact: bool) -> Result<Reply, CommandError> {
        let Some(found) = self.under_way(run_id, exact)? else {
            return Err(CommandError::Ended { run_id: self.named(run_id, exact).await?.run_id });
        };
        tracing::info!(run_id = %found, "the person cancels");
        let effects = self.dispatcher.cancel(&found, self.clock.now());
        self.carry_out(effects).await;
        Ok(Reply::Done)
    }

    /// The one run under way that this names.
    fn under_way(&self, run_id: &str, exact: bool) -> Result<Option<RunId>, CommandError> {
        let same = self.dispatcher.run(&RunId::new(run_id)).map(|run| run.dispatch.run_id.clone());
        if exact || same.is_some() {
            return Ok(same);
        }
        let mut found = self.dispatcher.runs().map(|run| &run.dispatch.run_id);
        let mut starting = found.by_ref().filter(|id| !run_id.is_empty() && id.as_str().starts_with(run_id));
        let (first, second) = (starting.next(), starting.next());
        match second {
            Some(_) => Err(CommandError::Ambiguous { run_id: run_id.to_owned() }),
            None => Ok(first.cloned()),
        }
    }

    async fn local_task(&mut self, task: LocalTask) -> Result<Reply, CommandError> {
        let invalid = |why: &str| CommandError::Invalid { why: why.to_owned() };
        let prompt = task.prompt.trim();
        if prompt.is_empty() {
            return Err(invalid("the prompt is empty; say what to do"));
        }
        if prompt.len() > limits::LOCAL_PROMPT_BYTES {
            return Err(invalid("the prompt is longer than 256 KiB; put it into a file and name that"));
        }
        if task.model.as_ref().is_some_and(|model| !model.contains('/')) {
            return Err(invalid("a model is written provider/model; `opencode models` lists them"));
        }
        let driver = self.driver_of(task.driver.as_deref()).map_err(|why| invalid(&why))?;
        let (title, rest) = prompt.split_once('\n').unwrap_or((prompt, ""));
        let run_id = format!("local_{}", uuid::Uuid::new_v4().simple());
        let dispatch = Dispatch {
            run_id: RunId::new(run_id.clone()),
            key: DispatchKey::new(run_id.clone()),
            timeout: orgx_proto::limits::MAX_TIMEOUT,
            task: Task {
                title: title.trim().to_owned(),
                description: Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty()),
                repo_path: task.folder.map(|folder| folder.to_string_lossy().into_owned()),
                skill_ids: Vec::new(),
                driver,
                model: task.model,
                ..Task::default()
            },
            local: true,
        };
        let title = Redacted::cut(&dispatch.task.title, TITLE_CHARS).into_string();
        self.tell(PeerEvent::Arrived { run_id: run_id.clone(), title });
        let effects = self.dispatcher.dispatch(dispatch, self.clock.now());
        self.carry_out(effects).await;
        Ok(Reply::Task { run_id })
    }

    async fn records(&mut self, which: Which, limit: usize) -> Result<Reply, CommandError> {
        let runs = self.look_up(which, limit).await?;
        let runs = runs.into_iter().map(|run| self.as_it_is_now(run)).collect();
        Ok(Reply::Runs { runs })
    }

    /// A disk that hangs holds nobody up for long.
    async fn look_up(&self, which: Which, limit: usize) -> Result<Vec<RunRecord>, CommandError> {
        let asked = self.journal.runs(which, limit.min(limits::LISTED_RUNS));
        match timeout(limits::LOOK_UP, asked).await {
            Ok(runs) => runs.map_err(unreadable),
            Err(_) => {
                Err(CommandError::Journal { why: "the journal does not answer; is the disk well?".into() })
            }
        }
    }

    /// The one run that this names.
    pub(super) async fn named(&mut self, run_id: &str, exact: bool) -> Result<RunRecord, CommandError> {
        let no_such = || CommandError::NoSuchRun { run_id: run_id.to_owned() };
        if run_id.is_empty() {
            return Err(no_such());
        }
        let mut runs = self.look_up(Which::Named(run_id.to_owned()), limits::LISTED_RUNS).await?;
        if let Some(at) = runs.iter().position(|run| run.run_id == run_id) {
            return Ok(self.as_it_is_now(runs.swap_remove(at)));
        }
        match (runs.pop().filter(|_| !exact), runs.is_empty()) {
            (None, _) => Err(no_such()),
            (Some(run), true) => Ok(self.as_it_is_now(run)),
            (Some(_), false) => Err(CommandError::Ambiguous { run_id: run_id.to_owned() }),
        }
    }

    /// The journal knows less of a run that has not ended than we do.
    fn as_it_is_now(&self, mut record: RunRecord) -> RunRecord {
        let run_id = RunId::new(record.run_id.clone());
        record.title = self.timelines.title(&run_id);
        if let Some(receipt) = &mut record.receipt {
            self.receipts.explain(&run_id, receipt, self.clock.now());
        }
        if let Some(run) = self.dispatcher.run(&run_id) {
            let view = super::snapshot::RunView::from(run);
            record.state = view.state;
            record.steps = view.steps;
            record.deviations = view.deviations;
            record.folder = view.folder.or(record.folder);
            record.session = view.session.or(record.session);
            record.driver = view.driver.or(record.driver);
            record.started_at = view.started_at.or(record.started_at);
        } else if !record.state.is_over() {
            // Its end could not be written down yet.
            record.state = RunState::Failed;
        }
        record
    }
}

fn unreadable(error: JournalError) -> CommandError {
    CommandError::Journal { why: error.to_string() }
}
