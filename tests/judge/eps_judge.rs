//! The judge of EPS captures: nothing in honest ones, each fault in one that has it.

use keyhop::capture::key_log::KeyLog;
use keyhop::capture::key_log::eps::{EpsKeyRecord, KenbHolder};
use keyhop::capture::{FileFormat, capture_reader};
use keyhop::eps::identifiers::X2apUeId;
use keyhop::eps::keys::{AlgorithmKey, Kasme, Kenb, KenbStar, Nh};
use keyhop::eps::parameters::{AlgorithmId, Ncc};
use keyhop::eps::security::handover_keys::CRnti;
use keyhop::eps::wire::nas::EmmMessage;
use keyhop::eps::wire::rrc::{DlDcchMessage, ReleaseCause, SecurityAlgorithms, UlDcchMessage};
use keyhop::eps::wire::x2ap;
use keyhop::judge::{FindingKind, Judgement, NoteKind, judge};

use super::eps_film::{DOWN, FIRST_C_RNTI, Film, How, Twist, UP, enb, packet, walk};
use super::{frames_of, judged, octets};

const EVERY: [How; 4] = [How::Chained, How::MmeInvolved, How::NextHopX2, How::NextHopS1];

fn of(film: &Film) -> Judgement {
    judged(&film.capture, &film.log)
}

fn kinds(film: &Film) -> Vec<FindingKind> {
    of(film).kinds()
}

fn notes_of(judgement: &Judgement, kind: NoteKind) -> Vec<Vec<u64>> {
    judgement.notes.iter().filter(|note| note.kind == kind).map(|note| note.frames.clone()).collect()
}

const COMPLETE: UlDcchMessage = UlDcchMessage::ReconfigurationComplete { transaction: 1 };

#[test]
fn nothing_is_found_in_honest_captures_and_every_frame_of_them_is_checked() {
    // H11
    for how in EVERY {
        let film = walk(how);
        let judgement = of(&film);
        assert_eq!(judgement.findings, [], "{how:?}");
        // Report, command, confirm; packets; PARA on S1 and on the air.
        let nas = if how == How::MmeInvolved { 10 } else { 0 };
        let verified = judgement.verified;
        assert_eq!((verified.mac_i, verified.packets, verified.nas_mac), (15, 17, nas), "{how:?}");
        assert_eq!((judgement.keys.logged, judgement.keys.derived), (6, 0), "{how:?}");
        assert!(judgement.notes.iter().all(|note| note.kind == NoteKind::KeyInClear), "{how:?}: {:?}", judgement.notes);
    }
}

/// What an engineer has: no KeNB and nothing below it.
fn kasme_alone(log: &KeyLog) -> KeyLog {
    let keep = |record: &EpsKeyRecord| {
        matches!(record, EpsKeyRecord::Derivation(_) | EpsKeyRecord::Cell(_) | EpsKeyRecord::Kasme(_))
    };
    KeyLog {
        nodes: log.nodes.clone(),
        eps: log.eps.iter().filter(|record| keep(record)).cloned().collect(),
        ..KeyLog::default()
    }
}

#[test]
fn with_nothing_but_kasme_the_judge_follows_the_commands_from_cell_to_cell() {
    // H2
    // KASME opens the rest.
    for how in EVERY {
        let film = walk(how);
        let (whole, alone) = (of(&film), judged(&film.capture, &kasme_alone(&film.log)));
        assert_eq!(alone.findings, [], "{how:?}");
        assert_eq!(alone.verified, whole.verified, "{how:?}");
        assert_eq!((alone.keys.logged, alone.keys.derived), (0, 6), "{how:?}");
    }
}

#[test]
fn a_log_without_kasme_opens_the_air_and_derives_what_it_can() {
    let film = walk(How::Chained);
    let mut log = film.log.clone();
    log.eps.retain(|record| !matches!(record, EpsKeyRecord::Kasme(_)));
    let judgement = judged(&film.capture, &log);
    assert_eq!((judgement.findings.len(), judgement.verified.mac_i), (0, 15));
    // The KeNBs alone would do, and so would the keys of the algorithms.
    for keeps in [
        |record: &EpsKeyRecord| matches!(record, EpsKeyRecord::Kenb(_)),
        |record: &EpsKeyRecord| matches!(record, EpsKeyRecord::As(_)),
    ] {
        log.eps = film.log.eps.iter().filter(|record| keeps(record)).cloned().collect();
        let judgement = judged(&film.capture, &log);
        assert_eq!((judgement.findings.len(), judgement.verified.mac_i, judgement.verified.packets), (0, 15, 17));
    }
}

