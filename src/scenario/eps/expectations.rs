//! Whether what a script of EPS expects holds.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::dot16::identifiers::Direction;
use crate::eps::identifiers::Imsi;
use crate::scenario::outcome::{ExpectationResult, HandoverResult, RunOutcome};
use crate::scenario::script::eps::expectations::{Reject, outcome_name};
use crate::scenario::script::eps::handover::scheme_name;
use crate::scenario::script::eps::{EpsScript, Expected, StationId, UeId};

/// What there is besides the document.
pub(super) struct Seen<'a> {
    pub outcome: &'a RunOutcome,
    pub rejects: &'a BTreeMap<Reject, u64>,
    pub repeated_kenbs: u64,
    /// Pairs of NAS keys by UE.
    pub nas_keys: BTreeMap<Imsi, u64>,
    /// The cells that attacks read, by eNB of the script.
    pub reads: &'a [(String, Vec<usize>)],
}

/// The results of all expectations but those on the judge.
pub(super) fn evaluate(script: &EpsScript, seen: &Seen<'_>) -> Vec<ExpectationResult> {
    let results = script.expectations.iter().filter(|one| !matches!(one.expected, Expected::Judge(_)));
    results
        .map(|expectation| {
            let (held, detail) = holds(&expectation.expected, script, seen);
            ExpectationResult { text: expectation.text.clone(), held, detail }
        })
        .collect()
}

/// Whether it holds, and what was seen. What is expected of the judge is seen elsewhere.
pub(super) fn holds(expected: &Expected, script: &EpsScript, seen: &Seen<'_>) -> (bool, String) {
    let outcome = seen.outcome;
    let name = |UeId(ue): &UeId| script.nodes.ues[*ue].name.as_str();
    match expected {
        Expected::Handover { ue, nth, target, outcome: wanted, scheme } => {
            let Some(handover) = nth_of(outcome, name(ue), *nth) else {
                return (false, format!("{} has no handover {nth}", name(ue)));
            };
            let held = handover.to == script.nodes.station_name(*target)
                && handover.outcome == outcome_name(*wanted)
                && scheme.is_none_or(|scheme| handover.mode == scheme_name(scheme));
            (held, format!("to {}: {}, {}", handover.to, handover.outcome, handover.mode))
        }
        Expected::Handovers(wanted, amount) => {
            let ended = outcome.handovers.iter().filter(|one| one.outcome == outcome_name(*wanted)).count() as u64;
            (amount.holds(ended), format!("{ended} of {}", outcome.handovers.len()))
        }
        Expected::Traffic { ue, direction, lost, duplicated, altered } => {
            let Some(traffic) = outcome.traffic.get(name(ue)) else { return (false, "no traffic".to_owned()) };
            let counts = match direction {
                Direction::Uplink => traffic.ul,
                Direction::Downlink => traffic.dl,
            };
            let checks = [(lost, counts.lost), (duplicated, counts.duplicated), (altered, counts.altered)];
            let held = checks.iter().all(|(amount, count)| amount.is_none_or(|amount| amount.holds(*count)));
            (
                held,
                format!(
                    "sent {}, lost {}, duplicated {}, altered {}",
                    counts.sent, counts.lost, counts.duplicated, counts.altered
                ),
            )
        }
        Expected::Rejects(rejects) => {
            let count = |reject: &Reject| seen.rejects.get(reject).copied().unwrap_or(0);
            let held = rejects.iter().all(|(reject, amount)| amount.holds(count(reject)));
            let all = Reject::NAMED.iter().map(|(word, reject)| format!("{word} {}", count(reject)));
            (held, all.collect::<Vec<_>>().join(", "))
        }
        Expected::Attack { name, succeeded } => match outcome.attacks.iter().find(|attack| attack.name == *name) {
            Some(attack) => (attack.succeeded == *succeeded, attack.detail.clone()),
            None => (false, "it has no result".to_owned()),
        },
        Expected::Reads { name, cells } => {
            let read = seen.reads.iter().find(|(attack, _)| attack == name).map_or(&[][..], |(_, cells)| cells);
            let names: Vec<&str> = read.iter().map(|cell| script.nodes.station_name(StationId(*cell))).collect();
            let wanted: Vec<usize> = cells.iter().map(|StationId(cell)| *cell).collect();
            (read == wanted, if names.is_empty() { "none".to_owned() } else { names.join(", ") })
        }
        Expected::KeyStreamReuse(amount) => (amount.holds(outcome.nonce_reuse), outcome.nonce_reuse.to_string()),
        Expected::RepeatedKenbs(amount) => (amount.holds(seen.repeated_kenbs), seen.repeated_kenbs.to_string()),
        Expected::NasKeys { ue, amount } => {
            let pairs = seen.nas_keys.get(&script.nodes.ues[ue.0].imsi).copied().unwrap_or(0);
            (amount.holds(pairs), pairs.to_string())
        }
        Expected::Interruption { ue, nth, direction, bounds } => {
            let handover = nth_of(outcome, name(ue), *nth);
            let time = handover.and_then(|handover| match direction {
                Direction::Uplink => handover.interruption_ul_us,
                Direction::Downlink => handover.interruption_dl_us,
            });
            match time {
                Some(micros) => {
                    let time = Duration::from_micros(micros);
                    (bounds.holds(time), format!("{time:?}"))
                }
                None => (false, "there is nothing to measure".to_owned()),
            }
        }
        Expected::Judge(_) => (true, String::new()),
    }
}

fn nth_of<'a>(outcome: &'a RunOutcome, ue: &str, nth: u32) -> Option<&'a HandoverResult> {
    let mut of_ue = outcome.handovers.iter().filter(|handover| handover.ms == ue);
    of_ue.nth(usize::try_from(nth.saturating_sub(1)).unwrap_or(usize::MAX))
}
