//! The ladder as Mermaid text: a `sequenceDiagram`, with what happens at a node and the key state in notes.
//!
//! Mermaid draws no longer text than 50,000 characters by default; what is beyond `MOST_CHARACTERS` is counted.

use super::super::printable;
use super::{Entry, Running, columns, fold, milliseconds};
use crate::scenario::outcome::{EndTeks, KeyStanding, LadderItem, LadderStep};

/// Most characters of the steps.
pub const MOST_CHARACTERS: usize = 45_000;

/// A `sequenceDiagram` of `steps` under the heading `title`, with a participant for each of `nodes` and for nodes that
/// only the steps name. The rest beyond [`MOST_LINES`](super::MOST_LINES) or `MOST_CHARACTERS` is counted.
#[must_use]
pub fn mermaid(title: &str, steps: &[LadderStep], nodes: &[String]) -> String {
    let (entries, mut left_out) = fold(steps);
    let names = columns(&entries, nodes);
    let mut text = format!("---\ntitle: {:?}\n---\nsequenceDiagram\n", printable(title));
    let foe = entries.iter().any(|entry| matches!(entry.what, LadderItem::Message { from: None, .. }));
    if foe {
        text.push_str("    participant foe as adversary\n");
    }
    for (number, name) in names.iter().enumerate() {
        text.push_str(&format!("    participant n{number} as {}\n", escaped(name)));
    }
    if names.is_empty() {
        text.push_str("    participant n0 as nobody\n");
    }
    let all = format!("n0,n{}", names.len().saturating_sub(1));
    if entries.is_empty() {
        text.push_str(&format!("    Note over {all}: No handover took place.\n"));
    }
    let mut running = Running::default();
    let mut characters = 0;
    for (number, entry) in entries.iter().enumerate() {
        let mut lines = vec![step(entry, &names)];
        let before = running.clone();
        if running.after(entry) {
            let changed = entry.keys.iter().filter(|standing| before.of(&standing.ms) != Some(standing));
            lines.extend(changed.map(|standing| format!("Note over {all}: {}", keys(standing))));
        }
        characters += lines.iter().map(|line| line.chars().count() + 5).sum::<usize>();
        if characters > MOST_CHARACTERS {
            left_out += entries.len() - number;
            break;
        }
        for line in lines {
            text.push_str(&format!("    {line}\n"));
        }
    }
    if left_out > 0 {
        text.push_str(&format!("    Note over {all}: ... and {left_out} more steps\n"));
    }
    text
}

fn step(entry: &Entry<'_>, names: &[&str]) -> String {
    let id = |name: &str| format!("n{}", names.iter().position(|known| *known == name).unwrap_or_default());
    let label = escaped(&format!("{} ms {}", milliseconds(entry.time), entry.label()));
    match entry.what {
        LadderItem::Message { from, to, data, dropped, .. } => {
            let from = from.as_ref().map_or_else(|| "foe".to_owned(), |from| id(from));
            let arrow = match (data, dropped) {
                (false, false) => "->>",
                (false, true) => "-x",
                (true, false) => "-->>",
                (true, true) => "--x",
            };
            format!("{from}{arrow}{}: {label}", id(to))
        }
        LadderItem::State { node, .. } => format!("Note over {}: {label}", id(node)),
    }
}

/// The key state of a mobile in a line.
fn keys(standing: &KeyStanding) -> String {
    let count = |count: Option<_>| count.map_or_else(|| "-".to_owned(), |count| format!("{count}"));
    let (m, n) = (count(standing.committed), count(standing.network));
    let mut text = format!("keys of {}: M = {m}, N = {n}", standing.ms);
    for station in &standing.stations {
        let (mobile, base) = (end(&station.at_mobile), end(&station.at_station));
        if station.at_mobile.count.is_some() || station.at_station.count.is_some() {
            text.push_str(&format!("<br/>TEKs of {}: T_M = {mobile}, T_B = {base}", station.bs));
        }
    }
    escaped(&text).replace("#lt;br/#gt;", "<br/>")
}

