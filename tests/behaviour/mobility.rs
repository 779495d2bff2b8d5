//! Mobiles that move: when they hand over, and where to.

use std::fs;
use std::path::Path;

use keyhop::emulation::Engine;
use keyhop::scenario::mobility::{PlannedHandover, plan};
use keyhop::scenario::run::{FinishedRun, run};
use keyhop::scenario::script::{CaptureChoice, Script};

use super::scale::{grid, keyhop};
use crate::support::{run_with, script};

const RANDOM: &str = "[mobility]\nmodel = \"random-waypoint\"\nspeed = { at_least = 20, at_most = 60 }\n\
    pause = \"100ms\"\nhysteresis = 5\nperiod = \"100ms\"\nagain_after = \"500ms\"\n";

fn planned(text: &str, sets: &[&str]) -> Vec<PlannedHandover> {
    plan(&script(text, sets), None)
}

/// A run of `grid` with positions from a file.
fn by_file(count: usize, mobility: &str, positions: &str) -> Result<FinishedRun, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.csv"), positions).unwrap();
    let script = script(&grid(count, &format!("[mobility]\nmodel = \"file\"\nfile = \"p.csv\"\n{mobility}")), &[]);
    run(&script, Engine::Inline, folder.path(), None)
        .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "FOLDER"))
}

#[test]
fn a_mobile_hands_over_where_another_base_station_is_nearer_by_the_hysteresis() {
    // The middle of bs1 to that of bs3, at 100 metres in a second; bs2 is nearer by 10 metres after 0.55 s, bs3 after 1.55 s.
    let mobility = "hysteresis = 10\nperiod = \"10ms\"\nagain_after = \"100ms\"\n";
    let run = by_file(1, mobility, "time,mobile,x,y\n0,ms1,50,50\n2,ms1,250,50\n").unwrap();
    let handovers: Vec<_> = run.outcome.handovers.iter().map(|one| (one.from.as_str(), one.to.as_str())).collect();
    assert_eq!(handovers, [("bs1", "bs2"), ("bs2", "bs3")]);
    let begun: Vec<u64> = run.outcome.handovers.iter().map(|one| one.started_us / 1_000).collect();
    assert!((550..=560).contains(&begun[0]) && (1_550..=1_560).contains(&begun[1]), "{begun:?}");
    assert!(run.outcome.handovers.iter().all(|one| one.outcome == "completed" && one.mode == "seamless"));
}

#[test]
fn a_mobile_begins_where_its_first_line_puts_it_and_others_stand() {
    let run = by_file(2, "", "0,ms2,260,50\n1,ms2,250,50\n").unwrap();
    assert!(run.outcome.handovers.is_empty());
    assert!(run.capture.frames.iter().any(|frame| run.capture.interfaces[frame.interface].name == "air:ms2-bs3"));
}

#[test]
fn the_strongest_signal_decides_and_candidates_are_the_next_strongest() {
    let signal = "by = \"signal\"\npath_loss = 3\nhysteresis = 2\nperiod = \"10ms\"\ncandidates = 2\n";
    let run = by_file(1, signal, "0,ms1,50,50\n2,ms1,150,50\n").unwrap();
    // 30 log10((50 + x) / (50 - x)) = 2 for x = 3.83 metres behind the middle between them.
    let [handover] = run.outcome.handovers.as_slice() else { panic!("{:?}", run.outcome.handovers) };
    assert_eq!((handover.from.as_str(), handover.to.as_str()), ("bs1", "bs2"));
    assert!((1_076..=1_088).contains(&(handover.started_us / 1_000)), "{}", handover.started_us);
    let asked = run.capture.frames.iter().find(|frame| frame.comment.starts_with("MOB_MSHO-REQ")).unwrap();
    assert!(asked.comment.contains("candidates bs2, bs3"), "{}", asked.comment);
}

#[test]
fn no_handover_is_asked_for_sooner_after_another_than_the_script_says() {
    let last = |planned: &[PlannedHandover]| {
        let mut gaps: Vec<u64> = Vec::new();
        for (number, one) in planned.iter().enumerate() {
            let before = planned[..number].iter().rev().find(|before| before.mobile == one.mobile);
            gaps.extend(before.map(|before| one.at.since(before.at).as_millis() as u64));
        }
        gaps.into_iter().min()
    };
    let text = grid(60, RANDOM).replace("duration = \"2s\"", "duration = \"60s\"");
    let often = planned(&text, &[]);
    let seldom = planned(&text, &["mobility.again_after=5s"]);
    assert!((500..1_500).contains(&last(&often).unwrap()), "{:?}", last(&often));
    assert!(last(&seldom).unwrap() >= 5_000);
    let wary = planned(&text, &["mobility.hysteresis=40"]);
    assert!(wary.len() < often.len() && !wary.is_empty(), "{} {}", wary.len(), often.len());
    assert!(often.windows(2).all(|pair| (pair[0].at, pair[0].mobile) < (pair[1].at, pair[1].mobile)));
}

#[test]
fn a_mobile_more_changes_nothing_for_the_others() {
    let shadowed = RANDOM.replace("hysteresis = 5", "by = \"signal\"\nshadowing = 6\nhysteresis = 3");
    for mobility in [RANDOM, &shadowed] {
        let (few, more) = (planned(&grid(30, mobility), &[]), planned(&grid(40, mobility), &[]));
        let of_few: Vec<_> = more.into_iter().filter(|one| one.mobile < 30).collect();
        assert!(few == of_few && few.len() > 5, "{}", few.len());
        assert_ne!(few, planned(&grid(30, mobility), &["seed=2"]));
    }
}

