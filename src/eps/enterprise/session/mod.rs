//! A session between a UE and an end point of an enterprise: DTLS 1.2 under their pre-shared key (RFC 6347, RFC 4279). Sans-IO: datagrams,
//! time and a generator in, datagrams and what happened out.
//!
//! ```text
//! UE                                                   EMSE                                 EMKS
//!   ClientHello                              ->
//!                                            <-   HelloVerifyRequest: cookie
//!   ClientHello: cookie                      ->
//!                                            <-   ServerHello, ServerHelloDone
//!   ClientKeyExchange: identity, key id,
//!     ChangeCipherSpec, Finished             ->   held back            identity, key id, EMSE_Id ->
//!                                                                                  <- e2m_key
//!                                            <-   ChangeCipherSpec, Finished
//!   application data                        <->
//!   close_notify                             ->
//! ```
//!
//! The end that is asked holds back what comes from the key exchange on until it has the key. Of several keys with one identifier it takes
//! that under which the Finished of the UE opens. An end that cannot go on says so by a fatal
//! alert: `unknown_psk_identity` where there is no such key, `decrypt_error` where the key is another. There is no resumption and no
//! renegotiation. The library offers keys for SRTP in every hello, which nobody uses here.
//!
//! * `library`: the DTLS library, made to give the same octets in every run.

mod library;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use dimpl::{Dtls, Error, Output, SecurityError};
use rand_chacha::ChaCha20Rng;

use library::SharedKey;

use crate::eps::enterprise::event::SessionFailure;
use crate::eps::keys::E2mKey;
use crate::eps::security::dtls_psk::MasterSecret;
use crate::eps::session_protection::SessionKeys;
use crate::eps::wire::dtls::{Alert, ContentType, DtlsRecord, HandshakeTranscript, SessionEnd};
use crate::eps::wire::session_identity::SessionIdentity;
use crate::time::VirtualTime;

/// Most octets of application data in one record.
pub const MAX_DATA: usize = 1024;
/// Datagrams that are held back until the key is there, at the most.
const MAX_HELD: usize = 8;
/// Octets of what the library has to say at once, at the most.
const MAX_OUTPUT: usize = 65_535;

/// How a session has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// One end has closed it.
    Closed,
    /// There is no key of the identity that the other end has given.
    UnknownIdentity,
    /// What the other end has sent does not open: it has another key.
    WrongKey,
    /// The other end has said why, by a fatal alert (RFC 5246 section 7.2).
    Alert(u8),
    /// The handshake has taken too long.
    TimedOut,
    /// The other end has broken the rules, in words.
    Broken(String),
}

impl Ending {
    /// What a node says of it: why there is no session; none if it was closed.
    pub(in crate::eps::enterprise) fn failure(&self, opened: bool) -> Option<SessionFailure> {
        match self {
            Self::Closed if opened => None,
            Self::Closed | Self::Alert(_) => Some(SessionFailure::Alert),
            Self::UnknownIdentity => Some(SessionFailure::Identity),
            Self::WrongKey | Self::Broken(_) => Some(SessionFailure::Handshake),
            Self::TimedOut => Some(SessionFailure::TimedOut),
        }
    }
}

/// What follows from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionStep {
    /// Send this datagram.
    Send(Vec<u8>),
    /// Of the end that is asked: the other has given this identity, and waits until [`Session::key`] is told.
    KeyWanted(Vec<u8>),
    /// The handshake is complete. With these, anybody can open the records.
    Established {
        /// The random octets of the client.
        client_random: [u8; 32],
        /// The master secret.
        master: MasterSecret,
    },
    /// Application data has come.
    Received(Vec<u8>),
    /// The session has ended; nothing follows.
    Ended(Ending),
}

/// Where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Handshake,
    /// The key is not known yet.
    KeyWanted,
    Established,
    Ended,
}

/// One end of a session.
#[derive(Debug)]
pub struct Session {
    end: SessionEnd,
    dtls: Dtls,
    key: Arc<SharedKey>,
    state: State,
    transcript: HandshakeTranscript,
    /// What came while the key was not known.
    held: Vec<Vec<u8>>,
    /// The number of the next record in the clear.
    next_record: u64,
    next_timer: Option<VirtualTime>,
}

impl Session {
    /// Opens a session with this identity and this key. `None`: the library cannot run here.
    #[must_use]
    pub fn open(
        identity: &SessionIdentity,
        key: &E2mKey,
        random: &mut ChaCha20Rng,
        now: VirtualTime,
    ) -> Option<(Self, Vec<SessionStep>)> {
        let shared = Arc::new(SharedKey::default());
        shared.set(key.octets());
        let dtls = library::client(identity.to_string().as_bytes(), Arc::clone(&shared), random, now)?;
        let mut session = Self::new(SessionEnd::Client, dtls, shared);
        let steps = session.timer(now);
        Some((session, steps))
    }

