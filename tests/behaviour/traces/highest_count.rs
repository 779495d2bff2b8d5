//! The highest count of a BS (R4), which no purge and no eviction lowers: traces T4, T14 and T15.

use keyhop::dot16::identifiers::CmacKeyCount;
use keyhop::dot16::security::Weakness;
use keyhop::dot16::security::base_station_keys::{Preparation, RangingOutcome};
use keyhop::dot16::security::mobile_keys::GiveUp;
use keyhop::dot16::security::tek_context::SealedPdu;

use super::parties::{B, Parties, RngReq};
use crate::scripts::{assert_harmless, contexts, fault, outcomes, ranged_counts, reused_nonces, run, udp, weak};
use crate::support::{Run, handover};

/// Trace T4 up to step 6: the mobile has completed at B with count 3, and RNG-REQ(2) is on record.
fn prepared_once_more(weaknesses: &[Weakness]) -> (Parties, RngReq) {
    let mut parties = Parties::report_pending(weaknesses);
    parties.prepare(B);
    assert_eq!((parties.t_b(B), parties.arrive(B)), (1, 2));
    let recorded = parties.rng_req(B);
    assert_eq!(parties.mobile.give_up(), GiveUp::ReEnter);
    assert_eq!(parties.arrive(B), 3);
    let request = parties.rng_req(B);
    assert_eq!(parties.range(B, request), RangingOutcome::Confirmed { advanced: true });
    // The report is delayed: N = 1.
    parties.prepare(B);
    parties.mobile.complete(B);
    (parties, recorded)
}

/// Trace T4: T_B stays 3, the old RNG-REQ is dropped, and the mobile stays connected.
#[test]
fn a_preparation_with_an_old_n_does_not_lower_t_b() {
    // R4
    let (mut parties, recorded) = prepared_once_more(&[]);
    assert_eq!(parties.t_b(B), 3);
    assert!(matches!(parties.range(B, recorded), RangingOutcome::Smaller { expected: CmacKeyCount(3), .. }));
    let pdu = parties.uplink(B);
    assert!(parties.open(B, &pdu).is_ok());
}

/// Trace T4, the variant: B has released and evicted context 3 before the record is played.
#[test]
fn a_preparation_with_an_old_n_does_not_lower_t_b_when_the_context_was_evicted() {
    // R4, R8
    let (mut parties, recorded) = prepared_once_more(&[]);
    parties.base_station(B).release();
    parties.base_station(B).evict(CmacKeyCount(3));
    assert!(matches!(parties.range(B, recorded), RangingOutcome::Smaller { expected: CmacKeyCount(3), .. }));
    assert_eq!(parties.t_b(B), 3);
    assert!(parties.downlink(B).is_none(), "nothing is derived again");
}

/// Trace T4 with T_B := N: B is confirmed with 2, the mobile with 3.
#[test]
fn a_t_b_that_falls_back_lets_an_old_rng_req_cut_the_mobile_off() {
    // broken: R4
    for evicted in [false, true] {
        let (mut parties, recorded) = prepared_once_more(&[Weakness::ForgetsHighestCount]);
        assert_eq!(parties.t_b(B), 1);
        if evicted {
            parties.base_station(B).evict(CmacKeyCount(3));
        }
        assert_eq!(parties.range(B, recorded), RangingOutcome::Confirmed { advanced: true });
        assert_eq!((parties.t_b(B), parties.mobile.committed().0), (2, 3));
        let pdu = parties.uplink(B);
        assert!(parties.open(B, &pdu).is_err());
    }
}

/// Trace T14: B evicts context 2, which it derived by self-synchronisation, and still has context 1. Answers what the
/// preparation after it came to, whether the recorded PDU is accepted, and whether a downlink nonce is used again.
fn evicted_above_n(weaknesses: &[Weakness]) -> (Preparation, bool, bool) {
    let mut parties = Parties::report_pending(weaknesses);
    parties.prepare(B);
    assert_eq!(parties.arrive(B), 2);
    let recorded = parties.uplink(B);
    assert_eq!(parties.open(B, &recorded).unwrap().self_sync_steps, 1);
    let first = parties.downlink(B).unwrap();
    parties.base_station(B).release();
    parties.base_station(B).evict(CmacKeyCount(2));
    let preparation = parties.prepare(B);
    let accepted_again = parties.open(B, &recorded).is_ok();
    let second = parties.downlink(B);
    let same = |pdu: SealedPdu| (pdu.fingerprint, pdu.pn) == (first.fingerprint, first.pn);
    (preparation, accepted_again, second.is_some_and(same))
}

/// Trace T14: H = 2, so that nothing is derived and TEKs must travel.
#[test]
fn a_context_above_n_that_was_evicted_is_not_derived_again() {
    // R4, R8
    assert_eq!(evicted_above_n(&[]), (Preparation::LegacyRngRsp, false, false));
}

/// Trace T14 without H: the PDU is accepted twice, and downlink PNs start again.
#[test]
fn a_context_above_n_that_was_evicted_is_derived_again_without_the_highest_count() {
    // broken: R4, R8
    let resumed = Preparation::Seamless { count: CmacKeyCount(1), resumed: true };
    assert_eq!(evicted_above_n(&[Weakness::ForgetsHighestCount]), (resumed, true, true));
}

/// Trace T15: the first Context_Rpt(N = 2) to B is late, its repetition is not. The mobile enters B with 2, every RNG-RSP is
/// lost, and it goes back to A. The notice purges context 2. Then, while a second attempt waits at B, the late report
/// arrives.
fn late_context_report(of_b: &[&str], of_gateway: &[&str]) -> Run {
    let faults = fault("r6:bs2-gw", "bs2", "Context_Rpt", "delay = \"968ms\"")
        + &fault("air:ms1-bs2", "ms1", "RNG-RSP", "count = 4\nlose = true");
    let steps = handover("300ms", "bs2", &["bs2"]) + &handover("1.2s", "bs2", &["bs2"]);
    run(2, &(udp("both", "100ms", "10ms") + &steps + &faults), &[&weak("bs2", of_b), &weak("gw", of_gateway)])
}

/// Trace T15: the late report is dropped, since it answers no outstanding request.
#[test]
fn a_late_context_report_prepares_nothing() {
    // R4, R8
    let run = late_context_report(&[], &[]);
    assert_eq!(contexts(&run, "bs2"), [(2, false), (2, false), (4, true)]);
    assert_eq!(outcomes(&run), [("bs2", "fell-back", "seamless"), ("bs2", "completed", "seamless")]);
    assert_eq!(ranged_counts(&run, "bs2"), [2, 2, 2, 2, 4]);
    assert_harmless(&run);
}

/// Trace T15: any one of what closed it is enough: the drop of a report that nobody waits for, or H.
#[test]
fn a_late_context_report_does_no_harm_where_it_is_dropped_or_the_highest_count_is_kept() {
    // R4, R8
    for of_b in ["forgets-highest-count", "takes-late-context-report"] {
        let run = late_context_report(&[of_b], &["remembers-last-count-only"]);
        assert_eq!(outcomes(&run)[1], ("bs2", "completed", "seamless"));
        assert_harmless(&run);
    }
}

/// Trace T15 as it was found: context 2 is derived again, and its nonces are used twice.
#[test]
fn a_late_context_report_that_is_taken_without_the_highest_count_leads_to_nonces_used_twice() {
    // broken: R4, R8
    let run =
        late_context_report(&["forgets-highest-count", "takes-late-context-report"], &["remembers-last-count-only"]);
    assert!(reused_nonces(&run) > 0);
}
