//! Counts on the backbone, and what rests on them (PROTOCOL R2, R7, R16).
//!
//! A base station reports the count of an RNG-REQ that verified there. The Authenticator takes a count once, from one base
//! station, and none below one that it has taken under the same PMK. The downlink goes to a base station by HO_Cnf of the
//! serving one, or on a count that the Authenticator has taken from it; never on a count that it has only reported.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::findings::{FindingKind, Findings, NoteKind};
use super::survey::MAX_KNOWN;
use crate::dot16::identifiers::{CmacKeyCount, MsMac};

/// A count that a base station names, and for which PMK of which mobile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The base station.
    pub bs: Ipv4Addr,
    /// The mobile.
    pub ms: MsMac,
    /// AK sequence number.
    pub ak_sn: u8,
    /// The count.
    pub count: CmacKeyCount,
}

/// A request of a base station to the Authenticator, by its address and transaction.
type Transaction = (Ipv4Addr, u16);

#[derive(Clone, Copy, Debug)]
struct Report {
    frame: u64,
    named: Named,
    /// Whether an RNG-REQ with this count had verified there.
    founded: bool,
}

/// Remembers RNG-REQs, reports and switches of the path. Of each a bounded number is kept; beyond it nothing is found.
#[derive(Debug, Default)]
pub struct Reports {
    founded: BTreeSet<(Ipv4Addr, MsMac, CmacKeyCount)>,
    known: BTreeSet<Named>,
    open: BTreeMap<Transaction, Report>,
    /// The highest count that the Authenticator has taken under the PMK in use, and from whom.
    taken: BTreeMap<MsMac, Named>,
    /// Every count that it has taken.
    all_taken: BTreeSet<Named>,
    /// Base stations that a serving one has said a mobile comes to.
    confirmed: BTreeSet<(Ipv4Addr, MsMac)>,
    switching: BTreeMap<Transaction, (u64, Named)>,
    /// Switches that were granted: an answer may come again.
    switched: BTreeSet<Transaction>,
}

impl Reports {
    /// An RNG-REQ that verified, or whose key is not known, was sent to a base station.
    pub fn requested(&mut self, bs: Ipv4Addr, ms: MsMac, count: CmacKeyCount) {
        if self.founded.len() < MAX_KNOWN {
            self.founded.insert((bs, ms, count));
        }
    }

    /// A base station reports a count. Whether it is the first time.
    pub fn reported(&mut self, frame: u64, transaction: u16, named: Named) -> bool {
        if self.known.len() >= MAX_KNOWN {
            return false;
        }
        let founded = self.founded.len() >= MAX_KNOWN || self.founded.contains(&(named.bs, named.ms, named.count));
        // What was taken and is reported again gets the same answer again.
        if !self.all_taken.contains(&named) {
            self.open.entry((named.bs, transaction)).or_insert(Report { frame, named, founded });
        }
        self.known.insert(named)
    }

    /// The Authenticator takes a report of `bs`, whose name is given.
    pub fn acknowledged(&mut self, frame: u64, bs: Ipv4Addr, transaction: u16, name: &str, findings: &mut Findings) {
        let Some(Report { frame: report, named, founded }) = self.open.remove(&(bs, transaction)) else { return };
        let Named { ms, count, ak_sn, .. } = named;
        if !founded {
            let detail = format!("{name} reports count {count} of {ms}, and no RNG-REQ with it verifies there");
            findings.find(FindingKind::UnauthenticatedAccepted, &[report, frame], detail);
        }
        match self.taken.get(&ms) {
            Some(before) if before.ak_sn == ak_sn && before.count >= count && *before != named => {
                let detail = format!(
                    "count {count} of {ms} taken from {name}, although count {} was taken before it",
                    before.count
                );
                findings.find(FindingKind::KeyCountRegress, &[report, frame], detail);
            }
            _ => {
                self.taken.insert(ms, named);
            }
        }
        self.all_taken.insert(named);
    }

    /// The Authenticator gives out a key of another PMK, whose sequence number may be that of an earlier one: counts begin
    /// anew.
    pub fn new_pmk(&mut self, ms: MsMac) {
        self.taken.remove(&ms);
        self.all_taken.retain(|named| named.ms != ms);
    }

    /// A serving base station says that the mobile comes to `bs`.
    pub fn confirmed(&mut self, bs: Ipv4Addr, ms: MsMac) {
        if self.confirmed.len() < MAX_KNOWN {
            self.confirmed.insert((bs, ms));
        }
    }

    /// A base station asks for the downlink, on a count.
    pub fn asks_for_path(&mut self, frame: u64, transaction: u16, named: Named) {
        if self.switching.len() < MAX_KNOWN {
            self.switching.insert((named.bs, transaction), (frame, named));
        }
    }

