//! Counts that base stations report to the Authenticator: each rests on an RNG-REQ with this count that verified there (PROTOCOL
//! R2, R7). A report that rests on none, and is acknowledged, has changed N without anybody's key.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::findings::{FindingKind, Findings};
use super::survey::MAX_KNOWN;
use crate::dot16::identifiers::{CmacKeyCount, MsMac};

/// What a base station is heard of, for one mobile and count.
type Named = (Ipv4Addr, MsMac, CmacKeyCount);

/// Remembers the RNG-REQs and the reports. Of each a bounded number is kept; beyond it nothing is found.
#[derive(Debug, Default)]
pub struct Reports {
    founded: BTreeSet<Named>,
    known: BTreeSet<Named>,
    unfounded: BTreeMap<(Ipv4Addr, u16), (u64, Named)>,
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
        if self.known.len() >= MAX_KNOWN || !self.known.insert(named) {
            return false;
        }
        if self.founded.len() < MAX_KNOWN && !self.founded.contains(&named) {
            self.unfounded.insert((named.0, transaction), (frame, named));
        }
        true
    }

    /// The Authenticator accepts a report of `bs`, whose name is given.
    pub fn acknowledged(&mut self, frame: u64, bs: Ipv4Addr, transaction: u16, name: &str, findings: &mut Findings) {
        if let Some((report, (_, ms, count))) = self.unfounded.remove(&(bs, transaction)) {
            let detail = format!("{name} reports count {count} of {ms}, and no RNG-REQ with it verifies there");
            findings.find(FindingKind::UnauthenticatedAccepted, &[report, frame], detail);
        }
    }
}
