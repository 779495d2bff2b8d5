//! Studies: a grid of settings times seeds, one row for each run, on all cores, in parts, and with interruptions.
//!
//! What a row holds depends on the study and the row's number, and on nothing else: neither on threads nor on parts.
//!
//! * [`grid`]: the product of lists of values, times the seeds; the file is read by
//!   [`StudyFile`].
//! * [`columns`]: what a row holds of a run.
//! * [`manifest`]: what a study is, as its folder says it; [`files`]: the files that it depends on.
//! * [`part`]: one of N parts.
//! * [`journal`]: finished rows, a line each; [`rows`]: those of several journals in order.
//! * [`sweep`]: a part is run; [`merge`]: parts are joined.

pub mod columns;
pub mod files;
pub mod grid;
pub mod journal;
pub mod manifest;
pub mod merge;
pub mod part;
pub mod rows;
pub mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::run::{RunError, run};
use super::script::{CaptureChoice, Script, ScriptError, SetArgument, StudyFile};
use super::workers::as_finished;
use crate::emulation::Engine;
use columns::{Cell, measured, planned};
use grid::{Grid, PlannedRow};
use manifest::Manifest;

/// The script of a study, still a text.
#[derive(Clone, Debug)]
pub struct ScenarioText {
    /// Its name for messages.
    pub source: String,
    /// The text.
    pub text: String,
    /// The folder that its files are looked for in.
    pub folder: PathBuf,
}

/// A study of which every combination is a valid script.
#[derive(Debug)]
pub struct Study {
    grid: Grid,
    scenario: ScenarioText,
    manifest: Manifest,
}

/// Why a study cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The script is not valid, or not with a combination of the grid.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The script wants a program as adversary.
    #[error("{scenario}: expected a script without [adversary], found one with {settings}: a study starts no program")]
    Adversary {
        /// The script.
        scenario: String,
        /// The combination.
        settings: String,
    },
    /// A file that the script names cannot be read.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The answer of the operating system.
        source: io::Error,
    },
}

/// Why there is no row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The script is not valid with this seed: the check takes the first one.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The run could not take place.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Study {
    /// Checks every combination of `file`, with its first seed, in the script `scenario`. `progress` is told how many of how many are checked.
    ///
    /// # Errors
    /// The first combination that is no valid script, or a file that a script names and that cannot be read.
    pub fn checked(
        file: &StudyFile,
        scenario: ScenarioText,
        threads: usize,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, StudyError> {
        let grid = file.grid.clone();
        let seeds = usize::try_from(grid.seeds.count()).unwrap_or(usize::MAX).max(1);
        let first_of_each = (1..=grid.rows().unwrap_or(0)).step_by(seeds).filter_map(|row| grid.row(row));
        let all: Vec<PlannedRow> = first_of_each.collect();
        let work = |row: &PlannedRow| named_files(&grid, &scenario, row);
        let mut names = BTreeSet::new();
        let mut wrong: Option<(usize, StudyError)> = None;
        let mut done = 0usize;
        as_finished(&all, threads, work, &mut |number, result| {
            done = done.saturating_add(1);
            progress(done, all.len());
            match result {
                Ok(files) => names.extend(files),
                // The first of all, whichever thread was faster.
                Err(error) if wrong.as_ref().is_none_or(|(earlier, _)| number < *earlier) => {
                    wrong = Some((number, error));
                }
                Err(_) => {}
            }
            ControlFlow::Continue(())
        });
        if let Some((number, error)) = wrong {
            return Err(match error {
                StudyError::Script(error) => at_its_place(file, &scenario, number as u64, error).into(),
                error => error,
            });
        }
        let mut files = BTreeMap::new();
        for name in names {
            let digest = files::sha256(&name, &scenario.folder)
                .map_err(|source| StudyError::File { path: scenario.folder.join(&name), source })?;
            files.insert(name, digest);
        }
        let manifest = Manifest::new(&file.scenario, &scenario.text, &grid, files, file.text());
        Ok(Self { grid, scenario, manifest })
    }

    /// What the study is.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.manifest.rows()
    }

    /// A row before its run, in words: its number, settings and seed.
    #[must_use]
    pub fn described(&self, row: u64) -> String {
        self.grid.row(row).map_or_else(String::new, |plan| {
            let settings = self.grid.described(&self.grid.combination(plan.combination));
            format!("row {row} ({settings}, seed {})", plan.seed)
        })
    }

    /// Runs the row of this number, and gives its cells; no cells if there is no such row.
    ///
    /// # Errors
    /// The run could not take place.
    pub fn cells(&self, row: u64) -> Result<Vec<Cell>, RowError> {
        let Some(plan) = self.grid.row(row) else { return Ok(Vec::new()) };
        let mut script = parsed(&self.grid, &self.scenario, &plan)?;
        // Nobody sees it, and nobody judges it.
        script.capture = CaptureChoice::Nothing;
        let finished = run(&script, Engine::Inline, &self.scenario.folder, None)?;
        Ok([planned(&self.grid, &plan), measured(&finished.outcome)].concat())
    }
}

