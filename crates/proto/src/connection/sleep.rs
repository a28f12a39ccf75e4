//! Did the computer sleep? Told by what two clocks say, not by the OS, so that it is the same everywhere.
//!
//! A socket that was open before a sleep is dead or unknown after it, and a wait that began before it has no meaning:
//! whoever wakes wants to be connected, now.

use crate::limits;
use crate::time::Millis;
use std::time::Duration;

/// One reading of the two monotonic clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// Advances while the computer sleeps.
    pub mono: Millis,
    /// What timers run on: on most systems it stands still while the computer sleeps.
    pub timer: Millis,
}

/// Looks at the clocks now and then.
#[derive(Debug)]
pub struct SleepWatch {
    last: Ticks,
}

impl SleepWatch {
    /// Begins to watch.
    pub fn new(now: Ticks) -> Self {
        Self { last: now }
    }

    /// When to look next, at the latest: a timer set for later would be late by the whole sleep.
    pub fn poll_timeout(&self) -> Millis {
        self.last.mono + limits::LOOK_EVERY
    }

    /// How long the computer slept since the last look, if it did.
    ///
    /// Where timers go on during a sleep, or the program was stopped and continued, only the lateness of the look
    /// tells: the bound is far beyond what a busy computer does, and being wrong costs one reconnect.
    pub fn look(&mut self, now: Ticks) -> Option<Duration> {
        let last = std::mem::replace(&mut self.last, now);
        let (passed, ran) = (now.mono - last.mono, now.timer - last.timer);
        let slept = passed.saturating_sub(ran);
        let late = passed.saturating_sub(limits::LOOK_EVERY);
        if slept > limits::SLEPT {
            return Some(slept);
        }
        (late > limits::LATE).then_some(late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_told_from_what_passed_while_no_timer_ran() {
        let seconds = Duration::from_secs;
        // What passed, how much of it timers saw, and what that means.
        for (passed, ran, expected) in [
            (5_000, 5_000, None),
            (5_000, 4_900, None),
            (9_000, 4_000, None),
            (9_001, 4_000, Some(Duration::from_millis(5_001))),
            (8 * 3_600_000 + 3_000, 3_000, Some(seconds(8 * 3600))),
            // A busy computer looks late.
            (30_000, 30_000, None),
            (35_000, 35_000, None),
            // The timers ran through the sleep, or the program was stopped.
            (35_001, 35_001, Some(Duration::from_millis(30_001))),
            (8 * 3_600_000, 8 * 3_600_000, Some(seconds(8 * 3600 - 5))),
            // The timers ran ahead, which rounding does.
            (4_999, 5_000, None),
        ] {
            let start = Ticks { mono: Millis(1_000_000), timer: Millis(500) };
            let mut watch = SleepWatch::new(start);
            let now = Ticks { mono: Millis(start.mono.0 + passed), timer: Millis(start.timer.0 + ran) };
            assert_eq!(watch.look(now), expected, "{passed} ms passed, {ran} ms ran");
            assert_eq!(watch.look(now), None, "one sleep is told once");
            assert_eq!(watch.poll_timeout(), now.mono + seconds(5));
        }
    }
}
