//! Captures of many frames or of many links: what goes to a temporary file is what would have been written at once.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;

use keyhop::capture::{FileFormat, InterfaceDescription, LinkKind};
use keyhop::emulation::Engine;
use keyhop::scenario::kept_frames::CaptureStore;
use keyhop::scenario::run::{FinishedRun, Progress, RunError, run_observed};
use keyhop::scenario::script::Script;
use keyhop::time::VirtualTime;

use crate::scale::{grid, keyhop};
use crate::support::{bundled, handover, network, repository, script, udp};

fn stored(script: &Script, engine: Engine, store: CaptureStore) -> FinishedRun {
    run_observed(None, script, engine, &repository("captures"), None, store, &mut ()).unwrap()
}

fn written(run: &FinishedRun, format: FileFormat) -> Vec<u8> {
    let mut octets = Vec::new();
    run.write_capture(format, &mut octets).unwrap();
    octets
}

#[test]
fn frames_that_go_to_a_file_give_the_same_capture_and_the_same_judgement() {
    // legacy-full has no attack, lost-counter authenticates, mobiles-200 is a sample.
    for name in ["legacy-full", "lost-counter", "mobiles-200"] {
        let script = script(&bundled(name), &[]);
        let whole = stored(&script, Engine::Inline, CaptureStore::in_memory());
        let golden = fs::read(repository(&format!("captures/{name}.pcapng"))).unwrap();
        assert!(written(&whole, FileFormat::Pcapng) == golden);
        for format in [FileFormat::Pcapng, FileFormat::Pcap] {
            let wanted = written(&whole, format);
            for memory in [0, 20_000] {
                let run = stored(&script, Engine::Inline, CaptureStore { format, memory, ..CaptureStore::default() });
                let in_memory = run.capture.frames.len();
                assert!((in_memory > 0) == (memory > 0) && in_memory < whole.capture.frames.len() / 2, "{in_memory}");
                assert_eq!(run.frames(), whole.capture.frames.len() as u64);
                assert_eq!(run.capture.header(), whole.capture.header());
                assert!(written(&run, format) == wanted, "{name} {format:?} {memory}");
                let mut read = Vec::new();
                run.open_capture(format).unwrap().read_to_end(&mut read).unwrap();
                assert!(read == wanted, "{name} {format:?} {memory}");
                assert!(run.delivered.frames.is_empty());
                let judged = run.judged(&script, format).unwrap().outcome;
                assert!(judged.judge.as_ref().unwrap().findings.is_empty());
                let whole = stored(&script, Engine::Inline, CaptureStore::in_memory()).judged(&script, format).unwrap();
                assert_eq!((judged.judge, judged.verdict), (whole.outcome.judge, whole.outcome.verdict));
            }
        }
    }
}

#[test]
fn frames_in_a_file_can_be_written_in_its_format_only() {
    let script = script(&network(1, &udp(64)), &[]);
    let run = stored(&script, Engine::Inline, CaptureStore { memory: 0, ..CaptureStore::default() });
    let error = run.write_capture(FileFormat::Pcap, &mut Vec::new()).unwrap_err().to_string();
    assert!(error.ends_with("expected the format that the run was told, found Pcap"), "{error}");
    assert!(run.open_capture(FileFormat::Pcap).is_err());
    // In memory they have none yet.
    let run = stored(&script, Engine::Inline, CaptureStore::default());
    assert!(!written(&run, FileFormat::Pcap).is_empty());
}

#[test]
fn where_results_of_attacks_need_the_frames_they_stay_in_memory() {
    let script = script(&bundled("replay-data"), &[]);
    let run = stored(&script, Engine::Inline, CaptureStore { memory: 0, ..CaptureStore::default() });
    assert_eq!(run.capture.frames.len() as u64, run.frames());
}

#[test]
fn the_ladder_says_where_it_ends_only_if_frames_are_missing() {
    // Both ends of the one handover are before 600 ms.
    let script = script(&network(2, &format!("{}{}", udp(64), handover("300ms", "bs2", &["bs2"]))), &[]);
    let with = |memory| stored(&script, Engine::Inline, CaptureStore { memory, ..CaptureStore::default() });
    let whole = with(usize::MAX);
    let told = |run: &FinishedRun| run.notes.iter().any(|note| note.starts_with("the ladder ends at "));
    let bound = (1..).map(|step| step * 4_096).find(|bound| !told(&with(*bound))).unwrap();
    let enough = with(bound);
    assert!(enough.frames() > enough.capture.frames.len() as u64, "frames are in the file");
    assert_eq!(enough.outcome.ladder, whole.outcome.ladder);
    let little = with(bound / 2);
    assert!(told(&little) && little.outcome.ladder.len() < whole.outcome.ladder.len());
}

/// How far a run has come.
#[derive(Default)]
struct Furthest(VirtualTime);

impl Progress for Furthest {
    fn at(&mut self, now: VirtualTime, _: u64) {
        self.0 = now;
    }
}

