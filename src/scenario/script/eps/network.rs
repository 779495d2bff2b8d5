//! `[[mme]]`, `[[enb]]`, `[[ue]]`: the nodes of the network.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::enterprise::{self, Bss, EndPoint, UserOfEnterprise};
use super::parlos::{self, CellOfRlos, MmeOfRlos, UeOfRlos};
use super::transfer::{self, Rnc, Sgsn, SgsnId, Upe, UpeId};
use super::{Network, too_many};
use crate::emulation::random;
use crate::eps::identifiers::{Imsi, Pci};
use crate::eps::keys::Kasme;
use crate::eps::parameters::AlgorithmId;
use crate::eps::parameters::{Algorithms, Origin};
use crate::scenario::eps::world;
use crate::scenario::script::header::{System, Title};
use crate::scenario::script::nearest::suggest;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};

/// Position of an MME in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MmeId(pub usize);
/// Position of an eNB in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnbId(pub usize);
/// Position of a UE in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UeId(pub usize);

/// Position of a base station, which has a cell: eNBs in the order of the script, then RNCs, then BSSs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StationId(pub usize);

/// A rule that an MME does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MmeWeakness {
    /// PARA is always the same.
    ConstantPara,
    /// The NAS COUNTs begin at 0 again when it takes a UE over.
    ResetsCounts,
    /// NONCE_MME is always the same.
    ConstantNonce,
    /// Where certificates are wanted, it takes the key of any, and keys without.
    IgnoresCertificates,
    /// It serves a UE that sends no key without protection.
    ServesWithoutKey,
    /// KASMEtemp is always the same.
    ConstantKasme,
}

/// A rule that an eNB does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EnbWeakness {
    /// It tells UEs the opposite of who made KeNB*.
    FlipsIndication,
    /// It asks for handovers over X2 also where the target is of another security group.
    TriesX2AcrossGroups,
    /// It takes them.
    AllowsX2AcrossGroups,
}

/// A rule that a UE does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UeWeakness {
    /// It takes NAS messages with a wrong MAC.
    IgnoresNasMac,
    /// It takes NAS messages again that it has had.
    IgnoresNasCount,
    /// NONCE_UE is always the same.
    ConstantNonce,
    /// It does not look at the capabilities that a security mode command for RLOS repeats.
    IgnoresCapabilities,
    /// It does not look at the hash of its attach request.
    IgnoresHash,
    /// It does not look at the signature of the network.
    IgnoresSignature,
    /// It takes the null algorithms though it has sent a key.
    TakesNull,
    /// It does not look at the tag of an encrypted KASMEtemp.
    IgnoresTag,
    /// It attaches to any network, whether it offers RLOS or not.
    AttachesAnywhere,
}

/// An MME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mme {
    /// Its name.
    pub name: String,
    /// The NAS algorithms that it wants.
    pub algorithms: Algorithms,
    /// What it is for RLOS.
    pub rlos: MmeOfRlos,
    /// Whether it authenticates a UE anew that has come with a context of GSM.
    pub renews_weak: bool,
    /// The rules that it does not keep.
    pub weaknesses: BTreeSet<MmeWeakness>,
}

/// An eNB with its cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enb {
    /// Its name.
    pub name: String,
    /// Physical cell identity.
    pub pci: Pci,
    /// Downlink carrier.
    pub earfcn: u32,
    /// Its security group.
    pub group: u32,
    /// What its cell is for RLOS.
    pub rlos: CellOfRlos,
    /// Its MME.
    pub mme: MmeId,
    /// The UPE that serves it, where there are UPEs.
    pub upe: UpeId,
    /// The AS algorithms that it takes where it cannot keep those of the source.
    pub algorithms: Algorithms,
    /// Whether it can cipher with no algorithm but its own.
    pub only_own_algorithms: bool,
    /// A broken random source: every UE gets this C-RNTI that can have it.
    pub constant_c_rnti: Option<u16>,
    /// How many UEs it has room for.
    pub most_ues: u16,
    /// The rules that it does not keep.
    pub weaknesses: BTreeSet<EnbWeakness>,
}

