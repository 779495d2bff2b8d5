//! User traffic from a capture: its IPv4 packets, without link framing, at their captured times (DESIGN section 5,
//! `--traffic`).

use std::io::Read;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use nom::bytes::complete::take;
use nom::number::complete::{be_u16, u8 as number8};
use nom::{IResult, Parser};

use super::error::{CaptureError, Place};
use super::link_layer::{self, ETHERTYPE_IPV4, LinkParser};
use super::record_reader::{Record, RecordReader};
use crate::dot16::identifiers::Direction;

/// Most packets of one traffic file.
pub const MAX_PACKETS: usize = 4_000_000;
/// Most octets of all packets of one traffic file together.
pub const MAX_OCTETS: usize = 1024 * 1024 * 1024;
/// Longest time between two packets of one traffic file, in nanoseconds: a week. A run lasts as long.
pub const MAX_SPAN_NS: u64 = 7 * 24 * 3_600 * 1_000_000_000;

/// One IPv4 packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficPacket {
    /// Since the earliest packet of the file that is IPv4.
    pub time: Duration,
    /// The packet from its version octet, as long as its total length says.
    pub octets: Vec<u8>,
}

/// How many packets were left out, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Packets that are not IPv4.
    pub not_ipv4: u64,
    /// IPv4 packets, or packets of unknown kind, that the capture cut short, or whose total length is above what is
    /// there.
    pub truncated: u64,
}

/// The user traffic of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficFile {
    /// The packets in order of time; those of one time in the order of the file.
    pub packets: Vec<TrafficPacket>,
    /// What was left out.
    pub skipped: Skipped,
    /// Source address of the first IPv4 packet of the file.
    pub first_ipv4_source: Option<Ipv4Addr>,
}

enum Packet<'a> {
    Ipv4 { octets: &'a [u8], source: Ipv4Addr },
    NotIpv4,
    Truncated,
}

/// Source address and total length of an IPv4 header.
fn ipv4_header(input: &[u8]) -> IResult<&[u8], (u8, u16, Ipv4Addr)> {
    let (input, first) = number8(input)?;
    let (input, _service) = number8(input)?;
    let (input, total_length) = be_u16(input)?;
    let (input, _to_checksum) = take(8usize).parse(input)?;
    let (input, source) = nom::number::complete::be_u32(input)?;
    let (input, _destination) = take(4usize).parse(input)?;
    Ok((input, (first, total_length, Ipv4Addr::from(source))))
}

fn unpack(record: &Record, parser: LinkParser) -> Packet<'_> {
    let cut = record.octets.len() < record.original_length as usize;
    let without_header = if cut { Packet::Truncated } else { Packet::NotIpv4 };
    let Ok((_, inside)) = parser(&record.octets) else {
        return without_header;
    };
    if inside.protocol != ETHERTYPE_IPV4 {
        return Packet::NotIpv4;
    }
    if cut {
        return Packet::Truncated;
    }
    match inside.octets.first() {
        None => return Packet::Truncated,
        Some(first) if first >> 4 != 4 => return Packet::NotIpv4,
        Some(_) => {}
    }
    let Ok((_, (first, total_length, source))) = ipv4_header(inside.octets) else {
        return Packet::Truncated;
    };
    let header_length = u16::from(first & 0x0f).saturating_mul(4);
    if header_length < 20 || total_length < header_length {
        return Packet::NotIpv4;
    }
    match inside.octets.get(..usize::from(total_length)) {
        Some(octets) => Packet::Ipv4 { octets, source },
        None => Packet::Truncated,
    }
}

/// Reads the user traffic of a capture file.
///
/// Link types: Ethernet with up to two VLAN tags (1), Linux cooked (113, 276), raw IP (101, 228, 12, 14), null and
/// loopback (0, 108).
///
/// # Errors
/// The file is no capture, is cut in the middle of a record, holds a packet of another link type, or is above
/// [`MAX_PACKETS`], [`MAX_OCTETS`] or [`MAX_SPAN_NS`]; the error names file, frame and octet.
pub fn read_traffic(path: &Path) -> Result<TrafficFile, CaptureError> {
    collect(RecordReader::open(path)?).map_err(|error| error.in_file(path))
}

/// Reads the user traffic of a capture from anything that can be read. See [`read_traffic`].
///
/// # Errors
/// Those of [`read_traffic`], without the name of the file.
pub fn read_traffic_from(input: impl Read) -> Result<TrafficFile, CaptureError> {
    collect(RecordReader::new(input)?)
}

const EXPECTED_LINK_TYPE: &str =
    "a link type of Ethernet (1), Linux cooked (113, 276), raw IP (12, 14, 101, 228) or null / loopback (0, 108)";

fn collect<R: Read>(mut records: RecordReader<R>) -> Result<TrafficFile, CaptureError> {
    let mut traffic = TrafficFile::default();
    let mut timed: Vec<(i64, Vec<u8>)> = Vec::new();
    let mut octets_held = 0usize;
    let mut span = None;
    let mut any = false;
    for record in &mut records {
        let record = record?;
        any = true;
        let refuse = |expected: String, found: String| {
            CaptureError::malformed(Place::Octet { frame: Some(record.number), offset: record.offset }, expected, found)
        };
        let Some(parser) = link_layer::parser(record.link_type) else {
            return Err(refuse(EXPECTED_LINK_TYPE.to_owned(), format!("link type {}", record.link_type)));
        };
        match unpack(&record, parser) {
            Packet::NotIpv4 => traffic.skipped.not_ipv4 = traffic.skipped.not_ipv4.saturating_add(1),
            Packet::Truncated => traffic.skipped.truncated = traffic.skipped.truncated.saturating_add(1),
            Packet::Ipv4 { octets, source } => {
                traffic.first_ipv4_source.get_or_insert(source);
                let time = record.time_ns;
                let (earliest, latest) = span.unwrap_or((time, time));
                let now = (earliest.min(time), latest.max(time));
                if now.0.abs_diff(now.1) > MAX_SPAN_NS {
                    let expected = format!("all packets within {} s", MAX_SPAN_NS / 1_000_000_000);
                    return Err(refuse(expected, format!("one after {} s", now.0.abs_diff(now.1) / 1_000_000_000)));
                }
                span = Some(now);
                octets_held = octets_held.saturating_add(octets.len());
                if timed.len() >= MAX_PACKETS || octets_held > MAX_OCTETS {
                    let expected = format!("at most {MAX_PACKETS} packets and {MAX_OCTETS} octets");
                    return Err(refuse(expected, "more".to_owned()));
                }
                timed.push((record.time_ns, octets.to_vec()));
            }
        }
    }
    let refused = records.interfaces().iter().find(|interface| link_layer::parser(interface.link_type).is_none());
    if let (false, Some(interface)) = (any, refused) {
        let found = format!("no packet and link type {}", interface.link_type);
        return Err(CaptureError::malformed(Place::Whole, EXPECTED_LINK_TYPE, found));
    }
    timed.sort_by_key(|(time, _)| *time);
    let first = timed.first().map_or(0, |(time, _)| *time);
    traffic.packets = timed
        .into_iter()
        .map(|(time, octets)| TrafficPacket { time: Duration::from_nanos(time.abs_diff(first)), octets })
        .collect();
    Ok(traffic)
}

/// The direction of an IPv4 packet: what comes from the mobile's address goes uplink, everything else downlink.
#[must_use]
pub fn direction(mobile: Ipv4Addr, packet: &[u8]) -> Direction {
    match ipv4_header(packet) {
        Ok((_, (_, _, source))) if source == mobile => Direction::Uplink,
        _ => Direction::Downlink,
    }
}
