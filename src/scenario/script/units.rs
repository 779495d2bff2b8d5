//! Times as a script writes them: a decimal number directly followed by its unit.

use std::time::Duration;

const UNITS: [(&str, u128); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("h", 3_600_000_000_000),
];

/// What a time must look like, for messages.
pub(super) const EXPECTED_TIME: &str = "a time with a unit (ns, us, ms, s, min, h) such as \"5ms\"";

/// Reads `"1.5s"`; `None` for anything else, for fractions of a nanosecond and for more than 584 years.
pub(super) fn parse_time(text: &str) -> Option<Duration> {
    let (number, factor) =
        UNITS.iter().find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number.trim_end(), *factor)))?;
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let digits = |text: &str| !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    let mut nanos = whole.parse::<u128>().ok()?.checked_mul(factor)?;
    if let Some(fraction) = fraction {
        let scale = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let scaled = fraction.parse::<u128>().ok()?.checked_mul(factor)?;
        if scaled % scale != 0 {
            return None;
        }
        nanos = nanos.checked_add(scaled / scale)?;
    }
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// Writes a time as [`parse_time`] reads it, in the largest unit that needs no fraction.
pub(super) fn show_time(time: Duration) -> String {
    let nanos = time.as_nanos();
    let (unit, factor) = UNITS
        .iter()
        .filter(|(_, factor)| nanos.is_multiple_of(*factor) && (nanos > 0 || *factor == 1_000_000_000))
        .max_by_key(|(_, factor)| *factor)
        .unwrap_or(&("ns", 1));
    format!("{}{unit}", nanos / factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit_is_read() {
        for (text, nanos) in [
            ("7ns", 7),
            ("7us", 7_000),
            ("5ms", 5_000_000),
            ("1.5s", 1_500_000_000),
            ("0s", 0),
            ("2min", 120_000_000_000),
            ("1h", 3_600_000_000_000),
            ("0.25us", 250),
            ("5 ms", 5_000_000),
        ] {
            assert_eq!(parse_time(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "5", "ms", "-1s", "+1s", "1.s", ".5s", "1e3s", "5 m", "5MS", "0.5ns", "1..5s", "99999999999h"]
        {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_written_time_reads_back(nanos: u64) {
            let time = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_time(&show_time(time)), Some(time));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse_time(&text);
        }
    }
}
