//! `keyhop compare`: what the five modes cost on the same network, its figures, its plot, and what it refuses.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use keyhop::dot16::identifiers::{Cid, Direction};
use keyhop::time::VirtualTime;
use serde_json::Value;

use crate::support::{AirPdu, Run, repository, run_text};

const MODES: [&str; 5] = ["seamless", "legacy-full", "legacy-sa-tek", "legacy-rng-rsp", "legacy-reuse"];
const NETWORK: &str = "src/scenario/compare/network.toml";

struct Outcome {
    status: i32,
    out: String,
    messages: String,
}

fn compare_in(folder: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::cargo_bin("keyhop").unwrap();
    let output = command.current_dir(folder).arg("compare").args(arguments).output().unwrap();
    Outcome {
        status: output.status.code().expect("a status: no signal, no panic"),
        out: String::from_utf8(output.stdout).unwrap(),
        messages: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The JSON document of a comparison that must succeed without a word.
fn compare(arguments: &[&str]) -> Value {
    let outcome = compare_in(Path::new("."), &[&["--json"], arguments].concat());
    assert_eq!((outcome.status, outcome.messages.as_str()), (0, ""));
    serde_json::from_str(&outcome.out).unwrap()
}

/// The row of a mode without loss, at association level 2.
fn row<'a>(document: &'a Value, mode: &str) -> &'a Value {
    let rows = document["rows"].as_array().unwrap();
    let wanted = |row: &&Value| row["mode"] == mode && row["loss"] == 0.0 && row["association"] == "level2";
    rows.iter().find(wanted).unwrap()
}

/// Median interruption uplink and downlink in microseconds.
fn interruption(document: &Value, mode: &str) -> [u64; 2] {
    ["interruption_ul_us", "interruption_dl_us"].map(|key| row(document, mode)[key]["median"].as_u64().unwrap())
}

#[test]
fn every_mode_has_a_row_for_each_loss_and_association_with_every_key_of_the_contract() {
    // A24
    let document = compare(&["--runs", "3"]);
    assert_eq!(document["system"], "dot16");
    let rows = document["rows"].as_array().unwrap();
    let mut expected = Vec::new();
    for loss in [0.0, 0.05] {
        for association in ["level2", "none"] {
            expected.extend(MODES.map(|mode| (mode, loss, association)));
        }
    }
    let text = |row: &'_ Value, key: &str| row[key].as_str().unwrap().to_owned();
    let found: Vec<_> =
        rows.iter().map(|row| (text(row, "mode"), row["loss"].as_f64().unwrap(), text(row, "association"))).collect();
    let found: Vec<_> = found.iter().map(|(mode, loss, level)| (mode.as_str(), *loss, level.as_str())).collect();
    assert_eq!(found, expected);
    for row in rows {
        for key in ["interruption_ul_us", "interruption_dl_us", "gap_ul_us", "gap_dl_us"] {
            assert!(row[key].get("median").is_some() && row[key].get("p95").is_some(), "{key} of {row}");
        }
        for key in ["messages_air", "messages_backbone", "bytes_air", "bytes_backbone", "lost_ul", "lost_dl"] {
            assert!(row.get(key).is_some(), "{key} of {row}");
        }
        assert_eq!(row["runs"], 3);
        // On a network without loss every handover completes, and everything is measured.
        if row["loss"] == 0.0 {
            assert_eq!((&row["failed"], &row["lost_ul"], &row["lost_dl"]), (&0.into(), &0.into(), &0.into()), "{row}");
            assert!(row["gap_dl_us"]["p95"].as_u64() >= row["interruption_dl_us"]["median"].as_u64(), "{row}");
            assert!(row["messages_backbone"].as_u64() > Some(10), "{row}");
        }
    }
}

#[test]
fn the_figures_depend_on_the_seed_and_not_on_the_threads() {
    // A24
    let first = compare(&["--runs", "6", "--threads", "1", "--loss", "0.1"]);
    assert_eq!(compare(&["--runs", "6", "--threads", "5", "--loss", "0.1"]), first);
    assert_ne!(compare(&["--runs", "6", "--loss", "0.1", "--seed", "1000"])["rows"], first["rows"]);
}

#[test]
fn data_waits_for_rng_req_where_the_counts_differ_and_nobody_searches() {
    // broken: A24
    let clean = compare(&["--runs", "2", "--loss", "0"]);
    let stale = ["mobile_station.ms1.network_key_count=1", "base_station.bs2.self_sync_window=0"];
    let stale = compare(&["--runs", "2", "--loss", "0", "--set", stale[0], "--set", stale[1]]);
    for direction in [0, 1] {
        let [clean, stale] = [&clean, &stale].map(|document| interruption(document, "seamless")[direction]);
        // The 40 ms from arrival to RNG-REQ are in it now.
        assert!(stale >= clean + 40_000, "{clean} {stale}");
    }
    assert_eq!(interruption(&clean, "legacy-rng-rsp"), interruption(&stale, "legacy-rng-rsp"));
}

