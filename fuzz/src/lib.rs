//! What the fuzzer calls: a module for each target, with a function `run` that takes the octets of one input.
//!
//! The programs in `fuzz_targets/` are nothing but the call. Whatever the octets are, `run` returns; it panics where keyhop
//! breaks a promise. [`promises`] and [`messages`] hold what several targets share.

pub mod messages;
pub mod promises;

pub mod asn_control_plane;
pub mod backbone_frames;
pub mod capture_files;
pub mod eap_packets;
pub mod foreign_framings;
pub mod framings;
pub mod generated_values;
pub mod key_logs;
pub mod mac_burst;
pub mod mobility_messages;
pub mod pkm_messages;
pub mod radius_packets;
pub mod ranging_messages;
pub mod registration_messages;
pub mod tlvs;
