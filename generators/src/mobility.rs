//! MOB_NBR-ADV, MOB_MSHO-REQ, MOB_BSHO-RSP and MOB_HO-IND (`dot16-wire.md` 3.3 to 3.6).

use keyhop::dot16::wire::{
    BshoDecision, CurrentBs, HoIndication, Measurements, MobBshoRsp, MobBshoRspTlv, MobHoInd, MobHoIndTlv, MobMshoReq,
    MobMshoReqTlv, MobNbrAdv, Neighbour, NewBs, PhyProfileId, RangingParameters, RecommendedBs, ReportMetric,
    SkipOptionalFields,
};
use proptest::prelude::*;

use crate::choice::{flags, maybe, present, select};
use crate::list::list;
use crate::octets::{array, bits, flag, number};
use crate::one_of;
use crate::tlv::{any_tlv, bsid, cmac_tuple, unknown_tlv, vendor};

/// A neighbour with every optional field; those that are not to be there are taken away when the flags are known.
fn neighbour() -> BoxedStrategy<Neighbour> {
    let fields = (number(), number(), array(), number(), number(), number());
    (number(), fields, (bits(4), bits(4)), list(any_tlv(), 0..3))
        .prop_map(|(phy, (fa_index, bs_eirp, bsid_low, preamble_index, optimization, service), (dcd, ucd), tlvs)| {
            Neighbour {
                phy_profile_id: PhyProfileId(phy),
                fa_index: present(phy & PhyProfileId::FA_INDEX != 0, fa_index),
                bs_eirp: present(phy & PhyProfileId::BS_EIRP != 0, bs_eirp),
                bsid_low: Some(bsid_low),
                preamble_index,
                ho_process_optimization: Some(optimization),
                scheduling_service: Some(service),
                dcd_change_count: dcd,
                ucd_change_count: ucd,
                tlvs,
            }
        })
        .boxed()
}

/// A MOB_NBR-ADV of up to three neighbours.
pub fn mob_nbr_adv() -> BoxedStrategy<MobNbrAdv> {
    let lists = (list(neighbour(), 0..4), list(unknown_tlv(), 0..2));
    (number(), array(), number(), (bits(4), bits(4)), lists)
        .prop_map(|(skip, operator_id, count, (index, total), (mut neighbours, tlvs))| {
            let kept = |field| skip & field == 0;
            for neighbour in &mut neighbours {
                neighbour.bsid_low = neighbour.bsid_low.filter(|_| kept(SkipOptionalFields::NEIGHBOUR_BSID));
                neighbour.ho_process_optimization =
                    neighbour.ho_process_optimization.filter(|_| kept(SkipOptionalFields::HO_PROCESS_OPTIMIZATION));
                neighbour.scheduling_service =
                    neighbour.scheduling_service.filter(|_| kept(SkipOptionalFields::SCHEDULING_SERVICE));
            }
            MobNbrAdv {
                skip_optional_fields: SkipOptionalFields(skip),
                operator_id: present(kept(SkipOptionalFields::OPERATOR_ID), operator_id),
                configuration_change_count: count,
                fragmentation_index: index,
                total_fragmentation: total,
                neighbours,
                tlvs,
            }
        })
        .boxed()
}

/// The measurements that `metric` announces, of all that could be.
fn announced((cinr, rssi, relative_delay): (i8, u8, u8), metric: ReportMetric) -> Measurements {
    Measurements {
        cinr: present(metric.cinr(), cinr),
        rssi: present(metric.rssi(), rssi),
        relative_delay: present(metric.relative_delay(), relative_delay),
    }
}

type AllMeasurements = (i8, u8, u8);

fn all_measurements() -> impl Strategy<Value = AllMeasurements> {
    (number(), number(), number())
}

/// What MOB_MSHO-REQ says of a BS, before it is known which measurements are announced.
fn new_bs() -> BoxedStrategy<(u8, AllMeasurements, u8, Option<u8>)> {
    (number(), all_measurements(), bits(3), maybe(bits(4))).boxed()
}

