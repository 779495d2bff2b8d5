//! What is on the air of GERAN: LLC frames.
//!
//! Below LLC there is nothing of GERAN here: RLC and MAC have no part in keys. A frame is a record of this project \[choice\], all numbers
//! most significant octet first:
//!
//! `56` | direction (0 up, 1 down) | TLLI (4 octets) | LLC frame
//!
//! In a capture a frame is an upper PDU on link type 252: the LLC frame alone, for the dissector `llcgprs`.

use std::net::Ipv4Addr;

use super::super::WireError;
use super::super::radio_frame::in_upper_pdu;
use crate::eps::parameters::LinkDirection;

/// The first octet of every frame: no other frame of EPS begins so.
const MARK: u8 = 0x56;

/// A frame on the air of GERAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeranFrame {
    /// Up or down.
    pub direction: LinkDirection,
    /// What the UE calls itself.
    pub tlli: u32,
    /// The LLC frame.
    pub llc: Vec<u8>,
}

impl GeranFrame {
    /// Takes a frame apart.
    ///
    /// # Errors
    /// It begins otherwise, or is shorter than what stands before the LLC frame.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let (direction, rest) = match octets {
            [MARK, 0, rest @ ..] => (LinkDirection::Uplink, rest),
            [MARK, 1, rest @ ..] => (LinkDirection::Downlink, rest),
            _ => return Err(refused(0, "0x56 and a direction, a frame of GERAN", octets)),
        };
        let (tlli, llc) = rest.split_first_chunk().ok_or_else(|| refused(2, "TLLI, 4 octets", rest))?;
        Ok(Self { direction, tlli: u32::from_be_bytes(*tlli), llc: llc.to_vec() })
    }

    /// The octets of the frame.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        [&[MARK, self.direction as u8], &self.tlli.to_be_bytes()[..], &self.llc].concat()
    }

    /// The frame as it stands in a capture of link type 252.
    ///
    /// # Errors
    /// None that depends on the value.
    pub fn in_capture(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Result<Vec<u8>, WireError> {
        in_upper_pdu("llcgprs", source, destination, &self.llc)
    }
}

fn refused(offset: usize, expected: &'static str, found: &[u8]) -> WireError {
    let found = format!("{:02x?}", found.get(..4).unwrap_or(found));
    WireError { layer: "frame of GERAN", offset, expected: expected.into(), found }
}

#[cfg(test)]
mod tests {
    use super::super::super::damage::survives;
    use super::*;

    #[test]
    fn a_frame_goes_round_and_survives_damage() {
        let frame = GeranFrame { direction: LinkDirection::Downlink, tlli: 0x7800_0001, llc: vec![0x41, 0xc0] };
        let octets = frame.octets();
        assert_eq!(hex::encode(&octets), "56017800000141c0");
        assert_eq!(GeranFrame::parse(&octets), Ok(frame));
        survives(&octets, true, |octets| GeranFrame::parse(octets).is_ok());
        for other in [&[0x55, 0, 0, 0, 0, 0][..], &[0x56, 2, 0, 0, 0, 0], &[0x56, 0, 0, 0, 0], &[]] {
            assert!(GeranFrame::parse(other).is_err());
        }
    }
}
