//! Script and seed decide every octet of every output, whatever engine runs it (DESIGN section 4), and the goldens beside
//! the scripts are what a run gives today.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use sha2::{Digest, Sha256};

use crate::support::{all_bundled_names, repository};

/// SHA-256 of capture, key log, delivered packets and JSON of a run by the program.
fn outputs(name: &str, arguments: &[&str]) -> [String; 4] {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::cargo_bin("keyhop")
        .unwrap()
        .current_dir(&folder)
        .args(["run", name, "--json", "--delivered", "delivered.pcapng"])
        .args(arguments)
        .output()
        .unwrap();
    // Another seed may break an expectation; that is no matter here.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    let file = |name: String| fs::read(folder.path().join(name)).unwrap();
    let delivered = file("delivered.pcapng".to_owned());
    [file(format!("{name}.pcapng")), file(format!("{name}.keys")), delivered, output.stdout]
        .map(|octets| hex::encode(Sha256::digest(octets)))
}

#[test]
fn every_engine_and_every_run_give_the_same_octets() {
    // A search is no matter of engines, and takes its time.
    for name in all_bundled_names().into_iter().filter(|name| !name.contains("search")) {
        let first = outputs(&name, &["--engine", "inline"]);
        assert_eq!(first, outputs(&name, &["--engine", "per-node"]), "{name}: per-node");
        for threads in ["1", "2"] {
            let shards = outputs(&name, &["--engine", "shards", "--threads", threads]);
            assert_eq!(first, shards, "{name}: {threads} threads");
        }
    }
}

#[test]
fn the_engines_agree_on_links_that_lose_duplicate_delay_and_spoil() {
    let sets = [
        "radio.loss=0.05",
        "radio.duplication=0.05",
        "radio.bit_errors=0.02",
        "backbone.loss=0.05",
        "backbone.jitter=3ms",
    ];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    for seed in ["1", "2", "3"] {
        let with = |engine| outputs("cancel-retry", &[&sets[..], &["--seed", seed, "--engine", engine]].concat());
        let inline = with("inline");
        assert!(inline == with("per-node") && inline == with("shards"), "seed {seed}");
    }
}

#[test]
fn another_seed_gives_other_octets_and_the_seed_of_the_command_line_is_that_of_set() {
    for name in all_bundled_names().into_iter().filter(|name| !name.contains("search")) {
        let [capture, keys, _, json] = outputs(&name, &["--seed", "7"]);
        let own = outputs(&name, &[]);
        assert_ne!(own[0], capture, "{name}");
        // A phone that finds no network draws no key.
        assert!(own[1] != keys || name == "parlos-plmn-none", "{name}");
        assert_ne!(own[3], json, "{name}");
        let by_set = outputs(&name, &["--set", "seed=7"]);
        assert_eq!([by_set[0].clone(), by_set[1].clone(), by_set[3].clone()], [capture, keys, json], "{name}");
    }
}

#[test]
fn the_goldens_are_what_a_run_gives() {
    for name in all_bundled_names() {
        let folder = tempfile::tempdir().unwrap();
        let made = ["pcapng", "keys"].map(|extension| folder.path().join(format!("{name}.{extension}")));
        Command::cargo_bin("keyhop")
            .unwrap()
            .args(["run", &name, "-o"])
            .arg(&made[0])
            .arg("--keylog")
            .arg(&made[1])
            .assert()
            .success();
        for path in &made {
            let golden = Path::new("captures").join(path.file_name().unwrap());
            let remedy = format!("keyhop run {name} -o captures/{name}.pcapng --keylog captures/{name}.keys");
            let expected = fs::read(repository(golden.to_str().unwrap()))
                .unwrap_or_else(|error| panic!("{}: {error}. It is made by: {remedy}", golden.display()));
            let made = fs::read(path).unwrap();
            if let Some(at) = first_difference(&expected, &made) {
                panic!(
                    "{} differs from a fresh run, first at octet {at}. If the change is wanted: {remedy}",
                    golden.display()
                );
            }
        }
    }
}

fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    let shorter = one.len().min(other.len());
    let differing = one.iter().zip(other).position(|(a, b)| a != b);
    differing.or_else(|| (one.len() != other.len()).then_some(shorter))
}
