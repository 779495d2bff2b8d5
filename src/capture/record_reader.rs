//! The packets of a pcap or pcapng file, one at a time, with their place in the file.
//!
//! Classic pcap in both byte orders and with micro- or nanoseconds; pcapng with any number of sections, interfaces
//! and byte orders. Frames are counted as Wireshark 4 counts them: custom and journal blocks take a number, too.
//! Limits: a packet holds at most [`MAX_PACKET`] octets, a pcapng block [`MAX_BLOCK`], a file [`MAX_INTERFACES`]
//! interfaces and [`MAX_NAMES`] names.

use std::fs::File;
use std::io::{BufReader, Read};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use nom::number::Endianness;

use super::error::{CaptureError, Place};
use super::pcapng_block::{self, BlockError, InterfaceBlock, MAX_NAMES, PacketBlock, TimeResolution};
use crate::dot16::identifiers::Direction;

/// Most octets of one packet; the limit of Wireshark.
pub const MAX_PACKET: u32 = 262_144;
/// Most octets of one pcapng block; the limit of Wireshark.
pub const MAX_BLOCK: u32 = 16 * 1024 * 1024;
/// Most interfaces of one file.
pub const MAX_INTERFACES: usize = 65_536;
/// Seconds from 1970-01-01T00:00:00Z to 2000-01-01T00:00:00Z, the instant 0 of virtual time.
pub const EPOCH_SECONDS: u64 = 946_684_800;

const EXPECTED_FILE: &str =
    "a pcap or pcapng file (it begins with a1b2c3d4, a1b23c4d, one of them reversed, or 0a0d0d0a)";

/// One packet of a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Number of the frame, 1-based, as in Wireshark.
    pub number: u64,
    /// Octets from the start of the file to the record or block.
    pub offset: u64,
    /// Octets from the start of the file to the packet's own octets.
    pub octets_offset: u64,
    /// Nanoseconds since 2000-01-01T00:00:00Z, negative before; saturates at the ends of the range (292 years).
    pub time_ns: i64,
    /// Index into [`RecordReader::interfaces`].
    pub interface: usize,
    /// Link type of the tcpdump registry.
    pub link_type: u16,
    /// Octets of the packet on the link; more than `octets` has if the capture cut it short.
    pub original_length: u32,
    /// Direction from `epb_flags`.
    pub direction: Option<Direction>,
    /// Packet comments.
    pub comments: Vec<String>,
    /// The captured octets.
    pub octets: Vec<u8>,
}

enum Format {
    Pcap { order: Endianness, nanoseconds: bool },
    Pcapng { order: Endianness, first_interface: usize },
}

/// Reads a capture file record by record; an iterator that ends after its first error.
pub struct RecordReader<R> {
    input: R,
    path: Option<PathBuf>,
    offset: u64,
    frames: u64,
    format: Format,
    interfaces: Vec<InterfaceBlock>,
    names: Vec<(Ipv4Addr, String)>,
    section_comment: String,
    ended: bool,
}

fn number(order: Endianness, octets: [u8; 4]) -> u32 {
    match order {
        Endianness::Little => u32::from_le_bytes(octets),
        _ => u32::from_be_bytes(octets),
    }
}

impl RecordReader<BufReader<File>> {
    /// Opens a capture file and reads its header.
    ///
    /// # Errors
    /// The file cannot be read or is neither pcap nor pcapng; the error names it.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let file = File::open(path).map_err(|error| CaptureError::io("cannot be opened", error).in_file(path))?;
        let mut reader = Self::new(BufReader::new(file)).map_err(|error| error.in_file(path))?;
        reader.path = Some(path.to_owned());
        Ok(reader)
    }
}

impl<R: Read> RecordReader<R> {
    /// Reads the header of a capture.
    ///
    /// # Errors
    /// The octets are neither pcap nor pcapng.
    pub fn new(input: R) -> Result<Self, CaptureError> {
        let mut reader = Self {
            input,
            path: None,
            offset: 0,
            frames: 0,
            format: Format::Pcapng { order: Endianness::Little, first_interface: 0 },
            interfaces: Vec::new(),
            names: Vec::new(),
            section_comment: String::new(),
            ended: false,
        };
        reader.read_header()?;
        Ok(reader)
    }

