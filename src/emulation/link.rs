//! Links: when a frame arrives, and what happens to it on the way.

use std::collections::HashMap;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;

use super::fate::Fate;
use super::node::{NodeIndex, Port};
use super::random::{generator, happens, up_to};
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
    /// When a frame arrives that would at `arrival` and is kept back for `delay`.
    fn delayed(self, arrival: VirtualTime, delay: Duration) -> VirtualTime {
        match self {
            _ if delay.is_zero() => arrival,
            Self::Latency { .. } => arrival + delay,
            Self::Slot { period, end } => {
                // A slot that ends just then will do.
                next_in_period(arrival + delay - Duration::from_nanos(1), period, end)
            }
        }
    }

    /// The arrival of a frame that starts at `start` and meets no jitter; always later than `start`.
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
    /// It is held back, so that later ones may overtake it.
    pub reordering: f64,
    /// For how long; on a slotted link it then arrives at a slot end.
    pub held_back: Duration,
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
    /// The bits to invert, counted from the first of the frame.
    pub(super) inverted_bits: Vec<usize>,
    /// Whether it is held back.
    pub(super) held_back: bool,
}

/// The links of a network, by port. There may be very many of them: what can be computed need not be kept.
pub trait Links: Send + Sync {
    /// The nodes at the two ends of a link.
    fn ends(&self, port: Port) -> [NodeIndex; 2];

    /// Its settings towards the first end and towards the second; always the same.
    fn settings(&self, port: Port) -> [LinkSettings; 2];

    /// Its name, which seeds the generators of its two directions.
    fn name(&self, port: Port) -> String;

    /// Every timing that a directed link has, each at least once.
    fn timings(&self) -> Vec<Timing>;
}

/// A few links, one after the other.
#[derive(Clone, Debug, Default)]
pub struct LinkList(Vec<(String, [NodeIndex; 2], [LinkSettings; 2])>);

impl LinkList {
    /// Adds a link between two nodes and answers its port, which counts from 0 in the order of these calls.
    pub fn add(
        &mut self,
        name: &str,
        first: NodeIndex,
        to_first: LinkSettings,
        second: NodeIndex,
        to_second: LinkSettings,
    ) -> Port {
        self.0.push((name.to_owned(), [first, second], [to_first, to_second]));
        Port(self.0.len() - 1)
    }
}

impl Links for LinkList {
    fn ends(&self, port: Port) -> [NodeIndex; 2] {
        self.0[port.0].1
    }

    fn settings(&self, port: Port) -> [LinkSettings; 2] {
        self.0[port.0].2
    }

    fn name(&self, port: Port) -> String {
        self.0[port.0].0.clone()
    }

    fn timings(&self) -> Vec<Timing> {
        self.0.iter().flat_map(|(.., settings)| settings).map(|settings| settings.timing).collect()
    }
}

/// The generators of directed links, each seeded when it is first drawn from: most links never are.
#[derive(Debug)]
pub(super) struct LinkGenerators {
    seed: u64,
    drawn: HashMap<(Port, usize), ChaCha20Rng>,
}

impl LinkGenerators {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, drawn: HashMap::new() }
    }

    /// That of the link towards its end `towards`, 0 or 1.
    fn of(&mut self, links: &dyn Links, port: Port, towards: usize) -> &mut ChaCha20Rng {
        let Self { seed, drawn } = self;
        drawn.entry((port, towards)).or_insert_with(|| {
            let end = if towards == 0 { "first" } else { "second" };
            generator(*seed, &format!("link {} to {end}", links.name(port)))
        })
    }
}

/// A directed link at work.
pub(super) struct DirectedLink<'a> {
    pub(super) links: &'a dyn Links,
    pub(super) port: Port,
    /// The end that receives, 0 or 1.
    pub(super) towards: usize,
    pub(super) generators: &'a mut LinkGenerators,
}

