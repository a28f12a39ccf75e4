//! The time, as [`orgx_proto`] wants it: a monotonic clock that also advances while the computer sleeps, the clock
//! that timers run on, and the wall clock.

use orgx_proto::connection::Ticks;
use orgx_proto::limits::LOOK_EVERY;
use orgx_proto::time::{Millis, Now, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// Reads the clocks. Clones of one clock agree.
#[derive(Clone, Debug)]
pub struct Clock {
    zero: Instant,
    boot_zero: Duration,
    /// Only in a clock that tests move.
    hand: Option<Arc<Hand>>,
}

/// What moves a clock from outside.
#[derive(Debug, Default)]
struct Hand {
    moved: watch::Sender<Moved>,
    /// How many moves whoever watches for a sleep has seen.
    seen: watch::Sender<u64>,
}

/// How far, in how many moves.
#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    awake: Duration,
    asleep: Duration,
    wall_ms: i64,
    moves: u64,
}

impl Default for Clock {
    fn default() -> Self {
        let zero = Instant::now();
        Self { zero, boot_zero: since_boot(zero), hand: None }
    }
}

impl Clock {
    /// A clock that goes with the system's, and can be moved from outside.
    #[doc(hidden)]
    pub fn adjustable() -> Self {
        Self { hand: Some(Arc::default()), ..Self::default() }
    }

    /// Lets time pass, as if everybody had waited. Only an adjustable clock moves.
    #[doc(hidden)]
    pub fn advance(&self, time: Duration) {
        self.shift(|moved| moved.awake += time);
    }

    /// Lets time pass step by step, so that the peer that has this clock lives through it and does not take it for a
    /// sleep. What travels over a wire meanwhile may be slower. Only an adjustable clock moves.
    #[doc(hidden)]
    pub async fn pass(&self, time: Duration) {
        let Some(hand) = &self.hand else { return };
        let until = self.now().mono + time;
        loop {
            let left = until - self.now().mono;
            if left.is_zero() {
                return;
            }
            self.advance(left.min(LOOK_EVERY));
            let (mut seen, moves) = (hand.seen.subscribe(), self.moved().moves);
            if left >= LOOK_EVERY {
                // Its sender is our own.
                let _seen = seen.wait_for(|seen| *seen >= moves).await;
            }
        }
    }

    /// Lets the computer sleep: time passes that no timer sees. Only an adjustable clock moves.
    #[doc(hidden)]
    pub fn sleep(&self, time: Duration) {
        self.shift(|moved| moved.asleep += time);
    }

    /// Somebody sets the wall clock. Only an adjustable clock moves.
    #[doc(hidden)]
    pub fn set_wall(&self, by_ms: i64) {
        self.shift(|moved| moved.wall_ms += by_ms);
    }

    fn shift(&self, change: impl FnOnce(&mut Moved)) {
        if let Some(hand) = &self.hand {
            hand.moved.send_modify(|moved| {
                change(moved);
                moved.moves += 1;
            });
        }
    }

    fn moved(&self) -> Moved {
        self.hand.as_ref().map(|hand| *hand.moved.borrow()).unwrap_or_default()
    }

    pub(crate) fn now(&self) -> Now {
        let moved = self.moved();
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let wall = i64::try_from((wall + moved.awake + moved.asleep).as_millis()).unwrap_or(i64::MAX);
        Now { mono: self.read().0.mono, wall: Timestamp(wall.saturating_add(moved.wall_ms)) }
    }

    /// Both monotonic clocks: their difference is what the computer slept.
    pub(crate) fn ticks(&self) -> Ticks {
        let (ticks, moves) = self.read();
        if let Some(hand) = &self.hand {
            hand.seen.send_replace(moves);
        }
        ticks
    }

    fn read(&self) -> (Ticks, u64) {
        let now = Instant::now();
        let moved = self.moved();
        let mono = since_boot(now).saturating_sub(self.boot_zero) + moved.awake + moved.asleep;
        let timer = now.saturating_duration_since(self.zero) + moved.awake;
        (Ticks { mono: millis(mono), timer: millis(timer) }, moved.moves)
    }

