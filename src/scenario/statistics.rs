//! A run in figures: what `keyhop run --statistics` writes, as one JSON document or, a row for each handover, as CSV.
//!
//! Nothing in it depends on the clock on the wall: the same script and seed give the same octets.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::ledger::Counts;
use super::outcome::{HandoverResult, PerDirection, RejectCounts, RunOutcome, RunVerdict};
use super::script::Script;

/// Of many values how they are spread, by the nearest-rank method: a quantile is one of the values. In the unit of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// The smallest.
    pub min: u64,
    /// Half of them are not above it.
    pub median: u64,
    /// 90 % of them are not above it.
    pub p90: u64,
    /// 95 %.
    pub p95: u64,
    /// 99 %.
    pub p99: u64,
    /// The largest.
    pub max: u64,
    /// Their mean, rounded down.
    pub mean: u64,
}

impl Spread {
    /// That of these values; `None` without any.
    #[must_use]
    pub fn of(values: impl Iterator<Item = u64>) -> Option<Self> {
        let mut values: Vec<u64> = values.collect();
        values.sort_unstable();
        let (min, max) = (*values.first()?, *values.last()?);
        let count = values.len();
        let at = |percent: usize| {
            let rank = count.saturating_mul(percent).div_ceil(100).max(1);
            values.get(rank - 1).copied().unwrap_or(max)
        };
        let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
        let mean = u64::try_from(sum / count as u128).unwrap_or(u64::MAX);
        Some(Self { count: count as u64, min, median: at(50), p90: at(90), p95: at(95), p99: at(99), max, mean })
    }
}

/// A figure in the air and on the backbone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PerLink {
    /// In the air.
    pub air: u64,
    /// On the backbone.
    pub backbone: u64,
}

/// What handovers have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HandoverStatistics {
    /// How many began.
    pub total: u64,
    /// By mode, and in it by outcome.
    pub by_mode: BTreeMap<String, BTreeMap<String, u64>>,
    /// By outcome.
    pub by_outcome: BTreeMap<String, u64>,
    /// Time without a way for user data, uplink, in microseconds.
    pub interruption_ul_us: Option<Spread>,
    /// The same, downlink.
    pub interruption_dl_us: Option<Spread>,
    /// Between the last user PDU through the source and the first through the target, uplink, in microseconds.
    pub gap_ul_us: Option<Spread>,
    /// The same, downlink.
    pub gap_dl_us: Option<Spread>,
    /// Messages of all of them together.
    pub messages: PerLink,
    /// Octets of these messages.
    pub octets: PerLink,
    /// By how much targets force-incremented T_B, together.
    pub self_sync_steps: u64,
    /// User PDUs accepted at targets before the RNG-REQ, together.
    pub data_before_ranging: PerDirection,
}

/// Authentications by purpose and success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuthenticationStatistics {
    /// Entries that were completed.
    pub entries: u64,
    /// Renewals that were completed.
    pub renewals: u64,
    /// Those that came to nothing.
    pub failed: u64,
}

/// User packets of all mobiles together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrafficStatistics {
    /// Uplink.
    pub ul: Counts,
    /// Downlink.
    pub dl: Counts,
}

/// A run in figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Name of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Whether every expectation holds.
    pub verdict: RunVerdict,
    /// How many mobile stations there are.
    pub mobile_stations: u64,
    /// How many base stations there are.
    pub base_stations: u64,
    /// Length of the script, in microseconds of virtual time.
    pub duration_us: u64,
    /// The handovers.
    pub handovers: HandoverStatistics,
    /// The authentications.
    pub authentications: AuthenticationStatistics,
    /// The user packets.
    pub traffic: TrafficStatistics,
    /// What was dropped.
    pub rejects: RejectCounts,
    /// Uplink PDUs for which a BS tried every count of its self-synchronisation window in vain.
    pub failed_searches: u64,
    /// (TEK, PN) pairs under which more than one PDU was sealed.
    pub nonce_reuse: u64,
    /// Live connections that base stations gave up.
    pub releases: u64,
}

