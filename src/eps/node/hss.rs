//! The HSS: it makes the vectors that MMEs authenticate its subscribers with, and knows which MME serves whom (TS 23.401 clause 4.4.1,
//! TS 29.272 clause 5.2).
//!
//! A subscriber that another MME serves from now on is cancelled at the one before it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::core_side::{CoreMessage, CoreSide};
use super::event::{Command, Event};
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::eps::identifiers::{Gummei, Imsi, Plmn};
use crate::eps::security::aka::Subscription;
use crate::eps::wire::diameter::{
    AuthenticationInformationAnswer, AuthenticationInformationRequest, CancelLocationRequest, DiameterPeer,
    DiameterResult,
};
use crate::eps::wire::gtpv2::AuthenticationQuadruplet;
use crate::eps::wire::{DiameterBody, DiameterMessage};
use crate::time::VirtualTime;

/// A subscriber.
#[derive(Clone, Debug)]
pub struct HssSubscriber {
    /// Who it is.
    pub imsi: Imsi,
    /// What it is authenticated with.
    pub subscription: Subscription,
    /// The MME that serves it from before the run: its name and its address.
    pub serving: Option<(Gummei, Ipv4Addr)>,
}

/// What an HSS has of a subscriber.
struct Record {
    subscription: Subscription,
    serving: Option<(DiameterPeer, Ipv4Addr)>,
}

/// An HSS.
pub struct Hss {
    core: CoreSide,
    origin: DiameterPeer,
    random: ChaCha20Rng,
    subscribers: BTreeMap<Imsi, Record>,
    /// The number of the last request of its own.
    last_request: u32,
}

impl Hss {
    /// The HSS of a network with these subscribers; `random`, which RAND comes from, is its own.
    #[must_use]
    pub fn new(core: CoreSide, plmn: Plmn, random: ChaCha20Rng, subscribers: &[HssSubscriber]) -> Self {
        let record = |subscriber: &HssSubscriber| {
            let serving = subscriber.serving.map(|(gummei, address)| (DiameterPeer::mme(gummei), address));
            (subscriber.imsi, Record { subscription: subscriber.subscription.clone(), serving })
        };
        let subscribers = subscribers.iter().map(record).collect();
        Self { core, origin: DiameterPeer::hss(plmn), random, subscribers, last_request: 0 }
    }

    fn send(&mut self, to: Ipv4Addr, message: DiameterMessage, outbox: &mut Outbox<Event>) {
        self.core.send(to, &CoreMessage::Diameter(message), outbox);
    }

    /// A vector for a subscriber, after what its USIM has said, if it has.
    fn vector(&mut self, request: &AuthenticationInformationRequest) -> AuthenticationInformationAnswer {
        let failed = |result| AuthenticationInformationAnswer { result, vector: None };
        let Some(Record { subscription, .. }) = self.subscribers.get_mut(&request.imsi) else {
            return failed(DiameterResult::USER_UNKNOWN);
        };
        // Where AUTS is not the USIM's, the vector is the next all the same (TS 33.102 clause 6.3.5).
        if let Some(said) = request.resynchronisation {
            subscription.resynchronise(&said.rand, &said.auts);
        }
        let mut rand = [0; 16];
        self.random.fill_bytes(&mut rand);
        match subscription.vector(rand, request.visited.0) {
            Some(vector) => {
                let (xres, autn) = (vector.xres.to_vec(), vector.autn.to_vec());
                let vector = AuthenticationQuadruplet { rand, xres, autn, kasme: vector.kasme };
                AuthenticationInformationAnswer { result: DiameterResult::SUCCESS, vector: Some(vector) }
            }
            None => failed(DiameterResult::AUTHENTICATION_DATA_UNAVAILABLE),
        }
    }

    /// The MME `from` serves a subscriber from now on; the one before it is told so.
    fn located(&mut self, imsi: Imsi, mme: DiameterPeer, from: Ipv4Addr, outbox: &mut Outbox<Event>) -> DiameterResult {
        let Some(record) = self.subscribers.get_mut(&imsi) else { return DiameterResult::USER_UNKNOWN };
        let before = record.serving.replace((mme, from)).filter(|(_, address)| *address != from);
        if let Some((destination, address)) = before {
            self.last_request = self.last_request.wrapping_add(1);
            let message = DiameterMessage {
                hop_by_hop: self.last_request,
                end_to_end: self.last_request,
                session: format!("{};0;{}", self.origin.host, self.last_request),
                origin: self.origin.clone(),
                body: DiameterBody::CancelLocationRequest(CancelLocationRequest { destination, imsi }),
            };
            self.send(address, message, outbox);
        }
        DiameterResult::SUCCESS
    }

    fn diameter(&mut self, from: Ipv4Addr, message: DiameterMessage, outbox: &mut Outbox<Event>) {
        let accepted = Verdict::accepted(format!("accepted: {}", message.body.name()));
        let DiameterMessage { hop_by_hop, end_to_end, session, origin, body } = message;
        let body = match body {
            DiameterBody::AuthenticationInformationRequest(request) => {
                DiameterBody::AuthenticationInformationAnswer(self.vector(&request))
            }
            DiameterBody::UpdateLocationRequest(request) => {
                DiameterBody::UpdateLocationAnswer(self.located(request.imsi, origin, from, outbox))
            }
            DiameterBody::CancelLocationAnswer(_) => return outbox.verdict(accepted),
            _ => return outbox.verdict(Verdict::rejected("dropped: not for an HSS")),
        };
        outbox.verdict(accepted);
        let origin = self.origin.clone();
        self.send(from, DiameterMessage { hop_by_hop, end_to_end, session, origin, body }, outbox);
    }
}

impl Node for Hss {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, _: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        let Input::Frame { octets, .. } = input else { return };
        match self.core.receive(&octets) {
            Ok((from, CoreMessage::Diameter(message))) => self.diameter(from, message, outbox),
            Ok((_, other)) => {
                outbox.verdict(Verdict::rejected(format!("dropped: {} is not for an HSS", other.name())));
            }
            Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        None
    }
}
