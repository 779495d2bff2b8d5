//! Ethernet and IPv4 around a backbone packet: UDP port 2231 for control messages, UDP port 1812 for RADIUS, GRE for data.
//!
//! The backbone carries baby giants: an inner IP packet of 1500 octets makes an Ethernet payload of 1528 (IPv4 20, GRE 8),
//! and nothing is fragmented. The only limit is the total length of the outer IPv4 packet, 65535 octets.

use std::net::Ipv4Addr;

use pnet_base::MacAddr;
use pnet_packet::Packet;
use pnet_packet::ethernet::{EtherTypes, EthernetPacket, MutableEthernetPacket};
use pnet_packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet_packet::ipv4::{self, Ipv4Flags, Ipv4Packet, MutableIpv4Packet};
use pnet_packet::udp::{self, MutableUdpPacket, UdpPacket};

use super::control_message::ControlMessage;
use super::error::{BackboneError, USUAL_OCTETS, length_16};
use super::gre::GrePacket;
use super::radius::{RADIUS_PORT, RadiusDatagram, RadiusPacket};
use crate::dot16::identifiers::MsMac;

/// UDP port of the ASN control plane, source and destination.
pub const CONTROL_PORT: u16 = 2231;

const ETHERNET: &str = "Ethernet";
const IPV4: &str = "IPv4";
const UDP: &str = "UDP";
/// Octets of an Ethernet header: two addresses and the EtherType.
const ETHERNET_OCTETS: usize = 14;
/// Octets of an IPv4 header without options.
const IPV4_OCTETS: usize = 20;
/// Octets of a UDP header.
const UDP_OCTETS: usize = 8;
/// Where IPv4 says what it carries.
pub(crate) const PROTOCOL_OFFSET: usize = ETHERNET_OCTETS + 9;
/// Octets before what IPv4 carries.
pub(crate) const BEFORE_IPV4_PAYLOAD: usize = ETHERNET_OCTETS + IPV4_OCTETS;
/// Octets before what UDP carries.
pub(crate) const HEADER_OCTETS: usize = ETHERNET_OCTETS + IPV4_OCTETS + UDP_OCTETS;
/// Time to live of every packet sent: it crosses no router, the usual value does no harm.
const TIME_TO_LIVE: u8 = 64;

/// A node's place on the backbone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackboneEndpoint {
    /// Ethernet address, 6 octets.
    pub mac: [u8; 6],
    /// IPv4 address, 4 octets.
    pub ip: Ipv4Addr,
}

/// What travels on the backbone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackbonePacket {
    /// A control message, in UDP.
    Control(ControlMessage),
    /// User data, in GRE.
    Data(GrePacket),
    /// A question to the AAA server or its answer, in UDP.
    Radius(RadiusDatagram),
}

/// A backbone packet taken out of its Ethernet frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decapsulated {
    /// Who sent it.
    pub from: BackboneEndpoint,
    /// Whom it is for.
    pub to: BackboneEndpoint,
    /// The packet.
    pub packet: BackbonePacket,
}

/// The Ethernet frame (without FCS and without padding) that carries `packet` from `from` to `to`.
///
/// IPv4 without options, TTL 64, don't fragment set, `identification` as given; checksums of IPv4 and UDP are filled in.
///
/// # Errors
///
/// What [`ControlMessage::octets`] and [`RadiusPacket::octets`] refuse, and an IPv4 packet above 65535 octets.
pub fn encapsulate(
    from: &BackboneEndpoint,
    to: &BackboneEndpoint,
    identification: u16,
    packet: &BackbonePacket,
) -> Result<Vec<u8>, BackboneError> {
    match packet {
        BackbonePacket::Control(message) => encapsulate_control(from, to, identification, message),
        BackbonePacket::Data(gre) => {
            let frame = gre.append(room(gre.payload.len(), ETHERNET_OCTETS + IPV4_OCTETS))?;
            in_ethernet(frame, from, to, identification, IpNextHeaderProtocols::Gre)
        }
        BackbonePacket::Radius(RadiusDatagram { source, destination, packet }) => {
            let octets = packet.octets().map_err(|error| error.shifted(HEADER_OCTETS))?;
            let mut frame = room(octets.len(), HEADER_OCTETS);
            frame.extend_from_slice(&octets);
            in_udp(frame, from, to, identification, [*source, *destination])
        }
    }
}

/// The same for a control message alone.
///
/// # Errors
///
/// What [`ControlMessage::octets`] refuses, and an IPv4 packet above 65535 octets.
pub fn encapsulate_control(
    from: &BackboneEndpoint,
    to: &BackboneEndpoint,
    identification: u16,
    message: &ControlMessage,
) -> Result<Vec<u8>, BackboneError> {
    let frame = message.append(room(USUAL_OCTETS, HEADER_OCTETS))?;
    in_udp(frame, from, to, identification, [CONTROL_PORT; 2])
}

