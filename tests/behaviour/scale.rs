//! Scripts of many mobiles: groups, base stations on a grid, captures of a few of them, statistics.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use assert_cmd::Command;
use keyhop::capture::key_log::KeyRecord;
use keyhop::capture::{CapturedFrame, FileFormat};
use keyhop::dot16::identifiers::{Bsid, MsMac};
use keyhop::dot16::wire::ManagementMessage;
use keyhop::emulation::Engine;
use keyhop::scenario::run::{FinishedRun, run};
use keyhop::scenario::script::{CaptureChoice, Script, Traffic};
use serde_json::Value;

use crate::support::{bundled, run_script, script};

/// A grid of three base stations in a row, and a group of `count` mobiles; `rest` is the rest of the script.
pub fn grid(count: usize, rest: &str) -> String {
    format!(
        "name = \"grid\"\nshows = \"a test\"\nduration = \"2s\"\n[grid]\ncolumns = 3\nrows = 1\nspacing = 100\n\
         [[mobile_station]]\nname = \"ms\"\ncount = {count}\nmac = \"02000000000a\"\nip = \"10.1.0.250\"\n{rest}"
    )
}

fn finished(script: &Script) -> FinishedRun {
    run(script, Engine::Inline, Path::new("."), None).unwrap()
}

/// Exit status, standard output and standard error of the program, run in `folder`.
pub fn keyhop(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("keyhop").unwrap().current_dir(folder).args(arguments).output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (output.status.code().expect("a status, and no signal"), text(output.stdout), text(output.stderr))
}

#[test]
fn names_and_addresses_of_groups_and_grids_count_upwards() {
    let script = script(&grid(8, ""), &[]);
    let stations: Vec<_> =
        script.base_stations.iter().map(|bs| (bs.name.as_str(), bs.bsid, bs.ip.to_string())).collect();
    let bsid = |last| Bsid([0x0a, 0, 0, 0, 0, last]);
    assert_eq!(stations[0], ("bs1", bsid(1), "10.17.0.1".to_owned()));
    assert_eq!(stations[2], ("bs3", bsid(3), "10.17.0.3".to_owned()));
    let places: Vec<_> = script.base_stations.iter().map(|bs| bs.position.map(|at| (at.x, at.y))).collect();
    assert_eq!(places, [50_000, 150_000, 250_000].map(|x| Some((x, 50_000))));
    let mobile = &script.mobile_stations[7];
    assert_eq!((mobile.name.as_str(), mobile.mac), ("ms8", MsMac([2, 0, 0, 0, 0, 0x11])));
    assert_eq!(mobile.ip.to_string(), "10.1.1.1");
    // Each is served by the nearest base station.
    for mobile in &script.mobile_stations {
        let at = mobile.position.unwrap();
        assert!((0..=300_000).contains(&at.x) && (0..=100_000).contains(&at.y), "{at:?}");
        assert_eq!(mobile.serving.0, usize::try_from(at.x / 100_000).unwrap().min(2), "{at:?}");
    }
    assert!(script.mobile_stations.iter().any(|mobile| mobile.serving.0 != script.mobile_stations[0].serving.0));
}

