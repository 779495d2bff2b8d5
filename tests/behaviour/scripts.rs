//! The pieces of which scripts are made that lose, delay and replay, and what is read from the capture of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keyhop::dot16::backbone::asn_code::result;
use keyhop::dot16::backbone::{AsnTlv, ControlMessage, Decapsulated, MessageKind, TlvLookup};
use keyhop::dot16::identifiers::Direction;
use keyhop::time::VirtualTime;

use crate::support::{OpenedData, Run, count_in, network, run_text};

/// An instant of the run.
pub fn ms(milliseconds: u64) -> VirtualTime {
    VirtualTime::ZERO + Duration::from_millis(milliseconds)
}

/// A step that is no handover; `rest` are its further keys.
pub fn step(at: &str, action: &str, rest: &str) -> String {
    format!("[[step]]\nat = \"{at}\"\naction = \"{action}\"\n{rest}\n")
}

/// What the link `link` does to frames towards `to`.
pub fn fault(link: &str, to: &str, frame: &str, rest: &str) -> String {
    format!("[[fault]]\nlink = \"{link}\"\nto = \"{to}\"\nframe = \"{frame}\"\n{rest}\n")
}

/// The adversary on the air between ms1 and `bs`.
pub fn attack(name: &str, bs: &str, direction: &str, trigger: &str, action: &str) -> String {
    format!(
        "[[attack]]\nname = \"{name}\"\ntap = \"air:ms1-{bs}\"\ndirection = \"{direction}\"\n\
         trigger = {{ {trigger} }}\naction = {{ {action} }}\n"
    )
}

/// Records the first `count` frames of a kind and plays them at `at`; the attack that plays is named `play`.
pub fn record_and_play(bs: &str, direction: &str, frame: &str, count: u32, at: &str) -> String {
    attack("record", bs, direction, &format!("frame = \"{frame}\", count = {count}"), "record = \"tape\"")
        + &attack("play", bs, direction, &format!("time = \"{at}\""), "replay = \"tape\"")
}

/// UDP in one direction, or `both`.
pub fn udp(direction: &str, start: &str, interval: &str) -> String {
    format!(
        "[[traffic]]\nkind = \"udp\"\ndirection = \"{direction}\"\nstart = \"{start}\"\nstop = \"2.3s\"\n\
         interval = \"{interval}\"\nsize = 160\n"
    )
}

/// The `--set` argument that switches these rules off at a node.
pub fn weak(node: &str, weaknesses: &[&str]) -> String {
    let place = match node.get(..2) {
        Some("bs") => format!("base_station.{node}"),
        Some("ms") => format!("mobile_station.{node}"),
        _ => "authenticator".to_owned(),
    };
    format!("{place}.weaknesses={weaknesses:?}")
}

/// The certificate of the mobile will not do: it gets in by its count or not at all.
pub const NO_WAY_BY_AUTHENTICATION: &str = "mobile_station.ms1.certificate=expired";

/// Every message on the backbone is repeated late, so that one fault hits one message.
pub const SLOW_RETRY: &str = "backbone.retry=1500ms";

/// A network of `stations` base stations with `rest`, run with these `--set` arguments.
pub fn run(stations: u8, rest: &str, sets: &[&str]) -> Run {
    run_text(&network(stations, rest), sets)
}

/// Target, outcome and mode of every handover.
pub fn outcomes(run: &Run) -> Vec<(&str, &str, &str)> {
    let handovers = run.outcome.handovers.iter();
    handovers.map(|handover| (handover.to.as_str(), handover.outcome.as_str(), handover.mode.as_str())).collect()
}

/// How many nonces (TEK, direction, PN) were used for more than one PDU, as the capture and the key log show it.
pub fn reused_nonces(run: &Run) -> usize {
    let mut nonces = BTreeMap::<([u8; 16], Direction, u32), BTreeSet<Vec<u8>>>::new();
    for OpenedData { tek, direction, pn, octets, .. } in run.data_of_any_time("air:") {
        nonces.entry((*tek.key.expose(), direction, pn)).or_default().insert(octets);
    }
    let reused = nonces.values().filter(|pdus| pdus.len() > 1).count();
    assert_eq!(reused > 0, run.outcome.nonce_reuse > 0, "the nodes and the capture disagree");
    reused
}

/// How many packets came out more than once.
pub fn duplicated(run: &Run) -> u64 {
    let traffic = &run.outcome.traffic["ms1"];
    traffic.ul.duplicated + traffic.dl.duplicated
}

