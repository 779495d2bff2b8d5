//! The judge opens sessions between UEs and end points, and finds records that were accepted although they do not open.

use keyhop::capture::key_log::enterprise::EnterpriseRecord;
use keyhop::capture::key_log::eps::EpsKeyRecord;
use keyhop::capture::{Capture, FileFormat, capture_reader};
use keyhop::emulation::Fate;
use keyhop::eps::identifiers::e2m::KeyIdentifier;
use keyhop::eps::keys::E2mKey;
use keyhop::eps::wire::CoreFrame;
use keyhop::eps::wire::dtls::DtlsRecord;
use keyhop::eps::wire::user_packet::UserDatagram;
use keyhop::judge::{FindingKind, NoteKind};

use super::eps_enterprise::{Plan, Seen, emse, outside};
use super::{judged, octets};

fn two_sessions() -> Plan {
    let plan = Plan::new().authenticate(100).open(400, 0).send(700, 0, "reading 1").close(900, 0);
    plan.open(1_000, 1).send(1_300, 1, "reading 2").close(1_500, 1)
}

/// The places of the frames to an end point that hold a record of epoch 1 of this content type.
fn frames(capture: &Capture, number: usize, content: u8) -> Vec<usize> {
    let holds = |octets: &[u8]| {
        let datagram = CoreFrame::parse(octets).and_then(UserDatagram::of_frame);
        datagram.is_ok_and(|datagram| {
            let records = DtlsRecord::parse_all(&datagram.payload).unwrap_or_default();
            *datagram.to.ip() == outside(number).ip
                && records.iter().any(|record| record.epoch == 1 && record.content.0 == content)
        })
    };
    let all = capture.frames.iter().enumerate();
    all.filter(|(_, frame)| holds(&frame.octets)).map(|(place, _)| place).collect()
}

#[test]
fn every_record_of_two_sessions_opens_and_nothing_is_found() {
    // E1, E6
    let seen = two_sessions().run();
    let judgement = judged(&seen.capture(), &seen.key_log());
    // Of each session two Finished, a message and its echo, two alerts.
    assert_eq!(judgement.verified.records, 12);
    assert_eq!(judgement.findings, []);
    assert!(!judgement.notes.iter().any(|note| note.detail.contains("a record")));
}

#[test]
fn without_the_key_of_a_session_none_of_it_opens_and_with_another_what_was_accepted_is_found() {
    // broken: E1
    let seen = two_sessions().run();
    let (capture, mut log) = (seen.capture(), seen.key_log());
    log.eps.truncate(1);
    let EpsKeyRecord::Enterprise(EnterpriseRecord::Key(record)) = &mut log.eps[0] else { panic!() };
    let identifier = record.identifier;
    record.identifier = KeyIdentifier(!identifier.0);
    let judgement = judged(&capture, &log);
    assert_eq!((judgement.verified.records, judgement.findings), (0, vec![]));
    assert!(judgement.notes.iter().any(|note| note.kind == NoteKind::NoKey && note.detail.contains("a record")));
    let EpsKeyRecord::Enterprise(EnterpriseRecord::Key(record)) = &mut log.eps[0] else { panic!() };
    (record.identifier, record.key) = (identifier, E2mKey::from_octets([0; 32]));
    let judgement = judged(&capture, &log);
    assert_eq!(judgement.verified.records, 0);
    // Of each session Finished, message and alert to the end point, which has accepted them.
    let found = judgement.findings.iter().filter(|finding| finding.kind == FindingKind::MacInvalid);
    assert_eq!(found.count(), 6);
}

#[test]
fn a_record_that_was_changed_is_found_if_its_receiver_has_taken_it_and_noted_if_not() {
    // E1
    let seen = two_sessions().run();
    let (mut capture, log) = (seen.capture(), seen.key_log());
    let place = frames(&capture, 0, 23)[0];
    let mut frame = CoreFrame::parse(&capture.frames[place].octets).unwrap();
    let keyhop::eps::wire::CorePayload::Udp(datagram) = &mut frame.payload else { panic!() };
    *datagram.payload.last_mut().unwrap() ^= 1;
    capture.frames[place].octets = frame.octets(1).unwrap();
    let judgement = judged(&capture, &log);
    assert_eq!(judgement.verified.records, 11);
    let found: Vec<_> = judgement.findings.iter().map(|finding| (finding.kind, finding.frames.clone())).collect();
    assert_eq!(found, [(FindingKind::MacInvalid, vec![place as u64 + 1])]);
    // What is changed on its way is dropped, and its receiver says so.
    let seen: Seen = two_sessions().run_with(move |_, to, octets| {
        let Ok(mut frame) = CoreFrame::parse(octets) else { return Fate::pass() };
        let keyhop::eps::wire::CorePayload::Udp(datagram) = &mut frame.payload else { return Fate::pass() };
        if to != emse(0) || datagram.payload.first() != Some(&23) {
            return Fate::pass();
        }
        *datagram.payload.last_mut().unwrap() ^= 1;
        Fate::replaced(frame.octets(1).unwrap())
    });
    assert_eq!(seen.received(emse(0)), [""; 0]);
    let mut capture = seen.capture();
    // A tap leaves in the record what was sent; here what has arrived is to be judged.
    let place = frames(&capture, 0, 23)[0];
    let mut frame = CoreFrame::parse(&capture.frames[place].octets).unwrap();
    let keyhop::eps::wire::CorePayload::Udp(datagram) = &mut frame.payload else { panic!() };
    *datagram.payload.last_mut().unwrap() ^= 1;
    capture.frames[place].octets = frame.octets(1).unwrap();
    let judgement = judged(&capture, &seen.key_log());
    assert_eq!(judgement.findings, []);
    assert!(judgement.notes.iter().any(|note| note.kind == NoteKind::MacWrong && note.detail.contains("a record")));
}

#[test]
fn the_secrets_of_the_sessions_come_back_from_the_file() {
    let capture = two_sessions().run().capture();
    let file = octets(&capture, FileFormat::Pcapng);
    let back = capture_reader::read_whole(capture_reader::read(&file[..]).unwrap()).unwrap();
    assert_eq!(back.secrets, capture.secrets);
    let lines = String::from_utf8(back.secrets[0].octets().to_vec()).unwrap();
    assert_eq!(lines.lines().filter(|line| line.starts_with("CLIENT_RANDOM ")).count(), 2);
}
