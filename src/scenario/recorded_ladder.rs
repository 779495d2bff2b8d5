//! The ladder of a run: the messages of its first handovers, user data on the air near them, and changes of key state.

use super::handover_measure::HandoverMeasure;
use super::outcome::{LadderItem, LadderStep};
use super::world::{LinkEnds, Topology};
use crate::emulation::{Sender, Transmission};
use crate::time::VirtualTime;

/// How many handovers the ladder shows.
const LADDERS: usize = 4;

/// Which nodes take part in a handover of the run.
pub(super) fn ladder_nodes(
    handovers: &[HandoverMeasure],
    transmissions: &[Transmission],
    topology: &Topology,
) -> Vec<String> {
    let asked = |sent: &Transmission| {
        topology.links[sent.port.0] == LinkEnds::R3 && handovers.iter().take(LADDERS).any(|one| one.shows(sent.time))
    };
    let server = topology.names.get(topology.aaa().0).filter(|_| transmissions.iter().any(asked));
    let involved = |name: &&String| {
        *name == &topology.names[0] || handovers.iter().any(|handover| handover.involves(name, topology))
    };
    let mobiles = topology.names.iter().skip(1 + topology.bsids.len()).take(topology.macs.len());
    let stations = topology.names.iter().skip(1).take(topology.bsids.len());
    mobiles.chain(stations).chain(topology.names.first()).filter(involved).chain(server).cloned().collect()
}

/// The ladder of the first handovers: their messages, user data on the air near them, and changes of key state.
pub(super) fn ladder(
    handovers: &[HandoverMeasure],
    transmissions: &[Transmission],
    states: Vec<LadderStep>,
    topology: &Topology,
) -> Vec<LadderStep> {
    let mut steps: Vec<(VirtualTime, usize, LadderStep)> = Vec::new();
    let shown = |at: VirtualTime| handovers.iter().take(LADDERS).any(|handover| handover.shows(at));
    for (order, step) in states.into_iter().enumerate().filter(|(_, step)| shown(step.time)) {
        steps.push((step.time, order, step));
    }
    let before = steps.len();
    for (order, sent) in transmissions.iter().enumerate().filter(|(_, sent)| shown(sent.time)) {
        let air = matches!(topology.links[sent.port.0], LinkEnds::Air { .. });
        let data = sent.note.contains("user data") || sent.note.contains("user packet");
        if (data && !air) || sent.note.starts_with("MOB_NBR-ADV") {
            continue;
        }
        let from = match sent.from {
            Sender::Node(node) => Some(topology.names[node.0].clone()),
            Sender::Adversary(_) => None,
        };
        let what = LadderItem::Message {
            from,
            to: topology.names[sent.to.0].clone(),
            label: sent.note.clone(),
            data,
            dropped: sent.lost || sent.verdicts.iter().any(|verdict| !verdict.accepted),
        };
        steps.push((sent.time, before + order, LadderStep { time: sent.time, what }));
    }
    steps.sort_by_key(|(time, order, _)| (*time, *order));
    steps.into_iter().map(|(_, _, step)| step).collect()
}
