//! What links do to chosen frames (`[[fault]]`), impairments of one direction of a link (`[[link]]`), and taps on the
//! backbone, through whole runs.

use std::collections::HashSet;
use std::time::Duration;

use keyhop::capture::CapturedFrame;
use keyhop::capture::key_log::KeyRecord;
use keyhop::dot16::backbone::MessageKind;
use keyhop::dot16::identifiers::Direction;
use keyhop::dot16::wire::ManagementMessage;
use keyhop::emulation::Engine;
use keyhop::time::VirtualTime;

use crate::support::{AirPdu, OpenedData, Run, handover, network, run_text, run_with, script, udp};

fn fault(link: &str, to: &str, rest: &str) -> String {
    format!("[[fault]]\nlink = \"{link}\"\nto = \"{to}\"\n{rest}\n")
}

fn link(link: &str, to: &str, rest: &str) -> String {
    format!("[[link]]\nlink = \"{link}\"\nto = \"{to}\"\n{rest}\n")
}

fn attack(name: &str, rest: &str) -> String {
    format!("[[attack]]\nname = \"{name}\"\n{rest}\n")
}

/// An attack of an insider at the backbone.
fn insider(name: &str, tap: &str, to: &str, rest: &str) -> String {
    attack(name, &format!("tap = \"{tap}\"\nto = \"{to}\"\ninsider = true\n{rest}"))
}

/// One seamless handover of ms1 from bs1 to bs2 under traffic, and `rest`.
fn one_handover(rest: &str) -> String {
    network(2, &(udp(160) + &handover("1s", "bs2", &["bs2"]) + rest))
}

/// UDP in both directions, a packet every 5 ms, at bs1 alone, and `rest`.
fn at_one_base_station(rest: &str) -> String {
    network(1, &(udp(160).replace("20ms", "5ms") + rest))
}

fn is_lost(frame: &CapturedFrame) -> bool {
    frame.comment.lines().any(|line| line == "lost")
}

/// The comments of the frames on an interface that are what `note` says.
fn comments<'a>(run: &'a Run, interface: &str, note: &str) -> Vec<&'a str> {
    let frames = run.capture.frames.iter().filter(|frame| run.interface(frame) == interface);
    let comments = frames.map(|frame| frame.comment.as_str());
    comments.filter(|comment| comment.trim_start_matches("deliberate: ").starts_with(note)).collect()
}

fn rng_reqs(run: &Run) -> Vec<AirPdu> {
    run.air("air:ms1-bs2").into_iter().filter(|pdu| pdu.rng_req().is_some()).collect()
}

fn completed(run: &Run) -> bool {
    run.outcome.handovers.iter().all(|handover| handover.outcome == "completed" && handover.mode == "seamless")
}

/// Sent, delivered and lost.
fn counts(run: &Run, direction: Direction) -> (u64, u64, u64) {
    let traffic = &run.outcome.traffic["ms1"];
    let counts = match direction {
        Direction::Uplink => &traffic.ul,
        Direction::Downlink => &traffic.dl,
    };
    (counts.sent, counts.delivered, counts.lost)
}

fn rejects(run: &Run) -> [u64; 6] {
    let rejects = &run.outcome.rejects;
    [rejects.icv, rejects.pn_replay, rejects.cmac, rejects.cmac_pn, rejects.key_count, rejects.malformed]
}

#[test]
fn exactly_the_second_rng_req_is_lost_and_the_third_completes_the_handover() {
    // The first answer is lost too, else there would be no second request.
    let lost_answer = fault("air:ms1-bs2", "ms1", "frame = \"RNG-RSP\"\nlose = true");
    let lost_request = fault("air:ms1-bs2", "bs2", "frame = \"RNG-REQ\"\nnth = 2\nlose = true");
    let run = run_text(&one_handover(&(lost_answer + &lost_request)), &[]);
    let lost: Vec<bool> = rng_reqs(&run).iter().map(|pdu| pdu.lost).collect();
    assert_eq!(lost, [false, true, false]);
    let answers: Vec<bool> = run
        .air("air:ms1-bs2")
        .iter()
        .filter(|pdu| matches!(pdu.message(), Some(ManagementMessage::RngRsp(_))))
        .map(|pdu| pdu.lost)
        .collect();
    assert_eq!(answers, [true, false]);
    assert_eq!(run.capture.frames.iter().filter(|frame| is_lost(frame)).count(), 2, "nothing else is lost");
    assert!(completed(&run));
}

