//! N on the backbone and M on the air. Both belong to a PMK, which messages name by its AK sequence number.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use keyhop::capture::key_log::KeyRecord;
use keyhop::dot16::backbone::{AsnTlv, Compound, MessageKind, TlvLookup};
use keyhop::dot16::identifiers::{Bsid, CmacKeyCount, MsMac};
use keyhop::scenario::script::{Actor, MobileStation, MobileStationId, Profile, Step, StepAction};
use keyhop::time::VirtualTime;

use super::{Findings, place};
use crate::support::{Run, count_in};

/// What is known of N under one PMK.
struct Network {
    /// What N may be.
    possible: Vec<CmacKeyCount>,
    /// The highest N seen.
    highest: CmacKeyCount,
}

impl Network {
    fn with(first: CmacKeyCount) -> Self {
        Self { possible: vec![first], highest: CmacKeyCount(0) }
    }
}

impl Findings<'_> {
    /// N never goes back, unless it is read from a backup, and it moves only behind a count that a BS has reported
    /// (invariant 3, R2, A15). An answer that is repeated says what it said.
    pub(super) fn network_count(&mut self) {
        let script = self.script;
        for mobile in &script.mobile_stations {
            let mut networks = BTreeMap::from([(0, Network::with(first_network_count(mobile)))]);
            let mut renewals = self.renewals(mobile.mac);
            let mut backups = self.backups(mobile);
            let mut seen = Vec::new();
            for sent in counts_on_the_backbone(self.run, mobile.mac) {
                while let Some((_, backup)) = backups.first().filter(|(at, _)| *at <= sent.time).copied() {
                    backups.remove(0);
                    for network in networks.values_mut() {
                        network.possible.push(backup);
                        network.highest = CmacKeyCount(0);
                    }
                }
                // N = 1 for a new PMK; a sequence number comes again after four of them.
                while let Some((_, sn)) = renewals.first().filter(|(at, _)| *at <= sent.time).copied() {
                    renewals.remove(0);
                    networks.insert(sn, Network::with(CmacKeyCount(1)));
                }
                let network = networks.entry(sent.ak_sn).or_insert(Network::with(CmacKeyCount(1)));
                if sent.reported {
                    network.possible.extend(sent.count.next());
                    continue;
                }
                let message = (sent.to, sent.transaction, sent.kind);
                if seen.contains(&message) {
                    continue;
                }
                seen.push(message);
                let here = format!("{}: N = {} for {}, AK SN {}", sent.time, sent.count, mobile.name, sent.ak_sn);
                let (highest, known) = (network.highest, network.possible.contains(&sent.count));
                network.highest = highest.max(sent.count);
                if sent.count < highest {
                    self.add("network-count", format!("{here} after {highest}"));
                }
                if !known {
                    self.add("network-count", format!("{here}, which follows from no report"));
                }
            }
        }
    }

    /// When which PMK came, but for the first, by its sequence number.
    fn renewals(&self, ms: MsMac) -> Vec<(VirtualTime, u8)> {
        let mut pmks: Vec<(VirtualTime, u8)> = self
            .run
            .keys
            .records
            .iter()
            .filter_map(|record| match record {
                KeyRecord::Pmk(pmk) if pmk.ms == ms => Some((pmk.validity.from?, pmk.pmk_sn)),
                _ => None,
            })
            .filter(|(from, _)| *from > VirtualTime::ZERO)
            .collect();
        pmks.sort_unstable();
        pmks
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
            let mut renewals = self.renewals(mobile.mac);
            let mut last: BTreeMap<u8, (CmacKeyCount, &str)> = BTreeMap::new();
            let mut found = Vec::new();
            for sent in self.air.iter().filter(|sent| self.run.ends(&sent.interface).0 == mobile.mac) {
                let Some(request) = sent.rng_req() else { continue };
                let Some((count, tuple)) = request.cmac_key_count().zip(request.cmac_tuple()) else {
                    continue;
                };
                while let Some((_, sn)) = renewals.first().filter(|(at, _)| *at <= sent.time).copied() {
                    renewals.remove(0);
                    last.remove(&sn);
                }
                let here = (count, sent.interface.as_str());
                let (before, at) = last.insert(tuple.ak_sn.0, here).unwrap_or(here);
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
    /// Of the PMK it counts for; 0 where none is named.
    ak_sn: u8,
    count: CmacKeyCount,
}

/// Every count of a mobile that BSs report and the Authenticator hands out or announces, in order.
fn counts_on_the_backbone(run: &Run, ms: MsMac) -> Vec<CountSent> {
    let mut counts = Vec::new();
    for kind in [MessageKind::ContextRpt, MessageKind::CmacKeyCountUpdate] {
        for (time, packet, message) in run.control(kind).into_iter().filter(|(.., message)| message.ms == ms) {
            let reporter = run.keys.node_at(packet.from.ip).and_then(|node| node.id).map(Bsid);
            let (to, kind, transaction) = (packet.to.ip, kind.octets(), message.transaction);
            // That a PMK is gone says nothing of its counts.
            if message.tlvs.inside(Compound::MsInfo).pmk_sn().is_some() {
                continue;
            }
            let ak_sn = ak_sn_in(&message.tlvs).unwrap_or_default();
            let sent = |count| CountSent { time, reported: reporter.is_some(), to, kind, transaction, ak_sn, count };
            counts.extend(count_in(&message.tlvs).map(sent));
        }
    }
    counts.sort_by_key(|sent| sent.time);
    counts
}

fn ak_sn_in(tlvs: &[AsnTlv]) -> Option<u8> {
    tlvs.iter().find_map(|tlv| match tlv {
        AsnTlv::MsInfo(inside) | AsnTlv::AkContext(inside) => ak_sn_in(inside),
        AsnTlv::AkSn(sn) => Some(sn & 0xf),
        _ => None,
    })
}
