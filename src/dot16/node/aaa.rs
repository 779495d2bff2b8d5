//! The AAA server: authenticates mobiles with EAP-TLS for the Authenticator, which asks it in RADIUS (802.16-2009 clause
//! 7.2.2.1; RFC 3579, RFC 2865).
//!
//! A session begins with the identity of a mobile and goes on by its State. The server repeats nothing: a request that comes
//! again gets the answer that it got before.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::backbone_side::BackboneSide;
use super::directory::Directory;
use super::event::{Command, Event};
use super::timers::Timers;
use crate::dot16::backbone::radius::eap_messages;
use crate::dot16::backbone::{BackbonePacket, RadiusAttribute, RadiusCode, RadiusDatagram, RadiusPacket};
use crate::dot16::identifiers::MsMac;
use crate::dot16::security::eap_tls::{
    CertificateAuthority, CertificateState, EapServer, ServerCredentials, ServerStep,
};
use crate::dot16::security::radius::RadiusSecret;
use crate::dot16::wire::EapPacket;
use crate::emulation::{Input, Node, Outbox, Verdict};
use crate::time::VirtualTime;

/// Sessions at a time; a request that would begin one more is not answered.
const SESSIONS: usize = 4096;
/// Answers that are kept for requests that come again.
const STORED_ANSWERS: usize = 4096;
/// How long a session may take. Mobile and Authenticator give up before.
const LIMIT: Duration = Duration::from_secs(15);

/// Settings of the AAA server.
#[derive(Clone, Debug)]
pub struct AaaSettings {
    /// What it shares with the Authenticator.
    pub secret: RadiusSecret,
    /// Who has certified it and every device.
    pub authority: Arc<CertificateAuthority>,
    /// What is wrong with its certificate.
    pub certificate: CertificateState,
    /// The lifetime of a PMK, which goes with every Access-Accept; whole seconds.
    pub pmk_lifetime: Duration,
}

/// What State holds: names a session.
type SessionState = [u8; 16];

/// Address and port of the client, identifier and Request Authenticator.
type RequestKey = (Ipv4Addr, u16, u8, [u8; 16]);

#[derive(Debug)]
struct Session {
    ms: MsMac,
    server: EapServer,
}

/// A request, as far as its answer needs it.
struct Asked {
    from: Ipv4Addr,
    port: u16,
    identifier: u8,
    authenticator: [u8; 16],
    ms: MsMac,
}

/// The AAA server.
#[derive(Debug)]
pub struct Aaa {
    settings: AaaSettings,
    directory: Arc<Directory>,
    backbone: BackboneSide,
    /// For TLS, session names and salts.
    generator: ChaCha20Rng,
    /// Made for the first authentication.
    credentials: Option<ServerCredentials>,
    sessions: BTreeMap<SessionState, Session>,
    answers: BTreeMap<RequestKey, (RadiusPacket, String)>,
    answer_order: VecDeque<RequestKey>,
    timers: Timers<SessionState>,
}

impl Aaa {
    /// A server that nobody has asked yet.
    #[must_use]
    pub fn new(
        settings: AaaSettings,
        directory: Arc<Directory>,
        backbone: BackboneSide,
        generator: ChaCha20Rng,
    ) -> Self {
        Self {
            settings,
            directory,
            backbone,
            generator,
            credentials: None,
            sessions: BTreeMap::new(),
            answers: BTreeMap::new(),
            answer_order: VecDeque::new(),
            timers: Timers::default(),
        }
    }

    fn request(&mut self, now: VirtualTime, from: Ipv4Addr, datagram: RadiusDatagram, outbox: &mut Outbox<Event>) {
        let RadiusDatagram { source: port, packet, .. } = datagram;
        let dropped = |why: String| Verdict::rejected(format!("dropped: {why}"));
        if from != self.directory.gateway.endpoint.ip {
            return outbox.verdict(dropped("its sender is no client of this server".to_owned()));
        }
        if packet.code != RadiusCode::ACCESS_REQUEST {
            return outbox.verdict(dropped(format!("code {} is not for a server", packet.code.0)));
        }
        if let Err(fault) = self.settings.secret.verify_request(&packet) {
            return outbox.verdict(dropped(fault.to_string()));
        }
        let key = (from, port, packet.identifier, packet.authenticator);
        if let Some((answer, note)) = self.answers.get(&key).cloned() {
            outbox.verdict(Verdict::accepted("a repetition: the same answer again"));
            return self.backbone.radius_answer(from, port, answer, format!("{note} (again)"), outbox);
        }
        let Some(ms) = packet.calling_station() else {
            return outbox.verdict(dropped("no Calling-Station-Id that is a MAC address".to_owned()));
        };
        let eap = match packet.eap_packet().map(|octets| EapPacket::parse(&octets)) {
            Some(Ok(eap)) => eap,
            Some(Err(error)) => return outbox.verdict(dropped(error.to_string())),
            None => return outbox.verdict(dropped("no EAP packet".to_owned())),
        };
        let (identifier, authenticator) = (packet.identifier, packet.authenticator);
        let asked = Asked { from, port, identifier, authenticator, ms };
        match packet.state() {
            None => self.begin(now, asked, &eap, outbox),
            Some(state) => {
                let state = SessionState::try_from(state)
                    .ok()
                    .filter(|state| self.sessions.get(state).is_some_and(|session| session.ms == ms));
                match state {
                    Some(state) => self.go_on(now, asked, state, &eap, outbox),
                    None => outbox.verdict(dropped("no authentication of this mobile has this State".to_owned())),
                }
            }
        }
    }

