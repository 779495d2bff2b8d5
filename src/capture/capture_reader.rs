//! Frames read back from a capture, ours or another's, with the framing of the file taken off.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read};
use std::net::Ipv4Addr;
use std::path::Path;

use super::capture_file::Capture;
use super::error::{CaptureError, Place};
use super::foreign::{Addresses, BurstKind, ForeignFramings, Framing, Piece, ReaderNote, Unpacked};
use super::foreign_direction::direction_of;
use super::framing::{LINK_TYPE_UPPER_PDU, LinkKind};
use super::gathering::{self, Strictness};
use super::record_reader::{Record, RecordReader};
use super::upper_pdu::UpperPdu;
use crate::dot16::identifiers::Direction;
use crate::time::VirtualTime;

/// Most frames that [`read_whole`] holds in memory.
pub const MAX_FRAMES: usize = 10_000_000;
/// Most octets of frames that [`read_whole`] holds in memory.
pub const MAX_OCTETS: usize = 2 * 1024 * 1024 * 1024 - 1;

/// What a frame turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// One of the kinds that keyhop writes.
    Known(LinkKind),
    /// An upper PDU for another dissector, by its name.
    Dissector(String),
    /// A frame of another link type of the tcpdump registry.
    LinkType(u16),
    /// A frame of a foreign framing that holds no burst, or no whole one: why.
    NoBurst(String),
}

/// One frame of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFrame {
    /// Number of the frame, 1-based, as in Wireshark.
    pub number: u64,
    /// Octets from the start of the file to the record or block.
    pub offset: u64,
    /// Octets from the start of the file to `octets`.
    pub octets_offset: u64,
    /// Nanoseconds since 2000-01-01T00:00:00Z, negative before.
    pub time_ns: i64,
    /// Index into the interfaces of the reader.
    pub interface: usize,
    /// Link type of the tcpdump registry.
    pub link_type: u16,
    /// What the frame is.
    pub kind: FrameKind,
    /// Whether the capture cut the frame short.
    pub cut: bool,
    /// Direction on the air: tag 35, else `epb_flags`; in foreign framings what they say, else what the content tells.
    pub direction: Option<Direction>,
    /// Whether the content alone tells the direction.
    pub direction_inferred: bool,
    /// Display address of the sender (tag 20).
    pub source: Option<Ipv4Addr>,
    /// Display address of the receiver (tag 21).
    pub destination: Option<Ipv4Addr>,
    /// Its comments, one a line; of several bursts of one frame the first that holds MAC PDUs or a ranging code has them.
    pub comment: String,
    /// The frame without upper-PDU tags: a burst of MAC PDUs, an Ethernet frame, an IP packet, or what `kind` says.
    pub octets: Vec<u8>,
    /// The framing it was taken out of, if that is not keyhop's own. Several bursts of one frame have its number each.
    pub foreign: Option<Framing>,
    /// Addresses of source and destination of an m2m frame. They need not be those of mobile and base station.
    pub addresses: Addresses,
    /// The frames that this burst was put together from, its own included; empty if it came in one.
    pub fragments: Vec<u64>,
}

impl RecordedFrame {
    /// The time as virtual time; times before 2000 become the start of the run.
    #[must_use]
    pub fn time(&self) -> VirtualTime {
        VirtualTime::from_nanos(u64::try_from(self.time_ns).unwrap_or(0))
    }

    /// The frame as it stands in the record, without its octets, of which there are `length`.
    fn plain(record: &Record, length: usize, comment: String) -> Self {
        Self {
            number: record.number,
            offset: record.offset,
            octets_offset: record.octets_offset,
            time_ns: record.time_ns,
            interface: record.interface,
            link_type: record.link_type,
            kind: LinkKind::from_link_type(record.link_type)
                .map_or(FrameKind::LinkType(record.link_type), FrameKind::Known),
            cut: length < record.original_length as usize,
            direction: record.direction,
            direction_inferred: false,
            source: None,
            destination: None,
            comment,
            octets: Vec::new(),
            foreign: None,
            addresses: [None; 2],
            fragments: Vec::new(),
        }
    }

    /// One piece of a record of a foreign framing.
    fn foreign(record: &Record, framing: Framing, addresses: Addresses, piece: Piece) -> Self {
        let plain = Self::plain(record, record.octets.len(), record.comments.join("\n"));
        let mut frame = Self { foreign: Some(framing), addresses, ..plain };
        match piece {
            Piece::Nothing(why) => frame.kind = FrameKind::NoBurst(why),
            Piece::Burst { kind, direction, octets, offset, fragments, comments } => {
                frame.kind = match kind {
                    BurstKind::Pdu | BurstKind::CdmaCode => FrameKind::Known(LinkKind::Air),
                    BurstKind::Phy(dissector) => FrameKind::Dissector(dissector.to_owned()),
                };
                frame.direction = direction;
                if direction.is_none() && frame.kind == FrameKind::Known(LinkKind::Air) {
                    frame.direction = direction_of(&octets);
                    frame.direction_inferred = frame.direction.is_some();
                }
                frame.octets = octets;
                frame.octets_offset = frame.octets_offset.saturating_add(offset as u64);
                frame.fragments = fragments;
                frame.comment =
                    comments.iter().chain(&record.comments).map(String::as_str).collect::<Vec<_>>().join("\n");
            }
        }
        frame
    }

    /// The frame of a record without upper-PDU tags.
    fn untagged(mut record: Record) -> Self {
        let comment = joined(&mut record.comments);
        let frame = Self::plain(&record, record.octets.len(), comment);
        Self { octets: record.octets, ..frame }
    }

