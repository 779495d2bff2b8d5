//! What a script expects, held against what was seen.

use std::collections::HashSet;
use std::time::Duration;

use super::ledger::Counts;
use super::outcome::{ExpectationResult, HandoverResult, RunOutcome};
use super::script::{Amount, Expected, MobileStationId, RejectReason, Script};
use crate::dot16::identifiers::Direction;
use crate::judge::report::frames_text;
use crate::judge::{Finding, FindingKind, Judgement};
use crate::time::VirtualTime;

/// Evaluates every expectation of the script but those of the judge, see [`of_judge`]; `tek_on_link` is asked only if one needs
/// it.
pub fn evaluate(script: &Script, outcome: &RunOutcome, tek_on_link: impl Fn() -> bool) -> Vec<ExpectationResult> {
    let of_run = script.expectations.iter().filter(|expectation| !matches!(expectation.expected, Expected::Judge(_)));
    let evaluated = of_run.map(|expectation| {
        let (held, detail) = holds(&expectation.expected, script, outcome, &tek_on_link);
        ExpectationResult { text: expectation.text.clone(), held, detail }
    });
    evaluated.collect()
}

/// Whether the judge finds the kinds that are wanted and no others. Of each other kind the first finding is told.
pub(super) fn judge_holds(wanted: &[FindingKind], judgement: &Judgement) -> (bool, String) {
    let found: Vec<&str> = judgement.kinds().into_iter().map(FindingKind::as_str).collect();
    let missing = wanted.iter().map(|kind| kind.as_str()).filter(|kind| !found.contains(kind));
    let mut detail: Vec<String> = missing.map(|kind| format!("no {kind}")).collect();
    let unwanted = |finding: &&Finding| !wanted.contains(&finding.kind);
    let others: Vec<&Finding> = judgement.findings.iter().filter(unwanted).collect();
    let mut told: Vec<FindingKind> = Vec::new();
    for finding in &others {
        if !told.contains(&finding.kind) {
            told.push(finding.kind);
            let frames = frames_text(&finding.frames);
            detail.push(format!("{}, {frames}: {}", finding.kind.as_str(), finding.detail));
        }
    }
    if others.len() > told.len() {
        detail.push(format!("{} more", others.len() - told.len()));
    }
    match (detail.is_empty(), found.is_empty()) {
        (true, true) => (true, "nothing found".to_owned()),
        (true, false) => (true, found.join(", ")),
        (false, _) => (false, detail.join("; ")),
    }
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
            packets(counts, [lost, duplicated, altered])
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
        Expected::Handovers { mobiles, outcome: how, mode, count, share } => {
            let names: HashSet<&str> = script
                .mobile_stations
                .get(mobiles.mobiles.clone())
                .unwrap_or_default()
                .iter()
                .map(|mobile| mobile.name.as_str())
                .collect();
            let wanted = |handover: &&HandoverResult| {
                names.contains(handover.ms.as_str()) && mode.is_none_or(|mode| handover.mode == mode.as_str())
            };
            let (mut all, mut ended) = (0_u64, 0_u64);
            for handover in outcome.handovers.iter().filter(wanted) {
                all += 1;
                ended += u64::from(handover.outcome == how.as_str());
            }
            let enough = |share: u32| all > 0 && u128::from(ended) * 1_000_000 >= u128::from(all) * u128::from(share);
            let held = count.is_none_or(|count| count.holds(ended)) && share.is_none_or(enough);
            (held, format!("{ended} of {all} {}", how.as_str()))
        }
        Expected::TrafficOfGroup { mobiles, direction, lost, duplicated, altered } => {
            let mobiles = script.mobile_stations.get(mobiles.mobiles.clone()).unwrap_or_default();
            let traffic = mobiles.iter().filter_map(|mobile| outcome.traffic.get(&mobile.name));
            let counts = traffic.fold(Counts::default(), |sum, traffic| match direction {
                Direction::Uplink => sum.plus(traffic.ul),
                Direction::Downlink => sum.plus(traffic.dl),
            });
            packets(counts, [lost, duplicated, altered])
        }
        // Only who judges can tell: `of_judge`.
        Expected::Judge(_) => (false, "the run was not judged".to_owned()),
    }
}

/// Whether as many packets were lost, duplicated and altered as is wanted, and how many were.
fn packets(counts: Counts, [lost, duplicated, altered]: [&Option<Amount>; 3]) -> (bool, String) {
    let within = |wanted: &Option<Amount>, count| wanted.is_none_or(|wanted| wanted.holds(count));
    let held = within(lost, counts.lost) && within(duplicated, counts.duplicated) && within(altered, counts.altered);
    let detail = format!(
        "{} sent, {} delivered, {} lost, {} duplicated, {} altered",
        counts.sent, counts.delivered, counts.lost, counts.duplicated, counts.altered
    );
    (held, detail)
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
