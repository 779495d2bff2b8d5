//! The bodies of the pcapng blocks that a reader of packets needs: Section Header, Interface Description, Enhanced,
//! Simple and (obsolete) Packet, Name Resolution, Decryption Secrets; and their options.
//!
//! Why not the parser of `pcap-file`: it panics on a name record without its padding, takes every time as
//! nanoseconds, and refuses files that Wireshark opens (a comment that is not UTF-8, `if_tzone`, options without the
//! closing mark). Every function here takes the body between the two block lengths; octets are in the byte order that
//! the section header chose. Errors carry the octet of the body where parsing stopped.

use std::net::Ipv4Addr;

use nom::bytes::complete::take;
use nom::number::Endianness;
use nom::{IResult, Parser};

use crate::dot16::identifiers::Direction;

/// Most name records kept of one file.
pub const MAX_NAMES: usize = 65_536;

/// A block body that is not what its type asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockError {
    /// Octets from the start of the body.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

/// An interface, as its Interface Description Block has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceBlock {
    /// Link type of the tcpdump registry.
    pub link_type: u16,
    /// Most octets of a packet that are kept; 0 = all.
    pub snap_length: u32,
    /// Option 2; empty if absent.
    pub name: String,
    /// Option 3; empty if absent.
    pub description: String,
    /// Option 9: how finely times are counted.
    pub resolution: TimeResolution,
    /// Option 14: seconds to add to every time.
    pub time_offset: i64,
}

/// The unit in which an interface counts time (option 9 of its block).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeResolution {
    /// 10^-n seconds.
    Decimal(u8),
    /// 2^-n seconds.
    Binary(u8),
}

impl TimeResolution {
    /// Nanoseconds in `count` units, rounded down; they fit 94 bits at most.
    #[must_use]
    pub fn nanos(self, count: u64) -> u128 {
        let count = u128::from(count);
        match self {
            Self::Decimal(n @ 0..=9) => count.saturating_mul(10u128.pow(u32::from(9u8.saturating_sub(n)))),
            Self::Decimal(n) => 10u128
                .checked_pow(u32::from(n.saturating_sub(9)))
                .map_or(0, |unit| count.checked_div(unit).unwrap_or(0)),
            Self::Binary(n) => count.saturating_mul(1_000_000_000).checked_shr(u32::from(n)).unwrap_or(0),
        }
    }
}

/// A packet, as one of the three packet blocks has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketBlock<'a> {
    /// Number of its interface in this section.
    pub interface: u32,
    /// Time in units of the interface's resolution; `None` in a Simple Packet Block, which has no time.
    pub time: Option<u64>,
    /// Octets of the packet on the link.
    pub original_length: u32,
    /// Octets of the packet that were captured.
    pub octets: &'a [u8],
    /// Octets from the start of the body to those of the packet.
    pub octets_offset: usize,
    /// Bits 0 and 1 of option 2: 1 = inbound = downlink, 2 = outbound = uplink (`dot16-wire.md` 1.4).
    pub direction: Option<Direction>,
    /// Every option 1, in order.
    pub comments: Vec<String>,
}

struct Body<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
    order: Endianness,
}

impl<'a> Body<'a> {
    fn new(whole: &'a [u8], order: Endianness) -> Self {
        Self { whole, rest: whole, order }
    }

    fn offset(&self) -> usize {
        self.whole.len().saturating_sub(self.rest.len())
    }

    fn parse<T>(
        &mut self,
        expected: &'static str,
        mut parser: impl FnMut(&'a [u8]) -> IResult<&'a [u8], T>,
    ) -> Result<T, BlockError> {
        let (rest, value) = parser(self.rest).map_err(|_| BlockError { offset: self.offset(), expected })?;
        self.rest = rest;
        Ok(value)
    }

    #[inline]
    fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], BlockError> {
        let Some((octets, rest)) = self.rest.split_first_chunk() else {
            return Err(BlockError { offset: self.offset(), expected });
        };
        self.rest = rest;
        Ok(*octets)
    }

    fn number16(&mut self, expected: &'static str) -> Result<u16, BlockError> {
        let octets = self.array(expected)?;
        Ok(if self.order == Endianness::Little { u16::from_le_bytes(octets) } else { u16::from_be_bytes(octets) })
    }

    fn number32(&mut self, expected: &'static str) -> Result<u32, BlockError> {
        let octets = self.array(expected)?;
        Ok(if self.order == Endianness::Little { u32::from_le_bytes(octets) } else { u32::from_be_bytes(octets) })
    }

