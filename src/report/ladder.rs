//! The ladder diagram: a column for each node, a line for each message or change of key state, in the order of time.
//!
//! Times are milliseconds of virtual time. A run of user data, with nothing else in between, takes one line for each
//! sender and receiver: the first time, how many, and the last time. This file folds; each form has its own:
//!
//! * `text`: for a terminal.
//! * `svg`: a drawing, with the key state beside each step.
//! * `mermaid`: a `sequenceDiagram` for Mermaid, with the key state in notes.

mod mermaid;
mod svg;
mod text;

use std::collections::BTreeMap;

pub use mermaid::mermaid;
pub use svg::svg;
pub use text::text;

use super::printable;
use crate::scenario::outcome::{KeyStanding, LadderItem, LadderStep};
use crate::time::VirtualTime;

/// Most steps that are drawn, after folding.
pub const MOST_LINES: usize = 1_000;

/// A step, or several of user data that are drawn as one.
struct Entry<'a> {
    time: VirtualTime,
    last: VirtualTime,
    what: &'a LadderItem,
    keys: &'a [KeyStanding],
    count: u64,
    same_label: bool,
}

impl<'a> Entry<'a> {
    fn new(step: &'a LadderStep) -> Self {
        Self { time: step.time, last: step.time, what: &step.what, keys: &step.keys, count: 1, same_label: true }
    }

    /// Takes up `step` if it is user data of the same sender and receiver and came to the same end. What the adversary
    /// sends is told apart by its label, too.
    fn takes(&mut self, step: &LadderStep) -> bool {
        let (
            LadderItem::Message { from, to, label, data: true, dropped },
            LadderItem::Message {
                from: other_from,
                to: other_to,
                label: other_label,
                data: true,
                dropped: other_dropped,
            },
        ) = (self.what, &step.what)
        else {
            return false;
        };
        let same_label = label == other_label;
        let takes = (from, to, dropped) == (other_from, other_to, other_dropped) && (from.is_some() || same_label);
        if takes {
            self.count = self.count.saturating_add(1);
            self.last = step.time;
            self.same_label &= same_label;
        }
        takes
    }

    fn label(&self) -> String {
        let (LadderItem::Message { label, .. } | LadderItem::State { label, .. }) = self.what;
        let label = if self.same_label { label } else { "user data" };
        match (self.count, self.last > self.time) {
            (1, _) => label.to_owned(),
            (count, false) => format!("{label} x {count}"),
            (count, true) => format!("{label} x {count}, until {}", milliseconds(self.last)),
        }
    }
}

/// The entries of the diagram, and how many steps are in none of them.
fn fold(steps: &[LadderStep]) -> (Vec<Entry<'_>>, usize) {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut run = 0;
    for (number, step) in steps.iter().enumerate() {
        let data = matches!(step.what, LadderItem::Message { data: true, .. });
        if !data {
            run = entries.len() + 1;
        } else if entries.iter_mut().skip(run).any(|entry| entry.takes(step)) {
            continue;
        }
        if entries.len() == MOST_LINES {
            return (entries, steps.len() - number);
        }
        entries.push(Entry::new(step));
    }
    (entries, 0)
}

/// The columns: `nodes` in their order, then those that only an entry names.
fn columns<'a>(entries: &[Entry<'a>], nodes: &'a [String]) -> Vec<&'a str> {
    let mut columns: Vec<&str> = Vec::new();
    let named = entries.iter().flat_map(|entry| match entry.what {
        LadderItem::Message { from, to, .. } => [from.as_ref(), Some(to)],
        LadderItem::State { node, .. } => [Some(node), None],
    });
    for node in nodes.iter().chain(named.flatten()) {
        if !columns.contains(&node.as_str()) {
            columns.push(node);
        }
    }
    columns
}

/// Milliseconds with three decimals, rounded down.
fn milliseconds(time: VirtualTime) -> String {
    let micros = time.as_nanos() / 1_000;
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

/// The key state of every mobile while the entries are gone through.
#[derive(Clone, Default)]
struct Running<'a>(BTreeMap<&'a str, &'a KeyStanding>);

impl<'a> Running<'a> {
    /// What holds after `entry`; whether that is another state than before.
    fn after(&mut self, entry: &Entry<'a>) -> bool {
        let mut changed = false;
        for standing in entry.keys {
            changed |= self.0.insert(&standing.ms, standing) != Some(standing);
        }
        changed
    }

    fn of(&self, ms: &str) -> Option<&'a KeyStanding> {
        self.0.get(ms).copied()
    }
}
