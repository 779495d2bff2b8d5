//! How long a context lives at a BS (R5): traces T5 and T20.

use crate::scripts::{
    SLOW_RETRY, assert_connected, assert_cut_off, assert_harmless, delivered, fault, outcomes, run, step, updates, weak,
};
use crate::support::{Run, handover, udp};
use keyhop::dot16::identifiers::Direction;

fn one_handover(sets: &[&str]) -> Run {
    run(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"])), sets)
}

/// Trace T5: confirmed, not released, N = count + 1: the context stays.
#[test]
fn the_notice_of_its_own_completion_leaves_the_live_context() {
    // R5
    let run = one_handover(&[]);
    assert_eq!(updates(&run, "gw", "bs2"), [3]);
    assert_connected(&run, 600, 2_300);
    assert_harmless(&run);
}

/// Trace T5 with every context below N purged: the mobile's own completion cuts it off.
#[test]
fn a_notice_that_purges_the_live_context_cuts_the_mobile_off() {
    // broken: R5
    let run = one_handover(&[&weak("bs2", &["purges-live-context"])]);
    assert_eq!(updates(&run, "gw", "bs2")[0], 3);
    assert!(delivered(&run, Direction::Uplink, 540, 600) > 0);
    // Not even RNG-RSP reaches the mobile, which goes back to A with the next count.
    assert_cut_off(&run, 610, 760);
    assert_eq!(outcomes(&run), [("bs2", "fell-back", "seamless")]);
}

/// The mobile enters A with 2; the notice N = 3 to A takes 260 ms, so that it arrives when the mobile has gone on to B, from
/// where it comes back before any RNG-REQ.
fn notice_after_indication(sets: &[&str]) -> Run {
    let late = fault("r6:bs1-gw", "bs1", "CMAC_Key_Count_Update", "delay = \"260ms\"");
    let rest = udp(160)
        + &handover("300ms", "bs1", &["bs1"])
        + &handover("600ms", "bs2", &["bs2"])
        + &step("670ms", "cancel", "")
        + &late;
    run(3, &rest, &[&["mobile_station.ms1.serving=bs3", SLOW_RETRY], sets].concat())
}

/// Trace T20: MOB_HO-IND releases nothing; the mobile resumes (A, 2) with its PNs.
#[test]
fn a_mobile_that_comes_back_before_the_resource_retain_time_resumes_its_connection() {
    // R5, R1
    let run = notice_after_indication(&[]);
    assert_eq!(outcomes(&run), [("bs1", "completed", "seamless"), ("bs2", "cancelled", "seamless")]);
    assert_connected(&run, 700, 2_300);
    let at_a = run.data("air:ms1-bs1");
    assert!(at_a.iter().all(|pdu| pdu.tek.count.0 == 2), "the TEKs of the entry");
    assert_harmless(&run);
}

/// Trace T20 with MOB_HO-IND taken as release: the context is gone when the mobile comes back.
#[test]
fn a_mobile_finds_nothing_left_where_its_indication_counts_as_release() {
    // broken: R5
    let run = notice_after_indication(&[&weak("bs1", &["releases-on-indication"])]);
    assert_eq!(outcomes(&run)[1], ("bs2", "cancelled", "seamless"));
    assert_cut_off(&run, 690, 4_000);
}
