//! A TLS handshake in EAP packets, the same at both ends: messages in fragments that are acknowledged one by one, put together
//! again and handed to TLS (RFC 5216 sections 2.1.5 and 3).

use rustls::Connection;
use zeroize::Zeroizing;

use super::{LABEL, LONGEST_MESSAGE};
use crate::dot16::security::keys::Msk;
use crate::dot16::wire::EapTlsData;

/// One end of the handshake.
#[derive(Debug)]
pub(super) struct TlsExchange {
    connection: Connection,
    /// Octets of TLS data in one packet, at least 1.
    fragment: usize,
    /// Fragments received of a message that is not complete.
    incoming: Vec<u8>,
    /// How long that message is to be.
    announced: Option<u32>,
    /// What TLS has to send and was not sent yet.
    outgoing: Vec<u8>,
    /// Whether a fragment of it was sent.
    begun: bool,
    /// Why TLS has given up.
    failure: Option<rustls::Error>,
}

/// What a packet was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// A fragment with more to follow: it is to be acknowledged.
    Fragment,
    /// An acknowledgement: the next fragment is to be sent.
    Acknowledged,
    /// The end of a message, which was handed to TLS.
    Message,
}

impl TlsExchange {
    /// An end that sends at most `fragment` octets of TLS data at a time. A client has its first message to send.
    pub(super) fn new(connection: Connection, fragment: usize) -> Self {
        let mut exchange = Self {
            connection,
            fragment,
            incoming: Vec::new(),
            announced: None,
            outgoing: Vec::new(),
            begun: false,
            failure: None,
        };
        exchange.collect();
        exchange
    }

    /// Takes a packet that is not a start.
    ///
    /// # Errors
    /// What is against the rules of the framing, in words; the exchange can not go on.
    pub(super) fn take(&mut self, data: &EapTlsData) -> Result<Taken, &'static str> {
        if data.start {
            return Err("a start in the middle");
        }
        if !self.outgoing.is_empty() {
            let acknowledges = data.tls.is_empty() && !data.more;
            return if acknowledges { Ok(Taken::Acknowledged) } else { Err("no acknowledgement of a fragment") };
        }
        if self.incoming.is_empty() {
            self.announced = data.length;
        } else if data.length.is_some_and(|length| Some(length) != self.announced) {
            return Err("two lengths of one TLS message");
        }
        let longest = u32::try_from(LONGEST_MESSAGE).unwrap_or(u32::MAX);
        if self.announced.is_some_and(|length| length > longest)
            || self.incoming.len().saturating_add(data.tls.len()) > LONGEST_MESSAGE
        {
            return Err("a TLS message that is too long");
        }
        self.incoming.extend_from_slice(&data.tls);
        if data.more {
            return if data.tls.is_empty() { Err("a fragment of nothing") } else { Ok(Taken::Fragment) };
        }
        let message = std::mem::take(&mut self.incoming);
        if self.announced.take().is_some_and(|length| usize::try_from(length) != Ok(message.len())) {
            return Err("a TLS message of another length than announced");
        }
        self.feed(&message);
        Ok(Taken::Message)
    }

    /// Hands a message to TLS, and takes what it has to say to it.
    fn feed(&mut self, mut message: &[u8]) {
        while !message.is_empty() && self.failure.is_none() {
            match self.connection.read_tls(&mut message) {
                Ok(0) => break,
                Ok(_) => self.failure = self.connection.process_new_packets().err(),
                Err(error) => self.failure = Some(rustls::Error::General(error.to_string())),
            }
        }
        self.collect();
    }

    fn collect(&mut self) {
        self.begun = false;
        while self.connection.wants_write() {
            if self.connection.write_tls(&mut self.outgoing).is_err() {
                break;
            }
        }
    }

    /// The next fragment; without data if TLS has nothing to say. L stands in the first of several fragments.
    pub(super) fn next(&mut self) -> EapTlsData {
        let rest = self.outgoing.split_off(self.outgoing.len().min(self.fragment.max(1)));
        let tls = std::mem::replace(&mut self.outgoing, rest);
        let more = !self.outgoing.is_empty();
        let whole = tls.len().saturating_add(self.outgoing.len());
        let length = (more && !self.begun).then(|| u32::try_from(whole).unwrap_or(u32::MAX));
        self.begun = true;
        EapTlsData { more, length, tls, ..EapTlsData::default() }
    }

    /// Whether there is something to send.
    pub(super) fn has_more(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Why TLS has given up, if it has.
    pub(super) fn failure(&self) -> Option<&rustls::Error> {
        self.failure.as_ref()
    }

    /// The MSK, once the handshake is complete: the first 64 octets of what TLS exports under the label of RFC 5216
    /// section 2.3.
    pub(super) fn msk(&self) -> Option<Msk> {
        if self.failure.is_some() || self.connection.is_handshaking() {
            return None;
        }
        let octets = self.connection.export_keying_material(Zeroizing::new([0; Msk::OCTETS]), LABEL, None).ok()?;
        Some(Msk::from_octets(*octets))
    }
}
