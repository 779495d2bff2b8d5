//! Reading a table key by key: unknown keys first, then typed values, each with a message that says what was expected.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::nearest::nearest;
use super::problem::{Place, Problem, Read};
use super::units::{EXPECTED_TIME, parse_time, show_time};
use super::value::{Data, Entry, Node};

/// A table whose keys are all known.
#[derive(Debug)]
pub(super) struct Section<'a> {
    path: String,
    pub place: Place,
    entries: &'a [Entry],
}

/// A key of a section with its value.
#[derive(Debug)]
pub(super) struct Field<'a> {
    path: String,
    key_place: Place,
    node: &'a Node,
}

impl<'a> Section<'a> {
    /// Opens `node` as the table at `path` (empty for the document), in which only `keys` are legal.
    pub fn open(node: &'a Node, path: String, keys: &[&str]) -> Read<Self> {
        let Data::Table(entries) = &node.data else {
            return Err(Problem::mismatch(node.place, &path, "a table", &node.describe()));
        };
        if let Some(unknown) = entries.iter().find(|entry| !keys.contains(&entry.key.as_str())) {
            let place = if path.is_empty() { "at the top of the script".to_owned() } else { format!("in {path}") };
            let advice = nearest(&unknown.key, keys.iter().copied())
                .map_or(String::new(), |name| format!("; did you mean {name:?}?"));
            let message = format!("unknown key {:?} {place}{advice}", unknown.key);
            return Err(Problem::new(unknown.key_place, message, "no such key")
                .help(format!("expected one of the keys {}", keys.join(", "))));
        }
        Ok(Self { path, place: node.place, entries })
    }

    /// Opens `node` as the document, whatever keys it has.
    pub fn any(node: &'a Node) -> Read<Self> {
        match &node.data {
            Data::Table(entries) => Ok(Self { path: String::new(), place: node.place, entries }),
            _ => Err(Problem::mismatch(node.place, "", "a table", &node.describe())),
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of `key`, if the script gives one.
    pub fn field(&self, key: &str) -> Option<Field<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(Field { path: self.path_of(key), key_place: entry.key_place, node: &entry.node })
    }

    /// The value of `key`, which the script must give; `expected` says what belongs there.
    pub fn required(&self, key: &str, expected: &str) -> Read<Field<'a>> {
        self.field(key).ok_or_else(|| {
            let message = format!("{}: expected {expected}, found nothing", self.path_of(key));
            Problem::new(self.place, message, format!("{key} is missing here"))
        })
    }

    /// The value of `key` as `read` reads it, or `default` where the script gives none.
    pub fn read<T>(&self, key: &str, default: T, read: impl FnOnce(&Field<'a>) -> Read<T>) -> Read<T> {
        self.field(key).map_or(Ok(default), |field| read(&field))
    }

    /// The entries of the array of tables `key`; none if the script has none.
    pub fn tables(&self, key: &str, keys: &[&str]) -> Read<Vec<Section<'a>>> {
        let Some(field) = self.field(key) else {
            return Ok(Vec::new());
        };
        let items = field.array(&format!("[[{key}]] tables"))?;
        items.iter().map(|item| Section::open(item, key.to_owned(), keys)).collect()
    }

    /// Fails if `key` is given, because `reason`.
    pub fn refuse(&self, key: &str, reason: &str) -> Read<()> {
        match self.field(key) {
            Some(field) => Err(Problem::mismatch(field.key_place, &field.path, &format!("no {key} {reason}"), "one")),
            None => Ok(()),
        }
    }

    /// The only one of `keys` that is given.
    pub fn exactly_one(&self, keys: &[&str]) -> Read<Field<'a>> {
        let expected = format!("exactly one of {}", keys.join(", "));
        let mut given = keys.iter().filter_map(|key| self.field(key));
        let Some(first) = given.next() else {
            return Err(Problem::mismatch(self.place, &self.path, &expected, "none"));
        };
        match given.next() {
            Some(second) => {
                let found = format!("{} and {}", first.key(), second.key());
                Err(Problem::mismatch(second.key_place, &self.path, &expected, &found)
                    .also(first.key_place, "the other"))
            }
            None => Ok(first),
        }
    }
}

impl<'a> Field<'a> {
    /// Where the value stands.
    pub fn place(&self) -> Place {
        self.node.place
    }

    /// Dotted path of the key.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The key without its path.
    pub fn key(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// The value, undecoded.
    pub fn data(&self) -> &'a Data {
        &self.node.data
    }

    /// The error that this value is not what was expected.
    pub fn mismatch(&self, expected: &str) -> Box<Problem> {
        Problem::mismatch(self.place(), &self.path, expected, &self.node.describe())
    }

