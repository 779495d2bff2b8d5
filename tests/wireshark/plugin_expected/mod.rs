//! What `captures/wireshark/keyhop.lua` has to show of a frame, computed from the parsers of this crate: for each field its
//! values in order, in the form in which `tshark -T fields` prints them.

mod handover;
mod messages;

use std::collections::BTreeMap;
use std::fmt::{Display, LowerHex};
use std::net::Ipv4Addr;

use keyhop::capture::frame_comment::{FrameChange, FrameComment, ReceiverVerdict};
use keyhop::capture::{LinkKind, capture_reader};
use keyhop::dot16::backbone::{AsnTlv, BackbonePacket, Compound, TlvLookup, decapsulate};
use keyhop::dot16::identifiers::CmacKeyCount;
use keyhop::dot16::wire::{
    EncryptedBody, FragmentControl, FragmentationSubheader, MacPdu, PackingSubheader, PduType, VendorTlv,
};

/// The values of each field, without its `dot16.`.
pub type Fields = BTreeMap<String, Vec<String>>;

/// The fields of `frame`, which stands on the interface of this name in a capture with these names of nodes.
pub fn fields_of(frame: &capture_reader::RecordedFrame, interface: &str, names: &[(Ipv4Addr, String)]) -> Fields {
    let mut expected = Expected::default();
    let mut destination = frame.destination;
    match &frame.kind {
        capture_reader::FrameKind::Known(LinkKind::Air) => expected.air(&frame.octets),
        capture_reader::FrameKind::Known(LinkKind::Backbone) => {
            let packet = decapsulate(&frame.octets).unwrap();
            destination = Some(packet.to.ip);
            if let BackbonePacket::Control(message) = packet.packet {
                expected.hex("asn.message", 4, u16::from_be_bytes(message.kind.octets()));
                expected.control(&message.tlvs);
            }
        }
        other => panic!("frame {}: {other:?}", frame.number),
    }
    let receiver = destination.and_then(|ip| names.iter().find(|(known, _)| *known == ip)).map(|(_, name)| name);
    expected.comment(&frame.comment, interface, receiver.map(String::as_str));
    expected.fields
}

#[derive(Default)]
struct Expected {
    fields: Fields,
}

impl Expected {
    fn add(&mut self, field: &str, value: impl Display) {
        self.fields.entry(field.to_owned()).or_default().push(value.to_string());
    }

