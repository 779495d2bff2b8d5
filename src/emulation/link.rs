//! Links: when a frame arrives, and what happens to it on the way.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;

use super::random::{happens, up_to};
use crate::time::VirtualTime;

/// When a frame that starts at some instant arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// After `latency` plus a random part of up to `jitter`.
    Latency {
        /// The fixed part; never zero.
        latency: Duration,
        /// The largest random part.
        jitter: Duration,
    },
    /// At the next slot end after the start: slots end at `end` after each multiple of `period` (a TDD subframe).
    Slot {
        /// The length of a frame; never zero.
        period: Duration,
        /// The end of the slot inside a period, above zero and at most `period`.
        end: Duration,
    },
}

impl Timing {
    /// The arrival of a frame that starts at `start`; always later than `start`.
    fn arrival(self, start: VirtualTime, generator: &mut ChaCha20Rng) -> VirtualTime {
        match self {
            Self::Latency { jitter, .. } if !jitter.is_zero() => {
                let highest = u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX);
                self.earliest_arrival(start) + Duration::from_nanos(up_to(generator, highest))
            }
            _ => self.earliest_arrival(start),
        }
    }

    /// The arrival of a frame that starts at `start` and meets no jitter.
    pub(super) fn earliest_arrival(self, start: VirtualTime) -> VirtualTime {
        match self {
            Self::Latency { latency, .. } => start + latency,
            Self::Slot { period, end } => next_in_period(start, period, end),
        }
    }
}

/// The first instant strictly after `after` that lies `offset` behind a multiple of `period`.
///
/// `period` must not be zero.
#[must_use]
pub fn next_in_period(after: VirtualTime, period: Duration, offset: Duration) -> VirtualTime {
    let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).max(1);
    let offset = u64::try_from(offset.as_nanos()).unwrap_or(u64::MAX) % period;
    let after = after.as_nanos();
    let base = after.saturating_sub(after % period);
    let in_this_period = base.saturating_add(offset);
    VirtualTime::from_nanos(if in_this_period > after { in_this_period } else { in_this_period.saturating_add(period) })
}

/// What may happen to a frame on a directed link; each is the probability per frame, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairments {
    /// The frame never arrives.
    pub loss: f64,
    /// It arrives twice, the second time one more latency later.
    pub duplication: f64,
    /// One of its bits, any with equal chance, arrives inverted.
    pub bit_error: f64,
}

/// One direction of a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkSettings {
    /// When frames arrive.
    pub timing: Timing,
    /// What happens to them.
    pub impairments: Impairments,
}

/// What becomes of one frame: arrivals in order, none if it is lost.
#[derive(Debug, Default)]
pub(super) struct Passage {
    pub(super) arrivals: Vec<VirtualTime>,
    /// The bit to invert, counted from the first of the frame.
    pub(super) inverted_bit: Option<usize>,
}

/// A directed link at work: its settings and its own generator.
#[derive(Debug)]
pub(super) struct DirectedLink {
    pub(super) settings: LinkSettings,
    pub(super) generator: ChaCha20Rng,
}

impl DirectedLink {
    pub(super) fn pass(&mut self, start: VirtualTime, octets: usize) -> Passage {
        let impairments = self.settings.impairments;
        if happens(&mut self.generator, impairments.loss) {
            return Passage::default();
        }
        let first = self.settings.timing.arrival(start, &mut self.generator);
        let mut arrivals = vec![first];
        if happens(&mut self.generator, impairments.duplication) {
            arrivals.push(self.settings.timing.arrival(first, &mut self.generator));
        }
        let inverted_bit = (octets > 0 && happens(&mut self.generator, impairments.bit_error))
            .then(|| up_to(&mut self.generator, octets as u64 * 8 - 1) as usize);
        Passage { arrivals, inverted_bit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulation::random::generator;

    const MS: Duration = Duration::from_millis(1);

    fn at(millis: u64) -> VirtualTime {
        VirtualTime::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_slotted_frame_arrives_at_the_end_of_its_slot() {
        let timing = Timing::Slot { period: 5 * MS, end: 3 * MS };
        let mut generator = generator(1, "test");
        assert_eq!(timing.arrival(at(0), &mut generator), at(3));
        assert_eq!(timing.arrival(at(2), &mut generator), at(3));
        assert_eq!(timing.arrival(at(3), &mut generator), at(8), "the slot that ends now is over");
        let whole = Timing::Slot { period: 5 * MS, end: 5 * MS };
        assert_eq!(whole.arrival(at(3), &mut generator), at(5));
        assert_eq!(whole.arrival(at(5), &mut generator), at(10));
    }

    #[test]
    fn loss_duplication_and_bit_errors_happen_when_they_must_and_not_otherwise() {
        let timing = Timing::Latency { latency: MS, jitter: Duration::ZERO };
        let mut link = DirectedLink {
            settings: LinkSettings { timing, impairments: Impairments::default() },
            generator: generator(1, "test"),
        };
        let clean = link.pass(at(0), 100);
        assert_eq!((clean.arrivals, clean.inverted_bit), (vec![at(1)], None));
        link.settings.impairments = Impairments { loss: 0.0, duplication: 1.0, bit_error: 1.0 };
        let spoilt = link.pass(at(0), 100);
        assert_eq!(spoilt.arrivals, vec![at(1), at(2)]);
        assert!(spoilt.inverted_bit.is_some_and(|bit| bit < 800));
        link.settings.impairments.loss = 1.0;
        assert!(link.pass(at(0), 100).arrivals.is_empty());
    }
}
