//! User packets that a UE and its UPE cipher (seed 001): on the air, and in the tunnels through which eNBs pass them unopened.
//!
//! COUNT belongs to the UE, and goes on from cell to cell. Nothing but the IP header that comes out shows under which key and COUNT a
//! packet was ciphered. The same PDU may be sent in two cells: that is a copy; another one under the same key and COUNT is not.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::Ipv4Addr;

use super::super::findings::{FindingKind, NoteKind};
use super::radio::{DATA_BITS, Pdu, counts, is_packet};
use super::reading::{Layer, Reading, Seen, digest, way};
use super::{FrameView, Opened};
use crate::eps::identifiers::Imsi;
use crate::eps::keys::UpKey;
use crate::eps::parameters::LinkDirection;
use crate::eps::wire::pdcp::DataPdu;
use crate::eps::wire::radio_frame::RadioFrame;

/// Octets of an IPv4 header without options, by which a key is tried.
const HEADER: usize = 20;
/// COUNTs that a sequence number tells apart.
const SEQUENCE_NUMBERS: u32 = 1 << DATA_BITS;

/// Everything that is remembered of these packets.
#[derive(Debug, Default)]
pub(super) struct UserPlane {
    /// By UE and direction: the COUNT that comes next.
    next: BTreeMap<(Imsi, LinkDirection), u32>,
    /// By number of the key, direction and COUNT: the frame that used it first, and a digest of its PDU.
    used: HashMap<(usize, LinkDirection, u32), (u64, u64)>,
    /// PDUs on their way to an eNB, as digests.
    to_enbs: HashSet<u64>,
    /// PDUs on the air, uplink, as digests.
    uplink: HashSet<u64>,
    /// By digest of a PDU on its way from an eNB: the frame that had it first.
    from_enbs: HashMap<u64, u64>,
    /// Packets in the clear in tunnels, as digests.
    clear: HashSet<u64>,
}

/// A packet, opened.
struct Found {
    key: UpKey,
    count: u32,
    packet: Vec<u8>,
}

impl UserPlane {
    /// The packet of a PDU, with the first of these keys that makes one of it.
    fn open(&self, keys: &[(Imsi, UpKey)], direction: LinkDirection, pdu: &DataPdu) -> Option<(Imsi, Found)> {
        let head = pdu.packet.get(..HEADER)?;
        for (ue, key) in keys {
            let next = self.next.get(&(*ue, direction)).copied().unwrap_or_default();
            for count in counts(pdu.sequence_number, DATA_BITS, next) {
                let likely = |head: &[u8]| matches!(head.first(), Some(first) if first >> 4 == 4 || first >> 4 == 6);
                if key.apply(count, direction, head).is_ok_and(|head| likely(&head))
                    && let Ok(packet) = key.apply(count, direction, &pdu.packet)
                    && is_packet(&packet)
                    && has_right_checksum(&packet)
                {
                    return Some((*ue, Found { key: key.clone(), count, packet }));
                }
            }
        }
        None
    }

    /// The frame that used a key, direction and COUNT first, with a digest of its PDU: this one, if there was none.
    pub(super) fn first_use(&mut self, used: (usize, LinkDirection, u32), this: (u64, u64)) -> (u64, u64) {
        *self.used.entry(used).or_insert(this)
    }

    fn goes_on(&mut self, ue: Imsi, direction: LinkDirection, count: u32) {
        let next = self.next.entry((ue, direction)).or_default();
        // Far below it a UE has begun anew, under another KASME.
        let anew = next.saturating_sub(count) > SEQUENCE_NUMBERS / 2;
        *next = if anew { count.saturating_add(1) } else { (*next).max(count.saturating_add(1)) };
    }
}

/// Whether the checksum of an IPv4 header is right; IPv6 has none.
pub(super) fn has_right_checksum(packet: &[u8]) -> bool {
    let Some(first) = packet.first() else { return false };
    if first >> 4 != 4 {
        return true;
    }
    let octets = usize::from(first & 0xf).saturating_mul(4);
    let Some(header) = packet.get(..octets.max(HEADER)) else { return false };
    let sum = header.chunks_exact(2).fold(0_u32, |sum, pair| match pair {
        [high, low] => sum.saturating_add(u32::from(u16::from_be_bytes([*high, *low]))),
        _ => sum,
    });
    let folded = (sum & 0xffff).saturating_add(sum >> 16);
    (folded & 0xffff).saturating_add(folded >> 16) == 0xffff
}

