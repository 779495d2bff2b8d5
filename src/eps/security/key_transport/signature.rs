//! The signature of an MME over its security mode command: ECDSA with P-256 and SHA-256, deterministic (RFC 6979), 64 octets.
//!
//! With it an ME that knows the key of the network, or who vouches for it, sees whether the command is of the network (seed 003 leaves
//! that open). \[choice\]

pub use p256::ecdsa::{SigningKey, VerifyingKey};

use p256::ecdsa::Signature;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::elliptic_curve::Generate;
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

use super::PublicKey;

/// What stands in front of all that is signed.
const DOMAIN: &[u8] = b"PARLOS NAS security mode command";
/// Octets of a signature.
pub const SIGNATURE_OCTETS: usize = 64;

/// A signing key at random.
#[must_use]
pub fn signing_key(random: &mut ChaCha20Rng) -> SigningKey {
    SigningKey::generate_from_rng(random)
}

/// Octets of a key that signatures are checked with: a point of P-256, compressed.
pub const POINT_OCTETS: usize = 33;

/// The octets of such a key.
#[must_use]
pub fn point(key: &VerifyingKey) -> [u8; POINT_OCTETS] {
    let point = key.to_sec1_point(true);
    <[u8; POINT_OCTETS]>::try_from(point.as_bytes()).unwrap_or([0; POINT_OCTETS])
}

/// The key with these octets, if they are one.
#[must_use]
pub fn of_point(octets: &[u8; POINT_OCTETS]) -> Option<VerifyingKey> {
    let compressed = matches!(octets, [2 | 3, ..]);
    VerifyingKey::from_sec1_bytes(octets).ok().filter(|_| compressed)
}

/// What a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct SignedCommand<'a> {
    /// The attach request that it answers, as it came, if that is covered: 32 octets of its SHA-256 go in.
    pub attach: Option<&'a [u8]>,
    /// The octet of the NAS algorithms.
    pub algorithms: u8,
    /// The key set, 3 bits.
    pub key_set: u8,
    /// The capabilities that are replayed.
    pub capability: &'a [u8],
    /// The encrypted KASMEtemp.
    pub sealed: &'a [u8],
    /// The public key of the MME, if it sends one.
    pub mme_key: Option<&'a PublicKey>,
}

impl SignedCommand<'_> {
    /// The octets that are signed: each field with its length in 2 octets.
    fn octets(&self) -> Vec<u8> {
        let hash = self.attach.map(|attach| Sha256::digest(attach).to_vec()).unwrap_or_default();
        let mme_key = self.mme_key.map(PublicKey::octets).unwrap_or_default();
        let fields: [&[u8]; 6] =
            [DOMAIN, &hash, &[self.algorithms, self.key_set], self.capability, self.sealed, mme_key];
        // No field is as long as a length can say: NAS messages are not.
        let with_length =
            |field: &[u8]| [&u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes()[..], field].concat();
        fields.into_iter().flat_map(with_length).collect()
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> [u8; SIGNATURE_OCTETS] {
        let signature: Signature = key.sign(&self.octets());
        signature.to_bytes().into()
    }

    /// Whether this is its signature.
    #[must_use]
    pub fn is_signed(&self, key: &VerifyingKey, signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| key.verify(&self.octets(), &signature).is_ok())
    }
}