/// A UE.
#[derive(Clone, Debug, PartialEq)]
pub struct Ue {
    /// Its name.
    pub name: String,
    /// Who it is.
    pub imsi: Imsi,
    /// Address of its user traffic.
    pub ip: Ipv4Addr,
    /// The eNB or RNC where it is connected at the start.
    pub serving: StationId,
    /// KASME; of a UE that begins in UTRAN, nobody has it.
    pub kasme: Kasme,
    /// The authentication that its keys go back to: of UMTS or GSM where it begins in UTRAN.
    pub origin: Origin,
    /// What it is for RLOS.
    pub rlos: UeOfRlos,
    /// What it is to the enterprise, with `system = "e2m"`: it is switched off at the start then.
    pub enterprise: Option<UserOfEnterprise>,
    /// The rules that it does not keep.
    pub weaknesses: BTreeSet<UeWeakness>,
}

/// MMEs, eNBs and UEs in one script.
pub(super) const MOST_MMES: usize = 16;
pub(super) const MOST_ENBS: usize = 256;
const MOST_UES: usize = 256;

pub(super) const MME_KEYS: &[&str] = &["name", "ciphering", "integrity", "renews_weak", "weaknesses"];
pub(super) const ENB_KEYS: &[&str] = &[
    "name",
    "pci",
    "earfcn",
    "group",
    "mme",
    "upe",
    "ciphering",
    "integrity",
    "only_own_algorithms",
    "constant_c_rnti",
    "most_ues",
    "weaknesses",
];
pub(super) const UE_KEYS: &[&str] = &["name", "imsi", "ip", "serving", "kasme", "origin", "weaknesses"];

/// The algorithms that are computed.
pub(super) const CIPHERING: [(&str, AlgorithmId); 2] = [("eea2", AlgorithmId::Aes), ("eea0", AlgorithmId::Null)];
const INTEGRITY: [(&str, AlgorithmId); 2] = [("eia2", AlgorithmId::Aes), ("eia0", AlgorithmId::Null)];

pub(super) fn algorithms(section: &Section<'_>) -> Read<Algorithms> {
    Ok(Algorithms {
        ciphering: section.read("ciphering", AlgorithmId::Aes, |field| field.one_of(&CIPHERING))?,
        integrity: section.read("integrity", AlgorithmId::Aes, |field| field.one_of(&INTEGRITY))?,
    })
}

pub(super) fn weaknesses<T: Copy + Ord>(section: &Section<'_>, words: &[(&'static str, T)]) -> Read<BTreeSet<T>> {
    section.read("weaknesses", BTreeSet::new(), |field| {
        field.items("an array of weaknesses")?.iter().map(|field| field.one_of(words)).collect()
    })
}

/// The weaknesses by their words.
pub(super) const OF_MME: [(&str, MmeWeakness); 3] = [
    ("constant-para", MmeWeakness::ConstantPara),
    ("resets-counts", MmeWeakness::ResetsCounts),
    ("constant-nonce", MmeWeakness::ConstantNonce),
];
/// Those of an MME that offers RLOS.
pub(super) const OF_RLOS_MME: [(&str, MmeWeakness); 3] = [
    ("ignores-certificates", MmeWeakness::IgnoresCertificates),
    ("serves-without-key", MmeWeakness::ServesWithoutKey),
    ("constant-kasme", MmeWeakness::ConstantKasme),
];
/// The weaknesses by their words.
pub(super) const OF_ENB: [(&str, EnbWeakness); 3] = [
    ("flips-indication", EnbWeakness::FlipsIndication),
    ("tries-x2-across-groups", EnbWeakness::TriesX2AcrossGroups),
    ("allows-x2-across-groups", EnbWeakness::AllowsX2AcrossGroups),
];
/// The weaknesses by their words.
pub(super) const OF_UE: [(&str, UeWeakness); 3] = [
    ("ignores-nas-mac", UeWeakness::IgnoresNasMac),
    ("ignores-nas-count", UeWeakness::IgnoresNasCount),
    ("constant-nonce", UeWeakness::ConstantNonce),
];
/// Those of a UE that attaches for RLOS.
pub(super) const OF_RLOS_UE: [(&str, UeWeakness); 6] = [
    ("ignores-capabilities", UeWeakness::IgnoresCapabilities),
    ("ignores-hash", UeWeakness::IgnoresHash),
    ("ignores-signature", UeWeakness::IgnoresSignature),
    ("takes-null", UeWeakness::TakesNull),
    ("ignores-tag", UeWeakness::IgnoresTag),
    ("attaches-anywhere", UeWeakness::AttachesAnywhere),
];

