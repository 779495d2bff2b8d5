//! SBC-REQ, SBC-RSP, REG-REQ, REG-RSP, SA-TEK-Update, which REG-RSP encodings carry, DREG-CMD and DREG-REQ
//! (`dot16-wire.md` 3).

use keyhop::dot16::identifiers::Said;
use keyhop::dot16::wire::dreg::{DregMessage, DregTlv};
use keyhop::dot16::wire::{
    RegReq, RegRsp, RegTlv, SaTekUpdate, SbcMessage, SbcTlv, SecurityNegotiation, SecurityNegotiationItem,
    TekParameters,
};
use proptest::prelude::*;

use crate::choice::maybe;
use crate::list::list;
use crate::octets::{number, octets};
use crate::one_of;
use crate::tlv::{cmac_tuple, unknown_tlv, vendor};

/// TEK parameters with a wrapped TEK of 16 to 24 octets.
pub fn tek_parameters() -> BoxedStrategy<TekParameters> {
    (octets(16..25), number(), number(), list(unknown_tlv(), 0..2))
        .prop_map(|(wrapped_tek, lifetime, sequence_number, other)| TekParameters {
            wrapped_tek,
            lifetime,
            sequence_number,
            other,
        })
        .boxed()
}

/// An SA-TEK-Update with older and newer TEK parameters or without.
pub fn sa_tek_update() -> BoxedStrategy<SaTekUpdate> {
    let parameters = (maybe(tek_parameters()), maybe(tek_parameters()));
    (number(), number(), number(), parameters, list(unknown_tlv(), 0..2))
        .prop_map(|(kind, new, old, (older, newer), other)| SaTekUpdate {
            kind,
            new_said: Said(new),
            old_said: Said(old),
            older,
            newer,
            other,
        })
        .boxed()
}

/// A TLV of REG-REQ, REG-RSP and REG-RSP encodings.
pub fn reg_tlv() -> BoxedStrategy<RegTlv> {
    one_of![
        number().prop_map(RegTlv::UplinkTransportCids),
        number().prop_map(RegTlv::HandoverSupport),
        number().prop_map(RegTlv::ResourceRetainTime),
        number().prop_map(RegTlv::HoOptimizationTimer),
        number().prop_map(RegTlv::MobilityFeatures),
        number().prop_map(RegTlv::HoIndicationReadinessTimer),
        sa_tek_update().prop_map(RegTlv::SaTekUpdate),
        number().prop_map(RegTlv::HoConnectionProcessingTime),
        number().prop_map(RegTlv::HoTekProcessingTime),
        cmac_tuple().prop_map(RegTlv::CmacTuple),
        vendor().prop_map(RegTlv::Vendor),
        unknown_tlv().prop_map(RegTlv::Other),
    ]
    .boxed()
}

/// A REG-REQ of up to four TLVs.
pub fn reg_req() -> BoxedStrategy<RegReq> {
    list(reg_tlv(), 0..5).prop_map(|tlvs| RegReq { tlvs }).boxed()
}

/// A REG-RSP of up to four TLVs.
pub fn reg_rsp() -> BoxedStrategy<RegRsp> {
    (number(), list(reg_tlv(), 0..5)).prop_map(|(response, tlvs)| RegRsp { response, tlvs }).boxed()
}

/// Security negotiation parameters, one to three.
pub fn security_negotiation() -> BoxedStrategy<SecurityNegotiation> {
    let items = one_of![
        number().prop_map(SecurityNegotiationItem::PkmVersion),
        number().prop_map(SecurityNegotiationItem::AuthorizationPolicy),
        number().prop_map(SecurityNegotiationItem::MacMode),
        number().prop_map(SecurityNegotiationItem::PnWindowSize),
        number().prop_map(SecurityNegotiationItem::MaxConcurrentTransactions),
        number().prop_map(SecurityNegotiationItem::MaxSecurityAssociations),
        unknown_tlv().prop_map(SecurityNegotiationItem::Other),
    ];
    list(items, 1..4).prop_map(SecurityNegotiation).boxed()
}

/// An SBC-REQ or SBC-RSP of up to five TLVs.
pub fn sbc() -> BoxedStrategy<SbcMessage> {
    let tlv = one_of![
        number().prop_map(SbcTlv::BandwidthAllocation),
        number().prop_map(SbcTlv::MacPduCapabilities),
        number().prop_map(SbcTlv::PkmFlowControl),
        number().prop_map(SbcTlv::MaxSecurityAssociations),
        security_negotiation().prop_map(SbcTlv::SecurityNegotiation),
        number().prop_map(SbcTlv::ExtensionCapability),
        number().prop_map(SbcTlv::HoTriggerMetrics),
        number().prop_map(SbcTlv::CurrentTransmitPower),
        unknown_tlv().prop_map(SbcTlv::Other),
    ];
    list(tlv, 0..6).prop_map(|tlvs| SbcMessage { tlvs }).boxed()
}

/// A DREG-CMD or DREG-REQ of up to three TLVs.
pub fn dreg() -> BoxedStrategy<DregMessage> {
    let tlv = one_of![cmac_tuple().prop_map(DregTlv::CmacTuple), unknown_tlv().prop_map(DregTlv::Other)];
    (number(), list(tlv, 0..4)).prop_map(|(action, tlvs)| DregMessage { action, tlvs }).boxed()
}
