//! `legacy-full`: the whole way into the network at the target, and the way back as long as there is one.

use keyhop::dot16::backbone::MessageKind;
use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::wire::{ManagementMessage, PkmCode, RngReq};

use crate::scripts::{
    NO_WAY_BY_AUTHENTICATION, assert_connected, assert_harmless, fault, outcomes, run, step, udp, updates,
};
use crate::support::{Run, handover};

fn full(rest: &str, sets: &[&str]) -> Run {
    let rest = udp("both", "100ms", "10ms") + &handover("600ms", "bs2", &["bs2"]) + rest;
    run(2, &rest, &[&["mode=legacy-full"], sets].concat())
}

/// When the mobile sent SA-TEK-Request at bs2, in milliseconds.
fn sa_tek_request(run: &Run) -> u64 {
    let request = run.first_message(
        "air:ms1-bs2",
        |message| matches!(message, ManagementMessage::PkmReq(message) if message.code == PkmCode::SA_TEK_REQUEST),
    );
    request.expect("SA-TEK-Request").time.as_nanos() / 1_000_000
}

#[test]
fn a_full_entry_asks_for_no_ak_of_the_pmk_before_and_counts_from_the_beginning() {
    let run = full(&handover("1400ms", "bs1", &["bs1"]), &[]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-full"), ("bs1", "completed", "legacy-full")]);
    // RNG-REQ of a full entry has neither count nor tuple, but says that it is a handover.
    let request = run.first_rng_req("air:ms1-bs2").rng_req().unwrap();
    assert_eq!((request.cmac_key_count(), request.cmac_tuple()), (None, None));
    assert_eq!(request.ranging_purpose(), Some(RngReq::PURPOSE_HANDOVER));
    // One context for each entry, and that of the new AK.
    assert_eq!(run.control(MessageKind::ContextReq).len(), 2);
    assert_eq!((updates(&run, "bs1", "gw"), updates(&run, "bs2", "gw")), (vec![], vec![]));
    let pmks = run.keys.records.iter().filter(|record| matches!(record, keyhop::capture::key_log::KeyRecord::Pmk(_)));
    assert_eq!(pmks.count(), 3);
    let counts: Vec<u16> = run.data("air:ms1-bs2").iter().map(|pdu| pdu.tek.count.0).collect();
    assert!(counts.iter().all(|count| *count == 0));
    assert_harmless(&run);
    assert_connected(&run, 1_000, 1_400);
    assert_connected(&run, 1_800, 2_300);
}

/// R1: no RNG-REQ with T_M was sent, so that the old connection goes on, with its packet numbers.
#[test]
fn a_full_entry_that_is_cancelled_before_sa_tek_request_leads_back_to_the_old_connection() {
    // R1
    let completed = full("", &[]);
    let request = sa_tek_request(&completed);
    for at in [request - 100, request - 60, request - 20, request - 1] {
        let run = full(&(step(&format!("{at}ms"), "cancel", "") + &handover("1500ms", "bs2", &["bs2"])), &[]);
        let expected = [("bs2", "cancelled", "legacy-full"), ("bs2", "completed", "legacy-full")];
        assert_eq!(outcomes(&run), expected, "cancelled at {at} ms");
        assert_harmless(&run);
        assert_eq!(run.outcome.traffic["ms1"].ul.lost, 0);
        assert_connected(&run, at + 100, 1_500);
        let at_bs1 = run.data("air:ms1-bs1").into_iter();
        let pns: Vec<u32> = at_bs1.filter(|pdu| pdu.direction == Direction::Uplink).map(|pdu| pdu.pn).collect();
        assert!(pns.windows(2).all(|pair| pair[1] == pair[0] + 1), "{pns:?}");
    }
}

/// After SA-TEK-Request the network may use the new PMK: whoever went back then would find his connection gone.
#[test]
fn a_full_entry_that_is_cancelled_after_sa_tek_request_goes_on() {
    // R1
    let request = sa_tek_request(&full("", &[]));
    for at in [request + 1, request + 5, request + 20] {
        let run = full(&step(&format!("{at}ms"), "cancel", ""), &[]);
        assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-full")], "cancelled at {at} ms");
        assert_harmless(&run);
        assert_connected(&run, 1_200, 2_300);
    }
}

#[test]
fn a_mobile_that_the_target_does_not_authenticate_returns_to_its_old_connection() {
    // R1
    let run = full("", &[NO_WAY_BY_AUTHENTICATION]);
    assert_eq!(outcomes(&run), [("bs2", "cancelled", "legacy-full")]);
    assert_harmless(&run);
    assert_connected(&run, 1_200, 2_300);
}

#[test]
fn a_target_that_is_not_heard_is_left_at_the_ranging_deadline() {
    // R1, R14
    let deaf = fault("air:ms1-bs2", "bs2", "RNG-REQ", "count = 99\nlose = true");
    let run = full(&deaf, &[]);
    assert_eq!(outcomes(&run), [("bs2", "cancelled", "legacy-full")]);
    assert_harmless(&run);
    assert_connected(&run, 1_000, 2_300);
}

#[test]
fn every_message_of_a_full_entry_is_asked_for_again_when_it_is_lost() {
    for (to, frame) in [
        ("ms1", "RNG-RSP"),
        ("bs2", "SBC-REQ"),
        ("ms1", "SBC-RSP"),
        ("bs2", "PKM-REQ"),
        ("ms1", "PKM-RSP"),
        ("bs2", "REG-REQ"),
        ("ms1", "REG-RSP"),
    ] {
        let run = full(&fault("air:ms1-bs2", to, frame, "lose = true"), &[]);
        assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-full")], "{frame} lost");
        assert_harmless(&run);
        assert_connected(&run, 2_000, 2_300);
    }
}
