//! RNG-RSP, type 5 (802.16-2009 clauses 6.3.2.3.6 and 11.6; `dot16-wire.md` 3.3).

use cookie_factory::bytes::be_u8 as write_be_u8;
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::number::complete::be_u8;

use super::cmac_tuple::CmacTuple;
use super::error::WireError;
use super::ho_process_optimization::HoProcessOptimization;
use super::parsing::{expect, finish, message_type, octets};
use super::reg_encodings::RegRspEncodings;
use super::sa_tek_update::SaTekUpdate;
use super::serialising::serialised;
use super::tlv::Tlv;
use super::typed_tlv::{TlvValue, first, list, trailing_cmac_tuple, typed_tlvs};
use crate::dot16::identifiers::{AkId, Cid, MsMac};

typed_tlvs! {
    /// A TLV of RNG-RSP.
    pub enum RngRspTlv {
        /// Timing adjust, 4 octets, signed, units of 1/Fs in OFDMA.
        TimingAdjust(i32) = 1,
        /// Power level adjust, 1 octet, signed, 0.25 dB.
        PowerLevelAdjust(i8) = 2,
        /// Offset frequency adjust, 4 octets, signed, Hz.
        OffsetFrequencyAdjust(i32) = 3,
        /// Ranging status, 1 octet.
        RangingStatus(RangingStatus) = 4,
        /// Downlink frequency override, 4 octets, kHz.
        DownlinkFrequencyOverride(u32) = 5,
        /// Uplink channel ID override, 1 octet.
        UplinkChannelIdOverride(u8) = 6,
        /// Downlink operational burst profile, 2 octets.
        DownlinkOperationalBurstProfile(u16) = 7,
        /// SS MAC address, 6 octets.
        SsMacAddress(MsMac) = 8,
        /// Basic CID, 2 octets.
        BasicCid(Cid) = 9,
        /// Primary management CID, 2 octets.
        PrimaryCid(Cid) = 10,
        /// Service level prediction, 1 octet: 0 none, 1 some, 2 all service flows, 3 no prediction.
        ServiceLevelPrediction(u8) = 17,
        /// Resource retain flag, 1 octet: 1 retained, 0 deleted.
        ResourceRetainFlag(u8) = 20,
        /// HO process optimization, 2 octets.
        HoProcessOptimization(HoProcessOptimization) = 21,
        /// HO_ID, 1 octet.
        HoId(u8) = 22,
        /// Location update response, 1 octet.
        LocationUpdateResponse(u8) = 23,
        /// Next periodic ranging, 2 octets.
        NextPeriodicRanging(u16) = 26,
        /// REG-RSP encodings: a status octet and TLVs of REG-RSP.
        RegRspEncodings(RegRspEncodings) = 30,
        /// SA challenge tuple, 20 octets.
        SaChallengeTuple(SaChallengeTuple) = 31,
        /// Downlink operational burst profile for OFDMA, 2 octets.
        DownlinkOperationalBurstProfileOfdma(u16) = 33,
        /// CMAC tuple, the last TLV.
        CmacTuple(CmacTuple) = 141,
        /// MAC version, 1 octet.
        MacVersion(u8) = 148,
    }
}

/// Ranging status, 1 octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RangingStatus(pub u8);

impl RangingStatus {
    /// Adjust and send RNG-REQ again.
    pub const CONTINUE: Self = Self(1);
    /// Leave this channel.
    pub const ABORT: Self = Self(2);
    /// Ranging is done.
    pub const SUCCESS: Self = Self(3);
    /// Start initial ranging anew.
    pub const RE_RANGE: Self = Self(4);
}

impl TlvValue for RangingStatus {
    fn from_value(value: &[u8]) -> Option<Self> {
        u8::from_value(value).map(Self)
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        self.0.to_value()
    }
}

