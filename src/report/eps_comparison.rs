//! What `keyhop compare --system eps` prints: the schemes side by side, and what the columns mean.

use super::table::tabulated;
use super::{WIDTH, wrapped};
use crate::scenario::compare::Spread;
use crate::scenario::eps::compare::{EpsComparison, EpsRow};

/// The hops whose reach has a column, from the first cell on.
const SHOWN_HOPS: [usize; 3] = [0, 4, 8];

/// What stands under the table.
const MEANING: [&str; 5] = [
    "cells read after hop N: somebody takes the keys that the eNB holds where the UE is after N handovers, and hears all of the \
     air: how many of the later visits open besides this one (tried on the frames). Median and, in brackets, 95th percentile.",
    "C-RNTI: how many of its 65,536 values were tried against one MAC-I until the key of the next cell was found, by \
     somebody who has the key of the first and has not heard the command; - where C-RNTI is in no key.",
    "interruption: how long no user packet could have been sent through either eNB and be accepted. Milliseconds; median and 95th \
     percentile. On X2 the source forwards packets to the target; over S1 they wait for nothing, and are lost until the path is switched.",
    "messages, octets: RRC messages of a handover (air), and messages of S1AP, X2AP and GTPv2-C that it caused (core). Medians.",
    "lost: packets to the UE in a walk, one every 5 ms. Median.",
];

/// The table, at most [`WIDTH`] columns wide.
#[must_use]
pub fn eps_comparison(comparison: &EpsComparison) -> String {
    let runs = comparison.rows.first().map_or(0, |row| row.runs);
    let mut text = format!("{runs} random walks of {} handovers, the same in each scheme\n\n", comparison.hops);
    let headers = [
        "scheme",
        "cells read\nafter",
        "C-RNTI\ntrials",
        "interruption/ms\n   median   95 %",
        "messages",
        "octets",
        "lost",
    ];
    text.push_str(&tabulated(&headers, comparison.rows.iter().map(row).collect()));
    text.push('\n');
    for meaning in MEANING {
        for line in wrapped(meaning, WIDTH) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn row(row: &EpsRow) -> Vec<String> {
    let read = SHOWN_HOPS.map(|hop| {
        let spread = row.cells_read.get(hop).map(|read| read.cells).unwrap_or_default();
        format!("hop {hop} {:>3} ({})", count(spread.median), count(spread.p95))
    });
    let mut cells = vec![row.mode.to_owned(), read.join("\n")];
    let trials = match (row.trials.median, row.searches_failed) {
        (Some(median), _) => median.to_string(),
        (None, [_, 0]) => "-".to_owned(),
        (None, _) => "none fits".to_owned(),
    };
    cells.push(trials);
    let line = |name: &str, spread: Spread| {
        format!("{name} {:>6} {:>6}", milliseconds(spread.median), milliseconds(spread.p95))
    };
    cells.push(format!("{}\n{}", line("ul", row.interruption_ul_us), line("dl", row.interruption_dl_us)));
    cells.push(format!("air  {:>3}\ncore {:>3}", count(row.messages_air), count(row.messages_backbone)));
    cells.push(format!("air  {:>5}\ncore {:>5}", count(row.bytes_air), count(row.bytes_backbone)));
    cells.push(count(row.lost_dl));
    cells
}

/// Microseconds as milliseconds with one decimal, rounded down; a dash where nothing was measured.
pub(super) fn milliseconds(micros: Option<u64>) -> String {
    micros.map_or_else(|| "-".to_owned(), |micros| format!("{}.{}", micros / 1_000, micros % 1_000 / 100))
}

/// A count; a dash where nothing was counted.
pub(super) fn count(count: Option<u64>) -> String {
    count.map_or_else(|| "-".to_owned(), |count| count.to_string())
}
