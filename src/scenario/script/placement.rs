//! Where mobile stations are at the start, and which base station serves them there: the nearest.

use super::position::{Area, Position};
use super::stations::{BaseStationId, MOBILE_STATIONS_PER_BASE_STATION};
use crate::emulation::random::{generator, up_to};

/// Places mobile stations evenly in an area.
pub(super) struct Placement {
    seed: u64,
    area: Area,
    stations: Vec<Position>,
}

impl Placement {
    /// In `area`, among base stations at these places.
    pub fn new(seed: u64, area: Area, stations: Vec<Position>) -> Self {
        Self { seed, area, stations }
    }

    /// The place of the mobile `name`, which follows from seed and name alone, and the base station there.
    pub fn of(&self, name: &str) -> (BaseStationId, Option<Position>) {
        let mut random = generator(self.seed, &format!("position of {name}"));
        let position = anywhere(&mut random, self.area);
        (nearest(position, &self.stations).unwrap_or(BaseStationId(0)), Some(position))
    }
}

/// A place in `area`, each with equal chance.
pub(in crate::scenario) fn anywhere(random: &mut rand_chacha::ChaCha20Rng, area: Area) -> Position {
    let Area { low, high } = area;
    let mut between = |low: i64, high: i64| {
        let step = up_to(random, u64::try_from(high.saturating_sub(low)).unwrap_or(0));
        low.saturating_add(i64::try_from(step).unwrap_or(0))
    };
    Position { x: between(low.x, high.x), y: between(low.y, high.y) }
}

/// Which of the base stations at these places is nearest to another, of several the first; `None` without any.
pub(in crate::scenario) fn nearest(at: Position, stations: &[Position]) -> Option<BaseStationId> {
    let distances = stations.iter().enumerate().map(|(number, place)| (at.distance(*place), BaseStationId(number)));
    distances.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, id)| id)
}

/// How many mobile stations each base station serves.
#[derive(Debug, Default)]
pub(in crate::scenario) struct Served(Vec<usize>);

impl Served {
    /// One more at this base station; `Err` with their number if that is more than it can serve.
    pub fn add(&mut self, at: BaseStationId) -> Result<(), usize> {
        if self.0.len() <= at.0 {
            self.0.resize(at.0.saturating_add(1), 0);
        }
        let Some(count) = self.0.get_mut(at.0) else { return Ok(()) };
        *count = count.saturating_add(1);
        if *count > MOBILE_STATIONS_PER_BASE_STATION { Err(*count) } else { Ok(()) }
    }
}
