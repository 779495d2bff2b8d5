//! A list of TLVs into octets and back, compounds included (`dot16-wire.md` 5.1).

use cookie_factory::bytes::be_u16 as write_u16;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::be_u16;

use super::asn_tlv::{AsnTlv, Compound, Contents};
use super::error::{BackboneError, length_16, serialise};

const LAYER: &str = "ASN TLV";
/// Octets of type and length.
const HEADER_OCTETS: usize = 4;
/// How deep TLVs may nest; the TLVs of the message itself are at depth 1. The deepest the protocol needs is 5.
pub(super) const MAX_DEPTH: usize = 8;

/// The TLVs that fill `octets` exactly. `offset` is where `octets` begin, for errors.
///
/// # Errors
///
/// A header that is cut short, a value longer than what is left, nesting deeper than [`MAX_DEPTH`].
pub(super) fn parse_list(octets: &[u8], offset: usize) -> Result<Vec<AsnTlv>, BackboneError> {
    parse_level(octets, offset, 1)
}

fn header(octets: &[u8]) -> IResult<&[u8], (u16, u16)> {
    (be_u16, be_u16).parse(octets)
}

fn value(octets: &[u8], length: u16) -> IResult<&[u8], &[u8]> {
    take(length).parse(octets)
}

fn parse_level(octets: &[u8], offset: usize, depth: usize) -> Result<Vec<AsnTlv>, BackboneError> {
    let mut tlvs = Vec::new();
    let mut rest = octets;
    while !rest.is_empty() {
        let at = offset.saturating_add(octets.len().saturating_sub(rest.len()));
        if depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
        let (after, (kind, length)) = header(rest).map_err(|_| {
            BackboneError::new(
                LAYER,
                at,
                "4 octets of type and length",
                format!("{} octets", rest.len()),
            )
        })?;
        let value_at = at.saturating_add(HEADER_OCTETS);
        let (after, value) = value(after, length).map_err(|_| {
            let expected = format!("{length} octets of value (type {kind})");
            BackboneError::new(LAYER, value_at, expected, format!("{} octets", after.len()))
        })?;
        tlvs.push(match Compound::from_kind(kind) {
            Some(compound) => compound.holding(parse_level(value, value_at, depth.saturating_add(1))?),
            None => AsnTlv::from_value(kind, value),
        });
        rest = after;
    }
    Ok(tlvs)
}

fn too_deep(offset: usize) -> BackboneError {
    BackboneError::new(
        LAYER,
        offset,
        format!("TLVs nested at most {MAX_DEPTH} deep"),
        format!("a TLV at depth {}", MAX_DEPTH.saturating_add(1)),
    )
}

/// The octets of `tlvs`. `offset` is where they will begin, for errors.
///
/// # Errors
///
/// A value above 65535 octets, nesting deeper than [`MAX_DEPTH`].
pub(super) fn list_octets(tlvs: &[AsnTlv], offset: usize) -> Result<Vec<u8>, BackboneError> {
    level_octets(tlvs, offset, 1)
}

fn level_octets(tlvs: &[AsnTlv], offset: usize, depth: usize) -> Result<Vec<u8>, BackboneError> {
    let mut octets = Vec::new();
    for tlv in tlvs {
        let at = offset.saturating_add(octets.len());
        if depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
        let value = match tlv.contents() {
            Contents::Octets(value) => value,
            Contents::Nested(tlvs) => level_octets(tlvs, at.saturating_add(HEADER_OCTETS), depth.saturating_add(1))?,
        };
        let length = length_16(LAYER, at, value.len())?;
        octets.extend(serialise(
            LAYER,
            tuple((write_u16(tlv.kind()), write_u16(length), slice(&value))),
        )?);
    }
    Ok(octets)
}
