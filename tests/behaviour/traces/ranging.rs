//! What an RNG-REQ may change (R7): traces T7 and T8.

use keyhop::dot16::node::Outcome;
use keyhop::emulation::NodeIndex;
use keyhop::scenario::script::Script;

use crate::forger::run_with_forged_rng_reqs;
use crate::scripts::{
    NO_WAY_BY_AUTHENTICATION, assert_connected, assert_cut_off, assert_harmless, fault, ms, outcomes, ranged_counts,
    record_and_play, run, step, weak,
};
use crate::support::{self, Run, handover, network, udp};

/// The nodes of the base stations.
const BS1: NodeIndex = NodeIndex(1);
const BS2: NodeIndex = NodeIndex(2);

/// The mobile has entered bs1 with count 5, and gets in by its count or not at all.
fn entered_with_5(rest: &str, weaknesses: &[&str]) -> Script {
    let count = "mobile_station.ms1.cmac_key_count=5".to_owned();
    let sets = [count, NO_WAY_BY_AUTHENTICATION.to_owned(), weak("bs1", weaknesses), weak("bs2", weaknesses)];
    support::script(&network(2, rest), &sets.each_ref().map(String::as_str))
}

/// Trace T7: a forged RNG-REQ with a large count, one with a count below T_B, at A and at B: nothing changes.
#[test]
fn forged_rng_reqs_change_neither_counts_nor_connections() {
    // R7, A14
    let script = entered_with_5(&handover("1.5s", "bs2", &["bs2"]), &[]);
    for count in [0xffff, 3] {
        for stations in [&[0][..], &[0, 1]] {
            let forged: Vec<_> = stations.iter().map(|station| (500, *station, count)).collect();
            let reported = run_with_forged_rng_reqs(&script, &forged);
            assert!(reported.verdicts.iter().any(|verdict| !verdict.accepted));
            assert!(reported.t_b.iter().filter(|(_, node, _)| *node == BS1).all(|(time, ..)| *time > ms(1_500)));
            assert!(reported.t_b.iter().filter(|(_, node, _)| *node == BS2).all(|(.., t_b)| *t_b == Some(6)));
            assert_eq!(reported.n, [6, 7], "N moves for the handover alone");
            assert_eq!(reported.ends, [Outcome::Completed]);
            // Nothing is lost: a packet each way every 20 ms.
            assert_eq!(reported.packets.len(), 200);
        }
    }
}

/// Trace T7, first run, with the count believed: T_B jumps, and the two ends disagree.
#[test]
fn one_forged_rng_req_with_a_large_count_cuts_the_connection_where_the_count_is_believed_first() {
    // broken: R7, A13, A14
    let script = entered_with_5("", &["believes-count-first"]);
    let reported = run_with_forged_rng_reqs(&script, &[(500, 0, 0xffff)]);
    assert!(!reported.verdicts[0].accepted, "{:?}", reported.verdicts);
    assert!(reported.t_b.iter().any(|(_, node, t_b)| (*node, *t_b) == (BS1, Some(0xffff))));
    assert!(reported.packets_between(400, 500) > 0);
    assert_eq!(reported.packets_between(520, 2_500), 0);
}

/// Trace T7, second run, with the count believed: the connection is released.
#[test]
fn one_forged_rng_req_with_a_small_count_releases_the_connection_where_the_count_is_believed_first() {
    // broken: R7, A13
    let script = entered_with_5("", &["believes-count-first"]);
    let reported = run_with_forged_rng_reqs(&script, &[(500, 0, 3)]);
    assert!(!reported.verdicts[0].accepted, "{:?}", reported.verdicts);
    assert!(reported.t_b.iter().any(|(_, node, t_b)| (*node, *t_b) == (BS1, None)));
    assert!(reported.packets_between(400, 500) > 0);
    assert_eq!(reported.packets_between(520, 2_500), 0);
}

/// Trace T7, the same packet at B as well. The mobile notices that its connection is of no use (its contexts are lost) and
/// enters again: no BS lets it in.
#[test]
fn two_forged_rng_reqs_keep_the_mobile_out_of_every_base_station_where_the_count_is_believed_first() {
    // broken: R7
    let enters_again = step("1s", "lose_contexts", "");
    let forged = [(500, 0, 0xffff), (500, 1, 0xffff)];
    let outside = run_with_forged_rng_reqs(&entered_with_5(&enters_again, &["believes-count-first"]), &forged);
    assert_eq!(outside.ends, [Outcome::Released]);
    assert_eq!(outside.packets_between(520, 2_500), 0);
    // With the rule on the same mobile is let in at the first attempt.
    let inside = run_with_forged_rng_reqs(&entered_with_5(&enters_again, &[]), &forged);
    assert_eq!((inside.ends, inside.n), (vec![Outcome::FellBack], vec![6, 7]));
}

/// The mobile enters A with RNG-REQ(2), which is recorded. It tries B with 3, RNG-REQ is lost, it enters A again with 4. Then
/// RNG-REQ(2) is played to A.
fn first_entry_replayed(sets: &[&str]) -> Run {
    let rest = udp(160)
        + &handover("300ms", "bs1", &["bs1"])
        + &handover("700ms", "bs2", &["bs2"])
        + &fault("air:ms1-bs2", "bs2", "RNG-REQ", "count = 100\nlose = true")
        + &record_and_play("bs1", "uplink", "RNG-REQ", 1, "1500ms");
    run(3, &rest, &[&["mobile_station.ms1.serving=bs3"], sets].concat())
}

/// Trace T8: the CMAC is valid, the count below T_B, the state confirmed: dropped.
#[test]
fn a_valid_rng_req_of_an_earlier_entry_is_dropped_and_the_connection_stays() {
    // R7, A13
    let run = first_entry_replayed(&[]);
    assert_eq!(outcomes(&run), [("bs1", "completed", "seamless"), ("bs2", "fell-back", "seamless")]);
    assert_eq!(ranged_counts(&run, "bs1"), [2, 4]);
    assert_eq!((run.outcome.rejects.key_count, run.outcome.rejects.cmac), (1, 0));
    assert_connected(&run, 1_100, 2_300);
    assert_harmless(&run);
}

/// Trace T8 with a smaller count that releases: A releases the live connection.
#[test]
fn a_valid_rng_req_of_an_earlier_entry_ends_the_connection_where_a_smaller_count_releases() {
    // broken: R7, A13
    let run = first_entry_replayed(&[&weak("bs1", &["smaller-count-releases"])]);
    assert_eq!(run.outcome.rejects.key_count, 1);
    assert_connected(&run, 1_100, 1_500);
    assert_cut_off(&run, 1_520, 4_500);
}
