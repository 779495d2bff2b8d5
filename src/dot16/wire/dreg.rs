//! DREG-CMD, type 29, and DREG-REQ, type 49: a mobile leaves a connection, or is told to (802.16-2009 clauses 6.3.2.3.26 and
//! 6.3.2.3.42; `dot16-wire.md` 3.6).

use nom::Parser;
use nom::number::complete::be_u8;

use super::cmac_tuple::CmacTuple;
use super::error::WireError;
use super::parsing::{expect, finish};
use super::typed_tlv::{list, trailing_cmac_tuple, typed_tlvs};

typed_tlvs! {
    /// A TLV of DREG-CMD or DREG-REQ.
    pub enum DregTlv {
        /// CMAC tuple, the last TLV.
        CmacTuple(CmacTuple) = 141,
    }
}

/// What follows the type octet of DREG-CMD and DREG-REQ alike: `action | TLVs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DregMessage {
    /// Action code of DREG-CMD or request code of DREG-REQ, 1 octet. Every value is kept.
    pub action: u8,
    /// The TLVs, in order.
    pub tlvs: Vec<DregTlv>,
}

impl DregMessage {
    /// Message type of DREG-CMD.
    pub const CMD: u8 = 29;
    /// Message type of DREG-REQ.
    pub const REQ: u8 = 49;

    const LAYER: &'static str = "DREG";

    /// Reads a whole message of either type, type octet first.
    ///
    /// # Errors
    /// No type octet, no action, or octets after it that are not TLVs.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        let mut parser = (expect("a message type", be_u8), expect("the action code", be_u8), list)
            .map(|(_, action, tlvs)| Self { action, tlvs });
        finish(Self::LAYER, message, parser.parse(message)).map(|(_, message)| message)
    }

    /// The whole message of type `message_type`, [`CMD`](Self::CMD) or [`REQ`](Self::REQ), type octet first.
    ///
    /// # Errors
    /// A TLV that cannot be written.
    pub fn octets(&self, message_type: u8) -> Result<Vec<u8>, WireError> {
        let mut octets = vec![message_type, self.action];
        octets.extend(DregTlv::octets_of_all(&self.tlvs)?);
        Ok(octets)
    }

    /// The CMAC tuple, if it is the last TLV.
    #[must_use]
    pub fn cmac_tuple(&self) -> Option<&CmacTuple> {
        trailing_cmac_tuple!(self.tlvs, DregTlv)
    }

    /// What the action of a message of type `message_type` means, `None` for a number without a meaning here.
    #[must_use]
    pub const fn action_name(&self, message_type: u8) -> Option<&'static str> {
        Some(match (message_type, self.action) {
            (Self::CMD, 0) => "leave the channel",
            (Self::CMD, 1) => "listen only",
            (Self::CMD, 2) => "listen, basic and primary connection only",
            (Self::CMD, 3) => "resume",
            (Self::CMD, 4) => "end normal operation",
            (Self::CMD, 5) => "idle mode",
            (Self::REQ, 0) => "deregister",
            (Self::REQ, 1) => "idle mode",
            (Self::REQ, 2) => "answer to an unsolicited DREG-CMD",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::management::{ManagementMessage, protected_part};
    use super::super::tlv::Tlv;
    use super::*;

    #[test]
    fn action_and_tuple_of_both_types_are_read_and_written() {
        let tuple = "8d0d0100000007 0102030405060708".replace(' ', "");
        for (start, message_type, action) in [("1d05", DregMessage::CMD, 5), ("3101", DregMessage::REQ, 1)] {
            let octets = hex::decode(format!("{start}{tuple}")).unwrap();
            let message = DregMessage::parse(&octets).unwrap();
            assert_eq!((message.action, message.action_name(message_type)), (action, Some("idle mode")));
            assert_eq!(message.cmac_tuple().map(|tuple| tuple.pn), Some(7));
            assert_eq!(message.octets(message_type).unwrap(), octets);

            let message = ManagementMessage::parse(&octets).unwrap();
            assert_eq!(message.message_type(), message_type);
            let tuple = message.cmac_tuple().unwrap();
            assert_eq!(protected_part(&octets, &tuple), octets.get(..2));
        }
    }

    #[test]
    fn other_actions_and_tlvs_are_kept() {
        let octets = [29, 99, 3, 2, 0, 9];
        let message = DregMessage::parse(&octets).unwrap();
        assert_eq!(message.tlvs, [DregTlv::Other(Tlv { kind: 3, value: vec![0, 9] })]);
        assert_eq!((message.action, message.action_name(DregMessage::CMD)), (99, None));
        assert_eq!(message.octets(DregMessage::CMD).unwrap(), octets);
    }

    #[test]
    fn a_fault_is_told_with_its_offset_in_the_message() {
        for (octets, offset) in [(&[29][..], 1), (&[49, 1, 141, 13, 0], 4)] {
            let error = DregMessage::parse(octets).unwrap_err();
            assert_eq!((error.layer, error.offset), ("DREG", offset), "{octets:?}");
        }
    }
}
