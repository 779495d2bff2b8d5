//! The keys of the EPS judge: KASME of each UE and what follows from it, and the key epochs of the radio, each a KeNB with its AS
//! keys under the number that stands in the frames.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::Ipv4Addr;

use super::super::findings::{FindingKind, Findings};
use super::super::keys::Origin;
use crate::capture::key_log::KeyLog;
use crate::capture::key_log::enterprise::EnterpriseRecord;
use crate::capture::key_log::eps::{
    AsKeyRecord, AsKeyUse, CRntiBits, CellRecord, DerivationRecord, EpsKeyRecord, KenbHolder, KenbRecord, KeyMapping,
    KeySystem, NasKeyRecord, NasKeyUse, UpKeyRecord,
};
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::keys::{AlgorithmKey, CkIk, Kasme, Kenb, LinkSecret, Nh, UpKey};
use crate::eps::parameters::{AlgorithmId, Algorithms, Ncc};
use crate::eps::security::HandoverDerivation;
use crate::eps::security::handover_keys::CRnti;
use crate::eps::security::kdf::{self, KeyUse, algorithm_key};

/// Most key epochs: their number has 16 bits.
pub const MAX_EPOCHS: usize = 65_535;
/// Uplink NAS COUNTs that the first KeNB of a KASME may be made with.
pub const FIRST_COUNTS: u32 = 32;
/// Octets of CK, with which CK and IK begin.
const CK_OCTETS: usize = 16;
/// Numbers of keys with UPEs by which one of the log is looked for under a KASME.
const MAX_UP_KEYS: u32 = 4_096;
/// The same that are tried on packets of which the log has no key.
const TRIED_UP_KEYS: u32 = 32;
/// Most keys that are tried on one packet.
const MAX_TRIALS: usize = 256;
/// Most NHs of a chain.
const MAX_CHAIN: usize = 65_536;

/// A UE under one KASME.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The UE.
    pub ue: Imsi,
    /// KASME.
    pub kasme: Kasme,
}

impl Subscriber {
    /// The KeNBs that may be made of it: with a COUNT of its first uplink messages, or the one that stands for a handover from UTRAN.
    pub fn first_kenbs(&self) -> impl Iterator<Item = Kenb> + '_ {
        (0..FIRST_COUNTS).chain([u32::MAX]).map(|count| kdf::kenb(&self.kasme, count))
    }
}

/// A KeNB that was made of a KASME, and the chain of NH that begins with it.
#[derive(Clone, Debug)]
pub struct Root {
    /// The UE.
    pub ue: Imsi,
    /// The place of its KASME among the subscribers.
    subscriber: usize,
    kasme: Kasme,
    first: Kenb,
    /// The NHs of NCC 1, 2 and so on, as far as they were asked for.
    chain: Vec<Nh>,
}

impl Root {
    /// The NH of an NCC that counts on beyond 3 bits, from 1.
    pub fn next_hop(&mut self, ncc: u32) -> Option<Nh> {
        let place = usize::try_from(ncc).ok()?.checked_sub(1).filter(|place| *place < MAX_CHAIN)?;
        while self.chain.len() <= place {
            let before = self.chain.last().map_or(self.first.octets(), Nh::octets);
            let next = kdf::nh(&self.kasme, before);
            self.chain.push(next);
        }
        self.chain.get(place).cloned()
    }
}

/// A KeNB in use, with its AS keys.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// The UE.
    pub ue: Imsi,
    /// The cell, if it is known.
    pub cell: Option<Pci>,
    /// KeNB; none if the log has the AS keys alone.
    pub kenb: Option<Kenb>,
    /// KRRCenc, KRRCint, KUPenc.
    pub keys: [Option<AlgorithmKey>; 3],
    /// What they are used with.
    pub algorithms: Algorithms,
    /// NCC of the KeNB, counted on beyond 3 bits.
    pub ncc: Option<u32>,
    /// The place of the root from which it comes, if it is known.
    pub root: Option<usize>,
    /// Who held it, if the log says.
    pub holder: Option<KenbHolder>,
    /// How the judge came to it.
    pub origin: Origin,
}

