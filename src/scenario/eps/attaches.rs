//! What becomes of attaches for RLOS: when they began and how they ended, which keys both ends have, what the MME has to compute.

use std::collections::BTreeMap;

use super::recorder::Recorded;
use super::topology::{Role, Topology};
use crate::adversary::eps::nas_in_frame::NasInFrame;
use crate::emulation::NodeIndex;
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::keys::{AlgorithmKey, Kasme, Kenb};
use crate::eps::node::{AttachOutcome, RlosRefusal, What};
use crate::eps::security::key_transport::PrivateKey;
use crate::eps::wire::nas::{EmmMessage, NasMessage, esm};
use crate::scenario::script::eps::UeId;
use crate::time::VirtualTime;

/// What one end has in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndKeys {
    /// KASMEtemp.
    pub kasme: Option<Kasme>,
    /// KNASenc, KNASint.
    pub nas: Option<[AlgorithmKey; 2]>,
    /// KeNB, and KRRCenc, KRRCint, KUPenc.
    pub air: Option<(Kenb, [AlgorithmKey; 3])>,
}

/// An attach of a UE.
#[derive(Clone, Debug)]
pub struct Attach {
    /// The position of the UE.
    pub ue: usize,
    /// The cell; none where there was no network for it.
    pub cell: Option<Pci>,
    /// When it began.
    pub begun: VirtualTime,
    /// How it ended, as the UE sees it.
    pub ended: Option<(VirtualTime, AttachOutcome)>,
    /// The private key that the ME had in it.
    pub private_key: Option<PrivateKey>,
    /// What the UE has, and what the network has.
    pub keys: [EndKeys; 2],
}

impl Attach {
    /// Whether it was accepted, and both ends have the same keys of every layer.
    #[must_use]
    pub fn has_equal_keys(&self) -> bool {
        let [ue, network] = &self.keys;
        ue == network && ue.kasme.is_some() && ue.nas.is_some() && ue.air.is_some()
    }
}

/// The attaches of a run, in the order in which they began.
#[derive(Clone, Debug, Default)]
pub struct Attaches {
    all: Vec<Attach>,
    /// KASMEtemp as MMEs have drawn them, and as UEs have taken them.
    drawn: Vec<Kasme>,
    taken: Vec<(Imsi, Kasme)>,
    taken_again: u64,
    /// Operations with public and private keys, and attaches half done at the most, by MME.
    operations: BTreeMap<NodeIndex, u64>,
    half_open: BTreeMap<NodeIndex, u64>,
    refusals: BTreeMap<RlosRefusal, u64>,
}

/// KASMEtemp that are kept to tell which are the same.
const MOST_KEYS: usize = 65_536;

impl Attaches {
    /// Those of one UE.
    pub fn of(&self, UeId(ue): UeId) -> impl Iterator<Item = &Attach> {
        self.all.iter().filter(move |attach| attach.ue == ue)
    }

    /// All.
    #[must_use]
    pub fn all(&self) -> &[Attach] {
        &self.all
    }

    /// How many different KASMEtemp were drawn.
    pub(super) fn drawn(&self) -> u64 {
        self.drawn.len() as u64
    }

    /// How often a UE took one that it had taken before.
    pub(super) const fn taken_again(&self) -> u64 {
        self.taken_again
    }

    /// How many operations with public and private keys a node has done.
    #[must_use]
    pub fn operations(&self, node: NodeIndex) -> u64 {
        self.operations.get(&node).copied().unwrap_or(0)
    }

    /// How many attaches an MME has half done at the most.
    pub(super) fn half_open(&self, node: NodeIndex) -> u64 {
        self.half_open.get(&node).copied().unwrap_or(0)
    }

    /// How often something was refused.
    pub(super) fn refused(&self, refusal: RlosRefusal) -> u64 {
        self.refusals.get(&refusal).copied().unwrap_or(0)
    }

