//! The keys of one mobile at one BS: CMAC_KEY_COUNT_TB, the contexts retained per count, and the rules that keep a
//! (TEK, PN) pair from being used twice: R4 to R8 of the handover rules.
//!
//! Three counts matter. `T_B` is the count in use for traffic. `H` is the highest count for which this BS ever derived a
//! context; it survives purge and eviction, and no context is ever derived for a count at or below it. A retained
//! context of a lower count can be resumed with its PNs and windows.

use std::collections::BTreeSet;

use litemap::LiteMap;
use zeroize::Zeroizing;

use super::entry_keys::{CmacError, EntryKeys};
use super::hierarchy::{AkContext, Profile, TekIndex, counter_teks};
use super::keys::Tek;
use super::pn_window::PnWindow;
use super::tek_context::{OpenedPdu, PmkLifetime, ReceiveError, TekContext, TekLimits};
use super::weakness::{Weakness, Weaknesses};
use crate::dot16::identifiers::{Cid, CmacKeyCount, Direction, Said};
use crate::dot16::wire::{CmacTuple, MacPdu};
use crate::time::VirtualTime;

/// How far an entry at a BS has come (R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// Derived or resumed; the mobile has not shown itself.
    Prepared,
    /// The ICV of an uplink PDU has verified.
    Matched,
    /// An RNG-REQ has been validated.
    Confirmed,
}

/// Settings of a BS that bear on keys.
#[derive(Clone, Debug)]
pub struct BaseStationKeySettings {
    /// Profile (D1).
    pub profile: Profile,
    /// W of R6: how many counts above T_B are tried; 0 switches self-synchronisation off.
    pub self_sync_window: u16,
    /// Failed searches allowed per connection and second (R6).
    pub self_sync_budget: u32,
    /// An empty replay window of the size in use.
    pub window: PnWindow,
    /// What bounds the use of TEKs.
    pub limits: TekLimits,
    /// The defence of R4 and R8. Off: contexts and `H` are forgotten at release and "issued before" is ignored, so that
    /// a retry under the same count uses (TEK, PN) again and accepts recorded PDUs (A18).
    pub tek_cache: bool,
    /// Rules that are switched off.
    pub weaknesses: Weaknesses,
}

/// What preparation came to (R4, R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preparation {
    /// TEKs for T_B are at hand; `resumed` if they were retained.
    Seamless {
        /// T_B.
        count: CmacKeyCount,
        /// Whether the context was retained from an earlier attempt.
        resumed: bool,
    },
    /// The context of the count is lost: TEKs must travel in RNG-RSP.
    LegacyRngRsp,
}

/// An uplink PDU that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// The PDU.
    pub opened: OpenedPdu,
    /// By how much T_B was force-incremented for it (A11).
    pub self_sync_steps: u16,
    /// Whether it was the PDU that took the entry from prepared to matched.
    pub matched_now: bool,
}

/// Why an uplink PDU was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UplinkError {
    /// The reason under T_B, or under the retained count that the PDU belongs to.
    pub reason: ReceiveError,
    /// Whether a search over higher counts was made and failed.
    pub searched: bool,
}

/// What a BS makes of an RNG-REQ (R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangingOutcome {
    /// The CMAC does not verify for the claimed count: no state change.
    Invalid,
    /// The CMAC verifies, CMAC_PN was used before: a replay, no state change.
    Replay(CmacError),
    /// Confirmed; `advanced` if the count was above T_B, so that other TEKs are in use now.
    Confirmed {
        /// Whether T_B moved to the received count.
        advanced: bool,
    },
    /// Already confirmed, with a higher CMAC_PN: the answer was lost, answer again.
    Retransmission,
    /// A valid CMAC for a count below T_B.
    Smaller {
        /// T_B.
        expected: CmacKeyCount,
        /// The state of the entry of T_B.
        state: EntryState,
    },
    /// A valid CMAC for a count whose context was lost: TEKs must travel in RNG-RSP (R4, R8).
    ContextLost,
}

#[derive(Clone, Debug)]
struct Entry {
    keys: EntryKeys,
    state: EntryState,
    /// Its TEKs travelled in RNG-RSP because the context was lost, and no uplink PDU has verified yet (R8).
    lost: bool,
}

