//! N on the backbone and M on the air.

use std::net::Ipv4Addr;

use keyhop::dot16::backbone::MessageKind;
use keyhop::dot16::identifiers::{Bsid, CmacKeyCount, MsMac};
use keyhop::scenario::script::{Actor, MobileStation, MobileStationId, Profile, Step, StepAction};
use keyhop::time::VirtualTime;

use super::{Findings, place};
use crate::support::{Run, count_in};

impl Findings<'_> {
    /// N never goes back, unless it is read from a backup, and it moves only behind a count that a BS has reported
    /// (invariant 3, R2, A15). An answer that is repeated says what it said.
    pub(super) fn network_count(&mut self) {
        let script = self.script;
        for mobile in &script.mobile_stations {
            let mut possible = vec![first_network_count(mobile)];
            let mut backups = self.backups(mobile);
            let mut highest = CmacKeyCount(0);
            let mut seen = Vec::new();
            for sent in counts_on_the_backbone(self.run, mobile.mac) {
                while let Some((_, backup)) = backups.first().filter(|(at, _)| *at <= sent.time).copied() {
                    backups.remove(0);
                    possible.push(backup);
                    highest = CmacKeyCount(0);
                }
                if sent.reported {
                    possible.extend(sent.count.next());
                    continue;
                }
                let message = (sent.to, sent.transaction, sent.kind);
                if seen.contains(&message) {
                    continue;
                }
                seen.push(message);
                let here = format!("{}: N = {} for {}", sent.time, sent.count, mobile.name);
                if sent.count < highest {
                    self.add("network-count", format!("{here} after {highest}"));
                }
                if !possible.contains(&sent.count) {
                    self.add("network-count", format!("{here}, which follows from no report"));
                }
                highest = highest.max(sent.count);
            }
        }
    }

    fn backups(&self, mobile: &MobileStation) -> Vec<(VirtualTime, CmacKeyCount)> {
        let of_mobile = |step: &Step| match step.action {
            StepAction::Restart { backup: Some((of, count)) } if self.script[of].mac == mobile.mac => {
                Some((step.at, count))
            }
            _ => None,
        };
        self.script.steps.iter().filter_map(of_mobile).collect()
    }

    /// The count of RNG-REQ never goes back, and one count is for one BS only (R1; `std2009`: the key lock keeps it).
    pub(super) fn mobile_count(&mut self) {
        let script = self.script;
        for (position, mobile) in script.mobile_stations.iter().enumerate() {
            let own = |step: &&Step| step.actor == Actor::MobileStation(MobileStationId(position));
            if script.steps.iter().filter(own).any(|step| step.action == StepAction::LoseCounter) {
                continue;
            }
            let mut last: Option<(CmacKeyCount, &str)> = None;
            let mut found = Vec::new();
            for sent in self.air.iter().filter(|sent| self.run.ends(&sent.interface).0 == mobile.mac) {
                let Some(count) = sent.rng_req().and_then(|request| request.cmac_key_count()) else {
                    continue;
                };
                let (before, at) = last.replace((count, &sent.interface)).unwrap_or((count, &sent.interface));
                if count < before {
                    found.push(format!("{}: count {count} after {before}", place(sent)));
                }
                if count == before && at != sent.interface && script.profile == Profile::Contribution {
                    found.push(format!("{}: count {count} was used on {at}", place(sent)));
                }
            }
            found.into_iter().for_each(|detail| self.add("mobile-count", detail));
        }
    }
}

fn first_network_count(mobile: &MobileStation) -> CmacKeyCount {
    let own = mobile.cmac_key_count.map_or(1, |count| count.0);
    mobile.network_key_count.unwrap_or(CmacKeyCount(own.saturating_add(1)))
}

/// A count on the backbone.
struct CountSent {
    time: VirtualTime,
    /// Whether a BS reports the count that it has taken; else it is N, from the Authenticator.
    reported: bool,
    to: Ipv4Addr,
    kind: [u8; 2],
    transaction: u16,
    count: CmacKeyCount,
}

/// Every count of a mobile that BSs report and the Authenticator hands out or announces, in order.
fn counts_on_the_backbone(run: &Run, ms: MsMac) -> Vec<CountSent> {
    let mut counts = Vec::new();
    for kind in [MessageKind::ContextRpt, MessageKind::CmacKeyCountUpdate] {
        for (time, packet, message) in run.control(kind).into_iter().filter(|(.., message)| message.ms == ms) {
            let reporter = run.keys.node_at(packet.from.ip).and_then(|node| node.id).map(Bsid);
            let (to, kind, transaction) = (packet.to.ip, kind.octets(), message.transaction);
            let sent = |count| CountSent { time, reported: reporter.is_some(), to, kind, transaction, count };
            counts.extend(count_in(&message.tlvs).map(sent));
        }
    }
    counts.sort_by_key(|sent| sent.time);
    counts
}
