//! `keyhop sweep` and `keyhop merge`: which rows there are, that they are the same however they were made, and that finished
//! ones outlive whatever stops the command.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{network, repository};

const KEYHOP: &str = env!("CARGO_BIN_EXE_keyhop");

/// Two losses, two modes, three seeds: 12 rows.
const STUDY: &str = "scenario = \"pair.toml\"\nseeds = { from = 5, to = 7 }\n[grid]\nradio.loss = [0.0, 0.3]\n\
                     mode = [\"seamless\", \"legacy-rng-rsp\"]\n";

struct Outcome {
    /// `None`: a signal.
    status: Option<i32>,
    out: String,
    messages: String,
}

/// A folder with a study and its script.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        bench.write("study.toml", STUDY);
        let step = "[[step]]\nat = \"50ms\"\naction = \"handover\"\ntarget = \"bs2\"\ncandidates = [\"bs2\"]\n";
        let traffic = "[[traffic]]\nkind = \"udp\"\ndirection = \"both\"\nstart = \"10ms\"\nstop = \"250ms\"\n\
                       interval = \"20ms\"\nsize = 64\n[[expect]]\n\
                       traffic = { mobile_station = \"ms1\", direction = \"uplink\", lost = 0, duplicated = 0 }\n";
        let script = network(2, &format!("{step}{traffic}")).replace("2.5s", "300ms");
        bench.write("pair.toml", &script);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn keyhop(&self, arguments: &[&str]) -> Outcome {
        outcome(Command::new(KEYHOP).current_dir(&self.0).args(arguments))
    }

    /// A sweep into `folder` that must come to its end.
    fn sweep(&self, folder: &str, arguments: &[&str]) -> Outcome {
        let outcome = self.keyhop(&[&["sweep", "study.toml", "-o", folder], arguments].concat());
        assert_eq!(outcome.status, Some(0), "{}", outcome.messages);
        outcome
    }

    /// The arguments must be refused with `status`, a message with each of `wanted`, and every file as it was.
    fn refuses(&self, status: i32, arguments: &[&str], wanted: &[&str]) {
        let before = files(self.0.path());
        let outcome = self.keyhop(arguments);
        assert_eq!(outcome.status, Some(status), "{arguments:?}: {}{}", outcome.messages, outcome.out);
        assert_eq!(outcome.out, "", "{arguments:?}");
        for wanted in wanted {
            assert!(outcome.messages.contains(wanted), "{arguments:?}: no {wanted:?} in: {}", outcome.messages);
        }
        assert!(!outcome.messages.contains("panicked"), "{}", outcome.messages);
        assert!(files(self.0.path()) == before, "{arguments:?}: files were changed");
    }
}

fn outcome(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Outcome {
        status: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        messages: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Every file below `folder` with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.clone(), Vec::new());
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// The rows of a table, by the names of its columns.
fn table(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = csv.lines().map(cells);
    let names = lines.next().unwrap();
    lines.map(|cells| names.iter().cloned().zip(cells).collect()).collect()
}

/// The cells of a line of CSV in which no text has a line end or a quote.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    for (number, stretch) in line.split('"').enumerate() {
        let quoted = number % 2 == 1;
        let mut parts = if quoted { vec![stretch] } else { stretch.split(',').collect() }.into_iter();
        cells.last_mut().unwrap().push_str(parts.next().unwrap());
        cells.extend(parts.map(str::to_owned));
    }
    cells
}

