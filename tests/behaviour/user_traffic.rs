//! User traffic from capture files through a handover: what comes out is what went in, octet for octet and once.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use assert_cmd::Command;
use keyhop::capture::capture_reader;
use keyhop::dot16::identifiers::Direction;
use keyhop::emulation::Engine;

use crate::support::{bundled, run_with, script};
use serde_json::Value;

const MOBILE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);
const HOST: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 5);

/// An IPv4 packet of `octets` octets, 28 or more. Checksums are left 0: nobody on the way may look at them.
fn packet(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, octets: usize, fill: &str) -> Vec<u8> {
    let length = u16::try_from(octets).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 3, protocol, 0, 0];
    packet.extend(from.octets());
    packet.extend(to.octets());
    if protocol == 17 {
        let udp = u16::try_from(octets - 20).unwrap().to_be_bytes();
        packet.extend([0x13, 0x88, 0x13, 0x89, udp[0], udp[1], 0, 0]);
    } else {
        packet.extend([8, 0, 0, 0, 0, 1, 0, 1]);
    }
    packet.extend(fill.bytes().cycle().take(octets - packet.len()));
    packet
}

/// A record of a capture: microseconds, the packet (IPv4 or not), and how many octets of it the capture kept.
struct Record {
    micros: u64,
    octets: Vec<u8>,
    kept: usize,
}

impl Record {
    fn whole(micros: u64, octets: Vec<u8>) -> Self {
        Self { micros, kept: octets.len(), octets }
    }
}

#[derive(Clone, Copy, Debug)]
enum Link {
    Ethernet,
    RawIp,
}

impl Link {
    fn number(self) -> u32 {
        match self {
            Self::Ethernet => 1,
            Self::RawIp => 101,
        }
    }

    /// The frame around a packet; on Ethernet with the padding of short frames.
    fn framed(self, packet: &[u8]) -> Vec<u8> {
        match self {
            Self::RawIp => packet.to_vec(),
            Self::Ethernet => {
                let ethertype: [u8; 2] = if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
                let mut frame = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &ethertype, packet].concat();
                frame.resize(frame.len().max(60), 0);
                frame
            }
        }
    }
}

/// A classic pcap, big-endian, with microseconds.
fn pcap(link: Link, records: &[Record]) -> Vec<u8> {
    let mut out = [0xa1b2_c3d4u32, 0x0002_0004, 0, 0, 65_535, link.number()].map(u32::to_be_bytes).concat();
    for record in records {
        let frame = link.framed(&record.octets);
        let kept = frame.len() - (record.octets.len() - record.kept);
        let (seconds, micros) =
            ((1_700_000_000 + record.micros / 1_000_000) as u32, (record.micros % 1_000_000) as u32);
        out.extend([seconds, micros, kept as u32, frame.len() as u32].map(u32::to_be_bytes).concat());
        out.extend(&frame[..kept]);
    }
    out
}

