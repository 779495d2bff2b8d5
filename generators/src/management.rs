//! Any management message (`dot16-wire.md` 3).

use keyhop::dot16::wire::ManagementMessage;
use proptest::prelude::*;

use crate::octets::{number, octets};
use crate::{mobility, one_of, pkm, ranging, registration};

/// A message of a type, 100 to 255, that is not decoded.
fn other() -> BoxedStrategy<ManagementMessage> {
    (number::<u8>(), octets(0..50))
        .prop_map(|(kind, body)| ManagementMessage::Other { message_type: 100 + kind % 156, body })
        .boxed()
}

/// Any management message, of every kind alike.
pub fn management_message() -> BoxedStrategy<ManagementMessage> {
    one_of![
        ranging::rng_req().prop_map(ManagementMessage::RngReq),
        ranging::rng_rsp().prop_map(ManagementMessage::RngRsp),
        registration::reg_req().prop_map(ManagementMessage::RegReq),
        registration::reg_rsp().prop_map(ManagementMessage::RegRsp),
        registration::sbc().prop_map(ManagementMessage::SbcReq),
        registration::sbc().prop_map(ManagementMessage::SbcRsp),
        mobility::mob_nbr_adv().prop_map(ManagementMessage::MobNbrAdv),
        mobility::mob_msho_req().prop_map(ManagementMessage::MobMshoReq),
        mobility::mob_bsho_rsp().prop_map(ManagementMessage::MobBshoRsp),
        mobility::mob_ho_ind().prop_map(ManagementMessage::MobHoInd),
        pkm::pkm_message().prop_map(ManagementMessage::PkmReq),
        pkm::pkm_message().prop_map(ManagementMessage::PkmRsp),
        registration::dreg().prop_map(ManagementMessage::DregCmd),
        registration::dreg().prop_map(ManagementMessage::DregReq),
        other(),
    ]
    .boxed()
}
