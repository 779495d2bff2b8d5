//! Contexts that are lost (R8), by a restart, by eviction, at the mobile: traces T9, T10, T11, T13 and T18.

use keyhop::dot16::identifiers::Direction;

use crate::scripts::{
    SLOW_RETRY, assert_connected, assert_harmless, contexts, delivered, duplicated, fault, ms, outcomes, path_switches,
    ranged_counts, record_and_play, refusals, reused_nonces, run, step, udp, updates, verdicts_on_attacks, weak,
};
use crate::support::{self, Run, handover};

/// Data both ways at B under count 2, a cancel, `between`, and B is prepared again; the uplink is recorded and played there.
fn cancelled_lost_and_retried(between: &str, sets: &[&str]) -> Run {
    let rest = support::udp(160)
        + &handover("500ms", "bs2", &["bs2"])
        + &step("580ms", "cancel", "")
        + between
        + &handover("1s", "bs2", &["bs2"])
        + &record_and_play("bs2", "uplink", "data", 2, "1075ms");
    run(2, &rest, sets)
}

/// Step 4 of the traces: TEKs must travel; nothing is sent or accepted under (B, 2) as generated.
fn assert_nothing_derived_again(run: &Run) {
    assert_eq!(contexts(run, "bs2"), [(2, false), (2, true)]);
    assert_eq!(outcomes(run), [("bs2", "cancelled", "seamless"), ("bs2", "completed", "legacy-rng-rsp")]);
    assert_eq!(run.outcome.handovers[1].data_before_ranging.ul + run.outcome.handovers[1].data_before_ranging.dl, 0);
    assert_eq!(run.outcome.traffic["ms1"].ul.lost, 0);
    assert_harmless(run);
}

/// Both forms of the damage: downlink nonces are used for two PDUs, and the recorded uplink is accepted a second time.
fn assert_derived_again(run: &Run) {
    assert_eq!(outcomes(run), [("bs2", "cancelled", "seamless"), ("bs2", "completed", "seamless")]);
    assert!(reused_nonces(run) >= 2);
    assert!(run.outcome.attacks[0].succeeded, "{:?}", verdicts_on_attacks(run));
    assert_eq!(run.outcome.traffic["ms1"].ul.duplicated, 2);
}

fn restarted(sets: &[&str]) -> Run {
    cancelled_lost_and_retried(&step("800ms", "restart", "node = \"bs2\""), sets)
}

/// Trace T9: B learns from the Authenticator that it had a context, and generates nothing.
#[test]
fn a_restarted_base_station_sends_teks_in_rng_rsp() {
    // R8
    assert_nothing_derived_again(&restarted(&[]));
}

/// Trace T9 with "issued before" ignored.
#[test]
fn a_restarted_base_station_that_ignores_issued_before_uses_nonces_twice_and_accepts_a_replay() {
    // broken: R8
    assert_derived_again(&restarted(&[&weak("bs2", &["ignores-issued-before"])]));
}

/// B keeps no context of an attempt that is over.
fn evicted(weaknesses: &[&str]) -> Run {
    cancelled_lost_and_retried("", &["base_station.bs2.retained_contexts=0", &weak("bs2", weaknesses)])
}

/// Trace T10: what was evicted is not derived again. H alone is enough for that, and so is "issued before".
#[test]
fn a_base_station_that_evicted_the_context_sends_teks_in_rng_rsp() {
    // R8, R4
    for weaknesses in [&[][..], &["ignores-issued-before"], &["forgets-highest-count"]] {
        assert_nothing_derived_again(&evicted(weaknesses));
    }
}

/// Trace T10 with neither.
#[test]
fn a_base_station_that_evicted_the_context_and_forgot_it_uses_nonces_twice_and_accepts_a_replay() {
    // broken: R8, R4
    assert_derived_again(&evicted(&["forgets-highest-count", "ignores-issued-before"]));
}

/// The mobile loses its contexts at B after data both ways under count 2; the downlink is recorded and played to it.
fn lost_at_the_mobile(sets: &[&str]) -> Run {
    let rest = udp("both", "100ms", "5ms")
        + &handover("500ms", "bs2", &["bs2"])
        + &step("575ms", "lose_contexts", "")
        + &record_and_play("bs2", "downlink", "data", 2, "577ms");
    run(2, &rest, sets)
}

/// Trace T11: M := 2, and the next keys are those of count 3.
#[test]
fn a_mobile_that_lost_its_contexts_uses_the_next_count() {
    // R8, R1
    let run = lost_at_the_mobile(&[]);
    assert_eq!(outcomes(&run), [("bs2", "fell-back", "seamless")]);
    assert_eq!((ranged_counts(&run, "bs2"), ranged_counts(&run, "bs1")), (vec![], vec![3]));
    assert_connected(&run, 700, 2_300);
    assert_harmless(&run);
}

/// Trace T11 with the contexts derived again: uplink nonces are used twice, recorded downlink is accepted twice.
#[test]
fn a_mobile_that_derives_lost_contexts_again_uses_nonces_twice_and_accepts_a_replay() {
    // broken: R8
    let run = lost_at_the_mobile(&[&weak("ms1", &["derives-lost-contexts-again"])]);
    assert!(reused_nonces(&run) >= 2);
    assert!(run.outcome.attacks[0].succeeded);
    assert_eq!((run.outcome.traffic["ms1"].dl.duplicated, duplicated(&run)), (2, 2));
}

