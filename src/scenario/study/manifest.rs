//! What a study is, as it stands in its folder: two folders belong to one study if they agree in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::columns::columns;
use super::grid::Grid;
use crate::capture::placement::temporary_file;

/// Name of the file.
pub const MANIFEST: &str = "study.json";
/// What stands first in it.
const FORMAT: &str = "keyhop study 1";
/// The version of this program: another one may measure otherwise.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Longest manifest, in octets: the largest script and the largest study, with room for what JSON adds.
const LONGEST: u64 = 128 * 1024 * 1024;

/// What a study is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    /// The version of keyhop that makes its rows.
    keyhop: String,
    /// The scenario, as the study names it.
    pub scenario: String,
    /// Values and seeds.
    pub grid: Grid,
    /// The names of the columns of its rows.
    pub columns: Vec<String>,
    /// SHA-256 in hex of the files that the script names, by name.
    pub files: BTreeMap<String, String>,
    /// The text of the script.
    pub script: String,
    /// The text of the study, for who reads this; what of it counts stands above.
    study: String,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The answer of the operating system.
        source: io::Error,
    },
    /// It is no manifest, or one that this version does not know.
    #[error("{}: expected the manifest of a study ({FORMAT:?}), found {found}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: String,
    },
}

impl Manifest {
    /// The manifest of a study.
    #[must_use]
    pub fn new(scenario: &str, script: &str, grid: &Grid, files: BTreeMap<String, String>, study: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            keyhop: VERSION.to_owned(),
            scenario: scenario.to_owned(),
            grid: grid.clone(),
            columns: columns(grid),
            files,
            script: script.to_owned(),
            study: study.to_owned(),
        }
    }

    /// How many rows the study has.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.grid.rows().unwrap_or(0)
    }

    /// What of `other` differs, in words; `None`: both are of one study.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.script != other.script {
            let lines = self.script.lines().zip(other.script.lines());
            let same = lines.take_while(|(one, other)| one == other).count();
            return Some(format!("the script, from line {} on", same.saturating_add(1)));
        }
        let differs = |what: &str, one: &str, other: &str| {
            (one != other).then(|| format!("{what}: expected {one}, found {other}"))
        };
        differs("scenario", &self.scenario, &other.scenario)
            .or_else(|| self.different_grid(&other.grid))
            .or_else(|| {
                let names = self.files.keys().chain(other.files.keys());
                let mut changed = names.filter(|name| self.files.get(*name) != other.files.get(*name));
                changed.next().map(|name| format!("the content of the file {name}"))
            })
            .or_else(|| differs("the version of keyhop", &self.keyhop, &other.keyhop))
            .or_else(|| differs("columns", &self.columns.join(", "), &other.columns.join(", ")))
    }

    fn different_grid(&self, other: &Grid) -> Option<String> {
        let own = &self.grid;
        if own.seeds != other.seeds {
            return Some(format!("seeds: expected {}, found {}", told(&own.seeds), told(&other.seeds)));
        }
        for number in 0..own.axes.len().max(other.axes.len()) {
            match (own.axes.get(number), other.axes.get(number)) {
                (Some(one), Some(other)) if one == other => {}
                (Some(one), Some(other)) if one.path == other.path => {
                    let (one, other) = (told(&one.values), told(&other.values));
                    return Some(format!("grid.{}: expected {one}, found {other}", own.axes.get(number)?.path));
                }
                (one, other) => {
                    let path = |axis: Option<&super::grid::Axis>| axis.map_or("none", |axis| &axis.path).to_owned();
                    let (one, other) = (path(one), path(other));
                    return Some(format!(
                        "grid: expected path {} to be {one}, found {other}",
                        number.saturating_add(1)
                    ));
                }
            }
        }
        None
    }

    /// The manifest of `folder`; `None`: it has none.
    ///
    /// # Errors
    /// The file cannot be read, or is none.
    pub fn read(folder: &Path) -> Result<Option<Self>, ManifestError> {
        let path = folder.join(MANIFEST);
        let mut text = Vec::new();
        match File::open(&path).and_then(|file| file.take(LONGEST).read_to_end(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ManifestError::File { path, source }),
        }
        let manifest: Self = match serde_json::from_slice(&text) {
            Ok(manifest) => manifest,
            Err(error) => return Err(ManifestError::Content { path, found: error.to_string() }),
        };
        if manifest.format != FORMAT {
            return Err(ManifestError::Content { path, found: format!("{:?}", manifest.format) });
        }
        match manifest.grid.within_limits() {
            Ok(()) => Ok(Some(manifest)),
            Err([_, found]) => Err(ManifestError::Content { path, found }),
        }
    }

    /// Puts the manifest into `folder`, which has none yet; if another process has been faster, its manifest stays.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn place(&self, folder: &Path) -> Result<(), ManifestError> {
        let path = folder.join(MANIFEST);
        let placed = || -> io::Result<()> {
            let mut file = temporary_file(folder)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            match file.persist_noclobber(&path) {
                Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
                _ => Ok(()),
            }
        };
        placed().map_err(|source| ManifestError::File { path: path.clone(), source })
    }

    /// Whether `folder` holds something that is no manifest and no file of another process that is about to make one.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn stranger(folder: &Path) -> io::Result<Option<String>> {
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != MANIFEST && !name.starts_with(".keyhop-") {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// Values in words, not too many of them.
fn told(values: &impl Serialize) -> String {
    const LONGEST: usize = 120;
    let text = serde_json::to_string(values).unwrap_or_default();
    let mut told: String = text.chars().take(LONGEST).collect();
    if told.len() < text.len() {
        told.push('…');
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::study::grid::{Axis, Seeds};

    fn manifest() -> Manifest {
        let axis = |path: &str| Axis { path: path.to_owned(), values: vec!["1".to_owned(), "2".to_owned()] };
        let grid = Grid { axes: vec![axis("a"), axis("b")], seeds: Seeds::Range { from: 1, to: 3 } };
        let files = BTreeMap::from([("x.pcap".to_owned(), "00".to_owned())]);
        Manifest::new("seamless", "one\ntwo\n", &grid, files, "study")
    }

    #[test]
    fn what_differs_is_told_and_the_text_of_the_study_does_not_count() {
        let own = manifest();
        let of = |change: &dyn Fn(&mut Manifest)| {
            let mut other = own.clone();
            change(&mut other);
            own.difference(&other)
        };
        assert_eq!(of(&|other| other.study.clear()), None);
        let told = |change: &dyn Fn(&mut Manifest)| of(change).unwrap();
        assert_eq!(told(&|other| other.script = "one\nTWO\n".into()), "the script, from line 2 on");
        assert_eq!(told(&|other| other.script.push_str("three")), "the script, from line 3 on");
        assert_eq!(told(&|other| other.scenario = "x".into()), "scenario: expected seamless, found x");
        assert_eq!(
            told(&|other| other.grid.seeds = Seeds::List(vec![1, 2, 3])),
            "seeds: expected {\"from\":1,\"to\":3}, found [1,2,3]"
        );
        assert_eq!(
            told(&|other| other.grid.axes[1].values.truncate(1)),
            "grid.b: expected [\"1\",\"2\"], found [\"1\"]"
        );
        assert_eq!(told(&|other| other.grid.axes.reverse()), "grid: expected path 1 to be a, found b");
        assert_eq!(told(&|other| other.grid.axes.truncate(1)), "grid: expected path 2 to be b, found none");
        assert_eq!(told(&|other| other.files.clear()), "the content of the file x.pcap");
        assert!(told(&|other| other.keyhop = "9".into()).starts_with("the version of keyhop: expected "));
    }

    #[test]
    fn a_manifest_comes_back_as_it_went_and_the_first_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), None);
        manifest().place(folder.path()).unwrap();
        let mut other = manifest();
        other.scenario = "other".to_owned();
        other.place(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), Some(manifest()));
        assert_eq!(Manifest::stranger(folder.path()).unwrap(), None);
        fs::write(folder.path().join("x"), "").unwrap();
        assert_eq!(Manifest::stranger(folder.path()).unwrap().as_deref(), Some("x"));
    }

    #[test]
    fn a_file_that_is_no_manifest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(MANIFEST);
        let text = serde_json::to_string(&manifest()).unwrap();
        let cases = [
            ("{}".to_owned(), "missing field"),
            (text[..text.len() / 2].to_owned(), "EOF"),
            (text.replace(FORMAT, "keyhop study 2"), "found \"keyhop study 2\""),
            (text.replace("\"to\":3", "\"to\":18446744073709551615"), "more than 18446744073709551615 rows"),
        ];
        for (text, wanted) in cases {
            fs::write(&path, text).unwrap();
            let error = Manifest::read(folder.path()).unwrap_err().to_string();
            assert!(
                error.contains("study.json: expected the manifest of a study") && error.contains(wanted),
                "{error}"
            );
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(Manifest::read(folder.path()), Err(ManifestError::File { .. })));
    }
}
