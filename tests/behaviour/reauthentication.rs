//! Authentication anew: on the connection that a mobile has, and as the way in for one that has none.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{AirPdu, Run, handover, network, run_text, udp};
use keyhop::capture::key_log::KeyRecord;
use keyhop::dot16::backbone::{Compound, MessageKind, TlvLookup};
use keyhop::dot16::identifiers::{AkSequenceNumber, Cid, CmacKeyCount, Direction};
use keyhop::dot16::wire::{EapPacket, ManagementMessage, PkmCode, PkmMessage};
use keyhop::time::VirtualTime;

/// A step of ms1.
fn step(at: &str, action: &str) -> String {
    format!("[[step]]\nat = \"{at}\"\naction = \"{action}\"\n")
}

/// The network with UDP both ways all the time, which lasts `duration` seconds.
fn long_network(stations: u8, duration: u32, rest: &str) -> String {
    let udp = format!(
        "[[traffic]]\nkind = \"udp\"\ndirection = \"both\"\nstart = \"100ms\"\nstop = \"{duration}s\"\ninterval = \"20ms\"\n"
    );
    network(stations, &(udp + rest)).replace("duration = \"2.5s\"", &format!("duration = \"{duration}s\""))
}

/// BS, purpose and success of every authentication.
fn authentications(run: &Run) -> Vec<(&str, &str, bool)> {
    let all = run.outcome.authentications.iter();
    all.map(|one| (one.bs.as_str(), one.purpose.as_str(), one.completed)).collect()
}

fn outcomes(run: &Run) -> Vec<&str> {
    run.outcome.handovers.iter().map(|handover| handover.outcome.as_str()).collect()
}

fn lost(run: &Run) -> (u64, u64) {
    let traffic = &run.outcome.traffic["ms1"];
    (traffic.ul.lost, traffic.dl.lost)
}

/// Every PKM message on interfaces whose name begins with `prefix`.
fn pkm(run: &Run, prefix: &str) -> Vec<(AirPdu, PkmMessage)> {
    let messages = run.air(prefix).into_iter().filter_map(|pdu| match pdu.message()? {
        ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) => Some((pdu, message)),
        _ => None,
    });
    messages.collect()
}

/// The counts of the RNG-REQs on interfaces whose name begins with `prefix`; none for initial ranging.
fn ranged_counts(run: &Run, prefix: &str) -> Vec<Option<u16>> {
    let requests = run.air(prefix).into_iter().filter_map(|pdu| pdu.rng_req());
    requests.map(|request| request.cmac_key_count().map(|count| count.0)).collect()
}

/// Whether the receiver took the frame of a PDU.
fn verdict<'a>(run: &'a Run, pdu: &AirPdu) -> &'a str {
    run.capture.frames[pdu.frame].comment.lines().last().unwrap_or_default()
}

fn at(run: &Run, position: usize) -> VirtualTime {
    VirtualTime::from_nanos(run.outcome.authentications[position].at_us * 1_000)
}

/// Whether user data is accepted in both directions in the second before `end`, in milliseconds.
fn connected_before(run: &Run, end: u64) -> bool {
    let data = run.data_of_any_time("air:");
    let accepted = |direction: Direction| {
        data.iter().any(|data| {
            data.direction == direction
                && run.capture.frames[data.frame].comment.contains("accepted")
                && data.time + Duration::from_millis(1000) > VirtualTime::ZERO + Duration::from_millis(end)
        })
    };
    accepted(Direction::Uplink) && accepted(Direction::Downlink)
}

#[test]
fn a_renewal_on_the_live_connection_loses_no_packet_and_changes_no_tek() {
    // R10, A22
    let text = network(2, &(udp(160) + &step("500ms", "reauthenticate") + &handover("1.2s", "bs2", &["bs2"])));
    let run = run_text(&text, &[]);
    assert_eq!(authentications(&run), [("bs1", "renewal", true)]);
    assert_eq!((lost(&run), run.outcome.nonce_reuse), ((0, 0), 0));
    assert_eq!(outcomes(&run), ["completed"]);
    assert_eq!(ranged_counts(&run, "air:ms1-bs2"), [Some(1)], "T_M = N = 1 for the new PMK");
    let renewed = at(&run, 0);
    let data = run.data("air:ms1-bs1");
    for direction in [Direction::Uplink, Direction::Downlink] {
        let pns: Vec<(u32, &[u8; 16])> = data
            .iter()
            .filter(|data| data.direction == direction)
            .map(|data| (data.pn, data.tek.key.expose()))
            .collect();
        assert!(data.iter().any(|data| data.time < renewed) && data.iter().any(|data| data.time > renewed));
        for pair in pns.windows(2) {
            assert_eq!((pair[1].0, pair[1].1), (pair[0].0 + 1, pair[0].1), "PNs go on under the same TEK");
        }
    }
}

