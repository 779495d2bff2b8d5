//! `keyhop compare --system parlos`: variants of temporary keys against attacks.

use std::fs;

use assert_cmd::Command;
use serde_json::Value;

use crate::support::repository;

const ARGUMENTS: [&str; 3] = ["compare", "--system", "parlos"];

fn keyhop(arguments: &[&str]) -> std::process::Output {
    Command::cargo_bin("keyhop").unwrap().args(ARGUMENTS).args(arguments).output().unwrap()
}

fn document(arguments: &[&str]) -> Value {
    let output = keyhop(&[&["--json"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The variants in which each attack succeeds, as the acceptance list has it.
const SUCCEEDS: [(&str, &[&str]); 11] = [
    ("listener", &["Annex J: no key"]),
    ("key-later", &["Annex J: no key", "static key pair", "certificate", "certificate, signed"]),
    (
        "man-in-the-middle",
        &["Annex J: no key", "static key pair", "pair per attach", "... with hash", "... with MME key"],
    ),
    (
        "false-network",
        &["Annex J: no key", "static key pair", "pair per attach", "... with hash", "... with MME key", "certificate"],
    ),
    ("rlos-stripped", &[]),
    ("key-stripped", &[]),
    ("algorithms-stripped", &[]),
    ("old-request", &[]),
    ("old-command", &["static key pair", "certificate"]),
    ("ciphertext", &[]),
    ("certificate", &[]),
];

#[test]
fn every_attack_succeeds_against_the_variants_that_leave_it_open_and_against_no_other() {
    // P2, P3, P4, P5, P6, P7, P8, P9, P11
    let document = document(&["--threads", "2"]);
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    for (attack, expected) in SUCCEEDS {
        let cell = |row: &Value| {
            let cells = row["cells"].as_array().unwrap();
            cells.iter().find(|cell| cell["attack"] == attack).unwrap()["succeeds"] == true
        };
        let found: Vec<&str> =
            rows.iter().filter(|row| cell(row)).map(|row| row["variant"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{attack}");
    }
    let size = |transport: &str| {
        let sizes = document["sizes"].as_array().unwrap();
        let size = sizes.iter().find(|size| size["transport"] == transport).unwrap();
        [&size["request_octets"], &size["command_octets"]].map(|octets| octets.as_u64().unwrap())
    };
    // A header of 10 octets in protocol configuration options, of 4 behind the message; a fresh number of 19; a header of 3.
    assert_eq!(size("ecies-a"), [10 + 32 + 19, 3 + 72]);
    assert_eq!(size("ecies-b"), [10 + 33 + 19, 3 + 73]);
    assert_eq!(size("rsa-oaep"), [4 + 259 + 19, 3 + 256]);
    let operations = |row: &Value| row["operations_tenths"].as_u64().unwrap();
    assert_eq!(rows.iter().map(operations).collect::<Vec<_>>(), [0, 10, 10, 10, 20, 20, 20, 30]);
}

#[test]
fn weak_ends_turn_the_fields_that_they_are_to_defend() {
    // broken: P6, P8
    let document = document(&[
        "--set",
        "mme.mme1.weaknesses=[\"ignores-certificates\"]",
        "--set",
        "ue.ue1.weaknesses=[\"ignores-capabilities\"]",
    ]);
    let rows = document["rows"].as_array().unwrap();
    let succeeds = |variant: &str, attack: &str| {
        let row = rows.iter().find(|row| row["variant"] == variant).unwrap();
        row["cells"].as_array().unwrap().iter().find(|cell| cell["attack"] == attack).unwrap()["succeeds"] == true
    };
    assert!(succeeds("certificate", "certificate") && succeeds("certificate", "man-in-the-middle"));
    assert!(succeeds("pair per attach", "algorithms-stripped"));
    assert!(!succeeds("... with hash", "algorithms-stripped"), "the hash shows it");
}

#[test]
fn the_picture_of_the_documentation_is_what_the_program_draws_and_the_table_is_no_wider_than_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("matrix.svg");
    let output = keyhop(&["--threads", "1", "--map", path.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["READS BOTH", "own only", "fresh key", "at once", "certificate, signed", "rsa-oaep"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let (drawn, kept) =
        (fs::read_to_string(&path).unwrap(), fs::read_to_string(repository("docs/parlos-matrix.svg")).unwrap());
    assert!(drawn == kept, "keyhop compare --system parlos --map docs/parlos-matrix.svg");
}

#[test]
fn what_belongs_to_the_comparison_is_not_to_be_set() {
    for (arguments, expected) in [
        (&["--set", "parlos.hash=true"][..], "parlos.hash"),
        (&["--loss", "0.1"], "--system parlos"),
        (&["--plot", "plot.svg"], "--map with --system parlos"),
        (&["--runs", "3"], "--runs: expected no such option with --system parlos"),
    ] {
        let output = keyhop(arguments);
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
