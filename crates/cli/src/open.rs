//! `orgx-peer runs resume` and `runs attach`: becomes OpenCode, with a run's session.

use crate::args::OpenOptions;
use crate::find::{Found, Refusal, find};
use crate::say_failed;
use crate::show::say;
use orgx_peer::{Command, CommandError, OpenSession, Reply};
use std::process::ExitCode;

pub(crate) async fn open(options: &OpenOptions, attach: bool) -> ExitCode {
    match look_up(options, attach).await {
        Err(refusal) => refusal.end(false),
        Ok(open) if options.print => {
            say(&open.command_line());
            if open.has_secrets() {
                let again = if attach { "attach" } else { "resume" };
                let words = format!(
                    "the command needs a password, which is not shown; `orgx-peer runs {again} {}` gives it",
                    options.run
                );
                return say_failed(&words, 0);
            }
            ExitCode::SUCCESS
        }
        Ok(open) => become_it(&open),
    }
}

async fn look_up(options: &OpenOptions, attach: bool) -> Result<OpenSession, Refusal> {
    let run_id = options.run.trim().to_owned();
    if run_id.is_empty() {
        let why = "give the id of the run; `orgx-peer runs` lists them".to_owned();
        return Err(CommandError::Invalid { why }.into());
    }
    let Found { peer, .. } = find(&options.peer).await?;
    match peer.command(Command::Open { run_id, attach }).await? {
        Reply::Open(open) => Ok(open),
        _ => Err(Refusal::new("unreachable", "the running peer gave an answer to something else")),
    }
}

/// Returns only when it could not.
#[cfg(unix)]
fn become_it(open: &OpenSession) -> ExitCode {
    use std::os::unix::process::CommandExt;
    failed(open, &open.command().exec())
}

/// Waits for it, and ends as it did.
#[cfg(not(unix))]
fn become_it(open: &OpenSession) -> ExitCode {
    match open.command().status() {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => failed(open, &error),
    }
}

fn failed(open: &OpenSession, error: &std::io::Error) -> ExitCode {
    say_failed(&format!("{} could not be started in the run's folder ({error})", open.program.display()), 1)
}
