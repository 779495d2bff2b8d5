//! Output files that appear all together when they are complete, or not at all (DESIGN section 5).
//!
//! Every output is first written to a temporary file beside its destination. [`PendingOutputs::commit`] then renames
//! them into place; if one cannot be, those already placed are taken back and the files that stood before stand again.
//! A destination that is no regular file (a terminal, a pipe, `/dev/null`) is written to at the end, since nothing can be
//! renamed onto it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempPath};

/// Octets of an output that are written at a time.
const BUFFER: usize = 256 * 1024;

/// Why outputs could not be put in place.
#[derive(Debug, thiserror::Error)]
pub enum PlacementError {
    /// The output cannot be written.
    #[error("{}: {source}", .path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// The answer of the operating system.
        source: io::Error,
    },
    /// Two outputs of one run have the same name.
    #[error("{}: two outputs cannot go to one file", .path.display())]
    SameFile {
        /// That name.
        path: PathBuf,
    },
    /// A file that stood before could not be put back; its content is in `backup`.
    #[error("{}: could not be put back ({source}); its content is in {}", .path.display(), .backup.display())]
    NotRestored {
        /// Where the file stood.
        path: PathBuf,
        /// Where its content is now.
        backup: PathBuf,
        /// The answer of the operating system.
        source: io::Error,
    },
}

enum Place {
    /// Rename onto this path.
    Rename(PathBuf),
    /// Copy into what is there.
    WriteThrough(PathBuf),
}

impl Place {
    /// Where its temporary file is.
    fn folder(&self) -> PathBuf {
        match self {
            Self::Rename(path) => parent(path).to_owned(),
            Self::WriteThrough(_) => std::env::temp_dir(),
        }
    }
}

struct Staged {
    named: PathBuf,
    place: Place,
    file: NamedTempFile,
}

/// An output that is in place already, and how to take it back.
struct Placed {
    path: PathBuf,
    before: Option<TempPath>,
}

/// Output files that wait to be put in place. Dropped without [`commit`](Self::commit), they leave nothing behind.
#[derive(Default)]
pub struct PendingOutputs {
    staged: Vec<Staged>,
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The folder in which the temporary file of an output for `path` is made.
///
/// # Errors
/// `path` is a folder, or in none that is there.
pub fn folder_of(path: &Path) -> Result<PathBuf, PlacementError> {
    let place = destination(path).map_err(|source| PlacementError::Write { path: path.to_owned(), source })?;
    Ok(place.folder())
}

/// A temporary file in `folder` with the permissions of any new file.
pub(crate) fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".keyhop-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

impl PendingOutputs {
    /// No outputs yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes one output to a temporary file beside `path`. Nothing is at `path` yet, and what is there stays.
    ///
    /// # Errors
    /// The folder cannot be written to, `path` is a folder, another output has the same path, or `write` fails.
    pub fn stage(
        &mut self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), PlacementError> {
        let failed = |source| PlacementError::Write { path: path.to_owned(), source };
        let place = destination(path).map_err(failed)?;
        let folder = place.folder();
        let taken = |staged: &Staged| match (&staged.place, &place) {
            (Place::Rename(other), Place::Rename(this)) => other == this,
            _ => false,
        };
        if self.staged.iter().any(taken) {
            return Err(PlacementError::SameFile { path: path.to_owned() });
        }
        let file = temporary_file(&folder).map_err(failed)?;
        let mut out = BufWriter::with_capacity(BUFFER, file);
        write(&mut out).map_err(failed)?;
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        self.staged.push(Staged { named: path.to_owned(), place, file });
        Ok(())
    }

    /// Puts all outputs in place, in the order they were staged.
    ///
    /// # Errors
    /// One of them cannot be placed. Then none is there and the files that stood before stand again.
    pub fn commit(self) -> Result<(), PlacementError> {
        let mut placed: Vec<Placed> = Vec::new();
        let mut through = Vec::new();
        for staged in self.staged {
            let failed = |source| PlacementError::Write { path: staged.named.clone(), source };
            let path = match staged.place {
                Place::WriteThrough(path) => {
                    through.push((path, staged.file));
                    continue;
                }
                Place::Rename(path) => path,
            };
            match put(staged.file, &path) {
                Ok(before) => placed.push(Placed { path, before }),
                Err(source) => {
                    take_back(placed)?;
                    return Err(failed(source));
                }
            }
        }
        for (path, file) in through {
            if let Err(source) = copy_into(&file, &path) {
                take_back(placed)?;
                return Err(PlacementError::Write { path, source });
            }
        }
        Ok(())
    }
}

/// Where an output for `path` has to go. Links are followed, so that the file they lead to is replaced and not they.
fn destination(path: &Path) -> io::Result<Place> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder")),
        Ok(metadata) if metadata.is_file() => Ok(Place::Rename(fs::canonicalize(path)?)),
        Ok(_) => Ok(Place::WriteThrough(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name =
                path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "is no file name"))?;
            Ok(Place::Rename(fs::canonicalize(parent(path))?.join(name)))
        }
        Err(error) => Err(error),
    }
}

