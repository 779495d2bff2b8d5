//! How newer TEKs follow in a TEK context: the normal refresh by Key-Request and Key-Reply (`dot16-security.md` 4.3, 5.2,
//! 7.7; A3, A22, R10).
//!
//! A newer TEK has the next EKS (modulo 4) and enters the pair as its newer one; the newer one becomes the older, and the
//! older leaves the pair but serves until it expires, so that three may be live. Four are held, as many as EKS tells apart. The first random TEK after a generated pair
//! has EKS 2: made before TEK0 expires, it stands behind TEK1, and both directions go on with TEK0 and TEK1 until each
//! expires. EKS 3 is made before TEK1 expires; then the MS sends under EKS 3 and the BS under EKS 2. Both accept all that
//! they hold. So neither direction has a gap: the BS holds a TEK before the MS can send under it, and it sends under one
//! that the MS has held since the refresh before.
//!
//! What the two ends may disagree about is how many TEKs there are, as Key-Replies are lost. The BS keeps that to one:
//! [`TekContext::may_renew`].

use std::time::Duration;

use super::tek_context::{TekContext, TekLimits, TekState, TransmitError};
use crate::dot16::identifiers::Direction;
use crate::time::VirtualTime;

/// Packet numbers that are kept in hand: with so many left of a TEK, a new one is asked for. Of a TEK that ends earlier
/// than the 31 bits, 1/8 of its numbers.
pub const PN_REFRESH_MARGIN: u32 = 0x1_0000;

