//! One handover in each mode, on clean links: what it comes to, what is on the wire, and how long it takes.

use keyhop::capture::key_log::TekSource;
use keyhop::dot16::backbone::Compound::{BsInfo, MsInfo, MsSecurityContext};
use keyhop::dot16::backbone::{MessageKind, TlvLookup};
use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::node::HandoverMode;
use keyhop::dot16::wire::{ManagementMessage, PkmCode, RngRsp, VendorItem};
use std::time::Duration;

use super::{legacy, mode, modes};
use crate::scripts::{assert_harmless, outcomes, run, udp};
use crate::support::{Run, handover};

/// A packet in every frame and direction, and a handover at 1 s.
fn one_handover(of: HandoverMode, sets: &[&str]) -> Run {
    let rest = udp("both", "100ms", "5ms") + &handover("1s", "bs2", &["bs2", "bs3"]);
    run(3, &rest, &[&[mode(of).as_str()], sets].concat())
}

fn rng_rsp(run: &Run) -> RngRsp {
    let is_last = |message: &ManagementMessage| matches!(message, ManagementMessage::RngRsp(response) if response.ho_process_optimization().is_some());
    match run.first_message("air:ms1-bs2", is_last).and_then(|pdu| pdu.message()) {
        Some(ManagementMessage::RngRsp(response)) => response,
        other => panic!("no RNG-RSP of the handover: {other:?}"),
    }
}

fn pkm_codes(run: &Run) -> Vec<PkmCode> {
    let messages = run.air("air:ms1-bs2").into_iter().filter_map(|pdu| pdu.message());
    let codes = messages.filter_map(|message| match message {
        ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) => Some(message.code),
        _ => None,
    });
    codes.collect()
}

#[test]
fn a_handover_in_every_mode_is_completed_and_loses_nothing() {
    for of in modes() {
        let run = one_handover(of, &[]);
        assert_eq!(outcomes(&run), [("bs2", "completed", of.as_str())]);
        assert_harmless(&run);
        let traffic = &run.outcome.traffic["ms1"];
        assert_eq!((traffic.ul.lost, traffic.dl.lost), (0, 0), "{of}");
        let rejects = &run.outcome.rejects;
        assert_eq!(rejects.icv + rejects.pn_replay + rejects.cmac + rejects.cmac_pn + rejects.key_count, 0, "{of}");
        assert_eq!(rejects.malformed, 0, "{of}");
        // Whoever is asked: the capture and the key log.
        assert!(run.data("air:ms1-bs2").len() > 400, "{of}");
    }
}

#[test]
fn a_mobile_that_ranges_before_ho_cnf_is_at_the_target_loses_nothing() {
    // A24, R16
    for of in modes() {
        for latency in ["20ms", "50ms"] {
            let run = one_handover(of, &["radio.rng_delay=1ms", &format!("backbone.latency={latency}")]);
            // TEKs that come with HO_Cnf come too late.
            let seen = if of == HandoverMode::LegacyReuse { HandoverMode::LegacyRngRsp } else { of };
            assert_eq!(outcomes(&run), [("bs2", "completed", seen.as_str())]);
            assert_harmless(&run);
            let traffic = &run.outcome.traffic["ms1"];
            assert_eq!((traffic.ul.lost, traffic.dl.lost), (0, 0), "{of} at {latency}");
            // A packet in every frame sees at least the interruption.
            let measured = &run.outcome.handovers[0];
            assert!(measured.interruption_dl_us.unwrap() <= measured.gap_dl_us.unwrap(), "{of} at {latency}");
            assert!(measured.interruption_ul_us.unwrap() <= measured.gap_ul_us.unwrap(), "{of} at {latency}");
        }
    }
}

#[test]
fn the_bits_of_ho_process_optimization_are_those_of_the_mode_in_every_message() {
    for of in modes() {
        let run = one_handover(of, &[]);
        let expected = of.optimization().low_octet();
        let answers = run.control(MessageKind::HoRsp);
        assert_eq!(answers.len(), 2);
        for (_, _, answer) in answers {
            assert_eq!(answer.tlvs.inside(BsInfo).ho_process_optimization(), Some(expected), "HO_Rsp, {of}");
            assert_eq!(answer.tlvs.is_seamless(), of == HandoverMode::Seamless);
        }
        let is_response = |message: &ManagementMessage| matches!(message, ManagementMessage::MobBshoRsp(_));
        let Some(ManagementMessage::MobBshoRsp(response)) =
            run.first_message("air:ms1-bs1", is_response).and_then(|pdu| pdu.message())
        else {
            panic!("no MOB_BSHO-RSP")
        };
        for bs in response.recommended() {
            assert_eq!(bs.optimization().low_octet(), expected, "MOB_BSHO-RSP, {of}");
        }
        let items = &response.vendor().unwrap().items;
        assert_eq!(items.contains(&VendorItem::Seamless(true)), of == HandoverMode::Seamless);
        let bits = rng_rsp(&run).ho_process_optimization().unwrap();
        assert_eq!(bits.low_octet(), expected, "RNG-RSP, {of}");
    }
}

