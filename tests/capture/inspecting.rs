//! `keyhop inspect`: what it says about a frame, and its verdicts.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use keyhop::capture::capture_file::{Capture, CapturedFrame, FileFormat};
use keyhop::cli::Status;
use keyhop::cli::inspect::{InspectArguments, run};
use keyhop::dot16::backbone::{
    BackboneEndpoint, BackbonePacket, ControlMessage, GreHeader, GrePacket, MessageKind, encapsulate,
};
use keyhop::dot16::identifiers::{Cid, Direction, MsMac};
use keyhop::dot16::security::Tek;
use keyhop::dot16::wire::{CrcForm, GenericMacHeader, MacPdu};
use keyhop::time::VirtualTime;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::samples::{self, DATA, Files, KEYS, RNG_REQ, hello, octets, sealed, tek, with_crc};

struct Result {
    status: Status,
    out: String,
    messages: String,
}

fn inspect(files: &Files, keys: bool, json: bool) -> Result {
    let keylog = keys.then(|| files.path("x.keys"));
    let arguments = InspectArguments { file: files.path("x.pcapng"), keylog, json };
    let (mut out, mut messages) = (Vec::new(), Vec::new());
    let status = run(&arguments, &mut out, &mut messages).unwrap();
    Result { status, out: String::from_utf8(out).unwrap(), messages: String::from_utf8(messages).unwrap() }
}

fn lines(capture: &Capture, keys: Option<&str>) -> Vec<Value> {
    let result = inspect(&Files::new(capture, keys.unwrap_or(KEYS)), keys.is_some(), true);
    assert_eq!(result.status, Status::Success, "{}", result.messages);
    result.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The sample capture with these bursts in the downlink, from bs2 to ms1.
fn downlink(bursts: &[Vec<u8>]) -> Capture {
    let sample = samples::capture();
    let frame = |octets: &Vec<u8>| CapturedFrame { octets: octets.clone(), ..sample.frames[1].clone() };
    Capture { frames: bursts.iter().map(frame).collect(), ..sample }
}

fn uplink(bursts: &[Vec<u8>]) -> Capture {
    let sample = samples::capture();
    let frame = |octets: &Vec<u8>| CapturedFrame { octets: octets.clone(), ..sample.frames[0].clone() };
    Capture { frames: bursts.iter().map(frame).collect(), ..sample }
}

fn built(header: GenericMacHeader, body: &[u8]) -> Vec<u8> {
    MacPdu::build(header, body, Some(CrcForm::MsbFirst)).unwrap()
}

fn verdicts(capture: &Capture, keys: &str) -> Vec<String> {
    lines(capture, Some(keys)).iter().map(|line| line["verdict"].as_str().unwrap_or("none").to_owned()).collect()
}

fn data(pn: u32) -> Vec<u8> {
    sealed(&tek(), 0x300, pn, Direction::Downlink, &hello())
}

#[test]
fn without_keys_a_line_says_where_when_and_what() {
    let lines = lines(&samples::capture(), None);
    assert_eq!(
        lines[0],
        json!({
            "frame": 1, "time_ns": 0, "interface": "air:ms1-bs2", "direction": "ul", "kind": "RNG-REQ", "cid": 0,
            "summary": "MS 00:11:22:33:44:55, serving BS 0a:00:00:00:00:01, handover, HO_ID 7, CMAC_KEY_COUNT 5, CMAC_PN 1",
            "comment": "ms1: RNG-REQ, accepted"
        })
    );
    assert_eq!(lines[1]["summary"], "encrypted, EKS 1, PN 0x00000001, 39 octets");
    assert_eq!((&lines[1]["time_ns"], &lines[1]["direction"]), (&json!(1_234_567_891), &json!("dl")));
    assert_eq!(
        (&lines[2]["kind"], &lines[2]["cid"], &lines[2]["direction"]),
        (&json!("Ethernet"), &Value::Null, &Value::Null)
    );
    assert_eq!(lines[3]["kind"], "IP");
}

#[test]
fn with_keys_a_line_has_verdict_number_eks_and_plaintext() {
    let lines = lines(&samples::capture(), Some(KEYS));
    let secured = |line: &Value| json!([line["verdict"], line["pn"], line["eks"], line["payload"]]);
    assert_eq!(secured(&lines[0]), json!(["accept", 1, null, &RNG_REQ[12..RNG_REQ.len() - 8]]));
    assert_eq!(secured(&lines[1]), json!(["accept", 1, 1, hex::encode(hello())]));
    assert_eq!(lines[1]["summary"], "EKS 1, PN 1, IPv4 192.0.2.1 > 192.0.2.2 UDP port 5000 > 5001, 39 octets");
    assert_eq!(secured(&lines[2]), json!([null, null, null, null]));
}

#[test]
fn backbone_messages_have_their_names() {
    let end = |last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: Ipv4Addr::new(10, 16, 0, last) };
    let message = ControlMessage::new(MessageKind::HoReq, MsMac([0, 1, 2, 3, 4, 5]), 7, Vec::new());
    let header = GreHeader { key: Some(9), sequence: None, protocol: GreHeader::IPV4 };
    let gre = GrePacket { header, payload: hello() };
    let frames = [BackbonePacket::Control(message), BackbonePacket::Data(gre)]
        .map(|packet| encapsulate(&end(1), &end(2), 0, &packet).unwrap());
    let sample = samples::capture();
    let frame = |octets| CapturedFrame { octets, ..sample.frames[2].clone() };
    let capture = Capture { frames: frames.into_iter().map(frame).collect(), ..sample.clone() };
    let lines = lines(&capture, Some(KEYS));
    assert_eq!(lines[0]["kind"], "HO_Req");
    assert_eq!(lines[0]["summary"], "10.16.0.1 > 10.16.0.2, MS 00:01:02:03:04:05, transaction 7");
    assert_eq!((&lines[1]["kind"], &lines[1]["payload"]), (&json!("GRE"), &json!(hex::encode(hello()))));
}