    fn maybe(&mut self, field: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(field, value);
        }
    }

    /// A number of `digits` hex digits.
    fn hex(&mut self, field: &str, digits: usize, value: impl LowerHex) {
        self.add(field, format!("{value:#0width$x}", width = digits + 2));
    }

    fn flag(&mut self, field: &str, set: bool) {
        self.add(field, u8::from(set));
    }

    /// Octets; Wireshark has no item for none.
    fn octets(&mut self, field: &str, octets: &[u8]) {
        if !octets.is_empty() {
            self.add(field, hex::encode(octets));
        }
    }

    // MAC PDUs -------------------------------------------------------------------------------------------------------

    fn air(&mut self, burst: &[u8]) {
        if let [code, symbol, subchannel] = burst {
            self.add("ranging_code", code);
            self.add("ranging_code.symbol", symbol);
            self.add("ranging_code.subchannel", subchannel);
            return;
        }
        for pdu in MacPdu::burst(burst) {
            self.pdu(&pdu.unwrap());
        }
    }

    fn pdu(&mut self, pdu: &MacPdu<'_>) {
        let header = &pdu.header;
        self.flag("ht", false);
        self.flag("ec", header.encrypted);
        self.hex("type", 2, header.pdu_type.bits());
        self.flag("esf", header.extended_subheader_group);
        self.flag("ci", header.crc_present);
        if header.encrypted {
            self.add("eks", header.eks);
        }
        self.add("len", header.length);
        self.hex("cid", 4, header.cid.0);
        self.hex("hcs", 2, pdu.octets[5]);
        let group = if header.extended_subheader_group { usize::from(pdu.body[0]) } else { 0 };
        let (group, body) = pdu.body.split_at(group);
        self.octets("extended_subheaders", group);
        if header.encrypted {
            let body = EncryptedBody::parse(body).unwrap();
            self.hex("pn", 8, body.pn);
            self.add("pn.direction", body.pn >> 31);
            self.add("pn.counter", body.pn & 0x7fff_ffff);
            self.octets("ciphertext", body.ciphertext);
            self.octets("icv", &body.icv);
        } else if header.cid.is_management() && header.pdu_type == PduType::NONE {
            self.message(body);
        } else {
            self.data(header.pdu_type, body);
        }
        if let Some(crc) = pdu.crc {
            self.hex("crc", 8, u32::from_be_bytes(crc));
        }
    }

    fn data(&mut self, pdu_type: PduType, body: &[u8]) {
        let control = |control| match control {
            FragmentControl::Unfragmented => 0,
            FragmentControl::Last => 1,
            FragmentControl::First => 2,
            FragmentControl::Middle => 3,
        };
        let form = pdu_type.bits() & !PduType::EXTENDED.bits();
        if form == PduType::FRAGMENTATION.bits() {
            let (subheader, piece) = FragmentationSubheader::parse(body, pdu_type.extended()).unwrap();
            self.add("fragment.control", control(subheader.control));
            self.add("fragment.fsn", subheader.fsn);
            self.hex("reserved", 2, subheader.reserved);
            self.octets("payload", piece);
        } else if form == PduType::PACKING.bits() {
            for (subheader, piece) in PackingSubheader::parse_all(body, pdu_type.extended()).unwrap() {
                self.add("packing.control", control(subheader.control));
                self.add("packing.fsn", subheader.fsn);
                self.add("packing.length", subheader.length);
                self.octets("payload", piece);
            }
        } else if pdu_type == PduType::NONE {
            self.octets("payload", body);
        } else {
            self.octets("undecoded", body);
        }
    }

    // Backbone -------------------------------------------------------------------------------------------------------

    fn control(&mut self, tlvs: &[AsnTlv]) {
        for tlv in tlvs {
            let alone = std::slice::from_ref(tlv);
            for compound in Compound::ALL {
                for inside in alone.each(*compound) {
                    self.control(inside);
                }
            }
            match tlv {
                AsnTlv::CmacKeyCount(CmacKeyCount(count)) => self.add("cmac_key_count", count),
                AsnTlv::VendorSpecific { vendor, octets } => {
                    self.octets("vendor.id", vendor);
                    if alone.is_issued_before() {
                        self.flag("asn.issued_before", true);
                    }
                    if let Some(cid) = alone.primary_cid() {
                        self.hex("primary_cid", 4, cid.0);
                    }
                    self.maybe("vendor.ranging_deadline", alone.ranging_deadline());
                    self.octets("asn.receive_window", alone.receive_window().unwrap_or_default());
                    // The lookup does not tell a TLV that says no from none.
                    if *vendor == VendorTlv::KEYHOP && octets.first() == Some(&5) {
                        self.flag("vendor.seamless", alone.is_seamless());
                    }
                }
                _ => {}
            }
        }
    }

    // Comment --------------------------------------------------------------------------------------------------------

    fn comment(&mut self, comment: &str, interface: &str, receiver: Option<&str>) {
        if interface.starts_with("adv:") {
            self.flag("adversary", true);
        }
        let comment = FrameComment::parse(comment, receiver);
        if comment.deliberate {
            self.flag("deliberate", true);
        }
        if comment.under_way {
            self.add("verdict", "under way");
        }
        if comment.lost {
            self.flag("lost", true);
            self.add("verdict", "lost");
        }
        for verdict in &comment.verdicts {
            self.add("verdict", verdict_in_words(verdict));
        }
        if let Some(accepted) = comment.accepted() {
            self.flag("accepted", accepted);
        }
    }
}

/// What the field says of a verdict: what it comes to, how the frame arrived, the receiver's words without the first, if
/// that says nothing more.
fn verdict_in_words(verdict: &ReceiverVerdict) -> String {
    let word = match (verdict.deferred(), verdict.accepted()) {
        (true, _) => "deferred",
        (_, true) => "accepted",
        (_, false) => "rejected",
    };
    let duplicate = if verdict.duplicate { " (duplicate)" } else { "" };
    let change = match verdict.change {
        Some(FrameChange::BitError) => " (bit error)",
        Some(FrameChange::Modified) => " (modified)",
        None => "",
    };
    let said = match word {
        "accepted" => &["accepted: "][..],
        "rejected" => &["dropped: ", "refused: ", "ignored: ", "no context: "],
        _ => &[],
    };
    let text = said.iter().find_map(|said| verdict.text.strip_prefix(said)).unwrap_or(&verdict.text);
    format!("{word}{duplicate}{change}: {text}")
}
