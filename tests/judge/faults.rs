//! Each kind of finding, in a golden to which the fault was done.

use keyhop::capture::key_log::{KeyLog, KeyRecord, TekSource};
use keyhop::capture::{Capture, CapturedFrame};
use keyhop::dot16::identifiers::{CmacKeyCount, Direction};
use keyhop::dot16::security::cmac_tuple::{self, Truncation};
use keyhop::dot16::security::{AkContext, Kek, Pmk, Tek, key_wrap};
use keyhop::dot16::wire::{ManagementMessage, RngReqTlv};
use keyhop::judge::{FindingKind, NoteKind};

use super::forgery::{first, mend, message, protected, with_body};
use super::{frames_of, golden, judged};

fn changed(name: &str, position: impl Fn(&[CapturedFrame]) -> usize, change: impl Fn(&mut CapturedFrame)) -> Case {
    let (mut capture, log) = golden(name);
    let position = position(&capture.frames);
    change(&mut capture.frames[position]);
    Case { capture, log, frame: position as u64 + 1 }
}

struct Case {
    capture: Capture,
    log: KeyLog,
    frame: u64,
}

impl Case {
    /// The kinds found, all of them in the changed frame alone.
    fn kinds(&self) -> Vec<FindingKind> {
        let judgement = judged(&self.capture, &self.log);
        for finding in &judgement.findings {
            assert_eq!(finding.frames, [self.frame], "{finding:?}");
        }
        judgement.kinds()
    }
}

/// The position of the first data PDU of a direction that is on the n-th interface.
fn data(frames: &[CapturedFrame], direction: Direction) -> usize {
    let sealed = |frame: &CapturedFrame| protected(frame).is_some_and(|pdu| pdu.header.encrypted);
    frames.iter().position(|frame| frame.direction == Some(direction) && sealed(frame)).unwrap()
}

fn spoil(frame: &mut CapturedFrame) {
    let last = frame.octets.len() - 5;
    frame.octets[last] ^= 1;
    mend(&mut frame.octets);
}

#[test]
fn an_icv_that_does_not_verify_is_a_finding_if_the_pdu_was_accepted_and_else_a_note() {
    let mut case = changed("seamless", |frames| data(frames, Direction::Downlink), spoil);
    assert_eq!(case.kinds(), [FindingKind::IcvInvalid]);
    let frame = &mut case.capture.frames[case.frame as usize - 1];
    frame.comment = frame.comment.replace("accepted:", "dropped:");
    let judgement = judged(&case.capture, &case.log);
    assert!(judgement.findings.is_empty(), "{:?}", judgement.findings);
    assert!(judgement.notes.iter().any(|note| note.kind == NoteKind::IcvWrong && note.frames == [case.frame]));
}

#[test]
fn a_cmac_that_does_not_verify_is_a_finding_if_the_message_was_accepted() {
    let case = changed("seamless", |frames| first(frames, "MOB_BSHO-RSP"), spoil);
    assert_eq!(case.kinds(), [FindingKind::CmacInvalid]);
    // What the base station does afterwards shows that it took this one.
    let case = changed("seamless", |frames| first(frames, "MOB_MSHO-REQ"), spoil);
    assert_eq!(case.kinds(), [FindingKind::CmacInvalid, FindingKind::UnauthenticatedAccepted]);
}

#[test]
fn a_message_without_tuple_that_changes_a_state_is_found() {
    for name in ["MOB_MSHO-REQ", "MOB_HO-IND", "RNG-REQ"] {
        let strip = |frame: &mut CapturedFrame| {
            let body = protected(frame).unwrap().body;
            let body = body[..body.len() - 15].to_vec();
            frame.octets = with_body(frame, &body);
        };
        let case = changed("seamless", |frames| first(frames, name), strip);
        let judgement = judged(&case.capture, &case.log);
        assert_eq!(judgement.kinds(), [FindingKind::UnauthenticatedAccepted], "{name}");
        // The count that an RNG-REQ brings is reported besides.
        let frames = frames_of(&judgement, FindingKind::UnauthenticatedAccepted);
        assert_eq!((frames[0].as_slice(), frames.len()), (&[case.frame][..], if name == "RNG-REQ" { 2 } else { 1 }));
    }
}

