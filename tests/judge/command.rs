//! `keyhop judge` and the judge in `keyhop run`, from the outside.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

use super::path;

fn keyhop(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("keyhop").unwrap().current_dir(folder).args(arguments).output().unwrap();
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn judge(capture: &Path, keys: &Path, more: &[&str]) -> (i32, String, String) {
    let mut arguments = vec!["judge", capture.to_str().unwrap(), "--keylog", keys.to_str().unwrap()];
    arguments.extend(more);
    keyhop(Path::new("."), &arguments)
}

#[test]
fn exit_status_and_document_say_whether_something_was_found() {
    let (status, out, messages) = judge(&path("seamless.pcapng"), &path("seamless.keys"), &[]);
    assert_eq!((status, messages.as_str()), (0, ""));
    assert!(out.contains("judge: nothing found\n"), "{out}");
    let (status, out, _) = judge(&path("replay-data-no-cache.pcapng"), &path("replay-data-no-cache.keys"), &["--json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status, 1);
    let kinds: Vec<&str> =
        document["findings"].as_array().unwrap().iter().map(|finding| finding["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"nonce_reuse") && kinds.contains(&"replay_accepted"));
    assert!(document["findings"][0]["frames"][0].is_u64() && document["findings"][0]["detail"].is_string());
    assert!(document["frames"].as_u64() > Some(500) && document["verified"]["icv"].as_u64() > Some(300));
    assert!(document["notes"].is_array());
    let (status, out, _) = judge(&path("replay-data-no-cache.pcapng"), &path("replay-data-no-cache.keys"), &[]);
    assert_eq!(status, 1);
    assert!(
        out.contains("judge: findings\n  nonce_reuse: frames ") && out.lines().all(|line| line.chars().count() <= 120)
    );
}

#[test]
fn what_is_no_capture_or_key_log_ends_with_status_2_and_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, octets: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, octets).unwrap();
        path
    };
    let (capture, keys) = (path("seamless.pcapng"), path("seamless.keys"));
    let golden = fs::read(&capture).unwrap();
    for octets in [&b"no capture"[..], &[], &golden[..golden.len() - 7], &[&golden[..], &[1; 40]].concat()] {
        let (status, out, messages) = judge(&at("bad.pcapng", octets), &keys, &["--json"]);
        assert_eq!((status, out.as_str()), (2, ""), "{messages}");
        assert!(messages.contains("octet") && messages.contains("expected"), "{messages}");
    }
    for text in ["", "# keyhop-keylog 2\n", "# keyhop-keylog 1\nPMK ms=0200 pmk_sn=0 from=0 until=- 00\n"] {
        let (status, _, messages) = judge(&capture, &at("bad.keys", text.as_bytes()), &[]);
        assert_eq!(status, 2, "{messages}");
        assert!(messages.contains("line"), "{messages}");
    }
    assert_eq!(judge(&folder.path().join("none"), &keys, &[]).0, 2);
    // A key log without keys is no bad input: everything is noted, nothing found.
    let (status, out, _) = judge(&capture, &at("empty.keys", b"# keyhop-keylog 1\n"), &["--json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, document["verified"]["icv"].as_u64()), (0, Some(0)));
    assert_eq!(document["notes"][0]["kind"], "no_key");
}

#[test]
fn a_run_is_judged_by_the_files_that_it_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (status, out, _) = keyhop(folder.path(), &["run", "replay-data-no-cache", "--json"]);
    assert_eq!(status, 0, "{out}");
    let document: Value = serde_json::from_str(&out).unwrap();
    let file = |name: &str| folder.path().join(name);
    let (_, judged, _) = judge(&file("replay-data-no-cache.pcapng"), &file("replay-data-no-cache.keys"), &["--json"]);
    assert_eq!(document["judge"], serde_json::from_str::<Value>(&judged).unwrap());
}

#[test]
fn findings_that_a_script_does_not_expect_fail_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let script = fs::read_to_string(path("replay-data-no-cache.toml")).unwrap();
    let expectation = "judge = [\"nonce_reuse\", \"pn_not_increasing\", \"replay_accepted\"]";
    assert!(script.contains(expectation));
    for (other, told) in [
        ("judge = [\"nonce_reuse\", \"pn_not_increasing\"]", "replay_accepted, frames 139, 704"),
        ("judge = [\"nonce_reuse\", \"pn_not_increasing\", \"replay_accepted\", \"tek_on_wire\"]", "no tek_on_wire"),
        ("tek_on_link = false", "replay_accepted, frames 139, 704"),
    ] {
        fs::write(folder.path().join("case.toml"), script.replace(expectation, other)).unwrap();
        let (status, out, _) = keyhop(folder.path(), &["run", "case.toml", "--json"]);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((status, document["verdict"].as_str()), (1, Some("fail")), "{other}");
        let failed: Vec<&Value> =
            document["expectations"].as_array().unwrap().iter().filter(|one| one["held"] == false).collect();
        assert_eq!(failed.len(), 1, "{other}");
        assert!(out.contains(told), "{other}: {failed:?}");
    }
    let (status, out, _) = keyhop(folder.path(), &["run", "seamless"]);
    assert_eq!(status, 0);
    assert!(out.contains("judge: nothing found\n"), "{out}");
}
