//! A capture as a value, and the writer of pcapng and classic pcap (DESIGN section 6, `dot16-wire.md` 1.2 and 6).
//!
//! Both formats are little-endian with nanosecond times. pcapng: section header (comment, application `keyhop`),
//! interfaces, names, secrets, then the packets with direction and comments. Classic pcap knows one link type, no text and no secrets: all
//! frames are of link type 252 there, and tag 12 says which dissector reads them.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use pcap_file::pcap::{PcapHeader, PcapWriter};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::blocks::name_resolution::{Ipv4Record, NameResolutionBlock, Record};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use pcap_file::{DataLink, Endianness, PcapError, TsResolution};

use super::decryption_secrets::{BLOCK_TYPE, DecryptionSecrets};
use super::error::CaptureError;
use super::framing::{CDMA_CODE_OCTETS, InterfaceDescription, LINK_TYPE_UPPER_PDU, LinkKind};
use super::record_reader::{EPOCH_SECONDS, MAX_BLOCK, MAX_PACKET};
use super::upper_pdu::{self, UpperPdu};
use crate::dot16::identifiers::Direction;
use crate::time::VirtualTime;

/// Most octets of a comment, a name or a description: what the length field of a pcapng option can say.
pub const MAX_TEXT: usize = 65_535;
/// Most octets that all comments of a frame take, each with 7 octets for its option, so that the block
/// stays below [`MAX_BLOCK`].
pub const MAX_COMMENTS: usize = 8 * 1024 * 1024;
/// Octets that an option has beside its value at most: code, length, padding.
const COMMENT_FRAMING: usize = 7;

/// Type of an Enhanced Packet Block, and the options used of it.
const ENHANCED_PACKET: u32 = 6;
const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const OPTION_FLAGS: u16 = 2;
/// Octets of a block of secrets besides them, and for their padding.
const BLOCK_ROOM: u32 = 24;
/// Octets of frames that are collected before the output gets them.
const PIECE: usize = 256 * 1024;

/// The application that a capture names as its maker.
const APPLICATION: &str = "keyhop";
/// Text of Wireshark's Protocol column for air frames (tag 33).
const PROTOCOL_COLUMN: &str = "WiMAX";

/// A frame to be written, or read back, without the framing of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedFrame {
    /// When its transmission started.
    pub time: VirtualTime,
    /// Index into the interfaces of the capture.
    pub interface: usize,
    /// A burst of MAC PDUs, a whole Ethernet frame without its checksum, an IP packet, or tags and what follows them: what
    /// the interface's kind says.
    pub octets: Vec<u8>,
    /// Direction on the air.
    pub direction: Option<Direction>,
    /// Display address of the sender (air).
    pub source: Option<Ipv4Addr>,
    /// Display address of the receiver (air).
    pub destination: Option<Ipv4Addr>,
    /// What the frame is and what the receiver made of it, one comment a line (LF between them); empty = none.
    pub comment: String,
}

/// What a capture says about itself before its first frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureHeader {
    /// Comment of the section.
    pub section_comment: String,
    /// The interfaces, in the order of their numbers.
    pub interfaces: Vec<InterfaceDescription>,
    /// Names of IPv4 addresses.
    pub names: Vec<(Ipv4Addr, String)>,
    /// Secrets that open what the frames hold; a classic pcap is written without them.
    pub secrets: Vec<DecryptionSecrets>,
}

/// A whole capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// Comment of the section.
    pub section_comment: String,
    /// The interfaces, in the order of their numbers.
    pub interfaces: Vec<InterfaceDescription>,
    /// Names of IPv4 addresses.
    pub names: Vec<(Ipv4Addr, String)>,
    /// The frames, in the order of the file.
    pub frames: Vec<CapturedFrame>,
    /// Secrets that open what the frames hold; a classic pcap is written without them.
    pub secrets: Vec<DecryptionSecrets>,
}

