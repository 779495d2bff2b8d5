//! The receive window of packet numbers: which PDUs are new (802.16-2009 clause 7.5.1.2; `dot16-security.md` 4.2).
//!
//! There is one for each TEK and direction. It is asked before a PDU is opened and moved only after its ICV has
//! verified.

use super::packet_number::PacketNumber;

const WORDS: usize = 16;
const WORD_BITS: u32 = u64::BITS;

/// What a window says about a packet number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PnVerdict {
    /// New: above the window, or inside and not yet seen.
    Accept,
    /// Inside the window and seen before.
    Duplicate,
    /// Below the window.
    Old,
}

/// A window size that is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PN window: expected a size from 0 to {max}, found {found}", max = PnWindow::MAX_SIZE)]
pub struct WindowSizeError {
    /// The size asked for.
    pub found: u16,
}

/// A window over the `size` packet numbers that end with the highest one accepted: `highest - size + 1 ..= highest`.
///
/// Sizes 0 and 1 both demand strictly increasing numbers; they differ in the verdict on the highest one itself, which
/// is old for size 0 and a duplicate for size 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PnWindow {
    size: u32,
    /// 0 until something was accepted.
    highest: u32,
    /// Whether a number of the window was seen, at bit `number % 1024`. A bit outside the window means nothing until
    /// the window reaches its number, and is cleared then.
    seen: [u64; WORDS],
}

impl PnWindow {
    /// The largest size.
    pub const MAX_SIZE: u16 = 1024;
    /// The size that is used where nothing else was agreed on.
    pub const DEFAULT_SIZE: u16 = 64;

    /// A window of this size that has accepted nothing.
    ///
    /// # Errors
    /// A size above [`MAX_SIZE`](Self::MAX_SIZE).
    pub const fn new(size: u16) -> Result<Self, WindowSizeError> {
        if size > Self::MAX_SIZE {
            return Err(WindowSizeError { found: size });
        }
        Ok(Self { size: size as u32, highest: 0, seen: [0; WORDS] })
    }

    /// The size, 0 to 1024.
    #[must_use]
    pub const fn size(&self) -> u16 {
        self.size as u16
    }

    /// The highest packet number accepted; `None` if none was.
    #[must_use]
    pub const fn highest(&self) -> Option<PacketNumber> {
        match PacketNumber::new(self.highest) {
            Ok(pn) => Some(pn),
            Err(_) => None,
        }
    }

    /// What [`accept`](Self::accept) would say, without moving anything.
    #[must_use]
    pub fn check(&self, pn: PacketNumber) -> PnVerdict {
        match self.highest.checked_sub(pn.count()) {
            None => PnVerdict::Accept,
            Some(below) if below >= self.size => PnVerdict::Old,
            Some(_) if self.is_seen(pn.count()) => PnVerdict::Duplicate,
            Some(_) => PnVerdict::Accept,
        }
    }

    /// The verdict on `pn`; if it is [`PnVerdict::Accept`] the number is marked as seen and the window moves up to
    /// it.
    pub fn accept(&mut self, pn: PacketNumber) -> PnVerdict {
        let verdict = self.check(pn);
        if verdict == PnVerdict::Accept {
            self.move_up_to(pn.count());
            self.mark(pn.count());
        }
        verdict
    }

    /// Makes this window take everything up to `highest` as seen: that of a TEK which was in use elsewhere, when only
    /// the highest number is known.
    pub fn assume_seen_up_to(&mut self, highest: PacketNumber) {
        self.highest = self.highest.max(highest.count());
        self.seen = [u64::MAX; WORDS];
    }

    /// Which numbers of the window were accepted: bit `i`, counted from the most significant bit of the first octet, is that
    /// of the highest number less `i`. One octet for eight numbers, of which those below the window count as accepted; none if
    /// nothing was accepted or the size is 0.
    #[must_use]
    pub fn bitmap(&self) -> Vec<u8> {
        if self.highest == 0 {
            return Vec::new();
        }
        let seen = |below: u32| {
            below >= self.size || self.highest.checked_sub(below).is_some_and(|count| count > 0 && self.is_seen(count))
        };
        let octet = |first: u32| (0..8).fold(0, |octet, bit| octet << 1 | u8::from(seen(first.saturating_add(bit))));
        (0..self.size.div_ceil(8)).map(|place| octet(place * 8)).collect()
    }

