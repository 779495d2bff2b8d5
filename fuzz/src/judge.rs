//! What reads captures: the judge, `inspect`, `convert` and `decrypt`, on a capture and a key log that nobody checked.
//!
//! An input is one of two things, by its first octet:
//!
//! * even: a key log and a capture as they are. Four octets with the length of the key log, the most significant first, then the
//!   key log, then the capture.
//! * odd: changes to a golden capture and its key log, which are in the program: which golden, where its frames begin and how many
//!   there are, then what is done with them, and the form of the file, one of keyhop's own or of others. So frames, times
//!   and keys are in order when a change meets them.
//!
//! Held: no panic; a place in an error lies within the file; what is kept stays below a multiple of the input; a judgement
//! names frames that there are; frames that nobody touched leave `decrypt` as they were, but for the PDUs it opened; and
//! what is gathered from a file of another framing is a capture of keyhop's, which reads as it was written.

use std::io::Cursor;
use std::net::Ipv4Addr;
use std::sync::LazyLock;

use keyhop::capture::capture_file::{self, Capture, CapturedFrame, FileFormat};
use keyhop::capture::capture_reader;
use keyhop::capture::error::{CaptureError, Place};
use keyhop::capture::framing::LinkKind;
use keyhop::capture::gathering::{Gathered, Strictness, gather};
use keyhop::capture::key_log::KeyLog;
use keyhop::capture::key_log_text;
use keyhop::capture::key_lookup::KeyLookup;
use keyhop::capture::m2m;
use keyhop::cli::decrypt::decrypt;
use keyhop::cli::frame_view::Viewer;
use keyhop::judge::judge;
use keyhop::time::VirtualTime;

use crate::choices::Choices;

/// Frames of a golden in one input: a judgement of more takes too long.
const FRAMES: usize = 80;
/// Longest key log that is made of a golden's, in lines.
const LINES: usize = 120;

macro_rules! goldens {
    ($($name:literal),* $(,)?) => {
        &[$((
            include_bytes!(concat!("../../captures/", $name, ".pcapng")),
            include_str!(concat!("../../captures/", $name, ".keys")),
        )),*]
    };
}

/// Goldens that are small and show different things.
const GOLDENS: &[(&[u8], &str)] =
    goldens!["stale-count", "three-candidates", "preparation-flood", "forged-rng-rsp", "nonce-reuse-target-flush"];

/// The same, read once.
static READ: LazyLock<Vec<(Capture, Vec<String>)>> = LazyLock::new(|| {
    let golden = |(capture, keys): &(&[u8], &str)| {
        let reader = capture_reader::read(Cursor::new(*capture)).expect("a golden reads");
        let capture = capture_reader::read_whole(reader).expect("a golden reads");
        (capture, keys.lines().take(LINES).map(str::to_owned).collect())
    };
    GOLDENS.iter().map(golden).collect()
});

/// Judges what an input holds.
pub fn run(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    if choices.any() & 1 == 0 {
        let length = usize::try_from(choices.four()).unwrap_or(usize::MAX);
        let log = choices.octets(length);
        let capture = choices.rest();
        return look_at(log, capture);
    }
    let (log, capture) = changed_golden(&mut choices);
    look_at(log.as_bytes(), &capture);
}

/// Everything that reads a capture.
fn look_at(log: &[u8], capture: &[u8]) {
    let log = match key_log_text::parse(log) {
        Ok((log, _)) => log,
        Err(error) => {
            place_exists(&error, log.len());
            KeyLog::default()
        }
    };
    match judge(|| capture_reader::read(Cursor::new(capture)), &log) {
        Ok(judgement) => {
            let frames = judgement.findings.iter().flat_map(|finding| &finding.frames);
            let frames = frames.chain(judgement.notes.iter().flat_map(|note| &note.frames));
            for frame in frames {
                assert!((1..=judgement.frames).contains(frame), "frame {frame} of {}", judgement.frames);
            }
        }
        Err(error) => place_exists(&error, capture.len()),
    }
    let lookup = || KeyLookup::new(log.clone());
    inspect(capture, lookup());
    convert(capture, None);
    convert(capture, Some(&lookup()));
    let Ok(reader) = capture_reader::read(Cursor::new(capture)) else { return };
    match capture_reader::read_whole(reader) {
        Ok(mut whole) => {
            let before = whole.clone();
            let outcome = decrypt(&mut whole, &lookup());
            assert_eq!(before.frames.len(), whole.frames.len());
            if outcome.opened == 0 {
                assert_eq!(before, whole);
            }
        }
        Err(error) => place_exists(&error, capture.len()),
    }
}

fn inspect(capture: &[u8], keys: KeyLookup) {
    let Ok(mut reader) = capture_reader::read(Cursor::new(capture)) else { return };
    let mut viewer = Viewer::new(Some(keys));
    while let Some(frame) = reader.next() {
        let Ok(frame) = frame else { return };
        viewer.name_nodes(reader.records().names());
        assert!(!viewer.views(&frame).is_empty(), "a frame without a view: {frame:?}");
    }
}

