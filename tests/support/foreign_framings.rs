//! Writes captures in the framings of others: what keyhop reads and never writes.

// Each test binary uses a part of it.
#![allow(dead_code)]

use std::net::Ipv4Addr;

use keyhop::capture::{Capture, CapturedFrame, LinkKind};
use keyhop::dot16::identifiers::Direction;

/// A framing, and the link type it travels on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Link type 188 or 147.
    Bare(u16),
    /// Ethernet type 0x08F0, on Ethernet (1) or Linux cooked (113, 276).
    M2m(u16),
    /// GSMTAP in UDP over IPv4 or IPv6, on Ethernet (1), Linux cooked (113, 276), raw IP (101), null (0) or loopback (108).
    Gsmtap { link_type: u16, ipv6: bool },
}

/// How a capture is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub framing: Framing,
    /// Whether direction stands in `epb_flags`.
    pub flags: bool,
    /// Whether comments are kept.
    pub comments: bool,
    /// m2m: every base station sends an FCH before the first frame.
    pub fch: bool,
    /// m2m: bursts above so many octets are cut into fragments of so many.
    pub fragments: Option<usize>,
}

impl Style {
    pub fn new(framing: Framing) -> Self {
        Self { framing, flags: true, comments: false, fch: false, fragments: None }
    }
}

/// All framings and link types.
pub fn all() -> Vec<Framing> {
    let gsmtap = |link_type| [false, true].map(|ipv6| Framing::Gsmtap { link_type, ipv6 });
    let bare = [188, 147].map(Framing::Bare).into_iter();
    let m2m = [1, 113, 276].map(Framing::M2m).into_iter();
    bare.chain(m2m).chain([1, 113, 276, 101, 0, 108].into_iter().flat_map(gsmtap)).collect()
}

/// A pcapng file that grows.
#[derive(Default)]
pub struct Pcapng {
    pub octets: Vec<u8>,
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    [&code.to_le_bytes()[..], &(value.len() as u16).to_le_bytes(), value, &padding].concat()
}

impl Pcapng {
    pub fn new() -> Self {
        let mut file = Self::default();
        file.block(0x0a0d_0d0a, &[&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0][..], &[0xff; 8]].concat());
        file
    }

    pub fn block(&mut self, kind: u32, body: &[u8]) {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let length = ((body.len() + padding.len() + 12) as u32).to_le_bytes();
        self.octets.extend([&kind.to_le_bytes()[..], &length, body, &padding, &length].concat());
    }

    /// An interface that counts nanoseconds.
    pub fn interface(&mut self, link_type: u16, name: &str) {
        let head = [&link_type.to_le_bytes()[..], &[0; 6]].concat();
        self.block(1, &[head, option(2, name.as_bytes()), option(9, &[9]), option(0, &[])].concat());
    }

    pub fn packet(
        &mut self,
        interface: u32,
        nanos: u64,
        octets: &[u8],
        direction: Option<Direction>,
        comments: &[&str],
    ) {
        let time = nanos + 946_684_800_000_000_000;
        let length = (octets.len() as u32).to_le_bytes();
        let padding = vec![0; octets.len().next_multiple_of(4) - octets.len()];
        let mut options = Vec::new();
        if let Some(direction) = direction {
            options.extend(option(2, &[if direction == Direction::Downlink { 1 } else { 2 }, 0, 0, 0]));
        }
        comments.iter().for_each(|comment| options.extend(option(1, comment.as_bytes())));
        options.extend(option(0, &[]));
        let times = [((time >> 32) as u32).to_le_bytes(), (time as u32).to_le_bytes()].concat();
        self.block(6, &[&interface.to_le_bytes()[..], &times, &length, &length, octets, &padding, &options].concat());
    }
}

/// An Ethernet address made of a display address.
pub fn mac(address: Option<Ipv4Addr>) -> [u8; 6] {
    let [a, b, c, d] = address.unwrap_or(Ipv4Addr::UNSPECIFIED).octets();
    [2, 0xee, a, b, c, d]
}

