//! What source and target eNB send each other through X2 or the core network (TS 36.331 clause 10.2.2).

use rasn::types::OctetString;

use super::super::WireError;
use super::asn1::{self, Either, Of8};
use super::codec::{self, Message, Refused};

/// HandoverPreparationInformation, from source to target: the smallest there is, with an empty list of radio capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandoverPreparationInformation;

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
    /// It is not the smallest there is.
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
        asn1.first().map(|_| Self)
    }

    fn to_asn1(&self) -> Self::Asn1 {
        Either::Known(Of8::First(asn1::HandoverPreparationInformation {
            capabilities: Vec::new(),
            as_config: None,
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

    /// The octets are those that another encoder (pycrate) makes of the same values.
    #[test]
    fn the_octets_are_those_of_another_encoder() {
        assert_eq!(HandoverPreparationInformation.octets().unwrap(), [0, 0]);
        let message = hex::decode("240920040514a8c040000000000008").unwrap();
        let command = HandoverCommand { message };
        assert_eq!(hex::encode(command.octets().unwrap()), "00792049002028a5460200000000000040");
    }

    #[test]
    fn preparation_information_survives_damage() {
        survives(&[0, 0], false, |octets| HandoverPreparationInformation::parse(octets).is_ok());
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
