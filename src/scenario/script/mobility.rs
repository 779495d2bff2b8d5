//! The section `[mobility]`: how mobile stations move, and when that makes them hand over.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::defaults;
use super::network::TICK;
use super::position::Area;
use super::problem::{Problem, Read};
use super::section::{Field, Section};
use super::stations::Stations;

/// How the mobile stations of a script move, and when they hand over.
#[derive(Clone, Debug, PartialEq)]
pub struct Mobility {
    /// How they move.
    pub movement: Movement,
    /// What they compare base stations by.
    pub measure: Measure,
    /// By how much another base station must be better than the serving one: metres, or decibels.
    pub hysteresis: f64,
    /// From one measurement of a mobile to its next.
    pub period: Duration,
    /// No handover is asked for earlier than this after the one before.
    pub again_after: Duration,
    /// How many base stations a handover names, the target among them.
    pub candidates: usize,
}

/// How mobile stations move.
#[derive(Clone, Debug, PartialEq)]
pub enum Movement {
    /// Straight to a random place, a pause there, straight to the next.
    RandomWaypoint {
        /// Where.
        area: Area,
        /// Slowest and fastest, in millimetres in a second.
        speed: [u64; 2],
        /// Shortest and longest pause.
        pause: [Duration; 2],
    },
    /// As a file says.
    File(String),
}

/// What base stations are compared by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// The distance: the nearest is the best.
    Distance,
    /// The strength of the signal.
    Signal {
        /// Loss of signal with distance: 10 times this many decibels for a factor of ten.
        path_loss: f64,
        /// Standard deviation of the shadowing, in decibels.
        shadowing: f64,
        /// How far a mobile goes before its shadowing is another, in metres.
        shadowing_distance: f64,
    },
}

pub(super) const MOBILITY_KEYS: &[&str] = &[
    "model",
    "speed",
    "pause",
    "file",
    "by",
    "path_loss",
    "shadowing",
    "shadowing_distance",
    "hysteresis",
    "period",
    "again_after",
    "candidates",
];
pub(super) const RANGE_KEYS: &[&str] = &["at_least", "at_most"];

/// Slowest and fastest speed, in metres in a second.
const SPEEDS: RangeInclusive<f64> = 0.1..=1_000.0;
/// How often a mobile may measure at the most.
const SHORTEST_PERIOD: Duration = Duration::from_millis(10);
/// How many base stations a handover may name.
const MOST_CANDIDATES: i64 = 8;

/// Reads `[mobility]`.
pub(super) fn read(root: &Section<'_>, stations: &Stations) -> Read<Option<Mobility>> {
    let Some(field) = root.field("mobility") else { return Ok(None) };
    let section = field.section(MOBILITY_KEYS)?;
    let Some(area) = stations.area else {
        let expected = "a [grid], or a position of every [[base_station]]";
        return Err(Problem::mismatch(section.place, "mobility", expected, "a base station without position"));
    };
    let measure = measure(&section)?;
    let hysteresis = match measure {
        Measure::Distance => {
            section.read("hysteresis", defaults::HYSTERESIS_METRES, |field| field.decimal(0.0..=1e6))?
        }
        Measure::Signal { .. } => {
            section.read("hysteresis", defaults::HYSTERESIS_DECIBELS, |field| field.decimal(0.0..=100.0))?
        }
    };
    Ok(Some(Mobility {
        movement: movement(&section, area)?,
        measure,
        hysteresis,
        period: section.read("period", defaults::MEASUREMENT, |field| field.time(SHORTEST_PERIOD..=Duration::MAX))?,
        again_after: section.read("again_after", defaults::AGAIN_AFTER, |field| field.time(TICK..=Duration::MAX))?,
        candidates: section
            .read("candidates", 1, |field| field.number(1..=MOST_CANDIDATES))
            .map(|count| usize::try_from(count).unwrap_or(1))?,
    }))
}

fn movement(section: &Section<'_>, area: Area) -> Read<Movement> {
    let models = [("random-waypoint", false), ("file", true)];
    if section.required("model", "\"random-waypoint\" or \"file\"")?.one_of(&models)? {
        for key in ["speed", "pause"] {
            section.refuse(key, "beside model = \"file\"")?;
        }
        return Ok(Movement::File(section.required("file", "the path of a file with positions")?.line()?));
    }
    section.refuse("file", "without model = \"file\"")?;
    let speed = |field: &Field<'_>| field.decimal(SPEEDS).map(|metres| (metres * 1_000.0).round() as u64);
    let pause = |field: &Field<'_>| field.time(Duration::ZERO..=Duration::MAX);
    Ok(Movement::RandomWaypoint {
        area,
        speed: range(
            &section.required("speed", "metres in a second such as 20 or { at_least = 1, at_most = 30 }")?,
            speed,
        )?,
        pause: section.read("pause", [Duration::ZERO; 2], |field| range(field, pause))?,
    })
}

/// One value, or the two ends of a range.
fn range<T: PartialOrd + Copy>(field: &Field<'_>, read: impl Fn(&Field<'_>) -> Read<T>) -> Read<[T; 2]> {
    if !field.is_table() {
        return read(field).map(|value| [value; 2]);
    }
    let section = field.section(RANGE_KEYS)?;
    let least = read(&section.required("at_least", "the smallest value")?)?;
    let most_field = section.required("at_most", "the largest value")?;
    let most = read(&most_field)?;
    if least > most {
        return Err(most_field.mismatch("a value that is not below at_least"));
    }
    Ok([least, most])
}

fn measure(section: &Section<'_>) -> Read<Measure> {
    let by_signal = section.read("by", false, |field| field.one_of(&[("distance", false), ("signal", true)]))?;
    if !by_signal {
        for key in ["path_loss", "shadowing", "shadowing_distance"] {
            section.refuse(key, "without by = \"signal\"")?;
        }
        return Ok(Measure::Distance);
    }
    Ok(Measure::Signal {
        path_loss: section.read("path_loss", defaults::PATH_LOSS, |field| field.decimal(1.0..=10.0))?,
        shadowing: section.read("shadowing", 0.0, |field| field.decimal(0.0..=30.0))?,
        shadowing_distance: section
            .read("shadowing_distance", defaults::SHADOWING_DISTANCE, |field| field.decimal(0.1..=100_000.0))?,
    })
}