#[test]
fn packet_numbers_seen_before_or_below_the_window_are_told() {
    let capture = downlink(&[data(1), data(1), data(100), data(37), data(36), data(99)]);
    assert_eq!(verdicts(&capture, KEYS), ["accept", "pn_duplicate", "accept", "accept", "pn_old", "accept"]);
}

#[test]
fn a_frame_that_its_receiver_dropped_for_a_reason_of_its_own_is_not_accepted_and_uses_up_no_number() {
    let mut capture = downlink(&[data(1), data(1)]);
    capture.frames[0].comment = "user data; ms1: dropped: not listening to bs2".to_owned();
    assert_eq!(verdicts(&capture, KEYS), ["dropped", "accept"]);
    capture.frames[0].comment = "user data; ms1: accepted: ICV good".to_owned();
    assert_eq!(verdicts(&capture, KEYS), ["accept", "pn_duplicate"]);
}

#[test]
fn a_frame_lost_on_the_link_uses_up_no_number() {
    let mut capture = downlink(&[data(1), data(1)]);
    capture.frames[0].comment = "bs2 sends data, lost".to_owned();
    assert_eq!(verdicts(&capture, KEYS), ["accept", "accept"]);
    capture.frames[0].comment = "bs2 sends data\nlost".to_owned();
    assert_eq!(verdicts(&capture, KEYS), ["accept", "accept"]);
    capture.frames[0].comment = "bs2 sends data\nlost in thought".to_owned();
    assert_eq!(verdicts(&capture, KEYS), ["accept", "pn_duplicate"]);
}

#[test]
fn what_was_changed_or_cannot_be_opened_is_told() {
    let change = |place: usize, mut pdu: Vec<u8>| {
        pdu[place] ^= 1;
        pdu
    };
    let plain = built(GenericMacHeader::new(Cid(0x300)), &hello());
    let header_wrong = change(5, data(4));
    let crc_wrong = change(60, data(4));
    let other_eks = KEYS.replace("eks=1", "eks=2");
    let icv_wrong = with_crc(change(20, data(4)));
    let capture = downlink(&[icv_wrong, crc_wrong, header_wrong, plain]);
    assert_eq!(verdicts(&capture, KEYS), ["icv_invalid", "crc_invalid", "malformed", "unprotected"]);
    assert_eq!(verdicts(&downlink(&[data(4)]), &other_eks), ["no_key"]);
    let too_short = with_crc(octets("405010030000000000000000000000ff"));
    let too_short = [&too_short[..5], &[keyhop::dot16::wire::hcs(too_short[..5].try_into().unwrap())], &too_short[6..]];
    assert_eq!(verdicts(&downlink(&[with_crc(too_short.concat())]), KEYS), ["malformed"]);
}

