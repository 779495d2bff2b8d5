//! Attributes of RADIUS packets: `type (1) | length (1) | value`, the length counting all three (RFC 2865 section 5), with those
//! that carry EAP (RFC 3579 section 3) and the keys that come of it (RFC 2548 section 2.4).

use std::net::Ipv4Addr;

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u32 as write_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::error::{BackboneError, serialise};

const LAYER: &str = "RADIUS attribute";
/// Octets of type and length.
pub(super) const HEADER_OCTETS: usize = 2;
/// Octets of a value at the most.
pub const LONGEST_VALUE: usize = 253;
/// The private enterprise number whose attributes carry keys.
const VENDOR_MICROSOFT: u32 = 311;
const MPPE_SEND_KEY: u8 = 16;
const MPPE_RECV_KEY: u8 = 17;
/// Octets before the salt: vendor, type and length of the vendor's attribute.
const VENDOR_OCTETS: usize = 6;

const USER_NAME: u8 = 1;
const NAS_IP_ADDRESS: u8 = 4;
const STATE: u8 = 24;
const VENDOR_SPECIFIC: u8 = 26;
const SESSION_TIMEOUT: u8 = 27;
const CALLING_STATION_ID: u8 = 31;
const NAS_IDENTIFIER: u8 = 32;
const EAP_MESSAGE: u8 = 79;
const MESSAGE_AUTHENTICATOR: u8 = 80;

/// Which half of the MSK an attribute carries, seen from the Authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MppeKeyKind {
    /// MS-MPPE-Send-Key (16): octets 32 to 63 of the MSK.
    Send,
    /// MS-MPPE-Recv-Key (17): octets 0 to 31 of the MSK.
    Recv,
}

/// An attribute. Texts and octet strings have at most 253 octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RadiusAttribute {
    /// User-Name (1): the identity that the mobile gave.
    UserName(Vec<u8>),
    /// NAS-IP-Address (4), 4 octets: the Authenticator.
    NasIpAddress(Ipv4Addr),
    /// State (24): what the server wants to have back with the next request.
    State(Vec<u8>),
    /// Session-Timeout (27), 4 octets, most significant first: the lifetime of the PMK in seconds.
    SessionTimeout(u32),
    /// Calling-Station-Id (31): the MAC address of the mobile in hex with dashes (RFC 3580 section 3.21).
    CallingStationId(Vec<u8>),
    /// NAS-Identifier (32): the Authenticator's name.
    NasIdentifier(Vec<u8>),
    /// EAP-Message (79): an EAP packet, or a part of one; the parts stand in order.
    EapMessage(Vec<u8>),
    /// Message-Authenticator (80), 16 octets: HMAC-MD5 over the packet.
    MessageAuthenticator([u8; 16]),
    /// MS-MPPE-Send-Key or MS-MPPE-Recv-Key in Vendor-Specific (26): half of the MSK, encrypted.
    MppeKey {
        /// Which half.
        kind: MppeKeyKind,
        /// 2 octets, most significant first; the highest bit is set.
        salt: u16,
        /// The encrypted key with its length, a multiple of 16 octets.
        hidden: Vec<u8>,
    },
    /// Any other attribute, or one of the above whose value is not as it has to be.
    Other {
        /// Type, 1 octet.
        kind: u8,
        /// The value.
        value: Vec<u8>,
    },
}

impl RadiusAttribute {
    /// The attribute of type `kind` with this value.
    #[must_use]
    pub fn from_value(kind: u8, value: &[u8]) -> Self {
        let octets = || value.to_vec();
        let other = || Self::Other { kind, value: octets() };
        match kind {
            USER_NAME => Self::UserName(octets()),
            NAS_IP_ADDRESS => <[u8; 4]>::try_from(value).map_or_else(|_| other(), |ip| Self::NasIpAddress(ip.into())),
            STATE => Self::State(octets()),
            SESSION_TIMEOUT => <[u8; 4]>::try_from(value)
                .map_or_else(|_| other(), |seconds| Self::SessionTimeout(u32::from_be_bytes(seconds))),
            CALLING_STATION_ID => Self::CallingStationId(octets()),
            NAS_IDENTIFIER => Self::NasIdentifier(octets()),
            EAP_MESSAGE => Self::EapMessage(octets()),
            MESSAGE_AUTHENTICATOR => value.try_into().map_or_else(|_| other(), Self::MessageAuthenticator),
            VENDOR_SPECIFIC => mppe_key(value).unwrap_or_else(other),
            _ => other(),
        }
    }

