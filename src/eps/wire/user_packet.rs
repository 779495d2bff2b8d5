//! IP packets of UEs, as they leave the tunnels of the core network: IPv4 and UDP by themselves, and IPv4 on Ethernet (RFC 791, RFC 768).

use std::net::SocketAddrV4;

use super::WireError;
use super::core_frame::{CoreFrame, CorePayload, UdpDatagram};
use crate::dot16::backbone::BackboneEndpoint;

const LAYER: &str = "user packet";
/// Octets of an Ethernet header: to whom, from whom, EtherType.
const ETHERNET_OCTETS: usize = 14;
/// The EtherType of IPv4.
const IPV4: [u8; 2] = [0x08, 0x00];

/// A UDP datagram in IPv4, without what is around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDatagram {
    /// Who sends it.
    pub from: SocketAddrV4,
    /// Whom it is for.
    pub to: SocketAddrV4,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl UserDatagram {
    /// The datagram in an IPv4 packet.
    ///
    /// # Errors
    /// What [`CoreFrame::parse`] refuses, and another protocol than UDP. Offsets count from the start of an Ethernet header before it.
    pub fn parse(packet: &[u8]) -> Result<Self, WireError> {
        Self::of_frame(CoreFrame::parse(&on_ethernet([[0; 6]; 2], packet))?)
    }

    /// The datagram in a frame.
    ///
    /// # Errors
    /// It carries something else than UDP.
    pub fn of_frame(frame: CoreFrame) -> Result<Self, WireError> {
        let CorePayload::Udp(UdpDatagram { source, destination, payload }) = frame.payload else {
            return Err(WireError::new(LAYER, 0, "UDP", "another protocol"));
        };
        let (from, to) = (SocketAddrV4::new(frame.from.ip, source), SocketAddrV4::new(frame.to.ip, destination));
        Ok(Self { from, to, payload })
    }

    /// The frame that carries it between these two Ethernet addresses, from and to.
    #[must_use]
    pub fn into_frame(self, [from, to]: [[u8; 6]; 2]) -> CoreFrame {
        let Self { from: source, to: destination, payload } = self;
        let udp = UdpDatagram { source: source.port(), destination: destination.port(), payload };
        CoreFrame {
            from: BackboneEndpoint { mac: from, ip: *source.ip() },
            to: BackboneEndpoint { mac: to, ip: *destination.ip() },
            payload: CorePayload::Udp(udp),
        }
    }

    /// The IPv4 packet that carries it.
    ///
    /// # Errors
    /// A packet of more than 65535 octets.
    pub fn into_packet(self, identification: u16) -> Result<Vec<u8>, WireError> {
        let mut frame = self.into_frame([[0; 6]; 2]).octets(identification)?;
        Ok(frame.split_off(frame.len().min(ETHERNET_OCTETS)))
    }
}

/// An IPv4 packet on Ethernet between two addresses, from and to.
#[must_use]
pub fn on_ethernet([from, to]: [[u8; 6]; 2], packet: &[u8]) -> Vec<u8> {
    [&to[..], &from, &IPV4, packet].concat()
}

/// The IPv4 packet on Ethernet, without padding behind it. Nothing in it is checked but that it has a header.
///
/// # Errors
/// A frame of something else, or one that ends before its packet.
pub fn off_ethernet(frame: &[u8]) -> Result<&[u8], WireError> {
    let short = || WireError::new(LAYER, frame.len(), "an IPv4 packet on Ethernet", format!("{} octets", frame.len()));
    let (header, packet) = frame.split_at_checked(ETHERNET_OCTETS).ok_or_else(short)?;
    if !header.ends_with(&IPV4) {
        return Err(WireError::new(LAYER, ETHERNET_OCTETS - 2, "EtherType 0x0800", "another"));
    }
    let [_, _, a, b, ..] = packet else { return Err(short()) };
    addresses(packet).and_then(|_| packet.get(..usize::from(u16::from_be_bytes([*a, *b])))).ok_or_else(short)
}

/// Source and destination of an IPv4 packet; none if it has no header.
#[must_use]
pub fn addresses(packet: &[u8]) -> Option<[std::net::Ipv4Addr; 2]> {
    let (header, _) = packet.split_first_chunk::<20>()?;
    let [first, _, _, _, _, _, _, _, _, _, _, _, a, b, c, d, e, f, g, h] = *header;
    (first >> 4 == 4).then(|| [[a, b, c, d].into(), [e, f, g, h].into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram() -> UserDatagram {
        let [from, to] = [("10.45.0.2", 50_000), ("198.51.100.7", 4433)]
            .map(|(address, port)| SocketAddrV4::new(address.parse().unwrap(), port));
        UserDatagram { from, to, payload: vec![1, 2, 3] }
    }

    #[test]
    fn a_datagram_is_read_back_by_itself_and_from_ethernet() {
        let packet = datagram().into_packet(7).unwrap();
        assert_eq!(packet.len(), 31);
        assert_eq!(UserDatagram::parse(&packet), Ok(datagram()));
        assert_eq!(addresses(&packet), Some(["10.45.0.2".parse().unwrap(), "198.51.100.7".parse().unwrap()]));
        let macs = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
        let mut frame = on_ethernet(macs, &packet);
        assert_eq!(frame, datagram().into_frame(macs).octets(7).unwrap());
        frame.resize(60, 0);
        assert_eq!(off_ethernet(&frame), Ok(&packet[..]));
        assert_eq!(UserDatagram::of_frame(CoreFrame::parse(&frame).unwrap()), Ok(datagram()));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        let packet = datagram().into_packet(7).unwrap();
        let frame = on_ethernet([[0; 6]; 2], &packet);
        for length in 0..frame.len() {
            assert!(off_ethernet(&frame[..length]).is_err(), "{length} octets");
        }
        let mut other = frame;
        other[12] = 0x86;
        assert!(off_ethernet(&other).is_err());
        assert_eq!(addresses(&packet[..19]), None);
        assert_eq!(addresses(&[0x60; 40]), None);
    }
}
