//! A UE with applications that talk to end points: around the UE of the network, which knows nothing of them.
//!
//! It makes e2m_int_key of each authentication, and e2m_key of the last one when it opens a session; a session that is open keeps its key
//! (seed 004, key refresh). Datagrams travel as its user packets.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use rand_chacha::ChaCha20Rng;

use super::event::{Command, Event, SessionFailure, User, What, of_eps};
use super::session::{Session, SessionStep};
use super::settings::{Enterprise, IdentityForm};
use crate::emulation::{Input, Node, Outbox};
use crate::eps::identifiers::Imsi;
use crate::eps::identifiers::e2m::{ApplicationIdentity, EmseId, KeyIdentifier};
use crate::eps::keys::E2mIntKey;
use crate::eps::node;
use crate::eps::parameters::LinkDirection::Downlink;
use crate::eps::wire::session_identity::{EMSE_PORT, SessionIdentity};
use crate::eps::wire::user_packet::UserDatagram;
use crate::time::VirtualTime;

/// The first UDP port that a UE opens a session from; each session has the next one.
const FIRST_PORT: u16 = 49_152;

/// What the applications of a UE know.
#[derive(Clone, Debug)]
pub struct ApplicationSettings {
    /// Who the UE is to the network.
    pub imsi: Imsi,
    /// Who it is to the applications, where that is another name.
    pub identity: ApplicationIdentity,
    /// Its IP address.
    pub address: Ipv4Addr,
    /// The end points and where they are.
    pub end_points: BTreeMap<EmseId, Ipv4Addr>,
    /// What was agreed on.
    pub enterprise: Enterprise,
    /// What is wrong with them: they take the same random values for every session.
    pub repeats_randoms: bool,
}

/// A session that is open or being opened.
struct Held {
    session: Session,
    /// Own address and port, those of the end point.
    ends: [SocketAddrV4; 2],
    identifier: KeyIdentifier,
    opened: bool,
}

/// A UE around that of the network.
pub struct EnterpriseUe<N> {
    ue: N,
    settings: ApplicationSettings,
    random: ChaCha20Rng,
    /// Of the last authentication.
    int_key: Option<(Box<E2mIntKey>, KeyIdentifier)>,
    sessions: BTreeMap<EmseId, Held>,
    next_port: u16,
    identification: u16,
}

impl<N: Node<Command = node::Command, Event = node::Event>> EnterpriseUe<N> {
    /// The applications of `ue`; `random` is their own.
    #[must_use]
    pub fn new(ue: N, settings: ApplicationSettings, random: ChaCha20Rng) -> Self {
        Self {
            ue,
            settings,
            random,
            int_key: None,
            sessions: BTreeMap::new(),
            next_port: FIRST_PORT,
            identification: 0,
        }
    }

    /// The UE of the network.
    #[must_use]
    pub const fn ue(&self) -> &N {
        &self.ue
    }

    fn report(&self, what: What, outbox: &mut Outbox<Event>) {
        outbox.report(Event::Enterprise { user: User::Imsi(self.settings.imsi), what });
    }

    /// Hands an input to the UE of the network, and sees what comes of it.
    fn network(&mut self, now: VirtualTime, input: Input<node::Command>, outbox: &mut Outbox<Event>) {
        let mut inner = Outbox::default();
        self.ue.handle(now, input, &mut inner);
        let (mut authentications, mut packets) = (Vec::new(), Vec::new());
        for event in inner.events() {
            match &event.what {
                node::What::AkaKeys { rand, keys } => authentications.push((*rand, keys.clone())),
                node::What::PacketOut { direction: Downlink, octets } => packets.push(octets.clone()),
                _ => {}
            }
        }
        outbox.absorb(inner, Event::Eps);
        for (rand, keys) in authentications {
            let Ok(key) = self.settings.enterprise.derivation.int_key(&keys) else { continue };
            let identifier = self.settings.enterprise.derivation.identifier.of(&rand, &key);
            self.report(What::IntKey { key: key.clone(), identifier }, outbox);
            self.int_key = Some((Box::new(key), identifier));
        }
        for packet in packets {
            self.packet(now, &packet, outbox);
        }
    }

    /// A packet has come: it may be for a session.
    fn packet(&mut self, now: VirtualTime, packet: &[u8], outbox: &mut Outbox<Event>) {
        let Ok(UserDatagram { from, to, payload }) = UserDatagram::parse(packet) else { return };
        let held = self.sessions.iter_mut().find(|(_, held)| held.ends == [to, from]);
        let Some((emse, held)) = held else { return };
        let (emse, steps) = (emse.clone(), held.session.take(now, &payload));
        self.follow(now, &emse, steps, outbox);
    }

