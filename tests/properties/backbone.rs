//! The backbone: every packet comes back, and damaged frames are noticed.

use keyhop::dot16::backbone::radius::RadiusPacket;
use keyhop::dot16::backbone::{BackbonePacket, ControlMessage, Decapsulated, GrePacket, decapsulate, encapsulate};
use keyhop_generators::asn_control::control_message;
use keyhop_generators::gre::gre_packet;
use keyhop_generators::radius::{radius_datagram, radius_packet};
use keyhop_generators::sample;
use keyhop_generators::transport::{endpoint, packet};
use proptest::prelude::*;

use crate::config;

fn frame(packet: &BackbonePacket) -> Vec<u8> {
    let [from, to] = [1, 2].map(|seed| sample(&endpoint(), seed));
    encapsulate(&from, &to, 1, packet).unwrap()
}

proptest! {
    #![proptest_config(config(1024))]

    #[test]
    fn control_messages_round_trip(message in control_message()) {
        let octets = message.octets().unwrap();
        prop_assert_eq!(ControlMessage::parse(&octets).unwrap(), message);
    }

    #[test]
    fn octets_that_parse_as_a_control_message_are_rebuilt_exactly(
        message in control_message(), at: prop::sample::Index, flip in 1..=255u8,
    ) {
        let mut octets = message.octets().unwrap();
        let at = at.index(octets.len());
        octets[at] ^= flip;
        if let Ok(parsed) = ControlMessage::parse(&octets) {
            prop_assert_eq!(parsed.octets().unwrap(), octets);
        }
    }

    #[test]
    fn gre_packets_round_trip(packet in gre_packet()) {
        prop_assert_eq!(GrePacket::parse(&packet.octets().unwrap()).unwrap(), packet);
    }

    #[test]
    fn radius_packets_round_trip(packet in radius_packet()) {
        prop_assert_eq!(RadiusPacket::parse(&packet.octets().unwrap()), Ok(packet));
    }

    #[test]
    fn what_is_encapsulated_comes_out_again(
        from in endpoint(), to in endpoint(), identification: u16, packet in packet(), padding in 0..20_usize,
    ) {
        let mut frame = encapsulate(&from, &to, identification, &packet).unwrap();
        frame.resize(frame.len() + padding, 0);
        prop_assert_eq!(decapsulate(&frame).unwrap(), Decapsulated { from, to, packet });
    }

    #[test]
    fn a_damaged_frame_never_panics_and_what_parses_is_stable(
        packet in packet(), at: prop::sample::Index, flip in 1..=255u8,
    ) {
        let mut frame = frame(&packet);
        let at = at.index(frame.len());
        frame[at] ^= flip;
        match decapsulate(&frame) {
            Ok(parsed) => {
                let again = encapsulate(&parsed.from, &parsed.to, 1, &parsed.packet).unwrap();
                prop_assert_eq!(decapsulate(&again).unwrap(), parsed);
            }
            Err(error) => prop_assert!(error.offset <= frame.len()),
        }
    }

    #[test]
    fn a_damaged_message_in_udp_never_passes(
        message in control_message(), radius in radius_datagram(), at: prop::sample::Index, bit in 0..8_u8,
    ) {
        for packet in [BackbonePacket::Control(message), BackbonePacket::Radius(radius)] {
            let mut frame = frame(&packet);
            let at = 14 + at.index(frame.len() - 14);
            frame[at] ^= 1 << bit;
            prop_assert!(decapsulate(&frame).is_err());
        }
    }
}
