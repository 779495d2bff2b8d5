//! The value of a CMAC tuple: what authenticates a management message (802.16-2009 clause 7.5.4.4;
//! `dot16-security.md` 3.1).
//!
//! ```text
//! AES-CMAC(CMAC_KEY, AKID | CMAC_PN | CID | 0000 | message)      AKID 8, CMAC_PN 4, CID 2 octets
//! ```
//!
//! The message begins with its type octet and ends before the tuple, which is its last TLV; MAC header and CRC are no
//! part of it. Of the 16 octets of the CMAC, 8 are sent.

use subtle::ConstantTimeEq;

use super::aes_cmac::aes_cmac;
use super::keys::CmacKey;
use crate::dot16::identifiers::{AkId, Cid};
use crate::lanes::{CmacJob, Path};

/// Which 8 octets of a CMAC are sent. No published value decides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Truncation {
    /// The last 8, as the standard's Truncate reads.
    #[default]
    Right,
    /// The first 8, as CMAC is truncated elsewhere.
    Left,
}

/// The whole CMAC of a management message, 16 octets. `pn` is CMAC_PN_U or CMAC_PN_D, `cid` the connection in the
/// header of the PDU that carries the message.
#[must_use]
pub fn cmac_full(key: &CmacKey, akid: AkId, pn: u32, cid: Cid, message: &[u8]) -> [u8; 16] {
    aes_cmac(key.octets(), &[&akid.0, &pn.to_be_bytes(), &cid.0.to_be_bytes(), &[0, 0], message])
}

/// The CMAC value that the tuple carries, 8 octets.
#[must_use]
pub fn cmac_value(key: &CmacKey, akid: AkId, pn: u32, cid: Cid, message: &[u8], truncation: Truncation) -> [u8; 8] {
    #[cfg(fuzzing)]
    if let Some(tag) = super::null_crypto::cmac_tag(key) {
        return tag;
    }
    truncated(cmac_full(key, akid, pn, cid, message), truncation)
}

/// Whether `value` is the CMAC value of the message, compared in constant time. Whether `pn` is new is not looked at.
#[must_use]
pub fn verify(
    key: &CmacKey,
    akid: AkId,
    pn: u32,
    cid: Cid,
    message: &[u8],
    truncation: Truncation,
    value: &[u8; 8],
) -> bool {
    #[cfg(fuzzing)]
    if let Some(tag) = super::null_crypto::cmac_tag(key) {
        return super::null_crypto::takes(tag, value);
    }
    cmac_value(key, akid, pn, cid, message, truncation).ct_eq(value).into()
}

/// A CMAC value with all that it is said to be the value of.
pub struct Claim<'a> {
    /// CMAC_KEY_U or CMAC_KEY_D.
    pub key: &'a CmacKey,
    /// The AKID of the AK behind it.
    pub akid: AkId,
    /// CMAC_PN_U or CMAC_PN_D.
    pub pn: u32,
    /// The connection in the header of the PDU.
    pub cid: Cid,
    /// The whole message without the tuple.
    pub message: &'a [u8],
    /// The value in the tuple.
    pub value: [u8; 8],
}

/// [`verify`] for many messages at once, each under a key of its own; one answer for each, in their order.
#[must_use]
pub fn verify_all(claims: &[Claim<'_>], truncation: Truncation) -> Vec<bool> {
    #[cfg(fuzzing)]
    if claims.iter().any(|claim| super::null_crypto::cmac_tag(claim.key).is_some()) {
        let one = |claim: &Claim<'_>| {
            verify(claim.key, claim.akid, claim.pn, claim.cid, claim.message, truncation, &claim.value)
        };
        return claims.iter().map(one).collect();
    }
    let octets = claims.iter().map(|claim| IN_FRONT.saturating_add(claim.message.len())).sum();
    let mut inputs = Vec::with_capacity(octets);
    for Claim { akid, pn, cid, message, .. } in claims {
        inputs.extend_from_slice(&akid.0);
        inputs.extend_from_slice(&pn.to_be_bytes());
        inputs.extend_from_slice(&cid.0.to_be_bytes());
        inputs.extend_from_slice(&[0, 0]);
        inputs.extend_from_slice(message);
    }
    let mut jobs = Vec::with_capacity(claims.len());
    let mut rest = inputs.as_slice();
    for claim in claims {
        let Some((message, next)) = rest.split_at_checked(IN_FRONT.saturating_add(claim.message.len())) else { break };
        jobs.push(CmacJob { key: claim.key.octets(), message, mac: [0; 16] });
        rest = next;
    }
    Path::best().cmac(&mut jobs);
    let verifies = |(job, claim): (&CmacJob<'_>, &Claim<'_>)| truncated(job.mac, truncation).ct_eq(&claim.value).into();
    jobs.iter().zip(claims).map(verifies).collect()
}

/// Octets in front of a message in what its CMAC covers.
const IN_FRONT: usize = 8 + 4 + 2 + 2;

