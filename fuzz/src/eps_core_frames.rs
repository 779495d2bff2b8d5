//! The core network of EPS: frames, SCTP, S1AP, X2AP, RANAP in RUA, Diameter, GTPv1-C, GTPv2-C, GTP-U, Gb, and the RRC and
//! NAS messages in their containers.
//!
//! The octets are read as a frame, as a frame whose lengths and checksums are right, and as each of the messages. A message
//! has fields that are written in one form and read in others, and elements that are passed over: its value comes back, not its
//! octets. A GTP-U packet comes back octet for octet.

use std::fmt::Debug;

use keyhop::dot16::backbone::transport::mend_checksums;
use keyhop::eps::wire::esp::{padded, unpadded};
use keyhop::eps::wire::gprs::gb::GB_PORT;
use keyhop::eps::wire::gtpu::GTPU_PORT;
use keyhop::eps::wire::gtpv2::GTPV2_PORT;
use keyhop::eps::wire::ranap::{RelocationTarget, SourceRncContainer, TargetRncContainer};
use keyhop::eps::wire::s1ap::{S1apMessage, SourceToTargetContainer, TargetToSourceContainer};
use keyhop::eps::wire::{
    CoreFrame, CorePayload, DiameterMessage, EspPacket, GbMessage, GtpuPacket, Gtpv1Body, Gtpv1Message, Gtpv2Body,
    Gtpv2Message, IuMessage, RanapMessage, SctpPacket, WireError, X2apMessage,
};
use pnet_packet::Packet;
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv4::MutableIpv4Packet;
use pnet_packet::udp::MutableUdpPacket;

use crate::eps_radio::{self, comes_back};
use crate::promises::{explains, within_memory};

/// Octets of Ethernet and IPv4.
const BEFORE_PAYLOAD: usize = 34;

/// Reads the octets as everything that the core network has.
pub fn run(octets: &[u8]) {
    frame(octets);
    if let Some(mended) = mended(octets) {
        frame(&mended);
    }
    sctp(octets);
    s1ap(octets);
    x2ap(octets);
    iu(octets);
    gtpv1(octets);
    gtpv2(octets);
    gb(octets);
    value_comes_back(octets, DiameterMessage::parse, DiameterMessage::octets);
    comes_back(octets, GtpuPacket::parse, GtpuPacket::octets);
    to_target(octets);
    to_source(octets);
    to_rnc(octets);
    from_rnc(octets);
}

/// A frame, and what is in it. Identification, TTL and padding are not part of its value.
pub fn frame(octets: &[u8]) {
    let Some(frame) = value_comes_back(octets, CoreFrame::parse, |frame| frame.octets(0)) else { return };
    match frame.payload {
        CorePayload::Sctp(packet) => {
            s1ap(&packet.data.user_data);
            x2ap(&packet.data.user_data);
            iu(&packet.data.user_data);
            value_comes_back(&packet.data.user_data, DiameterMessage::parse, DiameterMessage::octets);
        }
        CorePayload::Udp(datagram) => {
            if [datagram.source, datagram.destination].contains(&GTPV2_PORT) {
                gtpv1(&datagram.payload);
                gtpv2(&datagram.payload);
            }
            if datagram.destination == GB_PORT {
                gb(&datagram.payload);
            }
            if datagram.destination == GTPU_PORT {
                comes_back(&datagram.payload, GtpuPacket::parse, GtpuPacket::octets);
            }
        }
        CorePayload::Esp(packet) => {
            comes_back(&packet.octets().expect("a packet that was read"), EspPacket::parse, EspPacket::octets);
            if let Ok((next_header, payload)) = within_memory(octets, || unpadded(&packet.sealed)) {
                assert_eq!(unpadded(&padded(payload, next_header)), Ok((next_header, payload)));
            }
        }
    }
}

/// What `parse` makes of the octets is written as octets of which it makes the same.
fn value_comes_back<T: Debug + PartialEq>(
    octets: &[u8],
    parse: impl Fn(&[u8]) -> Result<T, WireError>,
    write: impl Fn(&T) -> Result<Vec<u8>, WireError>,
) -> Option<T> {
    match within_memory(octets, || parse(octets)) {
        Ok(value) => {
            let written = write(&value).unwrap_or_else(|error| panic!("{error}, in what was read: {value:?}"));
            assert_eq!(parse(&written).as_ref(), Ok(&value));
            Some(value)
        }
        Err(error) => {
            explains(&error, octets);
            None
        }
    }
}

/// The frame with lengths and checksums put right; none if it is too short to be one.
fn mended(octets: &[u8]) -> Option<Vec<u8>> {
    let mut frame = octets.to_vec();
    let mut ip = MutableIpv4Packet::new(frame.get_mut(14..)?)?;
    ip.set_version(4);
    ip.set_header_length(5);
    ip.set_flags(2);
    ip.set_fragment_offset(0);
    ip.set_total_length(u16::try_from(ip.packet().len()).ok()?);
    let protocol = ip.get_next_level_protocol();
    let payload = frame.get_mut(BEFORE_PAYLOAD..)?;
    if protocol == IpNextHeaderProtocols::Udp {
        let mut datagram = MutableUdpPacket::new(payload)?;
        datagram.set_length(u16::try_from(datagram.packet().len()).ok()?);
    } else if protocol == IpNextHeaderProtocols::Sctp {
        mend_sctp(payload)?;
    }
    mend_checksums(&mut frame);
    Some(frame)
}