impl Reading<'_> {
    /// A packet on the air of a network whose UPEs cipher.
    pub(super) fn user_packet(&mut self, radio: &RadioFrame, pdu: &Pdu, data: &DataPdu, seen: &Seen) -> FrameView {
        let direction = radio.direction;
        let own = seen.adversary || seen.said.as_ref().is_some_and(|said| said.change.is_some());
        let digest_of_pdu = digest(&pdu.octets);
        match direction {
            LinkDirection::Uplink => {
                self.user_plane.uplink.insert(digest_of_pdu);
            }
            LinkDirection::Downlink if own || self.user_plane.to_enbs.is_empty() => {}
            LinkDirection::Downlink if self.user_plane.to_enbs.contains(&digest_of_pdu) => {}
            LinkDirection::Downlink => {
                let detail = "no UPE has sent the eNB this PDU";
                self.findings.find(FindingKind::PacketDiffers, &[seen.number], detail);
            }
        }
        let ue = self.keys.epochs.get(&radio.ue_id.0).map(|epoch| epoch.ue);
        let keys = self.keys.up_keys_of(ue);
        let way = way(direction);
        let view = |verdict, summary: String| FrameView {
            kind: "packet",
            summary: format!("packet {way} {summary}"),
            direction: Some(direction),
            verdict: Some(verdict),
            ..FrameView::default()
        };
        let Some((ue, Found { key, count, packet })) = self.user_plane.open(&keys, direction, data) else {
            let name = self.keys.epoch_name(radio.ue_id.0);
            if keys.is_empty() {
                self.findings.note(NoteKind::NoKey, Some(seen.number), format!("no key with a UPE for {name}"));
            } else if direction == LinkDirection::Downlink && seen.accepted() == Some(true) {
                let detail = format!("a packet for {name} that opens under no key of its UE was accepted");
                self.findings.find(FindingKind::KeysDiffer, &[seen.number], detail);
            } else {
                let detail = format!("a packet of {name} opens under no key of its UE");
                self.findings.note(NoteKind::NoKey, Some(seen.number), detail);
            }
            return view("no_key", format!("SN {}: no key", data.sequence_number));
        };
        self.user_plane.goes_on(ue, direction, count);
        self.verified.packets = self.verified.packets.saturating_add(1);
        let number = self.keys.number(&key.key);
        let this = (seen.number, digest_of_pdu);
        let (first, of_first) = self.user_plane.first_use((number, direction, count), this);
        let copy = first != seen.number && of_first == digest_of_pdu;
        if first != seen.number && !copy && !own {
            let detail = format!("two {way} packets of UE {ue} under COUNT {count} of one key with its UPE");
            self.findings.find(FindingKind::NonceReuse, &[first, seen.number], detail);
        }
        // An eNB passes on what comes: whether it came before only the UPE knows.
        if direction == LinkDirection::Downlink {
            self.arrived((Layer::Radio, if copy { first } else { seen.number }), seen, "packet");
            self.count_said(radio, seen, count, "packet");
            let known = &self.user_plane.clear;
            if !own && !known.is_empty() && !known.contains(&digest(&packet)) {
                let detail = "no tunnel has carried the packet that comes out of this";
                self.findings.find(FindingKind::PacketDiffers, &[seen.number], detail);
            }
        }
        let verdict = match (copy, seen.accepted()) {
            (true, _) => "repeated",
            (false, Some(false)) => "dropped",
            (false, _) => "accept",
        };
        FrameView {
            count: Some(count),
            opened: Some(Opened::Packet(packet.clone())),
            ..view(verdict, format!("ciphered by UE and UPE, COUNT {count}: {} octets", packet.len()))
        }
    }

    /// What a tunnel carries in such a network; in words what it is.
    pub(super) fn tunnelled(&mut self, (from, to): (Ipv4Addr, Ipv4Addr), packet: &[u8], seen: &Seen) -> &'static str {
        if !self.keys.upe {
            return "";
        }
        if DataPdu::parse(packet).is_err() {
            self.user_plane.clear.insert(digest(packet));
            return ", in the clear";
        }
        let digest = digest(packet);
        let has_cell = |node| self.keys.cells_of(node).next().is_some();
        let (from_enb, to_enb) = (has_cell(from), has_cell(to));
        if to_enb {
            self.user_plane.to_enbs.insert(digest);
        }
        if from_enb {
            let uplink = &self.user_plane.uplink;
            if !seen.adversary && !uplink.is_empty() && !uplink.contains(&digest) {
                let detail = "no UE has sent the eNB this PDU";
                self.findings.find(FindingKind::PacketDiffers, &[seen.number], detail);
            }
            let first = *self.user_plane.from_enbs.entry(digest).or_insert(seen.number);
            self.arrived((Layer::Tunnel, first), seen, "packet");
        }
        ", ciphered by UE and UPE"
    }
}
