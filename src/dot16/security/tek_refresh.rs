//! How newer TEKs follow in a TEK context: the normal refresh by Key-Request and Key-Reply (`dot16-security.md` 4.3, 5.2,
//! 7.7; A3, A22, R10).
//!
//! A newer TEK has the next EKS (modulo 4) and enters the pair as its newer one; the newer one becomes the older, and the
//! older leaves the pair but serves until it expires, so that three may be live. The first random TEK after a generated pair
//! has EKS 2: the BS goes on with TEK0 and TEK1 until each expires, the MS sends under EKS 2 as soon as it holds it, and
//! both accept all three. So neither direction has a gap: the BS holds a TEK before the MS can send under it, and it
//! sends under one that the MS has held since the refresh before.
//!
//! What the two ends may disagree about is how many TEKs there are, as Key-Replies are lost. The BS keeps that to one:
//! [`TekContext::may_renew`].

use std::time::Duration;

use super::tek_context::{TekContext, TekLimits, TekSource, TekState};
use crate::dot16::identifiers::Direction;
use crate::time::VirtualTime;

/// Packet numbers that are kept in hand: with so many left of a TEK, a new one is asked for. Of a TEK that ends earlier
/// than the 31 bits, 1/8 of its numbers.
pub const PN_REFRESH_MARGIN: u32 = 0x1_0000;

/// Lifetimes travel in whole seconds, so that the end of a TEK is known to so much.
const WHOLE_SECOND: Duration = Duration::from_secs(1);

impl TekLimits {
    /// With how many packet numbers left a new TEK is asked for.
    #[must_use]
    pub fn margin(&self) -> u32 {
        PN_REFRESH_MARGIN.min(self.last_pn.count() / 8)
    }
}

impl TekState {
    /// Whether the PN state is that of a TEK near its end.
    fn is_low(&self, limits: TekLimits) -> bool {
        self.transmit.left() <= limits.margin()
    }

    /// Whether a PDU under it was accepted: the peer holds it.
    fn is_seen(&self) -> bool {
        self.receive.highest().is_some()
    }
}

impl TekContext {
    /// The EKS of the TEK that follows the newer one.
    #[must_use]
    pub fn next_eks(&self) -> u8 {
        let [_, newer] = &self.states;
        (newer.eks() + 1) & 3
    }

    /// Makes `newest` the newer TEK of the pair. PN state of the others stays as it is (A4).
    pub fn renew(&mut self, mut newest: TekState) {
        newest.limit(self.limits);
        let [older, newer] = &mut self.states;
        let newer = std::mem::replace(newer, newest);
        self.outgoing = Some(std::mem::replace(older, newer));
    }

    /// The MS takes a TEK out of a Key-Reply. One that it holds already stays as it is, with its PNs and window, whatever
    /// the Key-Reply says of it; says whether it was a new one.
    pub fn take(&mut self, received: TekState) -> bool {
        let known = self.teks().any(|held| held.eks() == received.eks() && held.tek() == received.tek());
        if !known {
            self.renew(received);
        }
        !known
    }

    /// Whether the BS makes a newer TEK for a new Key-Request. It does
    ///
    /// * if the newer TEK was generated: the MS has it without any message;
    /// * if an uplink PDU under the newer TEK was accepted: the MS has it;
    /// * in the last quarter of the life of the older TEK: the MS asks in the last eighth ([`Self::refresh_due`]), so that
    ///   this is a new refresh and not the same one again;
    /// * if the newer TEK is running out of packet numbers in the downlink.
    ///
    /// Otherwise the last Key-Reply may have been lost, and the newer TEK is sent once more.
    #[must_use]
    pub fn may_renew(&self, now: VirtualTime) -> bool {
        let [older, newer] = &self.states;
        let quarter = older.lifetime.unwrap_or_default() / 4;
        newer.source() != TekSource::Random
            || newer.is_seen()
            || older.expires() - quarter <= now
            || newer.is_low(self.limits)
    }

    /// The newer TEK was sent to the mobile and may not arrive: the BS sends nothing under it before `from`, unless the mobile
    /// has been seen to use it, or is before then.
    pub fn hold_newer(&mut self, from: VirtualTime) {
        let [_, newer] = &mut self.states;
        if !newer.is_seen() {
            newer.usable_from = from;
        }
    }

    /// Until when nothing is sent under the newer TEK because the mobile may not hold it.
    #[must_use]
    pub fn newer_held_until(&self) -> VirtualTime {
        let [_, newer] = &self.states;
        newer.usable_from
    }

    /// The grace time of the older TEK: `configured`, but not more than 1/8 of its lifetime (R10).
    #[must_use]
    pub fn grace(&self, configured: Duration) -> Duration {
        let [older, _] = &self.states;
        older.up_to_an_eighth(configured)
    }

    /// When the MS asks for new TEKs: the [grace time](Self::grace) before the older TEK of the pair expires. `None` if the newer one lasts as long as the PMK, which no TEK outlives.
    #[must_use]
    pub fn refresh_due(&self, configured: Duration, pmk_ends: VirtualTime) -> Option<VirtualTime> {
        let [older, newer] = &self.states;
        let follows = newer.expires() + WHOLE_SECOND <= pmk_ends;
        follows.then(|| older.expires() - self.grace(configured))
    }

    /// Whether the TEK in use for sending is near the end of its packet numbers, or no TEK can be used at all.
    #[must_use]
    pub fn runs_low(&self, direction: Direction, now: VirtualTime) -> bool {
        let chosen = self.transmitting(direction, now).ok().and_then(|place| self.teks().nth(place));
        chosen.is_none_or(|state| state.is_low(self.limits))
    }

    /// Whether all TEKs together are near the end of their packet numbers, those that the mobile may not hold yet included.
    #[must_use]
    pub fn needs_newer(&self, now: VirtualTime) -> bool {
        let live = self.teks().filter(|state| state.expires() > now);
        let left = live.fold(0u32, |left, state| left.saturating_add(state.transmit.left()));
        left <= self.limits.margin()
    }
}
