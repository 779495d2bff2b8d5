//! What a UE that changes between UTRAN and E-UTRAN is told besides the command, to find the keys that the network has made.
//!
//! * [`NasSecurityToEutra`]: the standard's 6 octets for a UE that comes from UTRAN (TS 24.301 clause 9.9.2.7): nonce, NAS algorithms,
//!   key set.
//! * [`TargetInput`] as the content of a generic NAS transport of type [`TARGET_CONTAINER`]: the target id of the seed, and the fresh
//!   number that goes with it. \[choice\] To a UE that comes from UTRAN the MME says it in a NAS message with the new context, as a
//!   security mode command is: readable, its MAC under the keys that follow from it. To one that goes to UTRAN it says it under the
//!   keys in use.

use cookie_factory::bytes::be_u8;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;

use super::WireError;
use super::nas::GenericContainer;
use super::pdcp::unwritable;
use crate::dot16::wire::parsing::{Fault, Parsed, finish};
use crate::dot16::wire::serialising::serialised;
use crate::eps::identifiers::{EnbId, GlobalEnbId, Plmn};
use crate::eps::parameters::{AlgorithmId, Algorithms, TargetIdentity, TargetInput};

/// Generic message container type of a target and its fresh number: one of those for vendors.
pub const TARGET_CONTAINER: u8 = 0x82;
const LAYER: &str = "target of a handover between systems";
/// Octets of an identity: of an eNB, of a cell of UTRAN.
const ENB_OCTETS: u8 = 6;
const CELL_OCTETS: u8 = 7;

/// NAS security parameters to E-UTRA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NasSecurityToEutra {
    /// NONCE_MME, 4 octets; 0 where the seed rules, which has none.
    pub nonce: u32,
    /// The NAS algorithms to come.
    pub algorithms: Algorithms,
    /// NAS key set identifier, 3 bits, of a context that is mapped.
    pub key_set: u8,
}

/// The bit that says that the context is mapped (TSC).
const MAPPED: u8 = 0x08;

impl NasSecurityToEutra {
    /// Its octets.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        let [a, b, c, d] = self.nonce.to_be_bytes();
        let algorithms = (self.algorithms.ciphering as u8) << 4 | self.algorithms.integrity as u8;
        [a, b, c, d, algorithms, MAPPED | self.key_set & 7]
    }

    /// What such octets say; none if they name an algorithm that there is not.
    #[must_use]
    pub fn from_octets([a, b, c, d, algorithms, key_set]: [u8; 6]) -> Option<Self> {
        let ciphering = AlgorithmId::from_number(algorithms >> 4 & 7)?;
        let integrity = AlgorithmId::from_number(algorithms & 7)?;
        let nonce = u32::from_be_bytes([a, b, c, d]);
        Some(Self { nonce, algorithms: Algorithms { ciphering, integrity }, key_set: key_set & 7 })
    }
}

impl TargetInput {
    /// Takes the octets apart: a length, the identity, and the fresh number if there is one.
    ///
    /// # Errors
    /// The identity is neither an eNB nor a cell of UTRAN, or the fresh number has not 16 octets.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        finish(LAYER, octets, input(octets)).map(|(_, input)| input)
    }

    /// The octets.
    ///
    /// # Errors
    /// A cell of more than 28 bits.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let length = match self.target {
            TargetIdentity::Enb(_) => ENB_OCTETS,
            TargetIdentity::UtranCell(_, cell) if cell >> 28 != 0 => {
                return Err(unwritable(LAYER, 4, "a cell of 28 bits", cell.into()));
            }
            TargetIdentity::UtranCell(..) => CELL_OCTETS,
        };
        let fresh: &[u8] = self.fresh.as_ref().map_or(&[], |fresh| fresh);
        serialised(LAYER, tuple((be_u8(length), slice(self.target.octets()), slice(fresh))))
    }
}

fn input(input: &[u8]) -> Parsed<'_, TargetInput> {
    let (target, rest) = match input {
        [ENB_OCTETS, a, b, c, high, mid, low, rest @ ..] => {
            let number = u32::from_be_bytes([0, *high, *mid, *low]);
            let enb = EnbId::new(number).ok_or_else(|| Fault::error(&input[4..], "an eNB of 20 bits"))?;
            (TargetIdentity::Enb(GlobalEnbId { plmn: Plmn([*a, *b, *c]), enb }), rest)
        }
        [CELL_OCTETS, a, b, c, d, e, f, g, rest @ ..] if d >> 4 == 0 => {
            let cell = u32::from_be_bytes([*d, *e, *f, *g]);
            (TargetIdentity::UtranCell(Plmn([*a, *b, *c]), cell), rest)
        }
        _ => return Err(Fault::error(input, "an eNB of 6 octets or a cell of UTRAN of 7, behind their number")),
    };
    let fresh = match rest.len() {
        0 => None,
        _ => Some(<[u8; 16]>::try_from(rest).map_err(|_| Fault::error(rest, "a fresh number of 16 octets, or none"))?),
    };
    Ok((&[], TargetInput { target, fresh }))
}

impl GenericContainer {
    /// One that carries a target and its fresh number.
    ///
    /// # Errors
    /// A cell of more than 28 bits.
    pub fn of_target(input: &TargetInput) -> Result<Self, WireError> {
        Ok(Self { container_type: TARGET_CONTAINER, content: input.octets()? })
    }

    /// The target and fresh number that it carries.
    ///
    /// # Errors
    /// It is of another type, or they are malformed.
    pub fn target(&self) -> Result<TargetInput, WireError> {
        if self.container_type != TARGET_CONTAINER {
            return Err(WireError {
                layer: "generic NAS transport",
                offset: 2,
                expected: "container type 82".into(),
                found: format!("{:02x}", self.container_type),
            });
        }
        TargetInput::parse(&self.content)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::damage::survives;
    use super::*;

    #[test]
    fn the_six_octets_are_nonce_algorithms_and_key_set() {
        let parameters = NasSecurityToEutra { nonce: 0x0102_0304, algorithms: Algorithms::AES, key_set: 1 };
        assert_eq!(parameters.octets(), [1, 2, 3, 4, 0x22, 0x09]);
        assert_eq!(NasSecurityToEutra::from_octets(parameters.octets()), Some(parameters));
        assert_eq!(NasSecurityToEutra::from_octets([0, 0, 0, 0, 0x42, 0]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_target_goes_round_and_survives_damage(
            number in 0..=EnbId::LAST.get(),
            cell in 0_u32..1 << 28,
            fresh in any::<Option<[u8; 16]>>(),
        ) {
            let plmn: Plmn = "001-01".parse().unwrap();
            let enb = GlobalEnbId { plmn, enb: EnbId::new(number).unwrap() };
            for target in [TargetIdentity::Enb(enb), TargetIdentity::UtranCell(plmn, cell)] {
                let input = TargetInput { target, fresh };
                let octets = input.octets().unwrap();
                prop_assert_eq!(TargetInput::parse(&octets), Ok(input));
                survives(&octets, true, |octets| TargetInput::parse(octets).is_ok());
                let container = GenericContainer::of_target(&input).unwrap();
                prop_assert_eq!(container.target(), Ok(input));
            }
        }
    }
}
