//! The keys of the EPS judge: KASME of each UE and what follows from it, and the key epochs of the radio, each a KeNB with its AS
//! keys under the number that stands in the frames.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::Ipv4Addr;

use super::super::findings::{FindingKind, Findings};
use super::super::keys::Origin;
use crate::capture::key_log::KeyLog;
use crate::capture::key_log::eps::{
    AsKeyRecord, AsKeyUse, CRntiBits, CellRecord, DerivationRecord, EpsKeyRecord, KenbHolder, KenbRecord, KeySystem,
    NasKeyRecord, NasKeyUse,
};
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::keys::{AlgorithmKey, Kasme, Kenb, LinkSecret, Nh};
use crate::eps::parameters::{AlgorithmId, Algorithms, Ncc};
use crate::eps::security::HandoverDerivation;
use crate::eps::security::handover_keys::CRnti;
use crate::eps::security::kdf::{self, KeyUse, algorithm_key};

/// Most key epochs: their number has 16 bits.
pub const MAX_EPOCHS: usize = 65_535;
/// Uplink NAS COUNTs that the first KeNB of a KASME may be made with.
pub const FIRST_COUNTS: u32 = 16;
/// Octets of CK, with which CK and IK begin.
const CK_OCTETS: usize = 16;
/// Most NHs of a chain.
const MAX_CHAIN: usize = 65_536;

/// A UE under one KASME.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The UE.
    pub ue: Imsi,
    /// KASME.
    pub kasme: Kasme,
    /// The KeNB that was made of it, from which the chain of NH begins.
    pub first: Option<Kenb>,
    /// The NHs of NCC 1, 2 and so on, as far as they were asked for.
    chain: Vec<Nh>,
}

impl Subscriber {
    /// The NH of an NCC that counts on beyond 3 bits, from 1; none if the first KeNB is not known.
    pub fn next_hop(&mut self, ncc: u32) -> Option<Nh> {
        let place = usize::try_from(ncc).ok()?.checked_sub(1).filter(|place| *place < MAX_CHAIN)?;
        while self.chain.len() <= place {
            let before = match self.chain.last() {
                Some(nh) => nh.octets(),
                None => self.first.as_ref()?.octets(),
            };
            let next = kdf::nh(&self.kasme, before);
            self.chain.push(next);
        }
        self.chain.get(place).cloned()
    }

    /// The KeNBs that may be the first.
    pub fn first_kenbs(&self) -> impl Iterator<Item = Kenb> + '_ {
        (0..FIRST_COUNTS).map(|count| kdf::kenb(&self.kasme, count))
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
        Self { ue, cell, kenb: Some(kenb), keys, algorithms, ncc: None, holder: None, origin }
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
    /// The key epochs by their number.
    pub epochs: BTreeMap<u16, Epoch>,
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
        keys.names = log.nodes.iter().filter_map(|node| Some((node.ip?, node.name.clone()))).collect();
        for record in &log.eps {
            match record {
                EpsKeyRecord::Derivation(record) => keys.derivation = Some(*record),
                EpsKeyRecord::Cell(record) => {
                    keys.cells.insert(record.cell, record.clone());
                }
                EpsKeyRecord::Kasme(record) => {
                    let (ue, kasme) = (record.ue, record.key.clone());
                    keys.subscribers.push(Subscriber { ue, kasme, first: None, chain: Vec::new() });
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
                _ => {}
            }
        }
        keys.find_first_kenbs();
        for (ue_id, epoch) in &keys.epochs {
            if let Some(kenb) = &epoch.kenb {
                keys.of_kenb.entry(*kenb.octets()).or_default().push(*ue_id);
            }
        }
        keys
    }

    /// The judge has learnt what an epoch is.
    pub fn learn(&mut self, ue_id: u16, epoch: Epoch) {
        if let Some(kenb) = &epoch.kenb {
            self.of_kenb.entry(*kenb.octets()).or_default().push(ue_id);
            if epoch.ncc == Some(0)
                && let Some(known) = self.subscribers.iter_mut().find(|known| known.ue == epoch.ue)
            {
                known.first.get_or_insert_with(|| kenb.clone());
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
    pub fn counts_on(&mut self, kenb: &Kenb, cell: Pci, ncc: Option<u32>) {
        for ue_id in self.of_kenb.get(kenb.octets()).into_iter().flatten() {
            if let Some(epoch) = self.epochs.get_mut(ue_id).filter(|epoch| epoch.cell == Some(cell)) {
                epoch.ncc = ncc;
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
        for subscriber in &mut self.subscribers {
            let firsts: Vec<Kenb> = subscriber.first_kenbs().collect();
            let of_ue = self.epochs.values_mut().filter(|epoch| epoch.ue == subscriber.ue);
            for epoch in of_ue.filter(|epoch| epoch.kenb.as_ref().is_some_and(|kenb| firsts.contains(kenb))) {
                epoch.ncc = Some(0);
                subscriber.first.clone_from(&epoch.kenb);
            }
        }
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

    /// The place of a UE's KASME: of that one from which the KeNB comes, if several are known, else of the first.
    #[must_use]
    pub fn subscriber_of(&self, ue: Imsi) -> Option<usize> {
        self.subscribers.iter().position(|known| known.ue == ue)
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
                EpsKeyRecord::Derivation(_) | EpsKeyRecord::Cell(_) | EpsKeyRecord::Transfer(_) => {}
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
