//! The MOB messages, whose fields are bits: MOB_NBR-ADV, MOB_MSHO-REQ, MOB_BSHO-RSP, MOB_HO-IND.

use keyhop::dot16::wire::{ManagementMessage, MobBshoRsp, MobHoInd, MobMshoReq, MobNbrAdv};

use crate::messages::{comes_back, of_family};
use crate::promises::explains;

/// Reads the octets as a message of this family.
pub fn run(octets: &[u8]) {
    let message = of_family(octets, &[MobNbrAdv::TYPE, MobMshoReq::TYPE, MobBshoRsp::TYPE, MobHoInd::TYPE]);
    comes_back(&message);
    each_by_itself(&message);
    match ManagementMessage::parse(&message) {
        Ok(ManagementMessage::MobNbrAdv(advertisement)) => {
            let operator = advertisement.operator_id.unwrap_or_default();
            for neighbour in &advertisement.neighbours {
                assert_eq!(neighbour.bsid(operator).is_some(), neighbour.bsid_low.is_some());
            }
        }
        Ok(ManagementMessage::MobBshoRsp(response)) => {
            for bs in response.recommended() {
                assert_eq!(bs.optimization().low_octet(), bs.ho_process_optimization);
            }
            let _ = response.resource_retain_time();
            if let Some(vendor) = response.vendor() {
                let _ = (vendor.seamless(), vendor.ranging_deadline(), vendor.candidates().count());
            }
        }
        Ok(ManagementMessage::MobHoInd(indication)) => {
            let _ = indication.target_bsid();
        }
        _ => {}
    }
}

/// The parser of each message, also where the mode is one that [`ManagementMessage`] leaves alone or the type is another's.
fn each_by_itself(message: &[u8]) {
    let faults = [
        MobNbrAdv::parse(message).err(),
        MobMshoReq::parse(message).err(),
        MobBshoRsp::parse(message).err(),
        MobHoInd::parse(message).err(),
    ];
    assert!(faults.iter().flatten().count() >= 3, "a message has one type");
    for error in faults.iter().flatten() {
        explains(error, message);
    }
}
