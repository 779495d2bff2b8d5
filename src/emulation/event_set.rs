//! The event set: what is due, in the order (time, source, sequence).
//!
//! Events wait in buckets of 5 ms of virtual time, unsorted, until their bucket is next; then the bucket is sorted once. What
//! comes into the bucket under way waits in a small heap beside it. With many events pending that is several times faster
//! than one heap of all of them (`performance.md` 5).

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use crate::time::VirtualTime;

/// The length of a bucket in ns.
const BUCKET: u64 = 5_000_000;

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

/// The place of an event in the order of delivery. The sequence counts what one source has caused: numbers of different
/// sources are never compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) time: VirtualTime,
    pub(super) source: Source,
    pub(super) sequence: u64,
}

/// An event.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) key: Key,
    pub(super) item: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
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
        self.key.cmp(&other.key)
    }
}

/// A queue of events in the order of their keys.
#[derive(Debug)]
pub(super) struct EventSet<T> {
    /// The number of the bucket under way.
    bucket: u64,
    /// Of the bucket under way, the next one last.
    sorted: Vec<Entry<T>>,
    /// What has come into the bucket under way, or before it, since it was sorted.
    late: BinaryHeap<Reverse<Entry<T>>>,
    waiting: BTreeMap<u64, Vec<Entry<T>>>,
}

impl<T> EventSet<T> {
    pub(super) fn new() -> Self {
        Self { bucket: 0, sorted: Vec::new(), late: BinaryHeap::new(), waiting: BTreeMap::new() }
    }

    pub(super) fn insert(&mut self, key: Key, item: T) {
        let (bucket, entry) = (key.time.as_nanos() / BUCKET, Entry { key, item });
        if bucket <= self.bucket {
            self.late.push(Reverse(entry));
        } else {
            self.waiting.entry(bucket).or_default().push(entry);
        }
    }

    /// When the next event is due.
    pub(super) fn next_time(&mut self) -> Option<VirtualTime> {
        if self.sorted.is_empty() && self.late.is_empty() {
            let (bucket, entries) = self.waiting.pop_first()?;
            self.bucket = bucket;
            self.sorted = entries;
            self.sorted.sort_unstable_by_key(|entry| Reverse(entry.key));
        }
        let late = self.late.peek().map(|Reverse(entry)| entry.key.time);
        let sorted = self.sorted.last().map(|entry| entry.key.time);
        late.into_iter().chain(sorted).min()
    }

    pub(super) fn pop(&mut self) -> Option<Entry<T>> {
        self.next_time()?;
        let late = self.late.peek().map(|Reverse(entry)| entry.key);
        match (self.sorted.last(), late) {
            (Some(sorted), Some(late)) if late < sorted.key => self.late.pop().map(|Reverse(entry)| entry),
            (None, _) => self.late.pop().map(|Reverse(entry)| entry),
            (Some(_), _) => self.sorted.pop(),
        }
    }

    /// The next event, if it is due before `end`.
    pub(super) fn pop_before(&mut self, end: VirtualTime) -> Option<Entry<T>> {
        self.next_time().filter(|next| *next < end).and_then(|_| self.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(nanos: u64, source: Source, sequence: u64) -> Key {
        Key { time: VirtualTime::from_nanos(nanos), source, sequence }
    }

    #[test]
    fn events_come_by_time_then_source_then_order_of_insertion() {
        let mut set = EventSet::new();
        set.insert(at(2, Source::Script, 0), "late");
        set.insert(at(1, Source::Adversary, 0), "adversary");
        set.insert(at(1, Source::Node(1), 0), "second node");
        set.insert(at(1, Source::Node(0), 0), "first node, first");
        set.insert(at(1, Source::Node(0), 1), "first node, second");
        set.insert(at(1, Source::Script, 1), "script");
        let order: Vec<_> = std::iter::from_fn(|| set.pop()).map(|entry| entry.item).collect();
        assert_eq!(order, ["script", "first node, first", "first node, second", "second node", "adversary", "late"]);
    }

    proptest! {
        #[test]
        fn events_over_many_buckets_come_in_the_order_of_their_keys(
            times in prop::collection::vec((0..60_000_000_u64, 0..5_usize), 1..200),
            step in 0..20_usize,
        ) {
            let mut set = EventSet::new();
            let (mut wanted, mut popped) = (Vec::new(), Vec::new());
            let mut now = VirtualTime::ZERO;
            for (sequence, (time, node)) in times.into_iter().enumerate() {
                // As in a run, nothing becomes due in the past.
                let key = at(time.max(now.as_nanos()), Source::Node(node), sequence as u64);
                wanted.push(key);
                set.insert(key, ());
                if step > 0 && sequence % step == 0 {
                    let entry = set.pop().unwrap();
                    now = entry.key.time;
                    popped.push(entry.key);
                }
            }
            prop_assert_eq!(set.next_time().is_none(), popped.len() == wanted.len());
            prop_assert!(set.pop_before(now).is_none());
            popped.extend(std::iter::from_fn(|| set.pop()).map(|entry| entry.key));
            let mut last = VirtualTime::ZERO;
            for key in &popped {
                prop_assert!(key.time >= last);
                last = key.time;
            }
            if step == 0 {
                wanted.sort();
                prop_assert_eq!(&popped, &wanted);
            }
            popped.sort();
            wanted.sort();
            prop_assert_eq!(popped, wanted);
        }
    }
}
