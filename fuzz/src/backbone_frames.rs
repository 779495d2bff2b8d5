//! Ethernet frames of the backbone, and GRE: what is taken out of a frame comes out of a new frame unchanged.
//!
//! Lengths and checksums are also put right before reading, so that the fuzzer does not have to guess them.

use keyhop::dot16::backbone::transport::mend_checksums;
use keyhop::dot16::backbone::{BackbonePacket, Decapsulated, GrePacket, decapsulate, encapsulate};
use pnet_packet::Packet;
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv4::MutableIpv4Packet;
use pnet_packet::udp::MutableUdpPacket;

use crate::promises::{explains, within_memory};
use crate::{asn_control_plane, radius_packets};

/// Reads the octets as GRE and as a frame, and as a frame whose lengths and checksums are right.
pub fn run(octets: &[u8]) {
    gre_comes_back(octets);
    frame_comes_back(octets);
    let mut mended = octets.to_vec();
    mend_checksums(&mut mended);
    frame_comes_back(&mended);
    if mend_lengths(&mut mended).is_some() {
        mend_checksums(&mut mended);
        frame_comes_back(&mended);
    }
}

/// Makes the IPv4 packet end with the frame, and the UDP datagram with the packet.
fn mend_lengths(frame: &mut [u8]) -> Option<()> {
    let mut ip = MutableIpv4Packet::new(frame.get_mut(14..)?)?;
    ip.set_header_length(5);
    ip.set_total_length(u16::try_from(ip.packet().len()).ok()?);
    if ip.get_next_level_protocol() == IpNextHeaderProtocols::Udp {
        let mut datagram = MutableUdpPacket::new(frame.get_mut(34..)?)?;
        datagram.set_length(u16::try_from(datagram.packet().len()).ok()?);
    }
    Some(())
}

fn gre_comes_back(octets: &[u8]) {
    match within_memory(octets, || GrePacket::parse(octets)) {
        Ok(packet) => assert_eq!(packet.octets().as_deref(), Ok(octets), "{packet:?}"),
        Err(error) => explains(&error, octets),
    }
}

/// The value comes back; identification, TTL and padding of the frame are not part of it.
fn frame_comes_back(frame: &[u8]) {
    let taken = match within_memory(frame, || decapsulate(frame)) {
        Ok(taken) => taken,
        Err(error) => return explains(&error, frame),
    };
    let Decapsulated { from, to, packet } = &taken;
    match packet {
        BackbonePacket::Control(message) => {
            asn_control_plane::comes_back(&message.octets().expect("what was read can be written"));
        }
        BackbonePacket::Data(gre) => gre_comes_back(&gre.octets().expect("what was read can be written")),
        BackbonePacket::Radius(datagram) => {
            radius_packets::comes_back(&datagram.packet.octets().expect("what was read can be written"));
        }
    }
    let mut written = encapsulate(from, to, 0, packet).expect("what was read can be written");
    assert_eq!(decapsulate(&written), Ok(taken));
    let right = written.clone();
    mend_checksums(&mut written);
    assert_eq!(written, right, "the checksums were right");
}