#[test]
fn frames_before_an_instant_do_not_count_and_several_in_a_row_are_lost() {
    let text = at_one_base_station(&fault(
        "air:ms1-bs1",
        "bs1",
        "frame = \"data\"\nafter = \"1s\"\nnth = 3\ncount = 4\nlose = true",
    ));
    let run = run_text(&text, &[]);
    let sent = run.data("air:ms1-bs1").into_iter().filter(|pdu| pdu.direction == Direction::Uplink);
    let second = VirtualTime::from_nanos(1_000_000_000);
    let (before, after): (Vec<OpenedData>, Vec<OpenedData>) = sent.partition(|pdu| pdu.time < second);
    assert!(before.iter().all(|pdu| !pdu.lost));
    let lost: Vec<usize> = (1..).zip(&after).filter(|(_, pdu)| pdu.lost).map(|(number, _)| number).collect();
    assert_eq!(lost, [3, 4, 5, 6]);
    assert_eq!((counts(&run, Direction::Uplink).2, counts(&run, Direction::Downlink).2), (4, 0));
}

#[test]
fn a_lost_ranging_code_is_sent_again() {
    let text = one_handover(&fault("air:ms1-bs2", "bs2", "frame = \"CDMA\"\nlose = true"));
    let run = run_text(&text, &["radio.association=none"]);
    let codes = run.capture.frames.iter().filter(|frame| frame.octets.len() == 3);
    assert_eq!(codes.map(is_lost).collect::<Vec<_>>(), [true, false]);
    assert!(completed(&run));
}

#[test]
fn a_delayed_context_rpt_is_marked_and_asked_for_again() {
    let text = one_handover(&fault("r6:bs2-gw", "bs2", "frame = \"Context_Rpt\"\ndelay = \"30ms\""));
    let run = run_text(&text, &[]);
    let delayed = comments(&run, "r6:bs2-gw", "Context_Rpt");
    assert!(delayed[0].contains("; delayed by the link; bs2: "), "{delayed:?}");
    assert!(delayed[1..].iter().all(|comment| !comment.contains("delayed")), "{delayed:?}");
    // It comes 30 ms late, after the repetition at 20 ms.
    let untouched = run_text(&one_handover(""), &[]);
    assert_eq!(untouched.control(MessageKind::ContextReq).len(), 1);
    assert_eq!(run.control(MessageKind::ContextReq).len(), 2);
    assert!(completed(&run));
}

#[test]
fn a_delay_on_the_air_ends_at_a_slot_end_and_moves_only_its_frame() {
    // MOB_HO-IND of the untouched run arrives at 1.04 s, the end of an uplink subframe; 1 ms later means 1.045 s.
    let arrival = |rest: &str| {
        let run = run_text(&one_handover(rest), &[]);
        let (confirmed, ..) = run.control(MessageKind::HoCnf)[0];
        confirmed.as_nanos()
    };
    let untouched = arrival("");
    for (delay, slots) in [("1ms", 1), ("5ms", 1), ("5001us", 2)] {
        let delay = format!("frame = \"MOB_HO-IND\"\ndelay = \"{delay}\"");
        assert_eq!(arrival(&fault("air:ms1-bs1", "bs1", &delay)), untouched + slots * 5_000_000, "{delay}");
    }
}

