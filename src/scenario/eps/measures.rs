//! What is measured of every handover, from the reports of the nodes and the frames on the links (DESIGN section 5).
//!
//! Interruption, uplink: from the instant at which the UE leaves the source to the one at which it may send at the target,
//! which is when it confirms. Downlink: from the instant at which the source eNB has sent the command, after which it sends
//! nothing else, to the first at which a packet from the gateway can go out at the target: when the target has heard the
//! confirm, and the source forwards to it (X2) or packets come by the new path (S1).
//!
//! Messages are counted from the measurement report to what releases the source, those of the core network by their nodes and
//! the time: with several handovers between the same nodes at once they go to the one that began last.

use std::collections::BTreeMap;
use std::time::Duration;

use super::topology::{Role, Topology};
use crate::dot16::identifiers::Direction;
use crate::emulation::{NodeIndex, Sender, Transmission};
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::node::{Outcome, Relocation, Scheme, What};
use crate::scenario::outcome::{Answers, HandoverResult, PerDirection};
use crate::scenario::script::System;
use crate::scenario::script::eps::EpsScript;
use crate::scenario::script::eps::expectations::outcome_name;
use crate::scenario::script::eps::handover::scheme_name;
use crate::time::VirtualTime;

/// How long after the end of a handover its messages may come.
const RELEASE: Duration = Duration::from_millis(500);
/// How the note on a measurement report begins.
const REPORT: &str = "MeasurementReport";
/// How much of the time around a handover its ladder shows.
const LADDER_BEFORE: Duration = Duration::from_millis(5);
const LADDER_AFTER: Duration = Duration::from_millis(40);

/// A handover while the run goes on.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub ue: Imsi,
    pub from: Pci,
    pub to: Pci,
    scheme: Scheme,
    pub started: VirtualTime,
    pub ended: Option<(VirtualTime, Outcome)>,
    commanded: Option<VirtualTime>,
    left: Option<VirtualTime>,
    confirmed: Option<VirtualTime>,
    /// When the downlink was switched, and by whom.
    path: Option<(VirtualTime, NodeIndex)>,
    /// By direction: the last packet through the source and the first through the target.
    packets: [[Option<VirtualTime>; 2]; 2],
    /// Messages and their octets: in the air, on the wire.
    messages: [(u64, u64); 2],
    /// Messages that were answered, and whether the last one on the air went to the UE.
    answers: Answers,
    asked: bool,
}

impl Tracked {
    /// Whether the ladder of this handover covers `at`.
    pub(super) fn shows(&self, at: VirtualTime) -> bool {
        at + LADDER_BEFORE >= self.started && self.ended.is_none_or(|(ended, _)| at <= ended + LADDER_AFTER)
    }

    /// When the first packet in a direction came through the target that came at all.
    fn gap(&self, direction: Direction) -> Option<u64> {
        let [last, first] = self.packets[usize::from(direction == Direction::Downlink)];
        Some(first?.since(last?).as_micros() as u64)
    }
}

/// The handovers of a run, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Measures {
    pub handovers: Vec<Tracked>,
    /// When the last packet of a UE came out, by direction, and through which cell.
    last: BTreeMap<(Imsi, usize), (VirtualTime, Pci)>,
    /// When measurement reports were sent that have not led to a handover yet.
    reports: Vec<(VirtualTime, NodeIndex, u64)>,
}

impl Measures {
    fn last_of(&mut self, ue: Imsi) -> Option<&mut Tracked> {
        self.handovers.iter_mut().rev().find(|handover| handover.ue == ue)
    }

