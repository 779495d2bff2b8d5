//! The IP packets of generated user traffic.
//!
//! Valid IPv4 (RFC 791) that must not be fragmented, with UDP (RFC 768) or ICMP echo (RFC 792) inside and plain readable
//! text in it: random octets set off the guessing dissectors of Wireshark. The ports lie in the dynamic range
//! (49152 to 65535, RFC 6335), in a part of it that no dissector claims. No generator of random numbers is needed: a
//! packet is a function of the script's entry, the direction and its sequence number.

use std::net::Ipv4Addr;
use std::time::Duration;

use pnet_packet::icmp::echo_request::MutableEchoRequestPacket;
use pnet_packet::icmp::{self, IcmpPacket, IcmpType, IcmpTypes};
use pnet_packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet_packet::ipv4::{self, Ipv4Flags, MutableIpv4Packet};
use pnet_packet::udp::{self, MutableUdpPacket};

use crate::dot16::identifiers::Direction;
use crate::scenario::script::{GeneratedTraffic, Pattern};
use crate::time::VirtualTime;

/// From an ICMP echo request to its reply, which is sent whether or not the request arrived.
pub const ECHO_REPLY_DELAY: Duration = Duration::from_millis(10);

/// First UDP port of mobile stations; each entry of a script adds its number.
const MOBILE_PORTS: u16 = 50_000;
/// First UDP port of the hosts behind the gateway.
const PEER_PORTS: u16 = 52_000;
/// Ports in either range.
const PORTS: u32 = 2_000;

/// Octets of the IPv4 header, which has no options.
const IPV4_HEADER: usize = 20;
/// Octets of a UDP header and of an ICMP echo header.
const INNER_HEADER: usize = 8;

/// The packets of `traffic`, to and from the mobile of this name and address, in the order of time; at one instant uplink comes
/// first.
///
/// Each item is the instant at which the packet is handed to its sender, its direction and its octets from the first of
/// the IPv4 header on.
pub fn packets(
    traffic: &GeneratedTraffic,
    (name, mobile): (&str, Ipv4Addr),
) -> impl Iterator<Item = (VirtualTime, Direction, Vec<u8>)> + use<> {
    let mut streams = Vec::new();
    for &direction in traffic.direction.directions() {
        let stream = |direction, content, delay, burst: u32| Stream {
            direction,
            content,
            delay,
            burst: u64::from(burst.max(1)),
            sequence: 0,
        };
        match traffic.pattern {
            Pattern::Udp => streams.push(stream(direction, Content::Datagram, Duration::ZERO, 1)),
            Pattern::Bulk(count) => streams.push(stream(direction, Content::Datagram, Duration::ZERO, count)),
            Pattern::IcmpEcho => {
                streams.push(stream(direction, Content::EchoRequest, Duration::ZERO, 1));
                streams.push(stream(opposite(direction), Content::EchoReply, ECHO_REPLY_DELAY, 1));
            }
        }
    }
    Packets { traffic: traffic.clone(), name: name.to_owned(), mobile, streams }
}

const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Uplink => Direction::Downlink,
        Direction::Downlink => Direction::Uplink,
    }
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Datagram,
    EchoRequest,
    EchoReply,
}

/// Packets of one kind in one direction, at regular intervals.
#[derive(Clone, Debug)]
struct Stream {
    direction: Direction,
    content: Content,
    /// From the instant of the interval to the packet.
    delay: Duration,
    /// Packets in an interval.
    burst: u64,
    /// Of the next packet, from 0.
    sequence: u64,
}

#[derive(Clone, Debug)]
struct Packets {
    traffic: GeneratedTraffic,
    name: String,
    mobile: Ipv4Addr,
    streams: Vec<Stream>,
}

impl Stream {
    /// When the next packet is due; `None` when the stream has ended.
    fn due(&self, traffic: &GeneratedTraffic) -> Option<VirtualTime> {
        let interval = self.sequence.checked_div(self.burst)?;
        let offset = traffic.interval.as_nanos().checked_mul(u128::from(interval))?;
        let at = traffic.start + Duration::from_nanos(u64::try_from(offset).ok()?);
        (at < traffic.stop).then_some(at + self.delay)
    }
}

impl Iterator for Packets {
    type Item = (VirtualTime, Direction, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let due = |stream: &Stream| stream.due(&self.traffic);
        let (at, _, index) = self
            .streams
            .iter()
            .enumerate()
            .filter_map(|(index, stream)| due(stream).map(|at| (at, stream.direction, index)))
            .min()?;
        let stream = self.streams.get(index)?.clone();
        let octets = self.packet(&stream, index);
        self.streams.get_mut(index)?.sequence = stream.sequence.checked_add(1)?;
        Some((at, stream.direction, octets))
    }
}

