//! ECIES as TS 33.501 Annex C.3 has it: a secret of an ephemeral and a public key, the KDF of ANSI X9.63 with SHA-256 and the ephemeral
//! public key as shared information (64 octets: key of AES-128, initial counter block, key of the MAC), AES-128 in counter mode,
//! HMAC-SHA-256 of the ciphertext cut to 8 octets. Sealed: ephemeral public key, ciphertext, tag.

use cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{PrivateKey, PublicKey, TransportError};

/// Octets of the tag.
const TAG: usize = 8;

/// What a secret is cut into.
struct Keys {
    cipher: Zeroizing<[u8; 16]>,
    counter: [u8; 16],
    mac: Zeroizing<[u8; 32]>,
}

impl Keys {
    /// Those of a shared secret and the ephemeral public key.
    fn derive(secret: &[u8; 32], ephemeral: &[u8]) -> Self {
        let block = |number: u32| -> Zeroizing<[u8; 32]> {
            let digest = Sha256::new().chain_update(secret).chain_update(number.to_be_bytes()).chain_update(ephemeral);
            Zeroizing::new(digest.finalize().into())
        };
        let first = block(1);
        let (mut cipher, mut counter) = (Zeroizing::new([0; 16]), [0; 16]);
        cipher.copy_from_slice(&first[..16]);
        counter.copy_from_slice(&first[16..]);
        Self { cipher, counter, mac: block(2) }
    }

    /// Ciphers or deciphers in place.
    fn cipher(&self, octets: &mut [u8]) {
        ctr::Ctr128BE::<aes::Aes128>::new(&(*self.cipher).into(), &self.counter.into()).apply_keystream(octets);
    }

    fn tag(&self, ciphertext: &[u8]) -> [u8; TAG] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.mac[..])
            .unwrap_or_else(|_| <Hmac<Sha256> as KeyInit>::new(&[0; 64].into()));
        mac.update(ciphertext);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        whole.first_chunk().copied().unwrap_or_default()
    }
}

/// Encrypts octets to a public key, with this ephemeral key: it must be used for nothing else.
///
/// # Errors
/// The keys are of different schemes, or of none that agrees on a secret; a point of small order.
pub fn ecies_seal(to: &PublicKey, ephemeral: &PrivateKey, plain: &[u8]) -> Result<Vec<u8>, TransportError> {
    let own = ephemeral.public();
    let keys = Keys::derive(&*ephemeral.agree(to)?, own.octets());
    let mut octets = plain.to_vec();
    keys.cipher(&mut octets);
    let tag = keys.tag(&octets);
    Ok([own.octets(), &octets, &tag].concat())
}

/// Opens what was encrypted to the public key of `with`.
///
/// # Errors
/// It was changed, is for another key or cut short, or its ephemeral key is none.
pub fn ecies_open(with: &PrivateKey, sealed: &[u8]) -> Result<Vec<u8>, TransportError> {
    let (keys, ciphertext, tag) = agreed(with, sealed)?;
    if !bool::from(keys.tag(ciphertext)[..].ct_eq(&tag[..])) {
        return Err(TransportError::Authentication);
    }
    let mut plain = ciphertext.to_vec();
    keys.cipher(&mut plain);
    Ok(plain)
}

/// The same without looking at the tag: what somebody takes who does not check it, whatever comes out.
///
/// # Errors
/// It is cut short, or its ephemeral key is none.
pub fn ecies_open_unchecked(with: &PrivateKey, sealed: &[u8]) -> Result<Vec<u8>, TransportError> {
    let (keys, ciphertext, _) = agreed(with, sealed)?;
    let mut plain = ciphertext.to_vec();
    keys.cipher(&mut plain);
    Ok(plain)
}

/// The keys of what was encrypted, its ciphertext and its tag.
fn agreed<'a>(with: &PrivateKey, sealed: &'a [u8]) -> Result<(Keys, &'a [u8], &'a [u8; TAG]), TransportError> {
    let scheme = with.scheme();
    let short = TransportError::Length { expected: scheme.public_octets() + TAG, found: sealed.len() };
    let (ephemeral, rest) = sealed.split_at_checked(scheme.public_octets()).ok_or(short)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or(short)?;
    let ephemeral = PublicKey::from_octets(scheme, ephemeral)?;
    Ok((Keys::derive(&*with.agree(&ephemeral)?, ephemeral.octets()), ciphertext, tag))
}
