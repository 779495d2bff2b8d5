//! Values on the command line: hex strings, integers, addresses and names. Every error says where in the text it is,
//! what was found and what was expected; clap puts the name of the option before it.

use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::dot16::identifiers::{AddressError, Direction};
use crate::dot16::security::{Prf, Profile, Truncation};

/// Why a text is not the octets that were asked for. Positions count hex digits, from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// A character that is no hex digit.
    #[error("position {position}: expected a hex digit (0-9, a-f), found {found:?}")]
    Digit {
        /// Where.
        position: usize,
        /// The character.
        found: char,
    },
    /// An odd number of digits.
    #[error("position {position}: expected the second hex digit of an octet, found the end")]
    Odd {
        /// One past the end.
        position: usize,
    },
    /// Another number of octets than the value has.
    #[error(
        "position {position}: expected {expected} hex digits ({octets} octets) in all, found {found}",
        octets = expected / 2
    )]
    Length {
        /// The first digit too many, or one past the end.
        position: usize,
        /// Digits expected.
        expected: usize,
        /// Digits found.
        found: usize,
    },
}

/// Any number of octets from hex digits without separators; none from an empty text.
///
/// # Errors
/// [`HexError::Digit`], [`HexError::Odd`].
pub fn hex(text: &str) -> Result<Octets, HexError> {
    let mut digits = Vec::with_capacity(text.len());
    for (place, found) in text.chars().enumerate() {
        let position = place.saturating_add(1);
        let value = found.to_digit(16).and_then(|value| u8::try_from(value).ok());
        digits.push(value.ok_or(HexError::Digit { position, found })?);
    }
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(HexError::Odd { position: digits.len().saturating_add(1) });
    }
    Ok(Octets(pairs.iter().map(|[high, low]| high << 4 | low).collect()))
}

/// Exactly `N` octets from hex digits without separators.
///
/// # Errors
/// As [`hex()`], and [`HexError::Length`].
pub fn hex_array<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let Octets(octets) = hex(text)?;
    octets.try_into().map_err(|octets: Vec<u8>| {
        let (expected, found) = (N.saturating_mul(2), octets.len().saturating_mul(2));
        HexError::Length { position: expected.min(found).saturating_add(1), expected, found }
    })
}

/// Octets from the command line. (A `Vec` would make clap read a list.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Octets(pub Vec<u8>);

/// Octets as lower case hex digits without separators, the form of all output.
#[must_use]
pub fn hex_text(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A text that is no integer, or one out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an integer from {first} to {last}, decimal or hex with 0x, found {found:?}")]
pub struct IntegerError {
    first: u64,
    last: u64,
    found: String,
}

/// An integer of `range`, decimal or hex with a leading 0x.
///
/// # Errors
/// Something else, or an integer outside `range` or `T`.
pub fn integer<T: TryFrom<u64>>(text: &str, range: RangeInclusive<u64>) -> Result<T, IntegerError> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    // A sign, which from_str_radix takes, is no digit.
    let value =
        if digits.chars().all(|digit| digit.is_digit(radix)) { u64::from_str_radix(digits, radix).ok() } else { None };
    let error = || IntegerError { first: *range.start(), last: *range.end(), found: text.to_owned() };
    let value = value.filter(|value| range.contains(value)).ok_or_else(error)?;
    T::try_from(value).map_err(|_| error())
}

/// A MAC address or BSID, with or without colons.
///
/// # Errors
/// Anything else, with the position (from 1) of the first character that cannot stand in one, if there is such a
/// character.
pub fn address<A: FromStr<Err = AddressError>>(text: &str) -> Result<A, String> {
    text.parse().map_err(|error: AddressError| {
        match text.chars().zip(1..).find(|(found, _)| !found.is_ascii_hexdigit() && *found != ':') {
            Some((_, position)) => format!("position {position}: {error}"),
            None => error.to_string(),
        }
    })
}

macro_rules! names {
    ($($type:ty { $($variant:ident = $name:literal),+ })+) => {$(
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(PossibleValue::new(match self { $(Self::$variant => $name),+ }))
            }
        }
    )+};
}

names! {
    Prf { Cmac = "cmac", Sha1 = "sha1" }
    Profile { Contribution = "contribution", Std2009 = "std2009" }
    Truncation { Right = "right", Left = "left" }
    Direction { Uplink = "ul", Downlink = "dl" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::Bsid;

    #[test]
    fn hex_digits_of_either_case_become_octets() {
        assert_eq!(hex("00fFa5"), Ok(Octets(vec![0x00, 0xff, 0xa5])));
        assert_eq!(hex(""), Ok(Octets(vec![])));
        assert_eq!(hex_array("0a0B"), Ok([0x0a, 0x0b]));
        assert_eq!(hex_text(&[0x00, 0xff, 0xa5]), "00ffa5");
    }

    #[test]
    fn what_is_wrong_with_hex_is_told_with_its_position() {
        assert_eq!(hex("00g0"), Err(HexError::Digit { position: 3, found: 'g' }));
        assert_eq!(hex("00:11"), Err(HexError::Digit { position: 3, found: ':' }));
        assert_eq!(hex("ä"), Err(HexError::Digit { position: 1, found: 'ä' }));
        assert_eq!(hex("001"), Err(HexError::Odd { position: 4 }));
        assert_eq!(hex_array::<2>("001122"), Err(HexError::Length { position: 5, expected: 4, found: 6 }));
        assert_eq!(hex_array::<2>("00"), Err(HexError::Length { position: 3, expected: 4, found: 2 }));
        assert_eq!(
            hex_array::<2>("00").unwrap_err().to_string(),
            "position 3: expected 4 hex digits (2 octets) in all, found 2"
        );
    }

    #[test]
    fn integers_are_decimal_or_hex_and_inside_their_range() {
        assert_eq!(integer::<u16>("65535", 0..=0xffff), Ok(65535));
        assert_eq!(integer::<u16>("0xFFff", 0..=0xffff), Ok(65535));
        assert_eq!(integer::<u8>("007", 0..=15), Ok(7));
        for bad in ["65536", "0x10000", "", "0x", "-1", "+1", "0x+1", "1.0", "ff", " 1", "99999999999999999999"] {
            assert!(integer::<u16>(bad, 0..=0xffff).is_err(), "{bad:?}");
        }
        assert_eq!(
            integer::<u16>("0", 1..=2).unwrap_err().to_string(),
            "expected an integer from 1 to 2, decimal or hex with 0x, found \"0\""
        );
    }

    #[test]
    fn addresses_have_colons_or_not() {
        assert_eq!(address("0a0000000002"), Ok(Bsid([0x0a, 0, 0, 0, 0, 2])));
        assert_eq!(address("0a:00:00:00:00:02"), Ok(Bsid([0x0a, 0, 0, 0, 0, 2])));
        assert!(address::<Bsid>("0a00x0000002").unwrap_err().starts_with("position 5: "));
        assert!(address::<Bsid>("0a00").unwrap_err().contains("twelve hex digits"));
    }
}
