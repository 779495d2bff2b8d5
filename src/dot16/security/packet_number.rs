//! The packet number of a data PDU (802.16-2009 clause 7.5.1.2; `dot16-security.md` 4.2).
//!
//! Bit 31 of the field tells the direction: it is set in the uplink, so that both directions share one TEK and no
//! nonce is used twice. The other 31 bits count from 1.

use crate::dot16::identifiers::Direction;

const UPLINK: u32 = 0x8000_0000;

/// The count in a packet number field: 1 to 0x7fff_ffff, without the direction bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketNumber(u32);

/// A number that is not a packet number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PnError {
    /// A count of 0, which is never sent.
    #[error("packet number: expected a count from 1 to 0x7fffffff, found 0")]
    Zero,
    /// A count of more than 31 bits.
    #[error("packet number: expected a count from 1 to 0x7fffffff, found {found:#x}")]
    TooLarge {
        /// The number given.
        found: u32,
    },
}

impl PacketNumber {
    /// The first that is sent under a TEK.
    pub const FIRST: Self = Self(1);
    /// The last that is sent under a TEK.
    pub const LAST: Self = Self(0x7fff_ffff);

    /// The packet number with this count.
    ///
    /// # Errors
    /// 0, or more than 31 bits.
    pub const fn new(count: u32) -> Result<Self, PnError> {
        match count {
            0 => Err(PnError::Zero),
            1..=0x7fff_ffff => Ok(Self(count)),
            found => Err(PnError::TooLarge { found }),
        }
    }

    /// The count, 1 to 0x7fff_ffff.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }

    /// The field of a PDU in this direction: the count, in the uplink with bit 31 set. On the wire and in the nonce
    /// it stands least significant octet first.
    #[must_use]
    pub const fn field(self, direction: Direction) -> u32 {
        match direction {
            Direction::Uplink => self.0 | UPLINK,
            Direction::Downlink => self.0,
        }
    }

    /// Count and direction of a field.
    ///
    /// # Errors
    /// [`PnError::Zero`] if the count is 0, whatever the direction.
    pub const fn from_field(field: u32) -> Result<(Self, Direction), PnError> {
        let direction = if field & UPLINK == 0 { Direction::Downlink } else { Direction::Uplink };
        match Self::new(field & !UPLINK) {
            Ok(pn) => Ok((pn, direction)),
            Err(error) => Err(error),
        }
    }
}

/// All packet numbers of a TEK and direction have been sent: nothing more may be, until there is a new TEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("packet numbers of this TEK and direction are used up: the last one has been sent")]
pub struct Exhausted;

/// The transmit counter of one TEK and direction. It holds the last packet number used, so it starts at 0 and the
/// first PDU carries 1; it never steps back and never wraps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PnCounter {
    last: u32,
    end: PacketNumber,
}

/// That of a new TEK.
impl Default for PnCounter {
    fn default() -> Self {
        Self::new()
    }
}

impl PnCounter {
    /// A counter that has used nothing yet: that of a new TEK.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: 0, end: PacketNumber::LAST }
    }

    /// A counter that goes on after `last`: that of a TEK which another base station used before.
    #[must_use]
    pub const fn after(last: PacketNumber) -> Self {
        Self { last: last.0, end: PacketNumber::LAST }
    }

    /// Makes `end` the last number that is given out, where a run is to see the end of the 31 bits.
    pub const fn end_at(&mut self, end: PacketNumber) {
        self.end = end;
    }

    /// How many packet numbers are left.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.end.0.saturating_sub(self.last)
    }

    /// The packet number of the next PDU, which is spent by this call.
    ///
    /// # Errors
    /// [`Exhausted`] after 0x7fff_ffff (or the [end](Self::end_at) that was set), now and ever after.
    pub const fn next(&mut self) -> Result<PacketNumber, Exhausted> {
        if self.left() == 0 {
            return Err(Exhausted);
        }
        self.last += 1;
        Ok(PacketNumber(self.last))
    }

    /// The last packet number used; `None` if none was.
    #[must_use]
    pub const fn last(&self) -> Option<PacketNumber> {
        if self.last == 0 { None } else { Some(PacketNumber(self.last)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_uplink_sets_bit_31_and_the_downlink_does_not() {
        assert_eq!(PacketNumber::FIRST.field(Direction::Downlink), 0x0000_0001);
        assert_eq!(PacketNumber::FIRST.field(Direction::Uplink), 0x8000_0001);
        assert_eq!(PacketNumber::LAST.field(Direction::Downlink), 0x7fff_ffff);
        assert_eq!(PacketNumber::LAST.field(Direction::Uplink), 0xffff_ffff);
    }

    #[test]
    fn zero_is_no_packet_number_in_either_direction() {
        assert_eq!(PacketNumber::from_field(0), Err(PnError::Zero));
        assert_eq!(PacketNumber::from_field(0x8000_0000), Err(PnError::Zero));
        assert_eq!(PacketNumber::new(0), Err(PnError::Zero));
        assert_eq!(PacketNumber::new(0x8000_0000), Err(PnError::TooLarge { found: 0x8000_0000 }));
    }

    #[test]
    fn a_counter_starts_at_one_and_counts_up() {
        let mut counter = PnCounter::new();
        assert_eq!(counter.last(), None);
        let used: Vec<u32> = (0..4).map(|_| counter.next().unwrap().count()).collect();
        assert_eq!(used, [1, 2, 3, 4]);
        assert_eq!(counter.last(), PacketNumber::new(4).ok());
    }

    #[test]
    fn a_counter_sends_the_last_number_and_then_nothing_ever_again() {
        let mut counter = PnCounter::after(PacketNumber::new(0x7fff_fffd).unwrap());
        assert_eq!(counter.next().map(PacketNumber::count), Ok(0x7fff_fffe));
        assert_eq!(counter.next(), Ok(PacketNumber::LAST));
        for _ in 0..3 {
            assert_eq!(counter.next(), Err(Exhausted));
        }
        assert_eq!(counter.last(), Some(PacketNumber::LAST));
    }

    #[test]
    fn a_counter_can_be_made_to_end_earlier_and_stays_at_its_end() {
        let mut counter = PnCounter::new();
        assert_eq!(counter.left(), 0x7fff_ffff);
        counter.end_at(PacketNumber::new(2).unwrap());
        assert_eq!([counter.next(), counter.next()].map(|pn| pn.unwrap().count()), [1, 2]);
        assert_eq!((counter.left(), counter.next()), (0, Err(Exhausted)));
        counter.end_at(PacketNumber::FIRST);
        assert_eq!((counter.left(), counter.next()), (0, Err(Exhausted)), "an end that lies behind");
    }

    proptest! {
        #[test]
        fn every_field_but_zero_reads_and_writes_back(field: u32) {
            match PacketNumber::from_field(field) {
                Ok((pn, direction)) => prop_assert_eq!(pn.field(direction), field),
                Err(_) => prop_assert_eq!(field & 0x7fff_ffff, 0),
            }
        }
    }
}