impl Network<'_> {
    /// The weaknesses that MMEs may have.
    pub(super) fn of_mme(self) -> &'static [(&'static str, MmeWeakness)] {
        if self.is_parlos() { &OF_RLOS_MME } else { &OF_MME }
    }

    /// The weaknesses that UEs may have.
    pub(super) fn of_ue(self) -> &'static [(&'static str, UeWeakness)] {
        if self.is_parlos() { &OF_RLOS_UE } else { &OF_UE }
    }
}

/// A name that no other node has.
pub(super) fn name(section: &Section<'_>, taken: &mut BTreeSet<String>) -> Read<String> {
    let field = section.required("name", "a name")?;
    let name = field.name(32, false)?;
    if taken.insert(name.clone()) { Ok(name) } else { Err(field.mismatch("a name that no other node has")) }
}

/// The positions of things named `names` that `field` may name.
pub(super) fn named<'a>(
    field: &Field<'_>,
    expected: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Read<usize> {
    let text = field.text(expected)?;
    names.clone().position(|name| name == text).ok_or_else(|| suggest(field.mismatch(expected), text, names))
}

/// All nodes of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Nodes {
    /// The system that they make up.
    pub system: System,
    /// The MMEs, at least one.
    pub mmes: Vec<Mme>,
    /// The eNBs, at least one, each with one cell.
    pub enbs: Vec<Enb>,
    /// The UEs, at least one.
    pub ues: Vec<Ue>,
    /// The UPEs: at least one with `system = "context-transfer"`, else none.
    pub upes: Vec<Upe>,
    /// The SGSNs.
    pub sgsns: Vec<Sgsn>,
    /// The RNCs, each with one cell.
    pub rncs: Vec<Rnc>,
    /// The end points in the enterprise, with `system = "e2m"`.
    pub end_points: Vec<EndPoint>,
    /// The BSSs, each with one cell of GERAN.
    pub bsss: Vec<Bss>,
}

/// The nodes. A script without `[[mme]]` has one, `mme1`.
pub(super) fn read(root: &Section<'_>, title: &Title) -> Read<Nodes> {
    // Gateway and HSS are there without being named by the script.
    let mut taken = BTreeSet::from([world::gateway_name(title.system).to_owned(), world::HSS.to_owned()]);
    let transfer = title.system == System::ContextTransfer;
    let e2m = title.system == System::E2m;
    if e2m {
        taken.insert(world::EMKS.to_owned());
    }
    let mut mmes = Vec::new();
    let is_parlos = title.system == System::Parlos;
    let of_mme: &[_] = if is_parlos { &OF_RLOS_MME } else { &OF_MME };
    for section in root.tables("mme", &[MME_KEYS, parlos::MME_KEYS].concat())? {
        if mmes.len() >= MOST_MMES {
            return Err(too_many(&section, "mme", MOST_MMES));
        }
        let name = name(&section, &mut taken)?;
        if title.system != System::ContextTransfer {
            section.refuse("renews_weak", "without system = \"context-transfer\"")?;
        }
        mmes.push(Mme {
            name,
            algorithms: algorithms(&section)?,
            rlos: parlos::mme(&section, is_parlos)?,
            renews_weak: section.read("renews_weak", false, |field| field.boolean())?,
            weaknesses: weaknesses(&section, of_mme)?,
        });
    }
    if mmes.is_empty() {
        taken.insert("mme1".to_owned());
        mmes.push(Mme {
            name: "mme1".to_owned(),
            algorithms: Algorithms::AES,
            rlos: MmeOfRlos::default(),
            renews_weak: false,
            weaknesses: BTreeSet::new(),
        });
    }
    let upes = if transfer { transfer::upes(root, &mut taken)? } else { Vec::new() };
    let enbs = enbs(root, (&mmes, &upes), is_parlos, &mut taken)?;
    let cells = enbs.iter().map(|enb| enb.pci.get()).collect();
    let (sgsns, rncs) = transfer::utran(root, &cells, &mut taken)?;
    let end_points = if e2m { enterprise::end_points(root, &mut taken)? } else { Vec::new() };
    let cells = enbs.iter().map(|enb| enb.pci.get()).chain(rncs.iter().map(|rnc| rnc.cell.get())).collect();
    let bsss = if e2m { enterprise::bsss(root, &sgsns, &cells, &mut taken)? } else { Vec::new() };
    let nodes = Nodes { system: title.system, mmes, enbs, ues: Vec::new(), upes, sgsns, rncs, end_points, bsss };
    let ues = ues(root, &nodes, title.seed, &mut taken)?;
    Ok(Nodes { ues, ..nodes })
}