    /// The end that is asked; its key is not known before it has heard the identity.
    #[must_use]
    pub fn asked(random: &mut ChaCha20Rng, now: VirtualTime) -> Option<Self> {
        let shared = Arc::new(SharedKey::default());
        let dtls = library::server(Arc::clone(&shared), random, now)?;
        let mut session = Self::new(SessionEnd::Server, dtls, shared);
        // The library draws its random octets when it first hears what time it is.
        session.timer(now);
        Some(session)
    }

    fn new(end: SessionEnd, dtls: Dtls, key: Arc<SharedKey>) -> Self {
        let (state, transcript) = (State::Handshake, HandshakeTranscript::default());
        Self { end, dtls, key, state, transcript, held: Vec::new(), next_record: 0, next_timer: None }
    }

    /// When it wants [`timer`](Self::timer) next.
    #[must_use]
    pub const fn next_timer(&self) -> Option<VirtualTime> {
        self.next_timer
    }

    /// Whether application data can be sent.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.state == State::Established
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    const fn other(&self) -> SessionEnd {
        match self.end {
            SessionEnd::Client => SessionEnd::Server,
            SessionEnd::Server => SessionEnd::Client,
        }
    }

    /// Takes a datagram. One that is no DTLS says nothing.
    pub fn take(&mut self, now: VirtualTime, datagram: &[u8]) -> Vec<SessionStep> {
        let Ok(records) = DtlsRecord::parse_all(datagram) else { return Vec::new() };
        match self.state {
            State::Ended => return Vec::new(),
            State::KeyWanted => {
                self.hold(datagram);
                return Vec::new();
            }
            State::Handshake => {
                let other = self.other();
                if records.iter().any(|record| self.transcript.take(other, record).is_err()) {
                    return Vec::new();
                }
            }
            // A new handshake is not begun in a session, and whoever sends a message of one is believed in nothing.
            State::Established if records.iter().any(|record| !self.transcript.is_repeated(self.other(), record)) => {
                return Vec::new();
            }
            State::Established => {}
        }
        if self.state == State::Handshake
            && self.key.get().is_none()
            && let Some(identity) = self.transcript.identity()
        {
            let wanted = vec![SessionStep::KeyWanted(identity.to_vec())];
            (self.state, self.next_timer) = (State::KeyWanted, None);
            self.hold(datagram);
            return wanted;
        }
        let mut steps = Vec::new();
        self.feed(now, datagram, &mut steps);
        steps
    }

    /// A client that hears nothing repeats itself: once is enough.
    fn hold(&mut self, datagram: &[u8]) {
        if self.held.len() < MAX_HELD && !self.held.iter().any(|held| held == datagram) {
            self.held.push(datagram.to_vec());
        }
    }

    /// The keys of the identity that was told, that which is to be tried first in front; or that there are none.
    pub fn key(&mut self, now: VirtualTime, keys: &[E2mKey]) -> Vec<SessionStep> {
        if self.state != State::KeyWanted {
            return Vec::new();
        }
        let mut steps = Vec::new();
        let Some(key) = keys.iter().find(|key| self.opens_finished(key)).or(keys.first()) else {
            self.refuse(Alert::UNKNOWN_PSK_IDENTITY, Ending::UnknownIdentity, &mut steps);
            return steps;
        };
        self.key.set(key.octets());
        self.state = State::Handshake;
        for datagram in std::mem::take(&mut self.held) {
            if self.state != State::Ended {
                self.feed(now, &datagram, &mut steps);
            }
        }
        steps
    }

    /// Whether the Finished of the other end, which is among what is held back, opens under this key.
    fn opens_finished(&self, key: &E2mKey) -> bool {
        let Some(keys) = SessionKeys::of(&self.transcript, key.octets()) else { return false };
        let records = self.held.iter().flat_map(|held| DtlsRecord::parse_all(held).unwrap_or_default());
        let finished = |record: &DtlsRecord| record.epoch == 1 && record.content == ContentType::HANDSHAKE;
        records.filter(finished).any(|record| keys.open(self.other(), &record).is_some())
    }

    fn feed(&mut self, now: VirtualTime, datagram: &[u8], steps: &mut Vec<SessionStep>) {
        let result = match library::at(now) {
            Some(instant) => self.dtls.handle_timeout(instant).and_then(|()| self.dtls.handle_packet(datagram)),
            None => return,
        };
        self.follow(now, result, steps);
    }

