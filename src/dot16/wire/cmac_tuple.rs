//! The CMAC tuple: TLV 141, the last one of a protected management message (802.16-2009 clause 11.1.2.2; `dot16-wire.md` 4.1).

use nom::Parser;
use nom::combinator::cond;

use super::error::WireError;
use super::parsing::{bsid, octets};
use super::typed_tlv::{TlvValue, exactly};
use crate::dot16::identifiers::{AkSequenceNumber, Bsid};

/// Value of a CMAC tuple TLV: 13 octets, or 19 with a BSID. This crate sends 13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CmacTuple {
    /// Reserved, the four high bits of the first octet, 0 in the format. Only the low 4 bits are written.
    pub reserved: u8,
    /// AK sequence number, the four low bits of the first octet. Only the low 4 bits are written.
    pub ak_sn: AkSequenceNumber,
    /// BSID of the BS whose AK it is, 6 octets; macro diversity only.
    pub bsid: Option<Bsid>,
    /// CMAC_PN_U or CMAC_PN_D, 4 octets.
    pub pn: u32,
    /// CMAC value, 8 octets.
    pub value: [u8; 8],
}

impl CmacTuple {
    /// Type number of the TLV.
    pub const TLV: u8 = 141;

    const WITHOUT_BSID: u8 = 13;
    const WITH_BSID: u8 = 19;
    /// Octets of the TLV with a BSID.
    const LONGEST: usize = 21;

    /// The TLV: type 141, length 13 or 19, value.
    #[must_use]
    pub fn tlv_octets(&self) -> Vec<u8> {
        let (octets, length) = self.framed();
        octets.get(..length).unwrap_or_default().to_vec()
    }

    /// What stands in front of this tuple in `message`, if it ends with it.
    pub(super) fn stripped_from<'a>(&self, message: &'a [u8]) -> Option<&'a [u8]> {
        let (octets, length) = self.framed();
        message.strip_suffix(octets.get(..length)?)
    }

    /// The TLV and its octets, without an allocation.
    fn framed(&self) -> ([u8; Self::LONGEST], usize) {
        let first = (self.reserved & 0xf) << 4 | self.ak_sn.0 & 0xf;
        let [p, q, r, s] = self.pn.to_be_bytes();
        let [a, b, c, d, e, f, g, h] = self.value;
        match self.bsid {
            Some(Bsid([t, u, v, w, x, y])) => {
                let octets = [Self::TLV, Self::WITH_BSID, first, t, u, v, w, x, y, p, q, r, s, a, b, c, d, e, f, g, h];
                (octets, Self::LONGEST)
            }
            None => {
                let octets =
                    [Self::TLV, Self::WITHOUT_BSID, first, p, q, r, s, a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0];
                (octets, Self::LONGEST - 6)
            }
        }
    }

    fn value_octets(&self) -> Vec<u8> {
        let (octets, length) = self.framed();
        octets.get(2..length).unwrap_or_default().to_vec()
    }
}

impl TlvValue for CmacTuple {
    fn from_value(value: &[u8]) -> Option<Self> {
        let with_bsid = match u8::try_from(value.len()).ok()? {
            Self::WITHOUT_BSID => false,
            Self::WITH_BSID => true,
            _ => return None,
        };
        let parser = (octets, cond(with_bsid, bsid), octets, octets).map(|([first], bsid, pn, value)| Self {
            reserved: first >> 4,
            ak_sn: AkSequenceNumber(first & 0xf),
            bsid,
            pn: u32::from_be_bytes(pn),
            value,
        });
        exactly(parser, value)
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        Ok(self.value_octets())
    }

    fn writes_back(&self, _: &[u8]) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_lengths_are_read_and_written() {
        let short = CmacTuple {
            reserved: 0,
            ak_sn: AkSequenceNumber(1),
            bsid: None,
            pn: 1,
            value: [0x1b, 0x2c, 0x8b, 0x27, 0x4c, 0xfe, 0xba, 0xd7],
        };
        assert_eq!(hex::encode(short.tlv_octets()), "8d0d01000000011b2c8b274cfebad7");
        let long = CmacTuple { bsid: Some(Bsid([0x0a, 0, 0, 0, 0, 2])), ..short };
        assert_eq!(hex::encode(long.tlv_octets()), "8d13010a0000000002000000011b2c8b274cfebad7");
        for tuple in [short, long] {
            assert_eq!(CmacTuple::from_value(&tuple.to_value().unwrap()), Some(tuple));
        }
    }

    #[test]
    fn reserved_bits_and_sequence_number_share_an_octet() {
        let mut value = [0; 13];
        value[0] = 0xa7;
        let tuple = CmacTuple::from_value(&value).unwrap();
        assert_eq!((tuple.reserved, tuple.ak_sn), (0xa, AkSequenceNumber(7)));
        assert_eq!(tuple.to_value().unwrap(), value);
    }

    #[test]
    fn other_lengths_are_no_tuple() {
        for length in (0..40).filter(|length| ![13, 19].contains(length)) {
            assert_eq!(CmacTuple::from_value(&vec![0; length]), None, "{length}");
        }
    }
}
