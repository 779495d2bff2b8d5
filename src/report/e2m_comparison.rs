//! What `keyhop compare --system e2m` prints: settings side by side, failures by the depth of the store, the race by its instant.

use super::table::tabulated;
use super::{WIDTH, wrapped};
use crate::scenario::eps::e2m_compare::{
    Cost, E2mComparison, FailureRow, MOST_FAILURES, RacePoint, RaceRow, SettingsRow,
};
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
    "race: the HSS has pushed a new key, and the challenge is late by 300 ms; the session is opened so many milliseconds after the \
     re-authentication began. 1, 2: it is open, with the older or the newer key; x: there is no such key any more.",
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
    text.push_str("\nsession opened in a re-authentication\n\n");
    let rows = comparison.races.iter().map(race).collect();
    text.push_str(&tabulated(&["depth", "pushed/ms", "made/ms", "opened/ms: key"], rows));
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

fn race(row: &RaceRow) -> Vec<String> {
    // Runs of the same outcome as one.
    let mut spans: Vec<(i64, i64, String)> = Vec::new();
    for point in &row.points {
        match spans.last_mut() {
            Some((_, until, known)) if *known == mark(point) => *until = point.at_ms,
            _ => spans.push((point.at_ms, point.at_ms, mark(point))),
        }
    }
    let at = |time: Option<i64>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let spans: Vec<String> = spans.iter().map(|(from, until, mark)| format!("{from} to {until}: {mark}")).collect();
    vec![row.depth.to_string(), at(row.pushed_ms), at(row.made_ms), spans.join("\n")]
}
