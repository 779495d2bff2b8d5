//! Network entry from power-on: the order on the wire, what is repeated, what is negotiated, and the script's own clock.

use std::collections::BTreeSet;

use keyhop::capture::key_log::{KeyRecord, TekSource};
use keyhop::dot16::backbone::asn_code::registration;
use keyhop::dot16::backbone::{MessageKind, TlvLookup};
use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::node::Capabilities;
use keyhop::dot16::wire::{
    HoSecurity, MacPdu, ManagementMessage, PkmCode, SbcMessage, SbcTlv, SecurityNegotiation, SecurityNegotiationItem,
};
use keyhop::emulation::Engine;
use keyhop::scenario::bundled;
use keyhop::scenario::script::{Script, SetArgument};

use crate::forger::{pdu, run_with_forger};
use crate::scripts::{assert_connected, fault, ms, outcomes, ranged_counts, run, udp as flow_of_udp, weak};
use crate::support::{self, Run, handover, network, repository, script, udp};

const FULL: &str = "entry=full";
/// The script's own clock begins with the run, so that faults can reach the messages of the entry.
const AT_ONCE: &str = "entry_time=1ms";

/// Names of the management messages on a link, PKM by its code; broadcasts left out.
fn messages(run: &Run, link: &str) -> Vec<String> {
    let named = run.air(link).into_iter().filter_map(|pdu| match pdu.message()? {
        ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) => {
            Some(message.code.name().unwrap().to_owned())
        }
        ManagementMessage::MobNbrAdv(_) => None,
        message => Some(message.name().to_owned()),
    });
    named.collect()
}

/// BS, purpose and success of every authentication.
fn authentications(run: &Run) -> Vec<(&str, &str, bool)> {
    let all = run.outcome.authentications.iter();
    all.map(|one| (one.bs.as_str(), one.purpose.as_str(), one.completed)).collect()
}

fn lost(run: &Run) -> (u64, u64) {
    let traffic = &run.outcome.traffic["ms1"];
    (traffic.ul.lost, traffic.dl.lost)
}

#[test]
fn a_mobile_that_is_switched_on_enters_in_the_order_of_the_standard() {
    // R2, R17
    let run = run(2, &(udp(160) + &handover("1s", "bs2", &["bs2"])), &[FULL]);
    let first = &run.capture.frames[0];
    assert_eq!((run.interface(first), first.octets.len()), ("air:ms1-bs1", 3), "a CDMA ranging code");
    let mut names = messages(&run, "air:ms1-bs1");
    names.retain(|name| !name.starts_with("EAP") && !name.starts_with("MOB"));
    let order = [
        "RNG-RSP",
        "RNG-REQ",
        "RNG-RSP",
        "SBC-REQ",
        "SBC-RSP",
        "SA-TEK-Challenge",
        "SA-TEK-Request",
        "SA-TEK-Response",
        "REG-REQ",
        "REG-RSP",
        "Key-Request",
        "Key-Reply",
    ];
    assert_eq!(names, order);
    let paths = run.control(MessageKind::PathRegReq);
    let kinds: Vec<_> = paths.iter().map(|(_, _, message)| message.tlvs.registration_type()).collect();
    assert_eq!(kinds, [Some(registration::INITIAL_NETWORK_ENTRY), Some(registration::HANDOFF)]);
    assert!(paths[0].2.tlvs.is_seamless(), "the gateway learns what was negotiated");
    let registered = run.control(MessageKind::PathRegAck)[0].0;
    assert!(run.data("air:ms1-bs1").iter().all(|data| data.time > registered), "only then user data");
    assert_eq!((lost(&run), authentications(&run)), ((0, 0), vec![("bs1", "entry", true)]));
    assert_eq!((ranged_counts(&run, "bs2"), outcomes(&run)), (vec![1], vec![("bs2", "completed", "seamless")]));
}

