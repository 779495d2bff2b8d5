use proptest::prelude::*;

use super::*;
use crate::dot16::backbone::{AsnTlv, GreHeader, MessageKind};
use crate::dot16::identifiers::MsMac;

const BS: BackboneEndpoint = BackboneEndpoint { mac: [2, 0, 0, 0, 0, 1], ip: Ipv4Addr::new(10, 16, 0, 1) };
const GATEWAY: BackboneEndpoint = BackboneEndpoint { mac: [2, 0, 0, 0, 0, 2], ip: Ipv4Addr::new(10, 16, 0, 2) };

fn acknowledgement() -> BackbonePacket {
    let ms = MsMac([0, 0x11, 0x22, 0x33, 0x44, 0x55]);
    BackbonePacket::Control(ControlMessage::new(MessageKind::CmacKeyCountUpdateAck, ms, 5, Vec::new()))
}

fn data(octets: usize) -> BackbonePacket {
    let header = GreHeader { key: Some(1), sequence: None, protocol: GreHeader::IPV4 };
    BackbonePacket::Data(GrePacket { header, payload: vec![0x45; octets] })
}

fn frame(packet: &BackbonePacket) -> Vec<u8> {
    encapsulate(&BS, &GATEWAY, 0x1234, packet).unwrap()
}

/// The ones' complement sum of RFC 1071, written apart from the code under test.
fn ones_complement_sum(octets: &[u8]) -> u16 {
    let sum: u32 =
        octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap()
}

#[test]
fn a_control_message_travels_in_udp_2231() {
    let frame = frame(&acknowledgement());
    let expected = "020000000002 020000000001 0800
        45 00 0030 1234 4000 40 11 1467 0a100001 0a100002
        08b7 08b7 001c 6e0e
        01 00 04 65 0014 001122334455 00000000 0005 0000";
    assert_eq!(hex::encode(&frame), expected.split_whitespace().collect::<String>());
    let parsed = decapsulate(&frame).unwrap();
    assert_eq!(parsed, Decapsulated { from: BS, to: GATEWAY, packet: acknowledgement() });
}

#[test]
fn the_checksums_sum_to_all_ones() {
    for packet in [acknowledgement(), data(33)] {
        let frame = frame(&packet);
        assert_eq!(ones_complement_sum(&frame[14..34]), 0xffff);
    }
    let frame = frame(&acknowledgement());
    let udp = &frame[34..];
    let pseudo = [&frame[26..34], &[0, 17], &u16::try_from(udp.len()).unwrap().to_be_bytes(), udp].concat();
    assert_eq!(ones_complement_sum(&pseudo), 0xffff);
}

#[test]
fn a_udp_checksum_of_zero_is_sent_as_ffff() {
    // The transaction identifier is chosen so that the sum comes to nothing.
    let zero = (0..=u16::MAX).find_map(|transaction| {
        let BackbonePacket::Control(mut message) = acknowledgement() else { unreachable!() };
        message.transaction = transaction;
        let frame = frame(&BackbonePacket::Control(message));
        (frame[40..42] == [0xff, 0xff]).then_some(frame)
    });
    assert!(decapsulate(&zero.expect("a transaction whose checksum is 0")).is_ok());
}

#[test]
fn an_inner_packet_of_1500_octets_makes_a_baby_giant() {
    let packet = data(1500);
    let frame = frame(&packet);
    assert_eq!(frame.len(), 14 + 20 + 8 + 1500);
    assert_eq!(decapsulate(&frame).unwrap().packet, packet);
}

#[test]
fn an_ipv4_packet_above_65535_octets_is_refused() {
    let largest = data(65535 - 20 - 8);
    assert_eq!(decapsulate(&frame(&largest)).unwrap().packet, largest);
    let error = encapsulate(&BS, &GATEWAY, 0, &data(65535 - 20 - 7)).unwrap_err();
    assert_eq!((error.layer, error.offset), ("IPv4", 16));

    let BackbonePacket::Control(mut message) = acknowledgement() else { unreachable!() };
    message.tlvs = vec![AsnTlv::EapPayload(vec![0; 65535 - 20 - 8 - 20 - 4])];
    assert_eq!(frame(&BackbonePacket::Control(message.clone())).len(), 14 + 65535);
    message.tlvs = vec![AsnTlv::EapPayload(vec![0; 65535 - 20 - 8 - 20 - 3])];
    let error = encapsulate(&BS, &GATEWAY, 0, &BackbonePacket::Control(message)).unwrap_err();
    assert_eq!((error.layer, error.offset), ("IPv4", 16));
}

