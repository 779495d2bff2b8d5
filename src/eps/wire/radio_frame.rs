//! The record of a capture that holds a MAC PDU of LTE: Wireshark's `mac-lte-framed` (`eps-systems.md` 5.4).
//!
//! It stands behind upper-PDU tags on link type 252. All numbers most significant octet first:
//!
//! `01` FDD | direction (0 up, 1 down) | `03` C-RNTI | `02` C-RNTI (2 octets) | `03` UE id (2) | `04` frame number << 4 | subframe (2)
//! | `01` MAC PDU
//!
//! Wireshark keeps one set of keys and one set of COUNTs for each UE id: a UE gets a new one with every KeNB (5.5).

use std::net::Ipv4Addr;

use cookie_factory::bytes::{be_u8, be_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::bytes::complete::tag;
use nom::number::complete;

use super::WireError;
use super::pdcp::unwritable;
use crate::capture::upper_pdu::{self, UpperPdu};
use crate::dot16::wire::parsing::{Fault, Parsed, expect, finish};
use crate::dot16::wire::serialising::serialised;
use crate::eps::parameters::LinkDirection;

/// The name of the dissector, tag 12.
pub const DISSECTOR: &str = "mac-lte-framed";
const LAYER: &str = "mac-lte-framed record";
/// Radio type.
const FDD: u8 = 1;
/// RNTI type.
const C_RNTI_TYPE: u8 = 3;
const TAG_PAYLOAD: u8 = 1;
const TAG_RNTI: u8 = 2;
const TAG_UE_ID: u8 = 3;
const TAG_SUBFRAME: u8 = 4;
/// Frame numbers are below this.
pub const FRAMES: u16 = 1024;
/// Subframes of a frame, 1 ms each.
pub const SUBFRAMES: u8 = 10;

/// What Wireshark calls a UE, 16 bits: here one number for each UE and KeNB, never one for two of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UeId(pub u16);

/// A MAC PDU with what the air says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadioFrame {
    /// Up or down.
    pub direction: LinkDirection,
    /// C-RNTI, 16 bits.
    pub c_rnti: u16,
    /// UE and KeNB.
    pub ue_id: UeId,
    /// System frame number (SFN), 0 to 1023.
    pub frame_number: u16,
    /// Subframe, 0 to 9.
    pub subframe: u8,
    /// The MAC PDU.
    pub mac_pdu: Vec<u8>,
}

impl RadioFrame {
    /// Takes a record apart, which stands behind its upper-PDU tags.
    ///
    /// # Errors
    /// It is not FDD, has another type of RNTI or other tags than these in another order, or a subframe above 9.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        finish(LAYER, octets, record(octets)).map(|(_, record)| record)
    }

    /// The octets of the record.
    ///
    /// # Errors
    /// A frame number above 1023 or a subframe above 9.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        if self.frame_number >= FRAMES {
            return Err(unwritable(LAYER, 10, "a frame number of 0 to 1023", self.frame_number.into()));
        }
        if self.subframe >= SUBFRAMES {
            return Err(unwritable(LAYER, 10, "a subframe of 0 to 9", self.subframe.into()));
        }
        serialised(
            LAYER,
            tuple((
                slice([FDD, self.direction as u8, C_RNTI_TYPE, TAG_RNTI]),
                be_u16(self.c_rnti),
                be_u8(TAG_UE_ID),
                be_u16(self.ue_id.0),
                be_u8(TAG_SUBFRAME),
                be_u16(self.frame_number << 4 | u16::from(self.subframe)),
                be_u8(TAG_PAYLOAD),
                slice(&self.mac_pdu),
            )),
        )
    }
}

fn record(input: &[u8]) -> Parsed<'_, RadioFrame> {
    let (input, _) = expect("radio type 1 (FDD)", tag(&[FDD][..])).parse(input)?;
    let (input, direction) = direction(input)?;
    let head = [C_RNTI_TYPE, TAG_RNTI];
    let (input, _) = expect("RNTI type 3 (C-RNTI), then tag 2 with it", tag(&head[..])).parse(input)?;
    let (input, c_rnti) = expect("C-RNTI, 2 octets", complete::be_u16).parse(input)?;
    let (input, _) = expect("tag 3, UE id", tag(&[TAG_UE_ID][..])).parse(input)?;
    let (input, ue_id) = expect("UE id, 2 octets", complete::be_u16).parse(input)?;
    let (input, _) = expect("tag 4, frame number and subframe", tag(&[TAG_SUBFRAME][..])).parse(input)?;
    let (rest, time) = expect("frame number and subframe, 2 octets", complete::be_u16).parse(input)?;
    let (frame_number, subframe) = (time >> 4, (time & 0xf) as u8);
    if frame_number >= FRAMES || subframe >= SUBFRAMES {
        return Err(Fault::error(input, "a frame number of 0 to 1023 and a subframe of 0 to 9"));
    }
    let (mac_pdu, _) = expect("tag 1, MAC PDU", tag(&[TAG_PAYLOAD][..])).parse(rest)?;
    let mac_pdu = mac_pdu.to_vec();
    Ok((&[], RadioFrame { direction, c_rnti, ue_id: UeId(ue_id), frame_number, subframe, mac_pdu }))
}

