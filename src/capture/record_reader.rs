//! The packets of a pcap or pcapng file, one at a time, with their place in the file.
//!
//! Classic pcap in both byte orders and with micro- or nanoseconds; pcapng with any number of sections, interfaces
//! and byte orders. Frames are counted as Wireshark 4 counts them: custom and journal blocks take a number, too.
//! Limits: a packet holds at most [`MAX_PACKET`] octets, a pcapng block [`MAX_BLOCK`], a file [`MAX_INTERFACES`]
//! interfaces, [`MAX_NAMES`] names and [`MAX_SECRETS`] octets of secrets.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use nom::number::Endianness;

use super::decryption_secrets::{BLOCK_OCTETS, BLOCK_TYPE, DecryptionSecrets, MAX_SECRETS, SecretsType};
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

/// Octets that are read of a file at once.
const READ_AHEAD: usize = 256 * 1024;
/// Octets of a block for which room is made before any of it is there.
const FIRST_PART: usize = 1024;
/// Most octets of room for a block that are kept for the next one.
const KEPT_ROOM: usize = 1024 * 1024;

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
    secrets: Vec<DecryptionSecrets>,
    section_comment: String,
    ended: bool,
    /// The body of the block that was read last; its room is kept for the next one.
    block: Vec<u8>,
    /// Where in `block` the octets of the packet are.
    packet: Range<usize>,
}

