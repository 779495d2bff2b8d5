//! Reports of keys and CIDs become a key log: every key once, with the time from its first holder's first use to the last.

use std::collections::BTreeMap;

use super::world::Topology;
use crate::capture::key_log::{
    AkRecord, CmacKeyRecord, ConnectionRecord, ConnectionType, KekRecord, KeyLog, KeyRecord, NodeRecord, PmkRecord,
    TekHolder, TekNumber, TekRecord, TekSource as LoggedSource, Validity,
};
use crate::capture::secret::Secret;
use crate::dot16::identifiers::{Bsid, Cid, MsMac, Said};
use crate::dot16::node::{CidKind, NamedKey};
use crate::dot16::security::TekIndex;
use crate::dot16::security::tek_context::TekSource;
use crate::time::VirtualTime;

/// A record, and which of its two holders hold it now.
#[derive(Clone, Debug)]
struct Collected {
    record: KeyRecord,
    /// At the network side, at the mobile.
    held: [bool; 2],
    /// Which of them ever held it.
    ever_held: [bool; 2],
}

/// Collects the key log of a run.
#[derive(Clone, Debug, Default)]
pub struct KeyCollector {
    /// By octets that name the key and hold it; never printed.
    keys: BTreeMap<Vec<u8>, Collected>,
    connections: Vec<KeyRecord>,
    open_connections: BTreeMap<(MsMac, Bsid, Cid), usize>,
}

impl KeyCollector {
    /// A key came into use at one side, or went out of it.
    pub fn key(&mut self, now: VirtualTime, ms: MsMac, at_mobile: bool, held: bool, key: &NamedKey) {
        for (name, record) in records(ms, key) {
            let side = usize::from(at_mobile);
            let collected = self.keys.entry(name).or_insert_with(|| {
                let mut collected = Collected { record, held: [false; 2], ever_held: [false; 2] };
                set_from(&mut collected.record, now);
                collected
            });
            collected.held[side] = held;
            if held {
                collected.record.set_until(None);
                collected.ever_held[side] = true;
                if let KeyRecord::Tek(tek) = &mut collected.record {
                    tek.holder = match collected.ever_held {
                        [true, false] => TekHolder::BaseStation,
                        [false, true] => TekHolder::MobileStation,
                        _ => TekHolder::Both,
                    };
                }
            } else if collected.held == [false; 2] {
                collected.record.set_until(Some(now));
            }
        }
    }

    /// A CID was allocated or freed.
    pub fn cid(&mut self, now: VirtualTime, ms: MsMac, bs: Bsid, cid: Cid, kind: CidKind, held: bool) {
        let key = (ms, bs, cid);
        if !held {
            if let Some(position) = self.open_connections.remove(&key) {
                self.connections[position].set_until(Some(now));
            }
            return;
        }
        let (kind, said) = match kind {
            CidKind::Basic => (ConnectionType::Basic, Said(0)),
            CidKind::Primary => (ConnectionType::Primary, Said(0)),
            CidKind::Transport(said) => (ConnectionType::Transport, said),
        };
        self.open_connections.insert(key, self.connections.len());
        self.connections.push(KeyRecord::Connection(ConnectionRecord {
            ms,
            bs,
            cid,
            kind,
            said,
            validity: Validity { from: Some(now), until: None },
        }));
    }

    /// The TEKs of the run that were generated from a count, which must not travel (A21).
    pub fn generated_teks(&self) -> impl Iterator<Item = &Secret<16>> {
        self.keys.values().filter_map(|collected| match &collected.record {
            KeyRecord::Tek(tek) if tek.source == LoggedSource::Counter => Some(&tek.key),
            _ => None,
        })
    }

    /// The KEKs of the run.
    pub fn keks(&self) -> impl Iterator<Item = &Secret<16>> {
        self.keys.values().filter_map(|collected| match &collected.record {
            KeyRecord::Kek(kek) => Some(&kek.key),
            _ => None,
        })
    }

