//! What messages say of security and computations take, and what is no key: algorithms, directions, NCC, INDICATION and PARA.
//!
//! [`wire`](super::wire) puts them into octets, [`security`](super::security) computes with them.

use super::identifiers::{GlobalEnbId, Plmn};

/// An algorithm by its identity, 4 bits on the wire: the same number for ciphering (EEA) and integrity (EIA).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlgorithmId {
    /// EEA0 or EIA0: nothing is done.
    Null = 0,
    /// 128-EEA1 or 128-EIA1, with SNOW 3G: in E-UTRAN named, not computed here.
    Snow3g = 1,
    /// 128-EEA2 or 128-EIA2, with AES.
    Aes = 2,
    /// 128-EEA3 or 128-EIA3, with ZUC: named, not computed here.
    Zuc = 3,
}

impl AlgorithmId {
    /// The algorithm with this identity.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Null),
            1 => Some(Self::Snow3g),
            2 => Some(Self::Aes),
            3 => Some(Self::Zuc),
            _ => None,
        }
    }
}

/// The direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkDirection {
    /// From the UE, bit 0.
    Uplink = 0,
    /// To the UE, bit 1.
    Downlink = 1,
}

/// A ciphering and an integrity algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithms {
    /// Ciphering.
    pub ciphering: AlgorithmId,
    /// Integrity.
    pub integrity: AlgorithmId,
}

impl Algorithms {
    /// 128-EEA2 and 128-EIA2.
    pub const AES: Self = Self { ciphering: AlgorithmId::Aes, integrity: AlgorithmId::Aes };

    /// Whether NAS security takes them: ciphering with 128-EEA2 or none, integrity with 128-EIA2, of those that are computed here.
    #[must_use]
    pub const fn are_for_nas(self) -> bool {
        matches!(self.ciphering, AlgorithmId::Null | AlgorithmId::Aes) && matches!(self.integrity, AlgorithmId::Aes)
    }
}

/// The access network whose authentication a security context goes back to: how far it can be trusted (`eps-systems.md` 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// GSM AKA: keys of 64 bits, and a network that does not prove who it is.
    Gsm,
    /// UMTS AKA: CK and IK of 128 bits each.
    Umts,
    /// EPS AKA: KASME, bound to the serving network.
    Lte,
}

impl Origin {
    /// That of a number, as private extensions have it: 0 to 2, in the order above.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Gsm),
            1 => Some(Self::Umts),
            2 => Some(Self::Lte),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gsm => "gsm",
            Self::Umts => "umts",
            Self::Lte => "lte",
        }
    }

    /// Bits that have to be guessed to have the keys: what its weakest link has.
    #[must_use]
    pub const fn strength_bits(self) -> u32 {
        match self {
            Self::Gsm => 64,
            Self::Umts | Self::Lte => 128,
        }
    }
}

/// NCC as it stands in a message, 3 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ncc(u8);

impl Ncc {
    /// The low 3 bits of `value`.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self((value & 7) as u8)
    }

    /// The value, 0 to 7.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Most octets of PARA.
pub const MAX_PARA: usize = 64;

/// INDICATION: who made KeNB*, 1 octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Indication {
    /// The source eNB, from its KeNB.
    SourceEnb = 0,
    /// The MME, from KASME and PARA.
    Mme = 1,
}

/// INDICATION and PARA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverParameters {
    /// Who made KeNB*.
    pub indication: Indication,
    /// PARA, at most [`MAX_PARA`] octets; none if the source eNB made KeNB*.
    pub para: Vec<u8>,
}

/// Octets of a fresh number in keys between systems.
pub const FRESH_OCTETS: usize = 16;

/// The target of a handover between systems, as it goes into keys \[choice\].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetIdentity {
    /// An eNB: PLMN, then its identity in 3 octets, of which 20 bits are used.
    Enb(GlobalEnbId),
    /// A cell of UTRAN: PLMN, then its identity in 4 octets, of which 28 bits are used.
    UtranCell(Plmn, u32),
}

impl TargetIdentity {
    /// Its octets: 6 of an eNB, 7 of a cell of UTRAN.
    #[must_use]
    pub fn octets(self) -> Vec<u8> {
        match self {
            Self::Enb(GlobalEnbId { plmn, enb }) => [&plmn.0[..], &enb.get().to_be_bytes()[1..]].concat(),
            Self::UtranCell(plmn, cell) => [&plmn.0[..], &cell.to_be_bytes()].concat(),
        }
    }
}

/// A target, and a fresh number if one goes into the keys too: what the UE has to be told to find the same keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetInput {
    /// The target.
    pub target: TargetIdentity,
    /// The fresh number.
    pub fresh: Option<[u8; FRESH_OCTETS]>,
}

/// What an RRC message of UTRAN carries of its integrity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntegrityCheck {
    /// Message authentication code, 4 octets.
    pub mac: [u8; 4],
    /// RRC message sequence number, 4 bits.
    pub sequence_number: u8,
}
