//! A golden that is changed a little: the judge names the frame.

use keyhop::capture::key_log::{KeyLog, KeyRecord, TekSource};
use keyhop::capture::{FileFormat, capture_reader};
use keyhop::dot16::identifiers::Direction;
use keyhop::judge::{FindingKind, NoteKind, judge};

use super::forgery::{mend, protected};
use super::{golden, judged, named};

/// Numbers without visible order, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn one_octet_changed_in_any_protected_frame_is_told_with_its_frame() {
    // Invariant 8 of `dot16-security.md` 11.
    let (capture, log) = golden("three-candidates");
    let mut numbers = Numbers(1);
    let mut changed = 0;
    for position in 0..capture.frames.len() {
        if protected(&capture.frames[position]).is_none() {
            continue;
        }
        for mended in [false, true] {
            let mut mutated = capture.clone();
            let octets = &mut mutated.frames[position].octets;
            // With the checksums put right again only ICV and CMAC are left to notice.
            let place = if mended { 6 + numbers.below(octets.len() - 10) } else { numbers.below(octets.len()) };
            octets[place] ^= 1 << numbers.below(8);
            if mended {
                mend(octets);
            }
            let judgement = judged(&mutated, &log);
            let number = position as u64 + 1;
            assert!(named(&judgement).contains(&number), "frame {number}, octet {place}, mended {mended}");
            changed += 1;
        }
    }
    assert!(changed > 200, "{changed}");
}

#[test]
fn two_frames_of_one_direction_swapped_are_a_number_that_does_not_rise() {
    let (capture, log) = golden("seamless");
    let downlink = |position: &usize| {
        let frame = &capture.frames[*position];
        frame.direction == Some(Direction::Downlink) && protected(frame).is_some_and(|pdu| pdu.header.encrypted)
    };
    let positions: Vec<usize> = (0..capture.frames.len()).filter(downlink).collect();
    for pair in positions[20..].chunks_exact(2).take(5) {
        let [first, second] = pair else { unreachable!() };
        if capture.frames[*first].interface != capture.frames[*second].interface {
            continue;
        }
        let mut swapped = capture.clone();
        let (one, other) = (capture.frames[*first].octets.clone(), capture.frames[*second].octets.clone());
        swapped.frames[*first].octets = other;
        swapped.frames[*second].octets = one;
        let judgement = judged(&swapped, &log);
        assert_eq!(judgement.kinds(), [FindingKind::PnNotIncreasing], "{:?}", judgement.findings);
        assert_eq!(judgement.findings[0].frames, [*first as u64 + 1, *second as u64 + 1]);
    }
}

#[test]
fn a_frame_that_stands_there_twice_is_told() {
    let (capture, log) = golden("seamless");
    let mut told = 0;
    for position in
        (0..capture.frames.len()).filter(|position| protected(&capture.frames[*position]).is_some()).step_by(9)
    {
        let mut doubled = capture.clone();
        doubled.frames.insert(position + 1, capture.frames[position].clone());
        let judgement = judged(&doubled, &log);
        let again = position as u64 + 2;
        // Its comment says that it was accepted, both times.
        if capture.frames[position].comment.contains("accepted") {
            assert!(judgement.findings.iter().any(|finding| finding.frames.contains(&again)), "{again}");
            told += 1;
        } else {
            assert!(named(&judgement).contains(&again), "{again}");
        }
    }
    assert!(told > 10, "{told}");
}

fn without(log: &KeyLog, line: usize) -> KeyLog {
    let mut records = log.records.clone();
    records.remove(line);
    KeyLog { nodes: log.nodes.clone(), records, ..KeyLog::default() }
}

#[test]
fn a_key_log_without_one_of_its_lines_leaves_something_unread_or_to_be_derived() {
    let (capture, log) = golden("seamless");
    let whole = judged(&capture, &log);
    assert_eq!(whole.keys.derived, 0);
    let mut missed = 0;
    for (line, record) in log.records.iter().enumerate() {
        let judgement = judged(&capture, &without(&log, line));
        let no_key = judgement.notes.iter().any(|note| note.kind == NoteKind::NoKey);
        match record {
            KeyRecord::Tek(tek) if tek.source == TekSource::Random => {
                missed += u64::from(no_key);
                assert_eq!(no_key, judgement.verified.icv < whole.verified.icv);
            }
            KeyRecord::Tek(_) | KeyRecord::CmacKey(_) => {
                assert!(!no_key, "{record:?}");
                assert_eq!(judgement.keys.logged + judgement.keys.derived, whole.keys.logged, "{record:?}");
            }
            _ => assert_eq!(judgement.verified, whole.verified, "{record:?}"),
        }
    }
    assert!(missed > 0);
}

#[test]
fn a_key_that_is_changed_does_not_follow_from_those_above_it() {
    let text = std::fs::read_to_string(super::path("seamless.keys")).unwrap();
    let (capture, _) = golden("seamless");
    let mut found = 0;
    for (number, line) in text.lines().enumerate() {
        let derived =
            ["AK ", "KEK ", "CMAC_KEY_"].iter().any(|kind| line.starts_with(kind)) || line.contains("counter");
        if !derived {
            continue;
        }
        let mut changed: Vec<String> = text.lines().map(str::to_owned).collect();
        let last = if line.ends_with('0') { "1" } else { "0" };
        changed[number].replace_range(line.len() - 1.., last);
        let (log, _) = keyhop::capture::key_log_text::parse((changed.join("\n") + "\n").as_bytes()).unwrap();
        let judgement = judged(&capture, &log);
        assert!(judgement.kinds().contains(&FindingKind::KeyDerivation), "{line}: {:?}", judgement.findings);
        found += 1;
    }
    assert!(found >= 10, "{found}");
}

#[test]
fn a_damaged_file_is_judged_or_refused_with_its_place_and_never_more() {
    let (capture, log) = golden("three-candidates");
    let whole = super::octets(&capture, FileFormat::Pcapng);
    let mut numbers = Numbers(7);
    let mut refused = 0;
    for _ in 0..120 {
        let mut octets = whole.clone();
        for _ in 0..1 + numbers.below(20) {
            let place = numbers.below(octets.len());
            octets[place] = numbers.below(256) as u8;
        }
        if numbers.below(4) == 0 {
            octets.truncate(numbers.below(octets.len()));
        }
        match judge(|| capture_reader::read(octets.as_slice()), &log) {
            Ok(judgement) => assert!(judgement.frames as usize <= capture.frames.len()),
            Err(error) => {
                assert!(error.place().is_some(), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 10, "{refused}");
}
