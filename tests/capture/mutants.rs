//! Captures and key logs with anything wrong in them, through everything that reads them: an error that says where and what,
//! or a result; never a panic, and memory in proportion to the file. The allocator of this test binary gives no more than
//! `MEMORY` octets in all: a reader that believes a length would end it.

use std::alloc::System;
use std::sync::LazyLock;

use cap::Cap;
use keyhop::capture::capture_file::{self, FileFormat};
use keyhop::capture::capture_reader::{self, CaptureReader};
use keyhop::capture::error::CaptureError;
use keyhop::capture::gathering::{Strictness, gather};
use keyhop::capture::key_log::KeyLog;
use keyhop::capture::key_lookup::KeyLookup;
use keyhop::capture::{key_log_text, traffic};
use keyhop::cli::{decrypt, frame_view::Viewer};
use keyhop::judge::judge;

use crate::foreign_support::{self, Framing, Pcapng, Style};
use crate::samples::{self, KEYS};

const MEMORY: usize = 1024 * 1024 * 1024;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MEMORY);

static LOG: LazyLock<KeyLog> = LazyLock::new(|| key_log_text::parse(KEYS.as_bytes()).unwrap().0);

fn lookup() -> KeyLookup {
    KeyLookup::new(LOG.clone())
}

/// The error says what was expected and found, and where.
fn clear(error: &CaptureError) -> bool {
    match error {
        CaptureError::Malformed { expected, found, .. } => !expected.is_empty() && !found.is_empty(),
        // A frame, time or comment that the output cannot hold.
        CaptureError::Unwritable { expected, .. } => !expected.is_empty(),
        CaptureError::Io { .. } => false,
    }
}

/// Everything that reads captures reads this one; gives the number of frames before the first error, and that error.
pub fn read_by_all(file: &[u8]) -> (usize, Option<CaptureError>) {
    let mut viewer = Viewer::new(Some(lookup()));
    let mut frames = 0;
    let mut first_error = None;
    match capture_reader::read(file) {
        Err(error) => first_error = Some(error),
        Ok(mut reader) => {
            while let Some(frame) = reader.next() {
                match frame {
                    Ok(mut frame) => {
                        frames += 1;
                        viewer.name_ends(&mut frame);
                        viewer.name_nodes(reader.records().names());
                        assert!(!viewer.views(&frame).is_empty());
                    }
                    Err(error) => first_error = Some(error),
                }
            }
            assert!(reader.next().is_none());
            assert!(reader.notes().iter().all(|note| note.text.contains("expected") || note.text.contains("are")));
        }
    }
    // The judge reads what the reader reads, and refuses what it refuses.
    let judged = judge(|| capture_reader::read(file), &LOG);
    assert_eq!(judged.as_ref().err().map(ToString::to_string), first_error.as_ref().map(ToString::to_string));
    for strictness in [Strictness::Strict, Strictness::Lenient] {
        let gathered = capture_reader::read(file)
            .and_then(|mut reader: CaptureReader<_>| gather(&mut reader, Some(&lookup()), strictness));
        let mut gathered = match gathered {
            Ok(gathered) => gathered,
            Err(error) => {
                assert!(clear(&error), "{error}");
                continue;
            }
        };
        assert!(first_error.is_none(), "a damaged file has no clean form: {first_error:?}");
        assert_eq!(gathered.capture.frames.len(), gathered.numbers.len());
        for format in [FileFormat::Pcapng, FileFormat::Pcap] {
            let mut written = Vec::new();
            match capture_file::write(&gathered.capture, format, &mut written) {
                Err(error) => assert!(clear(&error), "{error}"),
                Ok(()) if format == FileFormat::Pcapng => {
                    let again = capture_reader::read_whole(capture_reader::read(&written[..]).unwrap()).unwrap();
                    assert_eq!(again.frames.len(), gathered.capture.frames.len());
                }
                Ok(()) => {}
            }
        }
        decrypt::decrypt(&mut gathered.capture, &lookup());
    }
    if let Err(error) = traffic::read_traffic_from(file) {
        assert!(clear(&error), "{error}");
    }
    if let Some(error) = &first_error {
        assert!(clear(error), "{error}");
    }
    (frames, first_error)
}

