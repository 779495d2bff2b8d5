//! Management messages: which decoder reads them, and RNG-REQ and RNG-RSP (`dot16-wire.md` 3).

use keyhop::dot16::wire::{
    HoProcessOptimization, ManagementMessage, RegReq, RngReq, RngReqTlv, RngRsp, RngRspTlv, SbcMessage,
};

use super::common::{Common, common_run};
use super::expectation::Form::{Decimal, Hex};
use super::expectation::{Expectation, float, octets};
use super::{pkm, registration};

/// Message types that may have no field at all, and the layer that Wireshark then shows as a line of text.
const LAYERS_WITHOUT_FIELDS: [(&[u8], &str); 2] =
    [(&[RegReq::TYPE], "wmx.reg_req"), (&[SbcMessage::REQ, SbcMessage::RSP], "wmx.sbc")];

/// A message: the body of a PDU on a management connection.
pub fn message(fields: &mut Expectation, message: &[u8]) {
    let Some((kind, _)) = message.split_first() else { return };
    fields.is("wmx.macmgtmsgtype", kind);
    if message.len() == 1 {
        fields.octets("wmx.values", message);
        if let Some(name) = LAYERS_WITHOUT_FIELDS.iter().find_map(|(types, name)| types.contains(kind).then_some(*name))
        {
            fields.listed("message-without-tlvs", name);
        }
        return;
    }
    match ManagementMessage::parse(message) {
        Ok(ManagementMessage::RngReq(request)) => rng_req(fields, &request),
        Ok(ManagementMessage::RngRsp(response)) => rng_rsp(fields, &response),
        Ok(ManagementMessage::RegReq(request)) => registration::reg_req(fields, &request),
        Ok(ManagementMessage::RegRsp(response)) => registration::reg_rsp(fields, response.response, &response.tlvs),
        Ok(ManagementMessage::SbcReq(sbc) | ManagementMessage::SbcRsp(sbc)) => registration::sbc(fields, &sbc),
        Ok(ManagementMessage::PkmReq(pkm) | ManagementMessage::PkmRsp(pkm)) => pkm::message(fields, &pkm),
        Ok(_) if is_raw(*kind) => fields.octets("wmx.values", message),
        Ok(_) => fields.rest("message-not-read"),
        Err(_) => fields.rest("message-refused"),
    }
}

/// Whether Wireshark shows messages of this type as octets (`dot16-wire.md` 3.1).
fn is_raw(kind: u8) -> bool {
    matches!(kind, 8 | 19..=24 | 29 | 31..=35 | 39..=45 | 49..=64 | 66..)
}

fn rng_req(fields: &mut Expectation, request: &RngReq) {
    fields.is("wmx.rng_req.reserved", request.reserved);
    let mut tlvs = request.tlvs.iter();
    while let Some(tlv) = tlvs.clone().next() {
        if tlv.kind() == Common::MAC_VERSION {
            let run: Vec<_> = tlvs.as_slice().iter().map(|tlv| (rng_req_common(tlv), tlv.octets().unwrap())).collect();
            let read = common_run(fields, &run);
            tlvs.by_ref().take(read).for_each(drop);
        } else {
            rng_req_tlv(fields, tlv);
            tlvs.next();
        }
    }
}

fn rng_req_common(tlv: &RngReqTlv) -> Common<'_> {
    match tlv {
        RngReqTlv::MacVersion(version) => Common::MacVersion(*version),
        RngReqTlv::CmacTuple(tuple) => Common::CmacTuple(tuple),
        other => Common::Other(other.kind()),
    }
}

