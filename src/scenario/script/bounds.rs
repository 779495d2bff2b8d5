//! Numbers and times as an expectation gives them: exactly, at least, at most.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::problem::Read;
use super::section::{Field, Section};
use super::units::show_time;
use super::value::Data;

/// The counts that an expectation allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// The smallest.
    pub at_least: u64,
    /// The largest.
    pub at_most: u64,
}

/// The times that an expectation allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeBounds {
    /// The shortest.
    pub at_least: Duration,
    /// The longest.
    pub at_most: Duration,
}

impl Amount {
    /// Any count from 1.
    pub const SOME: Self = Self { at_least: 1, at_most: u64::MAX };

    /// This count and no other.
    #[must_use]
    pub const fn exactly(count: u64) -> Self {
        Self { at_least: count, at_most: count }
    }

    /// Whether `count` is allowed.
    #[must_use]
    pub fn holds(&self, count: u64) -> bool {
        (self.at_least..=self.at_most).contains(&count)
    }
}

impl TimeBounds {
    /// Whether `time` is allowed.
    #[must_use]
    pub fn holds(&self, time: Duration) -> bool {
        (self.at_least..=self.at_most).contains(&time)
    }
}

/// `3`, `at least 1`, `at most 3` or `1 to 3`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at_least, self.at_most) {
            (low, high) if low == high => write!(f, "{low}"),
            (low, u64::MAX) => write!(f, "at least {low}"),
            (0, high) => write!(f, "at most {high}"),
            (low, high) => write!(f, "{low} to {high}"),
        }
    }
}

/// `at least 10ms`, `at most 30ms` or `10ms to 30ms`.
impl fmt::Display for TimeBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (show_time(self.at_least), self.at_most) {
            (low, Duration::MAX) => write!(f, "at least {low}"),
            (_, high) if self.at_least.is_zero() => write!(f, "at most {}", show_time(high)),
            (low, high) => write!(f, "{low} to {}", show_time(high)),
        }
    }
}

const RANGE_KEYS: &[&str] = &["at_least", "at_most"];

/// `3` or `{ at_least = 1, at_most = 3 }`, one of the two at least.
pub(super) fn amount(field: &Field<'_>) -> Read<Amount> {
    match field.data() {
        Data::Integer(_) => field.number(0..=u64::MAX).map(Amount::exactly),
        Data::Table(_) => given_amount(&field.section(RANGE_KEYS)?),
        _ => Err(field.mismatch("a number, { at_least = ... } or { at_most = ... }")),
    }
}

/// The keys `at_least` and `at_most` of a section, one of them at least.
pub(super) fn given_amount(section: &Section<'_>) -> Read<Amount> {
    let (at_least, at_most) = ends(section, 0, u64::MAX, |field, range| field.number(range))?;
    Ok(Amount { at_least, at_most })
}

/// The same for times.
pub(super) fn given_time_bounds(section: &Section<'_>) -> Read<TimeBounds> {
    let (at_least, at_most) = ends(section, Duration::ZERO, Duration::MAX, |field, range| field.time(range))?;
    Ok(TimeBounds { at_least, at_most })
}

fn ends<T: Copy + PartialOrd>(
    section: &Section<'_>,
    lowest: T,
    highest: T,
    read: impl Fn(&Field<'_>, RangeInclusive<T>) -> Read<T>,
) -> Read<(T, T)> {
    if section.field("at_most").is_none() {
        section.required("at_least", "at_least or at_most")?;
    }
    let at_least = section.read("at_least", lowest, |field| read(field, lowest..=highest))?;
    let at_most = section.read("at_most", highest, |field| {
        let at_most = read(field, lowest..=highest)?;
        match section.field("at_least") {
            Some(other) if at_most < at_least => {
                Err(field.mismatch("a value that is not below at_least").also(other.place(), "at_least"))
            }
            _ => Ok(at_most),
        }
    })?;
    Ok((at_least, at_most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_hold_at_their_ends_and_read_well() {
        let some = Amount { at_least: 1, at_most: 3 };
        assert!(some.holds(1) && some.holds(3) && !some.holds(0) && !some.holds(4));
        assert_eq!(some.to_string(), "1 to 3");
        assert_eq!(Amount::exactly(0).to_string(), "0");
        assert_eq!(Amount::SOME.to_string(), "at least 1");
        assert_eq!(Amount { at_least: 0, at_most: 3 }.to_string(), "at most 3");
    }

    #[test]
    fn time_bounds_hold_at_their_ends_and_read_well() {
        let ms = Duration::from_millis;
        let bounds = TimeBounds { at_least: ms(0), at_most: ms(30) };
        assert!(bounds.holds(ms(0)) && bounds.holds(ms(30)) && !bounds.holds(ms(31)));
        assert_eq!(bounds.to_string(), "at most 30ms");
        assert_eq!(TimeBounds { at_least: ms(1), at_most: Duration::MAX }.to_string(), "at least 1ms");
        assert_eq!(TimeBounds { at_least: ms(1), at_most: ms(2) }.to_string(), "1ms to 2ms");
    }
}
