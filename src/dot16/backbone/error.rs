//! The one error of the backbone: which layer, at which octet, what was expected, what was found.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;

use cookie_factory::{GenError, SerializeFn, gen_simple};

/// Why octets are not a backbone packet, or why a value cannot be put into octets.
///
/// No key material appears in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{layer}, octet {offset}: expected {expected}, found {found}")]
pub struct BackboneError {
    /// The layer that found it, e.g. `"ASN TLV"` or `"IPv4"`.
    pub layer: &'static str,
    /// Where, counted in octets from the first octet given to (or, when serialising, made by) the function that was
    /// called: the Ethernet destination address for [`decapsulate`](super::decapsulate) and
    /// [`encapsulate`](super::encapsulate), the version octet for a control message, the flags for GRE.
    pub offset: usize,
    /// What should have been there.
    pub expected: Cow<'static, str>,
    /// What was there.
    pub found: String,
}

impl BackboneError {
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

/// Most messages are not longer: room for so many octets is made at once.
pub(super) const USUAL_OCTETS: usize = 128;

/// Runs a serialiser of `layer` into a fresh vector.
pub(super) fn serialise(layer: &'static str, serialiser: impl SerializeFn<Vec<u8>>) -> Result<Vec<u8>, BackboneError> {
    serialise_to(layer, serialiser, Vec::with_capacity(USUAL_OCTETS))
}

/// Runs a serialiser of `layer` that writes to `out`.
pub(super) fn serialise_to<W: Write>(
    layer: &'static str,
    serialiser: impl SerializeFn<W>,
    out: W,
) -> Result<W, BackboneError> {
    gen_simple(serialiser, out)
        .map_err(|error: GenError| BackboneError::new(layer, 0, "a serialisable value", format!("{error:?}")))
}

/// `value` as the 16-bit length field that stands at `offset`.
pub(super) fn length_16(layer: &'static str, offset: usize, value: usize) -> Result<u16, BackboneError> {
    u16::try_from(value)
        .map_err(|_| BackboneError::new(layer, offset, "at most 65535 octets", format!("{value} octets")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_layer_offset_expected_and_found() {
        let error = BackboneError::new("ASN TLV", 20, "a header of 4 octets", "2 octets").shifted(42);
        assert_eq!(error.to_string(), "ASN TLV, octet 62: expected a header of 4 octets, found 2 octets");
    }
}
