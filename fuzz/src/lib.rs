//! What the fuzzer calls: a module for each target, with a function `run` that takes the octets of one input.
//!
//! The programs in `fuzz_targets/` are nothing but the call. Whatever the octets are, `run` returns; it panics where keyhop
//! breaks a promise.

pub mod asn_control_plane;
pub mod mac_burst;
