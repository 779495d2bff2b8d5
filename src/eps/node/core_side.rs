//! A node's side of the core network: messages and tunnelled packets into frames and back.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::gtp_requests::{GtpRequests, Heeded};
use super::settings::GtpTimers;
use crate::dot16::backbone::BackboneEndpoint;
use crate::emulation::{Outbox, Port, Verdict};
use crate::eps::link_protection::{LinkError, LinkProtection};
use crate::eps::node::Event;
use crate::eps::wire::core_frame::{CoreFrame, CorePayload, UdpDatagram};
use crate::eps::wire::gprs::gb::GB_PORT;
use crate::eps::wire::gtpu::GTPU_PORT;
use crate::eps::wire::gtpv1::is_version_1;
use crate::eps::wire::gtpv2::GTPV2_PORT;
use crate::eps::wire::sctp::{
    DIAMETER_PORT, DIAMETER_PROTOCOL, DataChunk, RUA_PORT, RUA_PROTOCOL, S1AP_PORT, S1AP_PROTOCOL, SctpPacket,
    X2AP_PORT, X2AP_PROTOCOL,
};
use crate::eps::wire::{
    DiameterMessage, GbMessage, GtpuPacket, Gtpv1Message, Gtpv2Message, IuMessage, S1apMessage, WireError, X2apMessage,
};
use crate::time::VirtualTime;

/// A message of the core network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoreMessage {
    /// Between eNB and MME.
    S1ap(S1apMessage),
    /// Between eNBs.
    X2ap(X2apMessage),
    /// Between MMEs, and between MME and gateway.
    Gtpv2(Gtpv2Message),
    /// Between MME and HSS.
    Diameter(DiameterMessage),
    /// Between RNC and SGSN.
    Ranap(IuMessage),
    /// Between SGSN and MME, and between SGSN and gateway.
    Gtpv1(Gtpv1Message),
    /// Between BSS and SGSN.
    Gb(GbMessage),
    /// A packet in a tunnel, between gateway and eNB or between eNBs.
    Gtpu(GtpuPacket),
}

impl CoreMessage {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::S1ap(message) => message.name(),
            Self::X2ap(message) => message.name(),
            Self::Gtpv2(message) => message.body.name(),
            Self::Diameter(message) => message.body.name(),
            Self::Ranap(message) => message.message.name(),
            Self::Gtpv1(message) => message.body.name(),
            Self::Gb(message) => message.name(),
            Self::Gtpu(GtpuPacket::User { .. }) => "GTP-U user packet",
            Self::Gtpu(GtpuPacket::EndMarker { .. }) => "GTP-U end marker",
        }
    }
}

/// The link to one peer, and what comes next in its association.
#[derive(Clone, Debug)]
struct Association {
    port: Port,
    peer: BackboneEndpoint,
    tsn: u32,
    sequence: u16,
    /// What protects the link, if anything does.
    protection: Option<LinkProtection>,
}

/// The core network as one node sees it.
#[derive(Clone, Debug)]
pub struct CoreSide {
    own: BackboneEndpoint,
    identification: u16,
    associations: BTreeMap<Ipv4Addr, Association>,
    /// Of GTP-C.
    requests: GtpRequests,
}

impl CoreSide {
    /// A node at `own`; `peers` are reached over these ports.
    #[must_use]
    pub fn new(own: BackboneEndpoint, peers: &[(Port, BackboneEndpoint)]) -> Self {
        let association = |(port, peer): &(Port, BackboneEndpoint)| {
            (peer.ip, Association { port: *port, peer: *peer, tsn: 1, sequence: 0, protection: None })
        };
        let associations = peers.iter().map(association).collect();
        Self { own, identification: 0, associations, requests: GtpRequests::default() }
    }

    /// Requests of GTP-C are sent again by these timers.
    #[must_use]
    pub const fn repeating(mut self, timers: GtpTimers) -> Self {
        self.requests.timers = timers;
        self
    }

