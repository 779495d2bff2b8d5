//! Messages into octets and back by way of their ASN.1 types, in unaligned PER.
//!
//! Reading is strict: what was read has to write back to the very same octets. So a field that this room has no place for, an
//! extension, padding that is not 0 or octets behind the message are all found, and nothing is passed over.

use rasn::error::{DecodeError, DecodeErrorKind};

use super::super::WireError;
use crate::dot16::wire::parsing::describe;

/// A field with a value that its type here does not have.
pub(super) struct Refused {
    pub expected: &'static str,
    pub found: String,
}

impl Refused {
    /// An alternative of a choice that is not carried.
    pub(super) fn alternative(found: &impl std::fmt::Debug) -> Self {
        Self { expected: "an alternative that is carried here", found: format!("{found:?}") }
    }
}

/// A message, and its ASN.1 type.
pub(super) trait Message: Sized {
    /// Its ASN.1 type.
    type Asn1: rasn::Encode + rasn::Decode;
    /// Its name in errors.
    const LAYER: &'static str;
    fn from_asn1(asn1: Self::Asn1) -> Result<Self, Refused>;
    fn to_asn1(&self) -> Self::Asn1;
}

/// Whether the input ended too early.
fn is_incomplete(error: &DecodeError) -> bool {
    match &*error.kind {
        DecodeErrorKind::Incomplete { .. } | DecodeErrorKind::Eof => true,
        DecodeErrorKind::FieldError { nested, .. } => is_incomplete(nested),
        _ => false,
    }
}

/// The octet in which `octets` begin to be wrong: the longest beginning of them that is only too short ends there.
fn place_of_fault<A: rasn::Decode>(octets: &[u8]) -> usize {
    let too_short = |end: usize| {
        let start = octets.get(..end).unwrap_or_default();
        rasn::uper::decode_with_remainder::<A>(start).is_err_and(|error| is_incomplete(&error))
    };
    // Fewer octets than these are too short, more are not.
    let (mut short, mut long) = (0, octets.len());
    while short < long {
        let middle = short.midpoint(long);
        if too_short(middle.saturating_add(1)) { short = middle.saturating_add(1) } else { long = middle }
    }
    short
}

/// Reads a message.
///
/// # Errors
/// It is not in unaligned PER what its type says, or it holds something that this room does not carry.
pub(super) fn parse<M: Message>(octets: &[u8]) -> Result<M, WireError> {
    let error =
        |offset, expected: String, found| WireError { layer: M::LAYER, offset, expected: expected.into(), found };
    let at = |offset: usize| describe(octets.get(offset..).unwrap_or_default());
    let (asn1, _) = rasn::uper::decode_with_remainder::<M::Asn1>(octets).map_err(|fault| {
        let offset = place_of_fault::<M::Asn1>(octets);
        error(offset, format!("what unaligned PER has there ({fault})"), at(offset))
    })?;
    // The field may begin anywhere in an octet: the offset is that of the message.
    let message = M::from_asn1(asn1).map_err(|Refused { expected, found }| error(0, expected.to_owned(), found))?;
    let again = self::octets(&message)?;
    if again != octets {
        let offset = again.iter().zip(octets).take_while(|(ours, theirs)| ours == theirs).count();
        let expected = "what the fields carried here are written as".to_owned();
        return Err(error(offset, expected, at(offset)));
    }
    Ok(message)
}

/// The octets of a message.
///
/// # Errors
/// A field has a value that is beyond its range.
pub(super) fn octets<M: Message>(message: &M) -> Result<Vec<u8>, WireError> {
    encoded(M::LAYER, &message.to_asn1())
}

/// The octets of a value of an ASN.1 type.
pub(super) fn encoded(layer: &'static str, asn1: &impl rasn::Encode) -> Result<Vec<u8>, WireError> {
    rasn::uper::encode(asn1).map_err(|error| WireError {
        layer,
        offset: 0,
        expected: "values within their ranges".into(),
        found: error.to_string(),
    })
}
