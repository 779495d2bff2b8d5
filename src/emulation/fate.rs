//! What becomes of one chosen frame, beyond what its link does to all frames: decided at the tap, as its transmission
//! starts, by [`Faults`] and by the adversary.

use std::time::Duration;

use super::node::{NodeIndex, Port};
use crate::time::VirtualTime;

/// What happens to one frame on its way; the default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// It never arrives, whatever else is said here.
    pub lost: bool,
    /// These octets go on in its place.
    pub octets: Option<Vec<u8>>,
    /// Bits that arrive inverted, counted from the first (most significant) of the frame, modulo its length.
    pub inverted_bits: Vec<u64>,
    /// How much later than otherwise it arrives; on a slotted link at the end of the slot in which that is, or of the next.
    pub delay: Duration,
    /// It arrives once more so much later, for each of these; on a slotted link at a slot end too.
    pub copies: Vec<Duration>,
    /// It waits until so many further frames of nodes have started on its directed link, and then arrives with the next
    /// that could; `None`: it does not wait.
    pub held: Option<u32>,
    /// What was done, in words; each becomes a part of the frame's comment in the capture.
    pub remarks: Vec<String>,
}

impl Fate {
    /// Untouched.
    #[must_use]
    pub fn pass() -> Self {
        Self::default()
    }

    /// Ended here.
    #[must_use]
    pub fn lost() -> Self {
        Self { lost: true, ..Self::default() }
    }

    /// Exchanged for `octets`.
    #[must_use]
    pub fn replaced(octets: Vec<u8>) -> Self {
        Self { octets: Some(octets), ..Self::default() }
    }

    /// Both fates: delays add up, inversions and copies are those of both, and of two waits the longer one holds. Of two
    /// exchanges that of `other` stands.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.lost |= other.lost;
        self.octets = other.octets.or(self.octets);
        self.inverted_bits.extend(other.inverted_bits);
        self.delay = self.delay.saturating_add(other.delay);
        self.copies.extend(other.copies);
        self.held = self.held.max(other.held);
        self.remarks.extend(other.remarks);
        self
    }
}

/// Whatever on the links singles out frames: sees every frame that a node sends and decides its fate.
pub trait Faults: Send {
    /// A frame of a node starts on the link `port` towards `to`.
    fn strike(&mut self, now: VirtualTime, port: Port, to: NodeIndex, octets: &[u8]) -> Fate;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fates_of_a_frame_both_come_true() {
        let ms = Duration::from_millis;
        let delayed = Fate { delay: ms(3), copies: vec![ms(1)], inverted_bits: vec![7], ..Fate::default() };
        let both = delayed.clone().and(Fate { delay: ms(4), copies: vec![ms(2)], ..Fate::replaced(vec![1]) });
        assert_eq!((both.delay, both.copies, both.inverted_bits), (ms(7), vec![ms(1), ms(2)], vec![7]));
        assert_eq!((both.octets, both.lost), (Some(vec![1]), false));
        assert!(delayed.clone().and(Fate::lost()).lost && Fate::lost().and(delayed).lost);
    }
}
