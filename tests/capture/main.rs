//! Captures, user traffic and key logs, seen from outside.

mod cut_files;
mod foreign_files;
mod key_logs;
mod round_trips;
mod samples;
mod user_traffic;
mod wireshark;
