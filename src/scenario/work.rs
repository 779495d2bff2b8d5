//! What a run has cost its base stations and its authenticator, as far as an attacker can make them work
//! (`dot16-security.md` 9, attacks 2, 4 and 6).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::script::{Script, WorkKind};
use super::world::Topology;
use crate::dot16::identifiers::{AkId, CmacKeyCount, Direction, MsMac};
use crate::dot16::node::{NamedKey, What, Work};
use crate::emulation::NodeIndex;
use crate::time::VirtualTime;

/// What a run has cost one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum NodeWork {
    /// A base station.
    BaseStation {
        /// TEKs derived from a count.
        tek_derivations: u64,
        /// User data PDUs decrypted to see whether their ICV fits, once for each TEK that was tried.
        icv_trials: u64,
        /// CMAC tuples verified.
        cmac_checks: u64,
        /// Context_Req sent, repetitions not counted.
        context_requests: u64,
        /// Contexts, each of one mobile and count, held at one time at the most, in use or not.
        contexts_kept: u64,
    },
    /// The authenticator.
    Authenticator {
        /// Context_Req answered, repetitions not counted.
        context_reports: u64,
    },
}

impl NodeWork {
    /// How much of one kind; `None` for a kind that this node does not do.
    #[must_use]
    pub fn of(&self, kind: WorkKind) -> Option<u64> {
        match (*self, kind) {
            (Self::BaseStation { tek_derivations, .. }, WorkKind::TekDerivations) => Some(tek_derivations),
            (Self::BaseStation { icv_trials, .. }, WorkKind::IcvTrials) => Some(icv_trials),
            (Self::BaseStation { cmac_checks, .. }, WorkKind::CmacChecks) => Some(cmac_checks),
            (Self::BaseStation { context_requests, .. }, WorkKind::ContextRequests) => Some(context_requests),
            (Self::BaseStation { contexts_kept, .. }, WorkKind::ContextsKept) => Some(contexts_kept),
            (Self::Authenticator { context_reports }, WorkKind::ContextReports) => Some(context_reports),
            _ => None,
        }
    }
}

/// What nodes report of their work while the run goes on.
#[derive(Debug, Default)]
pub struct WorkLog {
    nodes: BTreeMap<NodeIndex, Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    tek_derivations: u64,
    icv_trials: u64,
    cmac_checks: u64,
    context_requests: u64,
    context_reports: u64,
    held: BTreeSet<(MsMac, AkId, CmacKeyCount)>,
    /// When `held` changed last: what comes and what goes at one instant is one change.
    changed: VirtualTime,
    most_held: usize,
}

impl Tally {
    fn add(&mut self, work: Work) {
        self.tek_derivations += u64::from(work.tek_derivations);
        self.icv_trials += u64::from(work.icv_trials);
        self.cmac_checks += u64::from(work.cmac_checks);
        self.context_requests += u64::from(work.context_requests);
        self.context_reports += u64::from(work.context_reports);
    }

    fn hold(&mut self, now: VirtualTime, context: (MsMac, AkId, CmacKeyCount), held: bool) {
        if now > self.changed {
            self.most_held = self.most_held.max(self.held.len());
            self.changed = now;
        }
        if held {
            self.held.insert(context)
        } else {
            self.held.remove(&context)
        };
    }
}

impl WorkLog {
    /// Takes what `node` reports about `ms`.
    pub fn event(&mut self, now: VirtualTime, node: NodeIndex, ms: MsMac, what: &What) {
        match what {
            What::Work(work) => self.nodes.entry(node).or_default().add(*work),
            // Each context has one CMAC_KEY_U, whether its TEKs are generated or not.
            What::Key { at_mobile: false, held, key: NamedKey::Cmac { akid, count, direction, .. } }
                if *direction == Direction::Uplink =>
            {
                self.nodes.entry(node).or_default().hold(now, (ms, *akid, *count), *held);
            }
            _ => {}
        }
    }

    /// The work of every base station and of the authenticator, by name.
    #[must_use]
    pub fn finish(mut self, script: &Script, topology: &Topology) -> BTreeMap<String, NodeWork> {
        let mut tally = |node| self.nodes.remove(&node).unwrap_or_default();
        let context_reports = tally(Topology::GATEWAY).context_reports;
        let mut work = BTreeMap::new();
        work.insert(script.authenticator.name.clone(), NodeWork::Authenticator { context_reports });
        for (position, station) in script.base_stations.iter().enumerate() {
            let tally = tally(topology.base_station(position));
            let done = NodeWork::BaseStation {
                tek_derivations: tally.tek_derivations,
                icv_trials: tally.icv_trials,
                cmac_checks: tally.cmac_checks,
                context_requests: tally.context_requests,
                contexts_kept: u64::try_from(tally.most_held.max(tally.held.len())).unwrap_or(u64::MAX),
            };
            work.insert(station.name.clone(), done);
        }
        work
    }
}
