//! Interruption of each mode over the latency of the backbone, and over the time that the mobile takes to install TEKs:
//! what `compare --plot` draws. Without loss, at the association level that the network has.

use super::{CompareError, CompareSettings, Spread, network, trial};
use crate::dot16::identifiers::Direction;
use crate::scenario::run::RunError;
use crate::scenario::script::{HandoverMode, Script};
use crate::scenario::workers::in_order;

/// What varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// `backbone.latency`.
    BackboneLatency,
    /// `radio.tek_processing`.
    TekProcessing,
}

impl Quantity {
    /// Both.
    pub const ALL: [Self; 2] = [Self::BackboneLatency, Self::TekProcessing];

    /// The key of the script.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::BackboneLatency => "backbone.latency",
            Self::TekProcessing => "radio.tek_processing",
        }
    }

    /// The values, in milliseconds.
    #[must_use]
    pub const fn values(self) -> &'static [u32] {
        match self {
            Self::BackboneLatency => &[1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50],
            Self::TekProcessing => &[0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50],
        }
    }
}

/// The median interruption of a mode at each value of a quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve {
    /// What varies.
    pub quantity: Quantity,
    /// The direction of user data.
    pub direction: Direction,
    /// The mode.
    pub mode: HandoverMode,
    /// Value in milliseconds, interruption in microseconds; values at which no handover completed are left out.
    pub points: Vec<(u32, u64)>,
}

/// Most runs for a point: without loss they hardly differ.
const MOST_RUNS: u32 = 5;

/// The curves of every quantity, direction and mode. `progress` is told how many of how many runs are done.
///
/// # Errors
/// If the network with the changes is no valid script.
pub fn sweep(settings: &CompareSettings, progress: &mut dyn FnMut(usize, usize)) -> Result<Vec<Curve>, CompareError> {
    let mut plans: Vec<(Quantity, HandoverMode, u32, Script)> = Vec::new();
    for quantity in Quantity::ALL {
        for (_, mode) in HandoverMode::ALL {
            for value in quantity.values() {
                let network = network(*mode, &settings.sets, &[(quantity.key(), format!("{value}ms"))])?;
                plans.push((quantity, *mode, *value, network));
            }
        }
    }
    let runs = settings.runs.min(MOST_RUNS);
    let jobs: Vec<(&Script, u64)> = plans
        .iter()
        .flat_map(|(.., script)| (0..runs).map(move |number| (script, settings.seed.wrapping_add(number.into()))))
        .collect();
    let work = |(script, seed): &(&Script, u64)| trial(script, *seed);
    let trials = in_order(&jobs, settings.threads, work, progress).into_iter().collect::<Result<Vec<_>, RunError>>()?;
    let mut curves: Vec<Curve> = Vec::new();
    for ((quantity, mode, value, _), trials) in plans.iter().zip(trials.chunks((runs as usize).max(1))) {
        for (number, direction) in [Direction::Uplink, Direction::Downlink].into_iter().enumerate() {
            let measured = trials.iter().filter_map(|trial| trial.interruption[number]).collect();
            let known =
                |curve: &&mut Curve| (curve.quantity, curve.direction, curve.mode) == (*quantity, direction, *mode);
            let point = Spread::of(measured).median.map(|median| (*value, median));
            match curves.iter_mut().find(known) {
                Some(curve) => curve.points.extend(point),
                None => curves.push(Curve {
                    quantity: *quantity,
                    direction,
                    mode: *mode,
                    points: point.into_iter().collect(),
                }),
            }
        }
    }
    Ok(curves)
}