fn enbs(
    root: &Section<'_>,
    (mmes, upes): (&[Mme], &[Upe]),
    is_parlos: bool,
    taken: &mut BTreeSet<String>,
) -> Read<Vec<Enb>> {
    // Where there are end points in an enterprise, UTRAN or GERAN alone will do.
    if root.field("rnc").is_none() && root.field("bss").is_none() {
        root.required("enb", "at least one [[enb]]")?;
    }
    let mut enbs: Vec<Enb> = Vec::new();
    for section in root.tables("enb", &[ENB_KEYS, parlos::ENB_KEYS].concat())? {
        if enbs.len() >= MOST_ENBS {
            return Err(too_many(&section, "enb", MOST_ENBS));
        }
        let position = enbs.len();
        let name = name(&section, taken)?;
        let pci = match section.field("pci") {
            Some(field) => {
                let pci = field.number(Pci::FIRST.get()..=Pci::LAST.get())?;
                if enbs.iter().any(|other| other.pci.get() == pci) {
                    return Err(field.mismatch("a cell identity that no other eNB has"));
                }
                pci
            }
            None => (1..=Pci::LAST.get())
                .find(|pci| enbs.iter().all(|other| other.pci.get() != *pci))
                .unwrap_or(position as u16),
        };
        let mme = section
            .read("mme", 0, |field| named(field, "the name of an MME", mmes.iter().map(|mme| mme.name.as_str())))?;
        let upe = section
            .read("upe", 0, |field| named(field, "the name of a UPE", upes.iter().map(|upe| upe.name.as_str())))?;
        enbs.push(Enb {
            name,
            pci: Pci::new(pci).unwrap_or(Pci::FIRST),
            earfcn: section.read("earfcn", 1_850, |field| field.number(0..=262_143))?,
            group: section.read("group", 1, |field| field.number(1..=u32::from(u16::MAX)))?,
            rlos: parlos::enb(&section, is_parlos)?,
            mme: MmeId(mme),
            upe: UpeId(upe),
            algorithms: algorithms(&section)?,
            only_own_algorithms: section.read("only_own_algorithms", false, |field| field.boolean())?,
            constant_c_rnti: section.field("constant_c_rnti").map(|field| field.number(0x003d..=0xfff3)).transpose()?,
            most_ues: section.read("most_ues", 256, |field| field.number(0..=256))?,
            weaknesses: weaknesses(&section, &OF_ENB)?,
        });
    }
    Ok(enbs)
}

fn ues(root: &Section<'_>, nodes: &Nodes, seed: u64, taken: &mut BTreeSet<String>) -> Read<Vec<Ue>> {
    root.required("ue", "at least one [[ue]]")?;
    let mut ues: Vec<Ue> = Vec::new();
    let (is_parlos, e2m) = (nodes.system == System::Parlos, nodes.system == System::E2m);
    let of_enterprise = if e2m { enterprise::UE_KEYS } else { &[] };
    for section in root.tables("ue", &[UE_KEYS, parlos::UE_KEYS, of_enterprise].concat())? {
        if ues.len() >= MOST_UES {
            return Err(too_many(&section, "ue", MOST_UES));
        }
        let name = name(&section, taken)?;
        let imsi: Imsi = section.required("imsi", "an IMSI")?.parsed("an IMSI, 6 to 15 digits")?;
        if ues.iter().any(|other| other.imsi == imsi) {
            return Err(section.required("imsi", "an IMSI")?.mismatch("an IMSI that no other UE has"));
        }
        let rlos = parlos::ue(&section, is_parlos)?;
        let serving = match section.field("serving") {
            // It is off.
            None if is_parlos => StationId(0),
            _ => nodes.network().station(&section.required("serving", "the eNB where it is connected")?)?,
        };
        if e2m {
            for key in ["kasme", "origin", "weaknesses"] {
                section.refuse(key, "with system = \"e2m\"")?;
            }
        }
        let origin = if e2m {
            Origin::Lte
        } else if nodes.rnc(serving).is_some() {
            section.refuse("kasme", "of a UE that begins in UTRAN")?;
            section
                .read("origin", Origin::Umts, |field| field.one_of(&[("umts", Origin::Umts), ("gsm", Origin::Gsm)]))?
        } else {
            section.refuse("origin", "of a UE that begins in E-UTRAN")?;
            Origin::Lte
        };
        let kasme = match section.field("kasme") {
            Some(field) => kasme(&field)?,
            None => {
                let mut octets = [0; 32];
                rand_core::Rng::fill_bytes(&mut random::generator(seed, &format!("kasme of {name}")), &mut octets);
                Kasme::from_octets(octets)
            }
        };
        ues.push(Ue {
            ip: section.required("ip", "an IPv4 address")?.parsed("an IPv4 address")?,
            imsi,
            serving,
            kasme,
            origin,
            rlos,
            enterprise: e2m.then(|| enterprise::user(&section, &name)).transpose()?,
            weaknesses: weaknesses(&section, nodes.network().of_ue())?,
            name,
        });
    }
    Ok(ues)
}

