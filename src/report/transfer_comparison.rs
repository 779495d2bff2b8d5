//! What `keyhop compare --system context-transfer` prints: procedures and settings side by side, the sweep over the delay of the HSS, and
//! what the columns mean.

use super::table::tabulated;
use super::{WIDTH, wrapped};
use crate::report::eps_comparison::{count, milliseconds};
use crate::scenario::compare::Spread;
use crate::scenario::eps::transfer_compare::{HSS_DELAYS, HssCurve, TransferComparison, TransferRow};

/// What stands under the tables.
const MEANING: [&str; 6] = [
    "inter-mme: to an eNB of another MME. handover: the security context goes ahead of the UE. context-request: the UE is released, and its \
     temporary identity leads the new MME to the old one. authentication: the UE is released, and the new MME authenticates it with a vector of \
     the HSS.",
    "inter-upe: to an eNB of another UPE, with what the source UPE does for the downlink. utran-to-eutran, eutran-to-utran: through SGSN and MME.",
    "interruption: how long no user packet could have been sent through either station and be accepted; gap: between the last packet that came \
     through the source and the first through the target. Milliseconds; median and 95th percentile.",
    "answers: messages that UE and HSS had to answer after the UE had left the source: each costs a round trip.",
    "messages, octets: on the air and in the core network. Medians.",
    "lost: packets to the UE, one every 5 ms; twice: packets that came twice, and that the UE dropped by COUNT. Medians.",
];

/// The tables, at most [`WIDTH`] columns wide.
#[must_use]
pub fn transfer_comparison(comparison: &TransferComparison) -> String {
    let runs = comparison.rows.first().map_or(0, |row| row.runs);
    let mut text = format!("{runs} handovers in each row\n\n");
    let headers = [
        "procedure",
        "interruption/ms\n   median   95 %",
        "gap/ms\nmedian",
        "answers",
        "messages",
        "octets",
        "lost\ntwice",
    ];
    text.push_str(&tabulated(&headers, comparison.rows.iter().map(row).collect()));
    text.push_str("\ninterruption of the downlink in ms, over the delay of the HSS, one way\n\n");
    let delays: Vec<String> = HSS_DELAYS.iter().map(|delay| format!("{delay} ms")).collect();
    let headers: Vec<&str> = ["procedure"].into_iter().chain(delays.iter().map(String::as_str)).collect();
    text.push_str(&tabulated(&headers, comparison.sweep.iter().map(curve).collect()));
    text.push('\n');
    for meaning in MEANING {
        for line in wrapped(meaning, WIDTH) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn row(row: &TransferRow) -> Vec<String> {
    let line = |name: &str, spread: Spread| {
        format!("{name} {:>6} {:>6}", milliseconds(spread.median), milliseconds(spread.p95))
    };
    let pair = |names: [&str; 2], values: [String; 2]| {
        let [first, second] = values;
        format!("{:<4} {first:>5}\n{:<4} {second:>5}", names[0], names[1])
    };
    vec![
        row.mode.replacen(' ', "\n  ", 1),
        format!("{}\n{}", line("ul", row.interruption_ul_us), line("dl", row.interruption_dl_us)),
        format!("{:>6}\n{:>6}", milliseconds(row.gap_ul_us.median), milliseconds(row.gap_dl_us.median)),
        pair(["UE", "HSS"], [count(row.answers_ue), count(row.answers_hss)]),
        pair(["air", "core"], [count(row.messages_air), count(row.messages_backbone)]),
        pair(["air", "core"], [count(row.bytes_air), count(row.bytes_backbone)]),
        format!("{}\n{}", count(row.lost_dl), count(row.dropped_twice)),
    ]
}

fn curve(curve: &HssCurve) -> Vec<String> {
    let at = |delay: &u64| curve.points.iter().find(|(known, _)| known == delay).map(|(_, micros)| *micros);
    [curve.mode.clone()].into_iter().chain(HSS_DELAYS.iter().map(|delay| milliseconds(at(delay)))).collect()
}
