//! What must hold in a network, whatever the fuzzer does: looked at after every input of a node.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use keyhop::dot16::backbone::{BackbonePacket, ControlMessage, decapsulate, encapsulate};
use keyhop::dot16::identifiers::{AkId, Bsid, Cid, CmacKeyCount, Direction, MsMac};
use keyhop::dot16::node::{CidKind, Command, Event, NamedKey, Outcome, What};
use keyhop::dot16::security::cmac_tuple::{Truncation, verify};
use keyhop::dot16::security::keys::CmacKey;
use keyhop::dot16::wire::{EncryptedBody, MacPdu, ManagementMessage, protected_part};
use keyhop::emulation::{NodeIndex, Outbox};
use keyhop::scenario::world::{LinkEnds, Topology};

/// Frames that a node may send after one input: every user packet of a run, in pieces, and something besides.
const FRAMES_AT_ONCE: usize = 10_000;

/// What the fuzzer may do, which decides what must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adversary {
    /// Lose, delay, double and play frames, and change those in the air: nobody who has a key.
    Keyless,
    /// Everything, forged messages that verify included.
    Forger,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Depth {
    /// Handovers that were completed.
    pub completed: u32,
    /// Handovers that ended in another way.
    pub ended: u32,
    /// Data PDUs that a receiver has taken.
    pub data: u32,
    /// Data PDUs that were taken by self-synchronisation.
    pub self_sync: u32,
    /// Authentications that were completed.
    pub authenticated: u32,
    /// PDUs and messages that were dropped.
    pub rejected: u32,
}

struct SeenCmacKey {
    akid: AkId,
    direction: Direction,
    key: CmacKey,
}

/// The eyes of a run.
pub struct Watch {
    names: Vec<String>,
    bsids: Vec<Bsid>,
    macs: Vec<MsMac>,
    /// What the fuzzer may do.
    pub adversary: Adversary,
    /// How far the run has come.
    pub depth: Depth,
    /// The CIDs held, by BS, with the mobile and the kind.
    pub cids: BTreeMap<(Bsid, Cid), (MsMac, CidKind)>,
    /// N, M, T_B and T_M as they were reported last, and the highest CMAC_PNs seen.
    pub counts: BTreeSet<u16>,
    /// The highest CMAC_PN sent.
    pub cmac_pn: u32,
    cmac_keys: Vec<SeenCmacKey>,
    sealed: HashSet<(u64, bool, u32)>,
    /// TEKs, by fingerprint, that were in use when a mobile lost its counter, or since: it may begin again with their packet numbers, and
    /// goes on under them until those of the next PMK follow.
    spoilt_teks: HashSet<u64>,
    signed: HashSet<([u8; 16], u32)>,
    /// User packets that went in, and whether they came out.
    packets: HashMap<Vec<u8>, bool>,
    /// User packets that went in.
    numbered: u32,
    /// User packets that came out.
    pub delivered: usize,
    /// Mobiles that were told to lose their counter, or given another: their counts begin anew, their nonces too.
    counts_lost: BTreeSet<MsMac>,
    /// Whether any mobile was, ever.
    counter_lost: bool,
    /// Whether a node of the network has been restarted.
    restarted: bool,
    network_counts: BTreeMap<MsMac, CmacKeyCount>,
    committed: BTreeMap<MsMac, CmacKeyCount>,
    /// PMKs that came, by mobile and by who holds them, less the times that counts have begun anew.
    new_pmks: BTreeMap<(MsMac, bool), u32>,
}

impl Watch {
    pub(super) fn new(topology: &Topology) -> Self {
        Self {
            names: topology.names.clone(),
            bsids: topology.bsids().to_vec(),
            macs: topology.macs().to_vec(),
            adversary: Adversary::Keyless,
            depth: Depth::default(),
            cids: BTreeMap::new(),
            counts: BTreeSet::new(),
            cmac_pn: 0,
            cmac_keys: Vec::new(),
            sealed: HashSet::new(),
            spoilt_teks: HashSet::new(),
            signed: HashSet::new(),
            packets: HashMap::new(),
            numbered: 0,
            delivered: 0,
            counts_lost: BTreeSet::new(),
            counter_lost: false,
            restarted: false,
            network_counts: BTreeMap::new(),
            committed: BTreeMap::new(),
            new_pmks: BTreeMap::new(),
        }
    }

    /// The BSIDs of the network.
    #[must_use]
    pub fn bsids(&self) -> &[Bsid] {
        &self.bsids
    }

    /// The addresses of the mobiles.
    #[must_use]
    pub fn macs(&self) -> &[MsMac] {
        &self.macs
    }

