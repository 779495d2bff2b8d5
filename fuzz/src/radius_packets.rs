//! RADIUS packets and their attributes, with what the shared secret is asked about them.

use keyhop::dot16::backbone::radius_attribute::MppeKeyKind;
use keyhop::dot16::backbone::{RadiusAttribute, RadiusPacket};
use keyhop::dot16::security::radius::RadiusSecret;

use crate::promises::{explains, within_memory};

/// Reads the octets as they are, and with a length field that is right.
pub fn run(octets: &[u8]) {
    comes_back(octets);
    let mut repaired = octets.to_vec();
    if let (Some(length), Ok(whole)) = (repaired.get_mut(2..4), u16::try_from(octets.len())) {
        length.copy_from_slice(&whole.to_be_bytes());
        comes_back(&repaired);
    }
}

/// The same octets come back; padding after the packet is not part of it.
pub fn comes_back(octets: &[u8]) {
    let packet = match within_memory(octets, || RadiusPacket::parse(octets)) {
        Ok(packet) => packet,
        Err(error) => return explains(&error, octets),
    };
    let written = packet.octets().expect("what was read can be written");
    assert!(octets.starts_with(&written), "{packet:?}");
    assert!(!packet.code.name().is_empty());
    let eap = |attribute: &RadiusAttribute| matches!(attribute, RadiusAttribute::EapMessage(_));
    assert_eq!(packet.eap_packet().is_some(), packet.attributes.iter().any(eap));
    let _ = (packet.state(), packet.calling_station(), packet.session_timeout(), packet.mppe_key(MppeKeyKind::Send));
    secret_answers(packet);
}

/// Nobody can guess what the secret protects, and what it signs it believes.
fn secret_answers(mut packet: RadiusPacket) {
    let secret = RadiusSecret::new(b"shared by Authenticator and server".to_vec());
    let authenticator = packet.authenticator;
    assert!(secret.verify_request(&packet).is_err());
    assert!(secret.verify_response(&packet, &authenticator).is_err());
    let _ = secret.reveal_msk(&packet, &authenticator);
    packet.attributes.retain(|attribute| !matches!(attribute, RadiusAttribute::MessageAuthenticator(_)));
    // A packet that is full has no room for the signature.
    if secret.sign_response(&mut packet, &authenticator).is_ok() {
        assert_eq!(secret.verify_response(&packet, &authenticator), Ok(()));
        packet.authenticator = authenticator;
        assert_eq!(secret.verify_request(&packet), Ok(()));
    }
}
