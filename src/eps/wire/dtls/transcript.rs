//! A handshake as a whole: what both ends have said in the clear (RFC 6347 section 4.2, RFC 5246 section 7.3).

use super::super::WireError;
use super::{
    ClientHello, ContentType, DtlsRecord, HandshakeFragment, HandshakeMessage, HandshakeReassembly, HandshakeType,
    ServerHello, psk_identity,
};

/// An end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionEnd {
    /// Who has opened it.
    Client,
    /// Who was asked.
    Server,
}

/// A handshake as anybody sees it on the wire, who has the datagrams of both ends.
#[derive(Clone, Debug, Default)]
pub struct HandshakeTranscript {
    client: HandshakeReassembly,
    server: HandshakeReassembly,
    client_hello: Option<(ClientHello, HandshakeMessage)>,
    server_hello: Option<ServerHello>,
    /// From ServerHello to ServerHelloDone.
    of_server: Vec<HandshakeMessage>,
    answered: bool,
    key_exchange: Option<HandshakeMessage>,
}

impl HandshakeTranscript {
    /// Takes a record that `sender` has sent. Only messages in the clear count, each once.
    ///
    /// # Errors
    /// A record of handshake messages that are none.
    pub fn take(&mut self, sender: SessionEnd, record: &DtlsRecord) -> Result<(), WireError> {
        if record.content != ContentType::HANDSHAKE || record.epoch != 0 {
            return Ok(());
        }
        for fragment in HandshakeFragment::parse_all(&record.fragment)? {
            let messages = match sender {
                SessionEnd::Client => self.client.take(&fragment),
                SessionEnd::Server => self.server.take(&fragment),
            };
            for message in messages {
                self.message(sender, message);
            }
        }
        Ok(())
    }

    fn message(&mut self, sender: SessionEnd, message: HandshakeMessage) {
        match (sender, message.kind) {
            // Of two, that with the cookie counts (RFC 6347 section 4.2.1).
            (SessionEnd::Client, HandshakeType::CLIENT_HELLO) if self.server_hello.is_none() => {
                self.client_hello = ClientHello::parse(&message.body).map(|hello| (hello, message));
            }
            (SessionEnd::Client, HandshakeType::CLIENT_KEY_EXCHANGE) if self.key_exchange.is_none() => {
                self.key_exchange = Some(message);
            }
            (SessionEnd::Server, HandshakeType::HELLO_VERIFY_REQUEST) => {}
            (SessionEnd::Server, kind) if !self.answered => {
                if kind == HandshakeType::SERVER_HELLO {
                    self.server_hello = ServerHello::parse(&message.body);
                }
                self.answered = kind == HandshakeType::SERVER_HELLO_DONE;
                self.of_server.push(message);
            }
            _ => {}
        }
    }

    /// Whether a record has nothing that the transcript does not have of `sender`: no handshake message in the clear, or one that was
    /// there before.
    #[must_use]
    pub fn is_repeated(&self, sender: SessionEnd, record: &DtlsRecord) -> bool {
        let of = match sender {
            SessionEnd::Client => &self.client,
            SessionEnd::Server => &self.server,
        };
        let old = |fragments: Vec<HandshakeFragment>| fragments.iter().all(|fragment| fragment.message < of.next());
        record.content != ContentType::HANDSHAKE
            || record.epoch != 0
            || HandshakeFragment::parse_all(&record.fragment).is_ok_and(old)
    }

    /// What the client has said last, if it was a hello.
    #[must_use]
    pub fn client_hello(&self) -> Option<&ClientHello> {
        self.client_hello.as_ref().map(|(hello, _)| hello)
    }

    /// What the server has chosen.
    #[must_use]
    pub const fn server_hello(&self) -> Option<&ServerHello> {
        self.server_hello.as_ref()
    }

    /// The identity that the client has given.
    #[must_use]
    pub fn identity(&self) -> Option<&[u8]> {
        psk_identity(&self.key_exchange.as_ref()?.body)
    }

    /// The messages that a master secret covers, one after the other: from the ClientHello to the client's key exchange, once they are
    /// all there (RFC 7627 section 3).
    #[must_use]
    pub fn covered(&self) -> Option<Vec<u8>> {
        let (_, hello) = self.client_hello.as_ref()?;
        let exchange = self.key_exchange.as_ref().filter(|_| self.answered)?;
        let messages = [hello].into_iter().chain(&self.of_server).chain([exchange]);
        let octets: Vec<Vec<u8>> = messages.map(HandshakeMessage::octets).collect::<Result<_, _>>().ok()?;
        Some(octets.concat())
    }
}
