//! A script of EPS becomes nodes, links and an adversary.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use super::builder::Builder;
use super::topology::{Link, LinkKind, Role, Topology};
use crate::adversary::eps::{self, Adversary, Exchanged, FalseRequest, Learned, Trigger};
use crate::dot16::backbone::BackboneEndpoint;
use crate::emulation::link::{Impairments, LinkList, LinkSettings, Timing};
use crate::emulation::{Emulation, Port, random};
use crate::eps::enterprise;
use crate::eps::identifiers::{Ecgi, Eci, EnbId as WireEnbId, GlobalEnbId, MmeUeS1apId, Plmn, Tac, Tai};
use crate::eps::node::Schemes;
use crate::eps::node::settings::{Agreement, Cell, GeranCell, Subscribers, UtranCell};
use crate::eps::wire::gmm::RoutingArea;
use crate::eps::wire::gprs::GeranCellIdentity;
use crate::scenario::script::System;
use crate::scenario::script::eps::attacks::Attack;
use crate::scenario::script::eps::parlos::TEST_NETWORK;
use crate::scenario::script::eps::{
    AttackAction, Corruption, EnbWeakness, EpsScript, MmeWeakness, Nodes, ParlosAttack, Rnc, UeId, UeWeakness, attacks,
};

/// The name of the HSS, where there is one.
pub const HSS: &str = "hss";

/// The name of the EMKS, where there is one.
pub const EMKS: &str = "emks";

/// The name of the gateway: S-GW and P-GW in one, or SAE anchor.
#[must_use]
pub const fn gateway_name(system: System) -> &'static str {
    match system {
        System::ContextTransfer => "anchor",
        _ => "sgw",
    }
}

/// Addresses: the third octet says what a node is.
const NETWORK: [u8; 2] = [10, 64];

/// A network that is ready to run.
pub struct World {
    /// The nodes and links.
    pub emulation: Emulation<enterprise::Command, enterprise::Event>,
    /// Who is where.
    pub topology: Topology,
    /// What the nodes have agreed on.
    pub agreement: Agreement,
    /// What the adversary puts in the place of frames.
    pub exchanged: Exchanged,
    /// The keys that it comes by in attaches for RLOS.
    pub learned: Learned,
}

pub(super) fn place(role: Role, position: usize) -> BackboneEndpoint {
    let number = u16::try_from(position + 1).unwrap_or(u16::MAX);
    let [high, low] = number.to_be_bytes();
    let kind = match role {
        Role::Ue => 0,
        Role::Enb => 1,
        Role::Mme => 2,
        Role::Gateway => 3,
        Role::Rnc => 8,
        Role::Sgsn => 9,
        Role::Upe => 10,
        Role::Hss => 11,
        Role::Emks => 12,
        Role::Emse => 13,
        Role::Bss => 14,
    };
    // A script has 256 nodes of a kind at the most; of kinds above 11, fewer.
    let third = kind + high * 4;
    BackboneEndpoint { mac: [2, 0, 0, 0, third, low], ip: Ipv4Addr::new(NETWORK[0], NETWORK[1], third, low) }
}

pub(super) fn plmn() -> Plmn {
    TEST_NETWORK
}

fn cells(script: &EpsScript) -> Vec<Cell> {
    let cell = |(position, enb): (usize, &crate::scenario::script::eps::Enb)| {
        let id = WireEnbId::new(position as u32 + 1).unwrap_or(WireEnbId::FIRST);
        let plmn = enb.rlos.plmn;
        Cell {
            pci: enb.pci,
            ecgi: Ecgi { plmn, eci: Eci::of_enb(id, 1) },
            earfcn_dl: enb.earfcn,
            enb: GlobalEnbId { plmn, enb: id },
            address: place(Role::Enb, position).ip,
            group: enb.group,
            tai: Tai { plmn, tac: Tac(enb.mme.0 as u16 + 1) },
            mme: place(Role::Mme, enb.mme.0).ip,
            upe: script.nodes.upes.get(enb.upe.0).map(|_| place(Role::Upe, enb.upe.0).ip),
        }
    };
    script.nodes.enbs.iter().enumerate().map(cell).collect()
}

