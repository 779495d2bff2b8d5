//! What every message of this folder does.

use proptest::prelude::*;

use super::super::damage::survives;
use super::*;
use crate::eps::identifiers::{Gummei, Guti, MTmsi, MmeCode, MmeGroupId, Plmn, Tac, Tai};
use crate::eps::parameters::{AlgorithmId, HandoverParameters, Indication};

fn guti() -> Guti {
    let gummei = Gummei { plmn: Plmn([0x00, 0xf1, 0x10]), group: MmeGroupId(0x8001), code: MmeCode(1) };
    Guti { gummei, m_tmsi: MTmsi(0xc000_0001) }
}

fn capability() -> UeCapability {
    let set = AlgorithmSet::of(&[AlgorithmId::Null, AlgorithmId::Snow3g, AlgorithmId::Aes]);
    UeCapability { ciphering: set, integrity: set, further: Vec::new() }
}

fn tai() -> Tai {
    Tai { plmn: Plmn([0x00, 0xf1, 0x10]), tac: Tac(1) }
}

/// One of each, with the octets that another encoder makes of the same values.
fn samples() -> Vec<(EmmMessage, &'static str)> {
    let imsi = EpsMobileIdentity::Imsi("001010000000001".parse().unwrap());
    let parameters = HandoverParameters { indication: Indication::Mme, para: vec![0xaa, 0xbb] };
    let container = GenericContainer::of_handover_parameters(&parameters).unwrap();
    let key_set = NasKsi::new(2);
    let esm = esm::pdn_connectivity_request(1).to_vec();
    let aes = NasAlgorithms { ciphering: AlgorithmId::Aes, integrity: AlgorithmId::Aes };
    vec![
        (
            EmmMessage::AttachRequest {
                attach_type: 1,
                key_set: NasKsi::NONE,
                identity: imsi,
                capability: capability(),
                esm,
                elements: Vec::new(),
            },
            "07417108091010000000001002e0e000040201d011",
        ),
        (
            EmmMessage::AttachAccept {
                result: 1,
                t3412: 0x49,
                tai: tai(),
                esm: esm::activate_default_bearer_request(1, [10, 0, 0, 1]).to_vec(),
                guti: Some(guti()),
            },
            "07420149060000f110000100105201c1010904036c746505010a000001500bf600f110800101c0000001",
        ),
        (EmmMessage::AttachReject { cause: EmmCause::NETWORK_FAILURE }, "074411"),
        (EmmMessage::TrackingAreaUpdateReject { cause: EmmCause::IDENTITY_UNKNOWN }, "074b09"),
        (EmmMessage::AuthenticationFailure { cause: EmmCause::MAC_FAILURE, auts: None }, "075c14"),
        (
            EmmMessage::AuthenticationFailure { cause: EmmCause::SYNCH_FAILURE, auts: Some([0x44; 14]) },
            "075c15300e4444444444444444444444444444",
        ),
        (EmmMessage::AuthenticationReject, "0754"),
        (EmmMessage::AttachComplete { esm: esm::activate_default_bearer_accept().to_vec() }, "074300035200c2"),
        (
            EmmMessage::DetachRequest {
                detach_type: DetachType { switch_off: true, kind: 1 },
                key_set,
                identity: EpsMobileIdentity::Guti(guti()),
            },
            "0745290bf600f110800101c0000001",
        ),
        (EmmMessage::NetworkDetachRequest { detach_type: 2 }, "074502"),
        (EmmMessage::DetachAccept, "0746"),
        (
            EmmMessage::TrackingAreaUpdateRequest { update_type: 0, key_set, old_guti: guti(), from_utran: None },
            "0748200bf600f110800101c0000001",
        ),
        (
            EmmMessage::TrackingAreaUpdateRequest {
                update_type: 8,
                key_set: NasKsi::NONE,
                old_guti: guti(),
                from_utran: Some(UpdateFromUtran { key_set: 2, nonce: 0x0102_0304, capability: capability() }),
            },
            "0748780bf600f110800101c00000018255010203045802e0e0e1",
        ),
        (
            EmmMessage::TrackingAreaUpdateAccept { result: 0, guti: Some(guti()), tai: Some(tai()) },
            "074900500bf600f110800101c000000154060000f1100001",
        ),
        (EmmMessage::TrackingAreaUpdateAccept { result: 0, guti: None, tai: None }, "074900"),
        (EmmMessage::TrackingAreaUpdateComplete, "074a"),
        (
            EmmMessage::AuthenticationRequest { key_set, rand: [0x11; 16], autn: [0x22; 16] },
            "075202111111111111111111111111111111111022222222222222222222222222222222",
        ),
        (EmmMessage::AuthenticationResponse { res: vec![0x33; 8] }, "0753083333333333333333"),
        (
            EmmMessage::SecurityModeCommand {
                algorithms: aes,
                key_set,
                capability: capability(),
                nonces: None,
                hash: None,
                elements: Vec::new(),
            },
            "075d220202e0e0",
        ),
        (
            EmmMessage::SecurityModeCommand {
                algorithms: aes,
                key_set: NasKsi::mapped(2),
                capability: capability(),
                nonces: Some(Nonces { ue: 0x0102_0304, mme: 0x0506_0708 }),
                hash: None,
                elements: Vec::new(),
            },
            "075d220a02e0e055010203045605060708",
        ),
        (
            EmmMessage::SecurityModeCommand {
                algorithms: aes,
                key_set,
                capability: capability(),
                nonces: None,
                hash: Some([0x55; 8]),
                elements: vec![
                    FurtherElement::new(element::TAG_SEALED, [1, 2, 3]),
                    FurtherElement::public_key(1, &[4, 5]),
                    FurtherElement::new(element::TAG_SIGNATURE, []),
                ],
            },
            "075d220202e0e04f0855555555555555557b00030102037c00030104057d0000",
        ),
        (EmmMessage::SecurityModeComplete { elements: Vec::new() }, "075e"),
        (
            EmmMessage::SecurityModeComplete { elements: vec![FurtherElement::new(element::TAG_SEALED, [9])] },
            "075e7b000109",
        ),
        (EmmMessage::SecurityModeReject { cause: 23 }, "075f17"),
        (EmmMessage::DownlinkGenericTransport(container.clone()), "076880000301aabb"),
        (EmmMessage::UplinkGenericTransport(container), "076980000301aabb"),
    ]
}

