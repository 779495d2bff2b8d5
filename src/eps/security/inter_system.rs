//! The derivations between systems: what keys of E-UTRAN are made of when a UE comes from UTRAN, what those of UTRAN when it comes from
//! E-UTRAN, and what stands for the keys of UMTS where GSM has authenticated.
//!
//! | | from | to | inputs besides |
//! | --- | --- | --- | --- |
//! | seed, FC 0xf5 | CK, IK | KASME | identity of the target eNB \[, a fresh number\] |
//! | seed, FC 0xf6 | KASME | CK, IK | identity of the target cell of UTRAN \[, a fresh number\] |
//! | TS 33.401 A.12, FC 0x18 | CK, IK | K'ASME | NONCE_MME |
//! | TS 33.401 A.8, FC 0x16 | KASME | CK', IK' | downlink NAS COUNT |
//! | TS 33.401 A.11, FC 0x19 | CK, IK | K'ASME | NONCE_UE, NONCE_MME: a UE that is idle |
//! | TS 33.401 A.13, FC 0x1b | KASME | CK', IK' | uplink NAS COUNT: a UE that is idle |
//! | TS 33.401 A.9, FC 0x17 | KASME | NAS token | uplink NAS COUNT: by it an SGSN's UE proves to the MME who it is |
//!
//! The seed names CK, IK and the target id as inputs and no more: the FC octets are this project's, as are the octets of the identities
//! and the fresh number \[choice\]. Without a fresh number a context that was made of CK and IK gives these back when the UE returns,
//! for the seed assumes that it still has them ([`way_back`]).

use zeroize::Zeroizing;

use super::kdf::short_kdf;
use crate::eps::keys::{CkIk, Kasme};
use crate::eps::parameters::TargetInput;

/// FC of KASME of CK, IK and a target: none of 3GPP's.
pub const FC_KASME_OF_TARGET: u8 = 0xf5;
/// FC of CK and IK of KASME and a target: none of 3GPP's.
pub const FC_CK_IK_OF_TARGET: u8 = 0xf6;
/// FC of CK' and IK' at a handover (TS 33.401 A.8).
pub const FC_CK_IK_HANDOVER: u8 = 0x16;
/// FC of the NAS token (A.9).
pub const FC_NAS_TOKEN: u8 = 0x17;
/// FC of K'ASME at a handover (A.12).
pub const FC_KASME_HANDOVER: u8 = 0x18;
/// FC of K'ASME of an idle UE (A.11).
pub const FC_KASME_IDLE: u8 = 0x19;
/// FC of CK' and IK' of an idle UE (A.13).
pub const FC_CK_IK_IDLE: u8 = 0x1b;

/// The uplink NAS COUNT that KeNB is made of when a UE comes from UTRAN (TS 33.401 clause 9.2.2.1).
pub const COUNT_OF_HANDOVER: u32 = u32::MAX;

impl TargetInput {
    fn derive(&self, key: &[u8; 32], fc: u8) -> [u8; 32] {
        let target = self.target.octets();
        match &self.fresh {
            Some(fresh) => short_kdf(key, fc, [&target, fresh]),
            None => short_kdf(key, fc, [&target]),
        }
    }

    /// KASME of CK and IK, by the seed.
    #[must_use]
    pub fn kasme(&self, keys: &CkIk) -> Kasme {
        Kasme::from_octets(self.derive(keys.octets(), FC_KASME_OF_TARGET))
    }

    /// CK and IK of KASME, by the seed.
    #[must_use]
    pub fn ck_ik(&self, kasme: &Kasme) -> CkIk {
        CkIk::from_octets(self.derive(kasme.octets(), FC_CK_IK_OF_TARGET))
    }
}

/// CK and IK for a UE that goes to UTRAN, by the seed: those that its context was made of if it has them and nothing fresh goes in,
/// else those of KASME and the target.
#[must_use]
pub fn way_back(input: &TargetInput, kasme: &Kasme, made_of: Option<&CkIk>) -> CkIk {
    match made_of {
        Some(keys) if input.fresh.is_none() => keys.clone(),
        _ => input.ck_ik(kasme),
    }
}

/// K'ASME of a UE that is handed over from UTRAN (A.12).
#[must_use]
pub fn kasme_of_nonce(keys: &CkIk, nonce_mme: u32) -> Kasme {
    Kasme::from_octets(short_kdf(keys.octets(), FC_KASME_HANDOVER, [&nonce_mme.to_be_bytes()]))
}

/// CK' and IK' of a UE that is handed over to UTRAN (A.8).
#[must_use]
pub fn ck_ik_of_count(kasme: &Kasme, downlink_nas_count: u32) -> CkIk {
    CkIk::from_octets(short_kdf(kasme.octets(), FC_CK_IK_HANDOVER, [&downlink_nas_count.to_be_bytes()]))
}

/// K'ASME of a UE that comes from UTRAN while it is idle (A.11).
#[must_use]
pub fn kasme_of_nonces(keys: &CkIk, nonce_ue: u32, nonce_mme: u32) -> Kasme {
    let nonces: [&[u8]; 2] = [&nonce_ue.to_be_bytes(), &nonce_mme.to_be_bytes()];
    Kasme::from_octets(short_kdf(keys.octets(), FC_KASME_IDLE, nonces))
}

