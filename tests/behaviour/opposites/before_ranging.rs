//! Data between arrival and ranging: A9, A10, A12.

use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::wire::ManagementMessage;

use crate::scripts::{assert_harmless, outcomes, run};
use crate::support::{Run, handover, udp};

fn one_handover(sets: &[&str]) -> Run {
    run(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"])), sets)
}

#[test]
fn without_generated_teks_no_user_data_flows_before_rng_rsp() {
    // broken: A9
    let run = one_handover(&["mobile_station.ms1.seamless=false"]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-rng-rsp")]);
    let answer = run.first_message("air:ms1-bs2", |message| matches!(message, ManagementMessage::RngRsp(_))).unwrap();
    let data = run.data("air:ms1-bs2");
    assert!(data.len() > 50 && data.iter().all(|pdu| pdu.frame > answer.frame));
    // The price, against the same handover with generated TEKs.
    let seamless = one_handover(&[]);
    let interruption = |run: &Run| run.outcome.handovers[0].interruption_ul_us.unwrap();
    assert!(interruption(&run) >= interruption(&seamless) + 40_000);
    let before = seamless.outcome.handovers[0].data_before_ranging;
    assert!(before.ul > 0 && before.dl > 0);
}

/// N = 1 although bs1 has confirmed 1: CKC_TB = 1, CKC_TM = 2.
fn stale_by_one(sets: &[&str]) -> Run {
    one_handover(&[&["mobile_station.ms1.network_key_count=1"], sets].concat())
}

#[test]
fn with_unequal_counts_the_icv_of_uplink_data_confirms_nothing_before_rng_req_brings_the_count() {
    // A12, A14
    // broken: A10
    let run = stale_by_one(&["base_station.bs2.self_sync_window=0"]);
    let handover = &run.outcome.handovers[0];
    assert_eq!(
        (handover.outcome.as_str(), handover.data_before_ranging.ul, handover.self_sync_steps),
        ("completed", 0, 0)
    );
    let rng_req = run.first_rng_req("air:ms1-bs2");
    let early = run.data("air:ms1-bs2").into_iter().filter(|pdu| pdu.frame < rng_req.frame);
    let early_uplink = early.filter(|pdu| pdu.direction == Direction::Uplink).count() as u64;
    assert!(early_uplink > 0);
    assert_eq!(run.outcome.traffic["ms1"].ul.lost, early_uplink, "discarded, every one of it");
    assert_harmless(&run);
}

#[test]
fn with_self_synchronisation_on_no_uplink_data_is_discarded_and_none_waits_for_rng_req() {
    // A11
    // broken: A12
    let run = stale_by_one(&[]);
    let handover = &run.outcome.handovers[0];
    assert!(handover.data_before_ranging.ul > 0 && handover.self_sync_steps == 1);
    assert_eq!(run.outcome.traffic["ms1"].ul.lost, 0);
}
