//! What is written is read by Wireshark as it was meant. Needs `tshark`, which `tests/run` installs.

use keyhop::eps;

mod authentication;
mod converted;
mod data_plane;
mod e2m;
mod eps_access;
mod eps_arrival;
mod eps_core;
#[path = "../support/eps_core_samples.rs"]
#[allow(dead_code)]
mod eps_core_samples;
mod eps_decrypted;
#[path = "../support/eps_enterprise.rs"]
#[allow(dead_code)]
mod eps_enterprise;
#[path = "../support/eps_film.rs"]
#[allow(dead_code)]
mod eps_film;
mod eps_goldens;
#[allow(dead_code)]
#[path = "../support/eps_network.rs"]
mod eps_network;
mod eps_procedures;
mod eps_radio;
mod eps_rlos;
mod eps_utran;
mod fields;
#[path = "../support/foreign_framings.rs"]
mod foreign_support;
mod network_entry;
mod plugin;
mod plugin_expected;
mod plugin_install;
mod plugin_samples;
mod recipe;
mod tshark;
mod worked_frames;
