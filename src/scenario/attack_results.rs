//! What the attacks of a run came to: frames that were played and accepted, PDUs that the keys of a compromised base
//! station open, and expectations on which a script lets success rest.

use std::collections::BTreeMap;

use super::key_stream_result::{SealedPlaintexts, key_stream_result};
use super::outcome::AttackResult;
use super::script::{Attack, AttackAction, Expectation, Expected, Script, Success, Trigger};
use super::stolen_keys;
use super::world::{LinkEnds, Topology};
use crate::adversary::key_stream::readable;
use crate::adversary::{Comparisons, Compromise, compromise};
use crate::dot16::identifiers::{CmacKeyCount, MsMac, Said};
use crate::dot16::node::NamedKey;
use crate::dot16::security::Tek;
use crate::emulation::{NodeIndex, Sender, Transmission};
use crate::time::VirtualTime;

/// How many characters of a text that was read are shown.
pub(super) const SHOWN_TEXT: usize = 120;

/// The compromised nodes of a run, by number of the attack, and what the adversary learns there.
pub(super) struct Compromises(BTreeMap<usize, (NodeIndex, Compromise)>);

impl Compromises {
    /// Those of the script.
    pub(super) fn new(script: &Script, topology: &Topology) -> Self {
        let compromise = |since| Compromise::new(since).among(topology.bsids().to_vec());
        let attacks = script.attacks.iter().enumerate();
        let compromises = attacks.filter_map(|(number, attack)| match (&attack.action, &attack.trigger) {
            (AttackAction::Compromise(node), Trigger::Time(since)) => {
                Some((number, (topology.actor(*node), compromise(*since))))
            }
            (AttackAction::Steal(bs), Trigger::Time(at)) => {
                Some((number, (topology.base_station(bs.0), Compromise::once(*at))))
            }
            _ => None,
        });
        Self(compromises.collect())
    }

    /// `node` reports a key of `ms`.
    pub(super) fn key(&mut self, now: VirtualTime, node: NodeIndex, ms: MsMac, held: bool, key: &NamedKey) {
        for (_, compromise) in self.0.values_mut().filter(|(compromised, _)| *compromised == node) {
            compromise.key(now, ms, held, key);
        }
    }

    /// Everybody hears that `ms` has an SA, or uses a count.
    pub(super) fn heard(&mut self, ms: MsMac, said: Option<Said>, count: Option<CmacKeyCount>) {
        for (_, compromise) in self.0.values_mut() {
            compromise.heard(ms, said, count);
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
                let (node, compromise) = compromises.0.get(&number)?;
                Some(compromised(attack, *node, compromise, traces))
            }
            AttackAction::Steal(_) => {
                let (_, theft) = compromises.0.get(&number)?;
                Some(stolen_keys::result(attack, theft, transmissions, topology))
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
    let frames = if sent.len() == 1 { "frame" } else { "frames" };
    let mut detail = format!("{} {frames} sent, {accepted} accepted", sent.len());
    if let (Some(first), Some(verdict)) = (sent.first(), verdicts().next()) {
        detail = format!("{detail}; {}: {}", topology.names[first.to.0], verdict.text);
    }
    AttackResult::new(name, accepted > 0, detail)
}

/// Tries the loot on every user PDU that stations sent on the air since the compromise. It has succeeded if one opens that
/// is not the node's own: of another base station, of another mobile; nothing is the authenticator's own.
fn compromised(attack: &Attack, node: NodeIndex, compromise: &Compromise, traces: Traces<'_>) -> AttackResult {
    let Traces { transmissions, topology, .. } = traces;
    let teks: Vec<Vec<Tek>> = topology.macs().iter().map(|ms| compromise.teks(*ms)).collect();
    let of_mobile = (0..topology.macs().len()).any(|mobile| topology.mobile(mobile) == node);
    // PDUs heard, and PDUs opened, by the node that they are of: the base station, or for a mobile's keys the mobile.
    let mut counts: BTreeMap<NodeIndex, (u64, u64)> = BTreeMap::new();
    let mut text = None;
    for sent in transmissions.iter().filter(|sent| sent.time >= compromise.since()) {
        let (LinkEnds::Air { mobile, base_station }, Sender::Node(_)) = (topology.ends_of(sent), sent.from) else {
            continue;
        };
        let of = if of_mobile { topology.mobile(mobile) } else { topology.base_station(base_station) };
        let (all, open) = compromise::opened(&teks[mobile], &sent.octets);
        let count = counts.entry(of).or_default();
        *count = (count.0.saturating_add(all), count.1.saturating_add(open));
        if open > 0 && of != node && text.is_none() {
            text = compromise::plaintext(&teks[mobile], &sent.octets).map(|octets| readable(&octets));
        }
    }
    let others = || counts.iter().filter(|(of, (all, _))| **of != node && *all > 0);
    let place = if of_mobile { "of" } else { "at" };
    let mut details: Vec<String> = others()
        .map(|(of, (all, open))| format!("{open} of {all} PDUs {place} {} opened", topology.names[of.0]))
        .collect();
    if details.is_empty() {
        let other = if of_mobile { "mobile" } else { "base station" };
        details.push(format!("no user data was sent {place} another {other}"));
    }
    let recovered = text.filter(|text| !text.is_empty());
    let says = recovered.as_ref().map(|text| {
        let text: String = text.chars().take(SHOWN_TEXT).collect();
        format!("the first says {text:?}")
    });
    details.extend(says);
    let succeeded = others().any(|(_, (_, open))| *open > 0);
    AttackResult { recovered, ..AttackResult::new(&attack.name, succeeded, details.join(", ")) }
}
