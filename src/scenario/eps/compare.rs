//! The schemes of EPS side by side: how far the keys of one eNB reach, what a handover costs, how long it interrupts
//! (acceptance list 1.3, points 1 to 3 and 8 to 10).
//!
//! Nothing is concluded from the scheme: a UE walks at random through a grid of cells, the same walk in each scheme, and for every
//! hop it is tried on the frames of the run what somebody reads who takes the keys of the eNB there.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::run::run;
use crate::adversary::eps::search::Found;
use crate::emulation::Engine;
use crate::emulation::random::{generator, up_to};
use crate::scenario::compare::{CompareError, Spread};
use crate::scenario::outcome::RunOutcome;
use crate::scenario::run::RunError;
use crate::scenario::script::eps::EpsScript;
use crate::scenario::script::eps::handover::SCHEMES;
use crate::scenario::script::{ScriptFile, SetArgument};
use crate::scenario::workers::in_order;

/// Cells of the grid in a row and in a column.
pub const SIDE: usize = 6;
/// Cells of a security group in a row and in a column.
const GROUP_SIDE: usize = 2;
/// Handovers of a walk.
pub const HOPS: usize = 12;
/// From one handover to the next, in milliseconds.
const PACE: u64 = 250;
/// When the first begins, in milliseconds.
const BEGINS: u64 = 100;
/// Runs of a row in which C-RNTI is searched at the most: each search tries up to 65,536 keys.
const MOST_SEARCHES: u32 = 10;
/// What the comparison sets itself, so that `--set` must not.
pub const OWN_KEYS: &[&str] = &["system", "handover.scheme", "seed", "duration"];
/// Delays of X2 and S1 for which interruption is measured, in milliseconds.
pub const DELAYS: [u64; 8] = [1, 2, 5, 10, 15, 20, 30, 40];

/// What is compared, and how often.
#[derive(Clone, Debug)]
pub struct EpsCompareSettings {
    /// Changes of the network, none of them of [`OWN_KEYS`].
    pub sets: Vec<SetArgument>,
    /// Seed of the first walk; those that follow count on.
    pub seed: u64,
    /// Walks, at least 1.
    pub runs: u32,
    /// Threads, at least 1. No figure depends on it.
    pub threads: usize,
}

/// The document of `compare --system eps --json`.
#[derive(Clone, Debug, Serialize)]
pub struct EpsComparison {
    /// The emulated system.
    pub system: &'static str,
    /// Seed of the first walk.
    pub seed: u64,
    /// Handovers of a walk.
    pub hops: usize,
    /// A row for each scheme.
    pub rows: Vec<EpsRow>,
}

/// A scheme. Times in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpsRow {
    /// The scheme.
    pub mode: &'static str,
    /// How many walks.
    pub runs: u32,
    /// Handovers that did not complete.
    pub failed: u32,
    /// For the eNB of each hop, from the first cell (0) on: the visits to cells besides its own that its keys open.
    pub cells_read: Vec<HopSpread>,
    /// Values of C-RNTI tried until the key of the next cell was found; nothing where none was.
    pub trials: Spread,
    /// Searches that found nothing, of how many.
    pub searches_failed: [u32; 2],
    /// Time without a way for user data, uplink.
    pub interruption_ul_us: Spread,
    /// The same, downlink.
    pub interruption_dl_us: Spread,
    /// Median of the RRC messages of a handover.
    pub messages_air: Option<u64>,
    /// Median of its messages in the core network.
    pub messages_backbone: Option<u64>,
    /// Median of the octets of `messages_air`.
    pub bytes_air: Option<u64>,
    /// Median of the octets of `messages_backbone`.
    pub bytes_backbone: Option<u64>,
    /// Median of the packets to the UE that are lost in a walk.
    pub lost_dl: Option<u64>,
}

/// Cells read after a compromise at a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HopSpread {
    /// The hop, 0 for the first cell.
    pub hop: usize,
    /// How many cells.
    #[serde(flatten)]
    pub cells: Spread,
}

/// The cells of a walk, by their numbers in the grid from 0; the first is where the UE begins. It never goes straight back.
#[must_use]
pub fn walk(seed: u64) -> Vec<usize> {
    let mut random = generator(seed, "walk");
    let mut at = SIDE / 2 * SIDE + SIDE / 2;
    let mut cells = vec![at];
    while cells.len() <= HOPS {
        let (row, column) = (at / SIDE, at % SIDE);
        let mut next = Vec::new();
        next.extend((row > 0).then(|| at - SIDE));
        next.extend((row + 1 < SIDE).then(|| at + SIDE));
        next.extend((column > 0).then(|| at - 1));
        next.extend((column + 1 < SIDE).then(|| at + 1));
        let before = cells.len().checked_sub(2).and_then(|place| cells.get(place).copied());
        next.retain(|cell| Some(*cell) != before);
        let drawn = up_to(&mut random, next.len() as u64 - 1);
        at = next[usize::try_from(drawn).unwrap_or(0)];
        cells.push(at);
    }
    cells
}

