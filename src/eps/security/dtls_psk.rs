//! What both ends of a DTLS 1.2 session make of their pre-shared key: master secret, record keys, and what is in a record (RFC 4279 section 2,
//! RFC 5246 sections 5, 6.3 and 8.1, RFC 7627 section 4, RFC 6655).
//!
//! The cipher suite is TLS_PSK_WITH_AES_128_CCM_8: AES-128 in CCM with a tag of 8 octets; the nonce is made of 4 octets of the key block and
//! of the 8 octets in front of the ciphertext.

use ccm::aead::AeadInOut;
use ccm::consts::{U8, U12};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret_key::secret_key;

secret_key! {
    /// The master secret of a session of TLS or DTLS 1.2, 48 octets.
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

/// The random octets of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Randoms {
    /// Those of the ClientHello.
    pub client: [u8; 32],
    /// Those of the ServerHello.
    pub server: [u8; 32],
}

impl MasterSecret {
    /// The master secret of a session with this pre-shared key; bound to the handshake where the messages that it covers are given, as
    /// one after the other (RFC 7627).
    #[must_use]
    pub fn derive(psk: &[u8], randoms: &Randoms, covered: Option<&[u8]>) -> Self {
        let premaster = premaster(psk);
        let mut octets = Zeroizing::new([0; Self::OCTETS]);
        match covered {
            Some(messages) => prf(&premaster, b"extended master secret", &Sha256::digest(messages), octets.as_mut()),
            None => prf(&premaster, b"master secret", &[randoms.client, randoms.server].concat(), octets.as_mut()),
        }
        Self::from_octets(*octets)
    }
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
    pub fn derive(master: &MasterSecret, randoms: &Randoms) -> Self {
        let mut block = Zeroizing::new([0; 40]);
        prf(master.octets(), b"key expansion", &[randoms.server, randoms.client].concat(), block.as_mut());
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
}

impl RecordKey {
    /// The part of the nonce that stands in a protected record, in front of the ciphertext; none of one that is too short.
    #[must_use]
    pub fn explicit_nonce(fragment: &[u8]) -> Option<[u8; EXPLICIT_NONCE]> {
        fragment.first_chunk().copied()
    }

    /// What is in a protected record: its number (epoch and sequence number), content type and version, and its fragment. None if its tag
    /// is not that of this key.
    #[must_use]
    pub fn open(&self, number: [u8; 8], content: u8, version: u16, fragment: &[u8]) -> Option<Vec<u8>> {
        let (key, fixed) = self.octets().split_first_chunk::<16>()?;
        let (explicit, sealed) = fragment.split_at_checked(EXPLICIT_NONCE)?;
        let length = u16::try_from(sealed.len().checked_sub(TAG)?).ok()?;
        let nonce: [u8; 12] = [fixed, explicit].concat().try_into().ok()?;
        let [a, b] = version.to_be_bytes();
        let associated = [&number[..], &[content, a, b], &length.to_be_bytes()].concat();
        let mut octets = sealed.to_vec();
        Ccm8::new(key.into()).decrypt_in_place(&nonce.into(), &associated, &mut octets).ok()?;
        Some(octets)
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
    fn both_forms_of_a_master_secret_are_these_octets() {
        // By another implementation of the pseudorandom function, over the octets that the RFCs name.
        let randoms = Randoms { client: [1; 32], server: [2; 32] };
        let plain = MasterSecret::derive(&[3; 32], &randoms, None);
        let bound = MasterSecret::derive(&[3; 32], &randoms, Some(b"messages"));
        let shown = [&plain, &bound].map(|master| hex::encode(master.octets()));
        assert_eq!(shown, BY_HAND);
    }

    const BY_HAND: [&str; 2] = [
        "d4e70dc4866594362148739a1c9f5534bd776f7814fbca3c027cc6d3be575b57a7767f7aa34768a403a5a4bb51560859",
        "a141c60c96a560dcde3125210a3d091921425dbcd132b96071fea0ee65c16fc7bed98441541b09155997508d4a8f880b",
    ];

    #[test]
    fn a_damaged_or_short_record_does_not_open() {
        let keys =
            RecordKeys::derive(&MasterSecret::from_octets([3; 48]), &Randoms { client: [1; 32], server: [2; 32] });
        assert_ne!(keys.client, keys.server);
        for length in 0..40 {
            assert_eq!(keys.client.open([0; 8], 23, 0xfefd, &vec![9; length]), None);
        }
    }
}
