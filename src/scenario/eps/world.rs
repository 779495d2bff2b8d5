//! A script of EPS becomes nodes, links and an adversary.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use super::topology::{Link, LinkKind, Topology};
use crate::adversary::eps::{self, Adversary, Exchanged};
use crate::dot16::backbone::BackboneEndpoint;
use crate::emulation::link::{Impairments, LinkList, LinkSettings, Timing};
use crate::emulation::{Emulation, NodeIndex, Port, random};
use crate::eps::identifiers::{
    Ebi, Ecgi, Eci, EnbId as WireEnbId, GlobalEnbId, Gummei, MmeCode, MmeGroupId, MmeUeS1apId, Plmn, Tac, Tai,
};
use crate::eps::node::core_side::CoreSide;
use crate::eps::node::enb::{ConnectedUe, EnbFaults, downlink_tunnel};
use crate::eps::node::gateway::{Gateway, GatewayUe, uplink_tunnel};
use crate::eps::node::mme::{AttachedUe, MmeFaults};
use crate::eps::node::settings::{Agreement, Cell, ContextTransfer, Subscribers};
use crate::eps::node::ue::{HeardCell, UeFaults};
use crate::eps::node::{Command, Enb, EnbSettings, Event, Mme, MmeSettings, Schemes, Ue, UeSettings};
use crate::eps::parameters::AlgorithmId;
use crate::eps::parameters::Algorithms;
use crate::eps::parameters::Ncc;
use crate::eps::security::parties::{EnbKeys, MmeKeys, UeKeys};
use crate::eps::wire::{Erab, UeSecurityCapabilities};
use crate::scenario::script::eps::attacks::Attack;
use crate::scenario::script::eps::{
    AttackAction, Corruption, EnbWeakness, EpsScript, MmeWeakness, UeWeakness, attacks,
};

/// The name of the gateway.
pub const GATEWAY: &str = "sgw";
/// First C-RNTI of UEs that are connected from before the run.
const FIRST_C_RNTI: u16 = 0x4601;
/// Addresses: the third octet says what a node is.
const NETWORK: [u8; 2] = [10, 64];
const UES: u8 = 0;
const ENBS: u8 = 1;
const MMES: u8 = 2;
const GATEWAYS: u8 = 3;

/// A network that is ready to run.
pub struct World {
    /// The nodes and links.
    pub emulation: Emulation<Command, Event>,
    /// Who is where.
    pub topology: Topology,
    /// What the nodes have agreed on.
    pub agreement: Agreement,
    /// What the adversary puts in the place of frames.
    pub exchanged: Exchanged,
}

fn place(network: u8, position: usize) -> BackboneEndpoint {
    let number = u16::try_from(position + 1).unwrap_or(u16::MAX);
    let [high, low] = number.to_be_bytes();
    // A script has 256 nodes of a kind at the most, and the fourth kind one.
    let third = network + high * 4;
    BackboneEndpoint { mac: [2, 0, 0, 0, third, low], ip: Ipv4Addr::new(NETWORK[0], NETWORK[1], third, low) }
}

fn plmn() -> Plmn {
    // 001-01, the test network.
    Plmn([0x00, 0xf1, 0x10])
}

fn cells(script: &EpsScript) -> Vec<Cell> {
    let cell = |(position, enb): (usize, &crate::scenario::script::eps::Enb)| {
        let id = WireEnbId::new(position as u32 + 1).unwrap_or(WireEnbId::FIRST);
        Cell {
            pci: enb.pci,
            ecgi: Ecgi { plmn: plmn(), eci: Eci::of_enb(id, 1) },
            earfcn_dl: enb.earfcn,
            enb: GlobalEnbId { plmn: plmn(), enb: id },
            address: place(ENBS, position).ip,
            group: enb.group,
            tai: Tai { plmn: plmn(), tac: Tac(enb.mme.0 as u16 + 1) },
            mme: place(MMES, enb.mme.0).ip,
            upe: None,
        }
    };
    script.enbs.iter().enumerate().map(cell).collect()
}