#[test]
fn a_pdu_of_the_other_direction_is_told() {
    let up = sealed(&tek(), 0x300, 1, Direction::Uplink, &hello());
    assert_eq!(verdicts(&downlink(&[up]), KEYS), ["wrong_direction"]);
}

#[test]
fn a_key_at_the_wrong_time_or_of_another_link_is_told() {
    let ended = KEYS.replace("holder=both from=- until=-", "holder=both from=- until=1234567890");
    let still = KEYS.replace("holder=both from=- until=-", "holder=both from=- until=1234567891");
    assert_eq!(verdicts(&downlink(&[data(1)]), &ended), ["key_out_of_use"]);
    assert_eq!(verdicts(&downlink(&[data(1)]), &still), ["accept"]);
    let mut elsewhere = downlink(&[data(1)]);
    elsewhere.frames[0].source = Some(Ipv4Addr::new(10, 16, 0, 3));
    assert_eq!(verdicts(&elsewhere, KEYS), ["key_of_other_link"]);
    let other_cid = KEYS.replace("cid=0300", "cid=0301");
    assert_eq!(verdicts(&downlink(&[data(1)]), &other_cid), ["key_of_other_link"]);
    let mut message_elsewhere = uplink(&[octets(RNG_REQ)]);
    message_elsewhere.frames[0].destination = Some(Ipv4Addr::new(10, 16, 0, 3));
    assert_eq!(verdicts(&message_elsewhere, KEYS), ["key_of_other_link"]);
    let ended = KEYS.replace("count=5 from=- until=- 0001", "count=5 from=5 until=- 0001");
    assert_eq!(verdicts(&uplink(&[octets(RNG_REQ)]), &ended), ["key_out_of_use"]);
}

#[test]
fn the_icv_decides_between_two_keys_of_one_eks() {
    let other = Tek::from_octets([7; 16]);
    let second = KEYS.lines().last().unwrap().replace("202122232425262728292a2b2c2d2e2f", &"07".repeat(16));
    let keys = format!("{KEYS}{second}\n");
    let capture = downlink(&[data(1), sealed(&other, 0x300, 1, Direction::Downlink, &hello())]);
    assert_eq!(verdicts(&capture, &keys), ["accept", "accept"]);
    assert_eq!(verdicts(&capture, KEYS), ["accept", "icv_invalid"]);
}

#[test]
fn a_cmac_that_does_not_verify_or_comes_again_is_told() {
    let mut changed = octets(RNG_REQ);
    changed[30] ^= 1;
    let without = built(GenericMacHeader::new(Cid(5)), &[4, 0]);
    let capture = uplink(&[octets(RNG_REQ), octets(RNG_REQ), with_crc(changed), without]);
    assert_eq!(verdicts(&capture, KEYS), ["accept", "pn_old", "cmac_invalid", "unprotected"]);
    let no_uplink_key: String =
        KEYS.lines().filter(|line| !line.starts_with("CMAC_KEY_U")).map(|line| format!("{line}\n")).collect();
    assert_eq!(verdicts(&uplink(&[octets(RNG_REQ)]), &no_uplink_key), ["no_key"]);
}

#[test]
fn the_digest_of_a_pkm_message_verifies() {
    // SA-TEK-Challenge of `dot16-wire.md` 7.6.
    let challenge = octets(
        concat!(
            "0040380145e2",
            "0a14012208000102030405060 70a01012d08a1a2a3a4a5a6a7a8090400000e10280c0000000379a325723c258d92",
            "ec121a7e"
        )
        .replace(' ', "")
        .as_str(),
    );
    let lines = lines(&downlink(&[challenge]), Some(KEYS));
    assert_eq!(
        (&lines[0]["kind"], &lines[0]["verdict"], &lines[0]["pn"]),
        (&json!("PKM-RSP"), &json!("accept"), &json!(3))
    );
    assert!(lines[0]["summary"].as_str().unwrap().starts_with("PKM SA-TEK-Challenge"));
}

#[test]
fn a_burst_of_several_pdus_lists_them_all() {
    let capture = downlink(&[[data(1), data(2)].concat(), vec![0xff; 8]]);
    let lines = lines(&capture, Some(KEYS));
    let pns: Vec<&Value> = lines[0]["pdus"].as_array().unwrap().iter().map(|pdu| &pdu["pn"]).collect();
    assert_eq!((pns, &lines[0]["pn"]), (vec![&json!(1), &json!(2)], &json!(1)));
    assert_eq!((&lines[1]["kind"], &lines[1]["pdus"]), (&json!("padding"), &Value::Null));
}

