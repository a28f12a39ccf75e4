//! `cargo xtask run`: the product on this machine, with the real OpenCode if it can be had: the desktop app, or where
//! there is no screen `orgx-peer demo`.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{
    agents::OPENCODE,
    apt, command,
    needs::{self, Work},
    pinned::Obtained,
};

/// What is shown.
#[derive(Clone, Copy)]
enum Show {
    /// The desktop app; on the sandbox while nobody is signed in.
    Desktop,
    /// The demo in the terminal.
    Demo,
}

/// Becomes it; it has our terminal, and its exit code is ours.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let (show, work) =
        if needs::has_screen() { (Show::Desktop, Work::Desktop) } else { (Show::Demo, Work::Headless) };
    if matches!(show, Show::Demo) {
        eprintln!(
            "There is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set), so this is the demo in the \
             terminal and not the desktop app."
        );
    }
    apt::install_or_warn(work)?;
    let opencode = OPENCODE.obtain()?;

    let mut program = command(show);
    program.args(args);
    // Where the person stands: a relative path among the arguments means that place.
    if let Ok(here) = std::env::current_dir() {
        program.current_dir(here);
    }
    match opencode {
        Obtained::Ready(opencode) => program.env(OPENCODE.variable, opencode),
        Obtained::Absent(why) => {
            eprintln!(
                "warning: {why} What runs takes an opencode on PATH, or else the built-in stand-in, and says which."
            );
            program.env_remove(OPENCODE.variable)
        }
    };
    command::become_program(&mut program)
}

fn command(show: Show) -> Command {
    let mut command = command::cargo();
    match show {
        Show::Desktop => command.args([
            "run",
            "--package",
            "orgx-tray",
            "--bin",
            "orgx-tray",
            "--",
            "--open",
            "--demo-when-signed-out",
        ]),
        Show::Demo => command.args(["run", "--package", "orgx-peer-cli", "--bin", "orgx-peer", "--", "demo"]),
    };
    command
}
