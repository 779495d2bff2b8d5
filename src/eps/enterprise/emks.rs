//! The EMKS: the key server of the operator. It keeps what the HSS pushes, and derives for an end point that asks.
//!
//! An end point is known by the link that it is at and by its Origin-Host, and each has one EMSE_Id: who asks as another is refused
//! \[choice\].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::event::{Command, Event, QueryFailure, User, What};
use super::settings::{Collision, EmseIdGiven, Enterprise, IdentityForm};
use super::store::{Deleted, KeyStore};
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::eps::identifiers::Imsi;
use crate::eps::identifiers::e2m::{ApplicationIdentity, EmseId, KeyIdentifier};
use crate::eps::keys::{E2mIntKey, E2mKey};
use crate::eps::node::core_side::{CoreMessage, CoreSide};
use crate::eps::wire::diameter::key_server::MOST_KEYS;
use crate::eps::wire::diameter::{
    BootstrappingInfoAnswer, BootstrappingInfoRequest, DiameterPeer, DiameterResult, PushProfileRequest,
};
use crate::eps::wire::{DiameterBody, DiameterMessage};
use crate::time::VirtualTime;

/// An end point as an EMKS knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownEndPoint {
    /// Where it is.
    pub address: Ipv4Addr,
    /// Its Origin-Host.
    pub host: String,
    /// Its EMSE_Id.
    pub emse: EmseId,
}

/// What is wrong with an EMKS; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmksFaults {
    /// It takes every EMSE_Id for that of who asks.
    pub trusts_emse_id: bool,
}

/// What an EMKS is.
#[derive(Clone, Debug)]
pub struct EmksSettings {
    /// Its name.
    pub origin: DiameterPeer,
    /// Where the HSS is, which alone may push.
    pub hss: Ipv4Addr,
    /// The end points.
    pub end_points: Vec<KnownEndPoint>,
    /// The users by their application identities, where the EMKS makes IMSIs of them.
    pub users: BTreeMap<ApplicationIdentity, Imsi>,
    /// What was agreed on.
    pub enterprise: Enterprise,
    /// What is wrong with it.
    pub faults: EmksFaults,
}

/// An EMKS.
pub struct Emks {
    settings: EmksSettings,
    core: CoreSide,
    store: KeyStore,
    /// What end points have said once that they are.
    registered: BTreeMap<Ipv4Addr, EmseId>,
}

impl Emks {
    /// An EMKS that has no keys yet.
    #[must_use]
    pub fn new(settings: EmksSettings, core: CoreSide) -> Self {
        let store = KeyStore::new(&settings.enterprise);
        Self { settings, core, store, registered: BTreeMap::new() }
    }

    /// What it keeps.
    #[must_use]
    pub const fn store(&self) -> &KeyStore {
        &self.store
    }

    fn deleted(deleted: Vec<Deleted>, outbox: &mut Outbox<Event>) {
        for (user, identifier, why) in deleted {
            let what = What::Deleted { identifier, why };
            outbox.report(Event::Enterprise { user: User::Imsi(user), what });
        }
    }

    /// The HSS pushes a key.
    fn pushed(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        request: PushProfileRequest,
        outbox: &mut Outbox<Event>,
    ) -> DiameterResult {
        if from != self.settings.hss {
            return DiameterResult::NOT_AUTHORIZED;
        }
        let PushProfileRequest { imsi, identifier, key, .. } = request;
        let identifier = match identifier {
            Some(identifier) => KeyIdentifier(identifier),
            None => self.settings.enterprise.derivation.identifier.of_key(&key),
        };
        if let Ok(deleted) = self.store.push(now, imsi, identifier, key.clone()) {
            let what = What::IntKey { key, identifier };
            outbox.report(Event::Enterprise { user: User::Imsi(imsi), what });
            Self::deleted(deleted, outbox);
        }
        DiameterResult::SUCCESS
    }

    /// Who an end point is, that says so now or has said so before.
    fn end_point(&self, from: Ipv4Addr, host: &str, said: Option<&EmseId>) -> Result<EmseId, QueryFailure> {
        let once = self.settings.enterprise.emse_id == EmseIdGiven::Once;
        let said = said.or_else(|| self.registered.get(&from).filter(|_| once)).ok_or(QueryFailure::NotAuthorized)?;
        let bound = |known: &KnownEndPoint| known.address == from && known.host == host && known.emse == *said;
        if self.settings.faults.trusts_emse_id || self.settings.end_points.iter().any(bound) {
            Ok(said.clone())
        } else {
            Err(QueryFailure::NotAuthorized)
        }
    }

    /// The IMSI of a user.
    fn imsi(&self, identity: &str) -> Option<Imsi> {
        match self.settings.enterprise.identity {
            IdentityForm::Imsi | IdentityForm::AtEmse => identity.parse().ok(),
            IdentityForm::AtEmks => self.settings.users.get(&identity.parse().ok()?).copied(),
        }
    }