fn utran_cells(script: &EpsScript) -> Vec<UtranCell> {
    let cell = |(position, rnc): (usize, &Rnc)| {
        let number = position as u16 + 1;
        UtranCell {
            cell: rnc.cell,
            plmn: plmn(),
            id: u32::from(number) << 16 | 1,
            rnc: place(Role::Rnc, position).ip,
            sgsn: place(Role::Sgsn, rnc.sgsn.0).ip,
            lac: 0x1000 + rnc.sgsn.0 as u16 + 1,
            rac: 1,
        }
    };
    script.nodes.rncs.iter().enumerate().map(cell).collect()
}

fn geran_cells(script: &EpsScript) -> Vec<GeranCell> {
    let cell = |(position, bss): (usize, &crate::scenario::script::eps::Bss)| {
        // The location areas of an SGSN: one of its RNCs, one of its BSSs.
        let area = RoutingArea { plmn: plmn(), lac: 0x2000 + bss.sgsn.0 as u16 + 1, rac: 1 };
        GeranCell {
            cell: bss.cell,
            identity: GeranCellIdentity { area, ci: position as u16 + 1 },
            bss: place(Role::Bss, position).ip,
            sgsn: place(Role::Sgsn, bss.sgsn.0).ip,
        }
    };
    script.nodes.bsss.iter().enumerate().map(cell).collect()
}

fn delayed(latency: Duration) -> LinkSettings {
    let timing = Timing::Latency { latency, jitter: Duration::ZERO };
    LinkSettings { timing, impairments: Impairments::default() }
}

/// The links of a network: all that there are between its nodes.
fn links(script: &EpsScript, topology: &mut Topology) -> LinkList {
    let times = script.times;
    let wired = |delay: Duration| delay + times.processing;
    let nodes = &script.nodes;
    let transfer = !nodes.upes.is_empty();
    let mut all = Vec::new();
    for ue in topology.all(Role::Ue) {
        all.extend(topology.all(Role::Enb).map(|enb| (LinkKind::Uu, ue, enb)));
        all.extend(topology.all(Role::Rnc).map(|rnc| (LinkKind::UtranUu, ue, rnc)));
        all.extend(topology.all(Role::Bss).map(|bss| (LinkKind::Um, ue, bss)));
    }
    let gateway = topology.gateway();
    for (first, enb) in nodes.enbs.iter().enumerate() {
        let second = nodes.enbs.iter().enumerate().skip(first + 1);
        // Between groups there is no X2, unless somebody has seen to it; between eNBs of UPEs there is none.
        let tries = |enb| enb_weaknesses(script, enb).contains(&EnbWeakness::TriesX2AcrossGroups);
        let joined = second.filter(|(second, other)| {
            script.handover.schemes != Schemes::Grouped || enb.group == other.group || tries(first) || tries(*second)
        });
        let joined = joined.filter(|_| !transfer);
        all.extend(joined.map(|(second, _)| (LinkKind::X2, topology.enb(first), topology.enb(second))));
        all.push((LinkKind::S1, topology.enb(first), topology.mme(enb.mme.0)));
        if transfer {
            all.extend(topology.all(Role::Upe).map(|upe| (LinkKind::S1u, topology.enb(first), upe)));
        } else {
            all.push((LinkKind::S1u, topology.enb(first), gateway));
        }
    }
    for (position, rnc) in nodes.rncs.iter().enumerate() {
        all.push((LinkKind::Iu, topology.at(Role::Rnc, position), topology.at(Role::Sgsn, rnc.sgsn.0)));
    }
    for (position, bss) in nodes.bsss.iter().enumerate() {
        all.push((LinkKind::Gb, topology.at(Role::Bss, position), topology.at(Role::Sgsn, bss.sgsn.0)));
    }
    for mme in topology.all(Role::Mme) {
        let second = topology.all(Role::Mme).filter(|second| *second > mme);
        all.extend(second.map(|second| (LinkKind::S10, mme, second)));
        all.push((LinkKind::S11, mme, gateway));
        all.extend(topology.all(Role::Sgsn).map(|sgsn| (LinkKind::Gn, mme, sgsn)));
        all.extend(topology.all(Role::Upe).map(|upe| (LinkKind::S11, mme, upe)));
        all.extend(topology.all(Role::Hss).map(|hss| (LinkKind::S6a, mme, hss)));
    }
    for (role, kind) in [(Role::Sgsn, LinkKind::Gn), (Role::Upe, LinkKind::Upe)] {
        for first in topology.all(role) {
            all.extend(topology.all(role).filter(|second| *second > first).map(|second| (kind, first, second)));
        }
        all.extend(topology.all(role).map(|node| (LinkKind::S5, node, gateway)));
    }
    if script.enterprise.is_some() {
        let (hss, emks) = (topology.at(Role::Hss, 0), topology.at(Role::Emks, 0));
        all.extend(topology.all(Role::Sgsn).map(|sgsn| (LinkKind::S6d, sgsn, hss)));
        all.push((LinkKind::Swx, hss, emks));
        all.extend(topology.all(Role::Emse).map(|emse| (LinkKind::Zn, emks, emse)));
        all.extend(topology.all(Role::Emse).map(|emse| (LinkKind::Sgi, gateway, emse)));
    }
    let mut list = LinkList::default();
    for (kind, first, second) in all {
        topology.links.push(Link { kind, ends: [first, second] });
        let delay = match kind {
            LinkKind::Uu | LinkKind::UtranUu | LinkKind::Um => times.radio,
            LinkKind::X2 => wired(times.x2),
            LinkKind::S1 | LinkKind::S1u => wired(times.s1),
            LinkKind::S10 => wired(times.s10),
            LinkKind::S11 => wired(times.s11),
            LinkKind::S5 => wired(times.s5),
            LinkKind::Upe => wired(times.upe),
            LinkKind::Iu | LinkKind::Gb => wired(times.iu),
            LinkKind::Gn => wired(times.gn),
            LinkKind::S6a | LinkKind::S6d => wired(times.s6a),
            LinkKind::Swx => wired(times.swx),
            LinkKind::Zn => wired(times.zn),
            LinkKind::Sgi => wired(times.sgi),
        };
        let name = topology.link_name(Port(topology.links.len() - 1));
        list.add(&name, first, delayed(delay), second, delayed(delay));
    }
    list
}