/// The Ethernet frame that carries `payload` in UDP between these ports, as [`encapsulate`] makes one.
///
/// # Errors
///
/// An IPv4 packet above 65535 octets.
pub(crate) fn udp_frame(
    from: &BackboneEndpoint,
    to: &BackboneEndpoint,
    identification: u16,
    ports: [u16; 2],
    payload: &[u8],
) -> Result<Vec<u8>, BackboneError> {
    let mut frame = room(payload.len(), HEADER_OCTETS);
    frame.extend_from_slice(payload);
    in_udp(frame, from, to, identification, ports)
}

/// The Ethernet frame that carries `payload` in IPv4 as this protocol, as [`encapsulate`] makes one.
///
/// # Errors
///
/// An IPv4 packet above 65535 octets.
pub(crate) fn ipv4_frame(
    from: &BackboneEndpoint,
    to: &BackboneEndpoint,
    identification: u16,
    protocol: IpNextHeaderProtocol,
    payload: &[u8],
) -> Result<Vec<u8>, BackboneError> {
    let mut frame = room(payload.len(), BEFORE_IPV4_PAYLOAD);
    frame.extend_from_slice(payload);
    in_ethernet(frame, from, to, identification, protocol)
}

/// A frame whose headers are still to be written, with room for `payload` octets behind them.
fn room(payload: usize, headers: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.saturating_add(USUAL_OCTETS));
    frame.resize(headers, 0);
    frame
}

/// A buffer made here has room for its header; pnet reports otherwise only for one that is too short.
fn no_room(layer: &'static str) -> BackboneError {
    BackboneError::new(layer, 0, "room for the header", "a shorter buffer")
}

/// Writes the headers of UDP and of what is below it into `frame`, behind which the payload stands.
fn in_udp(
    mut frame: Vec<u8>,
    from: &BackboneEndpoint,
    to: &BackboneEndpoint,
    identification: u16,
    ports: [u16; 2],
) -> Result<Vec<u8>, BackboneError> {
    let octets = frame.len().saturating_sub(ETHERNET_OCTETS + IPV4_OCTETS);
    let length = length_16(UDP, ETHERNET_OCTETS + IPV4_OCTETS + 4, octets)?;
    let datagram = frame.get_mut(ETHERNET_OCTETS + IPV4_OCTETS..).and_then(MutableUdpPacket::new);
    let mut datagram = datagram.ok_or_else(|| no_room(UDP))?;
    let [source, destination] = ports;
    datagram.set_source(source);
    datagram.set_destination(destination);
    datagram.set_length(length);
    datagram.set_checksum(udp_checksum(&datagram.to_immutable(), from.ip, to.ip));
    in_ethernet(frame, from, to, identification, IpNextHeaderProtocols::Udp)
}

/// Writes the headers of IPv4 and Ethernet into `frame`, behind which the payload stands.
fn in_ethernet(
    mut frame: Vec<u8>,
    from: &BackboneEndpoint,
    to: &BackboneEndpoint,
    identification: u16,
    protocol: IpNextHeaderProtocol,
) -> Result<Vec<u8>, BackboneError> {
    let octets = frame.len().saturating_sub(ETHERNET_OCTETS);
    let total_length = length_16(IPV4, ETHERNET_OCTETS + 2, octets)?;
    let ip = frame.get_mut(ETHERNET_OCTETS..).and_then(MutableIpv4Packet::new);
    let mut ip = ip.ok_or_else(|| no_room(IPV4))?;
    ip.set_version(4);
    ip.set_header_length(5);
    ip.set_total_length(total_length);
    ip.set_identification(identification);
    ip.set_flags(Ipv4Flags::DontFragment);
    ip.set_ttl(TIME_TO_LIVE);
    ip.set_next_level_protocol(protocol);
    ip.set_source(from.ip);
    ip.set_destination(to.ip);
    ip.set_checksum(ipv4::checksum(&ip.to_immutable()));
    let mut ethernet = MutableEthernetPacket::new(&mut frame).ok_or_else(|| no_room(ETHERNET))?;
    ethernet.set_destination(MacAddr::from(to.mac));
    ethernet.set_source(MacAddr::from(from.mac));
    ethernet.set_ethertype(EtherTypes::Ipv4);
    Ok(frame)
}

/// The checksum as it is sent: a sum of 0 is sent as 0xffff, because 0 says that there is none (RFC 768).
fn udp_checksum(datagram: &UdpPacket<'_>, from: Ipv4Addr, to: Ipv4Addr) -> u16 {
    match udp::ipv4_checksum(datagram, &from, &to) {
        0 => 0xffff,
        checksum => checksum,
    }
}