    /// Type and value.
    ///
    /// # Errors
    /// A hidden key of more than 245 octets.
    fn parts(&self) -> Result<(u8, Vec<u8>), BackboneError> {
        Ok(match self {
            Self::UserName(value) => (USER_NAME, value.clone()),
            Self::NasIpAddress(ip) => (NAS_IP_ADDRESS, ip.octets().to_vec()),
            Self::State(value) => (STATE, value.clone()),
            Self::SessionTimeout(seconds) => (SESSION_TIMEOUT, seconds.to_be_bytes().to_vec()),
            Self::CallingStationId(value) => (CALLING_STATION_ID, value.clone()),
            Self::NasIdentifier(value) => (NAS_IDENTIFIER, value.clone()),
            Self::EapMessage(value) => (EAP_MESSAGE, value.clone()),
            Self::MessageAuthenticator(value) => (MESSAGE_AUTHENTICATOR, value.to_vec()),
            Self::MppeKey { kind, salt, hidden } => {
                let kind = match kind {
                    MppeKeyKind::Send => MPPE_SEND_KEY,
                    MppeKeyKind::Recv => MPPE_RECV_KEY,
                };
                // The vendor's length counts its type, itself, salt and string.
                let length = one_octet(VENDOR_OCTETS, hidden.len().saturating_add(4))?;
                let header = (write_u32(VENDOR_MICROSOFT), write_u8(kind), write_u8(length), write_u16(*salt));
                (VENDOR_SPECIFIC, serialise(LAYER, tuple((tuple(header), slice(hidden))))?)
            }
            Self::Other { kind, value } => (*kind, value.clone()),
        })
    }

    /// The octets of the attribute, type and length included.
    ///
    /// # Errors
    /// A value of more than 253 octets.
    pub fn octets(&self) -> Result<Vec<u8>, BackboneError> {
        let (kind, value) = self.parts()?;
        let length = one_octet(1, value.len().saturating_add(HEADER_OCTETS))?;
        serialise(LAYER, tuple((write_u8(kind), write_u8(length), slice(value))))
    }
}

fn one_octet(offset: usize, length: usize) -> Result<u8, BackboneError> {
    u8::try_from(length).map_err(|_| BackboneError::new(LAYER, offset, "a length of at most 255 octets", length))
}

/// The value of Vendor-Specific, if it is nothing but one of the two keys.
fn mppe_key(value: &[u8]) -> Option<RadiusAttribute> {
    let header: IResult<&[u8], (u32, u8, u8, u16)> = (be_u32, be_u8, be_u8, be_u16).parse(value);
    let (hidden, (vendor, kind, length, salt)) = header.ok()?;
    let kind = match kind {
        MPPE_SEND_KEY => MppeKeyKind::Send,
        MPPE_RECV_KEY => MppeKeyKind::Recv,
        _ => return None,
    };
    let whole = vendor == VENDOR_MICROSOFT && usize::from(length) == hidden.len().saturating_add(4);
    whole.then(|| RadiusAttribute::MppeKey { kind, salt, hidden: hidden.to_vec() })
}

/// The attributes that `octets` are, from the first to the last octet; they stand at `offset` in the packet.
pub(super) fn parse_attributes(mut octets: &[u8], mut offset: usize) -> Result<Vec<RadiusAttribute>, BackboneError> {
    let mut attributes = Vec::new();
    while !octets.is_empty() {
        let header: IResult<&[u8], (u8, u8)> = (be_u8, be_u8).parse(octets);
        let (rest, (kind, length)) = header.map_err(|_| {
            BackboneError::new(LAYER, offset, "type and length, 2 octets", format!("{} octets", octets.len()))
        })?;
        let value: IResult<&[u8], &[u8]> = match usize::from(length).checked_sub(HEADER_OCTETS) {
            Some(length) => take(length)(rest),
            None => Err(nom::Err::Error(nom::error::Error::new(rest, nom::error::ErrorKind::Verify))),
        };
        let (rest, value) = value.map_err(|_| {
            let expected = format!("a length from 2 to {}", octets.len());
            BackboneError::new(LAYER, offset.saturating_add(1), expected, format!("length {length}"))
        })?;
        attributes.push(RadiusAttribute::from_value(kind, value));
        octets = rest;
        offset = offset.saturating_add(usize::from(length));
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_have_the_octets_of_the_rfcs() {
        let key = RadiusAttribute::MppeKey { kind: MppeKeyKind::Recv, salt: 0x8001, hidden: vec![0xaa; 16] };
        for (attribute, octets) in [
            (RadiusAttribute::UserName(b"ms".to_vec()), "01046d73".to_owned()),
            (RadiusAttribute::NasIpAddress([10, 16, 0, 254].into()), "04060a1000fe".to_owned()),
            (RadiusAttribute::SessionTimeout(3600), "1b0600000e10".to_owned()),
            (key, format!("1a1a00000137{}{}", "11148001", "aa".repeat(16))),
            (RadiusAttribute::Other { kind: 26, value: vec![0, 0, 1, 0x37] }, "1a0600000137".to_owned()),
            (RadiusAttribute::Other { kind: 80, value: vec![1] }, "500301".to_owned()),
        ] {
            assert_eq!(hex::encode(attribute.octets().unwrap()), octets);
            assert_eq!(parse_attributes(&hex::decode(octets).unwrap(), 0), Ok(vec![attribute]));
        }
    }

    #[test]
    fn a_length_that_does_not_fit_is_told_with_its_offset() {
        for (octets, offset) in [("01", 20), ("0101", 21), ("01036d1b05", 24), ("010461", 21)] {
            let error = parse_attributes(&hex::decode(octets).unwrap(), 20).unwrap_err();
            assert_eq!((error.layer, error.offset), (LAYER, offset), "{octets}");
        }
        assert!(RadiusAttribute::State(vec![0; 254]).octets().is_err());
        let hidden = vec![0; 252];
        assert!(RadiusAttribute::MppeKey { kind: MppeKeyKind::Send, salt: 0, hidden }.octets().is_err());
    }
}
