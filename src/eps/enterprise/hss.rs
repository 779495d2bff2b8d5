//! What the HSS does besides: when it has answered a request for a vector of a user that the enterprise has subscribed, it makes
//! e2m_int_key and pushes it to the EMKS (seed 004, key derivation rules, step 1).
//!
//! It does not know whether the authentication is going to succeed, and does not wait for the EMKS. The keys of a user are pushed one
//! after the other, so that the EMKS has them in the order in which they were made; a push that is not answered within [`PUSH`] is sent
//! again, [`PUSH_TRIES`] times in all, and of a user no more than [`MOST_PUSHES`] wait \[choice\].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::event::{Command, Event, User, What, of_eps};
use super::settings::Enterprise;
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::eps::identifiers::Imsi;
use crate::eps::identifiers::e2m::KeyIdentifier;
use crate::eps::keys::{CkIk, E2mIntKey};
use crate::eps::node::core_side::{CoreMessage, CoreSide};
use crate::eps::node::{self, Hss};
use crate::eps::security::e2m_keys::IdentifierForm;
use crate::eps::wire::diameter::{DiameterPeer, PushProfileRequest};
use crate::eps::wire::{DiameterBody, DiameterMessage};
use crate::time::VirtualTime;

/// How long the HSS waits for the answer to a push.
pub const PUSH: Duration = Duration::from_millis(500);
/// How often it sends one.
pub const PUSH_TRIES: u8 = 4;
/// How many pushes of a user wait at the most; of more, the oldest is given up.
pub const MOST_PUSHES: usize = 16;
/// The highest bit of the numbers of pushes: those of requests of the HSS to MMEs do not have it.
const PUSH_NUMBERS: u32 = 0x8000_0000;

/// What an HSS pushes, to whom, and of which users.
#[derive(Clone, Debug)]
pub struct PushSettings {
    /// The name of the HSS.
    pub origin: DiameterPeer,
    /// Where the EMKS is.
    pub emks: Ipv4Addr,
    /// What it is called.
    pub destination: DiameterPeer,
    /// The users whose subscription has it.
    pub subscribed: BTreeSet<Imsi>,
    /// What was agreed on.
    pub enterprise: Enterprise,
    /// What is wrong with it: it makes and pushes keys of every user.
    pub ignores_subscription: bool,
}

/// A push that was not answered yet.
struct Push {
    number: u32,
    key: Box<E2mIntKey>,
    identifier: KeyIdentifier,
    tries: u8,
    /// When it is sent again; none: it was not sent yet.
    ends: Option<VirtualTime>,
}

/// An HSS that pushes keys.
pub struct EnterpriseHss {
    hss: Hss,
    /// The link to the EMKS.
    core: CoreSide,
    settings: PushSettings,
    /// Of each user, the oldest first.
    pushes: BTreeMap<Imsi, VecDeque<Push>>,
    last_number: u32,
}

impl EnterpriseHss {
    /// An HSS with a link of its own to the EMKS.
    #[must_use]
    pub fn new(hss: Hss, core: CoreSide, settings: PushSettings) -> Self {
        Self { hss, core, settings, pushes: BTreeMap::new(), last_number: 0 }
    }

    fn report(user: Imsi, what: What, outbox: &mut Outbox<Event>) {
        outbox.report(Event::Enterprise { user: User::Imsi(user), what });
    }

    /// A vector was made of this challenge, with these CK and IK.
    fn vector_made(
        &mut self,
        now: VirtualTime,
        user: Imsi,
        (rand, keys): (&[u8; 16], &CkIk),
        outbox: &mut Outbox<Event>,
    ) {
        let subscribed = self.settings.ignores_subscription || self.settings.subscribed.contains(&user);
        let Some(key) = self.settings.enterprise.derivation.int_key(keys).ok().filter(|_| subscribed) else { return };
        let identifier = self.settings.enterprise.derivation.identifier.of(rand, &key);
        Self::report(user, What::IntKey { key: key.clone(), identifier }, outbox);
        self.last_number = self.last_number.wrapping_add(1) & !PUSH_NUMBERS;
        let number = self.last_number | PUSH_NUMBERS;
        let waiting = self.pushes.entry(user).or_default();
        waiting.push_back(Push { number, key: Box::new(key), identifier, tries: PUSH_TRIES, ends: None });
        let superseded = if waiting.len() > MOST_PUSHES { waiting.pop_front() } else { None };
        if let Some(push) = superseded {
            Self::report(user, What::PushGivenUp(push.identifier), outbox);
        }
        self.go_on(now, user, outbox);
    }