/// The algorithms of a node: its own, and behind them all others that are computed.
fn preferences(own: Algorithms, only_own: bool) -> Vec<Algorithms> {
    let mut all = vec![own];
    for ciphering in [AlgorithmId::Aes, AlgorithmId::Null] {
        let other = Algorithms { ciphering, integrity: AlgorithmId::Aes };
        if !only_own && other != own {
            all.push(other);
        }
    }
    all
}

fn delayed(latency: Duration) -> LinkSettings {
    let timing = Timing::Latency { latency, jitter: Duration::ZERO };
    LinkSettings { timing, impairments: Impairments::default() }
}

/// The links of a network: all that there are between its nodes.
fn links(script: &EpsScript, topology: &mut Topology) -> LinkList {
    let times = script.times;
    let wired = |delay: Duration| delay + times.processing;
    let mut all = Vec::new();
    for ue in 0..script.ues.len() {
        all.extend((0..script.enbs.len()).map(|enb| (LinkKind::Uu, topology.ue_node(ue), topology.enb(enb))));
    }
    for (first, enb) in script.enbs.iter().enumerate() {
        let second = script.enbs.iter().enumerate().skip(first + 1);
        // Between groups there is no X2, unless somebody has seen to it.
        let tries = |enb| weaknesses(script, enb).contains(&EnbWeakness::TriesX2AcrossGroups);
        let joined = second.filter(|(second, other)| {
            script.handover.schemes != Schemes::Grouped || enb.group == other.group || tries(first) || tries(*second)
        });
        all.extend(joined.map(|(second, _)| (LinkKind::X2, topology.enb(first), topology.enb(second))));
        all.push((LinkKind::S1, topology.enb(first), topology.mme(enb.mme.0)));
        all.push((LinkKind::S1u, topology.enb(first), topology.gateway()));
    }
    for first in 0..script.mmes.len() {
        let second = first + 1..script.mmes.len();
        all.extend(second.map(|second| (LinkKind::S10, topology.mme(first), topology.mme(second))));
        all.push((LinkKind::S11, topology.mme(first), topology.gateway()));
    }
    let mut list = LinkList::default();
    for (kind, first, second) in all {
        topology.links.push(Link { kind, ends: [first, second] });
        let delay = match kind {
            LinkKind::Uu => times.radio,
            LinkKind::X2 => wired(times.x2),
            LinkKind::S1 | LinkKind::S1u => wired(times.s1),
            LinkKind::S10 => wired(times.s10),
            LinkKind::S11 => wired(times.s11),
        };
        let name = topology.link_name(Port(topology.links.len() - 1));
        list.add(&name, first, delayed(delay), second, delayed(delay));
    }
    list
}

/// The rules that the eNB at a position does not keep: by the script, and because it is the adversary's.
fn weaknesses(script: &EpsScript, enb: usize) -> Vec<EnbWeakness> {
    let corrupted = script.attacks.iter().filter_map(|attack| match attack.action {
        AttackAction::Corrupt(Corruption::Enb(of, weakness)) if of.0 == enb => Some(weakness),
        _ => None,
    });
    script.enbs[enb].weaknesses.iter().copied().chain(corrupted).collect()
}

fn mme_weaknesses(script: &EpsScript, mme: usize) -> Vec<MmeWeakness> {
    let corrupted = script.attacks.iter().filter_map(|attack| match attack.action {
        AttackAction::Corrupt(Corruption::Mme(of, weakness)) if of.0 == mme => Some(weakness),
        _ => None,
    });
    script.mmes[mme].weaknesses.iter().copied().chain(corrupted).collect()
}

fn ue_weaknesses(script: &EpsScript, ue: usize) -> Vec<UeWeakness> {
    let corrupted = script.attacks.iter().filter_map(|attack| match attack.action {
        AttackAction::Corrupt(Corruption::Ue(of, weakness)) if of.0 == ue => Some(weakness),
        _ => None,
    });
    script.ues[ue].weaknesses.iter().copied().chain(corrupted).collect()
}

