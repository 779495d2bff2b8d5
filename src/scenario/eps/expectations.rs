//! Whether what a script of EPS expects holds.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::attaches::{Attach, Attaches};
use super::attack_results::Reads;
use super::contexts::AllContexts;
use super::enterprise::{EnterpriseTrace, Learnt};
use super::topology::Topology;
use crate::dot16::identifiers::Direction;
use crate::eps::identifiers::Imsi;
use crate::eps::node::AttachOutcome;
use crate::eps::parameters::Origin;
use crate::scenario::outcome::{ExpectationResult, HandoverResult, RunOutcome};
use crate::scenario::script::Amount;
use crate::scenario::script::eps::expectations::{Reject, outcome_name};
use crate::scenario::script::eps::handover::scheme_name;
use crate::scenario::script::eps::parlos_expectations::{AttachEnd, REFUSALS, refusal_name};
use crate::scenario::script::eps::{EnbId, EpsScript, Expected, ParlosExpected, StationId, UeId};
use crate::time::VirtualTime;

/// What there is besides the document.
pub(super) struct Seen<'a> {
    pub outcome: &'a RunOutcome,
    pub rejects: &'a BTreeMap<Reject, u64>,
    pub repeated_kenbs: u64,
    /// Pairs of NAS keys by UE.
    pub nas_keys: BTreeMap<Imsi, u64>,
    /// What became of security contexts.
    pub contexts: &'a AllContexts,
    /// What became of attaches for RLOS.
    pub attaches: &'a Attaches,
    /// Octets of an attach request and of a security mode command that they have for the sake of a key.
    pub new_octets: [u64; 2],
    pub topology: &'a Topology,
    /// What attacks read.
    pub reads: &'a [Reads],
    /// What there is of keys between UEs and end points in an enterprise.
    pub enterprise: &'a EnterpriseTrace,
    /// Who learns what of UEs.
    pub learnt: &'a BTreeMap<(usize, usize), Learnt>,
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
    let of = |UeId(ue): &UeId| seen.contexts.of(script.nodes.ues[*ue].imsi);
    let counted = |count: u64, amount: &Amount| (amount.holds(count), count.to_string());
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
            let read = seen.reads.iter().find(|read| read.attack == *name).map_or(&[][..], |read| &read.cells);
            let names: Vec<&str> = read.iter().map(|cell| script.nodes.station_name(StationId(*cell))).collect();
            let wanted: Vec<usize> = cells.iter().map(|StationId(cell)| *cell).collect();
            (read == wanted, if names.is_empty() { "none".to_owned() } else { names.join(", ") })
        }
        Expected::PacketsRead { name, after, before, amount } => {
            let read = seen.reads.iter().find(|read| read.attack == *name).map_or(&[][..], |read| &read.packets);
            let within = |sent: &&VirtualTime| **sent >= *after && before.is_none_or(|before| **sent < before);
            counted(read.iter().filter(within).count() as u64, amount)
        }
        Expected::KeyStreamReuse(amount) => counted(outcome.nonce_reuse, amount),
        Expected::RepeatedKenbs(amount) => counted(seen.repeated_kenbs, amount),
        Expected::NasKeys { ue, amount } => {
            counted(seen.nas_keys.get(&script.nodes.ues[ue.0].imsi).copied().unwrap_or(0), amount)
        }
        Expected::UpKeys { ue, amount } => counted(of(ue).up_keys() as u64, amount),
        Expected::Authentications { ue, amount } => counted(of(ue).authentications, amount),
        Expected::TrackingAreaUpdates { ue, amount } => counted(of(ue).tracking_area_updates, amount),
        Expected::RepeatedContexts(amount) => counted(seen.contexts.repeated(), amount),
        Expected::Origin { ue, origin, network } => {
            let contexts = of(ue);
            let word = |origin: Option<Origin>| origin.map_or("nothing", Origin::name);
            let held = [contexts.at_ue, contexts.at_core] == [Some(*origin), network.or(Some(*origin))];
            (held, format!("UE: {}, network: {}", word(contexts.at_ue), word(contexts.at_core)))
        }
        Expected::OldNodes { ue, nodes } => {
            let name = |address: &Ipv4Addr| {
                let place = seen.topology.addresses.iter().position(|known| known == address);
                place.map_or_else(|| address.to_string(), |place| seen.topology.names[place].clone())
            };
            let names: Vec<String> = of(ue).old_nodes.iter().map(name).collect();
            (names == *nodes, if names.is_empty() { "nobody".to_owned() } else { names.join(", ") })
        }
        Expected::RoundTrips { ue, nth, air, hss } => {
            match nth_of(outcome, name(ue), *nth).and_then(|handover| handover.answers) {
                Some(answers) => {
                    let checks = [(air, answers.ue), (hss, answers.hss)];
                    let held = checks.iter().all(|(amount, count)| amount.is_none_or(|amount| amount.holds(*count)));
                    (held, format!("UE {}, HSS {}", answers.ue, answers.hss))
                }
                None => (false, format!("{} has no handover {nth}", name(ue))),
            }
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
        Expected::Parlos(expected) => of_attaches(expected, script, seen),
        Expected::Enterprise(expected) => {
            let read = |name: &str| seen.reads.iter().find(|read| read.attack == name).map_or(0, |read| read.sessions);
            seen.enterprise.holds(expected, script, seen.topology, seen.learnt, read)
        }
        Expected::Judge(_) => (true, String::new()),
    }
}

