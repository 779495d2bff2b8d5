//! The search for a higher count and what follows from its success (R6, R15): traces T6, T12 and T19.

use keyhop::dot16::identifiers::Direction;

use crate::scripts::{
    assert_connected, assert_harmless, attack, duplicated, fault, ms, outcomes, ranged_counts, record_and_play,
    reused_nonces, run, step, udp, weak,
};
use crate::support::{self, Run, handover};

/// What the adversary sends of one PDU from the state *matched* on, and of twenty others in the state *confirmed*: PDUs that
/// cannot open any more.
fn useless_pdus(sets: &[&str]) -> Run {
    let second_tape =
        attack("record-more", "bs2", "uplink", "frame = \"data\", nth = 10, count = 20", "record = \"more\"")
            + &attack("play-more", "bs2", "uplink", "time = \"1.5s\"", "replay = \"more\"");
    let rest = support::udp(160)
        + &handover("500ms", "bs2", &["bs2"])
        + &record_and_play("bs2", "uplink", "data", 1, "571ms")
        + &second_tape;
    run(2, &rest, sets)
}

/// Trace T6: each is dropped after one look, and no search is counted.
#[test]
fn useless_pdus_cost_no_search_once_the_mobile_has_shown_its_count() {
    // R6
    let run = useless_pdus(&[]);
    assert_eq!((run.outcome.failed_searches, run.outcome.rejects.pn_replay), (0, 21));
    assert!(ranged_counts(&run, "bs2") == [2] && run.first_rng_req("air:").time > ms(571));
    assert_connected(&run, 600, 2_300);
    assert_harmless(&run);
}

/// Trace T6 with a search in every state: no damage, but each costs the derivations of a whole window, until the budget of
/// the second is spent.
#[test]
fn useless_pdus_cost_a_search_each_where_every_state_searches() {
    // broken: R6
    let run = useless_pdus(&[&weak("bs2", &["searches-in-every-state"])]);
    assert_eq!(run.outcome.failed_searches, 1 + 16);
    assert_connected(&run, 600, 2_300);
    assert_harmless(&run);
    let generous =
        useless_pdus(&[&weak("bs2", &["searches-in-every-state"]), "base_station.bs2.self_sync_budget=1000"]);
    assert_eq!(generous.outcome.failed_searches, 21);
}

/// N = 1 although A has confirmed 1: B sends downlink under (B, 1) before the mobile's first PDU under (B, 2) reaches it.
fn downlink_before_uplink(sets: &[&str]) -> Run {
    let traffic = udp("downlink", "100ms", "5ms") + &udp("uplink", "103ms", "20ms");
    let sets = [&["mobile_station.ms1.network_key_count=1"], sets].concat();
    run(2, &(traffic + &handover("500ms", "bs2", &["bs2"])), &sets)
}

/// Trace T12: what was sent under (B, 1) is sealed again under (B, 2) and delivered once.
#[test]
fn downlink_sent_under_the_old_t_b_is_sealed_again_and_delivered_once() {
    // R15, A11
    let run = downlink_before_uplink(&[]);
    assert!(run.outcome.handovers[0].self_sync_steps == 1 && run.outcome.rejects.icv > 0);
    assert_eq!(run.outcome.traffic["ms1"].dl.lost, 0);
    assert_harmless(&run);
}

/// Trace T12 without sealing again: the packets are lost for ever, and no frame was.
#[test]
fn downlink_sent_under_the_old_t_b_is_lost_where_it_is_not_sealed_again() {
    // broken: R15
    let run = downlink_before_uplink(&[&weak("bs2", &["never-seals-again"])]);
    assert!(run.outcome.rejects.icv > 0);
    assert_eq!(run.outcome.traffic["ms1"].dl.lost, run.outcome.rejects.icv);
    assert!(run.air("air:").iter().all(|pdu| !pdu.lost));
}

/// B sends to the mobile under (B, 2), RNG-REQ(2) is lost, the mobile gives up. It sends nothing before.
fn downlink_then_given_up(sets: &[&str]) -> Run {
    let rest = udp("downlink", "100ms", "10ms")
        + &udp("uplink", "615ms", "20ms")
        + &handover("500ms", "bs2", &["bs2"])
        + &step("605ms", "cancel", "")
        + &fault("air:ms1-bs2", "bs2", "RNG-REQ", "lose = true");
    run(2, &rest, sets)
}

/// Trace T19: the mobile enters A, and what B keeps belongs to an attempt that is over.
#[test]
fn packets_kept_for_an_attempt_are_not_sent_in_the_next_one() {
    // R15
    let run = downlink_then_given_up(&[]);
    assert_eq!(outcomes(&run), [("bs2", "fell-back", "seamless")]);
    assert!(run.data("air:ms1-bs2").iter().any(|pdu| pdu.direction == Direction::Downlink));
    assert_harmless(&run);
}

/// Trace T19 with a mobile that comes back with T_M = 3 without a new preparation: B finds 3 and seals again what the
/// mobile has under 2.
#[test]
fn packets_come_out_twice_where_a_mobile_returns_without_a_new_preparation() {
    // broken: R15
    let run = downlink_then_given_up(&[&weak("ms1", &["returns-unprepared"])]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "seamless")]);
    assert_eq!(
        (run.outcome.handovers[0].self_sync_steps, run.outcome.traffic["ms1"].dl.duplicated),
        (1, duplicated(&run))
    );
    assert!(duplicated(&run) >= 5, "{}", duplicated(&run));
    assert_eq!(reused_nonces(&run), 0);
}
