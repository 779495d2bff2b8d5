//! The five modes of handover side by side, on the same radio and backbone, over many seeds (statements A23 and A24;
//! DESIGN section 5).
//!
//! Nothing is concluded from the mode: every figure is measured in runs of one bundled network, and what the serving base
//! station can read at the target is tried with its keys (A25).
//!
//! * `statistics`: median and 95th percentile.
//! * [`sweep`]: interruption over backbone latency and over TEK processing time.

mod statistics;
pub mod sweep;

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

pub use statistics::Spread;

use super::outcome::RunOutcome;
use super::run::{RunError, run};
use super::script::{HandoverMode, HandoverOutcome, Script, ScriptError, SetArgument, System, Traffic};
use super::workers::in_order;
use crate::emulation::Engine;
use crate::emulation::random::{generator, up_to};

/// The script of the network.
const NETWORK: &str = include_str!("network.toml");
/// What the comparison sets itself, so that `--set` must not.
pub const OWN_KEYS: &[&str] = &["mode", "seed", "radio.loss", "radio.association"];
/// Association levels that are compared.
pub const ASSOCIATIONS: [&str; 2] = ["level2", "none"];

/// What is compared, and how often.
#[derive(Clone, Debug)]
pub struct CompareSettings {
    /// Changes of the network, none of them of [`OWN_KEYS`].
    pub sets: Vec<SetArgument>,
    /// Seed of the first run of each row; those that follow count on.
    pub seed: u64,
    /// Runs of a row, at least 1.
    pub runs: u32,
    /// Probabilities that a frame on the air is lost, each a set of rows.
    pub losses: Vec<f64>,
    /// Threads, at least 1. No figure depends on it.
    pub threads: usize,
}

/// Why nothing can be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The network with the changes is no valid script.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A run could not take place.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// The document of `compare --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The emulated system.
    pub system: &'static str,
    /// Seed of the first run of each row.
    pub seed: u64,
    /// A row for each mode, loss and association.
    pub rows: Vec<Row>,
}

/// A mode at a loss and an association level. Times in microseconds. Interruption, gap, messages and octets are of
/// handovers that completed in this mode, lost packets of all runs; `None` where nothing was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The mode.
    pub mode: &'static str,
    /// Probability that a frame on the air is lost.
    pub loss: f64,
    /// Association level.
    pub association: &'static str,
    /// How many runs.
    pub runs: u32,
    /// In how many of them the handover did not complete in this mode.
    pub failed: u32,
    /// Time without a way for user data, uplink.
    pub interruption_ul_us: Spread,
    /// The same, downlink.
    pub interruption_dl_us: Spread,
    /// From the last user PDU accepted through the source to the first through the target, uplink.
    pub gap_ul_us: Spread,
    /// The same, downlink.
    pub gap_dl_us: Spread,
    /// Median of the management PDUs of a handover.
    pub messages_air: Option<u64>,
    /// Median of its control messages on the backbone.
    pub messages_backbone: Option<u64>,
    /// Median of the octets of `messages_air`.
    pub bytes_air: Option<u64>,
    /// Median of the octets of `messages_backbone`.
    pub bytes_backbone: Option<u64>,
    /// Median of user packets lost, uplink.
    pub lost_ul: Option<u64>,
    /// The same, downlink.
    pub lost_dl: Option<u64>,
    /// Whether the keys of the serving base station opened a user PDU at the target in any run.
    pub source_reads_target: bool,
}

/// What one run came to.
#[derive(Clone, Copy, Debug, Default)]
struct Trial {
    /// The handover completed in the mode of its row; the figures up to `bytes` are measured then.
    completed: bool,
    /// Uplink, downlink.
    interruption: [Option<u64>; 2],
    gap: [Option<u64>; 2],
    /// Air, backbone.
    messages: [u64; 2],
    bytes: [u64; 2],
    lost: [u64; 2],
    source_reads_target: bool,
}

impl Trial {
    fn of(outcome: &RunOutcome, mode: HandoverMode) -> Self {
        let mut trial = Self::default();
        let traffic = outcome.traffic.values().next();
        trial.lost = traffic.map_or([0; 2], |traffic| [traffic.ul.lost, traffic.dl.lost]);
        trial.source_reads_target = outcome.attacks.iter().any(|attack| attack.succeeded);
        let handover = outcome.handovers.first().filter(|handover| {
            handover.outcome == HandoverOutcome::Completed.as_str() && handover.mode == mode.as_str()
        });
        if let Some(handover) = handover {
            trial.completed = true;
            trial.interruption = [handover.interruption_ul_us, handover.interruption_dl_us];
            trial.gap = [handover.gap_ul_us, handover.gap_dl_us];
            trial.messages = [handover.messages_air, handover.messages_backbone];
            trial.bytes = [handover.bytes_air, handover.bytes_backbone];
        }
        trial
    }
}

