//! EAP packets (RFC 3748 section 4): what the EAP payload of a PKM message and of AR_EAP_Transfer holds.

use cookie_factory::bytes::{be_u8 as write_be_u8, be_u16 as write_be_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::number::complete::{be_u8, be_u16};

use super::error::WireError;
use super::parsing::{describe, expect, finish};
use super::serialising::serialised;

const LAYER: &str = "EAP packet";
/// Octets of code, identifier and length.
const HEADER: usize = 4;

/// An EAP packet: `code | identifier | length | type | data`, the last two in requests and responses only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EapPacket {
    /// Code 1, from the Authenticator.
    Request(EapExchange),
    /// Code 2, from the mobile; it repeats the identifier of the request.
    Response(EapExchange),
    /// Code 3: the mobile is authenticated.
    Success {
        /// That of the last response, 1 octet.
        identifier: u8,
    },
    /// Code 4: it is not.
    Failure {
        /// That of the last response, 1 octet.
        identifier: u8,
    },
}

/// What a request and its response hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EapExchange {
    /// Tells requests apart, 1 octet.
    pub identifier: u8,
    /// Type, 1 octet: what the data are.
    pub kind: u8,
    /// The data, at most 65530 octets.
    pub data: Vec<u8>,
}

impl EapExchange {
    /// Type: who the peer is.
    pub const IDENTITY: u8 = 1;
    /// Type, in responses only: the requested method will not do.
    pub const NAK: u8 = 3;
    /// Type: a text for the user.
    pub const NOTIFICATION: u8 = 2;
    /// Type: EAP-TLS (RFC 5216).
    pub const TLS: u8 = 13;
}

impl EapPacket {
    /// Reads a whole packet.
    ///
    /// # Errors
    /// Fewer than 4 octets, a code other than 1 to 4, a length field that differs from the number of octets, no type in a
    /// request or response, or octets after a success or failure.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let mut header = (expect("the code", be_u8), expect("the identifier", be_u8), expect("the length", be_u16));
        let (rest, (code, identifier, length)) = finish(LAYER, octets, header.parse(octets))?;
        let refused = |offset, expected: &'static str, found: String| WireError {
            layer: LAYER,
            offset,
            expected: expected.into(),
            found,
        };
        if usize::from(length) != octets.len() {
            return Err(refused(2, "the number of octets of the packet", length.to_string()));
        }
        let exchange = || {
            let (kind, data) = rest.split_first().ok_or_else(|| refused(HEADER, "a type", describe(rest)))?;
            Ok(EapExchange { identifier, kind: *kind, data: data.to_vec() })
        };
        match code {
            1 => exchange().map(Self::Request),
            2 => exchange().map(Self::Response),
            3 | 4 if !rest.is_empty() => Err(refused(HEADER, "the end", describe(rest))),
            3 => Ok(Self::Success { identifier }),
            4 => Ok(Self::Failure { identifier }),
            other => Err(refused(0, "code 1, 2, 3 or 4", other.to_string())),
        }
    }

    /// The octets of the packet.
    ///
    /// # Errors
    /// More data than the length field can count.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let (code, identifier, body) = match self {
            Self::Request(exchange) => (1, exchange.identifier, exchange.body()),
            Self::Response(exchange) => (2, exchange.identifier, exchange.body()),
            Self::Success { identifier } => (3, *identifier, Vec::new()),
            Self::Failure { identifier } => (4, *identifier, Vec::new()),
        };
        let length = u16::try_from(body.len().saturating_add(HEADER)).map_err(|_| WireError {
            layer: LAYER,
            offset: 2,
            expected: "at most 65530 octets of data".into(),
            found: body.len().to_string(),
        })?;
        serialised(LAYER, tuple((write_be_u8(code), write_be_u8(identifier), write_be_u16(length), slice(body))))
    }

    /// Code and type in the words of the RFC.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Request(EapExchange { kind: EapExchange::IDENTITY, .. }) => "Request, Identity",
            Self::Request(EapExchange { kind: EapExchange::NOTIFICATION, .. }) => "Request, Notification",
            Self::Request(EapExchange { kind: EapExchange::TLS, .. }) => "Request, TLS",
            Self::Request(_) => "Request",
            Self::Response(EapExchange { kind: EapExchange::IDENTITY, .. }) => "Response, Identity",
            Self::Response(EapExchange { kind: EapExchange::NAK, .. }) => "Response, Nak",
            Self::Response(EapExchange { kind: EapExchange::NOTIFICATION, .. }) => "Response, Notification",
            Self::Response(EapExchange { kind: EapExchange::TLS, .. }) => "Response, TLS",
            Self::Response(_) => "Response",
            Self::Success { .. } => "Success",
            Self::Failure { .. } => "Failure",
        }
    }
}

impl EapExchange {
    fn body(&self) -> Vec<u8> {
        [&[self.kind], self.data.as_slice()].concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets_have_the_octets_of_the_rfc() {
        let identity = EapExchange { identifier: 7, kind: EapExchange::IDENTITY, data: Vec::new() };
        let response = EapExchange { data: b"ms".to_vec(), ..identity.clone() };
        for (packet, octets, name) in [
            (EapPacket::Request(identity), "0107000501", "Request, Identity"),
            (EapPacket::Response(response), "02070007016d73", "Response, Identity"),
            (EapPacket::Success { identifier: 8 }, "03080004", "Success"),
            (EapPacket::Failure { identifier: 8 }, "04080004", "Failure"),
        ] {
            assert_eq!((hex::encode(packet.octets().unwrap()).as_str(), packet.name()), (octets, name));
            assert_eq!(EapPacket::parse(&hex::decode(octets).unwrap()), Ok(packet));
        }
    }

    #[test]
    fn a_fault_is_told_with_its_offset() {
        for (octets, offset) in
            [("", 0), ("0107", 2), ("01070006ff", 2), ("01070004", 4), ("0307000500", 4), ("05070004", 0)]
        {
            assert_eq!(EapPacket::parse(&hex::decode(octets).unwrap()).unwrap_err().offset, offset, "{octets}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        #[test]
        fn what_is_read_is_written_back(octets in prop::collection::vec(any::<u8>(), 0..40), fits: bool) {
            let mut octets = octets;
            let length = octets.len();
            if let (true, Some(field)) = (fits, octets.get_mut(2..4)) {
                field.copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
                octets[0] %= 5;
            }
            if let Ok(packet) = EapPacket::parse(&octets) {
                prop_assert_eq!(packet.octets().unwrap(), octets);
            }
        }
    }
}