#[test]
fn the_first_teks_come_by_key_reply_and_no_key_is_there_before_eap() {
    // A21, R2
    let flows = "[[flow]]\nsa = 2\nudp_port = 50001\n[[flow]]\nsa = 3\nprotocol = \"icmp\"\n";
    let run = run(2, &(udp(160) + flows), &[FULL]);
    let teks = |code: PkmCode| {
        let messages = run.air("air:ms1-bs1").into_iter().filter_map(|pdu| pdu.message());
        let of_code = messages.filter_map(|message| match message {
            ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) if message.code == code => {
                Some((message.said(), message.tek_parameters().count() + message.sa_tek_updates().count()))
            }
            _ => None,
        });
        of_code.collect::<Vec<_>>()
    };
    assert_eq!(teks(PkmCode::SA_TEK_RESPONSE), [(None, 0)]);
    let replies = teks(PkmCode::KEY_REPLY);
    assert_eq!(replies.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2; 3]);
    let saids: BTreeSet<_> = replies.iter().map(|(said, _)| *said).collect();
    assert_eq!(saids.len(), 3, "an exchange for each SA");
    assert!(run.teks().count() == 6 && run.teks().all(|tek| tek.source == TekSource::Random));
    let since = run.keys.records.iter().filter_map(|record| match record {
        KeyRecord::Pmk(pmk) => pmk.validity.from,
        _ => None,
    });
    let since: Vec<_> = since.collect();
    assert!(since.len() == 1 && since[0] > ms(0), "{since:?}");
    assert_eq!(lost(&run), (0, 0));
}

#[test]
fn every_request_of_the_entry_is_repeated_when_it_or_its_answer_is_lost() {
    for (frame, towards) in [
        ("CDMA", "bs1"),
        ("RNG-RSP", "ms1"),
        ("RNG-REQ", "bs1"),
        ("SBC-REQ", "bs1"),
        ("SBC-RSP", "ms1"),
        ("REG-REQ", "bs1"),
        ("REG-RSP", "ms1"),
    ] {
        let rest = udp(160) + &fault("air:ms1-bs1", towards, frame, "nth = 1\ncount = 2\nlose = true");
        let run = run(1, &rest, &[FULL, AT_ONCE]);
        assert_eq!(authentications(&run), [("bs1", "entry", true)], "{frame}");
        assert_connected(&run, 1_000, 2_300);
        assert_eq!(lost(&run).0, 0, "{frame}: uplink packets wait for the end of the entry");
    }
}

#[test]
fn lost_key_requests_and_replies_of_the_entry_are_repeated_with_the_same_teks() {
    let undisturbed = run(1, &udp(160), &[FULL, AT_ONCE]);
    let nth = |direction: Direction| {
        let pkm = undisturbed.air("air:ms1-bs1").into_iter().filter(|pdu| pdu.direction == direction);
        let of_pkm = |message: &ManagementMessage| {
            matches!(message, ManagementMessage::PkmReq(_) | ManagementMessage::PkmRsp(_))
        };
        pkm.filter_map(|pdu| pdu.message()).filter(of_pkm).count()
    };
    // The last PKM messages of the entry.
    for (frame, towards, direction) in [("PKM-REQ", "bs1", Direction::Uplink), ("PKM-RSP", "ms1", Direction::Downlink)]
    {
        let nth = nth(direction);
        let rest = udp(160) + &fault("air:ms1-bs1", towards, frame, &format!("nth = {nth}\ncount = 2\nlose = true"));
        let run = run(1, &rest, &[FULL, AT_ONCE]);
        let names = messages(&run, "air:ms1-bs1");
        assert_eq!(names.iter().filter(|name| *name == "Key-Request").count(), 3, "{names:?}");
        assert_eq!(authentications(&run), [("bs1", "entry", true)], "{frame}");
        assert_eq!(run.teks().count(), 2, "{frame}");
        assert_connected(&run, 1_300, 2_300);
    }
}

