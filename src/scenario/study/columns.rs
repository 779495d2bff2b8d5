//! The columns of a row: what a study keeps of a run. One table says their names, their order and where they come from;
//! `docs/studies/README.md` says what each means.

use serde::{Deserialize, Serialize};

use super::grid::{Grid, PlannedRow};
use crate::dot16::node::HandoverMode;
use crate::scenario::compare::Spread;
use crate::scenario::ledger::Counts;
use crate::scenario::outcome::{HandoverResult, RunOutcome, RunVerdict, TrafficResult};
use crate::scenario::script::HandoverOutcome;

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// There was nothing to measure.
    Nothing,
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

/// A column that is measured: its name, and its value of a run.
struct Figure {
    name: &'static str,
    of: fn(&RunOutcome) -> Cell,
}

/// A figure of a handover, where it was measured.
type Measured = fn(&HandoverResult) -> Option<u64>;

const FIGURES: &[Figure] = &[
    Figure { name: "verdict", of: verdict },
    Figure { name: "handovers", of: |run| Cell::Number(run.handovers.len() as u64) },
    Figure { name: "completed", of: |run| ended(run, HandoverOutcome::Completed) },
    Figure { name: "cancelled", of: |run| ended(run, HandoverOutcome::Cancelled) },
    Figure { name: "fell_back", of: |run| ended(run, HandoverOutcome::FellBack) },
    Figure { name: "released", of: |run| ended(run, HandoverOutcome::Released) },
    Figure { name: "reauthenticated", of: |run| ended(run, HandoverOutcome::Reauthenticated) },
    Figure { name: "completed_seamless", of: |run| completed_in(run, HandoverMode::Seamless) },
    Figure { name: "completed_legacy_full", of: |run| completed_in(run, HandoverMode::LegacyFull) },
    Figure { name: "completed_legacy_sa_tek", of: |run| completed_in(run, HandoverMode::LegacySaTek) },
    Figure { name: "completed_legacy_rng_rsp", of: |run| completed_in(run, HandoverMode::LegacyRngRsp) },
    Figure { name: "completed_legacy_reuse", of: |run| completed_in(run, HandoverMode::LegacyReuse) },
    Figure { name: "interruption_ul_us_min", of: |run| least(run, |handover| handover.interruption_ul_us) },
    Figure { name: "interruption_ul_us_median", of: |run| median(run, |handover| handover.interruption_ul_us) },
    Figure { name: "interruption_ul_us_max", of: |run| most(run, |handover| handover.interruption_ul_us) },
    Figure { name: "interruption_dl_us_min", of: |run| least(run, |handover| handover.interruption_dl_us) },
    Figure { name: "interruption_dl_us_median", of: |run| median(run, |handover| handover.interruption_dl_us) },
    Figure { name: "interruption_dl_us_max", of: |run| most(run, |handover| handover.interruption_dl_us) },
    Figure { name: "messages_air", of: |run| median(run, |handover| Some(handover.messages_air)) },
    Figure { name: "messages_backbone", of: |run| median(run, |handover| Some(handover.messages_backbone)) },
    Figure { name: "bytes_air", of: |run| median(run, |handover| Some(handover.bytes_air)) },
    Figure { name: "bytes_backbone", of: |run| median(run, |handover| Some(handover.bytes_backbone)) },
    Figure { name: "self_sync_steps", of: |run| sum(run.handovers.iter().map(|handover| handover.self_sync_steps)) },
    Figure { name: "failed_searches", of: |run| Cell::Number(run.failed_searches) },
    Figure { name: "sent_ul", of: |run| uplink(run, |counts| counts.sent) },
    Figure { name: "sent_dl", of: |run| downlink(run, |counts| counts.sent) },
    Figure { name: "lost_ul", of: |run| uplink(run, |counts| counts.lost) },
    Figure { name: "lost_dl", of: |run| downlink(run, |counts| counts.lost) },
    Figure { name: "duplicated_ul", of: |run| uplink(run, |counts| counts.duplicated) },
    Figure { name: "duplicated_dl", of: |run| downlink(run, |counts| counts.duplicated) },
    Figure { name: "altered_ul", of: |run| uplink(run, |counts| counts.altered) },
    Figure { name: "altered_dl", of: |run| downlink(run, |counts| counts.altered) },
    Figure { name: "rejects_icv", of: |run| Cell::Number(run.rejects.icv) },
    Figure { name: "rejects_pn_replay", of: |run| Cell::Number(run.rejects.pn_replay) },
    Figure { name: "rejects_cmac", of: |run| Cell::Number(run.rejects.cmac) },
    Figure { name: "rejects_cmac_pn", of: |run| Cell::Number(run.rejects.cmac_pn) },
    Figure { name: "rejects_key_count", of: |run| Cell::Number(run.rejects.key_count) },
    Figure { name: "rejects_malformed", of: |run| Cell::Number(run.rejects.malformed) },
    Figure { name: "nonce_reuse", of: |run| Cell::Number(run.nonce_reuse) },
    Figure { name: "releases", of: |run| Cell::Number(run.releases.len() as u64) },
    Figure { name: "attacks", of: |run| Cell::Number(run.attacks.len() as u64) },
    Figure { name: "attacks_succeeded", of: |run| Cell::Number(succeeded(run).count() as u64) },
    Figure { name: "expectations", of: |run| Cell::Number(run.expectations.len() as u64) },
    Figure { name: "expectations_failed", of: |run| Cell::Number(failed(run).count() as u64) },
    Figure { name: "succeeded", of: |run| named(succeeded(run)) },
    Figure { name: "failed", of: |run| named(failed(run)) },
];

