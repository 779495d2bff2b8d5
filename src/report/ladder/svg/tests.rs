//! What the drawing holds, whatever it looks like.

use super::super::MOST_LINES;
use super::*;
use crate::dot16::identifiers::CmacKeyCount;
use crate::scenario::outcome::{EndTeks, KeyStanding, StationTeks};
use crate::time::VirtualTime;

fn message(micros: u64, from: &str, to: &str, label: &str) -> LadderStep {
    LadderStep {
        time: VirtualTime::from_nanos(micros * 1_000),
        what: LadderItem::Message {
            from: Some(from.to_owned()).filter(|from| !from.is_empty()),
            to: to.to_owned(),
            label: label.to_owned(),
            data: label.starts_with("user data"),
            dropped: false,
        },
        keys: Vec::new(),
    }
}

fn teks(count: u16) -> EndTeks {
    EndTeks { count: Some(CmacKeyCount(count)), eks: vec![0, 1], generated: true, other_counts: 0 }
}

fn state(micros: u64, node: &str, label: &str, at_mobile: EndTeks, at_station: EndTeks) -> LadderStep {
    let stations = vec![StationTeks { bs: "bs1".to_owned(), at_mobile, at_station }];
    LadderStep {
        time: VirtualTime::from_nanos(micros * 1_000),
        what: LadderItem::State { node: node.to_owned(), label: label.to_owned() },
        keys: vec![KeyStanding {
            ms: "ms1".to_owned(),
            committed: Some(CmacKeyCount(1)),
            network: Some(CmacKeyCount(2)),
            stations,
        }],
    }
}

fn nodes() -> Vec<String> {
    ["ms1", "bs1"].map(str::to_owned).to_vec()
}

/// The texts of the drawing, in order, without markup.
fn texts(svg: &str) -> Vec<String> {
    let texts = svg.lines().filter(|line| line.starts_with("<text"));
    texts
        .map(|line| {
            let pieces = line.split('<').filter_map(|piece| Some(piece.split_once('>')?.1));
            pieces.collect()
        })
        .collect()
}

#[test]
fn the_keys_after_each_step_stand_beside_it() {
    let steps = [
        state(1_000, "ms1", "T_M = 2", teks(2), EndTeks::default()),
        message(2_000, "ms1", "bs1", "RNG-REQ: enters bs1"),
        state(3_000, "bs1", "T_B = 2", teks(2), teks(2)),
    ];
    let texts = texts(&svg("x", &steps, &nodes()));
    // M, N, T_M and, once there is one, T_B: those that are new with their EKS, the others without.
    let after = |label: &str, earlier: usize| {
        let at = texts.iter().position(|text| text == label).unwrap();
        texts[at - earlier..at].to_vec()
    };
    assert_eq!(after("T_M = 2", 4), ["1.000", "1", "2", "20 1"]);
    assert_eq!(after("RNG-REQ: enters bs1", 4), ["2.000", "1", "2", "2"]);
    assert_eq!(after("T_B = 2", 5), ["3.000", "1", "2", "2", "20 1"]);
}

#[test]
fn no_label_and_no_name_can_leave_its_text() {
    let evil = "</text><script>alert('\"&')</script>\u{1b}\u{ffff}";
    let steps = [message(0, evil, evil, evil), state(1, evil, evil, teks(1), teks(1))];
    let svg = svg(evil, &steps, &[evil.to_owned()]);
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"));
    assert!(!svg.contains(|character: char| character.is_control() && character != '\n'));
    assert!(!svg.contains('\u{ffff}'));
}

#[test]
fn user_data_is_folded_and_lost_frames_and_the_adversary_are_marked() {
    let mut lost = message(3, "ms1", "bs1", "HO_Req");
    if let LadderItem::Message { dropped, .. } = &mut lost.what {
        *dropped = true;
    }
    let steps = [
        message(0, "ms1", "bs1", "user data"),
        message(1, "ms1", "bs1", "user data"),
        lost,
        message(4, "", "bs1", "user data again"),
    ];
    let svg = svg("x", &steps, &nodes());
    let texts = texts(&svg);
    assert!(texts.iter().any(|text| text == "user data x 2, until 0.001"));
    assert!(texts.iter().any(|text| text == ADVERSARY));
    assert!(svg.contains("class=\"foe\"") && svg.matches("l8 8m-8 0l8 -8").count() == 2, "one, and the legend's");
}

#[test]
fn a_long_ladder_is_cut_and_says_so_and_an_empty_one_says_that_too() {
    let steps: Vec<LadderStep> = (0..1_200).map(|number| message(number, "ms1", "bs1", "RNG-REQ")).collect();
    let drawn = texts(&svg("x", &steps, &nodes()));
    assert_eq!(drawn.iter().filter(|text| *text == "RNG-REQ").count(), MOST_LINES);
    assert!(drawn.iter().any(|text| text == "… and 200 more steps"));
    assert!(texts(&svg("x", &[], &[])).iter().any(|text| text == "No handover took place."));
}