/// SA challenge tuple: begins the SA-TEK handshake within a handover. Value of 20 octets: sub-TLV 1, BS_Random, and sub-TLV 2,
/// AKID, 8 octets each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SaChallengeTuple {
    /// BS_Random, 8 octets.
    pub bs_random: [u8; 8],
    /// The AK that is challenged, 8 octets.
    pub akid: AkId,
}

impl TlvValue for SaChallengeTuple {
    fn from_value(value: &[u8]) -> Option<Self> {
        match Tlv::parse_all(value, 0).ok()?.as_slice() {
            [Tlv { kind: 1, value: bs_random }, Tlv { kind: 2, value: akid }] => Some(Self {
                bs_random: super::typed_tlv::exactly(octets, bs_random)?,
                akid: AkId(super::typed_tlv::exactly(octets, akid)?),
            }),
            _ => None,
        }
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        Tlv::octets_of_all(&[
            Tlv { kind: 1, value: self.bs_random.to_vec() },
            Tlv { kind: 2, value: self.akid.0.to_vec() },
        ])
    }
}

/// RNG-RSP: `05 | reserved | TLVs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RngRsp {
    /// Reserved, 1 octet, 0 in the format.
    pub reserved: u8,
    /// The TLVs, in order. A getter gives the first of its type.
    pub tlvs: Vec<RngRspTlv>,
}

impl RngRsp {
    /// Message type.
    pub const TYPE: u8 = 5;

    const LAYER: &'static str = "RNG-RSP";

    /// Reads a whole message, type octet first.
    ///
    /// # Errors
    /// Another type, no reserved octet, or octets after it that are not TLVs.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        let mut parser = (message_type(Self::TYPE), expect("the reserved octet", be_u8), list)
            .map(|(_, reserved, tlvs)| Self { reserved, tlvs });
        finish(Self::LAYER, message, parser.parse(message)).map(|(_, message)| message)
    }

    /// The whole message, type octet first.
    ///
    /// # Errors
    /// A TLV that cannot be written.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let tlvs = RngRspTlv::octets_of_all(&self.tlvs)?;
        serialised(Self::LAYER, tuple((write_be_u8(Self::TYPE), write_be_u8(self.reserved), slice(tlvs))))
    }

    /// Ranging status.
    #[must_use]
    pub fn ranging_status(&self) -> Option<RangingStatus> {
        first!(self.tlvs, RngRspTlv::RangingStatus).copied()
    }

    /// SS MAC address.
    #[must_use]
    pub fn ss_mac_address(&self) -> Option<MsMac> {
        first!(self.tlvs, RngRspTlv::SsMacAddress).copied()
    }

    /// Basic CID.
    #[must_use]
    pub fn basic_cid(&self) -> Option<Cid> {
        first!(self.tlvs, RngRspTlv::BasicCid).copied()
    }

    /// Primary management CID.
    #[must_use]
    pub fn primary_cid(&self) -> Option<Cid> {
        first!(self.tlvs, RngRspTlv::PrimaryCid).copied()
    }

    /// HO process optimization.
    #[must_use]
    pub fn ho_process_optimization(&self) -> Option<HoProcessOptimization> {
        first!(self.tlvs, RngRspTlv::HoProcessOptimization).copied()
    }

    /// HO_ID.
    #[must_use]
    pub fn ho_id(&self) -> Option<u8> {
        first!(self.tlvs, RngRspTlv::HoId).copied()
    }

    /// SA challenge tuple.
    #[must_use]
    pub fn sa_challenge_tuple(&self) -> Option<&SaChallengeTuple> {
        first!(self.tlvs, RngRspTlv::SaChallengeTuple)
    }

    /// REG-RSP encodings.
    #[must_use]
    pub fn reg_rsp_encodings(&self) -> Option<&RegRspEncodings> {
        first!(self.tlvs, RngRspTlv::RegRspEncodings)
    }

    /// The SA-TEK-Updates within the REG-RSP encodings, in order.
    pub fn sa_tek_updates(&self) -> impl Iterator<Item = &SaTekUpdate> {
        self.reg_rsp_encodings().into_iter().flat_map(RegRspEncodings::sa_tek_updates)
    }

    /// The CMAC tuple, if it is the last TLV.
    #[must_use]
    pub fn cmac_tuple(&self) -> Option<&CmacTuple> {
        trailing_cmac_tuple!(self.tlvs, RngRspTlv)
    }
}

