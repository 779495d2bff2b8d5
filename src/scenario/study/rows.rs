//! The finished rows of a study, found in journals and written in the order of their numbers.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde_json::to_string;

use super::columns::{Cell, csv_line, passed};
use super::journal::{Journal, JournalError, Line};
use super::manifest::Manifest;
use super::part::Part;

/// Finished rows, in a journal. Memory: some 32 octets for each row of the study.
#[derive(Debug)]
pub struct Rows<'a> {
    manifest: &'a Manifest,
    journal: Journal,
    /// By row number less one: its line in the journal.
    places: Vec<Option<Line>>,
}

/// Why rows cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// A journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Two runs of one row differ.
    #[error("{}: expected row {row} as it was found before, found another one", .path.display())]
    Different {
        /// The row.
        row: u64,
        /// The journal that has it otherwise.
        path: PathBuf,
    },
}

/// The position of a row among all.
fn position(row: u64) -> usize {
    row.checked_sub(1).and_then(|position| usize::try_from(position).ok()).unwrap_or(usize::MAX)
}

impl<'a> Rows<'a> {
    /// None yet, in a journal that is empty.
    #[must_use]
    pub fn new(manifest: &'a Manifest, journal: Journal) -> Self {
        Self { manifest, journal, places: vec![None; position(manifest.rows().saturating_add(1))] }
    }

    /// The rows of the journal of `part`, which goes on; and how many octets the torn line at its end had, which is cut off.
    ///
    /// # Errors
    /// The journal cannot be used, or has a row in two ways.
    pub fn going_on(manifest: &'a Manifest, mut journal: Journal, part: Part) -> Result<(Self, u64), RowsError> {
        let (lines, torn) = journal.scan(manifest, part)?;
        if torn > 0 {
            journal.drop_torn_line()?;
        }
        let mut rows = Self::new(manifest, journal);
        for line in lines {
            match rows.line(line.row) {
                Some(earlier) => rows.same(earlier, &rows.journal, line)?,
                None => rows.place(line),
            }
        }
        Ok((rows, torn))
    }

    /// Copies the rows of the journal of `part`, and tells how many octets a torn line at its end has, which is left out.
    ///
    /// # Errors
    /// A journal cannot be used, or this one has a row otherwise than one before it.
    pub fn gather(&mut self, mut journal: Journal, part: Part) -> Result<u64, RowsError> {
        let (lines, torn) = journal.scan(self.manifest, part)?;
        for line in lines {
            match self.line(line.row) {
                Some(earlier) => self.same(earlier, &journal, line)?,
                None => {
                    let octets = octets(&journal, line)?;
                    self.journal
                        .append_line(line.row, &octets)
                        .map(|line| self.place(line))
                        .map_err(|source| JournalError::File { path: self.journal.path().to_owned(), source })?;
                }
            }
        }
        Ok(torn)
    }

    fn line(&self, row: u64) -> Option<Line> {
        *self.places.get(position(row))?
    }

    fn place(&mut self, line: Line) {
        if let Some(place) = self.places.get_mut(position(line.row)) {
            *place = Some(line);
        }
    }

