//! A capture of keyhop's own in the framing of others: the judge, `inspect` and `decrypt` say what they said of the
//! original, but for what such a capture cannot show.

use std::path::PathBuf;

use keyhop::capture::capture_file::{Capture, FileFormat};
use keyhop::capture::key_log::{KeyLog, KeyRecord};
use keyhop::capture::{LinkKind, capture_reader, key_log_text};
use keyhop::cli::Status;
use keyhop::cli::{decrypt, inspect};
use keyhop::judge::{Judgement, Note, NoteKind, judge};
use serde_json::Value;

use crate::foreign_support::{self, Framing, Style};
use crate::samples;

pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

/// A golden without comments and taps of the adversary, which foreign captures do not have, and its key log.
pub fn golden(name: &str) -> (Capture, KeyLog) {
    let reader = capture_reader::open(&path(&format!("{name}.pcapng"))).unwrap();
    let mut capture = capture_reader::read_whole(reader).unwrap();
    capture.frames.iter_mut().for_each(|frame| frame.comment.clear());
    for interface in &mut capture.interfaces {
        interface.name = interface.name.replace("adv:", "air:");
    }
    (capture, key_log_text::read(&path(&format!("{name}.keys"))).unwrap().0)
}

pub fn judged(file: &[u8], log: &KeyLog) -> Judgement {
    judge(|| capture_reader::read(file), log).unwrap()
}

/// The notes but those that only foreign captures have.
fn comparable(notes: &[Note]) -> Vec<Note> {
    let foreign = [NoteKind::Framing, NoteKind::DirectionInferred, NoteKind::DirectionUnknown, NoteKind::LinkUnknown];
    notes.iter().filter(|note| !foreign.contains(&note.kind)).cloned().collect()
}

fn noted(judgement: &Judgement, kind: NoteKind) -> usize {
    judgement.notes.iter().filter(|note| note.kind == kind).map(|note| note.frames.len()).sum()
}

const GSMTAP: Framing = Framing::Gsmtap { link_type: 113, ipv6: false };

#[test]
fn the_judge_finds_in_every_framing_what_it_finds_in_the_original() {
    let mut findings = 0;
    for name in ["seamless", "legacy-rng-rsp", "lossy", "replay-data-no-cache", "nonce-reuse-target-flush"] {
        let (capture, log) = golden(name);
        let before = judged(&samples::file(&capture, FileFormat::Pcapng), &log);
        findings += before.findings.len();
        let silent = Style { flags: false, ..Style::new(Framing::Bare(188)) };
        for style in [Style::new(Framing::Bare(147)), silent, Style::new(GSMTAP), Style::new(Framing::M2m(1))] {
            let after = judged(&foreign_support::pcapng(&capture, &style), &log);
            assert_eq!(after.verified, before.verified, "{name} {style:?}");
            assert_eq!(after.findings, before.findings, "{name} {style:?}");
            assert_eq!(comparable(&after.notes), comparable(&before.notes), "{name} {style:?}");
            // Without flags the content tells the direction, and that is said; broadcasts and ranging codes have no link.
            assert_eq!(noted(&after, NoteKind::DirectionInferred) > 0, !style.flags, "{name} {style:?}");
            assert_eq!(noted(&after, NoteKind::DirectionUnknown), 0);
            assert!(noted(&after, NoteKind::LinkUnknown) > 0, "{name} {style:?}");
        }
        let fragments = Style { fragments: Some(50), fch: true, flags: false, ..Style::new(Framing::M2m(1)) };
        let after = judged(&foreign_support::pcapng(&capture, &fragments), &log);
        assert_eq!((after.verified, after.findings.len()), (before.verified, before.findings.len()), "{name}");
        // Whoever sends an FCH is a base station: only what went before the first of its frames would be inferred.
        assert_eq!((noted(&after, NoteKind::DirectionInferred), noted(&after, NoteKind::Framing)), (0, 0), "{name}");
    }
    assert!(findings > 0, "goldens with findings belong here, too");
}

