//! Times as people read them: how long ago, and the clock on the wall.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, and where the wall is.
#[derive(Clone, Debug)]
pub(crate) struct Now {
    /// In ms since the epoch.
    pub(crate) ms: i64,
    /// The clock on the wall.
    pub(crate) zone: TimeZone,
}

impl Now {
    /// This computer's.
    pub(crate) fn here() -> Self {
        let ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self { ms: i64::try_from(ms).unwrap_or(i64::MAX), zone: TimeZone::system() }
    }

    /// `20261120-100000`: for names of files.
    pub(crate) fn compact(&self) -> String {
        let now = Timestamp::from_millisecond(self.ms).unwrap_or_default();
        now.to_zoned(self.zone.clone()).strftime("%Y%m%d-%H%M%S").to_string()
    }

    fn since(&self, ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.ms - ms).unwrap_or_default())
    }

    /// `4:12`, `1:02:09`: how long something has been going on.
    pub(crate) fn elapsed(&self, from: i64, to: Option<i64>) -> String {
        let end = to.unwrap_or(self.ms);
        clock(u64::try_from(end - from).unwrap_or_default() / 1_000)
    }

    /// `3 s`, `51 min`, `2 h`, `4 d`: how long ago something was; of what was long ago the date says enough.
    pub(crate) fn age(&self, ms: i64) -> Option<String> {
        Some(match self.since(ms).as_secs() {
            s @ 0..60 => format!("{s} s"),
            s @ 60..3_600 => format!("{} min", s / 60),
            s @ 3_600..86_400 => format!("{} h", s / 3_600),
            s @ 86_400..2_592_000 => format!("{} d", s / 86_400),
            _ => return None,
        })
    }

    /// `11:26` today, `Nov 18 11:26` before, with the year when it is another one.
    pub(crate) fn at(&self, ms: i64) -> String {
        let local = |ms| Timestamp::from_millisecond(ms).ok().map(|at| at.to_zoned(self.zone.clone()));
        let (Some(at), Some(now)) = (local(ms), local(self.ms)) else { return "?".to_owned() };
        let form = if at.date() == now.date() {
            "%H:%M"
        } else if at.year() == now.year() {
            "%b %-d %H:%M"
        } else {
            "%b %-d %Y"
        };
        at.strftime(form).to_string()
    }
}

/// `4:12`, `1:02:09`.
pub(crate) fn clock(seconds: u64) -> String {
    let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if h == 0 { format!("{m}:{s:02}") } else { format!("{h}:{m:02}:{s:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_near_when_they_are_near() {
        // 2026-11-20T10:00:00Z, an hour earlier than on this wall.
        let now = Now { ms: 1_795_168_800_000, zone: TimeZone::fixed(jiff::tz::offset(1)) };
        let ago = |seconds: i64| now.ms - seconds * 1_000;
        assert_eq!(
            [0, 59, 60, 3_599, 7_200, 200_000].map(|s| now.age(ago(s)).expect("near")),
            ["0 s", "59 s", "1 min", "59 min", "2 h", "2 d"]
        );
        assert_eq!([5, 252, 3_729].map(|s| now.elapsed(ago(s), None)), ["0:05", "4:12", "1:02:09"]);
        assert_eq!(now.elapsed(ago(100), Some(ago(40))), "1:00");
        assert_eq!([0, 86_400, 40_000_000].map(|s| now.at(ago(s))), ["11:00", "Nov 19 11:00", "Aug 14 2025"]);
        assert_eq!(now.age(now.ms + 5_000).as_deref(), Some("0 s"));
        assert_eq!(now.age(ago(40_000_000)), None);
    }
}
