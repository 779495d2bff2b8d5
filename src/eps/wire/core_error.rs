//! How the core network makes its errors: which layer, at which octet, what was expected, what was found.
//!
//! In S1AP and X2AP, whose fields begin within octets, the offset is that of the information element at fault; 0 where one is
//! missing, and when serialising.

use std::borrow::Cow;
use std::fmt::Display;

use cookie_factory::{GenError, SerializeFn, gen_simple};

use super::WireError;
use crate::dot16::backbone::BackboneError;

impl WireError {
    pub(super) fn new(
        layer: &'static str,
        offset: usize,
        expected: impl Into<Cow<'static, str>>,
        found: impl Display,
    ) -> Self {
        Self { layer, offset, expected: expected.into(), found: found.to_string() }
    }

    /// The same error seen from `by` octets further out.
    pub(super) fn shifted(mut self, by: usize) -> Self {
        self.offset = self.offset.saturating_add(by);
        self
    }
}

/// From Ethernet, IPv4 and UDP, which both systems have in common.
impl From<BackboneError> for WireError {
    fn from(error: BackboneError) -> Self {
        let BackboneError { layer, offset, expected, found } = error;
        Self { layer, offset, expected, found }
    }
}

/// Runs a serialiser of `layer`.
pub(super) fn serialise(layer: &'static str, serialiser: impl SerializeFn<Vec<u8>>) -> Result<Vec<u8>, WireError> {
    gen_simple(serialiser, Vec::new())
        .map_err(|error: GenError| WireError::new(layer, 0, "a serialisable value", format!("{error:?}")))
}

/// `value` as the 16-bit length field that stands at `offset`.
pub(super) fn length_16(layer: &'static str, offset: usize, value: usize) -> Result<u16, WireError> {
    u16::try_from(value).map_err(|_| WireError::new(layer, offset, "at most 65535 octets", format!("{value} octets")))
}

/// Where in `whole` the octets `part` begin, which are a part of it.
pub(super) fn offset_of(part: &[u8], whole: &[u8]) -> usize {
    let offset = part.as_ptr().addr().checked_sub(whole.as_ptr().addr());
    offset.filter(|offset| *offset <= whole.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_layer_offset_expected_and_found() {
        let error = WireError::new("SCTP", 12, "a DATA chunk (type 0)", "type 3").shifted(34);
        assert_eq!(error.to_string(), "SCTP, octet 46: expected a DATA chunk (type 0), found type 3");
    }

    #[test]
    fn a_part_is_found_where_it_begins_and_something_else_nowhere() {
        let whole = [1, 2, 3, 4];
        assert_eq!((offset_of(&whole[2..], &whole), offset_of(&whole[4..], &whole)), (2, 4));
        assert_eq!(offset_of(&whole, &whole[2..]), 0);
    }
}
