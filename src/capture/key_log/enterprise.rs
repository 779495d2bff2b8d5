//! The records of keys between UEs and end points in an enterprise (seed 004).

use super::Validity;
use super::eps::KeyHolder;
use crate::eps::identifiers::Imsi;
use crate::eps::identifiers::e2m::{EmseId, KeyIdentifier};
use crate::eps::keys::{CkIk, E2mIntKey, E2mKey};
use crate::eps::security::e2m_keys::E2mDerivation;

/// `AKA_KEYS`: a challenge, and CK and IK that came of it at the HSS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AkaKeysRecord {
    /// The UE.
    pub ue: Imsi,
    /// RAND.
    pub rand: [u8; 16],
    /// From when on there were these keys.
    pub validity: Validity,
    /// CK, then IK, 32 octets.
    pub key: CkIk,
}

/// `E2M_INT_KEY`: what UE and HSS make of CK and IK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct E2mIntKeyRecord {
    /// The UE.
    pub ue: Imsi,
    /// What it is called.
    pub identifier: KeyIdentifier,
    /// Who held it: the network is HSS and EMKS.
    pub holder: KeyHolder,
    /// From when on there was this key, until when the EMKS kept it.
    pub validity: Validity,
    /// The key, 32 octets.
    pub key: E2mIntKey,
}

/// `E2M_KEY`: the pre-shared key of a UE and an end point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct E2mKeyRecord {
    /// The UE.
    pub ue: Imsi,
    /// What the key is called that it is made of.
    pub identifier: KeyIdentifier,
    /// The end point.
    pub emse: EmseId,
    /// Who held it: the network is EMKS and EMSE.
    pub holder: KeyHolder,
    /// From when on there was this key.
    pub validity: Validity,
    /// The key, 32 octets.
    pub key: E2mKey,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnterpriseRecord {
    /// `E2M`: how these keys are derived, and what identifies them. A log has one.
    Settings(E2mDerivation),
    /// `AKA_KEYS`.
    AkaKeys(AkaKeysRecord),
    /// `E2M_INT_KEY`.
    IntKey(E2mIntKeyRecord),
    /// `E2M_KEY`.
    Key(E2mKeyRecord),
}

impl EnterpriseRecord {
    pub(super) fn validity(&self) -> Validity {
        match self {
            Self::Settings(_) => Validity::default(),
            Self::AkaKeys(record) => record.validity,
            Self::IntKey(record) => record.validity,
            Self::Key(record) => record.validity,
        }
    }

    pub(super) fn validity_mut(&mut self) -> Option<&mut Validity> {
        match self {
            Self::Settings(_) => None,
            Self::AkaKeys(record) => Some(&mut record.validity),
            Self::IntKey(record) => Some(&mut record.validity),
            Self::Key(record) => Some(&mut record.validity),
        }
    }
}
