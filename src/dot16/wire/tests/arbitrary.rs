//! Generators of valid values of every format of the room.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, CmacKeyCount, MsMac, Said, Sfid};
use crate::dot16::wire::*;

/// A TLV of a type that no message knows.
fn unknown_tlv() -> impl Strategy<Value = Tlv> {
    (200_u8.., vec(any::<u8>(), 1..300)).prop_map(|(kind, value)| Tlv { kind, value })
}

fn bsid() -> impl Strategy<Value = Bsid> {
    any::<[u8; 6]>().prop_map(Bsid)
}

fn cid() -> impl Strategy<Value = Cid> {
    any::<u16>().prop_map(Cid)
}

/// A value exactly if it has to be there.
fn present<T: Strategy>(present: bool, value: T) -> impl Strategy<Value = Option<T::Value>> {
    value.prop_map(move |value| present.then_some(value))
}

/// A generic MAC header of any content.
pub fn header() -> impl Strategy<Value = GenericMacHeader> {
    (any::<[bool; 4]>(), any::<u8>(), 0..4_u8, 0..2048_u16, cid()).prop_map(
        |([encrypted, extended_subheader_group, crc_present, reserved], bits, eks, length, cid)| GenericMacHeader {
            encrypted,
            pdu_type: PduType::from_bits(bits),
            extended_subheader_group,
            crc_present,
            eks,
            reserved,
            length,
            cid,
        },
    )
}

fn fragment_control() -> impl Strategy<Value = FragmentControl> {
    prop::sample::select(vec![
        FragmentControl::Unfragmented,
        FragmentControl::Last,
        FragmentControl::First,
        FragmentControl::Middle,
    ])
}

/// The pieces of a packed body, without LEN, and whether their subheaders are extended ones.
pub fn packed_pieces() -> impl Strategy<Value = (Vec<(FragmentControl, u16, Vec<u8>)>, bool)> {
    let pieces = vec((fragment_control(), 0..2048_u16, vec(any::<u8>(), 0..300)), 0..8);
    (pieces, any::<bool>()).prop_map(|(mut pieces, extended)| {
        for (_, fsn, _) in &mut pieces {
            *fsn %= if extended { 2048 } else { 8 };
        }
        (pieces, extended)
    })
}

/// A fragmentation subheader that fits its form, and whether that is the extended one.
pub fn fragmentation_subheader() -> impl Strategy<Value = (FragmentationSubheader, bool)> {
    (fragment_control(), 0..2048_u16, 0..8_u8, any::<bool>()).prop_map(|(control, fsn, reserved, extended)| {
        (FragmentationSubheader { control, fsn: if extended { fsn } else { fsn % 8 }, reserved }, extended)
    })
}

fn cmac_tuple() -> impl Strategy<Value = CmacTuple> {
    (0..16_u8, 0..16_u8, option::of(bsid()), any::<u32>(), any::<[u8; 8]>()).prop_map(
        |(reserved, ak_sn, bsid, pn, value)| CmacTuple { reserved, ak_sn: AkSequenceNumber(ak_sn), bsid, pn, value },
    )
}

fn vendor() -> impl Strategy<Value = VendorTlv> {
    let flow = (any::<u32>(), cid(), any::<u16>()).prop_map(|(sfid, cid, said)| CandidateFlow {
        sfid: Sfid(sfid),
        cid,
        said: Said(said),
    });
    let candidate = (bsid(), cid(), cid(), any::<u8>(), vec(flow, 0..4)).prop_map(
        |(bsid, basic_cid, primary_cid, flags, flows)| Candidate { bsid, basic_cid, primary_cid, flags, flows },
    );
    let item = prop_oneof![
        any::<bool>().prop_map(VendorItem::Seamless),
        any::<u16>().prop_map(VendorItem::RangingDeadline),
        candidate.prop_map(VendorItem::Candidate),
        unknown_tlv().prop_map(VendorItem::Other),
    ];
    let ours = vec(item, 0..5).prop_map(VendorTlv::new);
    let foreign = (any::<[u8; 2]>(), vec(unknown_tlv().prop_map(VendorItem::Other), 0..3))
        .prop_map(|([a, b], items)| VendorTlv { vendor_id: [0, a, b], items });
    prop_oneof![ours, foreign]
}

fn tek_parameters() -> impl Strategy<Value = TekParameters> {
    (vec(any::<u8>(), 16..25), any::<u32>(), any::<u8>(), vec(unknown_tlv(), 0..2)).prop_map(
        |(wrapped_tek, lifetime, sequence_number, other)| TekParameters {
            wrapped_tek,
            lifetime,
            sequence_number,
            other,
        },
    )
}

