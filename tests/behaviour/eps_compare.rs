//! `keyhop compare --system eps`: the schemes side by side, and the map.

use std::fs;

use assert_cmd::Command;
use serde_json::Value;

use crate::support::repository;

fn compare(arguments: &[&str]) -> Value {
    let output = Command::cargo_bin("keyhop")
        .unwrap()
        .args(["compare", "--system", "eps", "--json", "--runs", "4"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A figure of the row of a scheme.
fn of<'a>(document: &'a Value, mode: &str, key: &str) -> &'a Value {
    let rows = document["rows"].as_array().unwrap();
    &rows.iter().find(|row| row["mode"] == mode).unwrap()[key]
}

#[test]
fn chained_keys_read_on_and_those_of_the_mme_do_not_and_the_standard_is_between() {
    // H1, H2, H3, H8, H10
    let document = compare(&[]);
    assert_eq!(document["system"], "eps");
    let reach = |mode: &str| {
        let hops = of(&document, mode, "cells_read").as_array().unwrap();
        hops.iter().map(|hop| hop["median"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(reach("chained"), (1..=12).rev().collect::<Vec<_>>());
    assert_eq!(reach("mme-involved"), [0; 12]);
    assert_eq!(reach("nh-x2"), [1; 12]);
    assert_eq!(reach("nh-s1"), [0; 12]);
    assert!(reach("grouped").iter().zip(reach("chained")).all(|(grouped, chained)| *grouped <= chained));
    assert!(reach("grouped").iter().sum::<u64>() < reach("chained").iter().sum());
    let trials = of(&document, "chained", "trials")["median"].as_u64().unwrap();
    assert!((1..=65_536).contains(&trials));
    assert!(of(&document, "mme-involved", "trials")["median"].is_null());
    assert_eq!(of(&document, "mme-involved", "searches_failed"), &serde_json::json!([4, 4]));
    for mode in ["chained", "mme-involved", "grouped", "nh-x2", "nh-s1"] {
        assert_eq!(of(&document, mode, "failed"), 0, "{mode}");
    }
}

fn downlink(document: &Value, mode: &str) -> u64 {
    of(document, mode, "interruption_dl_us")["median"].as_u64().unwrap()
}

#[test]
fn a_handover_over_x2_costs_fewer_messages_and_less_time() {
    // H9
    let document = compare(&[]);
    let messages = |mode| of(&document, mode, "messages_backbone").as_u64().unwrap();
    assert!(messages("chained") < messages("mme-involved") && messages("nh-x2") < messages("nh-s1"));
    assert!(downlink(&document, "chained") < downlink(&document, "mme-involved"));
    let later = compare(&["--set", "times.s1=20ms"]);
    // Notify, switch, the first packet: two more delays of S1.
    assert_eq!(downlink(&later, "mme-involved"), downlink(&document, "mme-involved") + 2 * 15_000);
    assert_eq!(downlink(&later, "chained"), downlink(&document, "chained"));
}

#[test]
fn a_slow_x2_takes_the_advantage_away() {
    // broken: H9
    let slow = compare(&["--set", "times.x2=40ms"]);
    assert!(downlink(&slow, "chained") > downlink(&slow, "mme-involved"));
}

#[test]
fn the_figures_are_the_same_for_every_number_of_threads() {
    assert_eq!(compare(&["--threads", "1"]), compare(&["--threads", "3"]));
}

#[test]
fn the_map_of_the_documentation_is_what_the_program_draws() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.svg");
    let mut command = Command::cargo_bin("keyhop").unwrap();
    command.args(["compare", "--system", "eps", "--runs", "1", "--seed", "3", "--map"]).arg(&path).assert().success();
    let (drawn, kept) =
        (fs::read_to_string(&path).unwrap(), fs::read_to_string(repository("docs/eps-map.svg")).unwrap());
    assert!(drawn == kept, "keyhop compare --system eps --runs 1 --seed 3 --map docs/eps-map.svg");
}

#[test]
fn options_of_the_other_system_are_refused() {
    for (arguments, expected) in [
        (&["--system", "eps", "--loss", "0.1"][..], "--loss: expected no such option with --system eps"),
        (&["--map", "x.svg"], "--map: expected --system eps"),
        (&["--system", "eps", "--set", "handover.scheme=chained"], "expected another key than handover.scheme"),
        (&["--system", "eps", "--set", "times.x2=never"], "times.x2: expected a time"),
    ] {
        let output = Command::cargo_bin("keyhop").unwrap().arg("compare").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}
