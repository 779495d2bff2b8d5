//! The generic MAC header: the six octets before every MAC PDU (802.16-2009 clause 6.3.2.1.1; `dot16-wire.md` 2.1).

use std::fmt;

use super::checksum::hcs;
use super::error::WireError;
use super::parsing::{Fault, Parsed, finish};
use crate::dot16::identifiers::Cid;

/// The Type field of a generic MAC header: six flags that say which subheaders follow.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PduType(u8);

impl PduType {
    /// No subheader: the payload follows at once.
    pub const NONE: Self = Self(0);
    /// Bit 5: mesh subheader.
    pub const MESH: Self = Self(0b10_0000);
    /// Bit 4: ARQ feedback payload.
    pub const ARQ_FEEDBACK: Self = Self(0b01_0000);
    /// Bit 3: extended type, fragment sequence numbers have 11 bits.
    pub const EXTENDED: Self = Self(0b00_1000);
    /// Bit 2: fragmentation subheader.
    pub const FRAGMENTATION: Self = Self(0b00_0100);
    /// Bit 1: packing subheaders.
    pub const PACKING: Self = Self(0b00_0010);
    /// Bit 0: fast-feedback allocation subheader in the downlink, grant management subheader in the uplink.
    pub const FAST_FEEDBACK_OR_GRANT_MANAGEMENT: Self = Self(0b00_0001);

    /// The type whose six flags are the low bits of `bits`; the two high bits are dropped.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0b11_1111)
    }

    /// The six flags, as a number of 6 bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all flags of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// The flags of both.
    #[must_use]
    pub const fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }

    /// Whether a fragmentation subheader follows.
    #[must_use]
    pub const fn fragmentation(self) -> bool {
        self.contains(Self::FRAGMENTATION)
    }

    /// Whether fragment sequence numbers have 11 bits and not 3.
    #[must_use]
    pub const fn extended(self) -> bool {
        self.contains(Self::EXTENDED)
    }

    /// Whether packing subheaders follow.
    #[must_use]
    pub const fn packing(self) -> bool {
        self.contains(Self::PACKING)
    }
}

impl fmt::Debug for PduType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PduType({:#08b})", self.0)
    }
}

/// A generic MAC header, 6 octets; HT is 0 in all of them and the HCS is computed, so neither is a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GenericMacHeader {
    /// EC: the payload is encrypted.
    pub encrypted: bool,
    /// Type, 6 bits: which subheaders follow.
    pub pdu_type: PduType,
    /// ESF: an extended subheader group follows the header.
    pub extended_subheader_group: bool,
    /// CI: a CRC-32 ends the PDU.
    pub crc_present: bool,
    /// EKS, 2 bits: which TEK encrypts; only meaningful if `encrypted`.
    pub eks: u8,
    /// The reserved bit, 0 in the format.
    pub reserved: bool,
    /// LEN, 11 bits: octets of the whole PDU, from this header to the CRC.
    pub length: u16,
    /// The connection.
    pub cid: Cid,
}

impl GenericMacHeader {
    /// Octets of the header.
    pub const OCTETS: usize = 6;
    /// The longest PDU that LEN can tell, in octets.
    pub const MAX_PDU: usize = 2047;

    const LAYER: &'static str = "generic MAC header";

    /// A header for a plain PDU on `cid`: no flag set, EKS 0, and a length that [`MacPdu::build`](super::MacPdu::build) sets.
    #[must_use]
    pub const fn new(cid: Cid) -> Self {
        Self {
            encrypted: false,
            pdu_type: PduType::NONE,
            extended_subheader_group: false,
            crc_present: false,
            eks: 0,
            reserved: false,
            length: 0,
            cid,
        }
    }

    /// Reads the header at the start of `input`.
    ///
    /// # Errors
    /// Fewer than six octets, HT = 1 (a header without payload, or padding), or an HCS that does not fit.
    pub fn parse(input: &[u8]) -> Result<Self, WireError> {
        finish(Self::LAYER, input, Self::parser(input)).map(|(_, header)| header)
    }

