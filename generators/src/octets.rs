//! Octet strings and numbers, each drawn as just the octets it consists of.

use std::fmt::Debug;
use std::ops::Range;

use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;

/// Strategy for octet strings, see [`octets`].
#[derive(Clone, Debug)]
pub struct Octets {
    lengths: Range<usize>,
}

/// An octet string on its way to a simpler one: first shorter, then with zeros in it, from the front.
#[derive(Debug)]
pub struct OctetTree {
    value: Vec<u8>,
    shortest: usize,
    /// What the last step of simplifying changed.
    before: Option<Vec<u8>>,
    /// Octets that are to be cut off next; 0 when no more are.
    cut: usize,
    /// The octet that becomes 0 next.
    place: usize,
}

impl ValueTree for OctetTree {
    type Value = Vec<u8>;

    fn current(&self) -> Vec<u8> {
        self.value.clone()
    }

    fn simplify(&mut self) -> bool {
        self.cut = self.cut.min(self.value.len() - self.shortest);
        if self.cut > 0 {
            self.before = Some(self.value.clone());
            self.value.truncate(self.value.len() - self.cut);
            return true;
        }
        while let Some(octet) = self.value.get_mut(self.place) {
            self.place += 1;
            if *octet != 0 {
                let kept = std::mem::take(octet);
                let mut before = self.value.clone();
                before[self.place - 1] = kept;
                self.before = Some(before);
                return true;
            }
        }
        false
    }

    fn complicate(&mut self) -> bool {
        let Some(before) = self.before.take() else { return false };
        if before.len() > self.value.len() {
            self.cut /= 2;
        }
        self.value = before;
        true
    }
}

impl Strategy for Octets {
    type Tree = OctetTree;
    type Value = Vec<u8>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let Range { start, end } = self.lengths;
        let mut drawn = [0; 2];
        let span = end - start;
        match span {
            0 | 1 => {}
            2..=256 => runner.rng().fill_bytes(&mut drawn[1..]),
            _ => runner.rng().fill_bytes(&mut drawn),
        }
        let mut value = vec![0; start + usize::from(u16::from_be_bytes(drawn)) % span.max(1)];
        runner.rng().fill_bytes(&mut value);
        Ok(OctetTree { cut: value.len(), value, shortest: start, before: None, place: 0 })
    }
}

/// Octets of any value, as many as `lengths` allows: at least `lengths.start`, fewer than `lengths.end`.
#[must_use]
pub const fn octets(lengths: Range<usize>) -> Octets {
    Octets { lengths }
}

/// `N` octets of any value.
pub fn array<const N: usize>() -> impl Strategy<Value = [u8; N]> + Clone {
    octets(N..N + 1).prop_map(|octets| octets.try_into().expect("as many as were drawn"))
}

/// An integer that [`number`] can draw.
pub trait Number: Debug + Sized + 'static {
    /// Its size in octets.
    const OCTETS: usize;

    /// The number of these octets, most significant first, [`OCTETS`](Self::OCTETS) of them.
    fn from_octets(octets: &[u8]) -> Self;
}

macro_rules! numbers {
    ($($number:ty),*) => { $(
        impl Number for $number {
            const OCTETS: usize = size_of::<$number>();

            fn from_octets(octets: &[u8]) -> Self {
                Self::from_be_bytes(octets.try_into().expect("as many as were drawn"))
            }
        }
    )* };
}

numbers!(u8, u16, u32, u64, i8, i16, i32);

/// A number of its whole range, drawn most significant octet first.
pub fn number<T: Number>() -> impl Strategy<Value = T> + Clone {
    octets(T::OCTETS..T::OCTETS + 1).prop_map(|octets| T::from_octets(&octets))
}

/// A number of `count` bits, at most 8: one octet of which the low bits count.
pub fn bits(count: u32) -> impl Strategy<Value = u8> + Clone {
    number::<u8>().prop_map(move |octet| octet & (0xff_u16 >> (8 - count)) as u8)
}

/// A flag: the lowest bit of one octet.
pub fn flag() -> impl Strategy<Value = bool> + Clone {
    number::<u8>().prop_map(|octet| octet & 1 == 1)
}

/// Printable ASCII text of a number of characters.
pub fn text(lengths: Range<usize>) -> impl Strategy<Value = String> + Clone {
    octets(lengths).prop_map(|octets| octets.iter().map(|octet| char::from(b' ' + octet % 95)).collect())
}