    /// Resolves once `at` is reached. A sleep of the computer on the way is noticed only when the timer fires: who
    /// wants to notice it sooner waits for less.
    pub(crate) async fn sleep_until(&self, at: Millis) {
        let mut moved = self.hand.as_ref().map(|hand| hand.moved.subscribe());
        loop {
            let left = at - self.now().mono;
            if left.is_zero() {
                return;
            }
            // Counted from now: timers stand still while the computer sleeps, and `at` does not.
            let timer = tokio::time::sleep(left);
            match &mut moved {
                None => timer.await,
                Some(moved) => tokio::select! {
                    () = timer => {}
                    // Its sender is our own.
                    _ = moved.changed() => {}
                },
            }
        }
    }

    /// What `work` comes to, unless it takes longer than `within`.
    pub(crate) async fn timeout<T>(&self, within: Duration, work: impl Future<Output = T>) -> Option<T> {
        let until = self.now().mono + within;
        tokio::select! {
            result = work => Some(result),
            () = self.sleep_until(until) => None,
        }
    }
}

fn millis(time: Duration) -> Millis {
    Millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// `Instant` stands still during a sleep on Linux and on Apple's systems; these clocks do not.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn since_boot(_: Instant) -> Duration {
    #[cfg(not(target_vendor = "apple"))]
    const ID: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    // Apple's CLOCK_MONOTONIC goes on during a sleep; its CLOCK_UPTIME_RAW, which `Instant` reads, does not.
    #[cfg(target_vendor = "apple")]
    const ID: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    Duration::try_from(rustix::time::clock_gettime(ID)).unwrap_or_default()
}

/// Windows' `Instant` goes on during a sleep, and so do the timers: a sleep is told by how late they are.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn since_boot(now: Instant) -> Duration {
    // Any fixed point does.
    static ZERO: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    now.saturating_duration_since(*ZERO.get_or_init(Instant::now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_never_goes_back_and_both_its_clocks_go_together() {
        let clock = Clock::default();
        let mut last = clock.ticks();
        for _ in 0..1_000 {
            let now = clock.ticks();
            assert!(now.mono >= last.mono && now.timer >= last.timer);
            assert!(now.mono.0.abs_diff(now.timer.0) < 5_000, "this computer did not sleep: {now:?}");
            last = now;
        }
    }

    #[test]
    fn what_is_not_adjustable_does_not_move() {
        let clock = Clock::default();
        clock.sleep(Duration::from_secs(8 * 3600));
        assert!(clock.now().mono < Millis(3_600_000));
    }

    #[test]
    fn a_sleep_moves_all_clocks_but_that_of_timers() {
        let hours = Duration::from_secs(8 * 3600);
        let (clock, before) = (Clock::adjustable(), Clock::adjustable().now());
        clock.clone().sleep(hours);
        let (now, ticks) = (clock.now(), clock.ticks());
        assert!(now.mono >= before.mono + hours && now.wall.0 >= before.wall.0 + 8 * 3_600_000);
        assert!(ticks.timer < Millis(3_600_000));
        clock.set_wall(-16 * 3_600_000);
        assert!(clock.now().wall < before.wall && clock.now().mono >= now.mono, "only people set it back");
    }

    #[tokio::test]
    async fn a_wait_ends_when_its_time_is_reached_however_it_passed() {
        let hour = Duration::from_secs(3600);
        let clock = Clock::adjustable();
        let at = clock.now().mono + hour * 2;
        let waiting = clock.sleep_until(at);
        let moving = async {
            clock.set_wall(24 * 3_600_000);
            tokio::task::yield_now().await;
            clock.advance(hour);
            tokio::task::yield_now().await;
            assert!(clock.now().mono < at);
            clock.sleep(hour);
        };
        tokio::join!(waiting, moving);
        assert!(clock.now().mono >= at);
        assert_eq!(clock.timeout(hour, std::future::ready(7)).await, Some(7));
    }
}