impl HandoverStatistics {
    fn of(handovers: &[HandoverResult]) -> Self {
        let mut all = Self { total: handovers.len() as u64, ..Self::default() };
        for one in handovers {
            *all.by_outcome.entry(one.outcome.clone()).or_default() += 1;
            *all.by_mode.entry(one.mode.clone()).or_default().entry(one.outcome.clone()).or_default() += 1;
            all.messages.air += one.messages_air;
            all.messages.backbone += one.messages_backbone;
            all.octets.air += one.bytes_air;
            all.octets.backbone += one.bytes_backbone;
            all.self_sync_steps += one.self_sync_steps;
            all.data_before_ranging.ul += one.data_before_ranging.ul;
            all.data_before_ranging.dl += one.data_before_ranging.dl;
        }
        let spread = |of: fn(&HandoverResult) -> Option<u64>| Spread::of(handovers.iter().filter_map(of));
        all.interruption_ul_us = spread(|one| one.interruption_ul_us);
        all.interruption_dl_us = spread(|one| one.interruption_dl_us);
        all.gap_ul_us = spread(|one| one.gap_ul_us);
        all.gap_dl_us = spread(|one| one.gap_dl_us);
        all
    }
}

impl Statistics {
    /// The figures of a run of `script`.
    #[must_use]
    pub fn of(script: &Script, outcome: &RunOutcome) -> Self {
        let mut authentications = AuthenticationStatistics::default();
        for one in &outcome.authentications {
            let count = match (one.completed, one.purpose == "entry") {
                (true, true) => &mut authentications.entries,
                (true, false) => &mut authentications.renewals,
                (false, _) => &mut authentications.failed,
            };
            *count += 1;
        }
        let mut traffic = TrafficStatistics::default();
        for of_mobile in outcome.traffic.values() {
            traffic.ul = traffic.ul.plus(of_mobile.ul);
            traffic.dl = traffic.dl.plus(of_mobile.dl);
        }
        Self {
            scenario: outcome.scenario.clone(),
            seed: outcome.seed,
            verdict: outcome.verdict,
            mobile_stations: script.mobile_stations.len() as u64,
            base_stations: script.base_stations.len() as u64,
            duration_us: u64::try_from(script.duration.as_micros()).unwrap_or(u64::MAX),
            handovers: HandoverStatistics::of(&outcome.handovers),
            authentications,
            traffic,
            rejects: outcome.rejects,
            failed_searches: outcome.failed_searches,
            nonce_reuse: outcome.nonce_reuse,
            releases: outcome.releases.len() as u64,
        }
    }

    /// Writes them as one JSON document.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        writeln!(out)
    }
}

/// The first line of [`write_csv`]: the names of the columns, those of the handovers in `run --json`.
const COLUMNS: &str = "ms,from,to,mode,outcome,started_us,ended_us,interruption_ul_us,interruption_dl_us,gap_ul_us,gap_dl_us,\
    messages_air,messages_backbone,bytes_air,bytes_backbone,self_sync_steps,data_before_ranging_ul,data_before_ranging_dl";

/// Writes a line of column names, then one for each handover in the order in which they began; what there is not to measure is
/// left empty. No value holds a comma: names are letters, digits and `_`.
///
/// # Errors
/// `out` cannot be written.
pub fn write_csv(handovers: &[HandoverResult], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{COLUMNS}")?;
    for one in handovers {
        write!(out, "{},{},{},{},{},{}", one.ms, one.from, one.to, one.mode, one.outcome, one.started_us)?;
        let measured = [one.ended_us, one.interruption_ul_us, one.interruption_dl_us, one.gap_ul_us, one.gap_dl_us];
        for value in measured {
            match value {
                Some(value) => write!(out, ",{value}")?,
                None => write!(out, ",")?,
            }
        }
        let before = one.data_before_ranging;
        let counted = [
            one.messages_air,
            one.messages_backbone,
            one.bytes_air,
            one.bytes_backbone,
            one.self_sync_steps,
            before.ul,
            before.dl,
        ];
        for value in counted {
            write!(out, ",{value}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_by_nearest_rank() {
        let spread = Spread::of((1..=200).rev()).unwrap();
        assert_eq!(
            (spread.min, spread.median, spread.p90, spread.p95, spread.p99, spread.max),
            (1, 100, 180, 190, 198, 200)
        );
        assert_eq!((spread.count, spread.mean), (200, 100));
        assert_eq!(Spread::of([7].into_iter()).unwrap().p99, 7);
        assert_eq!(Spread::of([].into_iter()), None);
    }
}