#[test]
fn a_base_station_that_does_not_answer_is_left_for_the_next_after_a_limited_number_of_requests() {
    for (frame, times) in [("SBC-REQ", 4), ("REG-REQ", 4)] {
        let rest = udp(160) + &fault("air:ms1-bs1", "bs1", frame, "count = 1000\nlose = true");
        let run = run(2, &rest, &[FULL, AT_ONCE]);
        let names = messages(&run, "air:ms1-bs1");
        assert_eq!(names.iter().filter(|name| *name == frame).count(), times, "{names:?}");
        assert_eq!(authentications(&run), [("bs2", "entry", true)], "{frame}");
        assert_connected(&run, 1_500, 2_300);
    }
}

#[test]
fn a_base_station_that_restarts_during_eap_is_left_for_the_next() {
    let restart = "[[step]]\nat = \"110ms\"\naction = \"restart\"\nnode = \"bs1\"\n";
    let text = network(2, &(udp(160) + restart)).replace("duration = \"2.5s\"", "duration = \"5s\"");
    let run = support::run_text(&text, &[FULL, AT_ONCE]);
    let entered = run.outcome.authentications.iter().find(|one| one.completed).unwrap();
    assert_eq!(entered.bs, "bs2");
    assert!(entered.at_us < 3_500_000, "{entered:?}");
}

#[test]
fn a_base_station_lets_go_of_a_mobile_that_does_not_finish_its_registration() {
    let rest = udp(160) + &fault("air:ms1-bs1", "bs1", "REG-REQ", "count = 1000\nlose = true");
    let text = network(2, &rest).replace("duration = \"2.5s\"", "duration = \"20s\"");
    let run = support::run_text(&text, &[FULL, AT_ONCE]);
    let connections = |bs: &str| {
        let (bs, records) = (run.bs(bs), run.keys.records.iter());
        let of_bs = records.filter_map(move |record| match record {
            KeyRecord::Connection(connection) if connection.bs == bs => Some(connection.validity.until.is_some()),
            _ => None,
        });
        of_bs.collect::<Vec<_>>()
    };
    assert_eq!(connections("bs1"), [true; 2], "basic and primary CID, and no transport CID");
    assert_eq!(connections("bs2"), [false; 4]);
    assert_eq!(lost(&run).0, 0);
}

#[test]
fn whatever_is_lost_a_mobile_that_is_switched_on_comes_in_and_hands_over() {
    // R2
    let text = network(2, &(flow_of_udp("both", "100ms", "20ms") + &handover("1s", "bs2", &["bs2"])));
    for seed in 0..16 {
        let seed_set = format!("seed={seed}");
        let sets = [FULL, "entry_time=12s", "radio.loss=0.1", "backbone.loss=0.1", &seed_set];
        let run = support::run_text(&text, &sets);
        let what = format!("seed {seed}: {:?}, {:?}", outcomes(&run), authentications(&run));
        assert_eq!(run.outcome.nonce_reuse, 0, "{what}");
        assert!(authentications(&run).iter().any(|(_, purpose, done)| *purpose == "entry" && *done), "{what}");
        assert!(!run.outcome.handovers.is_empty(), "{what}");
    }
}

#[test]
fn several_mobiles_enter_side_by_side_and_one_that_is_established_is_not_disturbed() {
    let mut rest = String::new();
    for number in 2..=6 {
        let mac = format!("02000000000{number}");
        rest.push_str(&format!(
            "[[mobile_station]]\nname = \"ms{number}\"\nmac = \"{mac}\"\nip = \"192.0.2.{}\"\nserving = \"bs1\"\n",
            number + 10
        ));
    }
    for number in 1..=6 {
        rest.push_str(&udp(160).replace("[[traffic]]\n", &format!("[[traffic]]\nmobile_station = \"ms{number}\"\n")));
    }
    let run = run(2, &rest, &[FULL, AT_ONCE, "mobile_station.ms3.entry=established"]);
    let entered: BTreeSet<&str> = run.outcome.authentications.iter().map(|one| one.ms.as_str()).collect();
    assert_eq!(entered, BTreeSet::from(["ms1", "ms2", "ms4", "ms5", "ms6"]));
    for (name, traffic) in &run.outcome.traffic {
        assert_eq!((traffic.ul.lost, traffic.dl.duplicated), (0, 0), "{name}");
    }
    assert_eq!(run.outcome.traffic["ms3"].dl.lost, 0);
    assert_eq!(run.outcome.nonce_reuse, 0);
}

