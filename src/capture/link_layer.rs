//! What is inside a frame of a common link type: the protocol, by its EtherType, and the octets behind the link header;
//! and what is inside an IP packet that carries UDP.
//!
//! Link types: Ethernet with up to two VLAN tags (1), Linux cooked (113, 276), raw IP (101, 228, 12, 14), null and loopback
//! (0, 108). Each parser gives the rest of the frame, padding of the link included.

use nom::bytes::complete::take;
use nom::number::complete::{be_u16, u8 as number8};
use nom::{IResult, Parser};

/// EtherType of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and the older double tag.
const ETHERTYPES_VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// `AF_INET`, the same number on every system.
const FAMILY_INET: u8 = 2;
/// `AF_INET6` of Linux, the BSDs, FreeBSD and macOS.
const FAMILIES_INET6: [u8; 4] = [10, 24, 28, 30];
/// Protocol number of UDP.
const PROTOCOL_UDP: u8 = 17;
/// Octets of a UDP header.
const UDP_OCTETS: usize = 8;
/// Octets of an IPv6 header without extensions.
const IPV6_OCTETS: usize = 40;

/// What is inside a link-layer frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside<'a> {
    /// EtherType of what is inside; 0 if the link header names it in another way, and it is not IP.
    pub protocol: u16,
    /// Address of the sender on the link, if the header has one of 6 octets.
    pub source: Option<[u8; 6]>,
    /// Address of the receiver on the link, if the header has one.
    pub destination: Option<[u8; 6]>,
    /// The octets behind the link header.
    pub octets: &'a [u8],
}

/// A parser of one link type.
pub type LinkParser = fn(&[u8]) -> IResult<&[u8], Inside<'_>>;

/// The parser for a link type of the tcpdump registry, if it is one of those above.
#[must_use]
pub fn parser(link_type: u16) -> Option<LinkParser> {
    match link_type {
        0 | 108 => Some(loopback),
        1 => Some(ethernet),
        12 | 14 | 101 | 228 => Some(raw_ip),
        113 => Some(cooked_1),
        276 => Some(cooked_2),
        _ => None,
    }
}

fn address(input: &[u8]) -> IResult<&[u8], [u8; 6]> {
    let (input, octets) = take(6usize).parse(input)?;
    Ok((input, octets.try_into().unwrap_or_default()))
}

fn ethernet(input: &[u8]) -> IResult<&[u8], Inside<'_>> {
    let (input, (destination, source)) = (address, address).parse(input)?;
    let (mut input, mut protocol) = be_u16(input)?;
    for _ in 0..2 {
        if ETHERTYPES_VLAN.contains(&protocol) {
            let (rest, (_tag, inner)) = (be_u16, be_u16).parse(input)?;
            (input, protocol) = (rest, inner);
        }
    }
    Ok((&[], Inside { protocol, source: Some(source), destination: Some(destination), octets: input }))
}

/// The 8 octets in which a cooked header keeps an address of `length` octets.
fn cooked_address(length: u16, octets: &[u8]) -> Option<[u8; 6]> {
    octets.first_chunk::<6>().copied().filter(|_| length == 6)
}

/// Linux cooked version 1: packet type, hardware type, address length, address of 8 octets, protocol.
fn cooked_1(input: &[u8]) -> IResult<&[u8], Inside<'_>> {
    let (input, (_kind, _hardware, length)) = (be_u16, be_u16, be_u16).parse(input)?;
    let (input, octets) = take(8usize).parse(input)?;
    let (input, protocol) = be_u16(input)?;
    Ok((&[], Inside { protocol, source: cooked_address(length, octets), destination: None, octets: input }))
}

