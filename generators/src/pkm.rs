//! PKM-REQ, PKM-RSP and their attributes (`dot16-wire.md` 3.7).

use keyhop::dot16::wire::{CmacDigest, PkmAttribute, PkmCode, PkmErrorCode, PkmMessage, SaDescriptor};
use proptest::prelude::*;

use crate::eap::eap_packet;
use crate::list::list;
use crate::octets::{array, number, octets};
use crate::one_of;
use crate::registration::{sa_tek_update, security_negotiation, tek_parameters};
use crate::tlv::{akid, ms_mac, said, unknown_tlv, vendor};

/// A PKM attribute of any type.
pub fn pkm_attribute() -> BoxedStrategy<PkmAttribute> {
    let text = || octets(1..300);
    let eap = one_of![
        1 => text(),
        3 => eap_packet().prop_map(|packet| packet.octets().expect("a packet that can be written")),
    ];
    let numbers = one_of![
        text().prop_map(PkmAttribute::DisplayString),
        text().prop_map(PkmAttribute::Tek),
        number().prop_map(PkmAttribute::KeyLifetime),
        number().prop_map(PkmAttribute::KeySequenceNumber),
        said().prop_map(PkmAttribute::Said),
        number().prop_map(|code| PkmAttribute::ErrorCode(PkmErrorCode(code))),
        array().prop_map(PkmAttribute::CryptographicSuite),
        eap.prop_map(PkmAttribute::EapPayload),
        number().prop_map(PkmAttribute::AuthResultCode),
        array().prop_map(PkmAttribute::FrameNumber),
    ];
    let names = one_of![
        array().prop_map(PkmAttribute::Nonce),
        array().prop_map(PkmAttribute::MsRandom),
        array().prop_map(PkmAttribute::BsRandom),
        ms_mac().prop_map(PkmAttribute::MsMacAddress),
        akid().prop_map(PkmAttribute::AkId),
        (number(), array()).prop_map(|(pn, value)| PkmAttribute::CmacDigest(CmacDigest { pn, value })),
    ];
    let descriptor = (said(), array(), array(), list(unknown_tlv(), 0..2)).prop_map(
        |(said, [sa_type, service_type], suite, other)| SaDescriptor { said, sa_type, service_type, suite, other },
    );
    let compounds = one_of![
        tek_parameters().prop_map(PkmAttribute::TekParameters),
        descriptor.prop_map(PkmAttribute::SaDescriptor),
        security_negotiation().prop_map(PkmAttribute::SecurityNegotiation),
        sa_tek_update().prop_map(PkmAttribute::SaTekUpdate),
        vendor().prop_map(PkmAttribute::Vendor),
        unknown_tlv().prop_map(PkmAttribute::Other),
    ];
    one_of![numbers, names, compounds].boxed()
}

/// A PKM-REQ or PKM-RSP of up to seven attributes.
pub fn pkm_message() -> BoxedStrategy<PkmMessage> {
    (number(), number(), list(pkm_attribute(), 0..8))
        .prop_map(|(code, identifier, attributes)| PkmMessage { code: PkmCode(code), identifier, attributes })
        .boxed()
}
