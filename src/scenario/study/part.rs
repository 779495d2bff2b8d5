//! A part of a study: one of N that take its rows in turn, so that an array job of a cluster scheduler can do one each.

use std::fmt;
use std::str::FromStr;

/// Most parts.
pub const MOST_PARTS: u64 = 100_000;

/// Part K of N: every N-th row, from row K on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    number: u64,
    of: u64,
}

/// Why a text is no part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected K/N with N from 1 to {MOST_PARTS} and K from 1 to N, found {found:?}")]
pub struct PartError {
    /// The text.
    pub found: String,
}

impl FromStr for Part {
    type Err = PartError;
    fn from_str(text: &str) -> Result<Self, PartError> {
        // A sign, which from_str takes, is no digit.
        let number = |digits: &str| digits.parse().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()));
        let part =
            text.split_once('/').and_then(|(first, last)| Some(Self { number: number(first)?, of: number(last)? }));
        part.filter(|part| (1..=MOST_PARTS).contains(&part.of) && (1..=part.of).contains(&part.number))
            .ok_or_else(|| PartError { found: text.to_owned() })
    }
}

impl Part {
    /// All rows.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// K.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// N.
    #[must_use]
    pub const fn of(self) -> u64 {
        self.of
    }

    /// The numbers of its rows in a study of so many, ascending.
    pub fn rows(self, all: u64) -> impl Iterator<Item = u64> {
        (self.number..=all).step_by(usize::try_from(self.of).unwrap_or(usize::MAX))
    }

    /// Whether this row is among them.
    #[must_use]
    pub const fn has(self, row: u64) -> bool {
        match row.checked_sub(self.number) {
            Some(beyond) => beyond.is_multiple_of(self.of),
            None => false,
        }
    }

    /// The stem of the names of its files: `rows`, or `part-2-of-3`.
    #[must_use]
    pub fn stem(self) -> String {
        if self == Self::WHOLE { "rows".to_owned() } else { format!("part-{}-of-{}", self.number, self.of) }
    }

    /// The part whose files have names of this stem.
    #[must_use]
    pub fn of_stem(stem: &str) -> Option<Self> {
        let part = match stem.strip_prefix("part-") {
            Some(numbers) => numbers.replacen("-of-", "/", 1).parse().ok()?,
            None => Self::WHOLE,
        };
        Some(part).filter(|part: &Self| part.stem() == stem)
    }
}

/// `K/N`.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_every_row_once() {
        for of in 1..=7 {
            let mut rows: Vec<u64> = Vec::new();
            for number in 1..=of {
                let part: Part = format!("{number}/{of}").parse().unwrap();
                rows.extend(part.rows(20));
                assert!((1..=20).all(|row| part.has(row) == part.rows(20).any(|one| one == row)));
                assert!(!part.has(0));
                assert_eq!(Part::of_stem(&part.stem()), Some(part));
            }
            rows.sort_unstable();
            assert_eq!(rows, (1..=20).collect::<Vec<_>>());
        }
        assert_eq!("5/8".parse::<Part>().unwrap().rows(3).count(), 0);
    }

    #[test]
    fn a_text_that_is_no_part_is_refused() {
        for text in ["", "1", "0/3", "4/3", "1/0", "1/100001", "-1/3", "+1/3", "1/3/3", "a/b", "1 / 3"] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
        assert!("4/3".parse::<Part>().unwrap_err().to_string().contains("K from 1 to N, found \"4/3\""));
        for stem in ["part-0-of-3", "part-1-of-1", "part-01-of-3", "part", "study", "rows2", "part-1-of-3-of-4"] {
            assert_eq!(Part::of_stem(stem), None, "{stem}");
        }
    }
}
