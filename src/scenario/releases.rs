//! Live connections that a base station gave up although their mobile had not moved on.
//!
//! A mobile is connected where it has entered, or where it has ranged and been heard in a handover of its own. Somebody
//! else's RNG-REQ in its name moves nothing: it counts only at the base station that the mobile listens to.

use std::collections::BTreeMap;

use super::outcome::ReleaseResult;
use super::world::Topology;
use crate::dot16::identifiers::{Bsid, MsMac};
use crate::dot16::node::{CidKind, What};
use crate::time::VirtualTime;

/// How many releases are kept at the most.
const MOST: usize = 65_536;

/// Where the mobiles are connected, and what they lost there.
#[derive(Clone, Debug)]
pub(super) struct Releases {
    connected: BTreeMap<MsMac, Bsid>,
    listening: BTreeMap<MsMac, Bsid>,
    seen: Vec<(VirtualTime, MsMac, Bsid)>,
}

impl Releases {
    /// `connected`: the mobiles that are connected from before the run, and where.
    pub(super) fn new(connected: impl Iterator<Item = (MsMac, Bsid)>) -> Self {
        let connected: BTreeMap<MsMac, Bsid> = connected.collect();
        Self { listening: connected.clone(), connected, seen: Vec::new() }
    }

    /// A node reported something about `ms`.
    pub(super) fn event(&mut self, now: VirtualTime, ms: MsMac, what: &What) {
        match *what {
            What::Listening { bs } => {
                self.listening.insert(ms, bs);
            }
            What::RangingRequest { bs } if self.listening.get(&ms) == Some(&bs) => {
                self.connected.insert(ms, bs);
            }
            What::HandoverEnded { at: Some(bs), .. } | What::Authenticated { bs, .. } => {
                self.connected.insert(ms, bs);
            }
            // The mobile itself has nothing left.
            What::HandoverEnded { at: None, .. } | What::AuthenticationStarted { entry: true, .. } => {
                self.connected.remove(&ms);
            }
            What::Cid { bs, kind: CidKind::Basic, held: false, .. } if self.connected.get(&ms) == Some(&bs) => {
                self.connected.remove(&ms);
                if self.seen.len() < MOST {
                    self.seen.push((now, ms, bs));
                }
            }
            _ => {}
        }
    }

    /// Those seen, in the order of time.
    pub(super) fn finish(&self, topology: &Topology) -> Vec<ReleaseResult> {
        let seen = self.seen.iter().map(|(at, ms, bs)| ReleaseResult {
            ms: topology.ms_name(*ms),
            bs: topology.bs_name(*bs),
            at_us: at.as_nanos() / 1_000,
        });
        seen.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::identifiers::Cid;
    use crate::dot16::node::Outcome;

    const MS: MsMac = MsMac([2; 6]);
    const FIRST: Bsid = Bsid([1; 6]);
    const SECOND: Bsid = Bsid([3; 6]);

    fn freed(bs: Bsid) -> What {
        What::Cid { bs, cid: Cid(1), kind: CidKind::Basic, held: false }
    }

    fn seen(events: &[What]) -> Vec<Bsid> {
        let mut releases = Releases::new([(MS, FIRST)].into_iter());
        events.iter().for_each(|what| releases.event(VirtualTime::ZERO, MS, what));
        releases.seen.iter().map(|(.., bs)| *bs).collect()
    }

    #[test]
    fn a_connection_counts_that_is_given_up_while_it_is_the_live_one() {
        assert_eq!(seen(&[freed(FIRST)]), [FIRST]);
        assert_eq!(seen(&[freed(FIRST), freed(FIRST)]), [FIRST], "once");
        assert_eq!(seen(&[freed(SECOND)]), [], "that of an attempt");
        let other = What::Cid { bs: FIRST, cid: Cid(1), kind: CidKind::Primary, held: false };
        assert_eq!(seen(&[other]), []);
    }

    #[test]
    fn the_old_connection_may_go_when_the_mobile_itself_has_ranged_elsewhere() {
        let (listens, ranges) = (What::Listening { bs: SECOND }, What::RangingRequest { bs: SECOND });
        let own = [listens, ranges.clone(), freed(FIRST)];
        assert_eq!(seen(&own), []);
        assert_eq!(seen(&[ranges, freed(FIRST)]), [FIRST], "the RNG-REQ was not the mobile's");
        let ended = What::HandoverEnded { outcome: Outcome::Completed, at: Some(SECOND) };
        assert_eq!(seen(&[ended, freed(FIRST), freed(SECOND)]), [SECOND]);
        assert_eq!(seen(&[What::AuthenticationStarted { bs: FIRST, entry: true }, freed(FIRST)]), []);
    }
}
