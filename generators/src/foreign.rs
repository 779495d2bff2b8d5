//! Bursts in the framings of others: m2m packets, GSMTAP, bare bursts (`dot16-wire.md` 1.1, 1.3).

use proptest::prelude::*;

use crate::choice::select;
use crate::list::list;
use crate::mac_pdu::burst;
use crate::octets::{array, bits, number, octets};
use crate::one_of;

/// A TLV of an m2m packet, with the shortest form of length.
fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("a burst of a few PDUs");
    let [high, low] = length.to_be_bytes();
    let length = match length {
        0..=0x7f => vec![low],
        0x80..=0xff => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [&[kind], &length[..], value].concat()
}

/// TLVs of an m2m packet that stand together, and how many they are.
fn m2m_tlvs() -> BoxedStrategy<(u16, Vec<u8>)> {
    let one = |kind, value: Vec<u8>| (1, tlv(kind, &value));
    let small = (select([1_u8, 3, 4, 5, 11]), octets(1..2)).prop_map(move |(kind, value)| one(kind, value));
    let control = (select([2_u8, 7, 8]), octets(3..4)).prop_map(move |(kind, value)| one(kind, value));
    let other = (select([10_u8, 15, 16, 99]), octets(1..40)).prop_map(move |(kind, value)| one(kind, value));
    let pdus = burst().prop_map(move |mut burst| {
        burst.push(0xff);
        one(9, burst)
    });
    let fragment = (bits(2), bits(2), bits(2), octets(1..60)).prop_map(|(burst, kind, fragment, part)| {
        let fragment = if kind == 1 { 1 } else { fragment.max(2) };
        (4, [tlv(3, &[burst]), tlv(4, &[kind]), tlv(5, &[fragment]), tlv(9, &part)].concat())
    });
    one_of![small, control, other, pdus, fragment].boxed()
}

/// An m2m packet: what stands behind EtherType 0x08F0.
pub fn m2m_packet() -> BoxedStrategy<Vec<u8>> {
    (array::<2>(), list(m2m_tlvs(), 0..5), octets(0..8))
        .prop_map(|(sequence, tlvs, padding)| {
            let count: u16 = tlvs.iter().map(|(count, _)| count).sum();
            let tlvs: Vec<u8> = tlvs.into_iter().flat_map(|(_, octets)| octets).collect();
            [&sequence, &count.to_be_bytes(), &tlvs[..], &padding].concat()
        })
        .boxed()
}

/// GSMTAP of type 7: what stands behind the UDP header.
pub fn gsmtap() -> BoxedStrategy<Vec<u8>> {
    let bursts = one_of![
        octets(3..4).prop_map(|code| (0x10_u8, code)),
        burst().prop_map(|burst| (0x13, burst)),
        (select([0x11_u8, 0x12, 0x14, 0x15, 0x20]), octets(0..40)),
    ];
    (number::<u8>(), array::<8>(), bursts)
        .prop_map(|(timeslot, radio, (kind, burst))| {
            [&[2, 4, 7, timeslot], &radio[..], &[kind, 0, 0, 0], &burst].concat()
        })
        .boxed()
}

/// `payload` in UDP over IPv4 to the port of GSMTAP, without checksums.
fn in_udp(payload: &[u8]) -> Vec<u8> {
    let length = |octets: usize| u16::try_from(payload.len() + octets).expect("a burst of a few PDUs").to_be_bytes();
    let ip = [&[0x45, 0], &length(28)[..], &[0, 1, 0, 0, 64, 17, 0, 0], &[127, 0, 0, 1, 127, 0, 0, 1]].concat();
    let udp = [&4729_u16.to_be_bytes(), &4729_u16.to_be_bytes(), &length(8), &[0, 0][..]].concat();
    [&ip[..], &udp, payload].concat()
}

/// A frame of a foreign framing and the link type it is captured on: m2m in Ethernet (1), GSMTAP in Ethernet or in raw IP
/// (101), bare bursts (147, 188).
pub fn foreign_frame() -> BoxedStrategy<(u16, Vec<u8>)> {
    let ethernet =
        |protocol: [u8; 2], addresses: [u8; 12], payload: &[u8]| [&addresses, &protocol[..], payload].concat();
    one_of![
        (select([147_u16, 188]), burst()),
        (array(), m2m_packet()).prop_map(move |(addresses, packet)| (1, ethernet([8, 0xf0], addresses, &packet))),
        (array(), gsmtap()).prop_map(move |(addresses, tap)| (1, ethernet([8, 0], addresses, &in_udp(&tap)))),
        gsmtap().prop_map(|tap| (101, in_udp(&tap))),
    ]
    .boxed()
}
