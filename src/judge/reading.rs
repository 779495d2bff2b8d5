//! The second reading of a capture, in which everything is recomputed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;

use super::acceptance::{Acceptance, Content, Protection, Sent};
use super::ciphers::{Ciphers, CmacOutcome, DataOutcome, Place};
use super::findings::{Findings, NoteKind};
use super::key_material::{self, KeyMaterial};
use super::keys::{Keys, Origin};
use super::order::{Novelty, Order, SealedPdu, SignedMessage};
use super::report::{Judgement, KeysUsed, Verified};
use super::reports::{Named, Reports};
use super::survey::{AirLink, Survey};
use crate::capture::LinkKind;
use crate::capture::capture_reader::{FrameKind, RecordedFrame};
use crate::capture::foreign::ReaderNote;
use crate::capture::frame_comment::{FrameComment, ReceiverVerdict};
use crate::capture::framing::CDMA_CODE_OCTETS;
use crate::capture::key_log::KeyLog;
use crate::capture::key_lookup::Protection as TrailingCmac;
use crate::dot16::backbone::asn_code::ho_confirm;
use crate::dot16::backbone::{
    BackbonePacket, Compound, ControlMessage, Decapsulated, MessageKind, TlvLookup, decapsulate,
};
use crate::dot16::identifiers::Direction;
use crate::dot16::wire::{
    EncryptedBody, HoSecurity, MacPdu, ManagementMessage, PduType, PkmCode, RangingStatus, RngRsp, message_name,
};
use crate::time::VirtualTime;

/// How the latest ranging on a link began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ranging {
    /// With a code or an RNG-REQ that no key protects: its answer cannot be protected either.
    Open,
    /// With an RNG-REQ that has a CMAC tuple.
    Protected,
}

/// A frame, with what its comment says.
struct Seen<'f> {
    number: u64,
    place: Place,
    adversary: bool,
    lost: bool,
    commented: Option<usize>,
    frame: &'f RecordedFrame,
}

/// Everything that is remembered from frame to frame.
pub struct Reading {
    keys: Keys,
    ciphers: Ciphers,
    order: Order,
    material: KeyMaterial,
    acceptance: Acceptance,
    reports: Reports,
    stations_on_air: BTreeSet<Ipv4Addr>,
    findings: Findings,
    verified: Verified,
    used: BTreeMap<(bool, usize), Origin>,
    names: BTreeMap<Ipv4Addr, String>,
    ranging: BTreeMap<AirLink, Ranging>,
}

impl Reading {
    /// Prepares the keys. `names` are those that the capture gives to addresses, and those of its comments.
    pub fn new(log: &KeyLog, survey: &Survey, names: &[(Ipv4Addr, String)]) -> Self {
        let mut findings = Findings::default();
        let keys = Keys::new(log, survey, &mut findings);
        key_material::unique(&keys, &mut findings);
        let material = KeyMaterial::new(&keys, &mut findings);
        let nodes = log.nodes.iter().filter_map(|node| Some((node.ip?, node.name.clone())));
        Self {
            keys,
            ciphers: Ciphers::default(),
            order: Order::default(),
            material,
            acceptance: Acceptance::default(),
            reports: Reports::default(),
            stations_on_air: survey.links.iter().filter_map(|link| link.bs).collect(),
            findings,
            verified: Verified::default(),
            used: BTreeMap::new(),
            names: nodes.chain(names.iter().cloned()).collect(),
            ranging: BTreeMap::new(),
        }
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: &RecordedFrame, interface: &str) {
        self.material.search(frame.number, &frame.octets, &self.keys, &mut self.findings);
        match &frame.kind {
            FrameKind::Known(LinkKind::Air) => {
                let receiver = frame.destination.and_then(|ip| self.names.get(&ip));
                let comment = FrameComment::parse(&frame.comment, receiver.map(String::as_str));
                // What is put off is neither taken nor dropped yet.
                let taken = |verdict: &&ReceiverVerdict| verdict.accepted() && !verdict.deferred();
                let taken = comment.verdicts.iter().filter(taken).count();
                let put_off = taken == 0 && comment.verdicts.iter().any(ReceiverVerdict::deferred);
                let seen = Seen {
                    number: frame.number,
                    place: Place { time: frame.time(), link: AirLink::of(frame), direction: frame.direction },
                    adversary: interface.starts_with("adv:"),
                    lost: comment.lost,
                    commented: comment.accepted().filter(|_| !put_off).map(|_| taken),
                    frame,
                };
                self.foreign(frame, seen.place.link);
                if comment.lost {
                    self.findings.note(NoteKind::Lost, Some(frame.number), "lost on the link, by its comment");
                }
                self.burst(&seen);
            }
            FrameKind::Known(LinkKind::Backbone) => match decapsulate(&frame.octets) {
                Ok(packet) => self.backbone(frame, &packet),
                Err(error) => self.findings.note(NoteKind::Malformed, Some(frame.number), error.to_string()),
            },
            _ => {}
        }
    }

