//! RNG-REQ and RNG-RSP, with what they hold: REG-RSP encodings with SA-TEK-Updates, SA challenge, answers to ranging codes.

use keyhop::dot16::wire::{ManagementMessage, RngReq, RngRsp, cdma_code};

use crate::messages::{comes_back, fit_tlvs, of_family};
use crate::promises::explains;

/// REG-RSP encodings, SA challenge, SA-TEK-Update and its two TEK parameters, vendor-specific information.
const HOLDING: [(u8, usize); 6] = [(30, 1), (31, 0), (38, 0), (4, 0), (5, 0), (143, 0)];

/// Reads the octets as a message of this family, as they are and with lengths that fit.
pub fn run(octets: &[u8]) {
    let mut message = of_family(octets, &[RngReq::TYPE, RngRsp::TYPE]);
    holds(&message);
    fit_tlvs(&mut message, 2, &HOLDING);
    holds(&message);
}

fn holds(octets: &[u8]) {
    comes_back(octets);
    match ManagementMessage::parse(octets) {
        Ok(ManagementMessage::RngReq(request)) => request_answers(&request),
        Ok(ManagementMessage::RngRsp(response)) => response_answers(&response, octets),
        Ok(other) => panic!("{other:?} is not of this family"),
        Err(error) => {
            explains(&error, octets);
            assert!(RngReq::parse(octets).is_err() && RngRsp::parse(octets).is_err());
        }
    }
}

fn request_answers(request: &RngReq) {
    let kinds: Vec<u8> = request.tlvs.iter().map(|tlv| tlv.kind()).collect();
    let found = [
        (2, request.ss_mac_address().is_some()),
        (5, request.serving_bsid().is_some()),
        (6, request.ranging_purpose().is_some()),
        (7, request.ho_id().is_some()),
        (13, request.cmac_key_count().is_some()),
        (141, request.cmac_tuple().is_some()),
    ];
    for (kind, there) in found {
        assert!(!there || kinds.contains(&kind), "{request:?}");
    }
}

fn response_answers(response: &RngRsp, octets: &[u8]) {
    let kinds: Vec<u8> = response.tlvs.iter().map(|tlv| tlv.kind()).collect();
    let found = [
        (4, response.ranging_status().is_some()),
        (8, response.ss_mac_address().is_some()),
        (9, response.basic_cid().is_some()),
        (10, response.primary_cid().is_some()),
        (21, response.ho_process_optimization().is_some()),
        (22, response.ho_id().is_some()),
        (31, response.sa_challenge_tuple().is_some()),
        (30, response.sa_tek_updates().next().is_some()),
        (141, response.cmac_tuple().is_some()),
    ];
    for (kind, there) in found {
        assert!(!there || kinds.contains(&kind), "{response:?}");
    }
    if let Some(optimization) = response.ho_process_optimization() {
        assert_eq!(optimization.with_security(optimization.security()), optimization);
    }
    if let Some([.., code, symbol, subchannel]) = octets.get(..5) {
        let code = [*code, *symbol, *subchannel & 0x3f];
        assert!(cdma_code::answers(&cdma_code::answer(code), code));
        let _ = cdma_code::answers(response, code);
    }
}
