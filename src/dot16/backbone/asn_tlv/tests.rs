use super::*;
use crate::dot16::backbone::tlv_list::{append_list, parse_list};

/// Type, name and length of every value that is not a compound, as `dot16-wire.md` 5.3 and the dictionary give them.
const SINGLE: [(u16, &str, &[usize]); 43] = [
    (3, "Action Code", &[2]),
    (4, "Action Time", &[4]),
    (5, "AK", &[20]),
    (7, "AK ID", &[8]),
    (8, "AK Lifetime", &[4]),
    (9, "AK SN", &[1]),
    (10, "Anchor ASN GW ID / Anchor DPF Identifier", &[4, 6, 16]),
    (18, "Authentication Result", &[1]),
    (19, "Authenticator Identifier", &[4, 6, 16]),
    (25, "BS ID", &[4, 6, 16]),
    (29, "CID", &[2]),
    (34, "CMAC_KEY_COUNT", &[2]),
    (36, "Context Purpose Indicator", &[4]),
    (38, "Cryptographic Suite", &[4]),
    (42, "Data Path Encapsulation Type", &[1]),
    (44, "Data Path ID", &[4]),
    (69, "Failure Indication", &[1]),
    (76, "HO Confirm Type", &[1]),
    (78, "HO Process Optimization", &[1]),
    (79, "HO Type", &[4]),
    (86, "Key Change Indicator", &[1]),
    (133, "PMK SN", &[1]),
    (134, "PKM2 Message Code", &[1]),
    (136, "PN Counter", &[4]),
    (138, "Protocol", &[2]),
    (139, "Protocol Destination Port Range", &[4]),
    (140, "Protocol Source Port Range", &[4]),
    (145, "Registration Type", &[4]),
    (154, "Result Code", &[1]),
    (166, "RxPN Counter", &[4]),
    (169, "SAID", &[2]),
    (172, "SA Service Type", &[1]),
    (173, "SA Type", &[1]),
    (180, "Service Level Prediction", &[1]),
    (182, "Serving/Target Indicator", &[1]),
    (184, "SFID", &[4]),
    (187, "TEK", &[16]),
    (188, "TEK Lifetime", &[4]),
    (189, "TEK SN", &[1]),
    (203, "BS HO RSP Code", &[1]),
    (205, "HO ID", &[1]),
    (271, "Destination Identifier", &[4, 6, 16]),
    (272, "Source Identifier", &[4, 6, 16]),
];

const COMPOUND: [(u16, &str); 11] = [
    (6, "AK Context"),
    (26, "BS Info"),
    (45, "Data Path Info"),
    (103, "MS Info"),
    (107, "MS Security Context"),
    (108, "MS Security History"),
    (110, "Newer TEK Parameters"),
    (112, "Older TEK Parameters"),
    (114, "Packet Classification Rule / Media Flow Description"),
    (170, "SA Descriptor"),
    (185, "SF Info"),
];

fn one(kind: u16, value: &[u8]) -> (AsnTlv, Vec<u8>) {
    let length = u16::try_from(value.len()).unwrap();
    let octets = [kind.to_be_bytes().as_slice(), &length.to_be_bytes(), value].concat();
    let tlv = parse_list(&octets, 0).unwrap().remove(0);
    assert_eq!(tlv.kind(), kind);
    (tlv, octets)
}

fn written(tlv: &AsnTlv) -> Vec<u8> {
    let mut octets = Vec::new();
    append_list(std::slice::from_ref(tlv), &mut octets).unwrap();
    octets
}

#[test]
fn every_single_tlv_is_typed_at_its_lengths_and_other_at_all_others() {
    assert_eq!(SINGLE_KINDS, SINGLE.map(|(kind, name, _)| (kind, name)));
    for (kind, name, lengths) in SINGLE {
        for length in 0..=24_usize {
            let value: Vec<u8> = (1..=24).take(length).collect();
            let (tlv, octets) = one(kind, &value);
            let expected = if lengths.contains(&length) { name } else { "other" };
            assert_eq!(tlv.name(), expected, "type {kind}, {length} octets");
            assert_eq!(written(&tlv), octets);
        }
    }
}

