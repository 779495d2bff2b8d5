//! Counts that do not line up: what happens when CMAC_KEY_COUNT_TB at the target is not CMAC_KEY_COUNT_TM of the mobile.

use std::path::Path;

use keyhop::emulation::Engine;
use keyhop::scenario::bundled;
use keyhop::scenario::outcome::RunOutcome;
use keyhop::scenario::run::run;

/// The main scenario with M = 9 at the mobile and `n` at the Authenticator, and what else is `set`.
fn outcome(n: u16, set: &[&str]) -> RunOutcome {
    let mut sets = vec!["mobile_station.ms1.cmac_key_count=9".to_owned()];
    sets.push(format!("mobile_station.ms1.network_key_count={n}"));
    sets.extend(set.iter().map(|set| (*set).to_owned()));
    let sets: Vec<_> = sets.iter().map(|set| set.parse().unwrap()).collect();
    let script = bundled::script("seamless").unwrap().parse(&sets).unwrap();
    run(&script, Engine::Inline, Path::new("."), None).unwrap().outcome
}

#[test]
fn equal_counts_need_no_search_and_lose_nothing() {
    // A2, A8, A10
    let outcome = outcome(10, &[]);
    let handover = &outcome.handovers[0];
    assert_eq!((handover.outcome.as_str(), handover.self_sync_steps), ("completed", 0));
    assert_eq!(outcome.rejects.icv, 0);
    assert_eq!(outcome.traffic["ms1"].ul.lost + outcome.traffic["ms1"].dl.lost, 0);
}

#[test]
fn a_count_that_is_stale_by_up_to_the_window_is_found_from_uplink_data_and_nothing_is_lost() {
    // A11, R6, R15
    for (n, steps) in [(9, 1), (8, 2), (7, 3), (6, 4)] {
        let outcome = outcome(n, &[]);
        let handover = &outcome.handovers[0];
        assert_eq!((handover.outcome.as_str(), handover.self_sync_steps), ("completed", steps), "N = {n}");
        assert!(handover.data_before_ranging.ul > 0 && handover.data_before_ranging.dl > 0, "N = {n}");
        assert_eq!(outcome.traffic["ms1"].ul.lost, 0, "N = {n}: the PDU that was searched for is delivered too");
        assert_eq!(outcome.traffic["ms1"].dl.lost, 0, "N = {n}: kept SDUs are sealed again");
        assert!(outcome.rejects.icv > 0, "N = {n}: downlink data under the old count is dropped by the mobile");
        assert_eq!(outcome.nonce_reuse, 0);
    }
}

#[test]
fn a_count_beyond_the_window_or_a_search_that_is_off_waits_for_rng_req() {
    // A12, A14
    // broken: A11, R15
    for (n, set) in [
        (5, &[][..]),
        (9, &["base_station.bs2.self_sync_window=0"][..]),
        (9, &["base_station.bs2.self_sync_budget=0"][..]),
        (9, &["profile=\"std2009\""][..]),
    ] {
        let outcome = outcome(n, set);
        let handover = &outcome.handovers[0];
        assert_eq!((handover.outcome.as_str(), handover.self_sync_steps), ("completed", 0), "N = {n}, {set:?}");
        assert_eq!((handover.data_before_ranging.ul, handover.data_before_ranging.dl), (0, 0), "N = {n}, {set:?}");
        assert!(outcome.traffic["ms1"].ul.lost > 0, "uplink data before RNG-REQ is discarded");
        assert_eq!(outcome.traffic["ms1"].dl.lost, 0, "kept SDUs are sealed again after RNG-REQ");
    }
}

#[test]
fn a_smaller_count_than_expected_lets_no_data_in_and_does_not_complete() {
    // A13, R7
    let contribution = outcome(12, &[]);
    assert!(contribution.rejects.key_count > 0);
    assert_eq!(contribution.handovers[0].data_before_ranging.ul, 0);
    assert_ne!(contribution.handovers[0].outcome, "completed");
    let standard = outcome(12, &["profile=\"std2009\""]);
    assert_eq!(standard.handovers[0].outcome, "reauthenticated");
}

#[test]
fn the_last_count_serves_and_none_follows_it() {
    // R2
    let last = |m: u16| {
        let set = format!("mobile_station.ms1.cmac_key_count={m}").parse().unwrap();
        let script = bundled::script("seamless").unwrap().parse(&[set]).unwrap();
        run(&script, Engine::Inline, Path::new("."), None).unwrap().outcome.handovers[0].outcome.clone()
    };
    assert_eq!(last(0xfffe), "completed");
    assert_eq!(last(0xffff), "reauthenticated");
}