#[test]
fn a_duplicated_control_message_is_answered_twice_and_changes_nothing_else() {
    // R2, R3
    let untouched = run_text(&one_handover(""), &[]);
    let update = "frame = \"CMAC_Key_Count_Update\"\nduplicate = \"7ms\"";
    let run = run_text(&one_handover(&fault("r6:bs2-gw", "gw", update)), &[]);
    let updates = comments(&run, "r6:bs2-gw", "CMAC_Key_Count_Update: bs2");
    let [update] = updates[..] else { panic!("{updates:?}") };
    assert!(update.contains("; gw (a duplicate made by the link): "), "{update}");
    let acknowledgements = |run: &Run| comments(run, "r6:bs2-gw", "CMAC_Key_Count_Update_ACK: count 2 accepted").len();
    assert_eq!((acknowledgements(&untouched), acknowledgements(&run)), (1, 2));
    assert_eq!(run.reported_counts("bs2"), untouched.reported_counts("bs2"));
    assert!(completed(&run));
    assert_eq!(run.delivered_packets(), untouched.delivered_packets());
    // The second acknowledgement leaves a latency after the duplicate, 7 ms after the first.
    let sent: Vec<VirtualTime> =
        run.control(MessageKind::CmacKeyCountUpdateAck).iter().map(|(time, ..)| *time).collect();
    assert!(sent.contains(&(sent[0] + Duration::from_millis(7))), "{sent:?}");
}

#[test]
fn a_flipped_bit_costs_its_frame_and_changes_nothing_else() {
    for (frame, bit, reason) in [("data", 3, "HCS"), ("data", 200, "CRC"), ("data", u64::MAX >> 1, "CRC")] {
        let untouched = run_text(&at_one_base_station(""), &[]);
        let flip = format!("frame = \"{frame}\"\nnth = 9\nflip_bit = {bit}");
        let run = run_text(&at_one_base_station(&fault("air:ms1-bs1", "ms1", &flip)), &[]);
        assert_eq!(rejects(&run), [0, 0, 0, 0, 0, 1]);
        assert_eq!((counts(&run, Direction::Downlink).2, counts(&run, Direction::Uplink).2), (1, 0));
        let frames = run.capture.frames.iter().zip(&untouched.capture.frames);
        let differing: Vec<_> = frames.filter(|(changed, untouched)| changed != untouched).collect();
        let [(changed, untouched_frame)] = differing[..] else { panic!("{} differ", differing.len()) };
        // The run waits for the packet until its end, with nothing but advertisements.
        let mut waiting = run.capture.frames.iter().skip(untouched.capture.frames.len());
        assert!(waiting.all(|frame| frame.comment.starts_with("MOB_NBR-ADV")));
        assert_eq!(changed.octets, untouched_frame.octets, "the capture has what was sent");
        assert!(changed.comment.starts_with("deliberate: user data"), "{}", changed.comment);
        assert!(changed.comment.contains(reason), "{}", changed.comment);
        let came_out: HashSet<_> = run.delivered_packets().into_iter().collect();
        let missing: Vec<_> =
            untouched.delivered_packets().into_iter().filter(|packet| !came_out.contains(packet)).collect();
        assert!(matches!(missing[..], [(Direction::Downlink, _)]));
    }
}

#[test]
fn a_control_message_with_a_flipped_bit_is_repeated() {
    let text = one_handover(&fault("r4:bs2-bs1", "bs2", "frame = \"HO_Req\"\nflip_bit = 700"));
    let run = run_text(&text, &[]);
    let requests = comments(&run, "r4:bs1-bs2", "HO_Req");
    assert_eq!(requests.len(), 2);
    assert!(requests[0].starts_with("deliberate: ") && requests[0].contains("checksum"), "{requests:?}");
    assert!(completed(&run));
}

#[test]
fn several_faults_of_one_frame_all_come_true() {
    let twice = fault("air:ms1-bs1", "bs1", "frame = \"data\"\nnth = 5\nduplicate = \"5ms\"")
        + &fault("air:ms1-bs1", "bs1", "frame = \"any\"\nafter = \"100ms\"\nnth = 5\ndelay = \"5ms\"");
    let run = run_text(&at_one_base_station(&twice), &[]);
    // The copy is a replay (A19): taken once, dropped the second time.
    assert_eq!(rejects(&run), [0, 1, 0, 0, 0, 0]);
    assert_eq!(counts(&run, Direction::Uplink).2, 0);
    let data = comments(&run, "air:ms1-bs1", "user data");
    let marked: Vec<_> = data.into_iter().filter(|comment| comment.contains("delayed by the link")).collect();
    assert!(matches!(marked[..], [comment] if comment.contains("a duplicate made by the link")), "{marked:?}");
    let lost = twice + &fault("air:ms1-bs1", "bs1", "frame = \"data\"\nnth = 5\nlose = true");
    let run = run_text(&at_one_base_station(&lost), &[]);
    assert_eq!((rejects(&run), counts(&run, Direction::Uplink).2), ([0; 6], 1));
}