    /// The key log of the nodes, by index, and mobiles that it is to name.
    #[must_use]
    pub fn log(
        self,
        topology: &Topology,
        shows_node: impl Fn(usize) -> bool,
        shows_mobile: impl Fn(MsMac) -> bool,
    ) -> KeyLog {
        let node = |index: usize| {
            let stations = topology.bsids().len();
            let (role, id) = match index.checked_sub(1) {
                None => ("gateway", None),
                Some(_) if index == topology.aaa().0 => ("aaa", None),
                Some(position) if position < stations => ("bs", Some(topology.bsids()[position].0)),
                Some(position) => ("ms", Some(topology.macs()[position - stations].0)),
            };
            let (name, ip) = (topology.names[index].clone(), Some(topology.addresses[index]));
            NodeRecord { name, role: role.to_owned(), ip, id }
        };
        let mut records = self.connections;
        records.extend(self.keys.into_values().map(|collected| collected.record));
        records.retain(|record| shows_mobile(mobile_of(record)));
        KeyLog {
            nodes: (0..topology.names.len()).filter(|node| shows_node(*node)).map(node).collect(),
            records,
            eps: Vec::new(),
        }
    }
}

fn set_from(record: &mut KeyRecord, from: VirtualTime) {
    let validity = match record {
        KeyRecord::Connection(record) => &mut record.validity,
        KeyRecord::Pmk(record) => &mut record.validity,
        KeyRecord::Ak(record) => &mut record.validity,
        KeyRecord::Kek(record) => &mut record.validity,
        KeyRecord::CmacKey(record) => &mut record.validity,
        KeyRecord::Tek(record) => &mut record.validity,
    };
    validity.from = Some(from);
}

/// The mobile that a record is about.
fn mobile_of(record: &KeyRecord) -> MsMac {
    match record {
        KeyRecord::Connection(record) => record.ms,
        KeyRecord::Pmk(record) => record.ms,
        KeyRecord::Ak(record) => record.ms,
        KeyRecord::Kek(record) => record.ms,
        KeyRecord::CmacKey(record) => record.ms,
        KeyRecord::Tek(record) => record.ms,
    }
}

/// The records of a key, each with octets that tell it from every other key.
fn records(ms: MsMac, key: &NamedKey) -> Vec<(Vec<u8>, KeyRecord)> {
    let validity = Validity::default();
    let name = |kind: u8, parts: &[&[u8]]| {
        let mut name = vec![kind];
        name.extend_from_slice(&ms.0);
        for part in parts {
            name.extend_from_slice(part);
        }
        name
    };
    match key {
        NamedKey::Pmk { sn, pmk } => {
            let record = PmkRecord { ms, pmk_sn: sn.0, validity, key: Secret::new(*pmk.octets()) };
            vec![(name(0, &[pmk.octets()]), KeyRecord::Pmk(record))]
        }
        NamedKey::AkAndKek { bs, sn, akid, ak, kek } => {
            let ak_record = AkRecord { ms, bs: *bs, ak_sn: *sn, akid: *akid, validity, key: Secret::new(*ak.octets()) };
            let kek_record = KekRecord { ms, bs: *bs, akid: *akid, validity, key: Secret::new(*kek.octets()) };
            vec![
                (name(1, &[&bs.0, ak.octets()]), KeyRecord::Ak(ak_record)),
                (name(2, &[&bs.0, kek.octets()]), KeyRecord::Kek(kek_record)),
            ]
        }
        NamedKey::Cmac { bs, akid, count, direction, key } => {
            let record = CmacKeyRecord {
                direction: *direction,
                ms,
                bs: *bs,
                akid: *akid,
                count: *count,
                validity,
                key: Secret::new(*key.octets()),
            };
            vec![(name(3, &[&bs.0, key.octets()]), KeyRecord::CmacKey(record))]
        }
        NamedKey::Tek { bs, akid, said, count, eks, source, tek } => {
            let (number, source) = match source {
                TekSource::Counter(TekIndex::Tek0) => (Some(TekNumber::Zero), LoggedSource::Counter),
                TekSource::Counter(TekIndex::Tek1) => (Some(TekNumber::One), LoggedSource::Counter),
                TekSource::Random => (None, LoggedSource::Random),
                TekSource::Reused => (None, LoggedSource::Reuse),
            };
            let record = TekRecord {
                ms,
                bs: *bs,
                akid: *akid,
                said: *said,
                count: *count,
                tek: number,
                eks: *eks,
                source,
                holder: TekHolder::Both,
                validity,
                key: Secret::new(*tek.octets()),
            };
            vec![(name(4, &[&bs.0, &said.0.to_be_bytes(), tek.octets()]), KeyRecord::Tek(record))]
        }
    }
}