#[test]
fn text_is_a_line_per_frame_whatever_the_comment_holds() {
    let mut capture = samples::capture();
    capture.frames[3].comment = "two\n\ncomments \u{1b}[2J".to_owned();
    let result = inspect(&Files::new(&capture, KEYS), true, false);
    let lines: Vec<&str> = result.out.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[1].starts_with("     2 1.234567891 air:ms1-bs2 dl data 0x0300 EKS 1, PN 1, IPv4"), "{}", lines[1]);
    assert!(lines[1].contains("[accept]"));
    assert!(lines[3].ends_with("  # two  # comments  [2J"), "{:?}", lines[3]);
}

#[test]
fn a_cut_capture_is_bad_input_after_the_lines_before_the_cut() {
    let files = Files::new(&samples::capture(), KEYS);
    let whole = samples::file(&samples::capture(), FileFormat::Pcapng);
    std::fs::write(files.path("x.pcapng"), &whole[..whole.len() - 1]).unwrap();
    let result = inspect(&files, true, true);
    assert_eq!((result.status, result.out.lines().count()), (Status::BadInput, 3));
    assert!(result.messages.contains("x.pcapng: frame 4, octet "), "{}", result.messages);
}

#[test]
fn a_damaged_key_log_is_bad_input_and_an_unknown_kind_is_noted() {
    let result = inspect(&Files::new(&samples::capture(), &KEYS.replace("eks=1", "eks=7")), true, true);
    assert_eq!((result.status, result.out.as_str()), (Status::BadInput, ""));
    assert!(result.messages.contains("x.keys: line 8, column "), "{}", result.messages);
    let result = inspect(&Files::new(&samples::capture(), &format!("{KEYS}GTEK x -\n")), true, true);
    assert_eq!(result.status, Status::Success);
    assert!(result.messages.contains("line 9: unknown kind GTEK"), "{}", result.messages);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let files = Files::new(&samples::capture(), KEYS);
    for json in [false, true] {
        let arguments = InspectArguments { file: files.path("x.pcapng"), keylog: None, json };
        assert_eq!(run(&arguments, &mut Gone, &mut Vec::new()).unwrap(), Status::Success);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_frame_makes_it_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..80),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        which in 0..4usize,
    ) {
        let sample = samples::capture();
        let mut frame = sample.frames[which].clone();
        for (at, octet) in changes {
            let at = at.index(frame.octets.len());
            frame.octets[at] = octet;
        }
        let mut other = frame.clone();
        other.octets = noise;
        other.time = VirtualTime::MAX - std::time::Duration::from_secs(946_684_800);
        let capture = Capture { frames: vec![frame, other], ..sample };
        prop_assert_eq!(lines(&capture, Some(KEYS)).len(), 2);
    }
}

#[test]
fn the_worked_data_pdu_is_what_sealing_gives() {
    assert_eq!(hex::encode(data(1)), DATA);
}

#[test]
fn a_ranging_code_is_no_pdu_and_nothing_is_wrong_with_it() {
    let shown = lines(&uplink(&[vec![96, 2, 1]]), Some(KEYS));
    let expected = json!(["CDMA", "ranging code 96, symbol 2, subchannel 1", "unprotected", Value::Null]);
    let line = &shown[0];
    assert_eq!(json!([line["kind"], line["summary"], line["verdict"], line["cid"]]), expected);
    assert_eq!(verdicts(&uplink(&[vec![96, 2]]), KEYS), ["malformed"]);
}

#[test]
fn what_is_declared_at_network_entry_is_told() {
    use keyhop::dot16::wire::{RegReq, RegTlv, VendorItem, VendorTlv};
    for (seamless, words) in [(true, "seamless handover"), (false, "no seamless handover")] {
        let vendor = VendorTlv::new(vec![VendorItem::Seamless(seamless)]);
        let message = RegReq { tlvs: vec![RegTlv::MobilityFeatures(1), RegTlv::Vendor(vendor)] }.octets().unwrap();
        let shown = lines(&uplink(&[built(GenericMacHeader::new(Cid(0x141)), &message)]), None);
        assert_eq!((&shown[0]["kind"], &shown[0]["summary"]), (&json!("REG-REQ"), &json!(words)));
    }
}