fn ones(parts: &[&[u8]]) -> u16 {
    let octets = parts.concat();
    let sum: u32 = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

/// A UDP datagram from port 40000 to `port`, in an IPv4 or IPv6 packet from and to the loopback address.
pub fn udp(port: u16, payload: &[u8], ipv6: bool) -> Vec<u8> {
    let length = (payload.len() as u16 + 8).to_be_bytes();
    let mut udp = [&40_000u16.to_be_bytes()[..], &port.to_be_bytes(), &length, &[0, 0], payload].concat();
    if ipv6 {
        let mut one = [0; 16];
        one[15] = 1;
        let sum = ones(&[&one, &one, &[0, 0], &length, &[0, 0, 0, 17], &udp]);
        udp[6..8].copy_from_slice(&sum.to_be_bytes());
        return [&[0x60, 0, 0, 0][..], &length, &[17, 64], &one, &one, &udp].concat();
    }
    let total = (payload.len() as u16 + 28).to_be_bytes();
    let mut header = [&[0x45, 0][..], &total, &[0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]].concat();
    let sum = ones(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [header, udp].concat()
}

/// A link header before a packet of that EtherType.
pub fn link(link_type: u16, ether_type: u16, source: [u8; 6], destination: [u8; 6], packet: &[u8]) -> Vec<u8> {
    let protocol = ether_type.to_be_bytes();
    let header = match link_type {
        1 => [&destination[..], &source, &protocol].concat(),
        113 => [&[0, 0, 0, 1, 0, 6][..], &source, &[0, 0], &protocol].concat(),
        276 => [&protocol[..], &[0, 0, 0, 0, 0, 2, 0, 1, 0, 6], &source, &[0, 0]].concat(),
        101 => Vec::new(),
        0 => vec![if ether_type == 0x0800 { 2 } else { 10 }, 0, 0, 0],
        108 => vec![0, 0, 0, if ether_type == 0x0800 { 2 } else { 30 }],
        other => panic!("no link header for {other}"),
    };
    [&header[..], packet].concat()
}

/// GSMTAP of type 7 with this burst type before a burst.
pub fn gsmtap(sub_type: u8, uplink: bool, burst: &[u8]) -> Vec<u8> {
    let arfcn: u16 = 100 | if uplink { 0x4000 } else { 0 };
    let [a0, a1] = arfcn.to_be_bytes();
    [&[2, 4, 7, 0, a0, a1, 0, 0, 0, 0, 0, 42, sub_type, 0, 0, 0][..], burst].concat()
}

/// A TLV of an m2m packet.
pub fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = match value.len() {
        length @ 0..=127 => vec![length as u8],
        length @ 128..=255 => vec![0x81, length as u8],
        length => [&[0x82][..], &(length as u16).to_be_bytes()].concat(),
    };
    [&[kind][..], &length, value].concat()
}

/// An m2m packet of these TLVs.
pub fn m2m(sequence: u16, tlvs: &[Vec<u8>]) -> Vec<u8> {
    [&sequence.to_be_bytes()[..], &(tlvs.len() as u16).to_be_bytes(), &tlvs.concat()].concat()
}

/// The m2m packets of a burst.
fn m2m_packets(burst: &[u8], number: u64, fragments: Option<usize>) -> Vec<Vec<u8>> {
    let frame_number = tlv(2, &[0, (number >> 8) as u8, number as u8]);
    let sequence = number as u16;
    if burst.len() == 3 {
        return vec![m2m(sequence, &[frame_number, tlv(7, burst)])];
    }
    let Some(size) = fragments.filter(|size| burst.len() > *size) else {
        return vec![m2m(sequence, &[frame_number, tlv(9, burst)])];
    };
    let pieces: Vec<&[u8]> = burst.chunks(size).collect();
    let packet = |(index, piece): (usize, &&[u8])| {
        let kind = match index {
            0 => 1,
            _ if index + 1 == pieces.len() => 3,
            _ => 2,
        };
        let about = [tlv(3, &[number as u8]), tlv(4, &[kind]), tlv(5, &[index as u8 + 1])].concat();
        m2m(
            sequence,
            &[frame_number.clone(), about[..3].to_vec(), about[3..6].to_vec(), about[6..].to_vec(), tlv(9, piece)],
        )
    };
    pieces.iter().enumerate().map(packet).collect()
}

/// The records that stand for an air frame.
fn records(frame: &CapturedFrame, number: u64, style: &Style) -> Vec<Vec<u8>> {
    let (source, destination) = (mac(frame.source), mac(frame.destination));
    match style.framing {
        Framing::Bare(_) => vec![frame.octets.clone()],
        Framing::M2m(link_type) => m2m_packets(&frame.octets, number, style.fragments)
            .iter()
            .map(|packet| link(link_type, 0x08f0, source, destination, packet))
            .collect(),
        Framing::Gsmtap { link_type, ipv6 } => {
            let sub_type = if frame.octets.len() == 3 { 0x10 } else { 0x13 };
            let packet = gsmtap(sub_type, frame.direction == Some(Direction::Uplink), &frame.octets);
            let ether_type = if ipv6 { 0x86dd } else { 0x0800 };
            vec![link(link_type, ether_type, [0; 6], [0; 6], &udp(4729, &packet, ipv6))]
        }
    }
}

fn link_type(framing: Framing) -> u16 {
    match framing {
        Framing::Bare(link_type) | Framing::M2m(link_type) | Framing::Gsmtap { link_type, .. } => link_type,
    }
}

/// A capture of keyhop in a foreign framing, as pcapng: all air frames on one interface, the backbone on another.
pub fn pcapng(capture: &Capture, style: &Style) -> Vec<u8> {
    let mut file = Pcapng::new();
    file.interface(link_type(style.framing), "tap0");
    file.interface(1, "eth0");
    let kind = |frame: &CapturedFrame| capture.interfaces[frame.interface].kind;
    if style.fch {
        let air = capture.frames.iter().filter(|frame| kind(frame) == LinkKind::Air);
        let down = air.filter(|frame| frame.direction == Some(Direction::Downlink));
        let mut stations: Vec<Option<Ipv4Addr>> = down.map(|frame| frame.source).collect();
        stations.sort();
        stations.dedup();
        for station in stations {
            let packet = m2m(0, &[tlv(8, &[0x12, 0x34, 0x56])]);
            file.packet(0, 0, &link(link_type(style.framing), 0x08f0, mac(station), [0xff; 6], &packet), None, &[]);
        }
    }
    for (number, frame) in capture.frames.iter().enumerate() {
        let nanos = frame.time.as_nanos();
        let comments: Vec<&str> =
            if style.comments { frame.comment.split('\n').filter(|line| !line.is_empty()).collect() } else { vec![] };
        match kind(frame) {
            LinkKind::Air => {
                let records = records(frame, number as u64, style);
                for (index, record) in records.iter().enumerate() {
                    let comments = if index + 1 == records.len() { &comments[..] } else { &[] };
                    file.packet(0, nanos, record, frame.direction.filter(|_| style.flags), comments);
                }
            }
            LinkKind::Backbone => file.packet(1, nanos, &frame.octets, None, &comments),
            LinkKind::RawIp | LinkKind::Tagged => panic!("only air and backbone are in a foreign capture"),
        }
    }
    file.octets
}
