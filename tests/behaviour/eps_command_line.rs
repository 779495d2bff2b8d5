//! Scripts of EPS on the command line: the same commands as for 802.16.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::repository;

fn keyhop(folder: &TempDir, arguments: &[&str]) -> std::process::Output {
    Command::cargo_bin("keyhop").unwrap().current_dir(folder).args(arguments).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn a_run_of_eps_has_the_document_of_every_run() {
    let folder = tempfile::tempdir().unwrap();
    let output = keyhop(&folder, &["run", "eps-chained", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["scenario"], &document["verdict"]), (&"eps-chained".into(), &"pass".into()));
    let handover = &document["handovers"][0];
    assert_eq!((&handover["ms"], &handover["from"], &handover["to"]), (&"ue1".into(), &"enb1".into(), &"enb2".into()));
    assert_eq!((&handover["mode"], &handover["outcome"]), (&"chained".into(), &"completed".into()));
    assert_eq!((&handover["interruption_ul_us"], &handover["interruption_dl_us"]), (&10_000.into(), &12_000.into()));
    assert_eq!(document["traffic"]["ue1"]["dl"]["lost"], 0);
    assert_eq!(document["judge"]["findings"], serde_json::json!([]));
    for key in ["seed", "expectations", "skipped", "rejects", "attacks", "capture"] {
        assert!(!document[key].is_null(), "{key}");
    }
}

#[test]
fn judge_inspect_and_decrypt_take_what_a_run_leaves() {
    let folder = tempfile::tempdir().unwrap();
    assert!(keyhop(&folder, &["run", "eps-mme-relocation"]).status.success());
    let (capture, keys) = ("eps-mme-relocation.pcapng", "eps-mme-relocation.keys");
    let judged = keyhop(&folder, &["judge", capture, "--keylog", keys, "--json"]);
    assert!(judged.status.success());
    let judgement: Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert!(judgement["verified"]["mac_i"].as_u64().unwrap() > 10);
    let inspected = text(&keyhop(&folder, &["inspect", capture, "--keylog", keys]).stdout);
    assert!(inspected.contains("ForwardRelocationRequest") && inspected.contains("MeasurementReport"), "{inspected}");
    let opened = keyhop(&folder, &["decrypt", capture, "--keylog", keys, "-o", "open.pcapng"]);
    assert!(opened.status.success(), "{}", text(&opened.stderr));
    assert!(folder.path().join("open.pcapng").exists());
}

/// User packets by route 1: Wireshark shows them with the command that the program prints, and not without it.
#[test]
fn pdcp_in_udp_shows_user_packets_with_the_command_that_is_printed() {
    // H11
    let folder = tempfile::tempdir().unwrap();
    let output = keyhop(&folder, &["run", "eps-mme", "--pdcp-udp", "air.pcapng"]);
    assert!(output.status.success());
    let printed = text(&output.stderr);
    let command = printed.split_once("tshark").map(|(_, rest)| format!("tshark {} -V", rest.trim())).unwrap();
    let run = |command: &str| {
        let output = std::process::Command::new("sh").args(["-c", command]).current_dir(&folder).output().unwrap();
        text(&output.stdout)
    };
    let shown = run(&command);
    let sent = "keyhop ue1 uplink packet";
    let hex: String = sent.bytes().map(|octet| format!("{octet:02x}")).collect();
    assert!(shown.matches(&hex).count() > 40 || shown.matches("Destination Port: 52000").count() > 40, "{shown}");
    assert!(shown.matches("[Matches calculated result]").count() >= 20);
    assert!(!shown.contains("Digest wrong") && !shown.contains("Malformed"));
    let without = run("tshark -2 -r air.pcapng -V");
    assert!(!without.contains(&hex) && !without.contains("Destination Port: 52000"));
}

#[test]
fn traffic_from_a_file_takes_the_place_of_the_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let file = repository("captures/user-traffic.pcap");
    let arguments = ["run", "eps-chained", "--json", "--traffic", file.to_str().unwrap(), "--delivered", "out.pcapng"];
    let output = keyhop(&folder, &arguments);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let counts = &document["traffic"]["ue1"];
    assert!(counts["ul"]["sent"].as_u64().unwrap() > 0);
    assert_eq!((&counts["ul"]["altered"], &counts["dl"]["altered"]), (&0.into(), &0.into()));
    assert!(fs::metadata(folder.path().join("out.pcapng")).unwrap().len() > 0);
}

