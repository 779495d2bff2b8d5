//! PKM-REQ and PKM-RSP with their attributes, and the EAP packets in them.

use keyhop::dot16::wire::{EapPacket, ManagementMessage, PkmMessage};

use crate::messages::{comes_back, fit_tlvs, of_family};
use crate::promises::explains;

/// TEK parameters, SA descriptor, security negotiation, SA-TEK-Update and its two TEK parameters, vendor information.
const HOLDING: [(u8, usize); 7] = [(13, 0), (23, 0), (25, 0), (38, 0), (4, 0), (5, 0), (143, 0)];

/// Reads the octets as a message of this family, as they are and with lengths that fit.
pub fn run(octets: &[u8]) {
    let mut message = of_family(octets, &[PkmMessage::REQ, PkmMessage::RSP]);
    holds(&message);
    fit_tlvs(&mut message, 3, &HOLDING);
    holds(&message);
}

fn holds(octets: &[u8]) {
    comes_back(octets);
    match ManagementMessage::parse(octets) {
        Ok(ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message)) => answers(&message),
        Ok(other) => panic!("{other:?} is not of this family"),
        Err(error) => explains(&error, octets),
    }
}

fn answers(message: &PkmMessage) {
    assert!(message.code.name().is_some() || !message.code.is_authentication());
    let kinds: Vec<u8> = message.attributes.iter().map(|attribute| attribute.kind()).collect();
    let found = [
        (9, message.key_lifetime().is_some()),
        (10, message.ak_sn().is_some()),
        (12, message.said().is_some()),
        (13, message.tek_parameters().next().is_some()),
        (16, message.error_code().is_some()),
        (23, message.sa_descriptors().next().is_some()),
        (25, message.security_negotiation().is_some()),
        (28, message.eap_payload().is_some()),
        (29, message.nonce().is_some()),
        (33, message.ms_random().is_some()),
        (34, message.bs_random().is_some()),
        (38, message.sa_tek_updates().next().is_some()),
        (40, message.cmac_tuple().is_some()),
        (45, message.akid().is_some()),
        (143, message.vendor().is_some()),
    ];
    for (kind, there) in found {
        assert!(!there || kinds.contains(&kind), "{message:?}");
    }
    if let Some(payload) = message.eap_payload() {
        match EapPacket::parse(payload) {
            Ok(packet) => assert_eq!(packet.octets().as_deref(), Ok(payload)),
            Err(error) => explains(&error, payload),
        }
    }
}
