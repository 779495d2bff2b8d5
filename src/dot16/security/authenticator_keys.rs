//! CMAC_KEY_COUNT_N at the Authenticator, and who holds a context: R2 and R3 of the handover rules.

use std::collections::BTreeMap;

use super::hierarchy::AkContext;
use super::keys::Pmk;
use super::tek_context::PmkLifetime;
use super::weakness::{Weakness, Weaknesses};
use crate::dot16::identifiers::{AkSequenceNumber, Bsid, CmacKeyCount, MsMac};

/// What the Authenticator answers to a count reported by a BS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// N moved to this value: acknowledge and tell every holder.
    Accepted(CmacKeyCount),
    /// The report was accepted before; acknowledge again, nothing changes.
    Repeated,
    /// The count was consumed elsewhere already (m < N), or is farther above N than any loss explains: refuse.
    Refused,
    /// The count was the last one: acknowledge, demand re-authentication, serve no more contexts.
    Exhausted,
}

/// The Authenticator's view of one mobile: PMK, N, and every BS that was given a context.
#[derive(Clone, Debug)]
pub struct AuthenticatorKeys {
    pmk: Pmk,
    pmk_sn: AkSequenceNumber,
    /// Whether the mobile has authenticated; before, `pmk` stands for the one that it has not.
    authenticated: bool,
    ms: MsMac,
    lifetime: PmkLifetime,
    /// The last count there is.
    last: CmacKeyCount,
    /// How far above N a reported count may be.
    jump: u16,
    /// N; none once the counter is exhausted.
    next: Option<CmacKeyCount>,
    last_accepted: Option<(Bsid, CmacKeyCount)>,
    /// Every BS that was given a context, with the N that it was given last.
    holders: BTreeMap<Bsid, CmacKeyCount>,
    /// N comes from a backup, which may not know of every holder.
    restored: bool,
    weaknesses: Weaknesses,
}

/// A context as handed to a BS.
#[derive(Clone, Debug)]
pub struct HandedContext {
    /// AK and AKID for that BS.
    pub ak: AkContext,
    /// N.
    pub count: CmacKeyCount,
    /// Whether this BS was given any N of this PMK before (R8).
    pub issued_before: bool,
    /// The life of the PMK.
    pub lifetime: PmkLifetime,
}

impl AuthenticatorKeys {
    /// How far above N a reported count may be, where nothing else is set: far more than updates can be lost in a row, and
    /// little enough that a compromised BS cannot spend the counter with one report (attack 3 of `dot16-security.md` 9).
    pub const JUMP: u16 = 1_024;

    /// A mobile that has authenticated: `next` is N, 1 right after authentication (R2), none if the counter is exhausted.
    #[must_use]
    pub fn new(
        pmk: Pmk,
        pmk_sn: AkSequenceNumber,
        ms: MsMac,
        lifetime: PmkLifetime,
        next: Option<CmacKeyCount>,
    ) -> Self {
        Self {
            pmk,
            pmk_sn,
            authenticated: true,
            ms,
            lifetime,
            last: CmacKeyCount(u16::MAX),
            jump: Self::JUMP,
            next,
            last_accepted: None,
            holders: BTreeMap::new(),
            restored: false,
            weaknesses: Weaknesses::default(),
        }
    }

    /// A mobile that has not authenticated yet: there is no context to hand out.
    #[must_use]
    pub fn unauthenticated(ms: MsMac, lifetime: PmkLifetime) -> Self {
        let none = Pmk::from_octets([0; 20]);
        Self { authenticated: false, ..Self::new(none, AkSequenceNumber(0), ms, lifetime, None) }
    }

    /// Whether there is a PMK.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// With these rules switched off.
    #[must_use]
    pub fn with_weaknesses(self, weaknesses: Weaknesses) -> Self {
        Self { weaknesses, ..self }
    }

    /// `last` stands for the end of the counter, 0xffff without this.
    #[must_use]
    pub fn ending_at(self, last: CmacKeyCount) -> Self {
        Self { last, ..self }
    }

    /// A report may be so far above N.
    #[must_use]
    pub fn jumping_at_most(self, jump: u16) -> Self {
        Self { jump, ..self }
    }

    /// N after the count `taken`.
    fn after(&self, taken: CmacKeyCount) -> Option<CmacKeyCount> {
        match taken.next() {
            Some(next) if next <= self.last => Some(next),
            _ => self.weaknesses.has(Weakness::WrapsNetworkCount).then_some(CmacKeyCount(0)),
        }
    }

    /// The Authenticator has restarted and knows N from a backup. Whoever asks for a context may have had one before (R8).
    pub fn restore(&mut self, next: CmacKeyCount) {
        self.next = Some(next);
        self.last_accepted = None;
        self.restored = true;
    }

    /// N is another one, as after so many entries.
    pub fn move_to(&mut self, next: Option<CmacKeyCount>) {
        self.next = next;
        self.last_accepted = None;
    }

    /// N, or `None` once exhausted.
    #[must_use]
    pub fn next(&self) -> Option<CmacKeyCount> {
        self.next
    }

    /// The PMK, for the key log.
    #[must_use]
    pub fn pmk(&self) -> (&Pmk, AkSequenceNumber) {
        (&self.pmk, self.pmk_sn)
    }

