//! The fragmentation subheader (802.16-2009 clause 6.3.2.2.1; `dot16-wire.md` 2.5).

use super::error::WireError;
use super::parsing::{Bits, ParsedBits, bits, finish};
use super::serialising::BitString;

/// FC, 2 bits: which part of an SDU follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FragmentControl {
    /// 0: the whole SDU.
    Unfragmented,
    /// 1: the last fragment.
    Last,
    /// 2: the first fragment.
    First,
    /// 3: a fragment between first and last.
    Middle,
}

impl FragmentControl {
    const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0 => Self::Unfragmented,
            1 => Self::Last,
            2 => Self::First,
            _ => Self::Middle,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Unfragmented => 0,
            Self::Last => 1,
            Self::First => 2,
            Self::Middle => 3,
        }
    }
}

/// A fragmentation subheader: `FC:2 FSN:3 reserved:3`, 1 octet, or with an extended type `FC:2 FSN:11 reserved:3`, 2 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FragmentationSubheader {
    /// Which part of the SDU follows.
    pub control: FragmentControl,
    /// Fragment sequence number, 3 or 11 bits.
    pub fsn: u16,
    /// Reserved, 3 bits, 0 in the format.
    pub reserved: u8,
}

impl FragmentationSubheader {
    const LAYER: &'static str = "fragmentation subheader";

    /// Reads the subheader at the start of `input`; `extended` is [`PduType::extended`](super::PduType::extended). Returns what
    /// follows it, too.
    ///
    /// # Errors
    /// Fewer than 1 octet, or fewer than 2 if `extended`.
    pub fn parse(input: &[u8], extended: bool) -> Result<(Self, &[u8]), WireError> {
        let result = Self::parser((input, 0), extended).map(|((rest, _), subheader)| (rest, subheader));
        finish(Self::LAYER, input, result).map(|(rest, subheader)| (subheader, rest))
    }

    fn parser(input: Bits<'_>, extended: bool) -> ParsedBits<'_, Self> {
        let (input, control) = bits("fragment control", 2)(input)?;
        let (input, fsn) = bits("FSN", if extended { 11 } else { 3 })(input)?;
        let (input, reserved) = bits("reserved bits", 3)(input)?;
        Ok((input, Self { control: FragmentControl::from_bits(control), fsn, reserved }))
    }

    /// The octets: 1, or 2 if `extended`.
    ///
    /// # Errors
    /// An FSN above 7 (2047 if `extended`), or reserved bits above 7.
    pub fn octets(&self, extended: bool) -> Result<Vec<u8>, WireError> {
        let mut octets = BitString::new(Self::LAYER);
        octets.put("fragment control", 2, self.control.bits())?;
        octets.put("FSN", if extended { 11 } else { 3 }, self.fsn)?;
        octets.put("reserved", 3, self.reserved)?;
        Ok(octets.into_octets())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_have_their_bits_in_place() {
        let subheader = FragmentationSubheader { control: FragmentControl::First, fsn: 5, reserved: 0 };
        assert_eq!(subheader.octets(false).unwrap(), [0b1010_1000]);
        assert_eq!(subheader.octets(true).unwrap(), [0b1000_0000, 0b0010_1000]);
        assert_eq!(FragmentationSubheader::parse(&[0b1010_1000, 9], false), Ok((subheader, &[9][..])));
        assert_eq!(FragmentationSubheader::parse(&[0b1000_0000, 0b0010_1000], true), Ok((subheader, &[][..])));
    }

    #[test]
    fn every_octet_reads_and_writes_back() {
        for value in 0..=u16::MAX {
            let octets = value.to_be_bytes();
            let (subheader, rest) = FragmentationSubheader::parse(&octets, true).unwrap();
            assert_eq!((subheader.octets(true).unwrap(), rest.len()), (octets.to_vec(), 0));
        }
        for value in 0..=u8::MAX {
            let (subheader, _) = FragmentationSubheader::parse(&[value], false).unwrap();
            assert_eq!(subheader.octets(false).unwrap(), [value]);
        }
    }

    #[test]
    fn a_sequence_number_too_wide_for_the_form_is_refused() {
        let subheader = FragmentationSubheader { control: FragmentControl::Last, fsn: 8, reserved: 0 };
        assert!(subheader.octets(false).is_err());
        assert!(subheader.octets(true).is_ok());
        assert!(FragmentationSubheader { fsn: 2048, ..subheader }.octets(true).is_err());
    }

    #[test]
    fn a_missing_octet_is_an_error() {
        assert!(FragmentationSubheader::parse(&[], false).is_err());
        let error = FragmentationSubheader::parse(&[0x80], true).unwrap_err();
        assert_eq!(error.expected, "FSN");
    }
}
