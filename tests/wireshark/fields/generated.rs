//! Captures of frames drawn from the generators of the crate `keyhop-generators`: values that are legal for keyhop's parsers,
//! many of which no scenario sends.
//!
//! `KEYHOP_CASES`: this many times as many frames (default 1).

use std::net::Ipv4Addr;
use std::path::PathBuf;

use keyhop::capture::capture_file::{self, Capture, CapturedFrame, FileFormat};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::dot16::backbone::{BackbonePacket, GreHeader, encapsulate};
use keyhop::dot16::identifiers::{Cid, Direction};
use keyhop::dot16::wire::{CrcForm, GenericMacHeader, MacPdu, ManagementMessage, PduType};
use keyhop::time::VirtualTime;
use keyhop_generators::{mac_pdu, management, sample, tlv, transport};
use tempfile::TempDir;

/// Frames of a capture.
const FRAMES: u64 = 1000;
/// Captures of each kind.
const CAPTURES: u64 = 2;
/// Ports that no other protocol has.
const FREE_PORTS: u16 = 0xc000;

const AIR: usize = 0;
const BACKBONE: usize = 1;

/// The captures, which are there as long as the folder.
pub fn captures() -> (TempDir, Vec<PathBuf>) {
    let times = std::env::var("KEYHOP_CASES").ok();
    let times: u64 = times
        .map_or(1, |times| times.parse().unwrap_or_else(|_| panic!("KEYHOP_CASES: expected a number, found {times}")));
    let folder = tempfile::tempdir().unwrap();
    let makers: [(&str, Maker); 4] =
        [("messages", message), ("strange", strange_message), ("bursts", burst), ("backbone", backbone)];
    let mut paths = Vec::new();
    for part in 0..CAPTURES * times {
        for (name, make) in makers {
            let seeds = part * FRAMES..(part + 1) * FRAMES;
            let path = folder.path().join(format!("{name}-{part}.pcapng"));
            let mut file = std::fs::File::create(&path).unwrap();
            capture_file::write(&capture(seeds.filter_map(make).collect()), FileFormat::Pcapng, &mut file).unwrap();
            paths.push(path);
        }
    }
    let path = folder.path().join("rare.pcapng");
    let mut file = std::fs::File::create(&path).unwrap();
    capture_file::write(&capture((0..FRAMES).map_while(rare).collect()), FileFormat::Pcapng, &mut file).unwrap();
    paths.push(path);
    (folder, paths)
}

/// The interface and the octets of the frame of a seed; `None` if the value does not fit a frame.
type Maker = fn(u64) -> Option<(usize, Vec<u8>, u64)>;

fn capture(frames: Vec<(usize, Vec<u8>, u64)>) -> Capture {
    let interface = |name: &str, kind| InterfaceDescription { name: name.to_owned(), description: String::new(), kind };
    let (mobile, station) = (Ipv4Addr::new(192, 0, 2, 10), Ipv4Addr::new(10, 16, 0, 1));
    let frames = (0_u64..).zip(frames).map(|(position, (interface, octets, seed))| {
        let (source, destination, direction) = match (interface, position % 2) {
            (AIR, 0) => (Some(mobile), Some(station), Some(Direction::Uplink)),
            (AIR, _) => (Some(station), Some(mobile), Some(Direction::Downlink)),
            _ => (None, None, None),
        };
        let time = VirtualTime::from_nanos(position * 5_000_000);
        CapturedFrame { time, interface, octets, direction, source, destination, comment: format!("seed {seed}") }
    });
    Capture {
        section_comment: "generated".to_owned(),
        interfaces: vec![interface("air:ms1-bs1", LinkKind::Air), interface("r6:bs1-gw", LinkKind::Backbone)],
        names: Vec::new(),
        frames: frames.collect(),
        secrets: Vec::new(),
    }
}

/// Frames that a rule is about and that the generators rarely make.
fn rare(seed: u64) -> Option<(usize, Vec<u8>, u64)> {
    let on = |cid| GenericMacHeader::new(Cid(cid));
    let with_crc = Some(CrcForm::MsbFirst);
    let (header, body, crc): (_, &[u8], _) = match seed {
        // Packing: a piece of one octet, and one of none.
        0 => {
            let pdu_type = PduType::PACKING.with(PduType::EXTENDED);
            (GenericMacHeader { pdu_type, ..on(768) }, &[0, 0, 4, 0x60, 0, 0, 3], None)
        }
        // RNG-RSP: initial ranging opportunity number, 13, as the last TLV.
        1 => (on(0), &[5, 0, 13, 1, 1], None),
        // SA-TEK-Request: security capabilities, 19, with a list, 21, of one cryptographic suite, 20.
        2 => (on(321), &[9, 21, 1, 19, 7, 21, 5, 20, 3, 2, 1, 4], with_crc),
        // User data that only begin as an IPv4 packet.
        3 => (on(768), &[0x45, 0, 0, 40, 0, 0, 0, 0], with_crc),
        // IPv6.
        4 => (on(768), &[0x60, 0, 0, 0, 0, 0, 59, 64], with_crc),
        // A grant management subheader.
        5 => {
            let pdu_type = PduType::FAST_FEEDBACK_OR_GRANT_MANAGEMENT;
            (GenericMacHeader { pdu_type, ..on(768) }, &[0, 9, 0x60], with_crc)
        }
        // An extended subheader group of one PDU SN.
        6 => (GenericMacHeader { extended_subheader_group: true, ..on(768) }, &[3, 3, 9, 0x60], with_crc),
        // SBC-REQ: a TLV of type 0, with and without another behind it.
        7 => (on(1), &[26, 0, 1, 5, 1, 1, 1], with_crc),
        8 => (on(1), &[26, 0, 5, 200, 9, 1, 3, 9], with_crc),
        _ => return None,
    };
    Some((AIR, MacPdu::build(header, body, crc).unwrap(), seed))
}