fn rng_req_tlv(fields: &mut Expectation, tlv: &RngReqTlv) {
    const UNKNOWN: &str = "wmx.rng_req.unknown_tlv_type";
    fields.tlv(&tlv.octets().unwrap(), |fields, value| match tlv {
        RngReqTlv::RequestedDownlinkBurstProfile(profile) => {
            fields.hex("wmx.rng_req.dl_burst_profile", profile, 2);
            let parts = [
                ("wmx.rng_req.dl_burst_profile.diuc", 0x0f, Decimal),
                ("wmx.rng_req.dl_burst_profile.ccc", 0xf0, Decimal),
            ];
            fields.parts(*profile, 2, &parts);
        }
        RngReqTlv::SsMacAddress(mac) => fields.is("wmx.rng_req.ss_mac_address", mac),
        RngReqTlv::RangingAnomalies(anomalies) => {
            fields.is("wmx.rng_req.anomalies", anomalies);
            let flags = [
                ("wmx.rng_req.anomalies.max_power", 4),
                ("wmx.rng_req.anomalies.min_power", 2),
                ("wmx.rng_req.anomalies.timing_adj", 1),
            ];
            fields.flags(*anomalies, &flags);
        }
        RngReqTlv::AasBroadcastCapability(octet) => {
            fields.shown("truth-of-an-octet", "wmx.rng_req.aas_broadcast", octet, u8::from(*octet != 0));
        }
        RngReqTlv::ServingBsid(bsid) => fields.is("wmx.rng_req.serving_bs_id", bsid),
        RngReqTlv::RangingPurpose(purpose) => {
            fields.hex("wmx.rng_req.ranging_purpose.indication", purpose, 2);
            let parts = [
                ("wmx.rng_req.ranging_purpose.ho_indication", u64::from(RngReq::PURPOSE_HANDOVER), Decimal),
                ("wmx.rng_req.ranging_purpose.loc_update_req", u64::from(RngReq::PURPOSE_LOCATION_UPDATE), Decimal),
                ("wmx.rng_req.ranging_purpose.reserved", 0xfc, Decimal),
            ];
            fields.parts(*purpose, 2, &parts);
        }
        RngReqTlv::HoId(id) => fields.is("wmx.rng_req.ho_id", id),
        RngReqTlv::PowerDownIndicator(octet) => fields.is("wmx.rng_req.power_down_indicator", octet),
        RngReqTlv::PagingControllerId(id) => fields.octets(UNKNOWN, id),
        RngReqTlv::MacHashSkipThreshold(threshold) => {
            fields.shown("shown-as-octets", UNKNOWN, threshold, octets(value));
        }
        RngReqTlv::RequestedDownlinkRepetitionCoding(coding) => {
            fields.hex("wmx.rng_req.requested_rep_coding_level", coding, 2);
            let parts =
                [("wmx.rng_req.repetition_coding_level", 0x03, Decimal), ("wmx.rng_req.reserved", 0xfc, Decimal)];
            fields.parts(*coding, 2, &parts);
        }
        RngReqTlv::CmacKeyCount(count) => fields.shown("shown-as-octets", UNKNOWN, count.0, octets(value)),
        // Not right behind the MAC version.
        RngReqTlv::CmacTuple(_) => fields.shown("shown-as-octets", UNKNOWN, "a CMAC tuple", octets(value)),
        RngReqTlv::MacVersion(_) => unreachable!("begins a run of common TLVs"),
        RngReqTlv::Other(_) => fields.rest_of("tlv-not-read", value),
    });
}

/// The bits of HO process optimization that keyhop names, and the rest.
fn ho_process_optimization(fields: &mut Expectation, bits: HoProcessOptimization) {
    let all = bits.0;
    fields.hex("wmx.rng_rsp.ho_process_optimization", all, 4);
    let named = |bit: HoProcessOptimization| u64::from(bit.0);
    macro_rules! part {
        ($name:literal, $mask:expr) => {
            (concat!("wmx.rng_rsp.ho_process_optimization.", $name), $mask, Hex)
        };
    }
    let parts = [
        part!("omit_sbc_req", named(HoProcessOptimization::OMIT_SBC_REQ)),
        part!("perform_reauthentication", 0b110),
        part!("omit_network_address", named(HoProcessOptimization::OMIT_ADDRESS_ACQUISITION)),
        part!("omit_time_of_day", named(HoProcessOptimization::OMIT_TIME_OF_DAY)),
        part!("omit_tftp", named(HoProcessOptimization::OMIT_TFTP)),
        part!("transfer_or_sharing", named(HoProcessOptimization::STATE_KEPT)),
        part!("omit_reg_req", named(HoProcessOptimization::OMIT_REG_REQ)),
        part!("unsolicited_sbc_rsp", 1 << 8),
        part!("post_ho_reentry", named(HoProcessOptimization::DOWNLINK_DATA_PENDING)),
        part!("unsolicited_reg_rsp", 1 << 10),
        part!("virtual_sdu_sn", 1 << 11),
        part!("send_notification", named(HoProcessOptimization::NOTIFY_RE_ENTRY)),
        part!("trigger_higher_layer_protocol", 1 << 13),
        part!("reserved", 1 << 14),
        part!("reserved", 1 << 15),
    ];
    fields.parts(all, 4, &parts);
}

fn rng_rsp(fields: &mut Expectation, response: &RngRsp) {
    fields.is("wmx.rng_rsp.reserved", response.reserved);
    // Octets from the reserved octet, which the decoder counts from, to the TLV.
    let mut at = 1;
    for tlv in &response.tlvs {
        let octets = tlv.octets().unwrap();
        rng_rsp_tlv(fields, tlv, &octets, at);
        at += octets.len();
    }
}

