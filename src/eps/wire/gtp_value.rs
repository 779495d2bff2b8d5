//! The value of an information element of GTP-C, of either version, as it is read.

use std::fmt::Display;

use nom::Parser;
use nom::error::Error;

use super::WireError;

/// The value of an information element.
pub(super) struct Value<'a> {
    /// The version of GTP-C, for errors.
    pub layer: &'static str,
    /// The information element, for errors.
    pub name: &'static str,
    /// Where it begins in the message.
    pub offset: usize,
    /// Its octets.
    pub octets: &'a [u8],
}

impl<'a> Value<'a> {
    /// The value is not what was `expected`.
    pub(super) fn refused(&self, expected: &'static str, found: impl Display) -> WireError {
        WireError::new(self.layer, self.offset, format!("{} as {expected}", self.name), found)
    }

    /// What `parser` makes of the value; what follows is of a later version.
    pub(super) fn read<T>(
        &self,
        expected: &'static str,
        mut parser: impl Parser<&'a [u8], Output = T, Error = Error<&'a [u8]>>,
    ) -> Result<T, WireError> {
        let read = parser.parse(self.octets);
        read.map(|(_, value)| value).map_err(|_| self.refused(expected, format!("{} octets", self.octets.len())))
    }
}
