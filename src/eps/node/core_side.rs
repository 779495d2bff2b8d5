//! A node's side of the core network: S1AP and X2AP messages into frames and back.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::dot16::backbone::BackboneEndpoint;
use crate::emulation::{Outbox, Port};
use crate::eps::node::Event;
use crate::eps::wire::core_frame::{CoreFrame, CorePayload};
use crate::eps::wire::sctp::{DataChunk, S1AP_PORT, S1AP_PROTOCOL, SctpPacket, X2AP_PORT, X2AP_PROTOCOL};
use crate::eps::wire::{S1apMessage, WireError, X2apMessage};

/// A message of the core network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoreMessage {
    /// Between eNB and MME.
    S1ap(S1apMessage),
    /// Between eNBs.
    X2ap(X2apMessage),
}

impl CoreMessage {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::S1ap(message) => message.name(),
            Self::X2ap(message) => message.name(),
        }
    }
}

/// The association with one peer: what comes next.
#[derive(Clone, Copy, Debug)]
struct Association {
    port: Port,
    peer: BackboneEndpoint,
    tsn: u32,
    sequence: u16,
}

/// The core network as one node sees it.
#[derive(Clone, Debug)]
pub struct CoreSide {
    own: BackboneEndpoint,
    identification: u16,
    associations: BTreeMap<Ipv4Addr, Association>,
}

impl CoreSide {
    /// A node at `own`; `peers` are reached over these ports.
    #[must_use]
    pub fn new(own: BackboneEndpoint, peers: &[(Port, BackboneEndpoint)]) -> Self {
        let association = |(port, peer): &(Port, BackboneEndpoint)| {
            (peer.ip, Association { port: *port, peer: *peer, tsn: 1, sequence: 0 })
        };
        Self { own, identification: 0, associations: peers.iter().map(association).collect() }
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

    /// Sends a message.
    ///
    /// # Errors
    /// No link leads there, or the message does not encode.
    pub fn send(
        &mut self,
        to: Ipv4Addr,
        message: &CoreMessage,
        note: impl Into<String>,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), WireError> {
        let (port_number, protocol, user_data) = match message {
            CoreMessage::S1ap(message) => (S1AP_PORT, S1AP_PROTOCOL, message.octets()?),
            CoreMessage::X2ap(message) => (X2AP_PORT, X2AP_PROTOCOL, message.octets()?),
        };
        let Some(association) = self.associations.get_mut(&to) else {
            let expected = "a peer that a link leads to".into();
            return Err(WireError { layer: "core network", offset: 0, expected, found: to.to_string() });
        };
        let data = DataChunk { tsn: association.tsn, stream: 0, sequence: association.sequence, protocol, user_data };
        association.tsn = association.tsn.wrapping_add(1);
        association.sequence = association.sequence.wrapping_add(1);
        // What the receiver chose for the association: its address says it as well.
        let tag = u32::from(to);
        let packet = SctpPacket { source: port_number, destination: port_number, tag, data };
        let frame = CoreFrame { from: self.own, to: association.peer, payload: CorePayload::Sctp(packet) };
        self.identification = self.identification.wrapping_add(1);
        outbox.send(association.port, frame.octets(self.identification)?, note);
        Ok(())
    }

    /// Opens a frame: who sent it, and the message.
    ///
    /// # Errors
    /// It is malformed, not for this node, or neither S1AP nor X2AP.
    pub fn receive(&self, octets: &[u8]) -> Result<(Ipv4Addr, CoreMessage), WireError> {
        let frame = CoreFrame::parse(octets)?;
        let other = |expected: String, found: String| WireError {
            layer: "core network",
            offset: 0,
            expected: expected.into(),
            found,
        };
        if frame.to.ip != self.own.ip {
            return Err(other(format!("destination {}", self.own.ip), frame.to.ip.to_string()));
        }
        let CorePayload::Sctp(packet) = frame.payload else {
            return Err(other("SCTP".to_owned(), "UDP".to_owned()));
        };
        let message = match packet.data.protocol {
            S1AP_PROTOCOL => CoreMessage::S1ap(S1apMessage::parse(&packet.data.user_data)?),
            X2AP_PROTOCOL => CoreMessage::X2ap(X2apMessage::parse(&packet.data.user_data)?),
            protocol => return Err(other("payload protocol 18 or 27".to_owned(), protocol.to_string())),
        };
        Ok((frame.from.ip, message))
    }
}
