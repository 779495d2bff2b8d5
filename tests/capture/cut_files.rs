//! A file cut in the middle of a record is refused with frame and octet; one cut between records is shorter.

use keyhop::capture::capture_file::FileFormat;
use keyhop::capture::capture_reader;
use keyhop::capture::error::{CaptureError, Place};

use crate::samples;

/// What reading gives: the number of frames, and where the error is, if there is one.
fn read(octets: &[u8]) -> (usize, Option<Place>) {
    let reader = match capture_reader::read(octets) {
        Ok(reader) => reader,
        Err(error) => return (0, error.place()),
    };
    let mut frames = 0;
    for frame in reader {
        match frame {
            Ok(_) => frames += 1,
            Err(error) => return (frames, Some(error.place().unwrap())),
        }
    }
    (frames, None)
}

/// Cuts `file` at every octet; `ends` are those where a record, or the header, ends.
fn cut_everywhere(file: &[u8], starts_of_frames: &[usize], ends: &[usize]) {
    for length in 0..file.len() {
        let (frames, place) = read(&file[..length]);
        let whole =
            starts_of_frames.iter().filter(|start| ends.iter().any(|end| end > start && *end <= length)).count();
        assert_eq!(frames, whole, "cut to {length} octets");
        if ends.contains(&length) {
            assert_eq!(place, None, "cut to {length} octets");
            continue;
        }
        let start = ends.iter().copied().filter(|end| *end < length).max().unwrap_or(0);
        match place {
            Some(Place::Octet { frame: Some(frame), offset }) => {
                assert_eq!((frame, offset), (frames as u64 + 1, start as u64), "cut to {length} octets");
            }
            Some(Place::Octet { frame: None, offset: 0 }) => assert!(start == 0, "cut to {length} octets"),
            other => panic!("cut to {length} octets: {other:?}"),
        }
    }
}

#[test]
fn pcapng_cut_anywhere() {
    let file = samples::file(&samples::capture(), FileFormat::Pcapng);
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < file.len() {
        if file[at] == 6 {
            starts.push(at);
        }
        at += u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize;
        ends.push(at);
    }
    assert_eq!(starts.len(), 4);
    cut_everywhere(&file, &starts, &ends);
}

#[test]
fn pcap_cut_anywhere() {
    let file = samples::file(&samples::capture(), FileFormat::Pcap);
    let (mut starts, mut ends) = (Vec::new(), vec![24]);
    let mut at = 24;
    while at < file.len() {
        starts.push(at);
        at += 16 + u32::from_le_bytes(file[at + 8..at + 12].try_into().unwrap()) as usize;
        ends.push(at);
    }
    assert_eq!(starts.len(), 4);
    cut_everywhere(&file, &starts, &ends);
}

#[test]
fn the_error_says_what_was_expected_and_where_the_file_ended() {
    let file = samples::file(&samples::capture(), FileFormat::Pcap);
    let cut = &file[..file.len() - 1];
    let error = capture_reader::read(cut).unwrap().find_map(Result::err).unwrap();
    let text = error.to_string();
    assert!(text.starts_with("frame 4, octet "), "{text}");
    assert!(text.contains("octets of a packet, found the end of the file at octet"), "{text}");
}

#[test]
fn a_file_that_is_no_capture_is_refused_with_what_it_begins_with() {
    for (octets, found) in [(&b""[..], "an empty file"), (b"\x1f\x8b\x08\x00rest", "1f8b0800"), (b"ab", "6162")] {
        let Err(error) = capture_reader::read(octets) else { panic!("{found} was taken as a capture") };
        assert_eq!(error.place(), Some(Place::Octet { frame: None, offset: 0 }));
        assert!(error.to_string().ends_with(&format!("found {found}")), "{error}");
    }
}

#[test]
fn the_error_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pcapng");
    let file = samples::file(&samples::capture(), FileFormat::Pcapng);
    std::fs::write(&path, &file[..file.len() - 2]).unwrap();
    let error = capture_reader::open(&path).unwrap().find_map(Result::err).unwrap();
    assert!(error.to_string().contains("cut.pcapng: frame 4, octet "), "{error}");
    let missing = capture_reader::open(&folder.path().join("missing"));
    assert!(matches!(missing, Err(CaptureError::Io { path: Some(_), .. })));
}
