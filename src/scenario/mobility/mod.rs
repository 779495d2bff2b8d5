//! Mobile stations move, and hand over where another base station is better.
//!
//! What is planned here depends on places alone, never on what the network makes of it: every handover is a command that is
//! known before the run. A mobile measures its serving base station, as the plan has it, and that one's eight nearest
//! neighbours, once in a period; the first measurement of each mobile is at an instant of its own within the first period.
//! Another base station that is better by the hysteresis becomes the target. A mobile that is still in a handover ignores
//! the command; after a handover that came to nothing the plan and the mobile differ until the next one.
//!
//! * [`waypoint`]: random movement.
//! * [`positions_file`]: movement from a file.
//! * [`signal`]: what is received of a base station at a distance.

pub mod positions_file;
pub mod signal;
pub mod waypoint;

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use super::script::placement::{Served, nearest};
use super::script::{MOBILE_STATIONS_PER_BASE_STATION, Mobility, Movement, Position, Script, Station};
use crate::dot16::security::Weakness;
use crate::emulation::random::{generator, up_to};
use crate::time::VirtualTime;
use positions_file::{FilePositions, PositionsError, Track};
use signal::Reception;
use waypoint::Waypoints;

/// How many neighbours of its serving base station a mobile measures.
const NEIGHBOURS: usize = 8;

/// A handover that a mobile is told to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedHandover {
    /// When.
    pub at: VirtualTime,
    /// Position of the mobile in the script.
    pub mobile: usize,
    /// Position of the target in the script.
    pub target: usize,
    /// Positions of all that it names, the target first.
    pub candidates: Vec<usize>,
}

/// A way through the area.
enum Way<'a> {
    Random(Box<Waypoints>),
    Known(&'a Track),
}

impl Way<'_> {
    /// Where the mobile is so long after the script's own clock began; instants only go up.
    fn at(&mut self, since: Duration) -> Position {
        match self {
            Self::Random(waypoints) => waypoints.at(since),
            Self::Known(track) => track.at(since),
        }
    }
}

/// Plans every handover of a script in which mobiles move, in the order of time, those of one instant in the order of the script;
/// `known` are the ways of mobiles that a file gives.
#[must_use]
pub fn plan(script: &Script, known: Option<&FilePositions>) -> Vec<PlannedHandover> {
    let Some(mobility) = &script.mobility else { return Vec::new() };
    let places: Vec<Position> = script.base_stations.iter().map(|base| base.position.unwrap_or_default()).collect();
    let neighbours = neighbours(&places);
    let mut planned = Vec::new();
    for (number, mobile) in script.mobile_stations.iter().enumerate() {
        if mobile.station == Station::Fixed && !mobile.weaknesses.has(Weakness::MovesAlthoughFixed) {
            continue;
        }
        let start = mobile.position.or_else(|| places.get(mobile.serving.0).copied()).unwrap_or_default();
        let mut random = generator(script.seed, &format!("mobility of {}", mobile.name));
        let first = up_to(&mut random, nanos(mobility.period).saturating_sub(1));
        let way = match &mobility.movement {
            Movement::RandomWaypoint { area, speed, pause } => {
                Way::Random(Box::new(Waypoints::new(random, start, *area, *speed, *pause)))
            }
            Movement::File(_) => match known.and_then(|known| known.track(number)) {
                Some(track) => Way::Known(track),
                None => continue,
            },
        };
        let reception = Reception::new(script.seed, &mobile.name, mobility.measure);
        let mut walker = Walker { number, way, reception, serving: mobile.serving.0, places: &places };
        walker.handovers(script, mobility, (&neighbours, Duration::from_nanos(first)), &mut planned);
    }
    planned.sort_by_key(|handover| (handover.at, handover.mobile));
    planned
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The nearest neighbours of each base station, the nearest first, of equally near ones the first in the script.
#[must_use]
pub fn neighbours(places: &[Position]) -> Vec<Vec<usize>> {
    let of = |(own, place): (usize, &Position)| {
        let others = places.iter().enumerate().filter(|(other, _)| *other != own);
        let mut others: Vec<(f64, usize)> = others.map(|(other, at)| (place.distance(*at), other)).collect();
        others.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        others.into_iter().take(NEIGHBOURS).map(|(_, other)| other).collect()
    };
    places.iter().enumerate().map(of).collect()
}

/// A mobile under way.
struct Walker<'a> {
    number: usize,
    way: Way<'a>,
    reception: Reception,
    serving: usize,
    places: &'a [Position],
}

