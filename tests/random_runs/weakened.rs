//! The cases can fail: nodes that break a rule on purpose are found out, and the script that shows it is made smaller.

use keyhop::dot16::security::{Party, Weakness};

use super::generator::script_text;
use super::shrinking::shrink;
use super::{any_case, judge};

/// In how many cases a weakness must show.
const CASES: u64 = 500;

/// Weaknesses that show soon. (Others need a rare course of events: the traces of `tests/traces` show those.)
const FOUND: [&str; 10] = [
    "keeps-spent-count",
    "resumes-after-ranging",
    "derives-lost-contexts-again",
    "claims-seamless",
    "purges-live-context",
    "believes-count-first",
    "sends-generated-teks",
    "counts-by-itself",
    "accepts-old-report",
    "counts-handed-out-contexts",
];

/// A script whose nodes of some party have a weakness.
fn weakened(text: &str, weakness: &str, party: Party) -> String {
    let line = format!("weaknesses = [{weakness:?}]\n");
    let header = match party {
        Party::MobileStation => "[[mobile_station]]\n",
        Party::BaseStation => "[[base_station]]\n",
        Party::Authenticator => "[authenticator]\n",
    };
    match text.contains(header) {
        true => text.replace(header, &format!("{header}{line}")),
        false => format!("{text}{header}{line}"),
    }
}

#[test]
fn nodes_that_break_a_rule_are_found_out() {
    // broken: R1, R5, R7, R8, R13, A15, A21
    for name in FOUND {
        let (_, _, party) = Weakness::ALL.iter().find(|(known, ..)| *known == name).unwrap();
        let found = any_case(0..CASES, |seed| {
            let judged = judge(&weakened(&script_text(seed), name, *party), false);
            judged.is_some_and(|judged| !judged.findings.is_empty())
        });
        assert!(found, "{name} breaks no invariant in {CASES} cases");
    }
}

#[test]
fn a_script_that_fails_is_made_smaller_and_fails_in_the_same_way() {
    let fails = |text: &str| {
        let judged = judge(text, false);
        judged.is_some_and(|judged| judged.findings.iter().any(|finding| finding.rule == "mobile-count"))
    };
    let weak = |seed| weakened(&script_text(seed), "keeps-spent-count", Party::MobileStation);
    let text = (0..CASES).map(weak).find(|text| fails(text)).expect("a case that fails");
    let smallest = shrink(&text, fails);
    assert!(fails(&smallest));
    assert!(smallest.contains("keeps-spent-count"), "without it nothing fails:\n{smallest}");
    assert!(smallest.lines().count() * 2 < text.lines().count(), "{text}\nonly came to\n{smallest}");
}
