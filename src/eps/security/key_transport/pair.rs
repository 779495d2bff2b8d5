//! Key pairs of all schemes.

use std::fmt;

use p256::elliptic_curve::Generate;
use p256::elliptic_curve::sec1::ToSec1Point;
use rand_chacha::ChaCha20Rng;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, Oaep, RsaPrivateKey, RsaPublicKey};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{KeyTransport, TransportError};

/// Bits of an RSA modulus.
const RSA_BITS: usize = 2048;
/// Octets of each of its primes.
const PRIME_OCTETS: usize = RSA_BITS / 16;
const EXPONENT: [u8; 3] = [1, 0, 1];
/// Most bits of an exponent that are read.
const EXPONENT_BITS: u32 = 32;

/// A public key: [`KeyTransport::public_octets`] of them, of which the scheme makes a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    scheme: KeyTransport,
    octets: Vec<u8>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {} octets)", self.scheme.name(), self.octets.len())
    }
}

impl PublicKey {
    /// The key with these octets.
    ///
    /// # Errors
    /// They are none: wrong length, no point of the curve, an even modulus, another exponent than 65537.
    pub fn from_octets(scheme: KeyTransport, octets: &[u8]) -> Result<Self, TransportError> {
        let key = Self { scheme, octets: octets.to_vec() };
        let right = octets.len() == scheme.public_octets();
        let is_one = match scheme {
            KeyTransport::EciesA => right,
            KeyTransport::EciesB => {
                right && matches!(octets, [2 | 3, ..]) && p256::PublicKey::from_sec1_bytes(octets).is_ok()
            }
            KeyTransport::RsaOaep => right && key.rsa().is_ok(),
        };
        if is_one { Ok(key) } else { Err(TransportError::Key(scheme)) }
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> KeyTransport {
        self.scheme
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The key of P-256.
    pub(super) fn p256(&self) -> Result<p256::PublicKey, TransportError> {
        p256::PublicKey::from_sec1_bytes(&self.octets).map_err(|_| TransportError::Key(self.scheme))
    }

    /// The key of RSA.
    pub(super) fn rsa(&self) -> Result<RsaPublicKey, TransportError> {
        let wrong = TransportError::Key(self.scheme);
        let (modulus, exponent) = self.octets.split_last_chunk::<3>().ok_or(wrong)?;
        let bits = u32::try_from(RSA_BITS).map_err(|_| wrong)?;
        let top = modulus.first().is_some_and(|octet| octet & 0x80 != 0);
        if *exponent != EXPONENT || !top {
            return Err(wrong);
        }
        let n = BoxedUint::from_be_slice(modulus, bits).map_err(|_| wrong)?;
        let e = BoxedUint::from_be_slice(exponent, EXPONENT_BITS).map_err(|_| wrong)?;
        RsaPublicKey::new(n, e).map_err(|_| wrong)
    }

    /// That of RSA.
    pub(super) fn of_rsa(key: &RsaPublicKey) -> Result<Self, TransportError> {
        Self::from_octets(KeyTransport::RsaOaep, &[&key.n_bytes()[..], &EXPONENT].concat())
    }

    /// That of P-256.
    pub(super) fn of_p256(key: &p256::PublicKey) -> Self {
        Self { scheme: KeyTransport::EciesB, octets: key.to_sec1_point(true).as_bytes().to_vec() }
    }
}

/// A private key. It is wiped when it is dropped, and never printed.
#[derive(Clone)]
pub struct PrivateKey(Kind);

#[derive(Clone)]
enum Kind {
    X25519(x25519_dalek::StaticSecret),
    P256(p256::SecretKey),
    Rsa(Box<RsaPrivateKey>),
}

/// The scheme, never the octets.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, redacted)", self.scheme().name())
    }
}

/// In constant time.
impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.scheme() == other.scheme() && bool::from(self.octets()[..].ct_eq(&other.octets()[..]))
    }
}

impl Eq for PrivateKey {}

impl PrivateKey {
    /// One at random. For RSA two primes are searched: some tenths of a second where the crates are built with optimisation.
    ///
    /// # Errors
    /// None that `random` could be the cause of.
    pub fn generate(scheme: KeyTransport, random: &mut ChaCha20Rng) -> Result<Self, TransportError> {
        Ok(Self(match scheme {
            KeyTransport::EciesA => Kind::X25519(x25519_dalek::StaticSecret::random_from_rng(random)),
            KeyTransport::EciesB => Kind::P256(p256::SecretKey::generate_from_rng(random)),
            KeyTransport::RsaOaep => {
                let key = RsaPrivateKey::new(random, RSA_BITS).map_err(|_| TransportError::Key(scheme))?;
                Kind::Rsa(Box::new(key))
            }
        }))
    }

