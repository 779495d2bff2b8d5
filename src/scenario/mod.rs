//! From a script to a run: the script format, the user traffic it asks for and the comparison of that traffic end to end.
//!
//! * [`bundled`]: the scripts that are in the program.
//! * [`script`]: the TOML format, its validation, `--set` and its errors with spans.
//! * [`traffic`]: the IP packets of generated user traffic.
//! * [`ledger`]: what was sent against what came out.
//! * [`outcome`]: what a run came to.

pub mod bundled;
pub mod ledger;
pub mod outcome;
pub mod script;
pub mod traffic;
