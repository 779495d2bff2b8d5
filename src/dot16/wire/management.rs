//! MAC management messages: which of them an octet string is, and what of it a CMAC covers (802.16-2009 clause 6.3.2.3;
//! `dot16-wire.md` 3 and 4.1).

use super::cmac_tuple::CmacTuple;
use super::dreg::{DregMessage, DregTlv};
use super::error::WireError;
use super::mob_bsho_rsp::{MobBshoRsp, MobBshoRspTlv};
use super::mob_ho_ind::{MobHoInd, MobHoIndTlv};
use super::mob_msho_req::{MobMshoReq, MobMshoReqTlv};
use super::mob_nbr_adv::MobNbrAdv;
use super::parsing::describe;
use super::pkm::{PkmAttribute, PkmMessage};
use super::pkm_attributes::CmacDigest;
use super::reg_encodings::RegTlv;
use super::reg_req::RegReq;
use super::reg_rsp::RegRsp;
use super::rng_req::{RngReq, RngReqTlv};
use super::rng_rsp::{RngRsp, RngRspTlv};
use super::sbc::SbcMessage;
use crate::dot16::identifiers::Direction;

/// A MAC management message: the body of a PDU on a management CID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagementMessage {
    /// Type 4.
    RngReq(RngReq),
    /// Type 5.
    RngRsp(RngRsp),
    /// Type 6.
    RegReq(RegReq),
    /// Type 7.
    RegRsp(RegRsp),
    /// Type 26.
    SbcReq(SbcMessage),
    /// Type 27.
    SbcRsp(SbcMessage),
    /// Type 53.
    MobNbrAdv(MobNbrAdv),
    /// Type 57.
    MobMshoReq(MobMshoReq),
    /// Type 58, a mode that is decoded.
    MobBshoRsp(MobBshoRsp),
    /// Type 59, a mode that is decoded.
    MobHoInd(MobHoInd),
    /// Type 9.
    PkmReq(PkmMessage),
    /// Type 10.
    PkmRsp(PkmMessage),
    /// Type 29.
    DregCmd(DregMessage),
    /// Type 49.
    DregReq(DregMessage),
    /// A message that is not decoded: another type, or MOB_BSHO-RSP or MOB_HO-IND of a macro diversity mode.
    Other {
        /// Message type.
        message_type: u8,
        /// Everything after the type octet.
        body: Vec<u8>,
    },
}

impl ManagementMessage {
    const LAYER: &'static str = "management message";

