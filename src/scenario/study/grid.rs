//! The grid of a study: the product of lists of values, times the seeds, and the row number of each point in it.
//!
//! Rows count from 1. The first list of the file varies slowest, the last one faster, the seeds fastest.

use serde::{Deserialize, Serialize};

use crate::scenario::script::SetArgument;

/// Most lists of a grid.
pub const MOST_AXES: usize = 64;
/// Most values of a list.
pub const MOST_VALUES: usize = 10_000;
/// Longest value, in octets of TOML.
pub const LONGEST_VALUE: usize = 4_096;
/// Most combinations of values: each is checked before the first run.
pub const MOST_COMBINATIONS: u64 = 100_000;
/// Most rows.
pub const MOST_ROWS: u64 = 1_000_000;

/// A path of the script and the values that it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Dotted path, as in `--set`.
    pub path: String,
    /// The values as TOML, at least one, each once.
    pub values: Vec<String>,
}

/// The seeds of a study, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Seeds {
    /// All from the first to the last.
    Range {
        /// The first.
        from: u64,
        /// The last, not below the first.
        to: u64,
    },
    /// These, in this order.
    List(Vec<u64>),
}

impl Seeds {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Range { from, to } => to.checked_sub(*from).map_or(0, |more| more.saturating_add(1)),
            Self::List(seeds) => seeds.len() as u64,
        }
    }

    /// The seed of this number, from 0.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<u64> {
        match self {
            Self::Range { from, to } => from.checked_add(number).filter(|seed| seed <= to),
            Self::List(seeds) => seeds.get(usize::try_from(number).ok()?).copied(),
        }
    }
}

/// The grid of a study.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The lists, in the order of the file.
    pub axes: Vec<Axis>,
    /// The seeds of every combination.
    pub seeds: Seeds,
}

/// A combination of values: for each axis the number of its value, from 0.
pub type Combination = Vec<usize>;

/// A row of a study, before its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRow {
    /// Its number, from 1.
    pub number: u64,
    /// Number of its combination, from 0.
    pub combination: u64,
    /// Seed of its run.
    pub seed: u64,
}

impl Grid {
    /// How many combinations of values there are; `None`: more than 64 bits can tell.
    #[must_use]
    pub fn combinations(&self) -> Option<u64> {
        self.axes.iter().try_fold(1u64, |product, axis| product.checked_mul(axis.values.len() as u64))
    }

    /// How many rows there are; `None`: more than 64 bits can tell.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.combinations()?.checked_mul(self.seeds.count())
    }

    /// Whether combinations and rows stay within their limits.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn within_limits(&self) -> Result<(), [String; 2]> {
        let told = |count: Option<u64>| count.map_or_else(|| format!("more than {}", u64::MAX), |one| one.to_string());
        let limit = |count: Option<u64>, most: u64, what: &str| match count {
            Some(count) if (1..=most).contains(&count) => Ok(()),
            _ => Err([format!("1 to {most} {what}"), format!("{} {what}", told(count))]),
        };
        limit(self.combinations(), MOST_COMBINATIONS, "combinations of values")?;
        limit(self.rows(), MOST_ROWS, "rows (combinations times seeds)")
    }

    /// The combination of this number, from 0 to [`combinations`](Self::combinations).
    #[must_use]
    pub fn combination(&self, number: u64) -> Combination {
        let mut rest = number;
        let mut choice: Combination = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let values = (axis.values.len() as u64).max(1);
                let value = rest % values;
                rest /= values;
                usize::try_from(value).unwrap_or(usize::MAX)
            })
            .collect();
        choice.reverse();
        choice
    }

    /// The row of this number, from 1; `None`: there is none.
    #[must_use]
    pub fn row(&self, number: u64) -> Option<PlannedRow> {
        let position = number.checked_sub(1).filter(|_| Some(number) <= self.rows())?;
        let seeds = self.seeds.count();
        let seed = self.seeds.get(position.checked_rem(seeds)?)?;
        Some(PlannedRow { number, combination: position.checked_div(seeds)?, seed })
    }

    /// The values of a combination, as TOML, each with its path.
    fn values<'a>(&'a self, choice: &'a [usize]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let chosen = self.axes.iter().zip(choice);
        chosen.filter_map(|(axis, value)| Some((axis.path.as_str(), axis.values.get(*value)?.as_str())))
    }

    /// A combination as `--set` arguments.
    #[must_use]
    pub fn sets(&self, choice: &[usize]) -> Vec<SetArgument> {
        let set = |(path, value): (&str, &str)| SetArgument { path: path.to_owned(), value: value.to_owned() };
        self.values(choice).map(set).collect()
    }

    /// The values of a combination as they stand in a row: strings without quotes, all else as TOML.
    #[must_use]
    pub fn shown(&self, choice: &[usize]) -> Vec<String> {
        self.values(choice).map(|(_, value)| shown(value)).collect()
    }

    /// A combination in words, for messages: `radio.frame = "5ms", mode = "seamless"`.
    #[must_use]
    pub fn described(&self, choice: &[usize]) -> String {
        let settings: Vec<String> = self.values(choice).map(|(path, value)| format!("{path} = {value}")).collect();
        settings.join(", ")
    }
}