/// Linux cooked version 2: protocol, reserved, interface, hardware type, packet type, address length, address.
fn cooked_2(input: &[u8]) -> IResult<&[u8], Inside<'_>> {
    let (input, protocol) = be_u16(input)?;
    let (input, _to_packet_type) = take(9usize).parse(input)?;
    let (input, length) = number8(input)?;
    let (input, octets) = take(8usize).parse(input)?;
    let source = cooked_address(u16::from(length), octets);
    Ok((&[], Inside { protocol, source, destination: None, octets: input }))
}

fn of_ip(protocol: u16, octets: &[u8]) -> Inside<'_> {
    Inside { protocol, source: None, destination: None, octets }
}

/// Null and loopback: an address family of 4 octets, in the byte order of the machine that captured.
fn loopback(input: &[u8]) -> IResult<&[u8], Inside<'_>> {
    let (input, family) = take(4usize).parse(input)?;
    let protocol = match family {
        [family, 0, 0, 0] | [0, 0, 0, family] if *family == FAMILY_INET => ETHERTYPE_IPV4,
        [family, 0, 0, 0] | [0, 0, 0, family] if FAMILIES_INET6.contains(family) => ETHERTYPE_IPV6,
        _ => 0,
    };
    Ok((&[], of_ip(protocol, input)))
}

/// Raw IP: the version is in the packet itself.
fn raw_ip(input: &[u8]) -> IResult<&[u8], Inside<'_>> {
    let (_, first) = number8(input)?;
    let protocol = match first >> 4 {
        4 => ETHERTYPE_IPV4,
        6 => ETHERTYPE_IPV6,
        _ => 0,
    };
    Ok((&[], of_ip(protocol, input)))
}

/// A UDP datagram in an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source and destination port.
    pub ports: [u16; 2],
    /// Octets of its payload that its length says; more than `payload` has if the packet ends before.
    pub length: usize,
    /// Whether it is the first fragment of a fragmented IP packet; the others have no ports.
    pub fragmented: bool,
    /// Octets from the start of the IP packet to its payload.
    pub offset: usize,
    /// Its payload, as far as it is there, without padding of the link.
    pub payload: &'a [u8],
}

/// The UDP datagram in an IPv4 or IPv6 packet (IPv6 without extension headers); `None` if there is none.
#[must_use]
pub fn datagram<'a>(inside: &Inside<'a>) -> Option<Datagram<'a>> {
    let parsed = match inside.protocol {
        ETHERTYPE_IPV4 => in_ipv4(inside.octets),
        ETHERTYPE_IPV6 => in_ipv6(inside.octets),
        _ => return None,
    };
    let (_, Packet { first_fragment, header, udp }) = parsed.ok()?;
    let (rest, (source, destination, length, _checksum)) =
        (be_u16::<&[u8], nom::error::Error<&[u8]>>, be_u16, be_u16, be_u16).parse(udp?).ok()?;
    let length = usize::from(length).checked_sub(UDP_OCTETS)?;
    let payload = rest.get(..length).unwrap_or(rest);
    let offset = header.saturating_add(UDP_OCTETS);
    Some(Datagram { ports: [source, destination], length, fragmented: first_fragment, offset, payload })
}

/// An IP packet: whether it is the first of several fragments, the octets of its header, and what stands behind it if that
/// is UDP.
struct Packet<'a> {
    first_fragment: bool,
    header: usize,
    udp: Option<&'a [u8]>,
}

fn in_ipv4(input: &[u8]) -> IResult<&[u8], Packet<'_>> {
    let (rest, (first, _service, total, _identification, flags, _time_to_live, protocol)) =
        (number8, number8, be_u16, be_u16, be_u16, number8, number8).parse(input)?;
    let (_, _checksum_and_addresses) = take(10usize).parse(rest)?;
    let (header, total) = (usize::from(first & 0x0f).saturating_mul(4), usize::from(total));
    let later_fragment = flags & 0x1fff != 0;
    let udp = first >> 4 == 4 && header >= 20 && protocol == PROTOCOL_UDP && !later_fragment;
    let packet = input.get(..total).unwrap_or(input);
    let udp = packet.get(header..).filter(|_| udp);
    Ok((&[], Packet { first_fragment: flags & 0x2000 != 0, header, udp }))
}

