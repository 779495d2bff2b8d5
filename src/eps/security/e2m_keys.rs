//! The two derivations of seed 004, and what identifies a key.
//!
//! | key | derivation | FC, none of 3GPP's \[choice\] |
//! | --- | --- | --- |
//! | e2m_int_key | `KDF(CK \| IK, string)` | 0xf7 |
//! | e2m_key | `KDF(e2m_int_key, EMSE_Id [, string])` | 0xf8 |
//! | identifier of form 2 | the first 32 bits of `SHA-256(e2m_int_key)` | |

use sha2::{Digest, Sha256};

use super::kdf::{ParameterTooLong, kdf};
use crate::eps::identifiers::e2m::{EmseId, KeyIdentifier};
use crate::eps::keys::{CkIk, E2mIntKey, E2mKey};

/// FC of e2m_int_key.
pub const FC_E2M_INT_KEY: u8 = 0xf7;
/// FC of e2m_key.
pub const FC_E2M_KEY: u8 = 0xf8;

/// What the identifier of a key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierForm {
    /// Form 1, preferred: the low bits of RAND, at most 32, which the HSS pushes with the key.
    Rand {
        /// How many bits.
        bits: u8,
    },
    /// Form 2: a short hash of e2m_int_key, at most 32 bits, which the EMKS computes of all keys that it has.
    Hash {
        /// How many bits.
        bits: u8,
    },
}

impl IdentifierForm {
    /// The identifier of a key that came of this challenge.
    #[must_use]
    pub fn of(self, rand: &[u8; 16], key: &E2mIntKey) -> KeyIdentifier {
        match self {
            Self::Rand { .. } => {
                let [.., a, b, c, d] = *rand;
                self.cut(u32::from_be_bytes([a, b, c, d]))
            }
            Self::Hash { .. } => self.of_key(key),
        }
    }

    /// The identifier of form 2, by the key alone.
    #[must_use]
    pub fn of_key(self, key: &E2mIntKey) -> KeyIdentifier {
        let hash = Sha256::digest(key.octets());
        self.cut(hash.first_chunk().map_or(0, |first| u32::from_be_bytes(*first)))
    }

    fn cut(self, value: u32) -> KeyIdentifier {
        let (Self::Rand { bits } | Self::Hash { bits }) = self;
        let mask = 1_u32.checked_shl(u32::from(bits)).map_or(u32::MAX, |above| above - 1);
        KeyIdentifier(value & mask)
    }
}

/// What the ends have agreed on of the derivations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct E2mDerivation {
    /// The string in the derivations, at most [`MAX_NAME`](crate::eps::identifiers::e2m::MAX_NAME) octets.
    pub string: String,
    /// Whether it goes into the second step too, which the seed leaves for further study.
    pub string_in_second: bool,
    /// What identifies a key.
    pub identifier: IdentifierForm,
}

impl Default for E2mDerivation {
    fn default() -> Self {
        Self { string: "e2m_ CIoT".to_owned(), string_in_second: true, identifier: IdentifierForm::Rand { bits: 32 } }
    }
}

impl E2mDerivation {
    /// e2m_int_key of CK and IK.
    ///
    /// # Errors
    /// A string of more than 65,535 octets.
    pub fn int_key(&self, keys: &CkIk) -> Result<E2mIntKey, ParameterTooLong> {
        kdf(keys.octets(), FC_E2M_INT_KEY, &[self.string.as_bytes()]).map(E2mIntKey::from_octets)
    }

    /// e2m_key for an end point.
    ///
    /// # Errors
    /// A string of more than 65,535 octets.
    pub fn key(&self, int_key: &E2mIntKey, emse: &EmseId) -> Result<E2mKey, ParameterTooLong> {
        let parameters = [emse.as_str().as_bytes(), self.string.as_bytes()];
        let used = if self.string_in_second { 2 } else { 1 };
        kdf(int_key.octets(), FC_E2M_KEY, parameters.get(..used).unwrap_or_default()).map(E2mKey::from_octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emse(name: &str) -> EmseId {
        name.parse().unwrap()
    }

    /// By hand: HMAC-SHA-256 over the octets that the table names, by another implementation.
    #[test]
    fn both_steps_are_these_octets() {
        // E1, E11
        let ck_ik = CkIk::from_octets(std::array::from_fn(|place| place as u8));
        let settings = E2mDerivation::default();
        let int_key = settings.int_key(&ck_ik).unwrap();
        let with = settings.key(&int_key, &emse("emse1.example.org")).unwrap();
        let without =
            E2mDerivation { string_in_second: false, ..settings }.key(&int_key, &emse("emse1.example.org")).unwrap();
        let shown = [&int_key.octets()[..], with.octets(), without.octets()].map(hex::encode);
        assert_eq!(shown, BY_HAND);
    }

    const BY_HAND: [&str; 3] = [
        "09f42b62174861c46c034594e7b90610407faa26aeb48968fa3a2d81c480716e",
        "aca36d90e3c48a23f3acb9566ab6fadb93736cf69a98e074aaed8c5f2e916c73",
        "2b88e925b9caadf0800a84c43f3417ad2a6ed2a64f107990f43f930720b520af",
    ];

    #[test]
    fn another_end_point_or_string_gives_another_key() {
        // E6, E11
        let int_key = E2mIntKey::from_octets([7; 32]);
        let settings = E2mDerivation::default();
        let key = |settings: &E2mDerivation, name| settings.key(&int_key, &emse(name)).unwrap();
        let other = E2mDerivation { string: "e2m".to_owned(), ..settings.clone() };
        assert_ne!(key(&settings, "emse1"), key(&settings, "emse2"));
        assert_ne!(key(&settings, "emse1"), key(&other, "emse1"));
        assert_ne!(other.int_key(&CkIk::from_octets([1; 32])), settings.int_key(&CkIk::from_octets([1; 32])));
        // A parameter is told by its length.
        let glued = E2mDerivation { string_in_second: false, ..settings.clone() };
        assert_ne!(key(&glued, "emse1e2m_"), key(&E2mDerivation { string: "e2m_".to_owned(), ..settings }, "emse1"));
    }

    #[test]
    fn identifiers_are_cut_to_their_bits() {
        // E5
        let (rand, key) = ([0xff; 16], E2mIntKey::from_octets([7; 32]));
        assert_eq!(IdentifierForm::Rand { bits: 32 }.of(&rand, &key), KeyIdentifier(u32::MAX));
        assert_eq!(IdentifierForm::Rand { bits: 4 }.of(&rand, &key).to_string(), "0000000f");
        let hash = IdentifierForm::Hash { bits: 32 }.of(&rand, &key);
        assert_eq!(hash, IdentifierForm::Hash { bits: 32 }.of(&[0; 16], &key));
        assert_eq!(IdentifierForm::Hash { bits: 8 }.of_key(&key).0, hash.0 & 0xff);
    }
}
