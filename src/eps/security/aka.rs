//! EPS AKA at its two ends: the USIM, and what the HSS has of a subscriber (TS 33.102 clause 6.3, TS 33.401 clause 6.1), with Milenage
//! as f1 to f5* (TS 35.206).
//!
//! AUTN is SQN xor AK (6 octets), AMF (2), MAC (8). SQN is 48 bits and goes up by 1 with each vector; a USIM takes what is above all
//! that it has seen \[choice: Annex C of TS 33.102 leaves the scheme to the operator\].

use std::fmt;

use milenage::Milenage;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::kdf;
use crate::eps::keys::{CkIk, Kasme, OperatorKey, SubscriberKey};

/// AMF of a vector for E-UTRAN: its first bit, the separation bit, is 1 (TS 33.401 clause 6.1.2).
const AMF: [u8; 2] = [0x80, 0x00];
/// AMF of a vector for UTRAN and GERAN: the separation bit is 0.
const AMF_OF_UMTS: [u8; 2] = [0x00, 0x00];
/// FC of CK' and IK' in the vectors of UTRAN and GERAN: none of 3GPP's \[choice\].
pub const FC_SEPARATED: u8 = 0xf9;
/// The string that goes into them \[choice\].
const SEPARATED: &[u8] = b"access";
/// AMF in AUTS (TS 33.102 clause 6.3.3).
const AMF_OF_AUTS: [u8; 2] = [0; 2];
/// The separation bit in the first octet of AMF.
const SEPARATION: u8 = 0x80;
/// Octets of AUTS: SQN xor AK, MAC-S.
pub const AUTS_OCTETS: usize = 14;
/// The highest SQN.
const LAST_SQN: u64 = 0xffff_ffff_ffff;

/// AUTS: SQN that a USIM has seen, hidden, and proven to be its own.
pub type Auts = [u8; AUTS_OCTETS];

fn milenage(k: &SubscriberKey, opc: &OperatorKey) -> Milenage {
    Milenage::new_with_opc(*k.octets(), *opc.octets())
}

fn octets_of(sqn: u64) -> [u8; 6] {
    let [_, _, sqn @ ..] = sqn.to_be_bytes();
    sqn
}

fn number_of([a, b, c, d, e, f]: [u8; 6]) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

fn xor<const N: usize>(a: &[u8; N], b: &[u8; N]) -> [u8; N] {
    std::array::from_fn(|place| a[place] ^ b[place])
}

/// CK' and IK', which stand in the place of CK and IK in the vectors for an access network that is to have nothing to do with other keys
/// of CK and IK: `KDF(CK | IK, "access")`. Seed 004 wants such a pair and leaves open how it is made \[choice\].
#[must_use]
pub fn separated(keys: &CkIk) -> CkIk {
    CkIk::from_octets(kdf::short_kdf(keys.octets(), FC_SEPARATED, [SEPARATED]))
}

/// What an authentication leaves at a USIM.
#[derive(Clone)]
pub struct Answer {
    /// RES, 8 octets.
    pub res: [u8; 8],
    /// CK and IK.
    pub ck_ik: CkIk,
    /// SQN xor AK, as it came in AUTN.
    sqn_xor_ak: [u8; 6],
}

/// Without RES, which is a secret until it is sent.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("ck_ik", &self.ck_ik).finish_non_exhaustive()
    }
}

impl Answer {
    /// KASME for the serving network with this identity (PLMN, 3 octets).
    #[must_use]
    pub fn kasme(&self, sn_id: [u8; 3]) -> Kasme {
        kasme(&self.ck_ik, sn_id, self.sqn_xor_ak)
    }
}

fn kasme(ck_ik: &CkIk, sn_id: [u8; 3], sqn_xor_ak: [u8; 6]) -> Kasme {
    let (halves, _) = ck_ik.octets().as_chunks();
    let [ck, ik] = halves else { return Kasme::from_octets([0; 32]) };
    kdf::kasme(ck, ik, sn_id, sqn_xor_ak)
}

fn ck_ik(ck: &[u8; 16], ik: &[u8; 16]) -> CkIk {
    let mut both = Zeroizing::new([0; 32]);
    both[..16].copy_from_slice(ck);
    both[16..].copy_from_slice(ik);
    CkIk::from_octets(*both)
}

