//! The ladder of a run of EPS: the messages of its first handovers, or attaches for RLOS, user data on the air near them, and what nodes say of keys.

use std::time::Duration;

use super::attaches::Attach;
use super::measures::Tracked;
use super::recorder::{Recorded, State};
use super::topology::Topology;
use crate::emulation::{NodeIndex, Sender};
use crate::scenario::outcome::{LadderItem, LadderStep};
use crate::time::VirtualTime;

/// How many handovers, and how many attaches, the ladder shows.
const LADDERS: usize = 4;
/// How much of the time after an attach it shows.
const AFTER_ATTACH: Duration = Duration::from_millis(40);

/// The steps, and the names of the nodes in the order of the columns.
pub(super) fn ladder(
    handovers: &[Tracked],
    attaches: &[Attach],
    frames: &[Recorded],
    states: &[State],
    topology: &Topology,
) -> (Vec<LadderStep>, Vec<String>) {
    let first = handovers.get(..LADDERS.min(handovers.len())).unwrap_or_default();
    let attached = attaches.get(..LADDERS.min(attaches.len())).unwrap_or_default();
    let of_attach =
        |attach: &Attach, at| at >= attach.begun && attach.ended.is_none_or(|(ended, _)| at <= ended + AFTER_ATTACH);
    let shows = |at: VirtualTime| {
        first.iter().any(|handover| handover.shows(at)) || attached.iter().any(|attach| of_attach(attach, at))
    };
    let is_data = |recorded: &Recorded| recorded.sent.note.contains("user packet");
    let drawn = |recorded: &&Recorded| {
        let on_air = topology.link(recorded.sent.port).kind.is_air();
        shows(recorded.sent.time) && (on_air || !is_data(recorded))
    };
    let mut taking_part = vec![false; topology.names.len()];
    for recorded in frames.iter().filter(drawn) {
        for end in topology.link(recorded.sent.port).ends {
            taking_part[end.0] = true;
        }
    }
    let mut steps: Vec<(VirtualTime, usize, LadderStep)> = Vec::new();
    let told = states.iter().filter(|state| shows(state.time) && taking_part[state.node.0]);
    for (order, state) in told.enumerate() {
        let what = LadderItem::State { node: topology.names[state.node.0].clone(), label: state.label.clone() };
        steps.push((state.time, order, LadderStep { time: state.time, what, keys: Vec::new() }));
    }
    let before = steps.len();
    for (order, recorded) in frames.iter().filter(drawn).enumerate() {
        let sent = &recorded.sent;
        let what = LadderItem::Message {
            from: match sent.from {
                Sender::Node(NodeIndex(node)) => Some(topology.names[node].clone()),
                Sender::Adversary(_) => None,
            },
            to: topology.names[sent.to.0].clone(),
            label: sent.note.clone(),
            data: is_data(recorded),
            dropped: sent.lost || sent.verdicts.iter().any(|verdict| !verdict.accepted),
        };
        steps.push((sent.time, before + order, LadderStep { time: sent.time, what, keys: Vec::new() }));
    }
    steps.sort_by_key(|(time, order, _)| (*time, *order));
    let nodes = topology.names.iter().zip(&taking_part).filter(|(_, takes)| **takes).map(|(name, _)| name.clone());
    (steps.into_iter().map(|(.., step)| step).collect(), nodes.collect())
}