fn sa_tek_update() -> impl Strategy<Value = SaTekUpdate> {
    let parameters = tek_parameters;
    let saids = (any::<u16>(), any::<u16>());
    (any::<u8>(), saids, option::of(parameters()), option::of(parameters()), vec(unknown_tlv(), 0..2)).prop_map(
        |(kind, (new, old), older, newer, other)| SaTekUpdate {
            kind,
            new_said: Said(new),
            old_said: Said(old),
            older,
            newer,
            other,
        },
    )
}

fn reg_tlv() -> impl Strategy<Value = RegTlv> {
    prop_oneof![
        any::<u16>().prop_map(RegTlv::UplinkTransportCids),
        any::<u8>().prop_map(RegTlv::HandoverSupport),
        any::<u16>().prop_map(RegTlv::ResourceRetainTime),
        any::<u8>().prop_map(RegTlv::HoOptimizationTimer),
        any::<u8>().prop_map(RegTlv::MobilityFeatures),
        any::<u8>().prop_map(RegTlv::HoIndicationReadinessTimer),
        sa_tek_update().prop_map(RegTlv::SaTekUpdate),
        any::<u8>().prop_map(RegTlv::HoConnectionProcessingTime),
        any::<u8>().prop_map(RegTlv::HoTekProcessingTime),
        cmac_tuple().prop_map(RegTlv::CmacTuple),
        vendor().prop_map(RegTlv::Vendor),
        unknown_tlv().prop_map(RegTlv::Other),
    ]
}

fn rng_req() -> impl Strategy<Value = RngReq> {
    let tlv = prop_oneof![
        any::<u8>().prop_map(RngReqTlv::RequestedDownlinkBurstProfile),
        any::<[u8; 6]>().prop_map(|mac| RngReqTlv::SsMacAddress(MsMac(mac))),
        any::<u8>().prop_map(RngReqTlv::RangingAnomalies),
        any::<u8>().prop_map(RngReqTlv::AasBroadcastCapability),
        bsid().prop_map(RngReqTlv::ServingBsid),
        any::<u8>().prop_map(RngReqTlv::RangingPurpose),
        any::<u8>().prop_map(RngReqTlv::HoId),
        any::<u8>().prop_map(RngReqTlv::PowerDownIndicator),
        any::<[u8; 6]>().prop_map(RngReqTlv::PagingControllerId),
        any::<u16>().prop_map(RngReqTlv::MacHashSkipThreshold),
        any::<u8>().prop_map(RngReqTlv::RequestedDownlinkRepetitionCoding),
        any::<u16>().prop_map(|count| RngReqTlv::CmacKeyCount(CmacKeyCount(count))),
        cmac_tuple().prop_map(RngReqTlv::CmacTuple),
        any::<u8>().prop_map(RngReqTlv::MacVersion),
        unknown_tlv().prop_map(RngReqTlv::Other),
    ];
    (any::<u8>(), vec(tlv, 0..8)).prop_map(|(reserved, tlvs)| RngReq { reserved, tlvs })
}

fn rng_rsp() -> impl Strategy<Value = RngRsp> {
    let adjustments = prop_oneof![
        any::<i32>().prop_map(RngRspTlv::TimingAdjust),
        any::<i8>().prop_map(RngRspTlv::PowerLevelAdjust),
        any::<i32>().prop_map(RngRspTlv::OffsetFrequencyAdjust),
        any::<u8>().prop_map(|status| RngRspTlv::RangingStatus(RangingStatus(status))),
        any::<u32>().prop_map(RngRspTlv::DownlinkFrequencyOverride),
        any::<u8>().prop_map(RngRspTlv::UplinkChannelIdOverride),
        any::<u16>().prop_map(RngRspTlv::DownlinkOperationalBurstProfile),
        any::<u16>().prop_map(RngRspTlv::NextPeriodicRanging),
        any::<u16>().prop_map(RngRspTlv::DownlinkOperationalBurstProfileOfdma),
    ];
    let entry = prop_oneof![
        any::<[u8; 6]>().prop_map(|mac| RngRspTlv::SsMacAddress(MsMac(mac))),
        cid().prop_map(RngRspTlv::BasicCid),
        cid().prop_map(RngRspTlv::PrimaryCid),
        any::<u8>().prop_map(RngRspTlv::ServiceLevelPrediction),
        any::<u8>().prop_map(RngRspTlv::ResourceRetainFlag),
        any::<u16>().prop_map(|bits| RngRspTlv::HoProcessOptimization(HoProcessOptimization(bits))),
        any::<u8>().prop_map(RngRspTlv::HoId),
        any::<u8>().prop_map(RngRspTlv::LocationUpdateResponse),
        any::<u8>().prop_map(RngRspTlv::MacVersion),
    ];
    let security = prop_oneof![
        (any::<u8>(), vec(reg_tlv(), 0..3))
            .prop_map(|(status, tlvs)| RngRspTlv::RegRspEncodings(RegRspEncodings { status, tlvs })),
        any::<[[u8; 8]; 2]>().prop_map(|[bs_random, akid]| {
            RngRspTlv::SaChallengeTuple(SaChallengeTuple { bs_random, akid: AkId(akid) })
        }),
        cmac_tuple().prop_map(RngRspTlv::CmacTuple),
        unknown_tlv().prop_map(RngRspTlv::Other),
    ];
    let tlvs = vec(prop_oneof![adjustments, entry, security], 0..8);
    (any::<u8>(), tlvs).prop_map(|(reserved, tlvs)| RngRsp { reserved, tlvs })
}

