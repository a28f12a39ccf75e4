//! How often our own server ended by itself of late, and what follows from it. Decides from values alone.

use crate::limits;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// When it ended by itself, as far as that still counts.
#[derive(Debug, Default)]
pub(super) struct Crashes(VecDeque<Instant>);

impl Crashes {
    /// It ended, or did not even begin.
    pub(super) fn add(&mut self, now: Instant) {
        self.forget(now);
        self.0.push_back(now);
    }

    /// How long to wait before it is started again; an error, in words, when it is left alone for now.
    pub(super) fn wait(&mut self, now: Instant) -> Result<Duration, String> {
        self.forget(now);
        if let Some(words) = self.given_up(now) {
            return Err(words);
        }
        let Some(last) = self.0.back() else { return Ok(Duration::ZERO) };
        let doubled = limits::MANAGED_BACKOFF * 2_u32.saturating_pow(self.0.len() as u32 - 1);
        Ok(doubled.saturating_sub(now - *last))
    }

    /// Why it is not started at present, if so.
    pub(super) fn given_up(&self, now: Instant) -> Option<String> {
        let counted = self.0.iter().filter(|at| now - **at < limits::MANAGED_CRASH_WINDOW).count();
        let again = *self.0.front()? + limits::MANAGED_CRASH_WINDOW;
        (counted >= limits::MANAGED_CRASHES).then(|| {
            format!(
                "OpenCode's server ended by itself {counted} times within {} minutes and is left alone for {} more: \
                 run `opencode serve` in a terminal to see why, or start it yourself",
                limits::MANAGED_CRASH_WINDOW.as_secs() / 60,
                (again - now).as_secs().div_ceil(60)
            )
        })
    }

    fn forget(&mut self, now: Instant) {
        while self.0.front().is_some_and(|at| now - *at >= limits::MANAGED_CRASH_WINDOW) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_started_again_later_and_later_and_then_left_alone_until_it_is_forgotten() {
        let mut crashes = Crashes::default();
        let began = Instant::now();
        assert_eq!(crashes.wait(began), Ok(Duration::ZERO));
        crashes.add(began);
        assert_eq!(crashes.wait(began), Ok(limits::MANAGED_BACKOFF));
        assert_eq!(crashes.wait(began + limits::MANAGED_BACKOFF), Ok(Duration::ZERO));
        let second = began + Duration::from_secs(60);
        crashes.add(second);
        assert_eq!(crashes.wait(second), Ok(limits::MANAGED_BACKOFF * 2));
        assert_eq!(crashes.given_up(second), None);
        for _ in 2..limits::MANAGED_CRASHES {
            crashes.add(second);
        }
        let words = crashes.wait(second).expect_err("enough");
        assert!(words.contains("ended by itself 3 times within 10 minutes"), "{words}");
        assert!(words.contains("for 9 more: run `opencode serve` in a terminal"), "{words}");
        // The first is forgotten, and with it the last straw.
        let later = began + limits::MANAGED_CRASH_WINDOW;
        assert_eq!(crashes.given_up(later), None);
        assert_eq!(crashes.wait(later), Ok(Duration::ZERO));
    }
}
