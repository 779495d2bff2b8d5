//! A list of TLVs into octets and back, compounds included (`dot16-wire.md` 5.1).

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::be_u16;

use super::asn_tlv::{AsnTlv, Compound};
use super::error::{BackboneError, length_16};

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
            BackboneError::new(LAYER, at, "4 octets of type and length", format!("{} octets", rest.len()))
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

/// Appends the octets of `tlvs` to a message that begins at the start of `octets`, which is where errors count from.
///
/// # Errors
///
/// A value above 65535 octets, nesting deeper than [`MAX_DEPTH`].
pub(super) fn append_list(tlvs: &[AsnTlv], octets: &mut Vec<u8>) -> Result<(), BackboneError> {
    append_level(tlvs, octets, 1)
}

/// The length of a value is known when the value stands: it is put in afterwards.
fn append_level(tlvs: &[AsnTlv], octets: &mut Vec<u8>, depth: usize) -> Result<(), BackboneError> {
    for tlv in tlvs {
        let at = octets.len();
        if depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
        octets.extend_from_slice(&tlv.kind().to_be_bytes());
        octets.extend_from_slice(&[0; 2]);
        if let Some(inside) = tlv.append_value(octets) {
            append_level(inside, octets, depth.saturating_add(1))?;
        }
        let value = octets.len().saturating_sub(at.saturating_add(HEADER_OCTETS));
        let length = length_16(LAYER, at, value)?.to_be_bytes();
        if let Some(place) = octets.get_mut(at.saturating_add(2)..).and_then(<[u8]>::first_chunk_mut) {
            *place = length;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn octets(tlvs: &[AsnTlv]) -> Vec<u8> {
        let mut octets = Vec::new();
        append_list(tlvs, &mut octets).unwrap();
        octets
    }

    /// The error of putting `tlvs` behind a header of 20 octets.
    fn refusal(tlvs: &[AsnTlv]) -> BackboneError {
        append_list(tlvs, &mut vec![0; 20]).unwrap_err()
    }

    /// `depth` levels of TLVs: MS Info in MS Info, the innermost one empty.
    fn nested(depth: usize) -> AsnTlv {
        (1..depth).fold(AsnTlv::MsInfo(Vec::new()), |inner, _| AsnTlv::MsInfo(vec![inner]))
    }

    #[test]
    fn values_are_not_padded() {
        let tlvs = [AsnTlv::AkSn(1), AsnTlv::HoId(7)];
        assert_eq!(octets(&tlvs), [0, 9, 0, 1, 1, 0, 205, 0, 1, 7]);
    }

    #[test]
    fn a_cut_header_is_named_with_its_octet() {
        let error = parse_list(&[0, 9, 0, 1, 1, 0, 205], 20).unwrap_err();
        let text = "ASN TLV, octet 25: expected 4 octets of type and length, found 2 octets";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn a_value_longer_than_what_is_left_is_named_with_its_octet() {
        // MS Info of 5 octets that holds an AK SN of 2 octets: the compound is the limit, not the message.
        let error = parse_list(&[0, 103, 0, 5, 0, 9, 0, 2, 1, 0xff, 0xff], 20).unwrap_err();
        let text = "ASN TLV, octet 28: expected 2 octets of value (type 9), found 1 octets";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn eight_levels_pass_and_nine_do_not_either_way() {
        let deepest = [nested(MAX_DEPTH)];
        assert_eq!(parse_list(&octets(&deepest), 0).unwrap(), deepest);

        let inner = octets(&deepest);
        let mut too_deep = vec![0, 103, 0, u8::try_from(inner.len()).unwrap()];
        too_deep.extend(inner);
        let parsing = parse_list(&too_deep, 20).unwrap_err();
        let building = refusal(&[nested(MAX_DEPTH + 1)]);
        assert_eq!(parsing.offset, 20 + 4 * MAX_DEPTH);
        assert_eq!(parsing.to_string(), building.to_string());
    }

    #[test]
    fn a_value_above_65535_octets_is_an_error() {
        let too_long = AsnTlv::EapPayload(vec![0; 65536]);
        let error = refusal(&[AsnTlv::AkSn(1), AsnTlv::MsInfo(vec![too_long])]);
        assert_eq!((error.layer, error.offset), ("ASN TLV", 29));
    }

    #[test]
    fn an_ak_is_redacted_inside_every_compound() {
        let ak = AsnTlv::MsInfo(vec![AsnTlv::AkContext(vec![AsnTlv::Ak([0xab; 20])])]);
        let shown = format!("{ak:?}");
        assert!(shown.contains("Ak(<redacted>)") && !shown.contains("171") && !shown.contains("ab,"), "{shown}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn arbitrary_lists_never_panic_and_come_back_exactly(input in prop::collection::vec(0..8u8, 0..80)) {
            match parse_list(&input, 0) {
                Ok(tlvs) => prop_assert_eq!(octets(&tlvs), input),
                Err(error) => prop_assert!(error.offset <= input.len()),
            }
        }
    }
}
