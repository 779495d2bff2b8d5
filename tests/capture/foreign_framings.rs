//! 802.16 in the framings of others: every frame comes out as it was.

use keyhop::capture::capture_file::{Capture, CapturedFrame};
use keyhop::capture::capture_reader::{self, CaptureReader, FrameKind, RecordedFrame};
use keyhop::capture::foreign::Framing as Found;
use keyhop::capture::{FileFormat, LinkKind};
use keyhop::dot16::identifiers::Direction;

use crate::foreign_support::{self, Framing, Pcapng, Style, gsmtap, link, m2m, tlv, udp};
use crate::samples::{self, RNG_REQ, octets};

fn read(file: &[u8]) -> (Vec<RecordedFrame>, Vec<String>) {
    let mut reader: CaptureReader<_> = capture_reader::read(file).unwrap();
    let frames = reader.by_ref().map(Result::unwrap).collect();
    (frames, reader.notes().iter().map(ToString::to_string).collect())
}

/// The sample capture without its raw IP packet, with a ranging code and a burst of several PDUs.
fn capture() -> Capture {
    let mut capture = samples::capture();
    capture.frames.truncate(3);
    let code = CapturedFrame { octets: vec![1, 2, 3], ..capture.frames[0].clone() };
    let burst = [octets(RNG_REQ), octets(samples::DATA), vec![0xff; 300]].concat();
    let burst = CapturedFrame { octets: burst, ..capture.frames[0].clone() };
    capture.frames.extend([code, burst]);
    capture
}

fn air(frames: &[RecordedFrame]) -> Vec<(i64, Option<Direction>, Vec<u8>)> {
    let air = frames.iter().filter(|frame| frame.kind == FrameKind::Known(LinkKind::Air));
    air.map(|frame| (frame.time_ns, frame.direction, frame.octets.clone())).collect()
}

#[test]
fn every_framing_gives_the_bursts_with_their_times_and_directions() {
    let capture = capture();
    let (expected, _) = read(&samples::file(&capture, FileFormat::Pcapng));
    for framing in foreign_support::all() {
        let (frames, notes) = read(&foreign_support::pcapng(&capture, &Style::new(framing)));
        assert_eq!(air(&frames), air(&expected), "{framing:?}");
        assert_eq!(notes, [""; 0], "{framing:?}");
        let foreign = match framing {
            Framing::Bare(_) => Found::Bare,
            Framing::M2m(_) => Found::M2m,
            Framing::Gsmtap { .. } => Found::Gsmtap,
        };
        for frame in &frames {
            let backbone = frame.kind == FrameKind::Known(LinkKind::Backbone);
            assert_eq!(frame.foreign, (!backbone).then_some(foreign), "{framing:?}");
            assert_eq!(backbone, frame.interface == 1);
        }
    }
}

#[test]
fn the_octets_of_a_burst_are_where_the_frame_says() {
    for framing in foreign_support::all() {
        let file = foreign_support::pcapng(&capture(), &Style::new(framing));
        for frame in read(&file).0 {
            let start = usize::try_from(frame.octets_offset).unwrap();
            assert_eq!(file[start..start + frame.octets.len()], frame.octets, "{framing:?}");
        }
    }
}

/// The m2m frame of `dot16-wire.md` 7.2.
fn worked_m2m_frame() -> Vec<u8> {
    [octets("0a000000000200112233445508f0000100020203 00002a093e".replace(' ', "").as_str()), octets(RNG_REQ)].concat()
}

#[test]
fn the_worked_m2m_frame_is_an_rng_req() {
    let file = samples::pcap(1, false, false, &[samples::Packet::whole(946_684_800_000_000, &worked_m2m_frame())]);
    let (frames, notes) = read(&file);
    assert_eq!((frames.len(), notes.len()), (1, 0));
    assert_eq!(frames[0].octets, octets(RNG_REQ));
    // The frame has no direction, and only mobiles send an RNG-REQ.
    assert_eq!((frames[0].direction, frames[0].direction_inferred), (Some(Direction::Uplink), true));
    let [source, destination] = frames[0].addresses.map(Option::unwrap);
    assert_eq!((source, destination), ([0, 0x11, 0x22, 0x33, 0x44, 0x55], [0x0a, 0, 0, 0, 0, 2]));
}

