//! Type, length, value: the optional part of every management message (802.16-2009 clause 11; `dot16-wire.md` 2.7).

use cookie_factory::bytes::be_u8 as write_be_u8;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::be_u8;

use super::error::WireError;
use super::parsing::{Fault, Parsed, expect, finish};
use super::serialising::serialised;

const LAYER: &str = "TLV";

/// A TLV whose value is not looked into.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tlv {
    /// The type, 1 octet. What it means depends on the message.
    pub kind: u8,
    /// The value. An empty one is accepted on input and cannot be written.
    pub value: Vec<u8>,
}

impl Tlv {
    /// The longest value that is written, in octets. (No PDU holds more than 2047.)
    pub const MAX_VALUE: usize = 0xffff;

    /// Reads the TLV at the start of `input` and returns what follows it, too. `base_offset` is added to the offset in
    /// errors.
    ///
    /// The length is one octet up to 127, or an octet 0x80 + n and n octets with n of 1 to 4, also where fewer would do.
    ///
    /// # Errors
    /// A type without length, a length of another form, or a value shorter than its length.
    pub fn parse(input: &[u8], base_offset: usize) -> Result<(Self, &[u8]), WireError> {
        match finish(LAYER, input, Self::parser(input)) {
            Ok((rest, tlv)) => Ok((tlv, rest)),
            Err(error) => Err(displaced(error, base_offset)),
        }
    }

    /// Reads TLVs up to the end of `input`. `base_offset` is added to the offset in errors.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), for any of them.
    pub fn parse_all(input: &[u8], base_offset: usize) -> Result<Vec<Self>, WireError> {
        finish(LAYER, input, Self::list(input)).map(|(_, tlvs)| tlvs).map_err(|error| displaced(error, base_offset))
    }

    pub(super) fn parser(input: &[u8]) -> Parsed<'_, Self> {
        TlvView::parser(input).map(|(rest, tlv)| (rest, tlv.to_tlv()))
    }

    pub(super) fn view(&self) -> TlvView<'_> {
        TlvView { kind: self.kind, value: &self.value }
    }

    pub(super) fn list(mut input: &[u8]) -> Parsed<'_, Vec<Self>> {
        let mut tlvs = Vec::new();
        while !input.is_empty() {
            let (rest, tlv) = Self::parser(input)?;
            tlvs.push(tlv);
            input = rest;
        }
        Ok((input, tlvs))
    }

    /// The octets, with the shortest form of length.
    ///
    /// # Errors
    /// An empty value (a length of 0 ends the decoding of a message in Wireshark), or one longer than
    /// [`MAX_VALUE`](Self::MAX_VALUE).
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let refused = |found: &str| WireError {
            layer: LAYER,
            offset: 1,
            expected: format!("a value of 1 to {} octets in TLV {}", Self::MAX_VALUE, self.kind).into(),
            found: found.to_owned(),
        };
        let length = u16::try_from(self.value.len()).map_err(|_| refused("a longer one"))?;
        let [high, low] = length.to_be_bytes();
        let whole_length = [0x82, high, low];
        let length_octets = match length {
            0 => return Err(refused("an empty one")),
            1..=0x7f => vec![low],
            0x80..=0xff => vec![0x81, low],
            _ => whole_length.to_vec(),
        };
        serialised(LAYER, tuple((write_be_u8(self.kind), slice(length_octets), slice(&self.value))))
    }

    /// The octets of `tlvs`, one after the other.
    ///
    /// # Errors
    /// As [`octets`](Self::octets), for any of them.
    pub fn octets_of_all(tlvs: &[Self]) -> Result<Vec<u8>, WireError> {
        let mut octets = Vec::new();
        for tlv in tlvs {
            octets.extend(tlv.octets()?);
        }
        Ok(octets)
    }
}

/// A TLV where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct TlvView<'a> {
    pub(super) kind: u8,
    pub(super) value: &'a [u8],
}