    /// The gateway leads the downlink to `bs`, whose name is given.
    pub fn path_granted(&mut self, frame: u64, bs: Ipv4Addr, transaction: u16, name: &str, findings: &mut Findings) {
        let Some((request, named)) = self.switching.remove(&(bs, transaction)) else { return };
        let again = !self.switched.insert((bs, transaction));
        // Who leads a path back after a cancelled handover, or registers it at network entry, has reported no count.
        let rests = !self.known.contains(&named) || self.all_taken.contains(&named);
        let confirmed = self.confirmed.remove(&(bs, named.ms));
        if again || rests || confirmed {
            return;
        }
        let detail = format!(
            "the downlink of {} goes to {name} on count {}, which the Authenticator has not taken from it",
            named.ms, named.count
        );
        findings.find(FindingKind::PathOnUntakenCount, &[request, frame], detail);
    }

    /// What was reported without an RNG-REQ, and not taken.
    pub fn finish(self, findings: &mut Findings) {
        for Report { frame, named, founded } in self.open.into_values() {
            if !founded {
                let detail = format!(
                    "count {} of {} reported, and no RNG-REQ with it verifies there; not taken as far as is seen",
                    named.count, named.ms
                );
                findings.note(NoteKind::Unauthenticated, Some(frame), detail);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: MsMac = MsMac([2; 6]);

    fn named(bs: u8, count: u16) -> Named {
        Named { bs: Ipv4Addr::new(10, 0, 0, bs), ms: MS, ak_sn: 0, count: CmacKeyCount(count) }
    }

    fn found(reports: impl FnOnce(&mut Reports, &mut Findings)) -> Vec<(FindingKind, Vec<u64>)> {
        let mut findings = Findings::default();
        let mut all = Reports::default();
        for (bs, count) in [(1, 2), (2, 2), (2, 3), (1, 3)] {
            let named = named(bs, count);
            all.requested(named.bs, MS, named.count);
        }
        reports(&mut all, &mut findings);
        all.finish(&mut findings);
        findings.into_remarks().0.into_iter().map(|finding| (finding.kind, finding.frames)).collect()
    }

    fn report(all: &mut Reports, frame: u64, named: Named, findings: &mut Findings) {
        all.reported(frame, 7, named);
        all.acknowledged(frame + 1, named.bs, 7, "bs", findings);
    }

    #[test]
    fn a_count_is_taken_once_from_one_base_station_and_its_repetition_from_the_same() {
        // R2, A15
        let rising = |all: &mut Reports, findings: &mut Findings| {
            for (frame, named) in [(1, named(1, 2)), (3, named(1, 2)), (5, named(2, 3))] {
                report(all, frame, named, findings);
            }
        };
        assert_eq!(found(rising), []);
        let regress = found(|all, findings| {
            rising(all, findings);
            report(all, 7, named(2, 2), findings);
            report(all, 9, named(1, 3), findings);
        });
        let kind = FindingKind::KeyCountRegress;
        assert_eq!(regress, [(kind, vec![7, 8]), (kind, vec![9, 10])]);
    }

    #[test]
    fn a_report_without_a_request_is_found_if_it_is_taken() {
        // R7
        let jump = named(1, 900);
        let taken = found(|all, findings| report(all, 1, jump, findings));
        assert_eq!(taken, [(FindingKind::UnauthenticatedAccepted, vec![1, 2])]);
        assert_eq!(found(|all, _| assert!(all.reported(1, 7, jump))), []);
    }

    #[test]
    fn the_path_goes_by_a_confirmation_once_or_on_a_count_that_was_taken() {
        // R16
        let switch = |all: &mut Reports, transaction, count, findings: &mut Findings| {
            let named = named(2, count);
            all.asks_for_path(20, transaction, named);
            all.path_granted(21, named.bs, transaction, "bs2", findings);
        };
        let honest = found(|all, findings| {
            all.confirmed(named(2, 1).bs, MS);
            switch(all, 1, 1, findings);
            // The answer comes again.
            switch(all, 1, 1, findings);
            // A path that is led back: its count was taken before the capture began.
            switch(all, 3, 1, findings);
            report(all, 1, named(2, 2), findings);
            switch(all, 2, 2, findings);
        });
        assert_eq!(honest, []);
        let early = found(|all, findings| {
            all.confirmed(named(2, 1).bs, MS);
            switch(all, 1, 1, findings);
            all.reported(3, 7, named(2, 2));
            switch(all, 2, 2, findings);
        });
        assert_eq!(early, [(FindingKind::PathOnUntakenCount, vec![20, 21])]);
    }
}
