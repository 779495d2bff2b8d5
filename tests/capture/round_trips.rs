//! What is written is what is read back, by this crate and by another reader.

use keyhop::capture::capture_file::{self, Capture, CapturedFrame, FileFormat};
use keyhop::capture::capture_reader::{self, FrameKind};
use keyhop::capture::decryption_secrets::{DecryptionSecrets, MAX_SECRETS, SecretsType};
use keyhop::capture::{CaptureError, InterfaceDescription, LinkKind};
use keyhop::dot16::identifiers::Direction;
use keyhop::time::VirtualTime;
use pcap_file::pcapng::Block;
use pcap_file::pcapng::PcapNgReader;
use proptest::prelude::*;

use crate::samples;

fn read_back(octets: &[u8]) -> Capture {
    capture_reader::read_whole(capture_reader::read(octets).unwrap()).unwrap()
}

#[test]
fn a_pcapng_capture_comes_back_as_it_was() {
    let capture = samples::capture();
    assert_eq!(read_back(&samples::file(&capture, FileFormat::Pcapng)).frames.len(), 4);
    // Display addresses exist on the air only.
    assert_eq!(read_back(&samples::file(&capture, FileFormat::Pcapng)), capture);
}

#[test]
fn an_interface_without_frames_comes_back_too() {
    let mut capture = samples::capture();
    capture.frames.clear();
    assert_eq!(read_back(&samples::file(&capture, FileFormat::Pcapng)), capture);
}

#[test]
fn a_classic_pcap_keeps_all_but_text_and_interfaces() {
    let capture = samples::capture();
    let back = read_back(&samples::file(&capture, FileFormat::Pcap));
    let names: Vec<&str> = back.interfaces.iter().map(|interface| interface.name.as_str()).collect();
    assert_eq!(names, ["air", "backbone", "ip"]);
    for (before, after) in capture.frames.iter().zip(&back.frames) {
        assert_eq!(after, &CapturedFrame { comment: String::new(), ..before.clone() });
    }
}

#[test]
fn frames_have_numbers_offsets_names_and_kinds() {
    let file = samples::file(&samples::capture(), FileFormat::Pcapng);
    let mut reader = capture_reader::read(&file[..]).unwrap();
    let frames: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let kinds = [LinkKind::Air, LinkKind::Air, LinkKind::Backbone, LinkKind::RawIp].map(FrameKind::Known);
    assert_eq!(frames.iter().map(|frame| frame.kind.clone()).collect::<Vec<_>>(), kinds);
    assert_eq!(reader.interface_name(frames[2].interface), "r6:bs2-gw");
    for frame in &frames {
        let start = usize::try_from(frame.octets_offset).unwrap();
        assert_eq!(file[start..start + frame.octets.len()], frame.octets);
    }
}

#[test]
fn a_frame_that_the_capture_cut_short_is_told_from_a_whole_one() {
    let mut file = samples::file(&samples::capture(), FileFormat::Pcap);
    // Behind the header of the file, in that of the first record: octets on the link.
    file[24 + 12] += 1;
    let cut: Vec<bool> = capture_reader::read(&file[..]).unwrap().map(|frame| frame.unwrap().cut).collect();
    assert_eq!(cut, [true, false, false, false]);
}

#[test]
fn another_reader_finds_nanoseconds_since_2000_direction_and_comments() {
    use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption::{Comment, Flags};
    let file = samples::file(&samples::capture(), FileFormat::Pcapng);
    let mut reader = PcapNgReader::new(&file[..]).unwrap();
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.unwrap() {
            packets.push((
                packet.timestamp,
                packet.options.iter().map(|option| format!("{option:?}")).collect::<Vec<_>>(),
            ));
        }
    }
    assert_eq!(packets[1].0.as_nanos(), 946_684_800_000_000_000 + 1_234_567_891);
    // One comment for each line.
    let comments = ["bs2: data", "verdict: accepted"].map(|line| format!("{:?}", Comment(line.into())));
    assert_eq!(packets[1].1[0], format!("{:?}", Flags(1)));
    assert_eq!(packets[1].1[1..], comments);
    assert_eq!(packets[0].1[0], format!("{:?}", Flags(2)));
    assert_eq!(packets.len(), 4);
}