fn neighbour(skip: SkipOptionalFields) -> impl Strategy<Value = Neighbour> {
    let kept = move |field| skip.0 & field == 0;
    any::<u8>().prop_flat_map(move |phy| {
        let tlv = (any::<u8>(), vec(any::<u8>(), 1..20)).prop_map(|(kind, value)| Tlv { kind, value });
        (
            present(phy & PhyProfileId::FA_INDEX != 0, any::<u8>()),
            present(phy & PhyProfileId::BS_EIRP != 0, any::<i8>()),
            present(kept(SkipOptionalFields::NEIGHBOUR_BSID), any::<[u8; 3]>()),
            any::<u8>(),
            present(kept(SkipOptionalFields::HO_PROCESS_OPTIMIZATION), any::<u8>()),
            present(kept(SkipOptionalFields::SCHEDULING_SERVICE), any::<u8>()),
            (0..16_u8, 0..16_u8),
            vec(tlv, 0..3),
        )
            .prop_map(
                move |(fa_index, bs_eirp, bsid_low, preamble_index, optimization, service, (dcd, ucd), tlvs)| {
                    Neighbour {
                        phy_profile_id: PhyProfileId(phy),
                        fa_index,
                        bs_eirp,
                        bsid_low,
                        preamble_index,
                        ho_process_optimization: optimization,
                        scheduling_service: service,
                        dcd_change_count: dcd,
                        ucd_change_count: ucd,
                        tlvs,
                    }
                },
            )
    })
}

fn mob_nbr_adv() -> impl Strategy<Value = MobNbrAdv> {
    any::<u8>().prop_map(SkipOptionalFields).prop_flat_map(|skip| {
        (
            present(skip.0 & SkipOptionalFields::OPERATOR_ID == 0, any::<[u8; 3]>()),
            any::<u8>(),
            (0..16_u8, 0..16_u8),
            vec(neighbour(skip), 0..4),
            vec(unknown_tlv(), 0..2),
        )
            .prop_map(move |(operator_id, count, (index, total), neighbours, tlvs)| MobNbrAdv {
                skip_optional_fields: skip,
                operator_id,
                configuration_change_count: count,
                fragmentation_index: index,
                total_fragmentation: total,
                neighbours,
                tlvs,
            })
    })
}

fn measurements(metric: ReportMetric) -> impl Strategy<Value = Measurements> {
    (
        present(metric.cinr(), any::<i8>()),
        present(metric.rssi(), any::<u8>()),
        present(metric.relative_delay(), any::<u8>()),
    )
        .prop_map(|(cinr, rssi, relative_delay)| Measurements { cinr, rssi, relative_delay })
}

fn new_bs(metric: ReportMetric) -> impl Strategy<Value = NewBs> {
    (any::<u8>(), measurements(metric), 0..8_u8, option::of(0..16_u8)).prop_map(
        |(preamble_index, measurements, service_level_prediction, arrival_time_difference)| NewBs {
            preamble_index,
            measurements,
            service_level_prediction,
            arrival_time_difference,
        },
    )
}