/// The security group of a cell of the grid: a square of cells.
#[must_use]
pub const fn group(cell: usize) -> usize {
    let in_a_row = SIDE / GROUP_SIDE;
    1 + (cell / SIDE / GROUP_SIDE) * in_a_row + cell % SIDE / GROUP_SIDE
}

/// When the UE is in the cell of a hop and has not left it yet.
fn within(hop: usize) -> u64 {
    BEGINS + PACE * hop as u64 - PACE / 5
}

/// The script of a walk, with an attack at each hop, and a search in the first cell if one is wanted.
fn script(
    scheme: &str,
    seed: u64,
    searches: bool,
    sets: &[SetArgument],
) -> Result<Box<EpsScript>, crate::scenario::script::ScriptError> {
    let cells = walk(seed);
    let duration = BEGINS + PACE * (HOPS as u64 + 1);
    let mut text = format!(
        "name = \"compare\"\nshows = \"a walk\"\nsystem = \"eps\"\nseed = {seed}\nduration = \"{duration}ms\"\n\
         [handover]\nscheme = \"{scheme}\"\n"
    );
    for cell in 0..SIDE * SIDE {
        // A String takes every write.
        let _ = write!(text, "[[enb]]\nname = \"enb{}\"\ngroup = {}\n", cell + 1, group(cell));
    }
    let first = cells.first().map_or(1, |cell| cell + 1);
    let _ = write!(
        text,
        "[[ue]]\nname = \"ue1\"\nimsi = \"001010000000001\"\nip = \"192.0.2.10\"\nserving = \"enb{first}\"\n\
         [[traffic]]\nkind = \"udp\"\nstart = \"5ms\"\ninterval = \"5ms\"\nsize = 64\n"
    );
    for (hop, cell) in cells.iter().enumerate() {
        if hop > 0 {
            let at = BEGINS + PACE * (hop as u64 - 1);
            let _ = write!(text, "[[step]]\nat = \"{at}ms\"\naction = \"handover\"\ntarget = \"enb{}\"\n", cell + 1);
        }
        let at = within(hop);
        let _ = write!(
            text,
            "[[attack]]\nname = \"hop{hop}\"\ntrigger = {{ time = \"{at}ms\" }}\naction = {{ steal = \"enb{}\" }}\n",
            cell + 1
        );
    }
    if searches {
        let at = within(0);
        let _ = write!(
            text,
            "[[attack]]\nname = \"search\"\ntrigger = {{ time = \"{at}ms\" }}\naction = {{ search = \"enb{first}\" }}\n"
        );
    }
    match ScriptFile::parse("the network of compare", &text, sets)? {
        ScriptFile::Eps(script) => Ok(script),
        // `system` is not among the keys that may be set to anything else.
        ScriptFile::Dot16(_) => unreachable!("the text says system = \"eps\""),
    }
}

/// What one walk came to.
struct Trial {
    outcome: RunOutcome,
    /// By hop: the cells read besides its own, in the order of the visits.
    reads: Vec<Vec<usize>>,
    searches: Vec<Found>,
}

fn trial(script: &EpsScript) -> Result<Trial, RunError> {
    let finished = run(script, Engine::Inline, Path::new("."), None, &mut ())?;
    let reads = (0..=HOPS).map(|hop| {
        let of = finished.reads.iter().find(|read| read.attack == format!("hop{hop}"));
        of.map_or_else(Vec::new, |read| read.cells.clone())
    });
    Ok(Trial { reads: reads.collect(), searches: finished.searches, outcome: finished.run.outcome })
}

/// Whether C-RNTI goes into the keys of a scheme.
fn has_c_rnti(scheme: &str) -> bool {
    !scheme.starts_with("nh")
}