/// A MOB_MSHO-REQ of up to two BSs by index, two by BSID and seven current ones.
pub fn mob_msho_req() -> BoxedStrategy<MobMshoReq> {
    let current = (bits(4), all_measurements(), number::<u8>());
    let tlv = one_of![cmac_tuple().prop_map(MobMshoReqTlv::CmacTuple), unknown_tlv().prop_map(MobMshoReqTlv::Other)];
    let lists =
        (list((number::<u8>(), new_bs()), 0..3), list((bsid(), new_bs()), 0..3), list(current, 0..8), list(tlv, 0..3));
    (number(), number(), lists, flag())
        .prop_map(|(metric, count, (indexed, full, current, tlvs), reserved)| {
            let metric = ReportMetric(metric);
            let new_bs = |(preamble_index, measurements, service_level_prediction, arrival_time_difference)| NewBs {
                preamble_index,
                measurements: announced(measurements, metric),
                service_level_prediction,
                arrival_time_difference,
            };
            let current = current.into_iter().map(|(temp_bsid, measurements, delay)| CurrentBs {
                temp_bsid,
                measurements: announced(measurements, metric),
                round_trip_delay: present(metric.round_trip_delay(), delay),
            });
            MobMshoReq {
                report_metric: metric,
                configuration_change_count: (!indexed.is_empty()).then_some(count),
                indexed: indexed.into_iter().map(|(index, bs)| (index, new_bs(bs))).collect(),
                full: full.into_iter().map(|(bsid, bs)| (bsid, new_bs(bs))).collect(),
                current: current.collect(),
                reserved,
                padding: 0,
                tlvs,
            }
        })
        .boxed()
}

fn recommended_bs() -> BoxedStrategy<RecommendedBs> {
    (bsid(), array(), flag(), maybe(number()), bits(4), maybe(number()))
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
        })
        .boxed()
}

/// A MOB_BSHO-RSP that recommends up to four BSs, or none.
pub fn mob_bsho_rsp() -> BoxedStrategy<MobBshoRsp> {
    let hard = (flags(), bits(7), list(recommended_bs(), 0..5)).prop_map(
        |([mandatory, resource_retain], reserved, recommended)| BshoDecision::HardHandover {
            mandatory,
            resource_retain,
            reserved,
            recommended,
        },
    );
    let tlv = one_of![
        number().prop_map(MobBshoRspTlv::ResourceRetainTime),
        vendor().prop_map(MobBshoRspTlv::Vendor),
        cmac_tuple().prop_map(MobBshoRspTlv::CmacTuple),
        unknown_tlv().prop_map(MobBshoRspTlv::Other),
    ];
    let decision = one_of![4 => hard, 1 => Just(BshoDecision::NotRecommended)];
    (bits(5), decision, number(), list(tlv, 0..4))
        .prop_map(|(reserved, decision, action_time, tlvs)| MobBshoRsp {
            reserved,
            decision,
            action_time,
            padding: 0,
            tlvs,
        })
        .boxed()
}

/// A MOB_HO-IND of any kind.
pub fn mob_ho_ind() -> BoxedStrategy<MobHoInd> {
    let indication = one_of![
        bsid().prop_map(|target| HoIndication::Release { target }),
        Just(HoIndication::Cancel),
        Just(HoIndication::Reject),
        Just(HoIndication::Reserved),
    ];
    let ranging = select([
        RangingParameters::None,
        RangingParameters::Valid,
        RangingParameters::NotValid,
        RangingParameters::Reserved,
    ]);
    let tlv = one_of![cmac_tuple().prop_map(MobHoIndTlv::CmacTuple), unknown_tlv().prop_map(MobHoIndTlv::Other)];
    (bits(6), indication, ranging, bits(4), number(), list(tlv, 0..3))
        .prop_map(|(reserved, indication, ranging_parameters, indication_reserved, preamble_index, tlvs)| MobHoInd {
            reserved,
            indication,
            ranging_parameters,
            indication_reserved,
            preamble_index,
            tlvs: tlvs.into(),
        })
        .boxed()
}
