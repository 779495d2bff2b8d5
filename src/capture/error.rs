//! What can be wrong with a capture, a key log or an output file, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Where in a file something is wrong. Octets are counted from 0 at the start of the file, frames, lines and columns
/// from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a capture: the frame that was being read, if any was, and the octet where it, or its faulty field, begins.
    Octet {
        /// Number of the frame as Wireshark counts; `None` in the file's own header.
        frame: Option<u64>,
        /// Octets from the start of the file.
        offset: u64,
    },
    /// In a text: line and column.
    Line {
        /// Line.
        line: usize,
        /// Column, in octets.
        column: usize,
    },
    /// The file as a whole.
    Whole,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Octet { frame: Some(frame), offset } => write!(f, "frame {frame}, octet {offset}"),
            Self::Octet { frame: None, offset } => write!(f, "octet {offset}"),
            Self::Line { line, column } => write!(f, "line {line}, column {column}"),
            Self::Whole => f.write_str("the file"),
        }
    }
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The octets or the text are not what the format asks for.
    #[error("{}{place}: expected {expected}, found {found}", prefix(.path))]
    Malformed {
        /// The file, where it is known.
        path: Option<PathBuf>,
        /// Where.
        place: Place,
        /// What the format asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A value cannot be written in this file format.
    #[error("frame {frame} cannot be written: expected {expected}, found {found}")]
    Unwritable {
        /// Number of the frame as Wireshark will count; 0 for the file's own header.
        frame: u64,
        /// What the format can hold.
        expected: String,
        /// What was to be written.
        found: String,
    },
    /// The operating system refused.
    #[error("{}{doing}: {source}", prefix(.path))]
    Io {
        /// The file, where it is known.
        path: Option<PathBuf>,
        /// What was being done.
        doing: &'static str,
        /// Its answer.
        source: io::Error,
    },
}

fn prefix(path: &Option<PathBuf>) -> String {
    path.as_deref().map(|path| format!("{}: ", path.display())).unwrap_or_default()
}

impl CaptureError {
    /// The same error, naming the file it is about.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        match &mut self {
            Self::Malformed { path, .. } | Self::Io { path, .. } => *path = Some(file.to_owned()),
            Self::Unwritable { .. } => {}
        }
        self
    }

    /// Where the fault is, if it is a fault of the file.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Malformed { place, .. } => Some(*place),
            Self::Unwritable { .. } | Self::Io { .. } => None,
        }
    }

    pub(crate) fn malformed(place: Place, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Malformed { path: None, place, expected: expected.into(), found: found.into() }
    }

    pub(crate) fn io(doing: &'static str, source: io::Error) -> Self {
        Self::Io { path: None, doing, source }
    }
}