    /// Any string; `expected` is for the message.
    pub fn text(&self, expected: &str) -> Read<&'a str> {
        match &self.node.data {
            Data::Text(text) => Ok(text),
            _ => Err(self.mismatch(expected)),
        }
    }

    /// One line of text, 1 to 200 characters.
    pub fn line(&self) -> Read<String> {
        let expected = "one line of text (1 to 200 characters)";
        let text = self.text(expected)?;
        let fits = !text.trim().is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control);
        if fits { Ok(text.to_owned()) } else { Err(self.mismatch(expected)) }
    }

    /// A name of 1 to `longest` ASCII letters, digits and underscores, and `-` where `dash` allows it.
    pub fn name(&self, longest: usize, dash: bool) -> Read<String> {
        let signs = if dash { "letters, digits, '_' and '-'" } else { "letters, digits and '_'" };
        let expected = format!("a name of 1 to {longest} {signs}");
        let text = self.text(&expected)?;
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || (dash && b == b'-');
        if (1..=longest).contains(&text.len()) && text.bytes().all(legal) && !text.starts_with('-') {
            Ok(text.to_owned())
        } else {
            Err(self.mismatch(&expected))
        }
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Read<bool> {
        match &self.node.data {
            Data::Boolean(boolean) => Ok(*boolean),
            _ => Err(self.mismatch("true or false")),
        }
    }

    /// `true`: a key that says of something that it is so, and that is left out otherwise.
    pub fn yes(&self) -> Read<()> {
        if self.boolean()? { Ok(()) } else { Err(self.mismatch("true, or no such key")) }
    }

    /// A whole number within `range`.
    pub fn number<T: TryFrom<i128> + Into<i128> + Copy>(&self, range: RangeInclusive<T>) -> Read<T> {
        let (low, high): (i128, i128) = ((*range.start()).into(), (*range.end()).into());
        let expected = || self.mismatch(&format!("a whole number from {low} to {high}"));
        match &self.node.data {
            Data::Integer(integer) if (low..=high).contains(integer) => T::try_from(*integer).map_err(|_| expected()),
            _ => Err(expected()),
        }
    }

    /// A probability, 0 to 1.
    pub fn probability(&self) -> Read<f64> {
        let number = match &self.node.data {
            Data::Float(float) => *float,
            Data::Integer(0) => 0.0,
            Data::Integer(1) => 1.0,
            _ => return Err(self.mismatch("a probability from 0 to 1")),
        };
        if (0.0..=1.0).contains(&number) { Ok(number) } else { Err(self.mismatch("a probability from 0 to 1")) }
    }

    /// A number within `range`, with or without a fraction.
    pub fn decimal(&self, range: RangeInclusive<f64>) -> Read<f64> {
        let expected = || self.mismatch(&format!("a number from {} to {}", range.start(), range.end()));
        let number = match &self.node.data {
            Data::Float(float) => *float,
            // Every range is far below 2^53.
            Data::Integer(integer) => *integer as f64,
            _ => return Err(expected()),
        };
        if range.contains(&number) { Ok(number) } else { Err(expected()) }
    }

    /// A time within `range`.
    pub fn time(&self, range: RangeInclusive<Duration>) -> Read<Duration> {
        let Data::Text(text) = &self.node.data else {
            return Err(self.mismatch(EXPECTED_TIME));
        };
        let time = parse_time(text).ok_or_else(|| self.mismatch(EXPECTED_TIME))?;
        if range.contains(&time) {
            Ok(time)
        } else if *range.end() == Duration::MAX {
            Err(self.mismatch(&format!("a time of at least {}", show_time(*range.start()))))
        } else {
            let bounds = format!("a time from {} to {}", show_time(*range.start()), show_time(*range.end()));
            Err(self.mismatch(&bounds))
        }
    }

    /// An instant from `earliest` to `end`, where the script ends.
    pub fn instant(&self, earliest: Duration, end: Duration) -> Read<Duration> {
        let time = self.time(Duration::ZERO..=Duration::MAX)?;
        if (earliest..=end).contains(&time) {
            return Ok(time);
        }
        let (earliest, end) = (show_time(earliest), show_time(end));
        Err(self.mismatch(&format!("a time from {earliest} to {end}, when the script ends")))
    }

    /// A time within `range` that is a whole multiple of `step`.
    pub fn time_in_steps(&self, range: RangeInclusive<Duration>, step: Duration) -> Read<Duration> {
        let time = self.time(range)?;
        if time.as_nanos().checked_rem(step.as_nanos()) == Some(0) {
            Ok(time)
        } else {
            Err(self.mismatch(&format!("a multiple of {}", show_time(step))))
        }
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&self, words: &[(&'static str, T)]) -> Read<T> {
        let quoted: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        let expected = quoted.join(" or ");
        let text = self.text(&expected)?;
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let problem = self.mismatch(&expected);
            match nearest(text, words.iter().map(|(word, _)| *word)) {
                Some(word) => problem.help(format!("did you mean {word:?}?")),
                None => problem,
            }
        })
    }

    /// A string that [`FromStr`] of `T` accepts; `expected` is for the message.
    pub fn parsed<T: FromStr>(&self, expected: &str) -> Read<T>
    where
        T::Err: Display,
    {
        self.text(expected)?.parse().map_err(|_| self.mismatch(expected))
    }

    /// The items of an array; `expected` is for the message.
    pub fn array(&self, expected: &str) -> Read<&'a [Node]> {
        match &self.node.data {
            Data::Array(items) => Ok(items),
            _ => Err(self.mismatch(expected)),
        }
    }

    /// The items of an array, each as a field.
    pub fn items(&self, expected: &str) -> Read<Vec<Field<'a>>> {
        let items = self.array(expected)?;
        Ok(items.iter().map(|node| Field { path: self.path.clone(), key_place: self.key_place, node }).collect())
    }

    /// Whether the value is a table.
    pub fn is_table(&self) -> bool {
        matches!(self.node.data, Data::Table(_))
    }

    /// The value as a table in which only `keys` are legal.
    pub fn section(&self, keys: &[&str]) -> Read<Section<'a>> {
        Section::open(self.node, self.path.clone(), keys)
    }
}
