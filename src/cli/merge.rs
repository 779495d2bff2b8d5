//! `keyhop merge`: the parts of a study become one table.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{Status, print};
use crate::capture::placement::PendingOutputs;
use crate::scenario::study::merge::{common_study, gathered};

/// Ranges of missing rows that are named at the most.
const MOST_RANGES: usize = 20;

/// The arguments of `keyhop merge`.
#[derive(Args)]
#[command(
    after_help = "The folders are those of keyhop sweep, of one study; each may have any of its parts. The table is the \
one that a sweep without --shard writes, to the octet.

Exit status: 0 the table is written; 1 rows are missing, which are named, and nothing is written; 2 wrong usage, folders of \
different studies, a row of which two parts have different runs."
)]
pub struct MergeArguments {
    /// Folders of keyhop sweep
    #[arg(value_name = "FOLDER", required = true)]
    folders: Vec<PathBuf>,
    /// The table: CSV, or JSON by the name of the file
    #[arg(short, long, value_name = "FILE.csv|FILE.json", value_parser = table_file)]
    output: TableFile,
    /// Prints one JSON document about what was merged
    #[arg(long)]
    json: bool,
}

/// Where the table goes, and whether it is JSON.
#[derive(Clone, Debug)]
struct TableFile {
    path: PathBuf,
    json: bool,
}

fn table_file(text: &str) -> Result<TableFile, String> {
    let path = PathBuf::from(text);
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    match extension.as_deref() {
        Some("csv") => Ok(TableFile { path, json: false }),
        Some("json") => Ok(TableFile { path, json: true }),
        _ => Err(format!("expected a file name that ends in .csv or .json, found {text:?}")),
    }
}

/// Why there is no table.
enum Refused {
    Missing(String),
    Bad(String),
}

/// Runs the command.
///
/// # Errors
/// If `out` cannot be written.
pub fn run(arguments: &MergeArguments, out: &mut dyn Write, messages: &mut dyn Write) -> io::Result<Status> {
    let (message, status) = match merged(arguments, messages) {
        Ok(text) => return print(out, &text).map(|()| Status::Success),
        Err(Refused::Missing(message)) => (message, Status::Failure),
        Err(Refused::Bad(message)) => (message, Status::BadInput),
    };
    let _ = writeln!(messages, "error: {message}");
    Ok(status)
}

/// What is to be printed; the table is in place then.
fn merged(arguments: &MergeArguments, messages: &mut dyn Write) -> Result<String, Refused> {
    let bad = |error: &dyn std::fmt::Display| Refused::Bad(error.to_string());
    let Some(study) = common_study(&arguments.folders).map_err(|error| bad(&error))? else {
        return Ok(String::new());
    };
    let path = &arguments.output.path;
    let scratch = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let rows = gathered(&study, &arguments.folders, scratch, &mut |journal, octets| {
        let _ = writeln!(messages, "{}: left out a torn line of {octets} octets", journal.display());
    });
    let rows = rows.map_err(|error| bad(&error))?;
    let missing = rows.missing();
    if !missing.is_empty() {
        return Err(Refused::Missing(missing_rows(&missing, study.rows())));
    }
    let mut failed = 0;
    let mut outputs = PendingOutputs::new();
    outputs
        .stage(path, |out| {
            let all = 1..=study.rows();
            failed = if arguments.output.json { rows.write_json(all, out)? } else { rows.write_csv(all, out)? };
            Ok(())
        })
        .and_then(|()| outputs.commit())
        .map_err(|error| bad(&error))?;
    let all = study.rows();
    if arguments.json {
        let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let document = json!({ "scenario": study.scenario, "rows": all, "failed": failed, "file": file });
        return Ok(format!("{document:#}\n"));
    }
    Ok(format!("{all} rows, {failed} of them fail: {}\n", path.display()))
}

fn missing_rows(missing: &[RangeInclusive<u64>], all: u64) -> String {
    let count: u64 = missing.iter().map(|range| range.end().saturating_sub(*range.start()).saturating_add(1)).sum();
    let mut named: Vec<String> = missing
        .iter()
        .take(MOST_RANGES)
        .map(|range| match range.start() == range.end() {
            true => range.start().to_string(),
            false => format!("{}-{}", range.start(), range.end()),
        })
        .collect();
    if missing.len() > MOST_RANGES {
        named.push("...".to_owned());
    }
    format!("expected {all} rows, found {}; missing: {}", all.saturating_sub(count), named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_rows_are_named_as_ranges_and_not_without_end() {
        assert_eq!(missing_rows(&[2..=2, 4..=9], 10), "expected 10 rows, found 3; missing: 2, 4-9");
        let many: Vec<RangeInclusive<u64>> = (1..=30).map(|number| 2 * number..=2 * number).collect();
        let told = missing_rows(&many, 60);
        assert!(told.starts_with("expected 60 rows, found 30; missing: 2, 4, ") && told.ends_with("40, ..."), "{told}");
    }

    #[test]
    fn the_name_of_the_table_says_its_form() {
        assert!(table_file("a/b.JSON").unwrap().json);
        assert!(!table_file("b.csv").unwrap().json);
        assert!(table_file("b.txt").unwrap_err().contains("found \"b.txt\""));
    }
}
