//! What a mobile and a BS declare to each other at network entry: basic capabilities in SBC, mobility and seamless handover in
//! REG (802.16-2009 clauses 11.7 and 11.8; `dot16-wire.md` 3.6; A5, A26, R13, R17).
//!
//! SBC is not protected, so that the security negotiation parameters in it are said again in the SA-TEK handshake; REG is.

use std::time::Duration;

use super::radio::RadioSettings;
use super::sa_tek;
use crate::dot16::security::pn_window::PnWindow;
use crate::dot16::wire::{
    RegReq, RegRsp, RegTlv, SbcMessage, SbcTlv, SecurityNegotiation, SecurityNegotiationItem, VendorItem, VendorTlv,
};

/// Mobility feature of REG: handover.
const HANDOVER: u8 = 1;
/// HO trigger metrics of SBC: CINR and RSSI.
const METRICS: u8 = 3;
/// Security associations that one mobile may have at the most.
const SECURITY_ASSOCIATIONS: u8 = 16;
/// Current transmit power of SBC-REQ, 20 dBm: there is no PHY to take it from.
const TRANSMIT_POWER: u8 = 168;

/// What one side can do, as REG declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether it hands over at all: a fixed station does not (A26).
    pub handover: bool,
    /// Whether it generates TEKs from the count (A5).
    pub seamless: bool,
}

impl Capabilities {
    /// What both sides can do.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { handover: self.handover && other.handover, seamless: self.seamless && other.seamless }
    }

    fn of(tlvs: &[RegTlv], vendor: Option<&VendorTlv>) -> Self {
        let features = tlvs.iter().find_map(|tlv| match tlv {
            RegTlv::MobilityFeatures(features) => Some(*features),
            _ => None,
        });
        let handover = features.is_some_and(|features| features & HANDOVER != 0);
        Self { handover, seamless: vendor.and_then(VendorTlv::seamless) == Some(true) }
    }

    /// What a mobile declares in REG-REQ. What is missing is not supported.
    #[must_use]
    pub fn declared(request: &RegReq) -> Self {
        Self::of(&request.tlvs, request.vendor())
    }

    /// What a BS agrees to in REG-RSP. What is missing is not agreed.
    #[must_use]
    pub fn agreed(response: &RegRsp) -> Self {
        Self::of(&response.tlvs, response.vendor())
    }

    fn mobility(self) -> Vec<RegTlv> {
        vec![RegTlv::HandoverSupport(0), RegTlv::MobilityFeatures(if self.handover { HANDOVER } else { 0 })]
    }
}

/// Milliseconds, in one octet.
fn milliseconds(time: Duration) -> u8 {
    u8::try_from(time.as_millis()).unwrap_or(u8::MAX)
}

/// REG-REQ of a mobile with `flows` service flows.
#[must_use]
pub fn reg_req(own: Capabilities, flows: usize, radio: &RadioSettings) -> RegReq {
    let mut tlvs = vec![RegTlv::UplinkTransportCids(u16::try_from(flows).unwrap_or(u16::MAX))];
    tlvs.extend(own.mobility());
    if own.handover {
        tlvs.push(RegTlv::HoConnectionProcessingTime(milliseconds(radio.frame)));
        tlvs.push(RegTlv::HoTekProcessingTime(milliseconds(radio.tek_processing)));
        tlvs.push(RegTlv::HoIndicationReadinessTimer(1));
    }
    tlvs.push(RegTlv::Vendor(VendorTlv::new(vec![VendorItem::Seamless(own.seamless)])));
    RegReq { tlvs }
}

/// REG-RSP that agrees to `agreed` and tells the mobile its connections in `connections` (R17, sub 3).
#[must_use]
pub fn reg_rsp(agreed: Capabilities, connections: VendorItem, flows: usize, radio: &RadioSettings) -> RegRsp {
    let mut tlvs = vec![RegTlv::UplinkTransportCids(u16::try_from(flows).unwrap_or(u16::MAX))];
    tlvs.extend(agreed.mobility());
    if agreed.handover {
        let retain = u16::try_from(radio.resource_retain.as_millis() / 100).unwrap_or(u16::MAX);
        tlvs.push(RegTlv::ResourceRetainTime(retain));
    }
    tlvs.push(RegTlv::Vendor(VendorTlv::new(vec![VendorItem::Seamless(agreed.seamless), connections])));
    RegRsp { response: 0, tlvs }
}