    /// Makes this window go on where another one stands: `highest` is the highest number accepted there, and `bitmap`, in
    /// the form of [`bitmap`](Self::bitmap), says which of those below it were. What it says nothing of counts as seen.
    pub fn resume(&mut self, highest: PacketNumber, bitmap: &[u8]) {
        self.assume_seen_up_to(highest);
        let bits = bitmap.iter().flat_map(|octet| (0..8).map(move |bit| octet << bit & 0x80 != 0));
        for (below, seen) in (0..u32::from(Self::MAX_SIZE)).zip(bits) {
            let count = highest.count().saturating_sub(below);
            let (word, bit) = place(count);
            if let Some(word) = self.seen.get_mut(word).filter(|_| !seen && count > 0 && below > 0) {
                *word &= !bit;
            }
        }
    }

    /// Raises the highest number to `count`, if it is lower, and forgets the numbers that stood in the places of the
    /// new ones.
    fn move_up_to(&mut self, count: u32) {
        if count.saturating_sub(self.highest) >= u32::from(Self::MAX_SIZE) {
            self.seen = [0; WORDS];
        } else {
            for number in self.highest.saturating_add(1)..=count {
                let (word, bit) = place(number);
                if let Some(word) = self.seen.get_mut(word) {
                    *word &= !bit;
                }
            }
        }
        self.highest = self.highest.max(count);
    }

    fn is_seen(&self, count: u32) -> bool {
        let (word, bit) = place(count);
        self.seen.get(word).is_some_and(|word| word & bit != 0)
    }

    fn mark(&mut self, count: u32) {
        let (word, bit) = place(count);
        if let Some(word) = self.seen.get_mut(word) {
            *word |= bit;
        }
    }
}

