//! What several messages have in common.

use super::asn1::{Algorithm, SecurityAlgorithmConfig};
use super::codec::Refused;
use crate::eps::identifiers::Pci;
use crate::eps::parameters::AlgorithmId;

/// `SecurityAlgorithmConfig`: the algorithms of the access stratum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecurityAlgorithms {
    /// Of RRC and user plane ciphering.
    pub ciphering: AlgorithmId,
    /// Of RRC integrity protection.
    pub integrity: AlgorithmId,
}

impl SecurityAlgorithms {
    pub(super) fn from_asn1(asn1: &SecurityAlgorithmConfig) -> Result<Self, Refused> {
        let algorithm = |algorithm: Algorithm| match algorithm {
            Algorithm::Null => Ok(AlgorithmId::Null),
            Algorithm::Snow3g => Ok(AlgorithmId::Snow3g),
            Algorithm::Aes => Ok(AlgorithmId::Aes),
            Algorithm::Zuc => Ok(AlgorithmId::Zuc),
            spare => Err(Refused::alternative(&spare)),
        };
        Ok(Self { ciphering: algorithm(asn1.ciphering)?, integrity: algorithm(asn1.integrity)? })
    }

    pub(super) const fn to_asn1(self) -> SecurityAlgorithmConfig {
        SecurityAlgorithmConfig { ciphering: asn1(self.ciphering), integrity: asn1(self.integrity) }
    }
}

const fn asn1(algorithm: AlgorithmId) -> Algorithm {
    match algorithm {
        AlgorithmId::Null => Algorithm::Null,
        AlgorithmId::Snow3g => Algorithm::Snow3g,
        AlgorithmId::Aes => Algorithm::Aes,
        AlgorithmId::Zuc => Algorithm::Zuc,
    }
}

/// An enumeration of which every number has a name: its alternatives in the order of their numbers.
pub(super) fn named<T: Copy>(names: &[T], number: u8) -> Result<T, Refused> {
    names
        .get(usize::from(number))
        .copied()
        .ok_or_else(|| Refused { expected: "an alternative that has a name here", found: number.to_string() })
}

/// The cell with this number.
pub(super) fn pci(number: u16) -> Result<Pci, Refused> {
    Pci::new(number).ok_or_else(|| Refused { expected: "a cell of 0 to 503", found: number.to_string() })
}
