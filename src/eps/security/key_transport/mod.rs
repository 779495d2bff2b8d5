//! KASMEtemp on its way to an ME that has sent a public key (seed 003): encrypted by the MME, opened with the private key of the ME.
//!
//! | scheme | public key | encrypted KASMEtemp | octets of both |
//! | --- | --- | --- | --- |
//! | ECIES profile A: X25519 (TS 33.501 Annex C.3.4.1) | 32 | ephemeral public key, 32 of ciphertext, tag of 8 | 72 |
//! | ECIES profile B: P-256 (C.3.4.2) | 33, compressed | the same | 73 |
//! | RSA-OAEP-2048 with SHA-256 (RFC 8017) | 259: modulus, exponent 65537 | 256 | 256 |
//!
//! * `ecies`: the profiles. `pair`: key pairs of all schemes.
//! * [`certificate`]: keys that an operator vouches for. [`signature`]: that of an MME.
//! * [`contribution`]: KASMEtemp to which the ME gives a part too.
//!
//! \[choice\] The standard encrypts an identity by these profiles; here they encrypt the 32 octets of KASMEtemp.

pub mod certificate;
pub mod contribution;
mod ecies;
mod pair;
pub mod signature;

#[cfg(test)]
mod tests;

pub use certificate::{Authority, CertificateError, KeyUsage, TrustAnchor};
pub use ecies::{ecies_open, ecies_open_unchecked, ecies_seal};
pub use pair::{PrivateKey, PublicKey};
pub use signature::{SignedCommand, SigningKey, VerifyingKey};

use rand_chacha::ChaCha20Rng;

use crate::eps::keys::Kasme;

/// By what KASMEtemp is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyTransport {
    /// ECIES profile A: X25519.
    EciesA = 1,
    /// ECIES profile B: P-256.
    EciesB = 2,
    /// RSA-OAEP with a modulus of 2048 bits and SHA-256.
    RsaOaep = 3,
}

impl KeyTransport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EciesA, Self::EciesB, Self::RsaOaep];

    /// That with this number, by which messages name it \[choice\].
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| *scheme as u8 == number)
    }

    /// Its name in scripts and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EciesA => "ecies-a",
            Self::EciesB => "ecies-b",
            Self::RsaOaep => "rsa-oaep",
        }
    }

    /// Octets of a public key.
    #[must_use]
    pub const fn public_octets(self) -> usize {
        match self {
            Self::EciesA => 32,
            Self::EciesB => 33,
            Self::RsaOaep => 259,
        }
    }

    /// Octets of KASMEtemp when it is encrypted.
    #[must_use]
    pub const fn sealed_octets(self) -> usize {
        match self {
            Self::EciesA => 72,
            Self::EciesB => 73,
            Self::RsaOaep => 256,
        }
    }
}

/// Why KASMEtemp was not encrypted, or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Octets that are no key of this scheme.
    #[error("expected a key of {}", .0.name())]
    Key(KeyTransport),
    /// What was encrypted has another length than it must have.
    #[error("expected {expected} octets of an encrypted key, found {found}")]
    Length {
        /// That which it must have.
        expected: usize,
        /// That which it has.
        found: usize,
    },
    /// It was changed, or is for another key: the tag, or the padding, is wrong.
    #[error("the encrypted key was changed, or is for another public key")]
    Authentication,
}

/// Encrypts KASMEtemp to a public key. What is random comes from `random`.
///
/// # Errors
/// A public key with which nobody has a secret of his own (a point of small order), or with which the scheme does not compute.
pub fn seal(to: &PublicKey, kasme: &Kasme, random: &mut ChaCha20Rng) -> Result<Vec<u8>, TransportError> {
    match to.scheme() {
        KeyTransport::RsaOaep => pair::rsa_seal(to, kasme.octets(), random),
        _ => ecies_seal(to, &PrivateKey::generate(to.scheme(), random)?, kasme.octets()),
    }
}

/// Opens an encrypted KASMEtemp.
///
/// # Errors
/// It was changed, or is for another key.
pub fn open(with: &PrivateKey, sealed: &[u8]) -> Result<Kasme, TransportError> {
    opened(with, sealed, ecies_open)
}

/// The same by somebody who does not look at the tag of ECIES; the padding of RSA is looked at always.
///
/// # Errors
/// It is of another length, its ephemeral key is none, or a padding is wrong.
pub fn open_unchecked(with: &PrivateKey, sealed: &[u8]) -> Result<Kasme, TransportError> {
    opened(with, sealed, ecies_open_unchecked)
}

fn opened(
    with: &PrivateKey,
    sealed: &[u8],
    ecies: fn(&PrivateKey, &[u8]) -> Result<Vec<u8>, TransportError>,
) -> Result<Kasme, TransportError> {
    let expected = with.scheme().sealed_octets();
    if sealed.len() != expected {
        return Err(TransportError::Length { expected, found: sealed.len() });
    }
    let opened = zeroize::Zeroizing::new(match with.scheme() {
        KeyTransport::RsaOaep => pair::rsa_open(with, sealed)?,
        _ => ecies(with, sealed)?,
    });
    let octets = <[u8; Kasme::OCTETS]>::try_from(&opened[..]).map_err(|_| TransportError::Authentication)?;
    Ok(Kasme::from_octets(octets))
}
