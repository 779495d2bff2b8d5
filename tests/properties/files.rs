//! Captures, upper-PDU tags, key logs, comments and scripts: every value comes back, and every prefix and every changed
//! octet of a valid file is a value or an error that says what and where.

use keyhop::capture::capture_file::{self, FileFormat};
use keyhop::capture::capture_reader;
use keyhop::capture::frame_comment::FrameComment;
use keyhop::capture::key_log::KeyLog;
use keyhop::capture::upper_pdu::{self, UpperPdu};
use keyhop::capture::{Capture, CapturedFrame, key_log_text};
use keyhop::scenario::bundled::SCRIPTS;
use keyhop::scenario::script::Script;
use keyhop_generators::capture::{capture, frame_comment};
use keyhop_generators::key_log::key_log;
use keyhop_generators::sample;
use proptest::prelude::*;

use crate::held::{Fault, Parser};
use crate::{config, samples};

/// Octets of memory for each octet of input, and beside those: what the top of `capture` states.
const MULTIPLE: u64 = 64;
const CONSTANT: u64 = 16 * 1024;

fn file(capture: &Capture, format: FileFormat) -> Vec<u8> {
    let mut file = Vec::new();
    capture_file::write(capture, format, &mut file).unwrap();
    file
}

fn read(input: &[u8]) -> Result<(), Fault> {
    for frame in capture_reader::read(input)? {
        frame?;
    }
    Ok(())
}

/// What is read whole, and is of kinds that are written, is written and read again.
fn whole_comes_back(input: &[u8]) {
    let Ok(capture) = capture_reader::read_whole(capture_reader::read(input).unwrap()) else { return };
    let mut written = Vec::new();
    if capture_file::write(&capture, FileFormat::Pcapng, &mut written).is_ok() {
        let again = capture_reader::read_whole(capture_reader::read(&written[..]).unwrap()).unwrap();
        assert_eq!(again.frames.len(), capture.frames.len());
        for (again, frame) in again.frames.iter().zip(&capture.frames) {
            assert_eq!((again.time, &again.octets, again.direction), (frame.time, &frame.octets, frame.direction));
        }
    }
}

/// Frame by frame, and each is dropped before the next.
const CAPTURE: Parser =
    Parser { name: "capture", read, comes_back: whole_comes_back, multiple: MULTIPLE, constant: CONSTANT };

const WHOLE_CAPTURE: Parser = Parser {
    name: "capture, held in memory",
    read: |input| Ok(capture_reader::read_whole(capture_reader::read(input)?).map(drop)?),
    comes_back: |_| {},
    multiple: MULTIPLE,
    constant: CONSTANT,
};

const TAGS: Parser = Parser {
    name: "upper-PDU tags",
    read: |input| {
        UpperPdu::parse(input).map(drop).map_err(|error| Fault {
            layer: "upper-PDU tags".to_owned(),
            offset: Some(error.offset),
            expected: error.expected,
            found: error.found,
        })
    },
    comes_back: |input| {
        let parsed = UpperPdu::parse(input).unwrap();
        assert_eq!(UpperPdu::parse(&upper_pdu::wrap(&parsed).unwrap()), Ok(parsed));
    },
    multiple: MULTIPLE,
    constant: CONSTANT,
};

fn log_text(log: &KeyLog) -> Vec<u8> {
    let mut text = Vec::new();
    key_log_text::write(log, &mut text).unwrap();
    text
}

