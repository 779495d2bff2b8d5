//! Generators of values for the property tests of this room.

use proptest::prelude::*;
use proptest::sample::select;

use super::asn_tlv::SINGLE_KINDS;
use super::radius::{RADIUS_PORT, RadiusCode, RadiusDatagram, RadiusPacket};
use super::radius_attribute::{MppeKeyKind, RadiusAttribute};
use super::{AsnTlv, BackboneEndpoint, BackbonePacket, Compound, ControlMessage, GreHeader, GrePacket, MessageKind};
use crate::dot16::identifiers::MsMac;

/// A TLV that is not a compound: of a known type or of any, with a value of a usual length or of any.
fn single_tlv() -> impl Strategy<Value = AsnTlv> {
    let mut known: Vec<u16> = SINGLE_KINDS.iter().map(|(kind, _)| *kind).collect();
    known.extend([62, 261]);
    let kind = prop_oneof![4 => select(known), 1 => any::<u16>()]
        .prop_filter("a compound", |kind| Compound::from_kind(*kind).is_none());
    let length = prop_oneof![4 => select(vec![1_usize, 2, 4, 6, 8, 16, 20]), 1 => 0..40_usize];
    let value = length.prop_flat_map(|length| prop::collection::vec(any::<u8>(), length));
    (kind, value).prop_map(|(kind, value)| AsnTlv::from_value(kind, &value))
}

/// A TLV of any form, nested at most eight deep.
pub fn tlv() -> impl Strategy<Value = AsnTlv> {
    single_tlv().prop_recursive(7, 48, 5, |inner| {
        (select(Compound::ALL), prop::collection::vec(inner, 0..5)).prop_map(|(compound, tlvs)| compound.holding(tlvs))
    })
}

pub fn control_message() -> impl Strategy<Value = ControlMessage> {
    let kind = prop_oneof![select(MessageKind::NAMED), any::<[u8; 2]>().prop_map(MessageKind::from_octets)];
    let tlvs = prop::collection::vec(tlv(), 0..5);
    (any::<u8>(), kind, any::<[u8; 6]>(), any::<u32>(), any::<u16>(), any::<u16>(), tlvs).prop_map(
        |(flags, kind, ms, reserved1, transaction, reserved2, tlvs)| ControlMessage {
            flags,
            kind,
            ms: MsMac(ms),
            reserved1,
            transaction,
            reserved2,
            tlvs,
        },
    )
}

pub fn gre_packet() -> impl Strategy<Value = GrePacket> {
    let payload = prop::collection::vec(any::<u8>(), 0..100);
    (any::<Option<u32>>(), any::<Option<u32>>(), any::<u16>(), payload).prop_map(
        |(key, sequence, protocol, payload)| GrePacket { header: GreHeader { key, sequence, protocol }, payload },
    )
}

pub fn packet() -> impl Strategy<Value = BackbonePacket> {
    prop_oneof![
        control_message().prop_map(BackbonePacket::Control),
        gre_packet().prop_map(BackbonePacket::Data),
        radius_datagram().prop_map(BackbonePacket::Radius),
    ]
}

/// An attribute of a known type or of any, with a value of a usual length or of any; or a key.
fn radius_attribute() -> impl Strategy<Value = RadiusAttribute> {
    let kind = prop_oneof![4 => select(vec![1_u8, 4, 24, 26, 27, 31, 32, 79, 80]), 1 => any::<u8>()];
    let length = prop_oneof![4 => select(vec![1_usize, 4, 16, 48, 253]), 1 => 0..40_usize];
    let value = length.prop_flat_map(|length| prop::collection::vec(any::<u8>(), length));
    let hidden = prop::collection::vec(any::<u8>(), 0..60);
    let key = (select(vec![MppeKeyKind::Send, MppeKeyKind::Recv]), any::<u16>(), hidden);
    prop_oneof![
        4 => (kind, value).prop_map(|(kind, value)| RadiusAttribute::from_value(kind, &value)),
        1 => key.prop_map(|(kind, salt, hidden)| RadiusAttribute::MppeKey { kind, salt, hidden }),
    ]
}

pub fn radius_packet() -> impl Strategy<Value = RadiusPacket> {
    let code = prop_oneof![select(vec![1_u8, 2, 3, 11]), any::<u8>()];
    let attributes = prop::collection::vec(radius_attribute(), 0..8);
    (code, any::<u8>(), any::<[u8; 16]>(), attributes).prop_map(|(code, identifier, authenticator, attributes)| {
        RadiusPacket { code: RadiusCode(code), identifier, authenticator, attributes }
    })
}

pub fn radius_datagram() -> impl Strategy<Value = RadiusDatagram> {
    (any::<u16>(), any::<bool>(), radius_packet()).prop_map(|(client, asks, packet)| {
        let [source, destination] = if asks { [client, RADIUS_PORT] } else { [RADIUS_PORT, client] };
        RadiusDatagram { source, destination, packet }
    })
}

pub fn endpoint() -> impl Strategy<Value = BackboneEndpoint> {
    (any::<[u8; 6]>(), any::<[u8; 4]>()).prop_map(|(mac, ip)| BackboneEndpoint { mac, ip: ip.into() })
}
