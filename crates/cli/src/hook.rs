//! `orgx-peer hook`: one event for the lifecycle receiver. Its end is never an error: it runs in the hooks of other
//! programs, and some of them take a status as an order.

use crate::args::{HookCommand, HookFacts};
use orgx_peer::hook::{Hook, send};
use orgx_peer::{Environment, Paths};
use std::ffi::OsStr;
use std::process::ExitCode;

pub(crate) async fn hook(command: HookCommand) -> ExitCode {
    let (kind, facts) = match command {
        HookCommand::Start(facts) => ("start", facts),
        HookCommand::Stop(facts) => ("stop", facts),
    };
    let HookFacts { session_id, cwd, exit_status, duration, model, summary, harness, pid, verbose } = facts;
    let told = Hook {
        hook_type: kind.to_owned(),
        session_id,
        harness,
        cwd,
        exit_status,
        duration_seconds: duration,
        model,
        summary,
        pid,
    };
    let result = match Paths::of(&Environment::of_process()) {
        Some(paths) => send(paths, &told).await.map_err(|error| error.to_string()),
        None => Err("HOME is not set, and neither is ORGX_PEER_STATE_DIR".to_owned()),
    };
    match result {
        Err(words) if verbose => crate::say_failed(&words, 0),
        _ => ExitCode::SUCCESS,
    }
}

/// The program was called in a way that it does not understand, or asked for help: clap's own words and status, but for
/// `hook`, whose status is 0.
pub(crate) fn misused(error: &clap::Error) -> ExitCode {
    // Nobody may be reading.
    let _unread = error.print();
    let is_hook = std::env::args_os().nth(1).as_deref() == Some(OsStr::new("hook"));
    if is_hook { ExitCode::SUCCESS } else { ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)) }
}
