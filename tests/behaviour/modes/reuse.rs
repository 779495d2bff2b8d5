//! R12: the state of reused TEKs goes with them, from one base station to the next, and one at a time uses it.

use keyhop::dot16::identifiers::Direction;

use crate::scripts::{
    assert_connected, assert_harmless, delivered, duplicated, fault, outcomes, record_and_play, reused_nonces, run,
    step, udp, weak,
};
use crate::support::{Run, handover};

const REUSE: &str = "mode=legacy-reuse";

fn reuse(stations: u8, rest: &str, sets: &[&str]) -> Run {
    run(stations, &(udp("both", "100ms", "5ms") + rest), &[&[REUSE], sets].concat())
}

/// There and back: bs1, bs2, bs1.
fn ping_pong(rest: &str, sets: &[&str]) -> Run {
    reuse(2, &(handover("600ms", "bs2", &["bs2"]) + &handover("1200ms", "bs1", &["bs1"]) + rest), sets)
}

const BOTH_FORGET: [&str; 2] = [
    "base_station.bs1.weaknesses=[\"forgets-reused-packet-numbers\"]",
    "base_station.bs2.weaknesses=[\"forgets-reused-packet-numbers\"]",
];

#[test]
fn packet_numbers_of_reused_teks_go_on_there_and_back() {
    // R12
    let run = ping_pong("", &[]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-reuse"), ("bs1", "completed", "legacy-reuse")]);
    assert_harmless(&run);
    let traffic = &run.outcome.traffic["ms1"];
    assert_eq!((traffic.ul.lost, traffic.dl.lost), (0, 0));
    for direction in [Direction::Uplink, Direction::Downlink] {
        let data = run.data_of_any_time("air:").into_iter();
        let pns: Vec<u32> = data.filter(|pdu| pdu.direction == direction).map(|pdu| pdu.pn).collect();
        assert!(pns.windows(2).all(|pair| pair[1] == pair[0] + 1), "{direction}: {pns:?}");
    }
}

#[test]
fn without_their_packet_numbers_reused_teks_give_nonces_twice() {
    // broken: R12
    let run = ping_pong("", &[&weak("bs2", &["forgets-reused-packet-numbers"])]);
    assert!(reused_nonces(&run) > 50, "bs2 begins at PN 1 again");
    // The mobile has seen these numbers.
    assert!(run.outcome.rejects.pn_replay > 50);
}

/// What was recorded at bs1 is played there after the mobile has been at bs2; its CIDs are the same again.
#[test]
fn what_was_accepted_before_is_not_accepted_again_under_reused_teks() {
    // R12
    let play = record_and_play("bs1", "uplink", "data", 20, "1600ms");
    let run = ping_pong(&play, &[]);
    assert_harmless(&run);
    assert_eq!(run.outcome.rejects.pn_replay, 20);
    assert!(!run.outcome.attacks.iter().any(|attack| attack.succeeded));
}

#[test]
fn without_their_windows_reused_teks_accept_recorded_data_again() {
    // broken: R12
    // The mobile sends nothing after 500 ms, so that a window which begins anew stays where it is.
    let moves = handover("600ms", "bs2", &["bs2"]) + &handover("1200ms", "bs1", &["bs1"]);
    let rest = udp("uplink", "100ms", "5ms").replace("2.3s", "500ms")
        + &udp("downlink", "100ms", "5ms")
        + &moves
        + &record_and_play("bs1", "uplink", "data", 20, "1600ms");
    let played = |sets: &[&str]| run(2, &rest, &[&[REUSE], sets].concat());
    let broken = played(&BOTH_FORGET);
    assert!(duplicated(&broken) >= 20, "{}", duplicated(&broken));
    assert!(broken.outcome.attacks.iter().any(|attack| attack.succeeded));
    assert_harmless(&played(&[]));
}

/// The mobile leaves, returns before its RNG-REQ, and goes again: the state goes to bs2 twice, and the second one counts.
#[test]
fn a_handover_cancelled_after_the_teks_have_gone_leaves_them_to_the_serving_base_station() {
    // R12
    let rest = |at: &str, second: &str| {
        handover("600ms", "bs2", &["bs2"]) + &step(at, "cancel", "") + &handover("1200ms", second, &[second])
    };
    for at in ["610ms", "630ms", "640ms", "650ms", "660ms"] {
        for second in ["bs2", "bs3"] {
            let run = reuse(3, &rest(at, second), &[]);
            let expected = [("bs2", "cancelled", "legacy-reuse"), (second, "completed", "legacy-reuse")];
            assert_eq!(outcomes(&run), expected, "cancelled at {at}");
            assert_harmless(&run);
            let traffic = &run.outcome.traffic["ms1"];
            assert_eq!((traffic.ul.lost, traffic.dl.lost), (0, 0), "cancelled at {at}");
            let pns = |direction| {
                let data = run.data_of_any_time("air:").into_iter();
                data.filter(move |pdu| pdu.direction == direction).map(|pdu| pdu.pn).collect::<Vec<_>>()
            };
            for pns in [pns(Direction::Uplink), pns(Direction::Downlink)] {
                assert!(pns.windows(2).all(|pair| pair[1] == pair[0] + 1), "cancelled at {at}: {pns:?}");
            }
        }
    }
}

/// HO_Cnf of the first attempt is under way until bs2 is prepared for the second: its state is an older one.
#[test]
fn teks_of_an_attempt_before_are_not_taken_for_the_present_one() {
    // R12
    let late = fault("r4:bs1-bs2", "bs2", "HO_Cnf", "nth = 1\ndelay = \"580ms\"");
    let rest = handover("600ms", "bs2", &["bs2"])
        + &step("650ms", "cancel", "")
        + &handover("1200ms", "bs2", &["bs2"])
        + &late;
    // The one that confirms the second attempt, and everything that might repeat the first, is lost.
    let lost = fault("r4:bs1-bs2", "bs2", "HO_Cnf", "nth = 2\ncount = 20\nlose = true");
    let run = reuse(2, &(rest + &lost), &["backbone.retry=1500ms"]);
    assert_harmless(&run);
    assert_eq!(outcomes(&run).last(), Some(&("bs2", "completed", "legacy-rng-rsp")));
}

/// bs2 has answered RNG-REQ, and nobody else knows. A mobile that goes back to its old connection then brings TEKs back to bs1
/// that bs2 has used on.
#[test]
fn a_mobile_that_resumes_its_connection_after_rng_req_uses_reused_teks_at_two_base_stations() {
    // broken: R1, R12
    let lost = fault("air:ms1-bs2", "ms1", "RNG-RSP", "count = 9\nlose = true");
    let unreported = fault("r6:bs2-gw", "gw", "CMAC_Key_Count_Update", "count = 30\nlose = true");
    let rest = handover("600ms", "bs2", &["bs2"]) + &lost + &unreported;
    let harmless = reuse(2, &rest, &[]);
    assert_harmless(&harmless);
    assert_eq!(outcomes(&harmless), [("bs1", "fell-back", "legacy-rng-rsp")]);
    let resumed = reuse(2, &rest, &[&weak("ms1", &["resumes-after-ranging"])]);
    assert!(reused_nonces(&resumed) > 0);
}

#[test]
fn the_teks_are_refreshed_after_they_were_used_on() {
    // A22, R12
    let sets = ["authenticator.pmk_lifetime=8s", "duration=5s"];
    let rest = handover("600ms", "bs2", &["bs2"]).replace("2.3s", "4.8s");
    let run = run_long(&rest, &sets);
    assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-reuse")]);
    let at_target = run.data_of_any_time("air:ms1-bs2");
    let eks: std::collections::BTreeSet<u8> = at_target.iter().map(|pdu| pdu.eks).collect();
    assert!(eks.contains(&2), "a refreshed TEK is in use: {eks:?}");
    assert_harmless(&run);
    let traffic = &run.outcome.traffic["ms1"];
    assert_eq!((traffic.ul.lost, traffic.dl.lost), (0, 0));
    assert!(delivered(&run, Direction::Downlink, 4_000, 4_700) > 100);
    assert_connected(&run, 800, 4_700);
}

/// Traffic until 4.8 s.
fn run_long(rest: &str, sets: &[&str]) -> Run {
    let text = udp("both", "100ms", "5ms").replace("2.3s", "4.8s") + rest;
    run(2, &text, &[&[REUSE], sets].concat())
}
