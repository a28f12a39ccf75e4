//! What came of it: numbers, and every promise that was broken.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

/// Numbers of one setting, or of all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// How often the peer was killed.
    pub kills: usize,
    /// Runs that OrgX wanted.
    pub runs: usize,
    /// Dispatch frames, repeats included.
    pub dispatches: usize,
    /// Dispatches that the peer had journaled before their prompt when it was killed.
    pub carried: usize,
    /// Runs that were prompted, and had no end, when the peer was killed.
    pub interrupted: usize,
    /// Prompts that reached an agent.
    pub prompts: usize,
    /// Runs that completed.
    pub completed: usize,
    /// Runs that failed because of a restart.
    pub restarted: usize,
    /// Runs that failed in another way.
    pub failed: usize,
    /// Terminal frames that repeated another one's bytes.
    pub repeated_terminals: usize,
    /// Steps, each once.
    pub steps: usize,
    /// Step frames that repeated another one.
    pub repeated_steps: usize,
    /// Steps of completed runs that never came: a step is not owed across a crash, but worth knowing.
    pub missing_steps: usize,
    /// Deviations that had to be seen.
    pub deviations_due: usize,
    /// Those of them that were.
    pub deviations_seen: usize,
    /// Runs and frames that were lost.
    pub lost: usize,
}

/// The result.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// By setting, in the order they were played.
    pub counts: Vec<(&'static str, Counts)>,
    /// Each a sentence, with the round's seed.
    pub violations: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Counts {
    fn rows(&self) -> [(&'static str, usize); 16] {
        [
            ("kills -9", self.kills),
            ("runs", self.runs),
            ("dispatch frames", self.dispatches),
            ("queued dispatches carried over a kill", self.carried),
            ("prompted runs interrupted by a kill", self.interrupted),
            ("prompts", self.prompts),
            ("runs completed", self.completed),
            ("runs failed by a restart", self.restarted),
            ("runs failed otherwise", self.failed),
            ("terminals repeated (same bytes)", self.repeated_terminals),
            ("steps", self.steps),
            ("steps repeated", self.repeated_steps),
            ("steps lost with a crash", self.missing_steps),
            ("deviations due", self.deviations_due),
            ("deviations seen", self.deviations_seen),
            ("LOST", self.lost),
        ]
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.runs += other.runs;
        self.dispatches += other.dispatches;
        self.carried += other.carried;
        self.interrupted += other.interrupted;
        self.prompts += other.prompts;
        self.completed += other.completed;
        self.restarted += other.restarted;
        self.failed += other.failed;
        self.repeated_terminals += other.repeated_terminals;
        self.steps += other.steps;
        self.repeated_steps += other.repeated_steps;
        self.missing_steps += other.missing_steps;
        self.deviations_due += other.deviations_due;
        self.deviations_seen += other.deviations_seen;
        self.lost += other.lost;
    }
}

impl Report {
    /// Adds what one round came to.
    pub(super) fn add(&mut self, setting: &'static str, counts: Counts, violations: Vec<String>) {
        match self.counts.iter_mut().find(|(name, _)| *name == setting) {
            Some((_, sum)) => *sum += counts,
            None => self.counts.push((setting, counts)),
        }
        self.violations.extend(violations);
    }

    /// All settings together.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.counts.iter().for_each(|(_, counts)| total += *counts);
        total
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut columns: Vec<(&str, Counts)> = self.counts.clone();
        columns.push(("all", self.total()));
        write!(f, "{:<40}", "")?;
        for (name, _) in &columns {
            write!(f, "{name:>10}")?;
        }
        writeln!(f)?;
        for (at, (name, _)) in Counts::default().rows().into_iter().enumerate() {
            write!(f, "{name:<40}")?;
            for (_, counts) in &columns {
                write!(f, "{:>10}", counts.rows()[at].1)?;
            }
            writeln!(f)?;
        }
        writeln!(f, "{:<40}{:>10}", "promises broken", self.violations.len())?;
        writeln!(f, "{:<40}{:>8} s", "time", self.took.as_secs())?;
        for violation in &self.violations {
            writeln!(f, "\nBROKEN: {violation}")?;
        }
        Ok(())
    }
}