/// The same of what is expected of attaches for RLOS.
fn of_attaches(expected: &ParlosExpected, script: &EpsScript, seen: &Seen<'_>) -> (bool, String) {
    let counted = |count: u64, amount: &Amount| (amount.holds(count), count.to_string());
    let nth_attach = |ue: UeId, nth: u32| {
        let found = seen.attaches.of(ue).nth(usize::try_from(nth.saturating_sub(1)).unwrap_or(usize::MAX));
        found.ok_or_else(|| format!("{} has no attach {nth}", script.nodes.ues[ue.0].name))
    };
    match expected {
        ParlosExpected::Attached { ue, nth, outcome, cause, refusal, enb } => {
            let attach = match nth_attach(*ue, *nth) {
                Ok(attach) => attach,
                Err(told) => return (false, told),
            };
            let ended = attach.ended.map(|(_, outcome)| outcome);
            let cell = enb.and_then(|EnbId(enb)| seen.topology.cell_of(StationId(enb)));
            let held = ended.map(AttachEnd::of) == Some(*outcome)
                && cause.is_none_or(|cause| ended == Some(AttachOutcome::Rejected(cause)))
                && refusal.is_none_or(|refusal| ended == Some(AttachOutcome::Refused(refusal)))
                && (enb.is_none() || attach.cell == cell);
            let station = attach.cell.and_then(|cell| seen.topology.station_of(cell));
            let place = station.map_or(String::new(), |node| format!(" at {}", seen.topology.names[node.0]));
            let detail = match ended {
                None => "not ended".to_owned(),
                Some(AttachOutcome::Rejected(cause)) => format!("rejected, cause {cause}"),
                Some(AttachOutcome::Refused(refusal)) => format!("refused, {}", refusal_name(refusal)),
                Some(outcome) => AttachEnd::of(outcome).as_str().to_owned(),
            };
            (held, detail + &place)
        }
        ParlosExpected::Attaches(wanted, amount) => {
            let of = |attach: &&Attach| attach.ended.is_some_and(|(_, outcome)| AttachEnd::of(outcome) == *wanted);
            counted(seen.attaches.all().iter().filter(of).count() as u64, amount)
        }
        ParlosExpected::Refusals(refusals) => {
            let held = refusals.iter().all(|(refusal, amount)| amount.holds(seen.attaches.refused(*refusal)));
            let all = REFUSALS.iter().map(|(word, refusal)| (word, seen.attaches.refused(*refusal)));
            let all: Vec<String> =
                all.filter(|(_, count)| *count > 0).map(|(word, count)| format!("{word} {count}")).collect();
            (held, if all.is_empty() { "nothing".to_owned() } else { all.join(", ") })
        }
        ParlosExpected::KeysEqual { ue, nth, equal } => match nth_attach(*ue, *nth) {
            Ok(attach) => {
                let [of_ue, of_network] = &attach.keys;
                let layer = |name: &str, same: bool| format!("{name} {}", if same { "equal" } else { "not equal" });
                let detail = [
                    layer("KASMEtemp", of_ue.kasme.is_some() && of_ue.kasme == of_network.kasme),
                    layer("NAS keys", of_ue.nas.is_some() && of_ue.nas == of_network.nas),
                    layer("keys of the air", of_ue.air.is_some() && of_ue.air == of_network.air),
                ];
                (attach.has_equal_keys() == *equal, detail.join(", "))
            }
            Err(told) => (false, told),
        },
        ParlosExpected::KasmesDrawn(amount) => counted(seen.attaches.drawn(), amount),
        ParlosExpected::KasmesTakenAgain(amount) => counted(seen.attaches.taken_again(), amount),
        ParlosExpected::KeyOperations { mme, amount } => {
            counted(seen.attaches.operations(seen.topology.mme(mme.0)), amount)
        }
        ParlosExpected::HalfOpen { mme, amount } => counted(seen.attaches.half_open(seen.topology.mme(mme.0)), amount),
        ParlosExpected::NewOctets { request, command } => {
            let checks = [(request, seen.new_octets[0]), (command, seen.new_octets[1])];
            let held = checks.iter().all(|(amount, count)| amount.is_none_or(|amount| amount.holds(*count)));
            (held, format!("attach request {}, security mode command {}", seen.new_octets[0], seen.new_octets[1]))
        }
    }
}

fn nth_of<'a>(outcome: &'a RunOutcome, ue: &str, nth: u32) -> Option<&'a HandoverResult> {
    let mut of_ue = outcome.handovers.iter().filter(|handover| handover.ms == ue);
    of_ue.nth(usize::try_from(nth.saturating_sub(1)).unwrap_or(usize::MAX))
}
