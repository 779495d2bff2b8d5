//! TEKs that go from one BS to the next with their packet numbers and windows: `legacy-reuse`, R12 of the handover rules.
//!
//! What goes is the pair of a TEK context: key, EKS, what is left of its lifetime, the last PN sent, the highest PN accepted,
//! and which of the numbers below it were accepted. TEKs that a refresh has pushed out of the pair stay behind: neither end
//! needs them, as the mobile sends under the newest TEK that it holds and the BS under the older of the pair.

use std::time::Duration;

use super::keys::Tek;
use super::packet_number::{PacketNumber, PnCounter, PnError};
use super::pn_window::PnWindow;
use super::tek_context::{TekContext, TekSource, TekState};
use crate::time::VirtualTime;

/// One TEK on its way to another BS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferredTek {
    /// The key.
    pub tek: Tek,
    /// Its sequence number, 0 to 3.
    pub eks: u8,
    /// How long it may still be used, in whole seconds, a part of a second left out: the next BS must not use it longer than
    /// the mobile.
    pub lifetime: u32,
    /// The last PN sent in the downlink, without direction bit; 0 if none was.
    pub sent: u32,
    /// The highest PN accepted in the uplink, without direction bit; 0 if none was.
    pub accepted: u32,
    /// Bit `i`, counted from the most significant bit of the first octet, is 1 if PN `accepted - i` was accepted: 0 to 128
    /// octets, as many as the window of the BS has.
    pub window: Vec<u8>,
}

impl TransferredTek {
    /// A TEK with its state at a BS that stops using it; its lifetime is counted from `from`.
    #[must_use]
    pub fn leaving(state: &TekState, from: VirtualTime) -> Self {
        let count = |pn: Option<PacketNumber>| pn.map_or(0, PacketNumber::count);
        Self {
            tek: state.tek().clone(),
            eks: state.eks(),
            lifetime: u32::try_from(state.expires().since(from).as_secs()).unwrap_or(u32::MAX),
            sent: count(state.last_sent()),
            accepted: count(state.highest_accepted()),
            window: state.receive.bitmap(),
        }
    }

    /// The TEK at work at the next BS, whose replay window is empty as given: it goes on after the last PN sent, and accepts
    /// nothing that was accepted before, nor what the window here knows nothing of.
    ///
    /// # Errors
    /// A PN that does not fit in 31 bits.
    pub fn arriving(&self, mut window: PnWindow, from: VirtualTime) -> Result<TekState, PnError> {
        if self.accepted != 0 {
            window.resume(PacketNumber::new(self.accepted)?, &self.window);
        }
        let lifetime = Duration::from_secs(u64::from(self.lifetime));
        let expires = from + lifetime;
        let state = TekState::new(self.tek.clone(), self.eks & 3, TekSource::Reused, window, expires).lasting(lifetime);
        Ok(match self.sent {
            0 => state,
            sent => state.sending_after(PnCounter::after(PacketNumber::new(sent)?)),
        })
    }
}

impl TekContext {
    /// The pair of this context, the older TEK first, as it goes to another BS.
    #[must_use]
    pub fn leaving(&self, from: VirtualTime) -> [TransferredTek; 2] {
        let [older, newer] = self.states();
        [TransferredTek::leaving(older, from), TransferredTek::leaving(newer, from)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::{Cid, Direction};
    use crate::dot16::security::tek_context::ReceiveError;
    use crate::dot16::wire::{CrcForm, GenericMacHeader, MacPdu};
    use Direction::{Downlink, Uplink};

    fn at(seconds: u64) -> VirtualTime {
        VirtualTime::ZERO + Duration::from_secs(seconds)
    }

    fn window(size: u16) -> PnWindow {
        PnWindow::new(size).unwrap()
    }

    fn context(size: u16) -> TekContext {
        let state =
            |eks, ends| TekState::new(Tek::from_octets([eks; 16]), eks, TekSource::Random, window(size), at(ends));
        TekContext::from_random(state(0, 100), state(1, 200))
    }

    fn moved(context: &TekContext, size: u16) -> TekContext {
        let [older, newer] = context.leaving(at(10)).map(|tek| tek.arriving(window(size), at(10)).unwrap());
        TekContext::from_random(older, newer)
    }

    fn seal(context: &mut TekContext, direction: Direction) -> (u32, Vec<u8>) {
        let header = GenericMacHeader::new(Cid(0x0300));
        let sealed = context.seal(at(10), direction, header, b"user data", CrcForm::MsbFirst).unwrap();
        (sealed.pn.count(), sealed.octets)
    }

    fn open(context: &mut TekContext, pdu: &[u8]) -> Result<u32, ReceiveError> {
        context.open(at(10), Uplink, &MacPdu::parse(pdu).unwrap()).map(|opened| opened.pn.count())
    }

    #[test]
    fn packet_numbers_go_on_and_nothing_is_accepted_again_at_the_next_base_station() {
        // R12
        let (mut ms, mut bs) = (context(64), context(64));
        for sent in 1..=3 {
            assert_eq!(seal(&mut bs, Downlink).0, sent);
        }
        let pdus: Vec<Vec<u8>> = (0..5).map(|_| seal(&mut ms, Uplink).1).collect();
        for place in [0, 1, 4] {
            open(&mut bs, &pdus[place]).unwrap();
        }
        let mut next = moved(&bs, 64);
        assert_eq!(seal(&mut next, Downlink).0, 4);
        let verdicts: Vec<bool> = pdus.iter().map(|pdu| open(&mut next, pdu).is_ok()).collect();
        // PNs 3 and 4 had not arrived.
        assert_eq!(verdicts, [false, false, true, true, false]);
        assert!(next.teks().all(|tek| tek.source() == TekSource::Reused));
    }

    #[test]
    fn a_larger_window_takes_what_the_smaller_one_did_not_know_as_seen() {
        // R12
        let (mut ms, mut bs) = (context(64), context(8));
        let pdus: Vec<Vec<u8>> = (0..20).map(|_| seal(&mut ms, Uplink).1).collect();
        open(&mut bs, &pdus[19]).unwrap();
        let mut next = moved(&bs, 1024);
        let accepted: Vec<u32> = pdus.iter().filter_map(|pdu| open(&mut next, pdu).ok()).collect();
        assert_eq!(accepted, (13..=19).collect::<Vec<_>>());
    }

    #[test]
    fn a_tek_ends_at_the_next_base_station_not_later_than_before() {
        let from = at(10) + Duration::from_millis(400);
        let [older, newer] = context(64).leaving(from).map(|tek| tek.arriving(window(64), from).unwrap().expires());
        assert_eq!([older, newer], [from + Duration::from_secs(89), from + Duration::from_secs(189)]);
    }

    #[test]
    fn packet_numbers_beyond_31_bits_are_refused() {
        let [good, _] = context(64).leaving(at(10));
        for (sent, accepted) in [(0x8000_0000, 1), (1, 0x8000_0000)] {
            let bad = TransferredTek { sent, accepted, ..good.clone() };
            assert!(bad.arriving(window(64), at(10)).is_err());
        }
    }
}