#[test]
fn a_mobile_that_is_not_in_when_the_script_begins_is_told_in_a_note() {
    let text = network(1, &udp(160));
    let notes = |sets: &[&str]| {
        let finished = keyhop::scenario::run::run(&script(&text, sets), Engine::Inline, &repository("captures"), None);
        finished.unwrap().notes
    };
    let late: Vec<String> = notes(&[FULL, "entry_time=20ms"]);
    assert_eq!(late, ["warning: ms1: has not entered the network by 20ms"]);
    assert_eq!(notes(&[FULL]), [""; 0]);
    let never = notes(&[FULL, "mobile_station.ms1.certificate=expired"]);
    assert_eq!(never.len(), 1, "{never:?}");
}

/// The capabilities of REG-REQ and REG-RSP at `bs`.
fn capabilities(run: &Run, bs: &str) -> Vec<Capabilities> {
    let messages = run.air(&format!("air:ms1-{bs}")).into_iter().filter_map(|pdu| pdu.message());
    let registered = messages.filter_map(|message| match message {
        ManagementMessage::RegReq(request) => Some(Capabilities::declared(&request)),
        ManagementMessage::RegRsp(response) => Some(Capabilities::agreed(&response)),
        _ => None,
    });
    registered.collect()
}

const MOBILE_DOES_NOT: &str = "mobile_station.ms1.seamless=false";
const ENTERED_BS_DOES_NOT: &str = "base_station.bs1.seamless=false";
const TARGET_DOES_NOT: &str = "base_station.bs2.seamless=false";

fn one_handover(sets: &[&str]) -> Run {
    let sets: Vec<&str> = [FULL].into_iter().chain(sets.iter().copied()).collect();
    run(2, &(udp(160) + &handover("1s", "bs2", &["bs2"])), &sets)
}

#[test]
fn seamless_handover_is_used_only_if_both_sides_declared_it() {
    // A5, A27, R13, R17
    let whole = |seamless| Capabilities { handover: true, seamless };
    let cases: [(&[&str], bool, bool); 4] = [
        (&[], true, true),
        (&[ENTERED_BS_DOES_NOT, TARGET_DOES_NOT], true, false),
        (&[MOBILE_DOES_NOT], false, false),
        (&[MOBILE_DOES_NOT, ENTERED_BS_DOES_NOT, TARGET_DOES_NOT], false, false),
    ];
    for (sets, declared, agreed) in cases {
        let run = one_handover(sets);
        assert_eq!(capabilities(&run, "bs1"), [whole(declared), whole(agreed)], "{sets:?}");
        let mode = if agreed { "seamless" } else { "legacy-rng-rsp" };
        assert_eq!(outcomes(&run), [("bs2", "completed", mode)], "{sets:?}");
        let generated = run.teks().filter(|tek| tek.source == TekSource::Counter).count();
        assert_eq!(generated, if agreed { 2 } else { 0 }, "{sets:?}");
        assert_eq!(run.outcome.handovers[0].data_before_ranging.ul > 0, agreed, "{sets:?}");
        // As if both had declared it: an established mobile behaves alike.
        let established: Vec<&str> = sets.iter().copied().chain(["entry=established"]).collect();
        assert_eq!(outcomes(&one_handover(&established)), [("bs2", "completed", mode)], "{sets:?}");
    }
}

