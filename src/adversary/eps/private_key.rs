//! What somebody makes of the private key of an ME that is found when all is over (seed 003, point 2 of `eps-systems.md` 3.2): every
//! KASMEtemp that was encrypted to it on the air.

use super::nas_in_frame::NasInFrame;
use crate::eps::keys::Kasme;
use crate::eps::security::key_transport::{PrivateKey, open};
use crate::eps::wire::nas::element::TAG_SEALED;
use crate::eps::wire::nas::{EmmMessage, FurtherElement, NasMessage};

/// What these frames of the air carry that the key opens: each encrypted KASMEtemp once, with what is in it.
#[must_use]
pub fn opened<'a>(frames: impl Iterator<Item = &'a [u8]>, key: &PrivateKey) -> Vec<(Vec<u8>, Kasme)> {
    let mut found: Vec<(Vec<u8>, Kasme)> = Vec::new();
    for octets in frames {
        let Some((_, nas)) = NasInFrame::read(octets, true) else { continue };
        let Ok(NasMessage::Protected(message)) = NasMessage::parse(&nas) else { continue };
        let Ok(EmmMessage::SecurityModeCommand { elements, .. }) = EmmMessage::parse(&message.message) else {
            continue;
        };
        let Some(sealed) = FurtherElement::of(&elements, TAG_SEALED) else { continue };
        if found.iter().any(|(known, _)| known == sealed) {
            continue;
        }
        if let Ok(kasme) = open(key, sealed) {
            found.push((sealed.to_vec(), kasme));
        }
    }
    found
}