/// A pcapng with one section and one interface, little-endian, with microseconds.
fn pcapng(link: Link, records: &[Record]) -> Vec<u8> {
    let block = |kind: u32, body: Vec<u8>| {
        let mut padded = body;
        padded.resize(padded.len().next_multiple_of(4), 0);
        let length = (padded.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, &padded, &length].concat()
    };
    let header = [&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let interface = [&(link.number() as u16).to_le_bytes()[..], &[0, 0], &[0; 4]].concat();
    let mut out = [block(0x0a0d_0d0a, header), block(1, interface)].concat();
    for record in records {
        let frame = link.framed(&record.octets);
        let kept = frame.len() - (record.octets.len() - record.kept);
        let time = 1_700_000_000_000_000 + record.micros;
        let fields = [0, (time >> 32) as u32, time as u32, kept as u32, frame.len() as u32];
        out.extend(block(6, [&fields.map(u32::to_le_bytes).concat()[..], &frame[..kept]].concat()));
    }
    out
}

fn up(octets: usize, fill: &str) -> Vec<u8> {
    packet(MOBILE, HOST, 17, octets, fill)
}

fn down(octets: usize, fill: &str) -> Vec<u8> {
    packet(HOST, MOBILE, 17, octets, fill)
}

/// 1.5 s of traffic around the handover at 1 s: pings, small datagrams, 300 downlink and 100 uplink packets of 1,400
/// octets back to back (56 Mbit/s), three packets of identical content, two that are not IPv4 and one cut short.
fn records() -> Vec<Record> {
    let mut records = vec![Record::whole(0, up(60, "first "))];
    for number in 0..15 {
        let at = 100_000 * number + 7;
        records.push(Record::whole(at, packet(MOBILE, HOST, 1, 84, &format!("ping {number} "))));
        records.push(Record::whole(at + 9_000, packet(HOST, MOBILE, 1, 84, &format!("pong {number} "))));
        records.push(Record::whole(at + 20_000, up(28 + number as usize, "small ")));
    }
    // The mobile leaves bs1 at 1.04 s and has its first frame at bs2 at 1.05 s.
    for number in 0..300 {
        records.push(Record::whole(1_010_000 + 200 * number, down(1400, &format!("bulk {number} "))));
    }
    for number in 0..100 {
        records.push(Record::whole(1_030_000 + 200 * number, up(1400, &format!("upload {number} "))));
    }
    for at in [1_045_000, 1_045_000, 1_300_000] {
        records.push(Record::whole(at, up(200, "the same thrice ")));
    }
    let mut version_6 = down(100, "not IPv4 ");
    version_6[0] = 0x60;
    records.push(Record::whole(500_000, version_6.clone()));
    records.push(Record::whole(1_050_000, version_6));
    records.push(Record { micros: 1_060_000, octets: up(500, "cut short "), kept: 300 });
    records.sort_by_key(|record| record.micros);
    records
}

/// How often each packet of each interface (`uplink`, `downlink`) is in a capture.
type Multiset = BTreeMap<(String, Vec<u8>), usize>;

fn delivered(path: &Path) -> Multiset {
    let mut packets = Multiset::new();
    let mut reader = capture_reader::open(path).unwrap();
    while let Some(frame) = reader.next() {
        let frame = frame.unwrap();
        assert_eq!(frame.link_type, 101);
        let interface = reader.interface_name(frame.interface).to_owned();
        *packets.entry((interface, frame.octets)).or_default() += 1;
    }
    packets
}

fn expected(records: &[Record]) -> Multiset {
    let mut packets = Multiset::new();
    for record in records {
        if record.octets[0] >> 4 == 4 && record.kept == record.octets.len() {
            let uplink = record.octets[12..16] == MOBILE.octets();
            let interface = if uplink { "uplink" } else { "downlink" };
            *packets.entry((interface.to_owned(), record.octets.clone())).or_default() += 1;
        }
    }
    packets
}

/// Runs `seamless` with a traffic file; its JSON and what came out.
fn carried(file: &[u8], arguments: &[&str]) -> (Value, Multiset) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in"), file).unwrap();
    let output = Command::cargo_bin("keyhop")
        .unwrap()
        .current_dir(&folder)
        .args(["run", "seamless", "--traffic", "in", "--delivered", "out.pcapng", "--json"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), delivered(&folder.path().join("out.pcapng")))
}

#[test]
fn every_packet_comes_out_unaltered_and_once_from_every_kind_of_file_with_the_handover_inside_the_burst() {
    // A9
    let records = records();
    let expected = expected(&records);
    let counts: usize = expected.values().sum();
    for (link, format) in
        [(Link::Ethernet, "pcap"), (Link::Ethernet, "pcapng"), (Link::RawIp, "pcap"), (Link::RawIp, "pcapng")]
    {
        let file = if format == "pcap" { pcap(link, &records) } else { pcapng(link, &records) };
        let (json, delivered) = carried(&file, &[]);
        let what = format!("{link:?} in {format}");
        assert_eq!(json["skipped"]["not_ipv4"], 2, "{what}");
        assert_eq!(json["skipped"]["truncated"], 1, "{what}");
        assert_eq!(delivered.values().sum::<usize>(), counts, "{what}");
        assert!(delivered == expected, "{what}: other packets came out");
        let handover = &json["handovers"][0];
        assert_eq!((&handover["outcome"], &handover["mode"]), (&"completed".into(), &"seamless".into()), "{what}");
        for direction in ["ul", "dl"] {
            let traffic = &json["traffic"]["ms1"][direction];
            assert_eq!((&traffic["lost"], &traffic["duplicated"]), (&0.into(), &0.into()), "{what}: {traffic}");
            assert!(handover[format!("gap_{direction}_us")].is_u64(), "{what}: data on both sides of the handover");
        }
    }
}

