//! What is on the air of UTRAN: RRC messages, and user packets that f8 has ciphered.
//!
//! Below RRC there is nothing of UTRAN here: MAC and RLC have no part in keys, and Wireshark reads RRC by itself. A frame is a record
//! of this project \[choice\], all numbers most significant octet first:
//!
//! `55` | direction (0 up, 1 down) | U-RNTI (4 octets) | radio bearer (2 signalling, 5 user) | contents
//!
//! The contents are an RRC message, or an RLC sequence number (2 octets, 12 bits used) and a ciphered packet. In a capture a frame is an
//! upper PDU on link type 252: of signalling the RRC message alone, for Wireshark's dissector of its channel; of a user packet the whole
//! record, for the dissector `data`.

use std::net::Ipv4Addr;

use cookie_factory::bytes::{be_u8, be_u16, be_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::bytes::complete::tag;
use nom::number::complete;

use super::WireError;
use super::pdcp::unwritable;
use super::radio_frame::{direction, in_upper_pdu};
use crate::dot16::wire::parsing::{Fault, Parsed, expect, finish};
use crate::dot16::wire::serialising::serialised;
use crate::eps::parameters::LinkDirection;

const LAYER: &str = "frame of UTRAN";
/// The first octet of every frame: no other frame of EPS begins so.
const MARK: u8 = 0x55;
/// The radio bearer of RRC messages.
const SIGNALLING: u8 = 2;
/// The radio bearer of user packets.
const USER: u8 = 5;
/// Sequence numbers are below this.
pub const SEQUENCE_NUMBERS: u16 = 1 << 12;

/// What is in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UtranContents {
    /// An RRC message on DCCH, with its integrity check.
    Signalling(Vec<u8>),
    /// A user packet.
    User {
        /// RLC sequence number: the low 12 bits of COUNT-C.
        sequence_number: u16,
        /// The packet, ciphered.
        packet: Vec<u8>,
    },
}

/// A frame on the air of UTRAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UtranFrame {
    /// Up or down.
    pub direction: LinkDirection,
    /// U-RNTI: RNC (12 bits), UE (20 bits).
    pub u_rnti: u32,
    /// What is in it.
    pub contents: UtranContents,
}

impl UtranFrame {
    /// Takes a frame apart.
    ///
    /// # Errors
    /// It begins otherwise, has another bearer, or a sequence number above 12 bits.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        finish(LAYER, octets, frame(octets)).map(|(_, frame)| frame)
    }

    /// The octets of the frame.
    ///
    /// # Errors
    /// A sequence number above 12 bits.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let head = (slice([MARK, self.direction as u8]), be_u32(self.u_rnti));
        match &self.contents {
            UtranContents::Signalling(message) => {
                serialised(LAYER, tuple((tuple(head), be_u8(SIGNALLING), slice(message))))
            }
            UtranContents::User { sequence_number, .. } if *sequence_number >= SEQUENCE_NUMBERS => {
                Err(unwritable(LAYER, 7, "a sequence number of 12 bits", (*sequence_number).into()))
            }
            UtranContents::User { sequence_number, packet } => {
                serialised(LAYER, tuple((tuple(head), be_u8(USER), be_u16(*sequence_number), slice(packet))))
            }
        }
    }

    /// The frame as it stands in a capture of link type 252.
    ///
    /// # Errors
    /// What [`UtranFrame::octets`] refuses.
    pub fn in_capture(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Result<Vec<u8>, WireError> {
        match (&self.contents, self.direction) {
            (UtranContents::Signalling(message), LinkDirection::Uplink) => {
                in_upper_pdu("rrc.ul.dcch", source, destination, message)
            }
            (UtranContents::Signalling(message), LinkDirection::Downlink) => {
                in_upper_pdu("rrc.dl.dcch", source, destination, message)
            }
            (UtranContents::User { .. }, _) => in_upper_pdu("data", source, destination, &self.octets()?),
        }
    }
}

fn frame(input: &[u8]) -> Parsed<'_, UtranFrame> {
    let (input, _) = expect("0x55, a frame of UTRAN", tag(&[MARK][..])).parse(input)?;
    let (input, direction) = direction(input)?;
    let (input, u_rnti) = expect("U-RNTI, 4 octets", complete::be_u32).parse(input)?;
    let contents = match input.split_first() {
        Some((&SIGNALLING, message)) => UtranContents::Signalling(message.to_vec()),
        Some((&USER, rest)) => {
            let (packet, sequence_number) = expect("a sequence number, 2 octets", complete::be_u16).parse(rest)?;
            if sequence_number >= SEQUENCE_NUMBERS {
                return Err(Fault::error(rest, "a sequence number of 12 bits"));
            }
            UtranContents::User { sequence_number, packet: packet.to_vec() }
        }
        _ => return Err(Fault::error(input, "radio bearer 2 or 5")),
    };
    Ok((&[], UtranFrame { direction, u_rnti, contents }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::damage::survives;
    use super::*;
    use crate::capture::upper_pdu::UpperPdu;

    #[test]
    fn the_octets_are_those_of_the_layout() {
        let contents = UtranContents::User { sequence_number: 0x0abc, packet: vec![0x45] };
        let frame = UtranFrame { direction: LinkDirection::Downlink, u_rnti: 0x0050_0007, contents };
        assert_eq!(hex::encode(frame.octets().unwrap()), "550100500007050abc45");
        let wide = UtranContents::User { sequence_number: 0x1000, packet: Vec::new() };
        assert!(UtranFrame { contents: wide, ..frame }.octets().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_frame_goes_round_and_survives_damage(
            down: bool,
            u_rnti: u32,
            number in proptest::option::of(0..SEQUENCE_NUMBERS),
            octets in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let direction = if down { LinkDirection::Downlink } else { LinkDirection::Uplink };
            let contents = match number {
                Some(sequence_number) => UtranContents::User { sequence_number, packet: octets.clone() },
                None => UtranContents::Signalling(octets.clone()),
            };
            let frame = UtranFrame { direction, u_rnti, contents };
            let written = frame.octets().unwrap();
            prop_assert_eq!(&UtranFrame::parse(&written).unwrap(), &frame);
            survives(&written, true, |octets| UtranFrame::parse(octets).is_ok());
            let (source, destination) = (Ipv4Addr::new(10, 16, 0, 1), Ipv4Addr::new(10, 16, 0, 2));
            let captured = frame.in_capture(source, destination).unwrap();
            let shown = UpperPdu::parse(&captured).unwrap();
            let name = match (number, down) {
                (Some(_), _) => "data",
                (None, true) => "rrc.dl.dcch",
                (None, false) => "rrc.ul.dcch",
            };
            prop_assert_eq!((&*shown.dissector, shown.source), (name, Some(source)));
            prop_assert_eq!(shown.payload, if number.is_some() { &written[..] } else { &octets[..] });
        }
    }
}
