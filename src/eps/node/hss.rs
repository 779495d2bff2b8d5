//! The HSS: it makes the vectors that MMEs and SGSNs authenticate its subscribers with, and knows which MME serves whom (TS 23.401 clause 4.4.1,
//! TS 29.272 clause 5.2).
//!
//! A subscriber that another MME serves from now on is cancelled at the one before it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::core_side::{CoreMessage, CoreSide};
use super::event::{Command, Event, What};
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::eps::identifiers::{Gummei, Imsi, Plmn};
use crate::eps::security::aka::{AuthenticationVector, Subscription, UmtsVector, separated};
use crate::eps::wire::diameter::{
    AuthenticationInformationAnswer, AuthenticationInformationRequest, AuthenticationQuintuplet, CancelLocationRequest,
    DiameterPeer, DiameterResult, Vector, VectorAccess,
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
    /// Whether its vectors for UTRAN and GERAN carry CK' and IK' in the place of CK and IK ([`separated`]).
    pub separates_keys: bool,
    /// The MME that serves it from before the run: its name and its address.
    pub serving: Option<(Gummei, Ipv4Addr)>,
}

/// What an HSS has of a subscriber.
struct Record {
    subscription: Subscription,
    separates_keys: bool,
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
            let HssSubscriber { imsi, subscription, separates_keys, .. } = subscriber;
            (*imsi, Record { subscription: subscription.clone(), separates_keys: *separates_keys, serving })
        };
        let subscribers = subscribers.iter().map(record).collect();
        Self { core, origin: DiameterPeer::hss(plmn), random, subscribers, last_request: 0 }
    }

    fn send(&mut self, to: Ipv4Addr, message: DiameterMessage, outbox: &mut Outbox<Event>) {
        self.core.send(to, &CoreMessage::Diameter(message), outbox);
    }

    /// A vector for a subscriber, after what its USIM has said, if it has.
    fn vector(
        &mut self,
        request: &AuthenticationInformationRequest,
        outbox: &mut Outbox<Event>,
    ) -> AuthenticationInformationAnswer {
        let failed = |result| AuthenticationInformationAnswer { result, vector: None };
        let Some(Record { subscription, separates_keys, .. }) = self.subscribers.get_mut(&request.imsi) else {
            return failed(DiameterResult::USER_UNKNOWN);
        };
        // Where AUTS is not the USIM's, the vector is the next all the same (TS 33.102 clause 6.3.5).
        if let Some(said) = request.resynchronisation {
            subscription.resynchronise(&said.rand, &said.auts);
        }
        let mut rand = [0; 16];
        self.random.fill_bytes(&mut rand);
        let made = match request.access {
            VectorAccess::Eutran => subscription.vector(rand, request.visited.0).map(|vector| {
                let AuthenticationVector { rand, xres, autn, kasme, keys } = vector;
                let (xres, autn) = (xres.to_vec(), autn.to_vec());
                (Vector::Eutran(AuthenticationQuadruplet { rand, xres, autn, kasme }), keys)
            }),
            VectorAccess::UtranGeran => subscription.umts_vector(rand).map(|vector| {
                let UmtsVector { rand, xres, autn, keys } = vector;
                let given = if *separates_keys { separated(&keys) } else { keys.clone() };
                let (xres, autn) = (xres.to_vec(), autn.to_vec());
                (Vector::Utran(AuthenticationQuintuplet { rand, xres, autn, keys: given }), keys)
            }),
        };
        let Some((vector, keys)) = made else { return failed(DiameterResult::AUTHENTICATION_DATA_UNAVAILABLE) };
        outbox.report(Event { ue: request.imsi, what: What::AkaKeys { rand, keys } });
        AuthenticationInformationAnswer { result: DiameterResult::SUCCESS, vector: Some(vector) }
    }

    /// The MME `from` serves a subscriber from now on; the one before it is told so.
    fn located(&mut self, imsi: Imsi, mme: DiameterPeer, from: Ipv4Addr, outbox: &mut Outbox<Event>) -> DiameterResult {
        let Some(record) = self.subscribers.get_mut(&imsi) else { return DiameterResult::USER_UNKNOWN };
        let before = record.serving.replace((mme, from)).filter(|(_, address)| *address != from);
        if let Some((destination, address)) = before {
            self.last_request = self.last_request.wrapping_add(1);
            let body = DiameterBody::CancelLocationRequest(CancelLocationRequest { destination, imsi });
            let message = DiameterMessage::request(self.last_request, self.origin.clone(), body);
            self.send(address, message, outbox);
        }
        DiameterResult::SUCCESS
    }

    fn diameter(&mut self, from: Ipv4Addr, message: DiameterMessage, outbox: &mut Outbox<Event>) {
        let accepted = Verdict::accepted(format!("accepted: {}", message.body.name()));
        let DiameterMessage { hop_by_hop, end_to_end, session, origin, body } = message;
        let body = match body {
            DiameterBody::AuthenticationInformationRequest(request) => {
                DiameterBody::AuthenticationInformationAnswer(self.vector(&request, outbox))
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
