//! The frames of the air: what each was protected with, who took it, and what it leads to.

use super::super::findings::{FindingKind, NoteKind};
use super::super::keys::Origin;
use super::keys::{Epoch, MAX_EPOCHS};
use super::radio::{Closed, Content, Pdu, open_signalling};
use super::reading::{Layer, Reading, Seen, alternative, digest, way};
use super::{FrameView, Opened};
use crate::capture::capture_reader::RecordedFrame;
use crate::capture::key_log::eps::{AsKeyUse, KenbHolder};
use crate::eps::keys::Kasme;
use crate::eps::parameters::{AlgorithmId, Algorithms, HandoverParameters, LinkDirection};
use crate::eps::wire::mac_pdu::LCID_SRB2;
use crate::eps::wire::nas::EmmMessage;
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{DlCcchMessage, DlDcchMessage, RrcConnectionReconfiguration, UlCcchMessage, UlDcchMessage};

/// Most numbers of epochs without keys on which KeNBs are tried, and most KeNBs that are tried on one frame.
const MAX_TRIALS: usize = 4_096;

impl Reading<'_> {
    pub(super) fn radio(&mut self, frame: &RecordedFrame, interface: &str, annotation: bool) -> FrameView {
        let radio = match RadioFrame::parse(&frame.octets) {
            Ok(radio) => radio,
            Err(error) => return self.malformed(frame.number, "other", error),
        };
        let pdu = match Pdu::parse(&radio) {
            Ok(pdu) => pdu,
            Err(error) => return self.malformed(frame.number, "other", error),
        };
        // A classic pcap has no comments: there it is told by what it is.
        if annotation || frame.comment.is_empty() && self.is_activation(&radio, &pdu) {
            return self.activation(frame.number, &radio, &pdu);
        }
        let seen = self.seen(frame, interface, frame.destination);
        let direction = Some(radio.direction);
        if let Content::Common(octets) = &pdu.content {
            if let (LinkDirection::Downlink, Ok(DlCcchMessage::Reestablishment { next_hop_chaining_count, .. })) =
                (radio.direction, DlCcchMessage::parse(octets))
            {
                let cell = frame.source.and_then(|enb| self.keys.cells_of(enb).next().map(|cell| cell.cell));
                let source = cell.and_then(|cell| Some((cell, *self.latest.get(&(cell, radio.c_rnti))?)));
                if let Some((cell, ue_id)) = source
                    && let Some(epoch) = self.keys.epochs.get(&ue_id).cloned()
                {
                    let place = (cell, radio.c_rnti);
                    let source = (&epoch, seen.number, seen.accepted());
                    self.handovers.taken_back(&mut self.keys, source, place, next_hop_chaining_count);
                }
            }
            let summary = format!("RRC {} {}", way(radio.direction), common_name(radio.direction, octets));
            return FrameView { kind: "rrc", summary, direction, verdict: Some("unprotected"), ..FrameView::default() };
        }
        self.learn(frame, &radio, &pdu);
        if let (true, Content::Data(data)) = (self.keys.upe, &pdu.content) {
            return self.user_packet(&radio, &pdu, data, &seen);
        }
        let identity = (radio.ue_id.0, pdu.lcid, radio.direction, digest(&pdu.octets));
        // Where a command has led to the same KeNB again, its sender begins anew: that is no repetition.
        let epoch = self.keys.epochs.get(&radio.ue_id.0);
        let again = |first| epoch.is_some_and(|epoch| self.handovers.leads_to(epoch, radio.c_rnti, first));
        let first = self.first.get(&identity).copied().filter(|first| seen.adversary || !again(*first));
        let signalling = matches!(pdu.content, Content::Signalling(_));
        let kind = if signalling { "rrc" } else { "packet" };
        let what = if signalling { "RRC message" } else { "packet" };
        let opened = match self.radio.open(&self.keys, &radio, &pdu, first.is_some()) {
            Ok(opened) => opened,
            Err(closed) => {
                let (verdict, summary) = self.closed(closed, &radio, &pdu, &seen);
                if let ("unprotected", Content::Signalling(content)) = (verdict, &pdu.content) {
                    self.before_keys(frame, &radio, &content.message, &seen, true);
                }
                let summary =
                    format!("{} {} {summary}", if signalling { "RRC" } else { "packet" }, way(radio.direction));
                return FrameView { kind, summary, direction, verdict: Some(verdict), ..FrameView::default() };
            }
        };
        self.used_epochs.insert(radio.ue_id.0);
        if let Some(cell) = self.keys.epochs.get(&radio.ue_id.0).and_then(|epoch| epoch.cell) {
            self.latest.insert((cell, radio.c_rnti), radio.ue_id.0);
        }
        let count = Some(opened.count);
        let verified = if signalling { &mut self.verified.mac_i } else { &mut self.verified.packets };
        *verified = verified.saturating_add(1);
        match first {
            Some(_) => {}
            None => {
                self.first.insert(identity, seen.number);
                self.nonce(&radio, &pdu, opened.count, opened.ciphered, seen.number);
                self.count_said(&radio, &seen, opened.count, what);
            }
        }
        self.holders(&radio, &seen);
        self.arrived((Layer::Radio, first.unwrap_or(seen.number)), &seen, what);
        let null = self.keys.epochs.get(&radio.ue_id.0).map(|epoch| epoch.algorithms.integrity);
        if signalling && null == Some(AlgorithmId::Null) {
            self.before_keys(frame, &radio, &opened.octets, &seen, false);
        }
        let name = if signalling {
            self.rrc(&radio, &opened.octets, opened.ciphered, first.is_some(), &seen)
        } else {
            format!("{} octets", opened.octets.len())
        };
        let ciphered = if opened.ciphered { "ciphered " } else { "" };
        let head = if signalling { "RRC" } else { "packet" };
        FrameView {
            kind,
            summary: format!("{head} {} {ciphered}COUNT {}: {name}", way(radio.direction), opened.count),
            direction,
            verdict: Some(match (first, seen.accepted()) {
                (Some(_), _) => "repeated",
                (None, Some(false)) => "dropped",
                (None, _) => "accept",
            }),
            count,
            opened: Some(if signalling { Opened::Rrc(opened.octets) } else { Opened::Packet(opened.octets) }),
        }
    }

    /// An RRC message that stands in the capture in the clear.
    pub(super) fn clear_rrc(&mut self, frame: &RecordedFrame, direction: LinkDirection) -> FrameView {
        match message_name(direction, &frame.octets) {
            Some(name) => {
                let (kind, summary) = ("rrc", format!("RRC {} {name}", way(direction)));
                FrameView {
                    kind,
                    summary,
                    direction: Some(direction),
                    verdict: Some("unprotected"),
                    ..FrameView::default()
                }
            }
            None => self.malformed(frame.number, "rrc", "no RRC message that is known here"),
        }
    }

    /// Whether a PDU is one that tells Wireshark the algorithms of an epoch whose keys it was shown.
    fn is_activation(&self, radio: &RadioFrame, pdu: &Pdu) -> bool {
        let Content::Signalling(content) = &pdu.content else { return false };
        let Some(epoch) = self.keys.epochs.get(&radio.ue_id.0) else { return false };
        let first = || open_signalling(epoch, content, (pdu.bearer(), radio.direction), &[0]);
        let shown = pdu.lcid == LCID_SRB2 && self.shown.contains(&radio.ue_id.0);
        shown && first().is_ok_and(|opened| !opened.ciphered && opened.count == 0)
    }

    /// An RRC message in the clear that tells Wireshark the algorithms of an epoch.
    fn activation(&mut self, frame: u64, radio: &RadioFrame, pdu: &Pdu) -> FrameView {
        if let (Content::Signalling(content), Some(epoch)) = (&pdu.content, self.keys.epochs.get(&radio.ue_id.0))
            && open_signalling(epoch, content, (pdu.bearer(), radio.direction), &[0]).is_err()
        {
            self.findings.note(NoteKind::MacWrong, Some(frame), "the MAC-I of an annotation does not verify");
        }
        let summary = format!("algorithms of {}", self.keys.epoch_name(radio.ue_id.0));
        FrameView { kind: "annotation", summary, direction: Some(radio.direction), ..FrameView::default() }
    }

    /// Finds the KeNB of a number that the log does not know, by MAC-I.
    fn learn(&mut self, frame: &RecordedFrame, radio: &RadioFrame, pdu: &Pdu) {
        let ue_id = radio.ue_id.0;
        let Content::Signalling(content) = &pdu.content else { return };
        if self.keys.epochs.contains_key(&ue_id) || self.keys.epochs.len() >= MAX_EPOCHS {
            return;
        }
        let tried = self.hopeless.get(&ue_id).copied().unwrap_or_default();
        if tried >= MAX_TRIALS || self.hopeless.len() >= MAX_TRIALS && tried == 0 {
            return;
        }
        let commanded = self.handovers.commanded.iter().filter(|((_, c_rnti), _)| *c_rnti == radio.c_rnti);
        let commanded = commanded.flat_map(|((cell, _), commanded)| commanded.iter().map(move |one| (*cell, one)));
        let mut epochs: Vec<Epoch> = commanded
            .rev()
            .map(|(cell, one)| {
                let mut epoch = Epoch::of_kenb(one.ue, Some(cell), one.kenb.clone(), one.algorithms, Origin::Derived);
                (epoch.ncc, epoch.root) = (one.ncc, one.root);
                epoch
            })
            .collect();
        let enb = if radio.direction == LinkDirection::Uplink { frame.destination } else { frame.source };
        let cell = enb.and_then(|enb| self.keys.cells_of(enb).next().map(|cell| cell.cell));
        for subscriber in &self.keys.subscribers {
            for kenb in subscriber.first_kenbs() {
                let mut epoch = Epoch::of_kenb(subscriber.ue, cell, kenb, Algorithms::AES, Origin::Derived);
                epoch.ncc = Some(0);
                epochs.push(epoch);
            }
        }
        epochs.truncate(MAX_TRIALS.saturating_sub(tried));
        let input = (pdu.bearer(), radio.direction);
        self.hopeless.insert(ue_id, tried.saturating_add(epochs.len()));
        let fits = epochs.into_iter().find(|epoch| open_signalling(epoch, content, input, &[0]).is_ok());
        if let Some(epoch) = fits {
            self.hopeless.remove(&ue_id);
            self.learnt.insert(ue_id, epoch.clone());
            self.keys.learn(ue_id, epoch);
        }
    }

    /// A PDU that did not open.
    fn closed(&mut self, closed: Closed, radio: &RadioFrame, pdu: &Pdu, seen: &Seen) -> (&'static str, String) {
        let name = self.keys.epoch_name(radio.ue_id.0);
        let before_keys = match &pdu.content {
            // Of a connection that has its keys by a security mode command, which is to come.
            Content::Signalling(pdu) => pdu.mac_i == [0; 4] && !self.used_epochs.contains(&radio.ue_id.0),
            _ => false,
        };
        match if before_keys { Closed::NoKey } else { closed } {
            Closed::WrongMac => {
                let detail = format!("the MAC-I does not verify with the keys of {name}");
                if seen.accepted() == Some(true) {
                    let detail = format!("{detail}, and the message was accepted: its comment says so");
                    self.findings.find(FindingKind::MacInvalid, &[seen.number], detail);
                } else {
                    self.findings.note(NoteKind::MacWrong, Some(seen.number), detail);
                }
                ("mac_invalid", "MAC-I does not verify".to_owned())
            }
            Closed::NoKey => {
                // What comes before there is security is protected by nothing.
                let plain = match &pdu.content {
                    Content::Signalling(pdu) => message_name(radio.direction, &pdu.message),
                    _ => None,
                };
                if let Some(plain) = plain {
                    let detail = format!("{plain} that no key protects");
                    self.findings.note(NoteKind::Unprotected, Some(seen.number), detail);
                    return ("unprotected", plain);
                }
                self.findings.note(NoteKind::NoKey, Some(seen.number), format!("no key for {name}"));
                let lcid = pdu.lcid;
                let number = match &pdu.content {
                    Content::Signalling(pdu) => format!("SRB{lcid} SN {}, ", pdu.sequence_number),
                    Content::Data(pdu) => format!("SN {}, ", pdu.sequence_number),
                    Content::Common(_) => String::new(),
                };
                ("no_key", format!("{number}{} octets: no key", pdu.octets.len()))
            }
            Closed::Algorithm(algorithm) => {
                let detail = format!("{name} has an algorithm that is not computed here: {algorithm:?}");
                self.findings.note(NoteKind::NoKey, Some(seen.number), detail);
                ("no_key", "algorithm not computed".to_owned())
            }
        }
    }

    /// A new PDU uses its key, bearer, direction and COUNT: nothing else may have.
    fn nonce(&mut self, radio: &RadioFrame, pdu: &Pdu, count: u32, ciphered: bool, frame: u64) {
        let ue_id = radio.ue_id.0;
        let signalling = matches!(pdu.content, Content::Signalling(_));
        let key_use = if signalling { AsKeyUse::RrcIntegrity } else { AsKeyUse::UserCiphering };
        let Some(epoch) = self.keys.epochs.get(&ue_id) else { return };
        // Without an algorithm a key is not used.
        if signalling && epoch.algorithms.integrity == AlgorithmId::Null || !signalling && !ciphered {
            return;
        }
        let Some(key) = epoch.key(key_use).cloned() else { return };
        let number = self.keys.number(&key);
        let first = *self.used.entry((number, pdu.bearer(), radio.direction, count)).or_insert(frame);
        if first != frame {
            let what = if signalling { "RRC messages" } else { "packets" };
            let detail = format!(
                "two {} {what} under COUNT {count} of bearer {}, {}",
                way(radio.direction),
                pdu.bearer(),
                self.keys.epoch_name(ue_id)
            );
            self.findings.find(FindingKind::NonceReuse, &[first, frame], detail);
        }
    }

    /// Holds the COUNT in the comment against the one that was used.
    pub(super) fn count_said(&mut self, radio: &RadioFrame, seen: &Seen, count: u32, what: &str) {
        let Some(said) = seen.said.as_ref().filter(|said| said.change.is_none()) else { return };
        if !said.accepted() {
            // Both ends have its key, and it verifies under this COUNT.
            let both = self.keys.epochs.get(&radio.ue_id.0).and_then(|epoch| epoch.holder) == Some(KenbHolder::Both);
            if both && said.text == format!("dropped: the MAC is wrong under COUNT {count}") {
                let detail =
                    format!("the comment says that the MAC of this {what} is wrong under COUNT {count}, it is right");
                self.findings.find(FindingKind::CommentDisagrees, &[seen.number], detail);
            }
            return;
        }
        let digits = said.text.split_once("COUNT ").map(|(_, rest)| rest);
        let digits = digits.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        if let Some(other) = digits.and_then(|digits| digits.parse::<u32>().ok()).filter(|other| *other != count) {
            let detail = format!("the comment says that this {what} was accepted under COUNT {other}, it is {count}");
            self.findings.find(FindingKind::CommentDisagrees, &[seen.number], detail);
        }
    }

    /// Who receives a frame and takes it is to hold its key.
    fn holders(&mut self, radio: &RadioFrame, seen: &Seen) {
        let Some(Epoch { holder: Some(holder), cell, kenb, .. }) = self.keys.epochs.get(&radio.ue_id.0) else { return };
        let alone = match (holder, radio.direction) {
            (KenbHolder::Ue, LinkDirection::Uplink) => "UE",
            (KenbHolder::Enb, LinkDirection::Downlink) => "eNB",
            _ => "",
        };
        if !alone.is_empty() && seen.accepted() == Some(true) {
            let name = self.keys.epoch_name(radio.ue_id.0);
            let detail = format!("the {alone} alone holds the KeNB of {name}, and the other end accepted this");
            self.findings.find(FindingKind::KeysDiffer, &[seen.number], detail);
        }
        if let (LinkDirection::Uplink, false, Some(cell), Some(kenb)) =
            (radio.direction, seen.adversary, cell.as_ref(), kenb.as_ref())
            && let Some(command) = self.handovers.untaken((*cell, radio.c_rnti), kenb)
            && *holder != KenbHolder::Enb
            && self.untaken.insert(command)
        {
            let detail = "the UE has followed this command, and the comment says that it did not take it";
            self.findings.find(FindingKind::CommentDisagrees, &[command, seen.number], detail);
        }
    }

    /// What an RRC message brings; its name.
    fn rrc(&mut self, radio: &RadioFrame, octets: &[u8], ciphered: bool, repeats: bool, seen: &Seen) -> String {
        let Some(name) = message_name(radio.direction, octets) else {
            self.findings.note(
                NoteKind::Malformed,
                Some(seen.number),
                "an RRC message that is none of those of a handover",
            );
            return "another message".to_owned();
        };
        let null =
            self.keys.epochs.get(&radio.ue_id.0).map(|epoch| epoch.algorithms.ciphering) == Some(AlgorithmId::Null);
        if !ciphered && !null && !name.starts_with("SecurityMode") {
            let detail = format!("{name} that is not ciphered");
            self.findings.note(NoteKind::Unencrypted, Some(seen.number), detail);
        }
        if repeats {
            return name;
        }
        let ue = self.keys.epochs.get(&radio.ue_id.0).map(|epoch| epoch.ue);
        match radio.direction {
            LinkDirection::Uplink => {
                if let Ok(UlDcchMessage::InformationTransfer { nas }) = UlDcchMessage::parse(octets) {
                    self.nas(&nas, radio.direction, ue, None, seen, false);
                }
            }
            LinkDirection::Downlink => match DlDcchMessage::parse(octets) {
                Ok(DlDcchMessage::InformationTransfer { nas, .. }) => {
                    self.nas(&nas, radio.direction, ue, None, seen, true);
                }
                Ok(DlDcchMessage::Reconfiguration(command)) => self.command(radio, &command, seen),
                Ok(DlDcchMessage::MobilityToUtran { nas_security, .. }) => {
                    if let Some(ue) = ue {
                        self.commanded_to_utran(seen, ue, nas_security);
                    }
                }
                _ => {}
            },
        }
        name
    }

    /// A reconfiguration: the NAS messages in it, and where it leads.
    fn command(&mut self, radio: &RadioFrame, command: &RrcConnectionReconfiguration, seen: &Seen) {
        let Some(source) = self.keys.epochs.get(&radio.ue_id.0).cloned() else { return };
        let mut parameters: Option<(HandoverParameters, Option<Kasme>)> = None;
        for nas in &command.nas {
            let opened = self.nas(nas, radio.direction, Some(source.ue), None, seen, true);
            if let Some((EmmMessage::DownlinkGenericTransport(container), kasme)) = opened
                && let Ok(found) = container.handover_parameters()
            {
                parameters.get_or_insert((found, kasme));
            }
        }
        if let (Some(mobility), Some(security)) = (command.mobility, command.security) {
            let from = (&source, seen.number, seen.accepted());
            self.handovers.follow(&mut self.keys, from, (mobility, security), parameters.as_ref());
        }
    }
}

/// The name of an RRC message on DCCH, if it is one.
fn message_name(direction: LinkDirection, octets: &[u8]) -> Option<String> {
    match direction {
        LinkDirection::Uplink => UlDcchMessage::parse(octets).ok().map(|message| alternative(&message)),
        LinkDirection::Downlink => DlDcchMessage::parse(octets).ok().map(|message| alternative(&message)),
    }
}

/// The name of an RRC message on CCCH.
fn common_name(direction: LinkDirection, octets: &[u8]) -> String {
    let name = match direction {
        LinkDirection::Uplink => UlCcchMessage::parse(octets).ok().map(|message| alternative(&message)),
        LinkDirection::Downlink => DlCcchMessage::parse(octets).ok().map(|message| alternative(&message)),
    };
    name.unwrap_or_else(|| "another message".to_owned())
}