#[test]
fn options_of_the_other_system_are_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&["run", "eps-mme", "--capture", "none"][..], "--capture: expected no such option with a script of EPS"),
        (&["run", "eps-mme", "--statistics", "x.csv"], "--statistics: expected no such option"),
        (&["run", "seamless", "--pdcp-udp", "x.pcapng"], "--pdcp-udp: expected no such option without a script of EPS"),
        (&["run", "eps-mme", "--set", "handover.scheme=none"], "handover.scheme: expected"),
    ] {
        let output = keyhop(&folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(expected), "{arguments:?}: {}", text(&output.stderr));
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

/// Algorithms present in the handover command, and left out; the target keeps those of the source where it can.
#[test]
fn algorithms_are_named_in_a_command_where_they_change_or_where_that_is_wanted() {
    // H11
    let folder = tempfile::tempdir().unwrap();
    let algorithms = |sets: &[&str]| {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let output =
            keyhop(&folder, &[&["run", "eps-mme", "-o", "a.pcapng", "--keylog", "a.keys"], &sets[..]].concat());
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        let opened = ["decrypt", "a.pcapng", "--keylog", "a.keys", "-o", "open.pcapng"];
        assert!(keyhop(&folder, &opened).status.success());
        let log = fs::read_to_string(folder.path().join("a.keys")).unwrap();
        let ciphering = log.lines().filter(|line| line.starts_with("KENB ue"));
        let ciphering: Vec<String> =
            ciphering.map(|line| line.split("ciphering=").nth(1).unwrap()[..1].to_owned()).collect();
        let open = Path::new("open.pcapng");
        let arguments = [
            "-r",
            open.to_str().unwrap(),
            "-Y",
            "lte-rrc.mobilityControlInfo_element && frame.interface_name matches \"^uu\"",
            "-V",
        ];
        let shown = std::process::Command::new("tshark").args(arguments).current_dir(&folder).output().unwrap();
        (text(&shown.stdout).matches("cipheringAlgorithm:").count(), ciphering)
    };
    assert_eq!(algorithms(&[]), (0, vec!["2".to_owned(); 5]));
    assert_eq!(algorithms(&["handover.names_algorithms=true"]), (4, vec!["2".to_owned(); 5]));
    // It would rather have none, and keeps those in use all the same.
    assert_eq!(algorithms(&["enb.enb2.ciphering=eea0"]), (0, vec!["2".to_owned(); 5]));
    let (named, ciphering) = algorithms(&["enb.enb2.ciphering=eea0", "enb.enb2.only_own_algorithms=true"]);
    assert_eq!((named, ciphering[1].as_str()), (1, "0"));
}

#[test]
fn without_integrity_a_message_that_was_changed_on_the_air_is_taken() {
    // broken: H11
    let folder = tempfile::tempdir().unwrap();
    let succeeded = |sets: &[&str]| {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let output = keyhop(&folder, &[&["run", "eps-tampered", "--json"], &sets[..]].concat());
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        (document["attacks"][0]["succeeded"].as_bool().unwrap(), document["eps_rejects"].clone())
    };
    assert_eq!(succeeded(&[]), (false, serde_json::json!({ "mac_i": 1 })));
    let none = ["enb.enb1.integrity=eia0", "enb.enb2.integrity=eia0"];
    assert_eq!(succeeded(&none), (true, serde_json::json!({})));
}

#[test]
fn kasme_opens_everything_also_where_the_nas_algorithms_change() {
    // broken: H2
    let folder = tempfile::tempdir().unwrap();
    let script = fs::read_to_string(repository("captures/eps-mme-relocation.toml")).unwrap();
    let attack = "\n[[attack]]\nname = \"holds-mme1\"\ntrigger = { time = \"100ms\" }\naction = { compromise = \"mme1\" }\n\
        [[expect]]\nreads = { attack = \"holds-mme1\", cells = [\"enb1\", \"enb2\", \"enb3\", \"enb1\"] }\n";
    fs::write(folder.path().join("compromised.toml"), script + attack).unwrap();
    let output = keyhop(&folder, &["run", "compromised.toml"]);
    assert!(output.status.success(), "{}", text(&output.stdout));
}
