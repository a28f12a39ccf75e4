//! The `run` dialect: one `opencode run` per task, for when there is no server. Facts: opencode.md 5.
//!
//! - The prompt goes in by standard input, so that it is as long as it likes, starts with what it likes and is in no
//!   list of processes. PROTOCOL: 1.18.33 puts quotes around a prompt that is an argument, and takes it from standard
//!   input as it is, up to its end.
//! - The process is written down before it gets the prompt: one that outlives us is found and ended at the next start.
//! - Nobody can be asked: OpenCode itself declines what would have to be asked for, and we say so.

mod output;
mod said;

use super::event::Event;
use super::server::looks_encoded;
use super::tracker::{Told, Tracker};
use crate::config::{CliUse, OpenCodeConfig};
use crate::driver::program::{Process, RUN_ID, Records, Watched, beside, without_ours};
use crate::driver::{Detected, Probed, RunIo};
use crate::limits;
use orgx_proto::agent::{AgentEnd, AgentEvent, Failure, PromptPlace};
use orgx_proto::dispatch::Start;
use orgx_proto::ids::{RunId, SessionHandle};
use orgx_proto::redact::Redacted;
use output::Seen;
use said::Said;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{PoisonError, RwLock};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The program that may be run.
#[derive(Debug)]
pub(super) struct Cli {
    how: RwLock<(CliUse, Option<PathBuf>)>,
    environment: Vec<(String, String)>,
    records: Records,
}

impl Cli {
    /// `records`: where the processes are written down; the run makes the rest of the name.
    pub(super) fn new(config: &OpenCodeConfig, records: PathBuf) -> Self {
        Self {
            how: RwLock::new(usable(config)),
            environment: config.environment.clone(),
            records: Records::new(records),
        }
    }

    pub(super) fn set_program(&self, config: &OpenCodeConfig) {
        *self.how.write().unwrap_or_else(PoisonError::into_inner) = usable(config);
    }

    /// Is it what every task runs through?
    pub(super) fn always(&self) -> bool {
        self.how.read().unwrap_or_else(PoisonError::into_inner).0 == CliUse::Always
    }

