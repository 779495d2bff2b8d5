//! The search for C-RNTI: whoever holds the KeNB of the source and has not heard C-RNTI tries all of its values against one MAC-I
//! (acceptance list 1.3, point 3).

use super::holder::Visit;
use crate::eps::keys::Kenb;
use crate::eps::node::radio_side::RadioSide;
use crate::eps::node::settings::Agreement;
use crate::eps::parameters::Algorithms;
use crate::eps::security::handover_keys::AsKeys;
use crate::eps::security::protection::AsSecurity;
use crate::eps::wire::mac_pdu::{LCID_SRB1, MacPdu};
use crate::eps::wire::radio_frame::RadioFrame;

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// How many values were tried, at most 65,536.
    pub trials: u32,
    /// The value whose key verifies the MAC-I.
    pub c_rnti: Option<u16>,
}

/// Searches C-RNTI of `next`, the cell after that of `kenb`, whose own C-RNTI is not looked at. `None`: no message was heard there
/// that has a MAC-I.
#[must_use]
pub fn search(kenb: &Kenb, next: &Visit, agreement: &Agreement) -> Option<Found> {
    let signalling = |frame: &&RadioFrame| MacPdu::parse(&frame.mac_pdu).is_ok_and(|mac| mac.lcid == LCID_SRB1);
    let first = next.frames.iter().map(|(_, frame)| frame).find(signalling)?;
    let star = agreement.derivation.chained(kenb);
    let Algorithms { ciphering, integrity } = next.algorithms;
    let mut trials = 0;
    for c_rnti in 0..=u16::MAX {
        trials += 1;
        let candidate = agreement.derivation.target(&star, agreement.c_rnti(c_rnti));
        let mut security = AsSecurity::new(AsKeys::derive(&candidate, ciphering, integrity), ciphering, integrity);
        if RadioSide::open(first, &mut security).is_ok() {
            return Some(Found { trials, c_rnti: Some(c_rnti) });
        }
    }
    Some(Found { trials, c_rnti: None })
}