/// Why a UE refuses a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeRefused {
    /// The MAC in AUTN is not the HSS's.
    Mac,
    /// The vector is not one for E-UTRAN: the separation bit of AMF is 0.
    NotEps,
    /// SQN is not above all that the USIM has seen: what it has seen is in AUTS.
    Synchronisation(Auts),
}

/// A USIM.
#[derive(Clone, Debug)]
pub struct Usim {
    k: SubscriberKey,
    opc: OperatorKey,
    /// The highest SQN that it has seen, 48 bits.
    highest: u64,
}

impl Usim {
    /// A USIM that has seen SQN up to `highest`, 48 bits.
    #[must_use]
    pub const fn new(k: SubscriberKey, opc: OperatorKey, highest: u64) -> Self {
        Self { k, opc, highest: highest & LAST_SQN }
    }

    /// Checks a challenge of E-UTRAN and answers it.
    ///
    /// # Errors
    /// AUTN is not the HSS's, not for E-UTRAN, or was used before.
    pub fn answer(&mut self, rand: &[u8; 16], autn: &[u8; 16]) -> Result<Answer, ChallengeRefused> {
        self.answer_in(rand, autn, true)
    }

    /// Checks a challenge of UTRAN or GERAN and answers it: the separation bit may be 0 or 1 (TS 33.401 clause 6.1.1 has it checked for
    /// E-UTRAN only).
    ///
    /// # Errors
    /// AUTN is not the HSS's, or was used before.
    pub fn answer_umts(&mut self, rand: &[u8; 16], autn: &[u8; 16]) -> Result<Answer, ChallengeRefused> {
        self.answer_in(rand, autn, false)
    }

    fn answer_in(&mut self, rand: &[u8; 16], autn: &[u8; 16], eutran: bool) -> Result<Answer, ChallengeRefused> {
        let mut functions = milenage(&self.k, &self.opc);
        let (res, ck, ik, ak) = functions.f2345(rand);
        let [a, b, c, d, e, f, amf @ .., _, _, _, _, _, _, _, _] = *autn;
        let (sqn_xor_ak, [.., mac]) = ([a, b, c, d, e, f], autn.as_chunks::<8>().0) else {
            return Err(ChallengeRefused::Mac);
        };
        let sqn = xor(&sqn_xor_ak, &ak);
        if !bool::from(functions.f1(rand, &sqn, &amf).ct_eq(mac)) {
            return Err(ChallengeRefused::Mac);
        }
        if eutran && amf[0] & SEPARATION == 0 {
            return Err(ChallengeRefused::NotEps);
        }
        if number_of(sqn) <= self.highest {
            let seen = octets_of(self.highest);
            let hidden = xor(&seen, &functions.f5star(rand));
            let proof = functions.f1star(rand, &seen, &AMF_OF_AUTS);
            let mut auts = [0; AUTS_OCTETS];
            auts[..6].copy_from_slice(&hidden);
            auts[6..].copy_from_slice(&proof);
            return Err(ChallengeRefused::Synchronisation(auts));
        }
        self.highest = number_of(sqn);
        Ok(Answer { res, ck_ik: ck_ik(&ck, &ik), sqn_xor_ak })
    }
}

/// An authentication vector as it comes of Milenage: what the one for an access is made of.
#[derive(Clone, PartialEq, Eq)]
pub struct UmtsVector {
    /// The challenge, 16 octets.
    pub rand: [u8; 16],
    /// The response that is expected, 8 octets.
    pub xres: [u8; 8],
    /// The network's proof, 16 octets.
    pub autn: [u8; 16],
    /// CK and IK.
    pub keys: CkIk,
}

/// Without the expected response, which is a secret until the UE has given it.
impl fmt::Debug for UmtsVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UmtsVector").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// An authentication vector for E-UTRAN.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticationVector {
    /// The challenge, 16 octets.
    pub rand: [u8; 16],
    /// The response that is expected, 8 octets.
    pub xres: [u8; 8],
    /// The network's proof, 16 octets.
    pub autn: [u8; 16],
    /// The key that comes of it.
    pub kasme: Kasme,
    /// CK and IK, which KASME was made of and which stay at the HSS.
    pub keys: CkIk,
}