#[test]
fn a_run_whose_frames_cannot_go_to_a_file_stops_at_once_and_says_so() {
    let text = network(2, &udp(64).replace("2.3s", "59s")).replace("2.5s", "60s");
    let store = CaptureStore { memory: 0, folder: "no/such/folder".into(), ..CaptureStore::default() };
    let mut furthest = Furthest::default();
    let script = script(&text, &[]);
    let error = run_observed(None, &script, Engine::Inline, Path::new("."), None, store, &mut furthest).err().unwrap();
    assert!(matches!(error, RunError::Spill { .. }));
    assert!(error.to_string().starts_with("no/such/folder: frames of the capture: cannot be written: "), "{error}");
    assert!(furthest.0 < VirtualTime::from_nanos(1_000_000_000), "{}", furthest.0);
}

#[test]
fn a_capture_that_is_beyond_the_judge_is_kept_and_not_judged() {
    let script = script(&network(1, &format!("{}[[expect]]\njudge = [\"nonce_reuse\"]\n", udp(64))), &[]);
    let mut run = stored(&script, Engine::Inline, CaptureStore::default());
    let link = InterfaceDescription { name: "a link".to_owned(), description: String::new(), kind: LinkKind::Backbone };
    run.capture.interfaces.resize(65_537, link);
    let judged = run.judged(&script, FileFormat::Pcapng).unwrap();
    assert!(judged.outcome.judge.is_none() && judged.outcome.expectations.is_empty());
    let note = judged.notes.last().unwrap();
    assert!(note.starts_with("warning: not judged, ") && note.contains("expected at most 65536 interfaces"), "{note}");
}

#[test]
fn the_capture_of_a_large_network_has_interfaces_of_links_with_frames_only_for_both_engines() {
    // 40 mobiles and 9 base stations have 406 links, 560 have 5086.
    let text = |count| {
        grid(
            count,
            "[radio]\nneighbour_advertisement = \"500ms\"\n[mobility]\nmodel = \"random-waypoint\"\nspeed = 40\n\
                     by = \"distance\"\nhysteresis = 1\nperiod = \"100ms\"\n",
        )
        .replace("rows = 1", "rows = 3")
        .replace("\"2s\"", "\"300ms\"")
    };
    let few = script(&text(40), &[]);
    assert_eq!(stored(&few, Engine::Inline, CaptureStore::default()).capture.interfaces.len(), 406);
    let many = script(&text(560), &[]);
    let run = |engine| stored(&many, engine, CaptureStore { memory: 50_000, ..CaptureStore::default() });
    let (inline, shards) = (run(Engine::Inline), run(Engine::Shards { threads: 2 }));
    let octets = written(&inline, FileFormat::Pcapng);
    assert!(octets == written(&shards, FileFormat::Pcapng));
    let described = inline.capture.interfaces.len();
    assert!((560..1_500).contains(&described), "{described}");
    let reader = keyhop::capture::capture_reader::read(octets.as_slice()).unwrap();
    let carried: BTreeSet<usize> = reader.map(|frame| frame.unwrap().interface).collect();
    assert_eq!(carried.len(), described);
    assert!(inline.judged(&many, FileFormat::Pcapng).unwrap().outcome.judge.unwrap().findings.is_empty());
}

#[test]
fn the_program_writes_the_same_with_nothing_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["run", "legacy-full", "--capture-memory", "0", "-o", "a.pcapng", "--keylog", "a.keys", "--json"];
    let (status, out, messages) = keyhop(folder.path(), &arguments);
    assert_eq!(status, 0, "{messages}");
    assert!(messages.starts_with("the ladder ends at "), "{messages}");
    for extension in ["pcapng", "keys"] {
        let golden = fs::read(repository(&format!("captures/legacy-full.{extension}"))).unwrap();
        assert!(fs::read(folder.path().join(format!("a.{extension}"))).unwrap() == golden);
    }
    let (_, whole, messages) =
        keyhop(folder.path(), &["run", "legacy-full", "-o", "a.pcapng", "--delivered", "d.pcapng", "--json"]);
    assert!(!messages.contains("ladder"), "{messages}");
    assert_eq!(out, whole);
    assert!(fs::read(folder.path().join("d.pcapng")).unwrap().len() > 10_000);
}

/// A limit on the size of files stops writing as a full disk does.
#[cfg(unix)]
#[test]
fn a_disk_that_is_full_while_running_leaves_nothing_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = network(2, &udp(64).replace("2.3s", "590s")).replace("2.5s", "600s");
    fs::write(folder.path().join("long.toml"), text).unwrap();
    fs::write(folder.path().join("long.keys"), "before").unwrap();
    // Blocks of 1024 octets; 512 in some shells.
    let limited = "trap '' XFSZ; ulimit -f 600; exec \"$0\" run long.toml --capture-memory 0";
    let output = std::process::Command::new("bash")
        .current_dir(folder.path())
        .args(["-c", limited, env!("CARGO_BIN_EXE_keyhop")])
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{message}");
    let here = fs::canonicalize(folder.path()).unwrap();
    let wanted = format!("error: {}: frames of the capture: cannot be written: File too large", here.display());
    assert!(message.starts_with(&wanted), "{message}");
    let names: BTreeSet<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, BTreeSet::from(["long.keys".into(), "long.toml".into()]));
    assert_eq!(fs::read(folder.path().join("long.keys")).unwrap(), b"before");
}
