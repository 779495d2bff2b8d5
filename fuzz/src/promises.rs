//! What every target holds: memory in proportion to the input, and errors that say where, what was expected and what was found.

use std::alloc::System;
use std::fmt::Display;

use cap::Cap;
use keyhop::capture::CaptureError;
use keyhop::capture::error::Place;
use keyhop::capture::foreign::ForeignError;
use keyhop::capture::upper_pdu::UpperPduError;
use keyhop::dot16::backbone::BackboneError;
use keyhop::dot16::wire::WireError;

/// Octets that a parser may have in memory for each octet that it reads, values and what it drops on the way together: two
/// octets can be a whole TLV, three a burst that becomes a frame of its own.
pub const MEMORY_MULTIPLE: usize = 512;
/// Octets that it may have beside: texts of an error, buffers of a reader.
pub const MEMORY_BESIDE: usize = 64 * 1024;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// What `read` makes of `octets`. It ends the program if it takes more memory than [`MEMORY_MULTIPLE`] times their number and
/// [`MEMORY_BESIDE`].
pub fn within_memory<T>(octets: &[u8], read: impl FnOnce() -> T) -> T {
    let allowed = octets.len().saturating_mul(MEMORY_MULTIPLE).saturating_add(MEMORY_BESIDE);
    let limit = MEMORY.allocated().saturating_add(allowed);
    MEMORY.set_limit(limit).expect("more is allowed than is in use");
    let value = read();
    MEMORY.set_limit(usize::MAX).expect("no limit is above what is in use");
    value
}

/// An error of a parser that was given `octets`: its place is in them or at their end, and its texts say something.
pub fn explains(error: &impl Fault, octets: &[u8]) {
    error.hold(octets);
    assert!(!error.to_string().is_empty());
}

/// An error that names a place in octets.
pub trait Fault: Display {
    /// Holds place and texts against the octets that were read.
    fn hold(&self, octets: &[u8]);
}

fn in_words(layer: &str, offset: usize, expected: &str, found: &str, octets: &[u8]) {
    let whole = octets.len();
    assert!(offset <= whole, "{layer}, octet {offset}: expected {expected}, found {found}, in {whole} octets");
    assert!(!layer.is_empty() && !expected.is_empty() && !found.is_empty(), "{layer}: {expected}: {found}");
}

impl Fault for WireError {
    fn hold(&self, octets: &[u8]) {
        in_words(self.layer, self.offset, &self.expected, &self.found, octets);
    }
}

impl Fault for BackboneError {
    fn hold(&self, octets: &[u8]) {
        in_words(self.layer, self.offset, &self.expected, &self.found, octets);
    }
}

impl Fault for UpperPduError {
    fn hold(&self, octets: &[u8]) {
        in_words("upper PDU", self.offset, &self.expected, &self.found, octets);
    }
}

impl Fault for ForeignError {
    fn hold(&self, octets: &[u8]) {
        in_words(self.layer, self.offset, &self.expected, &self.found, octets);
    }
}

impl Fault for CaptureError {
    fn hold(&self, octets: &[u8]) {
        let Self::Malformed { place, expected, found, .. } = self else {
            panic!("{self}: octets in memory can only be malformed");
        };
        match *place {
            Place::Octet { frame, offset } => {
                assert_ne!(frame, Some(0), "{self}: frames are counted from 1");
                in_words("capture", usize::try_from(offset).expect("an offset"), expected, found, octets);
            }
            Place::Line { line, column } => {
                let text = octets.split(|octet| *octet == b'\n').nth(line.checked_sub(1).expect("lines from 1"));
                let text = text.unwrap_or_else(|| panic!("{self}: there is no such line"));
                let before = column.checked_sub(1).expect("columns are counted from 1");
                in_words("line", before, expected, found, text);
            }
            Place::Whole => in_words("capture", 0, expected, found, octets),
        }
    }
}
