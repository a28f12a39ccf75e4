//! `orgx-peer task`: a task of the person's own, through the running peer.

mod show;

use crate::args::TaskOptions;
use crate::find::{Refusal, find};
use crate::say_failed;
use crate::show::{Style, Tone};
use crate::signals::Stop;
use orgx_peer::{Command, CommandError, LocalTask, Peer, PeerEvent, PeerSnapshot, Reply, RunState};
use show::Show;
use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Longest prompt read from standard input, in bytes: what fits on the control socket.
const PROMPT_BYTES: u64 = 900 * 1024;

/// When it is said why nothing happens yet.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) async fn task(options: &TaskOptions) -> ExitCode {
    let mut stop = Stop::listen();
    let follow = async {
        let prepared = async {
            let task = local_task(options, prompt(options).await?)?;
            Ok::<_, Refusal>((task, find(&options.peer).await?.peer))
        };
        let (task, peer) = tokio::select! {
            prepared = prepared => prepared?,
            () = stop.asked() => return Err(Refusal::new("cancelled", "stopped before the task was given")),
        };
        // Before the task is there, so that nothing of it is missed.
        let events = peer.events();
        let answer = tokio::select! {
            answer = peer.command(Command::Task(task)) => answer?,
            () = stop.asked() => {
                let words = "stopped before the peer answered; `orgx-peer runs` tells whether it has the task";
                return Err(Refusal::new("cancelled", words));
            }
        };
        let Reply::Task { run_id } = answer else {
            return Err(Refusal::new("unreachable", "the running peer gave an answer to something else"));
        };
        Ok(Follow { peer, run_id, show: Show::new(Style::of_stdout()), stop }.follow(events).await)
    };
    match follow.await {
        Ok(code) => code,
        Err(refusal) => refusal.end(false),
    }
}

async fn prompt(options: &TaskOptions) -> Result<String, Refusal> {
    if options.prompt != "-" {
        return Ok(options.prompt.clone());
    }
    // On a thread of its own, which nobody waits for: a terminal may say nothing for long.
    let read = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        std::io::stdin().lock().take(PROMPT_BYTES).read_to_string(&mut text).map(|_| text)
    });
    let unread = |why: String| Refusal::usage(format!("the prompt on standard input cannot be read ({why})"));
    match read.await {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(unread(error.to_string())),
        Err(error) => Err(unread(error.to_string())),
    }
}

fn local_task(options: &TaskOptions, prompt: String) -> Result<LocalTask, Refusal> {
    if prompt.trim().is_empty() {
        return Err(Refusal::usage("the prompt is empty"));
    }
    let dir = match &options.dir {
        Some(dir) => dir.canonicalize().map_err(|error| (dir.clone(), error)),
        None => std::env::current_dir().map_err(|error| (".".into(), error)),
    };
    let folder = dir
        .map_err(|(dir, error)| Refusal::usage(format!("{} cannot be worked in ({error})", dir.display())))?;
    if !folder.is_dir() {
        return Err(Refusal::usage(format!("{} is not a folder", folder.display())));
    }
    Ok(LocalTask {
        prompt,
        folder: Some(folder),
        model: options.model.clone(),
        driver: options.driver.clone(),
    })
}

/// A run that is being watched.
struct Follow {
    peer: Peer,
    run_id: String,
    show: Show,
    stop: Stop,
}

impl Follow {
    async fn follow(mut self, mut events: broadcast::Receiver<PeerEvent>) -> ExitCode {
        self.show.line(Tone::Mute, &format!("Run {}", self.run_id));
        let mut watch = self.peer.watch();
        let mut asked = 0;
        let mut patience = std::pin::pin!(tokio::time::sleep(PATIENCE));
        let mut is_told = false;
        loop {
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Ok(event) => if let Some(end) = self.show.event(&self.run_id, &event) {
                        return code(end);
                    },
                    // Its end may be among what was missed; the snapshot knows.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Refusal::stopped().end(false),
                },
                changed = watch.changed() => {
                    let ended = changed.is_ok().then(|| ended(&watch.borrow_and_update(), &self.run_id)).flatten();
                    if let Some(event) = ended && events.is_empty() {
                        let end = self.show.event(&self.run_id, &event);
                        return code(end.unwrap_or(false));
                    }
                    if changed.is_err() && events.is_empty() {
                        return Refusal::stopped().end(false);
                    }
                }
                () = &mut patience, if !is_told => {
                    is_told = true;
                    if let Some(words) = waiting(&self.peer.snapshot(), &self.run_id) {
                        self.show.line(Tone::Mute, words);
                    }
                }
                () = self.stop.asked() => {
                    asked += 1;
                    if asked > 1 {
                        return say_failed("left it to the peer; `orgx-peer runs` tells how it ends", 1);
                    }
                    self.show.line(Tone::Mute, "Cancelling (Ctrl-C again leaves it to the peer)");
                    let cancelled = self.peer.command(Command::Cancel { run_id: self.run_id.clone(), exact: true }).await;
                    if let Err(error) = cancelled && !matches!(error, CommandError::Ended { .. }) {
                        return Refusal::from(error).end(false);
                    }
                }
            }
        }
    }
}

fn code(completed: bool) -> ExitCode {
    if completed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Why a run has not begun.
fn waiting(now: &PeerSnapshot, run_id: &str) -> Option<&'static str> {
    let run = now.runs.iter().find(|run| run.run_id == run_id)?;
    match run.state {
        // Not for a pause: that is for OrgX's tasks.
        RunState::Queued => Some("Waiting for its turn: other tasks run, or one in the same folder"),
        RunState::NeedsYou => Some("It waits for you: `orgx-peer attention list` says for what"),
        RunState::Starting => Some("The agent is being started"),
        _ => None,
    }
}

/// The end of a run, as the snapshot remembers it.
fn ended(now: &PeerSnapshot, run_id: &str) -> Option<PeerEvent> {
    let run = now.recent.iter().find(|run| run.run_id == run_id)?;
    Some(PeerEvent::Ended {
        run_id: run.run_id.clone(),
        completed: run.completed,
        tokens_used: run.tokens_used,
        reason: run.reason.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_begun_says_why() {
        let now =
            |state| waiting(&crate::fixtures::snapshot(vec![crate::fixtures::live("mine", state)]), "mine");
        assert!(now(RunState::Queued).is_some_and(|words| words.starts_with("Waiting for its turn")));
        assert_eq!(now(RunState::Starting), Some("The agent is being started"));
        assert_eq!(now(RunState::Running), None);
    }
}
