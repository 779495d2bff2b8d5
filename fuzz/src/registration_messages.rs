//! REG-REQ, REG-RSP, SBC-REQ and SBC-RSP: TLVs behind a type, with vendor-specific information and security negotiation in them.

use keyhop::dot16::wire::{ManagementMessage, RegReq, RegRsp, SbcMessage};

use crate::messages::{comes_back, fit_tlvs, of_family};
use crate::promises::explains;

/// SA-TEK-Update and its two TEK parameters, security negotiation, vendor-specific information.
const HOLDING: [(u8, usize); 5] = [(38, 0), (4, 0), (5, 0), (25, 0), (143, 0)];

/// Reads the octets as a message of this family, as they are and with lengths that fit.
pub fn run(octets: &[u8]) {
    let mut message = of_family(octets, &[RegReq::TYPE, RegRsp::TYPE, SbcMessage::REQ, SbcMessage::RSP]);
    holds(&message);
    let start = if message.first() == Some(&RegRsp::TYPE) { 2 } else { 1 };
    fit_tlvs(&mut message, start, &HOLDING);
    holds(&message);
}

fn holds(octets: &[u8]) {
    comes_back(octets);
    let holds_tlv = |kind: u8| octets.contains(&kind);
    match ManagementMessage::parse(octets) {
        Ok(ManagementMessage::RegReq(request)) => {
            assert!(request.vendor().is_none() || holds_tlv(143));
            assert!(request.cmac_tuple().is_none() || holds_tlv(141));
        }
        Ok(ManagementMessage::RegRsp(response)) => {
            assert!(response.vendor().is_none() || holds_tlv(143));
            assert!(response.cmac_tuple().is_none() || holds_tlv(141));
        }
        Ok(ManagementMessage::SbcReq(message) | ManagementMessage::SbcRsp(message)) => {
            let negotiation = message.security_negotiation();
            assert!(negotiation.is_none() || holds_tlv(25));
            let _ = negotiation.and_then(|negotiation| negotiation.pn_window_size());
        }
        Ok(other) => panic!("{other:?} is not of this family"),
        Err(error) => {
            explains(&error, octets);
            assert!(RegReq::parse(octets).is_err() && RegRsp::parse(octets).is_err());
        }
    }
}