/// Builds the network of a script.
#[must_use]
pub fn build(script: &EpsScript) -> World {
    let handover = script.handover;
    let agreement = Agreement {
        schemes: handover.schemes,
        derivation: handover.derivation,
        para_octets: handover.para_octets,
        wide_c_rnti: handover.wide_c_rnti,
        transfer: ContextTransfer::default(),
    };
    let names = script.ues.iter().map(|ue| &ue.name).chain(script.enbs.iter().map(|enb| &enb.name));
    let names = names.chain(script.mmes.iter().map(|mme| &mme.name)).cloned().chain([GATEWAY.to_owned()]);
    let addresses = (0..script.ues.len()).map(|ue| place(UES, ue).ip);
    let addresses = addresses.chain((0..script.enbs.len()).map(|enb| place(ENBS, enb).ip));
    let addresses = addresses.chain((0..script.mmes.len()).map(|mme| place(MMES, mme).ip));
    let mut topology = Topology {
        names: names.collect(),
        addresses: addresses.chain([place(GATEWAYS, 0).ip]).collect(),
        cells: cells(script),
        links: Vec::new(),
        imsis: script.ues.iter().map(|ue| ue.imsi).collect(),
        mmes: script.mmes.len(),
        mme_of: script.enbs.iter().map(|enb| enb.mme.0).collect(),
    };
    let list = links(script, &mut topology);
    let mut emulation = Emulation::new(script.title.seed, list);
    let nodes = Nodes { script, topology: &topology, agreement, subscribers: subscribers(script) };
    nodes.build(&mut emulation);
    let exchanged = Exchanged::default();
    let attacks: Vec<eps::Attack> =
        script.attacks.iter().enumerate().filter_map(|(n, a)| tapped(n, a, &topology)).collect();
    if !attacks.is_empty() {
        emulation.set_adversary(Adversary::new(attacks, exchanged.clone()));
    }
    World { emulation, topology, agreement, exchanged }
}

fn mme_id(ue: usize) -> MmeUeS1apId {
    MmeUeS1apId(ue as u32 + 1)
}

fn subscribers(script: &EpsScript) -> Subscribers {
    Arc::new(script.ues.iter().enumerate().map(|(ue, settings)| (mme_id(ue), settings.imsi)).collect())
}

/// An attack at a tap.
fn tapped(number: usize, attack: &Attack, topology: &Topology) -> Option<eps::Attack> {
    let attacks::Tap { from, to } = attack.tap?;
    let (from, to) = (topology.node(from), topology.node(to));
    let action = match &attack.action {
        AttackAction::Record(name) => eps::Action::Record(name.clone()),
        AttackAction::Replay { recording, times, every } => {
            eps::Action::Replay { recording: recording.clone(), times: *times, every: *every }
        }
        AttackAction::Drop => eps::Action::Drop,
        AttackAction::Delay(delay) => eps::Action::Delay(*delay),
        AttackAction::Modify(change) => eps::Action::Modify(change.clone()),
        _ => return None,
    };
    // Without X2 there is nobody to hear.
    let port = topology.port(from, to)?;
    Some(eps::Attack {
        name: attack.name.clone(),
        number,
        port,
        to,
        on_air: topology.link(port).kind == LinkKind::Uu,
        trigger: attack.trigger?,
        wait: attack.wait,
        action,
    })
}

/// What the nodes are made of.
struct Nodes<'a> {
    script: &'a EpsScript,
    topology: &'a Topology,
    agreement: Agreement,
    subscribers: Subscribers,
}

