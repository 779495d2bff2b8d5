//! RNG-REQ and RNG-RSP (`dot16-wire.md` 3.1, 3.2).

use keyhop::dot16::identifiers::CmacKeyCount;
use keyhop::dot16::wire::{
    HoProcessOptimization, RangingStatus, RegRspEncodings, RngReq, RngReqTlv, RngRsp, RngRspTlv, SaChallengeTuple,
};
use proptest::prelude::*;

use crate::list::list;
use crate::octets::{array, number};
use crate::one_of;
use crate::registration::reg_tlv;
use crate::tlv::{akid, bsid, cid, cmac_tuple, ms_mac, unknown_tlv};

/// An RNG-REQ of up to seven TLVs.
pub fn rng_req() -> BoxedStrategy<RngReq> {
    let tlv = one_of![
        number().prop_map(RngReqTlv::RequestedDownlinkBurstProfile),
        ms_mac().prop_map(RngReqTlv::SsMacAddress),
        number().prop_map(RngReqTlv::RangingAnomalies),
        number().prop_map(RngReqTlv::AasBroadcastCapability),
        bsid().prop_map(RngReqTlv::ServingBsid),
        number().prop_map(RngReqTlv::RangingPurpose),
        number().prop_map(RngReqTlv::HoId),
        number().prop_map(RngReqTlv::PowerDownIndicator),
        array().prop_map(RngReqTlv::PagingControllerId),
        number().prop_map(RngReqTlv::MacHashSkipThreshold),
        number().prop_map(RngReqTlv::RequestedDownlinkRepetitionCoding),
        number().prop_map(|count| RngReqTlv::CmacKeyCount(CmacKeyCount(count))),
        cmac_tuple().prop_map(RngReqTlv::CmacTuple),
        number().prop_map(RngReqTlv::MacVersion),
        unknown_tlv().prop_map(RngReqTlv::Other),
    ];
    (number(), list(tlv, 0..8)).prop_map(|(reserved, tlvs)| RngReq { reserved, tlvs: tlvs.into() }).boxed()
}

/// An RNG-RSP of up to seven TLVs.
pub fn rng_rsp() -> BoxedStrategy<RngRsp> {
    let adjustments = one_of![
        number().prop_map(RngRspTlv::TimingAdjust),
        number().prop_map(RngRspTlv::PowerLevelAdjust),
        number().prop_map(RngRspTlv::OffsetFrequencyAdjust),
        number().prop_map(|status| RngRspTlv::RangingStatus(RangingStatus(status))),
        number().prop_map(RngRspTlv::DownlinkFrequencyOverride),
        number().prop_map(RngRspTlv::UplinkChannelIdOverride),
        number().prop_map(RngRspTlv::DownlinkOperationalBurstProfile),
        number().prop_map(RngRspTlv::NextPeriodicRanging),
        number().prop_map(RngRspTlv::DownlinkOperationalBurstProfileOfdma),
    ];
    let entry = one_of![
        ms_mac().prop_map(RngRspTlv::SsMacAddress),
        cid().prop_map(RngRspTlv::BasicCid),
        cid().prop_map(RngRspTlv::PrimaryCid),
        number().prop_map(RngRspTlv::ServiceLevelPrediction),
        number().prop_map(RngRspTlv::ResourceRetainFlag),
        number().prop_map(|bits| RngRspTlv::HoProcessOptimization(HoProcessOptimization(bits))),
        number().prop_map(RngRspTlv::HoId),
        number().prop_map(RngRspTlv::LocationUpdateResponse),
        number().prop_map(RngRspTlv::MacVersion),
    ];
    let security = one_of![
        (number(), list(reg_tlv(), 0..3))
            .prop_map(|(status, tlvs)| RngRspTlv::RegRspEncodings(RegRspEncodings { status, tlvs })),
        (array(), akid())
            .prop_map(|(bs_random, akid)| RngRspTlv::SaChallengeTuple(SaChallengeTuple { bs_random, akid })),
        cmac_tuple().prop_map(RngRspTlv::CmacTuple),
        unknown_tlv().prop_map(RngRspTlv::Other),
    ];
    let tlvs = list(one_of![adjustments, entry, security], 0..8);
    (number(), tlvs).prop_map(|(reserved, tlvs)| RngRsp { reserved, tlvs }).boxed()
}
