//! The judge on keys between UEs and end points in an enterprise: what follows from CK and IK of the log is counted, what does not is found.

use std::fs;
use std::path::{Path, PathBuf};

use keyhop::capture::capture_reader;
use keyhop::capture::key_log_text;
use keyhop::judge::eps::judge;
use keyhop::judge::{FindingKind, Judgement};

fn golden(extension: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("captures/e2m-eps.{extension}"))
}

/// The judgement on the golden with its key log changed, line by line; a line that becomes none is left out.
fn judged(change: impl Fn(&str) -> Option<String>) -> Judgement {
    let text = fs::read_to_string(golden("keys")).unwrap();
    let lines: Vec<String> = text.lines().filter_map(change).collect();
    let (log, _) = key_log_text::parse(format!("{}\n", lines.join("\n")).as_bytes()).unwrap();
    judge(|| capture_reader::open(&golden("pcapng")), &log).unwrap()
}

/// The key in a line of this kind has its last digit changed.
fn with_another_key(kind: &str) -> Judgement {
    judged(|line| {
        let mut line = line.to_owned();
        if line.starts_with(&format!("{kind} ")) {
            let last = line.pop().unwrap();
            line.push(if last == '0' { '1' } else { '0' });
        }
        Some(line)
    })
}

fn frames(judgement: &Judgement, kind: FindingKind) -> Vec<u64> {
    let of_kind = judgement.findings.iter().filter(|finding| finding.kind == kind);
    of_kind.flat_map(|finding| finding.frames.clone()).collect()
}

#[test]
fn the_push_and_both_answers_follow_from_ck_and_ik() {
    // E1, E6
    let judgement = judged(|line| Some(line.to_owned()));
    assert_eq!((judgement.verified.e2m, judgement.kinds()), (3, vec![]));
}

#[test]
fn without_the_keys_themselves_they_are_derived_all_the_same() {
    // E1
    let judgement = judged(|line| (!line.starts_with("E2M_")).then(|| line.to_owned()));
    assert_eq!((judgement.verified.e2m, judgement.kinds()), (3, vec![]));
}

#[test]
fn a_key_of_the_log_that_does_not_follow_is_found() {
    // broken: E1
    for kind in ["E2M_INT_KEY", "E2M_KEY"] {
        let judgement = with_another_key(kind);
        assert!(judgement.kinds().contains(&FindingKind::KeyDerivation), "{kind}");
        assert_eq!(judgement.verified.e2m, 3, "what the messages bring follows: {kind}");
    }
}

#[test]
fn pushes_and_answers_that_do_not_follow_are_found_in_their_frames() {
    // broken: E1
    let other_ck = with_another_key("AKA_KEYS");
    let other_string = judged(|line| Some(line.replace("string=65326d5f2043496f54", "string=65326d")));
    for judgement in [other_ck, other_string] {
        assert_eq!(judgement.verified.e2m, 0);
        assert_eq!(frames(&judgement, FindingKind::KeyDerivation).len(), 3);
    }
}

#[test]
fn whether_the_string_goes_into_the_second_step_is_seen_in_the_answers() {
    // E11
    let judgement = judged(|line| Some(line.replace("in_second=yes", "in_second=no")));
    // The push is of the first step.
    assert_eq!(judgement.verified.e2m, 1);
    assert_eq!(frames(&judgement, FindingKind::KeyDerivation).len(), 2);
}

#[test]
fn a_key_that_is_pushed_under_another_name_is_found() {
    // broken: E5
    let judgement = judged(|line| Some(line.replace("identifier=rand bits=32", "identifier=rand bits=16")));
    assert_eq!(frames(&judgement, FindingKind::KeyDerivation).len(), 3);
}
