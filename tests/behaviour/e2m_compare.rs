//! `keyhop compare --system e2m`: settings side by side, failures by the depth of the store, the race by its instant.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use assert_cmd::Command;
use serde_json::Value;

const ARGUMENTS: [&str; 3] = ["compare", "--system", "e2m"];

fn compare(arguments: &[&str]) -> Value {
    let mut command = Command::cargo_bin("keyhop").unwrap();
    let output = command.args(ARGUMENTS).arg("--json").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The comparison without changes.
fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| compare(&[]))
}

fn rows<'a>(document: &'a Value, of: &str) -> &'a [Value] {
    document[of].as_array().unwrap()
}

#[test]
fn every_access_form_of_identifier_and_identity_leads_to_one_key_at_both_ends() {
    // E1, E5
    let rows = rows(document(), "settings");
    assert_eq!(rows.len(), 3 * 2 * 3);
    for row in rows {
        assert_eq!((row["session"].as_str(), row["same_keys"].as_bool()), (Some("open"), Some(true)), "{row}");
        let count = |link: &str| row[link]["messages"].as_u64().unwrap();
        assert_eq!((count("vectors") >= 2, count("pushes"), count("requests")), (true, 2, 2), "{row}");
    }
    // The push of form 2 lacks the identifier, which is all that differs.
    let octets = |form: &str| {
        let of = |row: &&Value| row["identifier"] == form && row["access"] == "eps";
        rows.iter().find(of).unwrap()["pushes"]["octets"].as_u64().unwrap()
    };
    assert_eq!(octets("rand") - octets("hash"), 16);
}

#[test]
fn who_learns_the_imsi_depends_on_who_makes_it() {
    // E7
    for row in rows(document(), "settings") {
        let learns = |node: &str| {
            let learnt = &row[node];
            (learnt["imsi"].as_bool().unwrap(), learnt["application"].as_bool().unwrap())
        };
        let expected = match row["identity"].as_str().unwrap() {
            "imsi" => [(true, false), (true, false)],
            "emse" => [(true, true), (true, false)],
            _ => [(false, true), (true, true)],
        };
        assert_eq!([learns("emse_learns"), learns("emks_learns")], expected, "{row}");
    }
}

#[test]
fn the_key_of_the_ue_is_found_while_fewer_authentications_have_failed_than_the_store_is_deep() {
    // E3
    let rows = rows(document(), "failures");
    assert_eq!(rows.len(), 5);
    for row in rows {
        let depth = usize::try_from(row["depth"].as_u64().unwrap()).unwrap();
        let sessions: Vec<&str> = row["sessions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        let expected: Vec<&str> = (0..7).map(|failed| if failed < depth { "open" } else { "unknown-key" }).collect();
        assert_eq!(sessions, expected, "{depth}");
    }
}

const ACCESSES: [&str; 3] = ["eps", "umts", "gprs"];

/// A session of the race: the instant, twice the microseconds and one more if it is after the frames; outcome, key.
type Point = (i64, String, Option<u64>);

/// When the key was pushed and made by the UE, counted as in [`Point`], and the sessions, with a store of so many keys.
fn race(document: &Value, access: &str, depth: u64) -> (i64, i64, Vec<Point>) {
    let row = rows(document, "races").iter().find(|row| row["depth"] == depth && row["access"] == access).unwrap();
    let points = row["points"].as_array().unwrap().iter().map(|point| {
        let outcome = point["session"].as_str().unwrap().to_owned();
        assert_eq!(point["same_keys"].as_bool().unwrap(), outcome == "open", "{point}");
        let after = i64::from(point["before"] == false);
        (2 * point["at_us"].as_i64().unwrap() + after, outcome, point["key"].as_u64())
    });
    let at = |when: &str| 2_000 * row[when].as_i64().unwrap();
    (at("pushed_ms"), at("made_ms"), points.collect())
}

#[test]
fn around_every_frame_of_an_authentication_over_every_access_both_ends_have_one_key() {
    // E4
    for access in ACCESSES {
        for depth in [2, 4] {
            let (pushed, made, points) = race(document(), access, depth);
            assert!(0 < pushed && pushed < made);
            // Before all of it, and after the answer of the UE.
            assert_eq!((points[0].0, points[points.len() - 1].0 > made + 1), (0, true), "{access}");
            for (at, outcome, key) in points {
                assert_eq!((outcome.as_str(), key), ("open", Some(if at <= made { 1 } else { 2 })), "{access}, {at}");
            }
        }
    }
}

#[test]
fn the_frames_of_the_race_are_those_of_the_whole_authentication() {
    // E4
    for (access, last) in [("eps", "UplinkNasTransport"), ("umts", "DirectTransfer"), ("gprs", "UL-UNITDATA")] {
        let row = rows(document(), "races").iter().find(|row| row["access"] == access).unwrap();
        let points = row["points"].as_array().unwrap();
        let frames: Vec<&str> = points
            .iter()
            .filter(|point| point["before"] == true)
            .flat_map(|point| point["frames"].as_array().unwrap().iter().map(|frame| frame.as_str().unwrap()))
            .collect();
        let of_core = [
            "AuthenticationInformationRequest",
            "AuthenticationInformationAnswer",
            "PushProfileRequest",
            "PushProfileAnswer",
        ];
        assert_eq!(frames[..4], of_core, "{access}");
        // The challenge on two links, and the answer.
        assert_eq!((frames.len(), frames[7]), (8, last), "{access}");
    }
}

#[test]
fn with_a_store_of_one_key_there_is_no_session_between_push_and_challenge() {
    // broken: E4
    for access in ACCESSES {
        let (pushed, made, points) = race(document(), access, 1);
        let failed: Vec<i64> =
            points.iter().filter(|(_, outcome, _)| outcome == "unknown-key").map(|(at, ..)| *at).collect();
        assert!(failed.iter().any(|at| (pushed..made).contains(at)), "{failed:?}");
        // The end point asks a while after the UE has begun.
        assert!(failed.iter().all(|at| *at <= made), "{failed:?}");
        let between = points.iter().filter(|(at, ..)| (pushed..=made).contains(at));
        assert!(between.clone().count() > 4 && between.clone().all(|(_, outcome, _)| outcome == "unknown-key"));
    }
}

#[test]
fn the_figures_are_the_same_for_every_number_of_threads_and_others_on_another_network() {
    assert_eq!(&compare(&["--threads", "1"]), document());
    assert_ne!(compare(&["--set", "times.swx=100ms"])["races"], document()["races"]);
}

#[test]
fn the_table_is_no_wider_than_it_may_be_and_the_picture_is_that_of_the_documentation() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("race.svg");
    let mut command = Command::cargo_bin("keyhop").unwrap();
    let output = command.args(ARGUMENTS).arg("--map").arg(&picture).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    for words in
        ["umts", "gprs", "hash", "session after failed authentications", "around the frames of a re-authentication"]
    {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/e2m-race.svg");
    assert!(
        fs::read_to_string(&picture).unwrap() == fs::read_to_string(kept).unwrap(),
        "keyhop compare --system e2m --map docs/e2m-race.svg"
    );
}

#[test]
fn what_belongs_to_the_comparison_is_not_to_be_set() {
    for (arguments, expected) in [
        (&["--set", "enterprise.depth=2"][..], "enterprise.depth"),
        (&["--loss", "0.1"], "--system e2m"),
        (&["--plot", "plot.svg"], "--map with --system e2m"),
    ] {
        let mut command = Command::cargo_bin("keyhop").unwrap();
        let output = command.args(ARGUMENTS).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(expected), "{expected}");
    }
}