/// For how many counts whose contexts are gone re-authentication is demanded; requests under others are not answered.
const BELOW: usize = 8;

/// Counts that a search tries together.
const SEARCHED_AT_ONCE: usize = 16;

/// What the keys of a mobile have cost: what an attacker makes a BS do who can forge nothing (R6, `dot16-security.md` 9,
/// attack 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyWork {
    /// TEKs derived from a count.
    pub tek_derivations: u32,
    /// Uplink PDUs decrypted to see whether their ICV fits, once for each TEK that was tried.
    pub icv_trials: u32,
}

impl KeyWork {
    /// A PDU was looked at. One that is refused for its PN, its direction or its EKS is not decrypted.
    fn tried(&mut self, opened: &Result<OpenedPdu, ReceiveError>) {
        let decrypted = matches!(opened, Ok(_) | Err(ReceiveError::Icv));
        self.icv_trials = self.icv_trials.saturating_add(u32::from(decrypted));
    }

    fn derived(&mut self, teks: usize) {
        self.tek_derivations = self.tek_derivations.saturating_add(u32::try_from(teks).unwrap_or(u32::MAX));
    }
}

/// Everything a BS keeps for one AKID.
#[derive(Clone, Debug)]
pub struct BaseStationKeys {
    settings: BaseStationKeySettings,
    ak: AkContext,
    saids: Vec<Said>,
    lifetime: PmkLifetime,
    count: CmacKeyCount,
    /// H.
    highest: Option<CmacKeyCount>,
    /// The highest N this BS was told.
    known_n: CmacKeyCount,
    entries: LiteMap<CmacKeyCount, Entry>,
    legacy_only: bool,
    /// After which CMAC_PN_D the keys of a count begin that was not known here: 0, or the time in ms at which contexts turned
    /// out to be lost, because what was sent under a count before the restart is not known (R8).
    cmac_pn_d: u32,
    released: bool,
    /// A report was refused, so that N is above what is known here.
    outdated: bool,
    /// The count that the Authenticator took last from here.
    acknowledged: Option<CmacKeyCount>,
    /// The second in which searches were last counted, and how many failed in it.
    searches: (u64, u32),
    /// CMAC keys, with their CMAC_PNs, of counts whose contexts were purged, and of those below T_B under which
    /// re-authentication was demanded.
    below: LiteMap<CmacKeyCount, EntryKeys>,
    work: KeyWork,
}

impl BaseStationKeys {
    /// The AK context arrived; nothing is derived before [`Self::prepare`].
    #[must_use]
    pub fn new(settings: BaseStationKeySettings, ak: AkContext, saids: Vec<Said>, lifetime: PmkLifetime) -> Self {
        Self {
            settings,
            ak,
            saids,
            lifetime,
            count: CmacKeyCount(0),
            highest: None,
            known_n: CmacKeyCount(0),
            entries: LiteMap::new(),
            legacy_only: false,
            cmac_pn_d: 0,
            released: false,
            outdated: false,
            acknowledged: None,
            searches: (0, 0),
            below: LiteMap::new(),
            work: KeyWork::default(),
        }
    }

    /// What was done since this was asked last.
    pub fn take_work(&mut self) -> KeyWork {
        std::mem::take(&mut self.work)
    }

    /// The AK context.
    #[must_use]
    pub fn ak(&self) -> &AkContext {
        &self.ak
    }

    /// The life of the PMK.
    #[must_use]
    pub fn lifetime(&self) -> PmkLifetime {
        self.lifetime
    }

    /// T_B.
    #[must_use]
    pub fn count(&self) -> CmacKeyCount {
        self.count
    }

    /// The state of the entry of T_B, if its context is at hand.
    #[must_use]
    pub fn state(&self) -> Option<EntryState> {
        self.entries.get(&self.count).map(|entry| entry.state)
    }

    /// The keys of T_B.
    #[must_use]
    pub fn current(&self) -> Option<&EntryKeys> {
        self.entries.get(&self.count).map(|entry| &entry.keys)
    }

    /// The keys of T_B.
    pub fn current_mut(&mut self) -> Option<&mut EntryKeys> {
        self.entries.get_mut(&self.count).map(|entry| &mut entry.keys)
    }

