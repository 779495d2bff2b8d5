//! The study file: a scenario, seeds, and a grid of values for the scenario's keys. `docs/studies/README.md` documents it.

use std::sync::Arc;

use super::problem::{Place, Problem, Read, ScriptError, SourceText};
use super::section::{Field, Section};
use super::value::{self, Data, Entry, Node};
use crate::scenario::study::grid::{Axis, Grid, LONGEST_VALUE, MOST_AXES, MOST_ROWS, MOST_VALUES, Seeds};

/// A study file, read and checked; the scenario that it names is not read yet.
#[derive(Clone, Debug)]
pub struct StudyFile {
    /// The scenario: the name of a bundled one, or a file relative to the study's folder.
    pub scenario: String,
    /// Values and seeds.
    pub grid: Grid,
    /// Where each value of each axis stands.
    places: Vec<Vec<Place>>,
    source: SourceText,
}

const KEYS: &[&str] = &["scenario", "seeds", "grid"];
const SEED_KEYS: &[&str] = &["from", "to"];
const EXPECTED_SEEDS: &str = "a number of seeds, { from = ..., to = ... } or a list of seeds";
const EXPECTED_GRID: &str = "a table of script paths, each with a list of values";

/// Longest study file, in octets.
pub const LONGEST_STUDY: usize = 4 * 1024 * 1024;

