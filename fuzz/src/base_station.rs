//! The state machine of a base station: it serves, prepares, and is a target.

use crate::machines;

/// Runs a network in which the fuzzer aims at one of the first two base stations.
pub fn run(octets: &[u8]) {
    machines::run(octets, |topology, choices| topology.base_station(usize::from(choices.any() & 1)));
}
