//! EAP-TLS at the mobile, for one authentication (RFC 5216; RFC 3748 section 4.2 for repeated requests).

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::version::TLS12;
use rustls::{ClientConfig, ClientConnection, Connection};

use super::at_work::{VirtualClock, at_work};
use super::certificates::{CertificateAuthority, CertificateError, CertificateState, SERVER_NAME};
use super::exchange::{Taken, TlsExchange};
use super::provider::provider;
use super::{FRAGMENT, ROUNDS, identity};
use crate::dot16::identifiers::MsMac;
use crate::dot16::security::keys::Msk;
use crate::dot16::wire::{EapExchange, EapPacket, EapTlsData};
use crate::time::VirtualTime;

/// What a mobile authenticates with: the certificate of its device, and the authority that it trusts.
#[derive(Clone, Debug)]
pub struct PeerCredentials {
    /// The authority that has certified device and server.
    pub authority: Arc<CertificateAuthority>,
    /// The device.
    pub ms: MsMac,
    /// What is wrong with its certificate.
    pub certificate: CertificateState,
}

impl PeerCredentials {
    fn config(&self) -> Result<Arc<ClientConfig>, CertificateError> {
        let (chain, key) = self.authority.device(self.ms, self.certificate)?.parts();
        let mut config = ClientConfig::builder_with_details(provider(), Arc::new(VirtualClock))
            .with_protocol_versions(&[&TLS12])?
            .with_root_certificates(self.authority.roots()?)
            .with_client_auth_cert(chain, key)?;
        config.resumption = Resumption::disabled();
        // EAP has no host to ask for: the name of the server is checked, not sent.
        config.enable_sni = false;
        Ok(Arc::new(config))
    }

    fn connection(&self) -> Option<ClientConnection> {
        ClientConnection::new(self.config().ok()?, ServerName::try_from(SERVER_NAME).ok()?).ok()
    }
}

/// The method at the mobile.
#[derive(Debug)]
pub struct EapPeer {
    credentials: PeerCredentials,
    /// Octets of TLS data in one packet.
    pub(super) fragment: usize,
    tls: Option<Box<TlsExchange>>,
    /// The last request answered, and the answer.
    answered: Option<(EapExchange, EapPacket)>,
    rounds: u16,
    msk: Option<Msk>,
}

/// What the mobile makes of an EAP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerStep {
    /// Send this response.
    Respond(EapPacket),
    /// The server is satisfied, and so is the mobile: [`EapPeer::msk`] holds.
    Succeeded,
    /// The server has refused, or the mobile has refused the server before.
    Refused,
    /// The packet does not belong here.
    Ignored(&'static str),
}

impl EapPeer {
    /// Nothing has been asked yet.
    #[must_use]
    pub const fn new(credentials: PeerCredentials) -> Self {
        Self { credentials, fragment: FRAGMENT, tls: None, answered: None, rounds: 0, msk: None }
    }

    /// The MSK, once the server's Finished has verified.
    #[must_use]
    pub const fn msk(&self) -> Option<&Msk> {
        self.msk.as_ref()
    }

    /// Takes a packet at the instant `now`; what is random in the answer is drawn from `generator`.
    pub fn take(&mut self, packet: &EapPacket, now: VirtualTime, generator: &mut ChaCha20Rng) -> PeerStep {
        match packet {
            EapPacket::Request(request) => self.request(request, now, generator),
            EapPacket::Success { identifier } | EapPacket::Failure { identifier }
                if self.answered.as_ref().is_none_or(|(request, _)| request.identifier != *identifier) =>
            {
                PeerStep::Ignored("it ends no exchange of this mobile")
            }
            EapPacket::Success { .. } if self.msk.is_none() => {
                PeerStep::Ignored("a success before the server has shown who it is")
            }
            EapPacket::Success { .. } => PeerStep::Succeeded,
            EapPacket::Failure { .. } if self.msk.is_some() => {
                PeerStep::Ignored("a failure after the handshake was complete")
            }
            EapPacket::Failure { .. } => PeerStep::Refused,
            EapPacket::Response(_) => PeerStep::Ignored("a response, from a server"),
        }
    }

    fn request(&mut self, request: &EapExchange, now: VirtualTime, generator: &mut ChaCha20Rng) -> PeerStep {
        if let Some((answered, response)) = &self.answered
            && answered == request
        {
            return PeerStep::Respond(response.clone());
        }
        if self.msk.is_some() {
            return PeerStep::Ignored("the handshake was complete before");
        }
        if self.rounds == ROUNDS {
            return PeerStep::Ignored("too many requests in one authentication");
        }
        let answer = match request.kind {
            EapExchange::IDENTITY if self.tls.is_none() => identity(self.credentials.ms).into_bytes(),
            EapExchange::NOTIFICATION => Vec::new(),
            EapExchange::TLS => match EapTlsData::parse(&request.data) {
                Ok(data) => match at_work(generator, now, || self.method(&data)) {
                    Ok(answer) => answer.octets().unwrap_or_default(),
                    Err(why) => return PeerStep::Ignored(why),
                },
                Err(_) => return PeerStep::Ignored("no EAP-TLS data"),
            },
            _ if self.tls.is_some() => return PeerStep::Ignored("another method, in the middle of this one"),
            _ => vec![EapExchange::TLS],
        };
        let kind = match request.kind {
            kind @ (EapExchange::IDENTITY | EapExchange::NOTIFICATION | EapExchange::TLS) => kind,
            _ => EapExchange::NAK,
        };
        let response = EapPacket::Response(EapExchange { identifier: request.identifier, kind, data: answer });
        self.rounds = self.rounds.saturating_add(1);
        self.answered = Some((request.clone(), response.clone()));
        PeerStep::Respond(response)
    }

    /// The answer to a packet of the method.
    fn method(&mut self, data: &EapTlsData) -> Result<EapTlsData, &'static str> {
        let Some(tls) = &mut self.tls else {
            if !data.start {
                return Err("no start came before");
            }
            let connection = self.credentials.connection().ok_or("TLS cannot begin")?;
            let mut tls = TlsExchange::new(Connection::Client(connection), self.fragment);
            let hello = tls.next();
            self.tls = Some(Box::new(tls));
            return Ok(hello);
        };
        match tls.take(data)? {
            Taken::Fragment => Ok(EapTlsData::acknowledgement()),
            Taken::Acknowledged => Ok(tls.next()),
            Taken::Message => {
                self.msk = tls.msk();
                let answer = tls.next();
                // Nothing is what a mobile says when it is done, or has understood an alert: here TLS waits for more.
                if answer.tls.is_empty() && self.msk.is_none() && tls.failure().is_none() {
                    return Err("a TLS message that is not whole");
                }
                Ok(answer)
            }
        }
    }
}
