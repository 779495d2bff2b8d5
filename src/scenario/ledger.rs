//! What was sent against what came out, end to end.
//!
//! Packets are known by their content, byte for byte: the path must not change them (no TTL change). The ledger keeps a
//! hash of 128 bits and two counters for each distinct content, never the packet. Byte-identical packets, which a
//! foreign capture may hold, are a multiset: two sent and two delivered are two delivered, no duplicate.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::dot16::identifiers::Direction;

/// The counts of a mobile station in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Packets sent.
    pub sent: u64,
    /// Deliveries that match a packet sent and not delivered before.
    pub delivered: u64,
    /// Deliveries of a content beyond the number of times it was sent.
    pub duplicated: u64,
    /// Packets sent and not delivered: `sent - delivered`.
    pub lost: u64,
    /// Deliveries of a content that was never sent.
    pub altered: u64,
}

impl Counts {
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent.saturating_add(other.sent),
            delivered: self.delivered.saturating_add(other.delivered),
            duplicated: self.duplicated.saturating_add(other.duplicated),
            lost: self.lost.saturating_add(other.lost),
            altered: self.altered.saturating_add(other.altered),
        }
    }
}

/// How often a content was sent and delivered.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sent: u64,
    arrived: u64,
}

/// The packets of one direction.
#[derive(Clone, Debug)]
struct Flow {
    tallies: HashMap<[u8; 16], Tally>,
    limit: usize,
    untracked: u64,
}

/// The user packets of one mobile station in both directions.
///
/// Memory: 32 octets and the map's overhead for each distinct content, up to a limit for each direction; packets of
/// further contents are counted in [`Ledger::untracked`] and in nothing else.
#[derive(Clone, Debug)]
pub struct Ledger {
    uplink: Flow,
    downlink: Flow,
}

impl Ledger {
    /// Distinct contents that [`Ledger::new`] keeps for a direction: more than one entry of a script can generate.
    pub const LIMIT: usize = 1 << 22;

    /// A ledger without packets.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(Self::LIMIT)
    }

    /// A ledger that keeps at most `limit` distinct contents for each direction.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        let flow = Flow { tallies: HashMap::new(), limit, untracked: 0 };
        Self { uplink: flow.clone(), downlink: flow }
    }

    /// Notes that `packet`, an IP packet, was handed to the sender.
    pub fn sent(&mut self, direction: Direction, packet: &[u8]) {
        self.flow_mut(direction).count(packet, |tally| tally.sent = tally.sent.saturating_add(1));
    }

    /// Notes that `packet`, an IP packet, came out at the receiver.
    pub fn delivered(&mut self, direction: Direction, packet: &[u8]) {
        self.flow_mut(direction).count(packet, |tally| tally.arrived = tally.arrived.saturating_add(1));
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self, direction: Direction) -> Counts {
        // Sums do not depend on the order in which the map is walked.
        self.flow(direction).tallies.values().fold(Counts::default(), |counts, tally| {
            let delivered = tally.sent.min(tally.arrived);
            let surplus = tally.arrived.saturating_sub(delivered);
            let (duplicated, altered) = if tally.sent == 0 { (0, surplus) } else { (surplus, 0) };
            Counts {
                sent: counts.sent.saturating_add(tally.sent),
                delivered: counts.delivered.saturating_add(delivered),
                duplicated: counts.duplicated.saturating_add(duplicated),
                lost: counts.lost.saturating_add(tally.sent.saturating_sub(delivered)),
                altered: counts.altered.saturating_add(altered),
            }
        })
    }

    /// Packets that were not noted because the ledger was full.
    #[must_use]
    pub fn untracked(&self, direction: Direction) -> u64 {
        self.flow(direction).untracked
    }

    fn flow(&self, direction: Direction) -> &Flow {
        match direction {
            Direction::Uplink => &self.uplink,
            Direction::Downlink => &self.downlink,
        }
    }

    fn flow_mut(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::Uplink => &mut self.uplink,
            Direction::Downlink => &mut self.downlink,
        }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Flow {
    fn count(&mut self, packet: &[u8], change: impl FnOnce(&mut Tally)) {
        let key = content_hash(packet);
        if self.tallies.len() >= self.limit && !self.tallies.contains_key(&key) {
            self.untracked = self.untracked.saturating_add(1);
        } else {
            change(self.tallies.entry(key).or_default());
        }
    }
}

