//! What `keyhop compare --system e2m` prints: settings side by side, failures by the depth of the store, the race by its instant.

use super::table::tabulated;
use super::{WIDTH, wrapped};
use crate::scenario::eps::e2m_compare::{Cost, E2mComparison, FailureRow, MOST_FAILURES, SettingsRow};
use crate::scenario::eps::e2m_race::{RACE_DEPTHS, RacePoint, RaceRow};
use crate::scenario::eps::enterprise::Learnt;

/// What stands under the tables.
const MEANING: [&str; 5] = [
    "id: what identifies a key: rand, the 32 low bits of RAND, which the HSS pushes with the key; hash, 32 bits of a hash of the key, which the \
     EMKS computes of all that it stores.",
    "IMSI by: who makes the IMSI of what the UE says: imsi, nobody, for the UE says its IMSI; emse, the end point; emks, the key server. learns: \
     what stands in frames that the node sends or gets: I, the IMSI; A, the application identity.",
    "S6, SWx, Zn, SGi: messages and octets of an attach and of a session with one message and its echo, on the way of vectors, pushes, requests \
     for keys, and between gateway and end point.",
    "failures: authentications that fail after the push, before the UE opens a session with its old key; depth: keys of a UE that the EMKS keeps.",
    "race: the UE is authenticated anew, and the vector is late by 300 ms; the session is opened just before and just after these frames, which \
     are sent so many milliseconds after that began. 1, 2: it is open, with the older or the newer key; x: there is no such key any more.",
];

/// The tables, at most [`WIDTH`] columns wide.
#[must_use]
pub fn e2m_comparison(comparison: &E2mComparison) -> String {
    let headers = ["access", "id", "IMSI by", "session", "S6", "SWx", "Zn", "SGi", "EMSE\nlearns", "EMKS\nlearns"];
    let mut text = tabulated(&headers, comparison.settings.iter().map(settings).collect());
    text.push_str("\nsession after failed authentications\n\n");
    let failures: Vec<String> = (0..=MOST_FAILURES).map(|number| number.to_string()).collect();
    let headers: Vec<&str> = ["depth"].into_iter().chain(failures.iter().map(String::as_str)).collect();
    text.push_str(&tabulated(&headers, comparison.failures.iter().map(failure).collect()));
    text.push_str("\nsession opened around the frames of a re-authentication\n\n");
    text.push_str(&races(comparison));
    text.push('\n');
    for meaning in MEANING {
        for line in wrapped(meaning, WIDTH) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn settings(row: &SettingsRow) -> Vec<String> {
    let cost = |cost: Cost| format!("{}/{}", cost.messages, cost.octets);
    let learns = |learnt: Learnt| match (learnt.imsi, learnt.application) {
        (true, true) => "I A",
        (true, false) => "I",
        (false, true) => "A",
        (false, false) => "-",
    };
    let session = if row.session == "open" && !row.same_keys { "UNEQUAL" } else { row.session.as_str() };
    vec![
        row.access.to_owned(),
        row.identifier.to_owned(),
        row.identity.to_owned(),
        session.to_owned(),
        cost(row.vectors),
        cost(row.pushes),
        cost(row.requests),
        cost(row.session_frames),
        learns(row.emse_learns).to_owned(),
        learns(row.emks_learns).to_owned(),
    ]
}

fn failure(row: &FailureRow) -> Vec<String> {
    let short = |session: &String| if session == "open" { "open".to_owned() } else { "-".to_owned() };
    [row.depth.to_string()].into_iter().chain(row.sessions.iter().map(short)).collect()
}

/// What came of a session in one character.
pub(super) fn mark(point: &RacePoint) -> String {
    match (point.session.as_str(), point.key) {
        ("open", Some(key)) if point.same_keys => key.to_string(),
        ("open", _) => "!".to_owned(),
        _ => "x".to_owned(),
    }
}

/// Microseconds as milliseconds.
pub(super) fn milliseconds(micros: i64) -> String {
    if micros % 1_000 == 0 { (micros / 1_000).to_string() } else { format!("{:.3}", micros as f64 / 1_000.0) }
}

/// A line for each access and instant, with what came of the sessions around it for each depth of the store.
fn races(comparison: &E2mComparison) -> String {
    let depths: Vec<String> = RACE_DEPTHS.iter().map(|depth| format!("depth {depth}")).collect();
    let headers: Vec<&str> =
        ["access", "at/ms", "frames"].into_iter().chain(depths.iter().map(String::as_str)).collect();
    let mut lines = Vec::new();
    for rows in comparison.races.chunks(RACE_DEPTHS.len()) {
        let Some(first) = rows.first() else { continue };
        for (number, pair) in first.points.chunks(2).enumerate() {
            let Some(RacePoint { at_us, frames, .. }) = pair.first() else { continue };
            let of_row = |row: &RaceRow| {
                let marks: Vec<String> = row.points.iter().skip(2 * number).take(2).map(mark).collect();
                marks.join(", ")
            };
            let head = [first.access.to_owned(), milliseconds(*at_us), frames.join("\n")];
            lines.push(head.into_iter().chain(rows.iter().map(of_row)).collect());
        }
    }
    tabulated(&headers, lines)
}
