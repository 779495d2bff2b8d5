//! The section `[grid]`: base stations at equal distances, named and numbered upwards.

use super::position::{Area, Position};
use super::problem::{Problem, Read};
use super::section::Section;
use super::stations::BASE_STATIONS;

/// Where the base stations of a grid stand: row by row from the south-west, each in the middle of its square.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    columns: i64,
    rows: i64,
    /// Side of a square, in millimetres.
    spacing: i64,
}

pub(super) const GRID_KEYS: &[&str] = &[
    "columns",
    "rows",
    "spacing",
    "name",
    "bsid",
    "ip",
    "seamless",
    "tek_cache",
    "self_sync_window",
    "self_sync_budget",
    "pn_window",
    "retained_contexts",
    "context_request_budget",
    "preparation_budget",
    "weaknesses",
    "last_pn",
];

/// Largest distance between two base stations of a grid, in metres.
const WIDEST: f64 = 100_000.0;

/// Reads how many there are and how far apart.
pub(super) fn read(section: &Section<'_>) -> Read<Grid> {
    let most = i64::try_from(BASE_STATIONS).unwrap_or(i64::MAX);
    let columns = section.required("columns", "how many base stations stand in a row")?.number(1..=most)?;
    let rows_field = section.required("rows", "how many rows there are")?;
    let rows = rows_field.number(1..=most)?;
    let stations = columns.saturating_mul(rows);
    if stations > most {
        let expected = format!("at most {most} base stations, columns times rows");
        return Err(Problem::mismatch(rows_field.place(), "grid", &expected, &stations.to_string()));
    }
    let spacing = section.required("spacing", "the distance between neighbours in metres")?.decimal(1.0..=WIDEST)?;
    Ok(Grid { columns, rows, spacing: (spacing * 1_000.0).round() as i64 })
}

impl Grid {
    /// The places of its base stations.
    pub fn positions(self) -> impl Iterator<Item = Position> {
        let Self { columns, rows, spacing } = self;
        let middle = move |number: i64| number.saturating_mul(spacing).saturating_add(spacing / 2);
        (0..rows).flat_map(move |row| (0..columns).map(move |column| Position { x: middle(column), y: middle(row) }))
    }

    /// The squares of all of them.
    pub fn area(self) -> Area {
        let Self { columns, rows, spacing } = self;
        let high = Position { x: columns.saturating_mul(spacing), y: rows.saturating_mul(spacing) };
        Area { low: Position::default(), high }
    }
}
