//! A control message of the backbone: refused with an error, or it comes back as it was and says of its TLVs what is in them.
//!
//! Lengths are also put right before reading, so that the fuzzer does not have to guess them.

use keyhop::dot16::backbone::{AsnTlv, Compound, ControlMessage, MessageKind, TlvLookup};

use crate::promises::{explains, within_memory};

/// Octets of the header.
const HEADER: usize = 20;

/// Reads the octets as they are, with a length of the message that is right, and with lengths of the TLVs that fit.
pub fn run(octets: &[u8]) {
    comes_back(octets);
    let mut repaired = octets.to_vec();
    if let (Some(length), Ok(whole)) = (repaired.get_mut(4..6), u16::try_from(octets.len())) {
        length.copy_from_slice(&whole.to_be_bytes());
        comes_back(&repaired);
        fit_tlvs(repaired.get_mut(HEADER..).unwrap_or_default());
        comes_back(&repaired);
    }
}

fn fit_tlvs(octets: &mut [u8]) {
    let mut rest = octets;
    while let Some(([high, low, length @ ..], value)) = rest.split_first_chunk_mut::<4>() {
        let fitting = usize::from(u16::from_be_bytes(*length)).min(value.len());
        *length = (fitting as u16).to_be_bytes();
        let (value, next) = value.split_at_mut(fitting);
        if Compound::from_kind(u16::from_be_bytes([*high, *low])).is_some() {
            fit_tlvs(value);
        }
        rest = next;
    }
}

/// Holds a message against what its parser promises.
pub fn comes_back(octets: &[u8]) {
    let message = match within_memory(octets, || ControlMessage::parse(octets)) {
        Ok(message) => message,
        Err(error) => return explains(&error, octets),
    };
    assert_eq!(message.octets().as_deref(), Ok(octets), "{message:?}");
    assert_eq!(MessageKind::from_octets(message.kind.octets()), message.kind);
    assert!(!message.kind.to_string().is_empty());
    list_answers(&message.tlvs);
}

/// Every lookup, at every level.
fn list_answers(tlvs: &[AsnTlv]) {
    for tlv in tlvs {
        assert!(!tlv.name().is_empty());
        assert!(!format!("{tlv:?}").is_empty());
    }
    let private = (tlvs.primary_cid(), tlvs.receive_window(), tlvs.ranging_deadline());
    let says = tlvs.is_issued_before() || tlvs.is_seamless() || private != (None, None, None);
    assert!(!says || tlvs.iter().any(|tlv| matches!(tlv, AsnTlv::VendorSpecific { .. })));
    assert!(tlvs.eap_payload().is_none() || tlvs.iter().any(|tlv| matches!(tlv, AsnTlv::EapPayload(_))));
    for compound in Compound::ALL {
        assert_eq!(tlvs.has(*compound), tlvs.each(*compound).next().is_some());
        assert_eq!(tlvs.inside(*compound), tlvs.each(*compound).next().unwrap_or_default());
        tlvs.each(*compound).for_each(list_answers);
    }
}