#[test]
fn what_is_not_of_802_16_stays_what_it_was() {
    let mut file = Pcapng::new();
    file.interface(1, "eth0");
    file.interface(101, "tun0");
    file.interface(113, "any");
    let of_gsm = [&[2, 4, 1, 0][..], &[0; 30]].concat();
    let packets =
        [(1, udp(53, &gsmtap(0x13, true, &[0; 9]), false)), (1, udp(4729, &of_gsm, false)), (0, udp(4729, &[], true))];
    for (link_type, packet) in packets {
        let ether_type = if packet[0] == 0x45 { 0x0800 } else { 0x86dd };
        let link_type = if link_type == 1 { 101 } else { 1 };
        let interface = u32::from(link_type == 101);
        file.packet(interface, 0, &link(link_type, ether_type, [1; 6], [2; 6], &packet), None, &[]);
    }
    file.packet(2, 0, &link(113, 0x0800, [1; 6], [2; 6], &udp(22, &[], false)), None, &[]);
    let (frames, notes) = read(&file.octets);
    let kinds: Vec<_> = frames.into_iter().map(|frame| frame.kind).collect();
    let (ip, ethernet) = (FrameKind::Known(LinkKind::RawIp), FrameKind::Known(LinkKind::Backbone));
    assert_eq!(kinds, [ip.clone(), ip, ethernet, FrameKind::LinkType(113)]);
    assert_eq!(notes, [""; 0]);
}

fn ethernet_m2m(file: &mut Pcapng, nanos: u64, ends: [u8; 2], tlvs: &[Vec<u8>]) {
    let [source, destination] = ends.map(|last| [2, 0, 0, 0, 0, last]);
    file.packet(0, nanos, &link(1, 0x08f0, source, destination, &m2m(1, tlvs)), None, &[]);
}

#[test]
fn without_flags_whoever_sends_an_fch_is_a_base_station() {
    let mut file = Pcapng::new();
    file.interface(1, "eth0");
    // Neither of them tells a direction itself.
    let burst = || vec![tlv(9, &[0xff; 9])];
    ethernet_m2m(&mut file, 0, [1, 9], &burst());
    ethernet_m2m(&mut file, 1, [1, 9], &[tlv(8, &[1, 2, 3]), tlv(9, &[0xff; 9])]);
    ethernet_m2m(&mut file, 2, [9, 1], &burst());
    ethernet_m2m(&mut file, 3, [2, 9], &burst());
    ethernet_m2m(&mut file, 4, [2, 255], &[tlv(8, &[1, 2, 3])]);
    ethernet_m2m(&mut file, 5, [9, 2], &burst());
    ethernet_m2m(&mut file, 6, [1, 9], &burst());
    let (frames, _) = read(&file.octets);
    let (up, down) = (Some(Direction::Uplink), Some(Direction::Downlink));
    assert_eq!(air(&frames).iter().map(|frame| frame.1).collect::<Vec<_>>(), [None, down, up, None, up, down]);
    let fch: Vec<_> = frames.iter().filter(|frame| matches!(frame.kind, FrameKind::Dissector(_))).collect();
    assert_eq!(fch.iter().map(|frame| (frame.number, frame.octets.len())).collect::<Vec<_>>(), [(2, 3), (5, 3)]);
}

