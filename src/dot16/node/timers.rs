//! A set of timers by key: at most one instant for each key, the earliest first.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::VirtualTime;

/// Timers of a node; `K` says what a timer is for.
#[derive(Clone, Debug)]
pub struct Timers<K> {
    due: BTreeSet<(VirtualTime, K)>,
    by_key: BTreeMap<K, VirtualTime>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { due: BTreeSet::new(), by_key: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> Timers<K> {
    /// Sets the timer `key` to `at`, whatever it was set to before.
    pub fn set(&mut self, key: K, at: VirtualTime) {
        self.cancel(key);
        self.due.insert((at, key));
        self.by_key.insert(key, at);
    }

    /// Sets the timer `key` to `at`, unless it is set to an earlier instant already.
    pub fn set_by(&mut self, key: K, at: VirtualTime) {
        if self.get(key).is_none_or(|set| at < set) {
            self.set(key, at);
        }
    }

    /// Stops the timer `key`.
    pub fn cancel(&mut self, key: K) {
        if let Some(at) = self.by_key.remove(&key) {
            self.due.remove(&(at, key));
        }
    }

    /// The instant that the timer `key` is set to.
    #[must_use]
    pub fn get(&self, key: K) -> Option<VirtualTime> {
        self.by_key.get(&key).copied()
    }

    /// The earliest instant of all.
    #[must_use]
    pub fn next(&self) -> Option<VirtualTime> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest timer that is due at `now`.
    pub fn pop(&mut self, now: VirtualTime) -> Option<K> {
        let (at, key) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.due.remove(&(at, key));
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_order_and_a_reset_one_only_at_its_new_instant() {
        let at = VirtualTime::from_nanos;
        let mut timers = Timers::default();
        timers.set("a", at(5));
        timers.set("b", at(3));
        timers.set("a", at(2));
        assert_eq!(timers.next(), Some(at(2)));
        assert_eq!(timers.pop(at(1)), None);
        assert_eq!(timers.pop(at(9)), Some("a"));
        timers.set_by("b", at(4));
        assert_eq!(timers.get("b"), Some(at(3)));
        timers.set_by("b", at(1));
        assert_eq!(timers.get("b"), Some(at(1)));
        timers.cancel("b");
        assert_eq!(timers.pop(at(9)), None);
    }
}
