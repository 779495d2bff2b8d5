//! What a script says of single links becomes settings of the emulation: impairments, faults, taps of the adversary.

use std::collections::BTreeMap;

use super::faults::{Fault, Faults};
use super::played_frames::PlayedFrames;
use super::script::{
    self, Actor, AttackAction, DirectedLink, LinkEnd, LinkImpairments, MobileStationId, Script, WireDelay,
};
use super::service_flows::ServiceFlows;
use super::world::{LinkEnds, Topology, crc_form};
use crate::adversary::external::{ExternalLink, ExternalView};
use crate::adversary::{
    Action, Adversary, AirLink, Attack, Comparisons, EventChoice, EventNode, Filter, FrameChoice, FrameKind, Known,
    Tap, Trigger,
};
use crate::dot16::identifiers::Said;
use crate::dot16::node::Flow;
use crate::emulation::random::generator;
use crate::emulation::{Impairments, LinkSettings, Links, NodeIndex, Port, Timing};

/// The links of a network as a script has them.
pub(super) struct ScriptedLinks {
    topology: Topology,
    /// Of every link in the air, and of every link of the backbone, that has none of its own.
    air: [LinkSettings; 2],
    backbone: [LinkSettings; 2],
    own: BTreeMap<Port, [LinkSettings; 2]>,
}

impl ScriptedLinks {
    pub(super) fn new(script: &Script, topology: &Topology) -> Self {
        let of_all = |link| {
            [LinkEnd::First, LinkEnd::Second].map(|to| {
                let impairments = LinkImpairments::of_all(DirectedLink { link, to }, &script.radio, &script.backbone);
                directed_settings(&impairments, &script.radio)
            })
        };
        let first = LinkEnds::Air { mobile: 0, base_station: 0 };
        let (air, backbone) = (of_all(first.in_script()), of_all(LinkEnds::R3.in_script()));
        let mut links = Self { topology: topology.clone(), air, backbone, own: BTreeMap::new() };
        for impairments in &script.links {
            let (port, _) = topology.directed(impairments.link);
            let mut settings = links.settings(port);
            let [to_first, to_second] = &mut settings;
            *match impairments.link.to {
                LinkEnd::First => to_first,
                LinkEnd::Second => to_second,
            } = directed_settings(impairments, &script.radio);
            links.own.insert(port, settings);
        }
        links
    }

    fn link(&self, port: Port) -> LinkEnds {
        self.topology.link(port).unwrap_or_else(|| unreachable!("nodes have the ports of this topology"))
    }
}

impl Links for ScriptedLinks {
    fn ends(&self, port: Port) -> [NodeIndex; 2] {
        self.topology.ends(self.link(port))
    }

    fn settings(&self, port: Port) -> [LinkSettings; 2] {
        match self.own.get(&port) {
            Some(own) => *own,
            None if matches!(self.link(port), LinkEnds::Air { .. }) => self.air,
            None => self.backbone,
        }
    }

    fn name(&self, port: Port) -> String {
        self.topology.link_name(self.link(port))
    }

    fn timings(&self) -> Vec<Timing> {
        let settings = [self.air, self.backbone].into_iter().chain(self.own.values().copied());
        settings.flatten().map(|settings| settings.timing).collect()
    }
}

fn directed_settings(impairments: &LinkImpairments, radio: &script::Radio) -> LinkSettings {
    let LinkImpairments { link, loss, duplication, bit_errors, reordering, held_back, wire } = *impairments;
    let timing = match (wire, link.to) {
        (Some(WireDelay { latency, jitter }), _) => Timing::Latency { latency, jitter },
        (None, LinkEnd::First) => Timing::Slot { period: radio.frame, end: radio.downlink },
        (None, LinkEnd::Second) => Timing::Slot { period: radio.frame, end: radio.frame },
    };
    LinkSettings {
        timing,
        impairments: Impairments { loss, duplication, bit_error: bit_errors, reordering, held_back },
    }
}

/// Every `[[fault]]`.
pub(super) fn scripted_faults(script: &Script, topology: &Topology) -> Faults {
    let mut faults = Faults::default();
    for fault in &script.faults {
        let (port, to) = topology.directed(fault.link);
        let frames = frame_choice(fault.frames, fault.link.link.is_backbone());
        faults.add(port, to, Fault { frames, effect: fault.effect });
    }
    faults
}

fn frame_choice(frames: script::FrameChoice, backbone: bool) -> FrameChoice {
    let script::FrameChoice { kind, nth, count, after } = frames;
    let kind = match kind {
        script::FrameKind::Any => FrameKind::Any,
        script::FrameKind::Data if backbone => FrameKind::BackboneData,
        script::FrameKind::Data => FrameKind::AirData,
        script::FrameKind::Message(name) => FrameKind::Message(name.message_type()),
        script::FrameKind::RangingCode => FrameKind::RangingCode,
        script::FrameKind::Control(kind) => FrameKind::Control(kind),
    };
    FrameChoice { kind, nth, count, after }
}