#[test]
fn a_key_of_the_log_that_does_not_follow_is_found_whichever_it_is() {
    for how in EVERY {
        let film = walk(how);
        for (place, record) in film.log.eps.iter().enumerate() {
            let mut log = film.log.clone();
            let changed = match &mut log.eps[place] {
                EpsKeyRecord::Derivation(_) | EpsKeyRecord::Cell(_) => continue,
                // Of context transfer, and not in these films.
                EpsKeyRecord::Transfer(_)
                | EpsKeyRecord::UpKey(_)
                | EpsKeyRecord::CkIk(_)
                | EpsKeyRecord::Enterprise(_)
                | EpsKeyRecord::LinkKey(_) => continue,
                // Of attaches without AKA, likewise.
                EpsKeyRecord::Parlos(_)
                | EpsKeyRecord::Trust(_)
                | EpsKeyRecord::NetworkKey(_)
                | EpsKeyRecord::KeyPair(_) => continue,
                EpsKeyRecord::Kasme(r) => {
                    r.key = Kasme::from_octets([1; 32]);
                    "KASME"
                }
                EpsKeyRecord::Nas(r) => {
                    r.key = AlgorithmKey::from_octets([1; 16]);
                    "NAS"
                }
                EpsKeyRecord::Nh(r) => {
                    r.key = Nh::from_octets([1; 32]);
                    "NH"
                }
                EpsKeyRecord::KenbStar(r) => {
                    r.key = KenbStar::from_octets([1; 32]);
                    "KeNB*"
                }
                EpsKeyRecord::Kenb(r) => {
                    r.key = Kenb::from_octets([1; 32]);
                    "KeNB"
                }
                EpsKeyRecord::As(r) => {
                    r.key = AlgorithmKey::from_octets([1; 16]);
                    "AS"
                }
            };
            let kinds = judged(&film.capture, &log).kinds();
            assert!(kinds.contains(&FindingKind::KeyDerivation), "{how:?}: {changed}, {record:?}: {kinds:?}");
        }
    }
}

#[test]
fn the_same_key_stream_for_two_messages_is_found_and_the_same_message_again_is_none() {
    // H4
    // broken: H4
    // With the same PARA and C-RNTI the KeNB of a cell comes back.
    let through = |para| {
        let mut film = Film::new(false).in_one_group();
        for (target, c_rnti) in [(2, 0x1111), (3, 0x2222), (2, 0x1111)] {
            let twist = Twist { para, c_rnti: Some(c_rnti), ..Twist::default() };
            film.hand_over(How::MmeInvolved, target, twist);
        }
        film
    };
    assert_eq!(kinds(&through(None)), []);
    let judgement = of(&through(Some([0; 16])));
    assert_eq!(judgement.kinds(), [FindingKind::NonceReuse]);
    // Two RRC messages from the UE (confirm, and a report in the first stay only), and three packets.
    assert!(frames_of(&judgement, FindingKind::NonceReuse).len() >= 4, "{:?}", judgement.findings);
    // A sender that goes back in one epoch.
    let mut film = Film::new(false);
    film.packet(DOWN, 1);
    film.epoch.counts.clear();
    let second = film.packet(DOWN, 2);
    assert_eq!(frames_of(&of(&film), FindingKind::NonceReuse), [[second - 1, second]]);
}

#[test]
fn what_is_played_again_is_a_replay_only_if_it_is_taken_again() {
    for taken in [true, false] {
        let mut film = Film::new(false);
        let first = film.report(2);
        film.report(3);
        let verdict = if taken { "accepted: COUNT 0" } else { "dropped: the MAC is wrong under COUNT 32" };
        let again = film.replay(first, "adv:air", &format!("replay; enb1: {verdict}"));
        let packets = film.packet(DOWN, 1);
        let packet_again = film.replay(packets, "adv:air", &format!("replay; ue1: {verdict}"));
        let judgement = of(&film);
        if taken {
            assert_eq!(judgement.kinds(), [FindingKind::ReplayAccepted]);
            assert_eq!(frames_of(&judgement, FindingKind::ReplayAccepted), [[first, again], [packets, packet_again]]);
        } else {
            assert_eq!(judgement.findings, []);
            assert_eq!(notes_of(&judgement, NoteKind::Repeated), [[again], [packet_again]]);
        }
    }
}

