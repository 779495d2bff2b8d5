//! TEK contexts: the two live TEKs of a security association, with their packet numbers, replay windows and lifetimes.
//!
//! Counter-based TEKs: `dot16-security.md` 2.2, 2.3, 4.2; R10 of the handover rules. Random TEKs: 4.3.

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
}

/// One TEK at work: its transmit PN and its replay window go with it wherever it is kept.
#[derive(Clone, Debug)]
pub struct TekState {
    tek: Tek,
    eks: u8,
    source: TekSource,
    transmit: PnCounter,
    receive: PnWindow,
    expires: VirtualTime,
    fingerprint: u64,
}

impl TekState {
    /// A fresh TEK: both PNs at zero, so that the first PDU carries 1 (A4). `eks` is the two-bit sequence number.
    #[must_use]
    pub fn new(tek: Tek, eks: u8, source: TekSource, window: PnWindow, expires: VirtualTime) -> Self {
        let fingerprint = fingerprint(&tek);
        Self { tek, eks, source, transmit: PnCounter::default(), receive: window, expires, fingerprint }
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
    /// The TEK has sent its last PN; traffic waits for a new TEK.
    #[error("the packet numbers of the TEK are exhausted")]
    Exhausted,
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

/// The TEKs of one security association at one peer: TEK0 and TEK1, or an older and a newer random TEK.
#[derive(Clone, Debug)]
pub struct TekContext {
    states: [TekState; 2],
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
            TekState::new(tek, index.eks(), TekSource::Counter(index), window.clone(), lifetime.tek_expiry(index, now))
        };
        Self { states: [state(TekIndex::Tek0), state(TekIndex::Tek1)] }
    }

    /// An older and a newer TEK that were made at random.
    #[must_use]
    pub fn from_random(older: TekState, newer: TekState) -> Self {
        Self { states: [older, newer] }
    }

    /// Whether both were made at random: a generated TEK never travels (A21).
    #[must_use]
    pub fn is_random(&self) -> bool {
        self.states.iter().all(|state| state.source == TekSource::Random)
    }

    /// TEK0 and TEK1, or older and newer.
    #[must_use]
    pub fn states(&self) -> &[TekState; 2] {
        &self.states
    }

    /// The TEK to send with. Counter-based: TEK0 until it expires, then TEK1, in both directions (R10). Random: the BS
    /// sends with the older one until it expires, the MS with the newer one (`dot16-security.md` 4.3).
    fn transmitting(&mut self, direction: Direction, now: VirtualTime) -> Option<&mut TekState> {
        let [first, second] = &mut self.states;
        let newer_first = first.source == TekSource::Random && direction == Direction::Uplink;
        let [preferred, other] = if newer_first { [second, first] } else { [first, second] };
        if preferred.expires > now { Some(preferred) } else { Some(other).filter(|other| other.expires > now) }
    }

    /// Seals `plaintext` under the TEK to send with, using the next PN.
    ///
    /// # Errors
    /// If no TEK is live, its PNs are used up, or the PDU would be too long; no PN is used then.
    pub fn seal(
        &mut self,
        now: VirtualTime,
        direction: Direction,
        template: GenericMacHeader,
        plaintext: &[u8],
        crc: CrcForm,
    ) -> Result<SealedPdu, TransmitError> {
        let state = self.transmitting(direction, now).ok_or(TransmitError::Expired)?;
        let mut transmit = state.transmit.clone();
        let pn = transmit.next().map_err(|_| TransmitError::Exhausted)?;
        let template = GenericMacHeader { eks: state.eks, ..template };
        let octets = ccm::seal(&state.tek, template, pn, direction, plaintext, Some(crc))?;
        state.transmit = transmit;
        Ok(SealedPdu { octets, pn, eks: state.eks, fingerprint: state.fingerprint })
    }

    /// What the replay window says against a PDU, if anything; its ICV is not looked at and nothing changes.
    #[must_use]
    pub fn replay(&self, pdu: &MacPdu<'_>) -> Option<ReceiveError> {
        let state = self.states.iter().find(|state| state.eks == pdu.header.eks)?;
        let (pn, _) = ccm::packet_number(pdu).ok()?;
        match state.receive.check(pn) {
            PnVerdict::Accept => None,
            PnVerdict::Duplicate => Some(ReceiveError::Duplicate(pn)),
            PnVerdict::Old => Some(ReceiveError::Old(pn)),
        }
    }

    /// Takes the PN of a PDU into the window although its ICV has not verified: what no receiver must do (A20), for nodes
    /// that show why.
    pub fn accept_unverified(&mut self, pdu: &MacPdu<'_>) {
        let state = self.states.iter_mut().find(|state| state.eks == pdu.header.eks);
        if let Some((state, (pn, _))) = state.zip(ccm::packet_number(pdu).ok()) {
            state.receive.accept(pn);
        }
    }

    /// Opens a PDU that came in `direction`: TEK by EKS, direction bit, replay window, ICV, and only then moves the window.
    ///
    /// # Errors
    /// If any of these refuses; nothing has changed then.
    pub fn open(
        &mut self,
        now: VirtualTime,
        direction: Direction,
        pdu: &MacPdu<'_>,
    ) -> Result<OpenedPdu, ReceiveError> {
        let eks = pdu.header.eks;
        let position = self.states.iter().position(|state| state.eks == eks && state.expires > now);
        let position = position.ok_or(ReceiveError::UnknownTek { eks })?;
        let (pn, found) = ccm::packet_number(pdu).map_err(ReceiveError::Malformed)?;
        if found != direction {
            return Err(ReceiveError::WrongDirection);
        }
        if let Some(replay) = self.replay(pdu) {
            return Err(replay);
        }
        let state = &mut self.states[position];
        let opened = ccm::open(&state.tek, pdu).map_err(|error| match error {
            OpenError::Icv => ReceiveError::Icv,
            other => ReceiveError::Malformed(other),
        })?;
        state.receive.accept(pn);
        Ok(OpenedPdu { plaintext: opened.plaintext, pn, eks })
    }
}
