//! Sessions with a pre-shared key, by what is on the wire: the keys that a handshake leads to, and records opened with them.

use crate::eps::security::dtls_psk::{MasterSecret, PSK_AES_128_CCM_8, Randoms, RecordKey, RecordKeys};
use crate::eps::wire::dtls::{DtlsRecord, HandshakeTranscript, SessionEnd};

/// What a handshake leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKeys {
    /// The master secret.
    pub master: MasterSecret,
    /// What protects the records.
    pub records: RecordKeys,
}

impl SessionKeys {
    /// The keys of a handshake with this pre-shared key, once all messages up to the client's key exchange are there; none of another
    /// cipher suite than [`PSK_AES_128_CCM_8`].
    #[must_use]
    pub fn of(transcript: &HandshakeTranscript, psk: &[u8]) -> Option<Self> {
        let covered = transcript.covered()?;
        let server = transcript.server_hello().filter(|server| server.cipher_suite == PSK_AES_128_CCM_8)?;
        let randoms = Randoms { client: transcript.client_hello()?.random, server: server.random };
        let bound = server.extended_master_secret.then_some(&covered[..]);
        let master = MasterSecret::derive(psk, &randoms, bound);
        Some(Self { records: RecordKeys::derive(&master, &randoms), master })
    }

    /// The keys of a handshake that has led to this master secret, once both hellos are there.
    #[must_use]
    pub fn of_master(transcript: &HandshakeTranscript, master: MasterSecret) -> Option<Self> {
        let randoms = Randoms { client: transcript.client_hello()?.random, server: transcript.server_hello()?.random };
        Some(Self { records: RecordKeys::derive(&master, &randoms), master })
    }

    /// What protects the records of this end.
    #[must_use]
    pub const fn of_end(&self, sender: SessionEnd) -> &RecordKey {
        match sender {
            SessionEnd::Client => &self.records.client,
            SessionEnd::Server => &self.records.server,
        }
    }

    /// What is in a protected record of this end; none if its tag is not that of these keys.
    #[must_use]
    pub fn open(&self, sender: SessionEnd, record: &DtlsRecord) -> Option<Vec<u8>> {
        self.of_end(sender).open(record.number(), record.content.0, record.version, &record.fragment)
    }
}
