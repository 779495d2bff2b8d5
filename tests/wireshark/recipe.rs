//! The acceptance recipe of `dot16-wire.md` 8: Wireshark has nothing to complain of.
//!
//! A frame that is bad on purpose says so: its comment begins with `deliberate:`, and the recipe passes it over.

use std::path::Path;

use keyhop::capture::capture_file::Capture;
use keyhop::capture::{LinkKind, capture_reader};
use keyhop::dot16::wire::{GenericMacHeader, MacPdu, ManagementMessage, hcs};

use crate::tshark::{fields, read};
use crate::worked_frames::{all, capture, file, goldens, named};

const BUT_NOT_DELIBERATE: &str = r#"!(frame.comment matches "^deliberate:")"#;
/// What an Info column must not say, in any case: such faults give no expert item.
const BAD_WORDS: [&str; 3] = ["error", "invalid", "unknown"];
/// Filters that may not let one frame through.
const FAULTS: [(&str, &str); 3] = [
    ("malformed or above Comment", "_ws.malformed || _ws.expert.severity >= 4194304"),
    ("wrong CRC", "wmx.genericCrc.status == 0"),
    ("no comment", "!frame.comment"),
];
const RNG_REQ_WITH_TUPLE: &str = "wmx.macmgtmsgtype == 4 && wmx.cmac_tuple.cmac.value";

/// What Wireshark has to complain of in `capture`.
fn complaints(capture: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect_nothing = |what: &str, printed: &str| {
        let lines = printed.lines().filter(|line| !line.trim().is_empty());
        found.extend(lines.map(|line| format!("{what}: {line}")));
    };

    // Notes and everything above. Items without a place in the tree are seen by this tap only.
    let tap = format!("expert,note,{BUT_NOT_DELIBERATE}");
    expect_nothing("expert items", &read(capture, &["-q", "-z", &tap]));
    for (what, filter) in FAULTS {
        let filter = format!("({filter}) && {BUT_NOT_DELIBERATE}");
        expect_nothing(what, &read(capture, &["-Y", &filter]));
    }
    let columns = fields(capture, &[], BUT_NOT_DELIBERATE, &["frame.number", "_ws.col.Info"]);
    let bad = |line: &&str| BAD_WORDS.iter().any(|word| line.to_lowercase().contains(word));
    expect_nothing("Info", &columns.lines().filter(bad).collect::<Vec<_>>().join("\n"));

    let filter = format!("{RNG_REQ_WITH_TUPLE} && {BUT_NOT_DELIBERATE}");
    let decoded = fields(capture, &[], &filter, &["frame.number"]);
    let sent = rng_reqs_with_a_tuple(capture);
    if decoded.lines().ne(sent.iter().map(String::as_str)) {
        found.push(format!(
            "RNG-REQ with a CMAC tuple in frames {sent:?}, decoded in {:?}",
            decoded.lines().collect::<Vec<_>>()
        ));
    }
    found
}

/// The numbers of the frames in which this crate reads an RNG-REQ with a CMAC tuple.
fn rng_reqs_with_a_tuple(capture: &Path) -> Vec<String> {
    let holds_one = |burst: &[u8]| {
        MacPdu::burst(burst).flatten().any(|pdu| {
            !pdu.header.encrypted
                && pdu.header.cid.is_management()
                && matches!(ManagementMessage::parse(pdu.body),
                    Ok(message @ ManagementMessage::RngReq(_)) if message.cmac_tuple().is_some())
        })
    };
    capture_reader::open(capture)
        .unwrap()
        .map(Result::unwrap)
        .filter(|frame| frame.kind == capture_reader::FrameKind::Known(LinkKind::Air))
        .filter(|frame| !frame.comment.starts_with("deliberate:") && holds_one(&frame.octets))
        .map(|frame| frame.number.to_string())
        .collect()
}

pub fn complaints_of(capture: &Capture) -> Vec<String> {
    let (_folder, path) = file(capture);
    complaints(&path)
}

#[test]
fn the_worked_frames_open_without_a_complaint() {
    let (_folder, path) = file(&capture(all()));
    assert_eq!(complaints(&path), [""; 0]);
    assert_eq!(rng_reqs_with_a_tuple(&path), ["1"]);
}

#[test]
fn every_golden_opens_without_a_complaint() {
    for golden in goldens() {
        assert_eq!(complaints(&golden), [""; 0], "{}", golden.display());
    }
}

/// Each fault is found, and passed over where the comment says that it is meant.
#[test]
fn the_recipe_finds_each_fault_that_is_not_deliberate() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(&str, Damage); 4] = [
        ("wrong CRC: ", |pdu| *pdu.last_mut().unwrap() ^= 1),
        ("expert items: ", |pdu| *pdu.last_mut().unwrap() ^= 1),
        // Info says "MAC Header CRC error", and there is no expert item.
        ("Info: ", |pdu| pdu[5] ^= 1),
        ("RNG-REQ with a CMAC tuple", without_mac_version),
    ];
    for (complaint, damage) in cases {
        let mut damaged = capture(vec![named("rng-req")]);
        damage(&mut damaged.frames[0].octets);
        let found = complaints_of(&damaged);
        assert!(found.iter().any(|line| line.starts_with(complaint)), "{complaint}{found:?}");
        damaged.frames[0].comment = "deliberate: a test".to_owned();
        assert_eq!(complaints_of(&damaged), [""; 0], "{complaint}");
    }
}

#[test]
fn the_recipe_finds_a_frame_without_a_comment() {
    let mut silent = capture(vec![named("ho-ind")]);
    silent.frames[0].comment.clear();
    let found = complaints_of(&silent);
    assert!(matches!(&found[..], [line] if line.starts_with("no comment: ")), "{found:?}");
}

/// Takes the MAC version (TLV 148) out of an RNG-REQ: Wireshark then shows its CMAC tuple as octets.
fn without_mac_version(pdu: &mut Vec<u8>) {
    let body = MacPdu::parse(pdu).unwrap().body;
    let tlv = [148, 1, 5];
    let at = body.windows(3).position(|octets| octets == tlv).unwrap();
    let body = [&body[..at], &body[at + 3..]].concat();
    let header = GenericMacHeader::parse(pdu).unwrap();
    *pdu = MacPdu::build(header, &body, Some(keyhop::dot16::wire::CrcForm::MsbFirst)).unwrap();
    let first_five = pdu[..5].try_into().unwrap();
    assert_eq!(pdu[5], hcs(&first_five));
}