/// Renames `file` to `path`; keeps what stood there under a name that is removed when it is dropped.
fn put(file: NamedTempFile, path: &Path) -> io::Result<Option<TempPath>> {
    let before = if path.exists() {
        let backup = temporary_file(parent(path))?.into_temp_path();
        fs::remove_file(&backup)?;
        // A second name costs nothing and leaves the first in place; where there are no second names, a copy does.
        fs::hard_link(path, &backup).or_else(|_| fs::copy(path, &backup).map(drop))?;
        Some(backup)
    } else {
        None
    };
    file.persist(path).map_err(|error| error.error)?;
    Ok(before)
}

fn take_back(placed: Vec<Placed>) -> Result<(), PlacementError> {
    for Placed { path, before } in placed.into_iter().rev() {
        match before {
            None => {
                fs::remove_file(&path).map_err(|source| PlacementError::Write { path: path.clone(), source })?;
            }
            Some(backup) => {
                if let Err(failed) = backup.persist(&path) {
                    let source = failed.error;
                    let backup = failed.path.keep().unwrap_or_else(|error| error.path.to_path_buf());
                    return Err(PlacementError::NotRestored { path, backup, source });
                }
            }
        }
    }
    Ok(())
}

fn copy_into(file: &NamedTempFile, path: &Path) -> io::Result<()> {
    let mut out = fs::OpenOptions::new().write(true).open(path)?;
    io::copy(&mut File::open(file.path())?, &mut out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn stage(outputs: &mut PendingOutputs, path: &Path, text: &str) -> Result<(), PlacementError> {
        outputs.stage(path, |out| out.write_all(text.as_bytes()))
    }

    #[test]
    fn nothing_is_there_before_the_commit_and_everything_after() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&b, "old").unwrap();
        let mut outputs = PendingOutputs::new();
        stage(&mut outputs, &a, "one").unwrap();
        stage(&mut outputs, &b, "two").unwrap();
        assert!(!a.exists());
        assert_eq!(fs::read_to_string(&b).unwrap(), "old");
        outputs.commit().unwrap();
        assert_eq!((fs::read_to_string(&a).unwrap(), fs::read_to_string(&b).unwrap()), ("one".into(), "two".into()));
        assert_eq!(names(folder.path()), ["a", "b"]);
    }

    #[test]
    fn outputs_that_are_dropped_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut outputs = PendingOutputs::new();
        stage(&mut outputs, &folder.path().join("a"), "one").unwrap();
        let failed = outputs.stage(&folder.path().join("b"), |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("stop"))
        });
        assert!(failed.unwrap_err().to_string().contains("stop"));
        drop(outputs);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_written_fails_while_staging() {
        let folder = tempfile::tempdir().unwrap();
        let mut outputs = PendingOutputs::new();
        let missing = folder.path().join("missing").join("a");
        assert!(stage(&mut outputs, &missing, "one").unwrap_err().to_string().contains("missing"));
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(stage(&mut outputs, &file.join("a"), "one").is_err());
        assert!(stage(&mut outputs, folder.path(), "one").is_err());
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn if_the_last_cannot_be_placed_all_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("old"), "old").unwrap();
        let mut outputs = PendingOutputs::new();
        for name in ["old", "new", "blocked"] {
            stage(&mut outputs, &path(name), "changed").unwrap();
        }
        fs::create_dir(path("blocked")).unwrap();
        let error = outputs.commit().unwrap_err();
        assert!(error.to_string().contains("blocked"), "{error}");
        assert_eq!(fs::read_to_string(path("old")).unwrap(), "old");
        assert_eq!(names(folder.path()), ["blocked", "old"]);
    }

    #[test]
    fn two_outputs_with_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut outputs = PendingOutputs::new();
        stage(&mut outputs, &folder.path().join("a"), "one").unwrap();
        assert!(matches!(
            stage(&mut outputs, &folder.path().join(".").join("a"), "two"),
            Err(PlacementError::SameFile { .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        let mut outputs = PendingOutputs::new();
        stage(&mut outputs, Path::new("/dev/null"), "one").unwrap();
        outputs.commit().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_the_file_it_leads_to_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut outputs = PendingOutputs::new();
        stage(&mut outputs, &link, "new").unwrap();
        outputs.commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }
}