#[test]
fn the_teks_come_as_the_mode_says_and_in_no_other_way() {
    for of in modes() {
        let run = one_handover(of, &[]);
        let response = rng_rsp(&run);
        assert_eq!(response.sa_challenge_tuple().is_some(), of == HandoverMode::LegacySaTek, "{of}");
        assert_eq!(response.sa_tek_updates().count(), usize::from(of == HandoverMode::LegacyRngRsp), "{of}");
        let handed_over: Vec<bool> = run
            .control(MessageKind::HoCnf)
            .iter()
            .map(|(_, _, message)| message.tlvs.inside(MsInfo).has(MsSecurityContext))
            .collect();
        // To bs2, which the mobile goes to, and not to bs3.
        assert_eq!(handed_over, [of == HandoverMode::LegacyReuse, false], "{of}");
        if of != HandoverMode::LegacyFull {
            let handshake = [PkmCode::SA_TEK_REQUEST, PkmCode::SA_TEK_RESPONSE];
            let expected = if of == HandoverMode::LegacySaTek { &handshake[..] } else { &[] };
            assert_eq!(pkm_codes(&run), expected, "{of}");
        }
        let source = match of {
            HandoverMode::Seamless => TekSource::Counter,
            HandoverMode::LegacyReuse => TekSource::Reuse,
            _ => TekSource::Random,
        };
        assert!(run.data("air:ms1-bs2").iter().all(|pdu| pdu.tek.source == source), "{of}");
    }
}

/// R12: with the same TEKs the packet numbers go on, in both directions.
#[test]
fn reused_teks_are_those_of_the_serving_base_station_and_their_packet_numbers_go_on() {
    // R12
    let run = one_handover(HandoverMode::LegacyReuse, &[]);
    for direction in [Direction::Uplink, Direction::Downlink] {
        let sent = |prefix| run.data(prefix).into_iter().filter(move |pdu| pdu.direction == direction);
        let (last, first) = (sent("air:ms1-bs1").next_back().unwrap(), sent("air:ms1-bs2").next().unwrap());
        assert_eq!((first.tek.key.expose(), first.eks), (last.tek.key.expose(), last.eks), "{direction}");
        assert_eq!(first.pn, last.pn + 1, "{direction}");
        assert_ne!(first.cid, last.cid);
    }
}

#[test]
fn the_interruption_from_the_events_is_the_one_that_the_packets_show() {
    for of in modes() {
        for sets in [&[][..], &["radio.association=none"], &["radio.tek_processing=23ms"], &["backbone.latency=7ms"]] {
            let run = one_handover(of, sets);
            let measured = &run.outcome.handovers[0];
            for (direction, subframe, interruption) in [
                (Direction::Uplink, Duration::from_millis(2), measured.interruption_ul_us),
                (Direction::Downlink, Duration::from_millis(3), measured.interruption_dl_us),
            ] {
                let sent = |prefix| run.data(prefix).into_iter().filter(move |pdu| pdu.direction == direction);
                let last = sent("air:ms1-bs1").next_back().unwrap().time + subframe;
                let first = sent("air:ms1-bs2").next().unwrap().time;
                let seen = u64::try_from(first.since(last).as_micros()).unwrap();
                assert_eq!(interruption, Some(seen), "{of}, {direction}, {sets:?}");
            }
        }
    }
}

/// Statement A23, from the run's own counts.
#[test]
fn seamless_needs_no_more_messages_than_reuse_and_every_other_mode_needs_as_many_or_more() {
    // A23
    let counts = |of| {
        let run = one_handover(of, &[]);
        (run.outcome.handovers[0].messages_air, run.outcome.handovers[0].messages_backbone)
    };
    let (air, backbone) = counts(HandoverMode::Seamless);
    assert_eq!((air, backbone), counts(HandoverMode::LegacyReuse));
    assert_eq!((air, backbone), counts(HandoverMode::LegacyRngRsp));
    // SA-TEK-Request and SA-TEK-Response.
    assert_eq!((air + 2, backbone), counts(HandoverMode::LegacySaTek));
    assert!(counts(HandoverMode::LegacyFull).0 > air + 6);
}

#[test]
fn no_data_flows_before_the_exchange_of_a_legacy_mode_and_the_processing_of_teks_that_travelled() {
    for of in legacy() {
        let run = one_handover(of, &[]);
        let last = run
            .air("air:ms1-bs2")
            .into_iter()
            .filter(|pdu| pdu.direction == Direction::Downlink)
            .find(|pdu| match pdu.message() {
                Some(ManagementMessage::RngRsp(_)) => {
                    matches!(of, HandoverMode::LegacyRngRsp | HandoverMode::LegacyReuse)
                }
                Some(ManagementMessage::PkmRsp(message)) => {
                    message.code
                        == if of == HandoverMode::LegacyFull { PkmCode::KEY_REPLY } else { PkmCode::SA_TEK_RESPONSE }
                }
                _ => false,
            })
            .unwrap_or_else(|| panic!("the exchange of {of}"));
        let arrives = last.time + Duration::from_millis(3);
        let ready = if of == HandoverMode::LegacyReuse { arrives } else { arrives + Duration::from_millis(5) };
        let first = run.data("air:ms1-bs2").first().unwrap().time;
        assert!(first >= ready && first < ready + Duration::from_millis(5), "{of}: {first} after {ready}");
        assert_eq!(run.outcome.handovers[0].data_before_ranging.ul, 0);
    }
}