/// The network in one mode, with the changes of `sets` and then those of `own`.
fn network(mode: HandoverMode, sets: &[SetArgument], own: &[(&str, String)]) -> Result<Script, ScriptError> {
    let own = own.iter().map(|(path, value)| SetArgument { path: (*path).to_owned(), value: value.clone() });
    let mode = SetArgument { path: "mode".to_owned(), value: mode.as_str().to_owned() };
    let sets: Vec<SetArgument> = sets.iter().cloned().chain(own).chain([mode]).collect();
    let mut script = Script::parse("the network of compare", NETWORK, &sets)?;
    // One SDU for each frame and direction, however long a frame is.
    let frame = script.radio.frame;
    for traffic in &mut script.traffic {
        if let Traffic::Generated(traffic) = traffic {
            traffic.interval = frame;
        }
    }
    Ok(script)
}

/// One run of the network; handover and traffic begin anywhere within a frame.
fn trial(network: &Script, seed: u64) -> Result<Trial, RunError> {
    let mut script = network.clone();
    script.seed = seed;
    let frame = u64::try_from(script.radio.frame.as_nanos()).unwrap_or(u64::MAX);
    let mut random = generator(seed, "compare");
    let mut within_a_frame = || Duration::from_nanos(up_to(&mut random, frame.saturating_sub(1)));
    for step in &mut script.steps {
        step.at += within_a_frame();
    }
    for traffic in &mut script.traffic {
        if let Traffic::Generated(traffic) = traffic {
            traffic.start += within_a_frame();
        }
    }
    let finished = run(&script, Engine::Inline, Path::new("."), None)?;
    Ok(Trial::of(&finished.outcome, network.mode))
}

/// A row before its runs.
struct Plan {
    mode: HandoverMode,
    loss: f64,
    association: &'static str,
    network: Script,
}

/// Runs everything. `progress` is told how many of how many runs are done.
///
/// # Errors
/// If the network with the changes is no valid script.
pub fn compare(settings: &CompareSettings, progress: &mut dyn FnMut(usize, usize)) -> Result<Comparison, CompareError> {
    let mut plans = Vec::new();
    for loss in &settings.losses {
        for association in ASSOCIATIONS {
            for (_, mode) in HandoverMode::ALL {
                let own = [("radio.loss", format!("{loss:?}")), ("radio.association", association.to_owned())];
                let network = network(*mode, &settings.sets, &own)?;
                plans.push(Plan { mode: *mode, loss: *loss, association, network });
            }
        }
    }
    let runs = settings.runs as usize;
    let jobs: Vec<(&Plan, u64)> = plans
        .iter()
        .flat_map(|plan| (0..settings.runs).map(move |number| (plan, settings.seed.wrapping_add(number.into()))))
        .collect();
    let work = |(plan, seed): &(&Plan, u64)| trial(&plan.network, *seed);
    let trials: Vec<Trial> =
        in_order(&jobs, settings.threads, work, progress).into_iter().collect::<Result<_, RunError>>()?;
    let rows = plans.iter().zip(trials.chunks(runs.max(1))).map(|(plan, trials)| row(plan, trials)).collect();
    Ok(Comparison { system: System::Dot16.as_str(), seed: settings.seed, rows })
}

fn row(plan: &Plan, trials: &[Trial]) -> Row {
    let completed: Vec<&Trial> = trials.iter().filter(|trial| trial.completed).collect();
    let spread = |figure: &dyn Fn(&Trial) -> Option<u64>| {
        Spread::of(completed.iter().filter_map(|trial| figure(trial)).collect())
    };
    let median = |figure: &dyn Fn(&Trial) -> u64| spread(&|trial| Some(figure(trial))).median;
    let lost = |direction: usize| Spread::of(trials.iter().map(|trial| trial.lost[direction]).collect()).median;
    Row {
        mode: plan.mode.as_str(),
        loss: plan.loss,
        association: plan.association,
        runs: u32::try_from(trials.len()).unwrap_or(u32::MAX),
        failed: u32::try_from(trials.len() - completed.len()).unwrap_or(u32::MAX),
        interruption_ul_us: spread(&|trial| trial.interruption[0]),
        interruption_dl_us: spread(&|trial| trial.interruption[1]),
        gap_ul_us: spread(&|trial| trial.gap[0]),
        gap_dl_us: spread(&|trial| trial.gap[1]),
        messages_air: median(&|trial| trial.messages[0]),
        messages_backbone: median(&|trial| trial.messages[1]),
        bytes_air: median(&|trial| trial.bytes[0]),
        bytes_backbone: median(&|trial| trial.bytes[1]),
        lost_ul: lost(0),
        lost_dl: lost(1),
        source_reads_target: trials.iter().any(|trial| trial.source_reads_target),
    }
}
