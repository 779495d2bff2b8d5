//! What Ethernet frames of the backbone carry, and between whom (RFC 791, RFC 768).

use keyhop::dot16::backbone::{BackboneEndpoint, BackbonePacket, encapsulate};
use proptest::prelude::*;

use crate::asn_control::control_message;
use crate::gre::gre_packet;
use crate::octets::{array, number};
use crate::one_of;
use crate::radius::radius_datagram;

/// A packet of the backbone, of each kind alike.
pub fn packet() -> BoxedStrategy<BackbonePacket> {
    one_of![
        gre_packet().prop_map(BackbonePacket::Data),
        control_message().prop_map(BackbonePacket::Control),
        radius_datagram().prop_map(BackbonePacket::Radius),
    ]
    .boxed()
}

/// Someone on the backbone.
pub fn endpoint() -> impl Strategy<Value = BackboneEndpoint> + Clone {
    (array(), array::<4>()).prop_map(|(mac, ip)| BackboneEndpoint { mac, ip: ip.into() })
}

/// The octets of a whole frame.
pub fn frame() -> BoxedStrategy<Vec<u8>> {
    (endpoint(), endpoint(), number(), packet())
        .prop_map(|(from, to, identification, packet)| {
            encapsulate(&from, &to, identification, &packet).expect("a packet that fits IPv4")
        })
        .boxed()
}
