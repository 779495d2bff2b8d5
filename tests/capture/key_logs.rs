//! The text of a key log, both ways, and where its errors are.

use keyhop::capture::error::{CaptureError, Place};
use keyhop::capture::key_log::{KeyLog, KeyRecord, Note};
use keyhop::capture::key_log_text::{parse, read, write};
use proptest::prelude::*;

const LOG: &str = "\
# keyhop-keylog 1
NODE name=bs1 role=bs ip=10.16.0.2 id=0a0000000001 -
NODE name=gw role=gateway ip=10.16.0.1 id=- -
NODE name=ms1 role=ms ip=- id=020000000001 -
AK ms=020000000001 bs=0a0000000001 ak_sn=1 akid=a1a2a3a4a5a6a7a8 from=- until=- 00112233445566778899aabbccddeeff01234567
KEK ms=020000000001 bs=0a0000000001 akid=a1a2a3a4a5a6a7a8 from=- until=- 101112131415161718191a1b1c1d1e1f
PMK ms=020000000001 pmk_sn=1 from=- until=- 00112233445566778899aabbccddeeff01234567
CONN ms=020000000001 bs=0a0000000001 cid=0300 type=transport said=0101 from=5 until=90 -
CMAC_KEY_D ms=020000000001 bs=0a0000000001 akid=a1a2a3a4a5a6a7a8 count=5 from=10 until=- 000102030405060708090a0b0c0d0e0f
CMAC_KEY_U ms=020000000001 bs=0a0000000001 akid=a1a2a3a4a5a6a7a8 count=5 from=10 until=- 000102030405060708090a0b0c0d0e0f
TEK ms=020000000001 bs=0a0000000001 akid=a1a2a3a4a5a6a7a8 said=0101 count=5 tek=- eks=3 source=random holder=bs from=10 until=20 303132333435363738393a3b3c3d3e3f
TEK ms=020000000001 bs=0a0000000001 akid=a1a2a3a4a5a6a7a8 said=0101 count=5 tek=0 eks=0 source=counter holder=both from=10 until=- 202122232425262728292a2b2c2d2e2f
";

