//! Values outside of a proptest runner: from a seed, and from the octets of a fuzzer.
//!
//! # For a mutating fuzzer
//!
//! [`sample_from_octets`] reads its input from front to end, a field after the other, each field as many octets as it
//! has on the wire and each choice or length one or a few octets before it (proptest's `PassThrough` generator). So a
//! mutation of one octet changes one field or one choice, what stands before it stays, and dictionary words find their
//! places. Where the input ends, everything further is 0: lists end, choices fall on their first alternative. Every
//! input is a value. [`recorded`] goes the other way: the octets of a known good value, as a seed of a corpus.
//!
//! # Rules for the strategies
//!
//! proptest gives some of its combinators a generator of their own, and `PassThrough` can do that only by giving away
//! half of the input that is left; and numbers from a range, lengths of its collections among them, are drawn until one
//! is without bias, which zeros never are. The strategies here therefore do without `prop_oneof!`, `option::of`,
//! `collection::vec`, ranges, `prop_flat_map`, `prop_recursive`, `prop_shuffle`, `prop_perturb` and filters, and use
//! [`choice`](crate::choice), [`list`](crate::list) and [`octets`](crate::octets) instead; a test holds them to it.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

fn runner(algorithm: RngAlgorithm, seed: &[u8]) -> TestRunner {
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(algorithm, seed))
}

fn value<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).expect("no strategy of this crate refuses a value").current()
}

/// 32 octets of seed for a number.
fn seed_octets(seed: u64) -> [u8; 32] {
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(&seed.to_be_bytes());
    octets
}

/// The value of a seed: the same seed gives the same value, another one an independent value.
pub fn sample<S: Strategy>(strategy: &S, seed: u64) -> S::Value {
    value(strategy, &mut runner(RngAlgorithm::ChaCha, &seed_octets(seed)))
}

/// The value that `octets` stand for; see the top of this module. Making a strategy costs more than a value: a fuzz
/// target makes it once.
pub fn sample_from_octets<S: Strategy>(strategy: &S, octets: &[u8]) -> S::Value {
    value(strategy, &mut runner(RngAlgorithm::PassThrough, octets))
}

/// The value of a seed and the octets from which [`sample_from_octets`] makes it again. It is another value than the one
/// [`sample`] gives.
pub fn recorded<S: Strategy>(strategy: &S, seed: u64) -> (S::Value, Vec<u8>) {
    let mut runner = runner(RngAlgorithm::Recorder, &seed_octets(seed));
    let value = value(strategy, &mut runner);
    (value, runner.bytes_used())
}