    /// The keys of every retained count.
    pub fn retained(&self) -> impl Iterator<Item = (CmacKeyCount, EntryState, &EntryKeys)> {
        self.entries.iter().map(|(count, entry)| (*count, entry.state, &entry.keys))
    }

    /// An entry that stands from before the run: `count` is confirmed, with random TEKs installed for each SA.
    pub fn establish(&mut self, count: CmacKeyCount, teks: impl IntoIterator<Item = (Said, TekContext)>) {
        let mut keys = EntryKeys::without_teks(&self.ak, count).limited(self.settings.limits);
        for (said, context) in teks {
            keys.install(said, context);
        }
        self.count = count;
        self.highest = Some(count);
        self.entries.insert(count, Entry { keys, state: EntryState::Confirmed, lost: false });
    }

    /// An entry that a completed authentication confirms: `keys` hold its count, CMAC keys and TEKs, and N is known to be one
    /// more.
    pub fn establish_authenticated(&mut self, keys: EntryKeys) {
        let count = keys.count();
        self.count = count;
        self.insert(count, Entry { keys, state: EntryState::Confirmed, lost: false });
        self.known_n = count.next().unwrap_or(count);
    }

    /// From now on TEKs of these SAs are generated from the count; of none where seamless handover is not negotiated.
    pub fn generate_for(&mut self, saids: Vec<Said>) {
        self.saids = saids;
    }

    /// The confirmed connection goes on under `count`, after CMAC_PN `pn`. `false` if there is none.
    pub fn move_to(&mut self, count: CmacKeyCount, pn: u32) -> bool {
        let Some(entry) = self.entries.remove(&self.count).filter(|entry| entry.state == EntryState::Confirmed) else {
            return false;
        };
        self.count = count;
        let keys = entry.keys.moved_to(&self.ak, count, pn);
        self.insert(count, Entry { keys, ..entry });
        true
    }

    /// Prepares for an entry after the Authenticator named N (R4, R8): T_B := max(N, H).
    pub fn prepare(&mut self, now: VirtualTime, n: CmacKeyCount, issued_before: bool) -> Preparation {
        self.released = false;
        self.outdated = false;
        self.begin_again_below(n);
        self.known_n = self.known_n.max(n);
        let forgets = self.weak(Weakness::ForgetsHighestCount);
        let lost = if forgets { !self.entries.contains_key(&n) } else { self.highest.is_none() };
        let ignores = self.weak(Weakness::IgnoresIssuedBefore) || self.weak(Weakness::BelievesWrappedCount);
        if self.settings.tek_cache && issued_before && lost && !ignores {
            self.legacy_only = true;
            self.cmac_pn_d = u32::try_from(now.as_nanos() / 1_000_000).unwrap_or(u32::MAX);
        }
        self.count = self.highest.filter(|_| !forgets).map_or(n, |highest| highest.max(n));
        if self.weak(Weakness::CountsByItself) {
            self.count = self.count.next().unwrap_or(self.count);
        }
        if self.legacy_only {
            return Preparation::LegacyRngRsp;
        }
        let count = self.count;
        if let Some(entry) = self.entries.get_mut(&count) {
            entry.state = EntryState::Prepared;
            return Preparation::Seamless { count, resumed: true };
        }
        if !self.may_derive(count) {
            return Preparation::LegacyRngRsp;
        }
        let keys = self.fresh(now, count);
        self.insert(count, Entry { keys, state: EntryState::Prepared, lost: false });
        Preparation::Seamless { count, resumed: false }
    }

    fn weak(&self, weakness: Weakness) -> bool {
        self.settings.weaknesses.has(weakness)
    }

    /// What a BS does that believes in a wrapped count: an N below that known so far begins the count, and all that was
    /// remembered of it, anew.
    fn begin_again_below(&mut self, n: CmacKeyCount) {
        if n < self.known_n && self.weak(Weakness::BelievesWrappedCount) {
            let live = (!self.released).then_some(self.count);
            self.entries.retain(|count, _| Some(*count) == live);
            (self.known_n, self.highest) = (n, None);
        }
    }