impl Walker<'_> {
    /// Its handovers until the script ends, in the order of time.
    fn handovers(
        &mut self,
        script: &Script,
        mobility: &Mobility,
        (neighbours, first): (&[Vec<usize>], Duration),
        planned: &mut Vec<PlannedHandover>,
    ) {
        let length = script.duration.saturating_sub(script.begins.since(VirtualTime::ZERO));
        let mut since = first;
        let mut free_from = Duration::ZERO;
        while since <= length {
            let at = self.way.at(since);
            let near = neighbours.get(self.serving).map(Vec::as_slice).unwrap_or_default();
            let mut measured: Vec<(f64, usize)> = Vec::new();
            let own = self.measured(self.serving, at);
            measured.extend(near.iter().map(|other| (self.measured(*other, at), *other)));
            // The best first; the sort is stable, so that the nearest neighbour is first of equals.
            measured.sort_by(|(one, _), (other, _)| other.total_cmp(one));
            let better = |best: f64| best > own && best - own >= mobility.hysteresis;
            if let Some((_, target)) = measured.first().filter(|(best, _)| since >= free_from && better(*best)) {
                planned.push(PlannedHandover {
                    at: script.begins + since,
                    mobile: self.number,
                    target: *target,
                    candidates: measured.iter().take(mobility.candidates).map(|(_, other)| *other).collect(),
                });
                self.serving = *target;
                free_from = since.saturating_add(mobility.again_after);
            }
            since = since.saturating_add(mobility.period);
        }
    }

    fn measured(&mut self, station: usize, at: Position) -> f64 {
        let place = self.places.get(station).copied().unwrap_or_default();
        self.reception.of(station, place, at)
    }
}

/// The script, and the ways that a file in `folder` gives, if it names one: mobiles whose serving base station is the nearest one
/// begin where their ways do.
///
/// # Errors
/// The file cannot be used, or more mobiles begin at one base station than that can serve.
pub fn placed<'a>(
    script: &'a Script,
    folder: &Path,
) -> Result<(Cow<'a, Script>, Option<FilePositions>), PositionsError> {
    let Some(Movement::File(file)) = script.mobility.as_ref().map(|mobility| &mobility.movement) else {
        return Ok((Cow::Borrowed(script), None));
    };
    let file = folder.join(file);
    let known = FilePositions::read(&file, script)?;
    let places: Vec<Position> = script.base_stations.iter().filter_map(|base| base.position).collect();
    let mut script = script.clone();
    let mut served = Served::default();
    for (number, mobile) in script.mobile_stations.iter_mut().enumerate() {
        if let (Some(_), Some(track)) = (mobile.position, known.track(number)) {
            let start = track.at(Duration::ZERO);
            (mobile.position, mobile.serving) = (Some(start), nearest(start, &places).unwrap_or(mobile.serving));
        }
        let base_station = script.base_stations.get(mobile.serving.0).map_or("", |base| base.name.as_str());
        let crowded = |found| PositionsError::Crowded {
            file: file.clone(),
            most: MOBILE_STATIONS_PER_BASE_STATION,
            found,
            base_station: base_station.to_owned(),
        };
        served.add(mobile.serving).map_err(crowded)?;
    }
    Ok((Cow::Owned(script), Some(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_the_nearest_and_of_equals_the_first() {
        let places: Vec<Position> = (0..12).map(|number| Position { x: number * 1_000, y: 0 }).collect();
        let neighbours = neighbours(&places);
        assert_eq!(neighbours[0], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(neighbours[5], [4, 6, 3, 7, 2, 8, 1, 9]);
    }
}
