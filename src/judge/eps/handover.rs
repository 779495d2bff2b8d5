//! What the keys of a target are made of: from the command to the UE, and from what the core network brings the target.
//!
//! | who | has | makes |
//! | --- | --- | --- |
//! | UE | the command under the source's keys, its KeNB, KASME | KeNB of the contribution, or by NCC and cell |
//! | target eNB | KeNB* or NH in the request to it, the C-RNTI it answers with | the same |
//!
//! They are computed apart and held against the log: so it shows which side is wrong where they differ.

use std::collections::{BTreeMap, HashSet};
use std::net::Ipv4Addr;

use super::super::findings::{FindingKind, Findings, NoteKind};
use super::keys::{Epoch, FIRST_COUNTS, Keys};
use crate::capture::key_log::KeyLog;
use crate::capture::key_log::eps::{EpsKeyRecord, KenbHolder, KenbRecord};
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::keys::{Kasme, Kenb, KenbStar};
use crate::eps::parameters::{Algorithms, HandoverParameters, Indication, Ncc};
use crate::eps::security::next_hop::{horizontal, vertical};
use crate::eps::wire::rrc::{MobilityControlInfo, SecurityConfigHo, T304};

/// Most keys of targets, and most KeNB* and NH, that are remembered.
pub const MAX_HANDOVERS: usize = 200_000;

/// The KeNB that a command leads to.
#[derive(Clone, Debug)]
pub struct Commanded {
    /// The UE.
    pub ue: Imsi,
    /// KeNB.
    pub kenb: Kenb,
    /// The frame of the command.
    pub frame: u64,
    /// Its NCC, counted on.
    pub ncc: Option<u32>,
    /// The root from which it comes.
    pub root: Option<usize>,
    /// The algorithms in the target cell.
    pub algorithms: Algorithms,
    /// Whether the UE took the command, by its comment.
    pub accepted: Option<bool>,
}

/// A cell and what it calls a UE.
pub type Place = (Pci, u16);

/// The KeNBs of the log that came before one.
#[derive(Default)]
struct Before {
    ues: HashSet<Imsi>,
    kenbs: HashSet<(Imsi, Pci, [u8; 32])>,
}

/// A key that goes to a target over X2 or S1.
#[derive(Clone, Debug)]
struct SentKey {
    frame: u64,
    octets: [u8; 32],
    what: &'static str,
}

/// Everything that handovers have derived.
#[derive(Debug, Default)]
pub struct Handovers {
    /// What commands lead to.
    pub commanded: BTreeMap<Place, Vec<Commanded>>,
    /// What requests and their answers leave at targets, with the frame of the answer.
    prepared: BTreeMap<Place, Vec<(u64, Kenb)>>,
    /// KeNB* that were recomputed from PARA.
    stars: HashSet<[u8; 32]>,
    sent: Vec<SentKey>,
    count: usize,
    /// Whether there were more than are remembered.
    pub full: bool,
}

impl Handovers {
    fn room(&mut self) -> bool {
        self.full |= self.count >= MAX_HANDOVERS;
        self.count = self.count.saturating_add(1);
        !self.full
    }

    /// A KeNB* or NH was sent to a target.
    pub fn sent(&mut self, frame: u64, octets: [u8; 32], what: &'static str) {
        if self.room() {
            self.sent.push(SentKey { frame, octets, what });
        }
    }

    /// PARA came to light: the KeNB* of KASME and it is known now.
    pub fn para(&mut self, keys: &Keys, kasme: &Kasme, para: &[u8]) {
        if let Ok(star) = keys.functions().mme_involved(kasme, para)
            && self.room()
        {
            self.stars.insert(*star.octets());
        }
    }