    /// A node has reported something of a UE.
    pub(super) fn event(&mut self, now: VirtualTime, node: NodeIndex, ue: Imsi, what: &What) {
        match what {
            What::HandoverBegun { from, to, scheme } => {
                let last = [0, 1].map(|way| {
                    let packet = self.last.get(&(ue, way)).filter(|(_, cell)| cell == from);
                    [packet.map(|(time, _)| *time), None]
                });
                self.handovers.push(Tracked {
                    ue,
                    from: *from,
                    to: *to,
                    scheme: *scheme,
                    started: now,
                    ended: None,
                    commanded: None,
                    left: None,
                    confirmed: None,
                    path: None,
                    packets: last,
                    messages: [(0, 0); 2],
                    answers: Answers::default(),
                    asked: false,
                })
            }
            What::HandoverEnded { outcome, .. } => {
                let open = self.handovers.iter_mut().rev().find(|one| one.ue == ue && one.ended.is_none());
                if let Some(open) = open {
                    open.ended = Some((now, *outcome));
                }
            }
            What::CommandSent(_) => self.with(ue, |handover| handover.commanded = handover.commanded.or(Some(now))),
            What::HandoverStarted(_) => self.with(ue, |handover| handover.left = Some(now)),
            What::Confirmed(_) => self.with(ue, |handover| handover.confirmed = handover.confirmed.or(Some(now))),
            What::PathSwitched => self.with(ue, |handover| handover.path = handover.path.or(Some((now, node)))),
            _ => {}
        }
    }

    fn with(&mut self, ue: Imsi, change: impl FnOnce(&mut Tracked)) {
        if let Some(handover) = self.last_of(ue) {
            change(handover);
        }
    }

    /// A user packet came out of the air, at this cell.
    pub(super) fn packet(&mut self, now: VirtualTime, ue: Imsi, direction: Direction, cell: Pci) {
        let way = usize::from(direction == Direction::Downlink);
        self.last.insert((ue, way), (now, cell));
        // One that begins later has this cell as its source, too.
        for handover in self.handovers.iter_mut().rev().filter(|one| one.ue == ue).take(2) {
            let [last, first] = &mut handover.packets[way];
            if cell == handover.from && first.is_none() {
                *last = Some(now);
            }
            if cell == handover.to && handover.left.is_some_and(|left| left <= now) {
                first.get_or_insert(now);
            }
        }
    }

    /// A frame of a node is complete.
    pub(super) fn transmission(&mut self, sent: &Transmission, topology: &Topology) {
        let Sender::Node(from) = sent.from else { return };
        if sent.note.starts_with(REPORT) {
            // It comes before the handover that it leads to.
            self.reports.push((sent.time, from, sent.octets.len() as u64));
            return;
        }
        let (kind, octets) = (topology.link(sent.port).kind, sent.octets.len() as u64);
        let wired = match kind {
            kind if kind.is_air() && !sent.note.contains("user packet") => 0,
            kind if kind.is_air() || kind.is_of_users() || sent.note.starts_with("GTP-U") => return,
            _ => 1,
        };
        let involved = |handover: &&mut Tracked| {
            let cells = [handover.from, handover.to].map(|cell| topology.station_of(cell));
            let of_ue = topology.ue(handover.ue).map(|ue| topology.ue_node(ue));
            let touches = [from, sent.to].iter().any(|node| cells.contains(&Some(*node)));
            let in_time = handover.ended.is_none_or(|(ended, _)| sent.time <= ended + RELEASE);
            let core = ![from, sent.to].iter().any(|node| topology.is_station(*node));
            handover.started <= sent.time
                && in_time
                && match wired {
                    0 => [Some(from), Some(sent.to)].contains(&of_ue) && touches,
                    _ => touches || core,
                }
        };
        if let Some(handover) = self.handovers.iter_mut().rev().find(involved) {
            let (messages, all) = &mut handover.messages[wired];
            (*messages, *all) = (*messages + 1, *all + octets);
            let under_way = handover.left.is_some_and(|left| left <= sent.time) && handover.ended.is_none();
            if wired == 0 && under_way {
                let by_ue = topology.role(from) == Role::Ue;
                handover.answers.ue += u64::from(by_ue && handover.asked);
                handover.asked = !by_ue;
            }
            handover.answers.hss += u64::from(under_way && topology.role(from) == Role::Hss);
        }
    }