    /// The program to run, when one may be.
    pub(super) fn program(&self) -> Option<PathBuf> {
        self.how.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Ends, in the background, what a peer before us left running.
    pub(super) fn take_up(&self) {
        self.records.take_up();
    }

    /// Did a peer before us leave that run with this dialect? Resolves once its process is gone.
    pub(super) async fn was_left(&self, run_id: &RunId) -> bool {
        self.records.was_left(run_id).await
    }

    /// What is known of it; `why` it is used, in words.
    pub(super) fn detect(why: &str) -> Detected {
        Detected {
            installed: true,
            authenticated: true,
            subscription_active: true,
            version: None,
            words: format!("{why}: tasks run through `opencode run`, one program each"),
            probed: Probed::default(),
        }
    }

    /// Runs one task to its end.
    pub(super) async fn run(&self, program: &Path, start: Start, io: &RunIo) -> AgentEnd {
        let folder = match fitting(&start) {
            Ok(folder) => folder,
            Err(why) => return AgentEnd::Failed(Failure::lasting(why)),
        };
        let mut process = match Process::start(self.command(program, &start, &folder), &start.run_id) {
            Ok(process) => process,
            Err(error) => {
                return AgentEnd::Failed(Failure::recoverable(&format!(
                    "`opencode run` could not be started ({error})"
                )));
            }
        };
        // Before it has the prompt: whatever happens to us, it does no work that nobody knows of.
        let Ok(_record) = self.records.keep(&start.run_id, process.pid()) else {
            return AgentEnd::Failed(Failure::recoverable(
                "the state folder cannot be written; free some space, or make it writable",
            ));
        };
        if io.spend(PromptPlace::default()).await.is_err() {
            return AgentEnd::Failed(Failure::recoverable("stopped before it began"));
        }
        // One that ends before it has read it all says why by how it ends.
        if let Some(mut stdin) = process.take_stdin() {
            let prompt = start.prompt.clone();
            tokio::spawn(async move {
                let _ended = stdin.write_all(prompt.as_bytes()).await;
            });
        }
        io.prompted().await;
        Box::pin(Run::new(&start, folder).follow(&mut process, io)).await
    }

    /// No shell is between us and it, so nothing needs quoting; `--name=value` takes any value.
    fn command(&self, program: &Path, start: &Start, folder: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["run", "--format=json", &format!("--dir={folder}")]);
        // Without one OpenCode asks a model for it; the task's own would be in every list of processes.
        command.arg(format!("--title=OrgX run {}", start.run_id));
        command.args(start.model.as_ref().map(|model| format!("--model={model}")));
        command.args(start.agent.as_ref().map(|agent| format!("--agent={agent}")));
        without_ours(&mut command);
        beside(&mut command, program);
        command
            .envs(self.environment.iter().cloned())
            // It speaks to itself only; the person's password is not for the agent.
            .env_remove("OPENCODE_SERVER_PASSWORD")
            .env_remove("OPENCODE_SERVER_USERNAME")
            // What it leaves running is known by it.
            .env(RUN_ID, start.run_id.as_str())
            // PROTOCOL: it takes its folder from here.
            .env("PWD", folder)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

fn usable(config: &OpenCodeConfig) -> (CliUse, Option<PathBuf>) {
    // Who says where the server is wants that one and no other.
    let may = config.cli == CliUse::Always || (config.cli == CliUse::Fallback && config.server_url.is_none());
    (config.cli, config.program.clone().filter(|_| may))
}

/// The folder, when this dialect can do what the task wants.
fn fitting(start: &Start) -> Result<String, &'static str> {
    let folder = start.folder.clone();
    let folder = folder.ok_or("the task names no folder, and no default folder is set on this computer")?;
    if looks_encoded(&folder) {
        return Err(
            "OpenCode cannot work in a folder whose name has a percent sign before two hex digits; rename it",
        );
    }
    if start.session.is_some() {
        // PROTOCOL: it works in the session's own folder, whatever `--dir` says; nobody may have allowed that one.
        return Err(
            "this task goes on with a session, and `opencode run` cannot check which folder the session works in; \
                    let OrgX Peer start OpenCode's server ([opencode] start_when_needed in config.toml)",
        );
    }
    if !start.permission.is_empty() {
        // What it may be told of permissions would replace the person's own rules instead of narrowing them.
        return Err(
            "this task limits what the agent may do, which `opencode run` cannot be told; let OrgX Peer start \
                    OpenCode's server ([opencode] start_when_needed in config.toml)",
        );
    }
    if start.ask_before_commands {
        return Err(
            "the person wants to be asked before commands, and `opencode run` can ask nobody; let OrgX Peer start \
                    OpenCode's server ([opencode] start_when_needed in config.toml)",
        );
    }
    Ok(folder)
}

/// A run that is being followed.
struct Run {
    tracker: Option<Tracker>,
    folder: String,
    provider: Option<String>,
    agent: Option<String>,
    model: Option<String>,
    said: Said,
    declined: bool,
    used: u64,
}

impl Run {
    fn new(start: &Start, folder: String) -> Self {
        let provider = start.model.as_ref().and_then(|model| Some(model.split_once('/')?.0.to_owned()));
        Self {
            tracker: None,
            folder,
            provider,
            agent: start.agent.clone(),
            model: start.model.clone(),
            said: Said::default(),
            declined: false,
            used: 0,
        }
    }

    async fn follow(mut self, process: &mut Process, io: &RunIo) -> AgentEnd {
        let mut watched = Watched::new(process, limits::LINE_BYTES);
        let mut instead = None;
        loop {
            let seen = tokio::select! {
                piece = watched.next(process) => match piece {
                    Some(piece) => Seen::from(piece),
                    None => break,
                },
                () = io.stopped(), if instead.is_none() => {
                    instead = Some(Failure::recoverable("stopped before it was done"));
                    Seen::Nothing
                }
            };
            if let Some(failure) = self.take(seen, io).await {
                instead.get_or_insert(failure);
            }
            if instead.is_some() {
                watched.stop(process);
            }
        }
        let status = process.reap().await;
        match instead {
            Some(failure) => AgentEnd::Failed(failure),
            None => self.end(status),
        }
    }