fn mob_msho_req() -> impl Strategy<Value = MobMshoReq> {
    any::<u8>().prop_map(ReportMetric).prop_flat_map(|metric| {
        let current = (0..16_u8, measurements(metric), present(metric.round_trip_delay(), any::<u8>())).prop_map(
            |(temp_bsid, measurements, round_trip_delay)| CurrentBs { temp_bsid, measurements, round_trip_delay },
        );
        let tlv =
            prop_oneof![cmac_tuple().prop_map(MobMshoReqTlv::CmacTuple), unknown_tlv().prop_map(MobMshoReqTlv::Other)];
        let lists = (
            vec((any::<u8>(), new_bs(metric)), 0..3),
            vec((bsid(), new_bs(metric)), 0..3),
            vec(current, 0..8),
            vec(tlv, 0..3),
        );
        (any::<u8>(), lists, any::<bool>()).prop_map(move |(count, (indexed, full, current, tlvs), reserved)| {
            MobMshoReq {
                report_metric: metric,
                configuration_change_count: (!indexed.is_empty()).then_some(count),
                indexed,
                full,
                current,
                reserved,
                padding: 0,
                tlvs,
            }
        })
    })
}

fn mob_bsho_rsp() -> impl Strategy<Value = MobBshoRsp> {
    let bs = (bsid(), any::<[u8; 3]>(), any::<bool>(), option::of(any::<u8>()), 0..16_u8, option::of(any::<u8>()))
        .prop_map(|(bsid, [preamble_index, prediction, optimization], network_assisted, ho_id, reserved, policy)| {
            RecommendedBs {
                bsid,
                preamble_index,
                service_level_prediction: prediction,
                ho_process_optimization: optimization,
                network_assisted,
                ho_id,
                reserved,
                ho_authorization_policy: policy,
            }
        });
    let hard =
        (any::<[bool; 2]>(), 0..128_u8, vec(bs, 0..5)).prop_map(|([mandatory, retain], reserved, recommended)| {
            BshoDecision::HardHandover { mandatory, resource_retain: retain, reserved, recommended }
        });
    let tlv = prop_oneof![
        any::<u16>().prop_map(MobBshoRspTlv::ResourceRetainTime),
        vendor().prop_map(MobBshoRspTlv::Vendor),
        cmac_tuple().prop_map(MobBshoRspTlv::CmacTuple),
        unknown_tlv().prop_map(MobBshoRspTlv::Other),
    ];
    let decision = prop_oneof![4 => hard, 1 => Just(BshoDecision::NotRecommended)];
    (0..32_u8, decision, any::<u8>(), vec(tlv, 0..4)).prop_map(|(reserved, decision, action_time, tlvs)| MobBshoRsp {
        reserved,
        decision,
        action_time,
        padding: 0,
        tlvs,
    })
}

fn mob_ho_ind() -> impl Strategy<Value = MobHoInd> {
    let indication = prop_oneof![
        bsid().prop_map(|target| HoIndication::Release { target }),
        Just(HoIndication::Cancel),
        Just(HoIndication::Reject),
        Just(HoIndication::Reserved),
    ];
    let ranging = prop::sample::select(vec![
        RangingParameters::None,
        RangingParameters::Valid,
        RangingParameters::NotValid,
        RangingParameters::Reserved,
    ]);
    let tlv = prop_oneof![cmac_tuple().prop_map(MobHoIndTlv::CmacTuple), unknown_tlv().prop_map(MobHoIndTlv::Other)];
    (0..64_u8, indication, ranging, 0..16_u8, any::<u8>(), vec(tlv, 0..3)).prop_map(
        |(reserved, indication, ranging_parameters, indication_reserved, preamble_index, tlvs)| MobHoInd {
            reserved,
            indication,
            ranging_parameters,
            indication_reserved,
            preamble_index,
            tlvs,
        },
    )
}

fn security_negotiation() -> impl Strategy<Value = SecurityNegotiation> {
    let items = prop_oneof![
        any::<u8>().prop_map(SecurityNegotiationItem::PkmVersion),
        any::<u8>().prop_map(SecurityNegotiationItem::AuthorizationPolicy),
        any::<u8>().prop_map(SecurityNegotiationItem::MacMode),
        any::<u16>().prop_map(SecurityNegotiationItem::PnWindowSize),
        any::<u8>().prop_map(SecurityNegotiationItem::MaxConcurrentTransactions),
        any::<u8>().prop_map(SecurityNegotiationItem::MaxSecurityAssociations),
        unknown_tlv().prop_map(SecurityNegotiationItem::Other),
    ];
    vec(items, 1..4).prop_map(SecurityNegotiation)
}