#[cfg(test)]
mod tests {
    use super::super::reg_encodings::RegTlv;
    use super::*;
    use crate::dot16::identifiers::Said;

    #[test]
    fn teks_travel_in_the_reg_rsp_encodings_behind_a_status_octet() {
        let update =
            SaTekUpdate { kind: 1, new_said: Said(9), old_said: Said(5), older: None, newer: None, other: vec![] };
        let message = RngRsp {
            reserved: 0,
            tlvs: vec![RngRspTlv::RegRspEncodings(RegRspEncodings {
                status: 0,
                tlvs: vec![RegTlv::SaTekUpdate(update.clone())],
            })],
        };
        let octets = message.octets().unwrap();
        assert_eq!(hex::encode(&octets), "05001e0e00260b0101010202000903020005");
        assert_eq!(RngRsp::parse(&octets).unwrap().sa_tek_updates().collect::<Vec<_>>(), [&update]);
    }

    #[test]
    fn the_sa_challenge_tuple_has_20_octets() {
        let tuple = SaChallengeTuple { bs_random: [1; 8], akid: AkId([2; 8]) };
        let message = RngRsp { reserved: 0, tlvs: vec![RngRspTlv::SaChallengeTuple(tuple)] };
        let octets = message.octets().unwrap();
        assert_eq!(hex::encode(&octets), "05001f14010801010101010101010208020202020202 0202".replace(' ', ""));
        assert_eq!(RngRsp::parse(&octets).unwrap().sa_challenge_tuple(), Some(&tuple));
    }

    #[test]
    fn ho_process_optimization_of_one_octet_is_kept_but_not_believed() {
        let message = RngRsp::parse(&[5, 0, 21, 1, 0x87]).unwrap();
        assert_eq!(message.ho_process_optimization(), None);
        assert_eq!(message.octets().unwrap(), [5, 0, 21, 1, 0x87]);
    }

    #[test]
    fn encodings_that_would_not_be_written_back_alike_are_kept_as_they_are() {
        // An inner length in a longer form, and an inner TLV without value.
        for octets in ["05001e0500638101 07", "05001e03006300"] {
            let octets = hex::decode(octets.replace(' ', "")).unwrap();
            let message = RngRsp::parse(&octets).unwrap();
            assert!(matches!(message.tlvs[..], [RngRspTlv::Other(_)]), "{message:?}");
            assert_eq!(message.octets().unwrap(), octets);
        }
    }

    #[test]
    fn type_numbers_are_those_of_the_reference() {
        let numbers = [
            (5, RngRspTlv::DownlinkFrequencyOverride(0)),
            (6, RngRspTlv::UplinkChannelIdOverride(0)),
            (7, RngRspTlv::DownlinkOperationalBurstProfile(0)),
            (23, RngRspTlv::LocationUpdateResponse(0)),
            (26, RngRspTlv::NextPeriodicRanging(0)),
            (33, RngRspTlv::DownlinkOperationalBurstProfileOfdma(0)),
            (148, RngRspTlv::MacVersion(0)),
        ];
        for (number, tlv) in numbers {
            assert_eq!((tlv.kind(), tlv.octets().unwrap().first()), (number, Some(&number)), "{tlv:?}");
        }
    }

    #[test]
    fn negative_adjustments_are_signed() {
        let message = RngRsp::parse(&[5, 0, 1, 4, 0xff, 0xff, 0xff, 0xf8, 2, 1, 0xfc]).unwrap();
        assert_eq!(message.tlvs, [RngRspTlv::TimingAdjust(-8), RngRspTlv::PowerLevelAdjust(-4)]);
    }
}