/// TEKs outside the pair: with it they are as many as EKS has values.
const OUTGOING: usize = 2;

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
        self.outgoing.push_back(std::mem::replace(older, newer));
        if self.outgoing.len() > OUTGOING {
            self.outgoing.pop_front();
        }
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
        newer.source().is_counter() || newer.is_seen() || older.expires() - quarter <= now || newer.is_low(self.limits)
    }

    /// The newer TEK is sent to the mobile and may not arrive: the BS sends nothing under it until the mobile is seen to use it,
    /// or shows for the time `hold` no sign that it does not have it.
    pub fn hold_newer(&mut self, now: VirtualTime, hold: Duration) {
        let [_, newer] = &mut self.states;
        newer.hold = hold;
        newer.usable_from = now + hold;
    }

    /// A PDU under the random TEK with this EKS was accepted. A mobile that held a newer one would have used that.
    pub(super) fn random_in_use(&mut self, now: VirtualTime, eks: u8) {
        let [_, newer] = &mut self.states;
        if newer.eks() != eks && !newer.hold.is_zero() {
            newer.usable_from = now + newer.hold;
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

    /// Whether there is a TEK to send under.
    #[must_use]
    pub fn can_send(&self, direction: Direction, now: VirtualTime) -> bool {
        self.transmitting(direction, now).is_ok()
    }

    /// Whether a newer TEK is needed early: the newest is the one that is sent under and is near the end of its packet
    /// numbers, or none is left to send under. Not if there is one that the mobile may not hold yet.
    #[must_use]
    pub fn runs_low(&self, direction: Direction, now: VirtualTime) -> bool {
        let [_, newer] = &self.states;
        match self.transmitting(direction, now) {
            Ok(place) => place + 1 == self.teks().count() && newer.is_low(self.limits),
            Err(refusal) => refusal != TransmitError::Unproven,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::{Cid, CmacKeyCount, Said};
    use crate::dot16::security::keys::{Kek, Tek};
    use crate::dot16::security::packet_number::PacketNumber;
    use crate::dot16::security::pn_window::PnWindow;
    use crate::dot16::security::tek_context::{PmkLifetime, ReceiveError, TekSource};
    use crate::dot16::wire::{CrcForm, GenericMacHeader, MacPdu};
    use Direction::{Downlink, Uplink};

    const SECOND: Duration = Duration::from_secs(1);

    fn at(milliseconds: u64) -> VirtualTime {
        VirtualTime::from_nanos(milliseconds * 1_000_000)
    }

    fn window() -> PnWindow {
        PnWindow::new(64).unwrap()
    }

    /// TEK0 until 2 s, TEK1 until 8 s, as both ends generate them at 0 s.
    fn generated() -> TekContext {
        let lifetime = PmkLifetime { full: SECOND * 16, ends: at(16_000) };
        TekContext::from_count(&Kek::from_octets([1; 16]), CmacKeyCount(2), Said(1), &window(), lifetime, at(0))
    }

    fn random(eks: u8, made: u64, expires: u64) -> TekState {
        let tek = Tek::from_octets([0xe0 | eks; 16]);
        TekState::new(tek, eks, TekSource::Random, window(), at(expires)).lasting(at(expires).since(at(made)))
    }

    /// An older TEK from 0 s to 8 s, a newer one from 4 s to 12 s.
    fn pair() -> TekContext {
        TekContext::from_random(random(1, 0, 8_000), random(2, 4_000, 12_000))
    }

    fn seal(context: &mut TekContext, now: u64, direction: Direction) -> Result<(u8, u32, Vec<u8>), TransmitError> {
        let header = GenericMacHeader::new(Cid(0x0300));
        let sealed = context.seal(at(now), direction, header, b"user data", CrcForm::MsbFirst)?;
        Ok((sealed.eks, sealed.pn.count(), sealed.octets))
    }

    fn eks(context: &mut TekContext, now: u64, direction: Direction) -> Result<u8, TransmitError> {
        seal(context, now, direction).map(|(eks, ..)| eks)
    }

    fn open(context: &mut TekContext, now: u64, direction: Direction, pdu: &[u8]) -> Result<u8, ReceiveError> {
        context.open(at(now), direction, &MacPdu::parse(pdu).unwrap()).map(|opened| opened.eks)
    }

    #[test]
    fn random_teks_follow_a_generated_pair_without_a_gap_in_either_direction() {
        // A3, A22, R10
        let (mut bs, mut ms) = (generated(), generated());
        let refreshes = [(1_750, 1_800, random(2, 1_750, 9_750)), (7_000, 7_050, random(3, 7_000, 15_000))];
        let mut seen = Vec::new();
        for now in (0..15_000).step_by(50) {
            for (made, arrives, tek) in &refreshes {
                if now == *made {
                    assert_eq!(bs.next_eks(), tek.eks());
                    bs.renew(tek.clone());
                }
                if now == *arrives {
                    assert!(ms.take(tek.clone()));
                }
            }
            let (up, _, pdu) = seal(&mut ms, now, Uplink).unwrap();
            assert_eq!(open(&mut bs, now, Uplink, &pdu), Ok(up), "uplink at {now} ms");
            let (down, _, pdu) = seal(&mut bs, now, Downlink).unwrap();
            assert_eq!(open(&mut ms, now, Downlink, &pdu), Ok(down), "downlink at {now} ms");
            if seen.last().is_none_or(|(_, last)| *last != (up, down)) {
                seen.push((now, (up, down)));
            }
        }
        assert_eq!(seen, [(0, (0, 0)), (2_000, (1, 1)), (8_000, (3, 2)), (9_750, (3, 3))]);
    }

    #[test]
    fn a_bs_that_sent_under_the_newer_tek_at_once_would_not_be_understood_before_key_reply_arrives() {
        // broken: R10
        let (mut bs, mut ms) = (generated(), generated());
        bs.renew(random(2, 1_750, 9_750));
        // The wrong reading: the downlink, too, uses the newer TEK as soon as it is there.
        let [_, newer] = bs.states().clone();
        let mut wrong = TekContext::from_random(newer.clone(), newer);
        let (_, _, pdu) = seal(&mut wrong, 1_760, Downlink).unwrap();
        assert_eq!(open(&mut ms, 1_760, Downlink, &pdu), Err(ReceiveError::UnknownTek { eks: 2 }));
        let (right, _, pdu) = seal(&mut bs, 1_760, Downlink).unwrap();
        assert_eq!((right, open(&mut ms, 1_760, Downlink, &pdu)), (0, Ok(0)));
    }

    #[test]
    fn a_fresh_tek_begins_at_pn_1_and_the_others_go_on() {
        // A4
        let mut bs = pair();
        for pn in 1..=3 {
            assert_eq!(seal(&mut bs, 5_000, Downlink).map(|(eks, pn, _)| (eks, pn)), Ok((1, pn)));
        }
        bs.renew(random(3, 7_000, 15_000));
        assert_eq!(seal(&mut bs, 7_000, Downlink).map(|(eks, pn, _)| (eks, pn)), Ok((1, 4)));
        assert_eq!(seal(&mut bs, 7_000, Uplink).map(|(eks, pn, _)| (eks, pn)), Ok((3, 1)));
    }

    #[test]
    fn a_tek_that_is_held_already_keeps_its_packet_numbers_and_window() {
        // A4, A18
        let (mut bs, mut ms) = (pair(), pair());
        let (_, _, pdu) = seal(&mut bs, 5_000, Downlink).unwrap();
        assert_eq!(open(&mut ms, 5_000, Downlink, &pdu), Ok(1));
        seal(&mut ms, 5_000, Uplink).unwrap();
        assert!(!ms.take(random(1, 0, 8_000)) && !ms.take(random(2, 4_000, 20_000)));
        assert!(matches!(open(&mut ms, 5_000, Downlink, &pdu), Err(ReceiveError::Duplicate(_))));
        assert_eq!(seal(&mut ms, 5_000, Uplink).map(|(eks, pn, _)| (eks, pn)), Ok((2, 2)));
        assert_eq!(ms.teks().count(), 2);
    }

    #[test]
    fn eks_goes_round_modulo_4_and_the_newest_tek_of_a_number_is_the_one_that_opens() {
        let mut bs = pair();
        let numbers: Vec<u8> = (0u8..5)
            .map(|_| {
                let next = bs.next_eks();
                bs.renew(random(next, 4_000, 12_000));
                next
            })
            .collect();
        assert_eq!(numbers, [3, 0, 1, 2, 3]);
        assert_eq!(bs.teks().map(TekState::eks).collect::<Vec<_>>(), [0, 1, 2, 3]);
        // A mobile that was away for four of them still holds the old TEK of EKS 1.
        let mut ms = pair();
        let other = TekState::new(Tek::from_octets([9; 16]), 1, TekSource::Random, window(), at(12_000));
        let mut sender = TekContext::from_random(other.clone(), other.clone());
        assert!(ms.take(other));
        let (_, _, pdu) = seal(&mut sender, 5_000, Downlink).unwrap();
        assert_eq!(open(&mut ms, 5_000, Downlink, &pdu), Ok(1));
    }

    #[test]
    fn the_bs_makes_no_second_tek_before_the_mobile_has_used_the_first_or_needs_the_next() {
        // A22
        let mut bs = generated();
        assert!(bs.may_renew(at(1_750)), "the mobile has TEK1 without a message");
        bs.renew(random(2, 1_750, 9_750));
        assert!(!bs.may_renew(at(1_800)), "the reply may have been lost");
        assert!(!bs.may_renew(at(5_999)));
        assert!(bs.may_renew(at(6_000)), "the last quarter of the 8 s of TEK1");
        let (mut bs, mut ms) = (pair(), pair());
        assert!(!bs.may_renew(at(5_000)));
        let (_, _, pdu) = seal(&mut ms, 5_000, Uplink).unwrap();
        open(&mut bs, 5_000, Uplink, &pdu).unwrap();
        assert!(bs.may_renew(at(5_000)), "the newer TEK was seen in use");
    }

    #[test]
    fn the_mobile_asks_the_grace_time_before_the_older_tek_expires_unless_the_newer_lasts_as_long_as_the_pmk() {
        // R10
        let due = |grace: Duration, ends| generated().refresh_due(grace, at(ends));
        assert_eq!(due(SECOND * 3600, 16_000), Some(at(1_750)), "at most 1/8 of the 2 s of TEK0");
        assert_eq!(due(Duration::from_millis(100), 16_000), Some(at(1_900)), "what is configured");
        assert_eq!(due(SECOND, 9_000), Some(at(1_750)), "TEK1 ends a second before the PMK");
        assert_eq!(due(SECOND, 8_999), None, "lifetimes travel in whole seconds");
        let mut ms = generated();
        ms.take(random(2, 1_750, 9_750));
        assert_eq!(ms.refresh_due(SECOND * 3600, at(16_000)), Some(at(7_000)), "then that of TEK1");
    }

    #[test]
    fn a_receiver_goes_on_for_the_linger_but_not_longer_than_an_eighth_of_the_lifetime_and_a_sender_does_not() {
        // A3, R10
        for (linger, last) in [(0, 1_999), (100, 2_099), (1_000, 2_249)] {
            let limits = TekLimits { linger: Duration::from_millis(linger), ..TekLimits::default() };
            let (mut ms, mut bs) = (generated(), generated());
            [&mut ms, &mut bs].into_iter().for_each(|end| end.limit(limits));
            let pdus: Vec<_> = (0..2).map(|_| seal(&mut bs, 1_999, Downlink).unwrap().2).collect();
            assert_eq!(open(&mut ms, last, Downlink, &pdus[0]), Ok(0));
            assert_eq!(open(&mut ms, last + 1, Downlink, &pdus[1]), Err(ReceiveError::UnknownTek { eks: 0 }));
            assert_eq!(eks(&mut bs, 2_000, Downlink), Ok(1));
        }
    }

    fn short(mut context: TekContext, last: u32) -> TekContext {
        context.limit(TekLimits { last_pn: PacketNumber::new(last).unwrap(), ..TekLimits::default() });
        context
    }

    #[test]
    fn a_tek_whose_packet_numbers_are_used_up_gives_way_to_the_next_and_traffic_halts_when_none_is_left() {
        // R10
        for direction in [Uplink, Downlink] {
            let mut context = short(generated(), 2);
            let sent: Vec<_> = (0..4).map(|_| seal(&mut context, 0, direction).unwrap()).collect();
            assert_eq!(
                sent.iter().map(|(eks, pn, _)| (*eks, *pn)).collect::<Vec<_>>(),
                [(0, 1), (0, 2), (1, 1), (1, 2)]
            );
            assert_eq!(eks(&mut context, 0, direction), Err(TransmitError::Exhausted));
            context.renew(random(2, 0, 8_000));
            assert_eq!(seal(&mut context, 0, direction).map(|(eks, pn, _)| (eks, pn)), Ok((2, 1)), "{direction}");
        }
        // The mobile uses the newer random one first.
        let mut ms = short(pair(), 1);
        assert_eq!([eks(&mut ms, 5_000, Uplink), eks(&mut ms, 5_000, Uplink)], [Ok(2), Ok(1)]);
    }

    #[test]
    fn packet_numbers_run_low_only_of_the_newest_tek() {
        let mut ms = short(generated(), 80);
        let mut low = Vec::new();
        for pdu in 1..=160 {
            seal(&mut ms, 0, Uplink).unwrap();
            if ms.runs_low(Uplink, at(0)) {
                low.push(pdu);
            }
        }
        assert_eq!(low, (150..=160).collect::<Vec<_>>(), "the last 1/8 of TEK1, and none left");
        let fresh = short(generated(), 80);
        assert!(!fresh.runs_low(Uplink, at(7_999)) && fresh.runs_low(Uplink, at(8_000)), "both have expired");
        assert_eq!(TekLimits::default().margin(), PN_REFRESH_MARGIN);
    }

    #[test]
    fn a_tek_that_may_not_have_arrived_is_sent_under_only_when_it_was_seen_or_the_time_is_over() {
        // A22
        let (mut bs, mut ms) = (short(pair(), 1), pair());
        assert_eq!([eks(&mut bs, 5_000, Downlink), eks(&mut bs, 5_000, Downlink)], [Ok(1), Ok(2)]);
        assert!(bs.runs_low(Downlink, at(5_000)) && bs.may_renew(at(5_000)));
        let made = random(3, 5_000, 13_000);
        bs.renew(made.clone());
        bs.hold_newer(at(5_000), Duration::from_millis(1_200));
        assert_eq!(eks(&mut bs, 6_199, Downlink), Err(TransmitError::Unproven));
        assert!(!bs.runs_low(Downlink, at(5_500)), "the new one is there");
        assert_eq!(eks(&mut bs.clone(), 6_200, Downlink), Ok(3));
        // A mobile that still sends under the TEK before has not got it.
        let (_, _, pdu) = seal(&mut ms, 6_000, Uplink).unwrap();
        assert_eq!(open(&mut bs, 6_000, Uplink, &pdu), Ok(2));
        assert_eq!(eks(&mut bs, 7_199, Downlink), Err(TransmitError::Unproven));
        assert_eq!(eks(&mut bs.clone(), 7_200, Downlink), Ok(3));
        ms.take(made);
        let (_, _, pdu) = seal(&mut ms, 5_100, Uplink).unwrap();
        assert_eq!(open(&mut bs, 5_100, Uplink, &pdu), Ok(3));
        assert_eq!(eks(&mut bs, 5_100, Downlink), Ok(3), "seen in use");
    }
}
