//! Which GRE sequence numbers have come from a node, so that a packet that the wired network delivers twice goes on once
//! (RFC 2890 clause 2.2: a packet that is out of sequence may be dropped).

use std::collections::BTreeSet;

/// How many numbers above the first gap are kept at the most.
const KEPT: usize = 16_384;

/// The sequence numbers seen: all up to one, and some above it.
#[derive(Clone, Debug, Default)]
pub struct SequenceWindow {
    /// Every number up to this one was seen, or is too old to be told.
    up_to: u32,
    above: BTreeSet<u32>,
}

impl SequenceWindow {
    /// Whether `number` was seen.
    #[must_use]
    pub fn has(&self, number: u32) -> bool {
        number <= self.up_to || self.above.contains(&number)
    }

    /// Takes `number` as seen. When too many are kept above a gap, the lowest of the gap count as seen too.
    pub fn take(&mut self, number: u32) {
        if number > self.up_to {
            self.above.insert(number);
        }
        while self.above.len() > KEPT {
            self.up_to = self.above.pop_first().unwrap_or(self.up_to);
        }
        while self.up_to < u32::MAX && self.above.remove(&(self.up_to + 1)) {
            self.up_to += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_new_once_in_whatever_order_numbers_come() {
        let mut window = SequenceWindow::default();
        for number in [3, 1, 2, 7, 5] {
            assert!(!window.has(number));
            window.take(number);
            assert!(window.has(number));
        }
        assert!(!window.has(4) && !window.has(6));
        assert_eq!((window.up_to, window.above.len()), (3, 2));
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_highest_number_is_the_last() {
        let mut window = SequenceWindow::default();
        for number in 0..3 * KEPT as u32 {
            window.take(2 * number + 2);
        }
        assert_eq!(window.above.len(), KEPT);
        assert!(window.has(1), "too old to be told");
        assert!(!window.has(6 * KEPT as u32 - 1));
        window.take(u32::MAX);
        assert!(window.has(u32::MAX));
    }
}