/// Most attacks or expectations that a cell names.
const MOST_NAMED: usize = 16;
/// What stands between them.
const BETWEEN: &str = "; ";

/// The names of the columns of a study of this grid: number, settings, seed, figures.
#[must_use]
pub fn columns(grid: &Grid) -> Vec<String> {
    let settings = grid.axes.iter().map(|axis| axis.path.clone());
    let figures = FIGURES.iter().map(|figure| figure.name.to_owned());
    ["row".to_owned()].into_iter().chain(settings).chain(["seed".to_owned()]).chain(figures).collect()
}

/// The first cells of a row, which are known before its run: number, settings, seed.
#[must_use]
pub fn planned(grid: &Grid, row: &PlannedRow) -> Vec<Cell> {
    let settings = grid.shown(&grid.combination(row.combination)).into_iter().map(Cell::Text);
    [Cell::Number(row.number)].into_iter().chain(settings).chain([Cell::Number(row.seed)]).collect()
}

/// The other cells of a row, which its run gives.
#[must_use]
pub fn measured(run: &RunOutcome) -> Vec<Cell> {
    FIGURES.iter().map(|figure| (figure.of)(run)).collect()
}

fn verdict(run: &RunOutcome) -> Cell {
    let verdict = match run.verdict {
        RunVerdict::Pass => PASS,
        RunVerdict::Fail => "fail",
    };
    Cell::Text(verdict.to_owned())
}

/// The verdict on a run in which every expectation holds.
const PASS: &str = "pass";

/// Whether these cells, a whole row of a study of `grid`, have the verdict of a run in which every expectation holds.
#[must_use]
pub fn passed(grid: &Grid, cells: &[Cell]) -> bool {
    let verdict = grid.axes.len().checked_add(2).and_then(|number| cells.get(number));
    matches!(verdict, Some(Cell::Text(verdict)) if verdict == PASS)
}

fn ended(run: &RunOutcome, outcome: HandoverOutcome) -> Cell {
    Cell::Number(run.handovers.iter().filter(|handover| handover.outcome == outcome.as_str()).count() as u64)
}

/// The handovers that completed.
fn completed(run: &RunOutcome) -> impl Iterator<Item = &HandoverResult> {
    run.handovers.iter().filter(|handover| handover.outcome == HandoverOutcome::Completed.as_str())
}

fn completed_in(run: &RunOutcome, mode: HandoverMode) -> Cell {
    Cell::Number(completed(run).filter(|handover| handover.mode == mode.as_str()).count() as u64)
}

fn optional(number: Option<u64>) -> Cell {
    number.map_or(Cell::Nothing, Cell::Number)
}

fn least(run: &RunOutcome, figure: Measured) -> Cell {
    optional(completed(run).filter_map(figure).min())
}

fn most(run: &RunOutcome, figure: Measured) -> Cell {
    optional(completed(run).filter_map(figure).max())
}

/// The median by nearest rank, as in `compare`: always a value that was measured.
fn median(run: &RunOutcome, figure: Measured) -> Cell {
    optional(Spread::of(completed(run).filter_map(figure).collect()).median)
}

fn sum(numbers: impl Iterator<Item = u64>) -> Cell {
    Cell::Number(numbers.fold(0, u64::saturating_add))
}

fn traffic(run: &RunOutcome, of: impl Fn(&TrafficResult) -> u64) -> Cell {
    sum(run.traffic.values().map(of))
}

fn uplink(run: &RunOutcome, of: fn(&Counts) -> u64) -> Cell {
    traffic(run, |traffic| of(&traffic.ul))
}

fn downlink(run: &RunOutcome, of: fn(&Counts) -> u64) -> Cell {
    traffic(run, |traffic| of(&traffic.dl))
}

/// The names of the attacks that succeeded.
fn succeeded(run: &RunOutcome) -> impl Iterator<Item = &str> {
    run.attacks.iter().filter(|attack| attack.succeeded).map(|attack| attack.name.as_str())
}

/// The expectations that do not hold, in words.
fn failed(run: &RunOutcome) -> impl Iterator<Item = &str> {
    run.expectations.iter().filter(|expectation| !expectation.held).map(|expectation| expectation.text.as_str())
}

