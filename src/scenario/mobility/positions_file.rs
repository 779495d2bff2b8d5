//! Positions from a file: lines `time,mobile,x,y` of comma-separated values.
//!
//! The time is in seconds since the script's own clock began, x and y are metres, all with or without a fraction. Empty lines,
//! lines that begin with `#` and a first line of column names are passed over. The times of one mobile go up. Between two
//! lines it goes straight at one speed; before its first and after its last it stands.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::scenario::script::{Position, Script};

/// Longest file, in octets.
const LONGEST_FILE: u64 = 1 << 30;
/// Longest line, in octets, with its end.
const LONGEST_LINE: u64 = 256;
/// Latest time, in seconds.
const LATEST: f64 = 1e9;

/// Why a file with positions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PositionsError {
    /// It cannot be read.
    #[error("{}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The answer of the operating system.
        source: std::io::Error,
    },
    /// A line is not what belongs there.
    #[error("{}: line {line}: expected {expected}, found {found}", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// It says nothing.
    #[error("{}: expected at least one line time,mobile,x,y, found none", .0.display())]
    Empty(PathBuf),
    /// It puts more mobiles at a base station than that can serve.
    #[error("{}: expected at most {most} mobiles at one base station at the start, found {found} at {base_station}", .file.display())]
    Crowded {
        /// The file.
        file: PathBuf,
        /// How many there can be.
        most: usize,
        /// How many there are.
        found: usize,
        /// Where.
        base_station: String,
    },
}

/// The way of one mobile: places with their instants, which go up; never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track(Vec<(Duration, Position)>);

impl Track {
    /// Where the mobile is so long after the script's own clock began.
    #[must_use]
    pub fn at(&self, since: Duration) -> Position {
        let next = self.0.partition_point(|(at, _)| *at <= since);
        let before = next.checked_sub(1).and_then(|last| self.0.get(last));
        match (before, self.0.get(next)) {
            (Some((from_at, from)), Some((to_at, to))) => {
                let length = to_at.saturating_sub(*from_at).as_nanos().max(1) as f64;
                from.towards(*to, since.saturating_sub(*from_at).as_nanos() as f64 / length)
            }
            (Some((_, only)), None) | (None, Some((_, only))) => *only,
            (None, None) => Position::default(),
        }
    }
}

/// The ways of mobiles, by their position in the script.
#[derive(Clone, Debug, Default)]
pub struct FilePositions {
    tracks: HashMap<usize, Track>,
}

impl FilePositions {
    /// The way of a mobile, if the file speaks of it.
    #[must_use]
    pub fn track(&self, mobile: usize) -> Option<&Track> {
        self.tracks.get(&mobile)
    }

    /// Reads `file` for the mobiles of `script`.
    ///
    /// # Errors
    /// It cannot be read, is too long, or a line is not what belongs there.
    pub fn read(file: &Path, script: &Script) -> Result<Self, PositionsError> {
        let failed = |source| PositionsError::Read { file: file.to_owned(), source };
        let opened = File::open(file).map_err(failed)?;
        Self::read_from(BufReader::new(opened), file, script)
    }

