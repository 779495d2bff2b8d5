//! TEK contexts: the live TEKs of a security association, with their packet numbers, replay windows and lifetimes.
//!
//! Counter-based TEKs: `dot16-security.md` 2.2, 2.3, 4.2; R10 of the handover rules. Random TEKs: 4.3. How newer TEKs
//! follow is in [`tek_refresh`](super::tek_refresh).
//!
//! A context holds a pair, and after a refresh also the TEKs that have left the pair. Which of them a sender uses (R10), of those
//! that have neither expired nor used up their packet numbers:
//!
//! * generated ones first, in both directions: TEK0, then TEK1;
//! * then, of those from Key-Reply, the BS (downlink) the oldest and the MS (uplink) the newest that it holds.
//!
//! A receiver accepts under every TEK that it holds, so that the two ends need not change at the same instant.

use std::collections::VecDeque;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::ccm::{self, OpenError, SealError};
use super::hierarchy::{TekIndex, counter_tek};
use super::keys::{Kek, Tek};
use super::packet_number::{PacketNumber, PnCounter};
use super::pn_window::{PnVerdict, PnWindow};
use crate::dot16::identifiers::{CmacKeyCount, Direction, Said};
use crate::dot16::wire::{CrcForm, GenericMacHeader, MacPdu};
use crate::time::VirtualTime;

/// The life of a PMK, from which the lifetimes of counter-based TEKs follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PmkLifetime {
    /// The full lifetime.
    pub full: Duration,
    /// When it ends.
    pub ends: VirtualTime,
}

impl PmkLifetime {
    /// When a TEK made at `now` expires: after 1/8 (TEK0) or 1/2 (TEK1) of the full PMK lifetime (A3), but not after the
    /// PMK itself (R10).
    #[must_use]
    pub fn tek_expiry(self, index: TekIndex, now: VirtualTime) -> VirtualTime {
        let divisor = match index {
            TekIndex::Tek0 => 8,
            TekIndex::Tek1 => 2,
        };
        (now + self.full / divisor).min(self.ends)
    }

    /// Whole seconds left at `now`, as key lifetimes are given on the wire.
    #[must_use]
    pub fn seconds_left(self, now: VirtualTime) -> u32 {
        u32::try_from(self.ends.since(now).as_secs()).unwrap_or(u32::MAX)
    }
}

/// Where a TEK came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TekSource {
    /// Generated on both sides from CMAC_KEY_COUNT.
    Counter(TekIndex),
    /// Made by the BS at random and sent under the KEK.
    Random,
    /// Made at random by another BS, and used on here with its PNs and windows (R12).
    Reused,
}

impl TekSource {
    /// Whether both sides generated it: such a TEK never travels (A21).
    #[must_use]
    pub const fn is_counter(self) -> bool {
        matches!(self, Self::Counter(_))
    }
}

/// What bounds the use of a TEK besides its lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TekLimits {
    /// The last PN that is sent under a TEK: the end of the 31 bits, or an earlier one where a run is to see that end.
    pub last_pn: PacketNumber,
    /// How long a receiver goes on accepting under a TEK that has expired, but not longer than 1/8 of its lifetime: PDUs
    /// are under way when a TEK expires, and the lifetimes of a generated TEK begin when each end derives it.
    pub linger: Duration,
}

/// All 31 bits, and nothing is accepted under a TEK that has expired.
impl Default for TekLimits {
    fn default() -> Self {
        Self { last_pn: PacketNumber::LAST, linger: Duration::ZERO }
    }
}

/// One TEK at work: its transmit PN and its replay window go with it wherever it is kept.
#[derive(Clone, Debug)]
pub struct TekState {
    tek: Tek,
    eks: u8,
    source: TekSource,
    pub(super) transmit: PnCounter,
    pub(super) receive: PnWindow,
    expires: VirtualTime,
    pub(super) lifetime: Option<Duration>,
    linger: Duration,
    /// A sender leaves it alone before, unless the peer was seen to use it.
    pub(super) usable_from: VirtualTime,
    /// How long that is after each sign that the peer may not hold it.
    pub(super) hold: Duration,
    fingerprint: u64,
}

