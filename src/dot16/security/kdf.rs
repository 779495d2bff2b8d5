//! Dot16KDF, the key derivation function of PKMv2, in its CMAC and its SHA-1 form (802.16-2009 clause 7.5.4.6;
//! `dot16-security.md` 1).
//!
//! Block number i (from 0) of the output is, with `|` for concatenation and 32-bit numbers most significant octet
//! first,
//!
//! ```text
//! CMAC form:   AES-CMAC(last 128 bits of key, i | astring | bits)
//! SHA-1 form:  SHA-1(i | astring | bits | last 160 bits of key)
//! ```
//!
//! and the result is the *last* `bits` bits of all blocks together, as Truncate keeps the rightmost bits.

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::aes_cmac::aes_cmac;

/// The longest output that [`dot16_kdf`] makes, in bits. The standard asks for 448 at most; the bound keeps a wrong
/// length from asking for all of the memory.
pub const MAX_BITS: usize = 1 << 20;

/// The pseudo-random function inside Dot16KDF; it follows the negotiated MAC mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prf {
    /// AES-CMAC, blocks of 16 octets: the form of CMAC mode.
    Cmac,
    /// Plain SHA-1 (not HMAC), blocks of 20 octets: the form of HMAC mode.
    Sha1,
}

impl Prf {
    /// Octets of the key that are used, counted from its end: 16 or 20.
    #[must_use]
    pub const fn key_octets(self) -> usize {
        match self {
            Self::Cmac => 16,
            Self::Sha1 => 20,
        }
    }
}

/// Why there is no output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KdfError {
    /// The key is shorter than the truncation that the form begins with.
    #[error("Dot16KDF: expected a key of at least {needed} octets, found {found}")]
    KeyTooShort {
        /// Octets that the form needs.
        needed: usize,
        /// Octets given.
        found: usize,
    },
    /// The length is 0, not a whole number of octets, or beyond [`MAX_BITS`].
    #[error("Dot16KDF: expected a length in bits that is a multiple of 8 from 8 to {MAX_BITS}, found {found}")]
    Length {
        /// Bits asked for.
        found: usize,
    },
}

/// Dot16KDF(`key`, `astring`, `bits`): `bits / 8` octets. `astring` holds the integers (most significant octet
/// first), the addresses and the ASCII label one after the other, with nothing between them; it may be empty.
///
/// # Errors
/// [`KdfError::KeyTooShort`], [`KdfError::Length`].
pub fn dot16_kdf(prf: Prf, key: &[u8], astring: &[u8], bits: usize) -> Result<Zeroizing<Vec<u8>>, KdfError> {
    if bits == 0 || !bits.is_multiple_of(8) || bits > MAX_BITS {
        return Err(KdfError::Length { found: bits });
    }
    let too_short = KdfError::KeyTooShort { needed: prf.key_octets(), found: key.len() };
    let mut output = Zeroizing::new(vec![0; bits / 8]);
    match prf {
        Prf::Cmac => cmac_form(key.last_chunk().ok_or(too_short)?, astring, &mut output),
        Prf::Sha1 => sha1_form(key.last_chunk().ok_or(too_short)?, astring, &mut output),
    }
    Ok(output)
}

/// The CMAC form with a key of the right length, filling `output`, which is at most [`MAX_BITS`] long.
pub(super) fn cmac_form(key: &[u8; 16], astring: &[u8], output: &mut [u8]) {
    fill(output, |number, bits| aes_cmac(key, &[&number, astring, &bits]));
}

fn sha1_form(key: &[u8; 20], astring: &[u8], output: &mut [u8]) {
    fill(output, |number, bits| {
        let hash = Sha1::new().chain_update(number).chain_update(astring).chain_update(bits).chain_update(key);
        hash.finalize().into()
    });
}