impl Nodes<'_> {
    fn build(&self, emulation: &mut Emulation<Command, Event>) {
        let Self { script, topology, .. } = self;
        for ue in 0..script.ues.len() {
            emulation.add_node(self.ue(ue));
        }
        // What the eNBs call the UEs that are connected from before the run.
        let mut connected = BTreeMap::new();
        for enb in 0..script.enbs.len() {
            let mut node = self.enb(enb);
            for ue in (0..script.ues.len()).filter(|ue| script.ues[*ue].serving.0 == enb) {
                if let Some(id) = node.connect(self.connected(ue)) {
                    connected.insert(ue, id);
                }
            }
            emulation.add_node(node);
        }
        for mme in 0..script.mmes.len() {
            let mut node = self.mme(mme);
            for (ue, id) in connected.iter().filter(|(ue, _)| self.mme_of(**ue) == mme) {
                let serving = script.ues[*ue].serving.0;
                node.attach(AttachedUe {
                    id: mme_id(*ue),
                    keys: self.mme_keys(*ue).0,
                    enb: (topology.cells[serving].address, *id),
                    capabilities: capabilities(),
                    bearer: Erab { ebi: Ebi::FIRST, tunnel: uplink_tunnel(place(GATEWAYS, 0).ip, mme_id(*ue)) },
                    address: script.ues[*ue].ip,
                    guti: None,
                });
            }
            emulation.add_node(node);
        }
        let gateway_ues: Vec<GatewayUe> = connected
            .iter()
            .map(|(ue, id)| {
                let uplink = uplink_tunnel(place(GATEWAYS, 0).ip, mme_id(*ue)).teid;
                let downlink = downlink_tunnel(topology.cells[script.ues[*ue].serving.0].address, *id);
                GatewayUe { imsi: script.ues[*ue].imsi, uplink, downlink, mme: uplink }
            })
            .collect();
        let core = CoreSide::new(place(GATEWAYS, 0), &self.peers(topology.gateway()));
        emulation.add_node(Gateway::new(core, &gateway_ues));
    }

    fn mme_of(&self, ue: usize) -> usize {
        self.script.enbs[self.script.ues[ue].serving.0].mme.0
    }

    /// NAS algorithms of a UE at the start: those that its MME wants.
    fn nas_algorithms(&self, ue: usize) -> Algorithms {
        self.script.mmes[self.mme_of(ue)].algorithms
    }

    fn mme_keys(&self, ue: usize) -> (MmeKeys, crate::eps::keys::Kenb) {
        let kasme = self.script.ues[ue].kasme.clone();
        MmeKeys::establish(kasme, self.nas_algorithms(ue), self.agreement.derivation)
    }

    /// AS algorithms of a UE at the start: those that its eNB takes first.
    fn as_algorithms(&self, ue: usize) -> Algorithms {
        self.script.enbs[self.script.ues[ue].serving.0].algorithms
    }

    fn ue(&self, ue: usize) -> Ue {
        let (script, topology) = (self.script, self.topology);
        let settings = &script.ues[ue];
        let heard = topology.cells.iter().enumerate().filter_map(|(enb, cell)| {
            let port = topology.port(topology.ue_node(ue), topology.enb(enb))?;
            Some((cell.pci, HeardCell { port, earfcn_dl: cell.earfcn_dl, eci: cell.ecgi.eci, tai: cell.tai }))
        });
        let weaknesses = ue_weaknesses(script, ue);
        let derivation = self.agreement.derivation;
        let keys =
            UeKeys::establish(settings.kasme.clone(), self.nas_algorithms(ue), self.as_algorithms(ue), derivation);
        let serving = topology.cells[settings.serving.0].pci;
        Ue::connected(
            UeSettings {
                imsi: settings.imsi,
                cells: heard.collect(),
                capabilities: capabilities(),
                usim: None,
                guti: None,
                agreement: self.agreement,
                interruption: script.handover.interruption,
                faults: UeFaults {
                    ignores_nas_mac: weaknesses.contains(&UeWeakness::IgnoresNasMac),
                    ignores_nas_count: weaknesses.contains(&UeWeakness::IgnoresNasCount),
                },
            },
            keys,
            serving,
            c_rnti(ue),
        )
    }

    fn connected(&self, ue: usize) -> ConnectedUe {
        let (script, topology) = (self.script, self.topology);
        let serving = script.ues[ue].serving.0;
        let (_, kenb) = self.mme_keys(ue);
        ConnectedUe {
            port: topology.port(topology.ue_node(ue), topology.enb(serving)).unwrap_or(Port(0)),
            c_rnti: c_rnti(ue),
            mme_id: mme_id(ue),
            keys: EnbKeys::new(kenb, Ncc::new(0), self.as_algorithms(ue)),
            capabilities: capabilities(),
            uplink: uplink_tunnel(place(GATEWAYS, 0).ip, mme_id(ue)),
        }
    }

    fn enb(&self, enb: usize) -> Enb {
        let (script, topology) = (self.script, self.topology);
        let settings = &script.enbs[enb];
        let weaknesses = weaknesses(script, enb);
        let settings = EnbSettings {
            cell: topology.cells[enb],
            cells: topology.cells.clone(),
            gummei: Gummei { plmn: plmn(), group: MmeGroupId(1), code: MmeCode(settings.mme.0 as u8 + 1) },
            algorithms: preferences(settings.algorithms, settings.only_own_algorithms),
            always_names_algorithms: script.handover.names_algorithms,
            most_ues: usize::from(settings.most_ues),
            agreement: self.agreement,
            subscribers: Arc::clone(&self.subscribers),
            faults: EnbFaults {
                constant_c_rnti: settings.constant_c_rnti,
                flips_indication: weaknesses.contains(&EnbWeakness::FlipsIndication),
                allows_x2_across_groups: weaknesses.contains(&EnbWeakness::AllowsX2AcrossGroups),
                tries_x2_across_groups: weaknesses.contains(&EnbWeakness::TriesX2AcrossGroups),
            },
        };
        let core = CoreSide::new(place(ENBS, enb), &self.peers(topology.enb(enb)));
        Enb::new(settings, core, random::generator(script.title.seed, &script.enbs[enb].name))
    }

    fn mme(&self, mme: usize) -> Mme {
        let (script, topology) = (self.script, self.topology);
        let weaknesses = mme_weaknesses(script, mme);
        let settings = MmeSettings {
            cells: topology.cells.clone(),
            gateway: place(GATEWAYS, 0).ip,
            hss: None,
            mmes: Vec::new(),
            nas_algorithms: preferences(script.mmes[mme].algorithms, false),
            agreement: self.agreement,
            subscribers: Arc::clone(&self.subscribers),
            faults: MmeFaults {
                constant_para: weaknesses.contains(&MmeWeakness::ConstantPara),
                resets_counts: weaknesses.contains(&MmeWeakness::ResetsCounts),
            },
        };
        let core = CoreSide::new(place(MMES, mme), &self.peers(topology.mme(mme)));
        Mme::new(settings, core, random::generator(script.title.seed, &script.mmes[mme].name))
    }

    /// The wired links of a node, with who is at their other ends.
    fn peers(&self, node: NodeIndex) -> Vec<(Port, BackboneEndpoint)> {
        let wired = self.topology.links.iter().enumerate().filter(|(_, link)| link.kind != LinkKind::Uu);
        let other = |(port, link): (usize, &Link)| {
            let other = link.ends.iter().find(|end| **end != node).filter(|_| link.ends.contains(&node))?;
            Some((Port(port), self.endpoint(*other)))
        };
        wired.filter_map(other).collect()
    }

    fn endpoint(&self, NodeIndex(node): NodeIndex) -> BackboneEndpoint {
        let (ues, enbs, mmes) = (self.topology.ues(), self.script.enbs.len(), self.script.mmes.len());
        match node {
            node if node < ues => place(UES, node),
            node if node < ues + enbs => place(ENBS, node - ues),
            node if node < ues + enbs + mmes => place(MMES, node - ues - enbs),
            _ => place(GATEWAYS, 0),
        }
    }
}

fn c_rnti(ue: usize) -> u16 {
    FIRST_C_RNTI + ue as u16
}

/// What UEs can do: the null and the AES algorithms.
fn capabilities() -> UeSecurityCapabilities {
    UeSecurityCapabilities::new(&[AlgorithmId::Aes], &[AlgorithmId::Aes])
}
