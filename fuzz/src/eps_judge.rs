//! What reads captures of EPS: the judge, `inspect` and `decrypt`, on goldens and their key logs with changes.
//!
//! An input is a row of changes: which golden, where its frames begin and how many there are, then what is done with them, with the
//! key log and with the file.
//!
//! Held: no panic; a place in an error lies within the file; a judgement names frames that there are; `decrypt` leaves every frame
//! in its place; and as long as no line of the key log was changed, no RRC message verifies that does not stand in the golden, with
//! its bearer, direction and octets.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::Cursor;
use std::sync::LazyLock;

use keyhop::capture::capture_file::{self, Capture, CapturedFrame, FileFormat};
use keyhop::capture::capture_reader::{self, FrameKind, RecordedFrame};
use keyhop::capture::key_log::KeyLog;
use keyhop::capture::key_log_text;
use keyhop::capture::upper_pdu::{self, UpperPdu};
use keyhop::capture::{InterfaceDescription, LinkKind};
use keyhop::cli::Status;
use keyhop::cli::decrypt::{self, DecryptArguments};
use keyhop::cli::inspect::{self, InspectArguments};
use keyhop::eps::parameters::LinkDirection;
use keyhop::eps::wire::mac_pdu::MacPdu;
use keyhop::eps::wire::radio_frame::RadioFrame;
use keyhop::eps::wire::rlc::AmDataPdu;
use keyhop::judge::eps::reading::Reading;
use keyhop::judge::eps::{Opened, learn};
use keyhop::judge::judge;
use keyhop::time::VirtualTime;

use crate::choices::Choices;
use crate::judge::{at, octet_of_frame, place_exists};

/// Frames of a golden in one input: a judgement of more takes too long.
const FRAMES: usize = 128;

macro_rules! goldens {
    ($($name:literal),* $(,)?) => {
        &[$((
            include_bytes!(concat!("../../captures/", $name, ".pcapng")),
            include_str!(concat!("../../captures/", $name, ".keys")),
        )),*]
    };
}

/// Goldens that are small and show different things.
const GOLDENS: &[(&[u8], &str)] = goldens![
    "eps-x2-across-groups",
    "eps-mme-relocation-resets-counts",
    "eps-nh-x2-withheld",
    "eps-para-replayed-unchecked",
    "eps-tampered",
];

/// A PDU of a signalling bearer: bearer, direction and octets.
type Protected = (u8, LinkDirection, Vec<u8>);

/// A golden, read once: frames, lines of the key log, and what is protected by MAC-I in it.
struct Golden {
    capture: Capture,
    lines: Vec<String>,
    protected: BTreeSet<Protected>,
}

static READ: LazyLock<Vec<Golden>> = LazyLock::new(|| {
    let golden = |(capture, keys): &(&[u8], &str)| {
        let (capture, protected) = whole(capture).expect("a golden reads");
        Golden { capture, lines: keys.lines().map(str::to_owned).collect(), protected }
    };
    GOLDENS.iter().map(golden).collect()
});

/// A golden with its frames as they are written: those of the radio behind their tags.
fn whole(golden: &[u8]) -> Result<(Capture, BTreeSet<Protected>), Box<dyn Error>> {
    let mut reader = capture_reader::read(Cursor::new(golden))?;
    let (mut frames, mut protected_frames, mut tagged) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    while let Some(frame) = reader.next() {
        let frame = frame?;
        protected_frames.extend(protected(&frame));
        let (time, interface) = (frame.time(), frame.interface);
        let octets = match frame.kind {
            FrameKind::Dissector(name) => {
                tagged.insert(interface);
                upper_pdu::wrap(&UpperPdu {
                    dissector: name.into(),
                    source: frame.source,
                    destination: frame.destination,
                    protocol: "".into(),
                    direction: None,
                    payload: &frame.octets,
                })?
            }
            _ => frame.octets,
        };
        let RecordedFrame { direction, source, destination, comment, .. } = frame;
        frames.push(CapturedFrame { time, interface, octets, direction, source, destination, comment });
    }
    let interfaces = reader.records().interfaces().iter().enumerate().map(|(number, block)| InterfaceDescription {
        name: block.name.clone(),
        description: block.description.clone(),
        kind: if tagged.contains(&number) { LinkKind::Tagged } else { LinkKind::Backbone },
    });
    let capture = Capture {
        section_comment: reader.records().section_comment().to_owned(),
        interfaces: interfaces.collect(),
        names: reader.records().names().to_vec(),
        frames,
        secrets: Vec::new(),
    };
    Ok((capture, protected_frames))
}