fn rng_rsp_tlv(fields: &mut Expectation, tlv: &RngRspTlv, whole: &[u8], at: usize) {
    const UNKNOWN: &str = "wmx.rng_rsp.unknown_tlv_type";
    fields.tlv(whole, |fields, value| match tlv {
        RngRspTlv::TimingAdjust(adjust) => {
            let (ours, shown) = (f64::from(*adjust) / 4.0, f64::from(adjust.cast_unsigned()) / 4.0);
            fields.shown("negative-adjustment", "wmx.rng_rsp.timing_adjust", float(ours), float(shown));
        }
        RngRspTlv::PowerLevelAdjust(adjust) => {
            let (ours, shown) = (f64::from(*adjust) / 4.0, f64::from(adjust.cast_unsigned()) / 4.0);
            fields.shown("negative-adjustment", "wmx.rng_rsp.power_level_adjust", float(ours), float(shown));
        }
        RngRspTlv::OffsetFrequencyAdjust(adjust) => fields.is("wmx.rng_rsp.offset_freq_adjust", adjust),
        RngRspTlv::RangingStatus(status) => fields.is("wmx.rng_rsp.ranging_status", status.0),
        RngRspTlv::DownlinkFrequencyOverride(frequency) => fields.is("wmx.rng_rsp.dl_freq_override", frequency),
        RngRspTlv::UplinkChannelIdOverride(channel) => fields.is("wmx.rng_rsp.ul_chan_id_override", channel),
        RngRspTlv::DownlinkOperationalBurstProfile(profile) => {
            fields.hex("wmx.rng_rsp.dl_op_burst_profile", profile, 4);
            let parts = [
                ("wmx.rng_rsp.dl_op_burst_prof.diuc", 0xff00, Decimal),
                ("wmx.rng_rsp.dl_op_burst_prof.ccc", 0x00ff, Decimal),
            ];
            fields.parts(*profile, 4, &parts);
        }
        RngRspTlv::SsMacAddress(mac) => fields.is("wmx.rng_rsp.ss_mac_address", mac),
        RngRspTlv::BasicCid(cid) => fields.is("wmx.rng_rsp.basic_cid", cid.0),
        RngRspTlv::PrimaryCid(cid) => fields.is("wmx.rng_rsp.primary_mgmt_cid", cid.0),
        RngRspTlv::ServiceLevelPrediction(level) => fields.is("wmx.rng_rsp.service_level_prediction", level),
        RngRspTlv::ResourceRetainFlag(flag) => {
            fields.shown("truth-of-an-octet", "wmx.rng_rsp.resource_retain_flag", flag, u8::from(*flag != 0));
        }
        RngRspTlv::HoProcessOptimization(bits) => ho_process_optimization(fields, *bits),
        RngRspTlv::HoId(id) => fields.hex("wmx.rng_rsp.ho_id", id, 2),
        RngRspTlv::LocationUpdateResponse(response) => fields.is("wmx.rng_rsp.location_update_response", response),
        RngRspTlv::NextPeriodicRanging(frames) => fields.shown("shown-as-octets", UNKNOWN, frames, octets(value)),
        RngRspTlv::RegRspEncodings(encodings) => registration::reg_rsp(fields, encodings.status, &encodings.tlvs),
        RngRspTlv::SaChallengeTuple(tuple) => {
            let parts = [(1, &tuple.bs_random, "wmx.rng_rsp.bs_random"), (2, &tuple.akid.0, "wmx.rng_rsp.akid")];
            // The decoder compares an offset in the message with the length of the value.
            let mut offset = at + 2;
            for (kind, octets, name) in parts {
                if offset >= value.len() {
                    fields.absent("challenge-behind-its-length", name);
                    break;
                }
                let sub = [&[kind, 8], octets.as_slice()].concat();
                fields.tlv(&sub, |fields, value| fields.octets(name, value));
                offset += sub.len();
            }
        }
        RngRspTlv::DownlinkOperationalBurstProfileOfdma(profile) => {
            fields.hex("wmx.rng_rsp.dl_op_burst_profile_ofdma", profile, 4);
            let parts = [
                ("wmx.rng_rsp.least_robust_diuc", 0x000f, Hex),
                ("wmx.rng_rsp.repetition_coding_indication", 0x00f0, Hex),
                ("wmx.rng_rsp.config_change_count_of_dcd", 0xff00, Hex),
            ];
            fields.parts(*profile, 4, &parts);
        }
        RngRspTlv::CmacTuple(_) => fields.shown("shown-as-octets", UNKNOWN, "a CMAC tuple", octets(value)),
        RngRspTlv::MacVersion(version) => fields.shown("shown-as-octets", UNKNOWN, version, octets(value)),
        RngRspTlv::Other(tlv) => match <[u8; 4]>::try_from(value) {
            Ok(attributes) if tlv.kind == RANGING_CODE_ATTRIBUTES => ranging_code(fields, attributes),
            _ => fields.rest_of("tlv-not-read", value),
        },
    });
}

/// TLV of RNG-RSP that says which ranging code is answered: `keyhop::dot16::wire::cdma_code`.
const RANGING_CODE_ATTRIBUTES: u8 = 150;

/// `symbol:10 | subchannel:6 | code:8 | frame:8`.
fn ranging_code(fields: &mut Expectation, attributes: [u8; 4]) {
    let word = u32::from_be_bytes(attributes);
    fields.hex("wmx.rng_rsp.ranging_subchannel", word, 8);
    let parts = [
        ("wmx.rng_rsp.time_symbol_reference", 0xffc0_0000, Decimal),
        ("wmx.rng_rsp.subchannel_reference", 0x003f_0000, Decimal),
        ("wmx.rng_rsp.ranging_code_index", 0x0000_ff00, Decimal),
        ("wmx.rng_rsp.eight_bit_frame_num", 0x0000_00ff, Decimal),
    ];
    fields.parts(word, 8, &parts);
}