#[test]
fn seamless_costs_no_message_more_than_reuse() {
    // A23
    let document = compare(&["--runs", "2", "--loss", "0"]);
    for association in ["level2", "none"] {
        let rows = document["rows"].as_array().unwrap();
        let of = |mode: &str| rows.iter().find(|row| row["mode"] == mode && row["association"] == association).unwrap();
        for key in ["messages_air", "messages_backbone", "bytes_air", "bytes_backbone"] {
            let [seamless, reuse] = ["seamless", "legacy-reuse"].map(|mode| of(mode)[key].as_u64().unwrap());
            assert!(seamless > 0 && seamless <= reuse, "{key}: {seamless}, {reuse}");
        }
    }
}

#[test]
fn with_its_first_rng_rsp_lost_a_seamless_handover_costs_more_messages() {
    // broken: A23
    let text = fs::read_to_string(repository(NETWORK)).unwrap();
    let fault = "[[fault]]\nlink = \"air:ms1-bs2\"\nto = \"ms1\"\nframe = \"RNG-RSP\"\nlose = true\n";
    let lost = run_text(&format!("{text}\n{fault}"), &["mode=seamless"]);
    let reuse = run_text(&text, &["mode=legacy-reuse"]);
    let [lost, reuse] = [&lost, &reuse].map(|run| &run.outcome.handovers[0]);
    assert_eq!((lost.mode.as_str(), lost.outcome.as_str()), ("seamless", "completed"));
    assert!(lost.messages_air > reuse.messages_air, "{} {}", lost.messages_air, reuse.messages_air);
}

/// The management PDUs of ms1 on the air between the last user PDU of a direction at bs1 and its first at bs2.
fn exchanged(run: &Run, direction: Direction) -> Vec<String> {
    let data = |prefix: &str| -> Vec<VirtualTime> {
        let pdus = run.air(prefix).into_iter().filter(|pdu| pdu.direction == direction && pdu.is_data());
        pdus.map(|pdu| pdu.time).collect()
    };
    let (last, first) = (*data("air:ms1-bs1").last().unwrap(), data("air:ms1-bs2")[0]);
    assert!(last < first);
    let between =
        |pdu: &AirPdu| !pdu.is_data() && pdu.pdu().header.cid != Cid::BROADCAST && last < pdu.time && pdu.time < first;
    let name = |pdu: AirPdu| pdu.message().map_or("no message", |message| message.name()).to_owned();
    run.air("air:ms1-").into_iter().filter(between).map(name).collect()
}

#[test]
fn a_seamless_handover_has_no_exchange_on_the_air_between_the_last_data_here_and_the_first_there() {
    // A9
    let text = fs::read_to_string(repository(NETWORK)).unwrap();
    for mode in MODES {
        let run = run_text(&text, &[&format!("mode={mode}")]);
        for direction in [Direction::Uplink, Direction::Downlink] {
            let exchanged = exchanged(&run, direction);
            // MOB_HO-IND follows the last downlink; nothing answers it.
            match (mode, direction) {
                ("seamless", Direction::Uplink) => assert_eq!(exchanged.len(), 0, "{exchanged:?}"),
                ("seamless", Direction::Downlink) => assert_eq!(exchanged, ["MOB_HO-IND"]),
                _ => assert!(exchanged.len() >= 2, "{mode} {direction}: {exchanged:?}"),
            }
        }
    }
}

#[test]
fn only_what_crosses_the_backbone_after_the_mobile_has_left_makes_the_interruption_grow_with_its_latency() {
    // A24
    let [fast, slow, slower] = ["2ms", "20ms", "50ms"]
        .map(|latency| compare(&["--runs", "2", "--loss", "0", "--set", &format!("backbone.latency={latency}")]));
    let of = |mode| [&fast, &slow, &slower].map(|document| interruption(document, mode));
    // Uplink: the keys are there before. Downlink: the first packets are forwarded after HO_Cnf, which crosses once.
    let seamless = of("seamless");
    assert!(seamless.iter().all(|[uplink, _]| *uplink == seamless[0][0]), "{seamless:?}");
    assert_eq!(seamless.map(|[_, downlink]| downlink), [12_000, 22_000, 52_000]);
    // The AK is there before, too: RNG-REQ is answered without the backbone, 40 ms after the arrival.
    for mode in ["legacy-sa-tek", "legacy-rng-rsp", "legacy-reuse"] {
        let [fast, slow, slower] = of(mode);
        assert!(fast == slow && slow == slower, "{mode}: {fast:?} {slow:?} {slower:?}");
        assert!(seamless.iter().all(|ours| ours[0] < fast[0] && ours[1] < fast[1]), "{mode}");
    }
    // EAP goes to the Authenticator and back many times.
    for direction in [0, 1] {
        let [fast, slow, slower] = of("legacy-full").map(|both| both[direction]);
        assert!(slow >= fast + 6 * 18_000 && slower >= slow + 6 * 30_000, "{fast} {slow} {slower}");
    }
}