fn sbc() -> impl Strategy<Value = SbcMessage> {
    let tlv = prop_oneof![
        any::<u8>().prop_map(SbcTlv::BandwidthAllocation),
        any::<u8>().prop_map(SbcTlv::MacPduCapabilities),
        any::<u8>().prop_map(SbcTlv::PkmFlowControl),
        any::<u8>().prop_map(SbcTlv::MaxSecurityAssociations),
        security_negotiation().prop_map(SbcTlv::SecurityNegotiation),
        any::<u8>().prop_map(SbcTlv::ExtensionCapability),
        any::<u8>().prop_map(SbcTlv::HoTriggerMetrics),
        any::<u8>().prop_map(SbcTlv::CurrentTransmitPower),
        unknown_tlv().prop_map(SbcTlv::Other),
    ];
    vec(tlv, 0..6).prop_map(|tlvs| SbcMessage { tlvs })
}

fn pkm() -> impl Strategy<Value = PkmMessage> {
    let text = || vec(any::<u8>(), 1..300);
    let numbers = prop_oneof![
        text().prop_map(PkmAttribute::DisplayString),
        text().prop_map(PkmAttribute::Tek),
        any::<u32>().prop_map(PkmAttribute::KeyLifetime),
        any::<u8>().prop_map(PkmAttribute::KeySequenceNumber),
        any::<u16>().prop_map(|said| PkmAttribute::Said(Said(said))),
        any::<u8>().prop_map(|code| PkmAttribute::ErrorCode(PkmErrorCode(code))),
        any::<[u8; 3]>().prop_map(PkmAttribute::CryptographicSuite),
        text().prop_map(PkmAttribute::EapPayload),
        any::<u8>().prop_map(PkmAttribute::AuthResultCode),
        any::<[u8; 3]>().prop_map(PkmAttribute::FrameNumber),
    ];
    let names = prop_oneof![
        any::<[u8; 8]>().prop_map(PkmAttribute::Nonce),
        any::<[u8; 8]>().prop_map(PkmAttribute::MsRandom),
        any::<[u8; 8]>().prop_map(PkmAttribute::BsRandom),
        any::<[u8; 6]>().prop_map(|mac| PkmAttribute::MsMacAddress(MsMac(mac))),
        any::<[u8; 8]>().prop_map(|akid| PkmAttribute::AkId(AkId(akid))),
        (any::<u32>(), any::<[u8; 8]>()).prop_map(|(pn, value)| PkmAttribute::CmacDigest(CmacDigest { pn, value })),
    ];
    let descriptor = (any::<u16>(), any::<[u8; 2]>(), any::<[u8; 3]>(), vec(unknown_tlv(), 0..2)).prop_map(
        |(said, [sa_type, service_type], suite, other)| SaDescriptor {
            said: Said(said),
            sa_type,
            service_type,
            suite,
            other,
        },
    );
    let compounds = prop_oneof![
        tek_parameters().prop_map(PkmAttribute::TekParameters),
        descriptor.prop_map(PkmAttribute::SaDescriptor),
        security_negotiation().prop_map(PkmAttribute::SecurityNegotiation),
        sa_tek_update().prop_map(PkmAttribute::SaTekUpdate),
        vendor().prop_map(PkmAttribute::Vendor),
        unknown_tlv().prop_map(PkmAttribute::Other),
    ];
    let attributes = vec(prop_oneof![numbers, names, compounds], 0..8);
    (any::<u8>(), any::<u8>(), attributes).prop_map(|(code, identifier, attributes)| PkmMessage {
        code: PkmCode(code),
        identifier,
        attributes,
    })
}

/// Any management message, of every kind alike.
pub fn management_message() -> impl Strategy<Value = ManagementMessage> {
    let other = (100_u8.., vec(any::<u8>(), 0..50))
        .prop_map(|(message_type, body)| ManagementMessage::Other { message_type, body });
    prop_oneof![
        rng_req().prop_map(ManagementMessage::RngReq),
        rng_rsp().prop_map(ManagementMessage::RngRsp),
        vec(reg_tlv(), 0..5).prop_map(|tlvs| ManagementMessage::RegReq(RegReq { tlvs })),
        (any::<u8>(), vec(reg_tlv(), 0..5))
            .prop_map(|(response, tlvs)| ManagementMessage::RegRsp(RegRsp { response, tlvs })),
        sbc().prop_map(ManagementMessage::SbcReq),
        sbc().prop_map(ManagementMessage::SbcRsp),
        mob_nbr_adv().prop_map(ManagementMessage::MobNbrAdv),
        mob_msho_req().prop_map(ManagementMessage::MobMshoReq),
        mob_bsho_rsp().prop_map(ManagementMessage::MobBshoRsp),
        mob_ho_ind().prop_map(ManagementMessage::MobHoInd),
        pkm().prop_map(ManagementMessage::PkmReq),
        pkm().prop_map(ManagementMessage::PkmRsp),
        other,
    ]
}
