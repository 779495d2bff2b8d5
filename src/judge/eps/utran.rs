//! UTRAN beside EPS (seed 001): its RRC messages and user packets on the air, and the keys that SGSN, RNC and MME hand on.
//!
//! RRC is not ciphered there; its integrity can be checked from when FRESH was heard on. User packets are those of f8 under CK.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::super::findings::{FindingKind, NoteKind};
use super::FrameView;
use super::Opened;
use super::radio::{DATA_BITS, counts, is_packet};
use super::reading::{Layer, Reading, Seen, alternative, digest, way};
use super::user_plane::has_right_checksum;
use crate::capture::capture_reader::RecordedFrame;
use crate::eps::identifiers::Imsi;
use crate::eps::keys::{AlgorithmKey, CkIk};
use crate::eps::parameters::{IntegrityCheck, LinkDirection};
use crate::eps::security::snow3g::{uea2, uia2};
use crate::eps::wire::rrc::utran::{UtranDlMessage, UtranUlMessage};
use crate::eps::wire::{Gtpv1Body, Gtpv1Message, RanapMessage, UtranContents, UtranFrame};

/// Bits of an RRC sequence number.
const SIGNALLING_BITS: u32 = 4;
/// BEARER of user packets: radio bearer 5, less 1.
const USER_BEARER: u8 = 4;
/// Most links whose FRESH is remembered.
const MAX_LINKS: usize = 65_536;

/// The ends of a link of the air: UE and RNC.
type Air = (Option<Ipv4Addr>, Option<Ipv4Addr>);

/// What is remembered of the air of UTRAN.
#[derive(Debug, Default)]
pub(super) struct Utran {
    /// By link: FRESH.
    links: BTreeMap<Air, u32>,
    /// By number of IK and direction: the COUNT of RRC messages that comes next. A UE may go back to keys that it had.
    signalling: BTreeMap<(usize, LinkDirection), u32>,
    /// By number of CK and direction: the COUNT of user packets that comes next.
    next: BTreeMap<(usize, LinkDirection), u32>,
}

/// CK and IK.
fn halves(keys: &CkIk) -> [[u8; AlgorithmKey::OCTETS]; 2] {
    let [ck, ik] = keys.octets().as_chunks().0 else { return [[0; AlgorithmKey::OCTETS]; 2] };
    [*ck, *ik]
}

/// The two keys as they stand in a message, one for itself.
fn brought(keys: Option<&CkIk>) -> Vec<Vec<u8>> {
    keys.into_iter().flat_map(|keys| halves(keys).map(|half| half.to_vec())).collect()
}

