//! The time, as [`orgx_proto`] wants it.

use orgx_proto::time::{Millis, Now, Timestamp};
use std::time::{Duration, Instant, SystemTime};

/// Reads both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    zero: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { zero: Instant::now() }
    }

    pub(crate) fn now(&self) -> Now {
        let mono = u64::try_from(self.zero.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now { mono: Millis(mono), wall: Timestamp(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)) }
    }

    /// The instant at which `at` is reached.
    pub(crate) fn instant(&self, at: Millis) -> tokio::time::Instant {
        let at = self.zero.checked_add(Duration::from_millis(at.0));
        at.map_or_else(|| tokio::time::Instant::now() + Duration::from_secs(3600), Into::into)
    }
}
