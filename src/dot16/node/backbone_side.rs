//! A node's side of the backbone: addresses, transactions with their repetitions, stored answers.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::event::Event;
use crate::dot16::backbone::radius::RADIUS_PORT;
use crate::dot16::backbone::{
    AsnTlv, BackboneEndpoint, BackboneError, BackbonePacket, ControlMessage, Decapsulated, GreHeader, GrePacket,
    MessageKind, RadiusDatagram, RadiusPacket, transport,
};
use crate::dot16::identifiers::MsMac;
use crate::emulation::{Outbox, Port};
use crate::time::VirtualTime;

/// How often a request is repeated before it is given up (R3).
const REPEATS: u8 = 3;
/// How many answers are kept for retransmitted requests.
const STORED_ANSWERS: usize = 512;
/// More open requests than a few mobiles can have.
#[cfg(fuzzing)]
const OPEN_REQUESTS: usize = 256;
/// EtherType of IPv4 in a GRE header.
const GRE_IPV4: u16 = 0x0800;

/// Peer, transaction, mobile, and octets 2 and 3 of the request.
type AnswerKey = (Ipv4Addr, u16, MsMac, [u8; 2]);

#[derive(Clone, Debug)]
struct Open {
    due: VirtualTime,
    repeats: u8,
    to: Ipv4Addr,
    message: ControlMessage,
    note: String,
}

/// The backbone as one node sees it.
#[derive(Clone, Debug)]
pub struct BackboneSide {
    own: BackboneEndpoint,
    retry: Duration,
    peers: BTreeMap<Ipv4Addr, (Port, BackboneEndpoint)>,
    identification: u16,
    next_transaction: u16,
    open: BTreeMap<u16, Open>,
    answers: BTreeMap<AnswerKey, (ControlMessage, String)>,
    answer_order: VecDeque<AnswerKey>,
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub kind: MessageKind,
    /// With what.
    pub tlvs: Vec<AsnTlv>,
    /// What it is, in the sender's words.
    pub note: String,
}

/// A request that got no answer.
#[derive(Clone, Debug)]
pub struct GivenUp {
    /// What was asked.
    pub message: ControlMessage,
    /// Whom.
    pub to: Ipv4Addr,
}

impl BackboneSide {
    /// A node at `own` whose requests are repeated every `retry`; `peers` are reached over these ports.
    #[must_use]
    pub fn new(own: BackboneEndpoint, retry: Duration, peers: Vec<(Port, BackboneEndpoint)>) -> Self {
        Self {
            own,
            retry,
            peers: peers.into_iter().map(|(port, endpoint)| (endpoint.ip, (port, endpoint))).collect(),
            identification: 0,
            next_transaction: 0,
            open: BTreeMap::new(),
            answers: BTreeMap::new(),
            answer_order: VecDeque::new(),
        }
    }

    /// Forgets every open request and stored answer. Transactions go on after the last one, as a node that numbers them
    /// from its clock would.
    pub fn restart(&mut self) {
        self.open.clear();
        self.answers.clear();
        self.answer_order.clear();
    }

    /// Whether a link leads to this address.
    #[must_use]
    pub fn reaches(&self, to: Ipv4Addr) -> bool {
        self.peers.contains_key(&to)
    }

    /// Sends the frame that `encapsulate` makes of the two ends and the identification of its IPv4 packet.
    fn transmit(
        &mut self,
        to: Ipv4Addr,
        encapsulate: impl FnOnce(&BackboneEndpoint, &BackboneEndpoint, u16) -> Result<Vec<u8>, BackboneError>,
        note: String,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), BackboneError> {
        let Some((port, endpoint)) = self.peers.get(&to) else {
            let expected = "a peer that a link leads to".into();
            return Err(BackboneError { layer: "backbone", offset: 0, expected, found: to.to_string() });
        };
        self.identification = self.identification.wrapping_add(1);
        let octets = encapsulate(&self.own, endpoint, self.identification)?;
        outbox.send(*port, octets, note);
        Ok(())
    }

    /// Sends a control message. One that cannot be sent is as good as lost: what repeats it gives it up in the end.
    fn send(&mut self, to: Ipv4Addr, message: &ControlMessage, note: String, outbox: &mut Outbox<Event>) {
        let encapsulate = |own: &_, peer: &_, number| transport::encapsulate_control(own, peer, number, message);
        let _ = self.transmit(to, encapsulate, note, outbox);
    }

    /// Sends a request, and repeats it until [`Self::answered`] or given up.
    pub fn request(&mut self, now: VirtualTime, to: Ipv4Addr, ms: MsMac, request: Request, outbox: &mut Outbox<Event>) {
        let transaction = self.unanswered_transaction();
        let Request { kind, tlvs, note } = request;
        let message = ControlMessage::new(kind, ms, transaction, tlvs);
        self.send(to, &message, note.clone(), outbox);
        self.open.insert(transaction, Open { due: now + self.retry, repeats: 0, to, message, note });
    }

    /// A transaction for a message that nobody answers.
    pub fn unanswered_transaction(&mut self) -> u16 {
        self.next_transaction = self.next_transaction.checked_add(1).unwrap_or(1);
        self.next_transaction
    }

    /// Sends a message that nobody answers.
    pub fn tell(&mut self, to: Ipv4Addr, message: ControlMessage, note: impl Into<String>, outbox: &mut Outbox<Event>) {
        self.send(to, &message, note.into(), outbox);
    }

