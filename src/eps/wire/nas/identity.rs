//! Who a UE is to the core network and which key it has, as NAS writes them (TS 24.301 clause 9.9.3).

use nom::Parser;
use nom::number::complete::{be_u8, be_u16, be_u32};

use crate::dot16::wire::parsing::{Fault, Parsed, expect, octets};
use crate::eps::identifiers::{Gummei, Guti, Imsi, MTmsi, MmeCode, MmeGroupId, Plmn, Tac, Tai};

/// EPS mobile identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EpsMobileIdentity {
    /// The permanent identity.
    Imsi(Imsi),
    /// A temporary one.
    Guti(Guti),
}

/// NAS key set identifier, 3 bits, and the type of its security context, native or mapped: which KASME. 7, native, is none
/// (TS 24.301 clause 9.9.3.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NasKsi(u8);

impl NasKsi {
    /// There is no key.
    pub const NONE: Self = Self(7);

    /// The low 3 bits of `value`, of a native context.
    #[must_use]
    pub const fn new(value: u8) -> Self {
        Self(value & 7)
    }

    /// The low 3 bits of `value`, the number of CK and IK in UTRAN, of a context that was mapped from them (KSI_SGSN).
    #[must_use]
    pub const fn mapped(value: u8) -> Self {
        Self(MAPPED | value & 7)
    }

    /// The value, 0 to 7.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0 & 7
    }

    /// Half an octet: the type of the context above, the value below.
    pub(super) const fn half(self) -> u8 {
        self.0
    }

    /// That of half an octet.
    pub(super) const fn of_half(half: u8) -> Self {
        Self(half & (MAPPED | 7))
    }
}

/// Type of security context flag: mapped.
const MAPPED: u8 = 8;

/// Octets of a GUTI with the octet of its type.
pub(super) const GUTI_OCTETS: usize = 11;
/// First octet of a GUTI: 4 bits of 1, even, type 6.
const GUTI_HEAD: u8 = 0xf6;
/// Type of an IMSI; bit 4 is 1 for an odd number of digits.
const IMSI_TYPE: u8 = 1;
const ODD: u8 = 8;
/// What stands in the place of a digit that is not there.
const FILLER: u8 = 0xf;
/// First octet of a list of TAIs: one of them, all of one network, their codes not consecutive.
const ONE_TAI: u8 = 0;

impl EpsMobileIdentity {
    /// Its octets, 4 to 11 of them.
    pub(in crate::eps::wire) fn octets(self) -> Vec<u8> {
        match self {
            Self::Imsi(imsi) => imsi_octets(imsi),
            Self::Guti(guti) => guti_octets(guti).to_vec(),
        }
    }

    /// Reads one that takes all of `input`.
    pub(in crate::eps::wire) fn parse(input: &[u8]) -> Parsed<'_, Self> {
        match input.first() {
            Some(&GUTI_HEAD) => guti.map(Self::Guti).parse(input),
            _ => imsi.map(Self::Imsi).parse(input),
        }
    }
}

/// The first digit above the type, then two digits in an octet, the first in the low half.
fn imsi_octets(imsi: Imsi) -> Vec<u8> {
    let digits: Vec<u8> = imsi.to_string().bytes().map(|digit| digit & 0xf).collect();
    let odd = if digits.len().is_multiple_of(2) { 0 } else { ODD };
    let (first, rest) = digits.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
    let pairs = rest.chunks(2).map(|pair| pair.get(1).unwrap_or(&FILLER) << 4 | pair.first().unwrap_or(&FILLER));
    [first << 4 | odd | IMSI_TYPE].into_iter().chain(pairs).collect()
}

fn imsi(input: &[u8]) -> Parsed<'_, Imsi> {
    let error = || Fault::error(input, "an IMSI of 6 to 15 digits (type 1), or a GUTI (f6)");
    let (first, rest) = input.split_first().ok_or_else(error)?;
    let mut digits = vec![first >> 4];
    digits.extend(rest.iter().flat_map(|pair| [pair & 0xf, pair >> 4]));
    let odd = first & ODD != 0;
    if first & 7 != IMSI_TYPE || !odd && digits.pop() != Some(FILLER) {
        return Err(error());
    }
    let digits: Option<String> = digits.into_iter().map(|digit| char::from_digit(digit.into(), 10)).collect();
    let imsi = digits.and_then(|digits| digits.parse().ok()).ok_or_else(error)?;
    Ok((&[], imsi))
}

/// A GUTI with the octet of its type.
pub(super) fn guti_octets(guti: Guti) -> [u8; GUTI_OCTETS] {
    let Gummei { plmn: Plmn([a, b, c]), group, code } = guti.gummei;
    let ([g, h], [p, q, r, s]) = (group.0.to_be_bytes(), guti.m_tmsi.0.to_be_bytes());
    [GUTI_HEAD, a, b, c, g, h, code.0, p, q, r, s]
}

/// Reads a GUTI with the octet of its type, which takes all of `input`.
pub(super) fn guti(input: &[u8]) -> Parsed<'_, Guti> {
    if input.len() != GUTI_OCTETS || input.first() != Some(&GUTI_HEAD) {
        return Err(Fault::error(input, "a GUTI of 11 octets, the first f6"));
    }
    let fields = (be_u8, octets::<3, Fault<'_>>, be_u16, be_u8, be_u32);
    let (rest, (_, plmn, group, code, m_tmsi)) = expect("a GUTI", fields).parse(input)?;
    let gummei = Gummei { plmn: Plmn(plmn), group: MmeGroupId(group), code: MmeCode(code) };
    Ok((rest, Guti { gummei, m_tmsi: MTmsi(m_tmsi) }))
}

/// A list of one TAI, 6 octets.
pub(super) fn tai_list(tai: Tai) -> [u8; 6] {
    let ([a, b, c], [d, e]) = (tai.plmn.0, tai.tac.0.to_be_bytes());
    [ONE_TAI, a, b, c, d, e]
}

/// Reads a list of one TAI, which takes all of `input`.
pub(super) fn one_tai(input: &[u8]) -> Parsed<'_, Tai> {
    match input {
        [ONE_TAI, a, b, c, d, e] => Ok((&[], Tai { plmn: Plmn([*a, *b, *c]), tac: Tac(u16::from_be_bytes([*d, *e])) })),
        _ => Err(Fault::error(input, "a list of one TAI, 6 octets, the first 00")),
    }
}