    /// The same of a text that is open already; `file` is its name, for messages.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from(mut lines: impl BufRead, file: &Path, script: &Script) -> Result<Self, PositionsError> {
        let mobiles = script.mobile_stations.iter().enumerate().map(|(number, mobile)| (mobile.name.as_str(), number));
        let mobiles: HashMap<&str, usize> = mobiles.collect();
        let mut positions = Self::default();
        let (mut number, mut octets) = (0_u64, 0_u64);
        let mut line = Vec::new();
        loop {
            line.clear();
            number = number.saturating_add(1);
            let bad = |(expected, found): (String, String)| PositionsError::Line {
                file: file.to_owned(),
                line: number,
                expected,
                found,
            };
            let mut limited = std::io::Read::take(&mut lines, LONGEST_LINE);
            let read = limited.read_until(b'\n', &mut line);
            let read = read.map_err(|source| PositionsError::Read { file: file.to_owned(), source })? as u64;
            if read == 0 {
                break;
            }
            octets = octets.saturating_add(read);
            if octets > LONGEST_FILE {
                return Err(bad((format!("a file of at most {LONGEST_FILE} octets"), "more".to_owned())));
            }
            if read == LONGEST_LINE && line.last() != Some(&b'\n') {
                return Err(bad((format!("a line of at most {LONGEST_LINE} octets"), "a longer one".to_owned())));
            }
            let text = std::str::from_utf8(&line)
                .map_err(|_| bad(("a line in UTF-8".to_owned(), "other octets".to_owned())))?
                .trim();
            let names = number == 1 && text.starts_with("time");
            if !text.is_empty() && !text.starts_with('#') && !names {
                positions.take(text, &mobiles).map_err(bad)?;
            }
        }
        if positions.tracks.is_empty() { Err(PositionsError::Empty(file.to_owned())) } else { Ok(positions) }
    }

    /// Takes one line up; the error is what was expected and what was found.
    fn take(&mut self, line: &str, mobiles: &HashMap<&str, usize>) -> Result<(), (String, String)> {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [time, name, x, y] = fields.as_slice() else {
            return Err(("four values time,mobile,x,y".to_owned(), format!("{} in {line:?}", fields.len())));
        };
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        let time = number(time)
            .filter(|time| (0.0..=LATEST).contains(time))
            .ok_or_else(|| ("a time in seconds from 0 on".to_owned(), format!("{time:?}")))?;
        let at = Duration::from_nanos((time * 1e9).round() as u64);
        let mobile = mobiles
            .get(name)
            .ok_or_else(|| ("the name of a mobile station of the script".to_owned(), format!("{name:?}")))?;
        let place = number(x)
            .zip(number(y))
            .and_then(|(x, y)| Position::from_metres(x, y))
            .ok_or_else(|| ("x and y in metres, up to 10000000".to_owned(), format!("{x:?} and {y:?}")))?;
        let track = &mut self.tracks.entry(*mobile).or_default().0;
        if let Some((before, _)) = track.last().filter(|(before, _)| *before >= at) {
            let expected = format!("a time of {name} after {} s, that of its line before", before.as_secs_f64());
            return Err((expected, format!("{time}")));
        }
        track.push((at, place));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::script::Script;

    const SCRIPT: &str = "name = \"x\"\nshows = \"x\"\n[grid]\ncolumns = 2\nrows = 1\nspacing = 100\n\
        [[mobile_station]]\nname = \"ms\"\ncount = 2\nmac = \"020000000001\"\nip = \"10.1.0.1\"\n";

    fn read(text: &str) -> Result<FilePositions, String> {
        let script = Script::parse("x.toml", SCRIPT, &[]).unwrap();
        let positions = FilePositions::read_from(text.as_bytes(), Path::new("p.csv"), &script);
        positions.map_err(|error| error.to_string())
    }

    #[test]
    fn a_mobile_goes_straight_from_line_to_line_and_stands_before_and_after() {
        let positions = read("time,mobile,x,y\n# a walk\n1,ms1,0,0\n\n3.0,ms1,10,20\r\n0,ms2,5,5").unwrap();
        let track = positions.track(0).unwrap();
        let at = |millis| track.at(Duration::from_millis(millis));
        assert_eq!([at(0), at(1_000)], [Position::default(); 2]);
        assert_eq!(at(1_500), Position { x: 2_500, y: 5_000 });
        assert_eq!([at(3_000), at(9_000)], [Position { x: 10_000, y: 20_000 }; 2]);
        assert_eq!(positions.track(1).unwrap().at(Duration::from_secs(7)), Position { x: 5_000, y: 5_000 });
    }

    #[test]
    fn a_bad_line_is_named_with_what_belongs_there() {
        let refused = |text: &str| read(text).unwrap_err();
        let cases = [
            ("0,ms1,1", "p.csv: line 1: expected four values time,mobile,x,y, found 3 in \"0,ms1,1\""),
            (
                "0,ms1,1,1\n0,ms9,1,1",
                "p.csv: line 2: expected the name of a mobile station of the script, found \"ms9\"",
            ),
            ("-1,ms1,1,1", "p.csv: line 1: expected a time in seconds from 0 on, found \"-1\""),
            ("nan,ms1,1,1", "p.csv: line 1: expected a time in seconds from 0 on, found \"nan\""),
            ("0,ms1,1,1e9", "p.csv: line 1: expected x and y in metres, up to 10000000, found \"1\" and \"1e9\""),
            (
                "2,ms1,1,1\n2,ms1,1,2",
                "p.csv: line 2: expected a time of ms1 after 2 s, that of its line before, found 2",
            ),
            ("# nothing\n", "p.csv: expected at least one line time,mobile,x,y, found none"),
        ];
        for (text, message) in cases {
            assert_eq!(refused(text), message);
        }
        let long = format!("0,ms1,{},1", "1".repeat(300));
        assert!(refused(&long).ends_with("line 1: expected a line of at most 256 octets, found a longer one"));
    }
}
