//! The journal of a part: its finished rows, a line of JSON each, in the order in which their runs ended.
//!
//! A line is written at once and ends in LF, so that whatever ends the process leaves whole lines and at most one that is
//! torn, the last. A line is the list of the row's cells in the order of the columns.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::tempfile_in;

use super::columns::{Cell, planned};
use super::manifest::Manifest;
use super::part::Part;

/// What the names of journals end in.
pub const EXTENSION: &str = "jsonl";
/// Longest line, in octets: more than the most and longest settings that a study can have.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// A journal, open.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Octets up to the end of the last whole line.
    whole: u64,
}

/// A line of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The row that it holds.
    pub row: u64,
    /// Offset of its first octet.
    pub offset: u64,
    /// Its octets, LF included.
    pub length: u64,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The journal.
        path: PathBuf,
        /// The answer of the operating system.
        source: io::Error,
    },
    /// It is a folder, a device or a pipe.
    #[error("{}: expected a file, found something else", .path.display())]
    NoFile {
        /// What should be the journal.
        path: PathBuf,
    },
    /// Another process writes it.
    #[error("{}: another keyhop sweep is at work on this part", .path.display())]
    Busy {
        /// The journal.
        path: PathBuf,
    },
    /// A whole line of it is no row of the part.
    #[error("{}:{line}: expected {expected}, found {found}; without that line its run is made again", .path.display())]
    Line {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
}

impl Journal {
    /// Opens the journal of a part for itself alone, and makes it if there is none.
    ///
    /// # Errors
    /// It cannot be opened for writing, is no file, or another process has it.
    pub fn for_writing(path: &Path) -> Result<Self, JournalError> {
        let mut options = OpenOptions::new();
        let journal = Self::open(path, options.read(true).append(true).create(true))?;
        match journal.file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(JournalError::Busy { path: path.to_owned() }),
            // A file system that knows no locks: then nobody watches that only one process works on a part.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(journal),
        }
    }

    /// Opens a journal to read from it.
    ///
    /// # Errors
    /// It cannot be opened, or is no file.
    pub fn for_reading(path: &Path) -> Result<Self, JournalError> {
        Self::open(path, OpenOptions::new().read(true))
    }

    /// An empty journal without a name, in `folder`, that is gone when it is dropped.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn nameless(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.to_owned();
        match tempfile_in(folder) {
            Ok(file) => Ok(Self { path, file, whole: 0 }),
            Err(source) => Err(JournalError::File { path, source }),
        }
    }

    fn open(path: &Path, options: &OpenOptions) -> Result<Self, JournalError> {
        let failed = |source| JournalError::File { path: path.to_owned(), source };
        // Opening a pipe would wait for its other end.
        match path.metadata() {
            Ok(metadata) if !metadata.is_file() => return Err(JournalError::NoFile { path: path.to_owned() }),
            _ => {}
        }
        let file = options.open(path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, whole: 0 })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the whole lines, which must be rows of `part`, and tells how many octets a torn line after them has.
    ///
    /// # Errors
    /// It cannot be read, or a whole line is no row of the part.
    pub fn scan(&mut self, manifest: &Manifest, part: Part) -> Result<(Vec<Line>, u64), JournalError> {
        let failed = |source| JournalError::File { path: self.path.clone(), source };
        (&self.file).seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut reader = BufReader::new(&self.file);
        let (mut lines, mut offset, mut octets) = (Vec::new(), 0u64, Vec::new());
        loop {
            octets.clear();
            let length = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut octets).map_err(failed)? as u64;
            let line = (lines.len() as u64).saturating_add(1);
            let wrong =
                |[expected, found]: [String; 2]| JournalError::Line { path: self.path.clone(), line, expected, found };
            if octets.last() != Some(&b'\n') {
                if length >= LONGEST_LINE {
                    let expected = format!("a line of at most {LONGEST_LINE} octets");
                    return Err(wrong([expected, "a longer one".to_owned()]));
                }
                self.whole = offset;
                return Ok((lines, length));
            }
            let row = row_of(&octets, manifest, part).map_err(wrong)?;
            lines.push(Line { row, offset, length });
            offset = offset.saturating_add(length);
        }
    }

    /// Cuts off what stands after the last whole line that was read or written.
    ///
    /// # Errors
    /// The file cannot be changed.
    pub fn drop_torn_line(&mut self) -> Result<(), JournalError> {
        self.file.set_len(self.whole).map_err(|source| JournalError::File { path: self.path.clone(), source })
    }

    /// Writes the cells of a row as a line.
    ///
    /// # Errors
    /// As [`append_line`](Self::append_line).
    pub fn append(&mut self, row: u64, cells: &[Cell]) -> io::Result<Line> {
        let mut octets = serde_json::to_vec(cells)?;
        octets.push(b'\n');
        self.append_line(row, &octets)
    }

    /// Writes a line as it stands in another journal, LF included.
    ///
    /// # Errors
    /// The line could not be written whole; then the journal stands as it stood, or ends in a torn line.
    pub fn append_line(&mut self, row: u64, octets: &[u8]) -> io::Result<Line> {
        // A line may have been read in between.
        let written = self.file.seek(SeekFrom::Start(self.whole)).and_then(|_| self.file.write_all(octets));
        if let Err(error) = written {
            let _ = self.file.set_len(self.whole);
            return Err(error);
        }
        let line = Line { row, offset: self.whole, length: octets.len() as u64 };
        self.whole = self.whole.saturating_add(line.length);
        Ok(line)
    }

    /// Waits until what was written is on the disk.
    ///
    /// # Errors
    /// It did not get there.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// The octets of a line that was read or written before.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub fn octets(&self, line: Line) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        (&self.file).seek(SeekFrom::Start(line.offset))?;
        (&self.file).take(line.length).read_to_end(&mut octets)?;
        Ok(octets)
    }
}

/// The number of the row on a line, if it is one of `part` in the study; else what was expected and what was found.
fn row_of(octets: &[u8], manifest: &Manifest, part: Part) -> Result<u64, [String; 2]> {
    let columns = manifest.columns.len();
    let row = || format!("a row of {columns} cells");
    let cells: Vec<Cell> = serde_json::from_slice(octets).map_err(|error| [row(), error.to_string()])?;
    if cells.len() != columns {
        return Err([row(), format!("{} cells", cells.len())]);
    }
    let number = match cells.first() {
        Some(Cell::Number(number)) if part.has(*number) => *number,
        first => return Err([format!("the number of a row of part {part}"), format!("{first:?}")]),
    };
    let Some(plan) = manifest.grid.row(number) else {
        return Err([format!("a row from 1 to {}", manifest.rows()), format!("row {number}")]);
    };
    let beginning = planned(&manifest.grid, &plan);
    let different = beginning.iter().zip(&cells).zip(&manifest.columns).find(|((own, found), _)| own != found);
    match different {
        Some(((own, found), column)) => Err([format!("{column} of row {number} to be {own:?}"), format!("{found:?}")]),
        None => Ok(number),
    }
}