    /// Takes what it said; what it returns is a reason to end it.
    async fn take(&mut self, seen: Seen, io: &RunIo) -> Option<Failure> {
        match seen {
            Seen::Nothing => None,
            Seen::TooLong => {
                let words = "an event of the agent was longer than 1 MiB and was left out here";
                io.event(AgentEvent::Remark(Redacted::new(words))).await;
                None
            }
            Seen::Event(session, mut event) => {
                if let Some(Event::Answer(answer)) = &mut event {
                    answer.provider.clone_from(&self.provider);
                }
                if self.tracker.is_none() {
                    // What `opencode run` is told it is told once.
                    io.cannot_hold().await;
                    io.started(SessionHandle::new(session.clone())).await;
                }
                let folder = Path::new(&self.folder);
                let tracker = self.tracker.get_or_insert_with(|| Tracker::new(&session, folder));
                let mut runaway = None;
                for told in event.map(|event| tracker.observe(&session, event)).unwrap_or_default() {
                    match told {
                        Told::Agent(event) => io.event(event).await,
                        Told::Runaway => {
                            runaway = Some(Failure::recoverable(&format!(
                                "the model's answers end without a reason, and OpenCode asks for ever: stopped \
                                 after {} in a row",
                                limits::RUNAWAY_ANSWERS
                            )));
                        }
                        // Its exit is its end, and it answers what it asks by itself.
                        _ => {}
                    }
                }
                let (tokens, dollars) = tracker.used();
                if std::mem::replace(&mut self.used, tokens) != tokens {
                    io.used(tokens, dollars * 100.0).await;
                }
                runaway
            }
            Seen::Said(line) => match self.said.take(&line) {
                said::Word::Declined(kind) => {
                    self.declined = true;
                    let words = format!(
                        "asked for permission ({kind}); declined, because `opencode run` can ask nobody"
                    );
                    io.event(AgentEvent::Remark(Redacted::new(&words))).await;
                    None
                }
                // PROTOCOL: it would go on with the default agent, which may do more than the one that was named.
                said::Word::OtherAgent => {
                    let agent = self.agent.as_deref().unwrap_or_default();
                    Some(Failure::lasting(&format!("OpenCode has no agent of the name {agent}")))
                }
                said::Word::Other => None,
            },
        }
    }

    /// How it ended. PROTOCOL: opencode.md 5, exit codes.
    fn end(&self, status: ExitStatus) -> AgentEnd {
        let fail = |words: &str, recoverable| {
            AgentEnd::Failed(Failure { reason: Redacted::without_paths(words), recoverable })
        };
        let last = self.said.last().map(|line| format!(": {line}")).unwrap_or_default();
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return fail(&format!("`opencode run` was ended from outside, by signal {signal}"), true);
        }
        let Some(tracker) = &self.tracker else {
            let code = status.code().unwrap_or_default();
            let lasting = self.said.last().is_some_and(|line| line.as_str().contains("Session not found"));
            return fail(&format!("`opencode run` ended with code {code} before it began{last}"), !lasting);
        };
        match tracker.end((0, 0.0)) {
            AgentEnd::Completed(_) if !status.success() => {
                let code = status.code().unwrap_or_default();
                fail(&format!("`opencode run` ended with code {code}{last}"), true)
            }
            AgentEnd::Failed(_) if !tracker.is_settled() && self.declined => fail(
                "OpenCode stopped, because it needed a permission and `opencode run` can ask nobody; allow it in \
                 OpenCode's configuration, or let OrgX Peer start OpenCode's server",
                false,
            ),
            // PROTOCOL: what an unknown model comes as.
            AgentEnd::Failed(failure) if failure.reason.as_str().contains("Unexpected server error") => {
                let model = self.model.as_deref().map(|model| format!("; perhaps it knows no model {model}"));
                fail(&format!("{}{}", failure.reason, model.unwrap_or_default()), failure.recoverable)
            }
            end => end,
        }
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
mod tests;
