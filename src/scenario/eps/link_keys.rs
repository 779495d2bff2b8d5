//! What protects the links between MMEs and SGSNs, and those of a key server, where a script has it so: keys of the seed and of the names of
//! both ends, which nobody agrees on during the run \[choice\].

use rand_core::Rng;

use super::topology::{LinkKind, Topology};
use crate::capture::key_log::eps::{EpsKeyRecord, LinkKeyRecord};
use crate::emulation::{NodeIndex, random};
use crate::eps::keys::LinkSecret;
use crate::eps::link_protection::{LinkKey, LinkProtection};
use crate::eps::node::core_side::CoreSide;
use crate::scenario::script::eps::EpsScript;

/// The key of what `sender` sends to `receiver`.
fn link_key(script: &EpsScript, sender: &str, receiver: &str) -> LinkKey {
    let mut generator = random::generator(script.title.seed, &format!("link key: {sender} to {receiver}"));
    let mut secret = [0; LinkSecret::OCTETS];
    generator.fill_bytes(&mut secret);
    // Below 256 an SPI names no key.
    LinkKey { spi: generator.next_u32() | 1 << 31, secret: LinkSecret::from_octets(secret) }
}

/// The ends of the links that are protected, once each.
fn protected<'a>(script: &EpsScript, topology: &'a Topology) -> impl Iterator<Item = [NodeIndex; 2]> + 'a {
    let of_transfer = script.transfer.protected_links;
    let of_enterprise = script.enterprise.as_ref().is_some_and(|enterprise| enterprise.protected_links);
    let links = topology.links.iter().filter(move |link| match link.kind {
        LinkKind::S10 | LinkKind::Gn => of_transfer,
        LinkKind::Swx | LinkKind::Zn => of_enterprise,
        _ => false,
    });
    links.map(|link| link.ends)
}

/// The side of a node with what protects its links.
pub(super) fn protect(core: CoreSide, node: NodeIndex, script: &EpsScript, topology: &Topology) -> CoreSide {
    let own = &topology.names[node.0];
    protected(script, topology).filter(|ends| ends.contains(&node)).flatten().filter(|end| *end != node).fold(
        core,
        |core, NodeIndex(peer)| {
            let name = &topology.names[peer];
            let protection = LinkProtection::new(link_key(script, own, name), link_key(script, name, own));
            core.protected(topology.addresses[peer], protection)
        },
    )
}

/// The same as a key log has it.
pub(super) fn records(script: &EpsScript, topology: &Topology) -> Vec<EpsKeyRecord> {
    let both = protected(script, topology).flat_map(|[first, second]| [[first, second], [second, first]]);
    both.map(|ends| {
        let [sender, receiver] = ends.map(|NodeIndex(node)| topology.names[node].clone());
        let LinkKey { spi, secret } = link_key(script, &sender, &receiver);
        EpsKeyRecord::LinkKey(LinkKeyRecord { sender, receiver, spi, key: secret })
    })
    .collect()
}