    /// Takes over what the reader says of foreign framings.
    pub fn framing_notes(&mut self, notes: &[ReaderNote], more: u64) {
        for note in notes {
            for frame in &note.frames {
                self.findings.note(NoteKind::Framing, Some(*frame), note.text.as_str());
            }
        }
        if more > 0 {
            self.findings.note(NoteKind::Framing, None, format!("{more} more of this sort"));
        }
    }

    /// Notes what a frame of a foreign framing leaves open.
    fn foreign(&mut self, frame: &RecordedFrame, link: AirLink) {
        if frame.foreign.is_none() {
            return;
        }
        let number = Some(frame.number);
        if frame.direction_inferred {
            let detail = "the direction is that of the content: a frame sent back in the other direction does not show";
            self.findings.note(NoteKind::DirectionInferred, number, detail);
        }
        if frame.direction.is_none() {
            let detail = "neither the capture nor the content tells the direction";
            self.findings.note(NoteKind::DirectionUnknown, number, detail);
        } else if link.ms.is_none() || link.bs.is_none() {
            let detail = "mobile or base station cannot be told: what the receiver made of the frame is not judged";
            self.findings.note(NoteKind::LinkUnknown, number, detail);
        }
    }

    /// What comes of it.
    pub fn finish(mut self, frames: u64) -> Judgement {
        self.acceptance.finish(&mut self.findings);
        self.reports.finish(&mut self.findings);
        let mut keys = KeysUsed::default();
        for origin in self.used.values() {
            let count = match origin {
                Origin::Logged => &mut keys.logged,
                Origin::Received => &mut keys.received,
                Origin::Derived => &mut keys.derived,
            };
            *count = count.saturating_add(1);
        }
        let (findings, notes) = self.findings.into_remarks();
        Judgement { frames, verified: self.verified, keys, findings, notes }
    }

    fn burst(&mut self, seen: &Seen<'_>) {
        if seen.frame.octets.len() == CDMA_CODE_OCTETS {
            self.ranging.insert(seen.place.link, Ranging::Open);
            return;
        }
        for pdu in MacPdu::burst(&seen.frame.octets) {
            match pdu {
                Ok(pdu) => self.pdu(&pdu, seen),
                Err(error) => {
                    self.findings.note(NoteKind::Malformed, Some(seen.number), error.to_string());
                    self.refused(seen, "PDU");
                }
            }
        }
    }

    /// A PDU that no receiver takes, whatever its keys.
    fn refused(&mut self, seen: &Seen<'_>, name: &'static str) {
        self.watch(seen, Content::Other, name, Protection::WrongCrc, None, None);
    }

    fn watch(
        &mut self,
        seen: &Seen<'_>,
        content: Content,
        name: &'static str,
        protection: Protection,
        repeats: Option<u64>,
        packet: Option<(Ipv4Addr, u64)>,
    ) {
        let sent = Sent {
            frame: seen.number,
            time: seen.place.time,
            link: seen.place.link,
            content,
            name,
            protection,
            repeats,
            commented: seen.commented,
            lost: seen.lost,
        };
        self.acceptance.sent(sent, packet);
    }

    fn pdu(&mut self, pdu: &MacPdu<'_>, seen: &Seen<'_>) {
        let header = &pdu.header;
        if pdu.crc.is_some() && pdu.crc_form().is_none() {
            self.findings.note(NoteKind::CrcWrong, Some(seen.number), "the CRC is wrong in both forms");
            self.refused(seen, if header.encrypted { "data PDU" } else { "PDU" });
        } else if header.encrypted {
            self.data(pdu, seen);
        } else if header.cid.is_management() && header.pdu_type == PduType::NONE && !header.extended_subheader_group {
            self.message(pdu, seen);
        } else {
            self.findings.note(NoteKind::Unencrypted, Some(seen.number), "data that are not encrypted");
        }
    }