fn text(log: &KeyLog) -> String {
    let mut out = Vec::new();
    write(log, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The place and text of the error that `from` replaced by `to` in the log gives.
fn error(from: &str, to: &str) -> (usize, usize, String) {
    assert!(LOG.contains(from), "{from}");
    let changed = LOG.replacen(from, to, 1);
    match parse(changed.as_bytes()) {
        Err(CaptureError::Malformed { place: Place::Line { line, column }, expected, found, .. }) => {
            (line, column, format!("{expected} | {found}"))
        }
        other => panic!("{from} -> {to}: {other:?}"),
    }
}

#[test]
fn writing_what_was_read_gives_the_same_text() {
    let (log, notes) = parse(LOG.as_bytes()).unwrap();
    assert_eq!((log.nodes.len(), log.records.len(), notes.len()), (3, 8, 0));
    assert_eq!(text(&log), LOG);
}

#[test]
fn the_text_does_not_depend_on_the_order_of_the_records() {
    let (mut log, _) = parse(LOG.as_bytes()).unwrap();
    log.records.reverse();
    log.nodes.reverse();
    assert_eq!(text(&log), LOG);
}

#[test]
fn an_open_beginning_sorts_as_zero_and_times_sort_as_numbers() {
    let line = |from: &str| format!("PMK ms=020000000001 pmk_sn=1 from={from} until=- {}\n", "0".repeat(40));
    let sorted: String = ["-", "0", "9", "10"].map(line).concat();
    let shuffled: String = ["10", "9", "0", "-"].map(line).concat();
    let (log, _) = parse(format!("# keyhop-keylog 1\n{shuffled}").as_bytes()).unwrap();
    assert_eq!(text(&log), format!("# keyhop-keylog 1\n{sorted}"));
}

#[test]
fn an_engineer_may_write_comments_capitals_and_another_order_of_fields() {
    let pmk = format!("# mine\nPMK until=- from=- pmk_sn=2 ms=02000000000A {}", "AB".repeat(20));
    let (log, notes) = parse(format!("# keyhop-keylog 1\n{pmk}").as_bytes()).unwrap();
    assert!(notes.is_empty());
    let [KeyRecord::Pmk(record)] = log.records.as_slice() else { panic!("{:?}", log.records) };
    assert_eq!((record.key.expose(), record.ms.0[5], record.pmk_sn), (&[0xab; 20], 0x0a, 2));
}

#[test]
fn unknown_kinds_and_fields_are_noted() {
    let changed = LOG.replace("pmk_sn=1", "pmk_sn=1 suite=ccm").replace("KEK ", "KIK ");
    let (log, notes) = parse(changed.as_bytes()).unwrap();
    assert_eq!(log.records.len(), 7);
    let note = |line, text: &str| Note { line, text: text.to_owned() };
    assert_eq!(notes, [note(6, "unknown kind KIK"), note(7, "PMK has an unknown field suite")]);
}

#[test]
fn an_error_names_line_column_what_was_expected_and_what_was_found() {
    assert_eq!(error("# keyhop-keylog 1", "# keyhop-keylog 2").0, 1);
    assert_eq!(error("cid=0300", "cid=300"), (8, 42, "cid= 4 hex digits | \"300\"".to_owned()));
    assert_eq!(error("cid=0300", "cid=03g0").1, 42);
    assert_eq!(error("type=transport", "type=data").2, "type= basic | primary | transport | \"data\"");
    assert_eq!(error("said=0101", "said0101"), (8, 62, "name=value | \"said0101\"".to_owned()));
    assert_eq!(error("pmk_sn=1", "pmk_sn=16").2, "pmk_sn= a decimal number up to 15 | \"16\"");
    assert_eq!(error("eks=3", "eks=+3").2, "eks= a decimal number up to 3 | \"+3\"");
    assert_eq!(error("count=5", "count=65536").2, "count= a decimal number up to 65535 | \"65536\"");
    assert_eq!(error("from=5", "from=5ns").2, "from= decimal nanoseconds or - | \"5ns\"");
    assert_eq!(error("from=5 ", "").2, "a field from= | the end of the record without it");
    assert_eq!(error("from=5", "from=5 from=6"), (8, 79, "every field once | from= again".to_owned()));
    assert_eq!(error("until=90 -", "until=90 00").2, "- at the end | \"00\"");
    assert_eq!(error("ip=10.16.0.2", "ip=10.16.0").2, "ip= an IPv4 address or - | \"10.16.0\"");
    assert_eq!(error("AK ms", "AK  ms"), (5, 4, "name=value | \"\"".to_owned()));
    assert_eq!(error("CONN ms", "\nCONN ms").0, 8);
    assert_eq!(error("role=ms", "role=m\u{fc}").0, 4);
}

#[test]
fn a_broken_key_is_not_repeated_in_the_error() {
    let (line, column, text) = error("101112131415161718191a1b1c1d1e1f", "101112131415161718191a1b1c1d1e");
    assert_eq!((line, column), (6, 74));
    assert_eq!(text, "a key of 32 hex digits at the end | 30 characters that are not that");
}

#[test]
fn keys_are_not_shown_by_debug() {
    let (log, _) = parse(LOG.as_bytes()).unwrap();
    assert!(!format!("{log:?}").contains("112233"));
}

#[test]
fn a_node_name_that_would_break_the_line_is_not_written() {
    let (mut log, _) = parse(LOG.as_bytes()).unwrap();
    log.nodes[0].name = "base station".to_owned();
    assert!(write(&log, &mut Vec::new()).is_err());
}

#[test]
fn a_file_is_read_and_named_in_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.keys");
    std::fs::write(&path, LOG).unwrap();
    assert_eq!(read(&path).unwrap().0.records.len(), 8);
    std::fs::write(&path, LOG.replace("pmk_sn=1", "pmk_sn=a")).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("x.keys: line 7, column 28: expected pmk_sn="));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn a_damaged_log_never_panics(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let mut octets = LOG.as_bytes().to_vec();
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        if let Ok((log, _)) = parse(&octets) {
            let again = text(&log);
            prop_assert_eq!(parse(again.as_bytes()).unwrap().0.records.len(), log.records.len());
        }
    }
}