/// A management message alone in a PDU, on a management connection.
fn message(seed: u64) -> Option<(usize, Vec<u8>, u64)> {
    alone_in_a_pdu(&sample(&management::management_message(), seed), seed)
}

fn alone_in_a_pdu(message: &ManagementMessage, seed: u64) -> Option<(usize, Vec<u8>, u64)> {
    let cids = [0, 1, 320, 321, 640, 0xfffd, 0xffff];
    let cid = cids[usize::try_from(seed).unwrap() % cids.len()];
    let pdu = MacPdu::build(GenericMacHeader::new(Cid(cid)), &message.octets().unwrap(), Some(CrcForm::MsbFirst));
    Some((AIR, pdu.ok()?, seed))
}

/// A message with a TLV of any type and a short value of any content in it: most are of a type that keyhop does not know, or
/// not of the length of their type.
fn strange_message(seed: u64) -> Option<(usize, Vec<u8>, u64)> {
    let mut message = sample(&management::management_message(), seed);
    let strange = sample(&tlv::any_tlv(), seed + 1);
    let place = |tlvs: usize| usize::try_from(seed).unwrap() % (tlvs + 1);
    match &mut message {
        ManagementMessage::RngReq(request) => request.tlvs.insert(place(request.tlvs.len()), strange.into()),
        ManagementMessage::RngRsp(response) => response.tlvs.insert(place(response.tlvs.len()), strange.into()),
        ManagementMessage::RegReq(request) => request.tlvs.insert(place(request.tlvs.len()), strange.into()),
        ManagementMessage::RegRsp(response) => response.tlvs.insert(place(response.tlvs.len()), strange.into()),
        ManagementMessage::SbcReq(sbc) | ManagementMessage::SbcRsp(sbc) => {
            sbc.tlvs.insert(place(sbc.tlvs.len()), strange.into());
        }
        ManagementMessage::PkmReq(pkm) | ManagementMessage::PkmRsp(pkm) => {
            pkm.attributes.insert(place(pkm.attributes.len()), strange.into());
        }
        // Octets to Wireshark anyway.
        _ => return None,
    }
    alone_in_a_pdu(&message, seed)
}

/// PDUs of every kind, on any connection.
fn burst(seed: u64) -> Option<(usize, Vec<u8>, u64)> {
    let burst = sample(&mac_pdu::burst(), seed);
    let mut octets = Vec::new();
    let mut read = 0;
    for pdu in MacPdu::burst(&burst) {
        let pdu = pdu.unwrap();
        octets.extend(on_few_connections(&pdu));
        read += pdu.octets.len();
    }
    octets.extend(&burst[read..]);
    // Without an octet there is nothing to dissect.
    (!octets.is_empty()).then_some((AIR, octets, seed))
}

/// The same PDU; pieces of SDUs on one of 48 connections only, because Wireshark keeps a table of 64 connections with fragments
/// and writes behind its end (`dot16-wire.md` 2.5).
fn on_few_connections(pdu: &MacPdu<'_>) -> Vec<u8> {
    if !(pdu.header.pdu_type.fragmentation() || pdu.header.pdu_type.packing()) {
        return pdu.octets.to_vec();
    }
    let place = pdu.header.cid.0 % 48;
    // A quarter of them are management connections.
    let cid = Cid(if place.is_multiple_of(4) { 1 + place } else { 1 + place * 1365 });
    MacPdu::build(GenericMacHeader { cid, ..pdu.header }, pdu.body, pdu.crc_form()).unwrap()
}

/// A control message, RADIUS or GRE, in Ethernet.
fn backbone(seed: u64) -> Option<(usize, Vec<u8>, u64)> {
    let (from, to) = (sample(&transport::endpoint(), seed), sample(&transport::endpoint(), seed + 1));
    let mut packet = sample(&transport::packet(), seed);
    match &mut packet {
        // Otherwise Wireshark would ask the dissector of the other port.
        BackbonePacket::Radius(datagram) if datagram.source == datagram.destination => {}
        BackbonePacket::Radius(datagram) => {
            let client = if datagram.source == 1812 { &mut datagram.destination } else { &mut datagram.source };
            *client |= FREE_PORTS;
        }
        // Few numbers are that of IPv4 by chance.
        BackbonePacket::Data(gre) if seed.is_multiple_of(4) => gre.header.protocol = GreHeader::IPV4,
        BackbonePacket::Data(_) | BackbonePacket::Control(_) => {}
    }
    Some((BACKBONE, encapsulate(&from, &to, 1, &packet).ok()?, seed))
}
