//! The ladder of a run: the messages of its first handovers and authentications, user data on the air near them, and changes of key state.

use std::collections::BTreeSet;

use super::handover_measure::{HandoverMeasure, ladder_overlaps, ladder_shows};
use super::key_standing::{KeyStandings, StateLog, in_words};
use super::outcome::{AuthenticationResult, KeyStanding, LadderItem, LadderStep};
use super::world::{LinkEnds, Topology};
use crate::capture::spill::SpilledLink;
use crate::dot16::identifiers::MsMac;
use crate::emulation::{NodeIndex, Port, Sender, Transmission};
use crate::time::VirtualTime;

/// How many handovers, and how many authentications, the ladder shows.
const LADDERS: usize = 4;

/// What the ladder of a run shows: its first handovers, entries into the network and renewals of a PMK.
pub(super) struct Scenes<'a> {
    handovers: Vec<&'a HandoverMeasure>,
    authentications: Vec<&'a AuthenticationResult>,
}

fn micros(micros: u64) -> VirtualTime {
    VirtualTime::from_nanos(micros.saturating_mul(1_000))
}

impl<'a> Scenes<'a> {
    /// The first ones of mobiles that are `shown`, by name.
    pub(super) fn new(
        handovers: &'a [HandoverMeasure],
        authentications: &'a [AuthenticationResult],
        shown: impl Fn(&str) -> bool,
    ) -> Self {
        let handovers = handovers.iter().filter(|handover| shown(&handover.result.ms));
        let authentications = authentications.iter().filter(|one| shown(&one.ms));
        Self { handovers: handovers.take(LADDERS).collect(), authentications: authentications.take(LADDERS).collect() }
    }

    fn shows(&self, at: VirtualTime) -> bool {
        let in_authentication =
            |one: &&AuthenticationResult| ladder_shows(at, micros(one.started_us), Some(micros(one.at_us)));
        self.handovers.iter().any(|handover| handover.shows(at)) || self.authentications.iter().any(in_authentication)
    }

    /// Whether frames on these links, which are not in memory, are missing from a ladder of these nodes.
    pub(super) fn miss(&self, links: &[SpilledLink], nodes: &[String], topology: &Topology) -> bool {
        let takes_part: Vec<bool> = topology.names.iter().map(|name| nodes.contains(name)).collect();
        links.iter().filter_map(|link| Some((link, topology.link(Port(link.link))?))).any(|(link, ends)| {
            let among = ends == LinkEnds::R3 || topology.ends(ends).iter().all(|node| takes_part[node.0]);
            among && self.overlap(link.first, link.last)
        })
    }

    /// Whether a scene goes on between two instants.
    fn overlap(&self, first: VirtualTime, last: VirtualTime) -> bool {
        self.handovers.iter().any(|handover| handover.overlaps(first, last))
            || self.authentications.iter().any(|one| {
                let (started, ended) = (micros(one.started_us), micros(one.at_us));
                ladder_overlaps(first, last, started, Some(ended))
            })
    }

    /// The names of the nodes that take part.
    fn nodes(&self, transmissions: &[Transmission], topology: &Topology) -> Vec<String> {
        let asked = |sent: &Transmission| topology.ends_of(sent) == LinkEnds::R3 && self.shows(sent.time);
        let server = topology.names.get(topology.aaa().0).filter(|_| transmissions.iter().any(asked));
        let authenticates = |name: &String| self.authentications.iter().any(|one| [&one.ms, &one.bs].contains(&name));
        let involved = |name: &&String| {
            *name == &topology.names[0]
                || self.handovers.iter().any(|handover| handover.involves(name, topology))
                || authenticates(name)
        };
        let mobiles = topology.names.iter().skip(1 + topology.bsids().len()).take(topology.macs().len());
        let stations = topology.names.iter().skip(1).take(topology.bsids().len());
        mobiles.chain(stations).chain(topology.names.first()).filter(involved).chain(server).cloned().collect()
    }

