//! `keyhop run` and its neighbours from the outside: what is written where, exit status, and bad input.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use assert_cmd::Command;
use serde_json::Value;

struct Outcome {
    status: i32,
    out: String,
    messages: String,
}

impl Outcome {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// A folder of its own for a run of the program.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, octets: impl AsRef<[u8]>) {
        fs::write(self.path(name), octets).unwrap();
    }

    fn keyhop(&self, arguments: &[&str]) -> Outcome {
        let output = Command::cargo_bin("keyhop").unwrap().current_dir(&self.0).args(arguments).output().unwrap();
        Outcome {
            status: output.status.code().expect("a status: no signal, no panic"),
            out: String::from_utf8(output.stdout).unwrap(),
            messages: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Every file of the folder with its content.
    fn listing(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(&self.0).unwrap().map(Result::unwrap);
        entries
            .map(|entry| {
                let content = if entry.path().is_dir() { Vec::new() } else { fs::read(entry.path()).unwrap() };
                (entry.file_name().into_string().unwrap(), content)
            })
            .collect()
    }

    fn names(&self) -> Vec<String> {
        self.listing().into_keys().collect()
    }

    /// The arguments must be refused with status 2, a message that holds each of `wanted`, nothing on standard output,
    /// and the folder as it was.
    fn refuses(&self, arguments: &[&str], wanted: &[&str]) {
        let before = self.listing();
        let outcome = self.keyhop(arguments);
        let message = &outcome.messages;
        assert_eq!(outcome.status, 2, "{arguments:?}: {message}{}", outcome.out);
        assert_eq!(outcome.out, "", "{arguments:?}");
        for wanted in wanted {
            assert!(message.contains(wanted), "{arguments:?}: no {wanted:?} in: {message}");
        }
        assert!(!message.contains("panicked"), "{message}");
        assert!(self.listing() == before, "{arguments:?}: the folder was changed: {:?}", self.names());
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn seamless() -> String {
    fs::read_to_string(repository("captures/seamless.toml")).unwrap()
}

/// A folder with files that a refused run must leave alone.
fn folder_with_earlier_files() -> Folder {
    let folder = Folder::new();
    for name in ["seamless.pcapng", "seamless.keys", "x.pcapng", "x.keys", "out.pcapng"] {
        folder.write(name, format!("earlier {name}"));
    }
    folder
}

#[test]
fn without_o_capture_and_key_log_are_written_by_the_name_of_the_scenario() {
    let folder = Folder::new();
    let outcome = folder.keyhop(&["run", "seamless"]);
    assert_eq!((outcome.status, outcome.messages.contains("error")), (0, false));
    assert_eq!(folder.names(), ["seamless.keys", "seamless.pcapng"]);
    assert!(outcome.out.contains("RNG-REQ") && outcome.out.contains("MOB_MSHO-REQ"), "a ladder");
    assert!(folder.listing()["seamless.keys"].starts_with(b"# keyhop-keylog 1\n"));
    assert!(folder.listing()["seamless.pcapng"].starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
}

#[test]
fn with_o_the_capture_alone_is_written_unless_a_key_log_is_asked_for() {
    let folder = Folder::new();
    assert_eq!(folder.keyhop(&["run", "seamless", "-o", "a.pcapng"]).status, 0);
    assert_eq!(folder.names(), ["a.pcapng"]);
    assert_eq!(folder.keyhop(&["run", "seamless", "-o", "b.pcapng", "--keylog", "b.keys"]).status, 0);
    assert_eq!(folder.names(), ["a.pcapng", "b.keys", "b.pcapng"]);
    let files = folder.listing();
    assert!(files["a.pcapng"] == files["b.pcapng"]);
}

#[test]
fn a_script_from_a_file_gives_the_same_as_the_bundled_one() {
    let folder = Folder::new();
    folder.write("my.toml", seamless());
    folder.write("user-traffic.pcap", fs::read(repository("captures/user-traffic.pcap")).unwrap());
    folder.keyhop(&["run", "my.toml", "-o", "file.pcapng"]);
    folder.keyhop(&["run", "seamless", "-o", "bundled.pcapng"]);
    let files = folder.listing();
    assert!(files["file.pcapng"] == files["bundled.pcapng"]);
}

#[test]
fn an_earlier_output_is_replaced() {
    let folder = folder_with_earlier_files();
    assert_eq!(folder.keyhop(&["run", "seamless"]).status, 0);
    assert!(folder.listing()["seamless.pcapng"].starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
    assert_eq!(folder.listing()["x.keys"], b"earlier x.keys");
}

#[test]
fn check_writes_nothing() {
    let folder = folder_with_earlier_files();
    let before = folder.listing();
    let outcome = folder.keyhop(&["run", "seamless", "--check"]);
    assert_eq!(outcome.status, 0);
    assert!(folder.listing() == before);
    folder.refuses(&["run", "seamless", "--check", "--set", "radio.frame=5"], &["unit"]);
}

#[test]
fn classic_pcap_has_one_link_type_and_every_frame() {
    let folder = Folder::new();
    let json = folder.keyhop(&["run", "seamless", "--format", "pcap", "--json"]).json();
    assert_eq!(folder.names(), ["seamless.keys", "seamless.pcap"]);
    let file = &folder.listing()["seamless.pcap"];
    // Little-endian with nanoseconds, link type 252.
    assert_eq!((&file[..4], &file[20..24]), (&[0x4d, 0x3c, 0xb2, 0xa1][..], &[252, 0, 0, 0][..]));
    let lines = folder.keyhop(&["inspect", "seamless.pcap", "--keylog", "seamless.keys", "--json"]).out;
    assert_eq!(lines.lines().count() as u64, json["capture"]["frames"]);
}

#[test]
fn json_is_one_document_with_every_key_of_the_contract() {
    let folder = Folder::new();
    let outcome = folder.keyhop(&["run", "replay-data", "--json", "-o", "x/../x.pcapng", "--seed", "5"]);
    // The folder x does not exist.
    assert_eq!(outcome.status, 2);
    let outcome = folder.keyhop(&["run", "replay-data", "--json", "-o", "x.pcapng", "--seed", "5"]);
    let json = outcome.json();
    let has = |value: &Value, keys: &[&str]| {
        for key in keys {
            assert!(value.get(key).is_some(), "no {key} in {value}");
        }
    };
    has(
        &json,
        &[
            "scenario",
            "seed",
            "verdict",
            "expectations",
            "handovers",
            "traffic",
            "skipped",
            "rejects",
            "attacks",
            "capture",
            "judge",
        ],
    );
    assert_eq!(
        (&json["scenario"], &json["seed"], &json["verdict"]),
        (&"replay-data".into(), &5.into(), &"pass".into())
    );
    has(&json["expectations"][0], &["text", "held", "detail"]);
    let handovers = json["handovers"].as_array().unwrap();
    assert_eq!(handovers.len(), 2);
    for handover in handovers {
        has(
            handover,
            &[
                "ms",
                "from",
                "to",
                "mode",
                "outcome",
                "interruption_ul_us",
                "interruption_dl_us",
                "gap_ul_us",
                "gap_dl_us",
                "messages_air",
                "messages_backbone",
                "bytes_air",
                "bytes_backbone",
                "self_sync_steps",
                "data_before_ranging",
            ],
        );
        has(&handover["data_before_ranging"], &["ul", "dl"]);
    }
    for direction in ["ul", "dl"] {
        has(&json["traffic"]["ms1"][direction], &["sent", "delivered", "duplicated", "lost", "altered"]);
    }
    has(&json["skipped"], &["not_ipv4", "truncated"]);
    has(&json["rejects"], &["icv", "pn_replay", "cmac", "cmac_pn", "key_count", "malformed"]);
    has(&json["attacks"][0], &["name", "succeeded", "detail"]);
    assert_eq!(json["capture"]["file"], "x.pcapng");
    assert!(json["capture"]["frames"].as_u64().unwrap() > 500);
}

#[test]
fn status_1_says_that_an_expectation_does_not_hold_and_the_files_are_written_all_the_same() {
    let folder = Folder::new();
    let outcome = folder.keyhop(&["run", "cancel-retry", "--set", "base_station.bs2.tek_cache=false", "--json"]);
    assert_eq!(outcome.status, 1);
    let json = outcome.json();
    assert_eq!(json["verdict"], "fail");
    let failed = json["expectations"].as_array().unwrap().iter().filter(|expectation| expectation["held"] == false);
    assert!(failed.count() >= 1);
    assert_eq!(folder.names(), ["cancel-retry.keys", "cancel-retry.pcapng"]);
    assert_eq!(folder.keyhop(&["run", "cancel-retry", "--set", "base_station.bs2.tek_cache=false"]).status, 1);
}

#[test]
fn set_changes_what_it_names_and_the_last_one_counts() {
    let folder = Folder::new();
    let json = |sets: &[&str]| {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        folder.keyhop(&[&["run", "seamless", "--json", "-o", "x.pcapng"], &sets[..]].concat()).json()
    };
    assert_eq!(json(&["mobile_station.ms1.seamless=false"])["handovers"][0]["mode"], "legacy-rng-rsp");
    assert_eq!(json(&["seed=8", "seed=9"])["seed"], 9);
    let usual = json(&[])["handovers"][0]["interruption_ul_us"].as_u64().unwrap();
    let longer = json(&["radio.frame=20ms"])["handovers"][0]["interruption_ul_us"].as_u64().unwrap();
    assert!(longer > 2 * usual, "{usual} {longer}");
}

#[test]
fn a_script_that_is_wrong_is_refused_with_file_line_column_and_expectation() {
    let folder = folder_with_earlier_files();
    let second_line_of = |text: &str, wrong: &str| -> usize {
        text.lines().position(|line| line.contains(wrong)).expect("the faulty line") + 1
    };
    for (right, wrong, wanted) in [
        ("duration = \"2.5s\"", "duration = 2.5", &["2.5", "unit"][..]),
        ("duration = \"2.5s\"", "duration = \"2.5\"", &["unit"]),
        ("duration = \"2.5s\"", "duraton = \"2.5s\"", &["duraton", "duration"]),
        ("target = \"bs2\"", "target = \"bs9\"", &["bs9", "bs1"]),
        ("serving = \"bs1\"", "serving = \"bs7\"", &["bs7"]),
        ("at = \"1s\"", "at = \"1 parsec\"", &["parsec"]),
        ("bsid = \"0a:00:00:00:00:01\"", "bsid = \"0a:00:00:00:00\"", &["six octets", "0a:00:00:00:00"]),
        ("action = \"handover\"", "action = \"hand over\"", &["hand over", "handover"]),
        ("seamless\"", "seam/less\"", &["seam/less"]),
        ("[[step]]", "[[step]", &["]"]),
    ] {
        let text = seamless().replacen(right, wrong, 1);
        assert_ne!(text, seamless(), "{right}");
        folder.write("wrong.toml", &text);
        let line = second_line_of(&text, wrong);
        let place = format!("wrong.toml:{line}:");
        folder.refuses(&["run", "wrong.toml"], &[&[place.as_str()], wanted].concat());
        folder.refuses(&["run", "wrong.toml", "--check"], &[&[place.as_str()], wanted].concat());
    }
    folder.write("latency.toml", seamless() + "\n[backbone]\nlatency = \"0s\"\n");
    folder.refuses(&["run", "latency.toml"], &["latency.toml:", "latency", "0"]);
    folder.write("binary.toml", [b'n', b'a', 0xff, 0xfe]);
    folder.refuses(&["run", "binary.toml"], &["binary.toml", "UTF-8", "2"]);
    folder.write("empty.toml", "");
    folder.refuses(&["run", "empty.toml"], &["empty.toml", "name"]);
}

#[test]
fn a_scenario_that_does_not_exist_is_refused_and_the_bundled_ones_are_named() {
    let folder = folder_with_earlier_files();
    folder.refuses(&["run", "seamles"], &["seamles", "seamless", "cancel-retry"]);
    folder.refuses(&["run", "no-such.toml"], &["no-such.toml"]);
    fs::create_dir(folder.path("dir.toml")).unwrap();
    folder.refuses(&["run", "dir.toml"], &["dir.toml"]);
    folder.refuses(&["run"], &["NAME"]);
}

#[test]
fn set_arguments_that_are_wrong_are_refused() {
    let folder = folder_with_earlier_files();
    for (set, wanted) in [
        ("radio.frame=5", &["radio.frame", "unit"][..]),
        ("radio.fram=5ms", &["radio.fram", "frame"]),
        ("radio.loss=2", &["radio.loss", "2"]),
        ("backbone.latency=0ms", &["latency", "0"]),
        ("base_station.bs9.tek_cache=false", &["bs9"]),
        ("base_station.bs2.tek_cache=maybe", &["tek_cache", "maybe"]),
        ("base_station.bs2.no_such=1", &["no_such"]),
        ("mobile_station.ms1.serving=bs9", &["bs9"]),
        ("radio=5", &["radio"]),
        ("seed=-1", &["seed", "-1"]),
        ("nonsense", &["nonsense", "="]),
        ("=5", &["=5"]),
        ("radio..frame=5ms", &["radio..frame"]),
    ] {
        folder.refuses(&["run", "seamless", "--set", set], wanted);
    }
}

#[test]
fn traffic_files_that_are_wrong_are_refused_with_frame_and_octet() {
    let folder = folder_with_earlier_files();
    let golden = fs::read(repository("captures/user-traffic.pcap")).unwrap();
    let refused = |wanted: &[&str]| {
        folder.refuses(&["run", "seamless", "--traffic", "t.pcap", "--delivered", "out.pcapng"], wanted);
    };
    // Cut in a packet, in a record header, in the file header.
    for length in [golden.len() - 1, 24 + 7, 11, 3, 0] {
        folder.write("t.pcap", &golden[..length]);
        refused(&["t.pcap", "octet"]);
    }
    folder.write("t.pcap", "this is no capture at all, but long enough to be one");
    refused(&["t.pcap", "octet 0", "expected a pcap or pcapng file"]);
    let mut bluetooth = golden.clone();
    bluetooth[20..24].copy_from_slice(&if golden[0] == 0xa1 { 187u32.to_be_bytes() } else { 187u32.to_le_bytes() });
    folder.write("t.pcap", &bluetooth);
    refused(&["t.pcap", "link type", "187", "Ethernet"]);
    let capture = fs::read(repository("captures/seamless.pcapng")).unwrap();
    folder.write("t.pcap", &capture);
    refused(&["t.pcap", "link type", "252"]);
    // A capture without any IPv4 packet says nobody's address.
    folder.write("t.pcap", &golden[..24]);
    refused(&["t.pcap", "IPv4"]);
    folder.refuses(&["run", "seamless", "--traffic", "no-such.pcap"], &["no-such.pcap"]);
    folder.refuses(&["run", "seamless", "--traffic", "."], &["."]);
    folder.refuses(&["run", "seamless", "--traffic-mobile", "192.0.2.10"], &["--traffic"]);
    folder.write("t.pcap", &golden);
    folder.refuses(&["run", "seamless", "--traffic", "t.pcap", "--traffic-mobile", "192.0.2"], &["192.0.2"]);
}

#[test]
fn engines_threads_and_formats_that_are_not_there_are_refused() {
    let folder = folder_with_earlier_files();
    folder.refuses(&["run", "seamless", "--threads", "0"], &["--threads", "1..=256"]);
    folder.refuses(&["run", "seamless", "--threads", "2", "--engine", "per-node"], &["--threads", "shards"]);
    folder.refuses(&["run", "seamless", "--threads", "2", "--engine", "inline"], &["--threads", "shards"]);
    folder.refuses(&["run", "seamless", "--engine", "warp"], &["warp", "inline", "per-node", "shards"]);
    folder.refuses(&["run", "seamless", "--format", "pdf"], &["pdf", "pcapng"]);
    folder.refuses(&["run", "seamless", "--seed", "-1"], &["-1"]);
    folder.refuses(&["run", "seamless", "--no-such-option"], &["--no-such-option"]);
}

#[test]
fn when_one_output_cannot_be_written_none_is() {
    let folder = folder_with_earlier_files();
    folder.write("file", "no folder");
    fs::create_dir(folder.path("folder")).unwrap();
    for bad in ["file/x", "no-such-folder/x", "folder"] {
        folder.refuses(&["run", "seamless", "-o", bad], &[bad]);
        folder.refuses(&["run", "seamless", "--keylog", bad], &[bad]);
        folder.refuses(&["run", "seamless", "--delivered", bad], &[bad]);
        folder.refuses(&["run", "seamless", "-o", "x.pcapng", "--keylog", "x.keys", "--delivered", bad], &[bad]);
    }
    folder.refuses(&["run", "seamless", "-o", "x.pcapng", "--keylog", "x.pcapng"], &["x.pcapng"]);
    folder.refuses(&["run", "seamless", "-o", "x.pcapng", "--delivered", "./x.pcapng"], &["x.pcapng"]);
    assert_eq!(fs::read(folder.path("file")).unwrap(), b"no folder");
}

#[test]
fn list_names_every_script_with_what_it_shows() {
    let folder = Folder::new();
    let json = folder.keyhop(&["list", "--json"]).json();
    let entries = json.as_array().unwrap();
    let mut names: Vec<&str> = entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    let mut scripts: Vec<String> = fs::read_dir(repository("captures"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().unwrap().strip_suffix(".toml").map(str::to_owned))
        .collect();
    scripts.sort_unstable();
    assert_eq!(names, scripts);
    let plain = folder.keyhop(&["list"]);
    assert_eq!(plain.status, 0);
    for entry in entries {
        let text = |key: &str| entry[key].as_str().unwrap();
        assert!(
            !text("shows").is_empty()
                && ["dot16", "eps", "context-transfer", "parlos", "e2m"].contains(&text("system"))
        );
        assert!(entry["statements"].as_array().unwrap().iter().all(Value::is_string));
        assert_eq!(entry["attack"].is_null(), entry["defence"].is_null());
        assert!(plain.out.contains(text("name")));
    }
    let broken = entries.iter().find(|entry| entry["name"] == "replay-data-no-cache").unwrap();
    assert_eq!((&broken["attack"], &broken["defence"]), (&5.into(), &"off".into()));
}

#[test]
fn inspect_accepts_every_data_pdu_and_every_cmac_of_the_golden() {
    // A1, A9
    let folder = Folder::new();
    let (capture, keys) = (repository("captures/seamless.pcapng"), repository("captures/seamless.keys"));
    let outcome = folder.keyhop(&["inspect", capture.to_str().unwrap(), "--keylog", keys.to_str().unwrap(), "--json"]);
    assert_eq!((outcome.status, outcome.messages.as_str()), (0, ""));
    let lines: Vec<Value> = outcome.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut data, mut ranging) = (BTreeMap::new(), 0);
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["frame"], index as u64 + 1);
        for key in ["time_ns", "interface", "direction", "kind", "cid", "summary", "verdict", "pn", "eks", "payload"] {
            assert!(line.get(key).is_some(), "frame {}: no {key}", index + 1);
        }
        // A burst of several PDUs holds them all in `pdus`.
        let several = line["pdus"].as_array().cloned().unwrap_or_else(|| vec![line.clone()]);
        for pdu in several {
            let kind = pdu["kind"].as_str().unwrap();
            if kind == "data" {
                assert_eq!(pdu["verdict"], "accept", "frame {}", index + 1);
                assert!(pdu["pn"].as_u64().unwrap() >= 1);
                let link = (line["interface"].to_string(), line["direction"].to_string());
                *data.entry(link).or_insert(0) += 1;
            }
            if ["RNG-REQ", "RNG-RSP", "MOB_MSHO-REQ", "MOB_BSHO-RSP", "MOB_HO-IND"].contains(&kind) {
                assert_eq!(pdu["verdict"], "accept", "frame {} {kind}", index + 1);
                ranging += 1;
            }
        }
    }
    assert_eq!(data.len(), 4, "both directions on both links: {data:?}");
    assert_eq!(ranging, 5);
}

fn tshark(file: &Path, arguments: &[&str]) -> String {
    let output = Process::new("tshark").arg("-r").arg(file).args(arguments).output().expect("tshark is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn wireshark_shows_the_ip_packets_of_a_decrypted_golden() {
    let folder = Folder::new();
    let (capture, keys) = (repository("captures/seamless.pcapng"), repository("captures/seamless.keys"));
    let arguments = ["decrypt", capture.to_str().unwrap(), "--keylog", keys.to_str().unwrap(), "-o", "open.pcapng"];
    let outcome = folder.keyhop(&arguments);
    assert_eq!(outcome.status, 0, "{}", outcome.messages);
    let echoes =
        |file: &Path| tshark(file, &["-Y", "icmp.type == 8 && !gre", "-T", "fields", "-e", "icmp.seq"]).lines().count();
    assert_eq!(echoes(&capture), 0);
    // Every echo request crosses one air link once.
    let json = folder.keyhop(&["run", "seamless", "--json", "-o", "x.pcapng", "--delivered", "d.pcapng"]).json();
    let sent = tshark(&folder.path("d.pcapng"), &["-Y", "icmp.type == 8"]).lines().count();
    assert!(sent > 5);
    assert_eq!(echoes(&folder.path("open.pcapng")), sent);
    let datagrams =
        tshark(&folder.path("open.pcapng"), &["-Y", "udp && ip.addr == 192.0.2.10 && !gre"]).lines().count();
    let traffic = &json["traffic"]["ms1"];
    let packets = ["ul", "dl"].map(|direction| traffic[direction]["sent"].as_u64().unwrap()).iter().sum::<u64>();
    assert_eq!(datagrams + 2 * sent, packets as usize);
}

/// The attack from scratch of `captures/README.md`: its script is run as the page says, and prints what the page shows.
#[test]
fn the_tutorial_happens_as_it_is_written() {
    let page = fs::read_to_string(repository("captures/README.md")).unwrap();
    let tutorial = page.split("## An attack from scratch").nth(1).unwrap().split("\n## ").next().unwrap();
    let script = tutorial.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = Folder::new();
    folder.write("mine.toml", script);
    let attacks = script.split("# The attack").nth(1).unwrap();
    let lines = attacks.lines().filter(|line| line.contains(" = "));
    assert_eq!(lines.count(), 10, "ten lines, beside the two headings");
    let commands: Vec<&str> = tutorial.split("```\n$ keyhop ").skip(1).collect();
    assert_eq!(commands.len(), 4);
    for command in commands {
        let (arguments, shown) = command.split("```").next().unwrap().split_once('\n').unwrap();
        let outcome = folder.keyhop(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(outcome.status, i32::from(shown.contains("FAIL")), "{arguments}: {}", outcome.messages);
        let mut printed = outcome.out.lines();
        for line in shown.lines() {
            assert!(
                printed.any(|one| one == line),
                "{arguments}: not printed, or not in this order:\n{line}\n{}",
                outcome.out
            );
        }
    }
}