impl Capture {
    /// What it says before its first frame.
    #[must_use]
    pub fn header(&self) -> CaptureHeader {
        CaptureHeader {
            section_comment: self.section_comment.clone(),
            interfaces: self.interfaces.clone(),
            names: self.names.clone(),
            secrets: self.secrets.clone(),
        }
    }
}

/// The two formats of a capture file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileFormat {
    /// pcapng.
    #[default]
    Pcapng,
    /// Classic pcap, link type 252.
    Pcap,
}

/// Writes a capture frame by frame. Frames are collected and handed to the output in pieces of 256 KiB: what counts is
/// [`finish`](Self::finish).
pub struct CaptureWriter<W: Write> {
    out: W,
    format: FileFormat,
    kinds: Vec<LinkKind>,
    frames: u64,
    /// Frames that the output has taken; of the others all octets are in `pending`.
    handed_over: u64,
    pending: Vec<u8>,
    /// The output has refused a piece: what it holds may end within a frame.
    refused: bool,
    /// Upper-PDU tags that are not the usual ones; kept for the next frame that has such.
    tags: Vec<u8>,
}

fn checked_text(text: &str, what: &str, frame: u64) -> Result<(), CaptureError> {
    if text.len() > MAX_TEXT {
        return Err(CaptureError::Unwritable {
            frame,
            expected: format!("{what} of at most {MAX_TEXT} octets"),
            found: format!("{} octets", text.len()),
        });
    }
    Ok(())
}

fn text(text: &str, what: &str, frame: u64) -> Result<Cow<'static, str>, CaptureError> {
    checked_text(text, what, frame).map(|()| Cow::Owned(text.to_owned()))
}

/// Checks the comments of frame `frame`, one for each line of `lines`; none if it is empty.
fn check_comments(lines: &str, frame: u64) -> Result<(), CaptureError> {
    let framing = lines.split('\n').count().saturating_mul(COMMENT_FRAMING);
    let octets = lines.len().saturating_add(framing);
    if octets > MAX_COMMENTS {
        return Err(CaptureError::Unwritable {
            frame,
            expected: format!("comments of at most {MAX_COMMENTS} octets with their framing"),
            found: format!("{octets} octets"),
        });
    }
    lines.split('\n').try_for_each(|line| checked_text(line, "a comment", frame))
}

/// Appends a comment as an option: code, length, value, and what it takes to a multiple of four octets.
fn comment_option(pending: &mut Vec<u8>, comment: &[u8]) {
    let [a, b] = OPTION_COMMENT.to_le_bytes();
    let [c, d] = u16::try_from(comment.len()).unwrap_or(u16::MAX).to_le_bytes();
    pending.extend_from_slice(&[a, b, c, d]);
    pending.extend_from_slice(comment);
    pad(pending, comment.len());
}

/// Takes `octets` that were appended to a multiple of four.
#[inline]
fn pad(pending: &mut Vec<u8>, octets: usize) {
    let end = pending.len().saturating_add(octets.wrapping_neg() % 4);
    // As many as it can take: a number that is known is written at once.
    pending.extend_from_slice(&[0; 3]);
    pending.truncate(end);
}

/// Numbers as they stand in the file, 4 octets each.
#[inline]
fn numbers<const N: usize, const OCTETS: usize>(fields: [u32; N]) -> [u8; OCTETS] {
    let mut octets = [0; OCTETS];
    for (place, field) in octets.as_chunks_mut().0.iter_mut().zip(fields) {
        *place = field.to_le_bytes();
    }
    octets
}

fn refused(error: PcapError, frame: u64) -> CaptureError {
    match error {
        PcapError::IoError(source) => CaptureError::io("cannot be written", source),
        other => CaptureError::Unwritable {
            frame,
            expected: "something the file format can hold".to_owned(),
            found: other.to_string(),
        },
    }
}

