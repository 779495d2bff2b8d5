//! Null crypto, for fuzzing only: this file and every hook to it exist under `cfg(fuzzing)`, which cargo-fuzz sets, and in no
//! other build.
//!
//! A fuzzer finds no CMAC value and no ICV. In a process that has called [`turn_on`], they are these instead:
//!
//! * what a node signs or seals carries the first 8 octets of the key, whatever the message, and the payload stays plain;
//! * a receiver takes that value, and [`MASTER_TAG`] besides, under every key. Any other value is refused.
//!
//! So a message keeps its value when the fuzzer changes it, the fuzzer can put in messages of its own, and yet a frame under
//! one key is refused under another, as when counts disagree. Keys, counts, packet numbers, windows and caches are the real ones.

use std::sync::atomic::{AtomicBool, Ordering};

use super::keys::{CmacKey, Tek};

/// The CMAC value and the ICV that every receiver takes: eight zero octets.
pub const MASTER_TAG: [u8; 8] = [0; 8];

static ON: AtomicBool = AtomicBool::new(false);

/// From now on nothing is authenticated or encrypted in this process.
pub fn turn_on() {
    ON.store(true, Ordering::Relaxed);
}

/// The CMAC value that stands for a signature under `key`; none if crypto is real.
#[must_use]
pub fn cmac_tag(key: &CmacKey) -> Option<[u8; 8]> {
    tag(key.octets())
}

/// The ICV that stands for sealing under `tek`; none if crypto is real.
#[must_use]
pub fn ccm_tag(tek: &Tek) -> Option<[u8; 8]> {
    tag(tek.octets())
}

/// Whether a receiver whose own tag is `tag` takes `value`.
#[must_use]
pub fn takes(tag: [u8; 8], value: &[u8]) -> bool {
    value == tag || value == MASTER_TAG
}

fn tag(key: &[u8; 16]) -> Option<[u8; 8]> {
    let [a, b, c, d, e, f, g, h, ..] = *key;
    ON.load(Ordering::Relaxed).then_some([a, b, c, d, e, f, g, h])
}
