//! A set of UTF-16 code units: what a class, a dot or a class escape matches.

/// Ranges in order, apart from each other; both ends belong to a range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct UnitSet(Vec<(u16, u16)>);

impl UnitSet {
    pub(crate) fn of(ranges: &[(u16, u16)]) -> Self {
        let mut ordered = ranges.to_vec();
        ordered.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ordered.len());
        for (low, high) in ordered {
            match merged.last_mut() {
                Some(last) if u32::from(low) <= u32::from(last.1) + 1 => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    pub(crate) fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    pub(crate) fn contains(&self, unit: u16) -> bool {
        let after = self.0.partition_point(|(low, _)| *low <= unit);
        after > 0 && unit <= self.0[after - 1].1
    }

    pub(crate) fn complement(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(0);
        for &(low, high) in &self.0 {
            if let Some(start) = next.filter(|start| *start < low) {
                ranges.push((start, low - 1));
            }
            next = high.checked_add(1);
        }
        if let Some(start) = next {
            ranges.push((start, u16::MAX));
        }
        Self(ranges)
    }

    /// The units, when there are at most `most` of them.
    pub(crate) fn few(&self, most: usize) -> Option<Vec<u16>> {
        let count: usize = self.0.iter().map(|(low, high)| usize::from(high - low) + 1).sum();
        (count <= most).then(|| self.0.iter().flat_map(|(low, high)| *low..=*high).collect())
    }

    /// `\d`: ASCII digits only.
    pub(crate) fn digit() -> Self {
        Self::of(&[(0x30, 0x39)])
    }

    /// `\w`: ASCII only.
    pub(crate) fn word() -> Self {
        Self::of(&[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)])
    }

    /// `\s`: ECMAScript WhiteSpace and LineTerminator; of Unicode's spaces those of category Zs, and U+FEFF.
    pub(crate) fn space() -> Self {
        Self::of(&[
            (0x09, 0x0D),
            (0x20, 0x20),
            (0xA0, 0xA0),
            (0x1680, 0x1680),
            (0x2000, 0x200A),
            (0x2028, 0x2029),
            (0x202F, 0x202F),
            (0x205F, 0x205F),
            (0x3000, 0x3000),
            (0xFEFF, 0xFEFF),
        ])
    }

    /// `.`: anything but a line terminator.
    pub(crate) fn dot() -> Self {
        Self::of(&[(0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)]).complement()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_merged_and_turned_around() {
        assert_eq!(UnitSet::of(&[(5, 9), (1, 2), (3, 4), (8, 12), (20, 20)]).ranges(), [(1, 12), (20, 20)]);
        assert_eq!(UnitSet::of(&[(1, 12)]).complement().ranges(), [(0, 0), (13, u16::MAX)]);
        assert_eq!(UnitSet::default().complement().ranges(), [(0, u16::MAX)]);
        assert_eq!(UnitSet::of(&[(0, u16::MAX)]).complement().ranges(), []);
        let set = UnitSet::of(&[(1, 2), (5, 9)]);
        let members: Vec<u16> = (0..12).filter(|unit| set.contains(*unit)).collect();
        assert_eq!(members, [1, 2, 5, 6, 7, 8, 9]);
        assert_eq!(UnitSet::of(&[(0x61, 0x63)]).few(3), Some(vec![0x61, 0x62, 0x63]));
        assert_eq!(UnitSet::of(&[(0x61, 0x63)]).few(2), None);
    }
}
