//! Which mobile station a frame is about, and whether it counts among the messages of its handovers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::world::{LinkEnds, Topology};
use crate::dot16::backbone::{BackbonePacket, RadiusCode, RadiusDatagram, decapsulate, transport};
use crate::dot16::identifiers::{Cid, MsMac};
use crate::dot16::wire::MacPdu;
use crate::emulation::{Sender, Transmission};

/// Octets of a CDMA ranging code.
const CDMA_CODE: usize = 3;

/// What a frame is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A frame in the air of this mobile, by its position in the script.
    Air { mobile: usize, management: bool },
    /// A control message, or a RADIUS packet, about this mobile.
    Control(MsMac),
    /// A user packet in a tunnel, with the two addresses in it.
    Packet([Ipv4Addr; 2]),
    /// None that can be told.
    Nobody,
}

/// Tells subjects; it has to see every frame in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Subjects {
    /// Port and identifier of RADIUS requests, with the mobile that they name.
    asked: BTreeMap<(u16, u8), MsMac>,
}

impl Subjects {
    /// The subject of the next frame.
    pub(super) fn of(&mut self, sent: &Transmission, topology: &Topology) -> Subject {
        // What a node makes is well-formed: a look at the place says enough, as long as nobody has changed it.
        let as_made = matches!(sent.from, Sender::Node(_)) && !sent.changed;
        if let LinkEnds::Air { mobile, .. } = topology.ends_of(sent) {
            let management = if as_made { is_management_pdu(&sent.octets) } else { is_management(&sent.octets) };
            return Subject::Air { mobile, management };
        }
        if as_made && let Some(ms) = transport::control_subject(&sent.octets) {
            return Subject::Control(ms);
        }
        let Ok(frame) = decapsulate(&sent.octets) else { return Subject::Nobody };
        match frame.packet {
            BackbonePacket::Control(message) => Subject::Control(message.ms),
            BackbonePacket::Radius(datagram) => self.radius(&datagram).map_or(Subject::Nobody, Subject::Control),
            BackbonePacket::Data(data) => addresses(&data.payload).map_or(Subject::Nobody, Subject::Packet),
        }
    }

    /// The mobile that a RADIUS packet is about: a request names it, an answer has port and identifier of its request.
    fn radius(&mut self, datagram: &RadiusDatagram) -> Option<MsMac> {
        let RadiusDatagram { source, destination, packet } = datagram;
        if packet.code != RadiusCode::ACCESS_REQUEST {
            return self.asked.get(&(*destination, packet.identifier)).copied();
        }
        let ms = packet.calling_station()?;
        self.asked.insert((*source, packet.identifier), ms);
        Some(ms)
    }
}

/// Source and destination of an IPv4 packet: octets 12 to 15 and 16 to 19 of its header (RFC 791).
fn addresses(packet: &[u8]) -> Option<[Ipv4Addr; 2]> {
    let header = packet.first_chunk::<20>().filter(|header| header[0] >> 4 == 4)?;
    let [.., a, b, c, d, e, f, g, h] = *header;
    Some([Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h)])
}

fn is_management(octets: &[u8]) -> bool {
    is_management_pdu(octets)
        && (octets.len() == CDMA_CODE || MacPdu::burst(octets).next().is_some_and(|pdu| pdu.is_ok()))
}

/// The same of a burst that is known to begin with a PDU, whose CID is in octets 3 and 4 (802.16-2009 6.3.2.1).
fn is_management_pdu(octets: &[u8]) -> bool {
    // A CDMA ranging code is no PDU, but part of the exchange all the same.
    octets.len() == CDMA_CODE
        || octets.get(3..).and_then(<[u8]>::first_chunk).is_some_and(|cid| {
            let cid = Cid(u16::from_be_bytes(*cid));
            cid.is_management() && cid != Cid::BROADCAST
        })
}
