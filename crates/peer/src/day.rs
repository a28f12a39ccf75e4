//! The day that counts are of: from local midnight to the next.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A day on this computer, in ms since the epoch: from `start`, before `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Day {
    /// The day that holds `wall`.
    pub(crate) fn of(wall: i64) -> Self {
        Self::in_zone(wall, TimeZone::system())
    }

    pub(crate) fn holds(&self, wall: i64) -> bool {
        (self.start..self.end).contains(&wall)
    }

    fn in_zone(wall: i64, zone: TimeZone) -> Self {
        const UTC_DAY: i64 = 24 * 60 * 60 * 1_000;
        let day = || {
            let now = Timestamp::from_millisecond(wall).ok()?.to_zoned(zone);
            let start = now.start_of_day().ok()?.timestamp().as_millisecond();
            let end = now.tomorrow().ok()?.start_of_day().ok()?.timestamp().as_millisecond();
            Some(Self { start, end })
        };
        // A time that no calendar knows.
        day().unwrap_or_else(|| {
            let start = wall - wall.rem_euclid(UTC_DAY);
            Self { start, end: start.saturating_add(UTC_DAY) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60 * 1_000;

    #[test]
    fn a_day_goes_from_midnight_to_midnight_and_may_have_23_hours() {
        let noon = 1_795_168_800_000 + 2 * HOUR; // 2026-11-20T12:00:00Z
        let utc = Day::in_zone(noon, TimeZone::UTC);
        assert_eq!(utc, Day { start: noon - 12 * HOUR, end: noon + 12 * HOUR });
        assert!(utc.holds(utc.start) && !utc.holds(utc.end) && !utc.holds(utc.start - 1));
        let east = TimeZone::fixed(jiff::tz::offset(5));
        assert_eq!(Day::in_zone(noon, east), Day { start: noon - 17 * HOUR, end: noon + 7 * HOUR });
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a rule");
        let spring = Day::in_zone(1_774_783_800_000, berlin); // 2026-03-29, when clocks go forward
        assert_eq!(spring.end - spring.start, 23 * HOUR);
        assert!(Day::in_zone(i64::MAX / 2, TimeZone::UTC).holds(i64::MAX / 2), "no calendar knows it");
    }
}