    /// The frame behind the upper-PDU tags of a record whose octets are `packet`.
    fn tagged(mut record: Record, packet: &[u8]) -> Result<Self, CaptureError> {
        let comment = joined(&mut record.comments);
        let mut frame = Self::plain(&record, packet.len(), comment);
        let tagged = UpperPdu::parse(packet).map_err(|error| {
            let offset = frame.octets_offset.saturating_add(error.offset as u64);
            CaptureError::malformed(Place::Octet { frame: Some(frame.number), offset }, error.expected, error.found)
        })?;
        frame.kind = match LinkKind::from_dissector(&tagged.dissector) {
            Some(kind) => FrameKind::Known(kind),
            None => FrameKind::Dissector(tagged.dissector.into_owned()),
        };
        frame.direction = tagged.direction.or(frame.direction);
        frame.source = tagged.source;
        frame.destination = tagged.destination;
        frame.octets = tagged.payload.to_vec();
        let tags = packet.len().saturating_sub(tagged.payload.len());
        frame.octets_offset = frame.octets_offset.saturating_add(tags as u64);
        Ok(frame)
    }
}

/// The comments, one a line.
fn joined(comments: &mut [String]) -> String {
    match comments {
        [only] => std::mem::take(only),
        several => several.join("\n"),
    }
}

/// Reads a capture frame by frame; an iterator that ends after its first error.
pub struct CaptureReader<R> {
    records: RecordReader<R>,
    foreign: ForeignFramings,
    /// What is left of the record that was read last.
    rest: VecDeque<RecordedFrame>,
    ended: bool,
}

/// Opens a capture file.
///
/// # Errors
/// The file cannot be read or is neither pcap nor pcapng. The iterator gives an error, with frame and octet, for a
/// file cut in the middle of a record, for damaged blocks and for damaged upper-PDU tags.
pub fn open(path: &Path) -> Result<CaptureReader<BufReader<File>>, CaptureError> {
    Ok(CaptureReader::of(RecordReader::open(path)?))
}

/// Reads a capture from anything that can be read. See [`open`].
///
/// # Errors
/// The octets are neither pcap nor pcapng.
pub fn read<R: Read>(input: R) -> Result<CaptureReader<R>, CaptureError> {
    Ok(CaptureReader::of(RecordReader::new(input)?))
}

impl<R: Read> CaptureReader<R> {
    fn of(records: RecordReader<R>) -> Self {
        Self { records, foreign: ForeignFramings::default(), rest: VecDeque::new(), ended: false }
    }

    /// What could not be read as it should in foreign framings; complete when the iterator has ended.
    #[must_use]
    pub fn notes(&self) -> &[ReaderNote] {
        self.foreign.notes()
    }

    /// How many notes there are beyond those kept.
    #[must_use]
    pub const fn more_notes(&self) -> u64 {
        self.foreign.more_notes()
    }

    /// The first frame of the next record, and those after it into `rest`; nothing at the end of the file.
    fn next_frames(&mut self) -> Option<Result<Option<RecordedFrame>, CaptureError>> {
        let mut record = match self.records.next_without_octets()? {
            Ok(record) => record,
            Err(error) => return Some(Err(error)),
        };
        if record.link_type == LINK_TYPE_UPPER_PDU {
            return Some(RecordedFrame::tagged(record, self.records.packet()).map(Some));
        }
        record.octets = self.records.packet().to_vec();
        if let Some(Unpacked { framing, addresses, pieces }) = self.foreign.unpack(&record) {
            // One for each burst would be as much memory as the product of the two.
            let mut comments = std::mem::take(&mut record.comments);
            let commented = pieces.iter().position(Piece::is_air).unwrap_or(0);
            for (number, piece) in pieces.into_iter().enumerate() {
                record.comments = if number == commented { std::mem::take(&mut comments) } else { Vec::new() };
                self.rest.push_back(RecordedFrame::foreign(&record, framing, addresses, piece));
            }
            return Some(Ok(self.rest.pop_front()));
        }
        Some(Ok(Some(RecordedFrame::untagged(record))))
    }

    fn end(&mut self) {
        self.ended = true;
        self.foreign.finish();
    }

    /// The name of an interface; empty if it has none, as in classic pcap.
    #[must_use]
    pub fn interface_name(&self, interface: usize) -> &str {
        self.records.interfaces().get(interface).map_or("", |interface| interface.name.as_str())
    }

    /// The records underneath, for names, comment and interfaces of the file.
    #[must_use]
    pub fn records(&self) -> &RecordReader<R> {
        &self.records
    }
}

impl<R: Read> Iterator for CaptureReader<R> {
    type Item = Result<RecordedFrame, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            if let Some(frame) = self.rest.pop_front() {
                return Some(Ok(frame));
            }
            match self.next_frames() {
                Some(Ok(Some(frame))) => return Some(Ok(frame)),
                Some(Ok(None)) => {}
                Some(Err(error)) => {
                    self.end();
                    return Some(Err(match self.records.path() {
                        Some(path) => error.in_file(path),
                        None => error,
                    }));
                }
                None => self.end(),
            }
        }
        None
    }
}

/// Reads a whole capture whose frames are of the kinds that keyhop writes. A classic pcap, which has no interfaces,
/// gets one for each kind of frame in it, named `air`, `backbone` and `ip`.
///
/// # Errors
/// Those of the reader, a frame of another kind, a time before 2000, or more than [`MAX_FRAMES`] frames or
/// [`MAX_OCTETS`] octets.
pub fn read_whole<R: Read>(mut reader: CaptureReader<R>) -> Result<Capture, CaptureError> {
    gathering::gather(&mut reader, None, Strictness::Strict).map(|gathered| gathered.capture)
}
