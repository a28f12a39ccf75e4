//! A program that is started for one task: its process, what it leaves running, and how a peer after us finds it.

mod pipes;
mod process;
mod record;
mod signal;
mod strays;
mod watched;

pub(in crate::driver) use process::Process;
pub(in crate::driver) use record::{Kept, Records};
pub(in crate::driver) use signal::{Signal, signal_group};
pub(in crate::driver) use strays::{RUN_ID, Strays};
pub(in crate::driver) use watched::{Piece, Watched};

use pipes::Pipes;

use crate::limits;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

/// How often a process is looked at that tells us nothing.
pub(in crate::driver) const LOOK: Duration = Duration::from_millis(50);

/// Takes every variable of ours out of what a program would inherit: our key is nobody's business.
pub(in crate::driver) fn without_ours(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ORGX_") {
            command.env_remove(name);
        }
    }
}

/// What stands beside the program is on its PATH: node, when npm put it there.
pub(in crate::driver) fn beside(command: &mut Command, program: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(program.parent().map(Path::to_owned));
    if let Ok(path) = std::env::join_paths(places) {
        command.env("PATH", path);
    }
}

/// Ends whatever still runs of a process; for the records.
async fn end_process(pid: u32, runs: impl Fn() -> bool) {
    for signal in [Signal::Term, Signal::Kill] {
        if !runs() {
            return;
        }
        signal_group(pid, signal);
        let gone = async {
            while runs() {
                sleep(LOOK).await;
            }
        };
        let _late = timeout(limits::CLI_STOP, gone).await;
    }
}