    /// Reads a whole message, type octet first: the body of a PDU that is neither encrypted nor fragmented.
    ///
    /// # Errors
    /// No octet at all, or a message of a decoded type that is not well formed; `layer` then is its name.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        let Some((&message_type, body)) = message.split_first() else {
            return Err(WireError {
                layer: Self::LAYER,
                offset: 0,
                expected: "a message type".into(),
                found: describe(message),
            });
        };
        match message_type {
            RngReq::TYPE => RngReq::parse(message).map(Self::RngReq),
            RngRsp::TYPE => RngRsp::parse(message).map(Self::RngRsp),
            RegReq::TYPE => RegReq::parse(message).map(Self::RegReq),
            RegRsp::TYPE => RegRsp::parse(message).map(Self::RegRsp),
            SbcMessage::REQ => SbcMessage::parse(message).map(Self::SbcReq),
            SbcMessage::RSP => SbcMessage::parse(message).map(Self::SbcRsp),
            MobNbrAdv::TYPE => MobNbrAdv::parse(message).map(Self::MobNbrAdv),
            MobMshoReq::TYPE => MobMshoReq::parse(message).map(Self::MobMshoReq),
            MobBshoRsp::TYPE if MobBshoRsp::is_decoded(message) => MobBshoRsp::parse(message).map(Self::MobBshoRsp),
            MobHoInd::TYPE if MobHoInd::is_decoded(message) => MobHoInd::parse(message).map(Self::MobHoInd),
            PkmMessage::REQ => PkmMessage::parse(message).map(Self::PkmReq),
            PkmMessage::RSP => PkmMessage::parse(message).map(Self::PkmRsp),
            DregMessage::CMD => DregMessage::parse(message).map(Self::DregCmd),
            DregMessage::REQ => DregMessage::parse(message).map(Self::DregReq),
            _ => Ok(Self::Other { message_type, body: body.to_vec() }),
        }
    }

    /// The whole message, type octet first. What was read is written back unchanged, except that lengths get their shortest
    /// form.
    ///
    /// # Errors
    /// Fields that do not agree, a value too wide for its bits, or a TLV that cannot be written.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        match self {
            Self::RngReq(message) => message.octets(),
            Self::RngRsp(message) => message.octets(),
            Self::RegReq(message) => message.octets(),
            Self::RegRsp(message) => message.octets(),
            Self::SbcReq(message) => message.octets(SbcMessage::REQ),
            Self::SbcRsp(message) => message.octets(SbcMessage::RSP),
            Self::MobNbrAdv(message) => message.octets(),
            Self::MobMshoReq(message) => message.octets(),
            Self::MobBshoRsp(message) => message.octets(),
            Self::MobHoInd(message) => message.octets(),
            Self::PkmReq(message) => message.octets(PkmMessage::REQ),
            Self::PkmRsp(message) => message.octets(PkmMessage::RSP),
            Self::DregCmd(message) => message.octets(DregMessage::CMD),
            Self::DregReq(message) => message.octets(DregMessage::REQ),
            Self::Other { message_type, body } => {
                let mut octets = vec![*message_type];
                octets.extend_from_slice(body);
                Ok(octets)
            }
        }
    }

    /// Message type, the first octet.
    #[must_use]
    pub const fn message_type(&self) -> u8 {
        match self {
            Self::RngReq(_) => RngReq::TYPE,
            Self::RngRsp(_) => RngRsp::TYPE,
            Self::RegReq(_) => RegReq::TYPE,
            Self::RegRsp(_) => RegRsp::TYPE,
            Self::SbcReq(_) => SbcMessage::REQ,
            Self::SbcRsp(_) => SbcMessage::RSP,
            Self::MobNbrAdv(_) => MobNbrAdv::TYPE,
            Self::MobMshoReq(_) => MobMshoReq::TYPE,
            Self::MobBshoRsp(_) => MobBshoRsp::TYPE,
            Self::MobHoInd(_) => MobHoInd::TYPE,
            Self::PkmReq(_) => PkmMessage::REQ,
            Self::PkmRsp(_) => PkmMessage::RSP,
            Self::DregCmd(_) => DregMessage::CMD,
            Self::DregReq(_) => DregMessage::REQ,
            Self::Other { message_type, .. } => *message_type,
        }
    }

    /// The name in the standard, see [`message_name`].
    #[must_use]
    pub const fn name(&self) -> &'static str {
        message_name(self.message_type())
    }

    /// The CMAC tuple, if it is the last TLV of a decoded message. MOB_NBR-ADV, a broadcast, has none, nor
    /// have SBC messages; a PKM message has a CMAC
    /// digest in its place, see [`PkmMessage::cmac_tuple`].
    #[must_use]
    pub fn cmac_tuple(&self) -> Option<CmacTuple> {
        let tuple = match self {
            Self::RngReq(message) => message.cmac_tuple(),
            Self::RngRsp(message) => message.cmac_tuple(),
            Self::RegReq(message) => message.cmac_tuple(),
            Self::RegRsp(message) => message.cmac_tuple(),
            Self::MobMshoReq(message) => message.cmac_tuple(),
            Self::MobBshoRsp(message) => message.cmac_tuple(),
            Self::MobHoInd(message) => message.cmac_tuple(),
            Self::DregCmd(message) | Self::DregReq(message) => message.cmac_tuple(),
            Self::PkmReq(message) | Self::PkmRsp(message) => return message.cmac_tuple(),
            Self::SbcReq(_) | Self::SbcRsp(_) | Self::MobNbrAdv(_) | Self::Other { .. } => None,
        };
        tuple.copied()
    }

    /// Appends a CMAC tuple: the message without it is what the CMAC covers. MOB_NBR-ADV and SBC
    /// messages are not protected and stay as they are;
    /// to a message that is not decoded the octets of the TLV are appended. To a PKM message a CMAC digest is appended: the AK
    /// sequence number of `tuple` has to stand in it already, in its key sequence number attribute.
    pub fn push_cmac_tuple(&mut self, tuple: CmacTuple) {
        match self {
            Self::RngReq(message) => message.tlvs.push(RngReqTlv::CmacTuple(tuple)),
            Self::RngRsp(message) => message.tlvs.push(RngRspTlv::CmacTuple(tuple)),
            Self::RegReq(message) => message.tlvs.push(RegTlv::CmacTuple(tuple)),
            Self::RegRsp(message) => message.tlvs.push(RegTlv::CmacTuple(tuple)),
            Self::MobMshoReq(message) => message.tlvs.push(MobMshoReqTlv::CmacTuple(tuple)),
            Self::MobBshoRsp(message) => message.tlvs.push(MobBshoRspTlv::CmacTuple(tuple)),
            Self::MobHoInd(message) => message.tlvs.push(MobHoIndTlv::CmacTuple(tuple)),
            Self::DregCmd(message) | Self::DregReq(message) => message.tlvs.push(DregTlv::CmacTuple(tuple)),
            Self::PkmReq(message) | Self::PkmRsp(message) => {
                message.attributes.push(PkmAttribute::CmacDigest(CmacDigest { pn: tuple.pn, value: tuple.value }));
            }
            Self::SbcReq(_) | Self::SbcRsp(_) | Self::MobNbrAdv(_) => {}
            Self::Other { body, .. } => body.extend(tuple.tlv_octets()),
        }
    }
}