impl TekState {
    /// A fresh TEK: both PNs at zero, so that the first PDU carries 1 (A4). `eks` is the two-bit sequence number.
    #[must_use]
    pub fn new(tek: Tek, eks: u8, source: TekSource, window: PnWindow, expires: VirtualTime) -> Self {
        let fingerprint = fingerprint(&tek);
        Self {
            tek,
            eks,
            source,
            transmit: PnCounter::default(),
            receive: window,
            expires,
            lifetime: None,
            linger: Duration::ZERO,
            usable_from: VirtualTime::ZERO,
            hold: Duration::ZERO,
            fingerprint,
        }
    }

    /// The same with the time that it was given when it was made, of which grace time and linger are at most 1/8 (R10).
    #[must_use]
    pub fn lasting(self, lifetime: Duration) -> Self {
        Self { lifetime: Some(lifetime), ..self }
    }

    /// The same, sending after what `transmit` has sent.
    pub(super) fn sending_after(self, transmit: PnCounter) -> Self {
        Self { transmit, ..self }
    }

    /// `time`, but not more than 1/8 of the lifetime (R10).
    pub(super) fn up_to_an_eighth(&self, time: Duration) -> Duration {
        self.lifetime.map_or(time, |lifetime| time.min(lifetime / 8))
    }

    pub(super) fn limit(&mut self, limits: TekLimits) {
        self.transmit.end_at(limits.last_pn);
        self.linger = self.up_to_an_eighth(limits.linger);
    }

    /// Why a sender may not use it at `now`, if it may not.
    pub(super) fn refusal(&self, now: VirtualTime) -> Option<TransmitError> {
        if self.expires <= now {
            Some(TransmitError::Expired)
        } else if self.transmit.left() == 0 {
            Some(TransmitError::Exhausted)
        } else {
            let proven = self.usable_from <= now || self.receive.highest().is_some();
            (!proven).then_some(TransmitError::Unproven)
        }
    }

    fn replay(&self, pn: PacketNumber) -> Option<ReceiveError> {
        match self.receive.check(pn) {
            PnVerdict::Accept => None,
            PnVerdict::Duplicate => Some(ReceiveError::Duplicate(pn)),
            PnVerdict::Old => Some(ReceiveError::Old(pn)),
        }
    }

    /// A number that tells TEKs apart without showing them: the first 8 octets of SHA-256 of the TEK.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The key.
    #[must_use]
    pub fn tek(&self) -> &Tek {
        &self.tek
    }

    /// The encryption key sequence number, 0 to 3.
    #[must_use]
    pub fn eks(&self) -> u8 {
        self.eks
    }

    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> TekSource {
        self.source
    }

    /// When it expires.
    #[must_use]
    pub fn expires(&self) -> VirtualTime {
        self.expires
    }

    /// How long it may still be used at `now`, in whole seconds, a part of a second counted as one: what the BS writes on
    /// the wire. So the MS does not take a TEK for expired under which the BS still sends.
    #[must_use]
    pub fn seconds_left(&self, now: VirtualTime) -> u32 {
        u32::try_from(self.expires.since(now).as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
    }

    /// The last PN sent, if any was.
    #[must_use]
    pub fn last_sent(&self) -> Option<PacketNumber> {
        self.transmit.last()
    }

    /// The highest PN accepted, if any was.
    #[must_use]
    pub fn highest_accepted(&self) -> Option<PacketNumber> {
        self.receive.highest()
    }
}

fn fingerprint(tek: &Tek) -> u64 {
    let digest = Sha256::digest(tek.octets());
    digest.iter().take(8).fold(0, |number, octet| number << 8 | u64::from(*octet))
}

/// A data PDU as sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPdu {
    /// The whole PDU.
    pub octets: Vec<u8>,
    /// Its packet number, without the direction bit.
    pub pn: PacketNumber,
    /// Its EKS.
    pub eks: u8,
    /// [`TekState::fingerprint`] of the TEK.
    pub fingerprint: u64,
}

