//! Places on the ground: where base stations stand and mobile stations are, in the plane, with x to the east and y to the north.

use super::problem::Read;
use super::section::Field;

/// A place, in whole millimetres from the origin of the script, so that it is the same on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// To the east, in millimetres.
    pub x: i64,
    /// To the north, in millimetres.
    pub y: i64,
}

/// Farthest from the origin in either direction, in metres.
const FARTHEST: f64 = 10_000_000.0;

impl Position {
    /// The place `x` metres to the east and `y` metres to the north of the origin; `None` if it is farther away than
    /// 10,000 km, or no place at all.
    #[must_use]
    pub fn from_metres(x: f64, y: f64) -> Option<Self> {
        let range = -FARTHEST..=FARTHEST;
        let fits = range.contains(&x) && range.contains(&y);
        fits.then(|| Self { x: (x * 1_000.0).round() as i64, y: (y * 1_000.0).round() as i64 })
    }

    /// How far it is to `other`, in metres. Only operations that IEEE 754 fixes to the bit.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        let metres = |from: i64, to: i64| to.saturating_sub(from) as f64 / 1_000.0;
        let (x, y) = (metres(self.x, other.x), metres(self.y, other.y));
        (x * x + y * y).sqrt()
    }

    /// The place between this one and `to` at `share`, 0 to 1, of the way.
    #[must_use]
    pub fn towards(self, to: Self, share: f64) -> Self {
        let between = |from: i64, to: i64| from.saturating_add((to.saturating_sub(from) as f64 * share).round() as i64);
        Self { x: between(self.x, to.x), y: between(self.y, to.y) }
    }
}

/// A rectangle on the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its corner in the south-west.
    pub low: Position,
    /// Its corner in the north-east.
    pub high: Position,
}

impl Area {
    /// The smallest one that holds all of `positions`; `None` without any.
    #[must_use]
    pub fn around(positions: impl Iterator<Item = Position>) -> Option<Self> {
        positions.fold(None, |area: Option<Self>, Position { x, y }| {
            let Self { low, high } = area.unwrap_or(Self { low: Position { x, y }, high: Position { x, y } });
            Some(Self {
                low: Position { x: low.x.min(x), y: low.y.min(y) },
                high: Position { x: high.x.max(x), y: high.y.max(y) },
            })
        })
    }
}

/// The value of `field`, an array of two numbers of metres.
pub(super) fn position(field: &Field<'_>) -> Read<Position> {
    let expected = "two numbers of metres such as [500, 250], up to 10000000 from the origin";
    let items = field.items(expected)?;
    let [x, y] = items.as_slice() else { return Err(field.mismatch(expected)) };
    let [x, y] = [x.decimal(-FARTHEST..=FARTHEST)?, y.decimal(-FARTHEST..=FARTHEST)?];
    Position::from_metres(x, y).ok_or_else(|| field.mismatch(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metres_become_millimetres_and_far_away_is_nowhere() {
        let at = Position::from_metres(1.5, -2.0004).unwrap();
        assert_eq!(at, Position { x: 1_500, y: -2_000 });
        assert_eq!(Position::from_metres(10_000_001.0, 0.0), None);
        assert_eq!(Position::from_metres(f64::NAN, 0.0), None);
    }

    #[test]
    fn distances_and_places_between() {
        let (from, to) = (Position { x: 1_000, y: 1_000 }, Position { x: 4_000, y: 5_000 });
        assert_eq!(from.distance(to), 5.0);
        assert_eq!(from.towards(to, 0.0), from);
        assert_eq!(from.towards(to, 0.5), Position { x: 2_500, y: 3_000 });
        assert_eq!(from.towards(to, 1.0), to);
        let area = Area::around([to, from].into_iter()).unwrap();
        assert_eq!((area.low, area.high), (from, to));
    }
}
