//! What TLS may draw and read while a node works: the node's own generator and virtual time.
//!
//! A TLS library asks for randomness and for the time of day whenever it likes. For the same octets in every run it gets both
//! from here: [`at_work`] lends the generator of the node and the present instant to the calls made inside it, and takes them
//! back. Outside of it nothing can be drawn, so that no octet of a run can come from anywhere else.

use std::cell::RefCell;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use rustls::crypto::{GetRandomFailed, SecureRandom};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::time::VirtualTime;

/// 2000-01-01T00:00:00Z in seconds after 1970: instant 0 of virtual time.
const EPOCH: u64 = 946_684_800;

struct Lent {
    generator: ChaCha20Rng,
    now: VirtualTime,
}

thread_local! {
    static LENT: RefCell<Option<Lent>> = const { RefCell::new(None) };
}

/// Gives the generator back, however the work ends.
struct Lease<'a>(&'a mut ChaCha20Rng);

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(lent) = LENT.take() {
            *self.0 = lent.generator;
        }
    }
}

/// Does `work`, in which TLS draws from `generator` and sees the time `now`. Not to be nested: there is one node at work in a
/// thread.
pub(super) fn at_work<T>(generator: &mut ChaCha20Rng, now: VirtualTime, work: impl FnOnce() -> T) -> T {
    LENT.set(Some(Lent { generator: generator.clone(), now }));
    let lease = Lease(generator);
    let done = work();
    drop(lease);
    done
}

/// Fills `octets` from the generator of the node at work.
///
/// # Errors
/// If no node is at work.
pub(super) fn draw(octets: &mut [u8]) -> Result<(), GetRandomFailed> {
    LENT.with_borrow_mut(|lent| match lent {
        Some(lent) => {
            lent.generator.fill_bytes(octets);
            Ok(())
        }
        None => Err(GetRandomFailed),
    })
}

/// The generator of the node at work, as TLS wants it.
#[derive(Debug)]
pub(super) struct NodeRandom;

impl SecureRandom for NodeRandom {
    fn fill(&self, octets: &mut [u8]) -> Result<(), GetRandomFailed> {
        draw(octets)
    }
}

/// Virtual time as seconds after 1970, as certificates have it.
#[derive(Debug)]
pub(super) struct VirtualClock;

impl TimeProvider for VirtualClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = LENT.with_borrow(|lent| lent.as_ref().map(|lent| lent.now.as_nanos() / 1_000_000_000))?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds.saturating_add(EPOCH))))
    }
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng;

    use super::*;

    #[test]
    fn what_is_drawn_comes_from_the_generator_lent_which_goes_on_where_it_was() {
        let mut lent = ChaCha20Rng::from_seed([1; 32]);
        let mut alone = lent.clone();
        let drawn = at_work(&mut lent, VirtualTime::ZERO, || {
            let mut octets = [0; 40];
            draw(&mut octets).unwrap();
            octets
        });
        let mut expected = [0; 40];
        alone.fill_bytes(&mut expected);
        assert_eq!((drawn, lent.next_u64()), (expected, alone.next_u64()));
    }

    #[test]
    fn nothing_can_be_drawn_and_no_time_is_known_while_no_node_is_at_work() {
        assert!(draw(&mut [0; 4]).is_err());
        assert_eq!(VirtualClock.current_time(), None);
        let panicked = std::panic::catch_unwind(|| {
            at_work(&mut ChaCha20Rng::from_seed([1; 32]), VirtualTime::ZERO, || panic!("on purpose"))
        });
        assert!(panicked.is_err());
        assert!(draw(&mut [0; 4]).is_err());
    }

    #[test]
    fn instant_0_is_the_first_of_january_2000() {
        let mut generator = ChaCha20Rng::from_seed([1; 32]);
        let now = VirtualTime::ZERO + Duration::from_secs(86_400);
        let time = at_work(&mut generator, now, || VirtualClock.current_time());
        assert_eq!(time.unwrap().as_secs(), 946_771_200, "the second of January 2000");
    }
}