/// Why no PDU could be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransmitError {
    /// No TEK of the security association is live.
    #[error("no live TEK: all have expired")]
    Expired,
    /// Every live TEK has sent its last PN; traffic waits for a new TEK.
    #[error("the packet numbers of the TEK are exhausted")]
    Exhausted,
    /// The only TEK left was sent to the mobile and may not have arrived yet; traffic waits until it is seen in use.
    #[error("the mobile may not hold the new TEK yet")]
    Unproven,
    /// The CCM layer refused.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// A data PDU as opened and accepted by the replay window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedPdu {
    /// The plaintext: subheaders and payload.
    pub plaintext: Vec<u8>,
    /// Its packet number, without the direction bit.
    pub pn: PacketNumber,
    /// Its EKS.
    pub eks: u8,
}

/// Why a PDU was dropped; nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// No TEK of the security association has this EKS, or it has expired.
    #[error("no live TEK with EKS {eks}")]
    UnknownTek {
        /// The EKS of the PDU.
        eks: u8,
    },
    /// The direction bit of the PN does not fit.
    #[error("the direction bit of the PN is wrong")]
    WrongDirection,
    /// The PN was accepted before.
    #[error("PN {} was already accepted", .0.count())]
    Duplicate(PacketNumber),
    /// The PN lies below the window.
    #[error("PN {} lies below the window", .0.count())]
    Old(PacketNumber),
    /// The ICV does not verify.
    #[error("the ICV does not verify")]
    Icv,
    /// The PDU is no encrypted data PDU.
    #[error("{0}")]
    Malformed(OpenError),
}

/// The TEKs of one security association at one peer: TEK0 and TEK1, or an older and a newer TEK, and up to two before them.
#[derive(Clone, Debug)]
pub struct TekContext {
    /// The TEKs that refreshes pushed out of the pair, the older one first; they serve until they expire.
    pub(super) outgoing: VecDeque<TekState>,
    pub(super) states: [TekState; 2],
    pub(super) limits: TekLimits,
}

impl TekContext {
    /// TEK0 and TEK1 for `count` (A1), with fresh PN state (A4).
    #[must_use]
    pub fn from_count(
        kek: &Kek,
        count: CmacKeyCount,
        said: Said,
        window: &PnWindow,
        lifetime: PmkLifetime,
        now: VirtualTime,
    ) -> Self {
        let state = |index: TekIndex| {
            let tek = counter_tek(kek, count, said, index);
            let expires = lifetime.tek_expiry(index, now);
            TekState::new(tek, index.eks(), TekSource::Counter(index), window.clone(), expires)
                .lasting(expires.since(now))
        };
        Self::pair(state(TekIndex::Tek0), state(TekIndex::Tek1))
    }

    /// An older and a newer TEK that were made at random.
    #[must_use]
    pub fn from_random(older: TekState, newer: TekState) -> Self {
        Self::pair(older, newer)
    }

    fn pair(older: TekState, newer: TekState) -> Self {
        Self { outgoing: VecDeque::new(), states: [older, newer], limits: TekLimits::default() }
    }

    /// Sets limits; they hold for TEKs that come later, too.
    pub fn limit(&mut self, limits: TekLimits) {
        self.limits = limits;
        for state in self.outgoing.iter_mut().chain(&mut self.states) {
            state.limit(limits);
        }
    }

    /// Whether both were made at random: a generated TEK never travels (A21).
    #[must_use]
    pub fn is_random(&self) -> bool {
        self.states.iter().all(|state| !state.source.is_counter())
    }

