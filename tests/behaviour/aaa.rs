//! EAP-TLS between mobile and AAA server, and RADIUS between Authenticator and AAA server, on the links of a run.

use std::time::Duration;

use crate::support::{Run, network, run_text, run_with, script, udp};
use keyhop::capture::CapturedFrame;
use keyhop::capture::key_log::KeyRecord;
use keyhop::dot16::backbone::transport::{BackbonePacket, decapsulate};
use keyhop::dot16::backbone::{RadiusCode, RadiusDatagram};
use keyhop::dot16::security::Pmk;
use keyhop::dot16::security::radius::RadiusSecret;
use keyhop::dot16::wire::{EapExchange, EapPacket, EapTlsData, ManagementMessage};
use keyhop::emulation::Engine;
use keyhop::time::VirtualTime;

/// One mobile at one base station, which authenticates anew at 500 ms.
fn renewal(rest: &str) -> String {
    let step = "[[step]]\nat = \"500ms\"\naction = \"reauthenticate\"\n";
    network(1, &(udp(160) + step + rest))
}

/// A fault on the link between gateway and AAA server.
fn fault(to: &str, rest: &str) -> String {
    format!("[[fault]]\nlink = \"r3:gw-aaa\"\nto = \"{to}\"\nframe = \"any\"\n{rest}\n")
}

