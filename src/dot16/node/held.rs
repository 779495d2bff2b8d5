//! How much nodes keep, for fuzzing only: this file and all that uses it exist under `cfg(fuzzing)` and in no other build.

/// How many of something a node keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// What.
    pub what: &'static str,
    /// How many there are.
    pub count: usize,
    /// How many there may be.
    pub limit: usize,
}

impl Held {
    pub(super) const fn new(what: &'static str, count: usize, limit: usize) -> Self {
        Self { what, count, limit }
    }
}