/// The backbone packet in the Ethernet frame `frame` (without FCS). Octets after the IPv4 packet are Ethernet padding.
///
/// # Errors
///
/// A header cut short; an EtherType other than IPv4; IPv4 of another version, with options, fragmented, longer than the
/// frame or with a wrong checksum; a protocol other than UDP and GRE; UDP of another length than IPv4 has for it, with
/// other ports than 2231 at both ends or 1812 at one, or with no or a wrong checksum; and what [`ControlMessage::parse`],
/// [`RadiusPacket::parse`] and [`GrePacket::parse`] refuse. Offsets count from the start of the frame.
pub fn decapsulate(frame: &[u8]) -> Result<Decapsulated, BackboneError> {
    let Ipv4Frame { from, to, protocol, payload } = open_frame(frame)?;
    let at = ETHERNET_OCTETS + IPV4_OCTETS;
    let packet = match protocol {
        IpNextHeaderProtocols::Udp => {
            let ([source, destination], message) =
                asn_payload(payload, from.ip, to.ip).map_err(|error| error.shifted(at))?;
            let packet = match [source, destination] {
                [CONTROL_PORT, CONTROL_PORT] => ControlMessage::parse(message).map(BackbonePacket::Control),
                _ => RadiusPacket::parse(message)
                    .map(|packet| BackbonePacket::Radius(RadiusDatagram { source, destination, packet })),
            };
            packet.map_err(|error| error.shifted(at + UDP_OCTETS))?
        }
        IpNextHeaderProtocols::Gre => {
            BackbonePacket::Data(GrePacket::parse(payload).map_err(|error| error.shifted(at))?)
        }
        other => {
            let expected = "protocol 17 (UDP) or 47 (GRE)";
            return Err(BackboneError::new(IPV4, PROTOCOL_OFFSET, expected, other.0));
        }
    };
    Ok(Decapsulated { from, to, packet })
}

/// What an Ethernet frame with an IPv4 packet says of it.
pub(crate) struct Ipv4Frame<'a> {
    /// Who sent it.
    pub from: BackboneEndpoint,
    /// Whom it is for.
    pub to: BackboneEndpoint,
    /// What IPv4 carries.
    pub protocol: IpNextHeaderProtocol,
    /// The payload of IPv4, whole.
    pub payload: &'a [u8],
}

/// The IPv4 packet in the Ethernet frame `frame` (without FCS). Octets after it are Ethernet padding.
///
/// # Errors
///
/// Those of [`decapsulate`] that concern Ethernet and IPv4, except for the protocol.
pub(crate) fn open_frame(frame: &[u8]) -> Result<Ipv4Frame<'_>, BackboneError> {
    let ethernet = EthernetPacket::new(frame).ok_or_else(|| short(ETHERNET, 0, ETHERNET_OCTETS, frame.len()))?;
    let ethertype = ethernet.get_ethertype();
    if ethertype != EtherTypes::Ipv4 {
        return Err(BackboneError::new(ETHERNET, 12, "EtherType 0x0800 (IPv4)", format!("{:#06x}", ethertype.0)));
    }
    let (ip, payload) = ipv4_payload(frame.get(ETHERNET_OCTETS..).unwrap_or_default())
        .map_err(|error| error.shifted(ETHERNET_OCTETS))?;
    Ok(Ipv4Frame {
        from: BackboneEndpoint { mac: ethernet.get_source().octets(), ip: ip.get_source() },
        to: BackboneEndpoint { mac: ethernet.get_destination().octets(), ip: ip.get_destination() },
        protocol: ip.get_next_level_protocol(),
        payload,
    })
}

/// The mobile station that the control message in a frame of [`encapsulate`] is about; none if it carries something else. Nothing
/// but what tells them apart is looked at: EtherType, protocol and ports.
#[must_use]
pub fn control_subject(frame: &[u8]) -> Option<MsMac> {
    let ethernet = EthernetPacket::new(frame).filter(|ethernet| ethernet.get_ethertype() == EtherTypes::Ipv4)?;
    let ip = Ipv4Packet::new(ethernet.payload())?;
    let datagram = frame.get(ETHERNET_OCTETS + IPV4_OCTETS..).and_then(UdpPacket::new)?;
    let is_control = ip.get_next_level_protocol() == IpNextHeaderProtocols::Udp
        && [datagram.get_source(), datagram.get_destination()] == [CONTROL_PORT; 2];
    is_control.then(|| ControlMessage::subject(frame.get(HEADER_OCTETS..)?))?
}

