//! The state machine of the Authenticator: contexts are asked for, counts reported, paths switched, mobiles authenticated.

use crate::machines;
use keyhop::scenario::world::Topology;

/// Runs a network in which the fuzzer aims at the gateway with its Authenticator.
pub fn run(octets: &[u8]) {
    machines::run(octets, |_, _| Topology::GATEWAY);
}
