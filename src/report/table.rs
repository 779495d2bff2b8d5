//! The tables of the report: handovers, user traffic, rejects, attacks, and the list of expectations.
//!
//! Times are in milliseconds. A cell with two lines has uplink above downlink, or air above backbone.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};

use super::{WIDTH, printable, wrapped};
use crate::dot16::identifiers::Direction;
use crate::scenario::outcome::{HandoverResult, RunOutcome};

/// What stands between ladder and verdict, one text for each section, ending in a line end; empty ones are left out by
/// who joins them.
pub(super) fn sections(outcome: &RunOutcome) -> Vec<String> {
    let judge = outcome.judge.as_ref().map_or_else(String::new, super::judgement::findings);
    vec![
        handovers(&outcome.handovers),
        traffic(outcome),
        counts(outcome),
        attacks(outcome),
        judge,
        expectations(outcome),
    ]
}

/// A table without frame, aligned, at most [`WIDTH`] columns wide. Every row has as many cells as there are headers; cells
/// may have several lines.
#[must_use]
pub fn tabulated(headers: &[&str], rows: Vec<Vec<String>>) -> String {
    finished(table(headers, rows))
}

fn table(headers: &[&str], rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(WIDTH).unwrap_or(u16::MAX))
        .set_header(headers)
        .add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

fn finished(table: Table) -> String {
    table.trim_fmt() + "\n"
}

/// Microseconds as milliseconds with three decimals; a dash where there is nothing to measure.
fn milliseconds(micros: Option<u64>) -> String {
    micros.map_or_else(|| "-".to_owned(), |micros| format!("{}.{:03}", micros / 1_000, micros % 1_000))
}

