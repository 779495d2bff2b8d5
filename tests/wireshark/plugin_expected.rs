//! What `captures/wireshark/keyhop.lua` has to show of a frame, computed from the parsers of this crate: for each field its
//! values in order, in the form in which `tshark -T fields` prints them.

use std::collections::BTreeMap;
use std::fmt::{Display, LowerHex};
use std::net::Ipv4Addr;

use keyhop::capture::frame_comment::{FrameChange, FrameComment, ReceiverVerdict};
use keyhop::capture::{LinkKind, capture_reader};
use keyhop::dot16::backbone::{AsnTlv, BackbonePacket, Compound, TlvLookup, decapsulate};
use keyhop::dot16::identifiers::CmacKeyCount;
use keyhop::dot16::wire::{
    BshoDecision, Candidate, CmacTuple, DregMessage, DregTlv, EncryptedBody, FragmentControl, FragmentationSubheader,
    HoIndication, HoProcessOptimization, HoSecurity, MacPdu, ManagementMessage, Measurements, MobBshoRsp,
    MobBshoRspTlv, MobHoInd, MobHoIndTlv, MobMshoReq, MobMshoReqTlv, MobNbrAdv, NewBs, PackingSubheader, PduType,
    PkmAttribute, PkmMessage, RangingParameters, RecommendedBs, RegRspEncodings, RegTlv, RngReqTlv, RngRspTlv,
    SaChallengeTuple, SaDescriptor, SaTekUpdate, SbcTlv, SecurityNegotiation, SecurityNegotiationItem, TekParameters,
    Tlv, VendorItem, VendorTlv, WireError,
};

/// The values of each field, without its `dot16.`.
pub type Fields = BTreeMap<String, Vec<String>>;

/// The fields of `frame`, which stands on the interface of this name in a capture with these names of nodes.
pub fn fields_of(frame: &capture_reader::RecordedFrame, interface: &str, names: &[(Ipv4Addr, String)]) -> Fields {
    let mut expected = Expected::default();
    let mut destination = frame.destination;
    match &frame.kind {
        capture_reader::FrameKind::Known(LinkKind::Air) => expected.air(&frame.octets),
        capture_reader::FrameKind::Known(LinkKind::Backbone) => {
            let packet = decapsulate(&frame.octets).unwrap();
            destination = Some(packet.to.ip);
            if let BackbonePacket::Control(message) = packet.packet {
                expected.hex("asn.message", 4, u16::from_be_bytes(message.kind.octets()));
                expected.control(&message.tlvs);
            }
        }
        other => panic!("frame {}: {other:?}", frame.number),
    }
    let receiver = destination.and_then(|ip| names.iter().find(|(known, _)| *known == ip)).map(|(_, name)| name);
    expected.comment(&frame.comment, interface, receiver.map(String::as_str));
    expected.fields
}

#[derive(Default)]
struct Expected {
    fields: Fields,
}

impl Expected {
    fn add(&mut self, field: &str, value: impl Display) {
        self.fields.entry(field.to_owned()).or_default().push(value.to_string());
    }