    fn send(&mut self, now: VirtualTime, [from, to]: [SocketAddrV4; 2], payload: Vec<u8>, outbox: &mut Outbox<Event>) {
        self.identification = self.identification.wrapping_add(1);
        if let Ok(packet) = (UserDatagram { from, to, payload }).into_packet(self.identification) {
            self.network(now, Input::Command(node::Command::Uplink(packet)), outbox);
        }
    }

    /// Does what follows from a session.
    fn follow(&mut self, now: VirtualTime, emse: &EmseId, steps: Vec<SessionStep>, outbox: &mut Outbox<Event>) {
        for step in steps {
            let Some(held) = self.sessions.get_mut(emse) else { return };
            let emse = emse.clone();
            match step {
                SessionStep::Send(datagram) => {
                    let ends = held.ends;
                    self.send(now, ends, datagram, outbox);
                }
                SessionStep::Established { client_random, master } => {
                    held.opened = true;
                    let (identifier, master_secret) = (held.identifier, Some(master));
                    self.report(What::SessionOpened { emse, identifier, client_random, master_secret }, outbox);
                }
                SessionStep::Received(octets) => self.report(What::Received { emse, octets }, outbox),
                SessionStep::Ended(ending) => {
                    let (identifier, opened) = (Some(held.identifier), held.opened);
                    self.sessions.remove(&emse);
                    let what = match ending.failure(opened) {
                        None => What::SessionClosed { emse },
                        Some(why) => What::SessionFailed { emse, identifier, why },
                    };
                    self.report(what, outbox);
                }
                // It is the end that asks.
                SessionStep::KeyWanted(_) => {}
            }
        }
    }

    /// Opens a session with the newest key; one that is open is closed before.
    fn open(&mut self, now: VirtualTime, emse: EmseId, outbox: &mut Outbox<Event>) {
        let Some(address) = self.settings.end_points.get(&emse).copied() else { return };
        self.close(now, &emse, outbox);
        let key = self.int_key.as_ref().and_then(|(int_key, identifier)| {
            self.settings.enterprise.derivation.key(int_key, &emse).ok().map(|key| (key, *identifier))
        });
        let Some((key, identifier)) = key else {
            return self.report(What::SessionFailed { emse, identifier: None, why: SessionFailure::NoKey }, outbox);
        };
        self.report(What::Key { key: key.clone(), identifier, emse: emse.clone() }, outbox);
        let application = match self.settings.enterprise.identity {
            IdentityForm::Imsi => self.settings.imsi.to_string().parse().ok(),
            IdentityForm::AtEmse | IdentityForm::AtEmks => Some(self.settings.identity.clone()),
        };
        let Some(application) = application else { return };
        let identity = SessionIdentity { application, key: identifier };
        let mut random = self.random.clone();
        let Some((session, steps)) = Session::open(&identity, &key, &mut random, now) else { return };
        if !self.settings.repeats_randoms {
            self.random = random;
        }
        let ends = [SocketAddrV4::new(self.settings.address, self.next_port), SocketAddrV4::new(address, EMSE_PORT)];
        self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_PORT);
        self.sessions.insert(emse.clone(), Held { session, ends, identifier, opened: false });
        self.follow(now, &emse, steps, outbox);
    }

    fn close(&mut self, now: VirtualTime, emse: &EmseId, outbox: &mut Outbox<Event>) {
        let steps = self.sessions.get_mut(emse).map(|held| held.session.close(now));
        self.follow(now, emse, steps.unwrap_or_default(), outbox);
    }

    fn timers(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        if self.ue.next_timer().is_some_and(|at| at <= now) {
            self.network(now, Input::Timer, outbox);
        }
        let is_due = |held: &Held| held.session.next_timer().is_some_and(|at| at <= now);
        let due: Vec<EmseId> =
            self.sessions.iter().filter(|(_, held)| is_due(held)).map(|(emse, _)| emse.clone()).collect();
        for emse in due {
            let steps = self.sessions.get_mut(&emse).map(|held| held.session.timer(now));
            self.follow(now, &emse, steps.unwrap_or_default(), outbox);
        }
    }
}

impl<N: Node<Command = node::Command, Event = node::Event>> Node for EnterpriseUe<N> {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        match input {
            Input::Command(Command::Open(emse)) => self.open(now, emse, outbox),
            Input::Command(Command::Close(emse)) => self.close(now, &emse, outbox),
            Input::Command(Command::Send(emse, octets)) => {
                let steps = self.sessions.get_mut(&emse).map(|held| held.session.send(now, &octets));
                self.follow(now, &emse, steps.unwrap_or_default(), outbox);
            }
            Input::Timer => self.timers(now, outbox),
            input => {
                if let Some(input) = of_eps(input) {
                    self.network(now, input, outbox);
                }
            }
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        let sessions = self.sessions.values().filter_map(|held| held.session.next_timer());
        sessions.chain(self.ue.next_timer()).min()
    }
}