/// Without the expected response, which is a secret until the UE has given it.
impl fmt::Debug for AuthenticationVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationVector").field("kasme", &self.kasme).finish_non_exhaustive()
    }
}

/// What the HSS has to authenticate a subscriber with.
#[derive(Clone, Debug)]
pub struct Subscription {
    k: SubscriberKey,
    opc: OperatorKey,
    /// SQN of the last vector, 48 bits.
    sqn: u64,
}

impl Subscription {
    /// A subscriber whose last vector had this SQN, 48 bits.
    #[must_use]
    pub const fn new(k: SubscriberKey, opc: OperatorKey, sqn: u64) -> Self {
        Self { k, opc, sqn: sqn & LAST_SQN }
    }

    /// The next vector, for this challenge and the serving network with this identity (PLMN, 3 octets); none when SQN has come to
    /// its end.
    pub fn vector(&mut self, rand: [u8; 16], sn_id: [u8; 3]) -> Option<AuthenticationVector> {
        let UmtsVector { rand, xres, autn, keys } = self.next(rand, AMF)?;
        let sqn_xor_ak = *autn.first_chunk()?;
        Some(AuthenticationVector { rand, xres, autn, kasme: kasme(&keys, sn_id, sqn_xor_ak), keys })
    }

    /// The next vector for UTRAN and GERAN, for this challenge; none when SQN has come to its end.
    pub fn umts_vector(&mut self, rand: [u8; 16]) -> Option<UmtsVector> {
        self.next(rand, AMF_OF_UMTS)
    }

    fn next(&mut self, rand: [u8; 16], amf: [u8; 2]) -> Option<UmtsVector> {
        let sqn = Some(self.sqn + 1).filter(|sqn| *sqn <= LAST_SQN)?;
        self.sqn = sqn;
        let sqn = octets_of(sqn);
        let mut functions = milenage(&self.k, &self.opc);
        let (xres, ck, ik, ak) = functions.f2345(&rand);
        let mut autn = [0; 16];
        autn[..6].copy_from_slice(&xor(&sqn, &ak));
        autn[6..8].copy_from_slice(&amf);
        autn[8..].copy_from_slice(&functions.f1(&rand, &sqn, &amf));
        Some(UmtsVector { rand, xres, autn, keys: ck_ik(&ck, &ik) })
    }

