//! What a mobile receives of a base station: how near it is, or how strong its signal is by the log-distance model.
//!
//! The signal at distance d, in decibels against that at one metre, is `-10 n log10(d) + s`: n is the path loss exponent, s the
//! shadowing, drawn for each mobile and base station anew whenever the mobile has gone `shadowing_distance` from where it was
//! drawn last. Only additions, multiplications, divisions and square roots are used, which IEEE 754 fixes to the bit: the
//! logarithm of a library may differ from machine to machine.

use std::collections::BTreeMap;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use crate::emulation::random::generator;
use crate::scenario::script::{Measure, Position};

/// How one mobile hears base stations.
#[derive(Debug)]
pub struct Reception {
    measure: Measure,
    random: ChaCha20Rng,
    /// Where the shadowing was drawn, and what it is for each base station met since.
    drawn_at: Option<Position>,
    shadowing: BTreeMap<usize, f64>,
}

impl Reception {
    /// That of the mobile `name`.
    #[must_use]
    pub fn new(seed: u64, name: &str, measure: Measure) -> Self {
        let random = generator(seed, &format!("shadowing of {name}"));
        Self { measure, random, drawn_at: None, shadowing: BTreeMap::new() }
    }

    /// How good base station `station` at `place` is for the mobile at `at`; more is better. In decibels, or minus the distance in
    /// metres. Within a metre the signal is that of one metre.
    pub fn of(&mut self, station: usize, place: Position, at: Position) -> f64 {
        let distance = place.distance(at);
        match self.measure {
            Measure::Distance => -distance,
            Measure::Signal { path_loss, shadowing, shadowing_distance } => {
                let loss = 10.0 * path_loss * log10(distance.max(1.0));
                if shadowing > 0.0 { self.shadowing(station, at, shadowing, shadowing_distance) - loss } else { -loss }
            }
        }
    }

    fn shadowing(&mut self, station: usize, at: Position, deviation: f64, distance: f64) -> f64 {
        if self.drawn_at.is_none_or(|drawn_at| drawn_at.distance(at) >= distance) {
            self.drawn_at = Some(at);
            self.shadowing.clear();
        }
        let Self { random, shadowing, .. } = self;
        *shadowing.entry(station).or_insert_with(|| deviation * normal(random))
    }
}

/// A number of nearly normal distribution, mean 0 and standard deviation 1: the sum of twelve even ones.
fn normal(random: &mut ChaCha20Rng) -> f64 {
    let even = |random: &mut ChaCha20Rng| (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    (0..12).map(|_| even(random)).sum::<f64>() - 6.0
}

/// The decimal logarithm of a number of at least 1: its binary exponent, and for the rest of 1 to 2 the series of
/// ln((1 + s) / (1 - s)) = 2 (s + s^3/3 + s^5/5 + ...), where s is at most 1/3.
fn log10(number: f64) -> f64 {
    const LN_10: f64 = std::f64::consts::LN_10;
    const LN_2: f64 = std::f64::consts::LN_2;
    let bits = number.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as f64 - 1_023.0;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let (square, mut power, mut sum) = (s * s, s, 0.0);
    for odd in (1..34).step_by(2) {
        sum += power / f64::from(odd);
        power *= square;
    }
    (exponent * LN_2 + 2.0 * sum) / LN_10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_that_of_the_library() {
        for number in [1.0, 1.5, 1.999_999, 2.0, 9.0, 10.0, 123.456, 1e4, 9.99e9, 1e12] {
            let (own, library) = (log10(number), f64::log10(number));
            assert!((own - library).abs() < 1e-12, "{number}: {own} {library}");
        }
    }

    #[test]
    fn a_factor_of_ten_in_distance_costs_ten_times_the_exponent() {
        let measure = Measure::Signal { path_loss: 3.5, shadowing: 0.0, shadowing_distance: 50.0 };
        let mut reception = Reception::new(1, "ms1", measure);
        let mut at = |metres: i64| reception.of(0, Position::default(), Position { x: metres * 1_000, y: 0 });
        assert!((at(10) - at(100) - 35.0).abs() < 1e-9);
        assert_eq!(at(0), at(1));
    }

    #[test]
    fn shadowing_stays_until_the_mobile_has_moved_on_and_spreads_as_it_should() {
        let measure = Measure::Signal { path_loss: 3.0, shadowing: 8.0, shadowing_distance: 10.0 };
        let mut reception = Reception::new(1, "ms1", measure);
        let of = |reception: &mut Reception, metres: i64| {
            reception.shadowing(0, Position { x: metres * 1_000, y: 0 }, 8.0, 10.0)
        };
        assert_eq!(of(&mut reception, 0), of(&mut reception, 9));
        let drawn: Vec<f64> = (1..2_000).map(|step| of(&mut reception, step * 10)).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
        assert!(mean.abs() < 1.0 && (7.0..9.0).contains(&variance.sqrt()), "{mean} {variance}");
    }
}
