//! The records of an EPS run: how keys are derived in it, its cells, and the keys from KASME down to those of the algorithms.

use super::Validity;
use crate::eps::identifiers::{Earfcn, Imsi, Pci};
use crate::eps::keys::{AlgorithmKey, Kasme, Kenb, KenbStar, Nh};
use crate::eps::parameters::{AlgorithmId, Ncc};
use crate::eps::security::HandoverDerivation;
use crate::time::VirtualTime;

/// Whose key derivation on handover a network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySystem {
    /// That of the contribution: KeNB* of KeNB or of KASME and PARA, then KeNB of KeNB* and C-RNTI.
    Contribution,
    /// That of TS 33.401: NH, NCC and the target cell.
    Standard,
}

/// With how many bits C-RNTI goes into keys. On the air it always has 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CRntiBits {
    /// 16.
    Sixteen,
    /// 32, the upper ones 0.
    ThirtyTwo,
}

/// `DERIVATION`: how the keys of a handover are derived. A log has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DerivationRecord {
    /// Whose derivation.
    pub system: KeySystem,
    /// The functions of the contribution.
    pub derivation: HandoverDerivation,
    /// The width of C-RNTI in them.
    pub c_rnti_bits: CRntiBits,
}

/// `CELL`: a cell, whose it is, and what of it goes into keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellRecord {
    /// Physical cell identity, by which other records name the cell.
    pub cell: Pci,
    /// The name of its eNB.
    pub enb: String,
    /// The name of the MME that serves the eNB.
    pub mme: String,
    /// Its downlink carrier.
    pub earfcn: Earfcn,
    /// The security group of its eNB.
    pub group: u32,
}

/// `KASME`: what authentication left at UE and MME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KasmeRecord {
    /// The UE.
    pub ue: Imsi,
    /// When it was in use.
    pub validity: Validity,
    /// The key, 32 octets.
    pub key: Kasme,
}

/// What a key of NAS is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NasKeyUse {
    /// Ciphering, KNASenc.
    Ciphering,
    /// Integrity, KNASint.
    Integrity,
}

impl NasKeyUse {
    /// What a key of this use is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ciphering => "KNASenc",
            Self::Integrity => "KNASint",
        }
    }
}

/// `NAS_ENC` or `NAS_INT`: a key between UE and MME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NasKeyRecord {
    /// What it is for.
    pub key_use: NasKeyUse,
    /// The UE.
    pub ue: Imsi,
    /// The algorithm.
    pub algorithm: AlgorithmId,
    /// When it was in use.
    pub validity: Validity,
    /// The key, 16 octets.
    pub key: AlgorithmKey,
}

/// `NH`: a next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NhRecord {
    /// The UE.
    pub ue: Imsi,
    /// Its NCC.
    pub ncc: Ncc,
    /// When it was in use.
    pub validity: Validity,
    /// The key, 32 octets.
    pub key: Nh,
}

/// `KENB_STAR`: a KeNB*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KenbStarRecord {
    /// The UE.
    pub ue: Imsi,
    /// The target cell.
    pub cell: Pci,
    /// When it was in use.
    pub validity: Validity,
    /// The key, 32 octets.
    pub key: KenbStar,
}

/// Who held a KeNB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KenbHolder {
    /// The UE alone.
    Ue,
    /// The eNB alone.
    Enb,
    /// Both.
    Both,
}

/// `KENB`: a KeNB with what is in use with it. Its number names the AS keys made of it, and the frames under them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KenbRecord {
    /// The UE.
    pub ue: Imsi,
    /// The cell.
    pub cell: Pci,
    /// What the cell calls the UE, as it is said on the air.
    pub c_rnti: u16,
    /// Number of the key epoch: what the radio frames under this KeNB have in tag 03, 1 at least.
    pub ue_id: u16,
    /// NCC that it was derived with.
    pub ncc: Ncc,
    /// Ciphering algorithm in use with it.
    pub ciphering: AlgorithmId,
    /// Integrity algorithm in use with it.
    pub integrity: AlgorithmId,
    /// Who held it.
    pub holder: KenbHolder,
    /// When it was in use.
    pub validity: Validity,
    /// The key, 32 octets.
    pub key: Kenb,
}

/// What a key of the access stratum is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AsKeyUse {
    /// Ciphering of RRC, KRRCenc.
    RrcCiphering,
    /// Integrity of RRC, KRRCint.
    RrcIntegrity,
    /// Ciphering of user packets, KUPenc.
    UserCiphering,
}

impl AsKeyUse {
    /// Every use.
    pub const ALL: [Self; 3] = [Self::RrcCiphering, Self::RrcIntegrity, Self::UserCiphering];

    /// What a key of this use is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RrcCiphering => "KRRCenc",
            Self::RrcIntegrity => "KRRCint",
            Self::UserCiphering => "KUPenc",
        }
    }
}

/// `RRC_ENC`, `RRC_INT` or `UP_ENC`: a key between UE and eNB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsKeyRecord {
    /// What it is for.
    pub key_use: AsKeyUse,
    /// The UE.
    pub ue: Imsi,
    /// The cell.
    pub cell: Pci,
    /// The key epoch of the KeNB that it is made of.
    pub ue_id: u16,
    /// The algorithm.
    pub algorithm: AlgorithmId,
    /// When it was in use.
    pub validity: Validity,
    /// The key, 16 octets.
    pub key: AlgorithmKey,
}

/// One line of a key log that holds something of an EPS run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EpsKeyRecord {
    /// `DERIVATION`.
    Derivation(DerivationRecord),
    /// `CELL`.
    Cell(CellRecord),
    /// `KASME`.
    Kasme(KasmeRecord),
    /// `NAS_ENC` or `NAS_INT`.
    Nas(NasKeyRecord),
    /// `NH`.
    Nh(NhRecord),
    /// `KENB_STAR`.
    KenbStar(KenbStarRecord),
    /// `KENB`.
    Kenb(KenbRecord),
    /// `RRC_ENC`, `RRC_INT` or `UP_ENC`.
    As(AsKeyRecord),
}

impl EpsKeyRecord {
    /// When the key was in use; always, of what is no key.
    #[must_use]
    pub fn validity(&self) -> Validity {
        match self {
            Self::Derivation(_) | Self::Cell(_) => Validity::default(),
            Self::Kasme(record) => record.validity,
            Self::Nas(record) => record.validity,
            Self::Nh(record) => record.validity,
            Self::KenbStar(record) => record.validity,
            Self::Kenb(record) => record.validity,
            Self::As(record) => record.validity,
        }
    }

    /// Opens the record again or closes it: a writer learns the end of a key's use only later. What is no key stays as it is.
    pub fn set_until(&mut self, until: Option<VirtualTime>) {
        let validity = match self {
            Self::Derivation(_) | Self::Cell(_) => return,
            Self::Kasme(record) => &mut record.validity,
            Self::Nas(record) => &mut record.validity,
            Self::Nh(record) => &mut record.validity,
            Self::KenbStar(record) => &mut record.validity,
            Self::Kenb(record) => &mut record.validity,
            Self::As(record) => &mut record.validity,
        };
        validity.until = until;
    }
}
