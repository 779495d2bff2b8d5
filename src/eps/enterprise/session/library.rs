//! The DTLS library, made to give the same octets in every run: `dimpl`, sans-IO, whose randomness and time come from the node.
//!
//! * Randomness: the library seeds a generator of its own with 64 bits; they are drawn from the generator of the node. Nothing else in
//!   a handshake with a pre-shared key is random.
//! * Time: the library counts in [`Instant`], which can only be had from a clock, and writes the seconds since 1970 that it takes an
//!   instant for into hello messages (`gmt_unix_time`). [`at`] gives it instants for which that is the time of day that virtual time
//!   has elsewhere, 2000-01-01T00:00:00Z at 0 (plus 2^32 seconds, which the 4 octets do not show). What clock the first instant was read
//!   from, and when, makes no difference.
//! * Cryptography: of the providers that the library comes with, that of RustCrypto, with the one suite
//!   TLS_PSK_WITH_AES_128_CCM_8 and no key exchange group.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use dimpl::crypto::{CryptoProvider, Dtls12CipherSuite, rust_crypto};
use dimpl::{Config, Dtls, Output, PskResolver};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use zeroize::Zeroizing;

use crate::capture::record_reader::EPOCH_SECONDS;
use crate::eps::wire::dtls::DtlsRecord;
use crate::time::VirtualTime;

/// Most octets of a datagram that carries handshake messages, or anything else: what fits into a tunnel of the core network.
const MTU: usize = 1150;
/// After how long a flight is repeated the first time; doubled each time, and a quarter more or less.
const REPEATED_AFTER: Duration = Duration::from_secs(1);
/// How often.
const REPEATS: usize = 4;
/// How long a handshake takes at the most.
const HANDSHAKE: Duration = Duration::from_secs(40);
/// Beyond this, nothing is due.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The provider of every session.
static PROVIDER: LazyLock<CryptoProvider> = LazyLock::new(|| {
    let mut provider = rust_crypto::default_provider();
    let suites = provider.cipher_suites;
    let place = suites.iter().position(|suite| suite.suite() == Dtls12CipherSuite::PSK_AES128_CCM_8);
    provider.cipher_suites = place.and_then(|place| suites.get(place..=place)).unwrap_or_default();
    provider.kx_groups = &[];
    provider
});

/// The instant that is virtual time 0.
static ORIGIN: LazyLock<Option<Instant>> = LazyLock::new(origin);

/// Finds the first instant whose seconds the library writes as those of 2000-01-01T00:00:00Z: it is asked.
fn origin() -> Option<Instant> {
    let wanted = u32::try_from(EPOCH_SECONDS).ok()?;
    let some = Instant::now();
    // Always forwards: the library knows no instant before its own beginning.
    let ahead = wanted.wrapping_sub(seconds_of(some)?);
    let mut within = some.checked_add(Duration::from_secs(u64::from(ahead)))?;
    let mut before = within.checked_sub(Duration::from_secs(1))?;
    // To the nanosecond where that second begins.
    while within.duration_since(before) > Duration::from_nanos(1) {
        let between = before + within.duration_since(before) / 2;
        if seconds_of(between)? == wanted {
            within = between;
        } else {
            before = between;
        }
    }
    Some(within)
}

/// What the library writes for an instant into a hello message.
fn seconds_of(instant: Instant) -> Option<u32> {
    let config = config(0, |builder| builder.with_psk_client(Vec::new(), Arc::new(SharedKey::default())))?;
    let mut dtls = Dtls::new_12_psk(config, instant);
    dtls.set_active(true);
    dtls.handle_timeout(instant).ok()?;
    let mut buffer = vec![0; MTU];
    let Output::Packet(datagram) = dtls.poll_output(&mut buffer) else { return None };
    let [a, b, c, d, ..] = DtlsRecord::parse_all(datagram).ok()?.first()?.client_hello()?.random;
    Some(u32::from_be_bytes([a, b, c, d]))
}

/// Virtual time as the library has it; none if it cannot run here.
pub(super) fn at(now: VirtualTime) -> Option<Instant> {
    ORIGIN.as_ref()?.checked_add(Duration::from_nanos(now.as_nanos()))
}

/// An instant of the library as virtual time; none if it is as good as never.
pub(super) fn due(instant: Instant, now: VirtualTime) -> Option<VirtualTime> {
    let after = instant.saturating_duration_since(at(now)?);
    (after < NEVER).then(|| now + after)
}

/// The key of a session, as the library asks for it: set at most once, and not before it is known.
#[derive(Debug, Default)]
pub(super) struct SharedKey(OnceLock<Zeroizing<Vec<u8>>>);

impl SharedKey {
    pub(super) fn set(&self, key: &[u8]) {
        // A second one would be a key that the handshake does not have.
        let _ = self.0.set(Zeroizing::new(key.to_vec()));
    }

    pub(super) fn get(&self) -> Option<&[u8]> {
        self.0.get().map(|key| key.as_slice())
    }
}

impl PskResolver for SharedKey {
    fn resolve(&self, _: &[u8]) -> Option<Vec<u8>> {
        self.get().map(<[u8]>::to_vec)
    }
}

fn config(seed: u64, psk: impl FnOnce(dimpl::ConfigBuilder) -> dimpl::ConfigBuilder) -> Option<Arc<Config>> {
    let builder = Config::builder()
        .with_crypto_provider(PROVIDER.clone())
        // The library wants a provider to have some; here none are used.
        .dtls13_cipher_suites(&[])
        .mtu(MTU)
        .flight_start_rto(REPEATED_AFTER)
        .flight_retries(REPEATS)
        .handshake_timeout(HANDSHAKE)
        .dangerously_set_rng_seed(seed);
    psk(builder).build().ok().map(Arc::new)
}

/// The end that opens a session, with this identity.
pub(super) fn client(identity: &[u8], key: Arc<SharedKey>, random: &mut ChaCha20Rng, now: VirtualTime) -> Option<Dtls> {
    let config = config(random.next_u64(), |builder| builder.with_psk_client(identity.to_vec(), key))?;
    let mut dtls = Dtls::new_12_psk(config, at(now)?);
    dtls.set_active(true);
    Some(dtls)
}

/// The end that is asked.
pub(super) fn server(key: Arc<SharedKey>, random: &mut ChaCha20Rng, now: VirtualTime) -> Option<Dtls> {
    let config = config(random.next_u64(), |builder| builder.with_psk_server(None, key))?;
    Some(Dtls::new_12_psk(config, at(now)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_messages_have_virtual_time_whatever_the_clock_says() {
        for (nanos, seconds) in [(0, 0), (999_999_999, 0), (1_000_000_000, 1), (86_400_000_000_000, 86_400)] {
            let shown = seconds_of(at(VirtualTime::from_nanos(nanos)).unwrap()).unwrap();
            assert_eq!(u64::from(shown), EPOCH_SECONDS + seconds, "{nanos} ns");
        }
        // Found again from a later instant of the clock it is the same.
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(origin(), *ORIGIN);
    }

    #[test]
    fn the_one_suite_is_offered() {
        let suites: Vec<_> = PROVIDER.cipher_suites.iter().map(|suite| suite.suite()).collect();
        assert_eq!(suites, [Dtls12CipherSuite::PSK_AES128_CCM_8]);
    }
}