#[test]
fn what_the_format_cannot_hold_is_refused_with_the_frame() {
    let refused = |change: fn(&mut Capture), format| {
        let mut capture = samples::capture();
        change(&mut capture);
        match capture_file::write(&capture, format, &mut Vec::new()) {
            Err(CaptureError::Unwritable { frame, .. }) => frame,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|capture| capture.frames[1].comment = "x".repeat(65_536), FileFormat::Pcapng), 2);
    // Each line may be as long as that, but not any number of them.
    let lines = |count| vec!["x".repeat(65_535); count].join("\n");
    let mut capture = samples::capture();
    capture.frames[1].comment = lines(127);
    assert_eq!(read_back(&samples::file(&capture, FileFormat::Pcapng)), capture);
    capture.frames[1].comment = lines(128);
    assert!(capture_file::write(&capture, FileFormat::Pcapng, &mut Vec::new()).is_err());
    assert_eq!(refused(|capture| capture.frames[2].interface = 9, FileFormat::Pcapng), 3);
    assert_eq!(refused(|capture| capture.frames[0].time = VirtualTime::MAX, FileFormat::Pcapng), 1);
    assert_eq!(refused(|capture| capture.frames[3].octets = vec![0; 262_145], FileFormat::Pcapng), 4);
    assert_eq!(refused(|capture| capture.section_comment = "x".repeat(65_536), FileFormat::Pcapng), 0);
    assert_eq!(refused(|capture| capture.names[0].1 = "a\0b".to_owned(), FileFormat::Pcapng), 0);
    // Classic pcap counts seconds since 1970 in 32 bits.
    let late = |capture: &mut Capture| capture.frames[0].time = VirtualTime::from_nanos(3_400_000_000_000_000_000);
    assert_eq!(refused(late, FileFormat::Pcap), 1);
}

fn some_secrets() -> Vec<DecryptionSecrets> {
    vec![
        DecryptionSecrets::of_sessions([(&[1; 32], &[2; 48])]),
        DecryptionSecrets::new(SecretsType(0x5747_4b4c), vec![7; 5]),
        DecryptionSecrets::new(SecretsType::TLS_KEY_LOG, Vec::new()),
    ]
}

#[test]
fn secrets_come_back_stand_before_the_frames_and_are_read_by_another_reader() {
    let capture = Capture { secrets: some_secrets(), ..samples::capture() };
    let file = samples::file(&capture, FileFormat::Pcapng);
    assert_eq!(read_back(&file), capture);
    let mut reader = PcapNgReader::new(&file[..]).unwrap();
    let mut kinds = Vec::new();
    while let Some(block) = reader.next_block() {
        kinds.push(match block.unwrap() {
            Block::EnhancedPacket(_) => 6,
            Block::Unknown(block) => {
                let length = u32::from_le_bytes(block.value[4..8].try_into().unwrap()) as usize;
                assert!(block.value.len() - 8 - length < 4);
                block.type_
            }
            _ => 0,
        });
    }
    assert_eq!(kinds.iter().filter(|kind| **kind == 10).count(), 3);
    assert!(kinds.iter().rposition(|kind| *kind == 10) < kinds.iter().position(|kind| *kind == 6));
    // Classic pcap has no place for them.
    let classic = samples::file(&capture, FileFormat::Pcap);
    assert_eq!(classic, samples::file(&samples::capture(), FileFormat::Pcap));
}

#[test]
fn secrets_that_become_known_in_the_middle_stand_there() {
    let capture = samples::capture();
    let mut writer = capture_file::CaptureWriter::new(Vec::new(), FileFormat::Pcapng, &capture.header()).unwrap();
    writer.write_frame(&capture.frames[0]).unwrap();
    let before =
        samples::file(&Capture { frames: capture.frames[..1].to_vec(), ..capture.clone() }, FileFormat::Pcapng);
    let secrets = &some_secrets()[1];
    writer.write_secrets(secrets).unwrap();
    for frame in &capture.frames[1..] {
        writer.write_frame(frame).unwrap();
    }
    let file = writer.finish().unwrap();
    assert_eq!(file[..before.len()], before);
    assert_eq!(file[before.len()..before.len() + 12], [10, 0, 0, 0, 28, 0, 0, 0, 0x4c, 0x4b, 0x47, 0x57]);
    assert_eq!(read_back(&file), Capture { secrets: vec![secrets.clone()], ..capture });
}

