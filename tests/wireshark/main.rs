//! What is written is read by Wireshark as it was meant. Needs `tshark`, which `tests/run` installs.

mod authentication;
mod data_plane;
mod fields;
mod network_entry;
mod plugin;
mod plugin_expected;
mod plugin_install;
mod plugin_samples;
mod recipe;
mod tshark;
mod worked_frames;
