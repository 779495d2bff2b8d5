//! The fields of the messages of a handover.

use keyhop::dot16::wire::{
    BshoDecision, HoIndication, HoProcessOptimization, Measurements, MobBshoRsp, MobBshoRspTlv, MobHoInd, MobHoIndTlv,
    MobMshoReq, MobMshoReqTlv, MobNbrAdv, NewBs, RangingParameters, RecommendedBs, Tlv,
};

use super::Expected;

impl Expected {
    pub(super) fn mob_nbr_adv(&mut self, message: &MobNbrAdv) {
        self.hex("nbr_adv.skip", 2, message.skip_optional_fields.0);
        self.octets("nbr_adv.operator_id", &message.operator_id.map_or(Vec::new(), |id| id.to_vec()));
        self.add("change_count", message.configuration_change_count);
        self.add("nbr_adv.fragmentation_index", message.fragmentation_index);
        self.add("nbr_adv.total_fragmentation", message.total_fragmentation);
        self.add("nbr_adv.n_neighbours", message.neighbours.len());
        for neighbour in &message.neighbours {
            let tlvs = Tlv::octets_of_all(&neighbour.tlvs).unwrap().len();
            let optional = usize::from(neighbour.fa_index.is_some())
                + usize::from(neighbour.bs_eirp.is_some())
                + 3 * usize::from(neighbour.bsid_low.is_some())
                + usize::from(neighbour.ho_process_optimization.is_some())
                + usize::from(neighbour.scheduling_service.is_some());
            self.add("neighbour.length", 3 + optional + tlvs);
            self.hex("neighbour.phy_profile", 2, neighbour.phy_profile_id.0);
            self.maybe("neighbour.fa_index", neighbour.fa_index);
            self.maybe("neighbour.bs_eirp", neighbour.bs_eirp);
            self.octets("neighbour.bsid_low", &neighbour.bsid_low.map_or(Vec::new(), |low| low.to_vec()));
            self.maybe("neighbour.bsid", message.operator_id.and_then(|operator| neighbour.bsid(operator)));
            self.add("neighbour.preamble", neighbour.preamble_index);
            if let Some(optimization) = neighbour.ho_process_optimization {
                self.optimization(HoProcessOptimization::from_low_octet(optimization), 1);
            }
            if let Some(scheduling) = neighbour.scheduling_service {
                self.hex("neighbour.scheduling", 2, scheduling);
            }
            self.add("neighbour.dcd_change_count", neighbour.dcd_change_count);
            self.add("neighbour.ucd_change_count", neighbour.ucd_change_count);
            self.inner_others(&neighbour.tlvs);
        }
        self.inner_others(&message.tlvs);
    }

    pub(super) fn measurements(&mut self, of: &str, measured: &Measurements) {
        self.maybe(&format!("{of}.cinr"), measured.cinr);
        self.maybe(&format!("{of}.rssi"), measured.rssi);
        self.maybe(&format!("{of}.relative_delay"), measured.relative_delay);
    }

    pub(super) fn new_bs(&mut self, bs: &NewBs) {
        self.add("candidate.preamble", bs.preamble_index);
        self.measurements("candidate", &bs.measurements);
        self.add("candidate.service_level", bs.service_level_prediction);
        self.flag("candidate.arrival_difference_included", bs.arrival_time_difference.is_some());
        self.maybe("candidate.arrival_difference", bs.arrival_time_difference);
    }