    /// The interfaces described so far; a classic pcap has one without a name.
    #[must_use]
    pub fn interfaces(&self) -> &[InterfaceBlock] {
        &self.interfaces
    }

    /// The names of IPv4 addresses read so far.
    #[must_use]
    pub fn names(&self) -> &[(Ipv4Addr, String)] {
        &self.names
    }

    /// The comment of the first section; empty if there is none.
    #[must_use]
    pub fn section_comment(&self) -> &str {
        &self.section_comment
    }

    /// The file that is read, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn place(&self, offset: u64) -> Place {
        Place::Octet { frame: Some(self.frames.saturating_add(1)), offset }
    }

    /// The next `length` octets, or fewer at the end of the file.
    fn read_up_to(&mut self, length: u32) -> Result<Vec<u8>, CaptureError> {
        let mut octets = Vec::new();
        let wanted = u64::from(length);
        Read::by_ref(&mut self.input)
            .take(wanted)
            .read_to_end(&mut octets)
            .map_err(|error| CaptureError::io("cannot be read", error))?;
        self.offset = self.offset.saturating_add(octets.len() as u64);
        Ok(octets)
    }

    /// The next `length` octets of something that began at `start`, all of them.
    fn read_whole(&mut self, length: u32, start: u64, what: &str) -> Result<Vec<u8>, CaptureError> {
        let octets = self.read_up_to(length)?;
        if octets.len() as u64 == u64::from(length) {
            return Ok(octets);
        }
        let expected = format!("{length} octets of {what}");
        let found = format!("the end of the file at octet {} after {} of them", self.offset, octets.len());
        Err(CaptureError::malformed(self.place(start), expected, found))
    }

    fn read_header(&mut self) -> Result<(), CaptureError> {
        let place = Place::Octet { frame: None, offset: 0 };
        let magic = self.read_up_to(4)?;
        let (order, nanoseconds) = match magic.as_slice() {
            [0xa1, 0xb2, 0xc3, 0xd4] => (Endianness::Big, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Endianness::Big, true),
            [0xd4, 0xc3, 0xb2, 0xa1] => (Endianness::Little, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Endianness::Little, true),
            [0x0a, 0x0d, 0x0d, 0x0a] => return self.section_header(0),
            [] => return Err(CaptureError::malformed(place, EXPECTED_FILE, "an empty file")),
            other => {
                let digits: String = other.iter().map(|octet| format!("{octet:02x}")).collect();
                return Err(CaptureError::malformed(place, EXPECTED_FILE, digits));
            }
        };
        let header = self.read_up_to(20)?;
        let Some((&[_, _, _, _, _, _, _, _, _, _, _, _, s0, s1, s2, s3, l0, l1, l2, l3], _)) =
            header.split_first_chunk::<20>()
        else {
            let found = format!("the end of the file at octet {}", self.offset);
            return Err(CaptureError::malformed(place, "a pcap file header of 24 octets", found));
        };
        self.format = Format::Pcap { order, nanoseconds };
        // The high octets of the link type say how long a checksum behind each frame is, which nothing here needs.
        let link_type = (number(order, [l0, l1, l2, l3]) & 0xffff) as u16;
        self.interfaces.push(InterfaceBlock {
            link_type,
            snap_length: number(order, [s0, s1, s2, s3]),
            name: String::new(),
            description: String::new(),
            resolution: TimeResolution::Decimal(if nanoseconds { 9 } else { 6 }),
            time_offset: 0,
        });
        Ok(())
    }

    /// The rest of a section header whose type, at `start`, is read already.
    fn section_header(&mut self, start: u64) -> Result<(), CaptureError> {
        let head = self.read_whole(8, start, "a section header")?;
        let (length, order) = match *head.as_slice() {
            [a, b, c, d, 0x1a, 0x2b, 0x3c, 0x4d] => (number(Endianness::Big, [a, b, c, d]), Endianness::Big),
            [a, b, c, d, 0x4d, 0x3c, 0x2b, 0x1a] => (number(Endianness::Little, [a, b, c, d]), Endianness::Little),
            _ => {
                let place = self.place(start.saturating_add(8));
                let found = format!("{:02x?}", head.get(4..).unwrap_or_default());
                return Err(CaptureError::malformed(place, "the byte-order mark 1a2b3c4d", found));
            }
        };
        let mut body = head.get(4..).unwrap_or_default().to_vec();
        body.extend(self.block_rest(length, order, start, 4)?);
        let comment = pcapng_block::section_header(&body, order).map_err(|error| self.block_error(&error, start))?;
        if self.interfaces.is_empty() && self.section_comment.is_empty() {
            self.section_comment = comment;
        }
        self.format = Format::Pcapng { order, first_interface: self.interfaces.len() };
        Ok(())
    }

    /// The body of a block at `start` without its first `taken` octets, which are read already as the 8 octets of
    /// type and length are; reads and checks the length behind it.
    fn block_rest(&mut self, length: u32, order: Endianness, start: u64, taken: u32) -> Result<Vec<u8>, CaptureError> {
        let place = self.place(start.saturating_add(4));
        let expected = || format!("a block length, a multiple of 4, from 12 to {MAX_BLOCK}");
        if !length.is_multiple_of(4) || length > MAX_BLOCK {
            return Err(CaptureError::malformed(place, expected(), length.to_string()));
        }
        let Some(body_length) = length.checked_sub(12).and_then(|body| body.checked_sub(taken)) else {
            return Err(CaptureError::malformed(place, expected(), length.to_string()));
        };
        let body = self.read_whole(body_length, start, "a block body")?;
        let trailer_offset = self.offset;
        let trailer = self.read_whole(4, start, "the block length at the end of the block")?;
        let trailer: [u8; 4] = trailer.try_into().unwrap_or_default();
        if number(order, trailer) != length {
            let place = self.place(trailer_offset);
            return Err(CaptureError::malformed(
                place,
                format!("the block length {length} again"),
                number(order, trailer).to_string(),
            ));
        }
        Ok(body)
    }

    fn block_error(&self, error: &BlockError, start: u64) -> CaptureError {
        let offset = start.saturating_add(8).saturating_add(error.offset as u64);
        CaptureError::malformed(self.place(offset), error.expected, "something shorter or else")
    }

    fn next_record(&mut self) -> Result<Option<Record>, CaptureError> {
        match self.format {
            Format::Pcap { order, nanoseconds } => self.next_pcap(order, nanoseconds),
            Format::Pcapng { .. } => self.next_pcapng(),
        }
    }

    fn next_pcap(&mut self, order: Endianness, nanoseconds: bool) -> Result<Option<Record>, CaptureError> {
        let start = self.offset;
        let header = self.read_up_to(16)?;
        if header.is_empty() {
            return Ok(None);
        }
        let Ok([s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, o0, o1, o2, o3]) =
            <[u8; 16]>::try_from(header.as_slice())
        else {
            let found = format!("the end of the file at octet {} after {} of them", self.offset, header.len());
            return Err(CaptureError::malformed(self.place(start), "16 octets of a record header", found));
        };
        let captured = number(order, [c0, c1, c2, c3]);
        if captured > MAX_PACKET {
            return Err(CaptureError::malformed(
                self.place(start.saturating_add(8)),
                format!("a captured length of at most {MAX_PACKET} octets"),
                captured.to_string(),
            ));
        }
        let octets_offset = self.offset;
        let octets = self.read_whole(captured, start, "a packet")?;
        let fraction = u128::from(number(order, [f0, f1, f2, f3])).saturating_mul(if nanoseconds { 1 } else { 1000 });
        let seconds = u128::from(number(order, [s0, s1, s2, s3]));
        self.frames = self.frames.saturating_add(1);
        Ok(Some(Record {
            number: self.frames,
            offset: start,
            octets_offset,
            time_ns: since_epoch(seconds.saturating_mul(1_000_000_000).saturating_add(fraction), 0),
            interface: 0,
            link_type: self.interfaces.first().map_or(0, |interface| interface.link_type),
            original_length: number(order, [o0, o1, o2, o3]),
            direction: None,
            comments: Vec::new(),
            octets,
        }))
    }

    fn next_pcapng(&mut self) -> Result<Option<Record>, CaptureError> {
        loop {
            let Format::Pcapng { order, first_interface } = self.format else {
                return Ok(None);
            };
            let start = self.offset;
            let kind = self.read_up_to(4)?;
            if kind.is_empty() {
                return Ok(None);
            }
            let Ok(kind) = <[u8; 4]>::try_from(kind.as_slice()) else {
                let found = format!("the end of the file at octet {} after {} of them", self.offset, kind.len());
                return Err(CaptureError::malformed(self.place(start), "4 octets of a block type", found));
            };
            if kind == [0x0a, 0x0d, 0x0d, 0x0a] {
                self.section_header(start)?;
                continue;
            }
            let length = self.read_whole(4, start, "a block length")?;
            let length = number(order, length.try_into().unwrap_or_default());
            let body = self.block_rest(length, order, start, 0)?;
            let packet = match number(order, kind) {
                1 => {
                    self.interface(&body, order, start)?;
                    continue;
                }
                2 => pcapng_block::obsolete_packet(&body, order),
                3 => {
                    let snap_length = self.interfaces.get(first_interface).map_or(0, |interface| interface.snap_length);
                    pcapng_block::simple_packet(&body, order, snap_length)
                }
                4 => {
                    let room = MAX_NAMES.saturating_sub(self.names.len());
                    self.names.extend(pcapng_block::names(&body, order).into_iter().take(room));
                    continue;
                }
                6 => pcapng_block::enhanced_packet(&body, order),
                // Wireshark 4 shows these as rows of their own.
                9 | 0x0000_0bad | 0x4000_0bad => {
                    self.frames = self.frames.saturating_add(1);
                    continue;
                }
                _ => continue,
            };
            let packet = packet.map_err(|error| self.block_error(&error, start))?;
            return self.record(packet, first_interface, start).map(Some);
        }
    }

    fn interface(&mut self, body: &[u8], order: Endianness, start: u64) -> Result<(), CaptureError> {
        if self.interfaces.len() >= MAX_INTERFACES {
            let expected = format!("at most {MAX_INTERFACES} interfaces");
            return Err(CaptureError::malformed(self.place(start), expected, "one more"));
        }
        let interface = pcapng_block::interface(body, order).map_err(|error| self.block_error(&error, start))?;
        self.interfaces.push(interface);
        Ok(())
    }

    fn record(&mut self, packet: PacketBlock<'_>, first: usize, start: u64) -> Result<Record, CaptureError> {
        let body_offset = start.saturating_add(8);
        let index = usize::try_from(packet.interface).ok().and_then(|interface| first.checked_add(interface));
        let Some((index, interface)) = index.and_then(|index| Some((index, self.interfaces.get(index)?))) else {
            let expected = "the number of an interface described before";
            return Err(CaptureError::malformed(self.place(body_offset), expected, packet.interface.to_string()));
        };
        if packet.octets.len() > MAX_PACKET as usize {
            return Err(CaptureError::malformed(
                self.place(start),
                format!("a captured length of at most {MAX_PACKET} octets"),
                packet.octets.len().to_string(),
            ));
        }
        let nanos = interface.resolution.nanos(packet.time.unwrap_or(0));
        let record = Record {
            number: self.frames.saturating_add(1),
            offset: start,
            octets_offset: body_offset.saturating_add(packet.octets_offset as u64),
            time_ns: since_epoch(nanos, interface.time_offset),
            interface: index,
            link_type: interface.link_type,
            original_length: packet.original_length,
            direction: packet.direction,
            comments: packet.comments,
            octets: packet.octets.to_vec(),
        };
        self.frames = record.number;
        Ok(record)
    }
}

/// Nanoseconds since 2000 for a time in nanoseconds since 1970 and an offset in seconds.
fn since_epoch(nanos: u128, offset_seconds: i64) -> i64 {
    let nanos = i128::try_from(nanos).unwrap_or(i128::MAX);
    let shift = i128::from(offset_seconds).saturating_sub(i128::from(EPOCH_SECONDS)).saturating_mul(1_000_000_000);
    let since = nanos.saturating_add(shift);
    i64::try_from(since).unwrap_or(if since < 0 { i64::MIN } else { i64::MAX })
}

impl<R: Read> Iterator for RecordReader<R> {
    type Item = Result<Record, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = match self.next_record() {
            Ok(record) => record.map(Ok),
            Err(error) => Some(Err(match &self.path {
                Some(path) => error.in_file(path),
                None => error,
            })),
        };
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
