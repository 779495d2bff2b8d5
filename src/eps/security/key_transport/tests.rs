//! Vectors, damage, and every fault of a certificate.

use std::time::Duration;

use proptest::prelude::*;
use rand_core::SeedableRng;
use serde::Deserialize;

use super::certificate::{certified_signing, certified_transport, unchecked_transport};
use super::*;
use crate::time::VirtualTime;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

/// Of TS 33.501 Annex C.4.
#[derive(Deserialize)]
struct Vector {
    kind: String,
    hn_priv: String,
    hn_pub: String,
    eph_priv: String,
    eph_pub: String,
    shared: String,
    plain: String,
    cipher: String,
    tag: String,
}

fn random(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn pair(scheme: KeyTransport, seed: u64) -> PrivateKey {
    PrivateKey::generate(scheme, &mut random(seed)).unwrap()
}

fn kasme() -> Kasme {
    Kasme::from_octets(std::array::from_fn(|octet| octet as u8))
}

#[test]
fn the_vectors_of_the_standard_agree() {
    let text = include_str!("../../../../tests/vectors/eps-ecies.json");
    let Vectors { vectors } = serde_json::from_str(text).unwrap();
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let scheme = if vector.kind.starts_with("ECIES-A") { KeyTransport::EciesA } else { KeyTransport::EciesB };
        let of = |octets: &str| hex::decode(octets).unwrap();
        let home = PrivateKey::from_octets(scheme, &of(&vector.hn_priv)).unwrap();
        let ephemeral = PrivateKey::from_octets(scheme, &of(&vector.eph_priv)).unwrap();
        assert_eq!(home.public().octets(), of(&vector.hn_pub));
        assert_eq!(ephemeral.public().octets(), of(&vector.eph_pub));
        assert_eq!(home.agree(&ephemeral.public()).unwrap()[..], of(&vector.shared)[..]);
        let sealed = ecies_seal(&home.public(), &ephemeral, &of(&vector.plain)).unwrap();
        assert_eq!(hex::encode(&sealed), [vector.eph_pub, vector.cipher, vector.tag].concat());
        assert_eq!(ecies_open(&home, &sealed).unwrap(), of(&vector.plain));
    }
}

#[test]
fn a_key_gets_to_the_owner_of_the_public_key_and_to_nobody_else() {
    // P9, P10
    for scheme in KeyTransport::ALL {
        let (owner, other) = (pair(scheme, 1), pair(scheme, 2));
        assert_eq!(owner, pair(scheme, 1), "of the seed");
        assert_eq!(owner.public().octets().len(), scheme.public_octets());
        let sealed = seal(&owner.public(), &kasme(), &mut random(3)).unwrap();
        assert_eq!(sealed.len(), scheme.sealed_octets());
        assert_eq!(open(&owner, &sealed), Ok(kasme()));
        assert_eq!(open(&other, &sealed), Err(TransportError::Authentication));
        let again = seal(&owner.public(), &kasme(), &mut random(4)).unwrap();
        assert_ne!(sealed, again);
        let stored = PrivateKey::from_octets(scheme, &owner.octets()).unwrap();
        assert_eq!(open(&stored, &again), Ok(kasme()));
        let step = if scheme == KeyTransport::RsaOaep { 51 } else { 1 };
        for place in (0..sealed.len()).step_by(step) {
            let mut changed = sealed.clone();
            changed[place] ^= 0x10;
            assert!(open(&owner, &changed).is_err(), "{scheme:?} octet {place}");
        }
        let found = sealed.len() - 1;
        let short = TransportError::Length { expected: scheme.sealed_octets(), found };
        assert_eq!(open(&owner, &sealed[..found]), Err(short));
        assert!(!format!("{owner:?}").contains(&hex::encode(&owner.octets()[..4])));
    }
}

#[test]
fn points_of_small_order_and_octets_that_are_no_key_are_refused() {
    let zero = PublicKey::from_octets(KeyTransport::EciesA, &[0; 32]).unwrap();
    assert_eq!(seal(&zero, &kasme(), &mut random(1)), Err(TransportError::Key(KeyTransport::EciesA)));
    assert!(PublicKey::from_octets(KeyTransport::EciesB, &[2; 33]).is_ok());
    assert!(PublicKey::from_octets(KeyTransport::EciesB, &[5; 33]).is_err());
    assert!(PublicKey::from_octets(KeyTransport::RsaOaep, &[0xff; 259]).is_err());
    assert!(PrivateKey::from_octets(KeyTransport::RsaOaep, &[0xfe; 256]).is_err());
    assert!(PrivateKey::from_octets(KeyTransport::EciesB, &[0; 32]).is_err());
}

fn at(seconds: u64) -> VirtualTime {
    VirtualTime::ZERO + Duration::from_secs(seconds)
}

fn operator(seed: u64) -> Authority {
    Authority::new("operator-1", signature::signing_key(&mut random(seed)))
}