#[test]
fn the_octets_of_every_message_are_those_of_the_standard() {
    for (message, octets) in samples() {
        assert_eq!(hex::encode(message.octets().unwrap()), octets, "{message:?}");
    }
}

#[test]
fn every_message_goes_round_and_survives_damage_plain_and_protected() {
    for (message, _) in samples() {
        let octets = message.octets().unwrap();
        assert_eq!(EmmMessage::parse(&octets).unwrap(), message);
        // A cut may leave a whole message without its optional fields, and that of a network from one of the UE.
        let shorter = matches!(
            message,
            EmmMessage::AttachAccept { .. }
                | EmmMessage::TrackingAreaUpdateAccept { .. }
                | EmmMessage::DetachRequest { .. }
                | EmmMessage::TrackingAreaUpdateRequest { .. }
                | EmmMessage::SecurityModeCommand { .. }
                | EmmMessage::SecurityModeComplete { .. }
                | EmmMessage::AuthenticationFailure { .. }
        );
        survives(&octets, shorter, |octets| EmmMessage::parse(octets).is_ok());
        let mac = [1, 2, 3, 4];
        let header = SecurityHeader::IntegrityCiphered;
        let protected = ProtectedNas { header, mac, sequence_number: 5, message: octets.clone() };
        assert_eq!(protected.integrity_input(), [&[5], &octets[..]].concat());
        let protected = NasMessage::Protected(protected);
        let whole = protected.octets().unwrap();
        assert_eq!(whole, [&[0x27, 1, 2, 3, 4, 5], &octets[..]].concat());
        assert_eq!(NasMessage::parse(&whole).unwrap(), protected);
        survives(&whole, true, |octets| NasMessage::parse(octets).is_ok());
        assert_eq!(NasMessage::parse(&octets).unwrap(), NasMessage::Plain(message));
    }
}

#[test]
fn errors_say_where_and_what() {
    let refused = |octets: &[u8]| NasMessage::parse(octets).unwrap_err().to_string();
    assert_eq!(
        refused(&[7, 0x99]),
        "EMM message, octet 1: expected the type of a message that is carried here, found 1 octet 99"
    );
    assert_eq!(refused(&[7, 0x5e, 0]), "EMM message, octet 2: expected the end, found 1 octet 00");
    assert_eq!(
        refused(&[0x57, 1]),
        "protected NAS message, octet 0: expected security header type 1 to 4 and protocol 7, found 2 octets 57 01"
    );
    assert_eq!(
        refused(&[7, 0x53, 3, 0, 0, 0]),
        "EMM message, octet 2: expected a length of 4 to 16, found 4 octets 03 00 00 00"
    );
    let other = GenericContainer { container_type: 1, content: vec![1] };
    assert_eq!(
        other.handover_parameters().unwrap_err().to_string(),
        "generic NAS transport, octet 2: expected container type 80, found 01"
    );
}

