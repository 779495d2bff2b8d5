//! Reports of keys become the key log of a run, and what a compromised node has in its hands.

use std::collections::{BTreeMap, BTreeSet};

use super::epochs::{Epoch, Epochs};
use super::topology::{Role, Topology};
use crate::capture::key_log::eps::{
    AsKeyRecord, AsKeyUse, CRntiBits, CellRecord, CkIkRecord, DerivationRecord, EpsKeyRecord, KasmeRecord, KenbHolder,
    KenbRecord, KenbStarRecord, KeyHolder, KeyMapping, KeyPairRecord, KeySystem, NasKeyRecord, NasKeyUse, NhRecord,
    TransferRecord, UpKeyPolicy, UpKeyRecord,
};
use crate::capture::key_log::{KeyLog, NodeRecord, Validity};
use crate::emulation::NodeIndex;
use crate::eps::identifiers::{Earfcn, Imsi, Pci};
use crate::eps::keys::{AlgorithmKey, CkIk, Kenb};
use crate::eps::node::event::HeldKey;
use crate::eps::node::settings::{Agreement, ContextTransfer, Mapping, UpKeys};
use crate::eps::node::{Schemes, What};
use crate::eps::parameters::{AlgorithmId, Ncc};
use crate::eps::security::handover_keys::AsKeys;
use crate::eps::security::key_transport::PrivateKey;
use crate::time::VirtualTime;

/// Something that a node came to hold.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub time: VirtualTime,
    pub node: NodeIndex,
    pub ue: Imsi,
    pub what: HeldWhat,
}

/// What it is.
#[derive(Clone, Debug)]
pub(super) enum HeldWhat {
    /// A KeNB of a cell; until it is forgotten.
    Kenb(Kenb),
    /// KUP, at a UPE; until it is forgotten.
    UpKey(AlgorithmKey, AlgorithmId),
    /// The KeNB of the cell is gone, or KUP, or CK and IK, with what was held besides.
    Forgotten,
    /// Something besides.
    Besides(HeldKey),
}

/// A key that a UE has in common with a UPE, or with an RNC.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shared {
    /// KUP.
    Up(AlgorithmKey, AlgorithmId),
    /// CK and IK in a cell.
    CkIk(Pci, CkIk),
}

/// Such a key while it is in use: from when its first holder has it to when its last one has not.
#[derive(Debug)]
struct InUse {
    ue: Imsi,
    key: Shared,
    /// Who has it now.
    now: BTreeSet<NodeIndex>,
    /// Who ever had it.
    ever: BTreeSet<NodeIndex>,
    validity: Validity,
}

/// Keys of UEs as they came into use.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// In the order of time.
    pub held: Vec<Held>,
    records: Vec<EpsKeyRecord>,
    /// The record that is open of a UE and a kind of key: 0 and 1 for NAS keys, 2 for KASME.
    open: BTreeMap<(Imsi, u8), usize>,
    /// Where each UE was to be handed over last.
    target: BTreeMap<Imsi, Pci>,
    shared: Vec<InUse>,
    /// Pairs that UEs and MMEs attach with: the node, since when, the UE and the private key.
    pairs: Vec<(NodeIndex, VirtualTime, Imsi, PrivateKey)>,
}

