//! The keys of a mobile station: CMAC_KEY_COUNT_M, CMAC_KEY_COUNT_TM, and the contexts of every BS it has named:
//! R1, R8 and R9 of the handover rules.
//!
//! `M` is the last committed count, `T_M` = M + 1 the count of the handover under way. A handover given up before any
//! RNG-REQ with T_M left keeps everything; once one was sent, T_M is spent: giving up commits it.

use litemap::LiteMap;

use super::entry_keys::EntryKeys;
use super::hierarchy::AkContext;
use super::keys::Pmk;
use super::pn_window::PnWindow;
use super::tek_context::{PmkLifetime, TekContext, TekLimits};
use super::weakness::{Weakness, Weaknesses};
use crate::dot16::identifiers::{AkSequenceNumber, Bsid, CmacKeyCount, MsMac, Said};
use crate::time::VirtualTime;

/// M has reached its end, 0xffff: no further entry before re-authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CMAC_KEY_COUNT is exhausted: re-authenticate")]
pub struct CountExhausted;

/// What giving a handover up leaves the mobile with (R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// No RNG-REQ with T_M was sent: the old connection can be resumed.
    Resume,
    /// T_M was spent and is committed now; the old connection is gone, the next entry uses M + 1.
    ReEnter,
}

/// Settings of a mobile station that bear on keys.
#[derive(Clone, Debug)]
pub struct MobileKeySettings {
    /// An empty replay window of the size in use.
    pub window: PnWindow,
    /// What bounds the use of TEKs.
    pub limits: TekLimits,
    /// The defence of A17. Off: contexts of T_M are dropped when a handover is cancelled and derived again at the retry,
    /// so that (TEK, PN) is used twice.
    pub tek_cache: bool,
    /// Rules that are switched off.
    pub weaknesses: Weaknesses,
}

/// Everything a mobile keeps for one PMK.
#[derive(Clone, Debug)]
pub struct MobileKeys {
    settings: MobileKeySettings,
    pmk: Pmk,
    pmk_sn: AkSequenceNumber,
    /// Whether the mobile has authenticated; before, `pmk` stands for the one that it has not.
    authenticated: bool,
    ms: MsMac,
    saids: Vec<Said>,
    lifetime: PmkLifetime,
    /// The last count there is.
    last: CmacKeyCount,
    /// M.
    committed: CmacKeyCount,
    /// T_M, while a handover or re-entry is under way or was cancelled without being spent.
    traffic: Option<CmacKeyCount>,
    spent: bool,
    aks: LiteMap<Bsid, AkContext>,
    entries: LiteMap<(Bsid, CmacKeyCount), EntryKeys>,
}

impl MobileKeys {
    /// A mobile that has authenticated, with `committed` as M.
    #[must_use]
    pub fn new(
        settings: MobileKeySettings,
        pmk: Pmk,
        pmk_sn: AkSequenceNumber,
        ms: MsMac,
        saids: Vec<Said>,
        lifetime: PmkLifetime,
        committed: CmacKeyCount,
    ) -> Self {
        Self {
            settings,
            pmk,
            pmk_sn,
            authenticated: true,
            ms,
            saids,
            lifetime,
            last: CmacKeyCount(u16::MAX),
            committed,
            traffic: None,
            spent: false,
            aks: LiteMap::new(),
            entries: LiteMap::new(),
        }
    }

    /// A mobile that has not authenticated yet. A PMK will last `lifetime` in full.
    #[must_use]
    pub fn unauthenticated(settings: MobileKeySettings, ms: MsMac, lifetime: PmkLifetime) -> Self {
        let (none, sn, count) = (Pmk::from_octets([0; 20]), AkSequenceNumber(0), CmacKeyCount(0));
        Self { authenticated: false, ..Self::new(settings, none, sn, ms, Vec::new(), lifetime, count) }
    }

    /// Whether there is a PMK.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// `last` stands for the end of the counter, 0xffff without this.
    #[must_use]
    pub fn ending_at(self, last: CmacKeyCount) -> Self {
        Self { last, ..self }
    }

    /// The count after `count`, if there is one.
    fn after(&self, count: CmacKeyCount) -> Option<CmacKeyCount> {
        match count.next() {
            Some(next) if next <= self.last => Some(next),
            _ => self.weak(Weakness::WrapsCount).then_some(CmacKeyCount(0)),
        }
    }