    /// R4: no context is ever derived for a count at or below H.
    fn may_derive(&self, count: CmacKeyCount) -> bool {
        let above = self.highest.is_none_or(|highest| count > highest);
        !self.legacy_only && (above || self.weak(Weakness::ForgetsHighestCount))
    }

    fn fresh(&mut self, now: VirtualTime, count: CmacKeyCount) -> EntryKeys {
        let keys = self.of_count(now, count);
        let derived: usize = keys.tek_contexts().map(|(_, context)| context.teks().count()).sum();
        self.work.derived(derived);
        keys
    }

    fn of_count(&self, now: VirtualTime, count: CmacKeyCount) -> EntryKeys {
        EntryKeys::from_count(&self.ak, count, &self.saids, &self.settings.window, self.lifetime, now)
            .limited(self.settings.limits)
    }

    fn insert(&mut self, count: CmacKeyCount, entry: Entry) {
        self.entries.insert(count, entry);
        self.highest = Some(self.highest.map_or(count, |highest| highest.max(count)));
    }

    /// Opens an uplink data PDU of the SA `said` under T_B, or, in state prepared, by self-synchronisation under
    /// T_B + 1 .. T_B + W (R6, A10, A11).
    ///
    /// # Errors
    /// If the PDU is dropped. Nothing has changed then, except the count of failed searches.
    pub fn open_uplink(&mut self, now: VirtualTime, said: Said, pdu: &MacPdu<'_>) -> Result<Uplink, UplinkError> {
        let eks = pdu.header.eks;
        let unsearched = |reason| UplinkError { reason, searched: false };
        let entry = self.entries.get_mut(&self.count).ok_or(unsearched(ReceiveError::UnknownTek { eks }))?;
        let context = entry.keys.tek_context_mut(said).ok_or(unsearched(ReceiveError::UnknownTek { eks }))?;
        let opened = context.open(now, Direction::Uplink, pdu);
        self.work.tried(&opened);
        let reason = match opened {
            Ok(opened) => {
                let matched_now = entry.state == EntryState::Prepared;
                if matched_now {
                    entry.state = EntryState::Matched;
                }
                return Ok(Uplink { opened, self_sync_steps: 0, matched_now });
            }
            Err(reason) => reason,
        };
        // EKS 0 and 1 are those of generated TEKs; a context that was refreshed may hold none with them.
        let may_search = (entry.state == EntryState::Prepared || self.weak(Weakness::SearchesInEveryState))
            && eks < 2
            && !matches!(reason, ReceiveError::WrongDirection | ReceiveError::Malformed(_))
            && self.search_allowed(now);
        if may_search { self.search(now, said, pdu, reason) } else { Err(unsearched(reason)) }
    }

    /// Whether an uplink PDU carries a PN that the window of a retained count has seen or left behind. Says nothing about
    /// its ICV and changes nothing.
    #[must_use]
    pub fn replay_of(&self, count: CmacKeyCount, said: Said, pdu: &MacPdu<'_>) -> Option<ReceiveError> {
        self.entries.get(&count)?.keys.tek_context(said)?.replay(pdu)
    }

    fn search_allowed(&mut self, now: VirtualTime) -> bool {
        let second = now.as_nanos() / 1_000_000_000;
        if self.searches.0 != second {
            self.searches = (second, 0);
        }
        self.settings.profile == Profile::Contribution
            && self.settings.self_sync_window > 0
            && self.searches.1 < self.settings.self_sync_budget
    }

