//! Which version the next socket offers: what the person wants, or v1 for a while where OrgX refuses that.

use super::Version;
use crate::limits;
use crate::time::Millis;

/// What was offered, and what OrgX said of it. PROTOCOL: contract A1, A2: one version per connection.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    wanted: Version,
    offered: Version,
    /// When OrgX refused v3.
    refused: Option<Millis>,
    /// The person knows.
    told: bool,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallBack {
    /// Nothing: v1 was offered.
    No,
    /// The next socket offers v1.
    Quiet,
    /// The same, and the person is told: it is the first time.
    Tell,
}

impl Versions {
    /// Nothing was offered yet.
    pub fn new(wanted: Version) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// What the next socket offers.
    pub fn offer(&mut self, now: Millis) -> Version {
        // Tasks matter more than pushed answers; and what refused v3 may have been a proxy, or an OrgX of before.
        self.refused.take_if(|at| now.since(*at) >= limits::V3_AGAIN);
        self.offered = if self.refused.is_some() { Version::V1 } else { self.wanted };
        self.offered
    }

    /// What the newest socket offered.
    pub fn offered(&self) -> Version {
        self.offered
    }

    /// OrgX does not speak what was offered.
    pub fn refused(&mut self, now: Millis) -> FallBack {
        if self.offered == Version::V1 {
            return FallBack::No;
        }
        self.refused = Some(now);
        if std::mem::replace(&mut self.told, true) { FallBack::Quiet } else { FallBack::Tell }
    }

    /// The computer woke, perhaps in another network: no refusal counts any more.
    pub fn woke(&mut self) {
        self.refused = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_v3_is_offered_again_after_ten_minutes_or_a_sleep_and_told_once() {
        let mut it = Versions::new(Version::V3);
        assert_eq!(it.offer(Millis(0)), Version::V3);
        assert_eq!(it.refused(Millis(1_000)), FallBack::Tell);
        assert_eq!((it.offer(Millis(1_000)), it.offered()), (Version::V1, Version::V1));
        assert_eq!(it.refused(Millis(2_000)), FallBack::No, "v1 was refused, too: it is something else");
        assert_eq!(it.offer(Millis(600_999)), Version::V1);
        assert_eq!(it.offer(Millis(601_000)), Version::V3);
        assert_eq!(it.refused(Millis(601_500)), FallBack::Quiet);
        assert_eq!(it.offer(Millis(602_000)), Version::V1);
        it.woke();
        assert_eq!(it.offer(Millis(603_000)), Version::V3);
        assert_eq!(it.offer(Millis(604_000)), Version::V3, "nobody refused it");
        let mut off = Versions::new(Version::V1);
        assert_eq!((off.offer(Millis(0)), off.refused(Millis(1))), (Version::V1, FallBack::No));
    }
}
