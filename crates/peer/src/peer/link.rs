//! The facts behind the connection: since when, how far away, when it is tried again.

use super::snapshot::Link;
use orgx_proto::connection::State;
use orgx_proto::time::{Millis, Now};
use std::collections::VecDeque;
use url::Url;

/// Pings under way whose time is remembered.
const PINGS: usize = 64;

/// What [`Link`] shows, and what it takes to know it.
#[derive(Debug, Default)]
pub(super) struct LinkFacts {
    shown: Link,
    pings: VecDeque<(u64, Millis)>,
}

impl LinkFacts {
    pub(super) fn new(orgx: &Url) -> Self {
        let host = orgx.host_str().unwrap_or_default();
        let host = orgx.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Self { shown: Link { host, ..Link::default() }, pings: VecDeque::new() }
    }

    pub(super) fn show(&self) -> Link {
        self.shown.clone()
    }

    /// The connection went from one state to another.
    pub(super) fn moved(&mut self, before: &State, after: &State, now: Now) {
        let shown = &mut self.shown;
        shown.since = None;
        shown.retry_at = None;
        self.pings.clear();
        match after {
            State::Open => {
                shown.since = Some(now.wall.0);
                shown.heard_at = Some(now.wall.0);
                shown.tries = 0;
                shown.round_trip_ms = None;
            }
            State::Waiting { until, .. } => {
                shown.retry_at = Some(now.wall.0.saturating_add(ms(*until, now.mono)));
                // One that was open did not fail to open.
                shown.tries += u32::from(matches!(before, State::Connecting | State::Waiting { .. }));
            }
            State::Connecting | State::Idle => {}
        }
    }

    pub(super) fn pinged(&mut self, counter: u64, now: Millis) {
        self.pings.push_back((counter, now));
        if self.pings.len() > PINGS {
            self.pings.pop_front();
        }
    }

    pub(super) fn heard(&mut self, now: Now) {
        self.shown.heard_at = Some(now.wall.0);
    }

    /// The pong for ping `counter`, and for all before it.
    pub(super) fn pong(&mut self, counter: u64, now: Millis) {
        while let Some((n, sent)) = self.pings.pop_front_if(|(n, _)| *n <= counter) {
            if n == counter {
                self.shown.round_trip_ms = u64::try_from((now - sent).as_millis()).ok();
            }
        }
    }
}

fn ms(at: Millis, now: Millis) -> i64 {
    i64::try_from((at - now).as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgx_proto::connection::Trouble;
    use orgx_proto::time::Timestamp;

    fn now(ms: u64) -> Now {
        Now { mono: Millis(ms), wall: Timestamp(1_000_000 + ms as i64) }
    }

    #[test]
    fn the_facts_follow_the_connection() {
        let mut link = LinkFacts::new(&"https://useorgx.com/".parse().expect("a URL"));
        let waiting = |until| State::Waiting { why: Trouble::Silent, until: Millis(until) };
        link.moved(&State::Idle, &State::Connecting, now(0));
        link.moved(&State::Connecting, &waiting(700), now(200));
        assert_eq!((link.show().tries, link.show().retry_at), (1, Some(1_000_700)));
        link.moved(&waiting(700), &State::Connecting, now(700));
        link.moved(&State::Connecting, &State::Open, now(800));
        let open = link.show();
        assert_eq!((open.tries, open.retry_at, open.since), (0, None, Some(1_000_800)));
        link.pinged(1, Millis(900));
        link.pinged(2, Millis(950));
        link.pong(2, Millis(990));
        assert_eq!(link.show().round_trip_ms, Some(40));
        link.pong(2, Millis(2_000));
        assert_eq!(link.show().round_trip_ms, Some(40), "a pong that nobody waits for");
        link.heard(now(3_000));
        link.moved(&State::Open, &waiting(9_000), now(4_000));
        let lost = link.show();
        assert_eq!((lost.tries, lost.since, lost.heard_at), (0, None, Some(1_003_000)));
        assert_eq!(lost.host, "useorgx.com");
        let local = LinkFacts::new(&"http://127.0.0.1:4711/".parse().expect("a URL"));
        assert_eq!(local.show().host, "127.0.0.1:4711");
    }
}
