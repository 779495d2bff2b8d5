//! REG-REQ, REG-RSP and the REG-RSP encodings of RNG-RSP, SBC-REQ and SBC-RSP (`dot16-wire.md` 3.6).

use keyhop::dot16::wire::{RegReq, RegTlv, SbcMessage, SbcTlv};

use super::common::{Common, cmac_tuple, common_run};
use super::expectation::Form::{Decimal, Hex};
use super::expectation::{Expectation, float, octets};
use super::pkm;

fn common(tlv: &RegTlv) -> Common<'_> {
    match tlv {
        RegTlv::CmacTuple(tuple) => Common::CmacTuple(tuple),
        RegTlv::Vendor(vendor) => Common::Vendor(vendor),
        other => Common::Other(other.kind()),
    }
}

pub fn reg_req(fields: &mut Expectation, request: &RegReq) {
    const UNKNOWN: &str = "wmx.reg.unknown_tlv_type";
    // The previous IP address has 4 or 16 octets.
    let passed_over =
        |tlv: &RegTlv| matches!(tlv, RegTlv::Other(tlv) if tlv.kind == 33 && ![4, 16].contains(&tlv.value.len()));
    if request.tlvs.iter().all(passed_over) {
        fields.maybe("message-without-tlvs", "wmx.reg_req");
    }
    for tlv in &request.tlvs {
        if passed_over(tlv) {
            fields.absent("passed-over", "wmx.tlv_type");
            continue;
        }
        fields.tlv(&tlv.octets().unwrap(), |fields, value| match tlv {
            RegTlv::Vendor(_) => fields.shown("shown-as-octets", UNKNOWN, "vendor-specific information", octets(value)),
            RegTlv::ResourceRetainTime(time) => fields.shown("shown-as-octets", UNKNOWN, time, octets(value)),
            RegTlv::HoIndicationReadinessTimer(timer) => {
                fields.is("wmx.reg.handover_indication_readiness_timer", timer);
            }
            other => reg_tlv(fields, other, value, UNKNOWN),
        });
    }
}

/// What follows the type octet of REG-RSP, and the value of the REG-RSP encodings.
pub fn reg_rsp(fields: &mut Expectation, response: u8, tlvs: &[RegTlv]) {
    const UNKNOWN: &str = "wmx.reg_rsp.unknown_tlv_type";
    fields.hex("wmx.reg_rsp.response", response, 2);
    for (position, tlv) in tlvs.iter().enumerate() {
        if matches!(tlv.kind(), 143 | 144 | Common::MAC_VERSION) {
            // The common decoder reads on behind this TLV, and the decoder of REG-RSP reads on behind it once more.
            let run: Vec<_> = tlvs[position..].iter().map(|tlv| (common(tlv), tlv.octets().unwrap())).collect();
            common_run(fields, &run);
            continue;
        }
        fields.tlv(&tlv.octets().unwrap(), |fields, value| match tlv {
            RegTlv::ResourceRetainTime(time) => fields.is("wmx.reg_rsp.system_resource_retain_time", time),
            RegTlv::HoIndicationReadinessTimer(timer) => {
                fields.shown("shown-as-octets", UNKNOWN, timer, octets(value));
            }
            other => reg_tlv(fields, other, value, UNKNOWN),
        });
    }
}

fn reg_tlv(fields: &mut Expectation, tlv: &RegTlv, value: &[u8], unknown: &'static str) {
    match tlv {
        RegTlv::UplinkTransportCids(count) => fields.is("wmx.reg.ul_cids_supported", count),
        RegTlv::HandoverSupport(support) => {
            fields.is("wmx.reg.handover_supported", support);
            let flags = [
                ("wmx.reg.fbss_mdho_ho_disable", 0x01),
                ("wmx.reg.fbss_mdho_dl_rf_combining", 0x02),
                ("wmx.reg.mdho_dl_monitor_single_map", 0x04),
                ("wmx.reg.mdho_dl_monitor_maps", 0x08),
                ("wmx.reg.mdh_ul_multiple", 0x10),
            ];
            fields.flags(*support, &flags);
            fields.parts(*support, 2, &[("wmx.reg.handover_reserved", 0xe0, Decimal)]);
        }
        RegTlv::HoOptimizationTimer(timer) => fields.is("wmx.reg.ho_process_opt_ms_timer", timer),
        RegTlv::MobilityFeatures(features) => {
            fields.is("wmx.reg.mobility_features_supported", features);
            let flags = [
                ("wmx.reg.mobility_handover", 0x01),
                ("wmx.reg.mobility_sleep_mode", 0x02),
                ("wmx.reg.mobility_idle_mode", 0x04),
            ];
            fields.flags(*features, &flags);
        }
        RegTlv::SaTekUpdate(_) => fields.shown("shown-as-octets", unknown, "an SA-TEK-Update", octets(value)),
        RegTlv::HoConnectionProcessingTime(time) => fields.is("wmx.reg.ho_connections_param_processing_time", time),
        RegTlv::HoTekProcessingTime(time) => fields.is("wmx.reg.ho_tek_processing_time", time),
        RegTlv::CmacTuple(tuple) => cmac_tuple(fields, tuple),
        RegTlv::Other(_) => fields.rest_of("tlv-not-read", value),
        RegTlv::Vendor(_) | RegTlv::ResourceRetainTime(_) | RegTlv::HoIndicationReadinessTimer(_) => {
            unreachable!("differs between REG-REQ and REG-RSP")
        }
    }
}