const KEY_LOG: Parser = Parser {
    name: "key log",
    read: |input| Ok(key_log_text::parse(input).map(drop)?),
    comes_back: |input| {
        let (log, _) = key_log_text::parse(input).unwrap();
        let text = log_text(&log);
        let (again, notes) = key_log_text::parse(&text).unwrap();
        assert_eq!((log_text(&again), notes), (text, Vec::new()));
    },
    multiple: MULTIPLE,
    constant: CONSTANT,
};

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn captures_round_trip_as_pcapng(capture in capture()) {
        let file = file(&capture, FileFormat::Pcapng);
        prop_assert_eq!(capture_reader::read_whole(capture_reader::read(&file[..]).unwrap()).unwrap(), capture);
    }

    /// Classic pcap has no interfaces, names and comments; on frames other than of the air it has a direction, too.
    #[test]
    fn the_frames_of_captures_round_trip_as_pcap(capture in capture()) {
        let file = file(&capture, FileFormat::Pcap);
        let read: Vec<_> = capture_reader::read(&file[..]).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), capture.frames.len());
        for (read, frame) in read.iter().zip(&capture.frames) {
            let CapturedFrame { time, octets, direction, source, destination, .. } = frame;
            prop_assert_eq!((read.time(), &read.octets, read.direction), (*time, octets, *direction));
            prop_assert_eq!((read.source, read.destination), (*source, *destination));
        }
    }

    #[test]
    fn key_logs_round_trip(log in key_log()) {
        let text = log_text(&log);
        let (mut read, notes) = key_log_text::parse(&text).unwrap();
        prop_assert!(notes.is_empty());
        prop_assert_eq!(log_text(&read), text);
        // The text is in an order of its own.
        for record in &log.records {
            let place = read.records.iter().position(|read| read == record);
            prop_assert!(place.is_some(), "{:?}", record);
            read.records.swap_remove(place.unwrap());
        }
        for record in &log.eps {
            let place = read.eps.iter().position(|read| read == record);
            prop_assert!(place.is_some(), "{:?}", record);
            read.eps.swap_remove(place.unwrap());
        }
        for node in &log.nodes {
            let place = read.nodes.iter().position(|read| read == node);
            prop_assert!(place.is_some(), "{:?}", node);
            read.nodes.swap_remove(place.unwrap());
        }
        prop_assert_eq!(read, KeyLog::default());
    }

    #[test]
    fn frame_comments_round_trip(comment in frame_comment("bs2")) {
        prop_assert_eq!(FrameComment::parse(&comment.to_string(), Some("bs2")), comment);
    }

    #[test]
    fn any_text_is_a_comment_and_comes_back(
        comment in frame_comment("bs2"), at: prop::sample::Index, noise in "(; bs2|: |lost|\n|deliberate: |[a-zß ]){0,4}",
    ) {
        let mut text = comment.to_string();
        text.insert_str(at.index(text.len() + 1), &noise);
        for receiver in [Some("bs2"), Some(""), None] {
            prop_assert_eq!(FrameComment::parse(&text, receiver).to_string(), &text[..]);
        }
    }
}

/// A capture small enough to be changed in every octet.
fn small_captures() -> impl Iterator<Item = Capture> {
    let strategy = capture();
    (0..).map(move |seed| {
        let mut capture = sample(&strategy, seed);
        capture.frames.retain(|frame| frame.octets.len() < 150);
        capture.frames.truncate(3);
        capture
    })
}

#[test]
fn captures_hold_around_valid_ones() {
    for capture in small_captures().take(usize::try_from(samples(6)).unwrap()) {
        for format in [FileFormat::Pcapng, FileFormat::Pcap] {
            let file = file(&capture, format);
            CAPTURE.hold_around(&file);
            WHOLE_CAPTURE.hold_around(&file);
        }
    }
}

#[test]
fn upper_pdu_tags_hold_around_valid_ones() {
    for capture in small_captures().take(usize::try_from(samples(8)).unwrap()) {
        for frame in &capture.frames {
            let tagged = UpperPdu {
                dissector: "wimax_pdu_burst_handler".into(),
                source: frame.source,
                destination: frame.destination,
                protocol: "WiMAX".into(),
                direction: frame.direction,
                payload: &frame.octets,
            };
            TAGS.hold_around(&upper_pdu::wrap(&tagged).unwrap());
        }
    }
}

#[test]
fn key_logs_hold_around_valid_ones() {
    for seed in 0..samples(6) {
        let mut log = sample(&key_log(), seed);
        log.records.truncate(4);
        log.eps.truncate(4);
        KEY_LOG.hold_around(&log_text(&log));
    }
}

/// A block of pcapng: type, length, body, length.
fn block(kind: u32, claimed: u32, body: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes(), &claimed.to_le_bytes(), body, &claimed.to_le_bytes()].concat()
}

fn section() -> Vec<u8> {
    let body = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    block(0x0a0d_0d0a, 28, &body)
}

fn whole_block(kind: u32, body: &[u8]) -> Vec<u8> {
    block(kind, u32::try_from(body.len()).unwrap() + 12, body)
}

#[test]
fn what_a_capture_claims_takes_no_memory() {
    let interface = whole_block(1, &[1, 0, 0, 0, 0, 0, 0, 0]);
    for claimed in [12, 16, 28, 0x1000, 16 * 1024 * 1024, 0x4000_0000, 0x7fff_fffc, 0xffff_fffc, 0xffff_ffff, 0] {
        for kind in [1, 2, 3, 4, 5, 6, 9, 10, 0xbad, 0x0a0d_0d0a, 77] {
            let file = [section(), interface.clone(), block(kind, claimed, &[0; 40])].concat();
            CAPTURE.hold(&file);
            WHOLE_CAPTURE.hold(&file);
        }
        let packet = [&[0; 12][..], &claimed.to_le_bytes(), &claimed.to_le_bytes(), &[0; 40]].concat();
        for kind in [2, 6] {
            let file = [section(), interface.clone(), whole_block(kind, &packet)].concat();
            assert!(!CAPTURE.hold(&file).0 || claimed <= 40);
        }
        // Classic pcap: a record of that many octets.
        let header =
            [&0xa1b2_c3d4_u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &claimed.to_le_bytes(), &[1, 0, 0, 0]];
        let record = [&[0; 8][..], &claimed.to_le_bytes(), &claimed.to_le_bytes(), &[0; 40]];
        CAPTURE.hold(&[header.concat(), record.concat()].concat());
        WHOLE_CAPTURE.hold(&[header.concat(), record.concat()].concat());
    }
}

