//! Context transfer against full authentication, and what is done for the downlink, side by side (acceptance list 2.2, points 2 and 3).
//!
//! One network, one handover in each run, the same traffic: an SDU every 5 ms in each direction. The runs of a row differ by when
//! the handover begins, within the 20 ms of four packets.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::run::run;
use crate::emulation::Engine;
use crate::emulation::random::{generator, up_to};
use crate::eps::node::{Arrival, Relocation};
use crate::scenario::compare::{CompareError, Spread};
use crate::scenario::outcome::{HandoverResult, RunOutcome};
use crate::scenario::run::RunError;
use crate::scenario::script::eps::EpsScript;
use crate::scenario::script::{ScriptFile, SetArgument};
use crate::scenario::workers::in_order;

/// When the handover begins at the earliest.
const BEGINS: Duration = Duration::from_millis(300);
/// Within how many nanoseconds from then on it begins.
const PHASES: u64 = 20_000_000;
/// Delays of S6a, one way, for which the interruption is measured, in milliseconds.
pub const HSS_DELAYS: [u64; 8] = [1, 5, 10, 20, 40, 80, 120, 160];
/// What the comparison sets itself, so that `--set` must not.
pub const OWN_KEYS: &[&str] = &["system", "seed", "duration", "transfer.arrival", "transfer.relocation"];

/// What changes in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Setting {
    procedure: &'static str,
    setting: &'static str,
    /// Where the UE is, and where it goes.
    way: [&'static str; 2],
    arrival: Arrival,
    relocation: Relocation,
}

const fn setting(
    procedure: &'static str,
    setting: &'static str,
    way: [&'static str; 2],
    arrival: Arrival,
    relocation: Relocation,
) -> Setting {
    Setting { procedure, setting, way, arrival, relocation }
}

/// The rows. Those between MMEs, and into E-UTRAN, without a relocation: the same is done for their downlink.
const SETTINGS: [Setting; 9] = [
    setting("inter-mme", "handover", ["enb1", "enb2"], Arrival::Handover, Relocation::Nothing),
    setting("inter-mme", "context-request", ["enb1", "enb2"], Arrival::ContextRequest, Relocation::Nothing),
    setting("inter-mme", "authentication", ["enb1", "enb2"], Arrival::Authentication, Relocation::Nothing),
    setting("inter-upe", "nothing", ["enb1", "enb3"], Arrival::Handover, Relocation::Nothing),
    setting("inter-upe", "bi-casting", ["enb1", "enb3"], Arrival::Handover, Relocation::BiCasting),
    setting("inter-upe", "forwarding", ["enb1", "enb3"], Arrival::Handover, Relocation::Forwarding),
    setting("inter-upe", "both", ["enb1", "enb3"], Arrival::Handover, Relocation::Both),
    setting("utran-to-eutran", "handover", ["rnc1", "enb1"], Arrival::Handover, Relocation::Nothing),
    setting("eutran-to-utran", "handover", ["enb1", "rnc1"], Arrival::Handover, Relocation::Nothing),
];
/// The rows that the sweep over the delay of the HSS has.
const SWEPT: std::ops::Range<usize> = 0..3;

/// What is compared, and how often.
#[derive(Clone, Debug)]
pub struct TransferCompareSettings {
    /// Changes of the network, none of them of [`OWN_KEYS`].
    pub sets: Vec<SetArgument>,
    /// Seed of the first run of each row; those that follow count on.
    pub seed: u64,
    /// Runs of a row, at least 1.
    pub runs: u32,
    /// Threads, at least 1. No figure depends on it.
    pub threads: usize,
}

/// The document of `compare --system context-transfer --json`.
#[derive(Clone, Debug, Serialize)]
pub struct TransferComparison {
    /// The emulated system.
    pub system: &'static str,
    /// Seed of the first run of each row.
    pub seed: u64,
    /// A row for each procedure and setting.
    pub rows: Vec<TransferRow>,
    /// Interruption over the delay of the HSS.
    pub sweep: Vec<HssCurve>,
}

/// A procedure with one setting. Times in microseconds; counts are medians.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TransferRow {
    /// Procedure and setting.
    pub mode: String,
    /// How many runs.
    pub runs: u32,
    /// Handovers that did not complete.
    pub failed: u32,
    /// Time without a way for user data, uplink.
    pub interruption_ul_us: Spread,
    /// The same, downlink.
    pub interruption_dl_us: Spread,
    /// Between the last packet through the source and the first through the target, uplink.
    pub gap_ul_us: Spread,
    /// The same, downlink.
    pub gap_dl_us: Spread,
    /// Messages on the air.
    pub messages_air: Option<u64>,
    /// Messages in the core network.
    pub messages_backbone: Option<u64>,
    /// Octets of `messages_air`.
    pub bytes_air: Option<u64>,
    /// Octets of `messages_backbone`.
    pub bytes_backbone: Option<u64>,
    /// Messages that the UE had to answer after it had left.
    pub answers_ue: Option<u64>,
    /// Messages that the HSS had to answer.
    pub answers_hss: Option<u64>,
    /// Packets from the UE that are lost.
    pub lost_ul: Option<u64>,
    /// Packets to the UE that are lost.
    pub lost_dl: Option<u64>,
    /// Packets that came to the UE twice, and that it dropped by their COUNT.
    pub dropped_twice: Option<u64>,
}

/// The interruption of the downlink over the delay of S6a.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HssCurve {
    /// Procedure and setting.
    pub mode: String,
    /// Delay in milliseconds, one way; interruption in microseconds.
    pub points: Vec<(u64, u64)>,
}

impl Setting {
    fn mode(&self) -> String {
        format!("{} {}", self.procedure, self.setting)
    }

