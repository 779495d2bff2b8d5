//! A whole network with the fuzzer as its air and wires, and as an adversary who has no key: frames are lost, late, doubled,
//! played again anywhere and changed, nodes are told whatever a script can tell them, and are restarted.
//!
//! Crypto is real. So all of the rules hold: no (TEK, PN) pair and no (CMAC key, CMAC_PN) pair is used twice, counts never go
//! back, a user packet comes out once at the most and as it went in; and when the fuzzer lets go, every mobile has
//! a connection again.

use std::time::Duration;

use keyhop::dot16::node::Command;
use keyhop::scenario::world::Topology;
use keyhop::time::VirtualTime;

use crate::choices::Choices;
use crate::network::{Network, settings, steps};

/// How long the network has to mend itself.
const RECOVERY: Duration = Duration::from_secs(40);
/// How often it is asked whether it has, every few seconds.
const ATTEMPTS: u32 = 4;

/// Runs a network: the first octet says which, and whether mobiles may lose their counters, the others what happens in it.
pub fn run(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let first = choices.any();
    let script = settings::script(first);
    let mut network = Network::new(script);
    network.keeps_counters = first & 0x80 != 0;
    steps::run(&mut network, &mut choices, None);
    // A PMK that ends is renewed by nobody but a script.
    let ends = VirtualTime::ZERO + script.authenticator.pmk_lifetime;
    if network.now() + RECOVERY * 2 < ends && !network.watch.counter_was_lost() {
        nobody_is_locked_out(&mut network);
    }
    crate::network::tell_story(&network);
}

/// Left alone, the network serves every mobile.
fn nobody_is_locked_out(network: &mut Network) {
    network.go_on();
    network.fates.clear();
    network.advance(RECOVERY);
    for mobile in network.mobiles() {
        let served = (0..ATTEMPTS).any(|_| {
            let before = network.watch.delivered;
            let ms = network.topology.macs()[mobile.0 - network.topology.mobile(0).0];
            let (up, down) =
                (steps::user_packet(network.watch.numbered(), 100), steps::user_packet(network.watch.numbered(), 100));
            network.command(mobile, Command::Uplink(up));
            network.command(Topology::GATEWAY, Command::Downlink { ms, packet: down });
            network.advance(Duration::from_secs(3));
            network.watch.delivered >= before + 2
        });
        assert!(served || network.is_over(), "{} is locked out", network.topology.names[mobile.0]);
    }
}
