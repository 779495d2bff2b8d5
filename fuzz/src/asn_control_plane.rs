//! Octets from the backbone: a control message, a GRE packet, a RADIUS packet or a whole Ethernet frame is refused with an error or comes back
//! as it was.
//!
//! Lengths and checksums are also put right before reading, so that the fuzzer does not have to guess them.

use keyhop::dot16::backbone::{
    BackboneError, BackbonePacket, ControlMessage, Decapsulated, GrePacket, RadiusPacket, decapsulate, encapsulate,
};
use pnet_packet::Packet;
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv4::{self, MutableIpv4Packet};
use pnet_packet::udp::{self, MutableUdpPacket};

/// Reads the octets, and holds what comes of it against what the parsers promise.
pub fn run(octets: &[u8]) {
    message_comes_back(octets);
    gre_comes_back(octets);
    radius_comes_back(octets);
    frame_comes_back(octets);

    let mut repaired = octets.to_vec();
    if let (Some(length), Ok(whole)) = (repaired.get_mut(4..6), u16::try_from(octets.len())) {
        length.copy_from_slice(&whole.to_be_bytes());
        message_comes_back(&repaired);
    }
    let mut repaired = octets.to_vec();
    if let (Some(length), Ok(whole)) = (repaired.get_mut(2..4), u16::try_from(octets.len())) {
        length.copy_from_slice(&whole.to_be_bytes());
        radius_comes_back(&repaired);
    }
    let mut repaired = octets.to_vec();
    if repair_frame(&mut repaired).is_some() {
        frame_comes_back(&repaired);
    }
}

/// Makes the IPv4 packet end with the frame, and puts the checksums of IPv4 and UDP and the length of UDP right.
fn repair_frame(frame: &mut [u8]) -> Option<()> {
    let mut ip = MutableIpv4Packet::new(frame.get_mut(14..)?)?;
    ip.set_header_length(5);
    ip.set_total_length(u16::try_from(ip.packet().len()).ok()?);
    ip.set_checksum(ipv4::checksum(&ip.to_immutable()));
    if ip.get_next_level_protocol() == IpNextHeaderProtocols::Udp {
        let (source, destination) = (ip.get_source(), ip.get_destination());
        let mut datagram = MutableUdpPacket::new(frame.get_mut(34..)?)?;
        datagram.set_length(u16::try_from(datagram.packet().len()).ok()?);
        let checksum = udp::ipv4_checksum(&datagram.to_immutable(), &source, &destination);
        datagram.set_checksum(if checksum == 0 { 0xffff } else { checksum });
    }
    Some(())
}

fn message_comes_back(octets: &[u8]) {
    match ControlMessage::parse(octets) {
        Ok(message) => assert_eq!(message.octets().as_deref(), Ok(octets), "{message:?}"),
        Err(error) => place_exists(&error, octets),
    }
}

fn gre_comes_back(octets: &[u8]) {
    match GrePacket::parse(octets) {
        Ok(packet) => assert_eq!(packet.octets().as_deref(), Ok(octets), "{packet:?}"),
        Err(error) => place_exists(&error, octets),
    }
}

/// The value comes back; padding after the packet is not part of it.
fn radius_comes_back(octets: &[u8]) {
    match RadiusPacket::parse(octets) {
        Ok(packet) => {
            let written = packet.octets().expect("what was read can be written");
            assert_eq!(RadiusPacket::parse(&written), Ok(packet));
        }
        Err(error) => place_exists(&error, octets),
    }
}

/// The value comes back; identification, TTL and padding of the frame are not part of it.
fn frame_comes_back(frame: &[u8]) {
    let taken = match decapsulate(frame) {
        Ok(taken) => taken,
        Err(error) => return place_exists(&error, frame),
    };
    let Decapsulated { from, to, packet } = &taken;
    match packet {
        BackbonePacket::Control(message) => {
            message_comes_back(&message.octets().expect("what was read can be written"))
        }
        BackbonePacket::Data(gre) => gre_comes_back(&gre.octets().expect("what was read can be written")),
        BackbonePacket::Radius(datagram) => {
            radius_comes_back(&datagram.packet.octets().expect("what was read can be written"))
        }
    }
    let written = encapsulate(from, to, 0, packet).expect("what was read can be written");
    assert_eq!(decapsulate(&written), Ok(taken));
}

fn place_exists(error: &BackboneError, octets: &[u8]) {
    assert!(error.offset <= octets.len(), "{error}, in {} octets", octets.len());
}