    pub(super) fn mob_msho_req(&mut self, request: &MobMshoReq) {
        let metric = request.report_metric;
        self.hex("report_metric", 2, metric.0);
        self.flag("report_metric.cinr", metric.cinr());
        self.flag("report_metric.rssi", metric.rssi());
        self.flag("report_metric.relative_delay", metric.relative_delay());
        self.flag("report_metric.rtd", metric.round_trip_delay());
        self.add("n_new_bs_index", request.indexed.len());
        self.maybe("change_count", request.configuration_change_count);
        for (index, bs) in &request.indexed {
            self.add("candidate.index", index);
            self.new_bs(bs);
        }
        self.add("n_new_bs_full", request.full.len());
        for (bsid, bs) in &request.full {
            self.add("candidate.bsid", bsid);
            self.new_bs(bs);
        }
        self.add("n_current_bss", request.current.len());
        self.hex("reserved", 2, u8::from(request.reserved));
        for bs in &request.current {
            self.add("current.temp_bsid", bs.temp_bsid);
            self.measurements("current", &bs.measurements);
            self.maybe("current.rtd", bs.round_trip_delay);
        }
        for tlv in &request.tlvs {
            self.tlv(tlv.octets());
            match tlv {
                MobMshoReqTlv::CmacTuple(tuple) => self.cmac_tuple(tuple),
                MobMshoReqTlv::Other(tlv) => self.other(tlv),
            }
        }
    }

    pub(super) fn recommended(&mut self, bs: &RecommendedBs) {
        self.add("candidate.bsid", bs.bsid);
        self.add("candidate.preamble", bs.preamble_index);
        self.add("candidate.service_level", bs.service_level_prediction);
        self.optimization(bs.optimization(), 1);
        self.flag("candidate.network_assisted", bs.network_assisted);
        self.flag("candidate.ho_id_included", bs.ho_id.is_some());
        self.maybe("candidate.ho_id", bs.ho_id);
        self.flag("candidate.policy_included", bs.ho_authorization_policy.is_some());
        self.hex("reserved", 2, bs.reserved);
        if let Some(policy) = bs.ho_authorization_policy {
            self.hex("candidate.policy", 2, policy);
        }
    }

    pub(super) fn mob_bsho_rsp(&mut self, response: &MobBshoRsp) {
        self.add("ho_mode", if matches!(response.decision, BshoDecision::HardHandover { .. }) { 0 } else { 7 });
        self.hex("reserved", 2, response.reserved);
        if let BshoDecision::HardHandover { mandatory, resource_retain, reserved, recommended } = &response.decision {
            self.flag("ho_mandatory", *mandatory);
            self.add("n_recommended", recommended.len());
            self.flag("resource_retain", *resource_retain);
            self.hex("reserved", 2, reserved);
            recommended.iter().for_each(|bs| self.recommended(bs));
        }
        self.add("action_time", response.action_time);
        for tlv in &response.tlvs {
            self.tlv(tlv.octets());
            match tlv {
                MobBshoRspTlv::ResourceRetainTime(value) => self.add("resource_retain_time", value),
                MobBshoRspTlv::CmacTuple(tuple) => self.cmac_tuple(tuple),
                MobBshoRspTlv::Vendor(vendor) => self.vendor(vendor),
                MobBshoRspTlv::Other(tlv) => self.other(tlv),
            }
        }
    }

    pub(super) fn mob_ho_ind(&mut self, message: &MobHoInd) {
        self.hex("reserved", 2, message.reserved);
        self.add("ho_mode", 0);
        let (kind, target) = match message.indication {
            HoIndication::Release { target } => (0, Some(target)),
            HoIndication::Cancel => (1, None),
            HoIndication::Reject => (2, None),
            HoIndication::Reserved => (3, None),
        };
        self.add("ho_ind_type", kind);
        let parameters = match message.ranging_parameters {
            RangingParameters::None => 0,
            RangingParameters::Valid => 1,
            RangingParameters::NotValid => 2,
            RangingParameters::Reserved => 3,
        };
        self.add("ranging_params", parameters);
        self.hex("reserved", 2, message.indication_reserved);
        self.maybe("target_bsid", target);
        self.add("preamble", message.preamble_index);
        for tlv in &message.tlvs {
            self.tlv(tlv.octets());
            match tlv {
                MobHoIndTlv::CmacTuple(tuple) => self.cmac_tuple(tuple),
                MobHoIndTlv::Other(tlv) => self.other(tlv),
            }
        }
    }
}