#[test]
fn one_direction_of_one_link_loses_and_no_other() {
    for (entry, lost) in [
        (link("air:ms1-bs1", "bs1", "loss = 1"), [true, false]),
        (link("air:ms1-bs1", "ms1", "loss = 1"), [false, true]),
        (link("r6:bs1-gw", "gw", "loss = 1"), [true, false]),
        (link("r6:bs1-gw", "bs1", "loss = 1"), [false, true]),
        (link("r6:bs1-gw", "bs1", "jitter = \"1ms\""), [false, false]),
    ] {
        let run = run_text(&network(1, &(udp(160) + &entry)), &[]);
        for (direction, lost) in [Direction::Uplink, Direction::Downlink].into_iter().zip(lost) {
            let (sent, _, missing) = counts(&run, direction);
            assert!(sent > 0);
            assert_eq!(missing, if lost { sent } else { 0 }, "{entry} {direction}");
        }
    }
}

#[test]
fn an_entry_for_a_link_stands_in_place_of_the_global_values_and_leaves_the_rest_to_them() {
    let spoilt = run_text(&network(1, &udp(160)), &["radio.loss=1"]);
    assert_eq!(counts(&spoilt, Direction::Uplink).1, 0);
    let healed = network(1, &(udp(160) + &link("air:ms1-bs1", "bs1", "loss = 0")));
    let run = run_text(&healed, &["radio.loss=1"]);
    assert_eq!((counts(&run, Direction::Uplink).2, counts(&run, Direction::Downlink).1), (0, 0));
    // What it does not name is as everywhere.
    let run = run_text(&healed, &["radio.loss=1", "radio.bit_errors=1"]);
    assert_eq!(counts(&run, Direction::Uplink).1, 0);
    // A CDMA code of which a bit is inverted is another code.
    let is_pdu = |octets: &[u8]| octets.len() > 3;
    let uplink = run.capture.frames.iter().filter(|frame| frame.direction == Some(Direction::Uplink));
    let uplink = uplink.filter(|frame| is_pdu(&frame.octets));
    assert_eq!(run.outcome.rejects.malformed, uplink.count() as u64);
}

#[test]
fn the_latency_of_one_direction_delays_that_direction() {
    let times = |rest: &str, direction: usize| -> Vec<VirtualTime> {
        let run = run_text(&network(1, &(udp(160) + rest)), &[]);
        run.delivered.frames.iter().filter(|frame| frame.interface == direction).map(|frame| frame.time).collect()
    };
    // 50 ms are 48 ms more than the default; user data leaves bs1 at the start of a downlink subframe, every 5 ms.
    let slow = link("r6:bs1-gw", "bs1", "latency = \"52ms\"");
    assert_eq!(times(&slow, 0), times("", 0));
    let later: Vec<VirtualTime> = times("", 1).into_iter().map(|time| time + Duration::from_millis(50)).collect();
    assert_eq!(times(&slow, 1), later);
}

/// Uplink PDUs in the order of their arrival, each with its PN, as the capture has them: `late` for one held back.
fn uplink_arrivals(run: &Run, late: Duration) -> Vec<u32> {
    let sent = run.data("air:ms1-bs1").into_iter().filter(|pdu| pdu.direction == Direction::Uplink);
    let mut arrivals: Vec<(VirtualTime, u32)> = sent
        .map(|pdu| {
            let held_back = run.capture.frames[pdu.frame].comment.contains("held back by the link");
            (pdu.time + if held_back { late } else { Duration::ZERO }, pdu.pn)
        })
        .collect();
    // At one slot end they arrive in the order in which they were sent.
    arrivals.sort();
    arrivals.into_iter().map(|(_, pn)| pn).collect()
}

/// How many of the PNs a window of `size` takes for too old; nothing is sent twice.
fn too_old(pns: &[u32], size: u32) -> u64 {
    let mut highest = 0;
    let mut old = 0;
    for &pn in pns {
        old += u64::from(pn + size.max(1) <= highest);
        highest = highest.max(pn);
    }
    old
}

