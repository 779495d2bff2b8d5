//! How an EMSE asks the EMKS, over Zn: a client of Diameter to be built into a node.
//!
//! It waits [`ANSWER`] for an answer and asks [`TRIES`] times; no more than [`MOST_QUERIES`] queries are open \[choice\].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::event::QueryFailure;
use super::settings::EmseIdGiven;
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::e2m::{EmseId, KeyIdentifier};
use crate::eps::keys::E2mKey;
use crate::eps::node::core_side::{CoreMessage, CoreSide};
use crate::eps::wire::diameter::{BootstrappingInfoRequest, DiameterPeer, DiameterResult};
use crate::eps::wire::{DiameterBody, DiameterMessage};
use crate::time::VirtualTime;

/// How long an answer is waited for.
pub const ANSWER: Duration = Duration::from_millis(500);
/// How often is asked.
pub const TRIES: u8 = 3;
/// Queries that are open at the most.
pub const MOST_QUERIES: usize = 256;

/// Who asks whom.
#[derive(Clone, Debug)]
pub struct ZnSettings {
    /// The name of the EMSE.
    pub origin: DiameterPeer,
    /// Where the EMKS is.
    pub emks: Ipv4Addr,
    /// What it is called.
    pub destination: DiameterPeer,
    /// The EMSE_Id that it says it has: its own, unless the EMSE is somebody else's.
    pub emse: EmseId,
    /// When it says so.
    pub given: EmseIdGiven,
}

/// What came of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The number that [`ZnClient::ask`] gave it.
    pub query: u32,
    /// The keys, at least one, that which is to be tried first in front; or why there are none.
    pub result: Result<Vec<E2mKey>, QueryFailure>,
}

struct Query {
    /// What was asked for; none: it registers.
    wanted: Option<(String, KeyIdentifier)>,
    /// Nothing is asked for: a session under this key has come about.
    confirms: bool,
    tries: u8,
    ends: VirtualTime,
}

/// The client.
pub struct ZnClient {
    settings: ZnSettings,
    core: CoreSide,
    open: BTreeMap<u32, Query>,
    last: u32,
    started: bool,
}

impl ZnClient {
    /// A client that has asked nothing yet; `core` has the link to the EMKS.
    #[must_use]
    pub fn new(settings: ZnSettings, core: CoreSide) -> Self {
        Self { settings, core, open: BTreeMap::new(), last: 0, started: false }
    }

    /// Whether this is its link.
    #[must_use]
    pub fn is_link(&self, port: crate::emulation::Port) -> bool {
        self.core.is_link(port)
    }

    /// Asks for the key of this user with this identifier. The number of the query; none if too many are open.
    pub fn ask<E>(
        &mut self,
        now: VirtualTime,
        identity: &str,
        identifier: KeyIdentifier,
        outbox: &mut Outbox<E>,
    ) -> Option<u32> {
        if self.open.len() >= MOST_QUERIES {
            return None;
        }
        Some(self.begin(now, Some((identity.to_owned(), identifier)), false, outbox))
    }

    /// Tells that a session has come about under the key of this user with this identifier; not if too many queries are open.
    pub fn confirm<E>(&mut self, now: VirtualTime, identity: &str, identifier: KeyIdentifier, outbox: &mut Outbox<E>) {
        if self.open.len() < MOST_QUERIES {
            self.begin(now, Some((identity.to_owned(), identifier)), true, outbox);
        }
    }

