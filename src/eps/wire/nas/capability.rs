//! Which algorithms a UE has, and which the MME selects (TS 24.301 clauses 9.9.3.23, 9.9.3.34 and 9.9.3.36).

use super::super::WireError;
use crate::dot16::wire::parsing::{Fault, Parsed};
use crate::eps::parameters::AlgorithmId;

/// A set of algorithms, 1 octet: the highest bit is algorithm 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlgorithmSet(pub u8);

impl AlgorithmSet {
    /// These algorithms.
    #[must_use]
    pub fn of(algorithms: &[AlgorithmId]) -> Self {
        Self(algorithms.iter().fold(0, |set, algorithm| set | 0x80 >> (*algorithm as u8)))
    }

    /// Whether `algorithm` is one of them.
    #[must_use]
    pub const fn contains(self, algorithm: AlgorithmId) -> bool {
        self.0 & 0x80 >> (algorithm as u8) != 0
    }
}

/// UE network capability, 2 to 13 octets, and UE security capability, 2 to 5, which begin alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UeCapability {
    /// EEA: ciphering.
    pub ciphering: AlgorithmSet,
    /// EIA: integrity.
    pub integrity: AlgorithmSet,
    /// What follows, of other systems, as it stands.
    pub further: Vec<u8>,
}

impl UeCapability {
    /// Its octets, `most` at most.
    pub(super) fn octets(&self, layer: &'static str, most: usize) -> Result<Vec<u8>, WireError> {
        let octets = [&[self.ciphering.0, self.integrity.0], &self.further[..]].concat();
        if octets.len() > most {
            let (expected, found) = (format!("a capability of at most {most} octets"), octets.len().to_string());
            return Err(WireError { layer, offset: 0, expected: expected.into(), found });
        }
        Ok(octets)
    }

    /// Reads one that takes all of `input`.
    pub(super) fn parse(input: &[u8]) -> Parsed<'_, Self> {
        match input {
            [ciphering, integrity, further @ ..] => {
                let (ciphering, integrity) = (AlgorithmSet(*ciphering), AlgorithmSet(*integrity));
                Ok((&[], Self { ciphering, integrity, further: further.to_vec() }))
            }
            _ => Err(Fault::error(input, "a capability of at least 2 octets")),
        }
    }
}

/// NAS security algorithms, 1 octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NasAlgorithms {
    /// EEA, 3 bits.
    pub ciphering: AlgorithmId,
    /// EIA, 3 bits.
    pub integrity: AlgorithmId,
}

impl NasAlgorithms {
    /// Its octet.
    pub(super) const fn octet(self) -> u8 {
        (self.ciphering as u8) << 4 | self.integrity as u8
    }

    /// Reads one.
    pub(super) fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let algorithms = input.split_first().and_then(|(octet, rest)| {
            let ciphering = AlgorithmId::from_number(octet >> 4)?;
            let integrity = AlgorithmId::from_number(octet & 0xf)?;
            Some((rest, Self { ciphering, integrity }))
        });
        algorithms.ok_or_else(|| Fault::error(input, "NAS algorithms, each 0 to 3"))
    }
}