impl DirectedLink<'_> {
    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && happens(self.generators.of(self.links, self.port, self.towards), probability)
    }

    fn up_to(&mut self, highest: u64) -> u64 {
        up_to(self.generators.of(self.links, self.port, self.towards), highest)
    }

    /// The arrival of a frame that starts at `start`; always later than `start`.
    fn arrival(&mut self, timing: Timing, start: VirtualTime) -> VirtualTime {
        let earliest = timing.earliest_arrival(start);
        match timing {
            Timing::Latency { jitter, .. } if !jitter.is_zero() => {
                earliest + Duration::from_nanos(self.up_to(u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX)))
            }
            _ => earliest,
        }
    }

    /// A frame of `octets` octets starts at `start`. What is drawn does not depend on its fate, so that the fate of one
    /// frame changes nothing for the others.
    pub(super) fn pass(&mut self, start: VirtualTime, octets: usize, fate: &Fate) -> Passage {
        let LinkSettings { timing, impairments } = self.links.settings(self.port)[self.towards];
        if self.happens(impairments.loss) {
            return Passage::default();
        }
        let mut first = self.arrival(timing, start);
        let held_back = self.happens(impairments.reordering);
        if held_back {
            first = timing.delayed(first, impairments.held_back);
        }
        let mut arrivals = vec![first];
        if self.happens(impairments.duplication) {
            arrivals.push(self.arrival(timing, first));
        }
        let bits = (octets as u64).saturating_mul(8);
        let mut inverted_bits = Vec::new();
        if octets > 0 {
            if self.happens(impairments.bit_error) {
                inverted_bits.push(self.up_to(bits - 1) as usize);
            }
            inverted_bits.extend(fate.inverted_bits.iter().map(|bit| (bit % bits) as usize));
        }
        if fate.lost {
            return Passage::default();
        }
        for arrival in &mut arrivals {
            *arrival = timing.delayed(*arrival, fate.delay);
        }
        let copies =
            fate.copies.iter().flat_map(|later| arrivals.iter().map(|arrival| timing.delayed(*arrival, *later)));
        let copies: Vec<VirtualTime> = copies.collect();
        arrivals.extend(copies);
        Passage { arrivals, inverted_bits, held_back }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(millis: u64) -> VirtualTime {
        VirtualTime::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_slotted_frame_arrives_at_the_end_of_its_slot() {
        let timing = Timing::Slot { period: 5 * MS, end: 3 * MS };
        assert_eq!(timing.earliest_arrival(at(0)), at(3));
        assert_eq!(timing.earliest_arrival(at(2)), at(3));
        assert_eq!(timing.earliest_arrival(at(3)), at(8), "the slot that ends now is over");
        let whole = Timing::Slot { period: 5 * MS, end: 5 * MS };
        assert_eq!(whole.earliest_arrival(at(3)), at(5));
        assert_eq!(whole.earliest_arrival(at(5)), at(10));
    }

    #[test]
    fn loss_duplication_and_bit_errors_happen_when_they_must_and_not_otherwise() {
        let timing = Timing::Latency { latency: MS, jitter: Duration::ZERO };
        let mut link = OneLink::new(timing, Impairments::default());
        let clean = link.pass(at(0), 100, &Fate::pass());
        assert_eq!((clean.arrivals, clean.inverted_bits, clean.held_back), (vec![at(1)], vec![], false));
        link.impairments = Impairments { duplication: 1.0, bit_error: 1.0, ..Impairments::default() };
        let spoilt = link.pass(at(0), 100, &Fate::pass());
        assert_eq!(spoilt.arrivals, vec![at(1), at(2)]);
        assert!(matches!(spoilt.inverted_bits[..], [bit] if bit < 800));
        link.impairments = Impairments { reordering: 1.0, held_back: 4 * MS, ..Impairments::default() };
        let late = link.pass(at(0), 100, &Fate::pass());
        assert_eq!((late.arrivals, late.held_back), (vec![at(5)], true));
        link.impairments.loss = 1.0;
        assert!(link.pass(at(0), 100, &Fate::pass()).arrivals.is_empty());
    }

    struct OneLink {
        timing: Timing,
        impairments: Impairments,
        generators: LinkGenerators,
    }

    impl OneLink {
        fn new(timing: Timing, impairments: Impairments) -> Self {
            Self { timing, impairments, generators: LinkGenerators::new(1) }
        }

        fn pass(&mut self, start: VirtualTime, octets: usize, fate: &Fate) -> Passage {
            let settings = LinkSettings { timing: self.timing, impairments: self.impairments };
            let mut links = LinkList::default();
            let port = links.add("test", NodeIndex(0), settings, NodeIndex(1), settings);
            DirectedLink { links: &links, port, towards: 0, generators: &mut self.generators }.pass(start, octets, fate)
        }
    }

    #[test]
    fn a_frame_delayed_or_copied_by_its_fate_still_arrives_at_a_slot_end() {
        let mut air = OneLink::new(Timing::Slot { period: 5 * MS, end: 3 * MS }, Impairments::default());
        let mut wire = OneLink::new(Timing::Latency { latency: MS, jitter: Duration::ZERO }, Impairments::default());
        let us = Duration::from_micros;
        for (delay, on_air, on_wire) in [
            (us(0), at(3), VirtualTime::ZERO + us(1_000)),
            (us(1), at(8), VirtualTime::ZERO + us(1_001)),
            (us(5_000), at(8), VirtualTime::ZERO + us(6_000)),
            (us(5_001), at(13), VirtualTime::ZERO + us(6_001)),
        ] {
            let fate = Fate { delay, ..Fate::pass() };
            assert_eq!(air.pass(at(0), 1, &fate).arrivals, [on_air], "{delay:?}");
            assert_eq!(wire.pass(at(0), 1, &fate).arrivals, [on_wire], "{delay:?}");
        }
        let fate = Fate { delay: 6 * MS, copies: vec![MS], inverted_bits: vec![17], ..Fate::pass() };
        let passage = air.pass(at(0), 2, &fate);
        assert_eq!((passage.arrivals, passage.inverted_bits), (vec![at(13), at(18)], vec![1]));
        assert!(air.pass(at(0), 2, &fate.and(Fate::lost())).arrivals.is_empty());
    }

    #[test]
    fn the_fate_of_one_frame_changes_nothing_for_the_next() {
        let impairments =
            Impairments { loss: 0.3, duplication: 0.3, bit_error: 0.3, reordering: 0.3, held_back: 2 * MS };
        let timing = Timing::Latency { latency: MS, jitter: MS };
        let passages = |fate: &Fate| {
            let mut link = OneLink::new(timing, impairments);
            link.pass(at(0), 100, fate);
            (0..20).map(|_| link.pass(at(1), 100, &Fate::pass()).arrivals).collect::<Vec<_>>()
        };
        let untouched = passages(&Fate::pass());
        assert_eq!(passages(&Fate::lost()), untouched);
        assert_eq!(passages(&Fate { delay: MS, copies: vec![MS], ..Fate::pass() }), untouched);
    }
}