#[test]
fn the_burst_begins_at_the_serving_bs_and_goes_on_at_the_target() {
    // R15
    // Otherwise the test above shows less than it says.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.pcap");
    fs::write(&path, pcap(Link::RawIp, &records())).unwrap();
    let script = script(&bundled("seamless"), &[]);
    let run = run_with(&script, Engine::Inline, Some(&path));
    for interface in ["air:ms1-bs1", "air:ms1-bs2"] {
        for direction in [Direction::Uplink, Direction::Downlink] {
            let of_the_burst =
                |pdu: &&crate::support::OpenedData| pdu.direction == direction && pdu.plaintext.len() == 1400;
            let count = run.data(interface).iter().filter(of_the_burst).count();
            assert!(count > 20, "{interface} {direction}: {count} PDUs of the burst");
        }
    }
}

#[test]
fn packets_longer_than_a_pdu_and_of_any_length_come_out_whole() {
    // R15
    let records: Vec<Record> = [28, 29, 63, 64, 576, 1500, 1999, 2024, 2025, 2026, 4000, 9000, 20_000, 65_000]
        .into_iter()
        .enumerate()
        .flat_map(|(number, octets)| {
            let at = 950_000 + number as u64 * 10_000;
            [Record::whole(at, down(octets, "down ")), Record::whole(at, up(octets, "up "))]
        })
        .collect();
    let file = pcap(Link::RawIp, &records);
    for arguments in
        [&["--traffic-mobile", "192.0.2.77"][..], &["--traffic-mobile", "192.0.2.77", "--set", "radio.max_pdu=300"]]
    {
        let (_, delivered) = carried(&file, arguments);
        let missing: Vec<_> = expected(&records)
            .into_keys()
            .filter(|key| !delivered.contains_key(key))
            .map(|(interface, packet)| (interface, packet.len()))
            .collect();
        assert!(delivered == expected(&records), "{arguments:?}: missing {missing:?}");
    }
}

#[test]
fn the_mobile_is_the_source_of_the_first_ipv4_packet_or_the_address_given() {
    let records = [Record::whole(0, down(100, "from the host ")), Record::whole(1000, up(100, "to the host "))];
    let file = pcap(Link::RawIp, &records);
    let interfaces = |arguments: &[&str]| -> Vec<String> {
        let (_, delivered) = carried(&file, arguments);
        let mut by_source: Vec<_> = delivered.into_keys().map(|(interface, octets)| (octets[12], interface)).collect();
        by_source.sort();
        by_source.into_iter().map(|(_, interface)| interface).collect()
    };
    // The mobile's address begins with 192, the host's with 198.
    assert_eq!(interfaces(&[]), ["downlink", "uplink"]);
    assert_eq!(interfaces(&["--traffic-mobile", "192.0.2.77"]), ["uplink", "downlink"]);
}

#[test]
fn packets_keep_their_order_in_each_direction() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.pcap");
    let records = records();
    fs::write(&path, pcap(Link::RawIp, &records)).unwrap();
    let script = script(&bundled("seamless"), &[]);
    let run = run_with(&script, Engine::Inline, Some(&path));
    for uplink in [true, false] {
        let in_file: Vec<&[u8]> = records
            .iter()
            .filter(|record| record.octets[0] >> 4 == 4 && record.kept == record.octets.len())
            .filter(|record| (record.octets[12..16] == MOBILE.octets()) == uplink)
            .map(|record| record.octets.as_slice())
            .collect();
        let out: Vec<&[u8]> = run
            .delivered_packets()
            .into_iter()
            .filter(|(direction, _)| (*direction == Direction::Uplink) == uplink)
            .map(|(_, packet)| packet)
            .collect();
        assert_eq!(in_file.len(), out.len());
        assert!(in_file == out, "uplink {uplink}: another order");
    }
}
