//! What a run came to, as text for a reader at a terminal: ladder diagram, tables, expectations, verdict (DESIGN
//! section 5).
//!
//! * [`ladder`]: who sent what to whom, and when keys changed.
//! * [`table`]: handovers, traffic, rejects, attacks, expectations.
//! * [`judgement`]: what the judge says.
//! * [`comparison`] and [`plot`], [`eps_comparison`], [`eps_plot`], [`reach_map`], [`transfer_comparison`] and [`transfer_plot`],
//!   [`e2m_comparison`] and [`e2m_race`]: what `compare` prints and draws.
//!
//! The text is UTF-8 without colours or other escape sequences, at most [`WIDTH`] columns wide with up to five nodes, and
//! depends on nothing but the outcome. The JSON document is the outcome itself, serialised.

pub mod comparison;
pub mod e2m_comparison;
pub mod e2m_race;
pub mod eps_comparison;
pub mod eps_plot;
pub mod judgement;
pub mod ladder;
pub mod parlos_comparison;
pub mod parlos_matrix;
pub mod plot;
pub mod reach_map;
pub mod table;
pub mod transfer_comparison;
pub mod transfer_plot;

pub use table::tabulated;

use crate::scenario::outcome::{RunOutcome, RunVerdict};

/// Columns of a terminal that the text is laid out for.
pub const WIDTH: usize = 120;

/// The whole report. Its last line is `PASS` or `FAIL`.
#[must_use]
pub fn text(outcome: &RunOutcome) -> String {
    let heading = format!("{}, seed {}\n", printable(&outcome.scenario), outcome.seed);
    let verdict = match outcome.verdict {
        RunVerdict::Pass => "PASS\n",
        RunVerdict::Fail => "FAIL\n",
    };
    let ladder = ladder::text(&outcome.ladder, &outcome.ladder_nodes);
    let mut sections = vec![heading, ladder];
    sections.extend(table::sections(outcome));
    sections.push(verdict.to_owned());
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

/// The text with a blank for every control character: it may come from a script, and a terminal obeys those.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The text in lines of at most `width` characters, broken at blanks, and within a word only if it is longer than a
/// line; at least one line.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in printable(text).split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length <= width {
            line.push(' ');
            used += 1;
        } else if used > 0 {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        for character in word.chars() {
            if used == width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(character);
            used += 1;
        }
    }
    lines.push(line);
    lines
}

/// The text, cut to `width` characters; an ellipsis stands for what is left out.
fn shortened(text: &str, width: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= width {
        return text;
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::scenario::outcome::{RejectCounts, SkippedPackets};
    use std::collections::BTreeMap;

    /// An outcome in which nothing happened.
    pub(crate) fn empty_outcome() -> RunOutcome {
        RunOutcome {
            scenario: "nothing".to_owned(),
            seed: 7,
            verdict: RunVerdict::Pass,
            expectations: Vec::new(),
            handovers: Vec::new(),
            authentications: Vec::new(),
            traffic: BTreeMap::new(),
            skipped: SkippedPackets::default(),
            rejects: RejectCounts::default(),
            eps_rejects: None,
            failed_searches: 0,
            nonce_reuse: 0,
            releases: Vec::new(),
            work: BTreeMap::new(),
            attacks: Vec::new(),
            capture: None,
            judge: None,
            ladder: Vec::new(),
            ladder_nodes: Vec::new(),
        }
    }

    #[test]
    fn a_run_without_anything_has_heading_rejects_and_verdict() {
        let expected = "\
nothing, seed 7

Rejected: icv 0, pn_replay 0, cmac 0, cmac_pn 0, key_count 0, malformed 0
Pairs of TEK and PN used more than once: 0

PASS
";
        assert_eq!(text(&empty_outcome()), expected);
    }

    #[test]
    fn the_last_line_is_the_verdict() {
        let mut outcome = empty_outcome();
        outcome.verdict = RunVerdict::Fail;
        assert_eq!(text(&outcome).lines().last(), Some("FAIL"));
    }

    #[test]
    fn lines_break_at_blanks_and_within_words_that_are_too_long() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("a\n\u{1b}b", 5), ["a b"]);
    }

    #[test]
    fn what_is_cut_off_is_marked() {
        assert_eq!(shortened("abcd", 4), "abcd");
        assert_eq!(shortened("abcde", 4), "abc…");
    }
}
