//! The key derivations of the contribution (seed 000) on handover, and the AS keys made of their result.
//!
//! | | derivation | who can compute it |
//! | --- | --- | --- |
//! | chained | `KeNB* = OneWay(KeNB)` | source eNB, UE |
//! | MME-involved | `KeNB* = KDF(KASME, PARA)` | MME, UE |
//! | both, at the target | `KeNB = KDF(KeNB*, C-RNTI)` | whoever has KeNB* and C-RNTI |
//!
//! What the contribution leaves open is a setting here: the one-way function, the octets in front of the inputs (FC), the length
//! of PARA, the width of C-RNTI.

use sha2::{Digest, Sha256};

use super::kdf;
use super::kdf::{KeyUse, algorithm_key, short_kdf};
use crate::eps::keys::{AlgorithmKey, Kasme, Kenb, KenbStar};
use crate::eps::parameters::AlgorithmId;

/// The FC in front of the inputs of KeNB*, unless another is set: none of 3GPP's.
pub const FC_STAR: u8 = 0xf0;
/// The same for the KeNB of the target.
pub const FC_TARGET: u8 = 0xf1;
/// Octets of PARA, unless the script says otherwise.
pub const PARA_OCTETS: usize = 16;

/// The one-way function of the chained derivation, which the contribution does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OneWay {
    /// `KDF(KeNB, FC)` without a parameter.
    #[default]
    Kdf,
    /// `SHA-256(KeNB)`.
    Sha256,
}

/// C-RNTI: what the target eNB calls the UE. In LTE it has 16 bits, the contribution says 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CRnti {
    /// 2 octets.
    Bits16(u16),
    /// 4 octets.
    Bits32(u32),
}

/// How keys are derived on handover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandoverDerivation {
    /// The one-way function of the chained derivation.
    pub one_way: OneWay,
    /// FC in front of the inputs of KeNB*.
    pub fc_star: u8,
    /// FC in front of the inputs of the target's KeNB.
    pub fc_target: u8,
}

impl Default for HandoverDerivation {
    fn default() -> Self {
        Self { one_way: OneWay::default(), fc_star: FC_STAR, fc_target: FC_TARGET }
    }
}

impl HandoverDerivation {
    /// KeNB* of a handover without the MME: the source eNB makes it of its KeNB.
    #[must_use]
    pub fn chained(&self, kenb: &Kenb) -> KenbStar {
        KenbStar::from_octets(match self.one_way {
            OneWay::Kdf => short_kdf(kenb.octets(), self.fc_star, []),
            OneWay::Sha256 => Sha256::digest(kenb.octets()).into(),
        })
    }

    /// KeNB* of a handover with the MME, which draws PARA for each at random.
    ///
    /// # Errors
    /// PARA has more than 65,535 octets.
    pub fn mme_involved(&self, kasme: &Kasme, para: &[u8]) -> Result<KenbStar, kdf::ParameterTooLong> {
        kdf::kdf(kasme.octets(), self.fc_star, &[para]).map(KenbStar::from_octets)
    }

    /// The KeNB of the target, from KeNB* and the C-RNTI that the target has given the UE.
    #[must_use]
    pub fn target(&self, star: &KenbStar, c_rnti: CRnti) -> Kenb {
        Kenb::from_octets(match c_rnti {
            CRnti::Bits16(c_rnti) => short_kdf(star.octets(), self.fc_target, [&c_rnti.to_be_bytes()]),
            CRnti::Bits32(c_rnti) => short_kdf(star.octets(), self.fc_target, [&c_rnti.to_be_bytes()]),
        })
    }
}

/// The keys between UE and eNB that are made of a KeNB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsKeys {
    /// KRRCenc.
    pub rrc_enc: AlgorithmKey,
    /// KRRCint.
    pub rrc_int: AlgorithmKey,
    /// KUPenc.
    pub up_enc: AlgorithmKey,
}

impl AsKeys {
    /// The keys for a ciphering and an integrity algorithm.
    #[must_use]
    pub fn derive(kenb: &Kenb, ciphering: AlgorithmId, integrity: AlgorithmId) -> Self {
        let key = |key_use, algorithm| algorithm_key(kenb.octets(), key_use, algorithm as u8);
        Self {
            rrc_enc: key(KeyUse::RrcEnc, ciphering),
            rrc_int: key(KeyUse::RrcInt, integrity),
            up_enc: key(KeyUse::UpEnc, ciphering),
        }
    }
}

/// The keys between UE and MME that are made of KASME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NasKeys {
    /// KNASenc.
    pub enc: AlgorithmKey,
    /// KNASint.
    pub int: AlgorithmKey,
}

impl NasKeys {
    /// The keys for a ciphering and an integrity algorithm.
    #[must_use]
    pub fn derive(kasme: &Kasme, ciphering: AlgorithmId, integrity: AlgorithmId) -> Self {
        let key = |key_use, algorithm| algorithm_key(kasme.octets(), key_use, algorithm as u8);
        Self { enc: key(KeyUse::NasEnc, ciphering), int: key(KeyUse::NasInt, integrity) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_key_hangs_on_every_input_and_on_nothing_of_the_source_when_the_mme_is_involved() {
        let how = HandoverDerivation::default();
        let (kasme, source) = (Kasme::from_octets([1; 32]), Kenb::from_octets([2; 32]));
        let chained = how.target(&how.chained(&source), CRnti::Bits16(0x4601));
        assert_ne!(chained, how.target(&how.chained(&source), CRnti::Bits16(0x4602)));
        assert_ne!(chained, how.target(&how.chained(&source), CRnti::Bits32(0x4601)));
        let sha = HandoverDerivation { one_way: OneWay::Sha256, ..how };
        assert_ne!(how.chained(&source), sha.chained(&source));
        let involved = how.mme_involved(&kasme, &[3; 16]).unwrap();
        assert_ne!(involved, how.mme_involved(&kasme, &[4; 16]).unwrap());
        assert_ne!(involved, how.mme_involved(&kasme, &[3; 17]).unwrap());
        assert_ne!(involved, how.mme_involved(&Kasme::from_octets([9; 32]), &[3; 16]).unwrap());
    }

    #[test]
    fn keys_of_three_uses_and_two_algorithms_differ() {
        let kenb = Kenb::from_octets([5; 32]);
        let AsKeys { rrc_enc, rrc_int, up_enc } = AsKeys::derive(&kenb, AlgorithmId::Aes, AlgorithmId::Aes);
        assert!(rrc_enc != rrc_int && rrc_int != up_enc && up_enc != rrc_enc);
        let snow = AsKeys::derive(&kenb, AlgorithmId::Snow3g, AlgorithmId::Aes);
        assert!(snow.rrc_enc != rrc_enc && snow.rrc_int == rrc_int);
    }
}