    /// From now on TEKs of these SAs are generated from the count; of none where seamless handover is not negotiated.
    pub fn generate_for(&mut self, saids: Vec<Said>) {
        self.saids = saids;
    }

    /// An entry that stands from before the run: connected to `bs` under M, with random TEKs installed for each SA.
    pub fn establish(&mut self, bs: Bsid, teks: impl IntoIterator<Item = (Said, TekContext)>) {
        let committed = self.committed;
        let limits = self.settings.limits;
        let mut keys = EntryKeys::without_teks(self.ak(bs), committed).limited(limits);
        for (said, context) in teks {
            keys.install(said, context);
        }
        self.entries.insert((bs, committed), keys);
    }

    /// The connection to `bs` goes on under `count` as M, after CMAC_PN `pn`. `false` if there is none under M.
    pub fn move_to(&mut self, bs: Bsid, count: CmacKeyCount, pn: u32) -> bool {
        let (Some(keys), Some(ak)) = (self.entries.remove(&(bs, self.committed)), self.aks.get(&bs)) else {
            return false;
        };
        self.entries.insert((bs, count), keys.moved_to(ak, count, pn));
        self.committed = count;
        true
    }

    /// What follows when an authentication gives another PMK: M = 0, and nothing is derived yet
    /// (`dot16-security.md` 6.1).
    #[must_use]
    pub fn renewed(&self, pmk: Pmk, pmk_sn: AkSequenceNumber, lifetime: PmkLifetime) -> Self {
        let (settings, saids) = (self.settings.clone(), self.saids.clone());
        Self::new(settings, pmk, pmk_sn, self.ms, saids, lifetime, CmacKeyCount(0)).ending_at(self.last)
    }

    /// Begins an entry at `bs` under M, without TEKs.
    pub fn establish_without_teks(&mut self, bs: Bsid) {
        self.establish(bs, std::iter::empty());
    }

    /// Takes the keys for `bs` under `count` out.
    pub fn take_keys(&mut self, bs: Bsid, count: CmacKeyCount) -> Option<EntryKeys> {
        self.entries.remove(&(bs, count))
    }

    /// Whether another entry needs another PMK: M has reached its end.
    #[must_use]
    pub fn count_is_exhausted(&self) -> bool {
        self.after(self.committed).is_none()
    }

    /// Every connection and attempt is given up; nothing of this PMK will be used but M.
    pub fn abandon(&mut self) {
        self.entries.clear();
        self.commit();
        self.spent = false;
    }

    /// The AKIDs of every AK derived.
    pub fn aks(&self) -> impl Iterator<Item = &AkContext> {
        self.aks.values()
    }

    /// The PMK.
    #[must_use]
    pub fn pmk(&self) -> (&Pmk, AkSequenceNumber) {
        (&self.pmk, self.pmk_sn)
    }

    /// Whether this defence is off.
    #[must_use]
    pub fn weak(&self, weakness: Weakness) -> bool {
        self.settings.weaknesses.has(weakness)
    }

    /// The life of the PMK.
    #[must_use]
    pub fn lifetime(&self) -> PmkLifetime {
        self.lifetime
    }

    /// An empty replay window of the size in use.
    #[must_use]
    pub fn window(&self) -> &PnWindow {
        &self.settings.window
    }

    /// M.
    #[must_use]
    pub fn committed(&self) -> CmacKeyCount {
        self.committed
    }

    /// T_M of the handover under way, or of a cancelled one that left it unspent.
    #[must_use]
    pub fn traffic(&self) -> Option<CmacKeyCount> {
        self.traffic
    }

    /// The AK context for `bs`, derived on first use.
    pub fn ak(&mut self, bs: Bsid) -> &AkContext {
        let Self { aks, pmk, pmk_sn, ms, .. } = self;
        aks.entry(bs).or_insert_with(|| AkContext::derive(pmk, *pmk_sn, *ms, bs))
    }

    /// Begins a handover or re-entry: T_M := M + 1 (A2). A cancelled attempt that left T_M unspent gives the same T_M.
    ///
    /// # Errors
    /// If M is the last count there is.
    pub fn begin(&mut self) -> Result<CmacKeyCount, CountExhausted> {
        let next = self.after(self.committed).ok_or(CountExhausted)?;
        self.traffic = Some(next);
        Ok(next)
    }