/// Where a number stands in the bit field: the word, and the bit in it.
const fn place(count: u32) -> (usize, u64) {
    ((count / WORD_BITS) as usize % WORDS, 1 << (count % WORD_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use PnVerdict::{Accept, Duplicate, Old};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn verdicts(size: u16, counts: &[u32]) -> Vec<PnVerdict> {
        let mut window = PnWindow::new(size).unwrap();
        counts.iter().map(|count| window.accept(PacketNumber::new(*count).unwrap())).collect()
    }

    #[test]
    fn the_lower_edge_of_the_window_is_highest_minus_size_plus_one() {
        assert_eq!(verdicts(64, &[100, 37, 36, 37]), [Accept, Accept, Old, Duplicate]);
        assert_eq!(verdicts(2, &[10, 9, 8, 10]), [Accept, Accept, Old, Duplicate]);
        assert_eq!(verdicts(1024, &[2000, 977, 976]), [Accept, Accept, Old]);
    }

    #[test]
    fn the_first_numbers_need_no_window_below_them() {
        assert_eq!(verdicts(64, &[3, 1, 2, 1]), [Accept, Accept, Accept, Duplicate]);
    }

    #[test]
    fn size_one_is_strictly_increasing_and_names_the_highest_a_duplicate() {
        assert_eq!(verdicts(1, &[5, 5, 4, 6]), [Accept, Duplicate, Old, Accept]);
    }

    #[test]
    fn size_zero_is_strictly_increasing_and_whatever_is_not_higher_is_old() {
        assert_eq!(verdicts(0, &[5, 5, 4, 6, 6]), [Accept, Old, Old, Accept, Old]);
    }

    #[test]
    fn a_jump_forgets_what_left_the_window_and_only_that() {
        assert_eq!(
            verdicts(8, &[1, 2, 3, 9, 2, 3, 4, 1]),
            [Accept, Accept, Accept, Accept, Duplicate, Duplicate, Accept, Old]
        );
        assert_eq!(
            verdicts(1024, &[5, 5 + 1024, 6, 5, 5 + 5000, 5 + 4000]),
            [Accept, Accept, Accept, Old, Accept, Accept]
        );
    }

    #[test]
    fn the_end_of_the_range_is_an_ordinary_place() {
        assert_eq!(
            verdicts(64, &[0x7fff_ffff, 0x7fff_ffff, 0x7fff_ffff - 63, 0x7fff_ffff - 64]),
            [Accept, Duplicate, Accept, Old]
        );
    }

    #[test]
    fn asking_moves_nothing() {
        let mut window = PnWindow::new(64).unwrap();
        let pn = PacketNumber::new(7).unwrap();
        assert_eq!([window.check(pn), window.check(pn)], [Accept, Accept]);
        assert_eq!(window.highest(), None);
        assert_eq!(window.accept(pn), Accept);
        assert_eq!(window.check(pn), Duplicate);
        assert_eq!(window.highest(), Some(pn));
    }

    #[test]
    fn a_window_that_was_in_use_elsewhere_accepts_only_higher_numbers() {
        let mut window = PnWindow::new(64).unwrap();
        window.assume_seen_up_to(PacketNumber::new(500).unwrap());
        let mut verdict = |count| window.accept(PacketNumber::new(count).unwrap());
        assert_eq!([500, 437, 436, 501, 499].map(&mut verdict), [Duplicate, Duplicate, Old, Accept, Duplicate]);
    }

    #[test]
    fn a_bitmap_names_the_highest_number_first() {
        let mut window = PnWindow::new(12).unwrap();
        assert_eq!(window.bitmap(), Vec::<u8>::new());
        for count in [1, 7, 9, 10] {
            window.accept(PacketNumber::new(count).unwrap());
        }
        assert_eq!(window.bitmap(), [0b1101_0000, 0b0100_1111]);
    }

    #[test]
    fn a_size_above_1024_is_refused() {
        assert_eq!(PnWindow::new(1025), Err(WindowSizeError { found: 1025 }));
        assert_eq!(PnWindow::new(1024).map(|window| window.size()), Ok(1024));
    }

    proptest! {
        /// A window of the same size that goes on from the bitmap says of every number what the first one says.
        #[test]
        fn a_window_that_resumes_agrees_with_the_one_it_goes_on_from(
            size in prop_oneof![0u16..20, Just(64), Just(1024)],
            counts in prop::collection::vec(1u32..3000, 1..60),
        ) {
            let mut window = PnWindow::new(size).unwrap();
            for count in &counts {
                window.accept(PacketNumber::new(*count).unwrap());
            }
            let mut next = PnWindow::new(size).unwrap();
            next.resume(window.highest().unwrap(), &window.bitmap());
            for count in (1..3100).map(|count| PacketNumber::new(count).unwrap()) {
                prop_assert_eq!(next.check(count), window.check(count));
            }
        }

        /// Against the plainest of models: a set of all that was accepted.
        #[test]
        fn agrees_with_a_window_that_remembers_everything(
            size in prop_oneof![0u16..4, Just(63), Just(64), Just(65), Just(1023), Just(1024), 0u16..=1024],
            start in prop_oneof![Just(1u32), 1u32..5000, Just(0x7fff_0000)],
            steps in prop::collection::vec(prop_oneof![4 => -70i64..70, 1 => -1100i64..1100, 1 => -3000i64..3000], 1..200),
        ) {
            let mut window = PnWindow::new(size).unwrap();
            let mut accepted = BTreeSet::new();
            let mut position = i64::from(start);
            for step in steps {
                position = (position + step).clamp(1, 0x7fff_ffff);
                let count = u32::try_from(position).unwrap();
                let expected = match accepted.last() {
                    Some(highest) if count <= *highest => {
                        if highest - count >= u32::from(size) { Old }
                        else if accepted.contains(&count) { Duplicate }
                        else { Accept }
                    }
                    _ => Accept,
                };
                let pn = PacketNumber::new(count).unwrap();
                prop_assert_eq!(window.check(pn), expected);
                prop_assert_eq!(window.accept(pn), expected);
                if expected == Accept { accepted.insert(count); }
            }
        }
    }
}
