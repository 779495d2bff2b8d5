//! What both ends of a DTLS 1.2 session make of their pre-shared key, computed from the messages on the wire: master secret, record keys,
//! and what is in a record (RFC 4279 section 2, RFC 5246 sections 5, 6.3 and 8.1, RFC 7627 section 4, RFC 6655).
//!
//! The cipher suite is TLS_PSK_WITH_AES_128_CCM_8: AES-128 in CCM with a tag of 8 octets; the nonce is made of 4 octets of the key block and
//! of the 8 octets in front of the ciphertext.

use ccm::aead::AeadInOut;
use ccm::consts::{U8, U12};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::eps::wire::WireError;
use crate::eps::wire::dtls::{
    ClientHello, ContentType, DtlsRecord, HandshakeFragment, HandshakeMessage, HandshakeReassembly, HandshakeType,
    ServerHello, psk_identity,
};
use crate::secret_key::secret_key;

secret_key! {
    /// The master secret of a session, 48 octets.
    MasterSecret, 48
}

secret_key! {
    /// What protects the records of one direction, 20 octets: a key of AES-128, then the 4 octets that begin every nonce.
    RecordKey, 20
}

/// TLS_PSK_WITH_AES_128_CCM_8.
pub const PSK_AES_128_CCM_8: u16 = 0xc0a8;

/// Octets of the part of a nonce that stands in the record.
const EXPLICIT_NONCE: usize = 8;
/// Octets of the tag.
const TAG: usize = 8;

type Ccm8 = ccm::Ccm<aes::Aes128, U8, U12>;

/// An end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionEnd {
    /// Who has opened it: the UE.
    Client,
    /// Who was asked: the enterprise end point.
    Server,
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // A key of any length is one.
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| <Hmac<Sha256> as KeyInit>::new(&[0; 64].into()));
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The pseudorandom function of TLS 1.2 with SHA-256: fills `out`.
fn prf(secret: &[u8], label: &[u8], seed: &[u8], out: &mut [u8]) {
    let mut a = hmac(secret, &[label, seed]);
    for chunk in out.chunks_mut(32) {
        let block = Zeroizing::new(hmac(secret, &[&a, label, seed]));
        for (place, octet) in chunk.iter_mut().zip(block.iter()) {
            *place = *octet;
        }
        a = hmac(secret, &[&a]);
    }
}

/// The premaster secret: as many zeros as the key has octets, and the key, each behind its length.
fn premaster(psk: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = u16::try_from(psk.len()).unwrap_or(u16::MAX).to_be_bytes();
    Zeroizing::new([&length[..], &vec![0; psk.len()], &length, psk].concat())
}

/// The keys of both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordKeys {
    /// From client to server.
    pub client: RecordKey,
    /// From server to client.
    pub server: RecordKey,
}

impl RecordKeys {
    /// The keys of a session with these random octets.
    #[must_use]
    pub fn derive(master: &MasterSecret, client_random: &[u8; 32], server_random: &[u8; 32]) -> Self {
        let mut block = Zeroizing::new([0; 40]);
        prf(master.octets(), b"key expansion", &[&server_random[..], client_random].concat(), block.as_mut());
        // Both keys, then both beginnings of nonces.
        let of = |key: usize, nonce: usize| {
            let mut octets = Zeroizing::new([0; 20]);
            let parts = block.iter().skip(key).take(16).chain(block.iter().skip(nonce).take(4));
            for (place, octet) in octets.iter_mut().zip(parts) {
                *place = *octet;
            }
            RecordKey::from_octets(*octets)
        };
        Self { client: of(0, 32), server: of(16, 36) }
    }

    /// What is in a record of epoch 1 that `sender` has sent; none if its tag is not that of these keys.
    #[must_use]
    pub fn open(&self, sender: SessionEnd, record: &DtlsRecord) -> Option<Vec<u8>> {
        let key = match sender {
            SessionEnd::Client => &self.client,
            SessionEnd::Server => &self.server,
        };
        let (key, fixed) = key.octets().split_first_chunk::<16>()?;
        let (explicit, sealed) = record.fragment.split_at_checked(EXPLICIT_NONCE)?;
        let length = u16::try_from(sealed.len().checked_sub(TAG)?).ok()?;
        let nonce: [u8; 12] = [fixed, explicit].concat().try_into().ok()?;
        let [a, b] = record.version.to_be_bytes();
        let associated = [&record.number()[..], &[record.content.0, a, b], &length.to_be_bytes()].concat();
        let mut octets = sealed.to_vec();
        Ccm8::new(key.into()).decrypt_in_place(&nonce.into(), &associated, &mut octets).ok()?;
        Some(octets)
    }
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

    /// Master secret and record keys, once all messages up to the client's key exchange are there; none of another cipher suite than
    /// [`PSK_AES_128_CCM_8`].
    #[must_use]
    pub fn keys(&self, psk: &[u8]) -> Option<(MasterSecret, RecordKeys)> {
        let (client, hello) = self.client_hello.as_ref()?;
        let server = self.server_hello.as_ref().filter(|server| server.cipher_suite == PSK_AES_128_CCM_8)?;
        let exchange = self.key_exchange.as_ref().filter(|_| self.answered)?;
        let premaster = premaster(psk);
        let mut octets = Zeroizing::new([0; MasterSecret::OCTETS]);
        if server.extended_master_secret {
            let mut hash = Sha256::new();
            for message in [hello].into_iter().chain(&self.of_server).chain([exchange]) {
                hash.update(message.octets().ok()?);
            }
            prf(&premaster, b"extended master secret", &hash.finalize(), octets.as_mut());
        } else {
            let seed = [client.random, server.random].concat();
            prf(&premaster, b"master secret", &seed, octets.as_mut());
        }
        let master = MasterSecret::from_octets(*octets);
        let keys = RecordKeys::derive(&master, &client.random, &server.random);
        Some((master, keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pseudorandom_function_gives_a_published_value() {
        // "TLS 1.2 PRF test vectors" for SHA-256, as the IETF's TLS list has them (2009), 100 octets.
        let secret = hex::decode("9bbe436ba940f017b17652849a71db35").unwrap();
        let seed = hex::decode("a0ba9f936cda311827a6f796ffd5198c").unwrap();
        let expected = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022\
                        f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66";
        let mut out = [0; 100];
        prf(&secret, b"test label", &seed, &mut out);
        assert_eq!(hex::encode(out), expected);
    }

    #[test]
    fn a_premaster_secret_is_zeros_and_the_key() {
        assert_eq!(*premaster(&[1, 2, 3]), [0, 3, 0, 0, 0, 0, 3, 1, 2, 3]);
    }

    #[test]
    fn a_damaged_or_short_record_does_not_open() {
        let master = MasterSecret::from_octets([3; 48]);
        let keys = RecordKeys::derive(&master, &[1; 32], &[2; 32]);
        assert_ne!(keys.client, keys.server);
        for length in 0..40 {
            let content = ContentType::APPLICATION_DATA;
            let record = DtlsRecord { content, version: 0xfefd, epoch: 1, sequence: 0, fragment: vec![9; length] };
            assert_eq!(keys.open(SessionEnd::Client, &record), None);
        }
    }
}