    /// Answers a request and keeps the answer for its retransmissions (R8).
    pub fn answer(
        &mut self,
        to: Ipv4Addr,
        request: &ControlMessage,
        kind: MessageKind,
        tlvs: Vec<AsnTlv>,
        note: impl Into<String>,
        outbox: &mut Outbox<Event>,
    ) {
        let message = ControlMessage::new(kind, request.ms, request.transaction, tlvs);
        let note = note.into();
        self.send(to, &message, note.clone(), outbox);
        let key = (to, request.transaction, request.ms, request.kind.octets());
        if self.answers.insert(key, (message, note)).is_none() {
            self.answer_order.push_back(key);
            if self.answer_order.len() > STORED_ANSWERS
                && let Some(oldest) = self.answer_order.pop_front()
            {
                self.answers.remove(&oldest);
            }
        }
    }

    /// Sends the stored answer to a retransmitted request again; says whether there was one.
    pub fn repeat_answer(&mut self, from: Ipv4Addr, request: &ControlMessage, outbox: &mut Outbox<Event>) -> bool {
        let key = (from, request.transaction, request.ms, request.kind.octets());
        let Some((message, note)) = self.answers.get(&key).cloned() else {
            return false;
        };
        self.send(from, &message, format!("{note} (again)"), outbox);
        true
    }

    /// The request that an answer from `from` belongs to, which is closed by it.
    pub fn answered(&mut self, from: Ipv4Addr, answer: &ControlMessage) -> Option<ControlMessage> {
        let open = self.open.get(&answer.transaction)?;
        if open.to != from || open.message.ms != answer.ms {
            return None;
        }
        self.open.remove(&answer.transaction).map(|open| open.message)
    }

    /// Closes every open request of one mobile that `which` names.
    pub fn withdraw(&mut self, ms: MsMac, which: impl Fn(MessageKind) -> bool) {
        self.withdraw_messages(ms, |message| which(message.kind));
    }

    /// Closes every open request of one mobile that `which` takes.
    pub fn withdraw_messages(&mut self, ms: MsMac, which: impl Fn(&ControlMessage) -> bool) {
        self.open.retain(|_, open| open.message.ms != ms || !which(&open.message));
    }

    /// Sends a user packet through the GRE tunnel `key`.
    ///
    /// # Errors
    /// If no link leads to the peer, or the packet does not fit in GRE over IPv4: one of at most 65,503 octets does.
    pub fn tunnel(
        &mut self,
        to: Ipv4Addr,
        key: u32,
        sequence: u32,
        packet: Vec<u8>,
        note: impl Into<String>,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), BackboneError> {
        let header = GreHeader { key: Some(key), sequence: Some(sequence), protocol: GRE_IPV4 };
        let packet = BackbonePacket::Data(GrePacket { header, payload: packet });
        self.transmit(to, |own, peer, number| transport::encapsulate(own, peer, number, &packet), note.into(), outbox)
    }

    /// Sends a RADIUS packet. One that cannot be sent is as good as lost.
    pub fn radius(
        &mut self,
        to: Ipv4Addr,
        datagram: RadiusDatagram,
        note: impl Into<String>,
        outbox: &mut Outbox<Event>,
    ) {
        let packet = BackbonePacket::Radius(datagram);
        let encapsulate = |own: &_, peer: &_, number| transport::encapsulate(own, peer, number, &packet);
        let _ = self.transmit(to, encapsulate, note.into(), outbox);
    }

    /// Sends the answer of a RADIUS server to the port that the request came from.
    pub fn radius_answer(
        &mut self,
        to: Ipv4Addr,
        port: u16,
        packet: RadiusPacket,
        note: impl Into<String>,
        outbox: &mut Outbox<Event>,
    ) {
        self.radius(to, RadiusDatagram { source: RADIUS_PORT, destination: port, packet }, note, outbox);
    }

    /// Opens a frame from the backbone.
    ///
    /// # Errors
    /// If it is malformed, or not for this node.
    pub fn receive(&self, octets: &[u8]) -> Result<Decapsulated, BackboneError> {
        let frame = transport::decapsulate(octets)?;
        if frame.to.ip != self.own.ip {
            return Err(BackboneError {
                layer: "IPv4",
                offset: 30,
                expected: format!("destination {}", self.own.ip).into(),
                found: frame.to.ip.to_string(),
            });
        }
        Ok(frame)
    }

    /// Everything that grows in it.
    #[cfg(fuzzing)]
    pub(super) fn held(&self) -> Vec<super::held::Held> {
        use super::held::Held;
        vec![
            Held::new("open requests", self.open.len(), OPEN_REQUESTS),
            Held::new("stored answers", self.answers.len().max(self.answer_order.len()), STORED_ANSWERS),
        ]
    }

    /// When a request is to be repeated or given up next.
    #[must_use]
    pub fn next_timer(&self) -> Option<VirtualTime> {
        self.open.values().map(|open| open.due).min()
    }

    /// Repeats what is due; answers what was given up.
    pub fn expire(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) -> Vec<GivenUp> {
        let due: Vec<u16> = self.open.iter().filter(|(_, open)| open.due <= now).map(|(key, _)| *key).collect();
        let mut given_up = Vec::new();
        for transaction in due {
            let Some(mut open) = self.open.remove(&transaction) else {
                continue;
            };
            if open.repeats == REPEATS {
                given_up.push(GivenUp { message: open.message, to: open.to });
                continue;
            }
            open.repeats += 1;
            open.due = now + self.retry;
            let note = format!("{} (repetition {})", open.note, open.repeats);
            self.send(open.to, &open.message, note, outbox);
            self.open.insert(transaction, open);
        }
        given_up
    }
}
