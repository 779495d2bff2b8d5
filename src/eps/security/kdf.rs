//! The key derivation function of TS 33.220 Annex B.2, and the derivations of TS 33.401 Annex A that are made of it.
//!
//! `KDF(key, S) = HMAC-SHA-256(key, S)` with `S = FC | P0 | L0 | P1 | L1 ...`, each length in two octets, most significant
//! first (`eps-systems.md` 0).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::eps::keys::{AlgorithmKey, Kasme, Kenb, KenbStar, Nh};

/// FC of KASME (TS 33.401 A.2).
pub const FC_KASME: u8 = 0x10;
/// FC of KeNB (A.3).
pub const FC_KENB: u8 = 0x11;
/// FC of NH (A.4).
pub const FC_NH: u8 = 0x12;
/// FC of KeNB* (A.5).
pub const FC_KENB_STAR: u8 = 0x13;
/// FC of the keys of algorithms (A.7).
pub const FC_ALGORITHM_KEY: u8 = 0x15;

/// Most octets that a parameter has: its length stands in two octets.
pub const MAX_PARAMETER: usize = 65_535;

/// A parameter is longer than its length field can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter {parameter}: expected at most {MAX_PARAMETER} octets, found {found}")]
pub struct ParameterTooLong {
    /// Its number, from 0.
    pub parameter: usize,
    /// Its octets.
    pub found: usize,
}

/// `HMAC-SHA-256(key, FC | P0 | L0 | P1 | L1 ...)`, 32 octets.
///
/// # Errors
/// A parameter of more than 65,535 octets.
pub fn kdf(key: &[u8], fc: u8, parameters: &[&[u8]]) -> Result<[u8; 32], ParameterTooLong> {
    // A key of any length is one.
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| <Hmac<Sha256> as KeyInit>::new(&[0; 64].into()));
    mac.update(&[fc]);
    for (parameter, octets) in parameters.iter().enumerate() {
        let found = octets.len();
        let length = u16::try_from(found).map_err(|_| ParameterTooLong { parameter, found })?;
        mac.update(octets);
        mac.update(&length.to_be_bytes());
    }
    Ok(mac.finalize().into_bytes().into())
}

/// The same where no parameter can be too long.
pub(super) fn short_kdf<const N: usize>(key: &[u8; 32], fc: u8, parameters: [&[u8]; N]) -> [u8; 32] {
    kdf(key, fc, &parameters).unwrap_or_default()
}

/// KASME from CK | IK, the identity of the serving network (PLMN, 3 octets) and SQN xor AK (A.2).
#[must_use]
pub fn kasme(ck: &[u8; 16], ik: &[u8; 16], sn_id: [u8; 3], sqn_xor_ak: [u8; 6]) -> Kasme {
    let mut key = zeroize::Zeroizing::new([0; 32]);
    key[..16].copy_from_slice(ck);
    key[16..].copy_from_slice(ik);
    Kasme::from_octets(short_kdf(&key, FC_KASME, [&sn_id, &sqn_xor_ak]))
}

/// KeNB from KASME and the uplink NAS COUNT (A.3).
#[must_use]
pub fn kenb(kasme: &Kasme, uplink_nas_count: u32) -> Kenb {
    Kenb::from_octets(short_kdf(kasme.octets(), FC_KENB, [&uplink_nas_count.to_be_bytes()]))
}

/// NH from KASME and what was there before: KeNB for the first, then the NH before (A.4).
#[must_use]
pub fn nh(kasme: &Kasme, sync_input: &[u8; 32]) -> Nh {
    Nh::from_octets(short_kdf(kasme.octets(), FC_NH, [sync_input]))
}

/// KeNB* from KeNB or NH, for the target cell: physical cell identity and downlink carrier, the latter in 2 octets, in 3 above
/// 65,535 (A.5).
#[must_use]
pub fn kenb_star(key: &[u8; 32], pci: u16, earfcn_dl: u32) -> KenbStar {
    let carrier = earfcn_dl.to_be_bytes();
    let carrier = if earfcn_dl > 0xffff { &carrier[1..] } else { &carrier[2..] };
    KenbStar::from_octets(short_kdf(key, FC_KENB_STAR, [&pci.to_be_bytes(), carrier]))
}

/// What an algorithm is for: P0 of the derivation of its key (A.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyUse {
    /// NAS ciphering.
    NasEnc = 1,
    /// NAS integrity.
    NasInt = 2,
    /// RRC ciphering.
    RrcEnc = 3,
    /// RRC integrity.
    RrcInt = 4,
    /// User plane ciphering.
    UpEnc = 5,
    /// User plane integrity.
    UpInt = 6,
}