#[test]
fn what_has_no_room_is_not_written() {
    let long = UeCapability { further: vec![0; 4], ..capability() };
    let aes = NasAlgorithms { ciphering: AlgorithmId::Aes, integrity: AlgorithmId::Aes };
    let messages = [
        EmmMessage::SecurityModeCommand {
            algorithms: aes,
            key_set: NasKsi::new(0),
            capability: long,
            nonces: None,
            hash: None,
            elements: Vec::new(),
        },
        EmmMessage::SecurityModeComplete { elements: vec![FurtherElement::new(0x77, [])] },
        EmmMessage::SecurityModeComplete { elements: vec![FurtherElement::new(0x78, []); 9] },
        EmmMessage::SecurityModeComplete { elements: vec![FurtherElement::new(0x78, [0; 4097])] },
        EmmMessage::AuthenticationResponse { res: vec![0; 17] },
        EmmMessage::NetworkDetachRequest { detach_type: 8 },
        EmmMessage::AttachComplete { esm: vec![0; 65_536] },
        EmmMessage::UplinkGenericTransport(GenericContainer { container_type: 1, content: Vec::new() }),
    ];
    for message in messages {
        assert!(message.octets().is_err(), "{message:?}");
    }
    let empty =
        ProtectedNas { header: SecurityHeader::Integrity, mac: [0; 4], sequence_number: 0, message: Vec::new() };
    assert!(empty.octets().is_err());
}

#[test]
fn the_highest_bit_of_a_set_is_algorithm_0() {
    let set = AlgorithmSet::of(&[AlgorithmId::Null, AlgorithmId::Aes]);
    assert_eq!(set.0, 0xa0);
    assert!(set.contains(AlgorithmId::Aes) && !set.contains(AlgorithmId::Snow3g));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn fields_of_any_value_go_round(
        digits in "[0-9]{6,15}",
        further in proptest::collection::vec(any::<u8>(), 0..=11),
        esm in proptest::collection::vec(any::<u8>(), 0..20),
        ciphering: u8,
        key_set: u8,
        mapped: bool,
        attach_type in 0..8_u8,
        m_tmsi: u32,
        para in proptest::collection::vec(any::<u8>(), 0..=64),
    ) {
        let key_set = if mapped { NasKsi::mapped(key_set) } else { NasKsi::new(key_set) };
        let identity = EpsMobileIdentity::Imsi(digits.parse().unwrap());
        let elements: Vec<FurtherElement> =
            further.chunks(4).map(|content| FurtherElement::new(element::TAG_CERTIFICATE, content)).collect();
        let capability = UeCapability { ciphering: AlgorithmSet(ciphering), integrity: AlgorithmSet(0xe0), further };
        let attach =
            EmmMessage::AttachRequest { attach_type, key_set, identity, capability: capability.clone(), esm, elements };
        let update = EmmMessage::TrackingAreaUpdateRequest {
            update_type: attach_type,
            key_set,
            old_guti: Guti { m_tmsi: MTmsi(m_tmsi), ..guti() },
            from_utran: Some(UpdateFromUtran { key_set: attach_type, nonce: m_tmsi, capability }),
        };
        let parameters = HandoverParameters { indication: Indication::Mme, para };
        let container = GenericContainer::of_handover_parameters(&parameters).unwrap();
        prop_assert_eq!(container.handover_parameters().unwrap(), parameters);
        for message in [attach, update, EmmMessage::DownlinkGenericTransport(container)] {
            prop_assert_eq!(&EmmMessage::parse(&message.octets().unwrap()).unwrap(), &message);
        }
    }
}

#[test]
fn a_public_key_goes_into_protocol_configuration_options_if_it_is_short_enough() {
    // P10
    let key = |octets: usize| CarriedKey { network: Plmn([0x00, 0xf1, 0x10]), scheme: 1, key: vec![0xab; octets] };
    let short = esm::pdn_connectivity_request_with(1, &key(2)).unwrap();
    assert_eq!(hex::encode(&short), "0201d011270a80ff000600f11001abab");
    assert_eq!(esm::carried_key(&short), Some(key(2)));
    let longest = esm::pdn_connectivity_request_with(1, &key(element::MAX_CARRIED)).unwrap();
    assert_eq!(esm::carried_key(&longest), Some(key(element::MAX_CARRIED)));
    assert_eq!(esm::pdn_connectivity_request_with(1, &key(256)), None);
    assert_eq!(esm::carried_key(&esm::pdn_connectivity_request(1)), None);
    // Behind a container of another.
    let other = hex::decode("0201d011271080000d03080808ff000600f11001abab").unwrap();
    assert_eq!(esm::carried_key(&other), Some(key(2)));
    for length in 0..short.len() {
        assert_eq!(esm::carried_key(&short[..length]), None, "{length}");
    }
}

proptest! {
    #[test]
    fn no_octets_make_a_parser_panic(octets in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..6_usize) {
        let head = [&[][..], &[7, 0x41], &[7, 0x5d, 0x22, 1, 2, 0xa0, 0x20], &[7, 0x5e], &[2, 1, 0xd0, 0x11, 0x27], &[0x37]];
        let whole = [head[kind], &octets].concat();
        if let Ok(message) = NasMessage::parse(&whole) {
            prop_assert_eq!(NasMessage::parse(&message.octets().unwrap()).unwrap(), message);
        }
        if let Some(key) = esm::carried_key(&whole) {
            prop_assert!(key.key.len() <= 255);
        }
    }
}