    /// The handovers as they stand in the document.
    pub(super) fn results(&self, topology: &Topology, script: &EpsScript) -> Vec<HandoverResult> {
        let wired = |delay: Duration| delay + script.times.processing;
        let (forwarding, s1, s5) = (wired(script.times.x2), wired(script.times.s1), wired(script.times.s5));
        let transfer = script.title.system == System::ContextTransfer;
        // What the UPE sends ahead waits at the target.
        let ahead = transfer && script.transfer.agreed.relocation != Relocation::Nothing;
        let name = |cell: Pci| topology.station_of(cell).map_or(String::new(), |node| topology.names[node.0].clone());
        let micros = |from: Option<VirtualTime>, to: Option<VirtualTime>| Some(to?.since(from?).as_micros() as u64);
        let result = |(position, handover): (usize, &Tracked)| {
            let completed = matches!(handover.ended, Some((_, Outcome::Completed)));
            let heard = handover.ended.map(|(ended, _)| ended).filter(|_| completed);
            let by_path = || {
                let (switched, by) = handover.path?;
                let anchor = transfer && topology.role(by) == Role::Gateway;
                Some(switched + if anchor { s5 + s1 } else { s1 }).max(heard)
            };
            let downlink = match handover.scheme {
                scheme if scheme.over_x2() => heard.max(handover.commanded.map(|commanded| commanded + forwarding)),
                Scheme::NextHopS1 if ahead => heard,
                _ => by_path(),
            };
            // Who comes by itself has a bearer by the last message of the set-up, which it has sent before the eNB says that it is there.
            let by_itself = matches!(handover.scheme, Scheme::ContextRequest | Scheme::Authentication);
            let radio = script.times.radio.as_nanos() as u64;
            let before_end =
                |(ended, _): (VirtualTime, Outcome)| VirtualTime::from_nanos(ended.as_nanos().saturating_sub(radio));
            let speaks = if by_itself { handover.ended.map(before_end) } else { handover.confirmed };
            let node = topology.ue(handover.ue).map(|ue| topology.ue_node(ue));
            let before = self.handovers.iter().take(position).rev().find(|one| one.ue == handover.ue);
            let since = before.map_or(VirtualTime::ZERO, |before| before.started);
            let mut reports = self
                .reports
                .iter()
                .filter(|(at, from, _)| Some(*from) == node && *at <= handover.started && *at > since);
            // The last one is the one that led to it.
            let report = reports.next_back().map_or((0, 0), |(_, _, octets)| (1, *octets));
            let [(air, air_octets), (wire, wire_octets)] = handover.messages;
            HandoverResult {
                ms: topology.ue(handover.ue).map_or(String::new(), |ue| topology.names[topology.ue_node(ue).0].clone()),
                from: name(handover.from),
                to: name(handover.to),
                mode: scheme_name(handover.scheme).to_owned(),
                outcome: handover.ended.map_or("released", |(_, outcome)| outcome_name(outcome)).to_owned(),
                interruption_ul_us: micros(handover.left, speaks.filter(|_| completed)),
                interruption_dl_us: micros(handover.commanded, downlink.filter(|_| completed)),
                gap_ul_us: handover.gap(Direction::Uplink),
                gap_dl_us: handover.gap(Direction::Downlink),
                messages_air: air + report.0,
                messages_backbone: wire,
                bytes_air: air_octets + report.1,
                bytes_backbone: wire_octets,
                self_sync_steps: 0,
                data_before_ranging: PerDirection::default(),
                started_us: handover.started.as_nanos() / 1_000,
                ended_us: handover.ended.map(|(ended, _)| ended.as_nanos() / 1_000),
                answers: transfer.then_some(handover.answers),
            }
        };
        self.handovers.iter().enumerate().map(result).collect()
    }
}
