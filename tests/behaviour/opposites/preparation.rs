//! Preparation at the mobile, at the targets and at the Authenticator: A2, A6 to A8, A15, A16, R9.

use std::collections::BTreeSet;

use keyhop::capture::key_log::{TekHolder, TekSource};
use keyhop::dot16::backbone::MessageKind;
use keyhop::dot16::wire::ManagementMessage;

use crate::scripts::{assert_connected, contexts, fault, outcomes, ranged_counts, run, step, updates, weak};
use crate::support::{Run, handover, udp};

#[test]
fn a_mobile_that_derives_at_arrival_has_no_teks_when_it_asks_for_the_handover() {
    // broken: A6, R9
    let rest = udp(160) + &handover("500ms", "bs2", &["bs2", "bs3"]);
    let run = run(3, &rest, &[&weak("ms1", &["derives-at-arrival"])]);
    let request = run.first_message("air:", |message| matches!(message, ManagementMessage::MobMshoReq(_))).unwrap();
    let first_context = run.control(MessageKind::ContextRpt)[0].0;
    assert!(request.time < first_context);
    for bs in ["bs2", "bs3"] {
        let teks = run.teks_of(bs);
        assert_eq!(teks.len(), 2);
        // The base station has them first.
        assert!(teks.iter().all(|tek| tek.validity.from.unwrap() >= first_context), "{bs}");
    }
    // Those of the candidate where it did not go the mobile never has.
    assert!(run.teks_of("bs3").iter().all(|tek| tek.holder == TekHolder::BaseStation));
}

/// The mobile loses its contexts, cannot reach bs1 and enters bs2, which nobody has prepared, with 3. N = 1 is stale.
fn unprepared_target() -> Run {
    let deaf = fault("air:ms1-bs1", "bs1", "RNG-REQ", "count = 100\nlose = true");
    let rest = udp(160) + &step("500ms", "lose_contexts", "") + &deaf;
    let run = run(2, &rest, &["mobile_station.ms1.network_key_count=1"]);
    assert_eq!((outcomes(&run), ranged_counts(&run, "bs2")), (vec![("bs1", "fell-back", "seamless")], vec![3]));
    run
}

#[test]
fn a_target_that_was_not_prepared_fetches_the_context_at_rng_req_and_takes_no_data_before() {
    // broken: A7
    let run = unprepared_target();
    let rng_req = run.first_rng_req("air:ms1-bs2");
    let asked = run.control(MessageKind::ContextReq);
    assert!(asked.iter().all(|(time, ..)| *time > rng_req.time));
    let data = run.data("air:ms1-bs2");
    assert!(data.len() > 50 && data.iter().all(|pdu| pdu.time > asked[0].0));
}

#[test]
fn a_target_that_hears_ckc_m_before_ckc_n_uses_ckc_m() {
    // A8, A14
    let run = unprepared_target();
    assert_eq!(contexts(&run, "bs2"), [(1, false)]);
    let counts: BTreeSet<u16> = run.data("air:ms1-bs2").iter().map(|pdu| pdu.tek.count.0).collect();
    assert_eq!(counts, BTreeSet::from([3]));
    assert_connected(&run, 900, 2_300);
}

#[test]
fn a_target_that_hears_ckc_n_before_ckc_m_uses_ckc_n() {
    // A2, A8
    // Nothing but the context has reached bs3, which the mobile does not choose.
    let rest = udp(160) + &handover("500ms", "bs2", &["bs2", "bs3"]);
    let run = run(3, &rest, &["mobile_station.ms1.network_key_count=1"]);
    assert_eq!(contexts(&run, "bs3"), [(1, false)]);
    let at_bs3 =
        |holder| run.teks_of("bs3").into_iter().filter(|tek| tek.holder == holder).map(|tek| tek.count.0).collect();
    let (of_bs, of_mobile): (BTreeSet<u16>, BTreeSet<u16>) =
        (at_bs3(TekHolder::BaseStation), at_bs3(TekHolder::MobileStation));
    assert_eq!((of_bs, of_mobile), (BTreeSet::from([1]), BTreeSet::from([2])));
}

#[test]
fn a_target_that_counts_n_up_by_itself_understands_no_mobile_and_is_caught() {
    // broken: A2, A8, A15
    let rest = udp(160) + &handover("500ms", "bs2", &["bs2"]);
    let run = run(2, &rest, &[&weak("bs2", &["counts-by-itself"])]);
    assert_eq!(contexts(&run, "bs2"), [(2, false)]);
    let counter = run.teks_of("bs2").into_iter().filter(|tek| tek.source == TekSource::Counter);
    let of_bs: BTreeSet<u16> =
        counter.filter(|tek| tek.holder == TekHolder::BaseStation).map(|tek| tek.count.0).collect();
    assert_eq!(of_bs, BTreeSet::from([3]), "CKC_TB is not CKC_N");
    // To bs2 the genuine mobile is a replay: no data, no ranging, no report.
    assert_eq!(run.outcome.handovers[0].data_before_ranging.ul, 0);
    assert_eq!(run.outcome.rejects.key_count as usize, ranged_counts(&run, "bs2").len());
    assert_eq!((outcomes(&run)[0].1, updates(&run, "bs2", "gw")), ("fell-back", vec![]));
    // N moves for the re-entry at bs1 alone.
    assert_eq!(updates(&run, "gw", "bs1"), [4]);
}

#[test]
fn an_authenticator_that_counts_what_it_hands_out_keeps_the_mobile_out_after_a_cancelled_handover() {
    // broken: A15, A16
    let steps = handover("500ms", "bs2", &["bs2"]) + &step("580ms", "cancel", "") + &handover("1s", "bs2", &["bs2"]);
    let run = run(2, &(udp(160) + &steps), &[&weak("gw", &["counts-handed-out-contexts"])]);
    let counts: Vec<u16> = contexts(&run, "bs2").iter().map(|(n, _)| *n).collect();
    // One context was handed out to bs1 at network entry: N was 3 before any handover was complete.
    assert_eq!(counts, [3, 4], "not the same CKC_N, and no handover was complete");
    assert_eq!(ranged_counts(&run, "bs2").first(), Some(&2));
    assert!(run.outcome.rejects.key_count > 0);
    assert!(
        run.outcome
            .handovers
            .iter()
            .all(|handover| (handover.to.as_str(), handover.outcome.as_str()) != ("bs2", "completed"))
    );
}