    /// The identity of a mobile: a session of its own.
    fn begin(&mut self, now: VirtualTime, asked: Asked, eap: &EapPacket, outbox: &mut Outbox<Event>) {
        let EapPacket::Response(identity) = eap else {
            return outbox.verdict(Verdict::rejected("dropped: not a response"));
        };
        if self.sessions.len() >= SESSIONS {
            return outbox.verdict(Verdict::rejected("dropped: too many authentications at a time"));
        }
        let (server, step) = EapServer::begin(asked.ms, identity);
        let mut state = SessionState::default();
        if let Some(server) = server {
            self.generator.fill_bytes(&mut state);
            self.sessions.insert(state, Session { ms: asked.ms, server });
            self.timers.set(state, now + LIMIT);
        }
        self.follow(asked, state, step, outbox);
    }

    fn go_on(
        &mut self,
        now: VirtualTime,
        asked: Asked,
        state: SessionState,
        eap: &EapPacket,
        outbox: &mut Outbox<Event>,
    ) {
        if self.credentials.is_none() {
            let AaaSettings { authority, certificate, .. } = &self.settings;
            match ServerCredentials::new(authority, *certificate) {
                Ok(credentials) => self.credentials = Some(credentials),
                Err(error) => return outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            }
        }
        let Self { credentials: Some(credentials), sessions, generator, .. } = self else {
            return;
        };
        let Some(session) = sessions.get_mut(&state) else {
            return;
        };
        let step = session.server.take(eap, credentials, now, generator);
        self.follow(asked, state, step, outbox);
    }

    fn follow(&mut self, asked: Asked, state: SessionState, step: ServerStep, outbox: &mut Outbox<Event>) {
        let (code, eap, mut attributes) = match step {
            ServerStep::Ignored(why) => return outbox.verdict(Verdict::rejected(format!("dropped: {why}"))),
            ServerStep::Request(request) => {
                outbox.verdict(Verdict::accepted("EAP goes on"));
                (RadiusCode::ACCESS_CHALLENGE, request, vec![RadiusAttribute::State(state.to_vec())])
            }
            ServerStep::Succeeded(success, msk) => {
                outbox.verdict(Verdict::accepted("authenticated"));
                self.end(state);
                let mut salts = [0; 4];
                self.generator.fill_bytes(&mut salts);
                let [a, b, c, d] = salts;
                // Two salts of one packet have to differ.
                let salts = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
                let salts = if salts[0] | 0x8000 == salts[1] | 0x8000 { [salts[0], salts[1] ^ 1] } else { salts };
                let keys = self.settings.secret.hide_msk(&msk, salts, &asked.authenticator);
                let seconds = u32::try_from(self.settings.pmk_lifetime.as_secs()).unwrap_or(u32::MAX);
                let lifetime = RadiusAttribute::SessionTimeout(seconds);
                (RadiusCode::ACCESS_ACCEPT, success, keys.into_iter().chain([lifetime]).collect())
            }
            ServerStep::Failed(failure, why) => {
                outbox.verdict(Verdict::rejected(format!("refused: {why}")));
                self.end(state);
                (RadiusCode::ACCESS_REJECT, failure, Vec::new())
            }
        };
        let Ok(octets) = eap.octets() else { return };
        attributes.extend(eap_messages(&octets));
        let Asked { from, port, identifier, authenticator, ms } = asked;
        let mut answer = RadiusPacket { code, identifier, authenticator, attributes };
        if self.settings.secret.sign_response(&mut answer, &authenticator).is_err() {
            return;
        }
        let note = format!("{}: EAP {} for {}", code.name(), eap.name(), self.directory.ms(ms));
        self.store((from, port, identifier, authenticator), answer.clone(), note.clone());
        self.backbone.radius_answer(from, port, answer, note, outbox);
    }

    fn store(&mut self, key: RequestKey, answer: RadiusPacket, note: String) {
        if self.answers.insert(key, (answer, note)).is_none() {
            self.answer_order.push_back(key);
            if self.answer_order.len() > STORED_ANSWERS
                && let Some(oldest) = self.answer_order.pop_front()
            {
                self.answers.remove(&oldest);
            }
        }
    }

    fn end(&mut self, state: SessionState) {
        self.sessions.remove(&state);
        self.timers.cancel(state);
    }
}

impl Node for Aaa {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        match input {
            Input::Frame { octets, .. } => match self.backbone.receive(&octets) {
                Ok(frame) => match frame.packet {
                    BackbonePacket::Radius(datagram) => self.request(now, frame.from.ip, datagram, outbox),
                    BackbonePacket::Control(_) | BackbonePacket::Data(_) => {
                        outbox.verdict(Verdict::rejected("dropped: not for an AAA server"));
                    }
                },
                Err(error) => outbox.verdict(Verdict::rejected(format!("dropped: {error}"))),
            },
            Input::Timer => {
                while let Some(state) = self.timers.pop(now) {
                    self.sessions.remove(&state);
                }
            }
            Input::Command(_) => {}
        }
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        self.timers.next()
    }
}

#[cfg(test)]
mod tests;
