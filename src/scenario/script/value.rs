//! A TOML document as a tree in which every key and value knows its place.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem, Read};

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub place: Place,
    pub data: Data,
}

/// The kinds of TOML value that a script uses.
#[derive(Debug)]
pub(super) enum Data {
    Text(String),
    Integer(i128),
    Float(f64),
    Boolean(bool),
    /// No key takes a date; kept for the message.
    Date,
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table with its value, in the order of the text.
#[derive(Debug)]
pub(super) struct Entry {
    pub key: String,
    pub key_place: Place,
    pub node: Node,
}

/// The document in `source`, which is text number `text`.
pub(super) fn document(source: &str, text: usize) -> Read<Node> {
    match DeTable::parse(source) {
        Ok(table) => {
            let entries = entries(table.get_ref(), text, 0);
            Ok(Node { place: Place { text, start: 0, end: 0 }, data: Data::Table(entries) })
        }
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let message = error.message().trim().replace('\n', ", ");
            let place = Place { text, start: span.start, end: span.end };
            Err(Problem::new(place, format!("not TOML: {message}"), message))
        }
    }
}

/// The value in `source[offset..]`, which belongs to text number `text`; a text that is no TOML value is a string.
pub(super) fn value(source: &str, text: usize, offset: usize) -> Node {
    match DeValue::parse(source) {
        Ok(value) => node(&value, text, offset),
        Err(_) => Node {
            place: Place { text, start: offset, end: offset.saturating_add(source.len()) },
            data: Data::Text(source.to_owned()),
        },
    }
}

fn place<T>(spanned: &Spanned<T>, text: usize, offset: usize) -> Place {
    let span = spanned.span();
    Place { text, start: span.start.saturating_add(offset), end: span.end.saturating_add(offset) }
}

fn entries(table: &DeTable<'_>, text: usize, offset: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_place: place(key, text, offset),
            node: node(value, text, offset),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_place.start);
    entries
}

fn node(value: &Spanned<DeValue<'_>>, text: usize, offset: usize) -> Node {
    let data = match value.get_ref() {
        DeValue::String(string) => Data::Text(string.to_string()),
        // The parser has checked the digits; what does not fit 128 bits fits no range of the format either.
        DeValue::Integer(integer) => {
            Data::Integer(i128::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(i128::MAX))
        }
        DeValue::Float(float) => Data::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Data::Boolean(*boolean),
        DeValue::Datetime(_) => Data::Date,
        DeValue::Array(array) => Data::Array(array.iter().map(|item| node(item, text, offset)).collect()),
        DeValue::Table(table) => Data::Table(entries(table, text, offset)),
    };
    Node { place: place(value, text, offset), data }
}

impl Node {
    /// The value in words, for messages.
    pub fn describe(&self) -> String {
        match &self.data {
            Data::Text(text) => format!("the string {text:?}"),
            Data::Integer(integer) => format!("the integer {integer}"),
            Data::Float(float) => format!("the number {float}"),
            Data::Boolean(boolean) => format!("{boolean}"),
            Data::Date => "a date or time of day".to_owned(),
            Data::Array(_) => "an array".to_owned(),
            Data::Table(_) => "a table".to_owned(),
        }
    }
}
