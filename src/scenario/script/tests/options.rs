//! `--set` against whole scripts.

use std::time::Duration;

use super::super::*;
use super::{SMALLEST, STATIONS, with};

fn set(argument: &str) -> Script {
    with(SMALLEST, &[argument]).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str, argument: &str) -> String {
    with(text, &[argument]).unwrap_err().to_string()
}

#[test]
fn every_fixed_name_can_be_set_where_the_script_leaves_it_out() {
    assert_eq!(set("profile=std2009").profile, Profile::Std2009);
    assert_eq!(set("mode=legacy-reuse").mode, HandoverMode::LegacyReuse);
    assert_eq!(set("radio.frame=10ms").radio.frame, Duration::from_millis(10));
    assert_eq!(set("radio.loss=0.1").radio.loss, 0.1);
    assert_eq!(set("radio.association=none").radio.association, Association::None);
    assert_eq!(set("backbone.latency=5ms").backbone.latency, Duration::from_millis(5));
    assert_eq!(set("backbone.loss=0.2").backbone.loss, 0.2);
    assert!(!set("base_station.bs1.tek_cache=false").base_stations[0].tek_cache);
    assert_eq!(set("base_station.bs1.self_sync_window=7").base_stations[0].self_sync_window, 7);
    assert_eq!(set("base_station.bs1.self_sync_budget=9").base_stations[0].self_sync_budget, 9);
    assert!(!set("mobile_station.ms1.seamless=false").mobile_stations[0].seamless);
    assert!(!set("mobile_station.ms1.tek_cache=false").mobile_stations[0].tek_cache);
}

#[test]
fn a_value_may_be_quoted_and_the_last_of_several_wins() {
    assert_eq!(set("radio.frame=\"10ms\"").radio.frame, Duration::from_millis(10));
    let script = with(SMALLEST, &["seed=5", "radio.frame=4ms", "seed=6"]).unwrap();
    assert_eq!((script.seed, script.radio.frame), (6, Duration::from_millis(4)));
}

#[test]
fn a_value_that_the_script_gives_is_replaced_at_the_named_entry_only() {
    let script = with(STATIONS, &["mobile_station.ms2.serving=bs1"]).unwrap();
    assert_eq!(script.mobile_stations[1].serving, BaseStationId(0));
    let script = with(STATIONS, &["base_station.bs2.tek_cache=false"]).unwrap();
    assert!(script.base_stations[0].tek_cache && !script.base_stations[1].tek_cache);
}

#[test]
fn a_wrong_path_names_the_option_and_the_nearest_known_name() {
    for (argument, expected) in [
        ("radio.fram=1ms", "--set radio.fram=1ms: unknown key \"fram\" in radio; did you mean \"frame\"?"),
        (
            "raido.frame=1ms",
            "--set raido.frame=1ms: unknown key \"raido\" at the top of the script; did you mean \"radio\"?",
        ),
        (
            "base_station.bs3.tek_cache=false",
            "--set base_station.bs3.tek_cache=false: base_station: no entry has the name \"bs3\"; did you mean \"bs1\"?",
        ),
        (
            "base_station.bs2.tek_cash=false",
            "--set base_station.bs2.tek_cash=false: unknown key \"tek_cash\" in base_station; did you mean \"tek_cache\"?",
        ),
        ("name.x=1", "--set name.x=1: name: expected a table, found the string \"pair\""),
        (
            "base_station.bs1=5",
            "--set base_station.bs1=5: base_station.bs1: expected the path of a key, found the path of a whole entry",
        ),
        ("traffic.x.size=5", "--set traffic.x.size=5: traffic: expected [[traffic]] tables, found a table"),
    ] {
        assert_eq!(refused(STATIONS, argument), expected);
    }
    let step = format!("{SMALLEST}[[step]]\nat = \"1s\"\naction = \"cancel\"\n");
    assert_eq!(
        refused(&step, "step.1.at=2s"),
        "--set step.1.at=2s: step: its entries have no name by which a path could reach them"
    );
}

#[test]
fn a_wrong_value_names_the_option_and_points_into_it() {
    let error = with(SMALLEST, &["seed=3", "radio.frame=10"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--set radio.frame=10: radio.frame: expected a time with a unit (ns, us, ms, s, min, h) such as \"5ms\", found the integer 10"
    );
    assert_eq!((error.source_name(), error.line(), error.column()), ("--set", 1, 13));
    assert_eq!(
        refused(SMALLEST, "radio.loss=\"much\""),
        "--set radio.loss=\"much\": radio.loss: expected a probability from 0 to 1, found the string \"much\""
    );
}