impl Keys {
    /// A node has reported something of a UE.
    pub(super) fn event(&mut self, now: VirtualTime, node: NodeIndex, ue: Imsi, what: &What) {
        let mut hold = |what| self.held.push(Held { time: now, node, ue, what });
        let from = Validity { from: Some(now), until: None };
        match what {
            What::KenbInUse { kenb, .. } => hold(HeldWhat::Kenb(kenb.clone())),
            What::KenbForgotten { .. } => hold(HeldWhat::Forgotten),
            What::KeyHeld(key) => {
                hold(HeldWhat::Besides(key.clone()));
                let record = match key {
                    HeldKey::KenbStar(star) => {
                        let Some(cell) = self.target.get(&ue).copied() else { return };
                        EpsKeyRecord::KenbStar(KenbStarRecord { ue, cell, validity: from, key: star.clone() })
                    }
                    HeldKey::NextHop(nh, ncc) => {
                        EpsKeyRecord::Nh(NhRecord { ue, ncc: *ncc, validity: from, key: nh.clone() })
                    }
                    HeldKey::CkIk(keys) => EpsKeyRecord::CkIk(CkIkRecord {
                        ue,
                        cell: None,
                        holder: KeyHolder::Network,
                        validity: from,
                        key: keys.clone(),
                    }),
                    HeldKey::Kasme(_) => return,
                };
                let without_time = |record: &EpsKeyRecord| match record.clone() {
                    EpsKeyRecord::KenbStar(record) => {
                        EpsKeyRecord::KenbStar(KenbStarRecord { validity: Validity::default(), ..record })
                    }
                    EpsKeyRecord::Nh(record) => EpsKeyRecord::Nh(NhRecord { validity: Validity::default(), ..record }),
                    EpsKeyRecord::CkIk(record) => {
                        EpsKeyRecord::CkIk(CkIkRecord { validity: Validity::default(), ..record })
                    }
                    other => other,
                };
                // Source and target report it, and of a chain the MME again.
                if !self.records.iter().rev().take(RECENT).any(|known| without_time(known) == without_time(&record)) {
                    self.records.push(record);
                }
            }
            What::NasInUse { keys: [enc, int], algorithms, kasme } => {
                let nas = |key_use, algorithm, key: &AlgorithmKey| {
                    EpsKeyRecord::Nas(NasKeyRecord { key_use, ue, algorithm, validity: from, key: key.clone() })
                };
                let [enc, int] = [
                    nas(NasKeyUse::Ciphering, algorithms.ciphering, enc),
                    nas(NasKeyUse::Integrity, algorithms.integrity, int),
                ];
                self.open(now, ue, 0, enc);
                self.open(now, ue, 1, int);
                let kasme = EpsKeyRecord::Kasme(KasmeRecord { ue, validity: from, key: kasme.clone() });
                self.open(now, ue, 2, kasme);
            }
            What::UpKeyInUse { key, algorithm } => {
                hold(HeldWhat::UpKey(key.clone(), *algorithm));
                self.share(now, node, ue, Some(Shared::Up(key.clone(), *algorithm)), |key| {
                    matches!(key, Shared::Up(..))
                });
            }
            What::UpKeyForgotten => {
                hold(HeldWhat::Forgotten);
                self.share(now, node, ue, None, |key| matches!(key, Shared::Up(..)));
            }
            What::CkIkInUse { cell, keys } => {
                hold(HeldWhat::Besides(HeldKey::CkIk(keys.clone())));
                let key = Shared::CkIk(*cell, keys.clone());
                self.share(now, node, ue, Some(key), |key| matches!(key, Shared::CkIk(..)));
            }
            What::CkIkForgotten { cell } => {
                hold(HeldWhat::Forgotten);
                self.share(now, node, ue, None, |key| matches!(key, Shared::CkIk(of, _) if of == cell));
            }
            What::KeyPair { key, fresh: true } if self.pairs.len() < MOST_PAIRS => {
                self.pairs.push((node, now, ue, key.clone()));
            }
            What::KeyPair { key, .. } => {
                let known = self.pairs.iter().any(|(of, _, _, known)| *of == node && known == key);
                if !known && self.pairs.len() < MOST_PAIRS {
                    self.pairs.push((node, now, ue, key.clone()));
                }
            }
            What::HandoverBegun { to, .. } => {
                self.target.insert(ue, *to);
            }
            _ => {}
        }
    }

    /// A node has taken this key of a UE into use, if there is one, and has those no more that were there `instead`.
    fn share(
        &mut self,
        now: VirtualTime,
        node: NodeIndex,
        ue: Imsi,
        key: Option<Shared>,
        instead: impl Fn(&Shared) -> bool,
    ) {
        let others = self.shared.iter_mut().filter(|one| one.ue == ue && instead(&one.key));
        for one in others.filter(|one| Some(&one.key) != key.as_ref()) {
            if one.now.remove(&node) && one.now.is_empty() {
                one.validity.until = Some(now);
            }
        }
        let Some(key) = key else { return };
        let position = self.shared.iter().position(|one| one.ue == ue && one.key == key).unwrap_or_else(|| {
            let validity = Validity { from: Some(now), until: None };
            self.shared.push(InUse { ue, key, now: BTreeSet::new(), ever: BTreeSet::new(), validity });
            self.shared.len() - 1
        });
        if let Some(one) = self.shared.get_mut(position) {
            one.now.insert(node);
            one.ever.insert(node);
            one.validity.until = None;
        }
    }

    /// A key takes the place of the one of its kind, unless it is the same.
    fn open(&mut self, now: VirtualTime, ue: Imsi, kind: u8, record: EpsKeyRecord) {
        let open = self.open.get(&(ue, kind)).copied();
        let same = |known: &EpsKeyRecord| match (known, &record) {
            (EpsKeyRecord::Nas(known), EpsKeyRecord::Nas(new)) => known.key == new.key,
            (EpsKeyRecord::Kasme(known), EpsKeyRecord::Kasme(new)) => known.key == new.key,
            _ => false,
        };
        if open.and_then(|position| self.records.get(position)).is_some_and(same) {
            return;
        }
        if let Some(old) = open.and_then(|position| self.records.get_mut(position)) {
            old.set_until(Some(now));
        }
        self.open.insert((ue, kind), self.records.len());
        self.records.push(record);
    }

