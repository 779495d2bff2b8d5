//! Ethernet and IPv4 around a packet of the core network: SCTP for S1AP, X2AP and Diameter, UDP for GTPv2-C (port 2123) and GTP-U (port
//! 2152) (RFC 791, RFC 768; `eps-systems.md` 5.2), and ESP where a link is protected (RFC 4303).
//!
//! Frames are those of the ASN backbone: without FCS and padding, IPv4 without options, nothing fragmented.

use std::net::Ipv4Addr;

use pnet_packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};

use super::WireError;
use super::esp::EspPacket;
use super::sctp::SctpPacket;
use crate::dot16::backbone::BackboneEndpoint;
use crate::dot16::backbone::transport::{
    BEFORE_IPV4_PAYLOAD, Ipv4Frame, PROTOCOL_OFFSET, ipv4_frame, open_frame, udp_frame, udp_payload,
};

/// A UDP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpDatagram {
    /// Source port, 2 octets.
    pub source: u16,
    /// Destination port, 2 octets: [`GTPV2_PORT`](super::gtpv2::GTPV2_PORT), [`GTPU_PORT`](super::gtpu::GTPU_PORT).
    pub destination: u16,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// What IPv4 carries in the core network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorePayload {
    /// An S1AP, X2AP or Diameter message in SCTP.
    Sctp(SctpPacket),
    /// A GTPv2-C message or a GTP-U packet in UDP.
    Udp(UdpDatagram),
    /// One of them, protected.
    Esp(EspPacket),
}

impl CorePayload {
    /// What IPv4 carries from `from` to `to` as this protocol.
    ///
    /// # Errors
    ///
    /// A protocol other than SCTP, UDP and ESP; UDP of another length than its octets, or with no or a wrong checksum; and what
    /// [`SctpPacket::parse`] and [`EspPacket::parse`] refuse. Offsets count from where it begins.
    pub fn parse(protocol: u8, octets: &[u8], from: Ipv4Addr, to: Ipv4Addr) -> Result<Self, WireError> {
        match IpNextHeaderProtocol::new(protocol) {
            IpNextHeaderProtocols::Sctp => SctpPacket::parse(octets).map(Self::Sctp),
            IpNextHeaderProtocols::Udp => {
                let ([source, destination], payload) = udp_payload(octets, from, to)?;
                Ok(Self::Udp(UdpDatagram { source, destination, payload: payload.to_vec() }))
            }
            IpNextHeaderProtocols::Esp => EspPacket::parse(octets).map(Self::Esp),
            other => Err(WireError::new("IPv4", 0, "protocol 132 (SCTP), 17 (UDP) or 50 (ESP)", other.0)),
        }
    }
}

/// A packet of the core network and its two ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreFrame {
    /// Who sends it.
    pub from: BackboneEndpoint,
    /// Whom it is for.
    pub to: BackboneEndpoint,
    /// What it carries.
    pub payload: CorePayload,
}

impl CoreFrame {
    /// The packet in the Ethernet frame `frame` (without FCS). Octets after the IPv4 packet are Ethernet padding.
    ///
    /// # Errors
    ///
    /// A header cut short; an EtherType other than IPv4; IPv4 of another version, with options, fragmented, longer than the frame or
    /// with a wrong checksum; and what [`CorePayload::parse`] refuses. Offsets count from the start of the frame.
    pub fn parse(frame: &[u8]) -> Result<Self, WireError> {
        let Ipv4Frame { from, to, protocol, payload } = open_frame(frame)?;
        let payload = CorePayload::parse(protocol.0, payload, from.ip, to.ip).map_err(|error| match error.layer {
            "IPv4" => error.shifted(PROTOCOL_OFFSET),
            _ => error.shifted(BEFORE_IPV4_PAYLOAD),
        })?;
        Ok(Self { from, to, payload })
    }

