//! The key state of every mobile step by step, for the ladder: M, N, and which TEKs its two ends have at hand.
//!
//! While the run goes on only what changes is noted; the states are made of it at the end, for what the ladder shows.

use std::collections::BTreeMap;

use super::outcome::{EndTeks, KeyStanding, StationTeks};
use super::world::Topology;
use crate::dot16::identifiers::{Bsid, CmacKeyCount, MsMac, Said};
use crate::dot16::node::{NamedKey, What};
use crate::emulation::NodeIndex;
use crate::time::VirtualTime;

/// A TEK, as far as the ladder names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NamedTek {
    said: Said,
    count: CmacKeyCount,
    eks: u8,
    generated: bool,
}

/// A change of the keys of one mobile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyChange {
    /// M.
    Committed(CmacKeyCount),
    /// N.
    Network(CmacKeyCount),
    /// T_M, or T_B.
    Traffic { bs: Bsid, at_mobile: bool, count: Option<CmacKeyCount> },
    /// A TEK came or went.
    Tek { bs: Bsid, at_mobile: bool, held: bool, tek: NamedTek },
}

impl KeyChange {
    /// What a report says of keys, if it does.
    pub(super) fn of(what: &What) -> Option<Self> {
        match *what {
            What::Committed(count) => Some(Self::Committed(count)),
            What::NetworkCount(count) => Some(Self::Network(count)),
            What::TrafficCount { bs, at_mobile, count } => Some(Self::Traffic { bs, at_mobile, count }),
            What::Key { at_mobile, held, key: NamedKey::Tek { bs, said, count, eks, source, .. } } => {
                let generated = source.is_counter();
                Some(Self::Tek { bs, at_mobile, held, tek: NamedTek { said, count, eks, generated } })
            }
            _ => None,
        }
    }
}

/// Something that a node said of itself at an instant, and what it changed.
#[derive(Clone, Debug)]
pub(super) struct StateStep {
    pub(super) time: VirtualTime,
    pub(super) node: NodeIndex,
    /// In words; `None`: only keys changed.
    pub(super) label: Option<String>,
    pub(super) changes: Vec<(MsMac, KeyChange)>,
}

/// How many steps back something of the same node and instant is looked for: what a node does at once stands together.
const RECENT: usize = 8;

/// What the nodes said of themselves, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct StateLog(pub(super) Vec<StateStep>);

impl StateLog {
    fn last_of(&mut self, time: VirtualTime, node: NodeIndex) -> Option<&mut StateStep> {
        let of_now = self.0.iter_mut().rev().take(RECENT).take_while(|step| step.time == time);
        of_now.into_iter().find(|step| step.node == node)
    }

    /// A node says something. Keys that it has changed at this instant without a word belong to it.
    pub(super) fn say(&mut self, time: VirtualTime, node: NodeIndex, label: String) {
        match self.last_of(time, node) {
            Some(StateStep { label: words @ None, .. }) => *words = Some(label),
            _ => self.0.push(StateStep { time, node, label: Some(label), changes: Vec::new() }),
        }
    }

    /// Keys of a mobile change at a node; what the node said last at this instant belongs to it.
    pub(super) fn change(&mut self, time: VirtualTime, node: NodeIndex, ms: MsMac, change: KeyChange) {
        match self.last_of(time, node) {
            Some(step) => step.changes.push((ms, change)),
            None => self.0.push(StateStep { time, node, label: None, changes: vec![(ms, change)] }),
        }
    }
}

/// One end of a connection.
#[derive(Clone, Debug, Default)]
struct End {
    traffic: Option<CmacKeyCount>,
    teks: Vec<NamedTek>,
}

impl End {
    fn shown(&self) -> EndTeks {
        let in_use = self.traffic.filter(|count| self.teks.iter().any(|tek| tek.count == *count));
        let Some(count) = in_use.or_else(|| self.teks.iter().map(|tek| tek.count).max()) else {
            return EndTeks::default();
        };
        let mut others: Vec<CmacKeyCount> =
            self.teks.iter().map(|tek| tek.count).filter(|other| *other != count).collect();
        others.sort_unstable();
        others.dedup();
        let mut eks: Vec<u8> = self.teks.iter().filter(|tek| tek.count == count).map(|tek| tek.eks).collect();
        eks.sort_unstable();
        eks.dedup();
        let generated = self.teks.iter().filter(|tek| tek.count == count).all(|tek| tek.generated);
        EndTeks { count: Some(count), eks, generated, other_counts: others.len() }
    }
}

/// The key state of every mobile at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyStandings {
    counts: BTreeMap<MsMac, [Option<CmacKeyCount>; 2]>,
    /// By mobile and BS; the mobile's end, and the BS's.
    ends: BTreeMap<(MsMac, Bsid), [End; 2]>,
}

