//! RLC acknowledged mode: a data PDU that holds one whole SDU (TS 36.322 clause 6.2.1.4).
//!
//! Two octets: D/C of 1 (data), RF of 0 (not segmented), P (poll), FI of 0 (from the first octet of an SDU to the last), E of 0
//! (one SDU only), 10 bits of sequence number; then the SDU.

use cookie_factory::bytes::be_u16;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::number::complete;

use super::WireError;
use super::pdcp::unwritable;
use crate::dot16::wire::parsing::{Fault, finish};
use crate::dot16::wire::serialising::serialised;

const LAYER: &str = "RLC AM PDU";
/// D/C.
const DATA_BIT: u16 = 0x8000;
/// P.
const POLL_BIT: u16 = 0x2000;
/// The bits that are neither poll nor sequence number.
const FIXED_BITS: u16 = 0xdc00;
const SEQUENCE_NUMBER: u16 = 0x03ff;

/// A data PDU with one whole SDU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmDataPdu {
    /// P: the receiver is asked for a status report.
    pub poll: bool,
    /// SN, 10 bits.
    pub sequence_number: u16,
    /// The SDU: a PDCP PDU.
    pub sdu: Vec<u8>,
}

impl AmDataPdu {
    /// Takes a PDU apart.
    ///
    /// # Errors
    /// It is a control PDU, a segment, holds part of an SDU or several of them, or none.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let header = |input| {
            let (sdu, header): (&[u8], u16) = complete::be_u16(input)?;
            if header & FIXED_BITS != DATA_BIT {
                return Err(Fault::error(input, "a data PDU with one whole SDU: D/C 1, RF 0, FI 0, E 0"));
            }
            if sdu.is_empty() {
                return Err(Fault::error(sdu, "an SDU"));
            }
            let poll = header & POLL_BIT != 0;
            Ok((&[][..], Self { poll, sequence_number: header & SEQUENCE_NUMBER, sdu: sdu.to_vec() }))
        };
        finish(LAYER, octets, header(octets)).map(|(_, pdu)| pdu)
    }

    /// The octets of the PDU.
    ///
    /// # Errors
    /// A sequence number above 1023, or an SDU without octets.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        if self.sequence_number > SEQUENCE_NUMBER {
            return Err(unwritable(LAYER, 0, "a sequence number of 10 bits", self.sequence_number.into()));
        }
        if self.sdu.is_empty() {
            return Err(unwritable(LAYER, 2, "an SDU of at least 1 octet", 0));
        }
        let poll = if self.poll { POLL_BIT } else { 0 };
        serialised(LAYER, tuple((be_u16(DATA_BIT | poll | self.sequence_number), slice(&self.sdu))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::damage::survives;
    use super::*;

    #[test]
    fn the_header_is_that_of_a_whole_sdu_with_poll() {
        let pdu = AmDataPdu { poll: true, sequence_number: 5, sdu: vec![0xff] };
        assert_eq!(pdu.octets().unwrap(), [0xa0, 0x05, 0xff]);
        for (octets, offset) in [(&[0x20, 5, 1][..], 0), (&[0xe0, 5, 1], 0), (&[0xa4, 5, 1], 0), (&[0xa0, 5], 2)] {
            assert_eq!(AmDataPdu::parse(octets).unwrap_err().offset, offset, "{octets:02x?}");
        }
        assert!(AmDataPdu { sequence_number: 1024, ..pdu.clone() }.octets().is_err());
        assert!(AmDataPdu { sdu: Vec::new(), ..pdu }.octets().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_pdu_goes_round_and_survives_damage(
            poll: bool,
            sequence_number in 0..1024_u16,
            sdu in proptest::collection::vec(any::<u8>(), 1..20),
        ) {
            let pdu = AmDataPdu { poll, sequence_number, sdu };
            let octets = pdu.octets().unwrap();
            prop_assert_eq!(&AmDataPdu::parse(&octets).unwrap(), &pdu);
            survives(&octets, true, |octets| AmDataPdu::parse(octets).is_ok());
        }
    }
}
