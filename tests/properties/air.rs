//! The air interface: every value comes back, and any octets are a value or an error.

use proptest::collection::vec;
use proptest::prelude::*;

use keyhop::dot16::wire::*;
use keyhop_generators::eap::{eap_packet, eap_tls_data};
use keyhop_generators::mac_pdu::{fragmentation_subheader, header, packed_body, packed_pieces};
use keyhop_generators::management::management_message;

use crate::config;

/// Types of the messages that are decoded.
const DECODED: [u8; 14] = [4, 5, 6, 7, 9, 10, 26, 27, 29, 49, 53, 57, 58, 59];

/// What has to hold for whatever octets were taken for a management message.
fn reads_back(octets: &[u8]) -> Result<(), TestCaseError> {
    let message = match ManagementMessage::parse(octets) {
        Ok(message) => message,
        Err(error) => {
            prop_assert!(error.offset <= octets.len(), "{}", error);
            return Ok(());
        }
    };
    match message.octets() {
        Ok(written) => {
            prop_assert_eq!(ManagementMessage::parse(&written), Ok(message));
            // Only a longer form of a length can be lost.
            prop_assert!(written.len() < octets.len() || written == octets);
        }
        // Only an empty TLV can be read and not be written.
        Err(error) => {
            prop_assert_eq!(error.layer, "TLV");
            prop_assert_eq!(error.found, "an empty one");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(2048))]

    #[test]
    fn headers_round_trip(header in header()) {
        prop_assert_eq!(GenericMacHeader::parse(&header.octets()), Ok(header));
    }

    #[test]
    fn six_octets_that_are_a_header_are_written_back(octets: [u8; 5]) {
        let octets = [octets[0] & 0x7f, octets[1], octets[2], octets[3], octets[4], 0];
        let octets = [octets[0], octets[1], octets[2], octets[3], octets[4], hcs(&octets[..5].try_into().unwrap())];
        prop_assert_eq!(GenericMacHeader::parse(&octets).unwrap().octets(), octets);
    }

    #[test]
    fn fragmentation_subheaders_round_trip((subheader, extended) in fragmentation_subheader(), rest: Vec<u8>) {
        let mut octets = subheader.octets(extended).unwrap();
        octets.extend(&rest);
        prop_assert_eq!(FragmentationSubheader::parse(&octets, extended), Ok((subheader, &rest[..])));
    }

    #[test]
    fn packed_bodies_round_trip((pieces, extended) in packed_pieces()) {
        let body = packed_body(&pieces, extended);
        let expected: Vec<(PackingSubheader, &[u8])> = pieces
            .iter()
            .map(|(control, fsn, piece)| {
                let length = u16::try_from(piece.len() + PackingSubheader::size(extended)).unwrap();
                (PackingSubheader { control: *control, fsn: *fsn, length }, &piece[..])
            })
            .collect();
        prop_assert_eq!(PackingSubheader::parse_all(&body, extended), Ok(expected));
        if let Some(cut) = body.len().checked_sub(1) {
            prop_assert!(PackingSubheader::parse_all(&body[..cut], extended).is_err());
        }
    }

    #[test]
    fn pdus_round_trip(header in header(), body in vec(any::<u8>(), 0..300), form in 0..3_usize, rest: Vec<u8>) {
        let form = [None, Some(CrcForm::MsbFirst), Some(CrcForm::Ofdma)][form];
        let mut octets = MacPdu::build(header, &body, form).unwrap();
        let length = octets.len();
        octets.extend(rest);
        let pdu = MacPdu::parse(&octets).unwrap();
        prop_assert_eq!(pdu.octets, &octets[..length]);
        prop_assert_eq!((pdu.body, pdu.crc_form()), (&body[..], form));
        let header = GenericMacHeader { length: pdu.header.length, crc_present: form.is_some(), ..header };
        prop_assert_eq!(pdu.header, header);
    }

    #[test]
    fn eap_packets_round_trip(packet in eap_packet(), data in eap_tls_data()) {
        prop_assert_eq!(EapPacket::parse(&packet.octets().unwrap()), Ok(packet));
        prop_assert_eq!(EapTlsData::parse(&data.octets().unwrap()), Ok(data));
    }

    #[test]
    fn encrypted_bodies_round_trip(pn: u32, ciphertext: Vec<u8>, icv: [u8; 8]) {
        let body = EncryptedBody { pn, ciphertext: &ciphertext, icv };
        let octets = body.octets();
        prop_assert_eq!(EncryptedBody::parse(&octets), Ok(body));
    }

    #[test]
    fn a_bit_error_anywhere_is_noticed(body in vec(any::<u8>(), 1..40), bit: prop::sample::Index) {
        let header = GenericMacHeader::new(keyhop::dot16::identifiers::Cid(5));
        let mut octets = MacPdu::build(header, &body, Some(CrcForm::MsbFirst)).unwrap();
        let bit = bit.index(octets.len() * 8);
        octets[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(MacPdu::parse(&octets).map_or(true, |pdu| pdu.crc_form().is_none()));
    }

    #[test]
    fn messages_round_trip(message in management_message()) {
        let octets = message.octets().unwrap();
        let parsed = ManagementMessage::parse(&octets);
        prop_assert_eq!(parsed.as_ref(), Ok(&message));
        prop_assert_eq!(octets.first(), Some(&message.message_type()));
        if let Some(tuple) = message.cmac_tuple() {
            prop_assert!(protected_part(&octets, &tuple).is_some());
        }
    }

    #[test]
    fn damaged_messages_never_panic_and_read_back(
        message in management_message(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut: prop::sample::Index,
    ) {
        let mut octets = message.octets().unwrap();
        for (place, value) in damage {
            let place = place.index(octets.len());
            octets[place] = value;
        }
        reads_back(&octets)?;
        reads_back(&octets[..cut.index(octets.len())])?;
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in vec(any::<u8>(), 0..200)) {
        reads_back(&octets)?;
        for kind in DECODED {
            let mut message = vec![kind];
            message.extend(&octets);
            reads_back(&message)?;
        }
        let pdus: Vec<_> = MacPdu::burst(&octets).collect();
        prop_assert!(pdus.iter().rev().skip(1).all(Result::is_ok), "an error is the last item");
        prop_assert!(EncryptedBody::parse(&octets).is_ok() == (octets.len() >= EncryptedBody::OVERHEAD));
        let _ = FragmentationSubheader::parse(&octets, true);
        for extended in [false, true] {
            if let Ok(pieces) = PackingSubheader::parse_all(&octets, extended) {
                let written: Vec<u8> = pieces
                    .iter()
                    .flat_map(|(subheader, piece)| [&subheader.octets(extended).unwrap(), *piece].concat())
                    .collect();
                prop_assert_eq!(written, &octets[..]);
            }
        }
        if let Ok(tlvs) = Tlv::parse_all(&octets, 0)
            && let Ok(written) = Tlv::octets_of_all(&tlvs)
        {
            prop_assert_eq!(Tlv::parse_all(&written, 0), Ok(tlvs));
        }
    }
}
