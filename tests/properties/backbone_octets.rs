//! The parsers of `dot16::backbone` on every prefix and every changed octet of valid inputs, and on inputs that claim
//! much.

use keyhop::dot16::backbone::asn_tlv::SINGLE_KINDS;
use keyhop::dot16::backbone::radius::RadiusPacket;
use keyhop::dot16::backbone::transport::mend_checksums;
use keyhop::dot16::backbone::{
    AsnTlv, Compound, ControlMessage, Decapsulated, GrePacket, MessageKind, decapsulate, encapsulate,
};
use keyhop::dot16::identifiers::MsMac;
use keyhop_generators::asn_control::control_message;
use keyhop_generators::gre::gre_packet;
use keyhop_generators::radius::radius_packet;
use keyhop_generators::sample;
use keyhop_generators::transport::frame;

use crate::held::{Parser, again};
use crate::samples;

/// Octets of memory for each octet of input, and beside those: what the top of `dot16::backbone` states.
const MULTIPLE: u64 = 64;
const CONSTANT: u64 = 4096;

const MESSAGE: Parser = Parser {
    name: "ASN control message",
    read: |input| Ok(ControlMessage::parse(input).map(drop)?),
    comes_back: |input| assert_eq!(ControlMessage::parse(input).unwrap().octets().as_deref(), Ok(input)),
    multiple: MULTIPLE,
    constant: CONSTANT,
};

const GRE: Parser = Parser {
    name: "GRE packet",
    read: |input| Ok(GrePacket::parse(input).map(drop)?),
    comes_back: |input| assert_eq!(GrePacket::parse(input).unwrap().octets().as_deref(), Ok(input)),
    multiple: MULTIPLE,
    constant: CONSTANT,
};

/// Padding after the packet is not part of it.
const RADIUS: Parser = Parser {
    name: "RADIUS packet",
    read: |input| Ok(RadiusPacket::parse(input).map(drop)?),
    comes_back: |input| {
        let written = RadiusPacket::parse(input).unwrap().octets().unwrap();
        assert_eq!(written, input[..written.len()]);
    },
    multiple: MULTIPLE,
    constant: CONSTANT,
};

/// Identification, TTL and padding of the frame are not part of the value.
fn frame_comes_back(input: &[u8]) {
    let taken = decapsulate(input).unwrap();
    let Decapsulated { from, to, packet } = &taken;
    again(&taken, &encapsulate(from, to, 0, packet).unwrap(), decapsulate);
}

const FRAME: Parser = Parser {
    name: "frame of the backbone",
    read: |input| Ok(decapsulate(input).map(drop)?),
    comes_back: frame_comes_back,
    multiple: MULTIPLE,
    constant: CONSTANT,
};

fn mended(input: &[u8]) -> Vec<u8> {
    let mut frame = input.to_vec();
    mend_checksums(&mut frame);
    frame
}

/// So that damage gets past the checksums.
const MENDED_FRAME: Parser = Parser {
    name: "frame of the backbone, checksums made right",
    read: |input| Ok(decapsulate(&mended(input)).map(drop)?),
    comes_back: |input| frame_comes_back(&mended(input)),
    multiple: MULTIPLE,
    constant: CONSTANT,
};

#[test]
fn control_messages_hold_around_valid_ones() {
    for seed in 0..samples(64) {
        MESSAGE.hold_around(&sample(&control_message(), seed).octets().unwrap());
    }
}

#[test]
fn gre_and_radius_hold_around_valid_ones() {
    for seed in 0..samples(64) {
        GRE.hold_around(&sample(&gre_packet(), seed).octets().unwrap());
        RADIUS.hold_around(&sample(&radius_packet(), seed).octets().unwrap());
    }
}

#[test]
fn frames_hold_around_valid_ones() {
    for seed in 0..samples(64) {
        let frame = sample(&frame(), seed);
        FRAME.hold_around(&frame);
        MENDED_FRAME.hold_around(&frame);
    }
}

#[test]
fn each_tlv_of_any_length_comes_back_and_holds_around() {
    let message = |tlvs| ControlMessage::new(MessageKind::HoReq, MsMac([2, 0, 0, 0, 0, 3]), 1, tlvs);
    for (kind, name) in SINGLE_KINDS.iter().copied().chain([(62, "EAP Payload"), (261, "Vendor Specific")]) {
        for length in 0..24 {
            let value: Vec<u8> = (0..length).map(|place| 0xa0 | place).collect();
            let message = message(vec![AsnTlv::from_value(kind, &value)]);
            let octets = message.octets().unwrap();
            assert_eq!(octets[24..], value, "{name}");
            assert_eq!(ControlMessage::parse(&octets).as_ref(), Ok(&message), "{name}");
        }
        MESSAGE.hold_around(&message(vec![AsnTlv::from_value(kind, &[1; 4])]).octets().unwrap());
    }
    for compound in Compound::ALL {
        MESSAGE.hold_around(&message(vec![compound.holding(vec![AsnTlv::AkSn(1)])]).octets().unwrap());
    }
}

#[test]
fn what_takes_the_most_memory_stays_below_the_bound() {
    let mut most = 0.0_f64;
    let mut hold = |parser: &Parser, input: &[u8]| {
        let (_, memory) = parser.hold(input);
        most = most.max(memory.saturating_sub(CONSTANT) as f64 / input.len() as f64);
    };
    let message = |list: &[u8]| {
        let length = u16::try_from(20 + list.len()).unwrap().to_be_bytes();
        [&[1, 0, 4, 0x65], &length[..], &[0; 14], list].concat()
    };
    let kinds = SINGLE_KINDS.iter().map(|(kind, _)| *kind).chain([62, 261, 999]);
    for kind in kinds.chain((0..400).filter(|kind| Compound::from_kind(*kind).is_some())) {
        let [high, low] = kind.to_be_bytes();
        hold(&MESSAGE, &message(&[high, low, 0, 0].repeat(8_193)));
        hold(&MESSAGE, &message(&[high, low, 0, 1, 0].repeat(8_193)));
        // As deep as TLVs nest, and full of empty ones there.
        let inner = [0, 9, 0, 0].repeat(8_193);
        let nested = (0..6).fold(inner, |inner, _| {
            let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
            [&[high, low], &length[..], &inner].concat()
        });
        hold(&MESSAGE, &message(&nested));
        hold(&MESSAGE, &message(&[high, low, 0xff, 0xff, 0]));
    }
    for length in [0_u16, 20, 4096, 0xffff] {
        let [high, low] = length.to_be_bytes();
        for kind in 0..=255 {
            let mut packet = [&[1, 7, high, low], &[0x55; 16][..], &[kind, 2].repeat(2038)].concat();
            hold(&RADIUS, &packet);
            packet.truncate(24);
            hold(&RADIUS, &packet);
        }
    }
    for claim in 0..=255 {
        let mut frame = sample(&frame(), 3);
        frame[16..18].copy_from_slice(&[claim, 0xff]);
        hold(&MENDED_FRAME, &frame);
    }
    assert!(most > 8.0, "at most {most:.0} octets of memory for an octet of input: this is not what takes the most");
}