    /// Every BS that was given a context of this PMK, in order of BSID.
    pub fn holders(&self) -> impl Iterator<Item = Bsid> {
        self.holders.keys().copied()
    }

    /// Hands the context for `bs` out; N does not change (A15). `None` once the counter is exhausted.
    pub fn hand_out(&mut self, bs: Bsid) -> Option<HandedContext> {
        let count = self.next?;
        let given = self.holders.insert(bs, count);
        let issued_before = match self.weaknesses.has(Weakness::RemembersLastCountOnly) {
            true => given == Some(count),
            false => given.is_some() || self.restored,
        };
        if self.weaknesses.has(Weakness::CountsHandedOutContexts) {
            self.next = self.after(count);
        }
        let ak = AkContext::derive(&self.pmk, self.pmk_sn, self.ms, bs);
        Some(HandedContext { ak, count, issued_before, lifetime: self.lifetime })
    }

    /// Whether `m`, which is not below N, is near enough to it.
    fn is_near(&self, m: CmacKeyCount, next: CmacKeyCount) -> bool {
        m.0.saturating_sub(next.0) <= self.jump || self.weaknesses.has(Weakness::TakesAnyCount)
    }

    /// A BS reports the count `m` that it accepted in a validated RNG-REQ (R2).
    pub fn report(&mut self, bs: Bsid, m: CmacKeyCount) -> ReportOutcome {
        if self.last_accepted == Some((bs, m)) && !self.weaknesses.has(Weakness::RefusesRepeatedReport) {
            return ReportOutcome::Repeated;
        }
        let taken = match self.next {
            Some(next) if m < next && self.weaknesses.has(Weakness::AcceptsOldReport) => next,
            Some(next) if m >= next && self.is_near(m, next) => m,
            _ => return ReportOutcome::Refused,
        };
        self.last_accepted = Some((bs, m));
        self.holders.insert(bs, m);
        self.next = self.after(taken);
        self.next.map_or(ReportOutcome::Exhausted, ReportOutcome::Accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::VirtualTime;
    use std::time::Duration;

    const A: Bsid = Bsid([10, 0, 0, 0, 0, 1]);
    const B: Bsid = Bsid([10, 0, 0, 0, 0, 2]);

    fn authenticator(next: u16) -> AuthenticatorKeys {
        let lifetime = PmkLifetime { full: Duration::from_secs(3600), ends: VirtualTime::MAX };
        let pmk = Pmk::from_octets([7; 20]);
        AuthenticatorKeys::new(pmk, AkSequenceNumber(4), MsMac([2; 6]), lifetime, Some(CmacKeyCount(next)))
    }

    #[test]
    fn handing_a_context_out_does_not_move_n_and_the_second_time_says_issued_before() {
        // A15, A16, R8
        let mut keys = authenticator(2);
        let first = keys.hand_out(B).unwrap();
        let second = keys.hand_out(B).unwrap();
        assert_eq!((first.count, first.issued_before), (CmacKeyCount(2), false));
        assert_eq!((second.count, second.issued_before), (CmacKeyCount(2), true));
        assert_eq!(first.ak.ak, second.ak.ak);
    }

    #[test]
    fn a_report_of_n_or_more_moves_n_behind_it_a_repeat_changes_nothing_and_a_smaller_one_is_refused() {
        // R2, traces T2 and T3
        let mut keys = authenticator(2);
        assert_eq!(keys.report(B, CmacKeyCount(2)), ReportOutcome::Accepted(CmacKeyCount(3)));
        assert_eq!(keys.report(B, CmacKeyCount(2)), ReportOutcome::Repeated);
        assert_eq!(keys.report(A, CmacKeyCount(1)), ReportOutcome::Refused);
        assert_eq!(keys.report(A, CmacKeyCount(2)), ReportOutcome::Refused);
        assert_eq!(keys.next(), Some(CmacKeyCount(3)));
        assert_eq!(keys.report(A, CmacKeyCount(7)), ReportOutcome::Accepted(CmacKeyCount(8)));
    }

    #[test]
    fn a_report_far_above_n_is_refused_and_spends_no_counts() {
        // R2
        let mut keys = authenticator(2).jumping_at_most(10);
        for far in [13, 0xffff] {
            assert_eq!(keys.report(B, CmacKeyCount(far)), ReportOutcome::Refused);
        }
        assert_eq!(keys.next(), Some(CmacKeyCount(2)));
        assert_eq!(keys.report(B, CmacKeyCount(12)), ReportOutcome::Accepted(CmacKeyCount(13)));
        // broken: A15
        let weak = Weaknesses::from_iter([Weakness::TakesAnyCount]);
        assert_eq!(authenticator(2).with_weaknesses(weak).report(B, CmacKeyCount(0xffff)), ReportOutcome::Exhausted);
    }

    #[test]
    fn the_counter_never_wraps() {
        // R2, attack 15
        let mut keys = authenticator(0xfffe);
        assert_eq!(keys.report(A, CmacKeyCount(0xfffe)), ReportOutcome::Accepted(CmacKeyCount(0xffff)));
        assert_eq!(keys.report(B, CmacKeyCount(0xffff)), ReportOutcome::Exhausted);
        assert!(keys.hand_out(A).is_none());
        assert_eq!(keys.report(A, CmacKeyCount(0xffff)), ReportOutcome::Refused);
    }
}