    fn begin<E>(
        &mut self,
        now: VirtualTime,
        wanted: Option<(String, KeyIdentifier)>,
        confirms: bool,
        outbox: &mut Outbox<E>,
    ) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.open.insert(self.last, Query { wanted, confirms, tries: TRIES - 1, ends: now + ANSWER });
        self.send(self.last, outbox);
        self.last
    }

    fn send<E>(&mut self, number: u32, outbox: &mut Outbox<E>) {
        let Some(Query { wanted, confirms, .. }) = self.open.get(&number) else { return };
        let says = wanted.is_none() || self.settings.given == EmseIdGiven::EveryRequest;
        let request = BootstrappingInfoRequest {
            destination: self.settings.destination.clone(),
            end_point: says.then(|| self.settings.emse.to_string()),
            wanted: wanted.as_ref().map(|(identity, identifier)| (identity.clone(), identifier.0)),
            confirms: *confirms,
        };
        let origin = self.settings.origin.clone();
        let message = DiameterMessage {
            hop_by_hop: number,
            end_to_end: number,
            session: format!("{};0;{number}", origin.host),
            origin,
            body: DiameterBody::BootstrappingInfoRequest(request),
        };
        self.core.transmit(self.settings.emks, &CoreMessage::Diameter(message), outbox);
    }

    /// A frame has come on its link. What came of a query, if it answers one; the verdict is left in `outbox`.
    pub fn receive<E>(&mut self, octets: &[u8], outbox: &mut Outbox<E>) -> Option<Answered> {
        let mut rejected = |text: String| {
            outbox.verdict(Verdict::rejected(format!("dropped: {text}")));
            None
        };
        let message = match self.core.receive(octets) {
            Ok((from, CoreMessage::Diameter(message))) if from == self.settings.emks => message,
            Ok((_, other)) => return rejected(format!("{} is not for an EMSE from there", other.name())),
            Err(error) => return rejected(error.to_string()),
        };
        let DiameterMessage { hop_by_hop, body, .. } = message;
        let DiameterBody::BootstrappingInfoAnswer(answer) = body else {
            return rejected(format!("{} is not for an EMSE", body.name()));
        };
        let Some(query) = self.open.remove(&hop_by_hop) else {
            return rejected("nobody waits for this answer".to_owned());
        };
        outbox.verdict(Verdict::accepted("accepted: BootstrappingInfoAnswer"));
        // That it is registered, or not, shows in what it asks for; and of what was confirmed nothing follows here.
        query.wanted.filter(|_| !query.confirms)?;
        let failure = match answer.result {
            DiameterResult::SUCCESS if answer.keys.is_empty() => QueryFailure::UnknownKey,
            DiameterResult::SUCCESS => return Some(Answered { query: hop_by_hop, result: Ok(answer.keys) }),
            DiameterResult::IDENTITY_UNKNOWN => QueryFailure::UnknownUser,
            DiameterResult::NOT_AUTHORIZED => QueryFailure::NotAuthorized,
            DiameterResult::TRANSACTION_IDENTIFIER_INVALID => QueryFailure::UnknownKey,
            _ => QueryFailure::Ambiguous,
        };
        Some(Answered { query: hop_by_hop, result: Err(failure) })
    }

    /// Registers at the start, where it says once who it is, and asks again what was not answered. The queries that never were.
    pub fn timer<E>(&mut self, now: VirtualTime, outbox: &mut Outbox<E>) -> Vec<Answered> {
        if !self.started {
            self.started = true;
            if self.settings.given == EmseIdGiven::Once {
                self.begin(now, None, false, outbox);
            }
        }
        let mut given_up = Vec::new();
        let due: Vec<u32> =
            self.open.iter().filter(|(_, query)| query.ends <= now).map(|(number, _)| *number).collect();
        for number in due {
            let Some(query) = self.open.get_mut(&number) else { continue };
            match query.tries.checked_sub(1) {
                Some(tries) => {
                    (query.tries, query.ends) = (tries, now + ANSWER);
                    self.send(number, outbox);
                }
                None => {
                    let asked = self.open.remove(&number).filter(|query| !query.confirms);
                    let asked = asked.is_some_and(|query| query.wanted.is_some());
                    if asked {
                        given_up.push(Answered { query: number, result: Err(QueryFailure::NoAnswer) });
                    }
                }
            }
        }
        given_up
    }

    /// When [`timer`](Self::timer) is to be called next.
    #[must_use]
    pub fn next_timer(&self) -> Option<VirtualTime> {
        if !self.started {
            return Some(VirtualTime::ZERO);
        }
        self.open.values().map(|query| query.ends).min()
    }
}