#[test]
fn every_compound_holds_tlvs_and_is_found() {
    assert_eq!(Compound::ALL.len(), COMPOUND.len());
    for ((kind, name), compound) in COMPOUND.into_iter().zip(Compound::ALL) {
        let (tlv, octets) = one(kind, &[0, 9, 0, 1, 3]);
        assert_eq!((tlv.name(), Compound::from_kind(kind)), (name, Some(*compound)));
        assert_eq!(tlv, compound.holding(vec![AsnTlv::AkSn(3)]));
        assert_eq!([tlv.clone()].inside(*compound), [AsnTlv::AkSn(3)]);
        assert_eq!(written(&tlv), octets);
    }
}

#[test]
fn numbers_are_most_significant_octet_first() {
    assert_eq!(one(34, &[1, 2]).0, AsnTlv::CmacKeyCount(CmacKeyCount(0x0102)));
    assert_eq!(one(44, &[1, 2, 3, 4]).0, AsnTlv::DataPathId(0x0102_0304));
    assert_eq!(one(3, &[0, 2]).0, AsnTlv::ActionCode(2));
}

#[test]
fn an_eap_packet_and_a_vendor_tlv_have_any_length() {
    assert_eq!(one(62, &[]).0, AsnTlv::EapPayload(Vec::new()));
    assert_eq!([one(62, &[2, 1, 0, 4]).0].eap_payload(), Some([2, 1, 0, 4].as_slice()));
    assert_eq!(one(261, &[1, 2, 3]).0, AsnTlv::VendorSpecific { vendor: [1, 2, 3], octets: Vec::new() });
    assert_eq!(one(261, &[1, 2, 3, 4]).0, AsnTlv::VendorSpecific { vendor: [1, 2, 3], octets: vec![4] });
    assert_eq!(one(261, &[1, 2]).0, AsnTlv::Other { kind: 261, value: vec![1, 2] });
}

#[test]
fn an_unknown_type_survives() {
    for kind in [0, 1, 35, 0x1234, 0xffff] {
        let (tlv, octets) = one(kind, &[9, 8, 7]);
        assert_eq!(tlv, AsnTlv::Other { kind, value: vec![9, 8, 7] });
        assert_eq!(written(&tlv), octets);
    }
}

#[test]
fn lookup_takes_the_first_of_its_kind_and_does_not_descend() {
    let tlvs = [
        AsnTlv::SfInfo(vec![AsnTlv::Sfid(Sfid(1)), AsnTlv::Cid(Cid(0x300))]),
        AsnTlv::Cid(Cid(9)),
        AsnTlv::Cid(Cid(10)),
        AsnTlv::SfInfo(vec![AsnTlv::Sfid(Sfid(2))]),
    ];
    assert_eq!(tlvs.cid(), Some(Cid(9)));
    assert_eq!(tlvs.sfid(), None);
    assert_eq!(tlvs.inside(Compound::SfInfo).sfid(), Some(Sfid(1)));
    let flows: Vec<_> = tlvs.each(Compound::SfInfo).map(TlvLookup::sfid).collect();
    assert_eq!(flows, [Some(Sfid(1)), Some(Sfid(2))]);
    assert!(tlvs.inside(Compound::MsInfo).is_empty() && !tlvs.has(Compound::MsInfo));
    assert!([AsnTlv::MsInfo(Vec::new())].has(Compound::MsInfo));
}

#[test]
fn keys_are_never_printed() {
    let secret = AsnTlv::Ak([0xa5; 20]);
    let tek = AsnTlv::Tek([0xa5; 16]);
    let odd = AsnTlv::Other { kind: 187, value: vec![0xa5; 24] };
    assert_eq!(
        format!("{:?}", [secret, tek, odd]),
        "[Ak(<redacted>), Tek(<redacted>), Other { kind: 187, octets: 24 }]"
    );
}