#[test]
fn a_certificate_vouches_for_the_key_of_an_me() {
    // P8
    for scheme in KeyTransport::ALL {
        let key = pair(scheme, 1).public();
        let mut operator = operator(9);
        let me = operator.certify_transport("001010000000001", &key, KeyUsage::KeyTransport, at(10)..=at(20)).unwrap();
        let anchors = [operator.anchor()];
        let check = |octets: &[u8], now, name| certified_transport(octets, &anchors, now, name);
        assert_eq!(check(&me, at(15), "001010000000001"), Ok(key.clone()));
        assert_eq!(check(&me, at(9), "001010000000001"), Err(CertificateError::NotYetValid));
        assert_eq!(check(&me, at(21), "001010000000001"), Err(CertificateError::Expired));
        assert_eq!(check(&me, at(15), "001010000000002"), Err(CertificateError::Name));
        assert_eq!(unchecked_transport(&me), Ok(key.clone()));
        let other = operator.certify_transport("001010000000001", &key, KeyUsage::Signature, at(10)..=at(20)).unwrap();
        assert_eq!(check(&other, at(15), "001010000000001"), Err(CertificateError::KeyUsage));
        assert_eq!(certified_transport(&me, &[], at(15), "001010000000001"), Err(CertificateError::UnknownIssuer));
        let mut impostor = Authority::new("operator-1", signature::signing_key(&mut random(10)));
        let forged =
            impostor.certify_transport("001010000000001", &key, KeyUsage::KeyTransport, at(10)..=at(20)).unwrap();
        assert_eq!(check(&forged, at(15), "001010000000001"), Err(CertificateError::Signature));
        assert_eq!(check(&me[1..], at(15), "001010000000001"), Err(CertificateError::Malformed));
        assert!(me.len() < 700, "{}", me.len());
    }
}

#[test]
fn a_certificate_and_a_signature_vouch_for_an_mme() {
    // P5
    let key = signature::signing_key(&mut random(5));
    let mut operator = operator(9);
    let mme = operator.certify_signing("mme.1", key.verifying_key(), KeyUsage::Signature, at(0)..=at(9)).unwrap();
    let anchors = [operator.anchor()];
    let found = certified_signing(&mme, &anchors, at(1), "mme.1").unwrap();
    let sealed = [7; 72];
    let command = SignedCommand {
        attach: Some(b"attach"),
        algorithms: 0x22,
        key_set: 1,
        capability: &[0xa0, 0x20],
        sealed: &sealed,
        mme_key: None,
    };
    let signature = command.sign(&key);
    assert_eq!(signature, command.sign(&key), "deterministic");
    assert!(command.is_signed(&found, &signature));
    assert!(!SignedCommand { attach: Some(b"another"), ..command }.is_signed(&found, &signature));
    assert!(!SignedCommand { algorithms: 0x02, ..command }.is_signed(&found, &signature));
    assert!(!SignedCommand { capability: &[0x80, 0x20], ..command }.is_signed(&found, &signature));
    assert!(!SignedCommand { sealed: &sealed[1..], ..command }.is_signed(&found, &signature));
    let other = signature::signing_key(&mut random(6));
    assert!(!command.is_signed(other.verifying_key(), &signature));
    assert!(!command.is_signed(&found, &signature[1..]));
    let wrong = operator.certify_signing("mme.1", key.verifying_key(), KeyUsage::KeyTransport, at(0)..=at(9)).unwrap();
    assert_eq!(certified_signing(&wrong, &anchors, at(1), "mme.1"), Err(CertificateError::KeyUsage));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_octets_make_anything_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        for scheme in [KeyTransport::EciesA, KeyTransport::EciesB] {
            prop_assert!(open(&pair(scheme, 1), &octets).is_err());
            let _ = PrivateKey::from_octets(scheme, &octets);
        }
        for scheme in KeyTransport::ALL {
            if let Ok(key) = PublicKey::from_octets(scheme, &octets) {
                let _ = seal(&key, &kasme(), &mut random(1));
            }
        }
        let _ = unchecked_transport(&octets);
    }

    #[test]
    fn primes_that_are_none_make_nothing_panic(mut octets in prop::collection::vec(any::<u8>(), 256)) {
        for place in [0, 128] {
            octets[place] |= 0x80;
            octets[place + 127] |= 1;
        }
        if let Ok(key) = PrivateKey::from_octets(KeyTransport::RsaOaep, &octets) {
            let _ = open(&key, &[1; 256]);
        }
    }

    #[test]
    fn a_certificate_with_a_changed_octet_is_refused(place in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let key = pair(KeyTransport::EciesA, 1).public();
        let mut operator = operator(9);
        let mut me = operator.certify_transport("1", &key, KeyUsage::KeyTransport, at(0)..=at(20)).unwrap();
        let place = place.index(me.len());
        me[place] ^= change;
        prop_assert!(certified_transport(&me, &[operator.anchor()], at(5), "1").is_err());
    }
}