impl Packets {
    /// The next packet of stream number `index`.
    fn packet(&self, stream: &Stream, index: usize) -> Vec<u8> {
        let size = usize::from(self.traffic.size).max(IPV4_HEADER + INNER_HEADER);
        let mut octets = vec![0; IPV4_HEADER + INNER_HEADER];
        octets.extend(self.text(stream).bytes().cycle().take(size - IPV4_HEADER - INNER_HEADER));
        let peer = self.traffic.peer;
        let (source, destination) = match stream.direction {
            Direction::Uplink => (self.mobile, peer),
            Direction::Downlink => (peer, self.mobile),
        };
        let Some((header, inner)) = octets.split_at_mut_checked(IPV4_HEADER) else {
            return octets;
        };
        let protocol = match stream.content {
            Content::Datagram => {
                self.udp_header(inner, stream.direction, source, destination);
                IpNextHeaderProtocols::Udp
            }
            Content::EchoRequest => self.echo_header(inner, IcmpTypes::EchoRequest, stream.direction, stream.sequence),
            // A reply carries what its request carried, which went the other way.
            Content::EchoReply => {
                self.echo_header(inner, IcmpTypes::EchoReply, opposite(stream.direction), stream.sequence)
            }
        };
        // Streams take turns, so that packets of one source differ even if their text is the same.
        let number = stream.sequence.wrapping_mul(self.streams.len() as u64).wrapping_add(index as u64);
        let [.., high, low] = number.to_be_bytes();
        ipv4_header(header, size, u16::from_be_bytes([high, low]), protocol, source, destination);
        octets
    }

    /// What the packet says, again and again up to its size. A reply says what its request said.
    fn text(&self, stream: &Stream) -> String {
        let (kind, direction) = match stream.content {
            Content::Datagram => ("packet", stream.direction),
            Content::EchoRequest => ("echo", stream.direction),
            Content::EchoReply => ("echo", opposite(stream.direction)),
        };
        let Self { name, traffic, .. } = self;
        let (sequence, flow) = (stream.sequence, traffic.flow);
        format!("keyhop {name} {direction} {kind} {sequence:06} of flow {flow}, the keys hop with the mobile. ")
    }

    fn udp_header(&self, datagram: &mut [u8], direction: Direction, source: Ipv4Addr, destination: Ipv4Addr) {
        let flow = u16::try_from(self.traffic.flow % PORTS).unwrap_or(0);
        let (mobile, peer) = (MOBILE_PORTS.saturating_add(flow), PEER_PORTS.saturating_add(flow));
        let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
        let Some(mut packet) = MutableUdpPacket::new(datagram) else {
            return;
        };
        let (from, to) = if direction == Direction::Uplink { (mobile, peer) } else { (peer, mobile) };
        packet.set_source(from);
        packet.set_destination(to);
        packet.set_length(length);
        // A computed 0 is sent as all ones, because 0 says that there is no checksum (RFC 768).
        let checksum = match udp::ipv4_checksum(&packet.to_immutable(), &source, &destination) {
            0 => u16::MAX,
            checksum => checksum,
        };
        packet.set_checksum(checksum);
    }

    /// Writes an ICMP echo header; the identifier tells the entry and the side that asks.
    fn echo_header(
        &self,
        message: &mut [u8],
        icmp_type: IcmpType,
        asks: Direction,
        sequence: u64,
    ) -> IpNextHeaderProtocol {
        let side = if asks == Direction::Uplink { 0 } else { 0x8000 };
        let [.., high, low] = sequence.to_be_bytes();
        if let Some(mut packet) = MutableEchoRequestPacket::new(message) {
            packet.set_icmp_type(icmp_type);
            packet.set_identifier(side | u16::try_from(self.traffic.flow % 0x7fff).unwrap_or(0).saturating_add(1));
            packet.set_sequence_number(u16::from_be_bytes([high, low]));
        }
        let checksum = IcmpPacket::new(message).map_or(0, |packet| icmp::checksum(&packet));
        if let Some(mut packet) = MutableEchoRequestPacket::new(message) {
            packet.set_checksum(checksum);
        }
        IpNextHeaderProtocols::Icmp
    }
}

