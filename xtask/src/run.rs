//! `cargo xtask run`: the product's main job on this machine, `orgx-peer demo`, with the real OpenCode if it can be had.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    apt, command,
    opencode::{self, OpenCode},
};

/// Becomes the demo; it has our terminal, and its exit code is ours.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    apt::install_or_warn()?;
    let opencode = opencode::obtain()?;

    let mut demo = command::cargo();
    demo.args(["run", "--package", "orgx-peer-cli", "--bin", "orgx-peer", "--", "demo"]).args(args);
    // Where the person stands: a relative path among the arguments means that place.
    if let Ok(here) = std::env::current_dir() {
        demo.current_dir(here);
    }
    match opencode {
        OpenCode::Ready(program) => demo.env(opencode::VARIABLE, program),
        OpenCode::Absent(why) => {
            eprintln!(
                "warning: {why} The demo takes an opencode on PATH, or else its built-in stand-in, and says which."
            );
            demo.env_remove(opencode::VARIABLE)
        }
    };
    command::become_program(&mut demo)
}