impl Epoch {
    /// That of a KeNB.
    #[must_use]
    pub fn of_kenb(ue: Imsi, cell: Option<Pci>, kenb: Kenb, algorithms: Algorithms, origin: Origin) -> Self {
        let keys = AsKeyUse::ALL.map(|key_use| Some(as_key(&kenb, key_use, algorithms)));
        Self { ue, cell, kenb: Some(kenb), keys, algorithms, ncc: None, root: None, holder: None, origin }
    }

    /// One of its keys.
    #[must_use]
    pub fn key(&self, key_use: AsKeyUse) -> Option<&AlgorithmKey> {
        self.keys.get(key_use as usize)?.as_ref()
    }
}

/// An AS key of a KeNB.
fn as_key(kenb: &Kenb, key_use: AsKeyUse, algorithms: Algorithms) -> AlgorithmKey {
    let (p0, algorithm) = match key_use {
        AsKeyUse::RrcCiphering => (KeyUse::RrcEnc, algorithms.ciphering),
        AsKeyUse::RrcIntegrity => (KeyUse::RrcInt, algorithms.integrity),
        AsKeyUse::UserCiphering => (KeyUse::UpEnc, algorithms.ciphering),
    };
    algorithm_key(kenb.octets(), p0, algorithm as u8)
}

/// All keys, cells and names.
#[derive(Debug, Default)]
pub struct Keys {
    derivation: Option<DerivationRecord>,
    /// The cells.
    pub cells: BTreeMap<Pci, CellRecord>,
    /// The UEs with their KASMEs.
    pub subscribers: Vec<Subscriber>,
    /// Where chains of NH begin.
    pub roots: Vec<Root>,
    /// The key epochs by their number.
    pub epochs: BTreeMap<u16, Epoch>,
    /// Whether user packets are ciphered by UPEs.
    pub upe: bool,
    /// What keys of another system are made of, if the log says.
    pub mapping: Option<KeyMapping>,
    /// The keys between UEs and UPEs: those of the log, or of a UE that it has none of those that follow from its KASMEs.
    up_keys: Vec<(Imsi, UpKey)>,
    /// CK and IK of UEs.
    pub ck_ik: Vec<(Imsi, CkIk)>,
    /// What protects links of the core network, by SPI.
    pub links: Vec<(u32, LinkSecret)>,
    /// The names of addresses.
    pub names: BTreeMap<Ipv4Addr, String>,
    numbers: HashMap<[u8; AlgorithmKey::OCTETS], usize>,
    /// The epochs of each KeNB.
    of_kenb: HashMap<[u8; 32], Vec<u16>>,
}

impl Keys {
    /// The keys of a log, and the epochs that were learnt in a reading before. Keys of algorithms that do not follow from those
    /// above them are findings.
    #[must_use]
    pub fn new(log: &KeyLog, learnt: &BTreeMap<u16, Epoch>, findings: &mut Findings) -> Self {
        let mut keys = Self { epochs: learnt.clone(), ..Self::default() };
        // Roots have other places in another reading.
        keys.epochs.values_mut().for_each(|epoch| epoch.root = None);
        keys.names = log.nodes.iter().filter_map(|node| Some((node.ip?, node.name.clone()))).collect();
        for record in &log.eps {
            match record {
                EpsKeyRecord::Derivation(record) => keys.derivation = Some(*record),
                EpsKeyRecord::Cell(record) => {
                    keys.cells.insert(record.cell, record.clone());
                }
                EpsKeyRecord::Kasme(record) => {
                    let (ue, kasme) = (record.ue, record.key.clone());
                    keys.subscribers.push(Subscriber { ue, kasme });
                }
                EpsKeyRecord::Transfer(record) => (keys.upe, keys.mapping) = (record.upe, Some(record.mapping)),
                EpsKeyRecord::CkIk(record) => {
                    let known = (record.ue, record.key.clone());
                    // In use in a cell, and held in the core network.
                    if !keys.ck_ik.contains(&known) {
                        keys.ck_ik.push(known);
                    }
                }
                EpsKeyRecord::LinkKey(record) => keys.links.push((record.spi, record.key.clone())),
                _ => {}
            }
        }
        for record in &log.eps {
            if let EpsKeyRecord::Kenb(record) = record {
                keys.logged_kenb(record);
            }
        }
        for record in &log.eps {
            match record {
                EpsKeyRecord::Nas(record) => keys.check_nas_key(record, findings),
                EpsKeyRecord::As(record) => keys.logged_as_key(record, findings),
                EpsKeyRecord::UpKey(record) => keys.logged_up_key(record, findings),
                _ => {}
            }
        }
        keys.find_first_kenbs();
        keys.derive_up_keys();
        for (ue_id, epoch) in &keys.epochs {
            if let Some(kenb) = &epoch.kenb {
                keys.of_kenb.entry(*kenb.octets()).or_default().push(*ue_id);
            }
        }
        keys
    }

