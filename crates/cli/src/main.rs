//! `orgx-peer`: the peer without a screen, and its tools.

mod args;
mod attention;
mod demo;
mod diagnostics;
mod doctor;
mod find;
#[cfg(test)]
mod fixtures;
mod hook;
mod lifecycle;
mod logging;
mod login;
mod logout;
mod open;
mod outbox;
mod plugin;
mod run;
mod runs;
mod sessions;
mod show;
mod signals;
mod status;
mod steer;
mod task;
mod words;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return hook::misused(&error),
    };
    // Two workers: a run's matching never holds up the socket, and an idle peer stays small.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return say_failed(&format!("the program could not start ({error})"), 1),
    };
    let code = match args.command {
        Command::Run(options) => runtime.block_on(run::run(&options)),
        Command::Login(options) => runtime.block_on(login::login(&options)),
        Command::Logout => runtime.block_on(logout::logout()),
        Command::Demo(options) => runtime.block_on(demo::demo(&options)),
        Command::Status(options) => runtime.block_on(status::status(&options)),
        Command::Pause(options) => runtime.block_on(steer::pause(&options)),
        Command::Resume(options) => runtime.block_on(steer::resume(&options)),
        Command::Cancel(options) => runtime.block_on(steer::cancel(&options)),
        Command::Attention(options) => runtime.block_on(attention::attention(&options.command)),
        Command::Runs(options) => runtime.block_on(runs::runs(&options)),
        Command::Sessions(options) => runtime.block_on(sessions::sessions(&options)),
        Command::Lifecycle(options) => runtime.block_on(lifecycle::lifecycle(&options)),
        Command::Hook(options) => runtime.block_on(hook::hook(options.command)),
        Command::Receipts(options) => runtime.block_on(runs::receipts(&options)),
        Command::Outbox(options) => runtime.block_on(outbox::outbox(&options)),
        Command::Task(options) => runtime.block_on(task::task(&options)),
        Command::Plugin(options) => plugin::plugin(&options),
        Command::Doctor(options) => runtime.block_on(doctor::doctor(&options)),
        Command::Diagnostics(options) => runtime.block_on(diagnostics::diagnostics(&options)),
    };
    // A look at a disk that does not answer holds up nobody's exit.
    runtime.shutdown_background();
    code
}

/// The home folder, so that it can be shown as `~`.
fn home() -> Option<std::path::PathBuf> {
    orgx_peer::Environment::of_process().home()
}

/// One line on stderr, and the exit code.
fn say_failed(words: &str, code: u8) -> ExitCode {
    use std::io::Write;
    // Nobody may be reading.
    let _unread = writeln!(std::io::stderr(), "orgx-peer: {words}");
    ExitCode::from(code)
}