    /// The ladder, and its nodes: messages, user data on the air near them, and changes of key state.
    pub(super) fn ladder(
        &self,
        transmissions: &[Transmission],
        states: &StateLog,
        topology: &Topology,
    ) -> (Vec<LadderStep>, Vec<String>) {
        let nodes = self.nodes(transmissions, topology);
        (self.steps(transmissions, states, &nodes, topology), nodes)
    }

    fn steps(
        &self,
        transmissions: &[Transmission],
        states: &StateLog,
        nodes: &[String],
        topology: &Topology,
    ) -> Vec<LadderStep> {
        let takes_part: Vec<bool> = topology.names.iter().map(|name| nodes.contains(name)).collect();
        let shown = |at: VirtualTime, node: NodeIndex| takes_part[node.0] && self.shows(at);
        let (states, start) = state_steps(states, shown, nodes, topology);
        let before = states.len();
        let mut steps: Vec<(VirtualTime, usize, LadderStep)> = Vec::new();
        for (order, step) in states.into_iter().enumerate() {
            steps.push((step.time, order, step));
        }
        for (order, sent) in transmissions.iter().enumerate() {
            let foreign = matches!(sent.from, Sender::Node(node) if !takes_part[node.0]);
            if foreign || !shown(sent.time, sent.to) {
                continue;
            }
            let air = matches!(topology.ends_of(sent), LinkEnds::Air { .. });
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
            steps.push((sent.time, before + order, LadderStep { time: sent.time, what, keys: Vec::new() }));
        }
        steps.sort_by_key(|(time, order, _)| (*time, *order));
        let mut steps: Vec<LadderStep> = steps.into_iter().map(|(_, _, step)| step).collect();
        if let Some(first) = steps.first_mut() {
            let known: Vec<String> = first.keys.iter().map(|standing| standing.ms.clone()).collect();
            first.keys.extend(start.into_iter().filter(|standing| !known.contains(&standing.ms)));
        }
        steps
    }
}

/// What the nodes said of themselves where `shown`, with the key state after it; and the key state before the first.
fn state_steps(
    states: &StateLog,
    shown: impl Fn(VirtualTime, NodeIndex) -> bool,
    nodes: &[String],
    topology: &Topology,
) -> (Vec<LadderStep>, Vec<KeyStanding>) {
    let named = topology.macs().iter().zip(topology.names.iter().skip(1 + topology.bsids().len()));
    let mobiles: Vec<MsMac> = named.filter(|(_, name)| nodes.contains(name)).map(|(ms, _)| *ms).collect();
    let mut standings = KeyStandings::default();
    let mut steps = Vec::new();
    let mut start = None;
    // Mobiles whose keys have changed since the ladder showed them last.
    let mut changed: BTreeSet<MsMac> = BTreeSet::new();
    for state in &states.0 {
        let visible = shown(state.time, state.node);
        let of = |standings: &KeyStandings, ms: &MsMac| standings.of(*ms, nodes, topology);
        if visible && start.is_none() {
            start = Some(mobiles.iter().map(|ms| of(&standings, ms)).collect());
        }
        let silent = visible && state.label.is_none();
        let subject = state.changes.first().map(|(ms, _)| *ms).filter(|_| silent);
        let before = subject.map(|ms| of(&standings, &ms));
        for (ms, change) in &state.changes {
            standings.apply(*ms, *change);
            changed.extend(mobiles.contains(ms).then_some(*ms));
        }
        if !visible {
            continue;
        }
        let in_words = || in_words(&before?, &of(&standings, &subject?));
        let Some(label) = state.label.clone().or_else(in_words) else {
            continue;
        };
        let keys = std::mem::take(&mut changed).iter().map(|ms| of(&standings, ms)).collect();
        let what = LadderItem::State { node: topology.names[state.node.0].clone(), label };
        steps.push(LadderStep { time: state.time, what, keys });
    }
    (steps, start.unwrap_or_default())
}