    /// The number of the next user packet.
    pub const fn numbered(&mut self) -> u32 {
        self.numbered += 1;
        self.numbered
    }

    /// Whether a mobile has ever lost its counter: it may go on with packet numbers that were used before, also under the next
    /// PMK, until other TEKs follow, and what it sends is dropped.
    #[must_use]
    pub const fn counter_was_lost(&self) -> bool {
        self.counter_lost
    }

    /// How many user packets were made.
    #[must_use]
    pub const fn packets_in(&self) -> u32 {
        self.numbered
    }

    /// What every node that was asked keeps stays below its limit.
    #[cfg(fuzzing)]
    pub(super) fn growth(&self, node: NodeIndex, station: &super::Station) {
        let held = match station {
            super::Station::Authenticator(node) => node.held(),
            super::Station::BaseStation(node) => node.held(),
            super::Station::MobileStation(node) => node.held(),
            super::Station::Aaa(_) => Vec::new(),
        };
        for held in held {
            assert!(held.count <= held.limit, "{} keeps {held:?}", self.names[node.0]);
        }
    }

    pub(super) fn commanded(&mut self, node: NodeIndex, command: &Command) {
        match command {
            Command::Uplink(packet) | Command::Downlink { packet, .. } => {
                self.packets.insert(packet.clone(), false);
            }
            Command::Restart { .. } => {
                self.restarted = true;
                self.network_counts.clear();
            }
            Command::LoseCounter => {
                let mobile = node.0.checked_sub(1 + self.bsids.len()).and_then(|position| self.macs.get(position));
                self.counts_lost.extend(mobile);
                self.begins_to_count_again();
            }
            Command::Counts(counts) => {
                self.counts_lost.insert(counts.ms);
                self.begins_to_count_again();
                self.network_counts.remove(&counts.ms);
            }
            _ => {}
        }
    }

    fn begins_to_count_again(&mut self) {
        self.counter_lost = true;
        self.spoilt_teks.extend(self.sealed.iter().map(|(fingerprint, ..)| *fingerprint));
    }

    pub(super) fn reacted(&mut self, node: NodeIndex, outbox: &Outbox<Event>) {
        let frames = outbox.frames().count();
        assert!(frames <= FRAMES_AT_ONCE, "{} has sent {frames} frames at once", self.names[node.0]);
        for event in outbox.events() {
            self.reported(event);
        }
    }

    fn reported(&mut self, Event { ms, what }: &Event) {
        let exact = self.adversary == Adversary::Keyless && !self.counts_lost.contains(ms);
        match what {
            What::Sealed { fingerprint, direction, pn, .. } => {
                let new = self.sealed.insert((*fingerprint, *direction == Direction::Uplink, *pn));
                if self.counts_lost.contains(ms) {
                    self.spoilt_teks.insert(*fingerprint);
                }
                let exact = exact && !self.spoilt_teks.contains(fingerprint);
                assert!(new || !exact, "PN {pn} is used twice in {direction:?} under TEK {fingerprint:016x}");
            }
            What::Key { at_mobile, held: true, key } => match key {
                NamedKey::Cmac { akid, direction, key, .. } => {
                    let known = self.cmac_keys.iter().any(|seen| seen.akid == *akid && seen.key == *key);
                    if !known {
                        self.cmac_keys.push(SeenCmacKey { akid: *akid, direction: *direction, key: key.clone() });
                    }
                }
                NamedKey::Pmk { .. } if *at_mobile => {
                    // It is held before it is in use: the counts of the one before may still move.
                    *self.new_pmks.entry((*ms, true)).or_default() += 1;
                    self.committed.remove(ms);
                    self.counts_lost.remove(ms);
                }
                NamedKey::Pmk { .. } => {
                    *self.new_pmks.entry((*ms, false)).or_default() += 1;
                    self.network_counts.remove(ms);
                }
                _ => {}
            },
            What::NetworkCount(count) => {
                self.counts.insert(count.0);
                let before = self.network_counts.insert(*ms, *count);
                let kept = before.is_none_or(|before| before <= *count) || self.begins_anew(*ms, false);
                assert!(kept || !exact, "N goes from {before:?} back to {count}");
            }
            What::Committed(count) => {
                self.counts.insert(count.0);
                let before = self.committed.insert(*ms, *count);
                let kept = before.is_none_or(|before| before <= *count) || self.begins_anew(*ms, true);
                assert!(kept || !exact, "M goes from {before:?} back to {count}");
            }
            What::TrafficCount { count: Some(count), .. } => {
                self.counts.insert(count.0);
            }
            What::Cid { bs, cid, kind, held } => {
                if *held {
                    self.cids.insert((*bs, *cid), (*ms, *kind));
                } else {
                    self.cids.remove(&(*bs, *cid));
                }
            }
            What::PacketOut { direction, octets } => {
                self.delivered += 1;
                let out = self.packets.get_mut(octets);
                let known = out.is_some();
                let twice = out.is_some_and(|out| std::mem::replace(out, true));
                let exact = self.adversary == Adversary::Keyless;
                assert!(known || !exact, "{direction:?}: a packet came out that nobody has sent");
                // Whoever begins anew has no window for what came before.
                let anew = self.restarted || self.counter_lost;
                assert!(!twice || !exact || anew, "{direction:?}: a packet came out twice");
            }
            What::DataAccepted { self_sync_steps, .. } => {
                self.depth.data += 1;
                self.depth.self_sync += u32::from(*self_sync_steps > 0);
            }
            What::HandoverEnded { outcome: Outcome::Completed, .. } => self.depth.completed += 1,
            What::HandoverEnded { .. } => self.depth.ended += 1,
            What::Authenticated { .. } => self.depth.authenticated += 1,
            What::Rejected(_) => self.depth.rejected += 1,
            _ => {}
        }
    }

