//! REG-RSP, type 7 (802.16-2009 clause 11.7; `dot16-wire.md` 3.6): here for the answer to an offer of seamless handover
//! (`PROTOCOL.md` R17).

use nom::Parser;
use nom::number::complete::be_u8;

use super::cmac_tuple::CmacTuple;
use super::error::WireError;
use super::parsing::{expect, finish, message_type};
use super::reg_encodings::RegTlv;
use super::typed_tlv::{first, list, trailing_cmac_tuple};
use super::vendor::VendorTlv;

/// REG-RSP: `07 | response | TLVs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegRsp {
    /// Response, 1 octet: 0 is success, 1 failure.
    pub response: u8,
    /// The TLVs, in order: vendor TLV and CMAC tuple last. A getter gives the first of its type.
    pub tlvs: Vec<RegTlv>,
}

impl RegRsp {
    /// Message type.
    pub const TYPE: u8 = 7;

    const LAYER: &'static str = "REG-RSP";

    /// Reads a whole message, type octet first.
    ///
    /// # Errors
    /// Another type, no response octet, or octets after it that are not TLVs.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        let mut parser = (message_type(Self::TYPE), expect("the response octet", be_u8), list)
            .map(|(_, response, tlvs)| Self { response, tlvs });
        finish(Self::LAYER, message, parser.parse(message)).map(|(_, message)| message)
    }

    /// The whole message, type octet first.
    ///
    /// # Errors
    /// A TLV that cannot be written.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let mut octets = vec![Self::TYPE, self.response];
        octets.extend(RegTlv::octets_of_all(&self.tlvs)?);
        Ok(octets)
    }

    /// Vendor-specific information.
    #[must_use]
    pub fn vendor(&self) -> Option<&VendorTlv> {
        first!(self.tlvs, RegTlv::Vendor)
    }

    /// The CMAC tuple, if it is the last TLV.
    #[must_use]
    pub fn cmac_tuple(&self) -> Option<&CmacTuple> {
        trailing_cmac_tuple!(self.tlvs, RegTlv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_comes_before_the_tlvs() {
        let message = RegRsp { response: 1, tlvs: vec![RegTlv::ResourceRetainTime(50)] };
        assert_eq!(message.octets().unwrap(), [7, 1, 28, 2, 0, 50]);
        assert_eq!(RegRsp::parse(&[7, 1, 28, 2, 0, 50]), Ok(message));
        assert_eq!(RegRsp::parse(&[7]).unwrap_err().offset, 1);
    }
}
