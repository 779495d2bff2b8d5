//! What holds for every value of every format, and for every octet string: shown with the generators of the crate
//! `generators`, which the fuzz targets and benchmarks use, too; and what a long capture takes of memory.
//!
//! `KEYHOP_CASES`: this many times as many cases of each property (default 1).

mod air;
mod air_octets;
mod allocations;
mod backbone;
mod backbone_octets;
mod files;
mod foreign;
mod held;
mod long_captures;
mod sampling;

use proptest::prelude::ProptestConfig;

/// How many times more than usual.
fn times() -> u32 {
    std::env::var("KEYHOP_CASES")
        .map_or(1, |times| times.parse().unwrap_or_else(|_| panic!("KEYHOP_CASES: expected a number, found {times}")))
}

/// A run of `cases` cases, or as many times that as is asked for.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases: cases.saturating_mul(times()), failure_persistence: None, ..ProptestConfig::default() }
}

/// `values` sampled values, or as many times that as is asked for.
fn samples(values: u64) -> u64 {
    values.saturating_mul(times().into())
}