fn ipv4_header(
    header: &mut [u8],
    size: usize,
    identification: u16,
    protocol: IpNextHeaderProtocol,
    source: Ipv4Addr,
    destination: Ipv4Addr,
) {
    let Some(mut packet) = MutableIpv4Packet::new(header) else {
        return;
    };
    packet.set_version(4);
    packet.set_header_length(5);
    packet.set_total_length(u16::try_from(size).unwrap_or(u16::MAX));
    packet.set_identification(identification);
    packet.set_flags(Ipv4Flags::DontFragment);
    packet.set_ttl(64);
    packet.set_next_level_protocol(protocol);
    packet.set_source(source);
    packet.set_destination(destination);
    packet.set_checksum(ipv4::checksum(&packet.to_immutable()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::script::{MobileStationId, TrafficDirection};
    use pnet_packet::Packet;
    use pnet_packet::ipv4::Ipv4Packet;
    use pnet_packet::udp::UdpPacket;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const MOBILE: (&str, Ipv4Addr) = ("ms1", Ipv4Addr::new(192, 0, 2, 10));

    fn entry(pattern: Pattern, direction: TrafficDirection) -> GeneratedTraffic {
        GeneratedTraffic {
            flow: 0,
            mobile_station: MobileStationId(0),
            pattern,
            direction,
            start: at_ms(100),
            stop: at_ms(200),
            interval: Duration::from_millis(20),
            size: 160,
            peer: Ipv4Addr::new(192, 0, 2, 20),
        }
    }

    fn at_ms(ms: u64) -> VirtualTime {
        VirtualTime::from_nanos(ms * 1_000_000)
    }

    fn all(traffic: &GeneratedTraffic) -> Vec<(VirtualTime, Direction, Vec<u8>)> {
        packets(traffic, MOBILE).collect()
    }

    /// Checks the IPv4 header and whatever is inside, by code that did not build it.
    fn assert_valid(octets: &[u8], direction: Direction, size: usize) {
        let ip = Ipv4Packet::new(octets).unwrap();
        assert_eq!(octets.len(), size);
        assert_eq!((ip.get_version(), ip.get_header_length(), ip.get_ttl()), (4, 5, 64));
        assert_eq!(usize::from(ip.get_total_length()), size);
        assert_eq!(ip.get_flags(), Ipv4Flags::DontFragment);
        let (own, peer) = (Ipv4Addr::new(192, 0, 2, 10), Ipv4Addr::new(192, 0, 2, 20));
        let ends = if direction == Direction::Uplink { (own, peer) } else { (peer, own) };
        assert_eq!((ip.get_source(), ip.get_destination()), ends);
        assert_eq!(ones_complement_sum(&octets[..20]), 0xffff, "IPv4 checksum");
        match ip.get_next_level_protocol() {
            IpNextHeaderProtocols::Udp => {
                let udp = UdpPacket::new(ip.payload()).unwrap();
                assert_eq!(usize::from(udp.get_length()), size - 20);
                assert_ne!(udp.get_checksum(), 0);
                let mut pseudo = octets[12..20].to_vec();
                pseudo.extend([0, 17]);
                pseudo.extend(udp.get_length().to_be_bytes());
                pseudo.extend(ip.payload());
                assert_eq!(ones_complement_sum(&pseudo), 0xffff, "UDP checksum");
            }
            IpNextHeaderProtocols::Icmp => {
                assert_eq!(ones_complement_sum(ip.payload()), 0xffff, "ICMP checksum")
            }
            other => panic!("protocol {other}"),
        }
    }

    fn ones_complement_sum(octets: &[u8]) -> u16 {
        let words = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
        let sum: u32 = words.sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap()
    }

    #[test]
    fn udp_goes_both_ways_once_per_interval_from_start_to_stop() {
        let sent = all(&entry(Pattern::Udp, TrafficDirection::Both));
        let times: Vec<_> = sent.iter().map(|(at, direction, _)| (*at, *direction)).collect();
        let expected: Vec<_> = [100, 120, 140, 160, 180]
            .into_iter()
            .flat_map(|ms| [(at_ms(ms), Direction::Uplink), (at_ms(ms), Direction::Downlink)])
            .collect();
        assert_eq!(times, expected);
        for (_, direction, octets) in &sent {
            assert_valid(octets, *direction, 160);
        }
    }

    #[test]
    fn ports_are_mirrored_and_differ_between_entries() {
        let mut traffic = entry(Pattern::Udp, TrafficDirection::Both);
        let ports = |traffic: &GeneratedTraffic| -> Vec<(u16, u16)> {
            let sent = all(traffic);
            let udp =
                |octets: &[u8]| UdpPacket::new(&octets[20..]).map(|udp| (udp.get_source(), udp.get_destination()));
            sent.iter().take(2).map(|(_, _, octets)| udp(octets).unwrap()).collect()
        };
        assert_eq!(ports(&traffic), [(50_000, 52_000), (52_000, 50_000)]);
        traffic.flow = 3;
        assert_eq!(ports(&traffic), [(50_003, 52_003), (52_003, 50_003)]);
    }

    #[test]
    fn an_echo_reply_repeats_identifier_number_and_text_of_its_request() {
        let mut traffic = entry(Pattern::IcmpEcho, TrafficDirection::Uplink);
        traffic.interval = Duration::from_millis(40);
        let sent = all(&traffic);
        let times: Vec<_> = sent.iter().map(|(at, direction, _)| (*at, *direction)).collect();
        let (up, down) = (Direction::Uplink, Direction::Downlink);
        assert_eq!(
            times,
            [
                (at_ms(100), up),
                (at_ms(110), down),
                (at_ms(140), up),
                (at_ms(150), down),
                (at_ms(180), up),
                (at_ms(190), down)
            ]
        );
        for pair in sent.chunks(2) {
            let (request, reply) = (&pair[0].2, &pair[1].2);
            assert_valid(request, up, 160);
            assert_valid(reply, down, 160);
            assert_eq!((request[20], reply[20]), (8, 0), "ICMP types");
            assert_eq!(request[24..], reply[24..], "identifier, sequence number and text");
        }
        assert_ne!(sent[0].2[24..28], sent[2].2[24..28], "the next request has another number");
    }

    #[test]
    fn replies_that_overlap_later_requests_stay_in_the_order_of_time() {
        let mut traffic = entry(Pattern::IcmpEcho, TrafficDirection::Both);
        traffic.interval = Duration::from_millis(3);
        let sent = all(&traffic);
        assert_eq!(sent.len(), 4 * 34);
        assert!(sent.is_sorted_by_key(|(at, _, _)| *at));
    }

    #[test]
    fn bulk_sends_its_count_at_once() {
        let sent = all(&entry(Pattern::Bulk(7), TrafficDirection::Downlink));
        assert_eq!(sent.len(), 5 * 7);
        assert!(sent.chunks(7).all(|burst| burst.iter().all(|(at, _, _)| *at == burst[0].0)));
        let distinct: BTreeSet<_> = sent.iter().map(|(_, _, octets)| octets).collect();
        assert_eq!(distinct.len(), sent.len());
    }

    #[test]
    fn text_is_readable_and_tells_mobile_direction_and_number() {
        let sent = all(&entry(Pattern::Udp, TrafficDirection::Downlink));
        let text = String::from_utf8(sent[3].2[28..].to_vec()).unwrap();
        assert!(text.starts_with("keyhop ms1 downlink packet 000003 of flow 0"), "{text}");
        assert!(text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic()));
    }

    #[test]
    fn the_same_entry_gives_the_same_packets() {
        let traffic = entry(Pattern::IcmpEcho, TrafficDirection::Both);
        assert_eq!(all(&traffic), all(&traffic));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn packets_of_every_size_are_valid_and_have_identifications_of_their_own(
            size in 28u16..=1500,
            flow: u32,
            pattern in prop_oneof![Just(Pattern::Udp), Just(Pattern::IcmpEcho), (1u32..20).prop_map(Pattern::Bulk)],
        ) {
            let mut traffic = entry(pattern, TrafficDirection::Both);
            (traffic.size, traffic.flow) = (size, flow);
            let sent = all(&traffic);
            let mut identifications = BTreeSet::new();
            for (_, direction, octets) in &sent {
                assert_valid(octets, *direction, usize::from(size));
                identifications.insert([octets[4], octets[5]]);
            }
            prop_assert_eq!(identifications.len(), sent.len());
        }

        #[test]
        fn no_entry_panics(size: u16, interval in 0u64..3, start: u64, span in 0u64..1000, burst in 0u32..4) {
            let mut traffic = entry(Pattern::Bulk(burst), TrafficDirection::Both);
            (traffic.size, traffic.interval) = (size, Duration::from_nanos(interval));
            (traffic.start, traffic.stop) = (VirtualTime::from_nanos(start), VirtualTime::from_nanos(start.saturating_add(span)));
            prop_assert!(packets(&traffic, MOBILE).take(200).count() <= 200);
        }
    }
}
