//! The EMSE: an end point in an enterprise, outside of the network of the operator. UEs open sessions with it; it asks the EMKS for the key
//! of each, and answers application data with the same octets.
//!
//! It takes at most [`MAX_SESSIONS`] sessions; a datagram that would begin another is ignored then.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use rand_chacha::ChaCha20Rng;

use super::event::{Command, Event, QueryFailure, SessionFailure, User, What};
use super::session::{Ending, Session, SessionStep};
use super::settings::IdentityForm;
use super::zn::{Answered, ZnClient};
use crate::dot16::backbone::BackboneEndpoint;
use crate::emulation::{Input, Node, Outbox, Port, Verdict};
use crate::eps::identifiers::Imsi;
use crate::eps::identifiers::e2m::{ApplicationIdentity, EmseId};
use crate::eps::wire::CoreFrame;
use crate::eps::wire::dtls::{self, DtlsRecord};
use crate::eps::wire::session_identity::{EMSE_PORT, SessionIdentity};
use crate::eps::wire::user_packet::UserDatagram;
use crate::time::VirtualTime;

/// Sessions at the most, those included whose handshake is not complete.
pub const MAX_SESSIONS: usize = 1024;

/// What is wrong with an end point; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmseFaults {
    /// Of several keys with one identifier it tries the newest only.
    pub takes_newest_only: bool,
    /// It takes the same random values for every session.
    pub repeats_randoms: bool,
}

/// What an end point is.
#[derive(Clone, Debug)]
pub struct EmseSettings {
    /// Its EMSE_Id.
    pub emse: EmseId,
    /// Where it is.
    pub own: BackboneEndpoint,
    /// The link to the gateway of the operator.
    pub link: Port,
    /// The Ethernet address of the gateway on it.
    pub gateway: [u8; 6],
    /// By what users are known.
    pub identity: IdentityForm,
    /// The users by their application identities, where the end point makes IMSIs of them.
    pub users: BTreeMap<ApplicationIdentity, Imsi>,
    /// Whether it tells the EMKS that a session has come about.
    pub confirms: bool,
    /// What is wrong with it.
    pub faults: EmseFaults,
}

/// A session with what is known of who is at its other end.
struct Held {
    session: Session,
    identity: Option<SessionIdentity>,
    user: Option<User>,
    /// By what the EMKS knows the user.
    name: Option<String>,
    /// The query that is open for it.
    query: Option<u32>,
    opened: bool,
    /// Why there is no key.
    failure: Option<SessionFailure>,
}

/// An end point.
pub struct Emse {
    settings: EmseSettings,
    zn: ZnClient,
    random: ChaCha20Rng,
    identification: u16,
    /// By the address and port of the UE.
    sessions: BTreeMap<SocketAddrV4, Held>,
}

impl Emse {
    /// An end point that asks by `zn`; `random` is its own.
    #[must_use]
    pub fn new(settings: EmseSettings, zn: ZnClient, random: ChaCha20Rng) -> Self {
        Self { settings, zn, random, identification: 0, sessions: BTreeMap::new() }
    }

    fn report(&self, user: User, what: What, outbox: &mut Outbox<Event>) {
        outbox.report(Event::Enterprise { user, what });
    }

    fn send(&mut self, to: SocketAddrV4, payload: Vec<u8>, outbox: &mut Outbox<Event>) {
        let note = dtls::names(&payload);
        let from = SocketAddrV4::new(self.settings.own.ip, EMSE_PORT);
        let frame = UserDatagram { from, to, payload }.into_frame([self.settings.own.mac, self.settings.gateway]);
        self.identification = self.identification.wrapping_add(1);
        if let Ok(octets) = frame.octets(self.identification) {
            outbox.send(self.settings.link, octets, note);
        }
    }