fn end(teks: &EndTeks) -> String {
    let Some(count) = teks.count else { return "-".to_owned() };
    let eks: Vec<String> = teks.eks.iter().map(u8::to_string).collect();
    let random = if teks.generated { "" } else { ", random" };
    format!("{count} (EKS {}{random})", eks.join(" "))
}

/// The text without what would end a line or a statement of Mermaid, or begin a tag or an entity.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '#' => escaped.push_str("#35;"),
            ';' => escaped.push_str("#59;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '&' => escaped.push_str("#amp;"),
            '"' => escaped.push_str("#quot;"),
            // A directive begins with %%, an italic or bold word with * or _ in some renderers.
            '%' => escaped.push_str("#37;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::CmacKeyCount;
    use crate::scenario::outcome::StationTeks;
    use crate::time::VirtualTime;

    fn message(micros: u64, from: Option<&str>, label: &str, data: bool, dropped: bool) -> LadderStep {
        LadderStep {
            time: VirtualTime::from_nanos(micros * 1_000),
            what: LadderItem::Message {
                from: from.map(str::to_owned),
                to: "bs1".to_owned(),
                label: label.to_owned(),
                data,
                dropped,
            },
            keys: Vec::new(),
        }
    }

    #[test]
    fn every_kind_of_step_has_its_arrow_and_keys_stand_in_notes() {
        let at_mobile = EndTeks { count: Some(CmacKeyCount(2)), eks: vec![0, 1], generated: true, other_counts: 0 };
        let stations = vec![StationTeks { bs: "bs1".to_owned(), at_mobile, at_station: EndTeks::default() }];
        let keys = KeyStanding { ms: "ms1".to_owned(), committed: Some(CmacKeyCount(1)), network: None, stations };
        let label = "T_M = 2".to_owned();
        let state = LadderStep {
            time: VirtualTime::from_nanos(1_000_000),
            what: LadderItem::State { node: "ms1".to_owned(), label },
            keys: vec![keys],
        };
        let steps = [
            state,
            message(2_000, Some("ms1"), "RNG-REQ: a; b # <c>", false, false),
            message(3_000, Some("ms1"), "lost", false, true),
            message(4_000, Some("ms1"), "user data", true, false),
            message(5_000, None, "user data", true, true),
        ];
        let expected = "\
---
title: \"x, seed 1\"
---
sequenceDiagram
    participant foe as adversary
    participant n0 as ms1
    participant n1 as bs1
    Note over n0: 1.000 ms T_M = 2
    Note over n0,n1: keys of ms1: M = 1, N = -<br/>TEKs of bs1: T_M = 2 (EKS 0 1), T_B = -
    n0->>n1: 2.000 ms RNG-REQ: a#59; b #35; #lt;c#gt;
    n0-xn1: 3.000 ms lost
    n0-->>n1: 4.000 ms user data
    foe--xn1: 5.000 ms user data
";
        assert_eq!(mermaid("x, seed 1", &steps, &["ms1".to_owned(), "bs1".to_owned()]), expected);
    }

    #[test]
    fn text_beyond_what_mermaid_draws_is_counted() {
        let label = "x".repeat(100);
        let steps: Vec<LadderStep> = (0..900).map(|at| message(at, Some("ms1"), &label, false, false)).collect();
        let text = mermaid("x", &steps, &[]);
        assert!(text.chars().count() < 50_000, "{}", text.chars().count());
        let drawn = text.lines().filter(|line| line.contains("->>")).count();
        assert!(text.contains(&format!("... and {} more steps", 900 - drawn)));
    }

    #[test]
    fn without_steps_the_diagram_says_so() {
        assert!(mermaid("x", &[], &[]).ends_with("Note over n0,n0: No handover took place.\n"));
    }
}
