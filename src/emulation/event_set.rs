//! The event set: what is due, in the order (time, source, sequence).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::time::VirtualTime;

/// Who caused an event. The order of the variants is the order of delivery at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// A command from outside.
    Script,
    /// The node with this index.
    Node(usize),
    /// The adversary.
    Adversary,
}

#[derive(Debug)]
struct Entry<T> {
    time: VirtualTime,
    source: Source,
    sequence: u64,
    item: T,
}

impl<T> Entry<T> {
    fn key(&self) -> (VirtualTime, Source, u64) {
        (self.time, self.source, self.sequence)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// A queue ordered by (time, source, sequence); the sequence is the order of insertion.
#[derive(Debug)]
pub(super) struct EventSet<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    sequence: u64,
}

impl<T> EventSet<T> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }

    pub(super) fn insert(&mut self, time: VirtualTime, source: Source, item: T) {
        self.heap.push(Reverse(Entry { time, source, sequence: self.sequence, item }));
        self.sequence += 1;
    }

    pub(super) fn pop(&mut self) -> Option<(VirtualTime, T)> {
        self.heap.pop().map(|Reverse(entry)| (entry.time, entry.item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_then_source_then_order_of_insertion() {
        let mut set = EventSet::new();
        let at = VirtualTime::from_nanos;
        set.insert(at(2), Source::Script, "late");
        set.insert(at(1), Source::Adversary, "adversary");
        set.insert(at(1), Source::Node(1), "second node");
        set.insert(at(1), Source::Node(0), "first node, first");
        set.insert(at(1), Source::Node(0), "first node, second");
        set.insert(at(1), Source::Script, "script");
        let order: Vec<_> = std::iter::from_fn(|| set.pop()).map(|(_, item)| item).collect();
        assert_eq!(order, ["script", "first node, first", "first node, second", "second node", "adversary", "late"]);
    }
}
