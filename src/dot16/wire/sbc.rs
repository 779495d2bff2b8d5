//! SBC-REQ, type 26, and SBC-RSP, type 27: basic capabilities (802.16-2009 clauses 6.3.2.3.23, 6.3.2.3.24 and 11.8;
//! `dot16-wire.md` 3.6).
//!
//! Neither message is protected: there is no key yet. What bears on security is said again under a CMAC, in SA-TEK-Request and
//! SA-TEK-Response.

use cookie_factory::bytes::be_u8 as write_be_u8;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::number::complete::be_u8;

use super::error::WireError;
use super::parsing::{expect, finish};
use super::pkm_attributes::SecurityNegotiation;
use super::serialising::serialised;
use super::typed_tlv::{first, list, typed_tlvs};

typed_tlvs! {
    /// A TLV of SBC-REQ or SBC-RSP.
    pub enum SbcTlv {
        /// Bandwidth allocation support, 1 octet: bit 1 full duplex.
        BandwidthAllocation(u8) = 1,
        /// Capabilities for construction and transmission of MAC PDUs, 1 octet: bit 0 requests piggybacked on PDUs.
        MacPduCapabilities(u8) = 4,
        /// PKM flow control, 1 octet: PKM transactions at a time; 0 is no limit.
        PkmFlowControl(u8) = 15,
        /// Maximum number of supported security associations, 1 octet.
        MaxSecurityAssociations(u8) = 17,
        /// Security negotiation parameters.
        SecurityNegotiation(SecurityNegotiation) = 25,
        /// Extension capability, 1 octet: bit 0 extended subheader format.
        ExtensionCapability(u8) = 27,
        /// HO trigger metric support, 1 octet: bit 0 CINR, 1 RSSI, 2 relative delay, 3 round trip delay.
        HoTriggerMetrics(u8) = 28,
        /// Current transmit power, 1 octet, units of 0.5 dBm from -64 dBm.
        CurrentTransmitPower(u8) = 147,
    }
}

/// What follows the type octet of SBC-REQ and SBC-RSP alike: TLVs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SbcMessage {
    /// The TLVs, in order. A getter gives the first of its type.
    pub tlvs: Vec<SbcTlv>,
}

impl SbcMessage {
    /// Message type of SBC-REQ.
    pub const REQ: u8 = 26;
    /// Message type of SBC-RSP.
    pub const RSP: u8 = 27;

    const LAYER: &'static str = "SBC";

    /// Reads a whole message of either type, type octet first.
    ///
    /// # Errors
    /// No type octet, or octets after it that are not TLVs.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        let mut parser = (expect("a message type", be_u8), list).map(|(_, tlvs)| Self { tlvs });
        finish(Self::LAYER, message, parser.parse(message)).map(|(_, message)| message)
    }

    /// The whole message of type `message_type`, [`REQ`](Self::REQ) or [`RSP`](Self::RSP), type octet first.
    ///
    /// # Errors
    /// A TLV that cannot be written.
    pub fn octets(&self, message_type: u8) -> Result<Vec<u8>, WireError> {
        let tlvs = SbcTlv::octets_of_all(&self.tlvs)?;
        serialised(Self::LAYER, tuple((write_be_u8(message_type), slice(tlvs))))
    }

    /// Security negotiation parameters.
    #[must_use]
    pub fn security_negotiation(&self) -> Option<&SecurityNegotiation> {
        first!(self.tlvs, SbcTlv::SecurityNegotiation)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pkm_attributes::SecurityNegotiationItem;
    use super::*;

    #[test]
    fn capabilities_follow_the_type_and_the_negotiation_is_that_of_pkm() {
        let negotiation = SecurityNegotiation(vec![
            SecurityNegotiationItem::PkmVersion(SecurityNegotiation::PKM_V2),
            SecurityNegotiationItem::MacMode(SecurityNegotiation::CMAC),
        ]);
        let message =
            SbcMessage { tlvs: vec![SbcTlv::HoTriggerMetrics(3), SbcTlv::SecurityNegotiation(negotiation.clone())] };
        let octets = message.octets(SbcMessage::REQ).unwrap();
        assert_eq!(hex::encode(&octets), "1a1c01031906010102030102");
        let parsed = SbcMessage::parse(&octets).unwrap();
        assert_eq!(parsed.security_negotiation(), Some(&negotiation));
        assert_eq!(parsed, message);
        assert_eq!(message.octets(SbcMessage::RSP).unwrap().first(), Some(&27));
    }

    #[test]
    fn a_fault_is_told_with_its_offset_in_the_message() {
        for (octets, offset) in [(&[][..], 0), (&[26, 28, 2, 0], 3)] {
            let error = SbcMessage::parse(octets).unwrap_err();
            assert_eq!((error.layer, error.offset), ("SBC", offset), "{octets:?}");
        }
    }
}
