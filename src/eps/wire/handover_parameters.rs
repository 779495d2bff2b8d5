//! INDICATION and PARA, what the contribution (seed 000) adds to a handover: who made KeNB*, and what of.
//!
//! One octet of INDICATION, then PARA. They travel twice: in the container of a generic NAS transport to the UE
//! ([`CONTAINER_TYPE`](super::nas::CONTAINER_TYPE)), and to the source eNB as `NASSecurityParametersfromE-UTRAN` of S1AP
//! (`eps-systems.md` 1.5).

use cookie_factory::bytes::be_u8;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;

use super::WireError;
use super::pdcp::unwritable;
use crate::dot16::wire::parsing::{Fault, Parsed, finish};
use crate::dot16::wire::serialising::serialised;
use crate::eps::parameters::{HandoverParameters, Indication, MAX_PARA};

const LAYER: &str = "handover parameters";

impl HandoverParameters {
    /// Takes the octets apart.
    ///
    /// # Errors
    /// There is no INDICATION of 0 or 1, or PARA is longer than [`MAX_PARA`].
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        finish(LAYER, octets, parameters(octets)).map(|(_, parameters)| parameters)
    }

    /// The octets.
    ///
    /// # Errors
    /// PARA is longer than [`MAX_PARA`].
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        if self.para.len() > MAX_PARA {
            let found = u64::try_from(self.para.len()).unwrap_or(u64::MAX);
            return Err(unwritable(LAYER, 1, "PARA of at most 64 octets", found));
        }
        serialised(LAYER, tuple((be_u8(self.indication as u8), slice(&self.para))))
    }
}

fn parameters(input: &[u8]) -> Parsed<'_, HandoverParameters> {
    let (indication, para) = match input.split_first() {
        Some((0, para)) => (Indication::SourceEnb, para),
        Some((1, para)) => (Indication::Mme, para),
        _ => return Err(Fault::error(input, "INDICATION, 0 (source eNB) or 1 (MME)")),
    };
    if para.len() > MAX_PARA {
        return Err(Fault::error(para, "PARA of at most 64 octets"));
    }
    Ok((&[], HandoverParameters { indication, para: para.to_vec() }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::damage::survives;
    use super::*;

    #[test]
    fn indication_stands_in_front_of_para() {
        let parameters = HandoverParameters { indication: Indication::Mme, para: vec![0xaa, 0xbb] };
        assert_eq!(parameters.octets().unwrap(), [1, 0xaa, 0xbb]);
        let error = HandoverParameters::parse(&[2]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "handover parameters, octet 0: expected INDICATION, 0 (source eNB) or 1 (MME), found 1 octet 02"
        );
        assert_eq!(HandoverParameters::parse(&[1; 66]).unwrap_err().offset, 1);
        assert!(HandoverParameters { para: vec![0; 65], ..parameters }.octets().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn they_go_round_and_survive_damage(mme: bool, para in proptest::collection::vec(any::<u8>(), 0..=64)) {
            let indication = if mme { Indication::Mme } else { Indication::SourceEnb };
            let parameters = HandoverParameters { indication, para };
            let octets = parameters.octets().unwrap();
            prop_assert_eq!(&HandoverParameters::parse(&octets).unwrap(), &parameters);
            survives(&octets, true, |octets| HandoverParameters::parse(octets).is_ok());
        }
    }
}
