//! What the fuzzer calls: a module for each target, with a function `run` that takes the octets of one input.
//!
//! The programs in `fuzz_targets/` are nothing but the call. Whatever the octets are, `run` returns; it panics where keyhop
//! breaks a promise.

pub mod asn_control_plane;
pub mod authenticator;
pub mod base_station;
pub mod choices;
pub mod handover;
pub mod judge;
pub mod key_rules;
pub mod mac_burst;
pub mod mobile_station;
pub mod network;
pub mod plain_paths;
pub mod reassembly;
pub mod script;

/// From now on nothing is authenticated or encrypted in this process. Only cargo-fuzz builds what this needs; elsewhere crypto
/// stays real.
pub fn null_crypto() {
    #[cfg(fuzzing)]
    keyhop::dot16::security::null_crypto::turn_on();
}
