//! The data of an EAP packet of type 13 (RFC 5216 section 3): flags, perhaps the length of the TLS message, and a piece of it.

use cookie_factory::bytes::{be_u8 as write_be_u8, be_u32 as write_be_u32};
use cookie_factory::combinator::{cond, slice};
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::combinator::cond as when;
use nom::number::complete::{be_u8, be_u32};

use super::error::WireError;
use super::parsing::{expect, finish};
use super::serialising::serialised;

const LAYER: &str = "EAP-TLS";
/// L: the length of the whole TLS message is there.
const LENGTH_INCLUDED: u8 = 0x80;
/// M: more fragments follow.
const MORE_FRAGMENTS: u8 = 0x40;
/// S: the server begins.
const START: u8 = 0x20;

/// What follows the type octet: `flags (1) | TLS message length (4, with L only) | TLS data`. The length is sent most
/// significant octet first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EapTlsData {
    /// S: the first packet of the method, without TLS data.
    pub start: bool,
    /// M: another fragment of the same TLS message follows.
    pub more: bool,
    /// Octets of the whole TLS message, 4 octets; in the first fragment of several it has to be there.
    pub length: Option<u32>,
    /// The five low bits of the flags: 0 when sent, kept as found when received.
    pub reserved: u8,
    /// The TLS message or a fragment of it: TLS records. Empty in an acknowledgement.
    pub tls: Vec<u8>,
}

impl EapTlsData {
    /// Octets before the TLS data at the most: flags and length.
    pub const HEADER: usize = 5;

    /// The packet that acknowledges a fragment, and the answer to the last flight.
    #[must_use]
    pub fn acknowledgement() -> Self {
        Self::default()
    }

    /// Reads the data of an EAP packet of type 13.
    ///
    /// # Errors
    /// No flags, or fewer than 4 octets of length where L announces them.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let (rest, flags) = finish(LAYER, octets, expect("the flags", be_u8).parse(octets))?;
        let length = when(flags & LENGTH_INCLUDED != 0, expect("the length of the TLS message", be_u32)).parse(rest);
        let (tls, length) = finish(LAYER, octets, length)?;
        Ok(Self {
            start: flags & START != 0,
            more: flags & MORE_FRAGMENTS != 0,
            length,
            reserved: flags & !(LENGTH_INCLUDED | MORE_FRAGMENTS | START),
            tls: tls.to_vec(),
        })
    }

    /// The octets of the data.
    ///
    /// # Errors
    /// Reserved bits that are none.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        if self.reserved & (LENGTH_INCLUDED | MORE_FRAGMENTS | START) != 0 {
            let found = format!("{:#04x}", self.reserved);
            return Err(WireError { layer: LAYER, offset: 0, expected: "reserved flags of 5 bits".into(), found });
        }
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = flag(self.length.is_some(), LENGTH_INCLUDED)
            | flag(self.more, MORE_FRAGMENTS)
            | flag(self.start, START)
            | self.reserved;
        serialised(
            LAYER,
            tuple((
                write_be_u8(flags),
                cond(self.length.is_some(), write_be_u32(self.length.unwrap_or_default())),
                slice(&self.tls),
            )),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn flags_and_length_have_the_octets_of_the_rfc() {
        let start = EapTlsData { start: true, ..EapTlsData::default() };
        let first = EapTlsData { more: true, length: Some(0x0102), tls: vec![0x16], ..EapTlsData::default() };
        for (data, octets) in [(start, "20"), (first, "c00000010216"), (EapTlsData::acknowledgement(), "00")] {
            assert_eq!(hex::encode(data.octets().unwrap()), octets);
            assert_eq!(EapTlsData::parse(&hex::decode(octets).unwrap()), Ok(data));
        }
    }

    #[test]
    fn a_fault_is_told_with_its_offset() {
        for (octets, offset) in [("", 0), ("80000001", 1)] {
            assert_eq!(EapTlsData::parse(&hex::decode(octets).unwrap()).unwrap_err().offset, offset, "{octets}");
        }
        let wide = EapTlsData { reserved: 0x20, ..EapTlsData::default() };
        assert!(wide.octets().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        #[test]
        fn what_is_read_is_written_back(octets in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(data) = EapTlsData::parse(&octets) {
                prop_assert_eq!(data.octets().unwrap(), octets);
            }
        }
    }
}
