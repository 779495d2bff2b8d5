//! A MAC PDU of a shared channel with one SDU and padding behind it (TS 36.321 clause 6.1.2).
//!
//! Subheader of the SDU: 2 bits of 0, E of 1 (another subheader follows), LCID (5 bits); F and length: 1 octet with F of 0 up to
//! 127, else 2 octets with F of 1. Subheader of the padding: 1 octet, LCID 31. Then the SDU, then padding of 0.

use cookie_factory::bytes::{be_u8, be_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use cookie_factory::{SerializeFn, WriteContext};
use nom::bytes::complete::take;
use nom::number::complete;

use super::WireError;
use super::pdcp::unwritable;
use crate::dot16::wire::parsing::{Fault, Parsed, finish};
use crate::dot16::wire::serialising::serialised;

const LAYER: &str = "MAC PDU";
/// E: another subheader follows.
const EXTENSION: u8 = 0x20;
/// The subheader of padding, the last one.
const PADDING: u8 = 0x1f;
/// Lengths from here on take two octets.
const SHORT_LENGTHS: u16 = 128;
/// F in front of a length of 15 bits.
const LONG: u16 = 0x8000;
/// Most octets of an SDU: a length has 15 bits.
pub const MAX_SDU: u16 = 0x7fff;
/// Most octets of padding that are read or written.
pub const MAX_PADDING: usize = 9422;
/// LCID of the common control channel (CCCH).
pub const LCID_CCCH: u8 = 0;
/// LCID of signalling bearer 1.
pub const LCID_SRB1: u8 = 1;
/// LCID of signalling bearer 2.
pub const LCID_SRB2: u8 = 2;
/// The highest LCID of a logical channel.
const MAX_LCID: u8 = 10;

/// A MAC PDU with one SDU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacPdu {
    /// The logical channel: 0 is CCCH, 1 and 2 are signalling bearers, 3 to 10 data bearers.
    pub lcid: u8,
    /// The SDU: an RLC PDU; on CCCH an RRC message.
    pub sdu: Vec<u8>,
    /// Octets of padding behind it.
    pub padding: usize,
}

impl MacPdu {
    /// Takes a PDU apart.
    ///
    /// # Errors
    /// It does not hold one SDU of a logical channel with padding of 0 behind it, or has a length of 2 octets where 1 would do.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        finish(LAYER, octets, pdu(octets)).map(|(_, pdu)| pdu)
    }

    /// The octets of the PDU.
    ///
    /// # Errors
    /// An LCID above 10, an SDU without octets or with more than [`MAX_SDU`], or more padding than [`MAX_PADDING`].
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let found = u64::try_from(self.sdu.len()).unwrap_or(u64::MAX);
        let length = u16::try_from(found)
            .ok()
            .filter(|length| (1..=MAX_SDU).contains(length))
            .ok_or_else(|| unwritable(LAYER, 1, "an SDU of 1 to 32767 octets", found))?;
        if self.lcid > MAX_LCID {
            return Err(unwritable(LAYER, 0, "an LCID of 0 to 10", self.lcid.into()));
        }
        if self.padding > MAX_PADDING {
            let found = u64::try_from(self.padding).unwrap_or(u64::MAX);
            return Err(unwritable(LAYER, self.sdu.len(), "at most 9422 octets of padding", found));
        }
        let padding = vec![0; self.padding];
        serialised(
            LAYER,
            tuple((
                be_u8(EXTENSION | self.lcid),
                length_field(length),
                be_u8(PADDING),
                slice(&self.sdu),
                slice(&padding),
            )),
        )
    }
}

/// F and length.
fn length_field(length: u16) -> impl SerializeFn<Vec<u8>> {
    move |output: WriteContext<Vec<u8>>| match u8::try_from(length) {
        Ok(short) if length < SHORT_LENGTHS => be_u8(short)(output),
        _ => be_u16(LONG | length)(output),
    }
}

/// F and length, in the form that is as short as can be.
fn length(input: &[u8]) -> Parsed<'_, u16> {
    let (rest, first) = complete::be_u8(input)?;
    if first & 0x80 == 0 {
        return Ok((rest, first.into()));
    }
    let (rest, length) = complete::be_u16(input).map(|(rest, length): (_, u16)| (rest, length & MAX_SDU))?;
    if length < SHORT_LENGTHS {
        return Err(Fault::error(input, "a length of 128 or more in two octets"));
    }
    Ok((rest, length))
}

fn pdu(input: &[u8]) -> Parsed<'_, MacPdu> {
    let (at_length, first) = complete::be_u8(input)?;
    let lcid = first & PADDING;
    if first & !PADDING != EXTENSION || lcid > MAX_LCID {
        return Err(Fault::error(input, "the subheader of an SDU with LCID 0 to 10 and another behind it"));
    }
    let (at_padding, length) = length(at_length)?;
    if length == 0 {
        return Err(Fault::error(at_length, "a length of at least 1"));
    }
    let (rest, subheader) = complete::be_u8(at_padding)?;
    if subheader != PADDING {
        return Err(Fault::error(at_padding, "the subheader of padding, 1f"));
    }
    let (rest, sdu) = take(length)(rest)?;
    if rest.len() > MAX_PADDING || rest.iter().any(|octet| *octet != 0) {
        return Err(Fault::error(rest, "at most 9422 octets of padding of 0"));
    }
    Ok((&[], MacPdu { lcid, sdu: sdu.to_vec(), padding: rest.len() }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::damage::survives;
    use super::*;

    #[test]
    fn a_length_takes_one_octet_below_128_and_two_from_there() {
        let short = MacPdu { lcid: LCID_SRB1, sdu: vec![7; 127], padding: 1 }.octets().unwrap();
        assert_eq!((&short[..4], short.len()), (&[0x21, 127, 0x1f, 7][..], 131));
        let long = MacPdu { lcid: LCID_SRB2, sdu: vec![7; 128], padding: 0 }.octets().unwrap();
        assert_eq!((&long[..5], long.len()), (&[0x22, 0x80, 128, 0x1f, 7][..], 132));
        let error = MacPdu::parse(&[0x21, 0x80, 1, 0x1f, 9]).unwrap_err();
        assert_eq!((error.offset, &*error.expected), (1, "a length of 128 or more in two octets"));
    }

    #[test]
    fn what_cannot_be_carried_is_refused() {
        let pdu = MacPdu { lcid: 3, sdu: vec![1], padding: 0 };
        assert!(MacPdu { lcid: 11, ..pdu.clone() }.octets().is_err());
        assert!(MacPdu { sdu: Vec::new(), ..pdu.clone() }.octets().is_err());
        assert!(MacPdu { sdu: vec![0; 32_768], ..pdu.clone() }.octets().is_err());
        assert!(MacPdu { padding: 9423, ..pdu }.octets().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_pdu_goes_round_and_survives_damage(
            lcid in 0..=10_u8,
            sdu in proptest::collection::vec(any::<u8>(), 1..40),
            padding in 0..4_usize,
        ) {
            let pdu = MacPdu { lcid, sdu, padding };
            let octets = pdu.octets().unwrap();
            prop_assert_eq!(&MacPdu::parse(&octets).unwrap(), &pdu);
            survives(&octets, padding > 0, |octets| MacPdu::parse(octets).is_ok());
        }
    }
}