    /// The keys of a user for an end point.
    fn keys(&self, user: Imsi, identifier: KeyIdentifier, emse: &EmseId) -> Result<Vec<E2mKey>, QueryFailure> {
        let int_keys: Vec<&E2mIntKey> = self.store.of(user, identifier).take(MOST_KEYS).collect();
        if int_keys.len() > 1 && self.settings.enterprise.collision == Collision::Reject {
            return Err(QueryFailure::Ambiguous);
        }
        let derived = int_keys.into_iter().filter_map(|key| self.settings.enterprise.derivation.key(key, emse).ok());
        let keys: Vec<E2mKey> = derived.collect();
        if keys.is_empty() { Err(QueryFailure::UnknownKey) } else { Ok(keys) }
    }

    /// An end point asks for a key, or says who it is.
    fn asked(
        &mut self,
        from: Ipv4Addr,
        host: &str,
        request: &BootstrappingInfoRequest,
        outbox: &mut Outbox<Event>,
    ) -> BootstrappingInfoAnswer {
        // A name that is none is nobody's.
        let said: Option<EmseId> = request.end_point.as_ref().and_then(|name| name.parse().ok());
        let end_point = self.end_point(from, host, said.as_ref());
        let Some((identity, identifier)) = &request.wanted else {
            return match end_point {
                Ok(emse) => {
                    self.registered.insert(from, emse);
                    BootstrappingInfoAnswer { result: DiameterResult::SUCCESS, keys: Vec::new() }
                }
                Err(failure) => refusal(failure),
            };
        };
        let (identifier, imsi) = (KeyIdentifier(*identifier), self.imsi(identity));
        if request.confirms {
            return self.confirmed(end_point, imsi, identifier, outbox);
        }
        let found = end_point.and_then(|emse| {
            let user = imsi.ok_or(QueryFailure::UnknownUser)?;
            Ok((self.keys(user, identifier, &emse)?, emse))
        });
        let user = imsi.map(User::Imsi).or_else(|| identity.parse().ok().map(User::Application));
        let (reports, answer) = match found {
            Ok((keys, emse)) => {
                let given = |key: &E2mKey| What::Key { key: key.clone(), identifier, emse: emse.clone() };
                let reports = keys.iter().map(given).collect();
                (reports, BootstrappingInfoAnswer { result: DiameterResult::SUCCESS, keys })
            }
            Err(why) => (vec![What::Refused { identifier, emse: said, why }], refusal(why)),
        };
        // Of a user whose name is none there is nothing to say.
        if let Some(user) = user {
            reports.into_iter().for_each(|what| outbox.report(Event::Enterprise { user: user.clone(), what }));
        }
        answer
    }

    /// An end point says that a session has come about. It is believed: whoever gets keys could have had one with itself.
    fn confirmed(
        &mut self,
        end_point: Result<EmseId, QueryFailure>,
        imsi: Option<Imsi>,
        identifier: KeyIdentifier,
        outbox: &mut Outbox<Event>,
    ) -> BootstrappingInfoAnswer {
        match end_point.and_then(|_| imsi.ok_or(QueryFailure::UnknownUser)) {
            Ok(imsi) => {
                if self.settings.enterprise.keeps_confirmed {
                    Self::deleted(self.store.confirm(imsi, identifier), outbox);
                }
                BootstrappingInfoAnswer { result: DiameterResult::SUCCESS, keys: Vec::new() }
            }
            Err(why) => refusal(why),
        }
    }

    fn diameter(&mut self, now: VirtualTime, from: Ipv4Addr, message: DiameterMessage, outbox: &mut Outbox<Event>) {
        let name = message.body.name();
        let DiameterMessage { hop_by_hop, end_to_end, session, origin, body } = message;
        let body = match body {
            DiameterBody::PushProfileRequest(request) => {
                DiameterBody::PushProfileAnswer(self.pushed(now, from, request, outbox))
            }
            DiameterBody::BootstrappingInfoRequest(request) => {
                DiameterBody::BootstrappingInfoAnswer(self.asked(from, &origin.host, &request, outbox))
            }
            _ => return outbox.verdict(Verdict::rejected(format!("dropped: {name} is not for an EMKS"))),
        };
        outbox.verdict(Verdict::accepted(format!("accepted: {name}")));
        let origin = self.settings.origin.clone();
        let answer = DiameterMessage { hop_by_hop, end_to_end, session, origin, body };
        self.core.transmit(from, &CoreMessage::Diameter(answer), outbox);
    }
}

/// What an end point is told that gets no key.
const fn refusal(why: QueryFailure) -> BootstrappingInfoAnswer {
    let result = match why {
        QueryFailure::UnknownUser => DiameterResult::IDENTITY_UNKNOWN,
        QueryFailure::UnknownKey => DiameterResult::TRANSACTION_IDENTIFIER_INVALID,
        QueryFailure::Ambiguous | QueryFailure::NoAnswer => DiameterResult::UNABLE_TO_COMPLY,
        QueryFailure::NotAuthorized => DiameterResult::NOT_AUTHORIZED,
    };
    BootstrappingInfoAnswer { result, keys: Vec::new() }
}

impl Node for Emks {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        Self::deleted(self.store.expire(now), outbox);
        let Input::Frame { octets, .. } = input else { return };
        match self.core.receive(&octets) {
            Ok((from, CoreMessage::Diameter(message))) => self.diameter(now, from, message, outbox),
            Ok((_, other)) => {
                outbox.verdict(Verdict::rejected(format!("dropped: {} is not for an EMKS", other.name())));
            }
            Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        self.store.next_expiry()
    }
}