/// Small captures of every format and framing.
pub fn seeds() -> Vec<Vec<u8>> {
    let sample = samples::capture();
    let mut of_the_air = sample.clone();
    of_the_air.frames.truncate(3);
    let foreign = |framing, fragments| {
        let style = Style { fragments, fch: fragments.is_some(), flags: fragments.is_none(), ..Style::new(framing) };
        foreign_support::pcapng(&of_the_air, &style)
    };
    let link_types = [(1, false), (113, true), (101, false)];
    let gsmtap = link_types.map(|(link_type, ipv6)| foreign(Framing::Gsmtap { link_type, ipv6 }, None));
    let mut seeds = vec![
        samples::file(&sample, FileFormat::Pcapng),
        samples::file(&sample, FileFormat::Pcap),
        foreign(Framing::Bare(188), None),
        foreign(Framing::M2m(1), Some(30)),
    ];
    seeds.extend(gsmtap);
    seeds
}

#[test]
fn every_octet_may_be_another() {
    let (mut read, mut refused) = (0, 0);
    for seed in seeds() {
        assert!(read_by_all(&seed).1.is_none());
        for at in 0..seed.len() {
            // A bit that depends on the place, all bits, and the ends of the range where a length may stand.
            for change in [1u8 << (at % 8), 0xff] {
                let mut mutant = seed.clone();
                mutant[at] ^= change;
                match read_by_all(&mutant).1 {
                    None => read += 1,
                    Some(_) => refused += 1,
                }
            }
        }
    }
    assert!(read > 1_000 && refused > 1_000, "{read} read, {refused} refused");
}

#[test]
fn a_file_may_end_anywhere() {
    for seed in seeds() {
        let whole = read_by_all(&seed).0;
        let mut before = 0;
        for length in 0..seed.len() {
            let (frames, error) = read_by_all(&seed[..length]);
            assert!(frames >= before && frames <= whole, "more of a file has more frames");
            assert!(error.is_some() || length > 20, "cut to {length} octets");
            before = frames;
        }
    }
}

/// Four octets at every place of the file that is a multiple of 4: lengths, counts, magics and times.
#[test]
fn every_number_may_be_huge_zero_or_turned_round() {
    let mut refused = 0;
    for seed in seeds() {
        for at in (0..seed.len() - 4).step_by(4) {
            let was: [u8; 4] = seed[at..at + 4].try_into().unwrap();
            let numbers =
                [[0; 4], [0xff; 4], [0, 0, 0, 0x80], [0x7f, 0xff, 0xff, 0xff], [was[3], was[2], was[1], was[0]]];
            for number in numbers {
                let mut mutant = seed.clone();
                mutant[at..at + 4].copy_from_slice(&number);
                refused += usize::from(read_by_all(&mutant).1.is_some());
            }
        }
    }
    assert!(refused > 500, "{refused}");
}

fn section() -> Vec<u8> {
    Pcapng::new().octets
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    samples::block(kind, false, body)
}

fn interface(link_type: u8, options: &[u8]) -> Vec<u8> {
    block(1, &[&[link_type, 0, 0, 0, 0, 0, 0, 0], options].concat())
}

/// An Enhanced Packet Block of interface 0 with this time and these lengths.
fn packet(time: u64, captured: u32, octets: &[u8], options: &[u8]) -> Vec<u8> {
    let (high, low) = (((time >> 32) as u32).to_le_bytes(), (time as u32).to_le_bytes());
    let length = captured.to_le_bytes();
    block(6, &[&[0; 4][..], &high, &low, &length, &length, octets, options].concat())
}