/// The rules that the eNB at a position does not keep: by the script, and because it is the adversary's.
pub(super) fn enb_weaknesses(script: &EpsScript, enb: usize) -> Vec<EnbWeakness> {
    let corrupted = script.attacks.iter().filter_map(|attack| match attack.action {
        AttackAction::Corrupt(Corruption::Enb(of, weakness)) if of.0 == enb => Some(weakness),
        _ => None,
    });
    script.nodes.enbs[enb].weaknesses.iter().copied().chain(corrupted).collect()
}

pub(super) fn mme_weaknesses(script: &EpsScript, mme: usize) -> Vec<MmeWeakness> {
    let corrupted = script.attacks.iter().filter_map(|attack| match attack.action {
        AttackAction::Corrupt(Corruption::Mme(of, weakness)) if of.0 == mme => Some(weakness),
        _ => None,
    });
    script.nodes.mmes[mme].weaknesses.iter().copied().chain(corrupted).collect()
}

pub(super) fn ue_weaknesses(script: &EpsScript, ue: usize) -> Vec<UeWeakness> {
    let corrupted = script.attacks.iter().filter_map(|attack| match attack.action {
        AttackAction::Corrupt(Corruption::Ue(of, weakness)) if of.0 == ue => Some(weakness),
        _ => None,
    });
    script.nodes.ues[ue].weaknesses.iter().copied().chain(corrupted).collect()
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
        transfer: script.transfer.agreed,
    };
    let mut topology = Topology {
        roles: Vec::new(),
        names: Vec::new(),
        addresses: Vec::new(),
        cells: cells(script),
        utran: utran_cells(script),
        geran: geran_cells(script),
        links: Vec::new(),
        imsis: script.nodes.ues.iter().map(|ue| ue.imsi).collect(),
        mme_of: script.nodes.enbs.iter().map(|enb| enb.mme.0).collect(),
    };
    let Nodes { mmes, enbs, ues, upes, sgsns, rncs, end_points, bsss, .. } = &script.nodes;
    let emks = usize::from(script.enterprise.is_some());
    let hss = emks.max(usize::from(!upes.is_empty()));
    let gateway = gateway_name(script.title.system);
    let of_role: [(Role, Vec<&str>); 11] = [
        (Role::Ue, ues.iter().map(|ue| ue.name.as_str()).collect()),
        (Role::Enb, enbs.iter().map(|enb| enb.name.as_str()).collect()),
        (Role::Rnc, rncs.iter().map(|rnc| rnc.name.as_str()).collect()),
        (Role::Bss, bsss.iter().map(|bss| bss.name.as_str()).collect()),
        (Role::Mme, mmes.iter().map(|mme| mme.name.as_str()).collect()),
        (Role::Sgsn, sgsns.iter().map(|sgsn| sgsn.name.as_str()).collect()),
        (Role::Upe, upes.iter().map(|upe| upe.name.as_str()).collect()),
        (Role::Hss, vec![HSS; hss]),
        (Role::Gateway, vec![gateway]),
        (Role::Emks, vec![EMKS; emks]),
        (Role::Emse, end_points.iter().map(|emse| emse.name.as_str()).collect()),
    ];
    for (role, names) in of_role {
        for (position, name) in names.into_iter().enumerate() {
            topology.roles.push(role);
            topology.names.push(name.to_owned());
            topology.addresses.push(place(role, position).ip);
        }
    }
    let list = links(script, &mut topology);
    let mut emulation = Emulation::new(script.title.seed, list);
    let builder = Builder { script, topology: &topology, agreement, subscribers: subscribers(script) };
    builder.build(&mut emulation);
    let exchanged = Exchanged::default();
    let attacks: Vec<eps::Attack> =
        script.attacks.iter().enumerate().filter_map(|(n, a)| tapped(n, a, &topology)).collect();
    let learned = Learned::default();
    let actors: Vec<eps::ParlosAttack> =
        script.attacks.iter().enumerate().filter_map(|(n, a)| actor(n, a, script, &topology)).collect();
    if !attacks.is_empty() || !actors.is_empty() {
        let alone = Adversary::new(attacks, exchanged.clone());
        emulation.set_adversary(actors.into_iter().fold(alone, |adversary, attack| {
            let random = random::generator(script.title.seed, &format!("attack {}", attack.name));
            adversary.with(attack, random, learned.clone())
        }));
    }
    World { emulation, topology, agreement, exchanged, learned }
}

