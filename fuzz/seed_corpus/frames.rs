//! Frames of air and backbone, and what is in them.

use std::error::Error;
use std::fs;
use std::path::Path;

use keyhop::capture::LinkKind;
use keyhop::capture::capture_reader::{self, FrameKind, RecordedFrame};
use keyhop::capture::frame_comment::FrameComment;
use keyhop::capture::upper_pdu::{UpperPdu, wrap};
use keyhop::dot16::backbone::{
    AsnTlv, BackboneEndpoint, BackbonePacket, ControlMessage, GreHeader, GrePacket, MessageKind, TlvLookup,
    decapsulate, encapsulate,
};
use keyhop::dot16::identifiers::MsMac;
use keyhop::dot16::wire::{EapPacket, MacPdu, ManagementMessage, message_name};

use crate::corpus::Corpora;

/// What the first PDU of a burst is, as the name of a file.
fn burst_kind(burst: &[u8]) -> String {
    let Some(Ok(pdu)) = MacPdu::burst(burst).next() else {
        return "malformed".to_owned();
    };
    let kind = match pdu.body.first() {
        _ if pdu.header.encrypted => "encrypted",
        _ if pdu.header.pdu_type.fragmentation() => "fragment",
        _ if pdu.header.pdu_type.packing() => "packed",
        Some(&message_type) if pdu.header.cid.is_management() => message_name(message_type),
        _ => "data",
    };
    let several = MacPdu::burst(burst).nth(1).map_or("", |_| "-and-more");
    format!("{kind}{several}")
}

fn offer_burst(corpora: &mut Corpora, name: Option<&str>, burst: &[u8]) {
    corpora.offer("mac_burst", &name.map_or_else(|| burst_kind(burst), |name| format!("worked-{name}")), burst);
    for pdu in MacPdu::burst(burst).flatten() {
        if !pdu.header.encrypted && pdu.header.pdu_type.bits() == 0 && pdu.header.cid.is_management() {
            offer_message(corpora, pdu.body);
        }
    }
}

/// A message is a seed of its family, its TLVs are seeds of theirs, and so is an EAP packet in it.
fn offer_message(corpora: &mut Corpora, octets: &[u8]) {
    let Ok(message) = ManagementMessage::parse(octets) else { return };
    let kind = message.name();
    let (target, tlvs) = match &message {
        ManagementMessage::RngReq(_) | ManagementMessage::RngRsp(_) => ("ranging_messages", octets.get(2..)),
        ManagementMessage::RegReq(_) | ManagementMessage::SbcReq(_) | ManagementMessage::SbcRsp(_) => {
            ("registration_messages", octets.get(1..))
        }
        ManagementMessage::RegRsp(_) | ManagementMessage::DregCmd(_) | ManagementMessage::DregReq(_) => {
            ("registration_messages", octets.get(2..))
        }
        ManagementMessage::PkmReq(pkm) | ManagementMessage::PkmRsp(pkm) => {
            if let Some(packet) = pkm.eap_payload() {
                offer_eap(corpora, packet);
            }
            let name = pkm.code.name().unwrap_or(kind);
            corpora.offer("pkm_messages", name, octets);
            return corpora.offer("tlvs", name, octets.get(3..).unwrap_or_default());
        }
        ManagementMessage::Other { .. } => return,
        _ => ("mobility_messages", None),
    };
    corpora.offer(target, kind, octets);
    if let Some(tlvs) = tlvs {
        corpora.offer("tlvs", kind, tlvs);
    }
}

fn offer_eap(corpora: &mut Corpora, packet: &[u8]) {
    if let Ok(read) = EapPacket::parse(packet) {
        corpora.offer("eap_packets", read.name(), packet);
    }
}

/// A frame of the backbone is a seed, and what it carries is one.
fn offer_backbone(corpora: &mut Corpora, frame: &[u8]) -> Result<(), Box<dyn Error>> {
    let Ok(taken) = decapsulate(frame) else {
        corpora.offer("backbone_frames", "malformed", frame);
        return Ok(());
    };
    let kind = match taken.packet {
        BackbonePacket::Control(message) => {
            if let Some(packet) = message.tlvs.eap_payload() {
                offer_eap(corpora, packet);
            }
            corpora.offer("asn_control_plane", message.kind.name(), &message.octets()?);
            message.kind.name().to_owned()
        }
        BackbonePacket::Data(packet) => {
            corpora.offer("backbone_frames", "gre", &packet.octets()?);
            "frame-gre".to_owned()
        }
        BackbonePacket::Radius(datagram) => {
            let inside = datagram.packet.eap_packet().and_then(|packet| EapPacket::parse(&packet).ok());
            let inside = inside.map_or("nothing", |packet| packet.name());
            let kind = format!("{}-{inside}", datagram.packet.code.name());
            corpora.offer("radius_packets", &kind, &datagram.packet.octets()?);
            datagram.packet.code.name().to_owned()
        }
    };
    corpora.offer("backbone_frames", &kind, frame);
    Ok(())
}

