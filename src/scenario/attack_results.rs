//! What the attacks of a run came to: frames that were played and accepted, PDUs that the keys of a compromised base
//! station open, and expectations on which a script lets success rest.

use std::collections::BTreeMap;

use super::key_stream_result::{SealedPlaintexts, key_stream_result};
use super::outcome::AttackResult;
use super::script::{Attack, AttackAction, Expectation, Expected, Script, Success, Trigger};
use super::world::{LinkEnds, Topology};
use crate::adversary::{Comparisons, Compromise, compromise};
use crate::dot16::identifiers::MsMac;
use crate::dot16::node::NamedKey;
use crate::dot16::security::Tek;
use crate::emulation::{Sender, Transmission};
use crate::time::VirtualTime;

/// The compromised base stations of a run, by number of the attack: position in the script, and what the adversary
/// learns there.
pub(super) struct Compromises(BTreeMap<usize, (usize, Compromise)>);

impl Compromises {
    /// Those of the script.
    pub(super) fn new(script: &Script) -> Self {
        let attacks = script.attacks.iter().enumerate();
        let compromises = attacks.filter_map(|(number, attack)| match (&attack.action, &attack.trigger) {
            (AttackAction::Compromise(bs), Trigger::Time(since)) => Some((number, (bs.0, Compromise::new(*since)))),
            _ => None,
        });
        Self(compromises.collect())
    }

    /// A node reports a key of `ms`; `station`: its position in the script if it is a base station.
    pub(super) fn key(&mut self, now: VirtualTime, station: Option<usize>, ms: MsMac, held: bool, key: &NamedKey) {
        for (position, compromise) in self.0.values_mut() {
            if Some(*position) == station {
                compromise.key(now, ms, held, key);
            }
        }
    }
}

/// What a run has left behind of its attacks.
#[derive(Clone, Copy)]
pub(super) struct Traces<'a> {
    pub transmissions: &'a [Transmission],
    pub compromises: &'a Compromises,
    pub comparisons: &'a Comparisons,
    pub plaintexts: &'a SealedPlaintexts,
    /// What the adversary says of its attacks, by number.
    pub remarks: &'a [(usize, String)],
    pub topology: &'a Topology,
}

/// The name of what a program outside does, in results and expectations.
pub(super) const EXTERNAL: &str = "external";

/// The results of the attacks that have one, in the order of the script. `holds` says whether an expectation on which
/// success rests holds, and what was seen.
pub(super) fn attack_results(
    script: &Script,
    traces: Traces<'_>,
    holds: impl Fn(&Expected) -> (bool, String),
) -> Vec<AttackResult> {
    let Traces { transmissions, compromises, topology, .. } = traces;
    let attacks = script.attacks.iter().enumerate();
    let results = attacks.filter_map(|(number, attack)| {
        let success = attack.succeeds_if.as_ref()?;
        let done = match &attack.action {
            _ if attack.action.sends() => Some(replayed(number, &attack.name, transmissions, topology)),
            AttackAction::KeyStreamReuse(reuse) => {
                let compared = traces.comparisons.of(number);
                Some(key_stream_result(attack, &reuse.known, compared, traces.plaintexts, topology))
            }
            AttackAction::Compromise(_) => {
                let (position, compromise) = compromises.0.get(&number)?;
                Some(compromised(attack, *position, compromise, transmissions, topology))
            }
            _ => None,
        };
        let mut result = match success {
            Success::Expected(expectation) => expected(attack, done, expectation, holds(&expectation.expected)),
            Success::Accepted | Success::Opened | Success::Recovered => done?,
        };
        for (_, remark) in traces.remarks.iter().filter(|(of, _)| *of == number) {
            result.detail.push_str(&format!("; {remark}"));
        }
        Some(result)
    });
    let outside = script.adversary.as_ref().map(|_| {
        // Its frames have the number after the last attack.
        replayed(script.attacks.len(), EXTERNAL, transmissions, topology)
    });
    results.chain(outside).collect()
}

/// The result of an attack that has succeeded if `expectation` holds; `done` is what its action came to by itself.
fn expected(
    attack: &Attack,
    done: Option<AttackResult>,
    expectation: &Expectation,
    (succeeded, seen): (bool, String),
) -> AttackResult {
    let done = done.unwrap_or_else(|| AttackResult::new(&attack.name, false, ""));
    let separator = if done.detail.is_empty() { "" } else { "; " };
    let detail = format!("{}{separator}{}: {seen}", done.detail, expectation.text);
    AttackResult { succeeded, detail, ..done }
}

fn replayed(number: usize, name: &str, transmissions: &[Transmission], topology: &Topology) -> AttackResult {
    let sent: Vec<&Transmission> = transmissions.iter().filter(|sent| sent.from == Sender::Adversary(number)).collect();
    let verdicts = || sent.iter().flat_map(|sent| &sent.verdicts);
    let accepted = verdicts().filter(|verdict| verdict.accepted).count();
    let mut detail = format!("{} frames played, {accepted} accepted", sent.len());
    if let (Some(first), Some(verdict)) = (sent.first(), verdicts().next()) {
        detail = format!("{detail}; {}: {}", topology.names[first.to.0], verdict.text);
    }
    AttackResult::new(name, accepted > 0, detail)
}

/// Tries the loot on every user PDU that stations sent on the air since the compromise. It has succeeded if one of
/// another base station opens.
fn compromised(
    attack: &Attack,
    compromised: usize,
    compromise: &Compromise,
    transmissions: &[Transmission],
    topology: &Topology,
) -> AttackResult {
    let teks: Vec<Vec<Tek>> = topology.macs.iter().map(|ms| compromise.teks(*ms)).collect();
    // PDUs heard, and PDUs opened, by position of the base station.
    let mut counts: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for sent in transmissions.iter().filter(|sent| sent.time >= compromise.since()) {
        let (LinkEnds::Air { mobile, base_station }, Sender::Node(_)) = (topology.links[sent.port.0], sent.from) else {
            continue;
        };
        let (all, open) = compromise::opened(&teks[mobile], &sent.octets);
        let count = counts.entry(base_station).or_default();
        *count = (count.0.saturating_add(all), count.1.saturating_add(open));
    }
    let elsewhere = || counts.iter().filter(|(position, (all, _))| **position != compromised && *all > 0);
    let mut details: Vec<String> = elsewhere()
        .map(|(position, (all, open))| {
            format!("{open} of {all} PDUs at {} opened", topology.names[topology.base_station(*position).0])
        })
        .collect();
    if details.is_empty() {
        details.push("no user data was sent at another base station".to_owned());
    }
    let succeeded = elsewhere().any(|(_, (_, open))| *open > 0);
    AttackResult::new(&attack.name, succeeded, details.join(", "))
}