/// The octets of `message` that its CMAC covers: from the type octet to the last before the trailing CMAC tuple TLV, or CMAC
/// digest attribute of a PKM message.
///
/// `message` is as received, `tuple` what [`ManagementMessage::cmac_tuple`] found in it. `None` if the message does not end with
/// this very TLV in its shortest form: no sender writes another, and the octets that were signed would not be certain.
#[must_use]
pub fn protected_part<'a>(message: &'a [u8], tuple: &CmacTuple) -> Option<&'a [u8]> {
    match message.first() {
        Some(&(PkmMessage::REQ | PkmMessage::RSP)) => {
            let trailing = CmacDigest { pn: tuple.pn, value: tuple.value }.tlv_octets();
            message.strip_suffix(trailing.as_slice())
        }
        _ => tuple.stripped_from(message),
    }
}

/// The station that sends messages of this type: uplink, a mobile; downlink, a base station. `None`: both send them, or the
/// type has no name (802.16-2009 clause 6.3.2.3, table 38).
#[must_use]
pub const fn message_direction(message_type: u8) -> Option<Direction> {
    match message_type {
        0..=3 | 5 | 7 | 10 | 25 | 27..=30 | 36 | 38 | 44 | 51..=53 | 55 | 56 | 58 | 61 | 62 | 64 => {
            Some(Direction::Downlink)
        }
        4 | 6 | 9 | 26 | 37 | 45 | 49 | 50 | 54 | 57 | 59 | 60 | 63 => Some(Direction::Uplink),
        _ => None,
    }
}

