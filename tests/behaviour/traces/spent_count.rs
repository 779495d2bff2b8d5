//! T_M after its RNG-REQ was sent, and before (R1): traces T1, T16 and T21.

use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::security::Weakness;
use keyhop::dot16::security::authenticator_keys::ReportOutcome;
use keyhop::dot16::security::base_station_keys::{EntryState, RangingOutcome};
use keyhop::dot16::security::mobile_keys::GiveUp;

use super::parties::{A, B, Parties};
use crate::scripts::{
    NO_WAY_BY_AUTHENTICATION, SLOW_RETRY, assert_connected, assert_cut_off, assert_harmless, attack, delivered,
    duplicated, fault, outcomes, path_switches, ranged_counts, record_and_play, refusals, reused_nonces, run, step,
    udp, updates, weak,
};
use crate::support::{self, Run, handover};

/// N = 1 although A has confirmed 1; B accepts RNG-REQ(2), its report arrives, every RNG-RSP is lost.
fn lost_answers(rest: &str, sets: &[&str]) -> Run {
    let lost = fault("air:ms1-bs2", "ms1", "RNG-RSP", "count = 4\nlose = true");
    let rest = support::udp(160) + &handover("500ms", "bs2", &["bs2"]) + &lost + rest;
    run(2, &rest, &[&["mobile_station.ms1.network_key_count=1"], sets].concat())
}

/// Trace T1: the handover that is given up commits M := 2, so that RNG-REQ carries 3 at A, and 4 at B later.
#[test]
fn after_an_attempt_whose_answer_was_lost_the_next_counts_are_accepted_at_both_base_stations() {
    // R1
    let run = lost_answers(&handover("1.5s", "bs2", &["bs2"]), &[]);
    assert_eq!(outcomes(&run), [("bs2", "fell-back", "seamless"), ("bs2", "completed", "seamless")]);
    assert_eq!((ranged_counts(&run, "bs1"), ranged_counts(&run, "bs2")), (vec![3], vec![2, 2, 2, 2, 4]));
    assert_eq!((refusals(&run, "bs1"), refusals(&run, "bs2")), (vec![false], vec![false, false]));
    assert_connected(&run, 900, 2_300);
    assert_harmless(&run);
}

/// Trace T1 with T_M used again: A takes RNG-REQ(2) in, the Authenticator refuses it, and A, which asks for N then, takes it
/// in no more: the mobile is cut off.
#[test]
fn a_spent_count_that_is_used_again_is_refused_and_the_mobile_is_cut_off() {
    // broken: R1
    let run = lost_answers("", &[&weak("ms1", &["keeps-spent-count"]), NO_WAY_BY_AUTHENTICATION]);
    assert!(ranged_counts(&run, "bs1").starts_with(&[2, 2]));
    assert_eq!(refusals(&run, "bs1"), [true]);
    assert_cut_off(&run, 900, 4_000);
}

/// Trace T1 with T_M used again at a base station that is prepared now, since it has restarted: T_B = 3.
#[test]
fn a_spent_count_that_is_used_again_is_below_t_b_wherever_the_entry_is_prepared_and_the_mobile_stays_outside() {
    // broken: R1
    let restart = step("720ms", "restart", "node = \"bs1\"");
    let run_with = |sets: &[&str]| lost_answers(&restart, sets);
    let outside = run_with(&[&weak("ms1", &["keeps-spent-count"]), NO_WAY_BY_AUTHENTICATION]);
    assert_eq!(outcomes(&outside), [("bs2", "released", "seamless")]);
    assert_eq!(outside.outcome.rejects.key_count as usize, ranged_counts(&outside, "bs1").len());
    assert_cut_off(&outside, 800, 4_000);
    // Only authentication helps, which makes another PMK and begins to count anew.
    let authenticated = run_with(&[&weak("ms1", &["keeps-spent-count"])]);
    assert_cut_off(&authenticated, 800, 1_000);
    assert_connected(&authenticated, 1_300, 2_300);
    // The same restart does not keep a mobile outside that commits M.
    let inside = run_with(&[]);
    assert_eq!(ranged_counts(&inside, "bs1"), [3]);
    assert_connected(&inside, 1_000, 2_300);
}

/// Everything up to step 6 of trace T1, then the notice and a new preparation everywhere; answers what RNG-REQ comes to
/// at A and at B.
fn next_entries(weaknesses: &[Weakness]) -> [(u16, RangingOutcome); 2] {
    let mut parties = Parties::report_pending(weaknesses);
    parties.prepare(B);
    assert_eq!((parties.t_b(B), parties.arrive(B)), (1, 2));
    let request = parties.rng_req(B);
    assert_eq!(parties.range(B, request), RangingOutcome::Confirmed { advanced: true });
    assert!(matches!(parties.report(B, 2), ReportOutcome::Accepted(n) if n.0 == 3));
    assert_eq!(parties.mobile.give_up(), GiveUp::ReEnter);
    [A, B].map(|bs| {
        let mut parties = parties.clone();
        parties.notice(bs);
        parties.prepare(bs);
        assert_eq!(parties.t_b(bs), 3);
        parties.arrive(bs);
        let request = parties.rng_req(bs);
        (request.count, parties.range(bs, request))
    })
}

/// Trace T1, every step of it.
#[test]
fn a_base_station_that_is_prepared_with_the_next_n_accepts_the_count_after_a_spent_one() {
    // R1
    assert_eq!(next_entries(&[]), [(3, RangingOutcome::Confirmed { advanced: false }); 2]);
}

