//! `cargo xtask torture`: the long form of the kill -9 test. Its short form is part of `cargo xtask test`.

use std::process::ExitCode;

use anyhow::Result;

use crate::{agents::OPENCODE, apt, command, needs::Work, pinned::Obtained, test};

/// Builds it all, and becomes the test: its table, and its exit code, are ours.
pub(crate) fn torture(args: &[String]) -> Result<ExitCode> {
    apt::install_or_warn(Work::Desktop)?;
    let opencode = OPENCODE.obtain()?;
    command::run(command::cargo().args(test::BUILD))?;
    let mut torture = std::process::Command::new(command::built_program("orgx-torture"));
    torture.args(args).env("ORGX_PEER_BIN", command::built_program("orgx-peer"));
    match opencode {
        Obtained::Ready(program) => torture.env(OPENCODE.variable, program),
        Obtained::Absent(why) => {
            eprintln!("WARNING: {why} Only the daemon's part is played.");
            torture.env_remove(OPENCODE.variable)
        }
    };
    command::become_program(&mut torture)
}