fn protected(frame: &RecordedFrame) -> Option<Protected> {
    let radio = RadioFrame::parse(&frame.octets).ok()?;
    let pdu = MacPdu::parse(&radio.mac_pdu).ok()?;
    let rlc = AmDataPdu::parse(&pdu.sdu).ok()?;
    Some((pdu.lcid, radio.direction, rlc.sdu))
}

/// Judges what an input makes of a golden.
pub fn run(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let golden = &READ[choices.below(GOLDENS.len())];
    let Changed { log, log_is_true, file } = changed(golden, &mut choices);
    let log = match key_log_text::parse(log.as_bytes()) {
        Ok((log, _)) => log,
        Err(error) => {
            place_exists(&error, log.len());
            return;
        }
    };
    let verified = match judge(|| capture_reader::read(Cursor::new(&file)), &log) {
        Ok(judgement) => {
            let frames = judgement.findings.iter().flat_map(|finding| &finding.frames);
            let frames = frames.chain(judgement.notes.iter().flat_map(|note| &note.frames));
            for frame in frames {
                assert!((1..=judgement.frames).contains(frame), "frame {frame} of {}", judgement.frames);
            }
            Some(judgement.verified.mac_i)
        }
        Err(error) => {
            place_exists(&error, file.len());
            None
        }
    };
    if !log.eps.is_empty() {
        let opened = opened(&file, &log, log_is_true.then_some(&golden.protected));
        assert!(verified.is_none_or(|verified| Some(verified) == opened), "{verified:?} verified, {opened:?} seen");
    }
    commands(&file, &log);
}

/// Looks at every frame as `inspect` does: how many RRC messages verify. None if the capture does not read.
fn opened(file: &[u8], log: &KeyLog, protected_in_golden: Option<&BTreeSet<Protected>>) -> Option<u64> {
    let open = || capture_reader::read(Cursor::new(file));
    let mut reading = Reading::new(log, learn(open, log).ok()?);
    let mut reader = open().ok()?;
    let mut opened = 0;
    while let Some(frame) = reader.next() {
        let frame = frame.ok()?;
        reading.names(reader.records().names());
        let view = reading.frame(&frame, reader.interface_name(frame.interface));
        assert!(!view.kind.is_empty());
        if matches!(view.opened, Some(Opened::Rrc(_))) {
            opened += 1;
            let pdu = protected(&frame).expect("a radio frame that verified");
            let known = protected_in_golden.is_none_or(|golden| golden.contains(&pdu));
            assert!(known, "frame {} verifies, and nobody has sent it: {}", frame.number, view.summary);
        }
    }
    Some(opened)
}