#[test]
fn reordering_inside_the_pn_window_is_accepted_and_beyond_it_is_dropped_as_a_replay() {
    // A19
    let late = Duration::from_millis(20);
    let text = at_one_base_station(&link("air:ms1-bs1", "bs1", "reordering = 0.3\nheld_back = \"20ms\""));
    let mut dropped = Vec::new();
    for size in [0_u32, 1, 2, 3, 4, 64] {
        let run = run_text(&text, &[&format!("base_station.bs1.pn_window={size}")]);
        let arrivals = uplink_arrivals(&run, late);
        assert!(!arrivals.is_sorted());
        let expected = too_old(&arrivals, size);
        assert_eq!(rejects(&run), [0, expected, 0, 0, 0, 0], "window {size}");
        assert_eq!(counts(&run, Direction::Uplink).2, expected, "window {size}");
        assert_eq!(counts(&run, Direction::Downlink).2, 0);
        dropped.push(expected);
    }
    // A PDU is overtaken by 3 others at the most, the fourth arrives with it: a window of 4 reaches back that far.
    assert!(dropped[0] > 50 && dropped[1] == dropped[0], "{dropped:?}");
    assert!(dropped[1..5].is_sorted_by(|smaller, larger| smaller > larger), "{dropped:?}");
    assert_eq!(dropped[4..], [0, 0]);
}

#[test]
fn the_global_keys_reorder_and_duplicate_on_every_link() {
    let text = at_one_base_station("");
    let overtaken = run_text(&text, &["radio.reordering=0.3", "mobile_station.ms1.pn_window=0"]);
    let comments_of = |run: &Run, part: &str| {
        let frames = run.capture.frames.iter();
        frames.filter(|frame| frame.comment.contains(part)).map(|frame| frame.direction).collect::<HashSet<_>>()
    };
    let both = HashSet::from([Some(Direction::Uplink), Some(Direction::Downlink)]);
    assert_eq!(comments_of(&overtaken, "held back by the link"), both);
    // One frame length is one slot: the next PDU arrives together with the one held back, and behind it.
    assert_eq!(rejects(&overtaken), [0; 6]);
    let held = run_text(&text, &["backbone.reordering=0.3"]);
    assert_eq!(comments_of(&held, "held back by the link"), HashSet::from([None]));
    let doubled = run_text(&text, &["backbone.duplication=1"]);
    assert_eq!(comments_of(&doubled, "a duplicate made by the link"), HashSet::from([None]));
    // The sequence numbers of GRE tell user packets that come twice.
    assert_eq!(doubled.outcome.traffic["ms1"].ul.duplicated, 0);
}

#[test]
fn an_eavesdropper_hears_what_the_receiver_loses() {
    // A PDU that the link lost is fresh to the receiver when the adversary plays it, once; later it is a replay.
    let lost = fault("air:ms1-bs1", "bs1", "frame = \"data\"\nnth = 3\nlose = true");
    let eavesdropper = attack(
        "ear",
        "tap = \"air:ms1-bs1\"\ndirection = \"uplink\"\ntrigger = { frame = \"data\", nth = 3 }\n\
         action = { record = \"tape\" }",
    );
    let replay = |name: &str, at: &str| {
        let tap = "tap = \"air:ms1-bs1\"\ndirection = \"uplink\"";
        attack(name, &format!("{tap}\ntrigger = {{ time = \"{at}\" }}\naction = {{ replay = \"tape\" }}"))
    };
    let attacks = eavesdropper + &replay("first", "150ms") + &replay("second", "160ms");
    let run = run_text(&at_one_base_station(&(lost + &attacks)), &[]);
    let succeeded: Vec<bool> = run.outcome.attacks.iter().map(|attack| attack.succeeded).collect();
    assert_eq!(succeeded, [true, false]);
    assert_eq!(rejects(&run), [0, 1, 0, 0, 0, 0]);
    assert_eq!(counts(&run, Direction::Uplink).2, 0);
}