impl<'a> TlvView<'a> {
    #[inline]
    pub(super) fn parser(input: &'a [u8]) -> Parsed<'a, Self> {
        // Nearly all of them: a length of one octet, and all of the value.
        if let [kind, length @ ..0x80, rest @ ..] = input
            && let Some((value, rest)) = rest.split_at_checked(usize::from(*length))
        {
            return Ok((rest, Self { kind: *kind, value }));
        }
        Self::long_form(input)
    }

    /// Any length, and what is wrong.
    fn long_form(input: &'a [u8]) -> Parsed<'a, Self> {
        let (at_length, kind) = expect("the type of a TLV", be_u8).parse(input)?;
        let (at_value, length) = length(at_length)?;
        let (rest, value) = take::<_, _, Fault<'_>>(length)(at_value)
            .map_err(|_| Fault::error(at_value, format!("{length} octets of value of TLV {kind}")))?;
        Ok((rest, Self { kind, value }))
    }

    pub(super) fn to_tlv(self) -> Tlv {
        Tlv { kind: self.kind, value: self.value.to_vec() }
    }
}

fn displaced(error: WireError, base_offset: usize) -> WireError {
    WireError { offset: error.offset.saturating_add(base_offset), ..error }
}

fn length(input: &[u8]) -> Parsed<'_, usize> {
    let (rest, first) = expect("the length of a TLV", be_u8).parse(input)?;
    if first < 0x80 {
        return Ok((rest, usize::from(first)));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return Err(Fault::error(input, "a TLV length of 1 octet, or of 81 to 84 and 1 to 4 octets"));
    }
    let (rest, octets) = expect("the length octets of a TLV", take(count)).parse(rest)?;
    let length = octets.iter().fold(0_u32, |length, octet| length << 8 | u32::from(*octet));
    // A length that this machine cannot address is longer than any input: the value is then found to be short.
    Ok((rest, usize::try_from(length).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_length(length: usize) -> Tlv {
        Tlv { kind: 28, value: vec![0x5a; length] }
    }

    #[test]
    fn the_shortest_form_of_length_is_written() {
        for (length, expected) in
            [(1, &[1][..]), (127, &[127]), (128, &[0x81, 128]), (255, &[0x81, 255]), (256, &[0x82, 1, 0])]
        {
            let octets = of_length(length).octets().unwrap();
            assert_eq!(octets[1..octets.len() - length], *expected, "{length}");
            assert_eq!(Tlv::parse(&octets, 0), Ok((of_length(length), &[][..])));
        }
    }

    #[test]
    fn longer_forms_of_length_are_read() {
        for octets in [&[9, 0x81, 1, 7][..], &[9, 0x82, 0, 1, 7], &[9, 0x83, 0, 0, 1, 7], &[9, 0x84, 0, 0, 0, 1, 7]] {
            assert_eq!(Tlv::parse_all(octets, 0), Ok(vec![Tlv { kind: 9, value: vec![7] }]));
        }
        for first in [0x80, 0x85, 0xff] {
            assert!(Tlv::parse_all(&[9, first, 0, 0, 0, 0, 0, 1, 7], 0).is_err(), "{first:02x}");
        }
    }

    #[test]
    fn an_empty_value_is_read_but_not_written() {
        let tlvs = Tlv::parse_all(&[9, 0, 8, 1, 5], 0).unwrap();
        assert_eq!(tlvs[0], Tlv { kind: 9, value: vec![] });
        assert_eq!(tlvs[1].octets().unwrap(), [8, 1, 5]);
        assert!(Tlv::octets_of_all(&tlvs).is_err());
    }

    #[test]
    fn a_value_beyond_the_limit_is_not_written() {
        assert!(of_length(Tlv::MAX_VALUE).octets().is_ok());
        assert!(of_length(Tlv::MAX_VALUE + 1).octets().is_err());
    }

    #[test]
    fn a_short_value_is_an_error_at_its_place_in_the_message() {
        let error = Tlv::parse_all(&[1, 1, 0, 2, 6, 0, 0x11], 100).unwrap_err();
        assert_eq!((error.layer, error.offset), ("TLV", 105));
        assert_eq!(error.expected, "6 octets of value of TLV 2");
        let error = Tlv::parse(&[2, 0x84, 0xff, 0xff, 0xff, 0xff, 1], 0).unwrap_err();
        assert_eq!(error.offset, 6);
    }
}
