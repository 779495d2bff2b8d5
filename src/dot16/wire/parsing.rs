//! How the parsers of this room name a fault: nom parsers over octets and over bits, whose error remembers the place and
//! what was expected there.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::{AddAssign, Shl, Shr};

use nom::error::{ErrorKind, ParseError};
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Offset, Parser};

use super::error::WireError;
use crate::dot16::identifiers::{Bsid, Cid, Said, Sfid};

/// Input of a parser of bits: the octets, and how many bits of the first one are used up (0 to 7).
pub(super) type Bits<'a> = (&'a [u8], usize);

/// Result of a parser of octets.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Fault<'a>>;

/// Result of a parser of bits.
pub(super) type ParsedBits<'a, T> = IResult<Bits<'a>, T, Fault<'a>>;

/// Where a parser stopped and what it expected there; [`finish`] makes a [`WireError`] of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault<'a> {
    at: &'a [u8],
    expected: Cow<'static, str>,
}

impl<'a> Fault<'a> {
    /// The error of a parser that refuses what stands at `at`.
    pub(crate) fn error(at: &'a [u8], expected: impl Into<Cow<'static, str>>) -> nom::Err<Self> {
        nom::Err::Error(Self { at, expected: expected.into() })
    }
}

impl<'a> ParseError<&'a [u8]> for Fault<'a> {
    fn from_error_kind(at: &'a [u8], kind: ErrorKind) -> Self {
        let expected = if kind == ErrorKind::Eof { "the end" } else { "more octets" };
        Self { at, expected: expected.into() }
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl<'a> ParseError<Bits<'a>> for Fault<'a> {
    fn from_error_kind((at, _): Bits<'a>, _: ErrorKind) -> Self {
        Self { at, expected: "more octets".into() }
    }

    fn append(_: Bits<'a>, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// `parser`, whose fault says `what` was expected at the place where it began.
pub(crate) fn expect<'a, P>(
    what: &'static str,
    mut parser: P,
) -> impl Parser<&'a [u8], Output = P::Output, Error = Fault<'a>>
where
    P: Parser<&'a [u8], Error = Fault<'a>>,
{
    move |input: &'a [u8]| parser.parse(input).map_err(|_| Fault::error(input, what))
}

/// The type octet of a management message.
pub(super) fn message_type<'a>(number: u8) -> impl Parser<&'a [u8], Output = u8, Error = Fault<'a>> {
    move |input: &'a [u8]| match be_u8::<_, Fault<'a>>(input) {
        Ok((rest, found)) if found == number => Ok((rest, found)),
        _ => Err(Fault::error(input, format!("message type {number}"))),
    }
}