    /// The script of the run of this seed.
    fn script(&self, seed: u64, sets: &[SetArgument]) -> Result<EpsScript, CompareError> {
        let [from, to] = self.way;
        let at = BEGINS + Duration::from_nanos(up_to(&mut generator(seed, "phase"), PHASES - 1));
        let text = format!(
            "name = \"compare\"\nshows = \"a handover\"\nsystem = \"context-transfer\"\nseed = {seed}\nduration = \"1.5s\"\n\
             [[mme]]\nname = \"mme1\"\n[[mme]]\nname = \"mme2\"\n[[upe]]\nname = \"upe1\"\n[[upe]]\nname = \"upe2\"\n\
             [[enb]]\nname = \"enb1\"\n[[enb]]\nname = \"enb2\"\nmme = \"mme2\"\n[[enb]]\nname = \"enb3\"\nupe = \"upe2\"\n\
             [[rnc]]\nname = \"rnc1\"\n\
             [[ue]]\nname = \"ue1\"\nimsi = \"001010000000001\"\nip = \"192.0.2.10\"\nserving = \"{from}\"\n\
             [[traffic]]\nkind = \"udp\"\nstart = \"5ms\"\ninterval = \"5ms\"\nsize = 64\n\
             [[step]]\nat = \"{}ns\"\naction = \"handover\"\ntarget = \"{to}\"\n",
            at.as_nanos()
        );
        match ScriptFile::parse("the network of compare", &text, sets)? {
            ScriptFile::Eps(mut script) => {
                script.transfer.agreed.arrival = self.arrival;
                script.transfer.agreed.relocation = self.relocation;
                Ok(*script)
            }
            // `system` is not among the keys that may be set.
            ScriptFile::Dot16(_) => unreachable!("the text says system = \"context-transfer\""),
        }
    }
}

fn outcome(script: &EpsScript) -> Result<RunOutcome, RunError> {
    Ok(run(script, Engine::Inline, Path::new("."), None, &mut ())?.run.outcome)
}

/// Runs everything. `progress` is told how many of how many runs are done.
///
/// # Errors
/// If the network with the changes is no valid script.
pub fn compare(
    settings: &TransferCompareSettings,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<TransferComparison, CompareError> {
    let runs = settings.runs.max(1) as usize;
    let mut jobs = Vec::new();
    for setting in SETTINGS {
        for number in 0..settings.runs.max(1) {
            jobs.push(setting.script(settings.seed.wrapping_add(number.into()), &settings.sets)?);
        }
    }
    for setting in &SETTINGS[SWEPT] {
        for delay in HSS_DELAYS {
            let mut script = setting.script(settings.seed, &settings.sets)?;
            script.times.s6a = Duration::from_millis(delay);
            jobs.push(script);
        }
    }
    let outcomes = in_order(&jobs, settings.threads, outcome, progress);
    let outcomes: Vec<RunOutcome> = outcomes.into_iter().collect::<Result<_, RunError>>()?;
    let (of_rows, of_sweep) = outcomes.split_at(SETTINGS.len() * runs);
    let sweep = SETTINGS[SWEPT].iter().zip(of_sweep.chunks(HSS_DELAYS.len())).map(|(setting, outcomes)| {
        let interruption = |outcome: &RunOutcome| outcome.handovers.first()?.interruption_dl_us;
        let points = HSS_DELAYS.iter().zip(outcomes).filter_map(|(delay, one)| Some((*delay, interruption(one)?)));
        HssCurve { mode: setting.mode(), points: points.collect() }
    });
    Ok(TransferComparison {
        system: "context-transfer",
        seed: settings.seed,
        rows: SETTINGS.iter().zip(of_rows.chunks(runs)).map(|(setting, outcomes)| row(setting, outcomes)).collect(),
        sweep: sweep.collect(),
    })
}

fn row(setting: &Setting, outcomes: &[RunOutcome]) -> TransferRow {
    let completed = || {
        let first = outcomes.iter().filter_map(|outcome| outcome.handovers.first());
        first.filter(|handover| handover.outcome == "completed")
    };
    let of = |figure: &dyn Fn(&HandoverResult) -> Option<u64>| Spread::of(completed().filter_map(figure).collect());
    let all = |figure: &dyn Fn(&RunOutcome) -> u64| Spread::of(outcomes.iter().map(figure).collect()).median;
    let twice = |outcome: &RunOutcome| {
        outcome.eps_rejects.as_ref().and_then(|rejects| rejects.get("duplicate").copied()).unwrap_or(0)
    };
    TransferRow {
        mode: setting.mode(),
        runs: u32::try_from(outcomes.len()).unwrap_or(u32::MAX),
        failed: u32::try_from(outcomes.len() - completed().count()).unwrap_or(u32::MAX),
        interruption_ul_us: of(&|one| one.interruption_ul_us),
        interruption_dl_us: of(&|one| one.interruption_dl_us),
        gap_ul_us: of(&|one| one.gap_ul_us),
        gap_dl_us: of(&|one| one.gap_dl_us),
        messages_air: of(&|one| Some(one.messages_air)).median,
        messages_backbone: of(&|one| Some(one.messages_backbone)).median,
        bytes_air: of(&|one| Some(one.bytes_air)).median,
        bytes_backbone: of(&|one| Some(one.bytes_backbone)).median,
        answers_ue: of(&|one| Some(one.answers?.ue)).median,
        answers_hss: of(&|one| Some(one.answers?.hss)).median,
        lost_ul: all(&|outcome| outcome.traffic.values().map(|one| one.ul.lost).sum()),
        lost_dl: all(&|outcome| outcome.traffic.values().map(|one| one.dl.lost).sum()),
        dropped_twice: all(&twice),
    }
}
