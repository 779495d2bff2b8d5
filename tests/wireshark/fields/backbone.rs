//! Ethernet, IPv4, UDP and GRE, and the user's packets in them (`keyhop::dot16::backbone::transport`, `gre`).

use keyhop::dot16::backbone::{BackbonePacket, GreHeader, GrePacket, decapsulate};
use pnet_packet::Packet;
use pnet_packet::ethernet::EthernetPacket;
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv4::Ipv4Packet;
use pnet_packet::udp::UdpPacket;

use super::expectation::Expectation;
use super::expectation::Form::Decimal;
use super::{asn, radius};

/// An Ethernet frame of the backbone.
pub fn frame(fields: &mut Expectation, octets: &[u8]) {
    let ethernet = EthernetPacket::new(octets).unwrap();
    let decapsulated = decapsulate(octets).unwrap_or_else(|error| panic!("{error}"));
    fields.octets("eth.dst", &decapsulated.to.mac);
    fields.octets("eth.src", &decapsulated.from.mac);
    fields.hex("eth.type", ethernet.get_ethertype().0, 4);
    let ip = Ipv4Packet::new(ethernet.payload()).unwrap();
    assert_eq!((ip.get_source(), ip.get_destination()), (decapsulated.from.ip, decapsulated.to.ip));
    ipv4(fields, &ip);
    match &decapsulated.packet {
        BackbonePacket::Control(message) => {
            udp(fields, &UdpPacket::new(ip.payload()).unwrap());
            asn::message(fields, message);
        }
        BackbonePacket::Radius(datagram) => {
            let carrier = UdpPacket::new(ip.payload()).unwrap();
            assert_eq!((carrier.get_source(), carrier.get_destination()), (datagram.source, datagram.destination));
            udp(fields, &carrier);
            radius::packet(fields, &datagram.packet);
        }
        BackbonePacket::Data(packet) => gre(fields, packet),
    }
}

fn ipv4(fields: &mut Expectation, ip: &Ipv4Packet<'_>) {
    fields.is("ip.version", ip.get_version());
    fields.is("ip.hdr_len", usize::from(ip.get_header_length()) * 4);
    fields.hex("ip.dsfield", ip.get_dscp() << 2 | ip.get_ecn(), 2);
    fields.is("ip.dsfield.dscp", ip.get_dscp());
    fields.is("ip.dsfield.ecn", ip.get_ecn());
    fields.is("ip.len", ip.get_total_length());
    fields.hex("ip.id", ip.get_identification(), 4);
    let flags = ip.get_flags();
    fields.hex("ip.flags", flags, 2);
    fields.flags(flags, &[("ip.flags.rb", 4), ("ip.flags.df", 2), ("ip.flags.mf", 1)]);
    fields.is("ip.frag_offset", ip.get_fragment_offset());
    fields.is("ip.ttl", ip.get_ttl());
    fields.is("ip.proto", ip.get_next_level_protocol().0);
    fields.hex("ip.checksum", ip.get_checksum(), 4);
    fields.is("ip.src", ip.get_source());
    fields.is("ip.dst", ip.get_destination());
}

fn udp(fields: &mut Expectation, udp: &UdpPacket<'_>) {
    fields.is("udp.srcport", udp.get_source());
    fields.is("udp.dstport", udp.get_destination());
    fields.is("udp.length", udp.get_length());
    fields.hex("udp.checksum", udp.get_checksum(), 4);
    fields.octets("udp.payload", udp.payload());
}

fn gre(fields: &mut Expectation, packet: &GrePacket) {
    let GreHeader { key, sequence, protocol } = packet.header;
    let word = u16::from(key.is_some()) << 13 | u16::from(sequence.is_some()) << 12;
    fields.hex("gre.flags_and_version", word, 4);
    fields.is("gre.flags.checksum", 0);
    fields.is("gre.flags.routing", 0);
    fields.is("gre.flags.key", u8::from(key.is_some()));
    fields.is("gre.flags.sequence_number", u8::from(sequence.is_some()));
    let zero = [
        ("gre.flags.strict_source_route", 0x0800, Decimal),
        ("gre.flags.recursion_control", 0x0700, Decimal),
        ("gre.flags.reserved", 0x00f8, Decimal),
        ("gre.flags.version", 0x0007, Decimal),
    ];
    fields.parts(word, 4, &zero);
    fields.hex("gre.proto", protocol, 4);
    if let Some(key) = key {
        fields.hex("gre.key", key, 8);
    }
    if let Some(sequence) = sequence {
        fields.is("gre.sequence_number", sequence);
    }
    match protocol {
        GreHeader::IPV4 => user_packet(fields, &packet.payload),
        _ => fields.rest("payload-of-gre"),
    }
}

/// A user's IP packet.
pub fn user_packet(fields: &mut Expectation, octets: &[u8]) {
    let whole = |ip: &Ipv4Packet<'_>| {
        (ip.get_version(), ip.get_header_length()) == (4, 5)
            && usize::from(ip.get_total_length()) == octets.len()
            && ip.get_fragment_offset() == 0
            && ip.get_flags() & 1 == 0
    };
    let Some(ip) = Ipv4Packet::new(octets).filter(whole) else {
        fields.rest("no-ip-packet");
        return;
    };
    ipv4(fields, &ip);
    let carrier = UdpPacket::new(ip.payload()).filter(|_| ip.get_next_level_protocol() == IpNextHeaderProtocols::Udp);
    match carrier {
        Some(carrier) if usize::from(carrier.get_length()) == ip.payload().len() => {
            udp(fields, &carrier);
            fields.data(carrier.payload());
        }
        _ => fields.rest("user-payload"),
    }
}
