//! The tags in front of a frame on link type 252, Wireshark's upper PDU (`dot16-wire.md` 1.2).
//!
//! A list of `type:16 | length:16 | value`, most significant octet first, without alignment, closed by type 0
//! length 0; the octets behind it are the frame. [`wrap`] and [`UpperPdu::parse`] are inverse of each other for
//! the tags that keyhop writes; other tags are stepped over.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use crate::dot16::identifiers::Direction;

/// The end of the list; written with length 0.
const TAG_END: u16 = 0;
const TAG_DISSECTOR: u16 = 12;
const TAG_IPV4_SOURCE: u16 = 20;
const TAG_IPV4_DESTINATION: u16 = 21;
const TAG_PROTOCOL_COLUMN: u16 = 33;
const TAG_DIRECTION: u16 = 35;

/// A frame behind upper-PDU tags, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpperPdu<'a> {
    /// Tag 12: the Wireshark dissector that reads the frame; empty if the tag is missing.
    pub dissector: Cow<'a, str>,
    /// Tag 20: display address of the sender.
    pub source: Option<Ipv4Addr>,
    /// Tag 21: display address of the receiver.
    pub destination: Option<Ipv4Addr>,
    /// Tag 33: text of Wireshark's Protocol column; empty if the tag is missing.
    pub protocol: Cow<'a, str>,
    /// Tag 35: 0 = sent = uplink, 1 = received = downlink; anything else is no direction.
    pub direction: Option<Direction>,
    /// The frame itself.
    pub payload: &'a [u8],
}

/// Why octets are not a frame behind upper-PDU tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("upper-PDU tags, octet {offset}: expected {expected}, found {found}")]
pub struct UpperPduError {
    /// Octets from the first tag.
    pub offset: usize,
    /// What the tags should hold there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Type and value of the first tag, and what follows it.
#[inline]
fn tag(input: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (&[a, b, c, d], rest) = input.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([c, d])))?;
    Some((u16::from_be_bytes([a, b]), value, rest))
}

fn address(value: &[u8], offset: usize) -> Result<Ipv4Addr, UpperPduError> {
    let octets: [u8; 4] = value.try_into().map_err(|_| UpperPduError {
        offset,
        expected: "an IPv4 address tag of 4 octets".to_owned(),
        found: format!("{} octets", value.len()),
    })?;
    Ok(octets.into())
}

/// Text as far as it is readable: a trailing NUL belongs to no name.
fn text(value: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(value) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_end_matches('\0')),
        Cow::Owned(text) => Cow::Owned(text.trim_end_matches('\0').to_owned()),
    }
}

impl<'a> UpperPdu<'a> {
    /// Takes a frame of link type 252 apart.
    ///
    /// # Errors
    /// A tag runs over the end, the list is not closed, or an address or direction tag has not 4 octets.
    pub fn parse(octets: &'a [u8]) -> Result<Self, UpperPduError> {
        let mut parsed = Self {
            dissector: Cow::Borrowed(""),
            source: None,
            destination: None,
            protocol: Cow::Borrowed(""),
            direction: None,
            payload: &[],
        };
        let mut input = octets;
        loop {
            let offset = octets.len().saturating_sub(input.len());
            let (kind, value, rest) = tag(input).ok_or_else(|| UpperPduError {
                offset,
                expected: "a whole tag, or tag 0 that ends the list".to_owned(),
                found: format!("{} octets that are none", input.len()),
            })?;
            match kind {
                TAG_END => {
                    parsed.payload = rest;
                    return Ok(parsed);
                }
                TAG_DISSECTOR => parsed.dissector = text(value),
                TAG_IPV4_SOURCE => parsed.source = Some(address(value, offset)?),
                TAG_IPV4_DESTINATION => parsed.destination = Some(address(value, offset)?),
                TAG_PROTOCOL_COLUMN => parsed.protocol = text(value),
                TAG_DIRECTION => {
                    parsed.direction = match value {
                        [0, 0, 0, 0] => Some(Direction::Uplink),
                        [0, 0, 0, 1] => Some(Direction::Downlink),
                        [_, _, _, _] => None,
                        _ => {
                            return Err(UpperPduError {
                                offset,
                                expected: "a direction tag of 4 octets".to_owned(),
                                found: format!("{} octets", value.len()),
                            });
                        }
                    }
                }
                _ => {}
            }
            input = rest;
        }
    }
}

/// Puts the tags of `frame` in front of its payload. Tags whose value is empty or `None` are left out.
///
/// # Errors
/// A text is longer than the 65,535 octets that its length field can name.
pub fn wrap(frame: &UpperPdu<'_>) -> Result<Vec<u8>, UpperPduError> {
    let mut octets = Vec::with_capacity(frame.payload.len().saturating_add(80));
    append(frame, &mut octets)?;
    Ok(octets)
}

/// Appends tags and payload of `frame` to `octets`, as [`wrap`] puts them together.
///
/// # Errors
/// As [`wrap`]; part of it has been appended then.
pub fn append(frame: &UpperPdu<'_>, octets: &mut Vec<u8>) -> Result<(), UpperPduError> {
    let start = octets.len();
    text_tag(TAG_DISSECTOR, &frame.dissector, start, octets)?;
    for (kind, address) in [(TAG_IPV4_SOURCE, frame.source), (TAG_IPV4_DESTINATION, frame.destination)] {
        if let Some(address) = address {
            short_tag(kind, address.octets(), octets);
        }
    }
    text_tag(TAG_PROTOCOL_COLUMN, &frame.protocol, start, octets)?;
    match frame.direction {
        Some(Direction::Uplink) => short_tag(TAG_DIRECTION, [0, 0, 0, 0], octets),
        Some(Direction::Downlink) => short_tag(TAG_DIRECTION, [0, 0, 0, 1], octets),
        None => {}
    }
    octets.extend_from_slice(&[0; 4]);
    octets.extend_from_slice(frame.payload);
    Ok(())
}