/// Gathers what a capture holds, whatever its framing, and writes it in the clean form.
fn convert(capture: &[u8], keys: Option<&KeyLookup>) {
    let Ok(mut reader) = capture_reader::read(Cursor::new(capture)) else { return };
    let Gathered { capture: clean, numbers, .. } = match gather(&mut reader, keys, Strictness::Lenient) {
        Ok(gathered) => gathered,
        Err(error) => return place_exists(&error, capture.len()),
    };
    assert_eq!(numbers.len(), clean.frames.len());
    assert!(numbers.is_sorted());
    let mut file = Vec::new();
    if capture_file::write(&clean, FileFormat::Pcapng, &mut file).is_err() {
        return;
    }
    let again = capture_reader::read(Cursor::new(file.as_slice())).and_then(capture_reader::read_whole);
    let again = again.unwrap_or_else(|error| panic!("{error}, in what was just written"));
    let octets = |capture: &Capture| capture.frames.iter().map(|frame| frame.octets.clone()).collect::<Vec<_>>();
    assert_eq!(octets(&again), octets(&clean));
}

/// A place that an error names lies in the file.
pub(crate) fn place_exists(error: &CaptureError, octets: usize) {
    if let Some(Place::Octet { offset, .. }) = error.place() {
        assert!(usize::try_from(offset).is_ok_and(|offset| offset <= octets), "{error}, in {octets} octets");
    }
}

/// A part of a golden, with changes.
fn changed_golden(choices: &mut Choices<'_>) -> (String, Vec<u8>) {
    let (golden, lines) = &READ[choices.below(READ.len())];
    let first = choices.below(256) * 4;
    let frames = golden.frames.iter().skip(first).take(choices.below(FRAMES) + 1).cloned().collect();
    let mut capture = Capture {
        section_comment: golden.section_comment.clone(),
        interfaces: golden.interfaces.clone(),
        names: golden.names.clone(),
        frames,
        secrets: Vec::new(),
    };
    let mut lines = lines.clone();
    let mut form = Form::Own(FileFormat::Pcapng);
    let mut file_changes: Vec<(u16, u8)> = Vec::new();
    let mut cut = None;
    while let Some(what) = choices.octet() {
        match what % 16 {
            0 => octet_of_frame(&mut capture, choices),
            1 => {
                let (from, to) = (at(&capture, choices), at(&capture, choices));
                if from < capture.frames.len() && to < capture.frames.len() {
                    capture.frames.swap(from, to);
                }
            }
            2 => {
                let (from, to) = (at(&capture, choices), at(&capture, choices));
                if let Some(frame) = capture.frames.get(from).cloned() {
                    capture.frames.insert(to.min(capture.frames.len()), frame);
                }
            }
            3 => {
                let place = at(&capture, choices);
                if place < capture.frames.len() {
                    capture.frames.remove(place);
                }
            }
            4 => {
                let (place, time) = (at(&capture, choices), choices.four());
                if let Some(frame) = capture.frames.get_mut(place) {
                    frame.time = VirtualTime::from_nanos(u64::from(time) << (time & 31));
                }
            }
            5 => {
                let (place, interface) = (at(&capture, choices), choices.below(capture.interfaces.len()));
                if let Some(frame) = capture.frames.get_mut(place) {
                    frame.interface = interface;
                }
            }
            6 => {
                let place = at(&capture, choices);
                let ends = choices.any();
                if let Some(frame) = capture.frames.get_mut(place) {
                    std::mem::swap(&mut frame.source, &mut frame.destination);
                    if ends & 1 != 0 {
                        frame.direction = None;
                    }
                    if ends & 2 != 0 {
                        frame.source = None;
                    }
                }
            }
            7 => {
                let (place, other) = (at(&capture, choices), at(&capture, choices));
                let comment = capture.frames.get(other).map(|frame| frame.comment.clone());
                if let (Some(frame), Some(comment)) = (capture.frames.get_mut(place), comment) {
                    frame.comment = comment;
                }
            }
            8 => {
                let (place, length) = (at(&capture, choices), usize::from(choices.any()));
                if let Some(frame) = capture.frames.get_mut(place) {
                    frame.octets.truncate(length);
                }
            }
            9 => {
                let place = choices.below(LINES);
                if place < lines.len() {
                    lines.remove(place);
                }
            }
            10 => {
                let (place, column, octet) = (choices.below(LINES), usize::from(choices.any()), choices.any());
                if let Some(line) = lines.get_mut(place) {
                    let mut octets = line.clone().into_bytes();
                    if let Some(place) = octets.get_mut(column) {
                        *place = octet & 0x7f;
                    }
                    *line = String::from_utf8_lossy(&octets).into_owned();
                }
            }
            11 => {
                // Only what follows from PMK or AK: the judge derives the rest.
                let kept = if choices.any() & 1 == 0 { "PMK" } else { "AK" };
                lines.retain(|line| line.starts_with('#') || line.starts_with("NODE") || line.starts_with(kept));
            }
            12 => file_changes.push((choices.two(), choices.any())),
            13 => cut = Some(usize::from(choices.two()) * 2),
            14 => {
                form = match choices.any() % 4 {
                    0 => Form::Own(FileFormat::Pcap),
                    1 => Form::Bare,
                    2 => Form::M2m { addresses: false },
                    _ => Form::M2m { addresses: true },
                };
            }
            _ => {
                let place = at(&capture, choices);
                let count = choices.below(32);
                let tail = choices.octets(count);
                if let Some(frame) = capture.frames.get_mut(place) {
                    frame.octets.extend_from_slice(tail);
                }
            }
        }
    }
    let mut file = match form {
        Form::Own(format) => {
            let mut file = Vec::new();
            // What cannot be written has been refused with a reason.
            let _ = capture_file::write(&capture, format, &mut file);
            file
        }
        Form::Bare => {
            let air = capture.frames.iter().filter(|frame| is_air(&capture, frame));
            classic_pcap(188, air.map(|frame| (frame.time, frame.octets.clone())))
        }
        Form::M2m { addresses } => {
            let frames = capture.frames.iter().map(|frame| {
                let octets = if is_air(&capture, frame) { in_m2m(frame, addresses) } else { frame.octets.clone() };
                (frame.time, octets)
            });
            classic_pcap(1, frames)
        }
    };
    for (place, change) in file_changes {
        let place = (usize::from(place) * 7).checked_rem(file.len()).unwrap_or_default();
        if let Some(octet) = file.get_mut(place) {
            *octet ^= change;
        }
    }
    if let Some(cut) = cut {
        file.truncate(cut);
    }
    (lines.iter().map(|line| format!("{line}\n")).collect(), file)
}

