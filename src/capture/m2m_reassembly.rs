//! Bursts of MAC PDUs put together from the fragments of several m2m packets (`dot16-wire.md` 1.3).
//!
//! The fragments of a burst have the same addresses and the same burst number, fragment numbers from 1, and come within
//! [`MAX_AGE_NS`]; they may come in any order. At most [`MAX_BURSTS`] bursts with [`MAX_OCTETS`] octets together wait for
//! the rest of them: the oldest one makes room. What is given up is told with its frames.

use std::collections::BTreeMap;

use super::foreign::{Addresses, ReaderNote};
use super::m2m::{Fragment, Position};

/// Most bursts that wait for fragments.
pub const MAX_BURSTS: usize = 64;
/// Most octets of all fragments that wait.
pub const MAX_OCTETS: usize = 1024 * 1024;
/// Longest time in nanoseconds between two fragments of a burst: 200 frames of 5 ms.
pub const MAX_AGE_NS: u64 = 1_000_000_000;

/// A fragment that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// Source and destination.
    pub addresses: Addresses,
    /// What its TLVs say.
    pub fragment: Fragment,
    /// Its frame.
    pub frame: u64,
    /// Its time, in nanoseconds of the capture.
    pub time_ns: i64,
    /// Its octets.
    pub octets: &'a [u8],
    /// Comments on its frame.
    pub comments: &'a [String],
}

/// What became of a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Others of its burst are not there yet.
    Waits,
    /// Its burst is complete.
    Complete {
        /// The burst.
        octets: Vec<u8>,
        /// The frames of its fragments, in the order in which they came.
        frames: Vec<u64>,
        /// Comments of those frames but the last.
        comments: Vec<String>,
    },
}

type Key = (Addresses, u8);

#[derive(Debug, Default)]
struct Waiting {
    fragments: BTreeMap<u8, Vec<u8>>,
    last: Option<u8>,
    frames: Vec<u64>,
    comments: Vec<String>,
    time_ns: i64,
    octets: usize,
}

impl Waiting {
    fn complete(&self) -> bool {
        self.last.is_some_and(|last| self.fragments.len() == usize::from(last))
    }
}

/// The fragments of bursts that are not complete.
#[derive(Debug, Default)]
pub struct Fragments {
    waiting: BTreeMap<Key, Waiting>,
}

fn octets_of(arrived: &Arrived<'_>) -> usize {
    arrived.comments.iter().map(String::len).fold(arrived.octets.len(), usize::saturating_add)
}

impl Fragments {
    /// Takes a fragment; also tells which bursts are given up because of it.
    pub fn take(&mut self, arrived: &Arrived<'_>) -> (Outcome, Vec<ReaderNote>) {
        let Fragment { burst, position, number } = arrived.fragment;
        let key = (arrived.addresses, burst);
        let mut given_up = Vec::new();
        let begins_anew = self.waiting.get(&key).is_some_and(|waiting| {
            waiting.fragments.contains_key(&number)
                || waiting.time_ns.abs_diff(arrived.time_ns) > MAX_AGE_NS
                || waiting.last.is_some_and(|last| number > last || position == Position::Last)
                || (position == Position::Last && waiting.fragments.keys().any(|known| *known > number))
        });
        if begins_anew {
            given_up.extend(self.give_up(key));
        }
        let octets = octets_of(arrived);
        let full = |fragments: &Self| {
            let held = fragments.waiting.values().map(|waiting| waiting.octets).fold(octets, usize::saturating_add);
            let one_more = usize::from(!fragments.waiting.contains_key(&key));
            held > MAX_OCTETS || fragments.waiting.len().saturating_add(one_more) > MAX_BURSTS
        };
        while full(self) {
            let oldest = self.waiting.iter().min_by_key(|(_, waiting)| waiting.frames.first().copied());
            let Some(oldest) = oldest.map(|(key, _)| *key) else { break };
            given_up.extend(self.give_up(oldest));
        }
        let waiting = self.waiting.entry(key).or_default();
        waiting.fragments.insert(number, arrived.octets.to_vec());
        waiting.octets = waiting.octets.saturating_add(octets);
        waiting.time_ns = arrived.time_ns;
        waiting.frames.push(arrived.frame);
        if position == Position::Last {
            waiting.last = Some(number);
        }
        if !waiting.complete() {
            waiting.comments.extend(arrived.comments.iter().cloned());
            return (Outcome::Waits, given_up);
        }
        let Waiting { fragments, frames, comments, .. } = self.waiting.remove(&key).unwrap_or_default();
        let octets = fragments.into_values().flatten().collect();
        (Outcome::Complete { octets, frames, comments }, given_up)
    }

