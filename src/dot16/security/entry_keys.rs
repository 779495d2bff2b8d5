//! The keys of one entry: everything that hangs on one CMAC_KEY_COUNT at one BS.
//!
//! CMAC keys with their packet numbers (`dot16-security.md` 3) and the TEK contexts of every SA (2.2). MS and BS hold
//! the same thing; a BS that retains it for a count can resume it, PNs and windows included (A16, R4).

use litemap::LiteMap;

use super::cmac_tuple::{Truncation, cmac_value, verify};
use super::hierarchy::AkContext;
use super::keys::CmacKey;
use super::pn_window::PnWindow;
use super::tek_context::{PmkLifetime, TekContext, TekLimits};
use crate::dot16::identifiers::{AkId, AkSequenceNumber, Cid, CmacKeyCount, Direction, Said};
use crate::dot16::wire::CmacTuple;
use crate::time::VirtualTime;

/// Why a CMAC tuple was refused; nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmacError {
    /// The value does not verify.
    #[error("the CMAC does not verify")]
    Value,
    /// The value verifies, but CMAC_PN is not above the highest one accepted.
    #[error("CMAC_PN {found} is not above {highest}")]
    PacketNumber {
        /// CMAC_PN of the tuple.
        found: u32,
        /// The highest CMAC_PN accepted so far.
        highest: u32,
    },
}

/// The last CMAC_PN has been used; only re-authentication helps (`dot16-security.md` 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CMAC_PN is exhausted")]
pub struct CmacPnExhausted;

/// CMAC keys, CMAC_PNs and TEK contexts of one (AKID, CMAC_KEY_COUNT).
#[derive(Clone, Debug)]
pub struct EntryKeys {
    count: CmacKeyCount,
    akid: AkId,
    ak_sn: AkSequenceNumber,
    cmac_key_u: CmacKey,
    cmac_key_d: CmacKey,
    transmit_cmac_pn: u32,
    received_cmac_pn: u32,
    /// Mostly one: a tree would have room for eleven.
    teks: LiteMap<Said, TekContext>,
    limits: TekLimits,
}

impl EntryKeys {
    /// The first CMAC_PN of the last 65536, which are kept for the messages until re-authentication is done.
    pub const CMAC_PN_RESERVE: u32 = u32::MAX - 0xffff;

    /// CMAC keys for `count` and no TEKs yet; both CMAC_PNs at 0, so that the first message carries 1.
    #[must_use]
    pub fn without_teks(ak: &AkContext, count: CmacKeyCount) -> Self {
        Self {
            count,
            akid: ak.akid,
            ak_sn: ak.ak_sn,
            cmac_key_u: ak.cmac_key(Direction::Uplink, count),
            cmac_key_d: ak.cmac_key(Direction::Downlink, count),
            transmit_cmac_pn: 0,
            received_cmac_pn: 0,
            teks: LiteMap::new(),
            limits: TekLimits::default(),
        }
    }

    /// The same with these limits for every TEK, also for TEKs that are installed later.
    #[must_use]
    pub fn limited(mut self, limits: TekLimits) -> Self {
        self.limits = limits;
        self.teks.iter_mut().for_each(|(_, context)| context.limit(limits));
        self
    }

    /// CMAC keys for `count`, and TEK0 and TEK1 of every SA generated from it (A1, A4).
    #[must_use]
    pub fn from_count(
        ak: &AkContext,
        count: CmacKeyCount,
        saids: &[Said],
        window: &PnWindow,
        lifetime: PmkLifetime,
        now: VirtualTime,
    ) -> Self {
        let mut keys = Self::without_teks(ak, count);
        keys.teks = LiteMap::with_capacity(saids.len());
        for &said in saids {
            keys.teks.insert(said, TekContext::from_count(&ak.kek, count, said, window, lifetime, now));
        }
        keys
    }

    /// The count that all of this hangs on.
    #[must_use]
    pub fn count(&self) -> CmacKeyCount {
        self.count
    }

    /// The sequence number of the AK behind it.
    #[must_use]
    pub fn ak_sn(&self) -> AkSequenceNumber {
        self.ak_sn
    }

    /// The AKID of the AK behind it.
    #[must_use]
    pub fn akid(&self) -> AkId {
        self.akid
    }

    /// CMAC_KEY_U or CMAC_KEY_D.
    #[must_use]
    pub fn cmac_key(&self, direction: Direction) -> &CmacKey {
        match direction {
            Direction::Uplink => &self.cmac_key_u,
            Direction::Downlink => &self.cmac_key_d,
        }
    }

    /// Whether TEKs are at hand.
    #[must_use]
    pub fn has_teks(&self) -> bool {
        !self.teks.is_empty()
    }

