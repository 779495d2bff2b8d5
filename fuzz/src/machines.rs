//! One state machine with the fuzzer at all of its links, under null crypto: what `mobile_station`, `base_station` and
//! `authenticator` share.
//!
//! The other nodes are there, so that it gets anywhere. What the fuzzer sends it are frames of before, changed or not, messages of an
//! insider who has every key, and any octets.
//!
//! Whoever has every key can make nodes use a nonce twice. What holds even so: no panic, no overflow, every frame that is sent
//! reads and writes back, nothing grows beyond its limit, and nobody spins.

use crate::choices::Choices;
use crate::network::watch::Adversary;
use crate::network::{Network, settings, steps, tell_story};
use keyhop::emulation::NodeIndex;
use keyhop::scenario::world::Topology;

/// What was begun comes to an end.
const REST: std::time::Duration = std::time::Duration::from_secs(20);

/// Runs a network: the first octet says which, the others what happens in it. `aim` chooses the node that the fuzzer aims at.
pub fn run(octets: &[u8], aim: impl FnOnce(&Topology, &mut Choices<'_>) -> NodeIndex) {
    crate::null_crypto();
    let mut choices = Choices::new(octets);
    let mut network = Network::new(settings::script(choices.any()));
    network.watch.adversary = Adversary::Forger;
    let aim = aim(&network.topology, &mut choices);
    steps::run(&mut network, &mut choices, Some(aim));
    network.go_on();
    network.fates.clear();
    network.advance(REST);
    tell_story(&network);
}
