//! Captures, user traffic, key logs and the commands that read them, seen from outside.

mod converting;
mod cut_files;
mod decrypting;
mod eps_key_logs;
mod foreign_files;
mod foreign_framings;
#[path = "../support/foreign_framings.rs"]
mod foreign_support;
mod foreign_verdicts;
mod foreign_wireshark;
mod inspecting;
mod key_logs;
mod memory;
mod mutants;
mod mutants_program;
mod round_trips;
mod samples;
mod user_traffic;
mod wireshark;
mod writing;