fn mend_sctp(packet: &mut [u8]) -> Option<()> {
    packet.get_mut(8..12)?.fill(0);
    let checksum = crc32c(packet);
    packet.get_mut(8..12)?.copy_from_slice(&checksum.to_le_bytes());
    Some(())
}

/// CRC32c, bit by bit.
fn crc32c(octets: &[u8]) -> u32 {
    let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !octets.iter().fold(u32::MAX, |crc, octet| (0..8).fold(crc ^ u32::from(*octet), bit))
}

fn sctp(octets: &[u8]) {
    value_comes_back(octets, SctpPacket::parse, SctpPacket::octets);
    let mut mended = octets.to_vec();
    if mend_sctp(&mut mended).is_some() {
        value_comes_back(&mended, SctpPacket::parse, SctpPacket::octets);
    }
}

fn s1ap(octets: &[u8]) {
    let Some(message) = value_comes_back(octets, S1apMessage::parse, S1apMessage::octets) else { return };
    match message {
        S1apMessage::InitialUeMessage(message) => eps_radio::nas(&message.nas_pdu),
        S1apMessage::DownlinkNasTransport(message) => eps_radio::nas(&message.nas_pdu),
        S1apMessage::UplinkNasTransport(message) => eps_radio::nas(&message.nas_pdu),
        S1apMessage::InitialContextSetupRequest(message) => {
            let messages = message.bearers.iter().filter_map(|bearer| bearer.nas_pdu.as_deref());
            messages.for_each(eps_radio::nas);
        }
        S1apMessage::HandoverRequired(message) => to_target(&message.container),
        S1apMessage::HandoverRequest(message) => to_target(&message.container),
        S1apMessage::HandoverRequestAcknowledge(message) => to_source(&message.container),
        S1apMessage::HandoverCommand(message) => {
            message.nas_security_parameters.iter().for_each(|octets| {
                eps_radio::nas(octets);
                eps_radio::handover_parameters(octets);
            });
            to_source(&message.container);
        }
        _ => {}
    }
}

fn x2ap(octets: &[u8]) {
    match value_comes_back(octets, X2apMessage::parse, X2apMessage::octets) {
        Some(X2apMessage::HandoverRequest(message)) => eps_radio::preparation(&message.rrc_context),
        Some(X2apMessage::HandoverRequestAcknowledge(message)) => eps_radio::handover_command(&message.container),
        _ => {}
    }
}

fn gtpv2(octets: &[u8]) {
    let Some(message) = value_comes_back(octets, Gtpv2Message::parse, Gtpv2Message::octets) else { return };
    match message.body {
        Gtpv2Body::ForwardRelocationRequest(request) => {
            to_target(&request.container);
            let _ = request.cause.s1ap();
        }
        Gtpv2Body::ForwardRelocationResponse(response) => {
            if let Some(grant) = response.grant {
                to_source(&grant.container);
                grant.nas.iter().for_each(|message| eps_radio::nas(message));
            }
        }
        _ => {}
    }
}

/// RANAP in RUA, and the containers in it.
fn iu(octets: &[u8]) {
    match value_comes_back(octets, IuMessage::parse, IuMessage::octets).map(|message| message.message) {
        Some(RanapMessage::RelocationRequired(message)) => relocation(&message.target, &message.container),
        Some(RanapMessage::RelocationCommand(message)) => to_source(&message.container),
        Some(RanapMessage::InitialUeMessage(message)) => eps_radio::gmm(&message.nas),
        Some(RanapMessage::DirectTransfer(message)) => eps_radio::gmm(&message.nas),
        _ => {}
    }
}

/// A message between BSS and SGSN, and the frame of LLC in it.
fn gb(octets: &[u8]) {
    if let Some(GbMessage::Uplink { llc, .. } | GbMessage::Downlink { llc, .. }) =
        comes_back(octets, GbMessage::parse, GbMessage::octets)
    {
        eps_radio::llc(&llc);
    }
}

fn gtpv1(octets: &[u8]) {
    match value_comes_back(octets, Gtpv1Message::parse, Gtpv1Message::octets).map(|message| message.body) {
        Some(Gtpv1Body::ForwardRelocationRequest(message)) => relocation(&message.target, &message.container),
        Some(Gtpv1Body::ForwardRelocationResponse(message)) => {
            if let Some(grant) = message.grant {
                to_source(&grant.container);
                from_rnc(&grant.container);
            }
        }
        _ => {}
    }
}

/// The container for a target in either system.
fn relocation(target: &RelocationTarget, container: &[u8]) {
    match target {
        RelocationTarget::Enb(..) => to_target(container),
        RelocationTarget::Rnc(..) => to_rnc(container),
    }
}

/// The container from the source to a target RNC.
fn to_rnc(octets: &[u8]) {
    value_comes_back(octets, SourceRncContainer::parse, |container| container.octets());
}

/// The container from a target RNC to the source.
fn from_rnc(octets: &[u8]) {
    if let Some(container) = value_comes_back(octets, TargetRncContainer::parse, TargetRncContainer::octets) {
        eps_radio::to_utran(&container.rrc);
    }
}

/// The container from source to target.
fn to_target(octets: &[u8]) {
    let container = value_comes_back(octets, SourceToTargetContainer::parse, SourceToTargetContainer::octets);
    if let Some(container) = container {
        eps_radio::preparation(&container.rrc);
    }
}

/// The container from target to source.
fn to_source(octets: &[u8]) {
    let container = value_comes_back(octets, TargetToSourceContainer::parse, TargetToSourceContainer::octets);
    if let Some(container) = container {
        eps_radio::handover_command(&container.rrc);
    }
}