#[test]
fn ethernet_padding_is_ignored() {
    let mut padded = frame(&data(0));
    assert_eq!(padded.len(), 42);
    padded.resize(60, 0);
    assert_eq!(decapsulate(&padded).unwrap().packet, data(0));
}

#[test]
fn every_prefix_of_a_frame_is_an_error_in_a_layer_at_an_octet() {
    for packet in [acknowledgement(), data(20)] {
        let frame = frame(&packet);
        for length in 0..frame.len() {
            let error = decapsulate(&frame[..length]).unwrap_err();
            let expected = match length {
                0..14 => ("Ethernet", 0),
                14..34 => ("IPv4", 14),
                _ => ("IPv4", 16),
            };
            assert_eq!((error.layer, error.offset), expected, "{length} octets: {error}");
        }
    }
}

#[test]
fn each_wrong_field_is_named_with_layer_and_octet() {
    let good = frame(&acknowledgement());
    // Octet to change, its new value, whether the IPv4 checksum is made right again, what must be said.
    let cases: [(usize, u8, bool, &str); 16] = [
        (12, 0x86, false, "Ethernet, octet 12: expected EtherType 0x0800 (IPv4), found 0x8600"),
        (14, 0x65, true, "IPv4, octet 14: expected version 4, found version 6"),
        (14, 0x46, false, "IPv4, octet 14: expected header length 5 (no options), found header length 6"),
        (14, 0x40, false, "IPv4, octet 14: expected header length 5 (no options), found header length 0"),
        (17, 19, true, "IPv4, octet 16: expected total length from 20 to 48, found total length 19"),
        (17, 49, true, "IPv4, octet 16: expected total length from 20 to 48, found total length 49"),
        (17, 47, true, "UDP, octet 38: expected length 27, the payload of IPv4, found length 28"),
        (17, 27, true, "UDP, octet 34: expected at least 8 octets, found 7 octets"),
        (20, 0x60, true, "IPv4, octet 20: expected a whole packet, found flags 0b011, fragment offset 0"),
        (21, 1, true, "IPv4, octet 20: expected a whole packet, found flags 0b010, fragment offset 1"),
        (23, 6, true, "IPv4, octet 23: expected protocol 17 (UDP) or 47 (GRE), found 6"),
        (24, 0, false, "IPv4, octet 24: expected checksum 0x1467, found 0x0067"),
        (35, 0, false, "UDP, octet 34: expected port 2231, found port 2048"),
        (37, 0, false, "UDP, octet 36: expected port 2231, found port 2048"),
        (40, 0, false, "UDP, octet 40: expected checksum 0x6e0e, found 0x000e"),
        (59, 6, false, "UDP, octet 40: expected checksum 0x6e0d, found 0x6e0e"),
    ];
    for (at, value, repaired, text) in cases {
        let mut frame = good.clone();
        frame[at] = value;
        if repaired {
            frame[24..26].fill(0);
            let checksum = !ones_complement_sum(&frame[14..34]);
            frame[24..26].copy_from_slice(&checksum.to_be_bytes());
        }
        assert_eq!(decapsulate(&frame).unwrap_err().to_string(), text);
    }
}

#[test]
fn errors_of_the_packet_inside_count_from_the_start_of_the_frame() {
    let mut gre = frame(&data(20));
    gre[34] = 0x80;
    assert_eq!((decapsulate(&gre).unwrap_err().layer, decapsulate(&gre).unwrap_err().offset), ("GRE", 34));

    let mut control = frame(&acknowledgement());
    control[42] = 9;
    mend_checksums(&mut control);
    let error = decapsulate(&control).unwrap_err();
    assert_eq!((error.layer, error.offset), ("ASN control message", 42));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..120), typed: bool) {
        let mut frame = octets;
        if typed && frame.len() > 14 {
            frame[12..15].copy_from_slice(&[8, 0, 0x45]);
        }
        if let Err(error) = decapsulate(&frame) {
            prop_assert!(error.offset <= frame.len());
        }
    }
}

#[test]
fn the_subject_of_a_control_message_is_seen_without_parsing_it_and_no_other_packet_has_one() {
    let BackbonePacket::Control(message) = acknowledgement() else { unreachable!() };
    let frame = frame(&acknowledgement());
    assert_eq!(control_subject(&frame), Some(message.ms));
    assert_eq!(encapsulate_control(&BS, &GATEWAY, 0x1234, &message).unwrap(), frame);
    let gre = encapsulate(&BS, &GATEWAY, 1, &data(20)).unwrap();
    assert_eq!(control_subject(&gre), None);
    assert_eq!(control_subject(&frame[..47]), None);
}