/// The first 16 octets of the SHA-256 of `packet`.
fn content_hash(packet: &[u8]) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(packet).into();
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(digest) {
        *to = from;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const UP: Direction = Direction::Uplink;
    const DOWN: Direction = Direction::Downlink;

    fn counts(sent: &[&str], delivered: &[&str]) -> Counts {
        let mut ledger = Ledger::new();
        sent.iter().for_each(|packet| ledger.sent(UP, packet.as_bytes()));
        delivered.iter().for_each(|packet| ledger.delivered(UP, packet.as_bytes()));
        ledger.counts(UP)
    }

    #[test]
    fn what_arrives_once_in_any_order_is_delivered() {
        let expected = Counts { sent: 3, delivered: 3, ..Counts::default() };
        assert_eq!(counts(&["a", "b", "c"], &["c", "a", "b"]), expected);
    }

    #[test]
    fn what_does_not_arrive_is_lost() {
        let expected = Counts { sent: 2, delivered: 1, lost: 1, ..Counts::default() };
        assert_eq!(counts(&["a", "b"], &["b"]), expected);
    }

    #[test]
    fn what_arrives_again_is_duplicated() {
        let expected = Counts { sent: 1, delivered: 1, duplicated: 2, ..Counts::default() };
        assert_eq!(counts(&["a"], &["a", "a", "a"]), expected);
    }

    #[test]
    fn what_was_never_sent_is_altered_and_its_original_lost() {
        let expected = Counts { sent: 1, lost: 1, altered: 1, ..Counts::default() };
        assert_eq!(counts(&["a"], &["A"]), expected);
    }

    #[test]
    fn identical_packets_are_not_duplicates_of_each_other() {
        let expected = Counts { sent: 3, delivered: 2, lost: 1, ..Counts::default() };
        assert_eq!(counts(&["a", "a", "a"], &["a", "a"]), expected);
    }

    #[test]
    fn directions_are_apart() {
        let mut ledger = Ledger::new();
        ledger.sent(UP, b"a");
        ledger.delivered(DOWN, b"a");
        assert_eq!(ledger.counts(UP), Counts { sent: 1, lost: 1, ..Counts::default() });
        assert_eq!(ledger.counts(DOWN), Counts { altered: 1, ..Counts::default() });
    }

    #[test]
    fn a_full_ledger_counts_known_contents_on_and_says_how_many_it_left_out() {
        let mut ledger = Ledger::with_limit(1);
        ledger.sent(UP, b"a");
        ledger.sent(UP, b"b");
        ledger.delivered(UP, b"a");
        ledger.delivered(UP, b"b");
        assert_eq!(ledger.counts(UP), Counts { sent: 1, delivered: 1, ..Counts::default() });
        assert_eq!((ledger.untracked(UP), ledger.untracked(DOWN)), (2, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn counts_are_those_of_multisets(
            sent in prop::collection::vec(0u8..8, 0..60),
            delivered in prop::collection::vec(0u8..10, 0..60),
        ) {
            let mut ledger = Ledger::new();
            let mut left = BTreeMap::<u8, u64>::new();
            for packet in &sent {
                ledger.sent(UP, &[*packet]);
                *left.entry(*packet).or_default() += 1;
            }
            // One by one: a delivery uses up one that was sent, else it is surplus.
            let (mut fresh, mut duplicated, mut altered) = (0, 0, 0);
            for packet in &delivered {
                ledger.delivered(UP, &[*packet]);
                match left.get_mut(packet) {
                    Some(0) => duplicated += 1,
                    Some(left) => { *left -= 1; fresh += 1 }
                    None => altered += 1,
                }
            }
            let counts = ledger.counts(UP);
            let lost: u64 = left.values().sum();
            prop_assert_eq!(counts, Counts { sent: sent.len() as u64, delivered: fresh, duplicated, lost, altered });
            prop_assert_eq!(counts.sent, counts.delivered + counts.lost);
            prop_assert_eq!(delivered.len() as u64, counts.delivered + counts.duplicated + counts.altered);
        }
    }
}
