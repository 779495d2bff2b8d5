//! `[transfer]`, and the nodes that only a network with it has: `[[upe]]`, `[[sgsn]]`, `[[rnc]]`.

use std::collections::BTreeSet;

use super::network::{CIPHERING, MOST_ENBS, MOST_MMES, name, named, weaknesses};
use super::too_many;
use crate::eps::identifiers::Pci;
use crate::eps::node::{Arrival, ContextTransfer, Mapping, Relocation, UpKeys};
use crate::eps::parameters::AlgorithmId;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::Section;

/// Position of a UPE in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpeId(pub usize);
/// Position of an SGSN in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SgsnId(pub usize);
/// Position of an RNC in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RncId(pub usize);

/// A rule that a UPE does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpeWeakness {
    /// COUNT of the downlink begins at 0 again when a UE has come to another cell, under the key that it had.
    RestartsCount,
    /// A UE that was to go to another cell and stays has no context any more.
    GivesContextAway,
}

/// A user plane entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upe {
    /// Its name.
    pub name: String,
    /// The ciphering algorithm of user packets that it takes where it cannot keep that of the source.
    pub ciphering: AlgorithmId,
    /// Whether it can cipher with no other.
    pub only_own_algorithm: bool,
    /// How many UEs it has room for.
    pub most_ues: u16,
    /// The rules that it does not keep.
    pub weaknesses: BTreeSet<UpeWeakness>,
}

/// A rule that an SGSN does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SgsnWeakness {
    /// It hands contexts over without CK and IK.
    WithholdsKeys,
}

/// An SGSN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sgsn {
    /// Its name.
    pub name: String,
    /// The rules that it does not keep.
    pub weaknesses: BTreeSet<SgsnWeakness>,
}

/// An RNC with its cell of UTRAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rnc {
    /// Its name.
    pub name: String,
    /// What its cell is called on the air; no eNB has the same number.
    pub cell: Pci,
    /// Its SGSN.
    pub sgsn: SgsnId,
    /// How many UEs it has room for.
    pub most_ues: u16,
    /// Whether it has UEA2 and UIA2; without them it takes no UE.
    pub has_snow3g: bool,
}

/// How contexts get from node to node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// What the nodes have agreed on.
    pub agreed: ContextTransfer,
    /// Whether what MMEs and SGSNs say to each other is protected.
    pub protected_links: bool,
}

pub(super) const KEYS: &[&str] =
    &["arrival", "relocation", "up_keys", "mapping", "fresh", "carries_origin", "protected_links"];
pub(super) const UPE_KEYS: &[&str] = &["name", "ciphering", "only_own_algorithm", "most_ues", "weaknesses"];
pub(super) const SGSN_KEYS: &[&str] = &["name", "weaknesses"];
pub(super) const RNC_KEYS: &[&str] = &["name", "cell", "sgsn", "most_ues", "snow3g"];

/// The weaknesses by their words.
pub(super) const OF_UPE: [(&str, UpeWeakness); 2] =
    [("restarts-count", UpeWeakness::RestartsCount), ("gives-context-away", UpeWeakness::GivesContextAway)];

/// The weaknesses by their words.
pub(super) const OF_SGSN: [(&str, SgsnWeakness); 1] = [("withholds-keys", SgsnWeakness::WithholdsKeys)];

/// The words for how a UE gets to another MME.
pub const ARRIVALS: [(&str, Arrival); 3] = [
    ("handover", Arrival::Handover),
    ("context-request", Arrival::ContextRequest),
    ("authentication", Arrival::Authentication),
];
/// The words for what is done for the downlink.
pub const RELOCATIONS: [(&str, Relocation); 4] = [
    ("nothing", Relocation::Nothing),
    ("bi-casting", Relocation::BiCasting),
    ("forwarding", Relocation::Forwarding),
    ("both", Relocation::Both),
];