#[test]
fn only_modes_in_which_teks_travel_pay_for_installing_them() {
    // A24
    let slow = compare(&["--runs", "2", "--loss", "0", "--set", "radio.tek_processing=35ms"]);
    let usual = compare(&["--runs", "2", "--loss", "0"]);
    for mode in MODES {
        let [usual, slow] = [&usual, &slow].map(|document| interruption(document, mode)[0]);
        match mode {
            "seamless" | "legacy-reuse" => assert_eq!(usual, slow, "{mode}"),
            _ => assert!(slow >= usual + 30_000, "{mode}: {usual} {slow}"),
        }
    }
}

#[test]
fn the_source_reads_at_the_target_under_reuse_only() {
    // A25
    let document = compare(&["--runs", "2"]);
    for row in document["rows"].as_array().unwrap() {
        assert_eq!(row["source_reads_target"], row["mode"] == "legacy-reuse", "{row}");
    }
}

#[test]
fn the_table_fits_and_says_what_its_columns_mean() {
    let outcome = compare_in(Path::new("."), &["--runs", "1"]);
    assert_eq!(outcome.status, 0);
    assert!(outcome.out.lines().all(|line| line.chars().count() <= 120), "{}", outcome.out);
    for words in ["legacy-sa-tek", "interruption: how long", "gap: from the last", "bs1 reads bs2: whether"] {
        assert!(outcome.out.contains(words), "{words}");
    }
}

#[test]
fn the_table_of_the_readme_is_what_the_command_prints() {
    let printed = compare_in(Path::new("."), &["--loss", "0"]).out;
    let first = printed.split("\n\nno loss, no association").next().unwrap();
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    assert!(first.lines().count() > 12 && readme.contains(first), "README.md has another table than\n{first}");
}

#[test]
fn the_plot_of_the_readme_is_what_the_command_draws() {
    let folder = tempfile::tempdir().unwrap();
    // The plot takes five runs for a point, however many the table has.
    let outcome = compare_in(folder.path(), &["--runs", "5", "--loss", "0", "--plot", "compare.svg"]);
    assert_eq!((outcome.status, outcome.messages.as_str()), (0, "wrote compare.svg\n"));
    let same =
        fs::read(folder.path().join("compare.svg")).unwrap() == fs::read(repository("docs/compare.svg")).unwrap();
    assert!(same, "docs/compare.svg differs. If the change is wanted: keyhop compare --plot docs/compare.svg");
}

#[test]
fn bad_input_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["--runs", "0"], "1..=10000"),
        (&["--runs", "10001"], "1..=10000"),
        (&["--loss", "1.1"], "expected a probability from 0 to 1, found \"1.1\""),
        (&["--loss", "-0.1"], "expected a probability from 0 to 1, found \"-0.1\""),
        (&["--loss=-0.1"], "expected a probability from 0 to 1"),
        (&["--loss", "NaN"], "expected a probability from 0 to 1"),
        (&["--threads", "0"], "1..=256"),
        (&["--plot", "x.png"], "expected a file name that ends in .svg"),
        (&["--plot", "no-folder/x.svg", "--runs", "1"], "no-folder/x.svg"),
        (&["--set", "mode=seamless"], "every value of it is compared"),
        (&["--set", "radio.loss=0.1"], "use --loss"),
        (&["--set", "radio.frame=5"], "expected a time"),
        (&["--set", "radio.frames=5ms"], "unknown key"),
        (&["--set", "backbone.latency=0s"], "backbone.latency"),
        (&["--set", "frame"], "expected PATH=VALUE"),
    ];
    for (arguments, wanted) in cases {
        let outcome = compare_in(folder.path(), arguments);
        assert_eq!((outcome.status, outcome.out.as_str()), (2, ""), "{arguments:?}: {}", outcome.messages);
        assert!(outcome.messages.contains(wanted), "{arguments:?}: {}", outcome.messages);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{arguments:?}");
    }
}