/// What reading gives must be `frames`, then an error with these words; none if there are no words.
fn expect(what: &str, file: &[u8], frames: usize, words: &str) {
    let (found, error) = read_by_all(file);
    let text = error.map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(found, frames, "{what}: {text}");
    assert!(if words.is_empty() { text.is_empty() } else { text.contains(words) }, "{what}: {text}");
}

#[test]
fn blocks_and_records_that_lie_about_their_size_are_refused_where_they_lie() {
    let head = [section(), interface(1, &[])].concat();
    let with = |rest: &[u8]| [&head[..], rest].concat();
    expect("nothing", &[], 0, "octet 0: expected a pcap or pcapng file");
    expect("a section alone", &section(), 0, "");
    expect("no packets", &head, 0, "");
    for kind in [1u8, 2, 3, 6] {
        let words = if kind == 1 { "expected a link type" } else { "expected" };
        expect("an empty block", &with(&block(u32::from(kind), &[])), 0, words);
        for claim in [0xffff_fffcu32, 0x7fff_fffc, 0x0100_0004, 0x0100_0000, 8, 4, 0, 13] {
            let words = if claim == 0x0100_0000 { "octets of a block body" } else { "expected a block length" };
            expect("a length", &with(&[&[kind, 0, 0, 0][..], &claim.to_le_bytes()].concat()), 0, words);
        }
    }
    for kind in [4u32, 5, 9, 10, 0x0bad, 77] {
        expect("an empty block that is passed over", &with(&block(kind, &[])), 0, "");
    }
    for captured in [u32::MAX, 0x7fff_ffff, 300_000, 5] {
        expect("a packet", &with(&packet(0, captured, &[1; 4], &[])), 0, "as many octets as the captured length says");
    }
    expect("a packet above the limit", &with(&packet(0, 262_148, &vec![0; 262_148], &[])), 0, "at most 262144 octets");
    // A Simple Packet Block of 4 GB, with a snapshot length of 0 (none) and of 2.
    expect("a simple packet", &with(&block(3, &[0xff; 8])), 0, "as the packet and snapshot length say");
    let snapped = [section(), block(1, &[1, 0, 0, 0, 2, 0, 0, 0]), block(3, &[0xff, 0xff, 0xff, 0xff, 1, 2])].concat();
    expect("a snapped packet", &snapped, 1, "");
    for captured in [u32::MAX, 262_145, 262_144] {
        let mut file = samples::pcap(1, false, false, &[]);
        file.extend([0u32, 0, captured, captured].map(u32::to_le_bytes).concat());
        let words = if captured == 262_144 { "262144 octets of a packet" } else { "at most 262144 octets" };
        expect("a record", &file, 0, words);
    }
}

#[test]
fn orders_of_octets_units_and_times_of_every_sort_are_read() {
    let turned = [&section()[..8], &[0x1a, 0x2b, 0x3c, 0x4d], &section()[12..]].concat();
    expect("lengths in the other order", &turned, 0, "expected a block length");
    for unit in [0u8, 6, 9, 19, 20, 127, 128, 137, 255] {
        for offset in [0i64, 1, i64::MIN, i64::MAX] {
            let options = [&[9, 0, 1, 0, unit, 0, 0, 0, 14, 0, 8, 0][..], &offset.to_le_bytes()].concat();
            for time in [0, 1, u64::MAX, 1 << 63] {
                let file = [section(), interface(101, &options), packet(time, 0, &[], &[])].concat();
                expect("a time", &file, 1, "");
                // Twice, so that there is a span between two times.
                let file = [file, packet(0, 4, &[0x45, 0, 0, 20], &[])].concat();
                expect("two times", &file, 2, "");
            }
        }
    }
    for big_endian in [false, true] {
        for nanoseconds in [false, true] {
            let mut file = samples::pcap(1, big_endian, nanoseconds, &[]);
            file.extend([u32::MAX, u32::MAX, 0, u32::MAX].map(u32::to_le_bytes).concat());
            expect("a record without octets", &file, 1, "");
        }
    }
}

