//! RADIUS (RFC 2865): how the Authenticator asks the AAA server, with EAP inside (RFC 3579).
//!
//! Header: `code (1) | identifier (1) | length (2) | authenticator (16)`, then attributes. Numbers most significant octet
//! first. The whole payload of UDP port 1812.

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::bytes::complete::take;
use nom::combinator::map_opt;
use nom::number::complete::{be_u8, be_u16};
use nom::{IResult, Parser};

use super::error::{BackboneError, length_16, serialise};
use super::radius_attribute::{LONGEST_VALUE, MppeKeyKind, RadiusAttribute, parse_attributes};
use crate::dot16::identifiers::MsMac;

const LAYER: &str = "RADIUS";
/// Octets of the header.
const HEADER_OCTETS: usize = 20;
/// Octets of a packet at the most (RFC 2865 section 3).
const LONGEST_PACKET: usize = 4096;
/// Where the length stands.
const LENGTH_OFFSET: usize = 2;

/// UDP port of the server.
pub const RADIUS_PORT: u16 = 1812;

/// The code of a packet, 1 octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RadiusCode(pub u8);

impl RadiusCode {
    /// The Authenticator asks.
    pub const ACCESS_REQUEST: Self = Self(1);
    /// The mobile is authenticated.
    pub const ACCESS_ACCEPT: Self = Self(2);
    /// It is not.
    pub const ACCESS_REJECT: Self = Self(3);
    /// There is more to ask.
    pub const ACCESS_CHALLENGE: Self = Self(11);

    /// The name of the packet; `"other"` if it has none here.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ACCESS_REQUEST => "Access-Request",
            Self::ACCESS_ACCEPT => "Access-Accept",
            Self::ACCESS_REJECT => "Access-Reject",
            Self::ACCESS_CHALLENGE => "Access-Challenge",
            _ => "other",
        }
    }
}

/// A RADIUS packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadiusPacket {
    /// What it is, 1 octet.
    pub code: RadiusCode,
    /// Tells the requests of one client port apart, 1 octet; the answer repeats it.
    pub identifier: u8,
    /// Request Authenticator or Response Authenticator, 16 octets.
    pub authenticator: [u8; 16],
    /// The attributes, in order.
    pub attributes: Vec<RadiusAttribute>,
}

/// A RADIUS packet in UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadiusDatagram {
    /// UDP source port: of a request any, of an answer 1812.
    pub source: u16,
    /// UDP destination port: of a request 1812, of an answer the one the request came from.
    pub destination: u16,
    /// The packet.
    pub packet: RadiusPacket,
}

type Header = (u8, u8, u16, [u8; 16]);

fn header(input: &[u8]) -> IResult<&[u8], Header> {
    let authenticator = map_opt(take(16_usize), |octets: &[u8]| octets.try_into().ok());
    (be_u8, be_u8, be_u16, authenticator).parse(input)
}

impl RadiusPacket {
    /// The packet that `octets` (the payload of UDP) are. Octets after its length are padding.
    ///
    /// # Errors
    /// Fewer than 20 octets; a length below 20, above 4096 or above the number of octets; an attribute that does not fit.
    /// Unknown codes and attributes are no errors.
    pub fn parse(octets: &[u8]) -> Result<Self, BackboneError> {
        let (_, (code, identifier, length, authenticator)) = header(octets).map_err(|_| {
            BackboneError::new(LAYER, octets.len(), "a header of 20 octets", format!("{} octets", octets.len()))
        })?;
        let whole = usize::from(length);
        let attributes = octets.get(HEADER_OCTETS..whole).filter(|_| whole <= LONGEST_PACKET).ok_or_else(|| {
            let expected = format!("a length from 20 to {}", octets.len().min(LONGEST_PACKET));
            BackboneError::new(LAYER, LENGTH_OFFSET, expected, format!("length {length}"))
        })?;
        let attributes = parse_attributes(attributes, HEADER_OCTETS)?;
        Ok(Self { code: RadiusCode(code), identifier, authenticator, attributes })
    }

    /// The octets of the packet.
    ///
    /// # Errors
    /// A value of more than 253 octets, or more than 4096 octets in all.
    pub fn octets(&self) -> Result<Vec<u8>, BackboneError> {
        let mut attributes = Vec::new();
        for attribute in &self.attributes {
            attributes.extend(attribute.octets()?);
        }
        let whole = attributes.len().saturating_add(HEADER_OCTETS);
        if whole > LONGEST_PACKET {
            return Err(BackboneError::new(LAYER, LENGTH_OFFSET, "at most 4096 octets", format!("{whole} octets")));
        }
        let length = length_16(LAYER, LENGTH_OFFSET, whole)?;
        let header = (write_u8(self.code.0), write_u8(self.identifier), write_u16(length), slice(self.authenticator));
        serialise(LAYER, tuple((tuple(header), slice(attributes))))
    }