/// `[transfer]` of a script of that system.
pub(super) fn read(section: &Section<'_>) -> Read<Transfer> {
    let standard = section.read("mapping", false, |field| field.one_of(&[("target-id", false), ("nonce", true)]))?;
    if standard {
        section.refuse("fresh", "with mapping = \"nonce\", which is fresh always")?;
    }
    let fresh = section.read("fresh", true, |field| field.boolean())?;
    Ok(Transfer {
        agreed: ContextTransfer {
            upe: true,
            arrival: section.read("arrival", Arrival::default(), |field| field.one_of(&ARRIVALS))?,
            relocation: section.read("relocation", Relocation::default(), |field| field.one_of(&RELOCATIONS))?,
            up_keys: section.read("up_keys", UpKeys::default(), |field| {
                field.one_of(&[("same", UpKeys::Same), ("update", UpKeys::Update)])
            })?,
            mapping: if standard { Mapping::Nonce } else { Mapping::TargetId { fresh } },
            carries_origin: section.read("carries_origin", false, |field| field.boolean())?,
        },
        protected_links: section.read("protected_links", false, |field| field.boolean())?,
    })
}

/// The UPEs. A script without `[[upe]]` has one, `upe1`.
pub(super) fn upes(root: &Section<'_>, taken: &mut BTreeSet<String>) -> Read<Vec<Upe>> {
    let mut upes = Vec::new();
    for section in root.tables("upe", UPE_KEYS)? {
        if upes.len() >= MOST_MMES {
            return Err(too_many(&section, "upe", MOST_MMES));
        }
        upes.push(Upe {
            name: name(&section, taken)?,
            ciphering: section.read("ciphering", AlgorithmId::Aes, |field| field.one_of(&CIPHERING))?,
            only_own_algorithm: section.read("only_own_algorithm", false, |field| field.boolean())?,
            most_ues: section.read("most_ues", 256, |field| field.number(0..=256))?,
            weaknesses: weaknesses(&section, &OF_UPE)?,
        });
    }
    if upes.is_empty() {
        taken.insert("upe1".to_owned());
        let name = "upe1".to_owned();
        let weaknesses = BTreeSet::new();
        upes.push(Upe { name, ciphering: AlgorithmId::Aes, only_own_algorithm: false, most_ues: 256, weaknesses });
    }
    Ok(upes)
}

/// SGSNs and RNCs. A script with an RNC and without `[[sgsn]]` has one, `sgsn1`.
pub(super) fn utran(
    root: &Section<'_>,
    cells: &BTreeSet<u16>,
    taken: &mut BTreeSet<String>,
) -> Read<(Vec<Sgsn>, Vec<Rnc>)> {
    let mut sgsns = Vec::new();
    for section in root.tables("sgsn", SGSN_KEYS)? {
        if sgsns.len() >= MOST_MMES {
            return Err(too_many(&section, "sgsn", MOST_MMES));
        }
        sgsns.push(Sgsn { name: name(&section, taken)?, weaknesses: weaknesses(&section, &OF_SGSN)? });
    }
    let sections = root.tables("rnc", RNC_KEYS)?;
    if sgsns.is_empty() && (!sections.is_empty() || root.field("bss").is_some()) {
        taken.insert("sgsn1".to_owned());
        sgsns.push(Sgsn { name: "sgsn1".to_owned(), weaknesses: BTreeSet::new() });
    }
    let mut cells = cells.clone();
    let mut rncs = Vec::new();
    for section in sections {
        if rncs.len() >= MOST_ENBS {
            return Err(too_many(&section, "rnc", MOST_ENBS));
        }
        let name = name(&section, taken)?;
        let cell = match section.field("cell") {
            Some(field) => {
                let cell = field.number(Pci::FIRST.get()..=Pci::LAST.get())?;
                if cells.contains(&cell) {
                    return Err(field.mismatch("a number that no other cell has"));
                }
                cell
            }
            None => (1..=Pci::LAST.get()).rev().find(|cell| !cells.contains(cell)).unwrap_or(Pci::LAST.get()),
        };
        cells.insert(cell);
        let names = sgsns.iter().map(|sgsn| sgsn.name.as_str());
        let sgsn = section.read("sgsn", 0, |field| named(field, "the name of an SGSN", names.clone()))?;
        let most_ues = section.read("most_ues", 256, |field| field.number(0..=256))?;
        let has_snow3g = section.read("snow3g", true, |field| field.boolean())?;
        rncs.push(Rnc { name, cell: Pci::new(cell).unwrap_or(Pci::LAST), sgsn: SgsnId(sgsn), most_ues, has_snow3g });
    }
    Ok((sgsns, rncs))
}
