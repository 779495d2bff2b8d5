//! The ladder as a file: `keyhop run --ladder`.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

struct Outcome {
    status: i32,
    messages: String,
}

fn keyhop(folder: &Path, arguments: &[&str]) -> Outcome {
    let output = Command::cargo_bin("keyhop").unwrap().current_dir(folder).args(arguments).output().unwrap();
    Outcome { status: output.status.code().unwrap(), messages: String::from_utf8(output.stderr).unwrap() }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_picture_of_the_readme_is_what_a_run_draws() {
    let folder = tempfile::tempdir().unwrap();
    for engine in ["inline", "per-node"] {
        let outcome = keyhop(folder.path(), &["run", "seamless", "--engine", engine, "--ladder", "ladder.svg"]);
        assert_eq!(outcome.status, 0, "{}", outcome.messages);
        let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ladder-seamless.svg");
        let same = fs::read(folder.path().join("ladder.svg")).unwrap() == fs::read(picture).unwrap();
        assert!(
            same,
            "docs/ladder-seamless.svg differs from a fresh run. If the change is wanted: keyhop run seamless -o \
             captures/seamless.pcapng --keylog captures/seamless.keys --ladder docs/ladder-seamless.svg"
        );
    }
}

#[test]
fn the_ladder_is_written_beside_the_other_outputs_in_the_form_that_its_extension_names() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(keyhop(folder.path(), &["run", "cancel-retry", "-o", "x.pcapng", "--ladder", "x.mmd"]).status, 0);
    assert_eq!(keyhop(folder.path(), &["run", "cancel-retry", "-o", "x.pcapng", "--ladder", "x.SVG"]).status, 0);
    assert_eq!(names(folder.path()), ["x.SVG", "x.mmd", "x.pcapng"]);
    let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("x.mmd").contains("\nsequenceDiagram\n    participant n0 as ms1\n"));
    assert!(read("x.SVG").starts_with("<svg ") && read("x.SVG").ends_with("</svg>\n"));
}

#[test]
fn another_extension_is_refused_and_without_a_place_for_the_ladder_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ladder.png", "ladder", ".svg", "svg"] {
        let outcome = keyhop(folder.path(), &["run", "seamless", "--ladder", name]);
        assert_eq!(outcome.status, 2, "{name}");
        assert!(outcome.messages.contains("expected a file name that ends in .svg or .mmd"), "{}", outcome.messages);
    }
    for name in ["no-such-folder/ladder.svg", "seamless.keys/../seamless.svg/x.svg"] {
        let outcome = keyhop(folder.path(), &["run", "seamless", "--ladder", name]);
        assert_eq!(outcome.status, 2, "{}", outcome.messages);
        assert!(outcome.messages.contains(name), "{}", outcome.messages);
    }
    let outcome = keyhop(folder.path(), &["run", "seamless", "-o", "x.svg", "--ladder", "x.svg"]);
    assert_eq!(outcome.status, 2, "{}", outcome.messages);
    assert!(names(folder.path()).is_empty(), "{:?}", names(folder.path()));
}