/// Bits 1-2 of the recommended BS in MOB_BSHO-RSP.
fn promised(run: &Run) -> Vec<HoSecurity> {
    let messages = run.air("air:ms1-").into_iter().filter_map(|pdu| pdu.message());
    let answers = messages.filter_map(|message| match message {
        ManagementMessage::MobBshoRsp(answer) => answer.recommended().first().map(|bs| bs.optimization().security()),
        _ => None,
    });
    answers.collect()
}

#[test]
fn a_target_that_cannot_says_so_before_the_mobile_leaves_and_the_mobile_takes_its_teks() {
    // A27, R13
    for entry in [FULL, "entry=established"] {
        let run = one_handover(&[TARGET_DOES_NOT, entry]);
        assert_eq!(promised(&run), [HoSecurity::SaTekUpdateInRngRsp]);
        assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-rng-rsp")]);
        assert_connected(
            &run,
            if entry == FULL { 3_300 } else { 1_300 },
            2_300 + if entry == FULL { 2_000 } else { 0 },
        );
    }
}

#[test]
fn what_was_negotiated_is_in_use_again_behind_a_base_station_that_cannot() {
    // A5, R13
    let steps = ["bs2", "bs3", "bs1"].iter().zip([500, 1_100, 1_700]);
    let steps: String = steps.map(|(target, at)| handover(&format!("{at}ms"), target, &[target])).collect();
    for entry in [FULL, "entry=established"] {
        let run = run(3, &(udp(160) + &steps), &[TARGET_DOES_NOT, entry, "radio.resource_retain=100ms"]);
        let expected = [
            ("bs2", "completed", "legacy-rng-rsp"),
            ("bs3", "completed", "legacy-rng-rsp"),
            ("bs1", "completed", "seamless"),
        ];
        assert_eq!(outcomes(&run), expected, "{entry}");
        assert_eq!(run.outcome.nonce_reuse, 0);
    }
}

#[test]
fn a_mobile_does_not_take_an_agreement_to_what_it_has_not_declared() {
    // A5, A27, R13
    let weak_bs = weak("bs1", &["agrees-to-undeclared-seamless"]);
    let run = one_handover(&[MOBILE_DOES_NOT, &weak_bs]);
    let registered = capabilities(&run, "bs1");
    assert_eq!(registered[..2].iter().map(|side| side.seamless).collect::<Vec<_>>(), [false, true]);
    assert!(outcomes(&run).iter().all(|(.., mode)| *mode != "seamless"));
    assert!(
        run.data("air:ms1-bs2").iter().all(|data| data.direction == Direction::Downlink),
        "the mobile sends nothing"
    );
}

#[test]
fn where_neither_side_minds_a_seamless_handover_goes_through_that_nobody_declared() {
    // broken: A5, A27, R13
    let weak_bs = weak("bs1", &["agrees-to-undeclared-seamless"]);
    let run = one_handover(&[MOBILE_DOES_NOT, &weak_bs, &weak("ms1", &["claims-seamless"])]);
    assert_eq!(capabilities(&run, "bs1").iter().map(|side| side.seamless).collect::<Vec<_>>(), [false, true]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "seamless")]);
}

#[test]
fn a_mobile_that_claims_more_than_reg_rsp_agreed_to_is_refused() {
    // A27, R13
    let run = one_handover(&[MOBILE_DOES_NOT, &weak("ms1", &["claims-seamless"])]);
    assert!(capabilities(&run, "bs1").iter().all(|side| !side.seamless));
    assert!(outcomes(&run).iter().all(|(_, outcome, _)| *outcome != "completed"), "{:?}", outcomes(&run));
    assert!(run.air("air:ms1-bs2").iter().all(|pdu| !pdu.is_data()));
}

const FIXED: &str = "mobile_station.ms1.station=fixed";