    /// The KeNB that a command leads its UE to; none if something that it is made of is not known.
    pub fn follow(
        &mut self,
        keys: &mut Keys,
        (source, frame, accepted): (&Epoch, u64, Option<bool>),
        (mobility, security): (MobilityControlInfo, SecurityConfigHo),
        parameters: Option<&(HandoverParameters, Option<Kasme>)>,
    ) -> Option<Kenb> {
        let kenb = source.kenb.as_ref()?;
        let ncc = security.next_hop_chaining_count;
        let mut root = source.root;
        let (kenb, ncc) = if security.key_change {
            let (kenb, renewed) = keys.renewed(source)?;
            root = Some(renewed);
            (kenb, Some(0))
        } else if keys.is_standard() {
            let earfcn = keys.cells.get(&mobility.target)?.earfcn.get();
            let pci = mobility.target.get();
            let before = source.ncc?;
            match Keys::absolute_ncc(before, ncc) {
                same if same == before => (horizontal(kenb, pci, earfcn), Some(before)),
                later => {
                    let nh = keys.roots.get_mut(source.root?)?.next_hop(later)?;
                    (vertical(&nh, pci, earfcn), Some(later))
                }
            }
        } else {
            let functions = keys.functions();
            let star = match (ncc.get(), parameters) {
                (0, _) | (_, Some((HandoverParameters { indication: Indication::SourceEnb, .. }, _))) => {
                    functions.chained(kenb)
                }
                (_, Some((HandoverParameters { para, .. }, Some(kasme)))) => {
                    functions.mme_involved(kasme, para).ok()?
                }
                _ => return None,
            };
            (functions.target(&star, keys.c_rnti(mobility.c_rnti)), None)
        };
        let algorithms = security.algorithms.map_or(source.algorithms, |algorithms| Algorithms {
            ciphering: algorithms.ciphering,
            integrity: algorithms.integrity,
        });
        let place = (mobility.target, mobility.c_rnti);
        if self.room() {
            let ue = source.ue;
            let commanded = Commanded { ue, kenb: kenb.clone(), frame, ncc, root, algorithms, accepted };
            self.commanded.entry(place).or_default().push(commanded);
        }
        // An epoch of the log that this is the key of goes on from here.
        if ncc.is_some() {
            keys.counts_on(&kenb, mobility.target, ncc, root);
        }
        Some(kenb)
    }

    /// A target has answered a request that brought it this key: its KeNB.
    pub fn prepared(&mut self, keys: &Keys, frame: u64, place @ (cell, c_rnti): Place, key: &[u8; 32], over_x2: bool) {
        let kenb = match (keys.is_standard(), over_x2) {
            (false, _) => keys.functions().target(&KenbStar::from_octets(*key), keys.c_rnti(c_rnti)),
            (true, true) => Kenb::from_octets(*key),
            (true, false) => match keys.cells.get(&cell) {
                Some(known) => vertical(&crate::eps::keys::Nh::from_octets(*key), cell.get(), known.earfcn.get()),
                None => return,
            },
        };
        if self.room() {
            self.prepared.entry(place).or_default().push((frame, kenb));
        }
    }

    /// An eNB takes a UE back into its cell; by the standard it makes another KeNB for the cell, as the UE does.
    pub fn taken_back(
        &mut self,
        keys: &mut Keys,
        source: (&Epoch, u64, Option<bool>),
        (cell, c_rnti): Place,
        next_hop_chaining_count: Ncc,
    ) {
        if !keys.is_standard() {
            return;
        }
        // What the UE does is what it does by a command to its own cell.
        let mobility = MobilityControlInfo { target: cell, carrier: None, t304: T304::Ms50, c_rnti };
        let security = SecurityConfigHo { algorithms: None, key_change: false, next_hop_chaining_count };
        if let Some(kenb) = self.follow(keys, source, (mobility, security), None)
            && self.room()
        {
            self.prepared.entry((cell, c_rnti)).or_default().push((source.1, kenb));
        }
    }

    /// Whether a command after frame `after` led to the KeNB of an epoch.
    #[must_use]
    pub fn leads_to(&self, epoch: &Epoch, c_rnti: u16, after: u64) -> bool {
        let commanded = epoch.cell.and_then(|cell| self.commanded.get(&(cell, c_rnti)));
        let mut commanded = commanded.into_iter().flatten();
        commanded.any(|commanded| commanded.frame > after && Some(&commanded.kenb) == epoch.kenb.as_ref())
    }

    /// The command that led to a KeNB, of those whose UE says that it did not take them; none if one of them was taken.
    #[must_use]
    pub fn untaken(&self, place: Place, kenb: &Kenb) -> Option<u64> {
        let leading = self.commanded.get(&place)?.iter().filter(|commanded| commanded.kenb == *kenb);
        let leading: Vec<&Commanded> = leading.collect();
        let untaken = leading.iter().all(|commanded| commanded.accepted == Some(false));
        leading.first().filter(|_| untaken).map(|commanded| commanded.frame)
    }