    /// The key log of the run.
    pub(super) fn log(&self, epochs: &Epochs, agreement: &Agreement, topology: &Topology) -> KeyLog {
        let mut eps = vec![EpsKeyRecord::Derivation(DerivationRecord {
            system: if agreement.schemes.is_standard() { KeySystem::Standard } else { KeySystem::Contribution },
            derivation: agreement.derivation,
            c_rnti_bits: if agreement.wide_c_rnti { CRntiBits::ThirtyTwo } else { CRntiBits::Sixteen },
        })];
        eps.extend(topology.cells.iter().enumerate().filter_map(|(position, cell)| {
            Some(EpsKeyRecord::Cell(CellRecord {
                cell: cell.pci,
                enb: topology.names[topology.enb(position).0].clone(),
                mme: topology.mme_name(position),
                earfcn: Earfcn::new(cell.earfcn_dl)?,
                // Without groups every cell is of one.
                group: if agreement.schemes == Schemes::Grouped { cell.group } else { 1 },
            }))
        }));
        // Without it a log is what it was before there were UPEs.
        if agreement.transfer != ContextTransfer::default() {
            eps.push(EpsKeyRecord::Transfer(transfer(agreement.transfer)));
        }
        eps.extend(self.records.iter().cloned());
        eps.extend(self.shared.iter().map(|one| one.record(topology)));
        eps.extend(self.pairs.iter().map(|(node, from, ue, key)| {
            let of_ue = topology.role(*node) == Role::Ue;
            EpsKeyRecord::KeyPair(KeyPairRecord {
                ue: *ue,
                holder: if of_ue { KeyHolder::Ue } else { KeyHolder::Network },
                validity: Validity { from: Some(*from), until: None },
                key: key.clone(),
            })
        }));
        for (position, epoch) in epochs.all.iter().enumerate() {
            eps.extend(of_epoch(position, epoch).into_iter().flatten());
        }
        let node = |(index, name): (usize, &String)| NodeRecord {
            name: name.clone(),
            role: topology.role(NodeIndex(index)).word().to_owned(),
            ip: topology.addresses.get(index).copied(),
            id: None,
        };
        KeyLog { nodes: topology.names.iter().enumerate().map(node).collect(), eps, ..KeyLog::default() }
    }
}

impl InUse {
    fn record(&self, topology: &Topology) -> EpsKeyRecord {
        let of_ue = |node: &NodeIndex| topology.role(*node) == Role::Ue;
        let holder = match (self.ever.iter().any(of_ue), self.ever.iter().all(of_ue)) {
            (true, true) => KeyHolder::Ue,
            (true, false) => KeyHolder::Both,
            (false, _) => KeyHolder::Network,
        };
        let (ue, validity) = (self.ue, self.validity);
        match &self.key {
            Shared::Up(key, algorithm) => {
                let (key, algorithm) = (key.clone(), *algorithm);
                EpsKeyRecord::UpKey(UpKeyRecord { ue, algorithm, holder, validity, key })
            }
            Shared::CkIk(cell, keys) => {
                let (cell, key) = (Some(*cell), keys.clone());
                EpsKeyRecord::CkIk(CkIkRecord { ue, cell, holder, validity, key })
            }
        }
    }
}

fn transfer(ContextTransfer { upe, up_keys, mapping, .. }: ContextTransfer) -> TransferRecord {
    TransferRecord {
        upe,
        up_keys: match up_keys {
            UpKeys::Same => UpKeyPolicy::Same,
            UpKeys::Update => UpKeyPolicy::Update,
        },
        mapping: match mapping {
            Mapping::TargetId { fresh: false } => KeyMapping::TargetId,
            Mapping::TargetId { fresh: true } => KeyMapping::TargetIdFresh,
            Mapping::Nonce => KeyMapping::Nonce,
        },
    }
}

/// Most pairs of attaches that are logged.
const MOST_PAIRS: usize = 4_096;
/// How many records are looked at for the same one.
const RECENT: usize = 64;

/// The records of a KeNB and of the keys made of it.
fn of_epoch(position: usize, epoch: &Epoch) -> Option<[EpsKeyRecord; 4]> {
    let ue_id = u16::try_from(position + 1).ok()?;
    let [enb, ue] = epoch.since;
    let holder = match (enb.is_some(), ue.is_some()) {
        (true, false) => KenbHolder::Enb,
        (false, true) => KenbHolder::Ue,
        _ => KenbHolder::Both,
    };
    let still = |side: usize| epoch.since[side].is_some() && epoch.until[side].is_none();
    let until = if still(0) || still(1) { None } else { epoch.until.iter().flatten().max().copied() };
    let validity = Validity { from: epoch.since.iter().flatten().min().copied(), until };
    let algorithms = epoch.algorithms;
    let AsKeys { rrc_enc, rrc_int, up_enc } = AsKeys::derive(&epoch.kenb, algorithms.ciphering, algorithms.integrity);
    let derived = |key_use, algorithm, key| {
        EpsKeyRecord::As(AsKeyRecord { key_use, ue: epoch.ue, cell: epoch.cell, ue_id, algorithm, validity, key })
    };
    Some([
        EpsKeyRecord::Kenb(KenbRecord {
            ue: epoch.ue,
            cell: epoch.cell,
            c_rnti: epoch.c_rnti,
            ue_id,
            ncc: Ncc::new(u32::from(epoch.ncc)),
            ciphering: algorithms.ciphering,
            integrity: algorithms.integrity,
            holder,
            validity,
            key: epoch.kenb.clone(),
        }),
        derived(AsKeyUse::RrcCiphering, algorithms.ciphering, rrc_enc),
        derived(AsKeyUse::RrcIntegrity, algorithms.integrity, rrc_int),
        derived(AsKeyUse::UserCiphering, algorithms.ciphering, up_enc),
    ])
}