/// Reads until `place` is full or the file at its end; how many octets it was.
fn fill(input: &mut impl Read, place: &mut [u8]) -> Result<usize, CaptureError> {
    let mut filled = 0usize;
    while let Some(rest) = place.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(octets) => filled = filled.saturating_add(octets),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CaptureError::io("cannot be read", error)),
        }
    }
    Ok(filled)
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
        let mut reader = Self::new(BufReader::with_capacity(READ_AHEAD, file)).map_err(|error| error.in_file(path))?;
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
            secrets: Vec::new(),
            section_comment: String::new(),
            ended: false,
            block: Vec::new(),
            packet: 0..0,
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

    /// The secrets read so far.
    #[must_use]
    pub fn secrets(&self) -> &[DecryptionSecrets] {
        &self.secrets
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

    /// The next `N` octets, or fewer at the end of the file: how many.
    fn read_up_to<const N: usize>(&mut self) -> Result<([u8; N], usize), CaptureError> {
        let mut octets = [0; N];
        let read = fill(&mut self.input, &mut octets)?;
        self.offset = self.offset.saturating_add(read as u64);
        Ok((octets, read))
    }

    /// The next `N` octets of something that began at `start`, all of them.
    fn read_array<const N: usize>(&mut self, start: u64, what: &str) -> Result<[u8; N], CaptureError> {
        let (octets, read) = self.read_up_to::<N>()?;
        if read == N { Ok(octets) } else { Err(self.cut_short(N, read, start, what)) }
    }

    /// Reads the next `length` octets of something that began at `start` into `block`, all of them.
    fn read_block(&mut self, length: u32, start: u64, what: &str) -> Result<(), CaptureError> {
        let length = length as usize;
        if self.block.capacity() > KEPT_ROOM {
            self.block = Vec::new();
        }
        let mut read = 0usize;
        while read < length {
            // A length that is not true costs no more memory than the file gives reason for.
            let end = length.min(read.saturating_mul(2).max(FIRST_PART));
            self.block.resize(end, 0);
            let Some(place) = self.block.get_mut(read..) else { break };
            let octets = fill(&mut self.input, place)?;
            let wanted = place.len();
            self.offset = self.offset.saturating_add(octets as u64);
            read = read.saturating_add(octets);
            if octets < wanted {
                return Err(self.cut_short(length, read, start, what));
            }
        }
        self.block.truncate(length);
        Ok(())
    }

    #[cold]
    fn cut_short(&self, length: usize, read: usize, start: u64, what: &str) -> CaptureError {
        let expected = format!("{length} octets of {what}");
        let found = format!("the end of the file at octet {} after {read} of them", self.offset);
        CaptureError::malformed(self.place(start), expected, found)
    }

    fn read_header(&mut self) -> Result<(), CaptureError> {
        let place = Place::Octet { frame: None, offset: 0 };
        let (magic, read) = self.read_up_to::<4>()?;
        let (order, nanoseconds) = match magic.get(..read).unwrap_or_default() {
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
        let (header, read) = self.read_up_to::<20>()?;
        let [_, _, _, _, _, _, _, _, _, _, _, _, s0, s1, s2, s3, l0, l1, l2, l3] = header;
        if read < header.len() {
            let found = format!("the end of the file at octet {}", self.offset);
            return Err(CaptureError::malformed(place, "a pcap file header of 24 octets", found));
        }
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
        let head = self.read_array::<8>(start, "a section header")?;
        let (length, order) = match head {
            [a, b, c, d, 0x1a, 0x2b, 0x3c, 0x4d] => (number(Endianness::Big, [a, b, c, d]), Endianness::Big),
            [a, b, c, d, 0x4d, 0x3c, 0x2b, 0x1a] => (number(Endianness::Little, [a, b, c, d]), Endianness::Little),
            _ => {
                let place = self.place(start.saturating_add(8));
                let found = format!("{:02x?}", head.get(4..).unwrap_or_default());
                return Err(CaptureError::malformed(place, "the byte-order mark 1a2b3c4d", found));
            }
        };
        self.block_rest(length, order, start, 4)?;
        let body = [head.get(4..).unwrap_or_default(), &self.block].concat();
        let comment = pcapng_block::section_header(&body, order).map_err(|error| self.block_error(&error, start))?;
        if self.interfaces.is_empty() && self.section_comment.is_empty() {
            self.section_comment = comment;
        }
        self.format = Format::Pcapng { order, first_interface: self.interfaces.len() };
        Ok(())
    }

    /// Reads the body of a block at `start` into `block`, without its first `taken` octets, which are read already as the 8
    /// octets of type and length are; reads and checks the length behind it.
    fn block_rest(&mut self, length: u32, order: Endianness, start: u64, taken: u32) -> Result<(), CaptureError> {
        let place = self.place(start.saturating_add(4));
        let expected = || format!("a block length, a multiple of 4, from 12 to {MAX_BLOCK}");
        if !length.is_multiple_of(4) || length > MAX_BLOCK {
            return Err(CaptureError::malformed(place, expected(), length.to_string()));
        }
        let Some(body_length) = length.checked_sub(12).and_then(|body| body.checked_sub(taken)) else {
            return Err(CaptureError::malformed(place, expected(), length.to_string()));
        };
        self.read_block(body_length, start, "a block body")?;
        let trailer_offset = self.offset;
        let trailer = self.read_array::<4>(start, "the block length at the end of the block")?;
        if number(order, trailer) != length {
            let place = self.place(trailer_offset);
            return Err(CaptureError::malformed(
                place,
                format!("the block length {length} again"),
                number(order, trailer).to_string(),
            ));
        }
        Ok(())
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
        let (header, read) = self.read_up_to::<16>()?;
        if read == 0 {
            return Ok(None);
        }
        if read < header.len() {
            return Err(self.cut_short(header.len(), read, start, "a record header"));
        }
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, o0, o1, o2, o3] = header;
        let captured = number(order, [c0, c1, c2, c3]);
        if captured > MAX_PACKET {
            return Err(CaptureError::malformed(
                self.place(start.saturating_add(8)),
                format!("a captured length of at most {MAX_PACKET} octets"),
                captured.to_string(),
            ));
        }
        let octets_offset = self.offset;
        self.read_block(captured, start, "a packet")?;
        self.packet = 0..self.block.len();
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
            octets: Vec::new(),
        }))
    }

    fn next_pcapng(&mut self) -> Result<Option<Record>, CaptureError> {
        loop {
            let Format::Pcapng { order, first_interface } = self.format else {
                return Ok(None);
            };
            let start = self.offset;
            let (kind, read) = self.read_up_to::<4>()?;
            if read == 0 {
                return Ok(None);
            }
            if read < kind.len() {
                return Err(self.cut_short(kind.len(), read, start, "a block type"));
            }
            if kind == [0x0a, 0x0d, 0x0d, 0x0a] {
                self.section_header(start)?;
                continue;
            }
            let length = number(order, self.read_array(start, "a block length")?);
            self.block_rest(length, order, start, 0)?;
            let body = std::mem::take(&mut self.block);
            let record = self.block_content(number(order, kind), &body, order, first_interface, start)?;
            self.block = body;
            if record.is_some() {
                return Ok(record);
            }
        }
    }

    /// What the body of a block says; a record without its octets if it is one of a packet.
    fn block_content(
        &mut self,
        kind: u32,
        body: &[u8],
        order: Endianness,
        first_interface: usize,
        start: u64,
    ) -> Result<Option<Record>, CaptureError> {
        let packet = match kind {
            1 => return self.interface(body, order, start).map(|()| None),
            2 => pcapng_block::obsolete_packet(body, order),
            3 => {
                let snap_length = self.interfaces.get(first_interface).map_or(0, |interface| interface.snap_length);
                pcapng_block::simple_packet(body, order, snap_length)
            }
            4 => {
                let room = MAX_NAMES.saturating_sub(self.names.len());
                self.names.extend(pcapng_block::names(body, order).into_iter().take(room));
                return Ok(None);
            }
            6 => pcapng_block::enhanced_packet(body, order),
            BLOCK_TYPE => return self.secrets_block(body, order, start).map(|()| None),
            // Wireshark 4 shows these as rows of their own.
            9 | 0x0000_0bad | 0x4000_0bad => {
                self.frames = self.frames.saturating_add(1);
                return Ok(None);
            }
            _ => return Ok(None),
        };
        let packet = packet.map_err(|error| self.block_error(&error, start))?;
        self.record(packet, first_interface, start).map(Some)
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

    /// Keeps the secrets of a block. One that is damaged is stepped over: no frame is read by them here.
    fn secrets_block(&mut self, body: &[u8], order: Endianness, start: u64) -> Result<(), CaptureError> {
        let Ok((kind, octets)) = pcapng_block::decryption_secrets(body, order) else { return Ok(()) };
        let count = |octets: usize| octets.saturating_add(BLOCK_OCTETS);
        let all: usize = self.secrets.iter().map(|secrets| count(secrets.octets().len())).sum();
        if all.saturating_add(count(octets.len())) > MAX_SECRETS {
            let expected = format!("at most {MAX_SECRETS} octets of decryption secrets");
            return Err(CaptureError::malformed(self.place(start), expected, "more"));
        }
        self.secrets.push(DecryptionSecrets::new(SecretsType(kind), octets.to_vec()));
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
            octets: Vec::new(),
        };
        self.packet = packet.octets_offset..packet.octets_offset.saturating_add(packet.octets.len());
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

impl<R: Read> RecordReader<R> {
    /// The next record without its octets: those are [`packet`](Self::packet) until the next one is read.
    pub(super) fn next_without_octets(&mut self) -> Option<Result<Record, CaptureError>> {
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

    /// The captured octets of the record that was read last.
    pub(super) fn packet(&self) -> &[u8] {
        self.block.get(self.packet.clone()).unwrap_or_default()
    }
}

impl<R: Read> Iterator for RecordReader<R> {
    type Item = Result<Record, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.next_without_octets()?;
        Some(record.map(|record| Record { octets: self.packet().to_vec(), ..record }))
    }
}
