//! The project's own commands: `cargo xtask run | test | package | icons | torture | setup`.
//!
//! Each command first sees to what it needs (system packages, the pinned OpenCode) and then does its one job. What goes
//! wrong is told as a sentence that says what to do, and ends in exit code 1.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that people read in a terminal")]

mod agents;
mod apt;
mod command;
mod needs;
mod npm;
mod package;
mod pinned;
mod run;
mod summary;
mod test;
mod tools;
mod torture;

use std::process::ExitCode;

use anyhow::{Result, bail};
use pinned::Obtained;

const HELP: &str = "\
OrgX Peer: the project's own commands

  cargo xtask run [ARGS]                     build and start the desktop app, on the sandbox while nobody is signed in;
                                             without a screen, `orgx-peer demo [ARGS]`
  cargo xtask test [--fast] [-- CARGO_ARGS]  run every check and every test; --fast leaves out formatting, lints and
                                             licenses; CARGO_ARGS go to `cargo test`
  cargo xtask package [--debug] [KIND...]    build both programs and pack them: deb, rpm (and appimage, if named); dmg
                                             on macOS, msi on Windows
  cargo xtask icons                          draw the icons again from the SVGs in icons/
  cargo xtask torture [--kills N] [--minutes N] [--seed N]
                                             kill the peer with -9 again and again, at least 300 times, which takes about
                                             ten minutes, and see whether anything is lost or done twice
  cargo xtask setup                          only install what the commands above need

What is missing is installed: system packages on Debian and Ubuntu (as root or with sudo), and the real OpenCode and a few
tools, once, into the cache folder. ORGX_OPENCODE_BIN names another opencode program, and nothing is downloaded then.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    dispatch(&args).unwrap_or_else(|error| {
        // Display and not Debug: with RUST_BACKTRACE set, Debug would print a stack trace.
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn dispatch(args: &[String]) -> Result<ExitCode> {
    match args.split_first() {
        Some((name, rest)) if name == "run" => run::run(rest),
        Some((name, rest)) if name == "test" => test::test(rest),
        Some((name, rest)) if name == "package" => package::package(rest),
        Some((name, [])) if name == "icons" => icons(),
        Some((name, rest)) if name == "torture" => torture::torture(rest),
        Some((name, [])) if name == "setup" => setup(),
        Some((name, _)) if ["setup", "icons"].contains(&name.as_str()) => {
            bail!("`cargo xtask {name}` takes no arguments.")
        }
        None => Ok(help()),
        Some((name, _)) if ["help", "--help", "-h"].contains(&name.as_str()) => Ok(help()),
        Some((name, _)) => {
            bail!("there is no command `{name}`. `cargo xtask help` shows the commands there are.")
        }
    }
}

fn help() -> ExitCode {
    println!("{HELP}");
    ExitCode::SUCCESS
}

/// A test draws them: it is the one place that has what draws SVGs.
fn icons() -> Result<ExitCode> {
    apt::install_or_warn(needs::Work::Desktop)?;
    let mut test = command::cargo();
    test.args(["test", "--quiet", "--locked", "--package", "orgx-tray", "--lib", "the_committed_icons"]);
    command::run(test.env("ORGX_UPDATE_ICONS", "1"))?;
    Ok(ExitCode::SUCCESS)
}

/// Installs everything, and fails when something could not be had.
fn setup() -> Result<ExitCode> {
    apt::install(needs::Work::Tests)?;
    for agent in agents::ALL {
        match agent.obtain()? {
            Obtained::Ready(program) => println!("{}: {}", agent.title(), program.display()),
            Obtained::Absent(why) => bail!("{why}"),
        }
    }
    for tool in [tools::TYPESCRIPT, tools::ACTIONLINT] {
        if let Obtained::Absent(why) = tool.obtain()? {
            bail!("{why}");
        }
    }
    tools::tauri()?;
    println!("Everything is there.");
    Ok(ExitCode::SUCCESS)
}