/// An attack on attaches at a link of the air.
fn actor(number: usize, attack: &Attack, script: &EpsScript, topology: &Topology) -> Option<eps::ParlosAttack> {
    let (attacks::Tap { from, to }, Trigger::Time(begins)) = (attack.tap?, attack.trigger?) else { return None };
    let AttackAction::Parlos(action) = &attack.action else { return None };
    let action = match action {
        ParlosAttack::ManInTheMiddle => eps::ParlosAction::Middle,
        ParlosAttack::FalseNetwork => eps::ParlosAction::Network,
        ParlosAttack::Attaches { times, every, recording, imsi_of } => {
            let says = match (recording, imsi_of) {
                (Some(name), _) => FalseRequest::Recorded(name.clone()),
                (None, Some(UeId(ue))) => FalseRequest::InTheNameOf(topology.imsis[*ue]),
                (None, None) => FalseRequest::Own(script.parlos.and_then(|variant| variant.transport)),
            };
            eps::ParlosAction::Ue { times: *times, every: *every, says }
        }
        ParlosAttack::Listen(_) => return None,
    };
    let (ue, enb) = (topology.node(from), topology.node(to));
    let cell = topology.cells.iter().zip(topology.all(Role::Enb)).find(|(_, node)| *node == enb)?.0;
    let link = eps::AirLink { port: topology.port(ue, enb)?, ue, enb, tai: cell.tai };
    Some(eps::ParlosAttack { name: attack.name.clone(), number, link, begins: begins + attack.wait, action })
}

pub(super) fn mme_id(ue: usize) -> MmeUeS1apId {
    MmeUeS1apId(ue as u32 + 1)
}

fn subscribers(script: &EpsScript) -> Subscribers {
    Arc::new(script.nodes.ues.iter().enumerate().map(|(ue, settings)| (mme_id(ue), settings.imsi)).collect())
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
        on_air: topology.link(port).kind.is_air(),
        trigger: attack.trigger?,
        wait: attack.wait,
        action,
    })
}
