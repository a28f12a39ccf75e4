//! `orgx-peer task`: a task of the person's own, through the running peer.

use crate::args::TaskOptions;
use crate::find::{Found, Refusal, find};
use crate::show::text::{clean, count, wrap};
use crate::show::when::clock;
use crate::show::{Style, Tone, WIDTH, say};
use crate::signals::Stop;
use crate::{say_failed, words};
use orgx_peer::{Command, CommandError, LocalTask, Peer, PeerEvent, PeerSnapshot, Reply};
use std::io::Read;
use std::process::ExitCode;
use std::time::Instant;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Longest prompt read from standard input, in bytes: what fits on the control socket.
const PROMPT_BYTES: u64 = 900 * 1024;

pub(crate) async fn task(options: &TaskOptions) -> ExitCode {
    let stop = Stop::listen();
    let follow = async {
        let task = local_task(options)?;
        let Found { peer, .. } = find(&options.peer).await?;
        // Before the task is there, so that nothing of it is missed.
        let events = peer.events();
        let Reply::Task { run_id } = peer.command(Command::Task(task)).await? else {
            return Err(Refusal::new("unreachable", "the running peer gave an answer to something else"));
        };
        Ok(Follow { peer, run_id, show: Show::new(Style::of_stdout()), stop }.follow(events).await)
    };
    match follow.await {
        Ok(code) => code,
        Err(refusal) => refusal.end(false),
    }
}

fn local_task(options: &TaskOptions) -> Result<LocalTask, Refusal> {
    let prompt = if options.prompt == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().take(PROMPT_BYTES).read_to_string(&mut text);
        read.map_err(|error| {
            Refusal::usage(format!("the prompt on standard input cannot be read ({error})"))
        })?;
        text
    } else {
        options.prompt.clone()
    };
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
    Ok(LocalTask { prompt, folder: Some(folder), model: options.model.clone() })
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
                () = self.stop.asked() => {
                    asked += 1;
                    if asked > 1 {
                        return say_failed("left it to the peer; `orgx-peer runs` tells how it ends", 1);
                    }
                    self.show.line(Tone::Mute, "Cancelling (Ctrl-C again leaves it to the peer)");
                    let cancelled = self.peer.command(Command::Cancel { run_id: self.run_id.clone() }).await;
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

/// What is shown of a run as it goes.
struct Show {
    began: Instant,
    style: Style,
}

impl Show {
    fn new(style: Style) -> Self {
        Self { began: Instant::now(), style }
    }

    /// One event, when it is of this run; at its end, whether it completed.
    fn event(&mut self, of: &str, event: &PeerEvent) -> Option<bool> {
        let (tone, words, end) = tell(of, event)?;
        self.line(tone, &words);
        end
    }

    fn line(&mut self, tone: Tone, words: &str) {
        let seconds = self.began.elapsed().as_secs();
        say(&lines(seconds, tone, words, self.style));
    }
}

fn lines(seconds: u64, tone: Tone, words: &str, style: Style) -> String {
    let time = format!("{:>5}  ", clock(seconds));
    let wrapped = wrap(words, WIDTH - time.len());
    let one = |(at, line): (usize, &String)| {
        let before = if at == 0 { time.clone() } else { " ".repeat(time.len()) };
        format!("{}{}", style.paint(Tone::Mute, &before), style.paint(tone, line))
    };
    wrapped.iter().enumerate().map(one).collect::<Vec<_>>().join("\n")
}

/// How an event of this run reads; with the end's, whether it completed.
fn tell(of: &str, event: &PeerEvent) -> Option<(Tone, String, Option<bool>)> {
    Some(match event {
        PeerEvent::Started { run_id, session } if run_id == of => {
            (Tone::Mute, format!("Session {session}"), None)
        }
        PeerEvent::Step { run_id, summary } if run_id == of => (Tone::Head, clean(summary), None),
        PeerEvent::Deviation { run_id, skill_id, evidence_ref } if run_id == of => {
            (Tone::Care, format!("Deviation from {skill_id} (evidence {evidence_ref})"), None)
        }
        PeerEvent::Ended { run_id, completed: true, tokens_used, .. } if run_id == of => {
            let tokens = tokens_used.map(|tokens| format!(", {} tokens", count(tokens))).unwrap_or_default();
            (Tone::Well, format!("Done{tokens}"), Some(true))
        }
        PeerEvent::Ended { run_id, completed: false, reason, .. } if run_id == of => {
            match reason.as_deref() {
                Some(words::CANCELLED) => (Tone::Mute, "Cancelled".to_owned(), Some(false)),
                Some(reason) => (Tone::Bad, format!("Run failed: {reason}"), Some(false)),
                None => (Tone::Bad, "Run failed".to_owned(), Some(false)),
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_as_it_goes_and_others_are_not_shown() {
        let of = |run_id: &str| {
            let run_id = run_id.to_owned();
            vec![
                PeerEvent::Started { run_id: run_id.clone(), session: "ses_1".into() },
                PeerEvent::Step { run_id: run_id.clone(), summary: "call bash — run the tests".into() },
                PeerEvent::Step {
                    run_id: run_id.clone(),
                    summary: format!("edit {} — add a line\x1b[2J", "long/".repeat(30)),
                },
                PeerEvent::Deviation {
                    run_id: run_id.clone(),
                    skill_id: "careful-retries".into(),
                    evidence_ref: "call_3".into(),
                },
                PeerEvent::Ended {
                    run_id: run_id.clone(),
                    completed: true,
                    tokens_used: Some(18_412),
                    reason: None,
                },
                PeerEvent::Ended {
                    run_id: run_id.clone(),
                    completed: false,
                    tokens_used: None,
                    reason: Some("cancelled".into()),
                },
                PeerEvent::Ended {
                    run_id,
                    completed: false,
                    tokens_used: None,
                    reason: Some("no OpenCode".into()),
                },
            ]
        };
        assert!(of("other").iter().all(|event| tell("mine", event).is_none()));
        let mut ends = Vec::new();
        let shown: Vec<String> = of("mine")
            .iter()
            .zip([0, 5, 65, 600, 6_000, 7, 8])
            .filter_map(|(event, seconds)| {
                let (tone, words, end) = tell("mine", event)?;
                ends.extend(end);
                Some(lines(seconds, tone, &words, Style::Plain))
            })
            .collect();
        assert_eq!(ends, [true, false, false]);
        let text = shown.join("\n");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH) && !text.contains('\x1b'), "{text}");
        insta::assert_snapshot!(text);
    }
}
