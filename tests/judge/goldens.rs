//! The captures that lie in `captures/`: nothing is found in honest runs, and in attacks what their scripts expect.

use std::fs;
use std::path::Path;

use keyhop::capture::FileFormat;
use keyhop::capture::key_log::{KeyLog, KeyRecord};
use keyhop::capture::{capture_reader, key_log_text};
use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::wire::MacPdu;
use keyhop::judge::{FindingKind, NoteKind, judge};
use keyhop::scenario::bundled;
use keyhop::scenario::script::{Expected, ScriptFile, eps};

use super::{frames_of, golden, judged, named, octets};

/// A key log of nothing but the PMKs.
pub fn pmks_alone(log: &KeyLog) -> KeyLog {
    let records = log.records.iter().filter(|record| matches!(record, KeyRecord::Pmk(_))).cloned().collect();
    KeyLog { records, ..KeyLog::default() }
}

fn expected(script: &bundled::BundledScript) -> Vec<&'static str> {
    let script = script.parse(&[]).unwrap();
    let mut kinds: Vec<&str> = Vec::new();
    for expectation in &script.expectations {
        if let Expected::Judge(of) = &expectation.expected {
            kinds.extend(of.iter().map(|kind| kind.as_str()));
        }
    }
    kinds.sort_unstable();
    kinds
}

#[test]
fn in_every_golden_the_judge_finds_what_its_script_expects_and_nothing_else() {
    for script in bundled::goldens() {
        let (capture, log) = golden(script.name);
        let judgement = judged(&capture, &log);
        let mut kinds: Vec<&str> = judgement.kinds().into_iter().map(FindingKind::as_str).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, expected(script), "{}: {:#?}", script.name, judgement.findings);
        assert_eq!(judgement.frames as usize, capture.frames.len());
        assert!(judgement.verified.icv > 0 && judgement.verified.cmac > 0, "{}", script.name);
    }
}

#[test]
fn the_pmks_alone_are_enough_to_find_nothing_that_is_not_there() {
    for script in bundled::goldens() {
        let (capture, log) = golden(script.name);
        let (with_all, alone) = (judged(&capture, &log), judged(&capture, &pmks_alone(&log)));
        let kinds = with_all.kinds();
        let unheard: Vec<_> = alone.findings.iter().filter(|finding| !kinds.contains(&finding.kind)).collect();
        assert!(unheard.is_empty(), "{}: {unheard:#?}", script.name);
        assert_eq!(alone.keys.logged, 0, "{}", script.name);
        assert_eq!(alone.verified.cmac, with_all.verified.cmac, "{}", script.name);
        // What does not open is under TEKs that were drawn before the capture begins.
        let unknown: usize =
            alone.notes.iter().filter(|note| note.kind == NoteKind::NoKey).map(|note| note.frames.len()).sum();
        let range = with_all.verified.icv.saturating_sub(unknown as u64)..=with_all.verified.icv;
        assert!(range.contains(&alone.verified.icv), "{}", script.name);
    }
}

#[test]
fn without_comments_honest_captures_are_clean_too() {
    for name in ["seamless", "lossy", "legacy-sa-tek", "replay-data"] {
        let (capture, log) = golden(name);
        let octets = octets(&capture, FileFormat::Pcap);
        let judgement = judge(|| capture_reader::read(octets.as_slice()), &log).unwrap();
        assert!(judgement.findings.is_empty(), "{name}: {:#?}", judgement.findings);
        assert_eq!(judgement.frames as usize, capture.frames.len());
    }
}

#[test]
fn the_replay_without_cache_is_found_in_its_frames() {
    // broken: A18
    let (capture, log) = golden("replay-data-no-cache");
    let judgement = judged(&capture, &log);
    // What the adversary sent, and the frames it had recorded.
    let number = |position: usize| position as u64 + 1;
    let mut replays = Vec::new();
    let mut nonces = Vec::new();
    for (position, frame) in capture.frames.iter().enumerate() {
        if capture.interfaces[frame.interface].name.starts_with("adv:") {
            let first = capture.frames.iter().position(|of| of.octets == frame.octets).unwrap();
            replays.push(vec![number(first), number(position)]);
        }
        let Ok(pdu) = MacPdu::parse(&frame.octets) else { continue };
        if frame.direction == Some(Direction::Downlink) && pdu.header.encrypted {
            let link = (frame.source, frame.destination);
            let same = |of: &keyhop::capture::CapturedFrame| {
                (of.source, of.destination) == link && of.octets.get(..10) == frame.octets.get(..10)
            };
            let first = capture.frames.iter().position(same).unwrap();
            if first != position {
                nonces.push(vec![number(first), number(position)]);
            }
        }
    }
    assert!(replays.len() == 3 && nonces.len() > 3);
    assert_eq!(frames_of(&judgement, FindingKind::ReplayAccepted), replays);
    assert_eq!(frames_of(&judgement, FindingKind::NonceReuse), nonces);
}

#[test]
fn the_replay_with_cache_is_noted_in_its_frames() {
    // A18
    let (capture, log) = golden("replay-data");
    let judgement = judged(&capture, &log);
    let replayed: Vec<u64> = (1..)
        .zip(&capture.frames)
        .filter(|(_, frame)| capture.interfaces[frame.interface].name.starts_with("adv:"))
        .map(|(number, _)| number)
        .collect();
    let noted = judgement.notes.iter().filter(|note| note.kind == NoteKind::Repeated);
    assert_eq!(noted.flat_map(|note| note.frames.clone()).collect::<Vec<_>>(), replayed);
}

/// An adversary may send what is not seen to do harm; it never goes unnoticed.
#[test]
fn every_frame_of_the_adversary_is_named_in_a_finding_or_a_note() {
    let mut sent = 0;
    for script in bundled::goldens() {
        let (capture, log) = golden(script.name);
        let named = named(&judged(&capture, &log));
        for (number, frame) in (1..).zip(&capture.frames) {
            if capture.interfaces[frame.interface].name.starts_with("adv:") {
                assert!(named.contains(&number), "{}: frame {number}: {}", script.name, frame.comment);
                sent += 1;
            }
        }
    }
    assert!(sent > 200, "{sent}");
}

/// (H11)
#[test]
fn in_every_golden_of_eps_the_judge_finds_what_its_script_expects_and_nothing_else() {
    for script in bundled::EPS_SCRIPTS {
        let ScriptFile::Eps(parsed) = script.read(&[]).unwrap() else { panic!("{} is of EPS", script.name) };
        let wanted = parsed.expectations.iter().filter_map(|expectation| match &expectation.expected {
            eps::Expected::Judge(kinds) => Some(kinds),
            _ => None,
        });
        let mut wanted: Vec<&str> = wanted.flatten().map(|kind| kind.as_str()).collect();
        wanted.sort_unstable();
        let path = |extension: &str| {
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("captures/{}.{extension}", script.name))
        };
        let (log, _) = key_log_text::parse(&fs::read(path("keys")).unwrap()).unwrap();
        let judgement = judge(|| capture_reader::open(&path("pcapng")), &log).unwrap();
        let mut kinds: Vec<&str> = judgement.kinds().into_iter().map(FindingKind::as_str).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, wanted, "{}: {:#?}", script.name, judgement.findings);
        // A UE that stays in UTRAN says nothing under keys of E-UTRAN, and one whose attach fails nothing under any.
        let in_utran = !parsed.nodes.rncs.is_empty();
        let verified = (judgement.verified.mac_i > 0 || in_utran) && judgement.verified.packets > 0;
        assert!(verified || parsed.parlos.is_some(), "{}", script.name);
    }
}
