//! GTP-U: the packets in the tunnels of the user plane, UDP port 2152 (TS 29.281 clause 5.1).

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u32 as write_u32};
use cookie_factory::combinator::slice;
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
        /// The packet: IPv4.
        packet: Vec<u8>,
    },
    /// End Marker: the last of a tunnel whose path was switched (TS 29.281 clause 7.3.2).
    EndMarker {
        /// The tunnel.
        teid: Teid,
    },
}

fn header(input: &[u8]) -> IResult<&[u8], (u8, u8, u16, u32)> {
    (be_u8, be_u8, be_u16, be_u32).parse(input)
}

impl GtpuPacket {
    /// The packet that `octets` (the whole payload of UDP) are.
    ///
    /// # Errors
    ///
    /// Fewer than 8 octets; another version or optional fields; a length that differs from the octets after the header; a message
    /// other than G-PDU and End Marker; an End Marker that something follows.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let error = |offset, expected: &'static str, found: String| Err(WireError::new(LAYER, offset, expected, found));
        let Ok((packet, (flags, kind, length, teid))) = header(octets) else {
            return error(octets.len(), "a header of 8 octets", format!("{} octets", octets.len()));
        };
        if flags != FLAGS {
            return error(0, "version 1 without optional fields (0x30)", format!("{flags:#04x}"));
        }
        if usize::from(length) != packet.len() {
            let expected = format!("length {}, the octets after the header", packet.len());
            return Err(WireError::new(LAYER, LENGTH_OFFSET, expected, format!("length {length}")));
        }
        let teid = Teid(teid);
        match kind {
            G_PDU => Ok(Self::User { teid, packet: packet.to_vec() }),
            END_MARKER if packet.is_empty() => Ok(Self::EndMarker { teid }),
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
        let (kind, teid, packet) = match self {
            Self::User { teid, packet } => (G_PDU, teid, packet.as_slice()),
            Self::EndMarker { teid } => (END_MARKER, teid, &[][..]),
        };
        let length = length_16(LAYER, LENGTH_OFFSET, packet.len())?;
        let header = (write_u8(FLAGS), write_u8(kind), write_u16(length), write_u32(teid.0));
        serialise(LAYER, tuple((tuple(header), slice(packet))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_user_packet_is_its_header_and_the_packet() {
        let packet = GtpuPacket::User { teid: Teid(0x0102_0304), packet: vec![0x45, 0] };
        assert_eq!(packet.octets().unwrap(), [0x30, 0xff, 0, 2, 1, 2, 3, 4, 0x45, 0]);
        assert_eq!(GtpuPacket::EndMarker { teid: Teid(1) }.octets().unwrap(), [0x30, 0xfe, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn every_prefix_is_an_error_and_every_changed_octet_a_packet_or_an_error() {
        let octets = GtpuPacket::User { teid: Teid(7), packet: vec![0x45, 0] }.octets().unwrap();
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
        let error = GtpuPacket::parse(&[0x32, 0xff, 0, 0, 0, 0, 0, 1]).unwrap_err();
        assert_eq!(error.to_string(), "GTP-U, octet 0: expected version 1 without optional fields (0x30), found 0x32");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_written_is_read_back(teid in any::<u32>(), packet in prop::collection::vec(any::<u8>(), 0..50)) {
            for packet in [GtpuPacket::User { teid: Teid(teid), packet }, GtpuPacket::EndMarker { teid: Teid(teid) }] {
                prop_assert_eq!(GtpuPacket::parse(&packet.octets().unwrap()), Ok(packet));
            }
        }
    }
}
