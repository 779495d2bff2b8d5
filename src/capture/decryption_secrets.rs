//! Secrets that stand in a capture itself, so that Wireshark opens what it holds without being told anything: the Decryption Secrets
//! Block of pcapng (`draft-ietf-opsawg-pcapng` section 4.7).
//!
//! ```text
//! type of the secrets (4) | octets of them (4) | the secrets | padding to a multiple of 4
//! ```
//!
//! Wireshark reads a capture once from front to back: secrets stand before the first packet that they open. Classic pcap has no place
//! for them. Secrets of types that nothing here knows are kept as they are.

use std::fmt;

use zeroize::Zeroizing;

/// Type of the block.
pub(super) const BLOCK_TYPE: u32 = 0x0000_000a;
/// Most octets of all secrets of a capture.
pub const MAX_SECRETS: usize = 4 * 1024 * 1024;
/// Octets that every block is counted with besides its secrets, so that empty ones come to an end too.
pub(super) const BLOCK_OCTETS: usize = 20;

/// What secrets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretsType(pub u32);

impl SecretsType {
    /// A key log of TLS and DTLS, as browsers write it: lines of text (`TLSK`).
    pub const TLS_KEY_LOG: Self = Self(0x544c_534b);
}

/// The secrets of one block: wiped on drop, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DecryptionSecrets {
    /// What they are.
    pub kind: SecretsType,
    octets: Zeroizing<Vec<u8>>,
}

impl DecryptionSecrets {
    /// Takes charge of the secrets of a block.
    #[must_use]
    pub fn new(kind: SecretsType, octets: Vec<u8>) -> Self {
        Self { kind, octets: Zeroizing::new(octets) }
    }

    /// The key log of sessions of TLS or DTLS 1.2: the random octets of the client, and the master secret, a line for each.
    #[must_use]
    pub fn of_sessions<'a>(sessions: impl IntoIterator<Item = (&'a [u8; 32], &'a [u8; 48])>) -> Self {
        let mut lines = Zeroizing::new(Vec::new());
        for (random, master) in sessions {
            lines.extend_from_slice(b"CLIENT_RANDOM ");
            digits(random, &mut lines);
            lines.push(b' ');
            digits(master, &mut lines);
            lines.push(b'\n');
        }
        Self { kind: SecretsType::TLS_KEY_LOG, octets: lines }
    }

    /// The secrets themselves.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

fn digits(octets: &[u8], text: &mut Vec<u8>) {
    let digit = |value: u8| b"0123456789abcdef".get(usize::from(value)).copied().unwrap_or_default();
    text.extend(octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 0xf)]));
}

impl fmt::Debug for DecryptionSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptionSecrets({:#010x}, {} octets)", self.kind.0, self.octets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_log_has_a_line_for_each_session() {
        let secrets = DecryptionSecrets::of_sessions([(&[0xab; 32], &[0x01; 48]), (&[2; 32], &[3; 48])]);
        let text = std::str::from_utf8(secrets.octets()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("CLIENT_RANDOM {} {}", "ab".repeat(32), "01".repeat(48)));
        assert_eq!(lines.len(), 2);
        assert_eq!(format!("{secrets:?}"), "DecryptionSecrets(0x544c534b, 352 octets)");
    }
}
