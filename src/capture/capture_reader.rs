//! Frames read back from a capture, ours or another's, with the framing of the file taken off.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read};
use std::net::Ipv4Addr;
use std::path::Path;

use super::capture_file::{Capture, CapturedFrame};
use super::error::{CaptureError, Place};
use super::foreign::{Addresses, BurstKind, ForeignFramings, Framing, Piece, ReaderNote, Unpacked};
use super::framing::{InterfaceDescription, LINK_TYPE_UPPER_PDU, LinkKind};
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
    /// Direction on the air: tag 35, else `epb_flags`.
    pub direction: Option<Direction>,
    /// Display address of the sender (tag 20).
    pub source: Option<Ipv4Addr>,
    /// Display address of the receiver (tag 21).
    pub destination: Option<Ipv4Addr>,
    /// Its comments, one a line; of several bursts of one frame the first has them.
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

    /// The frame as it stands in the record.
    fn plain(record: &Record, octets: Vec<u8>) -> Self {
        Self {
            number: record.number,
            offset: record.offset,
            octets_offset: record.octets_offset,
            time_ns: record.time_ns,
            interface: record.interface,
            link_type: record.link_type,
            kind: LinkKind::from_link_type(record.link_type)
                .map_or(FrameKind::LinkType(record.link_type), FrameKind::Known),
            cut: record.octets.len() < record.original_length as usize,
            direction: record.direction,
            source: None,
            destination: None,
            comment: record.comments.join("\n"),
            octets,
            foreign: None,
            addresses: [None; 2],
            fragments: Vec::new(),
        }
    }

    /// One piece of a record of a foreign framing.
    fn foreign(record: &Record, framing: Framing, addresses: Addresses, piece: Piece) -> Self {
        let mut frame = Self { foreign: Some(framing), addresses, ..Self::plain(record, Vec::new()) };
        match piece {
            Piece::Nothing(why) => frame.kind = FrameKind::NoBurst(why),
            Piece::Burst { kind, direction, octets, offset, fragments, comments } => {
                frame.kind = match kind {
                    BurstKind::Pdu | BurstKind::CdmaCode => FrameKind::Known(LinkKind::Air),
                    BurstKind::Phy(dissector) => FrameKind::Dissector(dissector.to_owned()),
                };
                frame.direction = direction;
                frame.octets = octets;
                frame.octets_offset = frame.octets_offset.saturating_add(offset as u64);
                frame.fragments = fragments;
                frame.comment =
                    comments.iter().chain(&record.comments).map(String::as_str).collect::<Vec<_>>().join("\n");
            }
        }
        frame
    }

    fn new(mut record: Record) -> Result<Self, CaptureError> {
        let octets = std::mem::take(&mut record.octets);
        let mut frame = Self::plain(&record, octets);
        if record.link_type != LINK_TYPE_UPPER_PDU {
            return Ok(frame);
        }
        let tagged = UpperPdu::parse(&frame.octets).map_err(|error| {
            let offset = frame.octets_offset.saturating_add(error.offset as u64);
            CaptureError::malformed(Place::Octet { frame: Some(frame.number), offset }, error.expected, error.found)
        })?;
        frame.kind = match LinkKind::from_dissector(&tagged.dissector) {
            Some(kind) => FrameKind::Known(kind),
            None => FrameKind::Dissector(tagged.dissector),
        };
        frame.direction = tagged.direction.or(frame.direction);
        frame.source = tagged.source;
        frame.destination = tagged.destination;
        let tags = frame.octets.len().saturating_sub(tagged.payload.len());
        frame.octets = tagged.payload.to_vec();
        frame.octets_offset = frame.octets_offset.saturating_add(tags as u64);
        Ok(frame)
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

    /// The frames of the next record; nothing at the end of the file.
    fn next_frames(&mut self) -> Option<Result<(), CaptureError>> {
        let mut record = match self.records.next()? {
            Ok(record) => record,
            Err(error) => return Some(Err(error)),
        };
        if let Some(Unpacked { framing, addresses, pieces }) = self.foreign.unpack(&record) {
            for piece in pieces {
                self.rest.push_back(RecordedFrame::foreign(&record, framing, addresses, piece));
                // One for each burst would be as much memory as the product of the two.
                record.comments.clear();
            }
            return Some(Ok(()));
        }
        Some(RecordedFrame::new(record).map(|frame| self.rest.push_back(frame)))
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
                Some(Ok(())) => {}
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
    let mut capture = Capture::default();
    let mut numbers: Vec<(usize, LinkKind)> = Vec::new();
    let mut octets = 0usize;
    while let Some(frame) = reader.next() {
        let frame = frame?;
        octets = octets.saturating_add(frame.octets.len()).saturating_add(frame.comment.len());
        let refuse = |expected: &str, found: String| {
            let place = Place::Octet { frame: Some(frame.number), offset: frame.offset };
            let error = CaptureError::malformed(place, expected, found);
            match reader.records.path() {
                Some(path) => error.in_file(path),
                None => error,
            }
        };
        let FrameKind::Known(kind) = frame.kind else {
            let expected = "a frame of 802.16 (link type 252), Ethernet (1) or raw IP (101)";
            return Err(refuse(expected, format!("{:?}", frame.kind)));
        };
        if capture.frames.len() >= MAX_FRAMES || octets > MAX_OCTETS {
            let expected = format!("at most {MAX_FRAMES} frames and {MAX_OCTETS} octets");
            return Err(refuse(&expected, "more".to_owned()));
        }
        let time = u64::try_from(frame.time_ns).map_err(|_| {
            refuse("a time from 2000-01-01T00:00:00Z on", format!("{} ns before", frame.time_ns.unsigned_abs()))
        })?;
        // An interface may be described after frames of another one, and one of classic pcap carries several kinds.
        let key = (frame.interface, kind);
        let interface = match numbers.iter().position(|known| *known == key) {
            Some(interface) => interface,
            None => {
                numbers.push(key);
                numbers.len().saturating_sub(1)
            }
        };
        capture.frames.push(CapturedFrame {
            time: VirtualTime::from_nanos(time),
            interface,
            octets: frame.octets,
            direction: frame.direction,
            source: frame.source,
            destination: frame.destination,
            comment: frame.comment,
        });
    }
    place_interfaces(&mut capture, &numbers, &reader);
    capture.section_comment = reader.records.section_comment().to_owned();
    capture.names = reader.records.names().to_vec();
    Ok(capture)
}

/// Gives the capture the interfaces of the file in the file's order, those without frames too, and renumbers the
/// frames, whose interface is an index into `used`, accordingly.
fn place_interfaces<R: Read>(capture: &mut Capture, used: &[(usize, LinkKind)], reader: &CaptureReader<R>) {
    let mut placed: Vec<(usize, LinkKind)> = Vec::new();
    for (number, interface) in reader.records.interfaces().iter().enumerate() {
        let before = placed.len();
        placed.extend(used.iter().filter(|(of, _)| *of == number));
        let unused = placed.len() == before;
        if unused && let Some(kind) = LinkKind::from_link_type(interface.link_type) {
            placed.push((number, kind));
        }
    }
    capture.interfaces = placed
        .iter()
        .map(|(number, kind)| {
            let block = reader.records.interfaces().get(*number);
            let name = block.map(|block| block.name.clone()).filter(|name| !name.is_empty());
            let unnamed = match kind {
                LinkKind::Air => "air",
                LinkKind::Backbone => "backbone",
                LinkKind::RawIp => "ip",
            };
            InterfaceDescription {
                name: name.unwrap_or_else(|| unnamed.to_owned()),
                description: block.map(|block| block.description.clone()).unwrap_or_default(),
                kind: *kind,
            }
        })
        .collect();
    let renumbered: Vec<usize> =
        used.iter().map(|key| placed.iter().position(|at| at == key).unwrap_or_default()).collect();
    for frame in &mut capture.frames {
        frame.interface = renumbered.get(frame.interface).copied().unwrap_or_default();
    }
}
