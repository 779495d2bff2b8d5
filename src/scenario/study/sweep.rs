//! A part of a study is run: what its folder has already is not run again, and what is finished stays.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::journal::{self, Journal};
use super::manifest::{Manifest, ManifestError};
use super::part::Part;
use super::rows::{Rows, RowsError};
use super::{RowError, Study};
use crate::capture::placement::{PendingOutputs, PlacementError};
use crate::scenario::workers::as_finished;

/// A part of a study, its folder open and its finished rows known.
#[derive(Debug)]
pub struct Sweep<'a> {
    study: &'a Study,
    folder: PathBuf,
    part: Part,
    rows: Rows<'a>,
    found: u64,
    torn: u64,
}

/// Why a folder does not take the rows of a study. It is untouched then.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made or read.
    #[error("{}: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The answer of the operating system.
        source: io::Error,
    },
    /// It holds other files.
    #[error("{}: expected an empty folder or one of this study, found {found} and no study", .path.display())]
    Stranger {
        /// The folder.
        path: PathBuf,
        /// A file in it.
        found: String,
    },
    /// It belongs to another study.
    #[error("{}: expected the rows of this study, found those of another; {difference}", .path.display())]
    OtherStudy {
        /// The folder.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// Its manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Its rows cannot be used.
    #[error(transparent)]
    Rows(#[from] RowsError),
}

/// Why a part did not come to its end. Its finished rows stand, and it can be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// A run could not take place.
    #[error("{row}: {source}")]
    Run {
        /// The row, in words.
        row: String,
        /// Why.
        source: Box<RowError>,
    },
    /// A row could not be written.
    #[error("{}: {source}", .path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// The answer of the operating system.
        source: io::Error,
    },
    /// The table could not be put in place.
    #[error(transparent)]
    Table(#[from] PlacementError),
}

/// What a part came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Rows of the part.
    pub rows: u64,
    /// How many of them the folder had already.
    pub found: u64,
    /// How many of them have another verdict than `pass`.
    pub failed: u64,
    /// The table.
    pub file: PathBuf,
}

impl<'a> Sweep<'a> {
    /// Opens `folder` for the rows of `part`, and makes it if there is none.
    ///
    /// # Errors
    /// It is not for this study, or cannot be used.
    pub fn open(study: &'a Study, folder: &Path, part: Part) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        // In this order: of two processes that begin at once, the faster one puts its manifest in place before all else.
        let stranger = Manifest::stranger(folder).map_err(failed)?;
        if Manifest::read(folder)?.is_none() {
            if let Some(found) = stranger {
                return Err(FolderError::Stranger { path: folder.to_owned(), found });
            }
            study.manifest.place(folder)?;
        }
        if let Some(difference) = Manifest::read(folder)?.and_then(|found| study.manifest.difference(&found)) {
            return Err(FolderError::OtherStudy { path: folder.to_owned(), difference });
        }
        let path = folder.join(part.stem()).with_extension(journal::EXTENSION);
        let journal = Journal::for_writing(&path).map_err(RowsError::from)?;
        let (rows, torn) = Rows::going_on(&study.manifest, journal, part)?;
        let found = rows.finished();
        Ok(Self { study, folder: folder.to_owned(), part, rows, found, torn })
    }

    /// How many rows the part has.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.part.rows(self.study.rows()).count() as u64
    }

    /// How many of them are finished.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.rows.finished()
    }

    /// How many octets the torn line had that was dropped.
    #[must_use]
    pub const fn torn(&self) -> u64 {
        self.torn
    }

    /// Runs the rows that are not finished, on at most `threads` threads. `progress` is told how many of how many are
    /// finished.
    ///
    /// # Errors
    /// A run could not take place, or a row could not be written; then no further run has begun.
    pub fn run(&mut self, threads: usize, progress: &mut dyn FnMut(usize, usize)) -> Result<(), Stopped> {
        let Self { study, part, rows, found, .. } = self;
        let to_do: Vec<u64> = part.rows(study.rows()).filter(|row| !rows.has(*row)).collect();
        let mut finished = usize::try_from(*found).unwrap_or(usize::MAX);
        let all = finished.saturating_add(to_do.len());
        let work = |row: &u64| (*row, study.cells(*row));
        let mut stopped = None;
        as_finished(&to_do, threads, work, &mut |_, (row, result)| {
            let written = match result {
                Ok(cells) => rows
                    .append(row, &cells)
                    .map_err(|source| Stopped::Journal { path: rows.journal().path().to_owned(), source }),
                Err(error) => Err(Stopped::Run { row: study.described(row), source: Box::new(error) }),
            };
            match written {
                Ok(()) => {
                    finished = finished.saturating_add(1);
                    progress(finished, all);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    stopped = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        stopped.map_or(Ok(()), Err)
    }

    /// Puts the table of the finished rows in place, in the order of their numbers.
    ///
    /// # Errors
    /// It cannot be written; the journal stands.
    pub fn finish(self) -> Result<Swept, Stopped> {
        let journal = self.rows.journal();
        journal.sync().map_err(|source| Stopped::Journal { path: journal.path().to_owned(), source })?;
        let file = self.folder.join(self.part.stem()).with_extension("csv");
        let mut failed = 0;
        let mut outputs = PendingOutputs::new();
        outputs.stage(&file, |out| {
            failed = self.rows.write_csv(self.part.rows(self.study.rows()), out)?;
            Ok(())
        })?;
        outputs.commit()?;
        Ok(Swept { rows: self.rows(), found: self.found, failed, file })
    }
}