    /// A datagram has come from outside.
    fn datagram(&mut self, now: VirtualTime, octets: &[u8], outbox: &mut Outbox<Event>) {
        let datagram = match CoreFrame::parse(octets).and_then(UserDatagram::of_frame) {
            Ok(datagram) => datagram,
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        let records = match DtlsRecord::parse_all(&datagram.payload) {
            Ok(records) => records,
            Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
        };
        if datagram.to != SocketAddrV4::new(self.settings.own.ip, EMSE_PORT) {
            return outbox.verdict(Verdict::rejected("dropped: not for this end point"));
        }
        let peer = datagram.from;
        if !self.sessions.contains_key(&peer) {
            if !records.first().is_some_and(DtlsRecord::is_client_hello) {
                return outbox.verdict(Verdict::rejected("dropped: no session with this peer"));
            }
            let mut random = self.random.clone();
            let session = (self.sessions.len() < MAX_SESSIONS).then(|| Session::asked(&mut random, now)).flatten();
            if !self.settings.faults.repeats_randoms {
                self.random = random;
            }
            let Some(session) = session else {
                return outbox.verdict(Verdict::rejected("dropped: no room for another session"));
            };
            let held =
                Held { session, identity: None, user: None, name: None, query: None, opened: false, failure: None };
            self.sessions.insert(peer, held);
        }
        let Some(held) = self.sessions.get_mut(&peer) else { return };
        let established = held.session.is_established();
        let steps = held.session.take(now, &datagram.payload);
        // What comes in a session and leads to nothing was dropped by it: it does not open, or was there before.
        let dropped = established && steps.is_empty() && records.iter().all(|record| record.epoch > 0);
        let refused = steps.iter().any(|step| matches!(step, SessionStep::Ended(Ending::WrongKey | Ending::Broken(_))));
        outbox.verdict(match (refused, dropped) {
            (true, _) => Verdict::rejected("refused: it does not open"),
            (_, true) => Verdict::rejected("dropped: it does not open, or was there before"),
            _ => Verdict::accepted(format!("accepted: {}", dtls::names(&datagram.payload))),
        });
        self.follow(now, peer, steps, outbox);
    }

    /// Does what follows from a session.
    fn follow(&mut self, now: VirtualTime, peer: SocketAddrV4, steps: Vec<SessionStep>, outbox: &mut Outbox<Event>) {
        for step in steps {
            match step {
                SessionStep::Send(datagram) => self.send(peer, datagram, outbox),
                SessionStep::KeyWanted(identity) => self.key_wanted(now, peer, &identity, outbox),
                SessionStep::Established { client_random, master } => {
                    let Some(held) = self.sessions.get_mut(&peer) else { continue };
                    held.opened = true;
                    if let (Some(user), Some(identity)) = (held.user.clone(), &held.identity) {
                        let (emse, identifier) = (self.settings.emse.clone(), identity.key);
                        let master_secret = Some(master);
                        if let Some(name) = held.name.take().filter(|_| self.settings.confirms) {
                            self.zn.confirm(now, &name, identifier, outbox);
                        }
                        let what = What::SessionOpened { emse, identifier, client_random, master_secret };
                        self.report(user, what, outbox);
                    }
                }
                SessionStep::Received(octets) => {
                    let Some(held) = self.sessions.get_mut(&peer) else { continue };
                    let echo = held.session.send(now, &octets);
                    if let Some(user) = held.user.clone() {
                        let emse = self.settings.emse.clone();
                        self.report(user, What::Received { emse, octets }, outbox);
                    }
                    self.follow(now, peer, echo, outbox);
                }
                SessionStep::Ended(ending) => self.ended(peer, ending, outbox),
            }
        }
    }

    /// A UE has said who it is: its key is asked for.
    fn key_wanted(&mut self, now: VirtualTime, peer: SocketAddrV4, identity: &[u8], outbox: &mut Outbox<Event>) {
        let asked = match SessionIdentity::parse(identity) {
            Some(identity) => {
                let mapped = self.settings.users.get(&identity.application).copied();
                let application = User::Application(identity.application.clone());
                let (user, name) = match self.settings.identity {
                    IdentityForm::AtEmks => (application, Some(identity.application.to_string())),
                    IdentityForm::Imsi => {
                        let imsi = identity.application.as_str().parse().ok();
                        (imsi.map_or(application, User::Imsi), Some(identity.application.to_string()))
                    }
                    IdentityForm::AtEmse => {
                        (mapped.map_or(application, User::Imsi), mapped.map(|imsi| imsi.to_string()))
                    }
                };
                let asked = match &name {
                    Some(name) => self.zn.ask(now, name, identity.key, outbox).ok_or(QueryFailure::NoAnswer),
                    None => Err(QueryFailure::UnknownUser),
                };
                if let Some(held) = self.sessions.get_mut(&peer) {
                    (held.identity, held.user, held.name) = (Some(identity), Some(user), name);
                }
                asked.map_err(SessionFailure::Query)
            }
            None => Err(SessionFailure::Identity),
        };
        let Some(held) = self.sessions.get_mut(&peer) else { return };
        match asked {
            Ok(query) => held.query = Some(query),
            Err(why) => {
                held.failure = Some(why);
                let steps = held.session.key(now, &[]);
                self.follow(now, peer, steps, outbox);
            }
        }
    }

    /// The EMKS has answered, or has not.
    fn answered(&mut self, now: VirtualTime, answered: Answered, outbox: &mut Outbox<Event>) {
        let waits = self.sessions.iter().find(|(_, held)| held.query == Some(answered.query));
        let Some(peer) = waits.map(|(peer, _)| *peer) else { return };
        let Some(held) = self.sessions.get_mut(&peer) else { return };
        held.query = None;
        let (user, identity) = (held.user.clone(), held.identity.clone());
        let keys = match answered.result {
            Ok(mut keys) => {
                if self.settings.faults.takes_newest_only {
                    keys.truncate(1);
                }
                keys
            }
            Err(why) => {
                held.failure = Some(SessionFailure::Query(why));
                Vec::new()
            }
        };
        let steps = held.session.key(now, &keys);
        if let (Some(user), Some(identity)) = (user, identity) {
            for key in keys {
                let (identifier, emse) = (identity.key, self.settings.emse.clone());
                self.report(user.clone(), What::Key { key, identifier, emse }, outbox);
            }
        }
        self.follow(now, peer, steps, outbox);
    }

    fn ended(&mut self, peer: SocketAddrV4, ending: Ending, outbox: &mut Outbox<Event>) {
        let Some(Held { identity, user, opened, failure, .. }) = self.sessions.remove(&peer) else { return };
        let emse = self.settings.emse.clone();
        let what = match failure.or_else(|| ending.failure(opened)) {
            None => What::SessionClosed { emse },
            Some(why) => What::SessionFailed { emse, identifier: identity.map(|identity| identity.key), why },
        };
        // Of somebody who has not said who he is there is nothing to say.
        if let Some(user) = user {
            self.report(user, what, outbox);
        }
    }

    fn timers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        for answered in self.zn.timer(now, outbox) {
            self.answered(now, answered, outbox);
        }
        let is_due = |held: &Held| held.session.next_timer().is_some_and(|at| at <= now);
        let due: Vec<SocketAddrV4> =
            self.sessions.iter().filter(|(_, held)| is_due(held)).map(|(peer, _)| *peer).collect();
        for peer in due {
            let steps = self.sessions.get_mut(&peer).map(|held| held.session.timer(now));
            self.follow(now, peer, steps.unwrap_or_default(), outbox);
        }
    }
}

impl Node for Emse {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        match input {
            Input::Frame { port, octets } if port == self.settings.link => self.datagram(now, &octets, outbox),
            Input::Frame { octets, .. } => {
                if let Some(answered) = self.zn.receive(&octets, outbox) {
                    self.answered(now, answered, outbox);
                }
            }
            Input::Timer => self.timers(now, outbox),
            Input::Command(_) => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        let sessions = self.sessions.values().filter_map(|held| held.session.next_timer());
        sessions.chain(self.zn.next_timer()).min()
    }
}