#[test]
fn a_comment_that_says_otherwise_than_what_followed_is_found_in_both_directions() {
    let uplink = |frames: &[CapturedFrame]| data(frames, Direction::Uplink);
    let deny = |frame: &mut CapturedFrame| frame.comment = frame.comment.replace("accepted:", "dropped:");
    assert_eq!(changed("seamless", uplink, deny).kinds(), [FindingKind::CommentDisagrees]);
    let lost = |frame: &mut CapturedFrame| frame.comment = "user data\nlost".to_owned();
    assert_eq!(changed("seamless", uplink, lost).kinds(), [FindingKind::CommentDisagrees]);
    let deny = |frame: &mut CapturedFrame| frame.comment = frame.comment.replace("CMAC good", "dropped: CMAC wrong");
    let case = changed("seamless", |frames| first(frames, "RNG-REQ"), deny);
    assert_eq!(case.kinds(), [FindingKind::CommentDisagrees]);
    // A replay whose comment says that it was accepted, although nothing came of it.
    let replayed =
        |frames: &[CapturedFrame]| frames.iter().position(|frame| frame.comment.contains("replay:")).unwrap();
    let claim = |frame: &mut CapturedFrame| frame.comment = "replay; bs2: accepted: ICV good".to_owned();
    let case = changed("replay-data", replayed, claim);
    assert_eq!(case.kinds(), [FindingKind::CommentDisagrees]);
}

fn counter_tek(log: &KeyLog) -> Tek {
    log.records
        .iter()
        .find_map(|record| match record {
            KeyRecord::Tek(tek) if tek.source == TekSource::Counter => Some(Tek::from_octets(*tek.key.expose())),
            _ => None,
        })
        .unwrap()
}

#[test]
fn a_generated_tek_is_found_in_a_frame_in_every_form() {
    // broken: A21
    let (_, log) = golden("seamless");
    let tek = counter_tek(&log);
    let forms = log.records.iter().filter_map(|record| match record {
        KeyRecord::Kek(kek) => Some(Kek::from_octets(*kek.key.expose())),
        _ => None,
    });
    let mut forms: Vec<Vec<u8>> =
        forms.flat_map(|kek| [key_wrap::wrap(&kek, &tek).to_vec(), key_wrap::ecb_wrap(&kek, &tek).to_vec()]).collect();
    assert!(forms.len() >= 4);
    forms.push(tek.octets().to_vec());
    let backbone = |frames: &[CapturedFrame]| frames.iter().rposition(|frame| frame.direction.is_none()).unwrap();
    for form in forms {
        let case = changed("seamless", backbone, |frame| frame.octets.extend_from_slice(&form));
        assert_eq!(case.kinds(), [FindingKind::TekOnWire]);
    }
}

#[test]
fn a_tek_at_two_base_stations_is_a_finding_unless_something_says_that_it_goes_there() {
    let (capture, mut log) = golden("legacy-reuse");
    assert!(judged(&capture, &log).findings.is_empty());
    for record in &mut log.records {
        if let KeyRecord::Tek(tek) = record {
            tek.source = TekSource::Random;
        }
    }
    // HO_Req brings them from one to the other.
    assert!(judged(&capture, &log).findings.is_empty());
    let mut silent = capture.clone();
    silent.frames.retain(|frame| !frame.comment.starts_with("HO_Cnf"));
    assert_eq!(judged(&silent, &log).kinds(), [FindingKind::TekNotUnique]);
}