#[test]
fn the_old_ak_protects_until_the_handshake_and_the_new_one_from_then_on() {
    // R7
    let text = network(2, &(udp(160) + &step("500ms", "reauthenticate") + &handover("1.2s", "bs2", &["bs2"])));
    let run = run_text(&text, &[]);
    let messages = pkm(&run, "air:ms1-bs1");
    let codes: Vec<u8> = messages.iter().map(|(_, message)| message.code.0).collect();
    assert_eq!(codes, [17, 18, 18, 18, 18, 18, 18, 18, 18, 18, 20, 21, 22]);
    for (pdu, message) in &messages {
        let handshake = [PkmCode::SA_TEK_CHALLENGE, PkmCode::SA_TEK_REQUEST, PkmCode::SA_TEK_RESPONSE];
        let expected = if handshake.contains(&message.code) { 4 } else { 0 };
        assert_eq!(message.cmac_tuple().unwrap().ak_sn, AkSequenceNumber(expected), "{:?}", message.code);
        assert_eq!(pdu.pdu().header.cid.0, 321, "the primary management connection of basic CID 1");
    }
    let asks = run.first_message("air:ms1-bs1", |message| matches!(message, ManagementMessage::MobMshoReq(_)));
    assert_eq!(asks.unwrap().message().unwrap().cmac_tuple().unwrap().ak_sn, AkSequenceNumber(4));
    let names: Vec<&str> = messages
        .iter()
        .filter_map(|(_, message)| EapPacket::parse(message.eap_payload()?).ok())
        .map(|packet| packet.name())
        .collect();
    let expected = [
        "Request, Identity",
        "Response, Identity",
        "Request, TLS Start",
        "Response, TLS ClientHello",
        "Request, TLS ServerHello",
        "Response, TLS Certificate",
        "Request, TLS ChangeCipherSpec",
        "Response, TLS acknowledgement",
        "Success",
    ];
    assert_eq!(names, expected);
}

#[test]
fn the_key_log_has_both_pmks_and_the_teks_of_the_connection_once() {
    let run = run_text(&network(2, &(udp(160) + &step("500ms", "reauthenticate"))), &[]);
    let renewed = at(&run, 0);
    let pmks: Vec<_> = run
        .keys
        .records
        .iter()
        .filter_map(|record| match record {
            KeyRecord::Pmk(pmk) => Some((pmk.pmk_sn, pmk.validity.until)),
            _ => None,
        })
        .collect();
    assert_eq!(pmks.len(), 2);
    assert!(pmks.contains(&(0, Some(renewed))) && pmks.contains(&(4, None)), "{pmks:?}");
    let aks: Vec<_> = run
        .keys
        .records
        .iter()
        .filter_map(|record| match record {
            KeyRecord::Ak(ak) => Some((ak.ak_sn, ak.validity.until.is_some())),
            _ => None,
        })
        .collect();
    assert!(aks.len() == 2 && aks.contains(&(AkSequenceNumber(4), false)), "{aks:?}");
    let teks: Vec<_> = run.teks().map(|tek| tek.validity.until).collect();
    assert_eq!(teks, [None, None], "an older and a newer TEK, in use from first to last");
}

