//! The fragmentation and the packing subheader (802.16-2009 clauses 6.3.2.2.1 and 6.3.2.2.3; `dot16-wire.md` 2.5).

use nom::bytes::complete::take;

use super::error::WireError;
use super::parsing::{Bits, Fault, Parsed, ParsedBits, bits, finish};
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

/// A packing subheader: `FC:2 FSN:3 LEN:11`, 2 octets, or with an extended type `FC:2 FSN:11 LEN:11`, 3 octets. One stands
/// before each of the pieces that a PDU with [`PduType::PACKING`](super::PduType::PACKING) holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PackingSubheader {
    /// Which part of an SDU follows.
    pub control: FragmentControl,
    /// Fragment sequence number, 3 or 11 bits.
    pub fsn: u16,
    /// LEN, 11 bits: octets of the piece that follows, this subheader included.
    pub length: u16,
}

impl PackingSubheader {
    const LAYER: &'static str = "packing subheader";

    /// Octets of the subheader: 2, or 3 if `extended`.
    #[must_use]
    pub const fn size(extended: bool) -> usize {
        if extended { 3 } else { 2 }
    }

    /// Reads every piece of `body`, the plaintext of a PDU with packing subheaders, each with its subheader; `extended` is
    /// [`PduType::extended`](super::PduType::extended). An empty body holds no piece.
    ///
    /// # Errors
    /// Octets that are no whole subheader, a LEN below the size of the subheader, or fewer octets than LEN tells.
    pub fn parse_all(body: &[u8], extended: bool) -> Result<Vec<(Self, &[u8])>, WireError> {
        let mut pieces = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            let (after, piece) = finish(Self::LAYER, body, Self::parser(rest, extended))?;
            pieces.push(piece);
            rest = after;
        }
        Ok(pieces)
    }

    fn parser(input: &[u8], extended: bool) -> Parsed<'_, (Self, &[u8])> {
        let ((at_piece, _), subheader) = Self::fields((input, 0), extended)?;
        let size = Self::size(extended);
        let length = usize::from(subheader.length);
        let Some(octets) = length.checked_sub(size) else {
            return Err(Fault::error(input, format!("LEN of at least {size} and not {length}")));
        };
        let (rest, piece) = take::<_, _, Fault<'_>>(octets)(at_piece)
            .map_err(|_| Fault::error(at_piece, format!("{octets} octets after the subheader")))?;
        Ok((rest, (subheader, piece)))
    }

    fn fields(input: Bits<'_>, extended: bool) -> ParsedBits<'_, Self> {
        let (input, control) = bits("fragment control", 2)(input)?;
        let (input, fsn) = bits("FSN", if extended { 11 } else { 3 })(input)?;
        let (input, length) = bits("LEN", 11)(input)?;
        Ok((input, Self { control: FragmentControl::from_bits(control), fsn, length }))
    }

    /// The octets: 2, or 3 if `extended`.
    ///
    /// # Errors
    /// An FSN above 7 (2047 if `extended`), or a LEN above 2047.
    pub fn octets(&self, extended: bool) -> Result<Vec<u8>, WireError> {
        let mut octets = BitString::new(Self::LAYER);
        octets.put("fragment control", 2, self.control.bits())?;
        octets.put("FSN", if extended { 11 } else { 3 }, self.fsn)?;
        octets.put("LEN", 11, self.length)?;
        Ok(octets.into_octets())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_packing_subheader_have_their_bits_in_place() {
        let subheader = PackingSubheader { control: FragmentControl::Last, fsn: 5, length: 4 };
        assert_eq!(subheader.octets(false).unwrap(), [0b0110_1000, 0b0000_0100]);
        assert_eq!(subheader.octets(true).unwrap(), [0b0100_0000, 0b0010_1000, 0b0000_0100]);
        let first = PackingSubheader { control: FragmentControl::First, fsn: 6, length: 5 };
        let body = [0x40, 0x28, 0x04, 9, 0x80, 0x30, 0x05, 7, 8];
        assert_eq!(PackingSubheader::parse_all(&body, true).unwrap(), [(subheader, &[9][..]), (first, &[7, 8][..])]);
        assert_eq!(PackingSubheader::parse_all(&[], true), Ok(Vec::new()));
        let whole = PackingSubheader { control: FragmentControl::Unfragmented, fsn: 2047, length: 3 };
        assert_eq!(PackingSubheader::parse_all(&[0x3f, 0xf8, 0x03], true).unwrap(), [(whole, &[][..])]);
    }

    #[test]
    fn a_packed_piece_must_be_as_long_as_its_len_and_the_error_tells_where_it_stands() {
        let error = |body: &[u8], extended| {
            let error = PackingSubheader::parse_all(body, extended).unwrap_err();
            (error.offset, error.expected.into_owned())
        };
        let whole = [0x40, 0x28, 0x04, 9];
        assert_eq!(error(&[&whole[..], &[0x40, 0x28]].concat(), true), (5, "LEN".to_owned()));
        assert_eq!(
            error(&[&whole[..], &[0x40, 0x28, 0x02]].concat(), true),
            (4, "LEN of at least 3 and not 2".to_owned())
        );
        assert_eq!(error(&[0x00, 0x01, 0], false), (0, "LEN of at least 2 and not 1".to_owned()));
        assert_eq!(error(&[0x00, 0x00, 0x05, 1], true), (3, "2 octets after the subheader".to_owned()));
    }

    #[test]
    fn a_piece_too_long_for_len_is_refused() {
        let subheader = PackingSubheader { control: FragmentControl::First, fsn: 0, length: 2047 };
        assert!(subheader.octets(true).is_ok());
        assert!(PackingSubheader { length: 2048, ..subheader }.octets(true).is_err());
        assert!(PackingSubheader { fsn: 8, ..subheader }.octets(false).is_err());
        assert!(PackingSubheader { fsn: 2048, ..subheader }.octets(true).is_err());
    }

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