    /// The Ethernet frame (without FCS and padding) that carries it: TTL 64, don't fragment, `identification` as given, checksums
    /// filled in.
    ///
    /// # Errors
    ///
    /// What [`SctpPacket::octets`] refuses, and an IPv4 packet above 65535 octets.
    pub fn octets(&self, identification: u16) -> Result<Vec<u8>, WireError> {
        let Self { from, to, payload } = self;
        let frame = match payload {
            CorePayload::Sctp(packet) => {
                let packet = packet.octets().map_err(|error| error.shifted(BEFORE_IPV4_PAYLOAD))?;
                ipv4_frame(from, to, identification, IpNextHeaderProtocols::Sctp, &packet)
            }
            CorePayload::Udp(UdpDatagram { source, destination, payload }) => {
                udp_frame(from, to, identification, [*source, *destination], payload)
            }
            CorePayload::Esp(packet) => {
                let packet = packet.octets().map_err(|error| error.shifted(BEFORE_IPV4_PAYLOAD))?;
                ipv4_frame(from, to, identification, IpNextHeaderProtocols::Esp, &packet)
            }
        };
        Ok(frame?)
    }

    /// What IPv4 carries in it, with the number of its protocol.
    ///
    /// # Errors
    ///
    /// Those of [`octets`](Self::octets).
    pub fn carried(&self) -> Result<(u8, Vec<u8>), WireError> {
        let octets = self.octets(0)?;
        let protocol = octets.get(PROTOCOL_OFFSET).copied().unwrap_or_default();
        Ok((protocol, octets.get(BEFORE_IPV4_PAYLOAD..).unwrap_or_default().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eps::wire::gtpu::GTPU_PORT;
    use crate::eps::wire::sctp::{DataChunk, S1AP_PORT, S1AP_PROTOCOL};

    fn frames() -> [CoreFrame; 3] {
        let place = |last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: [10, 20, 0, last].into() };
        let data = DataChunk { tsn: 1, stream: 0, sequence: 0, protocol: S1AP_PROTOCOL, user_data: vec![0; 5] };
        let sctp = SctpPacket { source: S1AP_PORT, destination: S1AP_PORT, tag: 1, data };
        let udp = UdpDatagram { source: GTPU_PORT, destination: GTPU_PORT, payload: vec![1, 2, 3] };
        let esp = EspPacket { spi: 256, sequence: 1, iv: [0; 8], sealed: vec![5; 20] };
        [CorePayload::Sctp(sctp), CorePayload::Udp(udp), CorePayload::Esp(esp)].map(|payload| CoreFrame {
            from: place(1),
            to: place(2),
            payload,
        })
    }

    #[test]
    fn a_frame_is_read_back_with_padding_and_without() {
        for frame in frames() {
            let mut octets = frame.octets(7).unwrap();
            assert_eq!(CoreFrame::parse(&octets).as_ref(), Ok(&frame));
            octets.resize(octets.len().max(60), 0);
            assert_eq!(CoreFrame::parse(&octets), Ok(frame));
        }
    }

    #[test]
    fn every_prefix_and_every_changed_octet_of_ipv4_is_an_error() {
        // Of ESP it takes a key to see that it was changed.
        for frame in frames().into_iter().take(2) {
            let octets = frame.octets(7).unwrap();
            for length in 0..octets.len() {
                assert!(CoreFrame::parse(&octets[..length]).is_err());
            }
            for place in 12..octets.len() {
                let mut changed = octets.clone();
                changed[place] ^= 0x41;
                assert!(CoreFrame::parse(&changed).is_err(), "octet {place}");
            }
        }
    }

    #[test]
    fn an_error_says_where_in_the_frame() {
        let [sctp, udp, _] = frames().map(|frame| frame.octets(7).unwrap());
        let mut damaged = sctp.clone();
        damaged[62] ^= 1;
        let error = CoreFrame::parse(&damaged).unwrap_err();
        assert_eq!((error.layer, error.offset), ("SCTP", 34 + 8));
        let mut damaged = udp.clone();
        damaged[42] ^= 1;
        let error = CoreFrame::parse(&damaged).unwrap_err();
        assert_eq!((error.layer, error.offset), ("UDP", 34 + 6));
        let place = |last| BackboneEndpoint { mac: [0; 6], ip: [10, 0, 0, last].into() };
        let other = ipv4_frame(&place(1), &place(2), 0, IpNextHeaderProtocols::Gre, &[]).unwrap();
        let error = CoreFrame::parse(&other).unwrap_err().to_string();
        assert_eq!(error, "IPv4, octet 23: expected protocol 132 (SCTP), 17 (UDP) or 50 (ESP), found 47");
    }
}
