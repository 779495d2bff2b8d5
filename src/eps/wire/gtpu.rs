//! GTP-U: the packets in the tunnels of the user plane, UDP port 2152 (TS 29.281 clause 5.1).
//!
//! Where packets are ciphered by a UPE, PDCP PDUs are in the tunnels between eNB and UPE and between UPEs: their number stands in the
//! extension header for it too (clause 5.2.2.2), which is the only one that is used here.

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u32 as write_u32};
use cookie_factory::combinator::{cond, slice};
use cookie_factory::sequence::tuple;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::WireError;
use super::core_error::{length_16, serialise};
use crate::eps::identifiers::Teid;

/// UDP port of GTP-U, source and destination.
pub const GTPU_PORT: u16 = 2152;

const LAYER: &str = "GTP-U";
/// Octets of the header without the optional fields.
const HEADER_OCTETS: usize = 8;
/// Where the length stands: the octets after the header.
const LENGTH_OFFSET: usize = 2;
/// Version 1, GTP rather than GTP', none of the optional fields.
const FLAGS: u8 = 0x30;
/// The same with extension headers, and so with all optional fields.
const EXTENDED: u8 = 0x34;
/// Type of the extension header of a PDCP PDU number.
const PDCP_NUMBER: u8 = 0xc0;
/// Optional fields and that extension header: sequence number and N-PDU number of 0, the type; its length in four octets, the number,
/// and that no other follows.
const EXTENSION_OCTETS: usize = 8;
/// Message type of the end of a path: nothing follows in this tunnel.
const END_MARKER: u8 = 254;
/// Message type of user data.
const G_PDU: u8 = 255;

/// A packet of GTP-U: the payload of UDP port 2152.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GtpuPacket {
    /// G-PDU: a user packet in its tunnel.
    User {
        /// The tunnel, by what its receiving end calls it.
        teid: Teid,
        /// The number of the PDCP PDU, 12 bits of COUNT, if it is one or is to become one.
        pdcp_number: Option<u16>,
        /// The packet: IPv4, or a PDCP PDU whose ciphered part is one.
        packet: Vec<u8>,
    },
    /// End Marker: the last of a tunnel whose path was switched (TS 29.281 clause 7.3.2).
    EndMarker {
        /// The tunnel.
        teid: Teid,
        /// The number that the PDCP PDU has that follows on another path: 12 bits of COUNT.
        pdcp_number: Option<u16>,
    },
}

fn header(input: &[u8]) -> IResult<&[u8], (u8, u8, u16, u32)> {
    (be_u8, be_u8, be_u16, be_u32).parse(input)
}

fn extension(input: &[u8]) -> IResult<&[u8], (u32, u8, u16, u8)> {
    (be_u32, be_u8, be_u16, be_u8).parse(input)
}

impl GtpuPacket {
    /// The same in another tunnel.
    #[must_use]
    pub fn in_tunnel(self, teid: Teid) -> Self {
        match self {
            Self::User { pdcp_number, packet, .. } => Self::User { teid, pdcp_number, packet },
            Self::EndMarker { pdcp_number, .. } => Self::EndMarker { teid, pdcp_number },
        }
    }