    fn use_key(&mut self, tek: bool, number: usize) {
        let origin = match tek {
            true => self.keys.teks.get(number).map(|tek| tek.origin),
            false => self.keys.cmac_keys.get(number).map(|key| key.origin),
        };
        if let Some(origin) = origin {
            self.used.insert((tek, number), origin);
        }
    }

    fn data(&mut self, pdu: &MacPdu<'_>, seen: &Seen<'_>) {
        const NAME: &str = "data PDU";
        let (opened, number, elsewhere) = match self.ciphers.open(&mut self.keys, pdu, &seen.place) {
            DataOutcome::Opened { opened, tek, elsewhere } => (opened, tek, elsewhere),
            DataOutcome::WrongIcv => return self.watch(seen, Content::Data, NAME, Protection::Wrong, None, None),
            DataOutcome::NoKey => {
                let detail = format!("no key for CID {}, EKS {}", pdu.header.cid, pdu.header.eks);
                self.findings.note(NoteKind::NoKey, Some(seen.number), detail);
                return self.watch(seen, Content::Data, NAME, Protection::Unknown, None, None);
            }
            DataOutcome::Unopenable(error) => {
                self.findings.note(NoteKind::Malformed, Some(seen.number), error.to_string());
                return self.watch(seen, Content::Data, NAME, Protection::Wrong, None, None);
            }
        };
        let (Some(tek), Ok(body), Some((first_octets, _))) =
            (self.keys.teks.get(number).cloned(), EncryptedBody::parse(pdu.body), pdu.octets.split_first_chunk::<5>())
        else {
            return;
        };
        self.verified.icv = self.verified.icv.saturating_add(1);
        self.use_key(true, number);
        let name = self.keys.tek_name(number);
        let sealed = SealedPdu {
            frame: seen.number,
            tek: tek.octets_number,
            header: *first_octets,
            pn: body.pn,
            direction: opened.direction,
            icv: body.icv,
            adversary: seen.adversary,
            name: &name,
        };
        let repeats = match self.order.data(&sealed, &mut self.findings) {
            Novelty::New => None,
            Novelty::Repeats(first) => Some(first),
        };
        if repeats.is_none() && !seen.adversary && !elsewhere {
            self.material.used(seen.number, &tek, &name, &mut self.findings);
        }
        let right_direction = seen.place.direction.is_none_or(|direction| direction == opened.direction);
        let protection = match (elsewhere, right_direction) {
            (true, _) => Protection::OfOtherLink,
            (false, true) => Protection::Good,
            (false, false) => Protection::Wrong,
        };
        // A PDU without user data shows that the mobile has the keys; nothing follows it.
        let alone = pdu.header.pdu_type == PduType::NONE && !opened.plaintext.is_empty();
        let uplink = opened.direction == Direction::Uplink;
        let packet = seen.place.link.bs.filter(|_| alone && uplink).map(|bs| (bs, digest(&opened.plaintext)));
        self.watch(seen, Content::Data, NAME, protection, repeats, packet);
    }

    fn message(&mut self, pdu: &MacPdu<'_>, seen: &Seen<'_>) {
        let Some(message_type) = pdu.body.first() else {
            return self.findings.note(NoteKind::Malformed, Some(seen.number), "a message without a type");
        };
        let mut name = message_name(*message_type);
        let message = match ManagementMessage::parse(pdu.body) {
            Ok(message) => message,
            Err(error) => {
                self.findings.note(NoteKind::Malformed, Some(seen.number), error.to_string());
                return self.watch(seen, Content::Other, name, Protection::NotNeeded, None, None);
            }
        };
        let content = content(&message);
        if let ManagementMessage::PkmReq(pkm) | ManagementMessage::PkmRsp(pkm) = &message {
            name = pkm.code.name().unwrap_or(name);
        }
        let link = seen.place.link;
        let trailing = TrailingCmac::of(pdu.body);
        let (protection, repeats) = match &trailing {
            Some(trailing) => self.signed(pdu, seen, &message, trailing, name),
            None if self.needs_tuple(&message, link) => (Protection::Missing, None),
            None => {
                if seen.adversary {
                    let detail = format!("{name} of the adversary, which no key protects");
                    self.findings.note(NoteKind::Unprotected, Some(seen.number), detail);
                }
                (Protection::NotNeeded, None)
            }
        };
        if matches!(message, ManagementMessage::RngReq(_)) && trailing.is_none() && !seen.adversary {
            self.ranging.insert(link, Ranging::Open);
        }
        // The answer of a base station says what it took.
        if !seen.adversary && matches!(protection, Protection::Good | Protection::Unknown) {
            let time = seen.place.time;
            match &message {
                ManagementMessage::RngRsp(response) if ends_ranging(response) => {
                    self.acceptance.answered(time, link, |asked| matches!(asked, Content::RngReq(_)));
                }
                ManagementMessage::MobBshoRsp(_) => {
                    self.acceptance.answered(time, link, |asked| asked == Content::MobMshoReq);
                }
                ManagementMessage::PkmRsp(pkm) if pkm.code == PkmCode::KEY_REPLY => {
                    self.acceptance.answered(time, link, |asked| asked == Content::KeyRequest);
                }
                _ => {}
            }
        }
        if let (Content::RngReq(Some(count)), Protection::Good | Protection::Unknown) = (content, protection)
            && let (Some(bs), (Some(ms), _)) = (link.bs, self.keys.ends(link))
        {
            self.reports.requested(bs, ms, count);
        }
        if protection == Protection::Good && seen.place.direction == Some(Direction::Uplink) && !seen.adversary {
            self.ranging.insert(link, Ranging::Protected);
        }
        self.watch(seen, content, name, protection, repeats, None);
    }