/// Octets of the tags of nearly every air frame, see [`burst_tags`].
pub const BURST_TAGS: usize = 64;

/// The tags of a burst with both addresses and a direction, as [`wrap`] puts them together.
#[inline]
#[must_use]
pub fn burst_tags(source: Ipv4Addr, destination: Ipv4Addr, direction: Direction) -> [u8; BURST_TAGS] {
    // The first 31 octets, and what stands around the addresses.
    let mut tags = *b"\0\x0c\0\x17wimax_pdu_burst_handler\0\x14\0\x04----\0\x15\0\x04----\0\x21\0\x05WiMAX\0\x23\0\x04\0\0\0-\0\0\0\0";
    let [
        ..,
        s0,
        s1,
        s2,
        s3,
        _,
        _,
        _,
        _,
        d0,
        d1,
        d2,
        d3,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        way,
        _,
        _,
        _,
        _,
    ] = &mut tags;
    [*s0, *s1, *s2, *s3] = source.octets();
    [*d0, *d1, *d2, *d3] = destination.octets();
    *way = match direction {
        Direction::Uplink => 0,
        Direction::Downlink => 1,
    };
    tags
}

/// A tag of four octets.
#[inline]
fn short_tag(kind: u16, [p, q, r, s]: [u8; 4], octets: &mut Vec<u8>) {
    let [a, b] = kind.to_be_bytes();
    octets.extend_from_slice(&[a, b, 0, 4, p, q, r, s]);
}

/// A tag of text, unless that is empty; the first tag is at `start`.
#[inline]
fn text_tag(kind: u16, text: &str, start: usize, octets: &mut Vec<u8>) -> Result<(), UpperPduError> {
    if text.is_empty() {
        return Ok(());
    }
    let length = u16::try_from(text.len()).map_err(|_| UpperPduError {
        offset: octets.len().saturating_sub(start),
        expected: "a tag value of at most 65535 octets".to_owned(),
        found: format!("{} octets", text.len()),
    })?;
    let ([a, b], [c, d]) = (kind.to_be_bytes(), length.to_be_bytes());
    octets.extend_from_slice(&[a, b, c, d]);
    octets.extend_from_slice(text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uplink(payload: &[u8]) -> UpperPdu<'_> {
        UpperPdu {
            dissector: "wimax_pdu_burst_handler".into(),
            source: Some(Ipv4Addr::new(10, 16, 0, 10)),
            destination: Some(Ipv4Addr::new(10, 16, 0, 2)),
            protocol: "WiMAX".into(),
            direction: Some(Direction::Uplink),
            payload,
        }
    }

    #[test]
    fn the_tags_are_those_of_the_worked_example() {
        let expected = hex::decode(concat!(
            "000c001777696d61785f7064755f62757273745f68616e646c6572",
            "001400040a10000a",
            "001500040a100002",
            "0021000557694d4158",
            "0023000400000000",
            "00000000",
            "aabb"
        ));
        assert_eq!(wrap(&uplink(&[0xaa, 0xbb])).unwrap(), expected.unwrap());
    }

    #[test]
    fn the_tags_of_a_burst_are_those_that_are_put_together_one_by_one() {
        for direction in [Direction::Uplink, Direction::Downlink] {
            let frame = UpperPdu { direction: Some(direction), ..uplink(&[]) };
            let tags = burst_tags(frame.source.unwrap(), frame.destination.unwrap(), direction);
            assert_eq!(tags, *wrap(&frame).unwrap());
        }
    }

    #[test]
    fn unknown_tags_are_stepped_over() {
        let octets = hex::decode("0063000101000c0002697000000000ff").unwrap();
        let parsed = UpperPdu::parse(&octets).unwrap();
        assert_eq!((&*parsed.dissector, parsed.payload), ("ip", &[0xff][..]));
    }

    #[test]
    fn a_list_cut_anywhere_is_an_error_at_the_tag_that_is_cut() {
        let octets = wrap(&uplink(&[])).unwrap();
        for length in 0..octets.len() {
            let error = UpperPdu::parse(octets.get(..length).unwrap()).unwrap_err();
            assert!(error.offset <= length, "{length}: {error}");
        }
        assert_eq!(UpperPdu::parse(&octets[..30]).unwrap_err().offset, 27);
    }

    #[test]
    fn an_address_of_three_octets_is_refused() {
        let error = UpperPdu::parse(&[0, 20, 0, 3, 1, 2, 3, 0, 0, 0, 0]).unwrap_err();
        assert_eq!((error.offset, error.found.as_str()), (0, "3 octets"));
    }

    #[test]
    fn a_name_longer_than_its_length_field_is_refused() {
        let frame = UpperPdu { protocol: "x".repeat(65_536).into(), ..uplink(&[]) };
        assert!(wrap(&frame).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn parsing_what_was_wrapped_gives_it_back(
            payload in proptest::collection::vec(any::<u8>(), 0..100),
            source in proptest::option::of(any::<u32>()),
            downlink in proptest::option::of(any::<bool>()),
        ) {
            let frame = UpperPdu {
                source: source.map(Ipv4Addr::from),
                direction: downlink.map(|down| if down { Direction::Downlink } else { Direction::Uplink }),
                ..uplink(&payload)
            };
            let octets = wrap(&frame).unwrap();
            prop_assert_eq!(UpperPdu::parse(&octets).unwrap(), frame);
        }

        #[test]
        fn foreign_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = UpperPdu::parse(&octets);
        }
    }
}