#[test]
fn a_wrong_mac_is_a_fault_of_who_accepts_it() {
    for accepted in [true, false] {
        let mut film = Film::new(false);
        let mut epoch = film.epoch.clone();
        let (mut octets, _) = film.rrc_frame(&mut epoch, UP, COMPLETE.octets().unwrap());
        let last = octets.len() - 1;
        octets[last] ^= 1;
        let verdict = if accepted { "accepted: COUNT 0" } else { "dropped: the MAC is wrong under COUNT 0" };
        let frame = film.push("uu:ue1-enb1", octets, format!("deliberate: tampered; enb1: {verdict}"));
        let judgement = of(&film);
        if accepted {
            assert_eq!(frames_of(&judgement, FindingKind::MacInvalid), [[frame]]);
        } else {
            assert_eq!((judgement.findings.len(), notes_of(&judgement, NoteKind::MacWrong)), (0, vec![vec![frame]]));
        }
    }
}

#[test]
fn para_that_was_changed_or_played_again_shows_in_its_nas_message() {
    // H6
    // broken: H6
    for accepted in [true, false] {
        let verdict = if accepted { "accepted: COUNT 1" } else { "refused: NAS: the MAC is wrong under COUNT 0" };
        let mut film = Film::new(false);
        film.packet(DOWN, 1);
        let mut nas = film.nas_of_para(&[9; 16]);
        let good = nas.clone();
        *nas.last_mut().unwrap() ^= 1;
        let message = |film: &Film, nas| film.command_message(2, 0x4602, None, Ncc::new(1), vec![nas]);
        let honest = message(&film, good.clone());
        let first = film.rrc(DOWN, honest, None);
        let changed = message(&film, nas);
        let tampered = film.rrc(DOWN, changed, Some(verdict));
        let old = message(&film, good);
        let again = film.rrc(DOWN, old, Some(if accepted { "accepted: COUNT 2" } else { verdict }));
        let judgement = of(&film);
        if accepted {
            assert_eq!(frames_of(&judgement, FindingKind::MacInvalid), [[tampered]]);
            assert_eq!(frames_of(&judgement, FindingKind::ReplayAccepted), [[first, again]]);
        } else {
            assert_eq!(judgement.findings, []);
            assert_eq!(notes_of(&judgement, NoteKind::MacWrong), [[tampered]]);
            assert_eq!(notes_of(&judgement, NoteKind::Repeated), [[again]]);
        }
    }
}

#[test]
fn nas_counts_go_on_after_a_relocation_and_one_that_goes_back_is_found() {
    // H7
    // broken: H7
    let transport = |film: &mut Film| film.downlink_nas(&EmmMessage::DetachAccept);
    let mut film = Film::new(false);
    transport(&mut film);
    film.uplink_nas(&EmmMessage::TrackingAreaUpdateComplete);
    let (kasme, honest) = (film.kasme.clone(), of(&film));
    assert_eq!((honest.findings.len(), honest.verified.nas_mac), (0, 4));
    let relocation = film.relocate(&kasme);
    transport(&mut film);
    let honest = of(&film);
    assert_eq!((honest.findings.len(), honest.verified.nas_mac), (0, 6));
    assert_eq!(notes_of(&honest, NoteKind::KeyInClear), [[relocation]]);
    // The COUNTs are reset: the same key and COUNT for another message.
    film.nas_count = [0; 2];
    let (s1, air) = film.downlink_nas(&EmmMessage::SecurityModeReject { cause: 24 });
    assert_eq!(air, s1 + 1);
    let judgement = of(&film);
    assert_eq!(judgement.kinds(), [FindingKind::NonceReuse, FindingKind::CountRegress]);
    assert_eq!(frames_of(&judgement, FindingKind::CountRegress).len(), 1);
    assert_eq!(frames_of(&judgement, FindingKind::CountRegress)[0][1], s1);
}

#[test]
fn a_context_with_another_kasme_is_found() {
    // broken: H7
    let mut film = Film::new(false);
    let frame = film.relocate(&Kasme::from_octets([3; 32]));
    assert_eq!(frames_of(&of(&film), FindingKind::KeyDerivation), [[frame]]);
}

#[test]
fn a_flipped_indication_leaves_two_keys_and_is_a_fault_only_if_one_is_taken_for_the_other() {
    // H5
    // broken: H5
    let flipped = || {
        let mut film = Film::new(false).in_one_group();
        film.hand_over(How::MmeInvolved, 2, Twist { flips_indication: true, ..Twist::default() });
        film
    };
    let mut film = flipped();
    let judgement = of(&film);
    assert_eq!(judgement.findings, []);
    let packet = film.packet(UP, 1);
    assert_eq!(frames_of(&of(&film), FindingKind::KeysDiffer), [[packet]]);
    // A log that says that both had the key of one of them is wrong.
    let mut film = flipped();
    for record in &mut film.log.eps {
        if let EpsKeyRecord::Kenb(record) = record {
            record.holder = KenbHolder::Both;
        }
    }
    assert_eq!(kinds(&film), [FindingKind::CommentDisagrees, FindingKind::KeyDerivation]);
}

