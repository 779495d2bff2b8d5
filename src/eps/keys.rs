//! One type for each key of the EPS hierarchy (TS 33.401 clause 6.2).

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
    /// KNASenc, KNASint, KRRCenc, KRRCint or KUPenc, 16 octets: the key of one algorithm.
    AlgorithmKey, 16
}
