//! `orgx-peer pause`, `resume`, `cancel`: one command to the running peer, one line about it.

use crate::args::{CancelOptions, PauseOptions, PeerOptions, UndoOptions};
use crate::find::{Found, Refusal, find};
use crate::show::say_words;
use crate::show::text::plural;
use orgx_peer::{Command, CommandError, PeerSnapshot};
use std::process::ExitCode;

pub(crate) async fn pause(options: &PauseOptions) -> ExitCode {
    let after_current_runs = options.after_current_runs;
    end(async {
        let Found { peer, .. } = find(&options.peer).await?;
        peer.command(Command::Pause { after_current_runs }).await?;
        Ok(paused(&peer.snapshot(), after_current_runs))
    })
    .await
}

pub(crate) async fn resume(options: &PeerOptions) -> ExitCode {
    end(async {
        find(options).await?.peer.command(Command::Resume).await?;
        Ok("Taking tasks again.".to_owned())
    })
    .await
}

pub(crate) async fn cancel(options: &CancelOptions) -> ExitCode {
    end(async {
        let Found { peer, .. } = find(&options.peer).await?;
        let run_id = whole_id(&peer.snapshot(), &options.run)?;
        peer.command(Command::Cancel { run_id: run_id.clone(), exact: false }).await?;
        Ok(format!("Cancelling {run_id}: its agent is asked to stop."))
    })
    .await
}

pub(crate) async fn undo(options: &UndoOptions) -> ExitCode {
    end(async {
        let (run_id, undone) = (options.run.trim().to_owned(), !options.redo);
        let command = Command::Undo { run_id: run_id.clone(), exact: false, undone };
        find(&options.peer).await?.peer.command(command).await?;
        Ok(if undone {
            format!(
                "What run {run_id} changed is taken back. `orgx-peer runs undo --redo {run_id}` does it again, until its \
                 session is prompted."
            )
        } else {
            format!("What run {run_id} changed is there again.")
        })
    })
    .await
}

async fn end(work: impl Future<Output = Result<String, Refusal>>) -> ExitCode {
    match work.await {
        Ok(words) => {
            say_words(&words);
            ExitCode::SUCCESS
        }
        Err(refusal) => refusal.end(false),
    }
}

fn paused(now: &PeerSnapshot, after_current_runs: bool) -> String {
    let waiting = now.runs.iter().filter(|run| run.waits()).count() as u64;
    let running = now.runs.len() as u64 - waiting;
    let finished = match (running, waiting) {
        (0, 0) => return "Paused. `orgx-peer resume` takes tasks again.".to_owned(),
        (0, waiting) if after_current_runs => format!("{} that came already", plural(waiting, "task")),
        (running, waiting) if after_current_runs => plural(running + waiting, "task"),
        (0, _) => {
            return "Paused; what waits goes on waiting. `orgx-peer resume` takes tasks again.".to_owned();
        }
        (running, _) => format!("{} that runs now", plural(running, "task")),
    };
    format!("Pausing: {finished} will be finished first. `orgx-peer resume` takes tasks again.")
}

/// The id of the run that has not ended and starts so. One that is not among them is given as it is: the peer knows
/// whether it has ended, or never was.
fn whole_id(now: &PeerSnapshot, given: &str) -> Result<String, CommandError> {
    let given = given.trim();
    if given.is_empty() {
        return Err(CommandError::Invalid {
            why: "give the id of the run; `orgx-peer runs` lists them".to_owned(),
        });
    }
    let mut matching = now.runs.iter().filter(|run| run.run_id.starts_with(given));
    if now.runs.iter().any(|run| run.run_id == given) {
        return Ok(given.to_owned());
    }
    match (matching.next(), matching.next()) {
        (Some(run), None) => Ok(run.run_id.clone()),
        (Some(_), Some(_)) => Err(CommandError::Ambiguous { run_id: given.to_owned() }),
        (None, _) => Ok(given.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{live, snapshot};
    use orgx_peer::RunState;

    #[test]
    fn the_start_of_an_id_is_enough_when_it_is_clear() {
        let now = snapshot(vec![
            live("run_1a", RunState::Running),
            live("run_1b", RunState::Queued),
            live("run_1", RunState::Queued),
        ]);
        assert_eq!(whole_id(&now, "run_1a"), Ok("run_1a".into()));
        assert_eq!(
            whole_id(&now, " run_1 "),
            Ok("run_1".into()),
            "a whole id is that run, whatever else starts so"
        );
        assert_eq!(whole_id(&now, "run_9"), Ok("run_9".into()));
        assert_eq!(whole_id(&now, "run"), Err(CommandError::Ambiguous { run_id: "run".into() }));
        assert!(matches!(whole_id(&now, " "), Err(CommandError::Invalid { .. })));
    }

    #[test]
    fn what_pausing_does_to_what_is_there_is_said() {
        let said = [
            (vec![], false),
            (vec![live("a", RunState::Queued)], false),
            (vec![live("a", RunState::Running)], false),
            (vec![live("a", RunState::Running), live("b", RunState::Queued)], false),
            (vec![live("a", RunState::Running), live("b", RunState::Queued)], true),
            (vec![live("a", RunState::Queued)], true),
        ]
        .map(|(runs, after)| paused(&snapshot(runs), after));
        insta::assert_snapshot!(said.join("\n"));
    }
}