    /// The TEKs are those that another BS has made and this one uses on (R12).
    pub fn reuse(&mut self) {
        for state in self.outgoing.iter_mut().chain(&mut self.states) {
            state.source = TekSource::Reused;
        }
    }

    /// TEK0 and TEK1, or older and newer.
    #[must_use]
    pub fn states(&self) -> &[TekState; 2] {
        &self.states
    }

    /// Every TEK held, the oldest first: the pair, and before it those that left it at the last refreshes.
    pub fn teks(&self) -> impl Iterator<Item = &TekState> {
        self.outgoing.iter().chain(&self.states)
    }

    /// The TEKs that a sender may use, with their places in the order of [`teks`](Self::teks): the pair and the one before it. A
    /// receiver accepts under one more, as the BS may be a TEK ahead of the MS.
    fn choice(&self) -> impl Iterator<Item = (usize, &TekState)> {
        self.teks().enumerate().skip(self.outgoing.len().saturating_sub(1))
    }

    /// The place, in the order of [`teks`](Self::teks), of the TEK to send with; the choice is that of the module's text.
    pub(super) fn transmitting(&self, direction: Direction, now: VirtualTime) -> Result<usize, TransmitError> {
        let rank = |(age, state): &(usize, &TekState)| match (direction, state.source) {
            (_, TekSource::Counter(_)) => (0, *age),
            (Direction::Uplink, _) => (1, usize::MAX - age),
            (Direction::Downlink, _) => (1, *age),
        };
        let usable = self.choice().filter(|(_, state)| state.refusal(now).is_none());
        usable.min_by_key(rank).map(|(age, _)| age).ok_or_else(|| self.refusal(now))
    }

    /// Why nothing may be sent at `now`, if no TEK can be used.
    fn refusal(&self, now: VirtualTime) -> TransmitError {
        let reasons: Vec<TransmitError> = self.choice().filter_map(|(_, state)| state.refusal(now)).collect();
        let order = [TransmitError::Unproven, TransmitError::Exhausted];
        order.into_iter().find(|reason| reasons.contains(reason)).unwrap_or(TransmitError::Expired)
    }

    /// Seals `plaintext` under the TEK to send with, using the next PN.
    ///
    /// # Errors
    /// If no TEK is live, the PNs of all are used up, the only one left may not have arrived at the mobile, or the PDU would
    /// be too long; no PN is used then.
    pub fn seal(
        &mut self,
        now: VirtualTime,
        direction: Direction,
        template: GenericMacHeader,
        plaintext: &[u8],
        crc: CrcForm,
    ) -> Result<SealedPdu, TransmitError> {
        let chosen = self.transmitting(direction, now)?;
        let state = self.outgoing.iter_mut().chain(&mut self.states).nth(chosen).ok_or(TransmitError::Expired)?;
        let mut transmit = state.transmit.clone();
        let pn = transmit.next().map_err(|_| TransmitError::Exhausted)?;
        let template = GenericMacHeader { eks: state.eks, ..template };
        let octets = ccm::seal(&state.tek, template, pn, direction, plaintext, Some(crc))?;
        state.transmit = transmit;
        Ok(SealedPdu { octets, pn, eks: state.eks, fingerprint: state.fingerprint })
    }

    /// A PDU under a TEK of `accepted` source was accepted. Generated TEKs that come before it in the sender's choice have
    /// expired at the peer, which may have derived them long before this end did: nothing more is sent under them (R10). A
    /// peer that has sent the last PN under a TEK goes on to the next one, too, and still takes what comes under the first.
    fn generated_gone_at_peer(&mut self, now: VirtualTime, accepted: TekSource) {
        for state in self.outgoing.iter_mut().chain(&mut self.states) {
            let before = match (state.source, accepted) {
                (TekSource::Counter(own), TekSource::Counter(seen)) => own < seen,
                (TekSource::Counter(_), _) => true,
                _ => false,
            };
            if before && state.highest_accepted() != Some(self.limits.last_pn) {
                state.expires = state.expires.min(now);
            }
        }
    }

