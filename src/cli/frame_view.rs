//! A frame of a capture in a reader's words: what it is, what it says, and, with a key log, whether it verifies.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use super::frame_summary::{content_summary, ip_summary, message_summary};
use crate::capture::LinkKind;
use crate::capture::capture_reader::{FrameKind, RecordedFrame};
use crate::capture::frame_comment::FrameComment;
use crate::capture::key_lookup::{CmacOutcome, DataOutcome, Fit, KeyLookup, Protection, Sighting};
use crate::dot16::backbone::{BackbonePacket, decapsulate};
use crate::dot16::identifiers::{Cid, Direction};
use crate::dot16::security::{PnVerdict, PnWindow};
use crate::dot16::wire::{EapPacket, EncryptedBody, MacPdu, ManagementMessage, PduType, message_name};

/// A receive window that has seen nothing. Its size is a constant: that it is legal is settled when this is compiled.
const NEW_WINDOW: PnWindow = match PnWindow::new(PnWindow::DEFAULT_SIZE) {
    Ok(window) => window,
    Err(_) => panic!("the default size of a PN window is legal"),
};

/// What keys tell about a PDU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secured {
    /// One of the words of [`verdict`].
    pub verdict: Option<&'static str>,
    /// Packet number without direction bit, or CMAC_PN.
    pub pn: Option<u32>,
    /// EKS of an encrypted PDU.
    pub eks: Option<u8>,
    /// Subheaders and payload in the clear, a management message, or the user's packet in GRE.
    pub payload: Option<Vec<u8>>,
}

/// The verdicts.
pub mod verdict {
    /// ICV or CMAC verify with the key in use, and the number is new.
    pub const ACCEPT: &str = "accept";
    /// The same, and the receiver dropped it for a reason of its own, by its comment: it had no such key or did not listen.
    pub const DROPPED: &str = "dropped";
    /// Not encrypted, or without CMAC.
    pub const UNPROTECTED: &str = "unprotected";
    /// The key log has no key for it.
    pub const NO_KEY: &str = "no_key";
    /// No key opens it.
    pub const ICV_INVALID: &str = "icv_invalid";
    /// No key verifies its CMAC.
    pub const CMAC_INVALID: &str = "cmac_invalid";
    /// CRC-32 is wrong in both forms.
    pub const CRC_INVALID: &str = "crc_invalid";
    /// The octets are no PDU or message.
    pub const MALFORMED: &str = "malformed";
    /// The packet number was seen before under this key.
    pub const PN_DUPLICATE: &str = "pn_duplicate";
    /// The packet number is below the receive window, or a CMAC_PN is not above the last one.
    pub const PN_OLD: &str = "pn_old";
    /// The direction bit of the packet number is not that of the frame.
    pub const WRONG_DIRECTION: &str = "wrong_direction";
    /// It verifies with the key of this link at a time when that key was not in use.
    pub const KEY_OUT_OF_USE: &str = "key_out_of_use";
    /// It verifies with the key of another link.
    pub const KEY_OF_OTHER_LINK: &str = "key_of_other_link";
}

/// One PDU, or one frame that is not of the air, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Name of the message, `data`, `GRE`, `IP` and so on.
    pub kind: Cow<'static, str>,
    /// CID of a PDU.
    pub cid: Option<Cid>,
    /// Its content in a few words.
    pub summary: String,
    /// What the keys tell; without a key log nothing is in it.
    pub secured: Secured,
}

/// Views the frames of one capture in their order, and remembers which packet numbers went by.
pub struct Viewer {
    keys: Option<KeyLookup>,
    windows: BTreeMap<(usize, Direction), PnWindow>,
    highest_cmac_pn: BTreeMap<usize, u32>,
    names: BTreeMap<Ipv4Addr, String>,
    /// How many names of the capture are in `names` already.
    named: usize,
}

/// What the comment says became of a frame.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    /// It reached no receiver that could ask a key: it uses up no packet number.
    lost: bool,
    /// Its receiver did not take it.
    dropped: bool,
}

impl Viewer {
    /// A viewer with the keys of a log, or without.
    #[must_use]
    pub fn new(keys: Option<KeyLookup>) -> Self {
        Self { keys, windows: BTreeMap::new(), highest_cmac_pn: BTreeMap::new(), names: BTreeMap::new(), named: 0 }
    }

    /// The names that the capture gives to addresses. With them the receivers' verdicts in its comments are read, too.
    pub fn name_nodes(&mut self, names: &[(Ipv4Addr, String)]) {
        // Only those that are new: there may be many, and several for one address.
        self.names.extend(names.get(self.named..).unwrap_or_default().iter().cloned());
        self.named = self.named.max(names.len());
    }

    /// Fills in the addresses of a frame of a foreign framing, as far as the keys tell them.
    pub fn name_ends(&self, frame: &mut RecordedFrame) {
        if let Some(keys) = &self.keys {
            keys.name_ends(frame);
        }
    }