#[test]
fn every_combination_has_a_row_for_each_seed_in_the_order_of_the_file() {
    let bench = Bench::new();
    let outcome = bench.sweep("results", &["--json"]);
    let json: Value = serde_json::from_str(&outcome.out).unwrap();
    let rows = table(&bench.read("results/rows.csv"));
    let mut expected = Vec::new();
    for loss in ["0.0", "0.3"] {
        for mode in ["seamless", "legacy-rng-rsp"] {
            for seed in ["5", "6", "7"] {
                expected.push([(expected.len() + 1).to_string(), loss.to_owned(), mode.to_owned(), seed.to_owned()]);
            }
        }
    }
    let found: Vec<_> =
        rows.iter().map(|row| ["row", "radio.loss", "mode", "seed"].map(|name| row[name].clone())).collect();
    assert_eq!(found, expected);
    for row in &rows[..6] {
        let seamless = row["mode"] == "seamless";
        assert_eq!((row["verdict"].as_str(), row["completed"].as_str()), ("pass", "1"));
        assert_eq!(
            [&row["completed_seamless"], &row["completed_legacy_rng_rsp"]],
            if seamless { ["1", "0"] } else { ["0", "1"] }
        );
    }
    // The seeds count: under loss the runs differ, and so do some of the verdicts.
    let of = |name: &str| rows[6..].iter().map(|row| row[name].as_str()).collect::<Vec<_>>();
    assert!(of("lost_ul").iter().any(|lost| *lost != of("lost_ul")[0]), "{:?}", of("lost_ul"));
    let failed = of("verdict").iter().filter(|verdict| **verdict == "fail").count();
    assert!(failed > 0 && of("expectations_failed").iter().filter(|number| **number == "1").count() == failed);
    for (key, value) in [("rows", 12), ("found", 0), ("run", 12), ("failed", failed)] {
        assert_eq!(json[key], value, "{key}");
    }
    assert_eq!((&json["study"], &json["file"]), (&"study.toml".into(), &"rows.csv".into()));
}

#[test]
fn a_row_says_what_the_same_run_alone_says() {
    let bench = Bench::new();
    bench.sweep("results", &[]);
    let rows = table(&bench.read("results/rows.csv"));
    for row in [&rows[1], &rows[8]] {
        let sets = [format!("radio.loss={}", row["radio.loss"]), format!("mode={}", row["mode"])];
        let arguments = ["run", "pair.toml", "--json", "--seed", &row["seed"], "--set", &sets[0], "--set", &sets[1]];
        let json: Value = serde_json::from_str(&bench.keyhop(&arguments).out).unwrap();
        assert_eq!(json["verdict"], row["verdict"].as_str());
        let handover = &json["handovers"][0];
        assert_eq!(row[&handover["outcome"].as_str().unwrap().replace('-', "_")], "1");
        if handover["outcome"] == "completed" {
            for [column, key] in [
                ["interruption_ul_us_median", "interruption_ul_us"],
                ["interruption_dl_us_max", "interruption_dl_us"],
                ["messages_air", "messages_air"],
                ["bytes_backbone", "bytes_backbone"],
            ] {
                assert_eq!(
                    row[column],
                    handover[key].as_u64().map_or(String::new(), |number| number.to_string()),
                    "{column}"
                );
            }
        }
        assert_eq!(row["lost_ul"], json["traffic"]["ms1"]["ul"]["lost"].to_string());
    }
}

/// Where mobiles begin and go follows from the seed as the script is read.
#[test]
fn mobiles_that_move_go_where_the_seed_of_their_row_says() {
    let bench = Bench::new();
    bench.write(
        "study.toml",
        "scenario = \"mobiles-200\"\nseeds = [4, 9]\n[grid]\nmobile_station.ms.count = [20]\nmobility.hysteresis = [0]\n",
    );
    bench.sweep("results", &[]);
    let rows = table(&bench.read("results/rows.csv"));
    let mut handovers = Vec::new();
    for row in &rows {
        let sets = ["--set", "mobile_station.ms.count=20", "--set", "mobility.hysteresis=0"];
        let run = ["run", "mobiles-200", "--json", "--capture", "none", "--seed", &row["seed"]];
        let json: Value = serde_json::from_str(&bench.keyhop(&[&run, &sets[..]].concat()).out).unwrap();
        let all = json["handovers"].as_array().unwrap();
        assert_eq!(row["handovers"], all.len().to_string());
        let interruptions: Vec<u64> = all
            .iter()
            .filter(|handover| handover["outcome"] == "completed")
            .map(|handover| handover["interruption_dl_us"].as_u64().unwrap())
            .collect();
        assert_eq!(row["interruption_dl_us_max"], interruptions.iter().max().unwrap().to_string());
        assert_eq!(row["verdict"], json["verdict"].as_str().unwrap());
        handovers.push(all.clone());
    }
    assert_ne!(handovers[0], handovers[1]);
}

