//! Where a mode cannot be kept: contexts that are lost or do not arrive, a mobile that does not take part. What follows is
//! `legacy-rng-rsp`, or authentication, and the messages and the result say so.

use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::node::HandoverMode;
use keyhop::dot16::wire::{HoSecurity, ManagementMessage};

use super::{legacy, mode};
use crate::scripts::{assert_connected, assert_harmless, fault, outcomes, run, step, udp};
use crate::support::{Run, handover};

fn one_handover(of: HandoverMode, rest: &str, sets: &[&str]) -> Run {
    let rest = udp("both", "100ms", "20ms") + &handover("600ms", "bs2", &["bs2"]) + rest;
    run(2, &rest, &[&[mode(of).as_str()], sets].concat())
}

/// Bits 1-2 and the number of SA-TEK-Updates of every RNG-RSP to a handover at bs2.
fn answers(run: &Run) -> Vec<(HoSecurity, usize)> {
    let messages = run.air("air:ms1-bs2").into_iter().filter_map(|pdu| pdu.message());
    let answers = messages.filter_map(|message| match message {
        ManagementMessage::RngRsp(response) => {
            Some((response.ho_process_optimization()?.security(), response.sa_tek_updates().count()))
        }
        _ => None,
    });
    answers.collect()
}

#[test]
fn reuse_without_the_teks_of_the_serving_base_station_becomes_teks_in_rng_rsp_and_says_so() {
    // A27, R12
    let losses = [
        // MOB_HO-IND: bs1 does not know that the mobile has left.
        fault("air:ms1-bs1", "bs1", "MOB_HO-IND", "lose = true"),
        fault("r4:bs1-bs2", "bs2", "HO_Cnf", "count = 9\nlose = true"),
        // It comes after RNG-REQ.
        fault("r4:bs1-bs2", "bs2", "HO_Cnf", "delay = \"150ms\""),
    ];
    for loss in losses {
        let run = one_handover(HandoverMode::LegacyReuse, &loss, &["backbone.retry=1500ms"]);
        assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-rng-rsp")]);
        assert_eq!(answers(&run), [(HoSecurity::SaTekUpdateInRngRsp, 1)]);
        assert_harmless(&run);
        assert_connected(&run, 800, 2_300);
        let told =
            run.capture.frames.iter().any(|frame| frame.comment.contains("no TEKs have come from the serving BS"));
        assert!(told, "the verdict on RNG-REQ says why");
    }
}

/// bs2 has restarted after it was prepared for, and given counts to, this mobile: it cannot know what it has used (R8).
#[test]
fn a_target_whose_contexts_are_lost_answers_with_teks_in_rng_rsp_in_every_mode_that_takes_the_ak_over() {
    // R8
    for of in legacy().filter(|of| *of != HandoverMode::LegacyFull) {
        let rest = step("640ms", "cancel", "")
            + &step("900ms", "restart", "node = \"bs2\"")
            + &handover("1200ms", "bs2", &["bs2"]);
        let run = one_handover(of, &rest, &[]);
        let expected = [("bs2", "cancelled", of.as_str()), ("bs2", "completed", "legacy-rng-rsp")];
        assert_eq!(outcomes(&run), expected);
        assert_eq!(answers(&run), [(HoSecurity::SaTekUpdateInRngRsp, 1)], "{of}");
        assert_harmless(&run);
        assert_connected(&run, 1_400, 2_300);
    }
}

#[test]
fn an_entry_that_nobody_has_prepared_gets_its_teks_in_rng_rsp() {
    // R8
    for of in legacy() {
        let rest = udp("both", "100ms", "20ms") + &step("600ms", "lose_contexts", "");
        let run = run(2, &rest, &[&mode(of)]);
        assert_eq!(outcomes(&run), [("bs1", "fell-back", "legacy-rng-rsp")], "{of}");
        assert_connected(&run, 800, 2_300);
        assert_harmless(&run);
    }
}

#[test]
fn without_seamless_on_the_side_of_the_mobile_a_seamless_network_sends_teks_in_rng_rsp() {
    // A5, A27, R13
    let run = one_handover(HandoverMode::Seamless, "", &["mobile_station.ms1.seamless=false"]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-rng-rsp")]);
    assert_eq!(answers(&run), [(HoSecurity::SaTekUpdateInRngRsp, 1)]);
}

#[test]
fn a_lost_answer_in_any_mode_is_asked_for_again_with_the_same_result() {
    for of in legacy() {
        let answer = match of {
            HandoverMode::LegacySaTek | HandoverMode::LegacyFull => "PKM-RSP",
            _ => "RNG-RSP",
        };
        for frame in ["RNG-RSP", answer] {
            let lost = fault("air:ms1-bs2", "ms1", frame, "nth = 1\nlose = true");
            let run = one_handover(of, &lost, &[]);
            assert_eq!(outcomes(&run), [("bs2", "completed", of.as_str())], "{frame} lost");
            assert_harmless(&run);
            assert_connected(&run, 1_400, 2_300);
        }
    }
}

/// SA-TEK-Request is never answered: T_M is spent, and the mobile enters elsewhere with the next count.
#[test]
fn a_handshake_that_is_never_answered_ends_as_a_missed_ranging_deadline_does() {
    // R1
    let lost = fault("air:ms1-bs2", "ms1", "PKM-RSP", "count = 9\nlose = true");
    let run = one_handover(HandoverMode::LegacySaTek, &lost, &["duration=4s"]);
    let handovers = outcomes(&run);
    assert_eq!(handovers, [("bs1", "fell-back", "legacy-rng-rsp")]);
    let requests = run.air("air:ms1-bs2").into_iter().filter(|pdu| {
        matches!(pdu.message(), Some(ManagementMessage::PkmReq(_))) && pdu.direction == Direction::Uplink
    });
    assert_eq!(requests.count(), 4);
    assert_eq!(crate::scripts::ranged_counts(&run, "bs1"), [3]);
    assert_harmless(&run);
}
