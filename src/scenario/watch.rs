//! Of which mobile stations a run keeps frames, states and keys: all, a sample, or none.
//!
//! What is kept of the others is a few figures of each, however long the run is.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use super::script::{CaptureChoice, Expected, Script};
use super::subject::Subject;
use super::world::Topology;
use crate::dot16::identifiers::MsMac;
use crate::emulation::{Sender, Transmission};

/// The mobile stations that are watched.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// Those that the capture is of, by their position in the script; `None`: all of them, and whatever else there is.
    captured: Option<Captured>,
    /// Whether everything is kept, whatever the capture is of: results of attacks, and the search for TEKs, need it.
    keeps_all: bool,
}

#[derive(Clone, Debug, Default)]
struct Captured {
    mobiles: HashSet<usize>,
    macs: HashSet<MsMac>,
    addresses: HashSet<Ipv4Addr>,
}

impl Watch {
    /// What the script asks for; `also` is one more address of the first mobile.
    pub(super) fn new(script: &Script, also: Option<Ipv4Addr>) -> Self {
        let searches = script.expectations.iter().any(|one| matches!(one.expected, Expected::TekOnLink(_)));
        let keeps_all = !script.attacks.is_empty() || script.adversary.is_some() || searches;
        let mobiles = sample(script.capture, script.mobile_stations.len());
        let captured = mobiles.map(|mobiles| {
            let stations = || mobiles.iter().filter_map(|mobile| script.mobile_stations.get(*mobile));
            let addresses = stations().map(|mobile| mobile.ip).chain(also.filter(|_| mobiles.contains(&0)));
            let (macs, addresses) = (stations().map(|mobile| mobile.mac).collect(), addresses.collect());
            Captured { mobiles: mobiles.clone(), macs, addresses }
        });
        Self { captured, keeps_all }
    }

    /// Whether everything goes into the capture.
    pub(super) fn captures_all(&self) -> bool {
        self.captured.is_none()
    }

    /// Whether the capture is of this mobile.
    pub(super) fn captures(&self, ms: MsMac) -> bool {
        self.captured.as_ref().is_none_or(|captured| captured.macs.contains(&ms))
    }

    /// Whether the capture is of this mobile, by its position in the script.
    pub(super) fn captures_mobile(&self, mobile: usize) -> bool {
        self.captured.as_ref().is_none_or(|captured| captured.mobiles.contains(&mobile))
    }

    /// Whether what happens to this mobile is kept.
    pub(super) fn keeps(&self, ms: MsMac) -> bool {
        self.keeps_all || self.captures(ms)
    }

    /// Whether a frame about `subject` is kept.
    pub(super) fn keeps_frame(&self, sent: &Transmission, subject: Subject) -> bool {
        self.keeps_all || self.captures_frame(sent, subject)
    }

    /// Whether a frame about `subject` goes into the capture. What the adversary sends always does, where there is one.
    pub(super) fn captures_frame(&self, sent: &Transmission, subject: Subject) -> bool {
        let Some(captured) = &self.captured else { return true };
        match subject {
            _ if captured.mobiles.is_empty() => false,
            _ if matches!(sent.from, Sender::Adversary(_)) => true,
            Subject::Air { mobile, .. } => captured.mobiles.contains(&mobile),
            Subject::Control(ms) => captured.macs.contains(&ms),
            Subject::Packet(addresses) => addresses.iter().any(|address| captured.addresses.contains(address)),
            Subject::Nobody => false,
        }
    }

    /// Whether everything is kept, and is looked through when the run is over.
    pub(super) const fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    /// Whether frames are kept that are not for the capture.
    pub(super) fn keeps_more(&self) -> bool {
        self.keeps_all && !self.captures_all()
    }

    /// Whether a node, by its position among the names of the topology, belongs to a capture in which these nodes send and receive.
    pub(super) fn shows_node(&self, node: usize, active: &HashSet<usize>, topology: &Topology) -> bool {
        let mobile = node.checked_sub(1 + topology.bsids().len()).filter(|mobile| *mobile < topology.macs().len());
        self.captures_all()
            || node == 0
            || active.contains(&node)
            || mobile.is_some_and(|mobile| self.captures_mobile(mobile))
    }
}

/// The positions of the mobiles that a capture is of, evenly spaced among `count`; `None`: all.
fn sample(choice: CaptureChoice, count: usize) -> Option<HashSet<usize>> {
    match choice {
        CaptureChoice::All => None,
        CaptureChoice::Nothing => Some(HashSet::new()),
        CaptureChoice::Sample(wanted) if wanted >= count => None,
        CaptureChoice::Sample(wanted) => {
            Some((0..wanted).map(|number| number.saturating_mul(count) / wanted.max(1)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_evenly_spaced_and_the_whole_of_few() {
        let mut of_ten: Vec<_> = sample(CaptureChoice::Sample(4), 10).unwrap().into_iter().collect();
        of_ten.sort_unstable();
        assert_eq!(of_ten, [0, 2, 5, 7]);
        assert_eq!(sample(CaptureChoice::Sample(10), 10), None);
        assert_eq!(sample(CaptureChoice::All, 10), None);
        assert_eq!(sample(CaptureChoice::Nothing, 10), Some(HashSet::new()));
    }
}