/// CK' and IK' of a UE that goes to UTRAN while it is idle (A.13).
#[must_use]
pub fn ck_ik_idle(kasme: &Kasme, uplink_nas_count: u32) -> CkIk {
    CkIk::from_octets(short_kdf(kasme.octets(), FC_CK_IK_IDLE, [&uplink_nas_count.to_be_bytes()]))
}

/// NAS token, of which a message has the low 16 bits (A.9).
#[must_use]
pub fn nas_token(kasme: &Kasme, uplink_nas_count: u32) -> [u8; 32] {
    short_kdf(kasme.octets(), FC_NAS_TOKEN, [&uplink_nas_count.to_be_bytes()])
}

/// CK and IK of a UE that GSM has authenticated, of its Kc: the conversion functions c4 and c5 (TS 33.102 clause 6.8.2.3). They have no
/// more than its 64 bits of strength.
#[must_use]
pub fn ck_ik_of_kc(kc: [u8; 8]) -> CkIk {
    let kc = Zeroizing::new(kc);
    let [a, b, c, d, e, f, g, h] = *kc;
    let halves = [a ^ e, b ^ f, c ^ g, d ^ h];
    let whole = Zeroizing::new([&kc[..], &kc[..], &halves, &kc[..], &halves].concat());
    CkIk::from_octets(whole.as_chunks().0.first().copied().unwrap_or([0; 32]))
}

/// Kc of CK and IK, for a GSM network: the conversion function c3 (TS 33.102 clause 6.8.1.2).
#[must_use]
pub fn kc_of_ck_ik(keys: &CkIk) -> [u8; 8] {
    let parts = keys.octets().as_chunks::<8>().0;
    parts.iter().fold(0, |sum, part| sum ^ u64::from_be_bytes(*part)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eps::identifiers::{EnbId, GlobalEnbId};
    use crate::eps::parameters::TargetIdentity;

    fn enb(number: u32) -> TargetIdentity {
        TargetIdentity::Enb(GlobalEnbId { plmn: "001-01".parse().unwrap(), enb: EnbId::new(number).unwrap() })
    }

    fn cell() -> TargetIdentity {
        TargetIdentity::UtranCell("001-01".parse().unwrap(), 0x005_0001)
    }

    const AKA: fn() -> CkIk = || CkIk::from_octets([0x2a; 32]);

    #[test]
    fn the_target_and_the_fresh_number_are_both_in_the_key() {
        let of = |target, fresh: Option<u8>| TargetInput { target, fresh: fresh.map(|octet| [octet; 16]) };
        let first = of(enb(1), Some(1)).kasme(&AKA());
        assert_eq!(first, of(enb(1), Some(1)).kasme(&AKA()));
        for other in [of(enb(2), Some(1)), of(enb(1), Some(2)), of(enb(1), None), of(cell(), Some(1))] {
            assert_ne!(first, other.kasme(&AKA()), "{other:?}");
        }
        assert_ne!(of(cell(), None).ck_ik(&first), of(cell(), Some(0)).ck_ik(&first));
        assert_eq!((enb(0xa_bcde).octets(), cell().octets().len()), (vec![0, 0xf1, 0x10, 0xa, 0xbc, 0xde], 7));
    }

    /// The first keys, and those after `trips` there and back.
    fn round_trips(fresh: bool, trips: u8) -> [(Kasme, CkIk); 2] {
        let number = |seed: u8| fresh.then_some([seed; 16]);
        let first = TargetInput { target: enb(1), fresh: number(0) }.kasme(&AKA());
        let (mut kasme, mut keys) = (first.clone(), AKA());
        for trip in 1..=trips {
            keys = way_back(&TargetInput { target: cell(), fresh: number(2 * trip) }, &kasme, Some(&keys));
            kasme = TargetInput { target: enb(1), fresh: number(2 * trip + 1) }.kasme(&keys);
        }
        [(first, AKA()), (kasme, keys)]
    }

    #[test]
    fn a_round_trip_leads_to_the_first_keys_exactly_if_nothing_fresh_goes_in() {
        // T5; broken: T5 without freshness.
        for trips in 1..5 {
            let [first, last] = round_trips(true, trips);
            assert!(first.0 != last.0 && first.1 != last.1);
            let [first, last] = round_trips(false, trips);
            assert!(first.0 == last.0 && first.1 == last.1);
        }
    }

    #[test]
    fn a_context_that_was_not_made_of_ck_and_ik_makes_them_of_kasme() {
        let (input, kasme) = (TargetInput { target: cell(), fresh: None }, Kasme::from_octets([7; 32]));
        assert_eq!(way_back(&input, &kasme, None), input.ck_ik(&kasme));
    }

    #[test]
    fn keys_of_gsm_are_kc_over_and_over() {
        let kc = [1, 2, 3, 4, 0x50, 0x60, 0x70, 0x80];
        let keys = ck_ik_of_kc(kc);
        let expected = "0102030450607080010203045060708051627384010203045060708051627384";
        assert_eq!(hex::encode(keys.octets()), expected);
        // TS 33.102 clause 6.8.2.3: c3 of what c4 and c5 make is Kc again.
        assert_eq!(kc_of_ck_ik(&keys), kc);
    }
}
