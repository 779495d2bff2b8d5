//! The table of `keyhop compare`: for each loss and association level the five modes, and what the columns mean.

use super::table::tabulated;
use super::{WIDTH, wrapped};
use crate::scenario::compare::{Comparison, Row, Spread};

/// What stands under the tables.
const MEANING: [&str; 4] = [
    "interruption: how long no user packet could have been sent through either base station and be accepted, whatever \
     traffic there is: from the end of the last subframe at the source to the start of the first at the target. \
     Milliseconds; median and 95th percentile.",
    "gap: from the last user PDU accepted through the source to the first accepted through the target, with one SDU of 64 \
     octets in every frame and direction.",
    "messages: management PDUs from MOB_MSHO-REQ until the handover is complete, and control messages on the backbone (bb) \
     that it caused. All these are of handovers that completed in their mode; lost: user packets of all runs. Medians.",
    "bs1 reads bs2: whether the keys of the serving base station opened any user PDU at the target; it was tried on all.",
];

/// The tables, at most [`WIDTH`] columns wide.
#[must_use]
pub fn comparison(comparison: &Comparison) -> String {
    let mut text = String::new();
    let mut rest = comparison.rows.as_slice();
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|row| (row.loss, row.association) == (first.loss, first.association)).count();
        let (section, after) = rest.split_at(same.max(1));
        rest = after;
        let association = match first.association {
            "none" => "no association: the mobile ranges with a CDMA code first",
            _ => "association level 2: the timing at the target is known",
        };
        let loss = if first.loss > 0.0 {
            format!("{} % of the frames on the air lost", percent(first.loss))
        } else {
            "no loss".to_owned()
        };
        text.push_str(&format!("{loss}, {association}, {} runs\n\n", first.runs));
        text.push_str(&table(section));
        text.push('\n');
    }
    for meaning in MEANING {
        for line in wrapped(meaning, WIDTH) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

/// A probability in percent, without needless zeros.
fn percent(probability: f64) -> String {
    let text = format!("{:.3}", probability * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn table(rows: &[Row]) -> String {
    let headers = [
        "mode",
        "completed",
        "interruption/ms\n   median    95 %",
        "gap/ms\n   median    95 %",
        "messages",
        "octets",
        "lost",
        "bs1 reads\nbs2",
    ];
    let rows = rows.iter().map(|row| {
        vec![
            row.mode.to_owned(),
            format!("{}/{}", row.runs.saturating_sub(row.failed), row.runs),
            spreads(row.interruption_ul_us, row.interruption_dl_us),
            spreads(row.gap_ul_us, row.gap_dl_us),
            format!("air  {:>4}\nbb   {:>4}", count(row.messages_air), count(row.messages_backbone)),
            format!("air {:>6}\nbb  {:>6}", count(row.bytes_air), count(row.bytes_backbone)),
            format!("ul {:>3}\ndl {:>3}", count(row.lost_ul), count(row.lost_dl)),
            if row.source_reads_target { "yes" } else { "no" }.to_owned(),
        ]
    });
    tabulated(&headers, rows.collect())
}

fn spreads(uplink: Spread, downlink: Spread) -> String {
    let line = |name: &str, spread: Spread| {
        format!("{name} {:>6} {:>7}", milliseconds(spread.median), milliseconds(spread.p95))
    };
    format!("{}\n{}", line("ul", uplink), line("dl", downlink))
}

/// Microseconds as milliseconds with one decimal, rounded down; a dash where nothing was measured.
fn milliseconds(micros: Option<u64>) -> String {
    micros.map_or_else(|| "-".to_owned(), |micros| format!("{}.{}", micros / 1_000, micros % 1_000 / 100))
}

fn count(count: Option<u64>) -> String {
    count.map_or_else(|| "-".to_owned(), |count| count.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(mode: &'static str, loss: f64) -> Row {
        let spread = Spread { median: Some(13_000), p95: Some(1_234_567) };
        Row {
            mode,
            loss,
            association: "level2",
            runs: 40,
            failed: 3,
            interruption_ul_us: spread,
            interruption_dl_us: Spread::default(),
            gap_ul_us: spread,
            gap_dl_us: spread,
            messages_air: Some(5),
            messages_backbone: Some(23),
            bytes_air: None,
            bytes_backbone: Some(2_110),
            lost_ul: Some(0),
            lost_dl: Some(12),
            source_reads_target: loss > 0.0,
        }
    }

    #[test]
    fn every_loss_has_a_table_that_fits_and_the_columns_are_explained() {
        let rows = vec![row("seamless", 0.0), row("legacy-rng-rsp", 0.0), row("legacy-reuse", 0.125)];
        let text = comparison(&Comparison { system: "dot16", seed: 1, rows });
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let expected = "\
no loss, association level 2: the timing at the target is known, 40 runs

mode             completed   interruption/ms     gap/ms              messages    octets       lost     bs1 reads
                                median    95 %      median    95 %                                     bs2
";
        assert!(text.starts_with(expected), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let seamless = lines.iter().position(|line| line.starts_with("seamless")).unwrap();
        let words: Vec<&str> = lines[seamless].split_whitespace().collect();
        assert_eq!(words[..5], ["seamless", "37/40", "ul", "13.0", "1234.5"]);
        assert_eq!(words.last(), Some(&"no"));
        assert!(lines[seamless + 1].split_whitespace().take(3).eq(["dl", "-", "-"]));
        assert!(text.contains("\n12.5 % of the frames on the air lost, association level 2"));
        assert!(text.contains("\ninterruption: how long") && text.contains("\ngap: from the last"));
    }
}