    /// The packet that `octets` (the whole payload of UDP) are.
    ///
    /// # Errors
    ///
    /// Fewer than 8 octets; another version; optional fields other than the number of a PDCP PDU; a length that differs from the octets after the header; a message
    /// other than G-PDU and End Marker; an End Marker that something follows.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let error = |offset, expected: &'static str, found: String| Err(WireError::new(LAYER, offset, expected, found));
        let Ok((packet, (flags, kind, length, teid))) = header(octets) else {
            return error(octets.len(), "a header of 8 octets", format!("{} octets", octets.len()));
        };
        if flags != FLAGS && flags != EXTENDED {
            let expected = "version 1 without optional fields (0x30) or with an extension header (0x34)";
            return error(0, expected, format!("{flags:#04x}"));
        }
        if usize::from(length) != packet.len() {
            let expected = format!("length {}, the octets after the header", packet.len());
            return Err(WireError::new(LAYER, LENGTH_OFFSET, expected, format!("length {length}")));
        }
        let teid = Teid(teid);
        let (packet, pdcp_number) = match extension(packet) {
            _ if flags == FLAGS => (packet, None),
            Ok((packet, (0x0000_00c0, 1, number, 0))) => (packet, Some(number)),
            _ => {
                let expected = "optional fields of 0 and the number of a PDCP PDU (0x000000c0, 1 times four octets)";
                return error(HEADER_OCTETS, expected, "others".to_owned());
            }
        };
        match kind {
            G_PDU => Ok(Self::User { teid, pdcp_number, packet: packet.to_vec() }),
            END_MARKER if packet.is_empty() => Ok(Self::EndMarker { teid, pdcp_number }),
            END_MARKER => error(HEADER_OCTETS, "nothing after an End Marker", format!("{} octets", packet.len())),
            other => error(1, "G-PDU (255) or End Marker (254)", format!("message type {other}")),
        }
    }

    /// The octets of the packet, header included.
    ///
    /// # Errors
    ///
    /// A user packet of more than 65535 octets.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let (kind, teid, number, packet) = match self {
            Self::User { teid, pdcp_number, packet } => (G_PDU, teid, pdcp_number, packet.as_slice()),
            Self::EndMarker { teid, pdcp_number } => (END_MARKER, teid, pdcp_number, &[][..]),
        };
        let (flags, extended) = if number.is_some() { (EXTENDED, EXTENSION_OCTETS) } else { (FLAGS, 0) };
        let length = length_16(LAYER, LENGTH_OFFSET, packet.len().saturating_add(extended))?;
        let header = (write_u8(flags), write_u8(kind), write_u16(length), write_u32(teid.0));
        let number = number.unwrap_or_default();
        let extension = (write_u32(PDCP_NUMBER.into()), write_u8(1), write_u16(number), write_u8(0));
        serialise(LAYER, tuple((tuple(header), cond(extended != 0, tuple(extension)), slice(packet))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_user_packet_is_its_header_and_the_packet() {
        let user = |pdcp_number| GtpuPacket::User { teid: Teid(0x0102_0304), pdcp_number, packet: vec![0x45, 0] };
        assert_eq!(user(None).octets().unwrap(), [0x30, 0xff, 0, 2, 1, 2, 3, 4, 0x45, 0]);
        let numbered = [0x34, 0xff, 0, 10, 1, 2, 3, 4, 0, 0, 0, 0xc0, 1, 0x0a, 0xbc, 0, 0x45, 0];
        assert_eq!(user(Some(0xabc)).octets().unwrap(), numbered);
        let end = GtpuPacket::EndMarker { teid: Teid(1), pdcp_number: None };
        assert_eq!(end.octets().unwrap(), [0x30, 0xfe, 0, 0, 0, 0, 0, 1]);
        assert_eq!(user(Some(1)).in_tunnel(Teid(9)).in_tunnel(Teid(0x0102_0304)), user(Some(1)));
    }

    #[test]
    fn every_prefix_is_an_error_and_every_changed_octet_a_packet_or_an_error() {
        for pdcp_number in [None, Some(0xabc)] {
            let packet = GtpuPacket::User { teid: Teid(7), pdcp_number, packet: vec![0x45, 0] };
            let octets = packet.octets().unwrap();
            for length in 0..octets.len() {
                assert!(GtpuPacket::parse(&octets[..length]).is_err());
            }
            for place in 0..octets.len() {
                for value in 0..=255 {
                    let mut changed = octets.clone();
                    changed[place] = value;
                    if let Ok(packet) = GtpuPacket::parse(&changed) {
                        assert_eq!(packet.octets().unwrap(), changed);
                    }
                }
            }
        }
        let error = GtpuPacket::parse(&[0x32, 0xff, 0, 0, 0, 0, 0, 1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "GTP-U, octet 0: expected version 1 without optional fields (0x30) or with an extension header (0x34), found 0x32"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_written_is_read_back(
            teid in any::<u32>().prop_map(Teid),
            pdcp_number in any::<Option<u16>>(),
            packet in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let user = GtpuPacket::User { teid, pdcp_number, packet };
            for packet in [user, GtpuPacket::EndMarker { teid, pdcp_number }] {
                prop_assert_eq!(GtpuPacket::parse(&packet.octets().unwrap()), Ok(packet));
            }
        }
    }
}
