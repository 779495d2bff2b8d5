//! `keyhop sweep`: a study, a grid of settings times seeds, one row for each run.

use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::Args;
use serde_json::json;

use super::jobs_done::JobsDone;
use super::run::{diagnostic, source_beside};
use super::{Status, print};
use crate::scenario::script::{LONGEST_STUDY, StudyFile};
use crate::scenario::study::part::Part;
use crate::scenario::study::sweep::{Stopped, Sweep, Swept};
use crate::scenario::study::{ScenarioText, Study, StudyError};

/// Most threads.
const MOST_THREADS: u16 = 256;

/// The arguments of `keyhop sweep`.
#[derive(Args)]
#[command(
    after_help = "The study names a scenario, seeds, and a grid: paths of the script, as in --set, with lists of values. \
Every combination of values is run with every seed, and gives a row of rows.csv. The whole grid is checked before the first run.

Finished rows stay in the folder, whatever ends the command: the same command goes on from there. --shard K/N runs every N-th \
row, from row K on, so that N machines, or the N jobs of an array of a cluster scheduler, share a study; keyhop merge joins \
them. A row is the same whichever thread or part made it.

Exit status: 0 all rows of the part are there, whatever their verdicts; 1 the command stopped before (a full disk, a file that \
is gone), and can be started again; 2 wrong usage, a study or a folder that cannot be used. docs/studies/README.md has more."
)]
pub struct SweepArguments {
    /// The study
    #[arg(value_name = "STUDY.toml")]
    study: PathBuf,
    /// The folder of the rows; made if there is none
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// Threads, 1 to 256; else one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_THREADS)))]
    threads: Option<u16>,
    /// Runs part K of N only
    #[arg(long, value_name = "K/N")]
    shard: Option<Part>,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// If `out` cannot be written.
pub fn run(arguments: &SweepArguments, out: &mut dyn Write, messages: &mut dyn Write) -> io::Result<Status> {
    let part = arguments.shard.unwrap_or(Part::WHOLE);
    let threads = arguments.threads.map_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get), usize::from);
    let refused = |messages: &mut dyn Write, message: &str| {
        let _ = writeln!(messages, "{}", message.trim_end());
        Ok(Status::BadInput)
    };
    let study = match checked(&arguments.study, threads, messages) {
        Ok(study) => study,
        Err(message) => return refused(messages, &message),
    };
    let sweep = match Sweep::open(&study, &arguments.output, part) {
        Ok(sweep) => sweep,
        Err(error) => return refused(messages, &format!("error: {error}")),
    };
    let folder = arguments.output.display();
    if sweep.torn() > 0 {
        let _ =
            writeln!(messages, "{folder}: dropped a torn line of {} octets at the end of the journal", sweep.torn());
    }
    if sweep.finished() > 0 {
        let _ = writeln!(messages, "{folder}: {} of {} rows are there already", sweep.finished(), sweep.rows());
    }
    match swept(sweep, threads, messages) {
        Ok(swept) => report(arguments, part, &swept, out).map(|()| Status::Success),
        Err(message) => {
            let _ = writeln!(messages, "{message}");
            Ok(Status::Failure)
        }
    }
}

/// The study in the file `path`, checked with its scenario.
fn checked(path: &Path, threads: usize, messages: &mut dyn Write) -> Result<Study, String> {
    let name = path.display().to_string();
    let mut octets = Vec::new();
    let most = (LONGEST_STUDY as u64).saturating_add(1);
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut octets));
    read.map_err(|error| format!("error: {name}: {error}"))?;
    let text = String::from_utf8(octets).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("error: {name}: expected a text in UTF-8, found another octet at offset {at}")
    })?;
    let file = StudyFile::parse(&name, &text).map_err(|error| diagnostic(error.into()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (source, text, folder) = source_beside(folder, &file.scenario)?;
    let mut progress = JobsDone::new(messages);
    let study = Study::checked(&file, ScenarioText { source, text, folder }, threads, &mut |done, all| {
        progress.tell("combinations checked", done, all);
    });
    study.map_err(|error| match error {
        StudyError::Script(error) => diagnostic(error.into()),
        error => format!("error: {error}"),
    })
}

fn swept(mut sweep: Sweep<'_>, threads: usize, messages: &mut dyn Write) -> Result<Swept, String> {
    let rows = sweep.rows();
    let stopped = |error: Stopped, finished: u64| {
        format!("error: {error}\n{finished} of {rows} rows are finished and kept; the same command goes on from there")
    };
    let mut progress = JobsDone::new(messages);
    let result = sweep.run(threads, &mut |done, all| progress.tell("rows", done, all));
    drop(progress);
    let finished = sweep.finished();
    result.and_then(|()| sweep.finish()).map_err(|error| stopped(error, finished))
}

fn report(arguments: &SweepArguments, part: Part, swept: &Swept, out: &mut dyn Write) -> io::Result<()> {
    let run = swept.rows.saturating_sub(swept.found);
    if arguments.json {
        let document = json!({
            "study": file_name(&arguments.study),
            "part": { "number": part.number(), "of": part.of() },
            "rows": swept.rows,
            "found": swept.found,
            "run": run,
            "failed": swept.failed,
            "file": file_name(&swept.file),
        });
        return print(out, &format!("{document:#}\n"));
    }
    let Swept { rows, found, failed, file } = swept;
    let of_part = if part == Part::WHOLE { String::new() } else { format!("part {part}: ") };
    print(out, &format!("{of_part}{rows} rows ({found} found, {run} run), {failed} of them fail: {}\n", file.display()))
}

/// The name of a file without folders.
fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
