//! Values of PKM attributes with more than one field: CMAC digest, SA descriptor, security negotiation parameters; and the error
//! codes (802.16-2009 clause 11.9; `dot16-wire.md` 3.5).

use nom::Parser;
use nom::number::complete::be_u32;

use super::error::WireError;
use super::parsing::octets;
use super::sa_tek_update::next_value;
use super::tlv::Tlv;
use super::typed_tlv::{TlvValue, exactly, first, list, typed_tlvs};
use crate::dot16::identifiers::Said;

/// CMAC digest, attribute 40, 12 octets: what the CMAC tuple says in other messages, without the AK sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CmacDigest {
    /// CMAC_PN_U or CMAC_PN_D, 4 octets.
    pub pn: u32,
    /// CMAC value, 8 octets.
    pub value: [u8; 8],
}

impl CmacDigest {
    /// Type number of the attribute.
    pub const TLV: u8 = 40;

    /// The attribute: type 40, length 12, value.
    #[must_use]
    pub fn tlv_octets(&self) -> Vec<u8> {
        let mut octets = vec![Self::TLV, 12];
        octets.extend(self.value_octets());
        octets
    }

    fn value_octets(&self) -> Vec<u8> {
        [&self.pn.to_be_bytes()[..], &self.value].concat()
    }
}

impl TlvValue for CmacDigest {
    fn from_value(value: &[u8]) -> Option<Self> {
        exactly((be_u32, octets).map(|(pn, value)| Self { pn, value }), value)
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        Ok(self.value_octets())
    }
}

/// Error code, 1 octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PkmErrorCode(pub u8);

impl PkmErrorCode {
    /// No reason given.
    pub const NONE: Self = Self(0);
    /// The MS may not use this SAID.
    pub const UNAUTHORIZED_SAID: Self = Self(2);
    /// The key sequence number is not that of a key in use.
    pub const INVALID_KEY_SEQUENCE_NUMBER: Self = Self(4);
    /// The message did not authenticate.
    pub const MESSAGE_AUTHENTICATION_FAILURE: Self = Self(5);
    /// It will not work later either.
    pub const PERMANENT_AUTHORIZATION_FAILURE: Self = Self(6);
}

impl TlvValue for PkmErrorCode {
    fn from_value(value: &[u8]) -> Option<Self> {
        u8::from_value(value).map(Self)
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        self.0.to_value()
    }
}

/// SA descriptor, attribute 23. The sub-attributes are written in the order of the fields; one that is read in another order, or
/// that lacks one of them, stays [`PkmAttribute::Other`](super::PkmAttribute::Other).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaDescriptor {
    /// Attribute 12, 2 octets.
    pub said: Said,
    /// Attribute 24, 1 octet: 0 primary, 1 static, 2 dynamic.
    pub sa_type: u8,
    /// Attribute 31, 1 octet: 0 unicast.
    pub service_type: u8,
    /// Attribute 20, 3 octets: encryption, authentication, TEK encryption; 02 01 04 is AES-CCM with AES key wrap.
    pub suite: [u8; 3],
    /// Further attributes.
    pub other: Vec<Tlv>,
}

impl TlvValue for SaDescriptor {
    fn from_value(value: &[u8]) -> Option<Self> {
        let mut tlvs = Tlv::parse_all(value, 0).ok()?.into_iter().peekable();
        Some(Self {
            said: Said::from_value(&next_value(&mut tlvs, 12)?)?,
            sa_type: u8::from_value(&next_value(&mut tlvs, 24)?)?,
            service_type: u8::from_value(&next_value(&mut tlvs, 31)?)?,
            suite: <[u8; 3]>::from_value(&next_value(&mut tlvs, 20)?)?,
            other: tlvs.collect(),
        })
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        let mut tlvs = vec![
            Tlv { kind: 12, value: self.said.to_value()? },
            Tlv { kind: 24, value: self.sa_type.to_value()? },
            Tlv { kind: 31, value: self.service_type.to_value()? },
            Tlv { kind: 20, value: self.suite.to_value()? },
        ];
        tlvs.extend_from_slice(&self.other);
        Tlv::octets_of_all(&tlvs)
    }
}

typed_tlvs! {
    /// A sub-attribute of the security negotiation parameters.
    pub enum SecurityNegotiationItem {
        /// PKM version support, 1 octet: bit 1 is PKMv2.
        PkmVersion(u8) = 1,
        /// Authorization policy support, 1 octet: bit 1 is EAP at initial network entry, bit 5 at re-entry.
        AuthorizationPolicy(u8) = 2,
        /// Message authentication code mode, 1 octet: bit 1 is CMAC.
        MacMode(u8) = 3,
        /// PN window size, 2 octets.
        PnWindowSize(u16) = 4,
        /// Maximum number of PKM transactions at a time, 1 octet; 0 is no limit.
        MaxConcurrentTransactions(u8) = 5,
        /// Maximum number of security associations, 1 octet.
        MaxSecurityAssociations(u8) = 6,
    }
}

/// Security negotiation parameters, attribute 25.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityNegotiation(
    /// The sub-attributes, in order.
    pub Vec<SecurityNegotiationItem>,
);

impl SecurityNegotiation {
    /// PKM version of PKMv2.
    pub const PKM_V2: u8 = 2;
    /// Authorization policy: EAP at initial network entry.
    pub const EAP_AT_ENTRY: u8 = 2;
    /// Authorization policy: EAP at re-entry.
    pub const EAP_AT_RE_ENTRY: u8 = 0x20;
    /// MAC mode of CMAC.
    pub const CMAC: u8 = 2;

    /// PN window size.
    #[must_use]
    pub fn pn_window_size(&self) -> Option<u16> {
        first!(self.0, SecurityNegotiationItem::PnWindowSize).copied()
    }
}

impl TlvValue for SecurityNegotiation {
    fn from_value(value: &[u8]) -> Option<Self> {
        list(value).ok().map(|(_, items)| Self(items))
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        SecurityNegotiationItem::octets_of_all(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_number_and_the_value() {
        let digest = CmacDigest { pn: 3, value: [0x79, 0xa3, 0x25, 0x72, 0x3c, 0x25, 0x8d, 0x92] };
        assert_eq!(hex::encode(digest.tlv_octets()), "280c0000000379a325723c258d92");
        assert_eq!(CmacDigest::from_value(&digest.to_value().unwrap()), Some(digest));
        assert_eq!(CmacDigest::from_value(&[0; 13]), None);
    }

    #[test]
    fn an_sa_descriptor_has_its_fields_in_order() {
        let descriptor =
            SaDescriptor { said: Said(5), sa_type: 0, service_type: 0, suite: [2, 1, 4], other: Vec::new() };
        let octets = descriptor.to_value().unwrap();
        assert_eq!(hex::encode(&octets), "0c020005 180100 1f0100 1403020104".replace(' ', ""));
        assert_eq!(SaDescriptor::from_value(&octets), Some(descriptor));
        let without_suite = hex::decode("0c0200051801001f0100").unwrap();
        assert_eq!(SaDescriptor::from_value(&without_suite), None);
    }

    #[test]
    fn negotiation_parameters_keep_what_they_do_not_know() {
        let value = hex::decode("010102 030102 04020040 c80105".replace(' ', "")).unwrap();
        let parameters = SecurityNegotiation::from_value(&value).unwrap();
        assert_eq!(parameters.pn_window_size(), Some(64));
        assert!(matches!(parameters.0.last(), Some(SecurityNegotiationItem::Other(Tlv { kind: 200, .. }))));
        assert_eq!(parameters.to_value().unwrap(), value);
    }
}