    /// That with these octets, as [`octets`](Self::octets) gives them.
    ///
    /// # Errors
    /// They are none.
    pub fn from_octets(scheme: KeyTransport, octets: &[u8]) -> Result<Self, TransportError> {
        let wrong = TransportError::Key(scheme);
        Ok(Self(match scheme {
            KeyTransport::EciesA => Kind::X25519(<[u8; 32]>::try_from(octets).map_err(|_| wrong)?.into()),
            KeyTransport::EciesB => Kind::P256(p256::SecretKey::from_slice(octets).map_err(|_| wrong)?),
            KeyTransport::RsaOaep => {
                let (p, q) =
                    octets.split_at_checked(PRIME_OCTETS).filter(|(_, q)| q.len() == PRIME_OCTETS).ok_or(wrong)?;
                let bits = u32::try_from(RSA_BITS / 2).map_err(|_| wrong)?;
                let number = |octets| BoxedUint::from_be_slice(octets, bits).map_err(|_| wrong);
                let exponent = BoxedUint::from_be_slice(&EXPONENT, EXPONENT_BITS).map_err(|_| wrong)?;
                let odd_and_long =
                    |prime: &[u8]| matches!(prime, [first, .., last] if first & 0x80 != 0 && last & 1 != 0);
                if !odd_and_long(p) || !odd_and_long(q) {
                    return Err(wrong);
                }
                let (p, q) = (number(p)?, number(q)?);
                Kind::Rsa(Box::new(RsaPrivateKey::from_p_q(p, q, exponent).map_err(|_| wrong)?))
            }
        }))
    }

    /// Its octets: 32 of a scalar, or of RSA the two primes, 128 each.
    #[must_use]
    pub fn octets(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match &self.0 {
            Kind::X25519(key) => key.to_bytes().to_vec(),
            Kind::P256(key) => key.to_bytes().to_vec(),
            Kind::Rsa(key) => key.primes().iter().flat_map(|prime| prime.to_be_bytes().into_vec()).collect(),
        })
    }

    /// Its scheme.
    #[must_use]
    pub const fn scheme(&self) -> KeyTransport {
        match self.0 {
            Kind::X25519(_) => KeyTransport::EciesA,
            Kind::P256(_) => KeyTransport::EciesB,
            Kind::Rsa(_) => KeyTransport::RsaOaep,
        }
    }

    /// The public key that goes with it.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let scheme = self.scheme();
        match &self.0 {
            Kind::X25519(key) => PublicKey { scheme, octets: x25519_dalek::PublicKey::from(key).to_bytes().to_vec() },
            Kind::P256(key) => PublicKey::of_p256(&key.public_key()),
            Kind::Rsa(key) => PublicKey { scheme, octets: [&key.n_bytes()[..], &EXPONENT].concat() },
        }
    }

    /// The secret of this key and another's public one.
    ///
    /// # Errors
    /// The keys are of different schemes, or of RSA; the other is a point of small order, with which everybody has the same secret.
    pub(super) fn agree(&self, with: &PublicKey) -> Result<Zeroizing<[u8; 32]>, TransportError> {
        let wrong = TransportError::Key(with.scheme());
        if with.scheme() != self.scheme() {
            return Err(wrong);
        }
        match &self.0 {
            Kind::X25519(key) => {
                let other = <[u8; 32]>::try_from(with.octets()).map_err(|_| wrong)?;
                let secret = key.diffie_hellman(&other.into());
                if !secret.was_contributory() {
                    return Err(wrong);
                }
                Ok(Zeroizing::new(secret.to_bytes()))
            }
            Kind::P256(key) => {
                let secret = key.diffie_hellman(&with.p256()?);
                Ok(Zeroizing::new((*secret.raw_secret_bytes()).into()))
            }
            Kind::Rsa(_) => Err(wrong),
        }
    }
}

/// RSA-OAEP to a public key.
pub(super) fn rsa_seal(to: &PublicKey, plain: &[u8], random: &mut ChaCha20Rng) -> Result<Vec<u8>, TransportError> {
    let sealed = to.rsa()?.encrypt(random, Oaep::<Sha256>::new(), plain);
    sealed.map_err(|_| TransportError::Key(to.scheme()))
}

pub(super) fn rsa_open(with: &PrivateKey, sealed: &[u8]) -> Result<Vec<u8>, TransportError> {
    let Kind::Rsa(key) = &with.0 else { return Err(TransportError::Key(with.scheme())) };
    key.decrypt(Oaep::<Sha256>::new(), sealed).map_err(|_| TransportError::Authentication)
}