    /// The instant that [`next_timer`](Self::next_timer) named has come.
    pub fn timer(&mut self, now: VirtualTime) -> Vec<SessionStep> {
        let mut steps = Vec::new();
        if let (State::Handshake | State::Established, Some(instant)) = (self.state, library::at(now)) {
            let result = self.dtls.handle_timeout(instant);
            self.follow(now, result, &mut steps);
        }
        steps
    }

    /// Sends application data, at most [`MAX_DATA`] octets; nothing where there is no session, or too much to say.
    pub fn send(&mut self, now: VirtualTime, data: &[u8]) -> Vec<SessionStep> {
        let mut steps = Vec::new();
        if self.state == State::Established && data.len() <= MAX_DATA {
            let result = self.dtls.send_application_data(data).map(|_| ());
            self.follow(now, result, &mut steps);
        }
        steps
    }

    /// Closes the session: the other end is told, if there is one.
    pub fn close(&mut self, now: VirtualTime) -> Vec<SessionStep> {
        let mut steps = Vec::new();
        if self.state != State::Ended {
            let result = self.dtls.close();
            self.follow(now, result, &mut steps);
            self.end(Ending::Closed, &mut steps);
        }
        steps
    }

    fn end(&mut self, ending: Ending, steps: &mut Vec<SessionStep>) {
        if self.state != State::Ended {
            (self.state, self.next_timer) = (State::Ended, None);
            self.held = Vec::new();
            steps.push(SessionStep::Ended(ending));
        }
    }

    /// Says in the clear why it cannot go on.
    fn refuse(&mut self, alert: Alert, ending: Ending, steps: &mut Vec<SessionStep>) {
        if let Ok(datagram) = DtlsRecord::alert(alert, self.next_record).octets() {
            steps.push(SessionStep::Send(datagram));
        }
        self.end(ending, steps);
    }

    /// What the library has to say after an input.
    fn follow(&mut self, now: VirtualTime, result: Result<(), Error>, steps: &mut Vec<SessionStep>) {
        let mut buffer = vec![0; 2048];
        let mut closed = false;
        loop {
            let output = match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => datagram.to_vec(),
                Output::ApplicationData(data) => {
                    steps.push(SessionStep::Received(data.to_vec()));
                    continue;
                }
                Output::BufferTooSmall { needed } if needed <= MAX_OUTPUT => {
                    buffer.resize(needed, 0);
                    continue;
                }
                Output::Connected => {
                    self.established(steps);
                    continue;
                }
                Output::CloseNotify => {
                    closed = true;
                    continue;
                }
                Output::Timeout(instant) => {
                    self.next_timer = library::due(instant, now);
                    break;
                }
                // No output is longer than a datagram.
                Output::BufferTooSmall { .. } => break,
                // Certificates and SRTP have no part here, though the library always offers the latter.
                _ => continue,
            };
            self.watch(&output);
            steps.push(SessionStep::Send(output));
        }
        match result {
            Err(error) => self.failed(error, steps),
            Ok(()) if closed => self.end(Ending::Closed, steps),
            Ok(()) => {}
        }
    }

    /// Follows what goes out, for the transcript and the numbers of records.
    fn watch(&mut self, datagram: &[u8]) {
        for record in DtlsRecord::parse_all(datagram).unwrap_or_default() {
            if record.epoch == 0 {
                self.next_record = self.next_record.max(record.sequence.saturating_add(1));
            }
            // What the library writes is what it says it is.
            let _ = self.transcript.take(self.end, &record);
        }
    }

    fn established(&mut self, steps: &mut Vec<SessionStep>) {
        self.state = State::Established;
        let secrets = self.key.get().and_then(|key| SessionKeys::of(&self.transcript, key));
        if let (Some(hello), Some(SessionKeys { master, .. })) = (self.transcript.client_hello(), secrets) {
            steps.push(SessionStep::Established { client_random: hello.random, master });
        }
    }

    fn failed(&mut self, error: Error, steps: &mut Vec<SessionStep>) {
        let established = self.state == State::Established;
        match error {
            Error::SecurityError(SecurityError::FatalAlert { description }) => {
                self.end(Ending::Alert(description), steps);
            }
            Error::Timeout(_) => self.end(Ending::TimedOut, steps),
            Error::ConnectionClosed => self.end(Ending::Closed, steps),
            // Behind the handshake only an alert under its keys would be believed, and the library has given up.
            error if established => self.end(Ending::Broken(error.to_string()), steps),
            Error::CryptoError(_)
            | Error::SecurityError(
                SecurityError::ClientFinishedVerificationFailed | SecurityError::ServerFinishedVerificationFailed,
            ) => self.refuse(Alert::DECRYPT_ERROR, Ending::WrongKey, steps),
            error => self.refuse(Alert::INTERNAL_ERROR, Ending::Broken(error.to_string()), steps),
        }
    }
}
