//! What somebody makes of CK and IK that he holds: KASME of a UE that goes to E-UTRAN, with what the command to there says, which is not
//! ciphered on the air of UTRAN (seed 001, acceptance list 2.2, points 6 and 7). Packets in UTRAN itself are not counted.

use super::holder::Holder;
use crate::eps::security::inter_system::kasme_of_nonce;
use crate::eps::wire::inter_system::NasSecurityToEutra;
use crate::eps::wire::nas::{EmmMessage, NasMessage};
use crate::eps::wire::rrc::utran::UtranDlMessage;
use crate::eps::wire::rrc::{DlDcchMessage, HandoverToEutra};
use crate::eps::wire::{UtranContents, UtranFrame};

impl Holder {
    /// Hears a frame on the air of UTRAN.
    pub fn hear_utran(&mut self, octets: &[u8]) {
        let Some(HandoverToEutra { nas, nas_security, .. }) = command(octets) else { return };
        let target = nas.first().and_then(|message| match NasMessage::parse(message) {
            Ok(NasMessage::Protected(protected)) => match EmmMessage::parse(&protected.message) {
                Ok(EmmMessage::DownlinkGenericTransport(container)) => container.target().ok(),
                _ => None,
            },
            _ => None,
        });
        let nonce = NasSecurityToEutra::from_octets(nas_security).map(|told| told.nonce);
        for keys in &self.ck_iks {
            // One is right at the most: a KASME that nobody has opens nothing.
            self.kasmes.extend(target.as_ref().map(|input| input.kasme(keys)));
            self.kasmes.extend(nonce.map(|nonce| kasme_of_nonce(keys, nonce)));
        }
    }
}

/// The command to E-UTRAN in a frame.
fn command(octets: &[u8]) -> Option<HandoverToEutra> {
    let UtranContents::Signalling(message) = UtranFrame::parse(octets).ok()?.contents else { return None };
    let (_, UtranDlMessage::HandoverFromUtran { eutra, .. }) = UtranDlMessage::parse(&message).ok()? else {
        return None;
    };
    match DlDcchMessage::parse(&eutra).ok()? {
        DlDcchMessage::HandoverToEutra(command) => Some(command),
        _ => None,
    }
}
