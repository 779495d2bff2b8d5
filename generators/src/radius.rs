//! RADIUS packets and their attributes (RFC 2865, RFC 3579, RFC 2548).

use keyhop::dot16::backbone::radius::{RADIUS_PORT, RadiusCode, RadiusDatagram, RadiusPacket};
use keyhop::dot16::backbone::radius_attribute::{LONGEST_VALUE, MppeKeyKind, RadiusAttribute};
use proptest::prelude::*;

use crate::choice::select;
use crate::list::list;
use crate::octets::{array, flag, number, octets};
use crate::one_of;

/// An attribute of a known type or of any, with a value of a usual length or of any; or a key.
pub fn radius_attribute() -> BoxedStrategy<RadiusAttribute> {
    let kind = one_of![4 => select([1_u8, 4, 24, 26, 27, 31, 32, 79, 80]), 1 => number()];
    let value = one_of![
        8 => one_of![octets(1..2), octets(4..5), octets(16..17), octets(48..49), octets(LONGEST_VALUE..LONGEST_VALUE + 1)],
        2 => octets(0..40),
    ];
    let key = (select([MppeKeyKind::Send, MppeKeyKind::Recv]), number(), octets(0..60));
    one_of![
        4 => (kind, value).prop_map(|(kind, value)| RadiusAttribute::from_value(kind, &value)),
        1 => key.prop_map(|(kind, salt, hidden)| RadiusAttribute::MppeKey { kind, salt, hidden }),
    ]
    .boxed()
}

/// A packet of up to seven attributes.
pub fn radius_packet() -> BoxedStrategy<RadiusPacket> {
    let code = one_of![select([1_u8, 2, 3, 11]), number()];
    (code, number(), array(), list(radius_attribute(), 0..8))
        .prop_map(|(code, identifier, authenticator, attributes)| RadiusPacket {
            code: RadiusCode(code),
            identifier,
            authenticator,
            attributes,
        })
        .boxed()
}

/// A packet to or from the port of RADIUS.
pub fn radius_datagram() -> BoxedStrategy<RadiusDatagram> {
    (number(), flag(), radius_packet())
        .prop_map(|(client, asks, packet)| {
            let [source, destination] = if asks { [client, RADIUS_PORT] } else { [RADIUS_PORT, client] };
            RadiusDatagram { source, destination, packet }
        })
        .boxed()
}