#[test]
fn a_handover_over_x2_stays_in_a_group() {
    // H8
    // broken: H8
    let mut film = Film::new(false);
    film.hand_over(How::Chained, 2, Twist::default());
    film.hand_over(How::MmeInvolved, 3, Twist::default());
    assert_eq!(kinds(&film), []);
    // One that is granted across the border.
    let star = film.how.chained(&film.epoch.kenb);
    let (request, answer) = film.prepare_x2(2, 0x5555, &star, Ncc::new(0));
    assert_eq!(frames_of(&of(&film), FindingKind::X2AcrossGroups), [[request, answer]]);
    // One that is refused is none.
    let mut film = Film::new(false);
    film.prepare_x2(3, 0x5555, &star, Ncc::new(0));
    film.capture.frames.pop();
    let cause = x2ap::X2apCause::RadioNetwork(x2ap::RadioNetworkCause::HandoverDesirableForRadioReasons);
    film.x2(enb(3), enb(1), x2ap::HandoverPreparationFailure { old_id: X2apUeId::new(1).unwrap(), cause });
    assert!(!kinds(&film).contains(&FindingKind::X2AcrossGroups));
}

#[test]
fn a_key_stands_in_no_frame_but_those_that_are_there_to_bring_it() {
    let mut film = Film::new(false).in_one_group();
    film.hand_over(How::Chained, 2, Twist::default());
    let judgement = of(&film);
    assert_eq!((judgement.findings.len(), notes_of(&judgement, NoteKind::KeyInClear).len()), (0, 1));
    let up_enc = *film.epoch.keys.up_enc.octets();
    let secrets = [&film.epoch.kenb.octets()[..], film.kasme.octets(), &up_enc].map(<[u8]>::to_vec);
    for secret in secrets {
        let mut film = Film::new(false).in_one_group();
        film.hand_over(How::Chained, 2, Twist::default());
        // The user of a UE has no key of it: this is what an eNB would have to tell somebody in the clear.
        let mut packet = packet(9);
        packet.extend(secret);
        let frame = film.push("adv:core", packet, "a key");
        assert_eq!(frames_of(&of(&film), FindingKind::KeyOnWire), [[frame]]);
    }
}

#[test]
fn a_comment_that_says_something_else_is_found() {
    let mut film = Film::new(false).in_one_group();
    let report = COMPLETE.octets().unwrap();
    let frame = film.rrc(UP, report, Some("accepted: COUNT 3"));
    assert_eq!(frames_of(&of(&film), FindingKind::CommentDisagrees), [[frame]]);
    // It says that the MAC is wrong which is right.
    let mut film = Film::new(false);
    let frame = film.rrc(UP, COMPLETE.octets().unwrap(), Some("dropped: the MAC is wrong under COUNT 0"));
    assert_eq!(frames_of(&of(&film), FindingKind::CommentDisagrees), [[frame]]);
    // The UE goes where a command leads that it says it did not take.
    let mut film = Film::new(false).in_one_group();
    let command = film.hand_over(How::Chained, 2, Twist { denied: true, ..Twist::default() });
    let found = frames_of(&of(&film), FindingKind::CommentDisagrees);
    assert_eq!((found.len(), found[0][0]), (1, command));
}

#[test]
fn counts_are_followed_past_the_end_of_the_sequence_number() {
    let mut film = Film::new(false);
    for _ in 0..70 {
        film.report(2);
    }
    film.epoch.counts.insert((UP, 3), 4090);
    for number in 0..20 {
        film.packet(UP, number);
    }
    let judgement = of(&film);
    assert_eq!((judgement.findings.len(), judgement.verified.mac_i, judgement.verified.packets), (0, 70, 20));
}

#[test]
fn a_message_that_is_not_ciphered_is_noted_unless_it_begins_security() {
    let mut film = Film::new(false);
    let algorithms = SecurityAlgorithms { ciphering: AlgorithmId::Aes, integrity: AlgorithmId::Aes };
    let begins = DlDcchMessage::SecurityModeCommand { transaction: 0, algorithms };
    let release = DlDcchMessage::Release { transaction: 0, cause: ReleaseCause::Other, redirection: None };
    let mut epoch = film.epoch.clone();
    let frames = [begins, release].map(|message| {
        let octets = film.clear_rrc_frame(&mut epoch, DOWN, message.octets().unwrap());
        film.push("uu:ue1-enb1", octets, "in the clear")
    });
    let judgement = of(&film);
    assert_eq!((judgement.findings.len(), judgement.verified.mac_i), (0, 2));
    assert_eq!(notes_of(&judgement, NoteKind::Unencrypted), [[frames[1]]]);
}

