//! What the fuzzer calls: a module for each target, with a function `run` that takes the octets of one input.
//!
//! The programs in `fuzz_targets/` are nothing but the call. Whatever the octets are, `run` returns; it panics where keyhop
//! breaks a promise. [`TARGETS`] names them all, for `tests/fuzz_seeds.rs` of keyhop. [`promises`], [`messages`], [`choices`], [`network`] and [`machines`] hold what several targets share.

pub mod choices;
/// The network of the tests.
#[path = "../../tests/support/eps_network.rs"]
pub mod eps_network;
pub mod machines;
pub mod messages;
pub mod network;
pub mod promises;

pub mod asn_control_plane;
pub mod authenticator;
pub mod backbone_frames;
pub mod base_station;
pub mod capture_files;
pub mod eap_packets;
pub mod eps_core_frames;
pub mod eps_judge;
pub mod eps_nodes;
pub mod eps_radio;
pub mod eps_transfer;
pub mod foreign_framings;
pub mod framings;
pub mod generated_values;
pub mod handover;
pub mod judge;
pub mod key_logs;
pub mod key_rules;
pub mod mac_burst;
pub mod mobile_station;
pub mod mobility_messages;
pub mod pkm_messages;
pub mod plain_paths;
pub mod radius_packets;
pub mod ranging_messages;
pub mod reassembly;
pub mod registration_messages;
pub mod script;
pub mod tlvs;

/// Every target with its name.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("asn_control_plane", asn_control_plane::run),
    ("authenticator", authenticator::run),
    ("backbone_frames", backbone_frames::run),
    ("base_station", base_station::run),
    ("capture_files", capture_files::run),
    ("eap_packets", eap_packets::run),
    ("eps_core_frames", eps_core_frames::run),
    ("eps_judge", eps_judge::run),
    ("eps_nodes", eps_nodes::run),
    ("eps_radio", eps_radio::run),
    ("eps_transfer", eps_transfer::run),
    ("foreign_framings", foreign_framings::run),
    ("framings", framings::run),
    ("generated_values", generated_values::run),
    ("handover", handover::run),
    ("judge", judge::run),
    ("key_logs", key_logs::run),
    ("key_rules", key_rules::run),
    ("mac_burst", mac_burst::run),
    ("mobile_station", mobile_station::run),
    ("mobility_messages", mobility_messages::run),
    ("pkm_messages", pkm_messages::run),
    ("plain_paths", plain_paths::run),
    ("radius_packets", radius_packets::run),
    ("ranging_messages", ranging_messages::run),
    ("reassembly", reassembly::run),
    ("registration_messages", registration_messages::run),
    ("script", script::run),
    ("tlvs", tlvs::run),
];

/// From now on nothing is authenticated or encrypted in this process. Only cargo-fuzz builds what this needs; elsewhere crypto
/// stays real.
pub fn null_crypto() {
    #[cfg(fuzzing)]
    keyhop::dot16::security::null_crypto::turn_on();
}
