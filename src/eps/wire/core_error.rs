//! The one error of the core network: which layer, at which octet, what was expected, what was found.

use std::borrow::Cow;
use std::fmt::Display;

use cookie_factory::{GenError, SerializeFn, gen_simple};

use crate::dot16::backbone::BackboneError;

/// Why octets are not a packet of the core network, or why a value cannot be put into octets.
///
/// No key material appears in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{layer}, octet {offset}: expected {expected}, found {found}")]
pub struct CoreError {
    /// The layer that found it, e.g. `"S1AP"` or `"SCTP"`.
    pub layer: &'static str,
    /// Where, counted in octets from the first octet given to the function that was called. In S1AP and X2AP, whose fields begin
    /// within octets, the information element at fault begins there; 0 where one is missing, and when serialising.
    pub offset: usize,
    /// What should have been there.
    pub expected: Cow<'static, str>,
    /// What was there.
    pub found: String,
}

impl CoreError {
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
impl From<BackboneError> for CoreError {
    fn from(error: BackboneError) -> Self {
        let BackboneError { layer, offset, expected, found } = error;
        Self { layer, offset, expected, found }
    }
}

/// Runs a serialiser of `layer`.
pub(super) fn serialise(layer: &'static str, serialiser: impl SerializeFn<Vec<u8>>) -> Result<Vec<u8>, CoreError> {
    gen_simple(serialiser, Vec::new())
        .map_err(|error: GenError| CoreError::new(layer, 0, "a serialisable value", format!("{error:?}")))
}

/// `value` as the 16-bit length field that stands at `offset`.
pub(super) fn length_16(layer: &'static str, offset: usize, value: usize) -> Result<u16, CoreError> {
    u16::try_from(value).map_err(|_| CoreError::new(layer, offset, "at most 65535 octets", format!("{value} octets")))
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
        let error = CoreError::new("SCTP", 12, "a DATA chunk (type 0)", "type 3").shifted(34);
        assert_eq!(error.to_string(), "SCTP, octet 46: expected a DATA chunk (type 0), found type 3");
    }

    #[test]
    fn a_part_is_found_where_it_begins_and_something_else_nowhere() {
        let whole = [1, 2, 3, 4];
        assert_eq!((offset_of(&whole[2..], &whole), offset_of(&whole[4..], &whole)), (2, 4));
        assert_eq!(offset_of(&whole, &whole[2..]), 0);
    }
}