/// Makes the checksums of IPv4 and, where the packet is one, of UDP right in the Ethernet frame `frame`; a frame that holds
/// neither stays as it is.
pub fn mend_checksums(frame: &mut [u8]) {
    let Some(mut ip) = frame.get_mut(ETHERNET_OCTETS..).and_then(MutableIpv4Packet::new) else {
        return;
    };
    ip.set_checksum(ipv4::checksum(&ip.to_immutable()));
    let (from, to, length) = (ip.get_source(), ip.get_destination(), usize::from(ip.get_total_length()));
    if ip.get_next_level_protocol() != IpNextHeaderProtocols::Udp {
        return;
    }
    let payload = ETHERNET_OCTETS + IPV4_OCTETS..length.saturating_add(ETHERNET_OCTETS);
    if let Some(mut datagram) = frame.get_mut(payload).and_then(MutableUdpPacket::new) {
        datagram.set_checksum(udp_checksum(&datagram.to_immutable(), from, to));
    }
}

fn short(layer: &'static str, offset: usize, needed: usize, found: usize) -> BackboneError {
    BackboneError::new(layer, offset, format!("at least {needed} octets"), format!("{found} octets"))
}

/// The IPv4 packet at the start of `octets` and its payload.
fn ipv4_payload(octets: &[u8]) -> Result<(Ipv4Packet<'_>, &[u8]), BackboneError> {
    let ip = Ipv4Packet::new(octets).ok_or_else(|| short(IPV4, 0, IPV4_OCTETS, octets.len()))?;
    if ip.get_version() != 4 {
        return Err(BackboneError::new(IPV4, 0, "version 4", format!("version {}", ip.get_version())));
    }
    if ip.get_header_length() != 5 {
        let found = format!("header length {}", ip.get_header_length());
        return Err(BackboneError::new(IPV4, 0, "header length 5 (no options)", found));
    }
    let total_length = usize::from(ip.get_total_length());
    let payload = octets.get(IPV4_OCTETS..total_length).ok_or_else(|| {
        let expected = format!("total length from {IPV4_OCTETS} to {}", octets.len());
        BackboneError::new(IPV4, 2, expected, format!("total length {total_length}"))
    })?;
    if ip.get_flags() & Ipv4Flags::MoreFragments != 0 || ip.get_fragment_offset() != 0 {
        let found = format!("flags {:#05b}, fragment offset {}", ip.get_flags(), ip.get_fragment_offset());
        return Err(BackboneError::new(IPV4, 6, "a whole packet", found));
    }
    let checksum = ipv4::checksum(&ip);
    if ip.get_checksum() != checksum {
        let (expected, found) = (format!("checksum {checksum:#06x}"), format!("{:#06x}", ip.get_checksum()));
        return Err(BackboneError::new(IPV4, 10, expected, found));
    }
    Ok((ip, payload))
}

/// Source port, destination port and payload of the UDP datagram that `octets` are, between ports of the backbone.
fn asn_payload(octets: &[u8], from: Ipv4Addr, to: Ipv4Addr) -> Result<([u16; 2], &[u8]), BackboneError> {
    let ports = ports(&udp_datagram(octets)?);
    for (offset, port) in [0, 2].into_iter().zip(ports) {
        if port != CONTROL_PORT && !ports.contains(&RADIUS_PORT) {
            return Err(BackboneError::new(UDP, offset, format!("port {CONTROL_PORT}"), format!("port {port}")));
        }
    }
    udp_payload(octets, from, to)
}

fn udp_datagram(octets: &[u8]) -> Result<UdpPacket<'_>, BackboneError> {
    UdpPacket::new(octets).ok_or_else(|| short(UDP, 0, UDP_OCTETS, octets.len()))
}

fn ports(datagram: &UdpPacket<'_>) -> [u16; 2] {
    [datagram.get_source(), datagram.get_destination()]
}

/// Source port, destination port and payload of the UDP datagram that `octets` are.
///
/// # Errors
///
/// Those of [`decapsulate`] that concern UDP, except for the ports.
pub(crate) fn udp_payload(octets: &[u8], from: Ipv4Addr, to: Ipv4Addr) -> Result<([u16; 2], &[u8]), BackboneError> {
    let datagram = udp_datagram(octets)?;
    if usize::from(datagram.get_length()) != octets.len() {
        let expected = format!("length {}, the payload of IPv4", octets.len());
        return Err(BackboneError::new(UDP, 4, expected, format!("length {}", datagram.get_length())));
    }
    let checksum = udp_checksum(&datagram, from, to);
    if datagram.get_checksum() != checksum {
        let (expected, found) = (format!("checksum {checksum:#06x}"), format!("{:#06x}", datagram.get_checksum()));
        return Err(BackboneError::new(UDP, 6, expected, found));
    }
    let payload = octets.get(UDP_OCTETS..).ok_or_else(|| short(UDP, 0, UDP_OCTETS, octets.len()))?;
    Ok((ports(&datagram), payload))
}

#[cfg(test)]
mod tests;