/// Two named figures, one above the other.
fn pair(names: [&str; 2], figures: [String; 2]) -> String {
    let widest = |texts: [&str; 2]| texts.map(str::len).into_iter().max().unwrap_or(0);
    let [first, second] = &figures;
    let (name_width, width) = (widest(names), widest([first, second]));
    names
        .iter()
        .zip(&figures)
        .map(|(name, figure)| format!("{name:name_width$} {figure:>width$}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// How many handovers, and how many mobiles with user traffic, stand in the tables.
const MOST_ROWS: usize = 100;

/// What stands below a table that has not all of them.
fn more(count: usize, what: &str) -> String {
    match count.checked_sub(MOST_ROWS) {
        None | Some(0) => String::new(),
        Some(more) => format!("... and {more} more {what}; --statistics and --json have all of them\n"),
    }
}

fn handovers(handovers: &[HandoverResult]) -> String {
    if handovers.is_empty() {
        return String::new();
    }
    let directions = ["ul", "dl"];
    let links = ["air", "backbone"];
    let rows = handovers
        .iter()
        .take(MOST_ROWS)
        .map(|handover| {
            let before = handover.data_before_ranging;
            vec![
                printable(&handover.ms) + "\n" + &printable(&format!("{} > {}", handover.from, handover.to)),
                printable(&handover.mode) + "\n" + &printable(&handover.outcome),
                pair(directions, [handover.interruption_ul_us, handover.interruption_dl_us].map(milliseconds)),
                pair(directions, [handover.gap_ul_us, handover.gap_dl_us].map(milliseconds)),
                pair(links, [handover.messages_air, handover.messages_backbone].map(|count| count.to_string())),
                pair(links, [handover.bytes_air, handover.bytes_backbone].map(|count| count.to_string())),
                handover.self_sync_steps.to_string(),
                pair(directions, [before.ul, before.dl].map(|count| count.to_string())),
            ]
        })
        .collect();
    let headers = [
        "handover",
        "mode\noutcome",
        "interruption\nms",
        "gap\nms",
        "messages",
        "octets",
        "self-sync\nsteps",
        "data before\nranging",
    ];
    tabulated(&headers, rows) + &more(handovers.len(), "handovers")
}

fn traffic(outcome: &RunOutcome) -> String {
    let mut rows = Vec::new();
    for (mobile, result) in outcome.traffic.iter().take(MOST_ROWS) {
        for (direction, counts) in [(Direction::Uplink, result.ul), (Direction::Downlink, result.dl)] {
            let mut row = vec![printable(mobile), direction.to_string()];
            let figures = [counts.sent, counts.delivered, counts.lost, counts.duplicated, counts.altered];
            row.extend(figures.map(|figure| figure.to_string()));
            rows.push(row);
        }
    }
    let mut text = String::new();
    if !rows.is_empty() {
        let headers = ["user packets", "direction", "sent", "delivered", "lost", "duplicated", "altered"];
        let mut table = table(&headers, rows);
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        text = finished(table) + &more(outcome.traffic.len(), "mobiles");
    }
    let skipped = outcome.skipped;
    if skipped.not_ipv4 > 0 || skipped.truncated > 0 {
        text.push_str(&format!(
            "Skipped packets of the traffic file: {} not IPv4, {} cut short\n",
            skipped.not_ipv4, skipped.truncated
        ));
    }
    text
}

fn counts(outcome: &RunOutcome) -> String {
    let rejects = outcome.rejects;
    let rejected = [
        ("icv", rejects.icv),
        ("pn_replay", rejects.pn_replay),
        ("cmac", rejects.cmac),
        ("cmac_pn", rejects.cmac_pn),
        ("key_count", rejects.key_count),
        ("malformed", rejects.malformed),
    ]
    .map(|(reason, count)| format!("{reason} {count}"))
    .join(", ");
    let mut text = match &outcome.eps_rejects {
        None => format!("Rejected: {rejected}\nPairs of TEK and PN used more than once: {}\n", outcome.nonce_reuse),
        Some(rejects) => {
            let rejected: Vec<String> = rejects.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            let rejected = if rejected.is_empty() { "nothing".to_owned() } else { rejected.join(", ") };
            let reuse = outcome.nonce_reuse;
            format!("Rejected: {rejected}\nKey, bearer, direction and COUNT used more than once: {reuse}\n")
        }
    };
    if let Some(capture) = &outcome.capture {
        text.push_str(&format!("Capture: {}, {} frames\n", printable(&capture.file), capture.frames));
    }
    text
}

fn attacks(outcome: &RunOutcome) -> String {
    if outcome.attacks.is_empty() {
        return String::new();
    }
    let rows = outcome
        .attacks
        .iter()
        .map(|attack| {
            let result = if attack.succeeded { "succeeded" } else { "failed" };
            vec![printable(&attack.name), result.to_owned(), printable(&attack.detail)]
        })
        .collect();
    tabulated(&["attack", "result", "detail"], rows)
}

fn expectations(outcome: &RunOutcome) -> String {
    if outcome.expectations.is_empty() {
        return String::new();
    }
    let held = outcome.expectations.iter().filter(|expectation| expectation.held);
    let mut text = format!("Expectations: {} of {} hold\n", held.count(), outcome.expectations.len());
    for expectation in &outcome.expectations {
        let mark = if expectation.held { '✓' } else { '✗' };
        let words = if expectation.detail.is_empty() {
            expectation.text.clone()
        } else {
            format!("{} (seen: {})", expectation.text, expectation.detail)
        };
        for (number, line) in wrapped(&words, WIDTH - 4).iter().enumerate() {
            let mark = if number == 0 { mark } else { ' ' };
            text.push_str(&format!("  {mark} {line}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::empty_outcome;
    use super::*;
    use crate::scenario::ledger::Counts;
    use crate::scenario::outcome::{
        AttackResult, CaptureResult, ExpectationResult, PerDirection, RejectCounts, SkippedPackets, TrafficResult,
    };

    fn handover() -> HandoverResult {
        HandoverResult {
            ms: "ms1".to_owned(),
            from: "bs1".to_owned(),
            to: "bs2".to_owned(),
            mode: "seamless".to_owned(),
            outcome: "completed".to_owned(),
            interruption_ul_us: Some(12_345),
            interruption_dl_us: Some(5_000),
            gap_ul_us: Some(20_000),
            gap_dl_us: None,
            messages_air: 6,
            messages_backbone: 14,
            bytes_air: 412,
            bytes_backbone: 2_048,
            self_sync_steps: 1,
            data_before_ranging: PerDirection { ul: 3, dl: 12 },
            started_us: 1_000_000,
            ended_us: Some(1_100_000),
            answers: None,
        }
    }

    #[test]
    fn a_handover_has_uplink_above_downlink_and_air_above_backbone() {
        let mut fell_back = handover();
        fell_back.mode = "legacy-rng-rsp".to_owned();
        fell_back.outcome = "reauthenticated".to_owned();
        let expected = "\
handover    mode              interruption   gap         messages      octets          self-sync   data before
            outcome           ms             ms                                        steps       ranging
RULE
ms1         seamless          ul 12.345      ul 20.000   air       6   air       412   1           ul  3
bs1 > bs2   completed         dl  5.000      dl      -   backbone 14   backbone 2048               dl 12
ms1         legacy-rng-rsp    ul 12.345      ul 20.000   air       6   air       412   1           ul  3
bs1 > bs2   reauthenticated   dl  5.000      dl      -   backbone 14   backbone 2048               dl 12
";
        let text = handovers(&[handover(), fell_back]);
        assert_eq!(text, expected.replace("RULE", &"─".repeat(112)));
    }

    #[test]
    fn every_section_stands_in_its_place() {
        let mut outcome = empty_outcome();
        outcome.traffic.insert(
            "ms1".to_owned(),
            TrafficResult {
                ul: Counts { sent: 1_000, delivered: 998, duplicated: 3, lost: 2, altered: 0 },
                dl: Counts::default(),
            },
        );
        outcome.skipped = SkippedPackets { not_ipv4: 3, truncated: 1 };
        outcome.rejects = RejectCounts { pn_replay: 3, ..RejectCounts::default() };
        outcome.nonce_reuse = 2;
        outcome.attacks = vec![
            AttackResult::new("replay", true, "bs2 accepted 3 of 3 frames"),
            AttackResult::new("replay-later", false, "nothing ".repeat(20)),
        ];
        outcome.capture = Some(CaptureResult { file: "x.pcapng".to_owned(), frames: 1_234 });
        outcome.expectations = vec![
            ExpectationResult {
                text: "no pair of TEK and PN is used twice".to_owned(),
                held: false,
                detail: "2 pairs are".to_owned(),
            },
            ExpectationResult { text: "word ".repeat(30), held: true, detail: String::new() },
        ];
        let expected = "\
user packets   direction   sent   delivered   lost   duplicated   altered
RULE 75
ms1            uplink      1000         998      2            3         0
ms1            downlink       0           0      0            0         0
Skipped packets of the traffic file: 3 not IPv4, 1 cut short

Rejected: icv 0, pn_replay 3, cmac 0, cmac_pn 0, key_count 0, malformed 0
Pairs of TEK and PN used more than once: 2
Capture: x.pcapng, 1234 frames

attack         result      detail
RULE 116
replay         succeeded   bs2 accepted 3 of 3 frames
replay-later   failed      nothing nothing nothing nothing nothing nothing nothing nothing nothing nothing nothing
                           nothing nothing nothing nothing nothing nothing nothing nothing nothing

Expectations: 1 of 2 hold
  ✗ no pair of TEK and PN is used twice (seen: 2 pairs are)
  ✓ word word word word word word word word word word word word word word word word word word word word word word word
    word word word word word word word
";
        let expected = [75, 116]
            .iter()
            .fold(expected.to_owned(), |text, width| text.replace(&format!("RULE {width}"), &"─".repeat(*width)));
        let sections: Vec<String> = sections(&outcome).into_iter().filter(|section| !section.is_empty()).collect();
        assert_eq!(sections.join("\n"), expected);
    }
}