#[test]
fn an_adversary_on_the_air_drops_and_delays_and_says_so() {
    let tap = "tap = \"air:ms1-bs2\"\ndirection = \"uplink\"";
    let jammer = attack("jammer", &format!("{tap}\ntrigger = {{ frame = \"RNG-REQ\" }}\naction = {{ drop = true }}"))
        + &attack(
            "relay",
            &format!("{tap}\ntrigger = {{ frame = \"RNG-REQ\", nth = 2 }}\naction = {{ delay = \"9ms\" }}"),
        );
    let run = run_text(&one_handover(&jammer), &[]);
    let requests = comments(&run, "air:ms1-bs2", "RNG-REQ");
    let [first, second] = requests[..] else { panic!("{requests:?}") };
    assert!(first.ends_with("; taken off the link by jammer\nlost"), "{first}");
    assert!(second.contains("; delayed by relay; bs2: "), "{second}");
    assert!(completed(&run));
    assert!(run.outcome.attacks.is_empty(), "only a replay can succeed or fail");
}

#[test]
fn a_tap_on_the_backbone_is_for_insiders_only() {
    // R19
    let rest = "trigger = { frame = \"Context_Rpt\" }\naction = { record = \"tape\" }";
    let inside = insider("tap", "r6:bs2-gw", "bs2", rest);
    script(&one_handover(&inside), &[]);
    for outside in [inside.replace("insider = true\n", ""), inside.replace("insider = true", "insider = false")] {
        let text = one_handover(&outside);
        let error = keyhop::scenario::script::Script::parse("test.toml", &text, &[]).unwrap_err();
        assert!(error.message().contains("insider = true beside a tap on the backbone"), "{error}");
        assert!(error.message().contains("R19"), "{error}");
        let line = text.lines().nth(error.line() - 1).unwrap();
        assert!(line.starts_with("tap = ") || line.starts_with("insider = "), "{line}");
    }
}

#[test]
fn a_replayed_context_rpt_answers_no_request_and_is_dropped() {
    // R8, R19
    // The insider knows the AK of the report, but the BS does not take it a second time.
    let record = "trigger = { frame = \"Context_Rpt\" }\naction = { record = \"report\" }";
    let replay = "trigger = { time = \"1.5s\" }\naction = { replay = \"report\" }";
    let attacks = insider("listen", "r6:bs2-gw", "bs2", record) + &insider("play", "r6:bs2-gw", "bs2", replay);
    let run = run_text(&one_handover(&attacks), &[]);
    let [attack] = &run.outcome.attacks[..] else { panic!() };
    assert!(!attack.succeeded, "{}", attack.detail);
    let injected: Vec<_> = run.capture.frames.iter().filter(|frame| run.interface(frame) == "adv:bs2-gw").collect();
    let [frame] = injected[..] else { panic!("{} frames", injected.len()) };
    let interface = &run.capture.interfaces[frame.interface];
    assert_eq!(interface.kind, keyhop::capture::LinkKind::Backbone);
    assert_eq!(run.control(MessageKind::ContextRpt).len(), 2, "the copy is a whole control message");
    let to_bs2 = run.capture.frames.iter().find(|frame| frame.comment.starts_with("Context_Rpt")).unwrap();
    assert_eq!(frame.octets, to_bs2.octets);
    assert!(completed(&run));
}

#[test]
fn an_insider_drops_and_delays_control_messages_and_may_play_them_elsewhere() {
    let drop = "trigger = { frame = \"HO_Cnf\" }\naction = { drop = true }";
    let delay = "trigger = { frame = \"Path_Prereg_Rsp\" }\naction = { delay = \"30ms\" }";
    let record = "trigger = { frame = \"CMAC_Key_Count_Update\" }\naction = { record = \"update\" }";
    // The gateway answers bs2 over the link of bs2 although the frame comes from the side of bs1.
    let replay = "trigger = { time = \"1.5s\" }\naction = { replay = \"update\" }";
    let attacks = insider("taker", "r4:bs2-bs1", "bs2", drop)
        + &insider("brake", "r6:bs2-gw", "bs2", delay)
        + &insider("ear", "r6:bs2-gw", "gw", record)
        + &insider("mouth", "r6:bs1-gw", "gw", replay);
    let run = run_text(&one_handover(&attacks), &[]);
    let confirmations = comments(&run, "r4:bs1-bs2", "HO_Cnf");
    assert!(confirmations[0].ends_with("; taken off the link by taker\nlost"), "{confirmations:?}");
    assert!(confirmations.len() > 1 && confirmations[1..].iter().all(|comment| !comment.contains("lost")));
    let delayed = comments(&run, "r6:bs2-gw", "Path_Prereg_Rsp");
    assert!(delayed[0].contains("; delayed by brake; bs2: "), "{delayed:?}");
    assert!(completed(&run));
    let played: Vec<_> = run.capture.frames.iter().filter(|frame| run.interface(frame) == "adv:bs1-gw").collect();
    let [played] = played[..] else { panic!("{} frames", played.len()) };
    assert!(played.comment.starts_with("mouth: plays what was recorded at 1."), "{}", played.comment);
}

