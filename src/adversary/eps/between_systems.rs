//! What somebody who has keys of one system makes of them when a UE goes to the other (seed 001, acceptance list 2.2, points 5 to 7).
//!
//! RRC of UTRAN is not ciphered: what the commands to E-UTRAN say for keys, a target with its fresh number or a nonce, everybody hears. So
//! it is with the nonces of a UE that comes there by itself.

use super::user_plane::is_header;
use crate::eps::keys::{CkIk, Kasme};
use crate::eps::node::radio_side::RadioSide;
use crate::eps::parameters::{LinkDirection, TargetInput};
use crate::eps::security::inter_system::{ck_ik_of_count, kasme_of_nonce, kasme_of_nonces};
use crate::eps::security::snow3g::uea2;
use crate::eps::security::utran::USER_BEARER;
use crate::eps::wire::inter_system::NasSecurityToEutra;
use crate::eps::wire::nas::{EmmMessage, NasMessage};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::DlDcchMessage;
use crate::eps::wire::rrc::utran::UtranDlMessage;
use crate::eps::wire::{UtranContents, UtranFrame};
use crate::time::VirtualTime;

/// Downlink NAS COUNTs of which CK and IK are tried.
const COUNTS: u32 = 64;
/// COUNTs that a sequence number of 12 bits tells apart.
const SEQUENCE_NUMBERS: u32 = 4_096;
/// Octets of an IPv4 header without options: by them a key is tried.
const HEADER: usize = 20;

/// The CKs and IKs that a KASME may have been turned into by the standard.
pub(super) fn of_counts(kasme: &Kasme) -> impl Iterator<Item = CkIk> + '_ {
    (0..COUNTS).map(|count| ck_ik_of_count(kasme, count))
}

/// The user packets of a stay in UTRAN that CK opens.
pub(super) fn packets(frames: &[(VirtualTime, UtranFrame)], keys: &CkIk) -> Vec<(VirtualTime, Vec<u8>)> {
    let Some(ck) = keys.octets().first_chunk::<16>() else { return Vec::new() };
    let mut next = [0_u32; 2];
    let mut packets = Vec::new();
    for (time, frame) in frames {
        let UtranContents::User { sequence_number, packet } = &frame.contents else { continue };
        let next = &mut next[frame.direction as usize];
        let count = *next + u32::from(*sequence_number).wrapping_sub(*next) % SEQUENCE_NUMBERS;
        let mut octets = packet.clone();
        uea2(ck, count, USER_BEARER - 1, frame.direction, &mut octets);
        if octets.get(..HEADER).is_some_and(|header| is_header(header, octets.len())) {
            *next = count.saturating_add(1);
            packets.push((*time, octets));
        }
    }
    packets
}

/// The KASMEs that the commands to E-UTRAN in these frames make of CK and IK.
pub(super) fn made_of(frames: &[(VirtualTime, UtranFrame)], keys: &[CkIk]) -> Vec<Kasme> {
    let mut kasmes = Vec::new();
    for (_, frame) in frames {
        let UtranContents::Signalling(message) = &frame.contents else { continue };
        if frame.direction != LinkDirection::Downlink {
            continue;
        }
        let Ok((_, UtranDlMessage::HandoverFromUtran { eutra, .. })) = UtranDlMessage::parse(message) else { continue };
        let Ok(DlDcchMessage::HandoverToEutra(command)) = DlDcchMessage::parse(&eutra) else { continue };
        let nonce = NasSecurityToEutra::from_octets(command.nas_security).map(|told| told.nonce);
        for keys in keys {
            kasmes.extend(nonce.map(|nonce| kasme_of_nonce(keys, nonce)));
            kasmes.extend(command.nas.iter().filter_map(|nas| target(nas)).map(|input| input.kasme(keys)));
        }
    }
    kasmes
}

/// The KASMEs that security mode commands in these frames make of CK and IK, of a UE that was idle in UTRAN and has no other keys yet: its
/// nonce and that of the MME stand in them, and nothing ciphers them.
pub(super) fn made_of_nonces(frames: &[(VirtualTime, RadioFrame)], keys: &[CkIk]) -> Vec<Kasme> {
    let mut kasmes = Vec::new();
    for (_, frame) in frames.iter().filter(|(_, frame)| frame.direction == LinkDirection::Downlink) {
        let message = RadioSide::unchecked(frame).and_then(|octets| DlDcchMessage::parse(&octets).ok());
        let Some(DlDcchMessage::InformationTransfer { nas, .. }) = message else { continue };
        let Ok(NasMessage::Protected(protected)) = NasMessage::parse(&nas) else { continue };
        let command = EmmMessage::parse(&protected.message);
        if let Ok(EmmMessage::SecurityModeCommand { nonces: Some(nonces), .. }) = command {
            kasmes.extend(keys.iter().map(|keys| kasme_of_nonces(keys, nonces.ue, nonces.mme)));
        }
    }
    kasmes
}

/// The target and fresh number in a NAS message that is not ciphered.
fn target(nas: &[u8]) -> Option<TargetInput> {
    let NasMessage::Protected(protected) = NasMessage::parse(nas).ok()? else { return None };
    match EmmMessage::parse(&protected.message).ok()? {
        EmmMessage::DownlinkGenericTransport(container) => container.target().ok(),
        _ => None,
    }
}