#[test]
fn a_fixed_station_declares_no_handover_and_a_base_station_prepares_none_for_it() {
    // A26
    for entry in [FULL, "entry=established"] {
        let run = one_handover(&[FIXED, entry, &weak("ms1", &["moves-although-fixed"])]);
        if entry == FULL {
            assert_eq!(capabilities(&run, "bs1"), [Capabilities { handover: false, seamless: false }; 2]);
        }
        assert_eq!(outcomes(&run), [("bs2", "cancelled", "legacy-rng-rsp")], "{entry}");
        assert!(run.control(MessageKind::HoReq).is_empty());
        assert_eq!(lost(&run), (0, 0));
    }
}

#[test]
fn a_fixed_station_that_nobody_holds_back_moves() {
    // broken: A26
    let sets = [FIXED, &weak("ms1", &["moves-although-fixed"]), &weak("bs1", &["moves-fixed-stations"])];
    let run = one_handover(&sets);
    assert_eq!(outcomes(&run), [("bs2", "completed", "legacy-rng-rsp")]);
}

#[test]
fn a_fixed_station_ignores_a_command_to_hand_over_and_says_why() {
    // A26
    // The script refuses such a step, so that it is put into the script afterwards.
    let mut moved = script(&network(2, &(udp(160) + &handover("1s", "bs2", &["bs2"]))), &[FULL]);
    moved.mobile_stations[0].station = keyhop::scenario::script::Station::Fixed;
    moved.mobile_stations[0].seamless = false;
    let finished = keyhop::scenario::run::run(&moved, Engine::Inline, &repository("captures"), None).unwrap();
    assert_eq!(finished.outcome.handovers.len(), 0);
    assert!(finished.notes[0].ends_with("a fixed station does not hand over"), "{:?}", finished.notes);
}

/// Makes the window in the security negotiation of SBC-REQ or SBC-RSP smaller, as anybody on the way can.
fn with_smaller_window(frame: &[u8], direction: Direction) -> Option<Vec<u8>> {
    let of = MacPdu::parse(frame).ok().filter(|pdu| pdu.header.cid.is_management())?;
    let message = ManagementMessage::parse(of.body).ok()?;
    let smaller = |message: &SbcMessage| {
        let tlvs = message.tlvs.iter().map(|tlv| match tlv {
            SbcTlv::SecurityNegotiation(SecurityNegotiation(items)) => {
                let items = items.iter().map(|item| match item {
                    SecurityNegotiationItem::PnWindowSize(_) => SecurityNegotiationItem::PnWindowSize(0),
                    other => other.clone(),
                });
                SbcTlv::SecurityNegotiation(SecurityNegotiation(items.collect()))
            }
            other => other.clone(),
        });
        SbcMessage { tlvs: tlvs.collect() }
    };
    let altered = match (&message, direction) {
        (ManagementMessage::SbcReq(message), Direction::Uplink) => ManagementMessage::SbcReq(smaller(message)),
        (ManagementMessage::SbcRsp(message), Direction::Downlink) => ManagementMessage::SbcRsp(smaller(message)),
        _ => return None,
    };
    Some(pdu(of.header.cid, &altered.octets().unwrap()))
}

/// Of 100 packets in each direction nearly all come out: not the downlink ones that came before there was a path.
const MOST: usize = 190;

/// Registrations, and user packets that came out, where the first `times` SBC messages of a direction are altered.
fn altered_sbc(direction: Direction, times: usize, sets: &[&str]) -> (Vec<bool>, usize) {
    let sets: Vec<&str> = [FULL].into_iter().chain(sets.iter().copied()).collect();
    let mut left = times;
    let reported = run_with_forger(&script(&network(1, ""), &sets), [], move |frame| {
        let altered = with_smaller_window(frame, direction).filter(|_| left > 0)?;
        left -= 1;
        Some(altered)
    });
    let packets = reported.packets_between(0, 2_500);
    (reported.registered, packets)
}