#[test]
fn a_ue_that_is_taken_back_has_its_key_or_by_the_standard_one_made_of_it() {
    for how in EVERY {
        let mut film = Film::new(matches!(how, How::NextHopX2 | How::NextHopS1)).in_one_group();
        film.report(2);
        film.take_back();
        film.hand_over(how, 2, Twist::default());
        film.take_back();
        let judgement = of(&film);
        assert_eq!(judgement.findings, [], "{how:?}");
        let alone = judged(&film.capture, &kasme_alone(&film.log));
        assert_eq!((alone.findings.len(), alone.verified), (0, judgement.verified), "{how:?}");
        assert!(judgement.notes.iter().all(|note| note.kind == NoteKind::KeyInClear), "{how:?}: {:?}", judgement.notes);
    }
}

#[test]
fn counts_go_on_under_another_number_of_the_same_kenb() {
    let mut film = Film::new(false);
    for _ in 0..40 {
        film.report(2);
    }
    let (kenb, counts) = (film.epoch.kenb.clone(), film.epoch.counts.clone());
    film.arrive(1, FIRST_C_RNTI, &kenb, KenbHolder::Both);
    film.epoch.counts = counts;
    film.report(2);
    let judgement = of(&film);
    assert_eq!((judgement.findings.len(), judgement.verified.mac_i), (0, 41));
}

#[test]
fn a_frame_of_an_epoch_that_nobody_knows_has_no_key() {
    let mut film = Film::new(false);
    let kenb = film.how.target(&KenbStar::from_octets([4; 32]), CRnti::Bits16(FIRST_C_RNTI));
    film.arrive(1, FIRST_C_RNTI, &kenb, KenbHolder::Both);
    film.log.eps.retain(|record| match record {
        EpsKeyRecord::Kenb(record) => record.ue_id != 2,
        EpsKeyRecord::As(record) => record.ue_id != 2,
        _ => true,
    });
    let frame = film.rrc(UP, COMPLETE.octets().unwrap(), None);
    let judgement = of(&film);
    assert_eq!((judgement.findings.len(), notes_of(&judgement, NoteKind::NoKey)), (0, vec![vec![frame]]));
}

#[test]
fn algorithms_that_are_not_computed_are_said() {
    let mut film = Film::new(false);
    for record in &mut film.log.eps {
        if let EpsKeyRecord::Kenb(record) = record {
            record.ciphering = AlgorithmId::Zuc;
        }
    }
    film.log.eps.retain(|record| !matches!(record, EpsKeyRecord::As(_)));
    let frame = film.report(2);
    let judgement = of(&film);
    let notes: Vec<_> = judgement.notes.iter().filter(|note| note.kind == NoteKind::NoKey).collect();
    assert!(notes.len() == 1 && notes[0].frames == [frame] && notes[0].detail.contains("Zuc"), "{notes:?}");
}

#[test]
fn a_classic_pcap_without_comments_and_names_is_verified_all_the_same() {
    for how in EVERY {
        let film = walk(how);
        let octets = octets(&film.capture, FileFormat::Pcap);
        let judgement = judge(|| capture_reader::read(octets.as_slice()), &film.log).unwrap();
        assert_eq!((judgement.findings.len(), judgement.verified), (0, of(&film).verified), "{how:?}");
    }
}

/// Whatever a file says, the judge reads it or says what is wrong with it.
#[test]
fn a_capture_with_any_octet_damaged_is_judged_or_refused() {
    for how in [How::MmeInvolved, How::NextHopX2] {
        let mut film = Film::new(how == How::NextHopX2).in_one_group();
        film.hand_over(how, 2, Twist::default());
        film.downlink_nas(&EmmMessage::DetachAccept);
        let kasme = film.kasme.clone();
        film.relocate(&kasme);
        let alone = kasme_alone(&film.log);
        let whole = octets(&film.capture, FileFormat::Pcapng);
        let mut judged = 0;
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0xff;
            let log = if place % 8 == 0 { &alone } else { &film.log };
            judged += usize::from(judge(|| capture_reader::read(damaged.as_slice()), log).is_ok());
        }
        assert!(judged > whole.len() / 2, "{judged} of {}", whole.len());
    }
}
