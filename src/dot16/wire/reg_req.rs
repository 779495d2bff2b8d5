//! REG-REQ, type 6 (802.16-2009 clause 11.7; `dot16-wire.md` 3.6): here for the offer of seamless handover (`PROTOCOL.md` R17).

use nom::Parser;

use super::cmac_tuple::CmacTuple;
use super::error::WireError;
use super::parsing::{finish, message_type};
use super::reg_encodings::RegTlv;
use super::typed_tlv::{first, list, trailing_cmac_tuple};
use super::vendor::VendorTlv;

/// REG-REQ: `06 | TLVs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegReq {
    /// The TLVs, in order: vendor TLV and CMAC tuple last. A getter gives the first of its type.
    pub tlvs: Vec<RegTlv>,
}

impl RegReq {
    /// Message type.
    pub const TYPE: u8 = 6;

    const LAYER: &'static str = "REG-REQ";

    /// Reads a whole message, type octet first.
    ///
    /// # Errors
    /// Another type, or octets after it that are not TLVs.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        let mut parser = (message_type(Self::TYPE), list).map(|(_, tlvs)| Self { tlvs });
        finish(Self::LAYER, message, parser.parse(message)).map(|(_, message)| message)
    }

    /// The whole message, type octet first.
    ///
    /// # Errors
    /// A TLV that cannot be written.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let mut octets = vec![Self::TYPE];
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
    use super::super::vendor::VendorItem;
    use super::*;

    #[test]
    fn an_offer_of_seamless_handover_is_read_back() {
        let offer = VendorTlv::new(vec![VendorItem::Seamless(true)]);
        let message = RegReq { tlvs: vec![RegTlv::MobilityFeatures(1), RegTlv::Vendor(offer)] };
        let octets = message.octets().unwrap();
        assert_eq!(hex::encode(&octets), "061f01018f089003026b68010101");
        let parsed = RegReq::parse(&octets).unwrap();
        assert_eq!(parsed.vendor().and_then(VendorTlv::seamless), Some(true));
        assert_eq!(parsed, message);
    }
}