/// The 8 octets of `full` that are sent.
#[must_use]
pub fn truncated(full: [u8; 16], truncation: Truncation) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, last @ ..] = full;
    match truncation {
        Truncation::Right => last,
        Truncation::Left => [a, b, c, d, e, f, g, h],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AKID: AkId = AkId([0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8]);

    fn key() -> CmacKey {
        CmacKey::from_octets(std::array::from_fn(|place| u8::try_from(place).unwrap()))
    }

    /// The six messages of `dot16-wire.md` 7.2, 7.3, 7.4 and 7.6: CMAC_PN, CID, message, value.
    const WORKED: [(u32, u16, &str, &str); 6] = [
        (1, 0, "0400020600112233445505060a00000000010601010701070d020005940105", "01d18d7de2400490"),
        (
            1,
            0,
            "0500010400000008020104030400000064040103080600112233445509020009\
             0a02014911010214010115020287160107",
            "1b2c8b274cfebad7",
        ),
        (2, 5, "390300010a000000000221286042014400", "95aeba09a8a337c9"),
        (2, 5, "3a0080c0050000000001108143e0e014", "accadb00ea48e57c"),
        (3, 5, "3b00100a000000000221", "e749b22f707019cf"),
        (3, 0x145, "0a1401220800010203040506070a01012d08a1a2a3a4a5a6a7a8090400000e10", "79a325723c258d92"),
    ];

    fn octets(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    #[test]
    fn the_worked_messages_have_the_worked_values() {
        for (pn, cid, message, value) in WORKED {
            let message = octets(message);
            let computed = cmac_value(&key(), AKID, pn, Cid(cid), &message, Truncation::Right);
            assert_eq!(hex::encode(computed), value);
            let value = octets(value).try_into().unwrap();
            assert!(verify(&key(), AKID, pn, Cid(cid), &message, Truncation::Right, &value));
        }
    }

    #[test]
    fn both_truncations_are_ends_of_the_whole_cmac() {
        let (pn, cid, message, _) = WORKED[0];
        let full = cmac_full(&key(), AKID, pn, Cid(cid), &octets(message));
        assert_eq!(hex::encode(full), "f757faaae9d0f32a01d18d7de2400490");
        let value = |truncation| cmac_value(&key(), AKID, pn, Cid(cid), &octets(message), truncation);
        assert_eq!(hex::encode(value(Truncation::Left)), "f757faaae9d0f32a");
        assert_eq!(hex::encode(value(Truncation::Right)), "01d18d7de2400490");
        assert!(!verify(&key(), AKID, pn, Cid(cid), &octets(message), Truncation::Left, &value(Truncation::Right)));
    }

    #[test]
    fn many_are_verified_at_once_as_each_is() {
        let keys: Vec<CmacKey> = (0..40).map(|octet| CmacKey::from_octets([octet; 16])).collect();
        let messages: Vec<Vec<u8>> = (0..40).map(|length| vec![0x5a; length * 7 % 90]).collect();
        let mut claims: Vec<Claim<'_>> = (1..)
            .zip(&keys)
            .zip(&messages)
            .map(|((pn, key), message)| {
                let value = cmac_value(key, AKID, pn, Cid(7), message, Truncation::Right);
                Claim { key, akid: AKID, pn, cid: Cid(7), message, value }
            })
            .collect();
        assert!(verify_all(&claims, Truncation::Right).iter().all(|verifies| *verifies));
        for wrong in [0, 5, 17, 39] {
            claims[wrong].value[wrong % 8] ^= 0x20;
        }
        let verdicts = verify_all(&claims, Truncation::Right);
        assert!(verdicts.iter().enumerate().all(|(place, verifies)| *verifies != [0, 5, 17, 39].contains(&place)));
        assert_eq!(verdicts.len(), 40);
        assert!(verify_all(&[], Truncation::Right).is_empty());
    }

    #[test]
    fn a_message_may_be_empty_and_a_pn_zero() {
        // AES-CMAC of one whole block, computed with another implementation.
        assert_eq!(hex::encode(cmac_full(&key(), AKID, 0, Cid(0), &[])), "f2e81f301cc027019ed8ce47ebebc56d");
    }

    #[test]
    fn whatever_changes_the_value_no_longer_verifies() {
        let (pn, cid, message, value) = WORKED[2];
        let (message, value): (_, [u8; 8]) = (octets(message), octets(value).try_into().unwrap());
        let verifies = |key: &CmacKey, akid, pn, cid, message: &[u8], value: &[u8; 8]| {
            verify(key, akid, pn, Cid(cid), message, Truncation::Right, value)
        };
        assert!(verifies(&key(), AKID, pn, cid, &message, &value));
        assert!(!verifies(&CmacKey::from_octets([0; 16]), AKID, pn, cid, &message, &value));
        assert!(!verifies(&key(), AkId([0; 8]), pn, cid, &message, &value));
        assert!(!verifies(&key(), AKID, pn + 1, cid, &message, &value));
        assert!(!verifies(&key(), AKID, pn, cid + 1, &message, &value));
        for place in 0..message.len() {
            let mut changed = message.clone();
            changed[place] ^= 0x01;
            assert!(!verifies(&key(), AKID, pn, cid, &changed, &value), "message octet {place}");
        }
        for place in 0..value.len() {
            let mut changed = value;
            changed[place] ^= 0x80;
            assert!(!verifies(&key(), AKID, pn, cid, &message, &changed), "value octet {place}");
        }
    }
}