    /// The PDUs of an air frame, or the one thing that another frame is; at least one.
    pub fn views(&mut self, frame: &RecordedFrame) -> Vec<View> {
        match &frame.kind {
            FrameKind::Known(LinkKind::Air) => self.burst(frame),
            FrameKind::Known(LinkKind::Backbone) => vec![self.backbone(&frame.octets)],
            FrameKind::Known(LinkKind::RawIp) => vec![plain("IP", ip_summary(&frame.octets))],
            FrameKind::Known(LinkKind::Tagged) => vec![plain("upper PDU", format!("{} octets", frame.octets.len()))],
            FrameKind::Dissector(name) => {
                vec![plain("upper PDU", format!("for {name:?}, {} octets", frame.octets.len()))]
            }
            FrameKind::NoBurst(why) => vec![plain("no burst", why.clone())],
            FrameKind::LinkType(link_type) => {
                vec![plain(format!("link type {link_type}"), format!("{} octets", frame.octets.len()))]
            }
        }
    }

    fn burst(&mut self, frame: &RecordedFrame) -> Vec<View> {
        let mut at = Sighting { time: frame.time(), direction: frame.direction, link: Default::default() };
        if let Some(keys) = &self.keys {
            at.link = keys.link(frame.direction, frame.source, frame.destination);
        }
        if let [code, symbol, subchannel] = frame.octets[..] {
            let text = format!("ranging code {code}, symbol {symbol}, subchannel {subchannel}");
            return vec![self.with_verdict(plain("CDMA", text), verdict::UNPROTECTED)];
        }
        let fate = self.fate(frame);
        let mut views = Vec::with_capacity(1);
        for pdu in MacPdu::burst(&frame.octets) {
            views.push(match pdu {
                Ok(pdu) => self.pdu(&pdu, &at, fate),
                Err(error) => self.with_verdict(plain("malformed", error.to_string()), verdict::MALFORMED),
            });
        }
        if views.is_empty() {
            views.push(plain("padding", format!("{} octets", frame.octets.len())));
        }
        views
    }

    /// What the comment tells; only with keys it matters.
    fn fate(&self, frame: &RecordedFrame) -> Fate {
        if self.keys.is_none() {
            return Fate::default();
        }
        let receiver = frame.destination.and_then(|ip| self.names.get(&ip));
        let comment = FrameComment::parse(&frame.comment, receiver.map(String::as_str));
        Fate { lost: is_lost(&frame.comment), dropped: comment.accepted() == Some(false) }
    }

    fn pdu(&mut self, pdu: &MacPdu<'_>, at: &Sighting, fate: Fate) -> View {
        let header = &pdu.header;
        let wrong_crc = pdu.crc.is_some() && pdu.crc_form().is_none();
        // What never reaches a receiver, or is dropped there before any key is asked, uses up no packet number.
        let fate = Fate { lost: fate.lost || wrong_crc, ..fate };
        let mut view = if header.encrypted {
            self.encrypted(pdu, at, fate)
        } else if header.cid.is_management() && header.pdu_type == PduType::NONE && !header.extended_subheader_group {
            self.management(pdu.body, header.cid, at, fate)
        } else {
            let view = plain("data", format!("not encrypted, {}", content_summary(header.pdu_type, pdu.body)));
            let mut view = self.with_verdict(view, verdict::UNPROTECTED);
            if self.keys.is_some() {
                view.secured.payload = Some(pdu.body.to_vec());
            }
            view
        };
        view.cid = Some(header.cid);
        if wrong_crc {
            view.summary.push_str(", wrong CRC");
            if self.keys.is_some() {
                view.secured.verdict = Some(verdict::CRC_INVALID);
            }
        }
        view
    }

    fn with_verdict(&self, mut view: View, word: &'static str) -> View {
        view.secured.verdict = self.keys.is_some().then_some(word);
        view
    }