    /// Whether TEK0 of a generated pair has expired, so that TEK1 is in use from the beginning.
    #[must_use]
    pub fn begins_with_tek1(&self, now: VirtualTime) -> bool {
        let [first, _] = &self.states;
        first.source == TekSource::Counter(TekIndex::Tek0) && first.expires <= now
    }

    /// What the replay window says against a PDU, if anything; its ICV is not looked at and nothing changes.
    #[must_use]
    pub fn replay(&self, pdu: &MacPdu<'_>) -> Option<ReceiveError> {
        let newest_first = self.states.iter().rev().chain(self.outgoing.iter().rev());
        let state = newest_first.into_iter().find(|state| state.eks == pdu.header.eks)?;
        let (pn, _) = ccm::packet_number(pdu).ok()?;
        state.replay(pn)
    }

    /// Takes the PN of a PDU into the window although its ICV has not verified: what no receiver must do (A20), for nodes
    /// that show why.
    pub fn accept_unverified(&mut self, pdu: &MacPdu<'_>) {
        let newest_first = self.states.iter_mut().rev().chain(self.outgoing.iter_mut().rev());
        let state = newest_first.into_iter().find(|state| state.eks == pdu.header.eks);
        if let Some((state, (pn, _))) = state.zip(ccm::packet_number(pdu).ok()) {
            state.receive.accept(pn);
        }
    }

    /// The TEK under which a PDU that came in `direction` would be opened at `now`: all that [`open`](Self::open) asks before
    /// the ICV.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for the ICV.
    pub fn receiving(
        &self,
        now: VirtualTime,
        direction: Direction,
        pdu: &MacPdu<'_>,
    ) -> Result<&TekState, ReceiveError> {
        let (pn, found) = ccm::packet_number(pdu).map_err(ReceiveError::Malformed)?;
        if found != direction {
            return Err(ReceiveError::WrongDirection);
        }
        let eks = pdu.header.eks;
        // The newest first: of two with the same EKS the other one is four TEKs old.
        let newest_first = self.states.iter().rev().chain(self.outgoing.iter().rev());
        let state = newest_first.into_iter().find(|state| state.eks == eks);
        let state = state.filter(|state| state.expires + state.linger > now).ok_or(ReceiveError::UnknownTek { eks })?;
        state.replay(pn).map_or(Ok(state), Err)
    }

    /// Opens a PDU that came in `direction`: direction bit, TEK by EKS, replay window, ICV, and only then moves the window.
    ///
    /// # Errors
    /// If any of these refuses; nothing has changed then.
    pub fn open(
        &mut self,
        now: VirtualTime,
        direction: Direction,
        pdu: &MacPdu<'_>,
    ) -> Result<OpenedPdu, ReceiveError> {
        let (pn, found) = ccm::packet_number(pdu).map_err(ReceiveError::Malformed)?;
        if found != direction {
            return Err(ReceiveError::WrongDirection);
        }
        let eks = pdu.header.eks;
        // The newest first: of two with the same EKS the other one is four TEKs old.
        let newest_first = self.states.iter_mut().rev().chain(self.outgoing.iter_mut().rev());
        let state = newest_first.into_iter().find(|state| state.eks == eks);
        let state = state.filter(|state| state.expires + state.linger > now).ok_or(ReceiveError::UnknownTek { eks })?;
        if let Some(replay) = state.replay(pn) {
            return Err(replay);
        }
        let opened = ccm::open(&state.tek, pdu).map_err(|error| match error {
            OpenError::Icv => ReceiveError::Icv,
            other => ReceiveError::Malformed(other),
        })?;
        state.receive.accept(pn);
        let source = state.source;
        self.generated_gone_at_peer(now, source);
        if !source.is_counter() {
            self.random_in_use(now, eks);
        }
        Ok(OpenedPdu { plaintext: opened.plaintext, pn, eks })
    }
}
