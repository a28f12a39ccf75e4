//! The long form of the kill -9 test. `cargo xtask torture` builds and runs it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that people read in a terminal")]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    match arguments() {
        Ok(arguments) => torture(&arguments),
        Err(why) => {
            eprintln!("error: {why}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("error: this test runs on Linux only");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
const HELP: &str = "\
orgx-torture [--minutes N] [--kills N] [--seed N] [--setting daemon|opencode|managed]...

Kills the peer with -9 at any moment until there were that many kills (300 unless told otherwise) in at least that many
minutes (none unless told otherwise). Prints a table; the exit code is 1 when a promise was broken.";

#[cfg(target_os = "linux")]
struct Arguments {
    extent: orgx_tests::torture::Extent,
    seed: u64,
    settings: Vec<orgx_tests::torture::Setting>,
}

#[cfg(target_os = "linux")]
fn arguments() -> Result<Arguments, String> {
    use orgx_tests::torture::{Extent, Setting, seed_or};
    use std::time::{Duration, SystemTime};
    let fresh = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |time| time.as_secs());
    let mut extent = Extent { kills: 300, time: Duration::ZERO };
    let (mut seed, mut settings) = (seed_or(fresh), Vec::new());
    let mut all = std::env::args().skip(1);
    while let Some(name) = all.next() {
        let value = all.next().ok_or_else(|| format!("`{name}` needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("`{name} {value}`: that is no number"));
        match name.as_str() {
            "--minutes" => extent.time = Duration::from_secs(60 * number()?),
            "--kills" => extent.kills = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--seed" => seed = number()?,
            "--setting" => settings.push(match value.as_str() {
                "daemon" => Setting::Daemon,
                "opencode" => Setting::OpenCode,
                "managed" => Setting::Managed,
                _ => return Err(format!("there is no setting `{value}`")),
            }),
            _ => return Err(format!("there is no option `{name}`")),
        }
    }
    if settings.is_empty() {
        settings = vec![Setting::Daemon, Setting::OpenCode, Setting::Daemon, Setting::Managed];
    }
    Ok(Arguments { extent, seed, settings })
}

#[cfg(target_os = "linux")]
fn torture(arguments: &Arguments) -> ExitCode {
    use orgx_tests::programs;
    use orgx_tests::torture::{Setting, rounds};
    let mut settings = arguments.settings.clone();
    if programs::opencode().is_none() {
        eprintln!("SKIPPED: the real OpenCode's part; set ORGX_OPENCODE_BIN to its program");
        settings.retain(|setting| *setting == Setting::Daemon);
    }
    if settings.is_empty() {
        return ExitCode::FAILURE;
    }
    println!("seed {}", arguments.seed);
    let report =
        programs::run(rounds(&settings, arguments.seed, arguments.extent, |line| println!("{line}")));
    println!("\n{report}");
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
