//! The columns beside the ladder: M, N, and for each base station what TEKs the mobile and it have at hand.
//!
//! A cell is filled while there are TEKs: green where they were generated from the count, amber where they were not. The
//! number in it is their count, T_M or T_B. Where a number or a colour is new it stands out, with the EKS of the TEKs.

use super::super::{Entry, Running};
use super::canvas::{Anchor, Canvas};
use super::{fitting, shortened, width_of};
use crate::dot16::identifiers::CmacKeyCount;
use crate::scenario::outcome::{EndTeks, KeyStanding, StationTeks};

/// Width of M and of N.
const COUNT: i32 = 30;
/// Width of one end, T_M or T_B.
const END: i32 = 40;
/// Most base stations that have columns, those of all mobiles together.
const MOST_STATIONS: usize = 8;

/// The columns, in groups: one for each mobile.
#[derive(Default)]
pub(super) struct KeyColumns<'a> {
    groups: Vec<Group<'a>>,
    end: i32,
}

struct Group<'a> {
    ms: &'a str,
    stations: Vec<&'a str>,
    at: i32,
}

impl<'a> KeyColumns<'a> {
    /// Columns for the mobiles that the entries name, as far as there is room, from `at` on.
    pub(super) fn new(entries: &[Entry<'a>], at: i32) -> Self {
        let mut columns = Self { groups: Vec::new(), end: at };
        let mut stations = 0;
        for standing in entries.iter().flat_map(|entry| entry.keys) {
            let known = columns.groups.iter().any(|group| group.ms == standing.ms);
            if known || stations + standing.stations.len() > MOST_STATIONS {
                continue;
            }
            stations += standing.stations.len();
            let names: Vec<&str> = standing.stations.iter().map(|station| station.bs.as_str()).collect();
            let width = 2 * COUNT + names.len() as i32 * (2 * END + 6) + 10;
            columns.groups.push(Group { ms: &standing.ms, stations: names, at: columns.end });
            columns.end += width;
        }
        columns
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Where the columns end.
    pub(super) fn end(&self) -> i32 {
        self.end
    }

    /// The heads; `y` is where their upper line stands.
    pub(super) fn heads(&self, canvas: &mut Canvas, y: i32) {
        for group in &self.groups {
            let name = shortened(group.ms, 16);
            canvas.text(group.at + 4, y - 16, Anchor::Start, "dim", &format!("keys of {name} after the step"));
            for (number, count) in ["M", "N"].into_iter().enumerate() {
                canvas.text(group.at + COUNT / 2 + COUNT * number as i32, y + 17, Anchor::Middle, "b", count);
            }
            for (number, bs) in group.stations.iter().enumerate() {
                let at = group.station(number);
                let name = shortened(&format!("TEKs of {bs}"), fitting(2 * END));
                canvas.text(at + END, y + 2, Anchor::Middle, "b", &name);
                canvas.text(at + END / 2, y + 17, Anchor::Middle, "dim", "T_M");
                canvas.text(at + END + END / 2, y + 17, Anchor::Middle, "dim", "T_B");
            }
        }
    }

    /// The cells of a step that begins at the height `top`.
    pub(super) fn row(&self, canvas: &mut Canvas, before: &Running<'a>, now: &Running<'a>, (top, height): (i32, i32)) {
        for group in &self.groups {
            let Some(now) = now.of(group.ms) else { continue };
            group.row(canvas, before.of(group.ms), now, (top, height));
        }
    }

    /// What colours and numbers mean.
    pub(super) fn legend(canvas: &mut Canvas, at: i32, y: i32) {
        let mut x = at;
        for (class, words) in [("gen-new", "TEKs generated from the count"), ("sent-new", "TEKs at random, sent")] {
            canvas.rectangle(class, (x, y - 9), (20, 13), 3);
            canvas.text(x + 26, y + 2, Anchor::Start, "dim", words);
            x += 26 + width_of(words) + 22;
        }
        let words = "Numbers: CMAC_KEY_COUNT of the TEKs at hand at the mobile (T_M) and at the base station (T_B); \
                     small: their EKS. No colour: no TEK at hand.";
        canvas.text(at, y + 24, Anchor::Start, "dim", words);
    }
}

impl Group<'_> {
    fn station(&self, number: usize) -> i32 {
        self.at + 2 * COUNT + 6 + number as i32 * (2 * END + 6)
    }

    fn row(&self, canvas: &mut Canvas, before: Option<&KeyStanding>, now: &KeyStanding, place: (i32, i32)) {
        let counts = [(before.and_then(|b| b.committed), now.committed), (before.and_then(|b| b.network), now.network)];
        for (number, (before, now)) in counts.into_iter().enumerate() {
            let class = if before == now { "dim" } else { "new" };
            let x = self.at + COUNT / 2 + COUNT * number as i32;
            canvas.number((x, place.0 + 14), class, &shown(now), "");
        }
        for (number, station) in now.stations.iter().enumerate() {
            let before = before.and_then(|before| before.stations.get(number));
            let at = self.station(number);
            let mobile = |station: &StationTeks| station.at_mobile.clone();
            let base = |station: &StationTeks| station.at_station.clone();
            cell(canvas, (at, place), before.map(mobile), &station.at_mobile);
            cell(canvas, (at + END, place), before.map(base), &station.at_station);
        }
    }
}

fn shown(count: Option<CmacKeyCount>) -> String {
    count.map_or_else(|| "–".to_owned(), |count| count.to_string())
}

/// One end of one base station.
fn cell(canvas: &mut Canvas, (x, (top, height)): (i32, (i32, i32)), before: Option<EndTeks>, now: &EndTeks) {
    let changed = before.as_ref() != Some(now);
    if now.count.is_none() {
        if changed && before.is_some() {
            canvas.number((x + END / 2, top + 14), "new", "–", "");
        }
        return;
    }
    let kind = if now.generated { "gen" } else { "sent" };
    canvas.rectangle(kind, (x + 1, top), (END - 2, height), 0);
    let mut smaller = String::new();
    if changed {
        canvas.rectangle(&format!("{kind}-new"), (x + 1, top + 2), (END - 2, height - 4), 3);
        smaller = now.eks.iter().map(u8::to_string).collect::<Vec<_>>().join(" ");
        if now.other_counts > 0 {
            smaller.push_str(&format!(" +{}", now.other_counts));
        }
    }
    canvas.number((x + END / 2, top + 14), if changed { "on-new" } else { "dim" }, &shown(now.count), &smaller);
}
