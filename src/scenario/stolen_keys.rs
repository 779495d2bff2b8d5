//! What keys that were stolen once give: PDUs sent before and after that open under TEKs which the base station did not hold
//! when they were taken, but which its KEKs give (attack 14 of `dot16-security.md` 9: no forward secrecy within a PMK).

use std::collections::BTreeMap;

use super::outcome::AttackResult;
use super::script::Attack;
use super::world::{LinkEnds, Topology};
use crate::adversary::{Compromise, compromise};
use crate::dot16::security::Tek;
use crate::emulation::{Sender, Transmission};

/// Tries the TEKs that the stolen KEKs give on every user PDU of the run. It has succeeded if one opens.
pub(super) fn result(
    attack: &Attack,
    theft: &Compromise,
    transmissions: &[Transmission],
    topology: &Topology,
) -> AttackResult {
    let teks: Vec<Vec<Tek>> = topology.macs().iter().map(|ms| theft.derived_teks(*ms)).collect();
    // PDUs heard, and PDUs opened, by position of the base station.
    let mut counts: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for sent in transmissions {
        let (LinkEnds::Air { mobile, base_station }, Sender::Node(_)) = (topology.ends_of(sent), sent.from) else {
            continue;
        };
        let (all, open) = compromise::opened(&teks[mobile], &sent.octets);
        let count = counts.entry(base_station).or_default();
        *count = (count.0.saturating_add(all), count.1.saturating_add(open));
    }
    let details = counts.iter().filter(|(_, (all, _))| *all > 0).map(|(position, (all, open))| {
        let name = &topology.names[topology.base_station(*position).0];
        format!("{open} of {all} PDUs at {name} opened under TEKs that were not there when the keys were taken")
    });
    let succeeded = counts.values().any(|(_, open)| *open > 0);
    AttackResult::new(&attack.name, succeeded, details.collect::<Vec<_>>().join(", "))
}