    /// The USIM has answered this challenge with AUTS: the next vector has the SQN after that which it has seen. Whether AUTS is the
    /// USIM's; if it is not, nothing changes.
    pub fn resynchronise(&mut self, rand: &[u8; 16], auts: &Auts) -> bool {
        let mut functions = milenage(&self.k, &self.opc);
        let Some((hidden, proof)) = auts.split_first_chunk::<6>() else { return false };
        let seen = xor(hidden, &functions.f5star(rand));
        let right = functions.f1star(rand, &seen, &AMF_OF_AUTS)[..].ct_eq(proof).into();
        if right {
            self.sqn = number_of(seen);
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn array<const N: usize>(vector: &Value, name: &str) -> [u8; N] {
        let text = vector[name].as_str().unwrap_or_else(|| panic!("{name} of {vector}"));
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn every_published_vector_of_milenage_comes_out() {
        let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/eps-milenage.json")).unwrap();
        let vectors = vectors["vectors"].as_array().unwrap();
        for vector in vectors {
            let (k, op) = (array(vector, "k"), array(vector, "op"));
            let opc = array(vector, "opc");
            assert_eq!(Milenage::new_with_op(k, op).opc(), &opc, "{vector}");
            let mut functions = milenage(&SubscriberKey::from_octets(k), &OperatorKey::from_octets(opc));
            let (rand, sqn, amf) = (array(vector, "rand"), array(vector, "sqn"), array(vector, "amf"));
            assert_eq!(functions.f1(&rand, &sqn, &amf), array(vector, "f1"), "{vector}");
            assert_eq!(functions.f1star(&rand, &sqn, &amf), array(vector, "f1star"), "{vector}");
            let (res, ck, ik, ak) = functions.f2345(&rand);
            assert_eq!((res, ck), (array(vector, "f2"), array(vector, "f3")), "{vector}");
            assert_eq!((ik, ak), (array(vector, "f4"), array(vector, "f5")), "{vector}");
            assert_eq!(functions.f5star(&rand), array(vector, "f5star"), "{vector}");
        }
        assert_eq!(vectors.len(), 6);
    }

    const SN_ID: [u8; 3] = [0x00, 0xf1, 0x10];

    fn both(highest: u64, sqn: u64) -> (Usim, Subscription) {
        let (k, opc) = (SubscriberKey::from_octets([1; 16]), OperatorKey::from_octets([2; 16]));
        (Usim::new(k.clone(), opc.clone(), highest), Subscription::new(k, opc, sqn))
    }

    #[test]
    fn a_usim_answers_as_the_hss_expects_and_both_have_the_same_kasme() {
        let (mut usim, mut hss) = both(0, 0);
        let mut kasmes = Vec::new();
        for rand in [[3; 16], [4; 16]] {
            let vector = hss.vector(rand, SN_ID).unwrap();
            let answer = usim.answer(&vector.rand, &vector.autn).unwrap();
            assert_eq!(answer.res, vector.xres);
            assert_eq!(answer.kasme(SN_ID), vector.kasme);
            assert_ne!(answer.kasme([0; 3]), vector.kasme);
            kasmes.push(vector.kasme);
        }
        assert_ne!(kasmes[0], kasmes[1]);
    }

    #[test]
    fn every_changed_bit_of_a_challenge_is_refused() {
        let (mut usim, mut hss) = both(0, 0);
        let AuthenticationVector { rand, autn, .. } = hss.vector([3; 16], SN_ID).unwrap();
        for bit in 0..128 {
            let mut changed = (rand, autn);
            changed.0[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(usim.answer(&changed.0, &autn).unwrap_err(), ChallengeRefused::Mac, "RAND {bit}");
            changed.1[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(usim.answer(&rand, &changed.1).unwrap_err(), ChallengeRefused::Mac, "AUTN {bit}");
        }
        assert!(usim.answer(&rand, &autn).is_ok());
    }

    #[test]
    fn a_vector_that_is_not_for_e_utran_is_refused() {
        let (mut usim, _) = both(0, 0);
        let mut functions = milenage(&usim.k, &usim.opc);
        let (rand, sqn) = ([3; 16], octets_of(1));
        let (.., ak) = functions.f2345(&rand);
        let amf = [0x7f, 0xff];
        let autn = [&xor(&sqn, &ak)[..], &amf, &functions.f1(&rand, &sqn, &amf)].concat();
        assert_eq!(usim.answer(&rand, &autn.try_into().unwrap()).unwrap_err(), ChallengeRefused::NotEps);
    }

    #[test]
    fn a_challenge_that_was_used_leads_to_auts_and_that_to_a_vector_that_is_taken() {
        let (mut usim, mut hss) = both(1_000, 0);
        let vector = hss.vector([3; 16], SN_ID).unwrap();
        let Err(ChallengeRefused::Synchronisation(auts)) = usim.answer(&vector.rand, &vector.autn) else { panic!() };
        for bit in 0..8 * AUTS_OCTETS {
            let mut changed = auts;
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            assert!(!hss.resynchronise(&vector.rand, &changed), "{bit}");
        }
        assert!(!hss.resynchronise(&[4; 16], &auts));
        assert_eq!(hss.sqn, 1);
        assert!(hss.resynchronise(&vector.rand, &auts));
        let next = hss.vector([5; 16], SN_ID).unwrap();
        assert!(usim.answer(&next.rand, &next.autn).is_ok());
        assert_eq!(usim.highest, 1_001);
        // Played again.
        let again = usim.answer(&next.rand, &next.autn);
        assert!(matches!(again, Err(ChallengeRefused::Synchronisation(_))));
    }

    #[test]
    fn the_last_sqn_is_the_end() {
        let (_, mut hss) = both(0, LAST_SQN - 1);
        assert!(hss.vector([3; 16], SN_ID).is_some());
        assert!(hss.vector([3; 16], SN_ID).is_none());
    }
}