#[test]
fn two_names_of_one_generated_tek_are_found() {
    let (capture, mut log) = golden("seamless");
    let mut twice = log.records.clone();
    for record in &mut twice {
        if let KeyRecord::Tek(tek) = record {
            tek.count = CmacKeyCount(tek.count.0 + 40);
        }
    }
    twice.retain(|record| matches!(record, KeyRecord::Tek(tek) if tek.source == TekSource::Counter));
    log.records.extend(twice);
    assert_eq!(judged(&capture, &log).kinds(), [FindingKind::TekNotUnique, FindingKind::KeyDerivation]);
}

#[test]
fn a_count_that_a_base_station_reports_without_an_rng_req_is_found() {
    // broken: R2
    let (mut capture, log) = golden("seamless");
    let request = first(&capture.frames, "RNG-REQ");
    capture.frames.remove(request);
    let judgement = judged(&capture, &log);
    assert_eq!(judgement.kinds(), [FindingKind::UnauthenticatedAccepted]);
    let frames = &judgement.findings[0].frames;
    let of = |frame: &u64| capture.frames[*frame as usize - 1].comment.clone();
    assert!(of(&frames[0]).starts_with("CMAC_Key_Count_Update: bs2 has taken count"), "{}", of(&frames[0]));
    assert!(of(&frames[1]).starts_with("CMAC_Key_Count_Update_ACK: count"), "{}", of(&frames[1]));
}

/// The RNG-REQ of a frame with another count, signed as its mobile would.
fn recounted(frame: &CapturedFrame, context: &AkContext, count: CmacKeyCount) -> Vec<u8> {
    let pdu = protected(frame).unwrap();
    let Some(ManagementMessage::RngReq(mut request)) = message(frame) else { unreachable!() };
    let Some(RngReqTlv::CmacTuple(mut tuple)) = request.tlvs.pop() else { unreachable!() };
    for tlv in &mut request.tlvs {
        if let RngReqTlv::CmacKeyCount(of) = tlv {
            *of = count;
        }
    }
    let key = context.cmac_key(Direction::Uplink, count);
    let covered = request.octets().unwrap();
    tuple.pn = 1000;
    tuple.value = cmac_tuple::cmac_value(&key, context.akid, 1000, pdu.header.cid, &covered, Truncation::Right);
    request.tlvs.push(RngReqTlv::CmacTuple(tuple));
    with_body(frame, &request.octets().unwrap())
}

#[test]
fn a_count_below_an_earlier_one_is_found_with_both_frames() {
    let (mut capture, log) = golden("ping-pong");
    let requests: Vec<usize> = (0..capture.frames.len())
        .filter(|position| matches!(message(&capture.frames[*position]), Some(ManagementMessage::RngReq(_))))
        .collect();
    let [first, .., last] = requests[..] else { panic!() };
    let frame = capture.frames[last].clone();
    let node = |ip| log.nodes.iter().find(|node| node.ip == ip).unwrap().id.unwrap();
    let pmk = log.records.iter().find_map(|record| match record {
        KeyRecord::Pmk(pmk) => Some(Pmk::from_octets(*pmk.key.expose())),
        _ => None,
    });
    let (ms, bs) = (
        keyhop::dot16::identifiers::MsMac(node(frame.source)),
        keyhop::dot16::identifiers::Bsid(node(frame.destination)),
    );
    let ak_sn = keyhop::dot16::identifiers::AkSequenceNumber(0);
    let context = AkContext::derive(&pmk.unwrap(), ak_sn, ms, bs);
    let mut old = frame.clone();
    old.octets = recounted(&frame, &context, CmacKeyCount(1));
    old.comment = "RNG-REQ; x: dropped".to_owned();
    capture.frames.push(old);
    let judgement = judged(&capture, &log);
    assert_eq!(judgement.kinds(), [FindingKind::KeyCountRegress], "{:?}", judgement.findings);
    let frames = frames_of(&judgement, FindingKind::KeyCountRegress);
    assert_eq!(frames, [[last as u64 + 1, capture.frames.len() as u64]]);
    assert!(first < last);
}
