//! EAP packets and the TLS records in them (RFC 3748, RFC 5216; `keyhop::dot16::wire::{EapPacket, EapTlsData}`).

use keyhop::dot16::wire::{EapExchange, EapPacket, EapTlsData};

use super::expectation::Expectation;

/// The packet, whose fields end the TLV that carries it.
pub fn packet(fields: &mut Expectation, octets: &[u8]) {
    let Ok(packet) = EapPacket::parse(octets) else {
        fields.rest("eap-refused");
        return;
    };
    let (code, identifier, exchange) = match &packet {
        EapPacket::Request(exchange) => (1, exchange.identifier, Some(exchange)),
        EapPacket::Response(exchange) => (2, exchange.identifier, Some(exchange)),
        EapPacket::Success { identifier } => (3, *identifier, None),
        EapPacket::Failure { identifier } => (4, *identifier, None),
    };
    fields.is("eap.code", code);
    fields.is("eap.id", identifier);
    fields.is("eap.len", octets.len());
    let Some(exchange) = exchange else { return };
    fields.is("eap.type", exchange.kind);
    match (exchange.kind, str::from_utf8(&exchange.data)) {
        (EapExchange::IDENTITY, Ok("")) => {}
        (EapExchange::IDENTITY, Ok(identity)) if exchange.data.iter().all(u8::is_ascii_graphic) => {
            fields.is("eap.identity", identity);
        }
        (EapExchange::TLS, _) => tls(fields, &exchange.data),
        _ => fields.rest("eap-method"),
    }
}

fn tls(fields: &mut Expectation, data: &[u8]) {
    let Ok(tls) = EapTlsData::parse(data) else {
        fields.rest("eap-refused");
        return;
    };
    fields.hex("eap.tls.flags", data[0], 2);
    fields.is("eap.tls.flags.len_included", u8::from(tls.length.is_some()));
    fields.is("eap.tls.flags.more_fragments", u8::from(tls.more));
    fields.is("eap.tls.flags.start", u8::from(tls.start));
    if let Some(length) = tls.length {
        fields.is("eap.tls.len", length);
    }
    let mut rest = tls.tls.as_slice();
    while let [kind @ 20..=23, 3, minor @ 1..=3, high, low, after @ ..] = rest {
        let length = u16::from_be_bytes([*high, *low]);
        let Some(behind) = after.get(usize::from(length)..) else { break };
        fields.is("tls.record.content_type", kind);
        fields.hex("tls.record.version", u16::from_be_bytes([3, *minor]), 4);
        fields.is("tls.record.length", length);
        rest = behind;
    }
    if !rest.is_empty() {
        fields.rest("eap-refused");
    }
}