    /// The TEK contexts in order of SAID.
    pub fn tek_contexts(&self) -> impl Iterator<Item = (Said, &TekContext)> {
        self.teks.iter().map(|(said, context)| (*said, context))
    }

    /// The TEK context of an SA.
    #[must_use]
    pub fn tek_context(&self, said: Said) -> Option<&TekContext> {
        self.teks.get(&said)
    }

    /// The TEK context of an SA.
    pub fn tek_context_mut(&mut self, said: Said) -> Option<&mut TekContext> {
        self.teks.get_mut(&said)
    }

    /// Installs TEKs for an SA in place of those it has.
    pub fn install(&mut self, said: Said, mut context: TekContext) {
        context.limit(self.limits);
        if self.teks.is_empty() {
            self.teks = LiteMap::with_capacity(1);
        }
        self.teks.insert(said, context);
    }

    /// CMAC keys for `count` of the same AK after CMAC_PN `pn` in both directions, with the TEKs of `self`.
    #[must_use]
    pub fn moved_to(self, ak: &AkContext, count: CmacKeyCount, pn: u32) -> Self {
        let mut keys = Self { teks: self.teks, ..Self::without_teks(ak, count) }.limited(self.limits);
        keys.use_cmac_pns_to(pn);
        keys
    }

    /// The same without TEKs: CMAC keys and CMAC_PNs.
    #[must_use]
    pub fn cmac_only(mut self) -> Self {
        self.teks.clear();
        self
    }

    /// Takes the TEKs over from `other` with their PNs and windows: the connection goes on under another AK.
    pub fn take_teks(&mut self, other: &mut Self) {
        self.teks = std::mem::take(&mut other.teks);
    }

    /// Takes the TEKs over from the entry at the BS before, in place of those it has, with their PNs and windows (R12).
    pub fn reuse_teks(&mut self, other: &mut Self) {
        self.take_teks(other);
        self.teks.iter_mut().for_each(|(_, context)| context.reuse());
    }

    /// Whether so many CMAC_PNs have been used, in either direction, that it is time to re-authenticate
    /// (`dot16-security.md` 2.3).
    #[must_use]
    pub fn cmac_pns_run_out(&self) -> bool {
        self.transmit_cmac_pn.max(self.received_cmac_pn) >= Self::CMAC_PN_RESERVE
    }

    /// Goes on after `pn` in both directions, for an entry that stands from before the run.
    pub fn use_cmac_pns_to(&mut self, pn: u32) {
        (self.transmit_cmac_pn, self.received_cmac_pn) = (pn, pn);
    }

    /// The first CMAC_PN that is sent is the one after `pn`.
    #[must_use]
    pub fn transmitting_after(mut self, pn: u32) -> Self {
        self.transmit_cmac_pn = pn;
        self
    }

    /// The CMAC tuple for a management message sent in `direction` on `cid`; `message` is the whole message without it.
    ///
    /// # Errors
    /// If every CMAC_PN has been used.
    pub fn sign(&mut self, direction: Direction, cid: Cid, message: &[u8]) -> Result<CmacTuple, CmacPnExhausted> {
        let pn = self.transmit_cmac_pn.checked_add(1).ok_or(CmacPnExhausted)?;
        self.transmit_cmac_pn = pn;
        let value = cmac_value(self.cmac_key(direction), self.akid, pn, cid, message, Truncation::Right);
        Ok(CmacTuple { reserved: 0, ak_sn: self.ak_sn, bsid: None, pn, value })
    }

    /// Whether the value of `tuple` is right for `message` (without the tuple) received in `direction` on `cid`; says
    /// nothing about its CMAC_PN.
    #[must_use]
    pub fn value_verifies(&self, direction: Direction, cid: Cid, message: &[u8], tuple: &CmacTuple) -> bool {
        let key = self.cmac_key(direction);
        verify(key, self.akid, tuple.pn, cid, message, Truncation::Right, &tuple.value)
    }

    /// Verifies `tuple` and takes its CMAC_PN as the highest accepted.
    ///
    /// # Errors
    /// If the value is wrong, or CMAC_PN is not above the highest accepted one.
    pub fn accept(
        &mut self,
        direction: Direction,
        cid: Cid,
        message: &[u8],
        tuple: &CmacTuple,
    ) -> Result<(), CmacError> {
        if !self.value_verifies(direction, cid, message, tuple) {
            return Err(CmacError::Value);
        }
        if tuple.pn <= self.received_cmac_pn {
            return Err(CmacError::PacketNumber { found: tuple.pn, highest: self.received_cmac_pn });
        }
        self.received_cmac_pn = tuple.pn;
        Ok(())
    }
}