    fn maybe(&mut self, field: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(field, value);
        }
    }

    /// A number of `digits` hex digits.
    fn hex(&mut self, field: &str, digits: usize, value: impl LowerHex) {
        self.add(field, format!("{value:#0width$x}", width = digits + 2));
    }

    fn flag(&mut self, field: &str, set: bool) {
        self.add(field, u8::from(set));
    }

    /// Octets; Wireshark has no item for none.
    fn octets(&mut self, field: &str, octets: &[u8]) {
        if !octets.is_empty() {
            self.add(field, hex::encode(octets));
        }
    }

    // MAC PDUs -------------------------------------------------------------------------------------------------------

    fn air(&mut self, burst: &[u8]) {
        if let [code, symbol, subchannel] = burst {
            self.add("ranging_code", code);
            self.add("ranging_code.symbol", symbol);
            self.add("ranging_code.subchannel", subchannel);
            return;
        }
        for pdu in MacPdu::burst(burst) {
            self.pdu(&pdu.unwrap());
        }
    }

    fn pdu(&mut self, pdu: &MacPdu<'_>) {
        let header = &pdu.header;
        self.flag("ht", false);
        self.flag("ec", header.encrypted);
        self.hex("type", 2, header.pdu_type.bits());
        self.flag("esf", header.extended_subheader_group);
        self.flag("ci", header.crc_present);
        if header.encrypted {
            self.add("eks", header.eks);
        }
        self.add("len", header.length);
        self.hex("cid", 4, header.cid.0);
        self.hex("hcs", 2, pdu.octets[5]);
        let group = if header.extended_subheader_group { usize::from(pdu.body[0]) } else { 0 };
        let (group, body) = pdu.body.split_at(group);
        self.octets("extended_subheaders", group);
        if header.encrypted {
            let body = EncryptedBody::parse(body).unwrap();
            self.hex("pn", 8, body.pn);
            self.add("pn.direction", body.pn >> 31);
            self.add("pn.counter", body.pn & 0x7fff_ffff);
            self.octets("ciphertext", body.ciphertext);
            self.octets("icv", &body.icv);
        } else if header.cid.is_management() && header.pdu_type == PduType::NONE {
            self.message(body);
        } else {
            self.data(header.pdu_type, body);
        }
        if let Some(crc) = pdu.crc {
            self.hex("crc", 8, u32::from_be_bytes(crc));
        }
    }

    fn data(&mut self, pdu_type: PduType, body: &[u8]) {
        let control = |control| match control {
            FragmentControl::Unfragmented => 0,
            FragmentControl::Last => 1,
            FragmentControl::First => 2,
            FragmentControl::Middle => 3,
        };
        let form = pdu_type.bits() & !PduType::EXTENDED.bits();
        if form == PduType::FRAGMENTATION.bits() {
            let (subheader, piece) = FragmentationSubheader::parse(body, pdu_type.extended()).unwrap();
            self.add("fragment.control", control(subheader.control));
            self.add("fragment.fsn", subheader.fsn);
            self.hex("reserved", 2, subheader.reserved);
            self.octets("payload", piece);
        } else if form == PduType::PACKING.bits() {
            for (subheader, piece) in PackingSubheader::parse_all(body, pdu_type.extended()).unwrap() {
                self.add("packing.control", control(subheader.control));
                self.add("packing.fsn", subheader.fsn);
                self.add("packing.length", subheader.length);
                self.octets("payload", piece);
            }
        } else if pdu_type == PduType::NONE {
            self.octets("payload", body);
        } else {
            self.octets("undecoded", body);
        }
    }

    // Management messages --------------------------------------------------------------------------------------------

    fn message(&mut self, octets: &[u8]) {
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
                let mode = match (*message_type, body[0]) {
                    (MobBshoRsp::TYPE, first) => Some((first >> 5, first & 0x1f)),
                    (MobHoInd::TYPE, first) => Some((first & 3, first >> 2)),
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
    fn tlv(&mut self, octets: Result<Vec<u8>, WireError>) {
        let (tlv, _) = Tlv::parse(&octets.unwrap(), 0).unwrap();
        self.add("tlv.type", tlv.kind);
        self.add("tlv.length", tlv.value.len());
    }

    /// A TLV that is not typed.
    fn other(&mut self, tlv: &Tlv) {
        self.octets("tlv.value", &tlv.value);
    }

    /// Type and length of a TLV with this value, inside another.
    fn inner(&mut self, kind: u8, length: usize) {
        self.add("tlv.type", kind);
        self.add("tlv.length", length);
    }

    fn inner_others(&mut self, others: &[Tlv]) {
        for tlv in others {
            self.inner(tlv.kind, tlv.value.len());
            self.other(tlv);
        }
    }

    fn cmac_tuple(&mut self, tuple: &CmacTuple) {
        self.hex("reserved", 2, tuple.reserved);
        self.add("cmac.ak_sn", tuple.ak_sn);
        self.maybe("cmac.bsid", tuple.bsid);
        self.add("cmac.pn", tuple.pn);
        self.octets("cmac.value", &tuple.value);
    }

    fn optimization(&mut self, value: HoProcessOptimization, octets: usize) {
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

    fn rng_req(&mut self, tlv: &RngReqTlv) {
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

    fn rng_rsp(&mut self, tlv: &RngRspTlv) {
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
            RngRspTlv::Other(Tlv { kind: 150, value }) => {
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

    fn reg(&mut self, tlv: &RegTlv) {
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

    fn sbc(&mut self, tlv: &SbcTlv) {
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

    fn negotiation(&mut self, SecurityNegotiation(items): &SecurityNegotiation) {
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

    fn pkm(&mut self, message: &PkmMessage) {
        self.add("pkm.code", message.code.0);
        self.add("pkm.identifier", message.identifier);
        for attribute in &message.attributes {
            self.tlv(attribute.octets());
            match attribute {
                PkmAttribute::DisplayString(text) => {
                    self.add("pkm.display_string", String::from_utf8_lossy(text));
                }
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

    fn sa_descriptor(&mut self, descriptor: &SaDescriptor) {
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

    fn sa_tek_update(&mut self, update: &SaTekUpdate) {
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

    fn tek_parameters(&mut self, parameters: &TekParameters) {
        self.inner(8, parameters.wrapped_tek.len());
        self.octets("tek.wrapped", &parameters.wrapped_tek);
        self.inner(9, 4);
        self.add("tek.lifetime", parameters.lifetime);
        self.inner(10, 1);
        self.add("tek.sn", parameters.sequence_number);
        self.inner_others(&parameters.other);
    }

    fn vendor(&mut self, vendor: &VendorTlv) {
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

    fn candidate(&mut self, candidate: &Candidate) {
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

    fn dreg(&mut self, action: &str, message: &DregMessage) {
        self.add(action, message.action);
        for tlv in &message.tlvs {
            self.tlv(tlv.octets());
            match tlv {
                DregTlv::CmacTuple(tuple) => self.cmac_tuple(tuple),
                DregTlv::Other(tlv) => self.other(tlv),
            }
        }
    }

    // Handover -------------------------------------------------------------------------------------------------------

    fn mob_nbr_adv(&mut self, message: &MobNbrAdv) {
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

    fn measurements(&mut self, of: &str, measured: &Measurements) {
        self.maybe(&format!("{of}.cinr"), measured.cinr);
        self.maybe(&format!("{of}.rssi"), measured.rssi);
        self.maybe(&format!("{of}.relative_delay"), measured.relative_delay);
    }

    fn new_bs(&mut self, bs: &NewBs) {
        self.add("candidate.preamble", bs.preamble_index);
        self.measurements("candidate", &bs.measurements);
        self.add("candidate.service_level", bs.service_level_prediction);
        self.flag("candidate.arrival_difference_included", bs.arrival_time_difference.is_some());
        self.maybe("candidate.arrival_difference", bs.arrival_time_difference);
    }

    fn mob_msho_req(&mut self, request: &MobMshoReq) {
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

    fn recommended(&mut self, bs: &RecommendedBs) {
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

    fn mob_bsho_rsp(&mut self, response: &MobBshoRsp) {
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

    fn mob_ho_ind(&mut self, message: &MobHoInd) {
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

    // Backbone -------------------------------------------------------------------------------------------------------

    fn control(&mut self, tlvs: &[AsnTlv]) {
        for tlv in tlvs {
            let alone = std::slice::from_ref(tlv);
            for compound in Compound::ALL {
                for inside in alone.each(*compound) {
                    self.control(inside);
                }
            }
            match tlv {
                AsnTlv::CmacKeyCount(CmacKeyCount(count)) => self.add("cmac_key_count", count),
                AsnTlv::VendorSpecific { vendor, octets } => {
                    self.octets("vendor.id", vendor);
                    if alone.is_issued_before() {
                        self.flag("asn.issued_before", true);
                    }
                    if let Some(cid) = alone.primary_cid() {
                        self.hex("primary_cid", 4, cid.0);
                    }
                    self.maybe("vendor.ranging_deadline", alone.ranging_deadline());
                    self.octets("asn.receive_window", alone.receive_window().unwrap_or_default());
                    // The lookup does not tell a TLV that says no from none.
                    if *vendor == VendorTlv::KEYHOP && octets.first() == Some(&5) {
                        self.flag("vendor.seamless", alone.is_seamless());
                    }
                }
                _ => {}
            }
        }
    }

    // Comment --------------------------------------------------------------------------------------------------------

    fn comment(&mut self, comment: &str, interface: &str, receiver: Option<&str>) {
        if interface.starts_with("adv:") {
            self.flag("adversary", true);
        }
        let comment = FrameComment::parse(comment, receiver);
        if comment.deliberate {
            self.flag("deliberate", true);
        }
        if comment.under_way {
            self.add("verdict", "under way");
        }
        if comment.lost {
            self.flag("lost", true);
            self.add("verdict", "lost");
        }
        for verdict in &comment.verdicts {
            self.add("verdict", verdict_in_words(verdict));
        }
        if let Some(accepted) = comment.accepted() {
            self.flag("accepted", accepted);
        }
    }
}

/// What the field says of a verdict: what it comes to, how the frame arrived, the receiver's words without the first, if
/// that says nothing more.
fn verdict_in_words(verdict: &ReceiverVerdict) -> String {
    let word = match (verdict.deferred(), verdict.accepted()) {
        (true, _) => "deferred",
        (_, true) => "accepted",
        (_, false) => "rejected",
    };
    let duplicate = if verdict.duplicate { " (duplicate)" } else { "" };
    let change = match verdict.change {
        Some(FrameChange::BitError) => " (bit error)",
        Some(FrameChange::Modified) => " (modified)",
        None => "",
    };
    let said = match word {
        "accepted" => &["accepted: "][..],
        "rejected" => &["dropped: ", "refused: ", "ignored: ", "no context: "],
        _ => &[],
    };
    let text = said.iter().find_map(|said| verdict.text.strip_prefix(said)).unwrap_or(&verdict.text);
    format!("{word}{duplicate}{change}: {text}")
}
