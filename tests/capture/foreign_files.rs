//! Captures that others made: every byte order and time unit, several sections, and plain garbage.

use keyhop::capture::capture_reader::{self, FrameKind, RecordedFrame};
use keyhop::capture::error::{CaptureError, Place};
use keyhop::capture::traffic;
use keyhop::dot16::identifiers::Direction;
use proptest::prelude::*;

use crate::samples::{self, Packet, block, pcap};

const SECOND_OF_2000: u64 = 946_684_800;

fn frames(octets: &[u8]) -> Result<Vec<RecordedFrame>, CaptureError> {
    capture_reader::read(octets)?.collect()
}

/// A section header, big-endian or little-endian.
fn section(big_endian: bool) -> Vec<u8> {
    let magic = if big_endian { [0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0] } else { [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0] };
    block(0x0a0d_0d0a, big_endian, &[&magic[..], &[0xff; 8]].concat())
}

fn interface(link_type: u8, options: &[u8]) -> Vec<u8> {
    block(1, false, &[&[link_type, 0, 0, 0, 0, 0, 0, 0], options].concat())
}

fn packet(interface: u32, time: u64, octets: &[u8], options: &[u8]) -> Vec<u8> {
    let length = u32::try_from(octets.len()).unwrap().to_le_bytes();
    let (high, low) = (((time >> 32) as u32).to_le_bytes(), (time as u32).to_le_bytes());
    let padding = vec![0; octets.len().next_multiple_of(4) - octets.len()];
    let body = [&interface.to_le_bytes()[..], &high, &low, &length, &length, octets, &padding, options].concat();
    block(6, false, &body)
}

#[test]
fn classic_pcap_is_read_in_both_byte_orders_and_time_units() {
    for big_endian in [false, true] {
        for (nanoseconds, unit) in [(false, 1_000), (true, 1)] {
            let time = SECOND_OF_2000 * 1_000_000_000 / unit + 7;
            let file = pcap(1, big_endian, nanoseconds, &[Packet::whole(time, &[1, 2, 3])]);
            let read = frames(&file).unwrap();
            assert_eq!((read[0].time_ns, read[0].octets.as_slice()), (7 * unit as i64, &[1, 2, 3][..]));
        }
    }
}

#[test]
fn a_time_before_2000_is_negative() {
    assert_eq!(frames(&pcap(1, true, false, &[Packet::whole(0, &[])])).unwrap()[0].time_ns, -946_684_800_000_000_000);
}

#[test]
fn the_link_type_of_a_pcap_with_checksum_length_is_read() {
    assert_eq!(frames(&pcap(0x5000_0001, false, false, &[Packet::whole(0, &[0])])).unwrap()[0].link_type, 1);
}

#[test]
fn interfaces_of_a_second_section_are_its_own() {
    let file = [
        section(false),
        interface(1, &[2, 0, 1, 0, b'a', 0, 0, 0]),
        packet(0, 0, &[1], &[]),
        section(true),
        block(1, true, &[0, 101, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, b'b', 0, 0, 0]),
        block(6, true, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 0, 0, 0]),
    ]
    .concat();
    let mut reader = capture_reader::read(&file[..]).unwrap();
    let read: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(read.iter().map(|frame| reader.interface_name(frame.interface)).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(read.iter().map(|frame| frame.link_type).collect::<Vec<_>>(), [1, 101]);
}

#[test]
fn time_resolution_and_offset_of_the_interface_are_heeded() {
    // if_tsresol 10^-3, then if_tsoffset 1.
    let options = [9, 0, 1, 0, 3, 0, 0, 0, 14, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    let file = [section(false), interface(1, &options), packet(0, SECOND_OF_2000 * 1_000 + 5, &[1], &[])].concat();
    assert_eq!(frames(&file).unwrap()[0].time_ns, 1_005_000_000);
}

#[test]
fn options_others_write_do_no_harm() {
    // if_tzone with 4 octets, an unknown option, a comment that is not UTF-8, two comments, no closing mark.
    let tzone = [10, 0, 4, 0, 0, 0, 0, 0, 77, 0, 1, 0, 5, 0, 0, 0];
    let options = [2, 0, 4, 0, 1, 0, 0, 0, 1, 0, 2, 0, 0xff, b'x', 0, 0, 1, 0, 1, 0, b'y', 0, 0, 0];
    let file = [section(false), interface(1, &tzone), packet(0, 0, &[1], &options)].concat();
    let read = frames(&file).unwrap();
    assert_eq!((read[0].direction, read[0].comment.as_str()), (Some(Direction::Downlink), "\u{fffd}x\ny"));
}

#[test]
fn simple_and_obsolete_packets_are_read() {
    let simple = block(3, false, &[3, 0, 0, 0, 7, 8, 9]);
    let obsolete = block(2, false, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0]);
    let read = frames(&[section(false), interface(1, &[]), simple, obsolete].concat()).unwrap();
    assert_eq!(read.iter().map(|frame| frame.octets.clone()).collect::<Vec<_>>(), [vec![7, 8, 9], vec![5]]);
}

