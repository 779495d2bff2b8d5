//! The state machine of a mobile: it hands over, enters, authenticates, refreshes its TEKs.

use crate::machines;

/// Runs a network in which the fuzzer aims at the first mobile.
pub fn run(octets: &[u8]) {
    machines::run(octets, |topology, _| topology.mobile(0));
}
