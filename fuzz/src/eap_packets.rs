//! EAP packets, the EAP-TLS data in them, the RADIUS attributes that carry them, and the name in a certificate.

use keyhop::dot16::backbone::RadiusPacket;
use keyhop::dot16::backbone::radius::{RadiusCode, eap_messages};
use keyhop::dot16::security::eap_tls::common_name::common_name;
use keyhop::dot16::wire::{EapExchange, EapPacket, EapTlsData};

use crate::promises::{explains, within_memory};

/// Reads the octets as they are, and with a length field that is right.
pub fn run(octets: &[u8]) {
    packet_comes_back(octets);
    data_come_back(octets);
    if let Some(name) = within_memory(octets, || common_name(octets)) {
        let stands_in = octets.windows(name.len().max(1)).any(|window| window == name.as_bytes());
        assert!(stands_in || name.is_empty(), "{name:?} is in the certificate");
    }
    let mut repaired = octets.to_vec();
    if let (Some(length), Ok(whole)) = (repaired.get_mut(2..4), u16::try_from(octets.len())) {
        length.copy_from_slice(&whole.to_be_bytes());
        packet_comes_back(&repaired);
    }
}

fn packet_comes_back(octets: &[u8]) {
    let packet = match within_memory(octets, || EapPacket::parse(octets)) {
        Ok(packet) => packet,
        Err(error) => return explains(&error, octets),
    };
    assert_eq!(packet.octets().as_deref(), Ok(octets));
    assert!(!packet.name().is_empty());
    if let EapPacket::Request(exchange) | EapPacket::Response(exchange) = &packet
        && exchange.kind == EapExchange::TLS
    {
        data_come_back(&exchange.data);
    }
    let attributes = eap_messages(octets).collect();
    let radius = RadiusPacket { code: RadiusCode::ACCESS_REQUEST, identifier: 0, authenticator: [0; 16], attributes };
    assert_eq!(radius.eap_packet().as_deref(), Some(octets));
}

fn data_come_back(octets: &[u8]) {
    match within_memory(octets, || EapTlsData::parse(octets)) {
        Ok(data) => assert_eq!(data.octets().as_deref(), Ok(octets)),
        Err(error) => explains(&error, octets),
    }
}