/// The security negotiation parameters of one side, with the size of its receive window.
#[must_use]
pub fn security(window: &PnWindow) -> SecurityNegotiation {
    use SecurityNegotiationItem::{AuthorizationPolicy, MaxConcurrentTransactions, MaxSecurityAssociations};
    let SecurityNegotiation(mut items) = sa_tek::parameters_of(window);
    let policy = SecurityNegotiation::EAP_AT_ENTRY | SecurityNegotiation::EAP_AT_RE_ENTRY;
    items.insert(1, AuthorizationPolicy(policy));
    items.extend([MaxConcurrentTransactions(0), MaxSecurityAssociations(SECURITY_ASSOCIATIONS)]);
    SecurityNegotiation(items)
}

/// What is missing in the parameters of the peer for an entry: PKMv2, EAP and CMAC.
#[must_use]
pub fn missing(peer: Option<&SecurityNegotiation>) -> Option<&'static str> {
    use SecurityNegotiationItem::{AuthorizationPolicy, MacMode, PkmVersion};
    let has = |wanted: fn(&SecurityNegotiationItem) -> bool| peer.is_some_and(|peer| peer.0.iter().any(wanted));
    if !has(|item| matches!(item, PkmVersion(bits) if bits & SecurityNegotiation::PKM_V2 != 0)) {
        return Some("PKMv2");
    }
    if !has(|item| matches!(item, AuthorizationPolicy(bits) if bits & SecurityNegotiation::EAP_AT_ENTRY != 0)) {
        return Some("authorization by EAP");
    }
    let cmac = has(|item| matches!(item, MacMode(bits) if bits & SecurityNegotiation::CMAC != 0));
    (!cmac).then_some("CMAC")
}

/// SBC-REQ of a mobile, SBC-RSP of a BS.
#[must_use]
pub fn sbc(window: &PnWindow, of_mobile: bool) -> SbcMessage {
    let mut tlvs = vec![
        SbcTlv::BandwidthAllocation(0),
        SbcTlv::MacPduCapabilities(0),
        SbcTlv::PkmFlowControl(0),
        SbcTlv::MaxSecurityAssociations(SECURITY_ASSOCIATIONS),
        SbcTlv::SecurityNegotiation(security(window)),
        SbcTlv::ExtensionCapability(0),
        SbcTlv::HoTriggerMetrics(METRICS),
    ];
    if of_mobile {
        tlvs.push(SbcTlv::CurrentTransmitPower(TRANSMIT_POWER));
    }
    SbcMessage { tlvs }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::node::radio::Association;
    use crate::dot16::wire::CrcForm;

    fn radio() -> RadioSettings {
        let ms = Duration::from_millis;
        RadioSettings {
            frame: ms(5),
            downlink: ms(3),
            dl_sync: ms(10),
            association: Association::Level2,
            crc: CrcForm::MsbFirst,
            max_pdu: 2047,
            packing: false,
            allocation: None,
            rng_delay: ms(40),
            ranging_deadline: ms(200),
            ranging_retry: ms(50),
            handover_retry: ms(100),
            action_time: 4,
            resource_retain: ms(2000),
            neighbour_advertisement: ms(1000),
            lost_downlink: ms(3500),
            tek_processing: ms(5),
            key_request_retry: ms(300),
        }
    }

    #[test]
    fn what_is_declared_is_read_back_and_what_is_missing_is_not_supported() {
        // A5, A26
        let radio = radio();
        for (handover, seamless) in [(true, true), (true, false), (false, false)] {
            let own = Capabilities { handover, seamless };
            let request = reg_req(own, 2, &radio);
            assert_eq!(Capabilities::declared(&RegReq::parse(&request.octets().unwrap()).unwrap()), own);
            let response = reg_rsp(own, VendorItem::RangingDeadline(0), 2, &radio);
            assert_eq!(Capabilities::agreed(&RegRsp::parse(&response.octets().unwrap()).unwrap()), own);
        }
        let nothing = Capabilities { handover: false, seamless: false };
        assert_eq!(Capabilities::declared(&RegReq::default()), nothing);
        assert_eq!(Capabilities::agreed(&RegRsp::default()), nothing);
    }

    #[test]
    fn a_peer_without_pkmv2_eap_or_cmac_is_no_peer() {
        let whole = security(&PnWindow::new(64).unwrap());
        assert_eq!(missing(Some(&whole)), None);
        assert_eq!(missing(None), Some("PKMv2"));
        for (position, what) in [(0, "PKMv2"), (1, "authorization by EAP"), (2, "CMAC")] {
            let mut items = whole.0.clone();
            items.remove(position);
            assert_eq!(missing(Some(&SecurityNegotiation(items))), Some(what));
        }
    }
}
