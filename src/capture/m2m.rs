//! Ethernet type 0x08F0, Wireshark's "WiMax Mac to Mac Packet" (`dot16-wire.md` 1.3, Wireshark `packet-m2m.c`).
//!
//! ```text
//! sequence:16 | number of TLVs:16 | TLVs, each type:8 | length | value
//! length = one octet up to 127, else 0x80 + n and n octets
//! ```
//!
//! TLVs 3 to 5 (burst number, fragment type, fragment number) are about the PDU bursts (9) behind them. What stands behind
//! the last TLV is padding.

use std::fmt;

use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::{be_u16, u8 as number8};

use super::foreign::{BurstKind, FAST_FEEDBACK, FCH, ForeignError, HARQ_ACK, PHY_ATTRIBUTES};

/// The EtherType.
pub const ETHERTYPE: u16 = 0x08f0;
const LAYER: &str = "m2m";

/// TLV types of `dot16-wire.md` 1.3.
mod tlv_type {
    pub const BURST_NUMBER: u8 = 3;
    pub const FRAGMENT_TYPE: u8 = 4;
    pub const FRAGMENT_NUMBER: u8 = 5;
    pub const CDMA_CODE: u8 = 7;
    pub const FCH: u8 = 8;
    pub const PDU_BURST: u8 = 9;
    pub const FAST_FEEDBACK: u8 = 10;
    pub const HARQ_ACK: u8 = 15;
    pub const PHY_ATTRIBUTES: u8 = 16;
}

/// Octets of the value of a TLV that has a fixed length.
const fn fixed_length(kind: u8) -> Option<usize> {
    match kind {
        1 | 3 | 4 | 5 | 11 => Some(1),
        2 | 7 | 8 => Some(3),
        12..=14 => Some(2),
        _ => None,
    }
}

/// Where a fragment belongs in its burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Fragment type 1.
    First,
    /// Fragment type 2.
    Middle,
    /// Fragment type 3.
    Last,
}

/// What TLVs 3 to 5 say of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The burst it belongs to; 0 without TLV 3.
    pub burst: u8,
    /// Its place.
    pub position: Position,
    /// Its number, from 1.
    pub number: u8,
}

/// The fragment in words.
impl fmt::Display for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = if self.position == Position::Last { ", the last," } else { "" };
        write!(f, "fragment {}{last} of burst {}", self.number, self.burst)
    }
}

/// A burst, or a fragment of one, in an m2m packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct M2mBurst<'a> {
    /// What it is.
    pub kind: BurstKind,
    /// Its octets.
    pub octets: &'a [u8],
    /// Octets from the sequence number to the first of them.
    pub offset: usize,
    /// What is said of it if it is a fragment; bursts of PDUs alone come in fragments.
    pub fragment: Option<Fragment>,
}

#[derive(Clone, Copy)]
struct Tlv<'a> {
    kind: u8,
    value: &'a [u8],
}

type Parsed<'a, T> = Result<(&'a [u8], T), ForeignError>;

fn error(offset: usize, expected: impl Into<String>, found: impl Into<String>) -> ForeignError {
    ForeignError { layer: LAYER, offset, expected: expected.into(), found: found.into() }
}

/// The value length behind the type octet.
fn length(input: &[u8], offset: usize) -> Parsed<'_, usize> {
    let end = || error(offset, "a TLV length", "the end of the packet");
    let (rest, first) = number8::<_, nom::error::Error<&[u8]>>(input).map_err(|_| end())?;
    let octets = match first {
        0 => return Err(error(offset, "a TLV length above 0", "0")),
        1..=0x7f => return Ok((rest, usize::from(first))),
        0x81..=0x84 => first & 0x7f,
        _ => return Err(error(offset, "a TLV length, its own octets 0x81 to 0x84", format!("{first:#04x}"))),
    };
    let (rest, digits) = take::<_, _, nom::error::Error<&[u8]>>(octets).parse(rest).map_err(|_| end())?;
    let length = digits.iter().fold(0usize, |value, digit| value << 8 | usize::from(*digit));
    if length == 0 {
        return Err(error(offset, "a TLV length above 0", "0"));
    }
    Ok((rest, length))
}

fn tlv(input: &[u8], offset: usize) -> Parsed<'_, Tlv<'_>> {
    let parsed = number8::<_, nom::error::Error<&[u8]>>(input);
    let (rest, kind) = parsed.map_err(|_| error(offset, "one more TLV", "the end of the packet"))?;
    let (rest, length) = length(rest, offset.saturating_add(1))?;
    let there = rest.len();
    let (rest, value) = take::<_, _, nom::error::Error<&[u8]>>(length)
        .parse(rest)
        .map_err(|_| error(offset, format!("TLV {kind} with {length} octets"), format!("{there} octets")))?;
    match fixed_length(kind).filter(|fixed| *fixed != length) {
        Some(fixed) => Err(error(offset, format!("TLV {kind} with {fixed} octets"), format!("{length} octets"))),
        None => Ok((rest, Tlv { kind, value })),
    }
}

/// The fragment that a PDU burst is, by the TLVs before it; `Ok(None)` if it is whole.
fn fragment(burst: u8, kind: u8, number: u8, offset: usize) -> Result<Option<Fragment>, ForeignError> {
    let position = match kind {
        0 => return Ok(None),
        1 => Position::First,
        2 => Position::Middle,
        3 => Position::Last,
        _ => return Err(error(offset, "a fragment type from 0 to 3 before this burst", kind.to_string())),
    };
    if (position == Position::First) != (number == 1) || number == 0 {
        let expected = "fragment number 1 for the first fragment, above for the others, before this burst";
        return Err(error(offset, expected, format!("type {kind} with number {number}")));
    }
    Ok(Some(Fragment { burst, position, number }))
}