impl Reading<'_> {
    /// An RRC message of UTRAN.
    pub(super) fn utran_rrc(&mut self, frame: &RecordedFrame, interface: &str, direction: LinkDirection) -> FrameView {
        let octets = &frame.octets;
        let parsed = match direction {
            LinkDirection::Uplink => UtranUlMessage::parse(octets)
                .and_then(|(check, message)| Ok((check, message.covered()?, alternative(&message), (None, None)))),
            LinkDirection::Downlink => UtranDlMessage::parse(octets).and_then(|(check, message)| {
                let (covered, name) = (message.covered()?, alternative(&message));
                let begins = match message {
                    UtranDlMessage::SecurityModeCommand { fresh, .. } => (Some(fresh), None),
                    UtranDlMessage::HandoverFromUtran { eutra, .. } => (None, Some(eutra)),
                    UtranDlMessage::KeyChange { .. } | UtranDlMessage::DirectTransfer { .. } => (None, None),
                };
                Ok((check, covered, name, begins))
            }),
        };
        let (check, covered, name, (fresh, eutra)) = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return self.malformed(frame.number, "rrc", error),
        };
        let seen = self.seen(frame, interface, frame.destination);
        let air = match direction {
            LinkDirection::Uplink => (frame.source, frame.destination),
            LinkDirection::Downlink => (frame.destination, frame.source),
        };
        if let Some(fresh) = fresh.filter(|_| self.utran.links.len() < MAX_LINKS && !seen.adversary) {
            self.utran.links.insert(air, fresh);
        }
        let verdict = match check {
            Some(check) => self.utran_check(air, direction, check, &covered, &seen),
            None => "unprotected",
        };
        if let Some(command) = eutra {
            self.commanded_from_utran(&seen, &command);
        }
        let summary = format!("RRC of UTRAN {} {name}", way(direction));
        FrameView { kind: "rrc", summary, direction: Some(direction), verdict: Some(verdict), ..FrameView::default() }
    }

    fn utran_check(
        &mut self,
        air: Air,
        direction: LinkDirection,
        check: IntegrityCheck,
        covered: &[u8],
        seen: &Seen,
    ) -> &'static str {
        let Some(fresh) = self.utran.links.get(&air).copied() else {
            let detail = "FRESH of this link was not heard: the integrity of its RRC messages is not judged";
            self.findings.note(NoteKind::NoKey, Some(seen.number), detail);
            return "no_key";
        };
        let known: Vec<[u8; AlgorithmKey::OCTETS]> = self.keys.ck_ik.iter().map(|(_, keys)| halves(keys)[1]).collect();
        let found = known.into_iter().find_map(|ik| {
            let of_key = (self.keys.number(&AlgorithmKey::from_octets(ik)), direction);
            let next = self.utran.signalling.get(&of_key).copied().unwrap_or_default();
            let mut counts = counts(check.sequence_number.into(), SIGNALLING_BITS, next);
            let count = counts.find(|count| uia2(&ik, *count, fresh, direction, covered) == check.mac)?;
            Some((of_key, count))
        });
        match found {
            Some((of_key, count)) => {
                self.verified.mac_i = self.verified.mac_i.saturating_add(1);
                if !seen.adversary {
                    self.utran.signalling.insert(of_key, count.saturating_add(1));
                }
                "accept"
            }
            None if self.keys.ck_ik.is_empty() => {
                self.findings.note(NoteKind::NoKey, Some(seen.number), "no IK for an RRC message of UTRAN");
                "no_key"
            }
            None => {
                let detail = "the MAC-I of an RRC message of UTRAN does not verify with any IK";
                if seen.accepted() == Some(true) {
                    let detail = format!("{detail}, and the message was accepted: its comment says so");
                    self.findings.find(FindingKind::MacInvalid, &[seen.number], detail);
                } else {
                    self.findings.note(NoteKind::MacWrong, Some(seen.number), detail);
                }
                "mac_invalid"
            }
        }
    }

    /// A user packet of UTRAN; none if the frame is none.
    pub(super) fn utran_packet(&mut self, frame: &RecordedFrame, interface: &str) -> Option<FrameView> {
        let UtranFrame { direction, contents, .. } = UtranFrame::parse(&frame.octets).ok()?;
        let UtranContents::User { sequence_number, packet: sealed } = contents else { return None };
        let seen = self.seen(frame, interface, frame.destination);
        let keys: Vec<(Imsi, AlgorithmKey)> =
            self.keys.ck_ik.iter().map(|(ue, keys)| (*ue, AlgorithmKey::from_octets(halves(keys)[0]))).collect();
        let mut found = None;
        for (ue, key) in keys {
            let number = self.keys.number(&key);
            let next = self.utran.next.get(&(number, direction)).copied().unwrap_or_default();
            let opened = counts(sequence_number, DATA_BITS, next).find_map(|count| {
                let mut packet = sealed.clone();
                uea2(key.octets(), count, USER_BEARER, direction, &mut packet);
                (is_packet(&packet) && has_right_checksum(&packet)).then_some((count, packet))
            });
            if let Some((count, packet)) = opened {
                found = Some((ue, number, count, packet));
                break;
            }
        }
        let way = way(direction);
        let view = |verdict, summary: String| FrameView {
            kind: "packet",
            summary: format!("packet of UTRAN {way} {summary}"),
            direction: Some(direction),
            verdict: Some(verdict),
            ..FrameView::default()
        };
        let Some((ue, number, count, packet)) = found else {
            self.findings.note(NoteKind::NoKey, Some(seen.number), "a packet of UTRAN that opens under no CK");
            return Some(view("no_key", format!("SN {sequence_number}: no key")));
        };
        self.verified.packets = self.verified.packets.saturating_add(1);
        let next = self.utran.next.entry((number, direction)).or_default();
        *next = (*next).max(count.saturating_add(1));
        let sealed = digest(&sealed);
        let (first, of_first) = self.user_plane.first_use((number, direction, count), (seen.number, sealed));
        let copy = first != seen.number && of_first == sealed;
        if first != seen.number && !copy && !seen.adversary {
            let detail = format!("two {way} packets of UE {ue} under COUNT {count} of one CK");
            self.findings.find(FindingKind::NonceReuse, &[first, seen.number], detail);
        }
        self.arrived((Layer::Radio, if copy { first } else { seen.number }), &seen, "packet");
        let verdict = match (copy, seen.accepted()) {
            (true, _) => "repeated",
            (false, Some(false)) => "dropped",
            (false, _) => "accept",
        };
        Some(FrameView {
            count: Some(count),
            opened: Some(Opened::Packet(packet.clone())),
            ..view(verdict, format!("ciphered COUNT {count}: {} octets", packet.len()))
        })
    }

    /// A message of GTPv1-C: the keys in it are to be those of the log, and those of an MME to follow from KASME.
    pub(super) fn gtpv1(&mut self, frame: &RecordedFrame, from: Ipv4Addr, message: &Gtpv1Message, seen: &Seen) {
        let (ue, keys) = match &message.body {
            Gtpv1Body::ForwardRelocationRequest(request) => {
                (Some(request.imsi), request.context.as_ref().map(|context| &context.keys))
            }
            Gtpv1Body::SgsnContextResponse(response) => {
                let known = response.known.as_ref();
                (
                    known.map(|known| known.imsi),
                    known.and_then(|known| known.context.as_ref()).map(|context| &context.keys),
                )
            }
            _ => (None, None),
        };
        self.ck_ik_sent(frame, ue, keys);
        if let Gtpv1Body::ForwardRelocationRequest(request) = &message.body {
            self.relocated(seen, from, request);
        }
    }

    /// A message of RANAP, likewise.
    pub(super) fn ranap(&mut self, frame: &RecordedFrame, message: &RanapMessage) {
        let (ue, keys) = match message {
            RanapMessage::RelocationRequest(request) => (Some(request.imsi), Some(&request.keys)),
            // It is of a connection, which says nothing of the UE here.
            RanapMessage::SecurityModeCommand(command) => (None, Some(&command.keys)),
            _ => (None, None),
        };
        self.ck_ik_sent(frame, ue, keys);
    }

    fn ck_ik_sent(&mut self, frame: &RecordedFrame, ue: Option<Imsi>, keys: Option<&CkIk>) {
        let brought = brought(keys);
        let brought: Vec<&[u8]> = brought.iter().map(Vec::as_slice).collect();
        self.search(frame, &brought);
        let Some(keys) = keys else { return };
        self.inter_system.shown(ue, keys);
        let Some(ue) = ue else { return };
        let mut known = self.keys.ck_ik.iter().filter(|(of, _)| *of == ue).peekable();
        if known.peek().is_none() {
            self.findings.note(NoteKind::NoKey, Some(frame.number), format!("no CK and IK of UE {ue}"));
        } else if !known.any(|(_, known)| known == keys) {
            let detail = format!("CK and IK of UE {ue} in this message are not those of the log");
            self.findings.find(FindingKind::KeyDerivation, &[frame.number], detail);
        }
    }
}