#[test]
fn secrets_that_are_cut_short_are_passed_over_and_too_many_refused() {
    let capture = Capture { secrets: some_secrets(), frames: Vec::new(), ..samples::capture() };
    let file = samples::file(&capture, FileFormat::Pcapng);
    let place = file.windows(4).position(|octets| octets == b"KSLT").unwrap();
    let mut longer = file.clone();
    longer[place + 5] = 0xff;
    let refused = |octets: &[u8]| {
        let reader = capture_reader::read(octets).unwrap();
        capture_reader::read_whole(reader).unwrap_err().to_string()
    };
    assert_eq!(read_back(&longer).secrets, capture.secrets[1..]);
    let many = vec![DecryptionSecrets::new(SecretsType(1), vec![0; MAX_SECRETS / 4]); 4];
    let file = samples::file(&Capture { secrets: many, ..capture.clone() }, FileFormat::Pcapng);
    assert!(refused(&file).contains("octets of decryption secrets"), "{}", refused(&file));
    let large = vec![DecryptionSecrets::new(SecretsType(1), vec![0; 16 * 1024 * 1024])];
    assert!(capture_file::write(&Capture { secrets: large, ..capture }, FileFormat::Pcapng, &mut Vec::new()).is_err());
}

fn any_frame() -> impl Strategy<Value = CapturedFrame> {
    let direction = proptest::option::of(prop_oneof![Just(Direction::Uplink), Just(Direction::Downlink)]);
    let address = || proptest::option::of(any::<u32>().prop_map(std::net::Ipv4Addr::from));
    let octets = proptest::collection::vec(any::<u8>(), 0..100);
    (0..4_000_000_000_000_000_000u64, 0..3usize, octets, direction, address(), address(), "[a-z äß\n]{0,20}").prop_map(
        |(nanos, interface, octets, direction, source, destination, comment)| CapturedFrame {
            time: VirtualTime::from_nanos(nanos),
            interface,
            octets,
            direction,
            source: source.filter(|_| interface == 0),
            destination: destination.filter(|_| interface == 0),
            comment,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_capture_comes_back_as_it_was(frames in proptest::collection::vec(any_frame(), 0..20)) {
        let capture = Capture { frames, ..samples::capture() };
        prop_assert_eq!(read_back(&samples::file(&capture, FileFormat::Pcapng)), capture);
    }
}

#[test]
fn frames_written_one_by_one_give_the_same_file() {
    let capture = samples::capture();
    let header = capture_file::CaptureHeader {
        section_comment: capture.section_comment.clone(),
        interfaces: capture.interfaces.clone(),
        names: capture.names.clone(),
        secrets: Vec::new(),
    };
    let mut writer = capture_file::CaptureWriter::new(Vec::new(), FileFormat::Pcapng, &header).unwrap();
    for frame in &capture.frames {
        writer.write_frame(frame).unwrap();
    }
    assert_eq!(writer.frames(), 4);
    assert_eq!(writer.finish().unwrap(), samples::file(&capture, FileFormat::Pcapng));
}

#[test]
fn every_kind_of_interface_is_written_with_its_link_type() {
    for (kind, link_type) in [(LinkKind::Air, 252), (LinkKind::Backbone, 1), (LinkKind::RawIp, 101)] {
        let interface = InterfaceDescription { name: "x".to_owned(), description: String::new(), kind };
        let file = samples::file(&Capture { interfaces: vec![interface], ..Capture::default() }, FileFormat::Pcapng);
        let mut reader = PcapNgReader::new(&file[..]).unwrap();
        let Block::InterfaceDescription(block) = reader.next_block().unwrap().unwrap() else { panic!() };
        assert_eq!(u32::from(block.linktype), link_type);
    }
}
