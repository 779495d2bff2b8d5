//! One end of LLC with a UE: what its next frames are numbered.

use crate::eps::wire::gprs::llc::{NUMBERS, PDU_NUMBERS};
use crate::eps::wire::gprs::{LlcContents, LlcFrame};

/// What comes next in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct LlcNumbers {
    gmm: u16,
    user: u16,
    packet: u16,
}

/// The number, and the one after it.
const fn take(next: &mut u16, numbers: u16) -> u16 {
    let number = *next;
    *next = (number + 1) % numbers;
    number
}

impl LlcNumbers {
    /// The frame of a message of mobility management.
    #[must_use]
    pub const fn gmm(&mut self, from_sgsn: bool, message: Vec<u8>) -> LlcFrame {
        LlcFrame { from_sgsn, number: take(&mut self.gmm, NUMBERS), contents: LlcContents::Gmm(message) }
    }

    /// The frame of a user packet.
    #[must_use]
    pub const fn user(&mut self, from_sgsn: bool, packet: Vec<u8>) -> LlcFrame {
        let contents = LlcContents::User { number: take(&mut self.packet, PDU_NUMBERS), packet };
        LlcFrame { from_sgsn, number: take(&mut self.user, NUMBERS), contents }
    }
}