#[test]
fn engines_give_the_same_octets_of_mobiles_that_move() {
    let mobility = RANDOM.replace("hysteresis = 5", "by = \"signal\"\nshadowing = 4");
    let traffic = "[[traffic]]\nmobile_station = \"ms\"\nkind = \"udp\"\ninterval = \"200ms\"\n[radio]\nloss = 0.02\n";
    let script = script(&grid(12, &(mobility + traffic)), &[]);
    let [inline, threads] = [Engine::Inline, Engine::PerNode].map(|engine| run_with(&script, engine, None));
    assert!(inline.outcome.handovers.len() > 3);
    assert_eq!(serde_json::to_string(&inline.outcome).unwrap(), serde_json::to_string(&threads.outcome).unwrap());
    assert!(inline.capture.frames == threads.capture.frames);
}

#[test]
fn bad_mobility_is_refused_with_what_is_expected() {
    let cases = [
        ("", "13:1", "mobility.model: expected \"random-waypoint\" or \"file\", found nothing"),
        ("model = \"random-waypoint\"\n", "13:1", "mobility.speed: expected metres in a second"),
        ("model = \"random-waypoint\"\nspeed = 0\n", "15:9", "a number from 0.1 to 1000, found the integer 0"),
        (
            "model = \"random-waypoint\"\nspeed = { at_least = 9, at_most = 8 }\n",
            "15:35",
            "a value that is not below at_least",
        ),
        ("model = \"file\"\n", "13:1", "mobility.file: expected the path of a file with positions"),
        ("model = \"file\"\nfile = \"x\"\nspeed = 3\n", "16:1", "no speed beside model = \"file\""),
        ("model = \"random-waypoint\"\nspeed = 3\nshadowing = 3\n", "16:1", "no shadowing without by = \"signal\""),
        ("model = \"random-waypoint\"\nspeed = 3\nperiod = \"1ms\"\n", "16:10", "a time of at least 10ms"),
        ("model = \"random-waypoint\"\nspeed = 3\ncandidates = 9\n", "16:14", "a whole number from 1 to 8"),
    ];
    for (mobility, place, message) in cases {
        let text = grid(2, &format!("[mobility]\n{mobility}"));
        let error = Script::parse("bad.toml", &text, &[]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("bad.toml:{place}: ")) && error.contains(message), "{message}: {error}");
    }
    let listed = crate::support::network(2, "[mobility]\nmodel = \"random-waypoint\"\nspeed = 3\n");
    let error = Script::parse("bad.toml", &listed, &[]).unwrap_err().to_string();
    assert!(error.contains("expected a [grid], or a position of every [[base_station]]"), "{error}");
    // With places it is all right, and so is a mobile without serving.
    let mut placed = listed.replace("ip = \"10.16.0.1\"\n", "ip = \"10.16.0.1\"\nposition = [0, 0]\n");
    placed = placed.replace("ip = \"10.16.0.2\"\n", "ip = \"10.16.0.2\"\nposition = [400.5, 0]\n");
    assert!(Script::parse("good.toml", &placed.replace("serving = \"bs1\"\n", ""), &[]).is_ok());
}

#[test]
fn a_bad_file_of_positions_is_told_with_its_line_and_leaves_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let text = grid(2, "[mobility]\nmodel = \"file\"\nfile = \"p.csv\"\n");
    fs::write(folder.path().join("s.toml"), text).unwrap();
    let run = |arguments: &[&str]| keyhop(folder.path(), &[&["run", "s.toml"], arguments].concat());
    let (status, _, messages) = run(&["--check"]);
    assert_eq!((status, messages.as_str()), (0, "grid: the script is valid\n"), "files are not looked for");
    let (status, out, messages) = run(&[]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(messages.contains("p.csv: No such file"), "{messages}");
    fs::write(folder.path().join("p.csv"), "time,mobile,x,y\n0,ms1,1,1\n1,ms3,2,2\n").unwrap();
    let (status, out, messages) = run(&[]);
    assert_eq!((status, out.as_str()), (2, ""));
    let expected = "error: ./p.csv: line 3: expected the name of a mobile station of the script, found \"ms3\"\n";
    assert_eq!(messages, expected);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn more_mobiles_at_one_place_than_a_base_station_serves_are_refused() {
    let positions: String = (1..=301).map(|number| format!("0,ms{number},50,50\n")).collect();
    let error = by_file(301, "", &positions).err().unwrap();
    let expected = "FOLDER/p.csv: expected at most 300 mobiles at one base station at the start, found 301 at bs1";
    assert_eq!(error, expected);
}

#[test]
fn what_is_kept_of_mobiles_that_nobody_watches_is_no_capture() {
    let mut script = script(&grid(30, RANDOM), &[]);
    script.capture = CaptureChoice::Nothing;
    let finished = run(&script, Engine::Inline, Path::new("."), None).unwrap();
    assert!(finished.outcome.handovers.len() > 5);
    assert!(finished.capture.frames.is_empty() && finished.capture.interfaces.is_empty());
    assert!(finished.keys.records.is_empty() && finished.outcome.ladder.is_empty());
    let handover = &finished.outcome.handovers[0];
    assert!(handover.messages_air >= 5 && handover.messages_backbone > 10, "counted all the same: {handover:?}");
}