    /// Derives AK, KEK and TEKs of `bs` for T_M, or finds them in the cache with their PNs (R9, A16). Answers whether
    /// they were in the cache, or `None` if no handover is under way.
    pub fn derive(&mut self, now: VirtualTime, bs: Bsid) -> Option<bool> {
        let count = self.traffic?;
        if self.entries.contains_key(&(bs, count)) {
            return Some(true);
        }
        self.ak(bs);
        let ak = self.aks.get(&bs)?;
        let keys = EntryKeys::from_count(ak, count, &self.saids, &self.settings.window, self.lifetime, now);
        self.entries.insert((bs, count), keys.limited(self.settings.limits));
        Some(false)
    }

    /// The TEKs of the live connection to `from` go on at `to` under T_M, with their PNs and windows (R12). `false`, and
    /// nothing is taken, if one of the two entries is not there or there are no TEKs.
    pub fn reuse_teks(&mut self, from: Bsid, to: Bsid) -> bool {
        let (Some(count), live) = (self.traffic, (from, self.committed)) else {
            return false;
        };
        if !self.entries.get(&live).is_some_and(EntryKeys::has_teks) {
            return false;
        }
        let Some(mut entry) = self.entries.remove(&(to, count)) else {
            return false;
        };
        if let Some(old) = self.entries.get_mut(&live) {
            entry.reuse_teks(old);
        }
        self.entries.insert((to, count), entry);
        true
    }

    /// An RNG-REQ with T_M is about to be sent: from now on T_M is spent (R1).
    pub fn spend(&mut self) {
        self.spent = true;
    }

    /// Whether an RNG-REQ with T_M was sent.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.spent
    }

    /// The entry at `bs` is complete: M := T_M, and every other context goes (A17).
    pub fn complete(&mut self, bs: Bsid) {
        self.commit();
        self.spent = false;
        let live = (bs, self.committed);
        self.entries.retain(|key, _| *key == live);
    }

    /// Gives the handover up (R1). Unspent: M and every context stay, unless the cache is switched off. Spent: M := T_M,
    /// and every context goes, that of the old connection included.
    pub fn give_up(&mut self) -> GiveUp {
        if !self.spent {
            if !self.settings.tek_cache {
                let committed = self.committed;
                self.entries.retain(|(_, count), _| *count == committed);
            }
            return GiveUp::Resume;
        }
        self.spent = false;
        if self.weak(Weakness::KeepsSpentCount) {
            return GiveUp::ReEnter;
        }
        let live = self.committed;
        self.commit();
        if self.weak(Weakness::ResumesAfterRanging) {
            self.entries.retain(|(_, count), _| *count == live);
            return GiveUp::Resume;
        }
        self.entries.clear();
        GiveUp::ReEnter
    }

    /// M := T_M.
    fn commit(&mut self) {
        if let Some(count) = self.traffic.take() {
            self.committed = count;
        }
    }

    /// The contexts are lost, those of the live connection too; M is not. A T_M that was used or prepared for is committed
    /// (R8), so that no context of it is derived again.
    pub fn lose_contexts(&mut self) {
        if self.weak(Weakness::DerivesLostContextsAgain) {
            let live = self.committed;
            return self.entries.retain(|(_, count), _| *count == live);
        }
        self.entries.clear();
        self.commit();
        self.spent = false;
    }

    /// Everything but the PMK is lost, M too: it begins at 0 again.
    pub fn lose_counter(&mut self) {
        self.entries.clear();
        self.traffic = None;
        self.spent = false;
        self.committed = CmacKeyCount(0);
    }

    /// The keys for `bs` under `count`.
    #[must_use]
    pub fn keys(&self, bs: Bsid, count: CmacKeyCount) -> Option<&EntryKeys> {
        self.entries.get(&(bs, count))
    }

    /// The keys for `bs` under `count`.
    pub fn keys_mut(&mut self, bs: Bsid, count: CmacKeyCount) -> Option<&mut EntryKeys> {
        self.entries.get_mut(&(bs, count))
    }

    /// Every context held.
    pub fn held(&self) -> impl Iterator<Item = (Bsid, &EntryKeys)> {
        self.entries.iter().map(|((bs, _), keys)| (*bs, keys))
    }
}