/// Trace T1, every step of it, with T_M used again.
#[test]
fn no_base_station_that_is_prepared_with_the_next_n_accepts_a_spent_count() {
    // broken: R1
    for (count, outcome) in next_entries(&[Weakness::KeepsSpentCount]) {
        let RangingOutcome::Smaller { expected, state } = outcome else { panic!("{outcome:?}") };
        assert_eq!((count, expected.0, state), (2, 3, EntryState::Prepared));
    }
}

/// RNG-REQ(2) is jammed and recorded, the mobile gives up, and the record is played to B at `at`.
fn jammed_request(at: &str, sets: &[&str]) -> Run {
    let jam = attack("jam", "bs2", "uplink", "frame = \"RNG-REQ\", count = 100", "drop = true");
    let cancel = step("620ms", "cancel", "");
    let handover = handover("500ms", "bs2", &["bs2"]);
    run(
        2,
        &(support::udp(160) + &handover + &cancel + &record_and_play("bs2", "uplink", "RNG-REQ", 1, at) + &jam),
        sets,
    )
}

/// Trace T16: the mobile has entered A anew with RNG-REQ(3), N = 4, and nothing moves.
#[test]
fn a_late_rng_req_cuts_nobody_off_who_has_entered_anew() {
    // R1, R2
    // Before B's deadline, where B does take the mobile in for a while, and after the notice N = 4.
    for (at, reports_of_b) in [("640ms", vec![2]), ("800ms", vec![])] {
        let run = jammed_request(at, &[]);
        assert_eq!(outcomes(&run), [("bs2", "fell-back", "seamless")]);
        assert_eq!(ranged_counts(&run, "bs1"), [3]);
        assert_eq!((updates(&run, "bs1", "gw"), updates(&run, "bs2", "gw")), (vec![3], reports_of_b));
        assert_eq!(updates(&run, "gw", "bs1").last(), Some(&4));
        assert_connected(&run, 800, 2_300);
        assert_eq!((reused_nonces(&run), duplicated(&run)), (0, 0));
    }
}

/// Trace T16, where the late RNG-REQ arrives after A has taken RNG-REQ(3) in, and before the notice of it: refused.
#[test]
fn a_late_rng_req_is_refused_by_the_authenticator_once_the_mobile_has_entered_anew() {
    // R1, R2
    let deaf = fault("r6:bs2-gw", "bs2", "CMAC_Key_Count_Update", "lose = true");
    let jam = attack("jam", "bs2", "uplink", "frame = \"RNG-REQ\", count = 100", "drop = true");
    let rest = support::udp(160)
        + &handover("500ms", "bs2", &["bs2"])
        + &step("620ms", "cancel", "")
        + &record_and_play("bs2", "uplink", "RNG-REQ", 1, "800ms")
        + &jam
        + &deaf;
    let run = run(2, &rest, &[SLOW_RETRY]);
    assert_eq!((updates(&run, "bs2", "gw"), refusals(&run, "bs2")), (vec![2], vec![true]));
    assert_eq!(updates(&run, "gw", "bs1"), [4]);
    let to_a = *path_switches(&run, "bs1").last().unwrap();
    assert!(path_switches(&run, "bs2").iter().all(|switch| *switch < to_a), "the path stays at A");
    assert_connected(&run, 800, 2_300);
}

/// Trace T16 with the old connection resumed: one replayed packet cuts it.
#[test]
fn one_late_rng_req_cuts_a_mobile_off_that_resumed_its_old_connection() {
    // broken: R1
    let run = jammed_request("800ms", &[&weak("ms1", &["resumes-after-ranging"])]);
    assert_eq!(outcomes(&run)[0], ("bs2", "cancelled", "seamless"));
    assert_connected(&run, 600, 800);
    assert!(run.outcome.attacks[0].succeeded);
    // B reports 2, N = 3: the notice purges (A, 1), and the path is at B.
    assert_eq!((updates(&run, "bs2", "gw"), refusals(&run, "bs2")), (vec![2], vec![false]));
    assert!(updates(&run, "gw", "bs1").contains(&3));
    assert_cut_off(&run, 820, 4_000);
}

/// Cancelled at B before any RNG-REQ, and tried again.
fn cancelled_and_retried(sets: &[&str]) -> Run {
    let rest = udp("both", "100ms", "20ms")
        + &handover("500ms", "bs2", &["bs2"])
        + &step("580ms", "cancel", "")
        + &handover("1s", "bs2", &["bs2"]);
    run(2, &rest, sets)
}

/// Trace T21: a cancel before any RNG-REQ keeps the contexts of T_M, in both profiles.
#[test]
fn contexts_of_an_unspent_count_survive_a_cancel_in_both_profiles() {
    // R1, R4, A16, A17
    for profile in ["profile=std2009", "profile=contribution"] {
        let run = cancelled_and_retried(&[profile]);
        assert_eq!(outcomes(&run), [("bs2", "cancelled", "seamless"), ("bs2", "completed", "seamless")]);
        assert_eq!(ranged_counts(&run, "bs2"), [2], "the same count again");
        assert_harmless(&run);
    }
}

/// Trace T21 with the contexts of T_M dropped at the cancel: nonces of the uplink are used twice, in both profiles.
#[test]
fn contexts_of_an_unspent_count_dropped_at_a_cancel_lead_to_nonces_used_twice() {
    // broken: R1, A16, A17
    for profile in ["profile=std2009", "profile=contribution"] {
        let run = cancelled_and_retried(&[profile, "mobile_station.ms1.tek_cache=false"]);
        assert_eq!(ranged_counts(&run, "bs2"), [2]);
        assert_eq!(reused_nonces(&run), 2, "both PDUs of the first attempt");
        assert_eq!(run.outcome.rejects.pn_replay, 2, "and the window of B refuses what comes under them");
        assert!(delivered(&run, Direction::Uplink, 0, 3_000) < 110);
    }
}
