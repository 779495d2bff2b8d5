//! Median and 95th percentile by nearest rank: the smallest value that at least half, or 95 %, of all are not above.

use serde::Serialize;

/// Median and 95th percentile; `None` of nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Median.
    pub median: Option<u64>,
    /// 95th percentile.
    pub p95: Option<u64>,
}

impl Spread {
    /// Of these values, in any order.
    #[must_use]
    pub fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let rank = |percent: usize| {
            let rank = values.len().saturating_mul(percent).div_ceil(100);
            values.get(rank.checked_sub(1)?).copied()
        };
        Self { median: rank(50), p95: rank(95) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_sorted_values() {
        let of = |values: &[u64]| {
            let spread = Spread::of(values.to_vec());
            (spread.median, spread.p95)
        };
        assert_eq!(of(&[]), (None, None));
        assert_eq!(of(&[7]), (Some(7), Some(7)));
        assert_eq!(of(&[9, 1]), (Some(1), Some(9)));
        assert_eq!(of(&[3, 2, 1]), (Some(2), Some(3)));
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(of(&hundred), (Some(50), Some(95)));
        assert_eq!(of(&hundred[..20]), (Some(90), Some(99)));
    }
}