    /// Fails unless `line` of `journal` is equal to one that is there.
    fn same(&self, earlier: Line, journal: &Journal, line: Line) -> Result<(), RowsError> {
        match octets(&self.journal, earlier)? == octets(journal, line)? {
            true => Ok(()),
            false => Err(RowsError::Different { row: line.row, path: journal.path().to_owned() }),
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The journal could not be written; its whole lines stand.
    pub fn append(&mut self, row: u64, cells: &[Cell]) -> io::Result<()> {
        self.journal.append(row, cells).map(|line| self.place(line))
    }

    /// The journal that they are in.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Whether this row is there.
    #[must_use]
    pub fn has(&self, row: u64) -> bool {
        self.line(row).is_some()
    }

    /// How many rows are there.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.places.iter().flatten().count() as u64
    }

    /// The rows that are not there, as ranges.
    #[must_use]
    pub fn missing(&self) -> Vec<RangeInclusive<u64>> {
        let mut missing: Vec<RangeInclusive<u64>> = Vec::new();
        for row in (1..=self.manifest.rows()).filter(|row| !self.has(*row)) {
            match missing.last_mut() {
                Some(last) if last.end().checked_add(1) == Some(row) => *last = *last.start()..=row,
                _ => missing.push(row..=row),
            }
        }
        missing
    }

    fn cells(&self, row: u64) -> io::Result<Option<Vec<Cell>>> {
        match self.line(row) {
            Some(line) => Ok(Some(serde_json::from_slice(&self.journal.octets(line)?)?)),
            None => Ok(None),
        }
    }

    /// Writes those of `rows` that are there as CSV, the names of the columns first, and tells how many have another verdict
    /// than `pass`.
    ///
    /// # Errors
    /// A journal cannot be read any more, or `out` not be written.
    pub fn write_csv(&self, rows: impl Iterator<Item = u64>, out: &mut dyn Write) -> io::Result<u64> {
        let names: Vec<Cell> = self.manifest.columns.iter().cloned().map(Cell::Text).collect();
        out.write_all(csv_line(&names).as_bytes())?;
        let mut failed = 0u64;
        for row in rows {
            if let Some(cells) = self.cells(row)? {
                out.write_all(csv_line(&cells).as_bytes())?;
                failed = failed.saturating_add(u64::from(!passed(&self.manifest.grid, &cells)));
            }
        }
        Ok(failed)
    }

    /// Writes those of `rows` that are there as one JSON document: `scenario`, `columns`, and `rows`, a list of objects with the
    /// names of the columns; tells how many have another verdict than `pass`.
    ///
    /// # Errors
    /// A journal cannot be read any more, or `out` not be written.
    pub fn write_json(&self, rows: impl Iterator<Item = u64>, out: &mut dyn Write) -> io::Result<u64> {
        let columns = &self.manifest.columns;
        write!(out, "{{\n\"scenario\":{},\n\"columns\":{}", to_string(&self.manifest.scenario)?, to_string(columns)?)?;
        let mut failed = 0u64;
        let mut between = ",\n\"rows\":[\n";
        for row in rows {
            if let Some(cells) = self.cells(row)? {
                out.write_all(between.as_bytes())?;
                for (number, (column, cell)) in columns.iter().zip(&cells).enumerate() {
                    let before = if number == 0 { '{' } else { ',' };
                    write!(out, "{before}{}:{}", to_string(column)?, to_string(cell)?)?;
                }
                out.write_all(b"}")?;
                between = ",\n";
                failed = failed.saturating_add(u64::from(!passed(&self.manifest.grid, &cells)));
            }
        }
        out.write_all(b"\n]\n}\n")?;
        Ok(failed)
    }
}

fn octets(journal: &Journal, line: Line) -> Result<Vec<u8>, JournalError> {
    journal.octets(line).map_err(|source| JournalError::File { path: journal.path().to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::study::columns::planned;
    use crate::scenario::study::grid::{Axis, Grid, Seeds};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    fn manifest() -> Manifest {
        let axis = Axis { path: "a".to_owned(), values: vec!["1".to_owned(), "2".to_owned()] };
        let grid = Grid { axes: vec![axis], seeds: Seeds::Range { from: 1, to: 3 } };
        Manifest::new("seamless", "", &grid, BTreeMap::new(), "")
    }

    /// The cells of a row, `figure` in every column that is measured.
    fn cells(manifest: &Manifest, row: u64, figure: u64) -> Vec<Cell> {
        let mut cells = planned(&manifest.grid, &manifest.grid.row(row).unwrap());
        cells.resize(manifest.columns.len(), Cell::Number(figure));
        cells
    }

    /// A journal with these rows and figures.
    fn journal(manifest: &Manifest, folder: &Path, name: &str, rows: &[(u64, u64)]) -> PathBuf {
        let path = folder.join(name);
        let mut journal = Journal::for_writing(&path).unwrap();
        for (row, figure) in rows {
            journal.append(*row, &cells(manifest, *row, *figure)).unwrap();
        }
        path
    }

    fn csv(rows: &Rows<'_>) -> String {
        let mut out = Vec::new();
        rows.write_csv(1..=6, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_come_in_order_from_several_journals_and_missing_ones_are_known() {
        let (manifest, folder) = (manifest(), tempfile::tempdir().unwrap());
        let mut rows = Rows::new(&manifest, Journal::nameless(folder.path()).unwrap());
        let path = journal(&manifest, folder.path(), "one", &[(5, 0), (1, 0)]);
        rows.gather(Journal::for_reading(&path).unwrap(), Part::WHOLE).unwrap();
        assert_eq!((rows.finished(), rows.missing()), (2, vec![2..=4, 6..=6]));
        let path = journal(&manifest, folder.path(), "two", &[(6, 0), (2, 0), (4, 0)]);
        rows.gather(Journal::for_reading(&path).unwrap(), "2/2".parse().unwrap()).unwrap();
        assert_eq!((rows.has(3), rows.has(0), rows.has(7), rows.missing()), (false, false, false, vec![3..=3]));
        let csv = csv(&rows);
        let numbers: Vec<&str> = csv.lines().map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!(numbers, ["row", "1", "2", "4", "5", "6"]);
        let mut json = Vec::new();
        assert_eq!(rows.write_json(1..=6, &mut json).unwrap(), 5, "5 rows without the verdict pass");
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!((&json["scenario"], &json["rows"][4]["a"]), (&"seamless".into(), &"2".into()));
    }

    #[test]
    fn a_row_may_come_twice_only_as_it_was() {
        let (manifest, folder) = (manifest(), tempfile::tempdir().unwrap());
        let open = |path: &Path| Journal::for_reading(path).unwrap();
        let one = journal(&manifest, folder.path(), "one", &[(1, 0), (2, 0)]);
        let same = journal(&manifest, folder.path(), "same", &[(2, 0)]);
        let other = journal(&manifest, folder.path(), "other", &[(2, 7)]);
        let mut rows = Rows::new(&manifest, Journal::nameless(folder.path()).unwrap());
        rows.gather(open(&one), Part::WHOLE).unwrap();
        rows.gather(open(&same), Part::WHOLE).unwrap();
        assert_eq!(rows.finished(), 2);
        let error = rows.gather(open(&other), Part::WHOLE).unwrap_err();
        assert!(matches!(&error, RowsError::Different { row: 2, path } if *path == other), "{error}");
        let both = journal(&manifest, folder.path(), "both", &[(2, 0), (2, 7)]);
        assert!(Rows::going_on(&manifest, Journal::for_writing(&both).unwrap(), Part::WHOLE).is_err());
    }

    #[test]
    fn a_torn_last_line_is_told_and_dropped_and_what_follows_is_whole() {
        let (manifest, folder) = (manifest(), tempfile::tempdir().unwrap());
        let path = journal(&manifest, folder.path(), "rows.jsonl", &[(1, 0), (2, 0)]);
        let whole = fs::read(&path).unwrap();
        for torn in [1, 20, whole.len() / 2 - 1] {
            fs::write(&path, &whole[..whole.len() - torn]).unwrap();
            let mut other = Rows::new(&manifest, Journal::nameless(folder.path()).unwrap());
            let left_out = other.gather(Journal::for_reading(&path).unwrap(), Part::WHOLE).unwrap();
            assert_eq!((left_out, other.finished()), ((whole.len() / 2 - torn) as u64, 1));
            let journal = Journal::for_writing(&path).unwrap();
            let (mut rows, dropped) = Rows::going_on(&manifest, journal, Part::WHOLE).unwrap();
            assert_eq!((dropped, rows.finished()), (left_out, 1));
            rows.append(2, &cells(&manifest, 2, 0)).unwrap();
            assert_eq!(rows.finished(), 2);
            assert!(csv(&rows).lines().count() == 3 && fs::read(&path).unwrap() == whole);
        }
    }

    #[test]
    fn a_whole_line_that_is_no_row_of_the_part_is_refused_with_its_place() {
        let (manifest, folder) = (manifest(), tempfile::tempdir().unwrap());
        let path = folder.path().join("rows.jsonl");
        let line = |row: u64, change: &dyn Fn(&mut Vec<Cell>)| {
            let mut cells = cells(&manifest, row, 0);
            change(&mut cells);
            serde_json::to_string(&cells).unwrap() + "\n"
        };
        let whole: Part = Part::WHOLE;
        let third: Part = "3/3".parse().unwrap();
        let cases = [
            ("no JSON\n".to_owned(), whole, "expected a row of "),
            (line(1, &|cells| cells.truncate(3)), whole, "found 3 cells"),
            (line(1, &|cells| cells[0] = Cell::Nothing), whole, "expected the number of a row of part 1/1"),
            (line(1, &|cells| cells[0] = Cell::Number(7)), whole, "expected a row from 1 to 6, found row 7"),
            (line(1, &|cells| cells[1] = Cell::Text("9".into())), whole, "expected a of row 1 to be Text(\"1\")"),
            (line(1, &|cells| cells[2] = Cell::Number(9)), whole, "expected seed of row 1 to be Number(1)"),
            (line(1, &|_| {}), third, "expected the number of a row of part 3/3"),
        ];
        for (text, part, wanted) in cases {
            fs::write(&path, line(3, &|_| {}) + &text).unwrap();
            let error = Journal::for_reading(&path).unwrap().scan(&manifest, part).unwrap_err().to_string();
            assert!(error.contains("rows.jsonl:2: ") && error.contains(wanted), "{error}");
        }
        fs::write(&path, vec![0; 5_000_000]).unwrap();
        let error = Journal::for_reading(&path).unwrap().scan(&manifest, whole).unwrap_err().to_string();
        assert!(error.contains("expected a line of at most"), "{error}");
    }

    #[test]
    fn only_one_process_writes_a_journal_and_only_files_are_journals() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        let first = Journal::for_writing(&path).unwrap();
        assert!(matches!(Journal::for_writing(&path), Err(JournalError::Busy { .. })));
        assert!(Journal::for_reading(&path).is_ok());
        drop(first);
        assert!(Journal::for_writing(&path).is_ok());
        assert!(matches!(Journal::for_writing(folder.path()), Err(JournalError::NoFile { .. })));
        #[cfg(unix)]
        assert!(matches!(Journal::for_reading(Path::new("/dev/full")), Err(JournalError::NoFile { .. })));
        assert!(matches!(Journal::for_writing(&path.join("x")), Err(JournalError::File { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn no_octets_in_a_journal_are_more_than_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (manifest, folder) = (manifest(), tempfile::tempdir().unwrap());
            let path = folder.path().join("rows.jsonl");
            fs::write(&path, &octets).unwrap();
            let scanned = Journal::for_reading(&path).unwrap().scan(&manifest, Part::WHOLE);
            let torn = octets.iter().rev().take_while(|octet| **octet != b'\n').count();
            match scanned {
                Ok((lines, left)) => prop_assert_eq!((lines.len(), left), (0, torn as u64)),
                Err(_) => prop_assert!(torn < octets.len(), "a line that is whole"),
            }
        }
    }
}
