//! PDCP PDUs of signalling and data bearers (TS 36.323 clauses 6.2.2 to 6.2.4).
//!
//! | | header | then | ciphered |
//! | --- | --- | --- | --- |
//! | signalling bearer | 3 bits of 0, 5 bits of sequence number | RRC message, MAC-I (4 octets) | all but the header |
//! | data bearer | 1 bit of 1 (data), 3 bits of 0, 12 bits of sequence number | IP packet | all but the header |

use cookie_factory::bytes::{be_u8, be_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::number::complete;

use super::WireError;
use crate::dot16::wire::parsing::{Fault, describe, finish};
use crate::dot16::wire::serialising::serialised;

/// Most octets of what a PDU carries (4.3.1): an RRC message or an IP packet.
pub const MAX_SDU: usize = 8188;
/// Octets of MAC-I.
pub const MAC_I_OCTETS: usize = 4;
/// Octets in front of the ciphered part on a signalling bearer.
pub const SIGNALLING_HEADER_OCTETS: usize = 1;
/// Octets in front of the ciphered part on a data bearer.
pub const DATA_HEADER_OCTETS: usize = 2;
const SIGNALLING: &str = "PDCP PDU of a signalling bearer";
const DATA: &str = "PDCP PDU of a data bearer";
/// D/C of a data bearer: data.
const DATA_BIT: u16 = 0x8000;

/// A PDU of a signalling bearer; ciphered or not, which the octets do not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignallingPdu {
    /// PDCP SN, 5 bits: the low ones of COUNT.
    pub sequence_number: u8,
    /// The RRC message.
    pub message: Vec<u8>,
    /// MAC-I, over [`integrity_input`](Self::integrity_input).
    pub mac_i: [u8; MAC_I_OCTETS],
}

impl SignallingPdu {
    /// What MAC-I covers: header and RRC message, before ciphering (5.7).
    #[must_use]
    pub fn integrity_input(&self) -> Vec<u8> {
        [&[self.sequence_number], &self.message[..]].concat()
    }

    /// Takes a PDU apart.
    ///
    /// # Errors
    /// Reserved bits are set, there is no room for MAC-I, or the message is longer than [`MAX_SDU`].
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let header = |input| {
            let (rest, header) = complete::be_u8(input)?;
            if header >> 5 != 0 {
                return Err(Fault::error(input, "3 reserved bits of 0"));
            }
            let Some((message, mac_i)) = rest.split_last_chunk().filter(|(message, _)| message.len() <= MAX_SDU) else {
                return Err(Fault::error(rest, "a message of at most 8188 octets, then MAC-I of 4"));
            };
            Ok((&[][..], Self { sequence_number: header, message: message.to_vec(), mac_i: *mac_i }))
        };
        finish(SIGNALLING, octets, header(octets)).map(|(_, pdu)| pdu)
    }

    /// The octets of the PDU.
    ///
    /// # Errors
    /// A sequence number above 31, or a message longer than [`MAX_SDU`].
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        if self.sequence_number > 31 {
            return Err(unwritable(SIGNALLING, 0, "a sequence number of 5 bits", self.sequence_number.into()));
        }
        check_length(SIGNALLING, SIGNALLING_HEADER_OCTETS, &self.message)?;
        serialised(SIGNALLING, tuple((be_u8(self.sequence_number), slice(&self.message), slice(self.mac_i))))
    }
}

/// A PDU of a data bearer with a sequence number of 12 bits; ciphered or not, which the octets do not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPdu {
    /// PDCP SN, 12 bits: the low ones of COUNT.
    pub sequence_number: u16,
    /// The IP packet, without header compression.
    pub packet: Vec<u8>,
}

