//! What the serialisers of this room share: running a cookie-factory serialiser, and packing fields of bits.

use cookie_factory::{SerializeFn, gen_simple};

use super::error::WireError;
use crate::dot16::identifiers::Bsid;

/// Most messages are not longer: room for so many octets is made at once.
const USUAL_OCTETS: usize = 128;

/// The octets that `serialiser` writes.
pub(crate) fn serialised(layer: &'static str, serialiser: impl SerializeFn<Vec<u8>>) -> Result<Vec<u8>, WireError> {
    gen_simple(serialiser, Vec::with_capacity(USUAL_OCTETS)).map_err(|error| WireError {
        layer,
        offset: 0,
        expected: "a value that can be written".into(),
        found: error.to_string(),
    })
}

/// Fields of bits, packed most significant bit first with no gap between them.
#[derive(Debug)]
pub(super) struct BitString {
    layer: &'static str,
    octets: Vec<u8>,
    /// Bits of the last octet that are in use, 1 to 8; 0 before the first field.
    used: u32,
}

impl BitString {
    /// No bits yet. `layer` names the message in errors.
    pub(super) const fn new(layer: &'static str) -> Self {
        Self { layer, octets: Vec::new(), used: 0 }
    }

    /// Appends `value` as `count` bits. A value that needs more is refused.
    pub(super) fn put(
        &mut self,
        what: &'static str,
        count: u32,
        value: impl Into<u64>,
    ) -> Result<&mut Self, WireError> {
        let value = value.into();
        if count < u64::BITS && value >> count != 0 {
            return Err(self.refusal(format!("{what} of {count} bits"), value.to_string()));
        }
        for place in (0..count).rev() {
            let bit = u8::from(value >> place & 1 == 1);
            match self.octets.last_mut() {
                Some(last) if self.used < 8 => {
                    *last |= bit << (7 - self.used);
                    self.used += 1;
                }
                _ => {
                    self.octets.push(bit << 7);
                    self.used = 1;
                }
            }
        }
        Ok(self)
    }

    /// Appends a value if the field is to be there. A value too many or too few is refused.
    pub(super) fn put_optional(
        &mut self,
        present: bool,
        what: &'static str,
        count: u32,
        value: Option<impl Into<u64>>,
    ) -> Result<&mut Self, WireError> {
        match (present, value) {
            (true, Some(value)) => self.put(what, count, value),
            (false, None) => Ok(self),
            (true, None) => Err(self.refusal(format!("{what}, which the flags announce"), "none".to_owned())),
            (false, Some(value)) => {
                Err(self.refusal(format!("no {what}, as the flags have it"), value.into().to_string()))
            }
        }
    }

    /// Appends the number of entries of a list as `count` bits.
    pub(super) fn put_count(&mut self, what: &'static str, count: u32, entries: usize) -> Result<&mut Self, WireError> {
        self.put(what, count, u64::try_from(entries).unwrap_or(u64::MAX))
    }

    /// Appends a BSID as 48 bits.
    pub(super) fn put_bsid(&mut self, what: &'static str, bsid: Bsid) -> Result<&mut Self, WireError> {
        let [a, b, c, d, e, f] = bsid.0;
        self.put(what, 48, u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// Fills up the last octet with `padding`, a number of as many bits as are missing (0 in the format).
    pub(super) fn pad(&mut self, padding: u8) -> Result<&mut Self, WireError> {
        let missing = if self.octets.is_empty() { 0 } else { 8_u32.saturating_sub(self.used) };
        self.put("padding", missing, padding)
    }

    /// The octets.
    pub(super) fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    fn refusal(&self, expected: String, found: String) -> WireError {
        WireError { layer: self.layer, offset: self.octets.len(), expected: expected.into(), found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_packed_without_gaps() {
        let mut bits = BitString::new("test");
        bits.put("a", 1, 1_u8).unwrap().put("b", 8, 1_u8).unwrap().put("c", 1, 1_u8).unwrap();
        bits.put("reserved", 7, 0_u8).unwrap().put_bsid("bsid", Bsid([0x0a, 0, 0, 0, 0, 2])).unwrap().pad(0).unwrap();
        assert_eq!(bits.into_octets(), [0x80, 0xc0, 0x05, 0, 0, 0, 0, 0x01, 0x00]);
    }

    #[test]
    fn a_value_wider_than_its_field_is_refused() {
        let mut bits = BitString::new("test");
        let error = bits.put("a", 8, 1_u8).unwrap().put("FSN", 3, 8_u8).unwrap_err();
        assert_eq!((error.offset, error.expected.as_ref(), error.found.as_str()), (1, "FSN of 3 bits", "8"));
        assert!(bits.pad(1).is_err(), "no bit is missing, so none can be set");
    }

    #[test]
    fn a_field_and_its_flag_have_to_agree() {
        let mut bits = BitString::new("test");
        assert!(bits.put_optional(true, "HO_ID", 8, None::<u8>).is_err());
        assert!(bits.put_optional(false, "HO_ID", 8, Some(1_u8)).is_err());
        assert!(bits.put_optional(false, "HO_ID", 8, None::<u8>).is_ok());
    }
}