/// The name of a management message in the standard (`dot16-wire.md` 3.1); a type without a name here is `unnamed management
/// message`.
#[must_use]
pub const fn message_name(message_type: u8) -> &'static str {
    match message_type {
        0 => "UCD",
        1 => "DCD",
        2 => "DL-MAP",
        3 => "UL-MAP",
        4 => "RNG-REQ",
        5 => "RNG-RSP",
        6 => "REG-REQ",
        7 => "REG-RSP",
        9 => "PKM-REQ",
        10 => "PKM-RSP",
        11 => "DSA-REQ",
        12 => "DSA-RSP",
        13 => "DSA-ACK",
        14 => "DSC-REQ",
        15 => "DSC-RSP",
        16 => "DSC-ACK",
        17 => "DSD-REQ",
        18 => "DSD-RSP",
        25 => "RES-CMD",
        26 => "SBC-REQ",
        27 => "SBC-RSP",
        28 => "CLK-CMP",
        29 => "DREG-CMD",
        30 => "DSX-RVD",
        33 => "ARQ-Feedback",
        34 => "ARQ-Discard",
        35 => "ARQ-Reset",
        36 => "REP-REQ",
        37 => "REP-RSP",
        38 => "FPC",
        44 => "AAS-FBCK-REQ",
        45 => "AAS-FBCK-RSP",
        46 => "AAS-BEAM_SELECT",
        49 => "DREG-REQ",
        50 => "MOB_SLP-REQ",
        51 => "MOB_SLP-RSP",
        52 => "MOB_TRF-IND",
        53 => "MOB_NBR-ADV",
        54 => "MOB_SCN-REQ",
        55 => "MOB_SCN-RSP",
        56 => "MOB_BSHO-REQ",
        57 => "MOB_MSHO-REQ",
        58 => "MOB_BSHO-RSP",
        59 => "MOB_HO-IND",
        60 => "MOB_SCN-REP",
        61 => "MOB_PAG-ADV",
        62 => "MBS-MAP",
        63 => "PMC-REQ",
        64 => "PMC-RSP",
        65 => "PRC-LT-CTRL",
        66 => "MOB_ASC-REP",
        _ => "unnamed management message",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::AkSequenceNumber;

    const TUPLE: CmacTuple =
        CmacTuple { reserved: 0, ak_sn: AkSequenceNumber(1), bsid: None, pn: 7, value: [1, 2, 3, 4, 5, 6, 7, 8] };

    #[test]
    fn a_tuple_is_appended_and_what_it_covers_is_the_message_before() {
        for unsigned in [
            "0400",
            "0500",
            "06",
            "0700",
            "1d05",
            "3101",
            "3900000000",
            "3ae014",
            "3b005000",
            "0915030a0101",
            "0a14030a0101",
        ] {
            let unsigned = hex::decode(unsigned).unwrap();
            let mut message = ManagementMessage::parse(&unsigned).unwrap();
            assert_eq!(message.cmac_tuple(), None);
            message.push_cmac_tuple(TUPLE);
            let signed = message.octets().unwrap();
            let parsed = ManagementMessage::parse(&signed).unwrap();
            assert_eq!(parsed.cmac_tuple(), Some(TUPLE), "{}", message.name());
            assert_eq!(protected_part(&signed, &TUPLE), Some(unsigned.as_slice()));
        }
    }

    #[test]
    fn a_tuple_with_a_longer_form_of_length_protects_nothing() {
        let mut message = vec![4, 0, 141, 0x81, 13];
        message.extend(&TUPLE.tlv_octets()[2..]);
        assert_eq!(ManagementMessage::parse(&message).unwrap().cmac_tuple(), Some(TUPLE));
        assert_eq!(protected_part(&message, &TUPLE), None);
        let mut message = vec![10, 20, 1, 10, 1, 1, 40, 0x81, 12];
        message.extend(&TUPLE.tlv_octets()[3..]);
        assert_eq!(ManagementMessage::parse(&message).unwrap().cmac_tuple(), Some(TUPLE));
        assert_eq!(protected_part(&message, &TUPLE), None);
    }

    #[test]
    fn messages_that_are_not_decoded_survive() {
        for octets in ["1900", "0b1401", "ff00112233", "38", "3a2014", "3b0100"] {
            let octets = hex::decode(octets).unwrap();
            let message = ManagementMessage::parse(&octets).unwrap();
            assert!(matches!(message, ManagementMessage::Other { .. }), "{message:?}");
            assert_eq!((message.message_type(), message.octets().unwrap()), (octets[0], octets));
        }
    }

    #[test]
    fn names_are_those_of_the_standard() {
        for (message_type, name) in [(4, "RNG-REQ"), (57, "MOB_MSHO-REQ"), (58, "MOB_BSHO-RSP"), (29, "DREG-CMD")] {
            assert_eq!(message_name(message_type), name);
        }
        let message = ManagementMessage::Other { message_type: 200, body: vec![] };
        assert_eq!(message.name(), "unnamed management message");
    }

    #[test]
    fn an_empty_message_is_an_error() {
        assert_eq!(ManagementMessage::parse(&[]).unwrap_err().offset, 0);
    }
}