fn kasme(field: &Field<'_>) -> Read<Kasme> {
    let expected = "KASME, 64 hex digits";
    let text = field.text(expected)?;
    let mut octets = [0; 32];
    let digits = text.len() == 64 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
    for (octet, place) in octets.iter_mut().zip((0..).step_by(2)) {
        let pair = text.get(place..place + 2).filter(|_| digits);
        *octet = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(|| field.mismatch(expected))?;
    }
    Ok(Kasme::from_octets(octets))
}

impl Nodes {
    /// Them, where their names are read.
    pub(super) fn network(&self) -> Network<'_> {
        Network(self)
    }

    /// The RNC that a station is; none if it is an eNB.
    #[must_use]
    pub fn rnc(&self, StationId(station): StationId) -> Option<&Rnc> {
        self.rncs.get(station.checked_sub(self.enbs.len())?)
    }

    /// The BSS that a station is; none if it is an eNB or an RNC.
    #[must_use]
    pub fn bss(&self, StationId(station): StationId) -> Option<&Bss> {
        self.bsss.get(station.checked_sub(self.enbs.len() + self.rncs.len())?)
    }

    /// The SGSN of a station; none if it is an eNB.
    #[must_use]
    pub fn sgsn_of(&self, station: StationId) -> Option<SgsnId> {
        self.rnc(station).map(|rnc| rnc.sgsn).or_else(|| self.bss(station).map(|bss| bss.sgsn))
    }

    /// The name of a station.
    #[must_use]
    pub fn station_name(&self, station: StationId) -> &str {
        let rnc = self.rnc(station).map(|rnc| rnc.name.as_str());
        let bss = self.bss(station).map(|bss| bss.name.as_str());
        rnc.or(bss).or_else(|| self.enbs.get(station.0).map(|enb| enb.name.as_str())).unwrap_or_default()
    }
}

impl Network<'_> {
    /// Whether its phones attach for RLOS.
    pub(super) fn is_parlos(self) -> bool {
        self.0.system == System::Parlos
    }

    /// The UE that `ue` of a section names, or the only one.
    pub(super) fn ue(self, section: &Section<'_>) -> Read<UeId> {
        match section.field("ue") {
            Some(field) => self.named_ue(&field),
            None if self.0.ues.len() == 1 => Ok(UeId(0)),
            None => self.named_ue(&section.required("ue", "the name of a UE, because there are several")?),
        }
    }

    /// The UE that `field` names.
    pub(super) fn named_ue(self, field: &Field<'_>) -> Read<UeId> {
        named(field, "the name of a UE", self.0.ues.iter().map(|ue| ue.name.as_str())).map(UeId)
    }

    /// The eNB that `field` names.
    pub(super) fn enb(self, field: &Field<'_>) -> Read<EnbId> {
        named(field, "the name of an eNB", self.0.enbs.iter().map(|enb| enb.name.as_str())).map(EnbId)
    }

    /// The eNB or RNC that `field` names.
    pub(super) fn station(self, field: &Field<'_>) -> Read<StationId> {
        let enbs = self.0.enbs.iter().map(|enb| enb.name.as_str());
        let rncs = self.0.rncs.iter().map(|rnc| rnc.name.as_str());
        let names = enbs.chain(rncs).chain(self.0.bsss.iter().map(|bss| bss.name.as_str()));
        let expected = if self.0.rncs.is_empty() { "the name of an eNB" } else { "the name of an eNB or RNC" };
        named(field, expected, names).map(StationId)
    }
}
