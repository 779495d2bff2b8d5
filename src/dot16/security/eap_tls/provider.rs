//! The cryptography that TLS is given: X25519 whose secrets come from the node at work, one fixed list of cipher suites, and
//! Ed25519 for signatures, which are deterministic (RFC 7748, RFC 8422, RFC 8032).

use std::sync::{Arc, LazyLock};

use rustls::crypto::ring::{self, cipher_suite};
use rustls::crypto::{ActiveKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::at_work::{NodeRandom, draw};

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        ],
        kx_groups: vec![&X25519],
        secure_random: &NodeRandom,
        ..ring::default_provider()
    })
});

/// The one provider of every TLS connection of this crate.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// ECDH on Curve25519; the secret is drawn from the generator of the node at work.
#[derive(Debug)]
struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut octets = Zeroizing::new([0; 32]);
        draw(octets.as_mut())?;
        let secret = StaticSecret::from(*octets);
        let public = PublicKey::from(&secret);
        Ok(Box::new(Exchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange {
    secret: StaticSecret,
    public: PublicKey,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer: [u8; 32] = peer.try_into().map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(peer));
        // A point of small order gives the same secret to everybody (RFC 7748 section 6.1).
        if !shared.was_contributory() {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        Ok(SharedSecret::from(shared.as_bytes().as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::super::at_work::at_work;
    use super::*;
    use crate::time::VirtualTime;

    #[test]
    fn both_ends_come_to_one_secret_and_a_point_of_small_order_to_none() {
        let mut generator = ChaCha20Rng::from_seed([3; 32]);
        let [one, other, third] =
            at_work(&mut generator, VirtualTime::ZERO, || [(); 3].map(|()| X25519.start().unwrap()));
        assert_ne!(one.pub_key(), other.pub_key());
        let (to_one, to_other) = (one.pub_key().to_vec(), other.pub_key().to_vec());
        let secrets = [one.complete(&to_other).unwrap(), other.complete(&to_one).unwrap()];
        assert_eq!(secrets[0].secret_bytes(), secrets[1].secret_bytes());
        assert!(third.complete(&[0; 32]).is_err());
        assert!(X25519.start().is_err(), "no node is at work");
    }
}