#[test]
fn both_engines_give_the_same_octets_for_a_script_that_uses_everything() {
    let tap = "tap = \"air:ms1-bs1\"\ndirection = \"downlink\"";
    let rest = [
        link(
            "air:ms1-bs1",
            "bs1",
            "loss = 0.02\nduplication = 0.1\nbit_errors = 0.02\nreordering = 0.2\nheld_back = \"12ms\"",
        ),
        link("air:ms1-bs2", "ms1", "reordering = 0.2\nduplication = 0.2"),
        link("r6:bs2-gw", "bs2", "latency = \"3ms\"\njitter = \"4ms\"\nbit_errors = 0.01\nreordering = 0.2"),
        link("r4:bs2-bs1", "bs1", "loss = 0.1\nheld_back = \"7ms\""),
        fault("air:ms1-bs2", "bs2", "frame = \"RNG-REQ\"\nlose = true"),
        fault("air:ms1-bs1", "ms1", "frame = \"data\"\nnth = 4\ncount = 3\ndelay = \"11ms\""),
        fault("r6:bs2-gw", "gw", "frame = \"any\"\nafter = \"1s\"\nduplicate = \"3ms\""),
        fault("r4:bs1-bs2", "bs2", "frame = \"HO_Req\"\nflip_bit = 12345"),
        attack("tape", &format!("{tap}\ntrigger = {{ frame = \"data\", count = 5 }}\naction = {{ record = \"a\" }}")),
        attack("play", &format!("{tap}\ntrigger = {{ time = \"500ms\" }}\naction = {{ replay = \"a\" }}")),
        attack("drop", &format!("{tap}\ntrigger = {{ frame = \"data\", nth = 9 }}\naction = {{ drop = true }}")),
        insider("ear", "r6:bs2-gw", "bs2", "trigger = { frame = \"Context_Rpt\" }\naction = { record = \"b\" }"),
        insider("mouth", "r4:bs1-bs2", "bs2", "trigger = { time = \"1.3s\" }\naction = { replay = \"b\" }"),
        insider("brake", "r4:bs1-bs2", "bs1", "trigger = { frame = \"any\" }\naction = { delay = \"1ms\" }"),
    ]
    .concat();
    let sets = ["radio.reordering=0.05", "backbone.reordering=0.05", "backbone.duplication=0.05"];
    let script = script(&one_handover(&rest), &sets);
    let outputs = |engine| {
        let run = run_with(&script, engine, None);
        (run.capture_octets(), run.key_log_octets(), run.json(), run.delivered.frames)
    };
    let inline = outputs(Engine::Inline);
    assert!(inline == outputs(Engine::PerNode) && inline == outputs(Engine::Inline));
}

#[test]
fn an_insider_reads_the_ak_that_crosses_the_backbone_in_the_clear() {
    // broken: R19
    let record = "trigger = { frame = \"Context_Rpt\" }\naction = { record = \"report\" }";
    let run = run_text(&one_handover(&insider("listen", "r6:bs2-gw", "bs2", record)), &[]);
    let bs2 = run.bs("bs2");
    let ak = run.keys.records.iter().find_map(|record| match record {
        KeyRecord::Ak(ak) if ak.bs == bs2 => Some(*ak.key.expose()),
        _ => None,
    });
    let ak = ak.expect("an AK of bs2 in the key log");
    let heard = run.capture.frames.iter().find(|frame| frame.comment.starts_with("Context_Rpt")).unwrap();
    assert!(heard.octets.windows(ak.len()).any(|octets| octets == ak), "the AK as it is");
}
