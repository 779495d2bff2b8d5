//! `--set key=value`: changes a value of the script before it is checked.

use std::fmt;
use std::str::FromStr;

use super::nearest::nearest;
use super::problem::{Place, Problem, Read};
use super::value::{Data, Entry, Node, value};

/// One `--set` of the command line: a dotted path into the script and the value to put there.
///
/// Tables are named by their key, the entries of arrays of tables by their `name`: `radio.frame=10ms`,
/// `base_station.bs2.tek_cache=false`. The value is read as TOML; what is not TOML is taken as a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetArgument {
    /// Dotted path of the key.
    pub path: String,
    /// The value as given.
    pub value: String,
}

/// Why a text is not `path=value`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected PATH=VALUE with a dotted path such as radio.frame=10ms, found {found:?}")]
pub struct SetArgumentError {
    /// The text as given.
    pub found: String,
}

impl FromStr for SetArgument {
    type Err = SetArgumentError;
    fn from_str(text: &str) -> Result<Self, SetArgumentError> {
        let error = || SetArgumentError { found: text.to_owned() };
        let (path, value) = text.split_once('=').ok_or_else(error)?;
        if path.split('.').any(|segment| segment.is_empty() || segment.trim() != segment) {
            return Err(error());
        }
        Ok(Self { path: path.to_owned(), value: value.to_owned() })
    }
}

/// The argument as it stands on the command line.
impl fmt::Display for SetArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path, self.value)
    }
}

/// A part of the path and its place in the argument.
struct Segment<'a> {
    name: &'a str,
    place: Place,
}

/// Puts the value of `argument`, which is text number `text`, into the document `root`.
pub(super) fn apply(root: &mut Node, argument: &SetArgument, text: usize) -> Read<()> {
    let mut start = 0usize;
    let mut segments = Vec::new();
    for name in argument.path.split('.') {
        let end = start.saturating_add(name.len());
        segments.push(Segment { name, place: Place { text, start, end } });
        start = end.saturating_add(1);
    }
    put(root, "", &segments, value(&argument.value, text, start))
}

fn put(node: &mut Node, path: &str, segments: &[Segment<'_>], new: Node) -> Read<()> {
    let Some((segment, rest)) = segments.split_first() else {
        *node = new;
        return Ok(());
    };
    let below = if path.is_empty() { segment.name.to_owned() } else { format!("{path}.{}", segment.name) };
    match &mut node.data {
        Data::Table(entries) => {
            if !entries.iter().any(|entry| entry.key == segment.name) {
                let table = Node { place: segment.place, data: Data::Table(Vec::new()) };
                entries.push(Entry { key: segment.name.to_owned(), key_place: segment.place, node: table });
            }
            match entries.iter_mut().find(|entry| entry.key == segment.name) {
                Some(entry) => put(&mut entry.node, &below, rest, new),
                None => Ok(()),
            }
        }
        Data::Array(items) => {
            let names: Vec<String> = items.iter().filter_map(name_of).map(str::to_owned).collect();
            match items.iter_mut().find(|item| name_of(item) == Some(segment.name)) {
                Some(item) if !rest.is_empty() => put(item, &below, rest, new),
                Some(_) => {
                    Err(Problem::mismatch(segment.place, &below, "the path of a key", "the path of a whole entry"))
                }
                None if names.is_empty() => {
                    let message = format!("{path}: its entries have no name by which a path could reach them");
                    Err(Problem::new(segment.place, message, "not reachable"))
                }
                None => {
                    let advice = nearest(segment.name, names.iter().map(String::as_str))
                        .map_or(String::new(), |name| format!("; did you mean {name:?}?"));
                    let message = format!("{path}: no entry has the name {:?}{advice}", segment.name);
                    Err(Problem::new(segment.place, message, "no such name"))
                }
            }
        }
        _ => {
            let found = node.describe();
            Err(Problem::mismatch(segment.place, path, "a table", &found))
        }
    }
}

fn name_of(node: &Node) -> Option<&str> {
    let Data::Table(entries) = &node.data else { return None };
    entries.iter().find_map(|entry| match &entry.node.data {
        Data::Text(name) if entry.key == "name" => Some(name.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_split_at_its_first_equals_sign() {
        let argument: SetArgument = "a.b=c=d".parse().unwrap();
        assert_eq!((argument.path.as_str(), argument.value.as_str()), ("a.b", "c=d"));
        assert_eq!(argument.to_string(), "a.b=c=d");
    }

    #[test]
    fn a_text_without_path_or_value_is_refused() {
        for text in ["", "radio.frame", "=1", "a..b=1", ".a=1", "a.=1", "a .b=1"] {
            assert!(text.parse::<SetArgument>().is_err(), "{text}");
        }
        assert!("radio.frame".parse::<SetArgument>().unwrap_err().to_string().contains("found \"radio.frame\""));
    }
}
