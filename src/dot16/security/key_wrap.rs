//! A TEK under the KEK, as Key-Reply and SA-TEK-Update carry it (802.16-2009 clause 7.5.2; `dot16-security.md` 5.2).
//!
//! TEK encryption algorithm 4 (suite 02 01 04) is AES key wrap of RFC 3394 with its default initial value, 24 octets,
//! which notices a wrong KEK or a changed octet. Algorithm 3 (suite 02 01 03) is AES-ECB, 16 octets, which notices
//! nothing.

use aes::Aes128;
use aes::cipher::consts::U16;
use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes_kw::KwAes128;

use super::keys::{Kek, Tek};

/// Octets of a TEK under AES key wrap.
pub const WRAPPED_OCTETS: usize = 24;

/// Why there is no TEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// The encrypted TEK has a length that its algorithm does not give.
    #[error("encrypted TEK: expected {expected} octets, found {found}")]
    Length {
        /// Octets that the algorithm gives.
        expected: usize,
        /// Octets given.
        found: usize,
    },
    /// The check of AES key wrap failed: another KEK, or octets were changed.
    #[error("encrypted TEK: the check of AES key wrap failed, the KEK is another one or octets were changed")]
    Integrity,
}

/// The TEK under AES key wrap (algorithm 4), 24 octets.
#[must_use]
pub fn wrap(kek: &Kek, tek: &Tek) -> [u8; WRAPPED_OCTETS] {
    KwAes128::new(&(*kek.octets()).into()).wrap_fixed_key::<U16>(&(*tek.octets()).into()).into()
}

/// The TEK out of AES key wrap (algorithm 4).
///
/// # Errors
/// [`UnwrapError::Length`] if `wrapped` has not 24 octets, [`UnwrapError::Integrity`] if the check fails.
pub fn unwrap(kek: &Kek, wrapped: &[u8]) -> Result<Tek, UnwrapError> {
    let wrapped: [u8; WRAPPED_OCTETS] =
        wrapped.try_into().map_err(|_| UnwrapError::Length { expected: WRAPPED_OCTETS, found: wrapped.len() })?;
    let cipher = KwAes128::new(&(*kek.octets()).into());
    let tek = cipher.unwrap_fixed_key::<U16>(&Array::from(wrapped)).map_err(|_| UnwrapError::Integrity)?;
    Ok(Tek::from_octets(tek.into()))
}

/// The TEK under AES-ECB (algorithm 3), 16 octets.
#[must_use]
pub fn ecb_wrap(kek: &Kek, tek: &Tek) -> [u8; Tek::OCTETS] {
    let mut block = Array::from(*tek.octets());
    Aes128::new(&(*kek.octets()).into()).encrypt_block(&mut block);
    block.into()
}

/// The TEK out of AES-ECB (algorithm 3). With a wrong KEK or changed octets it is just another TEK.
///
/// # Errors
/// [`UnwrapError::Length`] if `encrypted` has not 16 octets.
pub fn ecb_unwrap(kek: &Kek, encrypted: &[u8]) -> Result<Tek, UnwrapError> {
    let encrypted: [u8; Tek::OCTETS] =
        encrypted.try_into().map_err(|_| UnwrapError::Length { expected: Tek::OCTETS, found: encrypted.len() })?;
    let mut block = Array::from(encrypted);
    Aes128::new(&(*kek.octets()).into()).decrypt_block(&mut block);
    Ok(Tek::from_octets(block.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> (Kek, Tek) {
        (Kek::from_octets([0x31; 16]), Tek::from_octets([0x72; 16]))
    }

    #[test]
    fn both_algorithms_give_back_the_tek() {
        let (kek, tek) = keys();
        assert_eq!(unwrap(&kek, &wrap(&kek, &tek)), Ok(tek.clone()));
        assert_eq!(ecb_unwrap(&kek, &ecb_wrap(&kek, &tek)), Ok(tek));
    }

    #[test]
    fn key_wrap_notices_every_flipped_bit_and_ecb_none() {
        let (kek, tek) = keys();
        let wrapped = wrap(&kek, &tek);
        for bit in 0..WRAPPED_OCTETS * 8 {
            let mut changed = wrapped;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unwrap(&kek, &changed), Err(UnwrapError::Integrity), "bit {bit}");
        }
        let mut changed = ecb_wrap(&kek, &tek);
        changed[0] ^= 1;
        assert_ne!(ecb_unwrap(&kek, &changed).unwrap(), tek);
    }

    #[test]
    fn key_wrap_notices_another_kek() {
        let (kek, tek) = keys();
        assert_eq!(unwrap(&Kek::from_octets([0x30; 16]), &wrap(&kek, &tek)), Err(UnwrapError::Integrity));
    }

    #[test]
    fn other_lengths_are_refused_with_the_right_one() {
        let (kek, _) = keys();
        for found in [0, 8, 16, 23, 25, 32] {
            assert_eq!(unwrap(&kek, &vec![0; found]), Err(UnwrapError::Length { expected: 24, found }));
        }
        for found in [0, 15, 17, 24] {
            assert_eq!(ecb_unwrap(&kek, &vec![0; found]), Err(UnwrapError::Length { expected: 16, found }));
        }
    }
}