    /// Gives up all that waits.
    pub fn finish(&mut self) -> Vec<ReaderNote> {
        let mut keys: Vec<Key> = self.waiting.keys().copied().collect();
        keys.sort_by_key(|key| self.waiting.get(key).and_then(|waiting| waiting.frames.first().copied()));
        keys.into_iter().filter_map(|key| self.give_up(key)).collect()
    }

    fn give_up(&mut self, key: Key) -> Option<ReaderNote> {
        let waiting = self.waiting.remove(&key)?;
        let there: Vec<String> = waiting.fragments.keys().map(u8::to_string).collect();
        let of = waiting.last.map_or_else(String::new, |last| format!(" of {last}"));
        let text = format!("m2m, burst {} is incomplete: fragments {}{of} are there", key.1, there.join(", "));
        Some(ReaderNote { frames: waiting.frames, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrive(fragments: &mut Fragments, frame: u64, burst: u8, number: u8, of: u8) -> (Outcome, Vec<ReaderNote>) {
        let position = match number {
            1 => Position::First,
            _ if number == of => Position::Last,
            _ => Position::Middle,
        };
        fragments.take(&Arrived {
            addresses: [Some([1; 6]), Some([2; 6])],
            fragment: Fragment { burst, position, number },
            frame,
            time_ns: frame as i64 * 1_000_000,
            octets: &[burst, number],
            comments: &[],
        })
    }

    fn complete(octets: &[u8], frames: &[u64]) -> (Outcome, Vec<ReaderNote>) {
        (Outcome::Complete { octets: octets.to_vec(), frames: frames.to_vec(), comments: vec![] }, vec![])
    }

    #[test]
    fn fragments_in_any_order_and_of_several_bursts_are_put_together() {
        let mut fragments = Fragments::default();
        for (frame, burst, number) in [(1, 7, 1), (2, 8, 2), (3, 7, 3)] {
            assert_eq!(arrive(&mut fragments, frame, burst, number, 3).0, Outcome::Waits);
        }
        assert_eq!(arrive(&mut fragments, 4, 7, 2, 3), complete(&[7, 1, 7, 2, 7, 3], &[1, 3, 4]));
        assert_eq!(arrive(&mut fragments, 5, 8, 1, 3).0, Outcome::Waits);
        assert_eq!(arrive(&mut fragments, 6, 8, 3, 3), complete(&[8, 1, 8, 2, 8, 3], &[2, 5, 6]));
        assert_eq!(fragments.finish(), []);
    }

    #[test]
    fn a_burst_whose_number_comes_again_or_whose_rest_is_late_is_given_up_with_its_frames() {
        let mut fragments = Fragments::default();
        arrive(&mut fragments, 1, 7, 1, 3);
        arrive(&mut fragments, 2, 7, 2, 3);
        let (outcome, given_up) = arrive(&mut fragments, 3, 7, 1, 2);
        assert_eq!(outcome, Outcome::Waits);
        assert_eq!(given_up[0].to_string(), "frames 1, 2: m2m, burst 7 is incomplete: fragments 1, 2 are there");
        let (_, given_up) = arrive(&mut fragments, 3_000, 7, 2, 2);
        assert_eq!(given_up[0].frames, [3]);
        assert_eq!(
            fragments.finish()[0].to_string(),
            "frame 3000: m2m, burst 7 is incomplete: fragments 2 of 2 are there"
        );
    }

    #[test]
    fn neither_bursts_nor_octets_grow_without_limit() {
        let mut fragments = Fragments::default();
        for burst in 0..MAX_BURSTS as u8 {
            assert_eq!(arrive(&mut fragments, u64::from(burst), burst, 1, 2).1, []);
        }
        let (_, given_up) = arrive(&mut fragments, 100, 200, 1, 2);
        assert_eq!(given_up[0].frames, [0]);
        let big = vec![0; 300_000];
        let mut lost = 0;
        for number in 1..=255u8 {
            let position = if number == 1 { Position::First } else { Position::Middle };
            let arrived = Arrived {
                addresses: [None; 2],
                fragment: Fragment { burst: 0, position, number },
                frame: u64::from(number),
                time_ns: 0,
                octets: &big,
                comments: &[],
            };
            lost += fragments.take(&arrived).1.len();
            let held: usize = fragments.waiting.values().map(|waiting| waiting.octets).sum();
            assert!(held <= MAX_OCTETS, "{held}");
        }
        assert!(lost > MAX_BURSTS, "{lost}");
    }
}