#[test]
fn custom_and_journal_blocks_take_a_frame_number_as_in_wireshark() {
    let others = [0x0bad, 0x4000_0bad, 9, 5, 77].map(|kind| block(kind, false, &[0, 0, 0, 0, b'a', b'b'])).concat();
    let file = [section(false), interface(1, &[]), others, packet(0, 0, &[1], &[])].concat();
    assert_eq!(frames(&file).unwrap().iter().map(|frame| frame.number).collect::<Vec<_>>(), [4]);
}

#[test]
fn tag_35_is_stronger_than_the_flags() {
    let tagged = [0, 35, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0xaa];
    let file = [section(false), interface(252, &[]), packet(0, 0, &tagged, &[2, 0, 4, 0, 1, 0, 0, 0])].concat();
    let read = frames(&file).unwrap();
    assert_eq!((read[0].direction, read[0].octets.as_slice()), (Some(Direction::Uplink), &[0xaa][..]));
    assert_eq!(read[0].kind, FrameKind::Dissector(String::new()));
}

#[test]
fn damaged_tags_are_an_error_with_frame_and_octet() {
    let file = [section(false), interface(252, &[]), packet(0, 0, &[0, 12, 0, 9, 1], &[])].concat();
    let offset = (file.len() - 4 - 8) as u64;
    assert_eq!(frames(&file).unwrap_err().place(), Some(Place::Octet { frame: Some(1), offset }));
}

#[test]
fn a_packet_of_an_interface_nobody_described_is_refused() {
    let error = frames(&[section(false), interface(1, &[]), packet(1, 0, &[1], &[])].concat()).unwrap_err();
    assert!(error.to_string().contains("expected the number of an interface described before, found 1"), "{error}");
}

#[test]
fn lengths_beyond_the_limits_are_refused_without_reading_on() {
    let mut file = pcap(1, false, false, &[Packet::whole(0, &[1])]);
    file[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = frames(&file).unwrap_err();
    assert_eq!(error.place(), Some(Place::Octet { frame: Some(1), offset: 32 }));
    let mut file = [section(false), interface(1, &[])].concat();
    file.extend([6, 0, 0, 0, 0xfc, 0xff, 0xff, 0x7f]);
    let error = frames(&file).unwrap_err();
    assert!(error.to_string().contains("from 12 to 16777216, found 2147483644"), "{error}");
}

#[test]
fn block_lengths_that_disagree_are_refused() {
    let mut file = [section(false), interface(1, &[])].concat();
    let last = file.len() - 4;
    file[last] = 24;
    assert_eq!(frames(&file).unwrap_err().place(), Some(Place::Octet { frame: Some(1), offset: last as u64 }));
}

fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let sample = samples::capture();
    let files = [
        samples::file(&sample, keyhop::capture::FileFormat::Pcapng),
        samples::file(&sample, keyhop::capture::FileFormat::Pcap),
    ];
    let noise = proptest::collection::vec(any::<u8>(), 0..300);
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    prop_oneof![
        1 => noise.clone(),
        1 => noise.prop_map(|noise| [section(false), noise].concat()),
        4 => (0..2usize, changes).prop_map(move |(which, changes)| {
            let mut file = files[which].clone();
            for (at, octet) in changes {
                let at = at.index(file.len());
                file[at] = octet;
            }
            file
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn garbage_never_panics_and_an_error_ends_the_reading(octets in garbage()) {
        if let Ok(mut reader) = capture_reader::read(&octets[..]) {
            while let Some(frame) = reader.next() {
                if frame.is_err() {
                    prop_assert!(reader.next().is_none());
                }
            }
        }
        let _ = traffic::read_traffic_from(&octets[..]);
    }
}
