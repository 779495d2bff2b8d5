//! GRE (RFC 2784, with key and sequence number of RFC 2890): the data path between gateway and base station.

use cookie_factory::bytes::{be_u16 as write_u16, be_u32 as write_u32};
use cookie_factory::combinator::{cond, slice};
use cookie_factory::sequence::tuple;
use nom::IResult;
use nom::Parser;
use nom::combinator::cond as when;
use nom::number::complete::{be_u16, be_u32};

use super::error::{BackboneError, USUAL_OCTETS, serialise_to};

const LAYER: &str = "GRE";
/// The key is present.
const KEY: u16 = 0x2000;
/// The sequence number is present.
const SEQUENCE: u16 = 0x1000;
/// The three low bits of the first two octets.
const VERSION: u16 = 0x0007;

/// The bits that must be 0 here, by name.
const UNSUPPORTED: [(u16, &str); 5] = [
    (0x8000, "checksum present (C)"),
    (0x4000, "routing present (R)"),
    (0x0800, "strict source route (s)"),
    (0x0700, "recursion control"),
    (0x00f8, "reserved flags (bits 8 to 12)"),
];

/// Header of a GRE packet: 4 octets, and 4 more for each of key and sequence number that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GreHeader {
    /// The key, 4 octets: names the data path (the value of the Data Path ID TLV).
    pub key: Option<u32>,
    /// The sequence number of the packet within its key, 4 octets.
    pub sequence: Option<u32>,
    /// EtherType of the payload, 2 octets; 0x0800 for IPv4.
    pub protocol: u16,
}

impl GreHeader {
    /// EtherType of IPv4.
    pub const IPV4: u16 = 0x0800;
}

/// A GRE packet: the payload of IPv4 with protocol 47.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrePacket {
    /// The header.
    pub header: GreHeader,
    /// What it carries: for [`GreHeader::IPV4`] a whole IPv4 packet.
    pub payload: Vec<u8>,
}

/// What follows the flags: protocol, then key and sequence number where the flags announce them.
fn after_flags(input: &[u8], flags: u16) -> IResult<&[u8], GreHeader> {
    (be_u16, when(flags & KEY != 0, be_u32), when(flags & SEQUENCE != 0, be_u32))
        .map(|(protocol, key, sequence)| GreHeader { key, sequence, protocol })
        .parse(input)
}

impl GrePacket {
    /// The packet that `octets` (the whole payload of IPv4) are.
    ///
    /// # Errors
    ///
    /// Fewer octets than the flags announce, a version other than 0, or a flag other than key and sequence number:
    /// checksum, routing, strict source route, recursion control, reserved.
    pub fn parse(octets: &[u8]) -> Result<Self, BackboneError> {
        let short = |expected| BackboneError::new(LAYER, octets.len(), expected, format!("{} octets", octets.len()));
        let (rest, flags): (_, u16) =
            be_u16::<_, nom::error::Error<&[u8]>>(octets).map_err(|_| short("2 octets of flags and version"))?;
        for (bits, name) in UNSUPPORTED {
            if flags & bits != 0 {
                let found = format!("{name} in {flags:#06x}");
                return Err(BackboneError::new(LAYER, 0, "no flags but key and sequence number", found));
            }
        }
        let version = flags & VERSION;
        if version != 0 {
            return Err(BackboneError::new(LAYER, 0, "version 0", format!("version {version}")));
        }
        let (payload, header) =
            after_flags(rest, flags).map_err(|_| short("protocol, key and sequence number as the flags announce"))?;
        Ok(Self { header, payload: payload.to_vec() })
    }

    /// The octets of the packet, header included.
    ///
    /// # Errors
    ///
    /// None that depends on the value; memory only.
    pub fn octets(&self) -> Result<Vec<u8>, BackboneError> {
        self.append(Vec::with_capacity(self.payload.len().saturating_add(USUAL_OCTETS)))
    }

    /// The same behind what is in `octets`.
    pub(super) fn append(&self, octets: Vec<u8>) -> Result<Vec<u8>, BackboneError> {
        let GreHeader { key, sequence, protocol } = self.header;
        let flags = if key.is_some() { KEY } else { 0 } | if sequence.is_some() { SEQUENCE } else { 0 };
        serialise_to(
            LAYER,
            tuple((
                write_u16(flags),
                write_u16(protocol),
                cond(key.is_some(), write_u32(key.unwrap_or_default())),
                cond(sequence.is_some(), write_u32(sequence.unwrap_or_default())),
                slice(&self.payload),
            )),
            octets,
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(key: Option<u32>, sequence: Option<u32>) -> GrePacket {
        GrePacket { header: GreHeader { key, sequence, protocol: GreHeader::IPV4 }, payload: vec![0x45, 0] }
    }

    #[test]
    fn key_and_sequence_number_stand_in_this_order_when_their_flags_say_so() {
        let cases: [(Option<u32>, Option<u32>, &[u8]); 4] = [
            (None, None, &[0x00, 0, 8, 0, 0x45, 0]),
            (Some(0x0102_0304), None, &[0x20, 0, 8, 0, 1, 2, 3, 4, 0x45, 0]),
            (None, Some(7), &[0x10, 0, 8, 0, 0, 0, 0, 7, 0x45, 0]),
            (Some(0x0102_0304), Some(7), &[0x30, 0, 8, 0, 1, 2, 3, 4, 0, 0, 0, 7, 0x45, 0]),
        ];
        for (key, sequence, octets) in cases {
            assert_eq!(packet(key, sequence).octets().unwrap(), octets);
            assert_eq!(GrePacket::parse(octets).unwrap(), packet(key, sequence));
        }
    }

    #[test]
    fn every_prefix_of_the_header_is_an_error_at_its_end() {
        let octets = packet(Some(1), Some(2)).octets().unwrap();
        for length in 0..12 {
            let error = GrePacket::parse(&octets[..length]).unwrap_err();
            assert_eq!((error.layer, error.offset), ("GRE", length));
        }
        assert!(GrePacket::parse(&octets[..12]).is_ok());
    }

    #[test]
    fn each_unsupported_bit_is_refused_by_name() {
        for bit in (0..16).map(|bit| 1_u16 << bit).filter(|bit| bit & (KEY | SEQUENCE) == 0) {
            let name = match bit {
                0x8000 => "checksum present",
                0x4000 => "routing present",
                0x0800 => "strict source route",
                0x0100..=0x0400 => "recursion control",
                0x0008..=0x0080 => "reserved flags",
                _ => "version",
            };
            let [high, low] = bit.to_be_bytes();
            let error = GrePacket::parse(&[high, low, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap_err();
            assert_eq!(error.offset, 0);
            assert!(error.found.contains(name), "{bit:#06x}: {error}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_octets_never_panic_and_come_back_exactly(
            flags in prop::sample::select(vec![0_u8, 0x10, 0x20, 0x30, 0x80]),
            tail in prop::collection::vec(any::<u8>(), 0..20),
            quiet: bool,
        ) {
            let mut octets = tail;
            if quiet && octets.len() >= 2 {
                octets[..2].copy_from_slice(&[flags, 0]);
            }
            if let Ok(packet) = GrePacket::parse(&octets) {
                prop_assert_eq!(packet.octets().unwrap(), octets);
            }
        }
    }
}
