//! What ends at the base stations that the mobile is not at, and when the path moves: R3, R14, R16.

use keyhop::capture::key_log::KeyRecord;
use keyhop::dot16::identifiers::Direction;
use keyhop::time::VirtualTime;

use crate::scripts::{
    assert_connected, assert_harmless, attack, delivered, fault, ms, outcomes, path_switches, ranged_counts,
    record_and_play, refusals, run, step, updates, weak,
};
use crate::support::{Run, handover, udp};

/// A handover to bs2; bs3 holds a context too.
fn two_candidates(sets: &[&str]) -> Run {
    let run = run(3, &(udp(160) + &handover("500ms", "bs2", &["bs2", "bs3"])), sets);
    assert_eq!(outcomes(&run), [("bs2", "completed", "seamless")]);
    run
}

#[test]
fn every_holder_is_told_that_n_has_moved_and_deletes_what_is_below_it() {
    // R3, R5
    let run = two_candidates(&[]);
    for bs in ["bs1", "bs2", "bs3"] {
        assert_eq!(updates(&run, "gw", bs), [3], "{bs}");
    }
    assert!(run.teks_of("bs3").iter().all(|tek| tek.validity.until.is_some_and(|until| until < ms(700))));
}

#[test]
fn a_holder_that_nobody_tells_keeps_its_context_for_ever() {
    // broken: R3, A17
    let run = two_candidates(&[&weak("gw", &["tells-nobody"])]);
    assert_eq!(updates(&run, "gw", "bs3"), [0; 0]);
    assert!(run.teks_of("bs3").iter().all(|tek| tek.validity.until.is_none()));
}

/// The mobile reaches nobody with an RNG-REQ any more, and is off the network.
fn silent_mobile(sets: &[&str]) -> Run {
    let deaf = |bs: &str| fault(&format!("air:ms1-{bs}"), bs, "RNG-REQ", "count = 100\nlose = true");
    let run = run(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"]) + &deaf("bs1") + &deaf("bs2")), sets);
    assert_eq!(outcomes(&run), [("bs2", "released", "seamless")]);
    run
}

/// The last downlink PDU of bs2, and when its CIDs were freed.
fn end_at_bs2(run: &Run) -> (VirtualTime, Option<VirtualTime>) {
    let downlink = run.data_of_any_time("air:ms1-bs2").into_iter().filter(|pdu| pdu.direction == Direction::Downlink);
    let bs2 = run.bs("bs2");
    let freed = run.keys.records.iter().find_map(|record| match record {
        KeyRecord::Connection(connection) if connection.bs == bs2 => Some(connection.validity.until),
        _ => None,
    });
    (downlink.map(|pdu| pdu.time).max().unwrap(), freed.unwrap())
}

#[test]
fn at_the_ranging_deadline_the_target_stops_data_and_frees_the_cids() {
    // R14
    // Arrival at 550 ms, deadline 200 ms later.
    let (last, freed) = end_at_bs2(&silent_mobile(&[]));
    assert!(last < ms(760) && (ms(750)..ms(760)).contains(&freed.unwrap()), "{last}, {freed:?}");
}

#[test]
fn a_target_without_ranging_deadline_sends_to_nobody_and_keeps_the_cids() {
    // broken: R14
    let (last, freed) = end_at_bs2(&silent_mobile(&[&weak("bs2", &["ignores-ranging-deadline"])]));
    assert!(last > ms(2_000) && freed.is_none(), "{last}, {freed:?}");
}

/// RNG-REQ(2) is jammed and recorded, the mobile goes back to bs1 with 3, and the record is played to bs2. No report reaches
/// the Authenticator.
fn late_request_without_reports(sets: &[&str]) -> Run {
    let lost = |bs: &str| fault(&format!("r6:{bs}-gw"), "gw", "CMAC_Key_Count_Update", "count = 100\nlose = true");
    let rest = udp(160)
        + &handover("500ms", "bs2", &["bs2"])
        + &step("620ms", "cancel", "")
        + &record_and_play("bs2", "uplink", "RNG-REQ", 1, "900ms")
        + &attack("jam", "bs2", "uplink", "frame = \"RNG-REQ\", count = 100", "drop = true")
        + &lost("bs1")
        + &lost("bs2");
    let run = run(2, &rest, sets);
    assert_eq!((outcomes(&run), ranged_counts(&run, "bs1")), (vec![("bs2", "fell-back", "seamless")], vec![3]));
    assert!(!updates(&run, "bs2", "gw").is_empty() && refusals(&run, "bs2").is_empty());
    run
}

#[test]
fn an_rng_req_alone_does_not_move_the_path() {
    // R16
    let run = late_request_without_reports(&[]);
    assert!(path_switches(&run, "bs2").iter().all(|switch| *switch < ms(600)), "with HO_Cnf only");
    assert_connected(&run, 800, 2_300);
}

#[test]
fn an_rng_req_moves_the_path_away_from_the_mobile_where_its_count_need_not_be_accepted() {
    // broken: R16
    let run = late_request_without_reports(&[&weak("bs2", &["switches-path-at-ranging"])]);
    assert!(path_switches(&run, "bs2").iter().any(|switch| *switch > ms(900)));
    assert!(delivered(&run, Direction::Downlink, 800, 900) > 0);
    assert_eq!(delivered(&run, Direction::Downlink, 920, 4_000), 0);
    assert!(delivered(&run, Direction::Uplink, 920, 2_300) > 0, "the mobile is at bs1");
}

#[test]
fn in_an_ordinary_handover_the_path_moves_with_ho_cnf_and_not_again() {
    // R16
    let run = two_candidates(&[]);
    assert_eq!((path_switches(&run, "bs2").len(), path_switches(&run, "bs3").len()), (1, 0));
    assert!(path_switches(&run, "bs2")[0] < run.first_rng_req("air:ms1-bs2").time);
    assert_harmless(&run);
}
