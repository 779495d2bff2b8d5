//! What a script expects, held against what was seen.

use std::time::Duration;

use super::outcome::{ExpectationResult, HandoverResult, RunOutcome};
use super::script::{Amount, Expected, MobileStationId, RejectReason, Script};
use crate::dot16::identifiers::Direction;
use crate::time::VirtualTime;

/// Evaluates every expectation of the script; `tek_on_link` is asked only if one needs it.
pub fn evaluate(script: &Script, outcome: &RunOutcome, tek_on_link: impl Fn() -> bool) -> Vec<ExpectationResult> {
    let evaluated = script.expectations.iter().map(|expectation| {
        let (held, detail) = holds(&expectation.expected, script, outcome, &tek_on_link);
        ExpectationResult { text: expectation.text.clone(), held, detail }
    });
    evaluated.collect()
}

fn nth<'a>(outcome: &'a RunOutcome, script: &Script, mobile: MobileStationId, nth: u32) -> Option<&'a HandoverResult> {
    let position = usize::try_from(nth).ok()?.checked_sub(1)?;
    outcome.handovers.iter().filter(|handover| handover.ms == script[mobile].name).nth(position)
}

/// Whether `expected` holds, and what was seen.
pub fn holds(
    expected: &Expected,
    script: &Script,
    outcome: &RunOutcome,
    tek_on_link: &impl Fn() -> bool,
) -> (bool, String) {
    let missing = || (false, "there was no such handover".to_owned());
    match expected {
        Expected::Handover { mobile_station, nth: which, target, outcome: how, mode } => {
            let Some(handover) = nth(outcome, script, *mobile_station, *which) else {
                return missing();
            };
            let held = handover.to == script[*target].name
                && handover.outcome == how.as_str()
                && mode.is_none_or(|mode| handover.mode == mode.as_str());
            (held, format!("to {}: {}, {}", handover.to, handover.outcome, handover.mode))
        }
        Expected::Traffic { mobile_station, direction, lost, duplicated, altered } => {
            let traffic = outcome.traffic.get(&script[*mobile_station].name).cloned().unwrap_or_default();
            let counts = match direction {
                Direction::Uplink => traffic.ul,
                Direction::Downlink => traffic.dl,
            };
            let within = |wanted: &Option<Amount>, count| wanted.is_none_or(|wanted| wanted.holds(count));
            let held =
                within(lost, counts.lost) && within(duplicated, counts.duplicated) && within(altered, counts.altered);
            let detail = format!(
                "{} sent, {} delivered, {} lost, {} duplicated, {} altered",
                counts.sent, counts.delivered, counts.lost, counts.duplicated, counts.altered
            );
            (held, detail)
        }
        Expected::Rejects(wanted) => {
            let seen: Vec<(bool, String)> = wanted
                .iter()
                .map(|(reason, amount)| {
                    let count = rejects(outcome, *reason);
                    (amount.holds(count), format!("{} {count}", reason.as_str()))
                })
                .collect();
            let detail: Vec<&str> = seen.iter().map(|(_, detail)| detail.as_str()).collect();
            (seen.iter().all(|(held, _)| *held), detail.join(", "))
        }
        Expected::Attack { name, succeeded } => match outcome.attacks.iter().find(|attack| attack.name == *name) {
            Some(attack) => (attack.succeeded == *succeeded, attack.detail.clone()),
            None => (false, "the attack did not take place".to_owned()),
        },
        Expected::NonceReuse(amount) => {
            let count = outcome.nonce_reuse;
            (amount.holds(count), format!("{count} PDUs sealed under a (TEK, PN) that was used before"))
        }
        Expected::DataBeforeRanging { mobile_station, nth: which, direction, amount } => {
            let Some(handover) = nth(outcome, script, *mobile_station, *which) else {
                return missing();
            };
            let count = handover.data_before_ranging.of(*direction);
            (amount.holds(count), format!("{count} PDUs"))
        }
        Expected::Interruption { mobile_station, nth: which, direction, bounds } => {
            let Some(handover) = nth(outcome, script, *mobile_station, *which) else {
                return missing();
            };
            let measured = match direction {
                Direction::Uplink => handover.interruption_ul_us,
                Direction::Downlink => handover.interruption_dl_us,
            };
            match measured.map(Duration::from_micros) {
                Some(time) => (bounds.holds(time), format!("{time:?}")),
                None => (false, "user data did not come to flow at the target".to_owned()),
            }
        }
        Expected::Authenticated { entry, mobile_station, base_station, by } => {
            let (ms, bs) = (&script[*mobile_station].name, &script[*base_station].name);
            let purpose = if *entry { "entry" } else { "renewal" };
            let mut entries = outcome.authentications.iter().filter(|one| one.purpose == purpose && one.ms == *ms);
            let at = entries.find(|one| one.completed && one.bs == *bs).map(|one| Duration::from_micros(one.at_us));
            // An entry counts from power-on, a renewal by the script's own clock.
            let begins = if *entry { Duration::ZERO } else { script.begins.since(VirtualTime::ZERO) };
            let at = at.map(|at| at.saturating_sub(begins));
            match at {
                Some(at) => (at <= *by, format!("after {at:?}")),
                None => (false, format!("there was no {purpose} of {ms} at {bs}")),
            }
        }
        Expected::Work { node, amounts } => {
            let work = outcome.work.get(node);
            let seen = amounts.iter().map(|(kind, amount)| {
                let count = work.and_then(|work| work.of(*kind)).unwrap_or_default();
                (amount.holds(count), format!("{} {count}", kind.as_str()))
            });
            let (held, details): (Vec<bool>, Vec<String>) = seen.unzip();
            (held.iter().all(|held| *held), details.join(", "))
        }
        Expected::TekOnLink(wanted) => {
            let found = tek_on_link();
            let detail = if found { "a generated TEK stands on a link" } else { "no generated TEK stands on any link" };
            (found == *wanted, detail.to_owned())
        }
        Expected::Released { mobile_station, base_station } => {
            let (ms, bs) = (&script[*mobile_station].name, &script[*base_station].name);
            match outcome.releases.iter().find(|release| release.ms == *ms && release.bs == *bs) {
                Some(release) => (true, format!("given up after {:?}", Duration::from_micros(release.at_us))),
                None => (false, "it was not given up".to_owned()),
            }
        }
        Expected::Judge(_) => (false, "this version has no judge".to_owned()),
    }
}

fn rejects(outcome: &RunOutcome, reason: RejectReason) -> u64 {
    let rejects = &outcome.rejects;
    match reason {
        RejectReason::Icv => rejects.icv,
        RejectReason::PnReplay => rejects.pn_replay,
        RejectReason::Cmac => rejects.cmac,
        RejectReason::CmacPn => rejects.cmac_pn,
        RejectReason::KeyCount => rejects.key_count,
        RejectReason::Malformed => rejects.malformed,
    }
}
