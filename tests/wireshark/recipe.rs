//! The acceptance recipe of `dot16-wire.md` 8: Wireshark has nothing to complain of.
//!
//! A frame that is bad on purpose says so: its comment begins with `deliberate:`, and the recipe passes it over.

use std::path::Path;

use keyhop::capture::capture_file::Capture;
use keyhop::capture::{LinkKind, capture_reader};
use keyhop::dot16::wire::{GenericMacHeader, MacPdu, ManagementMessage, hcs};

use crate::tshark::{VALUE, in_pairs, lines_of_fields};
use crate::worked_frames::{all, capture, file, goldens, named};

const BUT_NOT_DELIBERATE: &str = r#"!(frame.comment matches "^deliberate:")"#;
/// What an Info column must not say, in any case: such faults give no expert item.
const BAD_WORDS: [&str; 3] = ["error", "invalid", "unknown"];
/// Severity of expert items from Note up.
const NOTE: u32 = 4_194_304;

/// What Wireshark has to complain of in `capture`: all of it from one run.
fn complaints(capture: &Path) -> Vec<String> {
    let columns = [
        "frame.number",
        "frame.comment",
        "_ws.malformed",
        "_ws.expert.severity",
        "wmx.genericCrc.status",
        "wmx.macmgtmsgtype",
        "wmx.cmac_tuple.cmac.value",
        "_ws.col.Info",
    ];
    // Notes and everything above. Items without a place in the tree are seen by this tap only.
    let tap = format!("expert,note,{BUT_NOT_DELIBERATE}");
    let (lines, rest) = lines_of_fields(capture, &["-z", &tap], &columns);
    let mut found: Vec<String> = rest.iter().map(|line| format!("expert items: {line}")).collect();
    let mut decoded = Vec::new();
    for line in lines {
        let [number, comment, malformed, severities, crc, message, cmac, info] = &line[..] else { panic!("{line:?}") };
        if comment.starts_with("deliberate:") {
            continue;
        }
        let mut complain = |what: &str, of: &str| found.push(format!("{what}: frame {number} {of}"));
        let severe = severities.split(VALUE).filter_map(|severity| severity.parse::<u32>().ok()).any(|it| it >= NOTE);
        if !malformed.is_empty() || severe {
            complain("malformed or above Comment", info);
        }
        if crc.split(VALUE).any(|status| status == "0") {
            complain("wrong CRC", info);
        }
        if comment.is_empty() {
            complain("no comment", info);
        }
        if BAD_WORDS.iter().any(|word| info.to_lowercase().contains(word)) {
            complain("Info", info);
        }
        if message.split(VALUE).any(|kind| kind == "4") && !cmac.is_empty() {
            decoded.push(number.clone());
        }
    }
    let sent = rng_reqs_with_a_tuple(capture);
    if decoded != sent {
        found.push(format!("RNG-REQ with a CMAC tuple in frames {sent:?}, decoded in {decoded:?}"));
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
    let goldens = goldens();
    for (golden, complaints) in goldens.iter().zip(in_pairs(&goldens, |golden| complaints(golden))) {
        assert_eq!(complaints, [""; 0], "{}", golden.display());
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