#[test]
fn a_place_follows_from_seed_and_name_and_from_nothing_else() {
    let places = |count, sets: &[&str]| {
        let script = script(&grid(count, ""), sets);
        script.mobile_stations.iter().map(|mobile| mobile.position.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(places(20, &[])[..10], places(10, &[])[..]);
    assert_ne!(places(10, &[]), places(10, &["seed=2"]));
}

#[test]
fn traffic_and_steps_of_a_group_are_spread_over_its_mobiles() {
    let rest = "[[traffic]]\nmobile_station = \"ms\"\nkind = \"udp\"\nstart = \"200ms\"\ninterval = \"100ms\"\n\
        [[step]]\nat = \"1s\"\naction = \"handover\"\nmobile_station = \"ms\"\ntarget = \"bs2\"\nspread = \"400ms\"\n\
        [[expect]]\ntraffic = { mobile_station = \"ms\", direction = \"uplink\", lost = 0 }\n\
        [[expect]]\nhandovers = { mobile_station = \"ms\", share = 1, count = 4 }\n\
        [[expect]]\nhandovers = { mobile_station = \"ms2\", count = 1 }\n\
        [[expect]]\nhandovers = { outcome = \"cancelled\", count = 0 }\n";
    let text = grid(4, rest).replace("count = 4\nmac", "count = 4\nserving = \"bs1\"\nmac");
    let script = script(&text, &[]);
    let starts: Vec<_> = script
        .traffic
        .iter()
        .map(|traffic| match traffic {
            Traffic::Generated(generated) => (generated.mobile_station.0, generated.start.as_nanos() / 1_000_000),
            Traffic::Capture(_) => unreachable!(),
        })
        .collect();
    assert_eq!(starts, [(0, 200), (1, 225), (2, 250), (3, 275)]);
    let steps: Vec<_> = script.steps.iter().map(|step| step.at.as_nanos() / 1_000_000).collect();
    assert_eq!(steps, [1_000, 1_100, 1_200, 1_300]);
    let run = run_script(&script);
    assert!(run.outcome.expectations.iter().all(|one| one.held), "{:?}", run.outcome.expectations);
    let begun: Vec<_> = run.outcome.handovers.iter().map(|one| (one.ms.as_str(), one.started_us / 1_000)).collect();
    assert_eq!(begun, [("ms1", 1_000), ("ms2", 1_100), ("ms3", 1_200), ("ms4", 1_300)]);
}

#[test]
fn expectations_of_groups_can_fail() {
    let rest = "[[step]]\nat = \"1s\"\naction = \"handover\"\nmobile_station = \"ms\"\ntarget = \"bs2\"\n\
        [[step]]\nat = \"1.01s\"\naction = \"cancel\"\nmobile_station = \"ms1\"\n\
        [[traffic]]\nmobile_station = \"ms\"\nkind = \"udp\"\ndirection = \"uplink\"\n\
        [[fault]]\nlink = \"air:ms2-bs1\"\nto = \"bs1\"\nframe = \"data\"\nlose = true\n\
        [[expect]]\nhandovers = { share = 0.75 }\n\
        [[expect]]\nhandovers = { share = 0.76 }\n\
        [[expect]]\nhandovers = { mode = \"legacy-full\", share = 0 }\n\
        [[expect]]\ntraffic = { mobile_station = \"ms\", direction = \"uplink\", lost = 0 }\n\
        [[expect]]\ntraffic = { mobile_station = \"ms\", direction = \"uplink\", lost = 1 }\n";
    let text = grid(4, rest).replace("count = 4\nmac", "count = 4\nserving = \"bs1\"\nmac");
    let run = run_script(&script(&text, &[]));
    let held: Vec<bool> = run.outcome.expectations.iter().map(|one| one.held).collect();
    assert_eq!(held, [true, false, false, false, true], "{:?}", run.outcome.expectations);
    assert_eq!(run.outcome.expectations[0].detail, "3 of 4 completed");
    assert_eq!(run.outcome.expectations[2].detail, "0 of 0 completed", "a share of none");
}

#[test]
fn bad_groups_grids_and_captures_are_refused_with_what_is_expected() {
    let cases = [
        (
            grid(1, "").replace("columns = 3", "columns = 0"),
            "5:11",
            "a whole number from 1 to 1024, found the integer 0",
        ),
        (
            grid(1, "").replace("columns = 3\nrows = 1", "columns = 64\nrows = 17"),
            "6:8",
            "at most 1024 base stations, columns times rows, found 1088",
        ),
        (
            grid(1, "[[base_station]]\nname = \"x\"\nbsid = \"0b0000000000\"\nip = \"10.9.0.1\"\n"),
            "13:3",
            "no base_station beside [grid]",
        ),
        (grid(901, ""), "10:9", "at most 300 at one base station at the start, found 301 at bs"),
        (
            grid(20, "").replace("02000000000a", "fffffffffff0"),
            "11:7",
            "an address behind which there are 16 more, found \"ff:ff:ff:ff:ff:f0\"",
        ),
        (
            grid(20, "").replace("10.1.0.250", "10.17.0.0"),
            "12:6",
            "values that no other station has, found \"10.17.0.1\" among them",
        ),
        (
            grid(20, "[[mobile_station]]\nname = \"ms7\"\nmac = \"030000000001\"\nip = \"10.9.0.1\"\n"),
            "14:8",
            "a value that no other station has, found the string \"ms7\"",
        ),
        (
            grid(20, "").replace("\"ms\"", "\"a234567890123456789012345678901\""),
            "9:8",
            "at most 32 characters with the number behind it",
        ),
        (grid(2, "pmk = \"00112233445566778899aabbccddeeff01234567\"\n"), "13:1", "no pmk beside count"),
        (grid(0, ""), "10:9", "a whole number from 1 to 307200, found the integer 0"),
        (
            grid(2, "[[traffic]]\nmobile_station = \"mx\"\nkind = \"udp\"\n"),
            "14:18",
            "the name of a [[mobile_station]], single or with count",
        ),
        (
            grid(2, "[[traffic]]\nmobile_station = \"ms1\"\nkind = \"udp\"\nspread = \"1s\"\n"),
            "16:1",
            "no spread for a single mobile station",
        ),
        (
            grid(2, "[[expect]]\nentered = { mobile_station = \"ms\", base_station = \"bs1\", by = \"1s\" }\n"),
            "14:30",
            "the name of a [[mobile_station]]",
        ),
        (
            grid(2, "[[step]]\nat = \"1.9s\"\naction = \"cancel\"\nmobile_station = \"ms\"\nspread = \"101ms\"\n"),
            "17:10",
            "a time from 0s to 100ms",
        ),
        (grid(2, "[capture]\nof = \"some\"\n"), "14:6", "\"all\" or \"none\""),
        (grid(2, "[capture]\nof = \"all\"\nsample = 2\n"), "15:1", "exactly one of of, sample"),
        (grid(2, "[capture]\nsample = 0\n"), "14:10", "a whole number from 1"),
        (grid(2, "[[expect]]\nhandovers = { mobile_station = \"ms\" }\n"), "14:13", "at least one of count, share"),
        (
            grid(60_000, "[[traffic]]\nmobile_station = \"ms\"\nkind = \"udp\"\n")
                .replace("columns = 3\nrows = 1", "columns = 32\nrows = 32"),
            "13:1",
            "at most 4000000 packets in a direction, found 6000000",
        ),
    ];
    for (text, place, message) in cases {
        let error = Script::parse("bad.toml", &text, &[]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("bad.toml:{place}: ")) && error.contains(message), "{message}: {error}");
    }
}

/// What is in a capture of a sample is what the capture of all has about these mobiles, comments included.
#[test]
fn a_sample_is_a_part_of_the_capture_of_all_and_the_judge_finds_nothing_in_it() {
    let mut script = script(&bundled("mobiles-200"), &[]);
    let sample = finished(&script);
    assert_eq!(script.capture, CaptureChoice::Sample(6));
    script.capture = CaptureChoice::All;
    let all = finished(&script);
    let mobiles = ["caller1", "ms24", "ms57", "ms91", "ms124", "ms157"];
    let named = |run: &'_ FinishedRun| -> Vec<(String, String)> {
        let name = |frame: &CapturedFrame| run.capture.interfaces[frame.interface].name.clone();
        let of = |frame: &CapturedFrame| format!("{} {:?} {}", frame.time, frame.octets, frame.comment);
        run.capture.frames.iter().map(|frame| (name(frame), of(frame))).collect()
    };
    let (few, every) = (named(&sample), named(&all));
    let is_air_of = |name: &str, mobile: &str| name.starts_with(&format!("air:{mobile}-"));
    let in_air = |frames: &[(String, String)]| -> Vec<(String, String)> {
        frames.iter().filter(|(name, _)| mobiles.iter().any(|mobile| is_air_of(name, mobile))).cloned().collect()
    };
    assert_eq!(in_air(&few), in_air(&every));
    let every: BTreeSet<&(String, String)> = every.iter().collect();
    assert!(few.iter().all(|frame| every.contains(frame)));
    assert!(few.iter().filter(|(name, _)| name.starts_with("air:")).count() == in_air(&few).len(), "of nobody else");

    let carrying: BTreeSet<usize> = sample.capture.frames.iter().map(|frame| frame.interface).collect();
    assert_eq!(carrying.len(), sample.capture.interfaces.len(), "only interfaces that carry frames");
    assert!(sample.capture.names.len() < 30, "{}", sample.capture.names.len());
    let macs: BTreeSet<MsMac> =
        script.mobile_stations.iter().filter(|ms| mobiles.contains(&ms.name.as_str())).map(|ms| ms.mac).collect();
    let pmks: BTreeSet<MsMac> = sample
        .keys
        .records
        .iter()
        .filter_map(|record| match record {
            KeyRecord::Pmk(record) => Some(record.ms),
            _ => None,
        })
        .collect();
    assert_eq!(pmks, macs);
    assert_eq!(serde_json::to_value(&sample.outcome).unwrap(), serde_json::to_value(&all.outcome).unwrap());
    // Of the GRE tunnels those of the callers that are in the sample.
    assert!(few.iter().any(|(name, frame)| name.starts_with("r6:") && frame.contains("user")));

    script.capture = CaptureChoice::Sample(6);
    let judgement = sample.judged(&script, FileFormat::Pcapng).unwrap().outcome.judge.unwrap();
    assert!(judgement.findings.is_empty(), "{:?}", judgement.findings);
    assert!(judgement.verified.icv == 24 && judgement.verified.cmac == 10, "{:?}", judgement.verified);
}

