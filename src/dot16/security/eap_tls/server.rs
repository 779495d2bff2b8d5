//! EAP-TLS at the AAA server, for one authentication (RFC 5216 section 2.1). It begins with the mobile's identity, which the
//! Authenticator has asked for.

use rand_chacha::ChaCha20Rng;
use rustls::Connection;

use super::at_work::at_work;
use super::exchange::{Taken, TlsExchange};
use super::server_credentials::ServerCredentials;
use super::{FRAGMENT, ROUNDS, identity};
use crate::dot16::identifiers::MsMac;
use crate::dot16::security::keys::Msk;
use crate::dot16::wire::{EapExchange, EapPacket, EapTlsData};
use crate::time::VirtualTime;

/// The method at the server.
#[derive(Debug)]
pub struct EapServer {
    ms: MsMac,
    /// Octets of TLS data in one packet.
    pub(super) fragment: usize,
    /// Of the request that is to be answered.
    identifier: u8,
    rounds: u16,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The start is out.
    Started,
    /// The handshake goes on.
    Handshake(Box<TlsExchange>),
    /// The handshake is complete, the last flight is out.
    Complete(Box<TlsExchange>, Msk),
    /// TLS has given up, its alert is out.
    Failed(Box<TlsExchange>, String),
}

/// What the server makes of an EAP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerStep {
    /// Send this request.
    Request(EapPacket),
    /// Authenticated: send this success.
    Succeeded(EapPacket, Msk),
    /// Not authenticated, for the reason in words: send this failure.
    Failed(EapPacket, String),
    /// The packet does not belong here.
    Ignored(&'static str),
}

impl EapServer {
    /// Begins an authentication of `ms` with its identity response: the start, or a failure if it names another.
    #[must_use]
    pub fn begin(ms: MsMac, response: &EapExchange) -> (Option<Self>, ServerStep) {
        if response.kind != EapExchange::IDENTITY || response.data != identity(ms).as_bytes() {
            let failure = EapPacket::Failure { identifier: response.identifier };
            return (None, ServerStep::Failed(failure, "the identity is not that of this mobile".to_owned()));
        }
        let mut server =
            Self { ms, fragment: FRAGMENT, identifier: response.identifier, rounds: 0, stage: Stage::Started };
        let start = server.request(&EapTlsData { start: true, ..EapTlsData::default() });
        (Some(server), start)
    }

    /// Takes a packet of the mobile at the instant `now`; what is random in the answer is drawn from `generator`.
    pub fn take(
        &mut self,
        packet: &EapPacket,
        credentials: &ServerCredentials,
        now: VirtualTime,
        generator: &mut ChaCha20Rng,
    ) -> ServerStep {
        let EapPacket::Response(response) = packet else {
            return ServerStep::Ignored("not a response");
        };
        if response.identifier != self.identifier {
            return ServerStep::Ignored("it answers no outstanding request");
        }
        if self.rounds == ROUNDS {
            return self.failed("too many packets in one authentication");
        }
        self.rounds = self.rounds.saturating_add(1);
        match (response.kind, EapTlsData::parse(&response.data)) {
            (EapExchange::TLS, Ok(data)) => at_work(generator, now, || self.method(&data, credentials)),
            (EapExchange::TLS, Err(_)) => self.failed("no EAP-TLS data"),
            (EapExchange::NAK, _) => self.failed("the mobile wants another method"),
            _ => self.failed("another type than asked for"),
        }
    }

    fn method(&mut self, data: &EapTlsData, credentials: &ServerCredentials) -> ServerStep {
        if let Stage::Started = self.stage {
            match credentials.connection(self.ms) {
                Ok(connection) => {
                    let tls = TlsExchange::new(Connection::Server(connection), self.fragment);
                    self.stage = Stage::Handshake(Box::new(tls));
                }
                Err(error) => return self.failed(&error.to_string()),
            }
        }
        let (taken, next) = match &mut self.stage {
            Stage::Started => return ServerStep::Ignored("TLS has not begun"),
            Stage::Handshake(tls) => match tls.take(data) {
                Err(why) => return self.failed(why),
                Ok(Taken::Fragment) => (Taken::Fragment, EapTlsData::acknowledgement()),
                Ok(taken) => (taken, tls.next()),
            },
            // The last fragments are still to be acknowledged; then the mobile has nothing more to say.
            Stage::Complete(tls, _) | Stage::Failed(tls, _) if tls.has_more() => match tls.take(data) {
                Err(why) => return self.failed(why),
                Ok(taken) => (taken, tls.next()),
            },
            Stage::Complete(_, msk) if *data == EapTlsData::acknowledgement() => {
                let success = EapPacket::Success { identifier: self.identifier };
                return ServerStep::Succeeded(success, msk.clone());
            }
            Stage::Complete(..) => return self.failed("the mobile refuses after the handshake"),
            Stage::Failed(_, why) => {
                let why = why.clone();
                return self.failed(&why);
            }
        };
        if taken == Taken::Message
            && let Some(step) = self.judge(&next)
        {
            return step;
        }
        self.request(&next)
    }

    /// A whole message was handed to TLS, which answers with `next`: where the handshake stands.
    fn judge(&mut self, next: &EapTlsData) -> Option<ServerStep> {
        let Stage::Handshake(tls) = std::mem::replace(&mut self.stage, Stage::Started) else {
            return None;
        };
        let silent = next.tls.is_empty();
        self.stage = match (tls.failure().map(ToString::to_string), tls.msk()) {
            // The mobile has sent an alert: there is nothing to tell it.
            (Some(why), _) if silent => return Some(self.failed(&why)),
            (Some(why), _) => Stage::Failed(tls, why),
            (None, Some(msk)) => Stage::Complete(tls, msk),
            (None, None) if silent => return Some(self.failed("a message that TLS has no answer to")),
            (None, None) => Stage::Handshake(tls),
        };
        None
    }

    fn request(&mut self, data: &EapTlsData) -> ServerStep {
        self.identifier = self.identifier.wrapping_add(1);
        match data.octets() {
            Ok(data) => ServerStep::Request(EapPacket::Request(EapExchange {
                identifier: self.identifier,
                kind: EapExchange::TLS,
                data,
            })),
            Err(error) => self.failed(&error.to_string()),
        }
    }

    fn failed(&self, why: &str) -> ServerStep {
        ServerStep::Failed(EapPacket::Failure { identifier: self.identifier }, why.to_owned())
    }
}