    fn encrypted(&mut self, pdu: &MacPdu<'_>, at: &Sighting, fate: Fate) -> View {
        let eks = pdu.header.eks;
        let body = EncryptedBody::parse(pdu.body);
        let sealed = match &body {
            Ok(body) => format!("encrypted, EKS {eks}, PN {:#010x}, {} octets", body.pn, body.ciphertext.len()),
            Err(error) => format!("encrypted, EKS {eks}, {error}"),
        };
        let mut view = plain("data", sealed);
        let Some(keys) = &self.keys else { return view };
        let mut secured =
            Secured { eks: Some(eks), pn: body.ok().map(|body| body.pn & 0x7fff_ffff), ..Secured::default() };
        secured.verdict = Some(match keys.open(pdu, at) {
            DataOutcome::NoKey => verdict::NO_KEY,
            DataOutcome::WrongIcv { .. } => verdict::ICV_INVALID,
            DataOutcome::Unopenable(_) => verdict::MALFORMED,
            DataOutcome::Opened { opened, key, fit, .. } => {
                let content = content_summary(pdu.header.pdu_type, &opened.plaintext);
                view.summary = format!("EKS {eks}, PN {}, {content}", opened.pn.count());
                secured.payload = Some(opened.plaintext);
                let window = self.windows.entry((key, opened.direction)).or_insert(NEW_WINDOW);
                match (fit, window.check(opened.pn)) {
                    (Fit::Elsewhere, _) => verdict::KEY_OF_OTHER_LINK,
                    _ if at.direction.is_some_and(|direction| direction != opened.direction) => {
                        verdict::WRONG_DIRECTION
                    }
                    (_, PnVerdict::Duplicate) => verdict::PN_DUPLICATE,
                    (_, PnVerdict::Old) => verdict::PN_OLD,
                    (Fit::OutOfUse, PnVerdict::Accept) => verdict::KEY_OUT_OF_USE,
                    (Fit::InUse, PnVerdict::Accept) if fate.dropped && !fate.lost => verdict::DROPPED,
                    (Fit::InUse, PnVerdict::Accept) => {
                        if !fate.lost {
                            window.accept(opened.pn);
                        }
                        verdict::ACCEPT
                    }
                }
            }
        });
        view.secured = secured;
        view
    }

    fn management(&mut self, message: &[u8], cid: Cid, at: &Sighting, fate: Fate) -> View {
        let Some(message_type) = message.first() else {
            let view = plain("malformed", "a management message without a type".to_owned());
            return self.with_verdict(view, verdict::MALFORMED);
        };
        let kind = message_name(*message_type);
        let parsed = match ManagementMessage::parse(message) {
            Ok(parsed) => parsed,
            Err(error) => return self.with_verdict(plain(kind, error.to_string()), verdict::MALFORMED),
        };
        let protection = Protection::in_parsed(message, &parsed);
        let mut summary = message_summary(&parsed);
        if let Some(protection) = &protection {
            // Writing to a string does not fail.
            let _ = write!(summary, ", CMAC_PN {}", protection.pn);
        }
        let mut view = plain(kind, summary);
        let Some(keys) = &self.keys else { return view };
        let word = match &protection {
            None => verdict::UNPROTECTED,
            Some(protection) => match keys.verify(protection, cid, at) {
                CmacOutcome::NoKey => verdict::NO_KEY,
                CmacOutcome::Wrong { .. } => verdict::CMAC_INVALID,
                CmacOutcome::Verified { fit: Fit::Elsewhere, .. } => verdict::KEY_OF_OTHER_LINK,
                CmacOutcome::Verified { fit: Fit::OutOfUse, .. } => verdict::KEY_OUT_OF_USE,
                CmacOutcome::Verified { key, fit: Fit::InUse, .. } => {
                    let highest = self.highest_cmac_pn.get(&key).copied();
                    if highest.is_some_and(|highest| protection.pn <= highest) {
                        verdict::PN_OLD
                    } else if fate.dropped && !fate.lost {
                        verdict::DROPPED
                    } else {
                        if !fate.lost {
                            self.highest_cmac_pn.insert(key, protection.pn);
                        }
                        verdict::ACCEPT
                    }
                }
            },
        };
        view.secured = Secured {
            verdict: Some(word),
            pn: protection.map(|protection| protection.pn),
            eks: None,
            payload: Some(message.to_vec()),
        };
        view
    }

    fn backbone(&self, frame: &[u8]) -> View {
        let packet = match decapsulate(frame) {
            Ok(packet) => packet,
            Err(error) => return plain("Ethernet", error.to_string()),
        };
        let ends = format!("{} > {}", packet.from.ip, packet.to.ip);
        match packet.packet {
            BackbonePacket::Control(message) => {
                let summary = format!("{ends}, MS {}, transaction {}", message.ms, message.transaction);
                plain(message.kind.name(), summary)
            }
            BackbonePacket::Radius(datagram) => {
                let eap = datagram.packet.eap_packet().and_then(|octets| EapPacket::parse(&octets).ok());
                let eap = eap.map_or_else(String::new, |eap| format!(", EAP {}", eap.name()));
                let summary = format!("{ends}, RADIUS identifier {}{eap}", datagram.packet.identifier);
                plain(datagram.packet.code.name(), summary)
            }
            BackbonePacket::Data(gre) => {
                let key = gre.header.key.map_or_else(|| "none".to_owned(), |key| format!("{key:#010x}"));
                let mut view = plain("GRE", format!("{ends}, key {key}, {}", ip_summary(&gre.payload)));
                view.secured.payload = self.keys.is_some().then_some(gre.payload);
                view
            }
        }
    }
}

fn plain(kind: impl Into<Cow<'static, str>>, summary: String) -> View {
    View { kind: kind.into(), cid: None, summary, secured: Secured::default() }
}

/// Whether a comment says that the link lost the frame: one of its phrases is the word `lost`.
fn is_lost(comment: &str) -> bool {
    comment.split([',', ';', '.', '\n']).any(|phrase| phrase.trim() == "lost")
}
