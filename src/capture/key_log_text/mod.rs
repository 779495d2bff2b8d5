//! The text form of the key log (DESIGN section 6): one record a line, `KIND name=value ... secret`, fields in a fixed
//! order, NODE lines first, then by (from, kind, line).

mod enterprise;
mod eps;
mod reading;
mod writing;

pub use reading::{parse, read};
pub use writing::write;

use super::key_log::{ConnectionType, TekHolder, TekNumber, TekSource};

/// The first line of every key log.
pub const FIRST_LINE: &str = "# keyhop-keylog 1";
/// Most octets of a key log.
pub const MAX_OCTETS: u64 = 256 * 1024 * 1024;
/// Most octets of a line.
pub const MAX_LINE: usize = 1024;

const CONNECTION_TYPES: [(&str, ConnectionType); 3] =
    [("basic", ConnectionType::Basic), ("primary", ConnectionType::Primary), ("transport", ConnectionType::Transport)];
const TEK_NUMBERS: [(&str, Option<TekNumber>); 3] =
    [("0", Some(TekNumber::Zero)), ("1", Some(TekNumber::One)), ("-", None)];
const TEK_SOURCES: [(&str, TekSource); 3] =
    [("counter", TekSource::Counter), ("random", TekSource::Random), ("reuse", TekSource::Reuse)];
const TEK_HOLDERS: [(&str, TekHolder); 3] =
    [("ms", TekHolder::MobileStation), ("bs", TekHolder::BaseStation), ("both", TekHolder::Both)];

/// Whether a name can stand as a value: visible ASCII, and not the sign for nothing.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name != "-" && name.bytes().all(|octet| octet.is_ascii_graphic())
}