/// The bursts in an m2m packet, which begins with its sequence number; and what ended the reading before the last TLV, or
/// was wrong with a burst that is left out, if something was.
#[must_use]
pub fn bursts(packet: &[u8]) -> (Vec<M2mBurst<'_>>, Option<ForeignError>) {
    let mut found = Vec::new();
    let header = (be_u16::<_, nom::error::Error<&[u8]>>, be_u16).parse(packet);
    let Ok((mut input, (_sequence, count))) = header else {
        return (found, Some(error(0, "sequence and number of TLVs, 4 octets", format!("{} octets", packet.len()))));
    };
    let (mut number_of_burst, mut fragment_type, mut fragment_number) = (0, 0, 0);
    let mut refused = None;
    for _ in 0..count {
        let start = packet.len().saturating_sub(input.len());
        let (rest, Tlv { kind, value }) = match tlv(input, start) {
            Ok(parsed) => parsed,
            Err(error) => return (found, Some(error)),
        };
        input = rest;
        let offset = packet.len().saturating_sub(rest.len()).saturating_sub(value.len());
        let mut push = |kind, fragment| found.push(M2mBurst { kind, octets: value, offset, fragment });
        match (kind, value) {
            (tlv_type::BURST_NUMBER, [number]) => number_of_burst = *number,
            (tlv_type::FRAGMENT_TYPE, [kind]) => fragment_type = *kind,
            (tlv_type::FRAGMENT_NUMBER, [number]) => fragment_number = *number,
            (tlv_type::CDMA_CODE, _) => push(BurstKind::CdmaCode, None),
            (tlv_type::FCH, _) => push(FCH, None),
            (tlv_type::FAST_FEEDBACK, _) => push(FAST_FEEDBACK, None),
            (tlv_type::HARQ_ACK, _) => push(HARQ_ACK, None),
            (tlv_type::PHY_ATTRIBUTES, _) => push(PHY_ATTRIBUTES, None),
            (tlv_type::PDU_BURST, _) => match fragment(number_of_burst, fragment_type, fragment_number, start) {
                Ok(fragment) => push(BurstKind::Pdu, fragment),
                Err(error) => refused = refused.or(Some(error)),
            },
            _ => {}
        }
    }
    (found, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(packet: &[u8]) -> Vec<M2mBurst<'_>> {
        let (bursts, error) = bursts(packet);
        assert_eq!(error, None);
        bursts
    }

    #[test]
    fn every_form_of_length_is_read_and_padding_is_left() {
        let value = vec![7u8; 300];
        let packet =
            [&[0, 1, 0, 4, 2, 3, 0, 0, 42, 9, 0x81, 2, 1, 2, 9, 0x84, 0, 0, 1, 0x2c][..], &value, &[7, 3, 1, 2, 3, 0]];
        let packet = packet.concat();
        let found = good(&packet);
        assert_eq!(found.iter().map(|burst| burst.octets.len()).collect::<Vec<_>>(), [2, 300, 3]);
        assert_eq!(found.iter().map(|burst| burst.offset).collect::<Vec<_>>(), [12, 20, 322]);
        assert_eq!(found[2].kind, BurstKind::CdmaCode);
    }

    #[test]
    fn fragments_are_told_by_the_tlvs_before_them() {
        let packet = [0, 1, 0, 6, 3, 1, 5, 4, 1, 1, 5, 1, 1, 9, 1, 0xaa, 4, 1, 0, 9, 1, 0xbb];
        let found = good(&packet);
        assert_eq!(found[0].fragment, Some(Fragment { burst: 5, position: Position::First, number: 1 }));
        assert_eq!(found[1].fragment, None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_octet_and_what_stands_before_is_kept() {
        let wrong = |rest: &[u8]| {
            let packet = [&[0, 1, 0, 2, 9, 1, 0xaa][..], rest].concat();
            let (found, error) = bursts(&packet);
            assert_eq!(found.len(), 1);
            let error = error.unwrap();
            (error.offset, error.found)
        };
        let end = "the end of the packet".to_owned();
        assert_eq!(wrong(&[]), (7, end.clone()));
        assert_eq!(wrong(&[9]), (8, end.clone()));
        assert_eq!(wrong(&[9, 0]), (8, "0".to_owned()));
        assert_eq!(wrong(&[9, 0x80]), (8, "0x80".to_owned()));
        assert_eq!(wrong(&[9, 0x85, 0, 0, 0, 0, 1, 1]), (8, "0x85".to_owned()));
        assert_eq!(wrong(&[9, 0x82, 0]), (8, end));
        assert_eq!(wrong(&[9, 0x84, 0xff, 0xff, 0xff, 0xff, 1]), (7, "1 octets".to_owned()));
        assert_eq!(wrong(&[8, 2, 0, 0]), (7, "2 octets".to_owned()));
        for packet in [&[0, 1, 0, 2, 4, 1, 9, 9, 1, 1][..], &[0, 1, 0, 3, 4, 1, 1, 5, 1, 2, 9, 1, 1]] {
            let (found, error) = bursts(packet);
            assert_eq!((found, error.map(|error| error.offset)), (vec![], Some(packet.len() - 3)));
        }
        assert_eq!(bursts(&[0, 1, 0]).1.unwrap().found, "3 octets");
    }
}