    /// A node has reported something of a UE.
    pub(super) fn event(&mut self, now: VirtualTime, node: NodeIndex, ue: Imsi, what: &What, topology: &Topology) {
        let by_ue = topology.role(node) == Role::Ue;
        match what {
            What::TemporaryKasme(kasme) if by_ue => {
                self.taken_again += u64::from(self.taken.contains(&(ue, kasme.clone())));
                if self.taken.len() < MOST_KEYS {
                    self.taken.push((ue, kasme.clone()));
                }
            }
            What::TemporaryKasme(kasme) if self.drawn.len() < MOST_KEYS && !self.drawn.contains(kasme) => {
                self.drawn.push(kasme.clone());
            }
            What::KeyOperation(_) => *self.operations.entry(node).or_default() += 1,
            What::HalfOpen(count) => {
                let most = self.half_open.entry(node).or_default();
                *most = (*most).max(*count as u64);
            }
            What::AttachRefused(refusal) => *self.refusals.entry(*refusal).or_default() += 1,
            _ => {}
        }
        // Somebody who says that he is an ME may say any identity.
        let Some(position) = topology.ue(ue) else { return };
        let open = |all: &mut Vec<Attach>| all.iter().rposition(|attach| attach.ue == position);
        match what {
            What::AttachBegun(cell) => self.begin(now, position, Some(*cell)),
            What::AttachEnded(outcome) => {
                // One without a network has not begun.
                let place = open(&mut self.all).filter(|place| self.all[*place].ended.is_none());
                if place.is_none() {
                    self.begin(now, position, None);
                }
                if let Some(attach) = open(&mut self.all).and_then(|place| self.all.get_mut(place)) {
                    attach.ended = Some((now, *outcome));
                }
            }
            _ => {}
        }
        let Some(attach) = open(&mut self.all).and_then(|place| self.all.get_mut(place)) else { return };
        let keys = &mut attach.keys[usize::from(!by_ue)];
        match what {
            What::KeyPair { key, .. } if by_ue => attach.private_key = Some(key.clone()),
            What::NasInUse { keys: nas, kasme, .. } => {
                (keys.kasme, keys.nas) = (Some(kasme.clone()), Some(nas.clone()));
            }
            What::KenbInUse { kenb, keys: air, .. } => keys.air = Some((kenb.clone(), air.clone())),
            _ => {}
        }
    }

    fn begin(&mut self, now: VirtualTime, ue: usize, cell: Option<Pci>) {
        let keys = [EndKeys::default(), EndKeys::default()];
        self.all.push(Attach { ue, cell, begun: now, ended: None, private_key: None, keys });
    }
}

/// Octets that the first attach request on the air, and the first security mode command, have for the sake of a key; 0 where no UE attaches.
pub(super) fn new_octets(attaches: &Attaches, frames: &[Recorded], topology: &Topology) -> [u64; 2] {
    if attaches.all.is_empty() {
        return [0; 2];
    }
    let on_air = frames.iter().filter(|one| topology.link(one.sent.port).kind.is_air());
    let mut nas = on_air.filter_map(|one| NasInFrame::read(&one.sent.octets, true)).map(|(_, nas)| nas);
    let mut octets = [None; 2];
    while let (true, Some(nas)) = (octets.contains(&None), nas.next()) {
        match NasMessage::parse(&nas) {
            Ok(NasMessage::Plain(message @ EmmMessage::AttachRequest { .. })) => {
                octets[0] = octets[0].or(Some(for_a_key(message)));
            }
            Ok(NasMessage::Protected(message)) if !message.header.ciphered() => {
                if let Ok(command @ EmmMessage::SecurityModeCommand { .. }) = EmmMessage::parse(&message.message) {
                    octets[1] = octets[1].or(Some(for_a_key(command)));
                }
            }
            _ => {}
        }
    }
    octets.map(Option::unwrap_or_default)
}

/// What a message has more than one without a key, a certificate, a signature and a hash.
fn for_a_key(message: EmmMessage) -> u64 {
    let whole = message.octets().map_or(0, |octets| octets.len());
    let without = match message {
        EmmMessage::AttachRequest { attach_type, key_set, identity, capability, esm, .. } => {
            let pti = esm.get(1).copied().unwrap_or_default();
            let esm = if esm::carried_key(&esm).is_some() { esm::pdn_connectivity_request(pti).to_vec() } else { esm };
            EmmMessage::AttachRequest { attach_type, key_set, identity, capability, esm, elements: Vec::new() }
        }
        EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces, .. } => {
            EmmMessage::SecurityModeCommand {
                algorithms,
                key_set,
                capability,
                nonces,
                hash: None,
                elements: Vec::new(),
            }
        }
        other => other,
    };
    whole.saturating_sub(without.octets().map_or(0, |octets| octets.len())) as u64
}