fn pcapng_output<W: Write>(out: W, header: &CaptureHeader) -> Result<PcapNgWriter<W>, CaptureError> {
    let mut options = Vec::new();
    if !header.section_comment.is_empty() {
        options.push(SectionHeaderOption::Comment(text(&header.section_comment, "a section comment", 0)?));
    }
    options.push(SectionHeaderOption::UserApplication(Cow::Borrowed(APPLICATION)));
    let section = SectionHeaderBlock { endianness: Endianness::Little, options, ..SectionHeaderBlock::default() };
    let mut writer = PcapNgWriter::with_section_header(out, section).map_err(|error| refused(error, 0))?;
    for interface in &header.interfaces {
        let mut options = vec![InterfaceDescriptionOption::IfName(text(&interface.name, "an interface name", 0)?)];
        if !interface.description.is_empty() {
            let description = text(&interface.description, "an interface description", 0)?;
            options.push(InterfaceDescriptionOption::IfDescription(description));
        }
        options.push(InterfaceDescriptionOption::IfTsResol(9));
        let linktype = DataLink::from(u32::from(interface.kind.link_type()));
        let block = InterfaceDescriptionBlock { linktype, snaplen: MAX_PACKET, options };
        writer.write_block(&block.into_block()).map_err(|error| refused(error, 0))?;
    }
    if !header.names.is_empty() {
        let mut records = Vec::with_capacity(header.names.len());
        for (address, name) in &header.names {
            if name.is_empty() || name.len() > 255 || name.contains('\0') {
                return Err(CaptureError::Unwritable {
                    frame: 0,
                    expected: "a host name of 1 to 255 octets without NUL".to_owned(),
                    found: format!("{name:?}"),
                });
            }
            records.push(Record::Ipv4(Ipv4Record {
                ip_addr: Cow::Owned(address.octets().to_vec()),
                names: vec![Cow::Owned(name.clone())],
            }));
        }
        let block = NameResolutionBlock { records, options: Vec::new() };
        writer.write_block(&block.into_block()).map_err(|error| refused(error, 0))?;
    }
    Ok(writer)
}

impl<W: Write> CaptureWriter<W> {
    /// Writes what stands before the frames.
    ///
    /// # Errors
    /// `out` refuses, or a text is too long for the format.
    pub fn new(out: W, format: FileFormat, header: &CaptureHeader) -> Result<Self, CaptureError> {
        let out = match format {
            FileFormat::Pcapng => pcapng_output(out, header)?.into_inner(),
            FileFormat::Pcap => {
                let header = PcapHeader {
                    snaplen: MAX_PACKET,
                    datalink: DataLink::from(u32::from(LINK_TYPE_UPPER_PDU)),
                    ts_resolution: TsResolution::NanoSecond,
                    endianness: Endianness::Little,
                    ..PcapHeader::default()
                };
                PcapWriter::with_header(out, header).map_err(|error| refused(error, 0))?.into_writer()
            }
        };
        let kinds = header.interfaces.iter().map(|interface| interface.kind).collect();
        let mut writer = Self::behind(out, format, kinds, 0);
        header.secrets.iter().try_for_each(|secrets| writer.write_secrets(secrets))?;
        Ok(writer)
    }

    /// Writes secrets that have become known: they stand before the frames that are written after them. A classic pcap has no place
    /// for them, and none are written.
    ///
    /// # Errors
    /// `out` refuses, or the secrets are more than a block can hold.
    pub fn write_secrets(&mut self, secrets: &DecryptionSecrets) -> Result<(), CaptureError> {
        self.check()?;
        if self.format == FileFormat::Pcap {
            return Ok(());
        }
        let octets = secrets.octets();
        let length = u32::try_from(octets.len()).ok().filter(|length| *length <= MAX_BLOCK - BLOCK_ROOM);
        let Some(length) = length else {
            return Err(CaptureError::Unwritable {
                frame: self.frames.saturating_add(1),
                expected: format!("secrets of at most {} octets before it", MAX_BLOCK - BLOCK_ROOM),
                found: format!("{} octets", octets.len()),
            });
        };
        let whole = length.next_multiple_of(4).saturating_add(BLOCK_ROOM - 4);
        let head: [u8; 16] = numbers([BLOCK_TYPE, whole, secrets.kind.0, length]);
        self.pending.extend_from_slice(&head);
        self.pending.extend_from_slice(octets);
        pad(&mut self.pending, octets.len());
        self.pending.extend_from_slice(&whole.to_le_bytes());
        if self.pending.len() >= PIECE { self.hand_over() } else { Ok(()) }
    }

