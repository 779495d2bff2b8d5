//! Reports of keys that come into use and go: the raw material of a key log.

use litemap::LiteMap;

use super::event::{Event, NamedKey, What};
use crate::dot16::identifiers::{AkId, Bsid, CmacKeyCount, Direction, MsMac, Said};
use crate::dot16::security::entry_keys::EntryKeys;
use crate::dot16::security::hierarchy::AkContext;
use crate::emulation::Outbox;

/// What tells one reported key from another at one holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Cmac(Bsid, AkId, CmacKeyCount, Direction),
    /// With EKS and the fingerprint that stands for the key itself. A TEK keeps its name, and with it the AKID and count that
    /// it was reported with, when its connection goes on under another AK.
    Tek(Bsid, Said, u8, u64),
}

/// What one holder has reported of one mobile's keys.
#[derive(Clone, Debug)]
pub struct KeyReport {
    ms: MsMac,
    at_mobile: bool,
    held: LiteMap<Name, NamedKey>,
    aks: LiteMap<(Bsid, AkId), NamedKey>,
}

impl KeyReport {
    /// Nothing reported yet.
    #[must_use]
    pub fn new(ms: MsMac, at_mobile: bool) -> Self {
        Self { ms, at_mobile, held: LiteMap::new(), aks: LiteMap::new() }
    }

    fn report(&self, held: bool, key: NamedKey, outbox: &mut Outbox<Event>) {
        outbox.report(Event { ms: self.ms, what: What::Key { at_mobile: self.at_mobile, held, key } });
    }

    /// Reports an AK context once.
    pub fn ak(&mut self, ak: &AkContext, outbox: &mut Outbox<Event>) {
        if self.aks.contains_key(&(ak.bs, ak.akid)) {
            return;
        }
        let key = NamedKey::AkAndKek { bs: ak.bs, sn: ak.ak_sn, akid: ak.akid, ak: ak.ak.clone(), kek: ak.kek.clone() };
        self.aks.insert((ak.bs, ak.akid), key.clone());
        self.report(true, key, outbox);
    }

    /// Reports that every AK goes whose AKID is not `kept`.
    pub fn keep_aks(&mut self, kept: &[AkId], outbox: &mut Outbox<Event>) {
        if self.aks.keys().all(|(_, akid)| kept.contains(akid)) {
            return;
        }
        for (name, key) in std::mem::take(&mut self.aks) {
            if kept.contains(&name.1) {
                self.aks.insert(name, key);
            } else {
                self.report(false, key, outbox);
            }
        }
    }

    /// Compares what is held now with what was reported, and reports the difference.
    pub fn update(&mut self, now_held: &[(Bsid, &EntryKeys)], outbox: &mut Outbox<Event>) {
        let mut names = Vec::with_capacity(self.held.len());
        now_held.iter().for_each(|(bs, entry)| each_key(*bs, entry, |name, _| names.push(name)));
        names.sort_unstable();
        names.dedup();
        // Most of what happens to a mobile changes nothing.
        if self.held.keys().eq(&names) {
            return;
        }
        let mut previous = std::mem::take(&mut self.held);
        let mut current: LiteMap<Name, (bool, NamedKey)> = LiteMap::new();
        let mut hold = |name, key: &dyn Fn() -> NamedKey| {
            current.entry(name).or_insert_with(|| match previous.remove(&name) {
                Some(known) => (false, known),
                None => (true, key()),
            });
        };
        now_held.iter().for_each(|(bs, entry)| each_key(*bs, entry, &mut hold));
        for (name, (new, key)) in current {
            if new {
                self.report(true, key.clone(), outbox);
            }
            self.held.insert(name, key);
        }
        for (_, key) in previous {
            self.report(false, key, outbox);
        }
    }
}

/// Names each key of one entry, with how to make what is reported of it.
fn each_key(bs: Bsid, entry: &EntryKeys, mut take: impl FnMut(Name, &dyn Fn() -> NamedKey)) {
    let (akid, count) = (entry.akid(), entry.count());
    for direction in [Direction::Uplink, Direction::Downlink] {
        let key = || NamedKey::Cmac { bs, akid, count, direction, key: entry.cmac_key(direction).clone() };
        take(Name::Cmac(bs, akid, count, direction), &key);
    }
    for (said, context) in entry.tek_contexts() {
        for state in context.teks() {
            let (eks, source) = (state.eks(), state.source());
            let key = || NamedKey::Tek { bs, akid, said, count, eks, source, tek: state.tek().clone() };
            take(Name::Tek(bs, said, eks, state.fingerprint()), &key);
        }
    }
}