#[test]
fn rows_are_the_same_for_any_threads_and_any_parts() {
    let bench = Bench::new();
    bench.sweep("one", &["--threads", "1"]);
    let whole = bench.read("one/rows.csv");
    for threads in ["2", "4"] {
        bench.sweep(threads, &["--threads", threads]);
        assert!(bench.read(&format!("{threads}/rows.csv")) == whole, "{threads} threads");
    }
    // Two parts in one folder, the third in another, in any order.
    for (folder, shard) in [("parts", "3/3"), ("elsewhere", "1/3"), ("parts", "2/3")] {
        bench.sweep(folder, &["--shard", shard]);
    }
    let part = table(&bench.read("parts/part-2-of-3.csv"));
    assert_eq!(part.iter().map(|row| row["row"].as_str()).collect::<Vec<_>>(), ["2", "5", "8", "11"]);
    let merged = bench.keyhop(&["merge", "parts", "elsewhere", "-o", "merged.csv"]);
    assert_eq!((merged.status, merged.messages.as_str()), (Some(0), ""));
    assert!(bench.read("merged.csv") == whole);
    // The same rows again, from the whole sweep: equal ones may come twice.
    let merged = bench.keyhop(&["merge", "parts", "one", "-o", "again.csv"]);
    assert_eq!(merged.status, Some(0), "{}", merged.messages);
    assert!(bench.read("again.csv") == whole);
    // As JSON.
    for folders in [&["parts", "elsewhere"][..], &["one"]] {
        let file = format!("{}.json", folders[0]);
        let outcome = bench.keyhop(&[&["merge"], folders, &["-o", &file, "--json"]].concat());
        let summary: Value = serde_json::from_str(&outcome.out).unwrap();
        assert_eq!((&summary["rows"], &summary["scenario"]), (&12.into(), &"pair.toml".into()));
    }
    assert!(bench.read("parts.json") == bench.read("one.json"));
    let json: Value = serde_json::from_str(&bench.read("one.json")).unwrap();
    for (object, cells) in json["rows"].as_array().unwrap().iter().zip(table(&whole)) {
        for (name, cell) in cells {
            let value = match &object[&name] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                number => number.to_string(),
            };
            assert_eq!(value, cell, "{name}");
        }
    }
}

