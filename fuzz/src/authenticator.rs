//! The state machine of the Authenticator, with the fuzzer at all of its links, under null crypto.
//!
//! Mobiles, base stations and the AAA server are there, so that it gets anywhere: contexts are asked for, counts reported, paths
//! switched, mobiles authenticated. What the fuzzer sends it are frames of before, changed or not, messages of an insider, and any octets.
//!
//! Whoever has every key can make nodes use a nonce twice. What holds even so: no panic, no overflow, every frame that is sent
//! reads and writes back, nothing grows beyond its limit, and nobody spins.

use crate::choices::Choices;
use crate::network::watch::Adversary;
use crate::network::{Network, settings, steps, tell_story};
use keyhop::scenario::world::Topology;

/// Runs a network: the first octet says which, the others what happens in it.
pub fn run(octets: &[u8]) {
    crate::null_crypto();
    let mut choices = Choices::new(octets);
    let mut network = Network::new(settings::script(choices.any()));
    network.watch.adversary = Adversary::Forger;
    let aim = Topology::GATEWAY;
    steps::run(&mut network, &mut choices, Some(aim));
    network.go_on();
    network.fates.clear();
    network.advance(REST);
    tell_story(&network);
}

/// What was begun comes to an end.
const REST: std::time::Duration = std::time::Duration::from_secs(20);
