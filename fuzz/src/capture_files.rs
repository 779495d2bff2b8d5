//! Capture files, pcap and pcapng: every place that a frame names exists, and what was read and written again is read as it was.

use keyhop::capture::capture_file;
use keyhop::capture::capture_reader::{self, RecordedFrame};
use keyhop::capture::foreign::ForeignFramings;
use keyhop::capture::record_reader::{MAX_PACKET, Record, RecordReader};
use keyhop::capture::{Capture, CaptureError, CapturedFrame, FileFormat, LinkKind, traffic};

use crate::promises::{explains, within_memory};

/// Reads the octets as a capture, in each of the ways that the commands do.
pub fn run(octets: &[u8]) {
    let frames = match within_memory(octets, || frames(octets)) {
        Ok(frames) => frames,
        Err(error) => return explains(&error, octets),
    };
    frames_stand_in(octets, &frames);
    records_are_counted(octets, &frames);
    traffic_is_ordered(octets);
    let whole = within_memory(octets, || capture_reader::read(octets).and_then(capture_reader::read_whole));
    match whole {
        Ok(capture) => comes_back(&capture),
        Err(error) => explains(&error, octets),
    }
}

/// The frames, and the error that ended them.
fn frames(octets: &[u8]) -> Result<Vec<Result<RecordedFrame, CaptureError>>, CaptureError> {
    let mut reader = capture_reader::read(octets)?;
    let frames = reader.by_ref().collect();
    assert!(reader.next().is_none(), "the end stays the end");
    Ok(frames)
}

/// Every frame of our own framing stands behind the one before it, with its octets where it says; several bursts of a foreign
/// framing can come out of one frame, and one burst out of several.
fn frames_stand_in(octets: &[u8], frames: &[Result<RecordedFrame, CaptureError>]) {
    let mut before = (0, 0);
    for (index, frame) in frames.iter().enumerate() {
        match frame {
            Ok(frame) => {
                let foreign = frame.foreign.is_some();
                let place = (frame.number, frame.offset);
                assert!(before < place || foreign && before == place, "{place:?} after {before:?}");
                assert!(frame.offset <= frame.octets_offset);
                let at = usize::try_from(frame.octets_offset).expect("an offset");
                assert!(at <= octets.len());
                if frame.fragments.is_empty() {
                    assert_eq!(octets.get(at..at + frame.octets.len()), Some(frame.octets.as_slice()));
                }
                assert!(foreign || frame.fragments.is_empty());
                before = place;
                let _ = frame.time();
            }
            Err(error) => {
                assert_eq!(index + 1, frames.len(), "nothing stands behind an error");
                explains(error, octets);
            }
        }
    }
}

/// The records underneath are those of the frames, and their interfaces exist.
fn records_are_counted(octets: &[u8], frames: &[Result<RecordedFrame, CaptureError>]) {
    let mut reader = within_memory(octets, || RecordReader::new(octets)).expect("the same header was read before");
    let numbers: Vec<u64> = within_memory(octets, || reader.by_ref().flatten().map(|record| record.number).collect());
    let mut known: Vec<u64> = frames.iter().flatten().map(|frame| frame.number).collect();
    known.dedup();
    assert!(numbers.starts_with(&known), "{known:?} of {numbers:?}");
    for frame in frames.iter().flatten() {
        assert!(frame.interface < reader.interfaces().len());
        assert!(frame.octets.len() <= MAX_PACKET as usize);
    }
    let _ = (reader.names(), reader.section_comment());
}

fn traffic_is_ordered(octets: &[u8]) {
    match within_memory(octets, || traffic::read_traffic_from(octets)) {
        Ok(traffic) => {
            assert!(traffic.packets.is_sorted_by_key(|packet| packet.time));
            assert_eq!(traffic.first_ipv4_source.is_some(), !traffic.packets.is_empty());
            for packet in &traffic.packets {
                let [version, _, high, low, ..] = packet.octets[..] else { panic!("a header of IPv4") };
                assert_eq!(version >> 4, 4);
                assert_eq!(usize::from(u16::from_be_bytes([high, low])), packet.octets.len());
                let _ = traffic::direction([10, 0, 0, 1].into(), &packet.octets);
            }
        }
        Err(error) => explains(&error, octets),
    }
}

fn written(capture: &Capture, format: FileFormat) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    match capture_file::write(capture, format, &mut octets) {
        Ok(()) => Some(octets),
        Err(CaptureError::Unwritable { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

fn read_again(octets: &[u8]) -> Capture {
    capture_reader::read(octets).and_then(capture_reader::read_whole).expect("what was written can be read")
}

/// What the formats cannot hold is left out: addresses of frames that are not of the air, and NUL at the end of a line.
fn as_written(capture: &Capture) -> Capture {
    let mut capture = capture.clone();
    for frame in &mut capture.frames {
        if capture.interfaces[frame.interface].kind != LinkKind::Air {
            (frame.source, frame.destination) = (None, None);
        }
        let lines: Vec<&str> = frame.comment.split('\n').map(|line| line.trim_end_matches('\0')).collect();
        frame.comment = lines.join("\n");
    }
    capture
}

/// Whether a frame whose tags said Ethernet or IP holds a burst in the framing of others: with a link type of its own it would
/// be read as that.
fn holds_foreign_burst(frame: &CapturedFrame, kind: LinkKind) -> bool {
    let record = Record {
        number: 1,
        offset: 0,
        octets_offset: 0,
        time_ns: 0,
        interface: 0,
        link_type: kind.link_type(),
        original_length: 0,
        direction: None,
        comments: Vec::new(),
        octets: frame.octets.clone(),
    };
    ForeignFramings::default().unpack(&record).is_some()
}

/// Holds a capture against what both formats promise.
pub fn comes_back(capture: &Capture) {
    let kind = |frame: &CapturedFrame| capture.interfaces[frame.interface].kind;
    if !capture.frames.iter().any(|frame| holds_foreign_burst(frame, kind(frame)))
        && let Some(octets) = written(capture, FileFormat::Pcapng)
    {
        assert_eq!(read_again(&octets), as_written(capture));
    }
    if let Some(octets) = written(capture, FileFormat::Pcap) {
        let read = read_again(&octets);
        assert_eq!(read.frames.len(), capture.frames.len());
        for (read, frame) in read.frames.iter().zip(&capture.frames) {
            let same = (read.time, &read.octets, read.direction, read.source, read.destination);
            assert_eq!(same, (frame.time, &frame.octets, frame.direction, frame.source, frame.destination));
        }
    }
}