impl DataPdu {
    /// Takes a PDU apart.
    ///
    /// # Errors
    /// It is a control PDU, reserved bits are set, or the packet is longer than [`MAX_SDU`].
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let header = |input| {
            let (packet, header): (&[u8], u16) = complete::be_u16(input)?;
            if header & 0xf000 != DATA_BIT {
                return Err(Fault::error(input, "D/C of 1 (data) and 3 reserved bits of 0"));
            }
            if packet.len() > MAX_SDU {
                return Err(Fault::error(packet, "a packet of at most 8188 octets"));
            }
            Ok((&[][..], Self { sequence_number: header & 0xfff, packet: packet.to_vec() }))
        };
        finish(DATA, octets, header(octets)).map(|(_, pdu)| pdu)
    }

    /// The octets of the PDU.
    ///
    /// # Errors
    /// A sequence number above 4095, or a packet longer than [`MAX_SDU`].
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        if self.sequence_number > 0xfff {
            return Err(unwritable(DATA, 0, "a sequence number of 12 bits", self.sequence_number.into()));
        }
        check_length(DATA, DATA_HEADER_OCTETS, &self.packet)?;
        serialised(DATA, tuple((be_u16(DATA_BIT | self.sequence_number), slice(&self.packet))))
    }
}

/// The part of a PDU that is ciphered: all behind `header` octets ([`SIGNALLING_HEADER_OCTETS`] or [`DATA_HEADER_OCTETS`]).
#[must_use]
pub fn ciphered_part(pdu: &mut [u8], header: usize) -> &mut [u8] {
    pdu.get_mut(header..).unwrap_or_default()
}

fn check_length(layer: &'static str, offset: usize, sdu: &[u8]) -> Result<(), WireError> {
    if sdu.len() > MAX_SDU {
        let expected = "at most 8188 octets".into();
        return Err(WireError { layer, offset, expected, found: describe(sdu) });
    }
    Ok(())
}

/// A value that its field cannot carry.
pub(super) fn unwritable(layer: &'static str, offset: usize, expected: &'static str, found: u64) -> WireError {
    WireError { layer, offset, expected: expected.into(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::damage::survives;
    use super::*;

    #[test]
    fn the_header_of_a_data_bearer_says_data_and_of_a_signalling_bearer_the_sequence_number_alone() {
        let data = DataPdu { sequence_number: 0x123, packet: vec![0x45] }.octets().unwrap();
        assert_eq!(data, [0x81, 0x23, 0x45]);
        let mut pdu = SignallingPdu { sequence_number: 7, message: vec![0x2a, 0], mac_i: [1, 2, 3, 4] };
        let mut octets = pdu.octets().unwrap();
        assert_eq!(octets, [7, 0x2a, 0, 1, 2, 3, 4]);
        assert_eq!(pdu.integrity_input(), [7, 0x2a, 0]);
        assert_eq!(ciphered_part(&mut octets, SIGNALLING_HEADER_OCTETS), [0x2a, 0, 1, 2, 3, 4]);
        pdu.sequence_number = 32;
        assert_eq!(
            pdu.octets().unwrap_err().to_string(),
            "PDCP PDU of a signalling bearer, octet 0: expected a sequence number of 5 bits, found 32"
        );
    }

    #[test]
    fn a_pdu_that_is_too_short_or_of_another_kind_is_refused_where_it_is_wrong() {
        assert_eq!(SignallingPdu::parse(&[1, 2, 3, 4]).unwrap_err().offset, 1);
        assert!(SignallingPdu::parse(&[0x20, 2, 3, 4, 5]).unwrap_err().expected.contains("reserved"));
        assert!(DataPdu::parse(&[0x00, 0x01]).unwrap_err().expected.contains("D/C"));
        assert!(DataPdu { sequence_number: 0, packet: vec![0; 8189] }.octets().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pdus_go_round_and_survive_damage(
            sequence_number in 0..4096_u16,
            content in proptest::collection::vec(any::<u8>(), 0..20),
            mac_i: [u8; 4],
        ) {
            let data = DataPdu { sequence_number, packet: content.clone() };
            let octets = data.octets().unwrap();
            prop_assert_eq!(&DataPdu::parse(&octets).unwrap(), &data);
            survives(&octets, true, |octets| DataPdu::parse(octets).is_ok());
            let pdu = SignallingPdu { sequence_number: (sequence_number & 31) as u8, message: content, mac_i };
            let octets = pdu.octets().unwrap();
            prop_assert_eq!(&SignallingPdu::parse(&octets).unwrap(), &pdu);
            survives(&octets, true, |octets| SignallingPdu::parse(octets).is_ok());
        }
    }
}
