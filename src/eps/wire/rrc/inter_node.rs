//! What source and target eNB send each other through X2 or the core network (TS 36.331 clause 10.2.2).

use rasn::types::OctetString;

use super::super::WireError;
use super::asn1::{self, Either, Of8};
use super::codec::{self, Message, Refused};
use super::values::SecurityAlgorithms;

/// HandoverPreparationInformation, from source to target, with an empty list of radio capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandoverPreparationInformation {
    /// as-Config: how the UE is configured in the source cell; left out in the smallest that there is.
    pub source: Option<SourceConfiguration>,
}

/// as-Config, of which what a handover's keys need is carried. The rest is constant, as small as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceConfiguration {
    /// sourceSecurityAlgorithmConfig: the algorithms in use.
    pub algorithms: SecurityAlgorithms,
    /// sourceUE-Identity: the C-RNTI in the source cell.
    pub c_rnti: u16,
}

/// HandoverCommand, from target to source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverCommand {
    /// handoverCommandMessage: the octets of a [`DlDcchMessage`](super::DlDcchMessage), the RRCConnectionReconfiguration for the UE.
    pub message: Vec<u8>,
}

impl HandoverPreparationInformation {
    /// Reads it.
    ///
    /// # Errors
    /// It holds more than that.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        codec::parse(octets)
    }

    /// Its octets.
    ///
    /// # Errors
    /// None that a value could be the cause of.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        codec::octets(self)
    }
}

impl HandoverCommand {
    /// Reads it.
    ///
    /// # Errors
    /// It is none, or has an extension.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        codec::parse(octets)
    }

    /// Its octets.
    ///
    /// # Errors
    /// None that a value could be the cause of.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        codec::octets(self)
    }
}

impl Message for HandoverPreparationInformation {
    type Asn1 = Either<Of8<asn1::HandoverPreparationInformation>>;
    const LAYER: &'static str = "HandoverPreparationInformation";

    fn from_asn1(asn1: Self::Asn1) -> Result<Self, Refused> {
        let source = asn1.first()?.as_config.map(|source| {
            let algorithms = SecurityAlgorithms::from_asn1(&source.algorithms)?;
            Ok(SourceConfiguration { algorithms, c_rnti: source.c_rnti })
        });
        Ok(Self { source: source.transpose()? })
    }

    fn to_asn1(&self) -> Self::Asn1 {
        let source = |source: SourceConfiguration| asn1::AsConfig::new(source.algorithms.to_asn1(), source.c_rnti);
        Either::Known(Of8::First(asn1::HandoverPreparationInformation {
            capabilities: Vec::new(),
            as_config: self.source.map(source),
            rrm_config: None,
            as_context: None,
            extension: None,
        }))
    }
}

impl Message for HandoverCommand {
    type Asn1 = Either<Of8<asn1::HandoverCommand>>;
    const LAYER: &'static str = "HandoverCommand";

    fn from_asn1(asn1: Self::Asn1) -> Result<Self, Refused> {
        Ok(Self { message: asn1.first()?.message.to_vec() })
    }

    fn to_asn1(&self) -> Self::Asn1 {
        let message = OctetString::from_slice(&self.message);
        Either::Known(Of8::First(asn1::HandoverCommand { message, extension: None }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::damage::survives;
    use super::*;
    use crate::eps::parameters::AlgorithmId;

    /// The octets are those that another encoder (pycrate) makes of the same values.
    #[test]
    fn the_octets_are_those_of_another_encoder() {
        assert_eq!(HandoverPreparationInformation::default().octets().unwrap(), [0, 0]);
        let whole = "080000002246010000000100100c00000000002000000000000000000000000000000000000000000000000000000000\
                     00";
        assert_eq!(hex::encode(with(AlgorithmId::Aes, AlgorithmId::Aes, 0x4601).octets().unwrap()), whole);
        let message = hex::decode("240920040514a8c040000000000008").unwrap();
        let command = HandoverCommand { message };
        assert_eq!(hex::encode(command.octets().unwrap()), "00792049002028a5460200000000000040");
    }

    fn with(ciphering: AlgorithmId, integrity: AlgorithmId, c_rnti: u16) -> HandoverPreparationInformation {
        let algorithms = SecurityAlgorithms { ciphering, integrity };
        HandoverPreparationInformation { source: Some(SourceConfiguration { algorithms, c_rnti }) }
    }

    #[test]
    fn preparation_information_goes_round_and_survives_damage() {
        for information in [
            HandoverPreparationInformation::default(),
            with(AlgorithmId::Null, AlgorithmId::Aes, 0),
            with(AlgorithmId::Zuc, AlgorithmId::Snow3g, u16::MAX),
        ] {
            let octets = information.octets().unwrap();
            assert_eq!(HandoverPreparationInformation::parse(&octets).unwrap(), information);
            survives(&octets, false, |octets| HandoverPreparationInformation::parse(octets).is_ok());
        }
        // One capability, of no octets.
        assert!(HandoverPreparationInformation::parse(&[0x00, 0x20]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_command_goes_round_and_survives_damage(message in proptest::collection::vec(any::<u8>(), 0..40)) {
            let command = HandoverCommand { message };
            let octets = command.octets().unwrap();
            prop_assert_eq!(&HandoverCommand::parse(&octets).unwrap(), &command);
            survives(&octets, false, |octets| HandoverCommand::parse(octets).is_ok());
        }
    }
}