    /// `length` octets and the padding to a multiple of 4 behind them, as far as it is there.
    fn padded(&mut self, length: u32, expected: &'static str) -> Result<&'a [u8], BlockError> {
        let value = self.parse(expected, |input| take(length).parse(input))?;
        let padding = (4u32.wrapping_sub(length) % 4) as usize;
        self.rest = self.rest.get(padding..).unwrap_or(&[]);
        Ok(value)
    }

    /// The next option, up to the closing mark or the end of the body.
    fn next_option(&mut self) -> Result<Option<(u16, &'a [u8])>, BlockError> {
        if self.rest.len() < 4 {
            return Ok(None);
        }
        let code = self.number16("an option code")?;
        let length = self.number16("an option length")?;
        if code == 0 {
            self.rest = &[];
            return Ok(None);
        }
        self.padded(u32::from(length), "an option as long as it says").map(|value| Some((code, value)))
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).trim_end_matches('\0').to_owned()
}

/// The comment (first option 1; empty if absent) of a Section Header Block, whose byte-order mark is in the body.
///
/// # Errors
/// The body ends early, or the major version is not 1.
pub fn section_header(body: &[u8], order: Endianness) -> Result<String, BlockError> {
    let mut body = Body::new(body, order);
    body.number32("a byte-order mark")?;
    let version_offset = body.offset();
    let major = body.number16("a major version")?;
    if major != 1 {
        return Err(BlockError { offset: version_offset, expected: "pcapng version 1" });
    }
    body.number16("a minor version")?;
    body.parse("a section length", |input| take(8usize).parse(input))?;
    let mut comment = None;
    while let Some((code, value)) = body.next_option()? {
        if code == 1 && comment.is_none() {
            comment = Some(text(value));
        }
    }
    Ok(comment.unwrap_or_default())
}

/// An Interface Description Block.
///
/// # Errors
/// The body or one of its options ends early.
pub fn interface(body: &[u8], order: Endianness) -> Result<InterfaceBlock, BlockError> {
    let mut body = Body::new(body, order);
    let link_type = body.number16("a link type")?;
    body.number16("two reserved octets")?;
    let snap_length = body.number32("a snapshot length")?;
    let mut interface = InterfaceBlock {
        link_type,
        snap_length,
        name: String::new(),
        description: String::new(),
        resolution: TimeResolution::Decimal(6),
        time_offset: 0,
    };
    while let Some((code, value)) = body.next_option()? {
        match (code, value) {
            (2, name) => interface.name = text(name),
            (3, description) => interface.description = text(description),
            (9, [unit]) if unit & 0x80 != 0 => interface.resolution = TimeResolution::Binary(unit & 0x7f),
            (9, [unit]) => interface.resolution = TimeResolution::Decimal(*unit),
            (14, &[a, b, c, d, e, f, g, h]) => {
                let octets = [a, b, c, d, e, f, g, h];
                interface.time_offset = match order {
                    Endianness::Little => i64::from_le_bytes(octets),
                    _ => i64::from_be_bytes(octets),
                };
            }
            _ => {}
        }
    }
    Ok(interface)
}

fn packet_options<'a>(mut body: Body<'a>, mut packet: PacketBlock<'a>) -> Result<PacketBlock<'a>, BlockError> {
    while let Some((code, value)) = body.next_option()? {
        match (code, value) {
            (1, comment) => packet.comments.push(text(comment)),
            (2, &[a, b, c, d]) => {
                let flags = if body.order == Endianness::Little { a } else { d };
                let _ = (b, c);
                packet.direction = match flags & 3 {
                    1 => Some(Direction::Downlink),
                    2 => Some(Direction::Uplink),
                    _ => None,
                };
            }
            _ => {}
        }
    }
    Ok(packet)
}

fn timed_packet<'a>(mut body: Body<'a>, interface: u32) -> Result<PacketBlock<'a>, BlockError> {
    let high = body.number32("a time")?;
    let low = body.number32("a time")?;
    let captured = body.number32("a captured length")?;
    let original_length = body.number32("an original length")?;
    let octets_offset = body.offset();
    let octets = body.padded(captured, "as many octets as the captured length says")?;
    let packet = PacketBlock {
        interface,
        time: Some(u64::from(high) << 32 | u64::from(low)),
        original_length,
        octets,
        octets_offset,
        direction: None,
        comments: Vec::new(),
    };
    packet_options(body, packet)
}

