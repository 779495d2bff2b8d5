//! The parts of a study are joined: its rows are collected from the journals of one or several folders.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::columns::columns;
use super::journal::{EXTENSION, Journal};
use super::manifest::{MANIFEST, Manifest, ManifestError};
use super::part::Part;
use super::rows::{Rows, RowsError};

/// Why folders cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A folder cannot be read.
    #[error("{}: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The answer of the operating system.
        source: io::Error,
    },
    /// A folder is none of a study.
    #[error("{}: expected the folder of a study, found no {MANIFEST} in it", .path.display())]
    NoStudy {
        /// The folder.
        path: PathBuf,
    },
    /// Two folders are of different studies.
    #[error("{}: expected rows of the study in {}, found those of another; {difference}", .path.display(), .first.display())]
    OtherStudy {
        /// The folder.
        path: PathBuf,
        /// The one that was named first.
        first: PathBuf,
        /// What differs.
        difference: String,
    },
    /// The rows have other columns than those of this version.
    #[error("{}: expected rows as this version of keyhop makes them, found those of another version", .path.display())]
    OtherVersion {
        /// The folder.
        path: PathBuf,
    },
    /// A manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Rows cannot be used.
    #[error(transparent)]
    Rows(#[from] RowsError),
}

/// The study that all of `folders` belong to.
///
/// # Errors
/// A folder is none of a study, or of another one than the first.
pub fn common_study(folders: &[PathBuf]) -> Result<Option<Manifest>, MergeError> {
    let mut study: Option<(&PathBuf, Manifest)> = None;
    for path in folders {
        let Some(found) = Manifest::read(path)? else {
            // A folder that cannot be read is told as such.
            fs::read_dir(path).map_err(|source| MergeError::Folder { path: path.clone(), source })?;
            return Err(MergeError::NoStudy { path: path.clone() });
        };
        match &study {
            Some((first, study)) => {
                if let Some(difference) = study.difference(&found) {
                    return Err(MergeError::OtherStudy { path: path.clone(), first: (*first).clone(), difference });
                }
            }
            None if found.columns != columns(&found.grid) => {
                return Err(MergeError::OtherVersion { path: path.clone() });
            }
            None => study = Some((path, found)),
        }
    }
    Ok(study.map(|(_, study)| study))
}

/// The finished rows of `study` in `folders`, copied to a file without a name in `scratch`. `torn` is told of every journal
/// that ends in a torn line, which is left out, and of its octets.
///
/// # Errors
/// A journal cannot be used, or two have different runs of one row.
pub fn gathered<'a>(
    study: &'a Manifest,
    folders: &[PathBuf],
    scratch: &Path,
    torn: &mut dyn FnMut(&Path, u64),
) -> Result<Rows<'a>, MergeError> {
    let mut rows = Rows::new(study, Journal::nameless(scratch).map_err(RowsError::from)?);
    for folder in folders {
        for (path, part) in journals(folder).map_err(|source| MergeError::Folder { path: folder.clone(), source })? {
            let octets = rows.gather(Journal::for_reading(&path).map_err(RowsError::from)?, part)?;
            if octets > 0 {
                torn(&path, octets);
            }
        }
    }
    Ok(rows)
}

/// The journals of a folder, by name.
fn journals(folder: &Path) -> io::Result<Vec<(PathBuf, Part)>> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let part = path.file_stem().and_then(OsStr::to_str).and_then(Part::of_stem);
        if let (Some(part), Some(EXTENSION)) = (part, path.extension().and_then(OsStr::to_str)) {
            journals.push((path, part));
        }
    }
    journals.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(journals)
}
