//! Who a UE is to the core network, and where it is (TS 24.301 clause 9.9.3; TS 23.003).

use nom::Parser;
use nom::number::complete::{be_u8, be_u16, be_u32};

use super::super::WireError;
use crate::dot16::wire::parsing::{Fault, Parsed, expect, octets};

/// The identity of a network (MCC and MNC), 3 octets as they stand in messages and in the derivation of KASME.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plmn(pub [u8; 3]);

/// GUTI: the temporary identity that an MME gives a UE. Its last two fields are the S-TMSI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guti {
    /// The network.
    pub plmn: Plmn,
    /// MME group ID, 2 octets.
    pub mme_group: u16,
    /// MME code, 1 octet.
    pub mme_code: u8,
    /// M-TMSI, 4 octets.
    pub m_tmsi: u32,
}

/// IMSI: 6 to 15 decimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Imsi(Vec<u8>);

/// EPS mobile identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EpsMobileIdentity {
    /// The permanent identity.
    Imsi(Imsi),
    /// A temporary one.
    Guti(Guti),
}

/// Tracking area identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tai {
    /// The network.
    pub plmn: Plmn,
    /// Tracking area code, 2 octets.
    pub code: u16,
}

/// NAS key set identifier, 3 bits, of a native security context: which KASME. 7 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NasKsi(u8);

impl NasKsi {
    /// There is no key.
    pub const NONE: Self = Self(7);

    /// The low 3 bits of `value`.
    #[must_use]
    pub const fn new(value: u8) -> Self {
        Self(value & 7)
    }

    /// The value, 0 to 7.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Octets of a GUTI.
const GUTI_OCTETS: usize = 11;
/// First octet of a GUTI: 4 bits of 1, even, type 6.
const GUTI_HEAD: u8 = 0xf6;
/// Type of an IMSI; bit 4 is 1 for an odd number of digits.
const IMSI_TYPE: u8 = 1;
const ODD: u8 = 8;
/// First octet of a list of TAIs: one of them, all of one network, their codes not consecutive.
const ONE_TAI: u8 = 0;

impl Imsi {
    /// The IMSI with these decimal digits.
    ///
    /// # Errors
    /// There are not 6 to 15, or one is no decimal digit.
    pub fn new(digits: &str) -> Result<Self, WireError> {
        let values: Option<Vec<u8>> =
            digits.chars().map(|digit| digit.to_digit(10).and_then(|digit| u8::try_from(digit).ok())).collect();
        values.filter(|values| (6..=15).contains(&values.len())).map(Self).ok_or_else(|| WireError {
            layer: "IMSI",
            offset: 0,
            expected: "6 to 15 decimal digits".into(),
            found: format!("{digits:?}"),
        })
    }

    /// The digits, each 0 to 9.
    #[must_use]
    pub fn digits(&self) -> &[u8] {
        &self.0
    }

    fn octets(&self) -> Vec<u8> {
        let odd = !self.0.len().is_multiple_of(2);
        let (first, rest) = self.0.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
        let mut octets = vec![first << 4 | if odd { ODD } else { 0 } | IMSI_TYPE];
        octets.extend(rest.chunks(2).map(|pair| match pair {
            [low, high] => high << 4 | low,
            [low] => 0xf0 | low,
            _ => 0xff,
        }));
        octets
    }
}

impl EpsMobileIdentity {
    /// Its octets, 4 to 11 of them.
    pub(super) fn octets(&self) -> Vec<u8> {
        match self {
            Self::Imsi(imsi) => imsi.octets(),
            Self::Guti(guti) => guti.octets().to_vec(),
        }
    }

    /// Reads one that takes all of `input`.
    pub(super) fn parse(input: &[u8]) -> Parsed<'_, Self> {
        match input.first() {
            Some(&GUTI_HEAD) => Guti::parse.map(Self::Guti).parse(input),
            _ => imsi.map(Self::Imsi).parse(input),
        }
    }
}

impl Guti {
    /// Its octets with the octet of its type.
    pub(super) fn octets(&self) -> [u8; GUTI_OCTETS] {
        let Self { plmn: Plmn([a, b, c]), mme_group, mme_code, m_tmsi } = *self;
        let ([g, h], [p, q, r, s]) = (mme_group.to_be_bytes(), m_tmsi.to_be_bytes());
        [GUTI_HEAD, a, b, c, g, h, mme_code, p, q, r, s]
    }

    /// Reads one with the octet of its type, which takes all of `input`.
    pub(super) fn parse(input: &[u8]) -> Parsed<'_, Self> {
        if input.len() != GUTI_OCTETS || input.first() != Some(&GUTI_HEAD) {
            return Err(Fault::error(input, "a GUTI of 11 octets, the first f6"));
        }
        let fields = (be_u8, octets::<3, Fault<'_>>, be_u16, be_u8, be_u32);
        let (rest, (_, plmn, mme_group, mme_code, m_tmsi)) = expect("a GUTI", fields).parse(input)?;
        Ok((rest, Self { plmn: Plmn(plmn), mme_group, mme_code, m_tmsi }))
    }
}

fn imsi(input: &[u8]) -> Parsed<'_, Imsi> {
    let error = || Fault::error(input, "an IMSI of 6 to 15 digits (type 1), or a GUTI (f6)");
    let (first, rest) = input.split_first().ok_or_else(error)?;
    let mut digits = vec![first >> 4];
    digits.extend(rest.iter().flat_map(|pair| [pair & 0xf, pair >> 4]));
    let odd = first & ODD != 0;
    if !odd && digits.pop() != Some(0xf) {
        return Err(error());
    }
    if first & 7 != IMSI_TYPE || !(6..=15).contains(&digits.len()) || digits.iter().any(|digit| *digit > 9) {
        return Err(error());
    }
    Ok((&[], Imsi(digits)))
}

impl Tai {
    /// A list of this one, 6 octets.
    pub(super) fn list(&self) -> [u8; 6] {
        let ([a, b, c], [d, e]) = (self.plmn.0, self.code.to_be_bytes());
        [ONE_TAI, a, b, c, d, e]
    }

    /// Reads a list of one, which takes all of `input`.
    pub(super) fn parse_list(input: &[u8]) -> Parsed<'_, Self> {
        match input {
            [ONE_TAI, a, b, c, d, e] => {
                Ok((&[], Self { plmn: Plmn([*a, *b, *c]), code: u16::from_be_bytes([*d, *e]) }))
            }
            _ => Err(Fault::error(input, "a list of one TAI, 6 octets, the first 00")),
        }
    }
}
