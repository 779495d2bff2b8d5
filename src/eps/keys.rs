//! One type for each key of the EPS hierarchy (TS 33.401 clause 6.2), and the key between UE and UPE with what names it (seed 001).

use super::parameters::AlgorithmId;
use crate::secret_key::secret_key;

secret_key! {
    /// KASME, 32 octets: what authentication leaves at UE and MME.
    Kasme, 32
}

secret_key! {
    /// K, 16 octets: what a USIM and the HSS share for good; nothing else has it.
    SubscriberKey, 16
}

secret_key! {
    /// OPc, 16 octets: the operator's variant of Milenage for one K (TS 35.206 clause 4.1).
    OperatorKey, 16
}

secret_key! {
    /// KeNB, 32 octets: the key of a UE at its eNB; the AS keys are made of it.
    Kenb, 32
}

secret_key! {
    /// KeNB*, 32 octets: on its way to a target eNB, not yet bound to what the target chooses.
    KenbStar, 32
}

secret_key! {
    /// Next hop, 32 octets: the input of a handover that the source eNB does not know beforehand.
    Nh, 32
}

secret_key! {
    /// CK, then IK, 32 octets: what authentication leaves at UE and SGSN, and an RNC gets.
    CkIk, 32
}

secret_key! {
    /// What protects one direction of a link of the core network, 20 octets: a key of AES-128, then the salt of 4 (RFC 4106).
    LinkSecret, 20
}

secret_key! {
    /// KUPE, 32 octets: the key of a UE at its UPE; KUP is made of it.
    Kupe, 32
}

secret_key! {
    /// e2m_int_key, 32 octets: what UE and HSS make of CK and IK, and the key server of the operator (EMKS) keeps (seed 004).
    E2mIntKey, 32
}

secret_key! {
    /// e2m_key, 32 octets: the pre-shared key of a UE and one end point in an enterprise (EMSE) (seed 004).
    E2mKey, 32
}

secret_key! {
    /// KHSE, 32 octets: the key of a UE and its home security end point (TS 33.163).
    Khse, 32
}

secret_key! {
    /// Kc, 8 octets: the ciphering key of GSM and GPRS.
    Kc, 8
}

secret_key! {
    /// KNASenc, KNASint, KRRCenc, KRRCint, KUPenc or KUP, 16 octets: the key of one algorithm.
    AlgorithmKey, 16
}

/// KUP, under which a UE and its UPE cipher packets: 21 octets on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpKey {
    /// Which of those that come of one KASME: 0 at first, then what the MME counts.
    pub update: u32,
    /// The ciphering algorithm that it is for.
    pub algorithm: AlgorithmId,
    /// The key.
    pub key: AlgorithmKey,
}

/// What one UPE hands to another about a UE: 29 octets on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpContext {
    /// The key in use.
    pub key: UpKey,
    /// The COUNTs that come next: uplink, downlink.
    pub counts: [u32; 2],
}

/// What one MME hands to another about the user plane of a UE: 25 octets on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpRelocation {
    /// The key in use.
    pub key: UpKey,
    /// The highest number of an update that was ever given for this KASME, also if it did not come into use.
    pub last_update: u32,
}