fn in_ipv6(input: &[u8]) -> IResult<&[u8], Packet<'_>> {
    let (input, (first, _class_and_flow, length, next, _hop_limit)) =
        (number8, take(3usize), be_u16, number8, number8).parse(input)?;
    let (input, _addresses) = take(32usize).parse(input)?;
    let payload = input.get(..usize::from(length)).unwrap_or(input);
    let udp = Some(payload).filter(|_| first >> 4 == 6 && next == PROTOCOL_UDP);
    Ok((&[], Packet { first_fragment: false, header: IPV6_OCTETS, udp }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UDP: [u8; 11] = [0x12, 0x79, 0x12, 0x79, 0, 11, 0, 0, 1, 2, 3];

    fn ipv4(flags: u16, udp: &[u8]) -> Vec<u8> {
        let total = (20 + udp.len()) as u8;
        let [f0, f1] = flags.to_be_bytes();
        let header = [0x45, 0, 0, total, 0, 0, f0, f1, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
        [&header[..], udp].concat()
    }

    fn ipv6(udp: &[u8]) -> Vec<u8> {
        [&[0x60, 0, 0, 0, 0, udp.len() as u8, 17, 64][..], &[0; 32], udp].concat()
    }

    #[test]
    fn a_datagram_is_found_behind_every_link_header_and_padding_is_no_part_of_it() {
        let headers: [(u16, Vec<u8>, u8); 8] = [
            (1, [&[0; 12][..], &[0x08, 0x00]].concat(), 4),
            (1, [&[0; 12][..], &[0x81, 0x00, 0, 7, 0x86, 0xdd]].concat(), 6),
            (113, [&[0; 14][..], &[0x08, 0x00]].concat(), 4),
            (276, [&[0x86, 0xdd][..], &[0; 18]].concat(), 6),
            (101, Vec::new(), 6),
            (228, Vec::new(), 4),
            (0, vec![2, 0, 0, 0], 4),
            (108, vec![0, 0, 0, 30], 6),
        ];
        for (link_type, header, version) in headers {
            let packet = if version == 4 { ipv4(0, &UDP) } else { ipv6(&UDP) };
            let frame = [&header[..], &packet, &[0; 9]].concat();
            let (_, inside) = parser(link_type).unwrap()(&frame).unwrap();
            let found = datagram(&inside).unwrap();
            assert_eq!((found.ports, found.length, found.payload), ([4729, 4729], 3, &[1, 2, 3][..]), "{link_type}");
            assert_eq!(inside.octets.get(found.offset..).unwrap().first(), Some(&1));
        }
    }

    #[test]
    fn the_addresses_of_the_link_are_told_where_it_has_them() {
        let frame = [[1; 6], [2; 6]].concat().into_iter().chain([0x08, 0xf0, 9]).collect::<Vec<u8>>();
        let (_, inside) = ethernet(&frame).unwrap();
        assert_eq!((inside.protocol, inside.source, inside.destination), (0x08f0, Some([2; 6]), Some([1; 6])));
        let cooked = [0, 0, 0, 1, 0, 6, 3, 3, 3, 3, 3, 3, 0, 0, 0x08, 0xf0, 9];
        let (_, inside) = cooked_1(&cooked).unwrap();
        assert_eq!((inside.protocol, inside.source, inside.octets), (0x08f0, Some([3; 6]), &[9][..]));
    }

    #[test]
    fn a_first_fragment_is_told_and_a_later_one_has_no_ports() {
        let found = |flags| {
            let packet = ipv4(flags, &UDP);
            let (_, inside) = raw_ip(&packet).unwrap();
            datagram(&inside).map(|datagram| datagram.fragmented)
        };
        assert_eq!((found(0x4000), found(0x2000), found(0x0010)), (Some(false), Some(true), None));
    }
}
