//! What becomes of the security contexts of UEs: which keys came into use, what they go back to, how nodes came by them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::topology::{Role, Topology};
use crate::emulation::NodeIndex;
use crate::eps::identifiers::Imsi;
use crate::eps::keys::AlgorithmKey;
use crate::eps::node::What;
use crate::eps::parameters::Origin;
use crate::time::VirtualTime;

/// The contexts of one UE.
#[derive(Clone, Debug, Default)]
pub(super) struct Contexts {
    /// KUP as they came into use at the UE.
    up_keys: Vec<(VirtualTime, AlgorithmKey)>,
    /// What its context goes back to, as the UE has it.
    pub at_ue: Option<Origin>,
    /// The same as the node of the core network that said so last has it.
    pub at_core: Option<Origin>,
    /// Authentications with vectors of the HSS.
    pub authentications: u64,
    /// Tracking area updates.
    pub tracking_area_updates: u64,
    /// The nodes that were asked for its context.
    pub old_nodes: Vec<Ipv4Addr>,
    /// KASME, and CK with IK, that the UE had in use, as they are; the last is the one in use.
    masters: Vec<[u8; 32]>,
    /// How often one of them was in use again.
    pub repeated: u64,
}

impl Contexts {
    fn master(&mut self, octets: [u8; 32]) {
        if self.masters.last() != Some(&octets) {
            self.repeated += u64::from(self.masters.contains(&octets));
            self.masters.push(octets);
        }
    }

    /// How many different KUP it had.
    pub(super) fn up_keys(&self) -> usize {
        self.up_keys.iter().map(|(_, key)| key.octets()).collect::<BTreeSet<_>>().len()
    }
}

/// The contexts of all UEs.
#[derive(Clone, Debug, Default)]
pub(super) struct AllContexts(BTreeMap<Imsi, Contexts>);

impl AllContexts {
    /// Those of one UE.
    pub(super) fn of(&self, ue: Imsi) -> Contexts {
        self.0.get(&ue).cloned().unwrap_or_default()
    }

    /// The KUP that a UE has in use at this time, where it has one with a UPE.
    pub(super) fn up_key(&self, ue: Imsi, at: VirtualTime) -> Option<AlgorithmKey> {
        let keys = &self.0.get(&ue)?.up_keys;
        keys.iter().rev().find(|(since, _)| *since <= at).map(|(_, key)| key.clone())
    }

    /// How often a KASME, or CK and IK, came into use again.
    pub(super) fn repeated(&self) -> u64 {
        self.0.values().map(|contexts| contexts.repeated).sum()
    }

    /// A node has reported something of a UE.
    pub(super) fn event(&mut self, now: VirtualTime, node: NodeIndex, ue: Imsi, what: &What, topology: &Topology) {
        let contexts = self.0.entry(ue).or_default();
        let by_ue = topology.role(node) == Role::Ue;
        match what {
            What::UpKeyInUse { key, .. } if by_ue => contexts.up_keys.push((now, key.clone())),
            What::NasInUse { kasme, .. } if by_ue => contexts.master(*kasme.octets()),
            What::CkIkInUse { keys, .. } if by_ue => contexts.master(*keys.octets()),
            What::ContextInUse(origin) if by_ue => contexts.at_ue = Some(*origin),
            What::ContextInUse(origin) => contexts.at_core = Some(*origin),
            What::Authenticated if by_ue => contexts.authentications += 1,
            What::TrackingAreaUpdated => contexts.tracking_area_updates += 1,
            What::OldNodeFound(address) => contexts.old_nodes.push(*address),
            _ => {}
        }
    }
}