#[test]
fn without_a_capture_nothing_is_written_or_judged_and_the_figures_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let (status, out, messages) = keyhop(folder.path(), &[&["run", "mobiles-200", "--json"], arguments].concat());
        assert_eq!(status, 0, "{messages}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let mut none = run(&["--capture", "none", "--statistics", "none.json"]);
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["none.json"]);
    assert!(none["judge"].is_null() && none["capture"].is_null());
    let mut few = run(&["--statistics", "few.json"]);
    assert_eq!(few["judge"]["findings"], Value::Array(Vec::new()));
    for json in [&mut none, &mut few] {
        for key in ["judge", "capture"] {
            json.as_object_mut().unwrap().remove(key);
        }
    }
    assert_eq!(none, few);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("none.json"), read("few.json"));
}

#[test]
fn statistics_agree_with_the_document_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["run", "mobiles-200", "--json", "--capture", "none", "--statistics", "s.json", "--statistics", "s.csv"];
    let (status, out, messages) = keyhop(folder.path(), &arguments);
    assert_eq!((status, messages.as_str()), (0, "wrote s.json, s.csv\n"));
    let json: Value = serde_json::from_str(&out).unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let statistics: Value = serde_json::from_str(&read("s.json")).unwrap();
    let handovers = json["handovers"].as_array().unwrap();
    let sum = |key: &str| handovers.iter().map(|one| one[key].as_u64().unwrap()).sum::<u64>();
    let of = &statistics["handovers"];
    assert_eq!(of["total"], handovers.len());
    assert_eq!(of["by_mode"]["seamless"]["completed"], handovers.len());
    assert_eq!(of["messages"]["air"], sum("messages_air"));
    assert_eq!(of["messages"]["backbone"], sum("messages_backbone"));
    assert_eq!(of["octets"]["air"], sum("bytes_air"));
    assert_eq!(of["octets"]["backbone"], sum("bytes_backbone"));
    assert_eq!(of["self_sync_steps"], sum("self_sync_steps"));
    for key in ["interruption_ul_us", "interruption_dl_us", "gap_ul_us", "gap_dl_us"] {
        let mut values: Vec<u64> = handovers.iter().filter_map(|one| one[key].as_u64()).collect();
        values.sort_unstable();
        let quantile = |percent: usize| values[(values.len() * percent).div_ceil(100) - 1];
        assert_eq!(of[key]["count"], values.len());
        for (name, percent) in [("median", 50), ("p90", 90), ("p95", 95), ("p99", 99), ("max", 100)] {
            assert_eq!(of[key][name], quantile(percent), "{key} {name}");
        }
    }
    let traffic = json["traffic"].as_object().unwrap();
    for direction in ["ul", "dl"] {
        for key in ["sent", "delivered", "duplicated", "lost", "altered"] {
            let sum: u64 = traffic.values().map(|of| of[direction][key].as_u64().unwrap()).sum();
            assert_eq!(statistics["traffic"][direction][key], sum, "{direction} {key}");
        }
    }
    assert_eq!(statistics["traffic"]["ul"]["sent"], 120);
    for key in ["rejects", "nonce_reuse", "failed_searches", "seed", "verdict", "scenario"] {
        assert_eq!(statistics[key], json[key], "{key}");
    }
    assert_eq!((&statistics["mobile_stations"], &statistics["base_stations"]), (&200.into(), &9.into()));

    // Every row has the values of its handover under the names of the columns.
    let csv = read("s.csv");
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let columns = lines.next().unwrap();
    let rows: Vec<BTreeMap<&str, &str>> = lines.map(|row| columns.iter().copied().zip(row).collect()).collect();
    assert_eq!(rows.len(), handovers.len());
    for (row, handover) in rows.iter().zip(handovers) {
        assert_eq!(row.len(), columns.len());
        for (column, value) in row {
            let expected = match *column {
                "data_before_ranging_ul" => &handover["data_before_ranging"]["ul"],
                "data_before_ranging_dl" => &handover["data_before_ranging"]["dl"],
                column => &handover[column],
            };
            let expected = if expected.is_null() { String::new() } else { expected.to_string().replace('"', "") };
            assert_eq!(*value, expected, "{column}");
        }
    }
}

