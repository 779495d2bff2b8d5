//! The records of an EPS run: how keys are derived in it, its cells, and the keys from KASME down to those of the algorithms.

use super::Validity;
use super::enterprise::EnterpriseRecord;
use crate::eps::identifiers::{Earfcn, Imsi, Pci};
use crate::eps::keys::{AlgorithmKey, CkIk, Kasme, Kenb, KenbStar, LinkSecret, Nh};
use crate::eps::parameters::{AlgorithmId, Ncc};
use crate::eps::security::HandoverDerivation;
use crate::eps::security::key_transport::{KeyTransport, PrivateKey, TrustAnchor, VerifyingKey};
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

/// What becomes of the key between UE and UPE in a handover (seed 001).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpKeyPolicy {
    /// It stays, and COUNT goes on.
    Same,
    /// The MME makes another.
    Update,
}

/// What keys are made of when a UE goes between UTRAN and E-UTRAN (seed 001).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMapping {
    /// The seed, with nothing fresh: of the keys and the identity of the target.
    TargetId,
    /// The seed, with a fresh number besides.
    TargetIdFresh,
    /// The standard: of the keys and a nonce, or NAS COUNT.
    Nonce,
}

/// `TRANSFER`: how security contexts get from node to node. A log without it is one of a network without UPEs and without UTRAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferRecord {
    /// Whether user packets are ciphered between UE and UPE, and pass eNBs unopened.
    pub upe: bool,
    /// What becomes of the key between them.
    pub up_keys: UpKeyPolicy,
    /// What keys of the other system are made of.
    pub mapping: KeyMapping,
}

/// Who held a key that a UE has in common with a UPE, or with the nodes of UTRAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHolder {
    /// The UE alone.
    Ue,
    /// The network alone.
    Network,
    /// Both.
    Both,
}

/// `UP_KEY`: the key of user packets between UE and UPE, KUP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpKeyRecord {
    /// The UE.
    pub ue: Imsi,
    /// The ciphering algorithm.
    pub algorithm: AlgorithmId,
    /// Who held it.
    pub holder: KeyHolder,
    /// When it was in use.
    pub validity: Validity,
    /// The key, 16 octets.
    pub key: AlgorithmKey,
}

/// `CK_IK`: CK and IK, in use in a cell of UTRAN or held in the core network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CkIkRecord {
    /// The UE.
    pub ue: Imsi,
    /// The cell of UTRAN; none for keys that a node of the core network holds.
    pub cell: Option<Pci>,
    /// Who held them.
    pub holder: KeyHolder,
    /// When they were in use.
    pub validity: Validity,
    /// CK, then IK, 32 octets.
    pub key: CkIk,
}

/// `LINK_KEY`: what protects one direction of a link of the core network (RFC 4303, RFC 4106).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkKeyRecord {
    /// The name of the node that sends.
    pub sender: String,
    /// The name of the node that receives.
    pub receiver: String,
    /// Security parameters index, 4 octets.
    pub spi: u32,
    /// The key of AES-128-GCM (16 octets), then the salt (4 octets).
    pub key: LinkSecret,
}

/// How the network shows that a security mode command is its own, where KASMEtemp is encrypted (seed 003).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandProof {
    /// It does not.
    Unsigned,
    /// By a signature with a key that MEs know: [`NetworkKeyRecord`].
    Pinned,
    /// By a signature, and a certificate by one of [`TrustRecord`].
    Certified,
}

/// `PARLOS`: what MEs and MMEs have agreed on for attaches for restricted local operator services. A log has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParlosRecord {
    /// By what KASMEtemp is encrypted; none: null algorithms and no key.
    pub transport: Option<KeyTransport>,
    /// Whether MMEs encrypt to keys only that a certificate vouches for.
    pub certificates: bool,
    /// How the network shows itself.
    pub network: CommandProof,
    /// Whether the MME sends a key too, and the ME gives a part of KASMEtemp.
    pub mme_key: bool,
    /// Whether commands have a hash of the attach request.
    pub hash: bool,
    /// What the certificate of the MME is made out to.
    pub mme_name: Option<String>,
}

/// `TRUST`: who is trusted to vouch for keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRecord {
    /// The name and the key: 33 octets on P-256, compressed.
    pub anchor: TrustAnchor,
}

/// `NETWORK_KEY`: the key that MEs know the network by, 33 octets on P-256, compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkKeyRecord {
    /// The key.
    pub key: VerifyingKey,
}

/// `KEY_PAIR`: the private key of an ME, or of an MME for one attach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPairRecord {
    /// The UE.
    pub ue: Imsi,
    /// Whose it is: the UE's or the network's.
    pub holder: KeyHolder,
    /// When it was in use.
    pub validity: Validity,
    /// The key: 32 octets of a scalar, or the two primes of RSA, 128 each.
    pub key: PrivateKey,
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
    /// `TRANSFER`.
    Transfer(TransferRecord),
    /// `UP_KEY`.
    UpKey(UpKeyRecord),
    /// `CK_IK`.
    CkIk(CkIkRecord),
    /// `LINK_KEY`.
    LinkKey(LinkKeyRecord),
    /// `E2M`, `AKA_KEYS`, `E2M_INT_KEY` or `E2M_KEY`.
    Enterprise(EnterpriseRecord),
    /// `PARLOS`.
    Parlos(ParlosRecord),
    /// `TRUST`.
    Trust(TrustRecord),
    /// `NETWORK_KEY`.
    NetworkKey(NetworkKeyRecord),
    /// `KEY_PAIR`.
    KeyPair(KeyPairRecord),
}

impl EpsKeyRecord {
    /// When the key was in use; always, of what is no key of a UE.
    #[must_use]
    pub fn validity(&self) -> Validity {
        match self {
            Self::Derivation(_)
            | Self::Cell(_)
            | Self::Transfer(_)
            | Self::LinkKey(_)
            | Self::Parlos(_)
            | Self::Trust(_)
            | Self::NetworkKey(_) => Validity::default(),
            Self::KeyPair(record) => record.validity,
            Self::Kasme(record) => record.validity,
            Self::Nas(record) => record.validity,
            Self::Nh(record) => record.validity,
            Self::KenbStar(record) => record.validity,
            Self::Kenb(record) => record.validity,
            Self::As(record) => record.validity,
            Self::UpKey(record) => record.validity,
            Self::CkIk(record) => record.validity,
            Self::Enterprise(record) => record.validity(),
        }
    }

    /// Opens the record again or closes it: a writer learns the end of a key's use only later. What is no key of a UE
    /// stays as it is.
    pub fn set_until(&mut self, until: Option<VirtualTime>) {
        let validity = match self {
            Self::Derivation(_)
            | Self::Cell(_)
            | Self::Transfer(_)
            | Self::LinkKey(_)
            | Self::Parlos(_)
            | Self::Trust(_)
            | Self::NetworkKey(_) => return,
            Self::KeyPair(record) => &mut record.validity,
            Self::Kasme(record) => &mut record.validity,
            Self::Nas(record) => &mut record.validity,
            Self::Nh(record) => &mut record.validity,
            Self::KenbStar(record) => &mut record.validity,
            Self::Kenb(record) => &mut record.validity,
            Self::As(record) => &mut record.validity,
            Self::UpKey(record) => &mut record.validity,
            Self::CkIk(record) => &mut record.validity,
            Self::Enterprise(record) => match record.validity_mut() {
                Some(validity) => validity,
                None => return,
            },
        };
        validity.until = until;
    }
}