#[test]
fn after_the_last_count_the_mobile_renews_its_pmk_and_the_next_handover_uses_count_1() {
    // R2
    let steps = handover("500ms", "bs2", &["bs2"]) + &handover("1.5s", "bs1", &["bs1"]);
    let text = network(2, &(udp(160) + &steps));
    let run = run_text(&text, &["mobile_station.ms1.cmac_key_count=65534"]);
    assert_eq!(outcomes(&run), ["completed", "completed"]);
    assert_eq!(ranged_counts(&run, "air:"), [Some(0xffff), Some(1)]);
    assert_eq!(authentications(&run), [("bs2", "renewal", true)]);
    assert_eq!((lost(&run), run.outcome.nonce_reuse), ((0, 0), 0));
    assert_eq!(run.reported_counts("bs1"), [CmacKeyCount(1)], "the old serving BS is given the new AK");
}

#[test]
fn a_handover_that_no_count_is_left_for_ends_as_a_renewal_and_the_mobile_stays() {
    // R2, A2
    let steps = handover("500ms", "bs2", &["bs2"]) + &handover("1.5s", "bs2", &["bs2"]);
    let run = run_text(&network(2, &(udp(160) + &steps)), &["mobile_station.ms1.cmac_key_count=65535"]);
    assert_eq!(outcomes(&run), ["reauthenticated", "completed"]);
    assert_eq!(authentications(&run), [("bs1", "renewal", true)]);
    assert_eq!(ranged_counts(&run, "air:"), [Some(1)]);
    assert_eq!(lost(&run), (0, 0));
}

#[test]
fn without_a_new_pmk_the_authenticator_serves_no_context_after_the_last_count() {
    // R2
    let steps = handover("500ms", "bs2", &["bs2"]) + &handover("1.5s", "bs1", &["bs1"]);
    let text = network(2, &(udp(160) + &steps));
    let sets = ["mobile_station.ms1.cmac_key_count=65534", "mobile_station.ms1.certificate=expired"];
    let run = run_text(&text, &sets);
    assert_eq!(outcomes(&run), ["completed", "cancelled"]);
    assert!(authentications(&run).iter().all(|(_, _, completed)| !completed));
    assert_eq!(ranged_counts(&run, "air:"), [Some(0xffff)], "M does not wrap");
    assert_eq!(run.reported_counts("bs1"), []);
    assert_eq!(lost(&run), (0, 0), "the connection stays");
}

#[test]
fn a_certificate_that_has_expired_fails_on_the_wire_and_changes_nothing() {
    let steps = step("500ms", "reauthenticate") + &handover("1.2s", "bs2", &["bs2"]);
    let text = network(2, &(udp(160) + &steps));
    let run = run_text(&text, &["mobile_station.ms1.certificate=expired"]);
    assert_eq!(authentications(&run), [("bs1", "renewal", false)]);
    let packets = pkm(&run, "air:ms1-bs1");
    let last = packets.last().and_then(|(_, message)| EapPacket::parse(message.eap_payload()?).ok());
    assert!(matches!(last, Some(EapPacket::Failure { .. })), "{last:?}");
    assert!(run.control(MessageKind::KeyChangeCnf).is_empty());
    assert_eq!((lost(&run), outcomes(&run)), ((0, 0), vec!["completed"]));
    assert_eq!(ranged_counts(&run, "air:"), [Some(2)], "the old PMK and its count go on");
}