    /// The judge has learnt what an epoch is.
    pub fn learn(&mut self, ue_id: u16, mut epoch: Epoch) {
        if let Some(kenb) = &epoch.kenb {
            self.of_kenb.entry(*kenb.octets()).or_default().push(ue_id);
            if epoch.ncc == Some(0) && epoch.root.is_none() {
                let made = |known: &Subscriber| known.ue == epoch.ue && known.first_kenbs().any(|first| first == *kenb);
                let subscriber = self.subscribers.iter().position(made);
                epoch.root = subscriber.and_then(|subscriber| self.root(subscriber, &kenb.clone()));
            }
        }
        self.epochs.insert(ue_id, epoch);
    }

    /// The numbers of the epochs with the same KeNB.
    pub fn epochs_like(&self, epoch: &Epoch) -> impl Iterator<Item = u16> + '_ {
        let known = epoch.kenb.as_ref().and_then(|kenb| self.of_kenb.get(kenb.octets()));
        known.into_iter().flatten().copied()
    }

    /// The epochs of this KeNB in a cell have this NCC, counted on.
    pub fn counts_on(&mut self, kenb: &Kenb, cell: Pci, ncc: Option<u32>, root: Option<usize>) {
        for ue_id in self.of_kenb.get(kenb.octets()).into_iter().flatten() {
            if let Some(epoch) = self.epochs.get_mut(ue_id).filter(|epoch| epoch.cell == Some(cell)) {
                (epoch.ncc, epoch.root) = (ncc, root);
            }
        }
    }

    fn logged_kenb(&mut self, record: &KenbRecord) {
        let algorithms = Algorithms { ciphering: record.ciphering, integrity: record.integrity };
        let mut epoch = Epoch::of_kenb(record.ue, Some(record.cell), record.key.clone(), algorithms, Origin::Logged);
        epoch.ncc = Some(record.ncc.get().into());
        epoch.holder = Some(record.holder);
        // The same epoch may stand there twice, of its UE and of its eNB.
        match self.epochs.get_mut(&record.ue_id) {
            Some(known) if known.kenb == epoch.kenb => {
                if known.holder != epoch.holder {
                    known.holder = Some(KenbHolder::Both);
                }
            }
            _ => {
                self.epochs.insert(record.ue_id, epoch);
            }
        }
    }

    fn logged_up_key(&mut self, record: &UpKeyRecord, findings: &mut Findings) {
        let mut known = self.subscribers.iter().filter(|known| known.ue == record.ue).peekable();
        let derivable = known.peek().is_some();
        let found = known
            .flat_map(|known| (0..MAX_UP_KEYS).map(|update| UpKey::derive(&known.kasme, update, record.algorithm)))
            .find(|up| up.key == record.key);
        if derivable && found.is_none() {
            let detail = format!("the key of UE {} with its UPE does not follow from its KASME", record.ue);
            findings.find(FindingKind::KeyDerivation, &[], detail);
        }
        let up = UpKey { update: 0, algorithm: record.algorithm, key: record.key.clone() };
        self.up_keys.push((record.ue, found.unwrap_or(up)));
    }

    /// The keys with UPEs that follow from KASMEs, of UEs of which the log has none.
    fn derive_up_keys(&mut self) {
        let known: HashSet<Imsi> = self.up_keys.iter().map(|(ue, _)| *ue).collect();
        for subscriber in self.subscribers.iter().filter(|one| self.upe && !known.contains(&one.ue)) {
            for algorithm in [AlgorithmId::Aes, AlgorithmId::Null] {
                let numbers = if algorithm == AlgorithmId::Null { 1 } else { TRIED_UP_KEYS };
                let keys = (0..numbers).map(|update| UpKey::derive(&subscriber.kasme, update, algorithm));
                self.up_keys.extend(keys.map(|key| (subscriber.ue, key)));
            }
        }
    }

    /// The keys with UPEs of a UE, or of all if it is not known which it is: at most a number that is fixed.
    #[must_use]
    pub fn up_keys_of(&self, ue: Option<Imsi>) -> Vec<(Imsi, UpKey)> {
        self.up_keys.iter().filter(|(of, _)| ue.is_none_or(|ue| ue == *of)).take(MAX_TRIALS).cloned().collect()
    }

    fn check_nas_key(&self, record: &NasKeyRecord, findings: &mut Findings) {
        let (key_use, what) = match record.key_use {
            NasKeyUse::Ciphering => (KeyUse::NasEnc, "NAS ciphering key"),
            NasKeyUse::Integrity => (KeyUse::NasInt, "NAS integrity key"),
        };
        let mut kasmes = self.subscribers.iter().filter(|known| known.ue == record.ue).peekable();
        let follows =
            |known: &Subscriber| algorithm_key(known.kasme.octets(), key_use, record.algorithm as u8) == record.key;
        if kasmes.peek().is_some() && !kasmes.any(follows) {
            let detail = format!(
                "{what} of UE {}, algorithm {}, does not follow from its KASME",
                record.ue, record.algorithm as u8
            );
            findings.find(FindingKind::KeyDerivation, &[], detail);
        }
    }

    fn logged_as_key(&mut self, record: &AsKeyRecord, findings: &mut Findings) {
        let epoch = self.epochs.entry(record.ue_id).or_insert_with(|| Epoch {
            ue: record.ue,
            cell: Some(record.cell),
            kenb: None,
            keys: [const { None }; 3],
            algorithms: Algorithms::AES,
            ncc: None,
            root: None,
            holder: None,
            origin: Origin::Logged,
        });
        let place = record.key_use as usize;
        match &epoch.kenb {
            None => {
                if let Some(key) = epoch.keys.get_mut(place) {
                    *key = Some(record.key.clone());
                }
                match record.key_use {
                    AsKeyUse::RrcIntegrity => epoch.algorithms.integrity = record.algorithm,
                    _ => epoch.algorithms.ciphering = record.algorithm,
                }
            }
            Some(_) => {
                let in_use = match record.key_use {
                    AsKeyUse::RrcIntegrity => epoch.algorithms.integrity,
                    _ => epoch.algorithms.ciphering,
                };
                if epoch.key(record.key_use) != Some(&record.key) || in_use != record.algorithm {
                    let detail = format!(
                        "{} of key epoch {} does not follow from its KeNB",
                        record.key_use.name(),
                        record.ue_id
                    );
                    findings.find(FindingKind::KeyDerivation, &[], detail);
                }
            }
        }
    }

    /// The KeNBs that were made of a KASME: from them the chains begin.
    fn find_first_kenbs(&mut self) {
        for place in 0..self.subscribers.len() {
            let Some(subscriber) = self.subscribers.get(place).cloned() else { continue };
            let firsts: Vec<Kenb> = subscriber.first_kenbs().collect();
            let is_first = |epoch: &Epoch| epoch.kenb.clone().filter(|kenb| firsts.contains(kenb));
            let of_ue = self.epochs.iter().filter(|(_, epoch)| epoch.ue == subscriber.ue);
            let found: Vec<(u16, Kenb)> = of_ue.filter_map(|(ue_id, epoch)| Some((*ue_id, is_first(epoch)?))).collect();
            for (ue_id, kenb) in found {
                let root = self.root(place, &kenb);
                if let Some(epoch) = self.epochs.get_mut(&ue_id) {
                    (epoch.ncc, epoch.root) = (Some(0), root);
                }
            }
        }
    }

    /// The place of the root that is this KeNB of the KASME at `subscriber`.
    pub fn root(&mut self, subscriber: usize, first: &Kenb) -> Option<usize> {
        let known = self.roots.iter().position(|root| root.subscriber == subscriber && root.first == *first);
        if known.is_some() {
            return known;
        }
        let Subscriber { ue, kasme } = self.subscribers.get(subscriber)?.clone();
        self.roots.push(Root { ue, subscriber, kasme, first: first.clone(), chain: Vec::new() });
        self.roots.len().checked_sub(1)
    }

    /// The KeNB that a UE makes of the KASME that its next authentication has left, with its root.
    pub fn renewed(&mut self, epoch: &Epoch) -> Option<(Kenb, usize)> {
        let before = epoch.root.and_then(|root| self.roots.get(root)).map(|root| root.subscriber);
        let after = before.map_or(0, |before| before.saturating_add(1));
        let later = self.subscribers.iter().enumerate().skip(after).find(|(_, known)| known.ue == epoch.ue);
        let (subscriber, kasme) = later.map(|(place, known)| (place, known.kasme.clone()))?;
        let kenb = kdf::kenb(&kasme, 0);
        let root = self.root(subscriber, &kenb)?;
        Some((kenb, root))
    }

    /// The functions of the contribution.
    #[must_use]
    pub fn functions(&self) -> HandoverDerivation {
        self.derivation.map_or_else(HandoverDerivation::default, |record| record.derivation)
    }

    /// Whether keys are derived as the standard has it.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        self.derivation.is_some_and(|record| record.system == KeySystem::Standard)
    }

    /// C-RNTI as it goes into keys.
    #[must_use]
    pub fn c_rnti(&self, c_rnti: u16) -> CRnti {
        match self.derivation.map(|record| record.c_rnti_bits) {
            Some(CRntiBits::ThirtyTwo) => CRnti::Bits32(c_rnti.into()),
            Some(CRntiBits::Sixteen) | None => CRnti::Bits16(c_rnti),
        }
    }

    /// The name of the node at an address, or the address.
    #[must_use]
    pub fn name(&self, address: Ipv4Addr) -> String {
        self.names.get(&address).cloned().unwrap_or_else(|| address.to_string())
    }

    /// The cells of the eNB at an address.
    pub fn cells_of(&self, enb: Ipv4Addr) -> impl Iterator<Item = &CellRecord> {
        let name = self.names.get(&enb);
        self.cells.values().filter(move |cell| Some(&cell.enb) == name)
    }

    /// The number of a key: the same for equal ones.
    pub fn number(&mut self, key: &AlgorithmKey) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(*key.octets()).or_insert(next)
    }

    /// An NCC that counts on, from its 3 bits: the lowest that is not below `from`.
    #[must_use]
    pub fn absolute_ncc(from: u32, ncc: Ncc) -> u32 {
        from.saturating_add(u32::from(Ncc::new(from.wrapping_neg()).get().wrapping_add(ncc.get()) & 7))
    }

    /// An epoch in words.
    #[must_use]
    pub fn epoch_name(&self, ue_id: u16) -> String {
        match self.epochs.get(&ue_id) {
            Some(Epoch { ue, cell: Some(cell), .. }) => format!("key epoch {ue_id} (UE {ue} in cell {cell})"),
            Some(Epoch { ue, .. }) => format!("key epoch {ue_id} (UE {ue})"),
            None => format!("key epoch {ue_id}"),
        }
    }

    /// Every key whose octets are to stand in no frame, or in those only that bring it, with its name.
    #[must_use]
    pub fn secrets(&self, log: &KeyLog) -> Vec<(Vec<u8>, String)> {
        let mut secrets = Vec::new();
        let mut seen = HashSet::new();
        let mut add = |octets: &[u8], name: String| {
            // A key of nothing but 0 is none.
            if octets.iter().any(|octet| *octet != 0) && seen.insert(octets.to_vec()) {
                secrets.push((octets.to_vec(), name));
            }
        };
        for record in &log.eps {
            match record {
                EpsKeyRecord::Derivation(_)
                | EpsKeyRecord::Cell(_)
                | EpsKeyRecord::Transfer(_)
                | EpsKeyRecord::Parlos(_)
                | EpsKeyRecord::Trust(_)
                | EpsKeyRecord::NetworkKey(_) => {}
                EpsKeyRecord::KeyPair(r) => {
                    add(&r.key.octets(), format!("the private key of an attach of UE {}", r.ue))
                }
                EpsKeyRecord::UpKey(r) => add(r.key.octets(), format!("KUP of UE {}", r.ue)),
                EpsKeyRecord::CkIk(r) => {
                    // CK and IK on their own: some messages bring them so, others one behind the other.
                    let (ck, ik) = r.key.octets().split_at(CK_OCTETS);
                    add(ck, format!("CK of UE {}", r.ue));
                    add(ik, format!("IK of UE {}", r.ue));
                }
                EpsKeyRecord::LinkKey(r) => {
                    let (key, _) = r.key.octets().split_at(AlgorithmKey::OCTETS);
                    add(key, format!("the key of the link from {} to {}", r.sender, r.receiver));
                }
                EpsKeyRecord::Kasme(r) => add(r.key.octets(), format!("KASME of UE {}", r.ue)),
                EpsKeyRecord::Nas(r) => add(r.key.octets(), format!("{} of UE {}", r.key_use.name(), r.ue)),
                EpsKeyRecord::Nh(r) => add(r.key.octets(), format!("NH of NCC {} of UE {}", r.ncc.get(), r.ue)),
                EpsKeyRecord::KenbStar(r) => add(r.key.octets(), format!("KeNB* of UE {} for cell {}", r.ue, r.cell)),
                EpsKeyRecord::Kenb(r) => add(r.key.octets(), format!("KeNB of key epoch {} (UE {})", r.ue_id, r.ue)),
                EpsKeyRecord::As(r) => {
                    add(r.key.octets(), format!("{} of key epoch {} (UE {})", r.key_use.name(), r.ue_id, r.ue))
                }
                EpsKeyRecord::Enterprise(EnterpriseRecord::Settings(_)) => {}
                EpsKeyRecord::Enterprise(EnterpriseRecord::AkaKeys(r)) => {
                    let (ck, ik) = r.key.octets().split_at(CK_OCTETS);
                    add(ck, format!("CK of UE {}", r.ue));
                    add(ik, format!("IK of UE {}", r.ue));
                }
                EpsKeyRecord::Enterprise(EnterpriseRecord::IntKey(r)) => {
                    add(r.key.octets(), format!("e2m_int_key {} of UE {}", r.identifier, r.ue));
                }
                EpsKeyRecord::Enterprise(EnterpriseRecord::Key(r)) => {
                    add(r.key.octets(), format!("e2m_key {} of UE {} and {}", r.identifier, r.ue, r.emse));
                }
            }
        }
        for (ue_id, epoch) in &self.epochs {
            if let Some(kenb) = &epoch.kenb {
                add(kenb.octets(), format!("KeNB of key epoch {ue_id} (UE {})", epoch.ue));
            }
            for key_use in AsKeyUse::ALL {
                if let Some(key) = epoch.key(key_use) {
                    add(key.octets(), format!("{} of key epoch {ue_id} (UE {})", key_use.name(), epoch.ue));
                }
            }
        }
        for subscriber in &self.subscribers {
            for (key_use, name) in [(KeyUse::NasEnc, NasKeyUse::Ciphering), (KeyUse::NasInt, NasKeyUse::Integrity)] {
                let key = algorithm_key(subscriber.kasme.octets(), key_use, AlgorithmId::Aes as u8);
                add(key.octets(), format!("{} of UE {}", name.name(), subscriber.ue));
            }
        }
        secrets
    }
}
