//! Packet numbers and keys.

use std::collections::{BTreeMap, HashMap};

use keyhop::capture::key_log::{CmacKeyRecord, KeyRecord, TekRecord};
use keyhop::dot16::identifiers::{AkId, Bsid, CmacKeyCount, Direction, MsMac};
use keyhop::dot16::security::cmac_tuple::{Truncation, verify};
use keyhop::dot16::security::{CmacKey, Tek, ccm};
use keyhop::dot16::wire::management;
use keyhop::scenario::script::{Actor, HandoverMode, StepAction};
use keyhop::time::VirtualTime;

use super::{Findings, place};

impl Findings<'_> {
    /// Every (TEK, direction, PN) is used once, and PNs only grow, over restarts, cancels and returns (invariants 1, 2).
    /// And T_B, as the downlink shows it, never goes back, unless the BS has forgotten it (invariant 3).
    pub(super) fn packet_numbers(&mut self) {
        let run = self.run;
        if self.a_new_counter_was_lost() {
            return;
        }
        if run.outcome.nonce_reuse > 0 {
            self.add("nonce", format!("the nodes report {} pairs used twice", run.outcome.nonce_reuse));
        }
        let mut teks: BTreeMap<(MsMac, Bsid, u8), Vec<&TekRecord>> = BTreeMap::new();
        for tek in run.teks() {
            teks.entry((tek.ms, tek.bs, tek.eks)).or_default().push(tek);
        }
        let mut last: HashMap<([u8; 16], Direction), u32> = HashMap::new();
        let mut in_use: HashMap<(Bsid, AkId), (CmacKeyCount, VirtualTime)> = HashMap::new();
        let restarts = self.restarts();
        let mut found = Vec::new();
        for sent in self.air.iter().filter(|sent| sent.is_data()) {
            let pdu = sent.pdu();
            let (ms, bs) = run.ends(&sent.interface);
            let of_link = teks.get(&(ms, bs, pdu.header.eks)).map_or(&[][..], Vec::as_slice);
            let opened = of_link
                .iter()
                .rev()
                .find_map(|tek| Some((*tek, ccm::open(&Tek::from_octets(*tek.key.expose()), &pdu).ok()?)));
            let Some((tek, opened)) = opened else {
                found.push(("key-log", format!("{}: no TEK of the key log opens it", place(sent))));
                continue;
            };
            let pn = opened.pn.count();
            let before = last.insert((*tek.key.expose(), opened.direction), pn).unwrap_or(0);
            if pn <= before {
                found.push(("packet-number", format!("{}: PN {pn} after {before}, count {}", place(sent), tek.count)));
            }
            if sent.direction == Direction::Downlink {
                let (count, since) =
                    in_use.insert((bs, tek.akid), (tek.count, sent.time)).unwrap_or((tek.count, sent.time));
                let forgotten = restarts.iter().any(|(of, at)| *of == bs && since <= *at && *at <= sent.time);
                if tek.count < count && !forgotten {
                    found.push(("traffic-count", format!("{}: count {} after {count}", place(sent), tek.count)));
                }
            }
        }
        found.into_iter().for_each(|(rule, detail)| self.add(rule, detail));
    }

    /// CMAC_PNs only grow under a CMAC key, so that no pair of them is used twice (`dot16-security.md` 3.3), unless a BS has
    /// lost its contexts, or a mobile its counter: it comes to counts again that were used.
    pub(super) fn management_packet_numbers(&mut self) {
        let run = self.run;
        if self.script.steps.iter().any(|step| step.action == StepAction::LoseCounter) {
            return;
        }
        let mut keys: BTreeMap<(MsMac, Bsid, Direction), Vec<&CmacKeyRecord>> = BTreeMap::new();
        for record in &run.keys.records {
            if let KeyRecord::CmacKey(key) = record {
                keys.entry((key.ms, key.bs, key.direction)).or_default().push(key);
            }
        }
        let mut last: HashMap<[u8; 16], u32> = HashMap::new();
        let mut found = Vec::new();
        for sent in &self.air {
            let Some(message) = sent.message() else { continue };
            let Some(tuple) = message.cmac_tuple() else { continue };
            let pdu = sent.pdu();
            let Some(covered) = management::protected_part(pdu.body, &tuple) else { continue };
            let (ms, bs) = run.ends(&sent.interface);
            let of_link = keys.get(&(ms, bs, sent.direction)).map_or(&[][..], Vec::as_slice);
            let signed = of_link.iter().find(|record| {
                let key = CmacKey::from_octets(*record.key.expose());
                verify(&key, record.akid, tuple.pn, pdu.header.cid, covered, Truncation::Right, &tuple.value)
            });
            let Some(record) = signed else {
                found.push(("key-log", format!("{}: no CMAC key of the key log verifies it", place(sent))));
                continue;
            };
            let before = last.insert(*record.key.expose(), tuple.pn).unwrap_or(0);
            if tuple.pn <= before {
                let (name, pn) = (message.name(), tuple.pn);
                found
                    .push(("cmac-pn", format!("{}: {name}: {pn} after {before}, count {}", place(sent), record.count)));
            }
        }
        found.into_iter().for_each(|(rule, detail)| self.add(rule, detail));
    }

    /// Whether a mobile has lost M when its PMK was a new one: M begins at 0 again, and comes to counts that were used.
    fn a_new_counter_was_lost(&self) -> bool {
        let authentications = &self.run.outcome.authentications;
        self.script.steps.iter().any(|step| match (step.actor, &step.action) {
            (Actor::MobileStation(mobile), StepAction::LoseCounter) => authentications.iter().any(|one| {
                one.ms == self.script[mobile].name && one.completed && one.at_us < step.at.as_nanos() / 1_000
            }),
            _ => false,
        })
    }

    /// When which BS restarted.
    fn restarts(&self) -> Vec<(Bsid, VirtualTime)> {
        let steps = self.script.steps.iter();
        steps
            .filter_map(|step| match (step.actor, &step.action) {
                (Actor::BaseStation(bs), StepAction::Restart { .. }) => Some((self.script[bs].bsid, step.at)),
                _ => None,
            })
            .collect()
    }

    /// TEKs of different mobiles, base stations, SAs, counts and labels differ (invariant 5), and no BS other than its own
    /// holds one (invariant 6): a key has one name.
    pub(super) fn keys_differ(&mut self) {
        let run = self.run;
        let mut names: HashMap<&[u8; 16], String> = HashMap::new();
        for tek in run.teks() {
            let (said, count) = (tek.said, tek.count);
            let name = format!("{} at {}, {said}, count {count}, {:?}, EKS {}", tek.ms, tek.bs, tek.source, tek.eks);
            let other = names.insert(tek.key.expose(), name.clone()).filter(|other| *other != name);
            // In mode `legacy-reuse` a TEK goes from one BS to the next (R12).
            if let Some(other) = other.filter(|_| self.script.mode != HandoverMode::LegacyReuse) {
                self.add("same-key", format!("{name} is {other}"));
            }
        }
    }
}