/// Runs everything. `progress` is told how many of how many runs are done.
///
/// # Errors
/// If the network with the changes is no valid script.
pub fn compare(
    settings: &EpsCompareSettings,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<EpsComparison, CompareError> {
    let mut jobs = Vec::new();
    for (scheme, _) in SCHEMES {
        for number in 0..settings.runs {
            let seed = settings.seed.wrapping_add(number.into());
            let searches = number < MOST_SEARCHES && has_c_rnti(scheme);
            jobs.push(script(scheme, seed, searches, &settings.sets)?);
        }
    }
    let trials = in_order(&jobs, settings.threads, |script| trial(script), progress);
    let trials: Vec<Trial> = trials.into_iter().collect::<Result<_, RunError>>()?;
    let rows = SCHEMES.iter().zip(trials.chunks((settings.runs as usize).max(1)));
    let rows = rows.map(|((scheme, _), trials)| row(scheme, trials)).collect();
    Ok(EpsComparison { system: "eps", seed: settings.seed, hops: HOPS, rows })
}

fn row(scheme: &'static str, trials: &[Trial]) -> EpsRow {
    let handovers = || trials.iter().flat_map(|trial| &trial.outcome.handovers);
    let completed = || handovers().filter(|handover| handover.outcome == "completed");
    let spread = |values: Vec<u64>| Spread::of(values);
    let cells_read = (0..HOPS).map(|hop| {
        // Its own visit is the first of them; without it nothing was held.
        let read = trials.iter().filter_map(|trial| trial.reads.get(hop));
        HopSpread { hop, cells: spread(read.map(|read| read.len().saturating_sub(1) as u64).collect()) }
    });
    let searches = || trials.iter().flat_map(|trial| &trial.searches);
    let found = searches().filter(|search| search.c_rnti.is_some()).map(|search| search.trials.into());
    let failed = searches().filter(|search| search.c_rnti.is_none()).count();
    EpsRow {
        mode: scheme,
        runs: u32::try_from(trials.len()).unwrap_or(u32::MAX),
        failed: u32::try_from(handovers().count() - completed().count()).unwrap_or(u32::MAX),
        cells_read: cells_read.collect(),
        trials: spread(found.collect()),
        searches_failed: [failed, searches().count()].map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        interruption_ul_us: spread(completed().filter_map(|one| one.interruption_ul_us).collect()),
        interruption_dl_us: spread(completed().filter_map(|one| one.interruption_dl_us).collect()),
        messages_air: spread(completed().map(|one| one.messages_air).collect()).median,
        messages_backbone: spread(completed().map(|one| one.messages_backbone).collect()).median,
        bytes_air: spread(completed().map(|one| one.bytes_air).collect()).median,
        bytes_backbone: spread(completed().map(|one| one.bytes_backbone).collect()).median,
        lost_dl: spread(
            trials.iter().flat_map(|trial| trial.outcome.traffic.values()).map(|one| one.dl.lost).collect(),
        )
        .median,
    }
}

/// The median interruption of the downlink in a scheme, over the delay of X2 and S1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayCurve {
    /// The scheme.
    pub mode: &'static str,
    /// Delay in milliseconds, interruption in microseconds.
    pub points: Vec<(u64, u64)>,
}

/// The curves of all schemes: one walk for each point, X2 and S1 with the same delay.
///
/// # Errors
/// If the network with the changes is no valid script.
pub fn delays(
    settings: &EpsCompareSettings,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<DelayCurve>, CompareError> {
    let mut jobs = Vec::new();
    for (scheme, _) in SCHEMES {
        let mut of_scheme = script(scheme, settings.seed, false, &settings.sets)?;
        of_scheme.attacks.clear();
        for delay in DELAYS {
            let mut script = of_scheme.clone();
            (script.times.x2, script.times.s1) = (Duration::from_millis(delay), Duration::from_millis(delay));
            jobs.push(script);
        }
    }
    let trials = in_order(&jobs, settings.threads, |script| trial(script), progress);
    let trials: Vec<Trial> = trials.into_iter().collect::<Result<_, RunError>>()?;
    let curve = |((scheme, _), trials): (&(&'static str, _), &[Trial])| {
        let median = |trial: &Trial| {
            Spread::of(trial.outcome.handovers.iter().filter_map(|one| one.interruption_dl_us).collect()).median
        };
        let points = DELAYS.iter().zip(trials).filter_map(|(delay, trial)| Some((*delay, median(trial)?)));
        DelayCurve { mode: scheme, points: points.collect() }
    };
    Ok(SCHEMES.iter().zip(trials.chunks(DELAYS.len())).map(curve).collect())
}

/// The first walk in one scheme, and what somebody reads of it who takes the keys of the eNB of one hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The scheme.
    pub mode: &'static str,
    /// The cells of the walk.
    pub walk: Vec<usize>,
    /// The hop of the compromise.
    pub hop: usize,
    /// The cells that are read, its own among them, in the order of the visits.
    pub read: Vec<usize>,
}

/// The hop at which the map has its compromise.
const MAP_HOP: usize = 2;

/// What the map shows: the same walk and compromise in each scheme.
///
/// # Errors
/// If the network with the changes is no valid script.
pub fn reaches(settings: &EpsCompareSettings) -> Result<Vec<Reach>, CompareError> {
    let mut reaches = Vec::new();
    for (mode, _) in SCHEMES {
        let trial = trial(&*script(mode, settings.seed, false, &settings.sets)?)?;
        let read = trial.reads.get(MAP_HOP).cloned().unwrap_or_default();
        reaches.push(Reach { mode, walk: walk(settings.seed), hop: MAP_HOP, read });
    }
    Ok(reaches)
}
