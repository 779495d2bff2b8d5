//! COUNT values: of NAS (TS 24.301 clause 4.4.3) and of PDCP (TS 36.323 clause 6.3.5), and whether one was used before.
//!
//! A COUNT is an overflow counter or hyper frame number and, below it, the sequence number that travels: 8 bits of NAS, 5 of a
//! signalling bearer, 12 of a data bearer. The same (key, bearer, direction, COUNT) twice is key stream used twice.

use std::collections::BTreeMap;

use crate::eps::parameters::LinkDirection;

/// The COUNT of one bearer in one direction, at its sender or receiver: what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    next: u32,
    /// Bits of the sequence number.
    bits: u8,
    /// The last COUNT that may be used.
    last: u32,
}

/// Every COUNT has been used: new keys are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("every COUNT of this key has been used")]
pub struct CountExhausted;

impl Count {
    /// NAS: 24 bits, of which 8 travel.
    #[must_use]
    pub const fn nas() -> Self {
        Self { next: 0, bits: 8, last: 0x00ff_ffff }
    }

    /// A signalling bearer: 32 bits, of which 5 travel.
    #[must_use]
    pub const fn signalling() -> Self {
        Self { next: 0, bits: 5, last: u32::MAX }
    }

    /// RRC of UTRAN: 32 bits, of which 4 travel (TS 33.102 clause 6.5.4.1).
    #[must_use]
    pub const fn utran_signalling() -> Self {
        Self { next: 0, bits: 4, last: u32::MAX }
    }

    /// A data bearer: 32 bits, of which 12 travel.
    #[must_use]
    pub const fn data() -> Self {
        Self { next: 0, bits: 12, last: u32::MAX }
    }

    /// The COUNT that comes next.
    #[must_use]
    pub const fn next(&self) -> u32 {
        self.next
    }

    /// The same, with `next` as the COUNT that comes next: taken over from another node.
    #[must_use]
    pub const fn going_on_at(self, next: u32) -> Self {
        Self { next, ..self }
    }

    /// The part of a COUNT that travels.
    #[must_use]
    pub const fn sequence_number(&self, count: u32) -> u16 {
        (count & ((1 << self.bits) - 1)) as u16
    }

    /// Takes the next COUNT to send with.
    ///
    /// # Errors
    /// There is none left.
    pub fn take(&mut self) -> Result<u32, CountExhausted> {
        let count = self.next;
        if count >= self.last {
            return Err(CountExhausted);
        }
        self.next = count.saturating_add(1);
        Ok(count)
    }

    /// The COUNT that a received sequence number stands for: the lowest that is not below the one that comes next.
    ///
    /// # Errors
    /// It would be beyond the last.
    pub fn received(&self, sequence_number: u16) -> Result<u32, CountExhausted> {
        let window = 1_u32 << self.bits;
        let ahead = u32::from(sequence_number).wrapping_sub(self.next) & (window - 1);
        self.next.checked_add(ahead).filter(|count| *count < self.last).ok_or(CountExhausted)
    }

    /// A message with this COUNT was authentic: what comes next is above it.
    pub fn accept(&mut self, count: u32) {
        self.next = self.next.max(count.saturating_add(1));
    }
}

/// Which COUNTs were used under which key.
#[derive(Clone, Debug, Default)]
pub struct CountLedger {
    /// By key, bearer and direction: the ranges of COUNTs used, each by its first, with its last.
    used: BTreeMap<(u64, u8, LinkDirection), BTreeMap<u32, u32>>,
}

impl CountLedger {
    /// Notes a use of the key with this fingerprint; whether it is the first with this bearer, direction and COUNT.
    pub fn insert(&mut self, key: u64, bearer: u8, direction: LinkDirection, count: u32) -> bool {
        let ranges = self.used.entry((key, bearer, direction)).or_default();
        let below = ranges.range(..=count).next_back().map(|(first, last)| (*first, *last));
        if below.is_some_and(|(_, last)| count <= last) {
            return false;
        }
        let above = count.checked_add(1).and_then(|next| ranges.remove(&next));
        let first = below.filter(|(_, last)| last.checked_add(1) == Some(count)).map_or(count, |(first, _)| first);
        ranges.insert(first, above.unwrap_or(count));
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_receiver_follows_past_the_end_of_the_sequence_number() {
        let (mut sender, mut receiver) = (Count::signalling(), Count::signalling());
        for lost in [0, 1, 30, 0, 7].into_iter().cycle().take(60) {
            for _ in 0..lost {
                sender.take().unwrap();
            }
            let count = sender.take().unwrap();
            let seen = receiver.received(receiver.sequence_number(count)).unwrap();
            assert_eq!(seen, count);
            receiver.accept(seen);
        }
        assert!(receiver.next() > 300);
    }

    #[test]
    fn the_last_count_of_nas_is_not_used() {
        let mut count = Count::nas().going_on_at(0x00ff_fffe);
        assert_eq!(count.take(), Ok(0x00ff_fffe));
        assert_eq!(count.take(), Err(CountExhausted));
        assert_eq!(Count::nas().going_on_at(0x00ff_ffff).received(0xff), Err(CountExhausted));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn a_use_is_the_first_exactly_once(uses in prop::collection::vec((0u64..2, 0u8..2, any::<bool>(), 0u32..16), 0..120)) {
            let (mut ledger, mut seen) = (CountLedger::default(), HashSet::new());
            for (key, bearer, up, count) in uses {
                let direction = if up { LinkDirection::Uplink } else { LinkDirection::Downlink };
                prop_assert_eq!(ledger.insert(key, bearer, direction, count), seen.insert((key, bearer, up, count)));
            }
        }
    }
}