    fn signed(
        &mut self,
        pdu: &MacPdu<'_>,
        seen: &Seen<'_>,
        message: &ManagementMessage,
        trailing: &TrailingCmac<'_>,
        name: &'static str,
    ) -> (Protection, Option<u64>) {
        let claimed = match message {
            ManagementMessage::RngReq(request) => request.cmac_key_count(),
            _ => None,
        };
        let outcome = self.ciphers.verify(&mut self.keys, trailing, pdu.header.cid, claimed, &seen.place);
        let (number, elsewhere) = match outcome {
            CmacOutcome::Verified { key, elsewhere } => (key, elsewhere),
            CmacOutcome::Wrong { sure: true } if self.knows_ak(message, seen.place.link) => {
                return (Protection::Wrong, None);
            }
            CmacOutcome::Wrong { .. } | CmacOutcome::NoKey => {
                self.findings.note(NoteKind::NoKey, Some(seen.number), format!("no CMAC key for {name}"));
                return (Protection::Unknown, None);
            }
        };
        let Some(key) = self.keys.cmac_keys.get(number).cloned() else { return (Protection::Unknown, None) };
        self.verified.cmac = self.verified.cmac.saturating_add(1);
        self.use_key(false, number);
        let key_name = self.keys.cmac_key_name(number);
        let signed = SignedMessage {
            frame: seen.number,
            key: number,
            pn: trailing.pn,
            value: trailing.value,
            adversary: seen.adversary,
            name: &key_name,
        };
        let repeats = match self.order.message(&signed, &mut self.findings) {
            Novelty::New => None,
            Novelty::Repeats(first) => Some(first),
        };
        let ak_sn = message.cmac_tuple().map(|tuple| tuple.ak_sn);
        if let (None, false, Some(count), Some(ak_sn)) = (repeats, seen.adversary || elsewhere, claimed, ak_sn) {
            let contexts = self.keys.contexts_of((key.ms, key.bs));
            let pmk = contexts.iter().position(|context| context.akid == key.akid).unwrap_or(contexts.len());
            self.order.count(seen.number, key.ms, (pmk, ak_sn), count, &mut self.findings);
        }
        (if elsewhere { Protection::OfOtherLink } else { Protection::Good }, repeats)
    }

    /// Whether the AK that a message names by its sequence number can be one of those known of its link: the log may lack a PMK.
    fn knows_ak(&self, message: &ManagementMessage, link: AirLink) -> bool {
        let Some(tuple) = message.cmac_tuple() else { return true };
        let pairs = self.keys.pairs(link);
        let mut contexts = pairs.iter().flat_map(|pair| self.keys.contexts_of(*pair)).peekable();
        contexts.peek().is_none() || contexts.any(|context| context.ak_sn == tuple.ak_sn)
    }

    /// Whether a message that came without a CMAC tuple should have one.
    fn needs_tuple(&self, message: &ManagementMessage, link: AirLink) -> bool {
        match message {
            ManagementMessage::RngReq(request) => request.cmac_key_count().is_some(),
            // An answer to what no key protects has none, nor a demand to authenticate anew.
            ManagementMessage::RngRsp(response) => {
                let anew = response
                    .ho_process_optimization()
                    .is_some_and(|bits| bits.security() == HoSecurity::Reauthentication);
                !anew && self.ranging.get(&link) != Some(&Ranging::Open)
            }
            ManagementMessage::RegReq(_)
            | ManagementMessage::RegRsp(_)
            | ManagementMessage::MobMshoReq(_)
            | ManagementMessage::MobBshoRsp(_)
            | ManagementMessage::MobHoInd(_) => true,
            ManagementMessage::PkmReq(pkm) | ManagementMessage::PkmRsp(pkm) => {
                (PkmCode::SA_TEK_CHALLENGE.0..=PkmCode::TEK_INVALID.0).contains(&pkm.code.0)
            }
            _ => false,
        }
    }