    /// The link to `peer` is protected, in both directions: what is sent there goes as ESP, and what comes from there otherwise is
    /// dropped.
    #[must_use]
    pub fn protected(mut self, peer: Ipv4Addr, protection: LinkProtection) -> Self {
        if let Some(association) = self.associations.get_mut(&peer) {
            association.protection = Some(protection);
        }
        self
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> Ipv4Addr {
        self.own.ip
    }

    /// Whether this is one of its links.
    #[must_use]
    pub fn is_link(&self, port: Port) -> bool {
        self.associations.values().any(|association| association.port == port)
    }

    /// It is `now`: requests of GTP-C that were not answered go out again. Those that were sent often enough are given back. A node that
    /// speaks GTP-C calls it before everything else that it does.
    pub fn wake(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) -> Vec<CoreMessage> {
        let (again, given_up) = self.requests.wake(now);
        again.iter().for_each(|(to, request)| self.transmit_frame(*to, request, outbox));
        given_up
    }

    /// When a request is to be sent again.
    #[must_use]
    pub fn next_timer(&self) -> Option<VirtualTime> {
        self.requests.next_timer()
    }

    /// Whether nothing is left for the node to do about a message of GTP-C that it has received: a request again, which is answered
    /// as before, or an answer that no request waits for.
    pub fn settles(&mut self, from: Ipv4Addr, message: &CoreMessage, outbox: &mut Outbox<Event>) -> bool {
        match self.requests.heed(from, message) {
            Heeded::New => return false,
            Heeded::Again(answer) => {
                outbox.verdict(Verdict::accepted(format!("accepted: {} again", message.name())));
                answer.iter().for_each(|answer| self.transmit_frame(from, answer, outbox));
            }
            Heeded::Unasked => {
                outbox.verdict(Verdict::rejected(format!("dropped: no request waits for {}", message.name())));
            }
        }
        true
    }

    /// Sends a message, whose name is the note on it. A message that does not encode, or that no link leads to the receiver of, is as
    /// good as lost.
    pub fn send(&mut self, to: Ipv4Addr, message: &CoreMessage, outbox: &mut Outbox<Event>) {
        self.transmit(to, message, outbox);
    }

    /// [`send`](Self::send), of a node that has reports of another kind.
    pub fn transmit<E>(&mut self, to: Ipv4Addr, message: &CoreMessage, outbox: &mut Outbox<E>) {
        self.requests.sent(to, message);
        self.transmit_frame(to, message, outbox);
    }

    fn transmit_frame<E>(&mut self, to: Ipv4Addr, message: &CoreMessage, outbox: &mut Outbox<E>) {
        let Some(association) = self.associations.get_mut(&to) else { return };
        let Ok(payload) = association.payload(self.own.ip, message) else { return };
        let mut frame = CoreFrame { from: self.own, to: association.peer, payload };
        if let Some(protection) = &mut association.protection {
            let Ok(sealed) = protection.seal(&frame) else { return };
            frame = sealed;
        }
        self.identification = self.identification.wrapping_add(1);
        if let Ok(octets) = frame.octets(self.identification) {
            outbox.send(association.port, octets, message.name());
        }
    }

    /// Opens a frame: who sent it, and the message.
    ///
    /// # Errors
    /// It is malformed, not for this node, or none of these messages; it is not protected as the link is.
    pub fn receive(&mut self, octets: &[u8]) -> Result<(Ipv4Addr, CoreMessage), LinkError> {
        let frame = CoreFrame::parse(octets)?;
        let other = |expected: String, found: String| WireError {
            layer: "core network",
            offset: 0,
            expected: expected.into(),
            found,
        };
        if frame.to.ip != self.own.ip {
            return Err(other(format!("destination {}", self.own.ip), frame.to.ip.to_string()).into());
        }
        let protection = self.associations.get_mut(&frame.from.ip).and_then(|known| known.protection.as_mut());
        let frame = match protection {
            Some(protection) => protection.open(&frame)?,
            None => frame,
        };
        let message = match frame.payload {
            CorePayload::Sctp(packet) => match packet.data.protocol {
                S1AP_PROTOCOL => CoreMessage::S1ap(S1apMessage::parse(&packet.data.user_data)?),
                X2AP_PROTOCOL => CoreMessage::X2ap(X2apMessage::parse(&packet.data.user_data)?),
                DIAMETER_PROTOCOL => CoreMessage::Diameter(DiameterMessage::parse(&packet.data.user_data)?),
                RUA_PROTOCOL => CoreMessage::Ranap(IuMessage::parse(&packet.data.user_data)?),
                protocol => {
                    return Err(other("payload protocol 18, 19, 27 or 46".to_owned(), protocol.to_string()).into());
                }
            },
            CorePayload::Udp(UdpDatagram { destination, payload, .. }) => match destination {
                GTPV2_PORT if is_version_1(&payload) => CoreMessage::Gtpv1(Gtpv1Message::parse(&payload)?),
                GTPV2_PORT => CoreMessage::Gtpv2(Gtpv2Message::parse(&payload)?),
                GTPU_PORT => CoreMessage::Gtpu(GtpuPacket::parse(&payload)?),
                GB_PORT => CoreMessage::Gb(GbMessage::parse(&payload)?),
                port => return Err(other("UDP port 2123, 2152 or 2157".to_owned(), port.to_string()).into()),
            },
            CorePayload::Esp(_) => return Err(other("a packet in the clear".to_owned(), "ESP".to_owned()).into()),
        };
        Ok((frame.from.ip, message))
    }
}

impl Association {
    /// What IPv4 carries; SCTP goes on with its numbers.
    fn payload(&mut self, from: Ipv4Addr, message: &CoreMessage) -> Result<CorePayload, WireError> {
        let to = self.peer.ip;
        let (port, protocol, user_data) = match message {
            CoreMessage::S1ap(message) => (S1AP_PORT, S1AP_PROTOCOL, message.octets()?),
            CoreMessage::X2ap(message) => (X2AP_PORT, X2AP_PROTOCOL, message.octets()?),
            CoreMessage::Diameter(message) => (DIAMETER_PORT, DIAMETER_PROTOCOL, message.octets()?),
            CoreMessage::Ranap(message) => (RUA_PORT, RUA_PROTOCOL, message.octets()?),
            CoreMessage::Gtpv1(message) => return Ok(datagram(GTPV2_PORT, message.octets()?)),
            CoreMessage::Gtpv2(message) => return Ok(datagram(GTPV2_PORT, message.octets()?)),
            CoreMessage::Gtpu(packet) => return Ok(datagram(GTPU_PORT, packet.octets()?)),
            CoreMessage::Gb(message) => return Ok(datagram(GB_PORT, message.octets()?)),
        };
        let data = DataChunk { tsn: self.tsn, stream: 0, sequence: self.sequence, protocol, user_data };
        self.tsn = self.tsn.wrapping_add(1);
        self.sequence = self.sequence.wrapping_add(1);
        // What the receiver chose for the association: here it is made of the addresses, for every pair another, as ports are the same.
        let [[_, _, a, b], [_, _, c, d]] = [to, from].map(|address| address.octets());
        let tag = u32::from_be_bytes([a, b, c, d]);
        Ok(CorePayload::Sctp(SctpPacket { source: port, destination: port, tag, data }))
    }
}

fn datagram(port: u16, payload: Vec<u8>) -> CorePayload {
    CorePayload::Udp(UdpDatagram { source: port, destination: port, payload })
}
