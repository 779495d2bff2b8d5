//! What was sent against what came out, end to end.
//!
//! Packets are known by their content, byte for byte: the path must not change them (no TTL change). The ledger keeps a
//! hash of 128 bits and two counters for each distinct content, never the packet. Byte-identical packets, which a
//! foreign capture may hold, are a multiset: two sent and two delivered are two delivered, no duplicate.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::dot16::identifiers::Direction;

/// The counts of a mobile station in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// How often a content was sent and delivered.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sent: u64,
    arrived: u64,
}

/// The packets of one direction.
#[derive(Clone, Debug, Default)]
struct Flow {
    tallies: HashMap<[u8; 16], Tally>,
    untracked: u64,
}

/// The user packets of one mobile station in both directions.
///
/// Memory: 32 octets for each distinct content, at most [`Ledger::LIMIT`] contents a direction; packets beyond that are
/// counted in [`Ledger::untracked`] and in nothing else.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    uplink: Flow,
    downlink: Flow,
}

impl Ledger {
    /// Distinct contents that are kept for a direction.
    pub const LIMIT: usize = 1 << 24;

    /// A ledger without packets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that `packet`, an IP packet, was handed to the sender.
    pub fn sent(&mut self, direction: Direction, packet: &[u8]) {
        self.flow_mut(direction)
            .count(packet, |tally| tally.sent = tally.sent.saturating_add(1));
    }

    /// Notes that `packet`, an IP packet, came out at the receiver.
    pub fn delivered(&mut self, direction: Direction, packet: &[u8]) {
        self.flow_mut(direction)
            .count(packet, |tally| tally.arrived = tally.arrived.saturating_add(1));
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self, direction: Direction) -> Counts {
        // Sums do not depend on the order in which the map is walked.
        self.flow(direction)
            .tallies
            .values()
            .fold(Counts::default(), |counts, tally| {
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

impl Flow {
    fn count(&mut self, packet: &[u8], change: impl FnOnce(&mut Tally)) {
        let key = content_hash(packet);
        if self.tallies.len() >= Ledger::LIMIT && !self.tallies.contains_key(&key) {
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