#[test]
fn a_pmk_alone_is_enough_for_a_foreign_capture() {
    let (capture, log) = golden("seamless");
    let records = log.records.into_iter().filter(|record| matches!(record, KeyRecord::Pmk(_))).collect();
    let log = KeyLog { records, ..KeyLog::default() };
    let before = judged(&samples::file(&capture, FileFormat::Pcapng), &log);
    assert!(before.verified.icv > 100 && before.verified.cmac > 3, "{:?}", before.verified);
    for flags in [true, false] {
        let style = Style { flags, ..Style::new(Framing::Bare(188)) };
        let after = judged(&foreign_support::pcapng(&capture, &style), &log);
        assert_eq!((after.verified, after.findings), (before.verified, vec![]), "{flags}");
    }
}

#[test]
fn a_burst_that_is_not_all_there_is_noted_by_the_judge() {
    let (capture, log) = golden("three-candidates");
    let style = Style { fragments: Some(50), ..Style::new(Framing::M2m(1)) };
    let mut file = foreign_support::pcapng(&capture, &style);
    // The last fragment becomes a middle one.
    let last = file.windows(3).rposition(|tlv| tlv == [4, 1, 3]).unwrap();
    file[last + 2] = 2;
    let judgement = judged(&file, &log);
    assert!(noted(&judgement, NoteKind::Framing) >= 2, "{:?}", judgement.notes);
}

fn inspected(file: &[u8], name: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("x");
    std::fs::write(&capture, file).unwrap();
    let keylog = Some(path(&format!("{name}.keys")));
    let (mut out, mut messages) = (Vec::new(), Vec::new());
    let status =
        inspect::run(&inspect::InspectArguments { file: capture, keylog, json: true }, &mut out, &mut messages);
    assert_eq!(status.unwrap(), Status::Success, "{}", String::from_utf8_lossy(&messages));
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn inspect_gives_every_pdu_the_verdict_of_the_original() {
    for name in ["seamless", "replay-data-no-cache"] {
        let (capture, _) = golden(name);
        let before = inspected(&samples::file(&capture, FileFormat::Pcapng), name);
        for flags in [true, false] {
            let style = Style { flags, ..Style::new(Framing::Bare(188)) };
            let after = inspected(&foreign_support::pcapng(&capture, &style), name);
            assert_eq!(after.len(), before.len());
            for (before, after) in before.iter().zip(&after) {
                for key in ["frame", "direction", "kind", "cid", "summary", "verdict", "pn", "eks", "payload"] {
                    assert_eq!(after[key], before[key], "{name}, {key} of {before}");
                }
            }
            let inferred = after.iter().filter(|line| line["direction_inferred"] == true).count();
            assert_eq!(inferred > 100, !flags);
        }
    }
}

#[test]
fn decrypt_opens_what_it_opens_in_the_original() {
    let (capture, _) = golden("seamless");
    let decrypted = |file: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let (file_path, output) = (folder.path().join("x"), folder.path().join("y"));
        std::fs::write(&file_path, file).unwrap();
        let arguments =
            decrypt::DecryptArguments { file: file_path, keylog: path("seamless.keys"), output: output.clone() };
        let mut messages = Vec::new();
        assert_eq!(decrypt::run(&arguments, &mut messages), Status::Success, "{}", String::from_utf8_lossy(&messages));
        let read = capture_reader::read_whole(capture_reader::open(&output).unwrap()).unwrap();
        let kind = |number: usize| read.interfaces[number].kind;
        let air = read.frames.iter().filter(|frame| kind(frame.interface) == LinkKind::Air);
        (air.map(|frame| frame.octets.clone()).collect::<Vec<_>>(), String::from_utf8(messages).unwrap())
    };
    let (before, told) = decrypted(&samples::file(&capture, FileFormat::Pcapng));
    for framing in [Framing::Bare(147), GSMTAP, Framing::M2m(276)] {
        let (after, retold) = decrypted(&foreign_support::pcapng(&capture, &Style::new(framing)));
        assert_eq!((after, retold), (before.clone(), told.clone()), "{framing:?}");
    }
}
