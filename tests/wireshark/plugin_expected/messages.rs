//! The fields of management messages and of their TLVs, but for those of a handover.

use keyhop::dot16::identifiers::CmacKeyCount;
use keyhop::dot16::wire::{
    Candidate, CmacTuple, DregMessage, DregTlv, HoProcessOptimization, HoSecurity, ManagementMessage, MobBshoRsp,
    MobHoInd, PkmAttribute, PkmMessage, RegRspEncodings, RegTlv, RngReqTlv, RngRspTlv, SaChallengeTuple, SaDescriptor,
    SaTekUpdate, SbcTlv, SecurityNegotiation, SecurityNegotiationItem, TekParameters, Tlv, VendorItem, VendorTlv,
    WireError,
};

use super::Expected;

impl Expected {
    pub(super) fn message(&mut self, octets: &[u8]) {
        let message = ManagementMessage::parse(octets).unwrap();
        self.add("msg.type", message.message_type());
        match &message {
            ManagementMessage::RngReq(request) => {
                self.hex("reserved", 2, request.reserved);
                request.tlvs.iter().for_each(|tlv| self.rng_req(tlv));
            }
            ManagementMessage::RngRsp(response) => {
                self.hex("reserved", 2, response.reserved);
                response.tlvs.iter().for_each(|tlv| self.rng_rsp(tlv));
            }
            ManagementMessage::RegReq(request) => request.tlvs.iter().for_each(|tlv| self.reg(tlv)),
            ManagementMessage::RegRsp(response) => {
                self.add("reg.response", response.response);
                response.tlvs.iter().for_each(|tlv| self.reg(tlv));
            }
            ManagementMessage::SbcReq(message) | ManagementMessage::SbcRsp(message) => {
                message.tlvs.iter().for_each(|tlv| self.sbc(tlv));
            }
            ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) => self.pkm(message),
            ManagementMessage::MobNbrAdv(message) => self.mob_nbr_adv(message),
            ManagementMessage::MobMshoReq(message) => self.mob_msho_req(message),
            ManagementMessage::MobBshoRsp(message) => self.mob_bsho_rsp(message),
            ManagementMessage::MobHoInd(message) => self.mob_ho_ind(message),
            ManagementMessage::DregCmd(message) => self.dreg("dreg_cmd.action", message),
            ManagementMessage::DregReq(message) => self.dreg("dreg_req.action", message),
            ManagementMessage::Other { message_type, body } => {
                // The mode says why it is not decoded.
                let mode = match (*message_type, body.first()) {
                    (MobBshoRsp::TYPE, Some(first)) => Some((first >> 5, first & 0x1f)),
                    (MobHoInd::TYPE, Some(first)) => Some((first & 3, first >> 2)),
                    _ => None,
                };
                if let Some((mode, reserved)) = mode {
                    self.add("ho_mode", mode);
                    self.hex("reserved", 2, reserved);
                }
                self.octets("undecoded", &body[usize::from(mode.is_some())..]);
            }
        }
    }

    /// Type and length of a TLV, from its octets.
    pub(super) fn tlv(&mut self, octets: Result<Vec<u8>, WireError>) {
        let (tlv, _) = Tlv::parse(&octets.unwrap(), 0).unwrap();
        self.add("tlv.type", tlv.kind);
        self.add("tlv.length", tlv.value.len());
    }

    /// A TLV that is not typed.
    pub(super) fn other(&mut self, tlv: &Tlv) {
        self.octets("tlv.value", &tlv.value);
    }

    /// Type and length of a TLV with this value, inside another.
    pub(super) fn inner(&mut self, kind: u8, length: usize) {
        self.add("tlv.type", kind);
        self.add("tlv.length", length);
    }

    pub(super) fn inner_others(&mut self, others: &[Tlv]) {
        for tlv in others {
            self.inner(tlv.kind, tlv.value.len());
            self.other(tlv);
        }
    }

    pub(super) fn cmac_tuple(&mut self, tuple: &CmacTuple) {
        self.hex("reserved", 2, tuple.reserved);
        self.add("cmac.ak_sn", tuple.ak_sn);
        self.maybe("cmac.bsid", tuple.bsid);
        self.add("cmac.pn", tuple.pn);
        self.octets("cmac.value", &tuple.value);
    }

    pub(super) fn optimization(&mut self, value: HoProcessOptimization, octets: usize) {
        self.hex("ho_optimization", 4, value.0);
        let bits = [
            ("omit_sbc_req", HoProcessOptimization::OMIT_SBC_REQ),
            ("omit_address", HoProcessOptimization::OMIT_ADDRESS_ACQUISITION),
            ("omit_time_of_day", HoProcessOptimization::OMIT_TIME_OF_DAY),
            ("omit_tftp", HoProcessOptimization::OMIT_TFTP),
            ("state_kept", HoProcessOptimization::STATE_KEPT),
            ("omit_reg_req", HoProcessOptimization::OMIT_REG_REQ),
            ("downlink_data_pending", HoProcessOptimization::DOWNLINK_DATA_PENDING),
            ("notify_re_entry", HoProcessOptimization::NOTIFY_RE_ENTRY),
        ];
        for (name, bit) in bits.into_iter().filter(|(_, bit)| octets == 2 || bit.0 < 0x100) {
            self.flag(&format!("ho_optimization.{name}"), value.contains(bit));
        }
        let security = match value.security() {
            HoSecurity::Reauthentication => 0,
            HoSecurity::SaTekUpdateInRngRsp => 1,
            HoSecurity::Reserved => 2,
            HoSecurity::NoTekTransfer => 3,
        };
        self.add("ho_optimization.security", security);
    }

    pub(super) fn rng_req(&mut self, tlv: &RngReqTlv) {
        self.tlv(tlv.octets());
        match tlv {
            RngReqTlv::RequestedDownlinkBurstProfile(value) => self.hex("burst_profile", 4, value),
            RngReqTlv::SsMacAddress(ms) => self.add("ss_mac_address", ms),
            RngReqTlv::RangingAnomalies(value) => self.hex("ranging_anomalies", 2, value),
            RngReqTlv::AasBroadcastCapability(value) => self.add("aas_broadcast", value),
            RngReqTlv::ServingBsid(bsid) => self.add("serving_bsid", bsid),
            RngReqTlv::RangingPurpose(value) => {
                self.hex("ranging_purpose", 2, value);
                for (bit, name) in ["handover", "location_update", "seamless"].into_iter().enumerate() {
                    self.flag(&format!("ranging_purpose.{name}"), value >> bit & 1 == 1);
                }
            }
            RngReqTlv::HoId(value) => self.add("ho_id", value),
            RngReqTlv::PowerDownIndicator(value) => self.add("power_down", value),
            RngReqTlv::PagingControllerId(value) => self.octets("paging_controller", value),
            RngReqTlv::MacHashSkipThreshold(value) => self.add("mac_hash_skip", value),
            RngReqTlv::RequestedDownlinkRepetitionCoding(value) => self.add("repetition_coding", value),
            RngReqTlv::CmacKeyCount(CmacKeyCount(count)) => self.add("cmac_key_count", count),
            RngReqTlv::CmacTuple(tuple) => self.cmac_tuple(tuple),
            RngReqTlv::MacVersion(value) => self.add("mac_version", value),
            RngReqTlv::Other(tlv) => self.other(tlv),
        }
    }

    pub(super) fn rng_rsp(&mut self, tlv: &RngRspTlv) {
        self.tlv(tlv.octets());
        match tlv {
            RngRspTlv::TimingAdjust(value) => self.add("timing_adjust", value),
            RngRspTlv::PowerLevelAdjust(value) => self.add("power_adjust", value),
            RngRspTlv::OffsetFrequencyAdjust(value) => self.add("frequency_adjust", value),
            RngRspTlv::RangingStatus(status) => self.add("ranging_status", status.0),
            RngRspTlv::DownlinkFrequencyOverride(value) => self.add("downlink_frequency", value),
            RngRspTlv::UplinkChannelIdOverride(value) => self.add("uplink_channel", value),
            RngRspTlv::DownlinkOperationalBurstProfile(value)
            | RngRspTlv::DownlinkOperationalBurstProfileOfdma(value) => self.hex("burst_profile", 4, value),
            RngRspTlv::SsMacAddress(ms) => self.add("ss_mac_address", ms),
            RngRspTlv::BasicCid(cid) => self.hex("basic_cid", 4, cid.0),
            RngRspTlv::PrimaryCid(cid) => self.hex("primary_cid", 4, cid.0),
            RngRspTlv::ServiceLevelPrediction(value) => self.add("service_level", value),
            RngRspTlv::ResourceRetainFlag(value) => self.flag("resource_retain", *value != 0),
            RngRspTlv::HoProcessOptimization(value) => self.optimization(*value, 2),
            RngRspTlv::HoId(value) => self.add("ho_id", value),
            RngRspTlv::LocationUpdateResponse(value) => self.add("location_update_response", value),
            RngRspTlv::NextPeriodicRanging(value) => self.add("next_periodic_ranging", value),
            RngRspTlv::RegRspEncodings(RegRspEncodings { status, tlvs }) => {
                self.add("reg.response", status);
                tlvs.iter().for_each(|tlv| self.reg(tlv));
            }
            RngRspTlv::SaChallengeTuple(SaChallengeTuple { bs_random, akid }) => {
                self.inner(1, 8);
                self.octets("bs_random", bs_random);
                self.inner(2, 8);
                self.octets("akid", &akid.0);
            }
            RngRspTlv::CmacTuple(tuple) => self.cmac_tuple(tuple),
            RngRspTlv::MacVersion(value) => self.add("mac_version", value),
            // Ranging code attributes: the parser of RNG-RSP leaves them to `cdma_code`, which only compares.
            RngRspTlv::Other(Tlv { kind: 150, value }) if value.len() == 4 => {
                let [high, low, code, frame] = value[..] else { panic!("{value:?}") };
                let symbol = u16::from_be_bytes([high, low]);
                self.add("ranging_code.symbol", symbol >> 6);
                self.add("ranging_code.subchannel", symbol & 0x3f);
                self.add("ranging_code", code);
                self.add("ranging_code.frame", frame);
            }
            RngRspTlv::Other(tlv) => self.other(tlv),
        }
    }

    pub(super) fn reg(&mut self, tlv: &RegTlv) {
        self.tlv(tlv.octets());
        match tlv {
            RegTlv::UplinkTransportCids(value) => self.add("reg.uplink_cids", value),
            RegTlv::HandoverSupport(value) => self.hex("reg.handover_support", 2, value),
            RegTlv::ResourceRetainTime(value) => self.add("resource_retain_time", value),
            RegTlv::HoOptimizationTimer(value) => self.add("reg.ho_optimization_timer", value),
            RegTlv::MobilityFeatures(value) => self.hex("reg.mobility_features", 2, value),
            RegTlv::SaTekUpdate(update) => self.sa_tek_update(update),
            RegTlv::HoConnectionProcessingTime(value) => self.add("reg.ho_connection_time", value),
            RegTlv::HoTekProcessingTime(value) => self.add("reg.ho_tek_time", value),
            RegTlv::HoIndicationReadinessTimer(value) => self.add("reg.ho_readiness_timer", value),
            RegTlv::CmacTuple(tuple) => self.cmac_tuple(tuple),
            RegTlv::Vendor(vendor) => self.vendor(vendor),
            RegTlv::Other(tlv) => self.other(tlv),
        }
    }

    pub(super) fn sbc(&mut self, tlv: &SbcTlv) {
        self.tlv(tlv.octets());
        match tlv {
            SbcTlv::BandwidthAllocation(value) => self.hex("sbc.bandwidth_allocation", 2, value),
            SbcTlv::MacPduCapabilities(value) => self.hex("sbc.pdu_capabilities", 2, value),
            SbcTlv::PkmFlowControl(value) => self.add("sbc.pkm_flow_control", value),
            SbcTlv::MaxSecurityAssociations(value) => self.add("negotiation.max_sas", value),
            SbcTlv::SecurityNegotiation(parameters) => self.negotiation(parameters),
            SbcTlv::ExtensionCapability(value) => self.hex("sbc.extension_capability", 2, value),
            SbcTlv::HoTriggerMetrics(value) => self.hex("sbc.ho_trigger_metrics", 2, value),
            SbcTlv::CurrentTransmitPower(value) => self.add("sbc.transmit_power", value),
            SbcTlv::Other(tlv) => self.other(tlv),
        }
    }

    pub(super) fn negotiation(&mut self, SecurityNegotiation(items): &SecurityNegotiation) {
        for item in items {
            self.tlv(item.octets());
            match item {
                SecurityNegotiationItem::PkmVersion(value) => self.hex("negotiation.pkm_version", 2, value),
                SecurityNegotiationItem::AuthorizationPolicy(value) => {
                    self.hex("negotiation.authorization_policy", 2, value);
                }
                SecurityNegotiationItem::MacMode(value) => self.hex("negotiation.mac_mode", 2, value),
                SecurityNegotiationItem::PnWindowSize(value) => self.add("negotiation.pn_window", value),
                SecurityNegotiationItem::MaxConcurrentTransactions(value) => {
                    self.add("negotiation.max_transactions", value);
                }
                SecurityNegotiationItem::MaxSecurityAssociations(value) => self.add("negotiation.max_sas", value),
                SecurityNegotiationItem::Other(tlv) => self.other(tlv),
            }
        }
    }

    pub(super) fn pkm(&mut self, message: &PkmMessage) {
        self.add("pkm.code", message.code.0);
        self.add("pkm.identifier", message.identifier);
        for attribute in &message.attributes {
            self.tlv(attribute.octets());
            match attribute {
                PkmAttribute::DisplayString(text) => self.octets("pkm.display_string", text),
                PkmAttribute::Tek(wrapped) => self.octets("tek.wrapped", wrapped),
                PkmAttribute::KeyLifetime(value) => self.add("key_lifetime", value),
                PkmAttribute::KeySequenceNumber(value) => self.add("key_sn", value),
                PkmAttribute::Said(said) => self.hex("said", 4, said.0),
                PkmAttribute::TekParameters(parameters) => self.tek_parameters(parameters),
                PkmAttribute::ErrorCode(code) => self.add("pkm.error_code", code.0),
                PkmAttribute::CryptographicSuite(suite) => self.octets("suite", suite),
                PkmAttribute::SaDescriptor(descriptor) => self.sa_descriptor(descriptor),
                PkmAttribute::SecurityNegotiation(parameters) => self.negotiation(parameters),
                PkmAttribute::EapPayload(packet) => self.octets("pkm.eap_payload", packet),
                PkmAttribute::Nonce(value) => self.octets("nonce", value),
                PkmAttribute::AuthResultCode(value) => self.add("pkm.auth_result", value),
                PkmAttribute::FrameNumber([a, b, c]) => {
                    self.add("pkm.frame_number", u32::from_be_bytes([0, *a, *b, *c]));
                }
                PkmAttribute::MsRandom(value) => self.octets("ms_random", value),
                PkmAttribute::BsRandom(value) => self.octets("bs_random", value),
                PkmAttribute::SaTekUpdate(update) => self.sa_tek_update(update),
                PkmAttribute::MsMacAddress(ms) => self.add("ss_mac_address", ms),
                PkmAttribute::CmacDigest(digest) => {
                    self.add("cmac.pn", digest.pn);
                    self.octets("cmac.value", &digest.value);
                }
                PkmAttribute::AkId(akid) => self.octets("akid", &akid.0),
                PkmAttribute::Vendor(vendor) => self.vendor(vendor),
                PkmAttribute::Other(tlv) => self.other(tlv),
            }
        }
    }

    pub(super) fn sa_descriptor(&mut self, descriptor: &SaDescriptor) {
        self.inner(12, 2);
        self.hex("said", 4, descriptor.said.0);
        self.inner(24, 1);
        self.add("sa.type", descriptor.sa_type);
        self.inner(31, 1);
        self.add("sa.service_type", descriptor.service_type);
        self.inner(20, 3);
        self.octets("suite", &descriptor.suite);
        self.inner_others(&descriptor.other);
    }

    pub(super) fn sa_tek_update(&mut self, update: &SaTekUpdate) {
        self.inner(1, 1);
        self.add("sa_tek_update.kind", update.kind);
        self.inner(2, 2);
        self.hex("sa_tek_update.new_said", 4, update.new_said.0);
        self.inner(3, 2);
        self.hex("sa_tek_update.old_said", 4, update.old_said.0);
        for (kind, parameters) in [(4, &update.older), (5, &update.newer)] {
            if let Some(parameters) = parameters {
                let others: usize = parameters.other.iter().map(|tlv| tlv.octets().unwrap().len()).sum();
                self.inner(kind, 2 + parameters.wrapped_tek.len() + 6 + 3 + others);
                self.tek_parameters(parameters);
            }
        }
        self.inner_others(&update.other);
    }

    pub(super) fn tek_parameters(&mut self, parameters: &TekParameters) {
        self.inner(8, parameters.wrapped_tek.len());
        self.octets("tek.wrapped", &parameters.wrapped_tek);
        self.inner(9, 4);
        self.add("tek.lifetime", parameters.lifetime);
        self.inner(10, 1);
        self.add("tek.sn", parameters.sequence_number);
        self.inner_others(&parameters.other);
    }

    pub(super) fn vendor(&mut self, vendor: &VendorTlv) {
        self.inner(144, 3);
        self.octets("vendor.id", &vendor.vendor_id);
        for item in &vendor.items {
            self.tlv(item.octets());
            match item {
                VendorItem::Seamless(yes) => self.flag("vendor.seamless", *yes),
                VendorItem::RangingDeadline(deadline) => self.add("vendor.ranging_deadline", deadline),
                VendorItem::Candidate(candidate) => self.candidate(candidate),
                VendorItem::Other(tlv) => self.other(tlv),
            }
        }
    }

    pub(super) fn candidate(&mut self, candidate: &Candidate) {
        self.add("vendor.candidate.bsid", candidate.bsid);
        self.hex("vendor.candidate.basic_cid", 4, candidate.basic_cid.0);
        self.hex("vendor.candidate.primary_cid", 4, candidate.primary_cid.0);
        self.hex("vendor.candidate.flags", 2, candidate.flags);
        self.add("vendor.candidate.n_flows", candidate.flows.len());
        for flow in &candidate.flows {
            self.hex("vendor.candidate.flow.sfid", 8, flow.sfid.0);
            self.hex("vendor.candidate.flow.cid", 4, flow.cid.0);
            self.hex("vendor.candidate.flow.said", 4, flow.said.0);
        }
    }

    pub(super) fn dreg(&mut self, action: &str, message: &DregMessage) {
        self.add(action, message.action);
        for tlv in &message.tlvs {
            self.tlv(tlv.octets());
            match tlv {
                DregTlv::CmacTuple(tuple) => self.cmac_tuple(tuple),
                DregTlv::Other(tlv) => self.other(tlv),
            }
        }
    }
}