    /// Sends what is the next of a user, if it is time.
    fn go_on(&mut self, now: VirtualTime, user: Imsi, outbox: &mut Outbox<Event>) {
        let Some(waiting) = self.pushes.get_mut(&user) else { return };
        while let Some(push) = waiting.front_mut().filter(|push| push.ends.is_none_or(|ends| ends <= now)) {
            let Some(tries) = push.tries.checked_sub(1) else {
                let identifier = push.identifier;
                waiting.pop_front();
                Self::report(user, What::PushGivenUp(identifier), outbox);
                continue;
            };
            (push.tries, push.ends) = (tries, Some(now + PUSH));
            let pushed_identifier = match self.settings.enterprise.derivation.identifier {
                IdentifierForm::Rand { .. } => Some(push.identifier.0),
                IdentifierForm::Hash { .. } => None,
            };
            let request = PushProfileRequest {
                destination: self.settings.destination.clone(),
                imsi: user,
                identifier: pushed_identifier,
                key: (*push.key).clone(),
            };
            let origin = self.settings.origin.clone();
            let message = DiameterMessage {
                hop_by_hop: push.number,
                end_to_end: push.number,
                session: format!("{};1;{}", origin.host, push.number & !PUSH_NUMBERS),
                origin,
                body: DiameterBody::PushProfileRequest(request),
            };
            self.core.transmit(self.settings.emks, &CoreMessage::Diameter(message), outbox);
        }
        if waiting.is_empty() {
            self.pushes.remove(&user);
        }
    }

    /// The EMKS says something.
    fn heard(&mut self, now: VirtualTime, octets: &[u8], outbox: &mut Outbox<Event>) {
        let rejected = |text: String| Verdict::rejected(format!("dropped: {text}"));
        let message = match self.core.receive(octets) {
            Ok((from, CoreMessage::Diameter(message))) if from == self.settings.emks => message,
            Ok((_, other)) => {
                return outbox.verdict(rejected(format!("{} is not for an HSS from there", other.name())));
            }
            Err(error) => return outbox.verdict(rejected(error.to_string())),
        };
        let DiameterBody::PushProfileAnswer(_) = message.body else {
            return outbox.verdict(rejected(format!("{} is not for an HSS from there", message.body.name())));
        };
        let answered = |push: &Push| push.number == message.hop_by_hop;
        let found = self.pushes.iter().find(|(_, waiting)| waiting.front().is_some_and(answered));
        let Some(user) = found.map(|(user, _)| *user) else {
            return outbox.verdict(rejected("nobody waits for this answer".to_owned()));
        };
        outbox.verdict(Verdict::accepted("accepted: PushProfileAnswer"));
        if let Some(push) = self.pushes.get_mut(&user).and_then(VecDeque::pop_front) {
            Self::report(user, What::Pushed(push.identifier), outbox);
        }
        self.go_on(now, user, outbox);
    }
}

impl Node for EnterpriseHss {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        match input {
            Input::Frame { port, octets } if self.core.is_link(port) => return self.heard(now, &octets, outbox),
            Input::Timer => {
                let users: Vec<Imsi> = self.pushes.keys().copied().collect();
                users.into_iter().for_each(|user| self.go_on(now, user, outbox));
            }
            _ => {}
        }
        let Some(input) = of_eps(input) else { return };
        let mut inner = Outbox::default();
        self.hss.handle(now, input, &mut inner);
        let made: Vec<node::Event> = inner.events().to_vec();
        outbox.absorb(inner, Event::Eps);
        for node::Event { ue, what } in made {
            if let node::What::AkaKeys { rand, keys } = what {
                self.vector_made(now, ue, (&rand, &keys), outbox);
            }
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        let pushes = self.pushes.values().filter_map(|waiting| waiting.front()?.ends).min();
        [pushes, self.hss.next_timer()].into_iter().flatten().min()
    }
}