/// No nonce is used twice, no packet comes out twice or altered, and no attack succeeds.
pub fn assert_harmless(run: &Run) {
    assert_eq!((reused_nonces(run), duplicated(run)), (0, 0));
    let traffic = &run.outcome.traffic["ms1"];
    assert_eq!(traffic.ul.altered + traffic.dl.altered, 0);
    assert!(run.outcome.attacks.iter().all(|attack| !attack.succeeded), "{:?}", run.outcome.attacks);
}

/// How many user packets came out in a direction, from `from` to before `until` (milliseconds).
pub fn delivered(run: &Run, direction: Direction, from: u64, until: u64) -> usize {
    let interface = usize::from(direction == Direction::Downlink);
    let frames = run.delivered.frames.iter().filter(|frame| frame.interface == interface);
    frames.filter(|frame| (ms(from)..ms(until)).contains(&frame.time)).count()
}

/// User packets come out in both directions all the time from `from` to `until` (milliseconds): there is one in every
/// 100 ms.
pub fn assert_connected(run: &Run, from: u64, until: u64) {
    for start in (from..until).step_by(100) {
        for direction in [Direction::Uplink, Direction::Downlink] {
            assert!(delivered(run, direction, start, start + 100) > 0, "no {direction} packet from {start} ms on");
        }
    }
}

/// No user packet comes out in this time (milliseconds), in neither direction.
pub fn assert_cut_off(run: &Run, from: u64, until: u64) {
    for direction in [Direction::Uplink, Direction::Downlink] {
        assert_eq!(delivered(run, direction, from, until), 0, "{direction}");
    }
}

/// The counts of the RNG-REQs that the mobile sent to `bs`, in order.
pub fn ranged_counts(run: &Run, bs: &str) -> Vec<u16> {
    let requests = run.air(&format!("air:ms1-{bs}")).into_iter().filter_map(|pdu| pdu.rng_req());
    requests.filter_map(|request| Some(request.cmac_key_count()?.0)).collect()
}

fn between(run: &Run, kind: MessageKind, from: &str, to: &str) -> Vec<(VirtualTime, ControlMessage)> {
    let ip = |name: &str| run.keys.node(name).unwrap().ip.unwrap();
    let ends = (ip(from), ip(to));
    let sent = run.control(kind).into_iter();
    let sent = sent.filter(|(_, Decapsulated { from, to, .. }, _)| (from.ip, to.ip) == ends);
    sent.map(|(time, _, message)| (time, message)).collect()
}

/// The counts in the CMAC_Key_Count_Updates from one node to another, in order: reports of a BS, notices of the gateway.
pub fn updates(run: &Run, from: &str, to: &str) -> Vec<u16> {
    let updates = between(run, MessageKind::CmacKeyCountUpdate, from, to).into_iter();
    updates.map(|(_, message)| count_in(&message.tlvs).unwrap().0).collect()
}

/// For each answer of the gateway to a report of `bs`, whether it refuses.
pub fn refusals(run: &Run, bs: &str) -> Vec<bool> {
    let answers = between(run, MessageKind::CmacKeyCountUpdateAck, "gw", bs).into_iter();
    answers.map(|(_, message)| message.tlvs.failure_indication().is_some()).collect()
}

/// N as every Context_Rpt to `bs` names it, with "issued before".
pub fn contexts(run: &Run, bs: &str) -> Vec<(u16, bool)> {
    let reports = between(run, MessageKind::ContextRpt, "gw", bs).into_iter();
    reports.map(|(_, message)| (count_in(&message.tlvs).unwrap().0, message.tlvs.is_issued_before())).collect()
}

/// When the gateway agreed to lead the downlink to `bs`.
pub fn path_switches(run: &Run, bs: &str) -> Vec<VirtualTime> {
    let answers = between(run, MessageKind::PathRegRsp, "gw", bs).into_iter();
    let agreed = |tlvs: &[AsnTlv]| tlvs.result_code() == Some(result::SUCCESS);
    answers.filter(|(_, message)| agreed(&message.tlvs)).map(|(time, _)| time).collect()
}

/// The verdict on every frame of the adversary, in the receiver's words.
pub fn verdicts_on_attacks(run: &Run) -> Vec<&str> {
    let frames = run.capture.frames.iter().filter(|frame| run.interface(frame).starts_with("adv:"));
    frames.map(|frame| frame.comment.as_str()).collect()
}