impl StudyFile {
    /// Reads the study `text`; `source_name` is its file name, for messages.
    ///
    /// # Errors
    /// The first problem found, with its place in the file.
    pub fn parse(source_name: &str, text: &str) -> Result<Self, ScriptError> {
        let source = SourceText { name: source_name.to_owned(), text: Arc::from(text) };
        match read(text) {
            Ok((scenario, grid, places)) => Ok(Self { scenario, grid, places, source }),
            Err(problem) => Err(ScriptError::new(*problem, &[source])),
        }
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// What the script says of the combination `choice`, as a problem of the study: of the value that is wrong, or of the
    /// combination.
    #[must_use]
    pub fn wrong_combination(&self, choice: &[usize], error: &ScriptError) -> ScriptError {
        let place_of = |axis: usize| Some(*self.places.get(axis)?.get(*choice.get(axis)?)?);
        let problem = match error.option().and_then(place_of) {
            Some(place) => Problem::new(place, format!("grid: {}", error.message()), error.label()),
            None => {
                let place = place_of(0).unwrap_or(Place { text: 0, start: 0, end: 0 });
                let message = format!("grid: with {}: {error}", self.grid.described(choice));
                Problem::new(place, message, "one of the values that do not go together")
            }
        };
        let problem = match error.advice() {
            Some(advice) => problem.help(advice),
            None => problem,
        };
        ScriptError::new(*problem, std::slice::from_ref(&self.source))
    }
}

fn read(text: &str) -> Read<(String, Grid, Vec<Vec<Place>>)> {
    let whole = Place { text: 0, start: 0, end: 0 };
    if text.len() > LONGEST_STUDY {
        let expected = format!("a file of at most {LONGEST_STUDY} octets");
        return Err(Problem::mismatch(whole, "study", &expected, &format!("{} octets", text.len())));
    }
    let document = value::document(text, 0)?;
    let root = Section::open(&document, String::new(), KEYS)?;
    let scenario = root.required("scenario", "the name of a bundled scenario, or a script file")?.line()?;
    let seeds = seeds(&root.required("seeds", EXPECTED_SEEDS)?)?;
    let field = root.required("grid", EXPECTED_GRID)?;
    let (axes, places) = axes(&field, text)?;
    let grid = Grid { axes, seeds };
    match grid.within_limits() {
        Ok(()) => Ok((scenario, grid, places)),
        Err([expected, found]) => {
            // A table has no stretch of text of its own worth showing; its first value has.
            let place = places.first().and_then(|values| values.first()).copied().unwrap_or(whole);
            Err(Problem::mismatch(place, "grid", &expected, &found))
        }
    }
}

fn seeds(field: &Field<'_>) -> Read<Seeds> {
    match field.data() {
        Data::Integer(_) => Ok(Seeds::Range { from: 1, to: field.number(1..=MOST_ROWS)? }),
        Data::Table(_) => {
            let section = field.section(SEED_KEYS)?;
            let first = section.required("from", "the first seed")?;
            let from = first.number(0..=u64::MAX)?;
            let last = section.required("to", "the last seed")?;
            let to = last.number(from..=u64::MAX).map_err(|problem| problem.also(first.place(), "the first seed"))?;
            Ok(Seeds::Range { from, to })
        }
        Data::Array(_) => {
            let mut seeds: Vec<u64> = Vec::new();
            let items = field.items(EXPECTED_SEEDS)?;
            if items.is_empty() || items.len() as u64 > MOST_ROWS {
                let found = format!("a list of {}", items.len());
                let expected = format!("a list of 1 to {MOST_ROWS} seeds");
                return Err(Problem::mismatch(field.place(), field.path(), &expected, &found));
            }
            for item in &items {
                seeds.push(item.number(0..=u64::MAX)?);
            }
            let mut sorted: Vec<(u64, &Field<'_>)> = seeds.iter().copied().zip(&items).collect();
            sorted.sort_by_key(|(seed, item)| (*seed, item.place().start));
            let twice = sorted.iter().zip(sorted.iter().skip(1)).find(|(one, other)| one.0 == other.0);
            match twice {
                Some((first, again)) => {
                    let found = format!("{} again", again.0);
                    Err(Problem::mismatch(again.1.place(), field.path(), "every seed once", &found)
                        .also(first.1.place(), "the first time"))
                }
                None => Ok(Seeds::List(seeds)),
            }
        }
        _ => Err(field.mismatch(EXPECTED_SEEDS)),
    }
}

/// A path of the grid, where it stands, and its list.
struct Leaf<'a> {
    path: String,
    place: Place,
    list: &'a Node,
}

/// The lists in a table, also those below tables in it: a dotted key is a table in a table.
fn leaves<'a>(entries: &'a [Entry], above: &str, found: &mut Vec<Leaf<'a>>) -> Read<()> {
    for entry in entries {
        let path = if above.is_empty() { entry.key.clone() } else { format!("{above}.{}", entry.key) };
        if path.split('.').any(|segment| segment.is_empty() || segment.trim() != segment) {
            let message = format!("grid: expected a dotted path such as radio.frame, found {path:?}");
            return Err(Problem::new(entry.key_place, message, "no path"));
        }
        match &entry.node.data {
            Data::Table(below) if !below.is_empty() => leaves(below, &path, found)?,
            Data::Array(_) => found.push(Leaf { path, place: entry.key_place, list: &entry.node }),
            _ => {
                let at = format!("grid.{path}");
                return Err(Problem::mismatch(entry.node.place, &at, "a list of values", &entry.node.describe()));
            }
        }
    }
    Ok(())
}

fn axes(field: &Field<'_>, text: &str) -> Read<(Vec<Axis>, Vec<Vec<Place>>)> {
    let Data::Table(entries) = field.data() else {
        return Err(field.mismatch(EXPECTED_GRID));
    };
    let mut lists = Vec::new();
    leaves(entries, "", &mut lists)?;
    lists.sort_by_key(|leaf| leaf.place.start);
    if !(1..=MOST_AXES).contains(&lists.len()) {
        let found = format!("{} of them", lists.len());
        let expected = format!("{EXPECTED_GRID}, 1 to {MOST_AXES} of them");
        return Err(Problem::mismatch(field.place(), field.path(), &expected, &found));
    }
    let (mut axes, mut places): (Vec<Axis>, Vec<Vec<Place>>) = (Vec::new(), Vec::new());
    for (number, leaf) in lists.iter().enumerate() {
        if leaf.path == "seed" {
            let message = "grid: expected another path than seed, which the key seeds of the study gives";
            return Err(Problem::new(leaf.place, message, "given by seeds"));
        }
        for earlier in lists.iter().take(number) {
            let inside = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('.'));
            let (this, other) = (leaf.path.as_str(), earlier.path.as_str());
            if this == other || inside(this, other) || inside(other, this) {
                let message =
                    format!("grid: expected every path once and none inside another, found {this} and {other}");
                return Err(Problem::new(leaf.place, message, "the second").also(earlier.place, "the first"));
            }
        }
        let (values, value_places) = values(leaf, text)?;
        axes.push(Axis { path: leaf.path.clone(), values });
        places.push(value_places);
    }
    Ok((axes, places))
}

