//! The one error of this room: octets that are not what the format asks for, or a value that the format cannot carry.

use std::borrow::Cow;

/// Octets that could not be read, or a value that could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{layer}, octet {offset}: expected {expected}, found {found}")]
pub struct WireError {
    /// What was being read or written: `generic MAC header`, `MAC PDU`, `RNG-REQ`, `TLV` and so on.
    pub layer: &'static str,
    /// Octets between the start of the input that was handed in and the place of the fault. When writing: octets of this
    /// layer before the place where the value would have stood.
    pub offset: usize,
    /// What the format asks for at that place.
    pub expected: Cow<'static, str>,
    /// What stands there.
    pub found: String,
}