    /// The EAP packet in the EAP-Message attributes, put together; none if there are none.
    #[must_use]
    pub fn eap_packet(&self) -> Option<Vec<u8>> {
        let mut parts = self.attributes.iter().filter_map(|attribute| match attribute {
            RadiusAttribute::EapMessage(part) => Some(part.as_slice()),
            _ => None,
        });
        let first = parts.next()?.to_vec();
        Some(parts.fold(first, |mut packet, part| {
            packet.extend_from_slice(part);
            packet
        }))
    }

    /// State, if it is there.
    #[must_use]
    pub fn state(&self) -> Option<&[u8]> {
        self.attributes.iter().find_map(|attribute| match attribute {
            RadiusAttribute::State(state) => Some(state.as_slice()),
            _ => None,
        })
    }

    /// The mobile that Calling-Station-Id names, if it is there and six octets in hex with dashes.
    #[must_use]
    pub fn calling_station(&self) -> Option<MsMac> {
        self.attributes.iter().find_map(|attribute| match attribute {
            RadiusAttribute::CallingStationId(id) => std::str::from_utf8(id).ok()?.replace('-', ":").parse().ok(),
            _ => None,
        })
    }

    /// Session-Timeout in seconds, if it is there.
    #[must_use]
    pub fn session_timeout(&self) -> Option<u32> {
        self.attributes.iter().find_map(|attribute| match attribute {
            RadiusAttribute::SessionTimeout(seconds) => Some(*seconds),
            _ => None,
        })
    }

    /// Salt and encrypted string of a key, if it is there.
    #[must_use]
    pub fn mppe_key(&self, wanted: MppeKeyKind) -> Option<(u16, &[u8])> {
        self.attributes.iter().find_map(|attribute| match attribute {
            RadiusAttribute::MppeKey { kind, salt, hidden } if *kind == wanted => Some((*salt, hidden.as_slice())),
            _ => None,
        })
    }
}

/// The EAP-Message attributes that carry `packet`: as many as it takes, each but the last full.
pub fn eap_messages(packet: &[u8]) -> impl Iterator<Item = RadiusAttribute> {
    packet.chunks(LONGEST_VALUE).map(|part| RadiusAttribute::EapMessage(part.to_vec()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(attributes: Vec<RadiusAttribute>) -> RadiusPacket {
        RadiusPacket { code: RadiusCode::ACCESS_REQUEST, identifier: 7, authenticator: [0x55; 16], attributes }
    }

    #[test]
    fn a_packet_has_the_octets_of_the_rfc_and_padding_after_it_does_no_harm() {
        let packet = request(vec![RadiusAttribute::UserName(b"ms".to_vec())]);
        let mut octets = packet.octets().unwrap();
        assert_eq!(hex::encode(&octets), format!("01070018{}01046d73", "55".repeat(16)));
        octets.extend([0; 3]);
        assert_eq!(RadiusPacket::parse(&octets), Ok(packet));
    }

    #[test]
    fn an_eap_packet_is_cut_and_put_together_again() {
        let eap: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let packet = request(eap_messages(&eap).collect());
        assert_eq!(packet.attributes.len(), 4);
        let read = RadiusPacket::parse(&packet.octets().unwrap()).unwrap();
        assert_eq!(read.eap_packet(), Some(eap));
        assert_eq!(request(Vec::new()).eap_packet(), None);
    }

    #[test]
    fn a_fault_is_told_with_its_offset() {
        let octets = request(vec![RadiusAttribute::State(vec![1, 2])]).octets().unwrap();
        for (length, offset) in [(19_u16, 2), (25, 2), (23, 21), (21, 20)] {
            let mut octets = octets.clone();
            octets[2..4].copy_from_slice(&length.to_be_bytes());
            assert_eq!(RadiusPacket::parse(&octets).unwrap_err().offset, offset, "{length}");
        }
        assert_eq!(RadiusPacket::parse(&octets[..19]).unwrap_err().offset, 19);
        let long = request(eap_messages(&[0; 4100]).collect());
        assert!(long.octets().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn no_octets_bring_it_down(octets in prop::collection::vec(any::<u8>(), 0..80), fits: bool) {
            let mut octets = octets;
            let length = u16::try_from(octets.len()).unwrap();
            if let (true, Some(field)) = (fits, octets.get_mut(2..4)) {
                field.copy_from_slice(&length.to_be_bytes());
            }
            if let Ok(packet) = RadiusPacket::parse(&octets) {
                let written = packet.octets().unwrap();
                prop_assert_eq!(RadiusPacket::parse(&written), Ok(packet));
            }
        }
    }
}
