//! Making a script that fails smaller: entries, settings and list items are left out one after another, as long as what
//! is left is still a script and still fails in the same way.
//!
//! It knows nothing of what the keys mean, so that it shrinks whatever a script can say: what cannot be left out is no
//! script any more.

use toml::{Table, Value};

/// How often a smaller script is tried at the most.
const TRIES: usize = 600;

/// The smallest script found that `fails`, starting from one that does.
pub fn shrink(text: &str, mut fails: impl FnMut(&str) -> bool) -> String {
    let Ok(mut smallest) = text.parse::<Table>() else { return text.to_owned() };
    let mut tries = 0;
    let mut try_out = |candidate: &Table| {
        tries += 1;
        tries <= TRIES && fails(&candidate.to_string())
    };
    // Large parts first: half of an array, then a quarter, down to single entries.
    for part in [2, 4, 8] {
        for key in array_keys(&smallest) {
            remove_chunks(&mut smallest, &key, part, &mut try_out);
        }
    }
    loop {
        let places = removable(&smallest);
        let mut changed = false;
        // From the end, so that the places before stay what they are.
        for place in places.iter().rev() {
            let mut candidate = smallest.clone();
            if remove(&mut candidate, place) && try_out(&candidate) {
                smallest = candidate;
                changed = true;
            }
        }
        if !changed {
            return smallest.to_string();
        }
    }
}

fn array_keys(script: &Table) -> Vec<String> {
    script.iter().filter(|(_, value)| value.is_array()).map(|(key, _)| key.clone()).collect()
}

fn remove_chunks(script: &mut Table, key: &str, part: usize, try_out: &mut impl FnMut(&Table) -> bool) {
    let length = |script: &Table| script.get(key).and_then(Value::as_array).map_or(0, Vec::len);
    let chunk = length(script) / part;
    if chunk < 2 {
        return;
    }
    let mut start = 0;
    while start < length(script) {
        let mut candidate = script.clone();
        if let Some(Value::Array(items)) = candidate.get_mut(key) {
            let end = (start + chunk).min(items.len());
            items.drain(start..end);
        }
        if try_out(&candidate) {
            *script = candidate;
        } else {
            start += chunk;
        }
    }
}

/// A key or an index on the way to a value.
#[derive(Clone, Debug)]
enum Hop {
    Key(String),
    Item(usize),
}

/// Every value that might be left out, outer ones before those inside them.
fn removable(script: &Table) -> Vec<Vec<Hop>> {
    fn walk(value: &Value, at: &[Hop], places: &mut Vec<Vec<Hop>>) {
        let mut add = |hop: Hop, inner: &Value| {
            let mut place = at.to_vec();
            place.push(hop);
            places.push(place.clone());
            walk(inner, &place, places);
        };
        match value {
            Value::Table(table) => table.iter().for_each(|(key, inner)| add(Hop::Key(key.clone()), inner)),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, inner)| add(Hop::Item(index), inner)),
            _ => {}
        }
    }
    let mut places = Vec::new();
    walk(&Value::Table(script.clone()), &[], &mut places);
    places
}

fn remove(script: &mut Table, place: &[Hop]) -> bool {
    let Some((last, way)) = place.split_last() else { return false };
    let mut tables = Value::Table(std::mem::take(script));
    let mut at = Some(&mut tables);
    for hop in way {
        at = at.and_then(|value| match hop {
            Hop::Key(key) => value.get_mut(key),
            Hop::Item(index) => value.get_mut(*index),
        });
    }
    let removed = match (at, last) {
        (Some(Value::Table(table)), Hop::Key(key)) => table.remove(key).is_some(),
        (Some(Value::Array(items)), Hop::Item(index)) if *index < items.len() => {
            items.remove(*index);
            true
        }
        _ => false,
    };
    if let Value::Table(table) = tables {
        *script = table;
    }
    removed
}