/// The adversary of a script, which notes in `comparisons` what it compares; `played`: the frames of capture files.
pub(super) fn scripted_adversary(
    script: &Script,
    topology: &Topology,
    played: &PlayedFrames,
    comparisons: Comparisons,
) -> Adversary {
    let attacks = script.attacks.iter().enumerate();
    let attacks = attacks.filter_map(|(number, attack)| scripted_attack(number, attack, topology, played)).collect();
    Adversary::new(attacks, known(script, topology), generator(script.seed, "adversary")).noting(comparisons)
}

/// What the `[[attack]]` of this number is to the adversary on the links; `None`: it acts on none.
fn scripted_attack(
    number: usize,
    attack: &script::Attack,
    topology: &Topology,
    played: &PlayedFrames,
) -> Option<Attack> {
    let tap = match attack.action {
        AttackAction::Compromise(_) => return None,
        // It sits nowhere, and hears nothing but what was recorded.
        AttackAction::KeyStreamReuse(_) => script::Tap::Air(None),
        _ => attack.tap?,
    };
    let trigger = match &attack.trigger {
        script::Trigger::Time(at) => Trigger::Time(*at),
        script::Trigger::Event(event) => Trigger::Events(event_choice(*event, topology)),
        script::Trigger::Frame(frames, filter) => Trigger::Frames {
            choice: frame_choice(*frames, tap.is_backbone()),
            filter: Filter {
                cid: filter.cid.clone(),
                sender: filter.sender.map(|sender| topology.actor(sender)),
                phase: filter.phase,
            },
        },
    };
    let action = match &attack.action {
        AttackAction::Record(name) => Action::Record(name.clone()),
        AttackAction::Replay(replay) => Action::Replay(replay.clone()),
        AttackAction::Drop => Action::Drop,
        AttackAction::Delay(delay) => Action::Delay(*delay),
        AttackAction::Reorder(frames) => Action::Reorder(*frames),
        AttackAction::Modify(change) => Action::Modify(change.clone()),
        AttackAction::Inject { forgery, rounds } => Action::Inject { forgery: forgery.clone(), rounds: *rounds },
        AttackAction::Rogue => Action::Rogue,
        AttackAction::KeyStreamReuse(reuse) => Action::Compare(reuse.first.clone(), reuse.second.clone()),
        AttackAction::Play { .. } => Action::Play(played.get(&number).cloned().unwrap_or_default()),
        AttackAction::Compromise(_) | AttackAction::Steal(_) => return None,
    };
    let tap = match tap {
        script::Tap::Air(direction) => Tap::Air(direction),
        script::Tap::Link(link) => {
            let (port, to) = topology.directed(link);
            Tap::Link { port, to }
        }
    };
    Some(Attack { name: attack.name.clone(), number, tap, trigger, wait: attack.wait, action })
}

fn event_choice(event: script::EventChoice, topology: &Topology) -> EventChoice {
    let script::EventChoice { kind, node, base_station, nth, count, after } = event;
    let node = node.map(|node| match node {
        Actor::MobileStation(mobile) => EventNode::Mobile(topology.macs()[mobile.0]),
        other => EventNode::Reporter(topology.actor(other)),
    });
    let base_station = base_station.map(|base_station| topology.bsids()[base_station.0]);
    EventChoice { kind, node, base_station, nth, count, after }
}

/// What an adversary outside is told of the network.
pub(super) fn external_view(script: &Script, topology: &Topology) -> ExternalView {
    let insider = script.adversary.as_ref().is_some_and(|adversary| adversary.insider);
    let links = topology.links().map(|(_, ends)| ExternalLink {
        name: topology.link_name(ends),
        ends: topology.ends(ends),
        open: insider || matches!(ends, LinkEnds::Air { .. }),
    });
    ExternalView {
        scenario: script.name.clone(),
        seed: script.seed,
        nodes: topology.names.clone(),
        links: links.collect(),
        mobiles: script.mobile_stations.iter().map(|ms| (ms.mac, ms.name.clone())).collect(),
        base_stations: script.base_stations.iter().map(|bs| (bs.bsid, bs.name.clone())).collect(),
        attack: script.attacks.len(),
    }
}

/// What the adversary knows of the network before the run.
fn known(script: &Script, topology: &Topology) -> Known {
    let air = topology.links().filter_map(|(port, ends)| match ends {
        LinkEnds::Air { mobile, base_station } => Some((
            port,
            AirLink {
                ms: topology.macs()[mobile],
                bs: topology.bsids()[base_station],
                mobile: topology.mobile(mobile),
                base_station: topology.base_station(base_station),
            },
        )),
        _ => None,
    });
    let flows = topology.macs().iter().enumerate().map(|(position, ms)| {
        let flows = ServiceFlows::of(script, MobileStationId(position)).with_saids(Said(0));
        (*ms, flows.iter().map(|(sfid, _)| Flow::direction_of(*sfid)).collect())
    });
    Known::new(air.collect(), flows.collect(), crc_form(script.radio.crc))
}
