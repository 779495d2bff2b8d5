//! The scripts in `captures/` and their documentation.

use std::time::Duration;

use super::super::*;
use crate::dot16::backbone::MessageKind;
use crate::dot16::security::Weakness;
use crate::judge::FindingKind;

const BUNDLED: [(&str, &str); 4] = [
    ("seamless", include_str!("../../../../captures/seamless.toml")),
    ("cancel-retry", include_str!("../../../../captures/cancel-retry.toml")),
    ("replay-data", include_str!("../../../../captures/replay-data.toml")),
    ("replay-data-no-cache", include_str!("../../../../captures/replay-data-no-cache.toml")),
];

const README: &str = include_str!("../../../../captures/README.md");

fn bundled(name: &str) -> Script {
    let (_, text) = BUNDLED.iter().find(|(known, _)| *known == name).unwrap();
    Script::parse(&format!("{name}.toml"), text, &[]).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_bundled_script_is_valid_and_called_like_its_file() {
    for (name, _) in BUNDLED {
        let script = bundled(name);
        assert_eq!(script.name, name);
        assert!(!script.expectations.is_empty(), "{name}");
        assert!(!script.statements.is_empty(), "{name}");
    }
}

#[test]
fn seamless_has_three_base_stations_and_one_handover_with_two_candidates() {
    let script = bundled("seamless");
    let names: Vec<&str> = script.base_stations.iter().map(|bs| bs.name.as_str()).collect();
    assert_eq!(names, ["bs1", "bs2", "bs3"]);
    let (bs2, bs3) = (BaseStationId(1), BaseStationId(2));
    assert_eq!(script.steps.len(), 1);
    assert_eq!(script.steps[0].at.as_nanos(), 1_000_000_000);
    assert_eq!(script.steps[0].action, StepAction::Handover { target: bs2, candidates: vec![bs2, bs3] });
    assert_eq!(script.duration, Duration::from_millis(2_500));
}

#[test]
fn the_two_replay_scripts_differ_in_the_cache_and_in_what_they_expect_only() {
    let (on, off) = (bundled("replay-data"), bundled("replay-data-no-cache"));
    assert_eq!((on.attack_id, on.defence), (Some(AttackId::Number(5)), Some(Defence::On)));
    assert_eq!((off.attack_id, off.defence), (Some(AttackId::Number(5)), Some(Defence::Off)));
    assert!(on.base_stations[1].tek_cache && !off.base_stations[1].tek_cache);
    assert_eq!((&on.steps, &on.attacks, &on.traffic), (&off.steps, &off.attacks, &off.traffic));
    assert_eq!((&on.radio, &on.mobile_stations), (&off.radio, &off.mobile_stations));
    let succeeds = |script: &Script, succeeded| {
        let expected = Expected::Attack { name: "replay".to_owned(), succeeded };
        script.expectations.iter().any(|expectation| expectation.expected == expected)
    };
    assert!(succeeds(&on, false) && succeeds(&off, true));
}

#[test]
fn the_documentation_names_every_key_of_every_section() {
    let sections: &[(&str, &[&str])] = &[
        ("### Top", KEYS),
        ("### `[radio]`", network::RADIO_KEYS),
        ("### `[backbone]`", network::BACKBONE_KEYS),
        ("### `[authenticator]`", network::AUTHENTICATOR_KEYS),
        ("### `[aaa]`", aaa::AAA_KEYS),
        ("### `[[base_station]]`", stations::BASE_STATION_KEYS),
        ("### `[[mobile_station]]`", stations::MOBILE_STATION_KEYS),
        ("### `[[flow]]`", flows::KEYS),
        ("### `[[traffic]]`", traffic::KEYS),
        ("### `[[step]]`", steps::KEYS),
        ("### `[[link]]`", impairments::KEYS),
        ("### `[[fault]]`", faults::KEYS),
        ("### `[[attack]]`", &attacks::every_key()),
        ("### `[adversary]`", external::KEYS),
        ("### `[[expect]]`", expectations::KEYS),
        ("### `[[expect]]`", expectations::HANDOVER_KEYS),
        ("### `[[expect]]`", expectations::TRAFFIC_KEYS),
        ("### `[[expect]]`", expectations::BOUNDED_KEYS),
        ("### `[[expect]]`", expectations::AUTHENTICATED_KEYS),
        ("### `[[expect]]`", expectations::RELEASED_KEYS),
        ("### `[[expect]]`", expectations::HANDOVERS_KEYS),
        ("### `[grid]`", grid::GRID_KEYS),
        ("### `[mobility]`", mobility::MOBILITY_KEYS),
        ("### `[mobility]`", mobility::RANGE_KEYS),
        ("### `[capture]`", capture::CAPTURE_KEYS),
        ("### `[[expect]]`", work::KEYS),
    ];
    for (heading, keys) in sections {
        let section = README.split(heading).nth(1).unwrap_or_else(|| panic!("no section {heading}"));
        let section = section.split("\n### ").next().unwrap();
        for key in *keys {
            // In code spans: alone, or among the keys of an inline table.
            let spans = section.split('`').skip(1).step_by(2);
            let mut words = spans.flat_map(|span| span.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
            assert!(words.any(|word| word == *key), "{heading} does not name {key}");
        }
    }
}

#[test]
fn the_documentation_names_every_word_that_an_expectation_can_use() {
    fn words<T>(all: &[(&'static str, T)]) -> Vec<&'static str> {
        all.iter().map(|(word, _)| *word).collect()
    }
    let words = [
        words(HandoverOutcome::ALL),
        words(HandoverMode::ALL),
        words(RejectReason::ALL),
        FindingKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        words(&MESSAGES),
        Weakness::ALL.iter().map(|(word, ..)| *word).collect(),
        MessageKind::NAMED.iter().map(|kind| kind.name()).collect(),
    ];
    for word in words.concat() {
        assert!(README.contains(&format!("`{word}`")), "{word} is not documented");
    }
}

#[test]
fn the_example_of_the_documentation_is_valid() {
    let example = README.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    Script::parse("README.md", example, &[]).unwrap_or_else(|error| panic!("{error}"));
}