#[test]
fn options_that_contradict_each_other_are_refused_and_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["--capture", "some"], "expected all, none or sample=N"),
        (&["--capture", "sample=0"], "expected all, none or sample=N"),
        (&["--capture", "none", "--keylog", "k.keys"], "--keylog: expected no such option where nothing is captured"),
        (&["--statistics", "s.txt"], "expected a file name that ends in .json or .csv"),
        (&["--statistics", "no/such/folder/s.json"], "no/such/folder/s.json: "),
    ];
    for (arguments, message) in cases {
        let (status, out, messages) = keyhop(folder.path(), &[&["run", "mobiles-200"], arguments].concat());
        assert_eq!((status, out.as_str()), (2, ""), "{messages}");
        assert!(messages.contains(message), "{messages}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn notes_of_ignored_commands_are_bounded() {
    let again = |at: &str| {
        format!("[[step]]\nat = \"{at}\"\naction = \"handover\"\nmobile_station = \"ms\"\ntarget = \"bs2\"\n")
    };
    let text = grid(120, &(again("1s") + &again("1.02s"))).replace("count = 120\n", "count = 120\nserving = \"bs1\"\n");
    let mut script = script(&text, &[]);
    script.capture = CaptureChoice::Nothing;
    let finished = finished(&script);
    assert_eq!(finished.notes.len(), 101);
    let told = "ignored: handover: one is under way, or the mobile has no connection";
    assert!(finished.notes[0].ends_with(&format!("ms1: {told}")), "{}", finished.notes[0]);
    assert_eq!(
        finished.notes[100],
        "warning: 20 more commands ignored: handover: one is under way, or the mobile has no connection"
    );
    assert_eq!(finished.outcome.handovers.len(), 120);
}

#[test]
fn a_base_station_of_a_grid_advertises_its_nearest_neighbours() {
    let text = grid(1, "serving = \"bs13\"\n").replace("columns = 3\nrows = 1", "columns = 5\nrows = 5");
    let run = run_script(&script(&text, &[]));
    let advertised: Vec<BTreeSet<u8>> = run
        .air("air:ms1-bs13")
        .into_iter()
        .filter_map(|sent| match sent.message()? {
            ManagementMessage::MobNbrAdv(message) => {
                Some(message.neighbours.iter().map(|one| one.bsid_low.unwrap()[2]).collect())
            }
            _ => None,
        })
        .collect();
    assert!(advertised.len() >= 2);
    assert!(advertised.iter().all(|of| *of == BTreeSet::from([7, 8, 9, 12, 14, 17, 18, 19])), "{advertised:?}");
}

#[test]
fn the_largest_bundled_script_is_valid_and_captures_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _, messages) = keyhop(folder.path(), &["run", "mobiles-100k", "--check"]);
    assert_eq!((status, messages.as_str()), (0, "mobiles-100k: the script is valid\n"));
}