/// The comment, by what it says of the frame's fate, and the tags.
fn offer_framing(corpora: &mut Corpora, receiver: &str, frame: &RecordedFrame) -> Result<(), Box<dyn Error>> {
    let comment = FrameComment::parse(&frame.comment, Some(receiver));
    let fates: String =
        comment.verdicts.iter().map(|verdict| if verdict.accepted() { "-taken" } else { "-not" }).collect();
    let change = comment.verdicts.iter().find_map(|verdict| verdict.change);
    let kind = format!(
        "comment{fates}{}{}{}{}",
        if comment.deliberate { "-deliberate" } else { "" },
        if comment.lost { "-lost" } else { "" },
        if comment.under_way { "-under-way" } else { "" },
        change.map_or_else(String::new, |change| format!("-{change:?}")),
    );
    corpora.offer("framings", &kind, format!("{receiver}\n{}", frame.comment).as_bytes());
    let tags = UpperPdu {
        dissector: LinkKind::Air.dissector(&frame.octets).into(),
        source: frame.source,
        destination: frame.destination,
        protocol: "WiMAX".into(),
        direction: frame.direction,
        payload: frame.octets.get(..6).unwrap_or(&frame.octets),
    };
    corpora.offer("framings", &format!("tags-{:?}-{}", frame.direction, frame.source.is_some()), &wrap(&tags)?);
    Ok(())
}

/// Every frame of a golden capture.
pub fn offer_golden(corpora: &mut Corpora, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut reader = capture_reader::open(path)?;
    while let Some(frame) = reader.next() {
        let frame = frame?;
        match frame.kind {
            FrameKind::Known(LinkKind::Air) => {
                offer_burst(corpora, None, &frame.octets);
                let names = reader.records().names().iter();
                let mut receiver =
                    names.filter(|(address, _)| Some(*address) == frame.destination).map(|(_, name)| name);
                offer_framing(corpora, receiver.next_back().map_or("bs1", String::as_str), &frame)?;
            }
            FrameKind::Known(LinkKind::Backbone) => offer_backbone(corpora, &frame.octets)?,
            _ => {}
        }
    }
    Ok(())
}

/// The worked frames, GRE with every optional field, and TLVs nested as deep as they may be.
pub fn offer_worked(corpora: &mut Corpora, root: &Path) -> Result<(), Box<dyn Error>> {
    let place = |last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: [10, 16, 0, last].into() };
    let frames = fs::read_to_string(root.join("tests/vectors/worked-frames.txt"))?;
    for line in frames.lines().filter(|line| !line.starts_with('#')) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name, "air", _, octets] => offer_burst(corpora, Some(name), &hex::decode(octets)?),
            [_, "asn", _, octets] => {
                let packet = BackbonePacket::Control(ControlMessage::parse(&hex::decode(octets)?)?);
                offer_backbone(corpora, &encapsulate(&place(1), &place(2), 1, &packet)?)?;
            }
            _ => return Err(format!("expected name, link, direction and octets, found {line:?}").into()),
        }
    }
    let header = GreHeader { key: Some(7), sequence: Some(1), protocol: GreHeader::IPV4 };
    let packet = BackbonePacket::Data(GrePacket { header, payload: b"Ehello".to_vec() });
    offer_backbone(corpora, &encapsulate(&place(1), &place(2), 1, &packet)?)?;
    // As deep as TLVs may nest: too many lengths that have to agree for the fuzzer to come upon.
    let nested = (1..8).fold(AsnTlv::AkSn(1), |inner, _| AsnTlv::MsInfo(vec![inner]));
    let message = ControlMessage::new(MessageKind::ContextRpt, MsMac([2, 0, 0, 0, 0, 3]), 1, vec![nested]);
    corpora.offer("asn_control_plane", "nested", &message.octets()?);
    Ok(())
}