/// The form of the file that an input is written in.
enum Form {
    Own(FileFormat),
    /// Bare bursts: nothing but their content tells direction and ends.
    Bare,
    /// Bursts as m2m packets in Ethernet, from and to the nodes or not, beside the frames of the backbone.
    M2m {
        addresses: bool,
    },
}

fn is_air(capture: &Capture, frame: &CapturedFrame) -> bool {
    capture.interfaces.get(frame.interface).is_some_and(|interface| interface.kind == LinkKind::Air)
}

/// One PDU burst in an m2m packet. In the goldens the last octet of the display address tells the MAC address of a node.
fn in_m2m(frame: &CapturedFrame, addresses: bool) -> Vec<u8> {
    let station = |ip: Option<Ipv4Addr>| match ip.filter(|_| addresses).map(|ip| ip.octets()) {
        Some([_, 16, _, last]) => [0x0a, 0, 0, 0, 0, last],
        Some([_, _, _, last]) => [2, 0, 0, 0, 0, last.wrapping_sub(9)],
        None => [0; 6],
    };
    let length = u32::try_from(frame.octets.len()).expect("a burst of a golden").to_be_bytes();
    let burst = [&[9, 0x84], &length[..], &frame.octets].concat();
    let ethernet = [&station(frame.destination)[..], &station(frame.source), &m2m::ETHERTYPE.to_be_bytes()].concat();
    [&ethernet[..], &[0, 1, 0, 1], &burst].concat()
}

/// A classic pcap with times in nanoseconds.
fn classic_pcap(link_type: u32, frames: impl Iterator<Item = (VirtualTime, Vec<u8>)>) -> Vec<u8> {
    let mut file = [0xa1b2_3c4d_u32, 0x0002_0004, 0, 0, 0xffff, link_type].map(u32::to_be_bytes).concat();
    for (time, octets) in frames {
        let length = u32::try_from(octets.len()).expect("a frame of a golden");
        // The goldens of keyhop begin at 2000-01-01.
        let (seconds, nanos) = (946_684_800 + time.as_nanos() / 1_000_000_000, time.as_nanos() % 1_000_000_000);
        let record = [u32::try_from(seconds).unwrap_or(u32::MAX), nanos as u32, length, length];
        file.extend_from_slice(&record.map(u32::to_be_bytes).concat());
        file.extend_from_slice(&octets);
    }
    file
}

/// The place of a frame.
pub(crate) fn at(capture: &Capture, choices: &mut Choices<'_>) -> usize {
    choices.below(capture.frames.len().min(256))
}

/// Changes an octet of a frame.
pub(crate) fn octet_of_frame(capture: &mut Capture, choices: &mut Choices<'_>) {
    let (place, octet, change) = (at(capture, choices), usize::from(choices.any()), choices.any());
    if let Some(octet) = capture.frames.get_mut(place).and_then(|frame| frame.octets.get_mut(octet)) {
        *octet ^= change;
    }
}
