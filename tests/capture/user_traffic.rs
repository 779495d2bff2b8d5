//! User traffic from captures of every link type.

use std::net::Ipv4Addr;
use std::time::Duration;

use keyhop::capture::CaptureError;
use keyhop::capture::error::Place;
use keyhop::capture::traffic::{Skipped, TrafficFile, direction, read_traffic, read_traffic_from};
use keyhop::dot16::identifiers::Direction;

use crate::samples::{Packet, hello, pcap};

const ETHERNET: [u8; 12] = [0x0a, 0, 0, 0, 0, 2, 0x0a, 0, 0, 0, 0, 1];

fn one(link_type: u32, header: &[u8], inside: &[u8]) -> Result<TrafficFile, CaptureError> {
    let octets = [header, inside].concat();
    read_traffic_from(&pcap(link_type, false, true, &[Packet::whole(0, &octets)])[..])
}

fn ethernet(after_addresses: &[u8]) -> Vec<u8> {
    [&ETHERNET[..], after_addresses].concat()
}

/// Every link header in front of IPv4, and the same in front of something else.
fn link_headers() -> Vec<(u32, Vec<u8>, Vec<u8>)> {
    let cooked_1 = |protocol: [u8; 2]| [&[0; 14][..], &protocol].concat();
    let cooked_2 = |protocol: [u8; 2]| [&protocol[..], &[0; 18]].concat();
    vec![
        (1, ethernet(&[8, 0]), ethernet(&[0x86, 0xdd])),
        (1, ethernet(&[0x81, 0, 0, 5, 8, 0]), ethernet(&[0x81, 0, 0, 5, 0x86, 0xdd])),
        (1, ethernet(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0]), ethernet(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 6])),
        (113, cooked_1([8, 0]), cooked_1([8, 6])),
        (276, cooked_2([8, 0]), cooked_2([0x86, 0xdd])),
        (0, vec![2, 0, 0, 0], vec![30, 0, 0, 0]),
        (0, vec![0, 0, 0, 2], vec![0, 0, 0, 24]),
        (108, vec![0, 0, 0, 2], vec![0, 0, 0, 10]),
    ]
}

#[test]
fn the_packet_comes_out_of_every_link_type_without_its_header() {
    for (link_type, header, _) in link_headers() {
        let traffic = one(link_type, &header, &hello()).unwrap();
        assert_eq!(traffic.packets.len(), 1, "link type {link_type}, header {header:02x?}");
        assert_eq!(traffic.packets[0].octets, hello());
        assert_eq!(traffic.first_ipv4_source, Some(Ipv4Addr::new(192, 0, 2, 1)));
    }
    for link_type in [12, 14, 101, 228] {
        assert_eq!(one(link_type, &[], &hello()).unwrap().packets[0].octets, hello(), "link type {link_type}");
    }
}

#[test]
fn what_is_not_ipv4_is_skipped_and_counted() {
    let skipped = Skipped { not_ipv4: 1, truncated: 0 };
    for (link_type, _, header) in link_headers() {
        assert_eq!(one(link_type, &header, &hello()).unwrap().skipped, skipped, "link type {link_type}, {header:02x?}");
    }
    for link_type in [12, 14, 101, 228] {
        assert_eq!(one(link_type, &[], &[0x60; 60]).unwrap().skipped, skipped, "link type {link_type}");
    }
    // Three VLAN tags, a header that is too short, a total length below it, a frame too short to say what it is.
    let three_tags = ethernet(&[0x81, 0, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 8, 0]);
    assert_eq!(one(1, &three_tags, &hello()).unwrap().skipped, skipped);
    let mut short_header = hello();
    short_header[0] = 0x44;
    assert_eq!(one(101, &[], &short_header).unwrap().skipped, skipped);
    let mut short_total = hello();
    short_total[3] = 19;
    assert_eq!(one(101, &[], &short_total).unwrap().skipped, skipped);
    assert_eq!(one(1, &ETHERNET, &[]).unwrap().skipped, skipped);
}

#[test]
fn ethernet_padding_is_cut_off() {
    let mut padded = hello();
    padded.extend([0; 7]);
    assert_eq!(one(1, &ethernet(&[8, 0]), &padded).unwrap().packets[0].octets, hello());
}

#[test]
fn packets_cut_short_are_skipped_and_counted() {
    let truncated = Skipped { not_ipv4: 0, truncated: 1 };
    let whole = hello();
    // The capture kept less than there was.
    let cut = Packet { time: 0, length: whole.len() as u32, octets: &whole[..30] };
    assert_eq!(read_traffic_from(&pcap(101, false, true, &[cut])[..]).unwrap().skipped, truncated);
    let padding_lost = Packet { time: 0, length: whole.len() as u32 + 1, octets: &whole };
    assert_eq!(read_traffic_from(&pcap(101, false, true, &[padding_lost])[..]).unwrap().skipped, truncated);
    let no_ether_type = Packet { time: 0, length: 60, octets: &ETHERNET };
    assert_eq!(read_traffic_from(&pcap(1, false, true, &[no_ether_type])[..]).unwrap().skipped, truncated);
    // The packet itself says it is longer than what is there.
    assert_eq!(one(101, &[], &whole[..38]).unwrap().skipped, truncated);
    assert_eq!(one(101, &[], &whole[..19]).unwrap().skipped, truncated);
    assert_eq!(one(1, &ethernet(&[8, 0]), &[]).unwrap().skipped, truncated);
}

#[test]
fn times_count_from_the_earliest_packet_and_packets_are_sorted() {
    let (a, mut b) = (hello(), hello());
    b[5] = 2;
    let packets = [Packet::whole(3_000_000_123, &a), Packet::whole(3_000_000_100, &b)];
    let traffic = read_traffic_from(&pcap(101, true, true, &packets)[..]).unwrap();
    let times: Vec<Duration> = traffic.packets.iter().map(|packet| packet.time).collect();
    assert_eq!(times, [Duration::ZERO, Duration::from_nanos(23)]);
    assert_eq!(traffic.packets[0].octets, b);
}

#[test]
fn another_link_type_is_refused_with_frame_and_octet() {
    let error = one(105, &[], &hello()).unwrap_err();
    assert_eq!(error.place(), Some(Place::Octet { frame: Some(1), offset: 24 }));
    assert!(
        error.to_string().contains("expected a link type of Ethernet") && error.to_string().ends_with("link type 105")
    );
    assert!(read_traffic_from(&pcap(105, false, true, &[])[..]).is_err());
    assert_eq!(read_traffic_from(&pcap(1, false, true, &[])[..]).unwrap(), TrafficFile::default());
}

#[test]
fn a_file_cut_in_the_middle_of_a_record_is_refused() {
    let file = pcap(101, false, true, &[Packet::whole(0, &hello()), Packet::whole(1, &hello())]);
    let error = read_traffic_from(&file[..file.len() - 1]).unwrap_err();
    assert_eq!(error.place(), Some(Place::Octet { frame: Some(2), offset: 24 + 16 + 39 }));
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcap");
    std::fs::write(&path, "no capture").unwrap();
    assert!(read_traffic(&path).unwrap_err().to_string().contains("x.pcap: octet 0: expected a pcap or pcapng file"));
}

#[test]
fn what_comes_from_the_mobile_goes_uplink() {
    assert_eq!(direction(Ipv4Addr::new(192, 0, 2, 1), &hello()), Direction::Uplink);
    assert_eq!(direction(Ipv4Addr::new(192, 0, 2, 2), &hello()), Direction::Downlink);
    assert_eq!(direction(Ipv4Addr::new(192, 0, 2, 2), &[]), Direction::Downlink);
}