    /// Whether a PMK has come whose counts have not begun yet.
    fn begins_anew(&mut self, ms: MsMac, at_mobile: bool) -> bool {
        let new = self.new_pmks.entry((ms, at_mobile)).or_default();
        let any = *new > 0;
        *new = new.saturating_sub(1);
        any
    }

    pub(super) fn sent(&mut self, from: NodeIndex, ends: LinkEnds, octets: &[u8]) {
        match ends {
            LinkEnds::Air { base_station, .. } => {
                let down = from.0 == 1 + base_station;
                self.sent_on_air(if down { Direction::Downlink } else { Direction::Uplink }, octets);
            }
            _ => sent_on_wire(octets),
        }
    }

    fn sent_on_air(&mut self, direction: Direction, octets: &[u8]) {
        if octets.len() == 3 {
            assert_eq!(direction, Direction::Uplink, "a CDMA code");
            return;
        }
        for pdu in MacPdu::burst(octets) {
            let pdu = pdu.unwrap_or_else(|error| panic!("{error}, in a burst of a node: {octets:02x?}"));
            assert!(pdu.crc_form().is_some(), "the CRC of a node is right");
            if !pdu.header.cid.is_management() {
                assert!(pdu.header.encrypted, "user data in the clear: {octets:02x?}");
                assert!(EncryptedBody::parse(pdu.body).is_ok(), "{octets:02x?}");
                continue;
            }
            let message = ManagementMessage::parse(pdu.body)
                .unwrap_or_else(|error| panic!("{error}, in a message of a node: {:02x?}", pdu.body));
            assert_eq!(message.octets().as_deref(), Ok(pdu.body), "{message:?}");
            self.signed(direction, pdu.header.cid, &message, pdu.body);
        }
    }

    /// No CMAC_PN is used twice under one key.
    fn signed(&mut self, direction: Direction, cid: Cid, message: &ManagementMessage, body: &[u8]) {
        let Some(tuple) = message.cmac_tuple() else { return };
        let Some(protected) = protected_part(body, &tuple) else {
            panic!("a message of a node whose CMAC tuple is not its last TLV: {body:02x?}");
        };
        self.cmac_pn = self.cmac_pn.max(tuple.pn);
        let verifies = |seen: &&SeenCmacKey| {
            seen.direction == direction
                && verify(&seen.key, seen.akid, tuple.pn, cid, protected, Truncation::Right, &tuple.value)
        };
        if let Some(seen) = self.cmac_keys.iter().rev().find(verifies) {
            let new = self.signed.insert((*seen.key.octets(), tuple.pn));
            let exact = self.adversary == Adversary::Keyless && self.counts_lost.is_empty();
            assert!(new || !exact, "CMAC_PN {} is used twice under one key, the second time in {message:?}", tuple.pn);
        }
    }
}

/// A frame of a node reads and writes back.
fn sent_on_wire(octets: &[u8]) {
    let taken = decapsulate(octets).unwrap_or_else(|error| panic!("{error}, in a frame of a node: {octets:02x?}"));
    if let BackbonePacket::Control(message) = &taken.packet {
        let written = message.octets().expect("what was read can be written");
        assert_eq!(ControlMessage::parse(&written).as_ref(), Ok(message));
    }
    let written = encapsulate(&taken.from, &taken.to, 0, &taken.packet).expect("what was read can be written");
    assert_eq!(decapsulate(&written), Ok(taken));
}
