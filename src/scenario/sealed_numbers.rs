//! Under which pairs of TEK and packet number PDUs have been sealed.
//!
//! A sender counts up, so that the numbers used under a TEK are nearly always one range: it is what is kept, and what stands
//! outside it number by number. Memory grows with the TEKs, not with the PDUs.

use std::collections::{HashMap, HashSet};

use crate::dot16::identifiers::Direction;

/// The packet numbers used under one TEK in one direction.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: u32,
    /// The number behind the last.
    end: u64,
}

/// The pairs that were used.
#[derive(Clone, Debug, Default)]
pub(super) struct SealedNumbers {
    /// By what names the TEK, and direction.
    ranges: HashMap<(u64, Direction), Range>,
    /// Those that do not continue their range.
    others: HashSet<(u64, Direction, u32)>,
}

impl SealedNumbers {
    /// Notes that a PDU was sealed under a TEK with a packet number; whether that pair is new.
    pub(super) fn insert(&mut self, tek: u64, direction: Direction, pn: u32) -> bool {
        let number = u64::from(pn);
        let range = self.ranges.entry((tek, direction)).or_insert(Range { first: pn, end: number });
        if number == range.end && !self.others.contains(&(tek, direction, pn)) {
            range.end = number + 1;
            return true;
        }
        let used = pn >= range.first && number < range.end;
        !used && self.others.insert((tek, direction, pn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn a_pair_is_new_exactly_once(pairs in prop::collection::vec((0u64..2, any::<bool>(), 0u32..12), 0..80)) {
            let (mut numbers, mut seen) = (SealedNumbers::default(), HashSet::new());
            for (tek, up, pn) in pairs {
                let direction = if up { Direction::Uplink } else { Direction::Downlink };
                prop_assert_eq!(numbers.insert(tek, direction, pn), seen.insert((tek, up, pn)));
            }
        }
    }

    #[test]
    fn numbers_that_count_up_cost_no_more_than_one() {
        let mut numbers = SealedNumbers::default();
        for pn in (1..=1_000).chain([u32::MAX]) {
            assert!(numbers.insert(7, Direction::Uplink, pn));
        }
        assert!(!numbers.insert(7, Direction::Uplink, 500));
        assert_eq!((numbers.ranges.len(), numbers.others.len()), (1, 1));
    }
}