/// `count` bits, most significant first, as a number. `T` has to be wide enough for them.
pub(super) fn bits<'a, T>(what: &'static str, count: usize) -> impl Fn(Bits<'a>) -> ParsedBits<'a, T>
where
    T: From<u8> + AddAssign + Shl<usize, Output = T> + Shr<usize, Output = T>,
{
    move |input| nom::bits::complete::take(count)(input).map_err(|_: nom::Err<Fault<'a>>| Fault::error(input.0, what))
}

/// One bit.
pub(super) fn flag<'a>(what: &'static str) -> impl Fn(Bits<'a>) -> ParsedBits<'a, bool> {
    move |input| bits::<u8>(what, 1)(input).map(|(rest, bit)| (rest, bit == 1))
}

/// `count` bits if `present`, else nothing.
pub(super) fn optional_bits<'a, T>(
    present: bool,
    what: &'static str,
    count: usize,
) -> impl Fn(Bits<'a>) -> ParsedBits<'a, Option<T>>
where
    T: From<u8> + AddAssign + Shl<usize, Output = T> + Shr<usize, Output = T>,
{
    move |input| {
        if present { bits(what, count)(input).map(|(rest, value)| (rest, Some(value))) } else { Ok((input, None)) }
    }
}

/// 48 bits that are a BSID, wherever in an octet they begin.
pub(super) fn bsid_bits<'a>(what: &'static str) -> impl Fn(Bits<'a>) -> ParsedBits<'a, Bsid> {
    move |input| {
        bits::<u64>(what, 48)(input).map(|(rest, value)| {
            let [_, _, octets @ ..] = value.to_be_bytes();
            (rest, Bsid(octets))
        })
    }
}

/// The bits up to the next octet boundary, as a number: 0 if they are the zeros that the format asks for.
pub(super) fn padding((octets, used): Bits<'_>) -> Parsed<'_, u8> {
    let left = if used == 0 { 0 } else { 8_usize.saturating_sub(used) };
    bits("padding", left)((octets, used)).map(|((rest, _), value)| (rest, value))
}

/// `N` octets as they stand.
pub(crate) fn octets<'a, const N: usize, E: ParseError<&'a [u8]>>(input: &'a [u8]) -> IResult<&'a [u8], [u8; N], E> {
    match input.split_first_chunk::<N>() {
        Some((value, rest)) => Ok((rest, *value)),
        None => Err(nom::Err::Error(E::from_error_kind(input, ErrorKind::LengthValue))),
    }
}

/// BSID, 6 octets.
pub(super) fn bsid<'a, E: ParseError<&'a [u8]>>(input: &'a [u8]) -> IResult<&'a [u8], Bsid, E> {
    octets.map(Bsid).parse(input)
}

/// CID, 2 octets.
pub(super) fn cid<'a, E: ParseError<&'a [u8]>>(input: &'a [u8]) -> IResult<&'a [u8], Cid, E> {
    be_u16.map(Cid).parse(input)
}

/// SAID, 2 octets.
pub(super) fn said<'a, E: ParseError<&'a [u8]>>(input: &'a [u8]) -> IResult<&'a [u8], Said, E> {
    be_u16.map(Said).parse(input)
}

/// SFID, 4 octets.
pub(super) fn sfid<'a, E: ParseError<&'a [u8]>>(input: &'a [u8]) -> IResult<&'a [u8], Sfid, E> {
    be_u32.map(Sfid).parse(input)
}

/// Turns a fault into an error of `layer`, with the offset counted from the start of `input`.
#[inline]
pub(crate) fn finish<'a, T>(
    layer: &'static str,
    input: &'a [u8],
    result: Parsed<'a, T>,
) -> Result<(&'a [u8], T), WireError> {
    match result {
        Ok(parsed) => Ok(parsed),
        Err(error) => Err(described(layer, input, error)),
    }
}

#[cold]
fn described(layer: &'static str, input: &[u8], error: nom::Err<Fault<'_>>) -> WireError {
    match error {
        nom::Err::Error(fault) | nom::Err::Failure(fault) => {
            WireError { layer, offset: input.offset(fault.at), expected: fault.expected, found: describe(fault.at) }
        }
        nom::Err::Incomplete(_) => {
            WireError { layer, offset: input.len(), expected: "more octets".into(), found: describe(&[]) }
        }
    }
}

/// What stands at a place, for an error: how many octets, and the first few of them in hex.
pub(crate) fn describe(octets: &[u8]) -> String {
    const SHOWN: usize = 6;
    let mut text = match octets.len() {
        0 => return "the end".to_owned(),
        1 => "1 octet".to_owned(),
        many => format!("{many} octets"),
    };
    for octet in octets.iter().take(SHOWN) {
        // Writing to a string does not fail.
        let _ = write!(text, " {octet:02x}");
    }
    if octets.len() > SHOWN {
        text.push_str(" ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_cross_octet_boundaries_most_significant_first() {
        let input = [0b1010_1100, 0b0101_0011, 0xff];
        let (rest, value) = bits::<u16>("x", 11)((&input, 2)).unwrap();
        assert_eq!(value, 0b101_1000_1010);
        assert_eq!(rest, (&input[1..], 5));
        assert_eq!(padding(rest).unwrap(), (&input[2..], 0b011));
    }

    #[test]
    fn a_fault_tells_offset_and_octets() {
        let input = [1, 2, 3];
        let error = finish("layer", &input, (be_u8, expect("a CID", cid), expect("a CID", cid)).parse(&input));
        let error = error.unwrap_err();
        assert_eq!((error.offset, error.expected.as_ref(), error.found.as_str()), (3, "a CID", "the end"));
        assert_eq!(error.to_string(), "layer, octet 3: expected a CID, found the end");
    }

    #[test]
    fn a_description_is_short_however_long_the_input() {
        assert_eq!(describe(&[0xab; 300]), "300 octets ab ab ab ab ab ab ...");
        assert_eq!(describe(&[7]), "1 octet 07");
    }
}
