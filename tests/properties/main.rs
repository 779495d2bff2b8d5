//! What holds for every value of every format, and for every octet string: shown with the generators of the crate
//! `generators`, which the fuzz targets and benchmarks use, too.
//!
//! `KEYHOP_CASES`: this many times as many cases of each property (default 1).

mod air;
mod backbone;
mod sampling;

use proptest::prelude::ProptestConfig;

/// A run of `cases` cases, or as many times that as is asked for.
fn config(cases: u32) -> ProptestConfig {
    let times = std::env::var("KEYHOP_CASES").ok();
    let times: u32 = times
        .map_or(1, |times| times.parse().unwrap_or_else(|_| panic!("KEYHOP_CASES: expected a number, found {times}")));
    ProptestConfig { cases: cases.saturating_mul(times), failure_persistence: None, ..ProptestConfig::default() }
}