    fn backbone(&mut self, frame: &RecordedFrame, packet: &Decapsulated) {
        let (time, from) = (frame.time(), packet.from.ip);
        match &packet.packet {
            BackbonePacket::Data(gre) => {
                self.acceptance.passed_on(time, from, gre.header.key, digest(&gre.payload));
            }
            BackbonePacket::Control(message) => self.control(frame.number, time, [from, packet.to.ip], message),
            BackbonePacket::Radius(_) => {}
        }
    }

    fn name(&self, ip: Ipv4Addr) -> String {
        self.names.get(&ip).cloned().unwrap_or_else(|| ip.to_string())
    }

    fn control(&mut self, number: u64, time: VirtualTime, [from, to]: [Ipv4Addr; 2], message: &ControlMessage) {
        let ms = message.ms;
        let keys = &self.keys;
        let of_mobile = |link: AirLink| keys.ends(link).0.is_none_or(|of| of == ms);
        match message.kind {
            MessageKind::HoReq => self.acceptance.acted(time, from, of_mobile, |asked| asked == Content::MobMshoReq),
            MessageKind::HoCnf => {
                if message.tlvs.ho_confirm_type() == Some(ho_confirm::CONFIRM) {
                    self.reports.confirmed(to, ms);
                }
                self.acceptance.acted(time, from, of_mobile, |asked| asked == Content::MobHoInd);
            }
            // From the Authenticator it is a notice, and no report. Only the first report says something of an RNG-REQ.
            MessageKind::CmacKeyCountUpdate if self.stations_on_air.contains(&from) => {
                if let Some(named) = named(from, message)
                    && self.reports.reported(number, message.transaction, named)
                {
                    self.acceptance.acted(time, from, of_mobile, |asked| asked == Content::RngReq(Some(named.count)));
                }
            }
            MessageKind::CmacKeyCountUpdateAck if message.tlvs.failure_indication().is_none() => {
                self.reports.acknowledged(number, to, message.transaction, &self.name(to), &mut self.findings);
            }
            MessageKind::PathRegReq => {
                if let Some(named) = named(from, message) {
                    self.reports.asks_for_path(number, message.transaction, named);
                }
            }
            MessageKind::PathRegRsp if message.tlvs.failure_indication().is_none() => {
                self.reports.path_granted(number, to, message.transaction, &self.name(to), &mut self.findings);
            }
            MessageKind::KeyChangeDirective => self.reports.new_pmk(ms),
            MessageKind::PathDeregReq => self.acceptance.gave_up(time, from, of_mobile),
            _ => {}
        }
    }
}

/// The count in a message of a base station, with the AK sequence number of its PMK, which is left out where it is 0.
fn named(bs: Ipv4Addr, message: &ControlMessage) -> Option<Named> {
    let context = message.tlvs.inside(Compound::MsInfo).inside(Compound::AkContext);
    let ak_sn = context.ak_sn().unwrap_or_default() & 0xf;
    Some(Named { bs, ms: message.ms, ak_sn, count: context.cmac_key_count()? })
}

fn content(message: &ManagementMessage) -> Content {
    match message {
        ManagementMessage::RngReq(request) => Content::RngReq(request.cmac_key_count()),
        ManagementMessage::MobMshoReq(_) => Content::MobMshoReq,
        ManagementMessage::MobHoInd(_) => Content::MobHoInd,
        ManagementMessage::PkmReq(pkm) if pkm.code == PkmCode::KEY_REQUEST => Content::KeyRequest,
        _ => Content::Other,
    }
}

/// Whether an RNG-RSP says that ranging succeeded, and does not send the mobile off to authenticate.
fn ends_ranging(response: &RngRsp) -> bool {
    response.ranging_status() == Some(RangingStatus::SUCCESS)
        && response.ho_process_optimization().is_none_or(|bits| bits.security() != HoSecurity::Reauthentication)
}

/// A digest of a user packet, to find it again.
fn digest(octets: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    octets.hash(&mut hasher);
    hasher.finish()
}