#[test]
fn several_bursts_of_one_frame_have_its_number_and_a_frame_without_a_burst_says_so() {
    let mut file = Pcapng::new();
    file.interface(1, "eth0");
    ethernet_m2m(
        &mut file,
        0,
        [1, 2],
        &[tlv(9, &[0xff; 9]), tlv(2, &[0, 0, 1]), tlv(7, &[1, 2, 3]), tlv(9, &octets(RNG_REQ))],
    );
    ethernet_m2m(&mut file, 1, [1, 2], &[tlv(2, &[0, 0, 1])]);
    let (frames, notes) = read(&file.octets);
    assert_eq!(frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [1, 1, 1, 2]);
    assert_eq!(frames.iter().map(|frame| frame.octets.len()).collect::<Vec<_>>(), [9, 3, 62, 0]);
    assert_eq!(frames[3].kind, FrameKind::NoBurst("m2m without a burst".to_owned()));
    assert_eq!(notes, [""; 0]);
}

#[test]
fn fragments_become_one_burst_at_the_last_of_them() {
    let capture = capture();
    let style = Style { fragments: Some(40), comments: true, ..Style::new(Framing::M2m(1)) };
    let (frames, notes) = read(&foreign_support::pcapng(&capture, &style));
    let (expected, _) = read(&samples::file(&capture, FileFormat::Pcapng));
    assert_eq!(air(&frames), air(&expected));
    assert_eq!(notes, [""; 0]);
    // RNG-REQ of 62 octets in frames 1 and 2.
    assert_eq!(frames[0].kind, FrameKind::NoBurst("m2m, fragment 1 of burst 0".to_owned()));
    assert_eq!((frames[1].number, &frames[1].fragments[..]), (2, &[1, 2][..]));
    assert_eq!(frames[1].comment, capture.frames[0].comment);
}

#[test]
fn incomplete_bursts_and_damaged_frames_are_noted_with_their_numbers_and_the_rest_is_read() {
    let mut file = Pcapng::new();
    file.interface(1, "eth0");
    let fragment = |burst, kind, number| vec![tlv(3, &[burst]), tlv(4, &[kind]), tlv(5, &[number]), tlv(9, &[7; 20])];
    ethernet_m2m(&mut file, 0, [1, 2], &fragment(5, 1, 1));
    ethernet_m2m(&mut file, 1, [1, 2], &fragment(6, 1, 1));
    ethernet_m2m(&mut file, 2, [1, 2], &fragment(6, 3, 3));
    file.packet(0, 3, &link(1, 0x08f0, [1; 6], [2; 6], &[0, 1, 0, 1, 9, 0x82]), None, &[]);
    file.packet(0, 4, &link(1, 0x0800, [1; 6], [2; 6], &udp(4729, &[3, 4, 7, 0], false)), None, &[]);
    ethernet_m2m(&mut file, 5, [1, 2], &[tlv(9, &octets(RNG_REQ))]);
    let (frames, notes) = read(&file.octets);
    assert_eq!(frames.len(), 6);
    assert_eq!(frames[5].octets, octets(RNG_REQ));
    assert_eq!(
        notes,
        [
            "frame 4: m2m, octet 19: expected a TLV length, found the end of the packet",
            "frame 5: GSMTAP, octet 42: expected version 2, found 3",
            "frame 1: m2m, burst 5 is incomplete: fragments 1 are there",
            "frames 2, 3: m2m, burst 6 is incomplete: fragments 1, 3 of 3 are there",
        ]
    );
}

#[test]
fn a_gsmtap_packet_that_is_not_all_there_is_noted() {
    let whole = udp(4729, &gsmtap(0x13, true, &octets(RNG_REQ)), false);
    let mut first_fragment = whole.clone();
    first_fragment[6] = 0x20;
    let mut file = Pcapng::new();
    file.interface(101, "tun0");
    file.packet(0, 0, &whole[..60], None, &[]);
    file.packet(0, 0, &first_fragment, None, &[]);
    let (frames, notes) = read(&file.octets);
    assert_eq!(frames[0].octets, octets(RNG_REQ)[..16]);
    assert_eq!(
        notes,
        ["frame 1: UDP: 32 of 78 octets of GSMTAP are here", "frame 2: UDP: 78 of 78 octets of GSMTAP are here"]
    );
}