#[test]
fn what_takes_the_most_memory_stays_below_the_bound() {
    let mut most = 0.0_f64;
    let mut hold = |parser: &Parser, input: &[u8]| {
        let (_, memory) = parser.hold(input);
        most = most.max(memory.saturating_sub(CONSTANT) as f64 / input.len() as f64);
    };
    let interface = whole_block(1, &[101, 0, 0, 0, 0, 0, 0, 0]);
    let with = |blocks: Vec<u8>| [section(), interface.clone(), blocks].concat();
    // Empty options, names, interfaces, packets: as small as each can be, and as many as fit.
    for option in 0..=20_u8 {
        let options = [option, 0, 0, 0].repeat(16_385);
        let packet = [&[0; 20][..], &options].concat();
        hold(&CAPTURE, &with(whole_block(6, &packet)));
        hold(&WHOLE_CAPTURE, &with(whole_block(6, &packet)));
        hold(&CAPTURE, &with(whole_block(1, &[&[0; 8], &options[..]].concat())));
    }
    let name = [1, 0, 6, 0, 10, 0, 0, 1, b'a', 0, 0, 0];
    hold(&CAPTURE, &with(whole_block(4, &name.repeat(16_385))));
    let names = [&[1, 0, 0xfe, 0xff, 10, 0, 0, 1][..], &b"a\0".repeat(0x7ffd)].concat();
    hold(&CAPTURE, &with(whole_block(4, &names)));
    hold(&CAPTURE, &with(interface.repeat(10_000)));
    hold(&WHOLE_CAPTURE, &with(interface.repeat(10_000)));
    hold(&CAPTURE, &with(whole_block(6, &[0; 20]).repeat(10_000)));
    hold(&WHOLE_CAPTURE, &with(whole_block(6, &[0; 20]).repeat(10_000)));
    hold(&WHOLE_CAPTURE, &with(whole_block(3, &[0; 4]).repeat(10_000)));
    for line in [
        "x\n",
        "#\n",
        "NODE a=b -\n",
        "PMK \n",
        "NODE name=a role=b ip=- id=- -\n",
        "NODE name=a role=b ip=- id=- =-\n",
    ] {
        hold(&KEY_LOG, format!("# keyhop-keylog 1\n{}", line.repeat(16_385)).as_bytes());
    }
    let fields = format!("# keyhop-keylog 1\nNODE name=a role=b ip=- id=- {} -\n", "= ".repeat(400).trim());
    hold(&KEY_LOG, fields.as_bytes());
    hold(&TAGS, &[0, 12, 0, 0].repeat(16_385));
    assert!(most > 16.0, "at most {most:.0} octets of memory for an octet of input: this is not what takes the most");
}

/// A script that is refused says in which line and column, and why; with every line left out, with every line cut, and
/// with a character changed here and there.
#[test]
fn damaged_scripts_are_read_or_refused_with_their_place() {
    let hold = |text: &str| {
        if let Err(error) = Script::parse("case.toml", text, &[]) {
            let lines = text.split('\n').count();
            assert!((1..=lines).contains(&error.line()), "{error}: line {} of {lines}", error.line());
            assert!(error.column() >= 1 && !error.message().trim().is_empty(), "{error}");
            assert!(error.to_string().starts_with("case.toml:"), "{error}");
        }
    };
    let every = usize::try_from((16 / samples(1)).max(1)).unwrap();
    for (number, script) in SCRIPTS.iter().filter(|script| script.golden).enumerate() {
        let lines: Vec<&str> = script.text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let text = lines.join("\n");
        for place in (number % every..lines.len()).step_by(every) {
            let without = [&lines[..place], &lines[place + 1..]].concat().join("\n");
            hold(&without);
            hold(&lines[..place].join("\n"));
        }
        for place in (number % every..text.len()).step_by(every * 8) {
            for value in ['"', '[', '=', '9', '-', '\u{0}'] {
                if text.is_char_boundary(place) && text.is_char_boundary(place + 1) {
                    hold(&[&text[..place], &value.to_string(), &text[place + 1..]].concat());
                }
            }
        }
    }
}