/// The mobile enters A with 2, whose report is late: B is given N = 2. N catches up to 3 before the mobile comes to B with
/// T_M = 3, which B finds from its data. It cancels, B restarts and is given N = 3, for the first time.
fn n_catches_up(sets: &[&str]) -> Run {
    let rest = support::udp(160)
        + &handover("300ms", "bs1", &["bs1"])
        + &handover("600ms", "bs2", &["bs2"])
        + &step("690ms", "cancel", "")
        + &step("850ms", "restart", "node = \"bs2\"")
        + &handover("1s", "bs2", &["bs2"])
        + &record_and_play("bs2", "uplink", "data", 3, "1085ms")
        + &fault("r6:bs1-gw", "gw", "CMAC_Key_Count_Update", "delay = \"240ms\"")
        + &fault("r6:bs2-gw", "bs2", "CMAC_Key_Count_Update", "lose = true");
    run(3, &rest, &[&["mobile_station.ms1.serving=bs3", SLOW_RETRY], sets].concat())
}

/// Trace T13: B was given an N of this PMK before, another one; that is enough.
#[test]
fn a_restarted_base_station_is_told_that_it_had_a_context_of_whatever_n() {
    // R8
    let run = n_catches_up(&[]);
    assert_eq!(contexts(&run, "bs2"), [(2, false), (3, true)]);
    assert_eq!(run.outcome.handovers[1].self_sync_steps, 1);
    assert_eq!(outcomes(&run)[1..], [("bs2", "cancelled", "seamless"), ("bs2", "completed", "legacy-rng-rsp")]);
    assert_harmless(&run);
}

/// Trace T13 with "issued before" said for the same N only: nonces are used twice, PDUs are accepted twice.
#[test]
fn an_authenticator_that_remembers_the_last_n_only_lets_a_restarted_base_station_use_nonces_twice() {
    // broken: R8
    let run = n_catches_up(&[&weak("gw", &["remembers-last-count-only"])]);
    assert_eq!(contexts(&run, "bs2"), [(2, false), (3, false)]);
    assert_eq!(outcomes(&run)[2], ("bs2", "completed", "seamless"));
    assert!(reused_nonces(&run) >= 3);
    assert_eq!(run.outcome.traffic["ms1"].ul.duplicated, 3);
}

/// The mobile enters A with RNG-REQ(3) on the initial ranging connection, which is recorded; then bs3 with 4. None of the
/// reports reaches the Authenticator: N = 2. A restarts, and the record is played to it.
fn old_entry_after_restart(sets: &[&str]) -> Run {
    let rest = support::udp(160)
        + &handover("300ms", "bs2", &["bs2"])
        + &handover("900ms", "bs3", &["bs3"])
        + &step("1400ms", "restart", "node = \"bs1\"")
        + &record_and_play("bs1", "uplink", "RNG-REQ", 1, "1500ms")
        + &fault("air:ms1-bs2", "bs2", "RNG-REQ", "count = 100\nlose = true")
        + &fault("r6:bs1-gw", "gw", "CMAC_Key_Count_Update", "lose = true")
        + &fault("r6:bs3-gw", "gw", "CMAC_Key_Count_Update", "count = 100\nlose = true");
    let run = run(3, &rest, &[&[SLOW_RETRY], sets].concat());
    assert_eq!(outcomes(&run), [("bs2", "fell-back", "seamless"), ("bs3", "completed", "seamless")]);
    assert_eq!(contexts(&run, "bs1"), [(2, true)]);
    run
}

/// Trace T18: A answers with TEKs in RNG-RSP, and since nothing comes under them it reports and switches nothing.
#[test]
fn an_old_rng_req_confirms_nothing_at_a_base_station_that_lost_its_contexts() {
    // R8
    let run = old_entry_after_restart(&[]);
    assert_eq!(updates(&run, "bs1", "gw"), [3], "the lost report of the genuine entry");
    assert_eq!(refusals(&run, "bs1"), [false; 0]);
    assert!(path_switches(&run, "bs1").is_empty());
    assert_connected(&run, 1_100, 2_300);
    assert_eq!((reused_nonces(&run), duplicated(&run)), (0, 0));
}

/// Trace T18 with the entry confirmed at once: A reports, and takes the path away from where the mobile is.
#[test]
fn an_old_rng_req_takes_the_path_away_where_an_entry_with_lost_contexts_is_confirmed_at_once() {
    // broken: R8
    let run = old_entry_after_restart(&[&weak("bs1", &["confirms-lost-context-at-once"])]);
    assert_eq!((updates(&run, "bs1", "gw").len(), refusals(&run, "bs1")), (2, vec![false]));
    assert!(path_switches(&run, "bs1")[0] > ms(1_500));
    assert!(delivered(&run, Direction::Downlink, 1_400, 1_500) > 0);
    assert_eq!(delivered(&run, Direction::Downlink, 1_520, 4_000), 0);
}