/// `inspect` and `decrypt` on files.
fn commands(capture: &[u8], log: &KeyLog) {
    let folder = tempfile::tempdir().expect("a folder for files");
    let [file, keylog, output] = ["a.pcapng", "a.keys", "clear.pcapng"].map(|name| folder.path().join(name));
    let mut text = Vec::new();
    key_log_text::write(log, &mut text).expect("what was read can be written");
    fs::write(&file, capture).expect("a file");
    fs::write(&keylog, text).expect("a file");
    let (mut lines, mut messages) = (Vec::new(), Vec::new());
    let arguments = InspectArguments { file: file.clone(), keylog: Some(keylog.clone()), json: true };
    let inspected = inspect::run(&arguments, &mut lines, &mut messages).expect("memory takes what is written");
    let views = lines.split(|octet| *octet == b'\n').count() - 1;
    let status = decrypt::run(&DecryptArguments { file, keylog, output: output.clone() }, &mut messages);
    assert!(!messages.is_empty());
    match status {
        Status::BadInput => assert!(!output.exists(), "a file that is not whole"),
        Status::Success | Status::Failure => {
            let clear = capture_reader::open(&output).expect("what was just written");
            let clear = clear.map(|frame| frame.expect("what was just written")).count();
            if !log.eps.is_empty() && inspected == Status::Success {
                assert!(clear <= views, "{clear} frames of {views}");
            }
        }
    }
}

/// A golden with changes.
struct Changed {
    log: String,
    /// No line of the log says anything else than that of the golden.
    log_is_true: bool,
    file: Vec<u8>,
}

fn changed(golden: &Golden, choices: &mut Choices<'_>) -> Changed {
    let first = choices.below(256) * 4;
    let frames = golden.capture.frames.iter().skip(first).take(choices.below(FRAMES) + 1).cloned().collect();
    let mut capture = Capture {
        section_comment: golden.capture.section_comment.clone(),
        interfaces: golden.capture.interfaces.clone(),
        names: golden.capture.names.clone(),
        frames,
        secrets: Vec::new(),
    };
    let mut lines = golden.lines.clone();
    let mut log_is_true = true;
    let mut format = FileFormat::Pcapng;
    let mut file_changes: Vec<(u16, u8)> = Vec::new();
    let mut cut = None;
    while let Some(what) = choices.octet() {
        match what % 16 {
            0 | 15 => octet_of_frame(&mut capture, choices),
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
                let (place, ends) = (at(&capture, choices), choices.any());
                if let Some(frame) = capture.frames.get_mut(place) {
                    std::mem::swap(&mut frame.source, &mut frame.destination);
                    if ends & 1 != 0 {
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
                let place = choices.below(lines.len());
                if place < lines.len() {
                    lines.remove(place);
                }
            }
            10 => {
                let (place, column, octet) = (choices.below(lines.len()), choices.any(), choices.any());
                if let Some(line) = lines.get_mut(place) {
                    let mut octets = line.clone().into_bytes();
                    if let Some(place) = octets.get_mut(usize::from(column)) {
                        *place = octet & 0x7f;
                    }
                    *line = String::from_utf8_lossy(&octets).into_owned();
                    log_is_true = false;
                }
            }
            11 => {
                // KASME alone, or the keys of the radio alone: the judge finds the rest, or does without.
                let kept: &[&str] = match choices.any() % 3 {
                    0 => &["KASME", "DERIVATION", "CELL"],
                    1 => &["KENB"],
                    _ => &["RRC_", "UP_"],
                };
                let stays = |line: &String| kept.iter().any(|kind| line.starts_with(kind));
                lines.retain(|line| line.starts_with('#') || line.starts_with("NODE") || stays(line));
            }
            12 => file_changes.push((choices.two(), choices.any())),
            13 => cut = Some(usize::from(choices.two())),
            _ => format = FileFormat::Pcap,
        }
    }
    let mut file = Vec::new();
    // What cannot be written has been refused with a reason.
    let _ = capture_file::write(&capture, format, &mut file);
    for (place, change) in file_changes {
        let place = usize::from(place).checked_rem(file.len()).unwrap_or_default();
        if let Some(octet) = file.get_mut(place) {
            *octet ^= change;
        }
    }
    if let Some(cut) = cut {
        file.truncate(cut);
    }
    let log = lines.iter().map(|line| format!("{line}\n")).collect();
    Changed { log, log_is_true, file }
}
