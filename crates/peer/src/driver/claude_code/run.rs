//! One run: its process, what it says, and its end; held at a budget, and let go on.

use super::command::Order as Task;
use super::said::Said;
use super::tracker::{Exit, Tracker};
use crate::driver::program::{Kept, Piece, Process, Records, Watched};
use crate::driver::{Order, RunIo};
use crate::limits;
use orgx_proto::agent::{AgentEnd, AgentEvent, Failure, PromptPlace};
use orgx_proto::dispatch::Start;
use orgx_proto::prompt::GO_ON;
use orgx_proto::redact::Redacted;
use std::path::Path;
use std::process::ExitStatus;
use tokio::io::AsyncWriteExt;

/// Runs one task to its end.
pub(super) async fn run(
    program: &Path,
    task: &Task,
    records: &Records,
    start: Start,
    io: &RunIo,
) -> AgentEnd {
    let tracker = Tracker::new(Path::new(&task.folder), task.kind);
    let mut run = Run { program, task, records, start, io, tracker, said: Said::default(), told: (0, 0.0) };
    match run.live().await {
        Ok(end) | Err(end) => end,
    }
}

struct Run<'a> {
    program: &'a Path,
    task: &'a Task,
    records: &'a Records,
    start: Start,
    io: &'a RunIo,
    tracker: Tracker,
    said: Said,
    told: (u64, f64),
}

/// Why a process was left.
enum Left {
    /// It is over.
    Ended(ExitStatus),
    /// The run is to be held.
    Held,
    /// The run is to be stopped.
    Stopped,
}

impl Run<'_> {
    async fn live(&mut self) -> Result<AgentEnd, AgentEnd> {
        // A run that was held when its peer died has no process, and waits on.
        let mut left = match &self.start.resume {
            Some(resume) if resume.held => {
                self.io.started(self.task.session.clone()).await;
                Left::Held
            }
            _ => self.begin().await?,
        };
        loop {
            match left {
                Left::Ended(status) => return Ok(self.end(status).await),
                Left::Stopped => return Ok(stopped()),
                Left::Held if self.tracker.is_over_by_itself() => {
                    return Ok(self.end(ExitStatus::default()).await);
                }
                Left::Held => left = self.hold().await?,
            }
        }
    }

    /// Starts the process, and prompts it once the key is spent.
    async fn begin(&mut self) -> Result<Left, AgentEnd> {
        let mut process = self.start(false)?;
        let _record = self.write_down(&process)?;
        let place = PromptPlace { session: Some(self.task.session.clone()), message_id: None };
        self.io.spend(place).await.map_err(|_| not_begun())?;
        self.io.started(self.task.session.clone()).await;
        prompt(&mut process, self.start.prompt.clone());
        self.io.prompted().await;
        Ok(Box::pin(self.follow(&mut process)).await)
    }

    /// Waits until it may go on, and lets it.
    async fn hold(&mut self) -> Result<Left, AgentEnd> {
        self.tell_used().await;
        while !self.io.is_released() {
            tokio::select! {
                order = self.io.order() => if order == Order::GoOn {
                    break;
                },
                () = self.io.stopped() => return Ok(Left::Stopped),
            }
        }
        let mut process = self.start(true)?;
        let _record = self.write_down(&process)?;
        let id = uuid::Uuid::new_v4().to_string();
        let granted = self.io.go_on(id).await;
        granted.map_err(|_| AgentEnd::Failed(Failure::recoverable("stopped before it went on")))?;
        self.tracker.goes_on();
        prompt(&mut process, GO_ON.to_owned());
        self.io.prompted().await;
        Ok(Box::pin(self.follow(&mut process)).await)
    }

    fn start(&self, again: bool) -> Result<Process, AgentEnd> {
        let command = self.task.command(self.program, again);
        Process::start(command, &self.start.run_id).map_err(|error| {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let reason = Redacted::without_paths(&format!("`claude` could not be started ({error})"));
            // PROTOCOL: contract E4.
            AgentEnd::Failed(Failure { reason, recoverable: !missing })
        })
    }

    /// Before it has its prompt: whatever happens to us, it does no work that nobody knows of.
    fn write_down(&self, process: &Process) -> Result<Kept, AgentEnd> {
        self.records.keep(&self.start.run_id, process.pid()).map_err(|_| {
            AgentEnd::Failed(Failure::recoverable(
                "the state folder cannot be written; free some space, or make it writable",
            ))
        })
    }

    /// Follows a process to its end, whatever way it comes.
    async fn follow(&mut self, process: &mut Process) -> Left {
        let mut watched = Watched::new(process, limits::CLAUDE_LINE_BYTES);
        let mut instead = None;
        loop {
            tokio::select! {
                piece = watched.next(process) => match piece {
                    Some(piece) => self.take(piece).await,
                    None => break,
                },
                order = self.io.order(), if instead.is_none() => if order == Order::Hold {
                    instead = Some(Left::Held);
                    watched.stop(process);
                },
                () = self.io.stopped(), if !matches!(instead, Some(Left::Stopped)) => {
                    instead = Some(Left::Stopped);
                    watched.stop(process);
                }
            }
        }
        let status = process.reap().await;
        self.tell_used().await;
        instead.unwrap_or(Left::Ended(status))
    }

    async fn take(&mut self, piece: Piece) {
        let events = match piece {
            Piece::Line(line) => self.tracker.observe(&line),
            Piece::Word(line) => {
                self.said.take(&line);
                return;
            }
            Piece::TooLong => {
                let words = "a line of Claude Code was longer than 8 MiB and was left out here";
                vec![AgentEvent::Remark(Redacted::new(words))]
            }
        };
        for event in events {
            self.io.event(event).await;
        }
        self.tell_used().await;
    }

    async fn tell_used(&mut self) {
        let used = self.tracker.used();
        if std::mem::replace(&mut self.told, used) != used {
            self.io.used(used.0, used.1).await;
        }
    }

    async fn end(&mut self, status: ExitStatus) -> AgentEnd {
        for event in self.tracker.unfinished() {
            self.io.event(event).await;
        }
        self.tracker.end(exit(status), self.said.last())
    }
}

/// One that ends before it has read it all says why by how it ends.
fn prompt(process: &mut Process, text: String) {
    if let Some(mut stdin) = process.take_stdin() {
        tokio::spawn(async move {
            let _ended = stdin.write_all(text.as_bytes()).await;
        });
    }
}

fn exit(status: ExitStatus) -> Exit {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    status.code().map_or(Exit::Signal(signal), Exit::Code)
}

fn not_begun() -> AgentEnd {
    AgentEnd::Failed(Failure::recoverable("stopped before it began"))
}

fn stopped() -> AgentEnd {
    AgentEnd::Failed(Failure::recoverable("stopped before it was done"))
}
