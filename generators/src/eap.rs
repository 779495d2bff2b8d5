//! EAP packets and the data of EAP-TLS (RFC 3748 section 4, RFC 5216 section 3).

use keyhop::dot16::wire::{EapExchange, EapPacket, EapTlsData};
use proptest::prelude::*;

use crate::choice::{flags, maybe, select};
use crate::octets::{bits, number, octets};
use crate::one_of;

/// Data of an EAP packet of type 13.
pub fn eap_tls_data() -> BoxedStrategy<EapTlsData> {
    (flags(), maybe(number()), bits(5), octets(0..200))
        .prop_map(|([start, more], length, reserved, tls)| EapTlsData { start, more, length, reserved, tls })
        .boxed()
}

fn eap_exchange() -> BoxedStrategy<EapExchange> {
    let tls = eap_tls_data().prop_map(|data| (EapExchange::TLS, data.octets().expect("data that can be written")));
    let usual = (select([EapExchange::IDENTITY, EapExchange::NOTIFICATION, EapExchange::NAK]), octets(0..40));
    let any = (number(), octets(0..200));
    (number(), one_of![usual, tls, any])
        .prop_map(|(identifier, (kind, data))| EapExchange { identifier, kind, data })
        .boxed()
}

/// An EAP packet of any of the four codes.
pub fn eap_packet() -> BoxedStrategy<EapPacket> {
    one_of![
        1 => number().prop_map(|identifier| EapPacket::Success { identifier }),
        1 => number().prop_map(|identifier| EapPacket::Failure { identifier }),
        3 => eap_exchange().prop_map(EapPacket::Request),
        3 => eap_exchange().prop_map(EapPacket::Response),
    ]
    .boxed()
}