/// The script of a row. Its seed is set like all else: a script may depend on it.
fn parsed(grid: &Grid, scenario: &ScenarioText, row: &PlannedRow) -> Result<Script, ScriptError> {
    let mut sets = grid.sets(&grid.combination(row.combination));
    sets.push(SetArgument { path: "seed".to_owned(), value: row.seed.to_string() });
    Script::parse(&scenario.source, &scenario.text, &sets)
}

/// Checks the script of a row, and gives the names of the files that it reads.
fn named_files(grid: &Grid, scenario: &ScenarioText, row: &PlannedRow) -> Result<BTreeSet<String>, StudyError> {
    let script = parsed(grid, scenario, row)?;
    if script.adversary.is_some() {
        let settings = grid.described(&grid.combination(row.combination));
        return Err(StudyError::Adversary { scenario: scenario.source.clone(), settings });
    }
    Ok(files::named(&script))
}

/// The error of the script where the script is wrong without the study, else that of the study.
fn at_its_place(file: &StudyFile, scenario: &ScenarioText, combination: u64, error: ScriptError) -> ScriptError {
    match Script::parse(&scenario.source, &scenario.text, &[]) {
        Err(own) if own.to_string() == error.to_string() => own,
        _ => file.wrong_combination(&file.grid.combination(combination), &error),
    }
}

/// The study in the text `study`, with the script `scenario`, checked; for the tests of this room.
#[cfg(test)]
fn study(study: &str, scenario: &str) -> Result<Study, StudyError> {
    let file = StudyFile::parse("study.toml", study)?;
    let scenario =
        ScenarioText { source: "script.toml".to_owned(), text: scenario.to_owned(), folder: PathBuf::from(".") };
    Study::checked(&file, scenario, 2, &mut |_, _| {})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::bundled;

    fn of_lossy(grid: &str) -> Result<Study, StudyError> {
        study(&format!("scenario = \"lossy\"\nseeds = 2\n[grid]\n{grid}\n"), bundled::script("lossy").unwrap().text)
    }

    #[test]
    fn the_first_wrong_value_is_told_with_its_place_in_the_study() {
        let cases = [
            (
                "radio.frame = [\"5ms\", 10]\nradio.loss = [0]",
                "study.toml:4:23: grid: radio.frame: expected a time",
                "found the integer 10",
            ),
            ("radio.loss = [0, 3]", "study.toml:4:18: grid: radio.loss: expected a probability", "integer 3"),
            ("radio.los = [0.1]", "study.toml:4:14: grid: unknown key \"los\"", "did you mean \"loss\"?"),
            ("base_station.bs9.tek_cache = [true]", "study.toml:4:", "no entry has the name \"bs9\""),
        ];
        for (grid, place, wanted) in cases {
            let error = of_lossy(grid).unwrap_err().to_string();
            assert!(error.starts_with(place) && error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn values_that_do_not_go_together_are_told_with_their_combination() {
        let error = of_lossy("mode = [\"seamless\"]\nduration = [\"5s\", \"200ms\"]").unwrap_err().to_string();
        assert!(
            error.starts_with("study.toml:4:9: grid: with mode = \"seamless\", duration = \"200ms\": script.toml:")
        );
        let error = study("scenario = \"x\"\nseeds = 1\ngrid.mode = [\"seamless\"]", "name = 5").unwrap_err();
        assert!(error.to_string().starts_with("script.toml:1:8: name: expected"), "{error}");
    }

    #[test]
    fn a_study_starts_no_program() {
        let error = of_lossy("adversary.command = [[\"true\"]]").unwrap_err().to_string();
        assert!(error.contains("expected a script without [adversary], found one with adversary.command"), "{error}");
    }

    #[test]
    fn a_row_is_the_same_whatever_was_run_before_it() {
        let study = of_lossy("radio.loss = [0.0, 0.2]").unwrap();
        assert_eq!(study.rows(), 4);
        let rows = |numbers: &[u64]| numbers.iter().map(|row| study.cells(*row).unwrap()).collect::<Vec<_>>();
        let mut backwards = rows(&[4, 3, 2, 1]);
        backwards.reverse();
        assert_eq!(rows(&[1, 2, 3, 4]), backwards);
        assert_eq!(backwards[3][..3], [Cell::Number(4), Cell::Text("0.2".into()), Cell::Number(2)]);
        assert!(study.described(4).contains("row 4 (radio.loss = 0.2, seed 2)"));
        assert!(study.cells(5).unwrap().is_empty());
    }
}