    fn search(
        &mut self,
        now: VirtualTime,
        said: Said,
        pdu: &MacPdu<'_>,
        under_count: ReceiveError,
    ) -> Result<Uplink, UplinkError> {
        let window = self.settings.self_sync_window;
        let counts = std::iter::successors(self.count.next(), |count| count.next());
        let candidates: Vec<(u16, CmacKeyCount)> = (1..=window).zip(counts).collect();
        for some in candidates.chunks(SEARCHED_AT_ONCE) {
            let Some((steps, count)) = self.first_that_opens(now, said, pdu, some) else { continue };
            if !self.entries.contains_key(&count) {
                let keys = self.of_count(now, count);
                self.insert(count, Entry { keys, state: EntryState::Prepared, lost: false });
            }
            let entry = self.entries.get_mut(&count);
            let context = entry.and_then(|entry| {
                entry.state = EntryState::Matched;
                entry.keys.tek_context_mut(said)
            });
            self.count = count;
            let unknown = ReceiveError::UnknownTek { eks: pdu.header.eks };
            let opened = context.ok_or(unknown).and_then(|context| context.open(now, Direction::Uplink, pdu));
            return match opened {
                Ok(opened) => Ok(Uplink { opened, self_sync_steps: steps, matched_now: true }),
                // It has opened under the same TEK.
                Err(reason) => Err(UplinkError { reason, searched: true }),
            };
        }
        self.searches.1 += 1;
        Err(UplinkError { reason: under_count, searched: true })
    }

    /// The first of `candidates` under whose TEK the PDU opens. All of them are tried at once; what is counted is the work of a
    /// base station that tries one after the other, and derives both TEKs of every SA for each.
    fn first_that_opens(
        &mut self,
        now: VirtualTime,
        said: Said,
        pdu: &MacPdu<'_>,
        candidates: &[(u16, CmacKeyCount)],
    ) -> Option<(u16, CmacKeyCount)> {
        let index = TekIndex::from_eks(pdu.header.eks)?;
        let is_fresh = |count| !self.entries.contains_key(&count);
        let taken = |(_, count): &&(u16, CmacKeyCount)| !is_fresh(*count) || self.may_derive(*count);
        let candidates: Vec<(u16, CmacKeyCount)> = candidates.iter().filter(taken).copied().collect();
        let fresh: Vec<CmacKeyCount> =
            candidates.iter().map(|(_, count)| *count).filter(|count| is_fresh(*count)).collect();
        let derives = self.saids.contains(&said) && self.lifetime.tek_expiry(index, now) > now;
        let fresh = if derives { fresh.as_slice() } else { &[] };
        let mut derived = Zeroizing::new([[0; Tek::OCTETS]; SEARCHED_AT_ONCE]);
        counter_teks(&self.ak.kek, fresh, said, index, derived.get_mut(..fresh.len()).unwrap_or_default());

        // The TEKs to try, and of which candidate each is.
        let mut derived = derived.iter().take(fresh.len());
        let mut teks = Zeroizing::new(Vec::with_capacity(candidates.len()));
        let mut of = Vec::with_capacity(candidates.len());
        for (place, (_, count)) in candidates.iter().enumerate() {
            let tek = match self.entries.get(count) {
                None => derived.next(),
                Some(entry) => {
                    let context = entry.keys.tek_context(said);
                    let state = context.and_then(|context| context.receiving(now, Direction::Uplink, pdu).ok());
                    state.map(|state| state.tek().octets())
                }
            };
            if let Some(tek) = tek {
                teks.push(*tek);
                of.push(place);
            }
        }
        let opens = super::ccm::first_that_opens(&teks, pdu).ok().flatten();
        let found = opens.and_then(|tek| of.get(tek).copied());

        let looked_at = found.map_or(candidates.len(), |place| place.saturating_add(1));
        let trials = opens.map_or(teks.len(), |tek| tek.saturating_add(1));
        let derivations = candidates.iter().take(looked_at).filter(|(_, count)| is_fresh(*count)).count();
        let of_each = TekIndex::ALL.len().saturating_mul(self.saids.iter().collect::<BTreeSet<_>>().len());
        self.work.derived(derivations.saturating_mul(of_each));
        self.work.icv_trials = self.work.icv_trials.saturating_add(u32::try_from(trials).unwrap_or(u32::MAX));
        found.and_then(|place| candidates.get(place).copied())
    }