#[test]
fn cmac_pns_that_run_out_are_renewed_before_they_do() {
    // A mobile whose CMAC_PNs begin in the reserve renews before its first handover.
    let text = network(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"])));
    let run = run_text(&text, &["mobile_station.ms1.cmac_pn=4294901760"]);
    assert_eq!(authentications(&run), [("bs1", "renewal", true)]);
    assert_eq!((outcomes(&run), lost(&run)), (vec!["completed"], (0, 0)));
    let run = run_text(&text, &["mobile_station.ms1.cmac_pn=4294000000"]);
    assert_eq!(authentications(&run), []);
}

#[test]
fn a_demand_of_std2009_leads_back_into_the_network() {
    // A13, R7
    let steps = handover("500ms", "bs2", &["bs2"]) + &handover("1.8s", "bs1", &["bs1"]);
    let text = network(2, &(udp(160) + &steps));
    let sets = ["profile=\"std2009\"", "mobile_station.ms1.network_key_count=9"];
    let run = run_text(&text, &sets);
    assert_eq!(outcomes(&run), ["reauthenticated", "completed"]);
    assert_eq!(authentications(&run), [("bs2", "entry", true)]);
    assert_eq!(ranged_counts(&run, "air:"), [Some(2), None, Some(1)]);
    assert!(connected_before(&run, 2300));
    assert_eq!(run.outcome.nonce_reuse, 0);
    // TEKs came in Key-Reply, after the registration, and nothing of the old PMK is left at the old serving BS.
    let (_, response) =
        pkm(&run, "air:ms1-bs2").into_iter().find(|(_, message)| message.code == PkmCode::SA_TEK_RESPONSE).unwrap();
    assert_eq!((response.sa_tek_updates().count(), response.sa_descriptors().count()), (0, 1));
    assert!(pkm(&run, "air:ms1-bs2").iter().any(|(_, message)| message.code == PkmCode::KEY_REPLY));
    let entered = at(&run, 0);
    assert!(
        run.teks_of("bs1")
            .iter()
            .any(|tek| tek.validity.until.is_some_and(|until| until < entered + Duration::from_millis(100)))
    );
    assert!(run.data("air:ms1-bs2").iter().any(|data| data.time > entered));
}

/// A mobile that has lost its counter: it is behind N at every BS, until it authenticates.
fn lost_counter(rest: &str) -> String {
    long_network(2, 6, &("[[step]]\nat = \"400ms\"\naction = \"lose_counter\"\n".to_owned() + rest))
}

const BEHIND: &str = "mobile_station.ms1.cmac_key_count=40";

#[test]
fn a_mobile_that_no_base_station_lets_in_by_its_count_enters_by_authentication() {
    // R7, A13
    let run = run_text(&lost_counter(&handover("4s", "bs2", &["bs2"])), &[BEHIND]);
    let entries: Vec<_> = authentications(&run).into_iter().filter(|(_, purpose, _)| *purpose == "entry").collect();
    assert_eq!(entries, [("bs1", "entry", true)], "the last serving BS comes first");
    assert_eq!(outcomes(&run), ["released", "completed"]);
    assert!(connected_before(&run, 6000));
    let counts = ranged_counts(&run, "air:");
    assert_eq!(counts.last(), Some(&Some(1)), "{counts:?}");
    assert_eq!(run.outcome.nonce_reuse, 0);
}

#[test]
fn a_mobile_that_nobody_authenticates_tries_for_ever_at_a_slower_and_slower_pace() {
    let text = lost_counter("").replace("duration = \"6s\"", "duration = \"60s\"");
    let run = run_text(&text, &[BEHIND, "mobile_station.ms1.certificate=expired"]);
    let tries: Vec<VirtualTime> = run
        .air("air:")
        .into_iter()
        .filter(|pdu| pdu.rng_req().is_some_and(|request| request.cmac_key_count().is_none()))
        .map(|pdu| pdu.time)
        .collect();
    assert!(authentications(&run).iter().all(|(_, _, completed)| !completed));
    let last = tries.last().unwrap();
    assert!(*last > VirtualTime::ZERO + Duration::from_secs(30), "{tries:?}");
    assert!((8..40).contains(&tries.len()), "{}", tries.len());
    for bs in ["air:ms1-bs1", "air:ms1-bs2"] {
        assert!(ranged_counts(&run, bs).contains(&None), "{bs}");
    }
}

#[test]
fn a_replayed_initial_rng_req_does_nothing_to_a_live_connection_or_a_count() {
    // A13, R7
    let attacks = "[[attack]]\nname = \"copy\"\ntap = \"air:ms1-bs1\"\ndirection = \"uplink\"\n\
                   trigger = { frame = \"RNG-REQ\", after = \"700ms\" }\naction = { record = \"initial\" }\n"
        .to_owned()
        + &["4s", "4.9s"]
            .map(|at| {
                format!(
                    "[[attack]]\nname = \"play-{at}\"\ntap = \"air:ms1-bs1\"\ndirection = \"uplink\"\n\
                     trigger = {{ time = \"{at}\" }}\naction = {{ replay = \"initial\" }}\n"
                )
            })
            .concat()
            .replace("play-4.9s", "play-49");
    let run = run_text(&lost_counter(&(attacks + &handover("5s", "bs2", &["bs2"]))), &[BEHIND]);
    let played: Vec<AirPdu> = run.air("adv:");
    assert_eq!(played.len(), 2);
    for pdu in &played {
        assert_eq!((pdu.pdu().header.cid, pdu.rng_req().unwrap().cmac_key_count()), (Cid::INITIAL_RANGING, None));
        assert!(verdict(&run, pdu).contains("may authenticate"), "{}", verdict(&run, pdu));
    }
    let entered = at(&run, run.outcome.authentications.len() - 1);
    assert!(entered < played[0].time);
    let undisturbed = run_text(&lost_counter(&handover("5s", "bs2", &["bs2"])), &[BEHIND]);
    assert_eq!(run.outcome.traffic["ms1"], undisturbed.outcome.traffic["ms1"]);
    assert_eq!(outcomes(&run), outcomes(&undisturbed));
    assert_eq!(outcomes(&run).last(), Some(&"completed"));
    assert_eq!(ranged_counts(&run, "air:ms1-bs2").last(), Some(&Some(1)), "no count has moved");
}

#[test]
fn whatever_is_lost_a_renewal_ends_in_success_and_the_mobile_connected() {
    // R2, R3
    let steps = handover("500ms", "bs2", &["bs2"]) + &handover("6s", "bs1", &["bs1"]);
    let text = long_network(2, 9, &steps);
    let mut renewed = 0;
    for seed in 0..36 {
        let seed_set = format!("seed={seed}");
        let sets = ["mobile_station.ms1.cmac_key_count=65534", "radio.loss=0.1", "backbone.loss=0.1", &seed_set];
        let run = run_text(&text, &sets);
        let what = format!("seed {seed}: {:?}, {:?}", outcomes(&run), authentications(&run));
        assert_eq!(run.outcome.nonce_reuse, 0, "{what}");
        assert!(connected_before(&run, 9000), "{what}");
        renewed += u32::from(authentications(&run).iter().any(|(_, _, completed)| *completed));
    }
    assert!(renewed > 30, "{renewed}");
}

#[test]
fn whatever_is_lost_a_mobile_without_connection_comes_back() {
    // R7
    let text = lost_counter(&handover("9s", "bs2", &["bs2"])).replace("\"6s\"", "\"12s\"");
    for seed in 0..24 {
        let seed_set = format!("seed={seed}");
        let run = run_text(&text, &[BEHIND, "radio.loss=0.1", "backbone.loss=0.1", &seed_set]);
        let what = format!("seed {seed}: {:?}, {:?}", outcomes(&run), authentications(&run));
        assert_eq!(run.outcome.nonce_reuse, 0, "{what}");
        assert!(authentications(&run).iter().any(|(_, _, completed)| *completed), "{what}");
        assert!(connected_before(&run, 12000), "{what}");
    }
}

/// A fault on a link of ms1 or of the backbone.
fn fault(link: &str, to: &str, frame: &str, rest: &str) -> String {
    format!("[[fault]]\nlink = \"{link}\"\nto = \"{to}\"\nframe = \"{frame}\"\n{rest}\n")
}

#[test]
fn old_and_new_ak_live_side_by_side_until_the_mobile_knows_that_the_new_one_is_in_use() {
    // Every SA-TEK-Response of the first handshake is lost: the BS uses the new AK, the mobile still the old one, which the
    // BS goes on to verify. The mobile tries again under it.
    let lost_responses = fault("air:ms1-bs1", "ms1", "PKM-RSP", "nth = 7\ncount = 4\nlose = true");
    let steps = step("500ms", "reauthenticate") + &handover("5s", "bs2", &["bs2"]) + &lost_responses;
    let run = run_text(&long_network(2, 7, &steps), &[]);
    assert_eq!(authentications(&run), [("bs1", "renewal", false), ("bs1", "renewal", true)]);
    assert_eq!((lost(&run), outcomes(&run)), ((0, 0), vec!["completed"]));
    let messages = pkm(&run, "air:ms1-bs1");
    let accepted = |code: PkmCode| {
        let taken = |pdu: &AirPdu| !pdu.lost && !verdict(&run, pdu).contains("dropped");
        let mut sent: Vec<(VirtualTime, u8)> = Vec::new();
        for (pdu, message) in messages.iter().filter(|(pdu, message)| message.code == code && taken(pdu)) {
            sent.push((pdu.time, message.ak_sn().unwrap().0));
        }
        sent
    };
    let switched = accepted(PkmCode::SA_TEK_REQUEST)[0];
    assert_eq!(switched.1, 4);
    let starts = accepted(PkmCode::EAP_START);
    assert_eq!(starts.iter().map(|(_, sn)| *sn).collect::<Vec<_>>(), [0, 0]);
    assert!(starts[1].0 > switched.0, "what the mobile signs with the old AK still verifies");
    let asks = run.first_message("air:ms1-bs1", |message| matches!(message, ManagementMessage::MobMshoReq(_)));
    assert_eq!(asks.unwrap().message().unwrap().cmac_tuple().unwrap().ak_sn, AkSequenceNumber(8));
    assert_eq!(run.outcome.nonce_reuse, 0);
}

#[test]
fn the_old_pmk_serves_until_a_base_station_has_confirmed_the_new_one() {
    // The confirmation is late: a handover that is asked for meanwhile waits for it, and uses the new AK.
    let late = fault("r6:bs1-gw", "gw", "Key_Change_Cnf", "count = 12\nlose = true");
    let steps = step("500ms", "reauthenticate") + &handover("600ms", "bs2", &["bs2"]) + &late;
    let run = run_text(&network(2, &(udp(160) + &steps)), &[]);
    let confirmed = run.control(MessageKind::KeyChangeAck)[0].0;
    let contexts = run.control(MessageKind::ContextReq);
    assert!(contexts.iter().all(|(time, _, message)| *time > confirmed
        || message.tlvs.inside(Compound::MsInfo).inside(Compound::AkContext).ak_sn() == Some(4)));
    assert_eq!((outcomes(&run), lost(&run)), (vec!["completed"], (0, 0)));
    assert_eq!(ranged_counts(&run, "air:"), [Some(1)]);
}

#[test]
fn a_base_station_that_does_not_hear_that_the_pmk_is_gone_is_told_until_it_does() {
    // R3
    let deaf = fault("r6:bs1-gw", "bs1", "CMAC_Key_Count_Update", "count = 9\nlose = true");
    let steps = handover("500ms", "bs2", &["bs2"]) + &handover("5s", "bs1", &["bs1"]) + &deaf;
    let sets = ["profile=\"std2009\"", "mobile_station.ms1.network_key_count=9", "radio.resource_retain=\"25s\""];
    let run = run_text(&long_network(2, 7, &steps), &sets);
    assert_eq!(outcomes(&run), ["reauthenticated", "completed"]);
    assert_eq!(ranged_counts(&run, "air:ms1-bs1"), [Some(1)]);
    let told = run.control(MessageKind::CmacKeyCountUpdateAck);
    assert!(told.iter().any(|(_, packet, _)| packet.from.ip == run.keys.node("bs1").unwrap().ip.unwrap()));
}

#[test]
fn only_a_bounded_number_of_mobiles_authenticates_at_a_base_station_at_a_time_and_all_come_in() {
    let mut text =
        "name = \"test\"\nshows = \"a test\"\nduration = \"40s\"\n[radio]\nneighbour_advertisement = \"5s\"\n\
                    [[base_station]]\nname = \"bs1\"\nbsid = \"0a0000000001\"\nip = \"10.16.0.1\"\n"
            .to_owned();
    for number in 1..=36 {
        text.push_str(&format!(
            "[[mobile_station]]\nname = \"ms{number}\"\nmac = \"0200000000{number:02x}\"\nip = \"192.0.2.{}\"\n\
             serving = \"bs1\"\ncmac_key_count = 40\n",
            number + 10
        ));
    }
    for number in 1..=36 {
        text.push_str(&format!("[[step]]\nat = \"1s\"\naction = \"lose_counter\"\nmobile_station = \"ms{number}\"\n"));
    }
    let run = run_text(&text, &[]);
    let refused = run.capture.frames.iter().filter(|frame| frame.comment.contains("too many mobiles")).count();
    assert!(refused > 0, "{refused}");
    let in_again: BTreeSet<&str> =
        run.outcome.authentications.iter().filter(|one| one.completed).map(|one| one.ms.as_str()).collect();
    assert_eq!(in_again.len(), 36);
}