    /// The same as a nom parser.
    #[inline]
    pub(super) fn parser(input: &[u8]) -> Parsed<'_, Self> {
        let Some(([first, second, low_length, high_cid, low_cid, found], rest)) = input.split_first_chunk() else {
            return Err(match input.get(5..) {
                Some(at_hcs) => Fault::error(at_hcs, "an HCS"),
                None => Fault::error(input, "a generic MAC header of 6 octets"),
            });
        };
        if first & 0x80 != 0 {
            return Err(Fault::error(input, "HT = 0 of a generic MAC header"));
        }
        let computed = hcs(&[*first, *second, *low_length, *high_cid, *low_cid]);
        if *found != computed {
            return Err(Fault::error(input.get(5..).unwrap_or_default(), format!("HCS {computed:02x}")));
        }
        let header = Self {
            encrypted: first & 0x40 != 0,
            pdu_type: PduType::from_bits(*first),
            extended_subheader_group: second & 0x80 != 0,
            crc_present: second & 0x40 != 0,
            eks: second >> 4 & 0b11,
            reserved: second & 0x08 != 0,
            length: u16::from_be_bytes([second & 0b111, *low_length]),
            cid: Cid(u16::from_be_bytes([*high_cid, *low_cid])),
        };
        Ok((rest, header))
    }

    /// The six octets, HCS included. Of `eks` the low 2 bits and of `length` the low 11 bits are written.
    #[must_use]
    pub fn octets(&self) -> [u8; Self::OCTETS] {
        let first_five = self.nonce_octets();
        let [a, b, c, d, e] = first_five;
        [a, b, c, d, e, hcs(&first_five)]
    }

    /// The first five octets, which begin the CCM nonce: all but the HCS (`dot16-wire.md` 2.4).
    #[must_use]
    pub fn nonce_octets(&self) -> [u8; 5] {
        let bit = |flag: bool, place: u8| u8::from(flag) << place;
        let [high_length, low_length] = self.length.to_be_bytes();
        let [high_cid, low_cid] = self.cid.0.to_be_bytes();
        [
            bit(self.encrypted, 6) | self.pdu_type.bits(),
            bit(self.extended_subheader_group, 7)
                | bit(self.crc_present, 6)
                | (self.eks & 0b11) << 4
                | bit(self.reserved, 3)
                | high_length & 0b111,
            low_length,
            high_cid,
            low_cid,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RNG_REQ: [u8; 6] = [0x00, 0x40, 0x3e, 0x00, 0x00, 0x56];

    #[test]
    fn the_worked_header_reads_and_writes() {
        let header = GenericMacHeader { crc_present: true, length: 62, ..GenericMacHeader::new(Cid::INITIAL_RANGING) };
        assert_eq!(GenericMacHeader::parse(&RNG_REQ), Ok(header));
        assert_eq!(header.octets(), RNG_REQ);
    }

    #[test]
    fn every_flag_has_its_own_bit() {
        let header = GenericMacHeader::new(Cid(0));
        let with = |change: fn(&mut GenericMacHeader)| {
            let mut header = header;
            change(&mut header);
            assert_eq!(GenericMacHeader::parse(&header.octets()), Ok(header));
            header.nonce_octets()
        };
        assert_eq!(with(|h| h.encrypted = true), [0x40, 0, 0, 0, 0]);
        assert_eq!(with(|h| h.pdu_type = PduType::from_bits(0x3f)), [0x3f, 0, 0, 0, 0]);
        assert_eq!(with(|h| h.extended_subheader_group = true), [0, 0x80, 0, 0, 0]);
        assert_eq!(with(|h| h.crc_present = true), [0, 0x40, 0, 0, 0]);
        assert_eq!(with(|h| h.eks = 3), [0, 0x30, 0, 0, 0]);
        assert_eq!(with(|h| h.reserved = true), [0, 0x08, 0, 0, 0]);
        assert_eq!(with(|h| h.length = 2047), [0, 0x07, 0xff, 0, 0]);
        assert_eq!(with(|h| h.cid = Cid(0x1234)), [0, 0, 0, 0x12, 0x34]);
    }

    #[test]
    fn a_signalling_header_is_refused_at_its_first_octet() {
        let mut octets = RNG_REQ;
        octets[0] |= 0x80;
        octets[5] = hcs(&[0x80, 0x40, 0x3e, 0, 0]);
        let error = GenericMacHeader::parse(&octets).unwrap_err();
        assert_eq!((error.layer, error.offset), ("generic MAC header", 0));
        assert!(error.expected.contains("HT = 0"), "{error}");
    }

    #[test]
    fn a_wrong_hcs_is_told_with_the_right_one() {
        let error = GenericMacHeader::parse(&[0x00, 0x40, 0x3e, 0x00, 0x00, 0x57]).unwrap_err();
        assert_eq!((error.offset, error.expected.as_ref(), error.found.as_str()), (5, "HCS 56", "1 octet 57"));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..48 {
            let mut octets = RNG_REQ;
            octets[bit / 8] ^= 1 << (bit % 8);
            assert!(GenericMacHeader::parse(&octets).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_header_cut_short_is_refused() {
        for length in 0..6 {
            assert!(GenericMacHeader::parse(&RNG_REQ[..length]).is_err(), "{length} octets");
        }
    }
}