    /// Takes an RNG-REQ that claims `m` (R7). The CMAC is verified for the claimed count before anything else is looked
    /// at; `message` is the whole message without the tuple, `cid` the CID of its header.
    pub fn range(
        &mut self,
        now: VirtualTime,
        m: CmacKeyCount,
        cid: Cid,
        message: &[u8],
        tuple: &CmacTuple,
    ) -> RangingOutcome {
        if self.weak(Weakness::BelievesCountFirst) {
            self.believe(now, m);
        }
        let verifies = match self.entries.get(&m) {
            Some(entry) => entry.keys.value_verifies(Direction::Uplink, cid, message, tuple),
            None => EntryKeys::without_teks(&self.ak, m).value_verifies(Direction::Uplink, cid, message, tuple),
        };
        if !verifies {
            return RangingOutcome::Invalid;
        }
        if m < self.count {
            let state = self.state().unwrap_or(EntryState::Prepared);
            if state == EntryState::Prepared
                && self.settings.profile == Profile::Std2009
                && let Some(Err(error)) =
                    self.below_mut(m).map(|keys| keys.accept(Direction::Uplink, cid, message, tuple))
            {
                return RangingOutcome::Replay(error);
            }
            if self.weak(Weakness::SmallerCountReleases) {
                self.entries.remove(&self.count);
            }
            return RangingOutcome::Smaller { expected: self.count, state };
        }
        let advanced = m > self.count;
        let Some(entry) = self.entries.get_mut(&m) else {
            if !self.may_derive(m) {
                let known = self.below_mut(m).map(|keys| keys.accept(Direction::Uplink, cid, message, tuple));
                return match known {
                    Some(Err(error)) => RangingOutcome::Replay(error),
                    _ => RangingOutcome::ContextLost,
                };
            }
            let mut keys = self.fresh(now, m);
            return match keys.accept(Direction::Uplink, cid, message, tuple) {
                Err(error) => RangingOutcome::Replay(error),
                Ok(()) => {
                    self.released = false;
                    self.insert(m, Entry { keys, state: EntryState::Confirmed, lost: false });
                    self.count = m;
                    RangingOutcome::Confirmed { advanced }
                }
            };
        };
        match entry.keys.accept(Direction::Uplink, cid, message, tuple) {
            Err(error) => RangingOutcome::Replay(error),
            Ok(()) if entry.lost => RangingOutcome::ContextLost,
            Ok(()) if !advanced && entry.state == EntryState::Confirmed => RangingOutcome::Retransmission,
            Ok(()) => {
                entry.state = EntryState::Confirmed;
                self.count = m;
                self.released = false;
                RangingOutcome::Confirmed { advanced }
            }
        }
    }

    /// The CMAC keys of `m`, a count below T_B or one whose context is lost: those of the retained context, else of none, so
    /// that no CMAC_PN is used or accepted twice. `None` if there are too many such counts.
    pub fn below_mut(&mut self, m: CmacKeyCount) -> Option<&mut EntryKeys> {
        if let Some(entry) = self.entries.get_mut(&m) {
            return Some(&mut entry.keys);
        }
        if self.below.len() >= BELOW && !self.below.contains_key(&m) {
            return None;
        }
        let (ak, pn) = (&self.ak, self.cmac_pn_d);
        Some(self.below.entry(m).or_insert_with(|| EntryKeys::without_teks(ak, m).transmitting_after(pn)))
    }

    /// What a BS does that believes the count of an RNG-REQ before its CMAC: a larger one replaces the TEKs in use, a
    /// smaller one ends the connection.
    fn believe(&mut self, now: VirtualTime, m: CmacKeyCount) {
        let Some(state) = self.state() else { return };
        if m > self.count {
            let keys = self.fresh(now, m);
            self.insert(m, Entry { keys, state, lost: false });
            self.count = m;
        } else if m < self.count {
            self.entries.remove(&self.count);
        }
    }

    /// A context of `m` was lost and TEKs travel in RNG-RSP (R8): an entry for it with CMAC keys and `teks`, in state
    /// prepared until an uplink PDU under them verifies. One of another count that still waits for that gives way: the mobile
    /// has spent it.
    pub fn install_lost(&mut self, m: CmacKeyCount, teks: impl IntoIterator<Item = (Said, TekContext)>) {
        let waiting = self.entries.iter().filter(|(count, entry)| entry.lost && **count != m);
        let waiting: Vec<CmacKeyCount> = waiting.map(|(count, _)| *count).collect();
        waiting.into_iter().for_each(|count| self.drop_context(count));
        let known = self.below.remove(&m);
        let unknown = || EntryKeys::without_teks(&self.ak, m).transmitting_after(self.cmac_pn_d);
        let mut keys = known.unwrap_or_else(unknown).limited(self.settings.limits);
        for (said, context) in teks {
            keys.install(said, context);
        }
        self.count = m;
        self.released = false;
        self.insert(m, Entry { keys, state: EntryState::Prepared, lost: true });
    }