#[test]
fn a_merge_names_the_rows_that_are_missing() {
    let bench = Bench::new();
    bench.sweep("parts", &["--shard", "1/3"]);
    bench.sweep("parts", &["--shard", "3/3"]);
    let wanted = "expected 12 rows, found 8; missing: 2, 5, 8, 11";
    bench.refuses(1, &["merge", "parts", "-o", "merged.csv"], &[wanted]);
    bench.sweep("elsewhere", &["--shard", "2/3"]);
    bench.refuses(1, &["merge", "elsewhere", "-o", "merged.csv"], &["found 4; missing: 1, 3-4, 6-7, 9-10, 12"]);
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let bench = Bench::new();
    bench.sweep("one", &["--shard", "1/2"]);
    bench.write("study.toml", &STUDY.replace("to = 7", "to = 8"));
    bench.sweep("two", &["--shard", "2/2"]);
    let wanted = ["two: expected rows of the study in one", "seeds: expected {\"from\":5,\"to\":7}"];
    bench.refuses(2, &["merge", "one", "two", "-o", "merged.csv"], &wanted);
    // Two runs of one row that differ.
    bench.write("study.toml", STUDY);
    bench.sweep("three", &["--shard", "1/2"]);
    let journal = bench.read("three/part-1-of-2.jsonl");
    bench.write("three/part-1-of-2.jsonl", &journal.replacen("\"pass\"", "\"fail\"", 1));
    bench.refuses(
        2,
        &["merge", "one", "three", "-o", "merged.csv"],
        &["three/part-1-of-2.jsonl: expected row ", "as it was"],
    );
    fs::create_dir(bench.path("empty")).unwrap();
    bench.refuses(2, &["merge", "one", "empty", "-o", "x.csv"], &["empty: expected the folder of a study"]);
    bench.refuses(2, &["merge", "none", "-o", "x.csv"], &["none: "]);
    bench.refuses(2, &["merge", "one", "-o", "x.txt"], &["expected a file name that ends in .csv or .json"]);
    bench.refuses(2, &["merge", "-o", "x.csv"], &["FOLDER"]);
    bench.refuses(2, &["merge", "one", "-o", "none/x.csv"], &["none"]);
    bench.write("one/study.json", "{}");
    bench.refuses(2, &["merge", "one", "-o", "x.csv"], &["one/study.json: expected the manifest of a study"]);
}

#[test]
fn a_second_start_runs_only_what_is_not_finished_and_drops_a_torn_line() {
    let bench = Bench::new();
    bench.sweep("results", &["--threads", "2"]);
    let (table, journal) = (bench.read("results/rows.csv"), bench.read("results/rows.jsonl"));
    // Everything is there.
    let outcome = bench.sweep("results", &[]);
    assert_eq!(outcome.messages, "results: 12 of 12 rows are there already\n");
    assert!(outcome.out.starts_with("12 rows (12 found, 0 run), "), "{}", outcome.out);
    assert!(bench.read("results/rows.csv") == table);
    // Seven rows and a half.
    let whole: usize = journal.split_inclusive('\n').take(7).map(str::len).sum();
    fs::remove_file(bench.path("results/rows.csv")).unwrap();
    bench.write("results/rows.jsonl", &journal[..whole + 30]);
    let outcome = bench.sweep("results", &[]);
    assert!(outcome.messages.contains("results: dropped a torn line of 30 octets"), "{}", outcome.messages);
    assert!(outcome.messages.contains("results: 7 of 12 rows are there already"), "{}", outcome.messages);
    assert!(outcome.out.starts_with("12 rows (7 found, 5 run), "), "{}", outcome.out);
    assert!(bench.read("results/rows.csv") == table);
    assert!(bench.read("results/rows.jsonl").starts_with(&journal[..whole]));
    // A whole line that is none of the study is no accident of writing.
    bench.write("results/rows.jsonl", &format!("{}nonsense\n", &journal[..whole]));
    bench.refuses(2, &["sweep", "study.toml", "-o", "results"], &["results/rows.jsonl:8: expected a row of "]);
}