impl KeyStandings {
    /// Takes a change up.
    pub(super) fn apply(&mut self, ms: MsMac, change: KeyChange) {
        let [committed, network] = self.counts.entry(ms).or_default();
        match change {
            KeyChange::Committed(count) => *committed = Some(count),
            KeyChange::Network(count) => *network = Some(count),
            KeyChange::Traffic { bs, at_mobile, count } => self.end(ms, bs, at_mobile).traffic = count,
            KeyChange::Tek { bs, at_mobile, held: true, tek } => self.end(ms, bs, at_mobile).teks.push(tek),
            KeyChange::Tek { bs, at_mobile, held: false, tek } => {
                let teks = &mut self.end(ms, bs, at_mobile).teks;
                if let Some(position) = teks.iter().position(|held| *held == tek) {
                    teks.remove(position);
                }
            }
        }
    }

    fn end(&mut self, ms: MsMac, bs: Bsid, at_mobile: bool) -> &mut End {
        let [mobile, station] = self.ends.entry((ms, bs)).or_default();
        if at_mobile { mobile } else { station }
    }

    /// The state of a mobile, with the base stations among `nodes`.
    pub(super) fn of(&self, ms: MsMac, nodes: &[String], topology: &Topology) -> KeyStanding {
        let [committed, network] = self.counts.get(&ms).copied().unwrap_or_default();
        let stations = nodes.iter().filter_map(|name| {
            let bs = topology.bsids().iter().find(|bsid| topology.bs_name(**bsid) == *name)?;
            let ends = self.ends.get(&(ms, *bs));
            let [at_mobile, at_station] =
                ends.map_or_else(Default::default, |[mobile, station]| [mobile.shown(), station.shown()]);
            Some(StationTeks { bs: name.clone(), at_mobile, at_station })
        });
        KeyStanding { ms: topology.ms_name(ms), committed, network, stations: stations.collect() }
    }
}

/// What a step without words changed, in words; `None`: nothing that is shown.
pub(super) fn in_words(before: &KeyStanding, after: &KeyStanding) -> Option<String> {
    let said = |whose: &str, before: &EndTeks, after: &EndTeks| {
        (before != after).then(|| match after.count {
            Some(count) => {
                let eks: Vec<String> = after.eks.iter().map(u8::to_string).collect();
                format!("{whose} at hand: count {count}, EKS {}", eks.join(" and "))
            }
            None => format!("{whose} deleted"),
        })
    };
    let stations = before.stations.iter().zip(&after.stations);
    let changes: Vec<String> = stations
        .flat_map(|(before, after)| {
            let mobile = said(&format!("TEKs of {}", after.bs), &before.at_mobile, &after.at_mobile);
            [mobile, said("TEKs", &before.at_station, &after.at_station)]
        })
        .flatten()
        .collect();
    (!changes.is_empty()).then(|| changes.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: MsMac = MsMac([2; 6]);
    const BS: Bsid = Bsid([10; 6]);

    fn tek(count: u16, eks: u8) -> NamedTek {
        NamedTek { said: Said(1), count: CmacKeyCount(count), eks, generated: true }
    }

    fn shown(standings: &KeyStandings) -> EndTeks {
        standings.ends[&(MS, BS)][0].shown()
    }

    #[test]
    fn the_teks_of_the_count_in_use_are_shown_and_others_counted() {
        let mut standings = KeyStandings::default();
        for (count, eks) in [(3, 1), (2, 0), (3, 0), (2, 1)] {
            standings.apply(MS, KeyChange::Tek { bs: BS, at_mobile: true, held: true, tek: tek(count, eks) });
        }
        let of =
            |count| EndTeks { count: Some(CmacKeyCount(count)), eks: vec![0, 1], generated: true, other_counts: 1 };
        assert_eq!(shown(&standings), of(3), "the highest, as no count is in use");
        standings.apply(MS, KeyChange::Traffic { bs: BS, at_mobile: true, count: Some(CmacKeyCount(2)) });
        assert_eq!(shown(&standings), of(2));
        for eks in [0, 1] {
            standings.apply(MS, KeyChange::Tek { bs: BS, at_mobile: true, held: false, tek: tek(2, eks) });
        }
        assert_eq!(shown(&standings), EndTeks { other_counts: 0, ..of(3) });
    }

    #[test]
    fn words_and_changes_of_one_node_at_one_instant_are_one_step() {
        let (now, bs, gw) = (VirtualTime::from_nanos(5), NodeIndex(1), NodeIndex(0));
        let mut log = StateLog::default();
        log.change(now, bs, MS, KeyChange::Network(CmacKeyCount(2)));
        log.say(now, gw, "another node".to_owned());
        log.say(now, bs, "T_B = 2".to_owned());
        log.change(now, bs, MS, KeyChange::Network(CmacKeyCount(3)));
        log.change(VirtualTime::from_nanos(6), bs, MS, KeyChange::Network(CmacKeyCount(4)));
        let steps: Vec<_> = log.0.iter().map(|step| (step.label.as_deref(), step.changes.len())).collect();
        assert_eq!(steps, [(Some("T_B = 2"), 2), (Some("another node"), 0), (None, 1)]);
    }
}