/// An Enhanced Packet Block.
///
/// # Errors
/// The body, the packet in it or an option ends early.
pub fn enhanced_packet(body: &[u8], order: Endianness) -> Result<PacketBlock<'_>, BlockError> {
    let mut body = Body::new(body, order);
    let interface = body.number32("an interface number")?;
    timed_packet(body, interface)
}

/// The obsolete Packet Block.
///
/// # Errors
/// The body, the packet in it or an option ends early.
pub fn obsolete_packet(body: &[u8], order: Endianness) -> Result<PacketBlock<'_>, BlockError> {
    let mut body = Body::new(body, order);
    let interface = body.number16("an interface number")?;
    body.number16("a count of drops")?;
    timed_packet(body, u32::from(interface))
}

/// A Simple Packet Block; `snap_length` is that of interface 0 of the section, 0 = none.
///
/// # Errors
/// The body is shorter than its packet.
pub fn simple_packet(body: &[u8], order: Endianness, snap_length: u32) -> Result<PacketBlock<'_>, BlockError> {
    let mut body = Body::new(body, order);
    let original_length = body.number32("an original length")?;
    let captured = if snap_length == 0 { original_length } else { original_length.min(snap_length) };
    let octets_offset = body.offset();
    let octets = body.padded(captured, "as many octets as the packet and snapshot length say")?;
    Ok(PacketBlock {
        interface: 0,
        time: None,
        original_length,
        octets,
        octets_offset,
        direction: None,
        comments: Vec::new(),
    })
}

/// Type and octets of the secrets of a Decryption Secrets Block.
///
/// # Errors
/// The body is shorter than its secrets.
pub fn decryption_secrets(body: &[u8], order: Endianness) -> Result<(u32, &[u8]), BlockError> {
    let mut body = Body::new(body, order);
    let kind = body.number32("a type of secrets")?;
    let length = body.number32("a length of secrets")?;
    body.padded(length, "as many octets of secrets as their length says").map(|secrets| (kind, secrets))
}

/// The IPv4 names of a Name Resolution Block, at most [`MAX_NAMES`]. What is not an IPv4 record is stepped over, and a record
/// that is damaged ends the list: names decide nothing.
#[must_use]
pub fn names(body: &[u8], order: Endianness) -> Vec<(Ipv4Addr, String)> {
    let mut body = Body::new(body, order);
    let mut names = Vec::new();
    while let (Ok(kind), Ok(length)) = (body.number16("a record type"), body.number16("a record length")) {
        let Ok(value) = body.padded(u32::from(length), "a record as long as it says") else {
            break;
        };
        match (kind, value) {
            (0, _) => break,
            (1, &[a, b, c, d, ref rest @ ..]) => {
                let room = MAX_NAMES.saturating_sub(names.len());
                for name in rest.split(|octet| *octet == 0).filter(|name| !name.is_empty()).take(room) {
                    names.push((Ipv4Addr::new(a, b, c, d), text(name)));
                }
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_out_in_nanoseconds_whatever_their_unit() {
        assert_eq!(TimeResolution::Decimal(6).nanos(1_500_000), 1_500_000_000);
        assert_eq!(TimeResolution::Decimal(9).nanos(7), 7);
        assert_eq!(TimeResolution::Decimal(0).nanos(2), 2_000_000_000);
        assert_eq!(TimeResolution::Decimal(12).nanos(7_999), 7);
        assert_eq!(TimeResolution::Binary(20).nanos(1 << 20), 1_000_000_000);
        assert_eq!(TimeResolution::Decimal(127).nanos(u64::MAX), 0);
        assert_eq!(TimeResolution::Binary(127).nanos(1), 0);
    }

    #[test]
    fn an_option_longer_than_its_block_is_an_error_where_its_value_begins() {
        let body = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 200, 0, b'x'];
        assert_eq!(interface(&body, Endianness::Little).unwrap_err().offset, 12);
    }

    #[test]
    fn options_without_a_closing_mark_are_read() {
        let body = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, b'x', 0, 0, 0];
        assert_eq!(interface(&body, Endianness::Little).unwrap().name, "x");
    }

    #[test]
    fn a_name_record_without_its_padding_is_read() {
        assert_eq!(
            names(&[0, 1, 0, 6, 10, 0, 0, 1, b'a', 0], Endianness::Big),
            vec![(Ipv4Addr::new(10, 0, 0, 1), "a".to_owned())]
        );
    }
}