    /// Holds the KeNBs, KeNB*s and NHs of the log, and those that were sent, against what was derived.
    pub fn finish(&self, keys: &mut Keys, log: &KeyLog, findings: &mut Findings) {
        let kenbs = log.eps.iter().filter_map(|record| match record {
            EpsKeyRecord::Kenb(record) => Some(record),
            _ => None,
        });
        let mut kenbs: Vec<&KenbRecord> = kenbs.collect();
        kenbs.sort_by_key(|record| (record.validity.from, record.ue_id));
        let mut before = Before::default();
        for record in kenbs {
            self.judge_kenb(keys, record, &before, findings);
            before.ues.insert(record.ue);
            before.kenbs.insert((record.ue, record.cell, *record.key.octets()));
        }
        let next_hops = next_hops(keys, log);
        let stars = self.derivable_stars(keys, log, &next_hops);
        let chained: HashSet<&[u8; 32]> = next_hops.iter().map(|(_, _, nh)| nh).collect();
        let of_chains: HashSet<(Imsi, Ncc, &[u8; 32])> =
            next_hops.iter().map(|(ue, ncc, nh)| (*ue, Ncc::new(*ncc), nh)).collect();
        let begun: HashSet<Imsi> = keys.roots.iter().map(|root| root.ue).collect();
        let sent: HashSet<&[u8; 32]> = self.sent.iter().map(|sent| &sent.octets).collect();
        let mut logged = HashSet::new();
        let mut has_stars = false;
        for record in &log.eps {
            match record {
                EpsKeyRecord::Nh(record) => {
                    let follows = of_chains.contains(&(record.ue, record.ncc, record.key.octets()));
                    if begun.contains(&record.ue) && !follows {
                        let detail = format!("NH of NCC {} of UE {} is not in its chain", record.ncc.get(), record.ue);
                        findings.find(FindingKind::KeyDerivation, &[], detail);
                    }
                    logged.insert(*record.key.octets());
                }
                EpsKeyRecord::KenbStar(record) => {
                    has_stars = true;
                    logged.insert(*record.key.octets());
                    let octets = record.key.octets();
                    if !stars.contains(octets) && !sent.contains(octets) {
                        let detail = format!(
                            "KeNB* of UE {} for cell {} follows from nothing, and was sent nowhere",
                            record.ue, record.cell
                        );
                        findings.find(FindingKind::KeyDerivation, &[], detail);
                    }
                }
                _ => {}
            }
        }
        for SentKey { frame, octets, what } in &self.sent {
            if chained.contains(octets) || stars.contains(octets) || logged.contains(octets) {
                continue;
            }
            if has_stars {
                let detail = format!("the {what} follows from nothing, and is not in the log");
                findings.find(FindingKind::KeyDerivation, &[*frame], detail);
            } else {
                findings.note(NoteKind::NotDerived, Some(*frame), format!("what the {what} is made of is not known"));
            }
        }
        if self.full {
            let detail = format!("{MAX_HANDOVERS} keys of handovers are remembered, there are more");
            findings.note(NoteKind::Limit, None, detail);
        }
    }

    fn judge_kenb(&self, keys: &Keys, record: &KenbRecord, before: &Before, findings: &mut Findings) {
        let place = (record.cell, record.c_rnti);
        let commanded = self.commanded.get(&place).map_or(&[][..], Vec::as_slice);
        let commanded: Vec<&Commanded> = commanded.iter().filter(|commanded| commanded.ue == record.ue).collect();
        let prepared = self.prepared.get(&place).map_or(&[][..], Vec::as_slice);
        let of_ue = commanded.iter().any(|commanded| commanded.kenb == record.key);
        let of_enb = prepared.iter().any(|(_, kenb)| *kenb == record.key);
        let (known, follows) = match record.holder {
            KenbHolder::Ue => (!commanded.is_empty(), of_ue),
            KenbHolder::Enb => (!prepared.is_empty(), of_enb),
            KenbHolder::Both => {
                // Both sides lead to it, as far as they are known.
                let known = !commanded.is_empty() || !prepared.is_empty();
                (known, (of_ue || commanded.is_empty()) && (of_enb || prepared.is_empty()))
            }
        };
        // It may have come back, to the cell it was the key of before.
        let again = before.kenbs.contains(&(record.ue, record.cell, *record.key.octets()));
        let mut kasmes = keys.subscribers.iter().filter(|known| known.ue == record.ue).peekable();
        let derivable = kasmes.peek().is_some();
        let first = kasmes.any(|known| known.first_kenbs().any(|kenb| kenb == record.key));
        if follows && known || again || first {
            return;
        }
        let (ue_id, ue, cell) = (record.ue_id, record.ue, record.cell);
        if known {
            let frames =
                commanded.iter().map(|commanded| commanded.frame).chain(prepared.iter().map(|(frame, _)| *frame));
            let frames: Vec<u64> = frames.collect();
            let detail =
                format!("KeNB of key epoch {ue_id} (UE {ue} in cell {cell}) is not what follows from the handover");
            findings.find(FindingKind::KeyDerivation, &frames, detail);
            return;
        }
        if derivable && !before.ues.contains(&ue) {
            let detail = format!(
                "KeNB of key epoch {ue_id} (UE {ue} in cell {cell}) does not follow from its KASME and an uplink NAS COUNT below {FIRST_COUNTS}"
            );
            findings.find(FindingKind::KeyDerivation, &[], detail);
        } else {
            let detail =
                format!("the capture does not say what KeNB of key epoch {ue_id} (UE {ue} in cell {cell}) is made of");
            findings.note(NoteKind::NotDerived, None, detail);
        }
    }