    /// Goes on behind a header with interfaces of these kinds and behind `frames` frames, which stand elsewhere.
    #[must_use]
    pub const fn behind(out: W, format: FileFormat, kinds: Vec<LinkKind>, frames: u64) -> Self {
        Self { out, format, kinds, frames, handed_over: frames, pending: Vec::new(), refused: false, tags: Vec::new() }
    }

    /// Takes frames of one more interface, whose description stands elsewhere; its number.
    pub fn add_interface(&mut self, kind: LinkKind) -> usize {
        self.kinds.push(kind);
        self.kinds.len().saturating_sub(1)
    }

    /// Writes one frame.
    ///
    /// # Errors
    /// `out` refuses, the interface does not exist, or the frame with its tags, its time or its comment is beyond
    /// what the format can hold. Of a frame that is refused for what it is nothing is written. When `out` refuses, the frames that
    /// it has not taken as a whole are lost, and the writer takes no more.
    pub fn write_frame(&mut self, frame: &CapturedFrame) -> Result<(), CaptureError> {
        self.check()?;
        let number = self.frames.saturating_add(1);
        let before = self.pending.len();
        if let Err(error) = self.append(frame, number) {
            self.pending.truncate(before);
            return Err(error);
        }
        self.frames = number;
        if self.pending.len() >= PIECE { self.hand_over() } else { Ok(()) }
    }

    /// Appends a frame to what is pending; part of it if it is refused.
    fn append(&mut self, frame: &CapturedFrame, number: u64) -> Result<(), CaptureError> {
        let unwritable = |expected: &str, found: String| CaptureError::Unwritable {
            frame: number,
            expected: expected.to_owned(),
            found,
        };
        let Some(kind) = self.kinds.get(frame.interface).copied() else {
            return Err(unwritable("an interface of this capture", frame.interface.to_string()));
        };
        let time = frame
            .time
            .as_nanos()
            .checked_add(EPOCH_SECONDS.saturating_mul(1_000_000_000))
            .ok_or_else(|| unwritable("a time that fits 64 bits of nanoseconds", frame.time.to_string()))?;
        let usual;
        let tags: &[u8] = match (kind, frame.source, frame.destination, frame.direction) {
            (LinkKind::Air, Some(source), Some(destination), Some(direction))
                if frame.octets.len() != CDMA_CODE_OCTETS =>
            {
                usual = upper_pdu::burst_tags(source, destination, direction);
                &usual
            }
            (LinkKind::Backbone | LinkKind::RawIp, ..) if self.format == FileFormat::Pcapng => &[],
            (LinkKind::Tagged, ..) => &[],
            _ => {
                let tagged = UpperPdu {
                    dissector: Cow::Borrowed(kind.dissector(&frame.octets)),
                    source: frame.source,
                    destination: frame.destination,
                    protocol: Cow::Borrowed(if kind == LinkKind::Air { PROTOCOL_COLUMN } else { "" }),
                    direction: frame.direction,
                    payload: &[],
                };
                self.tags.clear();
                upper_pdu::append(&tagged, &mut self.tags).map_err(|error| unwritable(&error.expected, error.found))?;
                &self.tags
            }
        };
        let octets = tags.len().saturating_add(frame.octets.len());
        let length = u32::try_from(octets)
            .ok()
            .filter(|length| *length <= MAX_PACKET)
            .ok_or_else(|| unwritable("a frame of at most 262144 octets with its tags", octets.to_string()))?;
        match self.format {
            FileFormat::Pcapng => {
                let interface = u32::try_from(frame.interface)
                    .map_err(|_| unwritable("an interface number of 32 bits", frame.interface.to_string()))?;
                let start = self.pending.len();
                let [high, low] = [(time >> 32) as u32, time as u32];
                // The length of the block is not known yet.
                let head: [u8; 28] = numbers([ENHANCED_PACKET, 0, interface, high, low, length, length]);
                self.pending.extend_from_slice(&head);
                self.pending.extend_from_slice(tags);
                self.pending.extend_from_slice(&frame.octets);
                pad(&mut self.pending, octets);
                options(&mut self.pending, frame, number)?;
                let whole = self.pending.len().saturating_sub(start).saturating_add(4);
                let whole = u32::try_from(whole)
                    .map_err(|_| unwritable("a block whose length fits 32 bits", whole.to_string()))?
                    .to_le_bytes();
                self.pending.extend_from_slice(&whole);
                if let Some(place) = self.pending.get_mut(start..).and_then(|block| block.as_chunks_mut().0.get_mut(1))
                {
                    *place = whole;
                }
            }
            FileFormat::Pcap => {
                let seconds = time / 1_000_000_000;
                let seconds = u32::try_from(seconds)
                    .map_err(|_| unwritable("a time that fits 32 bits of seconds", frame.time.to_string()))?;
                let head: [u8; 16] = numbers([seconds, (time % 1_000_000_000) as u32, length, length]);
                self.pending.extend_from_slice(&head);
                self.pending.extend_from_slice(tags);
                self.pending.extend_from_slice(&frame.octets);
            }
        }
        Ok(())
    }