/// Every RADIUS packet, with its frame.
fn radius(run: &Run) -> Vec<(&CapturedFrame, RadiusDatagram)> {
    let on_r3 = run.capture.frames.iter().filter(|frame| run.interface(frame).ends_with("gw-aaa"));
    on_r3
        .map(|frame| match decapsulate(&frame.octets).unwrap().packet {
            BackbonePacket::Radius(datagram) => (frame, datagram),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn codes(run: &Run) -> Vec<u8> {
    radius(run).iter().map(|(_, datagram)| datagram.packet.code.0).collect()
}

/// The EAP packets on the air, in order.
fn eap(run: &Run) -> Vec<EapPacket> {
    let messages = run.air("air:").into_iter().filter_map(|pdu| match pdu.message()? {
        ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) => {
            message.eap_payload().map(|payload| EapPacket::parse(payload).unwrap())
        }
        _ => None,
    });
    messages.collect()
}

/// Whether each authentication was completed.
fn completed(run: &Run) -> Vec<bool> {
    run.outcome.authentications.iter().map(|one| one.completed).collect()
}

fn nothing_lost(run: &Run) {
    let traffic = &run.outcome.traffic["ms1"];
    assert_eq!((traffic.ul.lost, traffic.dl.lost), (0, 0));
}

#[test]
fn a_renewal_asks_the_aaa_server_and_both_ends_have_the_pmk_of_its_msk() {
    let run = run_text(&renewal(""), &[]);
    assert_eq!(completed(&run), [true]);
    assert_eq!(codes(&run), [1, 11, 1, 11, 1, 11, 1, 2]);
    // The judge has the secret: keys in the Access-Accept, and the key log that does not know of it.
    let packets = radius(&run);
    let [.., (_, request), (_, accept)] = &packets[..] else { panic!() };
    let secret = RadiusSecret::new(b"keyhop-radius".to_vec());
    secret.verify_request(&request.packet).unwrap();
    secret.verify_response(&accept.packet, &request.packet.authenticator).unwrap();
    let msk = secret.reveal_msk(&accept.packet, &request.packet.authenticator).unwrap();
    let pmk = run.keys.records.iter().find_map(|record| match record {
        KeyRecord::Pmk(pmk) if pmk.pmk_sn == 4 => Some(pmk),
        _ => None,
    });
    assert_eq!(pmk.unwrap().key.expose(), Pmk::from_msk(msk.octets()).octets());
    assert_eq!(accept.packet.session_timeout(), Some(3600));
    let part = &msk.octets()[..8];
    assert!(!run.capture.frames.iter().any(|frame| frame.octets.windows(8).any(|octets| octets == part)));
    let node = run.keys.node("aaa").unwrap();
    assert_eq!((node.role.as_str(), node.id, node.ip), ("aaa", None, Some([10, 16, 0, 253].into())));
}

#[test]
fn every_mobile_gives_its_own_name_and_every_packet_fits_in_a_pdu() {
    let run = run_text(&renewal(""), &[]);
    let packets = eap(&run);
    assert!(packets.iter().any(|packet| matches!(packet,
        EapPacket::Response(EapExchange { kind: EapExchange::IDENTITY, data, .. })
            if data == b"020000000001@keyhop.example")));
    for packet in &packets {
        assert!(packet.octets().unwrap().len() <= 1000);
        if let EapPacket::Request(EapExchange { kind: EapExchange::TLS, data, .. }) = packet {
            EapTlsData::parse(data).unwrap();
        }
    }
}

#[test]
fn whoever_has_a_wrong_certificate_the_failure_is_on_the_wire_and_the_connection_stays() {
    for node in ["mobile_station.ms1", "aaa"] {
        for certificate in ["other-ca", "expired", "other-name"] {
            let what = format!("{node}.certificate={certificate}");
            let run = run_text(&renewal(""), &[&what]);
            assert_eq!(completed(&run), [false], "{what}");
            assert_eq!(codes(&run).last(), Some(&RadiusCode::ACCESS_REJECT.0), "{what}");
            assert!(matches!(eap(&run).last(), Some(EapPacket::Failure { .. })), "{what}");
            // One fatal TLS alert, of the end that does not like what it sees.
            let alerts: Vec<bool> = eap(&run)
                .iter()
                .filter_map(|packet| match packet {
                    EapPacket::Request(exchange) => Some((true, exchange)),
                    EapPacket::Response(exchange) => Some((false, exchange)),
                    _ => None,
                })
                .filter(|(_, exchange)| exchange.data.get(1) == Some(&21))
                .map(|(by_server, _)| by_server)
                .collect();
            assert_eq!(alerts, [node != "aaa"], "{what}");
            nothing_lost(&run);
        }
    }
}

#[test]
fn a_request_that_is_lost_is_repeated_as_it_was_and_an_answer_that_is_lost_is_given_again() {
    for (to, nth) in [("aaa", 2), ("gw", 3), ("gw", 4)] {
        let run = run_text(&renewal(&fault(to, &format!("nth = {nth}\nlose = true"))), &[]);
        assert_eq!(completed(&run), [true], "{to} {nth}");
        let requests: Vec<_> = radius(&run)
            .into_iter()
            .filter(|(_, datagram)| datagram.packet.code == RadiusCode::ACCESS_REQUEST)
            .collect();
        assert_eq!(requests.len(), 5, "{to} {nth}");
        let pair = requests.windows(2).find(|pair| pair[0].1 == pair[1].1).expect("the same request twice");
        assert_eq!(pair[1].0.time.since(pair[0].0.time), Duration::from_millis(20), "backbone.retry");
        assert_eq!(pair[1].0.comment.contains("the same answer again"), to == "gw");
        nothing_lost(&run);
    }
}

#[test]
fn an_aaa_server_that_does_not_answer_is_asked_four_times() {
    let run = run_text(&renewal(&fault("aaa", "count = 1000\nlose = true")), &[]);
    assert_eq!(codes(&run), [1, 1, 1, 1]);
    assert!(!completed(&run).contains(&true));
    nothing_lost(&run);
    let slow = "[[link]]\nlink = \"r3:gw-aaa\"\nto = \"aaa\"\nlatency = \"55ms\"\n";
    let run = run_text(&renewal(slow), &[]);
    assert_eq!(completed(&run), [true], "late answers count, and repetitions get the same");
}

#[test]
fn octets_changed_or_played_again_on_the_link_are_not_believed() {
    for (to, nth) in [("aaa", 2), ("gw", 4)] {
        // A bit of the Message-Authenticator, or of the keys: Ethernet, IPv4 and UDP are 42 octets, RADIUS begins with 20.
        let run = run_text(&renewal(&fault(to, &format!("nth = {nth}\nflip_bit = {}", (42 + 20 + 30) * 8))), &[]);
        assert_eq!(completed(&run), [true], "{to}: the repetition arrives");
        assert_eq!(radius(&run).iter().filter(|(frame, _)| frame.comment.contains("dropped")).count(), 1);
    }
    let attack = "[[attack]]\nname = \"record\"\ntap = \"r3:gw-aaa\"\nto = \"gw\"\ninsider = true\n\
                  trigger = { frame = \"any\", nth = 4 }\naction = { record = \"accept\" }\n\
                  [[attack]]\nname = \"play\"\ntap = \"r3:gw-aaa\"\nto = \"gw\"\ninsider = true\n\
                  trigger = { time = \"1.5s\" }\naction = { replay = \"accept\" }\n";
    let run = run_text(&renewal(attack), &[]);
    assert!(!run.outcome.attacks[0].succeeded, "{:?}", run.outcome.attacks);
    assert!(run.outcome.attacks[0].detail.contains("it answers no request that is out"));
}

#[test]
fn both_engines_give_the_same_octets_of_tls_and_another_seed_others() {
    let text = renewal("");
    let octets = |engine, seed: &str| {
        let run = run_with(&script(&text, &[seed]), engine, None);
        assert_eq!(completed(&run), [true]);
        (run.capture_octets(), run.key_log_octets())
    };
    let inline = octets(Engine::Inline, "seed=3");
    assert_eq!(inline, octets(Engine::PerNode, "seed=3"));
    assert_ne!(inline, octets(Engine::Inline, "seed=4"));
}

#[test]
fn what_the_aaa_server_is_asked_counts_as_messages_of_the_handover_that_needs_it() {
    // M + 1 does not fit: the handover is a renewal.
    let handover = "[[step]]\nat = \"500ms\"\naction = \"handover\"\ntarget = \"bs2\"\n";
    let run = run_text(&network(2, &(udp(160) + handover)), &["mobile_station.ms1.cmac_key_count=65535"]);
    let [handover] = &run.outcome.handovers[..] else { panic!() };
    assert_eq!(handover.outcome, "reauthenticated");
    let frames = run.capture.frames.iter().filter(|frame| !run.interface(frame).starts_with("air:"));
    let no_data =
        |frame: &&CapturedFrame| !matches!(decapsulate(&frame.octets).unwrap().packet, BackbonePacket::Data(_));
    let octets: Vec<u64> = frames.filter(no_data).map(|frame| frame.octets.len() as u64).collect();
    assert!(radius(&run).len() == 8 && octets.len() > 8);
    assert_eq!((handover.messages_backbone, handover.bytes_backbone), (octets.len() as u64, octets.iter().sum()));
}

#[test]
fn mobiles_that_authenticate_at_the_same_time_are_not_mixed_up() {
    let mut text = renewal("");
    for number in 2..=9 {
        text.push_str(&format!(
            "[[mobile_station]]\nname = \"ms{number}\"\nmac = \"02000000000{number}\"\nip = \"192.0.2.1{number}\"\n\
             serving = \"bs1\"\n[[step]]\nat = \"500ms\"\naction = \"reauthenticate\"\nmobile_station = \"ms{number}\"\n"
        ));
    }
    let text = text.replace("kind = \"udp\"", "kind = \"udp\"\nmobile_station = \"ms1\"").replacen(
        "action = \"reauthenticate\"\n",
        "action = \"reauthenticate\"\nmobile_station = \"ms1\"\n",
        1,
    );
    let run = run_text(&text, &["mobile_station.ms4.certificate=expired"]);
    let failed: Vec<&str> =
        run.outcome.authentications.iter().filter(|one| !one.completed).map(|one| one.ms.as_str()).collect();
    assert_eq!((failed, run.outcome.authentications.len()), (vec!["ms4"], 9));
    let last = run.outcome.authentications.iter().map(|one| one.at_us).max().unwrap();
    assert!(VirtualTime::from_nanos(last * 1000) < VirtualTime::from_nanos(700_000_000), "{last}");
}