    /// Every KeNB* that follows from KeNBs, NHs and PARAs that are known.
    fn derivable_stars(&self, keys: &Keys, log: &KeyLog, next_hops: &[(Imsi, u32, [u8; 32])]) -> HashSet<[u8; 32]> {
        let mut stars = self.stars.clone();
        let logged = log.eps.iter().filter_map(|record| match record {
            EpsKeyRecord::Kenb(record) => Some((record.ue, record.key.clone())),
            _ => None,
        });
        let learnt = keys.epochs.values().filter_map(|epoch| Some((epoch.ue, epoch.kenb.clone()?)));
        let commanded = self.commanded.values().flatten().map(|commanded| (commanded.ue, commanded.kenb.clone()));
        let kenbs: HashSet<(Imsi, [u8; 32])> =
            logged.chain(learnt).chain(commanded).map(|(ue, kenb)| (ue, *kenb.octets())).collect();
        if !keys.is_standard() {
            stars.extend(kenbs.iter().map(|(_, kenb)| *keys.functions().chained(&Kenb::from_octets(*kenb)).octets()));
            return stars;
        }
        let next_hops = next_hops.iter().map(|(_, _, nh)| nh);
        for key in kenbs.iter().map(|(_, kenb)| kenb).chain(next_hops) {
            for cell in keys.cells.values() {
                if stars.len() >= MAX_HANDOVERS {
                    return stars;
                }
                let kenb = horizontal(&Kenb::from_octets(*key), cell.cell.get(), cell.earfcn.get());
                stars.insert(*kenb.octets());
            }
        }
        stars
    }
}

/// The NHs of every UE, as far as its handovers can have come, with their NCC counted on.
fn next_hops(keys: &mut Keys, log: &KeyLog) -> Vec<(Imsi, u32, [u8; 32])> {
    // Handovers that failed have taken some, too.
    const MORE: usize = 16;
    let mut steps: BTreeMap<Imsi, usize> = BTreeMap::new();
    for record in &log.eps {
        if let EpsKeyRecord::Nh(_) | EpsKeyRecord::Kenb(_) = record {
            let ue = match record {
                EpsKeyRecord::Nh(record) => record.ue,
                EpsKeyRecord::Kenb(record) => record.ue,
                _ => continue,
            };
            *steps.entry(ue).or_default() += 1;
        }
    }
    for epoch in keys.epochs.values() {
        *steps.entry(epoch.ue).or_default() += 1;
    }
    let mut next_hops = Vec::new();
    for root in &mut keys.roots {
        let steps = steps.get(&root.ue).copied().unwrap_or_default().saturating_mul(2).saturating_add(MORE);
        for ncc in 1..=u32::try_from(steps).unwrap_or(u32::MAX) {
            if next_hops.len() >= MAX_HANDOVERS {
                return next_hops;
            }
            let Some(nh) = root.next_hop(ncc) else { break };
            next_hops.push((root.ue, ncc, *nh.octets()));
        }
    }
    next_hops
}

/// A request over X2 that is not answered yet.
#[derive(Clone, Debug)]
pub struct Requested {
    /// Its frame.
    pub frame: u64,
    /// The key that it brought.
    pub key: [u8; 32],
}

/// The requests to targets that wait for their answers.
#[derive(Debug, Default)]
pub struct Requests {
    /// Over X2: by source, target, and what the source calls the UE.
    pub x2: BTreeMap<(Ipv4Addr, Ipv4Addr, u16), Requested>,
    /// Over S1: by MME, target, and what the MME calls the UE.
    pub s1: BTreeMap<(Ipv4Addr, Ipv4Addr, u32), Requested>,
}