#[test]
fn a_downgrade_of_sbc_is_found_out_in_the_sa_tek_handshake() {
    // A27
    for direction in [Direction::Uplink, Direction::Downlink] {
        let (registered, packets) = altered_sbc(direction, usize::MAX, &[]);
        assert_eq!((registered, packets), (vec![], 0), "{direction}");
        let (registered, packets) = altered_sbc(direction, 0, &[]);
        assert_eq!(registered, [true], "{direction}: nothing altered");
        assert!(packets > MOST, "{packets}");
    }
}

#[test]
fn a_downgrade_of_sbc_that_nobody_compares_stands() {
    // broken: A27
    let (bs, ms) = (weak("bs1", &["believes-sbc-req"]), weak("ms1", &["believes-sbc-rsp"]));
    for (direction, weak) in [(Direction::Uplink, &bs), (Direction::Downlink, &ms)] {
        let (registered, packets) = altered_sbc(direction, usize::MAX, &[weak]);
        assert!(registered == [true] && packets > MOST, "{direction}: {registered:?}, {packets}");
        let other = if direction == Direction::Uplink { &ms } else { &bs };
        assert_eq!(altered_sbc(direction, usize::MAX, &[other]), (vec![], 0), "{direction}: the other side compares");
    }
}

/// Scripts that are about a mobile which stands connected: one that can not authenticate does not come in, and what hangs on
/// the counts of the others happens only where they do not begin anew.
const OTHERWISE: [&str; 4] =
    ["old-backup-no-cache", "lost-counter-no-authentication", "target-compromised", "count-jump-takes-any-count"];

#[test]
fn every_bundled_script_holds_from_power_on_or_says_what_contradicts_it() {
    let full: SetArgument = FULL.parse().unwrap();
    let mut refused = Vec::new();
    for bundled in bundled::goldens() {
        let script: Script = match bundled.parse(std::slice::from_ref(&full)) {
            Ok(script) => script,
            Err(error) => {
                assert!(error.to_string().contains("entry = \"full\""), "{}: {error}", bundled.name);
                refused.push(bundled.name);
                continue;
            }
        };
        let run = support::run_script(&script);
        // The work of the entries counts, too.
        let of_work = |text: &str| text.starts_with("work of");
        let failed: Vec<_> = run.outcome.expectations.iter().filter(|one| !one.held && !of_work(&one.text)).collect();
        if OTHERWISE.contains(&bundled.name) {
            assert!(!failed.is_empty(), "{}", bundled.name);
            continue;
        }
        assert!(failed.is_empty(), "{}: {failed:?}", bundled.name);
        let entered = run.outcome.authentications.iter().filter(|one| one.purpose == "entry" && one.completed);
        assert!(entered.count() >= script.mobile_stations.len(), "{}", bundled.name);
    }
    // Its PMK would end before the script.
    assert_eq!(refused, ["tek-refresh"]);
    let sooner = ["entry=full", "entry_time=500ms"].map(|set| set.parse().unwrap());
    let run = support::run_script(&bundled::script("tek-refresh").unwrap().parse(&sooner).unwrap());
    assert!(run.outcome.expectations.iter().all(|expectation| expectation.held));
}

#[test]
fn a_pmk_of_the_script_is_the_one_in_use() {
    let pmk = "00112233445566778899aabbccddeeff01234567";
    let set = format!("mobile_station.ms1.pmk={pmk}");
    let run = run(2, &(udp(160) + &handover("1s", "bs2", &["bs2"])), &[&set]);
    let logged = run.keys.records.iter().filter_map(|record| match record {
        KeyRecord::Pmk(record) => Some(hex::encode(record.key.expose())),
        _ => None,
    });
    assert_eq!(logged.collect::<Vec<_>>(), [pmk]);
    assert_eq!(outcomes(&run), [("bs2", "completed", "seamless")]);
}
