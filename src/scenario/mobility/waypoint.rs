//! Random waypoints: a mobile goes straight to a random place at a random speed, stays a random time, and goes on to the next.
//!
//! Every mobile draws from a generator of its own, seeded by its name, so that one mobile more changes nothing for the others.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;

use crate::emulation::random::up_to;
use crate::scenario::script::placement::anywhere;
use crate::scenario::script::{Area, Position};

/// The way of one mobile.
#[derive(Debug)]
pub struct Waypoints {
    random: ChaCha20Rng,
    area: Area,
    speed: [u64; 2],
    pause: [Duration; 2],
    /// The leg under way: where from, where to, from when to when, and until when the mobile then stays.
    from: Position,
    to: Position,
    leaves: Duration,
    arrives: Duration,
    stays_until: Duration,
}

impl Waypoints {
    /// From `start` on, within `area`; `speed` in millimetres in a second and `pause` are from the least to the most.
    #[must_use]
    pub fn new(random: ChaCha20Rng, start: Position, area: Area, speed: [u64; 2], pause: [Duration; 2]) -> Self {
        let zero = Duration::ZERO;
        Self { random, area, speed, pause, from: start, to: start, leaves: zero, arrives: zero, stays_until: zero }
    }

    /// Where the mobile is so long after its start; instants only go up.
    pub fn at(&mut self, since: Duration) -> Position {
        while since >= self.stays_until {
            self.next_leg();
        }
        let length = self.arrives.saturating_sub(self.leaves).as_nanos();
        let gone = since.saturating_sub(self.leaves).as_nanos().min(length);
        match length {
            0 => self.to,
            _ => self.from.towards(self.to, gone as f64 / length as f64),
        }
    }

    fn next_leg(&mut self) {
        let [slow, fast] = self.speed;
        let [short, long] = self.pause.map(super::nanos);
        self.from = self.to;
        self.to = anywhere(&mut self.random, self.area);
        let speed = slow.saturating_add(up_to(&mut self.random, fast.saturating_sub(slow)));
        let pause = short.saturating_add(up_to(&mut self.random, long.saturating_sub(short)));
        // Metres by metres in a second.
        let seconds = self.from.distance(self.to) * 1_000.0 / speed.max(1) as f64;
        self.leaves = self.stays_until;
        // At least a microsecond, so that an area of one place does not hold the run up.
        self.arrives = self.leaves.saturating_add(Duration::from_nanos((seconds * 1e9).round().max(1_000.0) as u64));
        self.stays_until = self.arrives.saturating_add(Duration::from_nanos(pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulation::random::generator;

    fn way(seed: u64) -> Waypoints {
        let area = Area { low: Position::default(), high: Position { x: 1_000_000, y: 500_000 } };
        let pauses = [Duration::from_secs(1), Duration::from_secs(2)];
        Waypoints::new(generator(seed, "mobility of ms1"), Position::default(), area, [5_000, 10_000], pauses)
    }

    #[test]
    fn a_mobile_stays_in_its_area_and_is_never_faster_than_it_may_be() {
        let mut way = way(1);
        let mut before = way.at(Duration::ZERO);
        let (mut moved, mut stood) = (0, 0);
        for second in 1..2_000 {
            let at = way.at(Duration::from_secs(second));
            assert!((0..=1_000_000).contains(&at.x) && (0..=500_000).contains(&at.y), "{at:?}");
            let step = before.distance(at);
            assert!(step <= 10.01, "{step} m in a second");
            moved += u32::from(step > 4.9);
            stood += u32::from(step == 0.0);
            before = at;
        }
        assert!(moved > 1_000 && stood > 5, "{moved} {stood}");
    }

    #[test]
    fn the_same_seed_leads_the_same_way_and_another_seed_another() {
        let places = |seed| {
            let mut way = way(seed);
            (0..50).map(|second| way.at(Duration::from_secs(second * 10))).collect::<Vec<_>>()
        };
        assert_eq!(places(1), places(1));
        assert_ne!(places(1), places(2));
        let mut dense = way(1);
        let seldom = places(1);
        for tenth in 0..500 {
            let at = dense.at(Duration::from_secs(tenth));
            if tenth % 10 == 0 {
                assert_eq!(at, seldom[tenth as usize / 10], "looking more often changes nothing");
            }
        }
    }
}