/// The key of an algorithm, from KASME (NAS) or KeNB (RRC, UP): the last 16 of 32 octets (A.7).
#[must_use]
pub fn algorithm_key(key: &[u8; 32], key_use: KeyUse, algorithm: u8) -> AlgorithmKey {
    let derived = zeroize::Zeroizing::new(short_kdf(key, FC_ALGORITHM_KEY, [&[key_use as u8], &[algorithm]]));
    let [.., last] = derived.as_chunks().0 else { return AlgorithmKey::from_octets([0; 16]) };
    AlgorithmKey::from_octets(*last)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::eps::keys::CkIk;
    use crate::eps::security::inter_system;

    fn ck_ik(vector: &Value) -> CkIk {
        CkIk::from_octets([octets(vector, "ck"), octets(vector, "ik")].concat().try_into().unwrap())
    }

    fn octets(vector: &Value, name: &str) -> Vec<u8> {
        hex::decode(vector[name].as_str().unwrap_or_else(|| panic!("{name} of {vector}"))).unwrap()
    }

    fn number(vector: &Value, name: &str) -> u32 {
        u32::try_from(vector[name].as_u64().unwrap()).unwrap()
    }

    fn array<const N: usize>(vector: &Value, name: &str) -> [u8; N] {
        octets(vector, name).try_into().unwrap()
    }

    /// What a vector expects, computed through the function of its kind; its inputs to [`kdf`] for kinds of other systems.
    fn computed(vector: &Value) -> Vec<u8> {
        let of = |key: Vec<u8>, parameters: &[&[u8]]| {
            kdf(&key, u8::try_from(number(vector, "fc")).unwrap(), parameters).unwrap().to_vec()
        };
        match vector["kind"].as_str().unwrap() {
            "KASME" => {
                kasme(&array(vector, "ck"), &array(vector, "ik"), array(vector, "sn_id"), array(vector, "sqn_xor_ak"))
                    .octets()
                    .to_vec()
            }
            "KENB" => {
                kenb(&Kasme::from_octets(array(vector, "kasme")), number(vector, "ul_nas_count")).octets().to_vec()
            }
            "NH" => nh(&Kasme::from_octets(array(vector, "kasme")), &array(vector, "sync_input")).octets().to_vec(),
            "KENB_STAR" => {
                let pci = u16::try_from(number(vector, "pci")).unwrap();
                kenb_star(&array(vector, "key"), pci, number(vector, "earfcn_dl")).octets().to_vec()
            }
            "ALG_KEY" => {
                let [kind, algorithm] = ["alg_type", "alg_id"].map(|name| u8::try_from(number(vector, name)).unwrap());
                let whole = of(octets(vector, "key"), &[&[kind], &[algorithm]]);
                let uses =
                    [KeyUse::NasEnc, KeyUse::NasInt, KeyUse::RrcEnc, KeyUse::RrcInt, KeyUse::UpEnc, KeyUse::UpInt];
                if let Some(key_use) = uses.into_iter().find(|key_use| *key_use as u8 == kind) {
                    assert_eq!(algorithm_key(&array(vector, "key"), key_use, algorithm).octets(), &whole[16..]);
                }
                whole
            }
            "S_KENB" => {
                of(octets(vector, "key"), &[&u16::try_from(number(vector, "scg_counter")).unwrap().to_be_bytes()])
            }
            "S_KENB_GNB" => {
                of(octets(vector, "key"), &[&u16::try_from(number(vector, "scg_counter")).unwrap().to_be_bytes()])
            }
            "CK_IK_SRVCC" => of(octets(vector, "kasme"), &[&number(vector, "dl_nas_count").to_be_bytes()]),
            "CK_IK_HANDOVER" => {
                let kasme = Kasme::from_octets(array(vector, "kasme"));
                inter_system::ck_ik_of_count(&kasme, number(vector, "dl_nas_count")).octets().to_vec()
            }
            "NAS_TOKEN" => {
                let kasme = Kasme::from_octets(array(vector, "kasme"));
                inter_system::nas_token(&kasme, number(vector, "ul_nas_count")).to_vec()
            }
            "CK_IK_IDLE" => {
                let kasme = Kasme::from_octets(array(vector, "kasme"));
                inter_system::ck_ik_idle(&kasme, number(vector, "ul_nas_count")).octets().to_vec()
            }
            "KASME_PRIME_HANDOVER" => {
                let nonce = u32::from_be_bytes(array(vector, "nonce_mme"));
                inter_system::kasme_of_nonce(&ck_ik(vector), nonce).octets().to_vec()
            }
            "KASME_PRIME_IDLE" => {
                let [ue, mme] = ["nonce_ue", "nonce_mme"].map(|name| u32::from_be_bytes(array(vector, name)));
                inter_system::kasme_of_nonces(&ck_ik(vector), ue, mme).octets().to_vec()
            }
            other => panic!("kind {other}: {vector}"),
        }
    }

    #[test]
    fn every_published_vector_comes_out() {
        let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/eps-kdf.json")).unwrap();
        let vectors = vectors["vectors"].as_array().unwrap();
        for vector in vectors {
            assert_eq!(hex::encode(computed(vector)), vector["expect"].as_str().unwrap(), "{vector}");
        }
        assert_eq!(vectors.len(), 54);
    }

    #[test]
    fn a_parameter_is_told_by_its_length_and_one_that_is_too_long_is_refused() {
        // Without lengths both would be the same octets.
        assert_ne!(kdf(&[1; 32], 1, &[&[1, 2], &[3]]), kdf(&[1; 32], 1, &[&[1], &[2, 3]]));
        let long = vec![0; 65_536];
        let error = kdf(&[1; 32], 1, &[&[1], &long]).unwrap_err();
        assert_eq!(error.to_string(), "parameter 1: expected at most 65535 octets, found 65536");
    }
}