#[test]
fn a_sweep_that_is_killed_goes_on_and_comes_to_the_same_table() {
    let bench = Bench::new();
    bench.write("study.toml", &STUDY.replace("to = 7", "to = 84"));
    bench.sweep("whole", &[]);
    let mut child = Command::new(KEYHOP)
        .current_dir(&bench.0)
        .args(["sweep", "study.toml", "-o", "killed", "--threads", "1"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !fs::read_to_string(bench.path("killed/rows.jsonl")).is_ok_and(|journal| journal.lines().count() > 10) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no rows");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!bench.path("killed/rows.csv").exists(), "it was killed before its end");
    let kept = bench.read("killed/rows.jsonl");
    let finished = kept.matches('\n').count();
    assert!((10..320).contains(&finished), "{finished}");
    let outcome = bench.sweep("killed", &[]);
    assert!(outcome.messages.contains(&format!("{finished} of 320 rows are there already")), "{}", outcome.messages);
    let whole_lines = &kept[..kept.rfind('\n').unwrap() + 1];
    assert!(bench.read("killed/rows.jsonl").starts_with(whole_lines));
    assert!(bench.read("killed/rows.csv") == bench.read("whole/rows.csv"));
}

/// A limit on the size of files stops writing as a full disk does, in the midst of a line.
#[cfg(unix)]
#[test]
fn a_disk_that_is_full_keeps_what_is_finished() {
    let bench = Bench::new();
    bench.write("study.toml", &STUDY.replace("to = 7", "to = 16"));
    bench.sweep("whole", &[]);
    let limited = "trap '' XFSZ; ulimit -f 6; exec \"$0\" sweep study.toml -o full";
    let full = || outcome(Command::new("bash").current_dir(&bench.0).args(["-c", limited, KEYHOP]));
    let stopped = full();
    assert_eq!((stopped.status, stopped.out.as_str()), (Some(1), ""), "{}", stopped.messages);
    let kept = bench.read("full/rows.jsonl");
    let finished = kept.lines().count();
    assert!(finished > 5 && kept.ends_with('\n') && kept.len() <= 6 * 1024, "{finished} rows in {} octets", kept.len());
    for wanted in
        ["error: full/rows.jsonl: ", &format!("{finished} of 48 rows are finished and kept; the same command")]
    {
        assert!(stopped.messages.contains(wanted), "no {wanted:?} in {}", stopped.messages);
    }
    assert!(!bench.path("full/rows.csv").exists());
    // It is still full.
    assert_eq!(full().status, Some(1));
    assert!(bench.read("full/rows.jsonl") == kept);
    let outcome = bench.sweep("full", &[]);
    assert!(outcome.out.contains(&format!("({finished} found, ")), "{}", outcome.out);
    assert!(bench.read("full/rows.csv") == bench.read("whole/rows.csv"));
}

#[test]
fn a_folder_of_another_study_or_of_something_else_is_refused_and_untouched() {
    let bench = Bench::new();
    bench.sweep("results", &["--shard", "1/4"]);
    let sweep = ["sweep", "study.toml", "-o", "results"];
    let changed = |from: &str, to: &str, wanted: &str| {
        bench.write("study.toml", &STUDY.replace(from, to));
        bench.refuses(2, &sweep, &["results: expected the rows of this study, found those of another; ", wanted]);
        bench.write("study.toml", STUDY);
    };
    changed("to = 7", "to = 9", "seeds: expected {\"from\":5,\"to\":9}, found {\"from\":5,\"to\":7}");
    changed("0.3]", "0.4]", "grid.radio.loss: expected [\"0.0\",\"0.4\"], found [\"0.0\",\"0.3\"]");
    changed(
        "mode =",
        "mobile_station.ms1.seamless = [true]\nmode =",
        "grid: expected path 2 to be mobile_station.ms1.seamless",
    );
    let script = bench.read("pair.toml");
    bench.write("pair.toml", &script.replacen("50ms", "51ms", 1));
    bench.refuses(2, &sweep, &["another; the script, from line "]);
    bench.write("pair.toml", &script);
    // What the script reads belongs to the study.
    bench.write("traffic.toml", "scenario = \"seamless\"\nseeds = 1\ngrid.mode = [\"seamless\"]\n");
    assert_eq!(bench.keyhop(&["sweep", "traffic.toml", "-o", "traffic"]).status, Some(0));
    bench.write("user-traffic.pcap", "another one, beside the study");
    bench.refuses(2, &["sweep", "traffic.toml", "-o", "traffic"], &["; the content of the file user-traffic.pcap"]);
    // A comment makes no other study.
    bench.write("study.toml", &format!("# A comment.\n{STUDY}"));
    bench.sweep("results", &["--shard", "1/4"]);
    fs::create_dir(bench.path("photos")).unwrap();
    bench.write("photos/holiday.jpeg", "x");
    let wanted = "photos: expected an empty folder or one of this study, found holiday.jpeg and no study";
    bench.refuses(2, &["sweep", "study.toml", "-o", "photos"], &[wanted]);
    bench.refuses(2, &["sweep", "study.toml", "-o", "pair.toml"], &["error: pair.toml: "]);
    bench.refuses(2, &["sweep", "study.toml", "-o", "pair.toml/results"], &["error: pair.toml/results: "]);
}

#[test]
fn a_study_that_is_wrong_is_refused_before_the_first_run_and_no_folder_is_made() {
    let bench = Bench::new();
    let grid = |grid: &str| format!("scenario = \"pair.toml\"\nseeds = 2\n[grid]\n{grid}\n");
    let cases: Vec<(String, &[&str])> = vec![
        (grid(""), &["bad.toml:3:", "grid: expected a table of script paths"]),
        (grid("mode = []"), &["bad.toml:4:8: grid.mode: expected a list of 1 to 10000 values, found a list of 0"]),
        (grid("mode = [\"seamless\"]\n\"mode\" = [\"seamless\"]"), &["bad.toml:5:1: ", "duplicate key"]),
        (grid("radio.loss = [0.1]\n\"radio.loss\" = [0.2]"), &["bad.toml:5:1: grid: expected every path once"]),
        (grid("mode = [\"a\"]").replace("seeds = 2\n", ""), &["seeds: expected a number of seeds"]),
        (
            grid("radio.loss = [0.1, 0.2]\nmode = [\"seamless\", \"fast\"]"),
            &["bad.toml:5:21: grid: mode: expected \"seamless\" or", "found the string \"fast\"", "│"],
        ),
        (grid("radio.frame = [\"5ms\", 10]"), &["bad.toml:4:23: grid: radio.frame: expected a time with a unit"]),
        (grid("radio.fram = [\"5ms\"]"), &["bad.toml:4:15: grid: unknown key \"fram\"", "did you mean \"frame\"?"]),
        (grid("duration = [\"20ms\"]"), &["bad.toml:4:13: grid: with duration = \"20ms\": pair.toml:"]),
        (grid("mode = [\"seamless\"]").replace("pair", "none"), &["error: none.toml: "]),
        (
            grid("mode = [\"seamless\"]").replace("pair.toml", "seamles"),
            &["expected a script file or a bundled scenario"],
        ),
        (grid("mode = [\"seamless\"]").replace("pair", "study"), &["error: study.toml:1:1: unknown key \"scenario\""]),
    ];
    for (text, wanted) in cases {
        bench.write("bad.toml", &text);
        bench.refuses(2, &["sweep", "bad.toml", "-o", "results"], wanted);
    }
    for (shard, wanted) in
        [("0/3", "K from 1 to N, found \"0/3\""), ("4/3", "\"4/3\""), ("1", "expected K/N"), ("1/0", "1/0")]
    {
        bench.refuses(2, &["sweep", "study.toml", "-o", "results", "--shard", shard], &[wanted]);
    }
    bench.refuses(2, &["sweep", "study.toml", "-o", "results", "--threads", "0"], &["1..=256"]);
    bench.refuses(2, &["sweep", "study.toml"], &["--output"]);
    bench.refuses(2, &["sweep", "none.toml", "-o", "results"], &["error: none.toml: "]);
    fs::write(bench.path("bad.toml"), [b's', 0xff]).unwrap();
    bench.refuses(2, &["sweep", "bad.toml", "-o", "results"], &["expected a text in UTF-8", "offset 1"]);
    // The scenario is looked for beside the study.
    fs::create_dir(bench.path("below")).unwrap();
    bench.write("below/bad.toml", &grid("mode = [\"seamless\"]"));
    bench.refuses(2, &["sweep", "below/bad.toml", "-o", "results"], &["error: below/pair.toml: "]);
}

#[test]
fn more_parts_than_rows_leave_some_empty() {
    let bench = Bench::new();
    bench.write("study.toml", "scenario = \"pair.toml\"\nseeds = 1\ngrid.mode = [\"seamless\"]\n");
    bench.sweep("results", &["--shard", "1/2"]);
    let outcome = bench.sweep("results", &["--shard", "2/2"]);
    assert!(outcome.out.starts_with("part 2/2: 0 rows (0 found, 0 run), 0 of them fail: results/part-2-of-2.csv"));
    assert_eq!(bench.read("results/part-2-of-2.csv").lines().count(), 1);
    assert_eq!(bench.keyhop(&["merge", "results", "-o", "all.csv"]).status, Some(0));
}

/// The page on studies: its commands are run as they stand, and print what stands below them.
#[test]
fn the_page_on_studies_happens_as_it_is_written() {
    let page = fs::read_to_string(repository("docs/studies/README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["study.toml", "study.sbatch"] {
        fs::copy(repository("docs/studies").join(name), folder.path().join(name)).unwrap();
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        let shown = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        assert!(shown.clone().count() > 3);
        for line in shown {
            assert!(page.contains(line), "the page does not show {line:?} of {name}");
        }
    }
    let path = std::env::join_paths(
        [Path::new(KEYHOP).parent().unwrap().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let mut commands = 0;
    for block in page.split("```\n$ ").skip(1) {
        for command in block.split("```").next().unwrap().split("\n$ ") {
            let (command, shown) = command.split_once('\n').unwrap_or((command, ""));
            let mut shell = Command::new("bash");
            let outcome = outcome(shell.current_dir(&folder).env("PATH", &path).args(["-c", command]));
            assert_eq!(
                (outcome.status, outcome.out.trim_end()),
                (Some(0), shown.trim_end()),
                "{command}: {}",
                outcome.messages
            );
            commands += 1;
        }
    }
    assert!(commands >= 4, "{commands}");
    assert!(
        fs::read(folder.path().join("results.csv")).unwrap() == fs::read(folder.path().join("first/rows.csv")).unwrap()
    );
}

#[test]
fn the_page_on_studies_names_every_column() {
    let page = fs::read_to_string(repository("docs/studies/README.md")).unwrap();
    let bench = Bench::new();
    bench.write("study.toml", "scenario = \"pair.toml\"\nseeds = 1\ngrid.mode = [\"seamless\"]\n");
    bench.sweep("results", &[]);
    let csv = bench.read("results/rows.csv");
    for column in csv.lines().next().unwrap().split(',').filter(|column| *column != "mode") {
        assert!(page.contains(&format!("`{column}`")), "the page does not name {column}");
    }
}

/// The array job is run without a scheduler: what it sets is set.
#[test]
fn the_array_job_gives_every_part_and_the_merge_takes_them() {
    let script = fs::read_to_string(repository("docs/studies/study.sbatch")).unwrap();
    let after = |what: &str| script.lines().find_map(|line| line.strip_prefix(what)).unwrap().parse::<u32>().unwrap();
    let parts = after("parts=");
    assert_eq!(after("#SBATCH --array=1-"), parts);
    let bench = Bench::new();
    bench.write("study.sbatch", &script);
    let directory = Path::new(KEYHOP).parent().unwrap();
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap());
    // All at once, into a folder that is not there yet.
    let tasks: Vec<_> = (1..=parts)
        .map(|task| {
            let mut job = Command::new("bash");
            job.arg("study.sbatch").current_dir(&bench.0).env("PATH", &path);
            job.env("SLURM_ARRAY_TASK_ID", task.to_string()).env("SLURM_CPUS_PER_TASK", "2");
            job.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for task in tasks {
        let output = task.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let merge = script.split("--wrap 'keyhop ").nth(1).unwrap().split('\'').next().unwrap();
    let outcome = bench.keyhop(&merge.split(' ').collect::<Vec<_>>());
    assert_eq!(outcome.status, Some(0), "{}", outcome.messages);
    assert_eq!(bench.read("results.csv").lines().count(), 13);
}
