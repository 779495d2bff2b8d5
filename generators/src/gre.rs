//! GRE packets (RFC 2784, RFC 2890).

use keyhop::dot16::backbone::{GreHeader, GrePacket};
use proptest::prelude::*;

use crate::choice::maybe;
use crate::octets::{number, octets};

/// A GRE packet with or without key and sequence number, and up to 99 octets of payload.
pub fn gre_packet() -> BoxedStrategy<GrePacket> {
    (maybe(number()), maybe(number()), number(), octets(0..100))
        .prop_map(|(key, sequence, protocol, payload)| GrePacket {
            header: GreHeader { key, sequence, protocol },
            payload,
        })
        .boxed()
}
