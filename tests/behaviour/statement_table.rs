//! `tests/statements`: the table at the end of `tests/run` says what the tests and the scenarios cite, and no more.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the tool over a repository with these files.
fn table(files: &[(&str, &str)]) -> Output {
    table_with(&[], files)
}

fn table_with(options: &[&str], files: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for name in ["src", "tests", "captures"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/statements");
    Command::new(tool).args(options).arg(folder.path()).output().unwrap()
}

/// The line of `id` in a table that was printed.
fn line(output: &Output, id: &str) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(table.lines().count(), 27 + 19 + 11 + 9 + 11 + 11, "{table}");
    let start = format!("{id} | ");
    let found = table.lines().find(|line| line.starts_with(&start));
    found.unwrap().to_owned()
}

/// The lines of a file, without the margin that keeps this file from citing what it only tests.
fn without_margin(text: &str) -> String {
    text.lines().map(|line| line.trim_start().trim_start_matches("| ").to_owned() + "\n").collect()
}

#[test]
fn tests_are_named_by_the_ids_in_their_comments() {
    let source = without_margin(
        "| /// Says why (A1, R2), and what (see A3).
         | #[test]
         | fn by_its_doc_comment() {
         | // A4,R5
         | // broken: A18.
         | let x = 1; // A6
         | // A7
         | }
         |
         | // A8
         |
         | #[test]
         | fn without_citation() {}
         | // A9
         | #[test]
         | #[ignore]
         | fn ignored() {}
         | /// Not a test (A10).
         | fn helper() {}
         | #[test]
         | fn also() {
         | // A1",
    );
    let output = table(&[("src/lib.rs", &source)]);
    assert_eq!(line(&output, "A1"), "A1 | shown by: also, by_its_doc_comment | broken by: open");
    assert_eq!(line(&output, "R2"), "R2 | shown by: by_its_doc_comment | broken by: open");
    assert_eq!(line(&output, "A4"), "A4 | shown by: by_its_doc_comment | broken by: open");
    assert_eq!(line(&output, "R5"), "R5 | shown by: by_its_doc_comment | broken by: open");
    assert_eq!(line(&output, "A18"), "A18 | shown by: open | broken by: by_its_doc_comment");
    for id in ["A3", "A6", "A7", "A8", "A9", "A10"] {
        assert_eq!(line(&output, id), format!("{id} | shown by: open | broken by: open"));
    }
}

#[test]
fn scripts_are_named_by_their_statements_and_their_defence() {
    let output = table(&[
        ("captures/safe.toml", "statements = [\"A18\", \"R5\"] # not A1\n"),
        ("captures/open.toml", "statements = [\"A18\"]\ndefence = \"off\"\n"),
    ]);
    assert_eq!(line(&output, "A18"), "A18 | shown by: safe | broken by: open");
    assert_eq!(line(&output, "R5"), "R5 | shown by: safe | broken by: open");
    assert_eq!(line(&output, "A1"), "A1 | shown by: open | broken by: open");
}

#[test]
fn an_id_that_does_not_exist_is_an_error() {
    for id in ["A28", "R20", "E12", "A0", "A01"] {
        let output = table(&[("captures/wrong.toml", &format!("statements = [\"{id}\"]\n"))]);
        assert!(!output.status.success(), "{id}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(&format!("wrong cites {id}")), "{message}");
    }
}

#[test]
fn strict_fails_when_an_id_is_not_shown_or_not_broken() {
    let kinds = [("A", 27), ("R", 19), ("H", 11), ("T", 9), ("P", 11), ("E", 11)];
    let ids: Vec<String> =
        kinds.iter().flat_map(|(kind, highest)| (1..=*highest).map(move |number| format!("{kind}{number}"))).collect();
    let source = |shown: &[String], broken: &[String]| {
        let (shown, broken) = (shown.join(", "), broken.join(", "));
        format!("#[test]\nfn everything() {{\n    // {shown}\n    // broken: {broken}\n}}\n")
    };
    let strict = |text: &str| table_with(&["--strict"], &[("tests/a.rs", text)]);
    assert!(strict(&source(&ids, &ids)).status.success());
    for (shown, broken, missing) in [(&ids[1..], &ids[..], "A1"), (&ids[..], &ids[..ids.len() - 1], "E11")] {
        let output = strict(&source(shown, broken));
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.trim_end().ends_with(&format!(": {missing}")), "{message}");
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), ids.len());
    }
}
