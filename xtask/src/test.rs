//! `cargo xtask test`: every check and every test there is, and one summary.
//!
//! A failed step does not hide the results of the next. Without a real agent the tests that need it are skipped,
//! which is said at the start and at the end, loudly. Nothing is built twice: the programs and the tests come from one
//! build with one set of features.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Result, bail};

use crate::{
    agents::{self, Agent},
    apt, command,
    needs::{self, Work},
    package::{self, Profile},
    pinned::{Obtained, Pinned},
    summary::{Outcome, Summary},
    tools,
};

/// The programs with the tests and examples, not alone: development dependencies may switch features on, and a build
/// without them would be a second one.
pub(crate) const BUILD: [&str; 7] =
    ["build", "--workspace", "--lib", "--bins", "--tests", "--examples", "--locked"];

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    scope: Scope,
    /// For `cargo test`.
    args: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Scope {
    #[default]
    Everything,
    /// Only building and the tests.
    Fast,
}

/// Runs all of it; any failed step is exit code 1.
pub(crate) fn test(args: &[String]) -> Result<ExitCode> {
    let options = parse(args)?;
    apt::install_or_warn(Work::Tests)?;
    let mut summary = Summary::default();
    let agents = agents::ALL.map(|agent| (agent, obtain(agent, &mut summary)));
    warn_of_absent(&agents);

    let everything = options.scope == Scope::Everything;
    if everything {
        summary.run("format", command::cargo().args(["fmt", "--all", "--check"]));
        let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
        summary.run("lints", command::cargo().args(lints));
    }
    build_and_test(&mut summary, &options.args, &agents);
    if everything {
        licenses(&mut summary);
    }

    println!("{}", summary.text());
    warn_of_absent(&agents);
    Ok(if summary.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn parse(args: &[String]) -> Result<Options> {
    let mut options = Options::default();
    let mut args = args.iter();
    for arg in args.by_ref() {
        match arg.as_str() {
            "--fast" => options.scope = Scope::Fast,
            "--" => break,
            other => bail!(
                "`cargo xtask test` does not know `{other}`. It takes --fast, and after -- what `cargo test` takes."
            ),
        }
    }
    options.args = args.cloned().collect();
    Ok(options)
}

fn obtain(agent: Agent, summary: &mut Summary) -> Obtained {
    agent.obtain().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        summary.note(agent.title(), Outcome::Failed("the download was refused, see above".to_owned()));
        Obtained::Absent(format!("the downloaded {} is not the pinned one and was refused.", agent.title()))
    })
}

fn build_and_test(summary: &mut Summary, args: &[String], agents: &[(Agent, Obtained)]) {
    if *summary.run("build", command::cargo().args(BUILD)) != Outcome::Passed {
        summary.note("tests", Outcome::Failed("not run: the build failed".to_owned()));
        return;
    }
    let packages = packages(summary);
    let program = command::built_program;
    let mut tests = command::cargo();
    tests.args(["test", "--workspace", "--locked", "--no-fail-fast"]).args(args);
    for (variable, name) in
        [("ORGX_PEER_BIN", "orgx-peer"), ("ORGX_SANDBOX_BIN", "orgx-sandbox"), ("ORGX_TRAY_BIN", "orgx-tray")]
    {
        tests.env(variable, program(name));
    }
    for package in packages {
        // ORGX_DEB, ORGX_RPM.
        let kind = package.extension().unwrap_or_default().to_string_lossy().to_uppercase();
        tests.env(format!("ORGX_{kind}"), package);
    }
    for (variable, tool) in [("ORGX_TSC", tools::TYPESCRIPT), ("ORGX_ACTIONLINT", tools::ACTIONLINT)] {
        if let Some(program) = tool_or_note(summary, tool) {
            tests.env(variable, program);
        }
    }
    // What is there must be used: from here on a skipped story is a failed one.
    if cfg!(target_os = "linux") && needs::missing(Work::Tests).is_empty() {
        tests.env("ORGX_REQUIRE_DESKTOP", "1");
    }
    for (agent, obtained) in agents {
        match obtained {
            Obtained::Ready(program) => {
                tests.env(agent.variable, Path::new(program)).env(agent.required, "1")
            }
            Obtained::Absent(_) => tests.env_remove(agent.variable),
        };
    }
    summary.run("tests", &mut tests);
}

/// Packs what was just built, for the tests to install; none where that cannot be done.
fn packages(summary: &mut Summary) -> Vec<PathBuf> {
    if !cfg!(target_os = "linux") {
        return Vec::new();
    }
    if let Err(error) = tools::tauri() {
        summary.note("packages", Outcome::LeftOut(format!("{error:#}")));
        return Vec::new();
    }
    let mut made = Vec::new();
    summary.work("packages", "the programs just built, as .deb and .rpm", || {
        made = package::pack(Profile::Debug, &["deb".to_owned(), "rpm".to_owned()], None)?;
        Ok(())
    });
    made
}

fn tool_or_note(summary: &mut Summary, tool: Pinned) -> Option<PathBuf> {
    let outcome = match tool.obtain() {
        Ok(Obtained::Ready(program)) => return Some(program),
        Ok(Obtained::Absent(why)) => Outcome::LeftOut(why),
        Err(error) => Outcome::Failed(format!("{error:#}")),
    };
    summary.note(tool.folder, outcome);
    None
}

fn licenses(summary: &mut Summary) {
    if command::find("cargo-deny").is_some() {
        summary.run("licenses", command::cargo().args(["deny", "check", "licenses", "bans", "sources"]));
    } else {
        let why = "cargo-deny is not installed; get it with: cargo install --locked cargo-deny";
        println!("\n== licenses: left out: {why}");
        summary.note("licenses", Outcome::LeftOut(why.to_owned()));
    }
}

fn warn_of_absent(agents: &[(Agent, Obtained)]) {
    for (agent, obtained) in agents {
        let (Obtained::Absent(why), title) = (obtained, agent.title()) else { continue };
        eprintln!("\nWARNING: the whole-product tests against the real {title} are SKIPPED.");
        eprintln!("WARNING: why: {why}");
        eprintln!(
            "WARNING: a green result without them says nothing about the peer with the real {title}.\n"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_after_the_dashes_go_to_cargo_test() {
        let parsed = |args: &[&str]| parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
        let options =
            |scope, args: &[&str]| Options { scope, args: args.iter().map(|arg| (*arg).into()).collect() };
        assert_eq!(parsed(&[]).unwrap(), options(Scope::Everything, &[]));
        assert_eq!(parsed(&["--fast"]).unwrap(), options(Scope::Fast, &[]));
        assert_eq!(
            parsed(&["--fast", "--", "outbox", "--", "--nocapture"]).unwrap(),
            options(Scope::Fast, &["outbox", "--", "--nocapture"])
        );
        assert_eq!(parsed(&["--", "--fast"]).unwrap(), options(Scope::Everything, &["--fast"]));
        let error = parsed(&["outbox"]).unwrap_err().to_string();
        assert!(error.contains("`outbox`") && error.contains("after --"), "{error}");
    }
}
