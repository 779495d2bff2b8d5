use proptest::prelude::*;

use super::*;
use crate::dot16::backbone::Compound::{AkContext, BsInfo, MsInfo};
use crate::dot16::backbone::{NodeIdentifier, TlvLookup, asn_code};
use crate::dot16::identifiers::{AkId, Bsid, CmacKeyCount};

const MS: MsMac = MsMac([0x00, 0x11, 0x22, 0x33, 0x44, 0x55]);

fn octets_of(text: &str) -> Vec<u8> {
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

/// Worked example 7.7 of `dot16-wire.md`.
fn context_rpt() -> (ControlMessage, Vec<u8>) {
    let mut ak = [0; 20];
    ak.copy_from_slice(&octets_of("00112233445566778899aabbccddeeff01234567"));
    let context = AsnTlv::AkContext(vec![
        AsnTlv::Ak(ak),
        AsnTlv::AkId(AkId([0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8])),
        AsnTlv::AkLifetime(3600),
        AsnTlv::AkSn(1),
        AsnTlv::CmacKeyCount(CmacKeyCount(5)),
        AsnTlv::PnCounter(0),
        AsnTlv::RxPnCounter(0),
    ]);
    let purpose = AsnTlv::ContextPurpose(asn_code::context_purpose::MS_AK_CONTEXT);
    let message = ControlMessage::new(MessageKind::ContextRpt, MS, 4, vec![purpose, AsnTlv::MsInfo(vec![context])]);
    let octets = octets_of(
        "01 00 04 42 00 6b  00 11 22 33 44 55  00 00 00 00  00 04  00 00
         00 24 00 04 80 00 00 00
         00 67 00 4b
           00 06 00 47
             00 05 00 14 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff 01 23 45 67
             00 07 00 08 a1 a2 a3 a4 a5 a6 a7 a8
             00 08 00 04 00 00 0e 10
             00 09 00 01 01
             00 22 00 02 00 05
             00 88 00 04 00 00 00 00   00 a6 00 04 00 00 00 00",
    );
    (message, octets)
}

/// Worked example 7.8 of `dot16-wire.md`, the update.
fn update() -> (ControlMessage, Vec<u8>) {
    let tlvs = vec![
        AsnTlv::MsInfo(vec![AsnTlv::AkContext(vec![AsnTlv::CmacKeyCount(CmacKeyCount(6))])]),
        AsnTlv::BsInfo(vec![AsnTlv::BsId(NodeIdentifier::Octets6([0x0a, 0, 0, 0, 0, 2]))]),
    ];
    let octets = octets_of(
        "01 00 04 24 00 30  00 11 22 33 44 55  00 00 00 00  00 05  00 00
         00 67 00 0a  00 06 00 06  00 22 00 02 00 06
         00 1a 00 0a  00 19 00 06  0a 00 00 00 00 02",
    );
    (ControlMessage::new(MessageKind::CmacKeyCountUpdate, MS, 5, tlvs), octets)
}

/// Worked example 7.8 of `dot16-wire.md`, the acknowledgement.
fn update_ack() -> (ControlMessage, Vec<u8>) {
    let octets = octets_of("01 00 04 65 00 14  00 11 22 33 44 55  00 00 00 00  00 05  00 00");
    (ControlMessage::new(MessageKind::CmacKeyCountUpdateAck, MS, 5, Vec::new()), octets)
}

#[test]
fn the_worked_examples_parse_and_build_octet_for_octet() {
    for ((message, octets), length) in [(context_rpt(), 107), (update(), 48), (update_ack(), 20)] {
        assert_eq!(octets.len(), length);
        assert_eq!(ControlMessage::parse(&octets).unwrap(), message);
        assert_eq!(message.octets().unwrap(), octets);
    }
}

#[test]
fn the_worked_examples_are_read_by_lookup() {
    let context = context_rpt().0;
    let ak_context = context.tlvs.inside(MsInfo).inside(AkContext);
    assert_eq!(ak_context.ak_lifetime(), Some(3600));
    assert_eq!(ak_context.cmac_key_count(), Some(CmacKeyCount(5)));
    assert_eq!(update().0.tlvs.inside(BsInfo).bs_id().unwrap().bsid(), Some(Bsid([0x0a, 0, 0, 0, 0, 2])));
}

#[test]
fn every_prefix_is_an_error_at_an_octet_that_exists_or_the_end() {
    for (_, octets) in [context_rpt(), update(), update_ack()] {
        for length in 0..octets.len() {
            let error = ControlMessage::parse(&octets[..length]).unwrap_err();
            let offset = if length < HEADER_OCTETS { length } else { LENGTH_OFFSET };
            assert_eq!((error.layer, error.offset), (LAYER, offset), "{length} octets: {error}");
        }
    }
}

#[test]
fn every_prefix_with_its_own_length_is_whole_or_an_error_in_a_tlv() {
    for (_, octets) in [context_rpt(), update()] {
        for length in HEADER_OCTETS..octets.len() {
            let mut prefix = octets[..length].to_vec();
            prefix[LENGTH_OFFSET..6].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            match ControlMessage::parse(&prefix) {
                Ok(message) => assert_eq!(message.octets().unwrap(), prefix),
                Err(error) => {
                    assert_eq!(error.layer, "ASN TLV");
                    assert!((HEADER_OCTETS..=length).contains(&error.offset), "{error}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_version_or_length_is_named_with_its_octet() {
    let (_, octets) = update_ack();
    let broken = |at: usize, value: u8| {
        let mut octets = octets.clone();
        octets[at] = value;
        ControlMessage::parse(&octets).unwrap_err().to_string()
    };
    assert_eq!(broken(0, 2), "ASN control message, octet 0: expected version 1, found version 2");
    let length = "ASN control message, octet 4: expected length 20, the octets of the message, found length";
    assert_eq!(broken(5, 19), format!("{length} 19"));
    assert_eq!(broken(5, 21), format!("{length} 21"));
    let mut longer = octets.clone();
    longer.push(0);
    assert_eq!(ControlMessage::parse(&longer).unwrap_err().offset, LENGTH_OFFSET);
}

#[test]
fn every_message_of_the_table_has_its_octets_and_name() {
    let table: [([u8; 2], &str); 33] = [
        ([0x02, 0x21], "HO_Req"),
        ([0x02, 0x42], "HO_Rsp"),
        ([0x02, 0x63], "HO_Ack"),
        ([0x02, 0x24], "HO_Cnf"),
        ([0x02, 0x25], "HO_Complete"),
        ([0x03, 0x21], "Path_Dereg_Req"),
        ([0x03, 0x42], "Path_Dereg_Rsp"),
        ([0x03, 0x63], "Path_Dereg_Ack"),
        ([0x03, 0x24], "Path_Modification_Req"),
        ([0x03, 0x45], "Path_Modification_Rsp"),
        ([0x03, 0x66], "Path_Modification_Ack"),
        ([0x03, 0x27], "Path_Prereg_Req"),
        ([0x03, 0x48], "Path_Prereg_Rsp"),
        ([0x03, 0x69], "Path_Prereg_Ack"),
        ([0x03, 0x2a], "Path_Reg_Req"),
        ([0x03, 0x4b], "Path_Reg_Rsp"),
        ([0x03, 0x6c], "Path_Reg_Ack"),
        ([0x04, 0x21], "Context_Req"),
        ([0x04, 0x42], "Context_Rpt"),
        ([0x04, 0x63], "Context_Ack"),
        ([0x04, 0x24], "CMAC_Key_Count_Update"),
        ([0x04, 0x65], "CMAC_Key_Count_Update_ACK"),
        ([0x08, 0x21], "AR_EAP_Start"),
        ([0x08, 0x22], "AR_EAP_Transfer"),
        ([0x09, 0x21], "MS_PreAttachment_Req"),
        ([0x09, 0x42], "MS_PreAttachment_Rsp"),
        ([0x09, 0x63], "MS_PreAttachment_Ack"),
        ([0x09, 0x24], "MS_Attachment_Req"),
        ([0x09, 0x45], "MS_Attachment_Rsp"),
        ([0x09, 0x66], "MS_Attachment_Ack"),
        ([0x09, 0x27], "Key_Change_Directive"),
        ([0x09, 0x48], "Key_Change_Cnf"),
        ([0x09, 0x69], "Key_Change_Ack"),
    ];
    assert_eq!(MessageKind::NAMED.len(), table.len());
    for (octets, name) in table {
        let kind = MessageKind::from_octets(octets);
        assert_eq!((kind.name(), kind.octets()), (name, octets));
    }
}

#[test]
fn every_pair_of_octets_is_a_kind_and_comes_back() {
    for pair in 0..=u16::MAX {
        let octets = pair.to_be_bytes();
        assert_eq!(MessageKind::from_octets(octets).octets(), octets);
    }
}

#[test]
fn an_unknown_message_survives_and_shows_its_numbers() {
    let (_, mut octets) = update_ack();
    octets[2..4].copy_from_slice(&[0x04, 0x86]);
    let message = ControlMessage::parse(&octets).unwrap();
    assert_eq!(message.kind, MessageKind::Other { function: 4, operation: 4, number: 6 });
    assert_eq!(message.kind.to_string(), "ASN message (function 4, operation 4, number 6)");
    assert_eq!(message.octets().unwrap(), octets);
}

#[test]
fn flags_and_reserved_fields_are_kept_as_found() {
    let octets = octets_of("01 03 04 65 00 14  00 11 22 33 44 55  de ad be ef  ff ff  ca fe");
    let message = ControlMessage::parse(&octets).unwrap();
    assert_eq!(message.flags, FLAG_IDENTIFIERS | FLAG_RESET_TRANSACTION);
    assert_eq!((message.reserved1, message.transaction, message.reserved2), (0xdead_beef, 0xffff, 0xcafe));
    assert_eq!(message.octets().unwrap(), octets);
}

#[test]
fn a_message_longer_than_its_length_field_can_say_is_an_error() {
    let with = |octets| vec![AsnTlv::EapPayload(vec![0; octets])];
    let largest = ControlMessage::new(MessageKind::ArEapTransfer, MS, 1, with(65535 - 20 - 4));
    assert_eq!(ControlMessage::parse(&largest.octets().unwrap()).unwrap(), largest);
    let error = ControlMessage::new(MessageKind::ArEapTransfer, MS, 1, with(65535 - 20 - 3)).octets().unwrap_err();
    assert_eq!((error.layer, error.offset), (LAYER, LENGTH_OFFSET));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_octets_never_panic(tail in prop::collection::vec(any::<u8>(), 0..200), framed: bool) {
        let mut octets = tail;
        if framed && octets.len() >= HEADER_OCTETS {
            let length = u16::try_from(octets.len()).unwrap().to_be_bytes();
            octets[0] = VERSION;
            octets[LENGTH_OFFSET..6].copy_from_slice(&length);
        }
        match ControlMessage::parse(&octets) {
            Ok(message) => prop_assert_eq!(message.octets().unwrap(), octets),
            Err(error) => prop_assert!(error.offset <= octets.len()),
        }
    }
}