/// Frame number and subframe at a time of the radio, in milliseconds.
#[must_use]
pub const fn frame_and_subframe(milliseconds: u64) -> (u16, u8) {
    (((milliseconds / 10) % FRAMES as u64) as u16, (milliseconds % 10) as u8)
}

/// Direction, 1 octet.
pub(super) fn direction(input: &[u8]) -> Parsed<'_, LinkDirection> {
    match input.split_first() {
        Some((0, rest)) => Ok((rest, LinkDirection::Uplink)),
        Some((1, rest)) => Ok((rest, LinkDirection::Downlink)),
        _ => Err(Fault::error(input, "direction, 0 (up) or 1 (down)")),
    }
}

/// A frame of link type 252: upper-PDU tags with the name of a dissector and both addresses, then `record`.
///
/// # Errors
/// A name longer than its length field can say.
pub fn in_upper_pdu(
    dissector: &str,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    record: &[u8],
) -> Result<Vec<u8>, WireError> {
    let frame = UpperPdu {
        dissector: dissector.into(),
        source: Some(source),
        destination: Some(destination),
        protocol: "".into(),
        direction: None,
        payload: record,
    };
    upper_pdu::wrap(&frame).map_err(|error| WireError {
        layer: "upper-PDU tags",
        offset: error.offset,
        expected: error.expected.into(),
        found: error.found,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::damage::survives;
    use super::*;

    fn frame() -> RadioFrame {
        RadioFrame {
            direction: LinkDirection::Downlink,
            c_rnti: 0x4601,
            ue_id: UeId(2),
            frame_number: 1023,
            subframe: 9,
            mac_pdu: vec![0xab],
        }
    }

    #[test]
    fn the_octets_are_those_of_the_layout() {
        let octets = hex::decode("010103024601030002043ff901ab").unwrap();
        assert_eq!(frame().octets().unwrap(), octets);
        let error = RadioFrame::parse(&octets[..5]).unwrap_err();
        assert_eq!((error.offset, &*error.expected), (4, "C-RNTI, 2 octets"));
        assert!(RadioFrame { frame_number: 1024, ..frame() }.octets().is_err());
        assert!(RadioFrame { subframe: 10, ..frame() }.octets().is_err());
    }

    #[test]
    fn a_frame_has_ten_subframes_and_frame_numbers_begin_again_after_1024() {
        assert_eq!(frame_and_subframe(19), (1, 9));
        assert_eq!(frame_and_subframe(10_239), (1023, 9));
        assert_eq!(frame_and_subframe(10_240), (0, 0));
    }

    #[test]
    fn the_tags_name_the_dissector_and_both_ends() {
        let (source, destination) = (Ipv4Addr::new(10, 16, 0, 10), Ipv4Addr::new(10, 16, 0, 2));
        let octets = in_upper_pdu(DISSECTOR, source, destination, &[1, 2]).unwrap();
        let read = UpperPdu::parse(&octets).unwrap();
        assert_eq!((&*read.dissector, read.source, read.payload), (DISSECTOR, Some(source), &[1, 2][..]));
        assert!(in_upper_pdu(&"x".repeat(65_536), source, destination, &[]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_record_goes_round_and_survives_damage(
            down: bool,
            c_rnti: u16,
            ue_id: u16,
            frame_number in 0..1024_u16,
            subframe in 0..10_u8,
            mac_pdu in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let direction = if down { LinkDirection::Downlink } else { LinkDirection::Uplink };
            let frame = RadioFrame { direction, c_rnti, ue_id: UeId(ue_id), frame_number, subframe, mac_pdu };
            let octets = frame.octets().unwrap();
            prop_assert_eq!(&RadioFrame::parse(&octets).unwrap(), &frame);
            survives(&octets, true, |octets| RadioFrame::parse(octets).is_ok());
        }
    }
}
