//! The kill -9 loop: a peer that is killed at any moment, again and again, and what must be true all the same.
//!
//! What is promised (design, promises 1, 2 and 4), and judged here by what OrgX and the agent saw, never by what the
//! peer says of itself:
//! - each key's prompt reaches an agent at most once;
//! - each run has exactly one terminal; its repeats are the same bytes;
//! - a dispatch in the journal needs no repeat from OrgX: it runs after the restart. One that OrgX gave 1.5 s
//!   before a kill is there;
//! - every deviation of a run that its agent ended was seen, and every one in the outbox was;
//! - every completed run has its receipt, and what is settled stays silent at the next start;
//! - a run on a real OpenCode ends as its agent ended it, with its tokens, however often the peer died meanwhile; with
//!   the daemon it may fail as `peer restarted during the run`;
//! - steps come in their order, and no line of the outbox is torn;
//! - nothing is left running after the peer stops.
//!
//! A round is a peer with an empty state folder that is killed some twenty times while OrgX dispatches, repeats,
//! cancels and breaks; then it is left alone until everything has ended. A seed decides all choices; what the machine
//! adds in timing is its own.

mod judge;
mod moment;
mod plan;
mod report;
mod rng;
mod round;
mod world;

pub use report::{Counts, Report};

use rng::Rng;
use std::time::{Duration, Instant};

/// Who runs the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The seed's daemon.
    Daemon,
    /// A real OpenCode that the peer is told of.
    OpenCode,
    /// A real OpenCode that the peer starts: its orphans must be adopted or ended.
    Managed,
}

/// How long it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// At least that many kills.
    pub kills: usize,
    /// And at least that long.
    pub time: Duration,
}

impl Setting {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::OpenCode => "OpenCode",
            Self::Managed => "managed",
        }
    }

    /// How long a kill waits for its moment.
    fn patience(self) -> Duration {
        Duration::from_millis(match self {
            Self::Daemon => 1_500,
            Self::OpenCode => 4_000,
            Self::Managed => 6_000,
        })
    }

    /// Kills in a round of the long form.
    fn kills(self) -> usize {
        match self {
            Self::Daemon => 25,
            Self::OpenCode => 15,
            Self::Managed => 8,
        }
    }
}

/// The seed to begin with: `ORGX_TORTURE_SEED`, or else this one.
pub fn seed_or(usual: u64) -> u64 {
    let named = std::env::var("ORGX_TORTURE_SEED").ok();
    named.and_then(|seed| seed.trim().parse().ok()).unwrap_or(usual)
}

/// One round.
pub async fn round(setting: Setting, seed: u64, kills: usize) -> Report {
    let started = Instant::now();
    let mut report = Report::default();
    let (counts, violations) = round::play(setting, seed, kills).await;
    report.add(setting.name(), counts, violations);
    report.took = started.elapsed();
    report
}

/// Rounds in turn until there were enough; the first round of a seed is the same whatever comes after.
pub async fn rounds(settings: &[Setting], seed: u64, extent: Extent, tell: impl Fn(&str)) -> Report {
    let started = Instant::now();
    let (mut report, mut seeds) = (Report::default(), Rng::new(seed));
    for (number, setting) in settings.iter().cycle().enumerate() {
        // One in a line of arguments, so that it can be given back to us.
        let own = if number == 0 { seed } else { seeds.next() >> 32 };
        let (counts, violations) = round::play(*setting, own, setting.kills()).await;
        report.add(setting.name(), counts, violations);
        report.took = started.elapsed();
        let (kills, broken) = (report.total().kills, report.violations.len());
        let seconds = report.took.as_secs();
        tell(&format!(
            "round {:>3}  {:<9} seed {own:<12} {:>4} kills  {broken} broken  {seconds} s",
            number + 1,
            setting.name(),
            kills,
        ));
        if kills >= extent.kills && report.took >= extent.time {
            break;
        }
    }
    report
}