/// Fills `output` with the end of as many blocks as it needs. `block` gets the block number and the length in bits,
/// both as they stand in its input.
fn fill<const BLOCK: usize>(output: &mut [u8], block: impl Fn([u8; 4], [u8; 4]) -> [u8; BLOCK]) {
    let blocks = output.len().div_ceil(BLOCK);
    let dropped = (blocks * BLOCK).saturating_sub(output.len());
    let as_field = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let bits = as_field(output.len().saturating_mul(8));
    let octets = (0..blocks).flat_map(|number| block(as_field(number), bits)).skip(dropped);
    for (place, octet) in output.iter_mut().zip(octets) {
        *place = octet;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kdf(prf: Prf, bits: usize) -> String {
        let key: Vec<u8> = (0..24).collect();
        hex::encode(&*dot16_kdf(prf, &key, b"\x00\x05label", bits).unwrap())
    }

    // The expected values were computed with another implementation of AES-CMAC and SHA-1, from the definition.

    #[test]
    fn the_cmac_form_keeps_the_last_bits_of_its_blocks() {
        assert_eq!(kdf(Prf::Cmac, 64), "2d2c1b988e225d89");
        assert_eq!(kdf(Prf::Cmac, 128), "308048a3deefc78367716ade4be4c64b");
        assert_eq!(kdf(Prf::Cmac, 160), "dfae8a1f8dcd5f1274170f8918e261d215493a4a");
        assert_eq!(
            kdf(Prf::Cmac, 448),
            "84fef3e1fc5676bf37ce749296facfbc844d4427a53b600ef1df36a72235cf07828ae3fa16622c19f6513a76d955b0298baa5f09d4ae0278"
        );
    }

    #[test]
    fn the_sha1_form_puts_the_key_last_and_keeps_the_last_bits() {
        assert_eq!(kdf(Prf::Sha1, 64), "93a41cc4c4945a15");
        assert_eq!(kdf(Prf::Sha1, 128), "fcf1f188bc2b1d1f16f8a2b55b5b10ce");
        assert_eq!(kdf(Prf::Sha1, 160), "4a3dd6561172abaeb509c9d68c8479400b75dce2");
        assert_eq!(
            kdf(Prf::Sha1, 448),
            "ab2f5fb6be7bcdc5738ef3e07d02ceb7c490e064fb10d855bebb0d9dd40a43de3692a4a8ebc872de7374aa9a1ea567d101992480587d7118"
        );
    }

    #[test]
    fn sha1_gives_the_values_of_fips_180() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/sha1-fips180.json")).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        for case in cases {
            let digest: [u8; 20] = Sha1::digest(case["message_ascii"].as_str().unwrap()).into();
            assert_eq!(hex::encode(digest), case["digest"].as_str().unwrap());
        }
        assert_eq!(cases.len(), 3);
    }

    #[test]
    fn only_the_end_of_a_long_key_counts() {
        let key: Vec<u8> = (0..40).collect();
        for (prf, used) in [(Prf::Cmac, 16), (Prf::Sha1, 20)] {
            let whole = dot16_kdf(prf, &key, b"x", 160).unwrap();
            assert_eq!(whole, dot16_kdf(prf, &key[40 - used..], b"x", 160).unwrap());
            assert_ne!(whole, dot16_kdf(prf, &key[..used], b"x", 160).unwrap());
        }
    }

    #[test]
    fn a_key_shorter_than_the_truncation_is_refused() {
        for (prf, needed) in [(Prf::Cmac, 16), (Prf::Sha1, 20)] {
            let key = vec![0; needed - 1];
            let expected = KdfError::KeyTooShort { needed, found: needed - 1 };
            assert_eq!(dot16_kdf(prf, &key, b"", 128), Err(expected));
            assert!(dot16_kdf(prf, &vec![0; needed], b"", 128).is_ok());
        }
    }

    #[test]
    fn a_length_of_zero_of_half_octets_or_beyond_the_limit_is_refused() {
        for bits in [0, 1, 7, 129, MAX_BITS + 8, usize::MAX] {
            assert_eq!(dot16_kdf(Prf::Cmac, &[0; 16], b"", bits), Err(KdfError::Length { found: bits }));
        }
        assert_eq!(dot16_kdf(Prf::Cmac, &[0; 16], b"", MAX_BITS).unwrap().len(), MAX_BITS / 8);
    }
}