pub fn sbc(fields: &mut Expectation, message: &SbcMessage) {
    if message.tlvs.iter().all(|tlv| tlv.kind() == PASSED_OVER_IN_SBC) {
        fields.maybe("message-without-tlvs", "wmx.sbc");
    }
    for tlv in &message.tlvs {
        match tlv.kind() {
            PASSED_OVER_IN_SBC => {
                fields.absent("passed-over", "wmx.tlv_type");
                continue;
            }
            0 => {
                fields.rest("tlv-0-of-sbc");
                return;
            }
            _ => {}
        }
        fields.tlv(&tlv.octets().unwrap(), |fields, value| sbc_tlv(fields, tlv, value));
    }
}

/// Type of a TLV for which the decoder has a place and no field.
const PASSED_OVER_IN_SBC: u8 = 204;

fn sbc_tlv(fields: &mut Expectation, tlv: &SbcTlv, value: &[u8]) {
    match tlv {
        SbcTlv::BandwidthAllocation(support) => {
            fields.hex("wmx.sbc.bw_alloc_support", support, 2);
            fields.parts(*support, 2, &[("wmx.sbc.bw_alloc_support.rsvd0", 0x01, Hex)]);
            fields.flags(*support, &[("wmx.sbc.bw_alloc_support.duplex", 0x02)]);
            fields.parts(*support, 2, &[("wmx.sbc.bw_alloc_support.rsvd1", 0xfc, Hex)]);
        }
        SbcTlv::MacPduCapabilities(capabilities) => {
            fields.hex("wmx.sbc.mac_pdu", capabilities, 2);
            fields.flags(*capabilities, &[("wmx.sbc.mac_pdu.bit0", 0x01), ("wmx.sbc.mac_pdu.bit1", 0x02)]);
            fields.parts(*capabilities, 2, &[("wmx.sbc.mac_pdu.rsvd", 0xfc, Hex)]);
        }
        SbcTlv::PkmFlowControl(transactions) => fields.is("wmx.sbc.pkm_flow_control", transactions),
        SbcTlv::MaxSecurityAssociations(most) => fields.is("wmx.sbc.max_security_associations", most),
        SbcTlv::SecurityNegotiation(parameters) => pkm::security_negotiation(fields, parameters),
        SbcTlv::ExtensionCapability(capability) => {
            fields.hex("wmx.sbc.extension_capability", capability, 2);
            fields.flags(*capability, &[("wmx.sbc.extension_capability.bit0", 0x01)]);
            fields.parts(*capability, 2, &[("wmx.sbc.extension_capability.reserved", 0xfe, Hex)]);
        }
        SbcTlv::HoTriggerMetrics(metrics) => {
            fields.hex("wmx.sbc.ho_trigger_metric_support", metrics, 2);
            let flags = [
                ("wmx.sbc.ho_trigger_metric_support.bit0", 0x01),
                ("wmx.sbc.ho_trigger_metric_support.bit1", 0x02),
                ("wmx.sbc.ho_trigger_metric_support.bit2", 0x04),
                ("wmx.sbc.ho_trigger_metric_support.bit3", 0x08),
            ];
            fields.flags(*metrics, &flags);
            fields.parts(*metrics, 2, &[("wmx.sbc.ho_trigger_metric_support.reserved", 0xf0, Hex)]);
        }
        SbcTlv::CurrentTransmitPower(power) => {
            fields.hex("wmx.sbc.curr_transmit_power", power, 2);
            let dbm = f64::from(*power) / 2.0 - 64.0;
            fields.is("wmx.sbc.current_transmitted_power", float(dbm));
        }
        SbcTlv::Other(_) => fields.rest_of("tlv-not-read", value),
    }
}