#[test]
fn interfaces_options_names_and_sections_without_end_are_bounded() {
    let many = |count: usize| [section(), interface(1, &[]).repeat(count)].concat();
    expect("interfaces", &many(65_536), 0, "");
    expect("too many interfaces", &many(65_537), 0, "expected at most 65536 interfaces, found one more");
    let sections = [section(), interface(1, &[]), packet(0, 0, &[], &[])].concat().repeat(5_000);
    expect("sections", &sections, 5_000, "");
    // 4 MiB of options without a value, comments among them, and of names of one letter.
    let endless = |code: u8| [code, 0, 0, 0].repeat(1 << 20);
    for (code, options) in [(1, endless(1)), (2, endless(2)), (77, endless(77))] {
        let file = [section(), interface(1, &options), packet(0, 0, &[], &options)].concat();
        expect(&format!("options {code}"), &file, 1, "");
    }
    let one = [1, 0, 6, 0, 10, 0, 0, 1, b'a', 0, 0, 0];
    let names = [section(), block(4, &one.repeat(300_000)), interface(1, &[]), packet(0, 0, &[], &[]).repeat(2_000)];
    expect("names", &names.concat(), 2_000, "");
    let long = [&[1, 0, 0xff, 0xff, 10, 0, 0, 1][..], &b"a\0".repeat(32_766)[..65_531], &[0]].concat();
    expect("a record of names", &[section(), block(4, &long.repeat(60))].concat(), 0, "");
    expect("a record beyond its block", &[section(), block(4, &[1, 0, 0xff, 0xff, 10, 0])].concat(), 0, "");
}

#[test]
fn traffic_whose_packets_are_years_apart_is_refused() {
    let ip = [&[0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2][..]].concat();
    let file = |seconds: u64| {
        let times = [seconds, 1_000_000].map(|seconds| samples::Packet::whole(seconds * 1_000_000, &ip));
        samples::pcap(101, false, false, &times)
    };
    assert_eq!(traffic::read_traffic_from(&file(1_000_000 + 604_800)[..]).unwrap().packets.len(), 2);
    let error = traffic::read_traffic_from(&file(1_000_000 + 604_801)[..]).unwrap_err().to_string();
    assert!(
        error.contains("frame 2, octet 60: expected all packets within 604800 s, found one after 604801 s"),
        "{error}"
    );
}

#[test]
fn a_key_log_may_have_any_octet_another_and_end_anywhere() {
    let text = KEYS.as_bytes();
    let mut refused = 0;
    let mut parse = |octets: &[u8]| match key_log_text::parse(octets) {
        Ok((log, _)) => drop(KeyLookup::new(log)),
        Err(error) => {
            refused += 1;
            assert!(clear(&error) && error.place().is_some(), "{error}");
        }
    };
    for at in 0..text.len() {
        for octet in [text[at] ^ 1, 0, b' ', b'\n', 0xff, b'9'] {
            let mut mutant = text.to_vec();
            mutant[at] = octet;
            parse(&mutant);
        }
        parse(&text[..at]);
    }
    assert!(refused > 1_000, "{refused}");
    let capture = samples::file(&samples::capture(), FileFormat::Pcapng);
    for line in [
        "PMK ms=001122334455 pmk_sn=0 from=- until=- ",
        "AK ms=001122334455 bs=0a0000000002 ak_sn=0 akid=a1a2a3a4a5a6a7a8 from=18446744073709551615 until=0 ",
    ] {
        let log = format!("# keyhop-keylog 1\n{line}{}\n", "00".repeat(20));
        let (log, _) = key_log_text::parse(log.as_bytes()).unwrap();
        judge(|| capture_reader::read(&capture[..]), &log).unwrap();
    }
}