fn values(leaf: &Leaf<'_>, text: &str) -> Read<(Vec<String>, Vec<Place>)> {
    let Data::Array(items) = &leaf.list.data else {
        return Ok((Vec::new(), Vec::new()));
    };
    let path = format!("grid.{}", leaf.path);
    if !(1..=MOST_VALUES).contains(&items.len()) {
        let (expected, found) = (format!("a list of 1 to {MOST_VALUES} values"), format!("a list of {}", items.len()));
        return Err(Problem::mismatch(leaf.list.place, &path, &expected, &found));
    }
    let (mut values, mut places): (Vec<String>, Vec<Place>) = (Vec::new(), Vec::new());
    for item in items {
        let expected = "a string, a number, true, false, a list or a table of them";
        let written = text.get(item.place.start..item.place.end).unwrap_or_default();
        let value = match written.parse::<toml::Value>() {
            Ok(value) if !matches!(item.data, Data::Date) => value.to_string(),
            _ => return Err(Problem::mismatch(item.place, &path, expected, &item.describe())),
        };
        if value.len() > LONGEST_VALUE {
            let found = format!("{} octets", value.len());
            return Err(Problem::mismatch(item.place, &path, &format!("at most {LONGEST_VALUE} octets"), &found));
        }
        let earlier = values.iter().zip(&places).find(|(earlier, _)| **earlier == value);
        if let Some((_, earlier)) = earlier {
            let found = format!("{value} again");
            return Err(
                Problem::mismatch(item.place, &path, "every value once", &found).also(*earlier, "the first time")
            );
        }
        values.push(value);
        places.push(item.place);
    }
    Ok((values, places))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<StudyFile, ScriptError> {
        StudyFile::parse("study.toml", text)
    }

    /// A study with this grid.
    fn grid(grid: &str) -> String {
        format!("scenario = \"seamless\"\nseeds = 3\n[grid]\n{grid}\n")
    }

    #[test]
    fn paths_stand_in_the_order_of_the_file_however_they_are_written() {
        let text = grid(
            "radio.frame = [\"5ms\", \"10ms\"]\nmode = [\"seamless\"]\n\"radio.loss\" = [0, 0.1]\n\
             backbone = { latency = [ \"2ms\" ] }\nbase_station.bs2.weaknesses = [ [], [ # none, one\n 'a' ] ]",
        );
        let study = parse(&text).unwrap();
        let axes: Vec<(&str, Vec<&str>)> = study
            .grid
            .axes
            .iter()
            .map(|axis| (axis.path.as_str(), axis.values.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(
            axes,
            [
                ("radio.frame", vec!["\"5ms\"", "\"10ms\""]),
                ("mode", vec!["\"seamless\""]),
                ("radio.loss", vec!["0", "0.1"]),
                ("backbone.latency", vec!["\"2ms\""]),
                ("base_station.bs2.weaknesses", vec!["[]", "[\"a\"]"]),
            ]
        );
        assert_eq!(study.grid.seeds, Seeds::Range { from: 1, to: 3 });
    }

    #[test]
    fn seeds_are_a_number_a_range_or_a_list() {
        let seeds =
            |text: &str| parse(&format!("scenario = \"x\"\nseeds = {text}\n[grid]\na = [1]")).unwrap().grid.seeds;
        assert_eq!(seeds("5"), Seeds::Range { from: 1, to: 5 });
        assert_eq!(seeds("{ from = 7, to = 7 }"), Seeds::Range { from: 7, to: 7 });
        assert_eq!(seeds("[9, 4]"), Seeds::List(vec![9, 4]));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let cases = [
            (grid(""), "grid: expected a table of script paths, each with a list of values, 1 to 64 of them, found 0"),
            ("scenario = \"x\"\nseeds = 1\n".to_owned(), "grid: expected a table of script paths"),
            ("scenario = \"x\"\ngrid.a = [1]\n".to_owned(), "seeds: expected a number of seeds"),
            ("seeds = 1\ngrid.a = [1]\n".to_owned(), "scenario: expected the name of a bundled scenario"),
            (grid("mode = []"), "study.toml:4:8: grid.mode: expected a list of 1 to 10000 values, found a list of 0"),
            (grid("mode = \"seamless\""), "study.toml:4:8: grid.mode: expected a list of values, found the string"),
            (grid("radio = {}"), "grid.radio: expected a list of values, found a table"),
            (grid("mode = [1, 2, 1]"), "study.toml:4:15: grid.mode: expected every value once, found 1 again"),
            (grid("mode = [2020-01-01]"), "grid.mode: expected a string, a number"),
            (grid("seed = [1]"), "study.toml:4:1: grid: expected another path than seed"),
            (grid("mode = [1]\nmode = [2]"), "study.toml:5:1: not TOML: duplicate key"),
            (
                grid("radio.loss = [1]\n\"radio.loss\" = [2]"),
                "study.toml:5:1: grid: expected every path once and none inside another, found radio.loss and radio.loss",
            ),
            (grid("\"radio.loss\" = [1]\nradio.loss.x = [2]"), "found radio.loss.x and radio.loss"),
            (grid("\"a..b\" = [1]"), "grid: expected a dotted path such as radio.frame, found \"a..b\""),
            (grid("a = [1]").replace("seeds = 3", "seeds = 0"), "seeds: expected a whole number from 1 to 1000000"),
            (grid("a = [1]").replace("seeds = 3", "seeds = []"), "seeds: expected a list of 1 to 1000000 seeds"),
            (grid("a = [1]").replace("seeds = 3", "seeds = [1, 2, 1]"), "study.toml:2:16: seeds: expected every seed"),
            (grid("a = [1]").replace("seeds = 3", "seeds = \"all\""), "seeds: expected a number of seeds"),
            (
                grid("a = [1]").replace("seeds = 3", "seeds = { from = 5, to = 4 }"),
                "study.toml:2:26: seeds.to: expected a whole number from 5",
            ),
            (
                grid("a = [1]").replace("seeds = 3", "seeds = { from = 0, to = 1000000 }"),
                "grid: expected 1 to 1000000 rows (combinations times seeds), found 1000001 rows",
            ),
            (grid("a = [1]").replace("seeds", "seed"), "unknown key \"seed\""),
        ];
        for (text, wanted) in cases {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}\n{error}\n{wanted}");
        }
    }

    #[test]
    fn a_grid_beyond_its_limits_is_refused() {
        let values: Vec<String> = (0..400).map(|value| value.to_string()).collect();
        let list = values.join(", ");
        let error = parse(&grid(&format!("a = [{list}]\nb = [{list}]"))).unwrap_err().to_string();
        assert!(error.contains("expected 1 to 100000 combinations of values, found 160000"), "{error}");
        let axes: Vec<String> = (0..65).map(|number| format!("a{number} = [1]")).collect();
        assert!(parse(&grid(&axes.join("\n"))).unwrap_err().to_string().contains("1 to 64"));
        let long = format!("a = [\"{}\"]", "x".repeat(LONGEST_VALUE));
        assert!(parse(&grid(&long)).unwrap_err().to_string().contains("at most 4096 octets, found 4098 octets"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_text_is_more_than_refused(text in "(scenario = 'x'\n|seeds = 2\n|\\[grid\\]\n|[a-c.']{1,3} = |\\[|\\]|[{},.=#\"]|[0-9e-]{1,3}|\n){0,24}") {
            if let Ok(study) = parse(&text) {
                let grid = study.grid;
                prop_assert!(grid.rows().is_some_and(|rows| grid.row(rows).is_some() && grid.row(rows + 1).is_none()));
            }
        }
    }
}