fn named<'a>(mut names: impl Iterator<Item = &'a str>) -> Cell {
    let mut told: Vec<String> = names.by_ref().take(MOST_NAMED).map(str::to_owned).collect();
    let more = names.count();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    if told.is_empty() { Cell::Nothing } else { Cell::Text(told.join(BETWEEN)) }
}

/// Cells as a line of a CSV file (RFC 4180, but that lines end in LF): a text is quoted if it has to be, nothing is empty.
#[must_use]
pub fn csv_line(cells: &[Cell]) -> String {
    let mut line = String::new();
    for (number, cell) in cells.iter().enumerate() {
        if number > 0 {
            line.push(',');
        }
        match cell {
            Cell::Nothing => {}
            Cell::Number(value) => line.push_str(&value.to_string()),
            Cell::Text(text) if text.contains([',', '"', '\r', '\n']) => {
                line.push_str(&format!("\"{}\"", text.replace('"', "\"\"")));
            }
            Cell::Text(text) => line.push_str(text),
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulation::Engine;
    use crate::scenario::bundled;
    use crate::scenario::run::run;
    use crate::scenario::study::grid::{Axis, Seeds};
    use std::collections::BTreeSet;
    use std::path::Path;

    fn grid() -> Grid {
        let axis = Axis { path: "mode".to_owned(), values: vec!["\"seamless\"".to_owned()] };
        Grid { axes: vec![axis], seeds: Seeds::Range { from: 7, to: 7 } }
    }

    #[test]
    fn every_column_has_a_name_of_its_own_and_a_cell() {
        let columns = columns(&grid());
        assert_eq!(columns.iter().collect::<BTreeSet<_>>().len(), columns.len());
        assert_eq!(columns[..4], ["row", "mode", "seed", "verdict"]);
        assert_eq!(columns.len(), 3 + FIGURES.len());
    }

    #[test]
    fn a_row_says_of_a_run_what_its_document_says() {
        let script = bundled::script("cancel-retry").unwrap().parse(&[]).unwrap();
        let mut outcome = run(&script, Engine::Inline, Path::new("."), None).unwrap().outcome;
        let row = planned(&grid(), &grid().row(1).unwrap());
        assert_eq!(row, [Cell::Number(1), Cell::Text("seamless".into()), Cell::Number(7)]);
        let cells = |outcome: &RunOutcome| [row.clone(), measured(outcome)].concat();
        let of = |outcome: &RunOutcome, name: &str| {
            let column = columns(&grid()).iter().position(|column| column == name).unwrap();
            cells(outcome)[column].clone()
        };
        assert!(passed(&grid(), &cells(&outcome)));
        assert_eq!(of(&outcome, "handovers"), Cell::Number(2));
        assert_eq!((of(&outcome, "cancelled"), of(&outcome, "completed")), (Cell::Number(1), Cell::Number(1)));
        assert_eq!(of(&outcome, "completed_seamless"), Cell::Number(1));
        let completed = outcome.handovers.iter().find(|handover| handover.outcome == "completed").unwrap().clone();
        for name in ["interruption_ul_us_min", "interruption_ul_us_median", "interruption_ul_us_max"] {
            assert_eq!(of(&outcome, name), Cell::Number(completed.interruption_ul_us.unwrap()), "{name}");
        }
        assert_eq!(of(&outcome, "messages_air"), Cell::Number(completed.messages_air));
        let sent: u64 = outcome.traffic.values().map(|traffic| traffic.dl.sent).sum();
        assert!(sent > 0 && of(&outcome, "sent_dl") == Cell::Number(sent));
        assert_eq!(of(&outcome, "failed"), Cell::Nothing);
        outcome.expectations[0].held = false;
        outcome.verdict = RunVerdict::Fail;
        let text = outcome.expectations[0].text.clone();
        assert_eq!((of(&outcome, "expectations_failed"), of(&outcome, "failed")), (Cell::Number(1), Cell::Text(text)));
        assert!(!passed(&grid(), &cells(&outcome)));
        outcome.handovers.clear();
        assert_eq!(of(&outcome, "interruption_dl_us_median"), Cell::Nothing);
    }

    #[test]
    fn long_lists_of_names_are_cut_and_say_so() {
        let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let Cell::Text(text) = named(names.iter().map(String::as_str)) else { panic!() };
        assert!(text.starts_with("0; 1; ") && text.ends_with("15; and 4 more"), "{text}");
    }

    #[test]
    fn texts_are_quoted_where_csv_needs_it() {
        let cells = [Cell::Number(1), Cell::Nothing, Cell::Text("a".into()), Cell::Text("b, \"c\"\n".into())];
        assert_eq!(csv_line(&cells), "1,,a,\"b, \"\"c\"\"\n\"\n");
    }
}
