//! EAP packets (RFC 3748 section 4): what the EAP payload of a PKM message, of AR_EAP_Transfer and of RADIUS
//! holds.

use cookie_factory::bytes::{be_u8 as write_be_u8, be_u16 as write_be_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::number::complete::{be_u8, be_u16};

use super::eap_tls_data::EapTlsData;
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

    /// Code and type in the words of the RFC; of EAP-TLS also what the packet begins with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Request(EapExchange { kind: EapExchange::IDENTITY, .. }) => "Request, Identity",
            Self::Request(EapExchange { kind: EapExchange::NOTIFICATION, .. }) => "Request, Notification",
            Self::Request(EapExchange { kind: EapExchange::TLS, data, .. }) => match TlsContent::of(data) {
                TlsContent::Start => "Request, TLS Start",
                TlsContent::ServerHello => "Request, TLS ServerHello",
                TlsContent::ChangeCipherSpec => "Request, TLS ChangeCipherSpec",
                TlsContent::Alert => "Request, TLS Alert",
                TlsContent::Nothing => "Request, TLS acknowledgement",
                _ => "Request, TLS",
            },
            Self::Request(_) => "Request",
            Self::Response(EapExchange { kind: EapExchange::IDENTITY, .. }) => "Response, Identity",
            Self::Response(EapExchange { kind: EapExchange::NAK, .. }) => "Response, Nak",
            Self::Response(EapExchange { kind: EapExchange::NOTIFICATION, .. }) => "Response, Notification",
            Self::Response(EapExchange { kind: EapExchange::TLS, data, .. }) => match TlsContent::of(data) {
                TlsContent::ClientHello => "Response, TLS ClientHello",
                TlsContent::Certificate => "Response, TLS Certificate",
                TlsContent::Alert => "Response, TLS Alert",
                TlsContent::Nothing => "Response, TLS acknowledgement",
                _ => "Response, TLS",
            },
            Self::Response(_) => "Response",
            Self::Success { .. } => "Success",
            Self::Failure { .. } => "Failure",
        }
    }
}

/// With what an EAP-TLS packet begins (RFC 5246 sections 6.2.1, 7.4).
enum TlsContent {
    Start,
    Nothing,
    ClientHello,
    ServerHello,
    Certificate,
    ChangeCipherSpec,
    Alert,
    /// Something else, or the rest of a message.
    Other,
}

impl TlsContent {
    fn of(data: &[u8]) -> Self {
        let Ok(data) = EapTlsData::parse(data) else {
            return Self::Other;
        };
        // Record: type, version, length; then the type of the handshake message.
        match data.tls.as_slice() {
            [] if data.start => Self::Start,
            [] => Self::Nothing,
            [20, 3, ..] => Self::ChangeCipherSpec,
            [21, 3, ..] => Self::Alert,
            [22, 3, _, _, _, 1, ..] => Self::ClientHello,
            [22, 3, _, _, _, 2, ..] => Self::ServerHello,
            [22, 3, _, _, _, 11, ..] => Self::Certificate,
            _ => Self::Other,
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
    fn packets_of_eap_tls_are_called_by_what_they_begin_with() {
        for (code, data, name) in [
            (1, "20", "Request, TLS Start"),
            (2, "0016030100a001", "Response, TLS ClientHello"),
            (1, "80000000051603030050 02", "Request, TLS ServerHello"),
            (2, "001603030050 0b", "Response, TLS Certificate"),
            (1, "00140303000101", "Request, TLS ChangeCipherSpec"),
            (1, "001503030002022d", "Request, TLS Alert"),
            (2, "001503030002022d", "Response, TLS Alert"),
            (2, "00", "Response, TLS acknowledgement"),
            (1, "00", "Request, TLS acknowledgement"),
            (1, "40ffee", "Request, TLS"),
            (2, "80", "Response, TLS"),
        ] {
            let data = hex::decode(data.replace(' ', "")).unwrap();
            let exchange = EapExchange { identifier: 1, kind: EapExchange::TLS, data };
            let packet = if code == 1 { EapPacket::Request(exchange) } else { EapPacket::Response(exchange) };
            assert_eq!(packet.name(), name);
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