    /// Gives the output what is pending.
    fn hand_over(&mut self) -> Result<(), CaptureError> {
        let written = self.out.write_all(&self.pending);
        self.pending.clear();
        if written.is_err() {
            self.refused = true;
            self.frames = self.handed_over;
        }
        self.handed_over = self.frames;
        written.map_err(|error| CaptureError::io("cannot be written", error))
    }

    /// Whether the output has taken everything so far.
    fn check(&self) -> Result<(), CaptureError> {
        if self.refused {
            return Err(CaptureError::io("cannot be written", io::Error::other("an earlier part was refused")));
        }
        Ok(())
    }

    /// Frames written so far, with those it goes on behind; after an error of `out` those that it has taken as a whole.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Gives the output what it has not got yet, flushes it and gives it back.
    ///
    /// # Errors
    /// `out` refuses, or has refused before.
    pub fn finish(mut self) -> Result<W, CaptureError> {
        self.check()?;
        self.hand_over()?;
        let mut out = self.out;
        out.flush().map_err(|error| CaptureError::io("cannot be written", error))?;
        Ok(out)
    }
}

/// Appends direction and comments of a frame.
fn options(pending: &mut Vec<u8>, frame: &CapturedFrame, number: u64) -> Result<(), CaptureError> {
    if let Some(direction) = frame.direction {
        let flags: u8 = match direction {
            Direction::Downlink => 1,
            Direction::Uplink => 2,
        };
        let [a, b] = OPTION_FLAGS.to_le_bytes();
        pending.extend_from_slice(&[a, b, 4, 0, flags, 0, 0, 0]);
    }
    if !frame.comment.is_empty() {
        // A shorter one is within every limit, however many lines it has.
        if frame.comment.len() > MAX_TEXT {
            check_comments(&frame.comment, number)?;
        }
        for line in frame.comment.split('\n') {
            comment_option(pending, line.as_bytes());
        }
    }
    if frame.direction.is_some() || !frame.comment.is_empty() {
        let [a, b] = OPTION_END.to_le_bytes();
        pending.extend_from_slice(&[a, b, 0, 0]);
    }
    Ok(())
}

/// Writes a whole capture.
///
/// # Errors
/// Those of [`CaptureWriter`].
pub fn write(capture: &Capture, format: FileFormat, out: &mut impl Write) -> Result<(), CaptureError> {
    let mut writer = CaptureWriter::new(out, format, &capture.header())?;
    for frame in &capture.frames {
        writer.write_frame(frame)?;
    }
    writer.finish()?;
    Ok(())
}
