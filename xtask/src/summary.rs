//! What each step of a command came to, and how long it took: told at the end, together.

use std::{fmt::Write, process::Command, time::Instant};

use anyhow::Result;

use crate::command;

/// The steps so far.
#[derive(Default)]
pub(crate) struct Summary {
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    seconds: f64,
    outcome: Outcome,
}

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what it should.
    Passed,
    /// It did not, or could not be run because of one that did not.
    Failed(String),
    /// It was not run, and that is no failure.
    LeftOut(String),
}

impl Summary {
    /// Runs a step under a heading, and keeps how it ended.
    pub(crate) fn run(&mut self, name: &'static str, command: &mut Command) -> &Outcome {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        self.work(name, &format!("cargo {}", words.join(" ")), || command::run(command))
    }

    /// Does a step that is not one command, under a heading, and keeps how it ended.
    pub(crate) fn work(
        &mut self,
        name: &'static str,
        what: &str,
        work: impl FnOnce() -> Result<()>,
    ) -> &Outcome {
        println!("\n== {name}: {what}");
        let started = Instant::now();
        let outcome = match work() {
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        self.add(name, started.elapsed().as_secs_f64(), outcome)
    }

    /// Keeps a step that was not run.
    pub(crate) fn note(&mut self, name: &'static str, outcome: Outcome) {
        self.add(name, 0.0, outcome);
    }

    /// Whether any step failed.
    pub(crate) fn failed(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)))
    }

    /// The whole, one line a step.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("\n== summary\n");
        for Step { name, seconds, outcome } in &self.steps {
            let (word, why) = match outcome {
                Outcome::Passed => ("passed", ""),
                Outcome::Failed(why) => ("FAILED", why.as_str()),
                Outcome::LeftOut(why) => ("left out", why.as_str()),
            };
            let line = format!("{name:<12}{word:<9}{seconds:>7.1} s  {why}");
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    fn add(&mut self, name: &'static str, seconds: f64, outcome: Outcome) -> &Outcome {
        self.steps.push(Step { name, seconds, outcome });
        self.steps.last().map_or(&Outcome::Passed, |step| &step.outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_a_line_a_step_and_fails_with_any_of_them() {
        let mut summary = Summary::default();
        summary.add("format", 1.25, Outcome::Passed);
        summary.note("licenses", Outcome::LeftOut("no cargo-deny".to_owned()));
        assert!(!summary.failed());
        summary.add("tests", 101.0, Outcome::Failed("`cargo test` ended with exit code 101".to_owned()));
        assert!(summary.failed());
        let wanted = "
== summary
format      passed       1.2 s
licenses    left out     0.0 s  no cargo-deny
tests       FAILED     101.0 s  `cargo test` ended with exit code 101
";
        assert_eq!(summary.text(), wanted);
    }
}
