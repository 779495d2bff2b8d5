//! Reports of keys that come into use and go: the raw material of a key log.

use std::collections::BTreeMap;

use super::event::{Event, NamedKey, What};
use crate::dot16::identifiers::{AkId, Bsid, CmacKeyCount, Direction, MsMac, Said};
use crate::dot16::security::entry_keys::EntryKeys;
use crate::dot16::security::hierarchy::AkContext;
use crate::emulation::Outbox;

/// What tells one reported key from another at one holder; the fingerprint stands for the key itself.
type Name = (Bsid, AkId, CmacKeyCount, Option<(Said, u8, u64)>, Option<Direction>);

/// What one holder has reported of one mobile's keys.
#[derive(Clone, Debug)]
pub struct KeyReport {
    ms: MsMac,
    at_mobile: bool,
    held: BTreeMap<Name, NamedKey>,
    aks: BTreeMap<(Bsid, AkId), ()>,
}

impl KeyReport {
    /// Nothing reported yet.
    #[must_use]
    pub fn new(ms: MsMac, at_mobile: bool) -> Self {
        Self { ms, at_mobile, held: BTreeMap::new(), aks: BTreeMap::new() }
    }

    fn report(&self, held: bool, key: NamedKey, outbox: &mut Outbox<Event>) {
        outbox.report(Event { ms: self.ms, what: What::Key { at_mobile: self.at_mobile, held, key } });
    }

    /// Reports an AK context once.
    pub fn ak(&mut self, ak: &AkContext, outbox: &mut Outbox<Event>) {
        if self.aks.insert((ak.bs, ak.akid), ()).is_none() {
            let key =
                NamedKey::AkAndKek { bs: ak.bs, sn: ak.ak_sn, akid: ak.akid, ak: ak.ak.clone(), kek: ak.kek.clone() };
            self.report(true, key, outbox);
        }
    }

    /// Compares what is held now with what was reported, and reports the difference.
    pub fn update<'a>(
        &mut self,
        now_held: impl IntoIterator<Item = (Bsid, AkId, &'a EntryKeys)>,
        outbox: &mut Outbox<Event>,
    ) {
        let mut current = BTreeMap::new();
        for (bs, akid, entry) in now_held {
            let count = entry.count();
            for direction in [Direction::Uplink, Direction::Downlink] {
                let key = entry.cmac_key(direction).clone();
                let named = NamedKey::Cmac { bs, akid, count, direction, key };
                current.insert((bs, akid, count, None, Some(direction)), named);
            }
            for (said, context) in entry.tek_contexts() {
                for state in context.teks() {
                    let name = (bs, akid, count, Some((said, state.eks(), state.fingerprint())), None);
                    let (eks, source, tek) = (state.eks(), state.source(), state.tek().clone());
                    current.insert(name, NamedKey::Tek { bs, akid, said, count, eks, source, tek });
                }
            }
        }
        let previous = std::mem::replace(&mut self.held, current);
        for (name, key) in &self.held {
            if !previous.contains_key(name) {
                self.report(true, key.clone(), outbox);
            }
        }
        for (name, key) in previous {
            if !self.held.contains_key(&name) {
                self.report(false, key, outbox);
            }
        }
    }
}