    /// Whether the entry of T_B was answered with TEKs in RNG-RSP and no uplink PDU under them has verified yet.
    #[must_use]
    pub fn awaits_first_uplink(&self) -> bool {
        self.entries.get(&self.count).is_some_and(|entry| entry.lost)
    }

    /// The first uplink PDU under the TEKs of a `legacy-rng-rsp` answer has verified: the entry counts as confirmed (R8).
    pub fn confirm_current(&mut self) {
        if let Some(entry) = self.entries.get_mut(&self.count) {
            entry.state = EntryState::Confirmed;
            entry.lost = false;
        }
    }

    /// The entry is over here: the resource retain time of a serving BS has passed, the ranging deadline of a target has
    /// passed, or the handover was cancelled. Contexts stay (R14, R5), unless the cache is switched off.
    pub fn release(&mut self) {
        self.released = true;
        if !self.settings.tek_cache {
            self.entries.clear();
            self.highest = None;
        }
        self.purge();
    }

    /// The Authenticator says that N has moved (R3); purges by R5. What is purged does not lower H.
    pub fn notice(&mut self, n: CmacKeyCount) {
        self.begin_again_below(n);
        self.known_n = self.known_n.max(n);
        self.purge();
    }

    /// The Authenticator took the report of `m` (R2), and one of a smaller count before: where the notices of N are lost,
    /// confirmed contexts below that go all the same (R5).
    pub fn acknowledged(&mut self, m: CmacKeyCount) {
        let Some(before) = self.acknowledged.replace(m).filter(|before| *before < m) else { return };
        let is_below = |count: &CmacKeyCount, entry: &Entry| *count < before && entry.state == EntryState::Confirmed;
        let below = self.entries.iter().filter(|(count, entry)| is_below(count, entry));
        let below: Vec<CmacKeyCount> = below.map(|(count, _)| *count).collect();
        below.into_iter().for_each(|count| self.drop_context(count));
    }

    /// The Authenticator refused the report of `m` (R2): only the context of that count goes.
    pub fn refused(&mut self, m: CmacKeyCount) {
        self.drop_context(m);
        self.outdated = true;
    }

    /// Whether N is above what is known here: the next entry needs the context, and with it N, from the Authenticator. Else
    /// a mobile whose M has fallen behind N would be let in with every next count, and dropped when it is reported.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.outdated
    }

    /// A retained context gives way to others (R8): it is gone, `H` stays.
    pub fn evict(&mut self, count: CmacKeyCount) {
        self.drop_context(count);
    }

    /// A context goes. What ranging messages have used of its CMAC_PNs stays used: an RNG-REQ that was recorded is no new one,
    /// and no answer carries a CMAC_PN again.
    fn drop_context(&mut self, count: CmacKeyCount) {
        if let Some(entry) = self.entries.remove(&count) {
            self.below.insert(count, entry.keys.cmac_only());
            let lowest = self.below.first().map(|(count, _)| *count).filter(|_| self.below.len() > BELOW);
            lowest.and_then(|count| self.below.remove(&count));
        }
    }

    /// R5. Prepared and matched contexts go when N is above them, confirmed ones when N is above them and they are
    /// released, or when N is more than one above them.
    fn purge(&mut self) {
        let (n, released) = (self.known_n, self.released || self.weak(Weakness::PurgesLiveContext));
        let stays = |count: &CmacKeyCount, entry: &Entry| {
            let behind = n.0.saturating_sub(count.0);
            match entry.state {
                EntryState::Prepared | EntryState::Matched => behind == 0,
                EntryState::Confirmed => behind == 0 || (behind == 1 && !released),
            }
        };
        let gone: Vec<CmacKeyCount> =
            self.entries.iter().filter(|(count, entry)| !stays(count, entry)).map(|(count, _)| *count).collect();
        gone.into_iter().for_each(|count| self.drop_context(count));
    }
}