fn shown(value: &str) -> String {
    match value.parse() {
        Ok(toml::Value::String(text)) => text,
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let axis = |path: &str, values: &[&str]| Axis {
            path: path.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        Grid {
            axes: vec![axis("mode", &["\"seamless\"", "\"legacy-full\""]), axis("radio.loss", &["0.0", "0.1", "0.2"])],
            seeds: Seeds::List(vec![9, 4]),
        }
    }

    #[test]
    fn the_first_list_varies_slowest_and_the_seeds_fastest() {
        let grid = grid();
        assert_eq!((grid.combinations(), grid.rows()), (Some(6), Some(12)));
        let points: Vec<(Vec<usize>, u64)> = (1..=12)
            .map(|number| grid.row(number).unwrap())
            .map(|row| (grid.combination(row.combination), row.seed))
            .collect();
        let mut expected = Vec::new();
        for mode in 0..2 {
            for loss in 0..3 {
                for seed in [9, 4] {
                    expected.push((vec![mode, loss], seed));
                }
            }
        }
        assert_eq!(points, expected);
        assert_eq!((grid.row(0), grid.row(13)), (None, None));
    }

    #[test]
    fn a_combination_becomes_set_arguments_and_cells() {
        let grid = grid();
        let sets: Vec<String> = grid.sets(&[1, 2]).iter().map(ToString::to_string).collect();
        assert_eq!(sets, ["mode=\"legacy-full\"", "radio.loss=0.2"]);
        assert_eq!(grid.shown(&[1, 2]), ["legacy-full", "0.2"]);
        assert_eq!(grid.described(&[0, 1]), "mode = \"seamless\", radio.loss = 0.1");
    }

    #[test]
    fn sizes_beyond_all_bounds_are_told_and_overflow_nothing() {
        let mut grid = grid();
        grid.seeds = Seeds::Range { from: 0, to: u64::MAX };
        assert_eq!(grid.rows(), None);
        assert!(grid.within_limits().unwrap_err()[1].starts_with("more than"));
        grid.seeds = Seeds::Range { from: 5, to: 4 };
        assert_eq!((grid.rows(), grid.row(1)), (Some(0), None));
        assert!(grid.within_limits().is_err());
        grid.seeds = Seeds::Range { from: u64::MAX - 1, to: u64::MAX };
        assert_eq!((grid.seeds.get(1), grid.seeds.get(2)), (Some(u64::MAX), None));
        assert_eq!(grid.within_limits(), Ok(()));
        let values: Vec<String> = (0..MOST_VALUES).map(|value| value.to_string()).collect();
        grid.axes = (0..MOST_AXES).map(|number| Axis { path: format!("a{number}"), values: values.clone() }).collect();
        assert_eq!((grid.combinations(), grid.row(1)), (None, None));
        assert!(grid.within_limits().is_err());
    }
}
